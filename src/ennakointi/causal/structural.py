"""Bayesian structural time series: what a series would have been, from its own level, season and other series.

Local level, seasonal effects and a regression with a spike-and-slab prior, fitted before the intervention and
carried on after it (Brodersen et al. 2015, Annals of Applied Statistics 9:247–274, 10.1214/14-AOAS788; priors of
R's CausalImpact 1.3). Gibbs sampler: predictors, coefficients and states are drawn together given the variances,
with the banded precision of the states. Witness: CausalImpact's example, average effect 27 [18, 36].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.linalg.lapack import dpbtrf, dpbtrs, dtbtrs
from scipy.optimize import brentq
from scipy.special import ndtr

from ennakointi.causal.areas import Bools, Floats
from ennakointi.causal.estimates import UNKNOWN, Numbers
from ennakointi.causal.segmented import harmonic_columns
from ennakointi.causal.spike_slab import drawn, prior
from ennakointi.errors import DataError

LEVEL_SD = 0.01  # prior guess of the level's standard deviation, in standard deviations before the start
LEVEL_WEIGHT = 32  # observations that the guess is worth
EXPECTED_R2, R2_WEIGHT = 0.8, 50
SEASON_SD, SEASON_WEIGHT = 0.01, 0.01
LONGEST_SEASON = 24  # longer ones are four pairs of harmonics
DRAWS, FEWEST_DRAWS, BURN = 2500, 500, 200
_MOST_DRAWN = 1_000_000  # draws by periods, predictors and season, between these bounds
FEWEST_BEFORE = 8


@dataclass(frozen=True, eq=False)
class Impact:
    """What happened after the start beside what the model expected, in the outcome's units.

    Attributes
    ----------
    average, cumulative, relative : effect per period, in all, and as a share of the expected.
    tail : one-sided posterior probability that the expected total is as far as the observed one.
    expected : (T, 3) mean and 95 % bounds of each period without the intervention; fitted before the start.
    totals : (H, 3) cumulative effect after the start.
    included, coefficients : (k,) posterior probability and mean of each predictor, in units of outcome a unit.
    level_sd, noise_sd : posterior means, in standard deviations before the start.
    r2 : share of the variance before the start that the fit explains.
    """

    average: Numbers
    cumulative: Numbers
    relative: Numbers
    tail: float
    expected: Floats
    totals: Floats
    included: Floats
    coefficients: Floats
    level_sd: float
    noise_sd: float
    r2: float


def impact(
    values: Floats,
    start: int,
    regressors: Floats,
    season: int,
    seed: int,
    level_sd: float = LEVEL_SD,
    share: float = 1.0,
) -> Impact:
    """Effect after position `start` of a series of which the model saw the periods before.

    Parameters
    ----------
    values : (T,) outcome; NaN where a period is missing.
    regressors : (T, k) series that the intervention does not touch, known in every period.
    season : periods of the season; 1 for none.
    level_sd : prior guess of how far the level moves in a period, in standard deviations before the start.
    share : of the usual number of draws, for what is shown beside an estimate.

    Raises
    ------
    DataError
        Fewer than 8 values before the start or none after it, a constant outcome before it, missing regressors.
    """
    known = ~np.isnan(values)
    _require(values, known, start, regressors)
    before = values[:start][known[:start]]
    centre, unit = before.mean(), before.std(ddof=1)
    x, spread = _standardised(regressors, start)
    n_chosen = x.shape[1]
    if season > LONGEST_SEASON:
        x = np.column_stack([x, harmonic_columns(np.arange(len(values)), season, 4)])
        season = 1
    model = _Model((values[:start] - centre) / unit, x[:start], season, n_chosen)
    draws = np.clip(_MOST_DRAWN // (start * (x.shape[1] + 1 + season)), FEWEST_DRAWS, DRAWS)
    kept = _sampled(model, _mean_after(model, x[start:], known[start:]), seed, level_sd, int(share * draws))
    ahead = _ahead(model, kept, x[start:], np.random.default_rng([seed, 1]))
    shown = np.hstack([kept.fitted + kept.noise_sd[:, None] * kept.shocks, ahead]) * unit + centre
    after = values[start:][known[start:]]
    average, cumulative, relative, tail = _effects(after, kept.means * unit + centre, kept.spreads * unit)
    return Impact(
        average,
        cumulative,
        relative,
        tail,
        expected=_bands(shown, np.append(kept.fitted.mean(axis=0), ahead.mean(axis=0)) * unit + centre),
        totals=_totals(values[start:], shown[:, start:]),
        included=(kept.beta[:, :n_chosen] != 0).mean(axis=0),
        coefficients=kept.beta[:, :n_chosen].mean(axis=0) * unit / spread,
        level_sd=float(kept.level_sd.mean()),
        noise_sd=float(kept.noise_sd.mean()),
        r2=float(1 - np.nanvar(model.y - kept.fitted.mean(axis=0)) / np.nanvar(model.y)),
    )


def _require(values: Floats, known: Bools, start: int, regressors: Floats) -> None:
    n_before, n_after = int(known[:start].sum()), int(known[start:].sum())
    if n_before < FEWEST_BEFORE or not n_after:
        raise DataError(
            f"{n_before} values before and {n_after} after the start; at least {FEWEST_BEFORE} and 1 are needed"
        )
    if np.ptp(values[:start][known[:start]]) == 0:
        raise DataError("the outcome is the same in every period before the start: its noise cannot be learnt")
    if np.isnan(regressors).any() or (np.ptp(regressors[:start], axis=0) == 0).any():
        raise DataError("a regressor is missing in a period, or does not vary before the start")


def _standardised(regressors: Floats, start: int) -> tuple[Floats, Floats]:
    spread = regressors[:start].std(axis=0, ddof=1)
    return (regressors - regressors[:start].mean(axis=0)) / spread, spread


class _Model:
    """A standardised series and the banded pieces of the states' precision.

    The states are the level and, beside it, the effect of the season in each period; each piece is the cross-product
    of a sparse matrix whose rows are innovations, first values or observations.
    """

    def __init__(self, y: Floats, x: Floats, season: int, n_chosen: int) -> None:
        self.y, self.x, self.season = y, x, season
        self.seen = ~np.isnan(y)
        self.first = float(y[self.seen][0])
        self.target = np.where(self.seen, y - self.first, 0)  # the level begins at the first value
        self.width = 1 if season == 1 else 2
        size = len(y) * self.width
        observe = self._rows([[(t, 0)] if season == 1 else [(t, 0), (t, 1)] for t in range(len(y))])
        self.observe = observe
        self.level = self._rows([[(t, 0), (t - 1, 0)] for t in range(1, len(y))], [1, -1])
        sums = [[(t - lag, 1) for lag in range(season)] for t in range(season - 1, len(y))] if season > 1 else []
        self.sums = self._rows(sums)
        firsts = self._rows([[(0, 0)], *([(t, 1)] for t in range(season - 1))])
        self.bands = 1 if season == 1 else 2 * (season - 1)
        self.pieces = np.array(
            [self._banded(rows, size) for rows in (firsts, self.level, self.sums, observe[np.flatnonzero(self.seen)])]
        )
        self.prior = prior(x[self.seen], n_chosen)

    def _rows(self, places: list[list[tuple[int, int]]], signs: list[int] | None = None) -> sparse.csr_matrix:
        """Rows with 1 (or the signs) at the states named as (period, 0 = level or 1 = season)."""
        row = [i for i, one in enumerate(places) for _ in one]
        column = [t * self.width + which for one in places for t, which in one]
        data = [1.0 if signs is None else signs[j] for one in places for j in range(len(one))]
        return sparse.csr_matrix((data, (row, column)), shape=(len(places), len(self.y) * self.width))

    def _banded(self, rows: sparse.csr_matrix, size: int) -> Floats:
        """(bands + 1, size) lower bands of the cross-product."""
        full = (rows.T @ rows).tocsr()
        return np.array([np.append(full.diagonal(-k), np.zeros(k)) for k in range(min(self.bands, size - 1) + 1)])


class _MeanAfter(NamedTuple):
    """The mean of the observed periods after the start as a sum of states, predictors and what is yet to happen."""

    states: Floats  # (size,) weights
    x: Floats  # (k,)
    level: float  # sums of squared weights of the innovations and of the noise
    seasonal: float
    noise: float


def _mean_after(model: _Model, x: Floats, seen: Bools) -> _MeanAfter:
    """A past season goes on as it was; an innovation of the season is taken back in the next period, every season."""
    share, season = seen / seen.sum(), model.season
    weights = np.zeros((len(model.y), model.width))
    weights[-1, 0] = 1
    for ahead, part in enumerate(share) if season > 1 else ():
        if ahead % season == 0:
            weights[-(season - 1) :, 1] -= part
        else:
            weights[-(season - ahead % season), 1] += part
    taken_back = np.tile(np.append([1, -1], np.zeros(max(0, season - 2))), len(x))[: len(x)]
    seasonal = np.correlate(share, taken_back, "full")[len(x) - 1 :] if season > 1 else np.zeros(1)
    level = np.cumsum(share[::-1])
    return _MeanAfter(weights.ravel(), share @ x, level @ level, float(seasonal @ seasonal), float(share @ share))


class _Kept(NamedTuple):
    """Draws after the burn-in, D of each; `means` and `spreads` (D,) are of the mean after the start given the
    variances and predictors."""

    beta: Floats  # (D, k)
    noise_sd: Floats  # (D,)
    level_sd: Floats
    season_sd: Floats
    last: Floats  # (D, season) last level, and the last season − 1 seasonal effects, latest first
    fitted: Floats  # (D, T)
    means: Floats
    spreads: Floats
    shocks: Floats  # (D, T) standard normal


def _sampled(model: _Model, mean_after: _MeanAfter, seed: int, level_sd: float, draws: int) -> _Kept:
    """Gibbs sampler over variances, predictors, coefficients and states."""
    rng = np.random.default_rng(seed)
    n_seen = int(model.seen.sum())
    sides = np.column_stack([model.x * model.seen[:, None], model.target])
    lifted = np.column_stack([model.observe.T @ sides, mean_after.states])
    noise, level, seasonal = 0.5, level_sd**2, SEASON_SD**2
    included, beta = model.prior.inclusion >= 1, np.zeros(model.x.shape[1])
    rows = []
    for sweep in range(draws + BURN):
        if model.season > 1:
            seasonal = _seasonal_variance(model, lifted[:, :-1] @ np.append(-beta, 1), level, seasonal, noise, rng)
        factor = _factor(model, level, seasonal, noise)
        solved = dpbtrs(factor, lifted, lower=1)[0]
        of_mean = mean_after.states @ solved
        solved /= noise
        gap = mean_after.x - of_mean[:-2] / noise
        whitened = (sides - (model.observe @ solved[:, :-1]) * model.seen[:, None]) / noise
        beta, included, moved, unsure = drawn(model.prior, sides[:, :-1].T @ whitened, noise, included, gap, rng)
        shock = dtbtrs(factor, rng.standard_normal(factor.shape[1]), uplo="L", trans="T")[0].ravel()
        states = solved[:, -2] - solved[:, :-2] @ beta + shock
        explained = model.observe @ states + model.x @ beta
        rest = (model.target - explained)[model.seen]
        mean = model.first + of_mean[-2] / noise + moved
        variance = (
            unsure + of_mean[-1] + level * mean_after.level + seasonal * mean_after.seasonal + noise * mean_after.noise
        )
        noise = _noise_variance(model, rest, beta, n_seen, rng)
        level = _variance(LEVEL_WEIGHT, level_sd, model.level @ states, rng)
        if sweep >= BURN:
            recent = states[::-1][: 2 * (model.season - 1) : 2] if model.season > 1 else states[:0]
            last = np.append(states[-model.width], recent)
            rows.append(
                (beta, *np.sqrt([noise, level, seasonal]), last, explained + model.first, mean, np.sqrt(variance))
            )
    shocks = rng.standard_normal((draws, len(model.y)))
    return _Kept._make([*(np.array(column) for column in zip(*rows)), shocks])


def _factor(model: _Model, level: float, seasonal: float, noise: float) -> Floats:
    """Banded Cholesky factor of the states' precision given the series."""
    precisions = np.array([1, 1 / level, 1 / seasonal, 1 / noise])
    return np.asarray(dpbtrf(np.tensordot(precisions, model.pieces, 1), lower=1)[0])


