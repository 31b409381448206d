"""What public holidays do to the days of a series, learned from it; nothing where it shows nothing."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import holidays
import numpy as np

from ennakointi.forecast.series import Floats

_EPOCH = date(1970, 1, 1)
_WEEKS_AROUND = (-4, -3, -2, -1, 1, 2, 3, 4)
_SURE = 2.0  # standard errors that an effect must differ from nothing
_SMALL = 0.05  # sd of a log ratio that is taken for granted


def factors(values: Floats, end: int, country: str, ahead: int) -> Floats:
    """Multiplicative factor of every past and coming day, shape (n + ahead,); 1 = a usual weekday.

    Two effects: a public holiday from Monday to Friday, and a working day after one. Each is the median log ratio of
    such days to the median of the same weekday four weeks around, times k / (k + 1) for k days, and nothing when it
    is within two standard errors of nothing: a calendar that is not the series' own leaves no trace.

    Parameters
    ----------
    values : (n,) filled counts. end : day number (days since 1970-01-01) of the last one. country : ISO code.
    """
    n = len(values)
    days = [_EPOCH + timedelta(days=end - n + 1 + i) for i in range(n + ahead)]
    free = np.array([_free(day, country) for day in days])
    after = np.array([day.weekday() < 5 and _free(day - timedelta(days=1), country) for day in days]) & ~free
    out = np.ones(n + ahead)
    ratio = _log_ratio(values, free[:n] | after[:n])
    for kind in (free, after):
        known = ratio[kind[:n] & np.isfinite(ratio)]
        if len(known) < 2:
            continue
        middle, error = float(np.median(known)), float(known.std(ddof=1) + _SMALL) / np.sqrt(len(known))
        if abs(middle) > _SURE * error:
            out[kind] = np.exp(np.clip(middle * len(known) / (len(known) + 1), -2.0, 1.0))
    return out


def _log_ratio(values: Floats, special: np.ndarray) -> Floats:
    """Log of each special day over the median of its usual neighbours on the same weekday, (n,), else NaN."""
    usual = np.where(special | (values <= 0), np.nan, values)
    out = np.full(len(values), np.nan)
    for i in np.flatnonzero(special & (values > 0)):
        near = [usual[i + 7 * k] for k in _WEEKS_AROUND if 0 <= i + 7 * k < len(values)]
        known = [value for value in near if np.isfinite(value)]
        if known:
            out[i] = np.log(values[i] / np.median(known))
    return out


def _free(day: date, country: str) -> bool:
    """Whether a Monday to Friday is a public holiday, or an eve that is free in practice."""
    return day.weekday() < 5 and day in _calendar(country, day.year)


@cache
def _calendar(country: str, year: int) -> frozenset[date]:
    categories = ("public", "unofficial") if country == "FI" else ("public",)
    return frozenset(holidays.country_holidays(country, years=year, categories=categories))
