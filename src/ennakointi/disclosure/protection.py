"""Which units to hide: the least that is lost while no reader can prove more than the preset allows.

Cells that hang together are protected together, and only where a demand is not met. Up to `EXACT` cells the choice is
optimal (`cutting_planes`); above, and where the search would take too long, it is greedy (`carriers`). In both cases
`attacker.satisfied` has the last word. Every limit counts work, not seconds: two runs hide the same.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csc_array

from ennakointi.disclosure.attacker import tolerance, unmet
from ennakointi.disclosure.carriers import hide_greedily
from ennakointi.disclosure.cutting_planes import hide_exactly
from ennakointi.disclosure.deviations import TOLERANCE
from ennakointi.disclosure.presets import DisclosureError
from ennakointi.disclosure.system_parts import components, restrict
from ennakointi.disclosure.systems import Flags, Ints, System

EXACT = 500  # cells


@dataclass(frozen=True, eq=False)
class Protection:
    """What to hide.

    Attributes
    ----------
    hidden : (u,) units to hide, with those that had to be.
    exposed : cells with a demand that is not met even with every unit hidden that may be: told elsewhere already.
    exact : the choice is the cheapest there is.
    seconds : time taken.
    """

    hidden: Flags
    exposed: Ints
    exact: bool
    seconds: float


def protect(system: System) -> Protection:
    """The units to hide so that every demand is met that can be.

    Parameters
    ----------
    system : System
        Its true values agree with all its intervals and relations.

    Returns
    -------
    Protection

    Raises
    ------
    DisclosureError
        For true values that contradict what the system says is known of them.

    Notes
    -----
    A unit hidden for others is protected too: one whose `wanted_width` no hiding can meet stays shown.
    Witness: tests/unit/test_protection.py (all subsets of units of small systems).
    """
    start = time.perf_counter()
    _check(system)
    hidden, exact, exposed = system.must.copy(), True, []
    columns = csc_array(system.matrix)
    open_ = np.zeros(len(system.values), dtype=bool)
    open_[unmet(system, hidden).cell] = True
    low, high = system.known(system.must | system.may)
    free = (high > low) | open_
    for cells in components(system, free, by_unit=True):
        if open_[cells].any():
            part, units = restrict(system, columns, cells)
            found = hide_greedily(part)
            best = hide_exactly(part, found) if len(cells) <= EXACT else None
            hidden[units] = found.hidden if best is None else best
            exposed += [int(cells[cell]) for cell, _ in found.exposed]
            exact = exact and (best is not None or not (found.hidden & ~part.must).any())
    return Protection(hidden, np.unique(np.array(exposed, dtype=np.int64)), exact, time.perf_counter() - start)


def _check(system: System) -> None:
    """The truth must agree with what is known of it, or every proof is worth nothing."""
    room = 10 * tolerance(system)
    for hidden, word in ((system.must, "shown"), (np.ones(len(system.must), dtype=bool), "hidden")):
        low, high = system.known(hidden)
        wrong = np.flatnonzero((system.values < low - room) | (system.values > high + room))
        if len(wrong):
            cell = int(wrong[0])
            raise DisclosureError(
                f"disclosure system: the true value of cell {cell} lies outside what is known of it when {word}; "
                f"so do {len(wrong) - 1} others. Correct the intervals of the table it comes from"
            )
    size = abs(system.matrix) @ np.abs(system.values)
    total = system.matrix @ system.values
    slack = TOLERANCE * np.maximum(1.0, size)
    wrong = np.flatnonzero((total < system.low - slack) | (total > system.high + slack))
    if len(wrong):
        raise DisclosureError(
            f"disclosure system: relation {int(wrong[0])} does not hold for the true values; nor do {len(wrong) - 1} "
            "others. Correct the relations of the tables they come from"
        )
