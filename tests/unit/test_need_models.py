"""Learning a risk, its temporal validation, and what the model card says of it."""

from __future__ import annotations

import json
from typing import Any, cast

import made_features
import numpy as np
import pandas as pd
import pytest
import small_county
from made_features import EmptyStore, MadeFeatures
from scipy import special
from sklearn.metrics import roc_auc_score

from ennakointi import need
from ennakointi.features import Features
from ennakointi.need import discrimination, learners, model_card, validation
from ennakointi.need.calibration import calibrate
from ennakointi.need.cases import AtRisk, Followed
from ennakointi.parameters.need_documents import NeedOutcome, NeedSettings
from ennakointi.periods import Quarter
from ennakointi.result_tables.needs import NEED_TABLES
from ennakointi.store import Store

QUARTER = Quarter(2023, 3)


def settings(**more: Any) -> NeedSettings:
    told = {"predictors": ("age", "contacts_*", "sex", "continuity_24m", "constant_12m"), "most_persons": 4000}
    return small_county.shipped().need.model_copy(update=told | more)


def drawn(n: int, seed: int, quarter: Quarter = QUARTER) -> tuple[Followed, np.ndarray]:
    """Persons whose need depends on age and contacts in a known way, and their true log odds."""
    rng = np.random.default_rng(seed)
    known = pd.DataFrame(
        {
            "age": rng.integers(18, 95, n),
            "contacts_12m": rng.poisson(3, n),
            "sex": rng.integers(0, 2, n),
            "municipality": rng.integers(0, 3, n),
            "continuity_24m": np.where(rng.random(n) < 0.4, np.nan, rng.random(n)),
            "empty_12m": np.full(n, np.nan),
            "same_12m": np.full(n, 4.0),
        }
    ).astype(np.float32)
    odds = -4.2 + 0.03 * (known["age"] - 50) + 0.8 * np.log1p(known["contacts_12m"])
    odds = odds.to_numpy(float)
    event = rng.random(n) < special.expit(odds)
    told = pd.DataFrame({"municipality": np.full(n, "398")})
    at_risk = AtRisk(quarter, np.arange(n, dtype=np.int32), known, told)
    none = np.zeros(n, bool)
    return Followed(at_risk, event, none, none, np.full(n, 2.0)), odds


@pytest.fixture(scope="module")
def cases() -> Followed:
    return drawn(6000, 1)[0]


@pytest.mark.parametrize("kind", learners.KINDS)
def test_both_learn_the_risk_that_was_planted(kind: str, cases: Followed) -> None:
    """On new persons: nearly the AUROC of the true risk, as many as came, and a slope near 1."""
    model = validation.learnt(kind, [cases], settings(), seed=3)
    new, odds = drawn(20_000, 2)
    risk = model.risk(new.at_risk.known)
    assert discrimination.auroc(new.event, odds)[0] - discrimination.auroc(new.event, risk)[0] < 0.025
    told = calibrate(risk, new.event)
    assert 0.85 < told.slope < 1.2
    assert 0.85 < told.events / told.expected < 1.15
    assert ((risk > 0) & (risk < 1)).all()


@pytest.mark.parametrize("kind", learners.KINDS)
def test_same_seed_same_risks(kind: str, cases: Followed) -> None:
    one, other = (
        validation.learnt(kind, [cases], settings(most_persons=1000), 5).risk(cases.at_risk.known) for _ in range(2)
    )
    assert np.array_equal(one, other)


def test_learning_from_a_part_of_those_without_the_need_keeps_the_level(cases: Followed) -> None:
    part = validation.learnt(learners.LOGISTIC, [cases], settings(most_persons=1000), seed=3)
    assert part.kept < -1
    new, _ = drawn(20_000, 2)
    assert 0.85 < new.event.sum() / part.risk(new.at_risk.known).sum() < 1.15


def test_what_does_not_differ_or_is_all_missing_is_not_seen(cases: Followed) -> None:
    seen = learners.informative(cases.at_risk.known)
    assert seen == ["age", "contacts_12m", "sex", "municipality", "continuity_24m"]
    rare = pd.DataFrame({"x_12m": np.arange(500) < 19, "y_12m": np.arange(500) < 20})
    assert learners.informative(rare.astype(np.float32)) == ["y_12m"]


