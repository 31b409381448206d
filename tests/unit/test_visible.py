"""The visible part of a debt: a planted excess of a queue is found; a queue that cannot be judged is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ennakointi.debt import service_series, visible
from ennakointi.debt.service_series import Account, ServiceSeries
from ennakointi.periods import month_index
from ennakointi.sample_paths import PooledFactors

FIRST, LAST = month_index(2012, 1), month_index(2023, 6)
ACCOUNT = Account(FIRST, month_index(2017, 1), month_index(2019, 12), month_index(2020, 3), month_index(2021, 12), LAST)
MONTHS = np.arange(FIRST, LAST + 1)
WINDOW = ACCOUNT.window_start <= MONTHS
HORIZON = len(ACCOUNT.months)
PLAIN = PooledFactors(*(np.full(HORIZON, value) for value in (1.0, 1.0, 20.0)))
GROWTH = np.exp(0.02 * (MONTHS - FIRST) / 12)  # two per cent a year more need the service
SEASON = 1 + 0.3 * np.sin(2 * np.pi * MONTHS / 12)


def series(waiting: np.ndarray, expected: np.ndarray | None = None) -> ServiceSeries:
    contacts = 1000 * GROWTH if expected is None else expected
    ones = np.ones(len(MONTHS))
    return ServiceSeries("primary_care", ACCOUNT, ("398",), MONTHS, contacts, contacts, ones, waiting, ones)


def queue(rng: np.random.Generator, level: float = 400.0, sd: float = 0.04) -> np.ndarray:
    """Referrals waiting: proportional to expected use, with a season and autocorrelated noise."""
    errors = rng.normal(0, sd, len(MONTHS))
    for i in range(1, len(errors)):
        errors[i] += 0.4 * errors[i - 1]
    return np.round(level * GROWTH * SEASON * np.exp(errors))


def excess(one: ServiceSeries, factors: PooledFactors = PLAIN, seed: int = 1) -> np.ndarray:
    found = visible.excess(one, factors, 300, seed, "damped")
    assert found is not None
    return found


def test_a_planted_excess_of_a_seasonal_growing_queue_is_found_within_its_interval() -> None:
    planted = 150.0
    inside, errors = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        one = series(queue(rng) + planted * WINDOW)
        factors = visible.calibrate([series(queue(rng)) for _ in range(6)], HORIZON, seed, "damped")
        at_end = excess(one, factors, seed)[:, ACCOUNT.window_end - ACCOUNT.window_start]
        low, high = np.quantile(at_end, [0.025, 0.975])
        inside.append(low <= planted <= high)
        errors.append(at_end.mean() - planted)
    assert sum(inside) >= 10
    assert abs(np.mean(errors)) < 25  # of an expected queue of about 460
    assert excess(series(queue(np.random.default_rng(1)))).mean() == pytest.approx(0, abs=40)


def test_the_expected_queue_grows_with_expected_use_and_keeps_its_season() -> None:
    """Without noise nothing is in excess, in any month of the season; use that doubles in 2020 doubles the queue."""
    calm = excess(series(400 * GROWTH * SEASON)).mean(axis=0)
    assert np.abs(calm).max() < 0.06 * 460
    doubled = 1000 * GROWTH * np.where(ACCOUNT.baseline_end < MONTHS, 2.0, 1.0)
    assert excess(series(400 * GROWTH * SEASON, doubled)).mean(axis=0) == pytest.approx(
        -400 * (GROWTH * SEASON)[WINDOW], abs=0.06 * 920
    )


def test_no_queue_in_the_source_is_not_a_queue_without_excess() -> None:
    assert visible.excess(series(np.full(len(MONTHS), np.nan)), PLAIN, 20, 1, "damped") is None


def test_a_register_that_begins_inside_the_baseline_or_ends_early_tells_no_excess() -> None:
    waiting = queue(np.random.default_rng(1))
    late = np.where(ACCOUNT.baseline_start + 14 > MONTHS, np.nan, waiting)
    assert visible.excess(series(late), PLAIN, 20, 1, "damped") is None
    ended = np.where(LAST == MONTHS, np.nan, waiting)
    assert visible.excess(series(ended), PLAIN, 20, 1, "damped") is None
    before = np.where(ACCOUNT.baseline_start > MONTHS, np.nan, waiting)
    assert visible.excess(series(before), PLAIN, 20, 1, "damped") is not None


def test_the_register_begins_where_its_queue_does_unless_that_may_be_chance() -> None:
    """Months before the register's first queue are unknown; a queue of one or two may have been empty till then."""
    start = ACCOUNT.baseline_start + 14
    rows = pd.DataFrame({"service": "primary_care", "municipality": "398", "month": MONTHS}).assign(
        waiting=np.where(start > MONTHS, 0.0, 40.0)
    )
    other = rows.assign(service="emergency", waiting=3.0)
    both = pd.concat([rows[rows["waiting"] > 0], other])
    found = service_series._waiting(both, "primary_care", ("398",), MONTHS)
    assert np.isnan(found[start > MONTHS]).all()
    assert (found[start <= MONTHS] == 40).all()
    few = service_series._waiting(both.assign(waiting=1.0), "primary_care", ("398",), MONTHS)
    assert (few[start > MONTHS] == 0).all()


