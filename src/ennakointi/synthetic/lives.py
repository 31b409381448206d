"""The histories of a chunk of persons, without and with the disruption, and everything that happened on the
way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.synthetic import disruption, interventions, needs, queues
from ennakointi.synthetic import events as synthetic_events
from ennakointi.synthetic.calendar import Calendar, Span
from ennakointi.synthetic.calibration import Calibration, Flags, Intervention, Ints
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.interventions import Change, Enrolled
from ennakointi.synthetic.needs import Traits
from ennakointi.synthetic.persons import People
from ennakointi.synthetic.queues import Entries
from ennakointi.synthetic.register import NONE, Register
from ennakointi.synthetic.settings import SyntheticSettings

FOLLOW_UPS = (12, None)  # months after the start in which effects are told; None = until the end of the data


@dataclass(frozen=True, eq=False)
class County:
    """What all chunks share. `register` is what is delivered; `seen` is what those who choose persons for an
    intervention see, with the changes of organisers also when `register` is without them: care stays the same."""

    calibration: Calibration
    span: Span
    calendar: Calendar
    register: Register
    seen: Register
    settings: SyntheticSettings
    residents: int


@dataclass(frozen=True)
class Effect:
    """Sums of one intervention, service and follow-up over persons: contacts it started from, took away and
    added."""

    intervention: str
    service: str
    follow_up_months: int | None
    relative: float
    persons: int
    person_years: float
    contacts: int
    removed: int
    added: int


@dataclass(frozen=True, eq=False)
class Lives:
    """Contacts of delivered days in no order: `undisturbed` and `actual` (k,) say in which history each one
    stands.

    `base`, `missed` and `queue` hold the whole simulated time.
    """

    traits: Traits
    contacts: Events
    undisturbed: Flags
    actual: Flags
    base: Events
    missed: disruption.Missed
    queue: Entries
    enrolments: Mapping[str, Enrolled]
    effects: tuple[Effect, ...]


def live(people: People, county: County, rng: np.random.Generator) -> Lives:
    """Draw needs and contacts, disrupt them, and let the interventions act."""
    calibration, span = county.calibration, county.span
    traits = needs.draw(people, calibration, span, rng)
    base = synthetic_events.draw(people, traits, calibration, county.calendar, rng)
    waiting = disruption.ordinary_waits(base, people, calibration, rng)
    wanted = (base.day <= span.last_day) | (waiting.referred & (waiting.received <= span.last_day))
    base = base.take(wanted)
    waiting = disruption.Waiting(waiting.referred[wanted], waiting.received[wanted])
    missed = _missed(base, waiting, people, traits, county, rng)
    on_time = np.ones(len(base), bool)
    on_time[missed.event] = False
    back = disruption.returned_events(base, missed)
    replacing = disruption.substituted_events(base, missed, calibration)
    contacts = synthetic_events.join(base, back, replacing)
    undisturbed = np.arange(len(contacts)) < len(base)
    actual = np.concatenate([on_time, np.ones(len(back) + len(replacing), bool)])
    stays = np.ones(len(contacts), bool)
    enrolments, effects, added = {}, [], []
    for name, intervention in calibration.region.interventions.items():
        held = actual & stays
        enrolled = _enrolled(intervention, people, traits, contacts.take(held), county, rng)
        change = _change(intervention, enrolled, contacts, undisturbed & held, people, county, rng)
        effects += _effects(name, intervention, change, contacts, held, people, county)
        stays[change.removed] = False
        added.append(change.added)
        if intervention.kind != "municipalities":
            enrolments[name] = enrolled
    queue = queues.entries(base, waiting, missed, calibration, span, rng)
    more = synthetic_events.join(*added) if added else contacts.take(np.zeros(0, np.int64))
    both = np.ones(len(more), bool)
    contacts = synthetic_events.join(contacts, more)
    shown = np.concatenate([stays, both]) & (contacts.day <= span.last_day)
    undisturbed, actual = (np.concatenate([flags, both])[shown] for flags in (undisturbed, actual))
    return Lives(traits, contacts.take(shown), undisturbed, actual, base, missed, queue, enrolments, tuple(effects))


def _missed(
    base: Events,
    waiting: disruption.Waiting,
    people: People,
    traits: Traits,
    county: County,
    rng: np.random.Generator,
) -> disruption.Missed:
    if not county.settings.disruption:
        none = np.zeros(0, np.int8)
        return disruption.Missed(none.astype(np.int64), none, none, none.astype(np.int32))
    return disruption.miss(
        base,
        waiting.referred,
        people,
        traits,
        county.calibration,
        county.calendar,
        county.settings.private_leakage,
        county.settings.waning_return,
        rng,
    )


def _enrolled(
    intervention: Intervention,
    people: People,
    traits: Traits,
    actual: Events,
    county: County,
    rng: np.random.Generator,
) -> Enrolled:
    calibration, span = county.calibration, county.span
    if intervention.kind == "municipalities":
        return interventions.adopters(people, intervention, calibration, span)
    inside = actual.take(actual.day <= span.last_day)
    place = people.municipality[inside.person]
    held = county.seen.status[inside.service, place, span.month(inside.day)] != NONE
    counted = intervention.counted if intervention.kind == "heavy_users" else ["emergency"]
    services = [calibration.service(name) for name in counted]
    observed = interventions.observed_by_month(inside.take(held), services, len(people), span)
    expected = intervention.expected_per_1000 * county.residents / 1000
    share = intervention.share * min(1.0, intervention.largest / max(expected, 1.0))
    return interventions.enrol(people, traits.spells, intervention, observed, span, share, rng)


def _change(
    intervention: Intervention,
    enrolled: Enrolled,
    contacts: Events,
    open_to_change: Flags,
    people: People,
    county: County,
    rng: np.random.Generator,
) -> Change:
    """The effects, on contacts that stand in both histories."""
    rows = np.flatnonzero(open_to_change)
    effects = {county.calibration.service(name): size for name, size in intervention.effects.items()}
    change = interventions.change(contacts.take(rows), enrolled, effects, len(people), rng)
    return Change(rows[change.removed], change.added, enrolled)


def _effects(
    name: str,
    intervention: Intervention,
    change: Change,
    contacts: Events,
    held: Flags,
    people: People,
    county: County,
) -> list[Effect]:
    enrolled, span = change.enrolled, county.span
    before = contacts.take(held)
    removed = contacts.take(change.removed)
    out = []
    for months in FOLLOW_UPS:
        last = np.minimum(people.leave[enrolled.person], span.last_day)
        if months is not None:
            last = np.minimum(last, enrolled.acts_from + int(months * DAYS_PER_YEAR / 12))
        years = float(np.maximum(last - enrolled.acts_from + 1, 0).sum() / DAYS_PER_YEAR)
        window = np.stack([np.full(len(people), span.end_day + 1), np.full(len(people), -1)])
        window[0, enrolled.person], window[1, enrolled.person] = enrolled.acts_from, last
        for service, relative in intervention.effects.items():
            counts = [
                int(_inside(events, county.calibration.service(service), window).sum())
                for events in (before, removed, change.added)
            ]
            out.append(Effect(name, service, months, relative, len(enrolled.person), years, *counts))
    return out


def _inside(events: Events, service: int, window: Ints) -> Flags:
    first, last = window[:, events.person]
    inside: Flags = (events.service == service) & (events.day >= first) & (events.day <= last)
    return inside
