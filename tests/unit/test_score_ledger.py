"""Forecasts kept by one quarter and scored by a later one: by hand, and through every trouble that files can have."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi.forecast import score_ledger
from ennakointi.forecast.series import LEVELS
from ennakointi.periods import Quarter, month_text, parse_month
from ennakointi.result_tables import RESULT_TABLES

Q2, Q3, Q4 = Quarter(2025, 2), Quarter(2025, 3), Quarter(2025, 4)
LEFT = list(RESULT_TABLES["forecast"].names)
RIGHT = list(RESULT_TABLES["forecast_history"].names)
SPREAD = np.array([-30, -20, -10, -8, -4, -2, 0, 2, 4, 8, 10, 20, 30])  # 80 % = ±10, 95 % = ±30


def forecast(
    origin: str, services: dict[str, float], *, group: str = "all", areas: tuple[str, ...] = ("111", "398")
) -> pd.DataFrame:
    """Twelve months ahead: every month the service's number ± SPREAD, and rows of its municipalities."""
    months = [month_text(parse_month(origin) + h) for h in range(1, 13)]
    base = {"target_group": group, "origin": origin, "frequency": "M", "method": "ensemble", "n_persons": 50.0}
    rows = [
        {**base, "service": s, "municipality": place, "month": m, "quantile": q, "value": mean + d, "mean": mean}
        for s, mean in services.items()
        for place in ("all", *(areas if s != "all" else ()))
        for m in months
        for q, d in zip(LEVELS, SPREAD)
        if place == "all" or q in (0.1, 0.5, 0.9)
    ]
    return pd.DataFrame(rows)[LEFT]


def history(last: str, services: dict[str, dict[str, float]], *, group: str = "all") -> pd.DataFrame:
    """Observed contacts of the three years to `last`: 100 a month where `services` says nothing else."""
    months = [month_text(parse_month(last) - back) for back in range(35, -1, -1)]
    rows = [
        {"service": s, "month": m, "observed": given.get(m, 100.0), "n_persons": 40.0}
        for s, given in services.items()
        for m in months
    ]
    return pd.DataFrame(rows).assign(target_group=group, municipality="all", frequency="M", period="used")[RIGHT]


def remembered(folder: Path, quarter: Quarter = Q2, source: str = "county", **more) -> Path:
    made = forecast("2025-06", {"oral_health": 100.0, "all": 100.0}, **more)
    past = history("2025-06", {"oral_health": {"2024-08": 120.0}, "all": {}}, group=more.get("group", "all"))
    score_ledger.remember(folder, quarter, source, made, past)
    return folder / "forecasts" / f"{quarter}.parquet"


def scored(folder: Path, quarter: Quarter = Q3, source: str = "county", **more) -> pd.DataFrame:
    came = {"2025-07": 105.0, "2025-08": 85.0, "2025-09": 140.0}
    now = forecast("2025-09", {"oral_health": 100.0, "all": 100.0}, **more)
    past = history("2025-09", {"oral_health": came, "all": {}})
    return score_ledger.scored(folder, quarter, source, now, past)


def test_months_that_have_come_are_scored_by_hand(tmp_path: Path) -> None:
    remembered(tmp_path)
    found = scored(tmp_path).set_index("service")
    assert found["made"].tolist() == ["2025Q2", "2025Q2"]
    row = found.loc["oral_health"]
    # 105 lies in [90, 110], 85 only in [70, 130], 140 outside
    assert row[["months", "inside80", "inside95", "inside80_latest"]].tolist() == [3, 1, 2, 0]
    assert row["error_share"] == pytest.approx(300 / 330 - 1)
    # seasonal naive: 100, 120 and 100, a year before; errors 5, 35 and 40
    assert row["naive_wql"] == pytest.approx(80 / 330)
    levels, quantiles = np.arange(1, 10) / 10, 100 + SPREAD[2:11]
    loss = sum(max(a * (y - q), (a - 1) * (y - q)) for y in (105, 85, 140) for a, q in zip(levels, quantiles))
    assert row["wql"] == pytest.approx(2 * loss / 9 / 330)
    assert row["n_persons"] == 40.0
    assert found.loc["all", ["months", "inside80", "inside80_latest", "error_share"]].tolist() == [3, 3, 1, 0]


@pytest.mark.parametrize(
    ("persons", "expected"),
    [
        ((0.0, 0.0, 2.0), 2.0),  # the median, 0, would be published as nobody
        ((60.0, 7.0, 60.0), 7.0),
        ((0.0, 0.0, 0.0), 0.0),
        ((0.0, np.nan, 0.0), np.nan),  # perhaps somebody
        ((np.nan, 4.0, 60.0), 4.0),
    ],
)
def test_persons_are_those_of_the_smallest_month_with_any(tmp_path: Path, persons: tuple, expected: float) -> None:
    remembered(tmp_path)
    now, past = forecast("2025-09", {"oral_health": 100.0}), history("2025-09", {"oral_health": {}})
    past.loc[past["month"] > "2025-06", "n_persons"] = persons
    found = score_ledger.scored(tmp_path, Q3, "county", now, past)
    assert found["n_persons"].tolist() == pytest.approx([expected], nan_ok=True)


def test_a_service_that_nobody_used_tells_nothing_of_persons(tmp_path: Path) -> None:
    remembered(tmp_path)
    now, past = forecast("2025-09", {"oral_health": 100.0}), history("2025-09", {"oral_health": {}})
    past.loc[past["month"] > "2025-06", ["n_persons", "observed"]] = 0.0
    row = score_ledger.scored(tmp_path, Q3, "county", now, past).iloc[0]
    assert row["n_persons"] == 0
    assert row[["error_share", "wql", "naive_wql"]].isna().all()


