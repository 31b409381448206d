"""Regressions with unit and time effects: the treatment's coefficient, the event study, and rate ratios of counts.

Unit effects are removed unit by unit and the rest is solved exactly from normal equations that are summed over blocks
of units, so that unbalanced panels, covariates and 200,000 persons need one pass (least squares) or a few (Poisson,
Newton's method with the unit effects concentrated out: Hausman, Hall & Griliches 1984, 10.2307/1911191). Errors are
cluster-robust (CR1, as pyfixest) with G − 1 degrees of freedom. Witnesses: pyfixest to 8 digits; Proposition 99,
−27.35; Medicaid's expansion in the HonestDiD example (2014: 0.029 to 0.064).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from ennakointi.causal.areas import NEVER, Bools, Floats, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.errors import DataError

REFERENCE = -1  # the period before the start, in which every effect of the event study is 0
BLOCK = 400_000  # numbers of one block of units, so that it stays in the cache
ROUNDS = 50
COLLINEAR = 1e-9
DRAWS = 10_000  # of the largest t

Columns = Callable[[slice], Floats]  # regressors (u, T, k) of a block of units


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Coefficients (k,) with cluster-robust covariance (k, k), NaN where collinear; a rate ratio's are logarithms.

    Attributes
    ----------
    freedom : clusters − 1. n : cells used.
    fitted : (U, T) mean of each used cell, unit and time effects included; NaN elsewhere.
    of_covariates : (q,) coefficients of the covariates, 0 where collinear.
    """

    estimate: Floats
    covariance: Floats
    freedom: int
    n: int
    fitted: Floats
    of_covariates: Floats

    @property
    def first(self) -> Numbers:
        """The first coefficient with its 95 % interval."""
        low, high = self.bounds(float(t_distribution.ppf(0.975, self.freedom)) if self.freedom > 0 else np.nan)
        return Numbers(float(self.estimate[0]), float(low[0]), float(high[0]))

    @property
    def p_value(self) -> float:
        """Of no effect in the first coefficient; NaN without an error."""
        error = float(np.sqrt(self.covariance[0, 0]))
        known = error > 0 and self.freedom > 0
        return float(2 * t_distribution.sf(abs(self.estimate[0]) / error, self.freedom)) if known else np.nan

    def bounds(self, critical: float) -> tuple[Floats, Floats]:
        """(k,) ends of intervals of `critical` standard errors."""
        reach = critical * np.sqrt(np.diag(self.covariance))
        return self.estimate - reach, self.estimate + reach

    def joint_p(self, chosen: Bools) -> float:
        """p-value of the Wald F test that the chosen coefficients are all zero; NaN with too few clusters."""
        chosen = chosen & np.isfinite(self.estimate)
        count = int(chosen.sum())
        if not 0 < count < self.freedom:
            return np.nan
        b, v = self.estimate[chosen], self.covariance[np.ix_(chosen, chosen)]
        return float(f_distribution.sf(b @ np.linalg.pinv(v) @ b / count, count, self.freedom))

    def simultaneous(self, seed: int) -> float:
        """Critical value that holds all intervals at once in 95 % (sup-t of the estimated covariance)."""
        return float(np.quantile(self._largest(np.ones(len(self.estimate), dtype=bool), seed), 0.95))

    def largest_p(self, chosen: Bools, seed: int) -> float:
        """p-value of the largest of the chosen coefficients, for more of them than a Wald test can bear."""
        size = np.abs(self.estimate[chosen]) / np.sqrt(np.diag(self.covariance))[chosen]
        if not np.isfinite(size).any():
            return np.nan
        return float((1 + (self._largest(chosen, seed) >= np.nanmax(size)).sum()) / (1 + DRAWS))

    def _largest(self, chosen: Bools, seed: int) -> Floats:
        """(draws,) largest absolute t of the chosen coefficients when all are zero."""
        scale = np.sqrt(np.diag(self.covariance))
        used = chosen & (scale > 0)
        correlation = self.covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used])
        values, vectors = np.linalg.eigh(correlation)
        rng = np.random.default_rng(seed)
        drawn = rng.standard_normal((DRAWS, int(used.sum()))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
        spread = np.sqrt(rng.chisquare(self.freedom, DRAWS) / self.freedom)
        return np.asarray(np.abs(drawn).max(axis=1, initial=0) / spread)


@dataclass(frozen=True, eq=False)
class _Problem:
    panel: UnitPanel
    known: Bools  # (U, T) cells that are used
    columns: Columns
    n_columns: int

    @property
    def poisson(self) -> bool:
        return self.panel.offset is not None


def known_cells(panel: UnitPanel) -> Bools:
    """(U, T) cells with outcome, offset and covariates; with counts, of units that ever have an event."""
    known = ~np.isnan(panel.values) & ~np.isnan(panel.covariates).any(axis=2)
    if panel.offset is None:
        return known
    known &= ~np.isnan(panel.offset)
    events = np.where(known, panel.values, 0)
    if (events < 0).any():
        raise DataError("the outcome has values below 0: with an offset it must be a count or an amount from 0 on")
    return known & (events.sum(axis=1) > 0)[:, None] & (events.sum(axis=0) > 0)


def under_treatment(panel: UnitPanel) -> Bools:
    """(U, T) cells under the intervention."""
    return np.arange(len(panel.times)) >= panel.starts[:, None]


def effect(panel: UnitPanel) -> Coefficients:
    """The treatment's coefficient in the regression on unit and time effects and covariates.

    Raises
    ------
    DataError
        When the treatment cannot be told from these, or no events are left before or after it.
    """
    under = under_treatment(panel)
    found = _fitted(_Problem(panel, known_cells(panel), lambda part: under[part, :, None].astype(float), 1))
    if not np.isfinite(found.estimate[0]):
        raise DataError(
            "the effect cannot be told from unit and time effects: no unit can be compared with the treated"
        )
    return found


def event_study(panel: UnitPanel) -> tuple[Ints, Coefficients]:
    """Periods since the start (k,), without the reference, and the effect in each.

    Never-treated units are the comparison; without them the last coefficients are collinear and NaN.
    """
    known = known_cells(panel)
    times = np.arange(len(panel.times))
    started = panel.starts < NEVER
    since = np.where(started[:, None], times - panel.starts[:, None], REFERENCE)
    shown = np.unique(since[known & (since != REFERENCE)])
    problem = _Problem(panel, known, lambda part: (since[part, :, None] == shown).astype(float), len(shown))
    return shown, _fitted(problem)


def _fitted(problem: _Problem) -> Coefficients:
    """Newton's method from zero: one step for least squares, a few for counts."""
    size = problem.n_columns + problem.panel.covariates.shape[2] + len(problem.panel.times) - 1
    beta, kept, step = np.zeros(size), np.ones(size, dtype=bool), np.zeros(size)
    likelihood = -np.inf
    for _ in range(ROUNDS if problem.poisson else 1):
        sums = _sums(problem, beta)
        if sums.likelihood < likelihood - 1e-9 * abs(likelihood):
            step = step / 2
            beta = beta - step
            continue
        likelihood, kept = sums.likelihood, independent(sums.gram)
        step = np.zeros(size)
        step[kept] = cho_solve(cho_factor(sums.gram[np.ix_(kept, kept)]), sums.gradient[kept])
        beta = beta + step
        if np.abs(step).max(initial=0) < 1e-9:
            break
    if problem.poisson and np.abs(beta[kept]).max(initial=0) > 30:
        raise DataError("the treated have no events before or after the start: there is no rate ratio")
    return _with_errors(problem, beta, kept)


@dataclass(frozen=True, eq=False)
class _Sums:
    gram: Floats
    gradient: Floats
    likelihood: float


def _sums(problem: _Problem, beta: Floats) -> _Sums:
    """Normal equations at some coefficients, summed over blocks of units."""
    gram, gradient, likelihood = np.zeros((len(beta), len(beta))), np.zeros(len(beta)), 0.0
    for part in _blocks(problem, len(beta)):
        centred, weight, left, mean = _block(problem, part, beta)
        flat = centred.reshape(-1, len(beta))
        gram += (flat * weight.reshape(-1, 1)).T @ flat
        gradient += flat.T @ left.ravel()
        if problem.poisson:
            used = problem.known[part]
            likelihood += float((problem.panel.values[part][used] * np.log(mean[used])).sum())
    return _Sums(gram, gradient, likelihood)


def _blocks(problem: _Problem, size: int) -> Iterator[slice]:
    n_units, n_times = problem.known.shape
    step = max(1, BLOCK // (n_times * max(size, 1)))
    return (slice(first, first + step) for first in range(0, n_units, step))


def _block(problem: _Problem, part: slice, beta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Regressors less their unit means (u, T, p), weights, weighted residuals and fitted means (u, T)."""
    panel, used = problem.panel, problem.known[part]
    n_units, n_times = used.shape
    regressors = np.zeros((n_units, n_times, len(beta)))
    middle = problem.n_columns + panel.covariates.shape[2]
    regressors[:, :, : problem.n_columns] = problem.columns(part)
    regressors[:, :, problem.n_columns : middle] = np.nan_to_num(panel.covariates[part])
    regressors[:, np.arange(1, n_times), np.arange(middle, len(beta))] = 1.0
    values = np.where(used, panel.values[part], 0.0)
    predicted = regressors @ beta
    if panel.offset is None:
        weight = used.astype(float)
        unit_effect = _unit_means(weight, values - predicted)
        mean = unit_effect + predicted
        left = weight * (values - mean)
    else:
        at_risk = np.where(used, panel.offset[part], 0.0) * np.exp(np.clip(predicted, -50, 50))
        total = at_risk.sum(axis=1, keepdims=True)
        mean = at_risk * values.sum(axis=1, keepdims=True) / np.where(total > 0, total, 1.0)
        weight, left = mean, values - mean
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    regressors -= np.einsum("ut,utp->up", share, regressors)[:, None, :]
    return regressors, weight, left, mean


def _unit_means(weight: Floats, values: Floats) -> Floats:
    """(u, 1) means of each unit's used cells; 0 without any."""
    total = weight.sum(axis=1, keepdims=True)
    return np.asarray((weight * values).sum(axis=1, keepdims=True) / np.maximum(total, 1.0))


def independent(gram: Floats) -> Bools:
    """(p,) regressors that are not linear combinations of time effects, covariates and earlier columns."""
    order = np.arange(len(gram))[::-1]  # time effects first, the treatment last
    left = gram[np.ix_(order, order)].copy()
    scale = np.diag(left).copy()
    kept = np.zeros(len(gram), dtype=bool)
    for place in range(len(gram)):
        pivot = left[place, place]
        if pivot <= COLLINEAR * max(scale[place], 1e-300) or scale[place] <= 0:
            continue
        kept[place] = True
        left[place + 1 :, place + 1 :] -= np.outer(left[place + 1 :, place], left[place, place + 1 :]) / pivot
    return kept[::-1]


def _with_errors(problem: _Problem, beta: Floats, kept: Bools) -> Coefficients:
    """Coefficients of the columns with the sandwich of clusters' scores."""
    panel = problem.panel
    size, gram = len(beta), np.zeros((len(beta), len(beta)))
    scores = np.zeros((int(panel.cluster.max()) + 1, size))
    fitted = np.full(problem.known.shape, np.nan)
    for part in _blocks(problem, size):
        centred, weight, left, mean = _block(problem, part, beta)
        flat = centred.reshape(-1, size)
        gram += (flat * weight.reshape(-1, 1)).T @ flat
        np.add.at(scores, panel.cluster[part], np.einsum("utp,ut->up", centred, left))
        fitted[part] = np.where(problem.known[part], mean, np.nan)
    inverse = np.zeros((size, size))
    inverse[np.ix_(kept, kept)] = np.linalg.inv(gram[np.ix_(kept, kept)])
    n, clusters = int(problem.known.sum()), len(np.unique(panel.cluster[problem.known.any(axis=1)]))
    effects = int(kept.sum()) + 1  # unit effects lie inside clusters and cost nothing (Cameron & Miller 2015)
    scale = clusters / max(clusters - 1, 1) * (n - 1) / max(n - effects, 1)
    influence = scores @ inverse[:, : problem.n_columns]
    covariance = scale * influence.T @ influence
    estimate = np.where(kept, beta, np.nan)[: problem.n_columns]
    covariance[~kept[: problem.n_columns]] = np.nan
    covariance[:, ~kept[: problem.n_columns]] = np.nan
    of_covariates = beta[problem.n_columns :][: panel.covariates.shape[2]]
    return Coefficients(estimate, covariance, clusters - 1, n, fitted, of_covariates)
