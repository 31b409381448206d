"""Expressions and conditions of a mapping document as SQL over delivered columns; everything is read as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ennakointi.database import name, text
from ennakointi.parameters.mappings import (
    Choice,
    Coded,
    Condition,
    Constant,
    DateOf,
    FirstOf,
    Joined,
    Match,
    Scaled,
    parts,
)

MISSING = "CAST(NULL AS VARCHAR)"
UNREADABLE = "'unreadable'"  # stands where no number can be computed, so that the contract refuses the row
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
CodeMap = Mapping[str, str | None]


@dataclass(frozen=True)
class Columns:
    """The columns that a selection can read.

    Attributes
    ----------
    types : mapping of str to str
        DuckDB type of each delivered column in lower case, those of joins as `join.column`.
    own : str
        Name of the selection's own input, under which it stands in the FROM clause.
    """

    types: Mapping[str, str]
    own: str

    def native(self, reference: str) -> str | None:
        """The type a column was delivered as, None if it was not."""
        return self.types.get(reference.lower())

    def raw(self, reference: str) -> str:
        """SQL of a column as delivered."""
        joined, _, column = reference.rpartition(".")
        return f"{name(joined or self.own)}.{name(column)}"

    def text(self, reference: str) -> str:
        """SQL of a column as text: a whole number has no decimals, empty text and not-a-number are missing."""
        native, x = self.native(reference), self.raw(reference)
        return MISSING if native is None else as_text(x, native)


def as_text(x: str, native: str) -> str:
    """SQL of a value of DuckDB type `native` as text."""
    family = native.split("(")[0]
    if family in _FRACTIONS:
        whole = f"{x} = trunc({x}) AND abs({x}) < 1e15"
        read = f"CASE WHEN {whole} THEN CAST(CAST({x} AS BIGINT) AS VARCHAR) ELSE CAST({x} AS VARCHAR) END"
        return read if family == "DECIMAL" else f"CASE WHEN NOT isnan({x}) THEN {read} END"
    if family == "ENUM":
        return f"nullif(CAST({x} AS VARCHAR), '')"
    return f"nullif({x}, '')" if family == "VARCHAR" else f"CAST({x} AS VARCHAR)"


def value(expression: Any, columns: Columns, codes: Mapping[str, CodeMap]) -> str:
    """SQL of an expression: text, null where it is missing."""

    def of(part: Any) -> str:
        return value(part, columns, codes)

    match expression:
        case str():
            return columns.text(expression)
        case Constant():
            return text(expression.constant)
        case Coded():
            return _decoded(expression, columns, codes)
        case FirstOf():
            return f"coalesce({', '.join(map(of, expression.first_of))})"
        case Joined():
            return f"({f' || {text(expression.between)} || '.join(map(of, expression.joined))})"
        case DateOf():
            month = f"lpad({of(expression.month)}, 2, '0')" if expression.month else MISSING
            day = f"lpad({of(expression.day)}, 2, '0')" if expression.day else MISSING
            return f"({of(expression.year)} || '-' || coalesce({month}, '07') || '-' || coalesce({day}, '15'))"
        case Match():
            return f"nullif(regexp_extract({of(expression.of)}, {text(expression.match)}, 1), '')"
        case Scaled():
            return _scaled(of(expression.of), expression.times)
        case Choice():
            otherwise = f" ELSE {of(expression.otherwise)}" if expression.otherwise is not None else ""
            return f"CASE WHEN {holds(expression.when, columns)} THEN {of(expression.then)}{otherwise} END"
    raise AssertionError(expression)


def _scaled(x: str, factor: float) -> str:
    """SQL of a number in text times a factor."""
    product = as_text(f"({number(x, 'DOUBLE')} * {factor!r})", "DOUBLE")
    return f"coalesce({product}, CASE WHEN {x} IS NOT NULL THEN {UNREADABLE} END)"


def number(x: str, native: str) -> str:
    """SQL of a number in text, with a decimal point or comma; null where it is none."""
    return f"TRY_CAST(replace({x}, ',', '.') AS {native})"


def total(x: str) -> str:
    """SQL of the sum of a group's numbers in text, exact to four decimals so that their order does not matter."""
    amount = number(x, "DECIMAL(18, 4)")
    return f"CASE WHEN count({x}) = count({amount}) THEN CAST(sum({amount}) AS VARCHAR) ELSE {UNREADABLE} END"


def key(coded: Coded, columns: Columns, codes: Mapping[str, CodeMap]) -> str:
    """SQL of the code that is looked up: one value, or several joined by `|` of which one is not missing."""
    read = [value(part, columns, codes) for part in coded.of]
    return read[0] if len(read) == 1 else f"CASE WHEN coalesce({', '.join(read)}) IS NOT NULL THEN {_barred(read)} END"


def _barred(read: Sequence[str]) -> str:
    """SQL of values joined by `|`; one that is missing is empty."""
    return f"""concat({", '|', ".join(read)})"""


