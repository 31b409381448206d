"""True volumes of the synthetic county: target group × service × municipality × month, with and without the
disruption.

Identities, exact in every cell and month (flows in the month, stocks at its end):

    counterfactual − actual = missed − returned − replacing + membership
    Σ missed = Σ (substituted + returned + lost) + postponed + hidden
    queue = structural_queue + postponed

with lost = lost_died + lost_moved + lost_not_needed + lost_elsewhere.

`counterfactual` and `actual` are contacts of the month's members, each group evaluated on its own history;
flows and stocks of missed contacts belong to the groups the person was in, without the disruption, in the
month of the missed contact; queue entries to those of the month of arrival. `replacing` are contacts that
replaced missed ones of other services. `membership` is what the change of groups moves: contacts of persons
who are members in one history only or at one of the two times only; it is 0 for all residents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ennakointi.periods import month_text
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Flags, Ints
from ennakointi.synthetic.disruption import EXITS, HIDDEN, QUEUED, SUBSTITUTED, UNNEEDED, Missed
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.files import categorical
from ennakointi.synthetic.queues import Entries

FLOWS = (
    "counterfactual",
    "actual",
    "missed",
    "substituted",
    "replacing",
    "returned",
    "lost_died",
    "lost_moved",
    "lost_not_needed",
    "lost_elsewhere",
)
STOCKS = ("postponed", "hidden", "structural_queue")
_LOSSES = {
    "died": "lost_died",
    "moved": "lost_moved",
    "not_needed": "lost_not_needed",
    "elsewhere": "lost_elsewhere",
}

Members = Mapping[str, Flags]  # target group -> (n, months)


@dataclass
class Volumes:
    """Sums over chunks: counts (groups, services, municipalities, months) by measure."""

    groups: tuple[str, ...]
    services: tuple[str, ...]
    municipalities: tuple[str, ...]
    span: Span
    counts: dict[str, Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (len(self.groups), len(self.services), len(self.municipalities), self.span.n_months)
        self.counts = {name: np.zeros(shape, np.int32) for name in (*FLOWS, *STOCKS)}

    def add(
        self,
        measure: str,
        members: Members,
        person: Ints,
        tag: Ints,
        service: Ints,
        place: Ints,
        month: Ints,
        sign: int = 1,
    ) -> None:
        """Count rows (k,) in the cell of `month` for every group the person is in at month `tag`; months
        outside the delivered time do not count, and stocks that arrive before it stand from its first
        month."""
        if measure in STOCKS:
            month = np.maximum(month, 0)
        inside = (month >= 0) & (month < self.span.n_months)
        person, tag, service, place, month = (a[inside] for a in (person, tag, service, place, month))
        tag = np.clip(tag, 0, self.span.n_months - 1)
        shape = self.counts[measure].shape[1:]
        cell = (service.astype(np.int64) * shape[1] + place) * shape[2] + month
        size = int(np.prod(shape))
        for g, name in enumerate(self.groups):
            mine = cell[members[name][person, tag]]
            self.counts[measure][g] += sign * np.bincount(mine, minlength=size).reshape(shape).astype(np.int32)

    def frame(self, covered: Flags) -> pd.DataFrame:
        """One row per target group, service, municipality and month; `covered` (services, municipalities,
        months)."""
        flows = {name: self.counts[name] for name in FLOWS}
        stocks = {name: np.cumsum(self.counts[name], axis=-1, dtype=np.int32) for name in STOCKS}
        shape = flows["actual"].shape
        months = [month_text(self.span.first_month + m) for m in range(self.span.n_months)]
        keys = {"target_group": self.groups, "service": self.services, "municipality": self.municipalities}
        columns: dict[str, object] = {
            name: categorical(_along(shape, axis), tuple(names))
            for axis, (name, names) in enumerate([*keys.items(), ("month", months)])
        }
        difference = flows["counterfactual"] - flows["actual"]
        explained = flows["missed"] - flows["returned"] - flows["replacing"]
        columns |= {name: values.reshape(-1) for name, values in flows.items()}
        columns["membership"] = (difference - explained).reshape(-1)
        columns |= {name: values.reshape(-1) for name, values in stocks.items()}
        columns["queue"] = (stocks["structural_queue"] + stocks["postponed"]).reshape(-1)
        columns["covered"] = np.broadcast_to(covered, shape).reshape(-1)
        return pd.DataFrame(columns)


def _along(shape: tuple[int, ...], axis: int) -> Ints:
    reach = [1] * len(shape)
    reach[axis] = shape[axis]
    return np.broadcast_to(np.arange(shape[axis], dtype=np.int16).reshape(reach), shape).reshape(-1)


def add_contacts(
    volumes: Volumes,
    events: Events,
    place: Ints,
    undisturbed: Flags,
    actual: Flags,
    before: Members,
    after: Members,
) -> None:
    """Contacts of delivered days, in the history without (`before`) and with (`after`) the disruption."""
    for measure, rows, members in (("counterfactual", undisturbed, before), ("actual", actual, after)):
        chosen = events.take(rows)
        month = volumes.span.month(chosen.day).astype(np.int64)
        volumes.add(measure, members, chosen.person, month, chosen.service, place[chosen.person], month)


def add_missed(
    volumes: Volumes,
    events: Events,
    missed: Missed,
    substitute: Ints,
    place: Ints,
    before: Members,
) -> None:
    """Fates of missed contacts: `substitute` (S,) is the service that replaces each one."""
    span = volumes.span
    lost = events.take(missed.event)
    tag = span.month(lost.day).astype(np.int64)
    end = _month_or_never(missed.end_day, span)
    where = place[lost.person]

    def add(measure: str, rows: Flags, month: Ints, sign: int = 1) -> None:
        volumes.add(measure, before, lost.person[rows], tag[rows], lost.service[rows], where[rows], month[rows], sign)

    replaced = missed.fate == SUBSTITUTED
    add("missed", np.ones(len(lost), bool), tag)
    add("substituted", replaced, tag)
    volumes.add(
        "replacing",
        before,
        lost.person[replaced],
        tag[replaced],
        substitute[lost.service[replaced]],
        where[replaced],
        tag[replaced],
    )
    kept = missed.fate >= QUEUED
    add("returned", kept & (missed.end == EXITS.index("returned")), end)
    for exit_name, measure in _LOSSES.items():
        gone = missed.end == EXITS.index(exit_name)
        add(measure, gone & (kept | (missed.fate == UNNEEDED)), end)
    for measure, fate in (("postponed", QUEUED), ("hidden", HIDDEN)):
        add(measure, missed.fate == fate, tag)
        add(measure, missed.fate == fate, end, -1)


def add_queue(volumes: Volumes, queue: Entries, place: Ints, before: Members) -> None:
    """The queue as it would have been without the disruption."""
    span = volumes.span
    received = _month_or_never(np.maximum(queue.received, span.first_day), span)
    end = _month_or_never(np.maximum(queue.undisturbed_end, span.first_day), span)
    where = place[queue.person]
    volumes.add("structural_queue", before, queue.person, received, queue.service, where, received)
    volumes.add("structural_queue", before, queue.person, received, queue.service, where, end, -1)


def _month_or_never(day: Ints, span: Span) -> Ints:
    """Months since the first; beyond the delivered time a month that never counts."""
    known = day <= span.last_day
    month = span.month(np.where(known, day, span.first_day)).astype(np.int64)
    return np.where(known, month, span.n_months)
