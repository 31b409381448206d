"""Laws of the forecast engine: order and unit of series do not matter; quantiles are ordered and never negative."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.forecast.engine import EngineSettings, forecast
from ennakointi.forecast.series import LEVELS, MEDIAN, EngineForecast, SeriesSet

KINDS = ("usual", "sparse", "zero", "constant", "short", "gappy", "fading")


def made(seed: int, kinds: tuple[str, ...]) -> SeriesSet:
    rng = np.random.default_rng(seed)
    values = []
    for kind in kinds:
        n = int(rng.integers(40, 90))
        y = rng.poisson(rng.uniform(20, 500) * (1 + 0.3 * np.cos(2 * np.pi * np.arange(n) / 12))).astype(float)
        if kind == "sparse":
            y = rng.poisson(0.2, n).astype(float)
        elif kind == "zero":
            y = np.zeros(n)
        elif kind == "constant":
            y = np.full(n, 12.0)
        elif kind == "short":
            y = y[: int(rng.integers(1, 11))]
        elif kind == "fading":
            y[n // 2 :] = 0.0
            y[-1] = 1.0
        elif kind == "gappy":
            y[rng.random(n) < 0.2] = np.nan
        values.append(y)
    return SeriesSet(tuple(f"s{i}" for i in range(len(kinds))), tuple(values), None, "M", (12,))


def by_key(series: SeriesSet, mode: str = "fast") -> dict[str, np.ndarray]:
    found: EngineForecast = forecast(series, 6, EngineSettings(mode=mode, seed=1))
    return dict(zip(found.keys, found.quantiles, strict=True))


def reordered(series: SeriesSet, order: np.ndarray, factor: float = 1.0) -> SeriesSet:
    return SeriesSet(
        tuple(series.keys[i] for i in order), tuple(series.values[i] * factor for i in order), None, "M", (12,)
    )


sets = st.builds(made, st.integers(0, 10_000), st.lists(st.sampled_from(KINDS), min_size=1, max_size=5).map(tuple))


@given(sets, st.integers(0, 100))
@settings(max_examples=25)
def test_laws_of_the_fast_mode(series: SeriesSet, seed: int) -> None:
    found = by_key(series)
    known = np.array([q for q in found.values() if np.isfinite(q).all()])
    assert (known >= 0).all()
    assert (np.diff(known, axis=-1) >= 0).all()
    order = np.random.default_rng(seed).permutation(len(series))
    for key, quantiles in by_key(reordered(series, order)).items():
        np.testing.assert_allclose(quantiles, found[key], rtol=1e-9, atol=1e-9)
    for key, quantiles in by_key(reordered(series, np.arange(len(series)), 8.0)).items():
        np.testing.assert_allclose(quantiles, 8.0 * found[key], rtol=1e-5, atol=1e-6)


def test_laws_of_the_mixture() -> None:
    series = made(7, ("usual",) * 7 + ("gappy",))
    found = by_key(series, "full")
    for key, quantiles in by_key(reordered(series, np.arange(8)[::-1]), "full").items():
        np.testing.assert_allclose(quantiles, found[key], rtol=1e-9)
    for key, quantiles in by_key(reordered(series, np.arange(8), 8.0), "full").items():
        np.testing.assert_allclose(quantiles, 8.0 * found[key], rtol=0.02)


@pytest.mark.slow
def test_a_copy_of_a_series_moves_the_others_by_no_more_than_the_pooled_parts_do() -> None:
    series = made(7, ("usual",) * 8)
    with_copy = SeriesSet((*series.keys, "copy"), (*series.values, series.values[0]), None, "M", (12,))
    before, after = by_key(series, "full"), by_key(with_copy, "full")
    for key in series.keys:
        width = before[key][:, LEVELS.index(0.9)] - before[key][:, LEVELS.index(0.1)]
        assert (np.abs(after[key][:, MEDIAN] - before[key][:, MEDIAN]) < 0.25 * width).all()
    assert after["copy"] == pytest.approx(after["s0"])
