"""Notebooks executed in the test's own process: as whole as a run's, without the time of a kernel each."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

import nbformat
from nbformat.v4 import new_output
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from ennakointi.run.notebook_runs import Job, Outcome, fault


def execute_all(jobs: Sequence[Job], _: int, report: Callable[[Outcome, int, int, float], None]) -> list[Outcome]:
    """In place of `run.notebook_runs.execute_all`."""
    outcomes = [Outcome(job, _execute(job), 0.0) for job in jobs]
    for done, outcome in enumerate(outcomes, start=1):
        report(outcome, done, len(jobs), 0.0)
    return outcomes


def _execute(job: Job) -> str:
    notebook = parameterize_notebook(load_notebook_node(str(job.notebook)), job.parameters)
    names: dict[str, Any] = {}
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.outputs, cell.execution_count = _outputs(cell.source, names), number
    job.executed.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, job.executed)
    return fault(notebook)


def _outputs(source: str, names: dict[str, Any]) -> list[nbformat.NotebookNode]:
    """Run a cell; its last expression is what it displays."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)  # noqa: S102 - the project's own notebooks
    shown = None if last is None else eval(compile(last, "cell", "eval"), names)  # noqa: S307
    if shown is None:
        return []
    mime = getattr(shown, "_repr_mimebundle_", None)
    data = mime() if mime else {"text/html": shown._repr_html_()}
    return [new_output("display_data", data=data)]