def _seasonal_variance(
    model: _Model, lifted: Floats, level: float, seasonal: float, noise: float, rng: np.random.Generator
) -> float:
    """Two Metropolis steps on the logarithm with the states integrated out: given the states it hardly moves."""

    def score(variance: float) -> float:
        factor = _factor(model, level, variance, noise)
        half = dtbtrs(factor, lifted / noise, uplo="L")[0].ravel()
        expected = SEASON_WEIGHT * (np.log(variance) + SEASON_SD**2 / variance)
        fit = half @ half - model.sums.shape[0] * np.log(variance)
        return float(0.5 * (fit - expected) - np.log(factor[0]).sum())

    now = score(seasonal)
    for shift, chance in zip(rng.normal(0, 2, 2), rng.random(2)):
        other = seasonal * np.exp(shift)
        if 1e-10 < other <= 1 and np.log(chance) < (then := score(other)) - now:
            seasonal, now = float(other), then
    return seasonal


def _variance(weight: float, guess: float, innovations: Floats, rng: np.random.Generator, limit: float = 1.0) -> float:
    """A draw from the inverse gamma posterior of a variance whose standard deviation is at most `limit`."""
    shape = (weight + len(innovations)) / 2
    rate = (weight * guess**2 + innovations @ innovations) / 2
    for _ in range(100):
        variance = rate / rng.gamma(shape)
        if variance <= limit**2:
            return max(float(variance), 1e-10)
    return limit**2


