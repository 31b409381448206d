"""Which designs the data allow, which of them the verdict rests on, and why not the others.

Decided from the registration and the shape of the data alone, before any effect is estimated:

1. enrolled persons: comparison persons of the same index month and history;
2. areas that start at different times or not at all: group-time differences judged by permuting the adoption;
3. one area (the county) beside other counties: synthetic control;
4. one series and nothing to compare with: interrupted time series, which is weak evidence.

A plain before/after is never feasible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import rollout
from ennakointi.causal.areas import NEVER, NOT_YET, AreaPanel
from ennakointi.causal.segmented import FEWEST_AFTER
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.text import N_, message_json

RECORD, BESIDE, NOT_FEASIBLE = "record", "beside", "not_feasible"
FEWEST_DONORS = 3  # areas that a synthetic comparison is mixed from


@dataclass(frozen=True)
class Choice:
    """A design, its role (`record`, `beside` or `not_feasible`), and why: a catalogue key with its slots."""

    design: str
    role: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AreaShape:
    """What of a roll-out decides the design.

    Attributes
    ----------
    treated, comparison : areas that started inside the data, and areas that start later or never.
    starts : different months of starting among the treated.
    before, after : months before the first start, and from the last start on.
    compared : whether the registration allows a comparison of areas.
    largest_alone : whether the area with most of the person-time is the only one that started.
    """

    treated: int
    comparison: int
    starts: int
    before: int
    after: int
    compared: bool
    largest_alone: bool = False


def shape(panel: AreaPanel, compared: bool) -> AreaShape:
    """The shape of a roll-out. With staggered starts those who start later are comparisons too, unless only those who
    never start may be."""
    last = int(panel.months[-1])
    started = panel.starts <= last
    starts = np.unique(panel.starts[started])
    earliest = int(starts[0]) if len(starts) and panel.comparison == NOT_YET else NEVER - 1
    later = int((panel.starts > earliest).sum())
    first, newest = (int(starts[0]), int(starts[-1])) if len(starts) else (last + 1, last + 1)
    before = max(first - int(panel.months[0]), 0)
    largest_alone = np.flatnonzero(started).tolist() == [rollout.dominant_area(panel)] and len(started) > 1
    return AreaShape(int(started.sum()), later, len(starts), before, last - newest + 1, compared, largest_alone)


def of_areas(found: AreaShape, minimum_before: int) -> tuple[Choice, ...]:
    """Designs of a roll-out, that of record first."""
    long_enough = found.before >= minimum_before
    short = Choice("did", NOT_FEASIBLE, _SHORT, {"months": found.before, "months_needed": minimum_before})
    refused: list[Choice] = [_BEFORE_AFTER, _NO_PERSONS]
    if not found.treated:
        return (Choice("did", NOT_FEASIBLE, _NOT_STARTED), *refused)
    series = _series(found, long_enough)
    if not (found.compared and found.comparison):
        alone = Choice("did", NOT_FEASIBLE, _NO_COMPARISON)
        return (
            *series,
            alone if long_enough else short,
            Choice("synthetic_did", NOT_FEASIBLE, _NO_COMPARISON),
            *refused,
        )
    if found.largest_alone:
        return (Choice("did", NOT_FEASIBLE, _LARGEST_ALONE), *refused)
    if not long_enough:
        return (short, *series, *refused)
    counts = {"areas_treated": found.treated, "areas_comparison": found.comparison}
    record = Choice("did", RECORD, _STAGGERED if found.starts > 1 else _ONE_START, counts)
    beside = [Choice(one.design, BESIDE if one.role == RECORD else one.role, one.reason) for one in series]
    return (record, *_synthetic(found), *beside, *refused)


def _series(found: AreaShape, long_enough: bool) -> tuple[Choice, ...]:
    """A single series: of record where nothing can be compared; several starts make no single series."""
    if found.starts > 1:
        return tuple(Choice(design, NOT_FEASIBLE, _SEVERAL_STARTS) for design in ("its", "bsts"))
    if not long_enough or found.after < FEWEST_AFTER:
        values = {"months": found.before, "months_after": found.after}
        return tuple(Choice(design, NOT_FEASIBLE, _SERIES_SHORT, values) for design in ("its", "bsts"))
    return (
        Choice("its", RECORD, _SERIES),
        Choice("bsts", BESIDE, _STRUCTURAL),
        Choice("rdit", BESIDE, _DISCONTINUITY),
    )


def _synthetic(found: AreaShape) -> tuple[Choice, ...]:
    """Weighted mixes of the comparison areas, for one common start."""
    designs = ("synthetic_did", "synthetic_control")
    if found.starts > 1:
        return tuple(Choice(design, NOT_FEASIBLE, _SEVERAL_STARTS) for design in designs)
    if found.comparison < FEWEST_DONORS:
        values = {"areas_comparison": found.comparison}
        return tuple(Choice(design, NOT_FEASIBLE, _FEW_DONORS, values) for design in designs)
    return tuple(Choice(design, BESIDE, _SYNTHETIC) for design in designs)


def of_persons(cohort: Cohort | None, compared: bool, minimum_persons: int) -> tuple[Choice, ...]:
    """Designs of an enrolment, that of record first."""
    areas = Choice("did", NOT_FEASIBLE, _PERSONS_CHOSEN)
    if cohort is None or not compared:
        return (Choice("cohort", NOT_FEASIBLE, _NO_LIKE_PERSONS), _BEFORE_AFTER, areas)
    enrolled, others = int(cohort.enrolled.sum()), int((~cohort.enrolled & ~cohort.reached).sum())
    values = {"persons_needed": minimum_persons}
    if min(enrolled, others) < minimum_persons:
        return (Choice("cohort", NOT_FEASIBLE, _FEW_PERSONS, values), _BEFORE_AFTER, areas)
    return (
        Choice("cohort", RECORD, _COHORT),
        Choice("balancing", BESIDE, _BALANCING),
        Choice("regression", BESIDE, _REGRESSION),
        _BEFORE_AFTER,
        areas,
    )


def table(intervention: str, outcome: str, group: str, choices: Sequence[Choice]) -> pd.DataFrame:
    """Rows of `effect_designs`."""
    keys = {"intervention": intervention, "outcome": outcome, "target_group": group}
    rows = [
        {**keys, "design": one.design, "role": one.role, "reason": message_json(one.reason, one.values)}
        for one in choices
    ]
    return pd.DataFrame(rows, columns=["intervention", "outcome", "design", "target_group", "role", "reason"])


_STAGGERED = N_(
    "Areas start at different times ({areas_treated} so far): each is compared with those that have not started yet. "
    "What chance alone would show comes from drawing the starts again."
)
_ONE_START = N_(
    "Areas with the intervention ({areas_treated}) are compared with areas without it ({areas_comparison}). What "
    "chance alone would show comes from drawing again which areas start."
)
_SHORT = N_("There are {months} months before the first start; {months_needed} are needed to know the earlier level.")
_NOT_STARTED = N_("The intervention has not started in the time of the data.")
_NO_COMPARISON = N_("There is no area without the intervention to compare with.")
_LARGEST_ALONE = N_(
    "Only the largest area has started, and it has no equal to be compared with: areas from elsewhere would be needed."
)
_SEVERAL_STARTS = N_("The areas start at different times, so there is no single before and after.")
_SERIES_SHORT = N_("There are {months} months before and {months_after} after the start: too few for a single series.")
_SERIES = N_("One series before and after the start: anything else that changed at the same time counts as effect.")
_STRUCTURAL = N_("The same series with a level that may drift: shows how much the answer hangs on the model.")
_DISCONTINUITY = N_("The months around the start alone: a jump at the start, weak evidence on its own.")
_FEW_DONORS = N_("There are {areas_comparison} areas to mix a comparison from; a synthetic comparison needs more.")
_SYNTHETIC = N_("A weighted mix of areas that developed like those with the intervention: another way to compare.")
_PERSONS_CHOSEN = N_("Persons were chosen one by one, so whole areas cannot be compared.")
_NO_LIKE_PERSONS = N_("There are no persons to compare the participants with.")
_FEW_PERSONS = N_("There are fewer than {persons_needed} participants or comparison persons.")
_COHORT = N_(
    "Participants are compared with persons of the same month, age and history of use, who did not take part then."
)
_BALANCING = N_("The same persons, weighted to be alike, without a model of the outcome.")
_REGRESSION = N_("The same persons with a model of the outcome alone, without weights.")
_BEFORE_AFTER = Choice(
    "before_after",
    NOT_FEASIBLE,
    N_("A plain before and after is never evidence: use changes without any intervention too."),
)
_NO_PERSONS = Choice(
    "cohort", NOT_FEASIBLE, N_("The intervention is given to areas, not to persons chosen one by one.")
)
