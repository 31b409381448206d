"""What became of a whole: a bar of what was received and what is missing, and the missing part drawn large.

On a wide screen the bars lie and the names stand under them; on a narrow one the bars stand and the names lie beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from matplotlib.figure import Figure as Canvas
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from ennakointi.report.callouts import Callout, spread
from ennakointi.report.sheet import (
    FOURTH,
    INK,
    MAIN,
    PAPER,
    QUIET,
    SECOND,
    TEXT,
    THIRD,
    WIDE,
    WIDER,
    Figure,
    Sheet,
    both_widths,
    text_width,
    wrapped,
)

TINT = "#f7e8dc"  # between the missing piece and the same piece drawn large
UNKNOWN = "unknown"  # the fill of what nobody can tell
FILLS = {  # colour and pattern of a part; the pattern tells what the colour tells
    "replaced": (FOURTH, "--"),
    "waiting": (THIRD, "////"),
    "ended": (QUIET, ".."),
    "unseen": (SECOND, ""),
    "other": ("#5c350f", "xx"),
    UNKNOWN: (PAPER, "\\\\\\"),
}
HEAD, HEAD_LINE = 15.0, 23.0  # size of the words over the bars, and a line of them
THICK, LARGE = 44.0, 66.0  # a lying bar of the whole, and one of the parts
BRACE = 13.0  # strip of the parts below zero, with its margin
BETWEEN, DROP, GAP = 58.0, 26.0, 14.0  # from bar to bar, from bar to names, from name to name
FIRST, SECOND_BAR, NAMES = (0.0, 42.0), (88.0, 134.0), 164.0  # columns of a narrow sheet
TALL = 330.0  # least height of standing bars


@dataclass(frozen=True)
class Piece:
    """A part: what it is called, its size, and how the size is written; `remarks` are small words under its name."""

    label: str
    value: float
    number: str
    fill: str = UNKNOWN
    remarks: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """All of it in one line."""
        return "  ".join([f"{self.label} {self.number}", *self.remarks])

    @property
    def callout(self) -> Callout:
        """Its number and name; what is not known has no colour of its own."""
        colour = QUIET if self.fill == UNKNOWN else FILLS[self.fill][0]
        return Callout(self.number, self.label, colour, self.remarks)


def fate(whole: Piece, received: Piece, missing: Piece, parts: Sequence[Piece], *, alt: str, caption: str) -> Figure:
    """The whole to scale, and what is missing of it drawn large, in its parts.

    A part below zero is a strip beside the end of the large bar: the other parts reach beyond what is missing, and the
    strip leads back to it. A part of zero has no place in the picture.

    Parameters
    ----------
    whole, received, missing : Piece
        `whole` = `received` + `missing`, all positive.
    parts : sequence of Piece
        In order; they add up to `missing`. None: there is only the bar of the whole.
    """
    spans, end = _spans([part for part in parts if part.value != 0])
    heads = _Heads(whole, received, missing)

    def draw(width: int) -> Canvas:
        return _lying(heads, spans, end) if width == WIDE else _standing(heads, spans, end, width)

    return both_widths(draw, alt, caption)


@dataclass(frozen=True)
class _Heads:
    """The three numbers of the bar of the whole."""

    whole: Piece
    received: Piece
    missing: Piece

    @property
    def cut(self) -> float:
        """Share of the bar that was received."""
        return self.received.value / (self.received.value + self.missing.value)

    @property
    def coloured(self) -> list[tuple[Piece, str]]:
        """What was received and what is missing, with their colours."""
        return [(self.received, MAIN), (self.missing, SECOND)]


@dataclass(frozen=True)
class _Span:
    """A part between two shares of the large bar; one below zero leads back over the others."""

    part: Piece
    start: float
    end: float

    def anchor(self, wanted: float, long: float) -> float:
        """The place of the part on a bar of a length that is nearest to a wanted one."""
        low, high = self.start * long + 2, self.end * long - 4
        return min(max(wanted, low), high) if high > low else (low + high) / 2


def _spans(parts: Sequence[Piece]) -> tuple[list[_Span], float]:
    """The parts on a bar of length 1, by their start, and where the missing piece ends (1: no part is below zero)."""
    over, under = ([part for part in parts if part.value * sign > 0] for sign in (1, -1))
    total = sum(part.value for part in over) or 1.0
    forth = list(accumulate((part.value / total for part in over), initial=0.0))
    back = list(accumulate((part.value / total for part in under), initial=1.0))
    spans = [_Span(part, *ends) for part, ends in zip(over, pairwise(forth), strict=True)]
    spans += [_Span(part, ends[1], ends[0]) for part, ends in zip(under, pairwise(back), strict=True)]
    return sorted(spans, key=lambda span: span.start), max(back[-1], 0.0)


def _lying(heads: _Heads, spans: Sequence[_Span], end: float) -> Canvas:
    """The wide picture: bars lie, names under them."""
    room = (WIDE - GAP * (len(spans) - 1)) / max(len(spans), 1)
    sizes = [span.part.callout.size(room) for span in spans]
    cut, inside = heads.cut * WIDE, text_width(heads.received.words, TEXT) * WIDER < heads.cut * WIDE - 20
    beside = inside and text_width(heads.whole.words + heads.missing.words, HEAD) * WIDER < WIDE - 20
    top = 32.0 if beside else 32.0 + HEAD_LINE
    large = _Large(top + THICK + BETWEEN, LARGE, 0.0, float(WIDE), lying=True)
    below = large.side + LARGE + (BRACE if end < 1 else 0) + DROP
    sheet = Sheet(WIDE, below + max(tall for _, tall in sizes) + 4 if spans else top + THICK + 6)
    sheet.say(0, 12, heads.whole.words, HEAD, weight="bold")
    sheet.say(WIDE - 2, top - 20, heads.missing.words, HEAD, SECOND, ha="right", weight="bold")
    if inside:
        sheet.say(12, top + THICK / 2, heads.received.words, colour=PAPER, weight="bold", zorder=6)
    else:
        sheet.say(0, top - 20, heads.received.words, HEAD, MAIN, weight="bold")
    sheet.box(0, top, cut - 2, THICK, MAIN)
    sheet.box(cut, top, WIDE - cut, THICK, SECOND)
    if spans:
        _funnel(sheet, (cut, float(WIDE)), (0.0, end * WIDE), (top + THICK + 3, large.side - 3), lying=True)
    starts = spread([span.start * WIDE for span in spans], [wide for wide, _ in sizes], WIDE, GAP)
    for span, start in zip(spans, starts, strict=True):
        large.draw(sheet, span)
        sheet.line([span.anchor(start + 2, WIDE), start + 2], [large.leaves(span), below], QUIET, 1.2)
        span.part.callout.draw(sheet, start, below, room)
    return sheet.canvas


def _standing(heads: _Heads, spans: Sequence[_Span], end: float, width: int) -> Canvas:
    """The narrow picture: bars stand with what is missing at the top, names beside them."""
    room = width - NAMES
    lines = [(line, INK, True) for line in wrapped(heads.whole.words, width / WIDER, HEAD)]
    for piece, colour in heads.coloured:
        said = wrapped(piece.words, (width - 22) / WIDER, HEAD)
        lines += [(line, colour, number > 0) for number, line in enumerate(said)]
    sizes = [span.part.callout.size(room)[1] for span in spans]
    top = len(lines) * HEAD_LINE + 12
    long = max(TALL if spans else 4 * THICK, sum(sizes) + GAP * (len(sizes) - 1))
    sheet = Sheet(width, top + long + 4)
    for number, (line, colour, bare) in enumerate(lines):
        middle = 12 + number * HEAD_LINE
        if not bare:
            sheet.box(0, middle - 7, 14, 14, colour)
        sheet.say(0 if colour == INK else 22, middle, line, HEAD, colour, weight="bold")
    cut, thick = (1 - heads.cut) * long, FIRST[1] - FIRST[0]
    sheet.box(FIRST[0], top, thick, cut, SECOND)
    sheet.box(FIRST[0], top + cut + 2, thick, long - cut - 2, MAIN)
    large = _Large(SECOND_BAR[0], SECOND_BAR[1] - SECOND_BAR[0], top, long, lying=False)
    if spans:
        _funnel(sheet, (top, top + cut), (top, top + end * long), (FIRST[1] + 3, large.side - 3), lying=False)
    starts = spread([span.start * long for span in spans], sizes, long, GAP)
    for span, start in zip(spans, starts, strict=True):
        large.draw(sheet, span)
        anchor = span.anchor(start + 2, long)
        sheet.line([large.leaves(span), NAMES], [top + anchor, top + start + 2], QUIET, 1.2)
        span.part.callout.draw(sheet, NAMES, top + start, room)
    return sheet.canvas


@dataclass(frozen=True)
class _Large:
    """The large bar: where its first side is, how thick it is, and from where and how far it reaches."""

    side: float
    thick: float
    start: float
    long: float
    lying: bool

    def leaves(self, span: _Span) -> float:
        """Where the line to a part's name begins: at the bar, or at the strip of what is below zero."""
        return self.side + self.thick + (BRACE if span.part.value < 0 else 0) + 1

    def draw(self, sheet: Sheet, span: _Span) -> None:
        """A part of the bar; one below zero as a strip beside it."""
        under = span.part.value < 0
        unknown = under or span.part.fill == UNKNOWN
        colour, pattern = FILLS[UNKNOWN] if unknown else FILLS[span.part.fill]
        along = self.start + span.start * self.long
        gap = 0.0 if under or span.end > 1 - 1e-9 else 2.0
        length = max((span.end - span.start) * self.long - gap, 1.2)
        across, thick = (self.side + self.thick + 3, BRACE - 3) if under else (self.side, self.thick)
        place, size = ((along, across), (length, thick)) if self.lying else ((across, along), (thick, length))
        edge = span.part.callout.colour if unknown else PAPER  # also the colour of the pattern
        lines: dict[str, Any] = {"edgecolor": edge, "linewidth": 1.4 if unknown else 0.0, "hatch": pattern or None}
        sheet.add(Rectangle(place, *size, facecolor=colour, **lines))


def _funnel(
    sheet: Sheet, small: tuple[float, float], large: tuple[float, float], ends: tuple[float, float], *, lying: bool
) -> None:
    """A tinted band and its two guide lines from the missing piece to the same piece drawn large."""
    middle = sum(ends) / 2
    sides: list[Any] = [
        [point if lying else point[::-1] for point in ((one, ends[0]), (one, middle), (two, middle), (two, ends[1]))]
        for one, two in zip(small, large, strict=True)
    ]
    curve = [Path.MOVETO, *[Path.CURVE4] * 3]
    band = Path([*sides[0], *sides[1][::-1]], [*curve, Path.LINETO, *[Path.CURVE4] * 3])
    sheet.add(PathPatch(band, facecolor=TINT, edgecolor="none"))
    for side in sides:
        sheet.add(PathPatch(Path(side, curve), facecolor="none", edgecolor=SECOND, linewidth=1.2))
