"""The shipped pipeline finds what the synthetic county planted: a small, seeded share of `benchmarks/recovery.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import recovery


def check(debts: pd.DataFrame, effects: pd.DataFrame) -> None:
    assert len(debts) >= 20
    assert debts["inside80"].mean() >= 0.65
    assert debts["inside95"].mean() >= 0.85
    assert debts["planted"].sum() > 0
    assert debts["debt"].sum() == pytest.approx(debts["planted"].sum(), rel=0.35)
    assert effects["inside"].mean() >= 0.9
    null = effects[effects["intervention"] == "heavy_user_coaching"]
    assert (null["planted"] == 0).all()
    assert null["effective"].mean() <= 0.1


def recovered(seeds: range) -> tuple[pd.DataFrame, pd.DataFrame]:
    return recovery.pooled([recovery.recover(seed, 20_000, "fast") for seed in seeds])


def test_the_first_county_of_the_benchmark() -> None:
    check(*recovered(range(1, 2)))


@pytest.mark.slow
def test_six_counties() -> None:
    check(*recovered(range(1, 7)))
