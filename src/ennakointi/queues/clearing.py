"""Clearing the debt: the chance of being clear by a date, the capacity for a wanted chance, its euros and work.

Three scenarios of how much hidden need comes back, and the capacity plans of `debt.yml`. All services together are
one: their queues and hidden needs are summed with their signs, so that errors of services offset each other.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ennakointi.periods import month_text
from ennakointi.queues import return_scenarios
from ennakointi.queues.return_scenarios import Floats, Needs
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.debt_documents import CapacityPlan, ClearingSettings
    from ennakointi.parameters.documents import Service

ALL = "all"
CLEARED, UNCLEAR, POSSIBLE, NEVER = "cleared", "unclear", "possible", "never_at_present_capacity"
REFUSED = "refused"
TOLERANCE = 0.01  # of a normal month: less is as good as nothing, under two hours of the service's working month
STEPS, WIDEST, FALLBACK = 12, 2.0, 0.1  # of a curve: intervals, × the wanted capacity, or share of a normal month
_MONTHS_A_YEAR, _MINUTES_PER_HOUR = 12, 60
_TOO_LATE = N_("The plan begins after the target date.")


@dataclass(frozen=True)
class Remaining:
    """What is left of a service's debt at the end of the last month, as draws; p draws paired over services.

    Attributes
    ----------
    queue, hidden : (p,) queue beyond the expected one, and hidden need, in contacts; below zero is none of its own, and
        less of the sum of services
    growth : (p,) contacts, mean monthly change of the queue at present capacity, as observed
    month_sd : (p,) contacts, standard deviation of a month's change about its mean
    returned : (p,) contacts a month that came back from hidden need in the months behind `growth`, which holds them;
        below zero, or where no need is hidden, none
    passing : (p,) share of the open needs that ends in a month without care
    normal_month : contacts a month expected without the disruption
    n_persons : persons behind the numbers
    reason : what the numbers leave out, as a message; or empty
    """

    queue: Floats
    hidden: Floats
    growth: Floats
    month_sd: Floats
    returned: Floats
    passing: Floats
    normal_month: float
    n_persons: float
    reason: str = ""

    def __post_init__(self) -> None:
        draws = (self.queue, self.hidden, self.growth, self.month_sd, self.returned, self.passing)
        assert len({one.shape for one in draws}) == 1, "the draws of a service belong together"
        assert np.isfinite(draws).all(), "a service without an estimate is refused, not projected"


@dataclass(frozen=True, eq=False)
class Scenario:
    """A share of the hidden need that comes back, and capacity added in months `first`…`last` ahead."""

    name: str
    return_share: float
    plan: CapacityPlan | None = None
    first: int = 1
    last: int = 10**6

    def touches(self, services: Iterable[str]) -> bool:
        """Whether the scenario is told of services: a plan that names none of them says nothing of them."""
        plan = self.plan
        return plan is None or plan.added_share is not None or not plan.added_per_month.keys().isdisjoint(services)

    def added(self, services: Mapping[str, Remaining]) -> float:
        """Contacts a month that the scenario adds to services together."""
        if self.plan is None:
            return 0.0
        if self.plan.added_share is not None:
            return float(self.plan.added_share) * sum(one.normal_month for one in services.values())
        return float(sum(self.plan.added_per_month.get(service, 0.0) for service in services))


@dataclass(frozen=True)
class Outlook:
    """Needs under a scenario: `to_clear` contacts and the chance `nothing` that there are none, their signs kept;
    `added` a month, months to clear (p,) `without` and `with_added`, and the capacity (p,) needed by each target month.
    """

    to_clear: float
    nothing: float
    added: float
    without: Floats
    with_added: Floats
    needed: dict[int, Floats]


def monthly_growth(changes: Floats, n_draws: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draws of the mean monthly change of a queue and of a month's standard deviation about it, (n_draws,) each.

    Normal months with unknown mean and variance under the reference prior (Gelman et al. 2013, Bayesian Data Analysis,
    §3.2): sd² = (m − 1)s²/χ²(m − 1), mean = x̄ + sd·z/√m.

    Parameters
    ----------
    changes : (m,) contacts, change of the queue in each of the last months; m ≥ 2
    """
    m = len(changes)
    sd = np.sqrt((m - 1) * changes.var(ddof=1) / rng.chisquare(m - 1, n_draws))
    return changes.mean() + sd * rng.standard_normal(n_draws) / np.sqrt(m), sd


def together(services: Mapping[str, Remaining]) -> Remaining:
    """Services as one, their draws paired: sums with signs; months vary independently; needs pass at the services'
    mean rate, by what is left of each; the persons of the largest service.

    Witness: two services with 10 and −10 contacts of hidden need have nothing to clear.
    """
    parts = list(services.values())
    left = np.array([max(float((one.queue + one.hidden).mean()), 0.0) for one in parts])
    weights = left if left.any() else np.ones(len(parts))
    return Remaining(
        np.sum([one.queue for one in parts], axis=0),
        np.sum([one.hidden for one in parts], axis=0),
        np.sum([one.growth for one in parts], axis=0),
        np.sqrt(np.sum([one.month_sd**2 for one in parts], axis=0)),
        np.sum([one.returned for one in parts], axis=0),
        np.average([one.passing for one in parts], axis=0, weights=weights),
        sum(one.normal_month for one in parts),
        max(one.n_persons for one in parts),
    )


