"""Clearing the debt service by service: what is left and what that takes, and the services with nothing to clear."""

from __future__ import annotations

from functools import cached_property

import pandas as pd

from ennakointi.pages import reasons
from ennakointi.pages.context import Row, is_hidden, is_shown
from ennakointi.pages.debt_clearance import CLEARED, UNCLEAR, ClearanceRows
from ennakointi.pages.debt_services import capital
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column


class ClearingServices(ClearanceRows):
    """The services of a target group under the middle return scenario."""

    def block(self) -> Block:
        """The table of those that have something to clear; what plans do and the others folded."""
        return markup.stack(self._services(), self._left_out(), self._with_plans(), self._nothing_left())

    @cached_property
    def _by_service(self) -> tuple[list[Row], list[Row]]:
        """Middle scenario of the services that have something to clear, largest first, and of the others."""
        found = [self.middle(code) for code in self.found["service"].unique() if code != "all"]
        known = [row for row in found if row is not None]
        left = [row for row in known if row["status"] not in (CLEARED, UNCLEAR) and row["to_clear"] != 0]
        left.sort(key=lambda row: -row["to_clear"] if is_shown(row, "to_clear") else 0.0)
        return left, [row for row in known if row not in left]

    def _services(self) -> Block | None:
        """Each service that has something to clear: how much, what that takes, and when it is cleared."""
        _ = self.context.catalogue.gettext
        left, _others = self._by_service
        if not left:
            return None
        total = self._total(left)
        cells = [
            {
                "service": capital(self.context.label("service", row["service"])),
                "to_clear": self.amount(row, "to_clear"),
                **self.effort(row),
                "present": self._median(row),
            }
            for row in ([*left, total] if total is not None else left)
        ]
        columns = [
            Column("service", _("Service")),
            Column("to_clear", _("Left to clear"), "number", format=str),
            *self.effort_columns(),
            Column("present", _("At present capacity clear in")),
        ]
        caption = _(
            "Clearing by service {by}, probability {chance}",
            by=self.by(left[0]),
            chance=self.wanted,
        )
        notes = [
            _(
                "Left to clear: contacts in queues beyond the usual ones, and {share} of the need outside them. The "
                "months are as likely too early as too late.",
                share=self.share(left[0]),
            )
        ]
        if total is not None:
            notes.append(_("All services take more than the sum of the others: every one is to be clear at once."))
        table = pd.DataFrame(cells)
        shown = markup.table(table, columns, caption, self.context.catalogue, note=" ".join(notes))
        return markup.details(caption, shown)

    def _total(self, left: list[Row]) -> Row | None:
        """All services, which the services above it add up to; not of one, nor when it cannot be told from nothing."""
        total = self.middle("all")
        return None if total is None or len(left) < 2 or self.is_unclear(total) else total

    def _left_out(self) -> Block | None:
        """What the numbers of services leave out, folded."""
        _ = self.context.catalogue.gettext
        said = reasons.told_once(((row["service"], row["reason"]) for row in self._by_service[0]), self.context)
        return markup.details(_("What the numbers of services leave out"), markup.bullets(*said)) if said else None

    def _with_plans(self) -> Block | None:
        """The month of each service with each capacity plan that tells of it, folded."""
        _ = self.context.catalogue.gettext
        left, _others = self._by_service
        found = {row["service"]: {str(one["scenario"]): one for one in self.of(row["service"], True)} for row in left}
        plans = dict.fromkeys(plan for own in found.values() for plan in own)
        if not plans:
            return None
        cells = [
            {
                "service": self.context.label("service", row["service"]),
                "present": self._median(row),
                **{plan: self._median(found[row["service"]].get(plan)) for plan in plans},
            }
            for row in left
        ]
        columns = [
            Column("service", _("Service")),
            Column("present", _("At present capacity clear in")),
            *(
                Column(plan, _("With the plan: {plan}", plan=self.context.label("capacity_plan", plan)))
                for plan in plans
            ),
        ]
        caption = _("When the debt of each service is cleared with the capacity plans")
        return markup.details(caption, markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue))

    def _median(self, row: Row | None) -> str:
        """The month by which half of the paths are clear."""
        if row is None:
            return self.context.catalogue.missing
        if is_hidden(row, "to_clear"):
            return self.context.catalogue.hidden
        month = str(row["cleared_month"] or "")
        return self.context.catalogue.month_short(month) if month else self.context.catalogue.gettext("is not cleared")

    def _nothing_left(self) -> Block | None:
        """Services with nothing to clear, and those of which that cannot be told, folded."""
        _ = self.context.catalogue.gettext
        _left, others = self._by_service
        if not others:
            return None
        names = {
            unclear: [
                self.context.label("service", row["service"]) for row in others if (row["status"] == UNCLEAR) is unclear
            ]
            for unclear in (True, False)
        }
        join = self.context.catalogue.join
        said = [_("Cannot be told from zero: {services}.", services=join(names[True]))] if names[True] else []
        said += [_("Nothing or hardly anything: {services}.", services=join(names[False]))] if names[False] else []
        return markup.details(_("Services with nothing to clear, or too uncertain to tell"), markup.bullets(*said))
