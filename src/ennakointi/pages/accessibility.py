"""The accessibility statement that every page links to (Act 306/2019 on the Provision of Digital Services)."""

from __future__ import annotations

from ennakointi.report import markup
from ennakointi.report.markup import Block
from ennakointi.text import Catalogue


def statement(catalogue: Catalogue, region: str, contact: str) -> Block:
    """What the report aims at, where it falls short, and whom to tell; to be confirmed by the county's own review."""
    _ = catalogue.gettext
    return markup.stack(
        markup.headline(lead=_("This report is made to be read by everyone.")),
        markup.paragraph(
            _(
                "The statement concerns the quarterly reports of {region}. The aim is level AA of the accessibility "
                "guidelines WCAG 2.1. The pages need no JavaScript, every figure has a text and a table beside it, and "
                "colour is never the only sign.",
                region=region,
            )
        ),
        markup.section(
            _("Where the report falls short"),
            markup.bullets(
                _("Wide tables scroll sideways on a narrow screen."),
                _("The result tables are CSV files, and the executed notebooks are files for analysts."),
            ),
        ),
        markup.section(
            _("How this was assessed"),
            markup.paragraph(
                _(
                    "The maker of the program checks pages with automatic tools and by looking at them. The county "
                    "confirms the statement with a review of its own before it publishes the report."
                )
            ),
        ),
        markup.section(
            _("Feedback"),
            markup.paragraph(_("Tell what hinders you; an answer comes within 14 days: {contact}", contact=contact)),
            markup.paragraph(
                _("If the answer does not satisfy you, you can turn to the authority that supervises accessibility.")
            ),
        ),
    )
