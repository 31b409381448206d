"""Counts by two categories with margins: small cells hidden, and with them the cells from which they would follow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array, eye_array, hstack, kron

from ennakointi.disclosure.presets import DisclosureError, Preset, round_values, shown_interval
from ennakointi.disclosure.primary import HIDDEN
from ennakointi.disclosure.protection import protect
from ennakointi.disclosure.systems import System
from ennakointi.disclosure.tabulation import ALL, SUPPRESSED, Flags, Floats, Ints, codes, few, hide, known_columns
from ennakointi.errors import ParameterError
from ennakointi.result_tables import COUNT

PERCENT = 0.15  # a number of few persons is not told more closely than this (p % rule)
_MARGIN_COST = 4.0  # a margin is dearer to the reader than a cell


def crosstab(frame: pd.DataFrame, rows: str, columns: str, preset: Preset, persons: str | None = None) -> pd.DataFrame:
    """Counts of rows by two columns.

    Parameters
    ----------
    frame : one row a person or an event. Rows without a category are left out.
    rows, columns : the columns whose categories make the rows and the columns of the table.
    preset : threshold (persons) and rounding base.
    persons : column of the person's identifier. Cells are then judged by distinct persons: ten contacts may be one
        person's. Without it every row is a person.

    Returns
    -------
    A column of the row's category, one for each category of `columns`, `all`, and `suppressed` (the row's hidden
    columns, separated by `;`); the last row is `all`. Margins are sums of the published parts where all are shown.

    Raises
    ------
    ParameterError
        For a column that is not there, or categories whose names would not be told apart in the table.

    Notes
    -----
    Cells of few persons are hidden first; `protection.protect` then hides others until margins and differences leave
    1 … threshold − 1 possible for a hidden count, and ± 15 % for a larger count of few persons. A zero is shown and
    protects nothing, unless the preset hides zeros. Witness: pandas.crosstab before hiding.
    """
    known_columns(frame, rows, columns, persons)
    row, row_names = codes(frame[rows])
    column, column_names = codes(frame[columns])
    names = _names(column_names, rows)
    shape = (len(row_names), len(column_names))
    cell = row.astype(np.int64) * shape[1] + column
    known = (row >= 0) & (column >= 0)
    whole = bool(known.all())
    cell = cell if whole else cell[known]
    counts = _with_margins(np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape))
    behind = counts
    if persons is not None:
        who = frame[persons] if whole else frame[persons][known]
        behind = _distinct(cell, _person_codes(who), shape)
    hidden = _hidden(counts, behind, preset)
    published = pd.DataFrame(_published(counts, hidden, preset), columns=names)
    published.insert(0, rows, [*row_names, ALL])
    return hide(published, names, hidden)


def _names(categories: list[Any], rows: str) -> list[str]:
    names = [*map(str, categories), ALL]
    if len({*names, rows, SUPPRESSED}) < len(names) + 2 or any(";" in name for name in names):
        raise ParameterError(
            f"categories of the columns: each needs its own name, other than {ALL!r}, {rows!r} and {SUPPRESSED!r}, "
            "and without a semicolon; rename them first"
        )
    return names


def _with_margins(inner: npt.NDArray[Any]) -> Ints:
    """A table (r, c) with its sums (r + 1, c + 1)."""
    wide = np.column_stack([inner, inner.sum(axis=1)])
    return np.vstack([wide, wide.sum(axis=0)])


def _person_codes(cells: pd.Series) -> Ints:
    """(n,) a small whole number for each person, −1 where the person is not known."""
    if cells.dtype.kind in "iu" and len(cells):
        numbers = cells.to_numpy()
        low, high = int(numbers.min()), int(numbers.max())
        if high - low < 2**40:
            return numbers.astype(np.int64) - low
    return pd.factorize(cells)[0]


def _distinct(cell: Ints, person: Ints, shape: tuple[int, int]) -> Ints:
    """(r + 1, c + 1) distinct known persons in every cell and margin."""
    size = shape[0] * shape[1]
    if size * (int(person.max(initial=0)) + 1) >= 2**63:
        raise ParameterError("the crosstab has too many cells; take fewer categories")
    pairs = person * size + cell
    pairs = _different(pairs if person.min(initial=0) >= 0 else pairs[person >= 0])
    found = np.zeros((shape[0] + 1, shape[1] + 1), dtype=np.int64)
    who, place = np.divmod(pairs, size)
    found[:-1, :-1] = np.bincount(place, minlength=size).reshape(shape)
    rows, columns = np.divmod(place, shape[1])
    by_row = pairs // shape[1]  # sorted, as the pairs are
    first = np.diff(by_row, prepend=-1) != 0
    found[:-1, -1] = np.bincount(rows[first], minlength=shape[0])
    found[-1, -1] = np.count_nonzero(np.diff(who, prepend=-1))
    found[-1, :-1] = np.bincount(_different(who * shape[1] + columns) % shape[1], minlength=shape[1])
    return found


def _different(numbers: Ints) -> Ints:
    """The different ones, in order."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=-1) != 0]


