"""Honest interval when the difference in trends is nearly linear: the optimal fixed-length interval.

Rambachan & Roth 2023, Review of Economic Studies 90:2555–2591, 10.1093/restud/rdad018, section 4.1; optimal intervals
of fixed length: Armstrong & Kolesár 2018, Econometrica 86:655–683, 10.3982/ECTA14434.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import brentq, lsq_linear, minimize_scalar
from scipy.stats import norm

from ennakointi.causal.areas import Floats

ALPHA = 0.05


def folded_normal_quantile(mean: float, level: float = 1 - ALPHA) -> float:
    """Quantile of |N(mean, 1)|; 1.960 at mean 0 and level 0.95, mean + 1.645 far from 0."""
    top = abs(mean) + norm.ppf((1 + level) / 2)

    def excess(value: float) -> float:
        return float(norm.cdf(value - abs(mean)) - norm.cdf(-value - abs(mean)) - level)

    return float(brentq(excess, 0.0, top + 1e-9, xtol=1e-12))


def fixed_length_interval(betahat: Floats, sigma: Floats, n_pre: int, weight: Floats, m: float) -> tuple[float, float]:
    """95 % interval of the weighted effect when the slope of the difference in trends changes by at most `m` a period.

    The estimator is the weighted effect less a combination of the pre-period coefficients that removes any linear
    trend; of all such combinations the one with the shortest interval is taken, worst-case bias included.

    Parameters
    ----------
    betahat, sigma : (T,) coefficients without the reference period, and their (T, T) covariance.
    n_pre : how many of them are before the reference period.
    weight : (T − n_pre,) weights of the effect.
    m : largest change of slope between consecutive periods, in the outcome's units.

    Witness: the README of R's HonestDiD, Medicaid expansions.
    """
    slopes, fixed, constant = _bias_terms(n_pre, weight)
    loading = np.concatenate([np.zeros(n_pre), weight])
    loading[:n_pre] = fixed
    moved = np.vstack([slopes, np.zeros((len(weight), slopes.shape[1]))])
    best = _shortest(sigma, loading, moved, constant, m)
    estimator = loading + moved @ best
    half = _half_length(estimator, sigma, m * (constant + np.abs(best).sum()))
    centre = float(estimator @ betahat)
    return centre - half, centre + half


def _bias_terms(n_pre: int, weight: Floats) -> tuple[Floats, Floats, float]:
    """Pre-period loadings as `fixed + slopes @ a`, and the worst bias per unit of m as `constant + Σ|a|`.

    With δ₀ = 0, δ is a slope and its second differences, so bias = Σ aⱼ Δ²₋ⱼ + post-period terms, where
    aⱼ = Σ_{k>j} (k − j) ℓ₋ₖ; a linear trend cancels when a₀ = Σ t·lₜ. Hence ℓ₋ₖ = aₖ₋₁ − 2aₖ + aₖ₊₁.
    """
    ahead = np.arange(1, len(weight) + 1)
    second = np.eye(n_pre) - 2 * np.eye(n_pre, k=1) + np.eye(n_pre, k=2)  # row k − 1: aₖ₋₁ − 2aₖ + aₖ₊₁
    oldest_first = second[::-1]
    post = [float(np.maximum(ahead - j, 0) @ weight) for j in range(len(weight))]
    return oldest_first[:, 1:], oldest_first[:, 0] * float(ahead @ weight), float(np.abs(post).sum())


def _shortest(sigma: Floats, loading: Floats, moved: Floats, constant: float, m: float) -> Floats:
    """(p,) free terms of the shortest interval: the best point of the lasso path between least variance and bias."""
    if moved.shape[1] == 0:
        return np.zeros(0)
    pull = moved.T @ sigma @ loading
    root = np.linalg.cholesky(moved.T @ sigma @ moved)
    target = solve_triangular(root, pull, lower=True)
    shape = solve_triangular(root, np.eye(len(pull)), lower=True)

    def terms(penalty: float) -> Floats:
        """Least ½ variance + penalty · Σ|a|, by its dual: bounded least squares."""
        if penalty <= 0:
            dual = np.zeros(len(pull))
        else:
            dual = lsq_linear(shape, -target, (-penalty, penalty), method="bvls", tol=1e-14).x
        return np.asarray(-shape.T @ (target + shape @ dual))

    def length(penalty: float) -> float:
        found = terms(penalty)
        return _half_length(loading + moved @ found, sigma, m * (constant + np.abs(found).sum()))

    if m == 0:
        return terms(0.0)
    top = float(np.abs(pull).max())
    inside = minimize_scalar(
        lambda share: length(share * top), bounds=(0, 1), method="bounded", options={"xatol": 1e-5}
    )
    return terms(min((0.0, float(inside.x) * top, top), key=length))


def _half_length(estimator: Floats, sigma: Floats, bias: float) -> float:
    error = float(np.sqrt(estimator @ sigma @ estimator))
    return error * folded_normal_quantile(bias / error)
