"""Small curves of several needs beside each other: calibration, net benefit, and risk against one fact.

Every panel has its own scales, because a rare need and a common one differ a hundredfold; what is compared is the
curve and its broken line of reference, not the panels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from ennakointi.report.sheet import (
    INK,
    MAIN,
    QUIET,
    SECOND,
    SMALL,
    TEXT,
    Entry,
    Figure,
    Scale,
    Sheet,
    both_widths,
    legend_height,
    scale,
    text_width,
    value_axes,
    wrapped,
)
from ennakointi.text import Catalogue

TALL, APART, FOOT, RIGHT = 140.0, 18.0, 30.0, 18.0  # a panel's axes; room between two, under and beside the axes
BROKEN = (0, (4, 2))
MOST_TICKS = 4


@dataclass(frozen=True)
class Panel:
    """One small picture: its title, its finding in words, and a frame of `x`, `y` and optionally `reference`.

    `x_words` are ticks in words by their place; without them the ticks are numbers.
    """

    title: str
    finding: str
    frame: pd.DataFrame
    x_words: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True)
class CurveWords:
    """What the upright and the level scale count, and what the curve and the broken line are."""

    upright: str
    level: str
    curve: str
    reference: str = ""


def curve_panels(
    panels: Sequence[Panel],
    *,
    words: CurveWords,
    catalogue: Catalogue,
    alt: str,
    caption: str,
    percent_x: bool = False,
    percent_y: bool = False,
    dots: bool = False,
) -> Figure:
    """Curves in small panels, three in a row where there is room and one where there is not.

    Parameters
    ----------
    percent_x, percent_y : bool
        The numbers are shares, shown as percentages.
    dots : bool
        Mark every point: each is a group of persons, and the line between two tells nothing.
    """
    entries = [Entry(words.curve, "line", MAIN, marker="o" if dots else "")]
    entries += [Entry(words.reference, "dashes", SECOND)] if words.reference else []

    def draw(width: int) -> Canvas:
        columns = 3 if width > 600 else 1
        own = (width - APART * (columns - 1)) / columns
        said = [(wrapped(p.title, own, TEXT), wrapped(p.finding, own, SMALL)) for p in panels]
        head = 12 + max(18 * len(title) + 16 * len(small) for title, small in said)
        scales_told = [f"↑ {words.upright}", f"→ {words.level}"]
        units = [line for told in scales_told for line in wrapped(told, width, SMALL)]
        start, rows = 12 + 16.0 * len(units), -(-len(panels) // columns)
        sheet = Sheet(width, start + rows * (head + TALL + FOOT) + legend_height(entries, width) + 4)
        _lines(sheet, units, (0, 10), 16, size=SMALL, colour=QUIET)
        for number, (panel, (title, small)) in enumerate(zip(panels, said, strict=True)):
            left = (number % columns) * (own + APART)
            top = start + (number // columns) * (head + TALL + FOOT)
            _lines(sheet, title, (left, top + 10), 18, weight="bold")
            _lines(sheet, small, (left, top + 10 + 18 * len(title)), 16, size=SMALL, colour=QUIET)
            _panel(sheet, panel, (left, top + head), own, (percent_x, percent_y, dots), catalogue)
        sheet.legend(entries, start + rows * (head + TALL + FOOT))
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _lines(sheet: Sheet, lines: Sequence[str], place: tuple[float, float], step: float, **style: object) -> None:
    for number, line in enumerate(lines):
        sheet.say(place[0], place[1] + step * number, line, **style)  # type: ignore[arg-type]


def _panel(
    sheet: Sheet,
    panel: Panel,
    place: tuple[float, float],
    own: float,
    style: tuple[bool, bool, bool],
    catalogue: Catalogue,
) -> None:
    """The axes of a panel with its curve and its reference; `style`: percent of x, of y, and whether points are
    marked."""
    percent_x, percent_y, dots = style
    left, top = place
    x = panel.frame["x"].to_numpy(dtype=float)
    curves = panel.frame[[name for name in ("y", "reference") if name in panel.frame]].to_numpy(dtype=float)
    upright = _scale(curves, catalogue, percent_y)
    axes = value_axes(sheet, upright, top, TALL, sheet.width - left - own + RIGHT, left)
    _level(axes, panel, _scale(x, catalogue, percent_x), own - upright.left - RIGHT)
    if "reference" in panel.frame:
        axes.plot(x, panel.frame["reference"].to_numpy(dtype=float), color=SECOND, linewidth=1.6, linestyle=BROKEN)
    axes.plot(x, panel.frame["y"].to_numpy(dtype=float), color=MAIN, linewidth=2.2, zorder=3, clip_on=False)
    if dots or x.size == 1:
        axes.plot(x, panel.frame["y"].to_numpy(dtype=float), "o", color=MAIN, markersize=5, zorder=4, clip_on=False)
    if upright.low >= 0:
        axes.spines["bottom"].set_color(INK)


def _scale(numbers: np.ndarray, catalogue: Catalogue, percent: bool) -> Scale:
    """A scale whose words tell its ticks apart: with one decimal more where a tick is no whole number."""
    made = scale(numbers, catalogue, MOST_TICKS, percent=percent)
    steps = np.round(np.diff(made.ticks) * (100 if percent else 1), 9)
    if not steps.size or steps[0] < 1 or steps[0].is_integer():
        return made
    write = catalogue.percent if percent else catalogue.number
    return replace(made, words=tuple(write(tick, 1) for tick in made.ticks))


def _level(axes: Axes, panel: Panel, numbers: Scale, room: float) -> None:
    """Ticks of the level scale, only as many as have room."""
    if panel.x_words:
        places, texts = zip(*panel.x_words, strict=True)
        axes.set_xticks(places, texts)
        axes.set_xlim(min(places) - 0.3, max(places) + 0.3)
        return
    wide = max(text_width(word, SMALL) for word in numbers.words) + 10
    step = max(1, int(np.ceil(wide * len(numbers.ticks) / max(room, 1.0))))
    axes.set_xticks(numbers.ticks[::step], numbers.words[::step])
    axes.set_xlim(numbers.low, numbers.high)
