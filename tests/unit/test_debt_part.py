"""The part of a group's debt: which parts it waits for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ennakointi import debt_part, parameters, phases
from ennakointi.debt.calibration import Calibration
from ennakointi.debt.ledger import Ledger
from ennakointi.debt.lost import Fading
from ennakointi.debt.paths import Paths
from ennakointi.debt.service_series import Account, ServiceSeries
from ennakointi.debt.terms import Terms
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


def waiting_panel(sizes: dict[int, float]) -> SimpleNamespace:
    """A panel that knows the queue of one service only: everybody in it came in the month."""
    flows = pd.DataFrame({"month": list(sizes), "waiting": list(sizes.values())}).assign(
        service="primary_care", municipality="398", waited=0, started=0.0, left=0.0
    )
    queue = flows[["service", "municipality", "month", "waiting"]].assign(persons=5)
    return SimpleNamespace(queue_flows=flows, queue=queue, areas=lambda *_: ("398",))


def account(hidden: np.ndarray | None) -> Ledger:
    """Fourteen months of an account of primary care, two draws: 30 and 50 wait beyond the expected queue."""
    h, months = 14, np.arange(15)
    observed = np.full(15, 90.0)
    one = ServiceSeries(
        *("primary_care", Account(0, 0, 0, 1, 6, 14), ("398",), months, observed, observed),
        *(np.arange(15.0), np.full(15, np.nan), np.ones(15)),
    )
    net, nothing = np.tile(10.0 * np.arange(1, h + 1), (2, 1)), np.zeros((2, h))
    visible = np.array([[30.0], [50.0]]) * np.ones(h)
    terms = Terms(net, nothing, visible, nothing, nothing, nothing, hidden)
    certain = Paths(np.full(h, 100.0), np.full((2, h), 100.0), np.zeros(1), "theta", 0.0)
    factors = Calibration(np.ones(h), np.ones(h), np.full(h, 20.0))
    return Ledger(one, certain, terms, factors, observed[:1], observed[1:])


FADE = Fading(*(np.full(2, share) for share in (0.1, 0.01, 0.002, 0.003, 0.05)), 36, True)


def test_what_remains_of_a_service_by_hand() -> None:
    """The hidden need falls by 10 a month from 200 to 80 in the last year. Of 1,740 person-months in it .015 a month
    end without care: 26.1; the others of the 120 came back, 7.825 a month."""
    hidden = np.tile(np.array([200.0, *np.arange(200.0, 70.0, -10.0)]), (2, 1))
    panel = waiting_panel({m: 20.0 + 3 * m for m in range(15)})
    found = debt_part._remaining(panel, account(hidden), FADE, 2.0, 1)
    assert found.queue.tolist() == [30, 50]
    assert found.hidden.tolist() == [80, 80]
    assert found.passing == pytest.approx(0.015)
    assert found.returned == pytest.approx((120 - 0.015 * 1740) / 12)
    assert found.normal_month == pytest.approx(100)
    assert found.growth == pytest.approx([6, 6])  # 3 referrals a month, 2 contacts each, every month the same
    assert found.n_persons == 14
    assert found.reason == ""


def test_what_remains_without_a_hidden_need_or_a_register_says_so() -> None:
    panel = waiting_panel(dict.fromkeys(range(15), 20.0))
    found = debt_part._remaining(panel, account(None), FADE, 2.0, 1)
    assert found.hidden.tolist() == found.returned.tolist() == [0, 0]
    assert "Hidden need is not known" in found.reason
    panel.queue_flows = panel.queue_flows.iloc[:0]
    without = debt_part._remaining(panel, account(np.ones((2, 14))), FADE, 2.0, 1)
    assert without.growth.tolist() == [0, 0]
    assert "no queue of this service" in without.reason
