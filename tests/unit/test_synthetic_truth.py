"""The truth of the synthetic county agrees with its own tables, and its accounts balance exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import rules, synthetic
from ennakointi.errors import DataError, ParameterError
from ennakointi.synthetic.truth import months_to_clear

pytestmark = pytest.mark.xdist_group("synthetic_truth")  # its fixtures are dear: one worker makes them once
LAHTI = "398"  # covered from the first month to the last
LOSSES = ["lost_died", "lost_moved", "lost_not_needed", "lost_elsewhere"]
KEYS = ["target_group", "service", "municipality"]


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county of 3,000 with two groups besides everybody."""
    folder = tmp_path_factory.mktemp("truth") / "county"
    groups = {
        "older": rules.parse({"age": [75, None]}),
        "emergency_users": rules.parse({"contact": {"service": "emergency", "within_months": 12}}),
    }
    synthetic.make(folder, residents=3_000, seed=8, groups=groups)
    return folder


@pytest.fixture(scope="module")
def truth(county: Path) -> synthetic.Truth:
    return synthetic.truth(county)


@pytest.fixture(scope="module")
def contacts(county: Path) -> pd.DataFrame:
    """Attended contacts with the client, with the person's municipality and the month."""
    persons = pd.read_parquet(county / "persons.parquet").set_index("person_id")
    found = pd.read_parquet(county / "contacts")
    found = found[(found["attendance"] == "attended") & ~found["mode"].isin(["administrative", "professional"])]
    month = found["started_at"].dt.strftime("%Y-%m")
    return found.assign(month=month, municipality=found["person_id"].map(persons["municipality"]))


def totals(volumes: pd.DataFrame, group: str = "all") -> pd.DataFrame:
    return volumes[volumes["target_group"] == group]


def test_every_missed_contact_is_somewhere(truth: synthetic.Truth) -> None:
    volumes = truth.volumes
    flows = volumes.groupby(KEYS, observed=True)[["missed", "substituted", "returned", *LOSSES]].cumsum()
    explained = flows[["substituted", "returned", *LOSSES]].sum(axis=1)
    assert flows["missed"].sum() > 0
    assert (flows["missed"] == explained + volumes["postponed"] + volumes["hidden"]).all()
    assert (volumes[["postponed", "hidden", "structural_queue", "queue"]] >= 0).all(axis=None)


def test_the_difference_of_the_histories_is_explained_month_by_month(truth: synthetic.Truth) -> None:
    volumes = truth.volumes
    difference = volumes["counterfactual"] - volumes["actual"]
    explained = volumes["missed"] - volumes["returned"] - volumes["replacing"] + volumes["membership"]
    assert (difference == explained).all()
    assert (totals(volumes)["membership"] == 0).all()
    assert (totals(volumes, "older")["membership"].abs() <= totals(volumes, "older")["returned"] + 5).all()
    assert volumes["substituted"].sum() == volumes["replacing"].sum() > 0


def test_without_the_disruption_nothing_differs_before_it_and_much_in_it(truth: synthetic.Truth) -> None:
    everybody = totals(truth.volumes)
    before = everybody[everybody["month"].astype(str) < "2020-03"]
    assert (before["counterfactual"] == before["actual"]).all()
    first_wave = everybody[everybody["month"].astype(str).between("2020-03", "2020-08")]
    primary = first_wave[first_wave["service"] == "primary_care"]
    assert 0.15 < 1 - primary["actual"].sum() / primary["counterfactual"].sum() < 0.35


def test_actual_volumes_are_those_of_the_register_in_covered_cells(
    truth: synthetic.Truth, contacts: pd.DataFrame
) -> None:
    everybody = totals(truth.volumes)
    incomplete = everybody["month"].isin(["2023-01", "2023-02"])
    cells = everybody[everybody["covered"] & ~incomplete].set_index(["service", "municipality", "month"])["actual"]
    counted = contacts.groupby(["service", "municipality", "month"]).size()
    assert cells.sum() > 100_000
    assert (cells == counted.reindex(cells.index).fillna(0)).all()


