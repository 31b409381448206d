"""An analyst opens the notebooks in JupyterLab's kernel, runs all cells, and reaches the unrounded numbers."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from ennakointi import study
from ennakointi.errors import ParameterError
from ennakointi.run.notebook_runs import fault

pytestmark = pytest.mark.xdist_group("quarter")
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize(
    "name",
    [
        "service_debt",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("summary", "demand", "effectiveness", "data_quality")
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning")
def test_run_all_works_in_the_notebooks_own_folder(quarter, name: str, monkeypatch) -> None:
    monkeypatch.setenv("ENNAKOINTI_WORK", str(quarter.folder / "work"))
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    assert fault(notebook) == ""
    shown = [o for cell in notebook.cells for o in cell.get("outputs", []) if "text/html" in o.get("data", {})]
    assert len(shown) >= 4


def test_the_work_folder_is_found_from_the_notebooks_folder(quarter, monkeypatch) -> None:
    (quarter.folder / "notebooks").mkdir(exist_ok=True)
    monkeypatch.chdir(quarter.folder / "notebooks")
    assert study.open("2025Q3").panel("all").target_group == "all"


def test_unrounded_results_are_at_hand(quarter) -> None:
    opened = study.open("2025Q3", work=quarter.folder / "work")
    summary = opened.result("debt.all")["debt_summary"].set_index("service")
    assert summary.loc["all", "expected"] % 10 != 0
    assert opened.panel("older_people").counts["contacts"].sum() > 0


def test_an_unknown_quarter_or_group_says_what_to_do(quarter) -> None:
    with pytest.raises(ParameterError, match="ennakointi demo"):
        study.open("2019Q1", work=quarter.folder / "work")
    with pytest.raises(ParameterError, match="list groups"):
        study.open("2025Q3", work=quarter.folder / "work").debt("elderly")
