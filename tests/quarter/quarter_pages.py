"""Reads of a page as its reader meets it: words, headings, links."""

from __future__ import annotations

import re
from html import unescape


def text(page: str) -> str:
    """The visible words of the page's body."""
    body = re.sub(r"<(style|svg|head)\b.*?</\1>", " ", page, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def headings(page: str, level: int) -> list[str]:
    return re.findall(rf"<h{level}\b[^>]*>(.*?)</h{level}>", page, flags=re.S)


def links(page: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'<a\b[^>]*href="([^"]+)"', page) if not href.startswith("mailto:")]
