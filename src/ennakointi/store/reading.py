"""Delivered values read as the contract's types; nothing is guessed.

A view `typed_<table>` has the place of a row (`_file`, `_row`, `_part`), and for each delivered contract column
`raw_<column>` and `<column>`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

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
    NUMBER: (
        "a number with the same decimal mark in the whole file, and set `decimal` under `csv` in source.json "
        "where 1.234 may be a thousand or a fraction"
    ),
    FLAG: "true or false, 1 or 0, kyllä or ei, ja or nej",
    DATE: "a date YYYY-MM-DD or DD.MM.YYYY",
    MONTH: "a month YYYY-MM or MM/YYYY, or a date YYYY-MM-DD",
    TIMESTAMP: "a local time YYYY-MM-DD HH:MM:SS or DD.MM.YYYY HH:MM without a time zone",
}
YES, NO = ("true", "1", "t", "k", "kyllä", "j", "ja", "y", "yes"), ("false", "0", "f", "e", "ei", "n", "nej", "no")
Marks = Mapping[int, str | None]  # the decimal mark of each file; None: neither can be trusted
_SPACE = r"[ \x{A0}\x{202F}]"


def readable(connection: duckdb.DuckDBPyConnection, view: str, column: Column, native: str) -> bool:
    """Whether a column stored as DuckDB type `native` can hold values of the contract's kind.

    Identifiers, codes and flags may be stored as fractions if every value is a whole number for certain.
    """
    family = native.split("(")[0]
    if family in READABLE[column.kind]:
        return True
    limit = {"DOUBLE": "abs({0}) < 2**53", "FLOAT": "abs({0}) < 2**24", "DECIMAL": "TRUE"}.get(family)
    if limit is None or column.kind not in (IDENTIFIER, TEXT, CODE, FLAG):
        return False
    x = name(column.name)
    query = f"SELECT bool_and({x} = trunc({x}) AND {limit.format(x)}) FROM {view} WHERE NOT isnan(CAST({x} AS DOUBLE))"
    return connection.execute(query).fetchall()[0][0] is not False


def delivered(column: Column, native: str) -> str:
    """SQL of the value as delivered: empty text and not-a-number are missing."""
    x = name(column.name)
    family = native.split("(")[0]
    if native == EMPTY:
        return "CAST(NULL AS VARCHAR)"
    if family in _TEXTS:
        return f"nullif(CAST({x} AS VARCHAR), '')"
    if family in _FRACTIONS and family not in READABLE[column.kind]:
        return f"CAST(TRY_CAST({x} AS HUGEINT) AS VARCHAR)"
    if family in ("FLOAT", "DOUBLE"):
        return f"CASE WHEN NOT isnan({x}) THEN {x} END"
    return x


def typed(column: Column, native: str, raw: str, marks: Marks) -> str:
    """SQL that reads the delivered value `raw` as the contract's type; null where it cannot be read."""
    is_text = native.split("(")[0] in (*_TEXTS, EMPTY)
    if column.kind in (IDENTIFIER, TEXT, CODE):
        return f"CAST({raw} AS VARCHAR)"
    if column.kind == FLAG:
        return raw if native == "BOOLEAN" else _typed_flag(f"lower(CAST({raw} AS VARCHAR))")
    if column.kind in (NUMBER, WHOLE):
        return _typed_text_number(raw, marks) if is_text else f"CAST({raw} AS DOUBLE)"
    target = "TIMESTAMP" if column.kind == TIMESTAMP else "DATE"
    return _typed_text_time(column.kind, raw, target) if is_text else f"CAST({raw} AS {target})"


def _typed_flag(raw: str) -> str:
    yes, no = (", ".join(map(text, words)) for words in (YES, NO))
    return f"CASE WHEN {raw} IN ({yes}) THEN TRUE WHEN {raw} IN ({no}) THEN FALSE END"


def _typed_text_number(raw: str, marks: Marks) -> str:
    """SQL that reads a number with its file's decimal mark; thousands may be parted by spaces, by nothing else."""
    read: dict[str | None, list[str]] = {mark: [] for mark in marks.values()}
    for file, mark in marks.items():
        read[mark].append(str(file))
    cases = [f"WHEN _file IN ({', '.join(files)}) THEN {_number(raw, mark)}" for mark, files in read.items()]
    return _number(raw, next(iter(read), ".")) if len(read) < 2 else f"CASE {' '.join(cases)} END"


def _number(raw: str, mark: str | None) -> str:
    point = f"replace({raw}, ',', '.')" if mark == "," else raw
    spaced = rf"regexp_full_match({point}, '[+-]?\d{{1,3}}({_SPACE}\d{{3}})+(\.\d+)?')"
    without = f"TRY_CAST(regexp_replace({point}, '{_SPACE}', '', 'g') AS DOUBLE)"
    number = f"coalesce(TRY_CAST({point} AS DOUBLE), CASE WHEN {spaced} THEN {without} END)"
    foreign = {",": f"contains({raw}, '.')", ".": f"contains({raw}, ',')"}.get(
        mark or "", f"regexp_matches({raw}, '[.,]')"
    )
    return number if mark == "." else f"CASE WHEN NOT {foreign} THEN {number} END"


