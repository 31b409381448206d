"""What a quarter remembers of its data, the trend by quarter, and contacts that came in after an earlier run."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import contract_tables
import pandas as pd
import pytest

from ennakointi.periods import Quarter, month_index
from ennakointi.quality import history
from ennakointi.store import Store

pytestmark = pytest.mark.xdist_group("quality_history")  # its fixtures are dear: one worker makes them once

Q3, Q4, NEXT = Quarter(2020, 3), Quarter(2020, 4), Quarter(2021, 1)


@pytest.fixture(scope="module")
def opened_at(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Store]:
    """Makes a store of 2020–2021 as of a day; `without`: contacts that are not there yet (one every second day)."""

    @cache
    def made(as_of: date, *, without: tuple[int, ...] = (), name: str = "county") -> Store:
        folder = tmp_path_factory.mktemp("quarter")
        (folder / "data").mkdir()
        (folder / "data" / "source.json").write_text(json.dumps({"name": name}))
        contacts = contract_tables.contacts().drop(index=list(without))
        tables = {"persons": contract_tables.persons().drop(columns="death_date"), "contacts": contacts}
        return contract_tables.build(folder, tables, as_of=as_of)

    return made


def checks(failed: int = 1, late: float | None = None) -> pd.DataFrame:
    """Four computed checks of three categories, of which some failed, and two that were not computed."""
    rows = [("conformance", "type", "failed" if failed else "passed"), ("completeness", "missing", "passed")]
    rows += [
        ("plausibility", "midnight", "failed" if failed > 1 else "passed"),
        ("plausibility", "gap", "not_computed"),
    ]
    rows += [("completeness", "accepted", "info")]
    rows += [("completeness", history.LATE, "passed" if late is not None else "not_computed")]
    table = pd.DataFrame(rows, columns=["category", "check", "status"])
    n_late = None if late is None else 1000 * late
    rows_checked = [100, 100, 100, None, None, None if late is None else 1000]
    return table.assign(rows=rows_checked, failed=[10, 0, 20, None, None, n_late])


def volumes(opened: Store) -> pd.DataFrame:
    return contract_tables.volumes(opened.folder)


def remember(folder: Path, quarter: Quarter, opened: Store, data_quality: pd.DataFrame) -> None:
    history.remember(folder, quarter, opened, volumes(opened), data_quality)


def late(folder: Path, quarter: Quarter, opened: Store) -> pd.DataFrame | None:
    return history.late(folder, quarter, opened, volumes(opened))


def test_what_is_kept_is_for_this_user_only_and_a_second_run_replaces_it(
    tmp_path: Path, opened_at: Callable[..., Store]
) -> None:
    opened = opened_at(Q3.end)
    for failed in (2, 1):
        remember(tmp_path / "history", Q3, opened, checks(failed))
    files = list((tmp_path / "history" / "quality").iterdir())
    assert [file.name for file in files] == ["2020Q3.json"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in files[0].parents[:2]} == {0o700}
    kept = json.loads(files[0].read_text(encoding="utf-8"))
    assert kept["checks"]["all"] == {"checks": 3, "failed": 1}
    assert kept["until"] == "2020-09"
    assert sum(sum(months.values()) for months in kept["contacts"].values()) == 137  # 1 January … 29 September
    assert "p0" not in files[0].read_text(encoding="utf-8")


def test_the_trend_holds_earlier_quarters_of_the_same_source_and_this_one(
    tmp_path: Path, opened_at: Callable[..., Store]
) -> None:
    opened, other = opened_at(Q3.end), opened_at(Q3.end, name="another county")
    folder = tmp_path / "history"
    remember(folder, Quarter(2019, 4), other, checks(2))
    remember(folder, Quarter(2020, 1), opened, checks(2))
    remember(folder, NEXT, opened, checks(2))  # later than the quarter that is asked about
    for _ in range(2):
        found = history.trend(folder, Q3, opened, checks(0, late=0.015))
        remember(folder, Q3, opened, checks(0, late=0.015))
        assert found["quarter"].unique().tolist() == ["2020Q1", "2020Q3"]
    table = found.set_index(["quarter", "category"])
    assert table.loc[("2020Q1", "all"), ["checks", "failed"]].tolist() == [3, 2]
    assert table.loc[("2020Q1", "plausibility"), ["checks", "failed"]].tolist() == [1, 1]
    assert table.loc[("2020Q3", "all"), ["checks", "failed", "late_share"]].tolist() == [4, 0, 0.015]
    assert table.loc[("2020Q3", "completeness"), ["checks", "failed"]].tolist() == [2, 0]
    assert table["late_share"].notna().sum() == 1
    assert table["rejected_share"].notna().sum() == 2


def test_at_least_five_quarters_are_kept(tmp_path: Path, opened_at: Callable[..., Store]) -> None:
    opened = opened_at(NEXT.end)
    for number in range(8):
        remember(tmp_path / "history", Quarter(2019 + number // 4, number % 4 + 1), opened, checks())
    found = history.trend(tmp_path / "history", NEXT, opened, checks())
    assert found["quarter"].nunique() == 9
    assert found["quarter"].iloc[0] == "2019Q1"


def test_contacts_that_came_in_later_are_counted_by_service(tmp_path: Path, opened_at: Callable[..., Store]) -> None:
    """Nine of the 46 contacts of July–September 2020, three of each service, and one of May came in later."""
    july = 91  # 1 July is the 182nd day after 1 January
    missing = [july + i for i in (0, 1, 2, 3, 4, 5, 24, 25, 26)]
    then = opened_at(Q3.end, without=(62, *missing))
    remember(tmp_path / "history", Q3, then, checks())
    now = opened_at(NEXT.end)
    found = late(tmp_path / "history", NEXT, now)
    assert found is not None
    row = found.iloc[0]
    assert (row["check"], row["table"], row["column"]) == ("late_arrival", "contacts", "")
    assert (row["rows"], row["failed"]) == (46, 9)
    assert sorted(part.split()[0] for part in row["detail"].split("; ")) == ["home_care", "oral_health", "primary_care"]
    entry = json.loads((tmp_path / "history" / "quality" / "2020Q3.json").read_text(encoding="utf-8"))
    by_month = history.late_arrival(entry, history.monthly(volumes(now))).groupby("lag")[["then", "now"]].sum()
    assert (by_month["now"] - by_month["then"]).to_dict() == {0: 0, 1: 3, 2: 6, 3: 0, 4: 1, 5: 0, 6: 0, 7: 0, 8: 0}


def test_late_arrival_without_something_to_compare_is_not_computed(
    tmp_path: Path, opened_at: Callable[..., Store]
) -> None:
    opened = opened_at(Q3.end)
    folder = tmp_path / "history"
    assert late(folder, Q3, opened) is None
    remember(folder, Q3, opened, checks())
    assert late(folder, Q3, opened) is None  # its own quarter
    assert late(folder, Q4, opened_at(Q4.end, name="another county")) is None
    assert late(folder, Q4, opened_at(Q4.end)) is not None


def test_a_source_of_counts_has_a_trend_and_nothing_late(tmp_path: Path) -> None:
    opened = contract_tables.build(tmp_path, {"panel": contract_tables.others()["panel"]})
    remember(tmp_path / "history", Q3, opened, checks())
    assert late(tmp_path / "history", Q4, opened) is None
    assert history.trend(tmp_path / "history", Q4, opened, checks())["quarter"].nunique() == 2


@pytest.mark.parametrize(("then", "now", "share"), [(90, 100, 0.1), (100, 90, 0.0), (0, 5, 1.0), (5, 0, 0.0)])
def test_contacts_that_were_taken_out_since_are_not_late(then: int, now: int, share: float) -> None:
    entry = {"until": "2020-09", "contacts": {"home_care": {"2020-08": then} if then else {}}}
    rows = {"service": ["home_care"], "month": [month_index(2020, 8)], "contacts": [now]}
    present = pd.DataFrame(rows)[lambda f: f["contacts"] > 0]
    found = history.late_arrival(entry, present)
    assert found[["lag", "then", "now"]].to_numpy().tolist() == [[1, then, now]]
    assert found["late_share"].iloc[0] == pytest.approx(share)


def test_a_run_before_the_quarters_end_knows_the_months_that_had_ended(
    tmp_path: Path, opened_at: Callable[..., Store]
) -> None:
    remember(tmp_path / "history", Q3, opened_at(date(2020, 9, 15)), checks())
    found = late(tmp_path / "history", Q4, opened_at(Q4.end))
    assert found is not None
    assert found[["rows", "failed"]].to_numpy().tolist() == [[46, 0]]  # June–August, and not the half of September
