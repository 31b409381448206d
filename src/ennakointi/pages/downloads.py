"""The files of a quarter for readers who want the numbers, and what every column of them means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Protocol

import pandas as pd

from ennakointi.disclosure import Preset
from ennakointi.pages.context import PageContext
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.report.table_files import TABLE_NAMES, TableFile, disclosure_rules
from ennakointi.report.workbook_files import ROWS_AT_MOST, WorkbookFile
from ennakointi.result_tables import KEY, RESULT_TABLES, ResultColumn
from ennakointi.text import N_

BYTES_PER_KB = 1000
ROW_WORDS = {  # what tells one row of a table from another
    "target_group": N_("target group"),
    "service": N_("service"),
    "month": N_("month"),
    "municipality": N_("municipality"),
    "scenario": N_("scenario"),
    "part": N_("part"),
    "source": N_("source"),
    "axis": N_("grouping"),
    "choice": N_("choice"),
    "variant": N_("alternative"),
    "provider": N_("provider"),
    "check": N_("check"),
    "intervention": N_("intervention"),
    "outcome": N_("outcome"),
    "design": N_("design"),
    "arm": N_("treated or comparison"),
    "since_start": N_("time since the start"),
    "lambda_eur": N_("worth of an improvement"),
    "draw": N_("draw"),
    "other": N_("other target group"),
    "year": N_("year"),
    "table": N_("table"),
    "column": N_("column"),
    "result": N_("result"),
    "unit": N_("unit"),
    "step": N_("step"),
    "reason": N_("reason"),
    "indicator": N_("indicator"),
    "period": N_("period"),
    "quarter": N_("quarter"),
    "category": N_("category"),
    "area": N_("area"),
    "measure": N_("measure"),
    "period_start": N_("first day of the period"),
    "frequency": N_("frequency"),
    "quantile": N_("quantile"),
    "model": N_("model"),
    "factor": N_("factor"),
    "resource": N_("resource"),
    "made": N_("month in which it was made"),
    "target_kind": N_("kind of target"),
    "since": N_("earlier quarter"),
    "scheme": N_("way of segmenting"),
    "segment": N_("client segment"),
    "dimension": N_("dimension"),
    "value": N_("value"),
    "sign": N_("sign"),
    "top_share": N_("share with the most"),
    "readings": N_("readings that hold"),
    "method": N_("method"),
    "classes": N_("number of classes"),
    "item": N_("what was observed"),
    "answer": N_("answer"),
    "place": N_("order"),
    "span": N_("time between"),
    "from": N_("segment before"),
    "to": N_("segment after"),
    "horizon_months": N_("months ahead"),
    "curve": N_("curve"),
    "feature": N_("what is known of a person"),
}


class Licence(Protocol):
    """Under which licence the files are published."""

    @property
    def name(self) -> str: ...
    @property
    def url(self) -> str: ...


def downloads(
    tables: Sequence[TableFile],
    workbooks: Sequence[WorkbookFile],
    sizes: Mapping[str, int],
    up: str,
    licence: Licence,
    context: PageContext,
) -> Block:
    """Every file with its rows and its size.

    Parameters
    ----------
    tables : their addresses are from the top of the release, where `up` leads
    workbooks : one for each page, their addresses are from this page
    sizes : bytes by address
    """
    _ = context.catalogue.gettext
    terms = markup.paragraph(_("Licence of the report and its files:"), markup.link(licence.name, licence.url))
    return markup.stack(
        markup.headline(lead=_("The numbers of this quarter as files.")),
        markup.bullets(
            _("Hidden numbers are empty in every file, and the column “suppressed” names them."),
            markup.link(_("What every column means"), "data_dictionary.html"),
            markup.link(_("The same for programs (JSON)"), f"{up}tables/tables.json"),
        ),
        _workbooks(workbooks, sizes, context),
        _tables(tables, sizes, up, context),
        markup.section(_("Terms of use"), terms),
    )


def _workbooks(files: Sequence[WorkbookFile], sizes: Mapping[str, int], context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    if not files:
        return None
    frame = pd.DataFrame(
        {
            "file": markup.link(one.title, one.href),
            "rows": float(one.rows),
            "size": ceil(sizes[one.href] / BYTES_PER_KB),
        }
        for one in files
    )
    columns = [
        Column("file", _("Page of the report")),
        Column("rows", _("Rows"), "number"),
        Column("size", _("Size, kB"), "number"),
    ]
    caption = _("A workbook (XLSX) for each page of the report")
    limit = context.catalogue.number(ROWS_AT_MOST)
    left = _("A workbook leaves out tables longer than {n} rows; they are CSV files only.", n=limit)
    return markup.section(
        _("Workbooks"),
        markup.table(frame, columns, caption, context.catalogue, name="workbooks"),
        markup.note(left) if any(one.left for one in files) else None,
    )


def _tables(files: Sequence[TableFile], sizes: Mapping[str, int], up: str, context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    if not files:
        return None
    frame = pd.DataFrame(
        {
            "file": markup.link(_(TABLE_NAMES[one.name]), f"{up}{one.href}"),
            "row": row_words(one.name, context),
            "rows": float(one.rows),
            "size": ceil(sizes[one.href] / BYTES_PER_KB),
        }
        for one in sorted(files, key=lambda one: _(TABLE_NAMES[one.name]))
    )
    columns = [
        Column("file", _("Table")),
        Column("row", _("One row is")),
        Column("rows", _("Rows"), "number"),
        Column("size", _("Size, kB"), "number"),
    ]
    caption = _("Result tables (CSV: UTF-8, comma between columns, decimal point)")
    return markup.section(
        _("Tables for other programs"), markup.table(frame, columns, caption, context.catalogue, name="files")
    )


def row_words(table: str, context: PageContext) -> str:
    """What one row of a table is: the reader's words of its keys, `target group × service × month`."""
    keys = RESULT_TABLES[table].of_kind(KEY)
    return " × ".join(context.catalogue.gettext(ROW_WORDS.get(key, key)) for key in keys)


