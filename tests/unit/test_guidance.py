"""How clients find the right place: a register of a few approaches, every indicator counted by hand."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from segment_moves import SETTINGS
from small_county import build_store

from ennakointi.periods import Quarter
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import guidance

QUARTERS = (Quarter(2024, 3), Quarter(2024, 4))
AS_OF = date(2024, 12, 31)
PERSONS = pd.DataFrame(
    {
        "person_id": [f"p{i}" for i in range(6)],
        "birth_date": date(1980, 1, 1),
        "sex": "female",
        "municipality": "398",
    }
)
# person, time, service, outcome, answered after minutes, contact
REQUESTS = [
    ("p0", "2024-08-01 09:00", "primary_care", "solved", 10, None),  # alone: the right place
    ("p1", "2024-08-01 09:00", "primary_care", "booked", 60 * 24, "c1"),  # its own contact is no approach
    ("p2", "2024-08-01 09:00", "primary_care", "redirected", 10, None),
    ("p2", "2024-08-05 09:00", "primary_care", "solved", 10, None),  # within 7 days
    ("p3", "2024-08-01 09:00", "primary_care", "abandoned", None, None),
    ("p4", "2024-08-01 09:00", "primary_care", "booked", 10, None),  # not told to which contact it led
    (None, "2024-08-02 09:00", "primary_care", "solved", 10, None),
    (None, "2024-08-02 10:00", "primary_care", "open", None, None),
    ("p0", "2024-12-20 09:00", "primary_care", "solved", 10, None),  # 7 days have passed, 30 have not
]
# person, time, service, mode, attendance, nature, booked via, contact
CONTACTS = [
    ("p1", "2024-08-20 09:00", "primary_care", "in_person", "attended", "curative", "phone", "c1"),
    ("p1", "2024-08-29 09:00", "emergency", "in_person", "attended", "curative", "phone", "c2"),  # another service
    ("p3", "2024-08-21 09:00", "primary_care", "in_person", "attended", "curative", "phone", "c3"),  # within 30 days
    ("p5", "2024-09-01 09:00", "primary_care", "in_person", "attended", None, None, "c4"),  # no request: an approach
    ("p5", "2024-09-03 09:00", "primary_care", "in_person", "attended", "planned", "phone", "c5"),
    ("p5", "2024-09-04 09:00", "primary_care", "in_person", "attended", "curative", "staff", "c6"),
    ("p5", "2024-09-05 09:00", "primary_care", "in_person", "no_show", "curative", "phone", "c7"),
    ("p5", "2024-09-06 09:00", "primary_care", "administrative", "attended", "curative", "phone", "c8"),
    ("p5", "2024-09-07 09:00", "home_care", "home", "attended", "curative", "phone", "c9"),  # not first-line
]


def requests() -> pd.DataFrame:
    rows = pd.DataFrame(REQUESTS, columns=["person_id", "requested_at", "service", "outcome", "after", "contact_id"])
    asked = pd.to_datetime(rows.pop("requested_at"))
    answered = asked + pd.to_timedelta(rows.pop("after"), unit="min")
    numbered = [f"r{i}" for i in range(len(rows))]
    return rows.assign(request_id=numbered, requested_at=asked, answered_at=answered, channel="phone")


def contacts() -> pd.DataFrame:
    names = ["person_id", "started_at", "service", "mode", "attendance", "nature", "booked_via", "contact_id"]
    return pd.DataFrame(CONTACTS, columns=names).assign(started_at=lambda rows: pd.to_datetime(rows["started_at"]))


def told(folder: Path, asked: pd.DataFrame | None, plans: dict[str, pd.DataFrame] | None = None) -> pd.DataFrame:
    tables = {} if asked is None else {"requests": asked}
    opened = build_store(folder, AS_OF, persons=PERSONS, contacts=contacts(), **tables)
    found, reasons = guidance.table(opened, QUARTERS, SETTINGS, plans)
    found.attrs["reasons"] = {one: json.loads(why)["message"] for one, why in reasons.items()}
    return found


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    plans = {"2024Q3": pd.DataFrame({"multi": [True] * 5 + [False], "plan": [True, False, False, False, False, True]})}
    return told(tmp_path_factory.mktemp("guided"), requests(), plans)


@pytest.mark.parametrize(
    ("indicator", "service", "quarter", "part", "whole", "persons"),
    [
        ("answered_same_day", "all", "2024Q3", 5, 8, 3),  # without: p1, p3 and the open one; with: p0, p2, p4, nobody
        ("redirected", "all", "2024Q3", 1, 7, 1),
        ("solved_at_once", "primary_care", "2024Q3", 3, 7, 3),
        # firsts: p0, p1, p2, p3 of requests and p5 of contacts; p4 is not told
        ("repeat_7", "primary_care", "2024Q3", 1, 5, 1),
        ("repeat_30", "primary_care", "2024Q3", 2, 5, 2),
        ("repeat_30", "emergency", "2024Q3", 0, 1, 1),
        ("repeat_7", "all", "2024Q4", 0, 1, 1),
        # of p0, p1, p2, p5: p1 came to emergency care, p2 was redirected; p3 gave up
        ("right_place", "all", "2024Q3", 2, 4, 2),
        ("plan", "all", "2024Q3", 1, 5, 1),
    ],
)
def test_indicators_are_counted_as_by_hand(
    found: pd.DataFrame, indicator: str, service: str, quarter: str, part: int, whole: int, persons: int
) -> None:
    row = found.set_index(["indicator", "service", "quarter"]).loc[(indicator, service, quarter)]
    assert (row["part"], row["whole"], row["n_persons"]) == (part, whole, persons)
    assert row["share"] == pytest.approx(part / whole)


def test_days_that_have_not_passed_are_left_out(found: pd.DataFrame) -> None:
    assert list(found.columns) == list(RESULT_TABLES["guidance"].names)
    assert set(found.loc[found["quarter"] == "2024Q4", "indicator"]) == {
        "answered_same_day",
        "redirected",
        "solved_at_once",
        "repeat_7",
    }


def test_without_requests_only_repeats_of_contacts_are_told(tmp_path: Path) -> None:
    found = told(tmp_path, None)
    assert set(found["indicator"]) == {"repeat_7", "repeat_30"}
    assert set(found.attrs["reasons"]) == {"answered_same_day", "redirected", "solved_at_once", "right_place", "plan"}


def test_requests_that_tell_little_are_named(tmp_path: Path) -> None:
    found = told(tmp_path, requests()[["request_id", "person_id", "requested_at", "channel"]])
    reasons = found.attrs["reasons"]
    assert "when they were answered" in reasons["answered_same_day"]
    assert "what came of them" in reasons["redirected"]
    assert set(found["indicator"]) == {"repeat_7", "repeat_30"}
    assert "primary_care" in set(found["service"])  # of contacts; requests are of no service and count in `all`


def test_quarters_without_approaches_tell_nothing(tmp_path: Path) -> None:
    opened = build_store(tmp_path, AS_OF, persons=PERSONS, contacts=contacts(), requests=requests())
    assert guidance.table(opened, (Quarter(2020, 1),), SETTINGS, {})[0].empty
    assert guidance.table(opened, (), SETTINGS, {})[0].empty
