"""Few treated clusters: the group-time effect is judged by permuting which cluster started when.

The statistic is the effect over its own clustered error, so that clusters of unequal size or noise can be
exchanged (Chung & Romano 2013, 10.1214/13-AOS1090; MacKinnon & Webb 2020, 10.1016/j.jeconom.2020.04.024). It is
linear in the outcome: taking a constant effect out of the treated periods costs nothing, and the interval is the set
of effects that the test does not reject. All distinct assignments are used when they are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from ennakointi.causal import randomisation
from ennakointi.causal.areas import NEVER, Bools, Floats, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.group_time import Cells, Panel

TIE = 1e-9
ASSIGNMENTS = 1_000
FEWEST = 100  # assignments that are drawn at least
LARGEST = 5_000_000  # starts of all assignments together
BLOCK = 200_000  # starts that are worked on at once


@dataclass(frozen=True, eq=False)
class Changes:
    """Changes of C exchangeable clusters in K cells.

    Attributes
    ----------
    cells : the K cells. starts : (C,). size : (C,) weight of each cluster.
    weight : (C, K) of the units known in the cell; 0 = none. outcome : (C, K) their mean change.
    treated : (C, K) change of the share of units under the intervention as it happened, adjusted as the outcome.
    """

    cells: Cells
    starts: Ints
    size: Floats
    weight: Floats
    outcome: Floats
    treated: Floats


@dataclass(frozen=True, eq=False)
class Studies:
    """Effects under P assignments, the first what happened.

    Attributes
    ----------
    effect : (P, E) averages of the outcome's effects.
    exposure : (P,) the first average of the treatment itself: with a constant effect τ taken out of the outcome, the
        first average is `effect` − τ·`exposure` and its variance `a` − 2τ·`b` + τ²·`c`, (P,) each.
    """

    effect: Floats
    exposure: Floats
    a: Floats
    b: Floats
    c: Floats

    def statistics(self, tau: Floats) -> Floats:
        """(P, D) studentised first averages for D constant effects taken out."""
        scale = np.sqrt(self.a[0]) + np.sqrt(self.c[0]) * np.abs(tau) + np.abs(self.effect[0, 0])
        variance = self.a[:, None] - 2 * tau * self.b[:, None] + tau**2 * self.c[:, None]
        error = np.maximum(np.sqrt(np.maximum(variance, 0)), 1e-9 * scale + 1e-300)
        return np.asarray((self.effect[:, :1] - tau * self.exposure[:, None]) / error)

    @property
    def smallest_p(self) -> float:
        """The p-value of a constant effect without end; with few assignments it is not small."""
        size = np.abs(self.exposure) / np.maximum(np.sqrt(self.c), 1e-9)
        return float((size >= size[0] * (1 - TIE)).mean())


@dataclass(frozen=True)
class Permuted:
    """p-value of no effect and the interval of the effects that are not rejected; bounds NaN where 5 % cannot be
    reached."""

    effect: Numbers
    p_value: float
    smallest_p: float
    n_assignments: int
    exact: bool


def changes(data: Panel, cells: Cells) -> Changes:
    """Mean changes of clusters; of units when a cluster holds units that start at different times.

    Covariates are taken out by least squares over all units, which no assignment can change.
    """
    whole = all_alike(data)
    number = data.cluster if whole else np.arange(len(data.starts))
    n = int(number.max()) + 1
    starts = np.full(n, NEVER, np.int64)
    starts[number] = data.starts
    shape = (n, len(cells))
    weight, outcome, treated = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for column, (base, time) in enumerate(zip(cells.base, cells.time)):
        change = data.values[time] - data.values[base]
        exposed = (data.starts <= time).astype(float) - (data.starts <= base)
        known = ~np.isnan(change) & ~np.isnan(data.covariates[base]).any(axis=1)
        use = np.where(known, data.weight, 0.0)
        change = np.where(known, change, 0.0)
        if data.covariates.shape[2]:
            change, exposed = _adjusted(data.covariates[base], known, use, change, exposed)
        weight[:, column] = np.bincount(number, weights=use, minlength=n)
        total = np.maximum(weight[:, column], 1e-300)
        outcome[:, column] = np.bincount(number, weights=use * change, minlength=n) / total
        treated[:, column] = np.bincount(number, weights=use * exposed, minlength=n) / total
    size = np.asarray(np.bincount(number, weights=data.weight, minlength=n), float)
    return Changes(cells, starts, size, weight, outcome, treated)


def all_alike(data: Panel) -> bool:
    """Whether all units of each cluster start together."""
    latest, earliest = np.zeros(data.n_clusters, np.int64), np.full(data.n_clusters, NEVER)
    np.maximum.at(latest, data.cluster, data.starts)
    np.minimum.at(earliest, data.cluster, data.starts)
    return bool((latest == earliest).all())


def _adjusted(x: Floats, known: Bools, weight: Floats, *values: Floats) -> list[Floats]:
    """Values (U,) less their regression on covariates (U, k), by weight."""
    design = np.column_stack([np.ones(len(x)), np.where(known[:, None], x, 0.0)])
    root = np.sqrt(weight)[:, None]
    both = np.column_stack(values)
    beta = np.linalg.lstsq(design * root, both * root, rcond=None)[0]
    left = both - design @ beta
    return [left[:, place] for place in range(left.shape[1])]


def assignments(found: Changes, seed: int, limit: int = ASSIGNMENTS) -> tuple[Ints, bool]:
    """(P, C) starts of each cluster under every assignment, what happened first, and whether all are there.

    With very many clusters fewer assignments are drawn, so that memory holds them.
    """
    n = len(found.starts)
    limit = min(limit, max(FEWEST, LARGEST // n))
    counts = np.unique(found.starts, return_counts=True)[1]
    if gammaln(n + 1) - gammaln(counts + 1).sum() <= np.log(limit) + TIE:
        return randomisation.assignments(found.starts, np.ones(n, dtype=bool), limit, seed)
    rows = np.tile(found.starts, (limit, 1))
    np.random.default_rng(seed).permuted(rows[1:], axis=1, out=rows[1:])
    return rows, False


def studies(found: Changes, rows: Ints, label: Ints, errors: bool = True) -> Studies:
    """The averages of each label under every assignment, without those in which the first has no cell.

    `rows` is (P, C), `label` (K,) 0 … E − 1. Without `errors` the moments of the first average stay 0.
    """
    onehot = (label[:, None] == np.arange(label.max() + 1)).astype(float)
    block = max(1, BLOCK // rows.shape[1])
    parts = [_studies(found, rows[k : k + block], onehot, errors) for k in range(0, len(rows), block)]
    return Studies(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _studies(found: Changes, rows: Ints, onehot: Floats, errors: bool) -> tuple[Floats, ...]:
    """The fields of `Studies` for some of the assignments."""
    cells = found.cells
    sums, total = np.zeros((2, len(rows), onehot.shape[1])), np.zeros((len(rows), onehot.shape[1]))
    influence = np.zeros((2, *rows.shape)) if errors else np.zeros((2, len(rows), 1))
    keys, which = np.unique(np.column_stack([cells.group, cells.untouched]), axis=0, return_inverse=True)
    for number, (group, untouched) in enumerate(keys):
        columns = np.flatnonzero(which.ravel() == number)
        own = (rows == group).astype(float)
        others = ((rows > untouched) & (rows != group)).astype(float)
        share = _both(own, others, found.weight[:, columns]) * (own @ found.size)[:, None]
        total += share @ onehot[columns]
        first = (onehot[columns, 0] == 1) & errors
        for place, values in enumerate((found.outcome, found.treated)):
            for sign, side in ((1, own), (-1, others)):
                mean, pull = _side(side, found.weight[:, columns], values[:, columns], share, first)
                sums[place] += sign * (share * mean) @ onehot[columns]
                if first.any():
                    influence[place] += sign * pull
    usable = total[:, 0] > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(total > 0, sums / total, np.nan)[:, usable]
    y, d = influence[:, usable] / total[usable, :1]
    return effect[0], effect[1][:, 0], (y * y).sum(axis=1), (y * d).sum(axis=1), (d * d).sum(axis=1)


def _both(own: Floats, others: Floats, weight: Floats) -> Bools:
    """(P, K) whether a cell has treated and comparison clusters; sides are (P, C), `weight` (C, K)."""
    return np.asarray((own @ weight > 0) & (others @ weight > 0))


def _side(side: Floats, weight: Floats, values: Floats, share: Floats, first: Bools) -> tuple[Floats, Floats]:
    """(P, K) means of a side, and (P, C) its clusters' influence on the sum of share × mean of the `first` cells."""
    mass = side @ weight
    inverse = np.divide(1.0, mass, out=np.zeros_like(mass), where=mass > 0)
    mean = (side @ (weight * values)) * inverse
    if not first.any():
        return mean, mean[:, :0]
    scaled = (share * inverse)[:, first]
    weight, values = weight[:, first], values[:, first]
    return mean, side * (scaled @ (weight * values).T - (scaled * mean[:, first]) @ weight.T)


