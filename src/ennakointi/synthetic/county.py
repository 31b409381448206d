"""Tables of the synthetic county that are not about persons: coverage, population, capacity, slots, feedback,
indicators."""

from __future__ import annotations

from datetime import date

import numpy as np

from ennakointi import schema
from ennakointi.periods import day_number, month_of
from ennakointi.synthetic import register as synthetic_register
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import AGES, Calibration, Floats, Ints, by_age
from ennakointi.synthetic.classes import base_death_rate
from ennakointi.synthetic.files import NO_DAY, Coded, Columns
from ennakointi.synthetic.persons import People
from ennakointi.synthetic.register import Register

PROJECTED_UNTIL = 2040
SEXES = ("female", "male")
_HOURS_PER_FTE = 95  # of contact work in a month
ACCOUNTED_ABOVE = 0.05
_ACCOUNTED = ("primary_care", "adult_social_work", "oral_health")
_PLAN = "RRP programme plan"
_BOOKS = 3  # professionals per unit whose free appointments are seen
_MARKS = np.array([0.03, 0.02, 0.02, 0.03, 0.03, 0.05, 0.06, 0.1, 0.18, 0.18, 0.3])  # of promoter scores 0–10


def coverage(register: Register, calibration: Calibration, span: Span) -> Columns:
    """Rows of `coverage` for every municipality, service and month."""
    services, places, months = register.status.shape
    service, place, month = (a.reshape(-1) for a in np.indices((services, places, months)))
    return {
        "municipality": Coded(place, calibration.municipalities),
        "service": Coded(service, calibration.services),
        "month": span.month_starts[month],
        "provider": Coded(register.provider.reshape(-1), schema.PROVIDERS),
        "status": Coded(register.status.reshape(-1), synthetic_register.STATUSES),
    }


def population(people: People, calibration: Calibration, span: Span) -> Columns:
    """Inhabitants on 31 December, and a projection to 2040 with the present births and deaths and no net
    migration."""
    places = len(calibration.municipalities)
    first = span.since.year
    last = span.until.year if span.until == date(span.until.year, 12, 31) else span.until.year - 1
    years, counts = [], []
    for observed_year in range(first, last + 1):
        years.append(observed_year)
        counts.append(_inhabitants(people, day_number(date(observed_year, 12, 31)), places))
    observed = len(years)
    for projected_year in range(last + 1, PROJECTED_UNTIL + 1) if counts else ():
        years.append(projected_year)
        counts.append(_one_year_on(counts[-1], calibration))
    values = np.stack(counts) if counts else np.zeros((0, places, AGES, 2))
    year, place, age, sex = (a.reshape(-1) for a in np.indices(values.shape))
    variants = ("observed", f"projection_{last}")
    return {
        "year": np.array(years, np.int32)[year],
        "municipality": Coded(place, calibration.municipalities),
        "age": age,
        "sex": Coded(sex, SEXES),
        "persons": values.reshape(-1).round(2),
        "variant": Coded(np.where(year >= observed, 1, 0), variants),
    }


def _inhabitants(people: People, day: int, places: int) -> Floats:
    rows = people.resident_on(day)
    sex = np.where(people.female[rows], 0, 1)
    cell = (people.municipality[rows].astype(np.int64) * AGES + _whole_years(people.birth[rows], day)) * 2 + sex
    return np.bincount(cell, minlength=places * AGES * 2).reshape(places, AGES, 2).astype(float)


