"""Whole paths of counts ahead, for anything cumulated or thresholded: simulated, re-centred, and calibrated on sums.

Functions of arrays. n is the number of past periods, h of periods ahead, p of paths. A sum of months has no interval
that could be read from the months' own intervals: whole paths are cumulated, and the quantiles of the sums are
widened by what earlier sums have missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
from scipy import stats
from statsforecast.models import DynamicOptimizedTheta

Floats = npt.NDArray[np.float64]

THETA = "theta"
COUNTS = "counts"

THETA_MINIMUM_MEAN = 3.0  # contacts a month; below it additive errors would put half of a path under zero
THETA_MAXIMUM_ZERO_SHARE = 0.25
THETA_MINIMUM_PERIODS = 12
THETA_BURN_IN = 3  # residuals of the first periods are starting values

NORMAL_80, NORMAL_95 = 1.2815515655446004, 1.959963984540054
MINIMUM_PLACEBOS = 10  # pooled placebo forecasts a horizon needs before its interval is shown
SMOOTHING_PERIODS = 3  # horizons on either side that share their factor

_GENERATOR = Lock()


@dataclass(frozen=True)
class PooledFactors:
    """Factors on the half-width of a cumulated interval, by periods cumulated.

    `factor80`, `factor95` (h,): NaN beyond the reached horizon. `placebos` (h,): forecasts behind them.
    """

    factor80: Floats
    factor95: Floats
    placebos: Floats


def suits_theta(observed: Floats, index: Floats) -> bool:
    """Whether a series is large, varied and long enough for additive errors; decided before the model is
    called.

    Parameters
    ----------
    observed, index : (n,) counts, and the deseasonalised index that would be modelled
    """
    return bool(
        len(observed) >= THETA_MINIMUM_PERIODS
        and observed.mean() >= THETA_MINIMUM_MEAN
        and (observed == 0).mean() <= THETA_MAXIMUM_ZERO_SHARE
        and np.ptp(index) > 1e-6 * index.mean()
    )


def theta_paths(index: Floats, h: int, n_paths: int, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Point forecast (h,) and paths (p, h) of a deseasonalised index by a dynamic optimised Theta model.

    Fiorucci et al. 2016, 10.1016/j.ijforecast.2016.02.005. Its drift is re-estimated along the path and so fades: a
    damped trend. Each path carries the errors of its periods through the level (autocorrelation), an error of the
    starting level and an error of the drift (parameter uncertainty). Values may be negative or not finite. The
    library keeps the smoothing weight α at .1 or above, so periods without any memory get sums that are too wide, of
    24 periods 2.5 times; for exponential smoothing the variance at h is σ² (1 + (h − 1) α² + α).

    Parameters
    ----------
    index : (n,) without NaN, not constant (`suits_theta`)
    """
    n = len(index)
    with global_generator_kept():
        model = DynamicOptimizedTheta(season_length=1).fit(index)
        point = np.asarray(model.predict(h)["mean"], float)
        paths = np.asarray(model.simulate(h, n_paths, seed=int(generator.integers(2**31))), float)
    alpha = float(model.model_["par"]["alpha"])
    sigma = float(np.std(np.asarray(model.model_["residuals"], float)[THETA_BURN_IN:], ddof=1))
    level_sd = sigma * np.sqrt(max(alpha, 1.0 / n))  # steady-state error of an exponentially smoothed level
    drift_sd = 0.5 * sigma * np.sqrt(12.0 / n**3)  # Theta uses half of the least-squares slope
    level_error = generator.normal(0.0, level_sd, (n_paths, 1))
    drift_error = generator.normal(0.0, drift_sd, (n_paths, 1)) * (np.arange(1, h + 1) + n / 2 * (alpha < 0.1))
    return point, paths + level_error + drift_error


@contextmanager
def global_generator_kept() -> Iterator[None]:
    """statsforecast's `simulate` seeds NumPy's global generator; its state is put back. One thread at a time."""
    with _GENERATOR:
        state = np.random.get_state()  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def count_paths(
    mean: Floats, index: Floats, contacts: float, dispersion: float, n_paths: int, generator: np.random.Generator
) -> Floats:
    """Negative-binomial paths (p, h) about a given mean, for a small or constant series.

    The level is gamma with the variance of a quasi-Poisson mean whose periods are autocorrelated
    (dispersion · (1 + r) / (1 − r) / contacts); the periods are Poisson around a gamma with the given dispersion.

    Parameters
    ----------
    mean : (h,) expected counts ahead
    index : (n,) past counts without season and trend, of any scale; its lag-1 autocorrelation is r, kept in [0, 0.8]
    contacts : counts of the past behind the level, in all
    dispersion : variance over mean of a period's count, at least 1
    """
    centred = index - index.mean()
    spread = float((centred**2).sum())
    lag = float((centred[1:] * centred[:-1]).sum()) / spread if spread > 0 else 0.0
    r = float(np.clip(lag + 1.0 / len(index), 0.0, 0.8))
    variance = dispersion * (1 + r) / (1 - r) / max(contacts, 1.0)  # relative, of the level
    drawn = mean * generator.gamma(1.0 / variance, variance, (n_paths, 1))
    extra = dispersion - 1.0
    if extra > 1e-9:
        drawn = generator.gamma(np.maximum(drawn / extra, 1e-9), extra)
    return np.asarray(generator.poisson(drawn), float)


