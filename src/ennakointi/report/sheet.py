"""The sheet figures are drawn on: pixels from the top left corner, the house's colours, text and legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from ennakointi.report import svg
from ennakointi.text import Catalogue

Floats = npt.NDArray[np.float64]

INK, QUIET, RULE, PAPER = "#1b2733", "#566472", "#c3ccd4", "#ffffff"
MAIN, SECOND = "#17598c", "#b3500b"
WINDOW, QUARTER = "#f1e6d6", "#dbe9f4"
TONES = {"good": "#1d6f4f", "bad": "#b3261e", "unsure": "#7a5c00", "neutral": "#566472"}
SHAPES = {"good": "o", "bad": "^", "unsure": "D", "neutral": "s"}
PARTS = ("#17598c", "#1d6f4f", "#b3500b", "#6f4a8e", "#566472", "#8a6d00", "#9b2f4f")
TEXT, SMALL = 14.0, 12.5
LINE = 20.0
COLUMN = 380
WIDE, NARROW = 760, 360


@dataclass(frozen=True)
class Entry:
    """A row of a legend: its words, its symbol (patch, outline, ribbon, line, dashes, mark, number), its number."""

    words: str
    symbol: str
    colour: str
    value: str = ""
    key: str = ""
    marker: str = ""


def text_width(words: str, size: float) -> float:
    """A generous width of some words in a system font, in pixels."""
    return len(words) * size * 0.54


def wrapped(words: str, width: float, size: float) -> list[str]:
    """Words in lines that fit a width; one long word stays whole."""
    lines = [""]
    for word in words.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _columns(width: int) -> int:
    return max(1, width // COLUMN)


def _lines(entry: Entry, width: int) -> list[str]:
    column = width / _columns(width)
    return wrapped(entry.words, column - 34 - text_width(entry.value, TEXT) - 16, TEXT)


def legend_height(entries: Sequence[Entry], width: int) -> float:
    """Height of a legend in pixels."""
    return max((sum(_height(e, width) for e in column) for column in _split(entries, width)), default=0) + 4


def _height(entry: Entry, width: int) -> float:
    return len(_lines(entry, width)) * LINE + 5


def _split(entries: Sequence[Entry], width: int) -> list[Sequence[Entry]]:
    rows = max(1, math.ceil(len(entries) / _columns(width)))
    return [entries[start : start + rows] for start in range(0, len(entries), rows)]


class Sheet:
    """A canvas of `width` × `height` pixels."""

    def __init__(self, width: int, height: float) -> None:
        self.width, self.height = width, height
        self.canvas = Canvas(figsize=(width / 72, height / 72), facecolor=PAPER)
        self._pixels = self.canvas.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), zorder=5)
        self._pixels.set_axis_off()

    def say(self, x: float, y: float, words: str, size: float = TEXT, colour: str = INK, **more: Any) -> None:
        """Words with their middle line at y; they begin at x unless `ha` says otherwise."""
        self._pixels.text(x, y, words, fontsize=size, color=colour, parse_math=False, **{"va": "center"} | more)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self._pixels.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor="none"))

    def add(self, patch: Patch) -> None:
        """A shape in pixels."""
        self._pixels.add_patch(patch)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float = 2, **more: Any) -> None:
        """A line through points."""
        self._pixels.plot(x, y, color=colour, linewidth=width, **{"solid_capstyle": "butt"} | more)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes for data at a place in pixels, with horizontal rules only."""
        place = (
            left / self.width,
            1 - (top + height) / self.height,
            width / self.width,
            height / self.height,
        )
        axes = self.canvas.add_axes(place, facecolor="none")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(QUIET)
        axes.grid(axis="y", color=RULE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0, labelsize=SMALL, labelcolor=QUIET, pad=6)
        axes.tick_params(axis="x", length=4, color=QUIET, labelsize=SMALL, labelcolor=QUIET)
        return axes

    def legend(self, entries: Sequence[Entry], top: float) -> None:
        """Entries with their symbols, in columns where the sheet is wide."""
        for number, column in enumerate(_split(entries, self.width)):
            y = top + LINE / 2
            for entry in column:
                self._entry(entry, number * self.width / _columns(self.width), y)
                y += _height(entry, self.width)

    def _entry(self, entry: Entry, left: float, y: float) -> None:
        self._symbol(entry, left, y)
        for number, line in enumerate(_lines(entry, self.width)):
            self.say(left + 30, y + number * LINE, line)
        if entry.value:
            right = left + self.width / _columns(self.width) - (16 if _columns(self.width) > 1 else 2)
            self.say(right, y, entry.value, ha="right", weight="bold")

    def _symbol(self, entry: Entry, left: float, y: float) -> None:
        if entry.symbol == "patch":
            self.box(left, y - 8, 20, 16, entry.colour)
        elif entry.symbol == "outline":
            self.line([left, left + 20, left + 20, left, left], [y - 8, y - 8, y + 8, y + 8, y - 8], entry.colour)
        elif entry.symbol == "ribbon":
            self.box(left, y - 8, 20, 16, entry.colour + "38")
            self.line([left, left + 20], [y, y], entry.colour, 2.4)
        elif entry.symbol == "mark":
            self.line([left + 10], [y], entry.colour, marker=entry.marker, markersize=8)
        elif entry.symbol == "number":
            circle = {"boxstyle": "circle,pad=0.25", "facecolor": entry.colour, "edgecolor": "none"}
            self.say(left + 10, y, entry.key, SMALL, PAPER, ha="center", weight="bold", bbox=circle)
        else:
            dashes = (0, (4, 2)) if entry.symbol == "dashes" else "solid"
            style = {"linestyle": dashes, "marker": entry.marker, "markersize": 6, "markevery": [1]}
            self.line([left, left + 10, left + 20], [y] * 3, entry.colour, 2.4, **style)


