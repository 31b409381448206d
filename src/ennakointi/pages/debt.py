"""The page of one target group's service debt, made of released tables in the order that a director reads."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import debt_words, quality_trust
from ennakointi.pages.context import (
    Break,
    PageContext,
    Row,
    Tables,
    check_value,
    intervals,
    is_hidden,
    is_shown,
    record,
    records,
    rows,
)
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column


@dataclass(frozen=True, eq=False)
class DebtPage:
    """Service debt of a target group.

    Parameters
    ----------
    tables : mapping of released tables
        `service_debt`, `debt_summary`, `debt_checks`, `target_groups`, `trust` and `data_quality`; a missing key means
        not computed.
    target_group : str
        Id of the group.
    context : PageContext
        Quarter, language, labels, breaks and links.
    """

    tables: Tables
    target_group: str
    context: PageContext

    @property
    def _total(self) -> Row | None:
        return debt_words.summary_row(self.tables, self.target_group)

    @property
    def _series(self) -> pd.DataFrame:
        found = rows(self.tables, "service_debt", target_group=self.target_group, service="all")
        return found if found.empty else found.sort_values("month")

    @property
    def _services(self) -> pd.DataFrame:
        found = rows(self.tables, "debt_summary", target_group=self.target_group)
        return found if found.empty else found[found["service"] != "all"]

    @property
    def _has_debt(self) -> bool:
        total = self._total
        return total is not None and total["status"] == "debt" and is_shown(total, "debt")

    def answer(self) -> Block:
        """What the situation is, better or worse, how sure, and what it would take."""
        total = self._total
        if total is None or total["status"] != "debt":
            why = debt_words.refusal(self.tables, self.target_group, self.context)
            return markup.stack(markup.headline(*why[1:], lead=why[0]), self._incomplete())
        sentences = (
            debt_words.size_sentence(total, self.context),
            debt_words.queue_sentence(total, self.context),
            debt_words.now_sentence(total, self._last_month, self.context),
            debt_words.change_sentence(self._series, self.context),
            debt_words.work_sentence(total, self._services, self.context),
        )
        left_out = self.context.words(total["reason"])
        return markup.stack(
            markup.headline(*filter(None, sentences), lead=debt_words.debt_sentence(total, self.context)),
            self._incomplete(),
            markup.note(left_out) if left_out else None,
            self._queue_missing(),
            quality_trust.callout(self.tables, "service_debt", self.context),
        )

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
        """What became of the missing contacts: expected, received, replaced, waiting, in no queue."""
        _ = self.context.catalogue.gettext
        total = self._total
        if total is None or total["status"] != "debt":
            return markup.paragraph(_("There is no debt to divide into parts."))
        if not self._has_debt or debt_words.direction(total) != "missing":
            return markup.paragraph(debt_words.debt_sentence(total, self.context))
        parts = self._parts(total)
        span = self.context.span(*self.context.window)
        picture = figures.fate(
            parts,
            catalogue=self.context.catalogue,
            alt=_("The expected contacts {span} in parts: {parts}.", span=span, parts=self._listed(parts)),
            caption=_("What became of the expected contacts, {span}", span=span),
            total_label=_("Expected contacts"),
            total=debt_words.rounded_like_debt(total["expected"], total),
        )
        return markup.stack(
            markup.figure(picture, self._parts_table(parts), _("Numbers as a table")),
            markup.note(
                _(
                    "How many of the contacts that are in no queue are still needed is not known: some have "
                    "recovered, moved, died or found care elsewhere."
                )
            ),
        )

    def _parts(self, total: Row) -> pd.DataFrame:
        _ = self.context.catalogue.gettext
        in_queue = is_shown(total, "visible", "not_in_queue") and total["visible"] > 0
        missing = (
            [(_("Waiting in a queue"), total["visible"]), (_("Missing, in no queue"), total["not_in_queue"])]
            if in_queue
            else [(_("Missing"), total["debt"])]
        )
        named = [
            (_("Took place"), total["observed"]),
            (_("Replaced by other services"), total["substituted"]),
            *missing,
        ]
        rounded = [(label, debt_words.rounded_like_debt(value, total)) for label, value in named]
        parts = pd.DataFrame(rounded, columns=["label", "value"])
        return parts[parts["value"] > 0]

    def _listed(self, parts: pd.DataFrame) -> str:
        return "; ".join(
            f"{part['label'].lower()} {self.context.catalogue.number(part['value'])}" for part in records(parts)
        )

    def _parts_table(self, parts: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        columns = [Column("label", _("Part")), Column("value", _("Contacts"), "number")]
        return markup.table(parts, columns, _("Parts of the expected contacts"), self.context.catalogue)

    def over_time(self) -> Block:
        """The cumulated debt with its interval; the window, every break and the last quarter marked."""
        _ = self.context.catalogue.gettext
        series, total = self._series, self._total
        shown = series if series.empty else series[series["period"] != "baseline"].dropna(subset=["debt"])
        if total is not None and is_hidden(total, "debt"):
            return markup.paragraph(debt_words.debt_sentence(total, self.context))
        if shown.empty:
            return markup.paragraph(_("There is no series to show."))
        renamed = {f"debt_{end}": end.removesuffix("80") for end in ("lo80", "hi80", "lo95", "hi95")}
        first, last = self.context.quarter_months
        window = (*self.context.window, _("Debt accrues"))
        picture = figures.over_time(
            shown.rename(columns={"debt": "value", **renamed}),
            catalogue=self.context.catalogue,
            unit=_("contacts, cumulated"),
            alt=self._course(shown),
            caption=_("Cumulated difference between expected and observed contacts"),
            window=window,
            breaks=tuple((b.month, b.label) for b in self._breaks(shown)),
            quarter=(first, last, _("This quarter")),
            interval_label=_("80% uncertainty interval"),
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
        """Debt, size in weeks, share and queue of each service; refused services say why."""
        _ = self.context.catalogue.gettext
        services = self._services
        if services.empty:
            return markup.paragraph(_("There are no services to show."))
        computed = services[services["status"] == "debt"].sort_values("debt_weeks", ascending=False)
        blocks = [] if computed.empty else [self._bars(computed), self._service_table(computed)]
        return markup.stack(*blocks, self._refused(services[services["status"] != "debt"]))

    def _bars(self, computed: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        shown = computed.dropna(subset=["debt_weeks", *debt_words.DEBT])
        shown = shown[shown["debt"] != 0].head(12)
        if shown.empty:
            return None
        scale = shown["debt_weeks"] / shown["debt"]
        frame = pd.DataFrame(
            {
                "label": [self.context.label("service", code) for code in shown["service"]],
                "value": shown["debt_weeks"],
                "lo": scale * shown["debt_lo80"],
                "hi": scale * shown["debt_hi80"],
            }
        )
        top = record(shown)
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("weeks of normal services"),
            alt=_(
                "Largest in relation to normal services: {service}; in weeks about {weeks}.",
                service=frame["label"].iloc[0],
                weeks=debt_words.weeks(top, self.context),
            ),
            caption=_("Service debt in weeks of normal services, with the 80% uncertainty interval"),
        )
        return markup.figure(picture)

    def _service_table(self, computed: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        texts = [self._service_cells(row) for row in records(computed)]
        columns = [
            Column("service", _("Service")),
            Column("debt", _("Service debt (80% interval)"), "number", format=str),
            Column("weeks", _("In weeks of normal services"), "number", format=str),
            Column("share", _("Of expected contacts"), "number", format=str),
            Column("queue", _("Of it in a queue"), "number", format=str),
            Column("covered", _("Register covers"), "number", format=str),
        ]
        return markup.table(
            pd.DataFrame(texts),
            columns,
            _("Service debt by service, {span}", span=self.context.span(*self.context.window)),
            self.context.catalogue,
            note=_("A number below zero means more contacts than expected."),
        )

    def _service_cells(self, row: Row) -> dict[str, str]:
        catalogue = self.context.catalogue
        queue = catalogue.hidden if is_hidden(row, "visible") else catalogue.missing
        if is_shown(row, "visible", "debt"):
            queue = debt_words.like_debt(row["visible"], row, self.context)
        return {
            "service": self.context.label("service", row["service"]),
            "debt": intervals(row, *debt_words.DEBT, catalogue),
            "weeks": debt_words.weeks(row, self.context),
            "share": debt_words.share_of_expected(row, self.context),
            "queue": queue,
            "covered": catalogue.percent(row["covered_share"]),
        }

    def _refused(self, refused: pd.DataFrame) -> Block | None:
        _ = self.context.catalogue.gettext
        if refused.empty:
            return None
        sentences = [
            f"{self.context.label('service', row['service'])}: {self.context.words(row['reason'])}"
            for row in records(refused)
        ]
        return markup.details(_("Services without a service debt, and why"), markup.bullets(*sentences))

    def certainty(self) -> Block:
        """What the interval means, and the checks, failed ones first; those of services and breaks folded."""
        _ = self.context.catalogue.gettext
        total = self._total
        found = records(rows(self.tables, "debt_checks", target_group=self.target_group))
        whole = [self._checked(check) for check in found if check["service"] == "all"]
        single = [check for check in found if check["service"] != "all"]
        told = {words for _passed, words in whole}
        services = [self._checked(c) for c in single if self.context.words(c["message"]) not in told]
        known = [self.context.break_words(b) for b in self.context.breaks if b.concerns(self.target_group)]
        return markup.stack(
            markup.bullets(*self._certainty_sentences(total)) if self._has_debt else None,
            markup.checks(whole, self.context.catalogue) if whole else markup.paragraph(_("No checks were made.")),
            markup.details(_("Shortcomings of single services"), markup.checks(services, self.context.catalogue))
            if services
            else None,
            markup.details(_("Known breaks"), markup.bullets(*known)) if known else None,
        )

    def _checked(self, check: Row) -> tuple[bool | None, str]:
        words, service = self.context.words(check["message"]), str(check["service"])
        named = words if service == "all" else f"{self.context.label('service', service)}: {words}"
        return check_value(check["passed"]), named

    def _certainty_sentences(self, total: Row | None) -> list[str]:
        _ = self.context.catalogue.gettext
        sentences = [_("The uncertainty of the number is not known.")]
        if total is not None and is_shown(total, *debt_words.DEBT):
            sentences = [_("In 8 cases of 10 the true number lies inside the uncertainty interval (80%).")]
        if "coverage" in self.context.missing:
            sentences.append(_("The source does not tell what the register covers: every month counts as complete."))
        return sentences

    def definitions(self) -> Block:
        """The words and the method, folded."""
        _ = self.context.catalogue.gettext
        years = self.context.baseline_years
        terms = markup.definitions(
            (
                _("Service debt"),
                _(
                    "Expected contacts minus contacts that took place or were replaced, {span}.",
                    span=self.context.span(*self.context.window),
                ),
            ),
            (_("Care, rehabilitation and social-services debt"), _("The same by the kind of the service.")),
            (
                _("Expected"),
                _(
                    "Contacts by age and sex at the {years} level and trend, times today's population. The "
                    "size of the group also follows the {years} prevalence.",
                    years=years,
                ),
            ),
            (
                _("Uncertainty interval"),
                _("The range that holds the true number with a probability of 80%."),
            ),
            (
                _("Weeks of normal services"),
                _("The debt divided by the expected contacts of an average week."),
            ),
        )
        method = markup.paragraph(
            _(
                "The expected series is simulated as many whole paths, each path is cumulated, and the "
                "interval is read from the cumulated paths. Adding up monthly intervals would be wrong."
            ),
            _("Contacts that were cancelled or written between professionals are not counted."),
        )
        return markup.stack(
            markup.details(_("Definitions"), terms), markup.details(_("How the numbers were made"), method)
        )
