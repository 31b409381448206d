"""Months, quarters and days as integers: month index = year * 12 + month - 1, day number = days since 1970-01-01."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from ennakointi.errors import ParameterError

EPOCH = date(1970, 1, 1)
DAYS_PER_YEAR = 365.25


def month_index(year: int, month: int) -> int:
    """Index of a calendar month; consecutive months differ by one."""
    return year * 12 + month - 1


def parse_month(text: str) -> int:
    """`2020-03` as a month index."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", str(text)):
        raise ParameterError(f"month {text!r}: expected YYYY-MM, for example 2020-03")
    return month_index(int(text[:4]), int(text[5:]))


def month_text(month: int) -> str:
    """A month index as `2020-03`."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def first_day(month: int) -> date:
    """First calendar day of a month index."""
    return date(month // 12, month % 12 + 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_date(number: int) -> date:
    """The date of a day number."""
    return EPOCH + timedelta(days=int(number))


def month_of(day: date) -> int:
    """Month index of a date."""
    return month_index(day.year, day.month)


@dataclass(frozen=True, order=True)
class Quarter:
    """A calendar quarter, written `2025Q3`."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> Quarter:
        match = re.fullmatch(r"(\d{4})Q([1-4])", str(text))
        if not match:
            raise ParameterError(f"quarter {text!r}: expected for example 2025Q3")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def first_month(self) -> int:
        return month_index(self.year, 3 * self.number - 2)

    @property
    def last_month(self) -> int:
        return self.first_month + 2

    @property
    def end(self) -> date:
        """Last day of the quarter, the default as-of date."""
        return first_day(self.last_month + 1) - timedelta(days=1)

    @property
    def previous(self) -> Quarter:
        return Quarter(self.year - 1, 4) if self.number == 1 else Quarter(self.year, self.number - 1)
