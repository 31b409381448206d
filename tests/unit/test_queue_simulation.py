"""The simulated queue against queues whose solution is known, and the three ways against each other."""

from __future__ import annotations

import random

import ciw
import numpy as np
import pytest

from ennakointi.queues import comparison, compartments, simulation
from ennakointi.queues.service_queue import WEEKS_PER_MONTH
from ennakointi.queues.simulation import Waits

K = 6
NOBODY_LEAVES = Waits(np.zeros(K), np.full(K, 1.0))


def simulate(start, received, capacity, cv2, weeks, runs, waits=NOBODY_LEAVES, seed=1):
    return simulation.simulate(np.array(start, float), received, capacity, *cv2, waits, weeks, runs, seed)


def test_a_full_queue_grows_by_what_is_not_treated() -> None:
    """More come than are treated: the server never rests, and the queue is start + (D − C)·n at any variation."""
    found = simulate([20, 15, 10, 5, 0, 0], 5.0, 4.0, (1.5, 0.5), 20, 60)
    assert found.mean() == pytest.approx(50 + 20, abs=3 * found.std() / np.sqrt(60))
    # renewal counts: the variance is (cv_a²·D + cv_s²·C)·n
    assert found.std() == pytest.approx(np.sqrt((1.5 * 5 + 0.5 * 4) * 20), rel=0.35)


@pytest.mark.slow
@pytest.mark.parametrize(("cv2", "expected"), [((1.0, 1.0), 3.2), ((1.0, 0.0), 1.6)])
def test_queues_with_a_known_mean(cv2: tuple[float, float], expected: float) -> None:
    """M/M/1 and M/D/1 at load .8 (Pollaczek–Khinchine): ρ²(1 + cv_s²)/(2(1 − ρ)) wait, as Kingman's formula has it."""
    found = simulate([3, 0, 0, 0, 0, 0], 0.8, 1.0, cv2, 200, 900)
    assert found.mean() == pytest.approx(expected, abs=3 * found.std() / 30)
    assert found.std() < 3 * expected


def test_without_treatments_the_queue_dies_out_at_its_hazards() -> None:
    """Present since half a month and two and a half; hazards 1, .5, .2, .1, … a month from 0, .5, 1.5, 2.5 months."""
    hazards = np.array([1.0, 0.5, 0.2, 0.1, 0.1, 0.1])
    found = simulate([30, 0, 30, 0, 0, 0], 1e-6, 1e-6, (1, 1), 2 * WEEKS_PER_MONTH, 40, Waits(hazards, np.ones(K)))
    left = 30 * np.exp(-0.5 - 0.2) + 30 * np.exp(-0.2)
    assert found.mean() + 1 == pytest.approx(left, abs=1.5)  # one is with the only, endless server


def test_those_who_come_leave_at_the_hazards_of_new_ones() -> None:
    """An infinite queue without treatments: D weeks⁻¹ over a constant hazard, in steady state."""
    found = simulate([0] * K, 5.0, 1e-6, (1, 1), 40 * WEEKS_PER_MONTH / 10, 60, Waits(np.full(K, 1.0), np.ones(K)))
    months = 4.0
    assert found.mean() == pytest.approx(5 * WEEKS_PER_MONTH * (1 - np.exp(-months)), rel=0.08)


def test_care_goes_to_those_with_its_hazard() -> None:
    """Only those who have waited two months are treated: of those who leave at once nobody else is served first."""
    waits = Waits(np.array([0, 0, 0, 0, 0, 0.0]), np.array([0, 0, 0, 1.0, 1.0, 1.0]))
    clock = simulation._Clock([2.5, 0.5], waits)
    old, new = ciw.Individual(1, "present"), ciw.Individual(2, "present")
    old.arrival_date = new.arrival_date = 0.0
    assert {clock.next_treated([new, old], 0.1).id_number for _ in range(50)} == {1}


