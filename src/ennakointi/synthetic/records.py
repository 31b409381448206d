"""Records beside the contacts of the synthetic county: diagnoses, medicines, requests, stays, measurements
and plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ennakointi import schema
from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Flags, Floats, Ints
from ennakointi.synthetic.events import Events, residence
from ennakointi.synthetic.files import DAY_MINUTES, NO_MINUTE, Coded, Columns, take
from ennakointi.synthetic.needs import Traits
from ennakointi.synthetic.persons import People

_OWN_CONDITION = 0.6  # of the diagnoses of persons with a condition; the rest are passing complaints
_FITTING = 5.0  # weight of the conditions that a service is used for
SYSTEMS = ("icd10", "icpc2")
_CHANNELS = schema.TABLES["requests"]["channel"].codes
_OUTCOMES = schema.TABLES["requests"]["outcome"].codes
_REQUESTS_SINCE = 2019
_REQUESTED = 0.35  # of non-urgent primary care contacts begin with a recorded request
_MEASURES = {  # mean, sd, per year for everyone from 18, condition, per year more, shift of its mean
    "hba1c_mmol_mol": (36.0, 3.5, 0.05, "diabetes", 1.3, 16.0),
    "ldl_mmol_l": (2.9, 0.8, 0.08, "coronary_disease", 0.6, -0.6),
    "systolic_mmhg": (132.0, 14.0, 0.15, "hypertension", 0.8, 12.0),
    "bmi": (26.5, 4.2, 0.08, "obesity", 0.7, 9.0),
}
_PLANS = ("care_plan", "rehabilitation_plan", "service_plan")


@dataclass(frozen=True, eq=False)
class Codebook:
    """Diagnosis codes with their systems; which of them belong to a condition or are passing complaints."""

    codes: tuple[str, ...]
    system: Ints
    of_condition: Mapping[str, Ints]
    complaints: Mapping[str, tuple[Ints, Floats]]
    weights: Floats
    spoken: tuple[str, ...]
    share: Floats


def codebook(calibration: Calibration) -> Codebook:
    """Layout of the diagnosis codes and of each service's coding habits."""
    needs, services = calibration.needs, list(calibration.care.services.values())
    pairs = [("icd10", c) for k in needs.conditions.values() for c in k.icd10]
    pairs += [("icpc2", c) for k in needs.conditions.values() for c in k.icpc2]
    pairs += [("icpc2" if s == "icpc2" else "icd10", c) for s, codes in needs.complaints.items() for c in codes]
    pairs = sorted(set(pairs))
    position = {pair: np.int16(i) for i, pair in enumerate(pairs)}
    of_condition = {
        f"{system}:{name}": np.array([position[system, c] for c in getattr(condition, system)])
        for name, condition in needs.conditions.items()
        for system in SYSTEMS
    }
    complaints: dict[str, tuple[Ints, Floats]] = {
        s: (
            np.array([position["icpc2" if s == "icpc2" else "icd10", c] for c in codes]),
            np.cumsum(list(codes.values())) / sum(codes.values()),
        )
        for s, codes in needs.complaints.items()
    }
    weights = np.array([[_FITTING if c in s.adds else 1.0 for c in needs.conditions] for s in services])
    return Codebook(
        tuple(code for _, code in pairs),
        np.array([SYSTEMS.index(system) for system, _ in pairs], np.int8),
        of_condition,
        complaints,
        weights,
        tuple(s.diagnosis.system if s.diagnosis else "" for s in services),
        np.array([s.diagnosis.share if s.diagnosis else 0.0 for s in services]),
    )


def diagnose(
    events: Events,
    traits: Traits,
    book: Codebook,
    calibration: Calibration,
    span: Span,
    rng: np.random.Generator,
) -> Ints:
    """Position of each contact's diagnosis in the codebook, -1 without one (k,)."""
    out = np.full(len(events), -1, np.int16)
    coded = rng.random(len(events)) < book.share[events.service]
    conditions = tuple(calibration.needs.conditions)
    has = np.stack([traits.has[name] for name in conditions], axis=-1)
    for system in calibration.needs.complaints:
        speaking = np.array([s == system for s in book.spoken])
        rows = np.flatnonzero(coded & speaking[events.service])
        if len(rows) == 0:
            continue
        codes, upper = book.complaints[system]
        out[rows] = codes[np.searchsorted(upper[:-1], rng.random(len(rows)), side="right")]
        if system != "dental":
            mine = has[events.person[rows], span.year(events.day[rows])]
            rows_own, chosen = _own_condition(mine, book.weights[events.service[rows]], rng)
            out[rows[rows_own]] = _codes_of(system, chosen, conditions, book, rng)
    return out


