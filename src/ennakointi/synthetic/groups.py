"""Members of the target groups in the two histories of a chunk of the synthetic county, by the county's own
rules."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi import rules
from ennakointi.periods import month_index
from ennakointi.rules.histories import CONTACT_CODES
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Flags, Floats, Ints
from ennakointi.synthetic.chunk import Rows
from ennakointi.synthetic.files import DAY_MINUTES, NO_DAY, Coded, Columns, categorical
from ennakointi.synthetic.volumes import Members

_MONTHS_1970 = month_index(1970, 1)
_EVENT_COLUMNS = {
    "medicines": "dispensed_on",
    "measurements": "measured_on",
    "plans": "made_on",
    "requests": "requested_at",
}
_PERIODS = {
    "statuses": {"start_date": "start_day", "end_date": "end_day"},
    "enrolments": {"enrolled_on": "enrolled_day", "ended_on": "ended_day"},
    "referrals": {
        "received_on": "received_day",
        "assessment_started_on": "assessment_started_day",
        "assessed_on": "assessed_day",
        "need_ascertained_on": "need_ascertained_day",
        "decided_on": "decided_day",
        "started_on": "started_day",
        "closed_on": "closed_day",
    },
}


def members(
    groups: Mapping[str, rules.Rule],
    persons: Columns,
    tables: Mapping[str, Columns],
    undisturbed_referrals: Columns,
    rows: Rows,
    span: Span,
) -> tuple[Members, Members]:
    """Members of every group by month, (n, months) each, without and with the disruption.

    Only events that the register holds count, as for any analyst. `tables` are columns of the contract whose
    `person_id` numbers the chunk's persons from 0.
    """
    needed = frozenset().union(*(rules.tables(rule) for rule in groups.values()))
    frames = {"persons": _persons_frame(persons)}
    frames |= {name: _events_frame(tables[name], name) for name in _EVENT_COLUMNS if name in needed}
    frames |= {name: _periods_frame(tables[name], name) for name in _PERIODS if name in needed and name in tables}
    after = _evaluate(groups, {**frames, **_care(rows, rows.after, needed, span)}, len(frames["persons"]), span)
    changing = {name: rule for name, rule in groups.items() if rules.uses_care(rule)}
    undisturbed = {**frames, **_care(rows, rows.before, needed, span)}
    if "referrals" in needed:
        undisturbed["referrals"] = _periods_frame(undisturbed_referrals, "referrals")
    before = _evaluate(changing, undisturbed, len(frames["persons"]), span)
    return {**after, **before}, after


def _evaluate(
    groups: Mapping[str, rules.Rule], frames: Mapping[str, pd.DataFrame], n: int, span: Span
) -> dict[str, Flags]:
    history = rules.FrameHistory(frames, n, span.first_month, span.n_months)
    memo: dict[str, NDArray[np.uint8]] = {}
    return {name: rules.evaluate(rule, history, memo) for name, rule in groups.items()}


def _column(values: object) -> object:
    if isinstance(values, Coded):
        return categorical(values.codes, values.names)
    return values


def _persons_frame(persons: Columns) -> pd.DataFrame:
    birth = np.asarray(persons["birth_date"], np.int64)
    eve = (birth - 1).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    frame = pd.DataFrame({name: _column(persons[name]) for name in ("sex", "municipality")})
    frame["birth_day"], frame["birth_month"] = birth, eve + 1 + _MONTHS_1970
    for name, days in {
        "resident_from_day": persons["resident_from"],
        "resident_to_day": persons["resident_to"],
        "death_day": persons["death_date"],
    }.items():
        frame[name] = _nullable(days)
    return frame


def _nullable(days: object) -> Floats:
    values = np.asarray(days, float)
    return np.where(values == NO_DAY, np.nan, values)


def _month(day: Ints) -> Ints:
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + _MONTHS_1970


def _events_frame(columns: Columns, name: str) -> pd.DataFrame:
    frame = pd.DataFrame({c: _column(v) for c, v in columns.items() if c not in ("person_id", _EVENT_COLUMNS[name])})
    when = np.asarray(columns[_EVENT_COLUMNS[name]], np.int64)
    frame["person"] = columns["person_id"]
    frame["month"] = _month(when // DAY_MINUTES if name == "requests" else when)
    return frame


def _periods_frame(columns: Columns, name: str) -> pd.DataFrame:
    days = _PERIODS[name]
    frame = pd.DataFrame({c: _column(v) for c, v in columns.items() if c not in ("person_id", *days)})
    frame["person"] = columns["person_id"]
    for column, day in days.items():
        frame[day] = _nullable(columns[column])
    return frame


def _care(rows: Rows, held: Flags, needed: frozenset[str], span: Span) -> dict[str, pd.DataFrame]:
    """Contacts and diagnoses of one history as frames."""
    frames: dict[str, pd.DataFrame] = {}
    if needed & {"contacts", "diagnoses"}:
        chosen = {name: rows.columns[name] for name in CONTACT_CODES}
        frame = pd.DataFrame({n: _column(v.take(held)) for n, v in chosen.items() if isinstance(v, Coded)})
        frame["person"] = rows.events.person[held]
        frame["month"] = span.month(rows.events.day[held]).astype(np.int64) + span.first_month
        coded = frame[frame["diagnosis"].notna()]
        frames["contacts"] = frame.drop(columns=["diagnosis", "diagnosis_system"])
        renamed = coded.rename(columns={"diagnosis": "code", "diagnosis_system": "system"})
        frames["diagnoses"] = renamed[["person", "month", "code", "system"]]
    return frames
