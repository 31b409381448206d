"""Target groups as OMOP cohorts: every month of membership, no other; the source's own persons, or nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import cli, groups, omop, parameters, sources, store
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter, day_date, month_of
from ennakointi.workspace import Workspace

pytestmark = pytest.mark.xdist_group("omop_export")  # its fixtures are dear: one worker makes them once

QUARTER = Quarter.parse("2024Q4")
AGGREGATE = "young_adults_unrecognised_distress"  # its members are never listed
LISTED = {"all", "older_people", "mental_health"}
CHOSEN = ("older_people", "mental_health", AGGREGATE)
N = 60
IDS = [2**53 + 1 + 7 * i for i in range(N // 2)] + list(range(N // 2))  # a double would not tell the first from others


@pytest.fixture(scope="module")
def given() -> Parameters:
    return parameters.load()


def persons() -> pd.DataFrame:
    """Persons born 1945–2004, so that some turn 75 or die meanwhile."""
    return pd.DataFrame(
        {
            "person_id": IDS,
            "birth_date": [date(1945 + i, 1 + i % 12, 1) for i in range(N)],
            "sex": ["female" if i % 2 else "male" for i in range(N)],
            "municipality": "398",
            "death_date": [date(2024, 11, 20) if i % 9 == 4 else None for i in range(N)],
        }
    )


def contacts(rows: int = 1500) -> pd.DataFrame:
    random = np.random.default_rng(2)
    started = pd.Timestamp("2021-01-04 09:00") + pd.to_timedelta(random.integers(0, 1440, rows), unit="D")
    owner = np.array(IDS)[(random.random(rows) ** 3 * N).astype(int)]
    columns = {"contact_id": range(rows), "person_id": owner, "started_at": started}
    return pd.DataFrame({**columns, "service": "primary_care", "mode": "in_person"})


def others() -> dict[str, pd.DataFrame]:
    """Depression of every fourth person, and signs of distress of the young."""
    rows = [(one, f"2023-0{1 + i % 9}-11", "F32") for i, one in enumerate(IDS) if i % 4 == 0]
    rows += [(one, "2023-10-04", code) for one in IDS[N - 12 :] for code in ("Z56", "R10", "R11", "R12")]
    diagnoses = pd.DataFrame(rows, columns=["person_id", "recorded_on", "code"]).assign(system="icd10")
    medicines = pd.DataFrame({"person_id": IDS[:1], "dispensed_on": "2023-10-04", "atc": "N06AB04"})
    return {"diagnoses": diagnoses, "medicines": medicines}


def prepared(folder: Path, given: Parameters, **tables: pd.DataFrame) -> Workspace:
    """A quarter whose store and memberships are made of tables in `folder/data`."""
    (folder / "data").mkdir(parents=True)
    for name, table in tables.items():
        table.to_parquet(folder / "data" / f"{name}.parquet", index=False)
    workspace = Workspace(folder / "work", QUARTER)
    workspace.create()
    source = sources.discover(folder / "data", given.mappings)
    built = store.build(source, workspace.store, given, QUARTER.end)
    groups.build(built, given, workspace.memberships, CHOSEN)
    return workspace


@pytest.fixture(scope="module")
def quarter(given: Parameters, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return prepared(tmp_path_factory.mktemp("county"), given, persons=persons(), contacts=contacts(), **others())


def source_of(workspace: Workspace, given: Parameters) -> sources.Source:
    return sources.discover(workspace.work.parent / "data", given.mappings)


def months_of(workspace: Workspace) -> set[tuple[str, int, int]]:
    """Group, delivered identifier and month of every membership, from the store's own files."""
    index = groups.open(workspace.memberships)
    runs = pd.concat(pd.read_parquet(file) for file in sorted(workspace.memberships.glob("*.parquet")))
    numbered = sorted(IDS)
    return {
        (index.ids[run.group], numbered[run.person], month)
        for run in runs.itertuples()
        for month in range(run.from_month, run.to_month + 1)
    }


