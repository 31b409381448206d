"""Figures of one series over time: its course with its intervals, and what took place beside what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from ennakointi.periods import parse_month
from ennakointi.report.sheet import (
    INK,
    INNER,
    MAIN,
    OUTER,
    QUARTER,
    QUIET,
    SECOND,
    SMALL,
    WINDOW,
    Entry,
    Figure,
    Floats,
    Sheet,
    both_widths,
    legend_height,
    line_with_gaps,
    ribbon,
    scale,
    value_axes,
    year_ticks,
)
from ennakointi.report.time_marks import HIDDEN, Mark, TimeMarks
from ennakointi.text import Catalogue

Span = tuple[str, str, str]
HEAD, TALL, FOOT = 30.0, 240.0, 34.0  # over the names of the marks, the axes, and under them
UNKNOWN = "#eef1f4"  # time for which no interval is known
INTERVALS = (("lo95", "hi95", OUTER), ("lo", "hi", INNER))


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
    outer_label: str = "",
    unknown_label: str = "",
) -> Figure:
    """A line with its ribbon over the months; hidden months are gaps and say so, breaks and spans are named.

    Parameters
    ----------
    frame : DataFrame
        `month` (YYYY-MM), `value`, and optionally `lo`, `hi` (inner) and `lo95`, `hi95` (outer interval) and `hidden`
        (bool: the door hid the month). A month that is not there is a gap.
    window, quarter : (first month, last month, label), optional
        Shaded spans: the disruption, and the quarter of the report.
    breaks : sequence of (month, label)
        Known breaks of the series.
    unknown_label : str
        Words for the time for which there is a number but no interval; empty = it is not shaded.
    """
    months = _every_month(frame)
    x = months.index.to_numpy(dtype=float)
    named = [(span, colour) for span, colour in ((window, WINDOW), (quarter, QUARTER)) if span]
    marks = [Mark(parse_month(first) - 0.5, parse_month(last) + 0.5, words, c) for (first, last, words), c in named]
    marks += [Mark(at := parse_month(m), at, f"{catalogue.month_short(m)} {label}") for m, label in breaks]
    marks += _without_numbers(months, catalogue.hidden, unknown_label)
    entries = [Entry(interval_label, "patch", INNER), Entry(outer_label if "lo95" in months else "", "patch", OUTER)]
    numbers = scale(months.drop(columns="hidden").to_numpy(dtype=float), catalogue)

    def draw(width: int) -> Canvas:
        time = TimeMarks(marks, (x.min() - 0.7, x.max() + 0.7), (numbers.left, width - 12.0), width)
        legend, top = [entry for entry in entries if entry.words] + time.entries, HEAD + time.height
        sheet = Sheet(width, top + TALL + FOOT + legend_height(legend, width))
        sheet.say(0, 12, unit, SMALL, QUIET)
        axes = value_axes(sheet, numbers, top, TALL)
        time.draw(sheet, axes, top)
        for low, high, colour in INTERVALS:
            if low in months:
                ribbon(axes, x, months[low].to_numpy(dtype=float), months[high].to_numpy(dtype=float), colour)
        line_with_gaps(axes, x, months["value"].to_numpy(dtype=float))
        axes.set_xlim(*time.ends)
        year_ticks(axes, x, width)
        sheet.legend(legend, top + TALL + FOOT)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _every_month(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers by month, with a row of gaps for each month that is not there, and whether the door hid it."""
    months = frame.assign(x=[parse_month(str(month)) for month in frame["month"]]).set_index("x").sort_index()
    kept = [name for name in ("value", "lo", "hi", "lo95", "hi95", "hidden") if name in months]
    every = months[kept].reindex(range(int(months.index.min()), int(months.index.max()) + 1))
    return every.assign(hidden=every["hidden"].eq(True) if "hidden" in every else False)


def _without_numbers(months: pd.DataFrame, hidden: str, unknown: str) -> list[Mark]:
    """Time that the door hid, and, where there are words for it, time with a number but no interval."""
    x = months.index.to_numpy(dtype=float)
    marks = _runs(x, months["hidden"].to_numpy(dtype=bool), hidden, HIDDEN)
    if unknown and "lo" in months:
        marks += _runs(x, (months["value"].notna() & months["lo"].isna()).to_numpy(), unknown, UNKNOWN)
    return marks


