"""What must hold for any roll-out and any weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.causal import difference, randomisation, survival, weighting
from ennakointi.causal.areas import NEVER
from ennakointi.causal.difference import Noise
from ennakointi.effectiveness import verdicts
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.results import Check

AREAS, PERIODS = 6, 12
starts_of = st.lists(st.sampled_from([4, 6, 8, NEVER]), min_size=AREAS, max_size=AREAS).map(np.array)
seeds = st.integers(0, 2**32 - 1)


def design(starts: np.ndarray, seed: int) -> tuple[difference.Cells, np.ndarray, np.ndarray]:
    """Cells, changes and positive weights."""
    rng = np.random.default_rng(seed)
    cells = difference.group_time_cells(starts, 0, PERIODS - 1, step=1, base=3)
    return cells, rng.normal(size=(AREAS, len(cells))), rng.uniform(0.5, 2, (AREAS, len(cells)))


@given(starts_of, seeds)
@settings(max_examples=50, deadline=None)
def test_weights_of_treated_and_comparison_cancel_in_every_cell(starts: np.ndarray, seed: int) -> None:
    cells, _, weight = design(starts, seed)
    found, usable = difference.coefficients(starts[None], cells, weight)
    assert found[0].sum(axis=0) == pytest.approx(np.zeros(len(cells)), abs=1e-12)
    assert np.where(found[0] > 0, found[0], 0).sum() == pytest.approx(1.0 if usable[0] else 0.0)


@given(starts_of, seeds, st.floats(-2, 2))
@settings(max_examples=50, deadline=None)
def test_a_change_common_to_all_areas_is_no_effect(starts: np.ndarray, seed: int, common: float) -> None:
    cells, change, weight = design(starts, seed)
    found, _ = difference.coefficients(starts[None], cells, weight)
    assert (found[0] * (change + common)).sum() == pytest.approx((found[0] * change).sum(), abs=1e-9)


@given(starts_of, seeds)
@settings(max_examples=30, deadline=None)
def test_p_values_do_not_depend_on_the_order_of_the_areas(starts: np.ndarray, seed: int) -> None:
    if not ((starts < NEVER).any() and (starts == NEVER).any()):
        return
    cells, change, weight = design(starts, seed)
    order = np.random.default_rng(seed).permutation(AREAS)
    values = []
    for place in (np.arange(AREAS), order):
        rows, _ = randomisation.assignments(starts[place], np.ones(AREAS, bool), 2000, 0)
        against = randomisation.reference(rows, cells, weight[place], np.ones((AREAS, PERIODS)), 0, Noise(1, 0))
        values.append(randomisation.p_values(randomisation.statistics(against, change[place][None]))[0])
    assert values[0] == pytest.approx(values[1])
    assert 0 < values[0] <= 1


@given(seeds, st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_balancing_weights_are_a_distribution_with_the_means_of_the_enrolled(seed: int, columns: int) -> None:
    rng = np.random.default_rng(seed)
    both = weighting.standardised(np.vstack([rng.normal(0.3, 1, (200, columns)), rng.normal(size=(600, columns))]))
    goal, other = both[:200].mean(axis=0), both[200:]
    found = weighting.balancing_weights(goal, other, np.ones(600))
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(1)
    assert np.abs(found @ other - goal).max() < weighting.AIMED_DIFFERENCE


@given(seeds, st.integers(2, 40), st.integers(1, 12))
@settings(max_examples=50, deadline=None)
def test_survival_with_ties_keeps_its_laws(seed: int, persons: int, days: int) -> None:
    """The curve falls from 1, its influences cancel, and a person counted twice weighs as two persons."""
    rng = np.random.default_rng(seed)
    time, event = rng.integers(1, days + 1, persons).astype(float), rng.random(persons) < 0.6
    weight = rng.integers(1, 4, persons)
    found = survival.kaplan_meier(time, event, weight.astype(float), days)
    again = survival.kaplan_meier(np.repeat(time, weight), np.repeat(event, weight), np.ones(weight.sum()), days)
    assert (np.diff(np.append(1.0, found.survival)) <= 0).all()
    assert (found.risk, found.mean) == pytest.approx((again.risk, again.mean))
    assert found.risk_influence.sum() == pytest.approx(0, abs=1e-9)
    assert found.mean_influence.sum() == pytest.approx(0, abs=1e-8)
    assert 0 <= found.risk <= 1
    assert 0 <= found.mean <= days + 1e-9


@given(st.floats(-0.9, 2), st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 0.5))
@settings(max_examples=100, deadline=None)
def test_a_verdict_mirrors_when_more_is_better(middle: float, below: float, above: float, important: float) -> None:
    interval = Interval(middle, middle - below, middle + above)
    checks = (Check("balance", True, ""),)
    one = verdicts.verdict(interval, "fewer", important, "moderate", checks)
    other = verdicts.verdict(interval.turned(), "more", important, "moderate", checks)
    assert one == other
    broken = (Check("balance", False, "", critical=True),)
    assert verdicts.verdict(interval, "fewer", important, "moderate", broken) == verdicts.CANNOT_SAY


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8).map(np.array))
@settings(max_examples=100, deadline=None)
def test_holm_never_lowers_and_keeps_the_order(p_values: np.ndarray) -> None:
    adjusted = verdicts.holm(p_values)
    assert (adjusted >= p_values).all()
    assert (adjusted <= 1).all()
    assert (np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0).all()
