"""Published check values of the formulas of waiting lists, the two published defects, and growth that is none."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pytest

from ennakointi.periods import day_number
from ennakointi.queues import formulas, growth, pressure

NO_EXIT = float("nan")


def test_factor_from_share() -> None:
    assert formulas.factor_from_share(0.92) == pytest.approx(2.526, abs=0.0005)
    assert formulas.factor_from_share(0.95) == pytest.approx(2.996, abs=0.0005)
    assert formulas.factor_from_share(0.982) == pytest.approx(4.017, abs=0.0005)
    for share in (0.0, 1.0, 1.2):
        with pytest.raises(ValueError, match="between 0 and 1"):
            formulas.factor_from_share(share)


def test_published_check_values() -> None:
    """Fong, Walton et al. 2022 and the examples of the reference R package."""
    assert formulas.load(30, 40) == 0.75
    assert math.isinf(formulas.load(30, 0))
    assert formulas.target_mean_wait(52, 4) == 13
    assert formulas.target_queue(30, 52, 4) == 390
    assert formulas.relief_capacity(30, 1200, 390, 26) == pytest.approx(61.15, abs=0.005)
    assert math.isnan(formulas.relief_capacity(30, 780, 390, 26))
    assert formulas.pressure(63, 52) == pytest.approx(2.423, abs=0.0005)


def kingman_wait(demand: float, capacity: float, cv2: float) -> float:
    """Mean wait in the queue with one server: ρ/(1 − ρ) · (cv_a² + cv_s²)/2 / C."""
    rho = demand / capacity
    return rho / (1 - rho) * cv2 / 2 / capacity


@pytest.mark.parametrize("cv2", [0.3, 2.0, 5.0])
def test_target_capacity_is_the_inverse_of_kingman(cv2: float) -> None:
    capacity = formulas.target_capacity(30, 13, cv2 / 3, 2 * cv2 / 3)
    assert kingman_wait(30, capacity, cv2) == pytest.approx(13)


def test_target_capacity_tends_to_the_heavy_traffic_formula() -> None:
    """D + (cv_a² + cv_s²)/2 · f/T, as Fong et al. give it, where demand × wait is large."""
    limit, factor, cv2 = 52.0, 4.0, (1.2, 0.6)
    added = [formulas.target_capacity(d, limit / factor, *cv2) - d for d in (0.5, 30.0, 3000.0)]
    limiting = sum(cv2) / 2 * factor / limit
    assert added[2] == pytest.approx(limiting, rel=1e-4)
    assert abs(added[0] - limiting) > abs(added[1] - limiting) > abs(added[2] - limiting)


def all_targets(capacity: float, queue: float = 1200, leaving: float = 0.0) -> formulas.Targets:
    return formulas.targets(
        30, capacity, queue, leaving=leaving, limit=52, factor=4, weeks=26, cv2_arrivals=1, cv2_treatments=1
    )


def test_no_target_without_a_steady_state() -> None:
    """ρ ≥ 1: no target; the capacity that would relieve the queue is an answer all the same."""
    for capacity in (30.0, 25.0, 0.0):
        found = all_targets(capacity)
        assert not found.steady
        assert found.load >= 1
        assert all(math.isnan(x) for x in (found.mean_wait, found.queue, found.capacity))
        assert found.relief_capacity == pytest.approx(61.15, abs=0.005)
    found = all_targets(31.0, queue=400)
    assert found.steady
    assert (found.mean_wait, found.queue) == (13, 390)
    assert found.capacity == formulas.target_capacity(30, 13, 1, 1)
    assert math.isnan(found.relief_capacity)


def test_those_who_leave_need_no_treatment() -> None:
    """Worked by hand: 30 come, 3 leave, 28 are treated: load 27/28, and 27 + 810/26 treatments relieve the queue."""
    found = all_targets(28.0, leaving=3.0)
    assert found.load == pytest.approx(27 / 28)
    assert found.queue == 390
    assert found.relief_capacity == pytest.approx(27 + 810 / 26)
    assert found.capacity == formulas.target_capacity(27, 13, 1, 1)


def days(*texts: str) -> np.ndarray:
    return np.array([day_number(date.fromisoformat(text)) for text in texts])


# The example of the R package's documentation, and two who joined before the window: one left before it, one waits.
ENTERED = days("2023-11-01", "2023-12-20", "2024-01-01", "2024-01-04", "2024-01-10", "2024-01-16")
LEFT = np.array([*days("2023-12-01"), NO_EXIT, *days("2024-01-08"), NO_EXIT, NO_EXIT, NO_EXIT])
WINDOW = np.arange(*days("2024-01-01", "2024-01-17"))


def moved_to_the_start(entered: np.ndarray, left: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The published queue size (NHSRwaitinglist, wl_queue_size): earlier entries are moved to the first day, exits
    before it are dropped, so whoever left before the window is counted in all of it."""
    moved = np.maximum(entered, window[0])
    exits = left[(left >= window[0]) & (left <= window[-1])]
    return np.array([(moved <= day).sum() - (exits <= day).sum() for day in window])


