"""What a small group's services borrow from all residents: their calibration, and the share that others missed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.debt import pooling
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.expected import Floats
from ennakointi.debt.ledger import PersonModel
from ennakointi.debt.pooling import Likeness
from ennakointi.debt.service_series import ServiceSeries

PRIOR_DRAWS = 400
ESTIMATED = "estimated"  # status of a row of `person_model`
_Z80 = float(stats.norm.ppf(0.9))


@dataclass(frozen=True, eq=False)
class Everyone:
    """All residents' account of a service from the window's first month: draws (q, h) of net missing contacts, expected
    contacts (h,) of each month, and what their persons tell."""

    net: Floats
    expected: Floats
    persons: PersonModel | None


def person_models(rows: pd.DataFrame | None) -> dict[str, PersonModel]:
    """What persons tell of each service, from rows of `person_model` of one group that have an estimate."""
    if rows is None:
        return {}
    told = rows[(rows["status"] == ESTIMATED) & (rows["expected"] > 0)].dropna(subset=["net_missing", "net_missing_sd"])
    shares = (told["net_missing"] / told["expected"]).to_numpy(float)
    errors = (told["net_missing_sd"] / told["expected"]).to_numpy(float)
    correlation = told["correlation"].to_numpy(float)
    return {
        str(service): PersonModel(float(share), float(sd), float(r))
        for service, share, sd, r in zip(told["service"], shares, errors, correlation, strict=True)
    }


def everyone(service_debt: pd.DataFrame, persons: Mapping[str, PersonModel]) -> dict[str, Everyone]:
    """All residents' accounts by service from their table `service_debt` (unrounded).

    The draws are laid about the debt with the spread of its 80 % interval, one normal score through all months:
    errors of a level. Months without an interval keep the last known relative spread.
    """
    scores = stats.norm.ppf((np.arange(PRIOR_DRAWS) + 0.5) / PRIOR_DRAWS)
    found = {}
    for service, rows in service_debt[service_debt["period"] != "baseline"].groupby("service", sort=False):
        if rows["debt_lo80"].isna().all():
            continue  # how far the others' share can be trusted is not known
        ordered = rows.sort_values("month")
        expected = ordered["expected"].to_numpy(float)
        net = (ordered["debt"] + ordered["substituted"].cumsum()).to_numpy(float)
        half = ((ordered["debt_hi80"] - ordered["debt_lo80"]) / 2).to_numpy(float)
        relative = pd.Series(half / np.cumsum(expected) / _Z80).ffill().fillna(0.0).to_numpy()
        draws = net + relative * np.cumsum(expected) * scores[:, None]
        found[str(service)] = Everyone(draws, expected, persons.get(str(service)))
    return found


@dataclass(frozen=True, eq=False)
class Borrowed:
    """A group's draws of net missing contacts (p, h) by service after pooling, the weight of its own data, and what its
    persons tell, pooled by the same likeness."""

    nets: Mapping[str, Floats]
    weights: Mapping[str, float]
    persons: Mapping[str, PersonModel]


def borrowed(
    nets: Mapping[str, Floats],
    series: Mapping[str, ServiceSeries],
    persons: Mapping[str, PersonModel],
    prior: Mapping[str, Everyone] | None,
    below: float,
    seed: int,
) -> Borrowed:
    """Services with fewer than `below` expected contacts a month are drawn towards what the other residents missed."""
    own = dict.fromkeys(nets, 1.0)
    if not prior:
        return Borrowed(nets, own, persons)
    others = {s: found for s in nets if s in prior and (found := _others(prior[s], nets[s], series[s])) is not None}
    like = _likeness(nets, series, others)
    pooled, told, weights = dict(nets), dict(persons), dict(own)
    for i, (service, share) in enumerate(others.items()):
        expected, end = _expected(series[service], nets[service])
        if expected.mean() < below:
            pooled[service], weights[service] = pooling.pooled(
                nets[service], expected, share, like, end=end, seed=seed + i
            )
            every = prior[service].persons
            if service in persons and every is not None:
                uses = (float(expected[: end + 1].sum()), float(prior[service].expected[: end + 1].sum()))
                told[service] = _pooled_persons(persons[service], every, like, *uses)
    return Borrowed(pooled, weights, told)


def _expected(series: ServiceSeries, net: Floats) -> tuple[Floats, int]:
    """Expected contacts of each month of the account, and the place of the window's last."""
    account = series.account
    observed = series.between(series.observed, account.window_start, account.last)
    expected = observed + np.diff(net.mean(axis=0), prepend=0.0)
    return expected, account.window_end - account.window_start


def _others(every: Everyone, net: Floats, series: ServiceSeries) -> Floats | None:
    """Net missing share (q, h) of the residents outside the group; None where the group is most of them."""
    expected, end = _expected(series, net)
    h = min(len(expected), len(every.expected))
    if end >= h or expected.sum() <= 0:
        return None
    try:
        share = pooling.share_of_others(every.net[:, :h], every.expected[:h], net[:, :h], expected[:h])
    except ValueError:
        return None
    return np.pad(share, ((0, 0), (0, len(expected) - h)), mode="edge")


def _likeness(
    nets: Mapping[str, Floats], series: Mapping[str, ServiceSeries], others: Mapping[str, Floats]
) -> Likeness:
    rows = []
    for service, share in others.items():
        expected, end = _expected(series[service], nets[service])
        use, last = float(expected[: end + 1].sum()), nets[service][:, end]
        rows.append((last.mean() / use, last.std() / use, share[:, end].mean(), share[:, end].std(), use))
    return pooling.likeness(*np.array(rows).T) if rows else Likeness()


def _pooled_persons(own: PersonModel, every: PersonModel, like: Likeness, use: float, use_of_all: float) -> PersonModel:
    """The person model's share drawn to that of the residents outside the group, by inverse variances.

    Parameters
    ----------
    use, use_of_all : expected contacts of the group and of all residents over the window
    """
    if not np.isfinite(like.between_sd) or own.sd <= 0 or use > use_of_all / 2:
        return own
    others = (every.share * use_of_all - own.share * use) / (use_of_all - use)
    centre = like.ratio * others
    variance = (like.ratio * every.sd) ** 2 + (like.ratio_sd * others) ** 2 + like.between_sd**2
    variance += abs(centre) / use
    weight = variance / (variance + own.sd**2)
    return PersonModel(
        weight * own.share + (1 - weight) * centre,
        float(np.sqrt(weight**2 * own.sd**2 + (1 - weight) ** 2 * variance)),
        own.correlation * weight,
    )


def reaching_further(own: Calibration, other: Calibration | None) -> Calibration:
    """The group's own calibration, or that of all residents where its history reaches less far."""
    if other is not None and other.reached_months > own.reached_months:
        return replace(other, borrowed=True)
    return own
