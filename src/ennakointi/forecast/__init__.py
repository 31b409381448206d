"""Forecasts of need: the engine, its hierarchy, and the demographic driver that carries it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from ennakointi.forecast import checks as forecast_checks
from ennakointi.forecast import engine, hierarchy, paths, reconciliation, tables
from ennakointi.forecast.checks import ServiceCheck
from ennakointi.forecast.engine import EngineSettings
from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.need import outlook
from ennakointi.forecast.need.outlook import ModelYears
from ennakointi.forecast.series import ENSEMBLE, THETA, EngineForecast, SeriesSet
from ennakointi.results import Result

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters import TargetGroup
    from ennakointi.parameters.documents import ForecastSettings, Service
    from ennakointi.parameters.scenario_documents import Scenario


@dataclass(frozen=True, eq=False)
class Forecast(Result):
    """Forecasts of one target group, in contacts: tables `forecast`, `forecast_history`, `forecast_scores`,
    `demand_outlook`, `demand_drivers`, `demand_resources` and `forecast_checks`."""

    main: ClassVar[str] = "forecast"


def estimate(
    panel: Panel,
    population: pd.DataFrame | None,
    settings: ForecastSettings,
    scenarios: Mapping[str, Scenario],
    services: Mapping[str, Service],
    seed: int,
    *,
    group: TargetGroup | None = None,
    mode: str = engine.FULL,
    jobs: int | None = None,
) -> Forecast:
    """Contacts of a target group ahead, by service, municipality and month, and by year as far as people are projected.

    The county's services and their municipalities are series of one hierarchy, each bridged over changes of what the
    register holds and masked in the disrupted months (`hierarchy.build`). All are forecast together by the engine, with
    intervals learned from rolling origins (`engine.forecast`), and reconciled so that they add up
    (`reconciliation.reconciled`). Sums over months come from whole sample paths about the reconciled means
    (`paths.paths`). After the model's horizon the years follow the population projection, with the assumed scenarios
    laid on top, and become work, rooms, beds and euros (`outlook.outlook`).

    Target groups overlap: each is forecast and reconciled inside itself, and nothing is summed over groups.

    Parameters
    ----------
    population : year, municipality, age, sex, persons, variant; None leaves the years after the model's horizon out
    scenarios : those in force for this group (`scenarios.known`)
    group : the target group; None stands for a group that depends on nothing but residence
    mode : `full` = the mixture, `fast` = Theta alone
    jobs : series at a time; None leaves it to joblib's `parallel_config`, which may send them to Dask or Ray

    Returns
    -------
    Tables as in `result_tables`. Services that the group has used and that have no forecast, and groups without any,
    have a row in `forecast_checks` that says why.
    """
    used = set(panel.counts["service"])
    wanted = [service for service in services if service in used]
    known = hierarchy.build(panel, settings, wanted)
    if not known.services:
        return _result(panel, settings, tables.empty(), forecast_checks.nothing())
    series = known.series()
    engine_settings = EngineSettings(mode=mode, seed=seed, jobs=jobs, windows=settings.windows)
    made = engine.forecast(series, settings.horizon_months, engine_settings)
    coherent = reconciliation.reconciled(made, known)
    ahead = _years(known, series, coherent.forecast, settings, seed, jobs)
    uses_care = group is not None and group.uses_care
    by_year = outlook.outlook(panel, population, ahead, scenarios, services, settings, seed, uses_care)
    found = tables.score_rows(panel.target_group, known, coherent.forecast.windows)
    usual = ENSEMBLE if mode == engine.FULL else THETA
    checked = forecast_checks.checks(known, coherent, found, settings, group, usual)
    refused = forecast_checks.refusals([service for service in wanted if service not in known.services])
    shown = {
        "forecast": tables.forecasts(panel.target_group, known, coherent.forecast),
        "forecast_history": tables.history(panel.target_group, known, settings),
        "forecast_scores": found,
        **{name: by_year[name] for name in ("demand_outlook", "demand_drivers", "demand_resources")},
    }
    return _result(panel, settings, shown, [*checked, *refused], by_year["forecast_checks"])


def _years(
    known: Hierarchy, series: SeriesSet, made: EngineForecast, settings: ForecastSettings, seed: int, jobs: int | None
) -> ModelYears:
    """Sample paths of the whole county's series, for sums over months."""
    nodes = tables.county_nodes(known)
    county, chosen = series.only(nodes), made.only(nodes)
    simulated = paths.paths(county, chosen, settings.n_paths, seed, jobs)
    drawn = [k for k in range(len(nodes)) if np.isfinite(simulated.paths[k]).all()]
    names = [known.nodes[i][0] for i in nodes]
    return ModelYears(
        services=tuple(names[k] for k in drawn),
        months=known.months[-1] + np.arange(1, settings.horizon_months + 1),
        paths={names[k]: simulated.paths[k] for k in drawn},
        observed={names[k]: pd.Series(known.observed[nodes[k]], known.months) for k in drawn},
        persons={names[k]: pd.Series(known.persons[nodes[k]], known.months) for k in drawn},
    )


def _result(
    panel: Panel,
    settings: ForecastSettings,
    shown: Mapping[str, pd.DataFrame],
    checked: Sequence[ServiceCheck],
    of_years: pd.DataFrame | None = None,
) -> Forecast:
    rows = forecast_checks.table(panel.target_group, checked)
    told = rows if of_years is None else pd.concat([rows, of_years], ignore_index=True)
    return Forecast(
        {**shown, "forecast_checks": told}, settings.model_dump(), tuple(c for _, c in checked), panel.as_of
    )