def _runs(x: Floats, inside: np.ndarray, words: str, colour: str) -> list[Mark]:
    """Each run of months as a span; only the first one is named, and the others look the same."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], inside, [False])).astype(int))).reshape(-1, 2)
    runs = [(float(x[first]) - 0.5, float(x[end - 1]) + 0.5) for first, end in edges]
    return [Mark(*run, words if number == 0 else "", colour) for number, run in enumerate(runs)]


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
        Named points in time.
    """
    x = np.array([_years_since(str(day)) for day in frame["period_start"]], dtype=np.float64)
    named = [(_years_since(day), f"{catalogue.date(date.fromisoformat(day))} {label}") for day, label in marks]
    entries = [Entry(observed_label, "line", MAIN), Entry(expected_label, "ribbon", SECOND)]
    numbers = {name: frame[name].to_numpy(dtype=float) for name in ("observed", "expected", "lo", "hi")}
    upright = scale(np.concatenate(list(numbers.values())), catalogue)

    def draw(width: int) -> Canvas:
        ends, sides = (x.min() - 0.05, x.max() + 0.05), (upright.left, width - 12.0)
        time = TimeMarks([Mark(place, place, words) for place, words in named], ends, sides, width)
        legend, top = entries + time.entries, HEAD + time.height
        sheet = Sheet(width, top + TALL + FOOT + legend_height(legend, width))
        sheet.say(0, 12, unit, SMALL, QUIET)
        axes = value_axes(sheet, upright, top, TALL)
        time.draw(sheet, axes, top)
        axes.fill_between(x, numbers["lo"], numbers["hi"], color=SECOND, alpha=0.22, linewidth=0)
        axes.plot(x, numbers["expected"], color=SECOND, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.plot(x, numbers["observed"], color=MAIN, linewidth=1.8)
        years = range(int(np.ceil(x.min() - 0.05)), int(x.max()) + 1)
        axes.set_xticks(list(years), [str(year) for year in years])
        axes.set_xlim(*ends)
        sheet.legend(legend, top + TALL + FOOT)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _years_since(day: str) -> float:
    moment = date.fromisoformat(day[:10])
    return moment.year + (moment.timetuple().tm_yday - 1) / 366


SPARK, SPARK_TALL = 184, 46.0  # width of a sparkline, and height of its line


def sparkline(
    values: Sequence[float],
    *,
    alt: str,
    lo: Sequence[float] = (),
    hi: Sequence[float] = (),
    start: tuple[str, str] = ("", ""),
    end: tuple[str, str] = ("", ""),
) -> Figure:
    """A small line without axes: its interval is shaded, its two ends are marked and named.

    Parameters
    ----------
    values, lo, hi : sequence of float, shape (n,)
        In the order of time, and the ends of the interval where one is known; not a number = a gap.
    start, end : (when, how much)
        The words under the two ends.
    """
    series = [np.asarray(given or [np.nan] * len(values), dtype=float) for given in (list(values), list(lo), list(hi))]
    finite = np.concatenate(series)[np.isfinite(np.concatenate(series))]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    x = np.linspace(6, SPARK - 6, len(values)) if len(values) > 1 else np.array([SPARK - 6.0])
    line, bottom, top = (SPARK_TALL - 4 - (one - low) / ((high - low) or 1) * (SPARK_TALL - 10) for one in series)
    words = [pair for pair in zip(start, end, strict=True) if any(pair)]
    sheet = Sheet(SPARK, SPARK_TALL + 17 * len(words) + (4 if words else 0))
    sheet.fill_between(x, bottom, top, INNER)
    sheet.line(x.tolist(), line.tolist(), MAIN, 2)
    for number in np.flatnonzero(np.isfinite(line))[[0, -1]] if np.isfinite(line).any() else ():
        sheet.line([x[number]], [line[number]], MAIN, marker="o", markersize=6 if number else 4)
    for row, (left, right) in enumerate(words):
        weight = "bold" if row == len(words) - 1 else "normal"
        sheet.say(0, SPARK_TALL + 12 + 17 * row, left, SMALL, INK, weight=weight)
        sheet.say(SPARK, SPARK_TALL + 12 + 17 * row, right, SMALL, INK, ha="right", weight=weight)
    return Figure(sheet.svg(alt, alt), "", alt, "")
