"""Effect on enrolled persons: doubly robust comparison with persons of the same index month and the same
history.

A target trial (Hernán & Robins 2016, American Journal of Epidemiology 183:758–764, 10.1093/aje/kwv254):
everybody is followed from an index month; what decided the enrolment — above all earlier use of services —
is a covariate, so that regression to the mean happens in both groups. Persons are never matched on a level
and then differenced (Daw & Hatfield 2018, Health Services Research 53:4138–4156, 10.1111/1475-6773.12993).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t
from sklearn.linear_model import PoissonRegressor

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.randomisation import POWER
from ennakointi.effectiveness.cohorts import Cohort

FOLDS = 5
PRIOR_PRECISION = 20.0  # of the outcome model's coefficients, on standardised covariates
AIMED_DIFFERENCE = 0.05  # standardised difference that the weights aim at
PENALTIES = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001)


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates with (1) and without (0) the intervention in the target population.

    `influence1` and `influence0` are (n,): the estimate's error is their sum, so that clusters add up.
    """

    rate1: float
    rate0: float
    influence1: Floats
    influence0: Floats


@dataclass(frozen=True, eq=False)
class EnrolledEffect:
    """Effect on the logarithm of the rate of enrolled persons, and what makes it believable.

    Attributes
    ----------
    rate, counterfactual : events per person-year of the enrolled, observed and without the intervention.
    crude : log change of the enrolled from the year before; `expected` the same without the intervention.
    balance, balance_before : (p,) standardised differences with and without weights.
    effective_comparison : effective number of comparison persons under the weights.
    """

    estimate: float
    lo95: float
    hi95: float
    p_value: float
    standard_error: float
    detectable: float
    rate: float
    counterfactual: float
    crude: float
    expected: float
    balance: Floats
    balance_before: Floats
    effective_comparison: float
    n_enrolled: int
    n_comparison: int


def enrolled_effect(cohort: Cohort, seed: int) -> EnrolledEffect:
    """Log rate ratio among the enrolled: doubly robust, by balancing weights and a Poisson outcome model.

    Comparison persons are weighted to the enrolled of their own cell and then balanced on history and
    traits; their outcome model is fitted without the persons it is used for. The interval is clustered by
    person.
    """
    covariates = standardised(cohort.covariates)
    weight = np.where(cohort.enrolled, 0.0, 1.0)
    weight[~cohort.enrolled] = balancing_weights(
        covariates[cohort.enrolled], covariates[~cohort.enrolled], _within_cells(cohort)
    )
    fold = _folds(cohort.person, seed)
    predicted = np.zeros(len(fold))
    for held in range(FOLDS):
        fit_on = (fold != held) & ~cohort.enrolled
        predicted[fold == held] = _predicted_rate(covariates, cohort, fit_on)[fold == held]
    rates = doubly_robust_rates(
        cohort.enrolled.astype(float),
        np.column_stack([weight, cohort.enrolled]),
        cohort.events,
        cohort.person_years,
        np.column_stack([predicted, predicted]),
    )
    return _effect(cohort, rates, weight, covariates)


def doubly_robust_rates(
    population: Floats, weights: Floats, events: Floats, exposure: Floats, predicted: Floats
) -> Rates:
    """Augmented weighted rates without and with the intervention; the weights are normalised.

    Parameters
    ----------
    population : (n,) weight of each person in the target population: 1 for the enrolled and 0 for others
        gives the effect on those who took part, 1 for all the effect on everybody.
    weights : (n, 2) that carry the persons without, and with, the intervention to that population; 0 for
        the other arm.
    events, exposure : (n,) outcome and time at risk (ones for a mean per person).
    predicted : (n, 2) predicted rate without and with the intervention; zeros give plain weighting.

    Robins, Rotnitzky & Zhao 1994, Journal of the American Statistical Association 89:846–866,
    10.1080/01621459.1994.10476818. Witness: NHEFS, weight gain after quitting smoking 3.44 (2.41–4.47).
    """
    (rate0, influence0), (rate1, influence1) = (
        _arm(population * exposure, weights[:, arm], events, exposure, predicted[:, arm]) for arm in (0, 1)
    )
    return Rates(rate1, rate0, influence1, influence0)


def balancing_weights(enrolled: Floats, others: Floats, start: Floats) -> Floats:
    """(m,) weights of comparison persons, summing to one: as near to `start` as possible in relative
    entropy, with every mean within 0.05 standard deviations of the enrolled's (the nearest reached when
    that is impossible).

    `enrolled` (k, p) and `others` (m, p) are standardised covariates. Hainmueller 2012, Political Analysis
    20:25–46, 10.1093/pan/mpr025; with an outcome model doubly robust: Zhao & Percival 2017,
    10.1515/jci-2016-0010.
    """
    goal = enrolled.mean(axis=0)
    coefficient = np.zeros(others.shape[1])
    for penalty in PENALTIES:
        coefficient = _balanced(others, goal, start, penalty, coefficient)
        weight = _tilted(others, start, coefficient)
        if np.abs(goal - weight @ others).max() < AIMED_DIFFERENCE:
            break
    return weight


