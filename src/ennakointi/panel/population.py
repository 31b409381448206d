"""Age bands and age-sex standardisation of rates: direct with weights, indirect with expected counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StandardisedRate:
    """A directly standardised rate: events per person-year in the standard population, with its interval.

    Attributes
    ----------
    rate, crude : events per person-year.
    lo, hi : ends of the interval of `rate`.
    """

    rate: float
    crude: float
    lo: float
    hi: float


@dataclass(frozen=True, eq=False)
class StandardisedRatio:
    """Observed events per expected events (SMR, SIR), with its interval.

    Attributes
    ----------
    observed, expected : events.
    ratio, lo, hi : observed / expected and the ends of its interval; NaN when nothing is expected.
    """

    observed: float
    expected: float
    ratio: float
    lo: float
    hi: float


def age_band_labels(bounds: Sequence[int]) -> tuple[str, ...]:
    """`0–6`, `7–17`, …, `85+` for the lowest ages of the bands, in years.

    Raises
    ------
    ValueError
        The bounds do not start at 0 or do not rise.
    """
    if list(bounds) != sorted(set(bounds)) or bounds[0] != 0:
        raise ValueError(f"age bands {list(bounds)}: give rising lowest ages that start at 0")
    closed = [f"{low}–{high - 1}" if high - low > 1 else f"{low}" for low, high in pairwise(bounds)]
    return (*closed, f"{bounds[-1]}+")


def direct(events: ArrayLike, person_years: ArrayLike, weights: ArrayLike, level: float = 0.95) -> StandardisedRate:
    """Directly standardised rate with the gamma interval of Fay and Feuer.

    Parameters
    ----------
    events, person_years : (K,) events and person-years by stratum.
    weights : (K,) standard population by stratum; only its proportions matter.
    level : coverage of the interval.

    Raises
    ------
    ValueError
        A stratum that carries weight has no person-time: its rate is unknown, not zero.

    Notes
    -----
    With w the weights over their sum and v = Σ w² d / n², the lower end is a gamma quantile with the rate as
    its mean and v as its variance; the upper end adds the largest w/n to the mean and its square to v, as one
    more event in that stratum would. Fay MP, Feuer EJ 1997, Stat Med 16:791–801,
    doi 10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#.
    Witness: the example of that paper (Fleiss 1981, p. 249) as computed by R's epitools.
    """
    d, n, w = _strata(events, person_years, weights)
    if np.any((n <= 0) & (w > 0)):
        raise ValueError("a stratum with weight has no person-time: merge strata or leave it out of the standard")
    used = w > 0
    d, n, w = d[used], n[used], w[used] / w[used].sum()
    share = w / n
    rate, variance, step = float(share @ d), float(share**2 @ d), float(share.max())
    tail = (1 - level) / 2
    upper_rate, upper_variance = rate + step, variance + step**2
    return StandardisedRate(
        rate=rate,
        crude=float(d.sum() / n.sum()),
        lo=_gamma(tail, rate, variance) if rate > 0 else 0.0,
        hi=_gamma(1 - tail, upper_rate, upper_variance),
    )


def stratum_rates(events: ArrayLike, person_years: ArrayLike) -> Floats:
    """Events per person-year by stratum; NaN where there is no person-time."""
    d, n = np.broadcast_arrays(np.asarray(events, dtype=float), np.asarray(person_years, dtype=float))
    return np.divide(d, n, out=np.full(d.shape, np.nan), where=n > 0)


def expected(rates: ArrayLike, person_years: ArrayLike, axis: int | tuple[int, ...] | None = None) -> Floats:
    """Expected events: stratum rates × person-years, summed over `axis`.

    Parameters
    ----------
    rates : events per person-year by stratum, for example of the baseline; broadcast to `person_years`.
    person_years : person-years by stratum (and period).
    axis : the stratum axis or axes; None sums everything.

    Returns
    -------
    Events; NaN where a stratum with person-time has no known rate. One without person-time adds nothing.
    """
    r, n = np.broadcast_arrays(np.asarray(rates, dtype=float), np.asarray(person_years, dtype=float))
    return np.asarray(np.where(n > 0, r * n, 0.0).sum(axis=axis))


def indirect(events: float, rates: ArrayLike, person_years: ArrayLike, level: float = 0.95) -> StandardisedRatio:
    """Standardised ratio of observed to expected events with the exact Poisson interval.

    Parameters
    ----------
    events : observed events, all strata together.
    rates : (K,) events per person-year of the standard.
    person_years : (K,) person-years of the studied population.

    Notes
    -----
    Garwood F 1936, Biometrika 28:437–442, doi 10.1093/biomet/28.3-4.437. Witnesses: Garwood's limits for 0
    and 10 events, statsmodels' `confint_poisson`.
    """
    total = float(expected(rates, person_years))
    tail = (1 - level) / 2
    lo = float(stats.gamma.ppf(tail, events)) if events > 0 else 0.0
    hi = float(stats.gamma.ppf(1 - tail, events + 1))
    unit = 1 / total if total > 0 else np.nan
    return StandardisedRatio(float(events), total, events * unit, lo * unit, hi * unit)


def _gamma(probability: float, mean: float, variance: float) -> float:
    return float(stats.gamma.ppf(probability, mean**2 / variance, scale=variance / mean))


def _strata(*columns: ArrayLike) -> tuple[Floats, ...]:
    arrays = tuple(np.asarray(column, dtype=float).ravel() for column in columns)
    if len({a.size for a in arrays}) != 1:
        raise ValueError(f"strata of different lengths: {[a.size for a in arrays]}")
    if any(np.any(~(a >= 0)) for a in arrays):
        raise ValueError("events, person-years and weights by stratum must be known and not negative")
    return arrays
