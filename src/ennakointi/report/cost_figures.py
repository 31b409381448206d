"""Figures of cost-effectiveness: the plane of the draws, and how sure a benefit is at each worth of an improvement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.report.sheet import (
    INK,
    MAIN,
    PAPER,
    QUIET,
    SECOND,
    SMALL,
    TEXT,
    WIDE,
    WIDER,
    Entry,
    Figure,
    Floats,
    Sheet,
    both_widths,
    legend_height,
    text_width,
    wrapped,
)
from ennakointi.text import Catalogue

TALL, FOOT, HEAD, RIGHT = 240.0, 52.0, 40.0, 22.0
MOST_MARKS = 300  # a cloud of more is drawn as dots of a picture inside the picture
_DRAWN = ("delta_effect", "delta_cost_eur")
QUADRANTS = {"nw": (False, True), "ne": (True, True), "sw": (False, False), "se": (True, False)}  # right, above


def acceptability(
    frame: pd.DataFrame,
    *,
    stated: float,
    stated_label: str,
    unit: str,
    x_label: str,
    catalogue: Catalogue,
    alt: str,
    caption: str,
) -> Figure:
    """The probability of a net benefit above zero against the worth of a unit of improvement; the worths stand evenly
    beside each other, because they grow faster than a scale can show.

    Parameters
    ----------
    frame : DataFrame
        `lambda_eur` and `probability_cost_effective`, in the order of the worths.
    stated : float
        The worth that the parameters assume; not a number = none is marked.
    """
    worths, chance = (frame[name].to_numpy(dtype=float) for name in ("lambda_eur", "probability_cost_effective"))
    places = np.arange(len(worths), dtype=np.float64)

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, HEAD + TALL + FOOT)
        left = text_width(catalogue.percent(1), SMALL) + 12
        axes = sheet.axes(left, HEAD, width - left - RIGHT, TALL)
        axes.set_ylim(0, 1)
        axes.set_xlim(0, places[-1])
        chances = np.linspace(0, 1, 6)
        axes.set_yticks(chances, [catalogue.percent(tick) for tick in chances])
        axes.axhline(0.5, color=QUIET, linewidth=1.2, linestyle=(0, (4, 2)))
        step = max(1, math.ceil(len(places) * 60 / width))
        axes.set_xticks(places[::step], [catalogue.number(worth) for worth in worths[::step]])
        axes.plot(places, chance, color=MAIN, linewidth=2.6, clip_on=False, zorder=3)
        if worths[0] <= stated <= worths[-1]:
            at = float(np.interp(stated, worths, places)), float(np.interp(stated, worths, chance))
            _stated(sheet, axes, at, stated_label)
        sheet.say(0, 14, unit, SMALL, QUIET)
        sheet.say(width - 12, HEAD + TALL + 36, x_label, SMALL, QUIET, ha="right")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _stated(sheet: Sheet, axes: Axes, at: tuple[float, float], label: str) -> None:
    """The assumed worth: a mark on the curve, and its words where they cover neither the curve nor the line of 50 %."""
    curve = np.asarray(axes.get_lines()[-1].get_xydata(), dtype=np.float64)
    axes.plot([at[0]] * 2, [0, at[1]], color=INK, linewidth=1.2, linestyle=(0, (1, 2)))
    axes.plot(*at, "o", color=MAIN, markersize=9, clip_on=False, zorder=4)
    place = axes.get_position()
    left, right = place.x0 * sheet.width, place.x1 * sheet.width

    def pixels(x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return left + x / axes.get_xlim()[1] * (right - left), HEAD + (1 - y) * TALL

    path = np.linspace(curve[0, 0], curve[-1, 0], 200)
    x, y = pixels(path, np.interp(path, *curve.T))
    (across, level), wide = pixels(np.array(at[0]), np.array(at[1])), text_width(label, TEXT) * WIDER

    def is_free(spot: tuple[float, float]) -> bool:
        near = (x > spot[0] - 4) & (x < spot[0] + wide + 4)
        lines = [*y[near], HEAD + 0.5 * TALL]
        inside = left < spot[0] and spot[0] + wide < right and HEAD < spot[1] - 10 < spot[1] + 10 < HEAD + TALL
        return bool(inside and all(abs(line - spot[1]) > 12 for line in lines))

    beside = (float(across) - 10 - wide, float(across) + 10)
    spots = [(start, float(level) + down) for down in (-20, 20, -36, 36) for start in beside]
    spot = next((one for one in spots if is_free(one)), (beside[0] if beside[0] > 0 else beside[1], HEAD - 12))
    sheet.say(*spot, label, weight="bold")


@dataclass(frozen=True)
class PlaneWords:
    """What stands in the plane: what the axes count, the words of each quadrant by `ne`, `se`, `sw`, `nw`, and what the
    dots, the mark and the line are."""

    effect: str
    cost: str
    quadrants: dict[str, str]
    draws: str
    estimate: str
    worth: str = ""


def cost_plane(
    frame: pd.DataFrame,
    *,
    estimate: tuple[float, float],
    worth: float,
    words: PlaneWords,
    catalogue: Catalogue,
    alt: str,
    caption: str,
) -> Figure:
    """The draws of effect (to the right is better) and cost (up is dearer), each quadrant named with its share.

    Parameters
    ----------
    frame : DataFrame
        `delta_effect`, `delta_cost_eur` of each draw.
    estimate : (effect, cost)
    worth : float
        Euros per unit of improvement: below its line there is a net benefit. Not a number = no line.
    """
    line = words.worth if np.isfinite(worth) else ""
    marks = [Entry(words.draws, "mark", MAIN, marker="o"), Entry(words.estimate, "mark", SECOND, marker="D")]
    entries = marks + ([Entry(line, "dashes", INK)] if line else [])
    spans = tuple(_span(np.append(frame[name].to_numpy(dtype=float), end)) for name, end in zip(_DRAWN, estimate))

    def draw(width: int) -> Canvas:
        above, corners = legend_height(entries, width), _corner_height(words, width)
        under, over = (wrapped(said, width - RIGHT, SMALL) for said in (words.effect, words.cost))
        top = above + 42 + 16 * len(over) + corners
        sheet = Sheet(width, top + TALL + 34 + 16 * len(under) + corners)
        sheet.legend(entries, 0)
        axes, left = _plane_axes(sheet, top, spans, catalogue)
        dots: dict[str, Any] = {
            "markersize": 4,
            "alpha": 0.35,
            "markeredgewidth": 0,
            "rasterized": len(frame) > MOST_MARKS,
        }
        axes.plot(*(frame[name] for name in _DRAWN), "o", color=MAIN, **dots)
        if line:
            axes.plot(spans[0], [worth * end for end in spans[0]], color=INK, linewidth=1.3, linestyle=(0, (4, 2)))
        axes.plot(*estimate, "D", color=SECOND, markersize=9, markeredgecolor=PAPER, zorder=5)
        for number, said in enumerate(over):
            sheet.say(0, above + 18 + 16 * number, said, SMALL, QUIET)
        _corners(sheet, words, (left, width - RIGHT), (above + 28 + 16 * len(over), top + TALL + 34))
        for number, said in enumerate(reversed(under)):
            sheet.say(width - RIGHT, sheet.height - 12 - 16 * number, said, SMALL, QUIET, ha="right")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _plane_axes(
    sheet: Sheet, top: float, spans: Sequence[tuple[float, float]], catalogue: Catalogue
) -> tuple[Axes, float]:
    """Axes of effect and cost that cross at zero, and where they begin."""
    across, along = spans
    ticks, under = _inside(*along, 5), _inside(*across, 6 if sheet.width == WIDE else 4)
    texts = [_signed(tick, ticks, catalogue) for tick in ticks]
    left = max(text_width(text, SMALL) for text in texts) + 12
    axes = sheet.axes(left, top, sheet.width - left - RIGHT, TALL)
    axes.set(xlim=across, ylim=along)
    axes.set_yticks(ticks, texts)
    axes.set_xticks(under, [_signed(tick, under, catalogue) for tick in under])
    axes.axhline(0, color=INK, linewidth=1.3)
    axes.axvline(0, color=INK, linewidth=1.3)
    return axes, left


def _corner_height(words: PlaneWords, width: int) -> float:
    return 18.0 * max(len(wrapped(text, _corner_room(width), TEXT)) for text in words.quadrants.values())


def _corner_room(width: int) -> float:
    """Width of a quadrant's words, which are bold: half of the plane, whose scale needs room at the left side."""
    return (width / 2 - 62) / WIDER


def _corners(sheet: Sheet, words: PlaneWords, sides: tuple[float, float], rows: tuple[float, float]) -> None:
    """The four quadrants' words over and under the plane, at its left and right side."""
    for name, (right, above) in QUADRANTS.items():
        for number, line in enumerate(wrapped(words.quadrants[name], _corner_room(sheet.width), TEXT)):
            y = rows[0 if above else 1] + 18 * number
            sheet.say(sides[right], y, line, ha="right" if right else "left", weight="bold")


def _span(values: Floats) -> tuple[float, float]:
    """Ends with zero inside and a margin on both sides, so that every quadrant can be seen."""
    low, high = min(0.0, float(np.nanmin(values))), max(0.0, float(np.nanmax(values)))
    margin = 0.12 * ((high - low) or 1.0)
    return low - margin, high + margin


def _inside(low: float, high: float, most: int) -> list[float]:
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(tick) for tick in ticks if low <= tick <= high]


def _signed(tick: float, ticks: list[float], catalogue: Catalogue) -> str:
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
    return catalogue.signed(tick, digits)
