"""Rounding of counts against OpenSAFELY's documentation on statistical disclosure control."""

from __future__ import annotations

import numpy as np
import pytest

from ennakointi.disclosure import round_share, round_values
from ennakointi.parameters.documents import Preset
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS


def test_midpoint_6_is_opensafely_s_table() -> None:
    """docs/outputs/sdc.md: ceil(x/6)·6 − 3 for x > 0, so 0 → 0, 1–6 → 3, 7–12 → 9, 13–18 → 15."""
    preset = Preset(name="midpoint6", threshold=1, base=6)
    counts = np.array([0, 1, 6, 7, 12, 13, 18], dtype=float)
    assert round_values(counts, COUNT, preset).tolist() == [0, 3, 3, 9, 9, 15, 15]


def test_seven_or_fewer_hidden_makes_the_smallest_shown_ten() -> None:
    """docs/outputs/sdc.md: counts ≤ 7 are redacted before rounding to 5: no shown number is below 10."""
    preset = Preset(name="opensafely", threshold=8, base=5)
    assert round_values(np.array([8.0, 12, 13]), COUNT, preset).tolist() == [10, 10, 15]


@pytest.mark.parametrize(
    ("kind", "value", "rounded"),
    [
        (COUNT, 5, 10),
        (COUNT, 14.9, 10),
        (ESTIMATE, -15, -20),
        (ESTIMATE, -4.9, 0),
        (EUROS, 1499, 1000),
        (EUROS, 500, 1000),
    ],
)
def test_worked_by_hand_for_base_10(kind: str, value: float, rounded: float) -> None:
    preset = Preset(name="thl5", threshold=5, base=10)
    assert round_values(np.array([value], dtype=float), kind, preset).tolist() == [rounded]


def test_shares_have_three_significant_digits() -> None:
    assert round_share(np.array([0.123456, -12.3456, 1234.5])).tolist() == [0.123, -12.3, 1230.0]
