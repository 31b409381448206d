"""Names over the axes: on the figure where there is room, in the legend where not, and none covers another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ennakointi.report.sheet import SMALL, WIDER, text_width
from ennakointi.report.time_marks import ROWS, Mark, TimeMarks


def marks(*given: Mark, width: int = 760) -> TimeMarks:
    return TimeMarks(given, (0.0, 100.0), (60.0, width - 12.0), width)


def test_words_stand_inside_a_wide_span_and_beside_a_line() -> None:
    made = marks(Mark(10, 40, "Debt accrues"), Mark(60, 60, "County begins"))
    inside = next(name for name in made.names if name.mark.words == "Debt accrues")
    beside = next(name for name in made.names if name.mark.words == "County begins")
    assert 60 + 6.88 * 10 <= inside.left < inside.right <= 60 + 6.88 * 40
    assert beside.left == pytest.approx(60 + 6.88 * 60 + 5)
    assert (inside.row, beside.row) == (0, 0)
    assert made.entries == []


def test_words_without_room_go_to_the_legend_with_a_number_or_a_patch() -> None:
    words = "a name that is longer than any narrow sheet can hold beside its line"
    made = marks(Mark(50, 50, words), Mark(20, 30, words, "#f1e6d6"), width=360)
    assert made.names == []
    assert [(entry.symbol, entry.key) for entry in made.entries] == [("patch", ""), ("number", "1")]


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("width", [360, 760])
def test_no_name_covers_another_or_leaves_the_sheet_and_no_line_crosses_one(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    given = []
    for number in range(int(rng.integers(1, 8))):
        first = float(rng.uniform(0, 95))
        words = " ".join(["word"] * int(rng.integers(1, 7))) + f" {number}"
        given.append(Mark(first, first + (float(rng.uniform(0, 30)) if rng.random() < 0.4 else 0.0), words))
    made = marks(*given, width=width)
    for name in made.names:
        assert 0 <= name.left < name.right <= width
        assert name.right - name.left == pytest.approx(text_width(name.mark.words, SMALL) * WIDER)
        assert 0 <= name.row < ROWS
    for one, two in combinations(made.names, 2):
        assert one.row != two.row or one.right <= two.left or two.right <= one.left
        low, high = sorted((one, two), key=lambda name: name.row)
        if low.row < high.row and not high.mark.spans:
            assert not low.left <= made._x(high.mark.first) <= low.right
    assert sorted(n.mark.words for n in made.names) + sorted(m.words for m in made.unnamed) != []
    assert {n.mark.words for n in made.names} | {m.words for m in made.unnamed} == {m.words for m in given}


def test_marks_outside_the_axis_are_left_out_and_spans_are_cut() -> None:
    made = marks(Mark(-20, -10, "before"), Mark(90, 130, "end"), Mark(101, 101, "after"))
    assert [(mark.first, mark.last) for mark in made.shown] == [(90, 100)]
