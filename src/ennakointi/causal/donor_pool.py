"""The treated unit beside its donors: a block without gaps, from units × periods."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.frames import Times
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.errors import DataError, ParameterError
from ennakointi.spelling import did_you_mean


@dataclass(frozen=True, eq=False)
class Block:
    """Treated units first, then donors; every cell known.

    Attributes
    ----------
    cohort : position of the start in the panel.
    values : (N, T). n_treated : so many rows are treated. start : the first treated period, 1 … T − 1.
    rows : (N,) of the panel. times : (T,) periods as text. periods : (T,) their positions in the panel.
    donors_dropped, periods_dropped : left out because cells were missing.
    """

    cohort: int
    values: Floats
    n_treated: int
    start: int
    rows: Ints
    times: tuple[str, ...]
    periods: Ints
    donors_dropped: int
    periods_dropped: int

    def with_donors(self, kept: Sequence[int], panel: UnitPanel) -> Block:
        """The same block with some of its donors, by their rows of the panel; more of them count as dropped."""
        rows = np.concatenate([self.rows[: self.n_treated], np.asarray(kept, np.int64)])
        fewer = len(self.rows) - len(rows)
        values = panel.values[np.ix_(rows, self.periods)]
        return replace(self, values=values, rows=rows, donors_dropped=self.donors_dropped + fewer)


def block(panel: UnitPanel, cohort: int, extra: Floats | None = None) -> Block:
    """The units that start in one period, and the never-treated ones.

    A period in which a treated unit or every donor has no value is left out; then a donor that lacks any other one.

    Parameters
    ----------
    cohort : position of the start. extra : (U, …) further numbers that every unit needs; NaN drops a donor.

    Raises
    ------
    DataError
        No donor is left, or no period before or after the start.
    """
    treated, donors = np.flatnonzero(panel.starts == cohort), np.flatnonzero(panel.starts == NEVER)
    complete = np.ones(len(panel.units), bool)
    if extra is not None and extra.size:
        complete = np.asarray(~np.isnan(extra.reshape(len(extra), -1)).any(axis=1))
    if not complete[treated].all():
        raise DataError("a predictor or covariate is unknown for the treated unit: leave it out, or take other periods")
    known = ~np.isnan(panel.values)
    periods = np.flatnonzero(known[treated].all(axis=0) & (known[donors].any(axis=0) | (len(donors) == 0)))
    start = int((periods < cohort).sum())
    if start == 0 or start == len(periods):
        where = "before" if start == 0 else "after"
        raise DataError(
            f"no period {where} the start has an outcome of the treated unit and of a donor: nothing can be compared"
        )
    if not len(donors):
        raise DataError("every unit is treated: donors that are never treated are needed")
    whole = complete[donors] & known[np.ix_(donors, periods)].all(axis=1)
    if not whole.any():
        raise DataError(f"none of {len(donors)} donors has an outcome in all of {len(periods)} periods")
    rows = np.concatenate([treated, donors[whole]])
    return Block(
        cohort,
        panel.values[np.ix_(rows, periods)],
        len(treated),
        start,
        rows,
        tuple(panel.times[i] for i in periods),
        periods,
        int((~whole).sum()),
        len(panel.times) - len(periods),
    )


def counts(pool: Block, seed: int) -> dict[str, Any]:
    """The settings that every design with donors tells."""
    n, periods = pool.values.shape
    return {
        "seed": seed,
        "n_units": n,
        "n_periods": periods,
        "n_treated": pool.n_treated,
        "n_comparison": n - pool.n_treated,
        "n_periods_before": pool.start,
        "start": pool.times[pool.start],
        "donors_dropped": pool.donors_dropped,
        "periods_dropped": pool.periods_dropped,
    }


def one_start(panel: UnitPanel) -> int:
    """The start that all treated units share. ParameterError when there are several, DataError when none has a past."""
    starts = np.unique(panel.starts[panel.starts != NEVER])
    if starts[0] <= 0:
        raise DataError("a unit is treated from the first period on: nothing is known before it; leave it out")
    if len(starts) > 1:
        raise ParameterError(
            f"the treated units start in {len(starts)} different periods: a synthetic control needs one start; use "
            "synthetic-did or staggered, or one treated unit at a time"
        )
    return int(starts[0])


@dataclass(frozen=True)
class Predictor:
    """A column and the periods that are averaged: `first` and `last` as text, None for all before the start."""

    text: str
    column: str
    first: str | None
    last: str | None


def predictor(text: str, columns: Collection[str]) -> Predictor:
    """Read `name`, `name@period` or `name@first:last`. ParameterError when there is no such column."""
    name, _, window = (text, "", "") if text in columns else text.partition("@")
    if name not in columns:
        raise ParameterError(f"predictor {text!r}: no column {name!r} in the data{did_you_mean(name, columns)}")
    first, _, last = window.partition(":")
    if "@" in text and text not in columns and (not first or (":" in window and not last)):
        raise ParameterError(f"predictor {text!r}: write name, name@period or name@first:last")
    return Predictor(text, name, first or None, last or first or None)


def means(named: Sequence[Predictor], columns: Sequence[str], panel: UnitPanel, when: Times, cohort: int) -> Floats:
    """(U, K) each predictor as its mean over the known periods of its window; NaN where none is known.

    Raises
    ------
    ParameterError
        A window that is not wholly before the start and inside the data, or that ends before it begins.
    """
    found = np.full((len(panel.units), len(named)), np.nan)
    for place, one in enumerate(named):
        first = 0 if one.first is None else when.of(one.first, f"predictor {one.text!r}")
        last = cohort - 1 if one.last is None else when.of(one.last, f"predictor {one.text!r}")
        if not 0 <= first <= last < cohort:
            raise ParameterError(
                f"predictor {one.text!r}: its periods must lie before the start, {when.labels[0]} … "
                f"{when.labels[cohort - 1]}, the first one first"
            )
        held = panel.covariates[:, first : last + 1, list(columns).index(one.column)]
        known = ~np.isnan(held)
        total = np.where(known, held, 0).sum(axis=1)
        found[:, place] = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)
    return found
