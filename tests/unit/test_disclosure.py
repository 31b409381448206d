"""The door: what is hidden, how the rest is rounded, and what may not pass at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ennakointi import disclosure
from ennakointi.disclosure import DisclosureError, check_outputs, release
from ennakointi.parameters.documents import Preset
from ennakointi.result_tables import KEY, LABEL, RESULT_TABLES
from ennakointi.text import message_json

THL5 = Preset(name="thl5", threshold=5, base=10)
NAN = np.nan


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of a declared table; what a row does not name is empty."""
    columns = RESULT_TABLES[name].columns
    empty = {c.name: "" if c.kind in (KEY, LABEL) else NAN for c in columns}
    return pd.DataFrame([empty | row for row in rows], columns=[c.name for c in columns])


def debt(months: list[dict[str, Any]]) -> pd.DataFrame:
    rows = [{"month": f"2020-{i:02d}", "service": "oral_health", **row} for i, row in enumerate(months, 1)]
    return table("service_debt", rows)


def volumes(n_persons: float, contacts: float = 97.0, cost: float = 54_321.0) -> pd.Series:
    row = {
        "service": "emergency",
        "year": 2020,
        "contacts": contacts,
        "cost_eur": cost,
        "n_persons": n_persons,
    }
    return release({"volumes": table("volumes", [row])}, THL5)["volumes"].iloc[0]


@pytest.mark.parametrize("n_persons", [1, 4])
def test_a_row_of_few_persons_is_hidden_even_when_its_counts_are_large(n_persons: int) -> None:
    row = volumes(n_persons)
    assert row[["contacts", "cost_eur", "n_persons"]].isna().all()
    assert row["suppressed"] == "contacts;cost_eur;n_persons"
    assert row["service"] == "emergency"


def test_a_row_of_enough_persons_is_rounded_once() -> None:
    row = volumes(5)
    assert (row["contacts"], row["cost_eur"], row["n_persons"], row["suppressed"]) == (100, 54_000, 10, "")


def test_zero_stays_zero_only_for_no_persons() -> None:
    assert volumes(0, contacts=0, cost=0)[["contacts", "cost_eur", "n_persons"]].tolist() == [0, 0, 0]
    assert np.isnan(volumes(4, contacts=4)["contacts"])


def test_a_small_count_hides_its_row_although_persons_are_many() -> None:
    assert volumes(200, contacts=3).isna()[["contacts", "cost_eur", "n_persons"]].all()


def test_a_row_whose_persons_are_unknown_is_hidden() -> None:
    assert np.isnan(volumes(NAN)["contacts"])


def test_an_aggregate_source_is_judged_by_its_counts() -> None:
    weeks = [{"measure": "purchases", "observed": n, "expected": 103.0, "n_persons": NAN} for n in (97, 3)]
    released = release({"deviation": table("deviation", weeks)}, THL5)["deviation"]
    assert released["observed"].tolist()[0] == 100
    assert released["observed"].isna().tolist() == [False, True]
    assert released["deviation_share"].isna().all()


def test_totals_and_shares_are_computed_from_published_parts() -> None:
    row = {"expected": 1004.0, "observed": 884.0, "substituted": 16.0, "debt": 104.0, "visible": 44.0}
    row |= {"not_in_queue": 60.0, "debt_share": 0.1036, "debt_weeks": 2.08, "n_persons": 300.0}
    released = release({"debt_summary": table("debt_summary", [row])}, THL5)["debt_summary"].iloc[0]
    assert released["debt"] == 1000 - 20 - 880
    assert released["not_in_queue"] == released["debt"] - released["visible"] == 60
    assert released["debt_share"] == 0.1
    assert released["debt_weeks"] == 2.0


def test_a_total_whose_part_was_never_estimated_keeps_its_own_rounded_value() -> None:
    row = {"expected": 1004.0, "observed": 884.0, "substituted": NAN, "debt": 118.0, "n_persons": 300.0}
    released = release({"debt_summary": table("debt_summary", [row])}, THL5)["debt_summary"].iloc[0]
    assert released["debt"] == 120
    assert released["suppressed"] == ""


