"""Figures: words in words, nothing that a strict content policy refuses, nothing that clashes on a page."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from ennakointi.report import fate_figure, figures, markup, sheet, svg
from ennakointi.report.figures import Figure, Piece
from ennakointi.text import Catalogue

EN = Catalogue("en")
WORDS = {"catalogue": EN, "alt": "The debt fell to 500.", "caption": "Debt & time"}


def fate() -> Figure:
    heads = [Piece("Expected", 10_000, "10,000"), Piece("Received", 9_000, "9,000"), Piece("Missing", 1_000, "1,000")]
    parts = [Piece("Replaced", 600, "600", "replaced"), Piece("Waiting", 430, "430"), Piece("Unexplained", -30, "−30")]
    return figures.fate(*heads, parts, alt=WORDS["alt"], caption=WORDS["caption"])


def clearing() -> Figure:
    x = np.linspace(0, 100, 11)
    curve = figures.Curve("if 50% comes back", x, x / 100, 80.0, "+80", ("3 person-years",))
    return figures.clearing_curves([curve], wanted=0.8, title="Chance", x_label="a week", **WORDS)


def over_time() -> Figure:
    months = [f"{year}-{month:02d}" for year in (2020, 2021) for month in range(1, 13)]
    value = np.linspace(0, 2000, 24)
    value[[5, 6, 8]] = np.nan
    frame = pd.DataFrame({"month": months, "value": value, "lo": value - 100, "hi": value + 100})
    breaks = (("2021-01", "Iitti joins"), ("2030-01", "not yet"))
    return figures.over_time(
        frame,
        unit="contacts",
        window=("2020-03", "2021-12", "Window"),
        breaks=breaks,
        interval_label="80%",
        **WORDS,
    )


def bars() -> Figure:
    frame = pd.DataFrame(
        {
            "label": ["Oral health", "Home care"],
            "value": [2.1, np.nan],
            "lo": [1.2, np.nan],
            "hi": [3.2, np.nan],
        }
    )
    return figures.bars(frame, unit="weeks", **WORDS)


def forest() -> Figure:
    frame = pd.DataFrame(
        {
            "label": ["Team $x^2$", "Coaching"],
            "estimate": [-0.12, 0.01],
            "lo": [-0.19, -0.03],
            "hi": [-0.05, 0.05],
        }
    )
    frame = frame.assign(verdict=["works", "cannot say"], tone=["good", "unsure"])
    return figures.forest(frame, unit="change", better="fewer", worse="more", percent=True, **WORDS)


def before_after() -> Figure:
    x = np.arange(-4, 4)
    frame = pd.DataFrame(
        {"arm": ["Team"] * 8 + ["Others"] * 8, "since_start": [*x, *x], "rate": np.linspace(50, 70, 16)}
    )
    return figures.before_after(frame, unit="per 100", x_label="quarters", start_label="Start", **WORDS)


def deviation() -> Figure:
    days = pd.date_range("2019-01-07", periods=120, freq="7D").strftime("%Y-%m-%d")
    level = np.full(120, 900.0)
    frame = pd.DataFrame(
        {"period_start": days, "observed": level + 20, "expected": level, "lo": level - 50, "hi": level + 50}
    )
    labels = {
        "observed_label": "Observed",
        "expected_label": "Expected",
        "marks": (("2020-03-16", "emergency"),),
    }
    return figures.deviation(frame, unit="purchases", **labels, **WORDS)


def sparkline() -> Figure:
    return figures.sparkline([1.0, np.nan, 3.0], alt="The debt fell to 500.")


def effect_time() -> Figure:
    x = np.array([-3, -2, -1, 0, 1, 3])
    frame = pd.DataFrame({"since_start": x, "relative": x / 50, "lo95": x / 50 - 0.1, "hi95": x / 50 + 0.1})
    said = figures.TimeWords("Before", "Effect", "Start", "Smallest that matters", "change, %", "quarters")
    return figures.effect_time(frame, important=-0.05, words=said, hidden=[2], **WORDS)


def ranking() -> Figure:
    frame = pd.DataFrame({"label": ["Team", "Coach"], "level": ["strong", "weak"], "verdict": ["works", "unclear"]})
    frame = frame.assign(tone=["good", "unsure"], value=[300.0, np.nan], lo=[100.0, np.nan], hi=[500.0, np.nan])
    said = figures.RankingWords("euros", "costs more", "gains more", "not known")
    return figures.ranking(frame, levels=["strong", "weak"], words=said, **WORDS)


def acceptability() -> Figure:
    frame = pd.DataFrame({"lambda_eur": [0, 100, 1000], "probability_cost_effective": [0.1, 0.45, 0.9]})
    told = {"stated": 100.0, "stated_label": "€100: 45%", "unit": "probability", "x_label": "worth"}
    return figures.acceptability(frame, **told, **WORDS)


def cost_plane(draws: int = 200) -> Figure:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"delta_effect": rng.normal(5, 3, draws), "delta_cost_eur": rng.normal(900, 400, draws)})
    said = figures.PlaneWords(
        "effect", "cost", dict.fromkeys(("ne", "se", "sw", "nw"), "Sämre och dyrare: 25 %"), "draw", "mean"
    )
    return figures.cost_plane(frame, estimate=(5.0, 900.0), worth=50.0, words=said, **WORDS)


ALL = [fate, clearing, over_time, bars, forest, before_after, deviation, sparkline]
ALL += [effect_time, ranking, acceptability, cost_plane]
first_drawn = cache(lambda make: make())
each_figure = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


@each_figure
def test_pictures_are_described_in_words(make: Callable[[], Figure]) -> None:
    root = ET.fromstring(first_drawn(make).svg)
    assert root.get("role") == "img"
    named = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert "The debt fell to 500." in str(named[root.get("aria-describedby")])
    assert named[root.get("aria-labelledby")]


@each_figure
def test_pictures_hold_nothing_that_a_page_refuses(make: Callable[[], Figure]) -> None:
    figure = first_drawn(make)
    for picture in (figure.svg, figure.narrow):
        assert markup.faults(picture) == []
        assert not re.search(r"style=|<style|<metadata|<image|font-family|<!--|xmlns:xlink", picture)


@each_figure
def test_the_same_numbers_give_the_same_bytes(make: Callable[[], Figure]) -> None:
    assert make() == first_drawn(make)


@each_figure
def test_pictures_are_small(make: Callable[[], Figure]) -> None:
    figure = first_drawn(make)
    assert max(len(figure.svg), len(figure.narrow)) <= 150_000


@each_figure
def test_no_words_leave_the_picture_or_cover_each_other(make: Callable[[], Figure]) -> None:
    """Words that begin, end or are centred at their place, at a usual width of letters."""
    figure = first_drawn(make)
    for picture in filter(None, (figure.svg, figure.narrow)):
        boxes = list(word_boxes(picture))
        wide = float(ET.fromstring(picture).get("viewBox", "").split()[2])
        assert all(left >= -2 and right <= wide + 2 for left, _, right, _ in boxes)
        for one, two in combinations(boxes, 2):
            assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]


@each_figure
def test_identifiers_belong_to_one_picture_and_all_references_hold(make: Callable[[], Figure]) -> None:
    figure = first_drawn(make)
    wide, narrow = (set(re.findall(r'id="([^"]+)"', p)) for p in (figure.svg, figure.narrow))
    assert not wide & narrow
    assert set(re.findall(r"#([\w-]+-\d+)", figure.svg)) <= wide


@each_figure
def test_words_are_legible_and_stay_words(make: Callable[[], Figure]) -> None:
    figure = first_drawn(make)
    for picture in filter(None, (figure.svg, figure.narrow)):
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', picture)]
        assert all(size >= 12 for size in sizes)
    if figure.narrow:
        assert sizes
        assert 'viewBox="0 0 360' in figure.narrow


def word_boxes(picture: str) -> Iterator[tuple[float, float, float, float]]:
    """Estimated left, top, right and bottom of every text."""
    for element in ET.fromstring(picture).iter("text"):
        said, size = element.text or "", float(element.get("font-size", "0").removesuffix("px"))
        places = re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        x, y = (float(n) for n in (places[0] if places else (element.get("x", "0"), element.get("y", "0"))))
        wide = len(said) * size * 0.5
        shift = {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", ""), 0.0)
        yield x - shift * wide, y - 0.7 * size, x + (1 - shift) * wide, y + 0.1 * size


def words(picture: str) -> str:
    return " ".join(e.text or "" for e in ET.fromstring(picture).iter("text"))


def test_breaks_and_spans_are_named_in_time_only() -> None:
    shown = words(over_time().svg)
    assert "1/2021 Iitti joins" in shown
    assert "Window" in shown
    assert "not yet" not in shown


def test_a_hidden_bar_says_that_it_is_hidden() -> None:
    assert EN.hidden in words(bars().svg)
    assert "2.1 (1.2–3.2)" in words(bars().svg)


def test_verdicts_stand_in_words_and_texts_are_not_mathematics() -> None:
    shown = words(forest().narrow)
    assert all(word in shown for word in ("works", "cannot say", "Team $x^2$", "← fewer", "more →"))


def test_styles_become_attributes() -> None:
    picture = svg.clean(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" viewBox="0 0 9 9">'
        '<g id="a"><path id="b" d="M 1.23456 2" style="fill: #ff0000; stroke: none"/>'
        '<text style="font: bold 12px sans-serif; text-anchor: middle">x</text></g></svg>',
        "T",
        "D",
    )
    assert 'fill="#ff0000" stroke="none"' in picture
    assert 'font-size="12px" font-weight="bold" text-anchor="middle"' in picture
    assert 'd="M 1.23 2"' in picture
    assert 'id="a"' not in picture


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    "colour",
    [sheet.INK, sheet.QUIET, sheet.MAIN, sheet.SECOND, sheet.THIRD, sheet.FOURTH, *sheet.TONES.values()]
    + [colour for name, (colour, _) in fate_figure.FILLS.items() if name != fate_figure.UNKNOWN],
)
def test_colours_contrast_enough_for_text(colour: str) -> None:
    """WCAG 2.1: (L1 + .05) / (L2 + .05) ≥ 4.5 on white, so also white text on the parts of the stack."""
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5


def test_a_large_cloud_is_a_picture_of_dots_with_the_same_bytes_and_no_metadata() -> None:
    small, large = first_drawn(cost_plane), cost_plane(301)
    assert "<image" not in small.svg
    assert large.svg.count("<image") == 1
    assert cost_plane(301) == large
    assert markup.faults(large.svg) == []
    data = base64.b64decode(re.search(r'"data:image/png;base64,([^"]+)"', large.svg)[1])  # type: ignore[index]
    kinds, place = [], 8
    while place < len(data):
        kinds.append(data[place + 4 : place + 8])
        place += 12 + int.from_bytes(data[place : place + 4], "big")
    assert set(kinds) <= {b"IHDR", b"IDAT", b"IEND", b"sRGB", b"pHYs"}
    assert len(large.svg) < 150_000


def test_hidden_months_are_gaps_that_say_so() -> None:
    months = [f"2024-{month:02d}" for month in range(1, 13)]
    frame = pd.DataFrame({"month": months, "value": np.arange(12.0)})
    frame.loc[4:6, "value"] = np.nan
    plain = figures.over_time(frame, unit="contacts", **WORDS)
    hidden = figures.over_time(frame.assign(hidden=frame["value"].isna()), unit="contacts", **WORDS)
    assert EN.hidden not in words(plain.svg)
    for picture in (hidden.svg, hidden.narrow):
        assert words(picture).count(EN.hidden) == 1
        assert "<pattern" in picture
    assert segments(hidden.svg) == segments(figures.over_time(frame.dropna(), unit="contacts", **WORDS).svg) == 2


def segments(picture: str) -> int:
    """Separate pieces of the main line."""
    lines = [e for e in ET.fromstring(picture).iter("path") if e.get("stroke") == sheet.MAIN and "L" in e.get("d", "")]
    return sum(e.get("d", "").count("M") for e in lines if float(e.get("stroke-width", "0")) == 2.4)


def test_time_without_an_interval_is_named() -> None:
    months = [f"2024-{month:02d}" for month in range(1, 13)]
    frame = pd.DataFrame({"month": months, "value": 5.0, "lo": 4.0, "hi": 6.0})
    frame.loc[8:, ["lo", "hi"]] = np.nan
    told = {"unit": "contacts", "unknown_label": "not known"}
    assert "not known" in words(figures.over_time(frame, **told, **WORDS).svg)
    assert "not known" not in words(figures.over_time(frame.fillna(4.0), **told, **WORDS).svg)


def test_hidden_quarters_and_effects_say_so() -> None:
    assert EN.hidden in words(effect_time().svg)
    frame = pd.DataFrame({"label": ["A", "B"], "estimate": [0.1, np.nan], "lo": [0.0, np.nan], "hi": [0.2, np.nan]})
    shown = figures.forest(frame.assign(verdict="", tone="unsure"), unit="change", **WORDS)
    assert words(shown.svg).count(EN.hidden) == words(shown.narrow).count(EN.hidden) == 1


def test_lines_are_named_beside_their_ends_where_there_is_room() -> None:
    """On the wide sheet without a symbol of a legend, on the narrow one in the legend."""
    figure = before_after()
    assert all("Team" in words(picture) for picture in (figure.svg, figure.narrow))
    right = [x for x, *_, said in named_places(figure.svg) if said in ("Team", "Others")]
    assert min(right) > 600
    assert max(x for x, *_, said in named_places(figure.narrow) if said in ("Team", "Others")) < 300


def named_places(picture: str) -> Iterator[tuple[float, str]]:
    for element, box in zip(ET.fromstring(picture).iter("text"), word_boxes(picture), strict=True):
        yield box[0], element.text or ""


def test_numbers_of_axes_are_the_readers() -> None:
    finnish = Catalogue("fi")
    frame = pd.DataFrame({"month": [f"2024-{m:02d}" for m in range(1, 13)], "value": np.linspace(-12_000, 30_000, 12)})
    shown = words(figures.over_time(frame, unit="kpl", **{**WORDS, "catalogue": finnish}).svg)
    assert all(tick in shown for tick in ("\u221210\u00a0000", "20\u00a0000"))
    assert "-" not in shown


@pytest.mark.parametrize("curve", [[0.05, 0.06, 0.9], [0.9, 0.6, 0.2], [0.5, 0.5, 0.5], [0.0, 0.0, 0.01]])
def test_the_words_of_the_assumed_worth_cover_no_line(curve: list[float]) -> None:
    frame = pd.DataFrame({"lambda_eur": [0, 100, 1000], "probability_cost_effective": curve})
    told = {"stated": 100.0, "stated_label": "THE WORTH", "unit": "probability", "x_label": "worth"}
    for picture in (figures.acceptability(frame, **told, **WORDS).svg,):
        box = next(b for e, b in zip(ET.fromstring(picture).iter("text"), word_boxes(picture)) if e.text == "THE WORTH")
        for path in (e for e in ET.fromstring(picture).iter("path") if e.get("stroke") == sheet.MAIN):
            points = np.array([float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]).reshape(-1, 2)
            x = np.linspace(max(box[0], points[0, 0]), box[2], 30)
            y = np.interp(x, points[:, 0], points[:, 1])
            assert not ((y > box[1]) & (y < box[3]) & (x <= points[-1, 0])).any() or len(points) < 3


@each_figure
def test_a_failed_check_is_told_on_the_figure(make: Callable[[], Figure]) -> None:
    shown = markup.figure(first_drawn(make), failed=["The coverage fell to 60%."], catalogue=EN).html
    assert "The coverage fell to 60%." in shown
    assert shown.index("The coverage fell") < shown.index("<svg")


def test_sparklines_name_their_ends_and_shade_their_interval() -> None:
    told = {"start": ("10/2023", "25,000"), "end": ("9/2025", "31,000")}
    shown = figures.sparkline(
        [1.0, 2.0, 3.0], lo=[0.0, 1.0, np.nan], hi=[2.0, 3.0, np.nan], alt="Up to 31,000.", **told
    )
    assert {"10/2023", "25,000", "9/2025", "31,000"} <= set(words(shown.svg).split())
    assert sheet.INNER in shown.svg
    assert sheet.INNER not in sparkline().svg
    assert len(figures.sparkline([np.nan], alt="Nothing.").svg) > 100
