"""The words of the rule language as typed, frozen nodes; `rules` holds the grammar for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from ennakointi.rules.words import (
    COUNTY,
    Atc,
    AtLeast,
    Icd10,
    Icpc2,
    Month,
    Months,
    Sector,
    Words,
    codes_of,
    words,
)

DAYS_IN_MONTH = 30


class Node(BaseModel):
    """A rule `{name: arguments}`; `single` is the field that takes arguments which are not a mapping."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: ClassVar[str]
    single: ClassVar[str | None] = None
    table: ClassVar[str | None] = None

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: Any) -> Any:
        if not isinstance(value, dict) or set(value) != {cls.name} or cls.single == cls.name:
            return value
        arguments = value[cls.name]
        if cls.name in cls.model_fields and not isinstance(arguments, dict):
            return value  # `status: unemployed`
        if cls.single is not None:
            return {cls.single: arguments}
        if not isinstance(arguments, dict):
            raise ValueError(f"expected a mapping with {', '.join(cls.model_fields)}")
        return arguments

    @property
    def children(self) -> Sequence[Rule]:
        return ()

    @property
    def look_back_months(self) -> int:
        """Months before the tested one that the node itself looks at."""
        return 0


class Everyone(Node):
    """Every resident."""

    name = "everyone"
    single = "everyone"
    everyone: Annotated[bool, Field(strict=True)]


class Age(Node):
    """Whole years on the first day of the month, inclusive; an open end is null."""

    name = "age"
    single = "years"
    years: Annotated[tuple[StrictInt | None, StrictInt | None], BeforeValidator(words)]

    @model_validator(mode="after")
    def _ordered(self) -> Age:
        low, high = self.years
        if low is not None and high is not None and low > high:
            raise ValueError(f"the lower age {low} is above the upper age {high}")
        return self


class Sex(Node):
    """Registered sex."""

    name = "sex"
    single = "sex"
    sex: Annotated[Words, AfterValidator(codes_of("persons", "sex"))]


class Municipality(Node):
    """Latest municipality of residence."""

    name = "municipality"
    single = "municipality"
    municipality: Words


class Status(Node):
    """In one of the states on the first day of the month, without a break for at least `minimum_months`."""

    name = "status"
    table = "statuses"
    status: Words
    controller: Annotated[StrictStr, AfterValidator(lambda c: codes_of("statuses", "controller")((c,))[0])] = COUNTY
    minimum_months: Annotated[StrictInt, Field(ge=0, le=120)] = 0

    @property
    def look_back_months(self) -> int:
        return self.minimum_months


class Windowed(Node):
    """At least `at_least` events in the `within_months` months before the month."""

    within_months: Months = 12
    at_least: AtLeast = 1

    @property
    def look_back_months(self) -> int:
        return self.within_months


class Diagnosis(Windowed):
    """Recorded diagnoses by code, prefix or range."""

    name = "diagnosis"
    table = "diagnoses"
    icd10: Icd10 = ()
    icpc2: Icpc2 = ()

    @model_validator(mode="after")
    def _some_code(self) -> Diagnosis:
        if not self.icd10 and not self.icpc2:
            raise ValueError("give icd10, icpc2 or both")
        return self


class ContactFilter(Windowed):
    """Which contacts count; by default those that took place with the client."""

    table = "contacts"
    service: Words | None = None
    sector: Sector | None = None


class Contact(ContactFilter):
    """Contacts; `attendance` empty in the data counts as attended."""

    name = "contact"
    mode: Annotated[Words, AfterValidator(codes_of("contacts", "mode"))] | None = None
    profession: Annotated[Words, AfterValidator(codes_of("contacts", "profession"))] | None = None
    specialty: Words | None = None
    nature: Annotated[Words, AfterValidator(codes_of("contacts", "nature"))] | None = None
    urgency: Annotated[Words, AfterValidator(codes_of("contacts", "urgency"))] | None = None
    attendance: Annotated[Words, AfterValidator(codes_of("contacts", "attendance"))] = ("attended",)


class DistinctServices(ContactFilter):
    """At least `at_least` different services among the contacts."""

    name = "distinct_services"
    at_least: AtLeast


class FewerContacts(ContactFilter):
    """Fewer contacts per month in the window than in the person's own reference months."""

    name = "fewer_contacts"
    reference_from: Month
    reference_to: Month


class Medicine(Windowed):
    """Dispensed medicines by ATC code or prefix."""

    name = "medicine"
    table = "medicines"
    atc: Atc


class Request(Windowed):
    """Approaches to the front line."""

    name = "request"
    table = "requests"
    channel: Annotated[Words, AfterValidator(codes_of("requests", "channel"))] | None = None
    service: Words | None = None
    outcome: Annotated[Words, AfterValidator(codes_of("requests", "outcome"))] | None = None


