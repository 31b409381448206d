"""Forecasts that add up inside one target group: county > service > municipality, never negative, calibrated again.

N nodes of which B are the bottom, H months ahead, W rolling windows, 13 quantile levels, T errors of a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ennakointi.forecast.coherence import Spread, Tree, coherent
from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.series import (
    HIGH80,
    HIGH95,
    LEVELS,
    LOW80,
    LOW95,
    MEDIAN,
    SHARES,
    EngineForecast,
    Floats,
    Windows,
    mean_of,
)
from ennakointi.scores import pinball

MARGIN = 1.05  # correlations must lower the loss by this much: the few windows that they come from flatter them
PRIOR_WINDOWS = 10  # how many windows the factor 1 weighs in the recalibration
WIDEST = 2.0  # bounds of a recalibration factor: 1/2 … 2
HALF80, HALF95 = 0.8, 0.95
DOUBLE = 2.0  # largest ratio of means by which quantiles are multiplied


@dataclass(frozen=True, eq=False)
class Reconciled:
    """A coherent forecast and how it came about.

    Attributes
    ----------
    forecast : means that add up to 1e-6; its windows went through the same steps.
    top_kept : the whole kept its own forecast and the rest was fitted to it, because that scored better.
    shrinkage : λ of the errors' correlations; 1 = variances alone.
    factors : (2, 2) width of the 80 and 95 % intervals against those before, of sums and of municipalities.
    clipped : months in which the solver was stopped, the bottom cut at zero and summed up.
    """

    forecast: EngineForecast
    top_kept: bool
    shrinkage: float
    factors: Floats
    clipped: int


def reconcile(made: EngineForecast, hierarchy: Hierarchy) -> EngineForecast:
    """The coherent forecast alone; see `reconciled`."""
    return reconciled(made, hierarchy).forecast


def reconciled(made: EngineForecast, hierarchy: Hierarchy) -> Reconciled:
    """Means that add up by MinT with a shrunk covariance, and quantiles that moved with them.

    The means minimise the trace of the errors' covariance among coherent forecasts (Wickramasuriya, Athanasopoulos &
    Hyndman 2019, 10.1080/01621459.2018.1448825), with no municipality under zero (Wickramasuriya, Turlach & Hyndman
    2020, 10.1007/s11222-020-09930-0). Quantiles move with the means. Then the distances from the median are widened or
    narrowed by one factor for the sums and one for the municipalities, found in the backtests after the same
    reconciliation.

    Two choices are made by the pinball loss of all nodes in the backtests, each window with the errors of the others.
    Correlations of the errors, shrunk, are used when they lower the loss by a twentieth, and the variances alone
    otherwise: the errors are few and go together. And the whole may keep its own forecast; then the rest is fitted to
    it (`top_kept`), so that what is published adds up all the same.

    A refused node stays NaN and is left out of the sums; a bottom that is all zero, or lies under a sum that is, stays
    zero; a sum whose members are all refused stays as it is.

    Raises
    ------
    ValueError
        When the forecasts are not those of the hierarchy's nodes.

    Witness: three nodes by hand, the published matrix formula by dense numpy, scipy's `nnls`
    (`tests/unit/test_forecast_reconciliation.py`).
    """
    tree = Tree.of(made, hierarchy)
    variance = _interval_variance(made.quantiles)
    chosen = _best(made.windows, tree, variance)
    spread = chosen.spread(_errors(made.windows), variance, tree.summing)
    mean, clipped = coherent(made.mean, tree, spread, chosen.keep_top)
    factors = _factors(made.windows, chosen.quantiles, tree.n_upper)
    quantiles = _spread_out(move(made.quantiles, made.mean, mean), factors, tree.n_upper)
    windows = _calibrated_windows(made.windows, chosen.quantiles, tree.n_upper)
    forecast = replace(made, mean=mean, quantiles=quantiles, windows=windows)
    shrunk = spread.shrinkage(np.flatnonzero(tree.alive))
    return Reconciled(forecast, chosen.keep_top, shrunk, factors, clipped)


def move(quantiles: Floats, old: Floats, new: Floats) -> Floats:
    """Quantiles (…, 13) moved from the mean `old` (…) to `new` (…) by their ratio, beyond its double by the rest.

    Zero stays zero: a quantile of a small count says that nothing comes, and a sliver above it would exclude that.
    """
    ratio = np.divide(new, old, out=np.full(new.shape, DOUBLE), where=old > 0)
    scaled = quantiles * np.minimum(ratio, DOUBLE)[..., None]
    rest = np.maximum(new - DOUBLE * old, 0.0)[..., None]
    return np.where((quantiles > 0) | (old[..., None] <= 0), scaled + rest, scaled)


@dataclass(frozen=True, eq=False)
class _Choice:
    """One way to reconcile, and the windows' quantiles (N, W, H, 13) after it."""

    correlated: bool
    keep_top: bool
    quantiles: Floats | None

    def spread(self, errors: Floats | None, variance: Floats, summing: Floats) -> Spread:
        found = Spread.of(errors, variance, summing)
        return found if self.correlated else found.alone


def _errors(windows: Windows | None) -> Floats | None:
    return None if windows is None else windows.observed - mean_of(windows.quantiles)


