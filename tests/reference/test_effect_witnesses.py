"""Effects against published studies and hand-worked tables."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal import difference, randomisation
from ennakointi.causal.areas import NEVER
from ennakointi.causal.difference import Noise

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data")) / "causal"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA to their folder"
)


@needs_data
def test_mpdta_simple_aggregate_of_callaway_and_santanna() -> None:
    """County teen employment, unconditional, never-treated comparison: R's `did` gives −0.039951."""
    rows = pd.read_csv(DATA / "mpdta.csv")
    log_employment = rows.pivot_table(index="countyreal", columns="year", values="lemp")
    first = rows.groupby("countyreal")["first.treat"].first().reindex(log_employment.index).to_numpy()
    starts = np.where(first == 0, NEVER, first).astype(np.int64)
    cells = difference.group_time_cells(starts, 2003, 2007, step=1, base=1)
    values = log_employment.to_numpy()
    change = values[:, cells.first - 2003] - values[:, cells.base_last - 2003]
    weights, usable = difference.coefficients(starts[None], cells, np.ones(change.shape), "never")
    assert usable.all()
    assert (weights[0] * change).sum() == pytest.approx(-0.039951, abs=5e-7)


def test_two_by_two_by_hand() -> None:
    """Treated area 100 → 60 events, comparison 200 → 160, same person-time: 0.6 / 0.8 = 0.75."""
    counts = np.array([[100.0, 60.0], [200.0, 160.0]]) * 1e6  # the half event added to each is negligible
    starts = np.array([1, NEVER])
    cells = difference.group_time_cells(starts, 0, 1, step=1, base=1)
    change = difference.log_change(counts, np.ones((2, 2)), np.arange(2), cells)
    weights, _ = difference.coefficients(starts[None], cells, np.ones((2, 1)))
    assert np.exp((weights[0] * change).sum()) == pytest.approx(0.75)


def test_permutation_distribution_by_hand() -> None:
    """Four areas, one treated, changes −0.3, 0.1, 0.0 and −0.1. The effect is −0.3 − 0; were another
    treated it would be 0.1 − (−0.4/3), 0.0 − (−0.3/3) or −0.1 − (−0.2/3). Errors are equal and |−0.3| the
    largest: p = 1/4."""
    starts = np.array([1, NEVER, NEVER, NEVER])
    cells = difference.group_time_cells(starts, 0, 1, step=1, base=1)
    rows, exact = randomisation.assignments(starts, np.ones(4, bool), 100, 0)
    against = randomisation.reference(rows, cells, np.ones((4, 1)), np.ones((4, 2)), 0, Noise(1.0, 0.0))
    change = np.array([-0.3, 0.1, 0.0, -0.1])[None, :, None]
    effects = randomisation.statistics(against, change)[:, 0] * against.standard_error
    assert exact
    assert effects[0] == pytest.approx(-0.3)
    assert sorted(effects[1:]) == pytest.approx([-0.1 + 0.2 / 3, 0.1, 0.1 + 0.4 / 3])
    assert randomisation.p_values(randomisation.statistics(against, change)) == pytest.approx([0.25])
    assert against.smallest_p == 0.25
