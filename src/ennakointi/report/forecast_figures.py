"""Figures of forecasts: the fan, and small fans of many services.

What took place is a solid line, what is forecast a broken one with its intervals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from ennakointi.report.sheet import (
    INNER,
    MAIN,
    OUTER,
    QUIET,
    SMALL,
    TEXT,
    WINDOW,
    Entry,
    Figure,
    Floats,
    Scale,
    Sheet,
    both_widths,
    legend_height,
    ribbon,
    scale,
    value_axes,
    wrapped,
)
from ennakointi.report.time_marks import Mark, TimeMarks
from ennakointi.text import Catalogue

BROKEN = (0, (4, 2))
SMALL_FAN, APART = 128.0, 22.0  # height of a small fan, and room between two
HEAD, FOOT = 30.0, 34.0  # over the names of the marks, and under the axes


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
    shaded: Sequence[tuple[float, float]] | None = None,
    height: float = 350.0,
) -> Figure:
    """What took place, and the forecast's median with its intervals; disrupted periods are shaded.

    Parameters
    ----------
    frame : DataFrame
        In the order of time: `x` (months; a year stands at its middle), `observed`, `value` (median), `lo`, `hi`
        (80 %), and optionally `lo95`, `hi95`; `disrupted` (bool). Missing numbers are gaps.
    marks : sequence of (x, label)
        Named lines in time: known breaks, the end of the data, the joint of two methods.
    shaded : sequence of (first x, last x), optional
        Exceptional time where the rows are coarser than it; otherwise that of the disrupted rows.
    height : float
        Pixels without the legend and without the names over the axes.
    """
    spans = _disrupted(frame) if shaded is None else list(shaded)
    named = [Mark(a - 0.5, b + 0.5, "" if i else words.disrupted, WINDOW) for i, (a, b) in enumerate(spans)]
    named += [Mark(place, place, said) for place, said in marks]
    numbers = scale(frame.drop(columns=["x", "disrupted"]).to_numpy(dtype=float), catalogue)
    tall = height - HEAD - FOOT

    def draw(width: int) -> Canvas:
        time = TimeMarks(named, _ends(frame), (numbers.left, width - 12.0), width)
        entries, top = _fan_entries(frame, words) + time.entries, HEAD + time.height
        sheet = Sheet(width, top + tall + FOOT + legend_height(entries, width))
        sheet.say(0, 12, unit, SMALL, QUIET)
        axes = value_axes(sheet, numbers, top, tall)
        time.draw(sheet, axes, top)
        _draw_fan(axes, frame)
        _year_ticks(axes, frame["x"].to_numpy(dtype=float), width // 52)
        sheet.legend(entries, top + tall + FOOT)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _fan_entries(frame: pd.DataFrame, words: FanWords) -> list[Entry]:
    named = [
        Entry(words.observed, "line", MAIN),
        Entry(words.forecast, "dashes", MAIN),
        Entry(words.inner, "patch", INNER),
        Entry(words.outer if "lo95" in frame else "", "patch", OUTER),
    ]
    return [entry for entry in named if entry.words]


def _ends(frame: pd.DataFrame) -> tuple[float, float]:
    """First and last moment of the axis: half a step beyond the rows."""
    x = frame["x"].to_numpy(dtype=float)
    half = 0.5 * float(np.min(np.diff(x))) if x.size > 1 else 0.5
    return float(x.min()) - half, float(x.max()) + half


def _disrupted(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """First and last place of every run of disrupted rows."""
    x = frame["x"].to_numpy(dtype=float)
    edges = np.flatnonzero(
        np.diff(np.concatenate(([False], frame["disrupted"].to_numpy(dtype=bool), [False])).astype(int))
    )
    return [(float(x[first]), float(x[last - 1])) for first, last in edges.reshape(-1, 2)]


def _draw_fan(axes: Axes, frame: pd.DataFrame, thick: float = 2.0) -> None:
    """The lines and bands of a fan; the forecast begins where what took place ends."""
    x = frame["x"].to_numpy(dtype=float)
    observed = frame["observed"].to_numpy(dtype=float)
    shown = np.flatnonzero(np.isfinite(observed))
    last = int(shown[-1]) if shown.size else None
    for low, high, colour in (("lo95", "hi95", OUTER), ("lo", "hi", INNER)):
        if low in frame:
            bottom, top = (_joined(frame[name].to_numpy(dtype=float), observed, last) for name in (low, high))
            ribbon(axes, x, bottom, top, colour, 0.35 * thick)
    axes.plot(x, _joined(frame["value"].to_numpy(dtype=float), observed, last), color=MAIN, lw=thick, ls=BROKEN)
    axes.plot(x, observed, color=MAIN, linewidth=thick, zorder=3)
    if last is not None:
        axes.plot(x[last], observed[last], "o", color=MAIN, markersize=2.6 * thick, zorder=4)
    axes.set_xlim(*_ends(frame))


def _joined(ahead: Floats, observed: Floats, last: int | None) -> Floats:
    """Numbers ahead that set out from the last observed one, unless a gap lies between."""
    start = ahead.copy()
    if last is not None and last + 1 < ahead.size and np.isnan(ahead[last]) and np.isfinite(ahead[last + 1]):
        start[last] = observed[last]
    return start


def fans(
    panels: Sequence[tuple[str, str, pd.DataFrame]],
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    words: FanWords,
) -> Figure:
    """Small fans of many services on one scale: each in percent of its own level, the mean of its last year; its title,
    its finding and what its level is stand over it. They stand side by side where there is room.

    Parameters
    ----------
    panels : sequence of (title, finding in words, frame as for `fan`)
    """
    levels = [_level(frame) for *_, frame in panels]
    drawn = [_in_levels(frame, level) for (*_, frame), level in zip(panels, levels, strict=True)]
    whole = pd.concat(drawn)
    shaded = words.disrupted and whole["disrupted"].any()
    entries = _fan_entries(whole, words) + ([Entry(words.disrupted, "patch", WINDOW)] if shaded else [])
    numbers = scale(whole.drop(columns=["x", "disrupted"]).to_numpy(dtype=float), catalogue, 4, percent=True)
    said = [
        (title, finding, f"{catalogue.percent(1)} = {catalogue.significant(level)}")
        for (title, finding, _), level in zip(panels, levels, strict=True)
    ]

    def draw(width: int) -> Canvas:
        columns = 3 if width > 600 else 1
        own = (width - APART * (columns - 1)) / columns
        titles = [wrapped(title, own, TEXT) for title, *_ in said]
        head = 44 + 18 * max(len(lines) for lines in titles)
        tall = head + SMALL_FAN + 36
        rows, units = -(-len(panels) // columns), wrapped(unit, width, SMALL)
        start = 8 + 16.0 * len(units)
        sheet = Sheet(width, start + rows * tall + legend_height(entries, width))
        _panel_words(sheet, [], units, (0, 10))
        for number, (frame, title, (_, *small)) in enumerate(zip(drawn, titles, said, strict=True)):
            left, top = (number % columns) * (own + APART), start + (number // columns) * tall
            _panel_words(sheet, title, [text for text in small if text], (left, top + 12))
            _small_fan(sheet, frame, numbers, (left, top + head), own)
        sheet.legend(entries, start + rows * tall)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _panel_words(sheet: Sheet, title: Sequence[str], small: Sequence[str], place: tuple[float, float]) -> None:
    left, top = place
    for line, text in enumerate(title):
        sheet.say(left, top + 18 * line, text, weight="bold")
    for line, text in enumerate(small):
        sheet.say(left, top + 18 * len(title) + 17 * line, text, SMALL, QUIET)


def _level(frame: pd.DataFrame) -> float:
    """Mean of the last twelve months that took place; of the forecast where none is shown."""
    for name in ("observed", "value"):
        known = frame[name].dropna().tail(12)
        if len(known) and known.mean() > 0:
            return float(known.mean())
    return 1.0


def _in_levels(frame: pd.DataFrame, level: float) -> pd.DataFrame:
    numbers = [name for name in ("observed", "value", "lo", "hi", "lo95", "hi95") if name in frame]
    return frame.assign(**{name: frame[name].astype(float) / level for name in numbers})[["x", *numbers, "disrupted"]]


def _small_fan(sheet: Sheet, frame: pd.DataFrame, numbers: Scale, place: tuple[float, float], own: float) -> None:
    left, top = place
    axes = value_axes(sheet, numbers, top, SMALL_FAN, sheet.width - left - own + 4, left)
    sides = (left + numbers.left, left + own - 4)
    spans = [Mark(first - 0.5, last + 0.5, "", WINDOW) for first, last in _disrupted(frame)]
    TimeMarks(spans, _ends(frame), sides, sheet.width).draw(sheet, axes, top)
    _draw_fan(axes, frame, 1.5)
    _year_ticks(axes, frame["x"].to_numpy(dtype=float), 4)


def _year_ticks(axes: Axes, x: Floats, most: int) -> None:
    """A tick at Januaries, at most so many, each the same number of years apart."""
    januaries = [m for m in range(int(x.min()), int(x.max()) + 1) if m % 12 == 0]
    step = -(-len(januaries) // most) or 1
    axes.set_xticks(januaries[::step], [str(m // 12) for m in januaries[::step]])
