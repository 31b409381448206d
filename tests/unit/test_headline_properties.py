"""Whatever two quarters told, the parts of a change add up to it, unrounded and as published."""

from __future__ import annotations

import headline_tables as made
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_tables import THL5

from ennakointi.disclosure import headline_rules
from ennakointi.headlines import splitting
from ennakointi.result_tables import RESULT_TABLES

PARTS = ["late", "definitions", "new_events", "real"]
gaps = st.lists(st.floats(-500, 500), min_size=12, max_size=30)


@given(gaps, gaps, st.sampled_from(["debt", "debt_now", "debt_weeks"]), st.integers(0, 6), st.integers(-40, 40))
@settings(max_examples=20)
def test_parts_add_up_to_the_change(old: list[float], new: list[float], kind: str, more: int, late: int) -> None:
    n = len(old)
    told = made.account(old, [50] * n)
    known = made.account((new * 3)[: n + more], [50 + late] + [50] * (n + more - 1))
    then, now = made.told(made.Q2, [], told), made.told(made.Q3, [], known)
    at = {"debt": 103, "debt_weeks": 103}.get(kind)
    before, after = (
        float(table[table["month"] == (at or table["month"].max())]["debt"].iloc[0]) for table in (told, known)
    )
    scale = 0.01 if kind == "debt_weeks" else 1.0
    found = splitting.split(then, now, made.figure("x", kind, scale * before), made.figure("x", kind, scale * after))
    sum_of_parts = sum(getattr(found, name) for name in PARTS)
    if kind == "debt_weeks" and before == 0:
        assert np.isnan(sum_of_parts)
        return
    assert sum_of_parts == pytest.approx(scale * (after - before), abs=1e-6)
    assert found.late == pytest.approx(-scale * late, abs=1e-6)


numbers = st.floats(-30_000, 30_000)


@given(numbers, st.floats(-60, 60), numbers, numbers, numbers)
@settings(max_examples=20)
def test_published_parts_add_up_too(before: float, late: float, other: float, new: float, real: float) -> None:
    after = before + late + other + new + real
    row = {"indicator": "debt_now", "target_group": "all", "since": "2025Q2", "unit": "contacts", "before": before,
           "late": late, "definitions": other, "new_events": new, "real": real, "after": after,
           "total": after - before, "within_uncertainty": "unknown", "reason": "", "n_persons": 900.0}  # fmt: skip
    figure = {"indicator": "debt_now", "target_group": "all", "period": "2025Q3", "unit": "contacts", "value": after,
              "cell": "debt_summary.now", "source": "ennakointi", "n_persons": 900.0}  # fmt: skip
    frames = {"changes": row, "indicators": figure}
    exact = {name: pd.DataFrame([one]).reindex(columns=list(RESULT_TABLES[name].names)) for name, one in frames.items()}
    released = {name: frame.assign(suppressed="") for name, frame in exact.items()}
    published = headline_rules.reconciled(released, exact, THL5)["changes"].iloc[0]
    assert published[PARTS].sum() == pytest.approx(published["total"], abs=1e-6)
    assert published["total"] == pytest.approx(published["after"] - published["before"], abs=1e-6)
    assert not 0 < abs(published["late"]) < THL5.threshold
