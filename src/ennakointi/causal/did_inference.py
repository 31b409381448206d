"""Uncertainty of synthetic difference-in-differences: placebos among the donors, bootstrap or jackknife.

Arkhangelsky et al. 2021, algorithms 2–4. Witness: the rank and standard error of California's Proposition 99.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb

import numpy as np
import pandas as pd
from scipy.stats import norm
from scipy.stats import t as t_distribution

from ennakointi.causal.areas import LEVEL, Floats, Ints
from ennakointi.causal.did_weights import Weighted, weighted, with_weights
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.placebos import LIMIT, TIE

MANY_TREATED = 20  # from here on the bootstrap is trusted, if no start has one unit only


@dataclass(frozen=True, eq=False)
class Cohort:
    """Units that start together: `treated` (k, T), `donors` (n, T), `start` in 1 … T − 1, `since` (T,) the start."""

    treated: Floats
    donors: Floats
    start: int
    since: Ints

    @property
    def weight(self) -> int:
        """Treated unit-periods."""
        return len(self.treated) * (self.treated.shape[1] - self.start)

    def moved_back(self) -> Cohort:
        """The periods before the start, as if it had come after two thirds of them."""
        start = (2 * self.start) // 3
        since = np.arange(self.start) - start
        return Cohort(self.treated[:, : self.start], self.donors[:, : self.start], start, since)


@dataclass(frozen=True, eq=False)
class Effects:
    """`effect` over all treated unit-periods; `by_cohort` with batches of one; `since`, `curve` (E,) by event time."""

    effect: float
    by_cohort: tuple[Weighted, ...]
    since: Ints
    curve: Floats


@dataclass(frozen=True, eq=False)
class Draws:
    """Estimates of placebos or resamples: `effects` (D,), `curves` (D, E). `smallest_p` : of their rank test."""

    effects: Floats
    curves: Floats
    smallest_p: float

    def rank_p(self, effect: float) -> float:
        """Share that are at least as far from 0 as the effect, itself counted."""
        beyond = np.abs(self.effects) >= abs(effect) * (1 - TIE)
        return float((1 + beyond.sum()) / (1 + len(beyond)))


@dataclass(frozen=True, eq=False)
class Inference:
    """`method` : placebo, bootstrap, jackknife or none. `draws` : (D,) of placebos or resamples. `jackknife` : standard
    error, NaN with one treated unit."""

    effect: Numbers
    p_value: float
    standard_error: float
    jackknife: float
    method: str
    draws: Floats
    smallest_p: float
    event_study: pd.DataFrame


def estimate(cohorts: list[Cohort], quick: bool = False) -> Effects:
    """The effect and its course since the start; `quick` as in `weighted`."""
    found = [
        weighted(one.treated.mean(axis=0)[None], one.donors[None], one.start, len(one.treated), quick)
        for one in cohorts
    ]
    since, curves = _by_event_time(cohorts, found)
    return Effects(float(_pooled(cohorts, found)[0]), tuple(found), since, curves[0])


def _pooled(cohorts: list[Cohort], found: list[Weighted]) -> Floats:
    """(B,) mean over treated unit-periods (Clarke et al. 2024, equation 8)."""
    return np.average([one.effect for one in found], axis=0, weights=[one.weight for one in cohorts])


def _by_event_time(cohorts: list[Cohort], found: list[Weighted]) -> tuple[Ints, Floats]:
    """Event times (E,) and the mean curves (B, E) over the treated units that are seen then."""
    since = np.unique(np.concatenate([one.since for one in cohorts]))
    total, count = np.zeros((len(found[0].curve), len(since))), np.zeros(len(since))
    for cohort, one in zip(cohorts, found):
        place = np.searchsorted(since, cohort.since)
        total[:, place] += len(cohort.treated) * one.curve
        count[place] += len(cohort.treated)
    return since, total / count


def inference(cohorts: list[Cohort], effects: Effects, seed: int) -> Inference:
    """Standard error, interval and p-value by what the numbers of treated units and donors allow."""
    n_treated, n_donors = sum(len(one.treated) for one in cohorts), len(cohorts[0].donors)
    jackknife = _jackknife(cohorts, effects) if all(len(one.treated) > 1 for one in cohorts) else np.nan
    many = n_treated >= MANY_TREATED and all(len(one.treated) > 1 for one in cohorts)
    drawn = bootstrap(cohorts, seed) if many else placebo_test(cohorts, seed)
    if drawn is None:
        method = "jackknife" if np.isfinite(jackknife) else "none"
        none = Draws(np.zeros(0), np.zeros((0, len(effects.since))), np.nan)
        return _inference(effects, none, method, jackknife, jackknife, float(norm.ppf(1 - LEVEL / 2)))
    error = float(drawn.effects.std())
    if many:
        return _inference(effects, drawn, "bootstrap", error, jackknife, float(norm.ppf(1 - LEVEL / 2)))
    width = float(t_distribution.ppf(1 - LEVEL / 2, n_donors - 1)) if drawn.smallest_p <= LEVEL else np.nan
    return _inference(effects, drawn, "placebo", error, jackknife, width)


def _inference(effects: Effects, drawn: Draws, method: str, error: float, jackknife: float, width: float) -> Inference:
    half = width * error
    p_value = drawn.rank_p(effects.effect) if method == "placebo" else _normal_p(effects.effect, error)
    return Inference(
        Numbers(effects.effect, effects.effect - half, effects.effect + half),
        p_value,
        error,
        jackknife,
        method,
        drawn.effects,
        drawn.smallest_p,
        _event_study(effects, drawn, method, width),
    )


def _normal_p(effect: float, error: float) -> float:
    return float(2 * norm.sf(abs(effect) / error)) if error > 0 else np.nan


def _event_study(effects: Effects, drawn: Draws, method: str, width: float) -> pd.DataFrame:
    """The course with bands: pointwise from the spread of the draws, simultaneous from their largest deviations."""
    table = pd.DataFrame({"since_start": effects.since, "estimate": effects.curve})
    one = every = np.full(len(effects.since), np.nan)
    if len(drawn.effects):
        deviations = drawn.curves - (drawn.curves.mean(axis=0) if method == "bootstrap" else 0)
        spread = np.sqrt((deviations**2).mean(axis=0))
        one = width * spread
        largest = (np.abs(deviations) / np.where(spread > 0, spread, np.inf)).max(axis=1)
        rank = int(np.ceil((1 - LEVEL) * (1 + len(largest)))) - 1
        every = np.sort(largest)[rank] * spread if rank < len(largest) and np.isfinite(width) else every
    return table.assign(
        lo95=effects.curve - one,
        hi95=effects.curve + one,
        lo95_simultaneous=effects.curve - every,
        hi95_simultaneous=effects.curve + every,
    )


def placebo_test(cohorts: list[Cohort], seed: int) -> Draws | None:
    """The estimate with donors in the place of the treated, who are left out; None when donors are too few.

    Every choice where there are at most `LIMIT`, else so many at random; starts keep their numbers of units.
    """
    sizes = [len(one.treated) for one in cohorts]
    n, k = len(cohorts[0].donors), sum(sizes)
    if n <= k or n < 3:
        return None
    rng = np.random.default_rng(seed)
    if k == 1:
        drawn = np.arange(n)[:, None]
    else:
        drawn = np.array([rng.choice(n, k, replace=False) for _ in range(LIMIT)])
    rest = np.array([np.setdiff1d(np.arange(n), one) for one in drawn])
    found, at = [], 0
    for cohort, size in zip(cohorts, sizes):
        pretended = cohort.donors[drawn[:, at : at + size]].mean(axis=1)
        found.append(weighted(pretended, cohort.donors[rest], cohort.start, size, quick=True))
        at += size
    choices = n if k == 1 else comb(n, k)
    return Draws(_pooled(cohorts, found), _by_event_time(cohorts, found)[1], 1 / (1 + min(choices, len(drawn))))


def bootstrap(cohorts: list[Cohort], seed: int) -> Draws:
    """Units drawn with replacement, the treated of each start and the donors apart, and weighed again."""
    rng = np.random.default_rng(seed)
    n = len(cohorts[0].donors)
    kept = rng.integers(n, size=(LIMIT, n))
    found = []
    for cohort in cohorts:
        size = len(cohort.treated)
        pretended = cohort.treated[rng.integers(size, size=(LIMIT, size))].mean(axis=1)
        found.append(weighted(pretended, cohort.donors[kept], cohort.start, size, quick=True))
    return Draws(_pooled(cohorts, found), _by_event_time(cohorts, found)[1], 0.0)


def _jackknife(cohorts: list[Cohort], effects: Effects) -> float:
    """Standard error without each unit in turn, weights fixed; NaN when one donor holds all the weight."""
    found, n = [], len(cohorts[0].donors)
    for donor in range(n):
        if any(one.units[0, donor] >= 1 - 1e-12 for one in effects.by_cohort):
            return np.nan
        found.append(_again(cohorts, effects, np.delete(np.arange(n), donor)))
    for place, cohort in enumerate(cohorts):
        for unit in range(len(cohort.treated)):
            fewer = list(cohorts)
            fewer[place] = replace(cohort, treated=np.delete(cohort.treated, unit, axis=0))
            found.append(_again(fewer, effects, np.arange(n)))
    return float(np.sqrt((len(found) - 1) * np.var(found)))


def _again(cohorts: list[Cohort], effects: Effects, kept: Ints) -> float:
    """The estimate with some donors, whose weights are scaled up to one."""
    found = []
    for cohort, one in zip(cohorts, effects.by_cohort):
        units = one.units[:, kept] / one.units[:, kept].sum()
        treated = cohort.treated.mean(axis=0)[None]
        found.append(with_weights(treated, cohort.donors[kept][None], cohort.start, units, one.times))
    return float(_pooled(cohorts, found)[0])