def dictionary(tables: Sequence[TableFile], preset: Preset, context: PageContext) -> Block:
    """Every column of the published tables: unit, meaning (in English) and the rule it was released by."""
    _ = context.catalogue.gettext
    rules = disclosure_rules(preset)
    english = context.catalogue.language == "en"
    return markup.stack(
        markup.headline(lead=_("What every column of the result tables means.")),
        None if english else markup.paragraph(_("Names, units and meanings of the columns are in English.")),
        *(_table(one, rules, context) for one in sorted(tables, key=lambda one: _(TABLE_NAMES[one.name]))),
    )


def _table(file: TableFile, rules: Mapping[str, str], context: PageContext) -> Block:
    _ = context.catalogue.gettext
    table = RESULT_TABLES[file.name]
    frame = pd.DataFrame(_column(column, rules, context) for column in table.columns)
    columns = [
        Column("name", _("Column")),
        Column("unit", _("Unit")),
        Column("meaning", _("Meaning")),
        Column("rule", _("How it was released")),
    ]
    title = _(TABLE_NAMES[file.name])
    shown = markup.table(frame, columns, title, context.catalogue, name=file.name)
    return markup.section(
        title,
        markup.paragraph(f"{file.name}.csv. ", _("One row is: {keys}.", keys=row_words(file.name, context))),
        markup.details(_("Columns ({n})", n=len(frame)), shown, about=title),
    )


def _column(column: ResultColumn, rules: Mapping[str, str], context: PageContext) -> dict[str, object]:
    def english(text: str) -> str | Block:
        return text if context.catalogue.language == "en" else markup.foreign(text, "en")

    return {
        "name": english(column.name),
        "unit": english(column.unit),
        "meaning": english(column.meaning),
        "rule": english(rules.get(column.kind, "as it is")),
    }
