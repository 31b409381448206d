"""Persons' risks added up to demand: the whole distribution of how many come to have a need, by area and group.

Given what happens to an area, persons are independent (Poisson-binomial). What happens to an area is not known: its
mean risk is beta-distributed, so persons of an area are alike, as in the beta-binomial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr
from scipy.stats import beta, norm, t

from ennakointi.errors import ParameterError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Labels = NDArray[np.object_]

ALL = "all"
COVERAGES = {"80": 0.8, "90": 0.9}
LEAST_RISK = 1e-12
RISK_CLASSES = 256  # so many different risks are kept as they are; more are classed
CLASS_WIDTH = 0.1  # of log odds: the variance of a sum of risks p changes by less than p/1000
REACH = 10.0  # standard deviations kept on both sides of a mean
ODDS_REACH = 6.0  # the same of what happens to an area
PRIOR_AREA, PRIOR_AREA_WEIGHT = 0.05**2, 4.0  # variance of the log odds: areas differ by 5 %; as if seen in 4 areas
PRIOR_LEVEL, PRIOR_LEVEL_WEIGHT = 0.07**2, 2.0  # the whole level moves by 7 %; as if seen at 2 days of prediction


@dataclass(frozen=True)
class Dependence:
    """How alike persons' outcomes are: variances of the log odds of what happens to all and to an area.

    Attributes
    ----------
    area : of one area beside the others; `level` : of every area together, between days of prediction.
    """

    area: float = 0.0
    level: float = 0.0

    def of(self, shares: Floats) -> float:
        """Variance of a sum's log odds; `shares` (A,): its areas' shares of the information, adding up to 1."""
        return self.level + self.area * float(np.square(shares).sum())


@dataclass(frozen=True, eq=False)
class Total:
    """Distribution of a number of persons.

    Attributes
    ----------
    first : the least number; `probability` : (k,) of first, first + 1, …
    expected : sum of the risks; `correlation` : of two persons' outcomes.
    """

    first: int
    probability: Floats
    expected: float
    correlation: float

    def quantile(self, level: float) -> float:
        """The least number that is not exceeded with the probability `level`."""
        reached = np.searchsorted(np.cumsum(self.probability), level - 1e-12)
        return float(self.first + min(int(reached), len(self.probability) - 1))

    def interval(self, coverage: float) -> tuple[float, float]:
        """Ends, both inside, that leave at most (1 − coverage) / 2 on each side."""
        return self.quantile((1 - coverage) / 2), self.quantile((1 + coverage) / 2)


def distribution(risk: Floats, area: Labels | None = None, dependence: Dependence | None = None) -> Total:
    """Distribution of the number of those with the need.

    Parameters
    ----------
    risk : (n,) chances of the need within the horizon
    area : (n,) the areas of the persons, one area for all when None
    dependence : independent persons when None

    Notes
    -----
    Persons' log odds move together so that the area's mean risk is Beta(p̄, ρ): with one risk for everyone this is the
    beta-binomial. ρ = v·(V/n)² / (p̄(1 − p̄)), where v is the variance of the log odds and V = Σ p(1 − p), so that the
    variance of the sum is V + v·V². Sums over areas have the v that their areas' shocks, independent of each other,
    and the common one leave. Witnesses: brute force, R's poibin, scipy's betabinom, simulation.
    """
    if not len(risk):
        return Total(0, np.ones(1), 0.0, 0.0)
    p, n = _classes(risk)
    information = float(n @ (p * (1 - p)))
    variance = 0.0 if dependence is None else dependence.of(_shares(risk, area))
    mean = float(n @ p / n.sum())
    correlation = min(variance * (information / n.sum()) ** 2 / (mean * (1 - mean)), 0.99)
    expected = float(np.sum(risk))
    if correlation <= 0:
        first, probability = _poisson_binomial(p, n)
        return Total(first, probability, expected, 0.0)
    return _mixed(p, n, correlation, expected)


def rows(
    risk: Floats,
    area: Labels,
    groups: Mapping[str, Bools],
    service: str,
    contacts_per_case: float,
    dependence: Dependence,
) -> pd.DataFrame:
    """Table `need_demand` of one outcome and horizon, without their columns.

    Parameters
    ----------
    risk, area : (n,) of the residents at risk: chance of the need, municipality
    groups : target group → (n,) whether the person belongs to it; they are told for the whole area
    contacts_per_case : mean contacts with `service` in the horizon of those who newly had the need; NaN: not known
    """
    everyone = np.ones(len(risk), bool)
    cells = [(ALL, ALL, everyone), *((ALL, str(code), area == code) for code in np.unique(area))]
    cells += [(group, ALL, member) for group, member in groups.items() if group != ALL]
    made = []
    for group, municipality, inside in cells:
        if not inside.any():
            continue
        total = distribution(risk[inside], area[inside], dependence)
        row = {"target_group": group, "service": service, "municipality": municipality, "expected": total.expected}
        for name, coverage in COVERAGES.items():
            row[f"expected_lo{name}"], row[f"expected_hi{name}"] = total.interval(coverage)
        row |= {"contacts": total.expected * contacts_per_case, "dependence": total.correlation}
        made.append(row | {"n_persons": int(inside.sum())})
    return pd.DataFrame(made)


def cells(origin: str, area: Labels, risk: Floats, event: Bools) -> pd.DataFrame:
    """One row an area: what was observed after an earlier day of prediction and what had been expected, for `spread`.

    `risk` must have been foretold as the real ones are: by a model of a still earlier day.
    """
    frame = pd.DataFrame({"area": area, "observed": event, "expected": risk, "information": risk * (1 - risk)})
    summed = frame.groupby("area", observed=True).sum().astype(float).reset_index()
    return summed.assign(origin=origin)


def spread(past: pd.DataFrame) -> Dependence:
    """How alike persons are, from observed − expected by area and earlier day of prediction.

    Parameters
    ----------
    past : columns origin, area, observed, expected, information, as of `cells`

    Notes
    -----
    Method of moments. (observed − expected) / information estimates what moved the area's log odds, with the variance
    1 / information: the areas' variance is that of DerSimonian & Laird 1986, 10.1016/0197-2456(86)90046-2 (witness:
    statsmodels' combine_effects), the common level's the mean square over days less what areas and chance bring.
    Both are drawn towards a modest variance as if that had been seen at a few more areas or days, and never fall
    below 0: a few days cannot show that nothing ever changes.
    """
    if missing := {"origin", "area", "observed", "expected", "information"} - set(past.columns):
        raise ParameterError(f"the columns {', '.join(sorted(missing))} are missing: give what `demand.cells` returns")
    known = past[past["information"] > 0]
    days = [day for _, day in known.groupby("origin", sort=True)]
    parts = [_moments(day["observed"] - day["expected"], day["information"]) for day in days]
    area = _area_variance(parts)
    levels = [part.shift**2 - part.noise - area * part.concentration for part in parts]
    freedom = len(levels) + PRIOR_LEVEL_WEIGHT
    drawn = max(float(sum(levels) + PRIOR_LEVEL_WEIGHT * PRIOR_LEVEL) / freedom, 0.0)
    return Dependence(area, drawn * float(t.ppf(0.95, freedom) / norm.ppf(0.95)) ** 2)


@dataclass(frozen=True)
class _Moments:
    """Of one day of prediction: Cochran's Q over areas, its degrees of freedom, what a unit of variance adds to it;
    the shift of the level, its variance by chance, and the areas' concentration Σ shares²."""

    q: float
    freedom: int
    scale: float
    shift: float
    noise: float
    concentration: float


