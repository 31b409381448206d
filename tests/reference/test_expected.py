"""Standardisation by hand, working days by the calendar, the season's regression against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from ennakointi.debt import expected
from ennakointi.periods import month_index

MONTHS = np.arange(month_index(2017, 1), month_index(2020, 1))


def test_standardise_by_hand() -> None:
    # two strata over one baseline month: 10 in 100 and 30 in 100 person-years; then 50 and 150 person-years
    counts = np.array([[10.0, 3.0], [30.0, 60.0]])
    person_years = np.array([[100.0, 50.0], [100.0, 150.0]])
    found = expected.standardise(counts, person_years, np.array([True, False]))
    assert found.rates == pytest.approx([0.1, 0.3])
    assert found.expected == pytest.approx([40.0, 50.0])
    assert found.index == pytest.approx([1.0, 63 / 50])


def test_a_stratum_without_baseline_gets_the_crude_rate() -> None:
    counts, person_years = np.array([[10.0, 5.0], [0.0, 1.0]]), np.array([[100.0, 100.0], [0.0, 20.0]])
    found = expected.standardise(counts, person_years, np.array([True, False]))
    assert found.expected[1] == pytest.approx(0.1 * 120)


def test_standardised_expectation_sums_to_the_observed_over_the_baseline() -> None:
    rng = np.random.default_rng(2)
    counts, person_years = rng.poisson(20, (6, 40)).astype(float), rng.uniform(5, 50, (6, 40))
    baseline = np.arange(40) < 36
    found = expected.standardise(counts, person_years, baseline)
    assert found.expected[baseline].sum() == pytest.approx(counts[:, baseline].sum())


@pytest.mark.parametrize(
    ("year", "month", "working", "days"),
    [(2020, 12, 21, 31), (2019, 7, 23, 31), (2019, 4, 20, 30), (2019, 6, 19, 30), (2024, 2, 21, 29)],
)
def test_working_days_of_finland(year: int, month: int, working: int, days: int) -> None:
    ratio = expected.working_day_ratio(np.array([month_index(year, month)]))
    assert ratio[0] * days * 251 / 365.25 == pytest.approx(working)


def test_penalised_regression_without_penalty_equals_statsmodels() -> None:
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(36), rng.normal(size=(36, 3))])
    offset = rng.uniform(50, 200, 36)
    counts = rng.poisson(offset * np.exp(design @ [0.1, 0.2, -0.1, 0.05]) * rng.gamma(20, 1 / 20, 36))
    peer = sm.GLM(counts, design, family=sm.families.Poisson(), exposure=offset).fit(scale="X2")
    ours, dispersion = expected.penalised_poisson(counts.astype(float), offset, design, np.zeros(4), np.zeros(4))
    assert ours == pytest.approx(peer.params, abs=1e-6)
    assert dispersion == pytest.approx(peer.scale, rel=1e-5)


def test_season_finds_a_planted_july_and_working_days() -> None:
    rng = np.random.default_rng(4)
    ratio = expected.working_day_ratio(MONTHS)
    counts = rng.poisson(20_000 * np.exp(-0.3 * (MONTHS % 12 == 6)) * ratio).astype(float)
    found = expected.season(counts, np.full(36, 20_000.0), MONTHS)
    others = np.delete(found.month_effects, 6).mean()
    assert found.month_effects[6] - others == pytest.approx(-0.3, abs=0.03)
    assert found.working_day_elasticity == pytest.approx(1.0, abs=0.15)


def test_season_of_a_small_service_is_shrunk() -> None:
    counts = np.random.default_rng(5).poisson(4, 36).astype(float)
    small = expected.season(counts, np.full(36, 4.0), MONTHS)
    monthly = np.array([counts[m == MONTHS % 12].mean() for m in range(12)])
    assert np.std(small.month_effects) < 0.7 * np.std(np.log(np.maximum(monthly, 0.5)))


@pytest.mark.parametrize("counts", [np.zeros(36), np.ones(36)])
def test_season_refuses_what_has_no_level(counts: np.ndarray) -> None:
    with pytest.raises(ValueError, match="season"):
        expected.season(counts, np.ones(36) * (counts.sum() == 0), MONTHS)
