"""Lists of persons: off as shipped, on a dated basis only, logged, into work/ alone, and removed in time."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from ennakointi import cli, parameters, person_exports, sources, store
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.parameters import Parameters
from ennakointi.parameters.export_documents import PersonExport
from ennakointi.periods import Quarter
from ennakointi.sources import Source
from ennakointi.workspace import Workspace

QUARTER, TODAY = Quarter.parse("2024Q4"), date(2025, 2, 3)
IDS = [9001, 17, 523]
ALLOWED = {
    "content": "segments",
    "names": ["levels"],
    "purpose": "Joint plans",
    "basis": "An act, section 1; decision 7/2025",
    "decided_on": date(2025, 1, 15),
    "valid_until": date(2025, 12, 31),
    "approver": "Director of services",
    "retention_days": 30,
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A quarter of three persons who are in segments of two schemes."""
    data, made = tmp_path / "data", Workspace(tmp_path / "work", QUARTER)
    data.mkdir()
    made.create()
    people = pd.DataFrame({"person_id": IDS, "birth_date": "1950-05-15", "sex": "female", "municipality": "398"})
    people.to_csv(data / "persons.csv", index=False)
    started = {"started_at": "2024-10-02T09:00:00", "service": "primary_care", "mode": "in_person"}
    pd.DataFrame({"contact_id": [1], "person_id": IDS[0], **started}).to_csv(data / "contacts.csv", index=False)
    store.build(source_of(made), made.store, parameters.load(), QUARTER.end)
    made.results.mkdir()
    rows = pd.DataFrame({"person_id": [0, 1, 2] * 2, "scheme": ["levels"] * 3 + ["other"] * 3, "probability": 1.0})
    rows.assign(segment=list("abcxyz")).to_parquet(made.results / "segment_assignments.parquet")
    return made


def source_of(workspace: Workspace) -> Source:
    return sources.discover(workspace.work.parent / "data", {}, None)


def allowing(**changes: object) -> Parameters:
    return replace(parameters.load(), person_exports={"joint": PersonExport(id="joint", **{**ALLOWED, **changes})})


def made(workspace: Workspace, given: Parameters, today: date = TODAY) -> person_exports.Written:
    return person_exports.write(workspace, source_of(workspace), given, "joint", today)


def log(workspace: Workspace) -> list[dict]:
    return [json.loads(line) for line in (workspace.work / "person_exports.log").read_text().splitlines()]


def test_as_shipped_nobody_is_listed(workspace: Workspace) -> None:
    with pytest.raises(ParameterError, match=r"person_exports\.yml allows no such list"):
        made(workspace, parameters.load())
    assert not (workspace.folder / "exports").exists()
    assert not (workspace.work / "person_exports.log").exists()


def test_the_list_has_delivered_ids_and_the_named_scheme_alone(workspace: Workspace) -> None:
    done = made(workspace, allowing())
    listed = pd.read_parquet(done.file)
    numbers = store.open(workspace.store).frame("persons").select("person", "birth_day").collect().to_pandas()
    assert len(numbers) == done.rows == 3
    assert set(listed["person_id"].astype(str)) == {str(one) for one in IDS}
    assert set(listed["segment"]) == {"a", "b", "c"}
    assert "person" not in listed
    assert done.until == TODAY + timedelta(days=30)


def test_only_this_user_reads_it_and_nothing_else_stays(workspace: Workspace) -> None:
    done = made(workspace, allowing())
    assert done.file.is_relative_to(workspace.folder)
    modes = [stat.S_IMODE(place.stat().st_mode) for place in (done.file, done.file.parent, done.file.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert not list(workspace.folder.glob("*building*"))


def test_every_list_is_logged_with_its_basis_and_approver(workspace: Workspace) -> None:
    made(workspace, allowing())
    entry = log(workspace)[-1]
    assert entry["what"] == "written"
    assert entry["rows"] == 3
    assert entry["basis"] == ALLOWED["basis"]
    assert entry["approver"] == ALLOWED["approver"]
    assert not any(str(one) in json.dumps(entry) for one in IDS if one > 1000)


@pytest.mark.parametrize("day", [date(2025, 1, 14), date(2026, 1, 1)])
def test_the_basis_holds_in_its_own_days_only(workspace: Workspace, day: date) -> None:
    with pytest.raises(ParameterError, match="its basis holds from 2025-01-15 through 2025-12-31"):
        made(workspace, allowing(), day)


def test_a_list_is_removed_when_its_days_are_over(workspace: Workspace) -> None:
    done = made(workspace, allowing())
    assert person_exports.remove_expired(workspace.work, done.until - timedelta(days=1)) == 0
    assert done.file.exists()
    assert person_exports.remove_expired(workspace.work, done.until) == 1
    assert not done.file.parent.exists()
    assert log(workspace)[-1]["what"] == "removed"


def test_no_list_outlives_its_basis(workspace: Workspace) -> None:
    assert made(workspace, allowing(retention_days=366)).until == date(2025, 12, 31)


def test_what_the_quarter_does_not_have_is_told(workspace: Workspace) -> None:
    with pytest.raises(ParameterError, match="has no 'absent', but levels, other"):
        made(workspace, allowing(names=["absent"]))
    with pytest.raises(RunError, match="holds no need of persons"):
        made(workspace, allowing(content="need"))


def test_other_data_than_the_quarters_are_refused(workspace: Workspace) -> None:
    file = workspace.work.parent / "data" / "persons.csv"
    file.write_text(file.read_text().replace("9001", "9002"))
    with pytest.raises(DataError, match="not those that the quarter was run on"):
        made(workspace, allowing())
    assert not list(workspace.folder.glob("exports/*/*.parquet"))


def test_the_command_refuses_in_one_line(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    data, work = str(workspace.work.parent / "data"), str(workspace.work)
    code = cli.main(["export", "persons", "joint", "--data", data, "--quarter", "2024Q4", "--work", work])
    assert code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_basis_that_ends_before_it_begins_is_a_fault() -> None:
    with pytest.raises(ValueError, match="is before decided_on"):
        allowing(valid_until=date(2024, 1, 1))
