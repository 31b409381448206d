"""Service debt: what was not given during a disruption, against expected use, cumulated by month with its
interval."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ennakointi.debt import calibration, ledger, paths, service_series, tables
from ennakointi.debt import checks as debt_checks
from ennakointi.debt.calibration import Calibration, UndisturbedSeries
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import Account, ServiceSeries
from ennakointi.debt.tables import Refusal
from ennakointi.results import Result
from ennakointi.text import N_

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters import TargetGroup
    from ennakointi.parameters.debt_documents import DebtSettings
    from ennakointi.parameters.documents import Service

MINIMUM_CONTACTS = 12  # in the baseline; with fewer the level is not known within a factor of two


@dataclass(frozen=True, eq=False)
class ServiceDebt(Result):
    """Tables `service_debt`, `debt_summary` and `debt_checks` of one target group; counts in contacts."""

    main: ClassVar[str] = "service_debt"


def estimate(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    seed: int,
    *,
    group: TargetGroup | None = None,
    contacts_per_episode: Mapping[str, float] | None = None,
    borrowed: Calibration | None = None,
) -> ServiceDebt:
    """Service debt of a target group by service and month.

    Observed and expected contacts are compared in the municipalities that the register holds from the
    baseline to the as-of month. Expected contacts are the age-sex rates of the baseline times the
    person-years lived, times a standardised index continued from the baseline (`paths.simulate`). When
    membership depends on care the rates are per resident person-year, so that the group keeps its baseline
    size by age and sex; a group defined by use itself gets no debt. Gaps are cumulated from the window's
    start; intervals are quantiles of cumulated paths, widened by backtests pooled over services
    (`calibration.calibrate`) and absent beyond the horizon that the backtests reach. The total of services is
    a series of its own laid about the sum of the services' debts.

    Parameters
    ----------
    group : the target group; None stands for a group that depends on nothing but residence
    contacts_per_episode : contacts that one person in the queue stands for, by service; 1 where not given
    borrowed : a calibration of the group `all`, used when the group's own history reaches less far

    Returns
    -------
    Tables as in `result_tables`; services without an estimate have a row in `debt_summary` with the reason.

    Measured on ten synthetic counties of 20,000 residents (`benchmarks/recovery.py`, seeds 1–10, 28
    services): the planted debt lies inside the 80 % interval in 82 % and inside the 95 % interval in 94 % of
    services × seeds. On null series: `calibration.calibrate`.
    """
    account = account_of(panel, settings)
    if group is not None and group.endogenous:
        return _refused(panel, settings, services, _ENDOGENOUS)
    short = _too_short(account, settings)
    if short is not None:
        return _refused(panel, settings, services, short)
    denominator = "resident_py" if group is not None and group.uses_care else "member_py"
    series, refusals = _followed(panel, account, services, denominator)
    simulated = {s: _simulated(series[s], settings.n_paths, seed) for s in series if s not in refusals}
    if not simulated:
        return _refused(panel, settings, services, _NOTHING, refusals)
    factors = _calibrated([series[s] for s in simulated], account, seed)
    if borrowed is not None and borrowed.reached_months > factors.reached_months:
        factors = replace(borrowed, borrowed=True)
    accounts = _accounts(series, simulated, services, factors, contacts_per_episode or {})
    accounts["all"] = _total(list(accounts.values()), panel, factors, settings.n_paths, seed)
    checks = debt_checks.checks(accounts, factors, panel.breaks)
    return ServiceDebt(
        {
            "service_debt": tables.monthly(panel.target_group, accounts, services),
            "debt_summary": tables.summary(panel.target_group, accounts, refusals, services),
            "debt_checks": debt_checks.table(panel.target_group, checks),
        },
        settings.model_dump(),
        tuple(check for _, check in checks),
        panel.as_of,
    )


def calibrate(panel: Panel, settings: DebtSettings, services: Mapping[str, Service], seed: int) -> Calibration:
    """The calibration of a group whose membership does not depend on care, usually `all`, for other groups to
    borrow.

    A group that can be told only since 2017 has no earlier years of its own to test the method on.
    """
    account = account_of(panel, settings)
    series, refusals = _followed(panel, account, services, "member_py")
    return _calibrated([series[s] for s in series if s not in refusals], account, seed)


def account_of(panel: Panel, settings: DebtSettings) -> Account:
    """The months of the account: settings cut to what the data and the group allow."""
    first = max(panel.first_month, panel.available_from)
    return Account(
        history_start=first,
        baseline_start=max(first, settings.baseline_first),
        baseline_end=settings.baseline_last,
        window_start=settings.window_first,
        window_end=min(settings.window_last, panel.last_month),
        last=panel.last_month,
    )


_ENDOGENOUS = Refusal(
    "refused",
    N_(
        "Use of services itself decides who belongs to the group. When use falls, the group shrinks, "
        "and a comparison of expected and observed contacts would mislead."
    ),
)
_NOTHING = Refusal("refused", N_("No service has enough covered months and contacts for an estimate."))
_NO_AREA = Refusal("refused", N_("The register holds no area through the whole baseline and the start of the window."))
_FEW = Refusal("refused", N_("There are fewer than 12 contacts in the baseline."))


def _too_short(account: Account, settings: DebtSettings) -> Refusal | None:
    """Why the account cannot be kept at all, or None."""
    if account.last < account.window_start:
        return Refusal("refused", N_("The data end before the window in which the debt accrues."))
    months = max(account.baseline_months, 0)
    if months >= settings.minimum_baseline_months:
        return None
    return Refusal(
        "deviation" if months >= 12 else "refused",
        N_("The baseline has {months} months; a service debt needs at least {needed}."),
        {"months": months, "needed": settings.minimum_baseline_months},
    )


def _followed(
    panel: Panel, account: Account, services: Mapping[str, Service], denominator: str
) -> tuple[dict[str, ServiceSeries], dict[str, Refusal]]:
    """Series of the services that the panel and the parameters know, and those without an estimate."""
    series: dict[str, ServiceSeries] = {}
    refusals: dict[str, Refusal] = {}
    for service in (s for s in services if s in panel.services):
        one = service_series.build(panel, service, account, denominator)
        refusal = _unfit(one)
        if one.municipalities:
            series[service] = one
        if refusal is not None:
            refusals[service] = refusal
    return series, refusals


def _unfit(series: ServiceSeries) -> Refusal | None:
    """Why a service gets no estimate, or None."""
    account = series.account
    if not series.municipalities or account.last < account.window_start:
        return _NO_AREA
    baseline = series.between(series.observed, account.baseline_start, account.baseline_end)
    expected = series.between(series.expected, account.baseline_start, account.last)
    return _FEW if baseline.sum() < MINIMUM_CONTACTS or not (expected > 0).all() else None


def _simulated(series: ServiceSeries, n_paths: int, seed: int) -> Paths:
    """Paths from the month after the baseline to the account's last."""
    account = series.account
    first, last = account.baseline_start, account.baseline_end
    return paths.simulate(
        series.between(series.observed, first, last),
        series.between(series.expected, first, last),
        np.arange(first, last + 1),
        series.between(series.expected, last + 1, account.last),
        n_paths,
        seed ^ zlib.crc32(series.service.encode()),
    )


