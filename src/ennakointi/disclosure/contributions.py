"""Sums and means: hidden where few persons, few professionals or one large contributor would be told by them.

Dominance: the largest contributors' share of a sum (n, k) and how closely the second largest could work out the largest
(p %): Hundepool et al. 2012, Statistical Disclosure Control, chapter 4, 10.1002/9781118348239.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.disclosure.presets import EUROS_PER_BASE, Preset, round_values
from ennakointi.disclosure.tabulation import Flags, Floats, few, hide, keys, known_columns
from ennakointi.errors import ParameterError
from ennakointi.result_tables import COUNT, EUROS, PERSONS


@dataclass(frozen=True)
class Dominance:
    """When contributors dominate a sum.

    Attributes
    ----------
    largest, share : the `largest` contributors may hold at most `share` of the sum.
    p : what all but the two largest contribute is at least `p` of the largest; else the second could tell it.
    professionals : fewest professionals behind a figure that speaks of staff.
    """

    largest: int = 1
    share: float = 0.85
    p: float = 0.15
    professionals: int = 3

    def __post_init__(self) -> None:
        if self.largest < 1 or not 0 < self.share <= 1 or not 0 <= self.p <= 1 or self.professionals < 1:
            raise ParameterError("dominance: largest and professionals are at least 1, share and p between 0 and 1")

    def broken(self, contributions: Floats) -> bool:
        """Whether someone dominates; `contributions` (n,) of one sum, whose signs do not matter."""
        ordered = np.sort(np.abs(contributions))[::-1]
        total = float(ordered.sum())
        rest = float(ordered[2:].sum())
        return total > 0 and (ordered[: self.largest].sum() > self.share * total or rest < self.p * ordered[0])


def sums(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    value: str,
    preset: Preset,
    persons: str,
    *,
    professionals: str | None = None,
    suppliers: str | None = None,
    kind: str = COUNT,
    dominance: Dominance | None = None,
) -> pd.DataFrame:
    """Sums of a number by group.

    Parameters
    ----------
    frame : rows of events. Rows without a value are left out; rows without a person are one contributor's.
    by : the column or columns of the groups. value : the column that is summed.
    persons : column of the person's identifier.
    professionals : column of the professional's, where the figure speaks of staff.
    suppliers : column of the supplier's, where the figure speaks of bought services.
    kind : `count` rounds to the preset's base, `euros` to a hundred bases.
    dominance : the limits; by default the largest contributor may hold 85 % and p is 15 %.

    Returns
    -------
    The groups' columns, `n` (persons with a value that is not 0), `sum`, `suppressed`. A row is hidden whole: with
    fewer persons than the threshold, with a dominating person or supplier, with fewer than three professionals.
    """
    told, hidden, total = _summed(frame, by, value, preset, persons, professionals, suppliers, kind, dominance)
    n = round_values(told["n"].to_numpy(), PERSONS, preset)
    told = told.drop(columns="everyone").assign(n=n, sum=round_values(total, kind, preset))
    return hide(told, ["n", "sum"], hidden[:, None])


def means(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    value: str,
    preset: Preset,
    persons: str,
    *,
    professionals: str | None = None,
    suppliers: str | None = None,
    kind: str = COUNT,
    dominance: Dominance | None = None,
) -> pd.DataFrame:
    """Means of a person's sum by group: parameters and rules of `sums`.

    `n` counts all persons with a value, those with 0 too; `mean` is no finer than rounding its sum would leave it.
    """
    told, hidden, total = _summed(frame, by, value, preset, persons, professionals, suppliers, kind, dominance)
    everyone = told["everyone"].to_numpy(dtype=np.float64)
    hidden = hidden | few(everyone, preset) | few(everyone - told["n"].to_numpy(), preset)
    n = round_values(everyone, PERSONS, preset)
    step = preset.base * (EUROS_PER_BASE if kind == EUROS else 1) / np.maximum(n, preset.base)
    mean = np.divide(total, everyone, out=np.full(len(n), np.nan), where=everyone > 0)
    told = told.drop(columns="everyone").assign(n=n, mean=np.round(np.round(mean / step) * step, 6))
    return hide(told, ["n", "mean"], hidden[:, None])


def _summed(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    value: str,
    preset: Preset,
    persons: str,
    professionals: str | None,
    suppliers: str | None,
    kind: str,
    dominance: Dominance | None,
) -> tuple[pd.DataFrame, Flags, Floats]:
    """Groups with `n` (persons with a value that is not 0) and `everyone`, flags of the hidden ones, and the sums."""
    groups, limits = keys(by), dominance or Dominance()
    known_columns(frame, *groups, value, persons, professionals, suppliers)
    if kind not in (COUNT, EUROS):
        raise ParameterError(f"kind {kind!r}: is neither {COUNT!r} nor {EUROS!r}")
    known = frame[frame[value].notna()]
    found = known.groupby(groups, observed=True)[value].sum().rename("total").reset_index()
    of_persons = list(_contributions(known, groups, value, persons))
    n = np.array([np.count_nonzero(one[one.index.notna()]) for one in of_persons], dtype=np.float64)
    hidden = few(n, preset)
    for who in [persons, *([suppliers] if suppliers else [])]:
        hidden |= [limits.broken(one.to_numpy()) for one in _contributions(known, groups, value, who)]
    if professionals:
        worked = known[known[value] != 0].groupby(groups, observed=True)[professionals].nunique()
        several = worked.reindex(pd.MultiIndex.from_frame(found[groups]) if len(groups) > 1 else found[groups[0]])
        hidden |= (several.fillna(0) < limits.professionals).to_numpy() & (n > 0)
    hidden |= (found["total"] != 0).to_numpy() & (n == 0)  # of persons whom nobody knows
    told = found[groups].assign(n=n, everyone=[_known(one) for one in of_persons])
    return told, hidden, found["total"].to_numpy(dtype=np.float64)


def _known(contributions: pd.Series) -> int:
    return int(np.count_nonzero(contributions.index.notna()))


def _contributions(frame: pd.DataFrame, groups: list[str], value: str, who: str) -> Iterator[pd.Series]:
    """Each group's sums by contributor, in the order of the groups; those of nobody known are one contributor's."""
    parts = frame.groupby([*groups, who], observed=True, dropna=False)[value].sum()
    parts = parts[parts.index.to_frame()[groups].notna().all(axis=1).to_numpy()]
    for _, one in parts.groupby(level=groups if len(groups) > 1 else groups[0], observed=True):
        yield one.droplevel([*groups])