def _moments(excess: pd.Series, information: pd.Series) -> _Moments:
    v, e = information.to_numpy(float), excess.to_numpy(float)
    total, shift = v.sum(), e.sum() / v.sum()
    concentration = float(np.square(v / total).sum())
    q = float((v * (e / v - shift) ** 2).sum())
    return _Moments(q, len(v) - 1, float(total * (1 - concentration)), float(shift), float(1 / total), concentration)


def _area_variance(parts: list[_Moments]) -> float:
    """DerSimonian–Laird over all days, drawn towards the prior and floored at 0."""
    freedom, scale = sum(p.freedom for p in parts), sum(p.scale for p in parts)
    told = (sum(p.q for p in parts) - freedom) / scale if scale > 0 else 0.0
    drawn = (freedom * told + PRIOR_AREA_WEIGHT * PRIOR_AREA) / (freedom + PRIOR_AREA_WEIGHT)
    return max(float(drawn), 0.0)


def _shares(risk: Floats, area: Labels | None) -> Floats:
    """(A,) shares of the information of the areas."""
    if area is None:
        return np.ones(1)
    information = np.bincount(np.unique(area, return_inverse=True)[1], weights=risk * (1 - risk))
    return np.asarray(information / max(information.sum(), LEAST_RISK), dtype=float)


