"""Rows against rules: every delivered row is accepted or quarantined with its file, line, column and rule.

All tables are screened before anything is refused, persons first. Rows that share a key are all quarantined,
because nobody can say which is right; only where the copies are identical is the first one kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ennakointi.database import name, text
from ennakointi.errors import DataError, Fault
from ennakointi.schema import AGGREGATE_TABLE, REQUIRED_TABLES, TABLES, Table
from ennakointi.sources import Source, SourceFile
from ennakointi.sources.staging import UNREADABLE, Staged, stage
from ennakointi.spelling import describe_code
from ennakointi.store import reading
from ennakointi.store.validation import (
    Knowledge,
    Rule,
    birth_floor,
    codes,
    rules,
    structure,
    wrong_type,
)

_KEYS_AT_ONCE = 8_000_000
_CODES_SHOWN = 5
_NOTHING_GIVES = "is required; the mapping gives it from columns that no file has"
_DUPLICATE_ROW = "repeats an earlier row word for word; the first is kept"
_DUPLICATE_KEY = "the key stands in several different rows; none of them is used"


@dataclass(frozen=True)
class TableCount:
    """Rows of one table: `read` = `accepted` + `quarantined`.

    `unreadable`: lines that could not be read, by rule; `rejected`: rows by the first rule that they break.
    """

    read: int
    unreadable: Mapping[str, int] = field(default_factory=dict)
    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def quarantined(self) -> int:
        return sum(self.unreadable.values()) + sum(self.rejected.values())

    @property
    def accepted(self) -> int:
        return self.read - self.quarantined


@dataclass(frozen=True)
class Screened:
    """The outcome of screening a source.

    Attributes
    ----------
    counts : dict of str to TableCount
    filled : dict of str to dict of str to int
        Contract columns of each table that hold a value, in contract order, with the rows that do.
    faults : tuple of Fault
        One per table, column and rule that fired, with the first file and line.
    staged : Staged
        What staging found: files read, codes a mapping does not know.
    extra : dict of str to tuple of str
        Delivered columns of each input that nothing reads; they are ignored.
    spans : dict of str to tuple of date
        First and last day of each table's accepted events, where `store.check` looked for them.
    """

    counts: dict[str, TableCount]
    filled: dict[str, dict[str, int]]
    faults: tuple[Fault, ...]
    staged: Staged
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)
    spans: dict[str, tuple[date, date]] = field(default_factory=dict)

    def refuse_above(self, share: float) -> None:
        """Raise one DataError with every fault if any table lost more than `share` of its rows."""
        lost = {table: count.quarantined / count.read for table, count in self.counts.items() if count.read}
        over = [f"{table} {part:.1%}" for table, part in lost.items() if part > share]
        if over:
            message = (
                f"Too many rows break the data contract (limit {share:.1%} of a table): {', '.join(over)}. "
                "A run lists the rows in work/<quarter>/quarantine. Correct the source and try again:"
            )
            raise DataError(message, self.faults)


def screen(connection: duckdb.DuckDBPyConnection, source: Source, knowledge: Knowledge, staging: Path) -> Screened:
    """Test every row of a source by every rule.

    Leaves in the connection the views `screened_<table>` (typed rows with what is known of their person) and
    `accepted_<table>`, the table `person_index` (`known_id`, `person` 0..n-1 of those born by the as-of date,
    `born`, `died`) and the table `quarantined` (tbl, file, line, column, rule).

    Raises
    ------
    DataError
        Required columns are missing, doubled or stored as a type that cannot be read, or a required table is
        empty; all tables are looked at first.
    """
    staged = _open(connection, source, staging)
    outcomes = {table: _screen_table(connection, TABLES[table], knowledge) for table in source.tables}
    if empty := _empty_required({table: outcome.read for table, outcome in outcomes.items()}):
        raise DataError("The data folder cannot be used:", tuple(empty))
    _place(connection, source)
    counts = {table: _table_count(connection, table, outcome.read) for table, outcome in outcomes.items()}
    fired = {(r.table, r.column, r.name): r for outcome in outcomes.values() for r in outcome.fired}
    return Screened(
        counts,
        {table: outcome.filled for table, outcome in outcomes.items()},
        _faults(connection, source, fired),
        staged,
        {table: extra for table, files in source.inputs.items() if (extra := _extra(source, table, files))},
    )


def screen_persons(
    connection: duckdb.DuckDBPyConnection, source: Source, knowledge: Knowledge, staging: Path
) -> Staged:
    """As `screen`, of the persons alone: leaves `accepted_persons` and `person_index`."""
    staged = _open(connection, source.only("persons"), staging)
    _screen_table(connection, TABLES["persons"], knowledge)
    return staged


def _open(connection: duckdb.DuckDBPyConnection, source: Source, staging: Path) -> Staged:
    """Stage a source whose headers are right, with the typed view of every table."""
    if faults := structure(source):
        raise DataError("The tables do not have the contract's columns:", tuple(faults))
    connection.execute(
        "CREATE TEMP TABLE broken (tbl VARCHAR, file INTEGER, row BIGINT, part SMALLINT, col VARCHAR, rule VARCHAR)"
    )
    staged = stage(connection, source, staging)
    _open_tables(connection, staged, [file.csv.decimal for _, file in source.files])
    return staged


def spans(connection: duckdb.DuckDBPyConnection, screened: Screened) -> dict[str, tuple[date, date]]:
    """First and last day of the accepted events of each screened table that has any."""
    found = {}
    for table in screened.counts:
        if event := TABLES[table].event:
            days = f"CAST(min({name(event)}) AS DATE), CAST(max({name(event)}) AS DATE)"
            found[table] = connection.execute(f"SELECT {days} FROM accepted_{table}").fetchall()[0]
    return {table: span for table, span in found.items() if span[0]}


def write_quarantine(connection: duckdb.DuckDBPyConnection, source: Source, folder: Path) -> None:
    """Write `<table>.parquet` with file, line, column and rule of every fault; no value of a row.

    `line` is the line of a CSV file, whose header is line 1, and the row's number in any other.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.parquet"):
        path.unlink()
    for table in source.tables:
        path = folder / f"{table}.parquet"
        query = f'SELECT file, line, "column", rule FROM quarantined WHERE tbl = {text(table)} ORDER BY ALL'
        if connection.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0]:
            connection.execute(f"COPY ({query}) TO {text(path)} (FORMAT parquet)")
            path.chmod(0o600)


