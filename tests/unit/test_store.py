"""The store keeps what was delivered up to the as-of date, compact, closed to others, whole or not at all."""

from __future__ import annotations

import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import contract_tables as tables_of
import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from ennakointi import store
from ennakointi.database import Limits, connect
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.periods import day_number, month_index
from ennakointi.schema import TABLES
from ennakointi.store.layout import BUCKETS

pytestmark = pytest.mark.xdist_group("store")  # its fixtures are dear: one worker makes them once

PERSONS, CONTACTS = tables_of.persons(), tables_of.contacts()


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    """The store of every contract table."""
    return tables_of.build(tmp_path_factory.mktemp("county"), tables_of.county())


@pytest.fixture(scope="module")
def by_form(county: store.Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, store.Store]:
    """The same store out of each form of delivery."""
    return {"parquet": county, "csv": tables_of.build(tmp_path_factory.mktemp("county"), tables_of.county(), "csv")}


def rows(opened: store.Store, table: str, bucket: int | None = None) -> pd.DataFrame:
    frame = opened.frame(table, bucket).collect("pandas").to_native()
    assert isinstance(frame, pd.DataFrame)
    return frame


def decoded(opened: store.Store, table: str, column: str) -> pd.Series:
    """A stored code column as delivered."""
    return rows(opened, table)[column].map(dict(enumerate(opened.codes(table, column))))


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_the_store_joined_back_with_its_codes_is_the_source(form: str, by_form: dict[str, store.Store]) -> None:
    opened = by_form[form]
    stored = rows(opened, "contacts").sort_values(["day", "person"]).reset_index(drop=True)
    back = pd.DataFrame(
        {
            "person_id": [sorted(PERSONS["person_id"])[p] for p in stored["person"]],
            "started_at": pd.to_datetime(stored["started_day"], unit="D")
            + pd.to_timedelta(stored["started_minute"].astype("int64"), unit="min"),
            "cost_eur": stored["cost_eur"],
            "duration_minutes": stored["duration_minutes"],
        }
    )
    for column in ("service", "mode", "unit", "profession"):
        back[column] = [opened.codes("contacts", column)[code] if pd.notna(code) else None for code in stored[column]]
    expected = CONTACTS[back.columns].astype({"started_at": back["started_at"].dtype})
    pd.testing.assert_frame_equal(back, expected, check_dtype=False)


def test_parquet_and_csv_give_the_same_store(by_form: dict[str, store.Store]) -> None:
    for table in TABLES:
        pd.testing.assert_frame_equal(rows(by_form["parquet"], table), rows(by_form["csv"], table))


def test_whole_numbers_as_identifiers_are_ordered_by_size_in_both_formats(tmp_path: Path) -> None:
    number = {person: i + 8 for i, person in enumerate(PERSONS["person_id"])}
    county = {
        "persons": PERSONS.assign(person_id=PERSONS["person_id"].map(number)),
        "contacts": CONTACTS.assign(person_id=CONTACTS["person_id"].map(number).astype(str)),
    }
    for form in ("parquet", "csv"):
        opened = tables_of.build(tmp_path / form, county, form)
        births = rows(opened, "persons").sort_values("person")["birth_day"]
        assert births.tolist() == [day_number(day) for day in PERSONS["birth_date"]]


def test_buckets_hold_their_persons_in_the_order_of_person_and_time(county: store.Store) -> None:
    for bucket in range(BUCKETS):
        part = rows(county, "contacts", bucket)
        assert (part["person"] % BUCKETS == bucket).all()
        order = list(zip(part["person"], part["day"], part["started_minute"], strict=True))
        assert order == sorted(order)
    assert len(rows(county, "contacts")) == len(CONTACTS)


def test_types_are_compact_and_days_are_integers(county: store.Store) -> None:
    schema = county.frame("contacts").collect_schema()
    assert [schema[c] for c in ("person", "day", "month", "started_minute")] == [
        nw.Int32,
        nw.Int32,
        nw.Int32,
        nw.Int16,
    ]
    assert schema["service"] == schema["unit"] == nw.UInt8
    first = rows(county, "contacts").sort_values("day").iloc[0]
    assert (first["day"], first["started_minute"], first["month"]) == (18262, 495, month_index(2020, 1))


