"""What followed an intervention: the treated beside the comparison, and the effect by time since the start.

The words stand beside what they name where the sheet is wide enough, otherwise in a legend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.report.callouts import spread
from ennakointi.report.sheet import (
    EDGE,
    INK,
    MAIN,
    OUTER,
    PAPER,
    QUIET,
    SECOND,
    SMALL,
    TEXT,
    WIDE,
    WIDER,
    Entry,
    Figure,
    Sheet,
    both_widths,
    legend_height,
    scale,
    text_width,
    value_axes,
    value_range,
    wrapped,
)
from ennakointi.report.time_marks import hide
from ennakointi.text import Catalogue

TALL, FOOT = 250.0, 52.0
ABOVE = 46.0  # from the legend to the axes: the unit, and what begins where
NAMES = 150.0  # most width of the names beside the lines
HALF_BAR = 0.3  # of a quarter: half the width of a quarter's interval
PALE = "#e3e6e9"  # the interval of what is a check only
ARMS = ((MAIN, "line", "o", "solid"), (SECOND, "dashes", "s", (0, (4, 2))))


def before_after(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    x_label: str,
    start_label: str,
    hidden: Sequence[float] = (),
) -> Figure:
    """The treated and the comparison by time since the start; the start is marked.

    Parameters
    ----------
    frame : DataFrame
        `arm` (label; the first one is the treated), `since_start` (0 = first quarter with it), `rate`. A quarter
        that is not there is a gap.
    hidden : sequence of float
        Quarters that the door hid: they say so.
    """
    arms = list(dict.fromkeys(frame["arm"].astype(str)))
    styles = dict(zip(arms, ARMS, strict=False))
    entries = [Entry(arm, symbol, colour, marker=marker) for arm, (colour, symbol, marker, _) in styles.items()]
    numbers = scale(frame["rate"].to_numpy(dtype=float), catalogue)
    series = {arm: _every_quarter(frame[frame["arm"] == arm]) for arm in styles}
    withheld = [Entry(catalogue.hidden, "hatch", QUIET)] if len(hidden) else []

    def draw(width: int) -> Canvas:
        beside = width == WIDE
        names = [wrapped(arm, NAMES, TEXT) for arm in styles]
        right = 22 + max(text_width(line, TEXT) * WIDER for lines in names for line in lines) if beside else 12.0
        above = withheld if beside else entries + withheld
        top = ABOVE + legend_height(above, width)
        sheet = Sheet(width, top + TALL + FOOT)
        axes = value_axes(sheet, numbers, top, TALL, right)
        for arm, (colour, _, marker, dashes) in styles.items():
            own = series[arm]
            axes.plot(own["since_start"], own["rate"], color=colour, linestyle=dashes, marker=marker, linewidth=2.4)
        if beside:
            _name_lines(sheet, names, [own["rate"].dropna() for own in series.values()], (top, right), numbers)
        sheet.legend(above, 0)
        hide(axes, hidden)
        _start(axes, start_label)
        _quarter_ticks(axes, 8 if beside else 5, catalogue)
        sheet.say(0, top - 34, unit, SMALL, QUIET)
        sheet.say(width / 2, top + TALL + 36, x_label, SMALL, QUIET, ha="center")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _every_quarter(frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each quarter from the first to the last one; those that are not there are gaps."""
    own = frame.set_index(frame["since_start"].astype(int)).drop(columns="since_start").sort_index()
    return own.reindex(range(int(own.index.min()), int(own.index.max()) + 1)).rename_axis("since_start").reset_index()


def _name_lines(
    sheet: Sheet, names: Sequence[Sequence[str]], rates: Sequence[pd.Series], place: tuple[float, float], numbers: Any
) -> None:
    """The name of each line beside its end, pushed apart."""
    top, right = place
    told = [(lines, float(rate.iloc[-1]), style) for lines, rate, style in zip(names, rates, ARMS) if len(rate)]
    told.sort(key=lambda one: -one[1])
    sizes = [18.0 * len(lines) for lines, _, _ in told]
    wanted = [(numbers.high - end) / (numbers.high - numbers.low) * TALL for _, end, _ in told]
    starts = spread([at - size / 2 for at, size in zip(wanted, sizes)], sizes, TALL, 4)
    for (lines, _, (colour, *_rest)), start in zip(told, starts, strict=True):
        for number, line in enumerate(lines):
            sheet.say(sheet.width - right + 12, top + start + 9 + 18 * number, line, colour=colour, weight="bold")


