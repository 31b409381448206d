"""Accessible HTML from released tables and ready sentences; every text is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Protocol

from ennakointi.errors import EnnakointiError
from ennakointi.report.blocks import WRAPPER, Block, Part, attributes, inner, slug, worded
from ennakointi.report.html_table import Column, table
from ennakointi.text import Catalogue

__all__ = ["WRAPPER", "Block", "Column", "Part", "slug", "table"]  # the parts of a page that live in their own modules

TONES = ("neutral", "good", "bad", "unsure")
_SHAPES = {"neutral": "■", "good": "●", "bad": "▲", "unsure": "◆"}


class Drawing(Protocol):
    """What `figures` returns: one picture for wide and one for narrow screens, and its words."""

    @property
    def svg(self) -> str: ...
    @property
    def narrow(self) -> str: ...
    @property
    def caption(self) -> str: ...


def _known(word: str, known: Sequence[str]) -> str:
    if word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return word


def stack(*blocks: Block | None) -> Block:
    """Blocks under each other; None is left out."""
    return Block("\n".join(block.html for block in blocks if block is not None))


def heading(title: str, level: int = 2) -> Block:
    """A heading of level 2–4; the page has the only h1."""
    _known(str(level), ("2", "3", "4"))
    return Block(f'<h{level} id="{slug(title)}">{escape(title)}</h{level}>')


def section(title: str, *blocks: Block | None, level: int = 2) -> Block:
    """A heading and what stands under it."""
    return Block(f"<section>{stack(heading(title, level), *blocks)}</section>")


def paragraph(*parts: Part) -> Block:
    """Sentences, one after another."""
    return Block(f"<p>{inner(parts)}</p>")


def note(*parts: Part) -> Block:
    """A small remark under a figure or a table."""
    return Block(f'<p class="note">{inner(parts)}</p>')


def strong(text: str) -> Block:
    """Words in a sentence that carry its weight."""
    return Block(f"<strong>{escape(text)}</strong>")


def link(text: str, href: str, about: str = "") -> Block:
    """A link inside a sentence or a table; `about` is added for screen readers, which also list links alone."""
    scheme = re.match(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.-]*):", href)
    if scheme and scheme[1].lower() not in ("http", "https", "mailto", "tel"):
        raise ValueError(f"a link of the kind {scheme[1]!r} does not belong on a page")
    more = f'<span class="visually-hidden">: {escape(about)}</span>' if about else ""
    return Block(f'<a href="{escape(href)}">{worded(text)}{more}</a>')


def foreign(text: str, language: str) -> Block:
    """Words in another language than the page, marked so that they are read aloud rightly."""
    return Block(f'<span lang="{escape(language)}">{escape(text)}</span>')


def verdict(text: str, tone: str) -> Block:
    """A verdict in words with a shape and a colour; `tone` is good, bad, unsure or neutral."""
    _known(tone, TONES)
    shape = f'<span aria-hidden="true">{_SHAPES[tone]}</span>'
    return Block(f'<span class="verdict {tone}">{shape} {escape(text)}</span>')


def headline(*sentences: Part, lead: str = "") -> Block:
    """The answer on the first screen: large sentences after a strong opening."""
    opening = f'<p class="lead">{worded(lead)}</p>' if lead else ""
    rest = "".join(f"<p>{inner([sentence])}</p>" for sentence in sentences)
    return Block(f'<div class="headline">{opening}{rest}</div>')


@dataclass(frozen=True)
class KeyFigure:
    """One number of the first screen: what it is, its value, its interval, and its status in words."""

    label: str
    value: str
    note: str = ""
    status: str = ""
    tone: str = "neutral"
    spark: Drawing | None = None
    href: str = ""


def key_figures(*figures: KeyFigure) -> Block:
    """A row of key figures; on a narrow screen they stand under each other."""
    return Block(f'<dl class="key-figures">{"".join(map(_key_figure, figures))}</dl>')


def _key_figure(figure: KeyFigure) -> str:
    label = link(figure.label, figure.href).html if figure.href else worded(figure.label)
    below = [f'<dd class="value">{worded(figure.value)}</dd>']
    if figure.note:
        below.append(f'<dd class="note">{worded(figure.note)}</dd>')
    if figure.spark is not None:
        below.append(f'<dd class="spark">{figure.spark.svg}</dd>')
    if figure.status:
        below.append(f"<dd>{verdict(figure.status, figure.tone)}</dd>")
    return f"<div><dt>{label}</dt>{''.join(below)}</div>"


@dataclass(frozen=True)
class Answer:
    """One line of a list of answers: what it is about, the verdict in words with its tone, and why."""

    name: Part
    verdict: str
    tone: str
    why: tuple[Part, ...] = ()


def answers(*items: Answer) -> Block:
    """Verdicts under each other, each with its reasons beside it; on a narrow screen below it."""
    return Block(f'<ul class="answers">{"".join(map(_answer, items))}</ul>')


def _answer(item: Answer) -> str:
    why = "".join(f"<p>{inner([part])}</p>" for part in item.why)
    head = f"<p><strong>{inner([item.name])}</strong></p><p>{verdict(item.verdict, item.tone)}</p>"
    return f'<li>{head}<div class="why">{why}</div></li>' if why else f"<li>{head}</li>"


@dataclass(frozen=True)
class Card:
    """One thing to decide or ask: the question, what it is worth in large figures, and its sentences and links."""

    title: str
    amount: str = ""
    parts: tuple[Part, ...] = ()


def cards(*items: Card) -> Block:
    """An ordered list of things to decide or ask, side by side where there is room."""
    return Block(f'<ol class="cards">{"".join(map(_card, items))}</ol>')


def _card(item: Card) -> str:
    amount = f'<p class="amount">{worded(item.amount)}</p>' if item.amount else ""
    return f'<li><p class="question">{escape(item.title)}</p>{amount}<p>{inner(item.parts)}</p></li>'


def callout(title: str, *parts: Part, tone: str = "note") -> Block:
    """A box that must not be missed; `tone` is note, warning, missing (a source is missing) or good."""
    _known(tone, ("note", "warning", "missing", "good"))
    body = "".join(part.html if isinstance(part, Block) else f"<p>{escape(part)}</p>" for part in parts)
    return Block(f'<div class="callout {tone}" role="note"><p class="callout-title">{escape(title)}</p>{body}</div>')


def bullets(*parts: Part, ordered: bool = False) -> Block:
    """A list of sentences."""
    tag = "ol" if ordered else "ul"
    return Block(f"<{tag}>{''.join(f'<li>{inner([part])}</li>' for part in parts)}</{tag}>")


def definitions(*pairs: tuple[str, Part]) -> Block:
    """Terms and what they mean."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{inner([part])}</dd>" for term, part in pairs)
    return Block(f'<dl class="definitions">{items}</dl>')


