"""Early identification: how many of those to whom a need came were known to the right service before, and how long."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ennakointi.pages import need_rows, need_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column

MOST_TOLD = 3  # needs on the first screen


SHARES = ("known_share", "known_of_at_risk")


@dataclass(frozen=True, eq=False)
class EarlySection:
    """Who was known before. `tables`: released `early_identification`."""

    tables: Tables
    context: PageContext

    @cached_property
    def horizon(self) -> int:
        """The longest horizon in months."""
        known = rows(self.tables, "early_identification")
        return 0 if known.empty else int(known["horizon_months"].astype(int).max())

    @cached_property
    def known(self) -> list[tuple[str, Row]]:
        """Each need with its row of all residents and any of the right services."""
        codes = dict.fromkeys(
            [*self.context.labels.get("need", {}), *rows(self.tables, "early_identification").get("outcome", ())]
        )
        found = [(str(code), need_rows.known_before(self.tables, str(code), self.horizon)) for code in codes]
        return [(code, row) for code, row in found if row is not None]

    def sentence(self, most: int = MOST_TOLD) -> str:
        """The smallest shares, for the first screen; empty where none is shown."""
        shown = [(float(row["known_share"]), code) for code, row in self.known if is_shown(row, "known_share")]
        told = [
            f"{need_words.need_name(code, self.context)} {self.context.catalogue.percent(share)}"
            for share, code in sorted(shown)
        ]
        if not told:
            return ""
        if len(told) > most:
            return self.context.catalogue.gettext(
                "The right service knew before, the smallest shares of those to whom the need came: {shares}.",
                shares=", ".join(told[:most]),
            )
        return self.context.catalogue.gettext(
            "The right service knew before, of those to whom the need came: {shares}.", shares=", ".join(told)
        )

    def block(self) -> Block:
        """The shares in a picture and a table, and by target group folded."""
        _ = self.context.catalogue.gettext
        if not self.known:
            return markup.callout(
                _("How early needs are noticed has not been computed."),
                _("Needed: the right services of each need in the parameters, and their contacts of earlier years."),
                tone="missing",
            )
        lowest = self._lowest()
        return markup.stack(
            markup.paragraph(lowest) if lowest else None,
            self._picture(),
            self._table(pd.DataFrame([row for _code, row in self.known]), "service"),
            self._folded(_("By service"), "service", "target_group"),
            self._folded(_("By target group"), "target_group", "service"),
            markup.note(
                _(
                    "Known before: a contact with the right service in the two years before the day of prediction. "
                    "The time runs from the first of them to the need."
                )
            ),
        )

    def _lowest(self) -> str:
        """The need that comes most often as a surprise."""
        shown = [(code, row) for code, row in self.known if is_shown(row, "known_share")]
        if len(shown) < 2:
            return ""
        code, row = min(shown, key=lambda pair: pair[1]["known_share"])
        return self.context.catalogue.gettext(
            "Most often unnoticed before: {need}. Of those with the need the right service knew {share} before.",
            need=need_words.need_name(code, self.context),
            share=self.context.catalogue.percent(float(row["known_share"])),
        )

    def _picture(self) -> Block | None:
        _ = self.context.catalogue.gettext
        if not any(is_shown(row, "known_share") for _code, row in self.known):
            return None
        frame = pd.DataFrame(
            {
                "label": need_words.need_name(code, self.context),
                "value": round(100 * row["known_share"]) if is_shown(row, "known_share") else np.nan,
            }
            for code, row in self.known
        )
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("per cent of those to whom the need came"),
            alt=self.sentence(len(frame)),
            caption=_("Known to the right service before the need came"),
        )
        return markup.figure(picture, name="need-known", results=("early_identification",))

    def _folded(self, title: str, kind: str, other: str) -> Block | None:
        """The parts of a kind, with the whole of the other kind; None where there are none."""
        found = rows(self.tables, "early_identification", **{other: need_rows.ALL})
        own = found if found.empty else found[found[kind] != need_rows.ALL]
        return None if own.empty else markup.details(title, self._table(own, kind))

    def _table(self, found: pd.DataFrame, kind: str) -> Block:
        _ = self.context.catalogue.gettext
        own = found[found["horizon_months"].astype(int) == self.horizon]
        order = [code for code, _row in self.known]
        told = sorted(records(own), key=lambda row: order.index(row["outcome"]) if row["outcome"] in order else 99)
        titles = {"service": _("The right service"), "target_group": _("Target group")}
        columns = [
            Column("need", _("Need")),
            Column("part", titles[kind]),
            Column("with_need", _("Residents to whom the need came"), "number", format=str),
            Column("known", _("Known before"), "number", format=str),
            Column("share", _("Share known before"), "number", format=str),
            Column("all", _("Of all at risk, known then"), "number", format=str),
            Column("days", _("Median time known before, days"), "number", format=str),
        ]
        return markup.table(
            pd.DataFrame([self._cells(row, kind) for row in told]),
            columns,
            _("Known to the right service before the need came, {months} months", months=self.horizon),
            self.context.catalogue,
            results=("early_identification",),
        )

    def _cells(self, row: Row, kind: str) -> dict[str, str]:
        catalogue, code = self.context.catalogue, str(row[kind])
        anyone = kind == "service" and code == need_rows.ALL

        def cell(column: str) -> str:
            if is_hidden(row, column):
                return catalogue.hidden
            if not is_shown(row, column):
                return catalogue.missing
            value = float(row[column])
            return catalogue.percent(value) if column in SHARES else catalogue.significant(value)

        return {
            "need": need_words.need_name(str(row["outcome"]), self.context),
            "part": catalogue.gettext("any of them") if anyone else self.context.label(kind, code),
            "with_need": cell("with_need"),
            "known": cell("known"),
            "share": cell("known_share"),
            "all": cell("known_of_at_risk"),
            "days": cell("lead_days"),
        }