def _tilted(others: Floats, start: Floats, coefficient: Floats) -> Floats:
    score = others @ coefficient
    weight = start * np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def _balanced(others: Floats, goal: Floats, start: Floats, penalty: float, coefficient: Floats) -> Floats:
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
        if np.abs(gradient).max() < 1e-8:
            break
        curvature = (others * weight[:, None]).T @ others - np.outer(mean, mean)
        step = np.linalg.solve(curvature + penalty * np.eye(len(mean)), gradient)
        size = 1.0
        while (tried := loss(coefficient - size * step)) > now and size > 1e-6:
            size /= 2
        coefficient, now = coefficient - size * step, tried
    return coefficient


def _within_cells(cohort: Cohort) -> Floats:
    """(m,) enrolled persons per comparison person in each comparison person's cell."""
    _, place = np.unique(cohort.cell, return_inverse=True)
    one, other = (np.bincount(place, weights=kind) for kind in (cohort.enrolled, ~cohort.enrolled))
    return np.asarray((one / np.maximum(other, 1))[place][~cohort.enrolled])


def _arm(standard: Floats, weight: Floats, events: Floats, exposure: Floats, predicted: Floats) -> tuple[float, Floats]:
    total = standard.sum()
    model = float(standard @ predicted / total)
    scaled = weight * total / (weight @ exposure)
    residual = events - exposure * predicted
    correction = float(scaled @ residual / total)
    influence = (standard * (predicted - model) + scaled * (residual - exposure * correction)) / total
    return model + correction, influence


def clustered(influence: Floats, cluster: Ints) -> float:
    """Standard error of a sum of influences whose clusters are independent."""
    _, place = np.unique(cluster, return_inverse=True)
    sums = np.bincount(place, weights=influence)
    n = len(sums)
    return float(np.sqrt((sums**2).sum() * n / max(n - 1, 1)))


def standardised(values: Floats) -> Floats:
    """(n, p) columns with mean 0 and standard deviation 1; constant columns are left out."""
    spread = values.std(axis=0)
    return np.asarray((values - values.mean(axis=0))[:, spread > 0] / spread[spread > 0])


def standardised_differences(covariates: Floats, enrolled: Bools, weight: Floats) -> Floats:
    """(p,) difference of means, enrolled − weighted comparison, in standard deviations of the enrolled and
    the comparison persons before weighting (Austin 2009, 10.1002/sim.3697)."""
    one, other = covariates[enrolled], covariates[~enrolled]
    mean = np.average(other, axis=0, weights=weight[~enrolled])
    spread = np.sqrt((one.var(axis=0) + other.var(axis=0)) / 2)
    return np.asarray((one.mean(axis=0) - mean) / np.where(spread > 0, spread, 1))


def _folds(person: Ints, seed: int) -> Ints:
    """(n,) fold of each row; all rows of a person are in one."""
    persons, place = np.unique(person, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(persons))
    return np.asarray(order[place] % FOLDS)


def _predicted_rate(covariates: Floats, cohort: Cohort, fit_on: Bools) -> Floats:
    rate = cohort.events / cohort.person_years
    if cohort.events[fit_on].sum() == 0:
        return np.zeros(len(rate))
    penalty = PRIOR_PRECISION / cohort.events[fit_on].sum()
    model = PoissonRegressor(alpha=penalty, solver="newton-cholesky", max_iter=200)
    model.fit(covariates[fit_on], rate[fit_on], sample_weight=cohort.person_years[fit_on])
    return np.asarray(np.minimum(model.predict(covariates), rate[fit_on].max()))


def _effect(cohort: Cohort, rates: Rates, weight: Floats, covariates: Floats) -> EnrolledEffect:
    enrolled = cohort.enrolled
    estimate = _log_ratio(rates.rate1, rates.rate0)
    error = np.nan
    if np.isfinite(estimate):
        error = clustered(rates.influence1 / rates.rate1 - rates.influence0 / rates.rate0, cohort.person)
    effective = float(weight.sum() ** 2 / (weight**2).sum())
    freedom = max(min(int(enrolled.sum()), int(effective)) - 1, 1)
    critical = float(t.ppf(0.975, freedom))
    before = cohort.before_events[enrolled].sum() / cohort.before_person_years[enrolled].sum()
    return EnrolledEffect(
        estimate=estimate,
        lo95=estimate - critical * error,
        hi95=estimate + critical * error,
        p_value=float(2 * t.sf(abs(estimate) / error, freedom)),
        standard_error=error,
        detectable=float((critical + norm.ppf(POWER)) * error),
        rate=rates.rate1,
        counterfactual=rates.rate0,
        crude=_log_ratio(rates.rate1, before),
        expected=_log_ratio(rates.rate0, before),
        balance=standardised_differences(covariates, enrolled, weight),
        balance_before=standardised_differences(covariates, enrolled, np.ones(len(weight))),
        effective_comparison=effective,
        n_enrolled=int(enrolled.sum()),
        n_comparison=len(np.unique(cohort.person[~enrolled])),
    )


def _log_ratio(over: float, under: float) -> float:
    return float(np.log(over / under)) if min(over, under) > 0 else np.nan
