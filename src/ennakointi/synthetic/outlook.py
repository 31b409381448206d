"""Person-level truth of the synthetic county: risks of the coming year, and the best latent class that can be
told."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from ennakointi.synthetic import classes as synthetic_classes
from ennakointi.synthetic.calendar import Calendar
from ennakointi.synthetic.calibration import Calibration, Floats, Ints
from ennakointi.synthetic.events import Events, yearly_rate
from ennakointi.synthetic.needs import Traits, condition_shares, reached, yearly_death_chance
from ennakointi.synthetic.persons import People, age_on

OUTCOMES = {
    "emergency": ("emergency", 1),
    "frequent_emergency": ("emergency", 3),
    "inpatient": ("specialised_inpatient", 1),
    "heavy_use": ("primary_care", 10),
}
STARTS = ("home_care", "round_the_clock_care")  # states that last once begun
_NODES = 24  # quantiles of the frailty over which the likelihood of a class is averaged


def risks(
    people: People,
    ids: Ints,
    traits: Traits,
    calibration: Calibration,
    calendar: Calendar,
    day: int,
) -> pd.DataFrame:
    """Chance of each outcome in the 365 days after a day, given all that lasts (class, conditions, lasting
    frailty).

    At least one or three emergency contacts, one hospital admission, ten primary care contacts, the start of home
    care or of round-the-clock care (of those who are not in that state), and death; for residents of that day, as if
    they stayed. Planted intervention effects are not included.
    """
    rows = np.flatnonzero(people.resident_on(day))
    here = people.take(rows)
    year = int(calendar.span.year(np.array([day], np.int32))[0])
    parts = []
    for outcome, (name, at_least) in OUTCOMES.items():
        expected = _expected(here, rows, name, traits, calibration, calendar, day, year)
        shape = calibration.care.frailty.yearly_shape
        chance = stats.nbinom.sf(at_least - 1, shape, shape / (shape + expected))
        parts.append((outcome, chance))
    for state in STARTS:
        parts.append((state, _starting(here, rows, state, traits, calibration, calendar, day)))
    parts.append(("death", yearly_death_chance(here, day, calibration)))
    frames = [pd.DataFrame({"person_id": ids[rows], "day": day, "outcome": o, "risk": r}) for o, r in parts]
    return pd.concat(frames, ignore_index=True).dropna(subset="risk").reset_index(drop=True)


def _starting(
    here: People, rows: Ints, state: str, traits: Traits, calibration: Calibration, calendar: Calendar, day: int
) -> Floats:
    """Chance that a lasting state begins in the coming year (n,); NaN for those who are in it.

    States are of calendar years and begin in the first half of one: (R(a + 1) − R(a)) / (1 − R(a)), R being the
    share reached by an age. Who enters round-the-clock care gets no home care.
    """
    year = int(calendar.span.year(np.array([day], np.int32))[0])
    age, place = traits.age[rows, year], synthetic_classes.place_of(here.draw)
    now, then = (_reached_at(state, age + step, place, calibration) for step in (0, 1))
    begins = (then - now) / np.maximum(1 - now, 1e-9)
    elsewhere = traits.has["round_the_clock_care"][rows, year]
    if state == "home_care":
        begins = begins * (1 - _reached_at("round_the_clock_care", age + 1, place, calibration))
    chance: Floats = np.where(traits.has[state][rows, year] | elsewhere, np.nan, begins)
    return chance


def _reached_at(state: str, age: Ints, place: Ints, calibration: Calibration) -> Floats:
    shares = np.clip(reached(calibration.needs.statuses[state], calibration), 0, 1)
    at: Floats = shares[np.minimum(age, len(shares) - 1), place]
    return at


def _expected(
    here: People,
    rows: Ints,
    name: str,
    traits: Traits,
    calibration: Calibration,
    calendar: Calendar,
    day: int,
    year: int,
) -> Floats:
    """Mean contacts of the coming year at the person's lasting frailty (n,)."""
    service, i = calibration.care.services[name], calibration.service(name)
    has = {condition: values[rows, year] for condition, values in traits.has.items()}
    age = age_on(here.birth, day + 182)
    rate = yearly_rate(service, age, here.female, traits.latent[rows, year], has, calibration.classes)
    end = min(day + 366, calendar.span.end_day)
    first = np.full(len(here), day + 1, np.int32)
    low, high = calendar.between(i, here.municipality, first, np.full(len(here), end, np.int32))
    return rate * (high - low) * traits.lasting[rows]


