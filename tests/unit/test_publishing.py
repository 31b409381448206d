"""A release is whole or not there; an interruption at any point leaves the earlier one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ennakointi.errors import RunError
from ennakointi.run import publishing


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def put(target: Path, name: str, text: str) -> None:
    with publishing.release(target) as stage:
        (stage / name).write_text(text, encoding="utf-8")


def test_a_folder_of_releases_that_is_made_can_be_read_by_others(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with publishing.release(tmp_path / "outputs" / "2025Q3"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "outputs").stat().st_mode & 0o777 == 0o755


def test_a_new_release_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "2025Q3"
    put(target, "old.html", "old")
    put(target, "new.html", "new")
    assert content(target) == {"new.html": "new"}
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_earlier_release_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "2025Q3"
    put(target, "old.html", "old")
    with pytest.raises(ZeroDivisionError), publishing.release(target) as stage:
        (stage / "half.html").write_text("half", encoding="utf-8")
        raise ZeroDivisionError
    assert content(target) == {"old.html": "old"}
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_told_and_leaves_the_earlier_release(tmp_path: Path) -> None:
    target = tmp_path / "2025Q3"
    put(target, "old.html", "old")
    with (
        pytest.raises(RunError, match=r"No space left on device.*earlier release is untouched"),
        publishing.release(target),
    ):
        raise OSError(28, os.strerror(28))
    assert content(target) == {"old.html": "old"}


def test_a_machine_lost_between_the_two_renames_gives_the_old_release_back(tmp_path: Path) -> None:
    target = tmp_path / "2025Q3"
    put(target, "old.html", "old")
    os.rename(target, tmp_path / ".2025Q3.old")
    (tmp_path / ".2025Q3.new").mkdir()
    publishing.recover(target)
    assert content(target) == {"old.html": "old"}
    assert list(tmp_path.iterdir()) == [target]
