"""One small synthetic quarter, run for real by the command; the tests of this folder share it in one worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from in_process import execute_all

from ennakointi import cli, run
from ennakointi.run import notebook_runs
from ennakointi.run.notebook_runs import Job, Outcome

THIRD = "en"  # the release is in the other two languages


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "execute_all", one_language_in_kernels)
        return Quarter(folder, options, cli.main(options))


def one_language_in_kernels(jobs: Sequence[Job], at_a_time: int, report: Callable[..., None]) -> list[Outcome]:
    """Notebooks of the first language by kernels of their own, as a run does; those of the other language here."""
    first = jobs[0].parameters["language"]
    own = [job for job in jobs if job.parameters["language"] == first]
    others = [job for job in jobs if job.parameters["language"] != first]
    return [*notebook_runs.execute_all(own, at_a_time, report), *execute_all(others, at_a_time, report)]


@pytest.fixture(scope="session")
def pages(quarter: Quarter, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Every page of the quarter by language; the third one is rendered from the same tables without kernels."""
    output = tmp_path_factory.mktemp("third")
    options = [option for option in quarter.options if option not in ("--language", "fi", "sv")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "execute_all", execute_all)
        assert cli.main([*options, "--language", THIRD, "--resume", "--output", str(output)]) == 0
    own = quarter.release
    return {
        "fi": sorted(own.glob("*.html")),
        "sv": sorted(own.glob("sv/*.html")),
        THIRD: sorted(output.rglob("*.html")),
    }
