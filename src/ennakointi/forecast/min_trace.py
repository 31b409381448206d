"""The mathematics of minimum-trace reconciliation: shrinkage of the errors' correlations, projection, no negatives.

Functions of arrays. k nodes, r constraints, T errors of a node, H months ahead.
"""

from __future__ import annotations

import numpy as np

from ennakointi.forecast.series import Floats

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
    square = rows @ across
    scale = np.sqrt(np.where((diagonal := np.diag(square)) > 0, diagonal, 1.0))
    even = square / np.outer(scale, scale) + 1e-13 * np.eye(len(square))
    multipliers = np.linalg.solve(even, (rows @ base) / scale[:, None]) / scale[:, None]
    return base - across @ multipliers, multipliers


def nonnegative(base: Floats, rows: Floats, covariance: Floats, n_sums: int) -> tuple[Floats, int]:
    """As `project`, with no leaf (from place `n_sums` on) under zero; and the months in which the solver was stopped.

    Block principal pivoting with a single exchange as the way out of a cycle (Júdice & Pires 1994,
    10.1016/0305-0548(94)90106-6), at most 60 rounds a month.
    """
    values, _ = project(base, rows, covariance)
    stopped = 0
    low = values[n_sums:].min(axis=0, initial=0.0) < -1e-9 * np.abs(base).max(axis=0, initial=0.0)
    for h in np.flatnonzero(low):
        values[:, h], solved = _one_month(base[:, [h]], values[:, h], rows, covariance, n_sums)
        stopped += not solved
    return values, stopped


def _one_month(base: Floats, start: Floats, rows: Floats, covariance: Floats, n_sums: int) -> tuple[Floats, bool]:
    values, size, eye = start, float(np.abs(base).max()), np.eye(len(base))
    held = np.zeros(len(base), bool)
    push, fewest, patience = np.zeros(len(base)), len(base) + 1, 3
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
        found, multipliers = project(base, np.vstack([rows, eye[held]]), covariance)
        values, push = found[:, 0], np.zeros(len(base))
        push[held] = multipliers[len(rows) :, 0]
    return values, False