def test_a_group_defined_by_care_is_counted_on_what_the_register_held(
    truth: synthetic.Truth, contacts: pd.DataFrame
) -> None:
    here = contacts[contacts["municipality"] == LAHTI]
    recent = here[(here["service"] == "emergency") & here["month"].between("2018-06", "2019-05")]["person_id"]
    june = here[(here["month"] == "2019-06") & here["person_id"].isin(recent)]
    cells = totals(truth.volumes, "emergency_users")
    cells = cells[(cells["municipality"] == LAHTI) & (cells["month"] == "2019-06")]
    assert len(june) > 20
    assert cells["actual"].sum() == len(june)


def test_a_group_defined_by_care_shrinks_with_the_care(truth: synthetic.Truth) -> None:
    group = totals(truth.volumes, "emergency_users")
    year = group[group["month"].astype(str).str.startswith("2021")]
    assert year["membership"].sum() > 0


def test_the_queue_is_that_of_the_referrals(county: Path, truth: synthetic.Truth) -> None:
    persons = pd.read_parquet(county / "persons.parquet").set_index("person_id")
    referrals = pd.read_parquet(county / "referrals.parquet")
    here = referrals[referrals["person_id"].map(persons["municipality"]) == LAHTI]
    received, closed = pd.to_datetime(here["received_on"]), pd.to_datetime(here["closed_on"])
    everybody = totals(truth.volumes)
    for month in ("2016-04", "2019-12", "2021-05", "2025-09"):
        end = pd.Period(month).end_time.normalize()
        waiting = here[(received <= end) & ~(closed <= end)].groupby("service").size()
        cells = everybody[(everybody["municipality"] == LAHTI) & (everybody["month"] == month)]
        told = cells.set_index("service")["queue"]
        assert told.sum() > 50
        assert (told == waiting.reindex(told.index).fillna(0)).all(), month


def test_the_queue_of_2019_is_structural_and_that_of_2021_is_not(truth: synthetic.Truth) -> None:
    at_end = totals(truth.volumes).groupby("month", observed=True)[["queue", "structural_queue"]].sum()
    assert at_end.loc["2019-12", "queue"] == at_end.loc["2019-12", "structural_queue"] > 0
    assert at_end.loc["2021-12", "queue"] > 1.2 * at_end.loc["2021-12", "structural_queue"]


def test_waits_know_the_end_of_open_ones(county: Path, truth: synthetic.Truth) -> None:
    waits = truth.waits
    known = waits.dropna(subset="referral_id").set_index("referral_id")
    referrals = pd.read_parquet(county / "referrals.parquet").set_index("referral_id")
    assert sorted(known.index) == sorted(referrals.index)
    closed = referrals["closed_on"].dropna()
    assert (pd.to_datetime(closed) == known.loc[closed.index, "ended_on"]).all()
    still = known.loc[referrals.index[referrals["closed_on"].isna()]]
    assert still["open"].all()
    assert (still["ended_on"].dropna() > pd.Timestamp("2025-09-30")).all()
    assert still["exit"].eq("started").mean() > 0.8


def test_hidden_persons_are_the_hidden_stock(truth: synthetic.Truth) -> None:
    last = totals(truth.volumes)
    last = last[last["month"] == "2025-09"]
    open_ones = truth.hidden_persons[truth.hidden_persons["end"] == "open"]
    assert open_ones["until"].isna().all()
    assert len(open_ones) == last["hidden"].sum() > 0


