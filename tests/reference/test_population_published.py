"""Standardisation against published tables and other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.rates import confint_poisson

from ennakointi.panel import population

# Down's syndrome by birth order (columns) and maternal age (rows: under 20, 20–24, …, 40 and over):
# Fleiss 1981, Statistical Methods for Rates and Proportions, p. 249; the example of Fay & Feuer 1997.
BIRTHS = np.array(
    [
        [230061, 72202, 15050, 2293, 327],
        [329449, 326701, 175702, 68800, 30666],
        [114920, 208667, 207081, 132424, 123419],
        [39487, 83228, 117300, 98301, 149919],
        [14208, 28466, 45026, 46075, 104088],
        [3052, 5375, 8660, 9834, 34392],
    ]
)
CASES = np.array(
    [
        [107, 25, 3, 1, 0],
        [141, 150, 71, 26, 8],
        [60, 110, 114, 64, 63],
        [40, 84, 103, 89, 112],
        [39, 82, 108, 137, 262],
        [25, 39, 75, 96, 295],
    ]
)
# Crude and adjusted rate and 95 % limits of R's epitools (ageadjust.direct), as printed by tidyrates 0.0.1
PRINTED = [
    ("0.000563", "0.000923", "0.000804", "0.00106"),
    ("0.000676", "0.000912", "0.000824", "0.00101"),
    ("0.000833", "0.000851", "0.000772", "0.000942"),
    ("0.00115", "0.000927", "0.000800", "0.00115"),
    ("0.00167", "0.000755", "0.000677", "0.00188"),
]


@pytest.mark.parametrize("order", range(5))
def test_direct_rates_and_gamma_limits_are_those_of_epitools(order: int) -> None:
    found = population.direct(CASES[:, order], BIRTHS[:, order], BIRTHS.mean(axis=1))
    printed = [float(text) for text in PRINTED[order]]
    three_digits = [float(f"{value:.3g}") for value in (found.crude, found.rate, found.lo, found.hi)]
    assert three_digits == printed


def test_one_stratum_gives_the_exact_poisson_interval() -> None:
    found = population.direct([10], [1000.0], [1.0])
    low, high = confint_poisson(10, 1000.0, method="exact-c", alpha=0.05)
    assert (found.lo, found.hi) == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize(("events", "low", "high"), [(0, 0.0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39)])
def test_indirect_limits_are_those_of_garwoods_table(events: int, low: float, high: float) -> None:
    found = population.indirect(events, [0.5], [2.0])  # one expected event
    assert (found.expected, found.ratio) == (1.0, events)
    assert found.lo == pytest.approx(low, abs=5e-4)
    assert found.hi == pytest.approx(high, abs=5e-3)


def test_indirect_limits_are_those_of_statsmodels() -> None:
    found = population.indirect(37, [0.01, 0.02, 0.05], [500.0, 800.0, 200.0], level=0.8)
    low, high = confint_poisson(37, found.expected, method="exact-c", alpha=0.2)
    assert (found.expected, found.ratio) == (31.0, 37 / 31)
    assert (found.lo, found.hi) == pytest.approx((low, high), rel=1e-12)
