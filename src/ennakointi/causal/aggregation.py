"""Averages of group-time effects, each with its gradient, so that all share one covariance.

Callaway & Sant'Anna 2021, section 3.1.2 (10.1016/j.jeconom.2020.12.001). Groups weigh by their size; that the sizes
are estimated too is part of every error. Witnesses: R's `did` and Stata's `csdid` on mpdta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.group_time import GroupTimes


@dataclass(frozen=True, eq=False)
class Averages:
    """Averages of effects, E of them.

    Attributes
    ----------
    label : (E,) periods since the start, the group's start, or the period, by the kind of average.
    effect : (E,). gradient : (E, K + G) with respect to the cells' effects and the groups' shares.
    """

    label: Ints
    effect: Floats
    gradient: Floats

    def covariance(self, found: GroupTimes) -> Floats:
        """(E, E) covariance, clustered."""
        return self.gradient @ found.covariance @ self.gradient.T

    def standard_error(self, found: GroupTimes) -> Floats:
        """(E,) standard errors."""
        return np.sqrt(np.maximum(np.diag(self.covariance(found)), 0))

    def mean(self, kept: Bools) -> Averages:
        """The plain mean of some of the averages, as one."""
        gradient = self.gradient[kept].mean(axis=0)[None]
        return Averages(np.zeros(1, np.int64), self.effect[kept].mean()[None], gradient)


def averages(found: GroupTimes, label: Ints, kept: Bools) -> Averages:
    """Average of the kept cells of each label, weighted by the share of their group.

    `label` and `kept` are (K,).
    """
    labels = np.unique(label[kept])
    column = np.searchsorted(found.groups, found.cells.group)
    size = found.share[column]
    effect, gradient = np.zeros(len(labels)), np.zeros((len(labels), len(label) + len(found.groups)))
    for row, one in enumerate(labels):
        inside = kept & (label == one)
        total = size[inside].sum()
        effect[row] = size[inside] @ found.effect[inside] / total
        gradient[row, : len(label)][inside] = size[inside] / total
        np.add.at(gradient[row], len(label) + column[inside], (found.effect[inside] - effect[row]) / total)
    return Averages(labels, effect, gradient)


def simple(found: GroupTimes, kept: Bools | None = None) -> Averages:
    """All cells under the intervention as one average; with `kept` (K,), those of them."""
    use = found.cells.post if kept is None else kept
    return averages(found, np.zeros(len(use), np.int64), use)


def dynamic(found: GroupTimes) -> Averages:
    """By periods since the start, also before it."""
    return averages(found, found.cells.since_start, np.ones(len(found.cells), dtype=bool))


def by_group(found: GroupTimes) -> Averages:
    """By the group's start, its periods counting alike."""
    return averages(found, found.cells.group, found.cells.post)


def by_period(found: GroupTimes) -> Averages:
    """By period."""
    return averages(found, found.cells.time, found.cells.post)


def over_groups(found: GroupTimes) -> Averages:
    """The average of `by_group`, weighted by the groups' shares."""
    each = by_group(found)
    column = np.searchsorted(found.groups, each.label)
    size = found.share[column]
    effect = float(size @ each.effect / size.sum())
    gradient = size @ each.gradient / size.sum()
    np.add.at(gradient, len(found.effect) + column, (each.effect - effect) / size.sum())
    return Averages(np.zeros(1, np.int64), np.array([effect]), gradient[None])
