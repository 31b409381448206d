"""Workbooks read back as another program reads them: the same numbers, one label for hidden cells, no trace."""

from __future__ import annotations

import io
import os
import re
import time
import zipfile
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from ennakointi import disclosure
from ennakointi.periods import Quarter
from ennakointi.report import table_files, workbook_files
from ennakointi.report.exporter import Page
from ennakointi.report.workbook_files import Report, WorkbookFile
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import Catalogue, message_json

THL5 = SimpleNamespace(name="thl5", threshold=5, base=10, zeros="shown", everyone="shown")


def page(language: str = "fi", synthetic: bool = True) -> Page:
    return Page(
        title="Palveluvelka: ikääntyneet",
        language=language,
        quarter=Quarter(2025, 3),
        as_of=date(2025, 9, 30),
        county="Päijät-Häme",
        contact="info@example.fi",
        synthetic=synthetic,
        made_on=date(2025, 10, 12),
        source="synthetic county",
    )


def released() -> dict[str, pd.DataFrame]:
    volumes = pd.DataFrame(
        {
            "service": ["oral_health", "home_care", "emergency"],
            "year": [2024, 2024, 2025],
            "contacts": [12_345.0, 7.0, 1_000.0],
            "cost_eur": [1_234_567.0, 300.0, np.nan],
            "covered_share": [0.987654321, 1.0, 1.0],
            "n_persons": [999.0, 3.0, 500.0],
        }
    )
    checks = pd.DataFrame(
        {
            "target_group": ["all", "older_people"],
            "service": "all",
            "check": "trend",
            "passed": "no",
            "message": [message_json("Table", {}), message_json("Data missing: {table}.", {"table": "x"})],
        }
    )
    return disclosure.release({"volumes": volumes, "debt_checks": checks}, THL5)


def read(content: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def written(folder: Path, language: str = "fi", **changes: object) -> dict[str, list[list[object]]]:
    report = Report(page(language), "x", ("volumes", "debt_checks", "never_computed"), **changes)  # type: ignore[arg-type]
    workbook_files.write(folder, released(), [report], THL5)
    return read((folder / "tables" / "x.xlsx").read_bytes())


def volumes(sheets: dict[str, list[list[object]]]) -> list[list[object]]:
    return next(rows for name, rows in sheets.items() if name.startswith("1 "))


def test_cells_are_those_of_the_release(tmp_path: Path) -> None:
    rows = volumes(written(tmp_path))
    hidden = Catalogue("fi").hidden
    assert rows[2:] == [
        list(RESULT_TABLES["volumes"].names),
        ["oral_health", 2024, 12_350, 1_235_000, 0.987654, 1000],
        ["home_care", 2024, hidden, hidden, 1, hidden],
        ["emergency", 2025, 1000, "", 1, 500],
    ]
    assert rows[1][0] == Catalogue("fi").synthetic


def test_a_workbook_holds_its_group_and_says_codes_and_sentences_in_words(tmp_path: Path) -> None:
    labels = {"service": {"oral_health": "Suun terveydenhuolto", "all": "Kaikki"}}
    sheets = written(tmp_path, target_group="older_people", labels=labels)
    assert [row[0] for row in volumes(sheets)[3:]] == [
        "Suun terveydenhuolto",
        "home_care",
        "emergency",
    ]
    assert [row for name, rows in sheets.items() if name.startswith("2") for row in rows[3:]] == [
        ["Kaikki", "trend", "no", "Aineisto puuttuu: x."]
    ]


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_the_first_sheet_tells_what_it_is(language: str, tmp_path: Path) -> None:
    catalogue = Catalogue(language)
    first, *_, last = written(tmp_path, language).values()
    told = {str(row[1]) for row in first}
    assert {"Päijät-Häme", catalogue.quarter(Quarter(2025, 3)), catalogue.date(date(2025, 9, 30))} <= told
    assert {"info@example.fi", "synthetic county", catalogue.synthetic, catalogue.hidden} <= told
    assert any("thl5" in text for text in told)
    columns = {row[1]: row[3] for row in last[3:]}
    assert columns["contacts"] == next(c.meaning for c in RESULT_TABLES["volumes"].columns if c.name == "contacts")


def test_a_long_table_is_left_to_its_csv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_files, "ROWS_AT_MOST", 2)
    report = Report(page(), "x", ("volumes", "debt_checks"))
    found = workbook_files.write(tmp_path, released(), [report, Report(page(), "y", ("volumes",))], THL5)
    assert found == [WorkbookFile("x", report.page.title, "tables/x.xlsx", 2, ("volumes",))]
    assert not (tmp_path / "tables" / "y.xlsx").exists()  # nothing is left for it
    title = Catalogue("fi").gettext(table_files.TABLE_NAMES["volumes"])
    about = next(iter(read((tmp_path / "tables" / "x.xlsx").read_bytes()).values()))
    assert any(title in str(row[1]) for row in about)


def test_the_same_release_gives_the_same_bytes_and_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> bytes:
        written(tmp_path)
        return (tmp_path / "tables" / "x.xlsx").read_bytes()

    before = made()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("USER", "analyst77")
    time.tzset()
    try:
        assert made() == before
    finally:
        monkeypatch.undo()
        time.tzset()
    with zipfile.ZipFile(io.BytesIO(before)) as packed:
        properties = "".join(packed.read(f"docProps/{name}.xml").decode() for name in ("core", "app"))
        assert {one.date_time[:3] for one in packed.infolist()} == {(1980, 1, 1)}
    assert "Päijät-Häme" in properties
    assert set(re.findall(r"\d{4}-\d\d-\d\d", properties)) == {"2025-09-30"}
    assert os.uname().nodename not in properties
    disclosure.check_outputs(tmp_path)


def test_sheets_have_names_that_every_program_takes() -> None:
    for language in ("fi", "sv", "en"):
        for number, title in enumerate(table_files.TABLE_NAMES.values(), 1):
            name = workbook_files._sheet_name(number, Catalogue(language).gettext(title))
            assert len(name) <= 31
            assert not set("[]:*?/\\") & set(name)
