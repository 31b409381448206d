"""What was checked of an effect, as plain sentences: catalogue keys with slots, filled in the reader's
language."""

from __future__ import annotations

from datetime import date

import numpy as np

from ennakointi.causal.areas import LEVEL, AreaPanel
from ennakointi.causal.rollout import RolloutEffect
from ennakointi.causal.segmented import StepEffect
from ennakointi.parameters.effect_documents import Intervention
from ennakointi.periods import month_of, month_text
from ennakointi.results import Check
from ennakointi.text import N_


def decision(intervention: Intervention, as_of: date, alpha: float) -> Check:
    """Whether this look was agreed in advance, and how strict it is; `alpha` is 0 where it may decide
    nothing."""
    months = intervention.decision_months
    passed = [month for month in months if month <= month_of(as_of)]
    if not passed or not alpha:
        return Check(
            "decision_date",
            False,
            N_("The verdict was agreed for {decision_month}: looking earlier misleads, so there is none yet."),
            {"decision_month": month_text(months[-1] if passed else months[0])},
        )
    if month_of(as_of) > months[-1]:
        return Check(
            "decision_date",
            True,
            N_("The verdict was agreed for {decision_month} and rests on the data until then, not on later ones."),
            {"decision_month": month_text(months[-1])},
        )
    values = {"decision_month": month_text(passed[-1]), "looks": len(passed), "looks_agreed": len(months)}
    if len(months) == 1:
        return Check("decision_date", True, N_("The month agreed for the verdict has come: {decision_month}."), values)
    values |= {"level_share": alpha}
    return Check(
        "decision_date",
        True,
        N_(
            "Looks agreed in advance: {looks_agreed}; this is number {looks} ({decision_month}). Looking several times "
            "finds more by chance, so this one is judged at a level of {level_share}."
        ),
        values,
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


def alternative(change: float, bounds: tuple[float, float]) -> Check:
    """Whether the effect is the same when every area counts alike; `bounds` are of record, all on the log scale."""
    if not np.isfinite([change, *bounds]).all():
        return Check("alternative_estimator", None, N_("The effect cannot be estimated in another way."))
    inside = bounds[0] <= change <= bounds[1]
    return Check(
        "alternative_estimator",
        bool(inside),
        N_("Counted with equal weights of the areas the effect would be {change_share}, within the interval.")
        if inside
        else N_("Counted with equal weights of the areas the effect would be {change_share}, outside the interval."),
        {"change_share": float(np.expm1(change))},
    )


def washout(change: float | None, bounds: tuple[float, float]) -> Check:
    """Whether the effect stays when the first months after the start are left out."""
    if change is None or not np.isfinite([change, *bounds]).all():
        return Check("washout", None, N_("There are too few months to leave the first ones after the start out."))
    inside = bounds[0] <= change <= bounds[1]
    return Check(
        "washout",
        bool(inside),
        N_("Without the first three months after the start the change is {change_share}, within the interval.")
        if inside
        else N_("Without the first three months after the start the change is {change_share}, outside the interval."),
        {"change_share": float(np.expm1(change))},
    )


def placebo_date(p_value: float | None) -> Check:
    """Whether a start a year too early shows an effect where none can be."""
    if p_value is None:
        return Check("placebo_date", None, N_("There are too few months before the start to try an earlier one."))
    if p_value > LEVEL:
        return Check("placebo_date", True, N_("A start a year earlier shows no effect, as it should."))
    return Check(
        "placebo_date",
        False,
        N_("A start a year earlier shows an effect too: the series changes for other reasons."),
        critical=True,
    )


def drifting_level(change: float | None, bounds: tuple[float, float]) -> Check:
    """Whether a model with a drifting level agrees; `change` and `bounds` are on the log scale."""
    if change is None or not np.isfinite([change, *bounds]).all():
        return Check("alternative_estimator", None, N_("The effect cannot be estimated in another way."))
    inside = bounds[0] <= change <= bounds[1]
    return Check(
        "alternative_estimator",
        bool(inside),
        N_("A model whose level may drift gives {change_share}, within the interval.")
        if inside
        else N_("A model whose level may drift gives {change_share}, outside the interval."),
        {"change_share": float(np.expm1(change))},
    )


def parting_trends(breakdown: float | None) -> Check:
    """How far the developments could part after the start before the effect could be none."""
    name = "parting_trends"
    if breakdown is None:
        return Check(name, None, N_("There are too few years to say how far the developments could part."))
    if not np.isfinite(breakdown) and breakdown != np.inf:
        return Check(name, None, N_("There is no average effect over the years that parting developments could undo."))
    if breakdown >= 1:
        return Check(
            name,
            True,
            N_("Even if the areas parted after the start as much in a year as ever before it, the effect would stay."),
        )
    return Check(
        name,
        False,
        N_(
            "If the areas parted after the start by more than {factor} times as much in a year as before it, the "
            "effect could be none."
        ),
        {"factor": float(breakdown)},
    )


def spill_over(excluded: int) -> Check:
    """Whether areas that the intervention may reach were left out of the comparison."""
    if excluded:
        return Check(
            "spill_over",
            True,
            N_("Areas that the intervention may reach without adopting it were left out: {areas_excluded}."),
            {"areas_excluded": excluded},
        )
    return Check(
        "spill_over",
        None,
        N_("It was not registered whom else the intervention may reach; if it does, the effect looks too small."),
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
