"""What must hold for the paths of any forecast: no negatives, the forecast's mean, order, scale and seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.forecast.paths import SamplePaths, paths
from ennakointi.forecast.series import ENSEMBLE, LEVEL, LEVELS, REFUSED, THETA, ZERO, EngineForecast, SeriesSet, Windows

H, BACK = 12, np.array([12, 16])
CASES = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)
levels = st.lists(st.sampled_from([0.3, 4.0, 60.0, 3000.0]), min_size=1, max_size=4)
LADDER = np.exp(0.3 * np.linspace(-1.5, 1.5, len(LEVELS)))


def told(level: np.ndarray) -> np.ndarray:
    """Quantiles (…, H, 13) about a level, log-spaced."""
    return np.repeat((level[..., None] * LADDER)[..., None, :], H, axis=-2)


def case(sizes: list[float], seed: int, factor: float = 1.0) -> tuple[SeriesSet, EngineForecast]:
    """Series of the given sizes with gaps, one of zeros, one refused and one with a level; everything × factor."""
    rng = np.random.default_rng(seed)
    values = [rng.poisson(size, 50) + rng.integers(0, 2, 50) * 0.5 for size in sizes]
    for one in values:
        one[rng.integers(5, 45, 3)] = np.nan
    values += [np.zeros(20), np.full(20, np.nan), rng.poisson(0.4, 30).astype(float)]
    level = np.array([*sizes, 0.0, np.nan, 0.4]) * factor
    methods = (*(ENSEMBLE, THETA, ENSEMBLE, THETA)[: len(sizes)], ZERO, REFUSED, LEVEL)
    series = SeriesSet(tuple(f"k{i}" for i in range(len(level))), tuple(v * factor for v in values), None, "M", (12,))
    observed = factor * rng.poisson(np.nan_to_num(np.array([*sizes, 0.0, 0.0, 0.4])), (2, H, len(level))).T
    windows = Windows(BACK, observed.swapaxes(1, 2), told(np.stack([level, level], axis=1)), observed, level)
    return series, EngineForecast(series.keys, told(level), told(level)[..., 6], methods, windows)


def drawn(sizes: list[float], seed: int, factor: float = 1.0) -> SamplePaths:
    return paths(*case(sizes, seed, factor), 40, seed)


@given(levels, seeds)
@CASES
def test_paths_are_never_negative_and_have_the_mean_of_the_forecast(sizes: list[float], seed: int) -> None:
    found = drawn(sizes, seed)
    known = [i for i, method in enumerate(found.methods) if method != REFUSED]
    assert (found.paths[known] >= 0).all()
    assert found.paths[known].mean(axis=1) == pytest.approx(found.mean[known])
    assert np.isnan(found.paths[found.methods.index(REFUSED)]).all()
    assert not found.paths[found.methods.index(ZERO)].any()


@given(levels, seeds)
@CASES
def test_the_seed_gives_the_same_paths_again(sizes: list[float], seed: int) -> None:
    first, again = drawn(sizes, seed), drawn(sizes, seed)
    assert np.array_equal(first.paths, again.paths, equal_nan=True)
    assert not np.array_equal(first.paths, paths(*case(sizes, seed), 40, seed + 1).paths, equal_nan=True)


@given(levels, seeds, st.sampled_from([0.25, 8.0, 1024.0]))
@CASES
def test_paths_scale_with_the_series(sizes: list[float], seed: int, factor: float) -> None:
    """Powers of two, so that no digit is lost. Counts about a level do not scale: their noise is that of persons."""
    small, large = drawn(sizes, seed), drawn(sizes, seed, factor)
    for i, method in enumerate(small.methods):
        if method != LEVEL:
            assert large.paths[i] == pytest.approx(small.paths[i] * factor, rel=1e-6, nan_ok=True)


@given(levels, seeds, st.randoms(use_true_random=False))
@CASES
def test_the_order_of_the_series_does_not_matter(sizes: list[float], seed: int, random: object) -> None:
    series, made = case(sizes, seed)
    order = list(range(len(series)))
    random.shuffle(order)  # type: ignore[attr-defined]
    w = made.windows
    assert w is not None
    turned = paths(
        SeriesSet(tuple(series.keys[i] for i in order), tuple(series.values[i] for i in order), None, "M", (12,)),
        EngineForecast(
            tuple(made.keys[i] for i in order),
            made.quantiles[order],
            made.mean[order],
            tuple(made.methods[i] for i in order),
            Windows(BACK, w.observed[order], w.quantiles[order], w.naive[order], w.scale[order]),
        ),
        40,
        seed,
    )
    assert np.array_equal(turned.paths, paths(series, made, 40, seed).paths[order], equal_nan=True)


@given(levels, seeds)
@CASES
def test_quantiles_of_sums_are_ordered_and_probabilities_fall(sizes: list[float], seed: int) -> None:
    found = drawn(sizes, seed)
    quantiles = found.quantiles_of_sum(0, 2, 9, LEVELS)
    assert (np.diff(quantiles) >= 0).all()
    assert quantiles[0] >= 0
    shares = [found.probability_above(0, q, 2, 9) for q in quantiles]
    assert (np.diff(shares) <= 0).all()
    limit = found.mean[0] * 1.1
    assert found.probability_of_any(0, limit) >= found.probability_by_period(0, limit).max()
