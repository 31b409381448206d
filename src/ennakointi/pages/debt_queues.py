"""The queues behind the debt: how full they are, which way they go, and how well that could be foretold."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import reasons
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.pages.debt_services import DIRECTIONS, significant
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

BALANCE = 1.0  # referrals per treatments; from here on no steady state exists
NO_BALANCE = N_("no balance")
FULL = {  # load of one or more, by whether the queue surely grows
    True: N_("The queue has no balance and grows: more referrals stay for care than treatments begin: {services}."),
    False: N_(
        "The queue has no balance, because at least as many referrals stay for care as treatments begin; the "
        "difference may be chance: {services}."
    ),
}
WAYS = {
    "growing": N_("The queue grows, by more than its uncertainty: {services}."),
    "shrinking": N_("The queue gets shorter, by more than its uncertainty: {services}."),
}


@dataclass(frozen=True, eq=False)
class QueueSection:
    """Queue pressure of a target group. `tables`: released `queue_pressure`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block:
        """What the queues are like in a few sentences, the table, and the tests of their projection."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "queue_pressure", target_group=self.target_group)
        if found.empty:
            return self._missing()
        hidden = pd.Series([is_hidden(row, "load") for row in records(found)], index=found.index)
        measured = found[(found["status"] == "measured") & ~hidden].sort_values("load", ascending=False)
        if measured.empty:
            return markup.stack(markup.paragraph(_("No queue could be measured.")), self._remarks(found))
        said = self._sentences(measured)
        return markup.stack(
            markup.bullets(*said) if said else None,
            markup.details(self.context.catalogue.gettext("Queues now"), self._table(measured)),
            self._tests(measured),
            self._remarks(found),
        )

    def _missing(self) -> Block:
        _ = self.context.catalogue.gettext
        if "referrals" in self.context.missing:
            return self.context.source_missing("referrals", _("the days of entering and of leaving each queue"))
        return markup.paragraph(_("No queue could be measured."))

    def _sentences(self, measured: pd.DataFrame) -> list[str]:
        """Queues without balance, and the others that surely grow or shrink."""
        single = measured[measured["service"] != "all"]
        full, growing = single["load"] >= BALANCE, single["growing"] == "growing"
        told = [(words, single[full & (growing == sure)]) for sure, words in FULL.items()]
        told += [(words, single[~full & (single["growing"] == way)]) for way, words in WAYS.items()]
        return [
            self.context.catalogue.gettext(words, services=self.context.catalogue.join(self._names(found)))
            for words, found in told
            if not found.empty
        ]

    def _names(self, found: pd.DataFrame) -> list[str]:
        return [self.context.label("service", code) for code in found["service"]]

    def _table(self, measured: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        relieved = measured["relief_capacity"].notna().any()
        columns = [
            Column("service", _("Service")),
            Column("waiting", _("Waiting (target)"), "number", format=str),
            Column("flow", _("Come / treated in a week"), "number", format=str),
            Column("load", _("Load"), "number", format=str),
            Column("wait", _("Wait so far (limit), weeks"), "number", format=str),
            Column("state", _("Queue")),
            *([Column("relief", _("Pace needed, in a week"), "number", format=str)] if relieved else []),
        ]
        note = _(
            "Load: referrals that stay for care per treatments begun over the last 12 months; from 1 up the queue has "
            "no balance. Target: the queue at which the wanted share is treated within the limit."
        )
        pace = _("Pace needed: treatments that bring a queue far above its target down to it.") if relieved else ""
        cells = pd.DataFrame([self._cells(row) for row in records(measured)])
        said = " ".join(filter(None, (note, pace)))
        return markup.table(cells, columns, _("Queues now"), self.context.catalogue, note=said)

    def _cells(self, row: Row) -> dict[str, str]:
        catalogue = self.context.catalogue

        def number(column: str) -> str:
            return significant(row, column, catalogue)

        def weeks(column: str) -> str:
            return catalogue.number(float(row[column])) if is_shown(row, column) else number(column)

        return {
            "service": self.context.label("service", row["service"]),
            "waiting": _beside(number("waiting"), number("target_queue"), " ({})", catalogue.missing),
            "flow": _beside(number("received_per_week"), number("started_per_week"), " / {}", catalogue.missing),
            "load": self._load(row),
            "wait": _beside(weeks("mean_wait_weeks"), weeks("limit_weeks"), " ({})", catalogue.missing),
            "state": self._state(row),
            "relief": number("relief_capacity"),
        }

    def _load(self, row: Row) -> str:
        catalogue = self.context.catalogue
        return catalogue.number(row["load"], 2) if is_shown(row, "load") else significant(row, "load", catalogue)

    def _state(self, row: Row) -> str:
        """Which way the queue goes, and whether it has a balance, in words; a full queue is not called unclear."""
        if is_hidden(row, "growth_per_month"):
            return self.context.catalogue.hidden
        full = is_shown(row, "load") and row["load"] >= BALANCE
        told = row["growing"] in WAYS or not full
        words = [DIRECTIONS.get(str(row["growing"]), "") if told else "", NO_BALANCE if full else ""]
        said = ", ".join(self.context.catalogue.gettext(word) for word in words if word)
        return said or self.context.catalogue.missing

    def _tests(self, measured: pd.DataFrame) -> Block | None:
        """How well the projection did on the half of the history that it had not seen, folded."""
        _ = self.context.catalogue.gettext
        known = ["backtest_error_6", "backtest_error_12", "disagreement"]
        tested = measured.dropna(subset=known, how="all")
        if tested.empty:
            return None
        percent = self.context.catalogue.percent
        cells = [
            {
                "service": self.context.label("service", row["service"]),
                **{
                    name: percent(row[name]) if is_shown(row, name) else self.context.catalogue.missing
                    for name in known
                },
                "reason": self.context.words(row["disagreement_reason"]),
            }
            for row in records(tested)
        ]
        columns = [
            Column("service", _("Service")),
            Column("backtest_error_6", _("Error after 6 months"), "number", format=str),
            Column("backtest_error_12", _("Error after 12 months"), "number", format=str),
            Column("disagreement", _("Largest difference of the computations"), "number", format=str),
            Column("reason", _("Why they differ")),
        ]
        note = _(
            "The projection was made on the first half of the history and compared with the second. The queue is "
            "computed in three ways: by formulas, by a month-to-month projection and by simulation."
        )
        table = markup.table(pd.DataFrame(cells), columns, _("Tests of the queues"), self.context.catalogue, note=note)
        return markup.details(_("How well are the queues foretold?"), table)

    def _remarks(self, found: pd.DataFrame) -> Block | None:
        """What is left out of single queues, and why others could not be measured; queues of one reason together."""
        hidden = f"{self.context.catalogue.hidden}."
        each = [(row["service"], hidden if is_hidden(row, "load") else row["reason"]) for row in records(found)]
        said = reasons.told_once(each, self.context)
        return (
            markup.details(self.context.catalogue.gettext("Remarks on single queues"), markup.bullets(*said))
            if said
            else None
        )


def _beside(first: str, second: str, pattern: str, missing: str) -> str:
    """`1 240 (810)`; what is not known or hidden alike is not said twice."""
    return first if second in (missing, first) else first + pattern.format(second)
