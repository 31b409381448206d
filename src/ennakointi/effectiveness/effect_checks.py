"""What was checked of an effect, as plain sentences: catalogue keys with slots, filled in the reader's
language."""

from __future__ import annotations

from datetime import date

import numpy as np

from ennakointi.causal.areas import AreaPanel
from ennakointi.causal.rollout import RolloutEffect
from ennakointi.causal.segmented import StepEffect
from ennakointi.parameters.documents import Intervention
from ennakointi.periods import month_of, month_text
from ennakointi.results import Check
from ennakointi.text import N_

LEVEL = 0.05


def decision(intervention: Intervention, as_of: date) -> Check:
    """Whether the pre-registered month of the verdict has come."""
    month = {"decision_month": month_text(intervention.decision_month)}
    if month_of(as_of) >= intervention.decision_month:
        return Check("decision_date", True, N_("The month agreed for the verdict has come: {decision_month}."), month)
    return Check(
        "decision_date",
        False,
        N_("This is an interim look: the verdict was agreed for {decision_month}, and repeated looks mislead."),
        month,
    )


def detectable(share: float, smallest_important: float) -> Check:
    """Whether the data could show the smallest effect that matters."""
    values = {"smallest_share": share, "important_share": smallest_important}
    if not np.isfinite(share):
        return Check("detectable", False, N_("Data of this size cannot show any change that could be expected."))
    if share <= smallest_important:
        return Check(
            "detectable",
            True,
            N_("The data could show a change of {smallest_share}, and that is enough."),
            values,
        )
    return Check(
        "detectable",
        False,
        N_(
            "The data show only a change of at least {smallest_share}; {important_share} would matter. "
            "An effect that is found may look too large."
        ),
        values,
    )


def negative_control(p_value: float | None) -> Check:
    """Whether an outcome that the intervention cannot change stayed the same."""
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


def of_rollout(
    effect: RolloutEffect,
    placebo: RolloutEffect | None,
    left_out: np.ndarray,
    with_all: RolloutEffect | None,
    panel: AreaPanel,
) -> list[Check]:
    """Checks of a comparison of areas; `with_all` is the effect with the dominant area, when there is one."""
    return [
        _areas(effect),
        _smallest_p(effect),
        _pre_trend(placebo),
        _leave_one_out(effect, left_out),
        *([] if with_all is None else [_dominant(effect, with_all, panel)]),
    ]


def _areas(effect: RolloutEffect) -> Check:
    values = {"areas_treated": int(effect.treated.sum()), "areas_comparison": int(effect.comparison.sum())}
    return Check(
        "areas",
        True,
        N_(
            "Areas with the intervention: {areas_treated}; areas they are compared with: "
            "{areas_comparison}. Areas count "
            "by how precisely their change is known."
        ),
        values,
    )


def _smallest_p(effect: RolloutEffect) -> Check:
    values = {"smallest_p": effect.effect.smallest_p, "assignments": effect.effect.n_assignments}
    if effect.effect.smallest_p <= LEVEL:
        return Check(
            "smallest_p",
            True,
            N_(
                "The effect was compared with other possible orders of starting: {assignments}. That is "
                "enough to reach 5 %."
            ),
            values,
        )
    return Check(
        "smallest_p",
        False,
        N_("With so few areas the smallest possible p-value is {smallest_p}: 5 % cannot be reached."),
        values,
        critical=True,
    )


def _pre_trend(placebo: RolloutEffect | None) -> Check:
    if placebo is None:
        return Check(
            "pre_trend",
            None,
            N_("There are too few months before the start to check the earlier development."),
        )
    if placebo.effect.p_value > LEVEL:
        return Check("pre_trend", True, N_("In the year before the start the areas developed alike."))
    return Check(
        "pre_trend",
        False,
        N_("The areas developed differently already in the year before the start."),
        critical=True,
    )


def _leave_one_out(effect: RolloutEffect, left_out: np.ndarray) -> Check:
    known = left_out[np.isfinite(left_out)]
    if not len(known) or not np.isfinite(effect.effect.lo95):
        return Check("leave_one_out", None, N_("The result cannot be checked without each area in turn."))
    inside = bool(((known >= effect.effect.lo95) & (known <= effect.effect.hi95)).all())
    values = {
        "lowest_change_share": float(np.expm1(known.min())),
        "highest_change_share": float(np.expm1(known.max())),
    }
    if inside:
        return Check(
            "leave_one_out",
            True,
            N_(
                "No single area decides the result: without each in turn it is between "
                "{lowest_change_share} and "
                "{highest_change_share}."
            ),
            values,
        )
    return Check(
        "leave_one_out",
        False,
        N_(
            "One area decides the result: without each in turn it is between {lowest_change_share} and "
            "{highest_change_share}."
        ),
        values,
    )


def _dominant(effect: RolloutEffect, with_all: RolloutEffect, panel: AreaPanel) -> Check:
    values = {
        "area_share": float(panel.size.max() / panel.size.sum()),
        "change_share": float(np.expm1(with_all.effect.estimate)),
    }
    agrees = bool(effect.effect.lo95 <= with_all.effect.estimate <= effect.effect.hi95)
    return Check(
        "largest_area",
        agrees,
        N_(
            "One area has {area_share} of the residents and no equal to compare it with: it is "
            "only a comparison until its "
            "own start. Counted as the others the effect would be {change_share}."
        ),
        values,
    )


def of_series(effect: StepEffect) -> list[Check]:
    """Checks of a single series."""
    return [
        Check(
            "comparison",
            False,
            N_("There is no comparison: anything else that changed at the same time counts as effect."),
        ),
        Check(
            "autocorrelation",
            True,
            N_("Months resemble each other (autocorrelation {autocorrelation}); the interval takes it into account."),
            {"autocorrelation": effect.autocorrelation},
        ),
    ]
