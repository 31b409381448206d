"""What lies in a data folder is found, named and refused with one clear message."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import contract_tables as tables_of
import pytest

from ennakointi import sources
from ennakointi.errors import DataError
from ennakointi.schema import TABLES
from ennakointi.sources import template

PERSONS, CONTACTS = tables_of.persons(), tables_of.contacts()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with persons and contacts as Parquet."""
    PERSONS.to_parquet(tmp_path / "persons.parquet")
    CONTACTS.to_parquet(tmp_path / "contacts.parquet")
    return tmp_path


def faults(folder: Path) -> list[tuple[str, str, str | None]]:
    with pytest.raises(DataError) as caught:
        sources.discover(folder)
    return [(fault.table, fault.rule, fault.file) for fault in caught.value.faults]


def test_files_are_found_by_name_folder_and_beginning(folder: Path) -> None:
    (folder / "contacts.parquet").unlink()
    (folder / "contacts").mkdir()
    CONTACTS.iloc[:100].to_parquet(folder / "contacts" / "2020.parquet")
    CONTACTS.iloc[100:].to_parquet(folder / "contacts_late.parquet")
    tables_of.county()["coverage"].to_csv(folder / "coverage.CSV", index=False)
    found = sources.discover(folder)
    assert {table: [file.name for file in files] for table, files in found.inputs.items()} == {
        "persons": ["persons.parquet"],
        "contacts": ["2020.parquet", "contacts_late.parquet"],
        "coverage": ["coverage.CSV"],
    }
    assert found.inputs["coverage"][0].csv.delimiter == ","
    assert found.inputs["persons"][0].columns == tuple(PERSONS.columns)


def test_what_belongs_to_no_table_is_listed_and_hidden_files_and_the_truth_are_not_read(folder: Path) -> None:
    for name in ("contact.csv", "weather.parquet", ".persons.csv", "README.md"):
        (folder / name).write_text("x")
    (folder / "truth").mkdir()
    (folder / "truth" / "contacts.parquet").write_text("not Parquet")
    assert sources.discover(folder).unknown == {"contact.csv": "contacts", "weather.parquet": None}


def test_source_json_names_the_source(folder: Path) -> None:
    about = {"name": "County X", "synthetic": True, "extracted_on": "2025-10-01", "seed": 7}
    (folder / "source.json").write_text(json.dumps(about))
    found = sources.discover(folder)
    assert (found.name, found.synthetic, found.extracted_on) == ("County X", True, date(2025, 10, 1))
    assert found.about == about


def test_without_source_json_the_folder_names_a_real_source(folder: Path) -> None:
    found = sources.discover(folder)
    assert (found.name, found.synthetic, found.extracted_on) == (folder.name, False, None)


@pytest.mark.parametrize("content", ["{", "[]", '{"extracted_on": "1.10.2025"}', '{"synthetic": "yes"}', '{"name": 3}'])
def test_a_wrong_source_json_is_refused(content: str, folder: Path) -> None:
    (folder / "source.json").write_text(content)
    with pytest.raises(DataError, match=r"source\.json"):
        sources.discover(folder)


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        sources.discover(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="is not a folder"):
        sources.discover(tmp_path / "file")


def test_an_empty_folder_says_what_to_put_there(tmp_path: Path) -> None:
    assert faults(tmp_path) == [("persons", "missing_table", None), ("contacts", "missing_table", None)]


def test_a_missing_required_table_suggests_the_file_that_resembles_it(folder: Path) -> None:
    (folder / "contacts.parquet").rename(folder / "contact.parquet")
    with pytest.raises(DataError, match=r"contacts: is missing.*did you mean contact\.parquet\?"):
        sources.discover(folder)


def test_a_panel_may_stand_alone_but_not_tables_about_persons(tmp_path: Path) -> None:
    tables_of.county()["panel"].to_csv(tmp_path / "panel.csv", index=False)
    assert set(sources.discover(tmp_path).inputs) == {"panel"}
    tables_of.county()["plans"].to_csv(tmp_path / "plans.csv", index=False)
    assert faults(tmp_path) == [("persons", "missing_table", None), ("contacts", "missing_table", None)]


