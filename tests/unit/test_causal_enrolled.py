"""The public comparison of persons: planted effects, every estimator and estimand, tables as analysts have them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal import weighting
from ennakointi.causal.enrolled import enrolled
from ennakointi.causal.person_tables import person_table
from ennakointi.errors import DataError, ParameterError

COVARIATES = ["past", "age", "area"]
ADJUSTED = ["ipw", "balancing", "aipw", "regression"]


def persons(seed: int, effect: float = 0.0, *, n: int = 800, kind: str = "count") -> pd.DataFrame:
    """Persons with lasting need; past use, age and area decide who takes part. `effect` on the outcome's log mean
    (counts, 0/1) or mean (quantity)."""
    rng = np.random.default_rng(seed)
    need, age, area = rng.gamma(1, 1.2, n), rng.normal(0, 1, n), rng.choice(list("abc"), n)
    past = rng.poisson(need * np.exp(0.2 * age))
    score = 0.5 * np.log1p(past) + 0.3 * age + 0.4 * (area == "b") - 1.5
    took = rng.random(n) < 1 / (1 + np.exp(-score))
    if kind == "count":
        y = rng.poisson(need * np.exp(0.2 * age + effect * took)).astype(float)
    elif kind == "binary":
        y = (rng.random(n) < np.exp(effect * took) / (1 + np.exp(1.2 - 0.6 * np.log1p(past) - 0.3 * age))).astype(float)
    else:
        y = 2 * need + age + rng.normal(size=n) + effect * took
    return pd.DataFrame({"y": y, "took": took.astype(int), "past": np.log1p(past), "age": age, "area": area})


def beside(frame: pd.DataFrame, **options: object) -> pd.DataFrame:
    found = enrolled(frame, outcome="y", treatment="took", covariates=COVARIATES, **options)
    return found.parts["beside"].set_index("estimator")


@pytest.mark.parametrize("estimand", ["att", "ate"])
@pytest.mark.parametrize("kind", ["count", "binary", "quantity"])
def test_selection_without_an_effect_is_seen_through(kind: str, estimand: str) -> None:
    found = beside(persons(1, n=20_000, kind=kind), estimand=estimand)
    assert found.loc["crude", "lo95"] > 0
    assert (found.loc[ADJUSTED, "lo95"] <= 0).all()
    assert (found.loc[ADJUSTED, "hi95"] >= 0).all()


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_planted_rate_ratio_is_recovered(estimand: str) -> None:
    frame = persons(2, float(np.log(0.7)), n=20_000).assign(years=1.0)
    found = enrolled(frame, outcome="y", treatment="took", covariates=COVARIATES, estimand=estimand, offset="years")
    assert found.relative.lo95 <= -0.3 <= found.relative.hi95 < 0
    assert found.effect.hi95 < 0
    assert found.p_value < 0.001
    assert all(check.passed for check in found.checks if check.name != "alternative_estimator")


def test_rates_do_not_depend_on_the_unit_of_time() -> None:
    frame = persons(3, -0.3).assign(years=np.random.default_rng(3).uniform(0.5, 2, 800))
    frame["y"] = np.random.default_rng(4).poisson(frame["y"] * frame["years"])
    options = {"outcome": "y", "treatment": "took", "covariates": COVARIATES}
    years = enrolled(frame, offset="years", **options)
    months = enrolled(frame.assign(years=12 * frame["years"]), offset="years", **options)
    assert months.relative == pytest.approx(years.relative, rel=1e-3)
    assert np.array(months.effect) * 12 == pytest.approx(np.array(years.effect), rel=1e-3)


@pytest.mark.parametrize("kind", ["count", "binary"])
def test_false_positives_of_the_default_stay_near_five_per_cent(kind: str) -> None:
    runs = 60
    found = [beside(persons(seed, kind=kind, n=500), seed=seed).loc["aipw", "p_value"] for seed in range(runs)]
    assert np.mean(np.array(found) <= 0.05) <= 0.12


@pytest.mark.slow
@pytest.mark.parametrize("estimand", ["att", "ate"])
@pytest.mark.parametrize("kind", ["count", "binary", "quantity"])
def test_false_positives_in_a_thousand_runs(kind: str, estimand: str) -> None:
    p_values = [
        beside(persons(seed, kind=kind), seed=seed, estimand=estimand).loc["aipw", "p_value"] for seed in range(1000)
    ]
    assert 0.02 <= np.mean(np.array(p_values) <= 0.05) <= 0.07


def test_doubly_robust_when_the_outcome_model_is_wrong() -> None:
    """The outcome bends with age; the propensity does not: the weights alone carry the estimate."""
    rng = np.random.default_rng(5)
    age = rng.normal(size=20_000)
    took = rng.random(20_000) < 1 / (1 + np.exp(1 - age))
    frame = pd.DataFrame({"y": np.exp(age) + took + rng.normal(size=20_000), "took": took, "age": age})
    found = enrolled(frame, outcome="y", treatment="took", covariates=["age"], squares=False).parts["beside"]
    estimate = found.set_index("estimator")["estimate"]
    assert estimate["ipw"] == pytest.approx(1, abs=0.1)
    assert estimate["aipw"] == pytest.approx(1, abs=0.1)
    assert abs(estimate["regression"] - 1) > 0.2


def test_rows_of_the_same_person_are_one() -> None:
    frame = persons(6).assign(person=np.arange(800))
    twice = pd.concat([frame, frame])
    once = beside(frame, cluster="person", estimator="ipw").loc["ipw"]
    both = beside(twice, cluster="person", estimator="ipw").loc["ipw"]
    assert both.loc[["estimate", "lo95"]].tolist() == pytest.approx(once.loc[["estimate", "lo95"]].tolist(), rel=1e-4)
    assert beside(twice).loc["ipw", "lo95"] > once["lo95"]


def test_terms_become_columns() -> None:
    frame = persons(7).assign(grade=lambda t: (t["age"] > 0) + 1.0, constant=3, twin=lambda t: 2 * t["age"] + 1)
    table = person_table(
        frame, "y", "took", ["age", "age^2", "C(grade)", "area", "constant", "twin"], None, None, None, None
    )
    assert set(table.names) in (
        {"age", "age^2", "grade=2", "area=b", "area=c"},
        {"twin", "age^2", "grade=2", "area=b", "area=c"},
    )
    assert table.x[:, table.names.index("age^2")] == pytest.approx(frame["age"] ** 2)
    assert table.family == "poisson"


def test_squares_and_codes_are_added_unless_squares_are_written() -> None:
    frame = persons(7).assign(code=lambda t: np.arange(800) % 4 + 1.0, two=np.arange(800) // 400)
    plain = person_table(frame, "y", "took", ["age", "code", "two"], None, None, None, None)
    assert set(plain.names) == {"age", "age^2", "code=2", "code=3", "code=4", "two"}
    off = person_table(frame, "y", "took", ["age", "code", "two"], None, None, None, None, squares=False)
    assert set(off.names) == {"age", "code", "two"}
    written = person_table(frame, "y", "took", ["age", "past^2", "code"], None, None, None, None)
    assert set(written.names) == {"age", "past^2", "code"}


def test_answers_in_words_are_numbers() -> None:
    frame = persons(7, kind="binary")
    words = frame.assign(
        y=np.where(frame["y"] == 1, "Yes", "no"), took=np.where(frame["took"] == 1, "Coaching", "No coaching")
    )
    assert beside(words).equals(beside(frame))
    assert beside(frame.astype({"y": bool, "took": "boolean"})).equals(beside(frame))
    with pytest.raises(DataError, match="column 'took': the treatment must be 1 or 0"):
        beside(frame.assign(took=np.where(frame["took"] == 1, "a", "b")))


def test_without_covariates_it_is_the_difference_of_a_trial() -> None:
    """By hand: 20 treated with mean 3, 20 others with mean 2."""
    frame = pd.DataFrame({"y": [2.5, 3.5] * 10 + [1.5, 2.5] * 10, "took": [1] * 20 + [0] * 20})
    found = enrolled(frame, outcome="y", treatment="took", covariates=[], estimator="ipw")
    assert found.parts["beside"]["estimate"].tolist() == pytest.approx([1] * 5)
    error = np.sqrt(2 * 20 * 0.25 / 20**2 * 40 / 39)
    assert (found.effect.hi95 - found.effect.lo95) / 2 == pytest.approx(2.093 * error, rel=1e-3)


def test_missing_values_are_left_out_and_counted() -> None:
    frame = persons(8)
    frame.loc[:39, "age"] = np.nan
    frame.loc[700:709, "y"] = np.nan
    found = enrolled(frame, outcome="y", treatment="took", covariates=COVARIATES)
    assert found.n == 750
    assert found.settings["left_out"] == {"outcome": 10, "covariates": 40, "other": 0, "no_overlap": 0}
    assert next(check for check in found.checks if check.name == "missing").passed is False
    frame.loc[:300, "age"] = np.nan
    with pytest.raises(DataError, match="missing in 38% of the rows, most often 'age'"):
        enrolled(frame, outcome="y", treatment="took", covariates=COVARIATES)


def test_those_without_anybody_alike_are_left_out() -> None:
    frame = persons(9, n=4000)
    frame["nobody"] = ((frame["took"] == 1) & (frame.index % 4 == 0)).astype(int)
    found = enrolled(frame, outcome="y", treatment="took", covariates=[*COVARIATES, "nobody"])
    assert found.settings["left_out"]["no_overlap"] == frame["nobody"].sum()
    failed = {check.name for check in found.checks if check.passed is False}
    assert "trimming" in failed
    assert "balance" not in failed


def test_regression_to_the_mean_is_shown() -> None:
    """Half of the persons with at least four contacts are coached to no effect: their use falls all the same."""
    rng = np.random.default_rng(10)
    need = rng.gamma(1, 1.2, 100_000)
    past, y = rng.poisson(need), rng.poisson(need)
    frame = pd.DataFrame({"y": y, "past": past, "took": (past >= 4) & (rng.random(100_000) < 0.5)})[past >= 4]
    found = enrolled(
        frame.assign(same=rng.normal(size=len(frame))),
        outcome="y",
        treatment="took",
        covariates=[],
        before="past",
        negative_control="same",
    )
    fall = found.parts["regression_to_the_mean"].iloc[0]
    assert fall["crude_change"] / fall["before"] == pytest.approx(-0.35, abs=0.02)
    assert fall["expected_change"] == pytest.approx(fall["crude_change"], abs=0.2)
    assert found.effect.lo95 <= 0 <= found.effect.hi95
    assert {"regression_to_the_mean", "negative_control"} <= {check.name for check in found.checks}


def test_failed_negative_control_is_critical() -> None:
    frame = persons(11, n=4000).assign(control=lambda t: 0.5 * t["took"] + np.random.default_rng(1).normal(size=4000))
    found = enrolled(frame, outcome="y", treatment="took", covariates=COVARIATES, negative_control="control")
    assert [(check.passed, check.critical) for check in found.checks if check.name == "negative_control"] == [
        (False, True)
    ]


def test_times_to_an_event() -> None:
    """Hazard halved, and confounded the other way: the crude curves hide it."""
    rng = np.random.default_rng(112)
    frame = persons(12, n=20_000)
    hazard = np.exp(0.6 * frame["age"] + 0.4 * frame["past"]) * np.where(frame["took"] == 1, 0.5, 1.0) / 200
    day = np.ceil(rng.exponential(1 / hazard))
    frame["event"], frame["y"] = (day <= 365).astype(int), np.minimum(day, 365)
    true = 0.0
    for arm, sign in ((0.5, 1), (1.0, -1)):
        rate = np.exp(0.6 * frame["age"] + 0.4 * frame["past"]) * arm / 200
        true += sign * float((1 - np.exp(-rate * 180))[frame["took"] == 1].mean())
    found = enrolled(frame, outcome="y", event="event", treatment="took", covariates=COVARIATES, horizon=180)
    rows = found.parts["beside"].set_index("estimator")
    assert (found.design, found.outcome) == ("survival", "event within 180")
    assert found.effect.lo95 - 0.01 <= true <= found.effect.hi95 + 0.01
    assert rows.loc["aipw", "lo95"] - 0.01 <= true <= rows.loc["aipw", "hi95"] + 0.01
    assert rows.loc["crude", "estimate"] > true + 0.03
    assert found.parts["mean_time"].loc[0, "lo95"] > 0
    assert found.parts["survival"]["time"].iloc[-1] == 180 == found.settings["horizon"]


def test_the_record_is_plain_json() -> None:
    found = json.loads(enrolled(persons(13), outcome="y", treatment="took", covariates=COVARIATES).to_json())
    assert found["design"] == "enrolled"
    assert set(found) >= {"estimate", "lo95", "hi95", "p_value", "relative", "n", "checks", "sentence", "balance"}
    assert {row["covariate"] for row in found["balance"]} == {"past", "past^2", "age", "age^2", "area=b", "area=c"}
    assert max(abs(row["after"]) for row in found["balance"]) < 0.05


def test_the_same_seed_gives_the_same_result() -> None:
    frame = persons(14)
    once, again, other = (beside(frame, seed=seed).loc["aipw", "estimate"] for seed in (1, 1, 2))
    assert once == again
    assert once == pytest.approx(other, abs=0.05)


BAD = {
    "treatment must be 1 or 0": ({"took": 2}, {}),
    "at least 10 are needed: without comparison persons": ({"took": 1}, {}),
    "0 complete rows have 1": ({"took": 0}, {}),
    "has one value only": ({"y": 3.0}, {}),
    "is the outcome or the treatment": ({}, {"covariates": ["age", "y"]}),
    "tell fully who took part": ({"copy": "took"}, {"covariates": ["age", "copy"]}),
    "estimand 'atc' is not known": ({}, {"estimand": "atc"}),
    "estimator 'magic' is not known": ({}, {"estimator": "magic"}),
    "no column 'agee' in the data": ({}, {"covariates": ["agee"]}),
    "only a column of numbers can be squared": ({}, {"covariates": ["area^2"]}),
    "more than 50": ({"id": "index"}, {"covariates": ["C(id)"]}),
    "a list of columns": ({}, {"covariates": "age"}),
    "an offset is person-time": ({"years": 0.0}, {"offset": "years"}),
    "needs the column of the event": ({}, {"horizon": 5.0}),
    "one cluster only": ({"one": 1}, {"cluster": "one"}),
    "no event happened": ({"event": 0}, {"event": "event"}),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_told_plainly(message: str) -> None:
    columns, options = BAD[message]
    frame = persons(15, n=100)
    values = {"took": frame["took"], "index": np.arange(100)}
    frame = frame.assign(**{name: values.get(value, value) for name, value in columns.items()})
    arguments = {"outcome": "y", "treatment": "took", "covariates": COVARIATES, **options}
    with pytest.raises((DataError, ParameterError), match=message):
        enrolled(frame, **arguments)


def test_repeated_rows_of_a_person_widen_the_interval() -> None:
    influence = np.array([0.1, -0.1, 0.2, -0.2])
    once = weighting.clustered(influence, np.arange(4))
    twice = weighting.clustered(np.repeat(influence, 2) / 2, np.repeat(np.arange(4), 2))
    assert twice == pytest.approx(once)
    assert weighting.clustered(np.repeat(influence, 2) / 2, np.arange(8)) < once


def test_draws_of_persons_have_the_covariance_of_the_influences() -> None:
    rng = np.random.default_rng(16)
    influence = rng.normal(size=(500, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    cluster = np.arange(500) // 2
    draws = weighting.person_draws(influence, cluster, 4000, 1)
    sums = influence.reshape(250, 2, 2).sum(axis=1)
    assert np.cov(draws.T) == pytest.approx(sums.T @ sums, rel=0.08)
    assert draws == pytest.approx(weighting.person_draws(influence, cluster, 4000, 1))


def test_folds_keep_a_person_together_and_share_the_treated() -> None:
    cluster, treated = np.arange(600) // 3, np.arange(600) // 3 < 20
    fold = weighting.folds(cluster, treated, 1)
    assert (fold.reshape(200, 3) == fold.reshape(200, 3)[:, :1]).all()
    assert np.bincount(fold[treated]).tolist() == [3] * 20
    large = np.arange(30_000)
    assert np.bincount(weighting.folds(large, large < 50, 1)[:50]).tolist() == [10] * 5
