"""One small synthetic quarter, run for real by the command; the tests of this folder share it in one worker."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from ennakointi import cli


class Quarter(NamedTuple):
    """Where a run worked, what it was told to do, and how it ended."""

    folder: Path
    options: list[str]
    code: int

    @property
    def release(self) -> Path:
        return self.folder / "outputs" / "2025Q3"

    @property
    def work(self) -> Path:
        return self.folder / "work" / "2025Q3"


@pytest.fixture(scope="session")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Quarter:
    folder = tmp_path_factory.mktemp("county")
    places = ["--work", str(folder / "work"), "--output", str(folder / "outputs")]
    data = folder / "data"
    assert cli.main(["synth", str(data), "--residents", "3000", "--seed", "3"]) == 0
    options = ["run", "--data", str(data), "--quarter", "2025Q3", "--mode", "fast", "--jobs", "2", *places]
    options += ["--group", "all", "--group", "older_people", "--language", "fi", "--language", "sv"]
    return Quarter(folder, options, cli.main(options))
