"""Rows in are rows accepted plus rows quarantined; faults name places and never a person."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import contract_tables as tables_of
import numpy as np
import pandas as pd
import pytest

from ennakointi.errors import DataError

PERSONS, CONTACTS = tables_of.persons(), tables_of.contacts()


def county(contacts: pd.DataFrame = CONTACTS, **more: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {"persons": PERSONS, "contacts": contacts, **more}


def refused(folder: Path, tables: dict[str, pd.DataFrame], form: str = "parquet") -> DataError:
    with pytest.raises(DataError) as caught:
        tables_of.screened(folder, tables, form)
    return caught.value


def test_missing_columns_of_all_tables_are_listed_at_once(tmp_path: Path) -> None:
    contacts = CONTACTS.rename(columns={"started_at": "start_at"}).drop(columns="mode")
    persons = PERSONS.drop(columns="sex")
    error = refused(tmp_path, {"persons": persons, "contacts": contacts})
    assert [(f.table, f.column, f.file) for f in error.faults] == [
        ("persons", "sex", "persons.parquet"),
        ("contacts", "started_at", "contacts.parquet"),
        ("contacts", "mode", "contacts.parquet"),
    ]
    assert "did you mean start_at?" in str(error)


def test_a_column_that_differs_in_case_is_missing_and_suggested(tmp_path: Path) -> None:
    error = refused(tmp_path, county(CONTACTS.rename(columns={"service": "Service"})))
    assert "did you mean Service?" in str(error)


def test_a_column_may_not_stand_twice(tmp_path: Path) -> None:
    error = refused(tmp_path, county(CONTACTS.assign(SERVICE="primary_care")))
    assert [(f.column, f.rule) for f in error.faults] == [("service", "doubled_column")]


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("person_id", np.arange(200) + 0.5),
        ("contact_id", np.arange(200) + 2.0**53),
        ("started_at", pd.date_range("2020-01-01", periods=200, tz="Europe/Helsinki")),
        ("started_at", np.arange(200)),
        ("service", np.arange(200) % 2 == 0),
    ],
)
def test_a_stored_type_that_must_be_guessed_is_refused(column: str, values: object, tmp_path: Path) -> None:
    error = refused(tmp_path, county(CONTACTS.assign(**{column: values})))
    assert [(f.column, f.rule) for f in error.faults] == [(column, "stored_type")]


def test_identifiers_and_codes_stored_as_whole_fractions_are_read_as_whole_numbers(tmp_path: Path) -> None:
    persons = PERSONS.assign(person_id=[float(i) for i in range(20)], municipality=[111.0] * 19 + [None])
    contacts = CONTACTS.assign(person_id=[float(i % 20) for i in range(200)], contact_id=np.arange(200, dtype="f4"))
    outcome, places = tables_of.screened(tmp_path, {"persons": persons, "contacts": contacts})
    assert outcome.faults[0].rule == "required"
    assert places.query("tbl == 'persons'")[["line", "rule"]].to_numpy().tolist() == [[20, "required"]]
    assert outcome.counts["contacts"].accepted == 190


def test_a_municipality_whose_zero_was_lost_is_told_from_one_that_is_wrong(tmp_path: Path) -> None:
    persons = PERSONS.assign(municipality=["16", "5", "1234", *["091"] * 17])
    outcome, places = tables_of.screened(tmp_path, county() | {"persons": persons})
    lost = [[1, "lost_zeros"], [2, "lost_zeros"], [3, "pattern"]]
    assert places.query("tbl == 'persons'")[["line", "rule"]].to_numpy().tolist() == lost
    assert "has lost its leading zeros" in str(outcome.faults[0])


def test_a_column_without_values_may_have_any_type(tmp_path: Path) -> None:
    contacts = CONTACTS.assign(need_assessed_at=pd.Series([None] * 200, dtype="float64"))
    outcome, _ = tables_of.screened(tmp_path, county(contacts))
    assert outcome.faults == ()
    assert "need_assessed_at" not in outcome.filled["contacts"]


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_identical_copies_leave_the_first_and_different_ones_leave_none(form: str, tmp_path: Path) -> None:
    again = CONTACTS.iloc[[0, 0, 1]].copy()
    again.iloc[2, again.columns.get_loc("cost_eur")] = 77.0
    outcome, places = tables_of.screened(tmp_path, county(pd.concat([CONTACTS, again])), form)
    first_row = 2 if form == "csv" else 1
    found = sorted((line - first_row, rule) for line, rule in zip(places["line"], places["rule"], strict=True))
    assert found == [
        (1, "duplicate_key"),
        (200, "duplicate_row"),
        (201, "duplicate_row"),
        (202, "duplicate_key"),
    ]
    assert outcome.counts["contacts"].accepted == 199


def test_a_key_of_several_columns_is_unique_with_its_gaps(tmp_path: Path) -> None:
    coverage = tables_of.county()["coverage"].iloc[[0, 0, 1]]
    coverage = coverage.assign(provider=[None, "own", None])
    again = coverage.iloc[[0]].assign(status="partial")
    _, places = tables_of.screened(tmp_path, county(coverage=pd.concat([coverage, again])))
    assert places[["line", "rule"]].to_numpy().tolist() == [[1, "duplicate_key"], [4, "duplicate_key"]]


def test_contacts_of_a_quarantined_person_are_orphans(tmp_path: Path) -> None:
    persons = PERSONS.assign(sex=["x", *PERSONS["sex"][1:]])
    outcome, places = tables_of.screened(tmp_path, {"persons": persons, "contacts": CONTACTS})
    assert outcome.counts["persons"].quarantined == 1
    assert places[places["tbl"] == "contacts"]["rule"].value_counts().to_dict() == {"orphan": 10}


def test_a_request_without_a_person_is_no_orphan(tmp_path: Path) -> None:
    outcome, _ = tables_of.screened(tmp_path, county(requests=tables_of.county()["requests"]))
    assert outcome.faults == ()


def test_a_row_with_several_faults_is_counted_once(tmp_path: Path) -> None:
    contacts = CONTACTS.copy()
    contacts.loc[5, ["service", "mode"]] = ["primary care", "in_persn"]
    contacts.loc[5, "cost_eur"] = -1
    outcome, places = tables_of.screened(tmp_path, county(contacts))
    assert len(places) == 3
    assert outcome.counts["contacts"].quarantined == 1


def test_unknown_codes_are_counted_and_corrected_but_odd_ones_are_not_shown(tmp_path: Path) -> None:
    contacts = CONTACTS.copy()
    contacts.loc[:2, "service"] = "primary_kare"
    contacts.loc[3:14, "service"] = "tanning"
    contacts.loc[15, "service"] = "Virtanen"
    contacts.loc[16:30, "service"] = "010150-123A"
    outcome, _ = tables_of.screened(tmp_path, county(contacts))
    (fault,) = outcome.faults
    assert fault.rows == 31
    assert "'primary_kare' × 3 (did you mean 'primary_care'?)" in fault.message
    assert "'tanning' × 12" in fault.message
    assert "Virtanen" not in str(fault)
    assert "010150" not in str(fault)


def test_faults_show_no_value_of_a_row(tmp_path: Path) -> None:
    contacts = CONTACTS.astype(object)
    contacts.loc[3, "person_id"] = "secret-person"
    contacts.loc[4, "contact_id"] = contacts.loc[5, "contact_id"] = "secret-contact"
    contacts.loc[6, "started_at"] = "secret-time"
    outcome, places = tables_of.screened(tmp_path, county(contacts), "csv")
    assert {fault.rule for fault in outcome.faults} == {"orphan", "duplicate_key", "type"}
    assert "secret" not in " ".join(map(str, outcome.faults))
    assert "secret" not in places.to_csv()


def test_rejected_csv_lines_are_quarantined_and_shift_no_other_line(tmp_path: Path) -> None:
    tables_of.deliver(tmp_path / "data", county(), "csv")
    path = tmp_path / "data" / "contacts.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] += ";more;still more"
    lines[3] = lines[3].rsplit(";", 2)[0]
    lines[9] = lines[9].replace("p08", "nobody")
    lines[11] = lines[11].replace("unit 0", "ääni")
    lines[12] = lines[12].replace("unit 1", "väärä")
    content = "\n".join(lines).encode("utf-8").replace("väärä".encode(), "väärä".encode("latin-1"))
    path.write_bytes(content + b"\n")
    outcome, places = tables_of.rescreened(tmp_path)
    found = places[["line", "rule"]].to_numpy().tolist()
    assert found == [[3, "unreadable_line"], [4, "unreadable_line"], [10, "orphan"], [13, "encoding"]]
    assert outcome.counts["contacts"].read == 200
    assert outcome.counts["contacts"].accepted == 196


@pytest.mark.parametrize(
    ("spoil", "places"),
    [
        (lambda text: text.replace("unit 3", '"unit 3', 1), [[5, "open_quote"]]),
        (lambda text: text.replace("unit 3", 'unit 3"', 1), []),
        (lambda text: text.replace("unit 3", '"unit\n3"', 1), []),
        (lambda text: text.replace("\n", "\r\n", 3), []),
    ],
)
def test_quotes_and_line_ends_hide_no_row(spoil: object, places: list[object], tmp_path: Path) -> None:
    tables_of.deliver(tmp_path / "data", county(), "csv")
    path = tmp_path / "data" / "contacts.csv"
    path.write_bytes(spoil(path.read_text(encoding="utf-8")).encode("utf-8"))  # type: ignore[operator]
    outcome, found = tables_of.rescreened(tmp_path)
    assert found[["line", "rule"]].to_numpy().tolist() == places
    assert outcome.counts["contacts"].read == 200
    assert outcome.counts["contacts"].accepted == 200 - len(places)


def test_commas_bom_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    tables_of.deliver(tmp_path / "data", county(), "csv")
    path = tmp_path / "data" / "contacts.csv"
    text = CONTACTS.assign(unit='unit "A", left').to_csv(index=False, lineterminator="\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    outcome, _ = tables_of.rescreened(tmp_path)
    assert outcome.faults == ()
    assert outcome.counts["contacts"].read == 200


def test_several_files_of_a_table_keep_their_own_lines_and_columns(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    tables_of.deliver(folder, county(CONTACTS.iloc[:100]), "csv")
    rest = CONTACTS.iloc[100:].drop(columns="unit").astype(object)
    rest.iloc[4, rest.columns.get_loc("person_id")] = "nobody"
    rest.to_csv(folder / "contacts_2020.csv", index=False)
    outcome, places = tables_of.rescreened(tmp_path)
    assert outcome.counts["contacts"].read == 200
    assert places[["file", "line", "rule"]].to_numpy().tolist() == [["contacts_2020.csv", 6, "orphan"]]


def test_tables_without_rows_are_refused_when_required(tmp_path: Path) -> None:
    error = refused(tmp_path, {"persons": PERSONS, "contacts": CONTACTS.iloc[:0]}, "csv")
    assert [(f.table, f.rule) for f in error.faults] == [("contacts", "no_rows")]


def test_a_panel_may_stand_among_empty_templates(tmp_path: Path) -> None:
    empty = {"persons": PERSONS.iloc[:0], "contacts": CONTACTS.iloc[:0]}
    outcome, _ = tables_of.screened(tmp_path, {**empty, "panel": tables_of.county()["panel"]}, "csv")
    assert outcome.counts["panel"].accepted == 1


def test_extra_columns_are_listed_and_ignored(tmp_path: Path) -> None:
    outcome, _ = tables_of.screened(tmp_path, county(CONTACTS.assign(note="x", colour="y")), "csv")
    assert outcome.extra == {"contacts": ("colour", "note")}


def test_too_many_faults_list_everything(tmp_path: Path) -> None:
    contacts = CONTACTS.copy()
    contacts.loc[:2, "cost_eur"] = -1
    statuses = tables_of.county()["statuses"].assign(end_date=date(2020, 1, 1))
    outcome, _ = tables_of.screened(tmp_path, county(contacts, statuses=statuses))
    outcome.refuse_above(1.0)
    with pytest.raises(DataError) as caught:
        outcome.refuse_above(0.014)
    assert caught.value.faults == outcome.faults
    assert "contacts 1.5%, statuses 100.0%" in str(caught.value)
