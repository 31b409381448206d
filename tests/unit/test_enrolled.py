"""Enrolled persons: selection on past use without an effect, a planted effect, balance and clusters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cohorts_made import cohort

from ennakointi.effectiveness import enrolled

EFFECT = float(np.log(0.75))


def test_selection_on_use_without_an_effect_is_seen_through() -> None:
    found = enrolled.enrolled_effect(cohort(1, n=20_000), 1)
    assert np.expm1(found.crude) < -0.25
    assert np.expm1(found.expected) == pytest.approx(np.expm1(found.crude), abs=0.06)
    assert found.lo95 <= 0 <= found.hi95
    assert found.p_value > 0.05


def test_comparison_with_everybody_else_is_badly_wrong() -> None:
    """What the same history protects from: without it the enrolled seem to be harmed."""
    found = enrolled.enrolled_effect(cohort(1, n=20_000, condition=False), 1)
    assert found.lo95 > 0.3


def test_the_planted_effect_is_recovered() -> None:
    found = enrolled.enrolled_effect(cohort(2, EFFECT, n=20_000), 2)
    assert found.lo95 <= EFFECT <= found.hi95 < 0
    assert found.estimate == pytest.approx(EFFECT, abs=0.08)
    assert found.rate < found.counterfactual


def test_intervals_cover_at_their_nominal_level() -> None:
    inside = found = 0
    for seed in range(60):
        planted = enrolled.enrolled_effect(cohort(seed, EFFECT), seed)
        null = enrolled.enrolled_effect(cohort(seed), seed)
        inside += planted.lo95 <= EFFECT <= planted.hi95
        found += null.p_value <= 0.05
    assert inside >= 53
    assert found <= 7


def test_weights_balance_what_enrolment_depended_on() -> None:
    made = cohort(3, n=20_000)
    older = made.enrolled & (made.covariates[:, -1] > 60)
    skewed = replace(made, enrolled=older)
    found = enrolled.enrolled_effect(skewed, 3)
    assert np.abs(found.balance_before).max() > 0.3
    assert np.abs(found.balance).max() < 0.1
    assert found.effective_comparison < found.n_comparison


def test_balance_that_cannot_be_reached_shows() -> None:
    made = cohort(4)
    apart = replace(made, covariates=np.column_stack([made.covariates, made.enrolled * 1.0]))
    found = enrolled.enrolled_effect(apart, 4)
    assert np.abs(found.balance).max() > 0.5


def test_repeated_rows_of_a_person_widen_the_interval() -> None:
    influence = np.array([0.1, -0.1, 0.2, -0.2])
    once = enrolled.clustered(influence, np.arange(4))
    twice = enrolled.clustered(np.repeat(influence, 2) / 2, np.repeat(np.arange(4), 2))
    assert twice == pytest.approx(once)
    assert enrolled.clustered(np.repeat(influence, 2) / 2, np.arange(8)) < once


def test_the_same_seed_gives_the_same_result() -> None:
    made = cohort(5)
    once, again = (enrolled.enrolled_effect(made, 7) for _ in range(2))
    assert (once.estimate, once.lo95) == (again.estimate, again.lo95)


def test_an_outcome_that_never_happens_has_no_ratio() -> None:
    made = cohort(6)
    never = replace(made, events=np.zeros(len(made.events)))
    assert np.isnan(enrolled.enrolled_effect(never, 6).estimate)
