"""Rates by quarter since the start, by hand."""

from __future__ import annotations

import numpy as np

from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.effectiveness import effect_series

START = 106


def test_rates_of_areas_by_quarter_by_hand() -> None:
    """An adopter with 2 events a month and then 1, and two others with 3 and 5; one person-year each a month."""
    months = np.arange(100, 112)
    counts = np.array([np.where(months < START, 2.0, 1.0), np.full(12, 3.0), np.full(12, 5.0)])
    counts[2, 11] = np.nan  # the last quarter of the third area is not whole
    panel = AreaPanel(
        areas=("a", "b", "c"),
        months=months,
        counts=counts,
        person_years=np.ones((3, 12)),
        persons=np.where(np.isnan(counts), np.nan, 1.0),
        starts=np.array([START, NEVER, NEVER]),
    )
    rows = effect_series.of_areas(panel).set_index(["arm", "since_start"])
    assert rows.loc["treated", "events"].to_dict() == {-2: 6.0, -1: 6.0, 0: 3.0, 1: 3.0}
    assert rows.loc["comparison", "events"].to_dict() == {-2: 24.0, -1: 24.0, 0: 24.0, 1: 9.0}
    found = rows["rate"]
    assert found["treated"].to_dict() == {-2: 2.0, -1: 2.0, 0: 1.0, 1: 1.0}
    assert found["comparison"].to_dict() == {-2: 4.0, -1: 4.0, 0: 4.0, 1: 3.0}
