"""Clusters beside the latent classes, and the stability card of a way of segmenting."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from ennakointi.parameters.latent_documents import StabilityLimits
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import clusters, stability
from ennakointi.segmentation.patterns import Patterns, patterns
from ennakointi.segmentation.stability import Measured
from ennakointi.segmentation.transitions import History

LIMITS = StabilityLimits(
    samples=3,
    seeds=2,
    samples_fast=2,
    seeds_fast=1,
    least_rand=0.8,
    most_changed=0.1,
    least_share=0.05,
    most_drift=0.2,
    least_fidelity=0.8,
    least_kept=0.7,
)


@pytest.fixture(scope="module")
def two_kinds() -> Patterns:
    """600 persons of two kinds that no item confuses often."""
    rng = np.random.default_rng(3)
    kind = rng.random(600) < 0.4
    values = {f"i{j}": rng.binomial(2, np.where(kind, 0.95, 0.05)).astype(np.int8) for j in range(4)}
    return patterns(pd.DataFrame(values), dict.fromkeys(values, 3))


def rows_of(weight: np.ndarray, classes: np.ndarray) -> np.ndarray:
    return np.repeat(classes, weight.astype(int))


def test_the_rand_index_of_a_table_is_that_of_persons() -> None:
    rng = np.random.default_rng(1)
    one, other, weight = rng.integers(0, 3, 40), rng.integers(0, 4, 40), rng.integers(0, 9, 40).astype(float)
    theirs = adjusted_rand_score(rows_of(weight, one), rows_of(weight, other))
    assert stability.rand_of(stability.crossed(one, other, weight)) == pytest.approx(theirs)
    assert stability.rand_of(stability.crossed(one, one, weight)) == 1
    assert stability.rand_of(np.array([[5.0]])) == 1


def test_changed_persons_are_those_left_when_classes_are_matched() -> None:
    assert stability.changed(np.array([[0.0, 60], [40, 0]])) == 0
    assert stability.changed(np.array([[10.0, 50], [40, 0]])) == pytest.approx(0.1)


def test_scaled_answers_have_mean_0_and_variance_1_over_persons(two_kinds: Patterns) -> None:
    x = clusters.scaled(two_kinds)
    assert np.average(x, axis=0, weights=two_kinds.weight) == pytest.approx(0)
    assert np.average(x**2, axis=0, weights=two_kinds.weight) == pytest.approx(1)


@pytest.mark.parametrize("method", clusters.METHODS)
def test_clusters_of_patterns_are_those_of_persons(two_kinds: Patterns, method: str) -> None:
    """The likelihood of patterns with weights is that of the rows they stand for, and two kinds are found."""
    x = clusters.scaled(two_kinds)
    made = {"kmeans": clusters.kmeans, "mixture": clusters.mixture}[method](x, two_kinds.weight, 2, 1)
    rows = x[two_kinds.row]
    each = made.log_likelihood(rows, np.ones(len(rows)))
    assert made.log_likelihood(x, two_kinds.weight) == pytest.approx(each)
    kind = (two_kinds.answers.sum(axis=1) > 4).astype(np.int64)
    assert stability.rand_of(stability.crossed(made.classes(x), kind, two_kinds.weight)) > 0.95
    assert made.shares.sum() == pytest.approx(1)


@pytest.mark.parametrize("method", clusters.METHODS)
def test_more_clusters_than_one_describe_two_kinds_better(two_kinds: Patterns, method: str) -> None:
    one, two, *_rest = clusters.tried(two_kinds, method, 3, 1)
    assert two.bic < one.bic
    assert two.held_out > one.held_out
    assert two.smallest == pytest.approx(0.4 * two_kinds.n, rel=0.2)


def test_the_bootstrap_of_a_fit_that_never_changes_is_1(two_kinds: Patterns) -> None:
    classes = (two_kinds.answers[:, 0] > 0).astype(np.int64)
    same = stability.bootstrap(two_kinds.weight, classes, lambda weight: classes, 3, 1)
    assert (same.value, same.lo, same.hi) == (1, 1, 1)
    drawn: list[np.ndarray] = []

    def refit(weight: np.ndarray) -> np.ndarray:
        drawn.append(weight)
        return (two_kinds.answers[:, 1] > 0).astype(np.int64)

    other = stability.bootstrap(two_kinds.weight, classes, refit, 3, 1)
    assert 0 < other.value < 1
    assert all(weight.sum() == two_kinds.n for weight in drawn)
    assert (drawn[0] != drawn[1]).any()


def test_another_seed_changes_nobody_when_classes_only_swap_names(two_kinds: Patterns) -> None:
    classes = (two_kinds.answers[:, 0] > 0).astype(np.int64)
    assert stability.other_seeds(two_kinds.weight, classes, lambda seed: 1 - classes, 2, 1).value == 0


def test_the_card_holds_measures_beside_their_limits() -> None:
    measures = [
        Measured("bootstrap_ari", 0.7, 0.6, 0.9),
        Measured("seed_change", 0.05),
        Measured("fidelity", float("nan")),
    ]
    card = stability.card("latent", measures, LIMITS)
    assert tuple(card.columns) == RESULT_TABLES["segment_stability"].names
    assert card["passed"].tolist() == ["no", "yes", "not_checked"]
    assert card["limit"].tolist() == [0.8, 0.1, 0.8]
    assert all(json.loads(message)["message"] for message in card["message"])


def history(before: list[str], now: list[str]) -> History:
    persons = pd.Index(range(len(now)), name="person")
    people = pd.DataFrame({"state": ["resident"] * len(now)}, index=persons)
    segments = {"2024Q3": pd.Series(before, index=persons), "2025Q3": pd.Series(now, index=persons)}
    return History(("grave", "light", "none"), segments, {"2024Q3": people, "2025Q3": people})


def test_segments_by_rule_are_judged_by_size_and_by_who_stays() -> None:
    card = stability.of_rules("tiers", history(["grave", "light"] * 10, ["grave"] * 5 + ["light"] * 15), LIMITS)
    told = card.set_index("measure")
    assert told.at["smallest_share", "value"] == 0  # nobody is in the segment `none`
    assert told.at["kept_year", "value"] == pytest.approx((3 + 8) / 20)
    assert told["passed"].to_dict() == {
        "bootstrap_ari": "not_checked",
        "seed_change": "not_checked",
        "smallest_share": "no",
        "kept_year": "no",
    }
    assert told.index.is_unique


def test_without_a_year_before_nobody_can_say_who_stays() -> None:
    known = history(["grave"] * 4, ["grave"] * 4)
    one = History(known.order, {"2025Q3": known.assigned["2025Q3"]}, known.people)
    assert np.isnan(stability.kept_year(one).value)
    assert stability.kept_year(known).value == 1
