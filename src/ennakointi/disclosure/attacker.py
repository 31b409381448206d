"""The reader as attacker: what can be proved of a hidden number from all that is shown.

The tightest interval of a cell over all numbers that agree with a release (the rounding classes of what is shown,
common sense on what is not, and the relations) is a pair of linear programs (Willenborg & de Waal 2001, Elements of
Statistical Disclosure Control, ch. 6; Fischetti & Salazar 2001, doi:10.1287/mnsc.47.7.1008.9805). A demand is met once
two such sets of numbers are found that lie far enough apart: the set is convex, so every value between them is
possible too. A demand that is met is therefore *proved* by explicit numbers, whatever the solver's roundings.

Cells are real numbers here, counts too. In systems whose matrix is totally unimodular with whole numbers on the right
(two-way tables, hierarchies, cumulated series) every whole number between the ends is reached by whole numbers in all
cells. Otherwise an attacker who insists on whole numbers can be stronger; `benchmarks/disclosure.py` counts how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from ennakointi.disclosure.deviations import TOLERANCE, Program, limits
from ennakointi.disclosure.system_parts import Surroundings, components, restrict
from ennakointi.disclosure.systems import Flags, Floats, Ints, System

LOW, HIGH, WIDTH = -1, 1, 0
NEIGHBOURHOODS = (1000, 5000)  # cells that are searched around a demand before its whole component is
AT_ONCE = 20_000  # cells of a component that is tried as a whole first: thousands of demands are met by a few pushes


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a reader can prove: low (k,) ≤ cells (k,) ≤ high (k,)."""

    low: Floats
    high: Floats
    cells: Ints


@dataclass(frozen=True, eq=False)
class Demands:
    """cell (k,); kind (k,) `LOW`, `HIGH` or `WIDTH`; move (k,) how far from the truth it must go, or how wide it is."""

    cell: Ints
    kind: Ints
    move: Floats

    def __len__(self) -> int:
        return len(self.cell)

    def items(self) -> list[tuple[int, int, float]]:
        """(cell, kind, move) of each."""
        return list(zip(self.cell.tolist(), self.kind.tolist(), self.move.tolist()))

    def take(self, index: Ints | Flags) -> Demands:
        return Demands(self.cell[index], self.kind[index], self.move[index])


def demands(system: System, hidden: Flags) -> Demands:
    """What must stay possible when the units `hidden` (u,) are hidden, but for what the truth itself meets."""
    moves = (
        (LOW, system.values - system.wanted_low),
        (HIGH, system.wanted_high - system.values),
        (WIDTH, np.where(np.append(hidden, True)[system.unit], system.wanted_width, 0.0)),
    )
    found = [(np.flatnonzero(move > tolerance(system)), kind, move) for kind, move in moves]
    return Demands(
        np.concatenate([cells for cells, _, _ in found]),
        np.concatenate([np.full(len(cells), kind) for cells, kind, _ in found]),
        np.concatenate([move[cells] for cells, _, move in found]),
    )


def tolerance(system: System) -> Floats:
    """(n,) what counts as the same number: a millionth, of the number itself when it is large."""
    return TOLERANCE * np.maximum(1.0, np.abs(system.values))


def bounds(system: System, hidden: Flags, cells: Ints | None = None) -> Bounds:
    """The tightest interval that a reader can prove of each cell.

    Parameters
    ----------
    system : System
    hidden : (u,) units that are hidden.
    cells : (k,) cells; by default all with a demand.

    Returns
    -------
    Bounds
        In the order of `cells`. A reader who knows that a cell is a whole number rounds them inwards: no whole
        number wanted between the ends is lost by that.

    Notes
    -----
    Witness: tests/properties/test_attack_suite.py (plain `linprog`, and all whole-numbered tables one by one).
    """
    if cells is None:
        cells = np.unique(demands(system, hidden).cell)
    known_low, known_high = system.known(hidden)
    low, high = known_low.copy(), known_high.copy()
    asked = np.zeros(len(low), dtype=bool)
    asked[cells] = True
    columns = csc_array(system.matrix)
    for part in components(system, known_high > known_low, by_unit=False):
        if asked[part].any():
            region = Region(system, columns, part, known_low, known_high)
            for place in np.flatnonzero(asked[part]):
                fall, rise = region.reach(int(place), LOW), region.reach(int(place), HIGH)
                low[part[place]], high[part[place]] = region.values[place] - fall, region.values[place] + rise
    return Bounds(low[cells], high[cells], np.asarray(cells))


def satisfied(system: System, hidden: Flags) -> Ints:
    """Cells with a demand that is not met when the units `hidden` (u,) are hidden, sorted."""
    return np.unique(unmet(system, hidden).cell)


def unmet(system: System, hidden: Flags) -> Demands:
    """The demands that are not met when the units `hidden` (u,) are hidden."""
    wanted = demands(system, hidden)
    low, high = system.known(hidden)
    columns = csc_array(system.matrix)
    met = np.zeros(len(wanted), dtype=bool)
    linked = np.zeros(len(low), dtype=bool)
    by_cell = np.argsort(wanted.cell, kind="stable")
    sorted_cells = wanted.cell[by_cell]
    for part in _batches(components(system, high > low, by_unit=False)):
        linked[part] = True
        first, last = np.searchsorted(sorted_cells, part), np.searchsorted(sorted_cells, part, side="right")
        items = np.sort(by_cell[np.concatenate([np.arange(a, b) for a, b in zip(first, last)])]) if len(part) else first
        if len(items):
            met[items] = Search(system, columns, part, low, high).met(wanted.take(items))
    alone = ~linked[wanted.cell]
    met[alone] = False  # one value only
    return wanted.take(~met)


