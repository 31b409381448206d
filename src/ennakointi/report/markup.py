"""Accessible HTML from released tables and ready sentences; every text is escaped here and nowhere else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Any, Protocol

import pandas as pd

from ennakointi.errors import EnnakointiError
from ennakointi.text import Catalogue

WRAPPER = '<div class="ennakointi">'
TONES = ("neutral", "good", "bad", "unsure")
_SHAPES = {"neutral": "■", "good": "●", "bad": "▲", "unsure": "◆"}


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


class Drawing(Protocol):
    """What `figures` returns: one picture for wide and one for narrow screens, and its words."""

    @property
    def svg(self) -> str: ...
    @property
    def narrow(self) -> str: ...
    @property
    def caption(self) -> str: ...


def _html(part: Part) -> str:
    return part.html if isinstance(part, Block) else escape(part)


def _inner(parts: Sequence[Part]) -> str:
    return " ".join(_html(part) for part in parts)


def _known(word: str, known: Sequence[str]) -> str:
    if word not in known:
        raise ValueError(f"{word!r} is none of {', '.join(known)}")
    return word


def slug(text: str) -> str:
    """A text as an id: small ASCII letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "section"


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
    return Block(f"<p>{_inner(parts)}</p>")


def note(*parts: Part) -> Block:
    """A small remark under a figure or a table."""
    return Block(f'<p class="note">{_inner(parts)}</p>')


def strong(text: str) -> Block:
    """Words in a sentence that carry its weight."""
    return Block(f"<strong>{escape(text)}</strong>")


def link(text: str, href: str) -> Block:
    """A link inside a sentence or a table."""
    return Block(f'<a href="{escape(href)}">{escape(text)}</a>')


def verdict(text: str, tone: str) -> Block:
    """A verdict in words with a shape and a colour; `tone` is good, bad, unsure or neutral."""
    _known(tone, TONES)
    shape = f'<span aria-hidden="true">{_SHAPES[tone]}</span>'
    return Block(f'<span class="verdict {tone}">{shape} {escape(text)}</span>')


def headline(*sentences: Part, lead: str = "") -> Block:
    """The answer on the first screen: large sentences after a strong opening."""
    opening = f'<p class="lead">{escape(lead)}</p>' if lead else ""
    rest = "".join(f"<p>{_html(sentence)}</p>" for sentence in sentences)
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
    label = link(figure.label, figure.href).html if figure.href else escape(figure.label)
    below = [f'<dd class="value">{escape(figure.value)}</dd>']
    if figure.note:
        below.append(f'<dd class="note">{escape(figure.note)}</dd>')
    if figure.spark is not None:
        below.append(f'<dd class="spark">{figure.spark.svg}</dd>')
    if figure.status:
        below.append(f"<dd>{verdict(figure.status, figure.tone)}</dd>")
    return f"<div><dt>{label}</dt>{''.join(below)}</div>"


@dataclass(frozen=True)
class Answer:
    """One line of a list of answers: what it is about, the verdict in words with its tone, and why."""

    name: str
    verdict: str
    tone: str
    why: tuple[Part, ...] = ()


def answers(*items: Answer) -> Block:
    """Verdicts under each other, each with its reasons beside it; on a narrow screen below it."""
    return Block(f'<ul class="answers">{"".join(map(_answer, items))}</ul>')


def _answer(item: Answer) -> str:
    why = "".join(f"<p>{_html(part)}</p>" for part in item.why)
    head = f"<p>{strong(item.name)}</p><p>{verdict(item.verdict, item.tone)}</p>"
    return f'<li>{head}<div class="why">{why}</div></li>' if why else f"<li>{head}</li>"


def callout(title: str, *parts: Part, tone: str = "note") -> Block:
    """A box that must not be missed; `tone` is note, warning, missing (a source is missing) or good."""
    _known(tone, ("note", "warning", "missing", "good"))
    body = "".join(part.html if isinstance(part, Block) else f"<p>{escape(part)}</p>" for part in parts)
    return Block(f'<div class="callout {tone}" role="note"><p class="callout-title">{escape(title)}</p>{body}</div>')


def bullets(*parts: Part, ordered: bool = False) -> Block:
    """A list of sentences."""
    tag = "ol" if ordered else "ul"
    return Block(f"<{tag}>{''.join(f'<li>{_html(part)}</li>' for part in parts)}</{tag}>")