def _noise_variance(model: _Model, rest: Floats, beta: Floats, n_seen: int, rng: np.random.Generator) -> float:
    """Of observations: by the expected R² with predictors, nearly flat without."""
    if not len(beta):
        return _variance(0.01, 1.0, rest, rng, 1.2)
    slab = beta @ model.prior.slab @ beta
    shape = (R2_WEIGHT + n_seen + (beta != 0).sum()) / 2
    return float((R2_WEIGHT * (1 - EXPECTED_R2) + rest @ rest + slab) / 2 / rng.gamma(shape))


def _ahead(model: _Model, kept: _Kept, x: Floats, rng: np.random.Generator) -> Floats:
    """(D, H) draws of the periods after the start as they would have been."""
    level, seasonal = kept.last[:, 0].copy(), kept.last[:, 1:]
    found = kept.beta @ x.T + model.first
    for place, shocks in enumerate(rng.standard_normal((len(x), 3, len(level)))):
        level = level + kept.level_sd * shocks[0]
        found[:, place] += level + kept.noise_sd * shocks[1]
        if model.season > 1:
            effect = kept.season_sd * shocks[2] - seasonal.sum(axis=1)
            found[:, place] += effect
            seasonal = np.column_stack([effect, seasonal[:, :-1]])
    return found


