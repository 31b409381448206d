"""Hiding more, one demand at a time: the cheapest numbers that carry what a demand needs, and what to show again.

A *carrier* is a unit whose cells must leave the class of what would be shown so that a hidden number can take the
value it must be able to take; the cheapest ones come from a linear program (sequential protection; Hundepool et al.
2012, Statistical Disclosure Control, §4.4). The units that carry a demand are its *witness*: showing a unit again
concerns only the demands whose witness needs it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from ennakointi.disclosure.attacker import HIGH, LOW, WIDTH, demands, tolerance, unmet
from ennakointi.disclosure.deviations import Program, limits
from ennakointi.disclosure.system_parts import Surroundings, restrict
from ennakointi.disclosure.systems import NEVER_SHOWN, Flags, Floats, Ints, System

NEAR, FAR = 400, 3000  # cells that are searched for carriers, before all are
KEPT = 100  # programs
Item = tuple[int, int, float]  # cell, kind and move of a demand
Units = frozenset[int]


@dataclass(frozen=True, eq=False)
class Hiding:
    """hidden (u,); exposed: (cell, kind) of the demands that no hiding can meet."""

    hidden: Flags
    exposed: frozenset[tuple[int, int]]


def hide_greedily(system: System) -> Hiding:
    """Hide the carriers of each demand in turn, then show again what turned out not to be needed."""
    return _Greedy(system).hiding()


class _Greedy:
    """hidden (u,) so far; refused (u,) units that may not be hidden, as they themselves could not be protected."""

    def __init__(self, system: System) -> None:
        self.system, self.columns = system, csc_array(system.matrix)
        self.hidden = system.must.copy()
        self.refused = np.zeros(len(system.must), dtype=bool)
        self.exposed: set[tuple[int, int]] = set()
        self.programs: dict[bytes, _Carriers] = {}
        low, high = system.known(system.must | system.may)
        self.surroundings = Surroundings(system, self.columns, high > low)

    def hiding(self) -> Hiding:
        while items := self._open():
            before = (self.hidden.sum(), self.refused.sum(), len(self.exposed))
            for item in items:
                self._carry(item)
            if before == (self.hidden.sum(), self.refused.sum(), len(self.exposed)):
                self.exposed.update(item[:2] for item in items)  # a rounding apart: never called met
        self._show_again()
        return Hiding(self.hidden, frozenset(self.exposed))

    def _open(self) -> list[Item]:
        return [item for item in unmet(self.system, self.hidden).items() if item[:2] not in self.exposed]

    def _carry(self, item: Item) -> None:
        """Hide the cheapest units that meet one demand; refuse its own unit, or give it up, where none do."""
        cell, kind, _ = item
        own = int(self.system.unit[cell])
        if kind == WIDTH and own != NEVER_SHOWN and not self.hidden[own]:
            return  # refused meanwhile
        able = self.hidden | (self.system.may & ~self.refused)
        units = self._cheapest(item, self.hidden, able, len(self.system.values))
        if units is not None:
            self.hidden[list(units)] = True
        elif kind == WIDTH and own != NEVER_SHOWN and not self.system.must[own]:
            self.refused[own], self.hidden[own] = True, False
        else:
            self.exposed.add(item[:2])

    def _cheapest(self, item: Item, base: Flags, able: Flags, most: int) -> Units | None:
        """The cheapest units of `able` to hide besides `base` for one demand, looked for ever further away."""
        for size in sorted({min(size, most) for size in (NEAR, FAR, most)}):
            cells = self.surroundings.around(item[0], size)
            carriers = self._carriers(cells)
            carriers.know(base, able)
            units = carriers.cheapest(item)
            if units is not None or len(cells) < size:
                return units
        return None

    def _carriers(self, cells: Ints) -> _Carriers:
        """The program of some cells, kept for the next demand while there are few."""
        key = cells.tobytes()
        if key not in self.programs:
            if len(self.programs) >= KEPT:
                self.programs.pop(next(iter(self.programs)))
            self.programs[key] = _Carriers(self.system, self.columns, cells)
        return self.programs[key]

    def _show_again(self) -> None:
        """Show what no demand needs, the most costly first, wherever each demand finds another witness."""
        extra = np.flatnonzero(self.hidden & ~self.system.must)
        needs = {item: self._witness(item, self.hidden) for item in self._demands(extra)} if len(extra) else {}
        for unit in extra[np.lexsort((extra, -self.system.cost[extra]))]:
            trial = self.hidden.copy()
            trial[unit] = False
            own = {item for item in needs if item[1] == WIDTH and self.system.unit[item[0]] == unit}
            found = {}
            for item, units in needs.items():
                if item not in own and (units is None or unit in units):
                    found[item] = self._witness(item, trial)
                    if found[item] is None:
                        break
            else:
                self.hidden = trial
                needs = {item: units for item, units in (needs | found).items() if item not in own}

    def _demands(self, extra: Ints) -> list[Item]:
        """The demands that lean on units hidden for others: not met without them, or of such a unit itself."""
        unaided = {item[:2] for item in unmet(self.system, self.system.must).items()}
        units = set(extra.tolist())
        return [
            item
            for item in demands(self.system, self.hidden).items()
            if item[:2] not in self.exposed and (item[:2] in unaided or int(self.system.unit[item[0]]) in units)
        ]

    def _witness(self, item: Item, hidden: Flags) -> Units | None:
        return self._cheapest(item, self.system.must, hidden, FAR)


class _Carriers:
    """A neighbourhood whose moves inside what is known cost nothing and beyond it, by hiding more, do.

    base, able : (u,) units that are hidden anyway, and those and what may be hidden besides.
    """

    def __init__(self, system: System, columns: csc_array, cells: Ints) -> None:
        part, _ = restrict(system, columns, cells)
        self.system, self.cells, self.unit, self.cost = system, cells, system.unit[cells], system.cost
        self.tolerance = tolerance(part)
        activity = part.matrix @ part.values
        slack = (part.low - activity, part.high - activity)
        self.program = Program(part.matrix, *slack, np.zeros(4 * len(cells)), part.values)

    def know(self, base: Flags, able: Flags) -> None:
        """Set what is known of each cell when `base` is hidden, and when all of `able` is."""
        values = self.system.values[self.cells]
        low, high = (ends[self.cells] for ends in self.system.known(base))
        lowest, highest = (ends[self.cells] for ends in self.system.known(able))
        self.inner = limits(values - low, high - values)
        self.outer = limits(low - lowest, highest - high)

    def cheapest(self, item: Item) -> Units | None:
        """The units to hide so that a demand is met, none if it is met anyway; None where these cells cannot."""
        cell, kind, move = item
        place = int(np.searchsorted(self.cells, cell))
        if kind != WIDTH:
            return self._carried(place, kind, move)
        fall, rise = (self._push(place, side, move, 0.0)[0] for side in (LOW, HIGH))
        plans = [self._carried(place, LOW, move - rise), self._carried(place, HIGH, move - fall)]
        if plans == [None, None]:
            fall, _ = self._push(place, LOW, move, 1.0, free=True)
            down, up = self._carried(place, LOW, fall), self._carried(place, HIGH, move - fall)
            plans = [down | up if down is not None and up is not None else None]
        found = [units for units in plans if units is not None]
        return min(found, key=lambda units: (self.cost[list(units)].sum(), sorted(units))) if found else None

    def _carried(self, place: int, side: int, move: float) -> Units | None:
        """The units that a move of one cell takes beyond what is known."""
        for free in (False, True):
            reach, units = self._push(place, side, move, 1.0, free)
            if reach >= move - self.tolerance[place]:
                return units
        return None

    def _push(self, place: int, side: int, move: float, outer: float, free: bool = False) -> tuple[float, Units]:
        """How far one cell goes towards a move, and the units beyond what is known; `outer` 0 keeps all within it."""
        n = len(self.cells)
        own = place if side == HIGH else place + n
        inner, outside = self.inner.copy(), self.outer * outer
        inner[own] = min(inner[own], max(move, 0.0))
        outside[own] = min(outside[own], max(move - inner[own], 0.0))
        self.program.limit(np.concatenate([inner, outside]))
        prices = np.zeros(2 * n) if free else self._prices(move, outside)
        gain = np.concatenate([np.zeros(2 * n), -prices])
        worth = 1.0 + 2.0 * float(prices.sum())
        for column, sign in ((place, side), (place + n, -side)):
            gain[[column, column + 2 * n]] += sign * worth
        moves = self.program.best(gain)
        beyond = np.flatnonzero(moves[2 * n :] > np.tile(self.tolerance, 2) / 1000)
        reach = float(side * self.program.deviations(moves)[place])
        return reach, frozenset(self.unit[beyond % n].tolist())

    def _prices(self, move: float, outside: Floats) -> Floats:
        """(2n,) cost of one step beyond what is known: the whole unit's for as long a move as the demand's."""
        cost = np.tile(np.append(self.cost, 0.0)[self.unit], 2)
        return np.where(outside > 0, cost / np.maximum(np.minimum(outside, max(move, 0.0)), 1e-3), 0.0)
