"""What the report's owner says on a page: the analyst's comment, corrections, the approver, what it is not for."""

from __future__ import annotations

from ennakointi.pages.context import PageContext
from ennakointi.report import markup
from ennakointi.report.markup import Block


def comment(context: PageContext, page: str) -> Block | None:
    """The analyst's words on a page (`summary`, `service_debt.older_people`), and the role of who wrote them."""
    said = context.comment.get(page)
    if said is None:
        return None
    _ = context.catalogue.gettext
    by = markup.note(_("Written by: {role}", role=context.comment_author)) if context.comment_author else None
    parts = [part for part in (markup.paragraph(said), by) if part is not None]
    return markup.callout(_("The analyst's comment"), *parts)


def corrections(context: PageContext, page: str) -> Block | None:
    """What was corrected on the page after it was published, when and why; or None."""
    _ = context.catalogue.gettext
    found = [one for one in context.corrections if not one.pages or page in one.pages]
    boxes = [
        markup.callout(
            _("Corrected {date}", date=context.catalogue.date(one.day)),
            one.what,
            _("Why: {reason}", reason=one.why),
            tone="warning",
        )
        for one in found
    ]
    return markup.stack(*boxes) if boxes else None


def not_for(context: PageContext) -> Block:
    """What the report must not be used for, as a list without a heading."""
    return markup.bullets(*context.not_for)


def approval(context: PageContext) -> Block | None:
    """Who approved the report, by role; None where nobody has."""
    if not context.approver:
        return None
    return markup.paragraph(context.catalogue.gettext("Approved by: {role}.", role=context.approver))


def below(context: PageContext, page: str, *blocks: Block | None) -> Block | None:
    """What stands under the content of a page: the analyst's comment, the given blocks, then folded what the report is
    not for. The page's own answer comes first on its first screen; only a correction stands above it."""
    _ = context.catalogue.gettext
    folded = markup.details(_("What this report is not for"), not_for(context)) if context.not_for else None
    known = [block for block in (comment(context, page), *blocks, folded) if block is not None]
    return markup.stack(*known) if known else None
