"""Whatever stands in the fields of a CSV file, staging delivers what Python's reader reads, with its lines."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi import sources
from ennakointi.database import Limits, connect
from ennakointi.schema import TABLES
from ennakointi.sources import csv_encoding, csv_lines, staging

COLUMNS = TABLES["contacts"].names[:10]
RECOGNISED = ("utf-8", "utf-8-sig", "utf-16")
ENCODINGS = (*RECOGNISED, "cp1252", "iso-8859-15", "cp850")
PIECES = [
    '"',
    '""',
    ";",
    ",",
    "\t",
    "|",
    "\n",
    "\r\n",
    "\r",
    "ä",
    "ÖÅ",
    "€",
    "–",
    "'",
    " ",
    "a",
    "0012",
    "\N{NO-BREAK SPACE}",
    "'",
    "#",
]
fields = st.one_of(
    st.just(""),
    st.lists(st.sampled_from(PIECES), max_size=5).map("".join),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
)
records = st.lists(st.lists(fields, min_size=10, max_size=10), min_size=1, max_size=8)
quotings = st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])


def delivered(folder: Path) -> tuple[list[tuple[str | None, ...]], list[tuple[int, str]]]:
    """Contacts as staged, each with its line, and the rejected lines."""
    source = sources.discover(folder)
    (folder / "staged").mkdir()
    connection = connect(folder / "staged" / "tmp", [folder], Limits(memory="200MB", disk="100MB", threads=1))
    try:
        staging.stage(connection, source, folder / "staged")
        rows = connection.execute(
            f"SELECT _row + line_offset, {', '.join(COLUMNS)} FROM input_contacts "
            f"ASOF JOIN line_offsets o ON _file = o.file AND _row >= o.first_row ORDER BY _row"
        ).fetchall()
        rejected = connection.execute("SELECT line, rule FROM rejected ORDER BY line").fetchall()
    finally:
        connection.close()
    return rows, rejected


def written(rows: list[list[str]], delimiter: str, quoting: int, end: str) -> str:
    """The file's text; every line break in a field is quoted, whichever of them ends the lines."""
    content = io.StringIO(newline="")
    made = []
    for row in [COLUMNS, *rows]:
        content.seek(0)
        content.truncate()
        csv.writer(content, delimiter=delimiter, quoting=quoting, lineterminator="\r\n").writerow(row)
        made.append(content.getvalue().removesuffix("\r\n") + end)
    return "".join(made)


def read(text: str, delimiter: str) -> list[tuple[object, ...]]:
    """The records as Python's reader reads them, each with its first line; line breaks are spaces."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines, records = [1], []
    for record in reader:
        records.append((lines[-1], *(re.sub("\r\n?|\n", " ", value) or None for value in record)))
        lines.append(reader.line_num + 1)
    return records[1:]


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    records,
    st.sampled_from(";,\t|"),
    quotings,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(ENCODINGS),
    st.integers(30, 400),
)
def test_what_is_staged_is_what_was_written(
    rows: list[list[str]], delimiter: str, quoting: int, end: str, encoding: str, block: int
) -> None:
    content = written(rows, delimiter, quoting, end).encode(encoding, "replace")
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_lines, "_BLOCK", block)
        folder = Path(name)
        (folder / "contacts.csv").write_bytes(content)
        (folder / "persons.csv").write_text("person_id,birth_date,sex,municipality\n")
        if encoding not in RECOGNISED:
            (folder / "source.json").write_text(f'{{"csv": {{"encoding": "{encoding}"}}}}')
        assert delivered(folder) == (read(content.decode(encoding), delimiter), [])


chunks = st.one_of(
    st.binary(max_size=4),
    st.text(st.characters(min_codepoint=128, exclude_categories=["Cs"]), max_size=2).map(str.encode),
)


@given(st.lists(st.lists(chunks, max_size=4).map(b"".join), min_size=1, max_size=6))
def test_lines_that_are_not_utf_8_are_told(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    content = np.frombuffer(b"".join(line + b"\n" for line in lines), np.uint8)
    bad = csv_encoding.not_utf_8(content, np.flatnonzero(content > 127))
    found = csv_encoding.lines_of(bad, csv_lines.line_ends(content)).tolist()
    assert found == [
        i for i, line in enumerate(lines) if line.decode("utf-8", "replace") != line.decode("utf-8", "ignore")
    ]
