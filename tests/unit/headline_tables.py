"""Two made-up quarters of headline figures, small enough to split by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ennakointi.headlines.figures import Figure
from ennakointi.headlines.memory import MONTHS, Told
from ennakointi.periods import Quarter

CALENDAR = (60, 95, 100, 103)  # baseline, and the window in which debt accrues
Q2, Q3 = Quarter(2025, 2), Quarter(2025, 3)


def account(gaps: list[float], observed: list[float], group: str = "all", covered: float = 1.0) -> pd.DataFrame:
    """Months from the window's start: one service and the sum, whose debt the gaps make."""
    rows = []
    for service in ("primary_care", "all"):
        debt = pd.Series(gaps).cumsum()
        for k, (level, count) in enumerate(zip(debt, observed, strict=True)):
            rows.append((group, service, 100 + k, float(count), covered, float(level)))
    return pd.DataFrame(rows, columns=list(MONTHS))


def told(quarter: Quarter, figures: list[Figure], months: pd.DataFrame, **changes: Any) -> Told:
    """What a quarter told; rows of `indicators` are left out."""
    known: dict[str, Any] = {
        "source": "county",
        "calendar": CALENDAR,
        "rows": (),
        "need": pd.DataFrame(columns=["target_group", "year", "contacts"]),
        "digests": {"debt.yml": "a", "mode": "full"},
    }
    return Told(quarter=quarter, figures=tuple(figures), months=months, **{**known, **changes})


def figure(indicator: str, kind: str, value: float, half: float = float("nan"), **changes: Any) -> Figure:
    ends = {"lo80": value - half, "hi80": value + half}
    return Figure(**{"indicator": indicator, "target_group": "all", "kind": kind, "value": value, "n_persons": 900.0}
                  | ends | changes)  # fmt: skip


# Then 12 months with a gap of 10 each. Now 3 contacts of the last of them have come late, the level of the first is
# estimated 6 higher, and the three new months have a gap of 15.
THEN = account([10] * 12, [50] * 12)
NOW = account([16] + [10] * 10 + [7] + [15] * 3, [50] * 11 + [53] + [50] * 3)
