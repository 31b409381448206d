"""The figures of the report: one visual language, drawn from released tables only.

Every figure is drawn twice, for wide and for narrow screens, so that its words stay legible at 375 pixels.
Shapes, dashes and numbers say what colours say; all colours keep a contrast of 3:1 on white.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi import svg
from ennakointi.periods import parse_month
from ennakointi.sheet import (
    INK,
    MAIN,
    PAPER,
    PARTS,
    QUARTER,
    QUIET,
    RULE,
    SECOND,
    SHAPES,
    SMALL,
    TEXT,
    TONES,
    WINDOW,
    Entry,
    Sheet,
    legend_height,
    numbered,
    ribbon,
    text_width,
    value_axes,
    value_range,
    wrapped,
    year_ticks,
)
from ennakointi.text import Catalogue

WIDE, NARROW = 760, 360


@dataclass(frozen=True)
class Figure:
    """A finished figure: the picture for wide and for narrow screens, its description and its caption."""

    svg: str
    narrow: str
    alt: str
    caption: str


Span = tuple[str, str, str]


def _both(draw: Callable[[int], Canvas], alt: str, caption: str) -> Figure:
    wide, narrow = (svg.render(draw(width), caption, alt) for width in (WIDE, NARROW))
    return Figure(wide, narrow, alt, caption)


def fate(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    alt: str,
    caption: str,
    total_label: str = "",
    total: float | None = None,
) -> Figure:
    """One horizontal stack of parts with their numbers, and every part named under it.

    Parameters
    ----------
    frame : DataFrame
        `label`, `value` (published numbers of one unit); a negative part is named but has no width.
    total_label, total :
        What the parts add up to, written over the stack.
    """
    labels, values = frame["label"].astype(str).tolist(), frame["value"].astype(float).tolist()
    colours = [PARTS[i % len(PARTS)] for i in range(len(frame))]
    entries = [
        Entry(label, "patch", colour, catalogue.number(value))
        for label, value, colour in zip(labels, values, colours, strict=True)
    ]

    def draw(width: int) -> Canvas:
        bar, tall = 34 if total_label else 8, 52
        sheet = Sheet(width, bar + tall + 16 + legend_height(entries, width))
        if total_label:
            sheet.say(
                0, 18, f"{total_label} {'' if total is None else catalogue.number(total)}", weight="bold"
            )
        _stack(sheet, bar, tall, values, colours, catalogue)
        sheet.legend(entries, bar + tall + 16)
        return sheet.canvas

    return _both(draw, alt, caption)


def _stack(
    sheet: Sheet,
    top: float,
    tall: float,
    values: Sequence[float],
    colours: Sequence[str],
    catalogue: Catalogue,
) -> None:
    whole = sum(value for value in values if value > 0) or 1.0
    left = 0.0
    for value, colour in zip(values, colours, strict=True):
        width = max(value, 0.0) / whole * sheet.width
        if not width > 0:
            continue
        sheet.box(left, top, max(width - 2, 1.0), tall, colour)
        words = catalogue.number(value)
        if text_width(words, TEXT) < width - 8:
            sheet.say(left + width / 2, top + tall / 2, words, colour=PAPER, ha="center", weight="bold")
        left += width


def over_time(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    window: Span | None = None,
    breaks: Sequence[tuple[str, str]] = (),
    quarter: Span | None = None,
    interval_label: str = "",
) -> Figure:
    """A line with its ribbon over the months; hidden months are gaps, breaks are numbered and named.

    Parameters
    ----------
    frame : DataFrame
        `month` (YYYY-MM), `value`, and optionally `lo`, `hi` (inner) and `lo95`, `hi95` (outer interval).
    window, quarter : (first month, last month, label), optional
        Shaded spans: the disruption, and the quarter of the report.
    breaks : sequence of (month, label)
        Known breaks of the series.
    """
    x = np.array([parse_month(str(m)) for m in frame["month"]], dtype=np.float64)
    spans = [(span, colour) for span, colour in ((window, WINDOW), (quarter, QUARTER)) if span]
    entries = [Entry(span[2], "patch", colour) for span, colour in spans]
    entries += [Entry(interval_label, "ribbon", MAIN)] if interval_label else []
    inside = [
        (parse_month(m), label) for m, label in breaks if x.size and x.min() <= parse_month(m) <= x.max()
    ]
    entries += [
        Entry(f"{catalogue.month_short(m)} {label}", "number", QUIET, key=str(i))
        for i, (m, label) in enumerate(inside, 1)
    ]

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, 330 + legend_height(entries, width))
        axes = value_axes(sheet, frame, catalogue, unit, 30, 330 - 66)
        for (first, last, _), colour in spans:
            axes.axvspan(
                parse_month(first) - 0.5, parse_month(last) + 0.5, color=colour, linewidth=0, zorder=0
            )
        ribbon(axes, x, frame)
        axes.set_xlim(x.min() - 0.7, x.max() + 0.7)
        year_ticks(axes, x, width)
        numbered(axes, [float(m) for m, _ in inside])
        sheet.legend(entries, 330)
        return sheet.canvas

    return _both(draw, alt, caption)


def bars(frame: pd.DataFrame, *, catalogue: Catalogue, unit: str, alt: str, caption: str) -> Figure:
    """Horizontal bars with their numbers and intervals, each under its label.

    Parameters
    ----------
    frame : DataFrame
        `label`, `value`, and optionally `lo`, `hi`; a missing value is named as hidden.
    """
    columns = [name for name in ("value", "lo", "hi") if name in frame]
    low, high = value_range(frame[columns].to_numpy(dtype=float))

    def draw(width: int) -> Canvas:
        sheet, row = Sheet(width, 28 + 50 * len(frame)), 50
        sheet.say(0, 12, unit, SMALL, QUIET)

        def place(value: float) -> float:
            return 2 + (value - low) / (high - low) * (width - 4)

        for position, record in enumerate(frame.to_dict("records")):
            _bar(sheet, 28 + position * row, {str(k): v for k, v in record.items()}, place, catalogue)
        sheet.line([place(0), place(0)], [26, 28 + row * len(frame) - 6], INK, 1)
        return sheet.canvas

    return _both(draw, alt, caption)


def _bar(
    sheet: Sheet, top: float, record: dict[str, object], place: Callable[[float], float], catalogue: Catalogue
) -> None:
    value, lo, hi = (float(record.get(name, np.nan)) for name in ("value", "lo", "hi"))  # type: ignore[arg-type]
    words = catalogue.number(value, 0 if not abs(value) < 100 or value == int(value) else 1)
    if np.isfinite(lo) and np.isfinite(hi):
        estimate = catalogue.estimate(value, lo, hi)
        words = f"{estimate.value} ({estimate.interval})"
    room = sheet.width - text_width(words, TEXT) - 12
    sheet.say(0, top + 11, wrapped(str(record["label"]), room, TEXT)[0])
    sheet.say(sheet.width - 2, top + 11, words, ha="right", weight="bold")
    if np.isfinite(value):
        left, right = sorted((place(0), place(value)))
        sheet.box(left, top + 24, max(right - left, 1), 15, MAIN)
    if np.isfinite(lo) and np.isfinite(hi):
        sheet.line([place(lo), place(hi)], [top + 31.5] * 2, PAPER, 5)
        sheet.line([place(lo), place(hi)], [top + 31.5] * 2, INK, 2)


def forest(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    better: str = "",
    worse: str = "",
    percent: bool = False,
) -> Figure:
    """Effects under each other with their intervals, a line at no effect, and the verdict in words.

    Parameters
    ----------
    frame : DataFrame
        `label`, `estimate`, `lo`, `hi`, `verdict` (words), `tone` (good, bad, unsure, neutral).
    better, worse : str
        Words for the side below and above zero.
    percent : bool
        The numbers are shares, shown as percentages.
    """
    low, high = value_range(frame[["estimate", "lo", "hi"]].to_numpy(dtype=float))
    margin = 0.06 * (high - low)
    all_ticks = np.asarray(MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low - margin, high + margin))
    ticks = all_ticks[(all_ticks >= low - margin) & (all_ticks <= high + margin)]
    show = catalogue.signed_percent if percent else catalogue.signed
    digits = 0 if ticks[1] - ticks[0] >= (0.01 if percent else 1) else 1

    def draw(width: int) -> Canvas:
        beside = width > 600
        row, left = (62, 330.0) if beside else (84, 12.0)
        sheet = Sheet(width, 44 + row * len(frame) + 40)

        def place(value: float) -> float:
            return left + 10 + (value - low + margin) / (high - low + 2 * margin) * (width - left - 24)

        bottom = 44 + row * len(frame)
        for tick in ticks:
            sheet.line([place(tick)] * 2, [44, bottom], RULE, 0.8)
            sheet.say(place(tick), bottom + 12, show(tick, digits), SMALL, QUIET, ha="center")
        sheet.line([place(0)] * 2, [40, bottom], INK, 1.2)
        sheet.say(0, 12, unit, SMALL, QUIET)
        sheet.say(place(0) - 8, 32, f"← {better}" if better else "", SMALL, QUIET, ha="right")
        sheet.say(place(0) + 8, 32, f"{worse} →" if worse else "", SMALL, QUIET)
        for position, record in enumerate(frame.to_dict("records")):
            top = 44 + position * row
            _effect(sheet, top, {str(k): v for k, v in record.items()}, place, left if beside else width)
        return sheet.canvas

    return _both(draw, alt, caption)


def _effect(
    sheet: Sheet, top: float, record: dict[str, object], place: Callable[[float], float], room: float
) -> None:
    tone = str(record["tone"])
    label = wrapped(str(record["label"]), room - 8, TEXT)
    sheet.say(0, top + 16, label[0] + ("…" if len(label) > 1 else ""), weight="bold")
    sheet.say(18, top + 38, str(record["verdict"]), SMALL, TONES[tone])
    sheet.line([7], [top + 38], TONES[tone], marker=SHAPES[tone], markersize=7)
    middle = top + (27 if room < sheet.width else 62)
    value, lo, hi = (float(record[name]) for name in ("estimate", "lo", "hi"))  # type: ignore[arg-type]
    if np.isfinite(value):
        sheet.line([place(lo), place(hi)], [middle] * 2, TONES[tone], 3)
        sheet.line([place(value)], [middle], TONES[tone], marker=SHAPES[tone], markersize=10)


def before_after(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    x_label: str,
    start_label: str,
) -> Figure:
    """The treated and the comparison by time since the start; the start is marked.

    Parameters
    ----------
    frame : DataFrame
        `arm` (label; the first one is the treated), `since_start` (0 = first quarter with it), `rate`.
    """
    arms = list(dict.fromkeys(frame["arm"].astype(str)))
    styles = [(MAIN, "line", "o", "solid"), (SECOND, "dashes", "s", (0, (4, 2)))]
    entries = [
        Entry(arm, symbol, colour, marker=marker)
        for arm, (colour, symbol, marker, _) in zip(arms, styles, strict=False)
    ]

    def draw(width: int) -> Canvas:
        top = legend_height(entries, width) + 20
        sheet = Sheet(width, top + 300)
        sheet.legend(entries, 0)
        axes = value_axes(sheet, frame[["rate"]], catalogue, "", top + 12, 230)
        sheet.say(0, top - 6, unit, SMALL, QUIET)
        for arm, (colour, _, marker, dashes) in zip(arms, styles, strict=False):
            own = frame[frame["arm"] == arm].sort_values("since_start")
            axes.plot(
                own["since_start"], own["rate"], color=colour, linestyle=dashes, marker=marker, linewidth=2.4
            )
        axes.axvline(-0.5, color=INK, linewidth=1.2)
        axes.text(-0.4, 1.02, start_label, transform=axes.get_xaxis_transform(), fontsize=SMALL, color=INK)
        axes.xaxis.set_major_locator(MaxNLocator(8 if width > 600 else 5, integer=True))
        axes.set_xticks(ticks := axes.get_xticks()[1:-1], [catalogue.signed(tick) for tick in ticks])
        sheet.say(width / 2, top + 284, x_label, SMALL, QUIET, ha="center")
        return sheet.canvas

    return _both(draw, alt, caption)


def deviation(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    observed_label: str,
    expected_label: str,
    marks: Sequence[tuple[str, str]] = (),
) -> Figure:
    """Observed counts against the expected level with its prediction band.

    Parameters
    ----------
    frame : DataFrame
        `period_start` (ISO date), `observed`, `expected`, `lo`, `hi`; a missing period is a gap.
    marks : sequence of (ISO date, label)
        Numbered and named points in time.
    """
    x = np.array([_years_since(str(day)) for day in frame["period_start"]], dtype=np.float64)
    named = [
        (_years_since(day), f"{catalogue.date(date.fromisoformat(day))} {label}") for day, label in marks
    ]
    entries = [
        Entry(observed_label, "line", MAIN),
        Entry(expected_label, "ribbon", SECOND),
        *(Entry(label, "number", QUIET, key=str(i)) for i, (_, label) in enumerate(named, 1)),
    ]
    numbers = {name: frame[name].to_numpy(dtype=float) for name in ("observed", "expected", "lo", "hi")}

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, 330 + legend_height(entries, width))
        axes = value_axes(sheet, pd.DataFrame(numbers), catalogue, unit, 30, 330 - 66)
        axes.fill_between(x, numbers["lo"], numbers["hi"], color=SECOND, alpha=0.22, linewidth=0)
        axes.plot(x, numbers["expected"], color=SECOND, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.plot(x, numbers["observed"], color=MAIN, linewidth=1.8)
        years = range(int(np.ceil(x.min() - 0.01)), int(x.max()) + 1)
        axes.set_xticks(list(years), [str(year) for year in years])
        numbered(axes, [place for place, _ in named])
        sheet.legend(entries, 330)
        return sheet.canvas

    return _both(draw, alt, caption)


def _years_since(day: str) -> float:
    moment = date.fromisoformat(day[:10])
    return moment.year + (moment.timetuple().tm_yday - 1) / 366


def sparkline(values: Sequence[float], *, alt: str) -> Figure:
    """A small line without axes; its last point is marked."""
    numbers = np.asarray(values, dtype=float)
    low, high = (
        (float(np.nanmin(numbers)), float(np.nanmax(numbers))) if np.isfinite(numbers).any() else (0, 1)
    )
    x = np.linspace(4, 152, len(numbers)) if len(numbers) > 1 else np.array([152.0])
    y = 36 - (numbers - low) / ((high - low) or 1) * 30
    sheet = Sheet(160, 42)
    sheet.line(x.tolist(), y.tolist(), MAIN, 2)
    if np.isfinite(y).any():
        last = np.flatnonzero(np.isfinite(y))[-1]
        sheet.line([x[last]], [y[last]], MAIN, marker="o", markersize=6)
    return Figure(svg.render(sheet.canvas, alt, alt), "", alt, "")
