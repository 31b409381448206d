"""Reads of a page as its reader meets it: words, headings, links."""

from __future__ import annotations

import re
import zipfile
from html import unescape
from pathlib import Path


def text(page: str) -> str:
    """The visible words of the page's body."""
    body = re.sub(r"<(style|svg|head)\b.*?</\1>", " ", page, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def headings(page: str, level: int) -> list[str]:
    return re.findall(rf"<h{level}\b[^>]*>(.*?)</h{level}>", page, flags=re.S)


def links(page: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'<a\b[^>]*href="([^"]+)"', page) if not href.startswith("mailto:")]


def written(path: Path) -> str:
    """All texts of a file, of a workbook those of its parts."""
    if path.suffix != ".xlsx":
        return path.read_text(encoding="utf-8")
    with zipfile.ZipFile(path) as packed:
        return "\n".join(packed.read(name).decode() for name in packed.namelist())
