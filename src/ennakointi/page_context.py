"""What every page knows of its quarter: the language, the labels, the breaks, what is missing and where links lead.

Also the few readings of a released row that all pages share. A released number is shown, hidden (its column stands in
`suppressed`) or absent (not estimated); the three never look alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from ennakointi import markup
from ennakointi.markup import Block
from ennakointi.periods import Quarter, month_text
from ennakointi.text import Catalogue, N_

Text = Callable[..., str]

TABLE_NAMES = {
    "persons": N_("residents"),
    "contacts": N_("contacts"),
    "diagnoses": N_("diagnoses"),
    "medicines": N_("medicines"),
    "requests": N_("requests for care"),
    "referrals": N_("referrals"),
    "stays": N_("bed stays"),
    "statuses": N_("statuses and benefits"),
    "enrolments": N_("participants of interventions"),
    "plans": N_("multi-professional plans"),
    "slots": N_("free appointments"),
    "capacity": N_("staff and capacity"),
    "coverage": N_("coverage of the register"),
    "population": N_("inhabitants"),
    "measurements": N_("measurements"),
    "feedback": N_("client feedback"),
    "indicators": N_("indicators"),
    "panel": N_("an aggregate series"),
}


@dataclass(frozen=True)
class Break:
    """A known break of the series in a month (`YYYY-MM`); empty sets of services or groups mean all of them."""

    month: str
    label: str
    services: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def concerns(self, target_group: str, service: str) -> bool:
        """Whether the break touches the series; the total `all` of services is touched by every break."""
        of_group = not self.groups or target_group in self.groups
        return of_group and (not self.services or service == "all" or service in self.services)


@dataclass(frozen=True)
class InterventionFacts:
    """What the parameters say of an intervention: its one primary outcome, which way is better, and its description
    as (term, text) pairs ready in the reader's language."""

    primary_outcome: str
    better: str = "fewer"
    selected_on: str = "nothing"
    decision_month: str = ""
    description: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PageContext:
    """One quarter in one language. Labels, links and descriptions are ready strings in that language."""

    catalogue: Catalogue
    quarter: Quarter
    as_of: date
    region: str
    labels: Mapping[str, Mapping[str, str]]
    baseline: tuple[str, str] = ("2017-01", "2019-12")
    window: tuple[str, str] = ("2020-03", "2021-12")
    missing: frozenset[str] = frozenset()
    breaks: tuple[Break, ...] = ()
    synthetic: bool = False
    links: Mapping[tuple[str, str], str] = field(default_factory=dict)
    unit_cost_eur: Mapping[str, float] = field(default_factory=dict)
    minutes_per_contact: Mapping[str, float] = field(default_factory=dict)
    hours_per_person_year: float = 1600.0
    interventions: Mapping[str, InterventionFacts] = field(default_factory=dict)
    area: str = ""

    def label(self, kind: str, code: str) -> str:
        """The reader's word for a code, or the code itself when nobody has named it."""
        if code == "all" and kind == "service":
            return self.catalogue.gettext("all services")
        return self.labels.get(kind, {}).get(code, code)

    def linked(self, text: str, notebook: str, target_group: str = "") -> str | Block:
        """The text as a link to a page of the report, or plain where the page is not in this run."""
        href = self.links.get((notebook, target_group))
        return markup.link(text, href) if href else text

    def words(self, message: Any) -> str:
        """A released `message`, `reason` or `missing`: catalogue key and slots as JSON, a plain key, or empty."""
        if not isinstance(message, str) or not message:
            return ""
        if message.startswith("{"):
            return self.catalogue.message(message)
        return self.catalogue.gettext(message)

    def source_missing(self, table: str, needed: str) -> Block:
        """`Aineisto puuttuu: …` with what would have to be delivered."""
        return markup.callout(
            self.catalogue.gettext("Data missing: {table}.", table=self.table_name(table)),
            self.catalogue.gettext("Needed: {columns}.", columns=needed),
            tone="missing",
        )

    def table_name(self, table: str) -> str:
        """The reader's name of a contract table, with the file name that an analyst looks for."""
        name = TABLE_NAMES.get(table)
        return f"{self.catalogue.gettext(name)} ({table})" if name else table

    def span(self, first: str, last: str) -> str:
        """Two months as digits, `3/2020–12/2021`: Finnish then needs no inflection."""
        return f"{self.catalogue.month_short(first)}–{self.catalogue.month_short(last)}"

    @property
    def baseline_years(self) -> str:
        return f"{self.baseline[0][:4]}–{self.baseline[1][:4]}"

    @property
    def quarter_months(self) -> tuple[str, str]:
        return month_text(self.quarter.first_month), month_text(self.quarter.last_month)


def rows(tables: Mapping[str, pd.DataFrame], name: str, **keys: str) -> pd.DataFrame:
    """Rows of a released table where every key has the given value; empty when the table was not computed."""
    frame = tables.get(name)
    if frame is None:
        return pd.DataFrame()
    for column, value in keys.items():
        frame = frame[frame[column] == value]
    return frame


def is_hidden(row: pd.Series, column: str) -> bool:
    """Whether the door hid the number; the row's other absent numbers were never estimated."""
    return column in str(row.get("suppressed", "") or "").split(";")


def is_shown(row: pd.Series, *columns: str) -> bool:
    """Whether every named number stands in the released row."""
    return all(column in row.index and pd.notna(row[column]) for column in columns)


def intervals(row: pd.Series, value: str, low: str, high: str, catalogue: Catalogue) -> str:
    """One table cell, `25 000 (18 000–33 000)`: rounded to what the interval supports, hidden, or `–`."""
    if is_hidden(row, value):
        return catalogue.hidden
    if not is_shown(row, value, low, high):
        return catalogue.missing
    number = catalogue.estimate(row[value], row[low], row[high])
    return f"{number.value} ({number.interval})"


def check_value(passed: Any) -> bool | None:
    """`yes`, `no` or `not_checked` of a released check."""
    return {"yes": True, "no": False}.get(str(passed))
