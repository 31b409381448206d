"""Accepted rows written as compact Parquet: person tables in buckets sorted by person and day, others whole.

A person table is encoded and split into buckets in one pass over the source, then each bucket is sorted by
itself, so that memory follows the bucket and not the table. The identifier of a row is its place: row number
× 16 + bucket.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ennakointi.database import name, text
from ennakointi.schema import CODE, TABLES, Column, Table
from ennakointi.store.layout import (
    BUCKETS,
    EPISODE_ID,
    PERSON,
    Field,
    closes,
    derived,
    enum_name,
    event_day,
    fields,
    is_coded,
    is_key,
    known,
    owner,
)
from ennakointi.store.screening import Screened
from ennakointi.store.validation import Knowledge, codes

_STAGED = "FORMAT parquet, PARTITION_BY (bucket), ROW_GROUP_SIZE 20480"
_STORED = "FORMAT parquet, COMPRESSION zstd"


@dataclass(frozen=True)
class Packed:
    """One stored table.

    Attributes
    ----------
    rows : int
    after_as_of : int
        Accepted rows whose event lies after the as-of date; they are set aside.
    reopened : dict of str to int
        Rows whose end lies after the as-of date and is stored as open, by column.
    unmatched : dict of str to int
        References to a row of another table that is not in the store, by column.
    codes : dict of str to tuple of str
        Code lists of the stored code columns.
    columns : tuple of str
        Contract columns that are stored.
    """

    rows: int
    after_as_of: int
    reopened: dict[str, int]
    unmatched: dict[str, int]
    codes: dict[str, tuple[str, ...]]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """What is written of one table, and where."""

    table: Table
    columns: tuple[Column, ...]
    stored: tuple[Field, ...]
    is_referred: bool
    folder: Path
    staging: Path

    @property
    def references(self) -> dict[str, str]:
        """Columns that repeat another stored table's identifier, with that table."""
        return {column.name: target for column in self.columns if (target := owner(self.table, column))}

    @property
    def path(self) -> Path:
        name_of_table = self.table.name
        return self.folder / (name_of_table if self.table.by_person else f"{name_of_table}.parquet")

    def split_query(self) -> str:
        """The known rows, encoded, with their bucket; rows without a person go to bucket 0."""
        made = [f"{field.sql} AS {name(field.name)}" for field in self.stored]
        made += [f"{name(self.table.key[0])} AS _key"] if self.is_referred else []
        bucket = f"CAST(coalesce({PERSON} % {BUCKETS}, 0) AS INTEGER) AS bucket"
        return f"SELECT {', '.join(made)}, {self.tie} AS _tie, {bucket} FROM known_{self.table.name}"

    @property
    def tie(self) -> str:
        """SQL that orders rows of the same person and time by what they say, so that the order of files and lines
        leaves no trace; rows that say the same are one and the same to everybody."""
        return f"hash({', '.join(name(column.name) for column in self.columns)})"


def pack(
    connection: duckdb.DuckDBPyConnection,
    screened: Screened,
    knowledge: Knowledge,
    folder: Path,
    staging: Path,
) -> dict[str, Packed]:
    """Write every screened table that has rows into `folder`; `staging` holds what is thrown away."""
    filled = _stored_columns(screened)
    referred = {owner(TABLES[t], TABLES[t][c]) for t, columns in filled.items() for c in columns}
    packed = {}
    for table in sorted(filled, key=lambda table: table not in referred):
        after = _view_known(connection, TABLES[table], knowledge.as_of)
        sizes = _number_codes(connection, TABLES[table], filled[table], knowledge)
        plan = _plan(TABLES[table], filled[table], sizes, knowledge.as_of, table in referred, folder, staging)
        unmatched = _write_buckets(connection, plan) if plan.table.by_person else _write_whole(connection, plan)
        rows = _rows(connection, plan.path)
        packed[table] = Packed(
            rows,
            after,
            _reopened(connection, plan, knowledge.as_of),
            unmatched,
            {c.name: _values(connection, enum_name(plan.table, c)) for c in plan.columns if c.kind == CODE},
            tuple(column.name for column in plan.columns),
        )
    return {table: packed[table] for table in filled}


