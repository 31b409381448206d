"""What changes the need of services in the synthetic county between two years: its own rates by age and sex, the
projection it delivers, its planted trends, and scenarios that come true somewhere in their stated intervals."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.parameters.scenario_documents import DIGITAL_SHIFT, HEALTHY_AGEING, Scenario
from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.synthetic import calendar as synthetic_calendar
from ennakointi.synthetic import events as synthetic_events
from ennakointi.synthetic.calendar import Calendar
from ennakointi.synthetic.calibration import AGES, Floats, Ints
from ennakointi.synthetic.lives import County, Lives
from ennakointi.synthetic.persons import People

SEXES = ("female", "male")
_EVERY_YEARS = 3  # years from which rates by age are taken: every third one
_Z80 = float(stats.norm.ppf(0.9))


@dataclass
class DemandSums:
    """Sums over chunks: contacts expected at mean frailty (S, AGES, 2) and person-years (AGES, 2) of some years; the
    level of the last whole year (S,)."""

    county: County
    calendar: Calendar
    expected: Floats
    person_years: Floats
    level: Floats

    @classmethod
    def start(cls, county: County) -> DemandSums:
        """Empty sums; the calendar is the county's own without its monthly noise."""
        quiet = synthetic_calendar.build(county.calibration, county.span, None)
        services = len(county.calibration.services)
        return cls(county, quiet, np.zeros((services, AGES, 2)), np.zeros((AGES, 2)), np.zeros(services))

    @property
    def from_year(self) -> int | None:
        """The last whole delivered year; None in a county of less than a year."""
        span = self.county.span
        last = (span.first_month + span.n_months) // 12 - 1
        return last if last * 12 >= span.first_month else None

    def add(self, people: People, lives: Lives) -> None:
        """Add a chunk of persons."""
        if self.from_year is None:
            return
        span, calibration = self.county.span, self.county.calibration
        last = self.from_year - span.years[0]
        years = np.arange(last, -1, -_EVERY_YEARS)
        start, end = (days[:, years] for days in synthetic_events.residence(people, span))
        lived = (end - start) / DAYS_PER_YEAR
        age, traits = lives.traits.age[:, years], lives.traits
        cell = age * 2 + np.where(people.female, 0, 1)[:, None]
        dying = synthetic_events.last_year(people, calibration, span)[:, years]
        has = {name: values[:, years] for name, values in traits.has.items()}
        self.person_years += _summed(cell, lived)
        for i, service in enumerate(calibration.care.services.values()):
            rate = synthetic_events.yearly_rate(
                service, age, people.female[:, None], traits.latent[:, years], has, calibration.classes
            )
            rate = rate * (dying if service.frail else 1.0)
            self.expected[i] += _summed(cell, rate * lived)
            low, high = self.calendar.between(i, people.municipality, start[:, 0], end[:, 0])
            self.level[i] += (rate[:, 0] * (traits.lasting if service.frail else 1.0) * (high - low)).sum()
        self.level += self._planted(lives)

    def _planted(self, lives: Lives) -> Floats:
        """Contacts that the disruption's aftermath and the interventions add to the last whole year (S,)."""
        span, services = self.county.span, len(self.level)
        actual, base = lives.contacts.take(lives.actual), lives.base
        months = np.array([self.from_year * 12, self.from_year * 12 + 12]) - span.first_month  # type: ignore[operator]
        first, end = span.month_starts[months]
        counts = [
            np.bincount(rows.service[(rows.day >= first) & (rows.day < end)], minlength=services)
            for rows in (actual, base)
        ]
        return np.asarray(counts[0] - counts[1], float)

    def frames(self) -> dict[str, pd.DataFrame]:
        """`demand_rates`: contacts per person-year by service, age and sex; `demand_levels`: contacts expected in the
        last whole year, given all that lasts, and the planted trend of each service."""
        names = self.county.calibration.services
        rates = self.expected / np.maximum(self.person_years, 1e-9)
        service, age, sex = (a.reshape(-1) for a in np.indices(rates.shape))
        by_age = {"service": np.array(names)[service], "age": age, "sex": np.array(SEXES)[sex]}
        trend = [s.trend for s in self.county.calibration.care.services.values()]
        known = {"service": names, "from_year": self.from_year or 0, "level": self.level, "trend": trend}
        return {
            "demand_rates": pd.DataFrame({**by_age, "rate": rates.reshape(-1)}),
            "demand_levels": pd.DataFrame(known),
        }


def _summed(cell: Ints, values: Floats) -> Floats:
    return np.asarray(np.bincount(cell.reshape(-1), values.reshape(-1), minlength=AGES * 2).reshape(AGES, 2), float)


@dataclass(frozen=True, eq=False)
class _Year:
    """Residents of a year by age and sex (AGES, 2), the mean of its beginning and end."""

    persons: Floats

    def need(self, rates: Floats, younger: float = 0.0, from_age: int = 0) -> Floats:
        """Contacts (S,) at rates (S, AGES, 2), with users of `from_age` and over `younger` years younger."""
        ages = np.arange(AGES, dtype=float)
        at = np.where(ages >= from_age, ages - younger, ages)
        shifted = np.stack([[np.interp(at, ages, one[:, x]) for x in (0, 1)] for one in rates])
        return np.asarray((shifted * self.persons.T).sum(axis=(1, 2)))


