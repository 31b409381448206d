"""A release tells what it was made from, and the same inputs make the same release to the last byte."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rocrate.rocrate import ROCrate

from ennakointi import cli, run
from ennakointi.run import crate, provenance
from ennakointi.run.notebook_runs import Outcome

pytestmark = pytest.mark.xdist_group("quarter")
MANIFESTS = {crate.MANIFEST, crate.METADATA}
TIME = re.compile(r'"(startTime|endTime)": "[^"]*"')


def differing(one: Path, other: Path) -> set[str]:
    """Files that are not the same in both folders; of the manifests only what is not a time."""
    names = {path.relative_to(folder).as_posix() for folder in (one, other) for path in folder.rglob("*.*")}
    assert len(names) > 30
    return {name for name in names if content(one / name) != content(other / name)}


def content(path: Path) -> bytes:
    if not path.is_file():
        return b""
    raw = path.read_bytes()
    return TIME.sub("", raw.decode("utf-8")).encode() if path.name in MANIFESTS else raw


def test_the_release_is_a_research_object_of_every_file(quarter) -> None:
    opened = ROCrate(quarter.release)
    made = {one.id for one in opened.dereference("#run")["result"]}
    files = {path.relative_to(quarter.release).as_posix() for path in quarter.release.rglob("*.*") if path.is_file()}
    assert made == files - MANIFESTS
    assert provenance.verify(quarter.release, lambda _: None) == 0


def test_it_tells_the_rows_the_documents_and_the_parts(quarter) -> None:
    told = provenance.entities(quarter.release)
    contacts = told["#delivered-contacts"]
    read = pd.read_parquet(quarter.folder / "data" / "contacts", columns=["person_id"])
    assert abs(contacts["rowsRead"] - len(read)) <= 5
    assert contacts["rowsRead"] % 10 == 0
    assert told["#setting-as_of"]["value"] == "2025-09-30"
    assert len(told["#parameters/services.yml"]["sha256"]) == 64
    assert {"#notebooks/summary.ipynb", "#notebooks/service_debt.ipynb"} <= set(told)
    parts = {seed.partition("=")[0] for seed in told["#seeds"]["value"]}
    assert parts == {path.name for path in (quarter.work / "parts").iterdir()}
    assert told["#run"]["startTime"] < told["#run"]["endTime"]


def test_every_figure_and_table_with_a_name_is_told(quarter) -> None:
    told = provenance.entities(quarter.release)
    pages = [path for path in quarter.release.rglob("*.html") if path.name.startswith("service_debt")]
    for path in pages:
        page = path.relative_to(quarter.release).as_posix()
        names = set(re.findall(r'<(?:figure|table) id="([^"]+)"', path.read_text(encoding="utf-8")))
        assert len(names) >= 5, page
        assert {f"{page}#{name}" for name in names} <= set(told), page


def test_pages_of_the_same_results_are_the_same_bytes(quarter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planned and written once more from the executed notebooks; `--made-on` is the day of the first run."""
    monkeypatch.setattr(run, "execute_all", lambda jobs, *_: [Outcome(job, "", 0.0) for job in jobs])
    again = ["--resume", "--output", str(quarter.folder / "again"), "--made-on", provenance.made_on(quarter.release)]
    assert cli.main([*quarter.options, *again]) == 0
    assert differing(quarter.release, quarter.folder / "again" / "2025Q3") == set()


@pytest.mark.slow
def test_two_runs_make_the_same_release_whatever_the_order_of_work(quarter, tmp_path: Path) -> None:
    """From the data on, with other numbers of jobs and other orders of sets, each in a process of its own."""
    options = ["--group", "all", "--language", "fi", "--made-on", "2025-10-12", "--mode", "fast"]
    for jobs, order in (("1", "1"), ("3", "2")):
        places = ["--work", str(tmp_path / f"work{jobs}"), "--output", str(tmp_path / jobs), "--jobs", jobs]
        command = ["run", "--data", str(quarter.folder / "data"), "--quarter", "2025Q3", *options, *places]
        done = subprocess.run(
            [sys.executable, "-m", "ennakointi", *command],
            env={**os.environ, "PYTHONHASHSEED": order},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert differing(tmp_path / "1" / "2025Q3", tmp_path / "3" / "2025Q3") == set()
