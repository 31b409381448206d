"""What the persons of the synthetic county live with: latent class, conditions and states, year by year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ennakointi.synthetic import classes
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import (
    Calibration,
    Condition,
    Flags,
    Floats,
    Frailty,
    Ints,
    Status,
    by_age,
)
from ennakointi.synthetic.persons import STILL, People, age_on, death_rate

FAMILY = "family_with_children"


@dataclass(frozen=True, eq=False)
class Spells:
    """Periods in states: `person`, `status` (position in `names`), `start` and `end` days, `end` STILL = goes
    on."""

    names: tuple[str, ...]
    person: Ints
    status: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True, eq=False)
class Traits:
    """Needs of a chunk of persons; (n,) by person, (n, Y) by person and calendar year.

    `has` holds conditions (begun by mid-year) and states (on mid-year day); `lasting` and `yearly` are the
    gamma frailties with mean 1.
    """

    age: Ints
    latent: Ints
    has: Mapping[str, Flags]
    lasting: Floats
    yearly: Floats
    spells: Spells


def draw(people: People, calibration: Calibration, span: Span, rng: np.random.Generator) -> Traits:
    """Latent classes, conditions, states and frailties of a chunk of persons."""
    middles = ((span.year_starts[:-1] + span.year_starts[1:]) // 2).astype(np.int32)
    age = age_on(people.birth[:, None], middles)
    latent = classes.class_at(people.draw, age, calibration.needs)
    alive = people.birth[:, None] <= middles
    has: dict[str, Flags] = {}
    place = classes.place_of(people.draw)[:, None]
    for name, condition in calibration.needs.conditions.items():
        has[name] = (reached(condition, calibration)[age, place] > rng.random((len(people), 1))) & alive
    states = _states(age, latent, place, alive, calibration, rng)
    has.update(states)
    frailty = calibration.care.frailty
    return Traits(
        age,
        latent,
        has,
        rng.gamma(frailty.lasting_shape, 1 / frailty.lasting_shape, len(people)),
        _yearly(frailty, age.shape, rng),
        _spells(states, people, span, rng),
    )


def reached(kind: Condition | Status, calibration: Calibration) -> Floats:
    """Highest share so far of what lasts once begun, by age and place on the uniform scale (AGES, PLACES).

    The share of an age depends on the latent class that a place has at that age.
    """
    latent = classes.table(calibration.needs)
    share = by_age(kind.share)[:, None] * _by_class(kind.classes, calibration)[latent]
    return np.maximum.accumulate(share, axis=0)


def _yearly(frailty: Frailty, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return rng.gamma(frailty.yearly_shape, 1 / frailty.yearly_shape, shape)


def _by_class(multipliers: Mapping[str, float], calibration: Calibration) -> Floats:
    return np.array([multipliers.get(name, 1.0) for name in calibration.classes])


def condition_shares(calibration: Calibration) -> Floats:
    """Chance of having each condition by age and latent class, (conditions, AGES, classes)."""
    needs = calibration.needs
    member = classes.table(needs)[:, :, None] == np.arange(len(needs.classes))
    weight = classes.living(needs)[:, :, None] * member
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    shares = np.stack([np.clip(reached(c, calibration), 0, 1) for c in needs.conditions.values()])
    return np.einsum("cap,apk->cak", shares, weight)


def _states(
    age: Ints,
    latent: Ints,
    place: Ints,
    alive: Flags,
    calibration: Calibration,
    rng: np.random.Generator,
) -> dict[str, Flags]:
    """States on the mid-year day: lasting ones begin when their share passes the person's threshold, others
    come and go; round-the-clock care ends home care."""
    states = {}
    for name, status in calibration.needs.statuses.items():
        if status.ends == 0:
            states[name] = (reached(status, calibration)[age, place] > rng.random((len(age), 1))) & alive
            continue
        share = by_age(status.share)[age] * _by_class(status.classes, calibration)[latent]
        states[name] = _coming_and_going(np.clip(share, 0, 0.95), status, rng) & alive
    if {"home_care", "round_the_clock_care"} <= states.keys():
        states["home_care"] &= ~states["round_the_clock_care"]
    return states


def _coming_and_going(share: Floats, status: Status, rng: np.random.Generator) -> Flags:
    """A two-state chain over the years whose stationary share is the given one (n, Y)."""
    n, years = share.shape
    state = np.zeros((n, years), bool)
    state[:, 0] = rng.random(n) < share[:, 0]
    for y in range(1, years):
        p = share[:, y]
        starts = np.clip(status.ends * p / np.maximum(1 - p, 0.05), 0, 1)
        chance = np.where(state[:, y - 1], np.where(p > 0, 1 - status.ends, 0.0), starts)
        state[:, y] = rng.random(n) < chance
    return state


def _spells(
    states: Mapping[str, Flags],
    people: People,
    span: Span,
    rng: np.random.Generator,
) -> Spells:
    """Runs of years as periods of days inside the residence; the first and last year are cut at a random
    day."""
    names = (*states, FAMILY)
    parts = []
    for i, state in enumerate(states.values()):
        padded = np.zeros((len(people), state.shape[1] + 2), np.int8)
        padded[:, 1:-1] = state
        change = np.diff(padded, axis=1)
        person, first = np.nonzero(change == 1)
        last = np.nonzero(change == -1)[1] - 1
        start, end = _days_of_run(first, last, span, rng)
        parts.append((person, np.full(len(person), i), start, end))
    parent = np.flatnonzero(people.child_from <= people.child_until)
    parts.append((parent, np.full(len(parent), len(states)), people.child_from[parent], people.child_until[parent]))
    person, status, start, end = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return _inside_residence(Spells(names, person, status, start, end), people, span)


def _days_of_run(first: Ints, last: Ints, span: Span, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Start in the first half of the first year and end in the second half of the last one, so that the
    mid-year day lies inside; what goes on in the first or last simulated year is open there."""
    years = span.year_starts
    length = years[1:] - years[:-1]
    start = years[first] + (rng.random(len(first)) * length[first] / 2).astype(np.int64)
    start = np.where(first == 0, years[0] - rng.integers(1, 900, len(first)), start)
    end = years[last + 1] - 1 - (rng.random(len(last)) * length[last] / 2).astype(np.int64)
    return start, np.where(last == len(length) - 1, STILL, end)


def _inside_residence(spells: Spells, people: People, span: Span) -> Spells:
    """Cut at birth, arrival and departure; periods that begin after the delivered time are left out."""
    earliest = np.maximum(people.birth, people.enter)[spells.person]
    leave = people.leave[spells.person]
    start = np.maximum(spells.start, earliest)
    end = np.where(leave < STILL, np.minimum(spells.end, leave), spells.end)
    keep = (start <= end) & (start <= span.last_day)
    return Spells(
        spells.names,
        spells.person[keep].astype(np.int32),
        spells.status[keep].astype(np.int8),
        start[keep].astype(np.int32),
        end[keep].astype(np.int32),
    )


def yearly_death_chance(people: People, day: int, calibration: Calibration) -> Floats:
    """Chance of dying within a year from a day (n,)."""
    rate = death_rate(people.birth, people.female, people.draw, day + 182, calibration.needs)
    return 1 - np.exp(-rate)
