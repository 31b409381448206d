"""Randomisation inference of a two-way regression on any panel of units.

The starts are permuted over the clusters of units and the regression's coefficient is found again under each
assignment. The statistic is the coefficient per its standard error under units' own noise before the first start,
shrunk towards the common one (as the moderated t of Smyth 2004, 10.2202/1544-6115.1027, with 10 prior degrees of
freedom), so that small and noisy units are not exchanged with quiet ones as if they were equal. Rate ratios are judged
on the working response at the fit. Witness: the exact distribution of four units by hand; Proposition 99, where
California's rank among 39 states bounds p at 1/39.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ennakointi.causal import randomisation
from ennakointi.causal.areas import NEVER, Bools, Floats, Ints
from ennakointi.causal.randomisation import RandomisedEffect, Reference
from ennakointi.causal.two_way import REFERENCE, Coefficients, known_cells
from ennakointi.causal.unit_panels import UnitPanel

ASSIGNMENTS = 1_999  # all of them when there are fewer
PRIOR_FREEDOM = 10.0
BATCH = 8_000_000  # numbers in the regressors of one batch of assignments


@dataclass(frozen=True, eq=False)
class Working:
    """What the regression weighs: (U, T) response less covariates, and weights, 0 where unknown.

    `spread` is (U,) the standard deviation of a unit's noise relative to others'.
    """

    response: Floats
    weight: Floats
    spread: Floats


@dataclass(frozen=True, eq=False)
class PermutedEvents:
    """Effects by period since the start (k,): intervals alone and together, and the p-value of equal pre-trends."""

    since: Ints
    estimate: Floats
    lo95: Floats
    hi95: Floats
    lo95_simultaneous: Floats
    hi95_simultaneous: Floats
    pre_trend_p: float


def working(panel: UnitPanel, fit: Coefficients) -> Working:
    """The outcome itself, or with counts the working response and weights of the Poisson regression at its fit."""
    known = known_cells(panel) & np.isfinite(fit.fitted)
    part = np.nan_to_num(panel.covariates) @ fit.of_covariates
    if panel.offset is None:
        response, weight = panel.values - part, known.astype(float)
    else:
        mean = np.where(known, np.maximum(fit.fitted, 1e-12), 1.0)
        response = np.log(mean / np.where(known, panel.offset, 1.0)) + (panel.values - mean) / mean - part
        weight = np.where(known, mean, 0.0)
    response = np.where(known, response, 0.0)
    return Working(response, weight, _spread(response, weight, int(panel.starts.min())))


def _spread(response: Floats, weight: Floats, first_start: int) -> Floats:
    """(U,) moderated standard deviations of the residuals before the first start; ones when nothing varies."""
    before, held = response[:, :first_start], weight[:, :first_start]
    left = before.copy()
    for _ in range(20):
        for axis in (1, 0):
            total = held.sum(axis=axis, keepdims=True)
            left = left - (held * left).sum(axis=axis, keepdims=True) / np.where(total > 0, total, 1.0)
    squares = (held * left**2).sum(axis=1)
    freedom = np.maximum((held > 0).sum(axis=1) - 1.0, 0.0)
    pooled = squares.sum() / max(freedom.sum(), 1.0)
    mean = (held * before).sum() / max(float(held.sum()), 1e-300)
    varied, level = (float((held * (before - origin) ** 2).sum()) for origin in (mean, 0.0))
    if pooled <= max(1e-12 * varied, 1e-26 * level, 1e-300):  # rounding of a constant
        return np.ones(len(response))
    return np.asarray(np.sqrt((squares + PRIOR_FREEDOM * pooled) / (freedom + PRIOR_FREEDOM)))


def assignments(panel: UnitPanel, seed: int, limit: int = ASSIGNMENTS) -> tuple[Ints, bool]:
    """(P, U) starts of the units when the clusters' starts are permuted, and whether these are all.

    Clusters that hold different starts are no unit of assignment: then the units themselves are permuted.
    """
    group = np.unique(panel.cluster, return_inverse=True)[1]
    first = np.zeros(int(group.max()) + 1, dtype=np.int64)
    first[group] = panel.starts
    if (first[group] != panel.starts).any():
        first, group = panel.starts, np.arange(len(panel.starts))
    rows, exact = randomisation.assignments(first, np.ones(len(first), dtype=bool), limit, seed)
    return rows[:, group], exact


def randomised_effect(panel: UnitPanel, work: Working, rows: Ints) -> RandomisedEffect:
    """The regression's coefficient, its permutation p-value, and the interval of the effects that are not rejected."""
    found = [_regressed(panel, work, part) for part in _batches(rows, panel.values.size)]
    coefficient, error = (np.concatenate(parts) for parts in zip(*found))
    usable = np.isfinite(error) & (error > 0)
    coefficient, error = coefficient[usable], error[usable]
    left = (coefficient @ np.array([1.0, -coefficient[0, 0]])) / error
    scale = float(np.sqrt(np.mean(left[1:] ** 2))) if len(left) > 1 else 1.0  # of months that depend on one another
    against = Reference(coefficient, error * (scale if scale > 0 else 1.0))
    return randomisation.inverted_test(
        against, lambda effects: np.stack([np.ones_like(effects), -effects], axis=1)[:, :, None]
    )


