"""The part of a group's debt: which parts it waits for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import debt_part, parameters, phases
from ennakointi.debt.calibration import Calibration
from ennakointi.errors import RunError
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace

NAMES = ["debt.older_people", "quality", "debt.all", "hidden", "forecast.all"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path, Quarter(2025, 3))
    made.create()
    return made


def computed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, names: list[str], broken: str = "") -> tuple:
    """Names in the order in which they were computed, and those that failed."""
    order: list[str] = []

    def compute_part(_workspace: Workspace, _parameters: object, name: str, _mode: str) -> dict[str, pd.DataFrame]:
        if name == broken:
            raise RunError("broken on purpose")
        order.append(name)
        return {}

    monkeypatch.setattr(phases, "compute_part", compute_part)
    failed = phases.compute(workspace, parameters.load(), names, "fast", 1, "basis", lambda _: None)
    return order, failed


def test_all_residents_come_before_the_groups_and_hidden_need_before_both(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, failed = computed(workspace, monkeypatch, NAMES)
    assert not failed
    assert order.index("hidden") < order.index("debt.all") < order.index("debt.older_people")
    assert sorted(order) == sorted(NAMES)


def test_what_a_part_needs_is_computed_with_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    order, _ = computed(workspace, monkeypatch, ["debt.older_people"])
    assert order == ["hidden", "debt.all", "debt.older_people"]
    order, _ = computed(workspace, monkeypatch, ["debt.older_people", "debt.informal_carers"])
    assert order == ["debt.informal_carers"]  # the others are finished on the same basis


def test_parts_that_need_a_failed_one_fail_with_it(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    order, failed = computed(workspace, monkeypatch, NAMES, broken="hidden")
    assert sorted(failed) == ["debt.all", "debt.older_people", "hidden"]
    assert sorted(order) == ["forecast.all", "quality"]


def test_only_debt_waits_for_other_parts() -> None:
    assert debt_part.needs("forecast.all") == ()
    assert debt_part.needs("debt.all") == ("hidden",)
    assert debt_part.needs("debt.families") == ("hidden", "debt.all")


def test_a_calibration_survives_its_table() -> None:
    factors = Calibration(np.array([1.0, 1.2]), np.array([1.1, 1.3]), np.array([20.0, 18.0]), constant=np.zeros(2))
    found = debt_part.calibration_of(debt_part.calibration_table(factors))
    assert found.factor95.tolist() == [1.1, 1.3]
    assert found.constant is not None
    assert found.constant.tolist() == [0.0, 0.0]
    assert found.of_spread is None
    assert not found.borrowed
