"""Interrupted time series of one count: segmented quasi-Poisson whose interval holds under autocorrelation.

Counts are modelled as exp(offset + level + trend + harmonics + step) with AR(1) errors on the Pearson scale
(segmented regression: Bernal, Cummins & Gasparrini 2017, International Journal of Epidemiology 46:348–355,
10.1093/ije/dyw098). Instead of one autocorrelation, the restricted likelihood of a grid of them is
averaged, and the t statistic is judged against a parametric bootstrap without a step whose autocorrelations
are drawn from the same likelihood: on a hundred months one estimated autocorrelation is too low, and a t
table then finds effects that are not there. False positives: `benchmarks/effects.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import norm

from ennakointi.causal.areas import Floats, Ints
from ennakointi.errors import DataError

AUTOCORRELATIONS = np.linspace(0, 0.98, 15)  # below zero would make intervals narrower than independent months
SHARES = np.array([0.4, 0.7, 1.0])  # of the variance that is autocorrelated; the rest is counting noise
MODELS = [(float(r), float(s)) for r in AUTOCORRELATIONS for s in SHARES if r > 0 or s == 1]
FEWEST_BEFORE, FEWEST_AFTER = 24, 6
DRAWS = 1000


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
    if (~after).sum() < FEWEST_BEFORE or after.sum() < FEWEST_AFTER:
        raise DataError(
            f"interrupted series: {int((~after).sum())} usable months before and "
            "{int(after.sum())} after the start; "
            f"at least {FEWEST_BEFORE} and {FEWEST_AFTER} are needed"
        )
    if counts[after].sum() == 0 or counts[~after].sum() == 0:
        raise DataError("interrupted series: no events before or after the start, so there is no rate to compare")
    design = segmented_design(months, start, harmonics)
    fit = _fit(counts, np.log(person_years), design, months)
    null = _null_statistics(fit, months, seed)
    critical = float(np.quantile(np.abs(null), 0.95))
    p_value = float((1 + (np.abs(null) >= abs(fit.step / fit.error)).sum()) / (1 + len(null)))
    return StepEffect(
        estimate=fit.step,
        lo95=fit.step - critical * fit.error,
        hi95=fit.step + critical * fit.error,
        p_value=p_value,
        standard_error=fit.error,
        autocorrelation=float(fit.likelihood @ np.array([r * s for r, s in MODELS])),
        dispersion=fit.dispersion,
        detectable=(critical + norm.ppf(0.8)) * fit.error,
        n_before=int((~after).sum()),
        n_after=int(after.sum()),
    )


def segmented_design(months: Ints, start: int, harmonics: int) -> Floats:
    """(T, 3 + 2·harmonics) columns: 1, years, sines and cosines of the year, and the step last."""
    years = (months - months[0]) / 12
    angles = 2 * np.pi * np.outer(years, np.arange(1, harmonics + 1))
    step = (months >= start).astype(float)
    return np.column_stack([np.ones(len(months)), years - years.mean(), np.sin(angles), np.cos(angles), step])


@dataclass(frozen=True, eq=False)
class _Fit:
    step: float
    error: float
    dispersion: float
    likelihood: Floats  # (R,) restricted likelihood of each autocorrelation, summing to one
    design: Floats  # (T, p) on the Pearson scale


def _fit(counts: Floats, offset: Floats, design: Floats, months: Ints) -> _Fit:
    """Iterated generalised least squares of the working response with averaged autocorrelation."""
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(counts.sum() / np.exp(offset).sum())
    for _ in range(30):
        mean = np.exp(np.clip(offset + design @ beta, -30, 30))
        scale = np.sqrt(mean)
        response = scale * (design @ beta + (counts - mean) / mean)
        averaged = _averaged(response[:, None], design * scale[:, None], months)
        move = averaged.beta[:, 0] - beta
        beta = beta + np.clip(move, -1, 1)
        if np.abs(move).max() < 1e-6:
            break
    residual = (counts - mean) / scale
    dispersion = float(residual @ residual / (len(counts) - design.shape[1]))
    return _Fit(
        float(averaged.beta[-1, 0]),
        float(np.sqrt(averaged.step_variance[0])),
        dispersion,
        averaged.likelihood[:, 0],
        design * scale[:, None],
    )


@dataclass(frozen=True, eq=False)
class _Averaged:
    beta: Floats  # (p, D)
    step_variance: Floats  # (D,) within and between autocorrelations
    likelihood: Floats  # (R, D)


def _averaged(response: Floats, design: Floats, months: Ints) -> _Averaged:
    """Generalised least squares of D responses (T, D), averaged over the restricted likelihood of the error
    models."""
    n, p = design.shape
    betas, variances, scores = [], [], []
    for covariance in _covariances(months):
        root = np.linalg.cholesky(covariance)
        whiten = solve_triangular(root, np.eye(n), lower=True, check_finite=False)
        x, y = whiten @ design, whiten @ response
        gram = x.T @ x
        inverse = np.linalg.inv(gram)
        beta = inverse @ (x.T @ y)
        sigma2 = ((y - x @ beta) ** 2).sum(axis=0) / (n - p)
        determinants = 2 * np.log(np.diag(root)).sum() + np.linalg.slogdet(gram)[1]
        betas.append(beta)
        variances.append(sigma2 * inverse[-1, -1])
        scores.append(-0.5 * (determinants + (n - p) * np.log(sigma2)))
    score = np.array(scores)
    likelihood = np.exp(score - score.max(axis=0))
    likelihood /= likelihood.sum(axis=0)
    beta_all, variance = np.array(betas), np.array(variances)
    beta = np.einsum("rd,rpd->pd", likelihood, beta_all)
    spread = (beta_all[:, -1] - beta[-1]) ** 2
    return _Averaged(beta, (likelihood * (variance + spread)).sum(axis=0), likelihood)


def _covariances(months: Ints) -> Floats:
    """(R, T, T) correlation of the errors for each error model, by the distance of months."""
    distance = np.abs(months[:, None] - months)
    white = np.eye(len(months))
    return np.array([(1 - s) * white + s * r**distance for r, s in MODELS])


def _null_statistics(fit: _Fit, months: Ints, seed: int, draws: int = DRAWS) -> Floats:
    """(draws,) t statistics of the step in series without one; they do not depend on the coefficients or
    the scale."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(draws, fit.likelihood)
    parts = [
        np.linalg.cholesky(covariance) @ rng.standard_normal((len(months), count))
        for covariance, count in zip(_covariances(months), drawn)
        if count
    ]
    noise = np.hstack(parts)
    averaged = _averaged(noise, fit.design, months)
    return averaged.beta[-1] / np.sqrt(averaged.step_variance)