def test_absent_columns_and_tables_are_typed_nulls(tmp_path: Path) -> None:
    opened = tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS})
    assert rows(opened, "contacts")["attendance"].isna().all()
    assert opened.codes("contacts", "attendance")[0] == "attended"
    assert opened.codes("contacts", "specialty") == []
    assert rows(opened, "referrals").empty
    assert opened.tables == {"persons", "contacts"}
    assert "attendance" not in opened.columns("contacts")
    assert {"started_at", "started_day", "cost_eur", "person_id", "person"} <= opened.columns("contacts")


def test_a_full_and_an_absent_table_have_the_same_columns(county: store.Store, tmp_path: Path) -> None:
    bare = tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS})
    for table in TABLES:
        assert bare.frame(table).columns == county.frame(table).columns
        whole, empty = county.frame(table).collect_schema(), bare.frame(table).collect_schema()
        assert [whole[c].is_integer() for c in whole] == [empty[c].is_integer() for c in empty]


def test_identifiers_are_places_and_references_lead_to_them(county: store.Store) -> None:
    contacts = rows(county, "contacts").set_index("contact_id")
    diagnoses = rows(county, "diagnoses").sort_values("person")
    assert contacts.index.is_unique
    referred = contacts.loc[int(diagnoses["contact_id"].iloc[0])]
    assert (referred["person"], referred["day"]) == (4, 18262 + 8)
    assert pd.isna(diagnoses["contact_id"].iloc[1])
    assert county.manifest["tables"]["diagnoses"]["unmatched"] == {"contact_id": 1}


def test_episodes_group_the_same_contacts_as_delivered(county: store.Store) -> None:
    stored = rows(county, "contacts").sort_values(["day", "person"])
    given = CONTACTS["episode_id"].to_numpy()
    pairs = set(zip(stored["episode_id"], given, strict=True))
    assert len(pairs) == stored["episode_id"].nunique() == len(set(given))
    assert set(stored["episode_id"]) <= set(stored["contact_id"])


def test_loose_identifiers_become_numbers_without_a_public_code_list(county: store.Store) -> None:
    assert rows(county, "contacts")["professional_id"].nunique() == 7
    assert rows(county, "persons").groupby("household_id").size().eq(2).all()
    assert county.codes("contacts", "professional_id") == []


def test_birth_month_is_the_first_month_whose_first_day_the_person_has_seen(county: store.Store) -> None:
    births = rows(county, "persons").set_index("person")["birth_month"]
    assert births[0] == month_index(1950, 4)  # born on 15 March
    assert births[1] == month_index(1951, 3)  # born on 1 March


def test_months_and_coverage_without_a_day(county: store.Store) -> None:
    coverage = rows(county, "coverage")
    assert coverage["month"].tolist() == [month_index(2021, 5)] * 2
    assert sorted(decoded(county, "coverage", "status")) == ["complete", "none"]
    assert decoded(county, "coverage", "municipality").tolist() == ["111", "398"]


def test_codes_follow_the_contract_the_parameters_or_the_alphabet(county: store.Store) -> None:
    assert county.codes("contacts", "mode")[:2] == ["in_person", "home"]
    assert county.codes("contacts", "service") == list(tables_of.SERVICES)
    assert county.codes("contacts", "unit") == [f"unit {i}" for i in range(5)]
    assert county.codes("panel", "service") == ["C09"]


