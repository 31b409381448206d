"""Need for 5–20 years: the model's months, carried on by the population projection without a jump, with scenarios,
the waterfall of what drives the change, and the resources that the contacts need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.forecast import checks
from ennakointi.forecast.checks import ServiceCheck
from ennakointi.forecast.need import demography, need_paths, outlook_tables, waterfall
from ennakointi.forecast.need import scenarios as scenario_arithmetic
from ennakointi.forecast.need.demography import ALL
from ennakointi.forecast.need.need_paths import JOIN_MONTHS, NeedPaths
from ennakointi.forecast.need.need_paths import ModelYears as ModelYears
from ennakointi.forecast.need.outlook_tables import Outlook
from ennakointi.forecast.need.waterfall import HealthierAgeing
from ennakointi.panel import projection
from ennakointi.panel.projection import Projection
from ennakointi.parameters.scenario_documents import HEALTHY_AGEING
from ennakointi.results import Check
from ennakointi.text import N_

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.documents import ForecastSettings, Service
    from ennakointi.parameters.scenario_documents import Scenario

MODEL_ONLY = "none"  # the variant of an outlook without any projection
AIMED_YEARS = 5  # whole years that a trend should rest on


def outlook(
    panel: Panel,
    population: pd.DataFrame | None,
    ahead: ModelYears,
    scenarios: Mapping[str, Scenario],
    services: Mapping[str, Service],
    settings: ForecastSettings,
    seed: int,
    uses_care: bool,
) -> dict[str, pd.DataFrame]:
    """`demand_outlook`, `demand_drivers`, `demand_resources` and `forecast_checks` of one target group.

    Up to the horizon the sample paths are the outlook. After it a month is the same month of the model's last year
    times the growth of age-sex rates × projected residents and of the damped trend of use at a given age. Years are
    sums of months; the first one is partly observed. Scenarios act on the months one after another.

    The waterfall leads from the last whole observed year to the last year ahead. Its trend is what is left of the
    undisturbed path when residents and ages are taken out: the model's own view of two years, then the damped trend.

    Parameters
    ----------
    population : year, municipality, age, sex, persons, variant (`projection.table`), or None
    scenarios : those in force (`scenarios.known`); each is an assumption, drawn from its interval
    uses_care : whether membership of the group depends on care

    Returns
    -------
    Each table as in `result_tables`. One variant for each projection, and one more with the scenarios in force; a
    projection that ends early ends the outlook; without any, only whole years of the model.

    Measured on twenty synthetic counties of 8,000–20,000 residents, 2024 to 2040, every shipped scenario in force
    (`benchmarks/waterfall.py`): 81 % of the planted bars lie inside their 80 % interval; start and residents 88 %,
    ageing 80 %, healthier ageing 70 %, trend 82 %, scenarios 84–90 %, interaction 77 %, end 79 %. Planted trends go on
    undamped, so that services of the steepest ones are missed more often.
    """
    known, found = _projections(panel, population, ahead, settings)
    needs = [need_paths.build(panel, one, ahead, settings, uses_care, seed) for one in known]
    made = [outlook for need in needs for outlook in _variants(need, scenarios, seed)]
    if not made and ahead.n_draws:
        made = [Outlook(MODEL_ONLY, ahead.months, int(ahead.months[-1]), ahead.paths, {})]
    found += _short_trends(needs[0]) if needs else []
    tables = outlook_tables.tables(panel.target_group, made, ahead, services)
    return {**tables, "forecast_checks": checks.table(panel.target_group, found)}


def _variants(need: NeedPaths, scenarios: Mapping[str, Scenario], seed: int) -> list[Outlook]:
    """The outlook without scenarios, and with all that are in force."""
    variant, horizon = need.variant, int(need.ahead.months[-1])
    plain = waterfall.waterfalls(need, need.paths, [], None, seed)
    made = [Outlook(variant, need.months, horizon, need.paths, plain)]
    if scenarios:
        rng = np.random.default_rng([seed, 6])
        drawn = scenario_arithmetic.drawn(scenarios, need.ahead.n_draws, rng)
        ageing = _ageing(scenarios, need.ahead.n_draws, rng)
        paths = waterfall.with_scenarios(need, drawn, ageing)
        bars = waterfall.waterfalls(need, paths, drawn, ageing, seed)
        made.append(Outlook("+".join([variant, *scenarios]), need.months, horizon, paths, bars))
    return made


def _ageing(scenarios: Mapping[str, Scenario], n: int, rng: np.random.Generator) -> HealthierAgeing | None:
    """The scenario of healthier ageing with its draws; the parameters hold one at most."""
    for one in scenarios.values():
        if one.kind == HEALTHY_AGEING:
            return HealthierAgeing(one, scenario_arithmetic.years_younger(one, n, rng))
    return None


def _projections(
    panel: Panel, population: pd.DataFrame | None, ahead: ModelYears, settings: ForecastSettings
) -> tuple[list[Projection], list[ServiceCheck]]:
    """Projections that hold the whole area and reach beyond the model, and what is missing."""
    if not ahead.n_draws:
        return [], []
    wanted, area = ahead.data_end // 12 + settings.outlook_years, demography.area(panel)
    found: list[Projection] = []
    missing: list[ServiceCheck] = []
    for variant in projection.variants(population):
        lacking = projection.lacking(population, variant, area)
        made = None if lacking else projection.build(population, variant, area, panel.sexes)
        if made is None:
            missing.append(_missing(_LACKING, variant=variant, municipalities=len(lacking), area=len(area)))
        elif made.last_month <= ahead.months[-1] or len(ahead.months) < JOIN_MONTHS:
            missing.append(_missing(_TOO_SHORT, variant=variant, year=int(made.years[-1])))
        else:
            found.append(made)
            if made.years[-1] < wanted:
                missing.append(_missing(_ENDS, variant=variant, year=int(made.years[-1]), wanted=wanted))
    if not found and not missing:
        missing.append(_missing(_NO_PROJECTION, year=(int(ahead.months[-1]) + 1) // 12 - 1))
    return found, missing


def _missing(message: str, **values: object) -> ServiceCheck:
    return ALL, Check("projection", False, message, values)


def _short_trends(need: NeedPaths) -> list[ServiceCheck]:
    """Services whose trend rests on few years."""
    few = {s: trend.blocks for s, trend in need.trends.items() if trend.blocks < AIMED_YEARS}
    return [(s, Check("trend", False, _FEW_YEARS, {"years": n, "aimed": AIMED_YEARS})) for s, n in few.items()]


_NO_PROJECTION = N_("No population projection was delivered: the outlook ends with the model, in {year}.")
_LACKING = N_(
    "The population projection {variant} lacks {municipalities} of the area's {area} municipalities and is left out."
)
_TOO_SHORT = N_("The population projection {variant} ends in {year}, no later than the model, and is left out.")
_ENDS = N_("The population projection {variant} ends in {year}, and so does the outlook; {wanted} was aimed at.")
_FEW_YEARS = N_(
    "Only {years} whole years outside the disruption tell how use at a given age changes; {aimed} are aimed at. The "
    "trend is taken mostly from what other services show."
)
