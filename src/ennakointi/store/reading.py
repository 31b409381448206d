"""Files as DuckDB views: every contract column as delivered and as the contract's type, with its place.

A view `typed_<table>` has `_file` (position in the table's file list), `_row` (1 = first row after the
header), and for each delivered contract column `raw_<column>` and `<column>`. Parquet is read in place; CSV
is staged once as Parquet, and lines that cannot be split into the header's columns go to the table
`rejected`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from ennakointi.database import name, text
from ennakointi.errors import Fault
from ennakointi.schema import (
    CODE,
    DATE,
    FLAG,
    IDENTIFIER,
    MONTH,
    NUMBER,
    TABLES,
    TEXT,
    TIMESTAMP,
    WHOLE,
    Column,
)
from ennakointi.sources import CSV, SourceFile

_TEXTS = ("VARCHAR", "ENUM")
_WHOLES = (
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
)
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
_TIMES = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
EMPTY = "EMPTY"  # stands for the type of a column that holds no value
READABLE: dict[str, tuple[str, ...]] = {
    IDENTIFIER: (*_TEXTS, *_WHOLES, "UUID"),
    TEXT: (*_TEXTS, *_WHOLES),
    CODE: (*_TEXTS, *_WHOLES),
    WHOLE: (*_TEXTS, *_WHOLES, *_FRACTIONS),
    NUMBER: (*_TEXTS, *_WHOLES, *_FRACTIONS),
    FLAG: (*_TEXTS, *_WHOLES, "BOOLEAN"),
    DATE: (*_TEXTS, *_TIMES),
    MONTH: (*_TEXTS, *_TIMES),
    TIMESTAMP: (*_TEXTS, *_TIMES),
}
WRITE_AS: dict[str, str] = {
    IDENTIFIER: "text or a whole number",
    TEXT: "text",
    CODE: "text (codes keep their leading zeros)",
    WHOLE: "a whole number",
    NUMBER: "a number with a decimal point",
    FLAG: "true or false",
    DATE: "a date YYYY-MM-DD",
    MONTH: "a month YYYY-MM or a date YYYY-MM-DD",
    TIMESTAMP: "a local time YYYY-MM-DD HH:MM:SS without a time zone",
}


def readable(kind: str, native: str) -> bool:
    """Whether a column stored as DuckDB type `native` can hold values of a contract kind."""
    return native.split("(")[0] in READABLE[kind]


def delivered(column: Column, native: str) -> str:
    """SQL of the value as delivered: empty text and not-a-number are missing."""
    x = name(column.name)
    family = native.split("(")[0]
    if native == EMPTY:
        return "CAST(NULL AS VARCHAR)"
    if family in _TEXTS:
        return f"nullif(CAST({x} AS VARCHAR), '')"
    if family in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN NOT isnan({x}) THEN {x} END"
    return x


def typed(column: Column, native: str, raw: str) -> str:
    """SQL that reads the delivered value `raw` as the contract's type; null where it cannot be read."""
    is_text = native.split("(")[0] in (*_TEXTS, EMPTY)
    if column.kind in (IDENTIFIER, TEXT, CODE):
        return f"CAST({raw} AS VARCHAR)"
    if column.kind == FLAG:
        return raw if native == "BOOLEAN" else f"TRY_CAST(CAST({raw} AS VARCHAR) AS BOOLEAN)"
    if column.kind in (NUMBER, WHOLE):
        number = f"TRY_CAST({raw} AS DOUBLE)"
        whole = f"{number} = round({number}) AND abs({number}) < 2147483647"
        return f"CASE WHEN {whole if column.kind == WHOLE else f'isfinite({number})'} THEN {number} END"
    target = "TIMESTAMP" if column.kind == TIMESTAMP else "DATE"
    return _typed_text_time(column.kind, raw, target) if is_text else f"CAST({raw} AS {target})"


