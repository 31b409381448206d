"""Rules evaluated on histories as boolean person × month matrices; see `rules` for the grammar.

Windows are running sums over blocks of persons: memory stays at a few matrices of one byte per person-month.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from ennakointi.rules import nodes
from ennakointi.rules.histories import Events, History, Spells, Where, months_of_days
from ennakointi.rules.words import COUNTY
from ennakointi.schema import MODES, MODES_WITHOUT_CLIENT

Matrix = NDArray[np.bool_]
Memo = MutableMapping[str, NDArray[np.uint8]]  # target group -> its members, packed to bits along the months

_BLOCK = 16_384  # persons whose running sums are held at once
_DIAGNOSES = (("diagnoses", "code", "system"), ("contacts", "diagnosis", "diagnosis_system"))
_CLIENT_MODES = tuple(mode for mode in MODES if mode not in MODES_WITHOUT_CLIENT)


def evaluate(rule: nodes.Rule, history: History, memo: Memo | None = None) -> Matrix:
    """Members of a rule, month by month.

    Parameters
    ----------
    rule
        A rule whose groups and sectors are bound (`rules.bind`).
    history
        The block of persons.
    memo
        Members of the groups that were evaluated before on this history; groups met on the way are added.

    Returns
    -------
    bool (n_persons, n_months)
        Always False in months in which a person is not resident. Months before the data start plus
        `look_back_months` are not known: the caller leaves them out.
    """
    return _members(rule, history, {} if memo is None else memo) & history.resident()


@singledispatch
def _members(rule: object, history: History, memo: Memo) -> Matrix:
    raise TypeError(f"{type(rule).__name__} is not a rule")


@_members.register
def _everyone(rule: nodes.Everyone, history: History, memo: Memo) -> Matrix:
    return np.full((history.n_persons, history.n_months), rule.everyone)


@_members.register
def _age(rule: nodes.Age, history: History, memo: Memo) -> Matrix:
    low, high = rule.years
    age = history.age()
    return (age >= (0 if low is None else low)) & (age <= (1000 if high is None else high))


@_members.register
def _sex(rule: nodes.Sex, history: History, memo: Memo) -> Matrix:
    return _of_persons(np.isin(history.sex(), rule.sex), history)


@_members.register
def _municipality(rule: nodes.Municipality, history: History, memo: Memo) -> Matrix:
    return _of_persons(np.isin(history.municipality(), rule.municipality), history)


def _of_persons(hit: Matrix, history: History) -> Matrix:
    return np.repeat(hit[:, None], history.n_months, axis=1)


@_members.register
def _status(rule: nodes.Status, history: History, memo: Memo) -> Matrix:
    own = (None,) if rule.controller == COUNTY else ()
    where = {"status": rule.status, "controller": (rule.controller, *own)}
    joined = merge_spells(history.spells("statuses", where, "start_day", ["end_day"]))
    first = _first_month_by(joined.start) + rule.minimum_months
    return _marked(joined.person, first, months_of_days(joined.end), history)


@_members.register
def _enrolment(rule: nodes.Enrolment, history: History, memo: Memo) -> Matrix:
    spells = history.spells("enrolments", {"intervention": rule.intervention}, "enrolled_day", ["ended_day"])
    return _marked(spells.person, _first_month_by(spells.start), months_of_days(spells.end), history)


@_members.register
def _referral(rule: nodes.Referral, history: History, memo: Memo) -> Matrix:
    where = _given(service=rule.service, specialty=rule.specialty)
    ends = [f"{rule.wait_to}_day", "started_day", "closed_day"]
    waits = history.spells("referrals", where, f"{rule.wait_from}_day", list(dict.fromkeys(ends)))
    over = waits.start + rule.longer_than_days + 1
    late = over <= waits.end
    last = months_of_days(waits.end[late]) + rule.within_months
    return _marked(waits.person[late], _first_month_by(over[late]), last, history)


@_members.register
def _diagnosis(rule: nodes.Diagnosis, history: History, memo: Memo) -> Matrix:
    # A diagnosis may stand in both tables: a month's count is the larger of the two, not their sum.
    tables = []
    for table, code, system in _DIAGNOSES:
        known = history.codes(table, code)
        wanted = (("icd10", matching_codes(known, rule.icd10)), ("icpc2", matching_codes(known, rule.icpc2)))
        found = [history.events(table, {code: codes, system: (name,)}) for name, codes in wanted if codes]
        tables.append(_joined(found, np.add))
    return _recent(_joined(tables, np.maximum), rule, history)


@_members.register
def _contact(rule: nodes.Contact, history: History, memo: Memo) -> Matrix:
    where = _given(
        service=rule.service,
        profession=rule.profession,
        specialty=rule.specialty,
        nature=rule.nature,
        urgency=rule.urgency,
    )
    where["mode"] = rule.mode or _CLIENT_MODES
    where["attendance"] = _attendance(rule.attendance)
    return _recent(history.events("contacts", where), rule, history)


@_members.register
def _distinct_services(rule: nodes.DistinctServices, history: History, memo: Memo) -> Matrix:
    events = history.events("contacts", _with_client(rule), by="service")
    services = np.zeros((history.n_persons, history.n_months), np.uint8)
    for code in np.unique(events.code):
        one = events.code == code
        used = Events(events.person[one], events.month[one], events.n[one], events.code[one])
        services += _at_least(used, rule.within_months, 1, history)
    return services >= rule.at_least


@_members.register
def _fewer_contacts(rule: nodes.FewerContacts, history: History, memo: Memo) -> Matrix:
    events = history.events("contacts", _with_client(rule))
    low, high = rule.reference_from - history.first_month, rule.reference_to - history.first_month
    inside = (events.month >= low) & (events.month <= high)
    reference = np.zeros(history.n_persons, np.int64)
    np.add.at(reference, events.person[inside], events.n[inside])
    length = high - low + 1
    out = np.zeros((history.n_persons, history.n_months), bool)
    for block, counts in _windows(events, rule.within_months, history):
        out[block] = counts * length < (reference[block] * rule.within_months)[:, None]
    return out


@_members.register
def _medicine(rule: nodes.Medicine, history: History, memo: Memo) -> Matrix:
    codes = matching_codes(history.codes("medicines", "atc"), rule.atc)
    return _recent(history.events("medicines", {"atc": codes}), rule, history)


@_members.register
def _request(rule: nodes.Request, history: History, memo: Memo) -> Matrix:
    where = _given(channel=rule.channel, service=rule.service, outcome=rule.outcome)
    return _recent(history.events("requests", where), rule, history)


@_members.register
def _plan(rule: nodes.Plan, history: History, memo: Memo) -> Matrix:
    return _recent(history.events("plans", _given(kind=rule.kind)), rule, history)


@_members.register
def _measurement(rule: nodes.Measurement, history: History, memo: Memo) -> Matrix:
    limits = ("value", rule.minimum, rule.maximum)
    return _recent(history.events("measurements", {"measure": rule.measure}, limits), rule, history)


@_members.register
def _any(rule: nodes.AnyOf, history: History, memo: Memo) -> Matrix:
    return _combined(rule.rules, history, memo, np.logical_or)


@_members.register
def _all(rule: nodes.AllOf, history: History, memo: Memo) -> Matrix:
    return _combined(rule.rules, history, memo, np.logical_and)


def _combined(rules: Sequence[nodes.Rule], history: History, memo: Memo, join: np.ufunc) -> Matrix:
    members = _members(rules[0], history, memo)
    for rule in rules[1:]:
        join(members, _members(rule, history, memo), out=members)
    return members


@_members.register
def _some(rule: nodes.SomeOf, history: History, memo: Memo) -> Matrix:
    held = np.zeros((history.n_persons, history.n_months), np.uint8)
    for child in rule.rules:
        held += _members(child, history, memo)
    return held >= rule.count


@_members.register
def _not(rule: nodes.Not, history: History, memo: Memo) -> Matrix:
    return ~_members(rule.rule, history, memo)


@_members.register
def _group(rule: nodes.Group, history: History, memo: Memo) -> Matrix:
    if rule.group not in memo:
        memo[rule.group] = np.packbits(_members(rule.rule, history, memo), axis=1)
    return np.unpackbits(memo[rule.group], axis=1, count=history.n_months).view(bool)


def _given(**conditions: tuple[str, ...] | None) -> dict[str, tuple[str | None, ...]]:
    return {column: codes for column, codes in conditions.items() if codes is not None}


def _attendance(accepted: tuple[str, ...]) -> tuple[str | None, ...]:
    return (*accepted, None) if "attended" in accepted else accepted


def _with_client(rule: nodes.ContactFilter) -> Where:
    where = _given(service=rule.service)
    return {**where, "mode": _CLIENT_MODES, "attendance": _attendance(("attended",))}


def matching_codes(codes: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """The codes that prefixes (`I25.1`, `N05`) and ranges of the first three characters (`F20-F48`) take in.

    Dots and case do not matter.
    """
    ranges = [tuple(one.split("-")) for one in wanted if "-" in one]
    prefixes = tuple(one.replace(".", "").upper() for one in wanted if "-" not in one)
    plain = {code: code.replace(".", "").upper() for code in codes}
    return tuple(
        code
        for code, text in plain.items()
        if (prefixes and text.startswith(prefixes)) or any(low <= text[:3] <= high for low, high in ranges)
    )


def merge_spells(spells: Spells) -> Spells:
    """Spells of a person that overlap or follow each other without a day between, as one."""
    order = np.lexsort((spells.start, spells.person))
    person, start, end = spells.person[order], spells.start[order], spells.end[order]
    if len(person) == 0:
        return spells
    far = np.int64(4_000_000)  # above twice any day number: keeps persons apart in one running maximum
    reach = np.maximum.accumulate(end + person * far) - person * far
    fresh = np.ones(len(person), bool)
    fresh[1:] = (person[1:] != person[:-1]) | (start[1:] > reach[:-1] + 1)
    first = np.flatnonzero(fresh)
    return Spells(person[first], start[first], reach[np.append(first[1:], len(person)) - 1])


def _joined(parts: list[Events], join: np.ufunc) -> Events:
    """Several counts as one: a person-month's count is the sum (`np.add`) or the largest (`np.maximum`)."""
    person, month, n = (
        np.concatenate([getattr(part, name) for part in parts] or [np.zeros(0, np.int64)])
        for name in ("person", "month", "n")
    )
    cells, cell = np.unique(np.stack([person, month]), axis=1, return_inverse=True)
    total = np.zeros(cells.shape[1], np.int64)
    join.at(total, cell.reshape(-1), n)
    return Events(cells[0], cells[1], total, np.full(cells.shape[1], -1, np.int64))


