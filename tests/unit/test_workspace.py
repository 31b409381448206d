"""Work stays private, is written whole, and belongs to one run at a time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ennakointi.errors import RunError
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace, fingerprint, read_json, read_tables, write_json, write_tables


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", Quarter(2025, 3))


def test_folders_are_for_this_user_only(workspace: Workspace) -> None:
    workspace.create()
    for folder in (workspace.work, workspace.folder, workspace.log.parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_run_on_the_quarter_stops_at_once(workspace: Workspace) -> None:
    with workspace.locked(), pytest.raises(RunError, match="2025Q3: another run"), workspace.locked():
        pass
    with workspace.locked():  # the lock is given back
        pass


def test_other_quarters_are_free(workspace: Workspace, tmp_path: Path) -> None:
    with workspace.locked(), Workspace(tmp_path / "work", Quarter(2025, 2)).locked():
        pass


def test_unfinished_tables_are_not_read(tmp_path: Path) -> None:
    table = pd.DataFrame({"month": ["2020-03"], "debt": [1.5]})
    write_tables(tmp_path / "part", {"t": table}, {"basis": "a"})
    pd.testing.assert_frame_equal(read_tables(tmp_path / "part")["t"], table)
    (tmp_path / "part" / "about.json").unlink()
    assert read_tables(tmp_path / "part") == {}


def test_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.json"
    assert read_json(path) == {}
    write_json(path, {"x": 1})
    write_json(path, {"y": "ä"})
    assert read_json(path) == {"y": "ä"}
    assert [p.name for p in path.parent.iterdir()] == ["b.json"]


def test_fingerprint_tells_any_change() -> None:
    assert fingerprint(["a", 1], {"k": 2}) == fingerprint(("a", 1), {"k": 2})
    assert len({fingerprint("a"), fingerprint("b"), fingerprint("a", "b"), fingerprint(["a", "b"])}) == 4
