"""What a sample of an unknown column looks like; values are looked at here and go no further, except common codes."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow.parquet as pq

from ennakointi.schema import CODE, DATE, FLAG, IDENTIFIER, MONTH, NUMBER, TIMESTAMP, WHOLE, Column
from ennakointi.sources.csv_encoding import UTF_8, WINDOWS, byte_order_mark
from ennakointi.sources.delimited import DELIMITERS
from ennakointi.sources.discovery import entries, form_of
from ennakointi.sources.source import CSV, PARQUET

ROWS = 20_000  # of each file that are looked at
LEAST = 10  # rows that a code has before it is shown
_CODES_AT_MOST = 100
_LONGEST_CODE = 40
_BYTES = 10_000_000
_POOLED = 100_000  # rows of files with the same columns
_SHAPED = 2_000  # values whose shape is looked at
_SHAPES = {
    "time": re.compile(r"(\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4})[ T]\d{1,2}[:.]\d\d.*"),
    "date": re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4}"),
    "month": re.compile(r"\d{4}-\d\d"),
    "municipality": re.compile(r"\d{3}"),
    "atc": re.compile(r"[A-Z]\d\d[A-Z]{2}\d\d"),
    "icpc2": re.compile(r"[ABDFHKLNPRSTUWXYZ]\d\d|-\d\d"),
    "diagnosis": re.compile(r"[A-Z]\d\d([.0-9A-Z*&+#-].*)?|-\d\d"),
    "number": re.compile(r"-?\d+([.,]\d+)?"),
}
_MOST = 0.95  # of the values have the shape


@dataclass(frozen=True)
class Contents:
    """A sample of one column; missing values are empty text."""

    name: str
    values: Sequence[str] = field(repr=False)

    def after(self, earlier: Contents | None) -> Contents:
        """This sample behind one of an earlier file, unless that one is large enough."""
        if earlier is None:
            return self
        return earlier if len(earlier.values) > _POOLED else Contents(self.name, [*earlier.values, *self.values])

    @cached_property
    def given(self) -> list[str]:
        return [value for value in self.values if value]

    @cached_property
    def counts(self) -> Counter[str]:
        return Counter(self.given)

    @cached_property
    def shapes(self) -> dict[str, float]:
        """The part of the values that has each shape."""
        some = self.given[:_SHAPED]
        return {
            shape: sum(1 for value in some if form.fullmatch(value)) / max(len(some), 1)
            for shape, form in _SHAPES.items()
        }

    @property
    def unique(self) -> bool:
        """Whether every row holds a value of its own."""
        return len(self.counts) == len(self.values) > 0

    def has(self, shape: str) -> bool:
        """Whether nearly all values have a shape."""
        return self.shapes[shape] >= _MOST

    @property
    def system(self) -> str | None:
        """`icpc2` or `icd10`, if the column holds diagnoses."""
        if not self.has("diagnosis") or self.has("atc"):
            return None
        return "icpc2" if self.shapes["icpc2"] == 1 else "icd10"

    @cached_property
    def codes(self) -> dict[str, int]:
        """Codes with at least LEAST rows, commonest first; empty for what may be an identifier or free text."""
        few = len(self.counts) <= _CODES_AT_MOST and len(self.counts) * LEAST <= len(self.given)
        if not few or self.has("time") or self.has("date") or max(map(len, self.counts), default=0) > _LONGEST_CODE:
            return {}
        return {code: n for code, n in self.counts.most_common() if n >= LEAST}

    def shared(self, known: Collection[str]) -> float:
        """The part of the values that is among the known; `prefix*` stands for every value that begins so."""
        starts = tuple(code[:-1] for code in known if len(code) > 1 and code.endswith("*"))
        begun = sum(n for value, n in self.counts.items() if value.startswith(starts) and value not in known)
        return (begun + sum(self.counts[value] for value in {*known} & self.counts.keys())) / max(len(self.given), 1)


def fit(column: Column, contents: Contents, key: bool, listed: Collection[str]) -> tuple[float, str]:
    """How well a sample fits a contract column: 0 = cannot be, 0.5 = says nothing, 1 = well; and in what it fits.

    `key`: the column identifies the rows of its table. `listed`: codes that stand for the column in the contract
    or in a mapping document.
    """
    if not contents.given:
        return 0.3, "empty"
    if column.required and len(contents.given) < len(contents.values) / 2:
        return 0.1, "often empty"
    if key:
        return (0.8, "every value differs") if contents.unique and not contents.has("time") else (0.0, "")
    tests: Mapping[str, tuple[tuple[str, float], ...]] = {
        TIMESTAMP: (("time", 1.0), ("date", 0.6)),
        DATE: (("date", 1.0), ("time", 0.7)),
        MONTH: (("month", 1.0), ("date", 0.9)),
        NUMBER: (("number", 0.7),),
        WHOLE: (("number", 0.7),),
    }
    if column.kind in tests:
        return next(((score, shape) for shape, score in tests[column.kind] if contents.has(shape)), (0.0, ""))
    if contents.has("time") or contents.has("date"):
        return 0.0, ""
    if column.kind == FLAG:
        return (0.6, "two values") if len(contents.counts) <= 2 else (0.0, "")
    if column.kind == IDENTIFIER:
        return (0.5, "") if len(contents.counts) > 2 else (0.0, "")
    return _fit_code(column, contents, listed)


def _fit_code(column: Column, contents: Contents, listed: Collection[str]) -> tuple[float, str]:
    if column.name == "atc":
        return (1.0, "ATC codes") if contents.has("atc") else (0.0, "")
    if column.name in ("code", "diagnosis"):
        return (0.9, f"{contents.system} codes") if contents.system else (0.0, "")
    if column.pattern:
        return (0.8, "three digits") if contents.has("municipality") and len(contents.counts) < 320 else (0.0, "")
    telling = [code for code in listed if len(code) > 1]
    if contents.shared(telling) > 0.6:
        return 1.0, "known codes"
    closed = column.codes or column.vocabulary
    if column.kind == CODE and closed and not contents.codes:
        return 0.0, ""
    return 0.5, ""


def files_by_name(folder: Path) -> dict[str, list[tuple[str, Path]]]:
    """The CSV and Parquet files of a folder with their forms, by their name without ending; those of a subfolder
    together.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    found: dict[str, list[tuple[str, Path]]] = {}
    for path in entries(folder):
        for file in entries(path) if path.is_dir() else [path]:
            if (form := form_of(file)) in (CSV, PARQUET):
                found.setdefault(path.stem, []).append((form, file))
    return found


