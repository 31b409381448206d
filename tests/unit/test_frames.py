"""The one door for analysts' tables: what is read, and what is refused in one clear sentence without a unit's name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal import frames
from ennakointi.causal.areas import NEVER
from ennakointi.causal.unit_panels import unit_panel
from ennakointi.errors import DataError, EnnakointiError, ParameterError


def table() -> pd.DataFrame:
    """Three units in the years 2001–2004; b starts in 2003, c in 2004, a never."""
    rows = [(unit, year) for unit in "abc" for year in range(2001, 2005)]
    frame = pd.DataFrame(rows, columns=["unit", "year"])
    starts = frame["unit"].map({"a": 0, "b": 2003, "c": 2004})
    on = ((starts > 0) & (frame["year"] >= starts)).astype(int)
    return frame.assign(y=np.arange(12.0), first=starts, on=on, ever=(starts > 0).astype(int), person_years=2.0)


def test_a_start_is_told_by_cohort_by_treatment_or_by_name() -> None:
    frame = table()
    shared = {"outcome": "y", "time": "year", "unit": "unit"}
    by_cohort = unit_panel(frame, **shared, cohort="first")
    assert by_cohort.starts.tolist() == [NEVER, 2, 3]
    assert unit_panel(frame, **shared, treatment="on").starts.tolist() == [NEVER, 2, 3]
    assert unit_panel(frame, **shared, treatment="ever", start=2003).starts.tolist() == [NEVER, 2, 2]
    assert unit_panel(frame, **shared, treated="b", start="2003").starts.tolist() == [NEVER, 2, NEVER]
    assert by_cohort.values.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert by_cohort.times == ("2001", "2002", "2003", "2004")


@pytest.mark.parametrize("never", [np.nan, np.inf, 0, 2010])
def test_empty_zero_infinite_and_later_cohorts_are_never_treated(never: float) -> None:
    frame = table().assign(first=lambda f: f["first"].astype(float).replace(0, never))
    assert unit_panel(frame, "y", "year", "unit", cohort="first").starts.tolist() == [NEVER, 2, 3]


def test_the_order_of_rows_changes_nothing_and_a_missing_row_is_a_gap() -> None:
    frame = table()
    mixed = unit_panel(frame.sample(frac=1, random_state=1), "y", "year", "unit", cohort="first")
    assert (mixed.values == unit_panel(frame, "y", "year", "unit", cohort="first").values).all()
    assert np.isnan(unit_panel(frame.drop(index=5), "y", "year", "unit", cohort="first").values[1, 1])


def test_periods_may_be_months_quarters_of_dates_or_every_second_year() -> None:
    months = pd.DataFrame({"t": ["2024-11", "2024-12", "2025-01", "2025-02"], "y": [1, 2, 3, 4]})
    assert frames.series(months, "y", "t", "2025-01").start == 2
    dates = months.assign(t=pd.to_datetime(["2024-03-31", "2024-06-30", "2024-09-30", "2024-12-31"]))
    assert frames.series(dates, "y", "t", "2024-12-31").start == 3
    biennial = months.assign(t=[2000.0, 2002.0, 2004.0, 2006.0])
    assert frames.series(biennial, "y", "t", 2004).start == 2
    quarters = months.assign(t=["2024Q3", "2024Q4", "2025Q1", "2025Q2"])
    assert frames.series(quarters, "y", "t", "2025Q1").start == 2
    assert frames.series(quarters, "y", "t", "2025Q1").times == ("2024Q3", "2024Q4", "2025Q1", "2025Q2")
    assert frames.series(biennial, "y", "t", 2003).start == 2  # between two periods: from the later one on
    with_gap = months.drop(index=1)
    assert np.isnan(frames.series(with_gap, "y", "t", "2025-01").values).tolist() == [False, True, False, False]


FAULTS = {
    "no column 'yy'": ({"outcome": "yy"}, lambda f: f),
    "did you mean 'year'": ({"time": "yaer"}, lambda f: f),
    "told nowhere": ({"cohort": None}, lambda f: f),
    "in several ways": ({"treatment": "on"}, lambda f: f),
    "repeat a unit and a period": ({}, lambda f: pd.concat([f, f.tail(1)])),
    "more than one value": ({"cohort": "y"}, lambda f: f),
    "are no numbers": ({}, lambda f: f.assign(y="many")),
    "no rows": ({}, lambda f: f.head(0)),
    "have no unit": ({}, lambda f: f.assign(unit=None)),
    "have no period": ({}, lambda f: f.assign(year=np.nan)),
    "no unit is treated": ({}, lambda f: f.assign(first=0)),
    "must hold 0 and 1": ({"cohort": None, "treatment": "year"}, lambda f: f),
    "must not end": ({"cohort": None, "treatment": "on"}, lambda f: f.assign(on=1 - f["on"])),
    "lies outside the data": ({"cohort": None, "treated": "b", "start": 2050}, lambda f: f),
    "is the first period": ({"cohort": None, "treated": "b", "start": 2001}, lambda f: f),
    "no such unit": ({"cohort": None, "treated": "d", "start": 2003}, lambda f: f),
    "needs --start": ({"cohort": None, "treated": "b"}, lambda f: f),
    "does not go with": ({"start": 2003}, lambda f: f),
    "0 or less": ({"offset": "person_years"}, lambda f: f.assign(person_years=0)),
}


@pytest.mark.parametrize("said", FAULTS)
def test_a_fault_is_one_clear_sentence(said: str) -> None:
    options, spoil = FAULTS[said]
    arguments = {"outcome": "y", "time": "year", "unit": "unit", "cohort": "first", **options}
    frame = spoil(table())
    with pytest.raises((DataError, ParameterError), match=said):
        unit_panel(frame, arguments.pop("outcome"), arguments.pop("time"), arguments.pop("unit"), **arguments)


def test_no_error_names_a_unit() -> None:
    frame = table().replace({"unit": {"b": "010190-123X"}})
    for spoiled, options in [
        (pd.concat([frame, frame.iloc[[5]]]), {"cohort": "first"}),
        (frame, {"cohort": "y"}),
        (frame.assign(on=1 - frame["on"]), {"treatment": "on"}),
    ]:
        with pytest.raises(EnnakointiError) as error:
            unit_panel(spoiled, "y", "year", "unit", **options)
        assert "010190" not in str(error.value)
