"""Sums over one and two years of Scottish emergency departments before the pandemic (Public Health Scotland, OGL)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import scores
from ennakointi.forecast.engine import EngineSettings, forecast
from ennakointi.forecast.paths import paths
from ennakointi.forecast.series import HIGH95, LOW95, SeriesSet

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
FILE = DATA / "scotland_ae_monthly.csv"
H = 24

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA")


Sums = dict[int, np.ndarray]  # by months: columns truth, low95, low80, high80, high95, and three ways' 95 % widths


def departments(end: int) -> tuple[SeriesSet, np.ndarray]:
    """Departments with four years or more before, and all 24 months after, the end of a year."""
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(FILE, usecols=columns).query(f"Month <= {(end + 2) * 100 + 12}")
    wide = rows.pivot_table(columns[3], index="Month", columns=columns[1:3], aggfunc="sum").sort_index()
    wide = wide.loc[:, wide.iloc[-H:].notna().all() & (wide.iloc[:-H].notna().sum() >= 48)]
    keys = tuple(" ".join(key) for key in wide)
    past = tuple(wide.to_numpy(float)[:-H].T)
    return SeriesSet(keys, past, (end * 12 + 11,) * len(keys), "M", (12,)), wide.to_numpy(float)[-H:].T


@pytest.fixture(scope="module")
def sums() -> Sums:
    """Rows of three origins: departments rise and fall together, so one alone strays from nominal."""
    rows: dict[int, list[list[float]]] = {12: [], 24: []}
    for end in (2013, 2015, 2017):
        series, truth = departments(end)
        made = forecast(series, H, EngineSettings(mode="fast"))
        drawn = paths(series, made, 300, 1)
        for i, months in ((i, months) for i in range(len(series)) for months in rows):
            ends = drawn.quantiles_of_sum(i, 0, months - 1, (0.025, 0.1, 0.9, 0.975))
            monthly = made.quantiles[i, :months, [LOW95, HIGH95]] - made.mean[i, :months]
            apart = np.sqrt((monthly**2).sum(axis=1)) * [-1, 1] + made.mean[i, :months].sum()
            rows[months].append([truth[i, :months].sum(), *ends, np.ptp(monthly.sum(axis=1)), *apart])
    return {months: np.array(found) for months, found in rows.items()}


@pytest.mark.slow
@pytest.mark.parametrize("months", [12, 24])
def test_sums_cover_what_they_say(sums: Sums, months: int) -> None:
    truth, low95, low80, high80, high95, added, low_apart, high_apart = sums[months].T
    assert len(truth) > 240
    assert 0.74 <= scores.covered_share(truth, low80, high80) <= 0.88  # two standard errors of 253 series that move
    assert 0.90 <= scores.covered_share(truth, low95, high95) <= 0.98  # together, of which about 60 count
    assert np.median((high95 - low95) / added) < 0.95  # months' quantiles added up are too wide
    assert scores.covered_share(truth, low_apart, high_apart) < 0.75  # months taken as independent far too narrow
