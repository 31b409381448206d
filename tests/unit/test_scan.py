"""The last look at finished files: every channel of every form is opened, and what leaks is named by its kind only."""

from __future__ import annotations

import base64
import io
import json
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
import xlsxwriter

from ennakointi.disclosure import DisclosureError, check_outputs

PATH, PERSON, USER = "/home/someone/data", "FI7000123456", "analyst77"
PNG = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*more: bytes) -> bytes:
    """A picture of one dot, with more chunks."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return PNG + head + b"".join(more) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def workbook(text: str = "x", *, author: str = "Päijät-Häme", formula: str = "", hidden: bool = False) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    book.set_properties({"author": author})
    first, second = book.add_worksheet("a"), book.add_worksheet("b")
    first.write_string(0, 0, text)
    if formula:
        first.write_formula(0, 1, formula)
    if hidden:
        second.hide()
    book.close()
    return file.getvalue()


def pdf(text: str, *, author: bytes = b"(x)", more: bytes = b"") -> bytes:
    stream = zlib.compress(text.encode("latin-1"))
    body = b"1 0 obj\n<< /Author %s %s >>\nendobj\n" % (author, more)
    return b"%%PDF-1.7\n%s2 0 obj\n<< /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\n" % (body, stream)


def notebook(**changes: object) -> bytes:
    cell = {"cell_type": "code", "metadata": {"tags": []}, "outputs": [{"data": {"text/html": "x"}}]}
    return json.dumps({"cells": [{**cell, **changes.pop("cell", {})}], "metadata": {}, **changes}).encode()


def hexed(text: str) -> bytes:
    return b"<FEFF" + text.encode("utf-16-be").hex().encode() + b">"


def inside(picture: bytes) -> bytes:
    return b'<img alt="" src="data:image/png;base64,' + base64.b64encode(picture) + b'">'


TEXT = chunk(b"tEXt", b"Author\0someone")
LEAKS = [
    ("a.html", f'<img alt="{PERSON}">'.encode(), "identifier"),
    ("a.html", f'<p data-from="{PATH}">'.encode(), "path"),
    ("a.html", b"<!-- a reviewer's note -->", "a comment"),
    ("a.html", b'<script type="application/json">{}</script>', "hidden data"),
    ("a.html", f"<svg><title>{USER}</title></svg>".encode(), "name of the user"),
    ("a.html", b"&#47;home&#47;someone", "path"),
    ("a.html", b'<a href="file:///data/x">', "path"),
    ("a.html", inside(png(TEXT)), "hidden data"),
    ("a.html", inside(b"no picture"), "cannot be read"),
    ("a.html", b"010190-123M", "identity code"),
    ("a.svg", b"<svg><metadata>x</metadata></svg>", "hidden data"),
    ("a.svg", f"<svg><desc>{PERSON}</desc></svg>".encode(), "identifier"),
    ("a.png", png(TEXT), "hidden data"),
    ("a.png", png(chunk(b"eXIf", b"x")), "hidden data"),
    ("a.png", png() + b"tail", "hidden data"),
    ("a.json", json.dumps({"in": "C:\\Users\\x"}).encode(), "path"),
    ("a.json", b'{"in": "\\u002fhome\\u002fx"}', "path"),
    ("a.ipynb", b"no document", "no JSON"),
    ("a.ipynb", notebook(metadata={"papermill": {"parameters": {"x": 1}}}), "hidden data"),
    ("a.ipynb", notebook(cell={"metadata": {"execution": {"iopub": "x"}}}), "hidden data"),
    ("a.ipynb", notebook(cell={"outputs": [{"data": {"text/plain": PERSON}}]}), "identifier"),
    ("a.ipynb", notebook(cell={"outputs": [{"data": {"text/plain": "x"}, "metadata": {"a": 1}}]}), "hidden data"),
    ("a.csv", f"place,n\n{PERSON},7\n".encode(), "identifier"),
    ("a.csv", b"hetu,n\n", "column of persons"),
    ("a.xlsx", workbook(PATH), "path"),
    ("a.xlsx", workbook(author=USER), "name of the user"),
    ("a.xlsx", workbook(f"<{PERSON}>"), "identifier"),
    ("a.xlsx", workbook(formula="=1+1"), "a formula"),
    ("a.xlsx", workbook(hidden=True), "a hidden sheet"),
    ("a.xlsx", b"no workbook", "cannot be opened"),
    ("a.pdf", pdf(f"({PATH}) Tj"), "path"),
    ("a.pdf", pdf("x", author=hexed(USER)), "name of the user"),
    ("a.pdf", pdf("x", author=b"(\\057home\\057someone)"), "path"),
    ("a.pdf", pdf("x", more=b"/EmbeddedFiles 3 0 R"), "attached"),
    ("a.pdf", b"no PDF", "cannot be read"),
    ("a.parquet", b"PAR1", "not checked"),
    ("a", b"", "no suffix"),
]


@pytest.fixture
def _user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ennakointi.disclosure.scan.getpass.getuser", lambda: USER)


@pytest.mark.usefixtures("_user")
@pytest.mark.parametrize(
    ("name", "content", "kind"), LEAKS, ids=[f"{number}-{kind}" for number, (_, _, kind) in enumerate(LEAKS)]
)
def test_a_leak_is_found_where_nobody_looks(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DisclosureError, match=kind) as caught:
        check_outputs(tmp_path, persons=[PERSON, "123"])
    assert name in str(caught.value)
    assert not any(leak in str(caught.value) for leak in (PATH, PERSON, USER))


@pytest.mark.usefixtures("_user")
def test_what_leaks_nothing_passes(tmp_path: Path) -> None:
    """Among it: a path on the web, small numbers that are persons' too, a longer word, a code with a wrong control."""
    (tmp_path / "a.html").write_text(f"<!doctype html><p>https://x.fi/home/a 123 {PERSON}7 010190-123A</p>")
    (tmp_path / "b.html").write_bytes(inside(png()))
    (tmp_path / "a.ipynb").write_bytes(notebook())
    (tmp_path / "a.xlsx").write_bytes(workbook())
    (tmp_path / "a.pdf").write_bytes(pdf("(x) Tj"))
    (tmp_path / "a.png").write_bytes(png())
    check_outputs(tmp_path, persons=[PERSON, 123])


def test_a_workbook_that_was_packed_by_hand_is_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as packed:
        packed.writestr("xl/comments1.xml", "x")
    with pytest.raises(DisclosureError, match="more than cells"):
        check_outputs(tmp_path)
