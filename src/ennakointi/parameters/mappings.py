"""Mapping documents: how the tables of a source system become the tables of the data contract.

An expression is a column (`kaynti_alkoi`, or `care_site.location_id` of a joined table) or one of the forms below;
every form reads delivered text and gives text, which the contract's door then types and checks. Empty text is
missing, a column that was not delivered is missing in every row, and a form over what is missing is missing.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictStr,
    Tag,
)

from ennakointi.parameters.documents import Document, Label, Text
from ennakointi.spelling import did_you_mean


def _value(given: object) -> object:
    """A YAML scalar as the text that a file would hold."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float) and given.is_integer():
        return str(int(given))
    return str(given) if isinstance(given, int | float) else given


def _several(given: object) -> object:
    """One expression or a list of them as a list."""
    return given if isinstance(given, list | tuple) else (given,)


Value = Annotated[Text, BeforeValidator(_value)]


class Constant(Document):
    """The same value in every row."""

    constant: Value


class Coded(Document):
    """A code looked up in one of the document's code maps: exactly, else by the longest `prefix*`, else by `*`.

    Several columns in `of` are looked up joined by `|`, for example `T11|LK`; one that is missing is empty there
    (`T11|`). A code that the map gives no value (`null`) is known and missing. A code that the map does not hold
    becomes `otherwise`, or stays as it is and is refused by the contract's code list; either way it is listed with
    its count, unless a later lookup of a `first_of` knows its own code. `flag` names what is uncertain about the
    value when it was found here (a fallback), for example `service_from_concept`.
    """

    of: Annotated[tuple[Expression, ...], BeforeValidator(_several), Field(min_length=1)]
    codes: Text
    otherwise: Text | None = None
    only_known: StrictBool = False  # an unknown code is missing here, so that `first_of` goes on
    flag: Text | None = None


class FirstOf(Document):
    """The first that is not missing."""

    first_of: Annotated[tuple[Expression, ...], Field(min_length=2)]


class Joined(Document):
    """Values joined to one text; missing when one of them is."""

    joined: Annotated[tuple[Expression, ...], Field(min_length=2)]
    between: StrictStr = "-"


class DateOf(Document):
    """A date of year, month and day; a missing month is July, a missing day the 15th, a missing year no date."""

    year: Expression
    month: Expression | None = None
    day: Expression | None = None


class Match(Document):
    """The first group of a regular expression (RE2) in a value; missing where it does not match."""

    match: Text
    of: Expression


class Scaled(Document):
    """A number (decimal point or comma) times a factor, for example cents to euros; without one the row is refused."""

    of: Expression
    times: Annotated[StrictFloat, Field(allow_inf_nan=False)]


class Choice(Document):
    """`then` where the condition holds, else `otherwise`."""

    when: Condition
    then: Expression
    otherwise: Expression | None = None


class Condition(Document):
    """Rows that fulfil every part given.

    `values`: columns and the codes they may hold (`prefix*` allowed); `present` and `missing`: columns with and
    without a value; `differ`: two columns that both hold a value, but not the same; `any_of`: conditions one of which
    must hold; `none`: conditions none of which may hold.
    """

    values: dict[Text, Annotated[tuple[Value, ...], Field(min_length=1)]] = Field(default_factory=dict)
    present: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()
    differ: tuple[Text, Text] | None = None
    any_of: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()


class Join(Document):
    """Another input whose row with the same key adds columns, written `name.column`; rows are never multiplied.

    `key` should be unique there; of several rows the smallest is taken, whatever their order. `of` is the input where
    its name is not that of the join, for example when the same input is joined twice. Only rows that fulfil `where`
    are joined; `take` says of a column what is taken of several rows: the smallest value (`first`; dates as ISO text),
    the largest (`last`) or the `sum`.
    """

    by: Text  # a column of the selection's input, or of an earlier join
    key: Text
    of: Text | None = None
    where: Condition | None = None
    take: dict[Text, Literal["first", "last", "sum"]] = Field(default_factory=dict)


class Exclusion(Document):
    """Rows that are not taken: with a reason they are counted in the attrition table; without one they are the matter
    of another selection or table."""

    where: Condition
    reason: Label | None = None


class Selection(Document):
    """Rows of one input that become rows of a contract table, one for one; none when the input was not delivered."""

    of: Text
    joins: dict[Text, Join] = Field(default_factory=dict)
    exclude: tuple[Exclusion, ...] = ()
    columns: Annotated[dict[Text, Expression], Field(min_length=1)]


class Input(Document):
    """A table of the source system. `files`: names it may be delivered under besides its own (without ending);
    `columns`: those that must be there, by which the system is recognised; `optional` inputs may be absent."""

    files: tuple[Text, ...] = ()
    columns: tuple[Text, ...] = ()
    optional: StrictBool = False


class Unavailable(Document):
    """A table, or `table.column`, that the system has no home for; said in the report."""

    place: Text
    why: Label


