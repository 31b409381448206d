"""Units × periods from an analyst's table, with the start of each unit told in one of four ways."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.frames import Times, answers, as_text, inside, numbers, positive, require, times
from ennakointi.errors import DataError, ParameterError

NEVER_WORDS = ("", "0", "0.0", "never", "never treated", "never-treated", "none", "no", "na", "nan", "inf", ".", "-")


@dataclass(frozen=True, eq=False)
class UnitPanel:
    """A table of units × periods; NaN where a row is missing.

    Attributes
    ----------
    units : (U,) as text, sorted. times : (T,) periods as text.
    values : (U, T) the outcome. offset : (U, T) person-time or population, None when not given.
    covariates : (U, T, k). cluster : (U,) number of the unit's cluster, the unit itself by default.
    starts : (U,) position of the first period under the intervention, `NEVER` for none (also for a start after the
        data); negative or 0 = always treated.
    """

    units: tuple[str, ...]
    times: tuple[str, ...]
    values: Floats
    offset: Floats | None
    covariates: Floats
    cluster: Ints
    starts: Ints

    def by_values(self) -> UnitPanel:
        """The units in an order that their names do not change, nor the outcome's unit, sign or zero: what is drawn at
        random depends on it."""
        known = ~np.isnan(self.values)
        values = np.where(known, self.values, 0.0)
        centred = np.where(known, values - values.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
        order = np.lexsort((np.abs(centred @ np.sqrt(np.arange(2, len(self.times) + 2))), self.starts))
        return UnitPanel(
            tuple(self.units[place] for place in order),
            self.times,
            self.values[order],
            None if self.offset is None else self.offset[order],
            self.covariates[order],
            np.asarray(pd.factorize(self.cluster[order])[0], np.int64),
            self.starts[order],
        )


def unit_panel(
    frame: pd.DataFrame,
    outcome: str,
    time: str,
    unit: str,
    *,
    start: Any = None,
    cohort: str | None = None,
    treated: str | Collection[str] | None = None,
    treatment: str | None = None,
    offset: str | None = None,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
) -> UnitPanel:
    """Units × periods with each unit's start, which is told in one of four ways.

    Parameters
    ----------
    cohort : column with the first treated period of each unit; empty, 0 or infinite = never.
    treated, start : the treated unit (or several), and the first treated period.
    treatment : column of 0 and 1. With `start` it names the treated units; alone it is 1 from a unit's first treated
        period on.

    Raises
    ------
    ParameterError, DataError
        No such column; a unit has two rows of one period; the treatment stops or a unit has two cohorts; nobody, or
        everybody from the first period on, is treated; the start lies outside the data.
    """
    require(frame, [outcome, time, unit, cohort, treatment, offset, cluster, *covariates])
    if outcome in (time, unit, treatment, offset):
        raise ParameterError(f"column {outcome!r} is the outcome and cannot be anything else beside it")
    if int(frame[unit].isna().sum()):
        raise DataError(f"column {unit!r}: {int(frame[unit].isna().sum())} rows have no unit")
    when = times(frame, time)
    row, names = _units(frame[unit])
    cell = row * when.n_periods + when.position
    if repeated := int((np.bincount(cell) > 1).sum()):
        raise DataError(f"{repeated} rows repeat a unit and a period ({unit!r} × {time!r}): each pair must stand once")
    if treatment is not None:
        _told(frame, outcome, treatment)
    starts = _starts(frame, row, names, when, start, cohort, treated, treatment)
    shape = (len(names), when.n_periods)
    held = [_laid(frame, name, cell, shape) for name in covariates]
    groups = _clusters(frame, cluster, row, len(names)) if cluster else np.arange(len(names))
    return UnitPanel(
        tuple(names.astype(str).tolist()),
        when.labels,
        _laid(frame, outcome, cell, shape),
        None if offset is None else positive(_laid(frame, offset, cell, shape), offset),
        np.stack(held, axis=2) if held else np.zeros((*shape, 0)),
        np.asarray(groups, np.int64),
        starts,
    )


def _laid(frame: pd.DataFrame, name: str, cell: Ints, shape: tuple[int, int]) -> Floats:
    """(U, T) a column by unit and period; NaN where no row is."""
    filled = np.full(shape[0] * shape[1], np.nan)
    filled[cell] = numbers(frame, name)
    if np.isnan(filled).all():
        raise DataError(f"column {name!r} holds no number")
    return filled.reshape(shape)


def _units(column: pd.Series) -> tuple[Ints, Any]:
    """Number of each row's unit, and the units in order; whole numbers stored as floats lose their `.0`."""
    if pd.api.types.is_float_dtype(column) and (column % 1 == 0).all():
        column = column.astype(np.int64)
    row, names = pd.factorize(column, sort=True)
    return np.asarray(row, np.int64), np.asarray(names)


