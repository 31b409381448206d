"""The models of every service for one period, and how they did in earlier, undisturbed periods (placebo origins)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi.debt.hidden import use_model
from ennakointi.debt.hidden.features import Cohort, Floats

FEWEST_EXPECTED = 200.0  # contacts of a placebo period; with fewer a service tells nothing of the model's error
TYPICAL_ERROR = 0.02  # of a model, log scale: says from where on a larger service counts no more
LARGEST_CORRELATION = 0.98
PRIOR_TOTAL, PRIOR_PERIODS = 0.5, 2  # error of the total per error of a service, before placebo periods, and its weight


@dataclass(frozen=True, eq=False)
class Fitted:
    """Models of all services (S), trained on one cohort (n) and applied to another (m); the last column, S, is any
    service.

    `trained` (n, S + 1), `applied` (m, S + 1): expected contacts in the period. `used` (n, S + 1), `observed`
    (m, S + 1): contacts; 0 outside the service's area. `dispersion`, `spread` (S + 1,): see `UseModel`.
    """

    train: Cohort
    apply: Cohort
    trained: Floats
    applied: Floats
    used: Floats
    observed: Floats
    dispersion: Floats
    spread: Floats


def fitted(train: Cohort, apply: Cohort, areas: Sequence[Sequence[str]], codes: Sequence[str], seed: int) -> Fitted:
    """The models of all services; `areas` (S,) the municipalities of each, `codes` the store's municipalities."""
    columns = []
    for service, area in enumerate(areas):
        inside = [who.within(area, codes) for who in (train, apply)]
        model = use_model.fit(service, train, apply, inside, seed)
        counts = [who.used[:, service] * here for who, here in zip((train, apply), inside, strict=True)]
        columns.append((model.trained, model.applied, *counts, model.dispersion, model.spread))
    parts = [np.array([column[place] for column in columns]).T for place in range(6)]
    trained, applied, used, observed = (np.column_stack([part, part.sum(axis=1)]).astype(float) for part in parts[:4])
    users = float((used[train.stayed, -1] > 0).sum())
    any_service = use_model.dispersion(trained[train.stayed, -1], users)
    spread = ((used[:, -1] - trained[:, -1]) ** 2).sum() / max(trained[:, -1].sum(), 1e-9)
    return Fitted(
        train,
        apply,
        trained,
        applied,
        used,
        observed,
        np.append(parts[4], any_service),
        np.append(parts[5], spread),
    )


@dataclass(frozen=True, eq=False)
class Errors:
    """Relative errors of a placebo period, log observed / expected, (S + 1,), NaN where too little was expected.

    `contacts`, `users`: of the model. `contacts_noise`, `users_noise`: variance that chance alone gives them.
    `aggregate`: of the level of the last year before the period carried on by age and sex.
    """

    contacts: Floats
    users: Floats
    contacts_noise: Floats
    users_noise: Floats
    aggregate: Floats


def errors(found: Fitted, aggregate: Floats) -> Errors:
    """How the models did where nothing was disturbed; `aggregate` (S + 1,) as in `Errors`."""
    expected, seen = found.applied.sum(axis=0), found.observed.sum(axis=0)
    stayed = found.apply.stayed
    chances = use_model.chance(found.applied[stayed], found.dispersion)
    users, came = chances.sum(axis=0), (found.observed[stayed] > 0).sum(axis=0)
    kept = (expected >= FEWEST_EXPECTED) & (seen > 0) & (came > 0)

    def where(values: Floats) -> Floats:
        return np.asarray(np.where(kept, values, np.nan))

    with np.errstate(divide="ignore", invalid="ignore"):
        return Errors(
            where(np.log(seen / expected)),
            where(np.log(came / users)),
            where(found.spread / expected),
            where((chances * (1 - chances)).sum(axis=0) / users**2),
            where(aggregate),
        )


@dataclass(frozen=True)
class Reliability:
    """What the placebo periods say of the models, sd of log observed / expected beyond chance.

    `contacts`, `users`: of one service. `total`: of the contacts of all services together. `correlation`: of the
    errors of one service with those of the level of its last year carried on by age and sex.
    """

    contacts: float
    users: float
    total: float
    correlation: float


def reliability(found: Sequence[Errors]) -> Reliability:
    """Pool the errors of placebo periods over services, by the weight of what chance leaves of them.

    Few periods tell the error of the total: half of one service's counts as two more.
    """
    contacts, users, noise, users_noise, aggregate = (
        np.concatenate([getattr(one, name)[:-1] for one in found])
        for name in ("contacts", "users", "contacts_noise", "users_noise", "aggregate")
    )
    seen = np.isfinite(contacts + aggregate)
    contacts, users, noise, users_noise, aggregate = (
        values[seen] for values in (contacts, users, noise, users_noise, aggregate)
    )
    totals = np.array([one.contacts[-1] for one in found])
    beyond = np.maximum(totals**2 - [one.contacts_noise[-1] for one in found], 0)
    one = _beyond(contacts, noise)
    prior = np.full(PRIOR_PERIODS, (PRIOR_TOTAL * one) ** 2)
    both = len(contacts) > 2 and contacts.std() > 0 and aggregate.std() > 0
    return Reliability(
        one,
        _beyond(users, users_noise),
        float(np.sqrt(np.nanmean([*beyond, *prior]))),
        float(np.clip(np.corrcoef(contacts, aggregate)[0, 1], 0, LARGEST_CORRELATION)) if both else 0.0,
    )


def _beyond(errors: Floats, noise: Floats) -> float:
    """Sd of errors beyond the variance that chance gives them; a service counts the more the less chance it has."""
    if not len(errors):
        return 0.0
    weights = 1 / (noise + TYPICAL_ERROR**2)
    return float(np.sqrt(max(float(np.average(errors**2 - noise, weights=weights)), 0.0)))
