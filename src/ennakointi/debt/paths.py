"""Whole paths of expected monthly counts ahead of a baseline; what is general about paths is in `sample_paths`.

Functions of arrays. n is the number of baseline months, h of months ahead, p of paths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi import sample_paths
from ennakointi.debt.expected import Floats, Months, season
from ennakointi.sample_paths import COUNTS, THETA, THETA_MINIMUM_MEAN, quantile_ends

__all__ = ["COUNTS", "THETA", "THETA_MINIMUM_MEAN", "Paths", "cumulated_deviations", "quantile_ends", "simulate"]


@dataclass(frozen=True)
class Paths:
    """Simulated monthly counts ahead of a baseline.

    `point` (h,): point forecast, the mean of the paths. `paths` (p, h): counts ≥ 0. `fitted` (n,): level,
    season and working days of the baseline itself. `method`: `theta`, or `counts` when the series was too
    small or too constant for it.
    """

    point: Floats
    paths: Floats
    fitted: Floats
    method: str


def simulate(observed: Floats, expected: Floats, months: Months, ahead: Floats, n_paths: int, seed: int) -> Paths:
    """Paths of the counts that would have come without a disruption.

    The standardised index observed / expected is divided by its season and working days (`expected.season`);
    the rest is continued by a dynamic optimised Theta model with a damped trend and parameter errors
    (`sample_paths.theta_paths`), a small or constant series by counts about its level
    (`sample_paths.count_paths`). Paths are re-centred on the point forecast and multiplied back by season,
    working days and the expected counts of the population to come.

    Measured on 22-month sums after 36 months of baseline (`benchmarks/debt_coverage.py`), mean |error| of the
    sum, 384 simulated null series and 793 of Scottish emergency departments: dynamic Theta 5.6 % and 9.2 %,
    static Theta 7.0 % and 12.8 %, damped ETS 10.4 % and 12.9 %.

    Parameters
    ----------
    observed, expected : shape (n,); contacts, and contacts at baseline rates in the months of the baseline
    months : shape (n,); consecutive month indices of the baseline
    ahead : shape (h,); contacts at baseline rates in the h months that follow
    n_paths, seed : number of paths; the seed that makes them repeatable

    Raises
    ------
    ValueError
        Without a single contact in the baseline (see `expected.season`).
    """
    fitted = season(observed, expected, months)
    scale = ahead * fitted.factors(months[-1] + 1 + np.arange(len(ahead)))
    base = expected * fitted.factors(months)
    level = _steadied(observed / base, base, fitted.level)
    generator = np.random.default_rng(seed)
    if sample_paths.suits_theta(observed, level):
        point, paths = sample_paths.theta_paths(level, len(ahead), n_paths, generator)
        if np.isfinite(point).all() and np.isfinite(paths).all():
            point, paths = sample_paths.recentred(point * scale, paths * scale)
            return Paths(point, paths, base * fitted.level, THETA)
    point = fitted.level * scale
    counts = sample_paths.count_paths(point, level, observed.sum(), fitted.dispersion, n_paths, generator)
    point, paths = sample_paths.recentred(point, counts)
    return Paths(point, paths, base * fitted.level, COUNTS)


def _steadied(level: Floats, base: Floats, centre: float) -> Floats:
    """The index drawn towards its mean in months of little expected use, shape (n,).

    A school nurse's July holds a handful of contacts: its ratio swings by chance alone. Weighting a deviation
    by √(base / median base), at most 1, gives every month about the same Poisson noise.
    """
    weight = np.sqrt(np.minimum(base / np.median(base), 1.0))
    return centre + (level - centre) * weight


def cumulated_deviations(simulated: Paths, skip: int) -> Floats:
    """Each path's cumulated distance from the cumulated point forecast, shape (p, h − skip).

    `skip` months between the baseline and the window are simulated but not cumulated
    (`sample_paths.cumulated_deviations`).
    """
    return sample_paths.cumulated_deviations(simulated.paths[:, skip:], simulated.point[skip:])
