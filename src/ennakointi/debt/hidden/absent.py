"""Expected users who did not come, and persons with a hidden need, of one target group by service and municipality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ennakointi.debt.hidden import use_model
from ennakointi.debt.hidden.features import Bools, Cohort, Floats, Ints
from ennakointi.debt.hidden.service_models import Fitted

GROUP_WEIGHT, PLACE_WEIGHT = 8.0, 40.0  # effective counts at which a group's, or a municipality's, own ratio of actual
# to modelled use counts half: the ratios lie about 1 with an sd of one by the root of it
LEAST_SHARE, LARGEST_SHARE = 0.02, 0.9  # hidden shares of expected use at which persons are counted


@dataclass(frozen=True, eq=False)
class GroupUse:
    """Use of a group in the window; (M, S + 1) by municipality and service, the last service being any, unless told.

    Attributes
    ----------
    expected, observed : contacts of all its persons while resident.
    expected_stayed : (S + 1,) contacts expected of those who lived here through the window.
    present : share of the expected contacts that is of those who are here at its end, (S + 1,).
    users, came : of those who lived here through the window, expected and actual users; `users_noise`: variance that
        chance gives the number of users.
    persons : (M,) those who lived here through the window.
    noise : variance that chance gives the observed contacts, (S + 1,).
    died_per_month, moved_per_month : (S + 1,) share of open needs whose person leaves in a month.
    """

    expected: Floats
    observed: Floats
    expected_stayed: Floats
    present: Floats
    users: Floats
    came: Floats
    users_noise: Floats
    persons: Floats
    noise: Floats
    died_per_month: Floats
    moved_per_month: Floats


def group_use(found: Fitted, place: int, n_places: int) -> GroupUse:
    """Sums over the members of the group at `place` in `Cohort.member`; `n_places` municipalities.

    The model's sums are corrected by what it got wrong for the group's members, and for a municipality's, in the
    period it was trained on, the smaller the cell the less.
    """
    train, apply = found.train, found.apply
    before, now = train.member[:, place], apply.member[:, place]
    actual, modelled = (_sums(train, before, values, n_places) for values in (found.used, found.trained))
    factor = _ratio(actual, modelled, found.spread)
    expected = _sums(apply, now, found.applied, n_places) * factor
    residual = found.used[before] - found.trained[before] * actual.sum(axis=0) / np.maximum(modelled.sum(axis=0), 1e-9)
    spread = _spread((residual**2).sum(axis=0), actual.sum(axis=0), found.spread)
    remained, stayed = before & train.stayed, now & apply.stayed
    trained_users = use_model.chance(found.trained, found.dispersion)
    chances = use_model.chance(found.applied, found.dispersion)
    were, expected_users = (_sums(train, remained, values, n_places) for values in (found.used > 0, trained_users))
    total = np.maximum(found.applied[now].sum(axis=0), 1e-9)
    died, moved = (_leaving(found, before, left[before]) for left in (train.died, train.moved))
    return GroupUse(
        expected=expected,
        observed=_sums(apply, now, found.observed, n_places),
        expected_stayed=(_sums(apply, stayed, found.applied, n_places) * factor).sum(axis=0),
        present=found.applied[now & apply.present].sum(axis=0) / total,
        users=_sums(apply, stayed, chances, n_places) * _ratio(were, expected_users, np.ones(1)),
        came=_sums(apply, stayed, found.observed > 0, n_places),
        users_noise=_sums(apply, stayed, chances * (1 - chances), n_places),
        persons=_sums(apply, stayed, np.ones((len(stayed), 1)), n_places)[:, 0],
        noise=_noise(expected.sum(axis=0), actual.sum(axis=0), spread),
        died_per_month=died,
        moved_per_month=moved,
    )


def _leaving(found: Fitted, who: Bools, left: Bools) -> Floats:
    """(S + 1,) share of contacts whose person leaves in a month after it, from the contacts of the trained period.

    Those who are about to die use more than they did and than others do: their own contacts tell it. A contact has, on
    average, half of its person's months in the period behind it. Hand check: of two persons with one contact each one
    leaves after 10 of 20 months: 1 / (5 + 10) a month.
    """
    used, months = found.used[who], found.train.years[who, None] * 12 / 2
    return np.asarray(used[left].sum(axis=0) / np.maximum((used * months).sum(axis=0), 1e-9))


def persons_with_hidden_need(found: Fitted, place: int, shares: Floats, n_places: int) -> Floats:
    """(M, S + 1) persons who lived here through the window and have at least one hidden need, when each contact that
    a person would have had is a hidden need with the chance `shares` (S,) of its service.

    In the trained period every contact is known, so that persons are counted exactly: Σ 1 − Π (1 − q)^x. The model says
    by how much the number differs in the window: Σ 1 − (1 + qμ/k)^−k of either.

    Witness: two persons with 1 and 2 contacts, share ½, the same expectations in both periods: ½ + ¾.
    """
    train, apply = found.train, found.apply
    before, now = train.member[:, place] & train.stayed, apply.member[:, place] & apply.stayed
    q = np.clip(shares, 0, LARGEST_SHARE)
    none = found.used[before][:, :-1] * np.log1p(-q)
    counted = -np.expm1(np.column_stack([none, none.sum(axis=1)]))
    then = _chances(found.trained[before], q, found.dispersion)
    there = _chances(found.applied[now], q, found.dispersion)
    actual, modelled = (_added(train, before, values, n_places) for values in (counted, then))
    return _added(apply, now, there, n_places) * _ratio(actual, modelled, np.ones(1))


def persons_of(
    hidden: Floats, expected_present: float, expected_stayed: float, n_persons: float, shape: float
) -> Floats:
    """Persons behind hidden contacts (p,): n · (1 − (1 + qμ/κ)^−κ), q the hidden share of the contacts expected of
    those present at the end of the window, μ those expected of a person who lived here through it.

    Witness: no hidden contacts, no person; `shape` → 0 with few persons behind many contacts.
    """
    if n_persons <= 0 or expected_present <= 0:
        return np.zeros(len(hidden))
    share = np.clip(np.asarray(hidden) / expected_present, 0, LARGEST_SHARE)
    return n_persons * use_model.chance(share * expected_stayed / n_persons, shape)


def curve_shape(persons: float, share: float, expected_stayed: float, n_persons: float) -> float:
    """The shape κ at which `persons_of` gives so many persons at a hidden share."""
    if n_persons <= 0 or expected_stayed <= 0:
        return 1.0
    return use_model.dispersion(np.array([share * expected_stayed / n_persons]), persons / n_persons)


def _chances(expected: Floats, shares: Floats, shapes: Floats) -> Floats:
    """(n, S + 1) chance of a hidden need of each service, and of any."""
    hidden = expected[:, :-1] * shares
    return use_model.chance(np.column_stack([hidden, hidden.sum(axis=1)]), shapes)


def _sums(who: Cohort, chosen: Bools, values: Floats | Bools, n_places: int) -> Floats:
    """(M, F) sums of values (n, F) over the chosen persons, by municipality."""
    return _added(who, chosen, values[chosen], n_places)


def _added(who: Cohort, chosen: Bools, values: Floats | Bools, n_places: int) -> Floats:
    places: Ints = who.municipality[chosen] % n_places
    n = len(places)
    belongs = csr_array((np.ones(n), (places, np.arange(n))), shape=(n_places, n))
    return np.asarray(belongs @ values.astype(float))


def _ratio(actual: Floats, modelled: Floats, spread: Floats) -> Floats:
    """(M, F) actual per modelled, drawn towards the ratio of all municipalities, and that towards 1; `spread` (F,) is
    the variance per expected contact: counts tell so many times less."""
    group, place = (weight * np.maximum(spread, 1.0) for weight in (GROUP_WEIGHT, PLACE_WEIGHT))
    whole = (actual.sum(axis=0) + group) / (modelled.sum(axis=0) + group)
    return np.asarray((actual + place * whole) / (modelled + place))


def _spread(squares: Floats, actual: Floats, spread: Floats) -> Floats:
    """(F,) variance per contact of a group, from its squared residuals, drawn towards that of all residents."""
    behind = 100.0
    return np.asarray((squares + behind * spread) / (actual + behind))


def _noise(expected: Floats, trained: Floats, spread: Floats) -> Floats:
    """(F,) variance that chance gives a group's contacts and the ratio that corrects their expectation."""
    return np.asarray(spread * expected * (1 + expected / (trained + GROUP_WEIGHT * np.maximum(spread, 1.0))))
