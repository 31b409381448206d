"""Stopping, resuming, failing: nothing is lost and nothing is half published."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from quarter_pages import text

from ennakointi import cli, quality
from ennakointi.errors import RunError
from ennakointi.result_tables.needs import NEED_TABLES

pytestmark = pytest.mark.xdist_group("quarter")


def run(quarter, *more: str, output: str = "outputs") -> int:
    """The fixture's run with more options; runs of a part go to an output folder of their own."""
    return cli.main([*quarter.options, *more, "--output", str(quarter.folder / output)])


def test_resume_keeps_finished_parts_and_gives_the_same_tables(quarter, capsys) -> None:
    before = {path.name: path.read_bytes() for path in quarter.release.glob("tables/*") if path.suffix != ".xlsx"}
    shutil.rmtree(quarter.work / "parts" / "debt.all")
    assert run(quarter, "--resume", "--notebook", "summary", output="resumed") == 0
    said = capsys.readouterr().out
    assert "kept from the earlier run" in said
    assert "[1/1] debt.all" in said
    tables = list((quarter.folder / "resumed" / "2025Q3").glob("tables/*"))
    after = {path.name: path.read_bytes() for path in tables if path.suffix != ".xlsx"}
    left_out = {f"{table.name}.csv" for table in NEED_TABLES} | {"tables.json"}  # which no notebook of this run shows
    assert set(before) - set(after) == left_out - {"tables.json"}
    assert {name: after[name] for name in set(after) - left_out} == {
        name: before[name] for name in set(before) - left_out
    }
    workbooks = [path for path in tables if path.suffix == ".xlsx"]  # of the pages of this run
    assert [path.name for path in workbooks] == ["summary.xlsx"]
    assert workbooks[0].read_bytes() == (quarter.release / "tables" / "summary.xlsx").read_bytes()


@pytest.mark.slow
def test_data_that_cannot_be_measured_cost_their_page_and_no_other(quarter, monkeypatch, capsys) -> None:
    def fails(*_: object) -> None:
        raise RunError("out of reach")

    shutil.rmtree(quarter.work / "parts" / "quality")
    monkeypatch.setattr(quality, "measure", fails)
    assert run(quarter, "--resume", "--jobs", "1", "--notebook", "summary", output="unmeasured") == 5
    assert "quality FAILED: out of reach" in capsys.readouterr().out
    tables = {path.stem for path in (quarter.folder / "unmeasured" / "2025Q3" / "tables").glob("*.csv")}
    assert "debt_summary" in tables
    assert "data_quality" not in tables
    monkeypatch.undo()
    assert run(quarter, "--resume", "--notebook", "summary", output="measured") == 0


@pytest.mark.slow
def test_changed_limits_score_the_data_anew_without_reading_them(quarter, tmp_path: Path, capsys) -> None:
    text = (Path(__file__).parents[2] / "parameters" / "quality.yml").read_text(encoding="utf-8")
    strict = re.sub(
        r"measure: midnight(.*?)limit_rows: \d+, limit_share: [\d.]+",
        r"measure: midnight\1limit_rows: 0, limit_share: 0",
        text,
        flags=re.S,
    )
    assert strict != text
    (tmp_path / "quality.yml").write_text(strict, encoding="utf-8")
    assert run(quarter, "--resume", "--notebook", "data_quality", "--parameters", str(tmp_path), output="scored") == 0
    said = capsys.readouterr().out
    assert "kept from the earlier run" in said
    assert "] quality" not in said
    assert "] debt." not in said
    limits = pd.read_csv(quarter.folder / "scored" / "2025Q3" / "tables" / "data_quality.csv").set_index("check")
    assert (limits.loc[["midnight"], "limit_share"] == 0).all()


@pytest.mark.slow
def test_changed_parameters_are_not_resumed(quarter, tmp_path: Path, capsys) -> None:
    shipped = Path(__file__).parents[2] / "parameters" / "panel.yml"
    (tmp_path / "panel.yml").write_text(shipped.read_text(encoding="utf-8") + "# ours\n", encoding="utf-8")
    assert run(quarter, "--resume", "--notebook", "summary", "--parameters", str(tmp_path), output="changed") == 0
    assert "kept from the earlier run" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "page", "more", "output"),
    [
        pytest.param(
            "data_quality",
            "data_quality.html",
            ["--notebook", "summary", "--notebook", "data_quality"],
            "broken",
            marks=pytest.mark.slow,  # a quick one: test_notebook_runs
        ),
        pytest.param("service_debt", "service_debt-all.html", [], "outputs", marks=pytest.mark.slow),
    ],
)
def test_a_broken_notebook_ends_in_a_readable_page_and_the_rest_stands(
    name: str, page: str, more: list[str], output: str, quarter, tmp_path: Path, capsys
) -> None:
    notebook = nbformat.read(Path(__file__).parents[2] / "notebooks" / f"{name}.ipynb", as_version=4)
    notebook.cells.insert(-1, nbformat.v4.new_code_cell("import sys; sys.exit(0)"))
    nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    assert run(quarter, "--resume", *more, "--notebooks-from", str(tmp_path), output=output) == 5
    assert "FAILED" in capsys.readouterr().out
    release = quarter.folder / output / "2025Q3"
    made = (release / page).read_text(encoding="utf-8")
    assert "Tätä sivua ei voitu tehdä." in text(made)
    assert "Traceback" not in made
    assert "epävarmuusväli" in text((release / "index.html").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_notebook_of_ones_own_becomes_a_page_without_python(quarter, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "parameters" / "notebooks.yml"
    title = "{fi: Oma sivu, sv: Egen sida, en: Our own}"
    own = f"mine:\n  title: {title}\n  per: group\n  order: 99\n  needs: [debt_summary]\n"
    (tmp_path / "notebooks.yml").write_text(shipped.read_text(encoding="utf-8") + own, encoding="utf-8")
    cells = [
        nbformat.v4.new_code_cell(
            'quarter = "2025Q3"\nlanguage = "fi"\ntarget_group = "all"', metadata={"tags": ["parameters"]}
        ),
        nbformat.v4.new_code_cell(
            "from ennakointi import study\nfrom ennakointi.report import markup\n"
            "s = study.open(quarter, language=language)\n"
            "markup.paragraph(f\"Rivejä: {len(s.released('debt_summary'))}, ryhmä {target_group}\")"
        ),
        nbformat.v4.new_code_cell("s.end()"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "mine.ipynb")
    more = [
        "--parameters",
        str(tmp_path),
        "--notebooks-from",
        str(tmp_path),
        "--notebook",
        "mine",
        "--notebook",
        "summary",
    ]
    assert run(quarter, *more, output="own") == 0
    release = quarter.folder / "own" / "2025Q3"
    assert "ryhmä older_people" in text((release / "mine-older_people.html").read_text(encoding="utf-8"))
    assert "Oma sivu" in text((release / "index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--group", "elderly"], "elderly"),
        (["--notebook", "dept"], "dept"),
        (["--region", "paijathame"], "paijat-hame"),
        (["--notebook", "summary"], "fuller release"),
        (["--as-of", "2025-06-30"], "before the quarter"),
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
