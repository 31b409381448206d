"""Synthetic control on predictors: the weight of each predictor is chosen so that the outcome before the start fits.

A problem on two levels (Abadie & Gardeazabal 2003, 10.1257/000282803321455188; Abadie, Diamond & Hainmueller 2010,
10.1198/jasa.2009.ap08746): donor weights w(v) come nearest to the treated unit's predictors, weighted by v; v makes
the outcome's error before the start least. That error is not convex in v and has kinks: a search from one start, or
by gradients alone, ends far from the optimum (Malo et al. 2023, 10.1007/s10614-023-10471-7). So: many trials of v, a
population that evolves from the best (differential evolution, Storn & Price 1997, 10.1023/A:1008202821328), then
gradient descent from the best of it, with the exact derivative by the donors that hold weight. Where several w(v) fit
the predictors equally well, the one that fits the outcome best is taken (the optimistic form). Witness: California.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize

from ennakointi.causal import simplex
from ennakointi.causal.areas import Bools, Floats

SMALLEST = 1e-6  # weight of a predictor, of the largest one's
LOWEST = float(np.log(SMALLEST))
TIE_BREAK = 1e-8  # weight of the outcome in the inner problem, where predictors weigh one on average
TRIALS = 100
POPULATION, GENERATIONS = 24, 20
STEP, MIX, PULL = 0.9, 0.8, 0.5  # of a difference; share of coordinates that change; how often towards the best
POLISHED = 3


@dataclass(frozen=True, eq=False)
class PredictorFit:
    """`importance` : (K,) v, sums to one. `weights` : (n,) w(v). `loss` : mean squared error before the start."""

    importance: Floats
    weights: Floats
    loss: float


@dataclass(frozen=True, eq=False)
class _Problem:
    """Differences donor − treated: `predictors` (K, n) in standard deviations, `outcomes` (T0, n) in their root mean
    square."""

    predictors: Floats
    outcomes: Floats

    def of(self, donors: Bools) -> _Problem:
        return _Problem(self.predictors[:, donors], self.outcomes[:, donors])

    @cached_property
    def rows(self) -> Floats:
        """(K + T0, n) predictors not yet weighted, and the outcomes that break ties."""
        return np.vstack([self.predictors, TIE_BREAK**0.5 * self.outcomes])

    def weights(self, logs: Floats) -> Floats:
        """(n,) donor weights at v = exp(logs)."""
        importance = np.ones(len(self.rows))
        importance[: len(logs)] = _importance(logs)
        return simplex.hull_weights(self.rows * np.sqrt(importance)[:, None])

    def loss(self, logs: Floats) -> float:
        """Mean squared error before the start, in the outcomes' unit."""
        error = self.outcomes @ self.weights(logs)
        return float(error @ error) / len(error)

    def loss_and_gradient(self, logs: Floats) -> tuple[float, Floats]:
        """Loss, and its derivative by the logs: implicit, on the donors that hold weight."""
        importance = _importance(logs)
        weights = self.weights(logs)
        held = weights > 0
        x, z = self.predictors[:, held], self.outcomes[:, held]
        error, short = z @ weights[held], x @ weights[held]
        n = int(held.sum())
        system = np.zeros((n + 1, n + 1))
        system[:n, :n] = (x.T * importance) @ x + TIE_BREAK * z.T @ z
        system[:n, n] = system[n, :n] = 1
        side = np.append(2 * z.T @ error / len(error), 0)
        adjoint = np.linalg.lstsq(system, side, rcond=1e-14)[0][:n]
        by_importance = -(x @ adjoint) * short
        by_log = importance * (by_importance - (importance @ by_importance) / len(importance))
        return float((error**2).mean()), by_log