def read_back(folder: Path) -> set[tuple[str, int, int]]:
    """Cohort, subject and month of the exported files."""
    definitions = pd.read_parquet(folder / omop.DEFINITIONS).set_index("cohort_definition_id")
    found = pd.read_parquet(folder / omop.COHORT)
    return {
        (definitions.loc[row.cohort_definition_id, "cohort_definition_name"], row.subject_id, month)
        for row in found.itertuples()
        for month in range(month_of_text(row.cohort_start_date), month_of_text(row.cohort_end_date) + 1)
    }


def month_of_text(day: object) -> int:
    stamp = pd.Timestamp(day)  # type: ignore[arg-type]
    return stamp.year * 12 + stamp.month - 1


def test_the_cohorts_are_the_memberships(quarter: Workspace, given: Parameters) -> None:
    done = omop.export(quarter, source_of(quarter, given), given)
    assert done.folder == (quarter.folder / "omop").resolve()
    assert done.cohorts == 3
    found = read_back(done.folder)
    assert found == {row for row in months_of(quarter) if row[0] != AGGREGATE}
    assert {group for group, _, _ in found} == LISTED
    assert AGGREGATE in {group for group, _, _ in months_of(quarter)}
    rows = pd.read_parquet(done.folder / omop.COHORT)
    assert len(rows) == done.rows
    assert (pd.to_datetime(rows["cohort_start_date"]).dt.day == 1).all()
    assert pd.to_datetime(rows["cohort_end_date"]).dt.is_month_end.all()


def test_the_tables_have_the_columns_of_the_model(quarter: Workspace, given: Parameters) -> None:
    folder = omop.export(quarter, source_of(quarter, given), given).folder
    assert list(pd.read_parquet(folder / omop.COHORT)) == [
        "cohort_definition_id",
        "subject_id",
        "cohort_start_date",
        "cohort_end_date",
    ]
    definitions = pd.read_parquet(folder / omop.DEFINITIONS)
    assert list(definitions) == [
        "cohort_definition_id",
        "cohort_definition_name",
        "cohort_definition_description",
        "definition_type_concept_id",
        "cohort_definition_syntax",
        "subject_concept_id",
        "cohort_initiation_date",
    ]
    older = definitions.set_index("cohort_definition_name").loc["older_people"]
    assert older["cohort_definition_description"] == given.target_groups["older_people"].label["en"]
    assert "75" in older["cohort_definition_syntax"]


def test_every_group_has_an_identifier_of_its_own(given: Parameters) -> None:
    ids = {omop.cohort_id(group) for group in given.target_groups}
    assert len(ids) == len(given.target_groups)
    assert all(0 < one < 2**31 for one in ids)


def test_only_this_user_can_read_the_files_and_no_crosswalk_stays(quarter: Workspace, given: Parameters) -> None:
    before = {path for path in quarter.folder.iterdir() if path.name != "omop"}
    folder = omop.export(quarter, source_of(quarter, given), given).folder
    assert {path for path in quarter.folder.iterdir() if path.name != "omop"} - before <= {
        quarter.folder / "tmp",
        quarter.folder / ".lock",
    }
    assert {path.name for path in folder.iterdir()} == {omop.COHORT, omop.DEFINITIONS}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("place", ["outputs/2024Q4/omop", "outputs", "pages/tables"])
def test_persons_never_go_among_published_results(
    place: str, quarter: Workspace, given: Parameters, tmp_path: Path
) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").touch()
    with pytest.raises(ParameterError, match="published results hold no persons"):
        omop.export(quarter, source_of(quarter, given), given, tmp_path / place)
    assert not (tmp_path / place).exists()


def other_birth(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(birth_date=[date(1930, 1, 1), *table["birth_date"][1:]])


@pytest.mark.parametrize("change", [other_birth, lambda table: table[1:], lambda table: table.assign(language="fi")])
def test_other_persons_than_those_of_the_quarter_are_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], quarter: Workspace, given: Parameters, tmp_path: Path
) -> None:
    shutil.copy(quarter.work.parent / "data" / "contacts.parquet", tmp_path)
    change(persons()).to_parquet(tmp_path / "persons.parquet", index=False)
    with pytest.raises(DataError, match="not those that the quarter was run on"):
        omop.export(quarter, sources.discover(tmp_path), given, tmp_path / "cohorts")
    assert not (tmp_path / "cohorts").exists()


