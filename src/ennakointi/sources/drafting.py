"""A mapping document drafted from files with unknown headers: each column is matched by its name and its content.

No value of a person is written: only codes of columns that are code lists, each with at least ten rows.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ennakointi.errors import DataError, ParameterError
from ennakointi.parameters.documents import Label
from ennakointi.parameters.mappings import Coded, MappingDocument, walk
from ennakointi.schema import AGGREGATE_TABLE, DATE, FLAG, TABLES, TIMESTAMP, Column, Table
from ennakointi.sources import draft_words
from ennakointi.sources.draft_contents import LEAST, Contents, files_by_name, fit, sample
from ennakointi.sources.draft_words import plain

_NAME, _CONTENT = 0.65, 0.35  # weights of the two kinds of evidence
_LEAST_CERTAIN = 0.4
_ALONE = 0.5  # what a telling content is worth under a name that says nothing; with at least so many values:
_TELLING = {"known codes": 2, "ATC codes": 10, "icd10 codes": 40, "icpc2 codes": 40, "the persons' ids": 2}
_BOOLEANS = {"true": "1 k kylla ja j yes true", "false": "0 e ei nej no false"}
_DAY = "^([^ T]+)"
_NOT_BARE = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}  # words that YAML reads as something else


class Labelled(Protocol):
    """A service of the parameters."""

    @property
    def label(self) -> Label: ...


@dataclass(frozen=True)
class Found:
    """The delivered column that a contract column is probably in, and why."""

    source: str
    certainty: float
    why: str


@dataclass(frozen=True)
class _Known:
    """Names and codes that stand for the contract's in other documents; words for tables."""

    names: dict[tuple[str, str], dict[str, tuple[float, str]]]
    codes: dict[tuple[str, str], dict[str, str]]
    tables: dict[str, set[str]]
    services: Mapping[str, Labelled]


@dataclass(frozen=True)
class _Input:
    """Files that hold the same columns; the table they probably are, and the columns found of it."""

    name: str
    files: tuple[str, ...]
    contents: dict[str, Contents] = field(repr=False)
    table: str | None = None
    found: dict[str, Found] = field(default_factory=dict)
    score: float = 0.0

    @property
    def lacking(self) -> list[str]:
        """Required columns that are not found."""
        required = TABLES[self.table].required if self.table else ()
        given = {*self.found, "system"} if self.system else set(self.found)
        return [column for column in required if column not in given]

    @property
    def system(self) -> str | None:
        """The system of the diagnosis codes, where no column tells it."""
        code = self.found.get("code" if self.table == "diagnoses" else "diagnosis")
        told = "system" in self.found or "diagnosis_system" in self.found
        return self.contents[code.source].system if code and not told else None


def draft(folder: Path, mappings: Mapping[str, MappingDocument], services: Mapping[str, Labelled]) -> tuple[str, str]:
    """A mapping document in YAML for the CSV and Parquet files of a folder, and one sentence about it.

    Parameters
    ----------
    folder : Path
    mappings : mapping of str to MappingDocument
        Documents whose names and codes are known.
    services : mapping of str to Labelled
        The services by code.

    Raises
    ------
    DataError
        The folder cannot be read or holds no CSV or Parquet file.
    """
    groups = files_by_name(folder)
    if not groups:
        raise DataError(f"{folder}: holds no CSV or Parquet file; a mapping is drafted from those")
    known = _knowledge(mappings, services)
    inputs = _inputs(groups)
    first = [_best(one, known, frozenset()) for one in inputs]
    persons = max((one for one in first if one.table == "persons"), key=lambda one: one.score, default=None)
    ids = (
        frozenset(persons.contents[persons.found["person_id"].source].given)
        if persons and not persons.lacking
        else frozenset()
    )
    drafted = [_best(one, known, ids) for one in inputs]
    whole = sum(one.table is not None and not one.lacking for one in drafted)
    said = f"{whole} of {len(drafted)} kinds of files look like tables of the contract"
    return "\n".join(_document(drafted, known)) + "\n", said


