"""Every text of a finished file, also where no reader looks: properties, metadata, packed and compressed parts.

`texts` gives what is written in a file; `Unreadable` is raised where a part cannot be looked into. What a kind of file
must not hold at all (comments, formulas, macros, attachments) is told by `unwanted`.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any

PLAIN = frozenset([".html", ".csv", ".json", ".jsonld", ".ipynb", ".txt", ".md", ".svg", ".css"])
READABLE = PLAIN | {".xlsx", ".pdf", ".png"}
END_MARKER = "application/vnd.ennakointi.end+json"  # in the output of a notebook's last cell
SHOWN_BY_NOTEBOOKS = frozenset(["text/html", "text/plain", END_MARKER])

_EMBEDDED = re.compile(r"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_PDF_TEXT = re.compile(r"\((?:\\.|[^\\()])*\)|<([0-9A-Fa-f\s]{8,})>", re.DOTALL)
_PDF_ESCAPE = re.compile(r"\\([nrtbf()\\]|[0-7]{1,3}|\r?\n)")
_NO_TEXT = bytes(code for code in range(256) if not 32 <= code < 127 and code not in (9, 10, 13))
_SAMPLE = 4096  # bytes of a stream that tell whether it is text
_PNG = b"\x89PNG\r\n\x1a\n"
_PICTURE = frozenset(["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "pHYs", "sRGB", "gAMA", "cHRM", "sBIT", "bKGD"])
_PDF_REFUSED = re.compile(rb"/(EmbeddedFiles?|JavaScript|JS|Launch|RichMedia|XFA)\b")
_XLSX_REFUSED = re.compile(
    r"vbaProject|externalLinks/|comments\d*\.xml|persons/|customXml/|docProps/custom|printerSettings"
)


class Unreadable(Exception):
    """A file, or a part of it, that cannot be looked into."""


def texts(path: Path) -> Iterator[str]:
    """What is written in a file: its text, entities and packed parts resolved.

    Raises
    ------
    Unreadable
        When a part cannot be read: what cannot be looked into is not published.
    """
    if path.suffix == ".xlsx":
        yield from _workbook_texts(path.read_bytes())
    elif path.suffix == ".pdf":
        yield from _pdf_texts(path.read_bytes())
    elif path.suffix != ".png":
        text = path.read_text(encoding="utf-8", errors="replace")
        yield text
        if path.suffix in (".json", ".jsonld", ".ipynb") and "\\" in text:
            yield "\n".join(_strings(_json(text)))
        if path.suffix in (".html", ".svg") and "&#" in text:
            yield unescape(text)


def unwanted(path: Path) -> Iterator[str]:
    """What the file holds besides what is shown, in words; nothing when all is well."""
    if path.suffix == ".png":
        yield from _beside_picture(path.read_bytes())
    elif path.suffix == ".xlsx":
        yield from _beside_cells(path.read_bytes())
    elif path.suffix == ".pdf":
        yield from ["attached data or a program"] if _PDF_REFUSED.search(_inflated(path.read_bytes())) else []
    elif path.suffix in PLAIN:
        yield from _beside_text(path.read_text(encoding="utf-8", errors="replace"), path.suffix)


def _beside_text(text: str, suffix: str) -> Iterator[str]:
    if suffix in (".html", ".svg"):
        if "<!--" in text:
            yield "a comment"
        if re.search(r"<(script|metadata|rdf:)\b", text, re.IGNORECASE):
            yield "hidden data"
    if suffix == ".ipynb" and _hidden_outputs(_json(text)):
        yield "hidden data"
    if suffix in (".html", ".svg", ".ipynb"):
        for packed in _EMBEDDED.findall(text.replace("\\n", "")):
            try:
                picture = base64.b64decode(packed, validate=False)
            except binascii.Error:
                yield "a picture that cannot be read"
            else:
                yield from _beside_picture(picture)


def _hidden_outputs(notebook: Mapping[str, Any]) -> bool:
    """Whether a notebook carries more than its page shows: streams, errors, data in other forms, metadata of a run."""
    cells = notebook["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    metadata = set(notebook.get("metadata", {})) - {"kernelspec", "language_info"}
    metadata |= {name for cell in cells for name in set(cell.get("metadata", {})) - {"tags"}}
    metadata |= {name for output in outputs for name in output.get("metadata", {})}
    return bool(metadata) or any(set(output.get("data", ["none"])) - SHOWN_BY_NOTEBOOKS for output in outputs)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Unreadable("a document that is no JSON") from None


def _strings(value: Any) -> Iterator[str]:
    """Every text of a JSON document, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _parts(content: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            yield "comment", packed.comment
            yield from ((one.filename, packed.read(one) + one.comment) for one in packed.infolist())
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        # damaged, cut off, encrypted, or packed in a way that zipfile does not know: refused, never passed over
        raise Unreadable("a workbook that cannot be opened") from None


def _workbook_texts(content: bytes) -> Iterator[str]:
    for name, part in _parts(content):
        yield name
        text = part.decode("utf-8", errors="replace")
        yield unescape(text) if "&" in text else text


def _beside_cells(content: bytes) -> Iterator[str]:
    for name, part in _parts(content):
        if _XLSX_REFUSED.search(name):
            yield "more than cells"
        if name.endswith(".png"):
            yield from _beside_picture(part)
        if name.startswith("xl/worksheets/") and (b"<f>" in part or b"<f " in part):
            yield "a formula"
        if name == "xl/workbook.xml" and re.search(rb'state="(very)?hidden"', part, re.IGNORECASE):
            yield "a hidden sheet"


def _beside_picture(content: bytes) -> Iterator[str]:
    """Texts, times and camera data in a PNG: a picture of the report carries none."""
    if not content.startswith(_PNG):
        yield "a picture that cannot be read"
        return
    place = len(_PNG)
    while place + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        if kind.decode("latin-1") not in _PICTURE:
            yield "hidden data"
        place += length + 12
        if kind == b"IEND":
            break
    if place != len(content):
        yield "hidden data"


def _inflated(content: bytes) -> bytes:
    """A PDF with the text of its streams in their places; pictures and fonts, whose bytes are no text, are left out."""
    return _STREAM.sub(lambda match: _inflate(match[1]), content)


def _inflate(stream: bytes) -> bytes:
    try:
        plain = zlib.decompressobj().decompress(stream)
    except zlib.error:
        plain = stream
    start = plain[:_SAMPLE]
    return plain if len(start.translate(None, _NO_TEXT)) > 0.8 * len(start) else b""


def _pdf_texts(content: bytes) -> Iterator[str]:
    """The text of a PDF's objects and streams, then its strings decoded (Latin-1, octal, UTF-16 as text or as hex)."""
    if not content.startswith(b"%PDF"):
        raise Unreadable("a PDF that cannot be read")
    text = _inflated(content).decode("latin-1")
    yield text
    yield "\n".join(_pdf_string(match) for match in _PDF_TEXT.finditer(text))


def _pdf_string(match: re.Match[str]) -> str:
    if match[1]:
        digits = re.sub(r"\s", "", match[1])
        raw = bytes.fromhex(digits[: len(digits) // 2 * 2])
    else:
        raw = _PDF_ESCAPE.sub(_unescaped, match[0][1:-1]).encode("latin-1", errors="replace")
    return raw[2:].decode("utf-16-be", errors="replace") if raw.startswith(b"\xfe\xff") else raw.decode("latin-1")


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "01234567":
        return chr(int(code, 8) & 255)
    return {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}.get(code, code.strip("\r\n"))