def test_a_feature_that_is_gone_or_a_new_word_stops_nothing(cases: Followed) -> None:
    known = cases.at_risk.known.drop(columns="continuity_24m").assign(municipality=9.0)
    for kind in learners.KINDS:
        risk = validation.learnt(kind, [cases], settings(), 3).risk(known)
        assert np.isfinite(risk).all()


def test_recalibration_undoes_a_planted_error() -> None:
    """Risks made from log odds .3 + 1.6 · z are told as z: intercept .3, slope 1.6."""
    rng = np.random.default_rng(4)
    z = rng.normal(-2, 1, 200_000)
    event = rng.random(len(z)) < special.expit(0.3 + 1.6 * z)
    found = validation.recalibration(special.expit(z), event, np.ones(len(z)))
    assert found.intercept == pytest.approx(0.3, abs=0.05)
    assert found.slope == pytest.approx(1.6, abs=0.04)


def test_few_events_correct_the_level_alone() -> None:
    rng = np.random.default_rng(4)
    z = rng.normal(-5, 1, 2000)
    event = rng.random(len(z)) < special.expit(z + 1)
    assert 20 < event.sum() < 100
    found = validation.recalibration(special.expit(z), event, np.ones(len(z)))
    assert found.slope == 1
    assert found.apply(special.expit(z)).sum() == pytest.approx(event.sum())


def test_the_model_of_record_is_the_better_on_persons_held_out() -> None:
    made = [
        validation.Model(kind, (), 0.0, validation.Recalibration(0, 1), score, (), [])
        for kind, score in (("boosting", 0.31), ("logistic", 0.30))
    ]
    assert validation.of_record(made).kind == "logistic"


def test_days_lie_in_the_same_season_and_end_before_the_test() -> None:
    held = tuple(Quarter.parse(name) for name in made_features.QUARTERS)[:-1]
    near = validation.days(held, 3, 3)
    assert near is not None
    assert [str(day) for day in (near.now, near.test, *near.before_test)] == [
        "2025Q2",
        "2025Q1",
        "2024Q1",
        "2023Q1",
        "2022Q1",
    ]
    assert [str(day) for day in near.before_now] == ["2024Q2", "2023Q2", "2022Q2"]
    year = validation.days(held, 12, 2)
    assert year is not None
    assert year.before_now == (year.test, year.before_test[0])
    assert validation.days(held[-8:], 12, 2) is None


def test_auroc_and_its_error() -> None:
    """5 of 6 pairs; DeLong's error against that of many samples; the area is scikit-learn's."""
    assert discrimination.auroc([1, 1, 0, 0, 0], [0.8, 0.4, 0.6, 0.2, 0.1])[0] == pytest.approx(5 / 6)
    rng = np.random.default_rng(1)
    areas, errors = [], []
    for _ in range(200):
        event = np.arange(200) < 50
        risk = rng.normal(np.where(event, 1.0, 0.0), 1).round(1)
        area, error = discrimination.auroc(event, risk)
        assert area == pytest.approx(roc_auc_score(event, risk))
        areas.append(area)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.15)
    with pytest.raises(ValueError, match="nothing to tell apart"):
        discrimination.auroc([0, 0], [0.1, 0.2])


def test_one_risk_for_everyone_has_no_skill() -> None:
    told = discrimination.measured([1, 0, 0, 0], [0.25] * 4)
    assert told.auroc == 0.5
    assert told.brier_skill == pytest.approx(0)


def test_stability_index() -> None:
    """Half of the risks below the middle, then six tenths: .1 · ln(.6 / .4 · .5 / .5) = .0405."""
    before = np.repeat([0.1, 0.9], 50_000)
    now = np.repeat([0.1, 0.9], [60_000, 40_000])
    assert model_card.stability_index(before, now) == pytest.approx(0.1 * np.log(0.6 / 0.4), abs=1e-4)


def test_a_feature_that_is_the_outcome_itself_is_found(cases: Followed) -> None:
    leaking = cases.at_risk.known.assign(decision_12m=cases.event.astype(np.float32))
    at_risk = AtRisk(QUARTER, cases.at_risk.person, leaking, cases.at_risk.told)
    days = validation.Days(Quarter(2024, 3), QUARTER, (Quarter(2022, 3),), (QUARTER,))
    model = validation.Model("boosting", (), 0.0, validation.Recalibration(0, 1), 0.3, (Quarter(2022, 3),), [])
    for known, passed in ((at_risk, False), (cases.at_risk, True)):
        followed = Followed(known, cases.event, cases.died, cases.moved, cases.contacts)
        found = {
            check.name: check
            for check in model_card._leakage(days, followed, model_card.Tested(model, np.empty(0)), 12, 1)
        }
        assert found["learnt_before_test"].passed
        assert found["leakage"].passed is passed


