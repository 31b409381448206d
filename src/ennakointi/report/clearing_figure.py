"""The chance of being clear of a debt against added capacity: one line per scenario, each named where it is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from ennakointi.report.callouts import Callout, spread
from ennakointi.report.sheet import (
    FOURTH,
    INK,
    MAIN,
    QUIET,
    SECOND,
    SMALL,
    THIRD,
    WIDE,
    WIDER,
    Figure,
    Floats,
    Sheet,
    both_widths,
    text_width,
    wrapped,
)
from ennakointi.text import Catalogue

STYLES = ((MAIN, "o", "solid"), (THIRD, "s", (0, (7, 2))), (SECOND, "^", (0, (2, 1.5))), (FOURTH, "D", "solid"))
HEAD, HEAD_LINE = 15.0, 21.0
LEAD, TALL, FOOT = 30.0, 210.0, 44.0  # from the names to the axes, the axes, and the words under them
MOST = 150.0  # width of a name
CHANCES, APART = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), 0.08  # ticks, and how near the wanted chance one may stand


@dataclass(frozen=True)
class Curve:
    """A scenario: chances against added capacity, the capacity `needed` for the wanted chance (not a number: none is
    enough), and how that is written."""

    name: str
    capacity: Floats
    chance: Floats
    needed: float
    number: str
    remarks: tuple[str, ...] = ()

    @property
    def mark(self) -> tuple[float, float]:
        """Where the line is named: at the needed capacity, or at its end where that is not in the picture."""
        if np.isfinite(self.needed) and self.needed <= self.capacity[-1]:
            return self.needed, float(np.interp(self.needed, self.capacity, self.chance))
        return float(self.capacity[-1]), float(self.chance[-1])


def clearing_curves(
    curves: Sequence[Curve], *, wanted: float, catalogue: Catalogue, title: str, x_label: str, alt: str, caption: str
) -> Figure:
    """Chances from 0 to 1 of every scenario; the wanted chance is a line, and what it takes stands over it.

    Parameters
    ----------
    curves : sequence of Curve
        Each with rising capacities from 0; at most four.
    wanted : float
        The wanted chance.
    """

    def draw(width: int) -> Canvas:
        head = wrapped(title, width / WIDER, HEAD)
        names = len(head) * HEAD_LINE + 10
        each = [
            Callout(curve.number, curve.name, colour, curve.remarks if width == WIDE else ())
            for curve, (colour, *_) in zip(curves, STYLES, strict=False)
        ]
        room = min((width - 14.0 * (len(each) - 1)) / len(each), MOST)
        sizes = [callout.size(room) for callout in each]
        below = names + max(tall for _, tall in sizes)
        sheet = Sheet(width, below + LEAD + TALL + FOOT)
        for number, line in enumerate(head):
            sheet.say(0, 12 + number * HEAD_LINE, line, HEAD, weight="bold")
        place = _Place(sheet, below + LEAD, max(float(curve.capacity[-1]) for curve in curves), catalogue)
        place.scales(wanted, x_label)
        starts = spread([place.x(curve.mark[0]) - 2 for curve in curves], [wide for wide, _ in sizes], width, 14)
        for curve, callout, start, style in zip(curves, each, starts, STYLES, strict=False):
            place.curve(curve, style)
            x, y = place.x(curve.mark[0]), place.y(curve.mark[1])
            sheet.line([start + 2, x, x], [names + callout.size(room)[1], below + LEAD / 2, y], style[0], 1.3)
            callout.draw(sheet, start, names, room)
        return sheet.canvas

    return both_widths(draw, alt, caption)


@dataclass(frozen=True)
class _Place:
    """The axes on a sheet: their top, and the largest capacity."""

    sheet: Sheet
    top: float
    most: float
    catalogue: Catalogue

    @property
    def left(self) -> float:
        return text_width(self.catalogue.percent(1), SMALL) + 12

    @property
    def wide(self) -> float:
        return self.sheet.width - self.left - 12

    def x(self, capacity: float) -> float:
        """Pixels from the left."""
        return self.left + capacity / self.most * self.wide

    def y(self, chance: float) -> float:
        """Pixels from the top."""
        return self.top + (1 - chance) * TALL

    def scales(self, wanted: float, x_label: str) -> None:
        """Rules, ticks, the line of the wanted chance, and what the scale counts."""
        axes: Axes = self.sheet.axes(self.left, self.top, self.wide, TALL)
        axes.set_ylim(0, 1)
        axes.set_xlim(0, self.most)
        chances = sorted({*(chance for chance in CHANCES if abs(chance - wanted) >= APART), wanted})
        axes.set_yticks(chances, [self.catalogue.percent(chance) for chance in chances])
        axes.get_yticklabels()[chances.index(wanted)].set(fontweight="bold", color=INK)
        axes.axhline(wanted, color=INK, linewidth=1.6)
        ticks = MaxNLocator(6 if self.sheet.width == WIDE else 4, steps=[1, 2, 5, 10]).tick_values(0, self.most)
        digits = 0 if ticks[1] - ticks[0] >= 1 else 1
        inside = [tick for tick in ticks if 0 <= tick <= self.most]
        axes.set_xticks(inside, [self.catalogue.number(tick, digits) for tick in inside])
        self.sheet.say(self.sheet.width - 12, self.top + TALL + 34, x_label, SMALL, QUIET, ha="right")

    def curve(self, curve: Curve, style: tuple[str, str, object]) -> None:
        """A line, and under its mark the way down to the capacity."""
        colour, marker, dashes = style
        x = [self.x(capacity) for capacity in curve.capacity]
        self.sheet.line(x, [self.y(chance) for chance in curve.chance], colour, 2.6, linestyle=dashes)
        at, chance = curve.mark
        if at < curve.capacity[-1]:
            self.sheet.line([self.x(at)] * 2, [self.y(chance), self.y(0)], colour, 1.2, linestyle=(0, (1, 2)))
        self.sheet.line([self.x(at)], [self.y(chance)], colour, marker=marker, markersize=8)
