"""What was checked of a comparison of persons in an analyst's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import sensitivity
from ennakointi.causal.areas import LEVEL
from ennakointi.causal.estimates import Numbers
from ennakointi.results import Check
from ennakointi.text import N_

GOOD_BALANCE, WORST_BALANCE = 0.1, 0.2
LEAST_PERSONS = 30
MOST_LEFT_OUT = 0.05
OTHERS = ("ipw", "balancing", "aipw", "regression")


def of_persons(
    effect: Numbers, log_ratio: Numbers, spread: float, settings: Mapping[str, Any], parts: Mapping[str, pd.DataFrame]
) -> list[Check]:
    """Checks of an effect on persons; `spread` is the outcome's standard deviation, `log_ratio` NaN where the outcome
    has no ratio."""
    return [
        _persons(settings),
        balance(float(parts["balance"]["after"].abs().max()) if len(parts["balance"]) else 0.0),
        overlap(min(settings["effective_treated"], settings["effective_comparison"]), LEAST_PERSONS),
        _no_overlap(settings),
        _missing(settings),
        _alternative(effect, parts["beside"], settings["estimator"]),
        *unmeasured(effect_as_ratio(effect, log_ratio, spread)),
        *([_fall(parts["regression_to_the_mean"].iloc[0])] if "regression_to_the_mean" in parts else []),
    ]


def effect_as_ratio(effect: Numbers, log_ratio: Numbers, spread: float) -> Numbers:
    """The log ratio, or what a difference of means is worth as one."""
    return log_ratio if np.isfinite(log_ratio.estimate) else sensitivity.log_ratio_of_difference(effect, spread)


def _persons(settings: Mapping[str, Any]) -> Check:
    values = {"treated_persons": settings["n_treated"], "comparison_persons": settings["n_comparison"]}
    if min(values.values()) >= LEAST_PERSONS:
        return Check(
            "persons",
            True,
            N_("Persons with the intervention: {treated_persons}; persons compared with them: {comparison_persons}."),
            values,
        )
    return Check(
        "persons",
        False,
        N_(
            "Persons with the intervention: {treated_persons}; persons compared with them: {comparison_persons}. With "
            "fewer than {least_number} on either side the interval cannot be trusted."
        ),
        {**values, "least_number": LEAST_PERSONS},
        critical=True,
    )


def balance(worst: float) -> Check:
    """Whether weights made the history and traits alike; `worst` standardised difference."""
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


def overlap(effective: float, least: int) -> Check:
    """Whether enough persons carry the comparison; `effective` number under the weights."""
    enough = effective >= least
    return Check(
        "overlap",
        enough,
        N_("There are enough persons like the enrolled to compare with (worth {like_persons} persons).")
        if enough
        else N_("There are too few persons like the enrolled to compare with (worth {like_persons} persons)."),
        {"like_persons": int(effective)},
        critical=True,
    )


def _no_overlap(settings: Mapping[str, Any]) -> Check:
    out = settings["left_out"]["no_overlap"]
    share = out / (out + settings["n_treated"] + settings["n_comparison"])
    return Check(
        "trimming",
        share <= MOST_LEFT_OUT,
        N_("Left out because nobody on the other side was like them: {trimmed_share} of the persons."),
        {"trimmed_share": share},
    )


def _missing(settings: Mapping[str, Any]) -> Check:
    share = sum(n for name, n in settings["left_out"].items() if name != "no_overlap") / settings["n_rows"]
    return Check(
        "missing",
        share <= MOST_LEFT_OUT,
        N_("Left out because a value was missing: {missing_share} of the rows."),
        {"missing_share": share},
    )


def _alternative(effect: Numbers, beside: pd.DataFrame, used: str) -> Check:
    others = beside.set_index("estimator").loc[[name for name in OTHERS if name != used], "estimate"]
    return alternative_estimator(effect, float(others.min()), float(others.max()))


def alternative_estimator(effect: Numbers, lowest: float, highest: float) -> Check:
    """Whether the estimates of other estimators lie inside the interval."""
    values = {"lowest": lowest, "highest": highest}
    if effect.lo95 <= lowest and highest <= effect.hi95:
        return Check(
            "alternative_estimator",
            True,
            N_("Other ways to compare the same persons give {lowest} to {highest}: they agree."),
            values,
        )
    return Check(
        "alternative_estimator",
        False,
        N_("Other ways to compare the same persons give {lowest} to {highest}: the result depends on the way."),
        values,
    )


def unmeasured(log_ratio: Numbers) -> list[Check]:
    """The E-values, when the interval leaves no effect out."""
    if not np.isfinite(log_ratio).all() or log_ratio.lo95 <= 0 <= log_ratio.hi95:
        return []
    found = sensitivity.e_values(log_ratio)
    return [
        Check(
            "unmeasured",
            True,
            N_(
                "Something unknown would have to make both enrolment and the outcome at least "
                "{factor}-fold more likely to "
                "explain the effect, and {bound_factor}-fold to explain the nearer end of its interval."
            ),
            {"factor": found.estimate, "bound_factor": found.nearer},
        )
    ]


def _fall(fall: pd.Series) -> Check:
    return Check(
        "regression_to_the_mean",
        True,
        N_(
            "The plain change from before to after is {crude_change}; of that {expected_change} would have come "
            "without the intervention, as in comparison persons with the same history."
        ),
        {"crude_change": float(fall["crude_change"]), "expected_change": float(fall["expected_change"])},
    )


def negative_control(p_value: float | None) -> Check:
    """Whether an outcome that the intervention cannot change stayed the same; None when there is no such outcome."""
    if p_value is None or not np.isfinite(p_value):
        return Check("negative_control", None, N_("There is no outcome that the intervention could not have changed."))
    if p_value > LEVEL:
        return Check("negative_control", True, N_("An outcome that the intervention cannot change did not change."))
    return Check(
        "negative_control",
        False,
        N_("An outcome that the intervention cannot change differs too: the comparison is biased."),
        critical=True,
    )
