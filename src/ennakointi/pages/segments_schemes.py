"""Other ways of dividing the same residents, how far they agree, and what a multi-service client is read to be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from ennakointi.pages.context import Row, is_shown, records, rows
from ennakointi.pages.segments_sizes import SizeSection
from ennakointi.pages.segments_words import EVERYONE, LATENT, Segments
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

NONE = "none"
ALIKE, PARTLY = 0.8, 0.4  # of the adjusted Rand index: from here on the schemes are said to agree, or to agree in part
MOST_COMBINATIONS = 12  # in the picture


def _index(pair: tuple[str, str, float]) -> float:
    """Order of pairs of schemes: those that agree most come first."""
    return -pair[2]


@dataclass(frozen=True, eq=False)
class SchemeSection:
    """Tables `segments` and `segment_agreement`."""

    segments: Segments

    def block(self) -> Block:
        """Each other scheme with its sizes, folded, and a table of agreement."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        others = [code for code in s.schemes if code not in (s.record, LATENT)]
        if not others:
            return markup.stack(
                markup.paragraph(_("There is only one way of dividing the residents.")), self._refused()
            )
        lead = _("The same residents divided in other ways. Shares of different divisions must not be added up.")
        folded = (self._folded(code) for code in others)
        return markup.stack(markup.paragraph(lead), *folded, self._refused(), self._agreement())

    def _refused(self) -> Block | None:
        """Divisions of the parameters that could not be made; None when there are none."""
        s, catalogue = self.segments, self.segments.context.catalogue
        lacking = [s.scheme_name(code) for code in s.context.labels.get("scheme", {}) if code not in s.schemes]
        if not lacking:
            return None
        words = catalogue.gettext("Not computed, because data are missing: {schemes}.", schemes="; ".join(lacking))
        return markup.paragraph(words)

    def about(self, scheme: str) -> Block | None:
        """Where a scheme comes from, and that it is a proxy where it is one."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        said = []
        if s.is_proxy(scheme):
            said.append(_("This is a proxy made from the register: the published division cannot be computed as such."))
            said.append(s.context.labels["scheme_proxy"][scheme])
        said.append(s.context.labels.get("scheme_about", {}).get(scheme, ""))
        told = list(dict.fromkeys(filter(None, said)))
        return markup.paragraph(*told) if told else None

    def _folded(self, scheme: str) -> Block:
        s = self.segments
        return markup.details(s.scheme_name(scheme), self.about(scheme), SizeSection(s).table(scheme))

    def _agreement(self) -> Block | None:
        """How alike two schemes divide the residents: that of record and the others, then all pairs folded."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        found = [row for row in records(rows(s.tables, "segment_agreement")) if is_shown(row, "adjusted_rand")]
        known = {tuple(sorted((str(row["scheme"]), str(row["other"])))): float(row["adjusted_rand"]) for row in found}
        pairs = sorted(((one, other, index) for (one, other), index in known.items() if one != other), key=_index)
        own = [(s.record, other if one == s.record else one, i) for one, other, i in pairs if s.record in (one, other)]
        if not own:
            return None
        every = self._pairs(pairs, _("All pairs of divisions"), "agreement-all")
        return markup.stack(
            self._pairs(own, _("{scheme}: how far others agree", scheme=s.scheme_name(s.record)), "agreement"),
            markup.details(_("All pairs of divisions"), every) if len(pairs) > len(own) else None,
        )

    def _pairs(self, pairs: Sequence[tuple[str, str, float]], caption: str, name: str) -> Block:
        """A table of pairs of schemes."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "one": s.scheme_name(one),
                "other": s.scheme_name(other),
                "index": catalogue.number(index, 2),
                "words": _(self._alike(index)),
            }
            for one, other, index in pairs
        ]
        columns = [
            *([Column("one", _("Division"))] if len({one for one, _other, _index in pairs}) > 1 else []),
            Column("other", _("Other division")),
            Column("index", _("Agreement (1 = the same)"), "number", format=str),
            Column("words", _("In words")),
        ]
        note = _("Agreement is the adjusted Rand index: 0 means no more than by chance.")
        results = ("segment_agreement",)
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, note, row_header="other", name=name, results=results
        )

    @staticmethod
    def _alike(index: float) -> str:
        if index >= ALIKE:
            return N_("divide the residents almost alike")
        return N_("agree in part") if index >= PARTLY else N_("divide the residents differently")


@dataclass(frozen=True, eq=False)
class ReadingSection:
    """What a multi-service client is read to be: the table `multi_service`."""

    segments: Segments

    def block(self) -> Block:
        """How many each reading finds, and which hold for the same persons."""
        _ = self.segments.context.catalogue.gettext
        found = self._combinations()
        if not found:
            return markup.paragraph(_("Readings of a multi-service client have not been computed."))
        return markup.stack(
            markup.paragraph(*self._sentences(found)),
            self._readings_table(found),
            self._picture(found),
            self._table(found),
        )

    def _combinations(self) -> list[tuple[frozenset[str], Row]]:
        """Combinations of readings that hold together, the largest first, hidden ones last."""
        found = records(rows(self.segments.tables, "multi_service"))
        own = [(frozenset(str(row["readings"]).split("+")), row) for row in found]
        told = [(codes, row) for codes, row in own if not codes & {EVERYONE, NONE}]
        return sorted(told, key=lambda one: -self._persons(one[1]))

    def _persons(self, row: Row) -> float:
        return float(row["n_persons"]) if is_shown(row, "n_persons") else -1.0

    def _codes(self, found: list[tuple[frozenset[str], Row]]) -> list[str]:
        present = set().union(*(codes for codes, _ in found))
        named = [code for code in self.segments.context.labels.get("reading", {}) if code in present]
        return [*named, *sorted(present - set(named))]

    def _sentences(self, found: list[tuple[frozenset[str], Row]]) -> list[str]:
        """How many are found by some reading and by every one."""
        catalogue = self.segments.context.catalogue
        _ = catalogue.gettext
        said = [_("There is no one definition of a multi-service client. Each reading finds partly other persons.")]
        codes = frozenset(self._codes(found))
        both = [row for one, row in found if one == codes]
        if both and len(codes) > 1:
            n = self.segments.count(both[0], "n_persons")
            said.append(_("Persons for whom every reading holds: {n}.", n=n))
        return said

    def _total(self, code: str, found: list[tuple[frozenset[str], Row]]) -> str:
        """Persons of a reading: the sum of its combinations; `at least` where some of them are hidden."""
        catalogue = self.segments.context.catalogue
        own = [row for codes, row in found if code in codes]
        shown = [float(row["n_persons"]) for row in own if is_shown(row, "n_persons")]
        if not shown:
            return catalogue.hidden
        total = catalogue.number(sum(shown))
        return total if len(shown) == len(own) else catalogue.gettext("at least {value}", value=total)

    def _readings_table(self, found: list[tuple[frozenset[str], Row]]) -> Block:
        catalogue, context = self.segments.context.catalogue, self.segments.context
        _ = catalogue.gettext
        cells = [
            {
                "name": context.label("reading", code),
                "about": context.labels.get("reading_about", {}).get(code, catalogue.missing),
                "persons": self._total(code, found),
            }
            for code in self._codes(found)
        ]
        columns = [
            Column("name", _("Reading")),
            *([Column("about", _("What it means"))] if context.labels.get("reading_about") else []),
            Column("persons", _("Persons"), "number", format=str),
        ]
        note = _("A person may belong to several readings: the rows must not be added up.")
        caption = _("Multi-service clients by reading")
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, note, name="readings", results=("multi_service",)
        )

    def _picture(self, found: list[tuple[frozenset[str], Row]]) -> Block | None:
        """The overlap as a picture; none where everything is hidden."""
        catalogue, context = self.segments.context.catalogue, self.segments.context
        _ = catalogue.gettext
        shown = [(codes, row) for codes, row in found if is_shown(row, "n_persons")][:MOST_COMBINATIONS]
        if not shown:
            return None
        sets = {code: context.label("reading", code) for code in self._codes(found)}
        frame = pd.DataFrame([{"parts": set(codes), "value": float(row["n_persons"])} for codes, row in shown])
        told = [f"{self._named(codes)}: {self.segments.count(row, 'n_persons')}." for codes, row in shown]
        drawing = figures.overlap(
            frame,
            sets,
            catalogue=catalogue,
            unit=_("Persons, exactly these readings"),
            alt=" ".join(told),
            caption=_("Readings of a multi-service client that hold for the same persons"),
        )
        return markup.figure(drawing, name="readings", results=("multi_service",))

    def _named(self, codes: frozenset[str]) -> str:
        return " + ".join(self.segments.context.label("reading", code) for code in sorted(codes))

    def _table(self, found: list[tuple[frozenset[str], Row]]) -> Block:
        """Every combination with its persons, contacts and costs, folded."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "name": self._named(codes),
                "persons": s.count(row, "n_persons"),
                "contacts": s.rate(row, "contacts_per_person"),
                "cost": s.rounded_euros(row, "cost_eur"),
            }
            for codes, row in found
        ]
        columns = [
            Column("name", _("Readings that hold together")),
            Column("persons", _("Persons"), "number", format=str),
            Column("contacts", _("Contacts a year for each person"), "number", format=str),
            Column("cost", _("Cost a year"), "number", format=str),
        ]
        caption = _("Overlap of the readings")
        table = markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, name="reading-overlap", results=("multi_service",)
        )
        return markup.details(_("Numbers as a table"), table, about=caption)