def _own_condition(mine: Flags, weights: Floats, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Rows whose diagnosis is one of the person's conditions, and which one: drawn by weight."""
    own = np.flatnonzero(mine.any(axis=1) & (rng.random(len(mine)) < _OWN_CONDITION))
    score = rng.random((len(own), mine.shape[1])) ** (1 / weights[own])
    return own, np.where(mine[own], score, 0.0).argmax(axis=1)


def _codes_of(
    system: str,
    chosen: Ints,
    conditions: tuple[str, ...],
    book: Codebook,
    rng: np.random.Generator,
) -> Ints:
    lists = [book.of_condition[f"{system}:{name}"] for name in conditions]
    table = np.array([np.resize(codes, 4) for codes in lists])
    return table[chosen, rng.integers(0, 4, len(chosen))].astype(np.int16)


def medicines(
    people: People, traits: Traits, calibration: Calibration, span: Span, rng: np.random.Generator
) -> dict[str, Any]:
    """Dispensings for conditions, and antibiotics for everybody."""
    atcs = sorted({atc for c in calibration.needs.conditions.values() for atc in c.atc} | {"J01CA04"})
    share = _year_share(people, span)
    parts = []
    for i, atc in enumerate(atcs):
        rate = np.full(share.shape, 0.25 if atc == "J01CA04" else 0.0)
        for name, condition in calibration.needs.conditions.items():
            rate = rate + condition.atc.get(atc, 0.0) * traits.has[name]
        person, day = _spread(rng.poisson(rate * share), people, span, rng)
        parts.append((person, day, np.full(len(person), i)))
    person, day, which = (np.concatenate(column) for column in zip(*parts, strict=True))
    inside = day <= span.last_day
    person, day, which = person[inside], day[inside], which[inside]
    order = np.lexsort((which, day, person))
    packages = rng.integers(1, 4, len(order))
    return {
        "person_id": person[order],
        "dispensed_on": day[order],
        "atc": Coded(which[order], atcs),
        "packages": packages,
        "cost_eur": np.rint(packages * rng.gamma(2.0, 7.0, len(order))),
    }


def _year_share(people: People, span: Span) -> Floats:
    """Share of a year lived in the county in each calendar year (n, Y)."""
    start, end = residence(people, span)
    return (end - start) / DAYS_PER_YEAR


def _spread(counts: Ints, people: People, span: Span, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Person and a uniform day of residence for yearly counts (n, Y)."""
    start, end = residence(people, span)
    person, year = np.nonzero(counts)
    times = counts[person, year]
    person, year = np.repeat(person, times), np.repeat(year, times)
    first, length = start[person, year], (end - start)[person, year]
    return person, first + (rng.random(len(person)) * length).astype(np.int64)


def measurements(people: People, traits: Traits, span: Span, rng: np.random.Generator) -> dict[str, Any]:
    """Measured values of adults; persons with the fitting condition more often and with shifted values."""
    share = _year_share(people, span) * (traits.age >= 18)
    parts = []
    for i, (mean, sd, everyone, condition, more, shift) in enumerate(_MEASURES.values()):
        has = traits.has.get(condition, np.zeros(share.shape, bool))
        p, d = _spread(rng.poisson((everyone + more * has) * share), people, span, rng)
        own = rng.standard_normal(len(people))[p] * 0.7 + rng.standard_normal(len(p)) * 0.7
        values = np.round(mean + sd * own + shift * has[p, span.year(d)], 1)
        known = d <= span.last_day
        parts.append((p[known], d[known], np.full(int(known.sum()), i), values[known]))
    person, day, measure, value = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((value, measure, day, person))
    return {
        "person_id": person[order],
        "measured_on": day[order],
        "measure": Coded(measure[order], tuple(_MEASURES)),
        "value": np.maximum(value[order], 0.5),
    }


def requests(
    events: Events, people: People, contacts: Columns, calibration: Calibration, rng: np.random.Generator
) -> dict[str, Any]:
    """Approaches to the front line: those that led to a contact, and as many solved or abandoned ones again
    by half."""
    contacted, contact_id = contacts["contacted_at"], contacts["contact_id"]
    since = (_REQUESTS_SINCE - 1970) * DAYS_PER_YEAR
    fits = (contacted != NO_MINUTE) & (events.service == calibration.service("primary_care")) & (events.day > since)
    led = np.flatnonzero(fits & (rng.random(len(events)) < _REQUESTED))
    alone = led[rng.random(len(led)) < 0.5]
    rows = np.concatenate([led, alone])
    linked = np.arange(len(rows)) < len(led)
    start = contacted[rows] - np.where(linked, 0, rng.integers(1, 20, len(rows)) * DAY_MINUTES)
    earliest = np.maximum(np.maximum(people.birth, people.enter)[events.person[rows]], int(since))
    start = np.maximum(start, earliest.astype(np.int64) * DAY_MINUTES)
    outcome = np.where(linked, _OUTCOMES.index("booked"), rng.choice([0, 2, 3], len(rows), p=[0.6, 0.15, 0.25]))
    answer = start + rng.integers(0, 30, len(rows)) * 5
    answered = outcome != _OUTCOMES.index("abandoned")
    order = np.lexsort((rows, start, events.person[rows]))
    columns: dict[str, Any] = {
        "person_id": events.person[rows].astype(np.int64),
        "requested_at": start,
        "channel": Coded(rng.choice(len(_CHANNELS), len(rows), p=[0.62, 0.13, 0.12, 0.08, 0.05]), _CHANNELS),
        "service": Coded(events.service[rows], calibration.services),
        "answered_at": np.where(answered, answer, NO_MINUTE),
        "called_back_at": np.where(answered & (rng.random(len(rows)) < 0.3), answer, NO_MINUTE),
        "outcome": Coded(outcome, _OUTCOMES),
        "contact_id": np.where(linked, contact_id[rows], -1),
    }
    return take(columns, order)


def stays(
    events: Events,
    minute: Ints,
    people: People,
    calibration: Calibration,
    rng: np.random.Generator,
) -> dict[str, NDArray]:
    """Bed stays that begin with a contact: row of the contact, days, ready and discharge minutes (undisclosed
    future included, so that the truth knows it)."""
    spec = [s.stay for s in calibration.care.services.values()]
    share = np.array([s.share if s else 0.0 for s in spec])
    mean = np.array([s.days if s else 1.0 for s in spec])
    rows = np.flatnonzero(rng.random(len(events)) < share[events.service])
    admitted = events.day[rows].astype(np.int64) * DAY_MINUTES + minute[rows]
    length = rng.gamma(1.1, mean[events.service[rows]] / 1.1) * DAY_MINUTES
    latest = (people.leave[events.person[rows]].astype(np.int64) + 1) * DAY_MINUTES - 1
    discharged = np.minimum(admitted + length.astype(np.int64) + 60, latest)
    ready = np.where(
        rng.random(len(rows)) < 0.85, discharged, admitted + (0.8 * (discharged - admitted)).astype(np.int64)
    )
    return {"row": rows, "admitted": admitted, "ready": ready, "discharged": np.maximum(discharged, admitted)}


def plans(people: People, traits: Traits, span: Span, rng: np.random.Generator) -> dict[str, Any]:
    """Multi-professional plans of persons of the two gravest latent classes."""
    share = _year_share(people, span) * np.where(traits.latent <= 1, 0.25, 0.005)
    person, day = _spread(rng.poisson(share), people, span, rng)
    kind = rng.integers(0, len(_PLANS), len(person))
    keep = day <= span.last_day
    person, day, kind = person[keep], day[keep], kind[keep]
    order = np.lexsort((kind, day, person))
    return {"person_id": person[order], "made_on": day[order], "kind": Coded(kind[order], _PLANS)}
