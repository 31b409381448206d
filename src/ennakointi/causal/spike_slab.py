"""Regression with a spike-and-slab prior: which predictors matter, and how much.

George & McCulloch 1997 (Statistica Sinica 7:339–373) with Zellner's g-prior as in Scott & Varian 2014
(10.1504/IJMMNO.2014.059942), the prior of R's CausalImpact.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ennakointi.causal.areas import Bools, Floats, Ints

EXPECTED_PREDICTORS = 3
SLAB_WEIGHT, SLAB_DIAGONAL = 0.01, 0.5  # observations that the slab is worth, share of its diagonal
_FLIPS = 8  # predictors that are reconsidered in one sweep


class Prior(NamedTuple):
    """Precision of the k coefficients in units of the noise's, (k, k), and the probability that each is not 0."""

    slab: Floats
    inclusion: Floats


def prior(x: Floats, n_chosen: int) -> Prior:
    """Prior of predictors (n, k), of which the first `n_chosen` may be left out; the level counts as one of them."""
    cross = x.T @ x
    slab = (1 - SLAB_DIAGONAL) * cross + SLAB_DIAGONAL * np.diag(np.diag(cross))
    share = min(1.0, EXPECTED_PREDICTORS / (n_chosen + 1))
    return Prior(slab * SLAB_WEIGHT / max(1, len(x)), np.where(np.arange(x.shape[1]) < n_chosen, share, 1.0))


def drawn(
    prior: Prior, products: Floats, noise: float, included: Bools, gap: Floats, rng: np.random.Generator
) -> tuple[Floats, Bools, float, float]:
    """Predictors in the model and their coefficients; and mean and variance of the coefficients weighted by `gap`.

    Parameters
    ----------
    products : (k, k + 1) cross-products of the predictors with themselves and with the outcome, by the inverse
        covariance of the outcome.
    noise : variance of an observation.
    included : (k,) predictors in the model before.
    gap : (k,) weights of a sum of the coefficients.
    """
    k = len(gap)
    beta = np.zeros(k)
    if not k:
        return beta, included, 0.0, 0.0
    precision, target = products[:, :k] + prior.slab / noise, products[:, k]
    unsure = np.flatnonzero(prior.inclusion < 1)
    if len(unsure):
        included = _chosen(prior, precision, target, noise, included.copy(), unsure, rng)
    place = np.flatnonzero(included)
    root = np.linalg.cholesky(precision[np.ix_(place, place)])
    half, weights = np.linalg.solve(root, np.column_stack([target[place], gap[place]])).T
    beta[place] = np.linalg.solve(root.T, half + rng.standard_normal(len(place)))
    return beta, included, float(weights @ half), float(weights @ weights)


def _chosen(
    prior: Prior,
    precision: Floats,
    target: Floats,
    noise: float,
    included: Bools,
    unsure: Ints,
    rng: np.random.Generator,
) -> Bools:
    """One pass over some of the predictors, each taken or left by its posterior odds."""

    def score(taken: Bools) -> float:
        place = np.flatnonzero(taken)
        square = np.ix_(place, place)
        root = np.linalg.cholesky(precision[square])
        half = np.linalg.solve(root, target[place])
        slab = np.linalg.slogdet(prior.slab[square] / noise)[1]
        return float(0.5 * slab - np.log(np.diag(root)).sum() + 0.5 * half @ half)

    now = score(included)
    for one in rng.permutation(unsure)[:_FLIPS]:
        other = included.copy()
        other[one] = not included[one]
        then = score(other)
        odds = np.log(prior.inclusion[one] / (1 - prior.inclusion[one]))
        gain = then - now + (odds if other[one] else -odds)
        if np.log(rng.random()) < -np.logaddexp(0, -gain):
            included, now = other, then
    return included
