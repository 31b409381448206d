"""Compartments by months waited: worked by hand, calibrated on a known world, and split in half."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi.panel.queue_flows import LONGEST
from ennakointi.queues import compartments
from ennakointi.queues.compartments import Rates, calibrate, coming_in, project
from ennakointi.queues.service_queue import WEEKS_PER_MONTH, ServiceQueue

RENEGE, PROPENSITY = np.array([0.1, 0.2, 0.0]), np.array([1.0, 2.0, 1.0])
RATES = Rates(RENEGE, PROPENSITY, RENEGE, PROPENSITY, 0.0)
START = np.array([10.0, 5.0, 0.0])


def one(received: float, treatments: float) -> np.ndarray:
    return project(START, np.array([[received]]), np.array([[treatments]]), RATES)[0, 0]


def test_a_month_worked_by_hand() -> None:
    """20 come to (10, 5, 0): I = (20, 10, 5), staying (18, 8, 5), weights (20, 20, 5), 9 treatments: (4, 4, 1)."""
    assert coming_in(np.array(20.0), START).tolist() == [20, 10, 5]
    assert one(20, 9) == pytest.approx([14, 4, 4])


def test_treatments_that_one_compartment_does_not_need_go_to_the_others() -> None:
    """27 treatments: (12, 12, 3), but only 8 stay in the second; its 4 go to the others by weight, 20 to 5."""
    assert one(20, 27) == pytest.approx([18 - 12 - 3.2, 0, 5 - 3 - 0.8])
    assert one(20, 1000) == pytest.approx([0, 0, 0])


def test_waits_that_were_never_treated_take_what_is_left() -> None:
    idle = Rates(np.zeros(3), np.array([1.0, 0.0, 0.0]), np.zeros(3), np.zeros(3), 0.0)
    assert project(START, np.array([[4.0]]), np.array([[10.0]]), idle)[0, 0] == pytest.approx([0, 6, 3])


def world(months: int, rates: Rates, seed: int = 1, size: int = 3) -> tuple[np.ndarray, ...]:
    """A queue that follows the equation exactly: received (n,), waiting (n + 1, k), started (n, k)."""
    rng = np.random.default_rng(seed)
    received = rng.integers(400, 600, months).astype(float)
    treatments = rng.integers(380, 450, months).astype(float)
    waiting = np.zeros((months + 1, size))
    waiting[0, :3] = (900.0, 500.0, 200.0)
    started = np.zeros((months, size))
    for month in range(months):
        into = coming_in(received[month], waiting[month])
        weight = rates.propensity * into
        started[month] = treatments[month] * weight / weight.sum()
        waiting[month + 1] = into * (1 - rates.renege) - started[month]
    assert waiting.min() >= 0
    return received, waiting, started


def test_calibration_finds_the_rates_and_projection_the_queue() -> None:
    renege, propensity = np.array([0.02, 0.05, 0.08]), np.array([1.0, 2.0, 3.0])
    known = Rates(renege, propensity, renege, propensity, 0.0)
    received, waiting, started = world(24, known)
    found = calibrate(received, waiting, started)
    assert found.renege == pytest.approx(renege)
    # the shares treated move with the months' treatments; their ratios are the propensities
    assert found.propensity / found.propensity[0] == pytest.approx(propensity, rel=0.02)
    assert found.missing_referrals == pytest.approx(0, abs=1e-9)
    path = project(waiting[0], received[None], started.sum(axis=1)[None], found)[0]
    assert path.sum(axis=1) == pytest.approx(waiting[1:].sum(axis=1), rel=0.005)


def test_negative_reneging_is_missing_referrals() -> None:
    """Of 100 a month 30 are treated and 80 wait: ten more than came must have been referred. Their share is no rate."""
    months = 12
    waiting = np.tile([80.0, 0.0], (months + 1, 1))
    started = np.tile([30.0, 80.0], (months, 1))
    found = calibrate(np.full(months, 100.0), waiting, started)
    assert found.renege.tolist() == [0.0, 0.0]
    assert found.missing_referrals == 10 * months


def test_hazards_count_the_time_at_risk() -> None:
    """Constant hazards of leaving (.1) and of care (.5) a month: followed person by person, found from the months."""
    rng = np.random.default_rng(7)
    n, months = 200_000, 30
    came, wait = rng.uniform(0, months, n), rng.exponential(1 / 0.6, n)
    by_care, left = rng.random(n) < 0.5 / 0.6, came + wait
    waiting, started = np.zeros((months, 12)), np.zeros((months, 12))
    for month in range(months):
        waited = np.minimum(month - np.floor(came), 11).astype(int)
        inside = (came < month + 1) & (left >= month)
        np.add.at(waiting[month], waited[inside & (left >= month + 1)], 1)
        np.add.at(started[month], waited[inside & (left < month + 1) & by_care], 1)
    received = np.histogram(came, np.arange(months + 1))[0].astype(float)
    found = calibrate(received[1:], waiting, started[1:])
    assert found.renege_hazard[:5] == pytest.approx(0.1, abs=0.01)
    assert found.care_hazard[:5] == pytest.approx(0.5, abs=0.03)


def test_thin_compartments_share_their_rates() -> None:
    risk = np.array([100.0, 15.0, 10.0, 3.0])
    ended = np.array([10.0, 6.0, 5.0, 3.0])
    rates = compartments._pooled(ended, risk, risk)
    assert rates == pytest.approx([0.1, 14 / 28, 14 / 28, 14 / 28])


def test_draws_are_projected_alike_one_by_one() -> None:
    rng = np.random.default_rng(2)
    received, treatments = rng.uniform(0, 40, (6, 9)), rng.uniform(0, 40, (6, 9))
    together = project(START, received, treatments, RATES)
    assert together.shape == (6, 9, 3)
    for p in range(6):
        alone = project(START, received[p : p + 1], treatments[p : p + 1], RATES)[0]
        assert together[p] == pytest.approx(alone)


def queue_of(received: np.ndarray, waiting: np.ndarray, started: np.ndarray) -> ServiceQueue:
    into = np.array([coming_in(r, w) for r, w in zip(received, waiting[:-1], strict=True)])
    left = into - started - waiting[1:]
    first = np.zeros((1, waiting.shape[1]))
    return ServiceQueue(
        "oral_health",
        np.arange(len(waiting)),
        ("398",),
        0,
        waiting,
        np.vstack([first, started]),
        np.vstack([first, left]),
    )


def test_split_half_backtest() -> None:
    """A world with constant rates is foreseen; one where nobody leaves any more in the second half is told too small,
    by what the old rate takes: the error is that of a projection by hand."""
    renege, propensity = np.full(4, 0.1), np.ones(4)
    known = Rates(renege, propensity, renege, propensity, 0.0)
    received, waiting, started = world(24, known, size=4)
    exact = compartments.backtest(queue_of(received, waiting, started))
    assert exact.error_6 == pytest.approx(0, abs=1e-9)
    assert exact.error_12 == pytest.approx(0, abs=1e-9)

    size, told = [waiting[12].sum()], [waiting[12].sum()]
    for month in range(12, 24):
        treated = started[month].sum()
        size.append(size[-1] + received[month] - treated)
        told.append(0.9 * (told[-1] + received[month]) - treated)
        into = coming_in(received[month], waiting[month])
        waiting[month + 1] = into - treated * into / into.sum()
        started[month] = treated * into / into.sum()
    tested = compartments.backtest(queue_of(received, waiting, started))
    assert tested.error_6 == pytest.approx(1 - told[6] / size[6])
    assert tested.error_12 == pytest.approx(1 - told[12] / size[12])
    assert tested.error_12 > tested.error_6 > 0.05


def test_a_short_history_has_no_backtest() -> None:
    received, waiting, started = world(23, RATES)
    assert np.isnan(compartments.backtest(queue_of(received, waiting, started)).error_6)


def test_mean_wait_counts_from_the_middle_of_the_month() -> None:
    waiting = np.zeros((2, LONGEST + 1))
    waiting[1, :2] = 30, 10
    queue = ServiceQueue("oral_health", np.arange(2), ("398",), 0, waiting, waiting * 0, waiting * 0)
    assert np.isnan(queue.mean_wait_weeks[0])
    assert queue.mean_wait_weeks[1] == pytest.approx((30 * 0.5 + 10 * 1.5) / 40 * WEEKS_PER_MONTH)
