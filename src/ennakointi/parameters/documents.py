"""The parameter documents as strict, frozen models; `parameters` reads and checks them against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.rules.nodes import Rule
from ennakointi.rules.words import Month, one_of, words
from ennakointi.schema import MODES, PROVIDERS

Text = Annotated[StrictStr, Field(min_length=1)]
Codes = Annotated[tuple[StrictStr, ...], BeforeValidator(words)]
Amount = Annotated[StrictInt | StrictFloat, Field(ge=0)]
Share = Annotated[StrictInt | StrictFloat, Field(ge=0, le=1)]
Count = Annotated[StrictInt, Field(ge=1)]


class Document(BaseModel):
    """Unknown keys are errors, and nothing is patched after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Label(Document):
    """A text in the three languages."""

    fi: Text
    sv: Text
    en: Text

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language))


class MergedArea(Document):
    """Municipalities that are told together in groups of few persons."""

    label: Label
    municipalities: Annotated[Codes, Field(min_length=2)]


class Region(Document):
    """A wellbeing services county; `municipalities` by official code, `areas` by a code of letters."""

    code: StrictStr
    county_code: Annotated[StrictStr, Field(pattern=r"^\d{2}$")]
    label: Label
    contact: Label
    municipalities: dict[Annotated[StrictStr, Field(pattern=r"^\d{3}$")], Label]
    areas: dict[Annotated[StrictStr, Field(pattern=r"^[a-z][a-z0-9_]*$")], MergedArea] = {}

    @property
    def merged_areas(self) -> dict[str, tuple[str, ...]]:
        """The municipalities of each area."""
        return {code: area.municipalities for code, area in self.areas.items()}


class Service(Document):
    """A service; `substitutes` = services that replace it and how many contacts one of theirs replaces.

    `unit_cost_eur` and `minutes_per_contact` are of one contact, or of one care day where `care_days_per_contact` is
    given. The unit cost is in prices of `price_year` and changes by `cost_growth_per_year` a year in those prices.
    `contact_hours_per_person_year`: hours of work with contacts that one person-year of work holds. A service with
    `contacts_per_room_day` needs rooms on `room_days_per_year` days, one with `care_days_per_contact` needs beds, of
    which `bed_occupancy` are in use.
    """

    code: StrictStr
    label: Label
    sector: Literal["health", "social"]
    level: Literal["light", "basic", "heavy"]
    care_guarantee: Literal["primary_care", "primary_care_other", "oral_health", "specialised_care"] | None
    debt_kind: Literal["care", "rehabilitation", "service"]
    unit_cost_eur: Amount
    minutes_per_contact: Amount
    contacts_per_episode: Amount = 1
    price_year: Annotated[StrictInt, Field(ge=2000, le=2100)] = 2025
    cost_growth_per_year: Annotated[StrictInt | StrictFloat, Field(ge=-0.2, le=0.2)] = 0
    contact_hours_per_person_year: Annotated[StrictInt | StrictFloat, Field(gt=0, le=2000)] = 1140
    contacts_per_room_day: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = None
    room_days_per_year: Annotated[StrictInt, Field(ge=1, le=366)] = 251
    care_days_per_contact: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = None
    bed_occupancy: Annotated[StrictInt | StrictFloat, Field(gt=0, le=1)] = 0.9
    substitutes: dict[StrictStr, Amount] = {}

    @property
    def care_units_per_contact(self) -> float:
        """What costs and minutes are of: care days of a contact where they are given, else the contact itself."""
        return float(self.care_days_per_contact or 1)


class GroupDefinition(Document):
    """A target group as written: `tg` = its numbers in the programme, `report` = regions that report it,
    `aggregate_only` = its members are never listed."""

    tg: Codes
    label: Label
    report: Codes = ()
    aggregate_only: Annotated[bool, Field(strict=True)] = False
    who: Rule


class Break(Document):
    """A known break of the series from `month` on; empty tuples mean all."""

    id: StrictStr
    month: Month
    label: Label
    regions: Annotated[Codes, Field(min_length=1)]
    municipalities: Codes = ()
    services: Codes = ()
    groups: Codes = ()
    provider: Annotated[StrictStr, AfterValidator(one_of(PROVIDERS))] | None = None
    kind: Literal["organiser", "provider", "record_system", "coding", "law", "reform"]
    treatment: Literal["bridge", "re-base", "stop"]
    verify: Annotated[bool, Field(strict=True)] = False


