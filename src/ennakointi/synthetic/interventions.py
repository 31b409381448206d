"""Interventions of the synthetic county: who gets them, and what they do to the contacts from then on.

Every intervention acts alike on the history with and without the disruption; enrolment looks at the history
that the register holds (with the disruption), at age and at states, never at what nobody observed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Floats, Intervention, Ints
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.needs import Spells
from ennakointi.synthetic.persons import STILL, People

_BEFORE = 12  # months of history that an enrolment looks at
_COPY_DAYS = 30  # an added contact lies at most this long before an ordinary one


@dataclass(frozen=True, eq=False)
class Enrolled:
    """Persons in an intervention, each (e,): enrolled on day `start`, until day `end` (STILL = no end); the
    effect is there from day `acts_from`."""

    person: Ints
    start: Ints
    end: Ints
    acts_from: Ints


@dataclass(frozen=True, eq=False)
class Change:
    """What an intervention did: contacts that did not happen (positions), contacts that were added, and who
    got it."""

    removed: Ints
    added: Events
    enrolled: Enrolled


def observed_by_month(events: Events, services: list[int], n_persons: int, span: Span) -> Ints:
    """Contacts of some services by person and delivered month (n, m)."""
    rows = np.isin(events.service, services) & (events.day <= span.last_day)
    cell = events.person[rows].astype(np.int64) * span.n_months + span.month(events.day[rows])
    counts = np.bincount(cell, minlength=n_persons * span.n_months)
    return counts.reshape(n_persons, span.n_months).astype(np.int16)


def adopters(people: People, intervention: Intervention, calibration: Calibration, span: Span) -> Enrolled:
    """Residents of municipalities that have adopted an intervention, from its first day on."""
    start = np.full(len(calibration.municipalities), STILL, np.int32)
    for code, month in intervention.starts.items():
        if month - span.first_month < len(span.month_starts):
            start[calibration.municipalities.index(code)] = span.month_starts[max(month - span.first_month, 0)]
    first = np.maximum(start[people.municipality], np.maximum(people.enter, people.birth))
    person = np.flatnonzero((first < STILL) & (first <= people.leave))
    return Enrolled(person.astype(np.int32), first[person], people.leave[person], first[person])


def enrol(
    people: People,
    spells: Spells,
    intervention: Intervention,
    observed: Ints,
    span: Span,
    share: float,
    rng: np.random.Generator,
) -> Enrolled:
    """Enrolment in waves, at most once a person.

    `outreach`: residents of 75 or more without home care or round-the-clock care, more often after emergency
    contacts (`observed`) and at higher ages. `heavy_users`: those with at least `at_least` observed contacts
    in the year before.
    """
    assert intervention.waves is not None
    free = np.ones(len(people), bool)
    persons, starts = [], []
    for month in intervention.waves.months:
        at = month - span.first_month
        if at < _BEFORE or at >= span.n_months:
            continue
        day = int(span.month_starts[at])
        recent = observed[:, at - _BEFORE : at].sum(axis=1)
        if intervention.kind == "outreach":
            chance = share * _outreach(people, spells, recent, day)
        else:
            chance = share * (recent >= intervention.at_least)
        chosen = np.flatnonzero(free & people.resident_on(day) & (rng.random(len(people)) < chance))
        free[chosen] = False
        persons.append(chosen)
        starts.append(day + rng.integers(0, 20, len(chosen)))
    person = np.concatenate(persons) if persons else np.zeros(0, np.int64)
    start = np.concatenate(starts) if starts else np.zeros(0, np.int64)
    keep = (start <= people.leave[person]) & (start <= span.last_day)
    person, start = person[keep], start[keep]
    end = np.minimum(start + 30 * intervention.months, people.leave[person])
    arrays = (person, start, end, start + 1)
    return Enrolled(*(a.astype(np.int32) for a in arrays))


def _outreach(people: People, spells: Spells, emergencies: Ints, day: int) -> Floats:
    """Relative chance of being found: 0 for the ineligible."""
    age = (day - people.birth) / DAYS_PER_YEAR
    cared = [spells.names.index(n) for n in ("home_care", "round_the_clock_care") if n in spells.names]
    now = np.isin(spells.status, cared) & (spells.start <= day) & (spells.end >= day)
    eligible = age >= 75
    eligible[spells.person[now]] = False
    relative: Floats = np.exp(0.45 * np.minimum(emergencies, 3) + 0.04 * (np.minimum(age, 95) - 80))
    return relative * eligible


def change(
    events: Events,
    enrolled: Enrolled,
    effects: dict[int, float],
    n_persons: int,
    rng: np.random.Generator,
) -> Change:
    """Contacts from the first day of the effect on thinned (negative effect) or joined by more (positive
    effect).

    Parameters
    ----------
    effects
        Relative effect by service position.
    """
    start = np.full(n_persons, STILL, np.int32)
    start[enrolled.person] = enrolled.acts_from
    later = np.flatnonzero(events.day >= start[events.person])
    effect = np.zeros(128)
    for service, relative in effects.items():
        effect[service] = relative
    size = effect[events.service[later]]
    hit = rng.random(len(later)) < np.abs(size)
    removed, copied = later[hit & (size < 0)], later[hit & (size > 0)]
    more = events.take(copied)
    day = np.maximum(more.day - rng.integers(0, _COPY_DAYS, len(copied)).astype(np.int32), start[more.person])
    return Change(removed, Events(more.person, more.service, day), enrolled)
