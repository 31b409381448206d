"""No reader beats the preset: random families of tables, protected, then attacked by code of the tests' own."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from table_families import (
    EXACTLY,
    PRESETS,
    demanded,
    family,
    is_hidden,
    most,
    plain_interval,
    relations_of,
    weakest,
    whole_values,
)

from ennakointi.disclosure import attacker
from ennakointi.disclosure.carriers import hide_greedily
from ennakointi.disclosure.cutting_planes import hide_exactly
from ennakointi.disclosure.protection import protect
from ennakointi.disclosure.systems import System

PLANS = (*PRESETS, EXACTLY)


def attack(seed: int) -> int:
    """Protect one family and attack it; the number of cells that had a demand."""
    one = family(seed, PLANS)
    found = protect(one.system)
    assert found.hidden[one.system.must].all()
    assert not weakest(one.system, found.hidden, found.exposed), (seed, one.name, one.preset.name)
    assert np.isin(attacker.satisfied(one.system, found.hidden), found.exposed).all()
    assert_told_elsewhere(one.system, found.exposed)
    return int(demanded(one.system, found.hidden).sum())


def assert_told_elsewhere(system: System, exposed: np.ndarray) -> None:
    """What is called exposed is so with everything hidden that may be, but for units that cannot protect themselves."""
    everything = system.must | system.may
    while exposed.size:
        narrow = [c for c, _, _ in weakest(system, everything, np.array([], dtype=int))]
        own = [system.unit[c] for c in narrow if system.unit[c] >= 0 and not system.must[system.unit[c]]]
        if not any(everything[u] for u in own):
            assert set(exposed.tolist()) <= set(narrow)
            return
        everything[own] = False


def test_the_reader_never_beats_the_preset() -> None:
    assert sum(attack(seed) for seed in range(50)) > 100


@pytest.mark.slow
def test_the_reader_never_beats_the_preset_in_a_thousand_families() -> None:
    assert sum(attack(seed) for seed in range(50, 1000)) > 4000


def test_the_attack_of_the_tests_wins_where_nothing_is_protected() -> None:
    """Families with only the small cells hidden do leak; a suite that sees no leak would prove nothing."""
    leaks = [
        len(weakest(one.system, one.system.must, np.array([], int))) for one in (family(s, PLANS) for s in range(25))
    ]
    assert sum(leaks) > 3


def test_bounds_are_those_of_a_plain_linear_program() -> None:
    compared = 0
    for seed in range(0, 16, 2):
        one = family(seed, PLANS)
        found = attacker.bounds(one.system, one.system.must)
        for cell, low, high in zip(found.cells[:6], found.low, found.high):
            assert (low, high) == pytest.approx(plain_interval(one.system, one.system.must, cell), abs=1e-5)
            compared += 1
    assert compared > 10


def test_few_persons_stay_possible_for_a_reader_who_counts_in_whole_numbers() -> None:
    """Cells are real numbers in the attack; here each of 1 … threshold − 1 is reached by whole numbers in all cells."""
    checked = 0
    for seed in range(0, 30, 5):  # two-way tables: totally unimodular
        one = family(seed, PLANS)
        found = protect(one.system)
        wanted = np.arange(1, most(one.preset) + 1)
        for cell in np.setdiff1d(np.flatnonzero(one.small), found.exposed)[:2]:
            assert whole_values(one.system, found.hidden, int(cell), wanted) == wanted.tolist()
            checked += 1
    assert checked >= 4


def test_every_table_of_whole_numbers_one_by_one() -> None:
    """A 2 × 2 table shown as counted: the tables that agree with what is shown, all listed."""
    inner = np.array([[2.0, 7.0], [9.0, 30.0]])
    full = np.block([[inner, inner.sum(1, keepdims=True)], [inner.sum(0, keepdims=True), inner.sum()]])
    one = next(f for f in (family(s, (EXACTLY,)) for s in range(0, 200, 5)) if f.system.matrix.shape == (6, 9))
    system = shown_exactly(one.system, full.ravel())
    found = protect(system)
    _, box = relations_of(system, found.hidden)
    possible = [
        table
        for a, b, c, d in product(range(10), range(10), range(12), range(25, 41))
        if within(table := np.array([a, b, a + b, c, d, c + d, a + c, b + d, a + b + c + d], dtype=float), box)
    ]
    few = {int(table[0]) for table in possible}
    assert {1, 2, 3, 4} <= few
    for cell in np.flatnonzero(is_hidden(system, found.hidden)):
        values = [table[cell] for table in possible]
        assert max(values) - min(values) >= 4


def within(table: np.ndarray, box: np.ndarray) -> bool:
    return bool(((table >= box[:, 0]) & (table <= box[:, 1])).all())


def shown_exactly(like: System, values: np.ndarray) -> System:
    few = (values > 0) & (values < 5)
    return System(
        **{
            **vars(like),
            "values": values,
            "shown_low": values,
            "shown_high": values,
            "hidden_low": np.zeros(9),
            "hidden_high": np.full(9, 40.0 + values),
            "wanted_low": np.where(few, 1.0, np.nan),
            "wanted_high": np.where(few, 4.0, np.nan),
            "wanted_width": np.full(9, 5.0),
            "must": few,
            "may": np.ones(9, dtype=bool),
            "cost": 1.0 + np.log1p(values),
        }
    )


def ratios(seeds: range) -> list[tuple[float, float]]:
    """(greedy cost, least cost) of the families that need anything hidden."""
    pairs = []
    for system in (family(seed, (EXACTLY,)).system for seed in seeds):
        start = hide_greedily(system)
        exact = hide_exactly(system, start)
        if exact is not None and exact.any():
            pairs.append((float(system.cost[start.hidden].sum()), float(system.cost[exact].sum())))
    return pairs


def check(pairs: list[tuple[float, float]]) -> None:
    greedy, best = np.array(pairs).T
    print(f"greedy / optimum {greedy.sum() / best.sum():.3f}, worst {(greedy / best).max():.2f}, {len(best)} families")
    assert (greedy >= best - 1e-6).all()
    assert greedy.sum() <= 1.3 * best.sum()


def test_the_greedy_choice_is_near_the_optimum() -> None:
    """What is hidden in all families together costs at most 1.3 times what the optimum costs."""
    pairs = ratios(range(10, 16))
    assert len(pairs) >= 4
    check(pairs)


@pytest.mark.slow
def test_the_greedy_choice_is_near_the_optimum_in_many_families() -> None:
    check(ratios(range(200)))
