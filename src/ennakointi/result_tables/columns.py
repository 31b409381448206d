"""What a result table is made of: columns of a kind, with their unit and meaning."""

from __future__ import annotations

from dataclasses import dataclass

KEY = "key"  # identifies the row; never hidden
LABEL = "label"  # a word or date about the row that says nothing of persons
PERSONS = "persons"  # distinct persons: the threshold applies to this column
COUNT = "count"  # contacts, waiting persons, days: rounded to the preset's base
EUROS = "euros"  # rounded to a hundred bases
ESTIMATE = "estimate"  # a modelled number in the unit of a count: rounded to the base
SHARE = "share"  # a ratio of published numbers, or a modelled rate: three significant digits
FACT = "fact"  # a number about the register or the method, not about persons: as it is


@dataclass(frozen=True)
class ResultColumn:
    """One column.

    What follows from other columns is computed again from the published ones: `total_of` names signed terms (an
    optional leading minus), `ratio_of` numerator and denominator, and `scales_with` the column that a rate is
    proportional to. `step` and `bases` (in bases of the preset), `digits` (significant ones): what a SHARE is
    rounded to that would tell a count.
    `with_row`: a LABEL or FACT that is emptied where its row is hidden.
    """

    name: str
    kind: str
    unit: str
    meaning: str
    total_of: tuple[str, ...] = ()
    ratio_of: tuple[str, str] | None = None
    scales_with: str = ""
    step: float = 0.0
    bases: float = 0.0
    digits: int = 0
    with_row: bool = False


@dataclass(frozen=True)
class Sum:
    """Rows that add up to another row of their table: those that differ in the keys `over` only make the row whose
    keys are `whole`.

    Attributes
    ----------
    over : keys that tell the parts apart. whole : their values in the row that is the sum; `{}` in a value stands for
        the part's value of `split`.
    columns : columns that add up. distinct : whether nobody is counted in two parts, so that persons add up too.
    split : column whose values make sums of their own, such as the kind of debt. not_parts : beginnings of the first
        key of `over` that are sums themselves.
    spread : whether further parts may be hidden with a hidden one; otherwise the sum is.
    """

    over: tuple[str, ...]
    whole: tuple[str, ...]
    columns: tuple[str, ...]
    distinct: bool = False
    split: str = ""
    not_parts: tuple[str, ...] = ("all", "kind:")
    spread: bool = True


@dataclass(frozen=True)
class ResultTable:
    """One result table; `persons` names the column of kind PERSONS that decides whether a row may be shown.

    Attributes
    ----------
    sums : which rows add up to which. cumulates : (level, flow): the level of a month less that of the month before
        is the month's flow.
    together : keys of the rows that are hidden together; empty: each row alone.
    told_again : whether later quarters tell the same rows again, so that releases can be compared.
    """

    name: str
    columns: tuple[ResultColumn, ...]
    persons: str | None = "n_persons"
    sums: tuple[Sum, ...] = ()
    cumulates: tuple[str, str] | None = None
    together: tuple[str, ...] = ()
    told_again: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def of_kind(self, *kinds: str) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.kind in kinds)

    @property
    def with_row(self) -> tuple[ResultColumn, ...]:
        """Labels and facts that are emptied where their row is hidden."""
        return tuple(c for c in self.columns if c.with_row)


def key(name: str, meaning: str) -> ResultColumn:
    return ResultColumn(name, KEY, "code", meaning)


def label(name: str, meaning: str, with_row: bool = False) -> ResultColumn:
    return ResultColumn(name, LABEL, "text", meaning, with_row=with_row)


def count(name: str, meaning: str, kind: str = COUNT, **more: object) -> ResultColumn:
    return ResultColumn(name, kind, "contacts", meaning, **more)  # type: ignore[arg-type]


GROUP = key("target_group", "target group, from target_groups.yml; `all` = every resident")
SERVICE = key("service", "service, from services.yml; `all` = every service together")
MONTH = key("month", "calendar month, YYYY-MM")
PERSONS_BEHIND = ResultColumn("n_persons", PERSONS, "persons", "distinct persons behind the row")
MONTHLY, QUARTERLY = "M", "Q"
FREQUENCY = label(
    "frequency",
    "M: the row is of its month; Q: of three months, of which `month` is the first, as all rows of municipalities that "
    "are published are: contacts are those of the three months together, persons those of the largest, and quantiles "
    "are sums of the months' quantiles (the widest interval)",
)
COVERED = ResultColumn("covered_share", FACT, "share", "share of the residents' months that the register holds")


def of_services(*columns: str, kinds: bool = False, spread: bool = True) -> tuple[Sum, ...]:
    """Services add up to the row of all services, and to the rows of each kind of debt."""
    total = Sum(("service",), ("all",), columns, spread=spread)
    return (total, Sum(("service",), ("kind:{}",), columns, split="debt_kind")) if kinds else (total,)


def of_municipalities(*columns: str) -> Sum:
    """Municipalities add up to the row of the whole area; nobody lives in two of them in a month."""
    return Sum(("municipality",), ("all",), columns, distinct=True)
