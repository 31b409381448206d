"""How residents move between segments in a year, and how many there will be in the coming years."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ennakointi.pages.context import Row, intervals, is_shown, numbers, records, rows
from ennakointi.pages.segments_words import EVERYONE, Segments
from ennakointi.report import figures, markup
from ennakointi.report.figures import MoveWords
from ennakointi.report.markup import Block, Column
from ennakointi.report.segment_figures import part_words
from ennakointi.text import N_

GONE = ("died", "moved")
PERSONS = ("persons", "persons_lo80", "persons_hi80")
BASES = {
    "moves": N_("Computed from moves between segments, births, deaths and migration."),
    "ages": N_("Computed from the present shares by age and sex and from the population projection."),
}
NEAR = 5  # years ahead of which the page speaks
STEPS = (0, 1, 2, NEAR, 10)  # years ahead in the table, and the last one
SHRINKS, GROWS = N_("fewer than now"), N_("more than now")


@dataclass(frozen=True, eq=False)
class MoveSection:
    """Tables `segment_transitions` and `segment_movement`."""

    segments: Segments

    def block(self, scheme: str) -> Block:
        """The matrix of a year's moves, the finding in sentences, and the numbers."""
        _ = self.segments.context.catalogue.gettext
        shares = self._shares(scheme)
        if shares.empty:
            return markup.paragraph(_("Moves between segments have not been computed: they need a year of history."))
        said = self.sentences(scheme)
        return markup.stack(
            markup.paragraph(*said) if said else None,
            self._picture(scheme, shares),
            self._movement_table(scheme),
        )

    def _codes(self, scheme: str) -> list[str]:
        """Segments from the lightest on, as the matrix is read."""
        return list(reversed(self.segments.codes(scheme)))

    def _shares(self, scheme: str) -> pd.DataFrame:
        """Share of those of each segment (rows) that went each way in a year; hidden = not a number."""
        found = rows(self.segments.tables, "segment_transitions", scheme=scheme, span="year")
        codes = self._codes(scheme)
        if found.empty or not codes:
            return pd.DataFrame()
        cells = {(str(row["from"]), str(row["to"])): row for row in records(found)}
        ways = [*codes, *(way for way in GONE if any(to == way for _, to in cells))]
        shown = [[self._cell(cells.get((start, end))) for end in ways] for start in codes]
        return pd.DataFrame(shown, index=codes, columns=ways)

    def _cell(self, row: Row | None) -> float:
        return 0.0 if row is None else self.segments.value(row, "probability")

    def sentences(self, scheme: str) -> list[str]:
        """From which segment most moved to heavier and to lighter support."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        found = records(rows(s.tables, "segment_movement", scheme=scheme))
        words = {
            "heavier_share": N_("Moved most often to heavier support: {segment} ({share})."),
            "lighter_share": N_("Moved most often to lighter support: {segment} ({share})."),
        }
        said = []
        for column, sentence in words.items():
            own = [row for row in found if is_shown(row, column) and row["segment"] != EVERYONE and row[column] > 0]
            if own:
                top = max(own, key=lambda row, column=column: float(row[column]))  # type: ignore[misc]
                said.append(_(sentence, segment=s.name(scheme, str(top["segment"])), share=s.share(top, column)))
        return said

    def _picture(self, scheme: str, shares: pd.DataFrame) -> Block:
        """The matrix with the same numbers as a table under it."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        named = shares.rename(index=lambda code: s.name(scheme, code), columns=lambda code: s.name(scheme, code))
        told = [
            _("{segment}: {share} in the same segment a year later.", segment=name, share=part_words(kept, catalogue))
            for name, kept in zip(named.index, np.diag(shares.to_numpy(dtype=float)), strict=False)
        ]
        words = MoveWords(
            _("↓ a year ago"), _("now →"), _("the same segment"), _("heavier support"), _("lighter support")
        )
        drawing = figures.moves(
            named,
            gone=len(shares.columns) - len(shares),
            words=words,
            catalogue=catalogue,
            alt=" ".join(told),
            caption=_("Where the residents of each segment are a year later, share of the segment"),
        )
        results = ("segment_transitions",)
        return markup.figure(
            drawing, self._matrix(scheme, named), _("Numbers as a table"), name=f"moves-{scheme}", results=results
        )

    def _matrix(self, scheme: str, named: pd.DataFrame) -> Block:
        catalogue = self.segments.context.catalogue
        _ = catalogue.gettext
        told = named.map(lambda share: part_words(float(share), catalogue))
        cells = told.set_axis([str(place) for place in range(told.shape[1])], axis=1)
        cells.insert(0, "name", list(named.index))
        columns = [
            Column("name", _("A year ago")),
            *(Column(str(place), str(name), "number", format=str) for place, name in enumerate(named.columns)),
        ]
        caption = _("Moves in a year, share of those who were in the segment a year ago")
        return markup.table(
            cells, columns, caption, catalogue, name=f"moves-{scheme}", results=("segment_transitions",)
        )

    def _movement_table(self, scheme: str) -> Block | None:
        """Who stays, who moves, and the expected time."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        known = {code: s.row("segment_movement", scheme=scheme, segment=code) for code in s.codes(scheme)}
        cells = [
            {
                "name": s.name(scheme, code),
                "same": s.share(row, "same_after_year"),
                "years": s.rate(row, "stay_years"),
                "heavier": s.share(row, "heavier_share"),
                "lighter": s.share(row, "lighter_share"),
            }
            for code, row in known.items()
            if row
        ]
        columns = [
            Column("name", _("Client segment")),
            Column("same", _("In the same segment a year later"), "number", format=str),
            Column("years", _("Expected time in the segment, years"), "number", format=str),
            Column("heavier", _("To heavier support in a year"), "number", format=str),
            Column("lighter", _("To lighter support in a year"), "number", format=str),
        ]
        caption = _("How long residents stay in a segment")
        return (
            markup.table(
                pd.DataFrame(cells),
                columns,
                caption,
                catalogue,
                name=f"movement-{scheme}",
                results=("segment_movement",),
            )
            if cells
            else None
        )


@dataclass(frozen=True, eq=False)
class FutureSection:
    """The table `segment_projection` of one scheme."""

    segments: Segments
    scheme: str

    @cached_property
    def _found(self) -> pd.DataFrame:
        """Rows of one basis: moves where they are known."""
        found = rows(self.segments.tables, "segment_projection", scheme=self.scheme)
        if found.empty:
            return found
        known = set(found["basis"].astype(str))
        basis = next((one for one in BASES if one in known), "")
        return found[found["basis"] == basis].assign(year=lambda own: own["year"].astype(int))

    @property
    def _years(self) -> list[int]:
        return sorted(set(self._found["year"])) if not self._found.empty else []

    @property
    def _shown(self) -> list[int]:
        """The years of the table."""
        years = self._years
        return [year for year in years if year - years[0] in STEPS or year == years[-1]]

    @property
    def _near(self) -> int:
        """The year of which the page speaks."""
        return min(self._years[-1], self._years[0] + NEAR)

    def _row(self, segment: str, year: int) -> Row:
        own = self._found[(self._found["segment"] == segment) & (self._found["year"] == year)]
        return records(own)[0] if len(own) else {}

    def block(self) -> Block:
        """The change by the year spoken of as a picture, then the years, contacts and costs as a table."""
        _ = self.segments.context.catalogue.gettext
        if len(self._years) < 2:
            return markup.paragraph(_("The coming years have not been computed for these segments."))
        basis = str(self._found["basis"].iloc[0])
        return markup.stack(self._picture(), self._table(), self._use_table(), markup.note(_(BASES[basis])))

    def sentence(self) -> str:
        """The segment that grows most in persons, with its interval; empty when none can be told."""
        catalogue, s = self.segments.context.catalogue, self.segments
        found = [one for code in s.codes(self.scheme) if (one := self._change(code)) is not None]
        certain = [one for one in found if one["lo"] > 0]
        if not certain:
            return ""
        top = max(certain, key=lambda one: float(one["estimate"]))
        number = catalogue.percent_estimate(top["estimate"], top["lo"], top["hi"])
        return catalogue.gettext(
            "Grows most by {year}: {segment}, {change} (80% interval {interval}).",
            year=self._near,
            segment=top["label"],
            change=f"+{number.value}",
            interval=number.interval,
        )

    def _change(self, segment: str) -> Row | None:
        """Relative change from the first year to the one spoken of; None where a number is hidden or zero."""
        if len(self._years) < 2:
            return None
        first, last = (self._row(segment, year) for year in (self._years[0], self._near))
        if not is_shown(first, "persons") or not is_shown(last, *PERSONS) or float(first["persons"]) <= 0:
            return None
        value, lo, hi = (number / float(first["persons"]) - 1 for number in numbers(last, PERSONS))
        return {"label": self.segments.name(self.scheme, segment), "estimate": value, "lo": lo, "hi": hi}

    def _picture(self) -> Block | None:
        """Relative changes with their intervals; none where nothing is shown."""
        catalogue = self.segments.context.catalogue
        _ = catalogue.gettext
        found = [one for code in self.segments.codes(self.scheme) if (one := self._change(code)) is not None]
        if not found:
            return None
        frame = pd.DataFrame([{**one, "verdict": self._verdict(one), "tone": "neutral"} for one in found])
        span = {"first": self._years[0], "last": self._near}
        told = [
            f"{row['label']}: {catalogue.signed_percent(row['estimate'])}, {row['verdict']}." for row in records(frame)
        ]
        drawing = figures.forest(
            frame,
            catalogue=catalogue,
            unit=_("Change of residents from {first} to {last} (80% interval)", **span),
            alt=" ".join(told),
            caption=_("Change of the segments from {first} to {last}", **span),
            better=_(SHRINKS),
            worse=_(GROWS),
            percent=True,
        )
        return markup.figure(drawing, name="segment-projection", results=("segment_projection",))

    def _verdict(self, change: Row) -> str:
        _ = self.segments.context.catalogue.gettext
        if change["lo"] > 0:
            return _("grows")
        return _("shrinks") if change["hi"] < 0 else _("the change fits into the uncertainty")

    def _table(self) -> Block:
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        cells = [
            {
                "name": s.name(self.scheme, code),
                **{str(year): self._persons(self._row(code, year), year) for year in self._shown},
            }
            for code in s.codes(self.scheme)
        ]
        columns = [
            Column("name", _("Client segment")),
            *(Column(str(year), str(year), "number", format=str) for year in self._shown),
        ]
        caption = _("Residents of the segments by year (80% interval)")
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, name="segment-projection", results=("segment_projection",)
        )

    def _persons(self, row: Row, year: int) -> str:
        """The present as it is, later years with their interval."""
        if not row or year == self._years[0]:
            return self.segments.count(row, "persons")
        return intervals(row, *PERSONS, self.segments.context.catalogue)

    def _use_table(self) -> Block:
        """Contacts and costs of the first year and the one spoken of at the present use of each segment."""
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        ends = (self._years[0], self._near)
        cells = [
            {
                "name": s.name(self.scheme, code),
                **{f"contacts{year}": s.rounded(self._row(code, year), "contacts") for year in ends},
                **{f"cost{year}": s.rounded_euros(self._row(code, year), "cost_eur") for year in ends},
            }
            for code in s.codes(self.scheme)
        ]
        columns = [
            Column("name", _("Client segment")),
            *(Column(f"contacts{year}", _("Contacts in {year}", year=year), "number", format=str) for year in ends),
            *(Column(f"cost{year}", _("Costs in {year}", year=year), "number", format=str) for year in ends),
        ]
        caption = _("Contacts and costs that follow")
        note = _("Each resident is taken to use as much as the segment does now.")
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, note, name="segment-use", results=("segment_projection",)
        )
