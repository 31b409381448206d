"""The tables of one chunk of persons: what the register holds of their histories, in the columns of the
contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ennakointi.periods import parse_month
from ennakointi.rules.words import COUNTY
from ennakointi.synthetic import contacts as recorded
from ennakointi.synthetic import queues, records
from ennakointi.synthetic import register as synthetic_register
from ennakointi.synthetic.calibration import Flags, Floats, Ints
from ennakointi.synthetic.events import Events, join
from ennakointi.synthetic.files import DAY_MINUTES, NO_DAY, NO_MINUTE, Coded, Columns, take
from ennakointi.synthetic.lives import County, Lives
from ennakointi.synthetic.persons import ALWAYS, STILL, People, age_on
from ennakointi.synthetic.queues import Entries
from ennakointi.synthetic.records import Codebook

ROUND_THE_CLOCK = "round_the_clock_care"
_NON_DISCLOSURE = 0.003
_BED_DAY_EUR = {"specialised_inpatient": 620.0, "ward_care": 290.0}  # beside the contact that opens the stay
_BREAK = ("mental_health", "primary_care", 0.3)  # recorded service, recorded instead, share


@dataclass(frozen=True, eq=False)
class Habits:
    """Layouts that do not change between chunks."""

    tables: recorded.Tables
    book: Codebook


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of the chunk's contacts, delivered or not: `columns` of the contract without identifiers of
    persons, `events`, whether a row happened (`actual`), and whether it stands in the register of the history
    without (`before`) and with (`after`) the disruption."""

    events: Events
    columns: dict[str, Any]
    actual: Flags
    before: Flags
    after: Flags


def contact_rows(
    people: People, ids: Ints, lives: Lives, county: County, habits: Habits, rng: np.random.Generator
) -> Rows:
    """Contacts, cancelled appointments and work behind the scenes, in order of person and time."""
    calibration, span, register = county.calibration, county.span, county.register
    events, kind, source = _with_extras(people, lives, county, rng)
    columns = recorded.describe(events, kind, people, habits.tables, calibration, span, register, rng)
    diagnosis = records.diagnose(events, lives.traits, habits.book, calibration, span, rng)
    diagnosis = np.where(kind == recorded.ORDINARY, diagnosis, -1)
    columns["diagnosis"] = Coded(diagnosis, habits.book.codes)
    system = np.where(diagnosis >= 0, habits.book.system[diagnosis], -1)
    columns["diagnosis_system"] = Coded(system, records.SYSTEMS)
    columns |= recorded.stamps(events, kind, columns, people, calibration, span, rng)
    minute = columns.pop("minute")
    half_year = span.month(events.day) // 6
    columns["episode_id"] = (ids[events.person] * 32 + events.service) * 128 + half_year
    columns["started_at"] = events.day.astype(np.int64) * DAY_MINUTES + minute
    columns["service"] = Coded(_recorded_service(events, county, rng), calibration.services)
    cell = (events.service, people.municipality[events.person], span.month(events.day))
    arrives = rng.random(len(events)) < register.reaches[cell]
    undisturbed, actual = lives.undisturbed[source], lives.actual[source]
    order = np.lexsort((events.service, columns["started_at"], events.person))
    flags = (actual[order], (undisturbed & arrives)[order], (actual & arrives)[order])
    return Rows(events.take(order), take(columns, order), *flags)


def _with_extras(people: People, lives: Lives, county: County, rng: np.random.Generator) -> tuple[Events, Ints, Ints]:
    """Contacts with the rows around them: events, kind of row, and the contact each row belongs to."""
    care, contacts = county.calibration.care, lives.contacts
    cancelled = np.flatnonzero(rng.random(len(contacts)) < sum(care.attendance.values()))
    behind = np.flatnonzero(rng.random(len(contacts)) < sum(care.behind_the_scenes.values()))
    earliest = np.maximum(np.maximum(people.birth, people.enter), county.span.first_day)
    before = contacts.take(cancelled)
    day = np.maximum(before.day - rng.integers(1, 21, len(before)).astype(np.int32), earliest[before.person])
    events = join(contacts, Events(before.person, before.service, day), contacts.take(behind))
    kind = np.repeat(
        [recorded.ORDINARY, recorded.CANCELLED, recorded.BEHIND], [len(contacts), len(before), len(behind)]
    )
    return events, kind.astype(np.int8), np.concatenate([np.arange(len(contacts)), cancelled, behind])


def _recorded_service(events: Events, county: County, rng: np.random.Generator) -> Ints:
    """The service code in the register: the true one but for an undeclared coding break."""
    if county.settings.coding_break is None:
        return events.service
    service, instead, share = _BREAK
    month = county.span.first_month + county.span.month(events.day).astype(np.int64)
    names = county.calibration
    changed = (events.service == names.service(service)) & (month >= parse_month(county.settings.coding_break))
    changed &= rng.random(len(events)) < share
    return np.where(changed, names.service(instead), events.service).astype(np.int8)


