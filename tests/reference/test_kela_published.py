"""Kela's own files: what is known of them from elsewhere must be found in them."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from ennakointi.sources import kela

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data"))
FILES = sorted(DATA.glob("kela_data_viikko_hva_*.parquet"))

pytestmark = pytest.mark.skipif(
    not FILES,
    reason="Kela's files are not here: set ENNAKOINTI_REFERENCE_DATA to the folder of the reference data",
)
# Midsummer's Eve is the Friday between 19 and 25 June
MIDSUMMER = [
    date(2019, 6, 21),
    date(2020, 6, 19),
    date(2021, 6, 25),
    date(2022, 6, 24),
    date(2023, 6, 23),
    date(2024, 6, 21),
]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return kela.read(FILES)


@pytest.fixture(scope="module")
def purchases(rows: pd.DataFrame) -> pd.Series:
    """All medicines in Päijät-Häme by Monday."""
    wanted = (rows["area"] == "county:09") & (rows["service"] == "all_medicines") & (rows["measure"] == "purchases")
    return rows[wanted].set_index("period_start")["value"]


def test_the_hoarding_of_march_2020_is_the_peak_of_its_surroundings(purchases: pd.Series) -> None:
    spring = purchases[(purchases.index >= date(2020, 1, 6)) & (purchases.index < date(2020, 6, 1))]
    assert spring.idxmax() == date(2020, 3, 16)  # the state of emergency was declared on this Monday
    assert spring.max() == 57512
    assert spring.max() / spring.median() > 1.35


def test_week_numbers_are_those_of_iso_8601(purchases: pd.Series) -> None:
    """Pharmacies close for Midsummer: its week is a trough in every year, which a shifted calendar breaks."""
    assert len(MIDSUMMER) == 6
    for eve in MIDSUMMER:
        monday = eve - timedelta(days=4)
        assert purchases[monday] < purchases[monday - timedelta(days=7)]
        assert purchases[monday] < purchases[monday + timedelta(days=7)]


def test_weeks_around_new_year_stay_missing(purchases: pd.Series) -> None:
    every = [date(2018, 12, 31) + timedelta(days=7 * i) for i in range(53 * 6)]
    gaps = [day for day in every if day not in purchases.index and day < date(2024, 12, 30)]
    assert gaps == [
        date(2018, 12, 31),
        date(2019, 12, 30),
        date(2020, 12, 28),
        date(2021, 12, 27),
        date(2022, 12, 26),
        date(2023, 12, 25),
        date(2024, 1, 1),
    ]
    assert len(purchases) == 6 * 51


def test_every_row_comes_through_once(rows: pd.DataFrame) -> None:
    delivered = sum(len(pd.read_parquet(file, columns=["VIIKKO"])) for file in FILES)
    assert len(rows) == 3 * delivered
    assert set(rows["area"]) == {"county:06", "county:08", "county:09", "county:17"}
    assert rows["value"].notna().all()


def test_totals_by_measure_are_those_of_the_files(rows: pd.DataFrame) -> None:
    delivered = pd.concat([pd.read_parquet(file) for file in FILES])
    found = rows.groupby("measure")["value"].sum()
    assert found["purchases"] == delivered["VAR_N_OSTOT"].sum()
    assert found["persons"] == delivered["VAR_N_HENKILOT"].sum()
    assert found["cost_eur"] == pytest.approx(delivered["VAR_KUSTANNUS"].sum(), rel=1e-9)