def _batches(parts: list[Ints]) -> Iterator[Ints]:
    """Small components together, as many as one neighbourhood holds: one program for hundreds of them."""
    batch: list[Ints] = []
    size = 0
    for part in parts:
        if batch and size + len(part) > NEIGHBOURHOODS[0]:
            yield np.sort(np.concatenate(batch))
            batch, size = [], 0
        batch.append(part)
        size += len(part)
    if batch:
        yield np.sort(np.concatenate(batch))


class Region:
    """Some cells that may move while all others stay at their true values."""

    def __init__(self, system: System, columns: csc_array, cells: Ints, low: Floats, high: Floats) -> None:
        part, _ = restrict(system, columns, cells)
        self.cells, self.values = cells, part.values
        self.fall, self.rise = np.maximum(part.values - low[cells], 0.0), np.maximum(high[cells] - part.values, 0.0)
        activity = part.matrix @ part.values
        self.program = Program(
            part.matrix, part.low - activity, part.high - activity, limits(self.fall, self.rise), part.values
        )

    def push(self, up: Floats) -> Floats:
        """(n,) deviations that maximise `up` (n,) @ deviations."""
        return self.program.deviations(self.program.best(np.concatenate([up, -up])))

    def move(self, place: int, kind: int) -> Floats:
        """(n,) deviations that take one cell as far as it goes, down (`LOW`) or up (`HIGH`)."""
        up = np.zeros(len(self.cells))
        up[place] = kind
        return self.push(up)

    def reach(self, place: int, kind: int) -> float:
        """How far one cell can go down (`LOW`) or up (`HIGH`)."""
        return max(float(kind * self.move(place, kind)[place]), 0.0)

    def towards(self, places: Ints, moves: Floats, kind: int) -> Floats:
        """(n,) deviations that take some cells (k,) together down (`LOW`) or up (`HIGH`), none beyond its move (k,)."""
        upper, up = self.program.upper.copy(), np.zeros(len(self.cells))
        limit = np.zeros(len(self.cells))
        np.maximum.at(limit, places, moves)
        for column in (places, places + len(self.cells)):
            upper[column] = np.minimum(upper[column], limit[places])
        up[places] = kind
        self.program.limit(upper)
        found = self.push(up)
        self.program.limit(self.program.upper)
        return found


class Search:
    """Looks in one component for numbers that meet demands: near each demand first, then further and further away.

    Numbers that were found for one demand are tried on all others of the same neighbourhood.
    """

    def __init__(self, system: System, columns: csc_array, part: Ints, low: Floats, high: Floats) -> None:
        self.system, self.columns, self.part, self.low, self.high = system, columns, part, low, high
        self.surroundings = Surroundings(system, columns, high > low) if len(part) > NEIGHBOURHOODS[0] else None

    def met(self, wanted: Demands) -> Flags:
        """(k,) demands that are met."""
        met = np.zeros(len(wanted), dtype=bool)
        if NEIGHBOURHOODS[0] < len(self.part) <= AT_ONCE:
            met = self._found(Region(self.system, self.columns, self.part, self.low, self.high), wanted, each=False)
        for most in sorted({min(size, len(self.part)) for size in (*NEIGHBOURHOODS, len(self.part))}):
            tried = met.copy()
            while not tried.all():
                first = int(wanted.cell[np.argmin(tried)])
                cells = self.part
                if self.surroundings and most < len(self.part):
                    cells = self.surroundings.around(first, most)
                inside = np.flatnonzero(np.isin(wanted.cell, cells) & ~met)
                region = Region(self.system, self.columns, cells, self.low, self.high)
                met[inside] = self._found(region, wanted.take(inside))
                tried[inside] = True
        return met

    def _found(self, region: Region, wanted: Demands, each: bool = True) -> Flags:
        """(k,) demands that are met by numbers which differ from the truth in the region alone: all together, and with
        `each` those that are left one by one."""
        places = np.searchsorted(region.cells, wanted.cell)
        rise, fall = np.zeros(len(region.cells)), np.zeros(len(region.cells))
        met, last = np.zeros(len(wanted), dtype=bool), -1
        enough = wanted.move - TOLERANCE * np.maximum(1.0, np.abs(self.system.values[wanted.cell]))

        def push(items: Ints, kind: int) -> None:
            items = items[~met[items] & (wanted.kind[items] != -kind)]
            if not len(items):
                return
            moved = region.towards(places[items], wanted.move[items], kind)
            np.maximum(rise, moved, out=rise)
            np.maximum(fall, -moved, out=fall)
            up, down = rise[places], fall[places]
            reach = np.select([wanted.kind == HIGH, wanted.kind == LOW], [up, down], up + down)
            met[reach >= enough] = True

        while last < met.sum() < len(met):  # all open ones at once, as long as that meets new ones
            last = int(met.sum())
            for kind in (HIGH, LOW):
                push(np.arange(len(met)), kind)
        for item in np.flatnonzero(~met) if each else []:
            for kind in (HIGH, LOW):
                push(np.array([item]), kind)
        return met
