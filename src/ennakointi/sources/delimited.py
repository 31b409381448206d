"""CSV files: header and delimiter found, records staged as Parquet, lines that cannot be read named."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi.errors import Fault
from ennakointi.sources.csv_encoding import UTF_8, WINDOWS, byte_order_mark
from ennakointi.sources.csv_records import EncodingError, Records
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
_BLOCK = 1 << 23  # bytes parsed at a time; the longest record fits in
_DICTIONARY = 20_000  # bytes of values: codes keep theirs, for identifiers it would cost more than it saves
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


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
    given = (file.path, file.csv.encoding, file.csv.delimiter, len(file.columns))
    try:
        records = Records(*given)
        rejected = _write(records, file, wanted, staged)
        if records.misjudged:
            records = Records(*given, likely=records.letters.encoding)
            rejected = _write(records, file, wanted, staged)
    except EncodingError as error:
        return [Fault(table, None, "encoding", 0, str(error), file.name)]
    _note_places(connection, number, records, rejected)
    return []


def _write(records: Records, file: SourceFile, wanted: Sequence[str], staged: Path) -> list[int]:
    """Write the wanted columns; returns the records (1 = first) that have too few or too many fields.

    Arrow's reader takes the records as they stream by, at half the cost of a clean copy and DuckDB's reader.
    """
    rejected: list[int] = []
    schema = pa.schema([("_row", pa.int64()), *((column, pa.string()) for column in wanted)])
    names = [f"c{place}" for place in range(len(file.columns))]
    options = {
        "read_options": pc.ReadOptions(use_threads=False, block_size=_BLOCK, column_names=names),
        "parse_options": pc.ParseOptions(delimiter=file.csv.delimiter, invalid_row_handler=_Rejecting(rejected)),
        "convert_options": pc.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=[names[file.columns.index(column)] for column in wanted],
            null_values=[""],
            strings_can_be_null=True,
        ),
    }
    stream = _Stream(records)
    with pq.ParquetWriter(staged, schema, compression="none", dictionary_pagesize_limit=_DICTIONARY) as out:
        if not stream.has_more:
            return rejected
        row = 1
        for batch in pc.open_csv(pa.PythonFile(stream, "r"), **options):
            rows = pa.array(np.arange(row, row + len(batch)))
            out.write_batch(pa.RecordBatch.from_arrays([rows, *batch.columns], schema=schema))
            row += len(batch)
    return rejected


class _Rejecting:
    """Passes over a record that has not the header's number of fields, and keeps its place."""

    def __init__(self, rejected: list[int]) -> None:
        self.rejected = rejected

    def __call__(self, record: pc.InvalidRow) -> str:
        self.rejected.append(record.number)
        return "skip"


class _Stream:
    """Chunks of bytes as a file to read from."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.chunks = (chunk for chunk in chunks if chunk)
        self.kept = next(self.chunks, b"")

    @property
    def has_more(self) -> bool:
        return bool(self.kept)

    def read(self, size: int) -> bytes:
        """At most `size` bytes, none at the end."""
        given, self.kept = self.kept[:size], self.kept[size:]
        self.kept = self.kept or next(self.chunks, b"")
        return given

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _note_places(connection: duckdb.DuckDBPyConnection, number: int, records: Records, short: Sequence[int]) -> None:
    """Rejected lines and line offsets of a file; `short`: records of the wrong number of fields, in their order."""
    starts, shifts = np.array(records.shifts or [(1, 1)], np.int64).T
    bad = np.array(short, np.int64)

    def shift(places: NDArray[np.int64]) -> NDArray[np.int64]:
        return shifts[np.searchsorted(starts, places, "right") - 1]

    rejected = [*records.rejected, *((line, "unreadable_line", 0) for line in (bad + shift(bad)).tolist())]
    turns = np.union1d(starts, bad + 1)
    rows = turns - np.searchsorted(bad, turns)
    last = np.diff(rows, append=rows[-1] + 1) > 0
    rows, offsets = rows[last], (turns + shift(turns) - rows)[last]
    rows[0] = 0
    lines, rules, swallowed = zip(*rejected) if rejected else ((), (), ())
    for table, columns in (("rejected", (lines, rules, swallowed)), ("line_offsets", (rows, offsets))):
        kinds = [pa.int64(), pa.string(), pa.int64()] if table == "rejected" else [pa.int64(), pa.int64()]
        arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds)]
        connection.register("found", pa.table(arrays, names=[f"c{i}" for i in range(len(arrays))]))
        connection.execute(f"INSERT INTO {table} SELECT {number}, * FROM found")
        connection.unregister("found")
