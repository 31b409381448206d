"""Bayesian structural time series: the posterior by integration, recovery, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from ennakointi.causal import structural
from ennakointi.causal.bsts import bsts
from ennakointi.errors import DataError, ParameterError


@pytest.fixture(autouse=True)
def _fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for these tests: the interval is exact given the variances."""
    monkeypatch.setattr(structural, "DRAWS", 300)
    monkeypatch.setattr(structural, "BURN", 50)


def table(seed: int = 1, effect: float = 5.0, n: int = 80, start: int = 60) -> pd.DataFrame:
    """A series that follows a wandering predictor, and another predictor that says nothing."""
    rng = np.random.default_rng(seed)
    predictor = 100 + rng.normal(0, 1, n).cumsum()
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-01", periods=n).astype(str),
            "sales": 1.2 * predictor + rng.normal(0, 1, n) + effect * (np.arange(n) >= start),
            "other": predictor,
            "noise": rng.normal(0, 1, n),
        }
    )


def of_sales(frame: pd.DataFrame, **options: Any) -> Any:
    return bsts(frame, **{"outcome": "sales", "time": "day", "start": "2024-03-01", "predictors": ["other"], **options})


def passed(found: Any) -> dict[str, bool | None]:
    return {check.name: check.passed for check in found.checks}


def season_rows(n: int, season: int) -> np.ndarray:
    """(n, n) innovations of seasonal effects as a function of them: the first ones, then sums over a season."""
    rows = np.eye(n)
    for t in range(season - 1, n):
        rows[t, t - season + 1 : t + 1] = 1
    return rows


def integrated(y: np.ndarray, x: np.ndarray, start: int, season: int) -> tuple[float, float, float]:
    """Mean and 95 % bounds of the mean effect after `start`: dense normal algebra on a grid of variances."""
    n, before = len(y), y[:start]
    centre, unit = before.mean(), before.std(ddof=1)
    z = (y - centre) / unit
    x = (x - x[:start].mean()) / x[:start].std(ddof=1)
    slab = 0.01 * (x[:start] @ x[:start]) / start
    walk = np.tril(np.ones((n, n)))
    levels, noises = np.geomspace(0.005, 0.03, 8), np.geomspace(0.25, 1.1, 14)
    seasons = np.geomspace(0.0005, 0.9, 10) if season > 1 else np.array([0.0])
    ahead = np.repeat([0.0, 1 / (n - start)], [start, n - start])
    weights, means, spreads = [], [], []
    for level in levels:
        steps = np.append(1.0, np.full(n - 1, level**2))
        of_level = walk @ np.diag(steps) @ walk.T
        for seasonal in seasons:
            of_season = 0.0
            if season > 1:
                back = np.linalg.inv(season_rows(n, season))
                size = np.append(np.ones(season - 1), np.full(n - season + 1, seasonal**2))
                of_season = back @ np.diag(size) @ back.T
            for noise in noises:
                cover = of_level + of_season + noise**2 * (np.eye(n) + np.outer(x, x) / slab)
                seen = cover[:start, :start]
                rest = z[:start] - z[0]
                half = np.linalg.solve(np.linalg.cholesky(seen), rest)
                score = -0.5 * half @ half - np.log(np.diag(np.linalg.cholesky(seen))).sum()
                # priors of the variances by their standard deviations on logarithmic grids
                score += -32 * np.log(level) - 16 * (0.01 / level) ** 2
                score += -50 * np.log(noise) - 25 * 0.2 / noise**2
                if season > 1:
                    score += -0.01 * np.log(seasonal) - 0.005 * (0.01 / seasonal) ** 2
                gain = np.linalg.solve(seen, cover[:start] @ ahead)
                weights.append(score)
                means.append(z[0] + gain @ rest)
                spreads.append(np.sqrt(ahead @ cover @ ahead - gain @ cover[:start] @ ahead))
    weight = np.exp(np.array(weights) - max(weights))
    grid = np.linspace(-4, 4, 4001)
    below = weight @ norm.cdf((grid - np.array(means)[:, None]) / np.array(spreads)[:, None]) / weight.sum()
    ends = np.interp([0.975, 0.025], below, grid)
    expected = np.array([weight @ np.array(means) / weight.sum(), *ends]) * unit + centre
    low, mid, high = np.sort(y[start:].mean() - expected)
    return float(mid), float(low), float(high)


@pytest.mark.parametrize("season", [1, 4])
def test_the_sampler_gives_the_posterior_found_by_integration(season: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structural, "DRAWS", 1000)
    rng = np.random.default_rng(2)
    x = rng.normal(size=24)
    y = 3 + x + rng.normal(size=24) + np.tile([0.8, -0.8, 0.4, -0.4], 6) * (season > 1)
    found = structural.impact(y, 18, x[:, None], season, 1)
    assert list(found.average) == pytest.approx(integrated(y, x, 18, season), abs=0.04)


