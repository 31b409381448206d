"""What a rule may ask of people's histories, and the answer from data frames in memory.

A history is one block of persons, numbered from 0, over consecutive months. `groups.store_history` gives the same
protocol over the store; both leave the rules to `rules.evaluate`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.periods import month_index

OPEN = 1_000_000  # day number of an end that has not come
CONTACT_CODES = (  # columns of a contact that a rule may name
    "service",
    "mode",
    "profession",
    "specialty",
    "nature",
    "urgency",
    "attendance",
    "diagnosis",
    "diagnosis_system",
)

Where = Mapping[str, Collection[str | None]]  # column -> accepted codes; None accepts an empty cell
Limits = tuple[str, float | None, float | None]  # column, minimum, maximum, inclusive


@dataclass(frozen=True, eq=False)
class Events:
    """Counted events: one entry per person and month (and code, when asked for).

    `person` (k,) numbers from 0; `month` (k,) months since the history's first; `n` (k,) events;
    `code` (k,) position in the history's code list, or -1.
    """

    person: NDArray[np.int64]
    month: NDArray[np.int64]
    n: NDArray[np.int64]
    code: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Spells:
    """Periods of persons in day numbers: `person`, `start`, `end`, each (k,); an open end is OPEN."""

    person: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


class History(Protocol):
    """What `rules.evaluate` needs; arrays have one row per person and one column per month."""

    @property
    def n_persons(self) -> int: ...

    @property
    def first_month(self) -> int: ...

    @property
    def n_months(self) -> int: ...

    def age(self) -> NDArray[np.int16]:
        """Whole years on the first day of each month (n, m); 0 before birth."""

    def sex(self) -> NDArray[np.object_]:
        """Code per person (n,)."""

    def municipality(self) -> NDArray[np.object_]:
        """Code per person (n,)."""

    def resident(self) -> NDArray[np.bool_]:
        """Resident and alive on at least one day of the month (n, m)."""

    def codes(self, table: str, column: str) -> Sequence[str]:
        """The codes that occur in a column; a code's position is its number in `Events.code`."""

    def events(self, table: str, where: Where, limits: Limits | None = None, by: str | None = None) -> Events:
        """Events that match every condition, counted by person and month (and by codes of `by`)."""

    def spells(self, table: str, where: Where, start: str, ends: Sequence[str]) -> Spells:
        """Periods from column `start` to the earliest of `ends`; rows without a start are left out."""


def months_of_days(days: NDArray[np.int64]) -> NDArray[np.int64]:
    """Month index of day numbers; OPEN lies beyond every month."""
    since_1970 = np.asarray(days, np.int64).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return since_1970 + month_index(1970, 1)


def ages(birth_month: NDArray[np.int64], first_month: int, n_months: int) -> NDArray[np.int16]:
    """Whole years on the first day of each month (n, m), from the first month a person is born by."""
    lived = (first_month - np.asarray(birth_month, np.int64)).astype(np.int16)
    age = lived[:, None] + np.arange(n_months, dtype=np.int16)
    np.maximum(age, 0, out=age)
    return np.floor_divide(age, np.int16(12), out=age)


def residence(start: NDArray[np.int64], end: NDArray[np.int64], first_month: int, n_months: int) -> NDArray[np.bool_]:
    """Whether the days `start`…`end` (n,) touch each month (n, m)."""
    months = np.arange(first_month, first_month + n_months, dtype=np.int32)
    first, last = months_of_days(start).astype(np.int32), months_of_days(end).astype(np.int32)
    return (months >= first[:, None]) & (months <= last[:, None]) & (start <= end)[:, None]


def counted(person: NDArray[np.int64], month: NDArray[np.int64], code: NDArray[np.int64], n_months: int) -> Events:
    """Rows (k,) counted by person, month and code."""
    n_codes = int(code.max(initial=-1)) + 2
    cell, n = np.unique((person * n_months + month) * n_codes + code + 1, return_counts=True)
    person_month, code = np.divmod(cell, n_codes)
    person, month = np.divmod(person_month, n_months)
    return Events(person, month, n.astype(np.int64), code - 1)


