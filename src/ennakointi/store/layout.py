"""How a contract column looks in the store: names, types, and the SQL that makes it from an accepted row.

Persons become integers, dates integer days, times a day and a minute, code lists small integers. What lies
after the as-of date was not known then: such an end is open, and what comes with it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date

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
    Table,
)

BUCKETS = 16
PERSON = "person"
PERSON_ID = "person_id"
EPISODE_ID = "episode_id"

_SIMPLE = {WHOLE: "INTEGER", NUMBER: "DOUBLE", FLAG: "BOOLEAN", TEXT: "VARCHAR"}
_MAY_LIE_AHEAD = {("persons", "birth_date"), ("persons", "resident_from"), ("slots", "third_free_on")}
_KNOWN_WITH = {
    ("referrals", "closed_reason"): "closed_on",
    ("enrolments", "completed"): "ended_on",
    ("stays", "cost_eur"): "discharged_at",
}
_OWNERS = {t.key[0]: t.name for t in TABLES.values() if len(t.key) == 1 and t[t.key[0]].kind == IDENTIFIER}


@dataclass(frozen=True)
class Field:
    """One column of a stored table: its name, its DuckDB type and the SQL that makes it."""

    name: str
    type: str
    sql: str


def is_key(table: Table, column: Column) -> bool:
    """Whether the column is the table's own identifier; in the store it is the row's place."""
    return _OWNERS.get(column.name) == table.name and column.name != PERSON_ID


def owner(table: Table, column: Column) -> str | None:
    """The other table whose identifier the column repeats: `contacts` of `diagnoses.contact_id`."""
    owned_by = _OWNERS.get(column.name) if column.kind == IDENTIFIER else None
    return owned_by if owned_by not in (None, table.name, "persons") else None


def is_coded(table: Table, column: Column) -> bool:
    """Whether values become places of a code list; so do identifiers no table owns, as `household_id`."""
    if column.kind == CODE:
        return True
    loose = column.kind == IDENTIFIER and column.name not in (PERSON_ID, EPISODE_ID)
    return loose and not is_key(table, column) and owner(table, column) is None


def code_type(n: int) -> str:
    """The smallest unsigned type for `n` codes."""
    return next(t for t, size in (("UTINYINT", 2**8), ("USMALLINT", 2**16), ("UINTEGER", 2**32)) if n <= size)


def enum_name(table: Table, column: Column) -> str:
    """Name of the DuckDB type that holds the code list of a column."""
    return name(f"code_{table.name}_{column.name}")


def fields(table: Table, column: Column, n_codes: int = 1, value: str | None = None) -> Iterator[Field]:
    """The stored columns of a contract column, without the table's own identifier.

    Parameters
    ----------
    table : Table
    column : Column
    n_codes : int
        Length of the column's code list.
    value : str, optional
        SQL of the value, by default the column itself. References to other tables and episodes carry the
        delivered identifier until the bucket is sorted.
    """
    x = value or name(column.name)
    if column.name == PERSON_ID:
        yield Field(PERSON, "INTEGER", PERSON)
    elif is_coded(table, column):
        kind = code_type(n_codes)
        yield Field(column.name, kind, f"CAST(enum_code(TRY_CAST({x} AS {enum_name(table, column)})) AS {kind})")
    elif column.kind == IDENTIFIER:
        yield Field(column.name, "INTEGER", x)
    elif column.kind in (DATE, TIMESTAMP):
        yield Field(f"{stem(column)}_day", "INTEGER", _day(x))
        if column.kind == TIMESTAMP:
            minute = f"CAST(hour({x}) * 60 + minute({x}) AS SMALLINT)"
            yield Field(f"{stem(column)}_minute", "SMALLINT", minute)
    elif column.kind == MONTH:
        yield Field(column.name, "INTEGER", _month(x))
    else:
        yield Field(column.name, _SIMPLE[column.kind], f"CAST({x} AS {_SIMPLE[column.kind]})")


def derived(table: Table) -> Iterator[Field]:
    """Stored columns that follow from others: the event's month, and the first month a person is born by."""
    if table.name == "persons":
        yield Field("birth_month", "INTEGER", f"{_month('birth_date')} + CAST(day(birth_date) > 1 AS INTEGER)")
    if table.event and table[table.event].kind != MONTH:
        yield Field("month", "INTEGER", _month(name(table.event)))


def event_day(table: Table) -> str | None:
    """The stored column of the day of a table's event."""
    if table.event is None or table[table.event].kind == MONTH:
        return None
    return f"{stem(table[table.event])}_day"


def stem(column: Column) -> str:
    """`received_on` is `received`, `birth_date` is `birth`, `started_at` is `started`; other names stay."""
    for suffix in ("_on", "_at", "_date"):
        if column.name.endswith(suffix):
            return column.name.removesuffix(suffix)
    return column.name


def known(table: Table, column: Column, present: Collection[str], as_of: date) -> str:
    """SQL of a value as it was known on the as-of date; `present` are the delivered columns."""
    end = column.name if closes(table, column) else _KNOWN_WITH.get((table.name, column.name))
    if end not in present:
        return name(column.name)
    late = f"CAST({name(str(end))} AS DATE) > DATE {text(as_of)}"
    return f"(CASE WHEN {late} THEN NULL ELSE {name(column.name)} END)"


def closes(table: Table, column: Column) -> bool:
    """Whether a date after the as-of date means that it had not happened yet."""
    is_date = column.kind in (DATE, TIMESTAMP) and column.name != table.event
    return is_date and (table.name, column.name) not in _MAY_LIE_AHEAD


def _day(x: str) -> str:
    return f"CAST(CAST({x} AS DATE) - DATE '1970-01-01' AS INTEGER)"


def _month(x: str) -> str:
    return f"CAST(year({x}) * 12 + month({x}) - 1 AS INTEGER)"
