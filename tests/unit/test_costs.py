"""Costs and effects: published and hand-worked examples, planted savings, joint draws beside the designs of record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import cohorts_made
import numpy as np
import pandas as pd
import pytest
import roll_outs
from roll_outs import STARTS, roll_out
from scipy.stats import norm

from ennakointi import parameters
from ennakointi.causal import rollout
from ennakointi.causal.areas import AreaPanel
from ennakointi.effectiveness import cost_draws, costs, series_findings
from ennakointi.effectiveness.cohorts import Cohort
from ennakointi.effectiveness.enrolled import enrolled_effect
from ennakointi.effectiveness.evidence import Evidence
from ennakointi.effectiveness.findings import Finding, refused
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.parameters.effect_documents import SERVICE_COST, SERVICE_MINUTES, InterventionCost
from ennakointi.result_tables import RESULT_TABLES

LOADED = parameters.load()
SETTINGS = LOADED.effects.model_copy(update={"cost_draws": 400})
TEAM, COACHING = LOADED.interventions["team_model"], LOADED.interventions["heavy_user_coaching"]
EUROS, MINUTES = 300.0, 40.0  # of one contact


def evidence(contacts: AreaPanel | Cohort, field: str, more: np.ndarray | float = 0.0) -> Evidence:
    """Services whose euros and minutes are those of the contacts, and `more` contacts of another service."""
    events = getattr(contacts, field)
    found = {
        TEAM.primary_outcome.id: contacts,
        SERVICE_COST: replace(contacts, **{field: EUROS * (events + more)}),
        SERVICE_MINUTES: replace(contacts, **{field: MINUTES * (events + more)}),
    }
    return Evidence(date(2025, 9, 30), found)


def record(design: str) -> Finding:
    return Finding(design, Interval(-0.2, -0.3, -0.1))


def of_areas(contacts: AreaPanel, design: str = "did", **changes: object) -> dict[str, pd.DataFrame]:
    return costs.tables(TEAM.model_copy(update=changes), evidence(contacts, "counts"), SETTINGS, record(design), seed=1)


def of_persons(contacts: Cohort, more: np.ndarray | float = 0.0) -> pd.Series:
    found = costs.tables(COACHING, evidence(contacts, "events", more), SETTINGS, record("cohort"), seed=1)
    return found["cost_effectiveness"].iloc[0]


def experiment() -> costs.CostEffectiveness:
    """Experiment 1 of Glick, Doshi, Sonnad & Polsky, Economic Evaluation in Clinical Trials: ΔC 1,000 (standard error
    324.3), ΔE 0.01 quality-adjusted years (0.001925), correlation −0.71."""
    spread = np.array([0.001925, 324.3])
    correlation = np.array([[1, -0.71], [-0.71, 1]])
    drawn = np.random.default_rng(1).multivariate_normal([0.01, 1000], correlation * np.outer(spread, spread), 400_000)
    return costs.evaluate(0.0, 0.01, drawn[:, 0], 1000.0, drawn[:, 1])


def test_published_interval_of_a_ratio_is_where_the_net_benefit_meets_zero() -> None:
    """The book: 100,000 a year gained, 95 % interval 28,200 to 245,200 (Fieller), the λ between which the interval of
    the net benefit holds 0 (Heitjan 2000, 10.1002/1099-1050(200006)9:4<327::AID-HEC523>3.0.CO;2-9)."""
    found = experiment()
    assert found.icer == pytest.approx(100_000)
    assert found.worth(100_000).benefit.estimate == pytest.approx(0, abs=1e-9)
    assert found.worth(28_200 * 0.98).benefit.hi95 < 0 < found.worth(28_200 * 1.02).benefit.hi95
    assert found.worth(245_200 * 0.98).benefit.lo95 < 0 < found.worth(245_200 * 1.02).benefit.lo95


@pytest.mark.parametrize("lambda_eur", [0, 50_000, 150_000])
def test_net_benefit_and_acceptability_by_formula(lambda_eur: float) -> None:
    """Var(λΔE − ΔC) = λ²Var(ΔE) + Var(ΔC) − 2λCov, and the curve is its normal probability."""
    worth = experiment().worth(lambda_eur)
    mean = lambda_eur * 0.01 - 1000
    variance = (lambda_eur * 0.001925) ** 2 + 324.3**2 + 2 * lambda_eur * 0.71 * 0.001925 * 324.3
    assert worth.benefit.estimate == pytest.approx(mean)
    assert worth.benefit.lo95 == pytest.approx(mean - 1.96 * variance**0.5, abs=0.01 * variance**0.5)
    assert worth.probability == pytest.approx(norm.cdf(mean / variance**0.5), abs=0.002)


def test_acceptability_at_no_worth_is_the_chance_of_a_saving() -> None:
    rng = np.random.default_rng(2)
    found = costs.evaluate(50.0, 1.0, rng.normal(1, 2, 1000), -40.0, rng.normal(-40, 30, 1000))
    assert found.worth(0).probability == (found.draws_cost < 0).mean() == found.quadrants["se"] + found.quadrants["sw"]
    assert sum(found.quadrants.values()) == pytest.approx(1)


def test_four_draws_by_hand() -> None:
    """Better and dearer, better and cheaper, worse and cheaper, worse and dearer; the interval of ΔE holds 0."""
    effect, service = np.array([2.0, 1.0, -1.0, -2.0]), np.array([5.0, -20.0, -15.0, 30.0])
    found = costs.evaluate(10.0, 0.5, effect, -1.0, service)
    assert found.quadrants == {"ne": 0.25, "se": 0.25, "sw": 0.25, "nw": 0.25}
    assert found.draws_cost.tolist() == [15, -10, -5, 40]
    assert found.delta_cost.estimate == 9
    assert np.isnan(found.icer)
    worth = found.worth(10)  # 20 − 15, 10 + 10, −10 + 5, −20 − 40
    assert worth.benefit.estimate == -4
    assert worth.probability == 0.5


def test_discounting_and_direct_costs_by_hand() -> None:
    assert costs.discount_factors(np.array([0, 11, 12, 24]), 0.03) == pytest.approx([1, 1, 1 / 1.03, 1 / 1.0609])
    cost = InterventionCost(fixed_eur=1000, fixed_eur_per_year=500, per_person_eur=20, price_year=2023)
    assert costs.direct_cost(cost, 2, 10, SETTINGS) == pytest.approx((1000 + 1000 + 200) * 1.03**2)


def test_joint_draws_of_areas_keep_the_correlation_and_the_interval_of_record() -> None:
    """Contacts, their euros and an unrelated service; the draws spread as the permutation interval."""
    contacts, other = roll_out(3, -0.2, share=1.0), roll_out(4, share=1.0)
    euros = replace(contacts, counts=EUROS * contacts.counts)
    largest = rollout.dominant_area(contacts)
    found = cost_draws.joint_area_draws([contacts, euros, other], 499, 1, exclude=largest)
    assert found is not None
    judged = rollout.rollout_effect(contacts, 500, 1, largest)
    assert judged is not None
    assert found.estimate[0] == pytest.approx(judged.effect.estimate, abs=1e-6)
    width = np.diff(np.quantile(found.draws[:, 0], [0.025, 0.975]))[0]
    assert width == pytest.approx(judged.effect.hi95 - judged.effect.lo95, rel=0.02)
    correlation = np.corrcoef(found.draws.T)
    assert correlation[0, 1] == pytest.approx(1, abs=0.01)
    assert found.estimate[2] == pytest.approx(0, abs=0.1)


def test_services_that_have_nothing_in_common_are_drawn_without_correlation() -> None:
    """On average: of ten areas any one correlation strays by a third."""
    found = [
        cost_draws.joint_area_draws([roll_out(seed, equal=True), roll_out(seed + 100, equal=True)], 200, seed)
        for seed in range(12)
    ]
    correlations = [np.corrcoef(one.draws.T)[0, 1] for one in found if one is not None]
    assert len(correlations) == 12
    assert abs(np.mean(correlations)) < 0.25


def share_covered(seeds: int) -> tuple[float, float]:
    """Share of runs whose interval of ΔE holds the planted improvement, and the mean relative error of ΔE."""
    hits, errors = 0, []
    for seed in range(seeds):
        contacts = roll_out(seed, -0.2, share=1.0, spread=0.03, equal=True)
        row = of_areas(contacts)["cost_effectiveness"].iloc[0]
        under = contacts.months >= contacts.starts[:, None]
        lived = np.where(under, contacts.person_years, 0)
        since = np.maximum(contacts.months - contacts.starts.min(), 0)
        kept = (lived * costs.discount_factors(since, 0.03)).sum() / lived.sum()
        truth = 1000 * kept * contacts.counts[under].sum() / lived.sum() * np.expm1(0.2)
        hits += int(row.delta_effect_lo95 <= truth <= row.delta_effect_hi95)
        errors.append(row.delta_effect / truth - 1)
    return hits / seeds, float(np.mean(errors))


def test_planted_improvement_of_areas_is_recovered() -> None:
    covered, error = share_covered(10)
    assert covered >= 0.8
    assert abs(error) < 0.05


@pytest.mark.slow
def test_planted_improvement_of_areas_is_covered_over_many_runs() -> None:
    covered, error = share_covered(120)
    assert 0.91 <= covered <= 0.995  # as the design of record: 0.98 in 200 runs
    assert abs(error) < 0.03


def test_costs_of_areas_add_up() -> None:
    """All euros are those of the contacts: the service saves its marginal share of 300 for each contact avoided."""
    found = of_areas(roll_out(5, -0.2, share=1.0))
    row = found["cost_effectiveness"].iloc[0]
    assert row.cost_unit == "per 1,000 person-years"
    assert row.service_cost_eur == pytest.approx(-SETTINGS.marginal_cost_share * EUROS * row.delta_effect, rel=0.01)
    assert row.delta_cost_eur == pytest.approx(row.direct_cost_eur + row.service_cost_eur)
    assert row.icer_eur == pytest.approx(row.delta_cost_eur / row.delta_effect)
    assert row.released_hours == pytest.approx(row.delta_effect * MINUTES / 60, rel=0.08)  # hours are not discounted
    assert row.nmb_eur == pytest.approx(row.lambda_eur * row.delta_effect - row.delta_cost_eur)
    curve, plane = found["cost_curve"], found["cost_plane"]
    named = curve[curve["lambda_eur"] == row.lambda_eur].iloc[0]
    assert named[["nmb_eur", "nmb_lo95"]].tolist() == [row.nmb_eur, row.nmb_lo95]
    assert len(plane) == costs.PLANE_DRAWS
    assert plane["delta_cost_eur"].median() == pytest.approx(row.delta_cost_eur, rel=0.1)


def test_costs_and_effects_of_areas_are_discounted_from_the_same_day() -> None:
    """An area that starts two years after the first: its effect is worth 1 / 1.03² of the first year's from then on."""
    first = roll_outs.LAST - 35
    contacts = roll_out(6, -0.2, share=1.0, equal=True, starts={"111": first, "098": first + 24})
    row = of_areas(contacts)["cost_effectiveness"].iloc[0]
    months = np.concatenate([np.arange(36), np.arange(24, 36)])
    assert row.delta_effect * MINUTES / 60 / row.released_hours == pytest.approx(
        costs.discount_factors(months, 0.03).mean(), rel=2e-3
    )