def entries_of_the_window(entered: np.ndarray, left: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The other defect: only entries of the window count, so whoever joined before it and waits is lost."""
    inside = entered >= window[0]
    return np.array([(entered[inside] <= day).sum() - (left[inside] <= day).sum() for day in window])


def test_queue_size_counts_whoever_waits_and_nobody_who_left() -> None:
    """On the last day four wait: those of 20 December, 4, 10 and 16 January."""
    size = formulas.queue_size(ENTERED, LEFT, WINDOW)
    assert size.tolist() == [2, 2, 2, 3, 3, 3, 3, 2, 2, 3, 3, 3, 3, 3, 3, 4]
    assert moved_to_the_start(ENTERED, LEFT, WINDOW)[-1] == 5
    assert entries_of_the_window(ENTERED, LEFT, WINDOW)[-1] == 3


def test_pressure_takes_both_times_in_one_unit() -> None:
    """On 16 January those of the published example have waited 12, 6 and 0 days; the limit is 4 weeks."""
    mean_days, limit_weeks = (12 + 6 + 0) / 3, 4.0
    assert formulas.pressure(mean_days / 7, limit_weeks) == pytest.approx(3 / 7)
    published = 2 * mean_days / limit_weeks  # days over weeks: an easy queue looks three times overfull
    assert published == 3.0
    assert formulas.pressure(mean_days, 7 * limit_weeks) == formulas.pressure(mean_days / 7, limit_weeks)


def test_pressure_is_one_when_everybody_is_treated_in_order_at_the_limit() -> None:
    entered = np.arange(0, 3000)
    elapsed = 2000 - entered[(entered <= 2000) & (entered + 364 > 2000)]
    assert formulas.pressure(float(elapsed.mean()) / 7, 52) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("cv2", [0.4, 1.0, 2.5])
def test_dispersion_of_months_tells_the_variation_of_times(cv2: float) -> None:
    """Gamma-distributed times between events, counted by month: the index of dispersion finds their cv²."""
    rng = np.random.default_rng(4)
    found = []
    for _ in range(400):
        times = np.cumsum(rng.gamma(1 / cv2, cv2 / 50, 1600))  # 50 events a month
        counts = np.histogram(times, np.arange(1, 26))[0].astype(float)
        found.append(pressure.dispersion(counts * 1.0))
    assert np.mean(found) == pytest.approx(cv2, rel=0.1)


def test_a_season_or_growth_is_no_variation_of_times() -> None:
    season = 100 + 40 * np.sin(2 * np.pi * np.arange(24) / 12)
    assert pressure.dispersion(season) == pytest.approx(0, abs=1e-20)
    assert pressure.dispersion(season + 20.0 * (np.arange(24) >= 12)) == pytest.approx(0, abs=1e-20)
    assert pressure.dispersion(np.zeros(24)) == 0


def autocorrelated(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    errors = rng.normal(0, 1, n + 60)
    for i in range(1, len(errors)):
        errors[i] += phi * errors[i - 1]
    return errors[60:]


SEASON = 30 * np.sin(2 * np.pi * np.arange(37) / 12)


@pytest.mark.parametrize("n", [25, 37])
def test_growth_is_not_seen_where_there_is_none(n: int) -> None:
    """False alarms at the nominal 5 %, with a season: changes without memory, with autocorrelation .4, and a queue that
    always comes back to its level. Newey–West on a hundred months had 20–27 %."""
    rng = np.random.default_rng(1)
    quiet = {
        "changes without memory": lambda: 5 * np.cumsum(autocorrelated(rng, n, 0.0)),
        "autocorrelated changes": lambda: 5 * np.cumsum(autocorrelated(rng, n, 0.4)),
        "a steady level": lambda: 20 * autocorrelated(rng, n, 0.8),
    }
    alarms = {
        name: np.mean([growth.of(500 + SEASON[:n] + made()).verdict != "unclear" for _ in range(800)])
        for name, made in quiet.items()
    }
    assert 0.03 <= alarms["changes without memory"] <= 0.075
    assert alarms["autocorrelated changes"] <= 0.11
    assert alarms["a steady level"] <= 0.05


def test_growth_is_seen_where_there_is_one() -> None:
    rng = np.random.default_rng(2)
    made = [growth.of(500 + SEASON + 5 * np.cumsum(rng.normal(0, 1, 37)) + 8.0 * np.arange(37)) for _ in range(200)]
    assert np.mean([g.verdict == "growing" for g in made]) > 0.95
    assert np.mean([g.per_month for g in made]) == pytest.approx(8, abs=0.4)
    assert np.mean([g.interval[0] <= 8 <= g.interval[1] for g in made]) == pytest.approx(0.95, abs=0.04)
    falling = growth.of(900 + SEASON - 8.0 * np.arange(37))
    assert (falling.per_month, falling.sd, falling.verdict) == (pytest.approx(-8), pytest.approx(0), "shrinking")


def test_the_interval_of_growth_is_student_s() -> None:
    told = growth.Growth(4.0, 2.0, 3)
    assert told.interval == pytest.approx((4 - 3.182446 * 2, 4 + 3.182446 * 2), abs=1e-4)  # t with 3 df in any table


def test_growth_needs_two_years() -> None:
    with pytest.raises(ValueError, match="needs 25 month-ends, but has 24"):
        growth.of(np.arange(24.0))
