"""Conditions on what is known of a person at the end of a quarter: who is in a segment, who has a need.

A condition is a mapping with one key.

===============  ===========================================================================================
`everyone:`      `true`: everyone
`feature:`       `of` a feature; `within_months` 3, 12 or 24 (12 unless told) where it is counted over a window;
                 `minimum` and `maximum`, inclusive (`minimum: 1` when neither is given)
`top:`           those of the residents with the most `of` a feature: at least the `share` of them, more when
                 persons at the limit are equal; `within` strata by age_band, sex, language or municipality
`any: [..]`      at least one of the conditions
`all: [..]`      every one of the conditions
`not:`           the opposite of a condition
`at_least:`      `count` of the conditions in `of`
===============  ===========================================================================================

A value that is missing satisfies neither a condition nor its opposite (Kleene's logic): it is not known. Zero is
never at the top, and equal persons are never split, so the order of persons does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    TypeAdapter,
    model_validator,
)

from ennakointi.errors import ParameterError
from ennakointi.rules.nodes import Node, name_of
from ennakointi.rules.words import AtLeast, words
from ennakointi.spelling import did_you_mean

WINDOWS = (3, 12, 24)  # months
USUAL_WINDOW = 12
RESIDENT = "resident"
STRATA = ("age_band", "sex", "language", "municipality")
TEXTS = ("state", *STRATA)  # features that are words
_AT_THE_END = ("age", "months_resident", "waiting", "waiting_days", "conditions")
_STATUS = "status_"  # has a window when it is told
_AT_THE_END_OF = ("condition_", "group_", _STATUS)

Truth = NDArray[np.float64]  # 1 true, 0 false, ½ not known
Window = Literal[3, 12, 24]
_UNKNOWN = 0.5
_NEARLY = 1e-9  # a share of the residents that is whole but for rounding


class ConditionNode(Node):
    """A condition `{name: arguments}`; `parts` are the conditions inside it."""

    @property
    def parts(self) -> Sequence[Condition]:
        return ()


class Everyone(ConditionNode):
    """Everyone."""

    name = "everyone"
    single = "everyone"
    everyone: Annotated[bool, Field(strict=True)]


class OfFeature(ConditionNode):
    """A feature, and the window it is counted over."""

    of: StrictStr
    within_months: Window | None = None

    @property
    def windowed(self) -> bool:
        """Whether the feature is counted over a window."""
        told = self.within_months is not None
        return told or not (self.of in (*_AT_THE_END, *TEXTS) or self.of.startswith(_AT_THE_END_OF))

    @property
    def column(self) -> str:
        """The feature's column: `contacts` within 3 months is `contacts_3m`."""
        return f"{self.of}_{self.within_months or USUAL_WINDOW}m" if self.windowed else self.of


class Feature(OfFeature):
    """A feature between two limits, inclusive."""

    name = "feature"
    minimum: StrictInt | StrictFloat | None = None
    maximum: StrictInt | StrictFloat | None = None

    @model_validator(mode="after")
    def _limits(self) -> Feature:
        low, high = self.minimum, self.maximum
        if low is None and high is None and {"minimum", "maximum"} & self.model_fields_set:
            raise ValueError("give minimum, maximum or both; without either the minimum is 1")
        if low is not None and high is not None and low > high:
            raise ValueError(f"the minimum {low} is above the maximum {high}")
        return self

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest value, inclusive."""
        if self.minimum is None and self.maximum is None:
            return 1.0, np.inf
        low, high = self.minimum, self.maximum
        return (-np.inf if low is None else float(low), np.inf if high is None else float(high))


class Top(OfFeature):
    """The residents with the most of a feature, in all or in each stratum."""

    name = "top"
    share: Annotated[StrictFloat, Field(gt=0, lt=1)]
    within: Annotated[
        tuple[Literal["age_band", "sex", "language", "municipality"], ...], BeforeValidator(words), Field(min_length=1)
    ] = ()


class AnyOf(ConditionNode):
    """At least one of the conditions."""

    name = "any"
    single = "rules"
    rules: Annotated[tuple[Condition, ...], BeforeValidator(words), Field(min_length=1)]

    @property
    def parts(self) -> Sequence[Condition]:
        return self.rules


class AllOf(ConditionNode):
    """Every one of the conditions."""

    name = "all"
    single = "rules"
    rules: Annotated[tuple[Condition, ...], BeforeValidator(words), Field(min_length=1)]

    @property
    def parts(self) -> Sequence[Condition]:
        return self.rules


class SomeOf(ConditionNode):
    """At least `count` of the conditions."""

    name = "at_least"
    count: AtLeast
    rules: Annotated[tuple[Condition, ...], BeforeValidator(words), Field(alias="of", min_length=1)]

    @model_validator(mode="after")
    def _possible(self) -> SomeOf:
        if self.count > len(self.rules):
            raise ValueError(f"{self.count} of {len(self.rules)} conditions can never hold")
        return self

    @property
    def parts(self) -> Sequence[Condition]:
        return self.rules


class Not(ConditionNode):
    """The opposite of a condition."""

    name = "not"
    single = "rule"
    rule: Condition

    @property
    def parts(self) -> Sequence[Condition]:
        return (self.rule,)


Condition = Annotated[
    Annotated[Everyone, Tag("everyone")]
    | Annotated[Feature, Tag("feature")]
    | Annotated[Top, Tag("top")]
    | Annotated[AnyOf, Tag("any")]
    | Annotated[AllOf, Tag("all")]
    | Annotated[SomeOf, Tag("at_least")]
    | Annotated[Not, Tag("not")],
    Discriminator(name_of),
]

for _node in (AnyOf, AllOf, SomeOf, Not):
    _node.model_rebuild()

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)


def parse(document: object) -> Condition:
    """A condition from its YAML form; raises pydantic.ValidationError with the key path of every fault."""
    return _CONDITION.validate_python(document)


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and everything inside it."""
    yield condition
    for part in condition.parts:
        yield from walk(part)


