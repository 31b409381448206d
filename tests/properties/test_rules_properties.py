"""Windows, spells, ages and residence against the plainest possible loops."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ennakointi import rules
from ennakointi.periods import day_number, first_day, month_index, month_of
from ennakointi.rules.evaluation import matching_codes, merge_spells
from ennakointi.rules.histories import OPEN, Spells, ages, residence

FIRST = month_index(2019, 11)
MONTHS = 20
PERSONS = 3
DAYS = st.dates(date(2019, 9, 1), date(2021, 9, 1))

events = st.lists(st.tuples(st.integers(0, PERSONS - 1), DAYS), max_size=25)
spells = st.lists(st.tuples(st.integers(0, PERSONS - 1), st.integers(0, 60), st.integers(0, 25)), max_size=12)


def history(**frames: pd.DataFrame) -> rules.FrameHistory:
    born = pd.DataFrame({"birth_month": [month_index(1960, 1)] * PERSONS, "sex": "female", "municipality": "398"})
    return rules.FrameHistory({"persons": born, **frames}, PERSONS, FIRST, MONTHS)


def contacts(rows: list[tuple[int, date]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": [person for person, _ in rows],
            "month": [month_of(day) for _, day in rows],
            "service": "primary_care",
            "mode": "in_person",
            "attendance": None,
        }
    )


@given(events, st.integers(1, 15), st.integers(1, 4))
def test_a_window_counts_what_a_loop_counts(rows, within, at_least):
    found = rules.evaluate(
        rules.parse({"contact": {"within_months": within, "at_least": at_least}}),
        history(contacts=contacts(rows)),
    )
    for person in range(PERSONS):
        for month in range(FIRST, FIRST + MONTHS):
            inside = [d for p, d in rows if p == person and max(month - within, FIRST) <= month_of(d) < month]
            assert found[person, month - FIRST] == (len(inside) >= at_least)


@given(events, events)
def test_not_any_is_all_not(rows, others):
    one = {"contact": {"within_months": 3}}
    two = {"diagnosis": {"icd10": ["I10"], "within_months": 5}}
    diagnoses = pd.DataFrame(
        {
            "person": [p for p, _ in others],
            "month": [month_of(d) for _, d in others],
            "code": "I10",
            "system": "icd10",
        }
    )
    about = history(contacts=contacts(rows), diagnoses=diagnoses)
    left = rules.evaluate(rules.parse({"not": {"any": [one, two]}}), about)
    right = rules.evaluate(rules.parse({"all": [{"not": one}, {"not": two}]}), about)
    np.testing.assert_array_equal(left, right)


@given(spells)
def test_merged_spells_cover_the_same_days_and_never_touch(rows):
    person, start, length = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    merged = merge_spells(Spells(person, start, start + length))

    def days(p: np.ndarray, s: np.ndarray, e: np.ndarray) -> set[tuple[int, int]]:
        return {(int(a), d) for a, b, c in zip(p, s, e, strict=True) for d in range(int(b), int(c) + 1)}

    assert days(merged.person, merged.start, merged.end) == days(person, start, start + length)
    for i in range(1, len(merged.person)):
        if merged.person[i] == merged.person[i - 1]:
            assert merged.start[i] > merged.end[i - 1] + 1


@given(st.lists(st.tuples(DAYS, st.integers(0, 200)), max_size=6), st.integers(0, 5))
def test_a_status_holds_on_first_days_as_a_loop_finds(rows, minimum):
    start = [day_number(day) for day, _ in rows]
    end = [day_number(day + timedelta(days=length)) for day, length in rows]
    frame = pd.DataFrame({"person": 0, "status": "student", "controller": "county", "start_day": start, "end_day": end})
    held = {d for a, b in zip(start, end, strict=True) for d in range(a, b + 1)}
    rule = rules.parse({"status": {"status": "student", "minimum_months": minimum}})
    found = rules.evaluate(rule, history(statuses=frame))[0]
    for month in range(FIRST, FIRST + MONTHS):
        unbroken = range(day_number(first_day(month - minimum)), day_number(first_day(month)) + 1)
        assert found[month - FIRST] == all(d in held for d in unbroken)


@given(st.lists(st.dates(date(1905, 1, 1), date(2021, 12, 31)), min_size=1, max_size=8))
def test_ages_are_those_of_the_calendar(births):
    birth_month = np.array([month_of(b) + (b.day > 1) for b in births])
    found = ages(birth_month, FIRST, MONTHS)
    for i, born in enumerate(births):
        for m in range(MONTHS):
            on = first_day(FIRST + m)
            years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
            assert found[i, m] == max(years, 0)


@given(st.lists(st.tuples(DAYS, st.none() | st.integers(-5, 400)), min_size=1, max_size=6))
def test_residence_touches_a_month_when_one_of_its_days_lies_inside(rows):
    start = np.array([day_number(day) for day, _ in rows])
    end = np.array([OPEN if n is None else day_number(day) + n for day, n in rows])
    found = residence(start, end, FIRST, MONTHS)
    for i in range(len(rows)):
        for m in range(MONTHS):
            days = range(day_number(first_day(FIRST + m)), day_number(first_day(FIRST + m + 1)))
            assert found[i, m] == any(start[i] <= d <= end[i] for d in days)


@given(st.text("ABFZ", min_size=1, max_size=1), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_range_takes_in_exactly_the_codes_between_its_ends(letter, low, high, number):
    code = f"{letter}{number:02d}.5"
    found = matching_codes([code], [f"{letter}{low:02d}-{letter}{high:02d}"])
    assert bool(found) == (low <= number <= high)
