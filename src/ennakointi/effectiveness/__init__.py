"""Did an intervention work? Chooses the design that the evidence allows, estimates, checks and judges.

A roll-out by area is compared with areas that start later or never (`rollout`); without such areas it is
one series before and after (`interrupted`); enrolled persons are compared with persons of the same index
month and history (`enrolled`). What cannot be compared gets no verdict: a before/after of people selected
for what is measured falls without any intervention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from ennakointi.effectiveness import effect_checks, verdicts
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.effect_series import of_areas, of_cohort
from ennakointi.effectiveness.evidence import NEGATIVE_CONTROL, Evidence
from ennakointi.effectiveness.findings import Finding, area_findings, cohort_finding, refused
from ennakointi.parameters import Parameters
from ennakointi.parameters.documents import EffectSettings, Intervention, Outcome
from ennakointi.periods import month_of, month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check, Result
from ennakointi.store import Store
from ennakointi.text import LOCALES, N_, message_json

UNIT = "per 100 person-years"
DEFAULT_SMALLEST = 0.1
DEFAULT_OUTCOME = "all_contacts"


@dataclass(frozen=True, eq=False)
class Effect(Result):
    """Effects of one intervention on its outcomes: tables `effects`, `effect_checks` and `effect_series`."""

    main: ClassVar[str] = "effects"


def known(parameters: Parameters, store: Store) -> dict[str, Intervention]:
    """Interventions of the parameters that the source can tell of, and, with stated defaults, those only `enrolments`
    names.

    Left out are enrolments of nobody, roll-outs that have not begun, and the synthetic county's roll-outs elsewhere.
    """
    enrolled = store.codes("enrolments", "intervention") if "enrolments" in store.tables else []
    found = {code: one for code, one in parameters.interventions.items() if _told(one, enrolled, store)}
    strange = [code for code in enrolled if code not in parameters.interventions]
    return found | {code: _default(code, parameters, store) for code in strange}


def _told(intervention: Intervention, enrolled: Sequence[str], store: Store) -> bool:
    if intervention.assignment == "enrolment":
        return intervention.id in enrolled
    begun = min(intervention.starts.values()) <= store.last_month
    return begun and (store.synthetic or not intervention.example)


def evaluate(intervention: Intervention, evidence: Evidence, settings: EffectSettings, seed: int) -> Effect:
    """Estimate, check and judge every outcome of an intervention.

    Parameters
    ----------
    evidence : data by outcome, from `evidence.gather`.
    seed : of permutations, bootstraps and folds; the same seed gives the same result.

    Returns
    -------
    Effect
        One row of `effects` for each outcome and design, `record` for the one that the verdict rests on.
    """
    findings = {
        outcome.id: _findings(intervention, outcome, evidence, settings, seed) for outcome in intervention.outcomes
    }
    rows, checks = _judged(intervention, findings)
    tables = {
        "effects": pd.DataFrame(rows, columns=list(RESULT_TABLES["effects"].names)),
        "effect_checks": _check_table(intervention, checks),
        "effect_series": _series(intervention, evidence),
    }
    every = tuple(check for found in checks.values() for check in found)
    chosen = {"intervention": intervention.id, "seed": seed, **settings.model_dump()}
    return Effect(tables, chosen, every, evidence.as_of)


def _default(code: str, parameters: Parameters, store: Store) -> Intervention:
    """An intervention that only the enrolments name: every contact of everybody, fewer is better, 10 %
    matters."""
    label = dict.fromkeys(LOCALES, code)
    outcome = {
        "id": DEFAULT_OUTCOME,
        "label": label,
        "services": tuple(parameters.services),
        "better": "fewer",
    }
    return Intervention.model_validate(
        {
            "id": code,
            "label": label,
            "regions": (parameters.region.code,),
            "target_group": "all",
            "assignment": "enrolment",
            "primary_outcome": outcome,
            "smallest_important_effect": DEFAULT_SMALLEST,
            "decision_month": month_text(month_of(store.as_of)),
            "comparison": "same_index_same_history",
            "selected_on": "need",
            "description": {"why": label, "what": label, "who": label, "how_much": label},
        }
    )


def _findings(
    intervention: Intervention, outcome: Outcome, evidence: Evidence, settings: EffectSettings, seed: int
) -> list[Finding]:
    data = evidence.by_outcome.get(outcome.id)
    control = evidence.by_outcome.get(NEGATIVE_CONTROL)
    if data is None:
        found = [refused(evidence.missing or N_("There are no data of the outcome."))]
    elif isinstance(data, Cohort):
        found = [cohort_finding(intervention, data, control, settings, seed)]
    else:
        found = area_findings(intervention, data, control, settings, seed)
    return [_with_general_checks(one, intervention, outcome, evidence.as_of) for one in found]


def _with_general_checks(found: Finding, intervention: Intervention, outcome: Outcome, as_of: date) -> Finding:
    general: tuple[Check, ...] = (effect_checks.decision(intervention, as_of),)
    if np.isfinite(found.log.estimate):
        share = _detectable_share(found, outcome)
        general += (effect_checks.detectable(share, intervention.smallest_important_effect),)
    return replace(found, checks=(*found.checks, *general))


def _detectable_share(found: Finding, outcome: Outcome) -> float:
    """The smallest detectable log effect as a share of the rate, in the better direction."""
    return float(abs(np.expm1(-found.detectable if outcome.better == "fewer" else found.detectable)))


def _judged(
    intervention: Intervention, findings: Mapping[str, Sequence[Finding]]
) -> tuple[list[dict[str, Any]], dict[str, tuple[Check, ...]]]:
    """Rows of `effects` and the checks of each outcome's design of record. Secondary outcomes are judged by
    Holm."""
    adjusted = _adjusted_p(intervention, findings)
    rows, checks = [], {}
    for outcome in intervention.outcomes:
        for found in findings[outcome.id]:
            if found.record:
                checks[outcome.id] = found.checks
            p_value = adjusted.get(outcome.id, found.p_value) if found.record else found.p_value
            rows.append(_row(intervention, outcome, found, p_value))
    return rows, checks


def _adjusted_p(intervention: Intervention, findings: Mapping[str, Sequence[Finding]]) -> dict[str, float]:
    """Holm's p-values of the secondary outcomes that have one."""
    of_record = {
        outcome.id: next(one.p_value for one in findings[outcome.id] if one.record)
        for outcome in intervention.secondary_outcomes
    }
    known_p = {name: p for name, p in of_record.items() if np.isfinite(p)}
    return dict(zip(known_p, verdicts.holm(np.array(list(known_p.values()))).tolist()))


