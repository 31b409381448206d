"""Weights and outcome models that make comparison persons alike those with an intervention, on plain arrays.

Everything returns `Rates`: two rates and each row's influence on them, so that errors follow from sums over clusters
and several outcomes can be drawn together (`person_draws`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

from ennakointi.causal.areas import Bools, Floats, Ints

FOLDS, MANY_FOLDS = 5, 20  # many up to `FEW_ROWS`: the draw of the folds then matters less
FEW_ROWS = 20_000
AIMED_DIFFERENCE = 0.05  # standardised difference that the weights aim at
PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)
CLOSE_PENALTIES = (0.1, 1e-3, 1e-4, 1e-5)  # when a smaller difference than `AIMED_DIFFERENCE` is asked for
LEAST_RIDGE = 1e-8
LEAST_GAIN = 1e-12  # of the loss, relatively, in one step
BLOCK = 4096
LARGEST_SCORE = 30.0  # of the linear predictor on the log or logit scale
DRAW_CELLS = 2_000_000  # multipliers in memory at a time
Family = Literal["linear", "logistic", "poisson"]


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates with (1) and without (0) the intervention in the target population.

    `influence1` and `influence0` are (n,): the estimate's error is their sum, so that clusters add up.
    """

    rate1: float
    rate0: float
    influence1: Floats
    influence0: Floats

    @property
    def difference(self) -> float:
        """Rate with − rate without."""
        return self.rate1 - self.rate0

    @property
    def influence(self) -> Floats:
        """(n,) on the difference."""
        return np.asarray(self.influence1 - self.influence0)

    @property
    def log_ratio(self) -> float:
        """NaN unless both rates are above 0."""
        return float(np.log(self.rate1 / self.rate0)) if min(self.rate1, self.rate0) > 0 else np.nan

    @property
    def log_influence(self) -> Floats:
        """(n,) on the log ratio."""
        return np.asarray(self.influence1 / self.rate1 - self.influence0 / self.rate0)


def doubly_robust_rates(
    population: Floats, weights: Floats, events: Floats, exposure: Floats, predicted: Floats
) -> Rates:
    """Augmented weighted rates without and with the intervention; the weights are normalised.

    Parameters
    ----------
    population : (n,) weight of each person in the target population: 1 for the enrolled and 0 for others
        gives the effect on those who took part, 1 for all the effect on everybody.
    weights : (n, 2) that carry the persons without, and with, the intervention to that population; 0 for
        the other arm. They count as known in the influences.
    events, exposure : (n,) outcome and time at risk (ones for a mean per person).
    predicted : (n, 2) predicted rate without and with the intervention; zeros give plain weighting.

    Robins, Rotnitzky & Zhao 1994, Journal of the American Statistical Association 89:846–866,
    10.1080/01621459.1994.10476818. Witness: NHEFS, weight gain after quitting smoking 3.44 (2.41–4.47).
    """
    (rate0, influence0), (rate1, influence1) = (
        _arm(population * exposure, weights[:, arm], events, exposure, predicted[:, arm]) for arm in (0, 1)
    )
    return Rates(rate1, rate0, influence1, influence0)


def _arm(standard: Floats, weight: Floats, events: Floats, exposure: Floats, predicted: Floats) -> tuple[float, Floats]:
    total = standard.sum()
    model = float(standard @ predicted / total)
    scaled = weight * total / (weight @ exposure)
    residual = events - exposure * predicted
    correction = float(scaled @ residual / total)
    influence = (standard * (predicted - model) + scaled * (residual - exposure * correction)) / total
    return model + correction, influence