def _typed_text_time(kind: str, raw: str, target: str) -> str:
    """SQL that reads ISO text as a date or a local time; words (`infinity`) and time zones are refused."""
    value = f"CASE WHEN length({raw}) = 7 THEN {raw} || '-01' ELSE {raw} END" if kind == MONTH else raw
    plain = f"unicode({raw}) BETWEEN 48 AND 57"
    zoned = rf"length({raw}) > 10 AND regexp_matches({raw}, '(Z|z|[+-]\d\d(:?\d\d)?)$')"
    return f"CASE WHEN {plain} AND NOT ({zoned}) THEN TRY_CAST({value} AS {target}) END"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table of rejected CSV lines; `line` counts records, the header is line 1."""
    connection.execute("CREATE TEMP TABLE rejected (tbl VARCHAR, file INTEGER, line BIGINT)")


def open_table(
    connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[SourceFile], staging: Path
) -> tuple[dict[str, str], list[Fault]]:
    """Make the view `delivered_<table>`, staging CSV first.

    Returns
    -------
    natives : dict of str to str
        The stored DuckDB type of each delivered contract column.
    faults : list of Fault
        CSV files that cannot be split into records; the view is not made then.
    """
    columns = [c for c in TABLES[table].columns if any(c.name in file.columns for file in files)]
    paths = [file.path.resolve() for file in files]
    row = "file_row_number + 1"
    if files[0].format == CSV:
        paths = [staging / f"{table}_{position}.parquet" for position in range(len(files))]
        faults = [
            fault
            for position, (file, path) in enumerate(zip(files, paths, strict=True))
            if (fault := _stage_csv(connection, table, position, file, path))
        ]
        if faults:
            return {}, faults
        row = "_row"
    listed = ", ".join(text(path) for path in paths)
    connection.execute(
        f"CREATE TEMP VIEW delivered_{table} AS SELECT CAST(file_index AS INTEGER) AS _file, {row} AS _row, "
        f"{', '.join(name(column.name) for column in columns)} "
        f"FROM read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"
    )
    described = connection.execute(f"DESCRIBE delivered_{table}").fetchall()
    return {row[0]: row[1] for row in described if not row[0].startswith("_")}, []


def type_table(connection: duckdb.DuckDBPyConnection, table: str, natives: Mapping[str, str]) -> None:
    """Make the view `typed_<table>` over `delivered_<table>`."""
    raws, values = [], []
    for column, native in natives.items():
        declared, raw = TABLES[table][column], name(f"raw_{column}")
        raws.append(f"{delivered(declared, native)} AS {raw}")
        values.append(f"{typed(declared, native, raw)} AS {name(column)}")
    inner = f"SELECT _file, _row, {', '.join(raws)} FROM delivered_{table}"
    connection.execute(f"CREATE TEMP VIEW typed_{table} AS SELECT *, {', '.join(values)} FROM ({inner})")


def _stage_csv(
    connection: duckdb.DuckDBPyConnection, table: str, position: int, file: SourceFile, staged: Path
) -> Fault | None:
    """Copy a CSV file's contract columns as text into Parquet and note the lines that have to be left out."""
    places = {column: f"c{place}" for place, column in enumerate(file.columns)}
    header = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(file.columns)))
    wanted = [f"{places[c]} AS {name(c)}" for c in TABLES[table].names if c in places]
    options = (
        f"delim = {text(file.delimiter)}, quote = '\"', escape = '\"', header = true, auto_detect = false, "
        f"nullstr = '', store_rejects = true, columns = {{{header}}}"
    )
    records = f"read_csv({text(file.path.resolve())}, {options})"
    query = f"SELECT row_number() OVER () AS _row, {', '.join(wanted)} FROM {records}"
    try:
        connection.execute(f"COPY ({query}) TO {text(staged)} (FORMAT parquet)")
    except duckdb.InvalidInputException:
        message = "cannot be split into lines; use one kind of line end and close every quote"
        return Fault(table, None, "line_ends", 0, message, file.name)
    connection.execute(f"INSERT INTO rejected SELECT DISTINCT {text(table)}, {position}, line FROM {_rejects(file)}")
    line = _line_of_open_quote(connection, file, staged, [c for c in TABLES[table].names if c in places])
    if line is None:
        return None
    message = "a quoted value runs over several lines; close the quote or take the line break out"
    return Fault(table, None, "open_quote", 0, message, file.name, line)


def _line_of_open_quote(
    connection: duckdb.DuckDBPyConnection, file: SourceFile, staged: Path, columns: Sequence[str]
) -> int | None:
    """The first record with a line break in a contract column or a rejected line: it may hide others."""
    broken = f"contains(concat_ws('', {', '.join(map(name, columns))}), chr(10))"
    inside = "contains(trim(csv_line, chr(10) || chr(13)), chr(10))"
    rejected = f"SELECT line FROM {_rejects(file)} WHERE {inside}"
    accepted = f"SELECT _row + 1 AS line FROM {text(staged)} WHERE {broken}"
    row = connection.execute(f"SELECT min(line) FROM ({rejected} UNION ALL {accepted})").fetchall()[0]
    return None if row[0] is None else int(row[0])


def _rejects(file: SourceFile) -> str:
    """SQL of what DuckDB noted about the rejected lines of a file."""
    scans = f"(SELECT scan_id, file_id FROM reject_scans WHERE file_path = {text(file.path.resolve())})"
    return f"reject_errors JOIN {scans} USING (scan_id, file_id)"