def test_what_came_after_the_as_of_date_is_unknown(tmp_path: Path) -> None:
    as_of = date(2020, 6, 30)
    tables = {"persons": PERSONS.copy(), "contacts": CONTACTS, "stays": tables_of.county()["stays"].copy()}
    tables["stays"]["admitted_at"] = pd.Timestamp("2020-06-29 10:00")
    tables["stays"]["ready_at"] = pd.Timestamp("2020-06-30 10:00")
    tables["stays"]["discharged_at"] = pd.Timestamp("2020-07-01 00:00")
    tables["persons"].loc[19, "birth_date"] = date(2020, 7, 1)
    tables["contacts"] = CONTACTS[CONTACTS["person_id"] != "p19"]
    opened = tables_of.build(tmp_path, tables, as_of=as_of)

    expected = int((tables["contacts"]["started_at"] < "2020-07-01").sum())
    assert len(rows(opened, "contacts")) == expected
    assert opened.manifest["tables"]["contacts"]["after_as_of"] == len(tables["contacts"]) - expected
    assert opened.manifest["tables"]["persons"]["after_as_of"] == 1
    assert opened.n_persons == 19
    assert (opened.first_month, opened.last_month) == (month_index(2020, 1), month_index(2020, 6))
    people = rows(opened, "persons").set_index("person")
    assert people["death_day"].isna().all()
    assert people["resident_to_day"].isna().all()
    assert people.loc[0, "resident_from_day"] == day_number(date(1990, 1, 1))
    stay = rows(opened, "stays").iloc[0]
    assert pd.isna(stay["discharged_day"])
    assert pd.isna(stay["cost_eur"])
    assert stay["ready_day"] == day_number(as_of)
    assert opened.manifest["tables"]["stays"]["reopened"] == {"discharged_at": 1}


def test_a_later_delivery_cut_at_the_old_date_gives_the_old_store(tmp_path: Path) -> None:
    as_of = date(2020, 6, 30)
    early = CONTACTS[CONTACTS["started_at"] < "2020-07-01"]
    old = tables_of.build(tmp_path / "old", {"persons": PERSONS, "contacts": early}, as_of=as_of)
    new = tables_of.build(tmp_path / "new", {"persons": PERSONS, "contacts": CONTACTS}, as_of=as_of)
    for table in ("persons", "contacts"):
        pd.testing.assert_frame_equal(rows(old, table), rows(new, table))


def test_events_after_the_as_of_date_are_faults_without_the_cut(tmp_path: Path) -> None:
    tables = {"persons": PERSONS, "contacts": CONTACTS}
    opened = tables_of.build(tmp_path, tables, as_of=date(2021, 1, 31), cut=False)
    (fault,) = opened.manifest["faults"]
    assert (fault["rule"], fault["rows"], fault["first_line"]) == ("after_as_of", 1, 200)
    assert opened.manifest["tables"]["contacts"]["after_as_of"] == 0


def test_events_after_the_extraction_are_faults_also_with_the_cut(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "source.json").write_text('{"extracted_on": "2021-01-31"}')
    tables = {"persons": PERSONS, "contacts": CONTACTS}
    opened = tables_of.build(tmp_path, tables, as_of=date(2020, 12, 31))
    about = opened.manifest["tables"]["contacts"]
    assert (about["quarantined"], about["after_as_of"], about["stored"]) == (1, 16, 183)


def test_an_as_of_date_before_all_events_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No row is left up to the as-of date"):
        tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS}, as_of=date(2019, 12, 31))


def test_the_manifest_accounts_for_every_row_and_names_no_folder(tmp_path: Path) -> None:
    contacts = CONTACTS.assign(note="x")
    contacts.loc[7, "mode"] = "walking"
    opened = tables_of.build(tmp_path, {"persons": PERSONS, "contacts": contacts, "referals": PERSONS})
    about = opened.manifest["tables"]["contacts"]
    assert (about["read"], about["accepted"], about["quarantined"], about["stored"]) == (200, 199, 1, 199)
    assert about["extra_columns"] == ["note"]
    assert "attendance" in about["missing_columns"]
    assert "referrals" in opened.manifest["missing_tables"]
    assert opened.manifest["unknown_files"] == {"referals.parquet": "referrals"}
    assert opened.manifest["duckdb"] == duckdb.__version__
    assert [file["file"] for file in opened.manifest["files"]] == ["persons.parquet", "contacts.parquet"]
    assert str(tmp_path) not in (opened.folder / "manifest.json").read_text(encoding="utf-8")


