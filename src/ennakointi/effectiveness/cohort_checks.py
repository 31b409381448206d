"""What was checked of a comparison of persons, and why a plain before/after gets no verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.sensitivity import e_value, expected_change_of_selected
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.enrolled import EnrolledEffect
from ennakointi.parameters.documents import EffectSettings, Intervention
from ennakointi.results import Check
from ennakointi.text import N_

GOOD_BALANCE, WORST_BALANCE = 0.1, 0.2
MOST_UNMATCHED = 0.1
MOST_CONTAMINATED = 0.1


def of_cohort(effect: EnrolledEffect, cohort: Cohort, settings: EffectSettings) -> list[Check]:
    """Checks of a comparison of persons."""
    return [
        _persons(effect, settings),
        _matched(effect, cohort),
        _balance(effect),
        _overlap(effect, settings),
        _regression_to_the_mean(effect),
        _contamination(cohort),
        *_unmeasured(effect),
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
        N_(
            "A comparison person with the same history and a follow-up was missing for "
            "{unmatched_share} of the enrolled."
        ),
        {"unmatched_share": share},
    )


def _balance(effect: EnrolledEffect) -> Check:
    worst = float(np.abs(effect.balance).max())
    values = {"difference": worst}
    if worst < GOOD_BALANCE:
        return Check(
            "balance",
            True,
            N_(
                "Enrolled and comparison persons had the same history and traits (largest difference "
                "{difference} standard "
                "deviations)."
            ),
            values,
        )
    return Check(
        "balance",
        False,
        N_(
            "Enrolled and comparison persons differed in their history or traits by up to "
            "{difference} standard deviations."
        ),
        values,
        critical=worst > WORST_BALANCE,
    )


def _overlap(effect: EnrolledEffect, settings: EffectSettings) -> Check:
    enough = effect.effective_comparison >= settings.minimum_persons
    return Check(
        "overlap",
        enough,
        N_("There are enough persons like the enrolled to compare with (worth {like_persons} persons).")
        if enough
        else N_("There are too few persons like the enrolled to compare with (worth {like_persons} persons)."),
        {"like_persons": int(effect.effective_comparison)},
        critical=True,
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


def _unmeasured(effect: EnrolledEffect) -> list[Check]:
    """The E-value of the bound that is nearer to no effect, when the interval leaves none out."""
    if not np.isfinite(effect.estimate) or effect.lo95 <= 0 <= effect.hi95:
        return []
    nearer = effect.lo95 if effect.lo95 > 0 else effect.hi95
    values = {
        "factor": e_value(float(np.exp(effect.estimate))),
        "bound_factor": e_value(float(np.exp(nearer))),
    }
    return [
        Check(
            "unmeasured",
            True,
            N_(
                "Something unknown would have to make both enrolment and the outcome at least "
                "{factor}-fold more likely to "
                "explain the effect, and {bound_factor}-fold to explain the nearer end of its interval."
            ),
            values,
        )
    ]
