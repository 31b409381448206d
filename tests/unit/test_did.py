"""Difference-in-differences on analysts' tables: shapes, refusals, checks, level and coverage."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from roll_outs import CODES, STARTS, roll_out

from ennakointi.causal import did_comparison
from ennakointi.causal.areas import NEVER
from ennakointi.causal.did import did
from ennakointi.causal.estimates import Estimate
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.errors import DataError, ParameterError

NAMED = {"outcome": "y", "time": "t", "unit": "u"}
BY_COLUMN = NAMED | {"treatment": "d"}


def made(
    seed: int = 0, units: int = 10, periods: int = 24, start: int = 12, treated: int = 3, effect: float = -2.0
) -> pd.DataFrame:
    """Units with own levels; the first `treated` of them fall by `effect` from `start` on."""
    rng = np.random.default_rng(seed)
    y = 20 + rng.normal(0, 1, (units, 1)) + rng.normal(0, 1, (units, periods))
    y[:treated, start:] += effect
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    first = unit < treated
    return pd.DataFrame(
        {
            "y": y.ravel(),
            "u": [f"a{place:03}" for place in unit],
            "t": 2000 + time,
            "d": (first & (time >= start)).astype(int),
            "g": first.astype(int),
        }
    )


def passed(found: Estimate) -> dict[str, bool | None]:
    return {check.name: check.passed for check in found.checks}


def test_three_of_ten_are_judged_by_their_120_assignments() -> None:
    rows = made()
    found = did(rows, **BY_COLUMN)
    by_hand = rows.assign(late=rows["t"] >= 2012).pivot_table(index="g", columns="late", values="y")
    change = by_hand[True] - by_hand[False]
    assert found.effect.estimate == pytest.approx(change[1] - change[0])
    assert found.effect.lo95 < -2 < found.effect.hi95 < 0
    assert found.p_value == pytest.approx(1 / 120)
    assert found.relative.estimate == pytest.approx(
        found.effect.estimate / (by_hand.loc[1, True] - found.effect.estimate)
    )
    assert passed(found) == {
        "pre_trends": True,
        "placebo_date": True,
        "few_clusters": False,
        "leave_one_out": True,
        "alternative_estimator": True,
        "autocorrelation": True,
    }
    path = found.parts["path"].iloc[12:]
    assert (path["observed"] - path["counterfactual"]).mean() == pytest.approx(found.effect.estimate)
    events = found.parts["event_study"]
    assert events.loc[events["since_start"] >= 0, "estimate"].mean() == pytest.approx(-2, abs=1)
    assert (events["lo95_simultaneous"] <= events["lo95"]).all()
    assert len(found.parts["leave_one_out"]) == 10
    assert json.loads(found.to_json())["n"] == 240


def test_treated_told_in_four_ways_is_one_estimate() -> None:
    rows = made()
    rows["c"] = np.where(rows["g"] == 1, 2012, 0)
    first = did(rows, **BY_COLUMN)
    for way in (
        {"cohort": "c"},
        {"treatment": "g", "start": 2012},
        {"treated": ["a000", "a001", "a002"], "start": 2012},
    ):
        assert did(rows, **NAMED, **way).effect == first.effect


def test_one_of_ten_cannot_reach_five_per_cent() -> None:
    found = did(made(treated=1), **BY_COLUMN)
    assert found.p_value == pytest.approx(0.1)
    assert np.isnan([found.effect.lo95, found.effect.hi95]).all()
    assert passed(found)["smallest_p"] is False
    assert found.parts["event_study"]["lo95"].isna().all()


def test_many_clusters_have_cluster_robust_errors_and_bounds() -> None:
    found = did(made(units=60, periods=8, start=5, treated=25), **BY_COLUMN)
    assert found.settings["inference"] == "cluster-robust"
    assert passed(found)["few_clusters"] is True
    assert found.effect == pytest.approx(tuple(found.parts["conventional"].iloc[0][["estimate", "lo95", "hi95"]]))
    assert set(found.parts["honest"]["restriction"]) == {"smoothness", "relative_magnitude"}


def test_rate_ratio_of_counts() -> None:
    rows = made(1)
    rng = np.random.default_rng(1)
    rows["py"] = 500.0
    rows["y"] = rng.poisson(500 * np.exp(-1 - 0.3 * rows["d"])).astype(float)
    found = did(rows, **BY_COLUMN, offset="py")
    assert found.relative.lo95 < np.expm1(-0.3) < found.relative.hi95 < 0
    assert found.effect.estimate == pytest.approx(np.exp(-1) * np.expm1(-0.3), abs=0.01)
    assert found.settings["log_rate_ratio"] == pytest.approx(np.log1p(found.relative.estimate))
    rows.loc[rows["u"] == "a000", ["py", "y"]] *= 100
    dominated = did(rows, **BY_COLUMN, offset="py")
    assert "without_largest" in passed(dominated)
    assert dominated.parts["without_largest"]["n_units"][0] == 9


def test_a_trend_before_the_start_fails_its_checks() -> None:
    rows = made()
    rows["y"] += np.where(rows["g"] == 1, 0.4 * (rows["t"] - 2000), 0)
    found = did(rows, **BY_COLUMN)
    assert passed(found)["pre_trends"] is False
    assert passed(found)["placebo_date"] is False
    assert next(check.critical for check in found.checks if check.name == "pre_trends")


def test_gaps_are_no_new_starts_and_always_treated_are_left_out() -> None:
    rows = made()
    gaps = rows[~((rows["u"] == "a000") & rows["t"].between(2011, 2014))]
    found = did(gaps, **BY_COLUMN)
    assert "staggered" not in passed(found)
    assert found.settings["n_treated"] == 3
    always = rows.assign(d=np.where(rows["u"] == "a009", 1, rows["d"]))
    without = did(rows[rows["u"] != "a009"], **BY_COLUMN)
    assert did(always, **BY_COLUMN).effect == without.effect
    assert passed(did(always, **BY_COLUMN))["always_treated"] is False


def test_text_covariates_are_categories() -> None:
    rows = made()
    rows["season"] = np.where(rows["t"] % 2 == rows["g"], "odd", "even")
    rows["y"] += np.where(rows["season"] == "odd", 3.0, 0.0)
    by_hand = did(rows.assign(odd=(rows["season"] == "odd").astype(float)), **BY_COLUMN, covariates=["odd"])
    assert did(rows, **BY_COLUMN, covariates=["season"]).effect.estimate == pytest.approx(by_hand.effect.estimate)
    assert by_hand.effect.estimate == pytest.approx(did(made(), **BY_COLUMN).effect.estimate, abs=0.3)


def test_several_starts_are_pointed_to_the_staggered_design() -> None:
    rows = made(effect=0)
    first = rows["u"].map({"a000": 2008, "a001": 2012, "a002": 2016}).fillna(0)
    rows["c"] = first.astype(int)
    found = did(rows, **NAMED, cohort="c")
    assert passed(found)["staggered"] is False
    assert found.settings["assignments"] == 720
    assert 0.002 < found.p_value <= 1


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (made(treated=10), BY_COLUMN, "without a comparison"),
        (pd.concat([made(), made().head(2)]), BY_COLUMN, "2 rows repeat a unit and a period"),
        (made().assign(y=3.0), BY_COLUMN, "same value everywhere"),
        (made(), NAMED | {"treated": "a000", "start": 2050}, "outside the data"),
        (made().assign(py=1.0, y=lambda rows: 1 - rows["d"]), BY_COLUMN | {"offset": "py"}, "no rate ratio"),
        (made().assign(py=1.0, y=-1.0 - made()["g"]), BY_COLUMN | {"offset": "py"}, "below 0"),
        (made(), {"outcome": "y", "time": "t", "treatment": "g", "start": 2000}, "first period"),
    ],
)
def test_data_that_hold_no_answer_are_refused(rows: pd.DataFrame, options: dict[str, str], words: str) -> None:
    with pytest.raises(DataError, match=words):
        did(rows, **options)


def test_without_units_the_groups_must_be_told() -> None:
    with pytest.raises(ParameterError, match="--start VALUE, or --cluster"):
        did(made(), outcome="y", time="t", treatment="d")
    with pytest.raises(ParameterError, match="without --unit"):
        did(made(), outcome="y", time="t", treated="a000", start=2012)


def test_repeated_cross_sections_with_clusters() -> None:
    """Persons who are asked once, in 50 places: the same estimate as the regression on group and period."""
    rows = made(units=50, periods=6, start=3, treated=25)
    found = did(rows, outcome="y", time="t", treatment="g", start=2003, cluster="u")
    level = rows.assign(late=rows["t"] >= 2003).groupby(["g", "late"])["y"].mean()
    assert found.effect.estimate == pytest.approx(level[1, True] - level[1, False] - level[0, True] + level[0, False])
    assert passed(found) == {"few_clusters": True}
    assert did(rows, outcome="y", time="t", treatment="d", cluster="u").effect.estimate == pytest.approx(
        found.effect.estimate
    )


def as_units(seed: int, effect: float, autocorrelation: float) -> UnitPanel:
    area = roll_out(
        seed,
        effect,
        share=0.2,
        starts=dict.fromkeys(CODES[:3], STARTS["111"]),
        equal=True,
        spread=0.08,
        autocorrelation=autocorrelation,
    )
    starts = np.where(area.starts < NEVER, area.starts - area.months[0], NEVER)
    periods = tuple(map(str, area.months))
    return UnitPanel(area.areas, periods, area.counts, area.person_years, np.zeros((10, 81, 0)), np.arange(10), starts)


def test_no_effect_is_seldom_found_and_intervals_cover() -> None:
    """Three of ten areas with autocorrelation 0.8: `benchmarks/false_positives.py` has thousands of runs."""
    null = [did_comparison.estimated(as_units(seed, 0.0, 0.8), seed) for seed in range(20)]
    planted = [did_comparison.estimated(as_units(seed, -0.16, 0.8), seed) for seed in range(20)]
    assert sum(found.p_value <= 0.05 for found in null) <= 3
    assert sum(found.effect.lo95 <= -0.16 <= found.effect.hi95 for found in planted) >= 17
    assert sum(found.p_value <= 0.05 for found in planted) >= 16
