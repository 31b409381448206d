"""A debt behind the disclosure door: the same number in every table, balances that are exact, hidden stays hidden."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import county_panel
import numpy as np
import pandas as pd
import pytest
from county_panel import Planted

from ennakointi import debt, parameters
from ennakointi.disclosure import release
from ennakointi.parameters.documents import Label, Preset, Service
from ennakointi.result_tables import KEY, LABEL, RESULT_TABLES

WINDOW = county_panel.WINDOW[0]
THL5 = Preset(name="thl5", threshold=5, base=10)
END, LAST = "2021-12", "2025-09"
NAN = np.nan
EXACT = {
    "expected": 1004.0,
    "observed": 884.0,
    "substituted": 16.0,
    "debt": 104.0,
    "visible": 44.4,
    "lost": 35.1,
    "lost_died": 5.2,
    "lost_moved": 5.3,
    "lost_not_needed": 24.6,
    "hidden": 14.0,
    "unexplained": 10.5,
}


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows of a declared table; what a row does not name is empty."""
    columns = RESULT_TABLES[name].columns
    empty = {c.name: "" if c.kind in (KEY, LABEL) else NAN for c in columns}
    keys = {"target_group": "all", "service": "oral_health", "n_persons": 300.0}
    return pd.DataFrame([empty | keys | row for row in rows], columns=[c.name for c in columns])


def made(values: dict[str, float], **more: Any) -> dict[str, pd.DataFrame]:
    """One service: its summary, its parts at the end of the window and later, and two months."""
    ends = {"debt_lo80": values["debt"] - 1, "debt_hi80": values["debt"] + 1}
    keys = {name: value for name, value in more.items() if name in ("service", "n_persons")}
    own = {name: value for name, value in values.items() if not name.startswith("lost_")}
    later = {name: 2.3 * value for name, value in values.items()}
    months = [
        {"month": month, **own, "expected": 50.0, "observed": 44.0, "substituted": 1.0, "gap": 5.0}
        for month in ("2021-11", END)
    ]
    return {
        "debt_summary": table("debt_summary", [{"until": END, "debt_share": 0.1, **own, **ends, **keys}]),
        "debt_parts": table(
            "debt_parts",
            [
                {"month": month, "part": part, "value": value, "lo80": value - 1, "hi80": value + 1, **keys}
                for month, of in ((END, values), (LAST, later))
                for part, value in of.items()
            ],
        ),
        "service_debt": table("service_debt", [{**month, **ends, **keys} for month in months]),
    }


def parts(released: dict[str, pd.DataFrame], month: str = END, service: str = "oral_health") -> pd.Series:
    rows = released["debt_parts"].query("month == @month and service == @service")
    return rows.set_index("part")["value"]


def balances(found: pd.Series) -> list[float]:
    return [
        found["debt"] - found[["visible", "lost", "hidden", "unexplained"]].sum(),
        found["lost"] - found[["lost_died", "lost_moved", "lost_not_needed"]].sum(),
        found["expected"] - found[["observed", "substituted", "debt"]].sum(),
    ]


def test_parts_balance_and_read_as_the_summary_worked_by_hand() -> None:
    """1,000 − 880 − 20 = 100; 40 wait, 40 ended (10 died, 10 moved, 20 others), 10 are hidden, 10 are left over."""
    found = release(made(EXACT), THL5)
    values = parts(found).to_dict()
    account = {"expected": 1000, "observed": 880, "substituted": 20, "debt": 100}
    ended = {"lost": 40, "lost_died": 10, "lost_moved": 10, "lost_not_needed": 20}
    assert values == account | ended | {"visible": 40, "hidden": 10, "unexplained": 10}
    summary, month = found["debt_summary"].iloc[0], found["service_debt"].iloc[-1]
    for name in ("debt", "visible", "lost", "hidden", "unexplained"):
        assert values[name] == summary[name] == month[name]
    assert balances(parts(found, LAST)) == [0, 0, 0]


