"""The one door for analysts' own tables: columns named by the user become regular arrays, or one clear error.

Nothing here prints the name of a unit: in a table of persons it would be a person's id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ennakointi.causal.areas import Floats, Ints
from ennakointi.errors import DataError, ParameterError
from ennakointi.spelling import did_you_mean
from ennakointi.written_periods import columns as period_columns
from ennakointi.written_periods import formats as period_formats
from ennakointi.written_periods.formats import Grid

NUMBER, MONTH, DAY = period_formats.NUMBER, period_formats.MONTH, period_formats.DAY
YEARS = np.arange(period_formats.YEARS.start, period_formats.YEARS.stop)
_QUARTER = re.compile(r"(?P<y>\d{4})[ _:-]?[Qq](?P<q>[1-4])|[Qq](?P<q1>[1-4])[ /-]?(?P<y1>\d{4})")


@dataclass(frozen=True, eq=False)
class Times:
    """The time column on a regular grid.

    Attributes
    ----------
    position : (n,) of each row, from 0 at the first period of the data; `n_periods` of them with gaps counted.
    labels : (n_periods,) each period as text, in order.
    """

    position: Ints
    labels: tuple[str, ...]
    _column: str
    _kind: str
    _grid: Grid
    _first: int
    _step: int

    @property
    def n_periods(self) -> int:
        """Periods from the first to the last of the data."""
        return len(self.labels)

    def of(self, value: Any, what: str) -> int:
        """Position of a start that the user named; may lie outside the data. ParameterError when it is no period."""
        if pd.isna(value):
            raise ParameterError(f"{what} is empty: give the first period under the intervention")
        return int(self.of_column(pd.Series([value]), what)[0])

    def of_column(self, values: pd.Series, what: str) -> Ints:
        """(n,) positions of other periods, such as those of a cohort column; no missing values. A start between two
        periods counts from the later one on."""
        different, place = _different(values)
        found = self._positions(*_numbers(different, what, ParameterError))
        if found is None:
            shown = str(different[0])
            raise ParameterError(f"{what}: {shown!r} is no period like those of {self._column!r} ({self.span})")
        positions = found - self._first
        return np.asarray((-(-positions // self._step))[place], dtype=np.int64)

    def _positions(self, kind: str, raw: Ints) -> Ints | None:
        """Places on the grid; a date stands for its month, a year or a January for one another. None when the two have
        nothing to do with each other."""
        if kind == self._kind:
            return self._grid.positions(raw)
        if kind not in (MONTH, DAY) and not np.isin(raw, YEARS).all():
            return None
        months = 12 * raw if kind == NUMBER else raw if kind == MONTH else Grid(DAY, "M", 1).positions(raw)
        if self._kind in (MONTH, DAY) and self._grid.frequency == "M":
            return months
        ends = (self._first, self._first + self._step * (self.n_periods - 1))
        years = self._kind == NUMBER and np.isin(ends, YEARS).all() and not (months % 12).any()
        return months // 12 if years else None

    @property
    def span(self) -> str:
        """First and last period in words."""
        return f"{self.labels[0]} … {self.labels[-1]}"

    @property
    def season(self) -> int:
        """Periods of a year, for days of a week; 1 for years, plain numbers and odd steps."""
        if self._kind == NUMBER:
            return 1
        whole = {"M": 12, "W": 52, "D": 7}[self._grid.frequency]
        if self._grid.frequency == "M" and whole % self._step == 0:
            return whole // self._step
        return whole if self._step == 1 else 1


@dataclass(frozen=True, eq=False)
class OneSeries:
    """A single series in order of time, (T,) each; NaN where a period is missing. `regressors` is (T, k); `season` is
    what its periods suggest."""

    times: tuple[str, ...]
    values: Floats
    offset: Floats | None
    regressors: Floats
    start: int
    season: int


def require(frame: pd.DataFrame, names: Sequence[str | None]) -> None:
    """ParameterError for a column that the table does not have, DataError when it has no rows."""
    if not isinstance(frame, pd.DataFrame):
        raise ParameterError(f"the data are a {type(frame).__name__}: give a pandas DataFrame")
    for name in names:
        if name is not None and name not in frame.columns:
            known = ", ".join(map(str, frame.columns[:20]))
            raise ParameterError(
                f"no column {name!r} in the data{did_you_mean(name, frame.columns)}; there are: {known}"
            )
    if frame.empty:
        raise DataError("the data have no rows")
    for name in {name for name in names if name is not None}:
        column = frame[name]
        if isinstance(column, pd.DataFrame):
            raise ParameterError(f"column {name!r} stands {column.shape[1]} times in the data: names must differ")
        if column.dtype == object and not column.map(pd.api.types.is_hashable).all():
            raise DataError(f"column {name!r} holds lists: give one value in each row")


def numbers(frame: pd.DataFrame, name: str) -> Floats:
    """(n,) a numeric column; missing stays NaN, infinite and text are refused."""
    require(frame, [name])
    column = frame[name]
    if column.dtype == bool:
        return column.to_numpy(float)
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        raise DataError(f"column {name!r} holds dates or times: give numbers")
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    odd = int((np.isnan(values) & column.notna().to_numpy()).sum() + np.isinf(values).sum())
    if odd:
        raise DataError(f"column {name!r}: {odd} values are no numbers: correct them or leave them empty")
    return np.asarray(values)


def answers(column: pd.Series) -> pd.Series:
    """Yes and no, true and false, or `X` and `No X` as 1 and 0; any other column as it is."""
    if pd.api.types.is_numeric_dtype(column):
        return column
    words = column.astype("string").str.strip().str.lower()
    different = sorted(set(words.dropna()), key=len)
    for pair in (["no", "yes"], ["true", "false"]):
        if set(different) <= set(pair):
            return words.map({"no": 0.0, "yes": 1.0, "false": 0.0, "true": 1.0}).astype(float)
    if len(different) == 2 and different[1] == f"no {different[0]}":
        return words.map({different[0]: 1.0, different[1]: 0.0}).astype(float)
    return column


def with_categories(frame: pd.DataFrame, covariates: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The table with a 0/1 column for each category but the first of covariates that are text, and all their names."""
    columns, names = [frame], []
    for name in covariates:
        text = name in frame and pd.to_numeric(frame[name], errors="coerce").isna().sum() > frame[name].isna().sum()
        if not text:
            names.append(name)
            continue
        levels = pd.get_dummies(frame[name].astype("string"), prefix=name, drop_first=True, dtype=float)
        columns.append(levels.where(frame[name].notna()))
        names += list(levels.columns)
    return pd.concat(columns, axis=1) if len(columns) > 1 else frame, tuple(names)


