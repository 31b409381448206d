"""The population of the synthetic county: births, deaths and moves that follow each municipality's yearly
numbers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ennakointi.periods import DAYS_PER_YEAR, day_number
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import AGES, Calibration, Flags, Floats, Ints, Needs, by_age
from ennakointi.synthetic.classes import base_death_rate, class_at, draw_living

ALWAYS = -30_000  # day number of residence since before the data
STILL = 40_000  # day number of an end that does not come in the simulated time
_ADULT_DAYS = 18 * DAYS_PER_YEAR


@dataclass(frozen=True, eq=False)
class People:
    """Everybody who was ever resident; arrays (n,), days as day numbers.

    `enter` ALWAYS = resident since before the data; `leave` last day of residence or STILL; `died` whether
    that day is the day of death; `draw` uniform, places the person among the latent classes at every age;
    `child_from` and `child_until` the days with a child in the household (empty when `child_from` >
    `child_until`).
    """

    birth: Ints
    female: Flags
    municipality: Ints
    enter: Ints
    leave: Ints
    died: Flags
    draw: Floats
    household: Ints
    child_from: Ints
    child_until: Ints

    def __len__(self) -> int:
        return len(self.birth)

    def take(self, rows: slice | Ints) -> People:
        """The same arrays for some persons."""
        return People(*(getattr(self, f.name)[rows] for f in fields(self)))

    def resident_on(self, day: int) -> Flags:
        """Resident on a day (n,)."""
        return (self.birth <= day) & (self.enter <= day) & (self.leave >= day)


def age_on(birth: Ints, day: Ints | int) -> Ints:
    """Whole years, 0…100 (100 = and over)."""
    return np.clip((day - birth) / DAYS_PER_YEAR, 0, AGES - 1).astype(np.int64)


def death_rate(birth: Ints, female: Flags, draw: Floats, day: int, needs: Needs) -> Floats:
    """Deaths per year (n,): Gompertz in age, by sex and latent class."""
    age = np.clip((day - birth) / DAYS_PER_YEAR, 0, 110)
    multiplier = np.array([c.mortality for c in needs.classes.values()])
    rate = base_death_rate(needs, age) * np.where(female, needs.mortality.women, needs.mortality.men)
    return rate * multiplier[class_at(draw, age_on(birth, day), needs)]


def simulate(calibration: Calibration, span: Span, residents: int, rng: np.random.Generator) -> People:
    """Everybody who lives in the county during the simulated time.

    The population on each 31 December follows the calibration, scaled so that the county has `residents`
    inhabitants at the end of the reference year: arrivals fill what births, deaths and departures leave open.
    """
    stock = _first_stock(calibration, span, residents, rng)
    targets = _targets(calibration, span, residents)
    for year, target in zip(span.years, targets[1:]):
        stock = _live_one_year(stock, year, target, calibration, rng)
    people = _with_households(stock, span, rng)
    return people.take(rng.permutation(len(people)))


def _targets(calibration: Calibration, span: Span, residents: int) -> Ints:
    """Inhabitants by municipality at the end of the year before the first and of every simulated year."""
    region = calibration.region
    known = np.array([m.population for m in region.municipalities.values()], float)
    scale = residents / known[:, region.reference_year - region.first_population_year].sum()
    rows = []
    for year in range(span.years[0] - 1, span.years[-1] + 1):
        at = year - region.first_population_year
        beyond = max(at - known.shape[1] + 1, 0)
        last = known[:, min(max(at, 0), known.shape[1] - 1)]
        rows.append((last + beyond * (known[:, -1] - known[:, -2])) * scale)
    return np.maximum(np.rint(rows), 1).astype(np.int64)


def _new(n: int, **arrays: NDArray[np.generic]) -> dict[str, NDArray]:
    empty = {
        "birth": np.zeros(n, np.int32),
        "female": np.zeros(n, bool),
        "municipality": np.zeros(n, np.int16),
        "enter": np.full(n, ALWAYS, np.int32),
        "leave": np.full(n, STILL, np.int32),
        "died": np.zeros(n, bool),
        "draw": np.zeros(n, np.float32),
        "mother": np.full(n, -1, np.int32),
    }
    return {name: arrays[name].astype(values.dtype) if name in arrays else values for name, values in empty.items()}


def _first_stock(calibration: Calibration, span: Span, residents: int, rng: np.random.Generator) -> dict[str, NDArray]:
    """Inhabitants on the eve of the first day: the known ages carried back with deaths undone."""
    counts = _targets(calibration, span, residents)[0]
    place = np.repeat(np.arange(len(counts)), counts)
    shift = max(calibration.region.ages_year + 1 - span.since.year, 0)
    age = np.empty(len(place))
    for i, municipality in enumerate(calibration.region.municipalities.values()):
        weights = _earlier_ages(calibration.region.ages[municipality.ages], shift, calibration.needs)
        mine = place == i
        age[mine] = rng.choice(AGES, size=int(mine.sum()), p=weights / weights.sum()) + rng.random(int(mine.sum()))
    female = rng.random(len(place)) < 0.488 + 0.0022 * np.clip(age - 60, 0, 40)
    birth = span.first_day - 1 - (age * DAYS_PER_YEAR).astype(np.int32)
    draw = draw_living(age.astype(np.int64), calibration.needs, rng)
    return _new(len(place), birth=birth, female=female, municipality=place, draw=draw)


def _earlier_ages(bands: list[float], shift: int, needs: Needs) -> Floats:
    """Weights by single age `shift` years before the bands were counted, (AGES,)."""
    later = np.repeat(np.array(bands) / 5, 5)
    later = np.concatenate([later, np.full(AGES + shift - len(later), later[-1] / 8)])
    hazard = base_death_rate(needs, np.arange(AGES + shift, dtype=float))
    survival = np.array([np.exp(-hazard[a : a + shift].sum()) for a in range(AGES)])
    moved = later[shift : AGES + shift] / np.maximum(survival, 0.05)
    settled = np.exp(-np.arange(AGES) / 6) * shift / 8  # the young who left or came since then
    return moved * (1 - settled.clip(0, 0.4)) + later[:AGES] * settled.clip(0, 0.4)


def _live_one_year(
    stock: dict[str, NDArray],
    year: int,
    target: Ints,
    calibration: Calibration,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    """Deaths, departures, births and arrivals of a calendar year."""
    needs, first = calibration.needs, day_number_of(year)
    days = day_number_of(year + 1) - first
    here = np.flatnonzero(stock["leave"] == STILL)
    birth, female, draw = stock["birth"][here], stock["female"][here], stock["draw"][here]
    dies = rng.random(len(here)) < 1 - np.exp(-death_rate(birth, female, draw, first + days // 2, needs))
    age = age_on(birth, first + days // 2)
    goes = ~dies & (rng.random(len(here)) < by_age(needs.leaving)[age])
    ends = dies | goes
    stock["leave"][here[ends]] = first + rng.integers(0, days, int(ends.sum()))
    stock["died"][here[dies]] = True
    gives_birth = female & ~ends & (rng.random(len(here)) < by_age(needs.fertility)[age])
    newborn = _births(stock, here[gives_birth], first, days, rng)
    staying = np.bincount(stock["municipality"][here[~ends]], minlength=len(target))
    wanted = target - staying - np.bincount(newborn["municipality"], minlength=len(target))
    _send_away(stock, -wanted.clip(max=0), first, days, rng)
    arrived = _arrivals(wanted.clip(min=0), first, days, needs, rng)
    return {name: np.concatenate([stock[name], newborn[name], arrived[name]]) for name in stock}


def day_number_of(year: int) -> int:
    """Day number of 1 January."""
    return day_number(date(year, 1, 1))


def _births(
    stock: dict[str, NDArray], mothers: Ints, first: int, days: int, rng: np.random.Generator
) -> dict[str, NDArray]:
    day = first + rng.integers(0, days, len(mothers))
    return _new(
        len(mothers),
        birth=day,
        enter=day,
        female=rng.random(len(mothers)) < 0.488,
        municipality=stock["municipality"][mothers],
        draw=rng.random(len(mothers), dtype=np.float32),
        mother=mothers,
    )


def _send_away(stock: dict[str, NDArray], surplus: Ints, first: int, days: int, rng: np.random.Generator) -> None:
    """More departures where the births would pass the year's number."""
    for place in np.flatnonzero(surplus):
        here = np.flatnonzero((stock["leave"] == STILL) & (stock["municipality"] == place))
        chosen = rng.choice(here, size=min(int(surplus[place]), len(here)), replace=False)
        stock["leave"][chosen] = first + rng.integers(0, days, len(chosen))


