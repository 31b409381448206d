"""The page of client segments: who needs what, how many they are, what it costs, how they move, where to begin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ennakointi.pages import quality_trust
from ennakointi.pages.context import PageContext, Row, Tables, is_shown
from ennakointi.pages.segments_cards import CardSection
from ennakointi.pages.segments_classes import ClassSection, StabilitySection
from ennakointi.pages.segments_guidance import GuidanceSection
from ennakointi.pages.segments_moves import FutureSection, MoveSection
from ennakointi.pages.segments_schemes import ReadingSection, SchemeSection
from ennakointi.pages.segments_sizes import SizeSection
from ennakointi.pages.segments_words import EVERYONE, Segments
from ennakointi.report import markup
from ennakointi.report.markup import Block, KeyFigure
from ennakointi.report.segment_figures import part_words
from ennakointi.text import Catalogue

LEAD = {"share": "share", "cost": "cost_share"}
LEVELS = "service_level"  # the scheme of the heaviest service used: flows from light to basic to heavy services


@dataclass(frozen=True, eq=False)
class SegmentsPage:
    """Client segments of all residents.

    Parameters
    ----------
    tables : mapping of released tables
        Those of `result_tables.segments`; a missing one was not computed.
    context : PageContext
        Its labels `scheme`, `segment`, `segment_about`, `measure`, `item`, `reading` name the codes and give the order.
    """

    tables: Tables
    context: PageContext

    @cached_property
    def _segments(self) -> Segments:
        return Segments(self.tables, self.context)

    def answer(self) -> Block:
        """Who needs most, how many need nothing, what the dearest cost, where to look first, how sure it is."""
        _ = self.context.catalogue.gettext
        scheme = self._segments.record
        if not scheme:
            return markup.stack(markup.headline(lead=_("No segments have been computed.")), *self._missing())
        said = [
            self._first(scheme),
            FutureSection(self._segments, scheme).sentence(),
            StabilitySection(self._segments).sentence(scheme),
        ]
        warning = quality_trust.callout(self.tables, "non_user_segments", self.context)
        figures = self._figures()
        return markup.stack(
            markup.headline(*filter(None, said), lead=self._lead(scheme)),
            markup.key_figures(*figures) if figures else None,
            warning,
        )

    def in_brief(self) -> list[str]:
        """What the summary says of segments; nothing where they were not computed."""
        scheme = self._segments.record
        return [one for one in (self._lead(scheme), self._first(scheme)) if one] if scheme else []

    def _missing(self) -> list[Block]:
        _ = self.context.catalogue.gettext
        needed = {
            "persons": _("who lives in the area, also those who use no services"),
            "contacts": _("contacts of each person with services, with costs"),
        }
        return [
            self.context.source_missing(table, text) for table, text in needed.items() if table in self.context.missing
        ]

    def _lead(self, scheme: str) -> str:
        """The gravest segment: how many need most, and what they cost."""
        s, _ = self._segments, self.context.catalogue.gettext
        codes = s.codes(scheme)
        row = s.size(scheme, codes[0]) if codes else {}
        if not is_shown(row, "share", "cost_share"):
            return _("Client segments: {n}.", n=len(codes))
        shares = {name: _whole(float(row[column]), self.context.catalogue) for name, column in LEAD.items()}
        return _("{segment}: {share} of residents, {cost} of costs.", segment=s.name(scheme, codes[0]), **shares)

    def _figures(self) -> list[KeyFigure]:
        """Non-users, those who need many services, the dearest tenth, and those with signs of unmet need."""
        s, _ = self._segments, self.context.catalogue.gettext
        found = [
            (_("Use no services"), self._sign("no_contact")),
            (_("Used many services"), self._sign("multi_service")),
            (_("Sign of unmet need"), self._sign("unmet_need")),
        ]
        figures = [
            KeyFigure(name, s.share(row, "share"), _("of residents; persons: {n}", n=s.count(row, "n_persons")))
            for name, row in found
            if row
        ]
        top = s.row("concentration", measure="cost_eur", top_share="10")
        if top:
            figures.insert(2, KeyFigure(_("The dearest 10% of residents"), s.share(top, "share"), _("of costs")))
        return figures

    def _sign(self, sign: str) -> Row:
        """The sign among all residents; a scheme may hide what another one shows."""
        s = self._segments
        found = [s.row("segment_signs", scheme=scheme, segment=EVERYONE, sign=sign) for scheme in s.schemes]
        return next((row for row in found if is_shown(row, "share")), found[0])

    def _first(self, scheme: str) -> str:
        """Which segment to look at first and why; empty when it cannot be told."""
        s, catalogue = self._segments, self.context.catalogue
        cards = CardSection(s)
        row = cards.first(scheme)
        if not row:
            return ""
        said = catalogue.gettext(
            "Look first at: {segment}. Sign of unmet need: {unmet}; cost of one resident: {cost} a year; "
            "mean wait: {days} days.",
            segment=s.name(scheme, str(row["segment"])),
            unmet=cards.unmet(scheme, row),
            cost=cards.cost(scheme, row),
            days=s.rate(row, "delay_days"),
        )
        measures = cards.measures(row)
        if measures == catalogue.missing:
            return said
        return f"{said} {catalogue.gettext('What could be done: {measures}.', measures=measures)}"

    def sizes(self) -> Block:
        """Sizes and costs of the scheme of record, and how far costs gather on few residents."""
        s, section = self._segments, SizeSection(self._segments)
        return markup.stack(SchemeSection(s).about(s.record), section.block(s.record), section.concentration())

    def cards(self) -> Block:
        """Which segment to look at first, and a card of each."""
        s, cards = self._segments, CardSection(self._segments)
        codes = s.codes(s.record)
        if not codes:
            return markup.paragraph(self.context.catalogue.gettext("No segments have been computed."))
        return markup.stack(cards.ranking(s.record), *(cards.block(s.record, code) for code in codes))

    def movements(self) -> Block:
        """Moves of a year, those between light, basic and heavy services too, and the coming years."""
        s, _ = self._segments, self.context.catalogue.gettext
        moves, future = MoveSection(s), FutureSection(s, s.record)
        between = LEVELS in s.schemes and s.record != LEVELS
        return markup.stack(
            moves.block(s.record),
            markup.section(s.scheme_name(LEVELS), moves.block(LEVELS), level=3) if between else None,
            markup.section(_("Coming years"), future.block(), level=3),
        )

    def guidance(self) -> Block:
        """Right place, returns and plans."""
        return GuidanceSection(self._segments).block()

    def schemes(self) -> Block:
        """Other divisions with their agreement, and readings of a multi-service client."""
        s, _ = self._segments, self.context.catalogue.gettext
        readings = markup.section(_("Who is a multi-service client?"), ReadingSection(s).block(), level=3)
        return markup.stack(SchemeSection(s).block(), readings)

    def reliability(self) -> Block:
        """Stability of every division, statistical classes beside the rules, and the method, folded."""
        s, _ = self._segments, self.context.catalogue.gettext
        classes = markup.section(_("What the data say without rules"), ClassSection(s).block(), level=3)
        return markup.stack(StabilitySection(s).block(), classes, *self._method())

    def _method(self) -> list[Block]:
        """The words and the method, folded."""
        _ = self.context.catalogue.gettext
        terms = markup.definitions(
            (
                _("Client segment"),
                _("A group of residents who need alike. Everyone is in one segment of a division only."),
            ),
            (_("Target group"), _("A group of the report. One person may belong to several target groups.")),
            (_("Multi-service client"), _("A client who needs many services at once. There are several readings.")),
            (
                _("Sign of unmet need"),
                _("The data show a need but not the service that answers it; it is no diagnosis."),
            ),
            (
                _("Proxy"),
                _("A division from the register in the place of a published one that cannot be computed as such."),
            ),
        )
        method = markup.bullets(
            _("Rules are tried from the gravest segment on; the first that holds decides. Non-users are included."),
            _("Use and costs are of the 12 months before the end of the quarter, illnesses of a longer time."),
            _("Moves compare the same persons at the end of two quarters. Deaths and moves away are kept apart."),
            _("Statistical classes come from a latent class model; BIC and data held out choose their number."),
            _("A shallow decision tree describes the classes. The report names no person and lists none."),
        )
        return [
            markup.details(_("Definitions"), terms),
            markup.details(_("How the numbers were made"), method),
        ]


def _whole(share: float, catalogue: Catalogue) -> str:
    """A share in whole per cents where it is at least one."""
    return catalogue.percent(share) if share >= 0.0095 else part_words(share, catalogue)
