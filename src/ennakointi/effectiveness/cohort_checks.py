"""What was checked of a comparison of persons, and why a plain before/after gets no verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal import person_checks
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.sensitivity import expected_change_of_selected
from ennakointi.effectiveness import effect_checks
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.enrolled import EnrolledEffect
from ennakointi.parameters.effect_documents import EffectSettings, Intervention
from ennakointi.results import Check
from ennakointi.text import N_

MOST_UNMATCHED = 0.1
MOST_CONTAMINATED = 0.1


def of_cohort(effect: EnrolledEffect, cohort: Cohort, settings: EffectSettings) -> list[Check]:
    """Checks of a comparison of persons."""
    return [
        _persons(effect, settings),
        _matched(effect, cohort),
        person_checks.balance(float(np.abs(effect.balance).max()) if len(effect.balance) else 0.0),
        person_checks.overlap(effect.effective_comparison, settings.minimum_persons),
        _alternative_estimator(effect),
        _regression_to_the_mean(effect),
        _washout(effect, cohort),
        _spill_over(effect, cohort),
        _contamination(cohort),
        *person_checks.unmeasured(Numbers(effect.estimate, effect.lo95, effect.hi95)),
    ]


@dataclass(frozen=True)
class PlainChange:
    """Log change of the enrolled from the year before, and what selection alone would give."""

    crude: float
    expected: float


def plain_change(cohort: Cohort) -> PlainChange:
    """The before/after change, and the one expected of persons with as much use before (NaN if unknown)."""
    enrolled = cohort.enrolled
    after = cohort.events[enrolled].sum() / max(cohort.person_years[enrolled].sum(), 1e-12)
    before = cohort.before_events[enrolled].sum() / max(cohort.before_person_years[enrolled].sum(), 1e-12)
    if min(after, before) <= 0:
        return PlainChange(np.nan, np.nan)
    known = cohort.population
    fall = expected_change_of_selected(known["correlation"], before, known["mean"]) if known else np.nan
    return PlainChange(float(np.log(after / before)), float(np.log1p(fall)))


def without_comparison(intervention: Intervention, change: PlainChange) -> list[Check]:
    """Why a plain before/after gets no verdict."""
    if intervention.selected_on != "prior_use":
        return [
            Check(
                "comparison",
                False,
                N_("There are too few persons, or none to compare them with."),
                critical=True,
            )
        ]
    values = {
        "crude_change_share": float(np.expm1(change.crude)),
        "chance_change_share": float(np.expm1(change.expected)),
    }
    return [
        Check(
            "comparison",
            False,
            N_(
                "Those who had used most were selected, and there is nobody to compare them with. The"
                " plain change is "
                "{crude_change_share}; chance in who was selected alone would give about "
                "{chance_change_share}."
            ),
            values,
            critical=True,
        )
    ]


def _persons(effect: EnrolledEffect, settings: EffectSettings) -> Check:
    values = {"enrolled_persons": effect.n_enrolled, "least_number": settings.minimum_persons}
    enough = effect.n_enrolled >= settings.minimum_persons
    return Check(
        "persons",
        enough,
        N_("Enrolled persons who could be followed: {enrolled_persons}.")
        if enough
        else N_("Enrolled persons who could be followed: {enrolled_persons}; at least {least_number} are needed."),
        values,
        critical=True,
    )


def _matched(effect: EnrolledEffect, cohort: Cohort) -> Check:
    share = 1 - effect.n_enrolled / cohort.asked
    kept = share <= MOST_UNMATCHED
    return Check(
        "matched",
        kept,
        N_("Enrolled persons without a comparison person with the same history and a follow-up: {unmatched_persons}."),
        {"unmatched_persons": max(cohort.asked - effect.n_enrolled, 0)},
    )


def _alternative_estimator(effect: EnrolledEffect) -> Check:
    """Whether the weights alone and the outcome model alone say the same."""
    others = [effect.balancing.estimate, effect.outcome_model.estimate]
    if not np.isfinite([effect.lo95, *others]).all():
        return Check("alternative_estimator", None, N_("The same persons cannot be compared in another way."))
    values = {
        "lowest_change_share": float(np.expm1(min(others))),
        "highest_change_share": float(np.expm1(max(others))),
    }
    if all(_inside(effect, other) for other in others):
        return Check(
            "alternative_estimator",
            True,
            N_(
                "Weighting alone and an outcome model alone give changes of {lowest_change_share} to "
                "{highest_change_share}: they agree with the result."
            ),
            values,
        )
    return Check(
        "alternative_estimator",
        False,
        N_(
            "Weighting alone and an outcome model alone give changes of {lowest_change_share} to "
            "{highest_change_share}: the result depends on the method."
        ),
        values,
    )


def _inside(effect: EnrolledEffect, other: float) -> bool:
    return bool(effect.lo95 <= other <= effect.hi95)


def _washout(effect: EnrolledEffect, cohort: Cohort) -> Check:
    """The months left out, or what leaving out the first three would change."""
    if cohort.washout_months:
        return Check(
            "washout",
            True,
            N_("Months after each person's start that are left out: {washout_months}."),
            {"washout_months": cohort.washout_months},
        )
    return effect_checks.washout(effect.after_first_quarter, (effect.lo95, effect.hi95))


def _spill_over(effect: EnrolledEffect, cohort: Cohort) -> Check:
    """Comparison persons left out because the intervention may have reached them."""
    if not cohort.reached.any():
        return Check(
            "spill_over", None, N_("No area was named where the intervention may have reached comparison persons.")
        )
    agrees = _inside(effect, effect.with_exposed)
    values = {
        "left_out_share": float(cohort.reached[~cohort.enrolled].mean()),
        "change_share": float(np.expm1(effect.with_exposed)),
    }
    return Check(
        "spill_over",
        agrees,
        N_(
            "Left out because the intervention may have reached them: {left_out_share} of the comparison persons. "
            "With them the change would be {change_share}."
        ),
        values,
    )


def _regression_to_the_mean(effect: EnrolledEffect) -> Check:
    values = {
        "crude_change_share": float(np.expm1(effect.crude)),
        "expected_change_share": float(np.expm1(effect.expected)),
    }
    return Check(
        "regression_to_the_mean",
        True,
        N_(
            "The plain change from before to after is {crude_change_share}; comparison persons with the same "
            "history changed by {expected_change_share}."
        ),
        values,
    )


def _contamination(cohort: Cohort) -> Check:
    return Check(
        "contamination",
        cohort.later_enrolled <= MOST_CONTAMINATED,
        N_(
            "Comparison persons were enrolled later themselves for {later_share} of the follow-"
            "up, which makes an effect look "
            "smaller."
        ),
        {"later_share": cohort.later_enrolled},
    )
