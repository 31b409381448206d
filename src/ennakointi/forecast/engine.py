"""The forecast engine."""

from __future__ import annotations

from dataclasses import dataclass

from ennakointi.forecast.series import EngineForecast, SeriesSet

FULL, FAST = "full", "fast"


@dataclass(frozen=True)
class EngineSettings:
    """How a set of series is forecast.

    Attributes
    ----------
    mode : `full` = the mixture; `fast` = Theta alone.
    seed : of everything drawn.
    jobs : series at a time; joblib's `parallel_config` may send them to Dask or Ray.
    windows : rolling backtests behind the intervals.
    """

    mode: str = FULL
    seed: int = 0
    jobs: int = 1
    windows: int = 2


def forecast(series: SeriesSet, horizon: int, settings: EngineSettings) -> EngineForecast:
    """Quantiles of the `horizon` periods after each series' end."""
    raise ValueError("not yet")
