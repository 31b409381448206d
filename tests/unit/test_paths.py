"""Paths: centred, non-negative, repeatable; small series; coverage of cumulated sums at a fixed seed."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi import scores
from ennakointi.debt import paths
from ennakointi.debt.calibration import UndisturbedSeries, calibrate
from ennakointi.periods import month_index

MONTHS = np.arange(month_index(2014, 1), month_index(2022, 1))
HORIZON, SKIP = 24, 2


def noisy(rng: np.random.Generator, mean: float, sd: float = 0.04, r: float = 0.5) -> np.ndarray:
    """Null series of 96 months: season, autocorrelated month effects, Poisson."""
    effect = rng.normal(0, sd, len(MONTHS))
    for i in range(1, len(effect)):
        effect[i] += r * effect[i - 1]
    return rng.poisson(mean * np.exp(effect + 0.1 * np.cos(2 * np.pi * MONTHS / 12))).astype(float)


def ahead(counts: np.ndarray, seed: int = 1, n_paths: int = 400) -> paths.Paths:
    base, flat = slice(36, 72), np.ones(36) * counts[36:72].mean()
    return paths.simulate(counts[base], flat, MONTHS[base], np.full(HORIZON, flat[0]), n_paths, seed)


def test_paths_are_centred_on_the_point_and_repeatable() -> None:
    counts = noisy(np.random.default_rng(1), 800)
    first, again, other = ahead(counts), ahead(counts), ahead(counts, seed=2)
    assert first.paths.mean(axis=0) == pytest.approx(first.point)
    assert np.array_equal(first.paths, again.paths)
    assert not np.array_equal(first.paths, other.paths)


def test_the_global_generator_of_numpy_is_left_alone() -> None:
    np.random.seed(5)  # noqa: NPY002 - the library under the method uses the global generator
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    ahead(noisy(np.random.default_rng(1), 800))
    found = np.random.random()  # noqa: NPY002
    assert found == expected


@pytest.mark.parametrize("mean", [0.3, 1.5, 6.0])
def test_small_series_never_go_below_zero(mean: float) -> None:
    simulated = ahead(noisy(np.random.default_rng(2), mean))
    assert simulated.paths.min() >= 0
    assert np.isfinite(simulated.paths).all()
    assert simulated.method == (paths.COUNTS if mean < paths.THETA_MINIMUM_MEAN else paths.THETA)


def test_a_constant_series_is_modelled_as_counts() -> None:
    simulated = ahead(np.full(len(MONTHS), 40.0))
    assert simulated.point.sum() == pytest.approx(40 * HORIZON, rel=0.05)


def test_cumulated_spread_grows_faster_than_of_independent_months() -> None:
    simulated = ahead(noisy(np.random.default_rng(3), 5000))
    cumulated = paths.cumulated_deviations(simulated, SKIP)[:, -1].std()
    independent = np.sqrt((simulated.paths[:, SKIP:].std(axis=0) ** 2).sum())
    assert cumulated > 1.3 * independent


def test_coverage_of_cumulated_sums_is_near_nominal() -> None:
    """Forty null series of four sizes: paths as they are; the benchmark has the large version."""
    rng = np.random.default_rng(4)
    rows = []
    for mean in np.repeat([20.0, 200.0, 2000.0, 20_000.0], 10):
        counts = noisy(rng, mean)
        simulated = ahead(counts)
        ends = paths.quantile_ends(paths.cumulated_deviations(simulated, SKIP), 0.8)[:, -1]
        truth = counts[72 + SKIP : 72 + HORIZON].sum() - simulated.point[SKIP:].sum()
        rows.append((truth, *ends))
    covered = scores.covered_share(*np.array(rows).T)
    assert 0.70 <= covered <= 0.95


def undisturbed(rng: np.random.Generator, n: int, **kind: float) -> list[UndisturbedSeries]:
    flat = np.ones(74)
    return [UndisturbedSeries(noisy(rng, 500, **kind)[:74], 500 * flat, MONTHS[:74]) for _ in range(n)]


def test_calibration_never_narrows_and_stops_where_history_stops() -> None:
    found = calibrate(undisturbed(np.random.default_rng(5), 6, sd=0.02, r=0.0), 60, SKIP)
    known = np.isfinite(found.factor80)
    assert (found.factor80[known] >= 1).all()
    assert (found.factor95[known] >= 1).all()
    assert found.reached_months == known.sum() == 74 - 30 - SKIP  # two origins of six series: 24 and 30
    assert not known[found.reached_months :].any()


def test_calibration_widens_when_levels_move_more_than_the_paths_say() -> None:
    rng = np.random.default_rng(6)
    steady = undisturbed(rng, 8, sd=0.01, r=0.0)
    steps = np.repeat(rng.choice([0.8, 1.25], (8, 5)), [26, 12, 12, 12, 12], axis=1)
    jumping = [UndisturbedSeries(s.observed * step, s.expected, s.months) for s, step in zip(steady, steps)]
    assert calibrate(jumping, 22, SKIP).factor80[-1] > 1.2


def test_calibration_without_history_gives_no_factor() -> None:
    rng = np.random.default_rng(7)
    short = [UndisturbedSeries(s.observed[:26], s.expected[:26], s.months[:26]) for s in undisturbed(rng, 4)]
    found = calibrate(short, 22, SKIP)
    assert found.reached_months == 0
    assert np.isnan(found.factor80).all()


def test_years_in_which_nobody_could_have_come_do_not_stop_the_backtests() -> None:
    counts = noisy(np.random.default_rng(8), 60)
    empty = np.zeros(96)
    alone = UndisturbedSeries(counts, np.full(96, 60.0), MONTHS)
    months = np.arange(MONTHS[0] - 96, MONTHS[-1] + 1)
    behind = UndisturbedSeries(np.append(empty, counts), np.append(empty, np.full(96, 60.0)), months)
    reached = calibrate([behind] * 6, 22, SKIP).reached_months
    assert reached == calibrate([alone] * 6, 22, SKIP).reached_months > 0