def _batches(rows: Ints, size: int) -> Iterator[Ints]:
    step = max(1, BATCH // size)
    return (rows[first : first + step] for first in range(0, len(rows), step))


def _regressed(panel: UnitPanel, work: Working, rows: Ints) -> tuple[Floats, Floats]:
    """(P, 2) coefficients of the outcome and of the actual treatment under each assignment, (P,) relative errors."""
    times = np.arange(len(panel.times))
    fixed = np.concatenate([np.broadcast_to(np.eye(len(times))[:, 1:], (*work.weight.shape, len(times) - 1))], axis=2)
    fixed = np.concatenate([fixed, np.nan_to_num(panel.covariates)], axis=2)
    basis = _orthonormal(_centred(fixed, work.weight))
    under = (times >= rows[:, :, None]).transpose(1, 2, 0).astype(float)
    columns = _centred(under, work.weight)
    columns -= basis @ (basis.T @ columns)
    targets = _centred(np.stack([work.response, (times >= panel.starts[:, None]).astype(float)], axis=2), work.weight)
    size = (columns**2).sum(axis=0)
    usable = size > 1e-9 * work.weight.sum()
    size = np.where(usable, size, np.nan)
    by_unit = (columns**2).reshape(*work.weight.shape, -1).sum(axis=1)
    error = np.sqrt(work.spread**2 @ by_unit) / size
    return (columns.T @ targets) / size[:, None], error


def _centred(values: Floats, weight: Floats) -> Floats:
    """(U·T, k) columns less their weighted unit means, times the root of the weight."""
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    left = values - np.einsum("ut,utk->uk", share, values)[:, None, :]
    return np.asarray((left * np.sqrt(weight)[:, :, None]).reshape(-1, values.shape[2]))


def _orthonormal(columns: Floats) -> Floats:
    """An orthonormal basis of the columns' span."""
    vectors, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return vectors[:, sizes > 1e-9 * max(float(sizes.max(initial=0)), 1e-300)]


def event_study(panel: UnitPanel, work: Working, rows: Ints) -> PermutedEvents:
    """Effects by period since the one start of all, each the change since the period before it.

    The reference distributions are those of the permuted assignments after the effects were taken out.
    """
    start = int(panel.starts.min())
    times = np.delete(np.arange(len(panel.times)), start + REFERENCE)
    base = work.weight[:, [start + REFERENCE]]
    weight = work.weight[:, times] * base / np.maximum(work.weight[:, times] + base, 1e-300)
    change = work.response[:, times] - work.response[:, [start + REFERENCE]]
    estimate, error, _ = _differences(rows, change, weight, work.spread)
    actual = (rows[0] < NEVER)[:, None] * np.nan_to_num(estimate[0])
    left, _, usable = _differences(rows, change - actual, weight, work.spread)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic, sizes = np.abs(left / error), np.abs(estimate / error)
    single = np.array([np.nanquantile(one[1:], 0.95) if np.isfinite(one[1:]).any() else np.nan for one in statistic.T])
    together = float(np.quantile(np.nanmax(statistic[1:][usable[1:]], axis=1), 0.95)) if usable[1:].any() else np.nan
    if usable.sum() * 0.05 < 1:
        single, together = np.full_like(single, np.nan), np.nan
    before = times < start
    largest = np.nanmax(sizes[usable][:, before], axis=1) if before.any() and usable[0] else np.array([np.nan])
    pre_p = float((largest >= largest[0] - randomisation.TIE).mean()) if np.isfinite(largest[0]) else np.nan
    middle, reach, all_reach = estimate[0], single * error[0], together * error[0]
    return PermutedEvents(
        times - start, middle, middle - reach, middle + reach, middle - all_reach, middle + all_reach, pre_p
    )


def _differences(rows: Ints, change: Floats, weight: Floats, spread: Floats) -> tuple[Floats, Floats, Bools]:
    """(P, k) differences of mean changes between treated and comparison, their relative errors, and (P,) whether any
    is known."""
    treated = (rows < NEVER).astype(float)
    effect, variance = np.zeros((len(rows), change.shape[1])), np.zeros((len(rows), change.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        for sign, group in ((1, treated), (-1, 1 - treated)):
            mass = group @ weight
            effect += sign * (group @ (weight * change)) / mass
            variance += group @ (weight * spread[:, None] ** 2) / mass**2
    return effect, np.sqrt(variance), np.asarray(np.isfinite(effect).any(axis=1))
