"""Scores against tables worked by hand and against the quantile loss of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from ennakointi import scores


def test_pinball_by_hand() -> None:
    assert scores.pinball([12.0, 8.0, 10.0], [10.0, 10.0, 10.0], 0.9) == pytest.approx([1.8, 0.2, 0.0])


def test_pinball_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    observed, quantile = rng.normal(size=50), rng.normal(size=50)
    ours = scores.pinball(observed, quantile, 0.3).mean()
    assert ours == pytest.approx(mean_pinball_loss(observed, quantile, alpha=0.3))


def test_interval_score_by_hand() -> None:
    # [8, 12] at 80 %: width 4, and 2 / 0.2 = 10 for every unit outside
    found = scores.interval_score([10.0, 13.0, 7.5], [8.0] * 3, [12.0] * 3, 0.8)
    assert found == pytest.approx([4.0, 14.0, 9.0])


def test_weighted_interval_score_by_hand() -> None:
    # |13 − 10| / 2 = 1.5; 0.2 / 2 · 14 = 1.4; 0.05 / 2 · (10 + 0) = 0.25; divided by 2.5
    found = scores.wis([13.0], [10.0], [[8.0], [5.0]], [[12.0], [15.0]], [0.8, 0.95])
    assert found == pytest.approx([(1.5 + 1.4 + 0.25) / 2.5])


def test_weighted_interval_score_is_the_mean_pinball_loss_twice() -> None:
    # Bracher et al. 2021: WIS = 2 / (2K + 1) · Σ of the pinball losses of its 2K + 1 quantiles
    y, levels, quantiles = np.array([4.0]), [0.1, 0.5, 0.9], [1.0, 3.0, 8.0]
    pinballs = sum(float(scores.pinball(y, [q], level)[0]) for q, level in zip(quantiles, levels))
    assert scores.wis(y, [3.0], [[1.0]], [[8.0]], [0.8])[0] == pytest.approx(2 / 3 * pinballs)


def test_wis_refuses_unequal_ends() -> None:
    with pytest.raises(ValueError, match="coverages"):
        scores.wis([1.0], [1.0], [[0.0]], [[2.0], [3.0]], [0.8])


def test_covered_share_leaves_out_missing_intervals() -> None:
    assert scores.covered_share([1.0, 5.0, 3.0], [0.0, 0.0, np.nan], [2.0, 2.0, 4.0]) == 0.5


def test_coverage_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no outcome"):
        scores.covered_share([1.0], [np.nan], [2.0])


def test_scaled_error_by_hand() -> None:
    assert scores.mase([12.0, 8.0], [10.0, 10.0], 4.0) == 0.5
    # the first series errs by 2 of 4 and 2 of 4, the second by 3 of 1; its missing month does not count
    found = scores.mase([[12.0, 8.0], [3.0, np.nan]], [[10.0, 10.0], [0.0, 5.0]], [4.0, 1.0])
    assert found == pytest.approx((0.5 + 0.5 + 3.0) / 3)


def test_scaled_error_of_the_seasonal_naive_in_its_own_sample_is_one() -> None:
    series = np.random.default_rng(1).gamma(4.0, 10.0, 60)
    scale = np.abs(series[12:] - series[:-12]).mean()
    assert scores.mase(series[12:], series[:-12], scale) == pytest.approx(1.0)


def test_a_constant_series_has_no_scaled_error() -> None:
    assert np.isnan(scores.mase([1.0], [1.0], 0.0))
    assert scores.mase([[1.0], [4.0]], [[1.0], [2.0]], [0.0, 2.0]) == 1.0


def test_weighted_quantile_loss_by_hand() -> None:
    # at .1: 12 → .1 · 2 = .2, 8 → .9 · 2 = 1.8; at .9 the other way round; 2 · 2 / 20 a level
    assert scores.wql([12.0, 8.0], [[10.0, 10.0], [10.0, 10.0]], [0.1, 0.9]) == pytest.approx(0.2)


def test_weighted_quantile_loss_is_scikit_learns_pinball_loss_per_volume() -> None:
    rng = np.random.default_rng(2)
    observed = rng.poisson(30, (4, 6)).astype(float)
    quantiles = np.sort(rng.normal(30, 6, (4, 6, 9)), axis=-1)
    levels = np.arange(1, 10) / 10
    ours = scores.wql(observed, quantiles, levels)
    losses = [mean_pinball_loss(observed.ravel(), quantiles[..., k].ravel(), alpha=a) for k, a in enumerate(levels)]
    assert ours == pytest.approx(np.mean([2 * loss / observed.mean() for loss in losses]))


def test_weighted_quantile_loss_of_a_point_forecast_is_its_absolute_error_per_volume() -> None:
    observed, point = np.array([10.0, 20.0, np.nan]), np.array([13.0, 18.0, 4.0])
    found = scores.wql(observed, np.repeat(point[:, np.newaxis], 9, axis=1), np.arange(1, 10) / 10)
    assert found == pytest.approx(5 / 30)


def test_weighted_quantile_loss_of_nothing_is_not_a_number() -> None:
    assert np.isnan(scores.wql([0.0], [[1.0]], [0.5]))
    with pytest.raises(ValueError, match="levels"):
        scores.wql([1.0], [[1.0, 2.0]], [0.5])


def test_bias_by_hand() -> None:
    assert scores.bias([10.0, 10.0, np.nan], [12.0, 9.0, 50.0]) == pytest.approx(0.05)
    assert np.isnan(scores.bias([0.0], [1.0]))
