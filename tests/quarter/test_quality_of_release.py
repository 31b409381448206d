"""The synthetic county has a pandemic, a change of organiser and gaps of coverage, but no fault of its register."""

from __future__ import annotations

import pandas as pd
import pytest

pytestmark = pytest.mark.xdist_group("quarter")


def test_no_false_alarm_is_raised(quarter) -> None:
    checks = pd.read_parquet(quarter.work / "results" / "data_quality.parquet")
    failed = checks[checks["status"] == "failed"]
    assert not set(failed["severity"]) & {"error", "warning"}
    assert (checks["status"] == "passed").sum() >= 40
    trust = pd.read_parquet(quarter.work / "results" / "trust.parquet").set_index("result")
    assert set(trust["level"]) == {"usable"}


def test_the_pandemic_is_real_and_the_new_organiser_is_known(quarter) -> None:
    breaks = pd.read_parquet(quarter.work / "results" / "volume_breaks.parquet")
    assert "register" not in set(breaks["verdict"])
    assert "2020-04" in set(breaks.loc[breaks["verdict"] == "real", "month"])
    assert "2023-01" in set(breaks.loc[breaks["verdict"] == "known", "month"])
