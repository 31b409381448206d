"""Contacts that the synthetic county would have without the disruption: intensities, counts and days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from ennakointi.synthetic.calendar import Calendar, Span
from ennakointi.synthetic.calibration import Calibration, Flags, Floats, Ints, Service, by_age
from ennakointi.synthetic.needs import Traits
from ennakointi.synthetic.persons import People


@dataclass(frozen=True, eq=False)
class Events:
    """Contacts (k,): `person` in the chunk, `service` position, `day` number."""

    person: Ints
    service: Ints
    day: Ints

    def __len__(self) -> int:
        return len(self.day)

    def take(self, rows: Flags | Ints) -> Events:
        return Events(*(getattr(self, f.name)[rows] for f in fields(self)))


def join(*parts: Events) -> Events:
    """Contacts one part after another."""
    return Events(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)))


def yearly_rate(
    service: Service,
    age: Ints,
    female: Flags,
    latent: Ints,
    has: Mapping[str, Flags],
    classes: tuple[str, ...],
) -> Floats:
    """Contacts a year at ordinary activity and mean frailty; every array broadcasts to the result."""
    woman = 2 * service.female / (1 + service.female)
    rate = by_age(service.rate)[age] * np.where(female, woman, 2 - woman)
    for name, more in service.adds.items():
        rate = rate + more * has[name]
    return rate * np.array([service.classes.get(name, 1.0) for name in classes])[latent]


def draw(
    people: People, traits: Traits, calibration: Calibration, calendar: Calendar, rng: np.random.Generator
) -> Events:
    """Contacts of a chunk of persons: Poisson counts a year, spread over days by the calendar's weights."""
    span = calendar.span
    start, end = residence(people, span)
    frail = traits.lasting[:, None] * traits.yearly * last_year(people, calibration, span)
    female, place = people.female[:, None], people.municipality[:, None]
    parts = []
    for i, service in enumerate(calibration.care.services.values()):
        low, high = calendar.between(i, place, start, end)
        expected = yearly_rate(service, traits.age, female, traits.latent, traits.has, calibration.classes)
        expected = expected * (frail if service.frail else 1.0) * (high - low)
        n = rng.poisson(expected)
        person, year = np.nonzero(n)
        times = n[person, year]
        person, year = np.repeat(person, times), np.repeat(year, times)
        lowest, highest = low[person, year], high[person, year]
        weight = lowest + rng.random(len(person)) * (highest - lowest)
        day = calendar.day_at(i, people.municipality[person], weight)
        day = np.clip(day, start[person, year], end[person, year] - 1)
        parts.append(Events(person.astype(np.int32), np.full(len(person), i, np.int8), day.astype(np.int32)))
    return join(*parts)


def residence(people: People, span: Span) -> tuple[Ints, Ints]:
    """First day and the day after the last one of residence in each year (n, Y); equal when there is none."""
    years = span.year_starts
    since = np.maximum(people.enter, people.birth)[:, None]
    start = np.clip(since, years[:-1], years[1:])
    end = np.clip(people.leave[:, None] + 1, years[:-1], years[1:])
    return start, np.maximum(end, start)


def last_year(people: People, calibration: Calibration, span: Span) -> Floats:
    """More care in the calendar year of death and, half of that, in the year before it (n, Y)."""
    more = calibration.care.frailty.last_year_of_life
    factor = np.ones((len(people), len(span.years)))
    dies = np.flatnonzero(people.died & (people.leave >= span.first_day) & (people.leave <= span.end_day))
    year = span.year(people.leave[dies])
    factor[dies, year] = more
    before = year > 0
    factor[dies[before], year[before] - 1] = (1 + more) / 2
    return factor
