"""The encoding of a CSV file: its byte-order mark, else UTF-8 or Windows-1252, by the lines that are not plain ASCII.

Windows-1252 holds every printable character of ISO-8859-1. A line that does not fit the encoding of its file is
marked and rejected, never read as mojibake.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

UTF_8 = "utf-8"
WINDOWS = "cp1252"
_MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_DOS_LETTERS = (0x84, 0x94, 0x86, 0x8E, 0x99, 0x8F)  # ä ö å Ä Ö Å in code page 850
_WINDOWS_LETTERS = (0xE4, 0xF6, 0xE5, 0xC4, 0xD6, 0xC5)
_NARROW = ((0xE0, 0xA0, 0xBF), (0xED, 0x80, 0x9F), (0xF0, 0x90, 0xBF), (0xF4, 0x80, 0x8F))
_NOT_WINDOWS = (0x81, 0x8D, 0x8F, 0x90, 0x9D)


def byte_order_mark(head: bytes) -> tuple[str | None, int]:
    """The encoding that the first bytes of a file announce, and the length of the announcement."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return None, 0


def is_wide(encoding: str) -> bool:
    """Whether a line break is more than the one byte of ASCII."""
    return "\n".encode(encoding)[-2:] != b"\n"


@dataclass
class Letters:
    """What the lines of a file hold beyond ASCII: lines that are UTF-8 and lines that are not, and how often each
    byte above 127 occurs, 256 counts."""

    utf_8: int = 0
    other: int = 0
    found: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))

    def add(
        self, content: NDArray[np.uint8], ends: NDArray[np.int64], encoding: str | None, strict: bool = False
    ) -> NDArray[np.int64]:
        """Count whole lines that end at `ends`; returns those that do not fit the encoding (None: of most so far).

        UTF-8 does not fit into a file of single bytes, nor, unless the decoder is `strict`, a byte that Windows-1252
        does not have.
        """
        places = np.flatnonzero(content > 127)
        self.found += np.bincount(content[places], minlength=256)
        lines, outside = lines_of(places, ends), lines_of(not_utf_8(content, places), ends)
        self.other += len(outside)
        self.utf_8 += len(lines) - len(outside)
        encoding = encoding or self.encoding
        if encoding == UTF_8:
            return outside
        unknown = _NOT_WINDOWS if encoding == WINDOWS and not strict else ()
        undefined = lines_of(places[np.isin(content[places], unknown)], ends)
        return np.union1d(np.setdiff1d(lines, outside), undefined) if len(outside) < len(lines) else undefined

    @property
    def encoding(self) -> str:
        """What most lines are written in."""
        return UTF_8 if self.utf_8 >= self.other else WINDOWS

    @property
    def looks_like_dos(self) -> bool:
        """Whether a file that is not UTF-8 holds more of code page 850's Finnish letters than of Windows's."""
        dos, windows = (self.found[list(letters)].sum() for letters in (_DOS_LETTERS, _WINDOWS_LETTERS))
        return self.encoding == WINDOWS and bool(dos > windows)


def lines_of(places: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lines (0 = first) on which bytes stand, `places` in their order."""
    lines = np.searchsorted(ends, places)
    return lines[np.diff(lines, prepend=-1) > 0]


def not_utf_8(content: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of bytes that cannot stand in UTF-8, among the `places` of all bytes above 127."""
    value = np.concatenate([content[places], np.zeros(3, np.uint8)])
    place = np.concatenate([places, np.full(3, -9)])
    n = len(places)
    follows = (value & 0xC0) == 0x80
    needed = np.select([value >= 0xF5, value >= 0xF0, value >= 0xE0, value >= 0xC2], [0, 3, 2, 1], 0)
    sound = needed[:n] > 0
    for lead, low, high in _NARROW:  # the shortest form only, no surrogates, nothing beyond the last character
        sound &= (value[:n] != lead) | ((value[1 : n + 1] >= low) & (value[1 : n + 1] <= high))
    for step in (1, 2, 3):
        there = follows[step : n + step] & (place[step : n + step] == places + step)
        sound &= there | (needed[:n] < step)
    covered = np.concatenate([sound, np.zeros(3, bool)])
    for step in (1, 2, 3):
        covered[step : n + step] |= sound & (needed[:n] >= step)
    return places[~covered[:n]]
