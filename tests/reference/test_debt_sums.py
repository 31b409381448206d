"""Cumulated null debt of Scottish emergency departments before the pandemic (Public Health Scotland, OGL)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import scores
from ennakointi.debt import paths
from ennakointi.debt.calibration import UndisturbedSeries, calibrate
from ennakointi.periods import month_index

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
FILE = DATA / "scotland_ae_monthly.csv"
BASELINE, SKIP, WINDOW = 36, 2, 24
ENDS = {0.80: "factor80", 0.95: "factor95"}

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA")


def departments() -> tuple[np.ndarray, np.ndarray]:
    """Attendances (series, months) of departments that are open from 2007-07 to 2020-02, and the month indices."""
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(FILE, usecols=columns).query("Month <= 202002")
    wide = rows.pivot_table(columns[3], index="Month", columns=columns[1:3], aggfunc="sum").sort_index()
    whole = wide.loc[:, wide.notna().all() & (wide.min() > 0)]
    return whole.to_numpy(float).T, np.arange(len(whole)) + month_index(2007, 7)


def sums(counts: np.ndarray, months: np.ndarray, origin: int, tested: np.ndarray) -> list[dict[str, object]]:
    """Sums of the tested half after an origin, calibrated on what the other half did before the window."""
    known = origin + SKIP
    pool = [UndisturbedSeries(one[:known], np.full(known, one.mean()), months[:known]) for one in counts[~tested]]
    factors, rows = calibrate(pool, WINDOW, SKIP), []
    past, ahead = slice(origin - BASELINE, origin), slice(known, known + WINDOW)
    for one in counts[tested]:
        flat = np.full(BASELINE, one[past].mean())
        made = paths.simulate(one[past], flat, months[past], np.full(SKIP + WINDOW, flat[0]), 300, origin)
        total, deviations = made.point[SKIP:].sum(), paths.cumulated_deviations(made, SKIP)
        row: dict[str, object] = {"error": one[ahead].sum() - total, "mean": flat[0], "total": total}
        for level, factor in ENDS.items():
            ends = paths.quantile_ends(deviations, level)[:, -1] * getattr(factors.of(made, SKIP), factor)[-1]
            row |= {f"low{level}": ends[0], f"high{level}": ends[1]}
        rows.append(row)
    return rows


@pytest.mark.slow
def test_null_debt_of_two_years_is_covered_as_often_as_said() -> None:
    counts, months = departments()
    half = np.arange(len(counts)) % 2 == 0
    rows = [
        row
        for origin in (78, 102, 126)  # windows of 24 months that end in February 2016, 2018 and 2020
        for tested in (half, ~half)
        for row in sums(counts, months, origin, tested)
    ]
    found = pd.DataFrame(rows)
    assert len(found) > 180
    covered = {
        level: scores.covered_share(*(found[n] for n in ("error", f"low{level}", f"high{level}"))) for level in ENDS
    }
    assert 0.74 <= covered[0.80] <= 0.86
    assert 0.91 <= covered[0.95] <= 0.98
    large = found[found["mean"] > 500]
    assert ((large["high0.8"] - large["low0.8"]) / 2 / large["total"]).median() <= 0.085