def _interval_variance(quantiles: Floats) -> Floats:
    """Variance (N,) of the forecast distributions (N, H, 13), mean over the months ahead; their tails count."""
    return np.asarray(((quantiles - mean_of(quantiles)[..., None]) ** 2 @ SHARES).mean(axis=-1))


def _best(windows: Windows | None, tree: Tree, variance: Floats) -> _Choice:
    """The way with the least loss in the windows; on a tie the first: variances alone, the whole reconciled."""
    ways = [_Choice(correlated, keep_top, None) for keep_top in (False, True) for correlated in (False, True)]
    if windows is None:
        return ways[0]
    tried = [replace(way, quantiles=_reconciled_windows(windows, tree, variance, way)) for way in ways]
    return min(tried, key=lambda way: _loss(windows, way.quantiles) * (MARGIN if way.correlated else 1.0))


def _reconciled_windows(windows: Windows, tree: Tree, variance: Floats, way: _Choice) -> Floats:
    """Quantiles moved to coherent means, in each window with the covariance of the others' errors."""
    errors, base = _errors(windows), mean_of(windows.quantiles)
    assert errors is not None
    out = windows.quantiles.copy()
    for w in range(base.shape[1]):
        others = np.delete(errors, w, axis=1) if base.shape[1] > 1 else errors
        there, told = tree.known(base[:, w])
        mean, _ = coherent(base[:, w], there, way.spread(others, variance, tree.summing), way.keep_top, told)
        out[:, w] = move(windows.quantiles[:, w], base[:, w], mean)
    return out


def _loss(windows: Windows, quantiles: Floats | None) -> float:
    """Pinball loss over all nodes, windows, months and levels, in contacts: each tier weighs alike."""
    if quantiles is None:
        return 0.0
    return float(sum(np.nansum(pinball(windows.observed, quantiles[..., k], p)) for k, p in enumerate(LEVELS)))


def _factors(
    windows: Windows | None, quantiles: Floats | None, n_upper: int, of: Sequence[int] | None = None
) -> Floats:
    """(2, 2) widths that would have covered 80 and 95 %, of sums and of municipalities, in some windows.

    An outcome lies at x half-widths from the median on its side; the factor is the share-quantile of x, drawn to 1
    like by 10 windows of one series. Intervals without a width do not count.
    """
    factors = np.ones((2, 2))
    if windows is None or quantiles is None:
        return factors
    of = range(quantiles.shape[1]) if of is None else of
    for row, nodes in enumerate((slice(0, n_upper), slice(n_upper, None))):
        observed, q = windows.observed[nodes, of], quantiles[nodes, of]
        for column, (low, high, share) in enumerate(((LOW80, HIGH80, HALF80), (LOW95, HIGH95, HALF95))):
            distance = _half_widths(observed, q[..., low], q[..., MEDIAN], q[..., high])
            known = np.isfinite(distance)
            n = int(known.any(axis=-1).sum())
            if n:
                found = np.quantile(distance[known], share)
                factors[row, column] = 1 + (found - 1) * n / (n + PRIOR_WINDOWS)
    return np.clip(factors, 1 / WIDEST, WIDEST)


def _half_widths(observed: Floats, low: Floats, middle: Floats, high: Floats) -> Floats:
    """Distance of the outcome from the median in half-widths of its side; NaN where there is no width."""
    width = np.where(observed >= middle, high - middle, middle - low)
    return np.divide(np.abs(observed - middle), width, out=np.full(width.shape, np.nan), where=width > 0)


def _spread_out(quantiles: Floats, factors: Floats, n_upper: int) -> Floats:
    """Quantiles (N, …, 13) with their distances from the median multiplied: ordered and not negative."""
    middle = quantiles[..., MEDIAN, None]
    by_node = np.repeat(factors, (n_upper, len(quantiles) - n_upper), axis=0)
    by_level = by_node @ _MIX
    shape = (len(quantiles), *(1,) * (quantiles.ndim - 2), len(LEVELS))
    spread = (quantiles - middle) * by_level.reshape(shape)
    above = np.maximum.accumulate(spread[..., MEDIAN:], axis=-1)
    below = np.minimum.accumulate(spread[..., MEDIAN::-1], axis=-1)[..., :0:-1]
    spread_out = np.maximum(middle + np.concatenate([below, above], axis=-1), 0.0)
    return np.where(quantiles == 0, 0.0, spread_out)


# How much of the 80 % and of the 95 % factor each level takes: in between, half of both.
_MIX = np.array([[0, 0.5, *[1] * 9, 0.5, 0], [1, 0.5, *[0] * 9, 0.5, 1]], dtype=np.float64)


def _calibrated_windows(windows: Windows | None, quantiles: Floats | None, n_upper: int) -> Windows | None:
    """The windows reconciled, each widened by the factors of the others."""
    if windows is None or quantiles is None:
        return windows
    n = quantiles.shape[1]
    out = quantiles.copy()
    for w in range(n):
        others = [v for v in range(n) if v != w] or [w]
        out[:, w] = _spread_out(quantiles[:, w], _factors(windows, quantiles, n_upper, others), n_upper)
    return replace(windows, quantiles=out)
