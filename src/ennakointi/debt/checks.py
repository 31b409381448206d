"""What was checked of a service debt, as rows of `debt_checks`: all services together, and each service that
failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt import paths
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.tables import KIND
from ennakointi.periods import month_text
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.documents import Break, Service

AIMED_BASELINE_MONTHS = 36
AIMED_COVERAGE = 0.9
FALLBACK_LIMIT = 0.05  # share of expected contacts in services too small for the time-series model

ServiceCheck = tuple[str, Check]


def checks(
    accounts: Mapping[str, Ledger], factors: Calibration, breaks: Sequence[Break], services: Mapping[str, Service]
) -> list[ServiceCheck]:
    """All checks of the total, and of single services those that failed."""
    total = accounts["all"]
    found = [
        ("all", check)
        for check in (
            _baseline(total),
            _coverage(total),
            _fallback(accounts),
            _calibration(total, factors),
            _noise(total),
            _break_inside(total, breaks),
            _balance(total),
            _substitution(accounts, services),
            _OUTSIDE,
        )
    ]
    for service, account in accounts.items():
        if service != "all" and not service.startswith(KIND):
            found.extend((service, check) for check in of_account(account, breaks) if check.passed is False)
    return found


def table(target_group: str, found: Sequence[ServiceCheck]) -> pd.DataFrame:
    """Checks as rows of `debt_checks`."""
    words = {True: "yes", False: "no", None: "not_checked"}
    rows = [
        (target_group, service, check.name, words[check.passed], message_json(check.message, check.values))
        for service, check in found
    ]
    return pd.DataFrame(rows, columns=list(RESULT_TABLES["debt_checks"].names))


def of_account(account: Ledger, breaks: Sequence[Break] = ()) -> Iterator[Check]:
    """The checks of one account by itself."""
    yield _coverage(account)
    yield _noise(account)
    yield _break_inside(account, breaks)
    yield _balance(account)


_OUTSIDE = Check(
    "outside",
    None,
    "Private, occupational and student care outside the register is not known: part of the need that is not seen in "
    "queues may have been met there.",
)


def _substitution(accounts: Mapping[str, Ledger], services: Mapping[str, Service]) -> Check:
    """Whether a service that could have replaced another was used beyond expectation, with no replacement assumed."""
    assumed_none = {
        other
        for service in accounts
        if service in services
        for other, coefficient in services[service].substitutes.items()
        if coefficient == 0 and other in accounts
    }
    excess = {other: -accounts[other].terms.net[:, accounts[other].window_months - 1] for other in assumed_none}
    sure = {other: draws for other, draws in excess.items() if np.quantile(draws, 0.1) > 0}
    if not sure:
        return Check("substitution", True, "No service that could have replaced others was used more than expected.")
    total = accounts["all"]
    share = sum(float(draws.mean()) for draws in sure.values()) / float(total.expected[: total.window_months].sum())
    return Check(
        "substitution",
        False,
        "Services that could have replaced others were used more than expected, {excess_share} of all expected "
        "contacts, but no replacement is assumed: the debt may be smaller.",
        {"excess_share": share},
    )


def _balance(account: Ledger) -> Check:
    """Whether the missing contacts of counts and of persons agree: the unexplained rest against its 95 % interval."""
    rest, end = account.terms.unexplained, account.window_months - 1
    if rest is None:
        return Check("balance", None, "Hidden need is not known, so that the parts cannot be held against the whole.")
    low, high = account.interval(rest, 0.95)
    values = {"unexplained_share": float(rest[:, end].mean() / account.expected[: end + 1].sum())}
    if np.isnan(low[end]):
        return Check("balance", None, "Whether the parts explain the whole cannot be told: no interval is known.")
    if low[end] <= 0 <= high[end]:
        message = N_("The parts explain the whole: {unexplained_share} of the expected contacts is left over.")
        return Check("balance", True, message, values)
    message = N_("The parts do not explain the whole: {unexplained_share} of the expected contacts is left over.")
    return Check("balance", False, message, values)


def _baseline(account: Ledger) -> Check:
    months = account.series.account.baseline_months
    if months >= AIMED_BASELINE_MONTHS:
        return Check("baseline", True, "The baseline has {months} months.", {"months": months})
    return Check(
        "baseline",
        False,
        "The baseline has {months} months; {aimed} are aimed at: season and trend are learned from it.",
        {"months": months, "aimed": AIMED_BASELINE_MONTHS},
    )


def _coverage(account: Ledger) -> Check:
    calendar = account.series.account
    share = float(account.series.between(account.series.covered_share, calendar.window_start, calendar.last).mean())
    values = {"covered_share": share}
    if share >= AIMED_COVERAGE:
        return Check("coverage", True, "The register holds the same area all the time: {covered_share}.", values)
    return Check(
        "coverage",
        False,
        "The register holds the areas of {covered_share} of residents all the time; the rest is not known.",
        values,
    )


def _fallback(accounts: Mapping[str, Ledger]) -> Check:
    services = {s: account for s, account in accounts.items() if s != "all" and not s.startswith(KIND)}
    small = [a for a in services.values() if a.simulated.method == paths.COUNTS]
    every = sum(float(a.expected.sum()) for a in services.values())
    share = sum(float(a.expected.sum()) for a in small) / every
    values = {"fallbacks": len(small), "services": len(services), "contacts_share": share}
    return Check(
        "fallback",
        share <= FALLBACK_LIMIT,
        "{fallbacks} of {services} services are too small for the time-series model: their level is taken as "
        "constant. They make {contacts_share} of the expected contacts.",
        values,
    )


def _calibration(account: Ledger, factors: Calibration) -> Check:
    end = account.window_months - 1
    if end < len(factors.factor80) and np.isfinite(factors.factor80[end]):
        values = {"placebos": float(factors.placebos[end]), "factor": float(factors.factor80[end])}
        if factors.borrowed:
            return Check(
                "calibration",
                None,
                "Too few earlier years of this group to test the method. The width of the uncertainty interval is "
                "multiplied by {factor}, as for all residents, where the method was tried {placebos} times.",
                values,
            )
        return Check(
            "calibration",
            True,
            "The method was tried {placebos} times on earlier years: the width of the uncertainty interval was "
            "multiplied by {factor}, so that it held the true sum in 8 cases of 10.",
            values,
        )
    if not factors.reached_months:
        return Check(
            "calibration",
            False,
            "Too few earlier years to test the method: no uncertainty interval is given.",
        )
    last = account.series.account.window_start + factors.reached_months - 1
    return Check(
        "calibration",
        False,
        "Too few earlier years to test the method over the whole window: no uncertainty interval is given "
        "after {last_month}.",
        {"last_month": month_text(last)},
    )


def _noise(account: Ledger) -> Check:
    end = account.window_months - 1
    expected = float(account.expected[: end + 1].sum())
    half_width = float(account.debt_hi80[end] - account.debt_lo80[end]) / 2
    if not np.isfinite(half_width):
        return Check("noise", None, "Whether the difference is larger than chance cannot be told.")
    share = half_width / expected
    if account.debt_lo80[end] > 0 or account.debt_hi80[end] < 0:
        return Check("noise", True, "The difference is larger than chance (±{noise_share}).", {"noise_share": share})
    return Check("noise", False, "The difference is no larger than chance (±{noise_share}).", {"noise_share": share})


def _break_inside(account: Ledger, breaks: Sequence[Break]) -> Check:
    """Breaks that the series cannot cross; those of single municipalities have left the area already."""
    calendar, service = account.series.account, account.series.service
    cut = [
        known
        for known in breaks
        if known.treatment != "bridge"
        and not known.municipalities
        and (not known.services or service in known.services)
        and calendar.baseline_start < known.month <= calendar.last + 1
    ]
    if not cut:
        return Check("breaks", True, "No known change of organisers or records cuts the series.")
    return Check(
        "breaks",
        False,
        "A known change in {break_month} cannot be bridged: the account ends before it.",
        {"break_month": month_text(min(known.month for known in cut))},
    )
