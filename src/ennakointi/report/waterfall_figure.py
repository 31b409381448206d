"""The waterfall: from one level to another, every step with its number and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

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
    Sheet,
    both_widths,
    legend_height,
    text_width,
    wrapped,
)
from ennakointi.text import Catalogue

HEAD, FOOT = 34.0, 36.0  # pixels over the first bar, and under the last one for the scale
TINTS = {SECOND: "#f4e2d4", MAIN: "#d8e5ef"}  # inside the outline of what is assumed
LABELS, NUMBERS = 232.0, 176.0  # columns beside the bars on a wide sheet


@dataclass(frozen=True)
class WaterfallWords:
    """What the parts of a waterfall are called."""

    more: str
    fewer: str
    assumed: str
    interval: str


def waterfall(
    frame: pd.DataFrame, *, catalogue: Catalogue, unit: str, alt: str, caption: str, words: WaterfallWords
) -> Figure:
    """From one level to another, every step with its number and its interval.

    The scale does not begin at zero, so that the steps are seen; a cut through the two levels tells so. Direction is
    told by the sign and by the place of the bar as well as by colour; what is assumed has an outline only.

    Parameters
    ----------
    frame : DataFrame
        In order: `label`, `kind` (level, step or assumed), `change` (the level itself for levels), `lo`, `hi`
        (interval of that number, may be missing), `number` and `interval` (the same in words).
    """
    steps = _steps(frame)
    changes = [step for step in steps if not step.level]
    named = [
        Entry(words.more if any(s.up and not s.assumed for s in changes) else "", "patch", SECOND),
        Entry(words.fewer if any(not s.up and not s.assumed for s in changes) else "", "patch", MAIN),
        Entry(words.assumed if any(s.assumed for s in changes) else "", "outline", QUIET),
        Entry(words.interval, "line", INK),
    ]
    entries = [entry for entry in named if entry.words]

    def draw(width: int) -> Canvas:
        rows = _rows(steps, width)
        bottom = rows[-1].top + rows[-1].tall
        sheet = Sheet(width, bottom + FOOT + legend_height(entries, width))
        sheet.say(0, 10, unit, SMALL, QUIET)
        scale = _scale(steps, width)
        _rules(sheet, scale, bottom, catalogue)
        bars = [_draw_row(sheet, row, scale) for row in rows]
        for row, (_, under), (over, _) in zip(rows, bars, bars[1:], strict=False):
            sheet.line([scale.place(row.step.after)] * 2, [under, over], QUIET, 1)
        sheet.legend(entries, bottom + FOOT)
        return sheet.canvas

    return both_widths(draw, alt, caption)


@dataclass(frozen=True)
class _Step:
    """One bar: from the level before it to the level after it, and where its interval ends."""

    label: str
    number: str
    interval: str
    level: bool
    assumed: bool
    before: float
    after: float
    lo: float
    hi: float

    @property
    def up(self) -> bool:
        return self.after >= self.before

    @property
    def room(self) -> float:
        """Width of the number and of the interval under it."""
        return max(text_width(self.number, TEXT), text_width(self.interval, SMALL))


def _steps(frame: pd.DataFrame) -> list[_Step]:
    """The bars of a waterfall; a change's interval stands where the change ends."""
    reached, steps = 0.0, []
    for row in frame.to_dict("records"):
        level = row["kind"] == "level"
        base = 0.0 if level else reached
        lo, hi = (base + float(row[name]) for name in ("lo", "hi"))
        words = (str(row["label"]), str(row["number"]), str(row["interval"]))
        reached = base + float(row["change"])
        steps.append(_Step(*words, level, row["kind"] == "assumed", base, reached, lo, hi))
    return steps


@dataclass(frozen=True)
class _Scale:
    """Numbers from `low` to `high` as pixels from `left` to `right`."""

    low: float
    high: float
    left: float
    right: float

    def place(self, value: float) -> float:
        return self.left + (value - self.low) / (self.high - self.low) * (self.right - self.left)


def _scale(steps: Sequence[_Step], width: int) -> _Scale:
    """From under the lowest to over the highest level; zero is on it only when it is near."""
    points = np.array([v for s in steps for v in (s.after, s.lo, s.hi, np.nan if s.level else s.before)])
    finite = points[np.isfinite(points)]
    low, high = float(finite.min()), float(finite.max())
    spread = (high - low) or abs(high) or 1.0
    low = max(0.0, low - 0.2 * spread) if low >= 0 else low - 0.2 * spread
    left, right = (LABELS, width - NUMBERS) if width == WIDE else (2.0, width - 4.0)
    return _Scale(low, high + 0.03 * spread, left, right)