def changes(
    folder: Path, data_end: int, seed: int, scenarios: Mapping[str, Scenario], to_year: int | None
) -> pd.DataFrame:
    """service, factor, from_year, to_year, change: the planted waterfall of all residents, contacts a year.

    The level of the first year is what persons with their classes, conditions, states and lasting frailty use in an
    ordinary year, with the interventions and the aftermath of the disruption as they were. Each factor is applied to it
    alone; `interaction` is the rest. A scenario's effect on a service is drawn once from its interval.
    """
    levels = pd.read_parquet(folder / "demand_levels.parquet")
    rates = pd.read_parquet(folder / "demand_rates.parquet")["rate"].to_numpy().reshape(len(levels), AGES, 2)
    people = pd.read_parquet(folder.parent / "population.parquet")
    from_year = int(levels["from_year"].iloc[0])
    last = int(people["year"].max()) if to_year is None else to_year
    then, now = (_residents(people, year) for year in (from_year, last))
    start, names = levels["level"].to_numpy(float), list(levels["service"])
    size = now.persons.sum() / then.persons.sum()
    base = np.maximum(then.need(rates), 1e-9)
    ages = now.need(rates) / base / size
    trend = np.exp(levels["trend"].to_numpy() * (last - from_year))
    factors = {"population": np.full(len(names), size), "ageing": ages}
    younger, from_age = _younger(scenarios, data_end, last, seed)
    end = start * size * ages * trend
    if from_age is not None:
        factors["healthy_ageing"] = then.need(rates, younger, from_age) / base
        end = end * now.need(rates, younger, from_age) / np.maximum(now.need(rates), 1e-9)
    bars = {name: start * (factor - 1) for name, factor in {**factors, "trend": trend}.items()}
    for scenario in scenarios.values():
        if scenario.kind != HEALTHY_AGEING:
            effects = _effects(scenario, names, seed) * _grown(scenario, data_end, last)
            bars[scenario.id] = _moved(scenario, start, effects, names)
            end = end + _moved(scenario, end, effects, names)
    bars = {"start": start, **bars, "interaction": end - start - sum(bars.values()), "end": end}
    return pd.DataFrame(
        _rows(names, bars, from_year, last), columns=["service", "factor", "from_year", "to_year", "change"]
    )


def _rows(names: list[str], bars: Mapping[str, Floats], from_year: int, to_year: int) -> Iterator[tuple[object, ...]]:
    for factor, values in bars.items():
        for service, value in [*zip(names, values, strict=True), ("all", values.sum())]:
            yield service, factor, from_year, to_year, float(value)


def _residents(people: pd.DataFrame, year: int) -> _Year:
    """The mean of the inhabitants at the end of the year before and of the year."""
    stock = np.zeros((AGES, 2))
    for end in (year - 1, year):
        rows = people[people["year"] == end]
        sex = np.where(rows["sex"] == SEXES[0], 0, 1)
        np.add.at(stock, (rows["age"].to_numpy(int), sex), rows["persons"].to_numpy(float) / 2)
    return _Year(stock)


def _generator(seed: int, *names: str) -> np.random.Generator:
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def _inside(interval: tuple[float, ...], rng: np.random.Generator) -> float:
    """A normal draw whose 10 % and 90 % quantiles are the ends."""
    low, high = interval
    return float(rng.normal((low + high) / 2, (high - low) / 2 / _Z80))


def _effects(scenario: Scenario, names: list[str], seed: int) -> Floats:
    """Relative change by service (S,) at full effect; of a digital shift the share that moves, as a loss."""
    effects = np.zeros(len(names))
    for service, interval in scenario.services.items():
        if service in names:
            drawn = _inside(interval, _generator(seed, scenario.id, service))
            effects[names.index(service)] = -max(drawn, 0.0) if scenario.kind == DIGITAL_SHIFT else max(drawn, -1.0)
    return effects


def _moved(scenario: Scenario, level: Floats, effects: Floats, names: list[str]) -> Floats:
    change = level * effects
    if scenario.to_service in names:
        gained = -change.sum() * scenario.contacts_per_contact
        change[names.index(str(scenario.to_service))] += gained
    return np.asarray(change)


def _grown(scenario: Scenario, data_end: int, year: int) -> float:
    """Mean share of the full effect in a year, beyond what had grown when the data end."""

    def share(month: int) -> float:
        first, last = scenario.from_ or 0, scenario.to or 0
        x = min(max((month - first + 1) / (last - first + 1), 0.0), 1.0)
        return {"step": float(x > 0), "linear": x, "front": 1 - (1 - x) ** 2, "back": x**2}[scenario.profile]

    return float(np.mean([max(share(year * 12 + m) - share(data_end), 0.0) for m in range(12)]))


def _younger(scenarios: Mapping[str, Scenario], data_end: int, year: int, seed: int) -> tuple[float, int | None]:
    """Years that users are younger in a year, and the age from which; no age without healthier ageing."""
    for scenario in scenarios.values():
        if scenario.kind == HEALTHY_AGEING and scenario.years_per_year is not None:
            a_year = _inside(scenario.years_per_year, _generator(seed, scenario.id))
            return a_year * (year * 12 + 5.5 - data_end) / 12, scenario.from_age
    return 0.0, None
