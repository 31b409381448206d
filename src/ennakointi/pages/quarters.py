"""The list of published quarters, newest first: what a reader of the file share opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ennakointi.periods import Quarter
from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import Catalogue


@dataclass(frozen=True)
class Published:
    """A published quarter: the address of its first page, the line that opens it, and whether its data are made up."""

    quarter: Quarter
    href: str
    line: str = ""
    synthetic: bool = False


def quarters(found: Sequence[Published], catalogue: Catalogue) -> Block:
    """Every quarter with its one line."""
    _ = catalogue.gettext
    ordered = sorted(found, key=lambda one: (one.quarter.year, one.quarter.number), reverse=True)
    lines = [
        markup.stack(
            markup.paragraph(markup.link(catalogue.quarter(one.quarter), one.href)),
            markup.note(*filter(None, (one.line, catalogue.synthetic if one.synthetic else ""))),
        )
        for one in ordered
    ]
    return markup.stack(markup.headline(lead=_("Choose a quarter; the newest is on top.")), markup.bullets(*lines))
