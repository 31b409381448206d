"""Interrupted series of analysts' tables: recovery, the plain regressions of published tables, and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from ennakointi.causal.discontinuity import discontinuity
from ennakointi.causal.estimates import Estimate
from ennakointi.causal.frames import OneSeries
from ennakointi.causal.interrupted import prepare
from ennakointi.causal.its import its
from ennakointi.errors import DataError, ParameterError

MONTHS = pd.period_range("2015-01", periods=72, freq="M").astype(str)
T = np.arange(72)


def monthly(seed: int = 1, log_step: float = -0.2) -> pd.DataFrame:
    """Counts of a growing population with a season, and a step in January 2019."""
    rng = np.random.default_rng(seed)
    people = 1000.0 * np.linspace(1, 1.5, 72)
    rate = 0.3 * np.exp(0.1 * np.sin(2 * np.pi * T / 12) + 0.02 * T / 12 + log_step * (T >= 48))
    covariate = rng.normal(10, 3, 72)
    return pd.DataFrame(
        {
            "month": MONTHS,
            "visits": rng.poisson(people * rate),
            "people": people,
            "cold": covariate,
            "score": 50 + 0.5 * covariate - 6 * (T >= 48) + rng.normal(0, 2, 72),
        }
    )


def of_visits(frame: pd.DataFrame, **options: Any) -> Estimate:
    return its(frame, **{"outcome": "visits", "time": "month", "start": "2019-01", "offset": "people", **options})


@pytest.fixture(scope="module")
def visits() -> Estimate:
    return of_visits(monthly())


def row(found: Estimate, model: str, term: str = "step") -> pd.Series:
    rows = found.parts["models"].set_index(["model", "term"])
    return rows.loc[(model, term)]


def checks(found: Estimate) -> dict[str, bool | None]:
    return {check.name: check.passed for check in found.checks}


def test_the_planted_change_is_inside_the_interval(visits: Estimate) -> None:
    assert visits.relative.lo95 < np.expm1(-0.2) < visits.relative.hi95 < 0
    assert visits.p_value < 0.01
    assert visits.settings["season"] == 12
    assert visits.settings["harmonics"] == 2
    assert (visits.n, visits.settings["n_before"], visits.settings["n_after"]) == (72, 48, 24)


def test_the_effect_is_the_mean_gap_between_fitted_and_counterfactual(visits: Estimate) -> None:
    after, people = visits.parts["path"].iloc[48:], monthly()["people"][48:].to_numpy()
    gap = np.average(after["fitted"] - after["counterfactual"], weights=people)
    assert visits.effect.estimate == pytest.approx(gap, rel=1e-6)
    assert (after["counterfactual"] / after["fitted"]).to_numpy() == pytest.approx(1 / (1 + visits.relative.estimate))
    assert after["counterfactual"].between(after["lo95"], after["hi95"]).all()
    assert visits.effect.hi95 < 0


@pytest.mark.parametrize("waves", [True, False])
def test_plain_regressions_are_those_of_statsmodels(visits: Estimate, waves: bool) -> None:
    """Quasi-Poisson and Poisson regression with and without harmonics."""
    frame = monthly()
    columns = [np.ones(72), T, T >= 48]
    if waves:
        columns += [one(2 * np.pi * k * T / 12) for k in (1, 2) for one in (np.sin, np.cos)]
    model = sm.GLM(
        frame["visits"], np.column_stack(columns).astype(float), sm.families.Poisson(), offset=np.log(frame["people"])
    )
    for name, fitted in (("independent", model.fit(scale="X2")), ("independent_poisson", model.fit())):
        found = row(visits, name + ("_harmonics" if waves else ""))
        low, high = fitted.conf_int().to_numpy()[2]
        assert [found["estimate"], found["lo95"], found["hi95"]] == pytest.approx(
            np.exp([fitted.params.iloc[2], low, high]), rel=1e-5
        )


def test_change_of_level_and_slope_is_least_squares_for_other_outcomes() -> None:
    frame = monthly()
    found = its(frame, outcome="score", time="month", start="2019-01", season=1, covariates=["cold"])
    since = np.maximum(T - 47, 0)
    fitted = sm.OLS(frame["score"], np.column_stack([np.ones(72), T, frame["cold"], T >= 48, since])).fit()
    assert row(found, "independent", "step_beside_slope")["estimate"] == pytest.approx(fitted.params.iloc[3], rel=1e-6)
    assert row(found, "independent", "slope_beside_step")["estimate"] == pytest.approx(fitted.params.iloc[4], rel=1e-6)
    mean = fitted.params.iloc[3] + fitted.params.iloc[4] * since[48:].mean()
    assert row(found, "independent", "mean_beside_slope")["estimate"] == pytest.approx(mean, rel=1e-6)
    assert found.settings["family"].startswith("Gaussian")
    assert found.effect.lo95 < -6 < found.effect.hi95 < 0


def test_a_share_has_no_meaning_for_negative_outcomes() -> None:
    frame = monthly().assign(score=lambda rows: rows["score"] - 60)
    found = its(frame, outcome="score", time="month", start="2019-01")
    assert np.isnan(found.relative.estimate)
    assert found.effect.hi95 < 0
    assert "%" not in found.sentence.split("(")[0]


def test_a_phase_in_and_a_washout_keep_the_full_effect() -> None:
    frame = monthly()
    growing = np.clip((T - 47) / 7, 0, 1)
    means = frame["people"] * 0.3 * np.exp(-0.3 * growing)
    frame["visits"] = np.random.default_rng(3).poisson(means)
    slow = of_visits(frame, phase_in=6)
    later = of_visits(frame, washout=6)
    for found in (slow, later):
        assert found.relative.lo95 < np.expm1(-0.3) < found.relative.hi95
    assert slow.n == 72
    assert later.n == 66


def test_missing_months_are_left_out_with_their_place_kept(visits: Estimate) -> None:
    frame = monthly()
    frame.loc[5, "visits"] = np.nan
    found = of_visits(frame.drop(index=[20, 21]))
    assert found.n == 69
    assert found.settings["n_periods"] == 72
    assert found.relative.estimate == pytest.approx(visits.relative.estimate, abs=0.02)


def test_placebo_dates_and_other_checks_of_a_calm_series(visits: Estimate) -> None:
    assert len(visits.parts["placebos"]) == 5
    assert checks(visits) == {
        "comparison": False,
        "few_periods": True,
        "residual_autocorrelation": True,
        "placebo_dates": True,
        "alternative_estimators": True,
        "constant_effect": True,
        "washout": True,
        "dispersion": True,
    }


def test_a_jump_before_the_start_is_seen_at_placebo_dates() -> None:
    frame = monthly(log_step=0)
    frame["visits"] = (frame["visits"] * np.where(T >= 26, 0.6, 1)).round()
    assert not checks(of_visits(frame))["placebo_dates"]


def test_an_effect_that_grows_is_told() -> None:
    frame = monthly(log_step=0)
    frame["visits"] = (frame["visits"] * np.exp(-0.03 * np.maximum(T - 47, 0))).round()
    found = of_visits(frame)
    assert not checks(found)["constant_effect"]
    assert row(found, "independent_harmonics", "slope_beside_step")["estimate"] == pytest.approx(0.97, abs=0.01)


def test_smoothed_counts_are_told() -> None:
    frame = monthly()
    frame["visits"] = (frame["people"] * np.where(T >= 48, 0.25, 0.3)).round()
    assert not checks(of_visits(frame))["dispersion"]


def test_a_short_annual_series_is_estimated_and_said_to_be_short() -> None:
    counts = [101, 96, 104, 99, 102, 108, 97, 103, 100, 98, 61, 64, 58]
    frame = pd.DataFrame({"year": np.arange(2008, 2021), "deaths": counts})
    found = its(frame, outcome="deaths", time="year", start=2018)
    assert found.settings["harmonics"] == 0
    assert checks(found)["few_periods"] is False
    assert found.relative.lo95 < -0.4 < found.relative.hi95 < 0


def test_the_discontinuity_looks_at_the_periods_next_to_the_start() -> None:
    """A bend far from the start does not matter, and neither do the periods of the donut."""
    rng = np.random.default_rng(5)
    values = 40 - 0.02 * np.maximum(40 - T, 0) ** 2 + 5.0 * (T >= 48) + rng.normal(0, 0.5, 72)
    values[46:50] += [9, 9, -9, -9]
    one = OneSeries(tuple(MONTHS), values, None, np.zeros((72, 0)), 48, 1)
    found = discontinuity(prepare(one, 1, 0, 0), 20, donut=2)
    assert found is not None
    assert len(found.fit.mean) == 36
    assert found.effect.lo95 < 5 < found.effect.hi95
    assert found.effect.lo95 > 0
    assert discontinuity(prepare(one, 1, 0, 0), 5, donut=2) is None


@pytest.mark.parametrize(
    ("periods", "season"),
    [
        (pd.date_range("2012-01-01", periods=72, freq="QS").astype(str), 4),
        (pd.date_range("2018-01-01", periods=72, freq="7D").astype(str), 52),
        (pd.date_range("2018-01-01", periods=72, freq="D").astype(str), 7),
        (np.arange(1, 73), 1),
    ],
)
def test_the_season_comes_from_the_periods(periods: Any, season: int) -> None:
    found = of_visits(monthly().assign(month=periods), start=periods[48])
    assert found.settings["season"] == season


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (lambda f: f.assign(visits=0), {}, DataError, "no events"),
        (lambda f: f.assign(visits=f["visits"].where(T < 48, 0)), {}, DataError, "no events"),
        (lambda f: f.assign(visits=np.where(T < 48, 5, f["visits"])), {}, DataError, "same in every period"),
        (lambda f: f.assign(visits=f["visits"] - 10_000), {}, DataError, "negative values"),
        (lambda f: f.assign(people=0), {}, DataError, "0 or less"),
        (lambda f: pd.concat([f, f]), {}, DataError, "repeat a period"),
        (lambda f: f, {"start": "2024-01"}, DataError, "outside the data"),
        (lambda f: f, {"start": "2015-01"}, DataError, "nothing is known before"),
        (lambda f: f, {"start": "2015-06"}, DataError, "5 usable periods before"),
        (lambda f: f, {"washout": 22}, DataError, "2 after the start"),
        (lambda f: f, {"washout": -1}, ParameterError, "washout"),
        (lambda f: f, {"season": 60}, ParameterError, "two seasons"),
        (lambda f: f, {"covariates": ["missing"]}, ParameterError, "no column"),
        (lambda f: f.assign(cold=1.0), {"covariates": ["cold"]}, ParameterError, "do not vary"),
        (lambda f: f.assign(cold=T >= 48), {"covariates": ["cold"]}, ParameterError, "follow from"),
        (lambda f: f.iloc[36:60], {"covariates": ["cold"], "start": "2018-10", "season": 4}, None, ""),
    ],
)
def test_right_answer_or_refusal(change: Any, options: dict[str, Any], error: Any, message: str) -> None:
    frame = change(monthly())
    if error is None:
        assert np.isfinite(of_visits(frame, **options).p_value)
    else:
        with pytest.raises(error, match=message):
            of_visits(frame, **options)


def test_the_result_is_repeatable_and_says_itself(visits: Estimate) -> None:
    again = of_visits(monthly())
    assert again.to_json() == visits.to_json()
    assert visits.sentence.startswith("visits: 0.0")
    assert "lower than without the intervention" in visits.sentence
