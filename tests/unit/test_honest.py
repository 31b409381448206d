"""Honest bounds against linear programmes, brute force and coverage of planted effects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import ncx2

from ennakointi.causal import honest, honest_relative, honest_smoothness
from ennakointi.errors import DataError, ParameterError


def covariance(length: int, seed: int, scale: float = 0.1) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((length, 4 * length))
    return scale**2 * (rows @ rows.T / (4 * length) + 0.2)


@pytest.mark.parametrize("mean", [0.0, 0.3, 2.0, 6.0])
def test_folded_normal_quantile_is_that_of_a_chi_square(mean: float) -> None:
    """|N(b, 1)|² is non-central chi-square."""
    assert honest_smoothness.folded_normal_quantile(mean) == pytest.approx(np.sqrt(ncx2.ppf(0.95, 1, mean**2)))


def test_exactly_linear_trends_give_generalised_least_squares() -> None:
    """With m = 0 the estimator is the best linear unbiased one of a trend and one effect a period."""
    n_pre, n_post, sigma = 4, 3, covariance(7, 1)
    betahat = np.random.default_rng(2).standard_normal(7)
    periods = np.array([-4, -3, -2, -1, 1, 2, 3.0])
    design = np.column_stack([periods, np.vstack([np.zeros((n_pre, n_post)), np.eye(n_post)])])
    weighted = design.T @ np.linalg.inv(sigma)
    spread = np.linalg.inv(weighted @ design)
    effect = (spread @ weighted @ betahat)[1:].mean()
    error = np.sqrt(spread[1:, 1:].mean())
    found = honest.sensitivity(betahat, sigma, n_pre, n_post, l="average", ms=[0], m_bars=[])
    expected = [effect - 1.959964 * error, effect + 1.959964 * error]
    assert found[["lo95", "hi95"]].iloc[0].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("n_pre", "weight"), [(2, [1.0, 0.0]), (4, [0.5, 0.5]), (5, [0.2, -0.3, 1.0])])
def test_smoothness_interval_is_the_shortest_and_its_bias_the_worst(n_pre: int, weight: list[float]) -> None:
    """Worst bias by linear programming over δ; no other estimator without a linear trend is shorter."""
    n_post, m = len(weight), 0.05
    length = n_pre + n_post
    sigma = covariance(length, 3)
    bends = np.delete(np.diff(np.eye(length + 1), n=2, axis=0), n_pre, axis=1)
    periods = np.concatenate([np.arange(-n_pre, 0), np.arange(1, n_post + 1)])

    def half_length(loading: np.ndarray) -> float:
        both = {"A_ub": np.vstack([bends, -bends]), "b_ub": np.full(2 * len(bends), m)}
        worst = linprog(-loading, **both, bounds=[(-50, 50)] * length)
        error = np.sqrt(loading @ sigma @ loading)
        return float(error * honest_smoothness.folded_normal_quantile(-worst.fun / error))

    def interval(betahat: np.ndarray) -> np.ndarray:
        return np.array(honest_smoothness.fixed_length_interval(betahat, sigma, n_pre, np.array(weight), m))

    ours = float(np.diff(interval(np.zeros(length)))[0] / 2)
    loading = np.array([interval(unit).mean() for unit in np.eye(length)])  # the interval's centre is linear
    assert loading[n_pre:] == pytest.approx(weight, abs=1e-9)
    assert half_length(loading) == pytest.approx(ours, abs=1e-7)
    rng = np.random.default_rng(4)
    for size in np.geomspace(1e-3, 1, 60):
        other = loading + np.concatenate([rng.normal(0, size, n_pre), np.zeros(n_post)])
        other[0] += other @ periods / n_pre
        assert half_length(other) >= ours - 1e-7


@pytest.mark.parametrize("weight", [[1.0], [1.0, 0.0], [0.5, 0.5], [0.2, -0.5, 1.0, 0.0]])
@pytest.mark.parametrize("m_bar", [0.5, 2.0])
def test_vertices_of_the_dual_solve_the_linear_programme(weight: list[float], m_bar: float) -> None:
    """η of Andrews, Roth & Pakes by HiGHS over all nuisance effects."""
    n_pre, n_post = 3, len(weight)
    sigma, rng = covariance(n_pre + n_post, 4), np.random.default_rng(5)
    steps = np.delete(np.diff(np.eye(n_pre + n_post + 1), axis=0), n_pre, axis=1)
    for sign in (1.0, -1.0):
        dual, slope = honest_relative._dual_vertices(sigma, n_pre, np.array(weight), m_bar, 1, sign)
        bound = sign * steps[1]
        rows = [np.outer([1, -1], step) - (m_bar if place >= n_pre else 1) * bound for place, step in enumerate(steps)]
        moments = np.vstack(rows if n_post == 1 else rows[n_pre:])
        moments = moments[np.abs(moments).max(axis=1) > 0]
        sd = np.sqrt(np.diag(moments @ sigma @ moments.T))
        for effect in (-0.4, 0.0, 0.7):
            betahat = rng.standard_normal(n_pre + n_post)
            least = linprog(  # η and the effects of every period, of which the weighted sum is known
                np.eye(n_post + 1)[0],
                A_ub=-np.column_stack([sd, moments[:, n_pre:]]),
                b_ub=-moments @ betahat,
                A_eq=[[0.0, *weight]],
                b_eq=[effect],
                bounds=[(None, None)] * (n_post + 1),
            )
            assert (dual @ betahat + slope * effect).max() == pytest.approx(least.fun, abs=1e-8)


def covered(runs: int, m_bar: float) -> float:
    """Share of relative-magnitude intervals that hold the effect when trends fail as much as they may."""
    rng, sigma = np.random.default_rng(6), covariance(4, 7)
    trend = np.array([0.0, 0.3, m_bar * 0.3, 2 * m_bar * 0.3]) - np.array([0.3, 0.3, 0, 0])
    root, hits = np.linalg.cholesky(sigma), 0
    for _ in range(runs):
        betahat = trend + root @ rng.standard_normal(4)
        found = honest.sensitivity(betahat, sigma, 2, 2, l="average", m_bars=[m_bar], ms=[])
        hits += int(found.lo95[0] <= 0 <= found.hi95[0])
    return hits / runs


def test_relative_magnitude_intervals_cover_at_the_edge_of_the_restriction() -> None:
    assert covered(60, 1.0) >= 0.90


@pytest.mark.slow
def test_relative_magnitude_intervals_cover_over_many_runs() -> None:
    assert 0.938 <= covered(1_000, 1.0) <= 0.985


@pytest.mark.parametrize("restriction", honest.RESTRICTIONS)
def test_breakdown_is_where_the_interval_meets_zero(restriction: str) -> None:
    betahat, sigma = np.array([0.02, -0.05, 1.0, 1.2]), covariance(4, 8)
    edge = honest.breakdown(-betahat, sigma, 2, 2, restriction=restriction)
    at = [0.98 * edge, 1.02 * edge]
    found = honest.sensitivity(betahat, sigma, 2, 2, ms=at, m_bars=at)
    inside, outside = found[found.restriction == restriction].lo95
    assert inside > 0 > outside


def test_breakdown_without_any_change_of_slope_before_the_start() -> None:
    """All coefficients before the start are 0: the smoothness bounds start from the error of the first."""
    assert 0.1 < honest.breakdown([0, 0, 0, 1.0], covariance(4, 8), 3, 1, restriction="smoothness") < 1


def test_breakdown_is_not_defined_for_an_effect_that_is_not_there() -> None:
    assert np.isnan(honest.breakdown([0.0, 0.0, 0.01], covariance(3, 9), 2, 1))


def test_intervals_grow_and_repeat() -> None:
    arguments = (np.array([0.1, 0.0, 0.3, 0.5]), covariance(4, 10), 2, 2)
    found = honest.sensitivity(*arguments, seed=3)
    for restriction in honest.RESTRICTIONS:
        part = found[found["restriction"] == restriction]
        assert (np.diff(part["hi95"] - part["lo95"]) > 0).all()
    assert found.equals(honest.sensitivity(*arguments, seed=3))
    assert found.restriction.value_counts().to_dict() == {"smoothness": 5, "relative_magnitude": 4}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"n_pre": 0}, ParameterError, "0 periods before the reference"),
        ({"n_post": 3}, ParameterError, "give 5 of each"),
        ({"l": "mean"}, ParameterError, "weights of the effect"),
        ({"l": [1.0, np.nan]}, ParameterError, "weights of the effect"),
        ({"m_bars": [-1]}, ParameterError, "is negative"),
        ({"betahat": [0, 0, 0, np.nan]}, DataError, "unknown coefficients"),
        ({"sigma": np.ones((4, 4))}, DataError, "singular"),
    ],
)
def test_input_that_gives_no_bounds(change: dict, error: type[Exception], says: str) -> None:
    arguments = {"betahat": np.zeros(4), "sigma": covariance(4, 11), "n_pre": 2, "n_post": 2} | change
    with pytest.raises(error, match=says):
        honest.sensitivity(**arguments)


def test_unknown_restriction() -> None:
    with pytest.raises(ParameterError, match="give one of smoothness"):
        honest.breakdown(np.zeros(3), covariance(3, 12), 2, 1, restriction="linear")
