"""The quarter on one page, for a reader with three minutes."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import (
    debt_words,
    decisions,
    demand_figures,
    demand_past,
    demand_words,
    deviation_words,
    effect_words,
    quality_flow,
    quality_trust,
    quality_words,
)
from ennakointi.pages.context import PageContext, Row, Tables, intervals, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column, KeyFigure

SPARK_MONTHS = 24


@dataclass(frozen=True, eq=False)
class SummaryPage:
    """Summary of a quarter.

    Parameters
    ----------
    tables : mapping of released tables
        Every table of the quarter; a missing key means not computed.
    context : PageContext
        Quarter, language, labels and links.
    """

    tables: Tables
    context: PageContext

    @property
    def _total(self) -> Row | None:
        total = debt_words.summary_row(self.tables, "all")
        return total if total is not None and total["status"] == "debt" else None

    @property
    def _series(self) -> pd.DataFrame:
        found = rows(self.tables, "service_debt", target_group="all", service="all")
        return found if found.empty else found.sort_values("month")

    @property
    def _deviation(self) -> pd.DataFrame:
        own = deviation_words.own_series(self.tables, "all", self.context)
        return deviation_words.main_series(own)

    @property
    def _effects(self) -> pd.DataFrame:
        return effect_words.primary(rows(self.tables, "effects"), self.context)

    def answer(self) -> Block:
        """The situation, better or worse, how sure, and what has evidence."""
        situation = [*self._debt_sentences(), *self._deviation_sentences()] or self._need_sentences()
        sentences = [*situation, *self._effect_sentences(), *self._past_forecast()]
        if not sentences:
            sentences = [self.context.catalogue.gettext("Nothing could be computed from these data.")]
        warnings = [
            quality_trust.callout(self.tables, result, self.context)
            for result in ("service_debt", "effects")
            if not rows(self.tables, "trust", result=result, level="refused").empty
        ]
        return markup.stack(markup.headline(*sentences[1:], lead=sentences[0]), *warnings)

    def _debt_sentences(self) -> list[str]:
        total = self._total
        if total is None:
            return []
        sentences = (
            debt_words.debt_sentence(total, self.context),
            debt_words.now_sentence(total, str(self._series["month"].iloc[-1]), self.context),
            debt_words.change_sentence(self._series, self.context),
            self._largest_sentence(),
        )
        return [sentence for sentence in sentences if sentence]

    def _largest_sentence(self) -> str:
        largest = decisions.largest_debt(self.tables)
        if largest is None:
            return ""
        return self.context.catalogue.gettext(
            "Largest debt in relation to services: {group}; {service}. In weeks of normal services: about {weeks}.",
            group=self.context.label("target_group", largest["target_group"]),
            service=self.context.label("service", largest["service"]),
            weeks=debt_words.weeks(largest, self.context),
        )

    def _deviation_sentences(self) -> list[str]:
        series = self._deviation
        if self._total is not None or deviation_words.shown(series).empty:
            return []
        return [
            f"{deviation_words.title(series, self.context)}.",
            deviation_words.largest_sentence(series, self.context),
            deviation_words.level_sentence(series, self.context),
        ]

    def _need_sentences(self) -> list[str]:
        """Where there is no debt to tell of: the need of the coming year."""
        said = demand_words.need_sentence(self.tables, "all", self.context)
        return [said] if said else []

    def _past_forecast(self) -> list[str]:
        """How the last forecast did."""
        said = demand_past.hits_sentence(self.tables, "all", self.context)
        return [said] if said else []

    def _effect_sentences(self) -> list[str]:
        return [] if self._effects.empty else [effect_words.verdict_counts(self._effects, self.context)]

    def headline_figures(self) -> Block:
        """At most four numbers with their interval, a sparkline and the status in words."""
        need = demand_figures.need(self.tables, "all", self.context, self.context.links.get(("demand", "all"), ""))
        third = self._largest_figure() if need is None else need
        made = [self._debt_figure(), self._now_figure(), third, self._effects_figure()]
        known = [one for one in made if one is not None] or self._deviation_figures()
        if not known:
            return markup.paragraph(self.context.catalogue.gettext("There are no headline figures to show."))
        return markup.key_figures(*known)

    def _debt_figure(self) -> KeyFigure | None:
        _ = self.context.catalogue.gettext
        total = self._total
        if total is None:
            return None
        label = _("Service debt {span}", span=self.context.span(*self.context.window))
        href = self.context.links.get(("service_debt", "all"), "")
        if not is_shown(total, "debt"):
            return KeyFigure(label, self.context.catalogue.hidden, href=href)
        number = self.context.catalogue.estimate(*debt_words.ends(total))
        words = {
            "missing": (_("less service than expected"), "bad"),
            "surplus": (_("more service than expected"), "good"),
            "unclear": (_("about as expected"), "unsure"),
        }
        if not is_shown(total, *debt_words.DEBT):
            return KeyFigure(label, number.value, _("contacts; uncertainty not known"), href=href)
        status, tone = words[debt_words.direction(total)]
        note = _("contacts; 80% uncertainty interval {interval}", interval=number.interval)
        return KeyFigure(label, number.value, note, status, tone, href=href)

    def _now_figure(self) -> KeyFigure | None:
        _ = self.context.catalogue.gettext
        total = self._total
        if total is None or not is_shown(total, "now"):
            return None
        number = self.context.catalogue.estimate(*debt_words.ends(total, debt_words.NOW))
        month = self.context.catalogue.month_short(str(self._series["month"].iloc[-1]))
        note = _("contacts, {month}; uncertainty not known", month=month)
        if is_shown(total, *debt_words.NOW):
            note = _("contacts, {month}; interval {interval}", month=month, interval=number.interval)
        change = debt_words.change_since_last_quarter(self._series)
        status, tone = "" if change is None else _("change within its uncertainty"), "unsure"
        if change is not None and change.certain:
            status, tone = (_("shrinking"), "good") if change.share < 0 else (_("growing"), "bad")
        return KeyFigure(
            _("Difference from the {years} level", years=self.context.baseline_years),
            number.value,
            note,
            status,
            tone,
            self._spark(),
            self.context.links.get(("service_debt", "all"), ""),
        )

    def _spark(self) -> figures.Figure | None:
        recent = self._series.dropna(subset=["debt"]).tail(SPARK_MONTHS)
        if len(recent) < 2:
            return None
        span = self.context.span(str(recent["month"].iloc[0]), str(recent["month"].iloc[-1]))
        alt = self.context.catalogue.gettext("The difference over {span}", span=span)
        return figures.sparkline(recent["debt"].tolist(), alt=alt)

    def _largest_figure(self) -> KeyFigure | None:
        _ = self.context.catalogue.gettext
        largest = decisions.largest_debt(self.tables)
        if largest is None:
            return None
        group = self.context.label("target_group", largest["target_group"])
        return KeyFigure(
            _("Largest debt in weeks of normal services"),
            debt_words.weeks(largest, self.context),
            f"{group}; {self.context.label('service', largest['service'])}",
            href=self.context.links.get(("service_debt", str(largest["target_group"])), ""),
        )

    def _effects_figure(self) -> KeyFigure | None:
        _ = self.context.catalogue.gettext
        effects = self._effects
        if effects.empty:
            return None
        some = int(effects["verdict"].isin(["works", "probably_works"]).sum())
        return KeyFigure(
            _("Interventions with evidence of effect"),
            f"{some} / {len(effects)}",
            href=self.context.links.get(("effectiveness", "all"), ""),
        )

    def _deviation_figures(self) -> list[KeyFigure]:
        """For an aggregate source: the largest deviation, and the last year against the baseline's level."""
        _ = self.context.catalogue.gettext
        series = self._deviation
        top = None if series.empty else deviation_words.largest(deviation_words.in_window(series, self.context))
        if top is None:
            return []
        name, href = (
            deviation_words.title(series, self.context),
            self.context.links.get(("deviation", "all"), ""),
        )
        percent = self.context.catalogue.signed_percent
        when = deviation_words.period(top, self.context)
        last = percent(deviation_words.last_year_share(series))
        return [
            KeyFigure(_("Largest deviation"), percent(top["deviation_share"]), f"{when}; {name}", href=href),
            KeyFigure(_("Last year from the comparison level"), last, name, href=href),
        ]

    def decisions(self) -> Block:
        """At most three things to decide or ask, each with euros or person-years and a link."""
        found = decisions.decisions(self.tables, self.context)
        if not found:
            return markup.paragraph(
                self.context.catalogue.gettext("These data raise nothing that would need a decision now.")
            )
        return markup.bullets(*found, ordered=True)

    def groups(self) -> Block:
        """Every reported group: persons, debt, size, what is left; the rows overlap."""
        _ = self.context.catalogue.gettext
        groups = rows(self.tables, "target_groups")
        summaries = rows(self.tables, "debt_summary", service="all")
        known = set() if summaries.empty else set(summaries["target_group"])
        reported = groups if groups.empty else groups[groups["target_group"].isin(known | self._linked)]
        if reported.empty:
            return markup.paragraph(_("There are no target groups to show."))
        cells = [self._group_cells(row) for row in records(reported)]
        columns = [
            Column("group", _("Target group")),
            Column("n_persons", _("Persons"), "number"),
            Column("debt", _("Service debt (80% interval)"), "number", format=str),
            Column("weeks", _("In weeks of normal services"), "number", format=str),
            Column("now", _("Difference now (80% interval)"), "number", format=str),
            *self._need_columns(),
        ]
        remarks = [self._remark(row) for row in records(reported)]
        return markup.stack(
            markup.table(
                pd.DataFrame(cells),
                columns,
                _("Target groups"),
                self.context.catalogue,
                note=_("A person may belong to several groups: the rows must not be added up."),
            ),
            markup.bullets(*filter(None, remarks)) if any(remarks) else None,
        )

    def _need_columns(self) -> list[Column]:
        """The change of need by the last year of the outlook, where there is one."""
        year, _change = demand_words.to_the_end(self.tables, "all", self.context)
        if year is None:
            return []
        title = self.context.catalogue.gettext("Change of need by {year} (80% interval)", year=f"{year}")
        return [Column("need", title, "number", format=str)]

    @property
    def _linked(self) -> set[str]:
        return {group for notebook, group in self.context.links if notebook == "service_debt"}

    def _group_cells(self, group: Row) -> dict[str, object]:
        code, catalogue = str(group["target_group"]), self.context.catalogue
        label = self.context.linked(self.context.label("target_group", code), "service_debt", code)
        cells: dict[str, object] = {key: group[key] for key in ("n_persons", "suppressed")}
        cells |= {"group": label} | dict.fromkeys(("debt", "weeks", "now"), catalogue.missing)
        total = debt_words.summary_row(self.tables, code)
        if total is not None and total["status"] == "debt":
            cells["debt"] = intervals(total, *debt_words.DEBT, catalogue)
            cells["weeks"] = debt_words.weeks(total, self.context)
            cells["now"] = intervals(total, *debt_words.NOW, catalogue)
        cells["need"] = demand_words.share_cell(demand_words.to_the_end(self.tables, code, self.context)[1], catalogue)
        return cells

    def _remark(self, group: Row) -> str:
        """Why a group has no debt, and what its members were told without; or empty."""
        code = str(group["target_group"])
        total = debt_words.summary_row(self.tables, code)
        has_debt = total is not None and total["status"] == "debt"
        why = "" if has_debt else debt_words.refusal(self.tables, code, self.context)[-1]
        said = " ".join(filter(None, (why, self.context.incomplete_words(self.tables, code))))
        return f"{self.context.label('target_group', code)}: {said}" if said else ""

    def effects(self) -> Block:
        """Every intervention's verdict, with a link."""
        _ = self.context.catalogue.gettext
        effects = self._effects
        if effects.empty:
            return markup.paragraph(_("No intervention has been evaluated."))
        return markup.bullets(*(self._effect(row) for row in records(effects)))

    def _effect(self, row: Row) -> Block:
        verdict = effect_words.verdict(row, self.context)
        name = self.context.label("intervention", row["intervention"])
        return markup.stack(
            markup.paragraph(
                self.context.linked(name, "effectiveness", str(row["target_group"])),
                markup.verdict(self.context.catalogue.gettext(verdict.words), verdict.tone),
            ),
            markup.paragraph(*effect_words.sentences(row, self.context)[:1]),
        )

    def not_for(self) -> Block:
        """What the report must not be used for."""
        _ = self.context.catalogue.gettext
        return markup.bullets(
            _("Not for decisions on a person's care: it holds no information on single persons."),
            _("Not for comparing the staff or units of the county with each other."),
            _("Not for adding up target groups: a person may belong to several of them."),
            _(
                "Not for blaming the pandemic: differences after {month} also come from laws, savings and "
                "digital services.",
                month=self.context.catalogue.month_short(self.context.window[1]),
            ),
            _("Not official statistics: expected numbers are model estimates, and their intervals belong to them."),
        )

    def data(self) -> Block:
        """How the data did in a few sentences, and the totals that differ from published ones, with a link."""
        _ = self.context.catalogue.gettext
        missing = self.context.missing_tables
        sentences = [
            f"{self.context.region}, {self.context.catalogue.quarter(self.context.quarter)}.",
            f"{self.context.catalogue.synthetic}." if self.context.synthetic else "",
            _("Data complete to {date}.", date=self.context.catalogue.date(self.context.as_of)),
            quality_words.accepted_sentence(self.tables, self.context),
            quality_words.covered_sentence(self.tables, self.context),
            _("Data missing: {tables}.", tables=self.context.catalogue.join(missing)) if missing else "",
        ]
        judged = quality_trust.sentences(self.tables, self.context)
        differing = quality_flow.differences(self.tables, self.context)
        more = self.context.linked(_("More on the quality of the data"), "data_quality")
        return markup.stack(
            markup.paragraph(*judged) if judged else None,
            markup.bullets(*differing) if differing else None,
            markup.paragraph(*filter(None, sentences), *([more] if isinstance(more, Block) else [])),
        )
