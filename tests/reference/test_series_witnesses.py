"""Single series against published results."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from ennakointi.causal.bsts import bsts
from ennakointi.causal.its import its

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)


@needs_data
def test_example_of_causal_impact() -> None:
    """R's CausalImpact on its comparison series, 61 periods before the start and 30 after: 27 [18, 36]."""
    rows = pd.read_csv(DATA / "ci_google_data.csv")
    found = bsts(rows, outcome="y", time="date", start="2020-03-02", predictors=["x1", "x2"])
    assert [round(one) for one in found.effect] == [27, 18, 36]
    assert found.p_value < 0.01
    widths = found.parts["prior_sensitivity"].eval("hi95 - lo95")
    assert widths.is_monotonic_increasing


@needs_data
def test_proposition_99_as_a_single_series() -> None:
    """Packs a person in California: the plain change of level and slope is that of least squares, and the series is
    too alike from year to year for it to be believed."""
    rows = pd.read_csv(DATA / "california_prop99.csv")
    california = rows[rows["State"] == "California"]
    found = its(california, outcome="PacksPerCapita", time="Year", start=1989)
    t = np.arange(len(california))
    since = np.maximum(t - 18, 0)
    columns = np.column_stack([np.ones(len(t)), t, since > 0, since])
    fitted = sm.OLS(california["PacksPerCapita"].to_numpy(), columns).fit()
    models = found.parts["models"].set_index(["model", "term"])["estimate"]
    assert models["independent", "step_beside_slope"] == pytest.approx(fitted.params[2], rel=1e-6)
    assert models["independent", "slope_beside_step"] == pytest.approx(fitted.params[3], rel=1e-6)
    assert found.settings["autocorrelation"] > 0.8
    assert found.effect.lo95 < found.effect.estimate < 0 < found.effect.hi95
