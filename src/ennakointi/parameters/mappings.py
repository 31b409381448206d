"""Mapping documents: how the tables of a source system become the tables of the data contract.

An expression is a column (`kaynti_alkoi`, or `care_site.location_id` of a joined table) or one of the forms below;
every form reads delivered text and gives text, which the contract's door then types and checks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from ennakointi.errors import ParameterError
from ennakointi.parameters.document_faults import fault_sentences
from ennakointi.parameters.documents import Document, Label
from ennakointi.parameters.yaml_documents import DocumentFault, read_yaml
from ennakointi.schema import TABLES
from ennakointi.spelling import did_you_mean

Text = Annotated[StrictStr, Field(min_length=1)]
Value = StrictStr | StrictInt | StrictFloat | StrictBool


class Constant(Document):
    """The same value in every row."""

    constant: Value


class Coded(Document):
    """A code looked up in one of the document's code maps: exactly, else by the longest `prefix*`.

    Several columns in `of` are looked up joined by `|`, for example `T11|LK`; `*` stands alone for any code.
    A code that the map does not hold becomes `otherwise`, or stays as it is and is refused by the contract's code
    list; either way it is listed with its count. `flag` names what is uncertain about the value when it was found
    here (a fallback), for example `service_from_concept`.
    """

    of: Expression | tuple[Expression, ...]
    codes: Text
    otherwise: StrictStr | None = None
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
    """A date of year, month and day; a missing month is July, a missing day the 15th."""

    year: Expression
    month: Expression | None = None
    day: Expression | None = None


class Match(Document):
    """The first group of a regular expression (RE2) in a value; missing where it does not match."""

    match: Text
    of: Expression


class Scaled(Document):
    """A number times a factor, for example cents to euros."""

    of: Expression
    times: StrictInt | StrictFloat


class Choice(Document):
    """`then` where the condition holds, else `otherwise`."""

    when: Condition
    then: Expression
    otherwise: Expression | None = None


class Condition(Document):
    """Rows that fulfil every part given.

    `values`: columns and the codes they may hold (`prefix*` allowed); `present` and `missing`: columns with and
    without a value; `differ`: two columns that hold different values; `none`: conditions none of which may hold.
    """

    values: dict[Text, tuple[Value, ...]] = Field(default_factory=dict)
    present: tuple[Text, ...] = ()
    missing: tuple[Text, ...] = ()
    differ: tuple[Text, Text] | None = None
    any_of: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()


class Join(Document):
    """Another input whose row with the same key adds columns; `key` is unique there, else the first is taken."""

    by: Text  # a column of the selection's input, or of an earlier join
    key: Text


class Exclusion(Document):
    """Rows that are not taken, and why; they are counted in the attrition table."""

    where: Condition
    reason: Label


class Selection(Document):
    """Rows of one input that become rows of a contract table, one for one.

    `optional`: the selection is passed over when its input was not delivered.
    """

    of: Text
    joins: dict[Text, Join] = Field(default_factory=dict)
    exclude: tuple[Exclusion, ...] = ()
    columns: dict[Text, Expression]
    optional: StrictBool = False


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
    `service_from_concept: [remote_share]`."""

    id: StrictStr
    label: Label
    inputs: Annotated[dict[Text, Input], Field(min_length=1)]
    tables: Annotated[dict[Text, tuple[Selection, ...]], Field(min_length=1)]
    codes: dict[Text, dict[StrictStr, StrictStr | None]] = Field(default_factory=dict)
    limits: dict[Text, tuple[Text, ...]] = Field(default_factory=dict)
    unavailable: tuple[Unavailable, ...] = ()

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The columns of an input that the document reads, in the order they are first named."""
        read = dict.fromkeys(self.inputs[name].columns)
        for selection in (one for table in self.tables.values() for one in table):
            read |= dict.fromkeys(join.key for joined, join in selection.joins.items() if joined == name)
            for reference in references(selection):
                joined, _, column = reference.rpartition(".")
                if name == (joined or selection.of):
                    read[column] = None
        return tuple(read)

    @model_validator(mode="after")
    def _names_exist(self) -> MappingDocument:
        for table, selections in self.tables.items():
            if table not in TABLES:
                raise ValueError(f"tables: {table!r} is not in the data contract{did_you_mean(table, TABLES)}")
            for selection in selections:
                _check_selection(self, table, selection)
        return self


def _form(value: Any) -> str:
    """Which form an expression has, from the key that only this form has."""
    if isinstance(value, str):
        return "column"
    given = value if isinstance(value, dict) else vars(value) if isinstance(value, BaseModel) else {}
    for key in ("constant", "codes", "first_of", "joined", "year", "match", "times", "when"):
        if key in given:
            return key
    return "column"


Expression = Annotated[
    Annotated[Text, Tag("column")]
    | Annotated[Constant, Tag("constant")]
    | Annotated[Coded, Tag("codes")]
    | Annotated[FirstOf, Tag("first_of")]
    | Annotated[Joined, Tag("joined")]
    | Annotated[DateOf, Tag("year")]
    | Annotated[Match, Tag("match")]
    | Annotated[Scaled, Tag("times")]
    | Annotated[Choice, Tag("when")],
    Discriminator(_form),
]

for _model in (Coded, FirstOf, Joined, DateOf, Match, Scaled, Choice, Condition, Exclusion, Selection, MappingDocument):
    _model.model_rebuild()


def parts(expression: Any) -> tuple[Any, ...]:
    """The expressions directly inside an expression."""
    match expression:
        case Coded(of=of):
            return of if isinstance(of, tuple) else (of,)
        case FirstOf(first_of=inside) | Joined(joined=inside):
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
    conditions = [one.where for one in selection.exclude] + [one.when for one in expressions if isinstance(one, Choice)]
    named = [one for one in expressions if isinstance(one, str)]
    named += [column for condition in conditions for column in _named(condition)]
    return (*dict.fromkeys([*named, *(join.by for join in selection.joins.values())]),)


def _named(condition: Condition) -> list[str]:
    """Every column that a condition names."""
    inside = [column for one in (*condition.any_of, *condition.none) for column in _named(one)]
    return [*condition.values, *condition.present, *condition.missing, *(condition.differ or ()), *inside]


def _check_selection(document: MappingDocument, table: str, selection: Selection) -> None:
    """Names that the document itself must define."""
    place = f"tables.{table}"
    if selection.of not in document.inputs:
        raise ValueError(f"{place}: input {selection.of!r} is not among `inputs`")
    for name in selection.joins:
        if name not in document.inputs:
            raise ValueError(f"{place}: joins {name!r}, which is not among `inputs`")
    for column in selection.columns:
        if column not in TABLES[table].names:
            hint = did_you_mean(column, TABLES[table].names)
            raise ValueError(f"{place}: {column!r} is not a column of {table}{hint}")
    absent = [column for column in TABLES[table].required if column not in selection.columns]
    if absent:
        raise ValueError(f"{place} (from {selection.of}): the required columns {', '.join(absent)} are not given")
    for expression in selection.columns.values():
        for part in walk(expression):
            if isinstance(part, Coded) and part.codes not in document.codes:
                raise ValueError(f"{place}: code map {part.codes!r} is not under `codes`")


def read(file: Path) -> MappingDocument:
    """A mapping document.

    Raises
    ------
    ParameterError
        With every fault: file, key path, what was given, what is expected.
    """
    try:
        raw, _ = read_yaml(file)
        return TypeAdapter(MappingDocument).validate_python({"id": file.stem, **raw})
    except DocumentFault as fault:
        raise ParameterError(f"mappings/{file.name}: {fault}") from fault
    except ValidationError as error:
        sentences = fault_sentences(error, MappingDocument)
        raise ParameterError("\n  - ".join([f"mappings/{file.name} cannot be used:", *sentences])) from error
