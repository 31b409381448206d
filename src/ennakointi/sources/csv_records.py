"""Records of a CSV file made readable: the file as it stands, or a clean copy of it.

The copy has a record a line, without the lines that cannot be read; where the records stood is kept.

A quoted line break becomes a space. Whether a quote that is still open at the end of a line opens a value of several
lines, or was never closed, is decided by the balance of the lines: a record must close its quotes and have the header's
number of fields, and must not hold two lines that are whole records already. If nothing fits, the one line is rejected
and the next is read for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ennakointi.sources.csv_encoding import LATIN, UTF_8, Letters, byte_order_mark, is_wide, reads_as_latin
from ennakointi.sources.csv_lines import LONG_LINE, LONGEST, WholeLines, line_ends, suspects

_MISFIT = b"\0encoding"  # stands in the place of a line in another encoding
_MOST_LINES = 1000  # of one record
_UNKNOWN = "\N{REPLACEMENT CHARACTER}".encode()
_DOS = (
    "looks like DOS code page 850, which cannot be told for certain: set `encoding` under `csv` in source.json to "
    "cp850, or to cp1252 if it is Windows after all"
)
_OPEN = re.compile(rb'"[^"]*(?:""[^"]*)*\Z')


class EncodingError(ValueError):
    """The encoding of a file cannot be told, or is not the one that `source.json` gives."""


@dataclass
class Readable:
    """A file that DuckDB's reader takes without losing its place.

    Attributes
    ----------
    path : Path
    encoding : str
        UTF-8 or ISO-8859-1.
    rejected : list of (int, str, int)
        Line of the file, rule, and further lines that went with it.
    shifts : list of (int, int)
        From this line of `path` on (header = 1), a record stands so many lines further down in the file.
    """

    path: Path
    encoding: str = UTF_8
    rejected: list[tuple[int, str, int]] = field(default_factory=list)
    shifts: list[tuple[int, int]] = field(default_factory=lambda: [(1, 0)])


def readable(path: Path, encoding: str | None, delimiter: str, fields: int, copy: Path) -> Readable:
    """The file itself, or its clean copy.

    Parameters
    ----------
    path : Path
    encoding : str or None
        As configured; None lets the file decide.
    delimiter : str
    fields : int
        Of the header.
    copy : Path
        Where a copy may be written.

    Raises
    ------
    EncodingError
    """
    with path.open("rb") as file:
        announced, start = byte_order_mark(file.read(4))
    known = announced or encoding
    letters = Letters()
    if known is None or not is_wide(known):
        letters, regular = _survey(path, start, delimiter, known)
        if regular and not (known is None and letters.looks_like_dos):
            return Readable(path, letters.readable_as(known) or UTF_8)
    likely = known or letters.encoding
    clean = partial(_clean, path, start, strict=encoding is not None, delimiter=delimiter, fields=fields, copy=copy)
    latin = likely != UTF_8 and reads_as_latin(likely, letters.found)
    made, letters = clean(encoding=likely, keep=latin and not is_wide(likely))
    if known is None and letters.looks_like_dos:
        raise EncodingError(_DOS)
    certain = known or letters.encoding
    if certain != likely or (made.encoding == LATIN and not reads_as_latin(certain, letters.found)):
        made, letters = clean(encoding=certain, keep=False)
    if letters.utf_8 > letters.other and certain != UTF_8:
        raise EncodingError(f"most lines are UTF-8, not {encoding}: correct `encoding` under `csv` in source.json")
    return made


def _clean(
    path: Path, start: int, encoding: str, keep: bool, strict: bool, delimiter: str, fields: int, copy: Path
) -> tuple[Readable, Letters]:
    """Write the clean copy; `keep`: the bytes as they are, which ISO-8859-1 reads."""
    made, letters, rest = Readable(copy, LATIN if keep else UTF_8), Letters(), b""
    with copy.open("wb") as out:
        cleaner = _Cleaner(out, made, delimiter, fields)
        for content in _decoded(WholeLines(path, start, encoding), encoding, letters, strict, keep):
            rest = cleaner.take(rest + content)
        cleaner.take(rest, last=True)
    return made, letters


def _survey(path: Path, start: int, delimiter: str, known: str | None) -> tuple[Letters, bool]:
    """Whether every line can be read as it stands, and the letters met until one cannot."""
    letters, lines = Letters(), WholeLines(path, start, pairs=True)
    for content in lines:
        values = np.frombuffer(content, np.uint8)
        ends = line_ends(values)
        if not content.isascii():
            letters.add(values, ends, UTF_8)
        one_kind = len(lines.ends) < 2 and b"\r" not in lines.ends
        if not one_kind or letters.readable_as(known) is None or len(suspects(content, ends, delimiter)):
            return letters, False
    return letters, True


def _decoded(lines: WholeLines, encoding: str, letters: Letters, strict: bool, keep: bool) -> Iterator[bytes]:
    """Chunks of whole lines in UTF-8 (unless they are to be kept), with `_MISFIT` for each line that does not fit.

    An encoding that was given (`strict`) must fit every line.
    """
    for number, content in enumerate(lines):
        if content.isascii():
            yield content
            continue
        values = np.frombuffer(content, np.uint8)
        ends = line_ends(values)
        if lines.decoder:
            bad = [i for i, one in enumerate(content.split(b"\n")) if _UNKNOWN in one] if _UNKNOWN in content else []
            yield _marked(content, ends, bad)
            continue
        misfits = letters.add(values, ends, encoding, strict).tolist()
        try:
            made = content if strict and encoding == UTF_8 else _marked(content, ends, misfits)
            yield made if keep or (encoding == UTF_8 and not strict) else made.decode(encoding).encode()
        except UnicodeDecodeError as error:
            line = 1 + sum(one.count(b"\n") for one in islice(lines, number)) + made.count(b"\n", 0, error.start)
            message = f"line {line} is not {encoding}: correct `encoding` under `csv` in source.json, or leave it out"
            raise EncodingError(message) from None


def _marked(content: bytes, ends: NDArray[np.int64], bad: list[int]) -> bytes:
    """The chunk with `_MISFIT` in the place of the bad lines."""
    pieces, at = [], 0
    for number in bad:
        pieces += [content[at : ends[number - 1] + 1 if number else 0], _MISFIT]
        at = ends[number]
    return b"".join([*pieces, content[at:]])


class _Cleaner:
    """Writes the clean copy and keeps account of every line of the file."""

    def __init__(self, out: BinaryIO, made: Readable, delimiter: str, fields: int) -> None:
        self.out, self.made, self.delimiter, self.fields = out, made, delimiter.encode(), fields
        self.line = self.written = 0  # lines of the file that are dealt with, and lines of the copy
        mark = re.escape(self.delimiter)
        self.field = re.compile(rb'"[^"]*(?:""[^"]*)*"(?=%b|\Z)|(?!")[^%b]*' % (mark, mark))

    def take(self, content: bytes, last: bool = False) -> bytes:
        """Deal with whole lines; returns those that cannot be judged before more are seen."""
        ends = line_ends(np.frombuffer(content, np.uint8))
        starts = np.concatenate([[0], ends + 1])
        at = 0
        for number in suspects(content, ends, self.delimiter.decode()).tolist():
            if number < at or self.line + number - at == 0:  # part of a record, or the header
                continue
            self._write(content[starts[at] : starts[number]], number - at)
            taken = self._judge(content, starts[number:], last)
            if not taken:
                return content[starts[number] :]
            at = number + taken
        self._write(content[starts[at] :], len(ends) - at)
        return b""

    def _judge(self, content: bytes, starts: NDArray[np.int64], last: bool) -> int:
        """Write or reject the record on the first line; returns its lines, 0 if more must be seen."""
        line = content[starts[0] : starts[1] - 1]
        if not line:
            self.line += 1
        elif b"\0" in line:
            marked = line in (LONG_LINE, _MISFIT)
            return self._reject(line[1:].decode() if marked else "nul_byte")
        elif len(line) > LONGEST:
            return self._reject("long_line")
        else:
            return self._join(content, starts, last)
        return 1

    def _join(self, content: bytes, starts: NDArray[np.int64], last: bool) -> int:
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
        return self._reject("open_quote") if last else 0

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

    def _close(self, values: list[bytes], n: int, line: bytes) -> int:
        """Write a record of `n` lines if it has the header's number of fields; one empty field more is no fault."""
        if not values:
            return self._reject("open_quote" if n > 1 or line.count(b'"') % 2 else "unreadable_line")
        if len(values) != self.fields and (len(values) != self.fields + 1 or values[-1]):
            return self._reject("unreadable_line", n)
        self._write(self.delimiter.join(map(_requoted, values)) + b"\n", 1)
        self.line += n - 1
        return n

    def _reject(self, rule: str, lines: int = 1) -> int:
        self.made.rejected.append((self.line + 1, rule, lines - 1))
        self.line += lines
        return lines

    def _write(self, content: bytes, lines: int) -> None:
        shift = self.line - self.written
        if lines and shift != self.made.shifts[-1][1]:
            self.made.shifts.append((self.written + 1, shift))
        self.out.write(content)
        self.line += lines
        self.written += lines


def _requoted(value: bytes) -> bytes:
    """A field on one line; a quote inside an unquoted field is taken as it stands."""
    value = value.replace(b"\n", b" ")
    return value if b'"' not in value or value.startswith(b'"') else b'"' + value.replace(b'"', b'""') + b'"'
