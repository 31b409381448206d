"""Formulas of waiting lists: load, targets, relief and target capacity, pressure, and the queue from its entries.

Fong, Walton et al. (2022), doi:10.1101/2022.08.23.22279117. Rates are referrals or treatments a week, waits and limits
weeks. The factor f = limit / mean wait is one number: whoever treats in an exponential wait keeps the limit for the
share 1 − exp(−f), and every formula takes the same f.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Days = npt.NDArray[np.int64]

RELIEF_ABOVE = 2.0  # times the target queue: a larger queue needs relief capacity first


@dataclass(frozen=True)
class Targets:
    """What a queue should be. `steady`: whether the load is below one; if not, the queue has no steady level and every
    target is NaN. `relief_capacity` is NaN where the queue is at most twice its target."""

    load: float
    steady: bool
    mean_wait: float
    queue: float
    capacity: float
    relief_capacity: float


def load(demand: float, capacity: float) -> float:
    """ρ = D / C: referrals per treatment; infinite without treatments."""
    return demand / capacity if capacity > 0 else math.inf


def factor_from_share(share: float) -> float:
    """f = −ln(1 − p): the limit in mean waits at which the share p is treated within it. p .92 → 2.526."""
    if not 0 < share < 1:
        raise ValueError(f"a share within the limit must lie between 0 and 1, but is {share}")
    return -math.log1p(-share)


def target_mean_wait(limit: float, factor: float) -> float:
    """W* = T / f, weeks."""
    return limit / factor


def target_queue(demand: float, limit: float, factor: float) -> float:
    """Q* = D·T / f, by Little's law. D 30, T 52, f 4 → 390."""
    return demand * target_mean_wait(limit, factor)


def relief_capacity(demand: float, queue: float, target: float, weeks: float) -> float:
    """D + (Q − Q*) / n: treatments a week that bring the queue to its target in n weeks; NaN for a queue of at most
    twice the target. D 30, Q 1,200, Q* 390, n 26 → 61.15."""
    return demand + (queue - target) / weeks if queue > RELIEF_ABOVE * target else math.nan


def target_capacity(demand: float, mean_wait: float, cv2_arrivals: float, cv2_treatments: float) -> float:
    """C = ½(D + √(D² + 2D(cv_a² + cv_s²) / W*)): the capacity at which Kingman's mean wait is W*.

    The exact inverse of W = (cv_a² + cv_s²)/2 · D / (C(C − D)); cv is the standard deviation of the times between
    events over their mean. In heavy traffic (D·W* large) it tends to D + (cv_a² + cv_s²)/2 · f/T of Fong et al.
    """
    return 0.5 * (demand + math.sqrt(demand**2 + 2 * demand * (cv2_arrivals + cv2_treatments) / mean_wait))


def pressure(mean_wait: float, limit: float) -> float:
    """2 · mean elapsed wait / limit, both in one unit: 1 when everybody is treated exactly at the limit, in order."""
    return 2 * mean_wait / limit


def targets(
    demand: float,
    capacity: float,
    queue: float,
    *,
    leaving: float,
    limit: float,
    factor: float,
    weeks: float,
    cv2_arrivals: float,
    cv2_treatments: float,
) -> Targets:
    """Every target of a queue, or none: a load of one or more has no steady state.

    Parameters
    ----------
    demand, capacity, leaving : referrals, treatments, and referrals that leave without care, a week. Everybody in the
        queue counts in its size; only those who stay need a treatment, and load and capacities are of them. With
        nobody leaving these are the published formulas.
    queue : waiting now
    weeks : in which a queue above twice its target is to come down
    """
    needing = max(demand - leaving, 0.0)
    rho, goal = load(needing, capacity), target_queue(demand, limit, factor)
    steady = rho < 1
    wait = target_mean_wait(limit, factor)
    return Targets(
        load=rho,
        steady=steady,
        mean_wait=wait if steady else math.nan,
        queue=goal if steady else math.nan,
        capacity=target_capacity(needing, wait, cv2_arrivals, cv2_treatments) if steady else math.nan,
        relief_capacity=relief_capacity(needing, queue, goal, weeks),
    )


def queue_size(entered: Days, left: Floats, days: Days) -> npt.NDArray[np.int64]:
    """Number in the queue at the end of each day: entered by then and not yet left.

    Whoever joined before the first of the days and still waits is counted, and nobody who left before it.

    Parameters
    ----------
    entered (n,), left (n,) : day numbers; left is NaN for those who still wait, and never before `entered`
    days (d,) : the days asked for, in any order

    Returns
    -------
    (d,) entries
    """
    gone = np.sort(left[np.isfinite(left)])
    return np.searchsorted(np.sort(entered), days, side="right") - np.searchsorted(gone, days, side="right")
