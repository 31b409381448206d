"""Stopping, resuming, failing: nothing is lost and nothing is half published."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from quarter_pages import text

from ennakointi import cli

pytestmark = pytest.mark.xdist_group("quarter")


def run(quarter, *more: str) -> int:
    return cli.main([*quarter.options, *more])


def test_resume_keeps_finished_parts_and_gives_the_same_tables(quarter, capsys) -> None:
    before = {path.name: path.read_bytes() for path in quarter.release.glob("tables/*")}
    shutil.rmtree(quarter.work / "parts" / "debt.all")
    assert run(quarter, "--resume", "--notebook", "summary") == 0
    said = capsys.readouterr().out
    assert "kept from the earlier run" in said
    assert "[1/1] debt.all" in said
    assert {path.name: path.read_bytes() for path in quarter.release.glob("tables/*")} == before


def test_changed_parameters_are_not_resumed(quarter, tmp_path: Path, capsys) -> None:
    shipped = Path(__file__).parents[2] / "parameters" / "panel.yml"
    (tmp_path / "panel.yml").write_text(shipped.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    assert run(quarter, "--resume", "--notebook", "summary", "--parameters", str(tmp_path)) == 0
    assert "kept from the earlier run" not in capsys.readouterr().out


def test_a_broken_notebook_ends_in_a_readable_page_and_the_rest_stands(quarter, tmp_path: Path, capsys) -> None:
    source = Path(__file__).parents[2] / "notebooks" / "service_debt.ipynb"
    notebook = nbformat.read(source, as_version=4)
    notebook.cells.insert(-1, nbformat.v4.new_code_cell("import sys; sys.exit(0)"))
    nbformat.write(notebook, tmp_path / "service_debt.ipynb")
    assert run(quarter, "--resume", "--notebooks-from", str(tmp_path), "--language", "fi") == 5
    assert "FAILED" in capsys.readouterr().out
    page = (quarter.release / "service_debt-all.html").read_text(encoding="utf-8")
    assert "Tätä sivua ei voitu tehdä." in text(page)
    assert "Traceback" not in page
    assert "epävarmuusväli" in text((quarter.release / "index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--group", "elderly"], "elderly"),
        (["--notebook", "dept"], "dept"),
        (["--region", "paijathame"], "paijat-hame"),
    ],
)
def test_a_wrong_option_stops_before_anything_starts(quarter, more: list[str], said: str, capsys) -> None:
    before = sorted(path.stat().st_mtime_ns for path in quarter.work.rglob("*"))
    assert run(quarter, *more) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.stat().st_mtime_ns for path in quarter.work.rglob("*")) == before


def test_bad_data_stop_the_run_and_leave_the_earlier_release(quarter, capsys) -> None:
    data = quarter.folder / "data"
    kept = (data / "persons.parquet").read_bytes()
    before = (quarter.release / "index.html").read_bytes()
    pd.read_parquet(data / "persons.parquet").drop(columns="sex").to_parquet(data / "persons.parquet")
    try:
        assert run(quarter) == 3
    finally:
        (data / "persons.parquet").write_bytes(kept)
    assert "persons" in (said := capsys.readouterr().err)
    assert "sex" in said
    assert (quarter.release / "index.html").read_bytes() == before