def _whole_years(birth: Ints, day: int) -> Ints:
    """Birthdays had by a day, 0…100."""
    born, now = birth.astype("datetime64[D]"), np.datetime64(day, "D")
    months = now.astype("datetime64[M]") - born.astype("datetime64[M]")
    to_come = (born - born.astype("datetime64[M]")) > (now - now.astype("datetime64[M]"))
    return np.clip((months.astype(np.int64) - to_come) // 12, 0, AGES - 1)


def _one_year_on(counts: Floats, calibration: Calibration) -> Floats:
    """Survivors a year older, and the newborn of the year (places, AGES, 2)."""
    m = calibration.needs.mortality
    rate = base_death_rate(calibration.needs, np.arange(AGES, dtype=float))
    survivors = counts * np.exp(-rate[:, None] * np.array([m.women, m.men]))
    older = np.zeros_like(counts)
    older[:, 1:] = survivors[:, :-1]
    older[:, -1] += survivors[:, -1]
    births = (counts[:, :, 0] * by_age(calibration.needs.fertility)).sum(axis=1)
    older[:, 0] = births[:, None] * np.array([0.488, 0.512])
    return older


def capacity(contacts: Ints, calibration: Calibration, span: Span, rng: np.random.Generator) -> Columns:
    """Rows of `capacity` from the true contacts (services, municipalities, months): work hours, with
    vacancies."""
    services = list(calibration.care.services.values())
    kinds = synthetic_register.unit_kinds(calibration)
    yearly = np.stack([_smoothed(row) for row in contacts.reshape(-1, contacts.shape[-1])]).reshape(contacts.shape)
    regional = [s.unit in synthetic_register.REGIONAL_UNITS for s in services]
    yearly[regional] = np.concatenate(
        [yearly[regional].sum(axis=1, keepdims=True), np.zeros_like(yearly[regional][:, 1:])], axis=1
    )
    service, place, month = np.nonzero(yearly > 0)
    minutes = np.array([s.minutes for s in services])[service]
    planned = np.maximum(yearly[service, place, month] * minutes / 60 / _HOURS_PER_FTE, 0.05)
    vacant = planned * rng.beta(2, 22, len(planned))
    unit = synthetic_register.unit_of(
        calibration,
        np.array([kinds.index(s.unit) for s in services], np.int8)[service],
        place.astype(np.int16),
        span.month_starts[month],
        np.zeros(len(service), np.int8),
        span,
    )
    stay = np.array([s.stay is not None for s in services])[service]
    return {
        "month": span.month_starts[month],
        "service": Coded(service, calibration.services),
        "unit": Coded(unit, synthetic_register.unit_names(calibration)),
        "fte": (planned - vacant).round(2),
        "fte_planned": planned.round(2),
        "vacant_fte": vacant.round(2),
        "absence_days": rng.poisson(planned * 1.1).astype(float),
        "slots": np.where(stay, np.nan, np.rint(yearly[service, place, month] * 1.03)),
        "beds": np.where(stay, np.maximum(np.rint(yearly[service, place, month] * 0.25), 1), np.nan),
    }


def _smoothed(series: Ints) -> Floats:
    """Centred mean of 13 months, shorter at the ends."""
    sums = np.convolve(series, np.ones(13), mode="same")
    return sums / np.convolve(np.ones(len(series)), np.ones(13), mode="same")


def slots(calibration: Calibration, span: Span, rng: np.random.Generator) -> Columns:
    """Monthly snapshots of free appointments in health centres and dental clinics since 2019."""
    wanted = [
        ("primary_care", "physician", 24.0),
        ("primary_care", "nurse", 9.0),
        ("oral_health", "dentist", 55.0),
    ]
    kinds, places = synthetic_register.unit_kinds(calibration), len(calibration.municipalities)
    first = max(month_of(date(2019, 1, 1)) - span.first_month, 0)
    month, place, book, which = (
        a.reshape(-1) for a in np.indices((max(span.n_months - first, 0), places, _BOOKS, len(wanted)))
    )
    day = span.month_starts[month + first] + 13
    services = np.array([calibration.service(s) for s, _, _ in wanted], np.int8)[which]
    kind = np.array([kinds.index(calibration.care.services[s].unit) for s, _, _ in wanted], np.int8)[which]
    wait = rng.gamma(1.6, np.array([d for _, _, d in wanted])[which] / 1.6).astype(np.int64) + 1
    unit = synthetic_register.unit_of(calibration, kind, place.astype(np.int16), day, np.zeros(len(day), np.int8), span)
    inside = day <= span.last_day
    columns = {
        "observed_on": day,
        "unit": Coded(unit, synthetic_register.unit_names(calibration)),
        "service": Coded(services, calibration.services),
        "profession": Coded(np.array([schema.PROFESSIONS.index(p) for _, p, _ in wanted])[which], schema.PROFESSIONS),
        "provider_id": (place * len(wanted) + which) * _BOOKS + book + 1,
        "third_free_on": np.where(rng.random(len(day)) < 0.03, NO_DAY, day + wait),
    }
    return {n: v.take(inside) if isinstance(v, Coded) else v[inside] for n, v in columns.items()}


def feedback(contacts: Ints, calibration: Calibration, span: Span, rng: np.random.Generator) -> Columns:
    """Answered surveys since 2019: about one per 400 contacts."""
    monthly = contacts.sum(axis=1)
    first = max(month_of(date(2019, 1, 1)) - span.first_month, 0)
    n = rng.poisson(monthly[:, first:] / 400)
    service, month = np.nonzero(n)
    times = n[service, month]
    service, month = np.repeat(service, times), np.repeat(month, times) + first
    day = np.minimum(span.month_starts[month] + rng.integers(0, 28, len(month)), span.last_day)
    nps = rng.choice(11, len(day), p=_MARKS / _MARKS.sum())
    order = np.lexsort((nps, service, day))
    return {
        "answered_on": day[order],
        "service": Coded(service[order], calibration.services),
        "channel": Coded(rng.choice(2, len(day), p=[0.7, 0.3]), ("text_message", "kiosk")),
        "nps": nps[order],
        "rating": np.clip(np.rint(1 + nps[order] * 0.4), 1, 5).astype(np.int64),
    }


def indicators(contacts: Ints, calibration: Calibration, span: Span) -> Columns:
    """External figures: targets of the national programme, and contacts of the last two whole years in the accounts.

    In the accounts of the last year one service's contacts are `ACCOUNTED_ABOVE` too many.
    """
    rows = [("remote_share_target", "2025Q4", 45.0, _PLAN), ("seven_day_access_target", "2025Q4", 80.0, _PLAN)]
    first, last = span.first_month, span.first_month + span.n_months
    years = [year for year in range(-(-first // 12), last // 12) if span.until >= date(year, 12, 31)]
    for year in years[-2:]:
        months = slice(year * 12 - first, year * 12 - first + 12)
        for service in _ACCOUNTED:
            n = float(contacts[calibration.service(service), :, months].sum())
            above = 1 + ACCOUNTED_ABOVE if (year, service) == (years[-1], _ACCOUNTED[-1]) else 1
            rows.append((f"contacts_{service}", str(year), round(n * above), "annual accounts"))
    names, periods, values, sources = zip(*rows, strict=True)
    codes = tuple(sorted(set(names)))
    return {
        "indicator": Coded(np.array([codes.index(name) for name in names]), codes),
        "region": Coded(np.zeros(len(rows), np.int64), (calibration.region.county_code,)),
        "period": np.array(periods),
        "value": np.array(values),
        "source": np.array(sources),
    }
