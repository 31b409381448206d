"""The mathematics of minimum-trace reconciliation: shrinkage of the errors' correlations, projection, no negatives.

Functions of arrays. k nodes, r constraints, T errors of a node, H months ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from ennakointi.forecast.series import Floats

Places = npt.NDArray[np.int64]

ROUNDS = 60  # of the active-set solver


def shrinkage(standard: Floats, autocorrelation: float = 0.0) -> float:
    """Intensity λ with which correlations are shrunk to zero, from standardised errors (k, T); 1 when T < 2.

    λ = Σ Var(r_ij) / Σ r_ij² over i ≠ j (Schäfer & Strimmer 2005, 10.2202/1544-6115.1175), about zero as in MinT.
    Errors of following months go together: with autocorrelation φ the variances grow by (1 + φ²) / (1 − φ²)
    (Bartlett 1946, 10.2307/2983611).
    """
    n = standard.shape[1]
    if n < 2:
        return 1.0
    products = standard @ standard.T
    variance = ((standard**2) @ (standard**2).T - products**2 / n) / (n * (n - 1))
    squared = (products / n) ** 2
    for table in (variance, squared):
        np.fill_diagonal(table, 0.0)
    grown = variance.sum() * (1 + autocorrelation**2) / (1 - autocorrelation**2)
    return float(np.clip(grown / squared.sum(), 0.0, 1.0)) if squared.sum() > 0 else 1.0


def autocorrelation_of(standard: Floats) -> float:
    """Pooled correlation of one month's error with the next inside a window, 0 … .95, from (N, W, H)."""
    now, after = standard[..., :-1], standard[..., 1:]
    squares = float((now[after != 0] ** 2).sum())
    return float(np.clip((now * after).sum() / squares, 0.0, 0.95)) if squares > 0 else 0.0


def project(base: Floats, rows: Floats, covariance: Floats) -> tuple[Floats, Floats]:
    """The nearest values with ``rows @ values = 0`` in the metric of the covariance, and the constraints' multipliers.

    ``y = ŷ − W A'(A W A')⁻¹ A ŷ``, the same as MinT's ``S (S' W⁻¹ S)⁻¹ S' W⁻¹ ŷ`` when the rows A say that every sum is
    its leaves (Wickramasuriya et al. 2019), and good for a W that cannot be inverted.

    Parameters
    ----------
    base : (k, H). rows : (r, k). covariance : (k, k); a row of zeros holds its node fixed.
    """
    across = covariance @ rows.T
    multipliers = _multipliers(rows @ across, rows @ base)
    return base - across @ multipliers, multipliers


def _multipliers(square: Floats, gap: Floats) -> Floats:
    """Solution of ``square @ x = gap`` (r, H), rows scaled alike; redundant rows do no harm.

    One step of refinement takes off what the ridge for redundant rows leaves.
    """
    scale = np.sqrt(np.where((diagonal := np.diag(square)) > 0, diagonal, 1.0))[:, None]
    even, wanted = square / (scale * scale.T), gap / scale
    ridged = even + 1e-13 * np.eye(len(even))
    found = np.linalg.solve(ridged, wanted)
    found += np.linalg.solve(ridged, wanted - even @ found)
    return np.asarray(found / scale)


def nonnegative(base: Floats, rows: Floats, covariance: Floats, n_sums: int) -> tuple[Floats, int]:
    """As `project`, with no leaf (from place `n_sums` on) under zero; and the months in which the solver was stopped.

    Block principal pivoting with a single exchange as the way out of a cycle (Júdice & Pires 1994,
    10.1016/0305-0548(94)90106-6), at most 60 rounds a month.
    """
    values, stopped = project(base, rows, covariance)[0], 0
    low = values[n_sums:].min(axis=0, initial=0.0) < -1e-9 * np.abs(base).max(axis=0, initial=0.0)

    def conditioned(h: int, zero: Places) -> tuple[Floats, Floats]:
        """Month h with some leaves at zero, and the multipliers of those: their errors are taken out of the others'
        first, so that no rounding of large leaves stands beside the small ones."""
        across, own = covariance[:, zero], covariance[np.ix_(zero, zero)]
        solved = _multipliers(own, np.column_stack([base[zero, h], across.T]))
        start, left = base[:, h] - across @ solved[:, 0], covariance - across @ solved[:, 1:]
        start[zero], left[zero], left[:, zero] = 0.0, 0.0, 0.0
        found, multipliers = project(start[:, None], rows, left)
        push = base[zero, h] - (covariance[zero] @ rows.T @ multipliers)[:, 0]
        return found[:, 0], _multipliers(own, push[:, None])[:, 0]

    for h in np.flatnonzero(low).tolist():
        size = float(np.abs(base[:, h]).max())
        values[:, h], solved = _pivoted(values[:, h], n_sums, size, partial(conditioned, h))
        stopped += not solved
    return values, stopped


def _pivoted(
    start: Floats, n_sums: int, size: float, conditioned: Callable[[Places], tuple[Floats, Floats]]
) -> tuple[Floats, bool]:
    """Leaves in and out of the set held at zero, until none is negative and none would rather leave it."""
    values, held, push = start, np.zeros(len(start), bool), np.zeros(len(start))
    fewest, patience = len(start) + 1, 3
    for _ in range(ROUNDS):
        wrong = np.where(held, push > 1e-12 * np.abs(push).max(), values < -1e-9 * size)
        wrong[:n_sums] = False
        count = int(wrong.sum())
        if not count:
            return values, True
        patience = 3 if count < fewest else patience - 1
        fewest = min(fewest, count)
        if patience < 0:  # a cycle: the last one alone
            wrong[: np.flatnonzero(wrong)[-1]] = False
        held ^= wrong
        values, found = conditioned(np.flatnonzero(held))
        push = np.zeros(len(start))
        push[held] = found
    return values, False
