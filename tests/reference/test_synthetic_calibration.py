"""The synthetic Päijät-Häme has the size and shape of published figures; each band names its witness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import synthetic

pytestmark = pytest.mark.xdist_group("synthetic_calibration")  # its fixtures are dear: one worker makes them once
RESIDENTS = 10_000
COUNTY = 204_635  # inhabitants at the end of 2024 (Statistics Finland)
REMOTE = ("phone", "remote_realtime", "remote_async", "letter")


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration") / "county"
    synthetic.make(folder, residents=RESIDENTS, seed=20)
    return folder


@pytest.fixture(scope="module")
def contacts(county: Path) -> pd.DataFrame:
    """Attended contacts with the client."""
    columns = [
        "person_id",
        "started_at",
        "service",
        "mode",
        "profession",
        "urgency",
        "attendance",
        "need_assessed_at",
    ]
    found = pd.read_parquet(county / "contacts", columns=[*columns, "cost_eur"])
    return found[(found["attendance"] == "attended") & ~found["mode"].isin(["administrative", "professional"])]


@pytest.fixture(scope="module")
def volumes(county: Path) -> pd.DataFrame:
    frame = synthetic.truth(county).volumes
    return frame.assign(year=frame["month"].astype(str).str[:4].astype(int))


def of_year(contacts: pd.DataFrame, year: int, service: str | None = None) -> pd.DataFrame:
    chosen = contacts[contacts["started_at"].dt.year == year]
    return chosen if service is None else chosen[chosen["service"] == service]


def residents(county: Path, day: str) -> pd.DataFrame:
    persons = pd.read_parquet(county / "persons.parquet")
    born, start, end = (pd.to_datetime(persons[c]) for c in ("birth_date", "resident_from", "resident_to"))
    now = pd.Timestamp(day)
    here = (born <= now) & ~(start > now) & ~(end < now)
    return persons[here].assign(age=(now - born[here]).dt.days / 365.25)


def test_about_1_3_million_contacts_a_year_for_the_whole_county(volumes: pd.DataFrame) -> None:
    """THL: 37 M events of public primary care in 2024, 1.35 M scaled to the county."""
    a_year = volumes[volumes["year"] == 2024]["actual"].sum() / RESIDENTS * COUNTY
    assert 1.2e6 < a_year < 1.45e6


@pytest.mark.parametrize(
    ("service", "low", "high"),
    [
        ("primary_care", 0.45, 0.58),  # THL 2024: 2.9 M clients of open sick care, 52 % of the population
        ("oral_health", 0.3, 0.4),  # THL 2022: 34 % of the population in a year
        ("emergency", 0.1, 0.18),
    ],
)
def test_shares_of_users(county: Path, contacts: pd.DataFrame, service: str, low: float, high: float) -> None:
    users = of_year(contacts, 2024, service)["person_id"].nunique() / len(residents(county, "2024-06-30"))
    assert low < users < high


def test_emergency_contacts_of_adults(county: Path, contacts: pd.DataFrame) -> None:
    """Lääkärilehti 2024 e39429: 231 per 1,000 adult person-years in 2019; the register lacks Iitti then."""
    adults = residents(county, "2019-07-01").query("age >= 18 and municipality != '142'")
    seen = of_year(contacts, 2019, "emergency")["person_id"].isin(adults["person_id"]).sum()
    assert 0.19 < seen / len(adults) < 0.28


def test_remote_shares_grow_to_the_published_ones(contacts: pd.DataFrame) -> None:
    """THL: 45–50 % of open sick care is remote by 2024; it was about a third before 2020."""
    share = {year: of_year(contacts, year, "primary_care")["mode"].isin(REMOTE).mean() for year in (2014, 2019, 2024)}
    assert 0.2 < share[2014] < 0.3 < share[2019] < 0.4
    assert 0.45 <= share[2024] <= 0.5
    assert 0.24 < of_year(contacts, 2024)["mode"].isin(REMOTE).mean() < 0.34


def test_a_tenth_of_the_residents_has_most_of_the_cost(county: Path, contacts: pd.DataFrame) -> None:
    """Oulu (NHG): 81 % of the costs; here without medicines and bed days, which raise it."""
    costs = of_year(contacts, 2024).groupby("person_id")["cost_eur"].sum()
    top = costs.nlargest(len(residents(county, "2024-06-30")) // 10).sum() / costs.sum()
    assert 0.68 < top < 0.88


def test_the_queue_for_specialised_care(county: Path) -> None:
    """THL: 4,707 waited in the hospital district on 31.8.2022, with a somewhat larger population."""
    volumes = synthetic.truth(county).volumes
    specialised = volumes[volumes["service"].isin(["specialised_outpatient", "specialised_inpatient"])]
    waiting = specialised.groupby("month", observed=True)["queue"].sum() / RESIDENTS * COUNTY
    assert 3_500 < waiting["2022-08"] < 6_500
    assert 2_500 < waiting["2019-08"] < 0.85 * waiting["2022-08"]


@pytest.mark.parametrize(
    ("since", "until", "share"),
    [
        ("2022-03", "2022-07", 0.71),  # THL, spring 2022
        ("2023-01", "2023-08", 0.58),  # THL, 3/2023
        ("2024-01", "2024-12", 0.71),  # THL, 3/2024
        ("2025-01", "2025-10", 0.59),  # THL 2025, adults
    ],
)
def test_physicians_within_14_days_follow_the_law_dates(
    contacts: pd.DataFrame, since: str, until: str, share: float
) -> None:
    seen = contacts[
        contacts["need_assessed_at"].notna()
        & (contacts["profession"] == "physician")
        & (contacts["service"] == "primary_care")
        & (contacts["started_at"] >= since)
        & (contacts["started_at"] < until)
    ]
    days = (seen["started_at"].dt.normalize() - seen["need_assessed_at"].dt.normalize()).dt.days
    assert len(seen) > 300
    assert (days <= 14).mean() == pytest.approx(share, abs=0.06)


def test_stamps_are_missing_in_a_fifth_of_the_contacts_with_a_guarantee(contacts: pd.DataFrame) -> None:
    guaranteed = contacts[(contacts["service"] == "primary_care") & (contacts["urgency"] == "non_urgent")]
    assert 0.1 < guaranteed["need_assessed_at"].isna().mean() < 0.3


def test_cancellations(county: Path) -> None:
    attendance = pd.read_parquet(county / "contacts", columns=["attendance"])["attendance"]
    assert 0.03 < attendance.str.startswith("cancelled").mean() + attendance.eq("no_show").mean() < 0.06


def test_weekdays_of_primary_care(contacts: pd.DataFrame) -> None:
    """Avohilmo, Mon–Fri about 20/18/19/21/16 %, weekend about 4 %."""
    share = of_year(contacts, 2018, "primary_care")["started_at"].dt.dayofweek.value_counts(normalize=True)
    assert np.abs(share.sort_index().to_numpy() - [0.2, 0.18, 0.19, 0.21, 0.17, 0.02, 0.02]).max() < 0.025


def test_the_first_wave_took_a_quarter_of_primary_care(volumes: pd.DataFrame) -> None:
    """THL, in YLE 10/2020: −25 % from March to August 2020; Niemenoja 2024: about −15 % later."""
    primary = volumes[volumes["service"] == "primary_care"].groupby("month", observed=True)
    ratio = primary["actual"].sum() / primary["counterfactual"].sum()
    assert 1 - ratio["2020-03":"2020-08"].mean() == pytest.approx(0.25, abs=0.05)
    assert 1 - ratio["2020-10":"2021-04"].mean() == pytest.approx(0.15, abs=0.05)


@pytest.mark.parametrize(
    ("municipality", "year", "published"),
    [("398", 2014, 118_644), ("398", 2024, 121_337), ("111", 2019, 18_667), ("098", 2022, 22_943)],
)
def test_populations_of_municipalities(county: Path, municipality: str, year: int, published: int) -> None:
    """Statistics Finland, 31 December."""
    population = pd.read_parquet(county / "population.parquet")
    cell = population[(population["municipality"] == municipality) & (population["year"] == year)]
    assert cell["persons"].sum() / RESIDENTS * COUNTY == pytest.approx(published, rel=0.01)


def test_ages_of_lahti(county: Path) -> None:
    """Statistics Finland 2021: 0–17 17.4 %, 18–64 57.4 %, 65–84 22.3 %, 85+ 2.9 %."""
    lahti = residents(county, "2021-12-31").query("municipality == '398'")["age"]
    share = np.histogram(lahti, [0, 18, 65, 85, 130])[0] / len(lahti)
    assert np.abs(share - [0.174, 0.574, 0.223, 0.029]).max() < 0.02


def test_births_and_deaths_of_the_county(county: Path) -> None:
    """1,510 births in 2025 (the county); about 2,500 deaths a year."""
    persons = pd.read_parquet(county / "persons.parquet")
    births = pd.to_datetime(persons["birth_date"]).dt.year.between(2022, 2024).sum() / 3
    deaths = pd.to_datetime(persons["death_date"]).dt.year.between(2022, 2024).sum() / 3
    assert 1_350 < births / RESIDENTS * COUNTY < 2_100
    assert 2_000 < deaths / RESIDENTS * COUNTY < 3_000


@pytest.mark.parametrize(("status", "published"), [("home_care", 3_162), ("round_the_clock_care", 1_920)])
def test_clients_of_elderly_care(county: Path, status: str, published: int) -> None:
    """The county's own figures for 2024."""
    statuses = pd.read_parquet(county / "statuses.parquet").query("status == @status")
    now = pd.Timestamp("2024-06-30")
    start, end = pd.to_datetime(statuses["start_date"]), pd.to_datetime(statuses["end_date"])
    clients = ((start <= now) & ~(end < now)).sum() / RESIDENTS * COUNTY
    assert clients == pytest.approx(published, rel=0.3)


def test_coached_heavy_users_fall_by_a_third_though_nothing_was_done(county: Path, contacts: pd.DataFrame) -> None:
    """Persons chosen for many contacts fall 33–40 % without any intervention (gamma-Poisson counts)."""
    enrolled = pd.read_parquet(county / "enrolments.parquet").query("intervention == 'heavy_user_coaching'")
    persons = pd.read_parquet(county / "persons.parquet").set_index("person_id")
    start = pd.to_datetime(enrolled.set_index("person_id")["enrolled_on"])
    left = pd.to_datetime(persons.loc[start.index, "resident_to"])
    followed = start[(start + pd.Timedelta(days=365) <= "2025-09-30") & ~(left < start + pd.Timedelta(days=365))]
    counted = contacts[contacts["service"].isin(["primary_care", "emergency"])]
    days = (counted["started_at"] - counted["person_id"].map(followed)).dt.days
    before, after = days.between(-365, -1).sum(), days.between(0, 364).sum()
    assert len(followed) > 100
    assert 0.25 < 1 - after / before < 0.45
