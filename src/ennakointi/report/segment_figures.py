"""Figures of segments: two shares beside each other, the curve of concentration, moves, and readings that overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle, Rectangle

from ennakointi.report.sheet import (
    INK,
    MAIN,
    PAPER,
    QUIET,
    RULE,
    SECOND,
    SMALL,
    TEXT,
    WIDE,
    Entry,
    Figure,
    Floats,
    Sheet,
    both_widths,
    legend_height,
    scale,
    text_width,
    value_axes,
    wrapped,
)
from ennakointi.text import Catalogue

BAR, LINE, GAP = 15.0, 18.0, 14.0  # pixels: a bar, a line of words, between two segments
NUMBER = 62.0  # room for the number at the right end of a bar
NAMES, CELL = 250.0, 42.0  # names beside a matrix on a wide sheet, and its rows
DOT = 8.0
LEAST = 12.0  # size of the words of a narrow cell


@dataclass(frozen=True)
class MoveWords:
    """What the parts of a matrix of moves are called."""

    before: str
    after: str
    same: str
    graver: str
    lighter: str


def pairs(
    frame: pd.DataFrame, *, first: str, second: str, catalogue: Catalogue, unit: str, alt: str, caption: str
) -> Figure:
    """Two shares of each segment as bars under its name, to be compared; a hidden one says so.

    Parameters
    ----------
    frame : DataFrame
        In the order to show: `label`, `first`, `second` (shares 0–1; missing = hidden).
    first, second : what the two bars are shares of
    """
    entries = [Entry(first, "patch", MAIN), Entry(second, "patch", SECOND)]
    top = float(np.nanmax(np.append(frame[["first", "second"]].to_numpy(dtype=float), 0.01)))

    def draw(width: int) -> Canvas:
        head = legend_height(entries, width) + 30
        named = [wrapped(str(label), width - 4, TEXT) for label in frame["label"]]
        sheet = Sheet(width, head + sum(LINE * len(lines) + 2 * BAR + 6 + GAP for lines in named))
        sheet.legend(entries, 0)
        sheet.say(0, head - 16, unit, SMALL, QUIET)
        at = head
        for row, lines in zip(frame.to_dict("records"), named, strict=True):
            for line in lines:
                sheet.say(0, at + 9, line, weight="bold")
                at += LINE
            for column, colour in (("first", MAIN), ("second", SECOND)):
                _share_bar(sheet, at, float(row[column]), top, colour, catalogue)
                at += BAR + 3
            at += GAP
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _share_bar(sheet: Sheet, top: float, share: float, most: float, colour: str, catalogue: Catalogue) -> None:
    """A bar from the left edge with its number behind it."""
    long = 0.0 if not np.isfinite(share) else max(share / most * (sheet.width - NUMBER), 1.5)
    sheet.box(0, top, long, BAR, colour)
    sheet.say(long + 6 if long else 0, top + BAR / 2, part_words(share, catalogue), SMALL, INK if long else QUIET)


def part_words(share: float, catalogue: Catalogue) -> str:
    """A share with a decimal where it is small."""
    return catalogue.percent(share, 1 if 0 < share < 0.0995 else 0)


def concentration(
    curves: Sequence[tuple[str, Floats, Floats]],
    *,
    equal: str,
    catalogue: Catalogue,
    below: str,
    unit: str,
    alt: str,
    caption: str,
) -> Figure:
    """Share of the whole that the residents with the most have, and the line where everybody has as much.

    Parameters
    ----------
    curves : (name, share of residents, share of the whole), ascending, both 0–1
        At most two; the first is a line with discs, the second a broken one with squares.
    equal : what the straight line means. below : what the lying scale counts
    """
    styles = ((MAIN, "solid", "o"), (SECOND, (0, (4, 2)), "s"))
    kinds = ("line", "dashes")
    entries = [
        Entry(name, kind, colour, marker=marker)
        for (name, *_), (colour, _, marker), kind in zip(curves, styles, kinds, strict=False)
    ]
    entries.append(Entry(equal, "line", QUIET))
    upright = scale(np.array([0.0, 1.0]), catalogue, percent=True)

    def draw(width: int) -> Canvas:
        tall, foot = 280.0, 56.0
        sheet = Sheet(width, 30 + tall + foot + legend_height(entries, width))
        sheet.say(0, 10, unit, SMALL, QUIET)
        axes = value_axes(sheet, upright, 26, tall, right=20, left=8)
        axes.plot([0, 1], [0, 1], color=QUIET, linewidth=1.2)
        for (_name, x, y), (colour, dashes, marker) in zip(curves, styles, strict=False):
            style: dict[str, Any] = {"linestyle": dashes, "marker": marker, "markersize": 7, "linewidth": 2.4}
            axes.plot(np.concatenate([[0.0], x, [1.0]]), np.concatenate([[0.0], y, [1.0]]), color=colour, **style)
        ticks = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0] if width == WIDE else [0.0, 0.25, 0.5, 0.75, 1.0]
        axes.set_xticks(ticks, [catalogue.percent(tick) for tick in ticks])
        axes.set_xlim(-0.01, 1.01)
        sheet.say(width - 4, 26 + tall + 38, below, SMALL, QUIET, ha="right")
        sheet.legend(entries, 30 + tall + foot)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def moves(shares: pd.DataFrame, *, gone: int, words: MoveWords, catalogue: Catalogue, alt: str, caption: str) -> Figure:
    """Where those of each segment are later: a matrix of shares whose rows add up to one.

    Parameters
    ----------
    shares : DataFrame, shape (k, k + gone)
        Rows and columns named for the reader, from the lightest to the gravest segment, then the ways out; shares 0–1,
        missing = hidden.
    gone : int
        How many of the last columns are ways out (died, moved away).
    """
    columns = [str(name) for name in shares.columns]
    numbered = [Entry(name, "number", QUIET, key=str(place + 1)) for place, name in enumerate(columns)]
    tinted = [(words.same, _tint(QUIET, 0.3)), (words.graver, _tint(SECOND, 0.45)), (words.lighter, _tint(MAIN, 0.45))]
    entries = [Entry(name, "patch", colour) for name, colour in tinted]
    if shares.isna().to_numpy().any():
        entries.append(Entry(catalogue.hidden, "hatch", QUIET))

    def draw(width: int) -> Canvas:
        left = NAMES if width == WIDE else 26.0
        wide = (width - left) / len(columns)
        rows = [wrapped(str(name), NAMES - 42, TEXT) for name in shares.index]
        heights = [max(CELL, LINE * len(lines) + 10) if width == WIDE else CELL for lines in rows]
        head = 44.0
        body = head + sum(heights)
        under = legend_height(numbered, width) + 10 if width != WIDE else legend_height(numbered[-gone or 99 :], width)
        sheet = Sheet(width, body + 14 + under + legend_height(entries, width))
        sheet.say(0, 10, words.before, SMALL, QUIET)
        sheet.say(width - 2, 10, words.after, SMALL, QUIET, ha="right")
        for place in range(len(columns)):
            _disc(sheet, left + (place + 0.5) * wide, 30, place + 1)
        top = head
        for place, (lines, tall) in enumerate(zip(rows, heights, strict=True)):
            _matrix_row(
                sheet, shares.iloc[place].to_numpy(dtype=float), place, gone, (left, top, wide, tall), catalogue
            )
            _row_name(sheet, lines if width == WIDE else [], place, top + tall / 2)
            top += tall
        sheet.legend(numbered if width != WIDE else numbered[-gone or 99 :], body + 14)
        sheet.legend(entries, body + 14 + under)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _disc(sheet: Sheet, x: float, y: float, number: int) -> None:
    sheet.add(Circle((x, y), 11, facecolor=QUIET, edgecolor="none"))
    sheet.say(x, y, str(number), SMALL, PAPER, ha="center", weight="bold")


def _row_name(sheet: Sheet, lines: Sequence[str], place: int, middle: float) -> None:
    """The number of a row, and its name where there is room."""
    _disc(sheet, 12, middle, place + 1)
    start = middle - LINE * (len(lines) - 1) / 2
    for number, line in enumerate(lines):
        sheet.say(30, start + LINE * number, line)


def _matrix_row(
    sheet: Sheet,
    shares: Floats,
    place: int,
    gone: int,
    box: tuple[float, float, float, float],
    catalogue: Catalogue,
) -> None:
    """The cells of one segment: darker = a larger share; the colour tells the direction."""
    left, top, wide, tall = box
    for column, share in enumerate(shares):
        x = left + column * wide
        way_out = column >= len(shares) - gone
        colour = QUIET if column == place or way_out else SECOND if column > place else MAIN
        tint = _tint(colour, 0.0 if not np.isfinite(share) else 0.12 + 0.5 * min(share, 0.7)) if share else PAPER
        sheet.add(Rectangle((x + 1, top + 1), wide - 2, tall - 2, facecolor=tint, edgecolor=RULE, linewidth=0.8))
        weight = "bold" if column == place else "normal"
        if np.isfinite(share):
            words = part_words(share, catalogue)
            size = TEXT if text_width(words, TEXT) < wide - 4 else LEAST
            sheet.say(x + wide / 2, top + tall / 2, words, size, ha="center", weight=weight)
        else:
            sheet.hatched(x + 4, top + 4, wide - 8, tall - 8, "////")


def _tint(colour: str, strength: float) -> str:
    """A colour mixed with the paper's; black words stay readable on it."""
    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


