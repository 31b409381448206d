"""The structure, held by tests: imports point one way, modules stay small, nothing hides behind a vague name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "ennakointi"

# Top to bottom; a module imports only from lines below its own. Names with * stand for modules that begin so.
LAYERS = (
    "cli __main__",
    "demo",
    "run",
    "notebook_runs publishing",
    "study",
    "report site",
    "*_page page_context",
    "debt deviation effectiveness",
    "*",
)


def modules() -> list[Path]:
    return sorted(SOURCE.glob("*.py"))


def test_there_are_modules_to_check() -> None:
    assert len(modules()) > 15


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.stem)
def test_no_module_passes_400_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.stem)
def test_no_function_passes_40_lines(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = node.body[0].end_lineno - node.body[0].lineno + 1 if ast.get_docstring(node) else 0  # type: ignore[operator]
            assert node.end_lineno - node.lineno + 1 - docstring <= 40, f"{path.stem}.{node.name}"  # type: ignore[operator]


def test_no_module_is_named_after_nothing() -> None:
    assert not {p.stem for p in modules()} & {"utils", "helpers", "base", "core", "common", "misc"}
