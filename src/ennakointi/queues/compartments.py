"""The queue as compartments by months waited: calibrated on its history, projected on draws of its flows.

Wood & Worthington (2025), doi:10.1007/s10729-025-09709-7. Of those who come into a compartment in a month, I_m, the
share r_m leaves without care, and the month's C treatments are given in proportion to c_m·I_m:

    W_m,t = I_m,t − r_m·I_m,t − C_t · c_m·I_m,t / Σ_m c_m·I_m,t        I_0,t = referrals, I_m,t = W_m−1,t−1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.queues.formulas import Floats
from ennakointi.queues.service_queue import ServiceQueue

MINIMUM_AT_RISK = 20  # referrals that a compartment's own rates need; thinner ones share those of all longer waits
_HALF_YEAR, _YEAR = 6, 12


@dataclass(frozen=True, eq=False)
class Rates:
    """Calibrated rates by months waited (k,): `renege` and `propensity`, the shares of those coming into a compartment
    that leave without care, and that are treated; `renege_hazard` and `care_hazard`, the same per person-month.

    `missing_referrals`: referrals that must have been in the queue but are not in the data (negative reneging), set to
    zero in `renege`.
    """

    renege: Floats
    propensity: Floats
    renege_hazard: Floats
    care_hazard: Floats
    missing_referrals: float


@dataclass(frozen=True)
class Backtest:
    """Relative error of the projected queue after 6 and 12 months; NaN where it cannot be told."""

    error_6: float
    error_12: float


def coming_in(received: Floats, waiting: Floats) -> Floats:
    """(…, k) referrals coming into each compartment: a month's own, and those who waited before it (…, k); the last
    compartment keeps its own."""
    last = waiting[..., -2:].sum(axis=-1, keepdims=True)
    return np.concatenate([np.asarray(received)[..., None], waiting[..., :-2], last], axis=-1)


def calibrate(received: Floats, waiting: Floats, started: Floats) -> Rates:
    """Rates from n months of a queue.

    Parameters
    ----------
    received (n,) : referrals of each month
    waiting (n + 1, k) : the queue at the months' ends, the first row before the first month
    started (n, k) : referrals whose care began
    """
    into = coming_in(received, waiting[:-1])
    gone = into - started - waiting[1:]
    left = np.maximum(gone.sum(axis=0), 0.0)
    begun, risk = started.sum(axis=0), into.sum(axis=0)
    # Who ends in a month is at risk for half of it, and who comes in the month itself for half of that.
    length = np.where(np.arange(waiting.shape[1]) == 0, 0.5, 1.0)
    exposed = length * (risk - 0.5 * (begun + left))
    return Rates(
        renege=np.minimum(_pooled(left, risk, risk), 1.0),
        propensity=_pooled(begun, risk, risk),
        renege_hazard=_pooled(left, exposed, risk),
        care_hazard=_pooled(begun, exposed, risk),
        missing_referrals=float(np.maximum(-gone.sum(axis=0), 0.0).sum()),
    )


def of(queue: ServiceQueue) -> Rates:
    """Rates of a queue; its first month gives the starting stock only."""
    return calibrate(queue.received[1:], queue.waiting, queue.started[1:])


def project(start: Floats, received: Floats, treatments: Floats, rates: Rates) -> Floats:
    """Month-end queues by months waited.

    Parameters
    ----------
    start (k,) : the queue at the end of the month before
    received, treatments (p, h) : referrals and treatments by draw and month; treatments that nobody waits for are not
        given

    Returns
    -------
    (p, h, k), never negative
    """
    paths, months = received.shape
    queue = np.empty((paths, months, len(start)))
    waiting = np.broadcast_to(start, (paths, len(start)))
    for month in range(months):
        into = coming_in(received[:, month], waiting)
        staying = into * (1 - rates.renege)
        waiting = staying - _treated(staying, rates.propensity * into, treatments[:, month])
        queue[:, month] = waiting
    return queue


def backtest(queue: ServiceQueue, months: int = 2 * _YEAR) -> Backtest:
    """Split half: rates of the first half of the last `months`, the second half projected with its known referrals and
    treatments. Published errors: 0.4 % after 6 months, 4.7 % after 12 (Wood & Worthington 2025)."""
    half = months // 2
    if len(queue.months) <= months:
        return Backtest(np.nan, np.nan)
    known = queue.last(months + 1)
    rates = calibrate(known.received[1 : half + 1], known.waiting[: half + 1], known.started[1 : half + 1])
    treatments = known.started[half + 1 :].sum(axis=1)
    path = project(known.waiting[half], known.received[None, half + 1 :], treatments[None], rates)[0].sum(axis=1)
    seen = known.size[half + 1 :]
    error = np.abs(np.divide(path, seen, out=np.full(half, np.nan), where=seen > 0) - 1)
    return Backtest(*(float(error[h - 1]) if half >= h else np.nan for h in (_HALF_YEAR, _YEAR)))


def _pooled(ended: Floats, over: Floats, risk: Floats) -> Floats:
    """Rates by compartment; one that few came into takes the rate of all waits at least as long, and one where those
    are few too, the rate of the compartment before it."""
    longer_ended, longer_over, longer_risk = (values[::-1].cumsum()[::-1] for values in (ended, over, risk))
    rate, before = np.zeros(len(risk)), 0.0
    for m in range(len(risk)):
        if risk[m] >= MINIMUM_AT_RISK and over[m] > 0:
            before = ended[m] / over[m]
        elif longer_risk[m] >= MINIMUM_AT_RISK and longer_over[m] > 0:
            before = longer_ended[m] / longer_over[m]
        rate[m] = before
    return rate


def _treated(staying: Floats, weight: Floats, treatments: Floats) -> Floats:
    """(p, k) the treatments (p,) shared by weight; what one compartment does not need goes to the others."""
    given = np.zeros_like(staying)
    for _ in range(staying.shape[1] + 1):
        rest = np.minimum(treatments, staying.sum(axis=1)) - given.sum(axis=1)
        wanting = given < staying
        share = np.where(wanting, weight, 0.0)
        total = share.sum(axis=1, keepdims=True)
        share = np.where(total > 0, share, np.where(wanting, staying - given, 0.0))
        total = np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        if (rest <= 1e-9).all():
            break
        given = np.minimum(staying, given + np.maximum(rest, 0)[:, None] * share / total)
    return given
