"""Long files: every way to write a period is read, goes on after the end alike, and every fault is one sentence."""

from __future__ import annotations

import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ennakointi.backtest import files
from ennakointi.backtest.files import LongFile
from ennakointi.errors import DataError, EnnakointiError, ParameterError, RunError
from ennakointi.forecast.series import LEVELS, EngineForecast
from ennakointi.periods import day_number, month_index


def csv(folder: Path, text: str, encoding: str = "utf-8", name: str = "long.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def rows(folder: Path, periods: list[str], *, series: str = "A") -> Path:
    """One series with the values 1, 2, 3, …"""
    body = "".join(f"{series},{period},{value}\n" for value, period in enumerate(periods, 1))
    return csv(folder, "series,period,value\n" + body)


def parquet(folder: Path, periods: pa.Array, series: pa.Array | None = None) -> Path:
    path = folder / "long.parquet"
    names = series if series is not None else pa.array(["A"] * len(periods))
    pq.write_table(pa.table({"series": names, "period": periods, "value": np.arange(1.0, len(periods) + 1)}), path)
    return path


def made(long: LongFile, horizon: int) -> EngineForecast:
    """Forecasts that can be told apart: the place of the series, the period and the level."""
    n = len(long.series)
    quantiles = np.arange(n * horizon * len(LEVELS), dtype=float).reshape(n, horizon, len(LEVELS))
    return EngineForecast(long.series.keys, quantiles, quantiles[..., 6], ("theta",) * n, None)


def ahead(long: LongFile, horizon: int) -> pa.Array:
    """Periods of the forecasts of the first series, one each."""
    table = files.forecasts(long, made(long, horizon))
    return table["period"].combine_chunks().take(pa.array(np.arange(horizon) * len(LEVELS)))


def message(path: Path, **options: object) -> str:
    with pytest.raises(EnnakointiError) as error:
        files.read(path, **options)
    said = str(error.value)
    assert "\n" not in said
    assert path.name in said
    return said


WRITTEN = [  # periods of a file, the two that follow, frequency
    (["2023-11", "2023-12"], ["2024-01", "2024-02"], "M"),
    (["2023/11", "2023/12"], ["2024/01", "2024/02"], "M"),
    (["2023M11", "2023M12"], ["2024M01", "2024M02"], "M"),
    (["202311", "202312"], ["202401", "202402"], "M"),
    (["11/2023", "12/2023"], ["01/2024", "02/2024"], "M"),
    (["9/2023", "10/2023"], ["11/2023", "12/2023"], "M"),
    (["2024-01-01", "2024-02-01"], ["2024-03-01", "2024-04-01"], "M"),
    (["2023-12-31", "2024-01-31"], ["2024-02-29", "2024-03-31"], "M"),
    (["2023-11-30", "2023-12-31"], ["2024-01-31", "2024-02-29"], "M"),
    (["2023-01-30", "2023-02-28", "2023-03-30"], ["2023-04-30", "2023-05-30"], "M"),
    (["2023-12-15", "2024-01-15"], ["2024-02-15", "2024-03-15"], "M"),
    (["1.11.2023", "1.12.2023"], ["1.1.2024", "1.2.2024"], "M"),
    (["01.11.2023", "01.12.2023"], ["01.01.2024", "01.02.2024"], "M"),
    (["2024-01-01 00:00:00", "2024-02-01 00:00:00"], ["2024-03-01 00:00:00", "2024-04-01 00:00:00"], "M"),
    (["2024-01-01T12:00Z", "2024-02-01T12:00Z"], ["2024-03-01T12:00Z", "2024-04-01T12:00Z"], "M"),
    (["2020-W52", "2020-W53"], ["2021-W01", "2021-W02"], "W"),
    (["2024W51", "2024W52"], ["2025W01", "2025W02"], "W"),
    (["202413", "202414", "202415"], ["202416", "202417"], "W"),
    (["2024-12-22", "2024-12-29"], ["2025-01-05", "2025-01-12"], "W"),
    (["20150222", "20150301", "20150308"], ["20150315", "20150322"], "W"),
    (["2024/02/27", "2024/02/28"], ["2024/02/29", "2024/03/01"], "D"),
    (["2023-12-30", "2023-12-31"], ["2024-01-01", "2024-01-02"], "D"),
    (["1", "2", "3"], ["4", "5"], "M"),
    (["98", "99"], ["100", "101"], "M"),
    (["098", "099"], ["100", "101"], "M"),
    (["-1", "0"], ["1", "2"], "M"),
    (["1.0", "2.0"], ["3.0", "4.0"], "M"),
]


@pytest.mark.parametrize(("periods", "expected", "frequency"), WRITTEN, ids=[one[0][0] for one in WRITTEN])
def test_periods_go_on_as_they_are_written(
    tmp_path: Path, periods: list[str], expected: list[str], frequency: str
) -> None:
    long = files.read(rows(tmp_path, periods))
    assert long.series.frequency == frequency
    np.testing.assert_array_equal(long.series.values[0], np.arange(1, len(periods) + 1))
    assert ahead(long, 2).to_pylist() == expected


STORED = [
    (pa.array([date(2024, 1, 31), date(2024, 2, 29)], pa.date32()), [date(2024, 3, 31)]),
    (pa.array([date(2024, 1, 1), date(2024, 2, 1)], pa.date64()), [date(2024, 3, 1)]),
    (pa.array([datetime(2024, 1, 7), datetime(2024, 1, 14)], pa.timestamp("ns")), [datetime(2024, 1, 21)]),
    (pa.array([datetime(2024, 1, 1, 6), datetime(2024, 1, 2, 6)], pa.timestamp("s")), [datetime(2024, 1, 3, 6)]),
    (pa.array([202311, 202312], pa.int32()), [202401]),
    (pa.array([1, 2], pa.int64()), [3]),
    (pa.array([1, 2], pa.uint8()), [3]),
    (pa.array([202311.0, 202312.0], pa.float64()), [202401.0]),
    (pa.array([Decimal("1"), Decimal("2")], pa.decimal128(5, 0)), [Decimal("3")]),
    (pa.array(["2023-11", "2023-12"], pa.string()), ["2024-01"]),
    (pa.array(["2023-11", "2023-12"], pa.large_string()), ["2024-01"]),
    (pa.array(["2023-11", "2023-12"]).cast(pa.string_view()), ["2024-01"]),
]


@pytest.mark.parametrize(("periods", "expected"), STORED, ids=[str(one[0].type) for one in STORED])
def test_parquet_keeps_the_type_of_the_period(tmp_path: Path, periods: pa.Array, expected: list) -> None:
    path = parquet(tmp_path, periods)
    found = ahead(files.read(path), 1)
    stored = pq.read_table(path)["period"].type
    assert found.type == (pa.string() if pa.types.is_string_view(stored) else stored)
    assert found.to_pylist() == expected


def test_a_period_that_outgrows_its_type_gets_a_longer_one(tmp_path: Path) -> None:
    found = ahead(files.read(parquet(tmp_path, pa.array([126, 127], pa.int8()))), 1)
    assert (found.type, found.to_pylist()) == (pa.int64(), [128])


def test_months_of_a_time_zone_keep_its_clock_over_the_change_to_summer_time(tmp_path: Path) -> None:
    kind = pa.timestamp("us", "Europe/Helsinki")
    given = pa.array([datetime(2024, 1, 31, 22), datetime(2024, 2, 29, 22)], pa.timestamp("us")).cast(kind)
    found = ahead(files.read(parquet(tmp_path, given)), 2)
    assert found.type == kind
    assert [(one.month, one.day, one.hour) for one in found.to_pylist()] == [(4, 1, 0), (5, 1, 0)]


def test_categories_and_whole_names_come_back_in_their_type(tmp_path: Path) -> None:
    names = pa.array([7, 7, 3, 3], pa.int16())
    long = files.read(parquet(tmp_path, pa.array(["2024-01", "2024-02"] * 2).dictionary_encode(), names))
    table = files.forecasts(long, made(long, 1))
    assert table["series"].type == pa.int16()
    assert table["series"].unique().to_pylist() == [7, 3]
    assert table["period"].unique().to_pylist() == ["2024-03"]


def test_ends_are_months_weeks_and_days_as_the_engine_counts_them(tmp_path: Path) -> None:
    ends = {
        "2024-03": month_index(2024, 3),
        "2024-W10": (day_number(date(2024, 3, 4)) - 4) // 7,
        "2024-03-09": day_number(date(2024, 3, 9)),
    }
    for frequency, (period, end) in zip("MWD", ends.items()):
        long = files.read(rows(tmp_path, [period]), frequency)
        assert long.series.ends == (end,)
    assert files.read(rows(tmp_path, ["2024-03-10"]), "W").series.ends == (ends["2024-W10"],)  # Sunday of that week
    assert files.read(rows(tmp_path, ["1", "2"])).series.ends is None


def test_seasons(tmp_path: Path) -> None:
    numbers = rows(tmp_path, ["1", "2"])
    assert files.read(numbers).series.seasons == (12,)
    assert files.read(numbers, "D").series.seasons == (7, 365)
    assert files.read(numbers, season=4).series.seasons == (4,)
    assert files.read(rows(tmp_path, ["2020", "2021", "2022"])).series.seasons == (1,)
    assert files.read(rows(tmp_path, ["2024-W01", "2024-W02"])).series.seasons == (52,)
    assert files.read(rows(tmp_path, ["2024-W01", "2024-W02"]), season=1).series.seasons == (1,)


def test_gaps_ends_and_order(tmp_path: Path) -> None:
    text = "series,period,value\nb,2024-03,3\nb,2024-01,1\na,2023-12,NA\na,2023-10,5\nb,2024-02,2\n"
    long = files.read(csv(tmp_path, text))
    assert long.series.keys == ("a", "b")
    np.testing.assert_array_equal(long.series.values[0], [5, np.nan, np.nan])
    np.testing.assert_array_equal(long.series.values[1], [1, 2, 3])
    assert long.missing == 2
    table = files.forecasts(long, made(long, 2)).to_pandas()
    assert list(table.columns) == ["series", "period", "quantile", "value"]
    first = table[table["quantile"] == LEVELS[0]]
    assert first[["series", "period"]].to_numpy().tolist() == [
        ["b", "2024-04"],
        ["b", "2024-05"],
        ["a", "2024-01"],
        ["a", "2024-02"],
    ]
    assert first["value"].tolist() == [26, 39, 0, 13]  # b is the second of the sorted ones
    assert table["quantile"].tolist() == list(LEVELS) * 4


NUMBERS = "series;period;value\nÄ 1;2024-01;1 234,5\nÄ 1;2024-02;0,25\nÄ 1;2024-03;..\nÄ 1;2024-04;7\n;;\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_finnish_csv(tmp_path: Path, encoding: str) -> None:
    long = files.read(csv(tmp_path, NUMBERS.replace("\n", "\r\n"), encoding))
    assert long.series.keys == ("Ä 1",)
    np.testing.assert_array_equal(long.series.values[0], [1234.5, 0.25, np.nan, 7])


def test_header_in_capitals_other_columns_and_quotes(tmp_path: Path) -> None:
    text = 'set,Value,PERIOD,series\ntrain,1e3,2024-01,"a, ""b"""\ntrain,2,2024-02,"a, ""b"""\n'
    long = files.read(csv(tmp_path, text))
    assert long.series.keys == ('a, "b"',)
    assert long.series.values[0].tolist() == [1000, 2]
    assert long.ignored == ("set",)
    files.write(files.forecasts(long, made(long, 1)), tmp_path / "out.csv", long.is_text)
    assert set(pd.read_csv(tmp_path / "out.csv")["series"]) == {'a, "b"'}


def test_parquet_values_of_any_number(tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    for kind in (pa.int16(), pa.float32(), pa.decimal128(9, 2), pa.string()):
        values = pa.array(["1", None, "3"]).cast(kind)
        pq.write_table(pa.table({"series": ["A"] * 3, "period": [1, 2, 3], "value": values}), path)
        np.testing.assert_array_equal(files.read(path).series.values[0], [1, np.nan, 3])
    pq.write_table(pa.table({"series": ["A"] * 2, "period": [1, 2], "value": pa.nulls(2)}), path)
    assert np.isnan(files.read(path).series.values[0]).all()


HEAD = "series,period,value\n"
FAULTS = [  # file, what the sentence must hold
    ("", ["is empty"]),
    (HEAD, ["no rows"]),
    ("a,2024-01,1\na,2024-02,2\n", ["line 1", "no header"]),
    ("serie,period,value\nA,1,2\n", ["'series'", "did you mean 'serie'", "Found: serie, period, value"]),
    ("series,period,value,value\nA,1,2,3\n", ["2 columns 'value'"]),
    (HEAD + "A,2024-01,1\n,2024-02,2\n", ["line 3", "`series` is empty", "1 row"]),
    (HEAD + "A,2024-01,1\nA,,2\nA,,2\n", ["line 3", "`period` is empty", "2 rows"]),
    (HEAD + "A,2024-01,1\nA,2024-02,x2\nA,2024-03,x3\n", ["line 3", "'x2'", "2 rows", "1234.5"]),
    (HEAD + "A,2024-01,1\nA,2024-02,-2\n", ["line 3", "-2", "negative"]),
    (HEAD + "A,2024-01,inf\nA,2024-02,2\n", ["line 2", "infinite"]),
    (HEAD + 'A,2024-01,"1,234"\nA,2024-02,2\n', ["line 2", "'1,234'", "comma"]),
    ("series;period;value\nA;2024-01;1,5\nA;2024-02;1.5\n", ["line 2", "'1,5'", "decimal comma"]),
    (HEAD + "A,2024-01,1\nA,2024-02,2,3\n", ["line 3", "too few or too many fields"]),
    (HEAD + "A,2024-01,1\nA,2024-02,2\nA,2024-01,1\n", ["line 4", "'A'", "2024-01", "line 2 already", "1 row repeats"]),
    (HEAD + "".join(f"A,2024-{m:02d},1\n" for m in range(1, 10)) + "A,2024/10,2\n", ["line 11", "2024/10", "2024-01"]),
    (HEAD + "A,soon,1\n", ["line 2", "'soon'", "2024-W05"]),
    (HEAD + "A,2024Q1,1\nA,2024Q2,1\n", ["line 2", "2024Q1", "--season 4"]),
    (HEAD + "".join(f"A,2024{m:02d},1\n" for m in range(1, 14)), ["line 14", "202413", "calendar"]),
    (HEAD + "".join(f"A,2023-{m:02d}-01,1\n" for m in range(1, 9)) + "A,2023-09-12,1\n", ["line 10", "on day 1"]),
    (HEAD + "".join(f"A,2024-01-{d:02d},1\n" for d in (1, 8, 15, 22, 30)), ["line 6", "2024-01-30", "Monday"]),
    (HEAD + "A,2024-01-01,1\n", ["one date", "--frequency M, W or D"]),
    (HEAD + "A,2024-02-29T00:00,1\nA,2024-02-29T01:00,1\n", ["line 3", "time of day (00:00, 01:00", "--season 24"]),
    (HEAD + "".join(f"A,{y}-{m:02d}-01,1\n" for y in (2023, 2024) for m in (1, 4, 7)), ["3 months apart", "--season"]),
    (
        HEAD + "".join(f"{s},2024-01-{d + 7 * w:02d},1\n" for s, d in (("A", 1), ("B", 3)) for w in range(4)),
        ["7 days apart"],
    ),
    (HEAD + "A,1,1\nA,2,1\nA,3000000,1\n", ["line 4", "3,000,000", "3 have a row"]),
    (HEAD + "A,2023-02-28,1\nA,2023-02-29,1\n", ["line 3", "2023-02-29"]),
    (HEAD + "A,0203-02-28,1\nA,2023-02-28,1\n", ["line 2", "0203-02-28"]),
    (HEAD + "A,2024-W53,1\nA,2024-W52,1\nA,2024-W51,1\nA,2024-W50,1\nA,2024-W49,1\n", ["line 2", "2024-W53"]),
    (
        HEAD + "".join(f"A,{day},1\n" for day in ("2024-01-09", "2024-01-17", "2024-02-03", "2024-02-12")),
        ["days apart"],
    ),
]


@pytest.mark.parametrize(("text", "parts"), FAULTS, ids=[" ".join(parts)[:40] for _, parts in FAULTS])
def test_a_fault_is_one_sentence_with_its_place(tmp_path: Path, text: str, parts: list[str]) -> None:
    said = message(csv(tmp_path, text))
    assert not [part for part in parts if part not in said], said


def test_lines_are_those_of_the_file_when_a_name_holds_a_line_break(tmp_path: Path) -> None:
    text = HEAD + '"A\nB",2024-01,1\nC,2024-01,2\nC,2024-02,oops\n'
    assert "line 5" in message(csv(tmp_path, text))


def test_faults_of_parquet_name_the_row(tmp_path: Path) -> None:
    assert "row 2" in message(parquet(tmp_path, pa.array([1.0, 2.5])))
    assert "row 2: `period` is empty" in message(parquet(tmp_path, pa.array(["2024-01", None])))
    assert "row 1: `period` has the type bool" in message(parquet(tmp_path, pa.array([True, False])))
    assert "row 2: the periods differ in their time of day (00:00:00, 01:00:00" in message(
        parquet(tmp_path, pa.array([datetime(2024, 1, 1), datetime(2024, 1, 1, 1)]))
    )
    assert "row 1: period 1024-01-01" in message(parquet(tmp_path, pa.array([date(1024, 1, 1), date(2024, 1, 1)])))
    assert "row 2: `series` is empty" in message(parquet(tmp_path, pa.array([1, 2]), pa.array([1.0, np.nan])))
    lists = pa.array([["A"], ["B"]])
    assert "`series` has the type list" in message(parquet(tmp_path, pa.array([1, 2]), lists))
    path = tmp_path / "long.parquet"
    pq.write_table(pa.table({"series": ["A"], "period": [1], "value": [True]}), path)
    assert "`value` has the type bool" in message(path)
    path.write_bytes(path.read_bytes()[:40])
    assert "no readable Parquet" in message(path)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no such file"):
        files.read(tmp_path / "absent.csv")
    with pytest.raises(ParameterError, match="no such file"):
        files.read(tmp_path)
    for start in (b"PK\x03\x04rest", b"\x1f\x8brest"):
        path = tmp_path / "long.csv"
        path.write_bytes(start)
        assert "plain CSV or as Parquet" in message(path)


def test_a_frequency_that_does_not_fit(tmp_path: Path) -> None:
    path = rows(tmp_path, ["2024-01", "2024-02"])
    with pytest.raises(ParameterError, match="months such as 2024-01"):
        files.read(path, "D")
    daily = rows(tmp_path, [f"2024-01-{day:02d}" for day in range(1, 29)])
    assert "line 3: period 2024-01-02" in message(daily, frequency="M")
    assert "line 2: period 2024-01-01" not in message(daily, frequency="W", season=1)
    sparse = rows(tmp_path, ["2024-01-01", "2024-01-09", "2024-01-17", "2024-02-03", "2024-02-12"])
    assert len(files.read(sparse, "D").series.values[0]) == 43


def test_weeks_in_six_digits_when_the_frequency_says_so(tmp_path: Path) -> None:
    path = rows(tmp_path, ["202311", "202312"])
    assert ahead(files.read(path, "W"), 1).to_pylist() == ["202313"]
    assert ahead(files.read(path), 1).to_pylist() == ["202401"]


def test_output_by_suffix_and_types_of_a_csv_file(tmp_path: Path) -> None:
    long = files.read(csv(tmp_path, HEAD + "7,1,5\n7,2,6\n9,1,5\n"))
    table = files.forecasts(long, made(long, 2))
    files.write(table, tmp_path / "out.parquet", long.is_text)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.schema.types == [pa.int64(), pa.int64(), pa.float64(), pa.float64()]
    files.write(table, tmp_path / "out.csv", long.is_text)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), found.to_pandas(), check_dtype=False)
    text = files.read(csv(tmp_path, HEAD + "007,2024-01,5\n007,2024-02,5\n"))
    files.write(files.forecasts(text, made(text, 1)), tmp_path / "out.parquet", text.is_text)
    assert pq.read_table(tmp_path / "out.parquet")["series"].unique().to_pylist() == ["007"]


