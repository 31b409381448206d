"""When care is given in the synthetic county: season, trend, working days and autocorrelated monthly noise,
by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import holidays
import numpy as np

from ennakointi.periods import DAYS_PER_YEAR, day_date, day_number, first_day, month_of
from ennakointi.synthetic.calibration import Calibration, Flags, Floats, Ints, Service

HORIZON_MONTHS = 12  # simulated beyond the last delivered day, so that open waits have a known end


@dataclass(frozen=True)
class Span:
    """The simulated time: delivered from `since` to `until`, simulated `HORIZON_MONTHS` longer."""

    since: date
    until: date

    @property
    def first_day(self) -> int:
        return day_number(self.since)

    @property
    def last_day(self) -> int:
        """Last delivered day."""
        return day_number(self.until)

    @property
    def end_day(self) -> int:
        """Last simulated day."""
        return day_number(first_day(month_of(self.until) + 1 + HORIZON_MONTHS)) - 1

    @property
    def first_month(self) -> int:
        return month_of(self.since)

    @property
    def n_months(self) -> int:
        """Delivered months."""
        return month_of(self.until) - self.first_month + 1

    @property
    def years(self) -> range:
        """Calendar years that the simulated days touch."""
        return range(self.since.year, day_date(self.end_day).year + 1)

    @cached_property
    def year_starts(self) -> Ints:
        """Day number of the first simulated day of each year, and the day after the last (Y + 1,)."""
        starts = [max(day_number(date(y, 1, 1)), self.first_day) for y in self.years]
        return np.array([*starts, self.end_day + 1], np.int32)

    @cached_property
    def month_starts(self) -> Ints:
        """Day number of the first day of every simulated month, and of the month after them."""
        months = range(self.first_month, month_of(day_date(self.end_day)) + 2)
        return np.array([day_number(first_day(m)) for m in months], np.int32)

    @cached_property
    def _month_of_day(self) -> Ints:
        days = np.arange(self.first_day, self.end_day + 1)
        return (np.searchsorted(self.month_starts, days, side="right") - 1).astype(np.int16)

    def month(self, day: Ints) -> Ints:
        """Months since `first_month` of simulated days."""
        return self._month_of_day[day - self.first_day]

    def year(self, day: Ints) -> Ints:
        """Years since the first of simulated days."""
        return np.searchsorted(self.year_starts, day, side="right") - 1


@dataclass(frozen=True, eq=False)
class Calendar:
    """Cumulated day weights: `cumulative` (services, municipalities, days + 1), in years of ordinary
    activity."""

    span: Span
    cumulative: Floats

    def between(self, service: int, municipality: Ints, start: Ints, end: Ints) -> tuple[Floats, Floats]:
        """Cumulated weight at the start of day `start` and of day `end`; both broadcast with
        `municipality`."""
        row, first = self.cumulative[service], self.span.first_day
        return row[municipality, start - first], row[municipality, end - first]

    @cached_property
    def _ladder(self) -> Floats:
        """Every row scaled to [0, 1) and raised by its number: one ascending array to search in."""
        services, places = self.cumulative.shape[:2]
        rows = self.cumulative / np.maximum(self.cumulative[:, :, -1:], 1e-12)
        ladder: Floats = (rows + np.arange(services * places).reshape(services, places, 1)).reshape(-1)
        return ladder

    def day_at(self, service: Ints | int, municipality: Ints, weight: Floats) -> Ints:
        """Day on which the cumulated weight (k,) is reached."""
        places, days = self.cumulative.shape[1:]
        row = np.asarray(service, np.int64) * places + municipality
        total = self.cumulative[:, :, -1].reshape(-1)[row]
        at = np.searchsorted(self._ladder, row + weight / np.maximum(total, 1e-12), side="right") - 1
        day = np.clip(at - row * days, 0, days - 2)
        return (day + self.span.first_day).astype(np.int32)


def build(calibration: Calibration, span: Span, rng: np.random.Generator | None) -> Calendar:
    """Day weights of every service and municipality; without random numbers, without the monthly noise."""
    services = calibration.care.services
    place_count = len(calibration.municipalities)
    n_months = len(span.month_starts) - 1
    noise = np.ones((len(services), place_count, n_months)) if rng is None else _noise(calibration, n_months, rng)
    days = np.arange(span.first_day, span.end_day + 1, dtype=np.int32)
    month, weekday = span.month(days), (days + 3) % 7  # 1970-01-01 was a Thursday
    holiday = _holidays(span)
    cumulative = np.zeros((len(services), place_count, len(days) + 1))
    for i, (name, service) in enumerate(services.items()):
        monthly = _level(service, calibration, span, n_months) * calibration.region.rate_multipliers.get(name, 1.0)
        week = np.array(calibration.care.weeks[service.week])
        daily = week[weekday] / week.sum() * 7 / DAYS_PER_YEAR
        if service.week == "office":
            daily = np.where(holiday, daily * 0.1, daily)
        np.cumsum((monthly * noise[i])[:, month] * daily, axis=1, out=cumulative[i, :, 1:])
    return Calendar(span, cumulative)


def _level(service: Service, calibration: Calibration, span: Span, n_months: int) -> Floats:
    """Season × trend × start of the service by month (n_months,), 1 in the reference year."""
    months = span.first_month + np.arange(n_months)
    season = np.array(calibration.care.seasons[service.season])
    years = (months - (calibration.region.reference_year * 12 + 6)) / 12
    level = (season / season.mean())[months % 12] * np.exp(service.trend * years)
    if service.starts is not None:
        level = level * np.clip((months - service.starts + 1) / service.ramp_months, 0, 1)
    return level


def _noise(calibration: Calibration, n_months: int, rng: np.random.Generator) -> Floats:
    """Monthly factors (services, municipalities, months): AR(1) on the log scale, county and municipality."""
    noise = calibration.care.noise
    services, places = len(calibration.services), len(calibration.municipalities)
    county = autoregressive((services, 1), n_months, noise.autocorrelation, rng) * noise.county_sd
    local = autoregressive((services, places), n_months, noise.autocorrelation, rng) * noise.municipality_sd
    return np.exp(county + local)


def autoregressive(shape: tuple[int, int], length: int, rho: float, rng: np.random.Generator) -> Floats:
    """Stationary AR(1) series with unit variance, (*shape, length)."""
    series = rng.standard_normal((*shape, length))
    for t in range(1, length):
        series[..., t] = rho * series[..., t - 1] + np.sqrt(1 - rho**2) * series[..., t]
    return series


def _holidays(span: Span) -> Flags:
    """Whether each simulated day is a public holiday or an eve that is free in practice."""
    days = holidays.country_holidays("FI", years=list(span.years), categories=("public", "unofficial"))
    numbers = np.array([day_number(day) for day in days], np.int64)
    return np.isin(np.arange(span.first_day, span.end_day + 1), numbers)