class MaskedMonths(Document):
    """Months that a model must not learn from, inclusive."""

    first: Month
    last: Month


class ForecastSettings(Document):
    """How far forecasts look and what they must not learn from; months are month indices, inclusive."""

    horizon_months: Annotated[StrictInt, Field(ge=1, le=36)]
    disruption_first: Month
    disruption_last: Month
    disruption_by_service: dict[StrictStr, MaskedMonths] = {}
    windows: Annotated[StrictInt, Field(ge=2, le=8)]
    history_months: Annotated[StrictInt, Field(ge=36)]
    outlook_years: Annotated[StrictInt, Field(ge=5, le=20)]
    n_paths: Count
    n_paths_fast: Count

    def disrupted(self, service: str) -> tuple[int, int]:
        """First and last disrupted month of a service."""
        own = self.disruption_by_service.get(service)
        return (own.first, own.last) if own else (self.disruption_first, self.disruption_last)


class PanelSettings(Document):
    """Age bands by their lowest age, and the modes that count as remote."""

    age_bands: Annotated[tuple[StrictInt, ...], BeforeValidator(words)]
    remote_modes: Annotated[Codes, AfterValidator(lambda given: tuple(map(one_of(MODES), given)))]

    @model_validator(mode="after")
    def _bands(self) -> PanelSettings:
        if self.age_bands[:1] != (0,) or any(b <= a for a, b in pairwise(self.age_bands)):
            raise ValueError("age_bands are the lowest ages of the bands: they begin with 0 and rise")
        return self


class Preset(Document):
    """A disclosure rule: fewer than `threshold` persons are hidden, the rest is rounded to `base`. `zeros`, `everyone`:
    whether a count of nobody, and a property that every member of a group has, is shown."""

    name: StrictStr
    threshold: Count
    base: Count
    zeros: Literal["shown", "hidden"] = "shown"
    everyone: Literal["shown", "hidden"] = "hidden"


class DisclosureException(Document):
    """Rows of a result table that are shown although the rules hide them: why, who answers for it (a role), and the
    last quarter it holds in. `rows`: values by key column; a row with one of the values in each of them is meant."""

    name: StrictStr
    table: Annotated[StrictStr, AfterValidator(one_of(RESULT_TABLES))]
    rows: Annotated[dict[StrictStr, Annotated[Codes, Field(min_length=1)]], Field(min_length=1)]
    reason: Text
    approver: Text
    until: Annotated[StrictStr, Field(pattern=r"^\d{4}Q[1-4]$")]

    @model_validator(mode="after")
    def _keys(self) -> DisclosureException:
        keys = RESULT_TABLES[self.table].of_kind("key")
        unknown = [column for column in self.rows if column not in keys]
        if unknown:
            raise ValueError(f"rows.{unknown[0]} is no key of {self.table}; its keys are {', '.join(keys)}")
        return self


class SupplierLimits(Document):
    """Bought contacts are shown when at least `fewest` suppliers gave them and none more than `largest_share`."""

    fewest: Count = 3
    largest_share: Annotated[StrictInt | StrictFloat, Field(gt=0, le=1)] = 0.85


class DisclosureSettings(Document):
    """The named presets, the one in use, limits of suppliers, and rows that are shown all the same."""

    preset: Text
    presets: dict[StrictStr, Preset]
    suppliers: SupplierLimits = SupplierLimits()
    exceptions: dict[StrictStr, DisclosureException] = {}

    @property
    def current(self) -> Preset:
        return self.presets[self.preset]

    def in_force(self, quarter: str) -> tuple[DisclosureException, ...]:
        """The exceptions that hold in a quarter such as `2025Q3`."""
        return tuple(one for one in self.exceptions.values() if quarter <= one.until)


class Notebook(Document):
    """A notebook: how often it runs, its place in the navigation and the result tables it shows."""

    id: StrictStr
    title: Label
    per: Literal["group", "once"]
    order: StrictInt
    needs: Annotated[Codes, AfterValidator(lambda given: tuple(map(one_of(RESULT_TABLES), given)))]


class RunSettings(Document):
    """Limits of a quarter's run."""

    quarantine_limit_share: Share
    notebook_timeout_seconds: Count
    memory_limit_gb: Annotated[StrictInt | StrictFloat, Field(gt=0)]
    temporary_files_limit_gb: Annotated[StrictInt | StrictFloat, Field(gt=0)]
