"""The notebooks are thin, stripped and fully translated."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from babel.messages.pofile import read_po

from ennakointi import study
from ennakointi.pages import demand, deviation
from ennakointi.report import notebook_text
from ennakointi.text import LOCALE_FOLDER

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FORBIDDEN = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.For,
    ast.While,
    ast.Try,
    ast.Lambda,
    ast.ListComp,
    ast.DictComp,
    ast.SetComp,
    ast.GeneratorExp,
    ast.If,
    ast.With,
)
PAGES = {
    "debt": study.DebtPage,
    "demand": demand.DemandPage,
    "effects": study.EffectsPage,
    "indicators": study.IndicatorsPage,
    "need": study.NeedPage,
    "segments": study.SegmentsPage,
    "quality": study.QualityPage,
    "summary": study.SummaryPage,
}


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def trees(path: Path) -> list[ast.Module]:
    return [ast.parse(cell.source) for cell in cells(path, "code")]


def test_there_are_notebooks_to_check() -> None:
    assert {"summary", "service_debt", "effectiveness", "data_quality"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_code_is_thin(path: Path) -> None:
    code = cells(path, "code")
    assert len(code) <= 10
    assert sum(len(cell.source.splitlines()) for cell in code) <= 40
    for tree in trees(path):
        assert not [type(node).__name__ for node in ast.walk(tree) if isinstance(node, FORBIDDEN)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_one_parameters_cell_then_one_import_cell(path: Path) -> None:
    code = cells(path, "code")
    tagged = [number for number, cell in enumerate(code) if "parameters" in cell.metadata.get("tags", [])]
    importing = [
        number
        for number, tree in enumerate(trees(path))
        if any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))
    ]
    assert (tagged, importing) == ([0], [1])
    assert {"quarter", "language"} <= {node.targets[0].id for node in trees(path)[0].body}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_later_cell_ends_in_a_displayed_call_and_the_last_is_the_end_marker(path: Path) -> None:
    last_lines = [cell.source.splitlines()[-1] for cell in cells(path, "code")[2:]]
    assert all(re.fullmatch(r"page\.\w+\(\)", line) for line in last_lines[:-1])
    assert last_lines[-1] == "this_quarter.end()"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_call_is_a_method_of_its_page(path: Path) -> None:
    source = "\n".join(cell.source for cell in cells(path, "code"))
    kind = re.search(r"page = this_quarter\.(\w+)\(", source).group(1)  # type: ignore[union-attr]
    shown = deviation.DeviationPage if path.stem == "deviation" else PAGES[kind]
    calls = re.findall(r"^page\.(\w+)\(\)", source, re.MULTILINE)
    assert len(calls) >= 5
    assert not [name for name in calls if not callable(getattr(shown, name, None))]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_stripped_with_fixed_ids_and_the_plain_kernel(path: Path) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    nbformat.validate(nbformat.read(path, as_version=4))
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in raw["cells"]]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z][a-z-]*", name) for name in ids)
    assert not [c for c in raw["cells"] if c.get("outputs") or c.get("execution_count")]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_page_owns_the_only_h1(path: Path) -> None:
    headings = [line for cell in cells(path, "markdown") for line in cell.source.splitlines() if "#" in line]
    assert headings
    assert all(line.startswith("## ") for line in headings)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_every_notebook_has_a_title_and_a_place_in_the_navigation(path: Path) -> None:
    known = yaml.safe_load((ROOT / "parameters" / "notebooks.yml").read_text(encoding="utf-8"))
    assert set(known[path.stem]["title"]) == {"fi", "sv", "en"}


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_paragraph_is_translated_and_none_is_left_over(language: str) -> None:
    sources = {cell.source for path in NOTEBOOKS for cell in cells(path, "markdown")}
    with (LOCALE_FOLDER / language / "notebooks.po").open("rb") as lines:
        translations = {str(entry.id): str(entry.string) for entry in read_po(lines, locale=language) if entry.id}
    assert set(translations) == sources
    assert all(translations.values())
    assert [k for k, v in translations.items() if k.count("\n\n") != v.count("\n\n")] == []


def test_a_notebook_is_translated_cell_by_cell() -> None:
    notebook = nbformat.read(ROOT / "notebooks" / "service_debt.ipynb", as_version=4)
    swedish = notebook_text.translated(notebook, "sv")
    assert "Serviceskulden" in swedish.cells[0].source
    assert "Palveluvelka" in notebook.cells[0].source
    assert [c.source for c in swedish.cells if c.cell_type == "code"] == [
        c.source for c in notebook.cells if c.cell_type == "code"
    ]
    assert notebook_text.translated(notebook, "fi").cells == notebook.cells


def test_a_paragraph_of_an_own_notebook_stays_as_it_is() -> None:
    assert notebook_text.notebook_text("Oma kappale.", "sv") == "Oma kappale."
