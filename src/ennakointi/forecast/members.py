"""The statistical members of the mixture: exponential smoothing, complex smoothing and Theta, one series at a time."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats
from statsforecast.models import MSTL, AutoCES, AutoETS, DynamicOptimizedTheta

from ennakointi.forecast.series import LEVELS, Floats

Member = tuple[Floats, Floats]  # mean (H,) and standard deviation (H,); the deviation is NaN where it has none

Fit = Callable[[Floats, int, int], Member]

NORMAL = stats.norm.ppf(LEVELS)  # (13,)
_LONGER = {7: (365,)}  # seasons beside the shortest one
_SIDE = 95  # level of the interval that the spread is read from
_FITTED_MEAN = 1000.0  # the libraries' optimisers stop at absolute steps: series are brought to one size first
_log = logging.getLogger(__name__)


def theta(values: Floats, horizon: int, season: int) -> Member:
    """Dynamic optimised Theta (Fiorucci et al. 2016, 10.1016/j.ijforecast.2016.02.005)."""
    return _fitted(DynamicOptimizedTheta(season_length=season), values, horizon, spread=True)


def smoothing(values: Floats, horizon: int, season: int) -> Member:
    """Exponential smoothing chosen by AICc (Hyndman et al. 2002, 10.1016/S0169-2070(01)00110-8)."""
    return _fitted(AutoETS(season_length=season), values, horizon, spread=True)


def complex_smoothing(values: Floats, horizon: int, season: int) -> Member:
    """Complex exponential smoothing (Svetunkov, Kourentzes & Ord 2022, 10.1002/nav.22074), without a spread."""
    return _fitted(AutoCES(season_length=season), values, horizon, spread=False)


def decomposition(values: Floats, horizon: int, season: int) -> Member:
    """The season by MSTL (Bandara, Hyndman & Bergmeir 2021, arXiv 2107.13462), the rest by exponential smoothing; of
    days also the year, when two of them are known."""
    seasons = [season, *(long for long in _LONGER.get(season, ()) if len(values) > 2 * long)]
    return _fitted(MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN")), values, horizon, spread=True)


def _fitted(model: object, values: Floats, horizon: int, *, spread: bool) -> Member:
    unit = float(np.abs(values).mean()) / _FITTED_MEAN or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Theta warns on near-constant series; what it gives is checked below
        made = model.forecast(values / unit, h=horizon, level=[_SIDE] if spread else None)  # type: ignore[attr-defined]
    mean = unit * np.asarray(made["mean"], float)
    if not spread:
        return mean, np.full(horizon, np.nan)
    width = unit * (np.asarray(made[f"hi-{_SIDE}"], float) - np.asarray(made[f"lo-{_SIDE}"], float))
    return mean, width / (2 * NORMAL[-1])


def tried(member: Fit, values: Floats, horizon: int, season: int) -> Member | None:
    """A member's forecast, or None where it cannot be fitted or strays: the mixture then goes on without it."""
    try:
        mean, deviation = member(values, horizon, season)
    except Exception as error:  # noqa: BLE001 - the library raises plain Exception when no model can be fitted
        _log.info("%s left out: %s", member.__name__, error)
        return None
    far = 10 * float(np.abs(values).max())
    if not np.isfinite(mean).all() or np.abs(mean).max() > far:
        return None
    return mean, np.where(np.isfinite(deviation), np.minimum(deviation, far), np.nan)


def mixed(members: list[Member]) -> Floats:
    """Equal-weight mean of the members' quantiles, shape (H, 13) (Lichtendahl, Grushka-Cockayne & Winkler 2013,
    10.1287/mnsc.1120.1667). A member without a spread of its own takes the mean spread of the others."""
    means = np.mean([mean for mean, _ in members], axis=0)
    deviation = np.nanmean([sd for _, sd in members], axis=0)
    return means[:, None] + deviation[:, None] * NORMAL


def level(values: Floats, horizon: int, season: int) -> Floats:
    """A constant level with gamma spread, shape (H, 13): near-zero, constant or very short series.

    The level is the mean of the last season, the variance that of the known values, at least (mean / 2)² / n: a
    hundred equal values are surer than three.
    """
    mean = float(values[-max(season, 12) :].mean())
    if mean <= 0:
        mean = float(values.mean())
    variance = max(float(values.var()), mean**2 / (4 * len(values)))
    row = stats.gamma.ppf(LEVELS, mean**2 / variance, scale=variance / mean)
    return np.tile(np.nan_to_num(row), (horizon, 1))