def test_direct_costs_of_areas_by_hand() -> None:
    """One year of data after the only starts: 60,000 and a year of 240,000 over the person-years lived."""
    contacts = roll_out(6, share=1.0, starts=dict.fromkeys(list(STARTS)[:4], roll_outs.LAST - 11))
    row = of_areas(contacts)["cost_effectiveness"].iloc[0]
    lived = contacts.person_years[np.isin(contacts.areas, list(STARTS)[:4]), -12:].sum()
    assert row.direct_cost_eur == pytest.approx(300_000 * 1.03**2 / lived * 1000)


def test_units_are_counted_by_the_year() -> None:
    contacts = roll_out(7, -0.2, share=1.0, equal=True)
    units = replace(contacts, person_years=np.ones_like(contacts.person_years))
    row = of_areas(units, rollout="unit")["cost_effectiveness"].iloc[0]
    assert row.cost_unit == "per unit-year"
    under = contacts.months >= contacts.starts[:, None]
    assert row.delta_effect == pytest.approx(12 * contacts.counts[under].mean() * np.expm1(0.2), rel=0.15)


def test_units_without_the_outcome_have_no_part_in_the_costs() -> None:
    """Euros are counted in one unit more, which has no contact of the outcome."""
    contacts = roll_out(7, -0.2, share=1.0, equal=True)
    contacts = replace(contacts, person_years=np.ones_like(contacts.person_years))
    fewer, whole = contacts.without(9), evidence(contacts, "counts")
    held = replace(whole, by_outcome={**whole.by_outcome, TEAM.primary_outcome.id: fewer})
    units = TEAM.model_copy(update={"rollout": "unit"})
    found = costs.tables(units, held, SETTINGS, record("did"), seed=1)["cost_effectiveness"].iloc[0]
    alone = of_areas(fewer, rollout="unit")["cost_effectiveness"].iloc[0]
    assert found.delta_effect == pytest.approx(alone.delta_effect)
    assert found.service_cost_eur == pytest.approx(alone.service_cost_eur)


