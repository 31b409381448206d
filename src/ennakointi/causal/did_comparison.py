"""The comparison behind a difference-in-differences: who can be compared, the regression, and its inference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ennakointi.causal import randomised, two_way
from ennakointi.causal.areas import NEVER, Bools, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.randomisation import RandomisedEffect
from ennakointi.causal.two_way import Coefficients
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.errors import DataError

ENOUGH_CLUSTERS = 20  # treated, and comparison, for cluster-robust errors


@dataclass(frozen=True, eq=False)
class Found:
    """The regression and the inference of record, on the regression's scale."""

    panel: UnitPanel
    fit: Coefficients
    permuted: RandomisedEffect | None
    events: randomised.PermutedEvents | None

    @property
    def effect(self) -> Numbers:
        """Of record."""
        if self.permuted is None:
            return self.fit.first
        return Numbers(float(self.fit.estimate[0]), float(self.permuted.lo95), float(self.permuted.hi95))

    @cached_property
    def by_period(self) -> tuple[Ints, Coefficients]:
        """The event study's regression."""
        return two_way.event_study(self.panel)

    @property
    def p_value(self) -> float:
        """Of record."""
        return self.fit.p_value if self.permuted is None else self.permuted.p_value


def comparable(panel: UnitPanel) -> tuple[UnitPanel, int]:
    """The units that can be compared, and how many others were treated from the first period on.

    Raises
    ------
    DataError
        When nobody is a comparison, or the treated are not observed both before and after the start.
    """
    known = two_way.known_cells(panel)
    if known.any() and np.ptp(panel.values[known]) == 0:
        raise DataError("the outcome has the same value everywhere: there is nothing to estimate")
    panel = _aligned(panel)
    under = two_way.under_treatment(panel)
    always = (known & under).any(axis=1) & ~(known & ~under).any(axis=1)
    kept = part_of(panel, np.asarray(known.any(axis=1) & ~always))
    known, under = two_way.known_cells(kept), two_way.under_treatment(kept)
    started = kept.starts < NEVER
    if panel.offset is not None and not np.nansum(panel.values[panel.starts < NEVER]):
        raise DataError("the treated have no events: there is no rate ratio")
    if not (known & under)[started].any() or not (known & ~under)[started].any():
        raise DataError("no treated unit is observed both before and after its start: there is no change to compare")
    if started.all() and len(np.unique(kept.starts)) == 1:
        raise DataError("every unit is treated from the same period on: without a comparison use an interrupted series")
    return kept, int(always.sum())


def _aligned(panel: UnitPanel) -> UnitPanel:
    """Starts that were read from a gap moved to another unit's start inside the same gap: no cell changes side."""
    observed = ~np.isnan(panel.values)
    starts = panel.starts.copy()
    inside = np.flatnonzero((starts < NEVER) & (starts > 0))
    for place in inside[~observed[inside, starts[inside] - 1]]:
        before = np.flatnonzero(observed[place, : starts[place]])
        earliest = int(before[-1]) + 1 if len(before) else int(starts[place])
        others = panel.starts[(panel.starts >= earliest) & (panel.starts < starts[place])]
        starts[place] = others.min(initial=starts[place])
    return replace(panel, starts=starts)


def part_of(panel: UnitPanel, units: Bools) -> UnitPanel:
    """Some of the units, told by a mask."""
    chosen = np.flatnonzero(units)
    return replace(
        panel,
        units=tuple(panel.units[place] for place in chosen),
        values=panel.values[chosen],
        offset=None if panel.offset is None else panel.offset[chosen],
        covariates=panel.covariates[chosen],
        cluster=panel.cluster[chosen],
        starts=panel.starts[chosen],
    )


def estimated(panel: UnitPanel, seed: int) -> Found:
    """The regression, judged by permutations when there are few clusters."""
    fit = two_way.effect(panel)
    if min(clusters(panel)) >= ENOUGH_CLUSTERS:
        return Found(panel, fit, None, None)
    work = randomised.working(panel, fit)
    rows, _ = randomised.assignments(panel, seed)
    events = randomised.event_study(panel, work, rows) if one_start(panel) else None
    return Found(panel, fit, randomised.randomised_effect(panel, work, rows), events)


def clusters(panel: UnitPanel) -> tuple[int, int]:
    """Clusters with a treated unit, and those without."""
    treated = np.unique(panel.cluster[panel.starts < NEVER])
    return len(treated), len(np.unique(panel.cluster)) - len(treated)


def one_start(panel: UnitPanel) -> bool:
    """Whether all treated start together and the period before is observed."""
    started = np.unique(panel.starts[panel.starts < NEVER])
    known = two_way.known_cells(panel)
    if len(started) != 1 or started[0] < 1:
        return False
    return all(known[side, started[0] - 1].any() for side in (panel.starts < NEVER, panel.starts == NEVER))


def in_outcome_units(found: Found, effect: Numbers) -> Numbers:
    """A log rate ratio as a difference of rates of the treated; a linear coefficient is one already."""
    if found.panel.offset is None:
        return effect
    cells = two_way.known_cells(found.panel) & two_way.under_treatment(found.panel)
    rate = float(found.panel.values[cells].sum() / found.panel.offset[cells].sum())
    return Numbers(*(rate * (1 - np.exp(-part)) for part in effect))
