"""Forecasts of a quarter: released with care, remembered for the next one, and scored when it comes."""

from __future__ import annotations

import stat

import pandas as pd
import pytest
from quarter_pages import text

from ennakointi import parameters, phases, store
from ennakointi.forecast import score_ledger
from ennakointi.forecast.series import LEVELS
from ennakointi.periods import Quarter, month_text, parse_month
from ennakointi.workspace import Workspace, read_tables

pytestmark = pytest.mark.xdist_group("quarter")
SERIES = ["target_group", "service"]


def table(quarter, name: str) -> pd.DataFrame:
    return pd.read_csv(quarter.release / "tables" / f"{name}.csv", dtype={"municipality": str})


def test_every_group_has_its_months_and_its_page(quarter) -> None:
    rows = table(quarter, "forecast")
    assert set(rows["target_group"]) == {"all", "older_people"}
    county = rows[rows["municipality"] == "all"]
    assert (county.groupby([*SERIES, "month"])["quantile"].nunique() == len(LEVELS)).all()
    assert (county.groupby(SERIES)["month"].nunique() == 24).all()
    assert sorted(county["month"])[0] == "2025-10"
    for group in ("all", "older_people"):
        page = (quarter.release / f"demand-{group}.html").read_text(encoding="utf-8")
        assert "ennusteväli" in text(page)


def test_no_municipality_is_the_county_less_the_others(quarter) -> None:
    for name in ("forecast", "forecast_history"):
        rows = table(quarter, name).assign(hidden=lambda f: f["suppressed"].notna())
        keys = SERIES if name == "forecast" else [*SERIES, "month"]
        shown = rows[(rows["municipality"] == "all") & ~rows["hidden"]].set_index(keys).index
        parts = rows[rows["municipality"] != "all"].drop_duplicates([*keys, "municipality"])
        hidden = parts.groupby(keys)["hidden"].sum()
        assert (hidden.loc[hidden.index.isin(shown)] != 1).all(), name
        assert hidden.max() >= 2


def test_forecasts_are_compared_with_all_residents_and_tested(quarter) -> None:
    checks = table(quarter, "forecast_checks").set_index(["target_group", "service", "check"])["passed"]
    assert ("older_people", "all", "within_all") in checks.index
    assert (checks.loc[(["all", "older_people"], "all", "coherent")] == "yes").all()
    scores = table(quarter, "forecast_scores").query("service == 'all'").set_index(["target_group", "model"])["wql"]
    assert scores["all", "engine"] < scores["all", "seasonal_naive"]


def test_the_quarter_remembers_its_forecasts_for_this_user_only(quarter) -> None:
    kept = quarter.folder / "work" / "history" / "forecasts" / "2025Q3.parquet"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    raw = pd.read_parquet(quarter.work / "results" / "forecast.parquet")
    stored = pd.read_parquet(kept)
    assert len(stored) == (raw["municipality"] == "all").sum()
    assert stored["value"].sum() == pytest.approx(raw.loc[raw["municipality"] == "all", "value"].sum())


def test_the_next_quarter_scores_what_the_last_one_foretold(quarter) -> None:
    """The quarter's own forecasts, moved three months back, are those that an earlier quarter has left."""
    workspace = Workspace(quarter.folder / "work", Quarter(2025, 3))
    results, source = read_tables(workspace.results), store.open(workspace.store).source_name
    moved = results["forecast"].copy()
    for column in ("month", "origin"):
        moved[column] = [month_text(parse_month(month) - 3) for month in moved[column]]
    kept = workspace.history / score_ledger.FOLDER / "2025Q2.parquet"
    score_ledger.remember(workspace.history, Quarter(2025, 2), source, moved, results["forecast_history"])
    try:
        found = phases.gather(workspace, parameters.load(), ["forecast.all", "forecast.older_people"])
    finally:
        kept.unlink()
    ledger = found["forecast_ledger"]
    assert set(ledger["made"]) == {"2025Q2"}
    assert (ledger["months"] == 3).all()
    assert set(ledger["target_group"]) == {"all", "older_people"}
    assert (ledger["inside80"] <= ledger["inside95"]).all()
    assert (ledger["inside95"] <= 3).all()
    usual = ledger[ledger["n_persons"] > 20]
    assert len(usual) >= 10
    assert usual[["error_share", "wql", "naive_wql"]].notna().all(axis=None)
    assert 0 < usual["wql"].median() < 0.5
