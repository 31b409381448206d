"""Aggregate sources: regular periods, explicit gaps, the region's areas, the as-of date."""

from __future__ import annotations

import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import panel
from ennakointi.errors import DataError
from ennakointi.sources import kela

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2] / "../shared/data"))
FILES = sorted(DATA.glob("kela_data_viikko_hva_*.parquet"))
MONDAY = date(2019, 12, 16)


def weekly(**changed: object) -> pd.DataFrame:
    """Four weeks of purchases and persons; the third week is in no row."""
    rows = [
        ("county:09", measure, MONDAY + timedelta(days=7 * week), value + week)
        for measure, value in (("purchases", 100.0), ("persons", 60.0))
        for week in (0, 1, 3)
    ]
    table = pd.DataFrame(rows, columns=["area", "measure", "period_start", "value"])
    return table.assign(**{"target_group": "all", "service": "all_medicines", "frequency": "W", **changed})


def aggregate(folder: Path, rows: pd.DataFrame, as_of: date = date(2020, 3, 31)) -> panel.AggregatePanel:
    return panel.from_aggregate(small_county.build_store(folder, as_of, panel=rows), small_county.parameters())


def test_a_missing_week_is_missing_and_not_zero(tmp_path: Path) -> None:
    found = aggregate(tmp_path, weekly())
    series = found.series("county:09", "all", "all_medicines", "purchases")
    assert series["period_start"].dt.date.tolist() == [MONDAY + timedelta(days=7 * week) for week in range(4)]
    assert series["value"].tolist()[:2] == [100, 101]
    assert np.isnan(series["value"][2])
    assert series["value"][3] == 103
    assert series["n_persons"].fillna(-1).tolist() == [60, 61, -1, 63]
    assert len(found.values) == 8


def test_a_week_counts_when_it_has_ended_by_the_as_of_date(tmp_path: Path) -> None:
    last = MONDAY + timedelta(days=21)
    ended = aggregate(tmp_path / "a", weekly(), last + timedelta(days=6))
    assert len(ended.series("county:09", "all", "all_medicines", "purchases")) == 4
    running = aggregate(tmp_path / "b", weekly(), last + timedelta(days=5))
    assert running.series("county:09", "all", "all_medicines", "purchases")["value"].tolist() == [100, 101]


def test_only_areas_of_the_region_are_kept(tmp_path: Path) -> None:
    areas = pd.concat([weekly(), weekly(area="county:08"), weekly(area="398"), weekly(area="837")])
    assert set(aggregate(tmp_path, areas).values["area"]) == {"county:09", "398"}


def test_a_source_of_another_region_is_refused_with_its_areas(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no area of region 'paijat-hame'(.|\n)*county:08"):
        aggregate(tmp_path, weekly(area="county:08"))


def test_months_start_on_their_first_day(tmp_path: Path) -> None:
    months = [date(2019, 1, 1), date(2019, 2, 1), date(2019, 4, 1)]
    rows = pd.DataFrame({"period_start": months, "value": [5.0, 6.0, 7.0], "area": "398", "measure": "contacts"})
    rows = rows.assign(target_group="all", service="primary_care", frequency="M")
    found = aggregate(tmp_path / "a", rows, date(2019, 4, 30))
    series = found.series("398", "all", "primary_care", "contacts")
    assert series["value"].fillna(-1).tolist() == [5, 6, -1, 7]
    assert len(aggregate(tmp_path / "b", rows, date(2019, 4, 29)).values) == 2  # April has not ended
    with pytest.raises(DataError, match=r"first day(.|\n)*\[1 rows\]"):
        aggregate(tmp_path / "c", rows.assign(period_start=[date(2019, 1, 2), *months[1:]]))


def test_weeks_start_on_monday(tmp_path: Path) -> None:
    rows = weekly()
    rows["period_start"] = [day + timedelta(days=1) for day in rows["period_start"]]
    with pytest.raises(DataError, match="week on Monday"):
        aggregate(tmp_path, rows)


def test_a_source_without_measures_or_groups_of_its_own(tmp_path: Path) -> None:
    found = aggregate(tmp_path, weekly().query("measure == 'purchases'").drop(columns="measure"))
    assert set(found.values["measure"]) == {"value"}
    assert found.values["n_persons"].isna().all()


@pytest.mark.skipif(not FILES, reason="set ENNAKOINTI_REFERENCE_DATA to the folder with Kela's files")
def test_kelas_series_reach_the_panel_with_their_gaps(tmp_path: Path) -> None:
    kela.write(FILES, tmp_path / "data")
    found = aggregate(tmp_path, pd.read_parquet(tmp_path / "data" / "panel.parquet"), date(2024, 12, 31))
    series = found.series("county:09", "all", "all_medicines", "purchases").set_index("period_start")["value"]
    assert set(found.values["area"]) == {"county:09"}
    assert len(series) == 312  # Mondays from 2019-01-07 to 2024-12-23
    missing = [str(day.date()) for day in series.index[series.isna()]]
    assert missing == ["2019-12-30", "2020-12-28", "2021-12-27", "2022-12-26", "2023-12-25", "2024-01-01"]
    assert str(series["2020-01":"2020-06"].idxmax().date()) == "2020-03-16"  # ISO week 12: hoarding
