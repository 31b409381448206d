"""Repeated looks at the same effect: the error of the verdict is spent over the decision months agreed in advance.

Twelve looks at the 5 % level find an effect that is not there in about a fifth of the cases. Before the first
decision month there is no verdict; at each of them the level is the one of Lan & DeMets 1983 (Biometrika 70:659–663,
10.1093/biomet/70.3.659) at information fractions t = 1/K, 2/K, …, 1. O'Brien & Fleming's spending on each side is
2 − 2Φ(z/√t) with z = Φ⁻¹(1 − α/4), Pocock's α/2 · ln(1 + (e − 1)t). Until the next decision the last level holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.stats import norm

from ennakointi.causal.areas import LEVEL, Floats

OBRIEN_FLEMING, POCOCK, LAST_LOOK_ONLY = "obrien_fleming", "pocock", "last_look_only"
_STEP = 0.004  # of the grid on which the running sum is integrated, in standard deviations at the last look


def level_at(decision_months: Sequence[int], month: int, alpha: float, spending: str) -> float:
    """Significance level of a look in `month`; 0 before the first decision month."""
    passed = sum(decision <= month for decision in decision_months)
    return nominal_levels(len(decision_months), alpha, spending)[passed - 1] if passed else 0.0


@cache
def nominal_levels(looks: int, alpha: float = LEVEL, spending: str = OBRIEN_FLEMING) -> tuple[float, ...]:
    """Two-sided nominal level of each of `looks` looks, together `alpha`.

    Witness: bounds of O'Brien–Fleming's spending for 2 looks 2.963 and 1.969; for 5 looks 4.877, 3.357, 2.680, 2.290
    and 2.031, of Pocock's 2.438, 2.427, 2.410, 2.396 and 2.386 (Jennison & Turnbull 2000, Group Sequential Methods).
    """
    if spending == LAST_LOOK_ONLY or looks == 1:
        return (*[0.0] * (looks - 1), alpha)
    fractions = np.arange(1, looks + 1) / looks
    spent = _spent(fractions, alpha, spending)
    grid = np.arange(-6, 6 + _STEP / 2, _STEP)
    density = np.zeros(0)
    levels, before = [], 0.0
    for look, (fraction, total) in enumerate(zip(fractions, spent)):
        if look == 0:
            reached = norm.pdf(grid, scale=np.sqrt(fraction))
        else:
            kernel = norm.pdf(grid, scale=np.sqrt(fraction - fractions[look - 1])) * _STEP
            reached = np.convolve(density, kernel, mode="same")
        bound = _bound(grid, reached, total - before)
        levels.append(float(2 * norm.sf(bound / np.sqrt(fraction))))
        density, before = np.where(np.abs(grid) < bound, reached, 0.0), total
    return tuple(levels)


def _spent(fractions: Floats, alpha: float, spending: str) -> Floats:
    """(K,) error spent up to each look, both sides together."""
    if spending == POCOCK:
        return np.asarray(alpha * np.log1p((np.e - 1) * fractions))
    return np.asarray(4 * norm.sf(norm.isf(alpha / 4) / np.sqrt(fractions)))


def _bound(grid: Floats, density: Floats, spend: float) -> float:
    """The bound that leaves `spend` of the mass outside, both sides together."""
    upper = grid >= 0
    tail = 2 * np.cumsum((density[upper] * _STEP)[::-1])[::-1] - density[upper] * _STEP
    return float(np.interp(-spend, -tail, grid[upper]))
