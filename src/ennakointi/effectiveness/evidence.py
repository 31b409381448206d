"""Gathers what an effect is estimated from: area panels for a roll-out, cohorts for an enrolment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ennakointi import groups, panel
from ennakointi.causal.areas import NEVER, AreaPanel, Bools
from ennakointi.effectiveness import case_histories, eligibility
from ennakointi.effectiveness.case_histories import CohortPlan
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.panel import Panel
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import Intervention
from ennakointi.rules.words import COUNTY
from ennakointi.store import Store
from ennakointi.text import N_

NEGATIVE_CONTROL = "negative_control"
NO_GROUP = N_("The target group of the intervention cannot be formed from these data.")
NO_ENROLMENTS = N_("The data name nobody who was enrolled in time to be followed.")


@dataclass(frozen=True, eq=False)
class Evidence:
    """Data by outcome; `NEGATIVE_CONTROL` stands for the negative-control outcome.

    `missing` says why there are none, as an English catalogue key; the data are then empty.
    """

    as_of: date
    by_outcome: Mapping[str, AreaPanel | Cohort]
    missing: str = ""


def gather(
    store: Store,
    panels: Path,
    memberships: Path,
    intervention: Intervention,
    parameters: Parameters,
    seed: int,
) -> Evidence:
    """Everything the data hold about the outcomes of an intervention.

    Parameters
    ----------
    panels, memberships : folders that `panel.build` and `groups.build` wrote.
    """
    index = groups.open(memberships)
    if intervention.target_group not in index.ids:
        return Evidence(store.as_of, {}, NO_GROUP)
    outcomes = _outcomes(intervention)
    if intervention.assignment == "municipality":
        members = panel.open(panels, intervention.target_group)
        found = {name: area_panel(members, services, intervention.starts) for name, services in outcomes.items()}
        return Evidence(store.as_of, found)
    return _enrolled(store, panels, index, intervention, outcomes, parameters, seed)


def area_panel(members: Panel, services: Collection[str], starts: Mapping[str, int]) -> AreaPanel:
    """Counts of the services by municipality and month, without persons of an untold municipality.

    Person-years are weighted by age and sex, so that an area that ages does not look as if it changed.
    """
    areas = tuple(code for code in members.municipalities if code != UNKNOWN_MUNICIPALITY)
    months = np.arange(max(members.first_month, members.available_from), members.last_month + 1)
    frames = [members.series(list(services), [area]).set_index("month").reindex(months) for area in areas]
    held = [~frame["contacts"].isna().to_numpy() for frame in frames]
    lived = _weighted_person_years(members, services)
    return AreaPanel(
        areas=areas,
        months=months,
        counts=_matrix(frames, "contacts", held),
        person_years=np.array([lived.xs(area).reindex(months, fill_value=0.0).to_numpy(float) for area in areas]),
        persons=_matrix(frames, "persons", held),
        starts=np.array([starts.get(area, NEVER) for area in areas], dtype=np.int64),
    )


def _weighted_person_years(members: Panel, services: Collection[str]) -> pd.Series:
    """Person-years by municipality and month, each stratum counted by its rate per the rate of all: indirect
    standardisation with the covered cells of all areas and months as the standard."""
    stratum = ["age_band", "sex"]
    covered = members.coverage[members.coverage["service"].isin(list(services))]
    whole = covered.groupby(["municipality", "month"], observed=True)["covered"].all().rename("covered")
    time = members.person_time.merge(whole.reset_index(), on=["municipality", "month"])
    rows = members.counts[members.counts["service"].isin(list(services))]
    events = rows.groupby(stratum, observed=True)["contacts"].sum()
    lived = time[time["covered"]].groupby(stratum, observed=True)["member_py"].sum()
    rate = (events.reindex(lived.index, fill_value=0.0) + 0.5) / (lived + 0.5 * lived.sum() / max(events.sum(), 1))
    relative = (rate * lived.sum() / max(events.sum(), 1)).rename("relative").reset_index()
    weighted = members.person_time.merge(relative, on=stratum, how="left")
    value = weighted["member_py"] * weighted["relative"].fillna(1.0)
    return value.groupby([weighted["municipality"], weighted["month"]], observed=True).sum()


def _matrix(frames: list[pd.DataFrame], column: str, held: list[Any]) -> Any:
    rows = [np.where(known, frame[column].to_numpy(float), np.nan) for frame, known in zip(frames, held)]
    return np.array(rows)


def _outcomes(intervention: Intervention) -> dict[str, tuple[str, ...]]:
    outcomes = {outcome.id: tuple(outcome.services) for outcome in intervention.outcomes}
    if intervention.negative_control:
        outcomes[NEGATIVE_CONTROL] = tuple(intervention.negative_control)
    return outcomes


def _enrolled(
    store: Store,
    panels: Path,
    index: groups.GroupIndex,
    intervention: Intervention,
    outcomes: Mapping[str, tuple[str, ...]],
    parameters: Parameters,
    seed: int,
) -> Evidence:
    members = panel.open(panels, intervention.target_group)
    trials = eligibility.trials(
        store,
        panels / "person_months",
        index,
        intervention.id,
        intervention.target_group,
        intervention.primary_outcome.services,
        members.last_month,
        seed,
    )
    if not trials.enrolled.any():
        return Evidence(store.as_of, {}, NO_ENROLMENTS)
    plan = CohortPlan(
        intervention=intervention.id,
        outcomes=outcomes,
        covered={name: _held(members, services, store) for name, services in outcomes.items()},
        controllers=[COUNTY, *parameters.legal_basis],
        follow_up=parameters.effects.follow_up_months,
        last_month=members.last_month,
    )
    return Evidence(store.as_of, case_histories.cohorts(store, panels / "person_months", trials, plan))


def _held(members: Panel, services: Collection[str], store: Store) -> Bools:
    """(municipalities of the store, months of the data) whether the register holds all the services."""
    rows = members.coverage[members.coverage["service"].isin(list(services))]
    held = rows.pivot_table(index="municipality", columns="month", values="covered", aggfunc="all", observed=True)
    codes = store.codes("persons", "municipality")
    return np.asarray(held.reindex(codes).fillna(True).to_numpy(bool))