def test_intervals_still_hold_the_recomputed_value() -> None:
    row = {"expected": 1004.0, "observed": 875.0, "substituted": 4.0, "debt": 125.0, "debt_lo80": 118.0}
    row |= {"debt_hi80": 126.0, "debt_lo95": 119.0, "debt_hi95": 126.0, "n_persons": 300.0}
    released = release({"debt_summary": table("debt_summary", [row])}, THL5)["debt_summary"].iloc[0]
    assert released["debt"] == 120
    ends = released[["debt_lo95", "debt_lo80", "debt", "debt_hi80", "debt_hi95"]].tolist()
    assert ends == sorted(ends)


def test_effects_of_areas_are_not_hidden_for_the_number_of_areas() -> None:
    row = {"estimate": -12.345, "lo95": -19.0, "hi95": -5.0, "n_treated": 2.0, "n_comparison": 8.0}
    areas, persons = (
        release({"effects": table("effects", [row | {"counted": c, "n_persons": 900.0}])}, THL5)["effects"].iloc[0]
        for c in ("areas", "persons")
    )
    assert (areas["n_treated"], areas["n_comparison"], areas["estimate"]) == (2, 8, -12.3)
    assert persons[["n_treated", "n_comparison", "estimate"]].isna().all()


def of_thousand(*persons: float) -> dict[str, pd.DataFrame]:
    rows = [{"n_persons": n, "residents": 1000.0, "share": n / 1000} for n in persons]
    return {"target_groups": table("target_groups", rows)}


def test_all_but_a_few_is_hidden_like_a_few() -> None:
    released = release(of_thousand(400.0, 997.0), THL5)["target_groups"]
    assert released["share"].isna().tolist() == [False, True]


@pytest.mark.parametrize(("everyone", "zeros"), [("hidden", "shown"), ("shown", "hidden")])
def test_nobody_and_everybody_are_shown_as_the_policy_says(everyone: str, zeros: str) -> None:
    preset = THL5.model_copy(update={"everyone": everyone, "zeros": zeros})
    tables = of_thousand(400.0, 0.0, 1000.0)
    released = release(tables, preset)["target_groups"]
    assert released["share"].isna().tolist() == [False, zeros == "hidden", everyone == "hidden"]
    tables["target_groups"]["target_group"] = "all"
    assert release(tables, preset)["target_groups"]["share"].notna().iloc[2]  # to be a resident is no property


def test_a_rate_follows_from_its_rounded_events_and_p_values_go_with_their_row() -> None:
    """6 events in 3 person-years are 200 per 100; rounded to 10 events they read 333."""
    rows = [{"rate": 200.0, "events": n, "n_persons": 6.0} for n in (6.0, 600.0, np.nan, 0.0)]
    released = release({"effect_series": table("effect_series", rows)}, THL5)["effect_series"]
    assert released["rate"].tolist() == [333.0, 200.0, 200.0, 0.0]
    effect = table("effects", [{"p_value": 0.012, "p_adjusted": 0.02, "counted": "persons", "n_persons": 3.0}])
    assert release({"effects": effect}, THL5)["effects"][["p_value", "p_adjusted"]].isna().all(axis=None)


def test_what_is_told_of_a_queue_does_not_undo_its_rounding() -> None:
    """64 wait 9.01 weeks and 4 more than a year before: 60, 9 weeks, and no change of ten; hidden rows tell nothing."""
    queue = {
        "waiting": 64.0,
        "mean_wait_weeks": 9.01,
        "limit_weeks": 13.0,
        "pressure": 1.386,
        "growth_per_month": 4 / 12,
    }
    more = {"n_persons": 60.0, "growing": "growing", "backtest_error_12": 0.3, "disagreement": 0.2}
    rows = [queue | more, queue | more | {"growth_per_month": 0.5}, queue | more | {"n_persons": 3.0}]
    released = release({"queue_pressure": table("queue_pressure", rows)}, THL5)["queue_pressure"]
    told = released[["waiting", "mean_wait_weeks", "pressure", "growth_per_month"]]
    assert told.iloc[0].tolist() == [60.0, 9.0, 1.38, 0.0]
    assert told["growth_per_month"].iloc[1] == 0.833
    assert released[["backtest_error_12", "disagreement", "waiting"]].iloc[2].isna().all()
    assert released["growing"].tolist() == ["growing", "growing", ""]


