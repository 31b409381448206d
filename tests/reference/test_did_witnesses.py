"""Difference-in-differences against published studies, hand-worked tables and pyfixest."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pyfixest
import pytest
from scipy.stats import norm

from ennakointi.causal import honest, randomised, two_way
from ennakointi.causal.areas import NEVER
from ennakointi.causal.did import did
from ennakointi.causal.unit_panels import UnitPanel, unit_panel

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)


@needs_data
def test_proposition_99() -> None:
    """California's tobacco control, 1989: −27.35 packs per head (Arkhangelsky et al. 2021, table 1). Only 39 states
    could have been California, so p is at best 1/39; cluster-robust errors would say p < 0.000000001."""
    rows = pd.read_csv(DATA / "california_prop99.csv", sep=None, engine="python")
    found = did(rows, outcome="PacksPerCapita", time="Year", unit="State", treatment="treated")
    assert found.effect.estimate == pytest.approx(-27.35, abs=0.005)
    assert found.p_value == pytest.approx(1 / 39)
    assert found.settings["assignments"] == 39
    assert found.effect.lo95 < -27.35 < found.effect.hi95 < 0
    assert found.parts["conventional"]["p_value"][0] < 1e-9
    assert {c.name: c.passed for c in found.checks}["few_clusters"] is False
    named = did(rows, outcome="PacksPerCapita", time="Year", unit="State", treated="California", start=1989)
    assert named.effect == found.effect


def medicaid() -> pd.DataFrame:
    """States that expanded in 2014 and those that had not by 2015, to 2015, as in the HonestDiD example."""
    rows = pd.read_csv(DATA / "ehec.csv")
    return rows[(rows["year"] < 2016) & (rows["yexp2"] != 2015)]


@needs_data
def test_medicaid_event_study_and_its_honest_bounds() -> None:
    """HonestDiD's example prints for 2014: 0.029 to 0.064; smoothness M = .01 (.0132, .0787) and M = 0 (.0259, .0607);
    relative magnitudes M̄ = 1 (.0170, .0720)."""
    found = did(medicaid(), outcome="dins", time="year", unit="stfips", cohort="yexp2")
    events = found.parts["event_study"].set_index("since_start")
    reach = norm.ppf(0.975) * events.loc[0, "standard_error"]
    assert events.loc[0, "estimate"] - reach == pytest.approx(0.029, abs=5e-4)
    assert events.loc[0, "estimate"] + reach == pytest.approx(0.064, abs=5e-4)
    assert list(events.index) == [-6, -5, -4, -3, -2, 0, 1]
    bounds = found.parts["honest"].set_index(["restriction", "m"])
    assert bounds.loc[("smoothness", 0.0), ["lo95", "hi95"]].tolist() == pytest.approx([0.0259, 0.0607], abs=2e-4)
    assert bounds.loc[("relative_magnitude", 1.0), ["lo95", "hi95"]].tolist() == pytest.approx([0.017, 0.072], abs=5e-4)
    _, fit = two_way.event_study(unit_panel(medicaid(), "dins", "year", "stfips", cohort="yexp2"))
    table = honest.sensitivity(fit.estimate, fit.covariance, 5, 2, ms=(0.01,), m_bars=())
    assert table[["lo95", "hi95"]].to_numpy()[0] == pytest.approx([0.0132, 0.0787], abs=2e-4)


@needs_data
def test_county_teen_employment() -> None:
    """mpdta by two-way fixed effects, clustered by county: −0.0365 (0.0133), from 191 counties of three cohorts."""
    rows = pd.read_csv(DATA / "mpdta.csv")
    found = did(rows, outcome="lemp", time="year", unit="countyreal", cohort="first.treat")
    assert found.effect.estimate == pytest.approx(-0.0365, abs=5e-5)
    assert found.parts["conventional"]["standard_error"][0] == pytest.approx(0.0133, abs=5e-5)
    assert {c.name: c.passed for c in found.checks}["staggered"] is False


def test_card_and_krueger_by_hand() -> None:
    """Full-time equivalents per fast-food restaurant before and after New Jersey's minimum wage rose, table 3 of 1994:
    New Jersey 20.44 → 21.03, Pennsylvania 23.33 → 21.17: 0.59 − (−2.16) = 2.76 before rounding of the means."""
    means = {(1, 0): 20.44, (1, 1): 21.03, (0, 0): 23.33, (0, 1): 21.17}
    rows = pd.DataFrame(
        [{"nj": nj, "wave": wave, "fte": mean + part} for (nj, wave), mean in means.items() for part in (-1, 0, 1)]
    )
    found = did(rows, outcome="fte", time="wave", treatment="nj", start=1)
    assert found.effect.estimate == pytest.approx(2.76, abs=0.011)
    assert found.relative.estimate == pytest.approx(2.75 / (21.03 - 2.75))
    cells = found.parts["cells"].set_index("group")["change"]
    assert cells["treated"] == pytest.approx(0.59)
    assert cells["comparison"] == pytest.approx(-2.16)
    assert {c.name: c.passed for c in found.checks} == {"few_clusters": False}


def made_panel(seed: int, *, counts: bool) -> tuple[pd.DataFrame, UnitPanel]:
    """An unbalanced panel of 60 units × 8 periods in 50 clusters with three starts and a covariate."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"unit": np.repeat(np.arange(60), 8), "time": np.tile(np.arange(2000, 2008), 60)})
    first = np.repeat(rng.choice([2003, 2005, 2006, 9999], 60, p=[0.2, 0.2, 0.1, 0.5]), 8)
    rows["d"] = (rows["time"] >= first).astype(float)
    rows["x"] = rng.normal(size=len(rows))
    rows["time_at_risk"] = rng.uniform(1, 3, len(rows))
    rows["cluster"] = rows["unit"] // 1.2
    level = 0.2 * rows["d"] + 0.1 * rows["x"] + 0.05 * (rows["time"] - 2000) + np.repeat(rng.normal(0, 0.3, 60), 8)
    rows["y"] = rng.poisson(rows["time_at_risk"] * np.exp(level)) if counts else level + rng.normal(size=len(rows))
    rows = rows[rng.random(len(rows)) < 0.9]
    panel = unit_panel(
        rows,
        "y",
        "time",
        "unit",
        treatment="d",
        covariates=["x"],
        cluster="cluster",
        offset="time_at_risk" if counts else None,
    )
    return rows, panel


