"""The account of one service's debt: arrays over the months since the window began, and its terms as draws.

h is the number of months of the account, p the number of draws.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi.debt import lost, paths, terms
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.expected import Floats
from ennakointi.debt.lost import Fading
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import ServiceSeries
from ennakointi.debt.terms import Terms
from ennakointi.debt.visible import reaching
from ennakointi.periods import DAYS_PER_YEAR

WEEKS_PER_MONTH = DAYS_PER_YEAR / 12 / 7


@dataclass(frozen=True, eq=False)
class Ledger:
    """One service's account; all arrays (h,) from the window's first month.

    `expected`, `observed`, `substituted` and `gap` are monthly; `debt`, its interval ends, `gross`, `returned` and the
    terms (p, h) are cumulated. Interval ends are NaN beyond the calibrated horizon. `simulated` starts after the
    baseline, `skip` months before the window; `expected_before` (b,) is the expectation from the baseline's start to
    the window. `own_weight`: weight of the group's own data, the rest being borrowed from all residents.
    """

    series: ServiceSeries
    simulated: Paths
    terms: Terms
    factors: Calibration
    expected_before: Floats
    observed: Floats
    own_weight: float = 1.0

    @property
    def window_months(self) -> int:
        """Months of the window, of which the last is the one that the summary speaks of."""
        return self.series.account.window_end - self.series.account.window_start + 1

    @property
    def expected(self) -> Floats:
        """Expected contacts of each month: what was observed and what was missing."""
        return np.asarray(self.observed + np.diff(self.terms.net.mean(axis=0), prepend=0.0))

    @property
    def substituted(self) -> Floats:
        """Contacts that other services gave instead in each month."""
        return np.diff(self.terms.substituted.mean(axis=0), prepend=0.0)

    @property
    def gap(self) -> Floats:
        """Expected − substituted − observed of each month, signed."""
        return self.expected - self.substituted - self.observed

    @property
    def debt(self) -> Floats:
        """The gap cumulated: the mean of the draws."""
        return np.asarray(self.terms.debt.mean(axis=0))

    @property
    def gross(self) -> Floats:
        """Positive gaps only, cumulated."""
        return np.cumsum(np.maximum(self.gap, 0.0))

    @property
    def returned(self) -> Floats:
        """Observed above expected, cumulated; beside the balance, not in it."""
        return np.cumsum(np.maximum(-self.gap, 0.0))

    @property
    def debt_weeks(self) -> Floats:
        """Debt in weeks of mean expected service since the window began."""
        mean_month = np.cumsum(self.expected) / np.arange(1, len(self.observed) + 1)
        return self.debt / np.where(mean_month > 0, mean_month, np.nan) * WEEKS_PER_MONTH

    def of(self, part: str) -> Floats:
        """Mean (h,) of a term's draws, NaN where the term is not known."""
        draws = getattr(self.terms, part)
        return np.full(len(self.observed), np.nan) if draws is None else draws.mean(axis=0)

    def interval(self, draws: Floats, coverage: float) -> tuple[Floats, Floats]:
        """Ends (h,) of the interval of a term's draws; NaN beyond the calibrated horizon.

        The draws have the spread that made earlier 80 % intervals cover; other levels are widened by their own factor.
        """
        wanted = self.factors.factor80 if coverage <= 0.8 else self.factors.factor95
        h = draws.shape[1]
        widening = _cut(wanted, h) / reaching(self.factors.factor80, h)
        centre = draws.mean(axis=0)
        low, high = paths.quantile_ends(draws - centre, coverage)
        return centre + widening * low, centre + widening * high

    @property
    def debt_lo80(self) -> Floats:
        return self.interval(self.terms.debt, 0.80)[0]

    @property
    def debt_hi80(self) -> Floats:
        return self.interval(self.terms.debt, 0.80)[1]

    @property
    def debt_lo95(self) -> Floats:
        return self.interval(self.terms.debt, 0.95)[0]

    @property
    def debt_hi95(self) -> Floats:
        return self.interval(self.terms.debt, 0.95)[1]


@dataclass(frozen=True)
class PersonModel:
    """What persons tell of a service: the net missing share of expected contacts at the window's end with its standard
    deviation, and the correlation of its error with that of the counts."""

    share: float
    sd: float
    correlation: float


def net(series: ServiceSeries, simulated: Paths, factors: Calibration) -> Floats:
    """Draws (p, h) of Σ (expected − observed), laid about the point and widened by the calibrated factor of each
    horizon. Hand check: expected 10, 10, 10, observed 4, 12, 10: 6, 4, 4."""
    account = series.account
    observed = series.between(series.observed, account.window_start, account.last)
    point = np.cumsum(simulated.point[account.skip :] - observed)
    deviations = paths.cumulated_deviations(simulated, account.skip)
    own = factors.of(simulated, account.skip)
    return np.asarray(point + reaching(own.factor80, len(point)) * deviations)