def test_a_baseline_without_a_queue_expects_none() -> None:
    waiting = np.where(WINDOW, 250.0, 0.0)
    found = excess(series(waiting))
    assert (found == 250).all()
    assert found.shape == (300, HORIZON)


def test_nobody_is_expected_to_wait_less_than_not_at_all() -> None:
    rng = np.random.default_rng(2)
    one = series(rng.poisson(2.0, len(MONTHS)).astype(float))
    at = one.between(one.waiting, ACCOUNT.window_start, LAST)
    assert (excess(one, replace(PLAIN, factor80=np.full(HORIZON, 5.0))) <= at).all()


def test_factors_widen_the_interval_and_leave_its_middle() -> None:
    one = series(queue(np.random.default_rng(4)))
    plain, wide = excess(one), excess(one, replace(PLAIN, factor80=np.full(HORIZON, 2.0)))
    assert wide.std(axis=0) == pytest.approx(2 * plain.std(axis=0), rel=0.05)
    middle = excess(one, replace(PLAIN, factor80=np.full(HORIZON, 1e-9)))  # the point itself
    assert wide.mean(axis=0) == pytest.approx(middle.mean(axis=0), abs=1.0)


def test_factors_are_near_one_for_queues_that_are_as_assumed_and_wider_for_others() -> None:
    """Chance about a level is what the paths describe; that of a random walk grows beyond what three years tell."""
    rng = np.random.default_rng(6)
    level = [series(rng.poisson(400 * GROWTH).astype(float)) for _ in range(16)]
    walks = [series(400 * GROWTH * np.exp(np.cumsum(rng.normal(0, 0.03, len(MONTHS))))) for _ in range(16)]
    found, wider = (visible.calibrate(queues, HORIZON, 1, "damped").factor80 for queues in (level, walks))
    assert np.isfinite(found).sum() == HORIZON
    assert found.mean() == pytest.approx(1, abs=0.25)
    assert found.min() >= visible.LEAST_FACTOR
    assert found.max() <= 1.4
    assert wider.min() > 1.4


def test_queues_that_hardly_are_teach_nothing() -> None:
    assert np.isnan(visible.calibrate([series(np.full(len(MONTHS), np.nan))], 12, 1, "damped").factor80).all()
    assert np.isnan(visible.calibrate([series(0.01 * np.ones(len(MONTHS)))], 12, 1, "damped").factor80).all()


def test_the_last_known_factor_reaches_on() -> None:
    assert visible.reaching(np.array([1.0, 1.5, np.nan]), 5).tolist() == [1.0, 1.5, 1.5, 1.5, 1.5]
    assert visible.reaching(np.full(3, np.nan), 2).tolist() == [1.0, 1.0]
