"""Segmented regression of one series whose interval holds under autocorrelation.

Counts are modelled as exp(offset + level + trend + harmonics + step) with autocorrelated errors on the Pearson
scale, other outcomes as a line with the same terms (segmented regression: Bernal, Cummins & Gasparrini 2017,
International Journal of Epidemiology 46:348–355, 10.1093/ije/dyw098). Instead of one autocorrelation, the
restricted likelihood of a grid of them is averaged, and the t statistic is judged against a parametric bootstrap
without a step whose autocorrelations are drawn from the same likelihood: on a hundred periods one estimated
autocorrelation is too low, and a t table then finds effects that are not there. False positives: `benchmarks`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from ennakointi.causal.areas import Floats, Ints
from ennakointi.errors import DataError

AUTOCORRELATIONS = np.linspace(0, 0.98, 15)  # below zero would make intervals narrower than independent periods
SHARES = np.array([0.4, 0.7, 1.0])  # of the variance that is autocorrelated; the rest is counting noise
MODELS = np.array([(r, s) for r in AUTOCORRELATIONS for s in SHARES if r > 0 or s == 1])
FEWEST_BEFORE, FEWEST_AFTER = 24, 6
INDEPENDENT = MODELS[:1]
DRAWS, FEWEST_DRAWS = 1000, 300
_MOST_DRAWN = 200_000  # draws by periods; in long series the t statistic is near normal anyway
_MOST_CELLS = 3_000_000  # whitened values that are held at a time


@dataclass(frozen=True)
class StepEffect:
    """Step in the log rate after the start; `detectable` is the smallest log step found in 8 of 10 cases."""

    estimate: float
    lo95: float
    hi95: float
    p_value: float
    standard_error: float
    autocorrelation: float
    dispersion: float
    detectable: float
    n_before: int
    n_after: int


def step_effect(
    counts: Floats,
    person_years: Floats,
    months: Ints,
    start: int,
    seed: int,
    harmonics: int = 2,
    washout: int = 0,
) -> StepEffect:
    """Effect of an intervention that started in month `start` on one monthly series without a comparison.

    Parameters
    ----------
    counts, person_years : (T,) events (NaN = month not covered, left out) and time at risk.
    months : (T,) month indices.
    washout : months after the start that are left out.

    Raises
    ------
    DataError
        With fewer than 24 usable months before or 6 after the start, or no events on a side.
    """
    used = ~np.isnan(counts) & (person_years > 0) & ((months < start) | (months >= start + washout))
    counts, person_years, months = counts[used], person_years[used], months[used]
    after = months >= start
    n_before, n_after = int((~after).sum()), int(after.sum())
    if n_before < FEWEST_BEFORE or n_after < FEWEST_AFTER:
        raise DataError(
            f"interrupted series: {n_before} usable months before and {n_after} after the start; "
            f"at least {FEWEST_BEFORE} and {FEWEST_AFTER} are needed"
        )
    if counts[after].sum() == 0 or counts[~after].sum() == 0:
        raise DataError("interrupted series: no events before or after the start, so there is no rate to compare")
    found = fit(counts, segmented_design(months, start, harmonics), months, np.log(person_years))
    judged = judge(found, seed)
    return StepEffect(
        estimate=found.step,
        lo95=judged.lo95,
        hi95=judged.hi95,
        p_value=judged.p_value,
        standard_error=found.error,
        autocorrelation=found.autocorrelation,
        dispersion=found.dispersion,
        detectable=(judged.critical + norm.ppf(0.8)) * found.error,
        n_before=n_before,
        n_after=n_after,
    )


def segmented_design(months: Ints, start: int, harmonics: int, season: int = 12) -> Floats:
    """(T, 3 + 2·harmonics) columns: 1, years, sines and cosines of the year, and the step last."""
    years = (months - months[0]) / season
    step = (months >= start).astype(float)
    columns = [np.ones(len(months)), years - years.mean(), harmonic_columns(months - months[0], season, harmonics)]
    return np.column_stack([*columns, step])


def harmonic_columns(position: Ints, season: int, pairs: int) -> Floats:
    """(T, 2·pairs) sines and cosines of the season; half a season apart only the cosine is there."""
    waves = np.arange(1, pairs + 1)
    angles = 2 * np.pi * np.outer(position / season, waves)
    return np.column_stack([np.sin(angles[:, 2 * waves < season]), np.cos(angles[:, 2 * waves <= season])])


@dataclass(frozen=True, eq=False)
class Fit:
    """A segmented regression averaged over the error models; the effect is the last of its p coefficients.

    Attributes
    ----------
    beta, covariance : (p,) and (p, p) coefficients, and their spread within and between error models.
    likelihood : (R,) restricted likelihood of each of `MODELS`, summing to one.
    design : (T, p) on the scale of the errors; `mean` (T,) and `residual` (T,) of that scale.
    dispersion : variance of the residuals, as a multiple of the mean for counts.
    """

    beta: Floats
    covariance: Floats
    likelihood: Floats
    design: Floats
    mean: Floats
    residual: Floats
    dispersion: float
    position: Ints

    @property
    def step(self) -> float:
        """The effect, on the scale of the link."""
        return float(self.beta[-1])

    @property
    def error(self) -> float:
        """Standard error of the effect."""
        return float(np.sqrt(self.covariance[-1, -1]))

    @property
    def autocorrelation(self) -> float:
        """Correlation of the errors of neighbouring periods."""
        return float(self.likelihood @ MODELS.prod(axis=1))


def fit(values: Floats, design: Floats, position: Ints, log_offset: Floats | None, models: Floats = MODELS) -> Fit:
    """Counts by iterated generalised least squares of the working response, other values by generalised least
    squares (no `log_offset`), each averaged over autocorrelations.

    Parameters
    ----------
    values : (T,) without missing ones.
    design : (T, p) of full rank; the first column is 1, the last one the effect.
    position : (T,) when, so that gaps weaken the autocorrelation.
    log_offset : (T,) for the quasi-Poisson family with log link.
    models : (R, 2) autocorrelation and autocorrelated share; `INDEPENDENT` gives the plain regression.
    """
    filters = _filters(position, models)
    if log_offset is None:
        averaged = _averaged(values, design, filters)
        mean, scale = design @ averaged.beta, np.ones(len(values))
    else:
        averaged, mean = _working(values, design, log_offset, filters)
        scale = np.sqrt(mean)
    residual = (values - mean) / scale
    dispersion = float(residual @ residual / (len(values) - design.shape[1]))
    return Fit(*averaged, design * scale[:, None], mean, residual, dispersion, position)


def _working(values: Floats, design: Floats, log_offset: Floats, filters: _Filters) -> tuple[_Averaged, Floats]:
    """Quasi-Poisson coefficients and means: independent errors first, then averaged autocorrelations."""
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(values.sum() / np.exp(log_offset).sum())
    for _ in range(30):
        response, columns = _linearised(values, design, log_offset, beta)
        beta, move = _moved(beta, np.asarray(np.linalg.lstsq(columns, response)[0], float))
        if move < 1e-4:
            break
    for _ in range(30):
        averaged = _averaged(*_linearised(values, design, log_offset, beta), filters)
        beta, move = _moved(beta, averaged.beta)
        if move < 1e-6:
            break
    return averaged, _mean(design, log_offset, beta)


def _mean(design: Floats, log_offset: Floats, beta: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(log_offset + design @ beta, -30, 30)))


def _linearised(values: Floats, design: Floats, log_offset: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Working response and design on the Pearson scale."""
    mean = _mean(design, log_offset, beta)
    scale = np.sqrt(mean)
    return scale * (design @ beta + (values - mean) / mean), design * scale[:, None]