def found(coded: Coded, columns: Columns, codes: Mapping[str, CodeMap]) -> str:
    """SQL of what the code map says: null for a code it does not hold, empty text for one without a value.

    DuckDB looks a constant map up once for each entry of a column's dictionary, not for each row, as long as only
    functions stand between them: so an empty text is looked up like any other.
    """
    x, known, bars = key(coded, columns, codes), codes[coded.codes], len(coded.of) - 1
    read = [
        columns.raw(part)
        if isinstance(part, str) and columns.native(part) == "VARCHAR"
        else value(part, columns, codes)
        for part in coded.of
    ]
    exact = {
        code: target
        for code, target in known.items()
        if not code.endswith("*") and (not bars or (code.count("|") == bars and code.strip("|")))
    }
    starts = {code[:-1]: target for code, target in known.items() if code.endswith("*") and code != "*"}
    lookups = [_exact(read, exact)] if exact else []
    if starts:
        longest_first = "|".join(re.escape(start) for start in sorted(starts, key=len, reverse=True))
        start = f"regexp_extract({x if bars else read[0]}, {text(f'^(?:{longest_first})')})"
        lookups.append(f"map_extract_value({_sql_map(starts)}, {start})")
    if "*" in known:
        lookups.append(f"CASE WHEN {x} IS NOT NULL THEN {text(known['*'] or '')} END")
    return f"coalesce({', '.join([*lookups, 'NULL'])})"


def _exact(read: Sequence[str], codes: CodeMap) -> str:
    """SQL of a lookup: of several values first the first, then the others in what is left of the map."""
    if len(read) == 1:
        return f"map_extract_value({_sql_map(codes)}, {read[0]})"
    nested: dict[str, dict[str, str | None]] = {}
    for code, target in codes.items():
        first, _, rest = code.partition("|")
        nested.setdefault(first, {})[rest] = target
    outer = ", ".join(f"{text(first)}: {_sql_map(rest)}" for first, rest in nested.items())
    return f"map_extract_value(map_extract_value(MAP {{{outer}}}, {_barred(read[:1])}), {_barred(read[1:])})"


def _sql_map(codes: CodeMap) -> str:
    entries = ", ".join(f"{text(code)}: {text(target or '')}" for code, target in codes.items())
    return f"MAP {{{entries}}}"


def _decoded(coded: Coded, columns: Columns, codes: Mapping[str, CodeMap]) -> str:
    known, x = found(coded, columns, codes), key(coded, columns, codes)
    if coded.only_known:
        return f"nullif({known}, '')"
    rest = x if coded.otherwise is None else f"CASE WHEN {x} IS NOT NULL THEN {text(coded.otherwise)} END"
    return f"nullif(coalesce({known}, {rest}), '')"


def holds(condition: Condition, columns: Columns) -> str:
    """SQL that is true for the rows that fulfil every part of a condition, and false, never null, for others."""
    tests = [_one_of(columns.text(column), listed) for column, listed in condition.values.items()]
    tests += [f"{columns.text(column)} IS NOT NULL" for column in condition.present]
    tests += [f"{columns.text(column)} IS NULL" for column in condition.missing]
    if condition.differ:
        tests.append(" <> ".join(columns.text(column) for column in condition.differ))
    if condition.any_of:
        tests.append(" OR ".join(holds(one, columns) for one in condition.any_of))
    tests += [f"NOT {holds(one, columns)}" for one in condition.none]
    return f"coalesce({' AND '.join(f'({test})' for test in tests)}, FALSE)"


def _one_of(x: str, listed: tuple[str, ...]) -> str:
    """SQL of whether a value is one of the codes, or begins as one that ends in `*` does."""
    tests = [f"starts_with({x}, {text(code[:-1])})" for code in listed if code.endswith("*")]
    if exact := [code for code in listed if not code.endswith("*")]:
        tests.append(f"{x} IN ({', '.join(map(text, exact))})")
    return " OR ".join(tests)


def lookups(
    expression: Any, columns: Columns, codes: Mapping[str, CodeMap], where: str = "TRUE"
) -> Iterator[tuple[Coded, str, str]]:
    """Every code lookup in an expression, with SQL of the rows that come to it and of its unknown codes among them.

    Of lookups that follow each other in a `first_of` only the first unknown code counts, and only if no later one is
    known without a flag.
    """

    def unknown(coded: Any) -> str:
        return f"({key(coded, columns, codes)} IS NOT NULL AND {found(coded, columns, codes)} IS NULL)"

    if isinstance(expression, Coded):
        yield expression, where, f"{where} AND {unknown(expression)}"
    reached = []
    for part in parts(expression):
        here = where
        if isinstance(expression, FirstOf):
            where = f"{where} AND {value(part, columns, codes)} IS NULL"
        elif isinstance(expression, Choice):
            holding = holds(expression.when, columns)
            here = f"{where} AND {holding if part is expression.then else f'NOT {holding}'}"
        reached.append((part, here))
    chained = [isinstance(expression, FirstOf) and isinstance(part, Coded) for part, _ in reached]
    for i, (part, here) in enumerate(reached):
        for coded, there, unknown_there in lookups(part, columns, codes, here):
            others = [unknown(reached[j][0]) for j in range(i) if chained[j]]
            others += [
                f"({reached[j][1]} AND {found(reached[j][0], columns, codes)} IS NOT NULL)"
                for j in range(i + 1, len(reached))
                if chained[j] and not reached[j][0].flag
            ]
            spoken_for = f" AND NOT ({' OR '.join(others)})" if coded is part and chained[i] and others else ""
            yield coded, there, unknown_there + spoken_for