def standardised_rates(
    population: Floats,
    x: Floats,
    events: Floats,
    exposure: Floats,
    treated: Bools,
    family: Family,
    precision: float = 0.0,
) -> Rates:
    """Rates that an outcome model of each arm predicts for the target population (g-formula), without weights.

    `x` is (n, p) without an intercept. The influences hold the error of the coefficients (robust). Robins 1986,
    Mathematical Modelling 7:1393–1512, 10.1016/0270-0255(86)90088-6. Witness: statsmodels' predictive margins.
    """
    standard = population * exposure
    total, found = standard.sum(), []
    for arm in (~treated, treated):
        of_arm = arm * exposure
        ridge = precision * _dispersion(events / exposure, of_arm, family)
        coefficient = fitted(x, events / exposure, of_arm, family, ridge)
        predicted = _mean(coefficient[0] + x @ coefficient[1:], family)
        slope = _slope(predicted, family)
        curvature = _curvature(x, of_arm * slope)
        curvature[1:, 1:] += ridge * np.eye(x.shape[1])
        gradient = np.append((standard * slope).sum(), (standard * slope) @ x) / total
        rate = float(standard @ predicted / total)
        part = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        influence = standard * (predicted - rate) / total
        influence += arm * (part[0] + x @ part[1:]) * (events - exposure * predicted)
        found.append((rate, influence))
    (rate0, influence0), (rate1, influence1) = found
    return Rates(rate1, rate0, influence1, influence0)


def crossfitted(
    x: Floats, rate: Floats, exposure: Floats, rows: Bools, fold: Ints, family: Family, precision: float = 1.0
) -> Floats:
    """(n,) rates that the outcome model of `rows` predicts, fitted without the fold it is used for, kept within the
    rates it was fitted to. `precision` of a normal prior on the coefficients of standardised `x`.

    Chernozhukov et al. 2018, Econometrics Journal 21:C1–C68, 10.1111/ectj.12097.
    """
    predicted, weight = np.zeros(len(x)), rows * exposure
    ridge = precision * _dispersion(rate, weight, family)
    start = fitted(x, rate, weight, family, ridge)
    for held in range(int(fold.max()) + 1):
        on, use = (fold != held) & rows, fold == held
        coefficient = fitted(x, rate, on * exposure, family, ridge, start)
        score = coefficient[0] + x[use] @ coefficient[1:]
        predicted[use] = np.clip(_mean(score, family), rate[on].min(), rate[on].max())
    return predicted


def _dispersion(rate: Floats, exposure: Floats, family: Family) -> float:
    """Variance of counts per mean, so that a prior weighs the same in visits as in euros; 1 in other families."""
    mean = float(np.average(rate, weights=exposure))
    n = int((exposure > 0).sum())
    return float((exposure @ (rate - mean) ** 2) / (n * mean)) if family == "poisson" and mean > 0 else 1.0


def fitted(
    x: Floats, y: Floats, weight: Floats, family: Family, ridge: float = 0.0, start: Floats | None = None
) -> Floats:
    """(p + 1,) intercept and coefficients of a generalised linear model with its canonical link.

    Newton's method on −Σ weight·log likelihood + ridge/2·|coefficients|²; the intercept is not penalised. McCullagh
    & Nelder 1989, Generalized Linear Models. Witness: statsmodels' GLM. `start` only saves time.
    """
    penalty = np.full(x.shape[1] + 1, max(ridge, LEAST_RIDGE))
    penalty[0] = 0.0
    coefficient = np.zeros(len(penalty))
    coefficient[0] = _linked(float(np.average(y, weights=weight)), family)
    coefficient = coefficient if start is None else start
    score = coefficient[0] + x @ coefficient[1:]
    now = _loss(score, y, weight, family) + penalty @ coefficient**2 / 2
    for _ in range(60):
        mean = _mean(score, family)
        residual = weight * (mean - y)
        gradient = np.append(residual.sum(), residual @ x) + penalty * coefficient
        step = _solved(_curvature(x, weight * _slope(mean, family)) + np.diag(penalty), gradient)
        along = step[0] + x @ step[1:]
        size = 1.0
        while size > 1e-6:
            tried = coefficient - size * step
            loss = _loss(score - size * along, y, weight, family) + penalty @ tried**2 / 2
            if loss <= now:
                break
            size /= 2
        gained = now - loss
        if size > 1e-6:
            coefficient, score, now = tried, score - size * along, loss
        if size <= 1e-6 or family == "linear" or gained <= LEAST_GAIN * (abs(now) + 1):
            break
    return coefficient


