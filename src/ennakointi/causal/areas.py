"""What the effect of a roll-out is estimated from: counts and person-time of one outcome by area × month."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.05  # two-sided error of every interval, band and check
NEVER = 2**31 - 1  # the start of an area that never starts
NOT_YET, NEVER_TREATED = "not_yet", "never"  # comparison areas: start later or never, or never
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
    comparison : who is compared with: `not_yet` (areas that start later or never) or `never`.
    """

    areas: tuple[str, ...]
    months: Ints
    counts: Floats
    person_years: Floats
    persons: Floats
    starts: Ints
    comparison: str = NOT_YET

    def without(self, area: int) -> AreaPanel:
        """The panel without one area, by its position."""
        keep = np.arange(len(self.areas)) != area
        return replace(
            self,
            areas=tuple(code for code, kept in zip(self.areas, keep) if kept),
            counts=self.counts[keep],
            person_years=self.person_years[keep],
            persons=self.persons[keep],
            starts=self.starts[keep],
        )

    def until(self, month: int) -> AreaPanel:
        """The panel without the months after one."""
        keep = self.months <= month
        cells = {name: getattr(self, name)[:, keep] for name in ("counts", "person_years", "persons")}
        return replace(self, months=self.months[keep], **cells)

    @property
    def size(self) -> Floats:
        """(A,) person-years of each area over all months."""
        total: Floats = self.person_years.sum(axis=1)
        return total