def details(summary: str, *blocks: Block | None, about: str = "") -> Block:
    """Folded content: the method, the provenance, the numbers of a figure. `about` tells those who only hear the page
    which of several alike it is."""
    more = f'<span class="visually-hidden">: {escape(about)}</span>' if about else ""
    return Block(f"<details><summary>{escape(summary)}{more}</summary>{stack(*blocks)}</details>")


def checks(items: Sequence[tuple[bool | None, str]], catalogue: Catalogue) -> Block:
    """Checks as plain sentences, each with its outcome in words; failed ones come first."""
    _ = catalogue.gettext
    words = {
        True: ("passed", "✓", f"{_('in order')}:"),
        False: ("failed", "✗", f"{_('not in order')}:"),
        None: ("unknown", "?", f"{_('could not be checked')}:"),
    }
    ordered = sorted(items, key=lambda item: {False: 0, None: 1, True: 2}[item[0]])
    rows = "".join(_outcome(*words[passed], sentence) for passed, sentence in ordered)
    return Block(f'<ul class="checks">{rows}</ul>')


def _outcome(name: str, sign: str, words: str, sentence: str) -> str:
    label = f'<span class="outcome"><span aria-hidden="true">{sign}</span> {escape(words)}</span>'
    return f'<li class="{name}">{label} {escape(sentence)}</li>'


def figure(
    drawing: Drawing,
    data: Block | None = None,
    data_title: str = "",
    *,
    name: str = "",
    results: Sequence[str] = (),
    failed: Sequence[str] = (),
    catalogue: Catalogue | None = None,
) -> Block:
    """A figure with its caption; its numbers stand folded under it as a table.

    Parameters
    ----------
    name : str
        Its id on the page after `figure-`, the same in every language; the page numbers figures without one.
    results : names of the released tables that it draws
    failed : sentences of checks that did not hold and that the figure depends on: it says so itself
    catalogue : the reader's language; needed for `failed`
    """
    narrow = f'<div class="narrow">{drawing.narrow}</div>' if drawing.narrow else ""
    caption = f"<figcaption>{escape(drawing.caption)}</figcaption>"
    numbers = "" if data is None else details(data_title, data, about=drawing.caption).html
    warned = _failed(failed, catalogue) if failed else ""
    own = attributes("figure", name, results)
    picture = f'<figure{own}>{warned}<div class="wide">{drawing.svg}</div>{narrow}{caption}</figure>'
    return Block(f'<div class="figure">{picture}{numbers}</div>')


def _failed(sentences: Sequence[str], catalogue: Catalogue | None) -> str:
    if catalogue is None:
        raise ValueError("checks that failed need the catalogue of the reader's language")
    words = catalogue.gettext("Check not met:")
    return f'<ul class="checks">{"".join(_outcome("failed", "✗", words, one) for one in sentences)}</ul>'


def content(html: str) -> str:
    """The inside of a block as a notebook displays it.

    Raises
    ------
    EnnakointiError
        When the text is not a displayed block, or holds what a page must not hold.
    """
    if not (html.startswith(WRAPPER) and html.endswith("</div>")):
        raise EnnakointiError("the output is not a block of this package; end the cell in one, or in nothing")
    inside = html[len(WRAPPER) : -len("</div>")]
    found = faults(inside)
    if found:
        raise EnnakointiError(f"the output holds what a page must not hold: {'; '.join(found[:3])}")
    return inside


_REFUSED = frozenset(
    ["script", "style", "link", "iframe", "object", "embed", "form", "input", "base", "meta", "foreignobject"]
)
_ADDRESSES = ("src", "href", "xlink:href", "srcset", "action", "data", "poster")


class _Inspector(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _REFUSED:
            self.faults.append(f"element <{tag}>")
        for name, value in attrs:
            text = re.sub(r"\s", "", value or "").lower()
            if name == "style" or name.startswith("on"):
                self.faults.append(f"attribute {name} of <{tag}>")
            elif "url(" in text.replace("url(#", "") or not _allowed_address(tag, name, text):
                self.faults.append(f"address in {name} of <{tag}>")


def _allowed_address(tag: str, attribute: str, address: str) -> bool:
    if attribute not in _ADDRESSES:
        return True
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", address)
    if address.startswith("//"):
        return False
    if tag == "a":
        return scheme is None or scheme[1] in ("https", "http", "mailto", "tel")
    return address.startswith(("#", "data:image/png;base64,"))


def faults(html: str) -> list[str]:
    """What the strict content policy of a page would refuse in a piece of HTML; empty when all is well."""
    inspector = _Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector.faults
