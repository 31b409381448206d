"""What those who do the work believe, beside the estimate from data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

import pandas as pd

from ennakointi.pages.context import PageContext, Row, Tables, intervals, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

VALUE = ("value", "lo80", "hi80")
SOURCES = {"data": N_("Estimate from data"), "pooled": N_("Both together")}
AGREEMENT = (  # largest 1 − overlap for the words
    (0.3, N_("{service}: the staff's view and the data agree; {overlap} of the distributions is common.")),
    (0.7, N_("{service}: the staff's view and the data differ in part; {overlap} of the distributions is common.")),
    (
        1.0,
        N_("{service}: the staff's view and the data differ clearly; only {overlap} of the distributions is common."),
    ),
)


@dataclass(frozen=True, eq=False)
class ViewsSection:
    """Expert views of a target group. `tables`: released `debt_views`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block | None:
        """The section with its heading; None where nobody has given a view."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "debt_views", target_group=self.target_group)
        given = found if found.empty else found[~found["source"].isin(SOURCES)]
        if given.empty:
            return None
        shown = records(found[found["service"].isin(set(given["service"]))])
        said = [self._agreement(row) for row in records(given)]
        return markup.section(
            _("What do the staff say?"),
            markup.paragraph(
                _(
                    "The estimate from data knows nothing of these views. Where the two differ, ask why before either "
                    "is believed."
                )
            ),
            markup.bullets(*filter(None, said)) if any(said) else None,
            *(self._picture(service, list(own)) for service, own in groupby(shown, lambda row: str(row["service"]))),
        )

    def _source(self, row: Row) -> str:
        source = str(row["source"])
        if source in SOURCES:
            return self.context.catalogue.gettext(SOURCES[source])
        named = self.context.label("expert_view", source)
        return str(row["role"]) if named == source and isinstance(row["role"], str) and row["role"] else named

    def _agreement(self, row: Row) -> str:
        """How far a view and the data agree, in words."""
        if not is_shown(row, "disagreement"):
            return ""
        words = next((words for most, words in AGREEMENT if row["disagreement"] <= most), AGREEMENT[-1][1])
        overlap = self.context.catalogue.percent(1 - row["disagreement"])
        service = f"{self.context.label('service', row['service'])} ({self._source(row)})"
        return self.context.catalogue.gettext(words, service=service, overlap=overlap)

    def _picture(self, service: str, own: list[Row]) -> Block:
        """The views and the data of one service as bars with intervals, and the numbers."""
        _ = self.context.catalogue.gettext
        name = self.context.label("service", service)
        table = self._table(name, own)
        known = [row for row in own if is_shown(row, *VALUE)]
        if len(known) < 2:
            return table
        frame = pd.DataFrame(
            [
                {"label": self._source(row), **dict(zip(("value", "lo", "hi"), (row[c] for c in VALUE), strict=True))}
                for row in known
            ]
        )
        told = [f"{self._source(row)}: {intervals(row, *VALUE, self.context.catalogue)}" for row in known]
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("missing contacts at the end of {month}", month=self._month),
            alt=f"{name}. {'; '.join(told)}.",
            caption=_("{service}: the staff's views beside the estimate from data, with 80% intervals", service=name),
        )
        return markup.figure(picture, table, _("Numbers as a table"))

    @property
    def _month(self) -> str:
        return self.context.catalogue.month_short(self.context.window[1])

    def _table(self, name: str, own: list[Row]) -> Block:
        _ = self.context.catalogue.gettext
        cells = [
            {
                "source": self._source(row),
                "date": self._date(row["date"]),
                "value": intervals(row, *VALUE, self.context.catalogue),
                "weight": self.context.catalogue.percent(row["weight"])
                if is_shown(row, "weight")
                else self.context.catalogue.missing,
            }
            for row in own
        ]
        columns = [
            Column("source", _("Whose")),
            Column("date", _("Given on")),
            Column("value", _("Missing contacts (80% interval)"), "number", format=str),
            Column("weight", _("Weight in both together"), "number", format=str),
        ]
        caption = _("{service}: views and data", service=name)
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _date(self, day: Any) -> str:
        known = isinstance(day, str) and day
        return self.context.catalogue.date(date.fromisoformat(day)) if known else self.context.catalogue.missing
