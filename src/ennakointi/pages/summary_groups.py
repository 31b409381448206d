"""The target groups of the summary: what is missing, which way it goes, how long the wait is, how need changes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_words, demand_words
from ennakointi.pages.context import PageContext, Row, Tables, intervals, is_shown, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

DIRECTIONS = {  # of a change since the last quarter
    "shrinking": (N_("shrinking"), "good"),
    "growing": (N_("growing"), "bad"),
    "within": (N_("change within its uncertainty"), "unsure"),
    "unknown": (N_("change cannot be told"), "neutral"),
}


def direction(tables: Tables, target_group: str) -> str:
    """Which way the difference of a group went since the last quarter: a key of `DIRECTIONS`.

    The split of the change (`changes`) says it where there is one, else the account itself.
    """
    for row in records(rows(tables, "changes", indicator="debt_now", target_group=target_group)):
        if row["within_uncertainty"] in ("yes", "no") and is_shown(row, "total"):
            moved = "shrinking" if row["total"] < 0 else "growing"
            return "within" if row["within_uncertainty"] == "yes" else moved
    series = rows(tables, "service_debt", target_group=target_group, service="all")
    change = debt_words.change_since_last_quarter(series if series.empty else series.sort_values("month"))
    if change is None:
        return "unknown"
    return "within" if not change.certain else "shrinking" if change.share < 0 else "growing"


@dataclass(frozen=True, eq=False)
class GroupsTable:
    """Every reported group in one table. `tables`: all released tables of the quarter."""

    tables: Tables
    context: PageContext

    def block(self) -> Block:
        """The table; its rows overlap, and groups without a debt say why."""
        _ = self.context.catalogue.gettext
        reported = self._reported
        if reported.empty:
            return markup.paragraph(_("There are no target groups to show."))
        remarks = self._remarks(reported)
        return markup.stack(
            markup.table(
                pd.DataFrame([self._cells(row) for row in records(reported)]),
                self._columns,
                _("Debt, waiting and need by target group"),
                self.context.catalogue,
                note=_("A person may belong to several groups: the rows must not be added up."),
                name="target-groups",
                results=("target_groups", "debt_summary", "service_debt", "queue_pressure", "demand_outlook"),
            ),
            markup.details(_("Groups whose numbers lack something, and why"), markup.bullets(*remarks))
            if remarks
            else None,
        )

    @property
    def _reported(self) -> pd.DataFrame:
        groups = rows(self.tables, "target_groups")
        summaries = rows(self.tables, "debt_summary", service="all")
        known = set() if summaries.empty else set(summaries["target_group"])
        linked = {group for notebook, group in self.context.links if notebook == "service_debt"}
        return groups if groups.empty else groups[groups["target_group"].isin(known | linked)]

    @property
    def _columns(self) -> list[Column]:
        _ = self.context.catalogue.gettext
        columns = [
            Column("group", _("Target group")),
            Column("n_persons", _("Persons"), "number"),
            Column("debt", _("Service debt (80% interval)"), "number", format=str),
            Column("weeks", _("In weeks of normal services"), "number", format=str),
            Column("now", _("Difference now (80% interval)"), "number", format=str),
            Column("direction", _("From the previous quarter")),
        ]
        if not rows(self.tables, "queue_pressure").empty:
            columns.append(Column("wait", _("Mean wait, weeks"), "number", format=str))
        year, _change = demand_words.to_the_end(self.tables, "all", self.context)
        if year is not None:
            title = _("Change of need by {year} (80% interval)", year=f"{year}")
            columns.append(Column("need", title, "number", format=str))
        return columns

    def _cells(self, group: Row) -> dict[str, object]:
        code, catalogue = str(group["target_group"]), self.context.catalogue
        label = self.context.linked(self.context.label("target_group", code), "service_debt", code)
        cells: dict[str, object] = {key: group[key] for key in ("n_persons", "suppressed")}
        cells |= {"group": label} | dict.fromkeys(("debt", "weeks", "now", "direction"), catalogue.missing)
        total = debt_words.summary_row(self.tables, code)
        if total is not None and total["status"] == "debt":
            cells["debt"] = intervals(total, *debt_words.DEBT, catalogue)
            cells["weeks"] = debt_words.weeks(total, self.context)
            cells["now"] = intervals(total, *debt_words.NOW, catalogue)
            words, tone = DIRECTIONS[direction(self.tables, code)]
            cells["direction"] = markup.verdict(catalogue.gettext(words), tone)
        cells["wait"] = self._wait(code)
        cells["need"] = demand_words.share_cell(demand_words.to_the_end(self.tables, code, self.context)[1], catalogue)
        return cells

    def _wait(self, code: str) -> str:
        """The mean wait over the group's queues, weighted by the referrals received; a dash where none is shown."""
        found = rows(self.tables, "queue_pressure", target_group=code, status="measured")
        shown = (
            found if found.empty else found[found["service"] != "all"].dropna(subset=["mean_wait_weeks", "received"])
        )
        if shown.empty or not shown["received"].sum():
            return self.context.catalogue.missing
        mean = (shown["mean_wait_weeks"] * shown["received"]).sum() / shown["received"].sum()
        return self.context.catalogue.number(float(mean))

    def _remarks(self, reported: pd.DataFrame) -> list[str]:
        """Why groups have no debt, and what their members were told without; each reason once."""
        said: dict[str, list[str]] = {}
        for code in reported["target_group"].astype(str):
            total = debt_words.summary_row(self.tables, code)
            has_debt = total is not None and total["status"] == "debt"
            why = "" if has_debt else debt_words.refusal(self.tables, code, self.context)[-1]
            remark = " ".join(filter(None, (why, self.context.incomplete_words(self.tables, code))))
            if remark:
                said.setdefault(remark, []).append(self.context.label("target_group", code))
        return [f"{'; '.join(names)}: {remark}" for remark, names in said.items()]
