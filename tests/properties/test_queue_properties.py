"""What must hold for every queue: Little's law, conservation of people, no negative queue, order, and scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ennakointi.queues import formulas, growth
from ennakointi.queues.compartments import Rates, coming_in, project

seeds = st.integers(0, 2**32 - 1)
WINDOW = np.arange(0, 200)


def entries(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Some entered and left before the window, some wait through all of it, some never leave."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 60))
    entered = rng.integers(-150, 220, n)
    left = entered + rng.integers(0, 250, n).astype(float)
    left[rng.random(n) < 0.2] = np.nan
    return entered, left


@given(seed=seeds)
def test_littles_law(seed: int) -> None:
    """The queue summed over the days is the days waited in them, summed over people: L = λW."""
    entered, left = entries(seed)
    ended = np.where(np.isnan(left), WINDOW[-1] + 1, left)
    inside = np.minimum(ended, WINDOW[-1] + 1) - np.maximum(entered, WINDOW[0])
    assert formulas.queue_size(entered, left, WINDOW).sum() == np.maximum(inside, 0).sum()


@given(seed=seeds)
def test_people_are_conserved(seed: int) -> None:
    """A day's change of the queue is its entries less its exits, and the first day has whoever waits since before."""
    entered, left = entries(seed)
    size = formulas.queue_size(entered, left, WINDOW)
    flows = [(entered == day).sum() - (left == day).sum() for day in WINDOW]
    assert np.diff(size).tolist() == flows[1:]
    assert size[0] == ((entered <= WINDOW[0]) & ~(left <= WINDOW[0])).sum()
    assert (size >= 0).all()


@given(seed=seeds)
def test_queues_of_disjoint_lists_add_up(seed: int) -> None:
    entered, left = entries(seed)
    part = np.arange(len(entered)) % 2 == 0
    parts = [formulas.queue_size(entered[p], left[p], WINDOW) for p in (part, ~part)]
    assert (parts[0] + parts[1] == formulas.queue_size(entered, left, WINDOW)).all()


def case(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, Rates]:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 8))
    renege, propensity = rng.uniform(0, 0.4, k), rng.choice([0.0, 0.3, 1.0, 5.0], k)
    start = rng.choice([0.0, 4.0, 300.0], k)
    received, treatments = rng.uniform(0, 200, (3, 10)), rng.choice([0.0, 40.0, 180.0, 900.0], (3, 10))
    return start, received, treatments, Rates(renege, propensity, renege, propensity, 0.0)


@given(seed=seeds)
def test_the_projection_conserves_people(seed: int) -> None:
    """Month by month: before + referrals = after + left + treated, with 0 ≤ treated ≤ capacity, and all of it is used
    while somebody waits."""
    start, received, treatments, rates = case(seed)
    queue = project(start, received, treatments, rates)
    assert (queue >= 0).all()
    before = np.broadcast_to(start, (3, len(start)))
    for month in range(10):
        into = coming_in(received[:, month], before)
        staying = (into * (1 - rates.renege)).sum(axis=1)
        treated = staying - queue[:, month].sum(axis=1)
        assert treated == pytest.approx(np.minimum(staying, treatments[:, month]), abs=1e-6)
        before = queue[:, month]


@given(seed=seeds)
def test_more_treatments_never_make_a_longer_queue(seed: int) -> None:
    start, received, treatments, rates = case(seed)
    even = Rates(np.full_like(rates.renege, 0.05), rates.propensity, rates.renege, rates.propensity, 0.0)
    less, more = (project(start, received, t, even).sum(axis=-1) for t in (treatments, treatments + 15))
    assert (more <= less + 1e-6).all()


@given(seed=seeds, factor=st.sampled_from([0.5, 3.0, 1000.0]))
def test_the_projection_scales_with_the_people(seed: int, factor: float) -> None:
    start, received, treatments, rates = case(seed)
    told = project(start, received, treatments, rates)
    scaled = project(factor * start, factor * received, factor * treatments, rates)
    assert scaled == pytest.approx(factor * told, rel=1e-6, abs=1e-5 * factor)


@given(
    demand=st.floats(0.1, 1e3),
    limit=st.floats(1, 100),
    share=st.floats(0.5, 0.99),
    cv2=st.floats(0.01, 5),
)
def test_one_factor_joins_the_formulas(demand: float, limit: float, share: float, cv2: float) -> None:
    """The target queue is demand × target wait, and at the target capacity Kingman's wait is that wait: below capacity
    always, and the share p is treated within f such waits."""
    factor = formulas.factor_from_share(share)
    wait = formulas.target_mean_wait(limit, factor)
    capacity = formulas.target_capacity(demand, wait, cv2, cv2)
    assert formulas.target_queue(demand, limit, factor) == pytest.approx(demand * wait)
    assert capacity > demand
    assert cv2 * demand / (capacity * (capacity - demand)) == pytest.approx(wait, rel=1e-6)
    assert 1 - np.exp(-limit / wait) == pytest.approx(share)


@given(seed=seeds)
def test_growth_knows_no_season_level_or_unit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 300 + np.cumsum(rng.normal(0, 5, 37))
    season = np.tile(rng.normal(0, 40, 12), 4)[:37]
    told, moved = growth.of(size), growth.of(2 * (size + season) + 1000)
    assert moved.per_month == pytest.approx(2 * told.per_month, abs=1e-9)
    assert moved.sd == pytest.approx(2 * told.sd)
