"""True users of the synthetic county's services in the months of the disruption, with and without it, and persons
with a need that is still hidden at its end."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ennakointi.periods import day_number, first_day
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Flags, Ints
from ennakointi.synthetic.disruption import HIDDEN
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.files import categorical
from ennakointi.synthetic.lives import Lives
from ennakointi.synthetic.persons import People
from ennakointi.synthetic.volumes import Members

ANY = "all"  # any service
MEASURES = ("persons", "users_without", "users_with", "absent", "hidden_persons")


@dataclass
class Users:
    """Sums over chunks: persons (groups, services and any of them, municipalities) by measure; empty when the data do
    not hold the disruption and the month before it."""

    groups: tuple[str, ...]
    calibration: Calibration
    span: Span
    counts: dict[str, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.groups), len(self.calibration.services) + 1, len(self.calibration.municipalities))
        self.counts = {name: np.zeros(shape, np.int64) for name in MEASURES}

    @property
    def months(self) -> range:
        """Months of the disruption since the first delivered one."""
        disruption = self.calibration.care.disruption
        first = disruption.first - self.span.first_month
        return range(first, first + len(disruption.factors))

    @property
    def held(self) -> bool:
        """Whether the delivered months hold the disruption and the month before it."""
        return self.months.start >= 1 and self.months.stop <= self.span.n_months

    def add(self, people: People, lives: Lives, before: Members) -> None:
        """Add a chunk: those who lived here from the first day of the disruption to its last."""
        if not self.held:
            return
        start, stop = (day_number(first_day(self.span.first_month + m)) for m in (self.months.start, self.months.stop))
        stayed = people.resident_on(start) & (people.leave >= stop - 1)
        when = (lives.contacts.day >= start) & (lives.contacts.day < stop)
        without = self._whom(lives.contacts.take(when & lives.undisturbed), len(people))
        used = self._whom(lives.contacts.take(when & lives.actual), len(people))
        hidden = (lives.missed.fate == HIDDEN) & (lives.missed.end_day >= stop)
        lost = lives.base.take(lives.missed.event[hidden])
        needs = self._whom(lost.take(lost.day < stop), len(people))
        flags = (np.ones_like(used), without, used, without & ~used, needs)
        for g, group in enumerate(self.groups):
            chosen = np.flatnonzero(stayed & before[group][:, self.months.start - 1])
            place = people.municipality[chosen]
            for name, persons in zip(MEASURES, flags, strict=True):
                np.add.at(self.counts[name][g].T, place, persons[chosen].astype(np.int64))

    def _whom(self, events: Events, n: int) -> Flags:
        """(n, S + 1) whether a person has an event of the service, and of any."""
        found = np.zeros((n, len(self.calibration.services) + 1), bool)
        found[events.person, events.service] = True
        found[:, -1] = found.any(axis=1)
        return found

    def frame(self) -> pd.DataFrame:
        """One row per target group, service (`all` = any of them) and municipality."""
        keys = {
            "target_group": self.groups,
            "service": (*self.calibration.services, ANY),
            "municipality": self.calibration.municipalities,
        }
        places = np.indices(self.counts["persons"].shape).reshape(3, -1)
        columns = {name: categorical(at, tuple(names)) for at, (name, names) in zip(places, keys.items(), strict=True)}
        frame = pd.DataFrame({**columns, **{name: values.reshape(-1) for name, values in self.counts.items()}})
        return frame if self.held else frame.iloc[:0]
