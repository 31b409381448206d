"""Deviation of counts from the level and season of a short baseline: weekly series that begin in 2019.

A deviation is not a service debt: one year cannot tell a trend from a season, and nothing is cumulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import holidays
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from ennakointi.debt.expected import Floats, penalised_poisson
from ennakointi.panel.aggregates import KEYS
from ennakointi.periods import DAYS_PER_YEAR, first_day
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.results import Check, Result

if TYPE_CHECKING:
    from ennakointi.panel import AggregatePanel
    from ennakointi.parameters.debt_documents import DebtSettings

HARMONICS = 2
NEEDED_PERIODS = {"M": 12, "W": 50, "D": 350}  # about a year; Kela leaves one holiday week out of each
COVERAGE = 0.80

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Deviation(Result):
    """Table `deviation`: observed and expected by series and period; expected is empty where it cannot be
    told."""

    main: ClassVar[str] = "deviation"


@dataclass(frozen=True)
class Fit:
    """Expected counts and their prediction interval.

    `expected`, `lower`, `upper` (n,): every period. `dispersion`: Pearson χ²/df over the baseline, at least
    1. `autocorrelation`: lag-1 correlation of its Pearson residuals, in [0, .8].
    """

    expected: Floats
    lower: Floats
    upper: Floats
    dispersion: float
    autocorrelation: float


def estimate(panel: AggregatePanel, settings: DebtSettings) -> Deviation:
    """Observed counts against the baseline's level × season × working days, with an 80 % prediction interval.

    The baseline is what a series has between the settings' first and last baseline month; Kela's weekly
    series have 51 weeks of 2019. Each series is fitted by quasi-Poisson regression (`fit`). A period that is
    missing stays missing. Series with less than about a year of baseline get no expectation.

    Returns
    -------
    `deviation` with one row a series and period; checks on the length of the baseline and on gaps.
    """
    first = np.datetime64(first_day(settings.baseline_first))
    after = np.datetime64(first_day(settings.baseline_last + 1))
    parts = [
        _one(dict(zip(KEYS, key)), rows.sort_values("period_start"), first, after)
        for key, rows in panel.values.groupby(KEYS, sort=True, observed=True)
    ]
    table = pd.concat(parts, ignore_index=True).reindex(columns=list(RESULT_TABLES["deviation"].names))
    return Deviation({"deviation": table}, settings.model_dump(), _checks(table, first, after), panel.as_of)


def fit(counts: Floats, starts: Dates, frequency: str, baseline: npt.NDArray[np.bool_]) -> Fit:
    """Quasi-Poisson regression on the baseline, predicted for every period.

    ``log E = level + two annual harmonics + working-day share`` (and weekdays for daily counts), no trend.
    The prediction interval is negative binomial with variance ``φ μ + μ² x'Vx``: φ the Pearson dispersion, V
    the covariance of the coefficients inflated by ``(1 + r) / (1 − r)`` for residuals with lag-1
    autocorrelation r (Bayley & Hammersley 1946, 10.2307/2983560, effective number of observations).
    Overdispersion is real here: Päijät-Häme's purchases of 2019 have φ ≈ 150, mostly by the weeks before
    Christmas.

    Parameters
    ----------
    counts : shape (n,), NaN where missing. starts : shape (n,), first days of the periods.
    baseline : shape (n,); periods to learn from, of which the missing ones are left out.

    Raises
    ------
    ValueError
        Without a single count in the baseline.
    """
    used = baseline & np.isfinite(counts)
    if not used.any() or counts[used].sum() <= 0:
        raise ValueError("deviation: no counts in the baseline")
    design = _design(starts, frequency)
    prior_sd = np.concatenate([[np.inf], np.full(design.shape[1] - 1, 1.0)])
    ones = np.ones(int(used.sum()))
    centre = np.zeros(design.shape[1])
    coefficients, dispersion = penalised_poisson(counts[used], ones, design[used], centre, prior_sd**-2.0)
    mean = np.exp(design @ coefficients)
    r = _autocorrelation((counts - mean) / np.sqrt(mean), used)
    weighted = design[used] * mean[used][:, None]
    information = design[used].T @ weighted / (dispersion * (1 + r) / (1 - r)) + np.diag(prior_sd**-2.0)
    error = np.einsum("ij,jk,ik->i", design, np.linalg.inv(information), design)
    lower, upper = _interval(mean, dispersion * mean + mean**2 * error)
    return Fit(mean, lower, upper, dispersion, r)


def _design(starts: Dates, frequency: str) -> Floats:
    """Columns: 1, cosines and sines of the year, share of working days, and weekdays when daily."""
    days = {"M": 30.4, "W": 7.0, "D": 1.0}[frequency]
    middle = (starts - np.datetime64("2000-01-01")).astype("timedelta64[D]").astype(float) + days / 2
    angle = 2 * np.pi * middle[:, None] / DAYS_PER_YEAR * np.arange(1, HARMONICS + 1)
    columns = [
        np.ones((len(starts), 1)),
        np.cos(angle),
        np.sin(angle),
        working_day_share(starts, frequency)[:, None],
    ]
    if frequency == "D":
        weekday = (starts.astype("datetime64[D]").astype(int) + 3) % 7
        columns.append((weekday[:, None] == np.arange(7)).astype(float))
    return np.hstack(columns)


def working_day_share(starts: Dates, frequency: str) -> Floats:
    """Share of Finnish working days in each period minus 5/7, shape (n,).

    Witness: the week of Monday 23 December 2019 has Monday and Friday only: 2/7 − 5/7 = −3/7.
    """
    first = starts.astype("datetime64[D]")
    step = {"M": None, "W": 7, "D": 1}[frequency]
    after = (starts.astype("datetime64[M]") + 1).astype("datetime64[D]") if step is None else first + step
    years = range(int(first.min().astype("datetime64[Y]").astype(int)) + 1970, int(str(after.max())[:4]) + 1)
    free = np.array(sorted(holidays.country_holidays("FI", years=years)), dtype="datetime64[D]")
    return np.busday_count(first, after, holidays=free) / (after - first).astype(int) - 5 / 7


def _autocorrelation(residuals: Floats, used: npt.NDArray[np.bool_]) -> float:
    """Lag-1 correlation over neighbouring periods that both count, corrected for its bias of about −1/n."""
    both = used[1:] & used[:-1]
    spread = float(np.mean(residuals[used] ** 2))
    if not both.any() or spread == 0:
        return 0.0
    lag = float(np.mean(residuals[1:][both] * residuals[:-1][both])) / spread
    return float(np.clip(lag + 1.0 / used.sum(), 0.0, 0.8))


def _interval(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Central negative-binomial interval; a variance at or under the mean is Poisson's."""
    tails = np.array([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])[:, None]
    spread = np.maximum(variance, mean * (1 + 1e-9))
    lower, upper = stats.nbinom.ppf(tails, mean**2 / (spread - mean), mean / spread)
    return lower, upper