def _days(frame: pd.DataFrame, column: str, missing: int) -> NDArray[np.int64]:
    if column not in frame:
        return np.full(len(frame), missing, np.int64)
    return frame[column].fillna(missing).to_numpy(np.int64)


def _matching(frame: pd.DataFrame, where: Where) -> pd.DataFrame:
    keep = np.ones(len(frame), bool)
    for column, accepted in where.items():
        if column not in frame:
            keep &= None in accepted
            continue
        values = frame[column]
        hit = values.isin([code for code in accepted if code is not None])
        keep &= (hit | values.isna() if None in accepted else hit).to_numpy(bool)
    return frame[keep]


@dataclass(frozen=True, eq=False)
class FrameHistory:
    """Histories from frames in memory, for the synthetic county and for tests.

    Parameters
    ----------
    frames : mapping of table to DataFrame
        Columns as in the store: `person` 0…n-1, `month` (month index), `*_day` day numbers, code columns as
        text or categories. `persons` has one row per person in order: `birth_month` (and `birth_day` if
        known), `sex`, `municipality`, `resident_from_day`, `resident_to_day`, `death_day`.
    n_persons, first_month, n_months : int
        The block's persons and months.
    """

    frames: Mapping[str, pd.DataFrame]
    n_persons: int
    first_month: int
    n_months: int

    def age(self) -> NDArray[np.int16]:
        return ages(self.frames["persons"]["birth_month"].to_numpy(np.int64), self.first_month, self.n_months)

    def sex(self) -> NDArray[np.object_]:
        return self.frames["persons"]["sex"].to_numpy(object)

    def municipality(self) -> NDArray[np.object_]:
        return self.frames["persons"]["municipality"].to_numpy(object)

    def resident(self) -> NDArray[np.bool_]:
        persons = self.frames["persons"]
        born = _days(persons, "birth_day", -OPEN)
        if "birth_day" not in persons:
            birth_month = persons["birth_month"].to_numpy(np.int64) - month_index(1970, 1)
            born = birth_month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        start = np.maximum(born, _days(persons, "resident_from_day", -OPEN))
        end = np.minimum(_days(persons, "resident_to_day", OPEN), _days(persons, "death_day", OPEN))
        return residence(start, end, self.first_month, self.n_months)

    def codes(self, table: str, column: str) -> Sequence[str]:
        frame = self.frames.get(table)
        if frame is None or column not in frame:
            return []
        values = frame[column]
        if isinstance(values.dtype, pd.CategoricalDtype):
            return [str(code) for code in values.cat.categories]
        return sorted(str(code) for code in values.dropna().unique())

    def events(self, table: str, where: Where, limits: Limits | None = None, by: str | None = None) -> Events:
        frame = self.frames.get(table)
        if frame is None:
            return Events(*(np.zeros(0, np.int64) for _ in range(4)))
        rows = _matching(frame, where)
        if limits is not None:
            value, low, high = rows[limits[0]], limits[1], limits[2]
            rows = rows[value.between(-np.inf if low is None else low, np.inf if high is None else high)]
        month = rows["month"].to_numpy(np.int64) - self.first_month
        code = np.full(len(rows), -1, np.int64)
        if by is not None:
            code = pd.Categorical(rows[by], categories=list(self.codes(table, by))).codes.astype(np.int64)
        inside = (month >= 0) & (month < self.n_months)
        return counted(rows["person"].to_numpy(np.int64)[inside], month[inside], code[inside], self.n_months)

    def spells(self, table: str, where: Where, start: str, ends: Sequence[str]) -> Spells:
        frame = self.frames.get(table)
        if frame is None:
            return Spells(*(np.zeros(0, np.int64) for _ in range(3)))
        rows = _matching(frame, where)
        rows = rows[rows[start].notna()]
        end = np.minimum.reduce([_days(rows, column, OPEN) for column in ends])
        return Spells(rows["person"].to_numpy(np.int64), rows[start].to_numpy(np.int64), end)
