"""Three ways to foresee a queue at present rates: formula, compartments and simulation; and why they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.queues import compartments, simulation
from ennakointi.queues.formulas import Floats
from ennakointi.queues.service_queue import WEEKS_PER_MONTH, ServiceQueue
from ennakointi.text import N_

MONTHS_AHEAD = 6
RUNS = 40
AGREED = 0.1
FEW_WAITING = 30

FEW = N_("Chance alone moves so short a queue by more than a tenth.")
EMPTY = N_("At present rates the queue would run empty; the formula goes on below zero.")
LEAVING = N_("The formula keeps the number who leave the queue as it is; in the other two it follows the queue.")
IDLE = N_("In the simulation some treatments are not given, because at times nobody waits; the other two use them all.")


@dataclass(frozen=True)
class Comparison:
    """The queue six months ahead. `difference`: largest difference over the projected queue; `reason` is empty when it
    is at most a tenth."""

    formula: float
    projection: float
    simulation: float
    difference: float
    reason: str


def compare(queue: ServiceQueue, cv2_arrivals: float, cv2_treatments: float, seed: int) -> Comparison:
    """The queue after six months of its last year's referrals, treatments and leavers.

    The formula is the flow balance behind the relief capacity, Q + n·(D − leavers − C); the projection and the
    simulation let everybody leave by the months waited.

    Parameters
    ----------
    queue : at least 13 months
    """
    year, months = queue.last(12), MONTHS_AHEAD
    received, started, left = (float(flow.sum()) / 12 for flow in (year.received, year.started, year.left))
    rates, start = compartments.of(queue.last(13)), queue.waiting[-1]
    path = compartments.project(start, np.full((1, months), received), np.full((1, months), started), rates)[0]
    simulated = simulation.simulate(
        start,
        received / WEEKS_PER_MONTH,
        started / WEEKS_PER_MONTH,
        cv2_arrivals,
        cv2_treatments,
        simulation.Waits(rates.renege_hazard, rates.care_hazard),
        months * WEEKS_PER_MONTH,
        RUNS,
        seed,
    )
    return judged(float(start.sum()) + months * (received - left - started), float(path[-1].sum()), simulated)


def judged(formula: float, projection: float, runs: Floats) -> Comparison:
    """How far the three are apart and why: the formula differs from the projection by those who leave, the simulation
    by treatments that nobody waits for, and by chance."""
    mean, chance = float(runs.mean()), 2 * float(runs.std(ddof=1)) / np.sqrt(len(runs))
    size = max(projection, 1.0)
    difference = (max(formula, projection, mean) - min(formula, projection, mean)) / size
    if difference <= AGREED:
        reason = ""
    elif projection < FEW_WAITING or chance > AGREED * size:
        reason = FEW
    elif formula < 0:
        reason = EMPTY
    elif abs(formula - projection) > abs(mean - projection):
        reason = LEAVING
    else:
        reason = IDLE if (runs < AGREED * size).any() else FEW
    return Comparison(formula, projection, mean, difference, reason)