def _stored_columns(screened: Screened) -> dict[str, tuple[str, ...]]:
    """Filled columns of tables that have rows, without references that lead to tables without rows."""
    filled = {table: columns for table, columns in screened.filled.items() if screened.counts[table].accepted}
    return {
        table: tuple(c for c in columns if owner(TABLES[table], TABLES[table][c]) in (None, *filled))
        for table, columns in filled.items()
    }


def _view_known(connection: duckdb.DuckDBPyConnection, table: Table, as_of: date) -> int:
    """Make the view `known_<table>` of accepted rows up to the as-of date; the number of later rows.

    A person is known from birth; whoever is born later has no number in `person_index`.
    """
    origin = f"accepted_{table.name}"
    if table.name == "persons":
        origin = f"(SELECT * FROM {origin} JOIN person_index ON person_id = known_id)"
        later = "person IS NULL"
    else:
        later = f"CAST({name(table.event)} AS DATE) > DATE {text(as_of)}" if table.event else "FALSE"
    view = f"CREATE TEMP VIEW known_{table.name}"
    connection.execute(f"{view} AS SELECT * FROM {origin} WHERE NOT ({later})")
    return int(connection.execute(f"SELECT count(*) FROM {origin} WHERE {later}").fetchall()[0][0])


def _number_codes(
    connection: duckdb.DuckDBPyConnection, table: Table, filled: Sequence[str], knowledge: Knowledge
) -> dict[str, int]:
    """Make a DuckDB enum for every code column, open lists sorted; the number of its values by column."""
    sizes = {}
    for column in (table[c] for c in filled if is_coded(table, table[c])):
        x, enum = name(column.name), enum_name(table, column)
        values = ", ".join(map(text, codes(column, knowledge)))
        values = values or f"SELECT DISTINCT {x} FROM known_{table.name} WHERE {x} IS NOT NULL ORDER BY 1"
        connection.execute(f"CREATE TYPE {enum} AS ENUM ({values})")
        size = connection.execute(f"SELECT len(enum_range(CAST(NULL AS {enum})))").fetchall()[0][0]
        sizes[column.name] = size
    return sizes


def _values(connection: duckdb.DuckDBPyConnection, enum: str) -> tuple[str, ...]:
    rows = connection.execute(f"SELECT unnest(enum_range(CAST(NULL AS {enum})))").fetchall()
    return tuple(value for (value,) in rows)


def _plan(
    table: Table,
    filled: Sequence[str],
    sizes: Mapping[str, int],
    as_of: date,
    is_referred: bool,
    folder: Path,
    staging: Path,
) -> _Plan:
    """Columns that still hold a value after the cut, and the fields they become."""
    columns = tuple(table[c] for c in filled if not is_coded(table, table[c]) or sizes[c])
    stored = (
        field
        for column in columns
        if not is_key(table, column)
        for field in fields(table, column, sizes.get(column.name, 0), known(table, column, filled, as_of))
    )
    return _Plan(table, columns, (*stored, *derived(table)), is_referred, folder, staging)


