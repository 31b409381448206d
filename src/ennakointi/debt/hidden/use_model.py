"""A model of use: contacts of a person in a period from age, sex, earlier use, statuses and class of use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from ennakointi.debt.hidden.features import Bools, Cohort, Floats, Ints

MOST_PERSONS = 60_000  # in the training of a model; more change little
FOLDS = 2
FEWEST_CONTACTS = 100  # in the training of a model; with fewer everybody gets the mean rate
LARGEST_DISPERSION, SMALLEST_DISPERSION = 1e3, 0.01
TREES: dict[str, Any] = {
    "min_samples_leaf": 30,
    "max_iter": 30,
    "learning_rate": 0.15,
    "max_leaf_nodes": 10,
    "l2_regularization": 30.0,
}


@dataclass(frozen=True, eq=False)
class UseModel:
    """One service's model, applied to two cohorts.

    `trained`, `applied` (n,): expected contacts in the period of the cohort it was trained on and of the one it is
    applied to, 0 outside the area. `dispersion`: shape k of the gamma of mean 1 that separates persons with the same
    expectation, such that the model has as many users as the trained cohort. `spread`: variance of the contacts about
    their expectation per expected contact.
    """

    trained: Floats
    applied: Floats
    dispersion: float
    spread: float


def fit(service: int, train: Cohort, apply: Cohort, areas: Sequence[Bools], seed: int) -> UseModel:
    """Train on one cohort, apply to another.

    Contacts are Poisson given age, sex, use before the period, statuses and class of use; boosted trees of contacts per
    year weighted by years (Friedman 2001, doi:10.1214/aos/1013203451). The expectation of the trained cohort adds up
    to its contacts.

    Parameters
    ----------
    service : place of the service in the store's codes
    areas : (n,) who lives where the register holds the service, for each of the two cohorts
    """
    inside, target = (np.flatnonzero(area & (who.years > 0)) for area, who in zip(areas, (train, apply), strict=True))
    used, years = train.used[inside, service].astype(float), train.years[inside]
    rate, rate_applied = _rates(service, train, apply, inside, target, seed)
    expected = rate * years
    factor = used.sum() / max(expected.sum(), 1e-9)
    here, there = expected * factor, rate_applied * apply.years[target] * factor
    stayed = train.stayed[inside]
    return UseModel(
        _placed(here, inside, train),
        _placed(there, target, apply),
        dispersion(here[stayed], float((used[stayed] > 0).sum())),
        float(((used - here) ** 2).sum() / max(here.sum(), 1e-9)),
    )


def _rates(service: int, train: Cohort, apply: Cohort, inside: Ints, target: Ints, seed: int) -> tuple[Floats, Floats]:
    """Contacts a year of the rows `inside` of the trained cohort and `target` of the other one."""
    used, years = train.used[inside, service].astype(float), train.years[inside]
    if used.sum() < FEWEST_CONTACTS:
        return np.ones(len(inside)), np.ones(len(target))
    here, there = np.zeros(len(inside)), np.zeros(len(target))
    inputs, new = train.inputs(service)[inside], apply.inputs(service)[target]
    fold = np.random.default_rng([seed, service]).permutation(len(inside)) % FOLDS
    for out in range(FOLDS):
        sample = np.flatnonzero(fold != out)[:MOST_PERSONS]
        model = HistGradientBoostingRegressor(loss="poisson", early_stopping=False, random_state=seed, **TREES)
        model.fit(inputs[sample], used[sample] / years[sample], sample_weight=years[sample])
        here[fold == out] = model.predict(inputs[fold == out])
        there += model.predict(new) / FOLDS
    return here, there


def dispersion(expected: Floats, users: float) -> float:
    """Gamma shape k at which persons with these expectations (n,) have so many users: Σ 1 − (1 + μ/k)^−k.

    Witness: two persons with a mean of 1 and one user give k = 1. With as many users as Poisson counts have, or
    more, the largest shape is given.
    """
    low, high = np.log(SMALLEST_DISPERSION), np.log(LARGEST_DISPERSION)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if chance(expected, float(np.exp(middle))).sum() > users else (middle, high)
    return float(np.exp((low + high) / 2))


def chance(expected: Floats, dispersion: float | Floats) -> Floats:
    """Chance of at least one contact given the expectation: 1 − (1 + μ/k)^−k (negative binomial).

    Witness: μ = 1 and k = 1 give ½; k → ∞ gives 1 − e^−μ.
    """
    return np.asarray(-np.expm1(-dispersion * np.log1p(expected / dispersion)))


def _placed(values: Floats, rows: Ints, who: Cohort) -> Floats:
    placed = np.zeros(len(who.years))
    placed[rows] = values
    return placed