def persons(people: People, ids: Ints, county: County, rng: np.random.Generator) -> Columns:
    """Rows of `persons`; what happens after the delivered time is not known yet."""
    region, span = county.calibration.region, county.span
    n = len(people)
    left = people.leave <= span.last_day
    districts = np.array([m.districts for m in region.municipalities.values()])
    names = [f"{code}-{d + 1}" for code in region.municipalities for d in range(int(districts.max()))]
    district = (people.household % districts[people.municipality]).astype(np.int64)
    languages = rng.choice(len(region.languages), n, p=_shares(list(region.languages.values())))
    return {
        "person_id": ids,
        "birth_date": people.birth,
        "sex": Coded(np.where(people.female, 0, 1), ("female", "male")),
        "municipality": Coded(people.municipality, county.calibration.municipalities),
        "resident_from": np.where(people.enter == ALWAYS, NO_DAY, people.enter),
        "resident_to": np.where(left, people.leave, NO_DAY),
        "death_date": np.where(left & people.died, people.leave, NO_DAY),
        "language": Coded(languages, tuple(region.languages)),
        "service_area": Coded(people.municipality * int(districts.max()) + district, names),
        "household_id": people.household.astype(np.int64) + 1,
        "non_disclosure": rng.random(n) < _NON_DISCLOSURE,
    }


def _shares(values: list[float]) -> Floats:
    return np.array(values) / sum(values)


def statuses(lives: Lives, county: County) -> Columns:
    """Rows of `statuses`; `family_with_children` comes from the households that the county itself knows."""
    spells, known = lives.traits.spells, county.calibration.needs.statuses
    controllers = tuple(dict.fromkeys([*(s.controller for s in known.values()), COUNTY]))
    of_status = np.array([controllers.index(known[n].controller if n in known else COUNTY) for n in spells.names])
    order = np.lexsort((spells.status, spells.start, spells.person))
    end = spells.end[order]
    return {
        "person_id": spells.person[order].astype(np.int64),
        "controller": Coded(of_status[spells.status[order]], controllers),
        "status": Coded(spells.status[order], spells.names),
        "start_date": spells.start[order],
        "end_date": np.where(end > county.span.last_day, NO_DAY, end),
    }


def enrolments(lives: Lives, county: County, rng: np.random.Generator) -> Columns:
    """Rows of `enrolments`."""
    parts = list(lives.enrolments.values())
    which = np.repeat(np.arange(len(parts)), [len(p.person) for p in parts])
    none = np.zeros(0, np.int32)
    person, start, end = (
        np.concatenate([none, *(getattr(p, field) for p in parts)]) for field in ("person", "start", "end")
    )
    order = np.lexsort((which, start, person))
    over = end[order] <= county.span.last_day
    return {
        "person_id": person[order].astype(np.int64),
        "intervention": Coded(which[order], tuple(lives.enrolments)),
        "enrolled_on": start[order],
        "ended_on": np.where(over, end[order], NO_DAY),
        "completed": over & (rng.random(len(order)) < 0.8),
    }


def delivered(rows: Rows, first_id: int) -> dict[str, Any]:
    """Rows of `contacts` that the register holds, with their ids."""
    n = int(rows.after.sum())
    columns = take(rows.columns, rows.after)
    columns["contact_id"] = first_id + np.arange(n, dtype=np.int64)
    columns["person_id"] = rows.events.person[rows.after].astype(np.int64)
    return columns