@dataclass(frozen=True)
class _Row:
    """A step's label in lines, and where its row lies; on a wide sheet all stand beside each other."""

    step: _Step
    lines: Sequence[str]
    top: float
    tall: float
    beside: bool

    @property
    def middle(self) -> float:
        """Middle of the bar."""
        return self.top + self.tall / 2 if self.beside else self.top + self.tall - 19


def _rows(steps: Sequence[_Step], width: int) -> list[_Row]:
    top, rows, beside = HEAD, [], width == WIDE
    for step in steps:
        lines = wrapped(step.label, (LABELS if beside else width - step.room) - 14, TEXT)
        said = 2 if step.interval else 1
        tall = max(46.0, 14 + 18.0 * len(lines)) if beside else 44 + 18.0 * max(len(lines), said)
        rows.append(_Row(step, lines, top, tall, beside))
        top += tall
    return rows


def _rules(sheet: Sheet, scale: _Scale, bottom: float, catalogue: Catalogue) -> None:
    wide = scale.right - scale.left > text_width(catalogue.number(scale.high), SMALL) * 4
    ticks = MaxNLocator(4 if wide else 3, steps=[1, 2, 2.5, 5, 10]).tick_values(scale.low, scale.high)
    digits = 0 if ticks[1] - ticks[0] >= 1 else 1
    for tick in (t for t in ticks if scale.low < t <= scale.high):
        half, place = text_width(catalogue.number(tick, digits), SMALL) / 2 + 4, scale.place(tick)
        sheet.line([place] * 2, [HEAD - 6, bottom], RULE, 0.8, zorder=0)
        inside = min(max(place, half), sheet.width - half)
        sheet.say(inside, bottom + 12, catalogue.number(tick, digits), SMALL, QUIET, ha="center")


def _draw_row(sheet: Sheet, row: _Row, scale: _Scale) -> tuple[float, float]:
    """Label, bar, interval and number of a step; gives back the top and the bottom of its bar."""
    step, middle = row.step, row.middle
    thick = 26.0 if step.level else 20.0
    first = middle - 9 * (len(row.lines) - 1) if row.beside else row.top + 11
    clear: dict[str, Any] = {"bbox": {"facecolor": PAPER, "edgecolor": "none", "pad": 2}}  # no line through words
    for number, line in enumerate(row.lines):
        sheet.say(0, first + 18 * number, line, weight="bold" if step.level else "normal", **clear)
    spot = middle - (8.5 if step.interval else 0) if row.beside else row.top + 11
    sheet.say(sheet.width - 2, spot, step.number, ha="right", weight="bold", **clear)
    sheet.say(sheet.width - 2, spot + 17, step.interval, SMALL, QUIET, ha="right", **(clear if step.interval else {}))
    _bar(sheet, step, (middle - thick / 2, thick), scale)
    if np.isfinite(step.lo) and np.isfinite(step.hi):
        _whisker(sheet, scale.place(step.lo), scale.place(step.hi), middle)
    return middle - thick / 2, middle + thick / 2


def _bar(sheet: Sheet, step: _Step, band: tuple[float, float], scale: _Scale) -> None:
    top, thick = band
    bottom = top + thick
    left, right = sorted((scale.place(max(step.before, scale.low)), scale.place(step.after)))
    width = max(right - left, 2.0)
    colour = QUIET if step.level else SECOND if step.up else MAIN
    if step.assumed:
        sheet.box(left, top, width, thick, TINTS[colour])
        sheet.line([left, right, right, left, left], [top, top, bottom, bottom, top], colour, 2.4)
    else:
        sheet.box(left, top, width, thick, colour)
    if step.level and scale.low > 0:
        for shift in (14.0, 21.0):
            sheet.line([left + shift - 4, left + shift + 4], [bottom + 2, top - 2], PAPER, 3)


def _whisker(sheet: Sheet, left: float, right: float, middle: float) -> None:
    """A line with ends over a bar, seen on any colour."""
    lines = [([left, right], [middle] * 2), *(([end] * 2, [middle - 4.5, middle + 4.5]) for end in (left, right))]
    for colour, width in ((PAPER, 4.0), (INK, 1.8)):
        for x, y in lines:
            sheet.line(x, y, colour, width)
