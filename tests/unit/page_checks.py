"""Checks of a page's HTML that need no browser: what a screen reader and a strict content policy rely on."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise

VOID = frozenset(["meta", "br", "hr", "img", "link", "input", "col", "wbr"])
NOT_NESTED = {"p": {"p", "div", "ul", "ol", "table", "section", "h2", "h3", "figure", "dl"}}


class Reader(HTMLParser):
    """Collects the elements of a page and what is wrong with how they stand."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.faults: list[str] = []
        self.feed(html)
        self.close()
        if self.open:
            self.faults.append(f"never closed: {self.open}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if self.open and tag in NOT_NESTED.get(self.open[-1], ()):
            self.faults.append(f"<{tag}> inside <{self.open[-1]}>")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def tags(self, *names: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in names]


def faults(html: str) -> list[str]:
    """What is wrong with a page; empty when all is well."""
    page = Reader(html)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    references = [
        i for _, a in page.elements for name in ("aria-labelledby", "aria-describedby") for i in a.get(name, "").split()
    ] + [a["href"][1:] for _, a in page.elements if a.get("href", "").startswith("#")]
    found = list(page.faults)
    found += [f"id twice: {i}" for i in set(ids) if ids.count(i) > 1]
    found += [f"no such id: {i}" for i in set(references) - set(ids)]
    found += ["not one h1"] if len(page.tags("h1")) != 1 else []
    found += ["no language"] if not page.tags("html")[0].get("lang") else []
    found += ["style attribute" for _, a in page.elements if "style" in a]
    found += [f"element {t}" for t, _ in page.elements if t in ("script", "iframe", "object", "link")]
    found += ["th without scope" for a in page.tags("th") if a.get("scope") not in ("col", "row")]
    found += ["table without caption"] if html.count("<table") != html.count("<caption>") else []
    found += ["picture without words" for a in page.tags("svg") if not a.get("aria-labelledby")]
    found += ["address outside"] if re.search(r'(src|xlink:href)="|url\((?!#)|@import', html) else []
    levels = [int(t[1]) for t, _ in page.elements if re.fullmatch("h[1-6]", t)]
    found += [f"h{b} after h{a}" for a, b in pairwise(levels) if b > a + 1]
    return found
