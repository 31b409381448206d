"""Effect on enrolled persons: doubly robust comparison with persons of the same index month and the same
history.

A target trial (Hernán & Robins 2016, American Journal of Epidemiology 183:758–764, 10.1093/aje/kwv254):
everybody is followed from an index month; what decided the enrolment — above all earlier use of services —
is a covariate, so that regression to the mean happens in both groups. Persons are never matched on a level
and then differenced (Daw & Hatfield 2018, Health Services Research 53:4138–4156, 10.1111/1475-6773.12993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

from ennakointi.causal import weighting
from ennakointi.causal.areas import Floats, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.randomisation import POWER
from ennakointi.causal.weighting import Rates
from ennakointi.effectiveness.cohorts import Cohort

PRIOR_PRECISION = 5.0  # of the outcome model's coefficients, on standardised covariates


@dataclass(frozen=True, eq=False)
class EnrolledEffect:
    """Effect on the logarithm of the rate of enrolled persons, and what makes it believable.

    Attributes
    ----------
    rate, counterfactual : events per person-year of the enrolled, observed and without the intervention.
    crude : log change of the enrolled from the year before; `expected` the same without the intervention.
    balance, balance_before : (p,) standardised differences with and without weights.
    effective_comparison : effective number of comparison persons under the weights.
    balancing, outcome_model : the same effect by the weights alone and by the outcome model alone.
    after_first_quarter : log effect without the first quarter after the index month; `with_exposed` with the
        comparison persons whom the intervention may have reached. NaN when there is nothing to leave out.
    weight : (n,) of the cohort's rows, 1 for the enrolled; `rates` with influences of the same rows.
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
    balancing: Numbers
    outcome_model: Numbers
    after_first_quarter: float
    with_exposed: float
    weight: Floats
    rates: Rates


@dataclass(frozen=True, eq=False)
class _Fit:
    """One comparison of a cohort: comparison weights, rates of record and beside it, degrees of freedom."""

    covariates: Floats
    weight: Floats
    record: Rates
    balancing: Rates
    outcome_model: Rates
    freedom: int

    def numbers(self, rates: Rates, cohort: Cohort) -> tuple[Numbers, float]:
        """Log ratio with its interval, and its standard error clustered by person."""
        estimate = rates.log_ratio
        if not np.isfinite(estimate):
            return Numbers(np.nan, np.nan, np.nan), np.nan
        error = weighting.clustered(rates.log_influence, cohort.person)
        critical = float(t.ppf(0.975, self.freedom))
        return Numbers(estimate, estimate - critical * error, estimate + critical * error), error


def enrolled_effect(cohort: Cohort, seed: int) -> EnrolledEffect:
    """Log rate ratio among the enrolled: doubly robust, by balancing weights and a Poisson outcome model.

    Comparison persons are weighted to the enrolled of their own cell and then balanced on history and
    traits; their outcome model is fitted without the persons it is used for. The interval is clustered by
    person. Comparison persons whom the intervention may have reached are left out.
    """
    rows = np.flatnonzero(~cohort.reached)
    used = cohort if len(rows) == len(cohort.person) else cohort.kept(rows)
    found = _fit(used, seed)
    with_exposed = np.nan if used is cohort else _fit(cohort, seed).record.log_ratio
    later = used.after_first_quarter()
    after = np.nan if later is None else _fit(later, seed).record.log_ratio
    return _effect(cohort, used, rows, found, after, with_exposed)


def joint_draws(cohorts: Sequence[Cohort], effects: Sequence[EnrolledEffect], n_draws: int, seed: int) -> Floats:
    """(n_draws, k) rate − counterfactual of several outcomes of the same enrolment, per person-year, drawn together
    by a bootstrap of persons; the cohorts may lack different rows."""
    persons = np.unique(np.concatenate([cohort.person for cohort in cohorts]))
    sums = [
        np.bincount(np.searchsorted(persons, cohort.person), weights=effect.rates.influence, minlength=len(persons))
        for cohort, effect in zip(cohorts, effects, strict=True)
    ]
    draws = weighting.person_draws(np.column_stack(sums), np.arange(len(persons)), n_draws, seed)
    return np.asarray(draws + np.array([effect.rates.difference for effect in effects]))


