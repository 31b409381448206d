"""What each design finds of one outcome: the numbers of a row of `effects`, and its checks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.causal.rollout import (
    BASE_MONTHS,
    RolloutEffect,
    dominant_area,
    leave_one_out,
    placebo_effect,
    rollout_effect,
)
from ennakointi.causal.segmented import StepEffect, step_effect
from ennakointi.effectiveness import cohort_checks, effect_checks
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.enrolled import enrolled_effect
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.errors import DataError
from ennakointi.parameters.documents import EffectSettings, Intervention
from ennakointi.results import Check
from ennakointi.text import N_

UNKNOWN = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Finding:
    """What one design found of one outcome: numbers for a row of `effects`, NaN where not known.

    `log` is the effect on the logarithm of the rate with its interval; `rate` is per person-year under the
    intervention; `crude` is the log change from the year before, `expected` the same without the
    intervention; `detectable` is the smallest log effect found in 8 of 10 cases; `start` the first month of
    the intervention.
    """

    design: str
    log: Interval = UNKNOWN
    p_value: float = np.nan
    rate: float = np.nan
    detectable: float = np.nan
    crude: float = np.nan
    expected: float = np.nan
    n_treated: int = 0
    n_comparison: int = 0
    counted: str = "persons"
    n_persons: float = np.nan
    start: int | None = None
    checks: tuple[Check, ...] = ()
    record: bool = True


def refused(reason: str, design: str = "before_after") -> Finding:
    """No estimate, and why, as a critical check that failed."""
    return Finding(design, checks=(Check("comparison", False, reason, critical=True),))


def area_findings(
    intervention: Intervention,
    panel: AreaPanel,
    control: AreaPanel | Cohort | None,
    settings: EffectSettings,
    seed: int,
) -> list[Finding]:
    """The comparison of areas, and beside it other ways to treat the largest one; else a single series."""
    largest = dominant_area(panel)
    effect = None
    started = int(panel.starts.min()) - int(panel.months[0])
    if intervention.comparison != "none" and started >= settings.minimum_before_months:
        effect = rollout_effect(panel, settings.permutations, seed, largest)
    if effect is None:
        return [_series_finding(panel, settings, seed)]
    with_all = None if largest is None else rollout_effect(panel, settings.permutations, seed)
    checks = effect_checks.of_rollout(
        effect,
        placebo_effect(panel, settings.permutations, seed, largest),
        leave_one_out(panel, effect.treated, largest),
        with_all,
        panel,
    )
    checks.append(effect_checks.negative_control(_control_p(control, largest, settings, seed)))
    found = [_did(effect, panel, "did", tuple(checks))]
    if with_all is not None and largest is not None:
        without = panel.without(largest)
        alone = rollout_effect(without, settings.permutations, seed)
        found.append(_did(with_all, panel, "did_all_areas", record=False))
        found += [] if alone is None else [_did(alone, without, "did_without_largest", record=False)]
    return found


def _control_p(
    control: AreaPanel | Cohort | None, largest: int | None, settings: EffectSettings, seed: int
) -> float | None:
    if not isinstance(control, AreaPanel):
        return None
    found = rollout_effect(control, settings.permutations, seed, largest)
    return None if found is None else found.effect.p_value


def _did(
    effect: RolloutEffect, panel: AreaPanel, design: str, checks: tuple[Check, ...] = (), record: bool = True
) -> Finding:
    under = effect.treated[:, None] & (panel.months >= panel.starts[:, None])
    persons = np.where(under & ~np.isnan(panel.persons), panel.persons, 0).max(axis=1)
    found = effect.effect
    return Finding(
        design=design,
        log=Interval(found.estimate, found.lo95, found.hi95),
        p_value=found.p_value,
        rate=effect.rate_after,
        detectable=effect.detectable,
        crude=effect.crude,
        expected=effect.crude - found.estimate,
        n_treated=int(effect.treated.sum()),
        n_comparison=int(effect.comparison.sum()),
        counted="areas",
        n_persons=float(persons.sum()),
        start=int(panel.starts[effect.treated].min()),
        checks=checks,
        record=record,
    )


def _series_finding(panel: AreaPanel, settings: EffectSettings, seed: int) -> Finding:
    """All areas with the same start as one series; several starts without a comparison are refused."""
    started = panel.starts < NEVER
    starts = np.unique(panel.starts[started & (panel.starts <= panel.months[-1])])
    if not len(starts):
        return refused(N_("The intervention has not started in the time of the data."), "its")
    if len(starts) > 1:
        return refused(N_("The areas start at different times and there is no area to compare them with."), "its")
    start = int(starts[0])
    held = started & ~np.isnan(panel.counts[:, panel.months >= start - settings.minimum_before_months]).any(axis=1)
    if not held.any():
        return refused(N_("The register does not hold the areas long enough before the start."), "its")
    counts, time = panel.counts[held].sum(axis=0), panel.person_years[held].sum(axis=0)
    try:
        effect = step_effect(counts, time, panel.months, start, seed)
    except DataError:
        return refused(N_("There are too few months or events before or after the start."), "its")
    after = panel.months >= start
    before = ~after & (panel.months >= start - BASE_MONTHS)
    rates = [float(counts[part].sum() / time[part].sum()) for part in (after, before)]
    persons = float(panel.persons[held][:, after].max(axis=1).sum())
    return _its(effect, (rates[0], rates[1]), int(held.sum()), persons, start)


def _its(effect: StepEffect, rates: tuple[float, float], n_areas: int, n_persons: float, start: int) -> Finding:
    crude = float(np.log(rates[0] / rates[1])) if rates[1] > 0 else np.nan
    return Finding(
        design="its",
        log=Interval(effect.estimate, effect.lo95, effect.hi95),
        p_value=effect.p_value,
        rate=rates[0],
        detectable=effect.detectable,
        crude=crude,
        expected=crude - effect.estimate,
        n_treated=n_areas,
        counted="areas",
        n_persons=n_persons,
        start=start,
        checks=tuple(effect_checks.of_series(effect)),
    )


def cohort_finding(
    intervention: Intervention,
    cohort: Cohort,
    control: AreaPanel | Cohort | None,
    settings: EffectSettings,
    seed: int,
) -> Finding:
    """The comparison of persons; without enough of them the plain before/after, which gets no verdict."""
    n_enrolled, n_others = int(cohort.enrolled.sum()), int((~cohort.enrolled).sum())
    if intervention.comparison == "none" or min(n_enrolled, n_others) < settings.minimum_persons:
        return _before_after(intervention, cohort)
    effect = enrolled_effect(cohort, seed)
    checks = cohort_checks.of_cohort(effect, cohort, settings)
    p_value = None
    if isinstance(control, Cohort) and control.events[control.enrolled].sum() > 0:
        p_value = enrolled_effect(control, seed).p_value
    checks.append(effect_checks.negative_control(p_value))
    return Finding(
        design="cohort",
        log=Interval(effect.estimate, effect.lo95, effect.hi95),
        p_value=effect.p_value,
        rate=effect.rate,
        detectable=effect.detectable,
        crude=effect.crude,
        expected=effect.expected,
        n_treated=effect.n_enrolled,
        n_comparison=effect.n_comparison,
        n_persons=float(effect.n_enrolled),
        start=int(cohort.index_month[cohort.enrolled].min()),
        checks=tuple(checks),
    )


def _before_after(intervention: Intervention, cohort: Cohort) -> Finding:
    """The plain change beside the change that selection alone would give."""
    change = cohort_checks.plain_change(cohort)
    return Finding(
        design="before_after",
        crude=change.crude,
        expected=change.expected if intervention.selected_on == "prior_use" else np.nan,
        n_treated=int(cohort.enrolled.sum()),
        n_persons=float(cohort.enrolled.sum()),
        start=int(cohort.index_month[cohort.enrolled].min()) if cohort.enrolled.any() else None,
        checks=tuple(cohort_checks.without_comparison(intervention, change)),
    )
