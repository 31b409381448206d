"""Weighted Kaplan–Meier: risks and mean times by hand, and their errors in repeated samples."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi.causal import survival
from ennakointi.errors import DataError

TIME = np.array([2.0, 3, 3, 5, 6, 6, 8, 10])
EVENT = np.array([1, 1, 0, 1, 1, 0, 0, 0], bool)


def test_curve_with_ties_by_hand() -> None:
    """At 2 one of 8, at 3 one of 7 (the person censored at 3 is still at risk), at 5 one of 5, at 6 one of 4."""
    found = survival.kaplan_meier(TIME, EVENT, np.ones(8), 8.0)
    steps = np.array([7 / 8, 7 / 8 * 6 / 7, 7 / 8 * 6 / 7 * 4 / 5, 7 / 8 * 6 / 7 * 4 / 5 * 3 / 4])
    assert found.time.tolist() == [2, 3, 5, 6]
    assert found.survival == pytest.approx(steps)
    assert found.risk == pytest.approx(1 - 0.45)
    assert found.mean == pytest.approx(2 + 0.875 * 1 + 0.75 * 2 + 0.6 * 1 + 0.45 * 2)
    assert found.at(np.array([0.0, 1.9, 2.0, 5.5, 8.0])) == pytest.approx([1, 1, 0.875, 0.6, 0.45])


def test_influences_are_the_derivatives_by_the_weights() -> None:
    rng = np.random.default_rng(1)
    weight, step = rng.uniform(0.5, 2, 8), 1e-6
    found = survival.kaplan_meier(TIME, EVENT, weight, 9.0)
    for person in range(8):
        more = weight.copy()
        more[person] += step
        moved = survival.kaplan_meier(TIME, EVENT, more, 9.0)
        assert (moved.risk - found.risk) / step * weight[person] == pytest.approx(
            found.risk_influence[person], abs=1e-5
        )
        assert (moved.mean - found.mean) / step * weight[person] == pytest.approx(
            found.mean_influence[person], abs=1e-4
        )


def sample(rng: np.random.Generator, n: int) -> tuple[np.ndarray, ...]:
    """Whole days to an event with hazards 1/200 and 1/100 a day, censored evenly between 30 and 365 days."""
    treated = rng.random(n) < 0.4
    day = np.ceil(rng.exponential(np.where(treated, 200, 100)))
    end = np.ceil(rng.uniform(30, 365, n))
    return np.minimum(day, end), day <= end, treated


def test_planted_difference_is_covered_at_the_nominal_level() -> None:
    """Risk by day 180: exp(−1.8) − exp(−0.9); mean days by day 180: the sums of both curves' whole days."""
    truth = np.exp(-1.8) - np.exp(-0.9)
    days = np.arange(180)
    mean_truth = (np.exp(-days / 200) - np.exp(-days / 100)).sum()
    inside, runs = np.zeros(2), 300
    for seed in range(runs):
        time, event, treated = sample(np.random.default_rng(seed), 400)
        found = survival.risk_difference(time, event, treated, np.ones(400), 180.0)
        inside += [
            abs(found.risk.difference - truth) <= 1.96 * found.risk_error,
            abs(found.mean_time.difference - mean_truth) <= 1.96 * found.mean_time_error,
        ]
    assert (inside / runs >= 0.92).all()
    assert (inside / runs <= 0.98).all()


def test_a_person_at_two_index_dates_counts_once() -> None:
    time, event, treated = sample(np.random.default_rng(2), 500)
    twice = [np.tile(values, 2) for values in (time, event, treated)]
    once = survival.risk_difference(time, event, treated, np.ones(500), 180.0)
    both = survival.risk_difference(*twice, np.ones(1000), 180.0, np.tile(np.arange(500), 2))
    assert both.risk_error == pytest.approx(once.risk_error)
    assert survival.risk_difference(*twice, np.ones(1000), 180.0).risk_error < 0.75 * once.risk_error


def test_horizon_is_where_a_tenth_is_followed_and_never_beyond() -> None:
    time, treated = np.tile(np.arange(1.0, 101), 2), np.repeat([True, False], 100)
    event = np.zeros(200, bool)
    event[[5, 120]] = True
    assert survival.risk_difference(time, event, treated, np.ones(200)).horizon == 91
    with pytest.raises(DataError, match="the horizon 200 lies outside the follow-up"):
        survival.risk_difference(time, event, treated, np.ones(200), 200.0)


def test_everybody_with_the_event_leaves_nobody_and_no_error() -> None:
    found = survival.kaplan_meier(np.array([1.0, 2, 2]), np.ones(3, bool), np.ones(3), 3.0)
    assert (found.risk, found.mean) == pytest.approx((1.0, 5 / 3))
    assert found.risk_influence.tolist() == [0, 0, 0]
    assert found.mean_influence == pytest.approx((np.array([1, 2, 2]) - 5 / 3) / 3)