def permuted(found: Studies, exact: bool, level: float = 0.05) -> Permuted:
    """The test of the first average and its inversion."""
    effect = float(found.effect[0, 0])
    p_value = float(_p(found, np.zeros(1))[0])
    smallest = found.smallest_p
    low = high = np.nan
    exposure = float(found.exposure[0])
    if smallest <= level and exposure > 0:
        centre = effect / exposure
        spread = float(np.std(found.effect[:, 0] - centre * found.exposure))
        low, high = (_bound(found, centre, side * max(spread, 1e-12), level) for side in (-1.0, 1.0))
    return Permuted(Numbers(effect, low, high), p_value, smallest, len(found.effect), exact)


def _p(found: Studies, tau: Floats) -> Floats:
    size = np.abs(found.statistics(tau))
    return np.asarray((size >= size[0] * (1 - TIE) - TIE).mean(axis=0))


def _bound(found: Studies, centre: float, step: float, level: float) -> float:
    """Where the p-value first falls to the level, going out from the centre in steps of the assignments' spread."""
    low, high = 0.0, 25.0
    for _ in range(4):
        grid = np.linspace(low, high, 101)
        kept = _p(found, centre + grid * step) > level
        if kept.all():
            return np.nan
        first = max(int(np.argmin(kept)), 1)
        low, high = grid[first - 1], grid[first]
    return centre + high * step


def bands(found: Studies, smallest_p: float, level: float = 0.05) -> tuple[Floats, Floats]:
    """How far an interval reaches for each average (E,), alone and all at once, under permuted adoption.

    `found` are the studies of the outcome less its estimated effects. NaN where the level cannot be reached.
    """
    spread, size = sizes(found)
    if smallest_p > level:
        return spread * np.nan, spread * np.nan
    alone = np.quantile(size, 1 - level, axis=0, method="higher")
    return alone * spread, np.quantile(size.max(axis=1), 1 - level, method="higher") * spread


def sizes(found: Studies) -> tuple[Floats, Floats]:
    """(E,) root mean square of each average over the assignments, and (P, E) absolute effects by it.

    Single periods often rest on one or two clusters, whose own errors are too rough to studentise by.
    """
    whole = found.effect[~np.isnan(found.effect).any(axis=1)]
    spread = np.sqrt((whole**2).mean(axis=0))
    return spread, np.abs(whole) / np.where(spread > 0, spread, 1.0)
