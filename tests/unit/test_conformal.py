"""Pooled intervals against a hand-worked case and a planted spread."""

import numpy as np
import pytest

from ennakointi.forecast import conformal
from ennakointi.forecast.series import LEVELS, MEDIAN


def test_the_scale_is_the_root_of_error_times_root_of_level() -> None:
    assert conformal.scales(np.array([4.0]), np.array([81.0])) == pytest.approx([6.0])  # √(4 · √81)


def test_a_series_without_an_error_of_its_own_takes_the_others() -> None:
    assert conformal.scales(np.array([4.0, np.nan]), np.array([100.0, 100.0])) == pytest.approx([40**0.5, 40**0.5])


def test_few_errors_teach_nothing() -> None:
    assert np.isnan(conformal.pooled(np.ones((19, 1)))).all()


def test_pooled_quantiles_of_standard_normal_errors_are_normal() -> None:
    errors = np.random.default_rng(0).normal(size=(5000, 3))
    found = conformal.pooled(errors)
    assert found[:, LEVELS.index(0.9)] == pytest.approx([1.2816] * 3, abs=0.06)
    assert found[:, MEDIAN] == pytest.approx([0] * 3, abs=0.03)


def test_a_mean_error_of_the_past_moves_no_median_but_widens() -> None:
    errors = 10 + np.random.default_rng(0).normal(size=(5000, 1)) * 1e-6
    found = conformal.pooled(errors)[0]
    assert found[MEDIAN] == pytest.approx(0, abs=1e-3)
    assert found[-1] == pytest.approx(10, abs=0.01)


def test_each_window_is_widened_by_the_others_only() -> None:
    rng = np.random.default_rng(1)
    raw = np.full((40, 3, 2, 13), 100.0)
    observed = np.stack([100 + rng.normal(0, 1, (40, 2)), 100 + rng.normal(0, 30, (40, 2))], axis=1)
    final, tested = conformal.calibrated(raw, observed, np.ones(40), np.array([True, True]))
    width = tested[:, :, :, -1] - tested[:, :, :, 0]
    assert width[:, 0].mean() > 5 * width[:, 1].mean()  # the calm window learns from the wild one, and the other way
    assert final.shape == (40, 2, 13)


def test_calm_and_disrupted_backtests_are_averaged_whatever_their_numbers() -> None:
    rng = np.random.default_rng(1)
    raw = np.full((40, 4, 2, 13), 100.0)
    calm, wild = rng.normal(0, 1, (40, 2, 2)), rng.normal(0, 9, (40, 1, 2))
    observed = 100 + np.concatenate([calm, wild], axis=1)
    final, _ = conformal.calibrated(raw, observed, np.ones(40), np.array([True, True, False]))
    conformal_width = (1.96 * 1 + 1.96 * 9) / 2
    assert final[0, 0, -1] - 100 == pytest.approx(conformal_width / 2, rel=0.25)  # the native intervals have no width
