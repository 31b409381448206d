"""What every page knows of its quarter: language, labels, breaks, missing tables and where links lead.

Also the few readings of a released row that all pages share. A released number is shown, hidden (its column
stands in `suppressed`) or absent (not estimated); the three never look alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pandas as pd

from ennakointi.periods import Quarter, month_text
from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import N_, Catalogue

Row = Mapping[str, Any]
Tables = Mapping[str, pd.DataFrame]  # released tables by name; one that is missing was not computed

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
DEBT_KINDS = {  # services of one kind together
    "kind:care": N_("care debt"),
    "kind:rehabilitation": N_("rehabilitation debt"),
    "kind:service": N_("social-services debt"),
}


@dataclass(frozen=True)
class Break:
    """A known break of the series in a month (`YYYY-MM`); empty sets of services or groups mean all of them.
    `verify` marks one that nobody has confirmed yet."""

    month: str
    label: str
    services: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    verify: bool = False

    def concerns(self, target_group: str) -> bool:
        """Whether the break touches series of the group."""
        return not self.groups or target_group in self.groups


@dataclass(frozen=True)
class InterventionFacts:
    """What the parameters say of an intervention: which way of its primary outcome is better, the months of its
    looks (the last gives the verdict), and its description as (term, text) pairs ready in the reader's language."""

    better: str = "fewer"
    selected_on: str = "nothing"
    decision_months: tuple[str, ...] = ()
    description: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Correction:
    """What was corrected in the quarter after it was published; no pages = every page."""

    day: date
    pages: frozenset[str]
    what: str
    why: str


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
    person_years_per_contact: Mapping[str, float] = field(default_factory=dict)
    interventions: Mapping[str, InterventionFacts] = field(default_factory=dict)
    area: str = ""
    return_shares: tuple[float, float] = (0.3, 0.8)
    wanted_chance: float = 0.8  # of being clear of the debt: `capacity_for_80pct` is for this chance
    meanings: Mapping[str, str] = field(default_factory=dict)  # of a column, by "contacts.started_at"
    owners: Mapping[str, str] = field(default_factory=dict)  # who answers for a table
    exclusions: Mapping[str, str] = field(default_factory=dict)  # a mapping's reason in English, and in the language
    unavailable: tuple[str, ...] = ()  # what the source has no home for, and why
    comment: Mapping[str, str] = field(default_factory=dict)  # the analyst's, by page: `service_debt.older_people`
    comment_author: str = ""  # a role
    approver: str = ""  # a role
    not_for: tuple[str, ...] = ()  # what the report must not be used for
    corrections: tuple[Correction, ...] = ()
    boundaries: Mapping[str, Any] = field(default_factory=dict)  # GeoJSON geometry of a municipality, by its code
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # municipalities of an area, by its code

    def label(self, kind: str, code: str) -> str:
        """The reader's word for a code, or the code itself when nobody has named it."""
        if code == "all" and kind == "service":
            return self.catalogue.gettext("all services")
        if code in DEBT_KINDS and kind == "service":
            return self.catalogue.gettext(DEBT_KINDS[code])
        return self.labels.get(kind, {}).get(code, code)

    def linked(self, text: str, notebook: str, target_group: str = "") -> str | Block:
        """The text as a link to a page of the report, or plain where the page is not in this run."""
        href = self.links.get((notebook, target_group))
        return markup.link(text, href) if href else text

    def words(self, message: Any) -> str:
        """A released `message`, `reason` or `missing`: key and slots as JSON, a JSON list of such, a plain key, or
        empty."""
        if not isinstance(message, str) or not message:
            return ""
        if message.startswith("["):
            return " ".join(self.word_list(message))
        if message.startswith("{"):
            return self.catalogue.message(message)
        return self.catalogue.gettext(message)

    def word_list(self, messages: Any) -> list[str]:
        """The sentences of a released JSON list of messages; none where there is no list."""
        if not isinstance(messages, str) or not messages.startswith("["):
            return []
        return [self.words(one if isinstance(one, str) else json.dumps(one)) for one in json.loads(messages)]

    def source_missing(self, table: str, needed: str) -> Block:
        """`Aineisto puuttuu: …` with what would have to be delivered."""
        return markup.callout(
            self.catalogue.gettext("Data missing: {table}.", table=self.table_name(table)),
            self.catalogue.gettext("Needed: {columns}.", columns=needed),
            tone="missing",
        )

    def incomplete_words(self, tables: Tables, target_group: str) -> str:
        """That a group was formed without some tables and misses persons, or empty."""
        for row in records(rows(tables, "target_groups", target_group=target_group)):
            lacking = row.get("incomplete")
            if isinstance(lacking, str) and lacking:
                return self.catalogue.gettext(
                    "Data missing: {tables}. The group was formed without them and lacks part of its members.",
                    tables=self.catalogue.join([self.table_name(name) for name in lacking.split(";")]),
                )
        return ""

    def break_words(self, known: Break) -> str:
        """`1/2021: Iitti joins`, and whether it is still to be confirmed."""
        said = f"{self.catalogue.month_short(known.month)}: {known.label}"
        return self.catalogue.gettext("{text} (to be confirmed)", text=said) if known.verify else said

    def table_name(self, table: str) -> str:
        """The reader's name of a contract table, with the file name that an analyst looks for."""
        name = self.catalogue.gettext(TABLE_NAMES.get(table, table))
        return name if name == table else f"{name} ({table})"

    def place_words(self, table: str, column: Any) -> str:
        """A table, or a column of it, in the reader's words alone: the start of what the dictionary says."""
        name = self.catalogue.gettext(TABLE_NAMES.get(table, table))
        if not isinstance(column, str) or not column:
            return name
        meaning = self.meanings.get(f"{table}.{column}", column)
        short = re.split(r"[:;(]", meaning)[0].strip()
        return f"{name}, {short if short[1:2].isupper() else short[:1].lower() + short[1:]}"

    def span(self, first: str, last: str) -> str:
        """Two months as digits, `3/2020–12/2021`: Finnish then needs no inflection."""
        return f"{self.catalogue.month_short(first)}–{self.catalogue.month_short(last)}"

    @property
    def missing_tables(self) -> list[str]:
        """Names of the tables a reader should know to be missing.

        An aggregate source stands for all of them, and the tables of persons stand for `panel`.
        """
        if "contacts" in self.missing:
            return []
        return [self.table_name(table) for table in sorted(self.missing - {"panel"})]

    @property
    def baseline_years(self) -> str:
        return f"{self.baseline[0][:4]}–{self.baseline[1][:4]}"

    @property
    def quarter_months(self) -> tuple[str, str]:
        return month_text(self.quarter.first_month), month_text(self.quarter.last_month)