@dataclass(frozen=True)
class _Outcome:
    """One table after screening: rows that could be split into columns, filled columns, rules that fired."""

    read: int
    filled: dict[str, int]
    fired: tuple[Rule, ...]


def _open_tables(connection: duckdb.DuckDBPyConnection, staged: Staged, decimals: Sequence[str | None]) -> None:
    """Make the typed view of every table, after refusing what would have to be guessed."""
    faults: list[Fault] = []
    for table, delivered in staged.natives.items():
        absent = [column for column in TABLES[table].required if column not in delivered]
        faults += [Fault(table, column, "missing_column", 0, _NOTHING_GIVES) for column in absent]
        natives = dict(delivered)
        for column, native in natives.items():
            declared, view = TABLES[table][column], f"delivered_{table}"
            if not reading.readable(connection, view, declared, native):
                if _holds_values(connection, view, column):
                    faults.append(wrong_type(table, declared, native))
                natives[column] = reading.EMPTY
        reading.type_table(connection, table, natives, decimals)
    if faults:
        raise DataError("The tables cannot be read without guessing:", tuple(faults))


def _empty_required(read: Mapping[str, int]) -> list[Fault]:
    """Required tables without a row, unless only an aggregate table holds any."""
    personal = any(n for table, n in read.items() if TABLES[table].by_person)
    if not personal and read.get(AGGREGATE_TABLE):
        return []
    message = "holds no rows; fill it in (or, for an aggregate source, fill in panel alone)"
    return [Fault(table, None, "no_rows", 0, message) for table in REQUIRED_TABLES if not read.get(table)]


def _holds_values(connection: duckdb.DuckDBPyConnection, view: str, column: str) -> bool:
    query = f"SELECT 1 FROM {view} WHERE {name(column)} IS NOT NULL LIMIT 1"
    return connection.execute(query).fetchone() is not None


def _screen_table(connection: duckdb.DuckDBPyConnection, table: Table, knowledge: Knowledge) -> _Outcome:
    """Test every row by every rule; values that cannot be read do not count as filled."""
    described = connection.execute(f"DESCRIBE typed_{table.name}").fetchall()
    present = [row[0] for row in described if row[0] in table.names]
    _view_screened(connection, table)
    tested = rules(table, present, knowledge)
    read, filled = _count(connection, table.name, present)
    broken = _note_broken(connection, table.name, tested)
    for rule, n in broken.items():
        if rule.name == "type" and rule.column:
            filled[rule.column] -= n
    fired = list(broken)
    fired += _note_duplicates(connection, table, present)
    _view_accepted(connection, table.name)
    if table.name == "persons":
        _index_persons(connection, knowledge.as_of)
    explained = [_with_codes(connection, table, rule, knowledge) for rule in fired]
    return _Outcome(read, {column: n for column, n in filled.items() if n}, tuple(explained))


