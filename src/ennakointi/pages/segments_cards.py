"""One card for each segment that a director can read, and which segment to look at first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ennakointi.pages.context import Row, is_hidden, is_shown, records, rows
from ennakointi.pages.segments_sizes import SizeSection
from ennakointi.pages.segments_words import EVERYONE, Segments
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column, KeyFigure
from ennakointi.report.segment_figures import part_words
from ennakointi.text import N_

DIMENSIONS = {
    "age_band": N_("Age"),
    "sex": N_("Sex"),
    "language": N_("Language"),
    "municipality": N_("Municipality"),
}
SIGNS = {  # those of one line of the card, in its order; what the amount of a person who has the sign is
    N_("Waits"): {"waiting": (N_("waiting now: {share}"), N_("waited {amount} days on average"))},
    N_("How they are met"): {
        "remote": (N_("of contacts remote: {share}"), ""),
        "urgent": (N_("of contacts urgent: {share}"), ""),
        "bed_days": (N_("in hospital during the year: {share}"), N_("{amount} days a year for each of them")),
    },
    N_("Support from many services"): {
        "multi_service": (N_("need it: {share}"), ""),
        "plan": (N_("have a multi-professional plan: {share}"), ""),
    },
}
OF_CONTACTS = ("remote", "urgent")  # told as a share of the contacts, not of the persons
LEAST = 0.005  # share that is named on a card
MOST = 3  # values, services or groups named on a card; the rest stand in its tables


@dataclass(frozen=True, eq=False)
class CardSection:
    """Tables `segments`, `segment_residents`, `segment_services`, `segment_groups`, `segment_signs`,
    `segment_movement` and `segment_ranking`."""

    segments: Segments

    def ranking(self, scheme: str) -> Block | None:
        """Segments in the order in which to look at them; None when they were not ranked."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = sorted(records(rows(s.tables, "segment_ranking", scheme=scheme)), key=self._place)
        if not found:
            return None
        cells = [
            {
                "name": s.name(scheme, str(row["segment"])),
                "unmet": self.unmet(scheme, row),
                "cost": self.cost(scheme, row),
                "delay": s.rate(row, "delay_days"),
                "score": s.rate(row, "score"),
                "measures": self.measures(row),
            }
            for row in found
        ]
        columns = [
            Column("name", _("Client segment, the first to look at on top")),
            Column("unmet", _("Sign of unmet need"), "number", format=str),
            Column("cost", _("Cost a year for each resident"), "number", format=str),
            Column("delay", _("Mean wait, days"), "number", format=str),
            Column("score", _("Index (all residents = 1)"), "number", format=str),
            Column("measures", _("What could be done")),
        ]
        note = _("Index: unmet need × cost × wait, each divided by that of all residents.")
        caption = _("Order of the segments: unmet need, cost and wait together")
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, note, name="segment-ranking", results=("segment_ranking",)
        )

    @staticmethod
    def _place(row: Row) -> float:
        return float(row["place"]) if is_shown(row, "place") else float("inf")

    def first(self, scheme: str) -> Row:
        """The row of the segment to look at first; empty when it cannot be told."""
        found = records(rows(self.segments.tables, "segment_ranking", scheme=scheme))
        known = sorted((row for row in found if is_shown(row, "place", "score")), key=self._place)
        return known[0] if known else {}

    def unmet(self, scheme: str, row: Row) -> str:
        """Share of a ranked segment with a sign of unmet need, the same number as on its card."""
        sign = self._sign(scheme, str(row["segment"]), "unmet_need")
        return self.segments.share(sign, "share") if sign else self.segments.share(row, "unmet_share")

    def cost(self, scheme: str, row: Row) -> str:
        """Cost of one resident of a ranked segment, the same number as on its card."""
        size = self.segments.size(scheme, str(row["segment"]))
        return self.segments.euros(size or row, "cost_eur_per_person")

    def measures(self, row: Row) -> str:
        """The measures of a ranked segment as a list; a dash when there are none."""
        named = row.get("measures")
        codes = [code for code in str(named).split(";") if code] if isinstance(named, str) else []
        words = [self.segments.context.label("measure", code) for code in codes]
        return "; ".join(words) if words else self.segments.context.catalogue.missing

    def block(self, scheme: str, segment: str) -> Block:
        """The card of one segment."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        about = s.about(scheme, segment)
        return markup.section(
            s.name(scheme, segment),
            markup.paragraph(about) if about else None,
            markup.key_figures(*self._figures(scheme, segment)),
            markup.definitions(*self._facts(scheme, segment)),
            markup.details(_("Numbers as a table"), *self._tables(scheme, segment), about=s.name(scheme, segment)),
            level=3,
        )

    def _figures(self, scheme: str, segment: str) -> list[KeyFigure]:
        """Size, cost, unmet need, and who stays."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        size, stays = s.size(scheme, segment), s.row("segment_movement", scheme=scheme, segment=segment)
        unmet, change = self._sign(scheme, segment, "unmet_need"), SizeSection(s).change(scheme, segment)
        share = _("{share} of residents; change in a year: {change}", share=s.share(size, "share"), change=change)
        cost = _("{share} of costs", share=s.share(size, "cost_share"))
        kept = _("of those who still live here")
        return [
            KeyFigure(_("Residents"), s.count(size, "persons"), share, spark=self._trend(scheme, segment)),
            KeyFigure(_("Cost a year for each resident"), s.euros(size, "cost_eur_per_person"), cost),
            KeyFigure(_("Sign of unmet need"), s.share(unmet, "share"), _("of the segment")),
            KeyFigure(_("In the same segment a year later"), s.share(stays, "same_after_year"), kept),
        ]

    def _sign(self, scheme: str, segment: str, sign: str) -> Row:
        return self.segments.row("segment_signs", scheme=scheme, segment=segment, sign=sign)

    def _trend(self, scheme: str, segment: str) -> figures.Figure | None:
        """Size over the quarters; None when fewer than two are shown."""
        s, catalogue = self.segments, self.segments.context.catalogue
        known = s.quarters(scheme)
        sizes = [s.value(s.size(scheme, segment, quarter), "persons") for quarter in known]
        shown = [place for place, size in enumerate(sizes) if size == size]
        if len(shown) < 2:
            return None
        ends = [(f"{known[k].number}/{known[k].year}", catalogue.number(sizes[k])) for k in (shown[0], shown[-1])]
        alt = catalogue.gettext(
            "{name}: {first} in {when}, {last} in {now}.",
            name=s.name(scheme, segment),
            first=ends[0][1],
            when=ends[0][0],
            last=ends[1][1],
            now=ends[1][0],
        )
        (start, value), (end, last) = ends
        return figures.sparkline(sizes, alt=alt, start=(start, value), end=(end, last))

    def _facts(self, scheme: str, segment: str) -> list[tuple[str, str]]:
        """Terms and what is known of the segment, in the order of a conversation about it."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        contacts = s.rate(s.size(scheme, segment), "contacts_per_person")
        use = _("contacts a year for each resident {n}", n=contacts)
        facts = [
            (_("Who they are"), self._who(scheme, segment)),
            (_("Target groups (they overlap)"), self._groups(scheme, segment)),
            (_("What they use"), "; ".join(filter(None, (self._services(scheme, segment), use)))),
            *((_(term), self._signs(scheme, segment, signs)) for term, signs in SIGNS.items()),
            (_("Where they move in a year"), self._moves(scheme, segment)),
            (_("What could be done"), self.measures(s.row("segment_ranking", scheme=scheme, segment=segment))),
        ]
        return [(term, text) for term, text in facts if text and text != s.context.catalogue.missing]

    def _who(self, scheme: str, segment: str) -> str:
        """The largest age bands, and the shares of women and of languages."""
        said = [self._largest(scheme, segment, "age_band", MOST), self._largest(scheme, segment, "sex", 2)]
        return "; ".join(filter(None, (*said, self._largest(scheme, segment, "language", 2))))

    def _largest(self, scheme: str, segment: str, dimension: str, most: int) -> str:
        s = self.segments
        found = rows(s.tables, "segment_residents", scheme=scheme, segment=segment, dimension=dimension)
        own = [row for row in records(found) if str(row["value"]) != EVERYONE and is_shown(row, "share")]
        top = sorted((row for row in own if float(row["share"]) >= LEAST), key=lambda row: -float(row["share"]))[:most]
        return ", ".join(f"{s.value_name(dimension, str(row['value']))} ({s.share(row, 'share')})" for row in top)

    def _groups(self, scheme: str, segment: str) -> str:
        found = self._ranked(scheme, segment, "segment_groups", "target_group", "share_of_segment")
        return self._named(found, "target_group", "share_of_segment")

    def _services(self, scheme: str, segment: str) -> str:
        found = self._ranked(scheme, segment, "segment_services", "service", "users_share")
        return self._named(found, "service", "users_share")

    def _ranked(self, scheme: str, segment: str, table: str, key: str, column: str) -> list[Row]:
        """Rows of a segment without the one of all, the largest shares first, hidden ones last."""
        found = records(rows(self.segments.tables, table, scheme=scheme, segment=segment))
        own = [row for row in found if str(row[key]) != EVERYONE]
        return sorted(own, key=lambda row: -float(row[column]) if is_shown(row, column) else 1.0)

    def _named(self, found: Sequence[Row], kind: str, column: str) -> str:
        s = self.segments
        shown = [row for row in found if is_shown(row, column) and float(row[column]) >= LEAST][:MOST]
        return ", ".join(f"{s.context.label(kind, str(row[kind]))} ({s.share(row, column)})" for row in shown)

    def _signs(self, scheme: str, segment: str, signs: Mapping[str, tuple[str, str]]) -> str:
        """`waiting now 9 %, waited 84 days on average`: shares of the segment that have the signs, and amounts."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        said = []
        for sign, (share, amount) in signs.items():
            row = self._sign(scheme, segment, sign)
            told = self._contact_share(scheme, segment, row) if sign in OF_CONTACTS else s.share(row, "share")
            said += [_(share, share=told)] if told != s.context.catalogue.missing else []
            if amount and is_shown(row, "share", "per_person") and float(row["share"]) > 0:
                said.append(_(amount, amount=s.rate(row, "per_person")))
        return ", ".join(said)

    def _contact_share(self, scheme: str, segment: str, row: Row) -> str:
        """The share of a kind of contacts among all contacts of the segment."""
        catalogue, size = self.segments.context.catalogue, self.segments.size(scheme, segment)
        if is_hidden(row, "amount") or is_hidden(size, "contacts"):
            return catalogue.hidden
        if not is_shown(row, "amount") or not is_shown(size, "contacts") or float(size["contacts"]) <= 0:
            return catalogue.missing
        return part_words(float(row["amount"]) / float(size["contacts"]), catalogue)

    def _moves(self, scheme: str, segment: str) -> str:
        """Shares that are in a graver and in a less grave segment a year later, and the expected time."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        row = s.row("segment_movement", scheme=scheme, segment=segment)
        said = {
            "heavier_share": _("to heavier support {value}", value=s.share(row, "heavier_share")),
            "lighter_share": _("to lighter support {value}", value=s.share(row, "lighter_share")),
            "stay_years": _("expected time in the segment {value} years", value=s.rate(row, "stay_years")),
        }
        return "; ".join(words for column, words in said.items() if is_shown(row, column) and float(row[column]) > 0)

    def _tables(self, scheme: str, segment: str) -> list[Block]:
        """Residents, services and target groups of the segment in full."""
        made = (self._residents, self._service_table, self._group_table)
        return [block for make in made if (block := make(scheme, segment))] or [
            markup.paragraph(self.segments.context.catalogue.gettext("There are no more numbers of this segment."))
        ]

    def _residents(self, scheme: str, segment: str) -> Block | None:
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = records(rows(s.tables, "segment_residents", scheme=scheme, segment=segment))
        cells = [
            {
                "dimension": _(DIMENSIONS[str(row["dimension"])]),
                "value": s.value_name(str(row["dimension"]), str(row["value"])),
                "persons": s.count(row, "n_persons"),
                "share": s.share(row, "share"),
            }
            for dimension in DIMENSIONS
            for row in found
            if row["dimension"] == dimension and row["value"] != EVERYONE
        ]
        columns = [
            Column("dimension", _("By")),
            Column("value", _("Residents of the segment")),
            Column("persons", _("Persons"), "number", format=str),
            Column("share", _("Share"), "number", format=str),
        ]
        caption = _("{segment}: residents", segment=s.name(scheme, segment))
        return (
            markup.table(
                pd.DataFrame(cells), columns, caption, catalogue, row_header="value", results=("segment_residents",)
            )
            if cells
            else None
        )

    def _service_table(self, scheme: str, segment: str) -> Block | None:
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "service": s.context.label("service", str(row["service"])),
                "users": s.share(row, "users_share"),
                "contacts": s.rate(row, "contacts_per_person"),
                "cost": s.rounded_euros(row, "cost_eur"),
            }
            for row in self._ranked(scheme, segment, "segment_services", "service", "users_share")
        ]
        columns = [
            Column("service", _("Service")),
            Column("users", _("Users of the segment"), "number", format=str),
            Column("contacts", _("Contacts a year for each resident"), "number", format=str),
            Column("cost", _("Cost a year"), "number", format=str),
        ]
        caption = _("{segment}: services", segment=s.name(scheme, segment))
        return (
            markup.table(pd.DataFrame(cells), columns, caption, catalogue, results=("segment_services",))
            if cells
            else None
        )

    def _group_table(self, scheme: str, segment: str) -> Block | None:
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "group": s.context.label("target_group", str(row["target_group"])),
                "persons": s.count(row, "n_persons"),
                "of_segment": s.share(row, "share_of_segment"),
                "of_group": s.share(row, "share_of_group"),
            }
            for row in self._ranked(scheme, segment, "segment_groups", "target_group", "share_of_segment")
        ]
        columns = [
            Column("group", _("Target group")),
            Column("persons", _("Persons"), "number", format=str),
            Column("of_segment", _("Share of the segment"), "number", format=str),
            Column("of_group", _("Share of the group"), "number", format=str),
        ]
        caption = _("{segment}: target groups", segment=s.name(scheme, segment))
        note = _("A person may belong to several groups: the rows must not be added up.")
        return (
            markup.table(pd.DataFrame(cells), columns, caption, catalogue, note=note, results=("segment_groups",))
            if cells
            else None
        )
