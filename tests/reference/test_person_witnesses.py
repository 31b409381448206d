"""Effects on persons against published studies, other libraries and hand-worked tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.duration.survfunc import SurvfuncRight

from ennakointi.causal import sensitivity, survival, weighting
from ennakointi.causal.enrolled import enrolled
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.person_tables import person_table

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)
BOOK = ["sex", "race", "age", "age^2", "C(education)", "smokeintensity", "smokeintensity^2", "smokeyrs", "smokeyrs^2"]
BOOK += ["C(exercise)", "C(active)", "wt71", "wt71^2"]


def quitters() -> pd.DataFrame:
    """Smokers of NHEFS; the book's months to death from 1983 to 1992."""
    rows = pd.read_csv(DATA / "nhefs_complete.csv")
    months = np.where(rows["death"] == 0, 120, (rows["yrdth"] - 83) * 12 + rows["modth"])
    return rows.assign(months=months)


@needs_data
def test_nhefs_inverse_probability_weighting() -> None:
    """Quitting smoking and weight gain, Hernán & Robins, What If, chapter 12: 3.44 kg (2.41–4.47)."""
    found = enrolled(quitters(), outcome="wt82_71", treatment="qsmk", covariates=BOOK, estimand="ate", estimator="ipw")
    assert found.n == 1566
    assert tuple(round(value, 2) for value in found.effect) == (3.44, 2.41, 4.47)


@needs_data
def test_nhefs_other_estimators() -> None:
    """Chapter 13: standardised 3.5 (2.6–4.5 by bootstrap). Crude, chapter 12: 2.54 (1.58–3.50). Here each arm
    has an outcome model of its own, fitted in other persons, which moves the estimate by a fifth of its error."""
    found = enrolled(quitters(), outcome="wt82_71", treatment="qsmk", covariates=BOOK, estimand="ate")
    rows = found.parts["beside"].set_index("estimator")
    assert rows.loc["crude", ["estimate", "lo95", "hi95"]].tolist() == pytest.approx([2.54, 1.58, 3.50], abs=0.01)
    assert rows.loc["regression", ["estimate", "lo95", "hi95"]].tolist() == pytest.approx([3.5, 2.6, 4.5], abs=0.13)
    assert found.effect.estimate == pytest.approx(3.45, abs=0.1)
    assert all(check.passed for check in found.checks)


@needs_data
def test_nhefs_doubly_robust() -> None:
    """With the book's outcome model (chapter 13: quitting, and quitting by intensity) the estimate lies between
    weighting (3.44) and standardisation (3.5)."""
    table = person_table(quitters(), "wt82_71", "qsmk", BOOK, None, None, None, None)
    x = weighting.standardised(table.x)
    weights = weighting.inverse_probability(weighting.propensity(x, table.treated), table.treated, "ate")
    everybody = np.ones(len(table))
    smoked = table.x[:, table.names.index("smokeintensity")]
    by_arm = [np.column_stack([x, np.full(len(x), arm), smoked * arm]) for arm in (0.0, 1.0)]
    actual = np.where(table.treated[:, None], by_arm[1], by_arm[0])
    model = weighting.fitted(actual, table.outcome, everybody, "linear")
    predicted = np.column_stack([model[0] + one @ model[1:] for one in by_arm])
    found = weighting.doubly_robust_rates(everybody, weights, table.outcome, everybody, predicted)
    assert found.difference == pytest.approx(3.45, abs=0.06)


@needs_data
def test_nhefs_survival() -> None:
    """Chapter 17: survival at 120 months 80.7 % under quitting and 80.5 % without, difference 0.2 % (−4.1 to 3.7 %) on
    all 1,629 smokers; 1,566 of them are here."""
    found = enrolled(
        quitters(),
        outcome="months",
        event="death",
        treatment="qsmk",
        covariates=BOOK,
        estimand="ate",
        horizon=120,
        estimator="ipw",
    )
    row = found.parts["beside"].set_index("estimator").loc["ipw"]
    assert row["estimate"] == pytest.approx(-0.002, abs=0.012)
    assert (row["hi95"] - row["lo95"]) / 2 == pytest.approx(0.039, abs=0.009)