def test_a_single_series_gives_costs_from_its_own_design() -> None:
    contacts = roll_out(8, -0.2, share=1.0, starts={"098": STARTS["111"]})
    row = of_areas(contacts, "its")["cost_effectiveness"].iloc[0]
    assert row.service_cost_eur == pytest.approx(-SETTINGS.marginal_cost_share * EUROS * row.delta_effect, rel=0.03)
    series = series_findings.one_series(contacts, 24)
    assert series is not None
    found = cost_draws.joint_series_draws([series, series], 2000, 1)
    effect = series_findings.interrupted(contacts, 24, 0, 1, record=True)
    assert found is not None
    assert found.draws[:, 0].std() * 3.92 == pytest.approx(effect.log.hi95 - effect.log.lo95, rel=0.1)
    assert np.corrcoef(found.draws.T)[0, 1] == pytest.approx(1)


def test_costs_of_participants_add_up() -> None:
    contacts = cohorts_made.cohort(9, -0.3, n=20_000)
    row = of_persons(contacts)
    rates = enrolled_effect(contacts, 1).rates
    assert row.cost_unit == "per participant-year"
    assert row.delta_effect == pytest.approx(-rates.difference)
    truth = contacts.events[contacts.enrolled].mean() * np.expm1(0.3)
    assert row.delta_effect_lo95 < truth < row.delta_effect_hi95
    assert row.delta_effect_lo95 > 0
    assert row.service_cost_eur == pytest.approx(-SETTINGS.marginal_cost_share * EUROS * row.delta_effect, rel=0.02)
    shared = (10_000 + 15_000) / contacts.asked + 310
    assert row.direct_cost_eur == pytest.approx(shared * 1.03**2)
    assert row.n_persons == contacts.enrolled.sum()


