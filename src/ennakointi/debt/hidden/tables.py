"""The tables `hidden_persons` and `person_model` of one target group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.debt import pooling
from ennakointi.debt.hidden import absent, use_model
from ennakointi.debt.hidden.absent import GroupUse
from ennakointi.debt.hidden.features import Bools, Floats
from ennakointi.debt.hidden.service_models import Fitted, Reliability
from ennakointi.parameters.cross_checks import ALL
from ennakointi.result_tables import RESULT_TABLES

ESTIMATED, REFUSED = "estimated", "refused"
PERSON_MODEL = (
    "target_group",
    "service",
    "status",
    "reason",
    "net_missing",
    "net_missing_sd",
    "expected",
    "correlation",
    "died_per_month",
    "moved_per_month",
    "expected_users",
    "observed_users",
    "hidden",
    "expected_present",
    "expected_stayed",
    "n_persons",
    "persons_shape",
)
_Z80 = float(stats.norm.ppf(0.9))


@dataclass(frozen=True, eq=False)
class Needs:
    """How needs of a group end besides by care, (S,) by service.

    `at_once`, `at_once_sd`: share of the missing contacts no longer needed at once. `passes`: share of the open needs
    that pass in a month. `queued`: contacts in the queue at the end of the window beyond the expected ones.
    `substitution` (S, S): contacts of a service (row) that one contact of another (column) replaces, NaN where it
    replaces none. `scale`: contacts of the group's members of every month per contact of those of its first month.
    """

    at_once: Floats
    at_once_sd: Floats
    passes: float
    queued: Floats
    substitution: Floats
    scale: Floats
    months: int

    @property
    def substituting(self) -> Bools:
        """(S,) services that replace others by any account, also at a coefficient of 0."""
        return np.asarray(np.isfinite(self.substitution).any(axis=0))


@dataclass(frozen=True, eq=False)
class Told:
    """What persons tell of a group, (S,) by service: net missing share of expected use and its sd, own and pooled;
    hidden share of the use expected of those present at the end of the window, and its sd."""

    use: GroupUse
    share: Floats
    sd: Floats
    pooled: Floats
    pooled_sd: Floats
    hidden: Floats
    hidden_sd: Floats


def told(use: GroupUse, trust: Reliability, needs: Needs, everyone: Told | None) -> Told:
    """Missing and hidden shares. The missing share of a group is drawn towards that of all residents for the hidden
    share: hidden = (missing · (1 − no longer needed) · still open − queued) / present.

    Missing contacts come evenly over the window, and open needs end by passing, death and moving.
    """
    expected, observed = (values.sum(axis=0)[:-1] for values in (use.expected, use.observed))
    known = np.maximum(expected, 1e-9)
    share = (expected - observed) / known
    sd = np.sqrt(trust.contacts**2 + use.noise[:-1] / known**2)
    if everyone is None:
        best, error = _towards_the_mean(share, sd, needs.substituting)
    else:
        best, error = _towards(share, sd, everyone, expected)
    gone = np.nan_to_num(needs.substitution) @ np.maximum(observed - expected, 0) / known
    ends = needs.passes + use.died_per_month[:-1] + use.moved_per_month[:-1]
    still = np.mean([(1 - ends) ** month for month in range(needs.months)], axis=0)
    present = np.maximum(use.present[:-1], 1e-9)
    best = best - gone
    hidden = (best * (1 - needs.at_once) * still - needs.queued / (known * needs.scale)) / present
    hidden_sd = np.hypot(error * (1 - needs.at_once), best * needs.at_once_sd) * still / present
    any_use = expected > 0
    return Told(use, share, sd, best, error, np.where(any_use, hidden, 0.0), np.where(any_use, hidden_sd, 0.0))


def _towards(share: Floats, sd: Floats, everyone: Told, expected: Floats) -> tuple[Floats, Floats]:
    """A group's missing shares drawn towards those of all residents, and their errors (`pooling.likeness`)."""
    like = pooling.likeness(share, sd, everyone.pooled, everyone.pooled_sd, expected)
    if not np.isfinite(like.between_sd):
        return share, sd
    spread = like.between_sd**2 + (like.ratio_sd * everyone.pooled) ** 2 + (like.ratio * everyone.pooled_sd) ** 2
    weight = spread / (spread + sd**2)
    return weight * share + (1 - weight) * like.ratio * everyone.pooled, np.sqrt(weight) * sd


def _towards_the_mean(share: Floats, sd: Floats, apart: Bools) -> tuple[Floats, Floats]:
    """Missing shares drawn towards the mean of the services, and their errors; services that replace others stay apart.

    A random-effects mean (DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2).
    """
    inside = ~apart & (sd > 0) & (share > -1) & (share < 1) & (share != 0)
    if inside.sum() < pooling.MINIMUM_SERVICES:
        return share, sd
    y, v = share[inside], sd[inside] ** 2
    between, error = pooling.between_variance(y, v, np.ones(len(y)))
    between += error / 2
    mean = np.average(y, weights=1 / (v + between))
    weight = np.where(inside, between / (between + sd**2), 1.0)
    return weight * share + (1 - weight) * mean, np.sqrt(weight) * sd


@dataclass(frozen=True, eq=False)
class Persons:
    """Persons with a hidden need: (M, S + 1) at the shares `at` (S + 1,), and `low`, `point`, `high` (S + 1,): the same
    number at the group's hidden share and at the ends of its interval, per number at `at`."""

    counted: Floats
    at: Floats
    shape: Floats
    low: Floats
    point: Floats
    high: Floats