def whole(made: MadeFeatures, minimum: int = 2, **more: Any) -> dict[str, pd.DataFrame]:
    outcome = NeedOutcome.model_validate(made_features.outcome_document(minimum))
    chosen = settings(outcomes={"need": outcome}, horizons={12: 2}, minimum_events=50, **more)
    return need.estimate(
        "need", cast(Store, EmptyStore()), cast(Features, made), small_county.parameters(need=chosen), seed=1
    )


@pytest.fixture(scope="module")
def made() -> MadeFeatures:
    return made_features.county()


@pytest.fixture(scope="module")
def tables(made: MadeFeatures) -> dict[str, pd.DataFrame]:
    return whole(made)


def test_an_outcome_fills_every_table(tables: dict[str, pd.DataFrame]) -> None:
    for table in NEED_TABLES:
        assert list(tables[table.name].columns) == list(table.names)
        assert not tables[table.name].empty or table.name == "early_identification"
    models = tables["need_models"].set_index("model")
    assert sorted(models["of_record"]) == ["no", "yes"]
    assert models["trained_on"].tolist() == ["2023-09-30"] * 2
    assert models["tested_on"].tolist() == ["2024-09-30"] * 2
    assert (models["died_share"] > 0).all()
    assert set(tables["need_checks"]["passed"]) <= {"yes", "no", "not_checked"}


def test_risks_are_of_residents_now_and_add_up_to_the_demand(
    tables: dict[str, pd.DataFrame], made: MadeFeatures
) -> None:
    told = tables[need.PREDICTIONS]
    frame = made.frames["2025Q3"]
    assert told["person"].tolist() == frame["person"][frame["state"] == "resident"].tolist()
    demand = tables["need_demand"].set_index(["target_group", "municipality"])["expected"]
    assert demand["all", "all"] == pytest.approx(told["probability"].sum())
    assert demand["all", "all"] == pytest.approx(demand["all", "398"] + demand["all", "016"])


def test_no_number_of_persons_is_in_a_message(tables: dict[str, pd.DataFrame]) -> None:
    """Checks are published without protection: their sentences hold shares, limits and counts of groups alone."""
    for cell in tables["need_checks"]["message"]:
        assert set(json.loads(cell)["values"]) <= {
            "needed",
            "share",
            "slope",
            "low",
            "high",
            "outside",
            "n",
            "index",
            "most",
        }


def test_permuted_rows_give_the_same_risks(tables: dict[str, pd.DataFrame], made: MadeFeatures) -> None:
    mixed = {name: frame.sample(frac=1, random_state=2) for name, frame in made.frames.items()}
    pd.testing.assert_frame_equal(whole(MadeFeatures(mixed))[need.PREDICTIONS], tables[need.PREDICTIONS])


def test_too_few_with_the_need_are_refused(made: MadeFeatures) -> None:
    found = whole(made, minimum=40)
    assert found["need_models"]["reason"].str.contains("Too few residents").all()
    assert found["need_models"]["auroc"].isna().all()
    assert found["need_checks"]["passed"].tolist() == ["no"]
    assert found[need.PREDICTIONS].empty


@pytest.mark.parametrize("n", [0, 3])
def test_an_empty_county_and_one_of_three_persons_are_refused(n: int) -> None:
    found = whole(made_features.county(n))
    assert found["need_models"]["reason"].str.contains("Too few residents").all()


def test_data_that_do_not_reach_far_enough_are_refused() -> None:
    found = whole(made_features.county(50, quarters=made_features.QUARTERS[-6:]))
    assert found["need_models"]["reason"].str.contains("do not reach far enough").all()
    assert found["need_models"]["tested_on"].tolist() == ["", ""]


def test_windows_of_a_feature_are_one() -> None:
    found = need.windows(["contacts_24m", "age", "contacts_3m", "history_contacts", "contacts_12m"])
    assert found["contacts"] == ["contacts_3m", "contacts_12m", "contacts_24m"]
    assert found["age"] == ["age"]
    assert found["history_contacts"] == ["history_contacts"]
