"""What every part of the features reads with: the quarters that are told and one bucket of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from ennakointi.features.windows import Ints
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter, day_number, first_day
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS

EARLIER = 7  # quarters before the first told one that the longest window of use reaches back to
OPEN = 2**31 - 1  # a day that has not come
_EPOCH_MONTH = 1970 * 12


@dataclass(frozen=True)
class Span:
    """Quarters as whole numbers (month index // 3): `n` told ones from `first`, and `EARLIER` before them."""

    first: int
    n: int

    @property
    def start(self) -> int:
        """The first quarter of the cells."""
        return self.first - EARLIER

    @property
    def n_cells(self) -> int:
        return self.n + EARLIER

    @cached_property
    def edges(self) -> Ints:
        """(cells + 1) First day number of every quarter of the cells, and of the one after the last."""
        return np.array([day_number(first_day(3 * (self.start + q))) for q in range(self.n_cells + 1)])

    @property
    def ends(self) -> Ints:
        """(n,) Last day number of every told quarter."""
        return self.edges[EARLIER + 1 :] - 1

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(str(Quarter(q // 4, q % 4 + 1)) for q in range(self.first, self.first + self.n))

    def place(self, day: NDArray[Any]) -> Ints:
        """The cell that a day lies in; what is later than all cells lies after the last."""
        last = self.edges[-1]
        months = np.minimum(day, last).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return (months + _EPOCH_MONTH) // 3 - self.start


@dataclass(frozen=True, eq=False)
class Reading:
    """One bucket of the store; row i is person `bucket + 16 i`."""

    store: Store
    parameters: Parameters
    span: Span
    bucket: int
    connection: DuckDBPyConnection
    only_stays: tuple[str, ...] = ()

    @cached_property
    def n_persons(self) -> int:
        rows = self.frame("persons").select(nw.len().alias("n")).collect("pyarrow").to_native()
        return int(rows["n"][0].as_py())

    @property
    def shape(self) -> tuple[int, int]:
        """Quarters of the cells, persons."""
        return self.span.n_cells, self.n_persons

    def frame(self, table: str) -> nw.LazyFrame[Any]:
        return self.store.frame(table, self.bucket, self.connection)

    def events(self, table: str, since: int | None = None) -> nw.LazyFrame[Any]:
        """Rows of persons in the quarters `since` (the first of the cells unless told) … the last, with `quarter`."""
        start = self.span.start if since is None else since
        stop = 3 * (self.span.first + self.span.n)
        inside = (nw.col("month") >= 3 * start) & (nw.col("month") < stop) & ~nw.col("person").is_null()
        quarter = nw.col("month") // 3 - self.span.start
        return self.frame(table).filter(inside).with_columns(quarter=quarter.cast(nw.Int32))

    def arrays(self, frame: nw.LazyFrame[Any]) -> Mapping[str, NDArray[Any]]:
        """The columns as arrays; `person` becomes the row of the bucket."""
        found = frame.collect("pyarrow").to_native()
        columns = {name: found[name].to_numpy() for name in found.column_names}
        columns["person"] = columns["person"].astype(np.int64) // BUCKETS
        return columns

    def codes(self, table: str, column: str, wanted: tuple[str, ...]) -> list[int]:
        """Places of some codes in a column's list."""
        return [place for place, code in enumerate(self.store.codes(table, column)) if code in wanted]

    def told(self, cells: NDArray[Any]) -> NDArray[Any]:
        """(n, P) The told quarters of cells."""
        return cells[EARLIER:]
