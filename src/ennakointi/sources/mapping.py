"""A source system's tables as contract tables: the selections of a mapping document as views, and what they leave out.

A row of an input becomes at most one row of each selection, so that every contract row keeps its file and line.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb

from ennakointi.database import name, text, types
from ennakointi.parameters.documents import Label
from ennakointi.parameters.mappings import Coded, Join, MappingDocument, Selection
from ennakointi.schema import CODE, IDENTIFIER, TABLES, TEXT
from ennakointi.sources.expressions import Columns, holds, key, lookups, total, value
from ennakointi.sources.source import Source
from ennakointi.spelling import describe_code

_CODES_COUNTED = 100


@dataclass(frozen=True)
class Excluded:
    """Records that a mapping leaves out of a contract table on purpose."""

    table: str
    input: str
    reason: Label
    rows: int

    def __str__(self) -> str:
        return f"{self.table}: {self.rows:,} rows of {self.input} are left out ({self.reason.en})"


@dataclass(frozen=True)
class Unmapped:
    """A code that a code map does not hold, with the rows that carry it.

    Attributes
    ----------
    code : str or None
        None stands for all other codes: the rare ones, and those that might be a person's data.
    shown : str
        The code with its count and what it resembles, for messages.
    became : str or None
        What it became: None for itself, empty text for missing.
    """

    table: str
    column: str
    codes: str
    code: str | None
    rows: int
    shown: str
    became: str | None

    def __str__(self) -> str:
        outcome = "stays as it is" if self.became is None else f"becomes {self.became or 'missing'}"
        return f"{self.table}.{self.column}: the code map {self.codes} does not hold {self.shown}; it {outcome}"


_TAKE = {"first": "min({})".format, "last": "max({})".format, "sum": total}
Natives = dict[str, dict[str, str]]
Flagged = tuple[str, str, int]


@dataclass(frozen=True)
class _Rows:
    """The rows of one selection, ready to be read: `origin` is a FROM clause."""

    document: MappingDocument
    table: str
    part: int
    selection: Selection
    columns: Columns
    origin: str

    @property
    def excluded(self) -> str:
        """SQL of the number of the first exclusion that takes a row out; null for rows that stay."""
        cases = [f"WHEN {holds(one.where, self.columns)} THEN {i}" for i, one in enumerate(self.selection.exclude)]
        return f"CASE {' '.join(cases)} END" if cases else "CAST(NULL AS INTEGER)"

    def native(self, column: str) -> str | None:
        """The type that a contract column can be passed on as; None if the selection does not give it."""
        given = self.selection.columns.get(column)
        if not isinstance(given, str):
            return None if given is None else "VARCHAR"
        native = self.columns.native(given)
        textual = TABLES[self.table][column].kind in (IDENTIFIER, CODE, TEXT)
        return "VARCHAR" if native and textual else native

    def query(self, natives: dict[str, str]) -> str:
        """The selection as contract columns of the given types."""
        made = [f"{self._given(column, native)} AS {name(column)}" for column, native in natives.items()]
        kept = f" WHERE {self.excluded} IS NULL" if self.selection.exclude else ""
        place = f"{name(self.selection.of)}._file, {name(self.selection.of)}._row, CAST({self.part} AS SMALLINT)"
        return f"SELECT {', '.join([f'{place} AS _part', *made])} FROM {self.origin}{kept}"

    def _given(self, column: str, native: str) -> str:
        given = self.selection.columns.get(column)
        if given is None:
            return f"CAST(NULL AS {native})"
        if isinstance(given, str) and native != "VARCHAR":
            return self.columns.raw(given) if self.columns.native(given) else f"CAST(NULL AS {native})"
        return value(given, self.columns, self.document.codes)


def views(
    connection: duckdb.DuckDBPyConnection, source: Source
) -> tuple[Natives, tuple[Excluded, ...], tuple[Unmapped, ...], tuple[Flagged, ...]]:
    """Make the view `delivered_<table>` of every contract table that the source's mapping gives.

    Returns
    -------
    natives : dict of str to dict of str to str
        Contract table, column, and DuckDB type. A column that is passed on as it was delivered keeps its type.
    excluded, unmapped, flagged : tuple
        What the mapping left out on purpose, codes it does not know, and rows that a fallback decided.
    """
    document = source.mapping
    assert document is not None
    natives: Natives = {}
    selections: list[_Rows] = []
    for table in source.tables:
        opened = [
            _open(connection, source, document, table, part)
            for part, selection in enumerate(document.tables[table])
            if selection.of in source.inputs
        ]
        natives[table] = {
            column: given.pop() if len(given) == 1 else "VARCHAR"
            for column in TABLES[table].names
            if (given := {native for rows in opened if (native := rows.native(column))})
        }
        queries = " UNION ALL BY NAME ".join(rows.query(natives[table]) for rows in opened)
        connection.execute(f"CREATE TEMP VIEW delivered_{table} AS {queries}")
        selections += opened
    counted = [_counted(connection, rows) for rows in selections]
    return (
        natives,
        tuple(one for excluded, _, _ in counted for one in excluded),
        tuple(one for _, unmapped, _ in counted for one in unmapped),
        tuple(one for _, _, flagged in counted for one in flagged),
    )


def sentences(source: Source, excluded: Sequence[Excluded], unmapped: Sequence[Unmapped]) -> Iterator[str]:
    """What an analyst should know of a mapping at work: columns that are not there, rows left out, unknown codes."""
    for input_name, files in source.inputs.items() if source.mapping else ():
        delivered = {column for file in files for column in file.columns}
        if absent := [column for column in source.expected(input_name) if column not in delivered]:
            yield f"{input_name}: the mapping reads {', '.join(absent)}, which no file has"
    yield from (str(one) for one in excluded if one.rows)
    yield from map(str, unmapped)


def _open(
    connection: duckdb.DuckDBPyConnection, source: Source, document: MappingDocument, table: str, part: int
) -> _Rows:
    """A selection with the columns of its input and of the inputs that it joins."""
    selection = document.tables[table][part]
    delivered = {column.lower(): native for column, native in types(connection, f"input_{selection.of}").items()}
    columns = Columns(delivered, selection.of)
    origin = f"input_{selection.of} AS {name(selection.of)}"
    for joined, join in selection.joins.items():
        added = _join_table(connection, source, join.of or joined, join)
        if added and columns.native(join.by):
            origin += f" LEFT JOIN {_keyed(join.of or joined, join)} AS {name(joined)}"
            origin += f" ON {name(joined)}._key = {columns.text(join.by)}"
            delivered |= {f"{joined}.{column}".lower(): native for column, native in added.items()}
    return _Rows(document, table, part, selection, columns, origin)


def _keyed(input_name: str, join: Join) -> str:
    """Name of the table of a joined input: joins that take the same share it."""
    taken = zlib.crc32(join.model_dump_json(exclude={"by", "of"}).encode())
    return name(f"{input_name}_{taken}")


def _join_table(
    connection: duckdb.DuckDBPyConnection, source: Source, input_name: str, join: Join
) -> dict[str, str] | None:
    """Make the table of a joined input with one row a key; its columns' types, None if it cannot be joined."""
    if input_name not in source.inputs:
        return None
    delivered = types(connection, f"input_{input_name}")
    columns = Columns({column.lower(): native for column, native in delivered.items()}, f"input_{input_name}")
    if columns.native(join.key) is None:
        return None
    keyed = _keyed(input_name, join)
    how = {column.lower(): one for column, one in join.take.items()}
    taken = [f"{_TAKE[how[c.lower()]](columns.text(c))} AS {name(c)}" for c in delivered if c.lower() in how]
    row = ", ".join(f"{text(column)}: {name(column)}" for column in delivered if column.lower() not in how)
    where = f" WHERE {holds(join.where, columns)}" if join.where else ""
    connection.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {keyed} AS SELECT * EXCLUDE (_smallest), unnest(_smallest) FROM "
        f"(SELECT {', '.join([f'{columns.text(join.key)} AS _key', f'min({{{row}}}) AS _smallest', *taken])} "
        f"FROM input_{input_name}{where} GROUP BY _key HAVING _key IS NOT NULL)"
    )
    return types(connection, keyed)


