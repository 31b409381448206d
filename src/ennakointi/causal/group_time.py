"""Group-time effects of Callaway & Sant'Anna and their joint covariance.

Callaway & Sant'Anna 2021, Journal of Econometrics 225:200–230, 10.1016/j.jeconom.2020.12.001. Units that start
together are a group; each cell compares the change of one group between two periods with the change of units
that have not started. Witnesses: R's `did` and Stata's `csdid` on mpdta (tests/reference/test_staggered_witnesses.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from ennakointi.causal.areas import NEVER, Bools, Floats, Ints
from ennakointi.causal.two_period import TwoPeriod, difference_in_means, doubly_robust

Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, eq=False)
class Panel:
    """Units × periods in the order of their starts; made by `panel`.

    Attributes
    ----------
    values : (T, U) outcome, NaN where missing. covariates : (T, U, k).
    starts : (U,) ascending position of the first treated period, `NEVER` for none.
    weight : (U,) of each unit. cluster : (U,) number of the unit's cluster, 0 … n_clusters − 1.
    """

    values: Floats
    covariates: Floats
    starts: Ints
    weight: Floats
    cluster: Ints

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return int(self.cluster.max()) + 1 if len(self.cluster) else 0

    def count_clusters(self, kept: Bools) -> int:
        """Number of clusters with some of the (U,) kept units."""
        return int((np.bincount(self.cluster[kept], minlength=1) > 0).sum())

    @property
    def observed(self) -> Ints:
        """Positions of the periods in which anybody is observed."""
        return np.flatnonzero(np.isfinite(self.values).sum(axis=1))


def panel(values: Floats, starts: Ints, weight: Floats, cluster: Ints, covariates: Floats) -> Panel:
    """From (U, T) values, (U,) starts, weights and clusters and (U, T, k) covariates; units never observed leave."""
    order = np.argsort(starts, kind="stable")
    order = order[np.isfinite(values[order]).sum(axis=1) > 0]
    numbers = pd.factorize(cluster[order])[0].astype(np.int64)
    moved = np.ascontiguousarray(np.moveaxis(covariates[order], 0, 1))
    return Panel(np.ascontiguousarray(values[order].T), moved, starts[order], weight[order], numbers)


@dataclass(frozen=True, eq=False)
class Cells:
    """What is compared, (K,) each: the change of `group` from `base` to `time`, against units that never start
    (`never`) or start after `untouched`."""

    group: Ints
    base: Ints
    time: Ints
    untouched: Ints

    def __len__(self) -> int:
        return len(self.group)

    @property
    def post(self) -> Bools:
        """(K,) whether the group is under the intervention."""
        return self.time >= self.group

    @property
    def since_start(self) -> Ints:
        """(K,) periods since the group's start, 0 in the first treated one."""
        return self.time - self.group

    def only(self, kept: Bools) -> Cells:
        """Some of the cells."""
        return Cells(self.group[kept], self.base[kept], self.time[kept], self.untouched[kept])


def last_base(group: int, observed: Ints, anticipation: int) -> int | None:
    """Last observed period before the group could react, None when there is none."""
    before = observed[observed < group - anticipation]
    return int(before[-1]) if len(before) else None


def cells(starts: Ints, observed: Ints, comparison: Comparison, anticipation: int = 0, base: Base = "varying") -> Cells:
    """All cells of the groups that have a base.

    Parameters
    ----------
    starts : (U,) of the units, without those that are always treated. observed : periods with data.
    comparison : `never`, or `not_yet` (start later than both periods and `anticipation`); in the latter the last group
        is only a comparison when nobody is never treated, and periods from its start on are left out (as R's `did`).
    base : `varying`: before the start each period is compared with the one before it; `universal`: with the last one
        before the start.
    """
    groups = np.unique(starts[starts < NEVER])
    end = NEVER
    if comparison == "not_yet" and (starts < NEVER).all():
        end, groups = int(groups[-1]) - anticipation, groups[:-1]
    rows = []
    for group in groups.tolist():
        long_base = last_base(group, observed, anticipation)
        for place, time in enumerate(observed.tolist()):
            if long_base is None or time >= end:
                continue
            early = base == "varying" and time < group
            if (early and place == 0) or (not early and time == long_base):
                continue
            since = int(observed[place - 1]) if early else long_base
            rows.append((group, since, time, _untouched(since, time, anticipation, comparison)))
    return Cells(*np.array(rows, dtype=np.int64).reshape(-1, 4).T)


