"""What changed since the last quarter and why: late data, definitions, new months, real change; misses admitted."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import demand_rows, indicator_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

PART_NAMES = {
    "late": N_("Late data"),
    "definitions": N_("Definitions and new estimate"),
    "new_events": N_("New months at the earlier pace"),
    "real": N_("The pace changed"),
}
CALLED = {
    "yes": (N_("within its uncertainty"), "unsure"),
    "no": (N_("larger than its uncertainty"), "neutral"),
    "unknown": (N_("uncertainty not known"), "unsure"),
}


@dataclass(frozen=True, eq=False)
class ChangesSection:
    """The changes of the headline figures.

    Parameters
    ----------
    tables : mapping of released tables: `changes` and `forecast_ledger`
    context : PageContext
    """

    tables: Tables
    context: PageContext

    def block(self) -> Block | None:
        """Sentences, then the parts in a table; None where no headline was computed."""
        told = self._rows()
        if not told:
            return None
        _ = self.context.catalogue.gettext
        compared = [row for row in told if is_shown(row, "total") or is_hidden(row, "total")]
        main = [row for row in compared if row["target_group"] == "all"]
        if not main:
            why = {self.context.words(row["reason"]) for row in told if row["target_group"] == "all"}
            return markup.paragraph(*sorted(filter(None, why)))
        others = [row for row in compared if row["target_group"] != "all"]
        return markup.stack(
            markup.bullets(*self.sentences(main), *self.misses()),
            self._table(main, _("Change since the previous quarter, all residents")),
            markup.note(*self._reasons(main)) if self._reasons(main) else None,
            markup.details(_("Change by target group"), self._table(others, _("Change by target group")))
            if others
            else None,
        )

    def _rows(self) -> list[Row]:
        return records(rows(self.tables, "changes"))

    def sentences(self, told: list[Row]) -> list[str]:
        """One for each headline: the change, and what it is called; a change inside its uncertainty is no trend."""
        shown = [row for row in told if is_shown(row, "total")]
        still = [indicator_words.name(row, self.context) for row in shown if not self._moved(row)]
        said = [f"{self._sentence(row)} {self._why(row)}".strip() for row in shown if self._moved(row)]
        if still:
            said.append(self.context.catalogue.gettext("No change: {names}.", names="; ".join(still)))
        return said

    def _moved(self, row: Row) -> bool:
        """Whether the change is still one when it is rounded to what is known."""
        return any(digit in indicator_words.change(row, self.context) for digit in "123456789")

    def _sentence(self, row: Row) -> str:
        _ = self.context.catalogue.gettext
        name, change = indicator_words.name(row, self.context), indicator_words.change(row, self.context)
        if row["within_uncertainty"] == "yes":
            return _("{name}: the change ({change}) is within its uncertainty.", name=name, change=change)
        if row["pace_within"] == "yes":
            return _(
                "{name}: change {change}. The pace is as before: its difference is within its uncertainty.",
                name=name,
                change=change,
            )
        if row["within_uncertainty"] == "unknown":
            return _("{name}: change {change}. Its uncertainty is not known.", name=name, change=change)
        return _("{name}: change {change}. It is larger than its uncertainty.", name=name, change=change)

    def _why(self, row: Row) -> str:
        """The largest part of a change that has parts, or empty."""
        if not is_shown(row, *PART_NAMES):
            return ""
        _ = self.context.catalogue.gettext
        largest = max(PART_NAMES, key=lambda part: abs(row[part]))
        size, name = indicator_words.parts(row, self.context)[largest], _(PART_NAMES[largest])
        return _("Main reason: {part} ({change}).", part=name[:1].lower() + name[1:], change=size)

    def misses(self) -> list[str]:
        """Forecasts of the last quarter that the outcome fell outside of, by service."""
        _ = self.context.catalogue.gettext
        hits = demand_rows.latest_hits(self.tables, "all")
        if hits is None:
            return []
        made = _quarter(hits.made)
        ledger = rows(self.tables, "forecast_ledger", target_group="all", made=hits.made)
        outside = ledger[(ledger["service"] != "all") & (ledger["inside80_latest"] == 0)]
        names = sorted(self.context.label("service", str(service)) for service in outside["service"])
        if not names:
            return [_("No forecast of quarter {quarter} missed its forecast interval.", quarter=made)]
        return [
            _(
                "The forecast of quarter {quarter} missed its forecast interval in these services: {services}.",
                quarter=made,
                services="; ".join(names),
            )
        ]

    def _reasons(self, told: list[Row]) -> list[str]:
        """Why parts or intervals are missing, each said once."""
        said = [
            sentence for row in told if row["unit"] == "contacts" for sentence in self.context.word_list(row["reason"])
        ]
        return list(dict.fromkeys(said))

    def _table(self, told: list[Row], caption: str) -> Block:
        _ = self.context.catalogue.gettext
        since = max(str(row["since"]) for row in told)
        cells = [
            {
                "name": indicator_words.name(row, self.context),
                "before": self._level(row, "before"),
                **indicator_words.parts(row, self.context),
                "after": self._level(row, "after"),
                "called": self._called(row),
            }
            for row in told
        ]
        columns = [
            Column("name", _("Figure")),
            Column("before", _quarter(since), "number", format=str),
            *(Column(part, _(title), "number", format=str) for part, title in PART_NAMES.items()),
            Column("after", _quarter(str(self.context.quarter)), "number", format=str),
            Column("total", _("Change"), "number", format=str),
            Column("called", _("What the change is called")),
        ]
        note = _("A dash: the part cannot be told. The parts add up to the change; shares change in percentage points.")
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue, note=note)

    def _level(self, row: Row, column: str) -> str:
        """A level rounded as the change beside it is known."""
        half = indicator_words.half_width(row)
        ends = {"lo": row[column], "hi": row[column]}
        if half is not None and is_shown(row, column):
            ends = {"lo": row[column] - half, "hi": row[column] + half}
        return indicator_words.amount({**row, **ends}, self.context, (column, "lo", "hi"))[0]

    def _called(self, row: Row) -> Block | str:
        if is_hidden(row, "total"):
            return self.context.catalogue.hidden
        if is_shown(row, "total") and not self._moved(row):
            return self.context.catalogue.gettext("no change")
        words, tone = CALLED[str(row["within_uncertainty"])]
        return markup.verdict(self.context.catalogue.gettext(words), tone)


def _quarter(text: str) -> str:
    """`2/2025`: a quarter in digits."""
    quarter = Quarter.parse(text)
    return f"{quarter.number}/{quarter.year}"
