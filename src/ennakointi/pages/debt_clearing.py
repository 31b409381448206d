"""Clearing the debt: what it takes to be clear by a date, as a sentence, a picture and tables."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ennakointi.pages import reasons
from ennakointi.pages.context import Row, is_hidden, is_shown, rows
from ennakointi.pages.debt_clearance import (
    CAPACITY,
    CLEARED,
    MONTHS_PER_WEEK,
    NEVER,
    REFUSED,
    ClearanceRows,
)
from ennakointi.pages.debt_clearing_services import ClearingServices
from ennakointi.report import figures, markup
from ennakointi.report.figures import Curve
from ennakointi.report.markup import Block, Column
from ennakointi.text import EN_DASH, JOINER, NBSP


class ClearingSection(ClearanceRows):
    """Clearing the debt of a target group. `tables`: released `debt_clearance` and `clearance_curve`."""

    def sentence(self) -> str:
        """What it takes to be clear by the first date, and what present capacity does; empty when not computed."""
        row = self._main
        if row is None and self.refusal:
            return self.context.catalogue.gettext("It is not known how much service debt is left to clear.")
        return "" if row is None else " ".join(filter(None, (self._wanted(row), self._present(row))))

    def left_sentence(self) -> str:
        """How much is left to clear at the end of the data; empty where that is not known or not told from nothing."""
        row = self._main
        if row is None or self.is_unclear(row) or row["status"] == CLEARED or not is_shown(row, "to_clear"):
            return ""
        return self.context.catalogue.gettext(
            "Still to clear in {month}: about {left} contacts in queues and of hidden need, if {share} of it comes "
            "back.",
            month=self.context.catalogue.month_short(f"{self.context.as_of:%Y-%m}"),
            left=self.amount(row, "to_clear"),
            share=self.share(row),
        )

    @property
    def calls_for_capacity(self) -> bool:
        """Whether something must be added: a debt that surely is left, and that present capacity does not clear."""
        row = self._main
        return row is not None and row["status"] != CLEARED and not self.is_unclear(row) and self.needs(row)

    def block(self) -> Block:
        """The sentences, the picture, what other dates and scenarios take, the plans and the services; of a debt that
        cannot be told from nothing only the services."""
        _, row = self.context.catalogue.gettext, self._main
        if row is None:
            said = self.sentence() or _("What clearing the debt takes has not been computed.")
            return markup.stack(markup.paragraph(*filter(None, (said, self.refusal))), self._refused())
        told = (self.sentence(), self._range(), self.context.words(row["reason"]))
        if not is_shown(row, "to_clear"):
            return markup.stack(markup.paragraph(*filter(None, told)), self._refused())
        services = (ClearingServices(self.tables, self.target_group, self.context).block(), self._refused())
        if self.is_unclear(row):
            return markup.stack(markup.paragraph(*filter(None, told)), *services)
        return markup.stack(
            markup.paragraph(*filter(None, told)),
            self._figure(row),
            markup.note(*self._meaning(row)),
            self._requirements(),
            self._plans(),
            *services,
        )

    @property
    def _main(self) -> Row | None:
        return self.middle("all")

    def _wanted(self, row: Row) -> str:
        """The capacity for the wanted chance, or why there is none to tell."""
        _ = self.context.catalogue.gettext
        if is_hidden(row, CAPACITY):
            return _("Clearing the service debt: {hidden}.", hidden=self.context.catalogue.hidden)
        if row["status"] == CLEARED and self.context.words(row["reason"]):
            return _("The services that could be estimated have no service debt left to clear.")
        if row["status"] == CLEARED:
            return _("There is no service debt left to clear.")
        if self.is_unclear(row):
            return _("A debt to clear cannot be told from the uncertainty.")
        if not is_shown(row, CAPACITY):
            return _("Added contacts cannot clear the service debt {by}.", by=self.by(row))
        if not self.needs(row):
            return _(
                "Present capacity is enough: the service debt is cleared {by} with a probability of {chance}.",
                by=self.by(row),
                chance=self.chance(row),
            )
        return _(
            "Queues and returning need are cleared {by} with {chance} probability if {contacts} contacts a week are "
            "added ({years} person-years, about {euros} a year).",
            by=self.by(row),
            chance=self.wanted,
            contacts=self.a_week(row, CAPACITY),
            years=self.years(row),
            euros=self.euros(row),
        )

    def _present(self, row: Row) -> str:
        """What present capacity does where it is not enough."""
        _ = self.context.catalogue.gettext
        enough = is_shown(row, CAPACITY) and not self.needs(row)
        if row["status"] == CLEARED or self.is_unclear(row) or is_hidden(row, CAPACITY) or enough:
            return ""
        if row["status"] == NEVER:
            return _("At present capacity it is not cleared.")
        return _("At present capacity the probability is {chance}.", chance=self.chance(row))

    def _range(self) -> str:
        """The capacity over the return scenarios, where every one of them has one."""
        first = self.first("all")
        if len(first) < 2 or not all(is_shown(row, CAPACITY) for row in first) or not self.needs(first[-1]):
            return ""
        if any(self.is_unclear(row) for row in first):
            return ""
        low, high = first[0], first[-1]
        return self.context.catalogue.gettext(
            "If only {low_share} of the need outside the queues comes back, {low} a week are enough; if {high_share} "
            "comes back, {high} are needed.",
            low_share=self.share(low),
            low=self.a_week(low, CAPACITY),
            high_share=self.share(high),
            high=self.a_week(high, CAPACITY),
        )

    def _figure(self, row: Row) -> Block | None:
        """Chances against added capacity in three return scenarios."""
        _ = self.context.catalogue.gettext
        drawn = [(one, curve) for one in self.first("all") if (curve := self._curve(one)) is not None]
        if not drawn:
            return None
        curves, shares = [curve for _one, curve in drawn], [self.share(one) for one, _curve in drawn]
        by = self.by(row)
        picture = figures.clearing_curves(
            curves,
            wanted=self.context.wanted_chance,
            catalogue=self.context.catalogue,
            title=_("Probability that the service debt is cleared {by}", by=by),
            x_label=_("contacts added a week"),
            alt=" ".join(filter(None, (self.sentence(), self._range()))),
            caption=_("What share of the need comes back decides how much capacity clearing takes"),
        )
        return markup.figure(picture, self._points(curves, shares, by), _("Numbers as a table"))

    def _curve(self, row: Row) -> Curve | None:
        keys = {"target_group": self.target_group, "service": "all", "scenario": str(row["scenario"])}
        points = rows(self.tables, "clearance_curve", **keys).dropna(subset=["probability_cleared"])
        points = points.sort_values("step")
        if len(points) < 2 or not points["capacity_added_per_month"].max() > 0:
            return None
        _ = self.context.catalogue.gettext
        most = float(points["capacity_added_per_month"].max()) * MONTHS_PER_WEEK  # the steps are even, these rounded
        capacity = most * points["step"].to_numpy(dtype=float) / float(points["step"].max())
        chance = points["probability_cleared"].to_numpy(dtype=float)
        needed = float(row[CAPACITY]) * MONTHS_PER_WEEK if is_shown(row, CAPACITY) else math.nan
        enough, share, contacts = math.isfinite(needed), self.share(row), self.a_week(row, CAPACITY)
        if enough and chance[-1] >= self.context.wanted_chance:
            needed = float(np.interp(self.context.wanted_chance, chance, capacity))
        remarks = (
            _("{years} person-years", years=self.years(row)),
            _("{euros} a year", euros=self.euros(row)),
        )
        return Curve(
            _("a week, if {share} comes back", share=share)
            if enough
            else _("not enough, if {share} comes back", share=share),
            capacity,
            chance,
            needed,
            f"+{contacts}" if contacts[0].isdigit() else contacts,
            remarks if enough and self.needs(row) else (),
        )

    def _points(self, curves: list[Curve], shares: list[str], by: str) -> Block:
        """The curves as a table: a row for each capacity."""
        _ = self.context.catalogue.gettext
        digits = 0 if curves[0].capacity[-1] >= len(curves[0].capacity) else 1
        frame = pd.DataFrame({"capacity": [self.context.catalogue.number(x, digits) for x in curves[0].capacity]})
        columns = [Column("capacity", _("Contacts added a week"), "number", format=str)]
        for number, (curve, share) in enumerate(zip(curves, shares, strict=True)):
            frame[f"{number}"] = [self.percent(chance) for chance in curve.chance]
            columns.append(Column(f"{number}", _("If {share} comes back", share=share), "number", format=str))
        caption = _("Probability that the service debt is cleared {by}", by=by)
        return markup.table(frame, columns, caption, self.context.catalogue)

    def _meaning(self, row: Row) -> list[str]:
        """What the scenarios are, and what the numbers are not."""
        _ = self.context.catalogue.gettext
        shares = [self.share(one) for one in self.first("all")]
        return [
            _(
                "Nobody knows how much of the need outside the queues comes back. In the scenarios {shares} of it "
                "comes back little by little; the sentence above is of {middle}.",
                shares=self.context.catalogue.join(shares),
                middle=self.share(row),
            ),
            _(
                "The debt is cleared when in every service that surely has some the queue is back at its usual length "
                "and the need that came back has been met. What one service has over treats nobody in the queue of "
                "another, and services whose debt cannot be told from zero are not counted."
            ),
            _("Work and euros are those of the added contacts at the unit costs of the parameters."),
        ]

    def _requirements(self) -> Block:
        """What each date takes in each return scenario."""
        _ = self.context.catalogue.gettext
        cells = [
            {
                "date": self.context.catalogue.month_short(str(row["target_date"])),
                "share": self.share(row),
                **self.effort(row),
                "chance": self.chance(row),
            }
            for row in self.of("all")
        ]
        columns = [
            Column("date", _("Cleared by")),
            Column("share", _("Comes back"), "number", format=str),
            *self.effort_columns(),
            Column("chance", _("Probability at present capacity"), "number", format=str),
        ]
        caption = _("What clearing takes for a probability of {chance}", chance=self.wanted)
        return markup.details(caption, markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue))

    def _plans(self) -> Block | None:
        """What the stated capacity plans would do, at each date."""
        _ = self.context.catalogue.gettext
        found = self.of("all", plans=True)
        if not found:
            return None
        cells: dict[str, dict[str, str]] = {}
        for row in found:
            own = cells.setdefault(str(row["scenario"]), {})
            own |= {
                "plan": self.context.label("capacity_plan", str(row["scenario"])),
                "contacts": self.a_week(row, "capacity_added_per_month"),
                str(row["target_date"]): self.chance(row),
                "cleared": self._cleared(row),
            }
        dates = sorted({str(row["target_date"]) for row in found})
        short = self.context.catalogue.month_short
        columns = [
            Column("plan", _("Capacity plan")),
            Column("contacts", _("Contacts added a week"), "number", format=str),
            *(Column(date, _("Cleared by {month}", month=short(date)), "number", format=str) for date in dates),
            Column("cleared", _("Clear in (80% interval)")),
        ]
        caption = _("What the capacity plans do")
        return markup.table(pd.DataFrame(cells.values()), columns, caption, self.context.catalogue)

    def _cleared(self, row: Row) -> str:
        """The month of clearing with its interval, in words where there is none."""
        _ = self.context.catalogue.gettext
        middle, low, high = (str(row[name] or "") for name in ("cleared_month", "cleared_lo80", "cleared_hi80"))
        if is_hidden(row, "to_clear"):
            return self.context.catalogue.hidden
        if row["status"] == CLEARED:
            return _("nothing to clear")
        short = self.context.catalogue.month_short
        if not middle:
            return _("is not cleared; at the earliest {month}", month=short(low)) if low else _("is not cleared")
        last = f"{EN_DASH}{JOINER}{short(high)}" if high else f"{NBSP}{EN_DASH}{JOINER}{NBSP}{_('never')}"
        return f"{short(middle)} ({short(low)}{last})"

    def _refused(self) -> Block | None:
        """Services without an estimate, and why."""
        _ = self.context.catalogue.gettext
        found = self.found
        refused = found if found.empty else found[(found["status"] == REFUSED) & (found["service"] != "all")]
        refused = refused.drop_duplicates("service")
        if refused.empty:
            return None
        said = reasons.told_once(zip(refused["service"], refused["reason"]), self.context)
        return markup.details(_("Services whose clearing could not be estimated, and why"), markup.bullets(*said))
