"""The tables `forecast`, `forecast_history` and `forecast_scores` of one target group from its hierarchy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ennakointi.forecast import window_scores
from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.series import HIGH80, LEVELS, LOW80, MEDIAN, EngineForecast, Floats, Windows
from ennakointi.parameters.documents import ForecastSettings
from ennakointi.periods import month_text
from ennakointi.result_tables import MONTHLY, RESULT_TABLES

ALL = "all"
HISTORY_MONTHS = 96  # that are shown before the forecast
RECENT_MONTHS = 12  # whose persons stand behind a forecast


def empty() -> dict[str, pd.DataFrame]:
    """The tables of a group that has no forecast."""
    names = (
        "forecast",
        "forecast_history",
        "forecast_scores",
        "demand_outlook",
        "demand_drivers",
        "demand_resources",
        "forecast_checks",
    )
    return {name: pd.DataFrame(columns=list(RESULT_TABLES[name].names)) for name in names}


def county_nodes(hierarchy: Hierarchy) -> list[int]:
    """Places of the nodes of the whole county: all services first, then each."""
    return [i for i, (_, municipality) in enumerate(hierarchy.nodes) if municipality == ALL]


def forecasts(target_group: str, hierarchy: Hierarchy, made: EngineForecast) -> pd.DataFrame:
    """`forecast`: all 13 quantiles for the whole county, the median and the 80 % interval by municipality.

    A refused series has no rows. `n_persons` are the persons of a usual month of the last year, so that a forecast
    of few persons is judged as their history is.
    """
    horizon = made.mean.shape[1]
    ahead = [month_text(int(hierarchy.months[-1]) + h) for h in range(1, horizon + 1)]
    behind = usual_persons(hierarchy.persons)
    frames = []
    for i, (service, municipality) in enumerate(hierarchy.nodes):
        if not np.isfinite(made.mean[i]).all():
            continue
        shown = list(range(len(LEVELS))) if municipality == ALL else [LOW80, MEDIAN, HIGH80]
        months, levels = np.indices((horizon, len(shown))).reshape(2, -1)
        frames.append(
            pd.DataFrame(
                {
                    "service": service,
                    "municipality": municipality,
                    "month": np.array(ahead, dtype=object)[months],
                    "quantile": np.array(LEVELS)[shown][levels],
                    "value": made.quantiles[i][:, shown].reshape(-1),
                    "mean": made.mean[i][months],
                    "method": made.methods[i],
                    "n_persons": behind[i],
                }
            )
        )
    origin = month_text(int(hierarchy.months[-1]))
    return _together("forecast", frames, target_group=target_group, origin=origin, frequency=MONTHLY)


def usual_persons(persons: Floats) -> Floats:
    """Median of the persons of the last year's months that have any, by series, shape (N,).

    Zero where nobody came, NaN where the register holds none of the months. Months without persons do not count: a
    service that few persons use now and then is a service of few persons.
    """
    recent = persons[:, -RECENT_MONTHS:]
    typical = np.full(len(recent), np.nan)
    for i, row in enumerate(recent):
        known = row[np.isfinite(row)]
        if len(known):
            typical[i] = np.median(known[known > 0]) if (known > 0).any() else 0.0
    return typical


def history(target_group: str, hierarchy: Hierarchy, settings: ForecastSettings) -> pd.DataFrame:
    """`forecast_history`: observed contacts and what the model saw of them; of municipalities, the last year's."""
    frames = []
    for i, (service, municipality) in enumerate(hierarchy.nodes):
        shown = slice(-(HISTORY_MONTHS if municipality == ALL else RECENT_MONTHS), None)
        observed, used, persons = (of[i, shown] for of in (hierarchy.observed, hierarchy.used, hierarchy.persons))
        months = hierarchy.months[shown]
        first, last = settings.disrupted(service)
        unseen = np.where((months >= first) & (months <= last), "disrupted", "not_used")
        frames.append(
            pd.DataFrame(
                {
                    "service": service,
                    "municipality": municipality,
                    "month": [month_text(int(month)) for month in months],
                    "period": np.where(np.isnan(observed), "missing", np.where(np.isnan(used), unseen, "used")),
                    "observed": observed,
                    "n_persons": persons,
                }
            )
        )
    return _together("forecast_history", frames, target_group=target_group, frequency=MONTHLY)


def score_rows(target_group: str, hierarchy: Hierarchy, windows: Windows | None) -> pd.DataFrame:
    """`forecast_scores`: the engine and the seasonal naive over the same rolling origins, by service.

    Parameters
    ----------
    windows : backtests of the hierarchy's series, or None without any

    The intervals of an origin were calibrated on the other ones. The seasonal naive is a point: it has no coverage.
    `n_persons` are those of `forecast`.
    """
    rows = []
    behind = usual_persons(hierarchy.persons)
    for i in county_nodes(hierarchy) if windows is not None else []:
        found = window_scores.rows(windows.only([i])) if windows is not None else []
        same = {"service": hierarchy.nodes[i][0], "n_persons": behind[i]}
        rows += [{**same, **row} for row in found if row["n_origins"]]
    return _together("forecast_scores", [pd.DataFrame(rows)] if rows else [], target_group=target_group)


def _together(name: str, frames: list[pd.DataFrame], **same: str) -> pd.DataFrame:
    columns = list(RESULT_TABLES[name].names)
    if not frames:
        return pd.DataFrame(columns=columns)
    return pd.concat(frames, ignore_index=True).assign(**same).reindex(columns=columns)