def _view_screened(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    joined = table.by_person and table.name != "persons"
    person = " LEFT JOIN person_index ON person_id = known_id" if joined else ""
    connection.execute(f"CREATE TEMP VIEW screened_{table.name} AS SELECT * FROM typed_{table.name}{person}")


def _view_accepted(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    bad = connection.execute("SELECT count(*) FROM broken WHERE tbl = ?", [table]).fetchall()[0][0]
    rows = f"(SELECT DISTINCT file AS _file, row AS _row, part AS _part FROM broken WHERE tbl = {text(table)})"
    without = f" ANTI JOIN {rows} USING (_file, _row, _part)" if bad else ""
    connection.execute(f"CREATE TEMP VIEW accepted_{table} AS SELECT * FROM screened_{table}{without}")


def _index_persons(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Number the accepted persons in the order of their identifiers, whole numbers by size."""
    here = f"born <= DATE {text(as_of)}"
    order = "TRY_CAST(known_id AS BIGINT) NULLS LAST, known_id"
    died = "death_date" if _has(connection, "persons", "death_date") else "CAST(NULL AS DATE)"
    number = f"CAST(row_number() OVER (PARTITION BY {here} ORDER BY {order}) - 1 AS INTEGER)"
    lives = f"person_id AS known_id, {birth_floor('birth_date')} AS born, {died} AS died"
    connection.execute(
        f"CREATE TEMP TABLE person_index AS SELECT *, CASE WHEN {here} THEN {number} END AS person "
        f"FROM (SELECT {lives} FROM accepted_persons)"
    )


def _has(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> bool:
    return column in {row[0] for row in connection.execute(f"DESCRIBE typed_{table}").fetchall()}


def _count(connection: duckdb.DuckDBPyConnection, table: str, present: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Rows, and the delivered values of each column."""
    wanted = ["count(*)", *(f"count({name(f'raw_{column}')})" for column in present)]
    row = connection.execute(f"SELECT {', '.join(wanted)} FROM typed_{table}").fetchall()[0]
    return row[0], dict(zip(present, row[1:], strict=True))


def _note_broken(connection: duckdb.DuckDBPyConnection, table: str, tested: Sequence[Rule]) -> dict[Rule, int]:
    """Write down the place of every row that breaks a rule, in one scan; returns the rules that fired."""
    places = ", ".join(f"CASE WHEN {rule.predicate} THEN {i} END" for i, rule in enumerate(tested))
    any_of = " OR ".join(f"({rule.predicate})" for rule in tested)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE breaches AS SELECT * FROM "
        f"(SELECT _file, _row, _part, unnest([{places}]) AS rule FROM screened_{table} WHERE {any_of}) "
        f"WHERE rule IS NOT NULL"
    )
    found = dict(connection.execute("SELECT rule, count(*) FROM breaches GROUP BY rule").fetchall())
    fired = ", ".join(f"({i}, {text(tested[i].column)}, {text(tested[i].name)})" for i in sorted(found))
    if fired:
        connection.execute(
            f"INSERT INTO broken SELECT {text(table)}, _file, _row, _part, col, name FROM breaches "
            f"JOIN (VALUES {fired}) fired(rule, col, name) USING (rule) ORDER BY _file, _row, _part, rule"
        )
    return {tested[i]: found[i] for i in sorted(found)}


def _note_duplicates(connection: duckdb.DuckDBPyConnection, table: Table, present: Sequence[str]) -> list[Rule]:
    """Write down rows that share a key: later identical copies, or all copies if they differ."""
    key = [column for column in table.key if column in present]
    if not key:
        return []
    complete = " AND ".join(f"{name(c)} IS NOT NULL" for c in key if table[c].required)
    rows = f"(SELECT *, hash({', '.join(map(name, key))}) AS _key FROM typed_{table.name} WHERE {complete})"
    _find_doubled(connection, rows, table.name)
    group = f"PARTITION BY {', '.join(map(name, key))}"
    whole = f"hash({', '.join(name(f'raw_{column}') for column in present)})"
    copies = f"(SELECT *, {whole} AS _whole FROM {rows} SEMI JOIN doubled USING (_key))"
    column = text(key[0]) if len(key) == 1 else "NULL"
    connection.execute(
        f"INSERT INTO broken SELECT {text(table.name)}, _file, _row, _part, {column}, "
        f"CASE WHEN alike THEN 'duplicate_row' ELSE 'duplicate_key' END FROM (SELECT _file, _row, _part, "
        f"count(*) OVER same AS n, min(_whole) OVER same = max(_whole) OVER same AS alike, "
        f"row_number() OVER ({group} ORDER BY _file, _row, _part) AS copy FROM {copies} WINDOW same AS ({group})) "
        f"WHERE n > 1 AND (NOT alike OR copy > 1)"
    )
    messages = {"duplicate_row": _DUPLICATE_ROW, "duplicate_key": _DUPLICATE_KEY}
    query = "SELECT DISTINCT rule FROM broken WHERE tbl = ? AND rule LIKE 'duplicate%' ORDER BY rule"
    found = connection.execute(query, [table.name]).fetchall()
    alone = key[0] if len(key) == 1 else None
    return [Rule(table.name, alone, rule, "", messages[rule]) for (rule,) in found]


def _find_doubled(connection: duckdb.DuckDBPyConnection, rows: str, table: str) -> None:
    """Make the view `doubled` of the hashes of keys that occur more than once; some millions of keys at a time are
    sorted, which costs half as much as grouping them."""
    n = connection.execute(f"SELECT count(*) FROM typed_{table}").fetchall()[0][0]
    parts = n // _KEYS_AT_ONCE + 1
    doubled = []
    for part in range(parts):
        keys = connection.execute(f"SELECT _key FROM {rows} WHERE _key % {parts} = {part}").fetchnumpy()["_key"]
        keys = np.sort(np.asarray(keys, np.uint64))
        doubled.append(keys[1:][keys[1:] == keys[:-1]])
    connection.register("doubled", pa.table({"_key": np.concatenate(doubled)}))


def _place(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the table `quarantined`: every fault with its file's name and its line.

    A line that could not be read counts in the first contract table that its input would have become.
    """
    first = {name: table for table in reversed(source.tables) for name in source.inputs_of(table)}
    owners = ", ".join(f"({text(name)}, {text(table)})" for name, table in first.items())
    line = "CASE WHEN f.lines THEN b.row + o.line_offset ELSE b.row END"
    connection.execute(
        f"CREATE TEMP TABLE quarantined AS "
        f'SELECT b.tbl, f.name AS file, {line} AS line, b.col AS "column", b.rule FROM broken b '
        f"JOIN delivered_files f USING (file) ASOF LEFT JOIN line_offsets o "
        f"ON b.file = o.file AND b.row >= o.first_row UNION ALL "
        f"SELECT owner.tbl, f.name, r.line, NULL, r.rule FROM rejected r JOIN delivered_files f USING (file) "
        f"JOIN (VALUES {owners}) owner(input, tbl) USING (input)"
    )


def _table_count(connection: duckdb.DuckDBPyConnection, table: str, read: int) -> TableCount:
    query = (
        "SELECT rule, count(*) FROM (SELECT arg_min(rule, rowid) AS rule FROM broken WHERE tbl = ? "
        "GROUP BY file, row, part) GROUP BY rule ORDER BY rule"
    )
    rejected = dict(connection.execute(query, [table]).fetchall())
    query = (
        "SELECT rule, count(*) FROM quarantined WHERE tbl = ? AND rule IN (SELECT rule FROM rejected) "
        "GROUP BY rule ORDER BY rule"
    )
    unreadable = dict(connection.execute(query, [table]).fetchall())
    return TableCount(read + sum(unreadable.values()), unreadable, rejected)


def _faults(
    connection: duckdb.DuckDBPyConnection, source: Source, fired: Mapping[tuple[str, str | None, str], Rule]
) -> tuple[Fault, ...]:
    """One fault per table, column and rule, in the order of the contract."""
    found = connection.execute(
        "SELECT tbl, \"column\", rule, count(*), min({'file': file, 'line': line}) AS first FROM quarantined "
        "GROUP BY ALL ORDER BY first"
    ).fetchall()
    ordered = sorted(found, key=lambda row: source.tables.index(row[0]))
    return tuple(
        Fault(table, column, rule, n, _message(fired, table, column, rule), first["file"], first["line"])
        for table, column, rule, n, first in ordered
    )


def _message(fired: Mapping[tuple[str, str | None, str], Rule], table: str, column: str | None, rule: str) -> str:
    return UNREADABLE[rule] if rule in UNREADABLE else fired[table, column, rule].message


def _with_codes(connection: duckdb.DuckDBPyConnection, table: Table, rule: Rule, knowledge: Knowledge) -> Rule:
    """For unknown codes, the rule with the commonest codes and what they may mean."""
    if rule.name != "unknown_code" or rule.column is None:
        return rule
    x = name(rule.column)
    listed = codes(table[rule.column], knowledge)
    seen = connection.execute(
        f"SELECT {x}, count(*) FROM screened_{table.name} WHERE {rule.predicate} "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100"
    ).fetchall()
    shown = [described for code, n in seen if (described := describe_code(code, n, listed))][:_CODES_SHOWN]
    return replace(rule, message=f"{rule.message}: {', '.join(shown)}" if shown else rule.message)


def _extra(source: Source, table: str, files: Sequence[SourceFile]) -> tuple[str, ...]:
    return tuple(sorted({c for file in files for c in file.columns} - set(source.expected(table))))
