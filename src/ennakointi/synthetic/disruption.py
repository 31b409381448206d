"""What the disruption does to the contacts of the synthetic county: which are missed, and what becomes of the
need.

Fates of a missed contact: *substituted* by another service on the same day, *not needed* any more at once,
postponed into the visible *queue* (a referral), or *hidden* (the need goes on unseen). What is queued or
hidden ends by a later contact (returned), by death, by moving away, because the need passes, or elsewhere
(private care, a mis-specification); or it is still open at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.periods import month_index
from ennakointi.synthetic.calendar import Calendar
from ennakointi.synthetic.calibration import Calibration, Flags, Floats, Ints
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.needs import Traits
from ennakointi.synthetic.persons import STILL, People

SUBSTITUTED, UNNEEDED, QUEUED, HIDDEN = range(4)
UNRESOLVED, RETURNED, DIED, MOVED, NOT_NEEDED, ELSEWHERE = range(6)
EXITS = ("open", "returned", "died", "moved", "not_needed", "elsewhere")
_WANING = (
    (month_index(2022, 1), 2.0),
    (month_index(2023, 1), 1.0),
)  # (until, factor) of a return that is not constant
_WANED = 0.35
_WAIT_SHAPE = 2.5


@dataclass(frozen=True, eq=False)
class Waiting:
    """Ordinary waits before contacts (k,): whether the contact had a referral and the day it was received."""

    referred: Flags
    received: Ints


@dataclass(frozen=True, eq=False)
class Missed:
    """Missed contacts (m,): position `event` among the undisturbed contacts, `fate`, `end` (position in
    EXITS) and `end_day`, STILL while open at the end of the simulated time."""

    event: Ints
    fate: Ints
    end: Ints
    end_day: Ints


def ordinary_waits(events: Events, people: People, calibration: Calibration, rng: np.random.Generator) -> Waiting:
    """Referrals that precede a share of the contacts of services with a queue; gamma waits."""
    queues = [service.queue for service in calibration.care.services.values()]
    share = np.array([q.share if q else 0.0 for q in queues])
    mean = np.array([q.days if q else 1.0 for q in queues])
    referred = rng.random(len(events)) < share[events.service]
    wait = rng.gamma(_WAIT_SHAPE, 1 / _WAIT_SHAPE, len(events)) * mean[events.service]
    earliest = np.maximum(people.birth, people.enter)[events.person]
    return Waiting(referred, np.maximum(events.day - wait.astype(np.int32), earliest))


def miss(
    events: Events,
    referred: Flags,
    people: People,
    traits: Traits,
    calibration: Calibration,
    calendar: Calendar,
    leakage: float,
    waning: bool,
    rng: np.random.Generator,
) -> Missed:
    """Contacts that the disruption took, and how each need ended.

    Parameters
    ----------
    events, referred
        The undisturbed contacts and whether they have an ordinary referral: those can only move in the queue.
    leakage
        Share of postponed and hidden needs that private care outside the data takes over.
    waning
        Whether the return is not constant: fast at first, slow later.
    """
    missed = _chosen(events, traits, calibration, calendar, rng)
    lost = events.take(missed)
    fate = _fates(lost, referred[missed], calibration, rng)
    end, end_day = _ends(lost, fate, people, calibration, calendar, leakage, waning, rng)
    return Missed(missed, fate, end, end_day)


def _chosen(
    events: Events, traits: Traits, calibration: Calibration, calendar: Calendar, rng: np.random.Generator
) -> Ints:
    span, disruption = calendar.span, calibration.care.disruption
    factor = np.zeros(len(span.month_starts))
    at = disruption.first - span.first_month + np.arange(len(disruption.factors))
    inside = (at >= 0) & (at < len(factor))
    factor[at[inside]] = np.array(disruption.factors)[inside]
    depth = np.array([s.missed.depth for s in calibration.care.services.values()])
    vulnerable = np.array([c.missed for c in calibration.needs.classes.values()])
    affected = np.flatnonzero(factor[span.month(events.day)] > 0)
    person, day, service = (a[affected] for a in (events.person, events.day, events.service))
    chance = depth[service] * factor[span.month(day)] * vulnerable[traits.latent[person, span.year(day)]]
    return affected[rng.random(len(affected)) < np.minimum(chance, 0.95)]


def _fates(lost: Events, referred: Flags, calibration: Calibration, rng: np.random.Generator) -> Ints:
    spec = [s.missed for s in calibration.care.services.values()]
    shares = np.array([[m.substituted if m.substitute else 0.0, m.unneeded, m.queued] for m in spec])
    upper = np.cumsum(shares, axis=1)[lost.service]
    fate = (rng.random(len(lost))[:, None] >= upper).sum(axis=1).astype(np.int8)
    return np.where(referred & (fate == HIDDEN), QUEUED, fate).astype(np.int8)


def _ends(
    lost: Events,
    fate: Ints,
    people: People,
    calibration: Calibration,
    calendar: Calendar,
    leakage: float,
    waning: bool,
    rng: np.random.Generator,
) -> tuple[Ints, Ints]:
    """The earliest of return, passing of the need, private care and departure."""
    returns = _return_days(lost, fate, people, calibration, calendar, waning, rng)
    months = rng.geometric(calibration.care.disruption.needs_pass, len(lost))
    passes = lost.day + 30 * months + rng.integers(0, 30, len(lost))
    leaks = rng.random(len(lost)) < leakage
    private = np.where(leaks, lost.day + rng.integers(5, 60, len(lost)), STILL)
    leave = people.leave[lost.person]
    days = np.stack([np.full(len(lost), STILL), returns, leave, passes, private]).astype(np.int32)
    days = np.where(days > calendar.span.end_day, STILL, days)
    first = days.argmin(axis=0)
    departed = np.where(people.died[lost.person], DIED, MOVED)
    end = np.choose(first, [UNRESOLVED, RETURNED, departed, NOT_NEEDED, ELSEWHERE]).astype(np.int8)
    end_day = days.min(axis=0)
    at_once = fate <= UNNEEDED
    end[at_once] = np.where(fate[at_once] == UNNEEDED, NOT_NEEDED, ELSEWHERE)
    return end, np.where(at_once, lost.day, end_day).astype(np.int32)


def _return_days(
    lost: Events,
    fate: Ints,
    people: People,
    calibration: Calibration,
    calendar: Calendar,
    waning: bool,
    rng: np.random.Generator,
) -> Ints:
    """Day on which the contact would come back: exponential on the cumulated monthly rate, then a day of that
    month."""
    disruption, span = calibration.care.disruption, calendar.span
    months = span.first_month + np.arange(len(span.month_starts) - 1)
    rate = (months >= disruption.recovers_from) * _pace(months, waning)
    cumulated = np.concatenate([[0.0], np.cumsum(rate)])
    start = np.minimum(span.month(lost.day) + disruption.least_delay_months, len(months))
    speed = np.where(fate == QUEUED, disruption.queue_returns, disruption.hidden_returns)
    needed = cumulated[start] + rng.exponential(size=len(lost)) / speed
    month = np.searchsorted(cumulated, needed, side="right") - 1
    comes = month < len(months)
    month = np.minimum(month, len(months) - 1)
    place = people.municipality[lost.person]
    first, after = span.month_starts[month], span.month_starts[month + 1]
    low = calendar.cumulative[lost.service, place, first - span.first_day]
    high = calendar.cumulative[lost.service, place, after - span.first_day]
    day = calendar.day_at(lost.service, place, low + rng.random(len(lost)) * (high - low))
    return np.where(comes, np.clip(day, first, after - 1), STILL).astype(np.int32)


def _pace(months: Ints, waning: bool) -> Floats:
    pace = np.ones(len(months))
    if waning:
        pace[:] = _WANED
        for until, factor in reversed(_WANING):
            pace[months < until] = factor
    return pace


def returned_events(events: Events, missed: Missed) -> Events:
    """Contacts that came back from the queue or from hiding, within the simulated time."""
    back = (missed.end == RETURNED) & (missed.fate >= QUEUED)
    lost = events.take(missed.event[back])
    return Events(lost.person, lost.service, missed.end_day[back])


def substituted_events(events: Events, missed: Missed, calibration: Calibration) -> Events:
    """Contacts of other services that replaced missed ones."""
    names = calibration.services
    targets = np.array(
        [names.index(s.missed.substitute) if s.missed.substitute else -1 for s in calibration.care.services.values()]
    )
    lost = events.take(missed.event[missed.fate == SUBSTITUTED])
    return Events(lost.person, targets[lost.service].astype(np.int8), lost.day)