def _write_whole(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> dict[str, int]:
    """Write a table without persons, in the order of its events and then of its values."""
    made = ", ".join(f"{field.sql} AS {name(field.name)}" for field in plan.stored)
    events = [plan.table.event] if plan.table.event else []
    order = ", ".join(map(name, dict.fromkeys([*events, *(column.name for column in plan.columns)])))
    query = f"SELECT {made} FROM known_{plan.table.name} ORDER BY {order}"
    connection.execute(f"COPY ({query}) TO {text(plan.path)} ({_STORED})")
    return {}


def _write_buckets(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> dict[str, int]:
    """Split the known rows into buckets, sort and write each; references that found no row, by column."""
    split = plan.staging / f"{plan.table.name}_buckets"
    connection.execute(f"COPY ({plan.split_query()}) TO {text(split)} ({_STAGED})")
    plan.path.mkdir(mode=0o700)
    unmatched = dict.fromkeys(plan.references, 0)
    for bucket in range(BUCKETS):
        _view_bucket(connection, plan, sorted((split / f"bucket={bucket}").glob("*.parquet")))
        path = plan.path / f"bucket={bucket:02}.parquet"
        connection.execute(f"COPY ({_bucket_query(plan, bucket)}) TO {text(path)} ({_STORED})")
        if plan.is_referred:
            keys = f"SELECT _key, CAST(_place * {BUCKETS} + {bucket} AS INTEGER) AS place FROM bucket_rows"
            kept = _keys(plan, plan.table.name, bucket)
            connection.execute(f"COPY ({keys}) TO {text(kept)} (FORMAT parquet)")
        for column in plan.references:
            unmatched[column] += _lost(connection, column, path)
    return unmatched


def _view_bucket(connection: duckdb.DuckDBPyConnection, plan: _Plan, files: Sequence[Path]) -> None:
    """Make the view `bucket_rows`: one bucket's rows with their place in the order of person and time."""
    listed = ", ".join(map(text, files))
    origin = f"read_parquet([{listed}], hive_partitioning = false)"
    names = [field.name for field in plan.stored]
    day = event_day(plan.table) or PERSON
    times = [column for column in (day, f"{day.removesuffix('_day')}_minute") if column in names]
    place = f"row_number() OVER (ORDER BY {', '.join((PERSON, *times))}, _tie) - 1"
    rows = origin if files else f"({plan.split_query()} LIMIT 0)"
    connection.execute(f"CREATE OR REPLACE TEMP VIEW bucket_rows AS SELECT *, {place} AS _place FROM {rows}")


def _bucket_query(plan: _Plan, bucket: int) -> str:
    """The sorted rows of `bucket_rows` with places for identifiers; an episode is its first row's place."""
    made = []
    joins = ""
    for field in plan.stored:
        column = name(field.name)
        if field.name == EPISODE_ID:
            first = f"min(_place) OVER (PARTITION BY {PERSON}, {column}) * {BUCKETS} + {bucket}"
            column = f"CASE WHEN {column} IS NOT NULL THEN CAST({first} AS INTEGER) END"
        elif field.name in plan.references:
            keys = name(f"keys_{field.name}")
            joins += f" LEFT JOIN {text(_keys(plan, plan.references[field.name], bucket))} {keys}"
            joins += f" ON {column} = {keys}._key"
            column = f"{keys}.place"
        made.append(f"{column} AS {name(field.name)}")
    return f"SELECT {', '.join(made)} FROM bucket_rows{joins} ORDER BY _place"


def _keys(plan: _Plan, table: str, bucket: int) -> Path:
    """Where the identifiers of a table's bucket wait, with their places, until all tables are written."""
    return plan.staging / f"{table}_keys_{bucket:02}.parquet"


def _lost(connection: duckdb.DuckDBPyConnection, column: str, path: Path) -> int:
    """References of `bucket_rows` that became null in the written file."""
    x = name(column)
    query = f"SELECT (SELECT count({x}) FROM bucket_rows) - (SELECT count({x}) FROM {text(path)})"
    return int(connection.execute(query).fetchall()[0][0])


def _reopened(connection: duckdb.DuckDBPyConnection, plan: _Plan, as_of: date) -> dict[str, int]:
    """Known rows whose end lies after the as-of date, by column."""
    ends = [column.name for column in plan.columns if closes(plan.table, column)]
    if not ends:
        return {}
    late = (f"count(*) FILTER (WHERE CAST({name(end)} AS DATE) > DATE {text(as_of)})" for end in ends)
    row = connection.execute(f"SELECT {', '.join(late)} FROM known_{plan.table.name}").fetchall()[0]
    return {end: n for end, n in zip(ends, row, strict=True) if n}


def _rows(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """Rows that were written."""
    files = path / "*.parquet" if path.is_dir() else path
    return int(connection.execute(f"SELECT count(*) FROM read_parquet({text(files)})").fetchall()[0][0])