def test_identifiers_that_are_no_whole_numbers_are_refused(given: Parameters, tmp_path: Path) -> None:
    named = {one: f"{one:05}" if one < N else f"p{one}" for one in IDS}  # 00001 is not 1
    tables = {"persons": persons(), "contacts": contacts()}
    changed = {name: table.assign(person_id=table["person_id"].map(named)) for name, table in tables.items()}
    workspace = prepared(tmp_path, given, **changed)
    with pytest.raises(DataError, match=f"{N} of {N} person identifiers are not whole numbers"):
        omop.export(workspace, source_of(workspace, given), given)
    assert not (workspace.folder / "omop").exists()


def test_a_quarter_that_was_not_run_is_refused(quarter: Workspace, given: Parameters, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no stored data yet"):
        omop.export(Workspace(tmp_path, QUARTER), source_of(quarter, given), given)


def test_a_former_export_stays_whole_when_the_new_one_fails(
    quarter: Workspace, given: Parameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(quarter, given)
    omop.export(quarter, source, given, tmp_path)
    former = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(origin: Path, target: Path) -> None:
        if target.name.startswith(f".{omop.DEFINITIONS}"):
            raise OSError(28, "No space left on device")
        target.write_bytes(origin.read_bytes() + b"new")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(RunError, match="No space left"):
        omop.export(quarter, source, given, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == former


def test_cohorts_come_back_through_an_omop_database(given: Parameters, tmp_path: Path) -> None:
    """Exported from a database, put into it under an intervention's name, and read again as enrolments."""
    born = pd.to_datetime(persons()["birth_date"])
    tables = {
        "person": pd.DataFrame(
            {
                "person_id": IDS,
                "gender_concept_id": 8532,
                "year_of_birth": born.dt.year,
                "month_of_birth": born.dt.month,
                "day_of_birth": born.dt.day,
            }
        ),
        "visit_occurrence": contacts()
        .assign(visit_concept_id=9202)
        .rename(columns={"contact_id": "visit_occurrence_id", "started_at": "visit_start_date"})
        .drop(columns=["service", "mode"]),
    }
    workspace = prepared(tmp_path, given, **tables)
    exported = omop.export(workspace, source_of(workspace, given), given, tmp_path / "data").folder
    definitions = pd.read_parquet(exported / omop.DEFINITIONS)
    names = definitions["cohort_definition_name"].replace("older_people", "outreach_elderly")
    definitions.assign(cohort_definition_name=names).to_parquet(exported / omop.DEFINITIONS, index=False)
    again = store.build(source_of(workspace, given), tmp_path / "again" / "store", given, QUARTER.end)
    found = again.frame("enrolments").select("person", "month", "ended_day").collect("pandas").to_native()
    runs = pd.concat(pd.read_parquet(file) for file in sorted(workspace.memberships.glob("*.parquet")))
    older = runs[runs["group"] == groups.open(workspace.memberships).ids.index("older_people")]
    assert len(older) > 3
    expected = sorted(zip(older["person"], older["from_month"], older["to_month"]))
    ends = [month_of(day_date(int(day))) for day in found["ended_day"]]
    assert sorted(zip(found["person"], found["month"], ends)) == expected


def test_the_command_says_what_it_wrote(quarter: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    county = quarter.work.parent
    options = ["--data", str(county / "data"), "--quarter", "2024Q4", "--work", str(quarter.work)]
    assert cli.main(["export", "omop", *options]) == 0
    assert re.search(r"3 cohorts, \d+ rows", capsys.readouterr().out)
    assert cli.main(["export", "omop", *options, "--output", str(county / "outputs")]) == 2
    assert "published results" in capsys.readouterr().err
