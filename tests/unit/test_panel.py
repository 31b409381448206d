"""A panel of six persons, worked by hand, and what the panel says of gaps, coverage and breaks."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import panel, store
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.parameters.documents import Break
from ennakointi.periods import month_index

pytestmark = pytest.mark.xdist_group("panel")  # its fixtures are dear: one worker makes them once

JAN, JUN = month_index(2019, 1), month_index(2019, 6)
LAHTI, HEINOLA, UNKNOWN = "398", "111", "999"

PERSONS = pd.DataFrame(
    [
        # born, sex, municipality, resident from, to, died, non-disclosure
        ("a", date(1950, 6, 15), "female", LAHTI, None, None, None, False),
        ("b", date(2012, 1, 1), "male", LAHTI, None, None, None, True),
        ("c", date(1980, 3, 3), "female", HEINOLA, date(2019, 2, 11), None, None, False),
        ("d", date(2019, 5, 20), "male", HEINOLA, None, None, None, False),
        ("e", date(1990, 1, 1), "female", LAHTI, None, date(2019, 4, 30), None, False),
        ("f", date(1934, 1, 2), "male", HEINOLA, None, None, date(2019, 3, 10), False),
    ],
    columns=[
        *("person_id", "birth_date", "sex", "municipality"),
        *("resident_from", "resident_to", "death_date", "non_disclosure"),
    ],
)
CONTACTS = pd.DataFrame(
    [
        ("a", "2019-01-05 09:00", "primary_care", "in_person", "attended", 50.10),
        ("a", "2019-01-06 09:00", "primary_care", "phone", None, 20.05),
        ("a", "2019-01-07 09:00", "oral_health", "in_person", None, 100.0),
        ("a", "2019-03-05 09:00", "primary_care", "in_person", "no_show", 50.0),
        ("a", "2019-04-05 09:00", "primary_care", "administrative", None, 5.0),
        ("a", "2019-06-05 09:00", "oral_health", "in_person", None, 80.0),
        ("b", "2019-02-01 09:00", "primary_care", "in_person", None, None),
        ("c", "2019-03-01 09:00", "primary_care", "phone", None, 15.0),
        ("d", "2019-06-01 09:00", "primary_care", "home", None, 45.0),
        ("e", "2019-04-30 09:00", "primary_care", "in_person", None, 50.0),
        ("e", "2019-06-01 09:00", "primary_care", "in_person", None, 50.0),  # has moved away
        ("f", "2019-01-31 09:00", "primary_care", "in_person", None, 50.0),  # not covered
        ("f", "2019-02-01 09:00", "primary_care", "in_person", None, 50.0),
        ("f", "2019-03-01 09:00", "oral_health", "in_person", None, 99.0),
    ],
    columns=["person_id", "started_at", "service", "mode", "attendance", "cost_eur"],
).assign(contact_id=range(14), started_at=lambda rows: pd.to_datetime(rows["started_at"]))
REFERRALS = pd.DataFrame(
    [
        ("a", "oral_health", date(2019, 1, 20), date(2019, 3, 31), None),
        ("a", "oral_health", date(2019, 1, 31), None, date(2019, 5, 1)),
        ("c", "oral_health", date(2019, 2, 28), None, None),
        ("e", "oral_health", date(2019, 1, 2), date(2019, 1, 30), None),
        ("f", "oral_health", date(2019, 1, 10), None, None),
    ],
    columns=["person_id", "service", "received_on", "started_on", "closed_on"],
).assign(referral_id=range(5))
COVERAGE = pd.DataFrame(
    [(HEINOLA, "primary_care", month, None, "complete") for month in pd.period_range("2019-02", "2019-06", freq="M")]
    + [
        (HEINOLA, "primary_care", "2019-01", None, "none"),
        *((LAHTI, "oral_health", f"2019-0{m}", "own", "complete") for m in range(1, 7)),
        *((LAHTI, "oral_health", f"2019-0{m}", "purchased", "partial" if m == 3 else "complete") for m in range(1, 7)),
    ],
    columns=["municipality", "service", "month", "provider", "status"],
).assign(month=lambda rows: rows["month"].astype(str))

HAND_WORKED = [
    # service, municipality, age band, sex, month, contacts, persons, cost_eur
    ("primary_care", LAHTI, "65–74", "female", JAN, 2, 1, 70.15),
    ("primary_care", LAHTI, "23–29", "female", JAN + 3, 1, 1, 50.0),
    ("primary_care", HEINOLA, "0–6", "male", JUN, 1, 1, 45.0),
    ("primary_care", HEINOLA, "30–44", "female", JAN + 2, 1, 1, 15.0),
    ("primary_care", HEINOLA, "85+", "male", JAN + 1, 1, 1, 50.0),
    ("primary_care", UNKNOWN, "7–17", "male", JAN + 1, 1, 1, 0.0),
    ("oral_health", LAHTI, "65–74", "female", JAN, 1, 1, 100.0),
    ("oral_health", LAHTI, "65–74", "female", JUN, 1, 1, 80.0),
    ("oral_health", HEINOLA, "85+", "male", JAN + 2, 1, 1, 99.0),
]
PERSON_DAYS = {
    # persons a, b, c, d, e, f
    JAN: [31, 31, 0, 0, 31, 31],
    JAN + 1: [28, 28, 18, 0, 28, 28],
    JAN + 2: [31, 31, 31, 0, 31, 10],
    JAN + 3: [30, 30, 30, 0, 30, 0],
    JAN + 4: [31, 31, 31, 12, 0, 0],
    JUN: [30, 30, 30, 30, 0, 0],
}
BREAK = {
    "id": "b",
    "month": "2019-03",
    "label": {"fi": "x", "sv": "x", "en": "x"},
    "regions": ["paijat-hame"],
    "kind": "law",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[store.Store, Path]:
    folder = tmp_path_factory.mktemp("panel")
    tables = {"persons": PERSONS, "contacts": CONTACTS, "referrals": REFERRALS, "coverage": COVERAGE}
    opened = small_county.build_store(folder, date(2019, 7, 15), **tables)
    runs = pd.DataFrame(
        [
            *((0, person, JAN, JUN) for person in range(6)),
            (1, 0, JAN, JAN + 1),
            (1, 0, JAN + 5, JUN),
            (1, 2, JAN, JUN),
        ],
        columns=["group", "person", "from_month", "to_month"],
    )
    groups = small_county.memberships(folder, runs, ["all", "a_and_c"], {"all": JAN, "a_and_c": JAN + 1})
    panel.build(opened, groups, small_county.parameters(), opened.folder.parent / "panels")
    return opened, opened.folder.parent / "panels"


@pytest.fixture
def everyone(built: tuple[store.Store, Path]) -> panel.Panel:
    return panel.open(built[1], "all")


def test_counts_are_those_worked_by_hand(everyone: panel.Panel) -> None:
    found = sorted(tuple(row) for row in everyone.counts[list(everyone.counts.columns)].to_numpy(object))
    columns = ["service", "municipality", "age_band", "sex", "month", "contacts", "persons", "cost_eur"]
    assert list(everyone.counts.columns) == columns
    assert found == sorted(HAND_WORKED)


def test_person_time_sums_to_resident_days(everyone: panel.Panel) -> None:
    days = everyone.person_time.groupby("month")["member_py"].sum() * 365.25
    assert days.round(6).to_dict() == {month: sum(each) for month, each in PERSON_DAYS.items()}
    assert everyone.person_time["member_py"].equals(everyone.person_time["resident_py"])


def test_person_time_moves_to_the_next_age_band_with_the_birthday(everyone: panel.Panel) -> None:
    rows = everyone.person_time[everyone.person_time["sex"] == "male"]
    heinola = rows[(rows["municipality"] == HEINOLA) & (rows["member_py"] > 0)]
    days = {
        (band, month): round(py * 365.25) for band, month, py in heinola[["age_band", "month", "member_py"]].to_numpy()
    }
    assert days == {
        ("75–84", JAN): 31,  # f is 84 on 1 January, 85 on 1 February
        ("85+", JAN + 1): 28,
        ("85+", JAN + 2): 10,
        ("0–6", JAN + 4): 12,
        ("0–6", JUN): 30,
    }


def test_a_group_has_its_members_time_and_contacts_only(built: tuple[store.Store, Path]) -> None:
    found = panel.open(built[1], "a_and_c")
    assert found.available_from == JAN + 1
    assert (
        found.counts[["service", "month", "contacts"]].to_numpy(object).tolist()
        == [
            ["primary_care", JAN + 2, 1],
            ["oral_health", JUN, 1],
        ]
        or found.counts["contacts"].sum() == 2
    )
    member = found.person_time.groupby("month")["member_py"].sum() * 365.25
    assert member.round(6).to_dict() == {JAN + 1: 46, JAN + 2: 31, JAN + 3: 30, JAN + 4: 31, JUN: 60}
    resident = found.person_time.groupby("month")["resident_py"].sum() * 365.25
    assert resident.round(6).to_dict() == {month: sum(PERSON_DAYS[month]) for month in range(JAN + 1, JUN + 1)}


def test_a_series_is_missing_not_zero_before_the_group_can_be_told(built: tuple[store.Store, Path]) -> None:
    series = panel.open(built[1], "a_and_c").series("primary_care").set_index("month")
    assert series.loc[JAN].isna().all()
    assert series.loc[JAN + 1, "contacts"] == 0
    assert series.loc[JAN + 2, "contacts"] == 1


def test_a_series_has_zero_where_covered_and_gaps_where_not(everyone: panel.Panel) -> None:
    heinola = everyone.series("primary_care", [HEINOLA]).set_index("month")
    assert heinola["contacts"].tolist()[1:] == [1, 1, 0, 0, 1]
    assert np.isnan(heinola.loc[JAN, ["contacts", "persons", "cost_eur", "member_py"]].to_numpy(float)).all()
    assert heinola["covered_share"].tolist() == [0, 1, 1, 1, 1, 1]
    county = everyone.series("primary_care").set_index("month")
    assert county["covered_share"][JAN] == pytest.approx(93 / 124)
    assert county["member_py"][JAN] * 365.25 == pytest.approx(93)
    assert county["contacts"].tolist() == [2, 2, 1, 1, 0, 1]


def test_a_cell_is_covered_when_every_provider_is_complete(everyone: panel.Panel) -> None:
    rows = everyone.coverage[(everyone.coverage["service"] == "oral_health") & ~everyone.coverage["covered"]]
    assert rows[["municipality", "month"]].to_numpy(object).tolist() == [[LAHTI, JAN + 2]]


def test_persons_of_all_services_are_counted_once(everyone: panel.Panel) -> None:
    together = everyone.series("all").set_index("month")
    assert together.loc[JAN, ["contacts", "persons"]].tolist() == [3, 1]  # a: 2 + 1 contacts; Heinola is out
    both = everyone.series(["primary_care", "oral_health"]).set_index("month")
    assert both.loc[JAN, ["contacts", "persons"]].tolist() == [3, 1]
    assert both["contacts"].equals(together["contacts"])


def test_the_queue_holds_who_waits_at_the_months_end(everyone: panel.Panel) -> None:
    rows = everyone.queue[["municipality", "month", "waiting", "persons"]].to_numpy(object).tolist()
    expected = [
        [LAHTI, JAN, 2, 1],
        [LAHTI, JAN + 1, 2, 1],
        [LAHTI, JAN + 2, 1, 1],  # one of the two started on the month's last day
        [LAHTI, JAN + 3, 1, 1],
        [HEINOLA, JAN, 1, 1],
        [HEINOLA, JAN + 1, 2, 2],
        *([HEINOLA, month, 1, 1] for month in range(JAN + 2, JUN + 1)),  # f has died
    ]
    assert sorted(rows) == sorted(expected)


def test_the_flows_of_the_queue_by_months_waited(everyone: panel.Panel) -> None:
    """a started in March and left in May, e started in the month of receipt, f died in March, c waits on."""
    flows = everyone.queue_flows[["municipality", "month", "waited", "waiting", "started", "left"]]
    expected = [
        [LAHTI, JAN, 0, 2, 1, 0],
        [LAHTI, JAN + 1, 1, 2, 0, 0],
        [LAHTI, JAN + 2, 2, 1, 1, 0],
        [LAHTI, JAN + 3, 3, 1, 0, 0],
        [LAHTI, JAN + 4, 4, 0, 0, 1],
        *([HEINOLA, JAN + w, w, 1, 0, 0] for w in (0, 1)),
        [HEINOLA, JAN + 2, 2, 0, 0, 1],
        *([HEINOLA, JAN + 1 + w, w, 1, 0, 0] for w in range(5)),
    ]
    assert sorted(flows.to_numpy(object).tolist()) == sorted(expected)


def test_areas_of_constant_coverage(everyone: panel.Panel) -> None:
    assert set(everyone.areas("primary_care", JAN, JUN)) == {LAHTI, UNKNOWN}
    assert set(everyone.areas("primary_care", JAN + 1, JUN)) == {LAHTI, HEINOLA, UNKNOWN}


def test_volumes_are_of_residents_in_covered_cells(built: tuple[store.Store, Path]) -> None:
    table = panel.volumes(built[1]).set_index("service")
    assert table.loc["primary_care", ["year", "contacts", "cost_eur", "n_persons"]].tolist() == [
        2019,
        7,
        230.15,
        6,
    ]
    assert table.loc["oral_health", ["contacts", "cost_eur", "n_persons"]].tolist() == [3, 279.0, 2]
    assert table.loc["all", ["contacts", "cost_eur", "n_persons"]].tolist() == [10, 509.15, 6]
    assert table["uncovered"].to_dict() == {"primary_care": 1, "oral_health": 0, "all": 1}  # f in January
    days = sum(map(sum, PERSON_DAYS.values()))
    assert table.loc["primary_care", "covered_share"] == pytest.approx(1 - 31 / days)


def test_months_run_to_the_last_contact_and_never_past_the_last_whole_month(tmp_path: Path) -> None:
    tables = {"persons": PERSONS, "contacts": CONTACTS}
    opened = small_county.build_store(tmp_path, date(2019, 5, 15), **tables)
    groups = small_county.memberships(tmp_path, small_county.everybody(6, JAN, JUN), ["all"], {"all": JAN})
    known = Break.model_validate({**BREAK, "treatment": "stop"})
    panel.build(opened, groups, small_county.parameters(breaks={"b": known}), tmp_path / "work" / "panels")
    found = panel.open(tmp_path / "work" / "panels", "all")
    assert found.breaks == (known,)
    assert (found.first_month, found.last_month) == (JAN, JAN + 3)
    assert found.counts["month"].max() == JAN + 3
    assert found.queue.empty
    assert found.queue_flows.empty


def test_contacts_without_a_whole_month_are_refused(tmp_path: Path) -> None:
    opened = small_county.build_store(tmp_path, date(2019, 1, 30), persons=PERSONS, contacts=CONTACTS)
    groups = small_county.memberships(tmp_path, small_county.everybody(6, JAN, JAN), ["all"], {"all": JAN})
    with pytest.raises(DataError, match=r"no whole month of contacts before 2019-01-30.*2019-01"):
        panel.build(opened, groups, small_county.parameters(), tmp_path / "work" / "panels")


def test_person_months_keep_provider_and_channel(built: tuple[store.Store, Path]) -> None:
    months = pd.concat(map(pd.read_parquet, sorted((built[1] / "person_months").glob("*.parquet"))))
    of_a = months[(months["person"] == 0) & (months["month"] == JAN)].sort_values(["service", "remote"])
    assert of_a[["n", "cost_eur"]].to_numpy().tolist() == [[1, 50.1], [1, 20.05], [1, 100.0]]
    assert of_a["remote"].tolist() == [False, True, False]
    assert set(months["provider"]) == {-1}
    assert months["n"].sum() == 12


def test_panels_are_for_this_user_only(built: tuple[store.Store, Path]) -> None:
    for folder in [built[1], *(path for path in built[1].iterdir() if path.is_dir())]:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert not (built[1] / "parts").exists()


@pytest.mark.parametrize(
    ("treatment", "municipalities", "areas", "end"),
    [
        ("bridge", [HEINOLA], {LAHTI, HEINOLA, UNKNOWN}, JUN),
        ("re-base", [HEINOLA], {LAHTI, UNKNOWN}, JUN),
        ("re-base", [], set(), JUN),
        ("stop", [HEINOLA], {LAHTI, UNKNOWN}, JUN),
        ("stop", [], set(), JAN + 1),
    ],
)
def test_breaks_keep_areas_and_months_apart(
    everyone: panel.Panel, treatment: str, municipalities: list[str], areas: set[str], end: int
) -> None:
    known = Break.model_validate({**BREAK, "treatment": treatment, "municipalities": municipalities})
    found = replace(everyone, breaks=(known,))
    assert set(found.areas("primary_care", JAN + 1, JUN)) == areas
    assert set(found.areas("primary_care", JAN + 2, JUN)) == {
        LAHTI,
        HEINOLA,
        UNKNOWN,
    }  # does not span the break
    assert found.series_end("primary_care", JAN) == end
    assert found.series_end("primary_care", JAN + 2) == JUN


@pytest.mark.parametrize(("field", "value"), [("services", ["oral_health"]), ("groups", ["families"])])
def test_a_break_of_other_services_or_groups_is_none(everyone: panel.Panel, field: str, value: list[str]) -> None:
    known = Break.model_validate({**BREAK, "treatment": "stop", field: value})
    found = replace(everyone, breaks=(known,))
    assert set(found.areas("primary_care", JAN + 1, JUN)) == {LAHTI, HEINOLA, UNKNOWN}
    assert found.series_end("primary_care", JAN) == JUN


def test_an_unknown_group_and_an_unknown_service_are_named(
    built: tuple[store.Store, Path], everyone: panel.Panel
) -> None:
    with pytest.raises(ParameterError, match=r"'al': no panel.*'all'.*a_and_c"):
        panel.open(built[1], "al")
    with pytest.raises(ParameterError, match=r"'primary_car'.*'primary_care'"):
        everyone.series("primary_car")


def test_unfinished_panels_say_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no finished panels"):
        panel.open(tmp_path, "all")
