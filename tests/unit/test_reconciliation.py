"""Yearly totals against external figures: what agrees, what differs and by which of the counted reasons."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import contract_tables
import counted_county
import pandas as pd
import pytest

from ennakointi import parameters as documents
from ennakointi.errors import ParameterError
from ennakointi.panel import cells, fates
from ennakointi.parameters.quality_documents import ReconciliationSettings
from ennakointi.quality import reconciliation
from ennakointi.store import Store

pytestmark = counted_county.TOGETHER
SERVICES = ("primary_care", "oral_health", "home_care")
CONTACTS = {"indicator": "visits", "services": "primary_care", "quantity": "contacts"}


def settings(*totals: dict[str, object]) -> ReconciliationSettings:
    return ReconciliationSettings.model_validate({"limit_share": 0.03, "totals": totals})


def visits(figure: int, **changed: object) -> ReconciliationSettings:
    """Contacts of primary care against an external figure."""
    return settings({**CONTACTS, "indicator": f"visits_{figure}", **changed})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return store_of(tmp_path_factory.mktemp("county"), contract_tables.contacts(840))


def store_of(folder: Path, contacts: pd.DataFrame) -> Store:
    """Contacts of 2020–2024, cut at the end of June, and external figures: `visits_N` are N a year of county 07."""
    figures = [(f"visits_{n}", "07", "2022", n) for n in (900, 961, 1030, 1031, 1060, 1100, 1250, 2000, 50_000)]
    figures += [("visits_961", "07", "2022Q1", 5)]
    figures += [("visits", region, period, 1000) for region, period in (("07", "2019"), ("08", "2021"), ("07", "2024"))]
    rows = pd.DataFrame(figures, columns=["indicator", "region", "period", "value"]).assign(source="THL")
    tables = {"persons": contract_tables.persons().drop(columns="death_date"), "contacts": contacts, "indicators": rows}
    return contract_tables.build(folder, tables, as_of=date(2024, 6, 30))


def panels(folder: Path, *, covered: float = 1.0, euros: int = 50_000, cost_known: bool = True, **left: int) -> Path:
    """Panel files in which each service and year has 1,000 contacts of 400 persons; `left`: contacts by fate."""
    keys = [(service, year) for service in range(3) for year in range(2020, 2025)]
    volumes = pd.DataFrame(keys, columns=["service", "year"])
    volumes = volumes.assign(contacts=1000.0, persons=400.0, cents=100.0 * euros, covered_share=covered, uncovered=0.0)
    apart = pd.DataFrame([(f, n) for f, n in {"counted": 1000, **left}.items()], columns=["fate", "contacts"])
    every = volumes[["service", "year"]].merge(apart, how="cross").replace({"service": dict(enumerate(SERVICES))})
    folder.mkdir()
    volumes.to_parquet(folder / "volumes.parquet")
    every.to_parquet(folder / fates.FILE)
    about = (
        f'{{"services": ["{SERVICES[0]}", "{SERVICES[1]}", "{SERVICES[2]}"], "cost_known": {str(cost_known).lower()}}}'
    )
    (folder / cells.ABOUT_FILE).write_text(about)
    return folder


def compared(opened: Store, panels: Path | None, settings: ReconciliationSettings) -> pd.DataFrame:
    return reconciliation.table(opened, panels, contract_tables.volumes(opened.folder), settings, "07")


def said(found: pd.DataFrame) -> list[tuple[str, str]]:
    return list(found[["status", "reason"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("figure", "ratio", "status"), [(1030, 0.9709, "agrees"), (1031, 0.9699, "differs"), (961, 1.0406, "differs")]
)
def test_a_difference_up_to_the_limit_agrees_and_a_larger_one_differs(
    opened: Store, tmp_path: Path, figure: int, ratio: float, status: str
) -> None:
    found = compared(opened, panels(tmp_path / "panels"), visits(figure))
    assert said(found) == [(status, "unexplained" if status == "differs" else "")]
    assert found["ratio"].round(4).tolist() == [ratio]
    assert found["n_persons"].tolist() == [400]


@pytest.mark.parametrize(
    ("figure", "panel_of", "reason"),
    [
        (1100, {"no_show": 60, "administrative": 30}, "not_counted"),
        (1100, {"no_show": 30, "administrative": 30}, "not_counted;unexplained"),
        (1100, {"no_show": 9}, "unexplained"),
        (1100, {"uncovered": 20, "outside_residence": 70}, "outside_residence;uncovered"),
        (1250, {"covered": 0.8}, "coverage"),
        (900, {"no_show": 500}, "unexplained"),
        (1100, {"later_month": 500}, "unexplained"),
    ],
)
def test_reasons_are_counted_and_the_rest_is_unexplained(
    opened: Store, tmp_path: Path, figure: int, panel_of: dict[str, float], reason: str
) -> None:
    found = compared(opened, panels(tmp_path / "panels", **panel_of), visits(figure))
    assert said(found) == [("differs", reason)]


def test_rejected_rows_can_explain_a_difference(tmp_path: Path) -> None:
    contacts = contract_tables.contacts(840)
    contacts.loc[contacts.index < 41, "service"] = "dentistry"  # 5 % of the table
    opened = store_of(tmp_path, contacts)
    found = compared(opened, panels(tmp_path / "panels"), visits(1060))
    assert said(found) == [("differs", "rejected")]


def test_what_cannot_be_compared_says_why(opened: Store, tmp_path: Path) -> None:
    """2024 ends in June with later rows set aside, 2019 lies before the data, 2021 is another county's figure."""
    found = compared(opened, panels(tmp_path / "panels"), settings(CONTACTS))
    assert found["period"].tolist() == ["2021", "2024"]
    assert said(found) == [("not_comparable", "other_region"), ("not_comparable", "part_of_year;after_as_of")]
    assert found["ratio"].isna().all()
    named = settings({**CONTACTS, "region": "08"})
    assert said(compared(opened, tmp_path / "panels", named))[0] == ("agrees", "")


