"""Standardisation worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ennakointi.panel import population


def test_labels_name_the_bands_of_the_report() -> None:
    bounds = (0, 7, 18, 23, 30, 45, 60, 65, 75, 85)
    expected = ("0–6", "7–17", "18–22", "23–29", "30–44", "45–59", "60–64", "65–74", "75–84", "85+")
    assert population.age_band_labels(bounds) == expected
    assert population.age_band_labels((0, 1, 2)) == ("0", "1", "2+")


@pytest.mark.parametrize("bounds", [(1, 5), (0, 5, 5), (0, 9, 4)])
def test_bands_that_do_not_rise_from_zero_are_refused(bounds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rising lowest ages"):
        population.age_band_labels(bounds)


def test_a_direct_rate_worked_by_hand() -> None:
    # young 10 / 1,000, old 40 / 500; a standard with as many old as young: (0.01 + 0.08) / 2 = 0.045
    found = population.direct([10, 40], [1000, 500], [3, 3])
    assert found.rate == pytest.approx(0.045)
    assert found.crude == pytest.approx(50 / 1500)
    assert found.lo < 0.045 < found.hi


def test_expected_counts_worked_by_hand() -> None:
    # two strata × three months, rates 1 and 4 a year
    years = np.array([[10.0, 20.0, 0.0], [5.0, 0.0, 0.0]])
    assert population.expected([[1.0], [4.0]], years, axis=0).tolist() == [30.0, 20.0, 0.0]
    assert population.expected([[1.0], [4.0]], years) == 50.0


def test_a_rate_without_person_time_is_missing_and_matters_only_where_people_live() -> None:
    rates = population.stratum_rates([3, 0], [10.0, 0.0])
    assert rates[0] == 0.3
    assert np.isnan(rates[1])
    assert population.expected(rates, [10.0, 0.0]) == 3.0
    assert np.isnan(population.expected(rates, [10.0, 1.0]))


def test_no_events_have_a_lower_limit_of_zero_and_an_upper_above_it() -> None:
    found = population.direct([0, 0], [10.0, 20.0], [1, 2])
    assert (found.rate, found.lo) == (0.0, 0.0)
    assert found.hi > 0


def test_a_stratum_that_counts_needs_person_time() -> None:
    with pytest.raises(ValueError, match="no person-time"):
        population.direct([1, 0], [10.0, 0.0], [1, 1])
    assert population.direct([1, 0], [10.0, 0.0], [1, 0]).rate == 0.1


@pytest.mark.parametrize("events", [[1, -1], [1, np.nan], [1]])
def test_unusable_strata_are_refused(events: list[float]) -> None:
    with pytest.raises(ValueError, match=r"strata|stratum"):
        population.direct(events, [10.0, 10.0], [1, 1])


def test_nothing_expected_gives_no_ratio() -> None:
    assert np.isnan(population.indirect(2, [0.0], [5.0]).ratio)


@given(
    events=arrays(np.int64, 6, elements=st.integers(0, 500)),
    years=arrays(np.float64, 6, elements=st.floats(1, 1e5)),
)
def test_the_own_population_as_standard_gives_the_crude_rate(events: np.ndarray, years: np.ndarray) -> None:
    found = population.direct(events, years, years)
    assert found.rate == pytest.approx(found.crude, rel=1e-9, abs=1e-12)
    assert found.lo <= found.rate <= found.hi
    own = population.indirect(int(events.sum()), population.stratum_rates(events, years), years)
    assert own.expected == pytest.approx(events.sum(), rel=1e-9)
