"""Paths about a forecast: sums of processes whose sums are known, counts, thresholds, odd series."""

from __future__ import annotations

import numpy as np
import pytest
from joblib import parallel_config
from scipy import stats

from ennakointi import sample_paths
from ennakointi.forecast.engine import EngineSettings, forecast
from ennakointi.forecast.paths import SamplePaths, paths
from ennakointi.forecast.series import ENSEMBLE, LEVEL, LEVELS, REFUSED, ZERO, EngineForecast, SeriesSet, Windows

H, N = 24, 240


def series_of(*values: np.ndarray) -> SeriesSet:
    return SeriesSet(tuple(f"s{i}" for i in range(len(values))), values, None, "M", (12,))


def normal(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Quantiles (…, H, 13)."""
    return np.maximum(mean[..., None] + sd[..., None] * stats.norm.ppf(LEVELS), 0.0)


def made_of(series: SeriesSet, quantiles: np.ndarray, windows: Windows | None = None) -> EngineForecast:
    mean = quantiles[:, :, 6]
    return EngineForecast(series.keys, quantiles, mean, (ENSEMBLE,) * len(series), windows)


def walks(n: int, seed: int) -> np.ndarray:
    return 1000 + np.cumsum(np.random.default_rng(seed).normal(0, 5, (n, N + H)), axis=1)


def exact(past: np.ndarray) -> EngineForecast:
    """The true forecast of random walks with σ = 5."""
    sd = np.broadcast_to(5 * np.sqrt(np.arange(1, H + 1)), (len(past), H))
    return made_of(series_of(*past), normal(np.repeat(past[:, -1:], H, axis=1), sd))


def test_sums_of_a_random_walk_have_their_known_spread() -> None:
    """Var Σ = σ² · Σ k² = σ² H (H + 1) (2 H + 1) / 6."""
    past = walks(8, 1)[:, :N]
    drawn = paths(series_of(*past), exact(past), 2000, 1)
    spread = drawn.cumulated(0)[:, -1].std()
    every = np.mean([drawn.cumulated(i)[:, -1].std() for i in range(8)])
    truth = 5 * np.sqrt(H * (H + 1) * (2 * H + 1) / 6)
    assert every == pytest.approx(truth, rel=0.1)
    ends = drawn.quantiles_of_sum(0, 0, H - 1, (0.1, 0.9))
    assert (ends[1] - ends[0]) / 2 == pytest.approx(sample_paths.NORMAL_80 * spread, rel=0.1)


def test_sums_of_months_without_memory_are_too_wide_by_a_known_factor() -> None:
    """Var Σ = H σ²; α = .1 makes it Σ (1 + α k)² σ² + H² α σ², over months whose own variance is put right."""
    past = np.random.default_rng(2).normal(500, 20, (8, N))
    made = made_of(series_of(*past), normal(np.full((8, H), 500.0), np.full((8, H), 20.0)))
    drawn = paths(series_of(*past), made, 2000, 1)
    every = np.mean([drawn.cumulated(i)[:, -1].std() for i in range(8)])
    k = np.arange(H)
    wide = np.sqrt(((1 + 0.1 * k) ** 2).sum() + 0.1 * H**2) / np.sqrt(1.1 + 0.01 * k).mean()
    assert every == pytest.approx(20 * wide, rel=0.1)
    assert every > 20 * np.sqrt(H)


def test_months_keep_the_distribution_of_the_forecast() -> None:
    past = walks(1, 3)[:, :N]
    made = exact(past)
    drawn = paths(series_of(*past), made, 4000, 1)
    found = np.quantile(drawn.paths[0], LEVELS, axis=0).T
    assert found == pytest.approx(made.quantiles[0], rel=1e-3)
    assert drawn.paths[0].mean(axis=0) == pytest.approx(made.mean[0])


def backtested(steps: float) -> tuple[SeriesSet, EngineForecast]:
    """Thirty series of noise whose level jumps by ± `steps` after each origin, and forecasts that do not know it."""
    rng = np.random.default_rng(5)
    past = rng.normal(500, 10, (30, 120))
    back = np.array([H, H + 12])
    observed = rng.normal(500, 10, (30, 2, H)) + steps * rng.choice([-1, 1], (30, 2, 1))
    told = normal(np.full((30, 2, H), 500.0), np.full((30, 2, H), 10.0))
    windows = Windows(back, observed, told, observed, np.ones(30))
    series = series_of(*past)
    return series, made_of(series, told[:, 0], windows)


def test_backtests_of_sums_widen_sums_to_the_errors_they_had() -> None:
    """A jump of 20 a month is 480 in a sum of 24; its noise has σ 49, so 80 % of |errors| are under 480 + .84 · 49."""
    calm, jumping = (paths(*backtested(steps), 400, 1) for steps in (0.0, 20.0))
    assert calm.factor80 == pytest.approx(np.ones(H), abs=0.35)
    assert calm.reached == jumping.reached == H
    assert jumping.factor80[-1] > 2
    ends = np.array([jumping.quantiles_of_sum(i, 0, H - 1, (0.1, 0.9)) for i in range(30)])
    assert np.median(ends[:, 1] - ends[:, 0]) / 2 == pytest.approx(480 + 0.84 * 49, rel=0.1)
    assert jumping.paths.mean(axis=1) == pytest.approx(jumping.mean)


def test_a_sum_is_compared_over_the_months_that_are_known() -> None:
    series, made = backtested(20.0)
    assert made.windows is not None
    made.windows.observed[:, :, 3:6] = np.nan
    made.windows.observed[:, :, 18:] = np.nan
    found = paths(series, made, 50, 1)
    assert found.reached == 3  # months 4–6 are known nowhere: no sum may end there
    made.windows.observed[:, 0, 3:18] = 520.0
    assert paths(series, made, 50, 1).reached == 18


def test_beyond_the_backtests_the_last_factor_is_held() -> None:
    series, made = backtested(20.0)
    assert made.windows is not None
    made.windows.observed[:, :, 12:] = np.nan
    found = paths(series, made, 400, 1)
    assert found.reached == 12
    plain = paths(series, made_of(series, made.quantiles), 400, 1)
    ratio = found.cumulated(0)[:, -1].std() / plain.cumulated(0)[:, -1].std()
    assert ratio == pytest.approx(found.factor80[11], rel=0.05)


def every_kind() -> tuple[SeriesSet, EngineForecast]:
    rng = np.random.default_rng(7)
    gappy = rng.poisson(80, 60).astype(float)
    gappy[[0, 20, 21, 58, 59]] = np.nan
    series = series_of(
        rng.poisson(200, 60).astype(float),
        np.zeros(30),
        np.full(40, np.nan),
        np.full(36, 40.0),
        (rng.uniform(size=48) < 0.2).astype(float),
        np.array([3.0]),
        rng.poisson(9, 5).astype(float),
        gappy,
        rng.poisson(50, 9).astype(float),
    )
    return series, forecast(series, 12, EngineSettings(mode="fast"))


@pytest.fixture(scope="module")
def kinds() -> tuple[EngineForecast, SamplePaths]:
    series, made = every_kind()
    return made, paths(series, made, 300, 1)


def test_every_kind_of_series_gets_what_it_can(kinds: tuple[EngineForecast, SamplePaths]) -> None:
    made, drawn = kinds
    assert made.methods[1:4] == (ZERO, REFUSED, LEVEL)
    told = [i for i, method in enumerate(made.methods) if method != REFUSED]
    assert (drawn.paths[told] >= 0).all()
    assert drawn.paths[told].mean(axis=1) == pytest.approx(made.mean[told])
    assert not drawn.paths[1].any()
    assert np.isnan(drawn.paths[2]).all()


def test_refused_series_have_no_quantiles_and_no_probabilities(kinds: tuple[EngineForecast, SamplePaths]) -> None:
    _, drawn = kinds
    assert np.isnan(drawn.quantiles_of_sum(2, 0, 11, (0.1, 0.9))).all()
    assert np.isnan(drawn.probability_above(2, 5.0, 0, 11))
    assert np.isnan(drawn.probability_of_any(2, 5.0))
    assert np.isnan(drawn.probability_by_period(2, 5.0)).all()


def test_rare_events_stay_counts(kinds: tuple[EngineForecast, SamplePaths]) -> None:
    """About one in five months has an event: as many paths of a month have none as a Poisson count would."""
    made, drawn = kinds
    none = (drawn.paths[4] == 0).mean()
    assert none == pytest.approx(np.exp(-made.mean[4].mean()), abs=0.06)


def test_thresholds_by_hand() -> None:
    rows = np.array([[[1.0, 5.0], [3.0, 1.0], [4.0, 4.0], [0.0, 0.0]]])
    drawn = SamplePaths(("a",), rows, rows.mean(axis=1), np.ones(2), np.ones(2), (ENSEMBLE,))
    assert drawn.probability_above(0, 4.0, 0, 1) == 0.5  # sums 6, 4, 8, 0
    assert drawn.probability_by_period(0, np.array([2.0, 4.0])).tolist() == [0.5, 0.25]
    assert drawn.probability_of_any(0, 4.0) == 0.25
    assert drawn.sums(0, 1, 1).tolist() == [5.0, 1.0, 4.0, 0.0]
    assert drawn.quantiles_of_sum(0, 0, 1, (0.5,)).tolist() == [5.0]
    with pytest.raises(ValueError, match="0–1"):
        drawn.sums(0, 1, 2)


def test_the_95_percent_interval_takes_its_own_factor() -> None:
    """Factors 1 and 2: the 80 % interval is that of the paths, the 95 % one twice as wide about the mean."""
    rows = np.linspace(900.0, 1100.0, 1001)[None, :, None]
    drawn = SamplePaths(("a",), rows, rows.mean(axis=1), np.ones(1), np.full(1, 2.0), (ENSEMBLE,))
    found = drawn.quantiles_of_sum(0, 0, 0, (0.025, 0.1, 0.5, 0.9, 0.975))
    assert found == pytest.approx([810.0, 920.0, 1000.0, 1080.0, 1190.0])


def test_threads_do_not_change_the_paths() -> None:
    """The library draws from NumPy's global generator: one thread at a time."""
    rng = np.random.default_rng(9)
    series = series_of(*rng.normal(500, 20, (40, 60)))
    made = made_of(series, normal(np.full((40, H), 500.0), np.full((40, H), 20.0)))
    with parallel_config(backend="threading"):
        together = paths(series, made, 20, 3, jobs=3)
    assert np.array_equal(together.paths, paths(series, made, 20, 3).paths)


def test_other_series_or_a_single_path_are_refused() -> None:
    series, made = every_kind()
    with pytest.raises(ValueError, match="same keys"):
        paths(series_of(np.ones(3)), made, 20, 1)
    with pytest.raises(ValueError, match="2 paths"):
        paths(series, made, 1, 1)


def test_coverage_of_sums_is_near_nominal_and_tighter_than_added_months() -> None:
    """Forty simulated services at a fixed seed; `benchmarks/sums.py` has the large version."""
    rng = np.random.default_rng(11)
    season = 0.1 * np.cos(2 * np.pi * np.arange(120) / 12)
    level = np.cumsum(rng.normal(0, 0.008, (40, 120)), axis=1)
    mean = np.exp(rng.uniform(np.log(20), np.log(5000), (40, 1)) + level + season + rng.normal(0, 0.04, (40, 120)))
    counts = rng.poisson(mean).astype(float)
    series = series_of(*counts[:, :-H])
    made = forecast(series, H, EngineSettings(mode="fast"))
    drawn = paths(series, made, 300, 1)
    truth = counts[:, -H:].sum(axis=1)
    for levels, low, high in (((0.1, 0.9), 0.70, 0.95), ((0.025, 0.975), 0.90, 1.0)):
        ends = np.array([drawn.quantiles_of_sum(i, 0, H - 1, levels) for i in range(40)])
        covered = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
        assert low <= covered <= high
    months = made.quantiles[:, :, 12].sum(axis=1) - made.quantiles[:, :, 0].sum(axis=1)
    assert np.median((ends[:, 1] - ends[:, 0]) / months) < 0.8
