"""Deviations from a short baseline: planted level, season, holiday weeks, overdispersion, gaps."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ennakointi import scores
from ennakointi.debt import deviation
from ennakointi.periods import month_index
from ennakointi.result_tables import RESULT_TABLES

SETTINGS = SimpleNamespace(baseline_first=month_index(2017, 1), baseline_last=month_index(2019, 12), model_dump=dict)
WEEKS = pd.date_range("2019-01-07", "2021-12-27", freq="7D").to_numpy("datetime64[D]")


def weekly(rng: np.random.Generator, level: float = 2000.0, dispersion: float = 8.0) -> np.ndarray:
    """Season, working days and negative-binomial noise of a given dispersion."""
    year = 2 * np.pi * (WEEKS - WEEKS[0]).astype(int) / 365.25
    mean = level * np.exp(0.1 * np.cos(year) + 0.9 * deviation.working_day_share(WEEKS, "W"))
    return rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)


def estimated(counts: np.ndarray, starts: np.ndarray = WEEKS, frequency: str = "W") -> deviation.Deviation:
    values = pd.DataFrame({"period_start": starts, "value": counts, "n_persons": counts})
    key = {"area": "county:09", "target_group": "all", "service": "A01", "measure": "purchases"}
    panel = SimpleNamespace(values=values.assign(**key, frequency=frequency), as_of=date(2021, 12, 31))
    return deviation.estimate(panel, SETTINGS)


def test_interval_covers_four_of_five_weeks_of_the_years_after() -> None:
    rng = np.random.default_rng(1)
    tables = [estimated(weekly(rng)).estimates for _ in range(20)]
    after = pd.concat(tables).query("period_start >= '2020-01-01'")
    share = scores.covered_share(after["observed"], after["expected_lo80"], after["expected_hi80"])
    assert 0.75 <= share <= 0.88


def test_a_planted_peak_stands_out() -> None:
    counts = weekly(np.random.default_rng(2))
    peak = np.flatnonzero(np.datetime64("2020-03-16") == WEEKS)[0]
    counts[peak] *= 1.35
    table = estimated(counts).estimates
    assert table["deviation_share"].idxmax() == peak
    assert table.loc[peak, "observed"] > table.loc[peak, "expected_hi80"]
    assert table.loc[peak, "deviation_share"] == pytest.approx(0.35, abs=0.12)


def test_gaps_stay_gaps() -> None:
    counts = weekly(np.random.default_rng(3))
    counts[[10, 60]] = np.nan
    found = estimated(counts)
    assert found.estimates.loc[[10, 60], ["observed", "expected", "deviation_share"]].isna().all().all()
    assert found.estimates["expected"].notna().sum() == len(WEEKS) - 2
    gaps = next(check for check in found.checks if check.name == "gaps")
    assert not gaps.passed
    assert gaps.values == {"gaps": 2}


def test_a_series_that_begins_too_late_has_no_expectation() -> None:
    counts = weekly(np.random.default_rng(4))
    counts[:10] = np.nan
    table = estimated(counts).estimates
    assert table["observed"].notna().any()
    assert table["expected"].isna().all()


def test_small_counts_have_whole_bounds_at_zero_or_above() -> None:
    table = estimated(np.random.default_rng(5).poisson(0.6, len(WEEKS)).astype(float)).estimates
    assert (table["expected_lo80"] >= 0).all()
    assert (table["expected_hi80"] % 1 == 0).all()


def test_columns_and_name() -> None:
    found = estimated(weekly(np.random.default_rng(6)))
    assert list(found.estimates.columns) == list(RESULT_TABLES["deviation"].names)
    assert set(found.tables) == {"deviation"}
    assert found.estimates["period_start"].iloc[0] == "2019-01-07"


@pytest.mark.parametrize(
    ("frequency", "start", "share"),
    [
        ("W", "2019-12-23", 2 / 7),
        ("W", "2019-11-04", 5 / 7),
        ("M", "2020-12-01", 21 / 31),
        ("D", "2019-12-06", 0.0),
    ],
)
def test_working_day_share(frequency: str, start: str, share: float) -> None:
    starts = np.array([start], dtype="datetime64[D]")
    assert deviation.working_day_share(starts, frequency)[0] == pytest.approx(share - 5 / 7)


@pytest.mark.parametrize("frequency", ["M", "D"])
def test_monthly_and_daily_series(frequency: str) -> None:
    step = {"M": "MS", "D": "D"}[frequency]
    starts = pd.date_range("2018-01-01", "2020-06-01", freq=step).to_numpy("datetime64[D]")
    share = deviation.working_day_share(starts, frequency) + 5 / 7
    counts = np.random.default_rng(7).poisson(3000 * (0.2 + share)).astype(float)
    table = estimated(counts, starts, frequency).estimates
    assert table["deviation_share"].abs().median() < 0.06


def test_fit_refuses_a_baseline_without_counts() -> None:
    with pytest.raises(ValueError, match="no counts"):
        deviation.fit(np.zeros(len(WEEKS)), WEEKS, "W", np.datetime64("2020-01-01") > WEEKS)
