"""Effect of a roll-out by time since the start, with a band that holds for all periods together.

Every quarter is compared with the base of `rollout` (whole years before the start), every year with the year before
the start. The band's factor is the 95 % point of the largest studentised effect over the periods when the adoption is
permuted (after the average effect was taken out): a sup-t band as in Callaway & Sant'Anna 2021, with randomisation in
the place of the bootstrap. The periods before the start are a check: no effect is true there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi.causal import difference, randomisation, rollout
from ennakointi.causal.areas import LEVEL, NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.causal.difference import Cells

QUARTERS = tuple(range(-8, 12))
YEARS = (-3, -2, 0, 1, 2)  # −1 is the base


@dataclass(frozen=True, eq=False)
class EventTimes:
    """Log effects by period, (Q,) each; bounds are NaN where there are too few assignments for 95 %.

    `period` : quarters or years since the start; 0 is the first. `persons` : distinct persons with an event in the
    treated areas, the largest of a period's months summed.
    `covariance` : (Q, Q) of the effects, with the correlation they have over the permuted adoptions.
    """

    period: Ints
    effect: Floats
    lo95: Floats
    hi95: Floats
    persons: Floats
    covariance: Floats


def effect_by_time(
    panel: AreaPanel,
    permutations: int,
    seed: int,
    average: float,
    exclude: int | None,
    periods: Sequence[int] = QUARTERS,
    length: int = rollout.WINDOW_MONTHS,
) -> EventTimes | None:
    """Effects of the periods since the start; None when no period has both treated and comparison areas.

    Parameters
    ----------
    periods, length : which periods of how many months: quarters, or `YEARS` of 12.
    average : the log effect over all periods, taken out before permuting.
    exclude : position of an area that is not permuted and does not count as treated.
    """
    movable = np.ones(len(panel.areas), dtype=bool)
    if exclude is not None:
        movable[exclude] = False
    rows, _ = randomisation.assignments(panel.starts, movable, permutations, seed)
    found = [_period(panel, period, length, rows, average, exclude) for period in periods]
    kept = [(period, one) for period, one in zip(periods, found) if one is not None]
    if not kept:
        return None
    period = np.array([period for period, _ in kept])
    effect, error = (np.array([one[part] for _, one in kept]) for part in (0, 1))
    statistic = np.array([one[2] for _, one in kept])
    known = ~np.isnan(statistic).all(axis=0)
    largest = np.nanmax(np.abs(statistic[:, known]), axis=0)
    covariance = np.outer(error, error) * _correlation(statistic)
    enough = len(largest) >= 1 / LEVEL
    factor = float(np.quantile(largest, 1 - LEVEL, method="higher")) if enough else np.nan
    persons = np.array([one[3] for _, one in kept])
    return EventTimes(period, effect, effect - factor * error, effect + factor * error, persons, covariance)


def _period(
    panel: AreaPanel, period: int, length: int, rows: Ints, average: float, exclude: int | None
) -> tuple[float, float, Floats, float] | None:
    """Effect, its standard error, the statistics (P,) of all assignments without the average effect, and persons."""
    cells = _cells(panel, period, length)
    planned = rollout.planned(panel, cells)
    if planned is None:
        return None
    weight = planned.weight
    if exclude is not None:
        weight = np.where(rollout.own_cells(panel.starts, cells, exclude), 0.0, weight)
    _, usable = difference.coefficients(rows, cells, weight, panel.comparison)
    if not usable[0]:
        return None
    first = int(panel.months[0])
    against = randomisation.reference(rows, cells, weight, planned.expected, first, planned.noise, panel.comparison)
    change_at = rollout.change_at(planned)
    effect = float(against.coefficient[0] @ np.nan_to_num(change_at(np.zeros(1))).ravel())
    statistic = np.full(len(rows), np.nan)
    statistic[usable] = randomisation.statistics(against, change_at(np.array([average])))[:, 0]
    treated = (against.coefficient[0].reshape(weight.shape) > 0).any(axis=1)
    return effect, float(against.standard_error[0]), statistic, _persons(panel, treated, period, length)


def _correlation(statistic: Floats) -> Floats:
    """(Q, Q) over the assignments in which every quarter is known; none where there are too few."""
    whole = statistic[:, ~np.isnan(statistic).any(axis=0)]
    if whole.shape[1] < 3:
        return np.eye(len(statistic))
    return np.atleast_2d(np.nan_to_num(np.corrcoef(whole), nan=1.0))


def _cells(panel: AreaPanel, period: int, length: int) -> Cells:
    """One cell for each start: the period against the base before the start."""
    starts = np.unique(panel.starts[panel.starts < NEVER])
    quarters = length == rollout.WINDOW_MONTHS
    months = [rollout.base_months(panel, int(start)) if quarters else rollout.BASE_MONTHS for start in starts]
    first = starts + length * period
    last = first + length - 1
    base = starts - np.array(months, dtype=np.int64)
    held = (np.minimum(first, base) >= panel.months[0]) & (last <= panel.months[-1])
    return Cells(*(part[held] for part in (starts, base, starts - 1, first, last)))


def _persons(panel: AreaPanel, treated: Bools, period: int, length: int) -> float:
    first = panel.starts + length * period
    months = (panel.months >= first[:, None]) & (panel.months < first[:, None] + length)
    return float(np.where(months & ~np.isnan(panel.persons), panel.persons, 0)[treated].max(axis=1).sum())