def test_the_debt_is_that_of_the_summary_where_its_own_rounding_is_another() -> None:
    """1,004 − 875 − 4 = 125: 130 alone, but 1,000 − 880 − 0 = 120 from published parts; intervals hold it."""
    found = release(made({**EXACT, "observed": 875.0, "substituted": 4.0, "debt": 125.0, "unexplained": 31.5}), THL5)
    row = found["debt_parts"].query("month == @END and part == 'debt'").iloc[0]
    before, month = found["service_debt"].iloc[0], found["service_debt"].iloc[-1]
    assert [before["debt"], month["debt"], row["value"], found["debt_summary"]["debt"].iloc[0]] == [130, 120, 120, 120]
    assert row["lo80"] <= 120 <= row["hi80"]
    assert month["debt_lo80"] <= 120 <= month["debt_hi80"]
    assert balances(parts(found)) == [0, 0, 0]
    assert month["gap"] == month["expected"] - month["substituted"] - month["observed"]


def test_needs_that_ended_are_never_counted_below_zero() -> None:
    """5 died and 6 moved of 14: 10, 10 and −10 of 10; the larger gives way, the first of equals."""
    few = {"lost": 14.0, "lost_died": 5.0, "lost_moved": 6.0, "lost_not_needed": 3.0, "unexplained": 31.6}
    values = parts(release(made({**EXACT, **few}), THL5))
    assert values[["lost", "lost_died", "lost_moved", "lost_not_needed"]].tolist() == [10, 0, 10, 0]
    assert balances(values) == [0, 0, 0]


def test_what_was_never_estimated_leaves_the_rest_as_it_is() -> None:
    tables = made({**EXACT, "hidden": NAN, "unexplained": NAN})
    tables["debt_parts"] = tables["debt_parts"][lambda rows: ~rows["part"].isin(["hidden", "unexplained"])]
    found = release(tables, THL5)
    values = parts(found)
    assert "unexplained" not in values
    assert values[["debt", "visible", "lost"]].tolist() == [100, 40, 40]
    assert balances(values.reindex([*EXACT]))[1:] == [0, 0]
    assert (found["debt_parts"]["suppressed"] == "").all()


def test_a_hidden_part_hides_the_parts_that_would_tell_it() -> None:
    tables = made(EXACT)
    rows = tables["debt_parts"]
    rows.loc[(rows["part"] == "lost_died") & (rows["month"] == END), "n_persons"] = 3.0
    found = release(tables, THL5)["debt_parts"]
    assert found.loc[found["month"] == END, ["value", "lo80", "hi80", "n_persons"]].isna().all(axis=None)
    assert (found.loc[found["month"] == END, "suppressed"] == "value;lo80;hi80;n_persons").all()
    assert found.loc[found["month"] == LAST, "value"].notna().all()


def test_a_hidden_summary_hides_its_parts_and_no_others() -> None:
    few, many = made(EXACT), made(EXACT, service="primary_care")
    few["debt_summary"]["n_persons"] = 4.0
    both = {name: pd.concat([few[name], many[name]], ignore_index=True) for name in few}
    found = release(both, THL5)
    assert parts(found).isna().all()
    assert parts(found, LAST).notna().all()
    assert balances(parts(found, service="primary_care")) == [0, 0, 0]


def test_a_hidden_month_stays_hidden_at_the_end_of_the_window() -> None:
    tables = made(EXACT)
    tables["service_debt"].loc[1, "n_persons"] = 3.0
    found = release(tables, THL5)["service_debt"]
    assert found.loc[1, ["debt", "visible", "gross", "debt_lo80"]].isna().all()
    assert "debt" in found.loc[1, "suppressed"].split(";")


def test_rows_of_record_in_other_tables_read_as_the_summary() -> None:
    """125 → 120 as in the summary; a variant of 133 → 130 changes it by 10; `return` speaks of another number."""
    values = {**EXACT, "observed": 875.0, "substituted": 4.0, "debt": 125.0}
    tables = made(values, service="all")
    members = {"axis": "members", "part": "members", "expected": 1004.0, "debt": 125.0, "share": 125 / 1004}
    tables["debt_equity"] = table("debt_equity", [{"service": "all", **members}])
    views = [{"source": "data", "value": 125.0}, {"source": "chief", "value": 125.0}]
    tables["debt_views"] = table("debt_views", [{"service": "all", **view} for view in views])
    variants = [("trend", "record", 125.0), ("trend", "none", 133.0), ("return", "record", 125.0)]
    rows = [{"choice": c, "variant": v, "value": x, "change": x - 125.0} for c, v, x in variants]
    tables["debt_sensitivity"] = table("debt_sensitivity", rows).drop(columns="service", errors="ignore")
    found = release(tables, THL5)
    assert found["debt_equity"].loc[0, ["expected", "debt", "share"]].tolist() == [1000, 120, 0.12]
    assert found["debt_views"]["value"].tolist() == [120, 130]
    assert found["debt_sensitivity"][["value", "change"]].to_numpy().tolist() == [[120, 0], [130, 10], [130, 0]]


