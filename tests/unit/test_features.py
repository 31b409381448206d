"""Features of persons: every one of a tiny store worked out by hand, windows against plain counts, outside witness."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import counted_county
import feature_store
import numpy as np
import pandas as pd
import pytest
import small_county
from feature_store import ALICE, BEA, CARL, DORA, EVE
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi import features, panel
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.features import windows
from ennakointi.features.persons import whole_months
from ennakointi.panel.population import age_band_labels
from ennakointi.periods import Quarter, day_number, month_index
from ennakointi.rules.feature_conditions import WINDOWS
from ennakointi.store import Store

LAST = Quarter(2021, 4)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The tiny store."""
    return feature_store.build(tmp_path_factory.mktemp("store"), feature_store.tables())


@pytest.fixture(scope="module")
def made(opened: Store, tmp_path_factory: pytest.TempPathFactory) -> features.Features:
    """Its features of 2021, with the employment register allowed."""
    settings = feature_store.parameters(employment="a permit")
    return features.build(opened, None, settings, tmp_path_factory.mktemp("features") / "features", LAST)


def of(made: features.Features, person: int, quarter: str = "2021Q4") -> Any:
    frame = made.read(quarter)
    return frame[frame["person"] == person].iloc[0]


def test_alice_in_the_last_quarter_is_as_worked_out_by_hand(made: features.Features) -> None:
    alice = of(made, ALICE)
    expected = {
        "state": "resident", "age": 71, "age_band": "65–74", "sex": "female", "language": "fi", "municipality": "398",
        "months_resident": 859, "days_resident_12m": 365,
        "contacts_3m": 2, "contacts_12m": 3, "contacts_24m": 4,
        "contacts_primary_care_3m": 1, "contacts_primary_care_12m": 1, "contacts_primary_care_24m": 2,
        "contacts_emergency_3m": 0, "contacts_emergency_12m": 1, "contacts_oral_health_12m": 0,
        "contacts_health_12m": 2, "contacts_social_12m": 1, "contacts_light_3m": 1, "contacts_basic_24m": 2,
        "contacts_heavy_12m": 1, "contacts_remote_12m": 1, "contacts_urgent_12m": 1, "contacts_physician_24m": 2,
        "contacts_primary_care_physician_12m": 0, "contacts_primary_care_physician_24m": 1,
        "contacts_out_of_hours_12m": 2, "contacts_out_of_hours_3m": 1, "contacts_home_3m": 1, "no_shows_3m": 1,
        "services_3m": 2, "services_12m": 3, "services_24m": 3, "units_3m": 2, "units_12m": 3, "units_24m": 3,
        "sectors_12m": 3, "level_3m": 2, "level_12m": 3, "continuity_24m": 0.5,
        "cost_eur_3m": 20 + 30 + 400 + 31 * 190, "cost_eur_12m": 20 + 30 + 250 + 1000 + 31 * 190,
        "cost_eur_24m": 20 + 30 + 250 + 1000 + 31 * 190 + 100, "cost_eur_round_the_clock_care_12m": 31 * 190,
        "cost_eur_emergency_12m": 250, "cost_eur_specialised_inpatient_12m": 1000,
        "bed_days_3m": 2, "bed_days_12m": 5, "stays_3m": 0, "stays_12m": 1,
        "medicines_3m": 1, "medicines_12m": 2, "medicines_24m": 2, "medicine_cost_eur_3m": 10.5,
        "medicine_cost_eur_12m": 25.5, "requests_3m": 1, "requests_12m": 2, "requests_24m": 3,
        "requests_redirected_12m": 1, "requests_unsolved_12m": 0, "requests_unsolved_24m": 1,
        "waiting": 1, "waiting_days": 213, "plan_24m": True,
        "condition_diabetes": True, "condition_hypertension": True, "condition_acute_injury": False,
        "condition_dementia": False, "condition_asthma": True, "conditions": 3,
        "status_home_care": True, "status_home_care_3m": True, "status_home_care_12m": True,
        "status_unemployed": False, "status_unemployed_3m": False, "status_unemployed_12m": True,
        "status_disability_service": False, "status_disability_service_12m": False,
    }  # fmt: skip
    assert {name: alice[name] for name in expected} == expected
    assert alice["remote_share_12m"] == pytest.approx(1 / 3)
    assert alice["urgent_share_12m"] == pytest.approx(1 / 3)


