"""Interventions, their outcomes and the settings of effects as strict, frozen models."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from ennakointi.parameters.documents import Amount, Codes, Count, Document, Label, Service, Share, Text
from ennakointi.rules.words import Month, Sector, Words, codes_of, one_of, words

NEGATIVE_CONTROL = "negative_control"
SERVICE_COST, SERVICE_MINUTES = "service_cost", "service_minutes"
RESERVED = (NEGATIVE_CONTROL, SERVICE_COST, SERVICE_MINUTES)  # keys of the evidence that no outcome may take
Year = Annotated[StrictInt, Field(ge=2000, le=2100)]
Rate = Annotated[StrictInt | StrictFloat, Field(ge=0, le=0.2)]


class Counted(Document):
    """What an outcome counts: a numerator over person-time, or over a count of its own.

    Attributes
    ----------
    table : the table that must be delivered.
    over_person_time : False for a mean or a share, whose denominator is the number of referrals or measurements.
    estimate_unit : unit of the estimate as the result tables give it; `scale` turns numerator / denominator into it.
    unit_by_month : the same where person-time is not known, as of a unit's clients.
    """

    table: ClassVar[str]
    over_person_time: ClassVar[bool] = True
    estimate_unit: ClassVar[str]
    unit_by_month: ClassVar[str] = ""
    scale: ClassVar[float] = 1.0

    def services(self, known: Mapping[str, Service]) -> tuple[str, ...]:
        """The services that the register must hold."""
        return ()


class OfServices(Counted):
    """Of some services; of every one when none is named."""

    service: Words | None = None

    def services(self, known: Mapping[str, Service]) -> tuple[str, ...]:
        return self.service or tuple(known)


class OfSectors(OfServices):
    """Of services by code, by sector, or both."""

    sector: Sector | None = None

    def services(self, known: Mapping[str, Service]) -> tuple[str, ...]:
        named = super().services(known)
        return tuple(code for code in named if self.sector is None or known[code].sector in self.sector)


class Contacts(OfSectors):
    """Contacts, in the words of the rule language; by default those that took place with the client."""

    table, scale = "contacts", 100.0
    estimate_unit, unit_by_month = "per 100 person-years", "contacts per unit and month"
    kind: Literal["contacts"] = "contacts"
    mode: Annotated[Words, AfterValidator(codes_of("contacts", "mode"))] | None = None
    profession: Annotated[Words, AfterValidator(codes_of("contacts", "profession"))] | None = None
    specialty: Words | None = None
    nature: Annotated[Words, AfterValidator(codes_of("contacts", "nature"))] | None = None
    urgency: Annotated[Words, AfterValidator(codes_of("contacts", "urgency"))] | None = None
    attendance: Annotated[Words, AfterValidator(codes_of("contacts", "attendance"))] = ("attended",)
    provider: Annotated[Words, AfterValidator(codes_of("contacts", "provider"))] | None = None

    @property
    def plain(self) -> bool:
        """Whether nothing but the service decides which contacts count: the panel then holds them."""
        return self == Contacts(service=self.service, sector=self.sector)


class Cost(OfSectors):
    """Euros of contacts and stays as recorded; at the unit cost of the service where none is recorded."""

    table, estimate_unit, unit_by_month = "contacts", "euros per person-year", "euros per unit and month"
    kind: Literal["cost"] = "cost"


class BedDays(OfServices):
    """Days of stays: from admission to the day before discharge, at least one."""

    table, scale = "stays", 100.0
    estimate_unit, unit_by_month = "bed-days per 100 person-years", "bed-days per unit and month"
    kind: Literal["bed_days"] = "bed_days"


class Waits(OfServices):
    """The referrals that reached the step `wait_to` in the month."""

    table, over_person_time = "referrals", False
    specialty: Words | None = None
    wait_from: Literal["received", "assessed", "need_ascertained", "decided"] = "received"
    wait_to: Literal["assessment_started", "assessed", "decided", "started"] = "started"


class WaitDays(Waits):
    """Their mean wait between two steps, in days."""

    estimate_unit = "days"
    kind: Literal["wait_days"] = "wait_days"


class WaitsOver(Waits):
    """The share of them that waited longer than a limit."""

    estimate_unit = "share"
    kind: Literal["waits_over"] = "waits_over"
    longer_than_days: Annotated[StrictInt, Field(ge=0)]


class Measured(Counted):
    """Mean of measured values; with `minimum` or `maximum` the share of measurements within them, inclusive."""

    table, over_person_time = "measurements", False
    kind: Literal["measurement"] = "measurement"
    measure: Text
    minimum: StrictFloat | StrictInt | None = None
    maximum: StrictFloat | StrictInt | None = None

    @property
    def is_share(self) -> bool:
        """Whether measurements within limits are counted, not values averaged."""
        return self.minimum is not None or self.maximum is not None

    @property
    def estimate_unit(self) -> str:  # type: ignore[override]
        """`share`, or `points` of the measure's own scale."""
        return "share" if self.is_share else "points"


