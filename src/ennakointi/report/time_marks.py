"""What a figure marks in time: shaded spans and broken lines, named over the axes where there is room.

A name that would cover another one, or leave the sheet, becomes a patch or a number that the legend explains.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from matplotlib.axes import Axes

from ennakointi.report.sheet import HATCH, INK, PAPER, QUIET, SMALL, WIDER, Entry, Sheet, text_width

ROW, ROWS, BESIDE = 19.0, 4, 5.0  # height and number of the rows of names, and from a line to its name
BULB = 12.0  # room that a numbered line needs over the axes
HIDDEN = "hidden"  # the colour of a span of hidden numbers: a pattern


@dataclass(frozen=True)
class Mark:
    """A span of time from `first` to `last`, shaded in its colour; where both are the same, a broken line."""

    first: float
    last: float
    words: str = ""
    colour: str = QUIET

    @property
    def spans(self) -> bool:
        return self.last > self.first


@dataclass(frozen=True)
class _Name:
    """Where the words of a mark stand: their ends in pixels and their row; row 0 lies on the axes."""

    mark: Mark
    left: float
    right: float
    row: int


@dataclass(frozen=True)
class TimeMarks:
    """Marks over an axis of time.

    Parameters
    ----------
    marks : sequence of Mark
        Those outside `ends` are left out; one without words has no name (another one tells what it is).
    ends : (float, float)
        First and last moment of the axis.
    sides : (float, float)
        Its left and its right end in pixels.
    width : int
        Of the sheet.
    """

    marks: Sequence[Mark]
    ends: tuple[float, float]
    sides: tuple[float, float]
    width: int

    @cached_property
    def shown(self) -> list[Mark]:
        """Marks on the axis, cut to it: spans first, so that lines lie over them."""
        first, last = self.ends
        cut = [Mark(max(m.first, first), min(m.last, last), m.words, m.colour) for m in self.marks]
        return sorted((m for m in cut if m.first <= m.last), key=lambda m: (not m.spans, m.first))

    @cached_property
    def names(self) -> list[_Name]:
        """The words that have room: those of lines first, from the last on, as they stand to the right of theirs."""
        placed: list[_Name] = []
        for mark in sorted(self.shown, key=lambda m: (m.spans, -m.first)):
            if mark.words and (name := next((n for n in self._places(mark) if self._is_free(n, placed)), None)):
                placed.append(name)
        return placed

    @property
    def unnamed(self) -> list[Mark]:
        """Marks that the legend has to name."""
        named = [name.mark for name in self.names]
        return [mark for mark in self.shown if mark.words and mark not in named]

    @property
    def height(self) -> float:
        """Pixels over the axes."""
        rows = 1 + max((name.row for name in self.names), default=-1)
        return rows * ROW + self._lift

    @property
    def entries(self) -> list[Entry]:
        """What the legend says of marks without a name in the picture."""
        lines = [mark for mark in self.unnamed if not mark.spans]
        return [
            Entry(m.words, "hatch" if m.colour == HIDDEN else "patch", m.colour) for m in self.unnamed if m.spans
        ] + [Entry(mark.words, "number", QUIET, key=str(i)) for i, mark in enumerate(lines, 1)]

    def draw(self, sheet: Sheet, axes: Axes, top: float) -> None:
        """Shades, lines and names; the axes begin at `top`."""
        reach = {id(name.mark): self._lift + ROW * (name.row + 1) for name in self.names}
        for mark in self.shown:
            self._mark(sheet, axes, mark, top, reach.get(id(mark), 0.0))
        for name in self.names:
            sheet.say(name.left, top - self._lift - ROW * (name.row + 0.5), name.mark.words, SMALL, INK)
        bulb = {"boxstyle": "circle,pad=0.25", "facecolor": QUIET, "edgecolor": "none"}
        for number, mark in enumerate((m for m in self.unnamed if not m.spans), 1):
            sheet.say(self._x(mark.first), top, str(number), SMALL, PAPER, ha="center", weight="bold", bbox=bulb)

    @property
    def _lift(self) -> float:
        return BULB if any(not mark.spans for mark in self.unnamed) else 0.0

    def _x(self, moment: float) -> float:
        (first, last), (left, right) = self.ends, self.sides
        return left + (moment - first) / ((last - first) or 1.0) * (right - left)

    def _places(self, mark: Mark) -> Iterator[_Name]:
        """Where the words could stand, the best place first: inside a span, to the right of a line, in a low row."""
        wide = text_width(mark.words, SMALL) * WIDER
        start, end = self._x(mark.first), self._x(mark.last)
        lefts = [start + BESIDE, end - BESIDE - wide] if mark.spans else [start + BESIDE, start - BESIDE - wide]
        lefts = [(start + end - wide) / 2, *lefts] if wide + 4 <= end - start else lefts
        places = [(left, row) for row in range(ROWS) for left in lefts]
        for left, row in places if mark.spans else sorted(places, key=lambda place: place[0] != lefts[0]):
            yield _Name(mark, left, left + wide, row)

    def _is_free(self, name: _Name, placed: Sequence[_Name]) -> bool:
        """Whether the words stay on the sheet, cover none, and no line crosses any."""
        if name.left < 0 or name.right > self.width - 2:
            return False
        for other in placed:
            if other.row == name.row and name.left < other.right + 8 and other.left < name.right + 8:
                return False
            low, high = sorted((name, other), key=lambda n: n.row)
            if low.row < high.row and not high.mark.spans and low.left - 3 < self._x(high.mark.first) < low.right + 3:
                return False
        return True

    def _mark(self, sheet: Sheet, axes: Axes, mark: Mark, top: float, reach: float) -> None:
        left, right = self._x(mark.first), self._x(mark.last)
        if not mark.spans:
            axes.axvline(mark.first, color=QUIET, linewidth=1.2, linestyle=(0, (2, 2)), zorder=2)
            sheet.line([left, left], [top - reach, top], QUIET, 1.2, linestyle=(0, (2, 2)))
        elif mark.colour == HIDDEN:
            hide(axes, [(mark.first + mark.last) / 2], (mark.last - mark.first) / 2)
        else:
            axes.axvspan(mark.first, mark.last, color=mark.colour, linewidth=0, zorder=0)
            sheet.box(left, top - reach, right - left, reach, mark.colour)


def hide(axes: Axes, places: Sequence[float], half: float = 0.5) -> None:
    """The pattern of what is hidden, around each place of an axis."""
    for place in places:
        axes.axvspan(place - half, place + half, facecolor=PAPER, edgecolor=QUIET, hatch=HATCH, linewidth=0, zorder=0)