def overlap(
    frame: pd.DataFrame, sets: Mapping[str, str], *, catalogue: Catalogue, unit: str, alt: str, caption: str
) -> Figure:
    """Which readings hold together: a row of discs for each combination and a bar of its persons (an UpSet picture).

    Parameters
    ----------
    frame : DataFrame
        In the order to show: `parts` (set of codes that hold), `value` (persons; missing = hidden).
    sets : mapping of str to str
        What the columns of discs are, by code.

    Source: Lex, Gehlenborg, Strobelt, Vuillemot & Pfister 2014, UpSet, doi:10.1109/TVCG.2014.2346248.
    """
    codes = list(sets)
    entries = [Entry(sets[code], "number", QUIET, key=str(place + 1)) for place, code in enumerate(codes)]
    most = float(np.nanmax(np.append(frame["value"].to_numpy(dtype=float), 1.0)))
    step, row = 30.0, 30.0

    def draw(width: int) -> Canvas:
        left = step * len(codes) + 14
        head = legend_height(entries, width) + 52
        sheet = Sheet(width, head + row * len(frame) + 6)
        sheet.legend(entries, 0)
        sheet.say(left, head - 26, unit, SMALL, QUIET)
        for place in range(len(codes)):
            _disc(sheet, step * (place + 0.5), head - 24, place + 1)
        for number, record in enumerate(frame.to_dict("records")):
            middle = head + row * (number + 0.5)
            held = [place for place, code in enumerate(codes) if code in record["parts"]]
            _discs(sheet, len(codes), held, middle, step)
            value = float(record["value"])
            long = max(value / most * (width - left - 76), 1.5) if np.isfinite(value) else 0.0
            sheet.box(left, middle - BAR / 2, long, BAR, MAIN)
            sheet.say(left + long + 6, middle, catalogue.number(value), SMALL, INK if long else QUIET)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _discs(sheet: Sheet, count: int, held: Sequence[int], middle: float, step: float) -> None:
    """Full discs where a reading holds, joined by a line; rings elsewhere."""
    if len(held) > 1:
        sheet.line([step * (held[0] + 0.5), step * (held[-1] + 0.5)], [middle] * 2, INK, 2.5)
    for place in range(count):
        full = place in held
        look: dict[str, Any] = {"facecolor": INK if full else PAPER, "edgecolor": INK if full else QUIET}
        sheet.add(Circle((step * (place + 0.5), middle), DOT if full else DOT - 2, linewidth=1, **look))