def test_work_follows_from_the_published_debt() -> None:
    rows = [{"expected": 100.0, "substituted": 0.0, "observed": 82.0, "debt": 18.0, "fte": 0.9, "n_persons": 50.0}]
    released = release({"debt_summary": table("debt_summary", rows)}, THL5)["debt_summary"].iloc[0]
    assert (released["debt"], released["fte"]) == (20.0, 1.0)


def test_a_month_hidden_in_one_table_is_hidden_where_another_tells_the_same() -> None:
    months = debt([month(n, 10.0, 10.0 * i) for i, n in enumerate((40, 3, 40, 40))])
    same = {"target_group": "", "service": "oral_health", "municipality": "all", "period": "used", "frequency": "M"}
    rows = [same | {"month": m, "observed": 90.0, "n_persons": n} for m, n in zip(months["month"], months["n_persons"])]
    tables = {"service_debt": months, "forecast_history": table("forecast_history", rows)}
    released = release(tables, THL5)
    hidden = released["service_debt"]["observed"].isna().tolist()
    assert released["forecast_history"]["observed"].isna().tolist() == hidden == [False, True, True, False]


def month(n_persons: int, gap: float, cumulated: float) -> dict[str, Any]:
    return {
        "n_persons": n_persons,
        "expected": 90 + gap,
        "observed": 90.0,
        "substituted": 0.0,
        "gap": gap,
        "debt": cumulated,
    }


def hidden_months(persons: list[int]) -> list[bool]:
    released = release({"service_debt": debt([month(n, 10.0, 10.0 * i) for i, n in enumerate(persons)])}, THL5)
    months: list[bool] = released["service_debt"]["debt"].isna().tolist()
    return months


def test_a_hidden_month_takes_its_neighbour_along_so_that_debts_do_not_tell_its_gap() -> None:
    assert hidden_months([20, 3, 20, 20]) == [False, True, True, False]


def test_the_last_month_takes_the_one_before() -> None:
    assert hidden_months([20, 20, 20, 2]) == [False, False, True, True]


def test_months_without_persons_are_no_protection() -> None:
    assert hidden_months([20, 3, 0, 2, 20, 20]) == [False, True, True, True, True, False]


def test_each_series_has_its_own_months() -> None:
    frame = debt([month(n, 10.0, 0.0) for n in (20, 3, 20, 20)])
    other = frame.assign(service="mental_health", n_persons=20.0)
    released = release({"service_debt": pd.concat([frame, other])}, THL5)["service_debt"]
    assert released["debt"].isna().tolist() == [False, True, True, False] + [False] * 4


def test_months_that_were_never_estimated_hide_nothing() -> None:
    frame = debt([{"n_persons": NAN}, month(20, 10.0, 0.0), month(20, 10.0, 10.0)])
    released = release({"service_debt": frame}, THL5)["service_debt"]
    assert released["suppressed"].tolist() == ["", "", ""]
    assert released["debt"].isna().tolist() == [True, False, False]


def test_numbers_inside_sentences_pass_the_door_too() -> None:
    values = {
        "n_persons": 3,
        "persons": 47,
        "ratio": 0.123456,
        "first_month": 24243,
        "word": "x",
        "n_areas": 3,
    }
    rows = [
        {
            "service": "s",
            "check": "c",
            "passed": "no",
            "message": message_json("{n_persons} {persons}", values),
        }
    ]
    released = release({"debt_checks": table("debt_checks", rows)}, THL5)["debt_checks"]
    assert json.loads(released["message"].iloc[0])["values"] == {
        "n_persons": None,
        "persons": 50.0,
        "ratio": 0.123,
        "first_month": 24243,
        "word": "x",
        "n_areas": 3.0,
    }