def test_a_long_queue_is_scaled_and_keeps_its_mean_and_spread() -> None:
    start = [600.0, 400.0, 200.0, 0, 0, 0]
    found = simulate(start, 110.0, 100.0, (4.0, 2.0), 20, 150)
    units = found / (1200 / simulation.LARGEST)
    assert units == pytest.approx(np.round(units))  # people move together in the same units in every run
    assert found.mean() == pytest.approx(1400, abs=4 * np.sqrt((4 * 110 + 2 * 100) * 20 / 150))
    assert found.std() == pytest.approx(np.sqrt((4 * 110 + 2 * 100) * 20), rel=0.25)


def test_the_same_seed_gives_the_same_queue_and_leaves_the_numbers_of_others_alone() -> None:
    random.seed(5)
    state, generator = random.getstate(), ciw.rng
    first = simulate([10, 5, 0, 0, 0, 0], 3.0, 3.0, (1, 0), 10, 5)
    again = simulate([10, 5, 0, 0, 0, 0], 3.0, 3.0, (1, 0), 10, 5)
    other = simulate([10, 5, 0, 0, 0, 0], 3.0, 3.0, (1, 0), 10, 5, seed=2)
    assert first.tolist() == again.tolist() != other.tolist()
    assert random.getstate() == state
    assert ciw.rng is generator


def test_the_three_agree_on_a_queue_in_balance(balanced_queue) -> None:
    found = comparison.compare(balanced_queue, 1.0, 1.0, 3)
    size = balanced_queue.size[-1]
    assert found.difference <= comparison.AGREED
    assert found.reason == ""
    for value in (found.formula, found.projection, found.simulation):
        assert value == pytest.approx(size, rel=0.1)


@pytest.mark.parametrize(
    ("formula", "projection", "mean", "spread", "reason"),
    [
        (400.0, 405.0, 410.0, 5.0, ""),
        (20.0, 20.0, 24.0, 5.0, comparison.FEW),
        (400.0, 400.0, 460.0, 400.0, comparison.FEW),
        (-30.0, 100.0, 100.0, 5.0, comparison.EMPTY),
        (500.0, 400.0, 410.0, 5.0, comparison.LEAVING),
        (400.0, 400.0, 460.0, 5.0, comparison.FEW),
    ],
)
def test_a_difference_above_a_tenth_has_its_reason(
    formula: float, projection: float, mean: float, spread: float, reason: str
) -> None:
    runs = mean + spread * np.array([-1.0, 1.0] * 20)
    found = comparison.judged(formula, projection, runs)
    assert found.reason == reason
    assert (found.difference > comparison.AGREED) == bool(reason)


def test_treatments_that_nobody_waits_for_are_a_reason() -> None:
    runs = np.array([0.0, *[50.0] * 39])
    assert comparison.judged(40.0, 40.0, runs).reason == comparison.IDLE


@pytest.mark.parametrize("cv2", [0.0, 0.3, 1.0, 6.0])
def test_events_are_met_on_the_way(cv2: float) -> None:
    """Of a process that has long run, n events a unit of time come in a unit of time whatever their variation; one that
    begins at an event has (cv² − 1)/2 more of them."""
    random.seed(3)
    counts = []
    for _ in range(3000):
        times, now, n = simulation._Times(1.0, cv2), 0.0, 0
        while (now := now + times.sample()) <= 4:
            n += 1
        counts.append(n)
    assert np.mean(counts) == pytest.approx(4, abs=4 * np.std(counts) / np.sqrt(3000) + 1e-9)


@pytest.fixture
def balanced_queue():
    """500 come a month, a twentieth of those waiting leave, and care keeps the queue where it is."""
    from test_compartments import queue_of

    k = 8
    renege, propensity = np.full(k, 0.05), np.linspace(1, 2, k)
    waiting, started, received = np.zeros((30, k)), np.zeros((29, k)), np.full(29, 500.0)
    waiting[0] = 300.0 / np.arange(1, k + 1)
    for month in range(29):
        into = compartments.coming_in(received[month], waiting[month])
        weight = propensity * into
        capacity = 500.0 - 0.05 * into.sum()
        started[month] = capacity * weight / weight.sum()
        waiting[month + 1] = into * (1 - renege) - started[month]
    return queue_of(received, waiting, started)
