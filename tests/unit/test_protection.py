"""The units that are hidden: the cheapest of all subsets, and never more than it takes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.sparse import block_diag, csr_array
from test_attacker import FREE, table

from ennakointi.disclosure import attacker, protection
from ennakointi.disclosure.carriers import Hiding, hide_greedily
from ennakointi.disclosure.cutting_planes import hide_exactly
from ennakointi.disclosure.presets import DisclosureError
from ennakointi.disclosure.systems import System


def small(system: System, threshold: int = 5) -> System:
    """The demands of a threshold: 1 … threshold − 1 stay possible of few persons, a width of what is hidden."""
    few = (system.values > 0) & (system.values < threshold)
    return replace(
        system,
        wanted_low=np.where(few, 1.0, np.nan),
        wanted_high=np.where(few, threshold - 1.0, np.nan),
        wanted_width=np.full(len(few), float(threshold)),
        must=few,
        cost=1.0 + np.log1p(system.values),
    )


def cheapest(system: System) -> float:
    """The cost of the cheapest subset of units that meets all demands, by trying all."""
    free = np.flatnonzero(system.may & ~system.must)
    costs = []
    for chosen in product([False, True], repeat=len(free)):
        hidden = system.must.copy()
        hidden[free] = chosen
        costs.append((float(system.cost[hidden].sum()), hidden))
    return next(
        cost for cost, hidden in sorted(costs, key=lambda c: c[0]) if not attacker.satisfied(system, hidden).size
    )


def test_a_hidden_number_in_a_table_takes_a_rectangle() -> None:
    """A 2 among tens: one other cell of its row, one of its column and their crossing, the cheapest of them."""
    system = small(table([[2, 30, 11], [40, 50, 60], [12, 70, 13]]))
    found = protection.protect(system)
    assert np.flatnonzero(found.hidden).tolist() == [0, 2, 8, 10]
    assert found.exact
    assert found.exposed.size == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_is_the_cheapest_of_all_subsets(seed: int) -> None:
    inner = np.random.default_rng(seed).poisson(5.0, (2, 3))
    system = small(table(inner.tolist()))
    start = hide_greedily(system)
    best = hide_exactly(system, start)
    assert best is not None
    assert attacker.satisfied(system, best).size == 0
    assert attacker.satisfied(system, start.hidden).size == 0
    assert system.cost[best].sum() == pytest.approx(cheapest(system))
    assert system.cost[start.hidden].sum() >= system.cost[best].sum() - 1e-9


def test_the_cuts_improve_a_bad_start() -> None:
    system = small(table([[2, 30, 11], [40, 50, 60], [12, 70, 13]]))
    best = hide_exactly(system, Hiding(np.ones(16, dtype=bool), frozenset()))
    assert best is not None
    assert np.flatnonzero(best).tolist() == [0, 2, 8, 10]


def test_rounding_may_protect_alone_and_then_nothing_is_hidden_besides() -> None:
    system = small(table([[2, 30, 11], [40, 50, 60], [12, 70, 13]], spread=5.0))
    assert np.flatnonzero(protection.protect(system).hidden).tolist() == [0]


def test_what_is_told_elsewhere_is_exposed_and_costs_nothing() -> None:
    """No other cell may be hidden: the 2 follows from its row whatever is done."""
    system = small(table([[2, 30], [40, 50]]))
    found = protection.protect(replace(system, may=np.zeros(9, dtype=bool)))
    assert np.flatnonzero(found.hidden).tolist() == [0]
    assert found.exposed.tolist() == [0]


def test_a_unit_that_cannot_be_protected_itself_is_not_hidden_for_others() -> None:
    """The cheap neighbour 11 is known within ± 1 anyway (an earlier release): hiding it needs a width it cannot get."""
    system = small(table([[2, 30, 11], [40, 50, 60], [12, 70, 13]]))
    low, high = np.zeros(16), np.full(16, FREE)
    low[2], high[2] = 10.0, 12.0
    system = replace(system, hidden_low=low, hidden_high=high)
    found = protection.protect(system)
    assert not found.hidden[2]
    assert found.exposed.size == 0
    assert attacker.satisfied(system, found.hidden).size == 0


def test_columns_of_a_row_are_hidden_together() -> None:
    """Two tables side by side share their rows: what protects the 2 must bear a width in both."""
    left, right = small(table([[2, 30], [40, 50]])), small(table([[20, 300], [400, 500]]))
    names = [name for name in vars(left) if name not in ("unit", "matrix", "low", "high", "must", "may", "cost")]
    both = {name: np.concatenate([getattr(left, name), getattr(right, name)]) for name in names}
    both["hidden_high"] = np.full(18, 10 * FREE)
    system = replace(
        left,
        **both,
        unit=np.tile(left.unit, 2),
        matrix=csr_array(block_diag([left.matrix, right.matrix])),
        low=np.zeros(12),
        high=np.zeros(12),
    )
    found = protection.protect(system)
    assert found.exact
    assert attacker.satisfied(system, found.hidden).size == 0
    assert np.flatnonzero(found.hidden).tolist() == [0, 1, 3, 4]


def test_what_hangs_together_with_nothing_open_is_left_alone() -> None:
    system = small(table([[20, 30], [40, 50]]))
    found = protection.protect(system)
    assert not found.hidden.any()
    assert found.exact


def test_two_runs_hide_the_same() -> None:
    system = small(table(np.random.default_rng(3).poisson(6.0, (5, 5)).tolist()))
    assert np.array_equal(protection.protect(system).hidden, protection.protect(system).hidden)


def test_greedy_shows_again_what_is_not_needed() -> None:
    system = small(table(np.random.default_rng(5).poisson(6.0, (4, 4)).tolist()))
    found = hide_greedily(system)
    for unit in np.flatnonzero(found.hidden & ~system.must):
        less = found.hidden.copy()
        less[unit] = False
        assert attacker.satisfied(system, less).size


def test_numbers_that_contradict_their_relations_are_an_error() -> None:
    system = small(table([[2, 30], [40, 50]]))
    wrong = replace(system, values=system.values + (np.arange(9) == 3))
    with pytest.raises(DisclosureError, match="cell 3"):
        protection.protect(wrong)
    off = replace(system, low=np.full(6, 1.0), high=np.full(6, 1.0))
    with pytest.raises(DisclosureError, match="relation 0"):
        protection.protect(off)
