"""Referrals of the synthetic county: ordinary ones, those postponed by the disruption, and those that never
began."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ennakointi import schema
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Flags, Ints
from ennakointi.synthetic.disruption import EXITS, QUEUED, Missed, Waiting
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.files import NO_DAY, Coded
from ennakointi.synthetic.persons import STILL

REASONS = schema.TABLES["referrals"]["closed_reason"].codes
_REASON_OF_EXIT = {"open": -1, "returned": REASONS.index("started")}


@dataclass(frozen=True, eq=False)
class Entries:
    """Queue entries (q,). `undisturbed_end` is the day the wait would have ended without the disruption (the
    day it was received for entries that the disruption made), `missed_on` the day of the missed contact
    (STILL = none missed), `end` the true last day of the wait (STILL = beyond the simulated time), `reason` a
    position in REASONS (-1 = open)."""

    person: Ints
    service: Ints
    received: Ints
    undisturbed_end: Ints
    missed_on: Ints
    end: Ints
    reason: Ints

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: Flags | Ints) -> Entries:
        return Entries(*(getattr(self, f.name)[rows] for f in fields(self)))


def entries(
    events: Events,
    waiting: Waiting,
    missed: Missed,
    calibration: Calibration,
    span: Span,
    rng: np.random.Generator,
) -> Entries:
    """Every queue entry received in the delivered time or before, in order of person, day and service."""
    fate = np.full(len(events), -1, np.int64)
    fate[missed.event] = np.arange(len(missed.event))
    ordinary = _ordinary(events, waiting, missed, fate)
    made = missed.event[(missed.fate == QUEUED) & ~waiting.referred[missed.event]]
    postponed = _postponed(events, made, missed, fate)
    withdrawn = _withdrawn(ordinary, calibration, rng)
    joined = Entries(
        *(np.concatenate([getattr(p, f.name) for p in (ordinary, postponed, withdrawn)]) for f in fields(Entries))
    )
    known = joined.take(joined.received <= span.last_day)
    return known.take(np.lexsort((known.end, known.service, known.received, known.person)))


def _ordinary(events: Events, waiting: Waiting, missed: Missed, fate: Ints) -> Entries:
    rows = np.flatnonzero(waiting.referred)
    person, service, day = events.person[rows], events.service[rows], events.day[rows]
    m = fate[rows]
    was_missed = m >= 0
    end = day.copy()
    end[was_missed] = missed.end_day[m[was_missed]]
    reason = np.full(len(rows), REASONS.index("started"), np.int8)
    reason[was_missed] = _reasons(missed)[m[was_missed]]
    missed_on = np.where(was_missed, day, STILL).astype(np.int32)
    return Entries(person, service, waiting.received[rows], day, missed_on, end, reason)


def _postponed(events: Events, made: Ints, missed: Missed, fate: Ints) -> Entries:
    m, day = fate[made], events.day[made]
    end = missed.end_day[m]
    return Entries(events.person[made], events.service[made], day, day, day, end, _reasons(missed)[m])


def _reasons(missed: Missed) -> Ints:
    reasons = [_REASON_OF_EXIT[e] if e in _REASON_OF_EXIT else REASONS.index(e) for e in EXITS]
    return np.array(reasons, np.int8)[missed.end]


def _withdrawn(ordinary: Entries, calibration: Calibration, rng: np.random.Generator) -> Entries:
    """Entries that end without care, in both histories alike: copies of ordinary ones, given up on the
    way."""
    chosen = ordinary.take(rng.random(len(ordinary)) < calibration.care.disruption.referral_withdrawn)
    wait = np.maximum(chosen.undisturbed_end - chosen.received, 1)
    end = chosen.received + (rng.random(len(chosen)) * wait).astype(np.int32)
    reasons = [REASONS.index(r) for r in ("withdrawn", "elsewhere", "not_needed")]
    reason = np.array(reasons, np.int8)[rng.choice(3, len(chosen), p=[0.6, 0.2, 0.2])]
    never = np.full(len(chosen), STILL, np.int32)
    return Entries(chosen.person, chosen.service, chosen.received, end, never, end, reason)


def undisturbed(queue: Entries) -> Entries:
    """The queue as it would have been without the disruption."""
    own = queue.take(queue.undisturbed_end > queue.received)
    reason = np.where(own.missed_on < STILL, REASONS.index("started"), own.reason).astype(np.int8)
    never = np.full(len(own), STILL, np.int32)
    return Entries(own.person, own.service, own.received, own.undisturbed_end, never, own.undisturbed_end, reason)


def table(queue: Entries, services: tuple[str, ...], span: Span, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of `referrals` but its key; what lies after the delivered time is empty."""
    n = len(queue)
    wait = np.where(queue.end == STILL, span.end_day, queue.end) - queue.received
    begun = queue.received + np.minimum(rng.integers(1, 21, n), wait)
    assessed = np.minimum(begun + rng.integers(0, 30, n), queue.received + wait)
    decided = np.minimum(assessed + rng.integers(0, 10, n), queue.received + wait)
    started = np.where(queue.reason == REASONS.index("started"), queue.end, STILL)
    known = queue.end <= span.last_day
    steps = {
        "assessment_started_on": begun,
        "assessed_on": assessed,
        "need_ascertained_on": assessed,
        "decided_on": decided,
        "started_on": started,
        "closed_on": queue.end,
    }
    return {
        "person_id": queue.person.astype(np.int64),
        "service": Coded(queue.service, services),
        "received_on": queue.received,
        **{name: np.where(days > span.last_day, NO_DAY, days) for name, days in steps.items()},
        "closed_reason": Coded(np.where(known, queue.reason, -1), REASONS),
        "priority": rng.choice([1, 2, 3], n, p=[0.15, 0.5, 0.35]),
    }
