"""Trouble with the machine: one clear message, a documented code, and nothing half-written."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("quarter")


def run(quarter, folder: Path, limit: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    places = ["--work", str(folder / "work"), "--output", str(folder / "outputs")]
    options = [
        "run",
        "--data",
        str(quarter.folder / "data"),
        "--quarter",
        "2025Q3",
        "--mode",
        "fast",
        "--jobs",
        "1",
        "--group",
        "all",
    ]
    command = [sys.executable, "-m", "ennakointi", *options, *places]
    return subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit, cwd=folder)


def one_message(done: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    assert done.stderr.count("ennakointi:") == 1
    return done.stderr


@pytest.mark.slow
def test_a_full_disk(quarter, tmp_path: Path) -> None:
    done = run(quarter, tmp_path, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)))
    assert done.returncode == 4, done.stderr
    assert "--resume" in one_message(done) or "space" in one_message(done)
    assert not (tmp_path / "outputs" / "2025Q3").exists()
    assert not list((tmp_path / "work" / "2025Q3").glob("store"))
