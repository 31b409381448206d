"""Figures of forecasts: the fan, small fans of many services, the years ahead, and the waterfall of a change.

What took place is a solid line, what is forecast a broken one with its intervals; what is assumed has an outline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.periods import parse_month
from ennakointi.report.sheet import (
    INK,
    MAIN,
    PAPER,
    QUIET,
    RULE,
    SECOND,
    SMALL,
    TEXT,
    WIDE,
    WINDOW,
    Entry,
    Figure,
    Floats,
    Sheet,
    both_widths,
    legend_height,
    numbered,
    text_width,
    value_axes,
    value_range,
    wrapped,
    year_ticks,
)
from ennakointi.text import Catalogue

BROKEN = (0, (4, 2))
OUTER, INNER = "#dde7ef", "#b4cbdc"  # the 95 % and the 80 % interval
FAN, SMALL_FAN = 330.0, 128.0


@dataclass(frozen=True)
class FanWords:
    """What the parts of a fan are called; an empty one has no place in the legend."""

    observed: str
    forecast: str
    inner: str
    outer: str
    disrupted: str


def fan(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    words: FanWords,
    marks: Sequence[tuple[float, str]] = (),
) -> Figure:
    """What took place, and the forecast's median with its intervals; disrupted periods are shaded.

    Parameters
    ----------
    frame : DataFrame
        In the order of time: `x` (months; a year stands at its middle), `observed`, `value` (median), `lo`, `hi`
        (80 %), and optionally `lo95`, `hi95`; `disrupted` (bool). Missing numbers are gaps.
    marks : sequence of (x, label)
        Numbered lines in time, named in the legend: the end of the data, the joint of two methods.
    """
    entries = _fan_entries(frame, words, marks)

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, FAN + legend_height(entries, width))
        axes = value_axes(sheet, frame.drop(columns=["x", "disrupted"]), catalogue, unit, 30, FAN - 66)
        _draw_fan(axes, frame)
        year_ticks(axes, frame["x"].to_numpy(dtype=float), width)
        numbered(axes, [place for place, _ in marks])
        sheet.legend(entries, FAN)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _fan_entries(frame: pd.DataFrame, words: FanWords, marks: Sequence[tuple[float, str]]) -> list[Entry]:
    named = [
        Entry(words.observed, "line", MAIN),
        Entry(words.forecast, "dashes", MAIN),
        Entry(words.inner, "patch", INNER),
        Entry(words.outer if "lo95" in frame else "", "patch", OUTER),
        Entry(words.disrupted if frame["disrupted"].any() else "", "patch", WINDOW),
        *(Entry(label, "number", QUIET, key=str(i)) for i, (_, label) in enumerate(marks, 1)),
    ]
    return [entry for entry in named if entry.words]


def _draw_fan(axes: Axes, frame: pd.DataFrame, thick: float = 2.0) -> None:
    """The lines and bands of a fan; the forecast begins where what took place ends."""
    x = frame["x"].to_numpy(dtype=float)
    half = 0.5 * float(np.min(np.diff(x))) if x.size > 1 else 0.5
    for first, last in _runs(frame["disrupted"].to_numpy(dtype=bool)):
        axes.axvspan(x[first] - half, x[last] + half, color=WINDOW, linewidth=0, zorder=0)
    observed = frame["observed"].to_numpy(dtype=float)
    shown = np.flatnonzero(np.isfinite(observed))
    last = int(shown[-1]) if shown.size else None
    for low, high, colour in (("lo95", "hi95", OUTER), ("lo", "hi", INNER)):
        if low in frame:
            ends = [_joined(frame[name].to_numpy(dtype=float), observed, last) for name in (low, high)]
            axes.fill_between(x, *ends, color=colour, linewidth=0, zorder=1)
    axes.plot(x, _joined(frame["value"].to_numpy(dtype=float), observed, last), color=MAIN, lw=thick, ls=BROKEN)
    axes.plot(x, observed, color=MAIN, linewidth=thick, zorder=3)
    if last is not None:
        axes.plot(x[last], observed[last], "o", color=MAIN, markersize=2.6 * thick, zorder=4)
    axes.set_xlim(x.min() - half, x.max() + half)


def _joined(ahead: Floats, observed: Floats, last: int | None) -> Floats:
    """Numbers ahead that set out from the last observed one, unless a gap lies between."""
    start = ahead.copy()
    if last is not None and last + 1 < ahead.size and np.isnan(ahead[last]) and np.isfinite(ahead[last + 1]):
        start[last] = observed[last]
    return start


def _runs(flags: np.ndarray[Any, np.dtype[np.bool_]]) -> list[tuple[int, int]]:
    """First and last position of every run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(int)))
    return [(int(first), int(last) - 1) for first, last in edges.reshape(-1, 2)]


