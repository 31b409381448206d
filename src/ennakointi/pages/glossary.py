"""The words of the reports and what they mean, in alphabetical order of the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from ennakointi.pages.context import PageContext
from ennakointi.parameters.reporting_documents import Term
from ennakointi.report import markup
from ennakointi.report.markup import Block

_LAST_LETTERS = str.maketrans({"å": "z1", "ä": "z2", "ö": "z3"})  # of the Finnish and Swedish alphabet, in this order


def glossary(terms: Mapping[str, Term], context: PageContext) -> Block:
    """Every term with its meaning."""
    _ = context.catalogue.gettext
    pairs = [(context.catalogue.label(one.term), context.catalogue.label(one.meaning)) for one in terms.values()]
    ordered = sorted(pairs, key=lambda pair: pair[0].casefold().translate(_LAST_LETTERS))
    return markup.stack(
        markup.headline(lead=_("One word means one thing on every page of the report.")),
        markup.definitions(*((term[:1].upper() + term[1:], meaning) for term, meaning in ordered)),
    )