def needs(remaining: Remaining, share: float, settings: ClearingSettings, noise: Floats) -> Needs:
    """Needs to clear when `share` of the hidden need comes back; `noise` (p, h) standard normal months."""
    queue, hidden = np.maximum(remaining.queue, 0.0), np.maximum(remaining.hidden, 0.0)
    came_back = np.where(hidden > 0, np.maximum(remaining.returned, 0.0), 0.0)
    own = remaining.growth + remaining.passing * queue - came_back
    return Needs(
        queue,
        share * hidden,
        remaining.passing,
        own[:, None] + remaining.month_sd[:, None] * noise,
        settings.phase_in_months,
        TOLERANCE * remaining.normal_month,
    )


def scenarios(settings: ClearingSettings, shares: Sequence[float], last_month: int, example: bool) -> list[Scenario]:
    """The return scenarios, then the plans that still add something after the last month, at the middle share.

    A plan that has begun adds from the next month on. Plans marked `example` need a synthetic source.
    """
    middle = sorted(shares)[len(shares) // 2]
    found = [Scenario(f"return_{share * 100:.0f}", share) for share in shares]
    for name, plan in settings.plans.items():
        first, last = plan.from_ - last_month, 10**6 if plan.to is None else plan.to - last_month
        if last >= 1 and (example or not plan.example):
            found.append(Scenario(name, middle, plan, max(first, 1), last))
    return found


def estimate(
    target_group: str,
    remaining: Mapping[str, Remaining],
    settings: ClearingSettings,
    return_shares: Sequence[float],
    services: Mapping[str, Service],
    last_month: int,
    example: bool,
    seed: int,
    refusals: Mapping[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """`debt_clearance` and `clearance_curve` of a target group.

    The rows of a return scenario tell of present capacity, those of a plan of the plan; the capacity for the wanted
    chance is added in all months, of a plan in its own. Status, of present capacity: `cleared` when nothing is left
    now with the wanted chance; `unclear` when the chance of it, queue and hidden need with their signs, is at least
    1 − the wanted chance; `never_at_present_capacity` when the chance of being clear within the horizon is under that;
    else `possible`. `to_clear` is the mean of the draws. All services: see `together`; a plan adds what it adds to any
    of them, and work and euros are those of a contact of the services by what is left in each. Costs in prices of the
    services' price year.

    Parameters
    ----------
    remaining, refusals : by service; why a service is refused, as a message
    last_month : month index of the last month of the data, the end of month 0
    example : bool, the source is synthetic: plans marked `example` count
    """
    told = scenarios(settings, return_shares, last_month, example)
    parts = {
        **({ALL: remaining} if remaining else {}),
        **{service: {service: remaining[service]} for service in remaining},
    }
    rows, points = [], []
    for service, inside in parts.items():
        left = together(inside)
        key = {"target_group": target_group, "service": service}
        reason = _left_out(refusals or {}) if service == ALL else inside[service].reason
        outlooks = _outlooks(left, inside, told, settings, seed ^ zlib.crc32(service.encode()))
        for scenario, outlook in outlooks.items():
            effort = _per_contact(inside, scenario.return_share, services)
            rows += [
                {**key, "n_persons": left.n_persons, "reason": reason, **row}
                for row in _rows(scenario, outlook, effort, settings, last_month)
            ]
        curve = _curve(outlooks, left.normal_month, settings, last_month)
        points += [{**key, "n_persons": left.n_persons, **point} for point in curve]
    rows += [
        {"target_group": target_group, "service": service, "status": REFUSED, "reason": reason, **row}
        for service, reason in (refusals or {}).items()
        for row in _without(told, settings, last_month)
    ]
    return {"debt_clearance": _frame("debt_clearance", rows), "clearance_curve": _frame("clearance_curve", points)}


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(RESULT_TABLES[name].names))


def _left_out(refusals: Mapping[str, str]) -> str:
    return (
        message_json(N_("Services without an estimate: {services}."), {"services": len(refusals)}) if refusals else ""
    )


def _outlooks(
    left: Remaining,
    inside: Mapping[str, Remaining],
    told: Sequence[Scenario],
    settings: ClearingSettings,
    seed: int,
) -> dict[Scenario, Outlook]:
    """What is left of the services `inside` under every scenario told of them, with the same months in each."""
    horizon = settings.horizon_months
    noise = np.random.default_rng(seed).standard_normal((horizon, len(left.queue))).T  # a month lies together in memory
    found, nothing = {}, np.zeros(horizon)
    for scenario in told:
        if not scenario.touches(inside):
            continue
        open_needs, added = needs(left, scenario.return_share, settings, noise), scenario.added(inside)
        signed = left.queue + scenario.return_share * left.hidden
        without = return_scenarios.months_to_clear(open_needs, nothing)
        given = return_scenarios.during(added, horizon, scenario.first, scenario.last)
        found[scenario] = Outlook(
            float((open_needs.queue + open_needs.returning).mean()),
            float((signed <= open_needs.tolerance).mean()),
            added,
            without,
            return_scenarios.months_to_clear(open_needs, given) if added else without,
            {
                by: return_scenarios.needed_capacity(open_needs, by, scenario.first, scenario.last)
                for by in settings.target_months_ahead
            },
        )
    return found


def _rows(
    scenario: Scenario,
    outlook: Outlook,
    effort: tuple[float, float],
    settings: ClearingSettings,
    last_month: int,
) -> Iterator[dict[str, Any]]:
    """A row for each target date; `effort`: euros and person-years a year of one contact a month."""
    for by in settings.target_months_ahead:
        capacity = _finite(return_scenarios.quantile(outlook.needed[by], settings.wanted_chance))
        yield {
            "scenario": scenario.name,
            "target_date": month_text(last_month + by),
            "return_share": scenario.return_share,
            "to_clear": outlook.to_clear,
            "capacity_added_per_month": outlook.added,
            "probability_cleared": float((outlook.with_added <= by).mean()),
            "status": _status(outlook, settings.wanted_chance),
            "capacity_for_80pct": capacity,
            "cost_eur": capacity * effort[0],
            "fte": capacity * effort[1],
            **_cleared(outlook.with_added, last_month),
            **({"reason": message_json(_TOO_LATE, {})} if scenario.first > by else {}),
        }


def _status(outlook: Outlook, chance: float) -> str:
    """What present capacity does, where what is left can be told from nothing."""
    if (outlook.without == 0).mean() >= chance:
        return CLEARED
    if outlook.nothing >= 1 - chance:
        return UNCLEAR
    return POSSIBLE if np.isfinite(outlook.without).mean() >= 1 - chance else NEVER


def _cleared(months: Floats, last_month: int) -> dict[str, str]:
    """The month of clearing by the quantiles that the table gives; empty when not within the horizon."""
    quantiles = {"cleared_month": 0.5, "cleared_lo80": 0.1, "cleared_hi80": 0.9}
    found = {name: return_scenarios.quantile(months, chance) for name, chance in quantiles.items()}
    return {name: month_text(last_month + int(m)) if np.isfinite(m) else "" for name, m in found.items()}


def _finite(number: float) -> float:
    return float(number) if np.isfinite(number) else np.nan


def _per_contact(inside: Mapping[str, Remaining], share: float, services: Mapping[str, Service]) -> tuple[float, float]:
    """Euros and person-years a year of one contact a month, of services by what is left to clear in each."""
    left = [max(float((one.queue + share * one.hidden).mean()), 0.0) for one in inside.values()]
    weights = left if any(left) else [one.normal_month for one in inside.values()]
    each = [(_cost_eur(services[name]), _person_years(services[name])) for name in inside]
    euros, years = _MONTHS_A_YEAR * np.average(each, axis=0, weights=weights)
    return float(euros), float(years)


def _cost_eur(service: Service) -> float:
    """Euros of a contact."""
    return service.care_units_per_contact * service.unit_cost_eur


def _person_years(service: Service) -> float:
    """Person-years of a contact."""
    hours = service.care_units_per_contact * service.minutes_per_contact / _MINUTES_PER_HOUR
    return hours / service.contact_hours_per_person_year


def _curve(
    outlooks: Mapping[Scenario, Outlook], normal_month: float, settings: ClearingSettings, last_month: int
) -> Iterator[dict[str, Any]]:
    """The chance of being clear by the first target date against capacity, from none to twice the wanted one of the
    middle return scenario, or to a tenth of the normal month where none is needed."""
    by = settings.target_months_ahead[0]
    returns = {one: outlook.needed[by] for one, outlook in outlooks.items() if one.plan is None}
    middle = sorted(returns, key=lambda one: one.return_share)[len(returns) // 2]
    widest = WIDEST * return_scenarios.quantile(returns[middle], settings.wanted_chance) or FALLBACK * normal_month
    for scenario, needed in returns.items():
        for step in range(STEPS + 1):
            capacity = widest * (step / STEPS)
            yield {
                "scenario": scenario.name,
                "target_date": month_text(last_month + by),
                "step": step,
                "capacity_added_per_month": capacity,
                "probability_cleared": float((needed <= capacity).mean()),
            }


def _without(told: Sequence[Scenario], settings: ClearingSettings, last_month: int) -> Iterator[dict[str, Any]]:
    """Keys of a service that has no estimate: its return scenarios and target dates."""
    for scenario in told:
        if scenario.plan is None:
            for by in settings.target_months_ahead:
                yield {
                    "scenario": scenario.name,
                    "target_date": month_text(last_month + by),
                    "return_share": scenario.return_share,
                }
