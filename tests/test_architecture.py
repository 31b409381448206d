"""The structure, held by tests: imports point one way, modules stay small, nothing hides behind a vague name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "ennakointi"
MODULES = sorted(SOURCE.rglob("*.py"))

# Top to bottom: a room (a module, or a folder of modules) imports only from lines below its own.
LAYERS = """
cli
demo
run backtest effect_command
study
phases
debt_part segments_part
pages quality debt queues forecast effectiveness headlines segmentation need
report
disclosure
features
panel omop delivery person_exports
groups
store
sources synthetic
parameters
rules
effect
causal
schema results result_tables text workspace database
scores sample_paths
written_periods
periods spelling arguments
errors
"""
LEVEL = {room: level for level, line in enumerate(LAYERS.strip().splitlines()) for room in line.split()}

METHODS = {"debt", "queues", "forecast", "effectiveness", "headlines", "segmentation", "need"}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, also inside functions and for types."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "ennakointi":
            yield from (alias.name for alias in node.names if alias.name != "__version__")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ennakointi."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ennakointi."))


def test_every_room_has_its_layer() -> None:
    assert {room(path) for path in MODULES} - {"__init__", "__main__"} == set(LEVEL)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    if room(path) in LEVEL:
        wrong = [name for name in imported(path) if name != room(path) and LEVEL[name] <= LEVEL[room(path)]]
        assert not wrong


def test_methods_never_import_each_other() -> None:
    for path in MODULES:
        if room(path) in METHODS:
            assert not set(imported(path)) & (METHODS - {room(path)})


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            told = node.body[0] if ast.get_docstring(node) else None
            lines = node.end_lineno - node.lineno + 1 - (told.end_lineno - told.lineno + 1 if told else 0)  # type: ignore[operator]
            assert lines <= 40, node.name


def test_no_room_is_named_after_nothing() -> None:
    assert not {p.stem for p in MODULES} & {"utils", "helpers", "base", "core", "common", "misc"}
