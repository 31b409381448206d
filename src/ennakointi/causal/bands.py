"""Simultaneous (sup-t) bands for several estimates with a joint covariance."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from ennakointi.causal.areas import Floats

DRAWS = 20_000
POINTWISE = float(norm.ppf(0.975))


def critical_value(covariance: Floats, seed: int, level: float = 0.05) -> float:
    """How many standard errors each way hold all estimates at once with probability 1 − level.

    The multiplier bootstrap of Callaway & Sant'Anna (2021, algorithm 1) has, given the data, exactly this covariance
    and a normal limit; that limit is drawn directly (Montiel Olea & Plagborg-Møller 2019, Journal of Applied
    Econometrics 34:1–17, 10.1002/jae.2656, algorithm 1), so no unit has to be drawn.

    Parameters
    ----------
    covariance : (E, E); rows with variance 0 are left out.

    Returns
    -------
    Never less than the pointwise 1.96. Witness: independent estimates need the (1 − level)^(1/E) quantile.
    """
    variance = np.diag(covariance)
    varies = variance > 1e-14 * max(float(variance.max(initial=0.0)), 1e-300)
    if varies.sum() < 2:
        return POINTWISE
    drawn = _largest(covariance[np.ix_(varies, varies)], seed)
    return max(float(np.quantile(drawn, 1 - level)), POINTWISE)


def largest_p(estimate: Floats, covariance: Floats, seed: int) -> float:
    """p-value of the largest |estimate / error| of several, (E,) and (E, E), against none; NaN without any error."""
    variance = np.diag(covariance)
    varies = variance > 1e-14 * max(float(variance.max(initial=0.0)), 1e-300)
    if not varies.any():
        return np.nan
    drawn = _largest(covariance[np.ix_(varies, varies)], seed)
    found = np.abs(estimate[varies] / np.sqrt(variance[varies])).max()
    return float((1 + (drawn >= found).sum()) / (1 + len(drawn)))


def _largest(covariance: Floats, seed: int) -> Floats:
    """(DRAWS,) largest absolute standardised value of normal draws."""
    error = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(error, error))
    known = values > 1e-12 * values[-1]
    root = (vectors[:, known] * np.sqrt(values[known])).T
    rng = np.random.default_rng(seed)
    blocks = (rng.standard_normal((DRAWS // 10, len(root))) @ root for _ in range(10))
    return np.concatenate([np.abs(block).max(axis=1) for block in blocks])