def classes(
    people: People,
    ids: Ints,
    traits: Traits,
    contacts: Events,
    calibration: Calibration,
    calendar: Calendar,
) -> pd.DataFrame:
    """Latent class at the end of the data, and the most probable one given what an analyst can observe.

    Observed: age, sex, conditions, states and the numbers of contacts by service in the last 12 months.
    `best_class` is the Bayes choice under the generator's own parameters: no method can agree with
    `latent_class` more often.
    """
    day, span = calendar.span.last_day, calendar.span
    rows = np.flatnonzero(people.resident_on(day) & (np.maximum(people.enter, people.birth) <= day - 365))
    here, year = people.take(rows), int(span.year(np.array([day], np.int32))[0])
    recent = contacts.take((contacts.day > day - 365) & (contacts.day <= day))
    n_services = len(calibration.services)
    cell = recent.person.astype(np.int64) * n_services + recent.service
    counts = np.bincount(cell, minlength=len(people) * n_services).reshape(len(people), n_services)[rows]
    age = traits.age[rows, year]
    prior = np.log(np.maximum(synthetic_classes.shares(calibration.needs), 1e-12))
    score = prior[age] + _condition_score(rows, age, year, traits, calibration)
    score += _contact_score(counts, here, rows, age, year, traits, calibration, calendar)
    names = np.array(calibration.classes)
    return pd.DataFrame(
        {
            "person_id": ids[rows],
            "latent_class": names[traits.latent[rows, year]],
            "best_class": names[score.argmax(axis=1)],
            "best_probability": special.softmax(score, axis=1).max(axis=1).round(6),
        }
    )


def _condition_score(rows: Ints, age: Ints, year: int, traits: Traits, calibration: Calibration) -> Floats:
    """Log chance of the person's conditions in each class (n, K)."""
    score = np.zeros((len(rows), len(calibration.classes)))
    for name, shares in zip(calibration.needs.conditions, condition_shares(calibration), strict=True):
        chance = np.clip(shares, 1e-6, 1 - 1e-6)[age]
        has = traits.has[name][rows, year][:, None]
        score += np.where(has, np.log(chance), np.log1p(-chance))
    return score


def _contact_score(
    counts: Ints,
    here: People,
    rows: Ints,
    age: Ints,
    year: int,
    traits: Traits,
    calibration: Calibration,
    calendar: Calendar,
) -> Floats:
    """Log likelihood of the year's contacts in each class (n, K), averaged over the unknown frailty."""
    frailty = calibration.care.frailty
    rng = np.random.default_rng(0)
    draws = np.sort(
        rng.gamma(frailty.lasting_shape, 1 / frailty.lasting_shape, 24_000)
        * rng.gamma(frailty.yearly_shape, 1 / frailty.yearly_shape, 24_000)
    )
    nodes = np.maximum(draws.reshape(_NODES, -1).mean(axis=1), 1e-4)
    has = {name: values[rows, year] for name, values in traits.has.items()}
    day = calendar.span.last_day
    first, last = (np.full(len(rows), d, np.int32) for d in (max(day - 364, calendar.span.first_day), day + 1))
    out = np.zeros((len(rows), len(calibration.classes)))
    for k in range(len(calibration.classes)):
        frail_mean, frail_log, fixed = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows))
        frail_count = np.zeros(len(rows))
        latent = np.full(len(rows), k)
        for i, service in enumerate(calibration.care.services.values()):
            low, high = calendar.between(i, here.municipality, first, last)
            rate = yearly_rate(service, age, here.female, latent, has, calibration.classes) * (high - low)
            log = special.xlogy(counts[:, i], np.maximum(rate, 1e-9))
            if service.frail:
                frail_mean, frail_log = frail_mean + rate, frail_log + log
                frail_count = frail_count + counts[:, i]
            else:
                fixed = fixed + log - rate
        along = frail_count[:, None] * np.log(nodes) - frail_mean[:, None] * nodes
        out[:, k] = fixed + frail_log + special.logsumexp(along, axis=1) - np.log(_NODES)
    return out