def _curvature(x: Floats, weight: Floats) -> Floats:
    """(p + 1, p + 1) weighted products of the columns and an intercept, a block of rows at a time in the cache."""
    found = np.zeros((x.shape[1] + 1, x.shape[1] + 1))
    for first in range(0, len(x), BLOCK):
        part, of_part = x[first : first + BLOCK], weight[first : first + BLOCK]
        found[1:, 1:] += (part * of_part[:, None]).T @ part
        found[0, 1:] += of_part @ part
    found[1:, 0] = found[0, 1:]
    found[0, 0] = weight.sum()
    return found


def _solved(curvature: Floats, gradient: Floats) -> Floats:
    try:
        return np.asarray(cho_solve(cho_factor(curvature), gradient))
    except np.linalg.LinAlgError:
        return np.asarray(np.linalg.lstsq(curvature, gradient, rcond=None)[0])


def _linked(mean: float, family: Family) -> float:
    if family == "linear":
        return mean
    small = np.exp(-LARGEST_SCORE)
    odds = mean if family == "poisson" else mean / max(1 - mean, small)
    return float(np.log(max(odds, small)))


def _mean(score: Floats, family: Family) -> Floats:
    if family == "linear":
        return score
    bounded = np.clip(score, -LARGEST_SCORE, LARGEST_SCORE)
    return np.asarray(np.exp(bounded) if family == "poisson" else expit(bounded))


def _slope(mean: Floats, family: Family) -> Floats:
    """Derivative of the mean, which is the variance too."""
    return np.ones(len(mean)) if family == "linear" else mean if family == "poisson" else mean * (1 - mean)


def _loss(score: Floats, y: Floats, weight: Floats, family: Family) -> float:
    if family == "linear":
        return float(weight @ (score - y) ** 2 / 2)
    whole = _mean(score, family) if family == "poisson" else np.logaddexp(0.0, score)
    return float(weight @ (whole - y * score))


def propensity(x: Floats, treated: Bools) -> Floats:
    """(n,) chance of the intervention given the covariates, by logistic regression (Rosenbaum & Rubin 1983,
    Biometrika 70:41–55, 10.1093/biomet/70.1.41)."""
    coefficient = fitted(x, treated.astype(float), np.ones(len(x)), "logistic")
    return _mean(coefficient[0] + x @ coefficient[1:], "logistic")


def inverse_probability(chance: Floats, treated: Bools, estimand: str) -> Floats:
    """(n, 2) weights without and with the intervention that carry each arm to everybody (`ate`) or the treated
    (`att`)."""
    to = chance if estimand == "att" else np.ones(len(chance))
    return np.column_stack([np.where(treated, 0, to / (1 - chance)), np.where(treated, to / chance, 0)])


def balancing_weights(goal: Floats, others: Floats, start: Floats, aim: float = AIMED_DIFFERENCE) -> Floats:
    """(m,) weights of comparison persons, summing to one: as near to `start` as possible in relative
    entropy, with every mean within `aim` standard deviations of the goal (the nearest reached when
    that is impossible).

    `goal` (p,) means of the target population and `others` (m, p) standardised covariates. Hainmueller 2012,
    Political Analysis 20:25–46, 10.1093/pan/mpr025; with an outcome model doubly robust: Zhao & Percival 2017,
    10.1515/jci-2016-0010.
    """
    coefficient, weight = np.zeros(others.shape[1]), start / start.sum()
    path = PENALTIES if aim >= AIMED_DIFFERENCE else CLOSE_PENALTIES
    for penalty in path if others.shape[1] else ():
        coefficient = _balanced(others, goal, start, penalty, coefficient, aim / 1000)
        weight = _tilted(others, start, coefficient)
        if np.abs(goal - weight @ others).max() < aim:
            break
    return weight


