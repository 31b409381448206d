"""Sample paths as functions of arrays: against closed forms, hand-worked tables and planted dependence."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ennakointi import sample_paths as sp

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_theta_paths_of_a_random_walk_spread_with_the_root_of_the_horizon() -> None:
    """Exponential smoothing with α = 1: variance σ² h (Hyndman et al. 2008, table 6.1), and the level's error σ²."""
    walk = 500 + np.cumsum(rng(3).normal(size=300))
    point, drawn = sp.theta_paths(walk, 24, 4000, rng())
    expected = np.sqrt(np.arange(1, 25) + 1.0)
    assert drawn.std(axis=0) == pytest.approx(expected, rel=0.15)
    assert point[0] == pytest.approx(walk[-1], abs=1.0)


def test_theta_paths_of_noise_spread_as_the_smallest_weight_of_the_library_says() -> None:
    """White noise about a level: α at its lower bound .1, variance σ² (1 + (h − 1) α² + α)."""
    noise = rng(4).normal(500, 10, 300)
    drawn = sp.theta_paths(noise, 24, 4000, rng())[1]
    expected = 10 * np.sqrt(1.1 + 0.01 * np.arange(24))
    assert drawn.std(axis=0) == pytest.approx(expected, rel=0.1)


def test_the_global_generator_is_put_back_after_an_error() -> None:
    def failing() -> None:
        with sp.global_generator_kept():
            np.random.seed(1)  # noqa: NPY002
            raise ValueError("inside")

    before = np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(ValueError, match="inside"):
        failing()
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("dispersion", [1.0, 3.0])
def test_counts_about_a_sure_level_have_the_moments_of_a_negative_binomial(dispersion: float) -> None:
    index = np.tile([1.0, 1.2, 0.8, 1.1, 0.9], 20)
    drawn = sp.count_paths(np.full(6, 4.0), index, 1e9, dispersion, 40_000, rng())
    assert drawn.mean() == pytest.approx(4.0, rel=0.01)
    assert drawn.var() == pytest.approx(4.0 * dispersion, rel=0.03)
    whole = stats.nbinom(4 / (dispersion - 1), 1 / dispersion) if dispersion > 1 else stats.poisson(4)
    assert (drawn == 0).mean() == pytest.approx(whole.pmf(0), rel=0.05)


def test_an_unsure_level_is_shared_by_all_periods_of_a_path() -> None:
    """100 contacts behind the level: relative deviation 1/10 of every sum, whatever its length."""
    drawn = sp.count_paths(np.full(24, 1000.0), np.tile([1.0, 2.0], 50), 100.0, 1.0, 4000, rng())
    assert drawn.sum(axis=1).std() / 24_000 == pytest.approx(0.1, rel=0.1)


def test_marginals_are_those_of_the_quantiles_and_ranks_stay() -> None:
    given = rng().normal(size=(999, 3))
    quantiles = np.stack([stats.norm.ppf(LEVELS, 100, 10), stats.norm.ppf(LEVELS, 50, 1), stats.norm.ppf(LEVELS, 9, 3)])
    found = sp.with_marginals(given, quantiles, LEVELS)
    assert np.array_equal(found.argsort(axis=0), given.argsort(axis=0))
    exact = stats.norm.ppf((np.arange(999) + 0.5) / 999, 100, 10)
    assert np.sort(found[:, 0]) == pytest.approx(exact)
    assert found[:, 2].min() == 0  # the normal's tail under zero is held at zero


def test_marginals_of_constant_quantiles_are_constant() -> None:
    assert (sp.with_marginals(rng().normal(size=(50, 2)), np.full((2, 13), 7.0), LEVELS) == 7.0).all()


def test_proportioned_by_hand() -> None:
    found = sp.proportioned(np.array([6.0, 0.0, 5.0]), np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0]]))
    assert found.tolist() == [[3.0, 0.0, 5.0], [9.0, 0.0, 5.0]]


def test_recentred_by_hand() -> None:
    point, found = sp.recentred(np.array([2.0, -1.0]), np.array([[0.0, 1.0], [8.0, 3.0]]))
    assert point.tolist() == [2.0, 0.0]
    assert found.tolist() == [[0.0, 0.0], [6.0, 1.0]]


def test_scaled_by_hand() -> None:
    """Deviations 1, 1 cumulate to 1, 2; times 1, 1.5 they are 1, 3: the second period takes 2."""
    found = sp.scaled(np.array([[11.0, 11.0], [9.0, 9.0]]), np.array([10.0, 10.0]), np.array([1.0, 1.5]))
    assert found.tolist() == [[11.0, 12.0], [9.0, 8.0]]


def test_cumulated_deviations_and_ends_by_hand() -> None:
    deviations = sp.cumulated_deviations(np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([2.0, 4.0]))
    assert deviations.tolist() == [[-1.0, -3.0], [1.0, 3.0]]
    assert sp.quantile_ends(deviations, 0.8).tolist() == [pytest.approx([-0.8, -2.4]), pytest.approx([0.8, 2.4])]


def test_ratios_end_where_observations_end() -> None:
    deviations = np.array([[-1.0, -2.0], [1.0, 2.0]])
    found = sp.cumulated_ratios(np.array([5.0, 2.0]), np.array([3.0, 3.0]), deviations, 3)
    assert found[:2].tolist() == [2.0, 0.5]
    assert np.isnan(found[2])


def test_pooled_factors_are_quantiles_of_the_ratios() -> None:
    """101 ratios 0 … 2 normal quantiles, evenly: the 80 % quantile is 1.6 of them, the 95 % one 1.9."""
    ratios = [np.full(5, x) for x in np.linspace(0, 2, 101)]
    found = sp.pooled_factors([r * sp.NORMAL_80 for r in ratios], 5)
    assert found.factor80 == pytest.approx(np.full(5, 1.6))
    assert found.factor95 == pytest.approx(np.full(5, 1.9 * sp.NORMAL_80 / sp.NORMAL_95))
    assert found.placebos.tolist() == [101.0] * 5


def test_factors_of_nominal_errors_are_one() -> None:
    ratios = np.abs(rng().normal(size=(4000, 3)))
    found = sp.pooled_factors(list(ratios), 3, least=0.0)
    assert found.factor80 == pytest.approx(np.ones(3), abs=0.04)
    assert found.factor95 == pytest.approx(np.ones(3), abs=0.04)


def test_factors_need_placebos_and_never_narrow() -> None:
    narrow = [np.array([0.1, 0.1, np.nan])] * 10 + [np.array([0.1, np.nan, 0.1])] * 5
    found = sp.pooled_factors(narrow, 3)
    assert found.factor80[:2].tolist() == [1.0, 1.0]
    assert np.isnan(found.factor80[2])
    assert np.isnan(sp.pooled_factors([], 3).factor80).all()
