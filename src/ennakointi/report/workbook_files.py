"""One workbook (XLSX) for each page of the report: the numbers behind it, readable without a program.

The first sheet tells what the workbook is, then comes one sheet for each result table that the page needs, then the
meaning of every column. Nothing but released numbers, no formula, no name of a user or a machine; the same tables give
the same bytes.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from ennakointi.disclosure import Preset
from ennakointi.report.exporter import Page
from ennakointi.report.table_files import NUMBERS, TABLE_NAMES, disclosure_rules, each
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS, PERSONS, RESULT_TABLES
from ennakointi.text import Catalogue

ROWS_AT_MOST = 2_000  # of one sheet; a longer table is left to its CSV
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_FIRST_ROW = 3  # of the cells, under the table's name, the mark of synthetic data and the columns' names
_SHEET_NAME = 31  # characters at most
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_DIGITS = 6

Sheets = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Report:
    """A page of the report and what its workbook holds.

    Attributes
    ----------
    page : what stands around the page; its texts are ready in the page's language.
    file : name of the page without `.html`.
    tables : result tables that the page needs, in order.
    target_group : rows of this group only; empty: all rows.
    labels : the reader's words for codes, by column and code; a code without a word stays as it is.
    """

    page: Page
    file: str
    tables: tuple[str, ...]
    target_group: str = ""
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkbookFile:
    """A written workbook: its address from the first page of its language, rows, and tables too long for it."""

    file: str
    title: str
    href: str
    rows: int
    left: tuple[str, ...]


def write(folder: Path, released: Sheets, reports: Sequence[Report], preset: Preset) -> list[WorkbookFile]:
    """Write `tables/<page>.xlsx` for the pages of one language.

    Parameters
    ----------
    folder : folder of that language's pages.
    released : what `disclosure.release` gave.
    reports : the pages; one without a single row gets no workbook.
    preset : the rule they were released by.
    """
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    files = []
    for report in reports:
        sheets = {name: _rows(released[name], report) for name in report.tables if name in released}
        left = tuple(name for name, frame in sheets.items() if len(frame) > ROWS_AT_MOST)
        shown = {name: frame for name, frame in sheets.items() if len(frame) and name not in left}
        if shown:
            href = f"tables/{report.file}.xlsx"
            (folder / href).write_bytes(workbook(report, shown, left, preset))
            rows = sum(map(len, shown.values()))
            files.append(WorkbookFile(report.file, report.page.title, href, rows, left))
    return files


def _rows(frame: pd.DataFrame, report: Report) -> pd.DataFrame:
    if report.target_group and "target_group" in frame:
        return frame[frame["target_group"] == report.target_group]
    return frame


def workbook(report: Report, sheets: Sheets, left: Sequence[str], preset: Preset) -> bytes:
    """The workbook of one page; `left` are tables that it leaves to their CSV."""
    page, catalogue = report.page, Catalogue(report.page.language)
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, _OPTIONS)
    created = datetime.combine(page.as_of, time())
    book.set_properties({"title": page.title, "author": page.county, "created": created})
    styles = {name: book.add_format(look) for name, look in _STYLES.items()}
    _about(book, report, left, preset, styles)
    for number, (name, frame) in enumerate(sheets.items(), start=1):
        title = catalogue.gettext(TABLE_NAMES[name])
        sheet = book.add_worksheet(_sheet_name(number, title))
        _headed(sheet, [title, catalogue.synthetic if page.synthetic else ""], _names(name, report), styles)
        _table(sheet, name, frame, report, catalogue, styles)
    _dictionary(book, sheets, catalogue, preset, styles)
    book.close()
    return file.getvalue()


_STYLES: dict[str, dict[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "mark": {"bold": True, "font_color": "#B3261E"},
    "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "words": {"text_wrap": True, "valign": "top"},
    "whole": {"num_format": "#,##0"},
    "hidden": {"italic": True, "font_color": "#566472", "align": "right"},
}


def _sheet_name(number: int, title: str) -> str:
    """At most 31 characters, none of those that a sheet's name must not hold, and unique by its number."""
    name = f"{number} {title.translate(_NOT_IN_NAMES)}"
    return name if len(name) <= _SHEET_NAME else name[: _SHEET_NAME - 1].rstrip() + "…"


def _names(table: str, report: Report) -> list[str]:
    """Columns of a sheet; the group is told on the first sheet where there is only one."""
    return [name for name in RESULT_TABLES[table].names if not (report.target_group and name == "target_group")]


def _headed(sheet: Any, over: Sequence[str], columns: Sequence[str], styles: Mapping[str, Any]) -> None:
    """The lines over a table, its columns' names, and both kept in sight."""
    for row, (text, style) in enumerate(zip(over, ("title", "mark"), strict=True)):
        sheet.write_string(row, 0, text, styles[style])
    for place, name in enumerate(columns):
        sheet.write_string(_FIRST_ROW - 1, place, name, styles["head"])
    sheet.freeze_panes(_FIRST_ROW, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_FIRST_ROW - 1)


