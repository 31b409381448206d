"""The account of one service's debt: arrays over the months since the window began.

h is the number of months of the account, p the number of paths.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ennakointi.debt import paths
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.expected import Floats
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import ServiceSeries
from ennakointi.periods import DAYS_PER_YEAR

WEEKS_PER_MONTH = DAYS_PER_YEAR / 12 / 7


@dataclass(frozen=True, eq=False)
class Substitution:
    """Contacts that other services gave instead: `cumulated` (h,), and `deviations` (p, h) of it by path."""

    cumulated: Floats
    deviations: Floats


@dataclass(frozen=True, eq=False)
class Ledger:
    """One service's account; all arrays (h,) from the window's first month.

    `expected`, `observed`, `substituted` and `gap` are monthly; `debt`, its interval ends, `gross`,
    `returned` and `visible` are cumulated. Interval ends are NaN beyond the calibrated horizon, `visible`
    where no queue is known. `simulated` starts after the baseline, `skip` months before the window;
    `expected_before` (b,) is the expectation from the baseline's start to the window.
    """

    series: ServiceSeries
    simulated: Paths
    expected_before: Floats
    expected: Floats
    observed: Floats
    substituted: Floats
    gap: Floats
    debt: Floats
    debt_lo80: Floats
    debt_hi80: Floats
    debt_lo95: Floats
    debt_hi95: Floats
    gross: Floats
    returned: Floats
    visible: Floats

    @property
    def window_months(self) -> int:
        """Months of the window, of which the last is the one that the summary speaks of."""
        return self.series.account.window_end - self.series.account.window_start + 1

    @property
    def debt_weeks(self) -> Floats:
        """Debt in weeks of mean expected service since the window began, shape (h,)."""
        mean_month = np.cumsum(self.expected) / np.arange(1, len(self.expected) + 1)
        return self.debt / np.where(mean_month > 0, mean_month, np.nan) * WEEKS_PER_MONTH


def keep(
    series: ServiceSeries,
    simulated: Paths,
    substitution: Substitution,
    calibration: Calibration,
    contacts_per_episode: float,
) -> Ledger:
    """The account of one service: gap = expected − substituted − observed, signed, cumulated.

    The interval is made of quantiles of cumulated paths of expected − substituted, widened about the point by
    the calibrated factor of its horizon. `visible` is the change of the queue since the month before the
    window, in contacts. Hand check: expected 10, 10, 10, observed 4, 12, 10: gap 6, −2, 0; debt 6, 4, 4;
    gross 6, 6, 6; returned 0, 2, 2.
    """
    account = series.account
    expected = simulated.point[account.skip :]
    observed = series.between(series.observed, account.window_start, account.last)
    substituted = np.diff(substitution.cumulated, prepend=0.0)
    gap = expected - substituted - observed
    debt = np.cumsum(gap)
    deviations = paths.cumulated_deviations(simulated, account.skip) - substitution.deviations
    low80, high80 = interval(debt, deviations, calibration.factor80, 0.80)
    low95, high95 = interval(debt, deviations, calibration.factor95, 0.95)
    waiting = series.between(series.waiting, account.window_start - 1, account.last)
    return Ledger(
        series=series,
        simulated=simulated,
        expected_before=np.concatenate([simulated.fitted, simulated.point[: account.skip]]),
        expected=expected,
        observed=observed,
        substituted=substituted,
        gap=gap,
        debt=debt,
        debt_lo80=low80,
        debt_hi80=high80,
        debt_lo95=low95,
        debt_hi95=high95,
        gross=np.cumsum(np.maximum(gap, 0.0)),
        returned=np.cumsum(np.maximum(-gap, 0.0)),
        visible=(waiting[1:] - waiting[0]) * contacts_per_episode,
    )


def interval(debt: Floats, deviations: Floats, factor: Floats, coverage: float) -> tuple[Floats, Floats]:
    """Ends of the interval of a cumulated debt, shape (h,) each; NaN where `factor` (≥ h,) is."""
    low, high = paths.quantile_ends(deviations, coverage)
    widening = factor[: len(debt)]
    return debt + widening * low, debt + widening * high


def substitution(
    series: ServiceSeries,
    coefficients: Mapping[str, float],
    others: Mapping[str, ServiceSeries],
    simulated: Mapping[str, Paths],
    n_paths: int,
) -> Substitution:
    """What substitutes gave beyond their own expected use, times their coefficients.

    A substitute's excess is signed and cumulated, and only the cumulated sum is held at zero or above: a
    month below its expectation takes back an earlier month's excess. A substitute without use in the baseline
    (a new service) is excess from its first contact. Hand check: excess +5, −2, +4 with coefficient .5:
    cumulated 2.5, 1.5, 3.5.
    """
    account = series.account
    h = account.last - account.window_start + 1
    excess, deviations = np.zeros(h), np.zeros((n_paths, h))
    for other, coefficient in coefficients.items():
        if coefficient == 0 or other not in others:
            continue
        observed = _padded(others[other], others[other].observed, account.window_start, h)
        excess += coefficient * np.cumsum(observed)
        if other in simulated:
            skip = others[other].account.skip
            excess -= coefficient * np.cumsum(_fitted_to(simulated[other].point[skip:], h))
            deviations -= coefficient * _fitted_to(paths.cumulated_deviations(simulated[other], skip), h)
    cumulated = np.maximum(excess, 0.0)
    return Substitution(cumulated, np.maximum(excess + deviations, 0.0) - cumulated)


def added(ledgers: list[Ledger], series: ServiceSeries, simulated: Paths, calibration: Calibration) -> Ledger:
    """The account of all services together: the sum of the services' accounts, with an interval of its own.

    Errors of services go together (a mild winter, a strike), so the interval is not made of the services'
    intervals: the sum is modelled as one more series, and its cumulated deviations are laid about the sum of
    the services' debts. Placebo sums of 25 Scottish departments: nominal 80 % covered 75 % this way, 64 %
    with independent services, 91 % at twice the width with perfectly dependent ones. Nothing is substituted
    inside the total: what one service gave for another stands in its observed contacts already.
    """
    h = series.account.last - series.account.window_start + 1

    def table(values: str) -> Floats:
        parts = [getattr(ledger, values) for ledger in ledgers]
        return np.array([np.pad(part, (0, h - len(part)), mode="constant") for part in parts])

    gap = table("expected").sum(axis=0) - table("observed").sum(axis=0)
    debt = np.cumsum(gap)
    deviations = paths.cumulated_deviations(simulated, series.account.skip)
    low80, high80 = interval(debt, deviations, calibration.factor80, 0.80)
    low95, high95 = interval(debt, deviations, calibration.factor95, 0.95)
    queues = np.array([ledger.visible for ledger in ledgers if len(ledger.visible) == h])
    known = len(queues) > 0 and bool(np.isfinite(queues).any())
    return Ledger(
        series=series,
        simulated=simulated,
        expected_before=np.sum([ledger.expected_before for ledger in ledgers], axis=0),
        expected=table("expected").sum(axis=0),
        observed=table("observed").sum(axis=0),
        substituted=np.zeros(h),
        gap=gap,
        debt=debt,
        debt_lo80=low80,
        debt_hi80=high80,
        debt_lo95=low95,
        debt_hi95=high95,
        gross=np.cumsum(np.maximum(gap, 0.0)),
        returned=np.cumsum(np.maximum(-gap, 0.0)),
        visible=np.nansum(queues, axis=0) if known else np.full(h, np.nan),
    )


def _padded(series: ServiceSeries, values: Floats, first: int, h: int) -> Floats:
    return _fitted_to(values[first - int(series.months[0]) :], h)


def _fitted_to(values: Floats, h: int) -> Floats:
    """The first h months; months after the end repeat nothing: 0 for counts."""
    kept = values[..., :h]
    missing = h - kept.shape[-1]
    return np.pad(kept, [(0, 0)] * (kept.ndim - 1) + [(0, missing)]) if missing else kept
