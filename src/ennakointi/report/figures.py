"""The figures of the report: one visual language, drawn from released tables only.

Every figure is drawn twice, for wide and for narrow screens, so that its words stay legible at 375 pixels.
Shapes, dashes and numbers say what colours say; all colours keep a contrast of 3:1 on white.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.periods import parse_month
from ennakointi.report import svg
from ennakointi.report.bar_figures import bars, forest
from ennakointi.report.clearing_figure import Curve, clearing_curves
from ennakointi.report.cost_figures import PlaneWords, acceptability, cost_plane
from ennakointi.report.effect_time_figure import TimeWords, effect_time
from ennakointi.report.fate_figure import Piece, fate
from ennakointi.report.forecast_figures import FanWords, fan, fans
from ennakointi.report.ranking_figure import RankingWords, ranking
from ennakointi.report.sheet import (
    INK,
    MAIN,
    QUARTER,
    QUIET,
    SECOND,
    SMALL,
    WINDOW,
    Entry,
    Figure,
    Sheet,
    both_widths,
    legend_height,
    numbered,
    ribbon,
    value_axes,
    year_ticks,
)
from ennakointi.report.waterfall_figure import WaterfallWords, waterfall
from ennakointi.text import Catalogue

__all__ = [
    "Curve",
    "FanWords",
    "Figure",
    "Piece",
    "PlaneWords",
    "RankingWords",
    "TimeWords",
    "WaterfallWords",
    "acceptability",
    "bars",
    "before_after",
    "clearing_curves",
    "cost_plane",
    "deviation",
    "effect_time",
    "fan",
    "fans",
    "fate",
    "forest",
    "over_time",
    "ranking",
    "sparkline",
    "waterfall",
]


Span = tuple[str, str, str]


def over_time(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    window: Span | None = None,
    breaks: Sequence[tuple[str, str]] = (),
    quarter: Span | None = None,
    interval_label: str = "",
) -> Figure:
    """A line with its ribbon over the months; hidden months are gaps, breaks are numbered and named.

    Parameters
    ----------
    frame : DataFrame
        `month` (YYYY-MM), `value`, and optionally `lo`, `hi` (inner) and `lo95`, `hi95` (outer interval).
    window, quarter : (first month, last month, label), optional
        Shaded spans: the disruption, and the quarter of the report.
    breaks : sequence of (month, label)
        Known breaks of the series.
    """
    x = np.array([parse_month(str(m)) for m in frame["month"]], dtype=np.float64)
    spans = [(span, colour) for span, colour in ((window, WINDOW), (quarter, QUARTER)) if span]
    entries = [Entry(span[2], "patch", colour) for span, colour in spans]
    entries += [Entry(interval_label, "ribbon", MAIN)] if interval_label else []
    inside = [(parse_month(m), label) for m, label in breaks if x.size and x.min() <= parse_month(m) <= x.max()]
    entries += [
        Entry(f"{catalogue.month_short(m)} {label}", "number", QUIET, key=str(i))
        for i, (m, label) in enumerate(inside, 1)
    ]

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, 330 + legend_height(entries, width))
        axes = value_axes(sheet, frame, catalogue, unit, 30, 330 - 66)
        for (first, last, _), colour in spans:
            axes.axvspan(parse_month(first) - 0.5, parse_month(last) + 0.5, color=colour, linewidth=0, zorder=0)
        ribbon(axes, x, frame)
        axes.set_xlim(x.min() - 0.7, x.max() + 0.7)
        year_ticks(axes, x, width)
        numbered(axes, [float(m) for m, _ in inside])
        sheet.legend(entries, 330)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def before_after(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    x_label: str,
    start_label: str,
) -> Figure:
    """The treated and the comparison by time since the start; the start is marked.

    Parameters
    ----------
    frame : DataFrame
        `arm` (label; the first one is the treated), `since_start` (0 = first quarter with it), `rate`.
    """
    arms = list(dict.fromkeys(frame["arm"].astype(str)))
    styles = [(MAIN, "line", "o", "solid"), (SECOND, "dashes", "s", (0, (4, 2)))]
    entries = [
        Entry(arm, symbol, colour, marker=marker)
        for arm, (colour, symbol, marker, _) in zip(arms, styles, strict=False)
    ]

    def draw(width: int) -> Canvas:
        top = legend_height(entries, width) + 34
        sheet = Sheet(width, top + 300)
        sheet.legend(entries, 0)
        axes = value_axes(sheet, frame[["rate"]], catalogue, "", top + 12, 230)
        sheet.say(0, top - 20, unit, SMALL, QUIET)
        for arm, (colour, _, marker, dashes) in zip(arms, styles, strict=False):
            own = frame[frame["arm"] == arm].sort_values("since_start")
            axes.plot(own["since_start"], own["rate"], color=colour, linestyle=dashes, marker=marker, linewidth=2.4)
        axes.axvline(-0.5, color=INK, linewidth=1.2)
        over: Any = {"transform": axes.get_xaxis_transform(), "fontsize": SMALL, "parse_math": False}
        axes.text(-0.4, 1.02, start_label, color=INK, **over)
        axes.xaxis.set_major_locator(MaxNLocator(8 if width > 600 else 5, integer=True))
        axes.set_xticks(ticks := axes.get_xticks()[1:-1], [catalogue.signed(tick) for tick in ticks])
        sheet.say(width / 2, top + 284, x_label, SMALL, QUIET, ha="center")
        return sheet.canvas

    return both_widths(draw, alt, caption)


def deviation(
    frame: pd.DataFrame,
    *,
    catalogue: Catalogue,
    unit: str,
    alt: str,
    caption: str,
    observed_label: str,
    expected_label: str,
    marks: Sequence[tuple[str, str]] = (),
) -> Figure:
    """Observed counts against the expected level with its prediction band.

    Parameters
    ----------
    frame : DataFrame
        `period_start` (ISO date), `observed`, `expected`, `lo`, `hi`; a missing period is a gap.
    marks : sequence of (ISO date, label)
        Numbered and named points in time.
    """
    x = np.array([_years_since(str(day)) for day in frame["period_start"]], dtype=np.float64)
    named = [(_years_since(day), f"{catalogue.date(date.fromisoformat(day))} {label}") for day, label in marks]
    entries = [
        Entry(observed_label, "line", MAIN),
        Entry(expected_label, "ribbon", SECOND),
        *(Entry(label, "number", QUIET, key=str(i)) for i, (_, label) in enumerate(named, 1)),
    ]
    numbers = {name: frame[name].to_numpy(dtype=float) for name in ("observed", "expected", "lo", "hi")}

    def draw(width: int) -> Canvas:
        sheet = Sheet(width, 330 + legend_height(entries, width))
        axes = value_axes(sheet, pd.DataFrame(numbers), catalogue, unit, 30, 330 - 66)
        axes.fill_between(x, numbers["lo"], numbers["hi"], color=SECOND, alpha=0.22, linewidth=0)
        axes.plot(x, numbers["expected"], color=SECOND, linewidth=1.4, linestyle=(0, (4, 2)))
        axes.plot(x, numbers["observed"], color=MAIN, linewidth=1.8)
        years = range(int(np.ceil(x.min() - 0.05)), int(x.max()) + 1)
        axes.set_xticks(list(years), [str(year) for year in years])
        axes.set_xlim(x.min() - 0.05, x.max() + 0.05)
        numbered(axes, [place for place, _ in named])
        sheet.legend(entries, 330)
        return sheet.canvas

    return both_widths(draw, alt, caption)


def _years_since(day: str) -> float:
    moment = date.fromisoformat(day[:10])
    return moment.year + (moment.timetuple().tm_yday - 1) / 366


def sparkline(values: Sequence[float], *, alt: str) -> Figure:
    """A small line without axes; its last point is marked."""
    numbers = np.asarray(values, dtype=float)
    low, high = (float(np.nanmin(numbers)), float(np.nanmax(numbers))) if np.isfinite(numbers).any() else (0, 1)
    x = np.linspace(4, 152, len(numbers)) if len(numbers) > 1 else np.array([152.0])
    y = 36 - (numbers - low) / ((high - low) or 1) * 30
    sheet = Sheet(160, 42)
    sheet.line(x.tolist(), y.tolist(), MAIN, 2)
    if np.isfinite(y).any():
        last = np.flatnonzero(np.isfinite(y))[-1]
        sheet.line([x[last]], [y[last]], MAIN, marker="o", markersize=6)
    return Figure(svg.render(sheet.canvas, alt, alt), "", alt, "")
