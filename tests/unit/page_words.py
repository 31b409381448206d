"""What a reader reads of a block: its text without markup, and what no page may show."""

from __future__ import annotations

import html
import re

from ennakointi.report.markup import Block


def words(block: Block) -> str:
    """Text of a block on one line per element, pictures left out, no-break spaces as spaces, joiners left out."""
    text = re.sub(r"<svg.*?</svg>", "", block.html, flags=re.DOTALL)
    text = re.sub(r"</(?:p|li|tr|h\d|dt|dd|caption|summary|th|td|figcaption)>", "\n", text)
    return html.unescape(re.sub(r"<[^>]+>", "", text)).replace("\u00a0", " ").replace("\u2060", "")


def alternatives(block: Block) -> list[str]:
    """The alternative texts of a block's pictures."""
    return [html.unescape(text) for text in re.findall(r"<desc[^>]*>(.*?)</desc>", block.html, re.DOTALL)]


def unfilled(text: str) -> list[str]:
    """Slots without a value, and numbers that are none."""
    return re.findall(r"\{\w+\}|\bnan\b|\bNaN\b|\binf\b|None", text)


def significant_digits(number: str) -> int:
    """Digits of a shown number that carry information: no leading and no trailing zeros of a whole number."""
    digits = re.sub(r"\D", "", number).lstrip("0")
    return len(digits.rstrip("0")) if "," not in number else len(digits)
