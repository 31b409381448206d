"""How many residents come to need what: by need and horizon, by municipality, by target group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.pages import need_rows, need_words
from ennakointi.pages.area_map import merged_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column


@dataclass(frozen=True, eq=False)
class ExpectedSection:
    """Persons to whom a need comes. `tables`: released `need_demand` and `need_models`."""

    tables: Tables
    context: PageContext

    @cached_property
    def horizon(self) -> int:
        """The longest horizon in months."""
        return next(iter(need_rows.horizons(self.tables)), 0)

    @cached_property
    def outcomes(self) -> list[str]:
        """Needs with an expected number at the longest horizon, shown or hidden."""
        known = need_rows.outcomes(self.tables, self.context)
        return [code for code in known if need_rows.expected(self.tables, code, self.horizon) is not None]

    def block(self) -> Block:
        """The picture of every need, the table by need and horizon, and what each need means."""
        _ = self.context.catalogue.gettext
        if not self.outcomes:
            return self.nothing()
        return markup.stack(self._picture(), self._table(), self._meanings())

    def nothing(self) -> Block:
        """That the need to come was not computed, and what it takes."""
        _ = self.context.catalogue.gettext
        return markup.callout(
            _("The need to come has not been computed."),
            _("Needed: contacts and residents of at least two years before the quarter."),
            tone="missing",
        )

    def _picture(self) -> Block:
        _ = self.context.catalogue.gettext
        found = [(code, need_rows.expected(self.tables, code, self.horizon)) for code in self.outcomes]
        told = [
            f"{need_words.need_name(code, self.context)}: {need_words.persons(row, self.context)}"
            for code, row in found
        ]
        frame = pd.DataFrame([bar(need_words.need_name(code, self.context), row) for code, row in found])
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("residents, with the 80% forecast interval"),
            alt="; ".join(told),
            caption=_("Residents to whom the need is expected to come in {months} months", months=self.horizon),
        )
        return markup.figure(picture, name="need-expected", results=("need_demand",))

    def _table(self) -> Block:
        _ = self.context.catalogue.gettext
        cells = [
            {
                "need": need_words.need_name(code, self.context),
                "months": need_words.horizon_words(horizon, self.context),
                "expected": need_words.persons(row, self.context),
                "wide": need_words.persons(row, self.context, need_rows.WIDER),
                "contacts": self._contacts(code, horizon),
            }
            for code, horizon in need_rows.pairs(self.tables, self.context)
            if (row := need_rows.expected(self.tables, code, horizon)) is not None
        ]
        columns = [
            Column("need", _("Need")),
            Column("months", _("Months ahead")),
            Column("expected", _("Residents (80% interval)"), "number", format=str),
            Column("wide", _("Residents (90% interval)"), "number", format=str),
            Column("contacts", _("Their contacts with services")),
        ]
        note = _("A resident may come to have several needs: the rows must not be added up.")
        return markup.table(
            pd.DataFrame(cells),
            columns,
            _("Expected need to come"),
            self.context.catalogue,
            note=note,
            name="need-expected",
            results=("need_demand",),
        )

    def _contacts(self, outcome: str, horizon: int) -> str:
        """`Kotihoito: 34 000; Avosairaanhoito: 2 100`."""
        catalogue = self.context.catalogue
        told = [
            f"{self.context.label('service', str(row['service']))}: "
            f"{catalogue.hidden if is_hidden(row, 'contacts') else catalogue.significant(float(row['contacts']))}"
            for row in need_rows.contacts(self.tables, outcome, horizon)
        ]
        return "; ".join(told) or catalogue.missing

    def _meanings(self) -> Block | None:
        about = self.context.labels.get("need_about", {})
        known = [(need_words.need_name(code, self.context), about[code]) for code in self.outcomes if about.get(code)]
        if not known:
            return None
        return markup.details(self.context.catalogue.gettext("What each need means"), markup.definitions(*known))

    def where(self) -> Block:
        """The longest horizon by municipality and by target group."""
        _ = self.context.catalogue.gettext
        if not self.outcomes:
            return self.nothing()
        return markup.stack(
            markup.section(_("Municipalities"), self._municipalities(), level=3),
            markup.section(_("Target groups"), self._groups(), level=3),
        )

    def _municipalities(self) -> Block:
        _ = self.context.catalogue.gettext
        codes = need_rows.keys_of(self.tables, "municipality", target_group=need_rows.ALL)
        if not codes:
            return markup.paragraph(_("The need to come has not been divided by municipality."))
        together = merged_words(codes, self.context)
        table = self._by(
            codes, _("Municipality"), self._at_place, need_words.place_name, _("Need to come by municipality")
        )
        drawn = self._drawn(codes)
        picture = self._places_picture(drawn, [(code, self._at_place(drawn, code)) for code in codes])
        return markup.stack(markup.paragraph(together) if together else None, picture, table)

    def _drawn(self, codes: Sequence[str]) -> str:
        """The first need that at least half of the municipalities have a number for; the first one without such."""
        for outcome in self.outcomes:
            found = [row for code in codes if (row := self._at_place(outcome, code)) is not None]
            if 2 * sum(is_shown(row, "expected") and row["expected"] > 0 for row in found) >= len(codes):
                return outcome
        return self.outcomes[0]

    def _places_picture(self, outcome: str, known: Sequence[tuple[str, Row | None]]) -> Block | None:
        """A need by municipality, the largest number first and hidden ones last."""
        _ = self.context.catalogue.gettext
        drawn = [bar(need_words.place_name(code, self.context), row) for code, row in known if row is not None]
        shown = sorted(drawn, key=lambda one: -one["value"] if np.isfinite(one["value"]) else np.inf)
        if not shown or not np.isfinite(shown[0]["value"]):
            return None
        name = need_words.need_name(outcome, self.context)
        most = self.context.catalogue.significant(float(shown[0]["value"]))
        picture = figures.bars(
            pd.DataFrame(shown),
            catalogue=self.context.catalogue,
            unit=_("residents, with the 80% forecast interval"),
            alt=_("Most in this municipality: {municipality}, {n}.", municipality=shown[0]["label"], n=most),
            caption=_("{need} by municipality in {months} months", need=name, months=self.horizon),
        )
        return markup.figure(picture, name="need-municipalities", results=("need_demand",))

    def _groups(self) -> Block:
        _ = self.context.catalogue.gettext
        codes = need_rows.keys_of(self.tables, "target_group", municipality=need_rows.ALL)
        if not codes:
            return markup.paragraph(_("The need to come has not been divided by target group."))
        return self._by(
            codes,
            _("Target group"),
            self._of_group,
            lambda code, context: context.label("target_group", code),
            _("Need to come by target group"),
            _("A person may belong to several groups: the rows must not be added up."),
        )

    def _at_place(self, outcome: str, municipality: str) -> Row | None:
        return need_rows.expected(self.tables, outcome, self.horizon, municipality=municipality)

    def _of_group(self, outcome: str, target_group: str) -> Row | None:
        return need_rows.expected(self.tables, outcome, self.horizon, target_group=target_group)

    def _by(
        self,
        codes: Sequence[str],
        title: str,
        find: Callable[[str, str], Row | None],
        name: Callable[[str, PageContext], str],
        caption: str,
        note: str = "",
    ) -> Block:
        """Parts of the residents in rows, needs in columns."""
        cells = [
            {"name": name(code, self.context)}
            | {outcome: need_words.persons(find(outcome, code), self.context) for outcome in self.outcomes}
            for code in codes
        ]
        columns = [
            Column("name", title),
            *(
                Column(outcome, need_words.need_name(outcome, self.context), "number", format=str)
                for outcome in self.outcomes
            ),
        ]
        about = self.context.catalogue.gettext(
            "{caption}: residents in {months} months (80% forecast interval)", caption=caption, months=self.horizon
        )
        return markup.table(
            pd.DataFrame(cells), columns, about, self.context.catalogue, note=note, results=("need_demand",)
        )


def bar(label: str, row: Row | None) -> dict[str, Any]:
    """A bar of expected persons; not a number where it is hidden."""
    columns = dict(zip(("value", "lo", "hi"), need_rows.EXPECTED, strict=True))
    shown = row is not None and is_shown(row, "expected")
    return {"label": label} | {
        name: float(row[column]) if shown and row is not None else np.nan for name, column in columns.items()
    }