def write(text: str, file: Path) -> None:
    """Write a draft; nothing that exists is overwritten.

    Raises
    ------
    ParameterError
        The file exists, or cannot be written.
    """
    try:
        with file.open("x", encoding="utf-8") as place:
            place.write(text)
    except FileExistsError as error:
        raise ParameterError(f"--draft-mapping {file}: exists already; give another name") from error
    except OSError as error:
        raise ParameterError(f"--draft-mapping {file}: cannot be written ({error.strerror})") from error


def _knowledge(mappings: Mapping[str, MappingDocument], services: Mapping[str, Labelled]) -> _Known:
    """Everything that names or codes a contract column, from the shipped documents and the list of words."""
    known = _Known({}, {}, {}, services)
    for table, declared in TABLES.items():
        known.tables[table] = {table, *draft_words.TABLES.get(table, "").split()}
        for column in declared.columns:
            words = draft_words.COLUMNS.get(f"{table}.{column.name}") or draft_words.COLUMNS.get(column.name, "")
            names = dict.fromkeys(words.split(), (0.9, "a word for it"))
            known.names[table, column.name] = {**names, column.name: (1.0, "the contract's name")}
            known.codes[table, column.name] = {}
    for document in mappings.values():
        for table, selections in document.tables.items():
            for position, selection in enumerate(selections):
                known.tables[table] |= {plain(one) for one in (selection.of, *document.inputs[selection.of].files)}
                again = selection.of in [one.of for one in selections[:position]]
                for name, expression in selection.columns.items():
                    _learn(known, document, (table, name), walk(expression), 0.7 if again else 0.95)
    return known


def _learn(
    known: _Known, document: MappingDocument, place: tuple[str, str], expressions: Sequence[object], surest: float
) -> None:
    """What one expression of a document tells about a contract column; the first column it names is the surest."""
    named = [one for one in expressions if isinstance(one, str) and "." not in one]
    for position, name in enumerate(named):
        certainty = surest if position == 0 else 0.7
        known.names[place].setdefault(plain(name), (certainty, f"as in {document.id}"))
    for one in expressions:
        if isinstance(one, Coded) and len(one.of) == 1:
            codes = document.codes[one.codes]
            known.codes[place] |= {code: target for code, target in codes.items() if target and code != "*"}


def _inputs(groups: Mapping[str, list[tuple[str, Path]]]) -> list[_Input]:
    """Files with the same columns together, with a sample of the rows of each."""
    together: dict[tuple[str, ...], _Input] = {}
    for name, files in groups.items():
        contents = {column: one for column, one in sample(files).items() if column and "." not in column}
        one = together.get(tuple(contents), _Input(_identifier(name), (), {}))
        pooled = {column: made.after(one.contents.get(column)) for column, made in contents.items()}
        if pooled:
            together[tuple(contents)] = replace(one, files=(*one.files, name), contents=pooled)
    return list(together.values())


def _identifier(name: str) -> str:
    word = re.sub(r"(_\d+)+$", "", plain(name)) or "input"
    return word if word.isidentifier() else f"t_{word}"


def _best(given: _Input, known: _Known, ids: frozenset[str]) -> _Input:
    """The input as the contract table that explains most of its columns; without a table if none does."""
    tried = [_as_table(given, table, known, ids) for name, table in TABLES.items() if name != AGGREGATE_TABLE]
    best = max(tried, key=lambda one: one.score)
    enough = len(best.lacking) * 2 < len(TABLES[str(best.table)].required)
    return best if enough else given


def _as_table(given: _Input, table: Table, known: _Known, ids: frozenset[str]) -> _Input:
    pairs = [
        (found.certainty, column.name, found)
        for column in table.columns
        for contents in given.contents.values()
        if (found := _evidence(table, column, contents, known, ids)).certainty >= _LEAST_CERTAIN
    ]
    chosen: dict[str, Found] = {}
    for _, column, found in sorted(pairs, key=lambda pair: -pair[0]):
        if column not in chosen and found.source not in {one.source for one in chosen.values()}:
            chosen[column] = found
    chosen |= _only_time(table, given, chosen)
    read = replace(given, table=table.name, found={name: chosen[name] for name in table.names if name in chosen})
    explained = sum(one.certainty for one in chosen.values()) / len(given.contents)
    complete = 1 - len(read.lacking) / len(table.required)
    return replace(read, score=complete + explained + _called(plain(given.files[0]), known.tables[table.name]) / 2)


