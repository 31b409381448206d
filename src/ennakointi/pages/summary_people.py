"""On the summary: who needs what, and which need is to come, in a sentence or two each with a link to its page."""

from __future__ import annotations

from ennakointi.pages.context import PageContext, Tables
from ennakointi.pages.need import NeedPage
from ennakointi.pages.segments import SegmentsPage
from ennakointi.report import markup
from ennakointi.report.markup import Block


def block(tables: Tables, context: PageContext) -> Block | None:
    """The first sentences of the pages of segments and of anticipated need; None when neither was computed."""
    _ = context.catalogue.gettext
    told = {
        "segments": (SegmentsPage(tables, context).in_brief(), _("All client segments")),
        "need": (NeedPage(tables, context).in_brief(), _("All anticipated needs")),
    }
    said = [
        markup.paragraph(*sentences, *([link] if isinstance(link := context.linked(name, page), Block) else []))
        for page, (sentences, name) in told.items()
        if sentences
    ]
    return markup.section(_("Who needs what, and what is to come"), *said, level=3) if said else None
