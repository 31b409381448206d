"""Every row on its way from the source to the panels is somewhere, and what leaves has its reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import contract_tables
import counted_county
import pandas as pd
import pytest

from ennakointi import panel
from ennakointi.panel import fates
from ennakointi.panel.axes import Axes
from ennakointi.quality import attrition

pytestmark = counted_county.TOGETHER


def chained(rows: pd.DataFrame) -> bool:
    """Whether every line begins with what the line before left, and nothing is lost within a line."""
    inside = rows["rows_before"] - rows["excluded"] == rows["rows_after"]
    follows = rows["rows_before"].iloc[1:].tolist() == rows["rows_after"].iloc[:-1].tolist()
    return bool(inside.all()) and follows and rows["place"].tolist() == list(range(1, len(rows) + 1))


def told(rows: pd.DataFrame) -> list[tuple[str, str, int]]:
    return list(rows[["step", "reason", "excluded"]].itertuples(index=False, name=None))


def test_rejected_rows_count_once_under_the_first_rule_they_break(tmp_path: Path) -> None:
    """Of 200 contacts: one breaks three rules, one is an orphan, one stands twice, two lie after the cut."""
    contacts = contract_tables.contacts()
    contacts.loc[3, ["service", "cost_eur"]] = ["dentistry", -4.0]
    contacts.loc[3, "person_id"] = "nobody"
    contacts.loc[4, "person_id"] = "nobody"
    contacts = pd.concat([contacts, contacts.iloc[[7]]], ignore_index=True)
    cut = contacts["started_at"].sort_values().iloc[-3].date()
    tables = {"persons": contract_tables.persons().drop(columns="death_date"), "contacts": contacts}
    opened = contract_tables.build(tmp_path, tables, as_of=cut)
    found = attrition.table(opened.manifest, None)
    rows = found[found["table"] == "contacts"]
    assert told(rows) == [
        ("delivered", "", 0),
        ("rejected", "duplicate_row", 1),
        ("rejected", "orphan", 1),
        ("rejected", "unknown_code", 1),
        ("after_as_of", "", 2),
        ("stored", "", 0),
    ]
    assert rows["rows_before"].iloc[0] == 201
    assert rows["rows_after"].iloc[-1] == 196 == opened.manifest["tables"]["contacts"]["stored"]
    assert chained(rows)


def test_unreadable_lines_and_records_that_a_mapping_excludes_come_first() -> None:
    """100 records were read, 4 of them could not be split; the mapping left out 30 more for two reasons."""
    reason = {"fi": "peruttu", "sv": "avbokat", "en": "cancelled in the source"}
    excluded = [{"input": "visits", "reason": reason, "rows": 20}, {"input": "calls", "reason": reason, "rows": 5}]
    excluded += [{"input": "visits", "reason": {"fi": "testi", "sv": "test", "en": "test person"}, "rows": 5}]
    about = {"read": 100, "unreadable": {"unreadable_line": 4}, "excluded": excluded, "rejected": {}, "after_as_of": 0}
    rows = attrition.table({"tables": {"contacts": about}}, None)
    assert told(rows) == [
        ("delivered", "", 0),
        ("unreadable", "unreadable_line", 4),
        ("excluded", "cancelled in the source", 25),
        ("excluded", "test person", 5),
        ("stored", "", 0),
    ]
    assert rows["rows_before"].tolist() == [130, 130, 126, 101, 96]
    assert chained(rows)


def test_the_fates_of_contacts_worked_by_hand(tmp_path: Path) -> None:
    """Twelve contacts of 2024; March has not ended by the as-of date, and a missed administrative one was missed."""
    modes = ["in_person"] * 7 + ["administrative", "professional", "administrative"] + ["phone"] * 2
    attendance = [None, "attended", "attended", "no_show", "cancelled_client", "cancelled_provider", None]
    attendance += [None, None, "no_show", None, None]
    days = [date(2024, 1, 3)] * 10 + [date(2024, 3, 2)] * 2
    contacts = pd.DataFrame(
        {
            "contact_id": range(12),
            "person_id": "p04",
            "started_at": pd.to_datetime(days),
            "service": "home_care",
            "mode": modes,
            "attendance": attendance,
        }
    )
    tables = {"persons": contract_tables.persons(), "contacts": contacts}
    opened = contract_tables.build(tmp_path, tables, as_of=date(2024, 3, 15))
    axes = Axes.of(opened, (0,))
    code = axes.services.index("home_care")
    recorded = pd.DataFrame({"service": [code], "year": [2024], "contacts": [2], "uncovered": [1]})
    found = fates.table(opened.frame("contacts"), recorded, axes)
    assert found.set_index("fate")["contacts"].to_dict() == {
        "later_month": 2,
        "no_show": 2,
        "cancelled_client": 1,
        "cancelled_provider": 1,
        "administrative": 1,
        "professional": 1,
        "outside_residence": 1,
        "uncovered": 1,
        "counted": 2,
    }
    assert set(found["service"]) == {"home_care"}


def test_what_remains_in_the_end_is_what_the_panels_count(tmp_path_factory: pytest.TempPathFactory) -> None:
    county = counted_county.made(tmp_path_factory)
    found = attrition.table(county.opened.manifest, county.panels)
    for name, rows in found.groupby("table"):
        assert chained(rows), name
    way = found[found["table"] == attrition.ANALYSIS]
    assert way["rows_before"].iloc[0] == county.opened.manifest["tables"]["contacts"]["stored"]
    volumes = panel.volumes(county.panels)
    by_service = volumes[volumes["service"] != "all"]
    assert way["rows_after"].iloc[-1] == by_service["contacts"].sum() > 50_000
    left = way.set_index(["step", "reason"])["excluded"]
    assert left["uncovered", ""] == by_service["uncovered"].sum() > 0
    assert {step for step, _, _ in told(way)} >= {"not_attended", "without_client", "uncovered", "counted"}
    counted = fates.read(county.panels).query("fate == 'counted'").set_index(["service", "year"])["contacts"]
    assert (
        counted.to_dict() == by_service[by_service["contacts"] > 0].set_index(["service", "year"])["contacts"].to_dict()
    )
