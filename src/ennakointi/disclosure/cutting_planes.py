"""The cheapest units to hide, proved: a master problem over units, and a cut for every demand that it overlooked.

Fischetti & Salazar 2001 (Solving the cell suppression problem on tabular data with linear constraints, Management
Science 47, doi:10.1287/mnsc.47.7.1008.9805). The master chooses units at least cost. Where a demand is then not met,
the duals of the reader's own linear program say which units would have to be hidden to change that: with prices p of
the limits of all moves, no choice y reaches further than constant + Σ p (limit shown + y (limit hidden − limit shown)).
Coefficients above the right side are cut down to it, as y is 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from ennakointi.disclosure.attacker import HIGH, LOW, WIDTH, unmet
from ennakointi.disclosure.carriers import Hiding, Item
from ennakointi.disclosure.deviations import TOLERANCE, Program, limits
from ennakointi.disclosure.systems import NEVER_SHOWN, Flags, Floats, System

ROUNDS = 200
NODES = 5000


def hide_exactly(system: System, start: Hiding) -> Flags | None:
    """(u,) the cheapest units whose hiding meets all demands but the exposed ones; None if the search is cut short.

    start : a choice that meets them, and the demands that none can.
    """
    cuts = _Cuts(system)
    dearest = float(system.cost[start.hidden].sum())
    for _ in range(ROUNDS):
        hidden = cuts.cheapest()
        if hidden is None:
            return None
        if system.cost[hidden].sum() >= dearest * (1 - TOLERANCE):
            return start.hidden
        items = [item for item in unmet(system, hidden).items() if item[:2] not in start.exposed]
        if not items:
            return hidden
        if not sum(cuts.add(item, hidden) for item in items):
            return None
    return None


@dataclass(eq=False)
class _Cuts:
    """Σ weights (u,) @ y ≥ 1 when y_own = 1 (or always), one row a demand that was once overlooked."""

    system: System
    rows: list[Floats] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        system = self.system
        activity = system.matrix @ system.values
        (shown_low, shown_high), (low, high) = (system.known(f) for f in (system.must, system.must | system.may))
        self.shown = limits(system.values - shown_low, shown_high - system.values)
        self.extra = limits(system.values - low, high - system.values) - self.shown
        slack = (system.low - activity, system.high - activity)
        self.program = Program(system.matrix, *slack, self.shown, system.values)

    def cheapest(self) -> Flags | None:
        """(u,) the cheapest choice that obeys the cuts; None where there is none within the limits."""
        system = self.system
        choice = Bounds(system.must.astype(float), (system.must | system.may).astype(float))
        rows = [LinearConstraint(np.array(self.rows), np.array(self.ends))] if self.rows else []
        options = {"mip_rel_gap": 0.0, "node_limit": NODES}
        found = milp(
            system.cost, integrality=np.ones(len(system.cost)), bounds=choice, constraints=rows, options=options
        )
        return found.x > 0.5 if found.status == 0 else None

    def add(self, item: Item, hidden: Flags) -> bool:
        """Add the cut of a demand that is not met when `hidden` (u,) are hidden; False where it cuts nothing off."""
        cell, kind, move = item
        n, units = len(self.system.values), len(hidden)
        self.program.limit(self.shown + self.extra * np.tile(np.append(hidden, True)[self.system.unit], 2))
        constant, weights = 0.0, np.zeros(units)
        for side in (LOW, HIGH) if kind == WIDTH else (kind,):
            gain = np.zeros(2 * n)
            gain[cell], gain[cell + n] = side, -side
            self.program.best(gain)
            free, prices = self.program.price(gain)
            constant += free + float(prices @ self.shown)
            own = np.tile(np.where(self.system.unit == NEVER_SHOWN, units, self.system.unit), 2)
            weights += np.bincount(own, prices * self.extra, minlength=units + 1)[:units]
        return self._append(self.system.unit[cell] if kind == WIDTH else NEVER_SHOWN, move - constant, weights, hidden)

    def _append(self, own: int, missing: float, weights: Floats, hidden: Flags) -> bool:
        chosen = own != NEVER_SHOWN and not self.system.must[own]
        if chosen:
            missing -= weights[own]
            weights[own] = 0.0
        if missing <= 0:
            return False
        row = np.minimum(weights / missing, 1.0)
        if chosen:
            row[own] = -1.0
        end = 0.0 if chosen else 1.0
        if row @ hidden >= end - TOLERANCE:
            return False
        self.rows.append(row)
        self.ends.append(end)
        return True