class MappingDocument(Document):
    """A whole mapping. `limits` are results refused when a flag is raised, for example
    `service_from_concept: [remote_share]`; `not_read` names tables of the source system that no input needs."""

    id: StrictStr
    label: Label
    inputs: Annotated[dict[Text, Input], Field(min_length=1)]
    tables: Annotated[dict[Text, tuple[Selection, ...]], Field(min_length=1)]
    codes: dict[Text, dict[StrictStr, StrictStr | None]] = Field(default_factory=dict)
    limits: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    unavailable: tuple[Unavailable, ...] = ()
    not_read: tuple[Text, ...] = ()

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The columns of an input that the document reads, in the order they are first named."""
        read = dict.fromkeys(self.inputs[name].columns)
        for selection in (one for table in self.tables.values() for one in table):
            inputs = {"": selection.of, **{joined: join.of or joined for joined, join in selection.joins.items()}}
            read |= dict.fromkeys(join.key for joined, join in selection.joins.items() if inputs[joined] == name)
            for reference in references(selection):
                joined, _, column = reference.rpartition(".")
                if inputs.get(joined) == name:
                    read[column] = None
        return tuple(read)


_FORMS = {
    "constant": "{constant: own}",
    "codes": "{of: column, codes: map}",
    "first_of": "{first_of: [column, other]}",
    "joined": "{joined: [column, other]}",
    "year": "{year: column}",
    "match": "{match: '([0-9]+)', of: column}",
    "times": "{of: column, times: 0.01}",
    "when": "{when: {present: [column]}, then: column}",
}


def _form(value: Any) -> str:
    """Which form an expression has, from the key that only this form has."""
    given = value if isinstance(value, dict) else vars(value) if isinstance(value, BaseModel) else {}
    return next((f"<{key}>" for key in _FORMS if key in given), "<column>")


def _of_known_form(value: Any) -> Any:
    """The value, if it is a column or a mapping that has the key of a form."""
    if isinstance(value, dict) and _form(value) == "<column>":
        near = next((hint for key in value if (hint := did_you_mean(key, _FORMS))), "")
        raise ValueError(
            f"no form has the keys {', '.join(map(str, value))}{near}; forms: {', '.join(_FORMS.values())}"
        )
    if not isinstance(value, str | dict | BaseModel):
        raise ValueError(f"expected a column or a form such as {_FORMS['constant']}; was {value!r}")
    return value


Expression = Annotated[
    Annotated[Text, Tag("<column>")]
    | Annotated[Constant, Tag("<constant>")]
    | Annotated[Coded, Tag("<codes>")]
    | Annotated[FirstOf, Tag("<first_of>")]
    | Annotated[Joined, Tag("<joined>")]
    | Annotated[DateOf, Tag("<year>")]
    | Annotated[Match, Tag("<match>")]
    | Annotated[Scaled, Tag("<times>")]
    | Annotated[Choice, Tag("<when>")],
    Discriminator(_form),
    BeforeValidator(_of_known_form),
]

_FORWARD = (Coded, FirstOf, Joined, DateOf, Match, Scaled, Choice, Condition, Join, Exclusion, Selection)
for _model in (*_FORWARD, MappingDocument):
    _model.model_rebuild()


def parts(expression: Any) -> tuple[Any, ...]:
    """The expressions directly inside an expression."""
    match expression:
        case Coded(of=inside) | FirstOf(first_of=inside) | Joined(joined=inside):
            return inside
        case DateOf():
            return tuple(part for part in (expression.year, expression.month, expression.day) if part is not None)
        case Match(of=of) | Scaled(of=of):
            return (of,)
        case Choice():
            return tuple(part for part in (expression.then, expression.otherwise) if part is not None)
    return ()


def walk(expression: Any) -> tuple[Any, ...]:
    """An expression and everything inside it."""
    return (expression, *(deeper for part in parts(expression) for deeper in walk(part)))


def references(selection: Selection) -> tuple[str, ...]:
    """Every column that a selection names, those of joined inputs as `input.column`."""
    expressions = [part for one in selection.columns.values() for part in walk(one)]
    outer = [one.where for one in selection.exclude] + [one.when for one in expressions if isinstance(one, Choice)]
    named = [one for one in expressions if isinstance(one, str)]
    named += [column for one in outer for condition in conditions(one) for column in _named(condition)]
    named += [f"{joined}.{column}" for joined, join in selection.joins.items() for column in _chosen_by(join)]
    return (*dict.fromkeys([*named, *(join.by for join in selection.joins.values())]),)


def _chosen_by(join: Join) -> list[str]:
    """The columns of the joined input that decide what is taken of it."""
    inside = conditions(join.where) if join.where else ()
    return [*join.take, *(column for condition in inside for column in _named(condition))]


def conditions(condition: Condition) -> tuple[Condition, ...]:
    """A condition and every one inside it."""
    return (condition, *(deeper for one in (*condition.any_of, *condition.none) for deeper in conditions(one)))


def _named(condition: Condition) -> list[str]:
    """The columns that a condition itself names."""
    return [*condition.values, *condition.present, *condition.missing, *(condition.differ or ())]
