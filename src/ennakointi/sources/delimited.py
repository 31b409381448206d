"""CSV files: header and delimiter found, records staged as Parquet, lines that cannot be read named."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi.database import name, text
from ennakointi.errors import Fault
from ennakointi.sources.csv_encoding import LATIN, UTF_8, WINDOWS, byte_order_mark
from ennakointi.sources.csv_records import EncodingError, Readable, readable
from ennakointi.sources.info import CsvSettings
from ennakointi.sources.source import CSV, SourceFile

DELIMITERS = (",", ";", "\t", "|")
UNREADABLE = {  # why a line of a CSV file could not be read, by rule
    "unreadable_line": "the line has too few or too many fields, or text after a closing quote",
    "open_quote": "a quote is opened and never closed; the lines after it are read for themselves",
    "nul_byte": "the line holds a NUL byte; it was damaged on its way, deliver the file again",
    "long_line": "the line is longer than a megabyte; are line ends missing?",
    "encoding": "the line is written in another encoding than the file; export all of it in one, best UTF-8",
}
_LONGEST_HEADER = 100_000
_ROWS_AT_ONCE = 100_000
_DICTIONARY = 20_000  # bytes of values: codes keep theirs, for identifiers it would cost more than it saves
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_REJECTED = pa.schema([("line", pa.int64()), ("rule", pa.string()), ("swallowed", pa.int64())])


def open_file(table: str, path: Path, settings: CsvSettings, expected: Collection[str]) -> SourceFile | Fault:
    """The header read with the delimiter that finds most of the expected columns.

    The encoding stays open (None) where only the lines of the whole file can tell it.
    """
    with path.open("rb") as content:
        head = content.read(_LONGEST_HEADER)
    announced, start = byte_order_mark(head)
    encoding = settings.encoding and _codec(settings.encoding)
    first = _first_line(head[start:], announced or encoding or UTF_8)
    if encoding is None and announced is None and _UNKNOWN in first:
        first = _first_line(head, WINDOWS)
    if encoding == "" or _UNKNOWN in first or (encoding and announced and not announced.startswith(encoding)):
        message = (
            f"`encoding` {settings.encoding!r} under `csv` in source.json does not fit: correct it or leave it out"
        )
        return Fault(table, None, "encoding", 0, message, path.name)
    read = {d: tuple(next(csv.reader([first], delimiter=d), [])) for d in (settings.delimiter or DELIMITERS)}
    delimiter = max(read, key=lambda d: _known(read[d], expected))
    if not any(_known(read[delimiter], expected)):
        message = f"the first line is no header: expected columns such as {', '.join(list(expected)[:4])}, …"
        return Fault(table, None, "no_header", 0, message, path.name)
    made = settings.model_copy(update={"encoding": encoding, "delimiter": delimiter})
    return SourceFile(path.name, CSV, read[delimiter], path, made)


def _codec(encoding: str) -> str:
    """Python's name of a text encoding; empty if there is none."""
    try:
        "\n".encode(encoding)
        return codecs.lookup(encoding).name.removesuffix("-sig")
    except (LookupError, ValueError):
        return ""


def _first_line(head: bytes, encoding: str) -> str:
    return re.split("\r\n?|\n", head.decode(encoding or UTF_8, "replace"), maxsplit=1)[0]


def _known(columns: Collection[str], expected: Collection[str]) -> tuple[int, int]:
    """How many of the expected columns there are, to the letter and whatever their case."""
    return len(set(columns) & set(expected)), len({c.lower() for c in columns} & {c.lower() for c in expected})


def stage(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    number: int,
    file: SourceFile,
    wanted: Sequence[str],
    staged: Path,
) -> list[Fault]:
    """Copy the wanted columns as text into a Parquet file with `_row`, and note what cannot be read.

    Writes into the tables `rejected` (file, line, rule, swallowed: further lines that went with it) and
    `line_offsets` (file, first_row, line_offset): record `_row` >= first_row stands on line `_row + line_offset`.
    """
    assert file.path is not None
    assert file.csv.delimiter is not None
    copy = staged.with_suffix(".csv")
    try:
        made = readable(file.path.resolve(), file.csv.encoding, file.csv.delimiter, len(file.columns), copy)
    except EncodingError as error:
        return [Fault(table, None, "encoding", 0, str(error), file.name)]
    _copy_columns(connection, made, file, wanted, staged)
    _note_places(connection, number, made)
    copy.unlink(missing_ok=True)
    return []


def _copy_columns(
    connection: duckdb.DuckDBPyConnection, made: Readable, file: SourceFile, wanted: Sequence[str], staged: Path
) -> None:
    header = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(file.columns)))
    columns = ", ".join(f"c{file.columns.index(c)} AS {name(c)}" for c in wanted)
    encoding = "latin-1" if made.encoding == LATIN else UTF_8
    options = (
        f"delim = {text(file.csv.delimiter)}, quote = '\"', escape = '\"', header = true, auto_detect = false, "
        f"nullstr = '', encoding = {text(encoding)}, store_rejects = true, columns = {{{header}}}"
    )
    query = f"SELECT row_number() OVER () AS _row, {columns} FROM read_csv({text(made.path)}, {options})"
    reader = connection.sql(query).to_arrow_reader(_ROWS_AT_ONCE)
    with pq.ParquetWriter(staged, reader.schema, compression="none", dictionary_pagesize_limit=_DICTIONARY) as out:
        for batch in reader:
            out.write_batch(batch)


def _note_places(connection: duckdb.DuckDBPyConnection, number: int, made: Readable) -> None:
    """Rejected lines and line offsets, turned from the places in what was read into those in the file."""
    shifts = pa.table(dict(zip(("line", "shift"), zip(*made.shifts))))
    left_out = pa.Table.from_pylist([dict(zip(_REJECTED.names, one)) for one in made.rejected], schema=_REJECTED)
    scans = f"(SELECT scan_id, file_id FROM reject_scans WHERE file_path = {text(made.path)})"
    misfit = "CASE WHEN bool_or(error_type = 'INVALID ENCODING') THEN 'encoding' ELSE 'unreadable_line' END"
    with _registered(connection, shifts=shifts, left_out=left_out):
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE bad_lines AS SELECT line, {misfit} AS rule, "
            f"row_number() OVER (ORDER BY line) AS n FROM reject_errors JOIN {scans} USING (scan_id, file_id) "
            f"GROUP BY line"
        )
        connection.execute(
            f"INSERT INTO rejected SELECT {number}, line, rule, swallowed FROM left_out UNION ALL "
            f"SELECT {number}, b.line + shift, rule, 0 FROM bad_lines b ASOF JOIN shifts s ON b.line >= s.line"
        )
        connection.execute(
            f"INSERT INTO line_offsets SELECT {number}, first_row, max(line + shift) - first_row FROM ("
            f"SELECT t.line, shift, t.line - 1 - coalesce(n, 0) AS first_row "
            f"FROM (SELECT line FROM shifts UNION SELECT line + 1 FROM bad_lines) t "
            f"ASOF JOIN shifts s ON t.line >= s.line ASOF LEFT JOIN bad_lines b ON t.line > b.line) GROUP BY first_row"
        )


@contextmanager
def _registered(connection: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    """Arrow tables that the connection sees under their names meanwhile."""
    for one, table in tables.items():
        connection.register(one, table)
    try:
        yield
    finally:
        for one in tables:
            connection.unregister(one)
