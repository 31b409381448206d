"""The queue as a discrete-event simulation: general times between referrals and treatments, and people who leave.

Simulated with Ciw (Palmer, Knight, Harper, Hawa 2019, doi:10.1080/17477778.2018.1473909). All treatments of a service
are one server whose times have the mean 1/capacity; a waiting person is treated, or leaves, at the hazards of the
months waited. A long queue is simulated in units of several people: the rates are divided by the people in a unit and
cv² too, so that means and standard deviations of arrivals and treatments are those of the whole queue; only the chance
in who leaves is then drawn as if people of a unit left together.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Any

import ciw
import numpy as np

from ennakointi.queues.formulas import Floats
from ennakointi.queues.service_queue import WEEKS_PER_MONTH

LARGEST = 60  # units in the simulated queue
MOST_EVENTS = 400  # referrals and treatments of one run
TRIES = 10  # to find who is treated
_PRESENT, _NEW = "present", "new"
_GENERATOR = Lock()


@dataclass(frozen=True, eq=False)
class Waits:
    """Hazards of a waiting person, per month, by calendar months waited (k,): of leaving and of being treated.

    The first compartment lasts half a month on average, the others a whole one, the last one for ever.
    """

    leaving: Floats
    care: Floats


def simulate(
    start: Floats,
    received_per_week: float,
    capacity_per_week: float,
    cv2_arrivals: float,
    cv2_treatments: float,
    waits: Waits,
    weeks: float,
    n_runs: int,
    seed: int,
) -> Floats:
    """The queue after some weeks.

    Parameters
    ----------
    start (k,) : those waiting now, by months waited
    cv2_arrivals, cv2_treatments : squared coefficients of variation of the times between referrals and between
        treatments; gamma-distributed times

    Returns
    -------
    (n_runs,) people who wait at the end, the same for the same seed on every machine; Python's own random numbers are
    left as they were.
    """
    events = (received_per_week + capacity_per_week) * weeks
    unit = max(1.0, float(start.sum()) / LARGEST, events / MOST_EVENTS)
    present = _present(start, unit)
    arrivals = _Times(unit / received_per_week, cv2_arrivals / unit)
    services = _Times(unit / capacity_per_week, cv2_treatments / unit)
    queue = np.empty(n_runs)
    with _GENERATOR, _own_numbers(seed):
        for run in range(n_runs):
            queue[run] = unit * _run(present, arrivals, services, waits, weeks)
    return queue


def _present(start: Floats, unit: float) -> list[float]:
    """Months waited so far by each unit in the queue, the longest first: at a month's end, m months and a half."""
    units = np.diff(np.floor(np.cumsum(start) / unit + 0.5), prepend=0.0).astype(int)
    return [float(m) + 0.5 for m in reversed(range(len(start))) for _ in range(units[m])]


def _run(present: list[float], arrivals: Any, services: Any, waits: Waits, weeks: float) -> int:
    """Units that wait when the weeks are over."""
    clock = _Clock(present, waits)
    never = ciw.dists.Deterministic(float("inf"))
    at_once = ciw.dists.Sequential([0.0, float("inf")])
    network = ciw.create_network(
        arrival_distributions={_PRESENT: [at_once if present else never], _NEW: [arrivals]},
        batching_distributions={
            _PRESENT: [ciw.dists.Deterministic(max(len(present), 1))],
            _NEW: [ciw.dists.Deterministic(1)],
        },
        service_distributions={_PRESENT: [services], _NEW: [services]},
        reneging_time_distributions={_PRESENT: [_Leaving(clock)], _NEW: [_Leaving(clock)]},
        number_of_servers=[1],
        service_disciplines=[clock.next_treated],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(weeks)
    node = simulation.transitive_nodes[0]
    return int(node.number_of_individuals - node.number_in_service)


class _Clock:
    """Months that an individual has waited, and what happens to it at its hazards."""

    def __init__(self, present: list[float], waits: Waits) -> None:
        self.present, self.hazard = present, waits.leaving
        self.care = [float(rate) for rate in waits.care]
        self.largest = max(self.care)
        self.edges = np.arange(len(waits.care) - 1) + 0.5
        widths = np.diff(self.edges, prepend=0.0)
        self.cumulated = np.concatenate([[0.0], np.cumsum(waits.leaving[:-1] * widths)])

    def waited(self, individual: Any, now: float) -> float:
        before = self.present[individual.id_number - 1] if individual.customer_class == _PRESENT else 0.0
        return before + (now - individual.arrival_date) / WEEKS_PER_MONTH

    def next_treated(self, individuals: list[Any], now: float) -> Any:
        """One of the waiting individuals, by their hazards of care: tried at random, weighed when trying is slow."""
        for _ in range(TRIES):
            one = individuals[int(random.random() * len(individuals))]
            if random.random() * self.largest < self._care(one, now):
                return one
        return random.choices(individuals, [self._care(one, now) + 1e-12 for one in individuals])[0]

    def _care(self, individual: Any, now: float) -> float:
        return self.care[min(int(self.waited(individual, now) + 0.5), len(self.care) - 1)]

    def weeks_to_leaving(self, waited: float) -> float:
        """When somebody who has waited these months would leave: the hazard cumulated from now is exponential."""
        place = bisect(self.edges, waited)
        since = waited - (self.edges[place - 1] if place else 0.0)
        goal = self.cumulated[place] + since * self.hazard[place] + random.expovariate(1.0)
        last = int(np.searchsorted(self.cumulated, goal)) - 1
        if self.hazard[last] <= 0:
            return float("inf")
        begins = self.edges[last - 1] if last else 0.0
        return float(begins + (goal - self.cumulated[last]) / self.hazard[last] - waited) * WEEKS_PER_MONTH


class _Times(ciw.dists.Distribution):
    """Weeks between events, gamma-distributed; the first event is met on the way, not waited for from its start.

    The first time is that to the next event of a process that has long run: a uniform part of a length-biased interval
    (Cox 1962, Renewal Theory, §5.4), gamma again. Without it variable times would lose (cv² − 1)/2 events.
    """

    def __init__(self, mean: float, cv2: float) -> None:
        self.mean_weeks, self.cv2, self.begun = mean, cv2, False

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        part, extra = (1.0, 0) if self.begun else (random.random(), 1)
        self.begun = True
        if self.cv2 <= 0:
            return part * self.mean_weeks
        return part * random.gammavariate(1 / self.cv2 + extra, self.mean_weeks * self.cv2)


class _Leaving(ciw.dists.Distribution):
    """Weeks until an arriving individual leaves without care."""

    def __init__(self, clock: _Clock) -> None:
        self.clock = clock

    def sample(self, t: float | None = None, ind: Any = None) -> float:
        before = self.clock.present[ind.id_number - 1] if ind.customer_class == _PRESENT else 0.0
        return self.clock.weeks_to_leaving(before)


@contextmanager
def _own_numbers(seed: int) -> Iterator[None]:
    """Ciw draws from the random numbers of the process: they are set, and put back afterwards."""
    state, generator = random.getstate(), ciw.rng
    ciw.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
        ciw.rng = generator