def test_earlier_quarters_see_what_was_known_then(made: features.Features) -> None:
    before = of(made, ALICE, "2021Q3")
    expected = {"contacts_3m": 0, "contacts_12m": 1, "cost_eur_3m": 600, "bed_days_3m": 3, "stays_3m": 1, "waiting": 1}
    expected |= {"waiting_days": 121, "status_home_care": False, "condition_acute_injury": True, "level_3m": 0}
    assert {name: before[name] for name in expected} == expected
    first = of(made, ALICE, "2021Q1")
    assert first["status_unemployed"]
    assert first["status_unemployed_3m"]
    assert not first["status_disability_service_3m"]
    assert first["status_disability_service_12m"]


def test_states_and_exposure(made: features.Features) -> None:
    last, third = made.read("2021Q4"), made.read("2021Q3")
    assert last["person"].tolist() == [ALICE, BEA, CARL, EVE]
    assert third["person"].tolist() == [ALICE, BEA, CARL, DORA]
    assert dict(zip(last["person"], last["state"])) == {
        ALICE: "resident",
        BEA: "resident",
        CARL: "died",
        EVE: "resident",
    }
    assert dict(zip(third["person"], third["state"]))[DORA] == "moved"
    assert last["days_resident_12m"].tolist() == [365, 139, 140, 60]
    assert last["months_resident"].tolist()[1:] == [4, 976, 1]
    assert last["age"].tolist() == [71, 31, 81, 0]


def test_somebody_without_any_event_has_zeros_and_unknown_shares(made: features.Features) -> None:
    bea = of(made, BEA)
    assert (
        bea["contacts_24m"] == bea["cost_eur_12m"] == bea["services_12m"] == bea["sectors_12m"] == bea["waiting"] == 0
    )
    assert np.isnan(bea["remote_share_12m"])
    assert np.isnan(bea["continuity_24m"])
    assert pd.isna(bea["language"])
    assert bea["municipality"] == "999", "a non-disclosure order hides the municipality"


def test_the_dead_keep_their_use_and_wait_no_longer(made: features.Features) -> None:
    carl, alive = of(made, CARL), of(made, CARL, "2021Q1")
    assert (carl["waiting"], carl["waiting_days"], alive["waiting"], alive["waiting_days"]) == (0, 0, 1, 89)
    assert carl["bed_days_12m"] == 3
    assert carl["cost_eur_12m"] == 500, "the ward's contact carries the care: its stay must not add to it"


def test_a_look_back_that_the_data_do_not_reach_is_unknown_not_empty(made: features.Features) -> None:
    assert made.read("2021Q3")["condition_diabetes"].isna().all()
    assert made.read("2021Q3")["conditions"].isna().all()
    assert not made.read("2021Q4")["condition_diabetes"].isna().any()
    assert "condition_diabetes" not in made.missing


def test_one_person_one_contact_and_no_other_table(tmp_path: Path) -> None:
    given = {name: feature_store.tables()[name].head(1) for name in ("persons", "contacts")}
    unsaid = ["urgency", "professional_id", "attendance", "unit", "profession"]
    given["contacts"] = given["contacts"].drop(columns=unsaid).assign(started_at=pd.Timestamp("2019-01-02"))
    alone = feature_store.build(tmp_path, given)
    made = features.build(alone, None, feature_store.parameters(1), tmp_path / "features", LAST)
    frame = made.read("2021Q4")
    assert len(frame) == 1
    assert frame["contacts_24m"].item() == frame["cost_eur_24m"].item() == 0
    reasons = {name: json.loads(reason) for name, reason in made.missing.items()}
    for name in ("bed_days_3m", "medicine_cost_eur_12m", "waiting_days", "plan_24m", "status_home_care", "conditions",
                 "sectors_12m", "units_24m", "continuity_24m", "urgent_share_12m", "no_shows_3m", "contacts_urgent_3m",
                 "contacts_physician_12m", "requests_24m", "group_all",
                 "contacts_out_of_hours_3m"):  # fmt: skip
        assert reasons[name]["message"], name
        assert frame[name].isna().all(), name
    assert reasons["bed_days_3m"]["values"] == {"tables": "stays"}
    assert not {"contacts_12m", "cost_eur_12m", "age", "contacts_home_3m"} & made.missing.keys()