def test_a_series_without_a_forecast_has_empty_rows(tmp_path: Path) -> None:
    long = files.read(csv(tmp_path, HEAD + "A,2024-01,\n"))
    nothing = np.full((1, 2, len(LEVELS)), np.nan)
    table = files.forecasts(long, EngineForecast(("A",), nothing, nothing[..., 0], ("refused",), None))
    assert table["value"].null_count == len(table) == 2 * len(LEVELS)
    files.write(table, tmp_path / "out.csv", True)
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()[1] == "A,2024-02,0.025,"


def test_targets_that_cannot_be(tmp_path: Path) -> None:
    source = rows(tmp_path, ["1", "2"])
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "folder.csv").mkdir()
    for path, said in (
        (source, "is also the file"),
        (tmp_path / "link.csv", "is also the file"),
        (tmp_path / "out.xlsx", r"must end in \.csv or \.parquet"),
        (tmp_path / "folder.csv", "is a folder"),
        (tmp_path / "absent" / "out.csv", "does not exist"),
    ):
        with pytest.raises(ParameterError, match=said):
            files.check_target(path, "--out", {"the file to be read": source})
    files.check_target(tmp_path / "OUT.CSV", "--out", {"the file to be read": source})


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = files.read(rows(tmp_path, ["1", "2"]))
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match="No space left on device"):
        files.write(files.forecasts(long, made(long, 1)), out, True)
    assert out.read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.csv", "out.csv"]


def test_the_text_tells_what_was_read(tmp_path: Path) -> None:
    assert files.read(rows(tmp_path, ["2023-12-31", "2024-01-31"])).text() == (
        "long.csv: 1 series of 2 periods (months, each dated on its last day, season 12)."
    )
    with pytest.raises(DataError):
        files.read(csv(tmp_path, HEAD))