def _starts(
    frame: pd.DataFrame,
    row: Ints,
    names: Any,
    when: Times,
    start: Any,
    cohort: str | None,
    treated: str | Collection[str] | None,
    treatment: str | None,
) -> Ints:
    ways = {"cohort": cohort, "treated": treated, "treatment": treatment}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise ParameterError(
            f"who is treated is told {'in several ways' if given else 'nowhere'}: give one of --cohort COL, "
            "--treated UNIT with --start VALUE, or --treatment COL"
        )
    if cohort is not None:
        if start is not None:
            raise ParameterError("--start does not go with --cohort, which holds the start of each unit")
        starts = _cohorts(_constant(frame[cohort], row, len(names), cohort), when, cohort)
    elif treatment is not None and start is None:
        starts = _switched_on(flags(frame, treatment), row, len(names), when, treatment)
    else:
        if start is None:
            raise ParameterError("--treated needs --start VALUE, the first period under the intervention")
        begun = when.of(start, "--start")
        inside(begun, when, "--start")
        chosen = _chosen(frame, row, names, treated, treatment)
        starts = np.where(chosen, begun, NEVER)
    starts = np.where(starts >= when.n_periods, NEVER, starts)
    if (starts == NEVER).all():
        raise DataError(f"no unit is treated within the data, which run {when.span}")
    return np.asarray(starts, np.int64)


def _chosen(frame: pd.DataFrame, row: Ints, names: Any, treated: Any, treatment: str | None) -> Any:
    """(U,) whether each unit is named, or has 1 in the treatment column in any period."""
    if treatment is not None:
        flag = flags(frame, treatment)
        return np.bincount(row, weights=np.nan_to_num(flag), minlength=len(names)) > 0
    wanted = {as_text(one) for one in ([treated] if np.isscalar(treated) else treated)}
    known = names.astype(str)
    for one in wanted - set(known):
        raise ParameterError(f"--treated {one!r}: no such unit in the data")
    return np.isin(known, list(wanted))


def _told(frame: pd.DataFrame, outcome: str, treatment: str) -> None:
    """DataError when a row with an outcome does not tell whether it is treated: it would pass for untreated."""
    if missing := int((frame[treatment].isna() & frame[outcome].notna()).sum()):
        raise DataError(f"column {treatment!r}: {missing} rows are empty: write 1 or 0, or leave the rows out")


def flags(frame: pd.DataFrame, name: str) -> Floats:
    """(n,) a column of 0 and 1, or of yes and no."""
    flag = numbers(pd.DataFrame({name: answers(frame[name])}), name)
    if not np.isin(flag[~np.isnan(flag)], (0, 1)).all():
        raise DataError(f"column {name!r} must hold 0 and 1 only")
    return flag


def _switched_on(flag: Floats, row: Ints, n_units: int, when: Times, name: str) -> Ints:
    """(U,) first period with 1 of each unit; DataError when the treatment ends again."""
    starts = np.full(n_units, NEVER, np.int64)
    on = flag == 1
    np.minimum.at(starts, row[on], when.position[on])
    if ends := int(((when.position > starts[row]) & (flag == 0)).sum()):
        raise DataError(f"column {name!r}: {ends} rows are 0 after their unit's first 1: the treatment must not end")
    return starts


def _cohorts(values: pd.Series, when: Times, name: str) -> Ints:
    """(U,) positions of starts; empty, 0 and infinite are never, and so is every start after the data."""
    never = values.isna()
    if pd.api.types.is_numeric_dtype(values):
        never |= ~np.isfinite(values.astype(float)) | (values == 0)
    else:
        never |= values.astype(str).str.strip().str.lower().isin(NEVER_WORDS)
    starts = np.full(len(values), NEVER, np.int64)
    if (~never).any():
        starts[~never.to_numpy()] = when.of_column(values[~never], f"column {name!r}")
    return starts


def _clusters(frame: pd.DataFrame, cluster: str, row: Ints, n_units: int) -> Ints:
    """(U,) number of each unit's cluster."""
    groups = pd.factorize(_constant(frame[cluster], row, n_units, cluster), use_na_sentinel=False)[0]
    if groups.max() == 0 and n_units > 1:
        raise DataError(f"column {cluster!r}: all units are in one cluster: chance between clusters cannot be told")
    return np.asarray(groups, np.int64)


def _constant(column: pd.Series, row: Ints, n_units: int, name: str) -> pd.Series:
    """(U,) the one value of each unit; DataError when a unit has several."""
    codes, values = pd.factorize(column, use_na_sentinel=False)
    first = np.full(n_units, -1, np.int64)
    first[row[::-1]] = codes[::-1]
    if many := len(np.unique(row[codes != first[row]])):
        raise DataError(f"column {name!r}: {many} units have more than one value; it must be the same in every period")
    return pd.Series(values[first])