def test_users_of_the_disruption_are_those_of_the_register_and_of_the_hidden_needs(
    county: Path, truth: synthetic.Truth, contacts: pd.DataFrame
) -> None:
    """In Lahti, whose register holds everything, of those who lived there from March 2020 to the end of 2021."""
    persons = pd.read_parquet(county / "persons.parquet").set_index("person_id")
    persons = persons[persons["municipality"] == LAHTI]
    start, end = pd.Timestamp("2020-03-01"), pd.Timestamp("2021-12-31")
    dates = {
        name: pd.to_datetime(persons[name]) for name in ("birth_date", "resident_from", "resident_to", "death_date")
    }
    here = (dates["birth_date"] <= start) & ~(dates["resident_from"] > start)
    stayed = persons.index[here & ~(dates["resident_to"] < end) & ~(dates["death_date"] < end)]
    users = truth.users[(truth.users["target_group"] == "all") & (truth.users["municipality"] == LAHTI)]
    users = users.set_index(users["service"].astype(str))
    assert (users["persons"] == len(stayed)).all()
    seen = contacts[contacts["person_id"].isin(stayed) & contacts["month"].between("2020-03", "2021-12")]
    came = seen.groupby("service", observed=True)["person_id"].nunique()
    came["all"] = seen["person_id"].nunique()
    assert users["users_with"].to_dict() == came.reindex(users.index, fill_value=0).to_dict()
    needs = truth.hidden_persons
    still = needs["since"].between(start, end) & ~(needs["until"] <= end) & needs["person_id"].isin(stayed)
    hidden = needs[still].groupby("service", observed=True)["person_id"].nunique()
    hidden["all"] = needs[still]["person_id"].nunique()
    assert users["hidden_persons"].to_dict() == hidden.reindex(users.index, fill_value=0).to_dict()
    assert (users["absent"] >= users["users_without"] - users["users_with"]).all()
    assert 0 < users.loc["all", "absent"] < users.loc["oral_health", "absent"]


def test_occupied_beds_are_those_of_the_stays(county: Path, truth: synthetic.Truth) -> None:
    stays = pd.read_parquet(county / "stays.parquet")
    for day in ("2018-03-10", "2024-11-30"):
        end = pd.Timestamp(day)
        inside = (stays["admitted_at"].dt.normalize() <= end) & ~(stays["discharged_at"].dt.normalize() <= end)
        told = truth.occupancy[truth.occupancy["date"] == end].set_index("service")["beds_held"]
        assert told.sum() > 0
        counted = stays[inside].groupby("service").size().reindex(told.index).fillna(0)
        assert (told == counted).all()


def test_planted_effects_are_realised_and_the_null_one_is_null(truth: synthetic.Truth) -> None:
    effects = truth.effects
    assert set(effects["intervention"]) == {"team_model", "outreach_elderly", "heavy_user_coaching"}
    for row in effects.itertuples():
        contacts, size = row.contacts_without, abs(row.relative_effect)
        realised = abs(row.realised_difference_per_100_py) * row.person_years / 100
        assert abs(realised - size * contacts) <= 4 * np.sqrt(contacts * size * (1 - size)) + 1e-6, row
    null = effects[effects["intervention"] == "heavy_user_coaching"]
    assert (null["realised_difference_per_100_py"] == 0).all()
    team = effects[effects["intervention"] == "team_model"]
    assert (team["expected_difference_per_100_py"] < -1).all()


def test_everyone_coached_had_ten_observed_contacts_in_the_year_before(county: Path, contacts: pd.DataFrame) -> None:
    enrolled = pd.read_parquet(county / "enrolments.parquet")
    enrolled = enrolled[enrolled["intervention"] == "heavy_user_coaching"]
    assert len(enrolled) > 20
    counted = contacts[contacts["service"].isin(["primary_care", "emergency"])]
    start = counted["person_id"].map(enrolled.set_index("person_id")["enrolled_on"])
    first = pd.to_datetime(start).dt.to_period("M").dt.to_timestamp()
    recent = (counted["started_at"] < first) & (counted["started_at"] >= first - pd.DateOffset(months=12))
    assert counted[recent].groupby("person_id").size().reindex(enrolled["person_id"]).min() >= 9  # one may be lost


