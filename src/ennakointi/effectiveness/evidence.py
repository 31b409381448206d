"""Gathers what an effect is estimated from: area panels for a roll-out, cohorts for an enrolment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np

from ennakointi import groups, panel
from ennakointi.causal.areas import NEVER_TREATED, NOT_YET, AreaPanel, Bools
from ennakointi.effectiveness import area_outcomes, case_histories, donor_counties, eligibility
from ennakointi.effectiveness.area_outcomes import Members
from ennakointi.effectiveness.case_histories import CohortPlan
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.outcome_months import Reading, Weighted, lacking
from ennakointi.parameters import Parameters
from ennakointi.parameters.effect_documents import NEGATIVE_CONTROL as NEGATIVE_CONTROL
from ennakointi.parameters.effect_documents import SERVICE_COST, SERVICE_MINUTES, Counted, Intervention
from ennakointi.rules.words import COUNTY
from ennakointi.schema import AGGREGATE_TABLE
from ennakointi.store import Store
from ennakointi.text import N_

NO_GROUP = N_("The target group of the intervention cannot be formed from these data.")
NO_ENROLMENTS = N_("The data name nobody who was enrolled in time to be followed.")
NO_SUCH_UNIT = N_("The data hold no contacts of a unit that the intervention names; check its code.")
NOT_HELD = N_("The register does not hold the areas long enough before the start.")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Data by outcome; `NEGATIVE_CONTROL` stands for the negative-control outcome, `SERVICE_COST` and
    `SERVICE_MINUTES` for the euros (at unit costs) and minutes of all services when the intervention has a cost.

    Attributes
    ----------
    missing : why there are no data at all, as an English catalogue key; empty when there are some.
    reasons : the same by outcome.
    washout : months from the start that a comparison of areas must leave out; a cohort's follow-up has left them out.
    excluded : areas that the intervention may have reached (spill-over): they are in no panel.
    with_excluded : the primary outcome with them, to check what they change; None when there are none.
    """

    as_of: date
    by_outcome: Mapping[str, AreaPanel | Cohort]
    missing: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    washout: int = 0
    excluded: tuple[str, ...] = ()
    with_excluded: AreaPanel | None = None


def gather(
    store: Store,
    panels: Path,
    memberships: Path,
    intervention: Intervention,
    parameters: Parameters,
    seed: int,
) -> Evidence:
    """Everything the data hold about the outcomes of an intervention until its last decision month: what comes later
    is not looked at, or every quarter would be one more look.

    Parameters
    ----------
    panels, memberships : folders that `panel.build` and `groups.build` wrote; an aggregate source has none.
    """
    if AGGREGATE_TABLE in store.tables and "persons" not in store.tables:
        found, reasons = donor_counties.panels(store, intervention, parameters)
        return _of_areas(store.as_of, intervention, found, reasons)
    index = groups.open(memberships)
    if intervention.target_group not in index.ids:
        return Evidence(store.as_of, {}, NO_GROUP)
    members = Members(panel.open(panels, intervention.target_group), index, parameters.panel.age_bands)
    last = min(members.panel.last_month, intervention.decision_months[-1])
    reading = Reading(store, panels / "person_months", parameters.services, last, intervention.rollout == "unit")
    measures = _measures(intervention, members.panel, parameters)
    reasons = {name: why for name, measure in measures.items() if (why := lacking(reading, measure))}
    counted = {name: measure for name, measure in measures.items() if name not in reasons}
    if intervention.rollout == "person":
        return _enrolled(reading, members, intervention, counted, reasons, parameters, seed)
    made = {name: _of_area(reading, members, intervention, one, parameters) for name, one in counted.items()}
    why = NO_SUCH_UNIT if intervention.rollout == "unit" else NOT_HELD
    reasons |= {name: why for name, one in made.items() if one is None}
    return _of_areas(store.as_of, intervention, {n: one for n, one in made.items() if one is not None}, reasons)