def _typed_text_time(kind: str, raw: str, target: str) -> str:
    """SQL that reads ISO or Finnish text as a date or a local time; words (`infinity`) and time zones are refused."""
    plain = f"unicode({raw}) BETWEEN 48 AND 57"
    zoned = rf"length({raw}) > 10 AND regexp_matches({raw}, '(Z|z|[+-]\d\d(:?\d\d)?)$')"
    finnish = (
        f"CASE length({raw}) - strpos({raw}, ':') WHEN 2 THEN try_strptime({raw}, '%d.%m.%Y %H:%M') "
        f"WHEN 5 THEN try_strptime({raw}, '%d.%m.%Y %H:%M:%S') ELSE try_strptime({raw}, "
        f"['%d.%m.%Y', '%d.%m.%Y %H.%M', '%d.%m.%Y %H.%M.%S', '%d.%m.%Y %H:%M:%S.%f']) END"
    )  # the forms are told apart first: one that does not fit costs ten times as much as one that does
    month = f"CAST(try_strptime({raw}, ['%Y-%m', '%m/%Y', '%m.%Y']) AS {target})"
    short = f"WHEN length({raw}) <= 7 THEN {month} " if kind == MONTH else ""
    return (
        f"CASE {short}WHEN strpos({raw}, '.') BETWEEN 2 AND 3 THEN CAST({finnish} AS {target}) "
        f"WHEN {plain} AND NOT ({zoned}) THEN TRY_CAST({raw} AS {target}) END"
    )


def type_table(
    connection: duckdb.DuckDBPyConnection, table: str, natives: Mapping[str, str], configured: Sequence[str | None]
) -> None:
    """Make the view `typed_<table>` over `delivered_<table>`; `configured` is the decimal mark given for each file."""
    raws, values = [], []
    numbers = [c for c, native in natives.items() if TABLES[table][c].kind in (NUMBER, WHOLE) and native in _TEXTS]
    marks = _decimal_marks(connection, f"delivered_{table}", numbers, configured)
    for column, native in natives.items():
        declared, raw = TABLES[table][column], name(f"raw_{column}")
        raws.append(f"{delivered(declared, native)} AS {raw}")
        values.append(f"{typed(declared, native, raw, marks.get(column, {}))} AS {name(column)}")
    inner = f"SELECT _file, _row, _part, {', '.join(raws)} FROM delivered_{table}"
    bounds = {NUMBER: "isfinite({0})", WHOLE: "{0} = round({0}) AND abs({0}) < 2147483647"}
    bounded = ", ".join(
        f"CASE WHEN {bounds[TABLES[table][c].kind].format(name(c))} THEN {name(c)} END AS {name(c)}"
        for c in natives
        if TABLES[table][c].kind in bounds
    )
    outer = f"* REPLACE ({bounded})" if bounded else "*"
    query = f"SELECT {outer} FROM (SELECT *, {', '.join(values)} FROM ({inner}))"
    connection.execute(f"CREATE TEMP VIEW typed_{table} AS {query}")


def _decimal_marks(
    connection: duckdb.DuckDBPyConnection, view: str, columns: Sequence[str], configured: Sequence[str | None]
) -> dict[str, Marks]:
    """The decimal mark of each column in each file.

    A column that holds one mark, and not only before groups of three digits (there or in the table's other files),
    speaks for itself. Otherwise it is the configured mark, else the one that most values hold, as long as some of them
    cannot be thousands; the others are faults.
    """
    counts = []
    for x in map(name, columns):
        for mark in (",", "."):
            thousands = rf"regexp_full_match({x}, '[+-]?[1-9]\d{{0,2}}([,.]\d{{3}})+')"
            grouped = f"count(*) FILTER (CASE WHEN {x} LIKE '%{mark}___' THEN {thousands} ELSE FALSE END)"
            counts += [f"count(*) FILTER (contains({x}, '{mark}'))", grouped]
    if not counts:
        return {}
    found = connection.execute(f"SELECT _file, {', '.join(counts)} FROM {view} GROUP BY _file").fetchall()
    marks: dict[str, Marks] = {}
    for i, column in enumerate(columns):
        by_file = {row[0]: dict(zip(",.", (row[1 + 4 * i : 3 + 4 * i], row[3 + 4 * i : 5 + 4 * i]))) for row in found}
        certain = {mark for held in by_file.values() for mark, (n, grouped) in held.items() if n > grouped}
        marks[column] = {file: _mark(held, certain, configured[file]) for file, held in by_file.items()}
    return marks


def _mark(held: Mapping[str, tuple[int, int]], certain: Collection[str], configured: str | None) -> str | None:
    """The mark of one column in one file; `held`: values with each mark, and those of them that may be thousands."""
    ranked = sorted(held, key=lambda mark: held[mark][0], reverse=True)
    (first, (most, grouped)), (_, (fewer, _)) = ((mark, held[mark]) for mark in ranked)
    if not most:
        return "."
    if not fewer and (most > grouped or certain == {first}):
        return first
    return configured or (first if most > max(fewer, grouped) else None)
