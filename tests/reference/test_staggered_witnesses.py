"""Staggered starts against published output of R's `did` and `fixest` and of Stata's `csdid`."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal.estimates import Estimate
from ennakointi.causal.staggered import staggered

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)


def counties(**options: object) -> Estimate:
    """Minimum wage and teenage employment in 500 counties, Callaway & Sant'Anna 2021, the data of R's `did`."""
    rows = pd.read_csv(DATA / "mpdta.csv")
    return staggered(rows, outcome="lemp", time="year", unit="countyreal", cohort="first.treat", **options)  # type: ignore[arg-type]


def aggregate(found: Estimate, name: str) -> tuple[float, float]:
    row = found.parts["aggregates"].set_index("aggregate").loc[name]
    return float(row["estimate"]), float(row["standard_error"])


def test_counties_without_covariates() -> None:
    """R's `did`: simple −0.039951, dynamic −0.07724, group −0.03102, p-value of the pre-test .168122."""
    found = counties()
    assert found.effect.estimate == pytest.approx(-0.039951, abs=5e-7)
    assert aggregate(found, "simple")[0] == pytest.approx(-0.039951, abs=5e-7)
    assert aggregate(found, "dynamic")[0] == pytest.approx(-0.07724, abs=5e-6)
    assert aggregate(found, "group")[0] == pytest.approx(-0.03102, abs=5e-6)
    assert found.settings["pre_trend_p"] == pytest.approx(0.168122, abs=5e-7)
    assert found.settings["comparison"] == "never"


CSDID = """2004 2004 -.0145297 .0221292
2004 2005 -.0764219 .0286713
2004 2006 -.1404483 .0353782
2004 2007 -.1069039 .0328865
2006 2004 -.0004721 .0222234
2006 2005 -.0062025 .0184957
2006 2006  .0009606 .0194002
2006 2007 -.0412939 .0197211
2007 2004  .0267278 .0140657
2007 2005 -.0045766 .0157178
2007 2006 -.0284475 .0181809
2007 2007 -.0287814 .016239"""


def test_counties_doubly_robust_given_population() -> None:
    """Stata's `csdid lemp lpop, … method(dripw)` (F. Rios-Avila, csdid's documentation): every group-time effect with
    its standard error, the simple, calendar, group and event-study averages, and the pre-test."""
    found = counties(covariates=("lpop",))
    wanted = np.array([line.split() for line in CSDID.splitlines()], float)
    table = found.parts["group_time"]
    assert table[["group", "time"]].to_numpy().tolist() == wanted[:, :2].tolist()
    assert table[["estimate", "standard_error"]].to_numpy() == pytest.approx(wanted[:, 2:], abs=6e-8)
    assert aggregate(found, "simple") == pytest.approx((-0.0417518, 0.0115028), abs=6e-8)
    assert (found.effect.lo95, found.effect.hi95) == pytest.approx((-0.0642969, -0.0192066), abs=2e-7)
    assert found.settings["pre_trend_statistic"] == pytest.approx(6.841824981670454, abs=1e-7)
    assert found.settings["pre_trend_p"] == pytest.approx(0.2326722805724242, abs=1e-9)
    events = found.parts["event_study"].set_index("since_start")
    assert events.index.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    published = [
        (0.0267278, 0.0140657),
        (-0.0036165, 0.0129283),
        (-0.023244, 0.0144851),
        (-0.0210604, 0.0114942),
        (-0.0530032, 0.0163465),
        (-0.1404483, 0.0353782),
        (-0.1069039, 0.0328865),
    ]
    assert events[["estimate", "standard_error"]].to_numpy() == pytest.approx(np.array(published), abs=6e-8)
    groups = found.parts["groups"][["estimate", "standard_error"]].to_numpy()
    assert groups == pytest.approx(
        np.array([(-0.0845759, 0.0245649), (-0.0201666, 0.0174696), (-0.0287814, 0.016239)]), abs=6e-8
    )
    calendar = found.parts["calendar"][["estimate", "standard_error"]].to_numpy()[2:]
    assert calendar == pytest.approx(np.array([(-0.0461757, 0.0212107), (-0.0395822, 0.0129299)]), abs=6e-8)


MEDICAID = {
    2014: ".0467 .0692 .0785 .0725 .0738 .0803",
    2015: ".0491 .0526 .0682 .0663 .0738",
    2016: ".0317 .0368 .0645 .0825",
    2017: ".0471 .0681 .0650",
    2019: ".0365",
}


def medicaid(treated_only: bool = False) -> Estimate:
    """Insurance of adults by state and year, the example of R's HonestDiD."""
    rows = pd.read_csv(DATA / "ehec.csv")
    if treated_only:
        rows = rows[rows["yexp2"].notna()]
    return staggered(rows, outcome="dins", time="year", unit="stfips", cohort="yexp2", comparison="not_yet")


def test_states_against_those_not_yet_treated() -> None:
    """R's `did` with `notyettreated` (published solutions of the Mixtape Sessions' exercise): all effects after the
    start, those of 2015 before it, and the simple average .068."""
    found = medicaid()
    table = found.parts["group_time"]
    for group, published in MEDICAID.items():
        after = table[(table["group"] == group) & (table["time"] >= group)]["estimate"]
        assert after.to_numpy() == pytest.approx(np.array(published.split(), float), abs=5.1e-5)
    before = table[(table["group"] == 2015) & (table["time"] < 2015)]["estimate"]
    assert before.to_numpy() == pytest.approx([0.0071, -0.0245, -0.0027, 0.0003, -0.0100, -0.0020], abs=5.1e-5)
    assert found.effect.estimate == pytest.approx(0.068, abs=5e-4)
    assert (found.effect.lo95, found.effect.hi95) == pytest.approx((0.052, 0.0839), abs=5e-4)


def test_the_last_group_is_only_a_comparison_when_all_are_treated() -> None:
    """The same without states that never expanded: R gives .0728 (bootstrap error .0107)."""
    found = medicaid(treated_only=True)
    assert found.effect.estimate == pytest.approx(0.0728, abs=5.1e-5)
    assert set(found.parts["group_time"]["group"]) == {2014, 2015, 2016, 2017}
    assert found.parts["group_time"]["time"].max() == 2018


def test_sun_and_abraham() -> None:
    """R's fixest, `feols(y ~ x1 + sunab(year_treated, year) | id + year)`: ATT −1.133749 (.205070), clustered by id."""
    rows = pd.read_csv(DATA / "base_stagg.csv")
    found = staggered(rows, outcome="y", time="year", unit="id", cohort="year_treated", covariates=("x1",))
    assert aggregate(found, "sun_abraham") == pytest.approx((-1.133749, 0.205070), abs=5e-7)
    events = found.parts["sun_abraham"].set_index("since_start")
    assert events.loc[-9, "estimate"] == pytest.approx(0.351766, abs=5e-7)
    assert events.loc[0, "estimate"] == pytest.approx(-5.188207, abs=5e-7)
