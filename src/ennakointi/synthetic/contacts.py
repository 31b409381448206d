"""What is recorded about a contact in the synthetic county: when, how, by whom, where, why, after what wait,
at what cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ennakointi import schema
from ennakointi.synthetic import register as synthetic_register
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Floats, Ints, curve
from ennakointi.synthetic.events import Events
from ennakointi.synthetic.files import DAY_MINUTES, NO_MINUTE, Coded, Columns
from ennakointi.synthetic.persons import People, age_on
from ennakointi.synthetic.register import Register

ORDINARY, CANCELLED, BEHIND = range(3)  # kinds of rows: contacts, cancelled appointments, work without the client
NATURES = schema.TABLES["contacts"]["nature"].codes
BOOKED = schema.TABLES["contacts"]["booked_via"].codes
ATTENDANCE = schema.TABLES["contacts"]["attendance"].codes
SPECIALTIES = ("10", "20", "30", "40", "50", "70", "74", "75", "77", "98")
_SOMATIC = {"10": 0.3, "20": 0.32, "30": 0.14, "50": 0.14, "77": 0.1}  # of adults' specialised care
_SPECIALISED = ("specialised_outpatient", "specialised_inpatient")
_PSYCHIATRIC = 0.12  # of specialised care
_HOURS = {
    "office": (6, 6, 6, 6, 6, 6, 8, 30, 140, 150, 140, 110, 105, 115, 100, 60, 25, 12, 8, 6, 4, 3, 2, 2),
    "always": (
        22,
        18,
        16,
        14,
        14,
        16,
        22,
        32,
        48,
        58,
        62,
        60,
        58,
        58,
        58,
        58,
        60,
        60,
        58,
        52,
        46,
        40,
        34,
        28,
    ),
}
_REMOTE_KINDS = ("phone", "remote_realtime", "remote_async", "letter")
_REMOTE_SHARES = {  # by year, of remote contacts
    "phone": {2014: 0.95, 2019: 0.9, 2021: 0.78, 2025: 0.64},
    "remote_realtime": {2014: 0.0, 2019: 0.02, 2021: 0.07, 2025: 0.1},
    "remote_async": {2014: 0.0, 2019: 0.03, 2021: 0.11, 2025: 0.24},
    "letter": {2014: 0.05, 2019: 0.05, 2021: 0.04, 2025: 0.02},
}
_DISRUPTED_REMOTE = 1.2  # remote contacts in the months of the disruption, relative
_SPREAD = 0.3  # log sd of costs and durations
_REMOTE_COST, _PHYSICIAN_COST, _OTHER_COST = 0.55, 1.35, 0.9  # relative


@dataclass(frozen=True, eq=False)
class Tables:
    """Code positions per service, laid out once: cumulative shares (S, codes) and single values (S,)."""

    staff: Floats
    nature: Floats
    hours: Floats
    remote: Floats
    place: Ints
    urgent: Floats
    unit: Ints
    cost: Floats
    minutes: Floats


def layout(calibration: Calibration, span: Span) -> Tables:
    """Tables of the services' habits."""
    services = list(calibration.care.services.values())
    kinds = synthetic_register.unit_kinds(calibration)
    years = np.array(span.years, float)
    return Tables(
        np.stack([_cumulated(s.staff, schema.PROFESSIONS) for s in services]),
        np.stack([_cumulated(s.nature, NATURES) for s in services]),
        np.stack([np.cumsum(_HOURS[s.week]) / np.sum(_HOURS[s.week]) for s in services]),
        np.stack([curve(s.remote, years) for s in services]),
        np.array([schema.MODES.index(s.place) for s in services], np.int8),
        np.array([s.urgent for s in services]),
        np.array([kinds.index(s.unit) for s in services], np.int8),
        np.array([s.cost_eur for s in services]),
        np.array([s.minutes for s in services]),
    )


def _cumulated(shares: Mapping[str, float], names: tuple[str, ...]) -> Floats:
    values = np.array([shares.get(name, 0.0) for name in names])
    return np.cumsum(values) / values.sum()


def pick(upper: Floats, rng: np.random.Generator) -> Ints:
    """Position drawn from cumulative shares (k, codes)."""
    return (rng.random(len(upper))[:, None] >= upper[:, :-1]).sum(axis=1).astype(np.int8)


