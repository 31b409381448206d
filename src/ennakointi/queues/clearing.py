"""Clearing the debt: the chance of being clear by a date, the capacity for a wanted chance, its euros and work.

Three scenarios of how much hidden need comes back, and the capacity plans of `debt.yml`. All services are clear when
every one is that surely has something to clear: what one has over treats nobody in the queue of another. The chance
errors of services that may have nothing are no bill.
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
from ennakointi.queues.joint import Joint, Outlook
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
_CLEAR = {"probability_cleared": 1.0, "capacity_for_80pct": 0.0, "cost_eur": 0.0, "fte": 0.0}
_TOO_LATE = N_("The plan begins after the target date.")


@dataclass(frozen=True)
class Remaining:
    """What is left of a service's debt at the end of the last month, as draws; p draws paired over services.

    Attributes
    ----------
    queue, hidden : (p,) queue beyond the expected one, and hidden need, in contacts; below zero is none
    growth : (p,) contacts, mean monthly change of the queue at present capacity, as observed
    month_sd : (p,) contacts, standard deviation of a month's change about its mean
    returned : (p,) contacts a month that came back from hidden need in the months behind `growth`, which holds them;
        below zero, or where no need is hidden, none
    passing : (p,) share of the open needs that ends in a month without care
    normal_month : contacts a month expected without the disruption
    n_persons : persons behind the numbers
    reason : what the numbers leave out, as a message; or empty
    hidden_known : whether the hidden need could be estimated; without, the draws of it are zero
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
    hidden_known: bool = True

    def __post_init__(self) -> None:
        draws = (self.queue, self.hidden, self.growth, self.month_sd, self.returned, self.passing)
        assert len({one.shape for one in draws}) == 1, "the draws of a service belong together"
        assert np.isfinite(draws).all(), "a service without an estimate is refused, not projected"

    def nothing(self, share: float) -> float:
        """Chance that there is nothing to clear when `share` of the hidden need comes back, signs kept."""
        return float((self.queue + share * self.hidden <= TOLERANCE * self.normal_month).mean())


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

    def added(self, service: str, normal_month: float) -> float:
        """Contacts a month that the scenario adds to a service."""
        if self.plan is None:
            return 0.0
        if self.plan.added_share is not None:
            return float(self.plan.added_share) * normal_month
        return float(self.plan.added_per_month.get(service, 0.0))


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
    else `possible`; `refused` where the hidden need is not known and the queue may be nothing. `to_clear` is the mean
    of the draws. Costs in prices of the services' price year.

    All services: those neither cleared nor unclear, see `Joint`. Their needs are added up; each gets the same quantile
    of its needed capacity, the smallest with which every one is clear in the wanted share of the draws. Without any
    such service all are `cleared` when each is, else `unclear`; no estimate of any is `refused`.

    Parameters
    ----------
    remaining, refusals : by service; why a service is refused, as a message
    last_month : month index of the last month of the data, the end of month 0
    example : bool, the source is synthetic: plans marked `example` count
    """
    chance, told = settings.wanted_chance, scenarios(settings, return_shares, last_month, example)
    unknown = {s: one.reason for s, one in remaining.items() if not one.hidden_known and one.nothing(0) >= 1 - chance}
    refusals = {**(refusals or {}), **unknown}
    left = {service: one for service, one in remaining.items() if service not in unknown}
    outlooks = {
        service: _outlooks(service, one, services[service], told, settings, seed ^ zlib.crc32(service.encode()))
        for service, one in left.items()
    }
    rows, points = [], []
    for service, joints in _joints(outlooks, told, refusals, chance).items():
        key = {"target_group": target_group, "service": service}
        for scenario, joint in joints.items():
            known = {**key, "n_persons": joint.n_persons, "reason": joint.reason}
            rows += [{**known, **row} for row in _rows(scenario, joint, settings, last_month)]
        points += [{**key, **point} for point in _curve(joints, settings, last_month)]
    if not left and refusals:
        reasons = set(refusals.values())
        refusals = {ALL: reasons.pop() if len(reasons) == 1 else _number(refusals), **refusals}
    rows += [
        {"target_group": target_group, "service": service, "status": REFUSED, "reason": reason, **row}
        for service, reason in refusals.items()
        for row in _without(told, settings, last_month)
    ]
    return {"debt_clearance": _frame("debt_clearance", rows), "clearance_curve": _frame("clearance_curve", points)}


def to_clear(clearance: pd.DataFrame) -> dict[str, float]:
    """What all services have to clear in each return scenario, by share; empty where it is not known."""
    rows = clearance[(clearance["service"] == ALL) & clearance["scenario"].str.startswith("return_")]
    known = rows.dropna(subset=["to_clear"]).drop_duplicates("scenario").sort_values("return_share")
    return dict(zip(known["scenario"].astype(str), known["to_clear"].astype(float), strict=True))


def _frame(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(RESULT_TABLES[name].names))


def _number(refusals: Mapping[str, str]) -> str:
    return message_json(N_("Services without an estimate: {services}."), {"services": len(refusals)})


def _outlooks(
    service: str, left: Remaining, facts: Service, told: Sequence[Scenario], settings: ClearingSettings, seed: int
) -> dict[Scenario, Outlook]:
    """A service under every scenario, with the same months in each."""
    horizon = settings.horizon_months
    noise = np.random.default_rng(seed).standard_normal((horizon, len(left.queue))).T  # a month lies together in memory
    found, nothing = {}, np.zeros(horizon)
    for scenario in told:
        open_needs = needs(left, scenario.return_share, settings, noise)
        added = scenario.added(service, left.normal_month)
        without = return_scenarios.months_to_clear(open_needs, nothing)
        given = return_scenarios.during(added, horizon, scenario.first, scenario.last)
        found[scenario] = Outlook(
            _status(without, left.nothing(scenario.return_share), settings.wanted_chance),
            float((open_needs.queue + open_needs.returning).mean()),
            added,
            without,
            return_scenarios.months_to_clear(open_needs, given) if added else without,
            {
                by: return_scenarios.needed_capacity(open_needs, by, scenario.first, scenario.last)
                for by in settings.target_months_ahead
            },
            (_MONTHS_A_YEAR * _cost_eur(facts), _MONTHS_A_YEAR * _person_years(facts)),
            left.normal_month,
            left.n_persons,
            left.reason,
        )
    return found


def _joints(
    outlooks: Mapping[str, Mapping[Scenario, Outlook]],
    told: Sequence[Scenario],
    refusals: Mapping[str, str],
    chance: float,
) -> dict[str, dict[Scenario, Joint]]:
    """All services first, then each, under every scenario told of them."""
    found: dict[str, dict[Scenario, Joint]] = {ALL: {}} if outlooks else {}
    for scenario in told if outlooks else ():
        every = {service: own[scenario] for service, own in outlooks.items()}
        sure = {service: one for service, one in every.items() if one.status not in (CLEARED, UNCLEAR)}
        if scenario.touches(sure):
            found[ALL][scenario] = _all_services(every, tuple(sure.values()), refusals, chance)
    for service, own in outlooks.items():
        found[service] = {
            scenario: Joint(one.status, (one,), one.n_persons, one.reason)
            for scenario, one in own.items()
            if scenario.touches((service,))
        }
    return found


def _all_services(
    every: Mapping[str, Outlook], sure: tuple[Outlook, ...], refusals: Mapping[str, str], chance: float
) -> Joint:
    """The services that surely have something to clear; what is left out is that of the others without an estimate."""
    reason = _number(refusals) if refusals else next((one.reason for one in sure if one.reason), "")
    persons = max(one.n_persons for one in sure or every.values())
    if not sure:
        return Joint(CLEARED if all(one.status == CLEARED for one in every.values()) else UNCLEAR, (), persons, reason)
    finite = np.isfinite([one.without for one in sure]).all(axis=0).mean()
    return Joint(POSSIBLE if finite >= 1 - chance else NEVER, sure, persons, reason)


def _rows(scenario: Scenario, joint: Joint, settings: ClearingSettings, last_month: int) -> Iterator[dict[str, Any]]:
    """A row for each target date."""
    for by in settings.target_months_ahead:
        yield {
            "scenario": scenario.name,
            "target_date": month_text(last_month + by),
            "return_share": scenario.return_share,
            "to_clear": joint.to_clear,
            "capacity_added_per_month": joint.added,
            "status": joint.status,
            **(_projected(joint, by, settings.wanted_chance, last_month) if joint.parts else {}),
            **(_CLEAR | _cleared(np.zeros(1), last_month) if not joint.parts and joint.status == CLEARED else {}),
            **({"reason": message_json(_TOO_LATE, {})} if scenario.first > by else {}),
        }


def _projected(joint: Joint, by: int, chance: float, last_month: int) -> dict[str, Any]:
    """The chance by a target month, what the wanted one takes, and when the debt is cleared."""
    capacity, cost_eur, fte = joint.wanted(by, chance)
    return {
        "probability_cleared": float((joint.months <= by).mean()),
        "capacity_for_80pct": capacity,
        "cost_eur": cost_eur,
        "fte": fte,
        **_cleared(joint.months, last_month),
    }


def _status(without: Floats, nothing: float, chance: float) -> str:
    """What present capacity does, where what is left can be told from nothing."""
    if (without == 0).mean() >= chance:
        return CLEARED
    if nothing >= 1 - chance:
        return UNCLEAR
    return POSSIBLE if np.isfinite(without).mean() >= 1 - chance else NEVER


def _cleared(months: Floats, last_month: int) -> dict[str, str]:
    """The month of clearing by the quantiles that the table gives; empty when not within the horizon."""
    quantiles = {"cleared_month": 0.5, "cleared_lo80": 0.1, "cleared_hi80": 0.9}
    found = {name: return_scenarios.quantile(months, chance) for name, chance in quantiles.items()}
    return {name: month_text(last_month + int(m)) if np.isfinite(m) else "" for name, m in found.items()}


def _cost_eur(service: Service) -> float:
    """Euros of a contact."""
    return service.care_units_per_contact * service.unit_cost_eur


def _person_years(service: Service) -> float:
    """Person-years of a contact."""
    hours = service.care_units_per_contact * service.minutes_per_contact / _MINUTES_PER_HOUR
    return hours / service.contact_hours_per_person_year


def _curve(joints: Mapping[Scenario, Joint], settings: ClearingSettings, last_month: int) -> Iterator[dict[str, Any]]:
    """The chance of being clear by the first target date against capacity, from none to twice the wanted one of the
    middle return scenario, or to a tenth of the normal month where none is needed."""
    by = settings.target_months_ahead[0]
    returns = {one: joint for one, joint in joints.items() if one.plan is None and joint.parts}
    if not returns:
        return
    middle = sorted(returns, key=lambda one: one.return_share)[len(returns) // 2]
    widest = WIDEST * returns[middle].wanted(by, settings.wanted_chance)[0] or FALLBACK * returns[middle].normal_month
    capacities = widest * (np.arange(STEPS + 1) / STEPS)
    for scenario, joint in returns.items():
        for step, chance in enumerate(joint.chances(by, capacities)):
            yield {
                "scenario": scenario.name,
                "target_date": month_text(last_month + by),
                "n_persons": joint.n_persons,
                "step": step,
                "capacity_added_per_month": float(capacities[step]),
                "probability_cleared": float(chance),
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
