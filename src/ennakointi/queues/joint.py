"""Services that are all to be clear by a date: the chance of it, and the capacity for a wanted chance.

p draws, paired over services: draw i of every service is the same possible world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.queues import return_scenarios
from ennakointi.queues.return_scenarios import Floats


@dataclass(frozen=True, eq=False)
class Outlook:
    """A service under a scenario: `to_clear` contacts, `added` a month, months to clear (p,) `without` and
    `with_added`, the capacity (p,) `needed` by each target month, and `effort`: euros and person-years a year of one
    contact a month; then what its remaining debt says of itself."""

    status: str
    to_clear: float
    added: float
    without: Floats
    with_added: Floats
    needed: dict[int, Floats]
    effort: tuple[float, float]
    normal_month: float
    n_persons: float
    reason: str


@dataclass(frozen=True, eq=False)
class Joint:
    """Services of which every one is to be clear, draw by draw; one service, or those that surely have something."""

    status: str
    parts: tuple[Outlook, ...]
    n_persons: float
    reason: str

    @property
    def to_clear(self) -> float:
        return sum(part.to_clear for part in self.parts)

    @property
    def added(self) -> float:
        return sum(part.added for part in self.parts)

    @property
    def normal_month(self) -> float:
        return sum(part.normal_month for part in self.parts)

    @property
    def months(self) -> Floats:
        """(p,) months until the latest service is clear with what the scenario adds; at least one service."""
        return np.asarray(np.max([part.with_added for part in self.parts], axis=0))

    def ladder(self, by: int) -> tuple[Floats, Floats]:
        """Capacities (services, p), of each service from its least need to its largest, and (p,) the first step on
        which each draw is clear of all services.

        Step k gives every service the same quantile (k + 1)/p of its own needs. The share of draws whose step is no
        later is the chance that all are clear. Witness: needs (1, 3) and (5, 2): step 0 gives 1 and 2, which clears
        neither draw; step 1 gives 3 and 5, which clears both.
        """
        needed = np.array([part.needed[by] for part in self.parts])
        steps = np.sort(needed, axis=1)
        first = [np.searchsorted(step, own) for step, own in zip(steps, needed, strict=True)]
        return steps, np.max(first, axis=0).astype(float)

    def wanted(self, by: int, chance: float) -> tuple[float, float, float]:
        """The least capacity of the ladder with the wanted chance, its euros and person-years; NaN when none is."""
        steps, first = self.ladder(by)
        each = steps[:, int(return_scenarios.quantile(first, chance))]
        if not np.isfinite(each).all():
            return np.nan, np.nan, np.nan
        euros, years = each @ np.array([part.effort for part in self.parts])
        return float(np.add.reduce(each[:, None], axis=0)[0]), float(euros), float(years)

    def chances(self, by: int, capacities: Floats) -> Floats:
        """The chance that all are clear at each total capacity: on the last step of the ladder that it pays for."""
        steps, first = self.ladder(by)
        paid = np.searchsorted(np.add.reduce(steps, axis=0), capacities, side="right") - 1
        return np.asarray((first <= paid[:, None]).mean(axis=1))
