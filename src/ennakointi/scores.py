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