def test_several_services_add_up_and_persons_are_those_of_one(opened: Store, tmp_path: Path) -> None:
    both = {"indicator": "visits_2000", "services": ["primary_care", "oral_health"], "quantity": "contacts"}
    persons = {"indicator": "visits_900", "services": "oral_health", "quantity": "persons"}
    found = compared(opened, panels(tmp_path / "panels"), settings(both, persons))
    assert found["ours"].tolist() == [2000.0, 400.0]
    assert found["services"].tolist() == ["primary_care;oral_health", "oral_health"]
    with pytest.raises(ValueError, match="cannot be added up"):
        settings({**both, "quantity": "persons"})


def test_costs_that_nobody_recorded_are_no_total(opened: Store, tmp_path: Path) -> None:
    costs = visits(50_000, services="home_care", quantity="cost_eur")
    found = compared(opened, panels(tmp_path / "none", cost_known=False), costs)
    assert said(found) == [("not_comparable", "cost_missing")]
    assert found["ours"].isna().all()
    assert said(compared(opened, panels(tmp_path / "some"), costs)) == [("agrees", "")]


def test_costs_that_some_contacts_lack_can_explain_a_difference(tmp_path: Path) -> None:
    """Half of the contacts of home care have no cost: 50,000 against 100,000 euros."""
    contacts = contract_tables.contacts(840)
    contacts.loc[contacts.index % 2 == 0, "cost_eur"] = None
    costs = visits(50_000, services="home_care", quantity="cost_eur")
    found = compared(store_of(tmp_path, contacts), panels(tmp_path / "panels", euros=25_000), costs)
    assert said(found) == [("differs", "cost_missing")]


def test_a_total_names_services_that_exist(tmp_path: Path) -> None:
    shipped = documents.shipped("parameters") / "quality.yml"
    text = shipped.read_text(encoding="utf-8")
    spoiled = text.replace("services: oral_health, quantity", "services: oral_helth, quantity")
    (tmp_path / shipped.name).write_text(spoiled, encoding="utf-8")
    with pytest.raises(
        ParameterError, match=r"contacts_oral_health: service 'oral_helth' .*did you mean 'oral_health'"
    ):
        documents.load(tmp_path)


def test_nothing_to_compare_is_an_empty_table(opened: Store, tmp_path: Path) -> None:
    assert compared(opened, panels(tmp_path / "panels"), settings()).empty
    assert compared(opened, None, settings(CONTACTS)).empty


def test_the_discrepancy_planted_in_the_synthetic_accounts_is_the_only_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The accounts of 2024 hold 5 % more of oral health than there was; everything else agrees."""
    county, shipped = counted_county.made(tmp_path_factory), counted_county.parameters()
    volumes = contract_tables.volumes(county.opened.folder)
    found = reconciliation.table(
        county.opened, county.panels, volumes, shipped.quality.reconciliation, shipped.region.county_code
    )
    assert found["period"].value_counts().to_dict() == {"2023": 3, "2024": 3}
    differs = found[found["status"] == "differs"]
    assert differs[["indicator", "period"]].to_numpy().tolist() == [["contacts_oral_health", "2024"]]
    assert differs["ratio"].iloc[0] == pytest.approx(1 / 1.05, abs=0.001)
    exact = found[(found["period"] == "2024") & (found["status"] == "agrees")]
    assert (exact["ours"] == exact["external"]).all()