def features(condition: Condition) -> set[str]:
    """The columns that the condition reads; the strata and the state are among them where it compares residents."""
    found: set[str] = set()
    for node in walk(condition):
        if isinstance(node, OfFeature):
            found.add(node.column)
        if isinstance(node, Top):
            found.update(("state", *node.within))
    return found


def over(condition: Condition, months: Window) -> Condition:
    """The condition with every window that is not told set to `months`, for example an outcome's horizon; a status
    is looked for over the whole of it."""
    if isinstance(condition, OfFeature):
        can = condition.windowed or condition.of.startswith(_STATUS)
        told = condition.within_months is not None or not can
        return condition if told else condition.model_copy(update={"within_months": months})
    if isinstance(condition, Not):
        return condition.model_copy(update={"rule": over(condition.rule, months)})
    if isinstance(condition, AnyOf | AllOf | SomeOf):
        return condition.model_copy(update={"rules": tuple(over(part, months) for part in condition.rules)})
    return condition


def evaluate(condition: Condition, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """Whom the condition holds for.

    Parameters
    ----------
    frame : (n persons) at least the columns `features(condition)`.

    Returns
    -------
    (n,) False also where it is not known.

    Raises
    ------
    ParameterError
        A feature is not among the columns, or is a word and no number.
    """
    return np.asarray(_truth(condition, frame) == 1)


def known(condition: Condition, frame: pd.DataFrame) -> NDArray[np.bool_]:
    """(n,) For whom it can be told whether the condition holds."""
    return np.asarray(_truth(condition, frame) != _UNKNOWN)


@singledispatch
def _truth(condition: object, frame: pd.DataFrame) -> Truth:
    raise TypeError(f"not a condition: {type(condition).__name__}")


@_truth.register
def _everyone(condition: Everyone, frame: pd.DataFrame) -> Truth:
    return np.full(len(frame), float(condition.everyone))


@_truth.register
def _feature(condition: Feature, frame: pd.DataFrame) -> Truth:
    values = _values(frame, condition.column)
    low, high = condition.limits
    return np.where(np.isnan(values), _UNKNOWN, (values >= low) & (values <= high))


@_truth.register
def _top(condition: Top, frame: pd.DataFrame) -> Truth:
    values = _values(frame, condition.column)
    compared = _column(frame, "state").eq(RESIDENT).to_numpy(bool) & ~np.isnan(values)
    limit = np.full(len(frame), np.inf)
    for rows in _strata(frame, condition.within):
        rows = rows[compared[rows]]
        if len(rows):
            most = int(np.ceil(condition.share * len(rows) - _NEARLY))
            limit[rows] = np.partition(values[rows], len(rows) - most)[len(rows) - most]
    held = compared & (values >= limit) & (values > 0)
    return np.where(np.isnan(values), _UNKNOWN, held)


def _strata(frame: pd.DataFrame, within: Sequence[str]) -> Iterator[NDArray[np.int64]]:
    """Rows of each stratum; persons of whom a stratum is not known are one of their own."""
    if not within:
        yield np.arange(len(frame))
        return
    columns = pd.DataFrame({name: _column(frame, name) for name in within})
    stratum = columns.groupby(list(within), observed=True, dropna=False).ngroup().to_numpy(np.int64)
    yield from np.split(np.argsort(stratum, kind="stable"), np.cumsum(np.bincount(stratum))[:-1])


@_truth.register
def _any(condition: AnyOf, frame: pd.DataFrame) -> Truth:
    return _inside(condition, frame).max(axis=0)


@_truth.register
def _all(condition: AllOf, frame: pd.DataFrame) -> Truth:
    return _inside(condition, frame).min(axis=0)


@_truth.register
def _some(condition: SomeOf, frame: pd.DataFrame) -> Truth:
    return np.sort(_inside(condition, frame), axis=0)[-condition.count]


@_truth.register
def _not(condition: Not, frame: pd.DataFrame) -> Truth:
    return 1 - _truth(condition.rule, frame)


def _inside(condition: AnyOf | AllOf | SomeOf, frame: pd.DataFrame) -> Truth:
    """(parts, n)"""
    return np.stack([_truth(part, frame) for part in condition.rules])


def _values(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A feature as numbers; NaN where it is missing."""
    found = _column(frame, column)
    if isinstance(found.dtype, pd.CategoricalDtype) or found.dtype == object:
        raise ParameterError(f"feature {column!r} is a word: a condition compares numbers")
    return np.asarray(found.astype("Float64").to_numpy(dtype=float, na_value=np.nan))


def _column(frame: pd.DataFrame, column: str) -> Any:
    if column not in frame.columns:
        raise ParameterError(f"feature {column!r} does not exist{did_you_mean(column, frame.columns)}")
    return frame[column]