def _measures(
    intervention: Intervention, members: panel.Panel, parameters: Parameters
) -> dict[str, Counted | Weighted]:
    """What is counted, by outcome; costs and minutes are of all services that the data hold."""
    measures: dict[str, Counted | Weighted] = {outcome.id: outcome.measure for outcome in intervention.outcomes}
    if intervention.negative_control is not None:
        measures[NEGATIVE_CONTROL] = intervention.negative_control.measure
    if intervention.cost is not None:
        used = {code: parameters.services[code] for code in members.services}
        euros = {code: one.unit_cost_eur * one.care_units_per_contact for code, one in used.items()}
        minutes = {code: one.minutes_per_contact * one.care_units_per_contact for code, one in used.items()}
        measures |= {SERVICE_COST: Weighted(euros), SERVICE_MINUTES: Weighted(minutes)}
    return measures


def _of_area(
    reading: Reading, members: Members, intervention: Intervention, measure: Counted | Weighted, parameters: Parameters
) -> AreaPanel | None:
    if intervention.rollout == "unit":
        return area_outcomes.of_units(reading, members, measure, intervention.starts)
    found = area_outcomes.of_municipalities(reading, members, measure, intervention.starts)
    if intervention.start is None:
        return found
    code = f"{COUNTY}:{parameters.region.county_code}"
    return area_outcomes.of_county(found, code, intervention.start, parameters.effects.minimum_before_months)


def _of_areas(
    as_of: date, intervention: Intervention, found: Mapping[str, AreaPanel], reasons: Mapping[str, str]
) -> Evidence:
    """Panels without the areas that the intervention may have reached, compared with whom the registration names."""
    primary = found.get(intervention.primary_outcome.id)
    excluded = tuple(code for code in intervention.spillover_exclusions if primary and code in primary.areas)
    missing = "" if primary is not None else reasons.get(intervention.primary_outcome.id, "")
    last = intervention.decision_months[-1]
    pool = NEVER_TREATED if intervention.comparison == "never_adopters" else NOT_YET
    return Evidence(
        as_of,
        {name: replace(_without(one, excluded).until(last), comparison=pool) for name, one in found.items()},
        missing if not found else "",
        reasons,
        intervention.washout_months,
        excluded,
        primary if excluded else None,
    )


def _without(found: AreaPanel, areas: tuple[str, ...]) -> AreaPanel:
    for code in areas:
        found = found.without(found.areas.index(code)) if code in found.areas else found
    return found


def _enrolled(
    reading: Reading,
    members: Members,
    intervention: Intervention,
    measures: Mapping[str, Counted | Weighted],
    reasons: Mapping[str, str],
    parameters: Parameters,
    seed: int,
) -> Evidence:
    as_of, primary = reading.store.as_of, intervention.primary_outcome
    if primary.id in reasons:
        return Evidence(as_of, {}, reasons[primary.id], reasons)
    group, measure = members.panel.target_group, primary.measure
    trials = eligibility.trials(reading, members.index, intervention.id, group, measure, seed)
    if not trials.enrolled.any():
        return Evidence(as_of, {}, NO_ENROLMENTS, reasons)
    plan = CohortPlan(
        intervention=intervention.id,
        outcomes=measures,
        covered={
            name: _held(members.panel, one.services(parameters.services), reading) for name, one in measures.items()
        },
        controllers=[COUNTY, *parameters.legal_basis],
        follow_up=parameters.effects.follow_up_months,
        washout=intervention.washout_months,
        exposed=intervention.spillover_exclusions,
    )
    found = case_histories.cohorts(reading, trials, plan)
    return Evidence(as_of, found, "", reasons, intervention.washout_months, intervention.spillover_exclusions)


def _held(members: panel.Panel, services: tuple[str, ...], reading: Reading) -> Bools:
    """(municipalities of the store, months of the data) whether the register holds all the services."""
    codes = reading.store.codes("persons", "municipality")
    rows = members.coverage[members.coverage["service"].isin(list(services))]
    if rows.empty:
        return np.ones((len(codes), len(members.months)), bool)
    held = rows.pivot_table(index="municipality", columns="month", values="covered", aggfunc="all", observed=True)
    return np.asarray(held.reindex(codes).fillna(True).to_numpy(bool))