def value_axes(sheet: Sheet, frame: pd.DataFrame, catalogue: Catalogue, unit: str, top: float, height: float) -> Axes:
    """Axes for the numbers of a frame: few rules, ticks as the reader writes them, the unit over them."""
    numbers = frame.select_dtypes("number").drop(columns=["since_start"], errors="ignore").to_numpy(dtype=float)
    low, high = value_range(numbers)
    ticks = MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    digits = 0 if ticks[1] - ticks[0] >= 1 else 1 if ticks[1] - ticks[0] >= 0.1 else 2
    words = [catalogue.number(tick, digits) for tick in ticks]
    left = max(text_width(word, SMALL) for word in words) + 10
    axes = sheet.axes(left, top, sheet.width - left - 12, height)
    inside = [i for i, tick in enumerate(ticks) if low * 1.04 <= tick <= high * 1.04]
    axes.set_yticks([ticks[i] for i in inside], [words[i] for i in inside])
    axes.set_ylim(low * 1.04, high * 1.04)
    if low < 0:
        axes.axhline(0, color=INK, linewidth=1, zorder=2)
    sheet.say(0, 14, unit, SMALL, QUIET)
    return axes


def value_range(numbers: Floats) -> tuple[float, float]:
    """Lowest and highest finite number, with zero between them."""
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return 0.0, 1.0
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    return (low, high) if high > low else (0.0, 1.0)


def ribbon(axes: Axes, x: Floats, frame: pd.DataFrame) -> None:
    """A line with its intervals; hidden points are gaps, the last point is marked."""
    for low, high, depth in (("lo95", "hi95", 0.13), ("lo", "hi", 0.22)):
        if low in frame and high in frame:
            bottom, top = (frame[name].to_numpy(dtype=float) for name in (low, high))
            axes.fill_between(x, bottom, top, color=MAIN, alpha=depth, linewidth=0, zorder=1)
    value = frame["value"].to_numpy(dtype=float)
    axes.plot(x, value, color=MAIN, linewidth=2.4, zorder=3)
    shown = np.isfinite(value)
    neighbours = np.append(shown[1:], False) | np.insert(shown[:-1], 0, False)
    axes.plot(x[shown & ~neighbours], value[shown & ~neighbours], "o", color=MAIN, markersize=4, zorder=3)
    if shown.any():
        last = np.flatnonzero(shown)[-1]
        axes.plot(x[last], value[last], "o", color=MAIN, markersize=7, zorder=4)


def year_ticks(axes: Axes, x: Floats, width: int) -> None:
    """A tick at each January; on a narrow screen at every second one."""
    januaries = [m for m in range(int(x.min()), int(x.max()) + 1) if m % 12 == 0]
    step = 1 if len(januaries) * 52 <= width else 2
    axes.set_xticks(januaries[::step], [str(m // 12) for m in januaries[::step]])


def numbered(axes: Axes, places: Sequence[float]) -> None:
    """Numbered dashed lines, named in the legend."""
    for number, place in enumerate(places, 1):
        axes.axvline(place, color=QUIET, linewidth=1.2, linestyle=(0, (2, 2)), zorder=2)
        axes.text(
            place,
            1.0,
            str(number),
            transform=axes.get_xaxis_transform(),
            fontsize=SMALL,
            weight="bold",
            color=PAPER,
            ha="center",
            va="center",
            bbox={"boxstyle": "circle,pad=0.25", "facecolor": QUIET, "edgecolor": "none"},
        )


@dataclass(frozen=True)
class Figure:
    """A finished figure: the picture for wide and for narrow screens, its description and its caption."""

    svg: str
    narrow: str
    alt: str
    caption: str


def both_widths(draw: Callable[[int], Canvas], alt: str, caption: str) -> Figure:
    """Draw a figure for wide and for narrow screens."""
    wide, narrow = (svg.render(draw(width), caption, alt) for width in (WIDE, NARROW))
    return Figure(wide, narrow, alt, caption)
