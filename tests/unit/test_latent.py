"""Latent classes: patterns stand for persons, the saved model assigns as StepMix does, classes keep their meaning."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from ennakointi.errors import DataError, ParameterError
from ennakointi.pages import class_names
from ennakointi.parameters.latent_documents import MISSING, LatentItem, LatentSettings
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import drift, latent, latent_scheme
from ennakointi.segmentation.class_description import describe
from ennakointi.segmentation.patterns import Patterns, left_out, observe, patterns

LABEL = {"fi": "x", "sv": "x", "en": "x"}
ITEMS = {
    "diabetes": {"label": LABEL, "who": {"feature": {"of": "condition_diabetes"}}},
    "heart": {"label": LABEL, "who": {"feature": {"of": "condition_heart"}}},
    "mood": {"label": LABEL, "who": {"feature": {"of": "condition_mood"}}},
    "visits": {"label": LABEL, "of": "contacts", "cuts": [1, 4]},
    "never": {"label": LABEL, "who": {"feature": {"of": "condition_never"}}},
    "unknown": {"label": LABEL, "who": {"feature": {"of": "condition_unknown"}}},
}
LIMITS = {
    "samples": 2,
    "seeds": 1,
    "samples_fast": 2,
    "seeds_fast": 1,
    "least_rand": 0.5,
    "most_changed": 0.2,
    "least_share": 0.01,
    "most_drift": 0.2,
    "least_fidelity": 0.8,
    "least_kept": 0.7,
}


def settings(**changes: Any) -> LatentSettings:
    told = {
        "items": ITEMS,
        "most_classes": 2,
        "starts": 2,
        "least_share": 0.02,
        "least_persons": 20,
        "enough_gain": 0.95,
        "tree_leaves": 4,
        "stability": LIMITS,
    }
    return LatentSettings.model_validate(told | changes)


def county(persons: int, seed: int, ill: float = 0.3) -> pd.DataFrame:
    """Residents of two classes: the ill have conditions, visits and cost; a tenth of the moods is not known."""
    rng = np.random.default_rng(seed)
    is_ill = rng.random(persons) < ill
    mood = pd.array(rng.random(persons) < np.where(is_ill, 0.7, 0.05), dtype="boolean")
    mood[rng.random(persons) < 0.1] = pd.NA
    contacts = rng.poisson(np.where(is_ill, 5, 0.5))
    return pd.DataFrame(
        {
            "person": rng.permutation(persons).astype(np.int32),
            "state": pd.Categorical(np.where(np.arange(persons) % 50, "resident", "moved")),
            "condition_diabetes": rng.random(persons) < np.where(is_ill, 0.6, 0.05),
            "condition_heart": rng.random(persons) < np.where(is_ill, 0.8, 0.1),
            "condition_mood": mood,
            "condition_never": np.zeros(persons, bool),
            "condition_unknown": pd.array([pd.NA] * persons, dtype="boolean"),
            "contacts_12m": contacts,
            "cost_eur_12m": 100.0 * contacts,
        }
    )


@pytest.fixture(scope="module")
def found() -> Patterns:
    frame = observe(county(1500, 4), settings().items).drop(columns=["never", "unknown"])
    return patterns(frame, {"diabetes": 2, "heart": 2, "mood": 2, "visits": 3})


@pytest.fixture(scope="module")
def fitted() -> latent_scheme.LatentResult:
    return latent_scheme.estimate_latent(county(1500, 4), settings(), 7, "2025Q3")


def test_patterns_hold_every_person_once_in_lexical_order(found: Patterns) -> None:
    assert found.n == 1500
    assert sorted(map(tuple, found.answers)) == list(map(tuple, found.answers))
    answers = observe(county(1500, 4), settings().items)[list(found.items)]
    assert (found.answers[found.row] == answers.to_numpy()).all()
    assert found.has_missing


def test_more_items_than_a_number_can_hold_make_the_same_patterns() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"i{j}": rng.integers(-1, 3, 200).astype(np.int8) for j in range(60)})
    found = patterns(frame, dict.fromkeys(frame.columns, 3))
    assert (found.answers[found.row] == frame.to_numpy()).all()
    assert len(np.unique(frame.to_numpy(), axis=0)) == len(found.answers)


def test_answers_are_categories_and_missing_is_kept() -> None:
    answers = observe(county(300, 1), settings().items)
    assert answers.index.is_monotonic_increasing
    assert set(answers["visits"]) == {0, 1, 2}
    assert set(answers["mood"]) == {MISSING, 0, 1}
    assert left_out(answers) == ("never", "unknown")


def test_the_saved_model_assigns_as_stepmix_does(found: Patterns) -> None:
    model = latent.fit_from(found, 2, 11)
    kept = latent.from_document(json.loads(json.dumps(latent.as_document(model))))
    stepmix = latent.run_stepmix(
        np.where(found.answers == MISSING, np.nan, found.answers),
        found.weight,
        n_components=2,
        measurement="categorical_nan",
        max_iter=600,
        abs_tol=1e-6,
        random_state=11,
    )
    theirs = stepmix.predict_proba(np.where(found.answers == MISSING, np.nan, found.answers))
    order = np.argsort(-stepmix.get_parameters()["weights"])
    assert latent.posterior(kept, found) == pytest.approx(theirs[:, order], abs=1e-6)
    assert latent.log_likelihood(kept, found) == pytest.approx(
        stepmix.score(np.where(found.answers == MISSING, np.nan, found.answers), sample_weight=found.weight), abs=1e-9
    )


def test_weights_stand_for_rows(found: Patterns) -> None:
    """The mean log-likelihood of a model over patterns with weights is that over persons one by one."""
    model = latent.fit_from(found, 2, 5)
    rows = Patterns(found.items, found.sizes, found.answers[found.row], np.ones(len(found.row)), found.row)
    assert latent.log_likelihood(model, rows) == pytest.approx(latent.log_likelihood(model, found), abs=1e-12)
    assert model.n_parameters == 1 + 2 * 5


def test_the_order_of_rows_changes_nothing(fitted: latent_scheme.LatentResult) -> None:
    shuffled = county(1500, 4).sample(frac=1, random_state=1)
    again = latent_scheme.estimate_latent(shuffled, settings(), 7, "2025Q3")
    pd.testing.assert_series_equal(again.assignment, fitted.assignment)
    pd.testing.assert_series_equal(again.probability, fitted.probability)
    assert json.dumps(again.model) == json.dumps(fitted.model)


def test_every_resident_is_in_one_class_ordered_by_cost(fitted: latent_scheme.LatentResult) -> None:
    residents = county(1500, 4).query("state == 'resident'").set_index("person").sort_index()
    assert fitted.assignment.index.equals(residents.index)
    assert fitted.assignment.notna().all()
    assert fitted.order == ("class_1", "class_2")
    cost = residents["cost_eur_12m"].groupby(fitted.assignment, observed=True).mean()
    assert cost["class_1"] > cost["class_2"]
    assert fitted.probability.between(0.5, 1).all()
    assert fitted.bootstrap_ari > 0.5


def test_tables_have_the_columns_of_the_result_tables(fitted: latent_scheme.LatentResult) -> None:
    assert set(fitted.tables) == {"class_choice", "class_items", "class_rules", "segment_stability"}
    for name, table in fitted.tables.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names
    shares = fitted.tables["class_items"].groupby(["segment", "item"])["probability"].sum()
    assert shares.to_numpy() == pytest.approx(1)
    rules = fitted.tables["class_rules"]
    reach = rules["reach"].groupby(rules["segment"]).sum()
    sizes = fitted.assignment.value_counts()
    assert (reach * sizes[reach.index]).sum() / sizes.sum() == pytest.approx(
        fitted.tables["segment_stability"].set_index("measure").at["fidelity", "value"]
    )


def test_a_rule_holds_for_the_persons_it_counts(found: Patterns) -> None:
    chosen = latent.posterior(latent.fit_from(found, 2, 11), found).argmax(axis=1)
    told = describe(found, chosen, ["class_1", "class_2"], 4)
    for row in told.rules.itertuples():
        holds = np.ones(len(found.answers), bool)
        for item, low, high in json.loads(row.rule):
            values = found.answers[:, found.items.index(item)]
            usual = np.bincount(values[values >= 0], found.weight[values >= 0]).argmax()
            values = np.where(values == MISSING, usual, values)
            holds &= (values >= low) & (values <= high)
        inside = holds & (chosen == int(row.segment[-1]) - 1)
        assert row.n_persons == found.weight[inside].sum()
        assert row.purity == pytest.approx(found.weight[inside].sum() / found.weight[holds].sum())


def test_the_next_quarter_is_assigned_by_the_stored_model(fitted: latent_scheme.LatentResult) -> None:
    kept = json.loads(json.dumps(fitted.model))
    later = latent_scheme.estimate_latent(county(900, 9), settings(), 8, "2025Q4", kept)
    same, chance = latent_scheme.assign_latent(county(900, 9), settings(), kept)
    pd.testing.assert_series_equal(later.assignment, same)
    pd.testing.assert_series_equal(later.probability, chance)
    assert later.model == kept
    assert later.messages == ()
    one, _chance = latent_scheme.assign_latent(county(1500, 4), settings(), kept)
    pd.testing.assert_series_equal(one, fitted.assignment)


def test_drift_is_announced(fitted: latent_scheme.LatentResult) -> None:
    later = latent_scheme.estimate_latent(county(900, 9, ill=0.8), settings(), 8, "2026Q3", fitted.model)
    assert json.loads(later.messages[0])["message"].startswith("Residents have changed")
    card = later.tables["segment_stability"].set_index("measure")
    assert card.at["psi", "passed"] == "no"
    assert card.at["psi", "message"] == later.messages[0]
    assert fitted.tables["segment_stability"].set_index("measure").at["psi", "passed"] == "yes"


def test_psi_of_a_known_shift() -> None:
    assert drift.psi(np.array([0.5, 0.5]), np.array([0.5, 0.5])) == 0
    assert drift.psi(np.array([50, 50]), np.array([30, 70])) == pytest.approx(
        0.2 * np.log(0.7 / 0.5) - 0.2 * np.log(0.6)
    )
    assert np.isfinite(drift.psi(np.array([1, 0]), np.array([0, 1])))


def test_a_model_fitted_anew_keeps_the_codes_of_its_classes(fitted: latent_scheme.LatentResult) -> None:
    renamed = dict(fitted.model or {}) | {"codes": ["class_7", "class_3"]}
    again = latent_scheme.estimate_latent(county(1200, 5), settings(version=2), 1, "2026Q3", renamed)
    assert again.order == ("class_7", "class_3")
    assert again.model is not None
    assert again.model["quarter"] == "2026Q3"


def test_a_class_unlike_every_earlier_one_is_new() -> None:
    def model(*rows: list[float]) -> latent.LatentModel:
        shares = np.full(len(rows), 1 / len(rows))
        return latent.LatentModel(("a", "b"), (2, 2), shares, np.array(rows), -1.0, 100.0, 0, True)

    earlier = model([0.9, 0.1, 0.9, 0.1], [0.1, 0.9, 0.9, 0.1])
    later = model([0.1, 0.9, 0.1, 0.9], [0.85, 0.15, 0.9, 0.1], [0.12, 0.88, 0.9, 0.1])
    assert drift.matched(earlier, later) == {1: 0, 2: 1}


@pytest.mark.parametrize("persons", [0, 3])
def test_too_few_persons_are_refused_in_plain_words(persons: int) -> None:
    refused = latent_scheme.estimate_latent(county(60, 1).head(persons), settings(), 1, "2025Q3")
    assert json.loads(refused.refused)["values"]["needed"] == 40
    assert refused.model is None
    assert refused.assignment.empty
    assert refused.order == ()
    for name, table in refused.tables.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names


def test_an_empty_quarter_of_a_stored_model_is_refused(fitted: latent_scheme.LatentResult) -> None:
    nobody = county(60, 1).head(0)
    assert latent_scheme.estimate_latent(nobody, settings(), 1, "2025Q4", fitted.model).refused
    segments, _chance = latent_scheme.assign_latent(nobody, settings(), fitted.model or {})
    assert segments.empty


def test_three_persons_are_assigned_by_a_stored_model(fitted: latent_scheme.LatentResult) -> None:
    later = latent_scheme.estimate_latent(county(60, 1).iloc[1:4], settings(), 1, "2025Q4", fitted.model)
    assert len(later.assignment) == 3
    assert later.assignment.notna().all()


def test_items_that_tell_nobody_apart_are_refused_when_nothing_is_left() -> None:
    few = {name: ITEMS[name] for name in ("diabetes", "never", "unknown")}
    refused = latent_scheme.estimate_latent(county(300, 1), settings(items=few), 1, "2025Q3")
    assert "fewer than two" in refused.refused
    assert json.loads(refused.messages[0])["values"] == {"n": 2}


def test_a_broken_model_is_one_clear_error(fitted: latent_scheme.LatentResult) -> None:
    broken = dict(fitted.model or {}) | {"model": {"items": {"a": 2}, "shares": [1.0], "profiles": [[1.0]]}}
    with pytest.raises(DataError, match="remove it to fit it anew"):
        latent_scheme.assign_latent(county(60, 1), settings(), broken)


def test_more_classes_than_patterns_are_a_clear_error(found: Patterns) -> None:
    with pytest.raises(DataError, match="answer patterns"):
        latent.fit(found, 1000, 1, 1)


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ({"label": LABEL}, "give either"),
        ({"label": LABEL, "of": "contacts"}, "name the `cuts`"),
        ({"label": LABEL, "of": "contacts", "cuts": [4, 1]}, "must rise"),
        ({"label": LABEL, "who": {"everyone": True}, "cuts": [1]}, "yes or no"),
    ],
)
def test_an_item_that_cannot_be_meant_is_refused(item: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        LatentItem.model_validate(item)


def test_an_unknown_feature_is_named() -> None:
    with pytest.raises(ParameterError, match="condition_diabetes"):
        observe(county(60, 1).drop(columns="condition_diabetes"), settings().items)


def test_answers_are_told_in_words_or_digits() -> None:
    visits, diabetes = settings().items["visits"], settings().items["diabetes"]
    assert [visits.answer_words(a) for a in range(2)] == ["0", "1–3"]
    assert json.loads(visits.answer_words(2)) == {"message": "{n} or more", "values": {"n": "4"}}
    assert [json.loads(diabetes.answer_words(a))["message"] for a in (0, 1)] == ["no", "yes"]


def test_a_class_is_named_by_what_sets_it_apart(fitted: latent_scheme.LatentResult) -> None:
    told = class_names.distinguishing(fitted.tables["class_items"])
    assert set(told) == set(fitted.order)
    assert len(told["class_1"]) == 2
    assert set(told["class_1"]) <= {"diabetes", "heart", "mood", "visits"}
    assert told["class_2"] == ()
    hidden = fitted.tables["class_items"].assign(n_persons=np.nan)
    assert set(class_names.distinguishing(hidden).values()) == {()}
