"""Regression discontinuity in time: a jump at the start from the periods next to it only; secondary evidence.

Lines on both sides within a bandwidth (Hausman & Rapson 2018, Annual Review of Resource Economics 10:533–552,
10.1146/annurev-resource-121517-033306). Neighbouring periods resemble each other, so the jump is judged as a
segmented regression is. Witness: `interrupted.estimate` with a change of slope on the same periods.
"""

from __future__ import annotations

import numpy as np

from ennakointi.causal.interrupted import FEWEST_BEFORE, SPARE, Found, Interrupted, design, estimable, estimate

DRAWS = 400


def bandwidth(series: Interrupted, season: int) -> int:
    """Periods on each side: two seasons, a third of the data without a season; at least eight."""
    return max(FEWEST_BEFORE, 2 * season if season > 1 else len(series.values) // 3)


def discontinuity(series: Interrupted, width: int, donut: int = 0, seed: int = 0) -> Found | None:
    """The jump at the start by lines over `width` periods on both sides; None when they hold too few.

    Parameters
    ----------
    donut : periods on each side next to the start that are left out (anticipation, a slow start).
    """
    distance = np.where(series.after, series.position - series.start, series.start - 1 - series.position)
    near = series.part((distance >= donut) & (distance < width))
    if (~near.after).sum() < SPARE:
        return None
    for waves in (True, False):
        columns = design(near, waves, slope=True)
        if estimable(near, columns, SPARE):
            return estimate(near, columns, seed, DRAWS)
    return None
