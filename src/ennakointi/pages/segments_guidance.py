"""Guidance: whether clients get to the right place at once, come back soon, and have a plan."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages.context import Row, is_shown, records, rows
from ennakointi.pages.segments_words import EVERYONE, Segments
from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

INDICATORS = {
    "right_place": N_("Got to the right place at once"),
    "answered_same_day": N_("Answered on the same day"),
    "solved_at_once": N_("Solved at the first approach"),
    "redirected": N_("Redirected to another service"),
    "repeat_7": N_("Came back within 7 days"),
    "repeat_30": N_("Came back within 30 days"),
    "plan": N_("Multi-service clients who have a plan"),
}
NEEDED = {
    "requests": N_("when the client got in touch, when the answer came, and where the client was guided"),
    "plans": N_("who has a multi-professional plan, and from which day"),
}


@dataclass(frozen=True, eq=False)
class GuidanceSection:
    """The table `guidance`."""

    segments: Segments

    def block(self) -> Block:
        """The indicators of all services now and a year ago, by service folded, and what data are missing."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        lacking = [
            s.context.source_missing(table, _(needed)) for table, needed in NEEDED.items() if table in s.context.missing
        ]
        now = self._known(EVERYONE)
        if not now:
            return markup.stack(markup.paragraph(_("Guidance of clients has not been computed.")), *lacking)
        said = self.sentence()
        return markup.stack(markup.paragraph(said) if said else None, self._table(), self._by_service(), *lacking)

    def sentence(self) -> str:
        """Right place and return within a week; empty when neither is shown."""
        catalogue, s = self.segments.context.catalogue, self.segments
        found = [(name, self._row(code, EVERYONE)) for code, name in INDICATORS.items() if code != "plan"]
        told = [f"{catalogue.gettext(name)}: {s.share(row, 'share')}." for name, row in found if is_shown(row, "share")]
        return " ".join(told[:2])

    def _row(self, indicator: str, service: str, quarter: Quarter | None = None) -> Row:
        when = str(quarter or self.segments.context.quarter)
        return self.segments.row("guidance", indicator=indicator, service=service, quarter=when)

    def _known(self, service: str) -> dict[str, Row]:
        found = {code: self._row(code, service) for code in INDICATORS}
        return {code: row for code, row in found.items() if row}

    def _table(self) -> Block:
        """All services together: now, a year ago, and of how many."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        now = s.context.quarter
        before = Quarter(now.year - 1, now.number)
        cells = [
            {
                "name": _(INDICATORS[code]),
                "now": s.share(row, "share"),
                "before": s.share(self._row(code, EVERYONE, before), "share"),
                "whole": s.count(row, "whole"),
            }
            for code, row in self._known(EVERYONE).items()
        ]
        columns = [
            Column("name", _("Guidance")),
            Column("now", f"{now.number}/{now.year}", "number", format=str),
            Column("before", f"{before.number}/{before.year}", "number", format=str),
            Column("whole", _("Of how many"), "number", format=str),
        ]
        caption = _("Guidance of clients, all services together")
        return markup.table(pd.DataFrame(cells), columns, caption, catalogue, name="guidance", results=("guidance",))

    def _by_service(self) -> Block | None:
        """One row a service; None when there are none."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = rows(s.tables, "guidance", quarter=str(s.context.quarter))
        services = [code for code in dict.fromkeys(found["service"].astype(str)) if code != EVERYONE]
        shown = {str(row["indicator"]) for row in records(found) if row["service"] != EVERYONE}
        if not services:
            return None
        cells = [
            {
                "name": s.context.label("service", service),
                **{code: s.share(self._row(code, service), "share") for code in INDICATORS if code in shown},
            }
            for service in services
        ]
        columns = [
            Column("name", _("Service")),
            *(Column(code, _(name), "number", format=str) for code, name in INDICATORS.items() if code in shown),
        ]
        caption = _("Guidance of clients by service")
        table = markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, name="guidance-services", results=("guidance",)
        )
        return markup.details(caption, table)
