"""The rules of the data contract as a table: a rule is a table, a column, a name, a predicate and a message.

`rules` turns the declarations of `schema` into that table and `structure` checks what the files' headers
promise; nothing here reads a row. A predicate is SQL, true for a faulty row of the view that `screening`
makes: it offers each column typed (`started_at`) and as delivered (`raw_started_at`), and for tables about
persons `known_id`, `born` and `died`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ennakointi.database import name, text
from ennakointi.errors import Fault
from ennakointi.schema import CODE, DATE, IDENTIFIER, MONTH, TABLES, TEXT, TIMESTAMP, Column, Table
from ennakointi.sources import Source, SourceFile
from ennakointi.store.reading import WRITE_AS

EARLIEST = date(1850, 1, 1)
DAYS_AFTER_DEATH = 30
_SLIP = 0.9  # a column that no input has, and one so alike that nothing reads: a slip of the pen


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
    """What the rules need beyond the schema.

    Attributes
    ----------
    vocabularies : mapping of str to sequence of str
        Closed code lists that come from the parameters, for example `services`.
    as_of : date
        The last day the run knows; later events are set aside by the store.
    horizon : date or None
        The last day an event may lie on without being a fault.
    """

    vocabularies: Mapping[str, Sequence[str]]
    as_of: date
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
        In the order of the columns; rules across columns and tables last. Duplicate keys and unreadable CSV
        lines are not predicates on a row and are found by `screening`.
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
    if column.kind not in (IDENTIFIER, TEXT, CODE):
        unreadable = f"{raw} IS NOT NULL AND {x} IS NULL"
        yield Rule(table, column.name, "type", unreadable, f"cannot be read; write {WRITE_AS[column.kind]}")
    if listed := codes(column, knowledge):
        outside = f"{x} NOT IN ({', '.join(map(text, listed))})"
        yield Rule(table, column.name, "unknown_code", outside, "is not in the code list")
    if column.pattern:
        unlike = f"NOT regexp_full_match({x}, {text(column.pattern)})"
        cut = " OR ".join(f"regexp_full_match('{zeros}' || {x}, {text(column.pattern)})" for zeros in ("0", "00"))
        lost = "has lost its leading zeros (16 for 016); export the column as text, not as a number"
        yield Rule(table, column.name, "lost_zeros", f"{unlike} AND ({cut})", lost)
        message = f"does not have the form {column.pattern}"
        yield Rule(table, column.name, "pattern", f"{unlike} AND NOT ({cut})", message)
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
        yield Rule(
            table.name,
            event,
            "after_death",
            dead,
            f"is over {DAYS_AFTER_DEATH} days after the person's death",
        )


def structure(source: Source) -> list[Fault]:
    """Missing required and doubled columns of every file of every input, found from the headers alone."""
    return [
        fault
        for table, file in source.files
        for fault in (*_missing(source, table, file), *_doubled(source, table, file))
    ]


def _missing(source: Source, table: str, file: SourceFile) -> Iterator[Fault]:
    required = source.mapping.inputs[table].columns if source.mapping else TABLES[table].required
    expected = source.expected(table)
    lowered = {column.lower(): column for column in file.columns if column not in expected}
    for column in required:
        if column not in file.columns:
            alike = difflib.get_close_matches(column, lowered, n=1, cutoff=0.6)
            hint = f" (did you mean {lowered[alike[0]]}?)" if alike else ""
            yield Fault(table, column, "missing_column", 0, f"the required column is missing{hint}", file.name)
    for column in expected if source.mapping else ():
        near = difflib.get_close_matches(column.lower(), lowered, n=1, cutoff=_SLIP)
        if near and column not in (*file.columns, *required):
            message = f"the mapping reads it and the file does not have it (did you mean {lowered[near[0]]}?)"
            yield Fault(table, column, "missing_column", 0, message, file.name)


def _doubled(source: Source, table: str, file: SourceFile) -> Iterator[Fault]:
    lowered = [column.lower() for column in file.columns]
    for column in source.expected(table):
        if lowered.count(column.lower()) > 1:
            yield Fault(table, column, "doubled_column", 0, "stands twice in the file; keep one", file.name)


def wrong_type(table: str, column: Column, native: str) -> Fault:
    """A column whose stored type cannot be read without guessing."""
    message = f"is stored as {native}; store {WRITE_AS[column.kind]}"
    return Fault(table, column.name, "stored_type", 0, message)