def fit(predictors: Floats, outcomes: Floats, seed: int) -> PredictorFit:
    """Donor weights by predictors; the same seed gives the same weights.

    Parameters
    ----------
    predictors : (K, n + 1) one column a unit, the treated one first. outcomes : (T0, n + 1) before the start.
    """
    spread = predictors.std(axis=1, ddof=1)
    spread = np.where(spread > 1e-12 * np.abs(predictors).max(axis=1), spread, np.inf)
    away = outcomes[:, 1:] - outcomes[:, :1]
    size = float(np.sqrt((away**2).mean())) or 1.0
    if len(away) > away.shape[1]:  # as many rows as donors hold the same squared error
        away = np.linalg.qr(away, mode="r") * np.sqrt(away.shape[1] / len(away))
    problem = _Problem((predictors[:, 1:] - predictors[:, :1]) / spread[:, None], away / size)
    if len(predictors) == 1 or away.shape[1] == 1:
        best = np.zeros(len(predictors))
    else:
        best = _search(problem, _trials(predictors / spread[:, None], outcomes, seed), seed)
    return PredictorFit(_importance(best) / len(best), problem.weights(best), problem.loss(best) * size**2)


def _search(problem: _Problem, trials: Floats, seed: int) -> Floats:
    """(K,) logs of the best v that is found from the trials (M, K)."""
    weights = np.array([problem.weights(one) for one in trials])
    losses = ((problem.outcomes @ weights.T) ** 2).mean(axis=0)
    chosen = np.argsort(losses, kind="stable")[:POPULATION]
    smaller = problem.of(np.asarray((weights > 0).any(axis=0)))  # donors that no trial uses are left to the descent
    members = _evolved(smaller.loss, trials[chosen], losses[chosen], seed)
    descended = [_descend(problem, one) for one in members[:POLISHED]]
    return min(descended, key=lambda found: found[1])[0]


def _evolved(loss: Callable[[Floats], float], members: Floats, losses: Floats, seed: int) -> Floats:
    """The population after some generations, the best first."""
    rng = np.random.default_rng(seed)
    members, losses = members.copy(), losses.copy()
    n, k = members.shape
    for _ in range(GENERATIONS):
        pairs, pulled = rng.integers(n, size=(n, 2)), rng.random((n, 1)) < PULL
        way = members[pairs[:, 0]] - members[pairs[:, 1]] + pulled * (members[losses.argmin()] - members)
        changed = members + np.where(rng.random((n, k)) < MIX, STEP * way, 0)
        changed = np.clip(changed - changed.max(axis=1, keepdims=True), LOWEST, 0)
        found = np.array([loss(one) for one in changed])
        better = found <= losses
        members[better], losses[better] = changed[better], found[better]
    return members[np.argsort(losses, kind="stable")]


def _descend(problem: _Problem, start: Floats) -> tuple[Floats, float]:
    bounds = [(LOWEST, 0.0)] * len(start)
    options = {"maxiter": 40, "ftol": 1e-8}
    found = minimize(problem.loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(found.x), float(found.fun)


def _trials(scaled: Floats, outcomes: Floats, seed: int) -> Floats:
    """(M, K) logs of v to try: equal, by regression of the outcome, each predictor foremost, and drawn ones."""
    k = len(scaled)
    centred = (scaled - scaled.mean(axis=1, keepdims=True)).T
    slopes = np.linalg.lstsq(centred, (outcomes - outcomes.mean(axis=1, keepdims=True)).T, rcond=None)[0]
    drawn = np.random.default_rng(seed).dirichlet(np.full(k, 0.3), TRIALS)
    rows = np.vstack([np.ones(k), (slopes**2).sum(axis=1) + 1e-300, np.full((k, k), 0.01) + np.eye(k), drawn + 1e-300])
    return np.clip(np.log(rows / rows.max(axis=1, keepdims=True)), LOWEST, 0)


def _importance(logs: Floats) -> Floats:
    """(K,) v, one on average."""
    found = np.exp(logs - logs.max())
    return np.asarray(found * (len(found) / found.sum()))
