"""The quarter on one page, for a reader with three minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ennakointi.pages import (
    debt_words,
    decisions,
    demand_figures,
    demand_past,
    demand_rows,
    demand_words,
    deviation_words,
    effect_words,
    notices,
    quality_flow,
    quality_trust,
    quality_words,
    summary_groups,
    summary_people,
)
from ennakointi.pages.changes import ChangesSection
from ennakointi.pages.context import PageContext, Row, Tables, is_shown, records, rough, rows
from ennakointi.pages.debt_services import ServiceSection
from ennakointi.report import figures, markup
from ennakointi.report.markup import Answer, Block, KeyFigure
from ennakointi.text import N_

SPARK_MONTHS = 24
SPARK_YEARS = 8
_CHANGE_WITHIN = N_("The change since the previous quarter is within its uncertainty.")
_CHANGE_GREW = N_("The difference grew from the previous quarter.")
_CHANGE_SHRANK = N_("The difference shrank from the previous quarter.")
_CHANGE_UNKNOWN = N_("Whether it is better or worse than a quarter ago cannot be told yet.")


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

    def first_screen(self) -> Block:
        """The situation, better or worse, how sure, and the headline figures."""
        return markup.stack(self.answer(), self.headline_figures())

    def answer(self) -> Block:
        """The situation, better or worse, how sure, and what has evidence: a lead and at most four sentences."""
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
        now = debt_words.now_sentence(total, str(self._series["month"].iloc[-1]), self.context)
        change = self._change_sentence() if now else ""
        sentences = (
            debt_words.debt_sentence(total, self.context),
            " ".join(filter(None, (now, change))),
            self._largest_sentence(),
        )
        return [sentence for sentence in sentences if sentence]

    def _change_sentence(self) -> str:
        """Better or worse than a quarter ago, or that it cannot be told."""
        said = debt_words.change_sentence(self._series, self.context)
        words = {
            "within": _CHANGE_WITHIN,
            "growing": _CHANGE_GREW,
            "shrinking": _CHANGE_SHRANK,
            "unknown": _CHANGE_UNKNOWN,
        }
        way = summary_groups.direction(self.tables, "all")
        return said or self.context.catalogue.gettext(words[way])

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
        made = [
            self._debt_figure(),
            self._now_figure(),
            self._need_figure() or self._largest_figure(),
            self._effects_figure(),
        ]
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
        in_window = self._series[self._series["month"] <= self.context.window[1]]
        return KeyFigure(label, number.value, note, status, tone, self._spark(in_window), href)

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
        status, tone = summary_groups.DIRECTIONS[summary_groups.direction(self.tables, "all")]
        return KeyFigure(
            _("Difference from the {years} level", years=self.context.baseline_years),
            number.value,
            note,
            _(status),
            tone,
            self._spark(self._series.tail(SPARK_MONTHS)),
            self.context.links.get(("service_debt", "all"), ""),
        )

    def _spark(self, series: pd.DataFrame) -> figures.Figure | None:
        """The cumulated difference month by month, where it is shown."""
        shown = series if series.empty else series.dropna(subset=["debt"])
        if len(shown) < 2:
            return None
        span = self.context.span(str(shown["month"].iloc[0]), str(shown["month"].iloc[-1]))
        interval = (shown["debt_lo80"].tolist(), shown["debt_hi80"].tolist())
        return self._sparkline(shown["debt"].tolist(), span, interval)

    def _sparkline(
        self, values: Sequence[float], span: str, interval: tuple[Sequence[float], Sequence[float]] = ((), ())
    ) -> figures.Figure:
        """A small line whose words tell where it begins and ends."""
        first, last = (rough(value, self.context.catalogue) for value in (values[0], values[-1]))
        alt = self.context.catalogue.gettext("{span}: from {first} to {last}.", span=span, first=first, last=last)
        began, _dash, ended = span.partition("–")
        return figures.sparkline(values, alt=alt, lo=interval[0], hi=interval[1], start=(began, ""), end=(ended, ""))

    def _need_figure(self) -> KeyFigure | None:
        """The need of the coming year with the years before it."""
        made = demand_figures.need(self.tables, "all", self.context, self.context.links.get(("demand", "all"), ""))
        years = demand_rows.outlook(self.tables, "all")
        if made is None or years.empty:
            return made
        told = years[years["year"].astype(int) <= demand_rows.this_year(self.context) + 1]
        told = told.dropna(subset=["contacts"]).tail(SPARK_YEARS)
        if len(told) < 2:
            return made
        span = f"{int(told['year'].iloc[0])}–{int(told['year'].iloc[-1])}"
        return replace(made, spark=self._sparkline(told["contacts"].tolist(), span))

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
        count = effects["verdict"].value_counts()
        some, harm = int(count.get("works", 0) + count.get("probably_works", 0)), int(count.get("probably_harmful", 0))
        unknown = int(count.get("cannot_say", 0))
        status, tone = "", "neutral"
        if unknown:
            status, tone = _("cannot say yet: {n}", n=unknown), "unsure"
        if harm:
            status, tone = _("probably harmful: {n}", n=harm), "bad"
        return KeyFigure(
            _("Interventions with evidence of effect"),
            f"{some} / {len(effects)}",
            _("of those followed; 95% confidence"),
            status,
            tone,
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
        computed = self.context.catalogue.gettext("Costs and person-years are computed from the parameters.")
        return markup.stack(markup.cards(*found), markup.note(computed))

    def groups(self) -> Block:
        """Every reported group: persons, debt, direction, waiting and need, which overlap; then segments and needs."""
        table = summary_groups.GroupsTable(self.tables, self.context).block()
        return markup.stack(table, summary_people.block(self.tables, self.context))

    def changes(self) -> Block:
        """What changed since the last quarter and why, and last quarter's misses."""
        told = ChangesSection(self.tables, self.context).block()
        _ = self.context.catalogue.gettext
        more = self.context.linked(_("All indicators"), "indicators")
        return markup.stack(
            told or markup.paragraph(_("There is no earlier quarter to compare with.")),
            markup.paragraph(more) if isinstance(more, Block) else None,
        )

    def production(self) -> Block:
        """Own and purchased production side by side, without a verdict."""
        told = ServiceSection(self.tables, "all", self.context).production(by_service=False)
        _ = self.context.catalogue.gettext
        more = self.context.linked(_("Service debt by service"), "service_debt", "all")
        return markup.stack(
            told or markup.paragraph(_("The data do not tell own and purchased production apart.")),
            markup.paragraph(more) if told and isinstance(more, Block) else None,
        )

    def effects(self) -> Block:
        """Every intervention's verdict, with a link."""
        _ = self.context.catalogue.gettext
        effects = self._effects
        if effects.empty:
            return markup.paragraph(_("No intervention has been evaluated."))
        return markup.answers(*(self._effect(row) for row in records(effects)))

    def _effect(self, row: Row) -> Answer:
        verdict = effect_words.verdict(row, self.context)
        name = self.context.label("intervention", row["intervention"])
        return Answer(
            self.context.linked(name, "effectiveness", str(row["target_group"])),
            self.context.catalogue.gettext(verdict.words),
            verdict.tone,
            tuple(effect_words.sentences(row, self.context)[:1]),
        )

    def limits(self) -> Block:
        """How the data did, the analyst's comment, what the report is not for, and who approved it."""
        _ = self.context.catalogue.gettext
        not_for = notices.not_for(self.context) if self.context.not_for else None
        return markup.stack(
            markup.section(_("The data in brief"), self.data()),
            notices.comment(self.context, "summary"),
            None if not_for is None else markup.callout(_("What this report is not for"), not_for),
            notices.approval(self.context),
        )

    def data(self) -> Block:
        """How the data did in a few sentences, and the totals that differ from published ones, with a link."""
        _ = self.context.catalogue.gettext
        missing = self.context.missing_tables
        sentences = [
            *quality_trust.sentences(self.tables, self.context),
            _("Data complete to {date}.", date=self.context.catalogue.date(self.context.as_of)),
            quality_words.accepted_sentence(self.tables, self.context),
            quality_words.covered_sentence(self.tables, self.context),
            _("Data missing: {tables}.", tables=self.context.catalogue.join(missing)) if missing else "",
        ]
        differing = quality_flow.differences(self.tables, self.context)
        more = self.context.linked(_("More on the quality of the data"), "data_quality")
        return markup.stack(
            markup.paragraph(*filter(None, sentences), *([more] if isinstance(more, Block) else [])),
            markup.bullets(*differing) if differing else None,
        )