def _only_time(table: Table, given: _Input, chosen: Mapping[str, Found]) -> dict[str, Found]:
    """A required time that no name gives is in the only column of times that is left."""
    missing = [c for c in table.columns if c.required and c.kind in (DATE, TIMESTAMP) and c.name not in chosen]
    used = {one.source for one in chosen.values()}
    left = [c for c in given.contents.values() if c.name not in used and (c.has("time") or c.has("date"))]
    if len(missing) != 1 or len(left) != 1:
        return {}
    return {missing[0].name: Found(left[0].name, _LEAST_CERTAIN, "the only time left")}


def _called(stem: str, words: set[str]) -> float:
    """How well the name of a file fits the words for a table."""
    if stem in words:
        return 1.0
    if any(f"_{word}_" in f"_{stem}_" for word in words):
        return 0.8
    return 0.6 if difflib.get_close_matches(stem, words, n=1, cutoff=0.8) else 0.0


def _evidence(table: Table, column: Column, contents: Contents, known: _Known, ids: frozenset[str]) -> Found:
    """How certainly a delivered column holds a contract column."""
    key = table.key == (column.name,)
    content, shape = fit(column, contents, key, [*_closed(column, known), *known.codes[table.name, column.name]])
    if column.name == "person_id" and not key and ids and contents.shared(ids) > 0.5:
        content, shape = 1.0, "the persons' ids"
    name, why = _named(plain(contents.name), known.names[table.name, column.name])
    telling = len(contents.counts) >= _TELLING.get(shape, len(contents.counts) + 1)
    if not content or not (name or telling):
        return Found(contents.name, 0.0, "")
    certainty = _NAME * name + _CONTENT * content if name else _ALONE
    return Found(contents.name, round(certainty, 2), "; ".join(part for part in (why, shape) if part))


def _named(given: str, names: Mapping[str, tuple[float, str]]) -> tuple[float, str]:
    """How well a column's name fits those that are known, and how."""
    if given in names:
        return names[given]
    inside = [word for word in names if len(word) > 3 and f"_{word}_" in f"_{given}_"]
    if inside:
        return 0.75, f"holds {max(inside, key=len)}"
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.8)
    return (0.6, f"resembles {near[0]}") if near else (0.0, "")


def _closed(column: Column, known: _Known) -> tuple[str, ...]:
    """The closed list of a column's codes, empty if it is open."""
    if column.kind == FLAG:
        return ("true", "false")
    return tuple(known.services) if column.vocabulary else column.codes


def _document(inputs: Sequence[_Input], known: _Known) -> Iterator[str]:
    """The lines of the draft."""
    maps: dict[str, list[str]] = {}
    yield "# Drafted from names and contents. Look through every line; `?` marks what is to be decided, and the number"
    yield "# before each reason says how certain the guess is (0-1). Words of the form: docs/mappings.md."
    yield 'label: {fi: "?", sv: "?", en: "?"}'
    yield from ("", "inputs:")
    for one in inputs:
        needed = (
            [_scalar(one.found[c].source) for c in TABLES[one.table].required if c in one.found] if one.table else []
        )
        yield f"  {one.name}:  # {len(one.contents)} columns"
        yield f"    files: [{', '.join(map(_scalar, one.files))}]"
        yield f"    columns: [{', '.join(needed)}]"
    yield from ("", "tables:")
    for table in TABLES:
        parts = [one for one in inputs if one.table == table]
        lines = [_selection(one, known, maps) for one in parts]
        usable = any(not one.lacking for one in parts)
        if parts:
            yield f"  {table}:" if usable else f"#   {table}:"
        for one, made in zip(parts, lines, strict=True):
            yield from (f"# {line}" for line in made) if one.lacking else made
    for one in (one for one in inputs if one.table is None):
        yield f"  # {one.name}: ?  looks like no table of the contract; columns: {', '.join(one.contents)}"
    if maps:
        yield from ("", "codes:")
        yield from (line for lines in maps.values() for line in lines)


