"""The document `quality.yml` as strict models: checks in Kahn's categories, their thresholds and what rests on them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictFloat, StrictInt, StrictStr, model_validator

from ennakointi.parameters.documents import Amount, Codes, Count, Document, Share, Text
from ennakointi.rules.words import words
from ennakointi.schema import TABLES
from ennakointi.spelling import did_you_mean

Measure = Literal[
    "missing",
    "codes",
    "drift",
    "duplicates",
    "midnight",
    "order",
    "overlap",
    "during_stay",
    "assessment_stamp",
    "recording",
    "clients_without_contact",
    "contacts_without_status",
    "volume_breaks",
    "residents",
    "outside_region",
    "unknown_intervention",
    "orphans",
    "gaps",
    "late_arrival",
]
Severity = Literal["info", "warning", "error"]
_NEEDS_COLUMNS = ("missing", "codes", "drift", "midnight", "order", "assessment_stamp", "recording")


class Limits(Document):
    """A check fails when more rows than `limit_rows`, and a larger share than `limit_share`, fail it."""

    limit_rows: Amount
    limit_share: Share
    severity: Severity

    def status(self, failed: float, rows: float) -> Literal["failed", "passed"]:
        """Both limits must be passed for a check to fail."""
        above = failed > self.limit_rows and rows > 0 and failed / rows > self.limit_share
        return "failed" if above else "passed"


class Check(Limits):
    """One check of one table.

    `columns`: each is checked on its own. `codes`: those that say nothing (other, unknown). `services`: those that
    are looked at, all unless given. `affects`: results that rest on it; `care`: results that an error leaves usable
    with care.
    """

    id: Annotated[StrictStr, Field(pattern=r"^[a-z_]+$")]
    category: Literal["conformance", "completeness", "plausibility"]
    measure: Measure
    table: Text
    columns: Codes = ()
    codes: Codes = ()
    services: Codes = ()
    affects: Codes
    care: Codes = ()

    @model_validator(mode="after")
    def _consistent(self) -> Check:
        if self.table not in TABLES:
            raise ValueError(f"table {self.table!r} is not in the data contract{did_you_mean(self.table, TABLES)}")
        for column in self.columns:
            if column not in TABLES[self.table].names:
                hint = did_you_mean(column, TABLES[self.table].names)
                raise ValueError(f"{column!r} is not a column of {self.table}{hint}")
        if not self.columns and self.measure in _NEEDS_COLUMNS:
            raise ValueError(f"measure {self.measure!r} needs `columns`")
        if bool(self.codes) != (self.measure == "codes"):
            raise ValueError("`codes` belong to measure codes, and must be given with it")
        return self


class ResidentsSettings(Document):
    """Persons against inhabitants: a difference is looked at where at least `minimum_persons` live."""

    minimum_persons: Count


class VolumeBreakSettings(Document):
    """When a unit's month has fallen, and when the register rather than the care is to blame (`quality.volume_breaks`).

    `history_months`: months whose median is the usual level, at least `minimum_history_months` of them;
    `minimum_expected`: contacts below which a month is not looked at; `fall_share`: observed / expected below which a
    month has fallen, if it is less likely than `p_value`; `vanished_share`: below it the rows have vanished;
    `still_share`: above it the others stand still; `known_months`: months after a known break that it explains.
    """

    history_months: Count
    minimum_history_months: Count
    minimum_expected: Amount
    fall_share: Share
    p_value: Annotated[StrictFloat, Field(gt=0, lt=1)]
    vanished_share: Share
    still_share: Share
    known_months: Count


class StampSettings(Document):
    """A unit is named when fewer than `unit_share` of at least `unit_rows` contacts carry the stamp."""

    unit_share: Share
    unit_rows: Count


class DriftSettings(Document):
    """Services with fewer than `minimum_rows` rows in either year are left out: their mix changes by chance."""

    minimum_rows: Annotated[StrictInt, Field(ge=1)]


class ReconciledTotal(Document):
    """An external figure and what it stands for: a yearly total of some services, or of `all`.

    `region`: as the table indicators writes it; the county's code unless given.
    """

    indicator: Text
    services: Annotated[Codes, Field(min_length=1)]
    quantity: Literal["contacts", "persons", "cost_eur"]
    region: Text | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> ReconciledTotal:
        if self.quantity == "persons" and len(self.services) > 1:
            raise ValueError("persons of several services cannot be added up; give one service, or all")
        return self


class ReconciliationSettings(Document):
    """Yearly totals that are compared with the table indicators; a larger difference than `limit_share` differs."""

    limit_share: Share
    totals: tuple[ReconciledTotal, ...] = ()


class QualitySettings(Document):
    """The whole document.

    `results`: what each result needs, as `table` or `table.column`; `tables`: results that rest on a table, for
    faults of the contract and tables that are missing.
    """

    results: Annotated[dict[Text, Codes], Field(min_length=1)]
    tables: dict[Text, Codes]
    contract: Limits
    residents: ResidentsSettings
    volume_breaks: VolumeBreakSettings
    assessment_stamp: StampSettings
    drift: DriftSettings
    reconciliation: ReconciliationSettings
    checks: Annotated[tuple[Check, ...], BeforeValidator(words)]

    @property
    def of_residents(self) -> Check:
        """The check that tells residents from clients."""
        return next(check for check in self.checks if check.measure == "residents")

    @model_validator(mode="after")
    def _names_exist(self) -> QualitySettings:
        for name, needs in self.results.items():
            for need in needs:
                table, _, column = need.partition(".")
                if table not in TABLES or (column and column not in TABLES[table].names):
                    raise ValueError(f"results.{name}: {need!r} is not in the data contract")
        for table, affected in self.tables.items():
            if table not in TABLES:
                raise ValueError(f"tables: {table!r} is not in the data contract{did_you_mean(table, TABLES)}")
            _known(f"tables.{table}", affected, self.results)
        seen = set()
        for check in self.checks:
            _known(f"checks: {check.id}", check.affects + check.care, self.results)
            for key in ((check.id, check.table, column) for column in check.columns or ("",)):
                if key in seen:
                    raise ValueError(f"checks: {'.'.join(filter(None, key))} stands twice; keep one of them")
                seen.add(key)
        if sum(check.measure == "residents" for check in self.checks) != 1:
            raise ValueError("checks: exactly one must have the measure residents")
        return self


def _known(place: str, given: Codes, results: dict[str, Codes]) -> None:
    for name in given:
        if name not in results:
            raise ValueError(f"{place}: result {name!r} does not exist{did_you_mean(name, results)}")
