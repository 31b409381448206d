"""The tables `service_debt` and `debt_summary` from accounts: one row a month, one row a service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ennakointi.debt.ledger import Ledger
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.documents import Service

UNIT = "contacts"
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


def monthly(target_group: str, accounts: Mapping[str, Ledger], services: Mapping[str, Service]) -> pd.DataFrame:
    """`service_debt`: the baseline's months with fitted expectation, then the account's months.

    `hidden`, `lost`, `unexplained` and `structural` are empty: they are not estimated from a panel of counts.
    `n_persons` are the persons with contacts in the month, a lower bound of those behind a cumulated number.
    """
    frames = [_months(target_group, service, account) for service, account in accounts.items()]
    columns = list(RESULT_TABLES["service_debt"].names)
    if not frames:
        return pd.DataFrame(columns=columns)
    table = pd.concat(frames, ignore_index=True)
    table["debt_kind"] = table["service"].map(lambda service: debt_kind(service, services))
    table["unit"] = UNIT
    return table.reindex(columns=columns)


def debt_kind(service: str, services: Mapping[str, Service]) -> str:
    """Care, rehabilitation or service debt; `mixed` for all services together."""
    return services[service].debt_kind if service in services else "mixed"


def _months(target_group: str, service: str, account: Ledger) -> pd.DataFrame:
    series, calendar = account.series, account.series.account
    months = np.arange(calendar.baseline_start, calendar.last + 1)
    before = len(months) - len(account.debt)
    expected = np.concatenate([account.expected_before, account.expected])
    observed = series.between(series.observed, int(months[0]), calendar.last)
    substituted = np.concatenate([np.zeros(before), account.substituted])
    cumulated = ["debt", *INTERVAL, "debt_weeks", "gross", "returned", "visible"]
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
            **{name: np.concatenate([np.full(before, np.nan), getattr(account, name)]) for name in cumulated},
            "covered_share": series.between(series.covered_share, int(months[0]), calendar.last),
            "n_persons": series.between(series.persons, int(months[0]), calendar.last),
        }
    )


def summary(
    target_group: str,
    accounts: Mapping[str, Ledger],
    refusals: Mapping[str, Refusal],
    services: Mapping[str, Service],
) -> pd.DataFrame:
    """`debt_summary`: the total first, then services; those without a debt with their reason."""
    made = {service: _row(account, refusals) for service, account in accounts.items()}
    costs = {s: made[s]["debt"] * services[s].unit_cost_eur for s in made if s in services}
    refused = {service: {"status": why.status, "reason": why.message} for service, why in refusals.items()}
    rows = [
        {
            "target_group": target_group,
            "service": service,
            "debt_kind": debt_kind(service, services),
            "cost_eur": sum(costs.values()) if service == "all" and costs else costs.get(service, np.nan),
            **row,
        }
        for service, row in sorted({**refused, **made}.items(), key=lambda item: item[0] != "all")
    ]
    return pd.DataFrame(rows).reindex(columns=list(RESULT_TABLES["debt_summary"].names))


def _row(account: Ledger, refusals: Mapping[str, Refusal]) -> dict[str, Any]:
    """One service with a debt: sums over the window, the debt at its end, and what is left now."""
    n = account.window_months
    end, now = n - 1, len(account.debt) - 1
    calendar = account.series.account
    expected = float(account.expected[:n].sum())
    share = account.series.between(account.series.covered_share, calendar.window_start, calendar.window_end).mean()
    half_width = (account.debt_hi80[end] - account.debt_lo80[end]) / 2
    return {
        "status": "debt",
        "reason": _left_out(account, float(share), refusals),
        "until": month_text(calendar.window_end),
        "expected": expected,
        "observed": float(account.observed[:n].sum()),
        "substituted": float(account.substituted[:n].sum()),
        "debt": account.debt[end],
        **{name: getattr(account, name)[end] for name in INTERVAL},
        "debt_share": account.debt[end] / expected if expected > 0 else np.nan,
        "debt_weeks": account.debt_weeks[end],
        "visible": account.visible[end],
        "not_in_queue": account.debt[end] - account.visible[end],
        "now": account.debt[now],
        "now_lo80": account.debt_lo80[now],
        "now_hi80": account.debt_hi80[now],
        "noise_share": half_width / expected if expected > 0 else np.nan,
        "covered_share": float(share),
        "n_persons": account.series.between(account.series.persons, calendar.window_start, calendar.window_end).max(),
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
