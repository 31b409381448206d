"""The page of one target group's service debt, made of released tables in the order that a director reads."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_certainty, debt_words, quality_trust
from ennakointi.pages.context import Break, PageContext, Row, Tables, intervals, is_hidden, record, records, rows
from ennakointi.pages.debt_certainty import CertaintySection
from ennakointi.pages.debt_clearing import ClearingSection
from ennakointi.pages.debt_equity import EquitySection
from ennakointi.pages.debt_fate import FateSection
from ennakointi.pages.debt_queues import QueueSection
from ennakointi.pages.debt_services import ServiceSection, single
from ennakointi.pages.debt_views import ViewsSection
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column


@dataclass(frozen=True, eq=False)
class DebtPage:
    """Service debt of a target group.

    Parameters
    ----------
    tables : mapping of released tables
        `service_debt`, `debt_summary`, `debt_parts`, `hidden_persons`, `queue_pressure`, `debt_clearance`,
        `clearance_curve`, `debt_equity`, `debt_views`, `debt_sensitivity`, `debt_production`, `debt_checks`,
        `target_groups`, `trust` and `data_quality`; a missing key means not computed.
    target_group : str
        Id of the group.
    context : PageContext
        Quarter, language, labels, breaks and links.
    """

    tables: Tables
    target_group: str
    context: PageContext

    @property
    def _known(self) -> tuple[Tables, str, PageContext]:
        return self.tables, self.target_group, self.context

    @property
    def _total(self) -> Row | None:
        return debt_words.summary_row(self.tables, self.target_group)

    @property
    def _refused(self) -> bool:
        """Whether the page has no debt to tell of; what it cannot show is left out with its heading."""
        return self._total is None or self._total["status"] != "debt"

    @property
    def _series(self) -> pd.DataFrame:
        found = rows(self.tables, "service_debt", target_group=self.target_group, service="all")
        return found if found.empty else found.sort_values("month")

    def answer(self) -> Block:
        """What the situation is, what became of it, better or worse, how sure, and what it would take."""
        total = self._total
        if total is None or self._refused:
            why = debt_words.refusal(self.tables, self.target_group, self.context)
            return markup.stack(markup.headline(*why[1:], lead=why[0]), self._incomplete())
        sentences = (
            debt_words.size_sentence(total, self.context),
            " ".join(FateSection(*self._known).sentences()),
            " ".join(filter(None, self._now(total))),
            self._clearing(total),
        )
        left_out = self.context.words(total["reason"])
        return markup.stack(
            markup.headline(*filter(None, sentences), lead=debt_words.debt_sentence(total, self.context)),
            self._incomplete(),
            markup.note(left_out) if left_out else None,
            self._queue_missing(),
            quality_trust.callout(self.tables, "service_debt", self.context),
        )

    def _now(self, total: Row) -> tuple[str, str]:
        """Where the account stands at the end of the data, and whether that is better than a quarter ago."""
        return (
            debt_words.now_sentence(total, self._last_month, self.context),
            debt_words.change_sentence(self._series, self.context),
        )

    def _clearing(self, total: Row) -> str:
        """What clearing takes; without a projection, the work that the returning need would be."""
        services = single(self.tables, self.target_group)
        section = ClearingSection(*self._known)
        found = " ".join(filter(None, (section.left_sentence(), section.sentence())))
        return found or debt_words.work_sentence(total, services, self.context)

    @property
    def _last_month(self) -> str:
        series = self._series
        return self.context.quarter_months[1] if series.empty else str(series["month"].iloc[-1])

    def _incomplete(self) -> Block | None:
        said = self.context.incomplete_words(self.tables, self.target_group)
        return markup.callout(said, tone="missing") if said else None

    def _queue_missing(self) -> Block | None:
        if "referrals" not in self.context.missing:
            return None
        return self.context.source_missing(
            "referrals", self.context.catalogue.gettext("the days of entering and of leaving each queue")
        )

    def fate(self) -> Block:
        """What became of the missing contacts; empty where there is no debt."""
        return markup.stack() if self._refused else FateSection(*self._known).block()

    def over_time(self) -> Block:
        """The cumulated debt with its interval; the window, every break and the last quarter marked."""
        _ = self.context.catalogue.gettext
        series, total = self._series, self._total
        shown = series if series.empty else series[series["period"] != "baseline"].dropna(subset=["debt"])
        if total is not None and is_hidden(total, "debt"):
            return markup.paragraph(debt_words.debt_sentence(total, self.context))
        if shown.empty:
            return markup.stack() if self._refused else markup.paragraph(_("There is no series to show."))
        renamed = {f"debt_{end}": end.removesuffix("80") for end in ("lo80", "hi80", "lo95", "hi95")}
        months = series[series["period"] != "baseline"]
        hidden = [is_hidden(row, "debt") for row in records(months)]
        first, last = self.context.quarter_months
        window = (*self.context.window, _("Debt accrues"))
        picture = figures.over_time(
            months.assign(hidden=hidden).rename(columns={"debt": "value", **renamed}),
            catalogue=self.context.catalogue,
            unit=_("contacts, cumulated"),
            alt=self._course(shown),
            caption=_("Cumulated difference between expected and observed contacts"),
            window=window,
            breaks=tuple((b.month, b.label) for b in self._breaks(shown)),
            quarter=(first, last, _("This quarter")),
            interval_label=_("80% uncertainty interval"),
            outer_label=_("95% uncertainty interval"),
            unknown_label=_("uncertainty not known"),
        )
        return markup.stack(
            markup.figure(picture, self._series_table(shown), _("Numbers as a table")),
            markup.note(
                _(
                    "After {month} the curve is the difference from the {years} level. Laws, savings and "
                    "digital services also change it, so it is not called pandemic debt.",
                    month=self.context.catalogue.month_short(self.context.window[1]),
                    years=self.context.baseline_years,
                )
            ),
        )

    def _breaks(self, shown: pd.DataFrame) -> list[Break]:
        months = set(shown["month"])
        return [
            b for b in self.context.breaks if b.month in months and b.concerns(self.target_group) and not b.services
        ]

    def _course(self, shown: pd.DataFrame) -> str:
        """The finding of the curve in words, for those who do not see it."""
        peak, last = record(shown.sort_values("debt"), -1), record(shown, -1)
        catalogue = self.context.catalogue
        return catalogue.gettext(
            "The cumulated difference is largest in {peak_month}, about {peak} contacts, and about {last} "
            "contacts in {last_month}.",
            peak_month=catalogue.month_short(str(peak["month"])),
            peak=catalogue.estimate(*debt_words.ends(peak)).value,
            last=catalogue.estimate(*debt_words.ends(last)).value,
            last_month=catalogue.month_short(str(last["month"])),
        )

    def _series_table(self, shown: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        quarters = shown[shown["month"].str[5:7].isin(["03", "06", "09", "12"])]
        frame = quarters.assign(
            text=[intervals(row, *debt_words.DEBT, self.context.catalogue) for row in records(quarters)]
        )
        columns = [
            Column("month", _("Month"), "month"),
            Column("text", _("Cumulated difference (80% interval)"), "number", format=str),
        ]
        return markup.table(
            frame, columns, _("Cumulated difference at the end of each quarter"), self.context.catalogue
        )

    def by_service(self) -> Block:
        """Debt of each service and kind, its queue's direction, who produces; refused services say why."""
        nothing = self._refused and single(self.tables, self.target_group).empty
        return markup.stack() if nothing else ServiceSection(*self._known).block()

    def clearing(self) -> Block:
        """What clearing takes by date, return and capacity; then the queues."""
        _ = self.context.catalogue.gettext
        return markup.stack(
            ClearingSection(*self._known).block(),
            markup.heading(_("Queues"), 3),
            QueueSection(*self._known).block(),
        )

    def equity(self) -> Block:
        """Who lost most and who is not seen; then, under its own heading, what staff say where they were asked."""
        return markup.stack(EquitySection(*self._known).block(), ViewsSection(*self._known).block())

    def certainty(self) -> Block:
        """How sure the numbers are; then the words and the method, folded."""
        terms = debt_certainty.definitions(self.context)
        checked = not self._refused or not rows(self.tables, "debt_checks", target_group=self.target_group).empty
        return markup.stack(CertaintySection(*self._known).block() if checked else None, terms)
