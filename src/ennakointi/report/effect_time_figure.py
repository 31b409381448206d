"""The effect by time since the start, with one band over all quarters: before the start it is a check."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.report.sheet import (
    INK,
    MAIN,
    PAPER,
    QUIET,
    SMALL,
    WIDE,
    Entry,
    Figure,
    Sheet,
    both_widths,
    legend_height,
    text_width,
    value_range,
)
from ennakointi.text import Catalogue

TALL, FOOT = 250.0, 52.0
HALF_BAR = 0.3  # of a quarter: half the width of a quarter's interval


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
    frame: pd.DataFrame, *, important: float, words: TimeWords, catalogue: Catalogue, alt: str, caption: str
) -> Figure:
    """Relative effects of the quarters since the start with their intervals, a line at no effect.

    Parameters
    ----------
    frame : DataFrame
        `since_start` (0 = first quarter with the intervention), `relative`, `lo95`, `hi95` (shares).
    important : float
        The smallest relative change that matters, signed to the better side; not a number = none is marked.
    """
    entries = [
        Entry(words.after, "line", MAIN, marker="o"),
        Entry(words.before, "line", QUIET, marker="s"),
        *([Entry(words.matters, "dashes", INK)] if important == important else []),
    ]
    shown = frame.dropna(subset=["relative"]).sort_values("since_start")
    names = ["relative", "lo95", "hi95"]
    low, high = value_range(shown[names].assign(important=important).to_numpy(dtype=float) * 100)
    low, high = low - 0.05 * (high - low), high + 0.05 * (high - low)

    def draw(width: int) -> Canvas:
        top = legend_height(entries, width) + 50
        sheet = Sheet(width, top + TALL + FOOT)
        sheet.legend(entries, 0)
        ticks = [tick for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
        texts = [catalogue.signed_percent(tick / 100) for tick in ticks]
        left = max(text_width(text, SMALL) for text in texts) + 18
        axes = sheet.axes(left, top, width - left - 12, TALL)
        axes.set_yticks(ticks, texts)
        axes.set_ylim(low, high)
        _quarters(axes, shown)
        if important == important:
            axes.axhline(100 * important, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
        axes.axhline(0, color=INK, linewidth=1.6, zorder=2)
        axes.axvline(-0.5, color=INK, linewidth=1.2)
        axes.set_xlim(float(shown["since_start"].min()) - 0.7, float(shown["since_start"].max()) + 0.7)
        axes.xaxis.set_major_locator(MaxNLocator(10 if width == WIDE else 6, integer=True))
        first, last = shown["since_start"].min(), shown["since_start"].max()
        inside = [tick for tick in axes.get_xticks() if first <= tick <= last]
        axes.set_xticks(inside, [catalogue.signed(tick) for tick in inside])
        axes.text(-0.4, 1.02, words.start, transform=axes.get_xaxis_transform(), fontsize=SMALL, color=INK)
        sheet.say(0, top - 30, words.unit, SMALL, QUIET)
        sheet.say(width / 2, top + TALL + 36, words.x_label, SMALL, QUIET, ha="center")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _quarters(axes: Axes, shown: pd.DataFrame) -> None:
    """A bar of the interval and a mark at the effect: full ones after the start, hollow ones before it."""
    for after, colour, marker in ((False, QUIET, "s"), (True, MAIN, "o")):
        own = shown[(shown["since_start"] >= 0) == after]
        at, value, lo, hi = (own[name].to_numpy(dtype=float) for name in ("since_start", "relative", "lo95", "hi95"))
        axes.bar(at, 100 * (hi - lo), 2 * HALF_BAR, 100 * lo, color=colour, alpha=0.22, linewidth=0, zorder=1)
        fill = colour if after else PAPER
        axes.plot(at, 100 * value, color=colour, linewidth=1.6, zorder=3)
        axes.plot(at, 100 * value, marker, color=colour, markerfacecolor=fill, markersize=7, zorder=4)
