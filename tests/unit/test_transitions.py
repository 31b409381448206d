"""Movements between segments: counted by hand, adding up, and what they come to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from segment_moves import history

from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import movement, transitions

ORDER = ("heavy", "basic", "none")
BEFORE = {1: "heavy", 2: "heavy", 3: "heavy", 4: "basic", 5: "basic", 6: "basic", 7: "none", 8: "none"}
NOW = {1: "heavy", 2: "basic", 3: "died", 4: "basic", 5: "heavy", 6: "moved", 7: "none", 8: "basic", 9: "none"}
MADE = history(ORDER, {"2024Q3": BEFORE, "2025Q2": BEFORE, "2025Q3": NOW})


def rows(span: str) -> pd.DataFrame:
    told = transitions.table("levels", MADE)
    return told[told["span"] == span].set_index(["from", "to"])


def test_ways_are_counted_as_by_hand() -> None:
    """Three were heavy: one stayed, one is basic, one died; of three basic ones one moved away; one is new."""
    for span in ("quarter", "year"):
        told = rows(span)
        assert told.loc[("heavy", "died"), "n_persons"] == 1
        assert told.loc[("heavy", "basic"), "probability"] == pytest.approx(1 / 3)
        assert told.loc[("basic", "moved"), "persons"] == 1
        assert told.loc[("arrived", "none"), "from_persons"] == 1
        assert told.loc[("all", "all"), "n_persons"] == 9
        assert ("none", "heavy") not in told.index


def test_the_declared_sums_hold() -> None:
    told = transitions.table("levels", MADE)
    assert list(told.columns) == list(RESULT_TABLES["segment_transitions"].names)
    for over in ("to", "from"):
        kept = [key for key in ("scheme", "span", "from", "to") if key != over]
        parts = told[told[over] != "all"].groupby(kept)["n_persons"].sum()
        whole = told[told[over] == "all"].set_index(kept)["n_persons"]
        pd.testing.assert_series_equal(parts.sort_index(), whole.sort_index(), check_dtype=False)


def test_ordered_categories_and_shuffled_persons_tell_the_same() -> None:
    kind = pd.CategoricalDtype(list(ORDER), ordered=True)
    shuffled = {q: s.sample(frac=1, random_state=1).astype(kind) for q, s in MADE.assigned.items()}
    other = transitions.table("levels", transitions.History(ORDER, shuffled, MADE.people))
    pd.testing.assert_frame_equal(other, transitions.table("levels", MADE))


def test_time_in_a_segment_counts_deaths_and_moves_as_exits() -> None:
    """Of 100 persons 95 are there a quarter later, two having died and three moved away: 20 quarters, 5 years."""
    before = dict.fromkeys(range(100), "basic")
    now = {**before, 0: "died", 1: "died", 2: "moved", 3: "moved", 4: "moved"}
    made = history(ORDER, {"2025Q2": before, "2025Q3": now})
    assert movement.stay_years(made)[[1, 3]] == pytest.approx([5, 5])
    assert np.isnan(movement.stay_years(made)[[0, 2]]).all()  # nobody was there, so nobody left


def test_who_stays_and_who_needs_more_or_less_a_year_later() -> None:
    told = movement.table("levels", MADE).set_index("segment")
    assert list(told.reset_index().columns.sort_values()) == sorted(RESULT_TABLES["segment_movement"].names)
    heavy, basic, every = (told.loc[code] for code in ("heavy", "basic", "all"))
    assert (heavy["same_after_year"], heavy["lighter_share"], heavy["heavier_share"]) == (0.5, 0.5, 0)
    assert (basic["same_after_year"], basic["heavier_share"]) == (0.5, 0.5)
    assert every["same_after_year"] == pytest.approx(3 / 6)
    assert every["heavier_share"] == pytest.approx(2 / 6)  # 5 to heavy, 8 to basic
    without = movement.table("levels", MADE, ordered=False).set_index("segment")
    assert without["heavier_share"].isna().all()
    assert without["same_after_year"].equals(told["same_after_year"])


def test_shares_of_few_persons_are_told_by_the_fewest() -> None:
    assert movement.telling(50, [3], 0.01) == 3
    assert movement.telling(50, [48], 0.01) == 2
    assert movement.telling(5000, [3], 0.01) == 5000
    assert movement.telling(50, [50, 0], 0.01) == 50
    assert movement.telling(0, [0], 0.01) == 0


def test_nothing_to_compare_gives_no_rows() -> None:
    alone = history(ORDER, {"2025Q3": NOW})
    empty = history(ORDER, {"2024Q3": {}, "2025Q2": {}, "2025Q3": {}})
    assert transitions.table("levels", alone).empty
    assert movement.table("levels", alone).empty
    told = transitions.table("levels", empty)
    assert told["n_persons"].sum() == 0
    assert movement.table("levels", empty)["same_after_year"].isna().all()
    assert transitions.table("levels", history(ORDER, {})).empty
    assert movement.table("levels", history(ORDER, {})).empty


def test_quarters_before() -> None:
    assert transitions.earlier("2025Q1", 2) == "2024Q3"
    assert [end for end, _ in MADE.pairs(transitions.YEAR, transitions.YEAR, 3)] == ["2025Q3"]
