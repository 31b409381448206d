"""Scores of quantile forecasts and of intervals: functions of arrays, smaller is better, in the unit of the
outcome."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def pinball(observed: npt.ArrayLike, quantile: npt.ArrayLike, level: float) -> Floats:
    """Quantile (pinball) loss of a forecast `quantile` at `level`, elementwise.

    ``level · (y − q)`` when y ≥ q, else ``(1 − level) · (q − y)`` (Koenker & Bassett 1978, 10.2307/1913643).
    Witness: level .9, q 10: y 12 → 1.8, y 8 → .2.
    """
    error = np.asarray(observed, float) - np.asarray(quantile, float)
    return np.where(error >= 0, level * error, (level - 1) * error)


def interval_score(observed: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike, coverage: float) -> Floats:
    """Interval score of a central interval with nominal `coverage`, elementwise.

    Width plus 2/α times the distance by which the outcome lies outside, α = 1 − coverage
    (Gneiting & Raftery 2007, eq. 43, 10.1198/016214506000001437). Witness: [8, 12] at 80 %, y 13 → 4 + 10·1 =
    14.
    """
    y, low, high = (np.asarray(x, float) for x in (observed, lower, upper))
    outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return (high - low) + 2.0 / (1.0 - coverage) * outside


def wis(
    observed: npt.ArrayLike,
    median: npt.ArrayLike,
    lower: npt.ArrayLike,
    upper: npt.ArrayLike,
    coverages: npt.ArrayLike,
) -> Floats:
    """Weighted interval score over K central intervals and the median.

    ``(|y − m| / 2 + Σ α_k / 2 · IS_k) / (K + 1/2)`` (Bracher et al. 2021, eq. 2,
    10.1371/journal.pcbi.1008618).

    Parameters
    ----------
    observed, median : shape (n,)
    lower, upper : shape (K, n); ends of the intervals
    coverages : shape (K,); nominal coverages, for example (.8, .95)

    Witness: y 13, median 10, [8, 12] at 80 % → (1.5 + .1·14) / 1.5 = 1.9333.
    """
    y, middle = np.asarray(observed, float), np.asarray(median, float)
    nominal = np.asarray(coverages, float)
    low, high = np.asarray(lower, float), np.asarray(upper, float)
    if low.shape != high.shape or len(low) != len(nominal):
        raise ValueError(f"{low.shape} lower and {high.shape} upper ends for {len(nominal)} coverages")
    total = 0.5 * np.abs(y - middle)
    for k, share in enumerate(nominal):
        total = total + 0.5 * (1.0 - share) * interval_score(y, low[k], high[k], float(share))
    return total / (len(nominal) + 0.5)


def covered_share(observed: npt.ArrayLike, lower: npt.ArrayLike, upper: npt.ArrayLike) -> float:
    """Share of outcomes inside their closed interval; intervals with a missing end do not count.

    Raises
    ------
    ValueError
        When there is no interval to judge: a coverage of nothing is not a number.
    """
    y, low, high = (np.asarray(x, float) for x in (observed, lower, upper))
    known = np.isfinite(y) & np.isfinite(low) & np.isfinite(high)
    if not known.any():
        raise ValueError("no outcome has an interval: coverage cannot be computed")
    return float(np.mean((low[known] <= y[known]) & (y[known] <= high[known])))


def mase(observed: npt.ArrayLike, forecast: npt.ArrayLike, scale: npt.ArrayLike) -> float:
    """Mean absolute scaled error: |y − f| over the in-sample mean absolute error of the seasonal naive, averaged.

    Hyndman & Koehler 2006, 10.1016/j.ijforecast.2006.03.001. Below 1 the forecast errs less than last year's value
    did in the sample.

    Parameters
    ----------
    observed, forecast : shape (..., H); a missing value of either does not count
    scale : shape (...) or a number; series whose scale is 0 or missing do not count: theirs is not defined

    Returns
    -------
    The mean over all values that count; NaN when there is none.

    Witness: y (12, 8), f (10, 10), scale 4 → .5.
    """
    y, f = np.asarray(observed, float), np.asarray(forecast, float)
    divisor = np.broadcast_to(np.asarray(scale, float)[..., np.newaxis], y.shape)
    known = np.isfinite(y) & np.isfinite(f) & (np.nan_to_num(divisor) > 0)
    return float(np.mean(np.abs(y[known] - f[known]) / divisor[known])) if known.any() else float("nan")


def wql(observed: npt.ArrayLike, quantiles: npt.ArrayLike, levels: npt.ArrayLike) -> float:
    """Weighted quantile loss: 2 · Σ pinball / Σ |y|, the mean of the levels.

    The metric of the GluonTS library (Alexandrov et al. 2020, JMLR 21:116) with the mean over its levels.

    Parameters
    ----------
    observed : shape (..., H)
    quantiles : shape (..., H, K); a value that is missing, or has a missing quantile, does not count
    levels : shape (K,)

    Returns
    -------
    NaN when nothing counts or all that counts is 0.

    Witness: y 12 and 8, both quantiles 10, levels .1 and .9 → 2 · (.2 + 1.8 + 1.8 + .2) / 2 / 20 = .2.
    """
    y, q, at = (np.asarray(x, float) for x in (observed, quantiles, levels))
    if q.shape != (*y.shape, len(at)):
        raise ValueError(f"quantiles of shape {q.shape} for {len(at)} levels of outcomes of shape {y.shape}")
    known = np.isfinite(y) & np.isfinite(q).all(axis=-1)
    total = np.abs(y[known]).sum()
    losses = sum(pinball(y[known], q[known][:, k], float(level)).sum() for k, level in enumerate(at))
    return float(2.0 * losses / len(at) / total) if total > 0 else float("nan")


def bias(observed: npt.ArrayLike, forecast: npt.ArrayLike) -> float:
    """Relative bias Σ (f − y) / Σ y over the values where both are known; NaN when those add up to 0.

    Witness: y 10 and 10, f 12 and 9 → 1 / 20 = .05.
    """
    y, f = np.asarray(observed, float), np.asarray(forecast, float)
    known = np.isfinite(y) & np.isfinite(f)
    total = float(y[known].sum())
    return float((f[known] - y[known]).sum()) / total if total > 0 else float("nan")
