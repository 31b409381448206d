"""What an intervention costs the organiser, and what that buys: cost-effectiveness from joint draws.

The perspective is the organiser's (the wellbeing services county's): its intervention and its services. Clients' own
payments, time and travel, other payers (Kela, employers, municipalities) and informal care are left out, and so is
health itself. A contact that does not happen saves only its marginal share in cash; the working time it releases is
told apart, as hours, and is not added to the money. Prices are of one year; what falls beyond the first year is
discounted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from ennakointi.causal import rollout
from ennakointi.causal.areas import NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.effectiveness import cost_draws, enrolled, series_findings
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.cost_draws import Joint
from ennakointi.effectiveness.evidence import Evidence
from ennakointi.effectiveness.findings import Finding
from ennakointi.parameters.effect_documents import (
    SERVICE_COST,
    SERVICE_MINUTES,
    EffectSettings,
    Intervention,
    InterventionCost,
)
from ennakointi.result_tables import RESULT_TABLES

TABLES = ("cost_effectiveness", "cost_curve", "cost_plane")
PLANE_DRAWS = 200
PER_PERSON, PER_1000, PER_UNIT = "per participant-year", "per 1,000 person-years", "per unit-year"
YEAR = 12


class Worth(NamedTuple):
    """Net monetary benefit λΔE − ΔC at one λ, and the share of the draws in which it is above 0."""

    benefit: Numbers
    probability: float


@dataclass(frozen=True, eq=False)
class CostEffectiveness:
    """Costs and effects of one intervention, in euros and units of improvement per the same unit.

    Attributes
    ----------
    delta_cost, delta_effect : change of the organiser's costs, and improvement (above 0 = better).
    icer : ΔC/ΔE; NaN when the interval of ΔE holds 0.
    quadrants : shares of the draws that are better and dearer (`ne`), better and cheaper (`se`), worse and cheaper
        (`sw`), worse and dearer (`nw`).
    draws_cost, draws_effect : (B,) drawn together.
    """

    delta_cost: Numbers
    delta_effect: Numbers
    icer: float
    quadrants: Mapping[str, float]
    draws_cost: Floats
    draws_effect: Floats

    def worth(self, lambda_eur: float) -> Worth:
        """Net benefit when a unit of improvement is worth `lambda_eur` (Stinnett & Mullahy 1998,
        10.1177/0272989X98018002S09), and a point of the acceptability curve (van Hout et al. 1994,
        10.1002/hec.4730030505)."""
        draws = lambda_eur * self.draws_effect - self.draws_cost
        estimate = lambda_eur * self.delta_effect.estimate - self.delta_cost.estimate
        return Worth(_numbers(estimate, draws), float((draws > 0).mean()))


def evaluate(
    intervention_cost: float, effect: float, draws_effect: Floats, service_cost: float, draws_service_cost: Floats
) -> CostEffectiveness:
    """Costs and effects with percentile intervals from joint draws; every argument per the same unit.

    Parameters
    ----------
    intervention_cost : euros of the intervention itself, taken as known.
    effect, draws_effect : improvement, and (B,) draws of it.
    service_cost, draws_service_cost : change of the cash costs of services, and (B,) draws of it; draw b of both
        belongs together.

    Witnesses: Fieller's interval of Glick and others' experiment 1; at λ = 0 the curve is P(ΔC < 0).
    """
    draws_cost = intervention_cost + draws_service_cost
    delta_cost = _numbers(intervention_cost + service_cost, draws_cost)
    delta_effect = _numbers(effect, draws_effect)
    known = delta_effect.lo95 > 0 or delta_effect.hi95 < 0
    better, dearer = draws_effect > 0, draws_cost > 0
    shares = {"ne": better & dearer, "se": better & ~dearer, "sw": ~better & ~dearer, "nw": ~better & dearer}
    return CostEffectiveness(
        delta_cost=delta_cost,
        delta_effect=delta_effect,
        icer=delta_cost.estimate / effect if known else np.nan,
        quadrants={name: float(drawn.mean()) for name, drawn in shares.items()},
        draws_cost=draws_cost,
        draws_effect=draws_effect,
    )


def _numbers(estimate: float, draws: Floats) -> Numbers:
    return Numbers(float(estimate), *(float(bound) for bound in np.quantile(draws, (0.025, 0.975))))


def discount_factors(months: Ints, rate: float) -> Floats:
    """Present value of a euro or an effect `months` after the start; 1 in the first year, `rate` a year beyond it."""
    return np.asarray((1 + rate) ** -(np.asarray(months) // YEAR).astype(float))


def direct_cost(cost: InterventionCost, years: float, persons: float, settings: EffectSettings) -> float:
    """Euros of the intervention in the prices of the results: once, for `years` years, and for each person."""
    euros = cost.fixed_eur + cost.fixed_eur_per_year * years + cost.per_person_eur * persons
    return float(euros * (1 + settings.price_growth) ** (settings.price_year - cost.price_year))


def tables(
    intervention: Intervention, evidence: Evidence, settings: EffectSettings, record: Finding, seed: int
) -> dict[str, pd.DataFrame]:
    """`cost_effectiveness`, `cost_curve` and `cost_plane` of the primary outcome.

    Parameters
    ----------
    record : the finding of record on the primary outcome, by `did`, `its` or `cohort`.

    The tables are empty when the intervention has no cost, when there is no estimate of record, when the outcome is
    money itself or a mean or share without person-time, or when nothing can be drawn (fewer than 20 assignments of the
    starts).
    """
    outcome = intervention.primary_outcome
    basis, ratio = None, outcome.measure.over_person_time and outcome.measure.kind != "cost"
    if intervention.cost is not None and ratio and np.isfinite(record.log.estimate):
        basis = _basis(intervention, intervention.cost, evidence, settings, record.design, seed)
    if basis is None:
        return {name: pd.DataFrame(columns=list(RESULT_TABLES[name].names)) for name in TABLES}
    sign = -1.0 if outcome.better == "fewer" else 1.0
    scaled = Joint(basis.joint.estimate * basis.discount, basis.joint.draws * basis.discount)
    share = settings.marginal_cost_share
    found = evaluate(
        basis.direct_cost,
        sign * scaled.estimate[0],
        sign * scaled.draws[:, 0],
        share * scaled.estimate[1],
        share * scaled.draws[:, 1],
    )
    return {
        "cost_effectiveness": _laid("cost_effectiveness", intervention, basis, _row(found, basis, settings)),
        "cost_curve": _laid("cost_curve", intervention, basis, _curve(found, settings)),
        "cost_plane": _laid("cost_plane", intervention, basis, _plane(found)),
    }


@dataclass(frozen=True, eq=False)
class _Basis:
    """Changes by the intervention per `unit`: of the outcome, of euros and of minutes of services, undiscounted.

    `direct_cost` : present value per unit; `discount` : present value of a change of 1 over the time it lasts.
    """

    unit: str
    joint: Joint
    direct_cost: float
    discount: float
    n_persons: float


def _basis(
    intervention: Intervention,
    cost: InterventionCost,
    evidence: Evidence,
    settings: EffectSettings,
    design: str,
    seed: int,
) -> _Basis | None:
    names = (intervention.primary_outcome.id, SERVICE_COST, SERVICE_MINUTES)
    data = [evidence.by_outcome[name] for name in names if name in evidence.by_outcome]
    cohorts = [one for one in data if isinstance(one, Cohort)]
    panels = [one for one in data if isinstance(one, AreaPanel)]
    if design == "cohort" and len(cohorts) == len(names):
        return _of_persons(cohorts, cost, settings, seed)
    if design in ("did", "its") and len(panels) == len(names):
        return _of_areas(panels, cost, settings, intervention, design, seed)
    return None


def _of_persons(cohorts: list[Cohort], cost: InterventionCost, settings: EffectSettings, seed: int) -> _Basis:
    """Per year of follow-up of a participant. The fixed costs of the months in which people were enrolled, a year at
    least, are shared by all who were enrolled."""
    effects = [enrolled.enrolled_effect(cohort, seed) for cohort in cohorts]
    draws = enrolled.joint_draws(cohorts, effects, settings.cost_draws, seed)
    estimate = np.array([effect.rates.difference for effect in effects])
    cohort = cohorts[0]
    months = cohort.index_month[cohort.enrolled]
    years = max(int(np.ptp(months)) + 1, YEAR) / YEAR
    followed = float(cohort.person_years[cohort.enrolled].sum() / cohort.enrolled.sum())
    per_person = direct_cost(cost, years, cohort.asked, settings) / cohort.asked
    follow_up = np.arange(cohort.washout_months, cohort.washout_months + max(round(followed * YEAR), 1))
    discount = float(discount_factors(follow_up, settings.discount_rate).mean())
    return _Basis(PER_PERSON, Joint(estimate, draws), per_person / followed, discount, float(effects[0].n_enrolled))


def _of_areas(
    panels: list[AreaPanel],
    cost: InterventionCost,
    settings: EffectSettings,
    intervention: Intervention,
    design: str,
    seed: int,
) -> _Basis | None:
    """Per 1,000 person-years of the areas under the intervention, or per year of a unit. The effect found is taken to
    hold in all of them, the largest area too."""
    panels = _of_same_areas(panels)
    first, washout = panels[0], intervention.washout_months
    if design == "did":
        largest = rollout.dominant_area(first)
        logs = cost_draws.joint_area_draws(panels, settings.cost_draws, seed, washout=washout, exclude=largest)
    else:
        series = [series_findings.one_series(panel, settings.minimum_before_months) for panel in panels]
        whole = [one for one in series if one is not None]
        if len(whole) < len(panels):
            return None
        logs = cost_draws.joint_series_draws(whole, settings.cost_draws, seed, washout=washout)
    if logs is None:
        return None
    by_unit = intervention.rollout == "unit"
    per = YEAR if by_unit else 1000.0
    under = _under(first)
    lived = np.where(under, first.person_years, 0.0)
    since = np.maximum(first.months - int(first.starts.min()), 0)  # as the running costs
    discount = float((lived * discount_factors(since, settings.discount_rate)).sum() / lived.sum())
    rates = np.array([_rate(panel) for panel in panels]) * per
    joint = Joint(rates * -np.expm1(-logs.estimate), rates * -np.expm1(-logs.draws))
    euros = direct_cost(cost, _running_years(first, settings), _residents(first, by_unit), settings)
    persons = np.where(under & ~np.isnan(first.persons), first.persons, 0).max(axis=1).sum()
    return _Basis(PER_UNIT if by_unit else PER_1000, joint, euros * per / lived.sum(), discount, float(persons))


def _of_same_areas(panels: list[AreaPanel]) -> list[AreaPanel]:
    """Panels of the areas that all of them hold: more units have some contact than have one of the outcome."""
    shared = set.intersection(*(set(panel.areas) for panel in panels))
    found = []
    for panel in panels:
        for code in set(panel.areas) - shared:
            panel = panel.without(panel.areas.index(code))
        found.append(panel)
    return found


def _under(panel: AreaPanel) -> Bools:
    """(A, T) months of areas under the intervention."""
    started = panel.starts[:, None] < NEVER
    return np.asarray(started & (panel.months >= panel.starts[:, None]) & (panel.person_years > 0))


def _rate(panel: AreaPanel) -> float:
    covered = _under(panel) & ~np.isnan(panel.counts)
    return float(panel.counts[covered].sum() / panel.person_years[covered].sum())


def _running_years(panel: AreaPanel, settings: EffectSettings) -> float:
    """Discounted years from the first start to the end of the data."""
    months = np.arange(int(panel.months[-1]) - int(panel.starts.min()) + 1)
    return float(discount_factors(months, settings.discount_rate).sum() / YEAR)


def _residents(panel: AreaPanel, by_unit: bool) -> float:
    """Persons of the areas under the intervention: residents, or the clients of units."""
    under = _under(panel)
    if by_unit:
        return float(np.where(under & ~np.isnan(panel.persons), panel.persons, 0).max(axis=1).sum())
    months = np.maximum(under.sum(axis=1), 1)
    return float((np.where(under, panel.person_years, 0).sum(axis=1) / months).sum() * YEAR)


def _row(found: CostEffectiveness, basis: _Basis, settings: EffectSettings) -> pd.DataFrame:
    named = settings.named_willingness_to_pay_eur
    worth = found.worth(named)
    values = {
        "cost_unit": basis.unit,
        **_spread("delta_cost", "delta_cost_eur", found.delta_cost),
        **_spread("delta_effect", "delta_effect", found.delta_effect),
        "icer_eur": found.icer,
        "lambda_eur": named,
        **_spread("nmb", "nmb_eur", worth.benefit),
        "probability_cost_effective": worth.probability,
        "direct_cost_eur": basis.direct_cost,
        "service_cost_eur": found.delta_cost.estimate - basis.direct_cost,
        "released_hours": -basis.joint.estimate[2] / 60,
        **{f"quadrant_{name}": share for name, share in found.quadrants.items()},
        "marginal_share": settings.marginal_cost_share,
        "price_year": settings.price_year,
        "discount_rate": settings.discount_rate,
    }
    return pd.DataFrame([values])


def _spread(stem: str, name: str, numbers: Numbers) -> dict[str, float]:
    return {name: numbers.estimate, f"{stem}_lo95": numbers.lo95, f"{stem}_hi95": numbers.hi95}


def _curve(found: CostEffectiveness, settings: EffectSettings) -> pd.DataFrame:
    rows = []
    for lambda_eur in settings.willingness_to_pay_eur:
        worth = found.worth(lambda_eur)
        rows.append(
            {
                "lambda_eur": float(lambda_eur),
                "probability_cost_effective": worth.probability,
                **_spread("nmb", "nmb_eur", worth.benefit),
            }
        )
    return pd.DataFrame(rows)


def _plane(found: CostEffectiveness) -> pd.DataFrame:
    """Some of the draws, evenly from all."""
    n = len(found.draws_cost)
    place = np.unique(np.linspace(0, n - 1, min(PLANE_DRAWS, n)).astype(np.int64))
    draws = {"delta_cost_eur": found.draws_cost[place], "delta_effect": found.draws_effect[place]}
    return pd.DataFrame({"draw": np.arange(1, len(place) + 1), **draws})


def _laid(table: str, intervention: Intervention, basis: _Basis, frame: pd.DataFrame) -> pd.DataFrame:
    outcome, group = intervention.primary_outcome.id, intervention.target_group
    keys = {"intervention": intervention.id, "outcome": outcome, "target_group": group}
    return frame.assign(**keys, n_persons=basis.n_persons)[list(RESULT_TABLES[table].names)]
