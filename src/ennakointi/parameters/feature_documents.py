"""The document `features.yml` as strict models: what is told of a person at the end of a quarter, and its names."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Codes, Count, Document, Label
from ennakointi.rules.feature_conditions import STRATA, WINDOWS
from ennakointi.rules.words import Sector, Words, codes_of, words

Name = Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Hour = Annotated[StrictInt, Field(ge=0, le=24)]
Kind = Literal["person", "word", "flag", "count", "days", "number", "share", "euros"]

ALL = "contacts"  # all contacts together
SHARED = ("health", "social", "light", "basic", "heavy", "remote", "urgent")  # contacts_<…> beside the services
AMOUNTS: dict[str, Kind] = {
    "no_shows": "count",
    "services": "count",
    "units": "count",
    "cost_eur": "euros",
    "bed_days": "count",
    "stays": "count",
    "medicines": "count",
    "medicine_cost_eur": "euros",
    "requests": "count",
    "requests_redirected": "count",
    "requests_unsolved": "count",
}
STATUS_WINDOWS = (3, 12)
PERSON: dict[str, Kind] = {
    "person": "person",
    "state": "word",
    "age": "number",
    **dict.fromkeys(STRATA, "word"),
    "months_resident": "number",
    "days_resident_12m": "days",
}
ONE_WINDOW: dict[str, Kind] = {
    "sectors_12m": "number",
    "level_3m": "number",
    "level_12m": "number",
    "remote_share_12m": "share",
    "urgent_share_12m": "share",
    "continuity_24m": "share",
    "plan_24m": "flag",
}


class CountedContacts(Document):
    """Contacts that took place with the client, of one kind; `outside_hours: [8, 18]`: that began before 8 or from
    18 on, or at a weekend."""

    label: Label
    service: Words | None = None
    sector: Sector | None = None
    mode: Annotated[Words, AfterValidator(codes_of("contacts", "mode"))] | None = None
    profession: Annotated[Words, AfterValidator(codes_of("contacts", "profession"))] | None = None
    specialty: Words | None = None
    urgency: Annotated[Words, AfterValidator(codes_of("contacts", "urgency"))] | None = None
    nature: Annotated[Words, AfterValidator(codes_of("contacts", "nature"))] | None = None
    outside_hours: Annotated[tuple[Hour, Hour], BeforeValidator(words)] | None = None

    @model_validator(mode="after")
    def _some_filter(self) -> CountedContacts:
        if not self.model_fields_set - {"label"}:
            raise ValueError("name at least one property of the contacts; all contacts are counted anyway")
        if self.outside_hours is not None and self.outside_hours[0] >= self.outside_hours[1]:
            raise ValueError("outside_hours: the first hour must be before the second")
        return self

    @property
    def where(self) -> dict[str, tuple[str, ...]]:
        """Accepted codes by column of the contacts."""
        named = ("service", "mode", "profession", "specialty", "urgency", "nature")
        return {column: codes for column in named if (codes := getattr(self, column)) is not None}


class ConditionGroup(Document):
    """A group of conditions, its codes in `codes/<id>.csv`: recorded in the last `within_months` (whole years; null: at
    any time in the data). `chronic`: counted among the chronic conditions."""

    label: Label
    chronic: Annotated[bool, Field(strict=True)]
    within_months: Annotated[StrictInt, Field(ge=12, le=120, multiple_of=12)] | None = 36


class FeatureSettings(Document):
    """What is told of persons.

    `quarters`: how many quarters back persons are described, the run's own included. `counts`: contacts of one kind.
    `statuses`: the states that are told, by the codes of the data. `benefit_statuses`: those of them that stand for
    employment services and benefits, the third sector beside health and social care.
    """

    quarters: Count
    counts: dict[Name, CountedContacts]
    conditions: dict[Name, ConditionGroup]
    statuses: dict[Name, Label]
    benefit_statuses: Codes = ()

    @model_validator(mode="after")
    def _known_statuses(self) -> FeatureSettings:
        for code in self.benefit_statuses:
            if code not in self.statuses:
                raise ValueError(f"benefit_statuses: {code!r} is not among the statuses; add it there")
        return self

    @property
    def chronic(self) -> tuple[str, ...]:
        """Conditions that are counted."""
        return tuple(name for name, group in self.conditions.items() if group.chronic)


def counted_over_windows(settings: FeatureSettings, services: Iterable[str]) -> dict[str, Kind]:
    """Features that are told over 3, 12 and 24 months, without the window."""
    contacts = (ALL, *(f"{ALL}_{name}" for name in (*services, *SHARED, *settings.counts)))
    return {**dict.fromkeys(contacts, "count"), **AMOUNTS}


def feature_columns(settings: FeatureSettings, services: Iterable[str], groups: Iterable[str]) -> dict[str, Kind]:
    """Every feature in the order of the columns, and what kind of value it is."""
    services = tuple(services)
    over = counted_over_windows(settings, services)
    return {
        **PERSON,
        **{f"{name}_{months}m": kind for name, kind in over.items() for months in WINDOWS},
        **{f"cost_eur_{code}_12m": "euros" for code in services},
        **ONE_WINDOW,
        **{f"condition_{name}": "flag" for name in settings.conditions},
        "conditions": "number",
        **{f"status_{code}": "flag" for code in settings.statuses},
        **{f"status_{code}_{months}m": "flag" for code in settings.statuses for months in STATUS_WINDOWS},
        "waiting": "count",
        "waiting_days": "days",
        **{f"group_{name}": "flag" for name in groups},
    }


def feature_names(settings: FeatureSettings, services: Iterable[str], groups: Iterable[str]) -> tuple[str, ...]:
    """The features that a condition can name: those that are numbers."""
    columns = feature_columns(settings, services, groups)
    return tuple(name for name, kind in columns.items() if kind not in ("word", "person"))


def name_clashes(settings: FeatureSettings, services: Collection[str]) -> list[str]:
    """Names of `counts` that stand for something else already."""
    return [name for name in settings.counts if name in services or name in SHARED]