def test_the_quarantine_holds_places_and_no_values(tmp_path: Path) -> None:
    contacts = CONTACTS.copy()
    contacts.loc[7, "mode"] = "walking"
    tables_of.build(tmp_path, {"persons": PERSONS, "contacts": contacts})
    kept = pd.read_parquet(tmp_path / "work" / "quarantine" / "contacts.parquet")
    assert kept.to_dict("records") == [
        {"file": "contacts.parquet", "line": 8, "column": "mode", "rule": "unknown_code"}
    ]
    tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS})
    assert list((tmp_path / "work" / "quarantine").iterdir()) == []


def test_everything_is_closed_to_other_users_and_no_delivered_identifier_is_kept(county: store.Store) -> None:
    paths = [county.folder, *county.folder.rglob("*")]
    assert {p.stat().st_mode & 0o777 for p in paths} == {0o700, 0o600}
    assert all((p.stat().st_mode & 0o777 == 0o700) == p.is_dir() for p in paths)
    assert (county.folder.parent / "quarantine").stat().st_mode & 0o777 == 0o700
    content = b"".join(p.read_bytes() for p in paths if p.is_file())
    assert b"e07-0" not in content
    listed = {code for t in TABLES for c in TABLES[t].names for code in county.codes(t, c)}
    assert not {"p00", "c000", "x0", "h0", "d1", "s1"} & listed


