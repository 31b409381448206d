"""How many classes: one when answers are independent, and none that is empty or tiny."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from ennakointi.segmentation import latent
from ennakointi.segmentation.class_choice import Candidate, ChoiceLimits, choose, halves, table
from ennakointi.segmentation.patterns import patterns

LIMITS = ChoiceLimits(least_share=0.01, least_persons=20, enough_gain=0.95)


def candidate(classes: int, bic: float, held_out: float, smallest: float = 500, converged: bool = True) -> Candidate:
    return Candidate(classes, bic, held_out, smallest, 1000, converged)


def reason(reasons: dict[int, str], classes: int) -> str:
    return str(json.loads(reasons[classes])["message"])


def test_the_fewest_classes_with_nearly_all_of_the_gain_are_chosen() -> None:
    tried = [candidate(1, 8, -4), candidate(2, 7.2, -3.6), candidate(3, 7.03, -3.5), candidate(4, 7.0, -3.4)]
    chosen, reasons = choose(tried, LIMITS)
    assert chosen == 3
    assert reason(reasons, 2) == "More classes describe residents clearly better."
    assert reason(reasons, 4) == "Fewer classes describe residents nearly as well."
    assert 3 not in reasons


def test_one_class_is_chosen_when_bic_is_least_there() -> None:
    chosen, reasons = choose([candidate(1, 7, -3.5), candidate(2, 7.1, -3.4)], LIMITS)
    assert chosen == 1
    assert reason(reasons, 2) == "It describes residents no better than fewer classes."


@pytest.mark.parametrize(
    ("refused", "why"),
    [
        (candidate(2, 6, -3, smallest=0), "A class is empty."),
        (candidate(2, 6, -3, smallest=15), "The smallest class has fewer residents than the settings allow."),
        (candidate(2, 6, -3, smallest=9), "The smallest class has fewer residents than the settings allow."),
        (candidate(2, 6, -3, converged=False), "The estimate did not settle."),
        (candidate(2, 6, -4), "It does not describe others better than fewer classes."),
    ],
)
def test_classes_that_cannot_be_used_are_refused_with_a_reason(refused: Candidate, why: str) -> None:
    chosen, reasons = choose([candidate(1, 7, -3.5), refused], LIMITS)
    assert chosen == 1
    assert reason(reasons, 2) == why


def test_the_table_tells_every_number_and_its_reason() -> None:
    tried = [candidate(2, 6, -3, smallest=0), candidate(1, 7, -3.5)]
    told = table("latent", tried, *choose(tried, LIMITS))
    assert told["classes"].tolist() == ["1", "2"]
    assert told["chosen"].tolist() == ["yes", "no"]
    assert told["reason"].str.len().gt(0).tolist() == [False, True]


def test_halves_are_whole_persons_and_the_same_under_the_seed() -> None:
    weight = np.array([5.0, 1, 0, 7, 100])
    learn, look = halves(weight, 3)
    assert (learn + look == weight).all()
    assert (learn >= 0).all()
    assert learn.sum() == weight.sum() // 2
    assert (halves(weight, 3)[0] == learn).all()


def noise_choice(seed: int, persons: int, most: int) -> int:
    """The chosen number of classes of answers that are independent of each other."""
    rng = np.random.default_rng(seed)
    shares = (0.5, 0.2, 0.1, 0.4, 0.3, 0.15)
    answers = pd.DataFrame(
        {f"item{j}": rng.binomial(1 + j % 2, p, persons).astype(np.int8) for j, p in enumerate(shares)}
    )
    found = patterns(answers, {f"item{j}": 2 + j % 2 for j in range(len(shares))})
    learn, look = halves(found.weight, seed)
    tried = []
    for k in range(1, most + 1):
        model = latent.fit(found, k, seed, starts=3)
        half = latent.fit_from(found.weighted(learn), k, model.start)
        sizes = np.bincount(latent.posterior(model, found).argmax(axis=1), found.weight, minlength=k)
        held_out = latent.log_likelihood(half, found.weighted(look))
        tried.append(Candidate(k, model.bic, held_out, float(sizes.min()), found.n))
    return choose(tried, LIMITS)[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_independent_noise_is_one_class(seed: int) -> None:
    assert noise_choice(seed, 2000, 2) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_independent_noise_is_one_class_under_every_seed(seed: int) -> None:
    assert noise_choice(100 + seed, 5000, 4) == 1