def _start(axes: Axes, words: str) -> None:
    axes.axvline(-0.5, color=INK, linewidth=1.2)
    over: Any = {"transform": axes.get_xaxis_transform(), "fontsize": SMALL, "parse_math": False}
    axes.text(-0.4, 1.02, words, color=INK, **over)


def _quarter_ticks(axes: Axes, most: int, catalogue: Catalogue) -> None:
    """Ticks at whole quarters since the start, inside the axes."""
    first, last = axes.get_xlim()
    ticks = [t for t in MaxNLocator(most, integer=True).tick_values(first, last) if first <= t <= last]
    axes.set_xticks(ticks, [catalogue.signed(tick) for tick in ticks])


@dataclass(frozen=True)
class TimeWords:
    """What stands in the picture: of the quarters before and after the start, the start, the smallest effect that
    matters, what the scales count, and that the effect is none."""

    before: str
    after: str
    start: str
    matters: str
    unit: str
    x_label: str


def effect_time(
    frame: pd.DataFrame,
    *,
    important: float,
    words: TimeWords,
    catalogue: Catalogue,
    alt: str,
    caption: str,
    hidden: Sequence[float] = (),
) -> Figure:
    """Relative effects of the quarters since the start with their intervals, a line at no effect.

    Parameters
    ----------
    frame : DataFrame
        `since_start` (0 = first quarter with the intervention), `relative`, `lo95`, `hi95` (shares).
    important : float
        The smallest relative change that matters, signed to the better side; not a number = none is marked.
    hidden : sequence of float
        Quarters that the door hid: they say so.
    """
    entries = [
        Entry(words.after, "line", MAIN, marker="o"),
        Entry(words.before, "line", QUIET, marker="s"),
        *([Entry(words.matters, "dashes", INK)] if np.isfinite(important) else []),
        *([Entry(catalogue.hidden, "hatch", QUIET)] if len(hidden) else []),
    ]
    shown = _every_quarter(frame.dropna(subset=["relative"]))
    names = ["relative", "lo95", "hi95"]
    low, high = value_range(shown[names].assign(important=important).to_numpy(dtype=float) * 100)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def draw(width: int) -> Canvas:
        top = legend_height(entries, width) + 50
        sheet = Sheet(width, top + TALL + FOOT)
        sheet.legend(entries, 0)
        axes = _percent_axes(sheet, top, (low, high), catalogue)
        _quarters(axes, shown)
        hide(axes, hidden)
        if np.isfinite(important):
            axes.axhline(100 * important, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.axhline(0, color=INK, linewidth=1.6, zorder=2)
        axes.set_xlim(float(shown["since_start"].min()) - 0.7, float(shown["since_start"].max()) + 0.7)
        _start(axes, words.start)
        _quarter_ticks(axes, 10 if width == WIDE else 6, catalogue)
        sheet.say(0, top - 30, words.unit, SMALL, QUIET)
        sheet.say(width / 2, top + TALL + 36, words.x_label, SMALL, QUIET, ha="center")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _percent_axes(sheet: Sheet, top: float, ends: tuple[float, float], catalogue: Catalogue) -> Axes:
    """Axes for changes in percent between two ends."""
    ticks = [tick for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(*ends) if ends[0] <= tick <= ends[1]]
    texts = [catalogue.signed_percent(tick / 100) for tick in ticks]
    left = max(text_width(text, SMALL) for text in texts) + 18
    axes = sheet.axes(left, top, sheet.width - left - 12, TALL)
    axes.set_yticks(ticks, texts)
    axes.set_ylim(*ends)
    return axes


def _quarters(axes: Axes, shown: pd.DataFrame) -> None:
    """A bar of the interval and a mark at the effect: full ones after the start, hollow ones before it."""
    for after, colour, marker, pale in ((False, QUIET, "s", PALE), (True, MAIN, "o", OUTER)):
        own = shown[(shown["since_start"] >= 0) == after]
        at, value, lo, hi = (own[name].to_numpy(dtype=float) for name in ("since_start", "relative", "lo95", "hi95"))
        axes.bar(at, 100 * (hi - lo), 2 * HALF_BAR, 100 * lo, color=pale, edgecolor=EDGE, linewidth=0.8, zorder=1)
        fill = colour if after else PAPER
        axes.plot(at, 100 * value, color=colour, linewidth=1.6, zorder=3)
        axes.plot(at, 100 * value, marker, color=colour, markerfacecolor=fill, markersize=7, zorder=4)
