"""How large the segments are and what they cost: the picture, the table, and how far use is gathered on few persons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.pages.context import Row, is_shown, rows
from ennakointi.pages.segments_words import EVERYONE, Segments
from ennakointi.periods import Quarter
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.report.segment_figures import part_words
from ennakointi.text import N_

MEASURES = {"cost_eur": N_("Costs"), "contacts": N_("Contacts")}
GINI = "gini"


@dataclass(frozen=True, eq=False)
class SizeSection:
    """Tables `segments` and `concentration`."""

    segments: Segments

    def block(self, scheme: str) -> Block:
        """Shares of residents and of costs beside each other, and the numbers as a table."""
        _ = self.segments.context.catalogue.gettext
        codes = self.segments.codes(scheme)
        if not codes:
            return markup.paragraph(_("No segments have been computed."))
        return markup.stack(self._picture(scheme), self.table(scheme))

    def _picture(self, scheme: str) -> Block | None:
        """The figure; none where no share is shown."""
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        found = [(s.name(scheme, code), s.size(scheme, code)) for code in s.codes(scheme)]
        lines = [(name, s.value(row, "share"), s.value(row, "cost_share")) for name, row in found]
        frame = pd.DataFrame(lines, columns=["label", "first", "second"])
        if not frame[["first", "second"]].notna().to_numpy().any():
            return None
        told = [
            _(
                "{segment}: {share} of residents, {cost} of costs.",
                segment=name,
                share=s.share(row, "share"),
                cost=s.share(row, "cost_share"),
            )
            for name, row in found
        ]
        drawing = figures.pairs(
            frame,
            first=_("Share of residents"),
            second=_("Share of costs"),
            catalogue=catalogue,
            unit=_("Share, %"),
            alt=" ".join(told),
            caption=_("{scheme}: share of residents and of costs", scheme=s.scheme_name(scheme)),
        )
        return markup.figure(drawing, name=f"segment-sizes-{scheme}", results=("segments",))

    def table(self, scheme: str) -> Block:
        """Size, change in a year, use and cost of each segment."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "name": s.name(scheme, code),
                "persons": s.count(row, "persons"),
                "share": s.share(row, "share"),
                "change": self.change(scheme, code),
                "contacts": s.rate(row, "contacts_per_person"),
                "cost": s.euros(row, "cost_eur_per_person"),
                "cost_share": s.share(row, "cost_share"),
            }
            for code in (*s.codes(scheme), EVERYONE)
            if (row := s.size(scheme, code))
        ]
        columns = [
            Column("name", _("Client segment")),
            Column("persons", _("Residents"), "number", format=str),
            Column("share", _("Share of residents"), "number", format=str),
            Column("change", _("Change in a year"), "number", format=str),
            Column("contacts", _("Contacts a year for each resident"), "number", format=str),
            Column("cost", _("Cost a year for each resident"), "number", format=str),
            Column("cost_share", _("Share of costs"), "number", format=str),
        ]
        caption = _("{scheme}: sizes and costs", scheme=s.scheme_name(scheme))
        note = _("Everyone is in one segment only. Contacts and costs are of the last 12 months.")
        return markup.table(
            pd.DataFrame(cells),
            columns,
            caption,
            catalogue,
            note,
            name=f"segment-sizes-{scheme}",
            results=("segments",),
        )

    def change(self, scheme: str, segment: str) -> str:
        """How many persons more or fewer than a year before."""
        s, now = self.segments, self.segments.context.quarter
        before, after = s.size(scheme, segment, Quarter(now.year - 1, now.number)), s.size(scheme, segment)
        if not before:
            return s.context.catalogue.missing
        if not (is_shown(before, "persons") and is_shown(after, "persons")):
            return s.context.catalogue.hidden
        return s.context.catalogue.signed(float(after["persons"]) - float(before["persons"]))

    def concentration(self) -> Block | None:
        """How large a share of costs and contacts the residents with the most have; None when not computed."""
        catalogue = self.segments.context.catalogue
        _ = catalogue.gettext
        found = rows(self.segments.tables, "concentration")
        if found.empty:
            return None
        return markup.section(
            _("How far costs gather on few residents"),
            markup.paragraph(*self.concentration_sentences()),
            self._curve(found),
            self._concentration_table(found),
            level=3,
        )

    def concentration_sentences(self) -> list[str]:
        """What the dearest tenth costs and how uneven that is."""
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        top = s.row("concentration", measure="cost_eur", top_share="10")
        uneven = s.row("concentration", measure="cost_eur", top_share=GINI)
        said = []
        if is_shown(top, "share"):
            share = s.share(top, "share")
            said.append(_("The dearest 10% of residents: {share} of the costs of services.", share=share))
        if is_shown(uneven, "share"):
            number = catalogue.number(float(uneven["share"]), 2)
            said.append(
                _("Gini coefficient of costs: {number} (0: all cost as much, 1: one costs all).", number=number)
            )
        return said

    def _curve(self, found: pd.DataFrame) -> Block | None:
        """The figure; none where fewer than two points are shown."""
        catalogue = self.segments.context.catalogue
        _ = catalogue.gettext
        curves, told = [], []
        for measure, name in MEASURES.items():
            points = self._points(found, measure)
            if len(points) >= 2:
                curves.append((_(name), points[:, 0], points[:, 1]))
                told += [
                    _(
                        "{measure}: {top} of residents have {share}.",
                        measure=_(name),
                        top=catalogue.percent(top),
                        share=part_words(share, catalogue),
                    )
                    for top, share in points
                ]
        if not curves:
            return None
        drawing = figures.concentration(
            curves,
            equal=_("If everyone had as much"),
            catalogue=catalogue,
            below=_("share of residents, those with the most first"),
            unit=_("share of the whole"),
            alt=" ".join(told),
            caption=_("Costs and contacts gather on few residents"),
        )
        return markup.figure(drawing, name="concentration", results=("concentration",))

    @staticmethod
    def _points(found: pd.DataFrame, measure: str) -> np.ndarray:
        """Shown points (share of residents, share of the whole) of a curve, shape (k, 2), ascending."""
        own = found[(found["measure"] == measure) & (found["top_share"] != GINI)].dropna(subset=["share"])
        points = np.column_stack([own["top_share"].astype(float) / 100, own["share"].astype(float)])
        return points[np.argsort(points[:, 0])]

    def _concentration_table(self, found: pd.DataFrame) -> Block:
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        tops = sorted({str(one) for one in found["top_share"]} - {GINI}, key=float)
        lines: list[Row] = [
            {"top": self._top_words(top), **{m: s.share(self._point(m, top), "share") for m in MEASURES}}
            for top in tops
        ]
        columns = [
            Column("top", _("Residents with the most")),
            *(Column(measure, _(name), "number", format=str) for measure, name in MEASURES.items()),
        ]
        caption = _("Share of all costs and contacts")
        table = markup.table(pd.DataFrame(lines), columns, caption, catalogue, name="concentration")
        return markup.details(_("Numbers as a table"), table, about=caption)

    def _top_words(self, top: str) -> str:
        catalogue = self.segments.context.catalogue
        return catalogue.gettext("{share} of residents", share=catalogue.percent(float(top) / 100))

    def _point(self, measure: str, top: str) -> Row:
        return self.segments.row("concentration", measure=measure, top_share=top)
