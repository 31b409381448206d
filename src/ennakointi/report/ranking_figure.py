"""All interventions beside each other: the level of the evidence from top to bottom, the net benefit from left to
right.

Every intervention has its own line in the lane of its level, so that no name covers another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.report.sheet import (
    INK,
    PAPER,
    QUARTER,
    QUIET,
    RULE,
    SHAPES,
    SMALL,
    TEXT,
    TONES,
    WIDE,
    Figure,
    Sheet,
    both_widths,
    text_width,
    value_range,
    wrapped,
)
from ennakointi.text import Catalogue

NAMES = 300.0  # width of the names where they stand beside the scale
LINE, LANE, GAP, SMALL_LINE = 18.0, 30.0, 14.0, 16.0


@dataclass(frozen=True)
class RankingWords:
    """What the picture says: of the scale, its two sides, and where there is no net benefit to show."""

    unit: str
    loss: str
    gain: str
    unknown: str


def ranking(
    frame: pd.DataFrame, *, levels: Sequence[str], words: RankingWords, catalogue: Catalogue, alt: str, caption: str
) -> Figure:
    """Net benefits with their intervals in lanes of the evidence, the strongest on top.

    Parameters
    ----------
    frame : DataFrame
        In the order to show: `label`, `level` (one of `levels`), `verdict` (words), `tone`, `value`, `lo`, `hi` (euros;
        missing = not known).
    levels : sequence of str
        The lanes from top to bottom; one without an intervention is left out.
    """
    low, high = value_range(frame[["value", "lo", "hi"]].to_numpy(dtype=float))
    ends = low - 0.06 * (high - low), high + 0.06 * (high - low)
    lanes = [(level, frame[frame["level"] == level].to_dict("records")) for level in levels]
    lanes = [(level, rows) for level, rows in lanes if rows]

    def draw(width: int) -> Canvas:
        left = NAMES if width == WIDE else 0.0
        beside = left > 0
        named = [[wrapped(str(row["label"]), (left or width) - 16, TEXT) for row in rows] for _, rows in lanes]
        heights = [[LINE * (len(lines) + 1) + GAP + (0 if beside else 26) for lines in own] for own in named]
        head = 46 + SMALL_LINE * len(wrapped(words.unit, width, SMALL))
        sheet = Sheet(width, head + sum(LANE + GAP / 2 + sum(own) for own in heights) + 34)

        def place(value: float) -> float:
            return left + 10 + (value - ends[0]) / (ends[1] - ends[0]) * (width - left - 24)

        ticks = _scale(sheet, place, ends, words, catalogue)
        top = head
        for (level, rows), names, tall in zip(lanes, named, heights, strict=True):
            sheet.box(0, top, width, LANE - 6, QUARTER)
            sheet.say(8, top + (LANE - 6) / 2, level, weight="bold")
            top += LANE
            for row, lines, height in zip(rows, names, tall, strict=True):
                band = (top, top + height) if beside else (top + height - 34, top + height - 6)
                for tick in ticks:
                    sheet.line([place(tick)] * 2, band, RULE, 0.8)
                sheet.line([place(0)] * 2, band, INK, 1.4)
                _intervention(sheet, row, lines, top, band, place, words.unknown)
                top += height
            top += GAP / 2
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _scale(
    sheet: Sheet,
    place: Callable[[float], float],
    ends: tuple[float, float],
    words: RankingWords,
    catalogue: Catalogue,
) -> list[float]:
    """What the scale counts, its sides over the picture and its numbers under it."""
    most = 5 if sheet.width == WIDE else 4
    ticks = [float(t) for t in MaxNLocator(most, steps=[1, 2, 5, 10]).tick_values(*ends) if ends[0] <= t <= ends[1]]
    digits = 0 if len(ticks) < 2 or ticks[1] - ticks[0] >= 1 else 1
    left, right = place(ends[0]), place(ends[1])
    unit = wrapped(words.unit, sheet.width, SMALL)
    _small(sheet, unit, 0, 10, "left")
    below = 14 + SMALL_LINE * len(unit)
    _small(sheet, wrapped(f"← {words.loss}", (right - left) / 2 - 4, SMALL), left, below, "left")
    _small(sheet, wrapped(f"{words.gain} →", (right - left) / 2 - 4, SMALL), right, below, "right")
    for tick in ticks:
        text = catalogue.signed(tick, digits)
        half = text_width(text, SMALL) / 2
        sheet.say(
            float(np.clip(place(tick), half, sheet.width - half)), sheet.height - 16, text, SMALL, QUIET, ha="center"
        )
    return ticks


def _small(sheet: Sheet, lines: Sequence[str], x: float, y: float, side: str) -> None:
    for number, line in enumerate(lines):
        sheet.say(x, y + SMALL_LINE * number, line, SMALL, QUIET, ha=side)


def _intervention(
    sheet: Sheet,
    row: Mapping[Any, Any],
    lines: Sequence[str],
    top: float,
    band: tuple[float, float],
    place: Callable[[float], float],
    unknown: str,
) -> None:
    tone, middle = str(row["tone"]), sum(band) / 2
    for number, line in enumerate(lines):
        sheet.say(8, top + 14 + LINE * number, line, weight="bold")
    below = top + 14 + LINE * len(lines)
    sheet.line([14], [below], TONES[tone], marker=SHAPES[tone], markersize=7)
    sheet.say(26, below, str(row["verdict"]), SMALL, TONES[tone])
    value, lo, hi = (float(row[name]) for name in ("value", "lo", "hi"))
    if not np.isfinite(value):
        paper = {"boxstyle": "square,pad=0.3", "facecolor": PAPER, "edgecolor": "none"}
        sheet.say(NAMES + 16 if sheet.width == WIDE else 8, middle, unknown, SMALL, QUIET, bbox=paper)
        return
    if np.isfinite(lo) and np.isfinite(hi):
        sheet.line([place(lo), place(hi)], [middle] * 2, TONES[tone], 3)
    sheet.line([place(value)], [middle], TONES[tone], marker=SHAPES[tone], markersize=10)