def _one(key: dict[str, Any], rows: pd.DataFrame, first: np.datetime64, after: np.datetime64) -> pd.DataFrame:
    """Rows of one series."""
    starts = rows["period_start"].to_numpy("datetime64[D]")
    counts = rows["value"].to_numpy(float)
    baseline = (starts >= first) & (starts < after)
    table = pd.DataFrame({**key, "period_start": np.datetime_as_string(starts, "D"), "observed": counts})
    table["n_persons"] = rows["n_persons"].to_numpy(float)
    known = baseline & np.isfinite(counts)
    if known.sum() < NEEDED_PERIODS[key["frequency"]] or counts[known].sum() <= 0:
        return table
    fitted = fit(counts, starts, key["frequency"], baseline)
    there = np.isfinite(counts)
    table["expected"] = np.where(there, fitted.expected, np.nan)
    table["expected_lo80"] = np.where(there, fitted.lower, np.nan)
    table["expected_hi80"] = np.where(there, fitted.upper, np.nan)
    table["deviation_share"] = counts / table["expected"] - 1
    return table


def _checks(table: pd.DataFrame, first: np.datetime64, after: np.datetime64) -> tuple[Check, ...]:
    starts = table["period_start"].to_numpy("datetime64[D]")
    inside = table[(starts >= first) & (starts < after)]
    months = inside.loc[inside["observed"].notna(), "period_start"].str[:7].nunique()
    gaps = int((~table["observed"].notna().groupby(table["period_start"]).any()).sum())
    return (
        Check(
            "baseline",
            months >= 24,
            "The baseline has {months} months: deviations are shown, not a service debt.",
            {"months": months},
        ),
        Check(
            "gaps",
            gaps == 0,
            "{gaps} periods are missing in every series of the source and stay missing.",
            {"gaps": gaps},
        ),
    )
