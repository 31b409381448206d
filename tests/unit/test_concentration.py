"""Concentration of use and cost: hand-worked shares, the Lorenz curve and the Gini coefficient."""

from __future__ import annotations

import numpy as np
import pytest
import segment_frames

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import concentration


@pytest.mark.parametrize(
    ("values", "gini"), [([0, 0, 0, 1], 3 / 4), ([1, 2, 3, 4, 5], 4 / 15), ([7, 7, 7], 0), ([3], 0), ([1, 3], 1 / 4)]
)
def test_gini_by_hand(values, gini):
    assert concentration.gini(values) == pytest.approx(gini)


def test_gini_is_one_less_twice_the_area_under_the_lorenz_curve():
    values = np.random.default_rng(1).pareto(1.5, 500)
    assert concentration.gini(values) == pytest.approx(1 - 2 * np.trapezoid(*concentration.lorenz(values)[::-1]))


def test_gini_of_an_exponential_is_a_half():
    """Gini of the exponential distribution = 1/2 exactly (its Lorenz curve is p + (1 - p) ln(1 - p))."""
    quantiles = -np.log1p(-(np.arange(100_000) + 0.5) / 100_000)
    assert concentration.gini(quantiles) == pytest.approx(0.5, abs=1e-4)
    assert concentration.top_share(quantiles, 0.1) == pytest.approx(0.1 * (1 - np.log(0.1)), abs=1e-4)


def test_shares_of_those_with_the_most_by_hand():
    values = [50, 20, 10, 8, 5, 3, 2, 1, 1, 0]
    assert concentration.top_share(values, 0.1) == pytest.approx(0.5)
    assert concentration.top_share(values, 0.2) == pytest.approx(0.7)
    assert concentration.top_share(values, 0.5) == pytest.approx(0.93)
    assert concentration.top_share(values, 0.05) == pytest.approx(0.25)  # half of the person with the most
    persons, whole = concentration.lorenz(values)
    assert persons[[0, -1]].tolist() == whole[[0, -1]].tolist() == [0, 1]


def test_nothing_to_share_has_no_concentration():
    assert np.isnan(concentration.gini([0, 0]))
    assert np.isnan(concentration.top_share([0, 0], 0.1))


def test_the_table_tells_who_is_behind_each_row():
    frame = segment_frames.made(500, 4)
    n = int((frame["state"] == "resident").sum())
    told = concentration.table(frame)
    assert tuple(told.columns) == RESULT_TABLES["concentration"].names
    cost = told[told["measure"] == "cost_eur"].set_index("top_share")
    assert cost.loc["10", "n_persons"] == np.ceil(n / 10)
    assert cost.loc["gini", "n_persons"] == n
    assert cost.drop("gini")["share"].is_monotonic_increasing
    assert set(concentration.table(frame.assign(cost_eur_12m=np.nan))["measure"]) == {"contacts"}
    assert concentration.table(frame[:0]).empty
