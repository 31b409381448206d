"""From findings to rows: units, Holm over the secondary outcomes, the level of the look, verdict and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.effectiveness import effect_checks, verdicts
from ennakointi.effectiveness.findings import Finding
from ennakointi.parameters.effect_documents import Intervention, Outcome
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check
from ennakointi.text import message_json

_WORDS = {True: "yes", False: "no", None: "not_checked"}


def effects(intervention: Intervention, findings: Mapping[str, Sequence[Finding]], alpha: float) -> pd.DataFrame:
    """Table `effects`: one row for each outcome and design; the verdict stands on the row of record.

    Parameters
    ----------
    findings : by outcome, that of record among them.
    alpha : level of this look; 0 before the first decision month gives no verdict.
    """
    adjusted = _adjusted_p(intervention, findings)
    rows = [
        _row(intervention, outcome, found, adjusted.get(outcome.id, found.p_value), alpha)
        for outcome in intervention.outcomes
        for found in findings[outcome.id]
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["effects"].names))


def check_table(intervention: Intervention, findings: Mapping[str, Sequence[Finding]]) -> pd.DataFrame:
    """Table `effect_checks`: the checks of each outcome's design of record."""
    rows = [
        {
            "intervention": intervention.id,
            "outcome": outcome,
            "check": check.name,
            "target_group": intervention.target_group,
            "passed": _WORDS[check.passed],
            "message": message_json(check.message, check.values),
        }
        for outcome, found in findings.items()
        for one in found
        if one.record
        for check in one.checks
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["effect_checks"].names))


def detectable_share(found: Finding, better: str) -> float:
    """The smallest detectable log effect as a share of the rate, in the better direction."""
    return float(abs(np.expm1(-found.detectable if better == "fewer" else found.detectable)))


def _adjusted_p(intervention: Intervention, findings: Mapping[str, Sequence[Finding]]) -> dict[str, float]:
    """Holm's p-values of the secondary outcomes that have one."""
    of_record = {
        outcome.id: next(one.p_value for one in findings[outcome.id] if one.record)
        for outcome in intervention.secondary_outcomes
    }
    known_p = {name: p for name, p in of_record.items() if np.isfinite(p)}
    return dict(zip(known_p, verdicts.holm(np.array(list(known_p.values()))).tolist()))


def _row(
    intervention: Intervention, outcome: Outcome, found: Finding, p_adjusted: float, alpha: float
) -> dict[str, Any]:
    log = found.log
    relative = _relative(log)
    unit, scale = intervention.unit_of(outcome.measure)
    level, verdict = "", ""
    if found.record:
        design_level = verdicts.evidence_level(found.design, found.checks, found.n_treated, found.n_comparison)
        verdict = _verdict(intervention, outcome, found, design_level, p_adjusted, alpha)
        level = verdicts.published_level(design_level, verdict, found.checks)
    return {
        "intervention": intervention.id,
        "outcome": outcome.id,
        "design": found.design,
        "target_group": intervention.target_group,
        "record": "record" if found.record else "beside",
        "role": "primary" if outcome.id == intervention.primary_outcome.id else "secondary",
        **_in_units(log, scale * found.rate),
        "relative": relative.estimate,
        "relative_lo95": relative.lo95,
        "relative_hi95": relative.hi95,
        "unit": unit,
        "p_value": found.p_value,
        "p_adjusted": p_adjusted if found.record else np.nan,
        "alpha": alpha if found.record else np.nan,
        "n_treated": float(found.n_treated),
        "n_comparison": float(found.n_comparison),
        "counted": found.counted,
        "minimum_detectable_effect": detectable_share(found, outcome.better),
        "smallest_important": intervention.smallest_important_effect,
        "crude_change": float(np.expm1(found.crude)),
        "expected_change": float(np.expm1(found.expected)),
        "verdict": verdict,
        "evidence_level": level,
        "start": "" if found.start is None else month_text(found.start),
        "registered": intervention.registered,
        "n_persons": found.n_persons,
    }


def _verdict(
    intervention: Intervention, outcome: Outcome, found: Finding, level: str, p_value: float, alpha: float
) -> str:
    """The verdict at the level of this look; a finding beyond zero also needs its p-value, for a secondary outcome the
    one adjusted by Holm."""
    relative = _relative(verdicts.at_level(found.log, alpha))
    named = verdicts.verdict(relative, outcome.better, intervention.smallest_important_effect, level, found.checks)
    beyond_zero = named in (verdicts.WORKS, verdicts.PROBABLY_WORKS, verdicts.PROBABLY_HARMFUL)
    return verdicts.CANNOT_SAY if beyond_zero and not p_value <= alpha else named


def _relative(log: verdicts.Interval) -> verdicts.Interval:
    return verdicts.Interval(*(float(np.expm1(value)) for value in (log.estimate, log.lo95, log.hi95)))


def _in_units(log: verdicts.Interval, level: float) -> dict[str, float]:
    """Effect in the outcome's unit at the level under the intervention: level − level without it."""
    values = {"estimate": log.estimate, "lo95": log.lo95, "hi95": log.hi95}
    return {name: float(level * -np.expm1(-value)) for name, value in values.items()}


def general_checks(intervention: Intervention, outcome: Outcome, found: Finding, decided: Check) -> tuple[Check, ...]:
    """What is checked of every design: the look, and what the data could show."""
    general: tuple[Check, ...] = (decided,)
    if np.isfinite(found.log.estimate):
        share = detectable_share(found, outcome.better)
        general += (effect_checks.detectable(share, intervention.smallest_important_effect),)
    return general