def test_damaged_files_are_all_named(folder: Path) -> None:
    whole = (folder / "contacts.parquet").read_bytes()
    (folder / "contacts.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "persons.parquet").write_bytes(b"")
    (folder / "stays.parquet").write_text("stay_id,unit\n")
    (folder / "plans.csv").write_text("p04;2021-05-03;care_plan\n")
    (folder / "statuses.csv").write_bytes("status;person_id;päivä\n".encode("utf-16-le"))  # nothing says so
    assert faults(folder) == [
        ("persons", "empty_file", "persons.parquet"),
        ("contacts", "damaged_file", "contacts.parquet"),
        ("stays", "damaged_file", "stays.parquet"),
        ("statuses", "no_header", "statuses.csv"),
        ("plans", "no_header", "plans.csv"),
    ]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a,b;person_id;made_on", ";"), ("person_id,made_on,kind", ","), ("kind\tmade_on", "\t"), ("KIND|MADE_ON", "|")],
)
def test_the_delimiter_is_the_one_that_finds_the_columns(header: str, delimiter: str, folder: Path) -> None:
    (folder / "plans.csv").write_text(header + "\n")
    (found,) = sources.discover(folder).inputs["plans"]
    assert (found.csv.delimiter, found.csv.encoding, found.csv.decimal) == (delimiter, None, None)
    assert found.columns == tuple(header.split(delimiter))


def test_what_source_json_says_of_csv_files_is_not_detected(folder: Path) -> None:
    (folder / "plans.csv").write_text("person_id,made_on,kind;x;y\n")
    (folder / "source.json").write_text('{"csv": {"delimiter": ";", "encoding": "latin1", "decimal": ","}}')
    assert faults(folder) == [("plans", "no_header", "plans.csv")]
    (folder / "plans.csv").write_text("person_id,made_on;kind\n")
    (found,) = sources.discover(folder).inputs["plans"]
    assert (found.columns, found.csv.encoding, found.csv.decimal) == (("person_id,made_on", "kind"), "iso8859-1", ",")


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("latin2002", b"person_id;kind\n"),
        ("rot13", b"person_id;kind\n"),
        ("ascii", "person_id;kind;päivä\n".encode()),
        ("cp1252", "person_id;kind\n".encode("utf-8-sig")),
        ("utf-8", "person_id;kind\n".encode("utf-16")),
    ],
)
def test_an_encoding_that_does_not_fit_the_header_is_refused(encoding: str, content: bytes, folder: Path) -> None:
    (folder / "plans.csv").write_bytes(content)
    (folder / "source.json").write_text(f'{{"csv": {{"encoding": "{encoding}"}}}}')
    assert faults(folder) == [("plans", "encoding", "plans.csv")]


@pytest.mark.parametrize("csv", ['{"encoding": 3}', '{"delimiter": ";;"}', '{"delimiter": "ö"}', '{"decimal": "-"}'])
def test_a_wrong_setting_of_csv_files_is_refused(csv: str, folder: Path) -> None:
    (folder / "source.json").write_text(f'{{"csv": {csv}}}')
    with pytest.raises(DataError, match=r"source\.json: `csv"):
        sources.discover(folder)


def test_a_line_that_is_no_header_is_not_shown(folder: Path) -> None:
    (folder / "plans.csv").write_text("p04;2021-05-03;care_plan\n")
    with pytest.raises(DataError) as caught:
        sources.discover(folder)
    assert "p04" not in str(caught.value)
    assert "person_id, made_on, kind" in str(caught.value)


def test_a_table_in_both_formats_is_refused(folder: Path) -> None:
    CONTACTS.to_csv(folder / "contacts.csv", index=False)
    assert faults(folder) == [("contacts", "two_formats", None)]


WITHOUT_PRIVILEGES = """
import os, sys
from pathlib import Path
from ennakointi import sources
from ennakointi.errors import DataError
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    sources.discover(Path(sys.argv[1]))
except DataError as error:
    print(error)
"""


@pytest.mark.parametrize("locked", [pytest.param(".", marks=pytest.mark.slow), "contacts.parquet"])
def test_a_folder_or_file_without_read_access_is_refused(locked: str) -> None:
    """Root's privileges are dropped in a process of its own; pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        PERSONS.to_parquet(folder / "persons.parquet")
        CONTACTS.to_parquet(folder / "contacts.parquet")
        (folder / locked).chmod(0)
        command = [sys.executable, "-c", WITHOUT_PRIVILEGES, name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        (folder / locked).chmod(0o755)
    assert done.stderr == ""
    assert (
        done.stdout.count("cannot be read (Permission denied): ask for read access")
        + done.stdout.count("contacts (contacts.parquet): cannot be read (Permission denied); ask for read access")
        == 1
    )


def test_the_template_is_found_again_and_not_overwritten(tmp_path: Path) -> None:
    written = template.write(tmp_path / "new")
    assert [path.name for path in written] == [f"{table}.csv" for table in TABLES]
    found = sources.discover(tmp_path / "new")
    assert {table: files[0].columns for table, files in found.inputs.items()} == {
        table: TABLES[table].names for table in TABLES
    }
    with pytest.raises(DataError, match=r"already holds persons\.csv"):
        template.write(tmp_path / "new")


def test_a_template_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be written"):
        template.write(tmp_path / "file" / "new")
