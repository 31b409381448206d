"""Intervals of hidden numbers, worked by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

from ennakointi.disclosure import attacker
from ennakointi.disclosure.presets import shown_interval
from ennakointi.disclosure.systems import NEVER_SHOWN, System

FREE = 1000.0


def table(inner: list[list[int]], spread: float = 0.0) -> System:
    """A two-way table with margins (cells row by row, totals last); shown within ± spread, hidden within 0 … FREE."""
    body = np.array(inner, dtype=float)
    full = np.block([[body, body.sum(1, keepdims=True)], [body.sum(0, keepdims=True), body.sum()]])
    rows, columns = full.shape
    at = np.arange(full.size).reshape(full.shape)
    lines = [at[i] for i in range(rows)] + [at[:, j] for j in range(columns)]
    matrix = np.zeros((len(lines), full.size))
    for number, line in enumerate(lines):
        matrix[number, line[:-1]], matrix[number, line[-1]] = 1.0, -1.0
    values, n = full.ravel(), full.size
    zeros, none = np.zeros(len(lines)), np.full(n, np.nan)
    return System(
        values=values,
        shown_low=np.maximum(values - spread, 0.0),
        shown_high=values + spread,
        hidden_low=np.zeros(n),
        hidden_high=np.full(n, FREE),
        unit=np.arange(n),
        matrix=csr_array(matrix),
        low=zeros,
        high=zeros,
        wanted_low=none,
        wanted_high=none,
        wanted_width=np.zeros(n),
        must=np.zeros(n, dtype=bool),
        may=np.ones(n, dtype=bool),
        cost=np.ones(n),
    )


def hide(system: System, *cells: int) -> np.ndarray:
    flags = np.zeros(len(system.must), dtype=bool)
    flags[list(cells)] = True
    return flags


def interval(system: System, hidden: np.ndarray, cell: int) -> tuple[float, float]:
    found = attacker.bounds(system, hidden, np.array([cell]))
    return float(found.low[0]), float(found.high[0])


def test_a_single_hidden_number_is_its_total_less_the_others() -> None:
    system = table([[20, 50, 10], [8, 19, 22], [17, 32, 12]])
    assert interval(system, hide(system, 4), 4) == (8.0, 8.0)


def test_four_hidden_numbers_in_a_rectangle_trade_what_the_smallest_allow() -> None:
    """Industry by region, in the manner of Fischetti & Salazar (2001), figure 1: with 20, 10 and 17, 12 hidden, row
    sums 30 and 29 and column sums 37 and 22 remain, so the corner lies in [max(0, 30 − 22), min(30, 37)]."""
    system = table([[20, 50, 10], [8, 19, 22], [17, 32, 12]])
    hidden = hide(system, 0, 2, 8, 10)
    assert interval(system, hidden, 0) == pytest.approx((8.0, 30.0))
    assert interval(system, hidden, 2) == pytest.approx((0.0, 22.0))
    assert interval(system, hidden, 8) == pytest.approx((7.0, 29.0))
    assert interval(system, hidden, 10) == pytest.approx((0.0, 22.0))


def test_rounding_of_what_is_shown_widens_what_can_be_proved() -> None:
    """8 alone hidden in its row: total ± 2 less two neighbours ± 2 is 8 ± 6, its column says the same."""
    system = table([[20, 50, 10], [8, 19, 22], [17, 32, 12]], spread=2.0)
    assert interval(system, hide(system, 4), 4) == pytest.approx((2.0, 14.0))


def test_bounds_come_in_the_order_asked_and_by_default_of_all_demands() -> None:
    system = table([[20, 50, 10], [8, 19, 22], [17, 32, 12]])
    hidden = hide(system, 0, 2, 8, 10)
    found = attacker.bounds(system, hidden, np.array([10, 0]))
    assert found.low == pytest.approx([0.0, 8.0])
    wanted = np.full(16, np.nan)
    wanted[[0, 5]] = 25.0
    assert attacker.bounds(replace(system, wanted_high=wanted), hidden).cells.tolist() == [0, 5]


def test_demands_are_met_or_named() -> None:
    system = table([[20, 50, 10], [8, 19, 22], [17, 32, 12]])
    hidden = hide(system, 0, 2, 8, 10)
    low, high, width = np.full(16, np.nan), np.full(16, np.nan), np.zeros(16)
    low[0], high[0], width[2] = 8.0, 30.0, 22.0
    assert attacker.satisfied(replace(system, wanted_low=low, wanted_high=high, wanted_width=width), hidden).size == 0
    low[0], high[8], width[2] = 7.0, 30.0, 23.0
    broken = replace(system, wanted_low=low, wanted_high=high, wanted_width=width)
    assert sorted(attacker.unmet(broken, hidden).items()) == [
        (0, attacker.LOW, 13.0),
        (2, attacker.WIDTH, 23.0),
        (8, attacker.HIGH, 13.0),
    ]
    assert attacker.satisfied(broken, hidden).tolist() == [0, 2, 8]


def test_a_width_is_demanded_of_hidden_cells_only() -> None:
    system = replace(table([[20, 50], [8, 19]]), wanted_width=np.full(9, 5.0))
    assert attacker.satisfied(system, hide(system)).size == 0
    assert attacker.satisfied(system, hide(system, 0)).tolist() == [0]


def test_who_is_outside_a_group_is_a_cell_nobody_prints() -> None:
    """All 12 less a group of 10 leaves 2: both shown in tens (10–14 each after the threshold of 5) leaves 0 … 9."""
    shown = replace(
        table([[10]]),
        values=np.array([12.0, 10.0, 2.0]),
        unit=np.array([0, 1, NEVER_SHOWN]),
        matrix=csr_array([[1.0, -1.0, -1.0]]),
        low=np.zeros(1),
        high=np.zeros(1),
        shown_low=np.array([5.0, 5.0, 0.0]),
        shown_high=np.array([14.0, 14.0, FREE]),
        hidden_low=np.zeros(3),
        hidden_high=np.full(3, FREE),
        wanted_low=np.array([np.nan, np.nan, 1.0]),
        wanted_high=np.array([np.nan, np.nan, 4.0]),
        wanted_width=np.zeros(3),
        must=np.zeros(2, dtype=bool),
        may=np.ones(2, dtype=bool),
        cost=np.ones(2),
    )
    nothing = np.zeros(2, dtype=bool)
    assert interval(shown, nothing, 2) == pytest.approx((0.0, 9.0))
    assert attacker.satisfied(shown, nothing).size == 0
    exactly = replace(shown, shown_low=shown.values, shown_high=shown.values)
    assert interval(exactly, nothing, 2) == (2.0, 2.0)
    assert attacker.satisfied(exactly, nothing).tolist() == [2]


def test_no_more_than_is_a_relation_too() -> None:
    """Persons ≤ contacts, contacts shown as 3: few persons are at most 3."""
    system = replace(
        table([[1]]),
        values=np.array([2.0, 3.0]),
        unit=np.array([0, 1]),
        matrix=csr_array([[-1.0, 1.0]]),
        low=np.zeros(1),
        high=np.full(1, np.inf),
        shown_low=np.array([2.0, 3.0]),
        shown_high=np.array([2.0, 3.0]),
        hidden_low=np.zeros(2),
        hidden_high=np.full(2, FREE),
        wanted_low=np.array([1.0, np.nan]),
        wanted_high=np.array([4.0, np.nan]),
        wanted_width=np.zeros(2),
        must=np.array([True, False]),
        may=np.ones(2, dtype=bool),
        cost=np.ones(2),
    )
    assert interval(system, system.must, 0) == pytest.approx((0.0, 3.0))
    assert attacker.unmet(system, system.must).items() == [(0, attacker.HIGH, 2.0)]
    assert attacker.satisfied(system, np.ones(2, dtype=bool)).size == 0


@pytest.mark.parametrize(
    ("threshold", "base", "kind", "value", "known"),
    [
        (5, 10, "count", 10, (5, 14)),
        (5, 10, "count", 14, (5, 14)),
        (5, 10, "persons", 0, (0, 0)),
        (5, 10, "estimate", 10, (5, 15)),
        (5, 10, "euros", 1000, (500, 1500)),
        (5, 10, "count", -10, (-14, -5)),
        (3, 5, "count", 5, (3, 7)),
        (8, 5, "count", 10, (8, 12)),
        (1, 6, "count", 3, (1, 6)),
        (1, 6, "count", 0, (0, 0)),
        (1, 6, "count", 9, (7, 12)),
    ],
)
def test_what_a_reader_knows_of_a_rounded_number(
    threshold: int, base: int, kind: str, value: float, known: tuple[float, float]
) -> None:
    preset = SimpleNamespace(name="midpoint6" if base == 6 else "rounded", threshold=threshold, base=base)
    low, high = shown_interval(np.array([float(value)]), kind, preset)
    assert (low[0], high[0]) == known
