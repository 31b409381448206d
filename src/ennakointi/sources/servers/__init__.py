"""Tables of a database as tables of a source: their headers, and their rows streamed into Parquet.

Only the wanted columns leave the database, a batch at a time, so that memory does not grow with the table. Whatever a
driver says is turned into our own words, because it may hold the connection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi.errors import DataError, Fault
from ennakointi.sources import secrets
from ennakointi.sources.info import ServerSettings
from ennakointi.sources.servers import failures
from ennakointi.sources.servers.columns import Dialect
from ennakointi.sources.servers.database import Database
from ennakointi.sources.source import SERVER, SourceFile
from ennakointi.spelling import did_you_mean


@dataclass(frozen=True)
class Job:
    """The columns to read of a table, and the Parquet file to write."""

    file: SourceFile
    columns: Sequence[str]
    staged: Path


def headers(settings: ServerSettings, folder: Path) -> dict[str, SourceFile]:
    """Tables and views with their columns and types, by the name they go by: what `tables` calls them, else their own.

    Raises
    ------
    ParameterError
        Nothing is kept where `connection` points.
    RunError, DataError
        The database cannot be opened, it holds no tables that its user may see, or one of `tables` is not there.
    """
    with _opened(settings, folder) as database:
        own = settings.schema_name or database.dialect.schema
        chosen = {called: at if "." in at else f"{own}.{at}" for called, at in settings.tables.items()}
        with _clear(database, settings.place):
            listed = database.headers(sorted({own, *(at.partition(".")[0] for at in chosen.values())}))
    types: dict[str, dict[str, str]] = {}
    for schema, table, column, kind in listed:
        types.setdefault(f"{schema}.{table}", {})[column] = kind
    if not types:
        message = f"schema {own!r} holds no table that its user may see; correct `schema`"
        raise DataError(f"Database {settings.place}: {message}")
    files = {at: SourceFile(at, SERVER, tuple(one), table=at, types=tuple(one.values())) for at, one in types.items()}
    if absent := [_absent(called, at, files) for called, at in chosen.items() if at not in files]:
        raise DataError("The database cannot be read:", tuple(absent))
    named = {at.partition(".")[2]: file for at, file in files.items() if at.startswith(f"{own}.")}
    return {**named, **{called: files[at] for called, at in chosen.items()}}


def stage(settings: ServerSettings, folder: Path, jobs: Sequence[Job]) -> dict[str, int]:
    """Write the columns of every job with `_row` as Parquet, all tables in one transaction; rows read, by table.

    Raises
    ------
    RunError
        The connection was lost, or the database refused.
    DataError
        A table may not be read, is gone, or its columns are not what the header said.
    """
    with _opened(settings, folder) as database:
        if faults := [fault for job in jobs for fault in _unreadable(database.dialect, job)]:
            raise DataError("The tables cannot be read without guessing:", tuple(faults))
        for job in jobs:
            with _clear(database, settings.place, job.file.name):
                database.hold(job.file.name)
        return {job.file.name: _write(database, settings.place, job) for job in jobs}


def _absent(called: str, table: str, known: Collection[str]) -> Fault:
    message = f"{table} is not in the database, or hidden from its user{did_you_mean(table, known)}"
    return Fault(called, None, "missing_table", 0, message)


def _unreadable(dialect: Dialect, job: Job) -> Iterator[Fault]:
    """Columns that hold no text, number or time."""
    for column, kind in _types(job).items():
        if kind.lower() in dialect.unreadable:
            message = f"is stored as {kind}; give text, a number or a time, for example in a view"
            yield Fault(job.file.name, column, "type", 0, message)


def _types(job: Job) -> dict[str, str]:
    kinds = dict(zip(job.file.columns, job.file.types, strict=True))
    return {column: kinds[column] for column in job.columns}


def _write(database: Database, place: str, job: Job) -> int:
    """Stream one table into its file, which only this user can read; the number of its rows."""
    types = _types(job)
    expected = database.dialect.arrow(types)
    written = pa.schema([pa.field("_row", pa.int64()), *expected])
    query = database.dialect.query(job.file.name, types)
    rows = 0
    job.staged.touch(mode=0o600)
    with pq.ParquetWriter(job.staged, written, use_dictionary=False) as writer:
        for batch in _batches(database, place, job.file.name, query, expected):
            places = pa.array(np.arange(rows + 1, rows + batch.num_rows + 1))
            writer.write_batch(pa.RecordBatch.from_arrays([places, *batch.columns], schema=written))
            rows += batch.num_rows
    return rows


def _batches(database: Database, place: str, table: str, query: str, expected: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a query; what fails in the database becomes a clear error, what fails elsewhere is not touched."""
    batches = database.batches(query, expected)
    while True:
        with _clear(database, place, table):
            batch = next(batches, None)
            if batch is None:
                return
            if batch.schema.types != expected.types:
                raise failures.Changed
            batch.validate(full=True)
        yield batch


def _driver(settings: ServerSettings) -> type[Database]:
    """What opens a kind of database; loaded only when it is needed."""
    if settings.kind == "duckdb":
        from ennakointi.sources.servers.duckdb_file import DuckdbFile

        return DuckdbFile
    if settings.kind == "postgresql":
        from ennakointi.sources.servers.postgresql import Postgresql

        return Postgresql
    from ennakointi.sources.servers.odbc import Odbc

    return Odbc


@contextmanager
def _opened(settings: ServerSettings, folder: Path) -> Iterator[Database]:
    """The database, open for reading."""
    kept = settings.connection
    connection = secrets.resolve(kept) if kept else str(folder / str(settings.file))
    driver = _driver(settings)
    with _clear(driver, settings.place):
        database = driver(connection)
    try:
        yield database
    finally:
        with suppress(*database.errors):
            database.close()


@contextmanager
def _clear(database: Database | type[Database], place: str, table: str | None = None) -> Iterator[None]:
    """Turn what a driver raises into our own words; its message and the chain to it are dropped."""
    try:
        yield
    except failures.Changed:
        raise failures.failure(failures.CHANGED, place, table) from None
    except pa.ArrowInvalid:
        raise failures.failure(failures.ENCODING, place, table) from None
    except database.errors as error:
        raise failures.failure(database.reason(error), place, table) from None
