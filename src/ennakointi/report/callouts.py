"""Large numbers with their names beside a figure: led to what they mean, pushed apart so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from ennakointi.report.sheet import INK, QUIET, SMALL, TEXT, WIDER, Sheet, text_width, wrapped

NUMBER = 20.0
INDENT = 11.0  # from the coloured rule to the words


@dataclass(frozen=True)
class Callout:
    """A number, its name, and small remarks under it, each on its own lines; `colour` is that of what it names."""

    number: str
    name: str
    colour: str
    remarks: tuple[str, ...] = ()

    def lines(self, width: float) -> list[tuple[str, float]]:
        """Every line with its size, as they fit a width."""
        own = [(line, TEXT) for line in wrapped(self.name, width - INDENT, TEXT)]
        small = [(line, SMALL) for remark in self.remarks for line in wrapped(remark, width - INDENT, SMALL)]
        return [(self.number, NUMBER), *own, *small]

    def size(self, width: float) -> tuple[float, float]:
        """Width and height in pixels when it may be so wide."""
        lines = self.lines(width)
        return INDENT + WIDER * max(text_width(line, size) for line, size in lines), sum(
            _tall(size) for _, size in lines
        )

    def draw(self, sheet: Sheet, left: float, top: float, width: float) -> None:
        """The rule and the words with their top left corner at a place."""
        sheet.box(left, top, 4, self.size(width)[1], self.colour)
        for line, size in self.lines(width):
            tall = _tall(size)
            weight = "bold" if size == NUMBER else "normal"
            sheet.say(left + INDENT, top + tall / 2, line, size, QUIET if size == SMALL else INK, weight=weight)
            top += tall


def _tall(size: float) -> float:
    return {NUMBER: 25.0, TEXT: 18.0}.get(size, 17.0)


def spread(wanted: Sequence[float], sizes: Sequence[float], end: float, gap: float) -> list[float]:
    """Starts of boxes in their order, near the wanted ones, without overlap, from 0 to `end` where they fit.

    Parameters
    ----------
    wanted, sizes : the start and the length of each box, in order
    end, gap : float
        Where the last one must end, and the least distance of two; where the boxes need more, all come closer.
    """
    starts: list[float] = []
    reached = 0.0
    for start, size in zip(wanted, sizes, strict=True):
        starts.append(max(start, reached))
        reached = starts[-1] + size + gap
    limit = end
    for place in reversed(range(len(starts))):
        starts[place] = min(starts[place], limit - sizes[place])
        limit = starts[place] - gap
    if starts and starts[0] < 0:
        even = (end - sum(sizes)) / max(len(sizes) - 1, 1)
        return list(accumulate((size + even for size in sizes[:-1]), initial=0.0))
    return starts
