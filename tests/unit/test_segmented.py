"""One series without a comparison: recovery, autocorrelation, gaps and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.regression.linear_model import GLS

from ennakointi.causal.segmented import fit, harmonic_columns, segmented_design, step_effect
from ennakointi.errors import DataError

MONTHS = np.arange(24_000, 24_096)
START = 24_048


def series(seed: int, step: float = 0.0, autocorrelation: float = 0.0, spread: float = 0.08) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(len(MONTHS))
    for month in range(1, len(MONTHS)):
        noise[month] = autocorrelation * noise[month - 1] + np.sqrt(1 - autocorrelation**2) * noise[month]
    season = 0.1 * np.sin(2 * np.pi * MONTHS / 12) + 0.02 * (MONTHS - MONTHS[0]) / 12
    return rng.poisson(800 * np.exp(season + spread * noise + step * (MONTHS >= START))).astype(float)


def test_the_planted_step_is_found() -> None:
    found = step_effect(series(1, -0.2), np.ones(96), MONTHS, START, 1)
    assert found.lo95 <= -0.2 <= found.hi95 < 0
    assert found.p_value < 0.05
    assert (found.n_before, found.n_after) == (48, 48)


@pytest.mark.parametrize("autocorrelation", [0.0, 0.8])
def test_false_positives_stay_low_under_autocorrelation(autocorrelation: float) -> None:
    found = sum(
        step_effect(series(seed, 0.0, autocorrelation), np.ones(96), MONTHS, START, seed).p_value <= 0.05
        for seed in range(30)
    )
    assert found <= 4  # Newey–West finds 6 and 10 on average


def test_one_error_model_is_generalised_least_squares() -> None:
    """Autocorrelated share 0.7 of autocorrelation 0.5, with gaps, against dense algebra."""
    rng = np.random.default_rng(4)
    position = np.delete(np.arange(30), [4, 5, 17])
    design = np.column_stack([np.ones(27), position, position >= 20]).astype(float)
    values = rng.normal(size=27)
    found = fit(values, design, position, None, np.array([[0.5, 0.7]]))
    cover = 0.7 * 0.5 ** np.abs(position[:, None] - position) + 0.3 * np.eye(27)
    expected = GLS(values, design, sigma=cover).fit()
    assert found.beta == pytest.approx(expected.params, rel=1e-8)
    assert found.covariance == pytest.approx(expected.cov_params(), rel=1e-8)


def test_autocorrelation_is_seen() -> None:
    calm = step_effect(series(3), np.ones(96), MONTHS, START, 3)
    rough = step_effect(series(3, 0.0, 0.8), np.ones(96), MONTHS, START, 3)
    assert calm.autocorrelation < 0.4 < rough.autocorrelation
    assert rough.hi95 - rough.lo95 > calm.hi95 - calm.lo95


def test_a_missing_month_and_a_washout_are_left_out() -> None:
    counts = series(6, -0.3)
    whole = step_effect(counts, np.ones(96), MONTHS, START, 6)
    counts[10], counts[48:51] = np.nan, 1e6
    found = step_effect(counts, np.ones(96), MONTHS, START, 6, washout=3)
    assert (found.n_before, found.n_after) == (47, 45)
    assert found.estimate == pytest.approx(whole.estimate, abs=0.03)


def test_the_offset_takes_the_population_out() -> None:
    growing = np.linspace(1.0, 2.0, 96)
    counts = series(5, -0.2)
    alone = step_effect(counts, np.ones(96), MONTHS, START, 5)
    found = step_effect(counts * growing, growing, MONTHS, START, 5)
    assert found.estimate == pytest.approx(alone.estimate, abs=0.01)


@pytest.mark.parametrize("start", [24_010, 24_093])
def test_too_short_a_side_is_refused(start: int) -> None:
    with pytest.raises(DataError, match="usable months before"):
        step_effect(series(6), np.ones(96), MONTHS, start, 6)


def test_no_events_on_a_side_are_refused() -> None:
    with pytest.raises(DataError, match="no events"):
        step_effect(series(7) * (MONTHS < START), np.ones(96), MONTHS, START, 7)


def test_the_same_seed_gives_the_same_result() -> None:
    once, again = (step_effect(series(8), np.ones(96), MONTHS, START, 8) for _ in range(2))
    assert once == again


def test_a_quarterly_season_has_three_harmonic_columns() -> None:
    columns = harmonic_columns(np.arange(40), 4, 2)
    assert columns.shape == (40, 3)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(40), columns])) == 4


def test_the_design_has_the_step_last() -> None:
    design = segmented_design(MONTHS, START, 2)
    assert design.shape == (96, 7)
    assert design[:, -1].sum() == 48
