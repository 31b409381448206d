"""Calibration against statsmodels, the curve, each group; death before the need; what the risks rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.inspection import partial_dependence, permutation_importance
from statsmodels.duration.api import CumIncidenceRight

from ennakointi.errors import DataError, ParameterError
from ennakointi.need import calibration, competing, dependence
from ennakointi.need.competing import DIED, FOLLOWED, NEED
from ennakointi.need.demand import Dependence


def persons(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-2, 1, n))
    return risk, rng.random(n) < expit(0.3 + 0.8 * logit(risk))


def test_intercept_and_slope_are_those_of_statsmodels() -> None:
    risk, event = persons(2000)
    told = calibration.calibrate(risk, event)
    large = sm.GLM(event.astype(float), np.ones(2000), family=sm.families.Binomial(), offset=logit(risk)).fit()
    slope = sm.GLM(event.astype(float), sm.add_constant(logit(risk)), family=sm.families.Binomial()).fit()
    assert told.intercept == pytest.approx(large.params[0], abs=1e-7)
    assert (told.intercept_lo95, told.intercept_hi95) == pytest.approx(tuple(large.conf_int()[0]), abs=1e-5)
    assert told.slope == pytest.approx(slope.params[1], abs=1e-7)
    assert (told.slope_lo95, told.slope_hi95) == pytest.approx(tuple(slope.conf_int()[1]), abs=1e-5)


def test_two_risks_by_hand() -> None:
    # 10 of 100 at risk .2 and 40 of 100 at .5: slope (logit .4 − logit .1) / (logit .5 − logit .2).
    risk = np.repeat([0.2, 0.5], 100)
    event = np.r_[np.arange(100) < 10, np.arange(100) < 40]
    told = calibration.calibrate(risk, event)
    assert told.slope == pytest.approx((np.log(4 / 6) - np.log(1 / 9)) / np.log(4), abs=1e-9)
    assert (told.n, told.events, told.expected) == (200, 50, pytest.approx(70.0))
    assert told.intercept < 0


@pytest.mark.parametrize(
    ("risk", "event"),
    [([0.1, 0.4], [False, False]), ([0.2, 0.2], [True, False]), ([0.1, 0.2, 0.8, 0.9], [False, False, True, True])],
)
def test_a_slope_that_cannot_be_told_is_missing(risk: list[float], event: list[bool]) -> None:
    told = calibration.calibrate(np.array(risk), np.array(event))
    assert np.isnan([told.slope, told.slope_lo95, told.slope_hi95]).all()


def test_curve_has_groups_of_equal_size_and_never_parts_equal_risks() -> None:
    risk, event = persons(4000)
    told = calibration.curve(risk, event)
    assert told["place"].tolist() == list(range(1, 11))
    by_hand = np.sort(risk)[:400].mean(), event[np.argsort(risk)[:400]].mean()
    assert tuple(told.loc[0, ["x", "y"]]) == pytest.approx(by_hand)
    assert told["n_persons"].max() <= 200
    same = calibration.curve(np.repeat([0.1, 0.3], [150, 50]), np.arange(200) % 4 == 0)
    assert same[["x", "y"]].to_numpy().tolist() == [[pytest.approx(0.1), 38 / 150], [pytest.approx(0.3), 12 / 50]]


def test_groups_of_the_curve_with_few_are_joined() -> None:
    """Tenths of 1,000 with 1, 2, …, 9 and 30 persons with the need: 1 + 2 + 3 + 4 = 10, 5 + 6, 7 + 8, 9 + 30."""
    risk = np.repeat(np.arange(1, 11) / 100, 100)
    came = [1, 2, 3, 4, 5, 6, 7, 8, 9, 30]
    event = np.concatenate([np.arange(100) < n for n in came])
    told = calibration.curve(risk, event)
    assert told["n_persons"].tolist() == [10, 11, 15, 39]
    assert told["y"].tolist() == pytest.approx([10 / 400, 11 / 200, 15 / 200, 39 / 200])


def test_every_group_of_residents_is_told_by_itself() -> None:
    rng = np.random.default_rng(2)
    risk = rng.uniform(0.05, 0.3, 2000)
    odd = np.arange(2000) < 300  # the need comes to them twice as often as foretold
    event = rng.random(2000) < np.where(odd, 2, 1) * risk
    told = pd.DataFrame(
        {
            "sex": pd.Categorical(np.where(np.arange(2000) % 2, "female", "male")),
            "municipality": pd.Categorical(np.where(odd, "111", "222")),
            "group_aged": np.arange(2000) < 1000,
            "group_all": True,
        }
    )
    found = calibration.by_dimension(risk, event, told).set_index(["dimension", "value"])
    assert found.index.tolist() == [
        ("all", "all"),
        ("sex", "female"),
        ("sex", "male"),
        ("sex", "all"),
        ("municipality", "111"),
        ("municipality", "222"),
        ("municipality", "all"),
        ("target_group", "aged"),
    ]
    assert found["observed"].loc[[("municipality", "111"), ("municipality", "222")]].sum() == event.sum()
    assert found["within"].loc[[("municipality", "111"), ("municipality", "222")]].tolist() == ["no", "yes"]
    row = found.loc[("municipality", "111")]
    assert (row["observed"], row["at_risk"], row["n_persons"]) == (
        event[odd].sum(),
        300,
        min(event[odd].sum(), (~event[odd]).sum()),
    )
    assert row["ratio"] == pytest.approx(event[odd].sum() / risk[odd].sum())
    assert row["intercept"] == pytest.approx(calibration.calibrate(risk[odd], event[odd]).intercept)
    alike = calibration.by_dimension(risk, event, told, Dependence(area=1.0)).set_index(["dimension", "value"])
    assert alike["within"].loc[("municipality", "111")] == "yes"
    level = calibration.by_dimension(risk, event, told, Dependence(level=1.0)).set_index(["dimension", "value"])
    assert level["within"].equals(found["within"])  # that everyone is foretold wrongly alike excuses nothing


def test_right_intervals_hold_the_number_in_19_of_20_groups() -> None:
    rng = np.random.default_rng(3)
    risk = rng.uniform(0.01, 0.2, 20_000)
    told = pd.DataFrame({"municipality": (np.arange(20_000) % 200).astype(str)})
    found = calibration.by_dimension(risk, rng.random(20_000) < risk, told)
    assert (found["within"] == "yes").mean() == pytest.approx(0.96, abs=0.03)


def test_death_before_the_need_by_hand_and_by_statsmodels() -> None:
    # 10 persons: the need at 1; a death and a need at 2; one leaves at 2; a death at 3.
    time = np.array([1, 2, 2, 2, 3, 4, 4, 4, 4, 4.0])
    cause = np.array([NEED, DIED, NEED, FOLLOWED, DIED, *[FOLLOWED] * 5])
    told = competing.incidence(time, cause, 4)
    assert told["time"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(told["need"], [0.1, 0.2, 0.2])
    np.testing.assert_allclose(told["died"], [0, 0.1, 0.1 + 0.7 / 6])
    np.testing.assert_allclose(told["naive"], [0.1, 1 - 0.9 * 8 / 9, 1 - 0.9 * 8 / 9])
    rng = np.random.default_rng(4)
    time, cause = rng.integers(1, 9, 400).astype(float), rng.integers(0, 3, 400)
    told, other = competing.incidence(time, cause, 8), CumIncidenceRight(time, cause)
    np.testing.assert_allclose(told["need"], other.cinc[0])
    np.testing.assert_allclose(told["died"], other.cinc[1])
    assert (told["naive"] >= told["need"] - 1e-12).all()


def test_share_who_died_first() -> None:
    event, died = np.array([True, False, False, True]), np.array([True, True, False, False])
    assert competing.died_share(event, died) == 0.25
    assert np.isnan(competing.died_share(event[:0], died[:0]))
    with pytest.raises(DataError, match="cause 7 is not known"):
        competing.incidence(np.ones(2), np.array([0, 7]), 4)


class Learnt:
    """A boosted model of three features: the first decides, the second helps, the third is noise."""

    def __init__(self) -> None:
        rng = np.random.default_rng(5)
        self.frame = pd.DataFrame(rng.normal(size=(1500, 3)), columns=["strong", "weak", "noise"])
        self.event = rng.random(1500) < expit(2 * self.frame["strong"] + 0.5 * self.frame["weak"]).to_numpy()
        self.model = HistGradientBoostingClassifier(max_iter=30, random_state=1).fit(self.frame, self.event)

    def risk(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(self.model.predict_proba(frame)[:, 1])


@pytest.fixture(scope="module")
def learnt() -> Learnt:
    return Learnt()


def test_importance_is_that_of_scikit_learn_and_ignores_the_order_of_rows(learnt: Learnt) -> None:
    person = np.arange(1500)
    told = dependence.importance(learnt.risk, learnt.frame, learnt.event, person, 1, shuffles=10)
    other = permutation_importance(
        learnt.model, learnt.frame, learnt.event, scoring="roc_auc", n_repeats=10, random_state=2
    )
    by_feature = told.set_index("feature").loc[list(learnt.frame.columns)]
    np.testing.assert_allclose(by_feature["importance"], other.importances_mean, atol=0.01)
    assert told["feature"].tolist()[0] == "strong"
    place = np.random.default_rng(6).permutation(1500)
    again = dependence.importance(
        learnt.risk, learnt.frame.iloc[place], learnt.event[place], person[place], 1, shuffles=10
    )
    pd.testing.assert_frame_equal(told, again)


def test_a_feature_that_alone_tells_everything_takes_the_auroc_to_a_half() -> None:
    event = np.arange(4000) % 4 == 0
    frame = pd.DataFrame({"x_3m": event.astype(float), "x_12m": event.astype(float), "y": 0.0})
    told = dependence.importance(
        lambda rows: rows["x_3m"].to_numpy() + rows["x_12m"].to_numpy(),
        frame,
        event,
        np.arange(4000),
        1,
        together={"x": ["x_3m", "x_12m"], "y": ["y"]},
    )
    assert told["feature"].tolist() == ["x", "y"]
    assert told["importance"].tolist() == pytest.approx([0.5, 0.0], abs=0.02)
    with pytest.raises(ParameterError, match="give 2 or more"):
        dependence.importance(lambda rows: rows["y"].to_numpy(), frame, event, np.arange(4000), 1, shuffles=1)


def test_partial_dependence_is_that_of_scikit_learn(learnt: Learnt) -> None:
    told = dependence.partial(learnt.risk, learnt.frame, "strong", points=8)
    other = partial_dependence(
        learnt.model, learnt.frame, ["strong"], method="brute", custom_values={"strong": told["x"].to_numpy()}
    )
    np.testing.assert_allclose(told["y"], other["average"][0])
    assert told["n_persons"].sum() == 1500
    assert told["place"].tolist() == list(range(1, 9))


def test_partial_dependence_of_yes_no_of_nothing_known_and_of_words() -> None:
    frame = pd.DataFrame({"flag": [True, False, False], "empty": [np.nan] * 3, "word": pd.Categorical(["a", "b", "a"])})
    told = dependence.partial(lambda rows: rows["flag"].to_numpy(float), frame, "flag")
    assert told[["x", "y", "n_persons"]].to_numpy().tolist() == [[0, 0, 2], [1, 1, 1]]
    assert dependence.partial(lambda rows: np.ones(3), frame, "empty").empty
    with pytest.raises(ParameterError, match="feature word"):
        dependence.partial(lambda rows: np.ones(3), frame, "word")
