"""Open needs month by month: what passes, what comes back, what is worked off, and the capacity that clears in time.

Functions of arrays. p is the number of draws, h of months ahead. Amounts are contacts, rates are of one month. Draws
are never mixed: what is found for a draw belongs to its own queue, hidden need, growth and months.

"Cleared" is the first month at whose end the queue is at or under its expected size and every need that comes back
has been served: queue + still to come back ≤ `tolerance`. Needs that never come back are not to be cleared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

HALVINGS = 18  # of the bracket about the needed capacity: to a 260,000th of the first one


@dataclass(frozen=True)
class Needs:
    """Needs to clear under one return scenario.

    Attributes
    ----------
    queue, returning : (p,) queue beyond the expected one, and hidden need that is to come back; never negative
    passing : (p,) share of both that ends in a month without care
    changes : (p, h) change of the queue in each month ahead at present capacity, apart from what passes and comes back
    phase_in_months : int, months over which the hidden need comes back
    tolerance : contacts that may be left
    """

    queue: Floats
    returning: Floats
    passing: Floats
    changes: Floats
    phase_in_months: int
    tolerance: float


def coming_back(months: int, phase_in_months: int) -> Floats:
    """(months,) share of the hidden need still to come back that comes in each month: 1/K, 1/(K − 1), …, 1, then 0.

    Without other exits every month of the phase-in brings the same K-th part. The even kernel of the Institute for
    Fiscal Studies (2022, "Could NHS waiting lists really reach 13 million?"). Witness: of 36 months each brings 1/36.
    """
    left = phase_in_months - np.arange(months)
    return np.where(left > 0, 1 / np.maximum(left, 1), 0.0)


def projected(needs: Needs, added: Floats) -> Iterator[tuple[Floats, Floats]]:
    """Queue and need still to come back, (p,) each, at the end of every month ahead.

    In a month needs pass, hidden need comes back into the queue, the queue changes as at present capacity, and the
    added capacity works off the queue; what it has over calls in those who are still to come back. A queue that is
    shorter than expected counts as none: what present capacity has over is neither saved nor calls anybody in.

    Parameters
    ----------
    added : (h,) or (h, p) contacts a month on top of the present capacity

    Witness: a hand-worked table of three months; `synthetic.truth.months_to_clear` where the two coincide.
    """
    queue, returning = needs.queue, needs.returning
    stay = 1 - needs.passing
    for month, share in enumerate(coming_back(needs.changes.shape[1], needs.phase_in_months)):
        to_come = returning * stay
        returned = share * to_come
        balance = queue * stay + returned + needs.changes[:, month] - added[month]
        queue = np.maximum(balance, 0.0)
        spare = np.minimum(queue - balance, added[month])
        returning = np.maximum(to_come - returned - spare, 0.0)
        yield queue, returning


def months_to_clear(needs: Needs, added: Floats) -> Floats:
    """(p,) months until cleared: 0 when nothing is left to begin with, inf when not within the h months."""
    still = needs.queue + needs.returning > needs.tolerance
    months = np.zeros(len(still))
    for queue, returning in projected(needs, added):
        months += still
        still = still & (queue + returning > needs.tolerance)
        if not still.any():
            break
    return np.where(still, np.inf, months)


def during(amount: float | Floats, months: int, first: int, last: int) -> Floats:
    """(months,) or (months, p): an amount in the months `first`…`last` ahead (1 = the next one), else 0."""
    ahead = np.arange(1, months + 1)
    return np.multiply.outer(((ahead >= first) & (ahead <= last)).astype(float), amount)


def clears(needs: Needs, added: Floats) -> Bools:
    """(p,) whether a draw is cleared at the end of any of the h months, or to begin with."""
    done = needs.queue + needs.returning <= needs.tolerance
    for queue, returning in projected(needs, added):
        done |= queue + returning <= needs.tolerance
    return done


def needed_capacity(needs: Needs, by: int, first: int = 1, last: int | None = None) -> Floats:
    """(p,) least capacity added in the months `first`…`last` with which each draw is clear by month `by`; 0 without
    any, inf when the months begin too late.

    More capacity never leaves more, so the least one is found by halving a bracket: zero, and all that is left in the
    first of the months. What is returned clears; `HALVINGS` tell how close it is to the least.
    """
    span = (by, first, by if last is None else last)
    without = clears(_some(needs, by, slice(None)), np.zeros(by))
    found = np.where(without, 0.0, np.inf)
    if first > by or without.all():
        return found
    ahead = _some(needs, by, ~without)
    left = [queue + returning for queue, returning in projected(_some(ahead, first, slice(None)), np.zeros(first))]
    low, high = np.zeros_like(ahead.queue), left[-1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = clears(ahead, during(middle, *span))
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    found[~without] = high
    return found


def _some(needs: Needs, months: int, draws: Bools | slice) -> Needs:
    """The first months of some draws; a month lies together in memory."""
    return replace(
        needs,
        queue=needs.queue[draws],
        returning=needs.returning[draws],
        passing=needs.passing[draws],
        changes=needs.changes.T[:months, draws].T,
    )


def quantile(draws: Floats, chance: float) -> float:
    """The smallest draw that at least the share `chance` of the draws does not exceed; draws may be inf."""
    return float(np.sort(draws)[int(np.ceil(chance * len(draws) - 1e-9)) - 1])
