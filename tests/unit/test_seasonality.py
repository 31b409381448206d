"""Seasonal factors, holidays and filled gaps against planted ones."""

from datetime import date

import numpy as np
import pytest

from ennakointi.forecast import gaps, holiday_effects, seasonality
from ennakointi.periods import day_number

MONTH = np.array([0.8, 0.9, 1.0, 1.1, 1.2, 1.1, 0.6, 0.9, 1.1, 1.2, 1.1, 1.0])
MONTH = MONTH / MONTH.mean()


def test_a_clean_season_is_found_whole() -> None:
    values = 100 * np.tile(MONTH, 8)
    assert seasonality.shrunk(values, 12) == pytest.approx(MONTH, abs=0.006)
    assert seasonality.factors(values, (12,), 5, None, None)[96:] == pytest.approx(MONTH[:5], abs=0.006)


def test_noise_without_a_season_is_drawn_to_nothing() -> None:
    rng = np.random.default_rng(0)
    left = [np.abs(seasonality.shrunk(rng.normal(100, 10, 96), 12) - 1).mean() for _ in range(40)]
    raw = 10 / 100 / np.sqrt(7.5) * np.sqrt(2 / np.pi)  # mean |factor − 1| of seven and a half ratios, unshrunk
    assert np.mean(left) < 0.5 * raw


def test_too_short_a_series_has_no_season() -> None:
    assert (seasonality.factors(np.arange(1.0, 20), (12,), 3, None, None) == 1).all()


def test_weeks_share_with_their_neighbours() -> None:
    week = 1 + 0.3 * np.cos(2 * np.pi * np.arange(52) / 52)
    rng = np.random.default_rng(1)
    values = rng.poisson(80 * np.tile(week, 4)).astype(float)
    found = seasonality.smoothed(values, 52)
    count, total, _, _ = seasonality._ratios(values, 52)
    assert np.abs(found - week).mean() < 0.8 * np.abs(total / count - week).mean()


def test_holidays_are_learned_from_the_series_and_not_from_the_calendar() -> None:
    first = day_number(date(2022, 1, 1))
    days = np.arange(1000)
    calendar = np.array([holiday_effects._free(date.fromordinal(719163 + first + int(i)), "FI") for i in range(1030)])
    rng = np.random.default_rng(2)
    felt = rng.poisson(200 * np.where(calendar[:1000], 0.3, 1.0)).astype(float)
    factors = holiday_effects.factors(felt, first + 999, "FI", 30)
    assert factors[calendar].mean() == pytest.approx(0.3, abs=0.06)
    usual = rng.poisson(200.0, 1000).astype(float)
    assert np.abs(holiday_effects.factors(usual, first + 999, "FI", 30) - 1).max() < 0.1
    assert len(days) + 30 == len(factors)


def test_a_gap_in_a_line_times_a_season_is_found_again() -> None:
    whole = (100 + 0.5 * np.arange(96)) * np.tile(MONTH, 8)
    holed = whole.copy()
    holed[50:64] = np.nan
    filled = gaps.filled(holed, 12)
    assert (filled[~np.isnan(holed)] == holed[~np.isnan(holed)]).all()
    assert np.abs(filled[50:64] / whole[50:64] - 1).max() < 0.03


def test_a_series_without_gaps_is_left_alone() -> None:
    values = np.arange(30.0)
    assert gaps.filled(values, 12) is values