def _arrivals(wanted: Ints, first: int, days: int, needs: Needs, rng: np.random.Generator) -> dict[str, NDArray]:
    n = int(wanted.sum())
    weights = by_age(needs.coming)
    age = rng.choice(AGES, size=n, p=weights / weights.sum()) + rng.random(n)
    enter = first + rng.integers(0, days, n)
    return _new(
        n,
        birth=enter - (age * DAYS_PER_YEAR).astype(np.int32) - 1,
        enter=enter,
        female=rng.random(n) < 0.49,
        municipality=np.repeat(np.arange(len(wanted)), wanted),
        draw=draw_living(age.astype(np.int64), needs, rng),
    )


def _with_households(stock: dict[str, NDArray], span: Span, rng: np.random.Generator) -> People:
    """Children with mothers, women with partners; everybody else lives alone."""
    mother, household = stock["mother"], np.arange(len(stock["mother"]), dtype=np.int32)
    age_at_start = np.maximum(stock["enter"], span.first_day) - stock["birth"]
    for place in range(int(stock["municipality"].max()) + 1):
        here = np.flatnonzero(stock["municipality"] == place)
        minor = age_at_start[here] < _ADULT_DAYS
        _find_mothers(stock, mother, here[minor], here[~minor], rng)
        _pair(household, stock, here[~minor], rng)
    child = mother >= 0
    household[child] = household[mother[child]]
    born = np.full(len(mother), STILL, np.int32)
    grown = np.full(len(mother), ALWAYS, np.int32)
    np.minimum.at(born, household[child], stock["birth"][child])
    np.maximum.at(grown, household[child], stock["birth"][child] + np.int32(_ADULT_DAYS))
    arrays = {name: stock[name] for name in ("birth", "female", "municipality", "enter", "leave", "died", "draw")}
    return People(
        **arrays,
        household=household,
        child_from=np.where(child, STILL, born[household]).astype(np.int32),
        child_until=np.where(child, ALWAYS, grown[household]).astype(np.int32),
    )


def _find_mothers(
    stock: dict[str, NDArray],
    mother: Ints,
    minors: Ints,
    adults: Ints,
    rng: np.random.Generator,
) -> None:
    """A mother 20–40 years older, from the same municipality, for children born before the data or
    elsewhere."""
    children = minors[mother[minors] < 0]
    women = adults[stock["female"][adults]]
    if len(women) == 0:
        return
    women = women[np.argsort(stock["birth"][women], kind="stable")]
    wanted = stock["birth"][children] - rng.integers(20 * 365, 40 * 365, len(children))
    mother[children] = women[np.searchsorted(stock["birth"][women], wanted).clip(0, len(women) - 1)]


def _pair(
    household: Ints,
    stock: dict[str, NDArray],
    adults: Ints,
    rng: np.random.Generator,
) -> None:
    """Two of three adults live as couples of about the same age."""
    chosen = adults[rng.random(len(adults)) < 0.66]
    by_birth = chosen[np.argsort(stock["birth"][chosen], kind="stable")]
    women = by_birth[stock["female"][by_birth]]
    men = by_birth[~stock["female"][by_birth]]
    n = min(len(women), len(men))
    household[men[:n]] = household[women[:n]]