def _untouched(base: int, time: int, anticipation: int, comparison: Comparison) -> int:
    """Comparison units start after this period."""
    return NEVER - 1 if comparison == "never" else max(base, time) + anticipation


def placebo_cells(starts: Ints, observed: Ints, comparison: Comparison, early: int, anticipation: int = 0) -> Cells:
    """Cells of groups as if they had started `early` periods before they did, in the periods until the real start."""
    shifted = cells(np.where(starts < NEVER, starts - early, NEVER), observed, comparison, anticipation, "universal")
    real = shifted.group + early
    moved = replace(shifted, group=real)
    return moved.only(shifted.post & (shifted.time < real - anticipation))


@dataclass(frozen=True, eq=False)
class GroupTimes:
    """Effects of all cells, and all that their averages need.

    Attributes
    ----------
    cells : the K cells that could be estimated. effect : (K,).
    level : (K,) mean outcome of the group in the cell's period. n : (K,) treated units in the cell.
    groups, share : (G,) starts, and their part of all units' weight.
    influence : (K + G, C) what each cluster adds to the errors of effects and shares.
    covariance : (K + G, K + G) of effects and shares, clustered.
    without_propensity, lost : cells that rest on the regression alone; cells that could not be estimated.
    """

    cells: Cells
    effect: Floats
    level: Floats
    n: Ints
    groups: Ints
    share: Floats
    influence: Floats
    covariance: Floats
    without_propensity: int
    lost: int

    @property
    def standard_error(self) -> Floats:
        """(K,) of each cell."""
        return np.sqrt(np.diag(self.covariance)[: len(self.effect)])


def group_times(data: Panel, wanted: Cells) -> GroupTimes:
    """Effects of the wanted cells.

    A cell uses the units whose outcome is known in both of its periods and whose covariates are known in its base:
    on an incomplete panel every cell has units of its own.
    """
    groups, share = shares(data)
    influence = np.zeros((len(wanted) + len(groups), data.n_clusters))
    found: list[tuple[float, float, int, bool]] = []
    kept = np.zeros(len(wanted), dtype=bool)
    for number in range(len(wanted)):
        rows, estimate, own = _cell(data, wanted, number)
        if estimate is None:
            continue
        kept[number] = True
        _add(influence[len(found)], data.cluster, rows, estimate.influence)
        level = float(own @ np.nan_to_num(data.values[wanted.time[number], rows[0]]) / own.sum())
        found.append((estimate.effect, level, int((own > 0).sum()), estimate.propensity))
    every = [slice(0, len(data.starts))]
    for place, group in enumerate(groups):
        _add(influence[len(found) + place], data.cluster, every, _of_shares(data, data.starts == group, share[place]))
    influence = influence[: len(found) + len(groups)]
    columns = np.array(found).reshape(-1, 4).T
    return GroupTimes(
        wanted.only(kept), columns[0], columns[1], columns[2].astype(np.int64), groups, share, influence,
        influence @ influence.T, int((columns[3] == 0).sum()), len(wanted) - len(found),
    )  # fmt: skip


def shares(data: Panel) -> tuple[Ints, Floats]:
    """(G,) starts, and the part of all units' weight that starts then."""
    groups = np.unique(data.starts[data.starts < NEVER])
    weights = np.bincount(np.searchsorted(groups, data.starts), weights=data.weight, minlength=len(groups))
    return groups, np.asarray(weights[: len(groups)] / data.weight.sum())


def _of_shares(data: Panel, member: Bools | Floats, share: float) -> Floats:
    """(U,) influence of each unit on the share of a group."""
    return np.asarray(data.weight * (member - share) / data.weight.sum())


