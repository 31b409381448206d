"""Interaction-weighted event study: one two-way regression with a dummy for every group and period.

Sun & Abraham 2021, Journal of Econometrics 225:175–199, 10.1016/j.jeconom.2020.09.006. Witness: R's fixest,
`feols(y ~ x1 + sunab(year_treated, year) | id + year)` on base_stagg.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal import group_time
from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.group_time import Cells, Panel

LARGEST = 40_000_000  # numbers in the regression's design; beyond it the regression is not made
SLOWEST = 4_000_000_000  # multiplications of its normal equations; likewise


@dataclass(frozen=True, eq=False)
class SunAbraham:
    """Effects by period since the start (E,), with their errors, and the average after the start."""

    since_start: Ints
    effect: Floats
    standard_error: Floats
    average: float
    average_error: float


def sun_abraham(data: Panel) -> SunAbraham | None:
    """Averages of the regression's group-period effects, weighted by their observations.

    Units that never start, or else the last to start until they do, are the reference, and so is each group's last
    period before its start. Covariates enter as they are in each period. Errors are clustered, with fixest's
    correction for small samples. None when the regression would be too large or has no reference.
    """
    wanted, data = _dummies(data)
    n_columns = len(wanted) + data.covariates.shape[2] + len(data.values) - 1
    if not len(wanted) or data.values.size * n_columns > min(LARGEST, SLOWEST / n_columns):
        return None
    y, x, weight, cluster, size = _stacked(data, wanted)
    dummies = size > 0
    varies = np.linalg.norm(x, axis=0) > 1e-9 * np.sqrt(len(x))
    cross = (x[:, varies] * weight[:, None]).T @ x[:, varies]
    if np.linalg.matrix_rank(cross, hermitian=True) < len(cross):
        return None
    inverse = np.linalg.inv(cross)
    beta = inverse @ (x[:, varies].T @ (weight * y))
    left = weight * (y - x[:, varies] @ beta)
    covariance = _clustered(np.asarray(x[:, varies] * left[:, None]), np.asarray(inverse, float), cluster)
    n = int((dummies & varies[: len(size)]).sum())
    if n < int(dummies.sum()):
        return None
    return _averaged(wanted.only(dummies), size[dummies], beta[:n], covariance[:n, :n])


def _dummies(data: Panel) -> tuple[Cells, Panel]:
    """Group-period dummies of the regression, and the part of the panel that it uses."""
    observed = data.observed
    if (data.starts < NEVER).all():
        end = int(data.starts.max())
        values = np.where(np.arange(len(data.values))[:, None] < end, data.values, np.nan)
        data = group_time.panel(
            values.T, np.where(data.starts < end, data.starts, NEVER), data.weight, data.cluster,
            np.moveaxis(data.covariates, 0, 1),
        )  # fmt: skip
        observed = data.observed
    return group_time.cells(data.starts, observed, "never", base="universal"), data


def _stacked(data: Panel, wanted: Cells) -> tuple[Floats, Floats, Floats, Ints, Floats]:
    """Outcome, regressors, weight and cluster of each observation, units' means taken out; (K,) weight of the
    observations behind each dummy."""
    known = ~np.isnan(data.values) & ~np.isnan(data.covariates).any(axis=2)
    known[:, known.sum(axis=0) < 2] = False
    time, unit = np.nonzero(known)
    weight, starts = data.weight[unit], data.starts[unit]
    dummies = (starts[:, None] == wanted.group) & (time[:, None] == wanted.time)
    periods = time[:, None] == np.unique(time)[1:]
    size = weight @ dummies
    x = np.column_stack([dummies[:, size > 0], data.covariates[time, unit], periods]).astype(float)
    y = data.values[time, unit]
    per_unit = np.maximum(np.bincount(unit, weights=weight, minlength=data.values.shape[1]), 1e-300)

    def centred(column: Floats) -> Floats:
        mean = np.bincount(unit, weights=weight * column, minlength=len(per_unit)) / per_unit
        return np.asarray(column - mean[unit])

    for place in range(x.shape[1]):
        x[:, place] = centred(x[:, place])
    return centred(y), x, weight, data.cluster[unit], np.asarray(size, float)


def _clustered(scores: Floats, inverse: Floats, cluster: Ints) -> Floats:
    """Clustered covariance; unit effects lie inside the clusters and do not count as parameters (fixest)."""
    numbers = np.unique(cluster, return_inverse=True)[1]
    order = np.argsort(numbers, kind="stable")
    firsts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    sums = np.add.reduceat(scores[order], firsts, axis=0)
    n, clusters = len(scores), len(firsts)
    factor = clusters / (clusters - 1) * (n - 1) / (n - len(inverse) - 1)
    return np.asarray(factor * inverse @ (sums.T @ sums) @ inverse)


def _averaged(wanted: Cells, size: Floats, beta: Floats, covariance: Floats) -> SunAbraham:
    labels = np.unique(wanted.since_start)
    weight = (wanted.since_start == labels[:, None]) * size
    weight = weight / weight.sum(axis=1, keepdims=True)
    post = np.where(wanted.post, size, 0.0)[None] / size[wanted.post].sum()
    rows = np.concatenate([weight, post])
    effect, error = rows @ beta, np.sqrt(np.maximum(np.einsum("ek,kl,el->e", rows, covariance, rows), 0))
    return SunAbraham(labels, effect[:-1], error[:-1], float(effect[-1]), float(error[-1]))
