"""Delivered values read as the contract's types; nothing is guessed.

A view `typed_<table>` has the place of a row (`_file`, `_row`, `_part`), and for each delivered contract column
`raw_<column>` and `<column>`.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from ennakointi.database import name
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


def type_table(connection: duckdb.DuckDBPyConnection, table: str, natives: Mapping[str, str]) -> None:
    """Make the view `typed_<table>` over `delivered_<table>`."""
    raws, values = [], []
    for column, native in natives.items():
        declared, raw = TABLES[table][column], name(f"raw_{column}")
        raws.append(f"{delivered(declared, native)} AS {raw}")
        values.append(f"{typed(declared, native, raw)} AS {name(column)}")
    inner = f"SELECT _file, _row, _part, {', '.join(raws)} FROM delivered_{table}"
    connection.execute(f"CREATE TEMP VIEW typed_{table} AS SELECT *, {', '.join(values)} FROM ({inner})")
