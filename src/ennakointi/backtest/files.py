"""Long files (series, period, value) of any set of counts: read as regular series, forecasts written back alike."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi.backtest import long_rows
from ennakointi.backtest.long_rows import Rows
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.forecast.series import LEVELS, SEASONS, EngineForecast, Floats, SeriesSet
from ennakointi.written_periods import columns as period_columns
from ennakointi.written_periods import formats as period_formats
from ennakointi.written_periods.columns import PeriodColumn
from ennakointi.written_periods.formats import DAY, FITTING, NUMBER, Grid

Ints = npt.NDArray[np.int64]

PARQUET, CSV = ".parquet", ".csv"
_SPARSE, _SHORT = 50, 1_000  # a series may span so many periods a row, or this many; beyond, a period is misspelt
_FAR_DAYS = 5  # median days between rows that are no daily data
_UNITS = {"M": "months", "W": "weeks", "D": "days"}
_PLAIN = r"0|-?[1-9]\d{0,17}"


@dataclass(frozen=True, eq=False)
class LongFile:
    """A file as series, with what is needed to write names and periods as it does.

    Attributes
    ----------
    series : sorted by name, so that the order of the rows changes nothing.
    names : (S,) names as they stand in the file. order : (S,) the series in their order of first appearance.
    last : (S,) position of the last period on the `grid`. missing : periods inside the series without a value.
    is_text : a CSV file, which has no types. ignored : its other columns.
    """

    name: str
    series: SeriesSet
    names: pa.Array
    order: Ints
    last: Ints
    grid: Grid
    periods: PeriodColumn
    missing: int
    is_text: bool
    ignored: tuple[str, ...]

    def text(self) -> str:
        """What was read, in a sentence."""
        lengths = [len(values) for values in self.series.values]
        span = f"{min(lengths)}" if min(lengths) == max(lengths) else f"{min(lengths)}–{max(lengths)}"
        seasons = " and ".join(map(str, self.series.seasons))
        season = "no season" if self.series.seasons == (1,) else f"season {seasons}"
        return f"{self.name}: {len(lengths):,} series of {span} periods ({self.grid.name}, {season})."

    def columns(self, wanted: npt.ArrayLike) -> pa.Array:
        """Names of series as they stand in the file."""
        return self.names.take(pa.array(np.asarray(wanted, np.int64)))


def read(path: Path, frequency: str | None = None, season: int | None = None) -> LongFile:
    """A long CSV or Parquet file with the columns `series`, `period` and `value`.

    Parameters
    ----------
    frequency : `M`, `W` or `D`; None = what the periods are. Periods that are plain numbers count as months then.
    season : length of the season in periods instead of the frequency's own; 1 = none.

    Raises
    ------
    DataError
        The first kind of fault, with its count, its line (in Parquet its row) and what to do: no such column, no rows,
        no name, a period that is none or lies on no grid, a value that is no count, a period given twice.
    ParameterError
        There is no such file, or the frequency does not fit its periods.
    """
    rows = long_rows.read(path)
    column, numbers = period_columns.read(rows.periods.dictionary, frequency, rows.first)
    grid = _grid(rows, column.kind, numbers, frequency)
    positions = grid.positions(numbers)[rows.period_codes]
    texts = np.array([str(name) for name in rows.series.dictionary.to_pylist()], dtype=object)
    by_name = np.argsort(texts, kind="stable")
    order = np.argsort(by_name)
    values, last = _regular(rows, order[rows.series_codes], positions, grid, frequency)
    seasons = _seasons(grid, numbers, frequency) if season is None else (season,)
    ends = tuple(last.tolist()) if grid.kind != NUMBER else None
    series = SeriesSet(tuple(texts[by_name]), values, ends, grid.frequency, seasons)
    missing = sum(int(np.isnan(one).sum()) for one in values)
    names = rows.series.dictionary.take(pa.array(by_name))
    return LongFile(rows.name, series, names, order, last, grid, column, missing, rows.is_text, rows.ignored)


def _grid(rows: Rows, kind: str, numbers: Ints, frequency: str | None) -> Grid:
    """The grid that all periods lie on."""
    example = rows.periods.dictionary[0].as_py()
    if frequency is not None and frequency not in FITTING[kind]:
        raise ParameterError(
            f"--frequency {frequency}: the periods of {rows.name} are {kind}s such as {example}; leave the option out"
        )
    found = period_formats.grid(kind, numbers, frequency)
    if found is None:
        raise ParameterError(f"{rows.name}: one date ({example}) does not tell a frequency; give --frequency M, W or D")
    misses = found.misses(numbers)
    if misses.any():
        first = int(np.argmax(misses))
        raise DataError(
            f"{rows.first(first)}: period {rows.periods.dictionary[first].as_py()} does not lie among the others, "
            f"{found.name} ({int(misses.sum())} of {len(numbers)} different periods do not): correct it, or give "
            "--frequency M, W or D if the periods are something else"
        )
    return found


def _seasons(grid: Grid, numbers: Ints, frequency: str | None) -> tuple[int, ...]:
    """The frequency's own seasons; numbers that are years have none."""
    is_years = grid.kind == NUMBER and frequency is None and np.isin(numbers, period_formats.YEARS).all()
    return (1,) if is_years else SEASONS[grid.frequency]


