"""What a reader may combine: cells, what is known of each, and the relations between them.

A *cell* is one number of a release, or one that nobody prints but that follows from printed ones (the persons outside
a group, what came late since the last release). A *unit* is what is hidden together, usually a row of a table. Around
every shown cell the reader knows an interval, the values that would have been rounded to what is printed; around a
hidden one the interval that common sense and earlier releases leave. Relations are sums, differences and "no more
than". `attacker` bounds each cell within them; `protection` chooses the units to hide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER_SHOWN = -1


@dataclass(frozen=True, eq=False)
class System:
    """Cells, units and relations of some tables.

    Attributes
    ----------
    values : (n,) true values.
    shown_low, shown_high : (n,) what is known of a cell whose unit is shown (the class it was rounded from).
    hidden_low, hidden_high : (n,) what is known of it anyway; finite, and never inside the interval of the shown one.
    unit : (n,) unit of each cell, 0 … u − 1, or `NEVER_SHOWN`.
    matrix : (m, n) coefficients of the relations; low, high : (m,) with `low ≤ matrix @ x ≤ high`, true for `values`.
    wanted_low, wanted_high : (n,) a reader must not be able to exclude these values; NaN: no demand. For a hidden or
        small count of persons 1 and threshold − 1. The demand holds whether the cell is hidden or shown.
    wanted_width : (n,) the interval of the cell must be at least this wide when its unit is hidden; 0: no demand.
    must : (u,) units that are hidden from the start. may : (u,) units that may be hidden.
    cost : (u,) what is lost with a unit, above 0.
    """

    values: Floats
    shown_low: Floats
    shown_high: Floats
    hidden_low: Floats
    hidden_high: Floats
    unit: Ints
    matrix: csr_array
    low: Floats
    high: Floats
    wanted_low: Floats
    wanted_high: Floats
    wanted_width: Floats
    must: Flags
    may: Flags
    cost: Floats

    def known(self, hidden: Flags) -> tuple[Floats, Floats]:
        """(n,) lower and upper ends of what is known of each cell by itself when the units `hidden` (u,) are hidden."""
        flags = np.append(hidden, True)[self.unit]  # NEVER_SHOWN = −1 reads the last place
        return np.where(flags, self.hidden_low, self.shown_low), np.where(flags, self.hidden_high, self.shown_high)
