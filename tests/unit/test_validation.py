"""Every rule of the rule table fires on a planted fault, names its line, and keeps quiet on clean rows."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import contract_tables as tables_of
import pandas as pd
import pytest

from ennakointi.schema import MONTH, TABLES, Table
from ennakointi.store import validation
from ennakointi.store.validation import Knowledge, Rule

KNOWLEDGE = Knowledge({"services": tables_of.SERVICES}, tables_of.AS_OF, tables_of.AS_OF)
KEY_THAT_VARIES = {"capacity": "unit", "population": "variant", "panel": "area", "indicators": "region"}
FAULTY = {
    "required": None,
    "type": "not so",
    "unknown_code": "zzz",
    "pattern": "12a",
    "lost_zeros": "16",
    "too_early": "1849-12-31",
}


def one_clean_row(table: str) -> pd.Series:
    """The first clean row with every column of the contract, as text."""
    row = tables_of.county()[table].iloc[0].reindex(TABLES[table].names)
    return row.where(row.notna(), None).map(lambda value: None if value is None else str(value))


def copies(table: Table, n: int) -> pd.DataFrame:
    """`n` clean rows with different keys."""
    rows = pd.DataFrame([one_clean_row(table.name)] * n).reset_index(drop=True)
    if table.name == "coverage":
        rows["month"] = [f"{1990 + i // 12}-{i % 12 + 1:02}" for i in range(n)]
    elif table.key:
        varying = KEY_THAT_VARIES.get(table.name, table.key[0])
        rows[varying] = [f"key {i}" for i in range(n)]
    return rows


def day_after(text: str, days: int) -> str:
    return str(date.fromisoformat(text[:10]) + timedelta(days=days))


def plant(rows: pd.DataFrame, row: int, rule: Rule, table: Table) -> None:
    """Make one row break one rule."""
    column = str(rule.column)
    if rule.name in FAULTY:
        value = FAULTY[rule.name]
    elif rule.name in ("minimum", "maximum"):
        bound = getattr(table[column], rule.name)
        value = str(bound - 1 if rule.name == "minimum" else bound + 1)
    elif rule.name == "order":
        earlier = next(first for first, last in table.orders if last == column and first in rule.message)
        rows.loc[row, earlier] = rows.loc[row, earlier] or "2021-05-03"
        value = day_after(rows.loc[row, earlier], -20)
    elif rule.name == "after_as_of":
        value = "2025-01-01"
    elif rule.name == "orphan":
        value = "nobody"
    elif rule.name == "before_birth":
        value = "1949-01-01"
    else:
        rows.loc[row, "person_id"] = "p01"
        value = "2023-07-02"
    rows.loc[row, column] = value[:7] if value and table[column].kind == MONTH else value


@pytest.mark.parametrize("table", TABLES)
def test_every_rule_fires_on_its_planted_fault_alone(table: str, tmp_path: Path) -> None:
    planted = validation.rules(TABLES[table], TABLES[table].names, KNOWLEDGE)
    rows = copies(TABLES[table], len(planted) + 1)
    for i, rule in enumerate(planted):
        plant(rows, i, rule, TABLES[table])
    county = {"persons": tables_of.persons(), "contacts": tables_of.contacts()}
    outcome, places = tables_of.screened(tmp_path, {**county, table: rows}, "csv")

    found = {(r.line, r.column, r.rule) for r in places[places["tbl"] == table].itertuples()}
    expected = {(i + 2, rule.column, rule.name) for i, rule in enumerate(planted)}
    assert len(planted) > 3
    assert expected <= found
    assert {line for line, _, _ in found} == {line for line, _, _ in expected}
    assert outcome.counts[table].read == len(rows)
    assert outcome.counts[table].accepted == 1


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_no_rule_fires_on_clean_tables(form: str, tmp_path: Path) -> None:
    outcome, places = tables_of.screened(tmp_path, tables_of.county(), form)
    assert outcome.faults == ()
    assert places.empty
    assert set(outcome.counts) == set(TABLES)


def test_the_day_of_birth_may_be_the_15th(tmp_path: Path) -> None:
    persons, contacts = tables_of.persons(), tables_of.contacts(20)
    contacts.loc[0, "person_id"], contacts.loc[1, "person_id"] = "p18", "p19"
    persons.loc[18, "birth_date"] = persons.loc[19, "birth_date"] = date(2020, 1, 15)
    persons.loc[19, "birth_date"] = date(2020, 1, 16)
    contacts.loc[[18, 19], "person_id"] = "p00"
    outcome, places = tables_of.screened(tmp_path, {"persons": persons, "contacts": contacts})
    assert places[["line", "rule"]].to_numpy().tolist() == [[2, "before_birth"]]
    assert outcome.counts["contacts"].quarantined == 1


def test_an_event_up_to_30_days_after_death_is_accepted(tmp_path: Path) -> None:
    contacts = tables_of.contacts(2)
    contacts["person_id"] = "p01"  # died on 2023-06-01
    contacts["started_at"] = [pd.Timestamp("2023-07-01 23:59"), pd.Timestamp("2023-07-02")]
    contacts["contacted_at"] = None
    _, places = tables_of.screened(tmp_path, {"persons": tables_of.persons(), "contacts": contacts})
    assert places[["line", "rule"]].to_numpy().tolist() == [[2, "after_death"]]


def test_a_later_time_without_a_clock_is_compared_by_day(tmp_path: Path) -> None:
    contacts = tables_of.contacts(3)
    contacts["contacted_at"] = ["2020-01-01 10:00", "2020-01-01 10:00", "2020-01-02 10:00"]
    contacts["started_at"] = ["2020-01-01", "2020-01-01 09:59", "2020-01-01"]
    _, places = tables_of.screened(tmp_path, {"persons": tables_of.persons(), "contacts": contacts}, "csv")
    assert places[["line", "rule"]].to_numpy().tolist() == [[3, "order"], [4, "order"]]


def test_without_a_horizon_no_event_is_too_late() -> None:
    open_ended = Knowledge(KNOWLEDGE.vocabularies, KNOWLEDGE.as_of)
    names = {rule.name for t in TABLES.values() for rule in validation.rules(t, t.names, open_ended)}
    assert "after_as_of" not in names


def test_rules_are_made_only_for_delivered_columns() -> None:
    made = validation.rules(TABLES["contacts"], ("person_id", "started_at"), KNOWLEDGE)
    assert {rule.column for rule in made} == {"person_id", "started_at"}


UNREADABLE = {
    "started_at": ["2020-01-01T08:15:00Z", "2020-01-01 08:15+02:00", "01/03/2020", "infinity", "2020-02-30"],
    "cost_eur": ["12.50 e", "1 0000", "inf", "nan", "1e999"],
    "duration_minutes": ["abc", "10 min"],
}
READABLE = {
    "started_at": ["2020-01-01T08:15:00", "2020-01-01 08:15", "2020-01-01 08:15:00.123", "2020-01-01"],
    "cost_eur": ["12.50", "0", "1e2"],
}


@pytest.mark.parametrize(("column", "values"), UNREADABLE.items())
def test_text_that_would_have_to_be_guessed_is_a_fault(column: str, values: list[str], tmp_path: Path) -> None:
    contacts = tables_of.contacts(len(values)).drop(columns="contacted_at").astype(object)
    contacts[column] = values
    _, places = tables_of.screened(tmp_path, {"persons": tables_of.persons(), "contacts": contacts}, "csv")
    assert places["line"].tolist() == [i + 2 for i in range(len(values))]
    assert set(places["rule"]) == {"type"}


@pytest.mark.parametrize(("column", "values"), READABLE.items())
def test_iso_text_is_read(column: str, values: list[str], tmp_path: Path) -> None:
    contacts = tables_of.contacts(len(values)).drop(columns="contacted_at").astype(object)
    contacts[column] = values
    _, places = tables_of.screened(tmp_path, {"persons": tables_of.persons(), "contacts": contacts}, "csv")
    assert places.empty


def test_a_whole_number_with_a_fraction_is_not_rounded(tmp_path: Path) -> None:
    referrals = tables_of.county()["referrals"].assign(priority=["1.5", "2.0"])
    county = {"persons": tables_of.persons(), "contacts": tables_of.contacts(), "referrals": referrals}
    _, places = tables_of.screened(tmp_path, county, "csv")
    assert places[["line", "column", "rule"]].to_numpy().tolist() == [[2, "priority", "type"]]
