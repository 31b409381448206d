"""The forecast engine: a mixture of statistical models and one global model, with intervals from its own backtests.

On real monthly, weekly and daily series it is measured against its members and other tools in `benchmarks/forecast.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed

from ennakointi.forecast import conformal, gaps, global_model, members
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
)

FULL, FAST = "full", "fast"
_POOL = 60  # series × windows that the pooled intervals want; few series get more windows
_MOST_WINDOWS = 8
_CHUNK = 8  # series that one task fits
Ints = npt.NDArray[np.int64]

GLOBAL_WEIGHT = 0.25  # the global model is one of four members
_THETA_LEAST, _MIXTURE_LEAST = 8, 12  # known values below which a level, or Theta alone, is used
_ZEROS = 0.5  # share of zeros above which a level is used


@dataclass(frozen=True)
class EngineSettings:
    """How a set of series is forecast.

    Attributes
    ----------
    mode : `full` = the mixture; `fast` = Theta alone.
    seed : of everything drawn.
    jobs : series at a time; joblib's `parallel_config` may send them to Dask or Ray.
    windows : rolling backtests behind the intervals, at least; sets of few series get more.
    """

    mode: str = FULL
    seed: int = 0
    jobs: int = 1
    windows: int = 2


@dataclass(frozen=True, eq=False)
class _Prepared:
    """One series from its first known value, gaps filled.

    `known` (n,): with NaN. `filled` (n,): up to the last known value. `late`: periods between that and the end.
    """

    known: Floats
    filled: Floats
    late: int
    method: str


def forecast(series: SeriesSet, horizon: int, settings: EngineSettings) -> EngineForecast:
    """Quantiles of the `horizon` periods after each series' end.

    Gaps are filled from both sides (`gaps`). The quantiles of the members are averaged with equal weights; intervals
    are averaged with conformal ones, pooled over series by horizon, from rolling origins (`conformal`). Series that
    are too short, constant or near zero get a level; what was used stands in `methods`.

    Raises
    ------
    ValueError
        A horizon under 1, or values that are negative or infinite.
    """
    _check(series, horizon)
    season = series.season
    prepared = [_prepare(values, season, settings.mode) for values in series.values]
    back = _origins(prepared, horizon, season, settings)
    raw = _mixtures(series, prepared, np.concatenate([[0], back]), horizon, settings)
    observed, naive = _outcomes(prepared, back, horizon, season)
    errors = np.array([_naive_error(one.known, season) for one in prepared])
    typical = np.array([np.nanmean(one.known[-max(season, 12) :]) if len(one.known) else np.nan for one in prepared])
    final, tested = conformal.calibrated(raw, observed, conformal.scales(errors, typical))
    silent = [i for i, one in enumerate(prepared) if one.method in (ZERO, REFUSED)]
    final[silent], tested[silent] = raw[silent, 0], raw[silent, 1:]
    windows = Windows(back, observed, tested, naive, errors) if len(back) else None
    return EngineForecast(series.keys, final, _mean(final), tuple(one.method for one in prepared), windows)


def _check(series: SeriesSet, horizon: int) -> None:
    if horizon < 1:
        raise ValueError(f"horizon {horizon}: at least one period")
    for key, values in zip(series.keys, series.values, strict=True):
        if np.isinf(values).any() or (values[np.isfinite(values)] < 0).any():
            raise ValueError(f"series {key!r}: holds an infinite or a negative value; counts are 0 or more")


def _prepare(values: Floats, season: int, mode: str) -> _Prepared:
    """The series from its first known value, filled, and the method that suits it."""
    finite = np.flatnonzero(np.isfinite(values))
    if not len(finite):
        return _Prepared(values[:0], values[:0], 0, REFUSED)
    known = np.asarray(values[finite[0] :], float)
    last = int(finite[-1] - finite[0])
    method = _method(known[np.isfinite(known)], mode)
    filled = gaps.filled(known[: last + 1], season)
    return _Prepared(known, filled, len(known) - last - 1, method)


def _method(known: Floats, mode: str) -> str:
    """What suits the known values; decided before a model is called."""
    if not known.any():
        return ZERO
    if len(known) < _THETA_LEAST or np.ptp(known) == 0 or (known == 0).mean() > _ZEROS:
        return LEVEL
    return THETA if mode == FAST or len(known) < _MIXTURE_LEAST else ENSEMBLE


def _origins(prepared: Sequence[_Prepared], horizon: int, season: int, settings: EngineSettings) -> Ints:
    """Periods between the origins of the backtests and the end, (W,); none when no series is long enough."""
    step = max(1, horizon // 3)
    longest = max((len(one.filled) for one in prepared), default=0)
    suited = sum(one.method in (ENSEMBLE, THETA) for one in prepared)
    wanted = int(np.clip(-(-_POOL // max(suited, 1)), settings.windows, _MOST_WINDOWS))
    room = (longest - horizon - max(2 * season, _MIXTURE_LEAST)) // step + 1
    return horizon + step * np.arange(max(min(wanted, room), 0))


def _mixtures(
    series: SeriesSet, prepared: Sequence[_Prepared], back: Ints, horizon: int, settings: EngineSettings
) -> Floats:
    """Uncalibrated quantiles from every origin, shape (S, 1 + W, H, 13); NaN where there is too little history."""
    chunks = [range(i, min(i + _CHUNK, len(prepared))) for i in range(0, len(prepared), _CHUNK)]
    made = Parallel(n_jobs=settings.jobs)(
        delayed(_statistical)([prepared[i] for i in chunk], back, horizon, series.seasons) for chunk in chunks
    )
    raw = np.concatenate(made) if made else np.zeros((0, len(back), horizon, len(LEVELS)))
    mixture = [i for i in np.argsort(series.keys) if prepared[i].method == ENSEMBLE]
    if mixture:
        raw[mixture] = _with_global(raw[mixture], [prepared[i] for i in mixture], back, horizon, series, settings)
    return raw


def _with_global(
    raw: Floats, prepared: Sequence[_Prepared], back: Ints, horizon: int, series: SeriesSet, settings: EngineSettings
) -> Floats:
    """The statistical mixtures with the global model as one more member of equal weight.

    Backtests use one model that has seen nothing after the earliest of their origins.
    """
    pasts = [[_past(one, gone) for gone in back] for one in prepared]
    longest = int(back.max())
    final = global_model.learned([p[0] for p in pasts], [p[:1] for p in pasts], horizon, series.season, settings.seed)
    if final is None:
        return raw
    parts = [final]
    if longest:
        early = [_past(one, longest) for one in prepared]
        tested = global_model.learned(early, [p[1:] for p in pasts], horizon, series.season, settings.seed)
        parts.append(np.full_like(raw[:, 1:], np.nan) if tested is None else tested)
    found = np.concatenate(parts, axis=1)
    return np.where(np.isfinite(found), GLOBAL_WEIGHT * found + (1 - GLOBAL_WEIGHT) * raw, raw)


def _past(one: _Prepared, gone: int) -> Floats:
    """What was known `gone` periods before the end."""
    return one.filled[: len(one.known) - gone] if gone else one.filled


def _statistical(chunk: Sequence[_Prepared], back: Ints, horizon: int, seasons: tuple[int, ...]) -> Floats:
    """Mixtures of the statistical members, shape (series, origins, H, 13)."""
    out = np.full((len(chunk), len(back), horizon, len(LEVELS)), np.nan)
    for i, one in enumerate(chunk):
        for w, gone in enumerate(back):
            past = _past(one, int(gone))
            ahead = horizon + (one.late if gone == 0 else 0)
            if one.method != REFUSED and (len(past) >= _least(one.method, seasons[0]) or gone == 0):
                out[i, w] = _one(past, ahead, seasons, one.method)[ahead - horizon :]
    return out


def _least(method: str, season: int) -> int:
    """Known periods that a backtest needs."""
    return 2 * season if method == ENSEMBLE else _THETA_LEAST


def _one(past: Floats, horizon: int, seasons: tuple[int, ...], method: str) -> Floats:
    """The mixture of one series, shape (H, 13)."""
    if method == ZERO:
        return np.zeros((horizon, len(LEVELS)))
    season = seasons[0] if len(past) >= 2 * seasons[0] + 1 else 1
    chosen = [members.theta]
    if method == ENSEMBLE:
        chosen += [members.smoothing, members.complex_smoothing]
    made = [] if method == LEVEL or np.ptp(past) == 0 else [members.tried(m, past, horizon, season) for m in chosen]
    whole = [one for one in made if one is not None]
    if not any(np.isfinite(deviation).all() for _, deviation in whole):
        return members.level(past, horizon, seasons[0]) if past.any() else np.zeros((horizon, len(LEVELS)))
    return np.maximum(members.mixed(whole), 0.0)


def _outcomes(prepared: Sequence[_Prepared], back: Ints, horizon: int, season: int) -> tuple[Floats, Floats]:
    """What came after each origin of the backtests and the seasonal naive forecast of it, both (S, W, H)."""
    observed = np.full((len(prepared), len(back), horizon), np.nan)
    naive = observed.copy()
    for i, one in enumerate(prepared):
        for w, gone in enumerate(back):
            start = len(one.known) - gone
            if start >= season:
                observed[i, w] = one.known[start : start + horizon]
                past = one.filled[:start]
                naive[i, w] = past[len(past) - season + np.arange(horizon) % season] if len(past) >= season else np.nan
    return observed, naive


def _naive_error(known: Floats, season: int) -> float:
    """In-sample mean absolute error of the seasonal naive; NaN without one whole pair of seasons."""
    pairs = np.abs(known[season:] - known[:-season]) if len(known) > season else known[:0]
    return float(np.nanmean(pairs)) if np.isfinite(pairs).any() else np.nan


def _mean(quantiles: Floats) -> Floats:
    """Mean of the distributions behind the quantiles, shape (S, H): each level stands for the probability nearest
    to it."""
    middles = np.concatenate([[0.0], (np.array(LEVELS)[1:] + np.array(LEVELS)[:-1]) / 2, [1.0]])
    return np.asarray(quantiles @ np.diff(middles))
