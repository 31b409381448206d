"""The picture of what became of a whole: its geometry tells no lies, and every part is named, at both widths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest

from ennakointi.report.callouts import Callout, spread
from ennakointi.report.fate_figure import FILLS, LARGE, THICK, UNKNOWN, Piece, fate
from ennakointi.report.figures import Figure
from ennakointi.report.sheet import MAIN, NARROW, PAPER, SECOND, WIDE, text_width

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels


def drawn(*values: float, missing: float = 100, received: float = 2_400) -> Figure:
    """A figure of parts with the given values; what is missing of 2,500 is 100 = 4 %."""
    fills = ["replaced", "waiting", "ended", "unseen", UNKNOWN]
    parts = [Piece(f"Part {n}", v, f"#{n}", fills[n % 5], (f"small {n}",)) for n, v in enumerate(values)]
    heads = [
        Piece("Expected", received + missing, "2,500"),
        Piece("Came", received, "2,400"),
        Piece("Lack", missing, "="),
    ]
    return fate(*heads, parts, alt="The finding.", caption="Caption")


def boxes(picture: str, fill: str) -> list[Box]:
    """Rectangles of one fill, from left to right; `pattern` are the hatched ones."""
    found = []
    for element in ET.fromstring(picture).iter("path"):
        colour = element.get("fill", "")
        corners = [float(n) for n in re.findall(r"-?[\d.]+", element.get("d", ""))]
        hatched = colour.startswith("url(")
        if "C" not in element.get("d", "") and (hatched if fill == "pattern" else colour == fill) and len(corners) == 8:
            x, y = corners[::2], corners[1::2]
            found.append((min(x), min(y), max(x), max(y)))
    return sorted(found)


def words(picture: str) -> str:
    return " ".join(e.text or "" for e in ET.fromstring(picture).iter("text"))


def lines_of(picture: str) -> list[Box]:
    """Estimated place of every text that begins at its place."""
    found = []
    for element in ET.fromstring(picture).iter("text"):
        place = re.search(r"translate\(([\d.]+) ([\d.]+)\)", element.get("transform", ""))
        x, y = (place[1], place[2]) if place else (element.get("x", "0"), element.get("y", "0"))
        size = float(re.search(r"[\d.]+", element.get("font-size", "14"))[0])  # type: ignore[index]
        if element.get("text-anchor", "start") == "start":
            found.append((float(x), float(y) - 0.7 * size, float(x) + text_width(element.text or "", size), float(y)))
    return found


def test_the_first_bar_is_to_scale() -> None:
    """4 % of 760 pixels are 30.4; of the narrow bar's height 4 %."""
    (missing,) = boxes(drawn(50, 50).svg, SECOND)
    assert missing[2] - missing[0] == pytest.approx(0.04 * WIDE, abs=0.02)
    assert missing[2] == pytest.approx(WIDE, abs=0.02)
    bars = [boxes(drawn(50, 50).narrow, colour) for colour in (SECOND, MAIN)]
    gone, came = (max(found, key=lambda box: box[2] - box[0]) for found in bars)  # not the small one before its name
    assert (gone[3] - gone[1]) / (came[3] - gone[1]) == pytest.approx(0.04, abs=1e-3)
    assert gone[1] < came[1]


def test_the_large_bar_shares_its_whole_width_in_proportion() -> None:
    """50, 30 and 20 of 100 on 760 pixels: 380, 228 and 152, two pixels of which are the gap to the next."""
    large = [box for box in boxes(drawn(50, 30, 20).svg, "pattern") if box[3] - box[1] == pytest.approx(LARGE)]
    assert [box[0] for box in large] == pytest.approx([0, 380, 608], abs=0.02)
    assert [box[2] - box[0] for box in large] == pytest.approx([378, 226, 152], abs=0.02)