def _hidden(counts: Ints, behind: Ints, preset: Preset) -> Flags:
    """(r + 1, c + 1) cells to hide: those of few persons, by policy those of nobody or everybody, and complements."""
    primary = few(behind, preset) | few(counts, preset)
    if preset.zeros == HIDDEN:
        primary |= behind == 0
    if preset.everyone == HIDDEN:
        primary[:-1, :-1] |= (behind[:-1, :-1] == behind[:-1, -1:]) & (behind[:-1, :-1] > 0)
    if not primary.any():
        return primary
    found = protect(_system(counts, primary, preset))
    if len(found.exposed):
        raise DisclosureError("the crosstab cannot be protected by hiding cells; take wider categories")
    return found.hidden.reshape(counts.shape)


def _system(counts: Ints, primary: Flags, preset: Preset) -> System:
    """Cells and margins of one table as a reader combines them; every cell is a unit of its own."""
    values, must = counts.ravel().astype(np.float64), primary.ravel()
    low, high = shown_interval(values, COUNT, preset)
    most = 2 * values.max() + 10 * (preset.threshold + preset.base)
    least = 0.0 if preset.zeros == HIDDEN else 1.0
    small = values < preset.threshold
    few_low = np.where(small, np.minimum(values, 1.0), np.floor((1 - PERCENT) * values))
    few_high = np.where(small, preset.threshold - 1.0, np.ceil((1 + PERCENT) * values))
    cost = np.log1p(values)
    cost.reshape(counts.shape)[-1, :] *= _MARGIN_COST
    cost.reshape(counts.shape)[:, -1] *= _MARGIN_COST
    matrix = _relations(*counts.shape)
    return System(
        values=values,
        shown_low=low,
        shown_high=high,
        hidden_low=np.minimum(low, least),
        hidden_high=np.full(len(values), most),
        unit=np.arange(len(values)),
        matrix=matrix,
        low=np.zeros(matrix.shape[0]),
        high=np.zeros(matrix.shape[0]),
        wanted_low=np.where(must, few_low, np.nan),
        wanted_high=np.where(must, few_high, np.nan),
        wanted_width=np.where(values > 0, float(preset.threshold), 0.0),
        must=must,
        may=must | (values > 0),
        cost=np.maximum(cost, 0.1),
    )


def _relations(rows: int, columns: int) -> csr_array:
    """Every row and every column of a table (rows, columns): its parts less its margin are 0."""

    def sums(parts: int) -> csr_array:
        return csr_array(np.append(np.ones(parts), -1.0)[None, :])

    of_rows = kron(eye_array(rows), sums(columns - 1))
    of_columns = kron(sums(rows - 1), eye_array(columns))
    return csr_array(hstack([of_rows.T, of_columns.T]).T)


def _published(counts: Ints, hidden: Flags, preset: Preset) -> Floats:
    """Rounded counts; a margin is the sum of its rounded parts where all of them are shown."""
    rounded = round_values(counts.astype(np.float64), COUNT, preset)
    inner, shown = rounded[:-1, :-1], ~hidden[:-1, :-1]
    rounded[:-1, -1] = np.where(shown.all(axis=1), inner.sum(axis=1), rounded[:-1, -1])
    rounded[-1, :-1] = np.where(shown.all(axis=0), inner.sum(axis=0), rounded[-1, :-1])
    rounded[-1, -1] = inner.sum() if shown.all() else rounded[-1, -1]
    return rounded
