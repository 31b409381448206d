"""A map of the county's municipalities: shades for the number, a shape and words for the status, a list beside it.

Borders come as GeoJSON in metres (ETRS-TM35FIN) or in degrees (WGS84), from the file that the parameters name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator

from ennakointi.errors import ParameterError
from ennakointi.report import borders
from ennakointi.report.sheet import (
    HATCH,
    INK,
    PAPER,
    QUIET,
    SHAPES,
    SMALL,
    TEXT,
    TONES,
    WIDE,
    WIDER,
    Entry,
    Figure,
    Floats,
    Sheet,
    both_widths,
    legend_height,
    text_width,
    value_range,
    wrapped,
)
from ennakointi.text import Catalogue

MAP_WIDE, MAP_TALL = 400.0, 520.0  # most room of the map itself
LIST = 430.0  # where the list begins on a wide sheet
HEAD = 26.0
LESS = ("#d9e6f0", "#b4cde0", "#8fb4d0")  # below zero, paler near it
MORE = ("#f7e4d3", "#eec7a5", "#e0a477")
BULB = {"boxstyle": "circle,pad=0.2", "facecolor": INK, "edgecolor": "none"}
BLANK = ".."  # pattern of a municipality without a number


@dataclass(frozen=True)
class MapWords:
    """What the legend says: of a municipality without a number, of each status by tone, and of municipalities that the
    file of borders does not hold (before their names)."""

    blank: str
    status: Mapping[str, str]
    absent: str


def municipality_map(
    frame: pd.DataFrame,
    boundaries: Mapping[str, Mapping[str, Any]],
    *,
    words: MapWords,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    percent: bool = False,
    signed: bool = False,
) -> Figure:
    """Municipalities shaded by their number, each with its name and number on the map or in the list beside it.

    Parameters
    ----------
    frame : DataFrame
        `municipality` (3-digit code), `label`, `value` (missing = no number), `lo`, `hi`, `status` (tone: good, bad,
        unsure, neutral) and `hidden` (bool: the door hid the number). The list keeps its order.
    boundaries : mapping of code to GeoJSON geometry
        Polygons or multipolygons in metres or in degrees; those of other municipalities are left out.
    percent : bool
        The numbers are shares, shown as percentages.
    signed : bool
        The numbers are changes: one above zero has its plus sign.

    Raises
    ------
    ParameterError
        When no border belongs to any of the municipalities, or the borders have no usable corners.
    """
    rows = [_Row(row, catalogue, percent, signed) for row in frame.to_dict("records")]
    rings = _rings(rows, boundaries)
    classes = _Classes(frame["value"].to_numpy(dtype=float), catalogue, percent)
    entries = _entries(rows, classes, words, catalogue)

    def draw(width: int) -> Canvas:
        beside = width == WIDE
        shapes, size = borders.pixels(rings, (MAP_WIDE if beside else width - 2.0, MAP_TALL))
        shapes = {code: [ring + np.array([1.0, HEAD]) for ring in own] for code, own in shapes.items()}
        left, start = (LIST, HEAD) if beside else (0.0, HEAD + size[1] + 14)
        lists = [row.lines(width - left) for row in rows]
        end = start + sum(18.0 * len(lines) + 22 for lines in lists)
        absent = [row.label for row in rows if row.code not in rings]
        said = wrapped(f"{words.absent} {catalogue.join(absent)}", width, SMALL) if absent else []
        bottom = max(HEAD + size[1], end) + 12
        sheet = Sheet(width, bottom + 17 * len(said) + legend_height(entries, width))
        sheet.say(0, 10, unit, SMALL, QUIET)
        keys = _draw_map(sheet, rows, shapes, classes)
        for row, lines in zip(rows, lists, strict=True):
            _draw_row(sheet, row, lines, (left, start), keys.get(row.code, ""))
            start += 18.0 * len(lines) + 22
        for number, line in enumerate(said):
            sheet.say(0, bottom + 8 + 17 * number, line, SMALL, QUIET)
        sheet.legend(entries, bottom + 17 * len(said))
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _rings(rows: Sequence[_Row], boundaries: Mapping[str, Mapping[str, Any]]) -> borders.Rings:
    rings = borders.metres({row.code: boundaries[row.code] for row in rows if row.code in boundaries})
    if not rings:
        raise ParameterError(
            "reporting.yml, boundaries: the file has no border of the municipalities "
            f"{', '.join(row.code for row in rows)}; found {', '.join(sorted(boundaries)[:5]) or 'nothing'}. "
            "Give the file and the property that hold the county's 3-digit municipality codes."
        )
    return rings


class _Row:
    """A municipality: its number and interval in words, and its tone."""

    def __init__(self, row: Mapping[Any, Any], catalogue: Catalogue, percent: bool, signed: bool) -> None:
        self.code, self.label, self.tone = str(row["municipality"]), str(row["label"]), str(row["status"])
        self.hidden = bool(row["hidden"])
        value, lo, hi = (float(row[name]) for name in ("value", "lo", "hi"))
        self.value = np.nan if self.hidden else value
        number = (catalogue.percent_estimate if percent else catalogue.estimate)(value, lo, hi)
        plus = "+" if signed and value > 0 else ""
        self.short = plus + number.value if np.isfinite(self.value) else ""
        self.number = catalogue.missing
        if self.hidden:
            self.number = catalogue.hidden
        elif self.short:
            self.number = f"{self.short} ({number.interval})" if np.isfinite(lo) and np.isfinite(hi) else self.short

    def lines(self, width: float) -> list[str]:
        """The name in lines that fit a width."""
        return wrapped(self.label, width - 34, TEXT)


class _Classes:
    """Classes of the numbers with round ends, and the shade of each."""

    def __init__(self, values: Floats, catalogue: Catalogue, percent: bool) -> None:
        self.catalogue, self.percent = catalogue, percent
        low, high = value_range(values)
        ticks = [float(tick) for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high)]
        self.ends = ticks if np.isfinite(values).any() else []

    @cached_property
    def shades(self) -> list[str]:
        """A shade for each class, deeper the further it is from zero."""
        below = sum(end <= 0 for end in self.ends[1:])
        above = len(self.ends) - 1 - below
        return [*reversed(_spaced(LESS, below)), *_spaced(MORE, above)]

    def shade(self, value: float) -> str:
        """Of a number; its class holds its lower end."""
        place = int(np.clip(np.searchsorted(self.ends, value, side="right") - 1, 0, len(self.shades) - 1))
        return self.shades[place]

    def entries(self, values: Floats) -> list[Entry]:
        """The classes that have a municipality, in words."""
        write = self.catalogue.percent if self.percent else self.catalogue.number
        step = (self.ends[1] - self.ends[0]) * (100 if self.percent else 1) if self.ends else 1
        digits = 0 if step >= 1 else 1 if step >= 0.1 else 2
        used = {self.shade(value) for value in values[np.isfinite(values)]}
        pairs = zip(self.ends, self.ends[1:], self.shades, strict=False)
        dash = " – " if any(end < 0 for end in self.ends) else "–"
        return [
            Entry(f"{write(low, digits)}{dash}{write(high, digits)}", "patch", shade)
            for low, high, shade in pairs
            if shade in used
        ]


def _spaced(shades: Sequence[str], number: int) -> list[str]:
    """As many shades, from the palest to the deepest; more than there are share the deepest."""
    return [shades[min(place, len(shades) - 1)] for place in range(number)]


def _entries(rows: Sequence[_Row], classes: _Classes, words: MapWords, catalogue: Catalogue) -> list[Entry]:
    values = np.array([row.value for row in rows])
    tones = {row.tone for row in rows if row.short}
    blank = any(not row.short and not row.hidden for row in rows)
    return [
        *classes.entries(values),
        *([Entry(catalogue.hidden, "hatch", QUIET, key=HATCH)] if any(row.hidden for row in rows) else []),
        *([Entry(words.blank, "hatch", QUIET, key=BLANK)] if blank else []),
        *(Entry(said, "mark", TONES[t], marker=SHAPES[t]) for t, said in words.status.items() if t in tones),
    ]


def _draw_map(
    sheet: Sheet, rows: Sequence[_Row], shapes: Mapping[str, list[Floats]], classes: _Classes
) -> dict[str, str]:
    """Shades, borders and labels; gives back the number of each municipality that has room for a number only."""
    keys: dict[str, str] = {}
    for row in (row for row in rows if row.code in shapes):
        path = borders.outline(shapes[row.code])
        lines: dict[str, Any] = {"facecolor": PAPER, "edgecolor": QUIET, "linewidth": 0.9}
        if row.short:
            lines["facecolor"] = classes.shade(row.value)
        else:
            lines["hatch"] = HATCH if row.hidden else BLANK
        sheet.add(PathPatch(path, **lines))
    for row in (row for row in rows if row.code in shapes):
        if not _label(sheet, row, shapes[row.code]):
            keys[row.code] = str(len(keys) + 1)
            middle = _inside(max(shapes[row.code], key=lambda ring: abs(borders.area(ring))), (16, 16))[0]
            sheet.say(*middle, keys[row.code], SMALL, PAPER, ha="center", weight="bold", bbox=BULB)
    return keys


def _label(sheet: Sheet, row: _Row, rings: Sequence[Floats]) -> bool:
    """The name and the number inside the border, if they fit there."""
    lines = [row.label, row.short] if row.short else [row.label]
    wide = max(text_width(line, SMALL) * WIDER for line in lines)
    middle, fits = _inside(max(rings, key=lambda ring: abs(borders.area(ring))), (wide, 16.0 * len(lines)))
    if fits:
        clear: dict[str, Any] = {} if row.short else {"bbox": {"facecolor": PAPER, "edgecolor": "none", "pad": 1}}
        for number, line in enumerate(lines):
            y = middle[1] + 16 * (number - (len(lines) - 1) / 2)
            sheet.say(middle[0], y, line, SMALL, ha="center", weight="bold" if number else "normal", **clear)
    return fits


def _inside(ring: Floats, size: tuple[float, float]) -> tuple[tuple[float, float], bool]:
    """The place nearest to the middle of a ring where a box of a size lies inside it, and whether there is one."""
    low, high, middle = ring.min(axis=0), ring.max(axis=0), ring.mean(axis=0)
    grid = np.stack(np.meshgrid(*(np.linspace(a, b, 25) for a, b in zip(low, high, strict=True))), axis=-1).reshape(
        -1, 2
    )
    spots = grid[np.argsort(((grid - (low + high) / 2) ** 2).sum(axis=1), kind="stable")]
    half = np.array(size) / 2
    probes = np.array([[i, j] for i in (-1, -0.5, 0, 0.5, 1) for j in (-1, 0, 1)]) * half
    path = Path(ring)
    held = path.contains_points((spots[:, None, :] + probes).reshape(-1, 2)).reshape(len(spots), -1).all(axis=1)
    if held.any():
        x, y = spots[int(np.argmax(held))]
        return (float(x), float(y)), True
    own = spots[path.contains_points(spots)]
    x, y = own[0] if len(own) else middle
    return (float(x), float(y)), False


def _draw_row(sheet: Sheet, row: _Row, lines: Sequence[str], place: tuple[float, float], key: str) -> None:
    """A row of the list: the status as a shape, the name, the number with its interval, and its number on the map."""
    left, top = place
    if row.short:
        sheet.line([left + 8], [top + 9], TONES[row.tone], marker=SHAPES[row.tone], markersize=8)
    for number, line in enumerate(lines):
        sheet.say(left + 22, top + 9 + 18 * number, line, weight="bold")
    if key:
        after = left + 40 + text_width(lines[-1], TEXT) * 1.15
        sheet.say(after, top + 9 + 18 * (len(lines) - 1), key, SMALL, PAPER, ha="center", weight="bold", bbox=BULB)
    sheet.say(left + 22, top + 9 + 18 * len(lines), row.number, SMALL, INK if row.short else QUIET)