def test_another_register_needs_a_legal_basis(opened: Store, made: features.Features, tmp_path: Path) -> None:
    without = features.build(opened, None, feature_store.parameters(1), tmp_path / "features", LAST)
    assert "employment" in without.missing["status_unemployed_12m"]
    assert "sectors_12m" in without.missing
    assert "status_home_care" not in without.missing
    assert without.read("2021Q4")["status_unemployed"].isna().all()
    assert without.definition != made.definition


def test_order_of_rows_changes_nothing(made: features.Features, tmp_path: Path) -> None:
    shuffled = {name: table.sample(frac=1, random_state=4) for name, table in feature_store.tables().items()}
    mixed = feature_store.build(tmp_path, shuffled)
    again = features.build(mixed, None, feature_store.parameters(1, employment="a permit"), tmp_path / "again", LAST)
    pd.testing.assert_frame_equal(made.read("2021Q4"), again.read("2021Q4"))
    assert again.definition == made.definition


def test_groups_are_those_of_the_last_month(opened: Store, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    month = month_index(2021, 11)
    runs = pd.DataFrame(
        [(0, ALICE, 0, 99999), (1, ALICE, month, 99999), (1, BEA, 0, month)],
        columns=["group", "person", "from_month", "to_month"],
    )
    since = {"all": 0, "older_people": month_index(2021, 7)}
    index: Any = small_county.memberships(tmp_path, runs, ("all", "older_people"), since)
    object.__setattr__(index, "missing", {"substance_use": '["why", {}]'})
    made = features.build(opened, index, feature_store.parameters(3), tmp_path / "features", LAST)
    told = {q: made.read(q).set_index("person")["group_older_people"] for q in made.quarters}
    assert told["2021Q4"].to_dict() == {ALICE: True, BEA: False, CARL: False, EVE: False}
    assert told["2021Q3"].to_dict() == {ALICE: False, BEA: True, CARL: False, DORA: False}
    assert told["2021Q2"].isna().all(), "the group cannot be told yet"
    assert made.missing["group_substance_use"] == '["why", {}]'


def test_reading_refuses_what_is_not_there(made: features.Features, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean 'contacts_emergency_12m'"):
        made.read("2021Q4", ["contacts_emergncy_12m"])
    with pytest.raises(ParameterError, match="2019Q1"):
        made.read("2019Q1")
    with pytest.raises(RunError, match="prepare"):
        features.open(tmp_path)
    assert list(made.read("2021Q4", ["age"]).columns) == ["person", "age"]
    assert list(made.read("2021Q4")["age_band"].cat.categories) == list(
        age_band_labels(small_county.shipped().panel.age_bands)
    )


def test_quarters_that_cannot_be_told_are_refused(opened: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has not ended"):
        features.build(opened, None, feature_store.parameters(), tmp_path / "features", Quarter(2022, 1))
    with pytest.raises(DataError, match="no whole quarter"):
        features.build(opened, None, feature_store.parameters(), tmp_path / "features", Quarter(2018, 4))
    assert not (tmp_path / "features").exists()


def test_a_failed_build_leaves_the_former_features(
    opened: Store, made: features.Features, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "features"
    shutil.copytree(made.folder, folder)
    monkeypatch.setattr(features.contacts, "values", lambda reading: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        features.build(opened, None, feature_store.parameters(2), folder, LAST)
    assert features.open(folder).quarters == made.quarters
    assert [path.name for path in tmp_path.iterdir()] == ["features"]


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [("2000-02-29", "2021-02-28", 251), ("2000-02-29", "2021-03-01", 252), ("2021-01-31", "2021-02-28", 0)],
)
def test_whole_months_follow_the_calendar(start: str, end: str, months: int) -> None:
    days = [np.array([day_number(pd.Timestamp(day).date())]) for day in (start, end)]
    assert whole_months(*days).tolist() == [months]


ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-4, 9)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([1, 4, 8]))
def test_windows_agree_with_plain_counting(rows: list[tuple[int, int, int]], width: int) -> None:
    shape = (10, 3)
    person, item, quarter = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    cells = windows.counted(person, quarter, shape)
    found = windows.summed(cells, width)
    different = windows.distinct(person, item, quarter, width, shape)
    times = Counter(rows)
    keys = np.array(sorted(times), np.int64).reshape(-1, 3)
    n = np.array([times[key] for key in sorted(times)], np.int64)
    squares = windows.squared(keys[:, 0], keys[:, 1], keys[:, 2], n, width, shape)
    for q in range(shape[0]):
        for p in range(shape[1]):
            seen = [i for who, i, when in rows if who == p and q - width < when <= q]
            inside = [when for who, _, when in rows if who == p and max(q - width, -1) < when <= q]
            assert found[q, p] == len(inside)
            assert different[q, p] == len(set(seen))
            assert squares[q, p] == sum(k * k for k in Counter(seen).values())


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> tuple[features.Features, counted_county.County]:
    """A small synthetic county's features of 2024, and the county."""
    known = counted_county.made(tmp_path_factory)
    told = counted_county.parameters()
    told = replace(told, features=told.features.model_copy(update={"quarters": 4}))
    folder = tmp_path_factory.mktemp("county") / "features"
    return features.build(known.opened, None, told, folder, Quarter(2024, 4)), known


@pytest.mark.slow
@counted_county.TOGETHER
def test_windows_of_a_county_add_up(county: tuple[features.Features, counted_county.County]) -> None:
    quarters = [county[0].read(quarter).set_index("person") for quarter in county[0].quarters]
    last = quarters[-1]
    for name in ("contacts", "contacts_primary_care", "contacts_remote", "no_shows", "cost_eur"):
        each = [frame[f"{name}_3m"].astype(float).reindex(last.index) for frame in quarters]
        threes = pd.concat(each, axis=1).sum(axis=1, skipna=False)
        everywhere = threes.notna()
        assert everywhere.mean() > 0.9
        np.testing.assert_allclose(threes[everywhere], last.loc[everywhere, f"{name}_12m"].astype(float), atol=1e-6)


@pytest.mark.slow
@counted_county.TOGETHER
def test_what_features_owe_each_other(county: tuple[features.Features, counted_county.County]) -> None:
    frame = county[0].read("2024Q4")
    services = list(small_county.shipped().services)
    for months in WINDOWS:
        contacts = frame[f"contacts_{months}m"].astype(int)
        each = frame[[f"contacts_{code}_{months}m" for code in services]].astype(int)
        assert (each.sum(axis=1) == contacts).all()
        assert ((each > 0).sum(axis=1) == frame[f"services_{months}m"]).all()
        assert (frame[f"contacts_health_{months}m"] + frame[f"contacts_social_{months}m"] == contacts).all()
        assert (frame[f"units_{months}m"] <= contacts).all()
    paid = frame[[f"cost_eur_{code}_12m" for code in services]].sum(axis=1)
    np.testing.assert_allclose(paid, frame["cost_eur_12m"], atol=1e-6)
    assert frame["remote_share_12m"].dropna().between(0, 1).all()
    assert frame["continuity_24m"].dropna().between(0, 1).all()
    assert frame["days_resident_12m"].between(1, 366).all()


@pytest.mark.slow
@counted_county.TOGETHER
def test_contacts_of_a_year_are_those_of_the_panels(county: tuple[features.Features, counted_county.County]) -> None:
    made, known = county
    volumes = panel.volumes(known.panels)
    year = volumes[volumes["year"] == 2024].set_index("service")
    frame = made.read("2024Q4")
    counted = {service: int(frame[f"contacts_{service}_12m"].astype(int).sum()) for service in year.index.drop("all")}
    assert counted == (year["contacts"] + year["uncovered"]).drop("all").astype(int).to_dict()
    assert sum(counted.values()) > 1000
