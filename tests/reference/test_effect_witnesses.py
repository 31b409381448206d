"""Effects against published studies and hand-worked tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from ennakointi.causal import difference, randomisation, sensitivity
from ennakointi.causal.areas import NEVER
from ennakointi.causal.difference import Noise
from ennakointi.effectiveness import enrolled

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)


@needs_data
def test_mpdta_simple_aggregate_of_callaway_and_santanna() -> None:
    """County teen employment, unconditional, never-treated comparison: R's `did` gives −0.039951."""
    rows = pd.read_csv(DATA / "mpdta.csv")
    log_employment = rows.pivot_table(index="countyreal", columns="year", values="lemp")
    first = rows.groupby("countyreal")["first.treat"].first().reindex(log_employment.index).to_numpy()
    starts = np.where(first == 0, NEVER, first).astype(np.int64)
    cells = difference.group_time_cells(starts, 2003, 2007, step=1, base=1)
    values = log_employment.to_numpy()
    change = values[:, cells.first - 2003] - values[:, cells.base_last - 2003]
    weights, usable = difference.coefficients(starts[None], cells, np.ones(change.shape), "never")
    assert usable.all()
    assert (weights[0] * change).sum() == pytest.approx(-0.039951, abs=5e-7)


TERMS = (
    "sex + race + age + I(age**2) + C(education) + smokeintensity + I(smokeintensity**2) + smokeyrs "
    "+ I(smokeyrs**2) + C(exercise) + C(active) + wt71 + I(wt71**2)"
)


def quitters() -> tuple[pd.DataFrame, np.ndarray]:
    """Smokers of NHEFS and their inverse probability weights, without and with quitting (n, 2)."""
    rows = pd.read_csv(DATA / "nhefs_complete.csv").dropna(subset=["wt82_71"])
    propensity = smf.logit(f"qsmk ~ {TERMS}", rows).fit(disp=0).predict(rows).to_numpy()
    quit_smoking = rows["qsmk"].to_numpy() == 1
    weights = (np.where(quit_smoking, 0, 1 / (1 - propensity)), np.where(quit_smoking, 1 / propensity, 0))
    return rows, np.column_stack(weights)


@needs_data
def test_nhefs_inverse_probability_weighting() -> None:
    """Quitting smoking and weight gain, Hernán & Robins, What If, chapter 12: 3.44 kg (2.41–4.47)."""
    rows, weights = quitters()
    everybody, gain = np.ones(len(rows)), rows["wt82_71"].to_numpy()
    found = enrolled.doubly_robust_rates(everybody, weights, gain, everybody, np.zeros((len(rows), 2)))
    error = enrolled.clustered(found.influence1 - found.influence0, np.arange(len(rows)))
    effect = found.rate1 - found.rate0
    assert effect == pytest.approx(3.44, abs=0.005)
    assert effect - 1.96 * error == pytest.approx(2.41, abs=0.02)
    assert effect + 1.96 * error == pytest.approx(4.47, abs=0.02)


@needs_data
def test_nhefs_doubly_robust() -> None:
    """With the book's outcome model added (chapter 13: standardised 3.5) the estimate stays within its
    neighbours."""
    rows, weights = quitters()
    everybody, gain = np.ones(len(rows)), rows["wt82_71"].to_numpy()
    outcome = smf.ols(f"wt82_71 ~ qsmk + qsmk:smokeintensity + {TERMS}", rows).fit()
    predicted = np.column_stack([outcome.predict(rows.assign(qsmk=arm)).to_numpy() for arm in (0, 1)])
    found = enrolled.doubly_robust_rates(everybody, weights, gain, everybody, predicted)
    assert found.rate1 - found.rate0 == pytest.approx(3.45, abs=0.06)


def test_e_value_of_the_published_example() -> None:
    """VanderWeele & Ding 2017: a risk ratio of 3.9 has the E-value 7.26; a protective ratio the same."""
    assert sensitivity.e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert sensitivity.e_value(1 / 3.9) == pytest.approx(7.26, abs=0.005)
    assert sensitivity.e_value(1.0) == 1.0


@pytest.mark.parametrize(("mean", "fall"), [(1.0, 0.40), (1.25, 0.3386)])
def test_regression_to_the_mean_of_gamma_poisson_counts(mean: float, fall: float) -> None:
    """By hand: with gamma shape 1 counts are geometric, so those with at least 4 had 4 + mean on average, and
    the next year's mean given x is (1 + x)·mean/(1 + mean)."""
    selected = 4 + mean
    exact = (1 + selected) * mean / (1 + mean) / selected - 1
    correlation = mean / (mean + 1)
    found = sensitivity.expected_change_of_selected(correlation, selected, mean)
    assert found == pytest.approx(exact)
    assert found == pytest.approx(-fall, abs=5e-4)


def test_two_by_two_by_hand() -> None:
    """Treated area 100 → 60 events, comparison 200 → 160, same person-time: 0.6 / 0.8 = 0.75."""
    counts = np.array([[100.0, 60.0], [200.0, 160.0]]) * 1e6  # the half event added to each is negligible
    starts = np.array([1, NEVER])
    cells = difference.group_time_cells(starts, 0, 1, step=1, base=1)
    change = difference.log_change(counts, np.ones((2, 2)), np.arange(2), cells)
    weights, _ = difference.coefficients(starts[None], cells, np.ones((2, 1)))
    assert np.exp((weights[0] * change).sum()) == pytest.approx(0.75)


def test_permutation_distribution_by_hand() -> None:
    """Four areas, one treated, changes −0.3, 0.1, 0.0 and −0.1. The effect is −0.3 − 0; were another
    treated it would be 0.1 − (−0.4/3), 0.0 − (−0.3/3) or −0.1 − (−0.2/3). Errors are equal and |−0.3| the
    largest: p = 1/4."""
    starts = np.array([1, NEVER, NEVER, NEVER])
    cells = difference.group_time_cells(starts, 0, 1, step=1, base=1)
    rows, exact = randomisation.assignments(starts, np.ones(4, bool), 100, 0)
    against = randomisation.reference(rows, cells, np.ones((4, 1)), np.ones((4, 2)), 0, Noise(1.0, 0.0))
    change = np.array([-0.3, 0.1, 0.0, -0.1])[None, :, None]
    effects = randomisation.statistics(against, change)[:, 0] * against.standard_error
    assert exact
    assert effects[0] == pytest.approx(-0.3)
    assert sorted(effects[1:]) == pytest.approx([-0.1 + 0.2 / 3, 0.1, 0.1 + 0.4 / 3])
    assert randomisation.p_values(randomisation.statistics(against, change)) == pytest.approx([0.25])
    assert against.smallest_p == 0.25
