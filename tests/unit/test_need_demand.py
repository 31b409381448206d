"""Risks added up: the exact distribution, persons who are alike, what earlier days tell of it, and coverage."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import betabinom
from statsmodels.stats.meta_analysis import combine_effects

from ennakointi.errors import ParameterError
from ennakointi.need import demand
from ennakointi.need.demand import Dependence

MUNICIPALITIES = np.array([0.45, 0.15, 0.1, 0.08, 0.07, 0.05, 0.04, 0.03, 0.02, 0.01])


def moments(total: demand.Total) -> tuple[float, float]:
    number = total.first + np.arange(len(total.probability))
    mean = float(number @ total.probability)
    return mean, float((number - mean) ** 2 @ total.probability)


def test_brute_force_of_every_outcome_of_nine_persons() -> None:
    risk = np.random.default_rng(1).uniform(0, 1, 9)
    chance = np.zeros(10)
    for outcome in product([0, 1], repeat=9):
        chance[sum(outcome)] += np.prod(np.where(outcome, risk, 1 - risk))
    told = demand.distribution(risk)
    assert told.first == 0
    np.testing.assert_allclose(told.probability, chance, atol=1e-12)


def test_numbers_of_the_r_package_poibin() -> None:
    # Reference values of R's poibin (Hong 2013) as its Python counterpart publishes them.
    three = demand.distribution(np.array([0.4163448, 0.3340270, 0.9689613])).probability
    np.testing.assert_allclose(three, [0.0120647, 0.39129134, 0.46189012, 0.13475384], atol=1e-8)
    eight = [0.9955901, 0.5696224, 0.8272597, 0.3818746, 0.4290036, 0.8707646, 0.8858267, 0.7557183]
    told = demand.distribution(np.array(eight)).probability[[0, 2, 7, 8]]
    np.testing.assert_allclose(told, [4.17079659e-07, 2.46250608e-03, 2.02460933e-01, 4.48023378e-02], atol=1e-8)


def test_risks_close_to_each_other_may_share_their_mean() -> None:
    risk = expit(np.random.default_rng(2).normal(-3, 1.5, 5000))
    exact = np.ones(1)
    for p in risk:
        exact = np.convolve(exact, [1 - p, p])
    told = demand.distribution(risk)
    np.testing.assert_allclose(told.probability, exact[told.first : told.first + len(told.probability)], atol=2e-5)
    assert told.interval(0.9) == pytest.approx(np.searchsorted(np.cumsum(exact), [0.05, 0.95]), abs=0)


@pytest.mark.parametrize(("n", "risk", "correlation"), [(12, 0.3, 0.2), (200, 0.1, 0.01), (5000, 0.02, 0.001)])
def test_one_risk_for_everyone_is_the_beta_binomial(n: int, risk: float, correlation: float) -> None:
    told = demand.distribution(np.full(n, risk), None, Dependence(area=correlation / (risk * (1 - risk))))
    number = told.first + np.arange(len(told.probability))
    a, b = risk * (1 / correlation - 1), (1 - risk) * (1 / correlation - 1)
    assert told.correlation == pytest.approx(correlation)
    np.testing.assert_allclose(told.probability, betabinom.pmf(number, n, a, b), atol=1e-8)
    assert told.interval(0.8) == (betabinom.ppf(0.1, n, a, b), betabinom.ppf(0.9, n, a, b))


def test_variance_is_that_of_chance_and_of_the_common_shift() -> None:
    risk = expit(np.random.default_rng(3).normal(-4, 1.2, 8000))
    area = np.repeat(np.array(["a", "b"], dtype=object), [6000, 2000])
    information = risk * (1 - risk)
    parts = np.array([information[area == code].sum() for code in "ab"])
    mean, variance = moments(demand.distribution(risk, area, Dependence(area=0.02, level=0.01)))
    assert mean == pytest.approx(risk.sum(), rel=1e-6)
    assert variance == pytest.approx(parts.sum() + 0.01 * parts.sum() ** 2 + 0.02 * (parts**2).sum(), rel=0.01)


def test_simulated_shifts_of_the_log_odds_fall_where_the_distribution_says() -> None:
    rng = np.random.default_rng(4)
    risk = expit(rng.normal(-3, 1, 3000))
    shift = rng.normal(0, 0.2, 4000)
    drawn = np.array([(rng.random(3000) < expit(logit(risk) + one)).sum() for one in shift[:1500]])
    told = demand.distribution(risk, None, Dependence(area=0.04))
    low, high = told.interval(0.9)
    assert np.mean((drawn >= low) & (drawn <= high)) == pytest.approx(0.9, abs=0.025)


def test_rows_add_up_and_are_told_for_each_area_and_group() -> None:
    rng = np.random.default_rng(5)
    risk = rng.uniform(0, 0.2, 600)
    area = np.array(["111", "222", "333"], dtype=object)[rng.integers(0, 3, 600)]
    groups = {"all": np.ones(600, bool), "aged": np.arange(600) < 200, "none": np.zeros(600, bool)}
    told = demand.rows(risk, area, groups, "home_care", 4.0, Dependence(0.01, 0.01))
    assert told[["target_group", "municipality"]].to_numpy().tolist() == [
        ["all", "all"],
        ["all", "111"],
        ["all", "222"],
        ["all", "333"],
        ["aged", "all"],
    ]
    whole = told.iloc[0]
    assert told["expected"].iloc[1:4].sum() == pytest.approx(whole["expected"])
    assert whole["expected"] == pytest.approx(risk.sum())
    assert (told["contacts"] == told["expected"] * 4).all()
    assert told["n_persons"].iloc[1:4].sum() == 600
    ends = told[["expected_lo90", "expected_lo80", "expected_hi80", "expected_hi90"]].to_numpy()
    assert (np.diff(ends, axis=1) >= 0).all()
    order = rng.permutation(600)
    again = demand.rows(
        risk[order], area[order], {"aged": groups["aged"][order]}, "home_care", 4.0, Dependence(0.01, 0.01)
    )
    pd.testing.assert_frame_equal(told, again)


def test_areas_differ_by_der_simonian_and_lairds_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demand, "PRIOR_AREA_WEIGHT", 0.0)
    observed, expected, information = (
        np.array([60, 25, 48, 10.0]),
        np.array([40, 30, 30, 12.0]),
        np.array([35, 28, 25, 11.0]),
    )
    past = pd.DataFrame(
        {"origin": "a", "area": list("abcd"), "observed": observed, "expected": expected, "information": information}
    )
    effect = (observed - expected) / information
    wanted = combine_effects(effect, 1 / information, method_re="chi2").tau2
    assert demand.spread(past).area == pytest.approx(wanted)
    assert wanted > 0.01


def test_few_days_are_drawn_towards_modest_change_and_never_below_none() -> None:
    even = pd.DataFrame({"area": list("ab"), "observed": 500.0, "expected": 500.0, "information": 400.0})
    once, often = (demand.spread(pd.concat([even.assign(origin=str(day)) for day in range(days)])) for days in (1, 40))
    assert 0 < once.level < 3 * demand.PRIOR_LEVEL
    assert often == Dependence(0.0, 0.0)
    with pytest.raises(ParameterError, match="columns origin are missing"):
        demand.spread(even)


def test_what_was_observed_is_summed_by_area() -> None:
    area = np.array(["1", "2", "1"], dtype=object)
    told = demand.cells("2024Q3", area, np.array([0.1, 0.2, 0.5]), np.array([True, False, True]))
    assert told.set_index("area").loc["1"].to_dict() == {
        "observed": 2.0,
        "expected": pytest.approx(0.6),
        "information": pytest.approx(0.34),
        "origin": "2024Q3",
    }


def test_no_one_one_person_and_certain_persons() -> None:
    assert demand.distribution(np.empty(0)).interval(0.9) == (0.0, 0.0)
    one = demand.distribution(np.array([0.3]), None, Dependence(0.1, 0.1))
    np.testing.assert_allclose(one.probability, [0.7, 0.3], atol=1e-6)
    assert demand.distribution(np.array([1.0, 0.0, 1.0])).interval(0.9) == (2.0, 2.0)


def covered(seeds: int, area_sd: float, level_sd: float) -> float:
    """Share of area sums inside the 90 % interval; what persons share is learnt from one earlier day."""
    inside = []
    area = np.repeat(np.arange(10), (MUNICIPALITIES * 10_000).astype(int))
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        for mean in (-5, -4, -3, -2):
            risk = expit(rng.normal(mean, 1.2, len(area)))
            shifts = rng.normal(0, level_sd, (2, 1)) + rng.normal(0, area_sd, (2, 10))
            before, after = (rng.random(len(risk)) < expit(logit(risk) + shift[area]) for shift in shifts)
            alike = demand.spread(demand.cells("before", area.astype(object), risk, before))
            for code in range(10):
                low, high = demand.distribution(risk[area == code], None, alike).interval(0.9)
                inside.append(low <= after[area == code].sum() <= high)
    return float(np.mean(inside))


@pytest.mark.parametrize(("area_sd", "level_sd"), [(0.0, 0.0), (0.1, 0.1)])
def test_sums_lie_inside_the_90_interval(area_sd: float, level_sd: float) -> None:
    assert 0.83 <= covered(2, area_sd, level_sd) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize(("area_sd", "level_sd"), [(0.0, 0.0), (0.05, 0.05), (0.1, 0.1), (0.2, 0.1)])
def test_sums_of_twenty_seeds_lie_inside_the_90_interval(area_sd: float, level_sd: float) -> None:
    assert 0.83 <= covered(20, area_sd, level_sd) <= 0.97
