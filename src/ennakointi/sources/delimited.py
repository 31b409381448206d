"""CSV files: header, delimiter and encoding found, records staged as Parquet, lines that cannot be read named."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from ennakointi.database import name, text
from ennakointi.errors import Fault
from ennakointi.sources.info import CsvSettings
from ennakointi.sources.source import CSV, SourceFile

DELIMITERS = (",", ";")
UNREADABLE = {  # why a line of a CSV file could not be read, by rule
    "unreadable_line": "the line has too few or too many fields, an open quote, or is not UTF-8",
}
_LONGEST_HEADER = 100_000


def open_file(table: str, path: Path, settings: CsvSettings, expected: Collection[str]) -> SourceFile | Fault:
    """The header read with the delimiter that finds most of the expected columns."""
    with path.open("rb") as lines:
        header = lines.readline(_LONGEST_HEADER).decode("utf-8-sig").split("\r")[0]
    read = {d: tuple(next(csv.reader([header], delimiter=d), [])) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: len(set(read[d]) & set(expected)))
    columns = read[delimiter]
    if not set(columns) & set(expected):
        message = f"the first line is no header: expected columns such as {', '.join(list(expected)[:4])}, …"
        return Fault(table, None, "no_header", 0, message, path.name)
    return SourceFile(path.name, CSV, columns, path, CsvSettings(encoding="utf-8", delimiter=delimiter, decimal="."))


def stage(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    number: int,
    file: SourceFile,
    wanted: Sequence[str],
    staged: Path,
) -> list[Fault]:
    """Copy the wanted columns as text into a Parquet file with `_row`, and note what cannot be read.

    Writes into the tables `rejected` (file, line, rule, swallowed) and `line_offsets` (file, first_row,
    line_offset): record `_row` >= first_row stands on line `_row + line_offset`.
    """
    assert file.path is not None
    places = {column: f"c{place}" for place, column in enumerate(file.columns)}
    header = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(file.columns)))
    columns = ", ".join(f"{places[c]} AS {name(c)}" for c in wanted)
    options = (
        f"delim = {text(file.csv.delimiter)}, quote = '\"', escape = '\"', header = true, auto_detect = false, "
        f"nullstr = '', store_rejects = true, columns = {{{header}}}"
    )
    records = f"read_csv({text(file.path.resolve())}, {options})"
    query = f"SELECT row_number() OVER () AS _row, {columns} FROM {records}"
    try:
        connection.execute(f"COPY ({query}) TO {text(staged)} (FORMAT parquet)")
    except duckdb.InvalidInputException:
        message = "cannot be split into lines; use one kind of line end and close every quote"
        return [Fault(table, None, "line_ends", 0, message, file.name)]
    scans = f"(SELECT scan_id, file_id FROM reject_scans WHERE file_path = {text(file.path.resolve())})"
    connection.execute(
        f"INSERT INTO rejected SELECT DISTINCT {number}, line, 'unreadable_line', 0 "
        f"FROM reject_errors JOIN {scans} USING (scan_id, file_id)"
    )
    connection.execute(
        f"INSERT INTO line_offsets SELECT {number}, 0, 1 UNION ALL SELECT {number}, line - n, max(n) + 1 FROM "
        f"(SELECT line, row_number() OVER (ORDER BY line) AS n FROM rejected WHERE file = {number}) "
        f"GROUP BY line - n"
    )
    return []
