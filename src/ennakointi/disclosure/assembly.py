"""Gathers the cells and relations of several tables into one system for the attacker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from ennakointi.disclosure.presets import Preset, shown_interval
from ennakointi.disclosure.systems import NEVER_SHOWN, Floats, Ints, System
from ennakointi.result_tables import COUNT, ESTIMATE, PERSONS

TOLERANCE = 1e-6  # of the numbers added: what differs more is no identity, and a reader cannot use it as one
_WHOLE_COST, _AGAIN_COST = 5.0, 0.5  # a sum is missed more than a part; what was hidden before is missed less


@dataclass
class Assembly:
    """Cells and relations, added table by table; places of cells are numbered as they come, −1 = there is none."""

    preset: Preset
    n_units: int = 0
    cells: dict[str, list[npt.NDArray[np.float64]]] = field(default_factory=dict)
    relations: list[tuple[npt.NDArray[Any], ...]] = field(default_factory=list)
    n_cells: int = 0
    n_relations: int = 0
    must: list[Ints] = field(default_factory=list)
    cheap: list[Ints] = field(default_factory=list)
    dear: list[Ints] = field(default_factory=list)
    fixed: list[Ints] = field(default_factory=list)

    @property
    def protected(self) -> float:
        """The largest small count: a reader must not be able to exclude 1 … this."""
        return float((self.preset.threshold if self.preset.threshold > 1 else self.preset.base) - 1)

    @property
    def width(self) -> float:
        """How wide what is known of a hidden count must be at least."""
        return float(max(self.preset.threshold, 1))

    def add_units(self, n: int) -> Ints:
        """Numbers of n new units."""
        self.n_units += n
        return np.arange(self.n_units - n, self.n_units, dtype=np.int64)

    def add(
        self, values: Floats, unit: Ints | int, kind: str, largest: float, *, derived: bool = False, free: bool = False
    ) -> Ints:
        """Put cells of one kind in and return the place of each, −1 for a missing value.

        Parameters
        ----------
        values : (n,). unit : (n,), or one for all. largest : what a count of these cannot exceed, known to everybody.
        derived : computed from other published numbers, so that it tells nothing of its own. free : without demands.
        """
        places = np.full(len(values), -1, dtype=np.int64)
        there = np.isfinite(values)
        found = values[there]
        places[there] = self.n_cells + np.arange(len(found))
        self.n_cells += len(found)
        demanded = kind in (PERSONS, COUNT) and not free
        whole_numbers = kind if (found == np.round(found)).all() else ESTIMATE
        low, high = shown_interval(found, whole_numbers, self.preset)
        bottom = np.full(len(found), -largest if (found < 0).any() else 0.0)
        top = np.full(len(found), largest)
        small = (found > 0) & (found <= self.protected) & demanded
        parts = {
            "values": found,
            "shown_low": bottom if derived else np.clip(low, bottom, found),
            "shown_high": top if derived else np.clip(high, found, top),
            "hidden_low": bottom,
            "hidden_high": top,
            "unit": np.broadcast_to(np.asarray(unit, dtype=np.float64), values.shape)[there],
            "wanted_low": np.where(small, 1.0, np.nan),
            "wanted_high": np.where(small, self.protected, np.nan),
            "wanted_width": np.where((found == 0) | small, 0.0, self.width if demanded else 0.0),  # nobody: no secret
        }
        for name, part in parts.items():
            self.cells.setdefault(name, []).append(part)
        return places

    def relate(self, block: Ints, place: Ints, weight: Floats, *, at_least: bool = False) -> None:
        """Relations: the weighted sum over the cells of a block is 0, or at least 0.

        Blocks with a missing cell are left out, and those whose numbers do not obey.
        """
        if not len(block):
            return
        number = np.unique(block, return_inverse=True)[1]
        values = np.append(self._values(), np.nan)[place]
        total = np.bincount(number, weight * values)
        size = np.bincount(number, np.abs(weight * values))
        holds = np.isfinite(total)
        holds &= (total >= -TOLERANCE * size) if at_least else (np.abs(total) <= TOLERANCE * np.maximum(size, 1.0))
        kept = holds[number]
        rows = np.cumsum(holds)[number[kept]] - 1
        low = np.minimum(total, 0.0)[holds] if at_least else total[holds]
        high = np.full(int(holds.sum()), np.inf) if at_least else total[holds]
        self.relations.append((rows + self.n_relations, place[kept], weight[kept], low, high))
        self.n_relations += int(holds.sum())

    def narrow(self, place: Ints, low: Floats, high: Floats) -> None:
        """An earlier release told cells: shown or hidden, they lie within these ends."""
        self._stack()
        for kind in ("shown", "hidden"):
            for end, known, nearer in (("low", low, np.maximum), ("high", high, np.minimum)):
                column = self.cells[f"{kind}_{end}"][0]
                column[place] = nearer(column[place], known)

    def widen(self, place: Ints, width: Floats) -> None:
        """Demand that what is known of cells is at least this wide when they are hidden."""
        self._stack()
        self.cells["wanted_width"][0][place] = width

    def system(self) -> System:
        """Everything that was added, as one system."""
        self._stack()
        must, cost = np.zeros(self.n_units, dtype=bool), np.ones(self.n_units)
        for units, value in ((self.dear, _WHOLE_COST), (self.cheap, _AGAIN_COST)):
            for some in units:
                cost[some] *= value
        for some in self.must:
            must[some] = True
        rows, cells, weights, low, high = (
            np.concatenate([np.zeros(0), *(one[part] for one in self.relations)]) for part in range(5)
        )
        shape = (self.n_relations, self.n_cells)
        matrix = csr_array((weights, (rows.astype(np.int64), cells.astype(np.int64))), shape=shape)
        joined = {name: parts[0] for name, parts in self.cells.items()}
        joined["unit"] = joined["unit"].astype(np.int64)
        may = np.ones(self.n_units, dtype=bool)
        for some in self.fixed:
            may[some] = False
        return System(**joined, matrix=matrix, low=low, high=high, must=must, may=may, cost=cost)  # type: ignore[arg-type]

    def never_shown(self, values: Floats, kind: str, largest: float) -> Ints:
        """Cells that nobody prints."""
        return self.add(values, NEVER_SHOWN, kind, largest)

    def _stack(self) -> None:
        for name, parts in self.cells.items():
            if len(parts) > 1:
                self.cells[name] = [np.concatenate(parts)]

    def _values(self) -> Floats:
        self._stack()
        return self.cells["values"][0]
