"""Weights that are not negative and sum to one.

`nearest` is exact: the point of the hull of the columns that is nearest to a target is found from a non-negative
least-squares problem with one more row, because min over s of s²‖Pw‖² + (s − 1)² grows with ‖Pw‖ (Lawson & Hanson
1974, chapter 23). `frank_wolfe` is the solver of Arkhangelsky et al. 2021 with its stopping rule, which belongs to
their estimator. Witness: a general quadratic solver, and California's published estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import nnls

from ennakointi.causal.areas import Bools, Floats, Ints

RIDGE = 1e-10  # of the mean squared distance: decides between weights that fit equally well, equal ones first
PASSES = 30  # of a non-negative problem, times its columns
GRAM_CELLS = 20_000_000  # numbers held at once by a batch of Frank–Wolfe problems


def nearest(columns: Floats, target: Floats, penalty: float = 0.0) -> Floats:
    """(n,) weights of the columns (m, n) that make ‖columns · w − target‖² + penalty · ‖w‖² least; collinear columns
    may repeat. Without a penalty a tiny one makes the weights unique: of those that fit equally well the most equal.
    """
    n = columns.shape[1]
    away = columns - target[:, None]
    scale = np.sqrt((away**2).sum() / n)
    if n == 1 or scale == 0:
        return np.full(n, 1 / n)
    ridge = max(np.sqrt(penalty) / scale, RIDGE**0.5)
    return hull_weights(np.vstack([away / scale, ridge * np.eye(n)]))


def hull_weights(away: Floats) -> Floats:
    """(n,) weights of the shortest vector in the hull of the columns (m, n), whose lengths are about one."""
    m, n = away.shape
    rows = np.ones((m + 1, n))
    rows[:m] = away
    wanted = np.zeros(m + 1)
    wanted[m] = 1
    found, _ = nnls(rows, wanted, maxiter=PASSES * n)
    return np.asarray(found / found.sum())


@dataclass(frozen=True, eq=False)
class Quadratics:
    """A batch of problems min ‖Ax − b‖² + η‖x‖² on the simplex, told by Gram matrices.

    `gram` : (B, n, n) AᵀA. `cross` : (B, n) Aᵀb. `ridge` : (B,) η. `rows` : of A, by which a decrease is divided.
    `least` : (B,) the smallest decrease of the mean square that is worth another step.
    """

    gram: Floats
    cross: Floats
    ridge: Floats
    rows: int
    least: Floats

    @cached_property
    def each(self) -> Ints:
        """(B,) number of each problem."""
        return np.arange(len(self.cross))

    def of(self, kept: Bools) -> Quadratics:
        """Some of the problems."""
        return Quadratics(self.gram[kept], self.cross[kept], self.ridge[kept], self.rows, self.least[kept])


def sparse_frank_wolfe(problems: Quadratics, then: int, first: int = 100) -> Floats:
    """(B, n) weights as in the authors' R package: a first pass, small weights to zero, then a longer one."""
    b, n = problems.cross.shape
    if n == 1:
        return np.ones((b, 1))
    rough = frank_wolfe(problems, np.full((b, n), 1 / n), first)
    rough[rough <= rough.max(axis=1, keepdims=True) / 4] = 0
    return frank_wolfe(problems, rough / rough.sum(axis=1, keepdims=True), then)


def frank_wolfe(problems: Quadratics, start: Floats, steps: int) -> Floats:
    """(B, n) weights after steps with exact line search; each problem stops after its first small decrease.

    At least two steps are made, as `sc.weight.fw` of synthdid does.
    """
    found = start.copy()
    running = np.arange(len(start))
    held, x = problems, start.copy()
    product = np.einsum("bij,bj->bi", held.gram, x)
    for step in range(1, steps + 1):
        x, product, decrease = _step(held, x, product)
        if step < 2:
            continue
        on = decrease > held.least
        if not on.all():
            found[running[~on]] = x[~on]
            running, held, x, product = running[on], held.of(on), x[on], product[on]
            if not len(running):
                break
    found[running] = x
    return found


def _step(problems: Quadratics, x: Floats, product: Floats) -> tuple[Floats, Floats, Floats]:
    """One step of each problem: weights, Gram matrix times weights, and the decrease of the mean square."""
    each, ridge = problems.each, problems.ridge
    half_gradient = product - problems.cross + ridge[:, None] * x
    best = half_gradient.argmin(axis=1)
    column = problems.gram[each, best]
    there = x[each, best]
    slope = half_gradient[each, best] - np.einsum("bi,bi->b", half_gradient, x)
    curve = column[each, best] - 2 * product[each, best] + np.einsum("bi,bi->b", x, product)
    curve += ridge * (1 - 2 * there + np.einsum("bi,bi->b", x, x))
    length = np.minimum(np.maximum(-slope, 0) / np.maximum(curve, 1e-300), 1)
    rest = (1 - length)[:, None]
    x = x * rest
    x[each, best] += length
    return x, product * rest + length[:, None] * column, length * (-2 * slope - length * curve) / problems.rows
