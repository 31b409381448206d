"""Difference-in-differences for areas that start at different times: group-time effects and how they are
weighted.

The estimator is Callaway & Sant'Anna (2021, Journal of Econometrics 225:200–230,
10.1016/j.jeconom.2020.12.001): for every start g and every window after it, the change since a base before
g among the areas that started at g, minus the change over the same periods among areas that have not
started (or never start). Witness: mpdta, unconditional, never-treated comparison, simple aggregate
−0.039951.

Every quantity here is linear in the areas' changes: the estimate under any assignment of starts is one row of
coefficients times the changes, so that permuting the adoption costs a matrix product (see `randomisation`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.areas import NEVER, NOT_YET, Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Cells:
    """Group-time cells; every attribute is (K,), months are inclusive.

    `start` is g; the change goes from `base_first`…`base_last` to `first`…`last`.
    """

    start: Ints
    base_first: Ints
    base_last: Ints
    first: Ints
    last: Ints

    def __len__(self) -> int:
        return len(self.start)

    def shifted(self, periods: int) -> Cells:
        """The same cells moved in time, as for a placebo date."""
        return Cells(*(part + periods for part in (self.start, self.base_first, self.base_last, self.first, self.last)))


def group_time_cells(starts: Ints, first: int, last: int, step: int, base: int, follow_up: int | None = None) -> Cells:
    """Cells of every start that has a full base, in windows of `step` periods from the start.

    Parameters
    ----------
    starts : (A,) first treated period of each area, `NEVER` for none.
    first, last : first and last period of the data.
    step, base : length of a window and of the base, in periods.
    follow_up : periods after the start that are used; all of them when None.
    """
    rows = []
    for start in np.unique(starts[starts < NEVER]):
        if start - base < first:
            continue
        end = last if follow_up is None else min(last, start + follow_up - 1)
        for window in range(start, end - step + 2, step):
            rows.append((start, start - base, start - 1, window, window + step - 1))
    return Cells(*np.array(rows, dtype=np.int64).reshape(-1, 5).T)


def window_sums(values: Floats, periods: Ints, first: Ints, last: Ints) -> Floats:
    """(A, K) sums of (A, T) values over the periods `first`…`last`; NaN where one is missing or outside."""
    running = np.concatenate([np.zeros((len(values), 1)), np.cumsum(np.nan_to_num(values), axis=1)], axis=1)
    holes = np.concatenate([np.zeros((len(values), 1)), np.cumsum(np.isnan(values), axis=1)], axis=1)
    low, high = first - periods[0], last - periods[0] + 1
    inside = (low >= 0) & (high <= len(periods))
    low, high = np.clip(low, 0, len(periods)), np.clip(high, 0, len(periods))
    whole = inside & (holes[:, high] - holes[:, low] == 0)
    return np.where(whole, running[:, high] - running[:, low], np.nan)


def coefficients(assignments: Ints, cells: Cells, weight: Floats, comparison: str = NOT_YET) -> tuple[Floats, Floats]:
    """Coefficients of the areas' changes in the aggregated effect, for many assignments of starts at once.

    Parameters
    ----------
    assignments : (P, A) starts of each area under each assignment.
    weight : (A, K) weight of an area in a cell; 0 where its change is unknown.
    comparison : `not_yet` (started after the window's end, or never) or `never`.

    Returns
    -------
    coefficient : (P, A, K): the effect is the sum of coefficient × change over areas and cells. Inside a
        cell the treated and the comparison areas each have weights that sum to one; cells are averaged by
        the weight of their treated areas (the `simple` aggregate of Callaway & Sant'Anna when all weights
        are 1).
    usable : (P,) whether any cell has both treated and comparison areas.
    """
    starts = assignments[:, :, None]
    untouched = np.maximum(cells.last, cells.start)
    treated = np.where(starts == cells.start, weight, 0.0)
    others = np.where(starts > untouched if comparison == NOT_YET else starts == NEVER, weight, 0.0)
    mass, other_mass = treated.sum(axis=1), others.sum(axis=1)
    complete = (mass > 0) & (other_mass > 0)
    share = np.where(complete, mass, 0.0)
    total = share.sum(axis=1)
    usable = total > 0
    share = share / np.where(usable, total, 1.0)[:, None]
    inside = treated / np.where(complete, mass, 1.0)[:, None, :]
    outside = others / np.where(complete, other_mass, 1.0)[:, None, :]
    return (inside - outside) * share[:, None, :], usable


def log_change(counts: Floats, person_years: Floats, periods: Ints, cells: Cells) -> Floats:
    """(A, K) log rate ratio of each area from the base to the window; NaN where a month is not covered.

    Half an event is added to each count: the logarithm of a Poisson count plus ½ is nearly unbiased for the
    logarithm of its mean from about three events on (Cox 1955).
    """
    observed = np.where(np.isnan(counts) | (person_years <= 0), np.nan, person_years)
    window = window_sums(counts, periods, cells.first, cells.last) + 0.5
    base = window_sums(counts, periods, cells.base_first, cells.base_last) + 0.5
    time = window_sums(observed, periods, cells.first, cells.last)
    base_time = window_sums(observed, periods, cells.base_first, cells.base_last)
    return np.log(window / time) - np.log(base / base_time)


@dataclass(frozen=True)
class Noise:
    """How far areas stray without the intervention: `dispersion` × Poisson variance of counts, and the
    standard deviation `drift` of the log change of an area's level between base and window beyond that."""

    dispersion: float
    drift: float


def noise(counts: Floats, person_years: Floats, block: int = 12) -> Noise:
    """Dispersion and drift of areas' rates over months in which no area had started.

    `counts` and `person_years` are (A, T). Months are fitted by area × month effects (a log-linear table)
    inside each block of `block` months; the drift is the excess variance of the areas' changes between
    blocks over the Poisson part (method of moments, DerSimonian & Laird 1986,
    10.1016/0197-2456(86)90046-2).
    """
    whole = ~np.isnan(counts).any(axis=1) & (np.nansum(counts, axis=1) > 0)
    counts, person_years = counts[whole], person_years[whole]
    block = max(min(block, counts.shape[1] // 2), 1)
    n_blocks = counts.shape[1] // block
    if len(counts) < 3 or n_blocks < 2:
        return Noise(1.0, 0.0)
    parts = counts[:, -n_blocks * block :].reshape(len(counts), n_blocks, block)
    times = person_years[:, -n_blocks * block :].reshape(len(counts), n_blocks, block)
    dispersion = _dispersion(parts, times) if block > 1 else 1.0
    events = parts.sum(axis=2) + 0.5
    change = np.diff(np.log(events / times.sum(axis=2)), axis=1)
    poisson = dispersion * (1 / events[:, 1:] + 1 / events[:, :-1])
    return Noise(dispersion, float(np.sqrt(_excess_variance(change, poisson))))


def _dispersion(counts: Floats, person_years: Floats) -> float:
    """Pearson statistic per degree of freedom of area × month tables (A, B, M), one table per block."""
    statistic, freedom = 0.0, 0
    for events, time in zip(np.moveaxis(counts, 1, 0), np.moveaxis(person_years, 1, 0)):
        expected = _two_way(events, time)
        known = expected > 0
        statistic += float(((events - expected)[known] ** 2 / expected[known]).sum())
        freedom += (events.shape[0] - 1) * (events.shape[1] - 1)
    return max(statistic / freedom, 1.0) if freedom else 1.0


def _two_way(events: Floats, time: Floats, rounds: int = 25) -> Floats:
    """Expected (A, M) counts with area and month effects: iterative proportional fitting from person-time."""
    expected = time.copy()
    for _ in range(rounds):
        for axis in (1, 0):
            sums = expected.sum(axis=axis, keepdims=True)
            expected = expected * np.where(
                sums > 0, events.sum(axis=axis, keepdims=True) / np.where(sums > 0, sums, 1), 0
            )
    return expected


def _excess_variance(change: Floats, sampling: Floats) -> float:
    """Variance of (A, B) changes between areas beyond their sampling variance, pooled over B; not below 0."""
    weight = 1 / sampling
    centre = (weight * change).sum(axis=0) / weight.sum(axis=0)
    q = (weight * (change - centre) ** 2).sum()
    freedom = (change.shape[0] - 1) * change.shape[1]
    scale = (weight.sum(axis=0) - (weight**2).sum(axis=0) / weight.sum(axis=0)).sum()
    return max(float((q - freedom) / scale), 0.0)


def precision_weights(expected_window: Floats, expected_base: Floats, spread: Noise, usable: Bools) -> Floats:
    """(A, K) inverse variance of a change of log rates; 0 where it is not usable.

    With much drift the areas count alike, with little drift they count by their expected events, so the
    largest area gets at most the weight its information deserves.
    """
    variance = spread.drift**2 + spread.dispersion * (1 / (expected_window + 0.5) + 1 / (expected_base + 0.5))
    return np.where(usable, 1 / variance, 0.0)
