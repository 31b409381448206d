"""Scores of the engine and of the seasonal naive in the same rolling backtests.

S series, W origins, H periods ahead.
"""

from __future__ import annotations

import numpy as np

from ennakointi import scores
from ennakointi.forecast.series import HIGH80, HIGH95, LEVELS, LOW80, LOW95, MEDIAN, Floats, Windows

ENGINE, NAIVE = "engine", "seasonal_naive"
DECILES = slice(LOW80, HIGH80 + 1)  # .1 … .9 among the levels
MEASURES = ("mase", "wql", "coverage80", "coverage95", "bias")


def judged(windows: Windows) -> np.ndarray:
    """Outcomes (S, W, H) that both the engine and the seasonal naive have forecast."""
    forecast = np.isfinite(windows.quantiles).all(axis=-1) & np.isfinite(windows.naive)
    return np.isfinite(windows.observed) & forecast


def rows(windows: Windows) -> list[dict[str, object]]:
    """Scores of the engine and of the seasonal naive on the same outcomes, pooled over series and origins.

    The point forecast of the engine is its median. The naive has no intervals: its weighted quantile loss is that of
    one point at every level, Σ|y − f| / Σ|y|.
    """
    known = judged(windows)
    observed = np.where(known, windows.observed, np.nan)
    point = np.repeat(windows.naive[..., np.newaxis], len(LEVELS), axis=-1)
    n = int(known.any(axis=(0, 2)).sum())
    return [
        {"model": model, **_measures(observed, quantiles, windows.scale, intervals), "n_origins": n}
        for model, quantiles, intervals in ((ENGINE, windows.quantiles, True), (NAIVE, point, False))
    ]


def _measures(observed: Floats, quantiles: Floats, scale: Floats, intervals: bool) -> dict[str, float]:
    median = quantiles[..., MEDIAN]
    each = np.broadcast_to(scale[:, np.newaxis], observed.shape[:2])
    inside = dict.fromkeys(("coverage80", "coverage95"), np.nan)
    if intervals and np.isfinite(observed).any():
        inside["coverage80"] = scores.covered_share(observed, quantiles[..., LOW80], quantiles[..., HIGH80])
        inside["coverage95"] = scores.covered_share(observed, quantiles[..., LOW95], quantiles[..., HIGH95])
    return {
        "mase": scores.mase(observed, median, each),
        "wql": scores.wql(observed, quantiles[..., DECILES], LEVELS[DECILES]),
        **inside,
        "bias": scores.bias(observed, median),
    }