def _table(
    sheet: Any, name: str, frame: pd.DataFrame, report: Report, catalogue: Catalogue, styles: Mapping[str, Any]
) -> None:
    """The rows of a table; a hidden cell reads the one label, one that was never estimated stays empty."""
    table, label = RESULT_TABLES[name], catalogue.hidden
    numeric, whole = table.of_kind(*NUMBERS), table.of_kind(PERSONS, COUNT, ESTIMATE, EUROS)
    hidden = _hidden(frame)
    for place, column in enumerate(_names(name, report)):
        change = _number if column in numeric else _text(report.labels.get(column, {}), catalogue)
        cells = each(frame[column], change).tolist()
        for row in hidden.get(column, ()):
            sheet.write_string(row + _FIRST_ROW, place, label, styles["hidden"])
            cells[row] = None
        style = styles["whole"] if column in whole else None
        for row, value in enumerate(cells, start=_FIRST_ROW):
            if isinstance(value, str):
                sheet.write_string(row, place, value)
            elif value is not None:
                sheet.write_number(row, place, value, style)
        longest = max((len(value) for value in cells if isinstance(value, str)), default=0)
        sheet.set_column(place, place, min(max(longest, len(column), 10), 40) + 1)


def _hidden(frame: pd.DataFrame) -> dict[str, list[int]]:
    """Rows by column in which it is hidden."""
    found: dict[str, list[int]] = {}
    for row, names in enumerate(frame["suppressed"].tolist()):
        for name in names.split(";") if names else ():
            found.setdefault(name, []).append(row)
    return found


def _number(value: Any) -> float | None:
    return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else None


def _text(labels: Mapping[str, str], catalogue: Catalogue) -> Callable[[Any], str | float | None]:
    """How a code or a sentence reads; numbers among codes, such as years, stay numbers."""

    def told(value: Any) -> str | float | None:
        return _number(value) if isinstance(value, Real) else labels.get(value) or _told(str(value), catalogue)

    return told


def _told(text: str, catalogue: Catalogue) -> str:
    """A released message, or a list of them, as sentences; other texts as they are."""
    if text.startswith("[{"):
        return " ".join(catalogue.message(json.dumps(one)) for one in json.loads(text))
    return catalogue.message(text) if text.startswith("{") else text


def _about(book: Any, report: Report, left: Sequence[str], preset: Preset, styles: Mapping[str, Any]) -> None:
    sheet = book.add_worksheet(Catalogue(report.page.language).gettext("About"))
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 80)
    sheet.write_string(0, 0, report.page.title, styles["title"])
    for row, (term, text) in enumerate(_facts(report, left, preset), start=2):
        sheet.write_string(row, 0, term, styles["head"])
        sheet.write_string(row, 1, text, styles["mark"] if report.page.synthetic and row == 2 else styles["words"])


def _facts(report: Report, left: Sequence[str], preset: Preset) -> Iterator[tuple[str, str]]:
    """What the first sheet tells; a mark of synthetic data first."""
    page, catalogue = report.page, Catalogue(report.page.language)
    _ = catalogue.gettext
    if page.synthetic:
        yield _("Data"), catalogue.synthetic
    yield _("Area"), page.county
    yield _("Quarter"), catalogue.quarter(page.quarter)
    yield _("Data complete to"), catalogue.date(page.as_of)
    yield _("Source"), page.source
    yield _("Contact"), page.contact
    yield (
        _("Privacy"),
        _(
            "Rule {preset}: fewer than {threshold} persons are not shown, other counts are rounded to {base}.",
            preset=preset.name,
            threshold=preset.threshold,
            base=preset.base,
        ),
    )
    yield _("Hidden cells"), catalogue.hidden
    yield _("Empty cells"), _("The number was not estimated.")
    if left:
        names = catalogue.join([_(TABLE_NAMES[name]) for name in left])
        yield _("Not in this workbook"), _("Too long for a workbook, as CSV in the downloads: {tables}.", tables=names)


def _dictionary(book: Any, sheets: Sheets, catalogue: Catalogue, preset: Preset, styles: Mapping[str, Any]) -> None:
    """Every column of the workbook: its table, name, unit, meaning and rule."""
    _ = catalogue.gettext
    sheet = book.add_worksheet(_("Columns"))
    heads = [_("Table"), _("Column"), _("Unit"), _("Meaning"), _("Privacy")]
    _headed(sheet, [_("Columns"), _("Units and meanings are in English.")], heads, styles)
    rules, row = disclosure_rules(preset), _FIRST_ROW
    for name in sheets:
        for column in RESULT_TABLES[name].columns:
            rule = rules.get(column.kind, "as it is")
            for place, text in enumerate((_(TABLE_NAMES[name]), column.name, column.unit, column.meaning, rule)):
                sheet.write_string(row, place, text, styles["words"])
            row += 1
    for place, width in enumerate((34, 26, 14, 80, 44)):
        sheet.set_column(place, place, width)
