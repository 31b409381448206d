"""Service debt: what was not given during a disruption, against expected use, what became of it, and its interval."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from ennakointi.debt import borrowing, calibration, ledger, lost, paths, service_series, tables, terms, visible
from ennakointi.debt import checks as debt_checks
from ennakointi.debt.borrowing import Everyone
from ennakointi.debt.calibration import Calibration, UndisturbedSeries
from ennakointi.debt.expected import Floats
from ennakointi.debt.ledger import Ledger, Missing
from ennakointi.debt.lost import Fading
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import Account, ServiceSeries
from ennakointi.debt.tables import KIND, Refusal
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
    """Tables `service_debt`, `debt_summary`, `debt_parts` and `debt_checks` of one target group; counts in contacts."""

    main: ClassVar[str] = "service_debt"


@dataclass(frozen=True, eq=False)
class Accounts:
    """The accounts of a target group by service, by kind (`kind:care`) and of `all`; empty where there is no debt.

    `refusals`: services without an account and why; `all` when there is none at all. `fading`: how open needs of each
    service end.
    """

    ledgers: Mapping[str, Ledger]
    refusals: Mapping[str, Refusal]
    factors: Calibration
    fading: Mapping[str, Fading] = field(default_factory=dict)

    @property
    def services(self) -> dict[str, Ledger]:
        """The accounts of single services."""
        return {s: one for s, one in self.ledgers.items() if s != "all" and not s.startswith(KIND)}


def estimate(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    found: Accounts,
    structural: Mapping[str, float] | None = None,
) -> ServiceDebt:
    """The tables of a group's accounts (`accounts`).

    Parameters
    ----------
    structural : contacts in the queue above its target before the disruption, by service
    """
    breaks = [known for known in panel.breaks if not known.groups or panel.target_group in known.groups]
    checks = debt_checks.checks(found.ledgers, found.factors, breaks, services) if found.ledgers else []
    months = {settings.window_last, panel.last_month}
    return ServiceDebt(
        {
            "service_debt": tables.monthly(panel.target_group, found.ledgers, services, structural or {}),
            "debt_summary": tables.summary(
                panel.target_group, found.ledgers, found.refusals, services, structural or {}
            ),
            "debt_parts": tables.parts(panel.target_group, found.ledgers, services, sorted(months)),
            "debt_checks": debt_checks.table(panel.target_group, checks),
        },
        settings.model_dump(),
        tuple(check for _, check in checks),
        panel.as_of,
    )


def accounts(
    panel: Panel,
    settings: DebtSettings,
    services: Mapping[str, Service],
    seed: int,
    *,
    group: TargetGroup | None = None,
    borrowed: Calibration | None = None,
    calibrated: Calibration | None = None,
    persons: pd.DataFrame | None = None,
    prior: Mapping[str, Everyone] | None = None,
) -> Accounts:
    """Accounts of service debt of a target group by service and month.

    Observed and expected contacts are compared in the municipalities that the register holds from the
    baseline to the as-of month. Expected contacts are the age-sex rates of the baseline times the
    person-years lived, times a standardised index continued from the baseline (`paths.simulate`). When
    membership depends on care the rates are per resident person-year, so that the group keeps its baseline
    size by age and sex; a group defined by use itself gets no debt. Gaps are cumulated from the window's
    start; their draws are cumulated paths, widened by backtests pooled over services (`calibration.calibrate`), without
    an interval beyond the horizon that the backtests reach. What became of the missing contacts is estimated part by
    part (`ledger.keep`). A small service of a group borrows from all residents (`pooling`). Sums over services are
    sums of draws, ordered so that `all` is as wide as its own simulated series (`terms.coupled`).

    Parameters
    ----------
    group : the target group; None stands for a group that depends on nothing but residence
    borrowed : a calibration of the group `all`, used when the group's own history reaches less far
    calibrated : a calibration that is taken as it is, instead of learning one
    persons : the group's rows of `person_model` (`debt.hidden`); without them nothing is told of hidden need
    prior : all residents' accounts by service (`borrowing.everyone`), for a group

    Measured on 20 synthetic counties of 20,000 residents (`benchmarks/debt.py county`), planted terms inside their 80 %
    interval: debt .79, hidden .86, lost .81, visible .86, unexplained .88, substituted .58 (a substitute that is itself
    in debt shows no surplus). On null series: `calibration.calibrate`.
    """
    account = account_of(panel, settings)
    refusal = _ENDOGENOUS if group is not None and group.endogenous else _too_short(account, settings)
    if refusal is not None:
        return Accounts({}, {"all": refusal}, _UNKNOWN)
    denominator = "resident_py" if group is not None and group.uses_care else "member_py"
    series, refusals = _followed(panel, account, services, denominator)
    simulated = {s: _simulated(series[s], settings, seed) for s in series if s not in refusals}
    if not simulated:
        return Accounts({}, {"all": _NOTHING, **refusals}, _UNKNOWN)
    own_factors = calibrated or _calibrated([series[s] for s in simulated], account, settings, seed)
    factors = borrowing.reaching_further(own_factors, borrowed)
    told = borrowing.person_models(persons)
    nets = {s: ledger.net(series[s], simulated[s], factors) for s in simulated}
    pooled = borrowing.borrowed(nets, series, told, prior, float(settings.pool_below_contacts_a_month), seed)
    together = service_series.total([series[s] for s in simulated], panel)
    every = _simulated(together, settings, seed)
    spread = ledger.net(together, every, factors)[:, : together.account.window_end - account.window_start + 1]
    nets = terms.coupled(pooled.nets, spread.shape[1] - 1, float(spread[:, -1].std()), np.random.default_rng(seed))
    missing = {s: Missing(series[s], simulated[s], nets[s], factors, pooled.weights[s]) for s in nets}
    fading = _fading(list(nets), settings, persons, seed)
    queues = _queues(series, list(nets), services, settings, seed)
    replaced = terms.substitution({**nets, **_new(series, refusals)}, {s: services[s].substitutes for s in nets})
    ledgers = {s: ledger.keep(missing[s], replaced[s], queues[s], fading[s], pooled.persons.get(s), seed) for s in nets}
    kinds = _kinds(ledgers, panel, services, settings, factors, seed)
    total = ledger.added(list(ledgers.values()), together, every, factors)
    return Accounts({**ledgers, **kinds, "all": total}, refusals, factors, fading)


_UNKNOWN = Calibration(np.zeros(0), np.zeros(0), np.zeros(0))


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


def _simulated(series: ServiceSeries, settings: DebtSettings, seed: int) -> Paths:
    """Paths from the month after the baseline to the account's last."""
    account = series.account
    first, last = account.baseline_start, account.baseline_end
    return paths.simulate(
        series.between(series.observed, first, last),
        series.between(series.expected, first, last),
        np.arange(first, last + 1),
        series.between(series.expected, last + 1, account.last),
        settings.n_paths,
        seed ^ zlib.crc32(series.service.encode()),
        settings.trend,
    )


