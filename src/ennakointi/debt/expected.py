"""Expected use without a disruption: indirect standardisation, working days, and the season of a monthly
index.

Functions of arrays. A month is a month index (`periods`), n the number of months, s the number of age-sex
strata.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from functools import cache

import holidays
import numpy as np
import numpy.typing as npt

from ennakointi.panel import population

Floats = npt.NDArray[np.float64]
Months = npt.NDArray[np.int64]

SEASON_SD = 0.4  # prior standard deviation of a log month effect: a July closing (−50 %) is inside two
SLOPE_SD = 0.05  # of the log trend per year; nuisance here, the trend of record comes from the paths
WORKING_DAY_PRIOR = (
    0.5,
    0.5,
)  # mean and sd of the elasticity to working days: 0 = round the clock, 1 = office hours
_ITERATIONS = 25


@dataclass(frozen=True)
class Standardised:
    """Indirectly standardised use.

    `rates` (s,): contacts per person-year of each stratum over the baseline; the crude rate where nobody
    lived. `expected` (n,): Σ_s rates · person-years of the month. `index` (n,): observed / expected, NaN
    where expected is 0.
    """

    rates: Floats
    expected: Floats
    index: Floats


def standardise(counts: Floats, person_years: Floats, baseline: npt.NDArray[np.bool_]) -> Standardised:
    """Expected counts at the age-sex rates of the baseline, and the observed-to-expected index.

    Parameters
    ----------
    counts, person_years : shape (s, n); contacts and person-years by stratum and month
    baseline : shape (n,); the months whose rates are the standard

    Source: Breslow & Day 1987, Statistical Methods in Cancer Research II, ch. 2 (indirect standardisation).
    Witness: two strata, 10 contacts in 100 and 30 in 100 person-years, then 50 and 150 person-years: 5 + 45 =
    50. Over the baseline Σ expected = Σ observed.
    """
    used, lived = counts[:, baseline].sum(axis=1), person_years[:, baseline].sum(axis=1)
    rates = population.stratum_rates(used, lived)
    rates = np.where(np.isnan(rates), used.sum() / max(lived.sum(), 1e-9), rates)
    expected = population.expected(rates[:, None], person_years, axis=0)
    observed = counts.sum(axis=0)
    index = np.divide(observed, expected, out=np.full(len(expected), np.nan), where=expected > 0)
    return Standardised(rates, expected, index)


def working_day_ratio(months: Months) -> Floats:
    """Working days per calendar day of each month over the long-run share 251/365.25, shape (n,).

    Working days are Monday–Friday without Finnish public holidays and the eves of Midsummer and Christmas
    (package `holidays`, country FI). Witness: December 2020 has 21 of 31 days, July 2019 has 23 of 31.
    """
    return np.array([_working_days(int(m)) for m in months]) / np.array(
        [monthrange(int(m) // 12, int(m) % 12 + 1)[1] * 251 / 365.25 for m in months]
    )


@cache
def _working_days(month: int) -> int:
    year, number = month // 12, month % 12 + 1
    free = holidays.country_holidays("FI", years=year)
    first, days = monthrange(year, number)
    weekdays = (day for day in range(1, days + 1) if (first + day - 1) % 7 < 5)
    return sum(f"{year}-{number:02d}-{day:02d}" not in free for day in weekdays)


@dataclass(frozen=True)
class Season:
    """Month effects and working-day elasticity of an index.

    `month_effects` (12,): log effects of January…December, mean 0. `working_day_elasticity`: in [0, 1].
    `level`: mean of index / factor, weighted by expected. `dispersion`: Pearson χ²/df, at least 1.
    """

    month_effects: Floats
    working_day_elasticity: float
    level: float
    dispersion: float

    def factors(self, months: Months) -> Floats:
        """Multiplicative factor of each month, shape (n,)."""
        ratio = np.log(working_day_ratio(months))
        return np.exp(self.month_effects[months % 12] + self.working_day_elasticity * ratio)


def season(observed: Floats, expected: Floats, months: Months) -> Season:
    """Season of a monthly series by penalised quasi-Poisson regression on level, slope, month and working
    days.

    ``log E[O] = log expected + level + slope · t + month effect + elasticity · log working-day ratio`` with
    normal priors on all but the level (ridge: McCullagh & Nelder 1989, ch. 9 for the quasi-likelihood; Le
    Cessie & van Houwelingen 1992, 10.2307/2347628, for the penalty). The penalty matters for small services
    only: with 5 contacts a month an unpenalised month effect has a standard error of 26 %.

    Parameters
    ----------
    observed, expected : shape (n,); contacts, and contacts at the baseline's rates (> 0)
    months : shape (n,); month indices

    Raises
    ------
    ValueError
        When there is no contact or nobody expected: there is no level to estimate.
    """
    if observed.sum() <= 0 or not (expected > 0).all():
        raise ValueError("season: needs at least one contact and a positive expectation in every month")
    design = _season_design(months)
    centre = np.concatenate([[0.0, 0.0], np.zeros(12), [WORKING_DAY_PRIOR[0]]])
    sd = np.concatenate([[np.inf, SLOPE_SD], np.full(12, SEASON_SD), [WORKING_DAY_PRIOR[1]]])
    coefficients, dispersion = penalised_poisson(observed, expected, design, centre, 1.0 / sd**2)
    effects = coefficients[2:14] - coefficients[2:14].mean()
    found = Season(effects, float(np.clip(coefficients[14], 0.0, 1.0)), 1.0, dispersion)
    level = float(observed.sum() / (expected * found.factors(months)).sum())
    return Season(effects, found.working_day_elasticity, level, dispersion)


def _season_design(months: Months) -> Floats:
    """Columns: 1, years since the middle, twelve month indicators, log working-day ratio; shape (n, 15)."""
    years = (months - months.mean()) / 12.0
    indicators = (months[:, None] % 12 == np.arange(12)[None, :]).astype(float)
    return np.column_stack([np.ones(len(months)), years, indicators, np.log(working_day_ratio(months))])


def penalised_poisson(
    observed: Floats, expected: Floats, design: Floats, centre: Floats, precision: Floats
) -> tuple[Floats, float]:
    """Coefficients and dispersion by iterated weighted least squares with a normal prior on the
    coefficients."""
    coefficients = centre.copy()
    coefficients[0] = np.log(observed.sum() / expected.sum())
    dispersion = 1.0
    for _ in range(_ITERATIONS):
        mean = expected * np.exp(np.clip(design @ coefficients, -30.0, 30.0))
        weighted = design * mean[:, None]
        curvature = design.T @ weighted / dispersion
        gradient = design.T @ (observed - mean) / dispersion - precision * (coefficients - centre)
        hessian = curvature + np.diag(precision)
        step = np.linalg.solve(hessian, gradient)
        coefficients = coefficients + np.clip(step, -1.0, 1.0)
        used = float(np.trace(np.linalg.solve(hessian, curvature)))
        dispersion = max(float(((observed - mean) ** 2 / mean).sum()) / max(len(observed) - used, 1.0), 1.0)
    return coefficients, dispersion