def describe(
    events: Events,
    kind: Ints,
    people: People,
    tables: Tables,
    calibration: Calibration,
    span: Span,
    register: Register,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Columns of `contacts` except identifiers, diagnoses and waits, plus `minute` (of the day).

    Parameters
    ----------
    events, kind
        Delivered days only; `kind` ORDINARY, CANCELLED or BEHIND.
    """
    service, place = events.service, people.municipality[events.person]
    month, year = span.month(events.day), span.year(events.day)
    age = age_on(people.birth[events.person], events.day)
    minute = pick(tables.hours[service], rng).astype(np.int64) * 60 + rng.integers(0, 12, len(events)) * 5
    profession = pick(tables.staff[service], rng)
    mode = _modes(events, profession, age, year, month, tables, calibration, span, rng)
    provider = synthetic_register.providers(calibration, register, service, place, month, rng)
    unit_kind = _unit_kinds(events, mode, tables, calibration, span)
    remote = np.isin(mode, [schema.MODES.index(m) for m in _REMOTE_KINDS])
    size = np.exp(rng.normal(-(_SPREAD**2) / 2, _SPREAD, len(events))) * np.where(remote, _REMOTE_COST, 1.0)
    staffed = np.where(profession == schema.PROFESSIONS.index("physician"), _PHYSICIAN_COST, _OTHER_COST)
    urgent = rng.random(len(events)) >= tables.urgent[service]
    unit = synthetic_register.unit_of(calibration, unit_kind, place, events.day, provider, span)
    mode = np.where(kind == BEHIND, _behind(calibration, len(events), rng), mode)
    return {
        "minute": minute,
        "mode": Coded(mode, schema.MODES),
        "profession": Coded(profession, schema.PROFESSIONS),
        "urgency": Coded(urgent.astype(np.int8), ("urgent", "non_urgent")),
        "nature": Coded(pick(tables.nature[service], rng), NATURES),
        "unit": Coded(unit, synthetic_register.unit_names(calibration)),
        "provider": Coded(provider, schema.PROVIDERS),
        "specialty": specialties(service, age, calibration, rng),
        "professional_id": _professionals(events, people, profession, rng),
        "booked_via": Coded(_bookings(len(events), calibration, rng), BOOKED),
        "attendance": Coded(_attendance(kind, calibration, rng), ATTENDANCE),
        "cost_eur": np.where(kind == ORDINARY, np.rint(tables.cost[service] * size * staffed), 0.0),
        "duration_minutes": np.rint(tables.minutes[service] * size / 5) * 5,
    }


def _modes(
    events: Events,
    profession: Ints,
    age: Ints,
    year: Ints,
    month: Ints,
    tables: Tables,
    calibration: Calibration,
    span: Span,
    rng: np.random.Generator,
) -> Ints:
    """Remote by date, age and profession, otherwise the service's usual place."""
    share = tables.remote[events.service, year] * np.clip(1.14 - 0.004 * (age - 25), 0.75, 1.14)
    share = share * np.where(profession == schema.PROFESSIONS.index("physician"), 0.85, 1.06)
    first = calibration.care.disruption.first - span.first_month
    disrupted = (month >= first) & (month < first + len(calibration.care.disruption.factors))
    share = np.where(disrupted, share * _DISRUPTED_REMOTE, share)
    share = np.where(tables.remote[events.service, year] >= 1, 1.0, share)
    remote = rng.random(len(events)) < share
    years = np.array(span.years, float)
    upper = np.cumsum(np.stack([curve(_REMOTE_SHARES[k], years) for k in _REMOTE_KINDS], axis=1), axis=1)
    kinds = np.array([schema.MODES.index(k) for k in _REMOTE_KINDS], np.int8)[pick(upper[year], rng)]
    digital = events.service == calibration.services.index("digital_pathway")
    kinds = np.where(digital, schema.MODES.index("remote_async"), kinds)
    return np.where(remote, kinds, tables.place[events.service]).astype(np.int8)


def _unit_kinds(events: Events, mode: Ints, tables: Tables, calibration: Calibration, span: Span) -> Ints:
    """The service's unit; digital primary care goes to the county's digital clinic once that is open."""
    kind = tables.unit[events.service]
    digital = np.isin(mode, [schema.MODES.index("remote_async"), schema.MODES.index("remote_realtime")])
    open_from = calibration.region.digital_clinic - span.first_month
    moved = digital & (events.service == calibration.services.index("primary_care"))
    moved &= span.month(events.day) >= open_from
    return np.where(moved, synthetic_register.unit_kinds(calibration).index("digital_clinic"), kind).astype(np.int8)


def _behind(calibration: Calibration, n: int, rng: np.random.Generator) -> Ints:
    shares = calibration.care.behind_the_scenes
    modes = [schema.MODES.index(name) for name in shares]
    upper = np.cumsum(list(shares.values())) / sum(shares.values())
    return np.array(modes, np.int8)[np.searchsorted(upper[:-1], rng.random(n), side="right")]


def _attendance(kind: Ints, calibration: Calibration, rng: np.random.Generator) -> Ints:
    shares = calibration.care.attendance
    codes = np.array([ATTENDANCE.index(name) for name in shares], np.int8)
    upper = np.cumsum(list(shares.values())) / max(sum(shares.values()), 1e-9)
    drawn = codes[np.searchsorted(upper[:-1], rng.random(len(kind)), side="right")]
    return np.where(kind == CANCELLED, drawn, 0).astype(np.int8)


def _bookings(n: int, calibration: Calibration, rng: np.random.Generator) -> Ints:
    upper = _cumulated(calibration.care.booking, BOOKED)
    return np.searchsorted(upper[:-1], rng.random(n), side="right").astype(np.int8)


def specialties(service: Ints, age: Ints, calibration: Calibration, rng: np.random.Generator) -> Coded:
    """Specialty of specialised and mental health care by age; empty elsewhere."""
    psychiatry = np.where(age < 13, _specialty("75"), np.where(age < 23, _specialty("74"), _specialty("70")))
    somatic = np.array([_specialty(code) for code in _SOMATIC])
    somatic = somatic[np.searchsorted(np.cumsum(list(_SOMATIC.values()))[:-1], rng.random(len(service)))]
    somatic = np.where(age < 16, _specialty("40"), somatic)
    specialised = np.isin(service, [calibration.service(name) for name in _SPECIALISED])
    emergency = service == calibration.service("emergency")
    mental = service == calibration.service("mental_health")
    mental |= specialised & (rng.random(len(service)) < _PSYCHIATRIC)
    codes = np.where(emergency, _specialty("98"), np.where(mental, psychiatry, somatic))
    return Coded(np.where(specialised | mental | emergency, codes, -1).astype(np.int8), SPECIALTIES)


def _specialty(code: str) -> int:
    return SPECIALTIES.index(code)


def _professionals(events: Events, people: People, profession: Ints, rng: np.random.Generator) -> Ints:
    """Half of the contacts with the person's own professional of the unit, the rest with another of about
    12."""
    own = (people.draw[events.person] * 9973).astype(np.int64) % 12
    other = rng.integers(0, 12, len(events))
    seat = np.where(rng.random(len(events)) < 0.5, own, other)
    place = people.municipality[events.person].astype(np.int64)
    return ((place * 32 + events.service) * 16 + profession) * 16 + seat + 1


def stamps(
    events: Events,
    kind: Ints,
    columns: Columns,
    people: People,
    calibration: Calibration,
    span: Span,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """`contacted_at` and `need_assessed_at` in minutes, for non-urgent contacts of services with the care
    guarantee."""
    waits = calibration.care.waits
    n = len(events)
    started = events.day.astype(np.int64) * DAY_MINUTES + columns["minute"]
    guaranteed = np.array([s.guarantee for s in calibration.care.services.values()])[events.service]
    urgency, profession = columns["urgency"], columns["profession"]
    known = guaranteed & (urgency.codes == 1) & (kind == ORDINARY) & (rng.random(n) >= waits.missing_stamp)
    physician = profession.codes == schema.PROFESSIONS.index("physician")
    age = age_on(people.birth[events.person], events.day)
    mean = np.where(physician, _physician_days(events, age, calibration, span), waits.other_staff_days)
    later = (rng.exponential(size=n) * mean * DAY_MINUTES).astype(np.int64)
    same_day = rng.integers(1, 36, n) * 5
    wait = np.where(rng.random(n) < waits.same_day, same_day, later)
    wait = np.where(rng.random(n) < waits.copied_stamp, 0, wait)
    earliest = np.maximum(people.birth, people.enter)[events.person].astype(np.int64) * DAY_MINUTES
    assessed = np.maximum(started - wait, earliest)
    contacted = np.maximum(assessed - rng.integers(0, 30, n) * 60, earliest)
    return {
        "need_assessed_at": np.where(known, assessed, NO_MINUTE),
        "contacted_at": np.where(known, contacted, NO_MINUTE),
    }


def _physician_days(events: Events, age: Ints, calibration: Calibration, span: Span) -> Floats:
    """Mean days to a physician after the day of assessment, a step function of the month (k,)."""
    waits, month = calibration.care.waits, span.first_month + span.month(events.day)
    general = _steps(waits.physician_days, month)
    young = _steps(waits.under_23_days, month)
    return np.where((age < 23) & ~np.isnan(young), young, general)


def _steps(points: Mapping[int, float], month: NDArray[Any]) -> Floats:
    """The value of the last point at or before a month; NaN before the first."""
    starts = np.array(sorted(points))
    values = np.array([np.nan, *(points[int(s)] for s in starts)])
    return values[np.searchsorted(starts, month, side="right")]
