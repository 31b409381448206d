"""XLSX workbooks: every cell as a CSV file would hold it, every row by the number that a person sees."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import contract_tables as tables_of
import pandas as pd
import pytest

from ennakointi import sources
from ennakointi.errors import DataError
from ennakointi.sources import workbooks

ERROR = "#N/A"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_STYLES = '<cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/></cellXfs>'


def cell(place: str, value: object) -> str:
    """A cell as Excel writes it: days since 1899-12-30 in the style of a date or a time."""
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f'<c r="{place}"><v>{value!r}</v></c>'
    if isinstance(value, date):
        is_time = isinstance(value, datetime)
        days = (pd.Timestamp(value) - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
        return f'<c r="{place}" s="{2 if is_time else 1}"><v>{days!r}</v></c>'
    if value == ERROR:
        return f'<c r="{place}" t="e"><v>{ERROR}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'


def sheet(rows: Sequence[Sequence[object]]) -> str:
    """Rows as a sheet; None is an empty cell, an empty row is left out."""
    made = [
        f'<row r="{n}">{"".join(cell(f"{chr(65 + i)}{n}", v) for i, v in enumerate(row) if v is not None)}</row>'
        for n, row in enumerate(rows, start=1)
        if row
    ]
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(made)}</sheetData></worksheet>'


def write(path: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> None:
    """The least that a program must find in a workbook."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = "".join(f'<sheet name="{n}" sheetId="{i}" r:id="r{i}"/>' for i, n in enumerate(sheets, start=1))
    parts = "".join(
        f'<Relationship Id="r{i}" Type="{_OFFICE}/worksheet" Target="worksheets/s{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    styles = f'<Relationship Id="r0" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    root = f'<Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("_rels/.rels", f'<Relationships xmlns="{_PACKAGE}/relationships">{root}</Relationships>')
        packed.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>'
        )
        packed.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{parts}{styles}</Relationships>',
        )
        packed.writestr("xl/styles.xml", f'<styleSheet xmlns="{_MAIN}">{_STYLES}</styleSheet>')
        for i, rows in enumerate(sheets.values(), start=1):
            packed.writestr(f"xl/worksheets/s{i}.xml", sheet(rows))


def as_rows(table: pd.DataFrame) -> list[list[object]]:
    cells = table.astype(object).where(table.notna(), None)
    return [[*table], *([_plain(value) for value in row] for row in cells.itertuples(index=False))]


def _plain(value: object) -> object:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def deliver(folder: Path, name: str, sheets: Mapping[str, Sequence[Sequence[object]]]) -> Path:
    """Clean persons and contacts as Parquet, and one workbook."""
    tables = {"persons": tables_of.persons(), "contacts": tables_of.contacts()}
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for table in {*tables} - {name}:
        tables[table].to_parquet(folder / "data" / f"{table}.parquet", index=False)
    write(folder / "data" / f"{name}.xlsx", sheets)
    return folder


def test_the_store_of_workbooks_is_that_of_parquet_files(tmp_path: Path) -> None:
    county = {"persons": tables_of.persons(), "contacts": tables_of.contacts(), "stays": tables_of.county()["stays"]}
    expected = tables_of.build(tmp_path / "parquet", county).manifest["content"]
    for table, rows in county.items():
        write(tmp_path / "data" / f"{table}.xlsx", {"Notes": [], table.title(): as_rows(rows)})
    (tmp_path / "data" / "~$persons.xlsx").write_bytes(b"lock of an open workbook")
    opened = tables_of.build(tmp_path, {})
    assert opened.manifest["content"] == expected


def test_every_row_is_named_by_its_number_in_the_sheet(tmp_path: Path) -> None:
    header, *rows = as_rows(tables_of.persons())
    rows[2][1] = "yesterday"  # row 6 of the sheet, whose first row is empty and whose second is the header
    rows[4][3] = ERROR  # row 8
    rows[5][2] = ERROR  # row 10, after an empty one
    screened, places = tables_of.rescreened(
        deliver(tmp_path, "persons", {"persons": [[], [*header, "note"], [], *rows[:5], [], *rows[5:], [None] * 9]})
    )
    assert screened.counts["persons"].read == 20
    found = places[places["tbl"] == "persons"][["line", "column", "rule"]]
    assert found.astype(object).where(found.notna(), None).to_numpy().tolist() == [
        [6, "birth_date", "type"],
        [8, None, "error_cell"],
        [10, None, "error_cell"],
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("007", "007"),
        (7.0, "7"),
        (398, "398"),
        (0.1, "0.1"),
        (True, "true"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 3, 31, 3, 30), "2024-03-31 03:30:00"),
        (datetime(2021, 1, 1, 8, 10, 59), "2021-01-01 08:10:59"),
        ("", None),
    ],
)
def test_a_cell_is_read_as_the_text_of_a_csv_file(value: object, expected: str | None, tmp_path: Path) -> None:
    write(tmp_path / "x.xlsx", {"x": [["a", "b"], ["kept", value]]})
    with workbooks.CalamineWorkbook.from_path(tmp_path / "x.xlsx") as book:
        (_, _), (place, cells) = workbooks._rows(book.get_sheet_by_index(0))
    assert (place, workbooks._text(cells[1]) if len(cells) > 1 else None) == (2, expected)


def test_a_time_of_every_minute_comes_back_to_the_second(tmp_path: Path) -> None:
    times = pd.date_range("2021-01-01 00:00:30", periods=1400, freq="61s").to_pydatetime().tolist()
    write(tmp_path / "x.xlsx", {"x": [["a"], *([time] for time in times)]})
    with workbooks.CalamineWorkbook.from_path(tmp_path / "x.xlsx") as book:
        read = [workbooks._text(cells[0]) for _, cells in workbooks._rows(book.get_sheet_by_index(0))][1:]
    assert read == [time.isoformat(" ") for time in times]


HEADER = [*tables_of.persons()]


@pytest.mark.parametrize(
    ("sheets", "said"),
    [
        ({"one": [HEADER], "two": [HEADER]}, r"holds the sheets one, two and none of them is called persons"),
        ({"one": [], "two": []}, r"holds only empty sheets"),
        ({"persons": [["Henkilöt 2024"], HEADER]}, r"the first row is no header: expected columns such as person_id"),
    ],
)
def test_a_workbook_without_the_table_is_refused(
    sheets: dict[str, list[list[object]]], said: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=rf"persons \(persons\.xlsx\): {said}"):
        sources.discover(deliver(tmp_path, "persons", sheets) / "data")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "locked with a password or in the old Excel format"),
        (b"person_id;sex\n", "no whole XLSX workbook"),
        (b"", "the file is empty"),
    ],
)
def test_a_damaged_workbook_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    folder = deliver(tmp_path, "persons", {"persons": [HEADER]}) / "data"
    (folder / "persons.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=said):
        sources.discover(folder)


def test_a_workbook_cut_short_is_refused(tmp_path: Path) -> None:
    folder = deliver(tmp_path, "persons", {"persons": as_rows(tables_of.persons())}) / "data"
    whole = (folder / "persons.xlsx").read_bytes()
    (folder / "persons.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="no whole XLSX workbook"):
        sources.discover(folder)


@pytest.mark.parametrize("limit", ["MOST_ROWS", "_LARGEST_BYTES"])
def test_a_large_workbook_is_refused(limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = deliver(tmp_path, "persons", {"persons": as_rows(tables_of.persons())}) / "data"
    assert sources.discover(folder).files
    monkeypatch.setattr(workbooks, limit, 20)
    with pytest.raises(DataError, match="too many for a workbook; deliver it as CSV or Parquet"):
        sources.discover(folder)
