"""Bought services in the disclosure plan: few suppliers are hidden, and nothing that is shown tells them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from ennakointi import disclosure
from ennakointi.disclosure.supplier_rules import few_suppliers
from ennakointi.parameters.documents import Preset, SupplierLimits
from ennakointi.result_tables import RESULT_TABLES

THL5 = Preset(name="thl5", threshold=5, base=10)
NUMBERS = ("before", "window", "latest", "expected")
CONTACTS = {
    ("a", "own"): 600.0,
    ("a", "purchased"): 300.0,
    ("b", "own"): 500.0,
    ("b", "purchased"): 200.0,
    ("c", "own"): 100.0,
    ("c", "purchased"): 150.0,
    ("d", "own"): 900.0,
}


def table(few: set[tuple[str, str]], contacts: dict[tuple[str, str], float]) -> pd.DataFrame:
    """`debt_production` with the same contacts in every span, and the sums of services."""
    cells = dict(contacts)
    for provider in sorted({provider for _, provider in contacts}):
        cells["all", provider] = sum(n for (_, own), n in contacts.items() if own == provider)
    rows = [
        {
            "target_group": "all",
            "service": service,
            "provider": provider,
            **dict.fromkeys(NUMBERS, n),
            "gap": 0.0,
            "reason": "",
            "suppliers": "" if provider == "own" else "few" if (service, provider) in few else "enough",
            "n_persons": 50.0,
        }
        for (service, provider), n in sorted(cells.items())
    ]
    return pd.DataFrame(rows)[list(RESULT_TABLES["debt_production"].names)]


def hidden(found: disclosure.Plan) -> set[tuple[str, str]]:
    frame = found.released["debt_production"]
    return set(frame.loc[frame["suppressed"] != "", ["service", "provider"]].itertuples(index=False, name=None))


def provable(frame: pd.DataFrame, cells: set[tuple[str, str]], cell: tuple[str, str]) -> Any:
    """The ends of a cell for whoever knows the shown numbers and every service's contacts to the last digit."""
    names = list(frame[["service", "provider"]].itertuples(index=False, name=None))
    values = frame["window"].to_numpy(float)
    services, providers = (sorted({name[axis] for name in names}) for axis in (0, 1))
    lines = [[float(name[0] == service) for name in names] for service in services]
    lines += [[(name[1] == one) * (-1.0 if name[0] == "all" else 1.0) for name in names] for one in providers]
    matrix = np.array(lines)
    ends = [(0, None) if name in cells else (value, value) for name, value in zip(names, values, strict=True)]
    aim = np.array([float(name == cell) for name in names])
    return [sign * linprog(sign * aim, A_eq=matrix, b_eq=matrix @ values, bounds=ends).fun for sign in (1, -1)]


@pytest.mark.parametrize(
    ("contacts", "few"),
    [
        ({4: 100}, True),
        ({4: 50, 5: 50}, True),
        ({4: 90, 5: 5, 6: 5}, True),
        ({4: 50, 5: 45, 6: 5}, True),  # the second knows the largest to a tenth
        ({4: 60, 5: 28, 6: 12}, False),
        ({4: 40, 5: 30, 6: 30}, False),
        ({4: 40, 5: 30, -1: 30}, True),
        ({4: 40, 5: 30, 6: 20, -1: 10}, False),
    ],
)
def test_few_or_one_large_supplier(contacts: dict[int, float], few: bool) -> None:
    assert few_suppliers(pd.Series(contacts), SupplierLimits()) is few


def test_the_limits_are_parameters() -> None:
    two = pd.Series({4: 50, 5: 50})
    assert few_suppliers(two, SupplierLimits())
    many = pd.Series(dict.fromkeys(range(10), 10))
    assert few_suppliers(many, SupplierLimits(fewest=11))
    assert few_suppliers(many, SupplierLimits(largest_share=0.05))
    assert not few_suppliers(many, SupplierLimits(fewest=10, largest_share=0.1))


def test_enough_suppliers_hide_nothing() -> None:
    assert hidden(disclosure.plan({"debt_production": table(set(), CONTACTS)}, THL5)) == set()


@pytest.mark.parametrize(
    "few", [{("a", "purchased")}, {("b", "purchased")}, {("a", "purchased"), ("all", "purchased")}]
)
def test_no_sum_tells_a_row_of_few_suppliers(few: set[tuple[str, str]]) -> None:
    """A service's contacts are known from the debt, and the sums over services are shown or follow from them."""
    frame = table(few, CONTACTS)
    found = hidden(disclosure.plan({"debt_production": frame}, THL5))
    assert few < found
    assert ("d", "own") not in found
    for cell in few:
        low, high = provable(frame, found, cell)
        value = frame.set_index(["service", "provider"]).loc[cell, "window"]
        assert high - low >= 0.3 * value
        alone = provable(frame, few, cell)
        assert alone[1] - alone[0] < 1e-6  # hidden by itself it would be told


def test_a_service_that_one_supplier_gives_alone_is_hidden_here() -> None:
    """Its contacts stand in other tables as the service's own: nobody else's number can be hidden with them."""
    contacts = {**CONTACTS, ("e", "purchased"): 80.0}
    found = disclosure.plan({"debt_production": table({("e", "purchased")}, contacts)}, THL5)
    assert ("e", "purchased") in hidden(found)
    assert found.attacked["told_before"] == 0


def test_what_is_hidden_shows_no_number_and_the_reviewer_sees_why() -> None:
    found = disclosure.plan({"debt_production": table({("a", "purchased")}, CONTACTS)}, THL5)
    row = found.released["debt_production"].query("service == 'a' and provider == 'purchased'").iloc[0]
    assert row[[*NUMBERS, "gap", "n_persons"]].isna().all()
    assert found.review.set_index("rule").loc["few_suppliers", "rows"] == 1
