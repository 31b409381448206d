"""The page of the data: what came in, what was rejected, what the register covers, who is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import quality_words
from ennakointi.pages.context import PageContext, Row, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

CHECKS = {
    "required": N_("a required value is empty"),
    "type": N_("the value cannot be read"),
    "unknown_code": N_("the code is not in the code list"),
    "pattern": N_("the value does not have the agreed form"),
    "minimum": N_("the value is too small"),
    "maximum": N_("the value is too large"),
    "too_early": N_("the date is too early to be true"),
    "order": N_("an end is before its start"),
    "after_as_of": N_("the date is after the end of the data"),
    "orphan": N_("the person is not among the residents"),
    "before_birth": N_("the event is before birth"),
    "after_death": N_("the event is more than 30 days after death"),
    "duplicate_key": N_("the same key stands in several rows"),
    "duplicate_row": N_("the row is a repeat"),
    "unreadable_line": N_("the line of the file cannot be read"),
    "missing_column": N_("an optional column is missing or empty"),
    "extra_column": N_("the column is not in the data contract and is ignored"),
    "after_cut": N_("the row is after the last day of the quarter and is set aside"),
}
AFFECTED = {
    "service_debt": N_("service debt"),
    "effects": N_("effects of interventions"),
    "target_groups": N_("target groups"),
    "volumes": N_("contacts by year"),
    "deviation": N_("deviations"),
}
SEVERITY_ORDER = {"error": 0, "warning": 1, "info": 2}
SEVERITIES = {"error": N_("error"), "warning": N_("warning"), "info": N_("remark")}
LARGEST_OVERLAPS = 20
YEARS_SHOWN = 6


@dataclass(frozen=True, eq=False)
class QualityPage:
    """Quality and coverage of the quarter's data.

    Parameters
    ----------
    tables : mapping of released tables
        `data_quality`, `volumes`, `target_groups` and `group_overlap`; a missing key means not computed.
    context : PageContext
        Quarter, language and labels.
    """

    tables: Mapping[str, pd.DataFrame]
    context: PageContext

    def answer(self) -> Block:
        """Whether the data can be used: rows accepted, tables missing, register coverage."""
        _ = self.context.catalogue.gettext
        lead = _("Data complete to {date}.", date=self.context.catalogue.date(self.context.as_of))
        sentences = [
            quality_words.accepted_sentence(self.tables, self.context),
            quality_words.covered_sentence(self.tables, self.context),
        ]
        return markup.stack(markup.headline(*filter(None, sentences), lead=lead), self._missing())

    def _missing(self) -> Block | None:
        _ = self.context.catalogue.gettext
        if not self.context.missing_tables:
            return None
        return markup.callout(
            _("Data missing"),
            markup.bullets(*self.context.missing_tables),
            _("What depends on these tables says so on its own page."),
            tone="missing",
        )

    def checks(self) -> Block:
        """Rows in and rows rejected per table, then every rule that rows broke."""
        _ = self.context.catalogue.gettext
        quality = rows(self.tables, "data_quality")
        if quality.empty:
            return markup.paragraph(_("No checks were made."))
        found = quality[~quality["check"].isin(["accepted", "missing_table"]) & (quality["failed"] != 0)]
        return markup.stack(
            self._accepted(quality[quality["check"] == "accepted"]),
            markup.paragraph(_("No row broke a rule.")) if found.empty else self._found(found),
        )

    def _accepted(self, accepted: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        if accepted.empty:
            return None
        columns = [
            Column("name", _("Table")),
            Column("rows", _("Rows delivered"), "number"),
            Column("failed", _("Rows rejected"), "number"),
            Column("share", _("Rejected, %"), "percent", 2),
        ]
        frame = accepted.assign(name=[self.context.table_name(t) for t in accepted["table"]])
        return markup.table(frame, columns, _("Rows delivered and rejected by table"), self.context.catalogue)

    def _found(self, found: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        order = found["severity"].map(SEVERITY_ORDER)
        ordered = found.assign(order=order).sort_values(["order", "failed"], ascending=[True, False])
        frame = ordered.assign(
            where=[_place(row) for row in records(ordered)],
            what=[self._check(name) for name in ordered["check"]],
            weight=[_(SEVERITIES.get(name, name)) for name in ordered["severity"]],
            touches=[self._affected(names) for names in ordered["affects"]],
        )
        columns = [
            Column("where", _("Table and column")),
            Column("what", _("Finding")),
            Column("weight", _("Severity")),
            Column("failed", _("Rows"), "number"),
            Column("share", _("Share, %"), "percent", 2),
            Column("touches", _("Affects")),
        ]
        return markup.table(frame, columns, _("Findings in the data"), self.context.catalogue)

    def _check(self, name: str) -> str:
        return self.context.catalogue.gettext(CHECKS[name]) if name in CHECKS else name

    def _affected(self, names: object) -> str:
        codes = [name for name in str(names or "").split(";") if name]
        return ", ".join(self.context.catalogue.gettext(AFFECTED.get(code, code)) for code in codes)

    def coverage(self) -> Block:
        """Where the register holds less than everything, and the known breaks."""
        _ = self.context.catalogue.gettext
        volumes = rows(self.tables, "volumes")
        blocks = []
        if "coverage" in self.context.missing:
            needed = _("municipality, service and month, and whether the register holds them")
            blocks.append(self.context.source_missing("coverage", needed))
            blocks.append(markup.paragraph(_("Without it every month counts as complete.")))
        elif not volumes.empty:
            blocks.append(self._covered(volumes))
        if self.context.breaks:
            named = [self.context.break_words(b) for b in self.context.breaks]
            blocks.append(markup.details(_("Known breaks"), markup.bullets(*named)))
        return markup.stack(*blocks)

    def _covered(self, volumes: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        partial = volumes[volumes["covered_share"] < 1]
        if partial.empty:
            return markup.paragraph(_("The register holds every area, service and month."))
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


def _wide(volumes: pd.DataFrame, column: str) -> pd.DataFrame:
    return volumes.pivot_table(index="service", columns="year", values=column, aggfunc="first", dropna=False)


def _place(row: Row) -> str:
    column = row["column"]
    return f"{row['table']}.{column}" if isinstance(column, str) and column else str(row["table"])