class Plan(Windowed):
    """Multi-professional plans."""

    name = "plan"
    table = "plans"
    kind: Words | None = None


class Measurement(Windowed):
    """Measured values between `minimum` and `maximum`, inclusive."""

    name = "measurement"
    table = "measurements"
    measure: Words
    minimum: StrictFloat | StrictInt | None = None
    maximum: StrictFloat | StrictInt | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> Measurement:
        if self.minimum is None and self.maximum is None:
            raise ValueError("give minimum, maximum or both")
        return self


class Enrolment(Node):
    """Enrolled in an intervention on the first day of the month."""

    name = "enrolment"
    single = "intervention"
    table = "enrolments"
    intervention: Words


class Referral(Node):
    """A wait between two steps of a referral that has lasted over a limit, now or in the past months."""

    name = "referral"
    table = "referrals"
    longer_than_days: Annotated[StrictInt, Field(ge=0)]
    service: Words | None = None
    specialty: Words | None = None
    wait_from: Literal["received", "assessed", "need_ascertained", "decided"] = "received"
    wait_to: Literal["assessment_started", "assessed", "decided", "started"] = "started"
    within_months: Annotated[StrictInt, Field(ge=0, le=120)] = 0

    @property
    def look_back_months(self) -> int:
        return self.within_months + -(-self.longer_than_days // DAYS_IN_MONTH)


class AnyOf(Node):
    """At least one of the rules."""

    name = "any"
    single = "rules"
    rules: Annotated[tuple[Rule, ...], BeforeValidator(words), Field(min_length=1)]

    @property
    def children(self) -> Sequence[Rule]:
        return self.rules


class AllOf(Node):
    """Every one of the rules."""

    name = "all"
    single = "rules"
    rules: Annotated[tuple[Rule, ...], BeforeValidator(words), Field(min_length=1)]

    @property
    def children(self) -> Sequence[Rule]:
        return self.rules


class SomeOf(Node):
    """At least `count` of the rules."""

    name = "at_least"
    count: AtLeast
    rules: Annotated[tuple[Rule, ...], BeforeValidator(words), Field(alias="of", min_length=1)]

    @model_validator(mode="after")
    def _possible(self) -> SomeOf:
        if self.count > len(self.rules):
            raise ValueError(f"{self.count} of {len(self.rules)} rules can never hold")
        return self

    @property
    def children(self) -> Sequence[Rule]:
        return self.rules


class Not(Node):
    """Every resident whom the rule does not hold for."""

    name = "not"
    single = "rule"
    rule: Rule

    @property
    def children(self) -> Sequence[Rule]:
        return (self.rule,)


class Group(Node):
    """The members of another target group; `rule` is filled when the groups are bound together."""

    name = "group"
    single = "group"
    group: StrictStr
    rule: Any = None

    @property
    def children(self) -> Sequence[Rule]:
        return () if self.rule is None else (self.rule,)


def name_of(value: Any) -> str | None:
    if isinstance(value, Node):
        return value.name
    return str(next(iter(value))) if isinstance(value, dict) and len(value) == 1 else None


Rule = Annotated[
    Annotated[Everyone, Tag("everyone")]
    | Annotated[Age, Tag("age")]
    | Annotated[Sex, Tag("sex")]
    | Annotated[Municipality, Tag("municipality")]
    | Annotated[Status, Tag("status")]
    | Annotated[Diagnosis, Tag("diagnosis")]
    | Annotated[Contact, Tag("contact")]
    | Annotated[DistinctServices, Tag("distinct_services")]
    | Annotated[FewerContacts, Tag("fewer_contacts")]
    | Annotated[Medicine, Tag("medicine")]
    | Annotated[Request, Tag("request")]
    | Annotated[Plan, Tag("plan")]
    | Annotated[Measurement, Tag("measurement")]
    | Annotated[Enrolment, Tag("enrolment")]
    | Annotated[Referral, Tag("referral")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[SomeOf, Tag("at_least")]
    | Annotated[Not, Tag("not")]
    | Annotated[Group, Tag("group")],
    Discriminator(name_of),
]

for _node in (AnyOf, AllOf, SomeOf, Not):
    _node.model_rebuild()

NODES: tuple[type[Node], ...] = (
    Everyone,
    Age,
    Sex,
    Municipality,
    Status,
    Diagnosis,
    Contact,
    DistinctServices,
    FewerContacts,
    Medicine,
    Request,
    Plan,
    Measurement,
    Enrolment,
    Referral,
    AnyOf,
    AllOf,
    SomeOf,
    Not,
    Group,
)
