"""The accessibility statement that every page links to (Act 306/2019 on the Provision of Digital Services, section 9).

What must stand in it: the service, how far it conforms, content that is not accessible and why, where to give feedback,
who supervises, and when and how the statement was made. The facts are the county's, from reporting.yml.
"""

from __future__ import annotations

from datetime import date

from ennakointi.pages.context import PageContext
from ennakointi.parameters.reporting_documents import Accessibility, Shortcoming
from ennakointi.report import markup
from ennakointi.report.markup import Block, Part
from ennakointi.text import N_

STATES = {
    "full": N_("The service conforms with levels A and AA of WCAG 2.1."),
    "partial": N_("The service conforms partly with levels A and AA of WCAG 2.1; the shortcomings stand below."),
    "none": N_("The service does not conform with levels A and AA of WCAG 2.1; the shortcomings stand below."),
}
ASSESSORS = {
    "self": N_("The county assessed the service itself."),
    "expert": N_("An outside expert assessed the service."),
    "nobody": N_("The county has not assessed the service yet. Until it has, this statement is a draft."),
}


def statement(facts: Accessibility, context: PageContext, contact: str, made_on: date) -> Block:
    """The statement of the quarterly reports of a county.

    Parameters
    ----------
    facts : what the county answers for
    contact : where feedback goes unless the facts name another place
    made_on : day of the statement where the facts give none
    """
    _ = context.catalogue.gettext
    feedback = context.catalogue.label(facts.feedback) if facts.feedback else contact
    return markup.stack(
        markup.headline(lead=_(STATES[facts.conformance])),
        markup.paragraph(
            _(
                "This statement concerns the quarterly reports of {region}. The Act on the Provision of Digital "
                "Services (306/2019) applies to them: public online services must be accessible.",
                region=context.region,
            )
        ),
        _shortcomings(facts.shortcomings, context),
        markup.section(
            _("What has been done for accessibility"),
            markup.bullets(
                _("The pages need no JavaScript and work with the keyboard alone."),
                _("Every figure has a text alternative and its numbers as a table."),
                _("Colour is never the only sign. Text has a contrast of at least 4.5 : 1."),
                _("The pages fit a screen of 320 pixels."),
            ),
        ),
        markup.section(
            _("Did you notice a shortcoming?"),
            markup.paragraph(
                _("Tell us, and we do our best to correct it."),
                _("An answer comes within {n} days.", n=f"{facts.answer_days}"),
            ),
            markup.paragraph(_address(feedback)),
        ),
        _supervision(facts, context),
        _about(facts, context, made_on),
    )


def _shortcomings(found: tuple[Shortcoming, ...], context: PageContext) -> Block | None:
    _ = context.catalogue.gettext
    if not found:
        return None
    lines = []
    for one in found:
        text = f"{context.catalogue.label(one.what)} {context.catalogue.label(one.plan)}"
        lines.append(f"{text} (WCAG {one.criterion})" if one.criterion else text)
    return markup.section(_("Content that is not accessible"), markup.bullets(*lines))


def _address(text: str) -> Part:
    """A link where the text is an e-mail address or a page."""
    if " " in text:
        return text
    if "@" in text:
        return markup.link(text, f"mailto:{text}")
    return markup.link(text, text) if text.startswith("https://") else text


def _supervision(facts: Accessibility, context: PageContext) -> Block:
    _, label, by = context.catalogue.gettext, context.catalogue.label, facts.supervisor
    return markup.section(
        _("Supervision of accessibility"),
        markup.paragraph(
            _("If you notice a problem, give feedback to us first."),
            _(
                "If the answer does not satisfy you, or none comes within two weeks, you can tell the authority that "
                "supervises accessibility."
            ),
        ),
        markup.bullets(label(by.name), label(by.unit), _address(label(by.site)), _address(by.email), by.phone),
    )


def _about(facts: Accessibility, context: PageContext, made_on: date) -> Block:
    _, day = context.catalogue.gettext, context.catalogue.date
    assessed = _("Day of the assessment: {date}.", date=day(facts.assessed_on)) if facts.assessed_on else ""
    dates = [
        _("The statement was written on {date}.", date=day(facts.written_on or made_on)),
        _("It was updated on {date}.", date=day(facts.updated_on)) if facts.updated_on else "",
    ]
    return markup.section(
        _("About this statement"),
        markup.paragraph(*filter(None, (_(ASSESSORS[facts.assessed_by]), assessed))),
        markup.paragraph(_("The program that makes the pages is tested with automatic tools on every kind of page.")),
        markup.paragraph(*filter(None, dates)),
    )
