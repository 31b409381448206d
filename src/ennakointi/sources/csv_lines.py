"""Whole lines of a CSV file, some megabytes at a time, and which of them a reader must not be given as they stand."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ennakointi.sources.csv_encoding import is_wide, lines_of

LONGEST = 1_000_000  # bytes of a line, or of a record over several
LONG_LINE = b"\0long_line"  # stands in the place of a line that is not kept
_BLOCK = 1 << 22
_LINE_FEED, _RETURN, _QUOTE = 10, 13, 34


class WholeLines:
    """The lines of a file from a byte on, in chunks of bytes in which a line feed ends every line.

    CR and CR LF end a line too. An encoding in which a line break is not one byte is turned into UTF-8, with U+FFFD
    where it cannot be; any other is left as it stands. A line over `LONGEST` that does not fit into a chunk is replaced
    by `LONG_LINE`.
    """

    def __init__(self, path: Path, start: int, encoding: str | None) -> None:
        self.path, self.start = path, start
        self.decoder = codecs.getincrementaldecoder(encoding)("replace") if encoding and is_wide(encoding) else None

    def __iter__(self) -> Iterator[bytes]:
        rest, skipping = b"", False
        with self.path.open("rb") as raw:
            raw.seek(self.start)
            for read in self._blocks(raw):
                block = read
                if skipping:
                    if b"\n" not in block:
                        continue
                    block, skipping = block[block.index(b"\n") :], False
                cut = block.rfind(b"\n") + 1
                if cut:
                    yield rest + block[:cut]
                rest = block[cut:] if cut else rest + block
                if len(rest) > LONGEST:
                    rest, skipping = LONG_LINE, True
        if rest:
            yield rest + b"\n"

    def _blocks(self, raw: BinaryIO) -> Iterator[bytes]:
        """The file in blocks with line feeds alone."""
        kept = b""
        while block := raw.read(_BLOCK):
            block = kept + (self.decoder.decode(block).encode() if self.decoder else block)
            kept = block[-1:] if block.endswith(b"\r") else b""
            yield _unified(block[: len(block) - len(kept)])
        yield _unified(kept + (self.decoder.decode(b"", True).encode() if self.decoder else b""))


def _unified(block: bytes) -> bytes:
    values = np.frombuffer(block, np.uint8)
    returns = np.flatnonzero(values == _RETURN)
    if not len(returns):
        return block
    if not block.endswith(b"\r") and (values[returns + 1] == _LINE_FEED).all():
        return block.translate(None, b"\r")  # half the cost of replacing pairs
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def line_ends(content: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Places of the line feeds that end the lines of a chunk."""
    return np.flatnonzero(content == _LINE_FEED)


def suspects(content: bytes, ends: NDArray[np.int64], delimiter: str) -> NDArray[np.int64]:
    """Lines of a chunk (0 = first) that are empty, too long, hold a NUL, or quotes not set around a whole field."""
    lengths = np.diff(ends, prepend=-1) - 1
    found = [np.flatnonzero((lengths == 0) | (lengths > LONGEST))]
    values = np.frombuffer(content, np.uint8)
    if b"\0" in content:
        found.append(lines_of(np.flatnonzero(values == 0), ends))
    if b'"' in content:
        found.append(_odd_quotes(values, ends, delimiter))
    return np.unique(np.concatenate(found))


def _odd_quotes(values: NDArray[np.uint8], ends: NDArray[np.int64], delimiter: str) -> NDArray[np.int64]:
    """Lines with an odd number of quotes, or with a quote that neither stands at the edge of a field nor is doubled."""
    quotes = np.flatnonzero(values == _QUOTE)
    counts = np.diff(np.searchsorted(quotes, ends), prepend=0)
    odd = np.flatnonzero(counts & 1)
    if len(odd):
        quotes = quotes[np.repeat(counts & 1 == 0, counts)]
    edge = np.zeros(256, bool)
    edge[[_LINE_FEED, _QUOTE, ord(delimiter)]] = True
    opening, closing = quotes[::2], quotes[1::2]
    inside = [opening[~edge[values[opening - 1]]], closing[~edge[values[closing + 1]]]]
    return np.union1d(odd, lines_of(np.sort(np.concatenate(inside)), ends))