def fans(
    panels: Sequence[tuple[str, str, pd.DataFrame]],
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    words: FanWords,
) -> Figure:
    """Small fans of many services, each with its own scale, title and finding; side by side where there is room.

    Parameters
    ----------
    panels : sequence of (title, finding in words, frame as for `fan`)
    """
    entries = _fan_entries(pd.concat([frame for *_, frame in panels]), words, ())

    def draw(width: int) -> Canvas:
        columns = 3 if width > 600 else 1
        gap = 22.0 if columns > 1 else 0.0
        own = (width - gap * (columns - 1)) / columns
        titles = [wrapped(title, own, TEXT) for title, *_ in panels]
        lines = max(len(lines) for lines in titles)
        tall = 26 + 18 * lines + SMALL_FAN + 36
        rows = -(-len(panels) // columns)
        sheet = Sheet(width, 24 + rows * tall + legend_height(entries, width))
        sheet.say(0, 10, unit, SMALL, QUIET)
        for number, ((_, finding, frame), title) in enumerate(zip(panels, titles, strict=True)):
            left, top = (number % columns) * (own + gap), 24 + (number // columns) * tall
            for line, said in enumerate(title):
                sheet.say(left, top + 12 + 18 * line, said, weight="bold")
            sheet.say(left, top + 12 + 18 * len(title), finding, SMALL, QUIET)
            _small_fan(sheet, frame, catalogue, (left, top + 26 + 18 * lines), own)
        sheet.legend(entries, 24 + rows * tall)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _small_fan(sheet: Sheet, frame: pd.DataFrame, catalogue: Catalogue, place: tuple[float, float], own: float) -> None:
    low, high = value_range(frame.drop(columns=["x", "disrupted"]).to_numpy(dtype=float))
    ticks = [tick for tick in MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if tick <= 1.04 * high]
    digits = 0 if ticks[1] - ticks[0] >= 1 else 1
    texts = [catalogue.number(tick, digits) for tick in ticks]
    room = max(text_width(text, SMALL) for text in texts) + 8
    axes = sheet.axes(place[0] + room, place[1], own - room - 4, SMALL_FAN)
    axes.set_yticks(ticks, texts)
    axes.set_ylim(low, 1.04 * high)
    _draw_fan(axes, frame, 1.5)
    x = frame["x"].to_numpy(dtype=float)
    januaries = [m for m in range(int(x.min()), int(x.max()) + 1) if m % 12 == 0]
    step = -(-len(januaries) // 4)
    axes.set_xticks(januaries[::step], [str(m // 12) for m in januaries[::step]])


def waterfall(
    frame: pd.DataFrame, *, catalogue: Catalogue, unit: str, alt: str, caption: str, words: Mapping[str, str]
) -> Figure:
    """From one level to another, every step with its number and its interval.

    The scale does not begin at zero, so that the steps are seen; the two levels have a cut through them.

    Parameters
    ----------
    frame : DataFrame
        In order: `label`, `kind` (level, step or assumed), `change` (the level itself for levels), `lo`, `hi`
        (interval of that number, may be missing), `number` and `interval` (the same in words).
    words : mapping
        Legend: `more`, `fewer`, `assumed`, `interval`, `cut`; an empty one is left out.
    """
    steps = _steps(frame)
    ends = _waterfall_range(steps)
    ticks = [t for t in MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]).tick_values(*ends) if ends[0] < t <= ends[1]]
    entries = [
        Entry(words["more"] if any(s.up and not s.level for s in steps) else "", "patch", SECOND),
        Entry(words["fewer"] if any(not s.up and not s.level for s in steps) else "", "patch", MAIN),
        Entry(words["assumed"] if any(s.assumed for s in steps) else "", "outline", QUIET),
        Entry(words["interval"], "line", INK),
        Entry(words["cut"], "patch", QUIET),
    ]
    entries = [entry for entry in entries if entry.words]

    def draw(width: int) -> Canvas:
        beside = width == WIDE
        left, right = (232.0, width - 178.0) if beside else (2.0, width - 4.0)
        lines = [wrapped(s.label, left - 14 if beside else width - s.room - 12, TEXT) for s in steps]
        heights = [(24.0 + 18 * len(own)) if beside else 34.0 + 18 * max(len(own), s.sublines) + 6 for own, s in
                   zip(lines, steps, strict=True)]
        sheet, top = Sheet(width, 30 + sum(heights) + 34 + legend_height(entries, width)), 30.0

        def place(value: float) -> float:
            return left + (value - ends[0]) / (ends[1] - ends[0]) * (right - left)

        sheet.say(0, 10, unit, SMALL, QUIET)
        bottom = 30 + sum(heights)
        for tick in ticks:
            sheet.line([place(tick)] * 2, [26, bottom], RULE, 0.8, zorder=0)
            sheet.say(place(tick), bottom + 14, catalogue.number(tick), SMALL, QUIET, ha="center")
        bars = [_row(sheet, step, own, top + sum(heights[:i]), heights[i], beside, place)
                for i, (step, own) in enumerate(zip(steps, lines, strict=True))]
        for (step, above), below in zip(zip(steps, bars, strict=True), bars[1:], strict=False):
            sheet.line([place(step.after)] * 2, [above[1], below[0]], QUIET, 1)
        sheet.legend(entries, bottom + 34)
        return sheet.canvas

    return both_widths(draw, alt, caption)


@dataclass(frozen=True)
class _Step:
    """One bar: from the level before it to the level after it, and where its interval ends."""

    label: str
    number: str
    interval: str
    level: bool
    assumed: bool
    before: float
    after: float
    lo: float
    hi: float

    @property
    def up(self) -> bool:
        return self.after >= self.before

    @property
    def room(self) -> float:
        """Width of the number and of the interval under it."""
        return max(text_width(self.number, TEXT), text_width(self.interval, SMALL))

    @property
    def sublines(self) -> int:
        return 2 if self.interval else 1


def _steps(frame: pd.DataFrame) -> list[_Step]:
    """The bars of a waterfall; a change's interval stands where the change ends."""
    level, steps = 0.0, []
    for row in frame.to_dict("records"):
        is_level = row["kind"] == "level"
        base = 0.0 if is_level else level
        after = base + float(row["change"])
        numbers = [base + float(row[name]) for name in ("lo", "hi")]
        words = (str(row["label"]), str(row["number"]), str(row["interval"]))
        steps.append(_Step(*words, is_level, row["kind"] == "assumed", base, after, *numbers))
        level = after
    return steps


def _waterfall_range(steps: Sequence[_Step]) -> tuple[float, float]:
    """From under the lowest to over the highest level; without zero unless it is near."""
    points = np.array([v for s in steps for v in (s.after, s.lo, s.hi, np.nan if s.level else s.before)])
    finite = points[np.isfinite(points)]
    low, high = float(finite.min()), float(finite.max())
    spread = (high - low) or abs(high) or 1.0
    return max(0.0, low - 0.22 * spread) if low >= 0 else low - 0.1 * spread, high + 0.05 * spread


def _row(
    sheet: Sheet,
    step: _Step,
    lines: Sequence[str],
    top: float,
    tall: float,
    beside: bool,
    place: Callable[[float], float],
) -> tuple[float, float]:
    """Label, bar, interval and number of a step; gives back the top and the bottom of its bar."""
    thick, edge = (26.0, "bold") if step.level else (20.0, "normal")
    middle = top + tall / 2 if beside else top + tall - 19
    first = middle - 9 * (len(lines) - 1) if beside else top + 11
    for number, line in enumerate(lines):
        sheet.say(0, first + 18 * number, line, weight=edge)
    x, spot = (sheet.width, middle - 8.5) if beside else (sheet.width - 2, top + 11)
    sheet.say(x, spot if step.interval else (middle if beside else spot), step.number, ha="right", weight="bold")
    sheet.say(x, spot + 17, step.interval, SMALL, QUIET, ha="right")
    _step_bar(sheet, step, middle - thick / 2, thick, place)
    if np.isfinite(step.lo) and np.isfinite(step.hi):
        ends = [place(step.lo), place(step.hi)]
        sheet.line(ends, [middle] * 2, PAPER, 5.5, zorder=4)
        sheet.line(ends, [middle] * 2, INK, 2, zorder=5)
        for end in ends:
            sheet.line([end] * 2, [middle - 5, middle + 5], INK, 2, zorder=5)
    return middle - thick / 2, middle + thick / 2


def _step_bar(sheet: Sheet, step: _Step, top: float, thick: float, place: Callable[[float], float]) -> None:
    left, right = sorted((place(step.before), place(step.after)))
    colour = SECOND if step.up else MAIN
    if step.level:
        left, colour = place(step.after) - (place(step.after) - _edge(place, sheet)), QUIET
    width = max(right - left, 2.0)
    if step.assumed:
        corners = ([left, left + width, left + width, left, left], [top, top, top + thick, top + thick, top])
        sheet.box(left, top, width, thick, PAPER)
        sheet.line(*corners, colour, 2.2)
        return
    sheet.box(left, top, width, thick, colour)
    if step.level:
        for shift in (16.0, 22.0):
            sheet.line([left + shift - 5, left + shift + 5], [top + thick + 3, top - 3], PAPER, 3)