def test_other_services_widen_the_costs_of_participants() -> None:
    contacts = cohorts_made.cohort(11, -0.3, n=20_000)
    more = np.random.default_rng(1).poisson(8.0, len(contacts.events)).astype(float)
    alone, together = of_persons(contacts), of_persons(contacts, more)
    assert together.delta_effect_lo95 == pytest.approx(alone.delta_effect_lo95)
    assert together.delta_cost_hi95 - together.delta_cost_lo95 > 1.2 * (alone.delta_cost_hi95 - alone.delta_cost_lo95)
    assert together.delta_cost_lo95 < alone.delta_cost_eur < together.delta_cost_hi95


@pytest.mark.parametrize(
    ("design", "changes"),
    [
        ("before_after", {}),
        ("cohort", {}),
        ("did", {"cost": None}),
        ("did", {"measure": {"kind": "cost"}}),
        ("did", {"measure": {"kind": "wait_days"}}),
    ],
)
def test_what_has_no_cost_effectiveness(design: str, changes: dict[str, object]) -> None:
    if "measure" in changes:
        primary = TEAM.primary_outcome
        outcome = type(primary).model_validate({**primary.model_dump(), "measure": changes["measure"]})
        changes = {"primary_outcome": outcome}
    found = of_areas(roll_out(11, share=1.0), design, **changes)
    assert {name: list(frame.columns) for name, frame in found.items()} == {
        name: list(RESULT_TABLES[name].names) for name in costs.TABLES
    }
    assert all(frame.empty for frame in found.values())


def test_a_refused_effect_has_no_costs() -> None:
    found = evidence(roll_out(11, share=1.0), "counts")
    assert costs.tables(TEAM, found, SETTINGS, refused("short", "did"), 1)["cost_effectiveness"].empty


def test_too_few_assignments_or_months_give_no_draws() -> None:
    """One of ten areas: ten assignments cannot tell 5 %; three months after the start are no series."""
    single = roll_out(12, share=1.0, starts={"098": STARTS["111"]})
    assert cost_draws.joint_area_draws([single, single], 400, 1) is None
    late = roll_out(12, share=1.0, starts={"098": roll_outs.LAST - 2})
    series = series_findings.one_series(late, 24)
    assert series is not None
    assert cost_draws.joint_series_draws([series], 100, 1) is None
    assert of_areas(single)["cost_effectiveness"].empty
