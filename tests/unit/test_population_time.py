"""Person-time from the table population, where the source's persons are clients only."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import contract_tables
import counted_county
import numpy as np
import pandas as pd
import pytest

from ennakointi import debt, panel
from ennakointi.errors import DataError
from ennakointi.panel import population_time
from ennakointi.panel.axes import Axes
from ennakointi.periods import DAYS_PER_YEAR, month_index
from ennakointi.store import Store

pytestmark = counted_county.TOGETHER
REGION = frozenset({"398", "111"})
BOUNDS = (0, 65)


def people(year: int, persons: float, variant: str = "observed", **changed: object) -> dict[str, object]:
    row = {"year": year, "municipality": "398", "age": 70, "sex": "female", "persons": persons, "variant": variant}
    return {**row, **changed}


def store_of(folder: Path, *population: dict[str, object]) -> Store:
    """Three clients, of Lahti, Heinola and Helsinki, with a contact in March 2020 and one in June 2023."""
    persons = pd.DataFrame({"person_id": [1, 2, 3], "birth_date": date(1950, 1, 1), "sex": "female"})
    persons["municipality"] = ["398", "111", "091"]
    started = pd.to_datetime(["2020-03-02", "2023-06-05"])
    contacts = pd.DataFrame({"contact_id": [1, 2], "person_id": [1, 1], "started_at": started})
    contacts = contacts.assign(service="home_care", mode="home")
    tables = {"persons": persons, "contacts": contacts, "population": pd.DataFrame(list(population))}
    return contract_tables.build(folder, {k: v for k, v in tables.items() if len(v)}, as_of=date(2023, 6, 30))


def days(opened: Store, municipality: str, year: int, month: int, band: int = 1) -> float:
    """Resident days of women in a month; the month's days times the people at its middle."""
    axes = Axes.of(opened, BOUNDS)
    found = population_time.resident_days(opened, axes, REGION)
    place = (axes.municipalities.index(municipality), band, axes.sexes.index("female"))
    return float(found[place][month_index(year, month) - axes.first_month])


def test_people_change_along_a_straight_line_from_year_end_to_year_end(tmp_path: Path) -> None:
    """100 at the end of 2019 and 112 at the end of 2020: 102.5 in the middle of March, 105.5 in that of June."""
    opened = store_of(
        tmp_path, people(2019, 60.0), people(2019, 40.0, age=65), people(2020, 112.0), people(2020, 9, age=64)
    )
    assert days(opened, "398", 2020, 3) == pytest.approx(102.5 * 31)
    assert days(opened, "398", 2020, 6) == pytest.approx(105.5 * 30)
    assert days(opened, "398", 2020, 6, band=0) == pytest.approx(9 * 5.5 / 12 * 30)
    assert days(opened, "398", 2023, 6) == pytest.approx(112 * 30)  # the last year stays
    assert days(opened, "111", 2020, 6) == 0


def test_a_year_that_a_municipality_lacks_is_bridged(tmp_path: Path) -> None:
    lahti = [people(year, 100.0) for year in (2019, 2020, 2021)]
    heinola = [people(year, 50.0, municipality="111") for year in (2019, 2021)]
    assert days(store_of(tmp_path, *lahti, *heinola), "111", 2020, 12) == pytest.approx(50 * 31)


def test_observed_years_come_before_the_newest_projection(tmp_path: Path) -> None:
    rows = [
        people(2020, 100.0),
        people(2021, 124.0),
        people(2021, 9.0, "projection_2021"),
        people(2022, 9.0, "plan_2019"),
    ]
    opened = store_of(tmp_path, *rows, people(2022, 136.0, "projection_2021"))
    assert days(opened, "398", 2020, 4) == pytest.approx(100 * 30)  # the first year stays
    assert days(opened, "398", 2021, 6) == pytest.approx((100 + 24 * 5.5 / 12) * 30)
    assert days(opened, "398", 2022, 6) == pytest.approx((124 + 12 * 5.5 / 12) * 30)
    assert days(opened, "398", 2023, 6) == pytest.approx(136 * 30)


def test_only_municipalities_of_the_region_have_residents_and_hidden_places_still_count(tmp_path: Path) -> None:
    opened = store_of(tmp_path, people(2020, 100.0), people(2020, 5e5, municipality="091"))
    axes = Axes.of(opened, BOUNDS)
    found = population_time.resident_days(opened, axes, REGION)
    assert found.sum() == pytest.approx(100 * np.diff(axes.month_starts).sum())
    counts = dict(zip(axes.municipalities, population_time.counts(found, axes), strict=True))
    assert counts == {"398": True, "111": False, "091": False, "999": True}


def test_clients_without_a_population_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="population: needed"):
        days(store_of(tmp_path / "a"), "398", 2020, 6)
    with pytest.raises(DataError, match="none of the region's municipalities"):
        days(store_of(tmp_path / "b", people(2020, 5e5, municipality="091")), "398", 2020, 6)


def clients_only(data: Path, folder: Path) -> Path:
    """The county as a register of clients holds it: who had no contact is not there, and nobody moves or dies."""
    shutil.copytree(data, folder)
    used = pd.read_parquet(folder / "contacts", columns=["person_id"])["person_id"].unique()
    persons = pd.read_parquet(folder / "persons.parquet")
    kept = persons[persons["person_id"].isin(used)].drop(columns=["resident_from", "resident_to", "death_date"])
    kept.to_parquet(folder / "persons.parquet", index=False)
    return folder


def by_month(found: panel.Panel, column: str) -> pd.Series:
    return found.person_time.groupby("month")[column].sum()


def total_of_window(found: panel.Panel) -> pd.Series:
    """Expected, observed and debt of all services over the window."""
    shipped = counted_county.parameters()
    settings = shipped.debt.model_copy(update={"n_paths": 50})
    tables = debt.estimate(found, settings, shipped.services, 1, group=shipped.target_groups["all"]).tables
    return tables["debt_summary"].set_index("service").loc["all", ["expected", "observed", "debt"]].astype(float)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[counted_county.County, counted_county.County]:
    """The county with all its residents, and with its clients only."""
    county, folder = counted_county.made(tmp_path_factory), tmp_path_factory.mktemp("clients")
    return county, counted_county.counted(clients_only(county.data, folder / "data"), folder / "work", "clients")


def test_clients_over_the_population_have_the_person_time_of_the_whole_county(
    both: tuple[counted_county.County, counted_county.County],
) -> None:
    whole, clients = (panel.open(county.panels, "all") for county in both)
    lived = by_month(whole, "member_py")
    assert (by_month(clients, "member_py") / lived - 1).abs().max() < 0.01
    assert by_month(clients, "resident_py").equals(by_month(clients, "member_py"))
    register = both[1].opened.n_persons * 30 / DAYS_PER_YEAR  # of September, from persons who never leave
    assert register > 1.2 * lived.iloc[-1]
    assert panel.volumes(both[1].panels)["contacts"].sum() >= panel.volumes(both[0].panels)["contacts"].sum()


@pytest.mark.slow
def test_clients_over_the_population_give_the_debt_of_the_whole_county(
    both: tuple[counted_county.County, counted_county.County],
) -> None:
    expected, found = (total_of_window(panel.open(county.panels, "all")) for county in both)
    assert found["expected"] == pytest.approx(expected["expected"], rel=0.01)
    assert found["debt"] == pytest.approx(expected["debt"], abs=0.01 * expected["expected"])
    assert found["observed"] == pytest.approx(expected["observed"], rel=0.001)