def _counted(
    connection: duckdb.DuckDBPyConnection, rows: _Rows
) -> tuple[list[Excluded], list[Unmapped], list[Flagged]]:
    """What a selection leaves out, does not know and decides by a fallback, in one pass over its rows."""
    found_codes = list(_lookups(rows))
    if not found_codes and not rows.selection.exclude:
        return [], [], []
    wanted = [f"count(*) FILTER (_excluded = {i})" for i in range(len(rows.selection.exclude))]
    wanted += [f"count(u{i})" for i in range(len(found_codes))]
    wanted += [f"count(*) FILTER (f{i})" for i in range(len(found_codes))]
    kept = "_excluded IS NULL"
    made = [
        f"CASE WHEN {kept} AND {unknown} THEN {code} END AS u{i}, {kept} AND {decided} AS f{i}"
        for i, (_, _, code, unknown, decided) in enumerate(found_codes)
    ]
    inner = f"(SELECT {', '.join([f'{rows.excluded} AS _excluded', *made])} FROM {rows.origin})"
    n = iter(connection.execute(f"SELECT {', '.join(wanted)} FROM {inner}").fetchall()[0])
    left_out = [(one.reason, next(n)) for one in rows.selection.exclude]
    excluded = [Excluded(rows.table, rows.selection.of, reason, count) for reason, count in left_out if reason]
    unknown_rows = [next(n) for _ in found_codes]
    unmapped = [
        one
        for i, (column, coded, *_) in enumerate(found_codes)
        if unknown_rows[i]
        for one in _unmapped(connection, rows, column, coded, f"SELECT u{i} AS code FROM {inner}", unknown_rows[i])
    ]
    flagged = [
        (f"{rows.table}.{column}", coded.flag, count)
        for (column, coded, *_), count in zip(found_codes, n)
        if coded.flag and count
    ]
    return excluded, unmapped, flagged


def _lookups(rows: _Rows) -> Iterator[tuple[str, Coded, str, str, str]]:
    """Every code lookup: contract column, lookup, and SQL of its code, of unknown codes and of decided rows."""
    for column, expression in rows.selection.columns.items():
        for coded, where, unknown in lookups(expression, rows.columns, rows.document.codes):
            code = key(coded, rows.columns, rows.document.codes)
            decided = f"{where} AND {value(coded, rows.columns, rows.document.codes)} IS NOT NULL"
            yield column, coded, code, unknown, decided


def _unmapped(
    connection: duckdb.DuckDBPyConnection, rows: _Rows, column: str, coded: Coded, query: str, total: int
) -> Iterator[Unmapped]:
    """The commonest unknown codes of a lookup, and the rest as one."""
    became = "" if coded.only_known else coded.otherwise
    known = tuple(rows.document.codes[coded.codes])
    counted = connection.execute(
        f"SELECT code, count(*) FROM ({query}) WHERE code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 "
        f"LIMIT {_CODES_COUNTED}"
    ).fetchall()
    for code, n in counted:
        if shown := describe_code(code, n, known):
            total -= n
            yield Unmapped(rows.table, column, coded.codes, code, n, shown, became)
    if total:
        yield Unmapped(rows.table, column, coded.codes, None, total, f"other codes × {total}", became)
