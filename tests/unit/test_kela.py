"""Kela's layout, generated small: what comes out, what stays missing, what is refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi.errors import DataError
from ennakointi.sources import kela

LABELS = {
    None: ("(NA) NA", "(NA) NA", "(NA) NA"),
    "A": ("(A) Ruuansulatuselinten lääkkeet", "(A) Matsmältningsorgan", "(A) Alimentary tract"),
    "A02": ("(A02) Liikahappoisuus", "(A02) Hyperaciditet", "(A02) Acid disorders"),
}


def published(year: int, weeks: list[int], areas: tuple[int, ...] = (8, 9)) -> pd.DataFrame:
    """A year as Kela publishes it: numbers as floats, level 0 without a code, extra columns."""
    rows = []
    for week in weeks:
        for area in areas:
            for code, texts in LABELS.items():
                level = 0 if code is None else 1 if len(code) == 1 else 2
                purchases = 1000 // (level + 1) + 10 * week + area
                rows.append(
                    (
                        year,
                        week,
                        purchases * 40.1 + 1e-9,
                        purchases,
                        purchases // 2,
                        code,
                        *texts,
                        area,
                        level,
                    )
                )
    columns = [
        *("VUOSI", "VIIKKO", "VAR_KUSTANNUS", "VAR_N_OSTOT", "VAR_N_HENKILOT", "ATC_KOODI"),
        *("ATC_SELITE_FI", "ATC_SELITE_SV", "ATC_SELITE_EN", "ALUEKOODI", "ATC_TASO"),
    ]
    table = pd.DataFrame(rows, columns=columns)
    floats = ["VUOSI", "VIIKKO", "ALUEKOODI", "ATC_TASO"]
    return table.astype(dict.fromkeys(floats, float)).assign(ALUENIMI_FI="x", UPDATED="2025-02-13 17:04")


def save(folder: Path, *tables: pd.DataFrame) -> list[Path]:
    files = [folder / f"kela_data_viikko_hva_{i}.parquet" for i in range(len(tables))]
    for file, table in zip(files, tables):
        table.to_parquet(file, index=False)
    return files


def test_rows_are_those_of_the_contract(tmp_path: Path) -> None:
    rows = kela.read(save(tmp_path, published(2020, [11, 12])))
    assert list(rows.columns) == [
        *("area", "target_group", "service", "period_start", "frequency", "measure", "value"),
    ]
    assert len(rows) == 2 * 2 * 3 * 3
    assert not rows.duplicated(["area", "target_group", "service", "period_start", "frequency", "measure"]).any()
    keyed = rows.set_index(["area", "service", "period_start", "measure"])["value"]
    monday = date(2020, 3, 16)  # ISO week 12 of 2020
    assert keyed["county:09", "all_medicines", monday, "purchases"] == 1000 + 120 + 9
    assert keyed["county:08", "A02", monday, "persons"] == (333 + 120 + 8) // 2
    assert keyed["county:09", "A", monday, "cost_eur"] == round((500 + 120 + 9) * 40.1, 2)
    assert set(rows["target_group"]) == {"all"}
    assert set(rows["frequency"]) == {"W"}


@pytest.mark.parametrize(
    ("year", "week", "monday"),
    [
        # the calendar of ISO 8601 near New Year, written out
        (2019, 1, date(2018, 12, 31)),
        (2019, 52, date(2019, 12, 23)),
        (2020, 1, date(2019, 12, 30)),
        (2020, 53, date(2020, 12, 28)),
        (2021, 1, date(2021, 1, 4)),
        (2021, 52, date(2021, 12, 27)),
        (2022, 1, date(2022, 1, 3)),
        (2024, 52, date(2024, 12, 23)),
        (2025, 1, date(2024, 12, 30)),
    ],
)
def test_weeks_start_on_the_monday_of_the_iso_week(tmp_path: Path, year: int, week: int, monday: date) -> None:
    rows = kela.read(save(tmp_path, published(year, [week])))
    assert set(rows["period_start"]) == {monday}


def test_a_missing_week_stays_missing(tmp_path: Path) -> None:
    rows = kela.read(save(tmp_path, published(2019, [51, 52]), published(2020, [2])))
    assert sorted(set(rows["period_start"])) == [date(2019, 12, 16), date(2019, 12, 23), date(2020, 1, 6)]


def test_rows_that_repeat_count_once(tmp_path: Path) -> None:
    table = published(2020, [11, 12])
    twice = pd.concat([table, table.iloc[:5].assign(UPDATED="later")])
    repeated = kela.read(save(tmp_path, twice, table))
    (tmp_path / "once").mkdir()
    pd.testing.assert_frame_equal(repeated, kela.read(save(tmp_path / "once", table)))


def test_rows_that_contradict_are_refused(tmp_path: Path) -> None:
    table = published(2020, [11, 12])
    other = table.assign(VAR_N_OSTOT=table["VAR_N_OSTOT"].where(table["VIIKKO"] == 11, 7))
    with pytest.raises(DataError, match=r"contradict(.|\n)*2020-W12(.|\n)*\[12 rows\]"):
        kela.read(save(tmp_path, table, other))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("VIIKKO", 53.0, "no such ISO week"),  # 2019 has 52 weeks
        ("VIIKKO", 0.0, "no such ISO week"),
        ("VIIKKO", 12.5, "whole"),
        ("VUOSI", 20190.0, "expected a year"),
        ("ALUEKOODI", np.nan, "expected a number"),
        ("ATC_TASO", 7.0, "expected an ATC level"),
        ("VAR_N_OSTOT", -1, "not negative"),
    ],
)
def test_impossible_values_are_counted_and_explained(tmp_path: Path, column: str, value: float, message: str) -> None:
    table = published(2019, [11, 12])
    table.loc[:2, column] = value
    with pytest.raises(DataError, match=rf"{column} \(kela_data_viikko_hva_0.parquet\).*{message}.*\[3 rows\]"):
        kela.read(save(tmp_path, table))


def test_every_fault_of_every_file_is_told(tmp_path: Path) -> None:
    good, cut, other = save(tmp_path, published(2019, [2]), published(2019, [3]), published(2019, [4]))
    cut.write_bytes(cut.read_bytes()[:200])
    pd.DataFrame({"VUOSI": [2019]}).to_parquet(other)
    with pytest.raises(DataError) as caught:
        kela.read([good, cut, other, tmp_path / "nowhere.parquet"])
    faults = {fault.file: fault.rule for fault in caught.value.faults}
    assert faults == {cut.name: "unreadable", other.name: "missing_column", "nowhere.parquet": "unreadable"}
    assert str(tmp_path) not in str(caught.value)


def test_no_files_are_a_clear_error() -> None:
    with pytest.raises(DataError, match="no files given"):
        kela.read([])


def test_a_data_folder_with_name_licence_and_labels(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "kela"
    files = save(tmp_path, published(2020, [11, 12]))
    kela.write(files, folder)
    about = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    assert about["synthetic"] is False
    assert about["licence"] == "CC BY 4.0"
    labels = about["labels"]["service"]
    assert labels["A02"] == {"fi": "Liikahappoisuus", "sv": "Hyperaciditet", "en": "Acid disorders"}
    assert labels["all_medicines"]["fi"] == "Kaikki reseptilääkkeet"
    assert set(labels) == {"all_medicines", "A", "A02"}
    assert set(about["labels"]["measure"]) == {"purchases", "persons", "cost_eur"}
    assert sorted(path.name for path in folder.iterdir()) == ["panel.parquet", "source.json"]
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "panel.parquet"), kela.read(files))


def test_nothing_is_written_when_the_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        kela.write([tmp_path / "nowhere.parquet"], tmp_path / "made")
    assert not (tmp_path / "made").exists()
