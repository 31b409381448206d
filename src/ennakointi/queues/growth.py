"""Whether a queue still grows: the mean change of its last year with an interval that autocorrelation does not fool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from ennakointi.queues.formulas import Floats

YEAR = 12
COSINES = 3  # of each year: periods of 24, 12 and 8 months
YEARS = 3  # whose changes tell how much a year's mean change varies by chance
NEEDED_SIZES = 2 * YEAR + 1


@dataclass(frozen=True)
class Growth:
    """Mean monthly change of a queue in its last 12 months, its standard error and degrees of freedom."""

    per_month: float
    sd: float
    df: int

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval (Student's t)."""
        half = float(stats.t.ppf(0.975, self.df)) * self.sd
        return self.per_month - half, self.per_month + half

    @property
    def verdict(self) -> Literal["growing", "shrinking", "unclear"]:
        """`growing` or `shrinking` when the whole interval lies on one side of zero."""
        low, high = self.interval
        return "growing" if low > 0 else "shrinking" if high < 0 else "unclear"


def of(size: Floats) -> Growth:
    """The growth of a queue from its month-end sizes (n,), n ≥ 25; of these the last 37 are used.

    The long-run variance of the monthly changes is the mean square of their projections on three cosines a year
    (Lazarus, Lewis, Stock, Watson 2018, doi:10.1080/07350015.2018.1506926), after every calendar month's own mean is
    taken off: a season, or another growth in an earlier year, is no error. The mean is then Student's t with 3 degrees
    of freedom a year beyond the first.

    Raises
    ------
    ValueError
        Fewer than 25 sizes.
    """
    if len(size) < NEEDED_SIZES:
        raise ValueError(f"the growth of a queue needs {NEEDED_SIZES} month-ends, but has {len(size)}")
    years = min((len(size) - 1) // YEAR, YEARS)
    changes = np.diff(size[-years * YEAR - 1 :]).reshape(years, YEAR)
    place = (np.arange(YEAR) + 0.5) / YEAR
    cosines = np.sqrt(2 / YEAR) * np.cos(np.pi * np.outer(np.arange(1, COSINES + 1), place))
    df = (years - 1) * COSINES
    long_run = float((((changes - changes.mean(axis=0)) @ cosines.T) ** 2).sum()) / df
    return Growth(float(changes[-1].mean()), float(np.sqrt(long_run / YEAR)), df)
