"""Did an intervention work? Chooses the design that the evidence allows, estimates, checks and judges.

A roll-out by area is compared with areas that start later or never (`area_findings`); without such areas it is
one series before and after (`series_findings`); enrolled persons are compared with persons of the same index
month and history (`person_findings`). What cannot be compared gets no verdict: a before/after of people selected
for what is measured falls without any intervention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd

from ennakointi.causal.areas import AreaPanel
from ennakointi.effectiveness import (
    area_findings,
    chooser,
    costs,
    effect_checks,
    effect_series,
    judging,
    looks,
    person_findings,
)
from ennakointi.effectiveness.chooser import Choice
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.evidence import Evidence
from ennakointi.effectiveness.findings import Finding, refused
from ennakointi.effectiveness.registered import known as known
from ennakointi.parameters.effect_documents import NEGATIVE_CONTROL, EffectSettings, Intervention, Outcome
from ennakointi.periods import month_of
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Result
from ennakointi.text import N_

NO_DATA = N_("There are no data of the outcome.")


@dataclass(frozen=True, eq=False)
class Effect(Result):
    """Effects of one intervention on its outcomes, with designs, checks, development, costs."""

    main: ClassVar[str] = "effects"


def evaluate(intervention: Intervention, evidence: Evidence, settings: EffectSettings, seed: int) -> Effect:
    """Choose the design, estimate, check and judge every outcome of an intervention.

    Parameters
    ----------
    evidence : data by outcome, from `evidence.gather`.
    seed : of permutations, bootstraps and folds; the same seed gives the same result.

    Returns
    -------
    Effect
        One row of `effects` for each outcome and design, `record` for the one that the verdict rests on.
    """
    alpha = looks.level_at(
        intervention.decision_months, month_of(evidence.as_of), settings.alpha, settings.alpha_spending
    )
    chosen = {outcome.id: _choices(intervention, outcome, evidence, settings) for outcome in intervention.outcomes}
    findings = {
        outcome.id: _findings(intervention, outcome, evidence, settings, chosen[outcome.id], alpha, seed)
        for outcome in intervention.outcomes
    }
    tables = {
        "effects": judging.effects(intervention, findings, alpha),
        "effect_checks": judging.check_table(intervention, findings),
        "effect_designs": _designs(intervention, chosen),
        "effect_series": _by_outcome(intervention, "effect_series", _series(intervention, evidence, findings)),
        "effect_time": _by_outcome(intervention, "effect_time", _over_time(findings)),
    }
    record = next(one for one in findings[intervention.primary_outcome.id] if one.record)
    tables |= costs.tables(intervention, evidence, settings, record, seed)
    every = tuple(check for found in findings.values() for one in found if one.record for check in one.checks)
    used = {"intervention": intervention.id, "registered": intervention.registered, "seed": seed}
    return Effect(tables, {**used, **settings.model_dump()}, every, evidence.as_of)


def _choices(
    intervention: Intervention, outcome: Outcome, evidence: Evidence, settings: EffectSettings
) -> tuple[Choice, ...]:
    data = evidence.by_outcome.get(outcome.id)
    if isinstance(data, AreaPanel):
        return area_findings.choices(intervention, data, settings)
    return chooser.of_persons(data, intervention.comparison != "none", settings.minimum_persons)


def _findings(
    intervention: Intervention,
    outcome: Outcome,
    evidence: Evidence,
    settings: EffectSettings,
    chosen: Sequence[Choice],
    alpha: float,
    seed: int,
) -> list[Finding]:
    data = evidence.by_outcome.get(outcome.id)
    control = evidence.by_outcome.get(NEGATIVE_CONTROL)
    if isinstance(data, AreaPanel):
        areas = control if isinstance(control, AreaPanel) else None
        found = area_findings.findings(intervention, data, areas, settings, chosen, len(evidence.excluded), seed)
    elif isinstance(data, Cohort):
        persons = control if isinstance(control, Cohort) else None
        found = person_findings.findings(intervention, data, persons, settings, chosen, seed)
    else:
        found = [refused(evidence.missing or evidence.reasons.get(outcome.id, NO_DATA))]
    decided = effect_checks.decision(intervention, evidence.as_of, alpha)
    return [
        replace(one, checks=(*one.checks, *judging.general_checks(intervention, outcome, one, decided)))
        for one in found
    ]


def _designs(intervention: Intervention, chosen: Mapping[str, Sequence[Choice]]) -> pd.DataFrame:
    frames = [
        chooser.table(intervention.id, outcome, intervention.target_group, made) for outcome, made in chosen.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _series(
    intervention: Intervention, evidence: Evidence, findings: Mapping[str, Sequence[Finding]]
) -> dict[str, pd.DataFrame]:
    """Levels by quarter since the start, of the treated and the comparison."""
    found = {}
    for outcome in intervention.outcomes:
        data = evidence.by_outcome.get(outcome.id)
        compared = next(one.series for one in findings[outcome.id] if one.record)
        if data is not None:
            frame = _plain_levels(data) if compared is None else compared
            scale = intervention.unit_of(outcome.measure)[1]
            found[outcome.id] = frame.assign(rate=frame["rate"] * scale)
    return found


def _plain_levels(data: AreaPanel | Cohort) -> pd.DataFrame:
    if isinstance(data, Cohort):
        return effect_series.of_cohort(data, np.ones(len(data.person)))
    return effect_series.of_areas(data)


def _over_time(findings: Mapping[str, Sequence[Finding]]) -> dict[str, pd.DataFrame]:
    return {
        outcome: one.over_time
        for outcome, found in findings.items()
        for one in found
        if one.record and one.over_time is not None
    }


def _by_outcome(intervention: Intervention, table: str, found: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Frames by outcome as one result table."""
    names = list(RESULT_TABLES[table].names)
    keys = {"intervention": intervention.id, "target_group": intervention.target_group}
    frames = [frame.assign(outcome=outcome, **keys)[names] for outcome, frame in found.items() if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