def test_the_planted_effect_is_found() -> None:
    found = of_sales(table())
    assert found.effect.lo95 < 5 < found.effect.hi95
    assert found.effect.lo95 > 0
    assert found.p_value == pytest.approx(2 * found.settings["one_sided_tail"])
    path, total = found.parts["path"], found.parts["cumulative"]
    gap = (path["observed"] - path["counterfactual"])[60:]
    assert gap.mean() == pytest.approx(found.effect.estimate, abs=0.05)
    assert total["estimate"].iloc[-1] == pytest.approx(gap.sum(), abs=1e-6)
    inside = path["observed"].between(path["lo95"], path["hi95"])[:60].mean()
    assert 0.88 <= inside <= 1
    assert passed(found)["fit_before"] is None


def test_the_predictor_that_matters_is_taken() -> None:
    frame = table()
    for number in range(6):
        frame[f"noise{number}"] = np.random.default_rng(number).normal(size=len(frame))
    found = of_sales(frame, predictors=["other", "noise", *(f"noise{number}" for number in range(6))])
    inclusion = found.parts["inclusion"].set_index("predictor")
    assert inclusion.loc["other", "probability"] > 0.95
    assert inclusion.loc["other", "coefficient"] == pytest.approx(1.2, abs=0.1)
    assert inclusion.drop("other")["probability"].max() < 0.6


def test_without_predictors_the_season_and_the_level_go_on() -> None:
    rng = np.random.default_rng(4)
    months = pd.period_range("2014-01", periods=84, freq="M").astype(str)
    t = np.arange(84)
    frame = pd.DataFrame(
        {"month": months, "n": 50 + 8 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 2, 84) - 6 * (t > 65)}
    )
    found = bsts(frame, outcome="n", time="month", start=months[66], season=12)
    assert found.effect.lo95 < -6 < found.effect.hi95 < 0
    plain = bsts(frame, outcome="n", time="month", start=months[66])
    assert found.effect.hi95 - found.effect.lo95 < plain.effect.hi95 - plain.effect.lo95
    assert passed(plain)["season"] is None
    assert passed(found)["comparison"] is False
    weeks = frame.assign(month=pd.date_range("2020-01-06", periods=84, freq="7D").astype(str))
    assert np.isfinite(bsts(weeks, outcome="n", time="month", start=weeks["month"][66], season=30).effect).all()


def test_a_looser_level_widens_the_interval() -> None:
    found = of_sales(table(effect=1.0))
    sensitivity = found.parts["prior_sensitivity"]
    width = (sensitivity["hi95"] - sensitivity["lo95"]).to_numpy()
    assert sensitivity["prior_level_sd"].tolist() == [0.01, 0.05, 0.1]
    assert width[0] < width[1] < width[2]
    assert sensitivity["estimate"][0] == found.effect.estimate
    assert passed(found)["prior_sensitivity"] is False


def test_a_jump_before_the_start_is_seen_at_the_placebo_date() -> None:
    frame = table(effect=0)
    assert passed(of_sales(frame))["placebo_date"] is True
    frame["sales"] += 8 * (np.arange(80) >= 40)
    assert passed(of_sales(frame))["placebo_date"] is False


def test_weekends_and_missing_values_are_left_out() -> None:
    frame = table()
    working = frame[pd.to_datetime(frame["day"]).dt.weekday < 5].copy()
    working.loc[working.index[3], "sales"] = np.nan
    found = of_sales(working)
    assert found.n == len(working) - 1
    assert found.settings["n_periods"] == len(working)
    assert found.effect.lo95 < 5 < found.effect.hi95


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (
            lambda f: f.assign(other=f["other"].where(f.index != 70)),
            {},
            DataError,
            "'other': the predictor is missing in 1 of 80",
        ),
        (lambda f: f.assign(other=3.0), {}, DataError, "does not vary"),
        (lambda f: f.assign(sales=np.where(f.index < 60, 7, f["sales"])), {}, DataError, "same in every period"),
        (lambda f: f.assign(sales=f["sales"].where(f.index < 60)), {}, DataError, "0 after the start"),
        (lambda f: f, {"start": "2024-01-04"}, DataError, "3 values before"),
        (lambda f: f, {"start": "2025-01-04"}, DataError, "outside the data"),
        (lambda f: f, {"season": 0}, ParameterError, "less than 1"),
        (lambda f: f, {"season": 31}, ParameterError, "two seasons"),
        (lambda f: f, {"predictors": ["others"]}, ParameterError, "no column"),
    ],
)
def test_refusals(change: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        of_sales(change(table()), **options)


def test_regressors_of_the_array_function_are_checked() -> None:
    values, regressors = np.arange(20.0), np.ones((20, 1))
    with pytest.raises(DataError, match="does not vary"):
        structural.impact(values, 15, regressors, 1, 0)


def test_the_result_is_repeatable() -> None:
    assert of_sales(table()).to_json() == of_sales(table()).to_json()