def persons(found: Fitted, place: int, group: Told, total: float) -> Persons:
    """Count persons at the hidden shares; `total` is the relative error of all services together."""
    use, n = group.use, group.use.persons.sum()
    own = np.clip(group.hidden, absent.LEAST_SHARE, absent.LARGEST_SHARE)
    one = absent.persons_with_hidden_need(found, place, own, len(use.persons))
    together = absent.persons_with_hidden_need(found, place, np.clip(group.hidden, 0, 1), len(use.persons))
    counted = np.column_stack([one[:, :-1], together[:, -1]])
    expected = np.maximum(use.expected_stayed, 1e-9)
    shares, sds = _with_all(group, expected[:-1], total)
    at = np.append(own, shares[-1])
    sums = counted.sum(axis=0)
    shape = np.array([absent.curve_shape(p, q, e, n) for p, q, e in zip(sums, at, expected, strict=True)])

    def relative(share: Floats) -> Floats:
        curve = use_model.chance(np.clip(share, 0, absent.LARGEST_SHARE) * expected / max(n, 1), shape)
        return np.asarray(curve * n / np.maximum(sums, 1e-9))

    low, point, high = (relative(shares + sign * _Z80 * sds) for sign in (-1, 0, 1))
    return Persons(counted, at, shape, low, point, high)


def _with_all(group: Told, expected: Floats, total: float) -> tuple[Floats, Floats]:
    """Hidden shares and sds with those of all services together at the end (S + 1,)."""
    everything = max(expected.sum(), 1e-9)
    share = (np.clip(group.hidden, 0, None) * expected).sum() / everything
    own = np.sqrt(((group.hidden_sd * expected) ** 2).sum()) / everything
    return np.append(group.hidden, share), np.append(group.hidden_sd, np.hypot(own, total))


def of_group(
    target_group: str,
    names: Sequence[str],
    places: Sequence[str],
    month: str,
    found: Fitted,
    place: int,
    group: Told,
    trust: Reliability,
    needs: Needs,
    kept: Sequence[int],
) -> dict[str, pd.DataFrame]:
    """Rows of both tables; `names` (S + 1,) of the services, `kept` the places of those to tell."""
    count = persons(found, place, group, trust.total)
    model = _person_model(target_group, names, group, count, trust, needs).iloc[list(kept)]
    rows = [
        _row(target_group, names[s], where, month, group.use, count, s, m, trust.users)
        for s in kept
        for where, m in [(ALL, slice(None)), *((place, slice(i, i + 1)) for i, place in enumerate(places))]
        if group.use.persons[m].sum() > 0
    ]
    return {"hidden_persons": _declared(rows), "person_model": model.reset_index(drop=True)}


def _row(
    target_group: str,
    service: str,
    where: str,
    month: str,
    use: GroupUse,
    count: Persons,
    s: int,
    m: slice,
    error: float,
) -> dict[str, object]:
    users, came = use.users[m, s].sum(), use.came[m, s].sum()
    missing = users - came
    half = _Z80 * float(np.sqrt((error * users) ** 2 + use.users_noise[m, s].sum()))
    counted = count.counted[m, s].sum()
    low, point, high = (min(float(values[s] * counted), users) for values in (count.low, count.point, count.high))
    chance = _Z80 * np.sqrt(max(point, 1.0))
    return {
        "target_group": target_group,
        "service": service,
        "municipality": where,
        "month": month,
        "status": ESTIMATED,
        "reason": "",
        "expected_users": users,
        "observed_users": came,
        "absent": missing,
        "absent_lo80": missing - half,
        "absent_hi80": missing + half,
        "hidden": point,
        "hidden_lo80": max(point - float(np.hypot(point - low, chance)), 0.0),
        "hidden_hi80": min(point + float(np.hypot(high - point, chance)), users),
        "n_persons": use.persons[m].sum(),
    }


def _person_model(
    target_group: str, names: Sequence[str], group: Told, count: Persons, trust: Reliability, needs: Needs
) -> pd.DataFrame:
    use = group.use
    expected, missing = (
        np.append(values[:-1] * needs.scale, (values[:-1] * needs.scale).sum())
        for values in (use.expected.sum(axis=0), (use.expected - use.observed).sum(axis=0))
    )
    sd = group.sd * expected[:-1]
    chance = np.sqrt(use.noise[:-1]) * needs.scale
    total = float(np.hypot(trust.total * expected[-1], np.sqrt((chance**2).sum())))
    return pd.DataFrame(
        {
            "target_group": target_group,
            "service": list(names),
            "status": ESTIMATED,
            "reason": "",
            "net_missing": missing,
            "net_missing_sd": np.append(sd, total),
            "expected": expected,
            "correlation": trust.correlation,
            "died_per_month": use.died_per_month,
            "moved_per_month": use.moved_per_month,
            "expected_users": use.users.sum(axis=0),
            "observed_users": use.came.sum(axis=0),
            "hidden": count.counted.sum(axis=0) * count.point,
            "expected_present": expected * use.present,
            "expected_stayed": use.expected_stayed,
            "n_persons": use.persons.sum(),
            "persons_shape": count.shape,
        }
    )[list(PERSON_MODEL)]


def refused(
    target_group: str, services: Sequence[str], month: str, reasons: Mapping[str, str]
) -> dict[str, pd.DataFrame]:
    """Rows that say why there is no estimate; `reasons` by service."""
    rows = [
        {"target_group": target_group, "service": service, "status": REFUSED, "reason": reasons[service]}
        for service in services
    ]
    placed = [{**row, "municipality": ALL, "month": month} for row in rows]
    return {
        "hidden_persons": _declared(placed),
        "person_model": pd.DataFrame(rows).reindex(columns=list(PERSON_MODEL)),
    }


def _declared(rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["hidden_persons"].names))
