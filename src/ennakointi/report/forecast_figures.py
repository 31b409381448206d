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
from matplotlib.ticker import MaxNLocator

from ennakointi.report.sheet import (
    MAIN,
    QUIET,
    SMALL,
    TEXT,
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
)
from ennakointi.text import Catalogue

BROKEN = (0, (4, 2))
OUTER, INNER = "#dde7ef", "#b4cbdc"  # the 95 % and the 80 % interval
SMALL_FAN = 128.0


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
        Numbered lines in time, named in the legend: the end of the data, the joint of two methods.
    shaded : sequence of (first x, last x), optional
        Exceptional time where the rows are coarser than it; otherwise that of the disrupted rows.
    height : float
        Pixels without the legend.
    """
    spans = _disrupted(frame) if shaded is None else list(shaded)
    entries = _fan_entries(frame, words, bool(spans), marks)

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, height + legend_height(entries, width))
        axes = value_axes(sheet, frame.drop(columns=["x", "disrupted"]), catalogue, unit, 30, height - 66)
        _draw_fan(axes, frame, spans)
        _year_ticks(axes, frame["x"].to_numpy(dtype=float), width // 52)
        numbered(axes, [place for place, _ in marks])
        sheet.legend(entries, height)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _fan_entries(
    frame: pd.DataFrame, words: FanWords, shaded: bool, marks: Sequence[tuple[float, str]] = ()
) -> list[Entry]:
    named = [
        Entry(words.observed, "line", MAIN),
        Entry(words.forecast, "dashes", MAIN),
        Entry(words.inner, "patch", INNER),
        Entry(words.outer if "lo95" in frame else "", "patch", OUTER),
        Entry(words.disrupted if shaded else "", "patch", WINDOW),
        *(Entry(label, "number", QUIET, key=str(i)) for i, (_, label) in enumerate(marks, 1)),
    ]
    return [entry for entry in named if entry.words]


def _disrupted(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """First and last place of every run of disrupted rows."""
    x = frame["x"].to_numpy(dtype=float)
    edges = np.flatnonzero(
        np.diff(np.concatenate(([False], frame["disrupted"].to_numpy(dtype=bool), [False])).astype(int))
    )
    return [(float(x[first]), float(x[last - 1])) for first, last in edges.reshape(-1, 2)]


def _draw_fan(axes: Axes, frame: pd.DataFrame, spans: Sequence[tuple[float, float]], thick: float = 2.0) -> None:
    """The lines and bands of a fan; the forecast begins where what took place ends."""
    x = frame["x"].to_numpy(dtype=float)
    half = 0.5 * float(np.min(np.diff(x))) if x.size > 1 else 0.5
    for first, end in spans:
        axes.axvspan(first - 0.5, end + 0.5, color=WINDOW, linewidth=0, zorder=0)
    observed = frame["observed"].to_numpy(dtype=float)
    shown = np.flatnonzero(np.isfinite(observed))
    last = int(shown[-1]) if shown.size else None
    for low, high, colour in (("lo95", "hi95", OUTER), ("lo", "hi", INNER)):
        if low in frame:
            bottom, top = (_joined(frame[name].to_numpy(dtype=float), observed, last) for name in (low, high))
            axes.fill_between(x, bottom, top, color=colour, linewidth=0, zorder=1)
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
    whole = pd.concat([frame for *_, frame in panels])
    entries = _fan_entries(whole, words, bool(whole["disrupted"].any()))

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
    room = max(text_width(text, SMALL) for text in texts) + 12
    axes = sheet.axes(place[0] + room, place[1], own - room - 4, SMALL_FAN)
    axes.set_yticks(ticks, texts)
    axes.set_ylim(low, 1.04 * high)
    _draw_fan(axes, frame, _disrupted(frame), 1.5)
    _year_ticks(axes, frame["x"].to_numpy(dtype=float), 4)


def _year_ticks(axes: Axes, x: Floats, most: int) -> None:
    """A tick at Januaries, at most so many, each the same number of years apart."""
    januaries = [m for m in range(int(x.min()), int(x.max()) + 1) if m % 12 == 0]
    step = -(-len(januaries) // most) or 1
    axes.set_xticks(januaries[::step], [str(m // 12) for m in januaries[::step]])