def _calibrated(series: Iterable[ServiceSeries], account: Account, settings: DebtSettings, seed: int) -> Calibration:
    """Factors from the services' undisturbed months, trained as long as the baseline is."""
    return calibration.calibrate(
        [_undisturbed(one) for one in series],
        len(account.months),
        account.skip,
        train_months=account.baseline_months,
        seed=seed,
        trend=settings.trend,
    )


def _undisturbed(series: ServiceSeries) -> UndisturbedSeries:
    first, last = series.account.history_start, series.account.window_start - 1
    return UndisturbedSeries(
        series.between(series.observed, first, last),
        series.between(series.expected, first, last),
        np.arange(first, last + 1),
    )


def _fading(
    services: Sequence[str], settings: DebtSettings, persons: pd.DataFrame | None, seed: int
) -> dict[str, Fading]:
    """How open needs of each service end; departures are those of its own users, where persons tell them."""
    general = lost.fading(settings, settings.n_paths, seed)
    leaving = {s: lost.departures(persons, s) for s in services}
    return {s: lost.of_service(general, s, settings, leaving[s], seed ^ zlib.crc32(s.encode())) for s in services}


def _queues(
    series: Mapping[str, ServiceSeries],
    chosen: Sequence[str],
    services: Mapping[str, Service],
    settings: DebtSettings,
    seed: int,
) -> dict[str, Floats | None]:
    """Contacts that wait beyond the expected queue, draws by service."""
    horizon = max(len(series[s].account.months) for s in chosen)
    factors = visible.calibrate([series[s] for s in chosen], horizon, seed, settings.trend)
    found = {
        s: visible.excess(
            series[s], factors, settings.n_paths, seed ^ zlib.crc32(f"queue {s}".encode()), settings.trend
        )
        for s in chosen
    }
    return {s: None if one is None else one * float(services[s].contacts_per_episode) for s, one in found.items()}


def _spare(missing: Mapping[str, Missing], services: Mapping[str, Service]) -> set[str]:
    """Services that may replace others and gave more than was expected of them: no need of theirs is hidden."""
    substitutes = {other for s in missing for other in services[s].substitutes}
    ends = {s: missing[s].series.account.window_end - missing[s].series.account.window_start for s in missing}
    return {s for s in substitutes & set(missing) if missing[s].net[:, ends[s]].mean() < 0}


def _new(series: Mapping[str, ServiceSeries], refusals: Mapping[str, Refusal]) -> dict[str, Floats]:
    """Services without use in the baseline, as substitutes: every contact is beyond what was expected."""
    return {
        s: -np.cumsum(one.between(one.observed, one.account.window_start, one.account.last))[None, :]
        for s, one in series.items()
        if s in refusals and one.account.last >= one.account.window_start
    }


def _kinds(
    ledgers: Mapping[str, Ledger],
    panel: Panel,
    services: Mapping[str, Service],
    settings: DebtSettings,
    factors: Calibration,
    seed: int,
) -> dict[str, Ledger]:
    """Accounts of the kinds of debt, where there is more than one."""
    kinds = list(dict.fromkeys(services[s].debt_kind for s in ledgers))
    found: dict[str, Ledger] = {}
    for kind in kinds if len(kinds) > 1 else ():
        parts = [one for s, one in ledgers.items() if services[s].debt_kind == kind]
        together = service_series.total([one.series for one in parts], panel, KIND + kind)
        found[KIND + kind] = ledger.added(parts, together, _simulated(together, settings, seed), factors)
    return found