def _classes(risk: Floats) -> tuple[Floats, Floats]:
    """Risks (B,) and how many persons have each (B,); risks close to each other share their mean when they are
    many."""
    inside = np.clip(np.asarray(risk, dtype=float), LEAST_RISK, 1 - LEAST_RISK)
    different, place = np.unique(inside, return_inverse=True)
    if len(different) > RISK_CLASSES:
        place = np.unique(np.floor(logit(inside) / CLASS_WIDTH), return_inverse=True)[1]
    n = np.bincount(place).astype(float)
    return np.bincount(place, weights=inside) / n, n


def _poisson_binomial(p: Floats, n: Floats) -> tuple[int, Floats]:
    """First number and the probabilities from it on, of `n` persons with each risk `p`.

    The characteristic function inverted by the discrete Fourier transform (Hong 2013, 10.1016/j.csda.2012.10.006), on
    the numbers within `REACH` standard deviations of the mean: what lies outside is below 1e-20.
    """
    mean, error = float(n @ p), float(np.sqrt(n @ (p * (1 - p))))
    first = max(0, int(np.floor(mean - REACH * error - 20)))
    width = min(int(n.sum()), int(np.ceil(mean + REACH * error + 20))) - first + 1
    angle = 2 * np.pi * np.arange(width // 2 + 1) / width
    cos, sin = np.cos(angle), np.sin(angle)
    size = 1 - 2 * np.outer(p * (1 - p), 1 - cos)
    turn = np.arctan2(np.outer(p, sin), 1 - p[:, None] + np.outer(p, cos))
    logs = 0.5 * (n @ np.log(np.maximum(size, 1e-300)))
    transform = np.exp(logs - 1j * (n @ turn - angle * first))
    return first, np.maximum(np.fft.irfft(transform, width), 0.0)


def _mixed(p: Floats, n: Floats, correlation: float, expected: float) -> Total:
    """The Poisson-binomial averaged over the area's beta-distributed mean risk.

    On evenly spaced normal scores of the mean risk, no wider apart than the numbers of persons spread by themselves.
    """
    mean, size = float(n @ p / n.sum()), float(n.sum())
    alone = np.sqrt(n @ (p * (1 - p)))
    together = size * np.sqrt(correlation * mean * (1 - mean))
    step = min(0.25, alone / together)
    score = np.arange(-ODDS_REACH, ODDS_REACH + step / 2, step)
    weight = np.exp(-0.5 * score**2)
    many = 1 / correlation - 1
    rates = beta.ppf(ndtr(score), mean * many, (1 - mean) * many)
    shifts = _shifts(p, n, np.clip(rates, LEAST_RISK, 1 - LEAST_RISK))
    parts = [_poisson_binomial(expit(logit(p) + shift), n) for shift in shifts]
    first, last = min(at for at, _ in parts), max(at + len(part) for at, part in parts)
    probability = np.zeros(last - first)
    for (at, part), w in zip(parts, weight / weight.sum(), strict=True):
        probability[at - first : at - first + len(part)] += w * part
    return Total(first, probability / probability.sum(), expected, correlation)


def _shifts(p: Floats, n: Floats, rates: Floats) -> Floats:
    """(K,) shifts of everyone's log odds that give the mean risks `rates` (K,).

    By bisection: the mean risk grows with the shift, which lies between the farthest persons' distances.
    """
    odds, target = logit(p), logit(rates)
    low, high = target - odds.max(), target - odds.min()
    for _ in range(60):
        middle = (low + high) / 2
        above = n @ expit(odds[:, None] + middle) / n.sum() > rates
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray((low + high) / 2, dtype=float)
