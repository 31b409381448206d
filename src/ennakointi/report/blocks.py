"""A block: a finished, escaped piece of a page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WRAPPER = '<div class="ennakointi">'


@dataclass(frozen=True)
class Block:
    """A finished piece of a page; the report shows of a notebook cell the block it ends in."""

    html: str

    def __add__(self, other: Block) -> Block:
        return Block(self.html + other.html)

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"<Block of {len(self.html)} characters>"

    def _repr_html_(self) -> str:
        return f"{WRAPPER}{self.html}</div>"


Part = str | Block


def worded(text: str) -> str:
    """A text, escaped; a range such as `14 000–37 000` stays on one line: a joiner follows its dash."""
    return escape(re.sub(r"(?<=[0-9])–(?=[0-9])", "–\u2060", text))


def inner(parts: Sequence[Part]) -> str:
    """Texts, escaped, and blocks after one another."""
    return " ".join(part.html if isinstance(part, Block) else worded(part) for part in parts)


def slug(text: str) -> str:
    """A text as an id: small ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"


def attributes(kind: str, name: str, results: Sequence[str]) -> str:
    """Id and sources of a figure or a table: `id="figure-fate" data-result="debt_parts"`. Those without a name get
    their id from the page, which numbers them."""
    identity = f' id="{kind}-{slug(name)}"' if name else ""
    sources = f' data-result="{escape(" ".join(results))}"' if results else ""
    return identity + sources