def sample(files: Sequence[tuple[str, Path]]) -> dict[str, Contents]:
    """The columns of the first rows of the first and the last of a table's files; CSV and Parquet."""
    columns: dict[str, list[str]] = {}
    for form, path in dict.fromkeys((files[0], files[-1])):
        header, rows = {CSV: _csv, PARQUET: _parquet}[form](path)
        for place, name in enumerate(header):
            columns.setdefault(name, []).extend(row[place].strip() for row in rows)
    return {name: Contents(name, values) for name, values in columns.items()}


def _parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    with pq.ParquetFile(path) as content:
        batch = next(content.iter_batches(ROWS), None)
        names = content.schema_arrow.names
    made = [] if batch is None else [["" if v is None else str(v) for v in column.to_pylist()] for column in batch]
    return names, [list(row) for row in zip(*made, strict=True)]


def _csv(path: Path) -> tuple[list[str], list[list[str]]]:
    with path.open("rb") as lines:
        head = lines.read(_BYTES)
    text = _decoded(head)
    first = text.splitlines()[0] if text else ""
    delimiter = max(DELIMITERS, key=lambda mark: len(next(csv.reader([first], delimiter=mark), [])))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header = [name.strip() for name in next(rows, [])]
    return header, list(_whole(rows, len(header)))


def _whole(rows: Iterator[list[str]], n_columns: int) -> Iterator[list[str]]:
    for row, _ in zip(rows, range(ROWS)):
        if len(row) == n_columns:
            yield row


def _decoded(head: bytes) -> str:
    announced, start = byte_order_mark(head)
    decoder = codecs.getincrementaldecoder(announced or UTF_8)()  # the sample may end inside a character
    try:
        return decoder.decode(head[start:])
    except UnicodeDecodeError:
        return head.decode(WINDOWS, "replace")
