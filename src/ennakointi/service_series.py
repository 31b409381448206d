"""One service's monthly series of a target group in the area that the register held all the time, standardised."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.expected import Floats, Months, standardise

if TYPE_CHECKING:
    from ennakointi.panel import Panel

STRATUM = ["age_band", "sex"]


@dataclass(frozen=True)
class Account:
    """The months of a debt account, as month indices, ends included.

    `history_start` ≤ `baseline_start`: first month that backtests may use. Debt accrues from `window_start` to
    `window_end`; the pay-down runs to `last`.
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

    `observed`, `expected` (n,): contacts, and contacts at the baseline's age-sex rates. `persons` (n,): distinct
    persons of the month. `waiting` (n,): persons in the queue at month end, NaN where no queue is known.
    `covered_share` (n,): share of all residents' person-time that lies in `municipalities`.
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

    @property
    def baseline(self) -> npt.NDArray[np.bool_]:
        """Which months are the baseline's, shape (n,)."""
        return (self.months >= self.account.baseline_start) & (self.months <= self.account.baseline_end)


def constant_area(covered: pd.DataFrame, first: int, last: int) -> tuple[str, ...]:
    """Municipalities that the register holds in every month from `first` to `last`.

    Parameters
    ----------
    covered : municipality × month (index × columns), bool; months that are not there count as not covered
    """
    months = list(range(first, last + 1))
    held = covered.reindex(columns=months, fill_value=False).astype(bool).all(axis=1)
    return tuple(held.index[held])


def covered_cells(panel: Panel, service: str) -> pd.DataFrame:
    """Coverage of one service, municipality × month, bool."""
    rows = panel.coverage[panel.coverage["service"] == service]
    return rows.pivot(index="municipality", columns="month", values="covered").fillna(False).astype(bool)


def fit_account(covered: pd.DataFrame, account: Account) -> tuple[tuple[str, ...], Account]:
    """The constant-coverage area, and the account as far as coverage lets it run.

    The area is held from the baseline's start to the account's last month. When no municipality is, the area is
    held to the window's end, and the account ends before the first month that is not held. The history runs back
    from the baseline as long as the whole area is held.
    """
    area = constant_area(covered, account.baseline_start, account.last)
    last = account.last
    if not area:
        area = constant_area(covered, account.baseline_start, account.window_end)
        last = account.window_end
        while area and _held(covered, area, last + 1):
            last += 1
    start = account.baseline_start
    while area and start > account.history_start and _held(covered, area, start - 1):
        start -= 1
    return area, replace(account, history_start=start, last=last)


def _held(covered: pd.DataFrame, area: tuple[str, ...], month: int) -> bool:
    return month in covered.columns and bool(covered.loc[list(area), month].all())


def build(panel: Panel, service: str, account: Account, denominator: str, left_out: Set[str]) -> ServiceSeries:
    """The series of one service in its constant-coverage area.

    Parameters
    ----------
    denominator : `member_py` when membership does not depend on care; `resident_py` when it does: the group's
        contacts per *resident* person-year (prevalence × rate) keep the group's baseline size by age and sex when
        diagnosing stops.
    left_out : municipalities whose series a known break cuts

    Returns
    -------
    A series with no municipality when the register does not hold the service all the time.
    """
    covered = covered_cells(panel, service)
    area, account = fit_account(covered[~covered.index.isin(left_out)], account)
    months = np.arange(account.history_start, account.last + 1)
    counts = panel.counts[(panel.counts["service"] == service) & panel.counts["municipality"].isin(area)]
    time = panel.person_time[panel.person_time["month"].between(months[0], months[-1])]
    inside = time[time["municipality"].isin(area)]
    person_years = _by_stratum(inside, denominator, months)
    contacts = _by_stratum(counts, "contacts", months).reindex(person_years.index, fill_value=0.0)
    baseline = (months >= account.baseline_start) & (months <= account.baseline_end)
    standard = standardise(contacts.to_numpy(), person_years.to_numpy(), baseline)
    return ServiceSeries(
        service=service,
        account=account,
        municipalities=area,
        months=months,
        observed=contacts.to_numpy().sum(axis=0),
        expected=standard.expected,
        persons=_by_month(counts, "persons", months),
        waiting=_waiting(panel.queue, service, area, months),
        covered_share=_by_month(inside, "resident_py", months) / _by_month(time, "resident_py", months),
    )


def total(series: Sequence[ServiceSeries]) -> ServiceSeries:
    """All services together, from the first month that every one of them has to the last month that any has.

    A service whose account ends earlier adds nothing from then on: its gap is no longer followed. `persons` is the
    largest of the services' counts, a lower bound of the distinct persons, since one person may use several.
    `covered_share` is the mean weighted by expected contacts. `waiting` is not known: persons wait for several.
    """
    first = max(int(s.months[0]) for s in series)
    last = max(int(s.months[-1]) for s in series)
    n = last - first + 1

    def table(values: str) -> Floats:
        parts = [getattr(s, values)[first - int(s.months[0]) :] for s in series]
        return np.array([np.pad(part, (0, n - len(part))) for part in parts])

    expected = table("expected")
    return ServiceSeries(
        service="all",
        account=replace(series[0].account, history_start=first, last=last),
        municipalities=tuple(sorted(set().union(*(s.municipalities for s in series)))),
        months=np.arange(first, last + 1),
        observed=table("observed").sum(axis=0),
        expected=expected.sum(axis=0),
        persons=table("persons").max(axis=0),
        waiting=np.full(n, np.nan),
        covered_share=(table("covered_share") * expected).sum(axis=0) / expected.sum(axis=0),
    )


def _by_stratum(rows: pd.DataFrame, values: str, months: Months) -> pd.DataFrame:
    """Sums by age band and sex (index) and month (columns), zero where there is no row."""
    kept = rows[rows["month"].between(months[0], months[-1])]
    sums = kept.groupby([*STRATUM, "month"], observed=True)[values].sum().unstack("month", fill_value=0.0)
    return sums.reindex(columns=months, fill_value=0.0).astype(float)


def _by_month(rows: pd.DataFrame, values: str, months: Months) -> Floats:
    sums = rows.groupby("month", observed=True)[values].sum()
    return sums.reindex(months, fill_value=0.0).to_numpy(float)


def _waiting(queue: pd.DataFrame, service: str, area: tuple[str, ...], months: Months) -> Floats:
    rows = queue[(queue["service"] == service) & queue["municipality"].isin(area)]
    if rows.empty:
        return np.full(len(months), np.nan)
    return _by_month(rows, "waiting", months)
