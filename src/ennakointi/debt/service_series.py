"""One service's monthly series of a target group in the area that the register held all the time,
standardised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.debt.expected import Floats, Months, standardise
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY

if TYPE_CHECKING:
    from ennakointi.panel import Panel

SURE_QUEUE = 5.0  # referrals waiting in a mean month; a shorter queue may have been empty for months


@dataclass(frozen=True)
class Account:
    """The months of a debt account, as month indices, ends included.

    `history_start` ≤ `baseline_start`: first month that backtests may use. Debt accrues from `window_start`
    to `window_end`; the pay-down runs to `last`.
    """

    history_start: int
    baseline_start: int
    baseline_end: int
    window_start: int
    window_end: int
    last: int

    @property
    def baseline_months(self) -> int:
        return self.baseline_end - self.baseline_start + 1

    @property
    def skip(self) -> int:
        """Months between the baseline's end and the window's start: simulated, not cumulated."""
        return self.window_start - self.baseline_end - 1

    @property
    def months(self) -> Months:
        """Months of the account from the window's start, shape (h,)."""
        return np.arange(self.window_start, self.last + 1)


@dataclass(frozen=True, eq=False)
class ServiceSeries:
    """One service over consecutive `months` (n,), from the first usable month to the account's last.

    `observed`, `expected` (n,): contacts, and contacts at the baseline's age-sex rates. `persons` (n,):
    distinct persons of the month. `waiting` (n,): referrals in the queue at month end, NaN where the register
    of referrals has not begun. `covered_share` (n,): share of all residents' person-time that lies in `municipalities`.
    """

    service: str
    account: Account
    municipalities: tuple[str, ...]
    months: Months
    observed: Floats
    expected: Floats
    persons: Floats
    waiting: Floats
    covered_share: Floats

    def between(self, values: Floats, first: int, last: int) -> Floats:
        """The part of a series from month `first` to month `last`, both included."""
        start = first - int(self.months[0])
        return values[start : start + last - first + 1]


def fit_account(panel: Panel, service: str, account: Account) -> tuple[tuple[str, ...], Account]:
    """The constant-coverage area, and the account as far as coverage and breaks let it run.

    The area is held, and not re-based, from the baseline's start to the account's last month. When no
    municipality is, the area is held to the window's end, or as far into the window as any is, and the
    account ends before the first month that is not held. The history runs back from the baseline as long as
    the whole area is held; a re-base before the baseline does not stop it, because it can only widen what the
    backtests find. People whose municipality is hidden are left out where the area is not every municipality: some
    of them live where nothing is held, and would come in with a change of organisers.
    """
    area, last = panel.areas(service, account.baseline_start, account.last), account.last
    if not area:
        last = account.window_end
        while last >= account.window_start and not (area := panel.areas(service, account.baseline_start, last)):
            last -= 1
        while area and set(area) <= set(panel.areas(service, account.baseline_start, last + 1)):
            last += 1
    lived_in = panel.person_time.loc[panel.person_time["resident_py"] > 0, "municipality"].unique()
    if set(lived_in) - {UNKNOWN_MUNICIPALITY, *area}:
        area = tuple(code for code in area if code != UNKNOWN_MUNICIPALITY)
    start = _held_since(panel, service, area, account)
    window_end = min(account.window_end, last)
    return area, replace(account, history_start=start, window_end=window_end, last=last)


def _held_since(panel: Panel, service: str, area: tuple[str, ...], account: Account) -> int:
    """First month from which the register holds the whole area up to the baseline."""
    rows = panel.coverage[(panel.coverage["service"] == service) & panel.coverage["municipality"].isin(area)]
    before = rows["month"].between(account.history_start, account.baseline_start - 1) & ~rows["covered"]
    return int(rows.loc[before, "month"].max()) + 1 if before.any() else account.history_start


