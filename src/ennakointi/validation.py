"""The rules of the data contract as a table: each rule is a table, a column, a name, an SQL predicate and a message.

`rules` turns the declarations of `schema` into that table and `structure` checks what the files' headers and types promise;
nothing here reads a row. A predicate is true for a faulty row of the view `screening` makes, which offers each column
typed (`started_at`) and as delivered (`raw_started_at`), and for tables about persons `known_id`, `born` and `died`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

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
    Table,
)
from ennakointi.sources import Source, SourceFile

EARLIEST = date(1850, 1, 1)
DAYS_AFTER_DEATH = 30

_TEXTS = ("VARCHAR", "ENUM")
_WHOLES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
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


@dataclass(frozen=True)
class Rule:
    """One rule: `predicate` is SQL and true for a faulty row."""

    table: str
    column: str | None
    name: str
    predicate: str
    message: str


@dataclass(frozen=True)
class Knowledge:
    """What rules need beyond the schema: code lists by vocabulary name, and the last day an event may lie on."""

    vocabularies: Mapping[str, Sequence[str]]
    horizon: date | None = None


def codes(column: Column, knowledge: Knowledge) -> tuple[str, ...]:
    """The closed list of a code column, empty if the list is open."""
    return column.codes or (tuple(knowledge.vocabularies[column.vocabulary]) if column.vocabulary else ())


def rules(table: Table, present: Sequence[str], knowledge: Knowledge) -> list[Rule]:
    """Every rule a row of `table` is tested by, for the columns that were delivered.

    Parameters
    ----------
    table : Table
    present : sequence of str
        Names of the delivered contract columns.
    knowledge : Knowledge

    Returns
    -------
    list of Rule
        In the order of the columns; rules across columns and tables last. Duplicate keys and unreadable CSV lines are
        not predicates on a row and are found by `screening`.
    """
    columns = [table[column] for column in table.names if column in present]
    found = [rule for column in columns for rule in _column_rules(table.name, column, knowledge)]
    found += [_order(table, *pair) for pair in table.orders if set(pair) <= set(present)]
    found += _event_rules(table, knowledge.horizon)
    return found


def _column_rules(table: str, column: Column, knowledge: Knowledge) -> Iterator[Rule]:
    """Rules that look at one column."""
    x, raw = name(column.name), name(f"raw_{column.name}")
    if column.required:
        yield Rule(table, column.name, "required", f"{raw} IS NULL", "is required and empty")
    unreadable = f"{raw} IS NOT NULL AND {x} IS NULL"
    yield Rule(table, column.name, "type", unreadable, f"cannot be read; write {WRITE_AS[column.kind]}")
    if listed := codes(column, knowledge):
        outside = f"{x} NOT IN ({', '.join(map(text, listed))})"
        yield Rule(table, column.name, "unknown_code", outside, "is not in the code list")
    if column.pattern:
        unlike = f"NOT regexp_full_match({x}, {text(column.pattern)})"
        yield Rule(table, column.name, "pattern", unlike, f"does not have the form {column.pattern}")
    if column.minimum is not None:
        yield Rule(table, column.name, "minimum", f"{x} < {column.minimum}", f"is below {column.minimum:g}")
    if column.maximum is not None:
        yield Rule(table, column.name, "maximum", f"{x} > {column.maximum}", f"is above {column.maximum:g}")
    if column.kind in (DATE, MONTH, TIMESTAMP):
        early = f"{x} < DATE {text(EARLIEST)}"
        yield Rule(table, column.name, "too_early", early, f"is before {EARLIEST}; check the order of day and year")


def _order(table: Table, earlier: str, later: str) -> Rule:
    """`later` may not precede `earlier`; a time without its clock part is compared by day."""
    first, last = _moment(earlier), name(later)
    by_day = f"({last} = CAST({last} AS DATE) AND CAST({last} AS DATE) = CAST({first} AS DATE))"
    return Rule(table.name, later, "order", f"{last} < {first} AND NOT {by_day}", f"is before {earlier}")


def _moment(column: str) -> str:
    """A date in an SQL comparison; a birth date on the 15th may stand for any day of its month."""
    return birth_floor(name(column)) if column == "birth_date" else name(column)


def birth_floor(column: str) -> str:
    """SQL of the earliest day a recorded birth date allows."""
    return f"(CASE WHEN day({column}) = 15 THEN CAST(date_trunc('month', {column}) AS DATE) ELSE {column} END)"


def _event_rules(table: Table, horizon: date | None) -> Iterator[Rule]:
    """Rules that place a row in time and in its person's life."""
    event = table.event or ("birth_date" if table.name == "persons" else None)
    if event and horizon:
        late = f"CAST({_moment(event)} AS DATE) > DATE {text(horizon)}"
        yield Rule(table.name, event, "after_as_of", late, f"is after {horizon}, the last day the data can know")
    if not table.by_person or table.name == "persons":
        return
    orphan = "person_id IS NOT NULL AND known_id IS NULL"
    yield Rule(table.name, "person_id", "orphan", orphan, "is not among the accepted persons")
    if event:
        x = f"CAST({name(event)} AS DATE)"
        yield Rule(table.name, event, "before_birth", f"{x} < born", "is before the person's birth")
        dead = f"{x} > died + {DAYS_AFTER_DEATH}"
        yield Rule(table.name, event, "after_death", dead, f"is over {DAYS_AFTER_DEATH} days after the person's death")


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


def structure(source: Source) -> list[Fault]:
    """Missing required columns and doubled columns of every file of every table, found from the headers alone."""
    return [
        fault
        for table, files in source.files.items()
        for file in files
        for fault in (*_missing(TABLES[table], file), *_doubled(table, file))
    ]


def _missing(table: Table, file: SourceFile) -> Iterator[Fault]:
    extra = [column for column in file.columns if column not in table.names]
    lowered = {column.lower(): column for column in extra}
    for column in table.required:
        if column not in file.columns:
            alike = difflib.get_close_matches(column, lowered, n=1, cutoff=0.6)
            hint = f" (did you mean {lowered[alike[0]]}?)" if alike else ""
            yield Fault(table.name, column, "missing_column", 0, f"the required column is missing{hint}", file.name)


def _doubled(table: str, file: SourceFile) -> Iterator[Fault]:
    lowered = [column.lower() for column in file.columns]
    for column in TABLES[table].names:
        if lowered.count(column) > 1:
            yield Fault(table, column, "doubled_column", 0, "stands twice in the file; keep one", file.name)


def wrong_type(table: str, column: Column, native: str) -> Fault:
    """A column whose stored type cannot be read without guessing."""
    message = f"is stored as {native}; store {WRITE_AS[column.kind]}"
    return Fault(table, column.name, "stored_type", 0, message)