def _calibrated(series: Iterable[ServiceSeries], account: Account, seed: int) -> Calibration:
    """Factors from the services' undisturbed months, trained as long as the baseline is."""
    return calibration.calibrate(
        [_undisturbed(one) for one in series],
        len(account.months),
        account.skip,
        train_months=account.baseline_months,
        seed=seed,
    )


def _undisturbed(series: ServiceSeries) -> UndisturbedSeries:
    first, last = series.account.history_start, series.account.window_start - 1
    return UndisturbedSeries(
        series.between(series.observed, first, last),
        series.between(series.expected, first, last),
        np.arange(first, last + 1),
    )


def _accounts(
    series: Mapping[str, ServiceSeries],
    simulated: Mapping[str, Paths],
    services: Mapping[str, Service],
    factors: Calibration,
    contacts_per_episode: Mapping[str, float],
) -> dict[str, Ledger]:
    """The account of every simulated service."""
    return {
        service: ledger.keep(
            series[service],
            paths_of,
            ledger.substitution(series[service], services[service].substitutes, series, simulated, len(paths_of.paths)),
            factors,
            contacts_per_episode.get(service, 1.0),
        )
        for service, paths_of in simulated.items()
    }


def _total(accounts: list[Ledger], panel: Panel, factors: Calibration, n_paths: int, seed: int) -> Ledger:
    """The account of all estimated services together."""
    together = service_series.total([account.series for account in accounts], panel)
    return ledger.added(accounts, together, _simulated(together, n_paths, seed), factors)


def _refused(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    why: Refusal,
    refusals: Mapping[str, Refusal] | None = None,
) -> ServiceDebt:
    """A result that says why there is no debt."""
    every = {"all": why, **(refusals or {})}
    return ServiceDebt(
        {
            "service_debt": tables.monthly(panel.target_group, {}, services),
            "debt_summary": tables.summary(panel.target_group, {}, every, services),
            "debt_checks": debt_checks.table(panel.target_group, []),
        },
        settings.model_dump(),
        (),
        panel.as_of,
    )