def build(panel: Panel, service: str, account: Account, denominator: str) -> ServiceSeries:
    """The series of one service in its constant-coverage area.

    Parameters
    ----------
    denominator : `member_py` when membership does not depend on care; `resident_py` when it does: the group's
        contacts per *resident* person-year (prevalence × rate) keep the group's baseline size by age and sex
        when diagnosing stops.

    Returns
    -------
    A series with no municipality when the register does not hold the service all the time.
    """
    area, account = fit_account(panel, service, account)
    months = np.arange(account.history_start, account.last + 1)
    counts = panel.counts[(panel.counts["service"] == service) & panel.counts["municipality"].isin(area)]
    time = panel.person_time[panel.person_time["month"].between(months[0], months[-1])]
    inside = time[time["municipality"].isin(area)]
    person_years = _by_stratum(panel, inside, denominator, months)
    contacts = _by_stratum(panel, counts, "contacts", months)
    baseline = (months >= account.baseline_start) & (months <= account.baseline_end)
    standard = standardise(contacts, person_years, baseline)
    return ServiceSeries(
        service=service,
        account=account,
        municipalities=area,
        months=months,
        observed=contacts.sum(axis=0),
        expected=standard.expected,
        persons=_by_month(counts, "persons", months),
        waiting=_waiting(panel.queue, service, area, months),
        covered_share=_by_month(inside, "resident_py", months) / _by_month(time, "resident_py", months),
    )


def total(series: Sequence[ServiceSeries], panel: Panel, name: str = "all") -> ServiceSeries:
    """Services together, from the first month that every one of them has to the last month that any has.

    A service whose account ends earlier adds nothing from then on: its gap is no longer followed. `persons` of `all`
    are those with any contact in the services' areas; of other sums those of the largest service, a lower bound.
    `covered_share` is the mean weighted by expected contacts. `waiting` is not known: one person may wait for several
    services.
    """
    first = max(int(s.months[0]) for s in series)
    last = max(int(s.months[-1]) for s in series)
    n = last - first + 1

    def table(values: str) -> Floats:
        parts = [getattr(s, values)[first - int(s.months[0]) :] for s in series]
        return np.array([np.pad(part, (0, n - len(part))) for part in parts])

    expected = table("expected")
    weighted, everyone = (table("covered_share") * expected).sum(axis=0), expected.sum(axis=0)
    months = np.arange(first, last + 1)
    area = tuple(sorted(set().union(*(s.municipalities for s in series))))
    everybody = _by_month(panel.totals[panel.totals["municipality"].isin(area)], "persons", months)
    account = series[0].account
    window_end = max(s.account.window_end for s in series)
    return ServiceSeries(
        service=name,
        account=replace(account, history_start=first, window_end=window_end, last=last),
        municipalities=area,
        months=months,
        observed=table("observed").sum(axis=0),
        expected=everyone,
        persons=everybody if name == "all" else table("persons").max(axis=0),
        waiting=np.full(n, np.nan),
        covered_share=np.divide(weighted, everyone, out=np.full(n, np.nan), where=everyone > 0),
    )


def _by_stratum(panel: Panel, rows: pd.DataFrame, values: str, months: Months) -> Floats:
    """Sums by stratum of age band and sex, and month, shape (s, n); zero where there is no row."""
    kept = rows[rows["month"].between(months[0], months[-1])]
    bands, sexes = (
        pd.Categorical(kept[key], categories=list(names)).codes
        for key, names in (("age_band", panel.age_bands), ("sex", panel.sexes))
    )
    sums = np.zeros((len(panel.age_bands), len(panel.sexes), len(months)))
    np.add.at(sums, (bands, sexes, kept["month"].to_numpy(np.int64) - months[0]), kept[values].to_numpy(float))
    return sums.reshape(-1, len(months))


def _by_month(rows: pd.DataFrame, values: str, months: Months) -> Floats:
    sums = rows.groupby("month", observed=True)[values].sum()
    return sums.reindex(months, fill_value=0.0).to_numpy(float)


def _waiting(queue: pd.DataFrame, service: str, area: tuple[str, ...], months: Months) -> Floats:
    """Referrals waiting (n,); NaN before the register begins: its first month with any queue, or the first month of
    this service's queue where that is so long that its absence before cannot be chance."""
    if queue.empty:
        return np.full(len(months), np.nan)
    rows = queue[(queue["service"] == service) & queue["municipality"].isin(area)]
    waiting = _by_month(rows, "waiting", months)
    since = int(queue["month"].min())
    held = np.flatnonzero(waiting)
    if len(held) and waiting[held[0] :].mean() >= SURE_QUEUE:
        since = max(since, int(months[held[0]]))
    return np.where(months < since, np.nan, waiting)
