"""Kela's published weekly purchases of prescription medicines: the hoarding week of March 2020 stands out."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ennakointi.debt import deviation
from ennakointi.periods import month_index

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
FILES = sorted(DATA.glob("kela_data_viikko_hva_*.parquet"))
PAIJAT_HAME = 9

pytestmark = pytest.mark.skipif(not FILES, reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows = pd.concat([pd.read_parquet(file) for file in FILES])
    rows = rows[(rows["ALUEKOODI"] == PAIJAT_HAME) & (rows["ATC_TASO"] == 0)]
    rows = rows.drop_duplicates(["VUOSI", "VIIKKO"])
    starts = [pd.Timestamp(date.fromisocalendar(int(y), int(w), 1)) for y, w in zip(rows["VUOSI"], rows["VIIKKO"])]
    weeks = pd.date_range(min(starts), max(starts), freq="7D", name="period_start")
    dense = rows.set_index(pd.Index(starts, name="period_start")).reindex(weeks).reset_index()
    values = pd.DataFrame(
        {
            "area": "county:09",
            "target_group": "all",
            "service": "all_medicines",
            "measure": "purchases",
            "frequency": "W",
            "period_start": dense["period_start"],
            "value": dense["VAR_N_OSTOT"].astype(float),
            "n_persons": dense["VAR_N_HENKILOT"].astype(float),
        }
    )
    settings = SimpleNamespace(
        baseline_first=month_index(2017, 1), baseline_last=month_index(2019, 12), model_dump=dict
    )
    return deviation.estimate(SimpleNamespace(values=values, as_of=date(2024, 12, 31)), settings).estimates


def test_the_hoarding_week_is_the_largest_deviation_of_2020(table: pd.DataFrame) -> None:
    year = table[table["period_start"].str.startswith("2020")].set_index("period_start")
    assert year["deviation_share"].idxmax() == "2020-03-16"  # Monday of 2020-W12
    week = year.loc["2020-03-16"]
    assert week["observed"] == 57_512  # as published
    assert week["observed"] > week["expected_hi80"]
    assert week["deviation_share"] == pytest.approx(0.34, abs=0.03)


def test_the_weeks_around_new_year_do_not_bend_the_fit(table: pd.DataFrame) -> None:
    """2019 holds W02–W52: the expected level continues smoothly over the missing week."""
    joined = table.set_index("period_start")["expected"]
    assert np.isnan(joined["2019-12-30"])  # the week that Kela leaves out
    assert joined["2020-01-13"] == pytest.approx(joined["2019-01-14"], rel=0.01)
    assert joined["2019-12-23"] < 0.85 * joined["2019-12-16"]  # two working days of five
    baseline = table[table["period_start"] < "2020"]
    assert baseline["deviation_share"].abs().median() < 0.05


def test_the_interval_covers_the_quiet_weeks_of_2020(table: pd.DataFrame) -> None:
    quiet = table[table["period_start"].between("2020-05-01", "2020-11-30")]
    inside = quiet["observed"].between(quiet["expected_lo80"], quiet["expected_hi80"])
    assert inside.mean() >= 0.7
