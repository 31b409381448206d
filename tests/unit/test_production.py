"""Contacts by provider: from the rows of the source to the table of own and purchased production."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import county_panel
import numpy as np
import pandas as pd
import pytest
import small_county
from county_panel import MONTHS, WINDOW, Planted
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi import debt, panel, parameters
from ennakointi.debt import production
from ennakointi.debt.ledger import Ledger
from ennakointi.panel import Panel
from ennakointi.panel.production import NAMES, no_suppliers
from ennakointi.parameters.documents import Break, Label, SupplierLimits
from ennakointi.periods import month_index
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = parameters.load().debt.model_copy(update={"n_paths": 200})
CATALOGUE = parameters.load().services
LIMITS = SupplierLimits()
JANUARY = month_index(2019, 1)
CONTACTS = pd.DataFrame(
    [
        ("a", "2019-01-05", "primary_care", "own"),
        ("a", "2019-01-06", "primary_care", "own"),
        ("a", "2019-01-07", "primary_care", "purchased"),
        ("b", "2019-01-09", "primary_care", "own"),
        ("b", "2019-02-09", "oral_health", None),
        ("c", "2019-02-09", "oral_health", "third_sector"),
        ("c", "2019-03-09", "oral_health", "own"),  # not covered
    ],
    columns=["person_id", "started_at", "service", "provider"],
)
HAND_WORKED = [
    # service, municipality, month, provider, contacts, persons
    ("oral_health", "111", JANUARY + 1, "third_sector", 1, 1),
    ("oral_health", "398", JANUARY + 1, "unknown", 1, 1),
    ("primary_care", "398", JANUARY, "own", 3, 2),
    ("primary_care", "398", JANUARY, "purchased", 1, 1),
]
VENTURE = Break(
    id="venture",
    month="2021-01",
    label=Label(fi="x", sv="x", en="x"),
    regions=("paijat-hame",),
    municipalities=("398",),
    services=("primary_care",),
    provider="purchased",
    kind="provider",
    treatment="bridge",
)


def test_the_panel_by_provider_is_that_worked_by_hand(tmp_path: Path) -> None:
    born, sexes, areas = [date(1980, 1, 1)] * 3, ["female", "male", "male"], ["398", "398", "111"]
    persons = pd.DataFrame({"person_id": ["a", "b", "c"], "birth_date": born, "sex": sexes, "municipality": areas})
    contacts = CONTACTS.assign(
        contact_id=range(len(CONTACTS)),
        mode="in_person",
        unit=["x", "x", "y", "x", None, "x", "x"],
        started_at=pd.to_datetime(CONTACTS["started_at"]),
    )
    months, status = ["2019-01", "2019-02", "2019-03"], ["complete", "complete", "none"]
    keys = {"municipality": "111", "service": "oral_health", "provider": None}
    coverage = pd.DataFrame({**keys, "month": months, "status": status})
    tables = {"persons": persons, "contacts": contacts, "coverage": coverage}
    opened = small_county.build_store(tmp_path, date(2019, 3, 31), **tables)
    runs = small_county.everybody(3, JANUARY, JANUARY + 2)
    groups = small_county.memberships(tmp_path, runs, ["all"], {"all": JANUARY})
    panel.build(opened, groups, small_county.parameters(), tmp_path / "work" / "panels")
    made = panel.open(tmp_path / "work" / "panels", "all")
    found = sorted(tuple(row) for row in made.production.to_numpy(object))
    assert list(made.production.columns) == ["service", "municipality", "month", "provider", "contacts", "persons"]
    assert found == HAND_WORKED
    assert made.production["contacts"].sum() == made.counts["contacts"].sum()
    x, y = (opened.codes("contacts", "unit").index(name) for name in "xy")
    assert sorted(tuple(row) for row in made.suppliers.to_numpy(object)) == [
        ("oral_health", "111", JANUARY + 1, "third_sector", x, 1),
        ("primary_care", "398", JANUARY, "purchased", y, 1),
    ]


def with_providers(made: Panel, purchased: dict[str, np.ndarray], seed: int = 0) -> Panel:
    """The panel with its contacts given by the county itself and, in a share of each month by area, bought."""
    rng = np.random.default_rng(seed)
    keys = ["service", "municipality", "month"]
    rows = made.counts.groupby(keys, as_index=False)[["contacts", "persons"]].sum()
    share = np.zeros(len(rows))
    for area, values in purchased.items():
        here = (rows["municipality"] == area).to_numpy()
        share[here] = values[rows.loc[here, "month"] - MONTHS[0]]
    bought = rng.binomial(rows["contacts"], share)
    parts = [
        rows.assign(contacts=n, provider=name) for n, name in ((rows["contacts"] - bought, "own"), (bought, NAMES[1]))
    ]
    table = pd.concat(parts)
    table["provider"] = pd.Categorical(table["provider"], categories=list(NAMES))
    return replace(made, production=table[table["contacts"] > 0])


def accounts(made: Panel) -> Mapping[str, Ledger]:
    return debt.accounts(made, SETTINGS, {s: CATALOGUE[s] for s in made.services}, 3).ledgers


def by_provider(made: Panel, service: str = "primary_care") -> pd.DataFrame:
    ledgers = accounts(made)
    table = production.table(made, ledgers, LIMITS)
    assert tuple(table.columns) == RESULT_TABLES["debt_production"].names
    rows = table[table["service"] == service].set_index("provider")
    ledger = ledgers[service]
    n = ledger.window_months
    assert rows["expected"].sum() == pytest.approx(ledger.expected[:n].mean())
    assert rows["window"].sum() == pytest.approx(ledger.observed[:n].mean())
    assert rows["gap"].sum() == pytest.approx((ledger.expected - ledger.observed)[:n].mean())
    return rows


@pytest.fixture(scope="module")
def made() -> Panel:
    planted = {"primary_care": Planted(2.0, 4.0, missing=0.2), "oral_health": Planted(1.0, 1.0, missing=0.3)}
    return county_panel.make(planted, seed=6).panel


@pytest.fixture(scope="module")
def ledgers(made: Panel) -> Mapping[str, Ledger]:
    return accounts(made)


def test_the_division_of_the_baseline_tells_who_gave_less(made: Panel) -> None:
    """A fifth is bought; in the window nothing is: what is missing is missing from the purchased."""
    share = np.where((WINDOW[0] <= MONTHS) & (WINDOW[1] >= MONTHS), 0.0, 0.2)
    rows = by_provider(with_providers(made, {"398": share, "111": share}))
    assert rows.loc["purchased", "window"] == 0
    assert rows.loc["purchased", "expected"] / rows["expected"].sum() == pytest.approx(0.2, abs=0.01)
    assert rows.loc["purchased", "before"] / rows["before"].sum() == pytest.approx(0.2, abs=0.01)
    assert rows.loc["purchased", "latest"] / rows["latest"].sum() == pytest.approx(0.2, abs=0.01)
    assert (rows["reason"] == "").all()


def test_a_declared_change_of_providers_moves_no_debt_between_rows(made: Panel) -> None:
    """From January 2021 area 398 buys everything: without the declaration own production would seem to fail."""
    moved = with_providers(made, {"398": (month_index(2021, 1) <= MONTHS).astype(float)})
    declared = by_provider(replace(moved, breaks=(VENTURE,)))
    silent = by_provider(moved)
    share = declared["gap"] / declared["expected"]
    assert share["own"] == pytest.approx(share["purchased"], abs=0.06)
    assert silent.loc["own", "gap"] > 2 * declared.loc["own", "gap"]
    assert silent.loc["purchased", "gap"] < 0
    said = json.loads(declared["reason"].iloc[0])
    assert said["values"] == {"break_month": "2021-01"}
    assert silent["expected"].sum() == pytest.approx(declared["expected"].sum())
    assert (by_provider(replace(moved, breaks=(VENTURE,)), "oral_health")["reason"] == "").all()


def test_several_changes_are_named_from_the_first_to_the_last(made: Panel) -> None:
    later = VENTURE.model_copy(update={"month": month_index(2023, 1), "municipalities": ("111",)})
    rows = by_provider(replace(with_providers(made, {}), breaks=(later, VENTURE)))
    assert json.loads(rows["reason"].iloc[0])["values"] == {"break_month": "2021-01", "last_month": "2023-01"}


def test_who_gives_the_contacts_moves_no_debt(made: Panel, ledgers: Mapping[str, Ledger]) -> None:
    """The joint venture of 2021, declared or not: the accounts see contacts, never their provider."""
    moved = with_providers(made, {"398": (month_index(2021, 1) <= MONTHS).astype(float)})
    for service, one in accounts(replace(moved, breaks=(VENTURE,))).items():
        np.testing.assert_array_equal(one.debt, ledgers[service].debt)


def test_all_services_are_the_sum(made: Panel, ledgers: Mapping[str, Ledger]) -> None:
    table = production.table(with_providers(made, {"398": np.full(len(MONTHS), 0.5)}), ledgers, LIMITS)
    sums = table.groupby(table["service"] == "all")[["before", "window", "latest", "expected", "gap"]].sum()
    np.testing.assert_allclose(sums.loc[True], sums.loc[False])
    assert production.table(made, {}, LIMITS).empty


def supplied(made: Panel, units: dict[int, float], service: str = "primary_care") -> pd.DataFrame:
    """Bought contacts of a service divided over units; contacts of -1 are of units that are not recorded."""
    bought = made.production[(made.production["provider"] == "purchased") & (made.production["service"] == service)]
    parts = [bought.assign(unit=unit, contacts=bought["contacts"] * share) for unit, share in units.items()]
    return pd.concat(parts)[list(no_suppliers().columns)]


@pytest.mark.parametrize(
    ("units", "said"),
    [
        ({1: 1.0}, "few"),
        ({1: 0.5, 2: 0.5}, "few"),
        ({1: 0.9, 2: 0.05, 3: 0.05}, "few"),
        ({1: 0.5, 2: 0.3, 3: 0.2}, "enough"),
        ({1: 0.4, 2: 0.3, -1: 0.3}, "few"),  # two are recorded
        ({1: 0.04, 2: 0.03, 3: 0.03, -1: 0.9}, "few"),  # somebody may have given all of what is not recorded
        ({-1: 1.0}, "few"),
        ({}, "few"),
    ],
)
def test_bought_contacts_of_few_suppliers_are_marked(
    made: Panel, ledgers: Mapping[str, Ledger], units: dict[int, float], said: str
) -> None:
    divided = with_providers(made, {"398": np.full(len(MONTHS), 0.5)})
    known = replace(divided, suppliers=supplied(divided, units)) if units else divided
    rows = production.table(known, {"primary_care": ledgers["primary_care"]}, LIMITS)
    marked = rows.set_index(["service", "provider"])["suppliers"]
    assert marked["primary_care", "purchased"] == marked["all", "purchased"] == said
    assert marked["primary_care", "own"] == marked["all", "own"] == ""


def test_a_supplier_that_came_to_dominate_lately_is_told_by_no_number(
    made: Panel, ledgers: Mapping[str, Ledger]
) -> None:
    divided = with_providers(made, {"398": np.full(len(MONTHS), 0.5)})
    usual = supplied(divided, {1: 0.5, 2: 0.3, 3: 0.2})
    lately = usual["month"] > made.last_month - 12
    merged = pd.concat([usual[~lately], supplied(divided, {1: 1.0})[lambda some: some["month"] > made.last_month - 12]])
    for known, said in ((usual, "enough"), (usual[~lately], "enough"), (merged, "few")):
        rows = production.table(replace(divided, suppliers=known), {"primary_care": ledgers["primary_care"]}, LIMITS)
        assert set(rows.loc[rows["provider"] == "purchased", "suppliers"]) == {said}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_rows_add_up_for_any_division(made: Panel, ledgers: Mapping[str, Ledger], seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = {area: rng.choice([0.0, 1.0, rng.random()], len(MONTHS)) for area in made.municipalities}
    table = production.table(replace(with_providers(made, shares, seed % 100), breaks=(VENTURE,)), ledgers, LIMITS)
    for service, rows in table.groupby("service"):
        ledger = ledgers[service]
        n = ledger.window_months
        assert rows["expected"].sum() == pytest.approx(ledger.expected[:n].mean())
        assert rows["window"].sum() == pytest.approx(ledger.observed[:n].mean())