def test_outreach_reaches_older_people_without_home_care(county: Path) -> None:
    enrolled = pd.read_parquet(county / "enrolments.parquet")
    enrolled = enrolled[enrolled["intervention"] == "outreach_elderly"].set_index("person_id")
    persons = pd.read_parquet(county / "persons.parquet").set_index("person_id").loc[enrolled.index]
    age_days = pd.to_datetime(enrolled["enrolled_on"]) - pd.to_datetime(persons["birth_date"])
    assert len(enrolled) > 20
    assert age_days.min().days >= 75 * 365.24
    care = pd.read_parquet(county / "statuses.parquet")
    care = care[care["status"].isin(["home_care", "round_the_clock_care"]) & care["person_id"].isin(enrolled.index)]
    wave = pd.to_datetime(care["person_id"].map(enrolled["enrolled_on"])).dt.to_period("M").dt.to_timestamp()
    start, end = pd.to_datetime(care["start_date"]), pd.to_datetime(care["end_date"])
    assert not ((start <= wave) & ~(end < wave)).any()


def test_risks_are_calibrated_to_what_happened(truth: synthetic.Truth, contacts: pd.DataFrame) -> None:
    risks = truth.risks[truth.risks["day"] == truth.risks["day"].min()]
    after = contacts[(contacts["started_at"] >= "2024-10-01") & (contacts["started_at"] < "2025-10-01")]
    inpatient = risks[risks["outcome"] == "inpatient"].set_index("person_id")["risk"]
    happened = inpatient.index.isin(after[after["service"] == "specialised_inpatient"]["person_id"])
    spread = np.sqrt((inpatient * (1 - inpatient)).sum())
    assert abs(happened.sum() - inpatient.sum()) < 4 * spread
    high = inpatient > inpatient.quantile(0.9)
    assert happened[high].mean() > 3 * happened[~high].mean()


@pytest.mark.parametrize(
    ("outcome", "service", "at_least"), [("emergency", "emergency", 1), ("frequent_emergency", "emergency", 3)]
)
def test_risks_of_contacts_sum_to_what_happened(
    truth: synthetic.Truth, contacts: pd.DataFrame, outcome: str, service: str, at_least: int
) -> None:
    risks = truth.risks[truth.risks["day"] == truth.risks["day"].min()]
    after = contacts[(contacts["started_at"] >= "2024-10-01") & (contacts["started_at"] < "2025-10-01")]
    counted = after[after["service"] == service].groupby("person_id").size()
    chance = risks[risks["outcome"] == outcome].set_index("person_id")["risk"]
    happened = (counted.reindex(chance.index).fillna(0) >= at_least).sum()
    assert abs(happened - chance.sum()) < 4 * np.sqrt((chance * (1 - chance)).sum()) + 0.05 * chance.sum()


@pytest.mark.parametrize("state", ["home_care", "round_the_clock_care"])
def test_lasting_states_begin_as_often_as_their_risks_say(county: Path, truth: synthetic.Truth, state: str) -> None:
    risks = truth.risks[truth.risks["day"] == truth.risks["day"].min()]
    chance = risks[risks["outcome"] == state].set_index("person_id")["risk"]
    spells = pd.read_parquet(county / "statuses.parquet").query("status == @state")
    start = pd.to_datetime(spells["start_date"])
    inside = spells[(start <= "2024-09-30") & ~(pd.to_datetime(spells["end_date"]) <= "2024-09-30")]
    began = spells[(start > "2024-09-30") & (start <= "2025-09-30")]
    assert not chance.index.isin(inside["person_id"]).any()
    assert chance.sum() > 0
    assert abs(began["person_id"].isin(chance.index).sum() - chance.sum()) < 4 * np.sqrt(chance.sum()) + 2


