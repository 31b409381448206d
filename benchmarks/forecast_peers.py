"""The forecasts that the engine is compared with: each series on its own, by the libraries' own intervals.

A peer gets a series without gaps (`filled`), and the same calendar as the engine. Its point forecast stands for the
median. What falls below zero is lifted to zero, as all series are counts. Where a peer fails on a series the seasonal
naive takes its place, and this is counted.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from forecast_sets import MONDAY, Case
from joblib import Parallel, delayed
from statsforecast.models import (
    MSTL,
    AutoARIMA,
    AutoCES,
    AutoETS,
    AutoTheta,
    DynamicOptimizedTheta,
    SeasonalNaive,
)

from ennakointi.forecast.series import LEVELS, MEDIAN
from ennakointi.periods import EPOCH, month_index, month_text

Floats = npt.NDArray[np.float64]

INTERVALS = (20, 40, 60, 80, 90, 95)  # % of the central intervals whose ends are LEVELS
UNDATED = month_index(1990, 1)  # the first month of a series without a calendar, for Prophet
SAMPLE, SAMPLE_SEED = 100, 2026  # dear peers forecast a random sample of the series


@dataclass(frozen=True)
class OneSeries:
    """A gapless series with its place in the calendar."""

    values: Floats
    end: int | None
    frequency: str
    seasons: tuple[int, ...]

    @property
    def season(self) -> int:
        return self.seasons[0]

    def dates(self, horizon: int) -> pd.DatetimeIndex:
        """First days of all known periods and of `horizon` more."""
        n = len(self.values)
        if self.frequency == "M":
            last = UNDATED + n - 1 if self.end is None else self.end
            return pd.date_range(month_text(last - n + 1), periods=n + horizon, freq="MS")
        days = 7 if self.frequency == "W" else 1
        if self.end is None:
            raise ValueError("weeks and days need a calendar")
        first = (self.end - n + 1) * days + (MONDAY if days == 7 else 0)
        start: date = EPOCH + timedelta(days=first)
        return pd.date_range(start, periods=n + horizon, freq=f"{days}D")


Peer = Callable[[OneSeries, int], Floats]


def library(make: Callable[[OneSeries], object]) -> Peer:
    """A statsforecast model with its own intervals."""

    def forecast(one: OneSeries, horizon: int) -> Floats:
        model = make(one)
        made = model.forecast(one.values, horizon, level=list(INTERVALS))  # type: ignore[attr-defined]
        quantiles = np.empty((horizon, len(LEVELS)))
        quantiles[:, MEDIAN] = made["mean"]
        for i, width in enumerate(INTERVALS, start=1):
            quantiles[:, MEDIAN - i] = made[f"lo-{width}"]
            quantiles[:, MEDIAN + i] = made[f"hi-{width}"]
        return quantiles

    return forecast


def prophet(one: OneSeries, horizon: int) -> Floats:
    """Prophet with its default settings; the quantiles of its predictive samples."""
    for name in ("prophet", "prophet.plot", "cmdstanpy"):
        logging.getLogger(name).disabled = True
    from prophet import Prophet

    dates = one.dates(horizon)
    np.random.seed(0)  # noqa: NPY002 - the library draws from it
    model = Prophet(interval_width=0.8)
    model.fit(pd.DataFrame({"ds": dates[: len(one.values)], "y": one.values}))
    ahead = pd.DataFrame({"ds": dates[len(one.values) :]})
    quantiles = np.quantile(model.predictive_samples(ahead)["yhat"], LEVELS, axis=1).T
    quantiles[:, MEDIAN] = model.predict(ahead)["yhat"]
    return quantiles


naive = library(lambda one: SeasonalNaive(season_length=one.season))
PEERS: dict[str, Peer] = {
    "seasonal naive": naive,
    "AutoETS": library(lambda one: AutoETS(season_length=one.season)),
    "AutoCES": library(lambda one: AutoCES(season_length=one.season)),
    "Theta (dynamic)": library(lambda one: DynamicOptimizedTheta(season_length=one.season)),
    "Theta (auto)": library(lambda one: AutoTheta(season_length=one.season)),
    "MSTL": library(lambda one: MSTL(season_length=[s for s in one.seasons if 2 * s <= len(one.values)])),
}
SAMPLED: dict[str, Peer] = {
    "AutoARIMA": library(lambda one: AutoARIMA(season_length=one.season)),
    "Prophet": prophet,
}


def filled(values: Floats, seasonal: int = 0) -> Floats:
    """Gaps filled linearly; with `seasonal` between values divided by the season's mean relative level.

    Witness: 1, NaN, 3 → 1, 2, 3.
    """
    known = np.isfinite(values)
    factor = np.ones(len(values))
    if seasonal:
        level = pd.Series(values).rolling(seasonal, center=True, min_periods=seasonal).mean()
        relative = (pd.Series(values) / level).groupby(np.arange(len(values)) % seasonal).median()
        factor = relative.reindex(np.arange(len(values)) % seasonal).fillna(1.0).to_numpy()
        factor = np.where(factor > 0, factor, 1.0)
    places = np.arange(len(values))
    level = np.interp(places, places[known], values[known] / factor[known])
    return np.where(known, values, level * factor)


class Made(NamedTuple):
    """One series forecast by a peer: quantiles (H, 13), whether the seasonal naive took its place, CPU seconds."""

    quantiles: Floats
    fell: bool
    seconds: float


def cpu_seconds() -> float:
    """CPU time of this process and of its children."""
    return sum(os.times()[:4])


def one_forecast(peer: Peer, one: OneSeries, horizon: int) -> Made:
    """The forecast of a peer, not negative."""
    started = cpu_seconds()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            quantiles = peer(one, horizon)
            fell = not np.isfinite(quantiles).all()
        except Exception:  # noqa: BLE001 - whatever a peer dies of, it is counted
            fell = True
        if fell:
            quantiles = naive(one, horizon)
    return Made(np.maximum(quantiles, 0.0), fell, cpu_seconds() - started)


def forecasts(peer: Peer, case: Case, masked: bool = False, jobs: int = 1) -> list[Made]:
    """Every series of a case.

    A peer sees what was registered; `masked`, what the engine sees: without the disruption, filled across it.
    """
    train = case.train
    seasonal = train.season if masked else 0
    values = [filled(y, seasonal) for y in (train.values if masked else case.raw)]
    ends: Sequence[int | None] = train.ends or (None,) * len(train)
    rows = [OneSeries(y, end, train.frequency, train.seasons) for y, end in zip(values, ends)]
    return Parallel(n_jobs=jobs)(delayed(one_forecast)(peer, one, case.horizon) for one in rows)


def sample(series: int, origins: int) -> list[int]:
    """The series that the dear peers forecast: random ones, at most `SAMPLE` series and origins together."""
    wanted = SAMPLE // origins
    if series <= wanted:
        return list(range(series))
    return sorted(map(int, np.random.default_rng(SAMPLE_SEED).choice(series, wanted, replace=False)))
