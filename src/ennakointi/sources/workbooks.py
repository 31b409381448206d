"""XLSX workbooks for small tables: one sheet is one table, its cells are read as the text a CSV file would hold.

`_row` is the sheet's own row number, so that the quarantine names the row a person sees.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Any
from xml.etree import ElementTree

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from ennakointi.errors import Fault
from ennakointi.sources.info import CsvSettings
from ennakointi.sources.source import XLSX, SourceFile

UNREADABLE = {"error_cell": "a cell holds an error of the spreadsheet, such as #N/A or #DIV/0!"}
MOST_ROWS = 200_000
_LARGEST_BYTES = 1_000_000_000  # unpacked
_OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"
_ERROR_CELL = re.compile(rb'<(?:\w+:)?c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+)(\d+)"')
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
Row = tuple[int, list[Any]]


def open_file(table: str, path: Path, settings: CsvSettings, expected: Collection[str]) -> SourceFile | Fault:
    """The header of the sheet that is the table: the one named like it, else the only one that is not empty."""
    try:
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > _LARGEST_BYTES:
            return _too_large(table, path)
        with CalamineWorkbook.from_path(path) as book:
            sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
    except (CalamineError, zipfile.BadZipFile):
        return Fault(table, None, "damaged_file", 0, _damage(path), path.name)
    filled = {name: sheet for name, sheet in sheets.items() if sheet.height}
    called = [name for name in filled if name.strip().lower() in (table, path.stem.lower())] or list(filled)
    if len(called) != 1:
        found = f"the sheets {', '.join(sheets)} " if filled else "only empty sheets "
        message = f"holds {found}and none of them is called {table}; name one of them so, or leave only one filled"
        return Fault(table, None, "no_sheet", 0, message, path.name)
    if filled[called[0]].height > MOST_ROWS:
        return _too_large(table, path)
    columns = _header(next(_rows(filled[called[0]]))[1])
    if not set(columns) & set(expected):
        message = f"the first row is no header: expected columns such as {', '.join(list(expected)[:4])}, …"
        return Fault(table, None, "no_header", 0, message, path.name)
    return SourceFile(path.name, XLSX, columns, path, table=called[0])


def stage(
    connection: duckdb.DuckDBPyConnection, number: int, file: SourceFile, wanted: Sequence[str], staged: Path
) -> None:
    """Write the wanted columns as text into a Parquet file with `_row`; rows with an error cell are `rejected`."""
    assert file.path is not None
    assert file.table is not None
    with CalamineWorkbook.from_path(file.path) as book:
        rows = list(_rows(book.get_sheet_by_name(file.table)))[1:]
    places = [file.columns.index(column) for column in wanted]
    bad = {row for row, column in _error_cells(file.path, file.table) if column in places}
    if bad:
        lines = [[number, row] for row in sorted(bad)]
        connection.executemany("INSERT INTO rejected VALUES (?, ?, 'error_cell', 0)", lines)
    good = [(row, cells) for row, cells in rows if row not in bad]
    columns: dict[str, Any] = {"_row": pa.array([row for row, _ in good], pa.int64())}
    for column, place in zip(wanted, places, strict=True):
        columns[column] = pa.array([_text(cells[place]) for _, cells in good], pa.string())
    staged.touch(mode=0o600)
    pq.write_table(pa.table(columns), staged)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    """Rows that hold something, each with its number in the sheet."""
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), start=1):
        if any(cell != "" for cell in cells):
            yield number, cells


def _header(cells: Sequence[Any]) -> tuple[str, ...]:
    return tuple((_text(cell) or "").strip() for cell in cells)


def _text(cell: Any) -> str | None:
    """A cell as text; None if it is empty."""
    match cell:
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime():
            return cell.isoformat(" ")
        case date() | time():
            return cell.isoformat()
    return str(cell) or None


def _error_cells(path: Path, sheet: str) -> Iterator[tuple[int, int]]:
    """Row and column (0 = A) of cells that hold an error, which the reader of cells takes for empty."""
    with zipfile.ZipFile(path) as packed:
        sheets = ElementTree.fromstring(packed.read("xl/workbook.xml")).iter()
        relation = next(one.get(_RELATION) for one in sheets if one.get("name") == sheet and one.get(_RELATION))
        parts = ElementTree.fromstring(packed.read("xl/_rels/workbook.xml.rels"))
        target = next(str(one.get("Target")) for one in parts if one.get("Id") == relation)
        content = packed.read(str(PurePosixPath("/xl", target)).lstrip("/"))
    for found in _ERROR_CELL.finditer(content):
        yield int(found[2]), _column(found[1])


def _column(letters: bytes) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + letter - ord("A") + 1
    return place - 1


def _damage(path: Path) -> str:
    with path.open("rb") as content:
        if content.read(4) == _OLD_OR_LOCKED:
            return "is locked with a password or in the old Excel format; save it as .xlsx without a password"
    return "is no whole XLSX workbook (cut short or another format); deliver it again"


def _too_large(table: str, path: Path) -> Fault:
    message = f"holds more than {MOST_ROWS:,} rows, too many for a workbook; deliver it as CSV or Parquet"
    return Fault(table, None, "too_large", 0, message, path.name)
