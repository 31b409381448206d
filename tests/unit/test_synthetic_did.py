"""Synthetic difference-in-differences: solver, planted effects, staggered starts, inference, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal import did_inference, did_weights, simplex, synthetic_did
from ennakointi.causal.did_inference import Cohort
from ennakointi.errors import DataError, ParameterError


def two_way(seed: int, n: int, periods: int, noise: float = 0.3) -> np.ndarray:
    """(n, periods) levels of units and a common course, plus noise."""
    rng = np.random.default_rng(seed)
    return 50 + 5 * rng.normal(size=(n, 1)) + rng.normal(size=periods).cumsum() + noise * rng.normal(size=(n, periods))


def long(values: np.ndarray, starts: dict[int, int]) -> pd.DataFrame:
    """Rows from 2001 on; `starts` = first treated period of the treated units."""
    n, periods = values.shape
    unit, period = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    first = np.array([starts.get(i, periods) for i in range(n)])[unit]
    rows = {"unit": [f"u{i:02d}" for i in unit], "year": 2001 + period, "y": values.ravel()}
    return pd.DataFrame({**rows, "d": (period >= first).astype(int)})


def estimated(frame: pd.DataFrame, **more: Any) -> Any:
    given = {"outcome": "y", "time": "year", "unit": "unit", "treatment": "d"} | more
    return synthetic_did.synthetic_did(frame, **given)


def planted(seed: int, starts: dict[int, int], effect: float, n: int = 25, periods: int = 14) -> pd.DataFrame:
    values = two_way(seed, n, periods)
    for unit, start in starts.items():
        values[unit, start:] += effect
    return long(values, starts)


def test_frank_wolfe_step_by_hand() -> None:
    """‖x₁·0 + x₂·2 − 1‖² from (1, 0): the best vertex is 2, and half the way there is exact."""
    one = simplex.Quadratics(np.array([[[0.0, 0.0], [0.0, 4.0]]]), np.array([[0.0, 2.0]]), np.zeros(1), 1, np.zeros(1))
    assert simplex.frank_wolfe(one, np.array([[1.0, 0.0]]), 1) == pytest.approx(np.array([[0.5, 0.5]]))


def test_frank_wolfe_comes_to_the_exact_weights() -> None:
    """With a penalty the problem has one solution, which the exact solver finds as a hull of longer columns."""
    rng = np.random.default_rng(1)
    a, b, ridge = rng.normal(size=(6, 5)), rng.normal(size=6), 2.0
    problem = simplex.Quadratics((a.T @ a)[None], (a.T @ b)[None], np.array([ridge]), 6, np.zeros(1))
    away = np.vstack([a - b[:, None], np.sqrt(ridge) * np.eye(5)])
    exact = simplex.nearest(a, b, ridge)
    assert exact == pytest.approx(simplex.hull_weights(away))
    assert simplex.sparse_frank_wolfe(problem, 20_000)[0] == pytest.approx(exact, abs=2e-3)


def test_batched_problems_are_the_single_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    values = two_way(2, 12, 10, noise=1.0)
    rest = np.array([np.delete(values, i, axis=0) for i in range(4)])
    together = did_weights.weighted(values[:4], rest, 6, 1)
    alone = [did_weights.weighted(values[i][None], rest[i][None], 6, 1).effect[0] for i in range(4)]
    assert together.effect == pytest.approx(alone)
    monkeypatch.setattr(did_weights, "GRAM_CELLS", 300)
    assert did_weights.weighted(values[:4], rest, 6, 1).effect == pytest.approx(alone)


def test_parallel_units_without_noise() -> None:
    """Exactly parallel units: any weights give the effect, and none of it is left to chance."""
    values = two_way(3, 22, 12, noise=0.0)
    values[0, 8:] -= 3
    found = estimated(long(values, {0: 8}))
    assert found.effect.estimate == pytest.approx(-3)
    assert found.p_value == pytest.approx(1 / 22)
    assert found.effect.lo95 == pytest.approx(-3, abs=1e-6)
    assert found.parts["beside"].set_index("design").loc["did", "estimate"] == pytest.approx(-3)
    level = values[0, 8:].mean()
    assert found.relative.estimate == pytest.approx(-3 / (level + 3))


def test_one_treated_unit() -> None:
    found = estimated(planted(4, {0: 9}, 4.0))
    assert found.effect.lo95 < 4 < found.effect.hi95
    assert found.effect.estimate == pytest.approx(4, abs=0.5)
    assert found.p_value == pytest.approx(1 / 25)
    assert found.settings["inference"] == "placebo"
    assert found.parts["donor_weights"]["weight"].sum() == pytest.approx(1)
    assert found.parts["time_weights"]["weight"].sum() == pytest.approx(1)
    study = found.parts["event_study"]
    assert study["since_start"].tolist() == list(range(-9, 5))
    assert study.loc[study["since_start"] >= 0, "estimate"].mean() == pytest.approx(found.effect.estimate)
    assert (study["hi95_simultaneous"] >= study["hi95"]).all()
    assert json.loads(found.to_json())["design"] == "synthetic_did"


def test_scale_and_level_of_the_outcome() -> None:
    frame = planted(5, {0: 9, 1: 9}, 2.0)
    found, moved = estimated(frame), estimated(frame.assign(y=-10 * frame["y"] + 7))
    assert moved.effect.estimate == pytest.approx(-10 * found.effect.estimate, rel=1e-6)
    assert moved.settings["standard_error"] == pytest.approx(10 * found.settings["standard_error"], rel=1e-6)
    assert moved.p_value == found.p_value
    assert np.isnan(moved.relative.estimate)


def test_staggered_starts_are_weighted_by_treated_unit_periods() -> None:
    starts = {0: 6, 1: 6, 2: 10}
    found = estimated(planted(6, starts, 3.0))
    groups = found.parts["groups"]
    assert groups["group"].tolist() == ["2007", "2011"]
    assert groups["n_treated"].tolist() == [2, 1]
    weight = groups["n_treated"] * groups["n_periods_after"]
    assert weight.tolist() == [16, 4]
    assert found.effect.estimate == pytest.approx(np.average(groups["estimate"], weights=weight))
    assert found.effect.lo95 < 3 < found.effect.hi95
    assert found.settings["n_starts"] == 2
    assert found.parts["event_study"]["since_start"].tolist() == list(range(-10, 8))


def test_always_treated_units_are_left_out() -> None:
    found = estimated(planted(7, {0: 9, 1: 0}, 3.0))
    assert (found.settings["always_treated_dropped"], found.settings["n_treated"]) == (1, 1)
    with pytest.raises(DataError, match="first period on"):
        estimated(planted(7, {0: 0}, 3.0))


def test_many_treated_units_take_the_bootstrap_and_few_donors_the_jackknife() -> None:
    many = estimated(planted(8, dict.fromkeys(range(20), 9), 1.0, n=45, periods=12))
    assert many.settings["inference"] == "bootstrap"
    assert many.effect.lo95 < 1 < many.effect.hi95
    assert many.settings["standard_error"] == pytest.approx(many.settings["standard_error_jackknife"], rel=0.5)
    alone = estimated(planted(8, {**dict.fromkeys(range(20), 9), 20: 7}, 1.0, n=45, periods=12))
    assert alone.settings["inference"] == "placebo"
    few = estimated(planted(9, dict.fromkeys(range(8), 9), 1.0, n=14))
    assert few.settings["inference"] == "jackknife"
    assert few.p_value < 0.05
    assert few.effect.lo95 < 1 < few.effect.hi95
    none = estimated(planted(10, {0: 9}, 1.0, n=3))
    assert none.settings["inference"] == "none"
    assert np.isnan([none.p_value, none.effect.lo95]).all()


def test_jackknife_by_hand() -> None:
    """Two treated, two donors, one period each side: leaving one out gives 2 ± 1, 2 and 2 with weights of one half."""
    treated, donors = np.array([[0.0, 1.0], [0.0, 3.0]]), np.array([[0.0, 0.0], [0.0, 0.0]])
    cohorts = [Cohort(treated, donors, 1, np.array([-1, 0]))]
    effects = did_inference.estimate(cohorts)
    assert effects.effect == pytest.approx(2)
    assert did_inference._jackknife(cohorts, effects) == pytest.approx(np.sqrt(3 * np.var([2, 2, 3, 1])))


def test_too_few_placebos_for_five_per_cent() -> None:
    found = estimated(planted(11, {0: 9}, 4.0, n=12))
    assert found.p_value == pytest.approx(1 / 12)
    assert np.isnan([found.effect.lo95, found.effect.hi95]).all()
    assert {c.name: c.passed for c in found.checks}["smallest_p"] is False


def test_covariates_are_projected_out() -> None:
    """A covariate with slope 4 that jumps for the treated unit at its start would look like an effect."""
    values, rng = two_way(12, 25, 14), np.random.default_rng(12)
    x = rng.normal(size=values.shape)
    x[0, 9:] += 2
    values += 4 * x
    values[0, 9:] += 1
    frame = long(values, {0: 9}).assign(x=x.ravel())
    assert estimated(frame).effect.estimate > 5
    assert estimated(frame, covariates=["x"]).effect.estimate == pytest.approx(1, abs=0.5)


def test_placebo_inference_keeps_its_level() -> None:
    found = [simulated(seed, 0.0) for seed in range(16)]
    assert np.mean([one.p_value <= 0.05 for one in found]) <= 0.2
    assert np.mean([one.effect.lo95 <= 0 <= one.effect.hi95 for one in found]) >= 0.8


@pytest.mark.slow
def test_placebo_inference_keeps_its_level_in_many_runs() -> None:
    found = [simulated(seed, 0.0) for seed in range(500)]
    assert 0.025 <= np.mean([one.p_value <= 0.05 for one in found]) <= 0.075
    assert 0.92 <= np.mean([one.effect.lo95 <= 0 <= one.effect.hi95 for one in found]) <= 0.98


def simulated(seed: int, effect: float) -> did_inference.Inference:
    """Twenty units, one treated."""
    values = two_way(seed, 20, 16, noise=1.0)
    values[0, 10:] += effect
    cohorts = [Cohort(values[:1], values[1:], 10, np.arange(16) - 10)]
    return did_inference.inference(cohorts, did_inference.estimate(cohorts, quick=True), seed)


def test_what_is_missing_or_refused() -> None:
    frame = planted(13, {0: 9}, 2.0)
    gone = (frame["unit"] == "u05") & (frame["year"] == 2003)
    assert estimated(frame[~gone]).settings["donors_dropped"] == 1
    with pytest.raises(DataError, match="every unit is treated"):
        estimated(frame[frame["unit"] == "u00"])
    with pytest.raises(DataError, match="outside the data"):
        estimated(frame, treatment=None, treated="u00", start=2050)
    with pytest.raises(DataError, match="repeat a unit"):
        estimated(pd.concat([frame, frame.head(1)]))
    with pytest.raises(ParameterError, match="no column 'z'"):
        estimated(frame, covariates=["z"])


@pytest.mark.parametrize("start", [1, 13])
def test_one_period_before_or_after_the_start(start: int) -> None:
    found = estimated(planted(14, {0: start}, 4.0))
    assert found.effect.estimate == pytest.approx(4, abs=1.5)
    assert len(found.parts["event_study"]) == 14


def test_constant_outcomes() -> None:
    found = estimated(long(np.full((25, 12), 7.0), {0: 6}))
    assert found.effect.estimate == pytest.approx(0, abs=1e-9)
    assert found.p_value == 1