def test_a_sentence_of_a_hidden_row_tells_no_number() -> None:
    row = {"n_persons": 3.0, "expected": 40.0, "reason": message_json("{a} of {b}", {"a": 40.0, "b": "x"})}
    released = release({"debt_summary": table("debt_summary", [row])}, THL5)["debt_summary"]
    assert json.loads(released["reason"].iloc[0])["values"] == {"a": None, "b": "x"}


@pytest.mark.parametrize("name", sorted(RESULT_TABLES))
def test_a_table_without_rows_stays_a_table(name: str) -> None:
    released = release({name: table(name, [])}, THL5)[name]
    assert list(released.columns) == [*RESULT_TABLES[name].names, "suppressed"]
    assert released.empty


def test_the_caller_s_table_is_left_alone() -> None:
    frame = table("volumes", [{"n_persons": 3.0, "contacts": 7.0}])
    before = frame.copy()
    release({"volumes": frame}, THL5)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(extra=1), "undeclared: extra"),
        (lambda f: f.drop(columns="contacts"), "missing: contacts"),
        (lambda f: f.assign(person=1), "holds persons"),
        (lambda f: f.assign(person_id="a"), "holds persons"),
        (lambda f: f.assign(suppressed=""), "already released"),
    ],
)
def test_nothing_undeclared_leaves(change: Any, message: str) -> None:
    with pytest.raises(DisclosureError, match=message):
        release({"volumes": change(table("volumes", [{"n_persons": 9.0}]))}, THL5)


def test_an_undeclared_table_does_not_leave() -> None:
    with pytest.raises(DisclosureError, match="no such table"):
        release({"patients": pd.DataFrame({"a": [1]})}, THL5)


def test_a_rounding_that_would_show_small_counts_as_zero_is_refused() -> None:
    with pytest.raises(DisclosureError, match="at least half the base"):
        release({}, Preset(name="own", threshold=3, base=10))


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.html", "see /home/someone/data", "path of the machine"),
        ("a.csv", "C:\\Users\\someone", "path of the machine"),
        ("a.json", '{"person_id": 17}', "column of persons"),
        ("a.csv", "month,person_id\n2020-01,17\n", "column of persons"),
        ("a.html", "<th>person_id</th>", "column of persons"),
        ("a.ipynb", '{"cells": [{"outputs": [{"output_type": "stream", "text": "17"}]}]}', "hidden data"),
        ("a.ipynb", '{"cells": [{"outputs": [{"data": {"application/json": {}}}]}]}', "hidden data"),
        ("a.html", "application/vnd.dataresource+json", "hidden data"),
        ("a.html", "read from /srv/delivery/x", "folder of this run"),
        ("a.html", "made by analyst7", "name of the user"),
        ("a.parquet", "", "not checked"),
    ],
)
def test_finished_files_are_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, kind: str
) -> None:
    monkeypatch.setattr(disclosure.scan.getpass, "getuser", lambda: "analyst7")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / name).write_text(content, encoding="utf-8")
    with pytest.raises(DisclosureError, match=kind) as caught:
        check_outputs(tmp_path, ["/srv/delivery"])
    assert f"tables/{name}" in str(caught.value)
    assert not content or content not in str(caught.value)


def test_an_ordinary_page_passes(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text('<a href="tables/x.csv">and/or</a> <a href="https://example.fi/home/a">')
    (tmp_path / "quality.html").write_text('<tr><th scope="row">person_id</th><td>3 % missing</td></tr>')
    (tmp_path / "quality.csv").write_text("table,column,failed\ncontacts,person_id,3\n")
    (tmp_path / "a.ipynb").write_text('{"cells": [{"outputs": [{"data": {"text/html": "x"}}]}, {"source": "x"}]}')
    check_outputs(tmp_path)
