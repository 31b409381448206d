"""Released tables as HTML for every reader: captions, scopes, hidden cells in words, cards where it is narrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from ennakointi.report.blocks import Block, Part, attributes, inner
from ennakointi.text import Catalogue

_NUMERIC = ("number", "signed", "percent", "signed_percent", "euros", "significant")
_WITH_INTERVAL = re.compile(r"(.+?) (\(.+\))")


@dataclass(frozen=True)
class Column:
    """A column of an HTML table. `kind` is text, number, signed, percent, signed_percent, euros, month or
    significant (three digits); `format` takes the cell's value instead and gives text or a block."""

    name: str
    title: str
    kind: str = "text"
    digits: int = 0
    format: Callable[[Any], Part] | None = None


def table(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    caption: str,
    catalogue: Catalogue,
    note: str = "",
    row_header: str | None = None,
    *,
    name: str = "",
    results: Sequence[str] = (),
) -> Block:
    """A released table as accessible HTML.

    Where the place is too narrow for its columns, the style sheet shows each row as a card of labels and values; the
    roles keep it a table for screen readers, and it never scrolls by itself.

    Parameters
    ----------
    frame : DataFrame
        A released table; a cell whose column stands in `suppressed` reads as hidden, a missing one as a dash.
    columns : sequence of Column
        What to show, in order; each has a title.
    row_header : str, optional
        Column whose cells head the rows; the first one when not given.
    name : str
        Its id on the page after `table-`, the same in every language; the page numbers tables without one.
    results : names of the released tables that its numbers come from

    Raises
    ------
    ValueError
        When a column has no title: nobody would know what its cells are.
    """
    if not all(column.title.strip() for column in columns):
        raise ValueError(f"table {caption!r}: a column has no title")
    header = row_header or columns[0].name
    head = "".join(
        f'<th scope="col" role="columnheader"{_align(column)}>{escape(column.title)}</th>' for column in columns
    )
    rows = "".join(_row(row, columns, header, catalogue) for row in frame.to_dict("records"))
    remark = f'<p class="note">{escape(note)}</p>' if note else ""
    return Block(
        f'<div class="table columns-{min(len(columns), 9)}"><table{attributes("table", name, results)}'
        f' role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>{remark}'
    )


def _align(column: Column) -> str:
    return ' class="number"' if column.kind in _NUMERIC else ""


def _row(row: dict[Any, Any], columns: Sequence[Column], header: str, catalogue: Catalogue) -> str:
    suppressed = str(row.get("suppressed", "") or "").split(";")
    cells = []
    for column in columns:
        hidden = column.name in suppressed
        content = escape(catalogue.hidden) if hidden else _content(row[column.name], column, catalogue)
        look = ' class="hidden"' if hidden else _align(column)
        if column.name == header:
            cells.append(f'<th scope="row" role="rowheader"{look}>{content}</th>')
        else:
            cells.append(f'<td role="cell"{look} data-label="{escape(column.title)}">{content}</td>')
    return f'<tr role="row">{"".join(cells)}</tr>'


def _content(value: Any, column: Column, catalogue: Catalogue) -> str:
    """The inside of a cell; lines of `27 000 (14 000–37 000)` break before the interval and nowhere else."""
    part = _cell(value, column, catalogue)
    both = _WITH_INTERVAL.fullmatch(part) if isinstance(part, str) and column.kind in _NUMERIC else None
    if both is None:
        return inner([part])
    return f'{escape(both[1])} <span class="interval">{escape(both[2])}</span>'


def _cell(value: Any, column: Column, catalogue: Catalogue) -> Part:
    if isinstance(value, Block):
        return value
    if value is None or pd.isna(value):
        return catalogue.missing
    if column.format is not None:
        return column.format(value)
    if column.kind in ("number", "signed", "percent", "signed_percent"):
        formatted: str = getattr(catalogue, column.kind)(float(value), column.digits)
        return formatted
    if column.kind == "significant":
        return catalogue.significant(float(value))
    if column.kind == "euros":
        return catalogue.euros(float(value))
    return catalogue.month(value) if column.kind == "month" else str(value)
