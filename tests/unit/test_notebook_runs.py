"""A notebook is good only when it is whole; the ways in which papermill's word is not enough are run for real."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from ennakointi.disclosure import END_MARKER
from ennakointi.errors import ParameterError
from ennakointi.run.notebook_runs import Job, Outcome, check_parameters, execute_all, fault

PARAMETERS = new_code_cell("quarter = '2025Q3'", metadata={"tags": ["parameters"]})
END = f"display({{'{END_MARKER}': {{}}}}, raw=True)"


def notebook(path: Path, *sources: str) -> Path:
    cells = [PARAMETERS.copy(), *map(new_code_cell, sources)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def executed(*cells: nbformat.NotebookNode) -> nbformat.NotebookNode:
    return new_notebook(cells=list(cells))


ENDING = new_code_cell("s.end()", execution_count=2, outputs=[new_output("display_data", {END_MARKER: {}})])
RAN = new_code_cell("1", execution_count=1)


def test_a_whole_notebook_has_no_fault() -> None:
    assert fault(executed(RAN, ENDING)) == ""


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([new_code_cell("print()", execution_count=1, outputs=[new_output("stream", text="x")]), ENDING], "stream"),
        ([], "no code cells"),
        ([RAN], "end marker"),
        ([ENDING, RAN], "end marker"),
        ([new_code_cell("2"), ENDING], "code cell 1 did not run"),
        (
            [
                new_code_cell(
                    "1/0", execution_count=1, outputs=[new_output("error", ename="E", evalue="", traceback=[])]
                ),
                ENDING,
            ],
            "code cell 1 ended in an error",
        ),
    ],
)
def test_each_fault_is_told(cells: list[nbformat.NotebookNode], said: str) -> None:
    assert said in fault(executed(*cells))


FATES = {
    "whole": ("pass", ""),
    "raises": ("1/0", "ZeroDivisionError"),
    "leaves": ("import sys; sys.exit(0)", "did not run|error"),
    "killed": ("import os; os.kill(os.getpid(), 9)", "kernel died"),
    "hangs": ("import time; time.sleep(60)", "longer than 4 seconds"),
}


def test_one_bad_notebook_does_not_stop_the_others(tmp_path: Path) -> None:
    jobs = [
        Job(
            name,
            notebook(tmp_path / f"{name}.ipynb", source, END),
            {"quarter": "2025Q2"},
            tmp_path / "out" / f"{name}.ipynb",
            name,
            4,
        )
        for name, (source, _) in FATES.items()
    ]
    heard: list[tuple[int, int]] = []
    outcomes = execute_all(jobs, 2, lambda _, done, total, left: heard.append((done, total)))
    assert [outcome.job.name for outcome in outcomes] == list(FATES)
    assert heard == [(n, len(jobs)) for n in range(1, len(jobs) + 1)]
    for outcome in outcomes:
        _check(outcome, FATES[outcome.job.name][1])


def _check(outcome: Outcome, said: str) -> None:
    assert outcome.good == (said == ""), outcome
    assert any(word in outcome.reason for word in said.split("|")), outcome


def test_a_missing_parameter_is_told_before_anything_runs(tmp_path: Path) -> None:
    path = notebook(tmp_path / "own.ipynb", END)
    check_parameters(path, ["quarter"])
    with pytest.raises(ParameterError, match=r"own.ipynb.*target_group.*found quarter"):
        check_parameters(path, ["quarter", "target_group"])


def test_a_file_that_is_no_notebook_is_told(tmp_path: Path) -> None:
    path = tmp_path / "own.ipynb"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ParameterError, match=r"own.ipynb: not a readable notebook"):
        check_parameters(path, ["quarter"])