@pytest.mark.parametrize("counts", [False, True])
def test_the_same_as_pyfixest(counts: bool) -> None:
    """An unbalanced panel with a covariate and clusters of several units: coefficient and cluster-robust error."""
    rows, panel = made_panel(1, counts=counts)
    found = two_way.effect(panel)
    if counts:
        logged = rows.assign(log_time=np.log(rows["time_at_risk"]))
        peer = pyfixest.fepois("y ~ d + x | unit + time", logged, vcov={"CRV1": "cluster"}, offset="log_time")
    else:
        peer = pyfixest.feols("y ~ d + x | unit + time", rows, vcov={"CRV1": "cluster"})
    assert found.estimate[0] == pytest.approx(peer.coef()["d"], rel=1e-6)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(peer.se()["d"], rel=1e-4)
    assert counts or found.p_value == pytest.approx(peer.pvalue()["d"], rel=1e-3)  # fepois refers to the normal
    assert found.of_covariates[0] == pytest.approx(peer.coef()["x"], rel=1e-6)


@pytest.mark.parametrize("counts", [False, True])
def test_repeated_cross_sections_are_the_same_as_pyfixest(counts: bool) -> None:
    """Robust errors of persons, and errors clustered in places that have effects of their own."""
    rows, _ = made_panel(2, counts=counts)
    rows["g"] = (rows["unit"] % 2).astype(float)
    rows["late"] = rows["g"] * (rows["time"] >= 2004)
    rows["logged"] = np.log(rows["time_at_risk"])
    fit = pyfixest.fepois if counts else pyfixest.feols
    options = {"offset": "logged"} if counts else {}
    given = {"offset": "time_at_risk"} if counts else {}
    for treatment, start, cluster, effects, errors in (
        ("g", 2004, None, "g", "hetero"),
        ("g", 2004, "unit", "g", {"CRV1": "unit"}),
        ("late", None, "unit", "unit", {"CRV1": "unit"}),
    ):
        found = did(
            rows, outcome="y", time="time", treatment=treatment, start=start, cluster=cluster, covariates=["x"], **given
        )
        peer = fit(f"y ~ late + x | {effects} + time", rows, vcov=errors, **options)
        log_scale = found.settings["log_rate_ratio"]
        assert (log_scale if counts else found.effect.estimate) == pytest.approx(peer.coef()["late"], rel=1e-6)
        if not counts:
            reach = found.effect.hi95 - found.effect.estimate
            assert reach == pytest.approx(peer.confint().loc["late", "97.5%"] - peer.coef()["late"], rel=2e-3)


def test_permutations_of_four_units_by_hand() -> None:
    """One of four treated, changes −0.3, 0.1, 0.0 and −0.1: the effect is −0.3; were another treated it would be
    0.1 + 0.4/3, 0.1 and −0.1 + 0.2/3. |−0.3| is the largest of four: p = 1/4, and 5 % cannot be reached."""
    change = np.array([-0.3, 0.1, 0.0, -0.1])
    values = np.column_stack([np.zeros(4), change])
    starts = np.array([1, NEVER, NEVER, NEVER])
    panel = UnitPanel(tuple("abcd"), ("0", "1"), values, None, np.zeros((4, 2, 0)), np.arange(4), starts)
    fit = two_way.effect(panel)
    rows, exact = randomised.assignments(panel, 0)
    work = randomised.working(panel, fit)
    found = randomised.randomised_effect(panel, work, rows)
    assert exact
    assert found.estimate == pytest.approx(-0.3)
    assert found.p_value == 0.25
    assert found.smallest_p == 0.25
    assert np.isnan([found.lo95, found.hi95]).all()
    events = randomised.event_study(panel, work, rows)
    assert events.estimate == pytest.approx([-0.3])
    assert np.isnan(events.lo95).all()


def test_the_interval_is_the_effects_that_are_not_rejected() -> None:
    """Twenty-one units, the treated one 2 below: by hand, an effect δ is not rejected when |−2 − δ| is not the largest
    of the 21 placebo effects of the changes with δ taken out."""
    rng = np.random.default_rng(3)
    change = rng.normal(0, 0.3, 21)
    change[0] = -2.0
    values = np.column_stack([np.zeros(21), change])
    starts = np.r_[1, np.full(20, NEVER)]
    panel = UnitPanel(
        tuple(f"{i:02}" for i in range(21)), ("0", "1"), values, None, np.zeros((21, 2, 0)), np.arange(21), starts
    )
    fit = two_way.effect(panel)
    rows, _ = randomised.assignments(panel, 0)
    found = randomised.randomised_effect(panel, randomised.working(panel, fit), rows)

    def kept(effect: float) -> bool:
        left = change - np.r_[effect, np.zeros(20)]
        placebo = np.abs(left - (left.sum() - left) / 20)
        return bool((placebo >= placebo[0] - 1e-9).sum() > 1)

    assert found.p_value == pytest.approx(1 / 21)
    for bound, inward in ((found.lo95, 1), (found.hi95, -1)):
        assert kept(bound + 0.01 * inward)
        assert not kept(bound - 0.01 * inward)