@dataclass(frozen=True, eq=False)
class Missing:
    """What one service did not give: its series, the paths of its expected use, and draws (p, h) of Σ (expected −
    observed), of which the group's own data have `own_weight`."""

    series: ServiceSeries
    simulated: Paths
    net: Floats
    factors: Calibration
    own_weight: float = 1.0


def keep(
    missing: Missing,
    substituted: Floats,
    queue: Floats | None,
    fade: Fading,
    persons: PersonModel | None,
    seed: int = 0,
) -> Ledger:
    """The account of one service, its parts estimated apart from each other.

    Parameters
    ----------
    substituted : (p, h) from `terms.substitution`
    queue : (p, h) contacts that wait beyond the expected queue, or None
    fade : how needs end. persons : None where no persons tell what is hidden
    """
    series, account = missing.series, missing.series.account
    months, debt = account.window_end - account.window_start + 1, missing.net - substituted
    own_seed = seed ^ zlib.crc32(f"parts {series.service}".encode())
    ended = lost.cumulated(debt[:, :months], fade, own_seed)
    hidden, rest = None, debt.shape[1] - months
    if persons is not None and queue is not None:
        hidden = _hidden(missing.net, debt, queue, ended.all, persons, series, own_seed)
        hidden = np.hstack([hidden, lost.carried(hidden[:, -1], rest, fade)])
    died, moved, passed = (
        _carried_on(so_far, share, queue, hidden, rest)
        for so_far, share in ((ended.died, fade.died), (ended.moved, fade.moved), (ended.not_needed, fade.passes))
    )
    simulated = missing.simulated
    return Ledger(
        series=series,
        simulated=simulated,
        terms=Terms(
            net=missing.net,
            substituted=substituted,
            visible=queue,
            lost_died=died if fade.departures_known else None,
            lost_moved=moved if fade.departures_known else None,
            lost_not_needed=passed,
            hidden=hidden,
        ),
        factors=missing.factors,
        expected_before=np.concatenate([simulated.fitted, simulated.point[: account.skip]]),
        observed=series.between(series.observed, account.window_start, account.last),
        own_weight=missing.own_weight,
    )


def _hidden(
    net_draws: Floats,
    debt: Floats,
    queue: Floats,
    ended: Floats,
    persons: PersonModel,
    series: ServiceSeries,
    seed: int,
) -> Floats:
    """Need in no queue over the window, (p, months): what persons did not get, less what is known to have become of it.

    The persons' own missing contacts at the window's end differ from those of the counts by the unexplained rest, which
    grows with the expected contacts.
    """
    months = ended.shape[1]
    observed = series.between(series.observed, series.account.window_start, series.account.window_end)
    expected = np.cumsum(observed) + net_draws[:, :months].mean(axis=0)
    scores = terms.normal_scores(net_draws[:, months - 1])
    r = persons.correlation
    noise = r * scores + np.sqrt(1 - r**2) * np.random.default_rng(seed).standard_normal(len(scores))
    told = expected[-1] * (persons.share + persons.sd * noise)
    unexplained = (net_draws[:, months - 1] - told)[:, None] * expected / max(expected[-1], 1e-9)
    return np.asarray(debt[:, :months] - queue[:, :months] - ended - unexplained)


def _carried_on(so_far: Floats, share: Floats, queue: Floats | None, hidden: Floats | None, rest: int) -> Floats:
    """Needs lost (p, h) with the `rest` months after the window, in which only needs known to be open can end."""
    months, still = so_far.shape[1], np.zeros((len(so_far), rest))
    for known in (queue, hidden):
        if known is not None:
            still = still + known[:, months - 1 : months - 1 + rest]
    return np.hstack([so_far, so_far[:, -1:] + np.cumsum(share[:, None] * still, axis=1)])


def _cut(factor: Floats, h: int) -> Floats:
    """Factors of h months, NaN beyond the last one."""
    return np.pad(factor[:h], (0, max(h - len(factor), 0)), constant_values=np.nan)


def added(ledgers: Sequence[Ledger], series: ServiceSeries, simulated: Paths, factors: Calibration) -> Ledger:
    """The account of several services together: draw by draw the sum of the services' accounts.

    How far their errors go together is in the order of their draws (`terms.coupled`). Placebo sums of 25 Scottish
    departments: nominal 80 % covered 84 % with the sum's own series deciding its width (`benchmarks/debt.py null`).
    """
    h = series.account.last - series.account.window_start + 1
    observed = np.sum([np.pad(one.observed, (0, h - len(one.observed))) for one in ledgers], axis=0)
    return Ledger(
        series=series,
        simulated=simulated,
        terms=terms.added([one.terms for one in ledgers], h),
        factors=factors,
        expected_before=np.sum([one.expected_before for one in ledgers], axis=0),
        observed=observed,
        own_weight=_weighted(ledgers),
    )


def _weighted(ledgers: Sequence[Ledger]) -> float:
    """Mean weight of the services' own data, by expected contacts."""
    sizes = np.array([one.expected.sum() for one in ledgers])
    weights = np.array([one.own_weight for one in ledgers])
    return float((sizes * weights).sum() / sizes.sum()) if sizes.sum() > 0 else 1.0