def _selection(one: _Input, known: _Known, maps: dict[str, list[str]]) -> list[str]:
    """The lines of one selection; adds the code maps that it needs."""
    table = TABLES[str(one.table)]
    lines = [f"    - of: {one.name}"]
    lines += [f"      # {column}: ?  is required and nothing fits" for column in one.lacking]
    lines.append("      columns:")
    for column in table.columns:
        if found := one.found.get(column.name):
            given = _expression(table, column, one, known, maps)
            lines.append(f"        {column.name}: {given}  # {found.certainty:g} {found.why}")
    if one.system:
        source = one.found["code" if table.name == "diagnoses" else "diagnosis"].source
        constant = f"{{constant: {one.system}}}"
        told = (
            constant if table.name == "diagnoses" else f"{{when: {{present: [{_scalar(source)}]}}, then: {constant}}}"
        )
        lines.append(
            f"        {'system' if table.name == 'diagnoses' else 'diagnosis_system'}: {told}  # as the codes look"
        )
    told_by_codes = {"system", "diagnosis_system"} if one.system else set()
    absent = [name for name in table.names if name not in {*one.found, *one.lacking, *told_by_codes}]
    unused = [name for name in one.contents if name not in {found.source for found in one.found.values()}]
    lines += [f"      # not found: {', '.join(absent)}"] if absent else []
    lines += [f"      # not used: {', '.join(unused)}"] if unused else []
    return lines


def _expression(table: Table, column: Column, one: _Input, known: _Known, maps: dict[str, list[str]]) -> str:
    """The delivered column as it is, or by its day, or through a code map that is added."""
    contents, source = one.contents[one.found[column.name].source], _scalar(one.found[column.name].source)
    if column.kind == DATE and contents.has("time"):
        return f"{{match: {_scalar(_DAY)}, of: {source}}}"
    closed = _closed(column, known)
    if not closed or contents.shared(closed) == 1 or not contents.given:
        return source
    name = f"{one.name}_{column.name}"
    lines = [f"  {name}:  # {table.name}.{column.name}: {', '.join(closed[:12])}{', …' if len(closed) > 12 else ''}"]
    for code, n in contents.codes.items():
        guess = _guess(code, table, column, known)
        told = f"{guess}  # {n} rows" if guess else f"null  # ?  {n} rows"
        lines.append(f"    {_scalar(code, always=True)}: {told}")
    rare = len(contents.counts) - len(contents.codes)
    lines += [f"    # {rare} more codes have fewer than {LEAST} rows in the sample"] if rare else []
    maps[name] = lines if contents.codes else [*lines[:1], '    "?": null  # no code is common enough to be shown']
    return f"{{of: {source}, codes: {name}}}"


def _guess(code: str, table: Table, column: Column, known: _Known) -> str | None:
    """The contract's code that a delivered code probably means."""
    closed, word = _closed(column, known), plain(code)
    learned = known.codes[table.name, column.name]
    starts = [start for start in learned if start.endswith("*") and code.startswith(start[:-1])]
    words = _BOOLEANS if column.kind == FLAG else draft_words.CODES.get(column.name, {})
    called = {each: target for target, listed in words.items() for each in listed.split()}
    if column.vocabulary:
        called |= {plain(text): key for key, service in known.services.items() for text in vars(service.label).values()}
    if word in closed:
        found: str | None = word
    elif code in learned or starts:
        found = learned.get(code) or learned[max(starts, key=len)]
    else:
        near = [word] if word in called else difflib.get_close_matches(word, [*called, *closed], n=1, cutoff=0.85)
        found = called.get(near[0], near[0]) if near else None
    if found is None or found not in closed:
        return None
    return _scalar(found, always=column.kind == FLAG)


def _scalar(text: str, always: bool = False) -> str:
    """A text as a YAML scalar."""
    bare = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) and text.lower() not in _NOT_BARE
    return text if bare and not always else json.dumps(text, ensure_ascii=False)