def test_gross_debt_less_what_was_returned_is_the_debt() -> None:
    values = {**EXACT, "observed": 875.0, "substituted": 4.0, "debt": 125.0, "gross": 125.0, "returned": 0.0}
    found = release(made(values), THL5)
    assert found["debt_summary"]["gross"].iloc[0] == found["service_debt"]["gross"].iloc[-1] == 120


def test_parts_without_a_summary_balance_too() -> None:
    found = release({"debt_parts": made({**EXACT, "visible": 45.0, "unexplained": 9.9})["debt_parts"]}, THL5)
    assert balances(parts(found)) == [0, 0, 0]


@pytest.fixture(scope="module")
def computed() -> dict[str, pd.DataFrame]:
    """A small county whose services have a queue and a person model, without rounding."""
    truth = county_panel.make(
        {"primary_care": Planted(missing=0.2), "oral_health": Planted(0.5, 0.3, missing=0.3)}, seed=3, residents=4_000
    )
    label = Label(fi="a", sv="a", en="a")
    facts = {"sector": "health", "level": "basic", "care_guarantee": None, "debt_kind": "care"}
    services = {
        code: Service(code=code, label=label, unit_cost_eur=50.0, minutes_per_contact=20.0, **facts)
        for code in truth.panel.services
    }
    months = county_panel.MONTHS
    queue = pd.DataFrame(
        {"service": "primary_care", "municipality": "398", "month": months, "waiting": 40.0 + 20 * (months >= WINDOW)}
    ).assign(persons=30.0)
    panel = replace(truth.panel, queue=queue)
    told = {"net_missing": 900.0, "net_missing_sd": 90.0, "expected": 6000.0, "correlation": 0.0}
    persons = pd.DataFrame([{"service": "primary_care", "status": "estimated", **told}]).assign(
        died_per_month=0.002, moved_per_month=0.001
    )
    settings = parameters.load().debt.model_copy(update={"n_paths": 60})
    found = debt.accounts(panel, settings, services, 7, persons=persons)
    return dict(debt.estimate(panel, settings, services, found).tables)


def test_computed_parts_balance_after_the_door(computed: dict[str, pd.DataFrame]) -> None:
    found = release(computed, THL5)
    exact = computed["debt_parts"].set_index(["service", "month", "part"])["value"]
    wide = found["debt_parts"].pivot_table("value", ["service", "month"], "part")
    assert len(wide) == 2 * 3  # all and two services; the end of the window and of the data
    known = wide.dropna()  # primary care and all: only they have a queue and a person model
    assert known.index.get_level_values("service").unique().tolist() == ["all", "primary_care"]
    assert (known["hidden"] > 0).all()
    assert (known["debt"] == known[["visible", "lost", "hidden", "unexplained"]].sum(axis=1)).all()
    assert (wide["lost"] == wide[["lost_died", "lost_moved", "lost_not_needed"]].sum(axis=1)).all()
    assert (wide["expected"] == wide[["observed", "substituted", "debt"]].sum(axis=1)).all()
    ends = found["debt_summary"].set_index(["service", "until"])
    for name in ("expected", "debt", "lost", "visible", "hidden", "unexplained"):
        ours, theirs = wide[name].reindex(ends.index), ends[name]
        assert ((ours == theirs) | (ours.isna() & theirs.isna())).all()
    shown = found["debt_parts"].set_index(["service", "month", "part"])["value"]
    assert (shown - exact).abs().max() <= 2 * THL5.base
