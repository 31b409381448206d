"""Quantiles and histograms: no number of a single person, no smallest or largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ennakointi.disclosure.presets import Preset, round_share, round_values
from ennakointi.disclosure.tabulation import Floats, hide, keys, known_columns
from ennakointi.errors import ParameterError
from ennakointi.result_tables import PERSONS


def quantiles(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    value: str,
    preset: Preset,
    persons: str | None = None,
    probabilities: Sequence[float] = (0.25, 0.5, 0.75),
) -> pd.DataFrame:
    """Quantiles of a number by group.

    Parameters
    ----------
    frame : one row a person, or with `persons` any number of rows of a person. Rows without a value are left out.
    by : the column or columns of the groups. value : the number.
    probabilities : between 0 and 1; the smallest and the largest value are of single persons and cannot be had.

    Returns
    -------
    The groups' columns, `n` (persons, rounded), a column such as `q50` for each probability (three digits), and
    `suppressed`. A quantile is shown when at least `threshold` persons lie on each side of it.

    Notes
    -----
    Linear between order statistics (Hyndman & Fan 1996, type 7). Witness: numpy.quantile before hiding.
    """
    groups = keys(by)
    known_columns(frame, *groups, value, persons)
    if not all(0 < p < 1 for p in probabilities):
        raise ParameterError("probabilities of quantiles: each lies between 0 and 1; no minimum or maximum leaves")
    names = [f"q{100 * p:g}" for p in probabilities]
    rows, hidden = [], []
    for key, part in frame[frame[value].notna()].groupby(groups, observed=True):
        ordered = part.sort_values(value, kind="stable")
        who = ordered[persons].to_numpy() if persons else np.arange(len(ordered))
        numbers = ordered[value].to_numpy(dtype=np.float64)
        n = pd.Series(who).nunique()
        rows.append([*key, n, *np.quantile(numbers, list(probabilities))])
        hidden.append([0 < n < preset.threshold, *(_one_sided(who, p, preset) for p in probabilities)])
    table = pd.DataFrame(rows, columns=[*groups, "n", *names])
    table["n"] = round_values(table["n"].to_numpy(dtype=np.float64), PERSONS, preset)
    table[names] = round_share(table[names].to_numpy(dtype=np.float64).ravel()).reshape(-1, len(names))
    return hide(table, ["n", *names], np.array(hidden, dtype=bool).reshape(-1, 1 + len(names)))


def _one_sided(who: np.ndarray, probability: float, preset: Preset) -> bool:
    """Whether fewer persons than the threshold lie on one side; `who` (n,) in the order of the values."""
    place = probability * (len(who) - 1)
    sides = (who[: int(np.ceil(place))], who[int(np.floor(place)) + 1 :])
    return min(pd.Series(side).nunique() for side in sides) < preset.threshold


def histogram(
    frame: pd.DataFrame, value: str, edges: Sequence[float], preset: Preset, persons: str | None = None
) -> pd.DataFrame:
    """Persons by classes of a number, classes merged until each has at least `threshold` persons.

    Parameters
    ----------
    edges : rising limits of the classes; the first class lies below the first edge and the last one from the last
        edge on, so that no smallest and no largest value is told.

    Returns
    -------
    `from` (included) and `to` (not included) of each class, empty at the open ends, `n` (persons, rounded), and
    `suppressed`. With fewer persons than the threshold altogether one class is left, and it is hidden.
    """
    known_columns(frame, value, persons)
    limits = np.asarray(edges, dtype=np.float64)
    if limits.ndim != 1 or not len(limits) or not np.isfinite(limits).all() or (np.diff(limits) <= 0).any():
        raise ParameterError("edges of a histogram: one or more rising numbers")
    known = frame[frame[value].notna()]
    place = np.searchsorted(limits, known[value].to_numpy(dtype=np.float64), side="right")
    who = known[persons].to_numpy() if persons else np.arange(len(known))
    low, high, n = _merged(limits, place, who, preset.threshold)
    table = pd.DataFrame({"from": low, "to": high, "n": round_values(n, PERSONS, preset)})
    return hide(table, ["n"], (n < preset.threshold)[:, None])


def _merged(limits: Floats, place: np.ndarray, who: np.ndarray, threshold: int) -> tuple[Floats, Floats, Floats]:
    """Lower limit, upper limit and distinct persons of the classes, each of at least `threshold` where possible."""
    bounds = np.concatenate([[np.nan], limits, [np.nan]])
    pairs = pd.DataFrame({"place": place, "who": who}).dropna()
    starts, counts, first = [0], [0], 0
    for last in range(len(limits) + 1):
        n = pairs.loc[pairs["place"].between(first, last), "who"].nunique()
        counts[-1] = n
        if n >= threshold and last < len(limits):
            first = last + 1
            starts.append(first)
            counts.append(0)
    if counts[-1] < threshold and len(starts) > 1:  # the rest goes to the class before it
        starts.pop()
        counts.pop()
        counts[-1] = pairs.loc[pairs["place"] >= starts[-1], "who"].nunique()
    ends = [*starts[1:], len(limits) + 1]
    return bounds[starts], bounds[ends], np.array(counts, dtype=np.float64)