def test_a_part_below_zero_leads_back_to_what_is_missing() -> None:
    """80 + 40 − 20 = 100 missing: the bar holds 120, the strip the last 20 of it (126.7 of 760 pixels)."""
    found = boxes(drawn(80, 40, -20).svg, "pattern")
    strip = [box for box in found if box[3] - box[1] < LARGE / 2]
    assert len(strip) == 1
    assert (strip[0][0], strip[0][2]) == pytest.approx((760 * 100 / 120, 760), abs=0.02)
    bar = [box for box in found if box[3] - box[1] == pytest.approx(LARGE)]
    assert bar[-1][2] == pytest.approx(760, abs=0.02)
    curves = [e.get("d", "") for e in ET.fromstring(drawn(80, 40, -20).svg).iter("path") if e.get("stroke") == SECOND]
    guides = [[float(n) for n in re.findall(r"-?[\d.]+", curve)] for curve in curves if "C" in curve]
    assert sorted((one[0], one[-2]) for one in guides) == [
        pytest.approx((760 * 0.96, 0), abs=0.1),
        pytest.approx((760, 760 * 100 / 120), abs=0.1),
    ]


def test_a_part_of_zero_is_not_in_the_picture() -> None:
    assert "Part 1" not in words(drawn(60, 0, 40).svg)


def test_without_parts_there_is_only_the_first_bar() -> None:
    figure = drawn()
    assert boxes(figure.svg, "pattern") == []
    assert boxes(figure.svg, MAIN)[0][3] - boxes(figure.svg, MAIN)[0][1] == pytest.approx(THICK)
    assert "Expected 2,500" in words(figure.svg)


@pytest.mark.parametrize("values", [(50, 30, 20), (0.1, 0.2, 40, 59.7), (10, 20, 30, 60, -20), (99.9, 0.1)])
def test_every_part_is_named_numbered_and_inside_at_both_widths(values: Sequence[float]) -> None:
    figure = drawn(*values)
    for picture, width in ((figure.svg, WIDE), (figure.narrow, NARROW)):
        said = words(picture)
        assert all(f"#{n} Part {n} small {n}" in said for n in range(len(values)))
        assert all(word in said for word in ("Expected 2,500", "Came 2,400", "Lack ="))
        places = lines_of(picture)
        assert all(left >= 0 and right <= width for left, _top, right, _bottom in places)
        for one, other in combinations(places, 2):
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert apart, (one, other)


def test_what_came_is_named_over_a_bar_too_short_for_its_name() -> None:
    assert "Came 2,400" in words(drawn(50, 50, missing=2_400, received=60).svg)


def test_parts_differ_without_their_colours() -> None:
    patterns = [pattern for _colour, pattern in FILLS.values()]
    assert len(set(patterns)) == len(patterns)
    assert FILLS[UNKNOWN][0] == PAPER


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("fill", list(FILLS))
def test_shapes_contrast_enough_on_white(fill: str) -> None:
    """WCAG 2.1, 1.4.11: 3:1 for shapes; what is not known is white with an outline that keeps it."""
    colour = Piece("", 1, "", fill).callout.colour
    assert 1.05 / (luminance(colour) + 0.05) >= 3


def test_boxes_are_pushed_apart_and_stay_near() -> None:
    """Wanted at 0, 10, 90 with sizes 30, 30, 30 to 100: the second moves to 35, the last back to 70."""
    assert spread([0, 10, 90], [30, 30, 30], 105, 5) == [0, 35, 75]
    assert spread([40, 41], [10, 10], 100, 0) == [40, 50]
    assert spread([], [], 100, 5) == []


def test_boxes_that_want_more_than_there_is_share_the_gaps() -> None:
    """Three boxes of 32 to 100 with gaps of 5 want 106: the gaps become 2."""
    starts = spread([0, 50, 90], [32, 32, 32], 100, 5)
    assert starts == pytest.approx([0, 34, 68])
    assert all(b - a >= 32 for a, b in pairwise(starts))


def test_long_names_break_between_words() -> None:
    callout = Callout("1", "kaksi pitkää suomenkielistä sanaa", MAIN)
    assert [line for line, _size in callout.lines(130)] == ["1", "kaksi pitkää", "suomenkielistä", "sanaa"]