def rows(tables: Tables, name: str, **keys: str) -> pd.DataFrame:
    """Rows of a released table where every key has the given value; empty when the table was not computed."""
    frame = tables.get(name)
    if frame is None:
        return pd.DataFrame()
    for column, value in keys.items():
        frame = frame[frame[column] == value]
    return frame


def records(frame: pd.DataFrame) -> list[Row]:
    """The rows of a released table, one mapping each."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def record(frame: pd.DataFrame, position: int = 0) -> Row:
    """One row of a released table by its position."""
    return records(frame.iloc[[position]])[0]


def is_hidden(row: Row, column: str) -> bool:
    """Whether the door hid the number; the row's other absent numbers were never estimated."""
    return column in str(row.get("suppressed", "") or "").split(";")


def is_shown(row: Row, *columns: str) -> bool:
    """Whether every named number stands in the released row."""
    return all(column in row and pd.notna(row[column]) for column in columns)


def numbers(row: Row, columns: Sequence[str], scale: float = 1.0) -> tuple[float, float, float]:
    """A released value and the two ends of its interval, times a scale."""
    value, low, high = (scale * float(row[column]) for column in columns)
    return value, low, high


def intervals(row: Row, value: str, low: str, high: str, catalogue: Catalogue) -> str:
    """One table cell, `25 000 (18 000–33 000)`: rounded to what the interval supports, hidden, or `–`."""
    if is_hidden(row, value):
        return catalogue.hidden
    if not is_shown(row, value):
        return catalogue.missing
    if not is_shown(row, low, high):
        return catalogue.gettext("{value} (no interval)", value=rough(row[value], catalogue))
    number = catalogue.estimate(*numbers(row, (value, low, high)))
    return f"{number.value} ({number.interval})"


def rough(value: float, catalogue: Catalogue) -> str:
    """A modelled number whose interval is not known: rounded as if it could be wrong by as much as itself."""
    return catalogue.estimate(value, 0.0, 2 * value).value


def check_value(passed: Any) -> bool | None:
    """`yes`, `no` or `not_checked` of a released check."""
    return {"yes": True, "no": False}.get(str(passed))
