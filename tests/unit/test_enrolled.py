"""Enrolled persons: selection on past use without an effect, a planted effect, balance and clusters."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from cohorts_made import cohort

from ennakointi.causal import weighting
from ennakointi.effectiveness import cohort_checks, enrolled
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.results import Check

EFFECT = float(np.log(0.75))
LEAST = SimpleNamespace(minimum_persons=50)


def check(name: str, found: enrolled.EnrolledEffect, made: Cohort) -> Check:
    """One check of a comparison of persons."""
    return next(one for one in cohort_checks.of_cohort(found, made, LEAST) if one.name == name)


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


def test_other_estimators_agree_when_the_models_hold() -> None:
    found = enrolled.enrolled_effect(cohort(2, EFFECT, n=20_000), 2)
    assert found.lo95 <= found.balancing.estimate <= found.hi95
    assert found.lo95 <= found.outcome_model.estimate <= found.hi95
    assert found.balancing.lo95 <= EFFECT <= found.balancing.hi95
    assert found.outcome_model.lo95 <= EFFECT <= found.outcome_model.hi95
    assert found.lo95 <= found.after_first_quarter <= found.hi95
    assert check("alternative_estimator", found, cohort(2, EFFECT, n=20_000)).passed


def test_an_effect_of_the_first_quarter_alone_comes_and_goes() -> None:
    made = cohort(3, n=20_000)
    first = made.quarter == 0
    fewer = made.quarter_events * np.where(made.enrolled[:, None] & first, 0.0, 1.0)
    short = replace(made, events=fewer[:, made.quarter >= 0].sum(axis=1), quarter_events=fewer)
    found = enrolled.enrolled_effect(short, 3)
    assert found.hi95 < -0.15
    assert found.after_first_quarter == pytest.approx(0, abs=0.08)
    assert check("washout", found, short).passed is False
    left_out = replace(short, washout_months=3)
    assert check("washout", enrolled.enrolled_effect(left_out, 3), left_out).values == {"washout_months": 3}


def test_comparison_persons_whom_the_intervention_reached_are_left_out() -> None:
    """A third of the comparison persons profit as well: with them the effect looks too small."""
    made = cohort(4, EFFECT, n=20_000)
    reached = ~made.enrolled & (made.person % 3 == 0)
    rng = np.random.default_rng(4)
    spilled = replace(made, events=np.where(reached, rng.binomial(made.events.astype(int), 0.6), made.events))
    named = replace(spilled, exposed=reached)
    found, all_of_them = (enrolled.enrolled_effect(one, 4) for one in (named, spilled))
    assert found.lo95 <= EFFECT <= found.hi95
    assert found.with_exposed == pytest.approx(all_of_them.estimate)
    assert found.with_exposed == pytest.approx(found.estimate - np.log(1 - 0.4 / 3), abs=0.03)
    assert (found.weight[reached] == 0).all()
    assert check("spill_over", found, named).passed is False
    assert check("spill_over", all_of_them, spilled).passed is None


def test_joint_draws_have_the_error_and_the_correlation_of_the_estimates() -> None:
    made = cohort(5, EFFECT, n=20_000)
    cost = replace(made, events=made.events * 250.0)
    fewer = made.kept(np.flatnonzero(made.person % 10 > 0))
    effects = [enrolled.enrolled_effect(one, 5) for one in (made, cost, fewer)]
    assert effects[1].estimate == pytest.approx(effects[0].estimate, abs=1e-9)
    draws = enrolled.joint_draws([made, cost, fewer], effects, 2000, 5)
    assert draws.mean(axis=0) == pytest.approx([one.rates.difference for one in effects], rel=0.02)
    errors = [weighting.clustered(one.rates.influence, at.person) for one, at in zip(effects, (made, cost, fewer))]
    assert draws.std(axis=0) == pytest.approx(errors, rel=0.06)
    assert np.corrcoef(draws.T)[0, 1] > 0.99
    assert 0.85 < np.corrcoef(draws.T)[0, 2] < 0.99


def test_the_same_seed_gives_the_same_result() -> None:
    made = cohort(5)
    once, again = (enrolled.enrolled_effect(made, 7) for _ in range(2))
    assert (once.estimate, once.lo95) == (again.estimate, again.lo95)


def test_without_a_year_before_there_is_no_plain_change() -> None:
    made = cohort(6)
    fresh = replace(made, before_person_years=np.zeros(len(made.events)))
    found = enrolled.enrolled_effect(fresh, 6)
    assert np.isnan([found.crude, found.expected]).all()
    assert np.isfinite(found.estimate)


def test_an_outcome_that_never_happens_has_no_ratio() -> None:
    made = cohort(6)
    never = replace(made, events=np.zeros(len(made.events)))
    assert np.isnan(enrolled.enrolled_effect(never, 6).estimate)
