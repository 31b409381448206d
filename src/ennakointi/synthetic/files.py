"""Writing the tables of the synthetic county as Parquet, streamed chunk by chunk, the same bytes for the same
content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi import schema
from ennakointi.synthetic.calibration import Flags, Ints

NO_DAY = np.iinfo(np.int32).min
NO_MINUTE = np.iinfo(np.int64).min
DAY_MINUTES = 1440
_OPTIONS = {
    "compression": "zstd",
    "compression_level": 1,
    "version": "2.6",
    "store_schema": False,
    "write_statistics": True,
}
_IN_PARTS = ("contacts", "diagnoses", "medicines", "requests")
_TYPES = {
    schema.IDENTIFIER: pa.int64(),
    schema.TEXT: pa.string(),
    schema.CODE: pa.dictionary(pa.int16(), pa.string()),
    schema.WHOLE: pa.int32(),
    schema.NUMBER: pa.float64(),
    schema.FLAG: pa.bool_(),
    schema.DATE: pa.date32(),
    schema.MONTH: pa.date32(),
    schema.TIMESTAMP: pa.timestamp("ms"),
}


@dataclass(frozen=True, eq=False)
class Coded:
    """A code column: positions (k,) in `names`; -1 is empty."""

    codes: Ints
    names: Sequence[str]

    def take(self, rows: Flags | Ints) -> Coded:
        return Coded(self.codes[rows], self.names)


Columns = Mapping[str, Any]  # column -> array (k,) or Coded


def take(columns: Columns, rows: Flags | Ints) -> dict[str, Any]:
    """The same columns for some rows."""
    return {name: v.take(rows) if isinstance(v, Coded) else v[rows] for name, v in columns.items()}


def arrow_table(name: str, columns: Columns) -> pa.Table:
    """Columns as a table of the contract: days and minutes since 1970 become dates and timestamps.

    NO_DAY, NO_MINUTE, NaN, code -1 and negative identifiers are empty; a column of the contract that is not
    given is empty.
    """
    table = schema.TABLES[name]
    unknown = set(columns) - set(table.names)
    assert not unknown, f"{name} has no columns {unknown}"
    n = len(next(iter(columns.values())).codes if isinstance(first := next(iter(columns.values())), Coded) else first)
    arrays = [_array(c.kind, columns.get(c.name), n) for c in table.columns]
    return pa.table(arrays, schema=_schema(table))


def _schema(table: schema.Table) -> pa.Schema:
    return pa.schema([(c.name, _TYPES[c.kind]) for c in table.columns])


def _array(kind: str, values: Any, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, _TYPES[kind])
    if isinstance(values, Coded):
        return _dictionary(values)
    if kind in (schema.DATE, schema.MONTH):
        return pa.array(values.astype(np.int32), mask=values == NO_DAY).cast(pa.date32())
    if kind == schema.TIMESTAMP:
        minutes = np.where(values == NO_MINUTE, 0, values)
        return pa.array(minutes * 60_000, mask=values == NO_MINUTE).cast(_TYPES[kind])
    if kind == schema.NUMBER:
        return pa.array(values.astype(float), mask=np.isnan(values.astype(float)))
    if kind == schema.FLAG:
        return pa.array(values.astype(bool))
    if kind == schema.IDENTIFIER:
        return pa.array(values.astype(np.int64), mask=values < 0)
    return pa.array(values).cast(_TYPES[kind])


def categorical(codes: Ints, names: Sequence[str]) -> pd.Categorical:
    """Positions in a code list as a categorical column; -1 is empty."""
    return pd.Categorical.from_codes(codes.astype(np.int16), categories=list(names))  # type: ignore[arg-type]


def _dictionary(values: Coded) -> pa.DictionaryArray:
    """Codes over the names that occur, in order; unused names make Arrow's bytes differ between processes."""
    used = np.flatnonzero(np.bincount(values.codes[values.codes >= 0], minlength=1))
    position = np.zeros(len(values.names) + 1, np.int16)
    position[used] = np.arange(len(used))
    codes = pa.array(position[values.codes], mask=values.codes < 0)
    return pa.DictionaryArray.from_arrays(codes, pa.array([values.names[int(i)] for i in used], pa.string()))


def _frame_array(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = [str(name) for name in values.cat.categories]
        return _dictionary(Coded(values.cat.codes.to_numpy(np.int16), names))
    array = pa.Array.from_pandas(values)
    return array.cast(pa.date32()) if pa.types.is_timestamp(array.type) else array


@dataclass
class Writer:
    """Open Parquet files of a folder; large tables get one part a chunk, the others one row group a chunk."""

    folder: Path
    _open: dict[str, pq.ParquetWriter] = field(default_factory=dict)
    _parts: dict[str, int] = field(default_factory=dict)

    def contract(self, name: str, columns: Columns) -> None:
        """Rows of a contract table."""
        rows = arrow_table(name, columns)
        if name not in _IN_PARTS:
            self.rows(name, rows)
            return
        part = self._parts.get(name, 0)
        self._parts[name] = part + 1
        path = self.folder / name / f"part-{part:03d}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(rows, path, **_OPTIONS)

    def rows(self, name: str, rows: pa.Table) -> None:
        """Rows of any table; `name` may hold a subfolder (`truth/volumes`)."""
        if name not in self._open:
            path = self.folder / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            self._open[name] = pq.ParquetWriter(path, rows.schema, **_OPTIONS)
        self._open[name].write_table(rows)

    def frame(self, name: str, frame: pd.DataFrame) -> None:
        """Rows of a table of the truth; points in time are written as dates."""
        arrays = {str(column): _frame_array(frame[column]) for column in frame.columns}
        self.rows(f"truth/{name}", pa.table(arrays))

    def close(self) -> None:
        """End every open file."""
        for writer in self._open.values():
            writer.close()
        self._open.clear()