MEASURES = ("contacts", "cost", "bed_days", "wait_days", "waits_over", "measurement")


def _form(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"<{kind}>"


def _of_known_kind(value: object) -> object:
    if isinstance(value, dict):
        if not isinstance(value.get("kind"), str):
            raise ValueError(f"`kind` is missing; known: {', '.join(MEASURES)}")
        one_of(MEASURES)(value["kind"])
    return value


Measure = Annotated[
    Annotated[Contacts, Tag("<contacts>")]
    | Annotated[Cost, Tag("<cost>")]
    | Annotated[BedDays, Tag("<bed_days>")]
    | Annotated[WaitDays, Tag("<wait_days>")]
    | Annotated[WaitsOver, Tag("<waits_over>")]
    | Annotated[Measured, Tag("<measurement>")],
    Discriminator(_form),
    BeforeValidator(_of_known_kind),
]


class Outcome(Document):
    """What is measured; `better` says which way is an improvement."""

    id: Text
    label: Label
    measure: Measure
    better: Literal["fewer", "more"]

    @property
    def services(self) -> tuple[str, ...]:
        """The services that the outcome names; empty when it is of all, or of none."""
        return getattr(self.measure, "service", None) or ()


def _control(value: object) -> object:
    """`[oral_health]` as the contacts of a service."""
    if isinstance(value, str | list | tuple):
        return {"measure": {"kind": "contacts", "service": value}} if len(value) else None
    return value


class NegativeControl(Document):
    """What the intervention cannot change: a difference there means a biased comparison."""

    label: Label | None = None
    measure: Measure


class Description(Document):
    """TIDieR in short (Hoffmann et al. 2014, 10.1136/bmj.g1687): why, what, who provided, how much; and, when there
    is something to tell, where, when, tailoring, modifications and how it was followed (fidelity)."""

    why: Label
    what: Label
    who: Label
    how_much: Label
    where: Label | None = None
    when: Label | None = None
    tailoring: Label | None = None
    modifications: Label | None = None
    fidelity: Label | None = None


class InterventionCost(Document):
    """What the organiser pays for the intervention, in prices of `price_year`: once, a year, and for each person."""

    fixed_eur: Amount = 0
    fixed_eur_per_year: Amount = 0
    per_person_eur: Amount = 0
    price_year: Year


_COMPARISONS = {
    "municipality": ("later_adopters", "never_adopters", "none"),
    "unit": ("later_adopters", "never_adopters", "none"),
    "county": ("other_counties", "none"),
    "person": ("same_index_same_history", "none"),
}


class Intervention(Document):
    """An intervention, its pre-specified outcomes and how its effect is to be judged.

    Attributes
    ----------
    rollout : who begins at once: the county, a municipality, a unit, or a person (rows of `enrolments`).
    starts : first month by municipality or unit; `start` : of the whole county.
    smallest_important_effect : the relative change that matters.
    decision_months : the months of the pre-registered looks; the last one gives the verdict.
    washout_months : months from the start that count neither before nor after.
    spillover_exclusions : areas that the intervention may reach without adopting it: never a comparison.
    example : a roll-out of the synthetic county only.
    """

    id: StrictStr
    label: Label
    regions: Annotated[Codes, Field(min_length=1)]
    target_group: Text
    description: Description
    rollout: Literal["county", "municipality", "unit", "person"]
    starts: dict[StrictStr, Month] = Field(default_factory=dict)
    start: Month | None = None
    cost: InterventionCost | None = None
    primary_outcome: Outcome
    secondary_outcomes: Annotated[tuple[Outcome, ...], BeforeValidator(words)] = ()
    negative_control: Annotated[NegativeControl | None, BeforeValidator(_control)] = None
    smallest_important_effect: Annotated[StrictFloat, Field(gt=0, lt=1)]
    decision_months: Annotated[tuple[Month, ...], BeforeValidator(words), Field(min_length=1)]
    washout_months: Annotated[StrictInt, Field(ge=0, le=24)] = 0
    comparison: Literal["later_adopters", "never_adopters", "same_index_same_history", "other_counties", "none"]
    spillover_exclusions: Codes = ()
    selected_on: Literal["nothing", "need", "prior_use"]
    example: Annotated[bool, Field(strict=True)] = False

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The primary outcome first."""
        return (self.primary_outcome, *self.secondary_outcomes)

    @property
    def first_start(self) -> int | None:
        """The month of the first adopter; None when persons are enrolled one by one."""
        return min(self.starts.values(), default=self.start)

    def unit_of(self, measure: Counted) -> tuple[str, float]:
        """Unit of an estimate, and what turns numerator / denominator into it. Nobody knows a unit's person-time, so
        its contacts, euros and bed-days are counted by month."""
        if self.rollout == "unit" and measure.over_person_time:
            return measure.unit_by_month, 1.0
        return measure.estimate_unit, measure.scale

    @property
    def registered(self) -> str:
        """Mark of everything that was fixed beforehand: 16 hexadecimal digits of SHA-256. The order of keys in the
        document does not matter, nor whether a default is written out."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @model_validator(mode="after")
    def _started(self) -> Intervention:
        by_place, county = self.rollout in ("municipality", "unit"), self.rollout == "county"
        if by_place != bool(self.starts):
            raise ValueError("`starts` belongs to rollout: municipality or unit, and must be given with it")
        if county != (self.start is not None):
            raise ValueError("`start` belongs to rollout: county, and must be given with it")
        if any(later <= earlier for earlier, later in pairwise(self.decision_months)):
            raise ValueError("decision_months must rise")
        if self.first_start is not None and self.decision_months[0] <= self.first_start:
            raise ValueError("decision_months must come after the first start")
        return self

    @model_validator(mode="after")
    def _comparable(self) -> Intervention:
        fitting = _COMPARISONS[self.rollout]
        if self.comparison not in fitting:
            raise ValueError(f"comparison {self.comparison!r} does not fit rollout: {self.rollout}; use {_or(fitting)}")
        started = sorted(set(self.spillover_exclusions) & set(self.starts))
        if started:
            raise ValueError(f"spillover_exclusions names {started[0]!r}, which starts the intervention itself")
        names = [outcome.id for outcome in self.outcomes]
        if len(set(names)) < len(names):
            raise ValueError("two outcomes have the same id")
        counties = self.spillover_exclusions if self.rollout == "county" else ()
        if strange := [code for code in counties if not re.fullmatch(r"county:\d{2}", code)]:
            raise ValueError(f"spillover_exclusions names {strange[0]!r}; a county is written county:05")
        if taken := sorted(set(names) & set(RESERVED)):
            raise ValueError(f"the outcome id {taken[0]!r} is the program's own; choose another")
        return self


def _or(known: tuple[str, ...]) -> str:
    return " or ".join([", ".join(known[:-1]), known[-1]] if len(known) > 2 else known)


class EffectSettings(Document):
    """Settings shared by every evaluation of an effect.

    Attributes
    ----------
    alpha : two-sided error of the last look; `alpha_spending` says how much of it earlier looks may spend
        (Lan & DeMets 1983, 10.1093/biomet/70.3.659).
    marginal_cost_share : part of a unit cost that is saved in cash when a contact does not happen; the rest is time.
    discount_rate : a year, of costs and effects beyond the first year.
    price_year : of every euro of the results; `price_growth` a year takes an intervention's costs to it.
    willingness_to_pay_eur : λ of the acceptability curve, for one unit of the outcome.
    named_willingness_to_pay_eur : the λ that tables and sentences use.
    cost_draws : joint bootstrap draws of costs and effects.
    """

    permutations: Count
    follow_up_months: Count
    minimum_before_months: Count
    minimum_persons: Count
    alpha: Annotated[StrictFloat, Field(gt=0, lt=0.5)]
    alpha_spending: Literal["obrien_fleming", "pocock", "last_look_only"]
    marginal_cost_share: Share
    discount_rate: Rate
    price_year: Year
    price_growth: Rate
    willingness_to_pay_eur: Annotated[tuple[Amount, ...], BeforeValidator(words), Field(min_length=2)]
    named_willingness_to_pay_eur: Amount
    cost_draws: Count
    cost_draws_fast: Count

    @model_validator(mode="after")
    def _rising(self) -> EffectSettings:
        if any(later <= earlier for earlier, later in pairwise(self.willingness_to_pay_eur)):
            raise ValueError("willingness_to_pay_eur must rise")
        if self.named_willingness_to_pay_eur not in self.willingness_to_pay_eur:
            raise ValueError("named_willingness_to_pay_eur must be one of willingness_to_pay_eur")
        return self
