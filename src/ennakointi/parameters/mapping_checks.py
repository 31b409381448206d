"""What a mapping document names must exist: inputs, joins, code maps, columns and codes of the data contract."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ennakointi.parameters.mappings import (
    Choice,
    Coded,
    Condition,
    Constant,
    FirstOf,
    MappingDocument,
    Match,
    Selection,
    conditions,
    parts,
    references,
    walk,
)
from ennakointi.schema import TABLES
from ennakointi.spelling import did_you_mean

Vocabularies = Mapping[str, Collection[str]]


def faults(document: MappingDocument, vocabularies: Vocabularies) -> list[str]:
    """A sentence for everything that a mapping document names and nobody knows, with its key path.

    Parameters
    ----------
    document : MappingDocument
    vocabularies : mapping of str to collection of str
        Lists that come from other documents: `services`, and `results` that can be refused.
    """
    selections = [
        (f"tables.{table}[{i}]", table, selection)
        for table, listed in document.tables.items()
        for i, selection in enumerate(listed)
    ]
    found = [f"inputs.{one}: {_NO_NAME}" for one in document.inputs if not one.isidentifier()]
    found += _unknown("tables", document.tables, TABLES, "a table of the data contract")
    for place, table, selection in selections:
        found += _selection_faults(document, place, selection)
        if table in TABLES:
            found += _column_faults(document, place, table, selection, vocabularies)
    expressions = [part for *_, one in selections for given in one.columns.values() for part in walk(given)]
    found += _code_map_faults(document, expressions)
    flags = {one.flag for one in expressions if isinstance(one, Coded) and one.flag}
    found += _unknown("limits", document.limits, flags, "the flag of a code lookup")
    for flag, results in document.limits.items():
        found += _unknown(f"limits.{flag}", results, vocabularies["results"], "a result of quality.yml")
    places = {*TABLES, *(f"{table}.{column}" for table, one in TABLES.items() for column in one.names)}
    found += _unknown(
        "unavailable", [one.place for one in document.unavailable], places, "a place of the data contract"
    )
    return list(dict.fromkeys(found))


_NO_NAME = "name it with letters, digits and underscores only; other names of its files go under `files`"


def _unknown(place: str, given: Collection[str], known: Collection[str], kind: str) -> Iterator[str]:
    for one in given:
        if one not in known:
            yield f"{place}: {one!r} is not {kind}{did_you_mean(one, known)}"


def _selection_faults(document: MappingDocument, place: str, selection: Selection) -> Iterator[str]:
    """Inputs, joins, conditions, code maps and regular expressions of one selection."""
    yield from _unknown(f"{place}.of", [selection.of], document.inputs, "among `inputs`")
    reachable: list[str] = []
    for joined, join in selection.joins.items():
        where = f"{place}.joins.{joined}"
        yield from _unknown(where, [join.of or joined], document.inputs, "among `inputs`")
        if joined == selection.of or not joined.isidentifier():
            yield f"{where}: needs a name of its own without dots; give the input as `of`"
        if "." in join.by:
            yield from _unknown(f"{where}.by", [join.by.rpartition(".")[0]], reachable, "an earlier join")
        reachable.append(joined)
    named = [one.rpartition(".")[0] for one in references(selection) if "." in one]
    yield from _unknown(place, named, selection.joins, "among the joins")
    for where, condition in _conditions(place, selection):
        if condition == Condition():
            yield f"{where}: is empty; give values, present, missing, differ, any_of or none"
    for column, expression in selection.columns.items():
        for part in walk(expression):
            where = f"{place}.columns.{column}"
            if isinstance(part, Coded):
                yield from _unknown(where, [part.codes], document.codes, "a code map under `codes`")
                yield from _coded_faults(document, where, part)
            if isinstance(part, Match) and (why := _no_expression(part.match)):
                yield f"{where}: the regular expression {part.match!r} {why}"


def _coded_faults(document: MappingDocument, place: str, coded: Coded) -> Iterator[str]:
    """Settings of a code lookup that exclude each other, and codes that it can never find."""
    if coded.only_known and coded.otherwise is not None:
        yield f"{place}: give `otherwise` or `only_known`, not both"
    bars = len(coded.of) - 1
    for code in document.codes.get(coded.codes, ()):
        if bars and not code.endswith("*") and code.count("|") != bars:
            yield f"codes.{coded.codes}: {code!r} is looked up in {bars + 1} columns joined by `|`, as in `T11|R10`"


def _conditions(place: str, selection: Selection) -> Iterator[tuple[str, Condition]]:
    """Every condition of a selection, also inside others, with its key path."""
    for joined, join in selection.joins.items():
        yield from ((f"{place}.joins.{joined}.where", one) for one in (conditions(join.where) if join.where else ()))
    for i, exclusion in enumerate(selection.exclude):
        yield from ((f"{place}.exclude[{i}].where", one) for one in conditions(exclusion.where))
    for column, expression in selection.columns.items():
        for part in walk(expression):
            if isinstance(part, Choice):
                yield from ((f"{place}.columns.{column}.when", one) for one in conditions(part.when))


def _no_expression(pattern: str) -> str | None:
    """Why a regular expression cannot be used, None if it can."""
    try:
        groups = re.compile(pattern).groups
        pc.match_substring_regex(pa.array([""]), pattern)
    except (re.error, pa.ArrowInvalid):
        return "cannot be read; write it as RE2 knows it (no look-around, no back references)"
    return None if groups else "has no group: put parentheses around the part that is the value"


def _column_faults(
    document: MappingDocument, place: str, table: str, selection: Selection, vocabularies: Vocabularies
) -> Iterator[str]:
    """Columns against the contract: names, required ones, and the values that the document itself writes."""
    contract = TABLES[table]
    yield from _unknown(f"{place}.columns", selection.columns, contract.names, f"a column of {table}")
    if absent := [column for column in contract.required if column not in selection.columns]:
        yield f"{place}.columns: the required columns {', '.join(absent)} are missing"
    for column, expression in selection.columns.items():
        if column not in contract.names:
            continue
        declared = contract[column]
        listed = declared.codes or vocabularies.get(declared.vocabulary or "", ())
        for where, value in _written(document, f"{place}.columns.{column}", expression):
            if listed and value not in listed:
                yield f"{where}: {value!r} is not in the code list of {table}.{column}{did_you_mean(value, listed)}"
            elif declared.pattern and not re.fullmatch(declared.pattern, value):
                yield f"{where}: {value!r} is not what {table}.{column} holds (form {declared.pattern})"


def _written(document: MappingDocument, place: str, expression: Any) -> Iterator[tuple[str, str]]:
    """The values that an expression may give by itself, whatever the data hold, with their key paths."""
    match expression:
        case Constant(constant=value):
            yield place, value
        case Coded(codes=name, otherwise=otherwise):
            for code, target in document.codes.get(name, {}).items():
                if target:
                    yield f"codes.{name}.{code}", target
            if otherwise is not None:
                yield f"{place}.otherwise", otherwise
        case FirstOf() | Choice():
            for part in parts(expression):
                yield from _written(document, place, part)


def _code_map_faults(document: MappingDocument, expressions: Collection[Any]) -> Iterator[str]:
    """Code maps that nobody uses, and entries that can never be meant."""
    used = {one.codes for one in expressions if isinstance(one, Coded)}
    for name, known in document.codes.items():
        if name not in used:
            yield f"codes.{name}: no column uses this code map; remove it"
        for code, value in known.items():
            if not code or "*" in code[:-1]:
                yield f"codes.{name}: {code!r} is not a code, a `prefix*` or `*`"
            if value == "":
                yield f"codes.{name}.{code}: write null for a known code without a value"
