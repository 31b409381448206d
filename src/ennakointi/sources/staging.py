"""Rows of a source as DuckDB views: what each contract table was delivered, with every row's file and place.

A view `input_<name>` has `_file` (the file's number in `Source.files`), `_row` (1 = first record) and the columns as
delivered; `delivered_<table>` has the contract's columns, and `_part`, which tells rows apart that a mapping made of
the same record. Parquet is read in place; everything else is staged once as Parquet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ennakointi.database import name, text, types
from ennakointi.errors import DataError, Fault
from ennakointi.sources import delimited, mapping, servers, workbooks
from ennakointi.sources.mapping import Excluded, Unmapped
from ennakointi.sources.source import CSV, PARQUET, SERVER, XLSX, Source, SourceFile

UNREADABLE = {**delimited.UNREADABLE, **workbooks.UNREADABLE}  # why a record could not be read, by rule


@dataclass(frozen=True)
class Staged:
    """A source after staging.

    Attributes
    ----------
    natives : dict of str to dict of str to str
        Contract table, column, and the DuckDB type the column was delivered as.
    read : dict of str to int
        Records of each input that could be split into columns.
    fingerprints : tuple of dict
        Input, file, and bytes with SHA-256, or for a table of a database the rows read.
    excluded, unmapped : what a mapping left out and did not know
    flagged : tuple of (str, str, int)
        Contract column as `table.column`, the flag of a fallback, and the rows it decided.
    """

    natives: dict[str, dict[str, str]]
    read: dict[str, int]
    fingerprints: tuple[dict[str, object], ...]
    excluded: tuple[Excluded, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    flagged: tuple[tuple[str, str, int], ...] = ()


def stage(connection: duckdb.DuckDBPyConnection, source: Source, folder: Path) -> Staged:
    """Stage every input and make the views of the contract's tables.

    Also makes the tables `rejected` (file, line, rule, swallowed) of lines that could not be read, `line_offsets`
    (file, first_row, line_offset) and `delivered_files` (file, input, name, lines).

    Raises
    ------
    DataError
        A file cannot be split into records, or a database gives no rows; everything found is listed at once.
    """
    _tables_of_places(connection, source)
    drawn = servers.stage(source.server, source.folder, _jobs(source, folder)) if source.server else {}
    faults: list[Fault] = []
    for input_name, files in source.inputs.items():
        faults += _view_input(connection, source, input_name, files, folder)
    if faults:
        raise DataError("The tables cannot be read without guessing:", tuple(faults))
    read = {one: _count(connection, f"input_{one}") for one in source.inputs}
    fingerprints = tuple(_fingerprint(one, file, drawn) for one, file in source.files)
    if source.mapping:
        natives, excluded, unmapped, flagged = mapping.views(connection, source)
        return Staged(natives, read, fingerprints, excluded, unmapped, flagged)
    return Staged({table: _identity(connection, table) for table in source.tables}, read, fingerprints)


def _tables_of_places(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Where rows stand: rejected lines, line numbers and names of the files."""
    connection.execute("CREATE TEMP TABLE rejected (file INTEGER, line BIGINT, rule VARCHAR, swallowed BIGINT)")
    connection.execute("CREATE TEMP TABLE line_offsets (file INTEGER, first_row BIGINT, line_offset BIGINT)")
    connection.execute("CREATE TEMP TABLE delivered_files (file INTEGER, input VARCHAR, name VARCHAR, lines BOOLEAN)")
    for number, (input_name, file) in enumerate(source.files):
        values = [number, input_name, file.name, file.has_lines]
        connection.execute("INSERT INTO delivered_files VALUES (?, ?, ?, ?)", values)


def _view_input(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    input_name: str,
    files: Sequence[SourceFile],
    folder: Path,
) -> list[Fault]:
    """Stage the files of an input and make its view."""
    first = [file for _, file in source.files].index(files[0])
    wanted = [column for column in source.expected(input_name) if any(column in file.columns for file in files)]
    faults: list[Fault] = []
    paths = []
    for position, file in enumerate(files):
        staged = _staged(folder, input_name, position)
        here = [column for column in wanted if column in file.columns]
        paths.append(file.path.resolve() if file.format == PARQUET and file.path else staged)
        if file.format == CSV:
            faults += delimited.stage(connection, input_name, first + position, file, here, staged)
        elif file.format == XLSX:
            workbooks.stage(connection, first + position, file, here, staged)
    if faults:
        return faults
    row = "file_row_number + 1" if files[0].format == PARQUET else "_row"
    columns = ", ".join(name(column) for column in wanted)
    connection.execute(
        f"CREATE TEMP VIEW input_{input_name} AS SELECT CAST(file_index + {first} AS INTEGER) AS _file, "
        f"{row} AS _row, {columns} FROM read_parquet([{', '.join(map(text, paths))}], union_by_name = true, "
        f"hive_partitioning = false)"
    )
    return []


def _staged(folder: Path, input_name: str, position: int) -> Path:
    """Where the rows of a file wait that is not Parquet itself."""
    return folder / f"{input_name}_{position}.parquet"


def _jobs(source: Source, folder: Path) -> list[servers.Job]:
    """What is to be read of the source's database."""
    return [
        servers.Job(file, [c for c in source.expected(one) if c in file.columns], _staged(folder, one, position))
        for one, files in source.inputs.items()
        for position, file in enumerate(files)
        if file.format == SERVER
    ]


def _identity(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    """The view of a contract table that was delivered as itself; its columns' types."""
    view = f"CREATE TEMP VIEW delivered_{table} AS SELECT *, CAST(0 AS SMALLINT) AS _part FROM input_{table}"
    connection.execute(view)
    return types(connection, f"delivered_{table}")


def _count(connection: duckdb.DuckDBPyConnection, view: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {view}").fetchall()[0][0])


def _fingerprint(input_name: str, file: SourceFile, drawn: Mapping[str, int]) -> dict[str, object]:
    """What was read, for the manifest; `drawn` are the rows of a database's tables."""
    if file.path is None:
        return {"table": input_name, "file": file.name, "rows": drawn[file.name]}
    with file.path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return {"table": input_name, "file": file.name, "bytes": file.path.stat().st_size, "sha256": digest}
