"""The rows of a long file (series, period, value), CSV or Parquet, each checked for itself and with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ennakointi.errors import DataError, Fault, ParameterError
from ennakointi.sources import delimited
from ennakointi.sources.csv_records import EncodingError, Records
from ennakointi.sources.info import CsvSettings
from ennakointi.spelling import did_you_mean

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

COLUMNS = ("series", "period", "value")
_MISSING = {"", "na", "n/a", "nan", "null", "none", ".", "..", "..."}  # Statistics Finland writes . and ..
_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
_INFINITE = r"[+-]?inf(?:inity)?"
_SPACES = "(?<=\\d)[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}](?=\\d{3}(?!\\d))"  # between thousands


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that hold anything.

    Attributes
    ----------
    series, periods : (n,) dictionary arrays, nothing missing, values in their order of first appearance.
    values : (n,) counts, NaN where the file has none. places : (n,) line of a CSV file, row of a Parquet file.
    is_text : a CSV file, which has no types.
    """

    name: str
    series: pa.DictionaryArray
    periods: pa.DictionaryArray
    values: Floats
    places: Ints
    is_text: bool
    ignored: tuple[str, ...]

    @property
    def series_codes(self) -> Ints:
        return _codes(self.series)

    @property
    def period_codes(self) -> Ints:
        return _codes(self.periods)

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        return _place(self.name, self.places, self.is_text, row)

    def first(self, period: int) -> str:
        """Where one of the different periods stands first."""
        return self.place(int(np.argmax(self.period_codes == period)))

    def label(self, row: int) -> str:
        """Series and period of a row, for messages."""
        return f"series {self.series[row].as_py()!r}, period {self.periods[row].as_py()!s}"


def _codes(column: pa.DictionaryArray) -> Ints:
    return column.indices.to_numpy(zero_copy_only=False).astype(np.int64)


def _place(name: str, places: Ints, is_text: bool, row: int) -> str:
    return f"{name}, {'line' if is_text else 'row'} {places[row]}"


def read(path: Path) -> Rows:
    """The rows of a file; a Parquet file is told by its first bytes, anything else is CSV.

    Raises
    ------
    DataError
        No such column, no rows, no name or period, lines that cannot be read, values that are no counts.
    ParameterError
        There is no such file.
    """
    if not path.is_file():
        raise ParameterError(f"{path}: there is no such file; give one CSV or Parquet file")
    try:
        with path.open("rb") as file:
            head = file.read(4)
        if not head:
            raise DataError(f"{path.name} is empty: write the columns series, period, value and their rows")
        if head in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0") or head.startswith(b"\x1f\x8b"):
            raise DataError(f"{path.name} is a workbook or packed: save it as plain CSV or as Parquet")
        table, places, ignored, mark = _parquet(path) if head == b"PAR1" else _csv(path)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror}): ask for read access") from error
    return _checked(path.name, table, places, ignored, mark)


def _checked(name: str, table: pa.Table, places: Ints, ignored: tuple[str, ...], mark: str | None) -> Rows:
    """Rows of a table with the three columns; `mark`: the delimiter of a CSV file."""
    if not len(table):
        raise DataError(f"{name} holds no rows: only the header was found")
    is_text = mark is not None
    for column in COLUMNS[:2]:
        if pa.types.is_nested(table[column].type) and not pa.types.is_dictionary(table[column].type):
            raise DataError(f"{name}: `{column}` has the type {table[column].type}: store it as text or as a number")
        gone = _blank(table[column])
        if gone.any():
            where = _place(name, places, is_text, int(np.argmax(gone)))
            raise DataError(f"{where}: `{column}` is empty ({_rows(gone)}): every row needs it")
    series, periods = (_encoded(table[column]) for column in COLUMNS[:2])
    raw = table["value"].combine_chunks()
    text = pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type)
    values, odd = _numbers(raw, mark) if text else (_floats(name, raw), None)
    rows = Rows(name, series, periods, values, places, is_text, ignored)
    if odd is not None and odd[0].any():
        first = int(np.argmax(odd[0]))
        raise DataError(f"{rows.place(first)}: value {raw[first].as_py()[:30]!r} {odd[1]} ({_rows(odd[0])})")
    for wrong, said in (
        (np.isinf(values), "is infinite: leave the value empty where it is not known"),
        (values < 0, "is negative, and a count is 0 or more: correct it, or leave it empty where it is not known"),
    ):
        if wrong.any():
            first = int(np.argmax(wrong))
            raise DataError(f"{rows.place(first)}: value {values[first]:g} {said} ({_rows(wrong)})")
    return rows


