"""What an effect is estimated from: counts by area × month for a roll-out, arrays of persons for an enrolment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

NEVER = 2**31 - 1  # the start of an area that never starts
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class AreaPanel:
    """Counts of one outcome and person-time by area × month, with the month each area started.

    Attributes
    ----------
    areas : (A,) codes of the areas.
    months : (T,) consecutive month indices.
    counts : (A, T) events in the month; NaN where the register does not hold the cell.
    person_years : (A, T) person-years at risk.
    persons : (A, T) distinct persons with an event in the month.
    starts : (A,) month index of the first month under the intervention, `NEVER` for none.
    """

    areas: tuple[str, ...]
    months: Ints
    counts: Floats
    person_years: Floats
    persons: Floats
    starts: Ints

    def without(self, area: int) -> AreaPanel:
        """The panel without one area, by its position."""
        keep = np.arange(len(self.areas)) != area
        return AreaPanel(
            tuple(a for a, k in zip(self.areas, keep) if k),
            self.months,
            self.counts[keep],
            self.person_years[keep],
            self.persons[keep],
            self.starts[keep],
        )


@dataclass(frozen=True, eq=False)
class Cohort:
    """Enrolled persons and comparison persons eligible in the same index months and not enrolled then.

    One row is a person at an index month; a comparison person may stand at several.

    Attributes
    ----------
    person : (n,) number of the person, the cluster of the standard errors.
    enrolled : (n,) whether the person was enrolled in the index month.
    index_month : (n,) month index; follow-up starts in the next month.
    events, person_years : (n,) outcome and time at risk in the follow-up, cut at as-of, death and removal.
    before_events, before_person_years : (n,) the same in the 12 months before the index month.
    control_events : (n,) negative-control outcome in the follow-up, or None.
    history : (n, h) fine history of use before the index month, `history_names` names the columns.
    traits : (n, k) age, sex, municipality and statuses at the index month, named by `trait_names`.
    quarter : (Q,) quarters since the index month; −1 is the last before, 0 the first after.
    quarter_events, quarter_person_years : (n, Q).
    population : year-to-year correlation and mean of the outcome in the pool before any selection, when known.
    """

    person: Ints
    enrolled: Bools
    index_month: Ints
    events: Floats
    person_years: Floats
    before_events: Floats
    before_person_years: Floats
    control_events: Floats | None
    history: Floats
    history_names: tuple[str, ...]
    traits: Floats
    trait_names: tuple[str, ...]
    quarter: Ints
    quarter_events: Floats
    quarter_person_years: Floats
    population: Mapping[str, float] = field(default_factory=dict)

    @property
    def covariates(self) -> Floats:
        """(n, h + k) history and traits side by side."""
        return np.hstack([self.history, self.traits])

    @property
    def covariate_names(self) -> tuple[str, ...]:
        return self.history_names + self.trait_names
