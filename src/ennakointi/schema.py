"""The data contract as declarations: every table, column, type, code, key and order of dates that may come in.

Nothing here reads data. `validation` turns the declarations into rules, `store` into a layout, the command's
`template` into empty files, and `docs/data.md` repeats them for people.
"""

from __future__ import annotations

from dataclasses import dataclass

IDENTIFIER = "identifier"  # text or integer, pseudonymous
TEXT = "text"
CODE = "code"
WHOLE = "whole"
NUMBER = "number"
FLAG = "flag"
DATE = "date"
MONTH = "month"  # a date, or YYYY-MM; stands for its first day
TIMESTAMP = "timestamp"


@dataclass(frozen=True)
class Column:
    """One column: `codes` closes its value list, `vocabulary` names a parameter list, `pattern` is a full match;
    `minimum` and `maximum` are inclusive."""

    name: str
    kind: str
    required: bool = False
    codes: tuple[str, ...] = ()
    vocabulary: str | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Table:
    """One table: `key` is unique, `event` places a row in time, `orders` are (earlier, later) pairs of dates."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    event: str | None = None
    orders: tuple[tuple[str, str], ...] = ()

    def __getitem__(self, column: str) -> Column:
        return next(c for c in self.columns if c.name == column)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    @property
    def by_person(self) -> bool:
        """Whether rows belong to persons, so that the store keeps them in person buckets."""
        return "person_id" in self.names


def _c(name: str, kind: str, *codes: str, required: bool = False, **more: object) -> Column:
    return Column(name, kind, required, tuple(codes), **more)  # type: ignore[arg-type]


def _code(name: str, *codes: str, required: bool = False, vocabulary: str | None = None) -> Column:
    return Column(name, CODE, required, tuple(codes), vocabulary)


MODES = (
    "in_person",
    "home",
    "elsewhere",
    "phone",
    "remote_realtime",
    "remote_async",
    "letter",
    "professional",
    "administrative",
    "inpatient",
    "other",
)
MODES_WITHOUT_CLIENT = ("administrative", "professional")  # no client meets the service in these
PROFESSIONS = (
    "physician",
    "nurse",
    "dentist",
    "dental_hygienist",
    "psychologist",
    "physiotherapist",
    "pharmacist",
    "social_worker",
    "social_instructor",
    "home_care_worker",
    "other",
)
PROVIDERS = ("own", "purchased", "third_sector")
DIAGNOSIS_SYSTEMS = ("icd10", "icpc2", "other")  # no rule names a code of another system; it only counts
SEXES = ("female", "male", "other", "unknown")

_SERVICE = _code("service", required=True, vocabulary="services")
_SERVICE_OPTIONAL = _code("service", vocabulary="services")
_MUNICIPALITY = _c("municipality", CODE, required=True, pattern=r"\d{3}")
_PERSON = _c("person_id", IDENTIFIER, required=True)
_COST = Column("cost_eur", NUMBER, minimum=0)

_TABLES = (
    Table(
        "persons",
        (
            _PERSON,
            _c("birth_date", DATE, required=True),
            _code("sex", *SEXES, required=True),
            _MUNICIPALITY,
            _c("resident_from", DATE),
            _c("resident_to", DATE),
            _c("death_date", DATE),
            _code("language", "fi", "sv", "other"),
            _code("service_area"),
            _c("household_id", IDENTIFIER),
            _c("non_disclosure", FLAG),
        ),
        key=("person_id",),
        orders=(
            ("birth_date", "death_date"),
            ("resident_from", "resident_to"),
            ("birth_date", "resident_to"),
        ),
    ),
    Table(
        "contacts",
        (
            _c("contact_id", IDENTIFIER, required=True),
            _PERSON,
            _c("started_at", TIMESTAMP, required=True),
            _SERVICE,
            _code("mode", *MODES, required=True),
            _code("profession", *PROFESSIONS),
            _code("urgency", "urgent", "non_urgent"),
            _code("nature", "curative", "preventive", "planned", "certificate", "other"),
            _code("unit"),
            _code("provider", *PROVIDERS),
            _code("specialty"),
            _c("professional_id", IDENTIFIER),
            _code("booked_via", "phone", "web", "staff", "other"),
            _c("episode_id", IDENTIFIER),
            _code("attendance", "attended", "cancelled_client", "cancelled_provider", "no_show"),
            _code("diagnosis"),
            _code("diagnosis_system", *DIAGNOSIS_SYSTEMS),
            _c("contacted_at", TIMESTAMP),
            _c("need_assessed_at", TIMESTAMP),
            _COST,
            Column("duration_minutes", NUMBER, minimum=0),
        ),
        key=("contact_id",),
        event="started_at",
        orders=(("contacted_at", "started_at"),),
    ),
    Table(
        "diagnoses",
        (
            _PERSON,
            _c("recorded_on", DATE, required=True),
            _c("code", CODE, required=True),
            _code("system", *DIAGNOSIS_SYSTEMS, required=True),
            Column("rank", WHOLE, minimum=1),
            _c("contact_id", IDENTIFIER),
            _c("stay_id", IDENTIFIER),
        ),
        event="recorded_on",
    ),
    Table(
        "medicines",
        (
            _PERSON,
            _c("dispensed_on", DATE, required=True),
            _c("atc", CODE, required=True),
            Column("packages", NUMBER, minimum=0),
            _COST,
        ),
        event="dispensed_on",
    ),
    Table(
        "requests",
        (
            _c("request_id", IDENTIFIER, required=True),
            _c("person_id", IDENTIFIER),
            _c("requested_at", TIMESTAMP, required=True),
            _code("channel", "phone", "chat", "web", "self_assessment", "visit", required=True),
            _SERVICE_OPTIONAL,
            _c("answered_at", TIMESTAMP),
            _c("called_back_at", TIMESTAMP),
            _code("outcome", "solved", "booked", "redirected", "abandoned", "open"),
            _c("contact_id", IDENTIFIER),
        ),
        key=("request_id",),
        event="requested_at",
        orders=(("requested_at", "answered_at"), ("requested_at", "called_back_at")),
    ),
    Table(
        "referrals",
        (
            _c("referral_id", IDENTIFIER, required=True),
            _PERSON,
            _SERVICE,
            _code("specialty"),
            _code("unit"),
            _c("received_on", DATE, required=True),
            _c("assessment_started_on", DATE),
            _c("assessed_on", DATE),
            _c("need_ascertained_on", DATE),
            _c("decided_on", DATE),
            _c("started_on", DATE),
            _c("closed_on", DATE),
            _code("closed_reason", "started", "withdrawn", "died", "moved", "elsewhere", "not_needed"),
            Column("priority", WHOLE, minimum=1),
        ),
        key=("referral_id",),
        event="received_on",
        orders=(
            ("received_on", "started_on"),
            ("received_on", "closed_on"),
            ("assessment_started_on", "assessed_on"),
        ),
    ),
    Table(
        "stays",
        (
            _c("stay_id", IDENTIFIER, required=True),
            _PERSON,
            _SERVICE,
            _code("unit", required=True),
            _c("admitted_at", TIMESTAMP, required=True),
            _c("ready_at", TIMESTAMP),
            _c("discharged_at", TIMESTAMP),
            _COST,
        ),
        key=("stay_id",),
        event="admitted_at",
        orders=(("admitted_at", "discharged_at"), ("admitted_at", "ready_at")),
    ),
    Table(
        "statuses",
        (
            _PERSON,
            _code("controller", "county", "kela", "employment", "education", "other"),
            _code("status", required=True),
            _c("start_date", DATE, required=True),
            _c("end_date", DATE),
        ),
        event="start_date",
        orders=(("start_date", "end_date"),),
    ),
    Table(
        "enrolments",
        (
            _PERSON,
            _code("intervention", required=True),
            _c("enrolled_on", DATE, required=True),
            _c("ended_on", DATE),
            _c("completed", FLAG),
        ),
        event="enrolled_on",
        orders=(("enrolled_on", "ended_on"),),
    ),
    Table(
        "plans",
        (_PERSON, _c("made_on", DATE, required=True), _code("kind", required=True)),
        event="made_on",
    ),
    Table(
        "slots",
        (
            _c("observed_on", DATE, required=True),
            _code("unit", required=True),
            _SERVICE,
            _code("profession", *PROFESSIONS, required=True),
            _c("provider_id", IDENTIFIER, required=True),
            _c("third_free_on", DATE),
        ),
        event="observed_on",
        orders=(("observed_on", "third_free_on"),),
    ),
    Table(
        "capacity",
        (
            _c("month", MONTH, required=True),
            _SERVICE,
            _code("unit", required=True),
            Column("fte", NUMBER, minimum=0),
            Column("fte_planned", NUMBER, minimum=0),
            Column("vacant_fte", NUMBER, minimum=0),
            Column("absence_days", NUMBER, minimum=0),
            Column("slots", NUMBER, minimum=0),
            Column("beds", NUMBER, minimum=0),
        ),
        key=("month", "service", "unit"),
        event="month",
    ),
    Table(
        "coverage",
        (
            _MUNICIPALITY,
            _SERVICE,
            _c("month", MONTH, required=True),
            _code("provider", *PROVIDERS),
            _code("status", "complete", "partial", "none", required=True),
        ),
        key=("municipality", "service", "month", "provider"),
        event="month",
    ),
    Table(
        "population",
        (
            Column("year", WHOLE, required=True, minimum=1900, maximum=2200),
            _MUNICIPALITY,
            Column("age", WHOLE, required=True, minimum=0, maximum=100),
            _code("sex", *SEXES, required=True),
            Column("persons", NUMBER, required=True, minimum=0),
            _code("variant", required=True),
        ),
        key=("year", "municipality", "age", "sex", "variant"),
    ),
    Table(
        "measurements",
        (
            _PERSON,
            _c("measured_on", DATE, required=True),
            _code("measure", required=True),
            _c("value", NUMBER, required=True),
        ),
        event="measured_on",
    ),
    Table(
        "feedback",
        (
            _c("answered_on", DATE, required=True),
            _SERVICE_OPTIONAL,
            _code("unit"),
            _code("channel"),
            Column("nps", WHOLE, minimum=0, maximum=10),
            Column("rating", WHOLE, minimum=1, maximum=5),
        ),
        event="answered_on",
    ),
    Table(
        "panel",
        (
            _c("area", CODE, required=True),
            _code("target_group", required=True),
            _code("service", required=True),
            _c("period_start", DATE, required=True),
            _code("frequency", "M", "W", "D", required=True),
            Column("value", NUMBER, required=True, minimum=0),
            _code("measure"),
            Column("population", NUMBER, minimum=0),
        ),
        key=("area", "target_group", "service", "period_start", "frequency", "measure"),
        event="period_start",
    ),
    Table(
        "indicators",
        (
            _code("indicator", required=True),
            _code("region", required=True),
            _c("period", TEXT, required=True),
            _c("value", NUMBER, required=True),
            _c("source", TEXT, required=True),
        ),
        key=("indicator", "region", "period", "source"),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
REQUIRED_TABLES = ("persons", "contacts")
AGGREGATE_TABLE = "panel"
