"""The tables `service_debt` and `debt_summary` from accounts: one row a month, one row a service."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ennakointi.debt import terms
from ennakointi.debt.ledger import Ledger
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.documents import Service

UNIT = "contacts"
KIND = "kind:"  # before a debt kind in the place of a service: the sum of its services
INTERVAL = ("debt_lo80", "debt_hi80", "debt_lo95", "debt_hi95")
FULLY_COVERED = 0.995


@dataclass(frozen=True)
class Refusal:
    """Why a service has no debt: `status` is `refused` or `deviation`, `reason` a sentence with slots."""

    status: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return message_json(self.reason, self.values)


def monthly(
    target_group: str,
    accounts: Mapping[str, Ledger],
    services: Mapping[str, Service],
    structural: Mapping[str, float],
) -> pd.DataFrame:
    """`service_debt`: the baseline's months with fitted expectation, then the account's months.

    `n_persons` are the persons with contacts in the month, a lower bound of those behind a cumulated number.
    """
    frames = [_months(target_group, service, account) for service, account in accounts.items()]
    columns = list(RESULT_TABLES["service_debt"].names)
    if not frames:
        return pd.DataFrame(columns=columns)
    table = pd.concat(frames, ignore_index=True)
    table["debt_kind"] = table["service"].map(lambda service: debt_kind(service, services))
    table["structural"] = table["service"].map(lambda service: _structural(service, services, accounts, structural))
    table["unit"] = UNIT
    return table.reindex(columns=columns)


def debt_kind(service: str, services: Mapping[str, Service]) -> str:
    """Care, rehabilitation or service debt; `mixed` for all services together."""
    return services[service].debt_kind if service in services else service.partition(KIND)[2] or "mixed"


def _parts_of(service: str, services: Mapping[str, Service], accounts: Mapping[str, Ledger]) -> list[str]:
    """The single services of a service or of a sum."""
    if service in services:
        return [service]
    kind = service.partition(KIND)[2]
    return [s for s in accounts if s in services and kind in ("", services[s].debt_kind)]


def _structural(
    service: str, services: Mapping[str, Service], accounts: Mapping[str, Ledger], structural: Mapping[str, float]
) -> float:
    found = [structural[s] for s in _parts_of(service, services, accounts) if s in structural]
    return float(np.sum(found)) if found else np.nan


def _months(target_group: str, service: str, account: Ledger) -> pd.DataFrame:
    series, calendar = account.series, account.series.account
    months = np.arange(calendar.baseline_start, calendar.last + 1)
    before = len(months) - len(account.observed)
    expected = np.concatenate([account.expected_before, account.expected])
    observed = series.between(series.observed, int(months[0]), calendar.last)
    substituted = np.concatenate([np.zeros(before), account.substituted])
    cumulated = {name: getattr(account, name) for name in ("debt", *INTERVAL, "debt_weeks", "gross", "returned")}
    cumulated |= {name: account.of(name) for name in ("visible", "hidden", "lost", "unexplained")}
    return pd.DataFrame(
        {
            "target_group": target_group,
            "service": service,
            "month": [month_text(int(m)) for m in months],
            "period": np.select(
                [months < calendar.window_start, months <= calendar.window_end],
                ["baseline", "window"],
                "after",
            ),
            "expected": expected,
            "observed": observed,
            "substituted": substituted,
            "gap": expected - substituted - observed,
            **{name: np.concatenate([np.full(before, np.nan), values]) for name, values in cumulated.items()},
            "covered_share": series.between(series.covered_share, int(months[0]), calendar.last),
            "n_persons": series.between(series.persons, int(months[0]), calendar.last),
        }
    )


def parts(
    target_group: str, accounts: Mapping[str, Ledger], services: Mapping[str, Service], months: Sequence[int]
) -> pd.DataFrame:
    """`debt_parts`: every term of the balance with its intervals at the end of some months.

    Of a sum of services `substituted` is what they replaced among each other, and `observed` the rest of the contacts.
    """
    rows = [
        {
            "target_group": target_group,
            "service": service,
            "month": month_text(month),
            "debt_kind": debt_kind(service, services),
            "part": part,
            "n_persons": _persons(account, month),
            **values,
        }
        for service, account in accounts.items()
        for month in months
        if account.series.account.window_start <= month <= account.series.account.last
        for part, values in _part_values(service, account, accounts, services, month)
    ]
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["debt_parts"].names))


def _persons(account: Ledger, month: int) -> float:
    """Persons of the largest month up to a month: a lower bound of those behind a cumulated number."""
    series = account.series
    return float(series.between(series.persons, series.account.window_start, month).max())


def _part_values(
    service: str, account: Ledger, accounts: Mapping[str, Ledger], services: Mapping[str, Service], month: int
) -> Iterator[tuple[str, dict[str, float]]]:
    """Each part with its value and interval ends at the end of a month."""
    at = month - account.series.account.window_start
    observed = np.cumsum(account.observed)
    drawn = dict(account.terms.named())
    if service not in services:
        own = [accounts[s].terms.substituted for s in _parts_of(service, services, accounts)]
        drawn["substituted"] = np.sum([np.maximum(terms.held(one, len(observed)), 0.0) for one in own], axis=0)
    replaced = drawn["substituted"].mean(axis=0)[at] - account.of("substituted")[at]
    known = {"expected": account.terms.net + observed, **drawn}
    yield "observed", {"value": float(observed[at] - replaced)}
    for part, draws in known.items():
        ends = {
            f"{end}{level}": float(values[at])
            for level in (80, 95)
            for end, values in zip(("lo", "hi"), account.interval(draws, level / 100), strict=True)
        }
        yield part, {"value": float(draws.mean(axis=0)[at]), **ends}


def summary(
    target_group: str,
    accounts: Mapping[str, Ledger],
    refusals: Mapping[str, Refusal],
    services: Mapping[str, Service],
    structural: Mapping[str, float],
) -> pd.DataFrame:
    """`debt_summary`: the total first, then kinds and services; those without a debt with their reason.

    Euros and person-years are those of contacts or of care days, whichever the service's unit cost and minutes are of.
    """
    refused = {service: {"status": why.status, "reason": why.message} for service, why in refusals.items()}
    made = {service: _row(account, refusals) for service, account in accounts.items()}
    rows = [
        {
            "target_group": target_group,
            "service": service,
            "debt_kind": debt_kind(service, services),
            "structural": _structural(service, services, accounts, structural),
            **(_work(_parts_of(service, services, accounts), made, services) if service in made else {}),
            **row,
        }
        for service, row in sorted({**refused, **made}.items(), key=lambda item: _order(item[0]))
    ]
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["debt_summary"].names))


def _order(service: str) -> int:
    return 0 if service == "all" else 1 if service.startswith(KIND) else 2


def _work(
    parts: Sequence[str], made: Mapping[str, Mapping[str, Any]], services: Mapping[str, Service]
) -> dict[str, float]:
    """Euros and person-years of work that the debt of some services stands for."""
    units = {s: made[s]["debt"] * services[s].care_units_per_contact for s in parts if s in made}
    hours = {s: units[s] * services[s].minutes_per_contact / 60 for s in units}
    return {
        "cost_eur": sum(units[s] * services[s].unit_cost_eur for s in units),
        "fte": sum(hours[s] / services[s].contact_hours_per_person_year for s in units),
    }


def _row(account: Ledger, refusals: Mapping[str, Refusal]) -> dict[str, Any]:
    """One service with a debt: sums over the window, the debt at its end, and what is left now."""
    n = account.window_months
    end, now = n - 1, len(account.observed) - 1
    calendar = account.series.account
    expected, debt = float(account.expected[:n].sum()), float(account.debt[end])
    share = account.series.between(account.series.covered_share, calendar.window_start, calendar.window_end).mean()
    ends = {name: getattr(account, name) for name in INTERVAL}
    half_width = (ends["debt_hi80"][end] - ends["debt_lo80"][end]) / 2
    visible = account.of("visible")[end]
    return {
        "status": "debt",
        "reason": _left_out(account, float(share), refusals),
        "until": month_text(calendar.window_end),
        "expected": expected,
        "observed": float(account.observed[:n].sum()),
        "substituted": float(account.substituted[:n].sum()),
        "debt": debt,
        **{name: values[end] for name, values in ends.items()},
        "debt_share": debt / expected if expected > 0 else np.nan,
        "debt_weeks": account.debt_weeks[end],
        "gross": account.gross[end],
        "returned": account.returned[end],
        **{name: account.of(name)[end] for name in ("visible", "hidden", "lost", "unexplained")},
        "not_in_queue": debt - visible,
        "now": account.debt[now],
        "now_lo80": ends["debt_lo80"][now],
        "now_hi80": ends["debt_hi80"][now],
        "noise_share": half_width / expected if expected > 0 else np.nan,
        "own_weight": account.own_weight,
        "covered_share": float(share),
        "n_persons": _persons(account, calendar.window_end),
    }


def _left_out(account: Ledger, share: float, refusals: Mapping[str, Refusal]) -> str:
    """What the estimate leaves out, or empty."""
    if account.series.service == "all" and refusals:
        return message_json(
            N_("Services without an estimate: {services}. The others cover {covered_share} of residents."),
            {"services": len(refusals), "covered_share": share},
        )
    if share < FULLY_COVERED:
        return message_json(
            N_("Only areas that the register holds all the time: {covered_share} of residents."),
            {"covered_share": share},
        )
    return ""