def test_the_best_class_is_bayes_and_beats_the_most_frequent_one(truth: synthetic.Truth) -> None:
    classes = truth.classes
    right = (classes["best_class"].astype(str) == classes["latent_class"].astype(str)).mean()
    assert right > classes["latent_class"].value_counts(normalize=True).max() + 0.05
    assert right == pytest.approx(classes["best_probability"].mean(), abs=0.03)


def test_clearing_by_hand() -> None:
    assert months_to_clear(100, 0, 10, 0, 0, 0) == 10
    assert months_to_clear(30, 30, 10, 0, 0, 0) == 6
    assert months_to_clear(100, 0, 0, 0.5, 0, 0) == 7  # 100 / 2^7 < 1
    assert months_to_clear(100, 0, 0, 0, 0, 0) is None
    assert months_to_clear(0, 0, 0, 0, 0, 0) == 0


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not made by the synthetic county"):
        synthetic.truth(tmp_path)


def made(folder: Path, **switches: object) -> synthetic.Truth:
    settings = synthetic.SyntheticSettings(**switches)  # type: ignore[arg-type]
    synthetic.make(folder, residents=1_000, seed=2, settings=settings)
    return synthetic.truth(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> synthetic.Truth:
    return made(tmp_path_factory.mktemp("plain") / "county")


def test_without_a_disruption_the_histories_are_one(tmp_path: Path) -> None:
    found = made(tmp_path / "county", disruption=False)
    volumes, users = found.volumes, found.users
    assert (volumes["counterfactual"] == volumes["actual"]).all()
    assert volumes["missed"].sum() == 0
    assert (users["users_without"] == users["users_with"]).all()
    assert users["absent"].sum() == users["hidden_persons"].sum() == 0


def test_private_leakage_takes_needs_out_of_the_data(tmp_path: Path, plain: synthetic.Truth) -> None:
    leaking = made(tmp_path / "county", private_leakage=0.4).volumes.sum(numeric_only=True)
    usual = plain.volumes.sum(numeric_only=True)
    assert usual["lost_elsewhere"] == 0
    assert leaking["missed"] == usual["missed"]
    assert leaking["lost_elsewhere"] > 0.2 * leaking["missed"]
    assert leaking["returned"] < 0.75 * usual["returned"]


def test_a_waning_return_comes_early(tmp_path: Path, plain: synthetic.Truth) -> None:
    def early(truth: synthetic.Truth) -> float:
        by_month = truth.volumes.groupby("month", observed=True)["returned"].sum()
        return float(by_month[by_month.index.astype(str) < "2022-01"].sum() / by_month.sum())

    assert early(made(tmp_path / "county", waning_return=True)) > early(plain) + 0.1


def test_an_undeclared_coding_break_changes_the_register_and_not_the_truth(
    tmp_path: Path, plain: synthetic.Truth
) -> None:
    broken = made(tmp_path / "county", coding_break="2022-03")
    pd.testing.assert_frame_equal(broken.volumes, plain.volumes)

    def recorded(truth: synthetic.Truth, since: str, until: str) -> int:
        contacts = pd.read_parquet(truth.folder.parent / "contacts", columns=["service", "started_at"])
        inside = (contacts["started_at"] >= since) & (contacts["started_at"] < until)
        return int((contacts[inside]["service"] == "mental_health").sum())

    after = recorded(broken, "2022-03-01", "2024-03-01") / recorded(plain, "2022-03-01", "2024-03-01")
    before = recorded(broken, "2020-03-01", "2022-03-01") / recorded(plain, "2020-03-01", "2022-03-01")
    assert 0.6 < after < 0.8
    assert 0.95 < before < 1.05


@pytest.mark.parametrize("switches", [{"private_leakage": 1.5}, {"coding_break": "March 2022"}])
def test_impossible_switches_are_refused(switches: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        synthetic.SyntheticSettings(**switches)  # type: ignore[arg-type]