@pytest.mark.parametrize("family", ["linear", "logistic", "poisson"])
def test_generalised_linear_model_of_statsmodels(family: str) -> None:
    rng = np.random.default_rng(1)
    x, weight = rng.normal(size=(400, 3)), rng.uniform(0.5, 2, 400)
    score = 0.3 + x @ [0.5, -0.4, 0.2]
    y = {
        "linear": score + rng.normal(size=400),
        "logistic": (rng.random(400) < 1 / (1 + np.exp(-score))).astype(float),
        "poisson": rng.poisson(np.exp(score)).astype(float),
    }[family]
    kind = {"linear": sm.families.Gaussian(), "logistic": sm.families.Binomial(), "poisson": sm.families.Poisson()}
    theirs = sm.GLM(y, sm.add_constant(x), family=kind[family], var_weights=weight).fit(tol=1e-12)
    assert weighting.fitted(x, y, weight, family) == pytest.approx(theirs.params, abs=1e-6)


def test_standardised_rates_and_error_of_statsmodels() -> None:
    """Each arm's own logistic model; the error of the difference by the delta method with robust covariances."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2000, 2))
    treated = rng.random(2000) < 1 / (1 + np.exp(-x[:, 0]))
    y = (rng.random(2000) < 1 / (1 + np.exp(-0.5 * treated - x @ [0.7, 0.3]))).astype(float)
    found = weighting.standardised_rates(np.ones(2000), x, y, np.ones(2000), treated, "logistic")
    design, means, variance, predicted = sm.add_constant(x), [], 0.0, []
    for arm in (~treated, treated):
        model = sm.GLM(y[arm], design[arm], family=sm.families.Binomial()).fit(cov_type="HC0")
        mean = model.predict(design)
        gradient = (mean * (1 - mean)) @ design / 2000
        variance += gradient @ model.cov_params() @ gradient
        means.append(mean.mean())
        predicted.append(mean)
    variance += np.var(predicted[1] - predicted[0]) / 2000
    assert found.difference == pytest.approx(means[1] - means[0], abs=1e-7)
    assert weighting.clustered(found.influence, np.arange(2000)) == pytest.approx(np.sqrt(variance), rel=0.02)


def test_weighted_kaplan_meier_of_statsmodels() -> None:
    """Whole days with ties; curve with frequency weights, Greenwood's error without."""
    rng = np.random.default_rng(3)
    time, event = rng.integers(1, 60, 300).astype(float), rng.random(300) < 0.5
    weight = rng.integers(1, 5, 300)
    theirs = SurvfuncRight(time, event.astype(int), freq_weights=weight)
    ours = survival.kaplan_meier(time, event, weight.astype(float), 60.0)
    kept = np.isin(theirs.surv_times, ours.time)
    assert ours.survival == pytest.approx(theirs.surv_prob[kept])
    plain = SurvfuncRight(time, event.astype(int))
    until = survival.kaplan_meier(time, event, np.ones(300), 40.0)
    last = np.searchsorted(plain.surv_times, 40.0, side="right") - 1
    assert np.sqrt((until.risk_influence**2).sum()) == pytest.approx(plain.surv_prob_se[last])


def test_e_value_of_the_published_example() -> None:
    """VanderWeele & Ding 2017: a risk ratio of 3.9 has the E-value 7.26 (interval 1.8–8.7: 3.0); a protective ratio
    the same."""
    assert sensitivity.e_value(3.9) == pytest.approx(7.26, abs=0.005)
    assert sensitivity.e_value(1 / 3.9) == pytest.approx(7.26, abs=0.005)
    assert sensitivity.e_value(1.0) == 1.0
    found = sensitivity.e_values(Numbers(*np.log([3.9, 1.8, 8.7])))
    assert found == pytest.approx((7.26, 3.0), abs=0.005)
    assert sensitivity.e_values(Numbers(0.1, -0.1, 0.3)).nearer == 1.0


def test_e_value_of_a_difference_of_means() -> None:
    """VanderWeele & Ding 2017, table 2: ratio exp(0.91 d), interval exp(0.91 d ± 1.78 s); for d = 0.5 (0.25 to 0.75) by
    hand 1.576 → E 2.53, lower end 1.255 → E 1.82."""
    found = sensitivity.e_values(sensitivity.log_ratio_of_difference(Numbers(1.0, 0.5, 1.5), 2.0))
    assert found == pytest.approx((2.53, 1.82), abs=0.006)


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
