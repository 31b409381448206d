"""One model for all series: quantiles by gradient boosting, learned across series, direct for every horizon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor

from ennakointi.forecast.series import LEVELS, Floats

FITTED = (0.05, 0.25, 0.5, 0.75, 0.95)  # levels with a model of their own; the others lie between
LEAST_ROWS = 400  # training rows below which there is no global model
_ROWS_PER_SERIES, _FEWEST_ROWS, _MOST_ROWS = 100, 8_000, 60_000  # training rows: more teach little and cost time
_LEAST_YEAR = 0.1  # of the mean of all years: the least that a year may be scaled by
_FARTHEST = 10.0  # times the largest value of a history: what lies beyond is no forecast
_LEAST_PAST = 1.5  # seasons of history that a training origin needs
_SETTINGS = {
    "max_iter": 120,
    "learning_rate": 0.08,
    "max_leaf_nodes": 24,
    "min_samples_leaf": 40,
    "l2_regularization": 1.0,
}


def learned(
    training: Sequence[Floats], asked: Sequence[Sequence[Floats | None]], horizon: int, season: int, seed: int
) -> Floats | None:
    """Quantiles ahead of every asked history, shape (S, A, H, 13); NaN where a history is None or too short.

    Parameters
    ----------
    training : (n_i,) filled series to learn from, in an order that does not depend on the caller's.
    asked : for each series the histories to forecast from.
    """
    rows = [_training(values, horizon, season, _thinning(training, horizon, season)) for values in training]
    rows = [pair for pair in rows if len(pair[1])]
    if sum(len(target) for _, target in rows) < LEAST_ROWS:
        return None
    features, target = np.vstack([x for x, _ in rows]), np.concatenate([y for _, y in rows])
    models = [
        HistGradientBoostingRegressor(
            loss="quantile", quantile=level, early_stopping=False, random_state=seed, **_SETTINGS
        ).fit(features, target)
        for level in FITTED
    ]
    return _forecast(models, asked, horizon, season)


def _forecast(models: list, asked: Sequence[Sequence[Floats | None]], horizon: int, season: int) -> Floats:
    out = np.full((len(asked), max(map(len, asked)), horizon, len(LEVELS)), np.nan)
    places, blocks, backs = [], [], []
    for i, histories in enumerate(asked):
        for a, past in enumerate(histories):
            if past is not None and len(past) > _LEAST_PAST * season and past.any():
                x, base, scale = _features(past, np.full(horizon, len(past)), np.arange(1, horizon + 1), season)
                places.append((i, a))
                blocks.append(x)
                backs.append((base, scale))
    if not places:
        return out
    predicted = np.column_stack([model.predict(np.vstack(blocks)) for model in models])
    predicted = np.sort(predicted, axis=1).reshape(len(places), horizon, len(FITTED))
    for (i, a), made, (base, scale) in zip(places, predicted, backs, strict=True):
        far = _FARTHEST * np.max(asked[i][a])
        out[i, a] = np.minimum(_between(made * scale[:, None] + base[:, None]), far)
    return out


def _between(fitted: Floats) -> Floats:
    """All levels from the fitted ones, linearly in normal quantiles and beyond the ends, shape (H, 13)."""
    at, known = stats.norm.ppf(LEVELS), stats.norm.ppf(FITTED)
    slope = np.diff(fitted[:, [0, 1, -2, -1]], axis=1)[:, [0, 2]] / (known[1] - known[0])
    low = fitted[:, :1] + slope[:, :1] * np.minimum(at - known[0], 0.0)
    high = fitted[:, -1:] + slope[:, 1:] * np.maximum(at - known[-1], 0.0)
    between = np.array([np.interp(at, known, row) for row in fitted])
    return np.where(at < known[0], low, np.where(at > known[-1], high, between))


def _thinning(training: Sequence[Floats], horizon: int, season: int) -> int:
    rows = sum(max(len(v) - int(_LEAST_PAST * season), 0) for v in training) * horizon
    most = int(np.clip(_ROWS_PER_SERIES * len(training), _FEWEST_ROWS, _MOST_ROWS))
    return -(-rows // most) or 1


def _training(values: Floats, horizon: int, season: int, every: int) -> tuple[Floats, Floats]:
    """Features and targets of one series: each `every`-th pair of origin and horizon."""
    first = int(_LEAST_PAST * season) + 1
    origin, step = np.meshgrid(np.arange(first, len(values)), np.arange(1, horizon + 1), indexing="ij")
    fits = (origin + step <= len(values)) & ((len(values) - origin + 7 * step) % every == 0)
    origin, step = origin[fits], step[fits]
    if not len(origin):
        return np.zeros((0, 1)), np.zeros(0)
    features, base, scale = _features(values, origin, step, season)
    target = (values[origin + step - 1] - base) / scale
    return features, target


def _features(values: Floats, origin: np.ndarray, step: np.ndarray, season: int) -> tuple[Floats, Floats, Floats]:
    """Features (k, f), base (k,) and scale (k,) of pairs of origin (number of known values) and horizon."""
    total, squares = np.concatenate([[0.0], np.cumsum(values)]), np.concatenate([[0.0], np.cumsum(values**2)])

    def at(position: np.ndarray) -> Floats:
        inside = (position >= 0) & (position < origin)
        return np.where(inside, values[np.clip(position, 0, len(values) - 1)], np.nan)

    def mean(periods: int, end: np.ndarray) -> Floats:
        start = np.maximum(end - periods, 0)
        return (total[end] - total[start]) / np.maximum(end - start, 1)

    overall = total[origin] / origin
    scale = np.maximum(mean(season, origin), _LEAST_YEAR * overall)
    scale = np.where(overall > 0, scale, 1.0)
    cycle = origin + step - 1 - season * -(-step // season)  # same period of the last known season
    before = at(cycle - season)
    spread = np.sqrt(np.maximum(squares[origin] / origin - overall**2, 0.0))
    last_year = mean(season, np.maximum(origin - season, 1))
    columns = [
        *(at(origin - lag) / scale for lag in _lags(season)),
        mean(3, origin) / scale,
        mean(3, np.maximum(origin - season, 1)) / scale,
        overall / scale,
        last_year / scale,
        spread / scale,
        at(cycle) / scale,
        before / scale,
        at(cycle - 1) / scale,
        at(cycle + 1) / scale,
        step.astype(float),
        np.log(scale),
    ]
    return np.column_stack(columns), scale.copy(), scale


def _lags(season: int) -> list[int]:
    """The last season and one more period; of long seasons the last weeks only."""
    return list(range(1, min(season, 12) + 2))