def definitions(*pairs: tuple[str, Part]) -> Block:
    """Terms and what they mean."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{_html(part)}</dd>" for term, part in pairs)
    return Block(f'<dl class="definitions">{items}</dl>')


def details(summary: str, *blocks: Block | None) -> Block:
    """Folded content: the method, the provenance, the numbers of a figure."""
    return Block(f"<details><summary>{escape(summary)}</summary>{stack(*blocks)}</details>")


def checks(items: Sequence[tuple[bool | None, str]], catalogue: Catalogue) -> Block:
    """Checks as plain sentences, each with its outcome in words; failed ones come first."""
    _ = catalogue.gettext
    words = {True: ("passed", "✓", _("in order")), False: ("failed", "✗", _("not in order"))}
    unknown = ("unknown", "?", _("could not be checked"))
    rows = []
    for passed, sentence in sorted(items, key=lambda item: {False: 0, None: 1, True: 2}[item[0]]):
        name, sign, word = unknown if passed is None else words[passed]
        label = f'<span class="outcome"><span aria-hidden="true">{sign}</span> {escape(word)}:</span>'
        rows.append(f'<li class="{name}">{label} {escape(sentence)}</li>')
    return Block(f'<ul class="checks">{"".join(rows)}</ul>')


@dataclass(frozen=True)
class Column:
    """A column of an HTML table. `kind` is text, number, signed, percent, signed_percent, euros, month or
    significant (three digits); `format` takes the cell's value instead and gives text or a block."""

    name: str
    title: str
    kind: str = "text"
    digits: int = 0
    format: Callable[[Any], Part] | None = None


_NUMERIC = ("number", "signed", "percent", "signed_percent", "euros", "significant")


def table(
    frame: pd.DataFrame,
    columns: Sequence[Column],
    caption: str,
    catalogue: Catalogue,
    note: str = "",
    row_header: str | None = None,
) -> Block:
    """A released table as accessible HTML: caption, scopes, numbers to the right, hidden cells in words.

    Parameters
    ----------
    frame : DataFrame
        A released table; a cell whose column stands in `suppressed` reads as hidden, a missing one as a dash.
    columns : sequence of Column
        What to show, in order.
    row_header : str, optional
        Column whose cells head the rows; the first one when not given.
    """
    header = row_header or columns[0].name
    head = "".join(f'<th scope="col"{_align(column)}>{escape(column.title)}</th>' for column in columns)
    rows = "".join(_row(row, columns, header, catalogue) for row in frame.to_dict("records"))
    remark = f'<p class="note">{escape(note)}</p>' if note else ""
    return Block(
        f'<div class="table"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{remark}"
    )


def _align(column: Column) -> str:
    return ' class="number"' if column.kind in _NUMERIC else ""


def _row(row: dict[Any, Any], columns: Sequence[Column], header: str, catalogue: Catalogue) -> str:
    suppressed = str(row.get("suppressed", "") or "").split(";")
    cells = []
    for column in columns:
        hidden = column.name in suppressed
        content = escape(catalogue.hidden) if hidden else _html(_cell(row[column.name], column, catalogue))
        attributes = ' class="hidden"' if hidden else _align(column)
        if column.name == header:
            cells.append(f'<th scope="row"{attributes}>{content}</th>')
        else:
            cells.append(f"<td{attributes}>{content}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _cell(value: Any, column: Column, catalogue: Catalogue) -> Part:
    if isinstance(value, Block):
        return value
    if value is None or pd.isna(value):
        return catalogue.missing
    if column.format is not None:
        return column.format(value)
    if column.kind in ("number", "signed", "percent", "signed_percent"):
        formatted: str = getattr(catalogue, column.kind)(float(value), column.digits)
        return formatted
    if column.kind == "significant":
        return catalogue.significant(float(value))
    if column.kind == "euros":
        return catalogue.euros(float(value))
    return catalogue.month(value) if column.kind == "month" else str(value)


def figure(drawing: Drawing, data: Block | None = None, data_title: str = "") -> Block:
    """A figure with its caption; its numbers stand folded under it as a table."""
    narrow = f'<div class="narrow">{drawing.narrow}</div>' if drawing.narrow else ""
    caption = f"<figcaption>{escape(drawing.caption)}</figcaption>"
    numbers = "" if data is None else details(data_title, data).html
    picture = f'<figure><div class="wide">{drawing.svg}</div>{narrow}{caption}</figure>'
    return Block(f'<div class="figure">{picture}{numbers}</div>')


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
