"""What one design found of one outcome: the numbers of a row of `effects`, its checks, and the effect by time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.effectiveness.verdicts import Interval
from ennakointi.results import Check

UNKNOWN = Interval(np.nan, np.nan, np.nan)
TIME_COLUMNS = ("since_start", "relative", "lo95", "hi95", "n_persons")


@dataclass(frozen=True, eq=False)
class Finding:
    """What one design found of one outcome: numbers for a row of `effects`, NaN where not known.

    Attributes
    ----------
    log : the effect on the logarithm of the rate with its interval.
    rate : numerator per denominator under the intervention.
    crude : log change from the year before; `expected` : the same without the intervention.
    detectable : smallest log effect found in 8 of 10 cases.
    start : first month of the intervention.
    over_time : the effect by quarter since the start, columns `TIME_COLUMNS`; None where there is none.
    series : levels by quarter of the groups as they were compared (`effect_series`); None for plain levels.
    """

    design: str
    log: Interval = UNKNOWN
    p_value: float = np.nan
    rate: float = np.nan
    detectable: float = np.nan
    crude: float = np.nan
    expected: float = np.nan
    n_treated: int = 0
    n_comparison: int = 0
    counted: str = "persons"
    n_persons: float = np.nan
    start: int | None = None
    checks: tuple[Check, ...] = ()
    record: bool = True
    over_time: pd.DataFrame | None = None
    series: pd.DataFrame | None = None


def refused(reason: str, design: str = "before_after", values: dict[str, float] | None = None) -> Finding:
    """No estimate, and why, as a critical check that failed."""
    return Finding(design, checks=(Check("comparison", False, reason, values or {}, critical=True),))
