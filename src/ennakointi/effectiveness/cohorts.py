"""Enrolled persons and their comparison persons as arrays: what an enrolment's effect is estimated from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ennakointi.causal.areas import Bools, Floats, Ints

SELECTION_MONTHS = 12  # the year before the index month


@dataclass(frozen=True, eq=False)
class Cohort:
    """Enrolled persons, and persons eligible in the same index months who were not enrolled then.

    One row is a person at an index month; a comparison person may stand at several.

    Attributes
    ----------
    person : (n,) number of the person, the cluster of the standard errors.
    enrolled : (n,) whether the person was enrolled in the index month.
    index_month : (n,) month index; the follow-up starts in the next month.
    events, person_years : (n,) outcome and time at risk in the follow-up, cut at as-of, death and removal.
    before_events, before_person_years : (n,) the same in the 12 months before the index month.
    cell : (n,) cell of index month, age and use in the year before; every cell has both kinds of persons.
    covariates : (n, p) fine history of use before the index month, and age, sex, municipality and statuses
        in it; columns are named by `names`.
    quarter : (Q,) quarters since the index month; −1 is the last before, 0 the first after.
    quarter_events, quarter_person_years : (n, Q).
    later_enrolled : share of the comparison persons' follow-up after an enrolment of their own.
    asked : enrolled persons that the register knows; those without a comparison person are not in the rows.
    exposed : (n,) comparison persons whom the intervention may have reached (spill-over); none by default.
    washout_months : months after the index month that the follow-up leaves out.
    population : `correlation` of two years' outcome and `mean` per year in the pool before any selection.
    """

    person: Ints
    enrolled: Bools
    index_month: Ints
    events: Floats
    person_years: Floats
    before_events: Floats
    before_person_years: Floats
    cell: Ints
    covariates: Floats
    names: tuple[str, ...]
    quarter: Ints
    quarter_events: Floats
    quarter_person_years: Floats
    later_enrolled: float
    asked: int
    population: Mapping[str, float] = field(default_factory=dict)
    exposed: Bools | None = None
    washout_months: int = 0

    @property
    def reached(self) -> Bools:
        """(n,) `exposed`, False for everybody when nobody was named."""
        return np.zeros(len(self.person), bool) if self.exposed is None else self.exposed

    def kept(self, rows: Ints) -> Cohort:
        """Some of the rows."""
        names = "person enrolled index_month events person_years before_events before_person_years cell covariates"
        by_row = [*names.split(), "quarter_events", "quarter_person_years"]
        return replace(self, exposed=self.reached[rows], **{name: getattr(self, name)[rows] for name in by_row})

    def after_first_quarter(self) -> Cohort | None:
        """The follow-up without the first quarter after the index month; None when nothing is left, or a washout
        leaves it out already."""
        first = self.quarter == 0
        left = self.person_years - self.quarter_person_years[:, first].sum(axis=1)
        rows = np.flatnonzero(left > 1e-9)
        if self.washout_months or not first.any() or min(self.enrolled[rows].sum(), (~self.enrolled[rows]).sum()) < 2:
            return None
        events = self.events - self.quarter_events[:, first].sum(axis=1)
        return replace(self, events=np.maximum(events, 0), person_years=left).kept(rows)
