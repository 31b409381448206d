"""Net benefit by hand and against a published table."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi.errors import ParameterError
from ennakointi.need.decision_curve import THRESHOLDS, net_benefit


def test_net_benefit_by_hand() -> None:
    # Threshold .25: acted for the three with .25 or more, two of them with the need: (2 − 1 · 1/3) / 5.
    risk = np.array([0.9, 0.6, 0.25, 0.2, 0.1])
    event = np.array([True, False, True, True, False])
    told = net_benefit(risk, event, [0.25, 0.5])
    assert told["y"].tolist() == pytest.approx([(2 - 1 / 3) / 5, (1 - 1) / 5])
    assert told["reference"].tolist() == pytest.approx([0.6 - 0.4 / 3, 0.6 - 0.4])
    assert told["n_persons"].tolist() == [1, 1]  # one without the need acted for; one of each kind


def test_acting_for_everyone_as_published() -> None:
    # Table 4 of PMC6993280 (30 % with the disease): net benefit of intervention to all patients.
    published = {
        0.03: 0.278, 0.05: 0.263, 0.08: 0.239, 0.1: 0.222, 0.2: 0.125, 0.3: 0.0, 0.4: -0.167, 0.5: -0.4,
        0.6: -0.75, 0.7: -1.333, 0.8: -2.5, 0.9: -6.0, 0.96: -16.5,
    }  # fmt: skip
    event = np.arange(1000) < 300
    told = net_benefit(np.full(1000, 0.999), event, list(published))
    np.testing.assert_allclose(told["reference"], list(published.values()), atol=6e-4)
    np.testing.assert_allclose(told["y"], told["reference"])  # everyone has the higher risk: the same as for all


def test_certain_risks_give_the_share_with_the_need_and_no_one_is_0() -> None:
    event = np.arange(200) < 20
    assert net_benefit(event.astype(float), event)["y"].tolist() == pytest.approx([0.1] * len(THRESHOLDS))
    assert net_benefit(np.zeros(200), event, [0.01, 0.3])["y"].tolist() == [0.0, 0.0]


def test_thresholds_that_no_one_reaches_are_left_out() -> None:
    event = np.arange(100) < 3
    assert net_benefit(np.linspace(0, 0.022, 100), event)["x"].tolist() == [0.001, 0.002, 0.005, 0.01, 0.02]
    assert len(net_benefit(np.zeros(100), event)) == 1


@pytest.mark.parametrize("thresholds", [[], [0.0, 0.5], [0.5, 1.0]])
def test_thresholds_lie_between_0_and_1(thresholds: list[float]) -> None:
    with pytest.raises(ParameterError, match="between 0 and 1"):
        net_benefit(np.ones(2), np.array([True, False]), thresholds)