def diagnoses(contacts: Columns) -> Columns:
    """Rows of `diagnoses`: one for each contact with a diagnosis."""
    code, started = contacts["diagnosis"], contacts["started_at"]
    known = code.codes >= 0
    chosen = take({n: contacts[n] for n in ("person_id", "diagnosis", "diagnosis_system", "contact_id")}, known)
    return {
        "person_id": chosen["person_id"],
        "recorded_on": (started[known] // DAY_MINUTES).astype(np.int32),
        "code": chosen["diagnosis"],
        "system": chosen["diagnosis_system"],
        "rank": np.ones(int(known.sum()), np.int32),
        "contact_id": chosen["contact_id"],
    }


def referrals(people: People, lives: Lives, county: County, rng: np.random.Generator) -> tuple[dict[str, Any], Flags]:
    """Rows of `referrals` by person in the chunk, and which of them the register holds."""
    queue, span = lives.queue, county.span
    rows = referral_columns(queue, people, county, rng)
    place = people.municipality[queue.person]
    month = span.month(np.maximum(queue.received, span.first_day))
    last = span.month(np.minimum(queue.end, span.last_day).clip(span.first_day))
    held = county.register.reaches[queue.service, place, month] > 0
    held |= county.register.reaches[queue.service, place, last] > 0
    return rows, held


def referral_columns(queue: Entries, people: People, county: County, rng: np.random.Generator) -> dict[str, Any]:
    """Columns of `referrals` but its key, for any queue of the chunk."""
    calibration, span, place = county.calibration, county.span, people.municipality[queue.person]
    age = age_on(people.birth[queue.person], queue.received)
    return {
        **queues.table(queue, calibration.services, span, rng),
        "specialty": recorded.specialties(queue.service, age, calibration, rng),
        "unit": _units(queue.service, place, queue.received, county),
    }


def _units(service: Ints, place: Ints, day: Ints, county: County) -> Coded:
    """The units of services in municipalities on given days."""
    calibration = county.calibration
    kinds = synthetic_register.unit_kinds(calibration)
    kind = np.array([kinds.index(s.unit) for s in calibration.care.services.values()], np.int8)[service]
    own = np.zeros(len(day), np.int8)
    unit = synthetic_register.unit_of(calibration, kind, place, day, own, county.span)
    return Coded(unit, synthetic_register.unit_names(calibration))


def stays(people: People, lives: Lives, rows: Rows, county: County, rng: np.random.Generator) -> dict[str, NDArray]:
    """Bed stays of actual contacts, and of round-the-clock care from its periods: person, service, minutes,
    whether the register holds them."""
    calibration, span = county.calibration, county.span
    real = np.flatnonzero(rows.actual & ordinary(rows))
    started = rows.columns["started_at"]
    events = rows.events.take(real)
    minute = started[real] % DAY_MINUTES
    bed = records.stays(events, minute, people, calibration, rng)
    spells = lives.traits.spells
    housed = np.flatnonzero(spells.status == spells.names.index(ROUND_THE_CLOCK))
    admitted = np.maximum(spells.start[housed], span.first_day - 2000).astype(np.int64) * DAY_MINUTES + 720
    discharged = np.where(
        spells.end[housed] == STILL, NO_MINUTE, spells.end[housed].astype(np.int64) * DAY_MINUTES + 840
    )
    discharged = np.where(discharged == NO_MINUTE, discharged, np.maximum(discharged, admitted))
    person = np.concatenate([events.person[bed["row"]], spells.person[housed]])
    home = np.full(len(housed), calibration.service(ROUND_THE_CLOCK), np.int8)
    service = np.concatenate([events.service[bed["row"]], home])
    admissions = np.concatenate([bed["admitted"], admitted])
    month = span.month(np.maximum(admissions // DAY_MINUTES, span.first_day).astype(np.int32))
    columns = {
        "person": person,
        "service": service,
        "admitted": admissions,
        "ready": np.concatenate([bed["ready"], np.full(len(housed), NO_MINUTE)]),
        "discharged": np.concatenate([bed["discharged"], discharged]),
        "held": county.register.reaches[service, people.municipality[person], month] > 0,
    }
    order = np.lexsort((service, columns["admitted"], person))
    return {name: values[order] for name, values in columns.items()}


def stay_rows(beds: dict[str, NDArray], people: People, county: County) -> Columns:
    """Rows of `stays` that the register holds; what lies after the delivered time is empty."""
    held, span, calibration = beds["held"], county.span, county.calibration
    admitted, service = beds["admitted"][held], beds["service"][held]
    last = (span.last_day + 1) * DAY_MINUTES
    place = people.municipality[beds["person"][held]]
    day = (admitted // DAY_MINUTES).astype(np.int32)
    ready, discharged = (
        np.where((beds[n][held] == NO_MINUTE) | (beds[n][held] >= last), NO_MINUTE, beds[n][held])
        for n in ("ready", "discharged")
    )
    ended = np.where(discharged == NO_MINUTE, last, discharged)
    daily = np.array([_BED_DAY_EUR.get(name, 0.0) for name in calibration.services])[service]
    return {
        "person_id": beds["person"][held].astype(np.int64),
        "service": Coded(service, calibration.services),
        "unit": _units(service, place, day, county),
        "admitted_at": admitted,
        "ready_at": ready,
        "discharged_at": discharged,
        "cost_eur": np.rint((ended - admitted) / DAY_MINUTES * daily),
    }


def ordinary(rows: Rows) -> Flags:
    """Attended contacts with the client."""
    attendance, mode = rows.columns["attendance"], rows.columns["mode"]
    hidden = [mode.names.index(name) for name in ("administrative", "professional")]
    return (attendance.codes == 0) & ~np.isin(mode.codes, hidden)
