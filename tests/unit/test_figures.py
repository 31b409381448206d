"""Figures: words in words, nothing that a strict content policy refuses, nothing that clashes on a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from ennakointi.report import figures, markup, sheet, svg
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


ALL = [fate, clearing, over_time, bars, forest, before_after, deviation, sparkline]
each_figure = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


@each_figure
def test_pictures_are_described_in_words(make: Callable[[], Figure]) -> None:
    root = ET.fromstring(make().svg)
    assert root.get("role") == "img"
    named = {e.get("id"): e.text for e in root.iter() if e.get("id")}
    assert "The debt fell to 500." in str(named[root.get("aria-describedby")])
    assert named[root.get("aria-labelledby")]


@each_figure
def test_pictures_hold_nothing_that_a_page_refuses(make: Callable[[], Figure]) -> None:
    figure = make()
    for picture in (figure.svg, figure.narrow):
        assert markup.faults(picture) == []
        assert not re.search(r"style=|<style|<metadata|<image|font-family|<!--|xmlns:xlink", picture)


@each_figure
def test_the_same_numbers_give_the_same_bytes(make: Callable[[], Figure]) -> None:
    assert make() == make()


@each_figure
def test_identifiers_belong_to_one_picture_and_all_references_hold(make: Callable[[], Figure]) -> None:
    figure = make()
    wide, narrow = (set(re.findall(r'id="([^"]+)"', p)) for p in (figure.svg, figure.narrow))
    assert not wide & narrow
    assert set(re.findall(r"#([\w-]+-\d+)", figure.svg)) <= wide


@each_figure
def test_words_are_legible_and_stay_words(make: Callable[[], Figure]) -> None:
    figure = make()
    for picture in filter(None, (figure.svg, figure.narrow)):
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', picture)]
        assert all(size >= 12 for size in sizes)
    if figure.narrow:
        assert sizes
        assert 'viewBox="0 0 360' in figure.narrow


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
    "colour", [sheet.INK, sheet.QUIET, sheet.MAIN, sheet.SECOND, *sheet.PARTS, *sheet.TONES.values()]
)
def test_colours_contrast_enough_for_text(colour: str) -> None:
    """WCAG 2.1: (L1 + .05) / (L2 + .05) ≥ 4.5 on white, so also white text on the parts of the stack."""
    assert 1.05 / (luminance(colour) + 0.05) >= 4.5
