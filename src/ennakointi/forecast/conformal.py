"""Intervals learned from rolling backtests, pooled over series by horizon."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ennakointi.forecast.series import LEVELS, MEDIAN, Floats

Flags = npt.NDArray[np.bool_]

MINIMUM_ERRORS = 20  # pooled errors a horizon needs; neighbouring horizons are joined until there are as many


def scales(naive_error: Floats, typical: Floats) -> Floats:
    """Size of a usual error by series, shape (S,): √(seasonal-naive error · √level), so that neither large nor
    small series dominate the pool; for a series without one its √level times what the others' errors are of theirs,
    so that counts in another unit give the same forecasts in that unit."""
    level = np.sqrt(np.maximum(typical, 1e-12))
    known = np.isfinite(naive_error) & (naive_error > 0)
    usual = np.median(naive_error[known] / level[known]) if known.any() else 1.0
    error = np.where(known, naive_error, usual * level)
    return np.sqrt(error * level)


def pooled(errors: Floats) -> Floats:
    """Quantiles of scaled errors by horizon, shape (H, 13).

    Parameters
    ----------
    errors : (M, H) scaled errors of all series and windows, NaN where unknown.

    Returns
    -------
    NaN for every horizon when there are fewer errors than `MINIMUM_ERRORS` in all. The quantiles are those of |error|,
    mirrored about 0: a mean error of the past is not carried on (measured: believing half of it costs 0–7 % of MASE).
    Split-conformal in spirit: Lei et al. 2018, 10.1080/01621459.2017.1307116.
    """
    horizon = errors.shape[1]
    out = np.full((horizon, len(LEVELS)), np.nan)
    if np.isfinite(errors).sum() < MINIMUM_ERRORS:
        return out
    for h in range(horizon):
        known = _around(errors, h)
        out[h] = np.quantile(np.concatenate([known, -known]), LEVELS)
    return out


def _around(errors: Floats, h: int) -> Floats:
    """Errors of a horizon and as many neighbours as it takes, (k,)."""
    horizon = errors.shape[1]
    for reach in range(1, horizon + 1):
        near = errors[:, max(h - reach, 0) : h + reach + 1]
        known = near[np.isfinite(near)]
        if len(known) >= 5 * MINIMUM_ERRORS:
            return known
    return errors[np.isfinite(errors)]


def widened(quantiles: Floats, errors: Floats, scale: Floats) -> Floats:
    """Native quantiles averaged with the conformal ones, ordered and not negative.

    Parameters
    ----------
    quantiles : (S, H, 13) of the mixture. errors : (H, 13) from `pooled`. scale : (S,).
    """
    centre = quantiles[:, :, MEDIAN : MEDIAN + 1]
    learned = centre + scale[:, None, None] * errors[None]
    joined = np.where(np.isfinite(learned), 0.5 * (quantiles + learned), quantiles)
    return np.maximum(np.sort(joined, axis=-1), 0.0)


def calibrated(raw: Floats, observed: Floats, scale: Floats, clear: Flags) -> tuple[Floats, Floats]:
    """The forecast and its backtests with widened intervals.

    Backtests from a calm time and those that are about a long gap are pooled apart, and their widths averaged: what
    comes after a disruption is neither as sure as the calm nor as unsure as the disruption.

    Parameters
    ----------
    raw : (S, 1 + W, H, 13) the forecast, then the backtests. observed : (S, W, H). scale : (S,).
    clear : (W,) backtests without a long gap.

    Returns
    -------
    (S, H, 13) learned from every window, and (S, W, H, 13), each window learned from the others.
    """
    errors = (observed - raw[:, 1:, :, MEDIAN]) / scale[:, None, None]
    tested = np.empty_like(raw[:, 1:])
    for w in range(observed.shape[1]):
        others = np.arange(observed.shape[1]) != w
        tested[:, w] = widened(raw[:, w + 1], _learned(errors, clear, others), scale)
    return widened(raw[:, 0], _learned(errors, clear, np.ones(len(clear), bool)), scale), tested


def _learned(errors: Floats, clear: Flags, chosen: Flags) -> Floats:
    """Quantiles of the scaled errors (S, W, H) of the chosen windows, calm and disrupted ones averaged, (H, 13)."""
    horizon = errors.shape[2]
    kinds = [pooled(errors[:, chosen & kind].reshape(-1, horizon)) for kind in (clear, ~clear)]
    known = [kind for kind in kinds if np.isfinite(kind).any()]
    return np.mean(known, axis=0) if known else kinds[0]
