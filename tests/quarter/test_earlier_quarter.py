"""Two quarters of the synthetic county: what came late, what a parameter did, and what the new months brought."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from ennakointi import demo, headlines, parameters, phases, run
from ennakointi.headlines import Register
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace, read_json, read_tables

pytestmark = pytest.mark.xdist_group("quarter")

Q2, Q3 = Quarter(2025, 2), Quarter(2025, 3)
PARTS = ["late", "definitions", "new_events", "real"]
REGISTER = Register("county", 3000.0, "fast", 5)


def of_all(changes: pd.DataFrame) -> pd.DataFrame:
    return changes[changes["target_group"] == "all"].set_index("indicator")


def test_the_same_data_three_months_earlier_leave_new_months_and_pace_only(quarter, tmp_path: Path) -> None:
    """The quarter before is made from the same accounts, cut at its end: nothing is late and nothing defined anew."""
    shipped, results = parameters.load(), read_tables(quarter.work / "results")
    monthly, summary = results["service_debt"], results["debt_summary"].copy()
    cut = monthly[monthly["month"] <= "2025-06"]
    ends = cut[cut["month"] == "2025-06"].set_index(["target_group", "service"])["debt"]
    summary["now"] = ends.reindex(pd.MultiIndex.from_frame(summary[["target_group", "service"]])).to_numpy()
    then = headlines.told(Q2, REGISTER, shipped, {**results, "service_debt": cut, "debt_summary": summary})
    headlines.remember(tmp_path, then, pd.DataFrame(then.rows))
    now = headlines.told(Q3, REGISTER, shipped, results)
    found = of_all(headlines.tables(tmp_path, now, shipped, None, 3000.0)["changes"])
    assert found.loc["debt_now", ["late", "definitions"]].tolist() == [0, 0]
    assert found.loc["debt_now", PARTS].sum() == pytest.approx(found.loc["debt_now", "total"])
    assert found.loc["debt_now", "new_events"] != 0
    assert found.loc["service_debt", [*PARTS, "total"]].tolist() == [0] * 5
    assert found.loc["service_debt", "within_uncertainty"] == "yes"


def planted(data: Path) -> int:
    """Contacts that the county had not delivered at the end of the second quarter."""
    earlier = demo.delivered(data, Q2)
    return sum(
        pq.read_metadata(path).num_rows - pq.read_metadata(earlier / path.relative_to(data)).num_rows
        for path in data.glob("contacts/*.parquet")
    )


@pytest.mark.slow
def test_planted_late_contacts_and_a_changed_parameter_stand_in_their_own_parts(quarter, tmp_path: Path) -> None:
    work, data = tmp_path / "work", quarter.folder / "data"
    shutil.copytree(quarter.folder / "work", work)
    lean = run.Options(demo.delivered(data, Q2), Q2, tmp_path / "outputs", work, groups=("all",), mode="fast", jobs=2)
    assert run.run(replace(lean, notebooks=demo.LEAN_NOTEBOOKS), lambda _: None) == 0
    assert (tmp_path / "outputs" / "2025Q2" / "index.html").is_file()
    shipped, this, before = parameters.load(), Workspace(work, Q3), Workspace(work, Q2)
    names = read_json(this.settings)["parts"]
    results = phases.gather(this, shipped, names)
    found, n = of_all(results["changes"]), planted(data)
    late = -found.loc["debt_now", "late"]  # cancelled contacts are planted too, and not counted
    assert 0.7 * n <= late <= n
    assert abs(found.loc["debt_now", "definitions"]) < 1
    assert found.loc["debt_now", PARTS].sum() == pytest.approx(found.loc["debt_now", "total"])
    assert found.loc["service_debt", [*PARTS]].abs().max() < 1
    assert set(results["forecast_ledger"]["made"]) == {"2025Q2"}

    text = (parameters.shipped("parameters") / "debt.yml").read_text(encoding="utf-8")
    (tmp_path / "debt.yml").write_text(text.replace("trend: damped", "trend: linear"), encoding="utf-8")
    changed = parameters.load(tmp_path)
    assert phases.compute(before, changed, ["debt.all"], "fast", 1, "changed", lambda _: None) == []
    phases.plan(before, changed, read_json(before.settings)["parts"])
    other = of_all(phases.gather(this, shipped, names)["changes"])
    assert -other.loc["debt_now", "late"] == late
    assert abs(other.loc["service_debt", "definitions"]) > 10
    assert other.loc["service_debt", ["late", "new_events", "real"]].tolist() == [0, 0, 0]
    assert "debt.yml" in other.loc["service_debt", "reason"]