def _row(intervention: Intervention, outcome: Outcome, found: Finding, p_value: float) -> dict[str, Any]:
    log = found.log
    relative = verdicts.Interval(*(float(np.expm1(value)) for value in (log.estimate, log.lo95, log.hi95)))
    level, verdict = "", ""
    if found.record:
        design_level = verdicts.evidence_level(found.design, found.checks, found.n_treated, found.n_comparison)
        verdict = _verdict(intervention, outcome, found, relative, design_level, p_value)
        level = verdicts.published_level(design_level, verdict, found.checks)
    return {
        "intervention": intervention.id,
        "outcome": outcome.id,
        "design": found.design,
        "target_group": intervention.target_group,
        "record": "record" if found.record else "beside",
        "role": "primary" if outcome.id == intervention.primary_outcome.id else "secondary",
        **_per_hundred(log, found.rate),
        "relative": relative.estimate,
        "relative_lo95": relative.lo95,
        "relative_hi95": relative.hi95,
        "unit": UNIT,
        "p_value": found.p_value,
        "p_adjusted": p_value,
        "alpha": effect_checks.LEVEL,
        "n_treated": float(found.n_treated),
        "n_comparison": float(found.n_comparison),
        "counted": found.counted,
        "minimum_detectable_effect": _detectable_share(found, outcome),
        "smallest_important": intervention.smallest_important_effect,
        "crude_change": float(np.expm1(found.crude)),
        "expected_change": float(np.expm1(found.expected)),
        "verdict": verdict,
        "evidence_level": level,
        "start": "" if found.start is None else month_text(found.start),
        "registered": "",
        "n_persons": found.n_persons,
    }


def _verdict(
    intervention: Intervention,
    outcome: Outcome,
    found: Finding,
    relative: verdicts.Interval,
    level: str,
    p_value: float,
) -> str:
    """The verdict; a secondary outcome's finding beyond zero also needs its Holm-adjusted p-value."""
    named = verdicts.verdict(relative, outcome.better, intervention.smallest_important_effect, level, found.checks)
    beyond_zero = named in (verdicts.WORKS, verdicts.PROBABLY_WORKS, verdicts.PROBABLY_HARMFUL)
    secondary = outcome.id != intervention.primary_outcome.id
    return verdicts.CANNOT_SAY if secondary and beyond_zero and p_value > effect_checks.LEVEL else named


def _per_hundred(log: verdicts.Interval, rate: float) -> dict[str, float]:
    """Effect per 100 person-years at the rate under the intervention: rate − rate without it."""
    values = {"estimate": log.estimate, "lo95": log.lo95, "hi95": log.hi95}
    return {name: float(100 * rate * -np.expm1(-value)) for name, value in values.items()}


def _check_table(intervention: Intervention, checks: Mapping[str, Sequence[Check]]) -> pd.DataFrame:
    words = {True: "yes", False: "no", None: "not_checked"}
    rows = [
        {
            "intervention": intervention.id,
            "outcome": outcome,
            "check": check.name,
            "target_group": intervention.target_group,
            "passed": words[check.passed],
            "message": message_json(check.message, check.values),
        }
        for outcome, found in checks.items()
        for check in found
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["effect_checks"].names))


def _series(intervention: Intervention, evidence: Evidence) -> pd.DataFrame:
    """Rates by quarter since the start, of the treated and the comparison."""
    names = list(RESULT_TABLES["effect_series"].names)
    frames = []
    for outcome in intervention.outcomes:
        data = evidence.by_outcome.get(outcome.id)
        if data is not None:
            frame = of_cohort(data) if isinstance(data, Cohort) else of_areas(data)
            keys = {
                "intervention": intervention.id,
                "outcome": outcome.id,
                "target_group": intervention.target_group,
            }
            frames.append(frame.assign(**keys)[names])
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
