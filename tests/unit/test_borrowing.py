"""What a small group borrows: shares of all residents from their table, and both its counts and its persons drawn to
them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_ledger import DRAWS, certain, series

from ennakointi.debt import borrowing, ledger
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.ledger import PersonModel

FACTORS = Calibration(np.ones(2), np.ones(2), np.full(2, 20.0))
SERVICES = [f"s{i}" for i in range(8)]


def table(share: float, half: float) -> pd.DataFrame:
    """All residents' accounts of two months of 1,000 expected contacts each."""
    debt = np.array([0.5, 1.0]) * share * 2000
    rows = {"month": ["2020-03", "2020-04"], "period": "window", "expected": 1000.0, "substituted": 0.0, "debt": debt}
    ends = {"debt_lo80": debt - half * np.array([1000, 2000]), "debt_hi80": debt + half * np.array([1000, 2000])}
    return pd.concat([pd.DataFrame({"service": s, **rows, **ends}) for s in SERVICES], ignore_index=True)


def group(expected: float, given: float, spread: float) -> dict[str, tuple]:
    return {s: (series([given] * 2, s), certain([expected] * 2, spread)) for s in SERVICES}


def test_draws_of_everyone_have_the_debt_and_its_interval() -> None:
    found = borrowing.everyone(table(0.2, 0.05), {})["s0"]
    assert found.net.mean(axis=0) == pytest.approx([200, 400])
    low, high = np.quantile(found.net[:, 1], [0.1, 0.9])
    assert [low, high] == pytest.approx([300, 500], abs=1.5)
    assert found.expected == pytest.approx([1000, 1000])


@pytest.mark.parametrize(("below", "weight"), [(500.0, 0.5), (5.0, 1.0)])
def test_a_small_service_is_drawn_to_what_the_others_missed_and_a_large_one_is_not(below: float, weight: float) -> None:
    made = group(10.0, 9.0, 6.0)
    nets = {s: ledger.net(one, paths, FACTORS) for s, (one, paths) in made.items()}
    persons = dict.fromkeys(SERVICES, PersonModel(0.0, 0.3, 0.0))
    of_all = borrowing.everyone(table(0.3, 0.01), dict.fromkeys(SERVICES, PersonModel(0.3, 0.01, 0.0)))
    found = borrowing.borrowed(nets, {s: one for s, (one, _) in made.items()}, persons, of_all, below, 1)
    own = nets["s0"][:, -1].mean()
    pooled = found.nets["s0"][:, -1].mean()
    if weight == 1.0:
        assert pooled == pytest.approx(own)
        assert found.persons["s0"].share == 0.0
    else:
        assert own < pooled < 6.0  # two of twenty were missed, the others missed six of twenty
        assert 0.0 < found.persons["s0"].share < 0.3
        assert found.persons["s0"].sd < 0.3
        assert found.weights["s0"] < 0.9
    assert len(found.nets["s0"]) == DRAWS


def test_all_residents_borrow_nothing() -> None:
    made = group(10.0, 9.0, 6.0)
    nets = {s: ledger.net(one, paths, FACTORS) for s, (one, paths) in made.items()}
    found = borrowing.borrowed(nets, {s: one for s, (one, _) in made.items()}, {}, None, 1e9, 1)
    assert found.nets == nets
    assert set(found.weights.values()) == {1.0}


def test_person_models_are_shares_of_expected_use_and_refused_rows_are_left_out() -> None:
    rows = pd.DataFrame(
        {
            "service": ["a", "b", "c"],
            "status": ["estimated", "refused", "estimated"],
            "expected": [200.0, 100.0, 0.0],
            "net_missing": [40.0, 10.0, 0.0],
            "net_missing_sd": [10.0, 1.0, 1.0],
            "correlation": [0.4, 0.0, 0.0],
        }
    )
    assert borrowing.person_models(rows) == {"a": PersonModel(0.2, 0.05, 0.4)}