def test_the_seasonal_naive_knows_what_the_forecast_knew(tmp_path: Path) -> None:
    """Thirteen months ahead the same month of the last year had not come either: the year before stands in."""
    assert score_ledger._year_before("2026-06", "2025-06") == "2025-06"
    assert score_ledger._year_before("2026-07", "2025-06") == "2024-07"
    assert score_ledger._year_before("2025-07", "2025-06") == "2024-07"


def test_the_file_is_for_this_user_only_and_holds_no_partial_one(tmp_path: Path) -> None:
    path = remembered(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in (path.parent, path.parent.parent)} == {0o700}
    assert [file.name for file in path.parent.iterdir()] == ["2025Q2.parquet"]


def test_a_rerun_replaces_its_own_groups_in_its_own_file(tmp_path: Path) -> None:
    first = remembered(tmp_path).read_bytes()
    assert remembered(tmp_path).read_bytes() == first
    other = remembered(tmp_path, Quarter(2025, 1)).read_bytes()
    remembered(tmp_path, group="older_people")
    assert (tmp_path / "forecasts" / "2025Q1.parquet").read_bytes() == other
    kept = pd.read_parquet(tmp_path / "forecasts" / "2025Q2.parquet")
    assert kept.groupby("target_group").size().to_dict() == {"all": 312, "older_people": 312}


def test_a_quarter_without_forecasts_remembers_nothing(tmp_path: Path) -> None:
    score_ledger.remember(tmp_path, Q2, "county", pd.DataFrame(columns=LEFT), pd.DataFrame(columns=RIGHT))
    assert not (tmp_path / "forecasts").exists()
    remembered(tmp_path)
    empty = score_ledger.scored(tmp_path, Q3, "county", pd.DataFrame(columns=LEFT), pd.DataFrame(columns=RIGHT))
    assert empty.empty


def test_only_earlier_quarters_are_scored(tmp_path: Path) -> None:
    remembered(tmp_path, Q4)
    remembered(tmp_path, Q3)
    assert scored(tmp_path, Q3).empty
    assert scored(tmp_path / "nowhere").empty
    assert list(scored(tmp_path, Q3).columns) == list(RESULT_TABLES["forecast_ledger"].names)


def test_a_service_in_other_municipalities_is_not_compared(tmp_path: Path) -> None:
    remembered(tmp_path)
    assert scored(tmp_path, areas=("111",)).empty


def test_months_that_the_register_does_not_hold_are_not_scored(tmp_path: Path) -> None:
    remembered(tmp_path)
    now, past = forecast("2025-09", {"oral_health": 100.0}), history("2025-09", {"oral_health": {}})
    past.loc[past["month"] == "2025-08", ["observed", "period"]] = [np.nan, "missing"]
    found = score_ledger.scored(tmp_path, Q3, "county", now, past)
    assert found[["service", "months"]].to_numpy().tolist() == [["oral_health", 2]]


def test_months_in_which_a_municipality_is_missing_are_not_scored(tmp_path: Path) -> None:
    remembered(tmp_path)
    services = {"oral_health": {}, "all": {}}
    now, past = forecast("2025-09", dict.fromkeys(services, 100.0)), history("2025-09", services)
    gone = past[(past["service"] == "oral_health") & (past["month"] == "2025-08")]
    past = pd.concat([past, gone.assign(municipality="111", period="missing", observed=np.nan)], ignore_index=True)
    found = score_ledger.scored(tmp_path, Q3, "county", now, past)
    assert found[["service", "months"]].to_numpy().tolist() == [["oral_health", 2], ["all", 2]]


@pytest.mark.parametrize("trouble", ["source", "cut", "text", "columns", "empty", "half", "types", "name"])
def test_trouble_with_a_file_is_a_warning_and_no_crash(tmp_path: Path, trouble: str, caplog) -> None:
    path, source = remembered(tmp_path), "county"
    table = pd.read_parquet(path)
    if trouble == "source":
        source = "another county"
    elif trouble == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif trouble == "text":
        path.write_text("not a table")
    elif trouble == "columns":
        table.drop(columns="naive").to_parquet(path)
    elif trouble == "empty":
        path.write_bytes(b"")
    elif trouble == "half":
        table.iloc[:-1].to_parquet(path)
    elif trouble == "types":
        table.assign(value="many").to_parquet(path)
    else:
        path.rename(path.with_name("notes.parquet"))
    with caplog.at_level(logging.WARNING):
        assert scored(tmp_path, source=source).empty
    assert "stored forecasts" in caplog.text


def test_the_file_of_a_killed_run_is_no_forecast(tmp_path: Path) -> None:
    path = remembered(tmp_path)
    before = scored(tmp_path)
    path.with_name("2025Q1.parquet.partial").write_bytes(path.read_bytes()[:200])
    path.with_name("2025Q2.parquet.partial").write_bytes(b"half")
    pd.testing.assert_frame_equal(scored(tmp_path), before)
    remembered(tmp_path)
    assert not path.with_name("2025Q2.parquet.partial").exists()
    pd.testing.assert_frame_equal(scored(tmp_path), before)


def test_an_unreadable_file_of_the_same_quarter_is_made_anew(tmp_path: Path, caplog) -> None:
    good = remembered(tmp_path).read_bytes()
    (tmp_path / "forecasts" / "2025Q2.parquet").write_text("not a table")
    with caplog.at_level(logging.WARNING):
        assert remembered(tmp_path).read_bytes() == good
    assert "cannot be read" in caplog.text
