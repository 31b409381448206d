"""Rows of what clearing the debt takes, and their numbers as the reader sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ennakointi.pages import debt_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.report.markup import Column
from ennakointi.text import Supported, supported

MONTHS_PER_WEEK = 12 * 7 / DAYS_PER_YEAR
CLEARED, UNCLEAR, NEVER, REFUSED = "cleared", "unclear", "never_at_present_capacity", "refused"
RETURNS = "return_"  # before a share in per cent: the scenarios of present capacity
CAPACITY = "capacity_for_80pct"
LEAST_YEARS, LEAST_EUROS = 0.1, 1000.0  # that are told; euros are published in thousands


def two_digits(value: float) -> Supported:
    """A number in two significant digits, as its half-width of half of its first digit's unit would have it."""
    half = 10.0 ** math.floor(math.log10(abs(value))) / 2 if value else 0.0
    return supported(value, value - half, value + half)


def person_years(row: Row, context: PageContext) -> str:
    """The work of a row in person-years with one decimal, or whole from ten on."""
    catalogue, years = context.catalogue, float(row["fte"])
    if 0 < years < LEAST_YEARS:
        return catalogue.gettext("less than {share}", share=catalogue.number(LEAST_YEARS, 1))
    return catalogue.number(two_digits(years).value, 1 if 0 < years < 10 else 0)


@dataclass(frozen=True, eq=False)
class ClearanceRows:
    """Clearing the debt of a target group. `tables`: released `debt_clearance` and `clearance_curve`."""

    tables: Tables
    target_group: str
    context: PageContext

    @cached_property
    def found(self) -> pd.DataFrame:
        found = rows(self.tables, "debt_clearance", target_group=self.target_group)
        return found if found.empty else found.sort_values(["target_date", "return_share"], kind="stable")

    def of(self, service: str, plans: bool = False) -> list[Row]:
        """Rows of a service by target date and return share: of present capacity, or of the capacity plans."""
        found = self.found
        if found.empty:
            return []
        own = found[(found["service"] == service) & (found["status"] != REFUSED)]
        return records(own[own["scenario"].str.startswith(RETURNS) != plans])

    def first(self, service: str) -> list[Row]:
        """The return scenarios of a service by the first target date."""
        own = self.of(service)
        return [row for row in own if row["target_date"] == own[0]["target_date"]]

    def middle(self, service: str) -> Row | None:
        """The middle return scenario by the first target date."""
        first = self.first(service)
        return first[len(first) // 2] if first else None

    @cached_property
    def refusal(self) -> str:
        """Why what is left of all services is not known, or empty."""
        found = self.found
        refused = found if found.empty else found[(found["service"] == "all") & (found["status"] == REFUSED)]
        return "" if refused.empty else self.context.words(refused["reason"].iloc[0])

    @property
    def wanted(self) -> str:
        """The wanted chance in per cent."""
        return self.context.catalogue.percent(self.context.wanted_chance)

    def is_unclear(self, row: Row) -> bool:
        """Whether what all services have left cannot be told from nothing, or the group has no sure debt at all."""
        total = debt_words.summary_row(self.tables, self.target_group)
        unsure = total is not None and is_shown(total, "debt") and debt_words.direction(total) != "missing"
        return bool(row["status"] == UNCLEAR or (unsure and row["status"] != CLEARED))

    def needs(self, row: Row) -> bool:
        """Whether something must be added; contacts are published in tens, so few may read as none."""
        return is_shown(row, CAPACITY) and (row[CAPACITY] > 0 or (is_shown(row, "fte") and row["fte"] > 0))

    def by(self, row: Row) -> str:
        """The target date as an adverb: `by the end of 2026`, `by 6/2026`."""
        date, catalogue = str(row["target_date"]), self.context.catalogue
        if date.endswith("-12"):
            return catalogue.gettext("by the end of {year}", year=date[:4])
        return catalogue.gettext("by {month}", month=catalogue.month_short(date))

    def share(self, row: Row) -> str:
        return self.context.catalogue.percent(float(row["return_share"]))

    def chance(self, row: Row) -> str:
        """A probability in whole per cents; never 0 or 100, which no model can promise."""
        if is_hidden(row, "probability_cleared"):
            return self.context.catalogue.hidden
        if not is_shown(row, "probability_cleared"):
            return self.context.catalogue.missing
        return self.percent(float(row["probability_cleared"]))

    def percent(self, chance: float) -> str:
        _, percent = self.context.catalogue.gettext, self.context.catalogue.percent
        if chance < 0.005:
            return _("less than {share}", share=percent(0.01))
        return _("more than {share}", share=percent(0.99)) if chance >= 0.995 else percent(chance)

    def amount(self, row: Row, column: str, scale: float = 1.0) -> str:
        """A modelled number whose interval is not known in two digits, hidden, or a dash."""
        if is_hidden(row, column):
            return self.context.catalogue.hidden
        if not is_shown(row, column):
            return self.context.catalogue.missing
        rounded = two_digits(scale * float(row[column]))
        return self.context.catalogue.number(rounded.value, rounded.digits)

    def a_week(self, row: Row, column: str) -> str:
        """Contacts a week in whole numbers."""
        value = float(row[column]) * MONTHS_PER_WEEK if is_shown(row, column) else math.nan
        if not math.isfinite(value):
            return self.amount(row, column)
        if column == CAPACITY and not self.needs(row):
            return self.context.catalogue.number(0)
        if value < 1:
            return self.context.catalogue.gettext("less than {share}", share=self.context.catalogue.number(1))
        return self.context.catalogue.number(two_digits(value).value)

    def years(self, row: Row) -> str:
        return person_years(row, self.context) if is_shown(row, "fte") else self.amount(row, "fte")

    def euros(self, row: Row) -> str:
        if not is_shown(row, "cost_eur"):
            return self.amount(row, "cost_eur")
        euros = self.context.catalogue.euros
        if row["cost_eur"] <= 0 and self.needs(row):
            return self.context.catalogue.gettext("less than {share}", share=euros(LEAST_EUROS))
        return euros(two_digits(float(row["cost_eur"])).value)

    def effort(self, row: Row) -> dict[str, str]:
        """Capacity, work and euros for the wanted chance; without a capacity that is enough, words."""
        _ = self.context.catalogue.gettext
        if row["status"] == CLEARED:
            return {"contacts": "0", "years": "0", "euros": self.context.catalogue.euros(0)}
        if row["status"] == UNCLEAR:
            missing = self.context.catalogue.missing
            return {"contacts": _("not told from zero"), "years": missing, "euros": missing}
        if is_shown(row, "to_clear") and not is_shown(row, CAPACITY):
            return dict.fromkeys(("contacts", "years", "euros"), _("adding is not enough"))
        return {"contacts": self.a_week(row, CAPACITY), "years": self.years(row), "euros": self.euros(row)}

    def effort_columns(self) -> list[Column]:
        _ = self.context.catalogue.gettext
        return [
            Column("contacts", _("Contacts added a week"), "number", format=str),
            Column("years", _("Person-years of work"), "number", format=str),
            Column("euros", _("Euros a year"), "number", format=str),
        ]