def _regular(
    rows: Rows, series: Ints, positions: Ints, grid: Grid, frequency: str | None
) -> tuple[tuple[Floats, ...], Ints]:
    """Values of each series on the grid, NaN where there is none, and the position of its last period."""
    sorting = np.lexsort((positions, series))
    whose, where = series[sorting], positions[sorting]
    same, step = np.diff(whose) == 0, np.diff(where)
    if (same & (step == 0)).any():
        raise DataError(_repeated(rows, sorting, same & (step == 0)))
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    stops = np.concatenate([starts[1:], [len(whose)]])
    last, span = where[stops - 1], where[stops - 1] - where[starts] + 1
    sparse = span > np.maximum(_SPARSE * (stops - starts), _SHORT)
    if sparse.any():
        i = int(np.argmax(sparse))
        raise DataError(
            f"{rows.place(sorting[stops[i] - 1])}: {rows.label(sorting[stops[i] - 1])} is the last of {span[i]:,} "
            f"periods of which {stops[i] - starts[i]} have a row: correct the first or the last one"
        )
    _check_steps(rows.name, step[same], grid, frequency)
    values = []
    for start, stop, length in zip(starts, stops, span, strict=True):
        one = np.full(length, np.nan)
        one[where[start:stop] - where[start]] = rows.values[sorting[start:stop]]
        values.append(one)
    return tuple(values), last


def _repeated(rows: Rows, sorting: Ints, repeats: npt.NDArray[np.bool_]) -> str:
    again = np.maximum(sorting[1:], sorting[:-1])[repeats]
    earlier = np.minimum(sorting[1:], sorting[:-1])[repeats]
    first = int(np.argmin(again))
    n = int(repeats.sum())
    return (
        f"{rows.place(again[first])}: {rows.label(again[first])} stands on "
        f"{rows.place(earlier[first]).removeprefix(rows.name + ', ')} already "
        f"({n:,} {'row repeats' if n == 1 else 'rows repeat'} a series and period): keep one of them, or add them up"
    )


def _check_steps(name: str, steps: Ints, grid: Grid, frequency: str | None) -> None:
    """Refuse periods that are regularly further apart than the grid's, such as quarters written as dates."""
    if len(steps) < 3:
        return
    apart = int(np.gcd.reduce(steps))
    unit = "apart" if grid.kind == NUMBER else f"{_UNITS[grid.frequency]} apart"
    if apart > 1:
        weeks = "date all weeks on the same weekday, or " if grid.frequency == "D" and apart % 7 == 0 else ""
        raise DataError(
            f"{name}: the periods of every series are {apart} {unit} (or a multiple of it): "
            f"{weeks}number the periods 1, 2, 3, … and give --season (4 for quarters, 1 for years)"
        )
    if frequency is None and grid.kind == DAY and grid.frequency == "D" and np.median(steps) >= _FAR_DAYS:
        raise DataError(
            f"{name}: the dates are mostly {np.median(steps):g} days apart and are no regular months or weeks: write "
            "months as 2024-03 and weeks as 2024-W05, or give --frequency D if they are days with gaps"
        )


def forecasts(long: LongFile, made: EngineForecast) -> pa.Table:
    """Rows of forecasts: series, period, quantile (level), value; series in the order of the file.

    A series that could not be forecast has all its rows, with a missing value.
    """
    n, horizon, levels = made.quantiles.shape
    ahead = long.last[long.order][:, np.newaxis] + np.arange(1, horizon + 1)
    periods = long.periods.write(long.grid.numbers(np.unique(ahead)))
    place = np.searchsorted(np.unique(ahead), ahead)
    values = made.quantiles[long.order].ravel()
    return pa.table(
        {
            "series": long.columns(np.repeat(long.order, horizon * levels)),
            "period": periods.take(pa.array(np.repeat(place.ravel(), levels))),
            "quantile": np.tile(np.array(LEVELS), n * horizon),
            "value": pa.array(values, from_pandas=True),
        }
    )


def check_target(path: Path, option: str, others: dict[str, Path]) -> None:
    """Refuse a file that cannot be written, before anything is computed; `others`: files it must not be, by name."""
    if path.suffix.lower() not in (CSV, PARQUET):
        raise ParameterError(f"{option} {path}: the name must end in .csv or .parquet")
    for name, other in others.items():
        if path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other)):
            raise ParameterError(f"{option} {path} is also {name}: give another name")
    if path.is_dir() or not path.parent.is_dir():
        said = "is a folder" if path.is_dir() else "lies in a folder that does not exist: make it first"
        raise ParameterError(f"{option} {path} {said}")
    if not os.access(path.parent, os.W_OK):
        raise ParameterError(f"{option} {path}: the folder cannot be written to; choose another one")


def write(table: pa.Table, path: Path, is_text: bool) -> None:
    """Write CSV or Parquet by suffix; a reader sees the old file or the new one, never half of it.

    CSV: UTF-8, commas, decimal points, ten digits. Of a CSV file (`is_text`) series and periods that are whole numbers
    become integers in Parquet.

    Raises
    ------
    RunError
        The disk is full, or the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.suffix.lower() == PARQUET:
            pq.write_table(_with_integers(table) if is_text else table, partial)
        else:
            table.to_pandas().to_csv(partial, index=False, float_format="%.10g")
        os.replace(partial, path)
    except OSError as error:
        raise RunError(
            f"{path} could not be written ({error.strerror}): free space or choose another folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _with_integers(table: pa.Table) -> pa.Table:
    for place, name in enumerate(table.column_names):
        if name in ("series", "period") and pd.Series(table[name].unique().to_pylist()).str.fullmatch(_PLAIN).all():
            table = table.set_column(place, name, table[name].cast(pa.int64()))
    return table
