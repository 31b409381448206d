"""The planted change of need: it adds up, agrees with the county's own contacts, and is found by the outlook."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import parameters, synthetic

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import waterfall

SCENARIOS = parameters.load().scenarios


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demand") / "county"
    synthetic.make(folder, residents=4_000, seed=6)
    return folder


@pytest.fixture(scope="module")
def truth(county: Path) -> synthetic.Truth:
    return synthetic.truth(county)


@pytest.fixture(scope="module")
def planted(truth: synthetic.Truth) -> pd.DataFrame:
    found = truth.demand(SCENARIOS)
    return found.pivot_table(index="service", columns="factor", values="change")


def test_planted_bars_add_up_for_every_service_and_all(planted: pd.DataFrame) -> None:
    np.testing.assert_allclose(planted.drop(columns="end").sum(axis=1), planted["end"], atol=1e-6)
    single = planted.drop(index="all")
    np.testing.assert_allclose(single.sum(), planted.loc["all"], atol=1e-6)


def test_the_level_is_what_the_county_used_in_its_last_whole_year(
    truth: synthetic.Truth, planted: pd.DataFrame
) -> None:
    volumes = truth.volumes
    year = volumes[volumes["month"].astype(str).str.startswith("2024")]
    used = year.groupby("service", observed=True)["actual"].sum()
    large = used[used > 1_000]
    assert len(large) >= 5
    np.testing.assert_allclose(planted.loc[large.index, "start"], large, rtol=0.1)
    assert planted.loc["all", "start"] == pytest.approx(used.sum(), rel=0.04)


def test_planted_trends_are_those_of_the_calibration(planted: pd.DataFrame) -> None:
    services = synthetic.calibration().care.services
    for name, service in services.items():
        told = planted.loc[name, "trend"] / planted.loc[name, "start"]
        assert told == pytest.approx(np.exp(16 * service.trend) - 1, abs=1e-9), name


def test_ageing_moves_care_of_the_old_up_and_of_children_down(planted: pd.DataFrame) -> None:
    relative = planted["ageing"] / planted["start"]
    assert (relative[["home_care", "round_the_clock_care", "ward_care"]] > 0.2).all()
    assert (relative[["child_protection", "school_student_health"]] < 0).all()
    size = planted["population"] / planted["start"]
    assert size.std() == pytest.approx(0, abs=1e-9)  # the same share for every service


def test_scenarios_come_true_inside_their_intervals_and_differ_by_county(
    truth: synthetic.Truth, planted: pd.DataFrame, tmp_path: Path
) -> None:
    moved = -planted.loc["primary_care", "digital_first_contact"]
    assert 0 <= moved < 0.2 * planted.loc["primary_care", "start"]
    assert planted.loc["digital_pathway", "digital_first_contact"] == pytest.approx(1.2 * moved)
    synthetic.make(tmp_path / "other", residents=300, seed=7)
    other = synthetic.truth(tmp_path / "other").demand(SCENARIOS).set_index(["service", "factor"])["change"]
    here = moved / planted.loc["primary_care", "start"]
    assert -other["primary_care", "digital_first_contact"] / other["primary_care", "start"] != pytest.approx(here)
    pd.testing.assert_frame_equal(truth.demand(SCENARIOS), truth.demand(SCENARIOS))


def test_without_scenarios_there_are_no_bars_for_them(truth: synthetic.Truth) -> None:
    found = truth.demand(to_year=2030)
    assert set(found["factor"]) == {"start", "population", "ageing", "trend", "interaction", "end"}
    assert set(found["to_year"]) == {2030}


@pytest.mark.slow
def test_the_outlook_finds_what_two_counties_planted() -> None:
    found = pd.concat([waterfall.compare(seed, 8_000) for seed in (1, 2)])
    assert len(found) > 400
    table = waterfall.pooled(found)
    assert 0.65 <= table.loc["all", "inside"] <= 0.95
    assert (table.loc[["start", "ageing", "trend", "end"], "inside"] >= 0.5).all()
