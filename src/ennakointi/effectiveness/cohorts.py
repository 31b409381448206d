"""Enrolled persons and their comparison persons as arrays: what an enrolment's effect is estimated from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

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
