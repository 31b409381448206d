"""Paths: centred, non-negative, repeatable; small series; coverage of cumulated sums at a fixed seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ennakointi import scores
from ennakointi.debt import calibration, paths
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


def planted(slope_per_year: float, seed: int) -> np.ndarray:
    """Baseline and 24 months ahead, a straight line of the index with 3 % independent months."""
    rng, years = np.random.default_rng(seed), (np.arange(60) - 17.5) / 12
    return 2000 * (1 + slope_per_year * years) * (1 + rng.normal(0, 0.03, 60))


def continued(counts: np.ndarray, trend: paths.Trend) -> paths.Paths:
    return paths.simulate(counts[:36], np.full(36, 2000.0), MONTHS[36:72], np.full(24, 2000.0), 400, 3, trend)


@pytest.mark.parametrize(("trend", "kept"), [("linear", 1.0), ("damped", 0.5), ("none", 0.0)])
def test_each_trend_continues_its_share_of_a_planted_slope(trend: paths.Trend, kept: float) -> None:
    """A line rising 6 % a year is 15 % above its middle in the 24 months ahead: Theta's drift is half the slope."""
    found = [continued(planted(0.06, seed), trend).point.sum() / 48_000 - 1 for seed in range(8)]
    start = 0.0 if trend != "damped" else 0.09  # Theta starts from the end of the baseline
    assert np.mean(found) == pytest.approx(start + kept * (0.15 - start), abs=0.02)


@pytest.mark.parametrize("trend", ["none", "linear"])
def test_each_trend_covers_its_own_truth(trend: paths.Trend) -> None:
    rows = []
    for seed in range(60):
        counts = planted(0.06 if trend == "linear" else 0.0, seed)
        made = continued(counts, trend)
        assert made.method == paths.REGRESSION
        ends = paths.quantile_ends(paths.cumulated_deviations(made, 0), 0.8)[:, -1]
        rows.append((counts[36:].sum() - made.point.sum(), *ends))
    assert 0.7 <= scores.covered_share(*np.array(rows).T) <= 0.9


@pytest.mark.parametrize(("sloped", "variance"), [(False, 36 / 24 * 40), (True, 36 / 23 * (40 + 720**2 / 3885))])
def test_the_spread_of_a_line_is_that_of_least_squares(sloped: bool, variance: float) -> None:
    """36 months ± 1 %, without memory: σ² (h + h² / n) for h = 24, and the slope's σ² (Σ t)² / Σ t²."""
    index = 1 + 0.01 * (-1.0) ** np.arange(36)
    line, drawn = paths._line_paths(index, 24, sloped, 20_000, np.random.default_rng(1))
    assert (drawn - line).sum(axis=1).std() == pytest.approx(0.01 * np.sqrt(variance), rel=0.02)


def test_a_small_series_keeps_its_own_slope_only_when_asked() -> None:
    counts = np.repeat([1.0, 2.0, 3.0], 12) + np.tile([0.0, 1.0, -1.0], 12)
    level, rising = (paths.simulate(counts, np.full(36, 2.0), MONTHS[36:72], np.full(24, 2.0), 200, 1, trend)
                     for trend in ("none", "linear"))  # fmt: skip
    assert level.method == rising.method == paths.COUNTS
    assert level.point.mean() == pytest.approx(2.0, abs=0.1)
    assert rising.point.mean() == pytest.approx(4.2, abs=0.5)  # least squares: 0.89 a year from the middle, 2.5 years


def undisturbed(rng: np.random.Generator, n: int, **kind: float) -> list[UndisturbedSeries]:
    flat = np.ones(74)
    return [UndisturbedSeries(noisy(rng, 500, **kind)[:74], 500 * flat, MONTHS[:74]) for _ in range(n)]


def test_calibration_stops_where_history_stops() -> None:
    found = calibrate(undisturbed(np.random.default_rng(5), 6, sd=0.02, r=0.0), 60, SKIP)
    known = np.isfinite(found.factor80)
    assert found.reached_months == known.sum() == 74 - 30 - SKIP  # two origins of six series: 24 and 30
    assert not known[found.reached_months :].any()