def _blank(column: pa.ChunkedArray) -> Mask:
    """Which names or periods are missing, not a number, or text without a letter."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    column = column.cast(kind)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = _blank_as_missing(column)
    return np.asarray(pc.is_null(column, nan_is_null=True).to_numpy())


def _rows(mask: Mask) -> str:
    n = int(mask.sum())
    return "1 row" if n == 1 else f"{n:,} rows"


def _encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    values = column.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.dictionary_encode()


def _floats(name: str, values: pa.Array) -> Floats:
    kind = values.type
    if pa.types.is_null(kind):
        return np.full(len(values), np.nan)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise DataError(f"{name}: `value` has the type {kind}: store it as a number")
    found = pc.fill_null(values.cast(pa.float64(), safe=False), np.nan)
    return np.asarray(found.to_numpy(zero_copy_only=False), float)


def _numbers(texts: pa.Array, mark: str | None) -> tuple[Floats, tuple[Mask, str] | None]:
    """Numbers with one decimal mark and spaces between thousands; beside them which are none, and why."""
    found = texts.dictionary_encode()
    codes = pc.fill_null(found.indices, -1).to_numpy(zero_copy_only=False)
    words = pd.Series(["", *found.dictionary.to_pylist()], dtype=object).str.strip()
    words = words.str.replace(_SPACES, "", regex=True)
    words = words.mask(words.str.lower().isin(_MISSING), "nan")
    infinite = words.str.lower().str.fullmatch(_INFINITE)
    number = words.str.fullmatch(_NUMBER)
    comma, point = (number & words.str.contains(sign, regex=False) for sign in ",.")
    reasons = [
        (~(number | infinite | (words == "nan")), "is no number: write 1234 or 1234.5, or leave it empty"),
        (comma & bool(point.any()), "has a decimal comma, other values a point: use the same mark in the whole file"),
        (comma & (mark == ","), "has a comma where commas part the columns: write 1234 or 1234.5"),
    ]
    for wrong, said in reasons:
        if wrong.any():
            return np.full(len(texts), np.nan), (wrong.to_numpy(bool)[codes + 1], said)
    return words.str.replace(",", ".", regex=False).astype(float).to_numpy()[codes + 1], None


def _parquet(path: Path) -> tuple[pa.Table, Ints, tuple[str, ...], None]:
    try:
        file = pq.ParquetFile(path)
        chosen, ignored = _columns(path.name, file.schema_arrow.names)
        table = file.read(columns=chosen).select(chosen).rename_columns(COLUMNS)
    except pa.ArrowException as error:
        raise DataError(f"{path.name} is no readable Parquet file ({type(error).__name__}): write it again") from error
    columns = [column.cast(pa.string()) if pa.types.is_string_view(column.type) else column for column in table.columns]
    return pa.table(columns, names=COLUMNS), np.arange(1, len(table) + 1), ignored, None


def _csv(path: Path) -> tuple[pa.Table, Ints, tuple[str, ...], str]:
    """Text of the three columns, empty ones missing, without rows that hold nothing."""
    file = delimited.open_file("long", path, CsvSettings(), COLUMNS)
    if isinstance(file, Fault):
        raise DataError(f"{path.name}, line 1: {file.message if file.rule != 'no_header' else _NO_HEADER}")
    mark = file.csv.delimiter or ","
    chosen, ignored = _columns(path.name, file.columns)
    table, lines = _records(path, file.csv.encoding, mark, file.columns)
    table = table.select([file.columns.index(column) for column in chosen]).rename_columns(COLUMNS)
    table = pa.table({name: _blank_as_missing(table[name]) for name in COLUMNS})
    held = ~np.logical_and.reduce([table[name].is_null().to_numpy() for name in COLUMNS])
    return table.filter(pa.array(held)), lines[held], ignored, mark


_NO_HEADER = "no header with the columns series, period, value, parted by commas, semicolons, tabs or |: write one"


def _blank_as_missing(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.equal(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0), None, column)


def _records(path: Path, encoding: str | None, mark: str, columns: Sequence[str]) -> tuple[pa.Table, Ints]:
    """All fields of a CSV file as text, named by their place, and the line of each record."""
    records = Records(path, encoding, mark, len(columns))
    try:
        body = b"".join(records)
        if records.misjudged:
            records = Records(path, encoding, mark, len(columns), likely=records.letters.encoding)
            body = b"".join(records)
    except EncodingError as error:
        raise DataError(f"{path.name}: its encoding cannot be told: save it as UTF-8") from error
    names = [str(place) for place in range(len(columns))]
    short: list[int] = []
    table = pa.table({name: pa.array([], pa.string()) for name in names})
    if body:

        def note(record: pacsv.InvalidRow) -> str:
            short.append(record.number)
            return "skip"

        table = pacsv.read_csv(
            pa.BufferReader(body),
            pacsv.ReadOptions(use_threads=False, block_size=max(len(body), 1 << 20), column_names=names),
            pacsv.ParseOptions(delimiter=mark, invalid_row_handler=note),
            pacsv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    starts, shifts = np.array(records.shifts or [(1, 1)], np.int64).T

    def lines(record: Ints) -> Ints:
        return record + shifts[np.searchsorted(starts, record, "right") - 1]

    rejected = [*((line, rule) for line, rule, _ in records.rejected)]
    rejected += [(line, "unreadable_line") for line in lines(np.array(short, np.int64)).tolist()]
    if rejected:
        line, rule = min(rejected)
        said = f"({len(rejected)} such lines)" if len(rejected) > 1 else ""
        raise DataError(f"{path.name}, line {line}: {delimited.UNREADABLE[rule]} {said}".rstrip())
    return table, lines(np.arange(1, len(table) + 1))


def _columns(name: str, found: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """The columns as the file names them, whatever their case, and those that are not used."""
    bare = [column.strip().lower() for column in found]
    chosen = []
    for wanted in COLUMNS:
        same = [given for given, low in zip(found, bare) if low == wanted]
        exact = [given for given in same if given == wanted] or same
        if len(exact) > 1:
            raise DataError(f"{name} has {len(exact)} columns {wanted!r}: leave one of them")
        chosen += exact
    missing = [wanted for wanted in COLUMNS if wanted not in bare]
    if missing:
        rest = [column for column, low in zip(found, bare) if low not in COLUMNS]
        near = did_you_mean(missing[0], rest)
        shown = ", ".join(map(str, found[:8])) + (", …" if len(found) > 8 else "")
        raise DataError(
            f"{name} has no column {' and no column '.join(map(repr, missing))}{near or '.'} "
            f"Found: {shown}. A long file has the columns series, period, value"
        )
    return chosen, tuple(column for column in found if column not in chosen)
