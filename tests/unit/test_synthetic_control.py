"""Synthetic control: weights on the simplex, predictors, placebos, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad, minimize

from ennakointi.causal import donor_checks, placebos, predictor_weights, simplex, synthetic_control
from ennakointi.errors import DataError, ParameterError


def long(values: np.ndarray, treated: int = 1, start: int = 6, names: list[str] | None = None) -> pd.DataFrame:
    """Units × years (U, T) as rows from 2001 on; the first units are treated from the period `start`."""
    n, periods = values.shape
    names = names or [f"u{i:02d}" for i in range(n)]
    unit, period = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    rows = {"unit": np.array(names)[unit], "year": 2001 + period, "y": values.ravel()}
    return pd.DataFrame({**rows, "d": ((unit < treated) & (period >= start)).astype(int)})


def estimated(frame: pd.DataFrame, **more: Any) -> Any:
    given = {"outcome": "y", "time": "year", "unit": "unit", "treatment": "d"} | more
    return synthetic_control.synthetic_control(frame, **given)


def factors(seed: int, n: int = 24, periods: int = 18, noise: float = 0.3) -> np.ndarray:
    """(n, periods) positive outcomes: levels, two common factors and noise."""
    rng = np.random.default_rng(seed)
    course = rng.normal(size=(2, periods)).cumsum(axis=1)
    return 40 + 3 * rng.normal(size=(n, 1)) + rng.normal(size=(n, 2)) @ course + noise * rng.normal(size=(n, periods))


def test_nearest_point_of_a_segment() -> None:
    """Between 0 and 10, the point 3 is seven tenths of the way to 0; a point outside takes the nearer end."""
    assert simplex.nearest(np.array([[0.0, 10.0]]), np.array([3.0])) == pytest.approx([0.7, 0.3])
    assert simplex.nearest(np.array([[0.0, 10.0]]), np.array([-4.0])) == pytest.approx([1, 0])


def test_equal_columns_share_their_weight() -> None:
    columns = np.array([[0.0, 0.0, 10.0, 10.0], [1.0, 1.0, 1.0, 1.0]])
    assert simplex.nearest(columns, np.array([4.0, 1.0])) == pytest.approx([0.3, 0.3, 0.2, 0.2], abs=1e-6)
    assert simplex.nearest(np.ones((3, 4)), np.ones(3)) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize(("rows", "columns"), [(3, 8), (12, 5), (30, 30)])
def test_nearest_is_no_worse_than_a_general_solver(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows)
    a, b = rng.normal(size=(rows, columns)), 2 * rng.normal(size=rows)
    mine = simplex.nearest(a, b)
    other = minimize(
        lambda w: ((a @ w - b) ** 2).sum(), np.full(columns, 1 / columns), bounds=[(0, 1)] * columns,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-13, "maxiter": 500},
    )  # fmt: skip
    assert mine.min() >= 0
    assert mine.sum() == pytest.approx(1)
    assert ((a @ mine - b) ** 2).sum() <= other.fun + 1e-7
    assert ((a @ mine - b) ** 2).sum() == pytest.approx(other.fun, abs=1e-4)


def test_rank_by_hand() -> None:
    """Two of five are at least as large as the first, itself counted; a tie counts."""
    assert placebos.rank_p(np.array([3.0, 1.0, 3.0, 2.0, 0.5])) == pytest.approx(0.4)


def test_interval_by_hand() -> None:
    """Errors of 1 before the start, placebo means 1 … 19 twentieths and 4 after it: 4 less and more 19 twentieths."""
    after = np.concatenate([[4.0], np.arange(1, 20) / 20])
    found = placebos.Placebos(np.column_stack([np.ones(20), after]), np.ones(20), 1)
    assert found.interval() == pytest.approx((4, 3.05, 4.95))
    assert found.half_widths() == pytest.approx((0.95, 0.95))
    assert placebos.rank_p(found.statistics) == pytest.approx(0.05)
    fewer = placebos.Placebos(found.gaps[:19], found.before[:19], 1)
    assert np.isnan(fewer.interval()[1:]).all()


def test_a_fit_that_is_close_by_chance_does_not_count() -> None:
    """Errors before the start below the median are raised to it; larger ones stay."""
    found = placebos.Placebos(np.ones((3, 4)), np.array([0.01, 2.0, 5.0]), 2)
    assert found.scale.tolist() == [2, 2, 5]
    assert found.ratios == pytest.approx([100, 0.5, 0.2])


def test_sets_of_treated_units() -> None:
    assert placebos.sets(5, 1, 0).ravel().tolist() == [0, 1, 2, 3, 4]
    assert len(placebos.sets(6, 3, 0)) == 20
    assert placebos.sets(40, 4, 0).shape == (placebos.LIMIT, 4)
    assert placebos.sets(1, 1, 0).shape == (0, 1)
    assert len(np.unique(placebos.sets(400, 1, 0))) == placebos.LIMIT


def test_exact_mixture_of_donors_and_a_planted_effect() -> None:
    """The treated unit is 60 % of one donor and 40 % of another, 5 more from 2007 on."""
    values = factors(1)
    values[0] = 0.6 * values[3] + 0.4 * values[7]
    values[0, 6:] += 5
    found = estimated(long(values))
    assert found.effect.estimate == pytest.approx(5, abs=1e-4)
    assert found.p_value == pytest.approx(1 / 24)
    assert found.relative.estimate == pytest.approx(5 / found.parts["path"]["counterfactual"][6:].mean(), abs=1e-4)
    assert found.parts["donor_weights"].head(2).values.tolist() == [
        ["u03", pytest.approx(0.6, abs=1e-3)], ["u07", pytest.approx(0.4, abs=1e-3)]
    ]  # fmt: skip
    study = found.parts["event_study"]
    assert study["since_start"].tolist() == list(range(-6, 12))
    assert study["estimate"].to_numpy() == pytest.approx([0] * 6 + [5] * 12, abs=1e-3)
    assert (study["lo95_simultaneous"] <= study["lo95"]).all()
    assert json.loads(found.to_json())["settings"]["n_comparison"] == 23


def test_effect_moves_with_the_unit_of_measure_and_not_with_the_order_of_units() -> None:
    values = factors(2)
    found = estimated(long(values))
    tenfold = estimated(long(10 * values))
    assert tenfold.effect == pytest.approx(np.array(found.effect) * 10, rel=1e-5)
    assert tenfold.p_value == found.p_value
    assert tenfold.relative == pytest.approx(found.relative, rel=1e-5)
    names = [f"u{i:02d}" for i in np.random.default_rng(3).permutation(24)]
    renamed = estimated(long(values, names=names).sample(frac=1, random_state=1))
    assert renamed.effect == pytest.approx(found.effect, rel=1e-5)
    assert renamed.p_value == found.p_value


def test_several_treated_units_count_as_their_mean() -> None:
    values = factors(4)
    values[:2, 6:] -= 4
    pair = estimated(long(values, treated=2))
    mean = np.vstack([values[:2].mean(axis=0), values[2:]])
    assert pair.effect.estimate == pytest.approx(estimated(long(mean)).effect.estimate, rel=1e-6)
    assert pair.settings["n_placebos"] == placebos.LIMIT
    assert pair.p_value <= 0.05
    assert pair.effect.lo95 < -4 < pair.effect.hi95


def simulated(runs: int, effect: float) -> tuple[float, float]:
    """Share of p ≤ 5 % and of intervals that hold the effect, over runs of 20 units."""
    rejected, covered = [], []
    for seed in range(runs):
        values = factors(seed, n=20, periods=20, noise=1.0)
        values[0, 12:] += effect
        test = synthetic_control.with_placebos(values, [0], 12)
        rejected.append(test.p_value <= 0.05)
        covered.append(test.effect.lo95 <= effect <= test.effect.hi95)
    return float(np.mean(rejected)), float(np.mean(covered))


def test_placebo_inference_keeps_its_level() -> None:
    rejected, covered = simulated(150, 0.0)
    assert rejected <= 0.09
    assert covered >= 0.9


@pytest.mark.slow
def test_placebo_inference_keeps_its_level_in_many_runs() -> None:
    rejected, covered = simulated(1000, 0.0)
    assert 0.03 <= rejected <= 0.07
    assert 0.92 <= covered <= 0.98
    power, covered = simulated(1000, 4.0)
    assert power > 0.4
    assert 0.92 <= covered <= 0.98


def test_few_donors_cannot_reach_five_per_cent() -> None:
    found = estimated(long(factors(5, n=10)))
    check = next(one for one in found.checks if one.name == "smallest_p")
    assert (check.passed, check.critical) == (False, False)
    assert np.isnan([found.effect.lo95, found.effect.hi95]).all()
    assert found.p_value >= 0.1
    assert "cannot be given" in found.sentence


def test_one_donor() -> None:
    values = factors(6, n=2)
    found = estimated(long(values))
    assert found.effect.estimate == pytest.approx((values[0] - values[1])[6:].mean())
    assert next(one for one in found.checks if one.name == "leave_one_out").passed is None


def test_constant_outcomes() -> None:
    values = np.full((25, 12), 7.0)
    found = estimated(long(values))
    assert found.effect.estimate == pytest.approx(0, abs=1e-9)
    assert found.p_value == 1
    assert found.effect.hi95 == pytest.approx(0, abs=1e-6)
    values[0, 6:] = 9
    assert estimated(long(values)).effect.estimate == pytest.approx(2)


def test_far_above_all_donors_is_a_critical_failure() -> None:
    values = factors(7)
    values[0] += 60
    failed = {check.name: check.critical for check in estimated(long(values)).checks if check.passed is False}
    assert failed["fit"]
    assert "hull" in failed


def test_missing_cells() -> None:
    frame = long(factors(8))
    whole = estimated(frame)
    gone = (frame["unit"] == "u05") & (frame["year"] == 2003)
    found = estimated(frame[~gone])
    assert (found.settings["donors_dropped"], found.settings["n_comparison"]) == (1, 22)
    gone = (frame["unit"] == "u00") & (frame["year"] == 2003)
    found = estimated(frame[~gone])
    assert (found.settings["periods_dropped"], found.settings["n_comparison"]) == (1, 23)
    assert found.parts["event_study"]["since_start"].tolist() == [-6, -5, -3, -2, -1, *range(12)]
    assert found.effect.estimate == pytest.approx(whole.effect.estimate, abs=1)
    assert next(one for one in found.checks if one.name == "missing_cells").passed is False


def refused(kind: type[Exception], says: str, frame: pd.DataFrame, **more: Any) -> None:
    with pytest.raises(kind, match=says):
        estimated(frame, **more)


def test_what_is_refused() -> None:
    frame = long(factors(9))
    refused(DataError, "every unit is treated", frame[frame["unit"] == "u00"])
    refused(DataError, "first period", long(factors(9), start=0))
    refused(DataError, "outside the data", frame, treatment=None, treated="u00", start=2099)
    refused(ParameterError, "no such unit", frame, treatment=None, treated="Sweden", start=2007)
    two = frame.assign(d=frame["d"] | ((frame["unit"] == "u01") & (frame["year"] >= 2010)))
    refused(ParameterError, "2 different periods", two)
    refused(DataError, "repeat a unit", pd.concat([frame, frame.head(1)]))
    refused(DataError, "no period before", frame[(frame["unit"] != "u00") | (frame["year"] >= 2007)])
    lost = frame[(frame["unit"] == "u00") | (frame["year"] != 2004)]
    assert estimated(lost).settings["periods_dropped"] == 1
    gone = (frame["unit"] != "u00") & (frame["unit"].str[1:].astype(int) % 6 == frame["year"] - 2001)
    refused(DataError, "none of 23 donors", frame[~gone])


def with_predictors(seed: int = 10) -> pd.DataFrame:
    frame = long(factors(seed, n=6))
    rng = np.random.default_rng(seed)
    frame["income"] = frame["unit"].map(dict(zip(frame["unit"].unique(), rng.normal(10, 2, 6)))) + frame["year"] / 9
    frame.loc[frame["year"] < 2003, "income"] = np.nan
    return frame


def test_predictors_are_means_of_their_windows() -> None:
    frame = with_predictors()
    names = ["income", "income@2004:2005", "y@2003", "y"]
    balance = estimated(frame, predictors=names).parts["predictor_balance"].set_index("predictor")
    treated = frame[frame["unit"] == "u00"].set_index("year")
    assert balance.loc["income", "treated"] == pytest.approx(treated.loc[2003:2006, "income"].mean())
    assert balance.loc["income@2004:2005", "treated"] == pytest.approx(treated.loc[2004:2005, "income"].mean())
    assert balance.loc["y@2003", "treated"] == pytest.approx(treated.loc[2003, "y"])
    assert balance.loc["y", "treated"] == pytest.approx(treated.loc[2001:2006, "y"].mean())
    assert balance["importance"].sum() == pytest.approx(1)


def test_predictors_that_are_refused() -> None:
    frame = with_predictors()
    refused(ParameterError, "no column 'incom'", frame, predictors=["incom"])
    refused(ParameterError, "before the start", frame, predictors=["income@2005:2009"])
    refused(ParameterError, "write name", frame, predictors=["income@2004:"])
    refused(DataError, "unknown for the treated", frame, predictors=["income@2001"])
    known = frame["income"].where(frame["unit"] != "u03")
    assert estimated(frame.assign(income=known), predictors=["income", "y"]).settings["donors_dropped"] == 1


def test_search_for_predictor_weights_finds_the_optimum() -> None:
    """No worse than descents from many points, and never below the fit by outcomes alone."""
    rng = np.random.default_rng(11)
    outcomes = factors(11)[:, :10].T
    predictors = np.vstack([rng.normal(size=(2, 24)), outcomes[[0, 5, 9]]])
    found = predictor_weights.fit(predictors, outcomes, 0)
    apart = outcomes[:, 1:] - outcomes[:, :1]
    scaled = (predictors[:, 1:] - predictors[:, :1]) / predictors.std(axis=1, ddof=1)[:, None]
    problem = predictor_weights._Problem(scaled, apart)
    starts = np.log(rng.dirichlet(np.ones(5), 20) + 1e-6)
    least = min(predictor_weights._descend(problem, one - one.max())[1] for one in starts)
    bound = ((apart @ simplex.nearest(apart, np.zeros(10))) ** 2).mean()
    assert bound - 1e-9 <= found.loss <= least * 1.001
    assert found.loss == pytest.approx(((apart @ found.weights) ** 2).mean(), rel=1e-6)
    assert predictor_weights.fit(predictors, outcomes, 0).weights == pytest.approx(found.weights)


def test_gradient_by_the_donors_that_hold_weight() -> None:
    rng = np.random.default_rng(12)
    problem = predictor_weights._Problem(rng.normal(size=(4, 9)) + 1, rng.normal(size=(6, 9)))
    point = rng.normal(size=4) - 2
    error = check_grad(lambda v: problem.loss_and_gradient(v)[0], lambda v: problem.loss_and_gradient(v)[1], point)
    assert error < 1e-6


@pytest.mark.parametrize("start", [1, 17])
def test_one_period_before_or_after_the_start(start: int) -> None:
    found = estimated(long(factors(13), start=start))
    assert found.parts["event_study"]["since_start"].tolist() == list(range(-start, 18 - start))
    assert {check.name: check.passed for check in found.checks}["fit"] is (None if start == 1 else True)


def test_leave_one_out_check_by_hand() -> None:
    assert donor_checks.leave_one_out(-4.0, np.array([-3.0, -5.0])).passed
    assert donor_checks.leave_one_out(-4.0, np.array([-1.0, -5.0])).passed is False