def recentred(point: Floats, paths: Floats) -> tuple[Floats, Floats]:
    """Paths moved so that each period's mean is the point forecast, then held at zero or above."""
    point = np.maximum(point, 0.0)
    moved = paths + (point - paths.mean(axis=0))
    return point, np.maximum(moved, 0.0)


def cumulated_deviations(paths: Floats, point: Floats) -> Floats:
    """Each path's cumulated distance from the cumulated point forecast, shape (p, h).

    The mean over paths is made 0, so that holding counts at zero moves no centre.
    """
    gaps = np.cumsum(paths - point, axis=1)
    return np.asarray(gaps - gaps.mean(axis=0))


def quantile_ends(deviations: Floats, coverage: float) -> Floats:
    """Lower and upper ends of the central interval per period, shape (2, h)."""
    tail = (1.0 - coverage) / 2
    return np.quantile(deviations, [tail, 1.0 - tail], axis=0)


def cumulated_ratios(observed: Floats, point: Floats, deviations: Floats, horizon: int) -> Floats:
    """|cumulated error| over the sd of the cumulated paths, shape (horizon,); NaN where observations end.

    Parameters
    ----------
    observed, point : (k,) what came and what was forecast, k ≤ horizon
    deviations : (p, k) from `cumulated_deviations`
    """
    error = np.cumsum(observed - point)
    ratios = np.full(horizon, np.nan)
    ratios[: len(error)] = np.abs(error) / np.maximum(deviations.std(axis=0), 1e-9)
    return ratios


def pooled_factors(ratios: Sequence[Floats], horizon: int, *, least: float = 1.0) -> PooledFactors:
    """Factors that would have made earlier cumulated intervals cover what they say, pooled over series.

    The factor of a horizon is the 80 % (95 %) quantile of `cumulated_ratios` over the normal one, averaged over
    neighbouring horizons, and never below `least`: by default calibration widens only. Split-conformal in spirit:
    Lei et al. 2018, 10.1080/01621459.2017.1307116, with the series and placebo origins as the calibration set.

    Parameters
    ----------
    ratios : (horizon,) each, one a series and origin

    Witness: ratios 1 … 99 hundredths of 2 · 1.2816 → factor80 1.6 (their 80 % quantile is .8 · 2 · 1.2816).
    """
    table = np.vstack([*ratios, np.full((1, horizon), np.nan)])
    placebos = np.isfinite(table).sum(axis=0).astype(float)
    reached = np.cumprod(placebos >= MINIMUM_PLACEBOS).astype(bool)
    return PooledFactors(
        _factors(table, reached, 0.80, NORMAL_80, least), _factors(table, reached, 0.95, NORMAL_95, least), placebos
    )


def _factors(table: Floats, reached: np.ndarray, level: float, normal: float, least: float) -> Floats:
    factors = np.full(table.shape[1], np.nan)
    for h in np.flatnonzero(reached):
        near = table[:, max(h - SMOOTHING_PERIODS, 0) : h + SMOOTHING_PERIODS + 1]
        near = near[np.isfinite(near)]
        factors[h] = max(float(np.quantile(near, level)) / normal, least)
    return factors


def with_marginals(paths: Floats, quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Paths with the dependence of the given ones and, period by period, the distribution of the given quantiles.

    Each value is replaced by the quantile at its rank: ensemble copula coupling (Schefzik, Thorarinsdottir & Gneiting
    2013, 10.1214/13-STS443; the Schaake shuffle of Clark et al. 2004 with simulated in place of past trajectories).
    Between the levels and beyond them quantiles are linear in the normal score.

    Parameters
    ----------
    paths : (p, h) of any scale, only ranks matter. quantiles : (h, K), ordered. levels : (K,), at least two.

    Returns
    -------
    (p, h), not below zero.

    Witness: quantiles of a normal distribution are given back as its p-quantiles at (rank − ½) / p.
    """
    scores = np.asarray(stats.norm.ppf(levels))
    wanted = stats.norm.ppf((np.arange(len(paths)) + 0.5) / len(paths))
    left = np.clip(np.searchsorted(scores, wanted) - 1, 0, len(scores) - 2)
    share = (wanted - scores[left]) / (scores[left + 1] - scores[left])
    ordered = quantiles[:, left] + share * (quantiles[:, left + 1] - quantiles[:, left])
    ranks = paths.argsort(axis=0).argsort(axis=0)
    return np.asarray(np.maximum(np.take_along_axis(ordered.T, ranks, axis=0), 0.0))


def proportioned(point: Floats, paths: Floats) -> Floats:
    """Non-negative paths multiplied so that each period's mean is the point forecast ≥ 0, shape (p, h); a period that
    is 0 in every path becomes its point."""
    mean = paths.mean(axis=0)
    ratio = np.divide(point, mean, out=np.zeros_like(point), where=mean > 0)
    return np.where(mean > 0, paths * ratio, point)


def scaled(paths: Floats, point: Floats, factors: Floats) -> Floats:
    """Paths whose cumulated distance from the point is multiplied, at every horizon, by the factor of that horizon.

    Sums from the first period on get exactly the wider spread; periods get the differences, so that they still add
    up. Counts below zero are held at zero.

    Parameters
    ----------
    paths : (p, h). point : (h,), the mean of the paths. factors : (h,), smooth in the horizon.
    """
    cumulated = np.cumsum(paths - point, axis=1) * factors
    return np.asarray(np.maximum(point + np.diff(cumulated, axis=1, prepend=0.0), 0.0))
