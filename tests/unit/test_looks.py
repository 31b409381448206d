"""Levels of repeated looks against published bounds, and what they do to false positives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from ennakointi.effectiveness import looks
from ennakointi.effectiveness.looks import level_at, nominal_levels


@pytest.mark.parametrize(
    ("number", "bounds"),
    [(1, [1.96]), (2, [2.963, 1.969]), (3, [3.710, 2.511, 1.993]), (5, [4.877, 3.357, 2.680, 2.290, 2.031])],
)
def test_bounds_are_those_of_obrien_and_fleming_spending(number: int, bounds: list[float]) -> None:
    assert norm.isf(np.array(nominal_levels(number)) / 2) == pytest.approx(bounds, abs=0.002)


def test_bounds_are_those_of_pocock_spending() -> None:
    levels = nominal_levels(5, spending=looks.POCOCK)
    assert norm.isf(np.array(levels) / 2) == pytest.approx([2.438, 2.427, 2.410, 2.396, 2.386], abs=0.002)
    assert nominal_levels(3, 0.1, looks.LAST_LOOK_ONLY) == (0.0, 0.0, 0.1)


def test_looks_at_their_levels_find_nothing_in_19_of_20_null_studies() -> None:
    rng = np.random.default_rng(1)
    statistic = rng.standard_normal((40_000, 4)).cumsum(axis=1) / np.sqrt([1, 2, 3, 4])
    found = np.abs(statistic) > norm.isf(np.array(nominal_levels(4)) / 2)
    assert found.any(axis=1).mean() == pytest.approx(0.05, abs=0.004)
    assert (np.abs(statistic) > norm.isf(0.025)).any(axis=1).mean() > 0.11


def test_no_level_before_the_first_decision_and_the_last_one_holds_after_it() -> None:
    levels = nominal_levels(2)
    found = [level_at([10, 20], month, 0.05, looks.OBRIEN_FLEMING) for month in (9, 10, 19, 20, 40)]
    assert found == [0.0, levels[0], levels[0], levels[1], levels[1]]
