"""Files as DuckDB views: every contract column as it was delivered and as the contract's type, with file and row number.

A view `typed_<table>` has `_file` (position in the table's file list), `_row` (1 = first row after the header), and for each
delivered contract column `raw_<column>` and `<column>`. Parquet is read in place; CSV is staged once as Parquet, and lines
that cannot be split into the header's columns go to the table `rejected`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from ennakointi.database import name, text
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
    if family in _TEXTS:
        return f"nullif(CAST({x} AS VARCHAR), '')"
    if family in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN NOT isnan({x}) THEN {x} END"
    return x


def typed(column: Column, native: str, raw: str) -> str:
    """SQL that reads the delivered value `raw` as the contract's type; null where it cannot be read."""
    is_text = native.split("(")[0] in _TEXTS
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
    """SQL that reads ISO text as a date or a local time; words such as `infinity` and time zones are refused."""
    value = f"CASE WHEN length({raw}) = 7 THEN {raw} || '-01' ELSE {raw} END" if kind == MONTH else raw
    plain = f"unicode({raw}) BETWEEN 48 AND 57"
    zoned = rf"length({raw}) > 10 AND regexp_matches({raw}, '(Z|z|[+-]\d\d(:?\d\d)?)$')"
    return f"CASE WHEN {plain} AND NOT ({zoned}) THEN TRY_CAST({value} AS {target}) END"


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table of rejected CSV lines; `line` counts records, the header is line 1."""
    connection.execute("CREATE TEMP TABLE rejected (tbl VARCHAR, file INTEGER, line BIGINT)")


def present(table: str, files: Sequence[SourceFile]) -> list[Column]:
    """The contract columns that at least one file of the table has, in contract order."""
    return [c for c in TABLES[table].columns if any(c.name in file.columns for file in files)]


def open_table(
    connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[SourceFile], staging: Path
) -> dict[str, str]:
    """Make the view `delivered_<table>`, staging CSV first; the stored DuckDB type of each present column."""
    columns = present(table, files)
    if files[0].format == CSV:
        staged = staging / f"{table}.parquet"
        query = " UNION ALL BY NAME ".join(_csv_query(i, f, columns) for i, f in enumerate(files))
        connection.execute(f"COPY ({query}) TO {text(staged)} (FORMAT parquet)")
        _collect_rejected(connection, table, files)
        origin = f"SELECT * FROM read_parquet({text(staged)}, hive_partitioning = false)"
    else:
        origin = _parquet_query(files, columns)
    connection.execute(f"CREATE TEMP VIEW delivered_{table} AS {origin}")
    described = connection.execute(f"DESCRIBE delivered_{table}").fetchall()
    return {row[0]: row[1] for row in described if not row[0].startswith("_")}


def type_table(connection: duckdb.DuckDBPyConnection, table: str, natives: dict[str, str]) -> None:
    """Make the view `typed_<table>` over `delivered_<table>`."""
    columns = [TABLES[table][column] for column in natives]
    raws = ", ".join(f"{delivered(c, natives[c.name])} AS {name(f'raw_{c.name}')}" for c in columns)
    values = ", ".join(
        f"{typed(c, natives[c.name], name(f'raw_{c.name}'))} AS {name(c.name)}" for c in columns
    )
    inner = f"SELECT _file, _row, {raws} FROM delivered_{table}"
    connection.execute(f"CREATE TEMP VIEW typed_{table} AS SELECT *, {values} FROM ({inner})")


def _parquet_query(files: Sequence[SourceFile], columns: Sequence[Column]) -> str:
    paths = ", ".join(text(file.path.resolve()) for file in files)
    selected = ", ".join(name(column.name) for column in columns)
    place = "CAST(file_index AS INTEGER) AS _file, file_row_number + 1 AS _row"
    return f"SELECT {place}, {selected} FROM read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"


def _csv_query(position: int, file: SourceFile, columns: Sequence[Column]) -> str:
    """All of a file's records as text; the header's own column list splits them."""
    header = ", ".join(f"{text(column)}: 'VARCHAR'" for column in file.columns)
    selected = ", ".join(name(c.name) for c in columns if c.name in file.columns)
    options = (
        f"delim = {text(file.delimiter)}, quote = '\"', escape = '\"', header = true, auto_detect = false, "
        f"nullstr = '', store_rejects = true, columns = {{{header}}}"
    )
    scan = f"read_csv({text(file.path.resolve())}, {options})"
    return f"SELECT {position}::INTEGER AS _file, row_number() OVER () AS _row, {selected} FROM {scan}"


def _collect_rejected(connection: duckdb.DuckDBPyConnection, table: str, files: Sequence[SourceFile]) -> None:
    for position, file in enumerate(files):
        connection.execute(
            f"INSERT INTO rejected SELECT DISTINCT {text(table)}, {position}, line FROM reject_errors "
            f"JOIN reject_scans USING (scan_id, file_id) WHERE file_path = {text(file.path.resolve())}"
        )
