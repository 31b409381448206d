"""Histories of one person bucket of the store; the queries run as narwhals expressions on DuckDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from ennakointi.histories import OPEN, Events, Limits, Spells, Where, ages, residence
from ennakointi.layout import BUCKETS


class Frames(Protocol):
    """What is needed of `store.Store`."""

    def codes(self, table: str, column: str) -> list[str]: ...

    def columns(self, table: str) -> Collection[str]: ...

    def frame(
        self, table: str, bucket: int | None = None, connection: DuckDBPyConnection | None = None
    ) -> nw.LazyFrame: ...


@dataclass(frozen=True, eq=False)
class StoreHistory:
    """`rules.History` of the persons of a bucket: row i is person `bucket + 16 i`.

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

    @property
    def n_persons(self) -> int:
        return len(self._persons)

    @cached_property
    def _persons(self) -> pd.DataFrame:
        columns = ("birth_month", "birth_day", "sex", "municipality")
        ends = ("resident_from_day", "resident_to_day", "death_day")
        persons = self._frame("persons").select("person", *columns, *ends).sort("person").collect("pandas")
        return persons.to_native()

    def age(self) -> NDArray[np.int16]:
        return ages(self._persons["birth_month"].to_numpy(np.int64), self.first_month, self.n_months)

    def sex(self) -> NDArray[np.object_]:
        return self._decoded("sex")

    def municipality(self) -> NDArray[np.object_]:
        return self._decoded("municipality")

    def resident(self) -> NDArray[np.bool_]:
        persons = self._persons
        start = np.maximum(_days(persons["birth_day"], -OPEN), _days(persons["resident_from_day"], -OPEN))
        end = np.minimum(_days(persons["resident_to_day"], OPEN), _days(persons["death_day"], OPEN))
        return residence(start, end, self.first_month, self.n_months)

    def codes(self, table: str, column: str) -> Sequence[str]:
        return self.store.codes(table, column) if column in self.store.columns(table) else []

    def events(self, table: str, where: Where, limits: Limits | None = None, by: str | None = None) -> Events:
        rows = self._matching(table, where)
        if rows is None or (by is not None and by not in self.store.columns(table)):
            return Events(*(np.zeros(0, np.int64) for _ in range(4)))
        inside = nw.col("month").is_between(self.first_month, self.first_month + self.n_months - 1)
        rows = rows.filter(inside, *_within(limits))
        if table == "requests":
            rows = rows.filter(~nw.col("person").is_null())
        keys = ["person", "month", *([] if by is None else [by])]
        counted = rows.group_by(keys).agg(nw.len().alias("n")).sort(keys).collect("pandas").to_native()
        code = np.full(len(counted), -1, np.int64) if by is None else _days(counted[by], -1)
        return Events(
            self._row(counted["person"]),
            counted["month"].to_numpy(np.int64) - self.first_month,
            counted["n"].to_numpy(np.int64),
            code,
        )

    def spells(self, table: str, where: Where, start: str, ends: Sequence[str]) -> Spells:
        rows = self._matching(table, where)
        if rows is None:
            return Spells(*(np.zeros(0, np.int64) for _ in range(3)))
        known = rows.filter(~nw.col(start).is_null()).select("person", start, *ends)
        found = known.sort("person", start, *ends).collect("pandas").to_native()
        end = np.minimum.reduce([_days(found[column], OPEN) for column in ends])
        return Spells(self._row(found["person"]), found[start].to_numpy(np.int64), end)

    def _frame(self, table: str) -> nw.LazyFrame:
        return self.store.frame(table, self.bucket, self.connection)

    def _decoded(self, column: str) -> NDArray[np.object_]:
        names = np.array([*self.store.codes("persons", column), None], dtype=object)
        return names[_days(self._persons[column], -1)]

    def _row(self, person: pd.Series) -> NDArray[np.int64]:
        return person.to_numpy(np.int64) // BUCKETS

    def _matching(self, table: str, where: Where) -> nw.LazyFrame | None:
        """Rows that meet the conditions; None when no row can."""
        conditions = []
        for column, accepted in where.items():
            names = self.codes(table, column)
            numbers = [i for i, name in enumerate(names) if name in accepted]
            tests = [nw.col(column).is_in(numbers)] if numbers else []
            if None in accepted:
                tests.append(nw.col(column).is_null())
            if not tests:
                return None
            conditions.append(nw.any_horizontal(*tests, ignore_nulls=True))
        return self._frame(table).filter(*conditions) if conditions else self._frame(table)


def _within(limits: Limits | None) -> Iterable[nw.Expr]:
    if limits is None:
        return
    column, low, high = limits
    if low is not None:
        yield nw.col(column) >= low
    if high is not None:
        yield nw.col(column) <= high


def _days(values: pd.Series, missing: int) -> NDArray[np.int64]:
    return values.fillna(missing).to_numpy(np.int64)
