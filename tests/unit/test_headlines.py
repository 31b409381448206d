"""Headline figures: what they read, how they are judged, why they changed, and what is remembered of them."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import headline_tables as made
import numpy as np
import pandas as pd
import pytest
from page_tables import THL5

from ennakointi import disclosure, headlines, parameters
from ennakointi.headlines import figures, memory, splitting
from ennakointi.headlines.figures import Register
from ennakointi.periods import Quarter, month_text
from ennakointi.result_tables import RESULT_TABLES

REGISTER = Register("county", 900.0, "full", 5)


@pytest.fixture(scope="module")
def shipped() -> parameters.Parameters:
    return parameters.load()


def results(now: float = 120.0) -> dict[str, pd.DataFrame]:
    """Unrounded results with one cell for each kind of figure."""
    debt = {"debt": 40.0, "debt_lo80": 20.0, "debt_hi80": 60.0, "debt_lo95": 10.0, "debt_hi95": 70.0}
    summary = {"service": "all", "status": "debt", **debt, "debt_weeks": 4.0, "now": now, "n_persons": 300.0}
    summary |= {"now_lo80": np.nan, "now_hi80": np.nan}
    groups = [{"target_group": name, **summary} for name in ("all", "older_people")]
    groups += [{**groups[1], "target_group": "small", "status": "refused"}]
    years = [("all", "projection_2024", 2025, "model", 1000.0), ("all", "projection_2024", 2026, "model", 1050.0)]
    years += [("all", "projection_2024+digital", 2026, "model", 900.0), ("all", "projection_2020", 2026, "model", 1.0)]
    outlook = pd.DataFrame(years, columns=["target_group", "variant", "year", "basis", "contacts"])
    ledger = pd.DataFrame(
        [("2025Q2", "primary_care", 1, 40), ("2025Q2", "oral_health", 1, 40), ("2025Q2", "mental_health", 0, 40),
         ("2025Q2", "substance_use", 0, 2), ("2025Q2", "all", 1, 90), ("2025Q1", "primary_care", 0, 40)],
        columns=["made", "service", "inside80_latest", "n_persons"],
    ).assign(target_group="all", months=3)  # fmt: skip
    pressure = [("primary_care", 1.2, 36), ("oral_health", 2.0, 400), ("mental_health", 0.5, 100), ("home_care", 3, 9)]
    return {
        "debt_summary": pd.DataFrame(groups),
        "demand_outlook": outlook.assign(service="all", lo80=900.0, hi80=1200.0, n_persons=300.0),
        "forecast_ledger": ledger,
        "intervention_ranking": pd.DataFrame({"verdict": ["works", "probably_works", "cannot_say"]}),
        "queue_pressure": pd.DataFrame(pressure, columns=["service", "pressure", "waiting"]).assign(
            target_group="all", n_persons=50.0
        ),
        "quality_trend": pd.DataFrame({"quarter": ["2025Q3"], "category": ["all"], "rejected_share": [0.002]}),
    }


def read(shipped: parameters.Parameters) -> dict[tuple[str, str], figures.Figure]:
    found = figures.read(shipped.indicators.headlines, results(), shipped.services, made.Q3, REGISTER)
    return {(one.indicator, one.target_group): one for one in found}


def test_every_kind_reads_its_cell(shipped) -> None:
    values = {name: one.value for (name, group), one in read(shipped).items() if group == "all"}
    assert values == pytest.approx(
        {"service_debt": 40, "debt_weeks": 4, "debt_now": 120, "need_next_year": 1050, "forecast_hits": 2 / 3,
         "evidence": 2, "queues_over_limit": 2, "rejected_share": 0.002}
    )  # fmt: skip


def test_intervals_follow_their_source(shipped) -> None:
    known = read(shipped)
    weeks, hits = known["debt_weeks", "all"], known["forecast_hits", "all"]
    assert (weeks.lo80, weeks.hi80, weeks.lo95, weeks.hi95) == pytest.approx((2, 6, 1, 7))
    # Wilson's 80 % interval of 2 of 3 services: (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.2816
    assert (hits.lo80, hits.hi80) == pytest.approx((0.3212, 0.8942), abs=1e-4)
    queues = known["queues_over_limit", "all"]  # of 36 waiting at 1.2 it is not sure: 1.2 ± 0.26
    assert (queues.lo80, queues.hi80) == (1, 2)
    assert np.isnan(known["debt_now", "all"].lo80)


def test_groups_have_what_is_known_of_groups(shipped) -> None:
    groups = {group for _, group in read(shipped)}
    assert groups == {"all", "older_people"}
    assert ("evidence", "older_people") not in read(shipped)


@pytest.mark.parametrize(
    ("value", "low", "high", "target", "better", "expected"),
    [
        (5, 3, 8, 4, "less", "unsure"),
        (5, 3, 8, 9, "less", "met"),
        (5, 3, 8, 2, "less", "not_met"),
        (5, 3, 8, 2, "more", "met"),
        (5, 3, 8, 9, "more", "not_met"),
        (0, 0, 0, 0, "less", "met"),
        (5, np.nan, np.nan, 9, "less", "unsure"),
        (np.nan, np.nan, np.nan, 9, "less", "not_measured"),
        (5, 3, 8, None, "less", "no_target"),
    ],
)
def test_a_target_inside_the_interval_is_unsure(value, low, high, target, better, expected) -> None:
    assert headlines.status(value, low, high, target, better) == expected


def split(kind: str, before: float, after: float, **changes) -> splitting.Split:
    then = made.told(made.Q2, [], made.THEN, **changes)
    now = made.told(made.Q3, [], made.NOW)
    return splitting.split(then, now, made.figure("x", kind, before), made.figure("x", kind, after))


def parts(found: splitting.Split) -> tuple[float, ...]:
    return found.late, found.definitions, found.new_events, found.real


def test_a_debt_that_runs_on_is_split_by_hand() -> None:
    """120 → 168: 3 contacts came late, the estimate is 6 higher, three months at 10, and 3 × 5 more than that."""
    assert parts(split("debt_now", 120, 168)) == pytest.approx((-3, 6, 30, 15))


def test_nothing_changed_is_all_zero() -> None:
    then = made.told(made.Q2, [], made.THEN)
    same = splitting.split(then, replace(then, quarter=made.Q3), *[made.figure("x", "debt_now", 120.0)] * 2)
    assert parts(same) == (0, 0, 0, 0)


def test_a_window_that_has_ended_takes_no_new_months() -> None:
    """40 → 46: the estimate of the first month. In weeks at 0.1 a contact, and with 2 late contacts in the window."""
    assert parts(split("debt", 40, 46)) == pytest.approx((0, 6, 0, 0))
    late = made.account([10, 10, 8, 10] + [10] * 8, [50, 50, 52] + [50] * 9)
    then, now = made.told(made.Q2, [], made.THEN), made.told(made.Q3, [], late)
    found = splitting.split(then, now, made.figure("x", "debt_weeks", 4.0), made.figure("x", "debt_weeks", 3.9))
    assert parts(found) == pytest.approx((-0.2, 0.1, 0, 0))


def test_months_covered_otherwise_than_then_are_not_late() -> None:
    now = made.told(made.Q3, [], made.NOW.assign(covered_share=0.9))
    then = made.told(made.Q2, [], made.THEN)
    assert splitting.revision(then, now, "all", 100, 111) == 0
    assert splitting.revision(then, made.told(made.Q3, [], made.NOW), "all", 100, 111) == 3


def test_the_real_change_is_judged_by_how_months_vary() -> None:
    """Gaps 8 and 12 in turn: s = √(48 / 11); three months against twelve have the variance s² (3 + 9 / 12)."""
    months = made.account([8, 12] * 6, [50] * 12)
    then = made.told(made.Q2, [], months)
    now = made.told(made.Q3, [], made.account([8, 12] * 6 + [11] * 3, [50] * 15))
    found = splitting.split(then, now, made.figure("x", "debt_now", 120.0), made.figure("x", "debt_now", 153.0))
    gaps = np.array([12, 8] * 5 + [12])
    assert found.noise_real == pytest.approx(1.28155 * gaps.std(ddof=1) * np.sqrt(3 + 9 / 11), rel=1e-4)
    assert found.real == pytest.approx(33 - 3 * gaps.mean())


def need(years: dict[int, float], quarter: Quarter, digests: dict[str, str] | None = None) -> memory.Told:
    table = pd.DataFrame({"target_group": "all", "year": list(years), "contacts": list(years.values())})
    return made.told(quarter, [], made.THEN if quarter.number == 4 else made.NOW, need=table,
                     **({} if digests is None else {"digests": digests}))  # fmt: skip


def test_the_need_of_another_year_is_new() -> None:
    """1,000 of 2026 → 1,080 of 2027, of which 1,050 were told then; 3 contacts of the last year came late."""
    then, now = need({2026: 1000, 2027: 1050}, Quarter(2025, 4)), need({2027: 1080}, Quarter(2026, 1))
    ends = made.figure("x", "need_next_year", 1000.0), made.figure("x", "need_next_year", 1080.0)
    assert parts(splitting.split(then, now, *ends)) == pytest.approx((3, 0, 50, 27))
    other = need({2027: 1080}, Quarter(2026, 1), {"debt.yml": "b", "mode": "full"})
    found = splitting.split(then, other, *ends)
    assert np.isnan([found.definitions, found.real]).all()
    assert "debt.yml" in found.reasons[0]


def test_another_baseline_has_no_parts() -> None:
    found = split("debt_now", 120, 168, calendar=(60, 95, 100, 104))
    assert np.isnan(parts(found)).all()
    assert "comparison period" in found.reasons[0]


def test_the_interval_of_a_change_takes_errors_as_independent() -> None:
    """Half-widths 3 and 4 make 5."""
    low, high = splitting.total_interval(made.figure("x", "debt", 10.0, 3.0), made.figure("x", "debt", 16.0, 4.0))
    assert (low, high) == pytest.approx((1, 11))


def tables(shipped, history: Path, now: memory.Told, external: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    return headlines.tables(history, now, shipped, external, 900.0)


def quarter_of(shipped, quarter: Quarter, source: str = "county", months: int = 12, now: float = 120.0) -> memory.Told:
    """A quarter with the account of `headline_tables` at the shipped calendar."""
    debt = pd.DataFrame(
        {"target_group": "all", "service": service, "month": month_text(shipped.debt.window_first + k),
         "period": "after", "observed": 50.0, "covered_share": 1.0, "debt": 10.0 * (k + 1)}
        for service in ("primary_care", "all") for k in range(months)
    )  # fmt: skip
    found = {**results(now), "service_debt": debt}
    return headlines.told(quarter, replace(REGISTER, source=source), shipped, found)


def remember(shipped, history: Path, told: memory.Told) -> None:
    released = disclosure.release({"indicators": tables(shipped, history, told)["indicators"]}, THL5)
    headlines.remember(history, told, released["indicators"])


def test_the_tables_are_as_declared_and_the_first_quarter_says_so(shipped, tmp_path: Path) -> None:
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3))
    assert {name: list(table) for name, table in found.items()} == {
        name: list(RESULT_TABLES[name].names) for name in ("indicators", "changes")
    }
    assert found["changes"]["total"].isna().all()
    assert found["changes"]["reason"].str.contains("No earlier quarter").all()
    rows = found["indicators"].to_dict("records")
    judged = {row["indicator"]: (row["target_kind"], row["status"]) for row in rows if row["target_kind"]}
    assert judged == {
        "forecast_hits": ("indicator", "unsure"),
        "queues_over_limit": ("indicator", "not_met"),
        "rejected_share": ("indicator", "met"),
    }


def test_the_next_quarter_is_compared_and_keeps_the_trend(shipped, tmp_path: Path) -> None:
    remember(shipped, tmp_path, quarter_of(shipped, made.Q2))
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3, months=15, now=150.0))
    row = found["changes"].set_index(["indicator", "target_group"]).loc["debt_now", "all"]
    assert row["since"] == "2025Q2"
    assert row[["late", "definitions", "new_events", "real", "total"]].astype(float).tolist() == [0, 0, 30, 0, 30]
    trend = found["indicators"].query("indicator == 'debt_now' and target_group == 'all'").set_index("period")["value"]
    assert trend.to_dict() == {"2025Q2": 120.0, "2025Q3": 150.0}
    same = found["changes"].set_index(["indicator", "target_group"]).loc["service_debt", "all"]
    assert (same["total"], same["within_uncertainty"]) == (0, "yes")


def test_what_was_hidden_is_not_remembered(shipped, tmp_path: Path) -> None:
    told = quarter_of(shipped, made.Q2)
    few = tuple(replace(one, n_persons=3.0) if one.target_group == "older_people" else one for one in told.figures)
    rows = tuple({**row, "n_persons": 3.0} if row["target_group"] == "older_people" else row for row in told.rows)
    remember(shipped, tmp_path, replace(told, figures=few, rows=rows))
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3))["changes"].set_index("target_group")
    assert found.loc["older_people", "total"].isna().all()
    assert found.loc["older_people", "reason"].str.contains("not told").all()


def test_only_this_user_reads_it_and_only_the_own_quarter_is_replaced(shipped, tmp_path: Path) -> None:
    for number in (1, 2):
        remember(shipped, tmp_path, quarter_of(shipped, Quarter(2025, number)))
    files = sorted((tmp_path / "headlines").glob("*"))
    assert [path.name for path in files] == ["2025Q1.json", "2025Q2.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "headlines").stat().st_mode) == 0o700
    first = files[0].read_bytes()
    remember(shipped, tmp_path, quarter_of(shipped, made.Q2, now=99.0))
    assert files[0].read_bytes() == first
    assert json.loads(files[1].read_text())["source"] == "county"


def test_groups_that_a_run_did_not_make_are_kept(shipped, tmp_path: Path) -> None:
    told = quarter_of(shipped, made.Q2)
    remember(shipped, tmp_path, told)
    of_all = replace(told, figures=tuple(one for one in told.figures if one.target_group == "all"))
    remember(shipped, tmp_path, of_all)
    [kept] = memory.earlier(tmp_path, made.Q3)
    assert kept.figure("service_debt", "older_people") is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"source": "county"}', '{"series": 3}'])
def test_a_file_that_cannot_be_read_costs_nothing(shipped, tmp_path: Path, caplog, content: str) -> None:
    (tmp_path / "headlines").mkdir()
    (tmp_path / "headlines" / "2025Q2.json").write_text(content)
    (tmp_path / "headlines" / "notes.json").write_text("{}")
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3))
    assert len(found["indicators"])
    assert "cannot be read" in caplog.text


def test_another_source_is_not_compared(shipped, tmp_path: Path) -> None:
    remember(shipped, tmp_path, quarter_of(shipped, made.Q2, source="elsewhere"))
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3))["changes"]
    assert found["total"].isna().all()
    assert found["reason"].str.contains("another source").all()


def test_external_figures_are_listed_as_given(shipped, tmp_path: Path) -> None:
    given = pd.DataFrame(
        [("remote_share_target", "09", "2025Q4", 45.0, "plan"), ("lab_visits", "09", "2024", 17.0, "accounts")],
        columns=["indicator", "region", "period", "value", "source"],
    )
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3), given)["indicators"].set_index("indicator")
    target, figure = found.loc["remote_share_target"], found.loc["lab_visits"]
    assert (target["target"], target["target_kind"], target["status"]) == (45, "project", "not_measured")
    assert pd.isna(target["value"])
    assert (figure["value"], figure["source"], figure["status"], figure["unit"]) == (17, "accounts", "no_target", "")


def test_the_published_figure_is_that_of_its_cell_and_parts_add_up(shipped, tmp_path: Path) -> None:
    remember(shipped, tmp_path, quarter_of(shipped, made.Q2))
    found = tables(shipped, tmp_path, quarter_of(shipped, made.Q3, months=15, now=147.3))
    found["changes"].loc[found["changes"]["indicator"] == "debt_now", "late"] = -3.0  # fewer than the threshold
    released = disclosure.release(found, THL5)["changes"].set_index(["indicator", "target_group"])
    row = released.loc["debt_now", "all"]
    assert row["late"] == 0
    assert row[["late", "definitions", "new_events", "real"]].sum() == row["total"] == row["after"] - row["before"]
    assert row["total"] % 10 == 0


def test_documents_that_cannot_be_are_told(tmp_path: Path) -> None:
    text = (parameters.shipped("parameters") / "indicators.yml").read_text(encoding="utf-8")
    wrong = text.replace("kind: evidence\n    better: more", "kind: evidence\n    better: more\n    by_group: true")
    assert wrong != text
    (tmp_path / "indicators.yml").write_text(wrong, encoding="utf-8")
    with pytest.raises(parameters.ParameterError, match=r"indicators\.yml: headlines\.evidence.*by_group"):
        parameters.load(tmp_path)
