"""Records of a CSV file, made readable as they stream by: every line is a record, or is rejected and named.

A quoted line break becomes a space. Whether a quote that is still open at the end of a line opens a value of several
lines, or was never closed, is decided by the balance of the lines: a record must close its quotes and have the header's
number of fields, and must not hold two lines that are whole records already. If nothing fits, the one line is rejected
and the next is read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ennakointi.sources.csv_encoding import UTF_8, Letters, byte_order_mark
from ennakointi.sources.csv_lines import LONG_LINE, LONGEST, WholeLines, line_ends, suspects

_MISFIT = b"\0encoding"  # stands in the place of a line in another encoding
_MOST_LINES = 1000  # of one record
_UNKNOWN = "\N{REPLACEMENT CHARACTER}".encode()
_DOS = (
    "looks like DOS code page 850, which cannot be told for certain: set `encoding` under `csv` in source.json to "
    "cp850, or to cp1252 if it is Windows after all"
)
_CORRECT = "correct `encoding` under `csv` in source.json, or leave it out"
_OPEN = re.compile(rb'"[^"]*(?:""[^"]*)*\Z')


class EncodingError(ValueError):
    """The encoding of a file cannot be told, or is not the one that `source.json` gives."""


class Records:
    """The records of a CSV file after its header, in UTF-8, a record a line, without the lines that cannot be read.

    Iterating gives them chunk by chunk, once. Raises `EncodingError`, at the latest at the end.

    Attributes
    ----------
    encoding : str or None
        As given or likely; else what the first lines beyond ASCII are written in, None as long as there is none.
    letters : Letters
        What all lines are written in, which is known at the end.
    rejected : list of (int, str, int)
        Line of the file (header = 1), rule, and further lines that went with it.
    shifts : list of (int, int)
        From this record on (1 = first), records stand so many lines further down in the file.
    """

    def __init__(self, path: Path, given: str | None, delimiter: str, fields: int, likely: str | None = None) -> None:
        with path.open("rb") as file:
            announced, start = byte_order_mark(file.read(4))
        self.is_open, self.strict = not (announced or given), given is not None
        self.encoding = announced or given or likely
        self.lines = WholeLines(path, start, self.encoding)
        self.letters = Letters()
        self.rejected: list[tuple[int, str, int]] = []
        self.shifts: list[tuple[int, int]] = []
        self.delimiter, self.fields = delimiter.encode(), fields
        self.line = self.written = 0  # lines of the file that are dealt with, and records given
        mark = re.escape(self.delimiter)
        self.field = re.compile(rb'"[^"]*(?:""[^"]*)*"(?=%b|\Z)|(?!")[^%b]*' % (mark, mark))

    @property
    def misjudged(self) -> bool:
        """Whether the first lines were written in another encoding than most; to be asked at the end."""
        return self.is_open and self.encoding not in (None, self.letters.encoding)

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for content in self._decoded():
            pieces, rest = self._take(rest + content)
            yield b"".join(pieces)
        yield b"".join(self._take(rest, last=True)[0])
        if self.is_open and self.letters.looks_like_dos:
            raise EncodingError(_DOS)
        if not self.is_open and self.encoding != UTF_8 and self.letters.utf_8 > self.letters.other:
            raise EncodingError(f"most lines are UTF-8, not {self.encoding}: {_CORRECT}")

    def _decoded(self) -> Iterator[bytes]:
        """Chunks of whole lines in UTF-8, with `_MISFIT` for a line that does not fit; a given encoding must fit."""
        for number, content in enumerate(self.lines):
            if content.isascii():
                yield content
                continue
            ends = line_ends(np.frombuffer(content, np.uint8))
            if self.lines.decoder:
                bad = (
                    [i for i, one in enumerate(content.split(b"\n")) if _UNKNOWN in one] if _UNKNOWN in content else []
                )
                yield _marked(content, ends, bad)
                continue
            misfits = self.letters.add(np.frombuffer(content, np.uint8), ends, self.encoding, self.strict)
            self.encoding = self.encoding or self.letters.encoding
            made = content if self.strict and self.encoding == UTF_8 else _marked(content, ends, misfits.tolist())
            yield made if self.encoding == UTF_8 and not self.strict else self._in_utf_8(made, number)

    def _in_utf_8(self, content: bytes, number: int) -> bytes:
        assert self.encoding
        try:
            return content.decode(self.encoding).encode()
        except UnicodeDecodeError as error:
            before = sum(chunk.count(b"\n") for chunk in islice(self.lines, number))
            line = 1 + before + content.count(b"\n", 0, error.start)
            raise EncodingError(f"line {line} is not {self.encoding}: {_CORRECT}") from None

    def _take(self, content: bytes, last: bool = False) -> tuple[list[bytes], bytes]:
        """Deal with whole lines; returns the records, and the lines that cannot be judged before more are seen."""
        ends = line_ends(np.frombuffer(content, np.uint8))
        starts = np.concatenate([[0], ends + 1])
        at = 0
        if self.line == 0 and len(ends):
            self.line = at = 1  # the header
        pieces: list[bytes] = []
        for number in suspects(content, ends, self.delimiter.decode()).tolist():
            if number < at:  # part of a record
                continue
            pieces.append(self._write(content[starts[at] : starts[number]], number - at))
            record, taken = self._judge(content, starts[number:], last)
            if not taken:
                return pieces, content[starts[number] :]
            pieces.append(record)
            at = number + taken
        return [*pieces, self._write(content[starts[at] :], len(ends) - at)], b""

    def _judge(self, content: bytes, starts: NDArray[np.int64], last: bool) -> tuple[bytes, int]:
        """The record that begins on the first line, empty if it is rejected, and its lines; 0 if more must be seen."""
        line = content[starts[0] : starts[1] - 1]
        if not line:
            self.line += 1
            return b"", 1
        if b"\0" in line:
            return self._reject(line[1:].decode() if line in (LONG_LINE, _MISFIT) else "nul_byte")
        if len(line) > LONGEST:
            return self._reject("long_line")
        return self._join(content, starts, last)

    def _join(self, content: bytes, starts: NDArray[np.int64], last: bool) -> tuple[bytes, int]:
        """The record that begins on the first line, with as many further lines as its quotes need."""
        whole = 0
        for n in range(1, len(starts)):
            line = content[starts[n - 1] : starts[n] - 1]
            whole += line.count(self.delimiter) >= self.fields - 1
            if n > _MOST_LINES or starts[n] - starts[0] > LONGEST or b"\0" in line or (whole > 1 and self.fields > 2):
                return self._reject("open_quote")
            if n > 1 and b'"' not in line:
                continue
            values = self._split(content[starts[0] : starts[n] - 1])
            if values is not None:
                return self._close(values, n, line)
        return self._reject("open_quote") if last else (b"", 0)

    def _split(self, record: bytes) -> list[bytes] | None:
        """The fields as they stand; None if the last quote is still open, none at all if a quote is misplaced."""
        values, at = [], 0
        while at <= len(record):
            found = self.field.match(record, at)
            if found is None:
                return None if _OPEN.match(record, at) else []
            values.append(found[0])
            at = found.end() + 1
        return values

    def _close(self, values: list[bytes], n: int, line: bytes) -> tuple[bytes, int]:
        """A record of `n` lines, if it has the header's number of fields."""
        if not values:
            return self._reject("open_quote" if n > 1 or line.count(b'"') % 2 else "unreadable_line")
        if len(values) != self.fields:
            return self._reject("unreadable_line", n)
        record = self._write(self.delimiter.join(map(_requoted, values)) + b"\n", 1)
        self.line += n - 1
        return record, n

    def _reject(self, rule: str, lines: int = 1) -> tuple[bytes, int]:
        self.rejected.append((self.line + 1, rule, lines - 1))
        self.line += lines
        return b"", lines

    def _write(self, content: bytes, lines: int) -> bytes:
        shift = self.line - self.written
        if lines and (not self.shifts or shift != self.shifts[-1][1]):
            self.shifts.append((self.written + 1, shift))
        self.line += lines
        self.written += lines
        return content


def _marked(content: bytes, ends: NDArray[np.int64], bad: list[int]) -> bytes:
    """The chunk with `_MISFIT` in the place of the bad lines."""
    pieces, at = [], 0
    for number in bad:
        pieces += [content[at : ends[number - 1] + 1 if number else 0], _MISFIT]
        at = ends[number]
    return b"".join([*pieces, content[at:]])


def _requoted(value: bytes) -> bytes:
    """A field on one line; a quote inside an unquoted field is taken as it stands."""
    value = value.replace(b"\n", b" ")
    return value if b'"' not in value or value.startswith(b'"') else b'"' + value.replace(b'"', b'""') + b'"'
