"""Figures of estimates: the bars and the forest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    SHAPES,
    SMALL,
    TEXT,
    TONES,
    Figure,
    Sheet,
    both_widths,
    text_width,
    value_range,
    wrapped,
)
from ennakointi.text import Catalogue

FOREST_LABELS = 330.0


def bars(frame: pd.DataFrame, *, catalogue: Catalogue, unit: str, alt: str, caption: str) -> Figure:
    """Horizontal bars with their numbers and intervals, each under its label.

    Parameters
    ----------
    frame : DataFrame
        `label`, `value`, and optionally `lo`, `hi`; a missing value is named as hidden.
    """
    columns = [name for name in ("value", "lo", "hi") if name in frame]
    low, high = value_range(frame[columns].to_numpy(dtype=float))

    def draw(width: int) -> Canvas:
        rows = [(record, *_bar_words(record, width, catalogue)) for record in frame.to_dict("records")]
        sheet, top = Sheet(width, 28 + sum(_bar_height(lines) for _, lines, _ in rows)), 28.0
        sheet.say(0, 12, unit, SMALL, QUIET)

        def place(value: float) -> float:
            return 2 + (value - low) / (high - low) * (width - 4)

        for record, lines, words in rows:
            for number, line in enumerate(lines):
                sheet.say(0, top + 11 + number * 18, line)
            sheet.say(width - 2, top + 11, words, ha="right", weight="bold")
            top += _bar_height(lines)
            _bar(sheet, top - 26, _numbers(record, "value", "lo", "hi"), place)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _numbers(record: Mapping[Any, Any], *names: str) -> list[float]:
    return [float(record.get(name, np.nan)) for name in names]


def _bar_words(record: Mapping[Any, Any], width: int, catalogue: Catalogue) -> tuple[list[str], str]:
    """The label in lines that leave room for the number, and the number."""
    value, lo, hi = _numbers(record, "value", "lo", "hi")
    words = catalogue.significant(value)
    if np.isfinite(lo) and np.isfinite(hi):
        estimate = catalogue.estimate(value, lo, hi)
        words = f"{estimate.value} ({estimate.interval})"
    return wrapped(str(record["label"]), width - text_width(words, TEXT) - 16, TEXT), words


def _bar_height(lines: Sequence[str]) -> float:
    return 34.0 + 18 * len(lines)


def _bar(sheet: Sheet, top: float, numbers: Sequence[float], place: Callable[[float], float]) -> None:
    value, lo, hi = numbers
    sheet.line([place(0), place(0)], [top - 3, top + 18], INK, 1)
    if np.isfinite(value):
        left, right = sorted((place(0), place(value)))
        sheet.box(left, top, max(right - left, 1), 15, MAIN)
    if np.isfinite(lo) and np.isfinite(hi):
        sheet.line([place(lo), place(hi)], [top + 7.5] * 2, PAPER, 5)
        sheet.line([place(lo), place(hi)], [top + 7.5] * 2, INK, 2)


def forest(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    better: str = "",
    worse: str = "",
    percent: bool = False,
) -> Figure:
    """Effects under each other with their intervals, a line at no effect, and the verdict in words.

    Parameters
    ----------
    frame : DataFrame
        `label`, `estimate` (missing = hidden, and named so), `lo`, `hi`, `verdict` (words), `tone` (good, bad, unsure,
        neutral).
    better, worse : str
        Words for the side below and above zero.
    percent : bool
        The numbers are shares, shown as percentages.
    """
    ends = _with_margin(frame)
    ticks = [tick for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(*ends) if ends[0] <= tick <= ends[1]]
    show = catalogue.signed_percent if percent else catalogue.signed
    digits = 0 if ticks[1] - ticks[0] >= (0.01 if percent else 1) else 1

    def draw(width: int) -> Canvas:
        sheet, rows = _forest_sheet(frame, width)
        left = FOREST_LABELS if sheet.width > 600 else 12.0

        def place(value: float) -> float:
            return left + 10 + (value - ends[0]) / (ends[1] - ends[0]) * (width - left - 24)

        _sides(sheet, unit, place(0), better, worse)
        for record, lines, top, band in rows:
            for tick in ticks:
                sheet.line([place(tick)] * 2, band, RULE, 0.8)
            sheet.line([place(0)] * 2, band, INK, 1.2)
            _effect(sheet, top, record, lines, place, band)
            if not np.isfinite(float(record["estimate"])):
                clear = {"boxstyle": "square,pad=0.3", "facecolor": PAPER, "edgecolor": "none"}
                sheet.say(left + 16, sum(band) / 2, catalogue.hidden, SMALL, QUIET, bbox=clear)
        for tick in ticks:
            words = show(tick, digits)
            middle = min(place(tick), sheet.width - text_width(words, SMALL) / 2 - 6)
            sheet.say(middle, sheet.height - 20, words, SMALL, QUIET, ha="center")
        return sheet.canvas

    return both_widths(draw, alt, caption)


_ForestRow = tuple[Mapping[Any, Any], list[str], float, tuple[float, float]]


def _forest_sheet(frame: pd.DataFrame, width: int) -> tuple[Sheet, list[_ForestRow]]:
    """The sheet and, for each effect, its label in lines, its top and the band of its interval.

    The band lies beside the label where the sheet is wide, under it where it is narrow."""
    beside, top = width > 600, 44.0
    rows: list[_ForestRow] = []
    for record in frame.to_dict("records"):
        lines = wrapped(str(record["label"]), (FOREST_LABELS if beside else width) - 10, TEXT)
        height = 44.0 + 18 * len(lines) + (0 if beside else 28)
        band = (top, top + height) if beside else (top + height - 42, top + height - 14)
        rows.append((record, lines, top, band))
        top += height
    return Sheet(width, top + 32), rows


def _with_margin(frame: pd.DataFrame) -> tuple[float, float]:
    low, high = value_range(frame[["estimate", "lo", "hi"]].to_numpy(dtype=float))
    return low - 0.06 * (high - low), high + 0.06 * (high - low)


def _sides(sheet: Sheet, unit: str, zero: float, better: str, worse: str) -> None:
    sheet.say(0, 12, unit, SMALL, QUIET)
    left = f"← {better}" if better else ""
    if text_width(left, SMALL) <= zero - 8:  # the sign of the numbers says the same
        sheet.say(zero - 8, 32, left, SMALL, QUIET, ha="right")
    right = f"{worse} →" if worse else ""
    if zero + 8 + text_width(right, SMALL) <= sheet.width:
        sheet.say(zero + 8, 32, right, SMALL, QUIET)


def _effect(
    sheet: Sheet,
    top: float,
    record: Mapping[Any, Any],
    lines: Sequence[str],
    place: Callable[[float], float],
    band: tuple[float, float],
) -> None:
    tone, middle = str(record["tone"]), sum(band) / 2
    for number, line in enumerate(lines):
        sheet.say(0, top + 14 + 18 * number, line, weight="bold")
    below = top + 16 + 18 * len(lines)
    sheet.line([7], [below], TONES[tone], marker=SHAPES[tone], markersize=7)
    sheet.say(18, below, str(record["verdict"]), SMALL, TONES[tone])
    value, lo, hi = _numbers(record, "estimate", "lo", "hi")
    if np.isfinite(value):
        sheet.line([place(lo), place(hi)], [middle] * 2, TONES[tone], 3)
        sheet.line([place(value)], [middle], TONES[tone], marker=SHAPES[tone], markersize=10)
