"""Puts a finished quarter in place: a reader sees the whole old release or the whole new one, never a mixture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ennakointi.errors import RunError


def _beside(target: Path, kind: str) -> Path:
    return target.with_name(f".{target.name}.{kind}")


def recover(target: Path) -> None:
    """Put back the old release if a run was stopped between taking it away and putting the new one in place."""
    old = _beside(target, "old")
    if old.exists() and not target.exists():
        os.rename(old, target)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(_beside(target, "new"), ignore_errors=True)


@contextmanager
def release(target: Path) -> Iterator[Path]:
    """Give an empty folder to build the release in; swap it in when the block ends well, throw it away otherwise.

    Raises
    ------
    RunError
        When the disk is full or not writable; the old release is then untouched.
    """
    stage = _beside(target, "new")
    try:
        if not target.parent.exists():
            target.parent.mkdir(parents=True)
            target.parent.chmod(0o755)  # readers open it; the run's own files are for this user only
        recover(target)
        stage.mkdir()
        yield stage
        if target.exists():
            os.rename(target, _beside(target, "old"))
        os.rename(stage, target)
    except OSError as error:
        raise RunError(
            f"{target}: the release could not be written ({error.strerror}); the earlier release is untouched. "
            "Free some space or check the folder's permissions, then run again with --resume"
        ) from error
    finally:
        recover(target)