def test_refused_data_leave_the_former_store_and_no_other_file(tmp_path: Path) -> None:
    tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS})
    strict = Limits(memory="300MB", threads=1)
    with pytest.raises(DataError, match="Too many rows break the data contract"):
        tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS.assign(cost_eur=-1.0)}, limits=strict)
    assert sorted(p.name for p in (tmp_path / "work").iterdir()) == ["quarantine", "store"]
    assert len(rows(store.open(tmp_path / "work" / "store"), "contacts")) == 200
    assert len(pd.read_parquet(tmp_path / "work" / "quarantine" / "contacts.parquet")) == 200


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    source = tables_of.deliver(tmp_path / "data", {"persons": PERSONS, "contacts": CONTACTS}, "csv")
    outcome = store.check(source, tmp_path / "work", tables_of.Settings(), tables_of.AS_OF, tables_of.LENIENT)
    assert outcome.counts["contacts"].accepted == 200
    assert list((tmp_path / "work").iterdir()) == []


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import contract_tables as tables_of
from ennakointi.errors import RunError
folder, size = Path(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
from ennakointi import store
from ennakointi import sources
source = sources.discover(folder / "data")
try:
    store.build(source, folder / "work" / "store", tables_of.Settings(), tables_of.AS_OF, tables_of.LENIENT)
except RunError as error:
    print(error)
"""


@pytest.mark.parametrize("size", [pytest.param(100, marks=pytest.mark.slow), 3000])
def test_a_full_disk_is_one_message_and_nothing_half_written(size: int, tmp_path: Path) -> None:
    tables_of.deliver(tmp_path / "data", {"persons": PERSONS, "contacts": CONTACTS}, "csv")
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", FULL_DISK, here, str(tmp_path), str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.count("the disk is full") == 1
    assert len(done.stdout.splitlines()) == 1
    left = [p for p in (tmp_path / "work").iterdir() if p.name != "quarantine"]
    assert left == []


def test_a_memory_limit_that_is_too_small_is_one_message(tmp_path: Path) -> None:
    tiny = Limits(memory="1MB", disk="1MB", threads=1)
    with pytest.raises(RunError, match=r"memory limit|disk is full"):
        tables_of.build(tmp_path, {"persons": PERSONS, "contacts": CONTACTS}, limits=tiny)
    assert not (tmp_path / "work" / "store").exists()


def test_a_parquet_file_damaged_inside_is_one_message(tmp_path: Path) -> None:
    source = tables_of.deliver(tmp_path / "data", {"persons": PERSONS, "contacts": CONTACTS})
    path = tmp_path / "data" / "contacts.parquet"
    content = bytearray(path.read_bytes())
    content[100:2000] = b"\xff" * 1900
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged") as caught:
        store.build(source, tmp_path / "work" / "store", tables_of.Settings(), tables_of.AS_OF)
    assert str(tmp_path) not in str(caught.value)
    assert not (tmp_path / "work" / "store").exists()


def test_connections_reach_only_the_work_folder_and_load_nothing(county: store.Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_text("a\n1\n")
    connection = county.connection()
    for query in (
        f"SELECT * FROM '{outside}'",
        f"COPY (SELECT 1) TO '{tmp_path / 'out.csv'}'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH 'https://example.org/x.db'",
        "SET enable_external_access = true",
        "SET memory_limit = '90GB'",
        "SET autoinstall_known_extensions = true",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(query)
    settings = ("memory_limit", "max_temp_directory_size", "enable_progress_bar")
    query = "SELECT " + ", ".join(f"current_setting({setting!r})" for setting in settings)
    assert connection.execute(query).fetchall() == [("286.1 MiB", "953.6 MiB", False)]
    connection.execute(f"COPY (SELECT 1 AS x) TO '{county.folder.parent / 'allowed.parquet'}'")
    (county.folder.parent / "allowed.parquet").unlink()


def test_a_link_to_data_elsewhere_is_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "far").mkdir()
    PERSONS.to_parquet(tmp_path / "far" / "p.parquet")
    (tmp_path / "data" / "persons.parquet").symlink_to(tmp_path / "far" / "p.parquet")
    opened = tables_of.build(tmp_path, {"contacts": CONTACTS} | {})
    assert opened.n_persons == 20


def test_frames_join_on_one_connection_and_the_store_can_be_sent_to_another_process(
    county: store.Store,
) -> None:
    joined = county.frame("contacts", 3).join(county.frame("persons", 3), on="person")
    assert len(joined.collect()) == len(county.frame("contacts", 3).collect()) > 0
    sent = pickle.loads(pickle.dumps(county))  # noqa: S301 - made here, and what joblib does
    assert len(sent.frame("contacts").collect()) == 200


def test_an_aggregate_source_is_stored_alone(tmp_path: Path) -> None:
    opened = tables_of.build(tmp_path, {"panel": tables_of.county()["panel"]})
    assert opened.tables == {"panel"}
    assert opened.n_persons == 0
    assert opened.first_month == opened.last_month == month_index(2021, 5)
    panel = rows(opened, "panel").iloc[0]
    assert (panel["period_start_day"], panel["value"]) == (day_number(date(2021, 5, 3)), 12.0)
    assert sorted(p.name for p in opened.folder.iterdir()) == ["codes.json", "manifest.json", "panel.parquet"]


def test_opening_nothing_says_to_run_first(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="run `ennakointi run`"):
        store.open(tmp_path / "store")


@pytest.mark.parametrize("wrong", [{"memory": "much"}, {"disk": "-1GB"}, {"threads": 0}, {"quarantined_share": 1.5}])
def test_wrong_limits_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Limits(**wrong)  # type: ignore[arg-type]


def test_large_code_lists_take_a_wider_type(tmp_path: Path) -> None:
    persons = tables_of.persons(400).assign(birth_date=date(1980, 3, 1), resident_to=None, death_date=None)
    contacts = CONTACTS.iloc[np.arange(400) % 200].reset_index(drop=True)
    contacts = contacts.assign(contact_id=range(400), unit=[f"u{i:03}" for i in range(400)])
    opened = tables_of.build(tmp_path, {"persons": persons, "contacts": contacts})
    assert opened.frame("contacts").collect_schema()["unit"] == nw.UInt16
    assert sorted(decoded(opened, "contacts", "unit")) == sorted(contacts["unit"])


def test_the_temporary_folder_is_bounded(tmp_path: Path) -> None:
    connection = connect(tmp_path, [tmp_path], Limits(memory="10MB", disk="1MB", threads=1))
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("CREATE TEMP TABLE t AS SELECT hash(i) AS x FROM range(5000000) r(i) ORDER BY x")
