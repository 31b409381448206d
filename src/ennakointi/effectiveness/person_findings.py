"""Effects of an enrolment: participants against persons of the same month and history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import person_checks
from ennakointi.causal.areas import LEVEL, Bools, Floats
from ennakointi.causal.estimates import Numbers
from ennakointi.effectiveness import cohort_checks, effect_series
from ennakointi.effectiveness.chooser import RECORD, Choice
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.enrolled import enrolled_effect
from ennakointi.effectiveness.findings import TIME_COLUMNS, Finding
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.parameters.effect_documents import EffectSettings, Intervention

BAND_DRAWS = 20_000


def findings(
    intervention: Intervention,
    cohort: Cohort,
    control: Cohort | None,
    settings: EffectSettings,
    chosen: Sequence[Choice],
    seed: int,
) -> list[Finding]:
    """The comparison of persons and the same by its two parts alone; without a comparison the plain before/after,
    which gets no verdict."""
    if not any(choice.design == "cohort" and choice.role == RECORD for choice in chosen):
        return [_before_after(intervention, cohort)]
    effect = enrolled_effect(cohort, seed)
    used, weight = cohort.kept(np.flatnonzero(~cohort.reached)), effect.weight[~cohort.reached]
    p_value = None
    if control is not None and control.events[control.enrolled].sum() > 0:
        p_value = enrolled_effect(control, seed).p_value
    checks = (*cohort_checks.of_cohort(effect, cohort, settings), person_checks.negative_control(p_value))
    shared: dict[str, Any] = {
        "n_treated": effect.n_enrolled,
        "n_comparison": effect.n_comparison,
        "n_persons": _persons(used),
        "start": int(cohort.index_month[cohort.enrolled].min()),
        "rate": effect.rate,
    }
    record = Finding(
        design="cohort",
        log=Interval(effect.estimate, effect.lo95, effect.hi95),
        p_value=effect.p_value,
        detectable=effect.detectable,
        crude=effect.crude,
        expected=effect.expected,
        checks=checks,
        over_time=over_time(used, weight, seed),
        series=effect_series.of_cohort(used, weight),
        **shared,
    )
    beside = {"balancing": effect.balancing, "regression": effect.outcome_model}
    return [record, *(_beside(design, found, shared) for design, found in beside.items())]


def _persons(cohort: Cohort) -> float:
    """Participants with an event after or in the year before, whichever are fewer but not none: a rate of many persons
    tells of the few who had one."""
    parts = (cohort.person[cohort.enrolled & (events > 0)] for events in (cohort.events, cohort.before_events))
    persons = [len(np.unique(part)) for part in parts if len(part)]
    return float(min(persons, default=0))


def _beside(design: str, found: Numbers, shared: dict[str, Any]) -> Finding:
    return Finding(design, log=Interval(*found), record=False, **shared)


def over_time(cohort: Cohort, weight: Floats, seed: int) -> pd.DataFrame:
    """Relative difference of the weighted groups by quarter since the index month, with a simultaneous 95 % band.

    The quarters before are a check: groups with the same history differ in none of them. Errors are clustered by
    person; the band's factor is the 95 % point of the largest of correlated normal statistics.
    """
    found = [_quarter(cohort, weight, place) for place in range(len(cohort.quarter))]
    kept = [(quarter, *one) for quarter, one in zip(cohort.quarter, found) if one is not None]
    if not kept:
        return pd.DataFrame(columns=list(TIME_COLUMNS))
    quarter, log, influence, persons = (list(part) for part in zip(*kept))
    _, place = np.unique(cohort.person, return_inverse=True)
    sums = np.stack([np.bincount(place, weights=one) for one in influence])
    covariance = sums @ sums.T
    error = np.sqrt(np.diag(covariance))
    drawn = np.random.default_rng(seed).multivariate_normal(
        np.zeros(len(log)), covariance / np.outer(error, error), BAND_DRAWS, method="eigh"
    )
    factor = np.quantile(np.abs(drawn).max(axis=1), 1 - LEVEL)
    values = np.array(log)
    columns = (quarter, np.expm1(values), np.expm1(values - factor * error), np.expm1(values + factor * error), persons)
    return pd.DataFrame(dict(zip(TIME_COLUMNS, columns)))


def _quarter(cohort: Cohort, weight: Floats, place: int) -> tuple[float, Floats, float] | None:
    """Log ratio of the weighted rates of a quarter, the rows' influence on it, and participants with an event."""
    events, time = cohort.quarter_events[:, place], cohort.quarter_person_years[:, place]
    parts = [_rate(events, time, weight * arm) for arm in (cohort.enrolled, ~cohort.enrolled)]
    if any(part is None for part in parts):
        return None
    (one, of_one), (other, of_other) = (part for part in parts if part is not None)
    persons = len(np.unique(cohort.person[cohort.enrolled & (events > 0)]))
    return float(np.log(one / other)), of_one - of_other, float(persons)


def _rate(events: Floats, time: Floats, weight: Floats | Bools) -> tuple[float, Floats] | None:
    """Weighted rate, and the rows' influence on its logarithm; None without an event."""
    total, lived = float(weight @ events), float(weight @ time)
    if min(total, lived) <= 0:
        return None
    return total / lived, weight * (events - time * total / lived) / total


def _before_after(intervention: Intervention, cohort: Cohort) -> Finding:
    """The plain change beside the change that selection alone would give."""
    change = cohort_checks.plain_change(cohort)
    return Finding(
        design="before_after",
        crude=change.crude,
        expected=change.expected if intervention.selected_on == "prior_use" else np.nan,
        n_treated=int(cohort.enrolled.sum()),
        n_persons=_persons(cohort),
        start=int(cohort.index_month[cohort.enrolled].min()) if cohort.enrolled.any() else None,
        checks=tuple(cohort_checks.without_comparison(intervention, change)),
    )