def _fit(cohort: Cohort, seed: int) -> _Fit:
    enrolled, covariates = cohort.enrolled, weighting.standardised(cohort.covariates)
    weight = np.zeros(len(enrolled))
    goal, others = covariates[enrolled].mean(axis=0), covariates[~enrolled]
    weight[~enrolled] = weighting.balancing_weights(goal, others, _within_cells(cohort))
    events, exposure = cohort.events, cohort.person_years
    fold = weighting.folds(cohort.person, enrolled, seed)
    predicted = weighting.crossfitted(
        covariates, events / exposure, exposure, ~enrolled, fold, "poisson", PRIOR_PRECISION
    )
    population, arms = enrolled.astype(float), np.column_stack([weight, enrolled])

    def rates(model: Floats) -> Rates:
        return weighting.doubly_robust_rates(population, arms, events, exposure, np.column_stack([model, model]))

    freedom = max(min(int(enrolled.sum()), int(weighting.effective(weight))) - 1, 1)
    modelled = weighting.standardised_rates(
        population, covariates, events, exposure, enrolled, "poisson", PRIOR_PRECISION
    )
    return _Fit(covariates, weight, rates(predicted), rates(np.zeros(len(weight))), modelled, freedom)


def _within_cells(cohort: Cohort) -> Floats:
    """(m,) enrolled persons per comparison person in each comparison person's cell."""
    _, place = np.unique(cohort.cell, return_inverse=True)
    one, other = (np.bincount(place, weights=kind) for kind in (cohort.enrolled, ~cohort.enrolled))
    return np.asarray((one / np.maximum(other, 1))[place][~cohort.enrolled])


def _effect(cohort: Cohort, used: Cohort, rows: Ints, found: _Fit, after: float, with_exposed: float) -> EnrolledEffect:
    enrolled, rates = used.enrolled, found.record
    numbers, error = found.numbers(rates, used)
    lived = used.before_person_years[enrolled].sum()
    before = float(used.before_events[enrolled].sum() / lived) if lived > 0 else np.nan
    weight = np.where(enrolled, 1.0, found.weight)
    everyone = np.ones(len(weight))
    critical = float(t.ppf(0.975, found.freedom))
    n = len(cohort.person)
    return EnrolledEffect(
        **numbers._asdict(),
        p_value=float(2 * t.sf(abs(numbers.estimate) / error, found.freedom)),
        standard_error=error,
        detectable=float((critical + norm.ppf(POWER)) * error),
        rate=rates.rate1,
        counterfactual=rates.rate0,
        crude=_log_ratio(rates.rate1, before),
        expected=_log_ratio(rates.rate0, before),
        balance=weighting.standardised_differences(found.covariates, enrolled, weight),
        balance_before=weighting.standardised_differences(found.covariates, enrolled, everyone),
        effective_comparison=weighting.effective(found.weight),
        n_enrolled=int(enrolled.sum()),
        n_comparison=len(np.unique(used.person[~enrolled])),
        balancing=found.numbers(found.balancing, used)[0],
        outcome_model=found.numbers(found.outcome_model, used)[0],
        after_first_quarter=after,
        with_exposed=with_exposed,
        weight=_laid(weight, rows, n),
        rates=Rates(rates.rate1, rates.rate0, *(_laid(v, rows, n) for v in (rates.influence1, rates.influence0))),
    )


def _laid(values: Floats, rows: Ints, n: int) -> Floats:
    """(n,) with 0 in the rows that were left out."""
    whole = np.zeros(n)
    whole[rows] = values
    return whole


def _log_ratio(over: float, under: float) -> float:
    return float(np.log(over / under)) if min(over, under) > 0 else np.nan
