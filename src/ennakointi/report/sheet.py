"""The sheet figures are drawn on: pixels from the top left corner, the house's colours, text and legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from ennakointi.report import svg
from ennakointi.text import Catalogue

Floats = npt.NDArray[np.float64]

INK, QUIET, RULE, PAPER = "#1b2733", "#566472", "#c3ccd4", "#ffffff"
MAIN, SECOND, THIRD, FOURTH = "#17598c", "#b3500b", "#7629ae", "#187a49"  # told apart also by the colour-blind
INNER, OUTER, EDGE = "#b4cbdc", "#dde7ef", "#7391ab"  # the 80 % and the 95 % interval, and the line around them
WINDOW, QUARTER = "#f1e6d6", "#dbe9f4"
TONES = {"good": FOURTH, "bad": "#80180f", "unsure": "#85610a", "neutral": QUIET}
SHAPES = {"good": "o", "bad": "^", "unsure": "D", "neutral": "s"}
HATCH = "////"  # of what is hidden
TEXT, SMALL = 14.0, 12.5
LINE = 20.0
SYMBOL, GAP = 30.0, 26.0  # room of a legend's symbol, and from its words to the next symbol
WIDE, NARROW = 760, 360
SHARP = 180  # dots an inch of what is drawn as dots


@dataclass(frozen=True)
class Entry:
    """A part of a legend: its words and its symbol (patch, outline, hatch, ribbon, line, dashes, mark, number)."""

    words: str
    symbol: str
    colour: str
    key: str = ""
    marker: str = ""


WIDER = 1.1  # than estimated: the letters of some systems are, and bold ones


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


def legend_height(entries: Sequence[Entry], width: int) -> float:
    """Height of a legend in pixels."""
    return max((top + _tall(lines) for _, lines, _, top in _flow(entries, width)), default=0.0)


def _flow(entries: Sequence[Entry], width: int) -> list[tuple[Entry, list[str], float, float]]:
    """Entries one after another in rows, each with its lines, its left end and its top."""
    placed: list[tuple[Entry, list[str], float, float]] = []
    left = top = below = 0.0
    for entry in entries:
        lines = wrapped(entry.words, width - SYMBOL - 4, TEXT)
        wide = SYMBOL + max(text_width(line, TEXT) for line in lines) * WIDER
        if left and left + wide > width:
            left, top = 0.0, below
        placed.append((entry, lines, left, top))
        left, below = left + wide + GAP, max(below, top + _tall(lines))
    return placed


def _tall(lines: Sequence[str]) -> float:
    return len(lines) * LINE + 5


class Sheet:
    """A canvas of `width` × `height` pixels."""

    def __init__(self, width: int, height: float) -> None:
        self.width, self.height = width, height
        self.canvas = Canvas(figsize=(width / 72, height / 72), dpi=SHARP, facecolor=PAPER)
        self._pixels = self.canvas.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), zorder=5)
        self._pixels.set_axis_off()

    def say(self, x: float, y: float, words: str, size: float = TEXT, colour: str = INK, **more: Any) -> None:
        """Words with their middle line at y; they begin at x unless `ha` says otherwise."""
        self._pixels.text(x, y, words, fontsize=size, color=colour, parse_math=False, **{"va": "center"} | more)

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle."""
        self._pixels.add_patch(Rectangle((x, y), width, height, facecolor=colour, edgecolor="none"))

    def hatched(self, x: float, y: float, width: float, height: float, pattern: str) -> None:
        """A rectangle with a pattern."""
        lines: dict[str, Any] = {"facecolor": PAPER, "edgecolor": QUIET, "linewidth": 0.8, "hatch": pattern}
        self._pixels.add_patch(Rectangle((x, y), width, height, **lines))

    def add(self, patch: Patch) -> None:
        """A shape in pixels."""
        self._pixels.add_patch(patch)

    def line(self, x: Sequence[float], y: Sequence[float], colour: str, width: float = 2, **more: Any) -> None:
        """A line through points."""
        self._pixels.plot(x, y, color=colour, linewidth=width, **{"solid_capstyle": "butt"} | more)

    def fill_between(self, x: Floats, bottom: Floats, top: Floats, colour: str) -> None:
        """A band between two lines of points."""
        self._pixels.fill_between(x, bottom, top, color=colour, linewidth=0, zorder=1)

    def svg(self, title: str, description: str) -> str:
        """The sheet as a picture, with what it is called and what it shows in words."""
        return svg.render(self.canvas, title, description)

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
        """Entries with their symbols, one after another in as many rows as they need."""
        for entry, lines, left, down in _flow(entries, self.width):
            self._symbol(entry, left, top + down + LINE / 2)
            for number, line in enumerate(lines):
                self.say(left + SYMBOL, top + down + LINE / 2 + number * LINE, line)

    def _symbol(self, entry: Entry, left: float, y: float) -> None:
        if entry.symbol == "patch":
            self.box(left, y - 8, 20, 16, entry.colour)
        elif entry.symbol == "outline":
            self.line([left, left + 20, left + 20, left, left], [y - 8, y - 8, y + 8, y + 8, y - 8], entry.colour)
        elif entry.symbol == "hatch":
            self.hatched(left, y - 8, 20, 16, entry.key or HATCH)
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


@dataclass(frozen=True)
class Scale:
    """The numbers of an upright scale: its ends, its ticks, and the ticks as the reader writes them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    words: tuple[str, ...]

    @property
    def left(self) -> float:
        """Room that the words need at the left side."""
        return max(text_width(word, SMALL) for word in self.words) + 10


def scale(numbers: Floats, catalogue: Catalogue, most: int = 5, *, percent: bool = False) -> Scale:
    """A scale that holds zero and every finite number, with few ticks."""
    low, high = value_range(numbers)
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    step = (ticks[1] - ticks[0]) * (100 if percent else 1)
    digits = next(d for d in (0, 1, 2, 3) if d == 3 or abs(step - round(step, d)) < 1e-9)
    inside = tuple(float(tick) for tick in ticks if low * 1.04 <= tick <= high * 1.04)
    write = catalogue.percent if percent else catalogue.number
    return Scale(low * 1.04, high * 1.04, inside, tuple(write(tick, digits) for tick in inside))


def value_axes(sheet: Sheet, numbers: Scale, top: float, height: float, right: float = 12.0, left: float = 0.0) -> Axes:
    """Axes for the numbers of a scale, from `left` on and with some room at their right side."""
    start = left + numbers.left
    axes = sheet.axes(start, top, sheet.width - start - right, height)
    axes.set_yticks(numbers.ticks, numbers.words)
    axes.set_ylim(numbers.low, numbers.high)
    if numbers.low < 0:
        axes.axhline(0, color=INK, linewidth=1, zorder=2)
    return axes


def value_range(numbers: Floats) -> tuple[float, float]:
    """Lowest and highest finite number, with zero between them."""
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return 0.0, 1.0
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    return (low, high) if high > low else (0.0, 1.0)


def ribbon(axes: Axes, x: Floats, bottom: Floats, top: Floats, colour: str, thin: float = 0.9) -> None:
    """The band of an interval with a line around it, which is seen where the band is pale."""
    axes.fill_between(x, bottom, top, color=colour, linewidth=0, zorder=1)
    for end in (bottom, top):
        axes.plot(x, end, color=EDGE, linewidth=thin, zorder=1.5)


def line_with_gaps(axes: Axes, x: Floats, value: Floats) -> None:
    """A line; hidden points are gaps, a point alone is a dot, the last point is marked."""
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
