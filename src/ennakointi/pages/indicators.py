"""The indicators of a quarter: each with its interval, beside its target by whose target it is, and over quarters."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import indicator_words
from ennakointi.pages.context import PageContext, Row, Tables, records, rows
from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

KINDS = {  # never in one table: a limit of the law, a target of a programme and one of our own differ in weight
    "legal": N_("Limits set by law"),
    "project": N_("Targets of programmes"),
    "indicator": N_("Targets of the toolkit itself"),
}
NO_TARGETS = {
    "legal": N_("No figure of this report has a limit set by law."),
    "project": N_("No figure of this report has a target of a programme."),
    "indicator": N_("No figure of this report has a target of the toolkit itself."),
}
MOST_QUARTERS = 5


@dataclass(frozen=True, eq=False)
class IndicatorsPage:
    """Indicators of a quarter.

    Parameters
    ----------
    tables : mapping of released tables: `indicators`
    context : PageContext
    """

    tables: Tables
    context: PageContext

    def answer(self) -> Block:
        """How the targets of each kind are met, each kind in its own sentence."""
        _ = self.context.catalogue.gettext
        if rows(self.tables, "indicators").empty:
            return markup.headline(lead=_("No indicator could be computed from these data."))
        said = [self._kind_sentence(kind) for kind in KINDS]
        lead = _("Every indicator stands beside its own target. Targets of different kinds are not added up.")
        return markup.headline(*filter(None, said), lead=lead)

    def _kind_sentence(self, kind: str) -> str:
        judged = [row["status"] for row in self._targets(kind)]
        if not judged:
            return ""
        met, missed = judged.count("met"), judged.count("not_met")
        return self.context.catalogue.gettext(
            "{kind}: met {met}, not met {missed}, cannot be said {unsure}, not computed {unknown}.",
            kind=self.context.catalogue.gettext(KINDS[kind]),
            met=met,
            missed=missed,
            unsure=judged.count("unsure"),
            unknown=judged.count("not_measured"),
        )

    def figures(self) -> Block:
        """Every figure of all residents with its interval, now and in earlier quarters."""
        _ = self.context.catalogue.gettext
        own = indicator_words.figures(self.tables, self.context, target_group="all")
        if not own:
            return markup.paragraph(_("No indicator could be computed from these data."))
        quarters, now = self._quarters(), str(self.context.quarter)
        cells = [
            {
                "name": indicator_words.name(row, self.context),
                "unit": indicator_words.unit(row, self.context),
                **{quarter: self._earlier(row, quarter) for quarter in quarters},
                now: indicator_words.cell(row, self.context),
            }
            for row in own
        ]
        columns = [
            Column("name", _("Figure")),
            Column("unit", _("Unit")),
            *(Column(quarter, _digits(quarter), "number", format=str) for quarter in quarters),
            Column(now, _("{quarter} (80% interval)", quarter=_digits(now)), "number", format=str),
        ]
        return markup.stack(
            markup.table(pd.DataFrame(cells), columns, _("Indicators by quarter"), self.context.catalogue),
            self._other_definitions(own, quarters),
        )

    def _quarters(self) -> list[str]:
        """Earlier quarters that are remembered, the oldest first."""
        own = rows(self.tables, "indicators", source="ennakointi")
        known = sorted(set(own["period"].astype(str)) - {str(self.context.quarter)}, key=Quarter.parse)
        return known[-MOST_QUARTERS:]

    def _earlier(self, row: Row, quarter: str) -> str:
        keys = {"indicator": str(row["indicator"]), "target_group": str(row["target_group"]), "period": quarter}
        found = records(rows(self.tables, "indicators", **keys))
        return indicator_words.cell(found[0], self.context) if found else self.context.catalogue.missing

    def _other_definitions(self, own: list[Row], quarters: list[str]) -> Block | None:
        """Quarters whose figures were shaped by other parameters; their difference is not a change."""
        now = {(row["indicator"], row["target_group"]): row["definition"] for row in own}
        table = rows(self.tables, "indicators", source="ennakointi")
        others = sorted(
            {
                str(row["period"])
                for row in records(table[table["period"].isin(quarters)])
                if now.get((row["indicator"], row["target_group"]), row["definition"]) != row["definition"]
            },
            key=Quarter.parse,
        )
        if not others:
            return None
        return markup.note(
            self.context.catalogue.gettext(
                "Computed with other parameters or in another way: {quarters}.",
                quarters=", ".join(map(_digits, others)),
            )
        )

    def targets(self) -> Block:
        """Three sections: limits of the law, targets of programmes, targets of our own."""
        _ = self.context.catalogue.gettext
        return markup.stack(*(markup.section(_(KINDS[kind]), self._target_table(kind), level=3) for kind in KINDS))

    def _targets(self, kind: str) -> list[Row]:
        found = records(rows(self.tables, "indicators", target_kind=kind))
        return [row for row in found if row["source"] != "ennakointi" or row["period"] == str(self.context.quarter)]

    def _target_table(self, kind: str) -> Block:
        _ = self.context.catalogue.gettext
        found = self._targets(kind)
        if not found:
            return markup.paragraph(_(NO_TARGETS[kind]))
        cells = [
            {
                "name": indicator_words.name(row, self.context),
                "period": self._period(str(row["period"])),
                "value": indicator_words.cell(row, self.context),
                "target": indicator_words.target(row, self.context),
                "status": self._status(row),
                "about": self._about(row, kind),
            }
            for row in found
        ]
        columns = [
            Column("name", _("Figure")),
            Column("period", _("Period")),
            Column("value", _("Value (80% interval)"), "number", format=str),
            Column("target", _("Target"), "number", format=str),
            Column("status", _("Target is met")),
            Column("about", _("Who set it")),
        ]
        caption = _("{kind}: values and targets", kind=_(KINDS[kind]))
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _status(self, row: Row) -> Block:
        words, tone = indicator_words.STATUS[str(row["status"])]
        return markup.verdict(self.context.catalogue.gettext(words), tone)

    def _about(self, row: Row, kind: str) -> str:
        code = f"{row['indicator']}.{kind}"
        text = self.context.labels.get("indicator_target", {}).get(code, "")
        own = row["source"] == "ennakointi"
        return text if own else " ".join(filter(None, (f"{row['source']}.", text)))

    def groups(self) -> Block:
        """The figures of every reported group; the groups overlap."""
        _ = self.context.catalogue.gettext
        own = [row for row in indicator_words.figures(self.tables, self.context) if row["target_group"] != "all"]
        if not own:
            return markup.paragraph(_("There are no target groups to show."))
        kinds = list(dict.fromkeys(str(row["indicator"]) for row in own))
        lines: dict[str, dict[str, str]] = {}
        for row in own:
            code = str(row["target_group"])
            line = lines.setdefault(code, {"group": self.context.label("target_group", code)})
            line[str(row["indicator"])] = indicator_words.cell(row, self.context)
        cells = pd.DataFrame(list(lines.values())).reindex(columns=["group", *kinds])
        columns = [
            Column("group", _("Target group")),
            *(Column(kind, self.context.label("indicator", kind), "number", format=str) for kind in kinds),
        ]
        note = _("A person may belong to several groups: the rows must not be added up.")
        return markup.table(cells, columns, _("Indicators by target group"), self.context.catalogue, note=note)

    def external(self) -> Block:
        """Figures of other publications as the source gives them."""
        _ = self.context.catalogue.gettext
        table = rows(self.tables, "indicators", target_kind="")
        found = [row for row in records(table) if row["source"] != "ennakointi"]
        if not found:
            return markup.paragraph(_("The source gives no figures of other publications."))
        cells = [
            {
                "name": indicator_words.name(row, self.context),
                "period": self._period(str(row["period"])),
                "value": self._given(row),
                "unit": indicator_words.unit(row, self.context),
                "source": row["source"],
            }
            for row in found
        ]
        columns = [
            Column("name", _("Figure")),
            Column("period", _("Period")),
            Column("value", _("Value"), "number", format=str),
            Column("unit", _("Unit")),
            Column("source", _("Source")),
        ]
        return markup.table(pd.DataFrame(cells), columns, _("Figures of other publications"), self.context.catalogue)

    def _given(self, row: Row) -> str:
        value = row["value"]
        if pd.isna(value):
            return self.context.catalogue.hidden
        return self.context.catalogue.number(float(value), 0 if float(value).is_integer() else 1)

    def _period(self, text: str) -> str:
        """`3/2025` of a quarter; months in digits, years as they are."""
        if "Q" in text:
            return _digits(text)
        return self.context.catalogue.month_short(text) if "-" in text else text

    def definitions(self) -> Block:
        """What each figure means."""
        table = rows(self.tables, "indicators")
        codes = [] if table.empty else list(dict.fromkeys(table["indicator"].astype(str)))
        meanings = self.context.labels.get("indicator_meaning", {})
        known = [(self.context.label("indicator", code), meanings[code]) for code in codes if code in meanings]
        if not known:
            return markup.paragraph(self.context.catalogue.gettext("No indicator could be computed from these data."))
        return markup.definitions(*known)


def _digits(text: str) -> str:
    """`3/2025`: a quarter in digits."""
    quarter = Quarter.parse(text)
    return f"{quarter.number}/{quarter.year}"
