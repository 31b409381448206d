"""The page of the data: can they be relied on, what was checked and left out, what they cover, what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import quality_checks, quality_flow, quality_trust, quality_words
from ennakointi.pages.context import PageContext, Row, Tables, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column

LARGEST_OVERLAPS = 20
YEARS_SHOWN = 6


@dataclass(frozen=True, eq=False)
class QualityPage:
    """Quality and coverage of the quarter's data.

    Parameters
    ----------
    tables : mapping of released tables
        Those that `notebooks.yml` names for this page; a missing key means not computed.
    context : PageContext
        Quarter, language and labels.
    """

    tables: Tables
    context: PageContext

    def answer(self) -> Block:
        """Whether the numbers can be relied on, result by result, then how much came in and to which day."""
        _ = self.context.catalogue.gettext
        complete = _("Data complete to {date}.", date=self.context.catalogue.date(self.context.as_of))
        lead = quality_trust.lead(self.tables, self.context)
        sentences = [
            complete if lead else "",
            quality_words.accepted_sentence(self.tables, self.context),
            quality_words.covered_sentence(self.tables, self.context),
        ]
        return markup.stack(
            markup.headline(*filter(None, sentences), lead=lead or complete),
            self._differences(),
            quality_trust.answers(self.tables, self.context),
            self._missing(),
        )

    def _differences(self) -> Block | None:
        _ = self.context.catalogue.gettext
        said = quality_flow.differences(self.tables, self.context)
        title = _("Totals that differ from published figures")
        return markup.callout(title, markup.bullets(*said), tone="missing") if said else None

    def _missing(self) -> Block | None:
        """Tables that were not delivered, and what the source has no home for; folded: most are not needed."""
        _ = self.context.catalogue.gettext
        missing, homeless = self.context.missing_tables, self.context.unavailable
        if not missing and not homeless:
            return None
        return markup.details(
            _("Data missing ({n})", n=len(missing) + len(homeless)),
            markup.bullets(*missing, *homeless),
            markup.note(_("What depends on these tables says so on its own page.")),
        )

    def checks(self) -> Block:
        """Rows in and rows rejected per table, then every check by category, and the trend of quality."""
        if rows(self.tables, "data_quality").empty:
            return markup.paragraph(self.context.catalogue.gettext("No checks were made."))
        return markup.stack(
            quality_checks.counts(self.tables, self.context),
            quality_checks.accepted(self.tables, self.context),
            quality_checks.by_category(self.tables, self.context),
            quality_checks.breaks(self.tables, self.context),
            quality_checks.trend(self.tables, self.context),
        )

    def reconciliation(self) -> Block:
        """Yearly totals beside published ones, and the contacts of every service by year."""
        title = self.context.catalogue.gettext("Contacts by year")
        return markup.stack(
            quality_flow.reconciliation(self.tables, self.context), markup.section(title, self.volumes(), level=3)
        )

    def attrition(self) -> Block:
        """What became of every row between delivery and the numbers."""
        return quality_flow.attrition(self.tables, self.context)

    def coverage(self) -> Block:
        """Where the register holds less than everything, and the known breaks."""
        _ = self.context.catalogue.gettext
        volumes = rows(self.tables, "volumes")
        missing = "coverage" in self.context.missing
        needed = _("municipality, service and month, and whether the register holds them")
        named = [self.context.break_words(known) for known in self.context.breaks]
        return markup.stack(
            self.context.source_missing("coverage", needed) if missing else None,
            markup.paragraph(_("Without it only the known changes below tell what the register holds."))
            if missing
            else None,
            None if volumes.empty else self._covered(volumes),
            markup.details(_("Known breaks"), markup.bullets(*named)) if named else None,
        )

    def _covered(self, volumes: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        partial = volumes[volumes["covered_share"] < 1]
        if partial.empty:
            said = _("The register holds every area, service and month.")
            return None if "coverage" in self.context.missing else markup.paragraph(said)
        caption = _("Share of the residents' months that the register holds")
        table = self._by_year(volumes[volumes["service"].isin(partial["service"])], "covered_share", "percent", caption)
        return markup.stack(
            markup.paragraph(quality_words.covered_sentence(self.tables, self.context)),
            markup.details(_("Coverage by service"), table),
        )

    def _by_year(self, volumes: pd.DataFrame, column: str, kind: str, caption: str) -> Block:
        """Services as rows, years as columns."""
        _ = self.context.catalogue.gettext
        recent = sorted(set(volumes["year"]))[-YEARS_SHOWN:]
        volumes = volumes[volumes["year"].isin(recent)]
        wide = _wide(volumes, column)
        years = [str(year) for year in wide.columns]
        hidden = _wide(volumes, "suppressed").astype(str)
        marks = [";".join(y for y, c in zip(years, row) if column in c.split(";")) for row in hidden.to_numpy()]
        frame = wide.set_axis(years, axis=1).assign(
            service=[self.context.label("service", code) for code in wide.index],
            suppressed=marks,
            part=wide.index != "all",
        )
        frame = frame.reset_index(drop=True).sort_values(["part", "service"])
        columns = [Column("service", _("Service")), *(Column(year, year, kind) for year in years)]
        return markup.table(frame, columns, caption, self.context.catalogue)

    def volumes(self) -> Block:
        """Contacts by service and year, in covered cells."""
        _ = self.context.catalogue.gettext
        volumes = rows(self.tables, "volumes")
        if volumes.empty:
            return markup.paragraph(_("There are no volumes to show."))
        return markup.stack(
            self._by_year(volumes, "contacts", "number", _("Contacts by service and year")),
            markup.note(
                _("The last year may be part of a year. Cancelled contacts are not counted."),
                _("Earlier years stand in the tables of the quarter."),
            ),
        )

    def groups(self) -> Block:
        """Who is in each target group, from when on, and how the groups overlap."""
        _ = self.context.catalogue.gettext
        groups = rows(self.tables, "target_groups")
        if groups.empty:
            return markup.paragraph(_("There are no target groups to show."))
        return markup.stack(self._group_table(groups), self._overlaps())

    def _group_table(self, groups: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        frame = groups.assign(
            label=[self.context.label("target_group", code) for code in groups["target_group"]],
            since=[self._since(row) for row in records(groups)],
            remark=[self._remark(row) for row in records(groups)],
        )
        columns = [
            Column("label", _("Target group")),
            Column("n_persons", _("Persons"), "number"),
            Column("share", _("Of residents"), "percent", 1),
            Column("since", _("Known from")),
            Column("remark", _("Remark")),
        ]
        return markup.table(
            frame,
            columns,
            _("Target groups in the last month of the quarter"),
            self.context.catalogue,
            note=_("A person may belong to several groups: the rows must not be added up."),
        )

    def _since(self, row: Row) -> str:
        month = row["available_from"]
        known = isinstance(month, str) and month
        return self.context.catalogue.month_short(month) if known else self.context.catalogue.missing

    def _remark(self, row: Row) -> str:
        missing = self.context.words(row["missing"])
        lacking = self.context.incomplete_words(self.tables, str(row["target_group"]))
        if missing or lacking:
            return missing or lacking
        if row["endogenous"] == "yes":
            return self.context.catalogue.gettext("Use of services decides who belongs: no service debt is computed.")
        return ""

    def _overlaps(self) -> Block | None:
        _ = self.context.catalogue.gettext
        overlap = rows(self.tables, "group_overlap")
        if overlap.empty:
            return None
        pairs = overlap[(overlap["target_group"] < overlap["other"]) & (overlap["other"] != "all")]
        largest = pairs[pairs["target_group"] != "all"].nlargest(LARGEST_OVERLAPS, "n_persons")
        if largest.empty:
            return None
        frame = largest.assign(
            one=[self.context.label("target_group", code) for code in largest["target_group"]],
            two=[self.context.label("target_group", code) for code in largest["other"]],
        )
        columns = [
            Column("one", _("Target group")),
            Column("two", _("Also in the group")),
            Column("n_persons", _("Persons"), "number"),
        ]
        table = markup.table(frame, columns, _("Largest overlaps of the groups"), self.context.catalogue)
        return markup.details(_("How the groups overlap"), table)

    def fields(self) -> Block:
        """The dictionary of the data, table by table: what a column means, who answers, how much is filled."""
        _ = self.context.catalogue.gettext
        fields = rows(self.tables, "data_fields")
        if fields.empty:
            return markup.paragraph(_("The fields of the data are not described."))
        of = {str(table): own for table, own in fields.groupby("table", sort=False)}
        absent = [self.context.table_name(table) for table, own in of.items() if not own["delivered"].eq("yes").any()]
        said = _("Not delivered: {tables}.", tables=self.context.catalogue.join(absent))
        return markup.stack(
            *(self._table_fields(table, own) for table, own in of.items() if own["delivered"].eq("yes").any()),
            markup.paragraph(said) if absent else None,
        )

    def _table_fields(self, table: str, own: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        owner = self.context.owners.get(table, "")
        title = quality_words.capital(self.context.table_name(table))
        frame = own.assign(meaning=[self.context.meanings.get(f"{table}.{name}", "") for name in own["column"]])
        columns = [
            Column("column", _("Column")),
            Column("meaning", _("Meaning")),
            Column("filled_share", _("Filled, %"), "percent", 1),
        ]
        return markup.details(
            title,
            markup.paragraph(_("Who: {owner}.", owner=owner)) if owner else None,
            markup.table(frame, columns, title, self.context.catalogue),
        )


def _wide(volumes: pd.DataFrame, column: str) -> pd.DataFrame:
    return volumes.pivot_table(index="service", columns="year", values=column, aggfunc="first", dropna=False)
