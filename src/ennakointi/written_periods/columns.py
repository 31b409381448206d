"""The column `period` of a file, whatever its type: its different values as numbers, and numbers as values again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ennakointi.errors import DataError
from ennakointi.periods import day_number
from ennakointi.written_periods import formats as period_formats
from ennakointi.written_periods.formats import DAY, YEARS, Form, Ints, Where

_PER_DAY = {"s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}


@dataclass(frozen=True)
class PeriodColumn:
    """How a file holds its periods.

    Attributes
    ----------
    kind : what a number counts, as `written_periods.formats` has it.
    write : numbers (n,) to the values of the file, in its type.
    """

    kind: str
    write: Callable[[Ints], pa.Array]


def read(values: pa.Array, frequency: str | None, where: Where) -> tuple[PeriodColumn, Ints]:
    """The column and the numbers of its different `values`, none of them missing.

    Raises
    ------
    DataError
        A type or a way of writing that is no period, or times of the day that differ.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        column, days = _timestamps(values, where)
        return column, _in_calendar(days, values, where)
    if pa.types.is_date(kind):
        days = values.cast(pa.date32()).cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
        column = PeriodColumn(DAY, lambda numbers: pa.array(numbers.astype(np.int32)).cast(pa.date32()).cast(kind))
        return column, _in_calendar(days, values, where)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_integer(kind):
        texts = _whole_numbers(values, where)
        form, numbers = period_formats.read(texts, frequency, where)
        return PeriodColumn(form.kind, lambda given: _typed([int(form.text(n)) for n in given.tolist()], kind)), numbers
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        form, numbers = period_formats.read([text.strip() for text in values.to_pylist()], frequency, where)
        return PeriodColumn(form.kind, lambda given: _texts(form, given).cast(kind)), numbers
    raise DataError(f"{where(0)}: `period` has the type {kind}: store it as text, date, timestamp or whole number")


def _in_calendar(days: Ints, values: pa.Array, where: Where) -> Ints:
    begin, end = (day_number(date(year, 1, 1)) for year in (YEARS.start, YEARS.stop))
    odd = np.flatnonzero((days < begin) | (days >= end))
    if len(odd):
        first = int(odd[0])
        said = f"period {values[first].as_py()} is not in {YEARS.start}–{YEARS[-1]}: correct it"
        raise DataError(f"{where(first)}: {said}")
    return days


def _texts(form: Form, numbers: Ints) -> pa.Array:
    return pa.array([form.text(number) for number in numbers.tolist()], pa.string())


def _typed(numbers: list[int], kind: pa.DataType) -> pa.Array:
    """Whole numbers in the type of the file, in 64 bits where that has become too small."""
    try:
        return pa.array(map(Decimal, numbers) if pa.types.is_decimal(kind) else numbers).cast(kind)
    except pa.ArrowInvalid:
        return pa.array(numbers, pa.int64())


def _whole_numbers(values: pa.Array, where: Where) -> list[str]:
    try:
        return [str(number) for number in values.cast(pa.int64()).to_pylist()]
    except pa.ArrowInvalid:
        numbers = [float(number) for number in values.to_pylist()]
        odd = next(i for i, number in enumerate(numbers) if not number.is_integer() or abs(number) >= 2**53)
        raise DataError(
            f"{where(odd)}: period {numbers[odd]:g} is no whole number: write {period_formats.KNOWN}"
        ) from None


def _timestamps(values: pa.Array, where: Where) -> tuple[PeriodColumn, Ints]:
    """Days of timestamps that share their time of day; with a time zone, of its clock."""
    kind, zone = values.type, values.type.tz
    local = pc.local_timestamp(values) if zone else values
    ticks = local.cast(pa.int64()).to_numpy(zero_copy_only=False)
    per_day = _PER_DAY[kind.unit]
    times = np.unique(ticks % per_day)
    if len(times) > 1:
        shown = [str(pa.scalar(int(time), pa.timestamp(kind.unit)).as_py().time()) for time in times[:3]]
        odd = int(np.argmax(ticks % per_day != ticks[0] % per_day))
        raise DataError(f"{where(odd)}: {period_formats.times_differ(shown)}")

    def write(numbers: Ints) -> pa.Array:
        made = pa.array(numbers * per_day + int(times[0])).cast(pa.timestamp(kind.unit))
        return pc.assume_timezone(made, zone, ambiguous="earliest", nonexistent="earliest") if zone else made

    return PeriodColumn(DAY, write), ticks // per_day
