"""The forecast engine: a mixture of statistical and global models, with intervals from its own backtests.

On real monthly, weekly and daily series it is measured against its members and other tools in `benchmarks/forecast.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi.forecast import conformal, histories, mixture
from ennakointi.forecast.conformal import Flags
from ennakointi.forecast.histories import MIXTURE_LEAST, Ints, Prepared
from ennakointi.forecast.series import (
    ENSEMBLE,
    LEVEL,
    LEVELS,
    REFUSED,
    THETA,
    ZERO,
    EngineForecast,
    Floats,
    SeriesSet,
    Windows,
    mean_of,
)

FULL, FAST = "full", "fast"
_POOL = 60  # series × windows that the pooled intervals want; few series get more windows
_MOST_WINDOWS = 8


@dataclass(frozen=True)
class EngineSettings:
    """How a set of series is forecast.

    Attributes
    ----------
    mode : `full` = the mixture; `fast` = Theta alone.
    seed : of everything drawn.
    jobs : series at a time; None leaves it to joblib's `parallel_config`, which may send them to Dask or Ray.
    windows : rolling backtests behind the intervals, at least; sets of few series get more.
    holidays : country whose public holidays days may feel (learned from the series); None = none.
    """

    mode: str = FULL
    seed: int = 0
    jobs: int | None = None
    windows: int = 2
    holidays: str | None = "FI"


def forecast(series: SeriesSet, horizon: int, settings: EngineSettings) -> EngineForecast:
    """Quantiles of the `horizon` periods after each series' end.

    Gaps are filled from both sides (`gaps`) and the season is told (`seasonality`). The statistical members' quantiles
    are averaged with equal weights and moved by the medians of the global models (`mixture`); the intervals are
    averaged with conformal ones, pooled over series by horizon, from rolling origins (`conformal`). Series that are
    too short, constant or near zero get a level with a spread of its own; what was used stands in `methods`.

    Raises
    ------
    ValueError
        A horizon under 1, or values that are negative or infinite.
    """
    _check(series, horizon)
    prepared = histories.prepare(series, settings.mode == FAST)
    back, clear = _origins(prepared, horizon, series.season, settings)
    raw = _raw(series, prepared, back, horizon, settings)
    observed, naive = histories.outcomes(prepared, back, horizon, series.season)
    errors = np.array([histories.naive_error(one.known, series.season) for one in prepared])
    scale = conformal.scales(errors, _typical(prepared, series.season))
    alone = [i for i, one in enumerate(prepared) if one.method in (LEVEL, ZERO, REFUSED)]
    pooled = observed.copy()
    pooled[alone] = np.nan  # what has intervals of its own neither learns from the others nor teaches them
    final, tested = conformal.calibrated(raw, pooled, scale, clear)
    final[alone], tested[alone] = raw[alone, 0], raw[alone, 1:]
    windows = Windows(back, observed, tested, naive, errors) if len(back) else None
    return EngineForecast(series.keys, final, mean_of(final), tuple(one.method for one in prepared), windows)


def _check(series: SeriesSet, horizon: int) -> None:
    if horizon < 1:
        raise ValueError(f"horizon {horizon}: at least one period")
    for key, values in zip(series.keys, series.values, strict=True):
        if np.isinf(values).any() or (values[np.isfinite(values)] < 0).any():
            raise ValueError(f"series {key!r}: holds an infinite or a negative value; counts are 0 or more")


def _origins(prepared: Sequence[Prepared], horizon: int, season: int, settings: EngineSettings) -> tuple[Ints, Flags]:
    """Periods between the origins of the backtests and the end (W,), and whether they are clear of long gaps (W,); none
    when no series is long enough.

    Where most series have a long gap at an origin or in its horizon, that backtest is about the gap: as many clear
    origins are tested beside.
    """
    step = max(1, horizon // 3)
    longest = max((len(one.known) for one in prepared), default=0)
    suited = [one for one in prepared if one.method in (ENSEMBLE, THETA)]
    wanted = int(np.clip(-(-_POOL // max(len(suited), 1)), settings.windows, _MOST_WINDOWS))
    room = (longest - horizon - max(2 * season, MIXTURE_LEAST)) // step + 1
    back = horizon + step * np.arange(max(room, 0))
    suited_at = [[one.clear(int(gone), horizon) for one in suited] for gone in back]
    clear = np.array([np.mean(row) > 0.5 if row else True for row in suited_at], bool)
    beside = np.flatnonzero(clear[wanted:])[: wanted - int(clear[:wanted].sum())] + wanted
    chosen = np.concatenate([np.arange(min(wanted, len(back))), beside])
    return back[chosen], clear[chosen]


def _raw(series: SeriesSet, prepared: Sequence[Prepared], back: Ints, horizon: int, settings: EngineSettings) -> Floats:
    """Uncalibrated quantiles from the end and from every origin of the backtests, shape (S, 1 + W, H, 13)."""
    if not prepared:
        return np.zeros((0, 1 + len(back), horizon, len(LEVELS)))
    known = [
        [histories.at_origin(one, int(gone), horizon, series.seasons, settings.holidays) for gone in (0, *back)]
        for one in prepared
    ]
    raw = mixture.statistical(known, [one.method for one in prepared], horizon, settings.jobs)
    mixed = [int(i) for i in np.argsort(series.keys) if prepared[i].method == ENSEMBLE]
    if mixed:
        raw[mixed] = mixture.with_global(raw[mixed], [known[i] for i in mixed], horizon, series.season, settings.seed)
    return raw


def _typical(prepared: Sequence[Prepared], season: int) -> Floats:
    """Mean of the last season of each series, or half the mean of all of it where that is more, (S,); NaN for a refused
    one."""
    known = [one.known[np.isfinite(one.known)] for one in prepared]
    return np.array([max(v[-max(season, 12) :].mean(), v.mean() / 2) if len(v) else np.nan for v in known])