def _tilted(others: Floats, start: Floats, coefficient: Floats) -> Floats:
    score = others @ coefficient
    weight = start * np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def _balanced(
    others: Floats, goal: Floats, start: Floats, penalty: float, coefficient: Floats, precision: float
) -> Floats:
    """Newton's method on the penalised dual of entropy balancing, with halved steps."""

    def loss(value: Floats) -> float:
        score = others @ value
        top = score.max()
        total = np.log((start * np.exp(score - top)).sum())
        return float(top + total - value @ goal + penalty / 2 * value @ value)

    now = loss(coefficient)
    for _ in range(50):
        weight = _tilted(others, start, coefficient)
        mean = weight @ others
        gradient = mean - goal + penalty * coefficient
        if np.abs(gradient).max() < precision:
            break
        curvature = _curvature(others, weight)[1:, 1:] - np.outer(mean, mean)
        step = np.linalg.solve(curvature + penalty * np.eye(len(mean)), gradient)
        size = 1.0
        while (tried := loss(coefficient - size * step)) > now and size > 1e-6:
            size /= 2
        coefficient, now = coefficient - size * step, tried
    return coefficient


def effective(weight: Floats) -> float:
    """Number of equally weighted persons that would be worth as much (Kish): (Σw)²/Σw²."""
    return float(weight.sum() ** 2 / (weight**2).sum())


def numbered(cluster: Ints) -> Ints:
    """(n,) small whole numbers of the clusters, with few gaps."""
    if np.issubdtype(cluster.dtype, np.integer) and cluster.min() >= 0 and cluster.max() < 4 * len(cluster):
        return cluster
    return np.asarray(np.unique(cluster, return_inverse=True)[1], np.int64)


def clustered(influence: Floats, cluster: Ints) -> float:
    """Standard error of a sum of influences whose clusters are independent."""
    place = numbered(cluster)
    sums = np.bincount(place, weights=influence)
    n = int((np.bincount(place) > 0).sum())
    return float(np.sqrt((sums**2).sum() * n / max(n - 1, 1)))


def person_draws(influences: Floats, cluster: Ints, n_draws: int, seed: int) -> Floats:
    """(n_draws, k) joint errors of k estimates: a bootstrap of persons in which each counts a Poisson(1) number of
    times in all estimates at once. Add the estimates.

    `influences` (n, k) of the rows on the estimates, `cluster` (n,) the rows' person. Hanley & MacGibbon 2006,
    Computer Methods and Programs in Biomedicine 83:57–62, 10.1016/j.cmpb.2006.04.006; witness: `clustered`.
    """
    place = numbered(cluster)
    sums = np.column_stack([np.bincount(place, weights=column) for column in influences.T])
    rng, at_a_time = np.random.default_rng(seed), max(1, DRAW_CELLS // len(sums))
    draws = [
        (rng.poisson(1.0, (min(at_a_time, n_draws - done), len(sums))) - 1.0) @ sums
        for done in range(0, n_draws, at_a_time)
    ]
    return np.concatenate(draws)


def standardised(values: Floats) -> Floats:
    """(n, p) columns with mean 0 and standard deviation 1; constant columns are left out."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0))[:, spread > 0] / spread[spread > 0])


def standardised_differences(covariates: Floats, enrolled: Bools, weight: Floats) -> Floats:
    """(p,) difference of weighted means, enrolled − comparison, in standard deviations of the enrolled and
    the comparison persons before weighting (Austin 2009, 10.1002/sim.3697). `weight` is (n,)."""
    one, other = covariates[enrolled], covariates[~enrolled]
    means = [np.average(part, axis=0, weights=weight[rows]) for part, rows in ((one, enrolled), (other, ~enrolled))]
    spread = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 2)
    return np.asarray((means[0] - means[1]) / np.where(spread > 0, spread, 1))


def folds(cluster: Ints, treated: Bools, seed: int) -> Ints:
    """(n,) fold of each row; all rows of a cluster are in one, and each fold has its share of the treated."""
    clusters, place = np.unique(cluster, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(clusters))
    ever = np.bincount(place, weights=treated) > 0
    rank = np.empty(len(clusters), np.int64)
    rank[order[np.argsort(ever[order], kind="stable")]] = np.arange(len(clusters))
    wanted = MANY_FOLDS if len(cluster) <= FEW_ROWS else FOLDS
    return np.asarray(rank[place] % min(wanted, len(clusters)))
