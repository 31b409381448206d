"""Figures of forecasts: what took place and what is forecast differ in shape, steps add up, words stay in the sheet."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from test_figures import first_drawn, luminance

from ennakointi.periods import parse_month
from ennakointi.report import figures, forecast_figures, markup, sheet, waterfall_figure
from ennakointi.report.figures import FanWords, Figure, WaterfallWords
from ennakointi.text import Catalogue

EN = Catalogue("en")
TOLD = {"catalogue": EN, "alt": "The need grows to 1,390.", "caption": "Need & time"}
WORDS = FanWords("took place", "forecast", "80%", "95%", "exceptional time")
PARTS = WaterfallWords("raises", "lowers", "assumption", "80% interval")


def months(first: str = "2019-01", n: int = 60, ahead: int = 12) -> pd.DataFrame:
    x = parse_month(first) + np.arange(n)
    value = 1000 + 100 * np.sin(x / 2)
    past = np.arange(n) < n - ahead
    spread = np.where(past, np.nan, 20.0 + np.arange(n) - (n - ahead))
    made = {"value": value + 0 * spread, "lo": value - spread, "hi": value + spread}
    wide = {"lo95": value - 2 * spread, "hi95": value + 2 * spread}
    disrupted = (x >= parse_month("2020-03")) & (x <= parse_month("2021-04"))
    return pd.DataFrame({"x": x, "observed": np.where(past, value, np.nan), **made, **wide, "disrupted": disrupted})


def fan() -> Figure:
    return figures.fan(months(), unit="contacts", words=WORDS, marks=[(parse_month("2022-12"), "data end")], **TOLD)


def fans() -> Figure:
    panels = [(f"Service {i}", "2026: +3%", months(n=30)) for i in range(4)]
    return figures.fans(panels, unit="contacts", words=WORDS, **TOLD)


def bars(**changes: list) -> pd.DataFrame:
    frame = {
        "label": ["Need in 2025", "Ageing", "Fewer people, a label too long for its column", "Digital care", "2040"],
        "kind": ["level", "step", "step", "assumed", "level"],
        "change": [1000.0, 150.0, -40.0, -60.0, 1050.0],
        "lo": [np.nan, 130.0, -55.0, -90.0, 980.0],
        "hi": [np.nan, 170.0, -25.0, -30.0, 1120.0],
        "number": ["1,000", "+150", "−40", "−60", "1,050"],
        "interval": ["", "130–170", "−55 – −25", "−90 – −30", "980–1,120"],
    }
    return pd.DataFrame({**frame, **changes})


def waterfall() -> Figure:
    return figures.waterfall(bars(), unit="contacts", words=PARTS, **TOLD)


ALL = [fan, fans, waterfall]
each_figure = pytest.mark.parametrize("make", ALL, ids=lambda make: make.__name__)


def said(picture: str) -> list[str]:
    return [e.text or "" for e in ET.fromstring(picture).iter("text")]


@each_figure
def test_pictures_are_described_and_hold_nothing_that_a_page_refuses(make: Callable[[], Figure]) -> None:
    made = first_drawn(make)
    for picture in (made.svg, made.narrow):
        assert len(picture) <= 150_000
        assert markup.faults(picture) == []
        assert not re.search(r"style=|<style|<metadata|<image|font-family", picture)
        named = {e.get("id"): e.text for e in ET.fromstring(picture).iter() if e.get("id")}
        assert "The need grows to 1,390." in str(named[ET.fromstring(picture).get("aria-describedby")])
        assert all(float(size) >= 12 for size in re.findall(r'font-size="([\d.]+)px"', picture))
    assert 'viewBox="0 0 360' in made.narrow
    assert make() == made


@each_figure
def test_words_of_the_legend_stand_in_both_widths(make: Callable[[], Figure]) -> None:
    expected = ("raises", "lowers", "assumption", "80% interval") if make is waterfall else ("took place", "forecast")
    for picture in (first_drawn(make).svg, first_drawn(make).narrow):
        assert set(expected) <= set(said(picture))


def test_small_fans_stand_on_one_scale_and_say_what_their_level_is() -> None:
    """Services of 1,000 and of 10 contacts a month with the same course look the same."""
    large = months(n=40)
    numbers = ["observed", "value", "lo", "hi", "lo95", "hi95"]
    small = large.assign(**{name: large[name] / 100 for name in numbers})
    drawn = figures.fans([("Large", "+3%", large), ("Small", "+3%", small)], unit="100% = mean", words=WORDS, **TOLD)
    for picture in (drawn.svg, drawn.narrow):
        told = said(picture)
        assert all(told.count(tick) == 2 for tick in ("0%", "50%", "100%"))
        levels = [text.removeprefix("100% = ") for text in told if text.startswith("100% = ") and text != "100% = mean"]
        assert [float(level.replace(",", "")) for level in levels] == pytest.approx([1_000, 10], rel=0.1)


def test_the_legend_names_only_what_is_drawn() -> None:
    calm = months().assign(disrupted=False).drop(columns=["lo95", "hi95"])
    drawn = said(figures.fan(calm, unit="contacts", words=WORDS, **TOLD).svg)
    assert {"95%", "exceptional time"}.isdisjoint(drawn)
    assert {"95%", "exceptional time", "data end"} <= set(said(fan().svg))
    rising = bars(kind=["level", "step", "step", "step", "level"], change=[1000.0, 10.0, 10.0, 30.0, 1050.0])
    assert {"lowers", "assumption"}.isdisjoint(
        said(figures.waterfall(rising, unit="contacts", words=PARTS, **TOLD).svg)
    )


def test_the_forecast_sets_out_from_the_last_observed_month_unless_a_gap_lies_between() -> None:
    ahead, observed = np.array([np.nan, np.nan, 5.0]), np.array([1.0, 2.0, np.nan])
    np.testing.assert_array_equal(forecast_figures._joined(ahead, observed, 1), [np.nan, 2.0, 5.0])
    np.testing.assert_array_equal(forecast_figures._joined(ahead, np.array([1.0, np.nan, np.nan]), 0), ahead)
    np.testing.assert_array_equal(forecast_figures._joined(ahead, np.full(3, np.nan), None), ahead)


def test_exceptional_months_are_runs() -> None:
    frame = pd.DataFrame({"x": [10, 11, 12, 13, 14], "disrupted": [True, True, False, False, True]})
    assert forecast_figures._disrupted(frame) == [(10.0, 11.0), (14.0, 14.0)]


def test_steps_of_the_waterfall_follow_each_other() -> None:
    """1000, 1150, 1110, 1050; the interval of a change stands around the level that it leads to."""
    steps = waterfall_figure._steps(bars())
    assert [(step.before, step.after) for step in steps[1:4]] == [(1000, 1150), (1150, 1110), (1110, 1050)]
    assert [(step.lo, step.hi) for step in steps[1:4]] == [(1130, 1170), (1095, 1125), (1020, 1080)]
    assert (steps[4].after, steps[4].lo, steps[4].hi) == (1050, 980, 1120)


def test_the_scale_of_the_waterfall_holds_every_end_and_no_zero_far_away() -> None:
    for width in (sheet.WIDE, sheet.NARROW):
        scale = waterfall_figure._scale(waterfall_figure._steps(bars()), width)
        assert 900 < scale.low < 980
        assert scale.high > 1170
        assert scale.left < scale.place(980) < scale.place(1170) < scale.right <= width


def test_a_waterfall_from_nearly_nothing_begins_at_zero() -> None:
    small = bars(change=[1.0, 150.0, -40.0, -60.0, 51.0], lo=[np.nan] * 5, hi=[np.nan] * 5)
    assert waterfall_figure._scale(waterfall_figure._steps(small), sheet.WIDE).low == 0


@pytest.mark.parametrize("colour", [sheet.INK, sheet.QUIET, sheet.MAIN, sheet.SECOND])
def test_lines_and_whiskers_are_seen_on_what_lies_under_them(colour: str) -> None:
    """WCAG 2.1, 1.4.11: at least 3:1 against the bands, the shading and the tints of what is assumed."""
    under = [sheet.OUTER, sheet.INNER, sheet.WINDOW, *waterfall_figure.TINTS.values()]
    assert all((luminance(one) + 0.05) / (luminance(colour) + 0.05) >= 3 for one in under)
