"""Honest interval when trends after the start differ at most so many times as much as before it.

|δₜ − δₜ₋₁| after the start is at most m̄ times the largest such difference before it (Rambachan & Roth 2023,
10.1093/restud/rdad018, section 2.4.2). The set is the union over which earlier difference is the largest, s, and its
sign; inside each the moments are linear and the conditional, least-favourable hybrid test of Andrews, Roth & Pakes
2023 (Review of Economic Studies 90:2763–2791, 10.1093/restud/rdad004) is inverted.

The test's linear programme, min η with Y − Xτ ≤ η·sd, has a dual whose vertices are known here: the moments pair up
as ± each difference after the start, and orthogonality to the nuisance effects leaves only the pair sums and the two
directions of the weighted effect. So nothing is solved: every vertex is evaluated over all values at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr

from ennakointi.causal.areas import Bools, Floats

ALPHA = 0.05
FIRST_STAGE = ALPHA / 10  # size of the least-favourable first stage
SECOND_STAGE = (ALPHA - FIRST_STAGE) / (1 - FIRST_STAGE)
DRAWS = 5_000
COARSE, FINE, ROUNDS = 401, 33, 2


@dataclass(frozen=True, eq=False)
class _Vertices:
    """The test statistic as a function of the effect θ: η(θ) = max(value + slope·θ).

    `value`, `slope` are (k,), `covariance` (k, k) of the values; `critical` is the least-favourable critical value.
    """

    value: Floats
    slope: Floats
    covariance: Floats
    critical: float


def relative_interval(
    betahat: Floats, sigma: Floats, n_pre: int, weight: Floats, m_bar: float, draws: Floats
) -> tuple[float, float]:
    """95 % interval of the weighted effect: the hull of the effects that the hybrid test does not reject.

    Parameters
    ----------
    betahat, sigma : (T,) coefficients without the reference period, and their (T, T) covariance.
    n_pre : how many of them are before the reference period.
    weight : (T − n_pre,) weights of the effect.
    m_bar : largest ratio of the differences after the start to the largest before it.
    draws : (T, B) standard normal draws for the least-favourable critical value.

    Witnesses: the README of R's HonestDiD, Medicaid expansions, and Benzarti & Carloni's profits in R and Stata.
    """
    root = np.linalg.cholesky(sigma)
    found = []
    for largest in range(n_pre):
        for sign in (1.0, -1.0):
            dual, slope = _dual_vertices(sigma, n_pre, weight, m_bar, largest, sign)
            spread = dual @ root
            critical = float(np.quantile((spread @ draws).max(axis=0), 1 - FIRST_STAGE))
            found.append(_accepted_hull(_Vertices(dual @ betahat, slope, spread @ spread.T, critical)))
    bounds = np.array(found)
    return float(np.nanmin(bounds[:, 0])), float(np.nanmax(bounds[:, 1]))


def _dual_vertices(
    sigma: Floats, n_pre: int, weight: Floats, m_bar: float, largest: int, sign: float
) -> tuple[Floats, Floats]:
    """(k, T) combinations of coefficients at the dual's vertices, and (k,) what a unit of the effect adds to each.

    Moments, ≤ 0 under the restriction: ±(difference after the start) − m̄·(largest difference before it).
    """
    n_post = len(weight)
    steps = _differences(n_pre, n_post)
    bound = sign * steps[largest]
    up, down = steps[n_pre:] - m_bar * bound, -steps[n_pre:] - m_bar * bound
    sd_up, sd_down = _spread(up, sigma), _spread(down, sigma)
    share = np.cumsum(weight[::-1])[::-1]  # the effect is Σ share · (difference of effects)
    with_up, with_down = np.maximum(share, 0), np.maximum(-share, 0)
    scales = np.array([with_up @ sd_up + with_down @ sd_down, with_down @ sd_up + with_up @ sd_down])
    directions = np.array([with_up @ up + with_down @ down, with_down @ up + with_up @ down]) / scales[:, None]
    pairs = (up + down) / (sd_up + sd_down)[:, None]
    slope = np.concatenate([[-1, 1] / scales, np.zeros(n_post)])
    if n_post > 1:
        return np.vstack([directions, pairs]), slope
    before = np.vstack([steps[:n_pre] - bound, -steps[:n_pre] - bound])  # one period: these bind too, as in R
    before = before[np.abs(before).max(axis=1) > 0]
    before = before / _spread(before, sigma)[:, None]
    return np.vstack([directions, pairs, before]), np.concatenate([slope, np.zeros(len(before))])


def _differences(n_pre: int, n_post: int) -> Floats:
    """(n_pre + n_post, n_pre + n_post) consecutive differences of the coefficients; the reference period is 0."""
    steps = np.diff(np.eye(n_pre + n_post + 1), axis=0)
    return np.delete(steps, n_pre, axis=1)


def _spread(moments: Floats, sigma: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", moments, sigma, moments)))


def _accepted_hull(at: _Vertices) -> tuple[float, float]:
    """Least and greatest effect that is not rejected, NaN when all are; the first stage bounds both."""
    low = (at.value[0] - at.critical) / -at.slope[0]
    high = (at.critical - at.value[1]) / at.slope[1]
    if low > high:
        return np.nan, np.nan
    return _first_accepted(at, low, high), _first_accepted(at, high, low)


def _first_accepted(at: _Vertices, start: float, end: float) -> float:
    """The first effect on the way from `start` to `end` that is not rejected, by grids that get finer."""
    for points in (COARSE, *([FINE] * ROUNDS)):
        grid = np.linspace(start, end, points)
        accepted = _not_rejected(at, grid)
        if not accepted.any():
            return np.nan
        place = int(np.argmax(accepted))
        if place == 0:
            return float(grid[0])
        start, end = float(grid[place - 1]), float(grid[place])
    return end


def _not_rejected(at: _Vertices, effect: Floats) -> Bools:
    """(m,) whether the hybrid test keeps each effect.

    Given the vertex that attains η, the rest of the data bounds η between `low` and `high`; η is compared with the
    normal distribution truncated there and at the first stage's critical value.
    """
    value = at.value[:, None] + at.slope[:, None] * effect
    best = value.argmax(axis=0)
    eta = value[best, np.arange(len(effect))]
    variance = at.covariance[best, best]
    sd = np.sqrt(np.where(variance > 0, variance, 1))
    ratio = at.covariance[:, best] / sd**2
    gap = 1 - ratio
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = (value - ratio * eta) / gap
    low = np.minimum(np.where(gap > 1e-9, bound, -np.inf).max(axis=0), eta)
    high = np.minimum(np.where(gap < -1e-9, bound, np.inf).min(axis=0), at.critical)
    with np.errstate(invalid="ignore"):  # no room between the bounds: nothing to reject by
        tail = _log_between(eta / sd, high / sd) - _log_between(low / sd, high / sd)
    return np.asarray((eta <= 0) | ((eta <= at.critical) & ~(tail < np.log(SECOND_STAGE))))


def _log_between(low: Floats, high: Floats) -> Floats:
    """Logarithm of the standard normal probability between two points, exact in the upper tail."""
    above_low, above_high = log_ndtr(-low), log_ndtr(-np.maximum(high, low))
    with np.errstate(divide="ignore"):
        return np.asarray(above_low + np.log(-np.expm1(above_high - above_low)))
