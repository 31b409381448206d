"""Histories of one person bucket of the store: tables are read through narwhals, kept as small integers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import narwhals.stable.v2 as nw
import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from ennakointi.rules.histories import CONTACT_CODES, OPEN, Events, Limits, Spells, Where, ages, counted, residence
from ennakointi.store.layout import BUCKETS

Columns = Mapping[str, NDArray[Any]]

_CODES = {
    "persons": ("sex", "municipality"),
    "contacts": CONTACT_CODES,
    "diagnoses": ("code", "system"),
    "medicines": ("atc",),
    "requests": ("channel", "service", "outcome"),
    "plans": ("kind",),
    "measurements": ("measure",),
    "statuses": ("status", "controller"),
    "enrolments": ("intervention",),
    "referrals": ("service", "specialty"),
}
_NUMBERS = {"persons": ("birth_month",), "measurements": ("value",)}
_DAYS = {
    "persons": ("birth_day", "resident_from_day", "resident_to_day", "death_day"),
    "statuses": ("start_day", "end_day"),
    "enrolments": ("enrolled_day", "ended_day"),
    "referrals": (
        "received_day",
        "assessment_started_day",
        "assessed_day",
        "need_ascertained_day",
        "decided_day",
        "started_day",
        "closed_day",
    ),
}
_LARGEST_SHORT = 2**15 - 1


class Frames(Protocol):
    """What is needed of `store.Store`."""

    def codes(self, table: str, column: str) -> list[str]: ...

    def columns(self, table: str) -> Collection[str]: ...

    def frame(
        self, table: str, bucket: int | None = None, connection: DuckDBPyConnection | None = None
    ) -> nw.LazyFrame[Any]: ...


@dataclass(frozen=True, eq=False)
class StoreHistory:
    """`rules.History` of the persons of a bucket: row i is person `bucket + 16 i`.

    A table is read once, when a rule first asks for it: its codes, days and months, not its texts and costs.

    Parameters
    ----------
    store, bucket, connection
        The open store, the bucket 0…15 and the connection that runs the queries.
    first_month, n_months : int
        The months of the matrices.
    """

    store: Frames
    bucket: int
    first_month: int
    n_months: int
    connection: DuckDBPyConnection | None = None
    _read: dict[str, Columns] = field(default_factory=dict, repr=False)

    @cached_property
    def n_persons(self) -> int:
        return len(self._table("persons")["person"])

    def age(self) -> NDArray[np.int16]:
        return ages(self._person_column("birth_month"), self.first_month, self.n_months)

    def sex(self) -> NDArray[np.object_]:
        return self._decoded("sex")

    def municipality(self) -> NDArray[np.object_]:
        return self._decoded("municipality")

    def resident(self) -> NDArray[np.bool_]:
        born, moved_in, moved_out, died = (self._person_column(column) for column in _DAYS["persons"])
        start = np.maximum(*(np.where(day == OPEN, -OPEN, day) for day in (born, moved_in)))
        return residence(start, np.minimum(moved_out, died), self.first_month, self.n_months)

    def codes(self, table: str, column: str) -> Sequence[str]:
        return self.store.codes(table, column) if column in self.store.columns(table) else []

    def events(self, table: str, where: Where, limits: Limits | None = None, by: str | None = None) -> Events:
        rows = self._table(table)
        month = rows["month"].astype(np.int64) - self.first_month
        keep = self._matching(table, where) & (month >= 0) & (month < self.n_months)
        if limits is not None:
            column, low, high = limits
            keep &= rows[column] >= (-np.inf if low is None else low)
            keep &= rows[column] <= (np.inf if high is None else high)
        person = self._row(rows["person"][keep])
        code = np.full(len(person), -1, np.int64) if by is None else rows[by][keep].astype(np.int64)
        return counted(person, month[keep], code, self.n_months)

    def spells(self, table: str, where: Where, start: str, ends: Sequence[str]) -> Spells:
        rows = self._table(table)
        keep = self._matching(table, where) & (rows[start] != OPEN)
        end = np.minimum.reduce([rows[column][keep] for column in ends]).astype(np.int64)
        return Spells(self._row(rows["person"][keep]), rows[start][keep].astype(np.int64), end)

    def _person_column(self, column: str) -> NDArray[np.int64]:
        """A column of the persons in the order of the rows."""
        persons = self._table("persons")
        return persons[column][np.argsort(persons["person"])].astype(np.int64)

    def _decoded(self, column: str) -> NDArray[np.object_]:
        names = np.array([*self.store.codes("persons", column), None], dtype=object)
        return names[self._person_column(column)]

    def _row(self, person: NDArray[Any]) -> NDArray[np.int64]:
        return person.astype(np.int64) // BUCKETS

    def _matching(self, table: str, where: Where) -> NDArray[np.bool_]:
        rows = self._table(table)
        keep = np.ones(len(rows["person"]), bool)
        for column, accepted in where.items():
            names = [*self.codes(table, column), None]  # an empty cell is -1, the last place
            keep &= np.array([name in accepted for name in names])[rows[column]]
        return keep

    def _table(self, table: str) -> Columns:
        if table not in self._read:
            self._read[table] = self._load(table)
        return self._read[table]

    def _load(self, table: str) -> Columns:
        """Codes (-1 = empty), days (OPEN = empty), months and persons of the bucket."""
        columns = [nw.col("person"), *([nw.col("month")] if table != "persons" else [])]
        for column in _CODES[table]:
            kind = nw.Int16 if len(self.store.codes(table, column)) < _LARGEST_SHORT else nw.Int32
            columns.append(nw.col(column).cast(nw.Int32).fill_null(-1).cast(kind))
        columns += [nw.col(column).fill_null(OPEN) for column in _DAYS.get(table, ())]
        columns += [nw.col(column) for column in _NUMBERS.get(table, ())]
        frame = self.store.frame(table, self.bucket, self.connection)
        found = frame.filter(~nw.col("person").is_null()).select(*columns).collect("pyarrow").to_native()
        return {name: found[name].to_numpy() for name in found.column_names}