def test_calibrated_sums_cover_what_they_say_in_series_that_differ() -> None:
    """Forty steady and unsteady services of two sizes, calibrated on forty others."""
    rng = np.random.default_rng(11)
    kinds = [(mean, sd, r) for mean in (50.0, 3000.0) for sd in (0.01, 0.08) for r in (0.2, 0.9)] * 5
    flat = np.full(74, 500.0)
    pool = [UndisturbedSeries(noisy(rng, *kind)[:74], flat, MONTHS[:74]) for kind in kinds]
    factors = calibrate(pool, HORIZON - SKIP, SKIP, n_paths=100)
    rows = []
    for kind in kinds:
        counts = noisy(rng, *kind)
        made = ahead(counts, n_paths=200)
        own, deviations = factors.of(made, SKIP), paths.cumulated_deviations(made, SKIP)
        ends80, ends95 = (paths.quantile_ends(deviations, level)[:, -1] for level in (0.80, 0.95))
        truth = counts[72 + SKIP : 72 + HORIZON].sum() - made.point[SKIP:].sum()
        rows.append((truth, *(ends80 * own.factor80[-1]), *(ends95 * own.factor95[-1])))
    truth, low80, high80, low95, high95 = np.array(rows).T
    assert 0.70 <= scores.covered_share(truth, low80, high80) <= 0.90
    assert 0.88 <= scores.covered_share(truth, low95, high95) <= 1.0


def test_a_pool_narrows_with_its_size() -> None:
    """Months without memory: Theta's sums are too wide; 4 series are believed by 4 / 14, 16 by 16 / 26."""
    few, many = (calibrate(undisturbed(np.random.default_rng(5), n, sd=0.02, r=0.0), 22, SKIP) for n in (4, 16))
    assert 0.4 < many.factor80[-1] < few.factor80[-1] < 1


@pytest.mark.parametrize(("n", "near"), [(4000, 0.06), (2, 0.1)])
def test_slopes_of_the_errors_are_recovered_and_stay_near_their_prior_in_small_pools(n: int, near: float) -> None:
    """Placebos whose |error| / spread falls with the spread to the power −.7 and does not know the variation."""
    rng = np.random.default_rng(9)
    spread, variation, volume = rng.normal([[-3], [0], [6]], [[0.7], [0.7], [1.5]], (3, n))[:, :, None] * np.ones(4)
    ratios = np.abs(rng.normal(size=(n, 4))) * np.exp(-0.7 * (spread + 3))
    found, centre = calibration._slopes(np.stack([ratios, spread, variation, volume], axis=1), np.arange(n))
    expected = (-0.7, 0.0, 0.0) if n > 2 else calibration.SLOPES
    assert found[:, -1] == pytest.approx(expected, abs=near)
    assert centre[:, -1] == pytest.approx([spread.mean(), variation.mean(), volume.mean()])


def test_a_series_of_typical_spread_has_the_factors_of_the_pool() -> None:
    made = ahead(noisy(np.random.default_rng(3), 500))
    log_spread, log_variation, log_volume = calibration._marks(made, SKIP)
    centre = -(0.5 * log_spread - 0.2 * log_variation + 0.1 * log_volume)
    one = np.ones(HORIZON - SKIP)
    pool = calibration.Calibration(1.4 * one, 1.6 * one, 50 * one, False, centre, 0.5 * one, -0.2 * one, 0.1 * one)
    assert pool.of(made, SKIP).factor80 == pytest.approx(1.4)
    doubled = replace(made, paths=made.point + 2 * (made.paths - made.point))
    assert pool.of(doubled, SKIP).factor80 == pytest.approx(1.4 * 2**0.7)  # .5 of the spread, −.2 of its inverse


def test_calibration_widens_when_levels_move_more_than_the_paths_say() -> None:
    rng = np.random.default_rng(6)
    steady = undisturbed(rng, 8, sd=0.01, r=0.0)
    steps = np.repeat(rng.choice([0.8, 1.25], (8, 5)), [26, 12, 12, 12, 12], axis=1)
    jumping = [UndisturbedSeries(s.observed * step, s.expected, s.months) for s, step in zip(steady, steps)]
    assert calibrate(jumping, 22, SKIP).factor80[-1] > 1.2


def test_calibration_without_history_gives_no_factor() -> None:
    rng = np.random.default_rng(7)
    short = [UndisturbedSeries(s.observed[:26], s.expected[:26], s.months[:26]) for s in undisturbed(rng, 4)]
    for found in (calibrate(short, 22, SKIP), calibrate([], 22, SKIP)):
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