def times(frame: pd.DataFrame, name: str) -> Times:
    """The time column on its grid; gaps between the periods are kept as periods of their own."""
    require(frame, [name])
    if missing := int(frame[name].isna().sum()):
        raise DataError(f"column {name!r}: {missing} rows have no period: give them one or leave the rows out")
    different, place = _different(frame[name])
    kind, raw = _numbers(different, f"column {name!r}", DataError)
    grid = period_formats.grid(kind, raw, None) or Grid(kind, "D")
    if (off := grid.misses(raw)).any():
        raise DataError(f"column {name!r}: {int(off.sum())} of {len(raw)} periods lie off the grid of {grid.name}")
    positions = grid.positions(raw)
    first = int(positions.min())
    gaps = np.diff(np.unique(positions))
    step = int(np.gcd.reduce(gaps)) if len(gaps) else 1
    place_on = (positions - first) // step
    length = int(place_on.max()) + 1
    if length > 50 * len(different) + 1_000:
        raise DataError(f"column {name!r}: {len(different)} periods span {length}: one of them is misspelt")
    known = dict(zip(place_on.tolist(), different.tolist()))
    labels = tuple(known.get(place, f"({place + 1})") for place in range(length))
    return Times(np.asarray(place_on[place], np.int64), labels, name, kind, grid, first, step)


def series(
    frame: pd.DataFrame,
    outcome: str,
    time: str,
    start: Any,
    offset: str | None = None,
    regressors: Sequence[str] = (),
) -> OneSeries:
    """One series with the position of its start; each period once, the start inside the data."""
    require(frame, [outcome, time, offset, *regressors])
    when = times(frame, time)
    if repeated := int(pd.Series(when.position).duplicated().sum()):
        raise DataError(
            f"column {time!r}: {repeated} rows repeat a period: one series has one row a period; add them up"
        )
    begun = when.of(start, "--start")
    inside(begun, when, "--start")

    def laid(name: str) -> Floats:
        filled = np.full(when.n_periods, np.nan)
        filled[when.position] = numbers(frame, name)
        return filled

    held = [laid(name) for name in regressors]
    return OneSeries(
        when.labels,
        laid(outcome),
        None if offset is None else positive(laid(offset), offset),
        np.stack(held, axis=1) if held else np.zeros((when.n_periods, 0)),
        begun,
        when.season,
    )


def inside(position: int, when: Times, what: str) -> None:
    """DataError when a start leaves no period before it or lies after the data."""
    if position >= when.n_periods or position < 0:
        raise DataError(f"{what} lies outside the data, which run {when.span}")
    if position == 0:
        raise DataError(f"{what} is the first period of the data ({when.labels[0]}): nothing is known before it")


def positive(values: Floats, name: str) -> Floats:
    if odd := int((values <= 0).sum()):
        raise DataError(f"column {name!r}: {odd} values are 0 or less: an offset is person-time or a population")
    return values


def _different(column: pd.Series) -> tuple[Any, Ints]:
    """The different periods of a column as text, sorted, and the place of each row among them."""
    codes, values = pd.factorize(column)
    texts, place = np.unique(np.array([as_text(value) for value in values], dtype=str), return_inverse=True)
    return texts, np.asarray(place[codes], np.int64)


def as_text(value: Any) -> str:
    """A period as text: whole floats without `.0`, timestamps as their day."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | np.datetime64):
        return str(pd.Timestamp(value).date())
    return str(value).strip()


def _numbers(different: Any, what: str, error: type[Exception]) -> tuple[str, Ints]:
    """What the numbers of periods count, and the numbers; a quarter is its first month."""
    texts = different.tolist()
    quarters = [_QUARTER.fullmatch(text) for text in texts]
    if all(quarters):
        texts = [f"{one['y'] or one['y1']}-{3 * int(one['q'] or one['q1']) - 2:02d}" for one in quarters if one]
    try:
        column, found = period_columns.read(pa.array(texts), None, lambda _: what)
    except DataError as fault:
        raise error(str(fault)) from None
    return column.kind, found