@dataclass(frozen=True, eq=False)
class Averaged:
    """Averages by label (E,), weighted by the groups' shares, with their clustered covariance (E, E)."""

    label: Ints
    effect: Floats
    covariance: Floats


def averaged(data: Panel, wanted: Cells, label: Ints) -> Averaged:
    """`group_times` and `aggregation.averages` in one pass that keeps no cell; `label` is (K,)."""
    groups, share = shares(data)
    labels = np.unique(label)
    influence, total = np.zeros((len(labels), data.n_clusters)), np.zeros((len(labels), len(groups)))
    effects = np.zeros((len(labels), len(groups)))  # sums over cells
    for number in range(len(wanted)):
        rows, estimate, _ = _cell(data, wanted, number)
        if estimate is None:
            continue
        row, group = np.searchsorted(labels, label[number]), np.searchsorted(groups, wanted.group[number])
        _add(influence[row], data.cluster, rows, share[group] * estimate.influence)
        total[row, group] += 1
        effects[row, group] += estimate.effect
    known = total.any(axis=1)
    labels, influence, total, effects = labels[known], influence[known], total[known], effects[known]
    mass = total @ share
    effect = effects @ share / mass
    gradient = (effects - total * effect[:, None]) / mass[:, None]
    of_unit = np.append(gradient, np.zeros((len(labels), 1)), axis=1)[:, np.searchsorted(groups, data.starts)]
    for row in range(len(labels)):
        influence[row] /= mass[row]
        of_shares = _of_shares(data, of_unit[row], float(gradient[row] @ share))
        _add(influence[row], data.cluster, [slice(0, len(data.starts))], of_shares)
    return Averaged(labels, effect, influence @ influence.T)


def _units_of(starts: Ints, group: int, untouched: int) -> tuple[list[slice], Bools]:
    """Where the group and its comparison stand among the sorted starts, and which of these units are the group."""
    low, high = (int(place) for place in np.searchsorted(starts, [group, group + 1]))
    first = int(np.searchsorted(starts, untouched, side="right"))
    others = [slice(first, max(low, first)), slice(max(high, first), len(starts))]
    rows = [slice(low, high), *(part for part in others if part.start < part.stop)]
    return rows, np.arange(sum(part.stop - part.start for part in rows)) < high - low


def _taken(values: Floats, rows: list[slice]) -> Floats:
    return np.concatenate([values[part] for part in rows])


def _cell(data: Panel, wanted: Cells, number: int) -> tuple[list[slice], TwoPeriod | None, Floats]:
    """Where a cell's units stand, its effect, and the weights of its treated; 0 for those that cannot be used."""
    rows, treated = _units_of(data.starts, int(wanted.group[number]), int(wanted.untouched[number]))
    base, time = wanted.base[number], wanted.time[number]
    change = np.concatenate([data.values[time, part] - data.values[base, part] for part in rows])
    weight, covariates = _taken(data.weight, rows), _taken(data.covariates[base], rows)
    unknown = np.isnan(change)
    if covariates.shape[1]:
        unknown |= np.isnan(covariates).any(axis=1)
    if unknown.any():
        change, weight = np.where(unknown, 0.0, change), np.where(unknown, 0.0, weight)
        covariates = np.where(unknown[:, None], 0.0, covariates)
    own = weight[: rows[0].stop - rows[0].start]
    if not covariates.shape[1]:
        return rows, difference_in_means(change, treated, weight), own
    return rows, doubly_robust(change, treated, covariates, weight), own


def _add(to: Floats, cluster: Ints, rows: list[slice], values: Floats) -> None:
    """Add units' influence to that of their clusters."""
    if len(to) < len(cluster):
        to += np.bincount(np.concatenate([cluster[part] for part in rows]), weights=values, minlength=len(to))
        return
    done = 0  # each unit is a cluster, in the order of the units
    for part in rows:
        to[part] += values[done : done + part.stop - part.start]
        done += part.stop - part.start