def _first_month_by(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """First month whose first day is not before the day."""
    return months_of_days(days - 1) + 1


def _marked(person: NDArray[np.int64], first: NDArray[np.int64], last: NDArray[np.int64], history: History) -> Matrix:
    """Months `first`…`last` (month indices, inclusive) of persons marked."""
    low = np.clip(first - history.first_month, 0, history.n_months)
    high = np.clip(last + 1 - history.first_month, 0, history.n_months)
    some = low < high
    person, low, high = person[some], low[some], high[some]
    out = np.zeros((history.n_persons, history.n_months), bool)
    for block, chosen in _blocks(person, history.n_persons):
        change = np.zeros((block.stop - block.start, history.n_months + 1), np.int16)
        row = person[chosen] - block.start
        np.add.at(change, (row, low[chosen]), 1)
        np.subtract.at(change, (row, high[chosen]), 1)
        out[block] = np.cumsum(change[:, :-1], axis=1) > 0
    return out


def _recent(events: Events, rule: nodes.Windowed, history: History) -> Matrix:
    return _at_least(events, rule.within_months, rule.at_least, history)


def _at_least(events: Events, within_months: int, at_least: int, history: History) -> Matrix:
    out = np.zeros((history.n_persons, history.n_months), bool)
    for block, counts in _windows(events, within_months, history):
        out[block] = counts >= at_least
    return out


def _windows(events: Events, within_months: int, history: History) -> Iterator[tuple[slice, NDArray[np.int32]]]:
    """Events in the months m-k…m-1 for every month m, by blocks of persons."""
    width = history.n_months
    enters, leaves = np.minimum(events.month + 1, width), np.minimum(events.month + 1 + within_months, width)
    for block, chosen in _blocks(events.person, history.n_persons):
        change = np.zeros((block.stop - block.start, width + 1), np.int32)
        row = events.person[chosen] - block.start
        np.add.at(change, (row, enters[chosen]), events.n[chosen])
        np.subtract.at(change, (row, leaves[chosen]), events.n[chosen])
        yield block, np.cumsum(change[:, :-1], axis=1, dtype=np.int32)


def _blocks(person: NDArray[np.int64], n_persons: int) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    order = np.argsort(person, kind="stable")
    starts = np.arange(0, n_persons, _BLOCK)
    edges = np.searchsorted(person[order], np.append(starts, n_persons))
    for i, start in enumerate(starts):
        yield slice(int(start), min(int(start) + _BLOCK, n_persons)), order[edges[i] : edges[i + 1]]
