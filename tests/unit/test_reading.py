"""Text as Finnish systems write it is read; what could mean two things is not."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from ennakointi.store import reading


def read(table: str, column: str, *files: list[str], decimal: str | None = None) -> list[list[object]]:
    """The values of a column of text as typed, file by file."""
    connection = duckdb.connect()
    rows = [(number, i, value) for number, values in enumerate(files) for i, value in enumerate(values)]
    connection.execute("CREATE TABLE given (_file INTEGER, _row BIGINT, x VARCHAR)")
    connection.executemany("INSERT INTO given VALUES (?, ?, ?)", rows)
    connection.execute(f"CREATE VIEW delivered_{table} AS SELECT _file, _row, 0 AS _part, x AS {column} FROM given")
    reading.type_table(connection, table, {column: "VARCHAR"}, [decimal] * len(files))
    found = connection.execute(f"SELECT _file, {column} FROM typed_{table} ORDER BY _file, _row").fetchall()
    return [[value for number, value in found if number == i] for i in range(len(files))]


NINE = datetime(2025, 9, 3, 14, 5)
TIMES = {
    "2025-09-03 14:05": NINE,
    "2025-09-03T14:05:00": NINE,
    "03.09.2025 14:05": NINE,
    "3.9.2025 14:05": NINE,
    "3.9.2025 14:05:07": NINE.replace(second=7),
    "3.9.2025 14:05:07.250": NINE.replace(second=7, microsecond=250_000),
    "03.09.2025 14.05": NINE,
    "3.9.2025 4.05": NINE.replace(hour=4),
    "03.09.2025": datetime(2025, 9, 3),
    "2025-09-03": datetime(2025, 9, 3),
    "31.02.2025 10:00": None,
    "2025-02-31 10:00": None,
    "01/02/2025 10:00": None,
    "03-09-2025 14:05": None,
    "03.09.2025 14:05+02:00": None,
    "03.09.2025 14:05Z": None,
    "09.31.2025 14:05": None,
    "03.09.2025 24:00": None,
    "03.09.2025 14:05 PM": None,
    "3. syyskuuta 2025": None,
    "infinity": None,
    "45903": None,
}
DATES = {
    "2025-09-03": date(2025, 9, 3),
    "03.09.2025": date(2025, 9, 3),
    "3.9.2025": date(2025, 9, 3),
    "3.9.2025 00:00:00": date(2025, 9, 3),
    "2025-09-03 00:00": date(2025, 9, 3),
    "29.02.2024": date(2024, 2, 29),
    "29.02.2025": None,
    "03.09.25": date(25, 9, 3),  # refused as too early
    "03.09.25x": None,
    "3.9": None,
    "01/02/2025": None,
    "20250903": None,
}
MONTHS = {
    "2025-09": date(2025, 9, 1),
    "09/2025": date(2025, 9, 1),
    "9/2025": date(2025, 9, 1),
    "09.2025": date(2025, 9, 1),
    "2025-09-01": date(2025, 9, 1),
    "1.9.2025": date(2025, 9, 1),
    "13/2025": None,
    "2025-13": None,
    "9/25": date(25, 9, 1),  # refused as too early
    "2025": None,
}
FLAGS = {
    **dict.fromkeys(("true", "1", "k", "K", "kyllä", "Kyllä", "ja", "yes", "TRUE"), True),
    **dict.fromkeys(("false", "0", "e", "ei", "EI", "nej", "no"), False),
    **dict.fromkeys(("x", "2", "-", "on", "kylla"), None),
}


@pytest.mark.parametrize(
    ("table", "column", "known"),
    [
        ("contacts", "started_at", TIMES),
        ("persons", "birth_date", DATES),
        ("capacity", "month", MONTHS),
        ("persons", "non_disclosure", FLAGS),
    ],
)
def test_each_way_of_writing(table: str, column: str, known: dict[str, object]) -> None:
    assert dict(zip(known, read(table, column, [*known])[0], strict=True)) == known


NUMBERS = [
    (["12,50", "3", "1 234,5", "1\N{NO-BREAK SPACE}234", "-0,5"], [12.5, 3.0, 1234.5, 1234.0, -0.5]),
    (["12.50", "3", "1 234 567.5", "1e2", "+4"], [12.5, 3.0, 1234567.5, 100.0, 4.0]),
    (["12,5", "7,25", "12.5"], [12.5, 7.25, None]),  # most values decide
    (["12.5", "7.25", "1.5", "1,234"], [12.5, 7.25, 1.5, None]),
    (["12,5", "12.5", "3"], [None, None, 3.0]),  # nobody can tell
    (["1.234", "2.500", "12"], [None, None, 12.0]),  # thousands or thousandths
    (["1,234", "12"], [None, 12.0]),
    (["1.234", "0.500"], [1.234, 0.5]),  # no thousands begin with a zero
    (["1.234", "1234.500"], [1.234, 1234.5]),
    (["1.234,5", "1,234.5", "1.2.3", "5,5", "6,5"], [None, None, None, 5.5, 6.5]),
    (
        ["12 34", "1 2345", " 5 ", "5 €", "inf", "nan", "1e999", "kaksi"],
        [None, None, 5.0, None, None, None, None, None],
    ),
]


@pytest.mark.parametrize(("given", "expected"), NUMBERS)
def test_the_decimal_mark_is_never_guessed(given: list[str], expected: list[float | None]) -> None:
    assert read("contacts", "cost_eur", given) == [expected]


def test_the_decimal_mark_in_source_json_decides_what_is_open() -> None:
    mixed = ["1.234", "2,500", "3"]
    assert read("contacts", "cost_eur", mixed, decimal=".") == [[1.234, None, 3.0]]
    assert read("contacts", "cost_eur", mixed, decimal=",") == [[None, 2.5, 3.0]]
    assert read("contacts", "cost_eur", ["1.234"], decimal=".") == [[1.234]]
    assert read("contacts", "cost_eur", ["1.234"], decimal=",") == [[None]]


def test_each_file_has_its_decimal_mark_and_others_help_where_one_is_silent() -> None:
    assert read("contacts", "cost_eur", ["1,5", "1,234"], ["2.5", "2.345"]) == [[1.5, 1.234], [2.5, 2.345]]
    assert read("contacts", "cost_eur", ["1,5"], ["2,345"], ["7"]) == [[1.5], [2.345], [7.0]]
    assert read("contacts", "cost_eur", ["1,5"], ["2.345"]) == [[1.5], [None]]


def test_whole_numbers_have_no_fraction() -> None:
    assert read("referrals", "priority", ["1", "2,0", "1,5", "3000000000"]) == [[1.0, 2.0, None, None]]
