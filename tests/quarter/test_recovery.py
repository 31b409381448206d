"""The shipped pipeline finds what the synthetic county planted: a small, seeded share of `benchmarks/recovery.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import debt_county
import recovery

from ennakointi import debt_part, panel, parameters, synthetic
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace


def check(terms: pd.DataFrame, effects: pd.DataFrame) -> None:
    debts = recovery.debts(terms)
    assert len(debts) >= 20
    assert debts["inside80"].mean() >= 0.65
    assert debts["inside95"].mean() >= 0.85
    assert debts["planted"].sum() > 0
    assert debts["value"].sum() == pytest.approx(debts["planted"].sum(), rel=0.35)
    of_all = terms[terms["service"] == "all"].set_index("term")
    assert of_all.loc["visible", "value"].mean() == pytest.approx(of_all.loc["visible", "planted"].mean(), rel=0.2)
    for term in ("visible", "lost_died", "lost_moved", "hidden"):
        of_services = terms[(terms["term"] == term) & (terms["service"] != "all")]
        assert of_services["inside80"].mean() >= 0.5
        assert of_services["inside95"].mean() >= 0.75
    assert effects["inside"].mean() >= 0.9
    null = effects[effects["intervention"] == "heavy_user_coaching"]
    assert (null["planted"] == 0).all()
    assert null["effective"].mean() <= 0.05


def recovered(seeds: range) -> tuple[pd.DataFrame, pd.DataFrame]:
    return recovery.pooled([recovery.recover(seed, 20_000, "fast") for seed in seeds])


@pytest.mark.xdist_group("quarter")
def test_the_debt_of_the_small_county_is_found_term_by_term(quarter) -> None:
    """3,000 residents: the whole, the queue and what ended hold the planted numbers; most cells lie inside."""
    loaded = parameters.load().in_mode("fast")
    workspace = Workspace(quarter.folder / "work", Quarter(2025, 3))
    found = debt_part.accounts(workspace, loaded, panel.open(workspace.panels, "all"), 1)
    volumes = synthetic.truth(quarter.folder / "data").volumes
    terms = debt_county.compared(found, volumes[volumes["target_group"] == "all"], loaded)
    cells = terms[(terms["service"] != "all") & terms["term"].isin(["debt", "visible", "hidden", "lost"])]
    assert len(cells) >= 60
    assert cells["inside80"].mean() >= 0.65
    assert cells["inside95"].mean() >= 0.85
    whole = terms[terms["service"] == "all"].set_index("term")
    assert whole.loc[["debt", "visible", "hidden"], "inside95"].all()


@pytest.mark.slow
def test_the_first_county_of_the_benchmark() -> None:
    check(*recovered(range(1, 2)))


@pytest.mark.slow
def test_six_counties() -> None:
    check(*recovered(range(1, 7)))
