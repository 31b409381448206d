"""Who lost service: the group beside the others, ages, sexes and areas; and the persons whose need is not seen."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_words, reasons
from ennakointi.pages.area_map import Area, area_map, merged_words
from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    intervals,
    is_hidden,
    is_shown,
    numbers,
    record,
    records,
    rows,
)
from ennakointi.pages.debt_services import capital
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

SHARE = ("share", "share_lo80", "share_hi80")
RATE = ("per_1000", "per_1000_lo80", "per_1000_hi80")
STANDARDISED = ("standardised_per_1000", "standardised_lo80", "standardised_hi80")
ABSENT = ("absent", "absent_lo80", "absent_hi80")
HIDDEN = ("hidden", "hidden_lo80", "hidden_hi80")
PARTS = {
    "members": N_("Members of the group"),
    "non_members": N_("Other residents"),
    "difference": N_("Difference of the two"),
    "female": N_("Women"),
    "male": N_("Men"),
    "other": N_("Other or not known sex"),
    "unknown": N_("Not known"),
}
UNKNOWN = "999"  # the code of a municipality that is not known
WHO = ("members", "sex", "age")  # axes of the first picture


@dataclass(frozen=True, eq=False)
class EquitySection:
    """How the debt is shared. `tables`: released `debt_equity` and `hidden_persons`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block:
        """Sentences, a forest of the parts of the population, one of the areas, the numbers, and hidden persons."""
        found = rows(self.tables, "debt_equity", target_group=self.target_group, service="all")
        total = debt_words.summary_row(self.tables, self.target_group)
        refused = total is None or total["status"] != "debt"
        shares = None if found.empty and refused else self._shares(found)
        people = HiddenPersons(self.tables, self.target_group, self.context).block()
        return markup.stack(shares, people, self._together())

    def _together(self) -> Block | None:
        """Which municipalities are told as an area."""
        of_debt, of_persons = (
            rows(self.tables, name, target_group=self.target_group) for name in ("debt_equity", "hidden_persons")
        )
        said = merged_words([*of_debt.get("part", ()), *of_persons.get("municipality", ())], self.context)
        return markup.paragraph(said) if said else None

    def _shares(self, found: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        if found.empty:
            return markup.paragraph(_("How the debt is shared has not been computed."))
        said = [self._members(found), self._standardised(found), self._areas(found)]
        people = found[found["axis"].isin(WHO) & (found["part"] != "difference")]
        areas = found[found["axis"] == "area"]
        told = [one for one in said if one]
        return markup.stack(
            markup.bullets(*told) if told else None,
            self._forest(people, _("Missing contacts by part of the population, of the expected ones")),
            self._forest(areas, _("Missing contacts by municipality, of the expected ones"), largest_first=True),
            self._map(areas, _("Missing contacts by municipality, of the expected ones")),
            self._details(found),
        )

    def label(self, row: Row) -> str:
        """The reader's name of a part."""
        part = str(row["part"])
        if row["axis"] == "area":
            return self.context.label("area", part)
        if row["axis"] == "age":
            return self.context.catalogue.gettext("Age {ages}", ages=part.replace("-", "–"))
        if part == "members" and self.target_group == "all":
            return self.context.label("target_group", "all")
        return self.context.catalogue.gettext(PARTS[part]) if part in PARTS else part

    def _members(self, found: pd.DataFrame) -> str:
        """The group against the others; a difference inside its uncertainty is said to be that."""
        _ = self.context.catalogue.gettext
        own, others = (_part(found, part) for part in ("members", "non_members"))
        if own is None or others is None:
            return ""
        slots = {
            "share": debt_words.share_interval(own, SHARE, self.context.catalogue),
            "others_share": debt_words.share_interval(others, SHARE, self.context.catalogue),
        }
        if not _told_apart(own, others, _part(found, "difference")):
            return _(
                "Missing of the expected contacts: in this group {share}, among other residents {others_share}. The "
                "difference is within its uncertainty.",
                **slots,
            )
        if own["share"] > others["share"]:
            return _(
                "The group lost more than others. Missing of the expected contacts: in this group {share}, among other "
                "residents {others_share}.",
                **slots,
            )
        return _(
            "The group lost less than others. Missing of the expected contacts: in this group {share}, among other "
            "residents {others_share}.",
            **slots,
        )

    def _standardised(self, found: pd.DataFrame) -> str:
        """The same with the ages and sexes made alike."""
        _ = self.context.catalogue.gettext
        own, others = (_part(found, part) for part in ("members", "non_members"))
        if own is None or others is None or not (is_shown(own, *STANDARDISED) and is_shown(others, *STANDARDISED)):
            return ""
        number, other = (self.context.catalogue.estimate(*numbers(row, STANDARDISED)) for row in (own, others))
        return _(
            "With ages and sexes made alike, contacts missing per 1,000 persons a year: in this group {rate} "
            "({interval}), among others {others_rate} ({others_interval}).",
            rate=number.value,
            interval=number.interval,
            others_rate=other.value,
            others_interval=other.interval,
        )

    def _areas(self, found: pd.DataFrame) -> str:
        """The municipality that lost most and the one that lost least, if they can be told apart."""
        _ = self.context.catalogue.gettext
        areas = found[found["axis"] == "area"].dropna(subset=list(SHARE)).sort_values("share")
        if len(areas) < 2:
            return ""
        least, most = record(areas), record(areas, -1)
        if _overlap(least, most, SHARE):
            return _("The differences between municipalities are within their uncertainty.")
        return _(
            "Of municipalities the largest share is missing in this one: {most}, {most_share}. The smallest: {least}, "
            "{least_share}.",
            most=self.label(most),
            most_share=debt_words.share_interval(most, SHARE, self.context.catalogue),
            least=self.label(least),
            least_share=debt_words.share_interval(least, SHARE, self.context.catalogue),
        )

    def _forest(self, found: pd.DataFrame, caption: str, largest_first: bool = False) -> Block | None:
        _ = self.context.catalogue.gettext
        shown = found.dropna(subset=list(SHARE))
        if len(shown) < 2:
            return None
        ordered = shown.sort_values("share", ascending=False) if largest_first else shown
        frame = pd.DataFrame([self._forest_row(row) for row in records(ordered)])
        top = record(shown.sort_values("share"), -1)
        picture = figures.forest(
            frame,
            catalogue=self.context.catalogue,
            unit=_("share of the expected contacts, with the 80% interval"),
            alt=self._largest(top),
            caption=caption,
            better=_("more than expected"),
            worse=_("missing"),
            percent=True,
        )
        return markup.figure(picture)

    def _largest(self, top: Row) -> str:
        """The finding of a picture of shares."""
        share = debt_words.share_interval(top, SHARE, self.context.catalogue)
        return self.context.catalogue.gettext(
            "Largest share missing: {part}, {share}.", part=self.label(top), share=share
        )

    def _map(self, found: pd.DataFrame, caption: str) -> Block | None:
        """The same municipalities on a map, where there are borders."""
        shown = found.dropna(subset=list(SHARE))
        if shown.empty:
            return None
        areas = [Area(str(row["part"]), *numbers(row, SHARE), is_hidden(row, "share")) for row in records(found)]
        picture = area_map(
            areas,
            self.context,
            unit=self.context.catalogue.gettext("share of the expected contacts, with the 80% interval"),
            alt=self._largest(record(shown.sort_values("share"), -1)),
            caption=caption,
        )
        return None if picture is None else markup.figure(picture)

    def _forest_row(self, row: Row) -> dict[str, object]:
        value, lo, hi = numbers(row, SHARE)
        return {
            "label": self.label(row),
            "estimate": value,
            "lo": lo,
            "hi": hi,
            "verdict": debt_words.share_interval(row, SHARE, self.context.catalogue),
            "tone": "unsure" if lo <= 0 <= hi else "neutral",
        }

    def _details(self, found: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        catalogue = self.context.catalogue
        cells = [
            {
                "part": self.label(row),
                "share": debt_words.share_interval(row, SHARE, catalogue),
                "rate": intervals(row, *RATE, catalogue),
                "standardised": intervals(row, *STANDARDISED, catalogue),
            }
            for row in records(found)
        ]
        columns = [
            Column("part", _("Part of the population")),
            Column("share", _("Of expected contacts (80% interval)"), "number", format=str),
            Column("rate", _("Per 1,000 persons a year"), "number", format=str),
            Column("standardised", _("The same, ages and sexes made alike"), "number", format=str),
        ]
        caption = _("Missing contacts by part of the population, {span}", span=self.context.span(*self.context.window))
        return markup.details(_("Numbers as a table"), markup.table(pd.DataFrame(cells), columns, caption, catalogue))


@dataclass(frozen=True, eq=False)
class HiddenPersons:
    """Expected users who did not come. `tables`: released `hidden_persons`."""

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block | None:
        """Persons in sentences, by municipality and by service; refusals say why."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "hidden_persons", target_group=self.target_group)
        if found.empty:
            return None
        latest = found[found["month"] == found["month"].max()]
        known, refused = latest[latest["status"] == "estimated"], latest[latest["status"] != "estimated"]
        if known.empty:
            title = _("Persons whose need is not seen could not be estimated.")
            return markup.callout(title, *self._reasons(refused))
        county = known[known["municipality"] == "all"]
        total = county[county["service"] == "all"]
        places = known[(known["service"] == "all") & (known["municipality"] != "all") & (known["expected_users"] != 0)]
        services = county[county["service"] != "all"].sort_values("hidden", ascending=False)
        return markup.stack(
            markup.heading(_("Persons whose need is not seen"), 3),
            markup.paragraph(*self._sentences(record(total))) if len(total) else None,
            self._folded(_("By municipality"), self._table(places, "area", _("Municipality"))),
            self._folded(_("By service"), self._table(services, "service", _("Service"))),
            self._refused(self._reasons(refused[refused["municipality"] == "all"])),
        )

    def _sentences(self, row: Row) -> list[str]:
        _ = self.context.catalogue.gettext
        catalogue = self.context.catalogue
        if not is_shown(row, *ABSENT):
            return [_("Persons whose need is not seen: {hidden}.", hidden=catalogue.hidden)]
        absent = catalogue.estimate(*numbers(row, ABSENT))
        said = [
            _(
                "About as many persons used services as their history made expect: the difference is {absent} (80% "
                "uncertainty interval {interval}). The dead and those who moved away have been taken off.",
                absent=absent.value,
                interval=absent.interval,
            )
            if row["absent_lo80"] <= 0
            else _(
                "By their history, about {absent} persons more than did would have used services (80% uncertainty "
                "interval {interval}). The dead and those who moved away have been taken off.",
                absent=absent.value,
                interval=absent.interval,
            )
        ]
        if is_shown(row, *HIDDEN):
            hidden = catalogue.estimate(*numbers(row, HIDDEN))
            said.append(
                _(
                    "A need that is in no queue: about {hidden} persons (80% uncertainty interval {interval}).",
                    hidden=hidden.value,
                    interval=hidden.interval,
                )
            )
        return said

    def _folded(self, title: str, table: Block | None) -> Block | None:
        return None if table is None else markup.details(title, table)

    def _table(self, found: pd.DataFrame, kind: str, title: str) -> Block | None:
        _ = self.context.catalogue.gettext
        if found.empty:
            return None
        key = "municipality" if kind == "area" else "service"
        cells = [self._cells(row, self._name(kind, str(row[key]))) for row in records(found)]
        columns = [
            Column("name", title),
            Column("expected", _("Expected users"), "number", format=str),
            Column("absent", _("Did not come (80% interval)"), "number", format=str),
            Column("hidden", _("Need in no queue (80% interval)"), "number", format=str),
        ]
        caption = _("Persons who were expected and did not come")
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _name(self, kind: str, code: str) -> str:
        if code == UNKNOWN and kind == "area":
            return capital(self.context.catalogue.gettext("municipality not known"))
        return self.context.label(kind, code)

    def _cells(self, row: Row, name: str) -> dict[str, str]:
        catalogue = self.context.catalogue
        expected = catalogue.hidden if is_hidden(row, "expected_users") else catalogue.missing
        if is_shown(row, "expected_users"):
            expected = catalogue.significant(row["expected_users"])
        return {
            "name": name,
            "expected": expected,
            "absent": intervals(row, *ABSENT, catalogue),
            "hidden": intervals(row, *HIDDEN, catalogue),
        }

    def _reasons(self, refused: pd.DataFrame) -> list[str]:
        return reasons.told_once(zip(refused["service"], refused["reason"]), self.context)

    def _refused(self, reasons: list[str]) -> Block | None:
        title = self.context.catalogue.gettext("Services whose absent persons are not estimated, and why")
        return markup.details(title, markup.bullets(*reasons)) if reasons else None


def _part(found: pd.DataFrame, part: str) -> Row | None:
    """A part of the axis `members` with its share shown."""
    own = found[(found["axis"] == "members") & (found["part"] == part)].dropna(subset=list(SHARE))
    return None if own.empty else record(own)


def _told_apart(own: Row, others: Row, difference: Row | None) -> bool:
    """Whether the interval of the difference excludes zero; where it is not known, whether the two intervals are "
    "apart."""
    if difference is None:
        return not _overlap(own, others, SHARE)
    return not difference["share_lo80"] <= 0 <= difference["share_hi80"]


def _overlap(one: Row, other: Row, columns: tuple[str, str, str]) -> bool:
    return bool(max(one[columns[1]], other[columns[1]]) <= min(one[columns[2]], other[columns[2]]))