def _effects(observed: Floats, means: Floats, spreads: Floats) -> tuple[Numbers, Numbers, Numbers, float]:
    """Average, cumulative and relative effect and the one-sided tail over the observed periods, whose expected mean
    is a mixture of normal distributions."""
    average, n = float(observed.mean()), len(observed)

    def below(value: float) -> float:
        return float(ndtr((value - means) / spreads).mean())

    ends = (means - 9 * spreads).min(), (means + 9 * spreads).max()
    low, high = (brentq(lambda value, share: below(value) - share, *ends, args=(share,)) for share in (0.025, 0.975))
    mean = float(means.mean())
    effect = Numbers(average - mean, average - high, average - low)
    relative = Numbers(*(average / one - 1 for one in (mean, high, low))) if low > 0 else UNKNOWN
    return effect, effect.scaled(n), relative, min(below(average), 1 - below(average))


def _bands(draws: Floats, mean: Floats) -> Floats:
    """(T, 3) mean and 95 % bounds of draws (D, T)."""
    return np.column_stack([mean, *np.quantile(draws, [0.025, 0.975], axis=0)])


def _totals(observed: Floats, expected: Floats) -> Floats:
    """(H, 3) effect from the start up to each period; missing periods add nothing."""
    effect = np.cumsum(np.where(np.isnan(observed), 0, observed - expected), axis=1)
    return _bands(effect, effect.mean(axis=0))
