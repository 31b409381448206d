"""Codes and numbers of the rule language and of the parameter documents, checked as they are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr

from ennakointi.errors import ParameterError
from ennakointi.periods import parse_month
from ennakointi.schema import TABLES
from ennakointi.spelling import did_you_mean

COUNTY = "county"
CONTROLLERS = TABLES["statuses"]["controller"].codes
SECTORS = ("health", "social")


def words(value: object) -> object:
    """A single code or a YAML list as a tuple."""
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def one_of(known: Collection[str]) -> Callable[[str], str]:
    """A check that a code is known, for pydantic."""

    def check(code: str) -> str:
        if code not in known:
            raise ValueError(f"{code!r} is not known{did_you_mean(code, known)}; known: {', '.join(known)}")
        return code

    return check


def codes_of(table: str, column: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A check that codes are in the closed list of a column of the data contract."""
    check = one_of(TABLES[table][column].codes)
    return lambda given: tuple(check(code) for code in given)


def _patterns(pattern: str, example: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    def check(given: tuple[str, ...]) -> tuple[str, ...]:
        for code in given:
            if not re.fullmatch(pattern, code):
                raise ValueError(f"{code!r} is not a code, a prefix or a range such as {example}")
        return given

    return check


def _month_of_text(value: object) -> int:
    try:
        return parse_month(str(value))
    except ParameterError as error:
        raise ValueError(str(error)) from error


Words = Annotated[tuple[StrictStr, ...], BeforeValidator(words), Field(min_length=1)]
Month = Annotated[int, BeforeValidator(_month_of_text)]
AtLeast = Annotated[StrictInt, Field(ge=1)]
Months = Annotated[StrictInt, Field(ge=1, le=120)]
_ICD10 = _patterns(r"[A-Z]\d\d(\.?\w+)?|[A-Z]\d\d-[A-Z]\d\d", "F32, I25.1 or F20-F48")
_ICPC2 = _patterns(r"[A-Z]\d\d(-[A-Z]\d\d)?", "P76 or P70-P84")
_ATC = _patterns(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?", "N05 or N06A")
Icd10 = Annotated[Words, AfterValidator(_ICD10)]
Icpc2 = Annotated[Words, AfterValidator(_ICPC2)]
Atc = Annotated[Words, AfterValidator(_ATC)]
Sector = Annotated[Words, AfterValidator(lambda given: tuple(map(one_of(SECTORS), given)))]