def _moved(beta: Floats, towards: Floats) -> tuple[Floats, float]:
    """A step that is no longer than 1 in any coefficient, and its length."""
    move = np.clip(towards - beta, -1, 1)
    return beta + move, float(np.abs(move).max())


class Judged(NamedTuple):
    """What a null bootstrap says of the last coefficient; `critical` takes the place of 1.96."""

    lo95: float
    hi95: float
    p_value: float
    critical: float


def judge(found: Fit, seed: int, draws: int = DRAWS) -> Judged:
    """p-value and interval of the effect from t statistics in series without one; they do not depend on the
    coefficients or the scale."""
    rng = np.random.default_rng(seed)
    draws = min(draws, max(FEWEST_DRAWS, _MOST_DRAWN // len(found.mean)))
    models = np.repeat(np.arange(len(MODELS)), rng.multinomial(draws, found.likelihood))
    noise = _noise(MODELS[models], found.position, rng)
    null = np.abs(_null_statistics(noise, found.design, _filters(found.position, MODELS)))
    critical = float(np.quantile(null, 0.95))
    exceeded = int((null >= abs(found.step / found.error)).sum())
    half = critical * found.error
    return Judged(found.step - half, found.step + half, (1 + exceeded) / (1 + draws), critical)


def whitened_residual(found: Fit) -> Floats:
    """(T,) residuals without the modelled autocorrelation, averaged over the error models."""
    return np.asarray(found.likelihood @ _whitened(found.residual[:, None], _filters(found.position, MODELS))[:, :, 0])


def _noise(models: Floats, position: Ints, rng: np.random.Generator) -> Floats:
    """(T, D) series with the autocorrelation and the autocorrelated share of each of D models."""
    autocorrelation, share = models.T
    state = rng.standard_normal(len(models))
    shocks, counting = rng.standard_normal((2, len(position), len(models)))
    states = [state]
    for place, gap in enumerate(np.diff(position), start=1):
        carried = autocorrelation**gap
        state = carried * state + np.sqrt(1 - carried**2) * shocks[place]
        states.append(state)
    return np.sqrt(share) * np.array(states) + np.sqrt(1 - share) * counting


class _Filters(NamedTuple):
    """Kalman filters of the error models: what whitens a series; (T, R) each."""

    gain: Floats
    scale: Floats  # standard deviation of the one-step prediction
    carried: Floats  # autocorrelation to the next period


def _filters(position: Ints, models: Floats) -> _Filters:
    autocorrelation, share = models.T
    carried = autocorrelation ** np.append(np.diff(position), 1)[:, None]
    spread, gains, scales = share, [], []
    for here in carried:
        total = spread + 1 - share
        gains.append(spread / total)
        scales.append(np.sqrt(total))
        spread = here**2 * spread * (1 - share) / total + share * (1 - here**2)
    return _Filters(np.array(gains), np.array(scales), carried)


def _whitened(series: Floats, filters: _Filters) -> Floats:
    """(R, T, D) independent errors of D series (T, D) under each error model."""
    found = np.empty((filters.gain.shape[1], *series.shape))
    ahead = np.zeros((filters.gain.shape[1], series.shape[1]))
    for place, (values, gain, scale, carried) in enumerate(zip(series, *filters)):
        surprise = values - ahead
        found[:, place] = surprise / scale[:, None]
        ahead = carried[:, None] * (ahead + gain[:, None] * surprise)
    return found


class _Averaged(NamedTuple):
    beta: Floats  # (p,)
    covariance: Floats  # (p, p) within and between error models
    likelihood: Floats  # (R,)


def _averaged(response: Floats, design: Floats, filters: _Filters) -> _Averaged:
    """Generalised least squares averaged over the restricted likelihood of the error models."""
    n, p = design.shape
    white = _whitened(np.column_stack([design, response]), filters)
    x, y = white[:, :, :p], white[:, :, p]
    inverse, determinants = _inverse(x, filters)
    beta = np.einsum("rpq,rtq,rt->rp", inverse, x, y, optimize=True)
    rest = ((y - np.einsum("rtp,rp->rt", x, beta)) ** 2).sum(axis=1)
    variance = np.maximum(rest, 1e-14 * (y**2).sum(axis=1)) / (n - p)
    likelihood = _likelihood(determinants, variance, n - p)
    mean = likelihood @ beta
    apart = beta - mean
    within = np.einsum("r,r,rpq->pq", likelihood, variance, inverse)
    return _Averaged(mean, within + (likelihood[:, None] * apart).T @ apart, likelihood)


def _null_statistics(noise: Floats, design: Floats, filters: _Filters) -> Floats:
    """(D,) t statistics of the last coefficient in D series (T, D)."""
    n, p = design.shape
    x = _whitened(design, filters)
    inverse, determinants = _inverse(x, filters)
    found = []
    for some in _chunks(noise):
        y = _whitened(some, filters)
        products = x.transpose(0, 2, 1) @ y
        beta = inverse @ products
        variance = ((y**2).sum(axis=1) - (products * beta).sum(axis=1)) / (n - p)
        likelihood = _likelihood(determinants[:, None], variance, n - p)
        mean = (likelihood * beta[:, -1]).sum(axis=0)
        spread = variance * inverse[:, -1, -1, None] + (beta[:, -1] - mean) ** 2
        found.append(mean / np.sqrt((likelihood * spread).sum(axis=0)))
    return np.concatenate(found)


def _chunks(noise: Floats) -> Iterator[Floats]:
    size = max(1, _MOST_CELLS // (len(noise) * len(MODELS)))
    for first in range(0, noise.shape[1], size):
        yield noise[:, first : first + size]


def _inverse(x: Floats, filters: _Filters) -> tuple[Floats, Floats]:
    """(R, p, p) inverse cross-products of whitened designs, and (R,) log determinants of the restricted likelihood."""
    gram = x.transpose(0, 2, 1) @ x
    determinants = 2 * np.log(filters.scale).sum(axis=0) + np.linalg.slogdet(gram)[1]
    return np.asarray(np.linalg.inv(gram)), np.asarray(determinants)


def _likelihood(determinants: Floats, variance: Floats, df: int) -> Floats:
    """Restricted likelihood of each error model along the first axis, summing to one."""
    score = -0.5 * (determinants + df * np.log(variance))
    likelihood = np.exp(score - score.max(axis=0))
    return np.asarray(likelihood / likelihood.sum(axis=0))
