"""Honest bounds against the tables printed for R's and Stata's HonestDiD."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest
import pytest

from ennakointi.causal import honest

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)

# Benzarti & Carloni 2019: profits of restaurants after a cut of value-added tax, event study of four years before and
# four after 2008, as printed in the example of Rambachan & Roth.
PROFITS = [0.006696352, 0.029345034, -0.006472972, 0.073014989, 0.195961118, 0.312063903, 0.239541546, 0.126042500]
UPPER = """
8.428358e-04 4.768687e-04 2.618051e-04 2.354220e-04 1.676371e-04 1.128708e-04 1.992816e-05 -1.368265e-04
6.425420e-04 3.987425e-04 2.435515e-04 2.201960e-04 1.804591e-04 3.843765e-05 -2.960422e-05
5.229950e-04 2.117686e-04 1.840722e-04 1.458528e-04 7.005197e-05 5.952995e-05
3.089595e-04 1.197866e-04 1.334081e-04 1.016335e-04 1.079052e-04
3.599704e-04 2.478819e-04 1.749579e-04 1.654257e-04
4.263950e-04 2.171438e-04 2.892748e-04
4.886698e-04 3.805322e-04
7.617394e-04
"""


def profits_covariance() -> np.ndarray:
    sigma = np.zeros((8, 8))
    sigma[np.triu_indices(8)] = np.array(UPPER.split(), float)
    return np.triu(sigma) + np.triu(sigma, 1).T


@cache
def medicaid() -> tuple[np.ndarray, np.ndarray]:
    """Health insurance by state and year, expansion of 2014 against none before 2016, clustered by state."""
    rows = pd.read_csv(DATA / "ehec.csv").query("year < 2016 and yexp2 != 2015")
    rows = rows.assign(expanded=(rows["yexp2"] == 2014).astype(int))
    formula = "dins ~ i(year, expanded, ref=2013) | stfips + year"
    fit = pyfixest.feols(formula, rows, vcov={"CRV1": "stfips"})
    return fit.coef().to_numpy(), fit._vcov


def bounds(found: pd.DataFrame, restriction: str) -> np.ndarray:
    return found.loc[found["restriction"] == restriction, ["lo95", "hi95"]].to_numpy()


@needs_data
def test_medicaid_smoothness() -> None:
    """README of R's HonestDiD (its folded-normal quantiles are simulated: the fourth decimal may differ by one)."""
    found = bounds(honest.sensitivity(*medicaid(), 5, 2, ms=np.arange(6) / 100, m_bars=[]), "smoothness")
    printed = [
        (0.0259, 0.0607),
        (0.0132, 0.0787),
        (0.00286, 0.0907),
        (-0.00714, 0.101),
        (-0.0171, 0.111),
        (-0.0271, 0.121),
    ]
    assert found == pytest.approx(np.array(printed), abs=3e-4)
    assert found[1] == pytest.approx([0.0132, 0.0787], abs=5e-5)


def grid_step(sigma: np.ndarray, post: int, weight: list[float]) -> float:
    """R's intervals end on a grid of 1,000 points over ±20 standard errors of the effect."""
    part = sigma[-post:, -post:]
    return float(40 * np.sqrt(weight @ part @ np.array(weight)) / 999)


@needs_data
def test_medicaid_relative_magnitudes() -> None:
    betahat, sigma = medicaid()
    found = bounds(honest.sensitivity(betahat, sigma, 5, 2, ms=[]), "relative_magnitude")
    printed = np.array([(0.0240, 0.0672), (0.0170, 0.0720), (0.00824, 0.0797), (-0.000916, 0.0881)])
    assert np.abs(found - printed).max() < grid_step(sigma, 2, [1, 0]) + 5e-5


@needs_data
def test_medicaid_relative_magnitudes_of_the_average() -> None:
    """README of Stata's honestdid, three decimals; its grid is that of R."""
    betahat, sigma = medicaid()
    ratios = [0, 0.5, 1, 1.5, 2]
    found = bounds(honest.sensitivity(betahat, sigma, 5, 2, l="average", m_bars=ratios, ms=[]), "relative_magnitude")
    printed = np.array([(0.041, 0.075), (0.033, 0.080), (0.020, 0.090), (0.006, 0.103), (-0.008, 0.117)])
    assert np.abs(found - printed).max() < grid_step(sigma, 2, [0.5, 0.5]) + 7e-4


@needs_data
def test_medicaid_breakdown() -> None:
    """The README: about 2 for relative magnitudes, and between .02 and .03 for smoothness."""
    assert honest.breakdown(*medicaid(), 5, 2) == pytest.approx(2, abs=0.1)
    assert 0.02 < honest.breakdown(*medicaid(), 5, 2, restriction="smoothness") < 0.03


def test_profits_in_r() -> None:
    """Effect of the first year; R's grid ends at .379, so its last two upper bounds are cut off."""
    sigma, bends = profits_covariance(), [0.0225, 0.0449, 0.0674, 0.0899, 0.1348, 0.1797]
    found = honest.sensitivity(PROFITS, sigma, 4, 4, m_bars=np.arange(10) * 2 / 9, ms=[0, *bends])
    printed = [(0.131, 0.216), (0.184, 0.328), (0.175, 0.363), (0.152, 0.386), (0.130, 0.408), (0.0847, 0.453)]
    assert bounds(found, "smoothness")[:-1] == pytest.approx(np.array(printed), abs=1.5e-3)
    assert bounds(found, "smoothness")[-1] == pytest.approx([0.0397, 0.498], abs=3e-4)
    low = [0.159, 0.143, 0.123, 0.101, 0.0786, 0.0551, 0.0308, 0.00722, -0.0171, -0.0414]
    high = [0.233, 0.248, 0.267, 0.288, 0.309, 0.330, 0.352, 0.376]
    allowed = grid_step(sigma, 4, [1, 0, 0, 0]) + 5e-4
    relative = bounds(found, "relative_magnitude")
    assert np.abs(relative[:, 0] - low).max() < allowed
    assert np.abs(relative[:8, 1] - high).max() < allowed


def test_profits_of_the_third_year_in_r() -> None:
    """Here R's grid has 100 points over ±1: its bounds lie inside ours by less than a step."""
    found = honest.sensitivity(
        PROFITS, profits_covariance(), 4, 4, l=[0, 0, 1, 0], m_bars=[0, 0.5, 1, 1.5, 2], ms=[0.1]
    )
    relative = bounds(found, "relative_magnitude")
    printed = np.array([(0.212, 0.273), (0.0707, 0.414), (-0.0909, 0.576), (-0.253, 0.737), (-0.434, 0.919)])
    inside = (printed - relative) * [1, -1]
    assert (inside > -5e-4).all()
    assert (inside < 2 / 99 + 5e-4).all()
    assert bounds(found, "smoothness")[0] == pytest.approx([-0.244, 1.16], abs=2e-3)
