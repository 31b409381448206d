"""The page of one target group's need ahead, made of released tables in the order that a director reads."""

from __future__ import annotations

from dataclasses import dataclass

from ennakointi.pages import (
    demand_checks,
    demand_fans,
    demand_figures,
    demand_parts,
    demand_past,
    demand_rows,
    demand_words,
    quality_trust,
)
from ennakointi.pages.context import PageContext, Tables, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block


@dataclass(frozen=True, eq=False)
class DemandPage:
    """Forecast of a target group's need.

    Parameters
    ----------
    tables : mapping of released tables
        `forecast`, `forecast_history`, `forecast_scores`, `demand_outlook`, `demand_drivers`, `demand_resources`,
        `forecast_ledger`, `forecast_checks`, `target_groups`, `trust` and `data_quality`; a missing key means not
        computed.
    target_group : str
        Id of the group.
    context : PageContext
        Quarter, language, labels and links.
    """

    tables: Tables
    target_group: str
    context: PageContext

    @property
    def _made(self) -> bool:
        """Whether there is any forecast of the group, shown or hidden."""
        return not rows(self.tables, "forecast", target_group=self.target_group, service="all").empty

    def answer(self) -> Block:
        """How much need changes, how sure, what drives it and what it takes."""
        known = (self.tables, self.target_group, self.context)
        lead = demand_words.need_sentence(*known)
        if not lead:
            why = self._refusal()
            return markup.stack(markup.headline(*why[1:], lead=why[0]), self._incomplete())
        bridge = demand_words.bridging_sentence(*known)
        sentences = (
            lead if bridge else "",
            demand_words.outlook_sentence(*known),
            demand_words.drivers_sentence(*known),
            demand_words.work_sentence(*known),
        )
        return markup.stack(
            markup.headline(*filter(None, sentences), lead=bridge or lead),
            demand_checks.part_missing(*known),
            demand_figures.row(*known),
            self._projection_missing(),
            self._incomplete(),
            quality_trust.callout(self.tables, "volumes", self.context),
        )

    def _refusal(self) -> list[str]:
        """Why there is no forecast, in one or two plain sentences."""
        _ = self.context.catalogue.gettext
        for group in records(rows(self.tables, "target_groups", target_group=self.target_group)):
            if self.context.words(group.get("missing")):
                return [_("The group cannot be told from these data."), self.context.words(group["missing"])]
        failed = records(rows(self.tables, "forecast_checks", target_group=self.target_group, passed="no"))
        said = [self.context.words(check["message"]) for check in failed if check["service"] == "all"]
        return [_("There is no forecast of this group's need."), *said[:2]]

    def _incomplete(self) -> Block | None:
        said = self.context.incomplete_words(self.tables, self.target_group)
        return markup.callout(said, tone="missing") if said else None

    def _projection_missing(self) -> Block | None:
        """That nothing carries the forecast past the model's own months."""
        years = demand_rows.outlook(self.tables, self.target_group)
        if demand_rows.joint(years) is not None:
            return None
        needed = self.context.catalogue.gettext(
            "a population projection by municipality, age and sex for the coming years"
        )
        return self.context.source_missing("population", needed)

    def over_time(self) -> Block:
        """All services by month and by year, then the largest services, each with its intervals."""
        known = (self.tables, self.target_group, self.context)
        if not self._made:
            return markup.stack()
        return markup.stack(
            demand_fans.by_month(*known),
            demand_fans.by_year(*known),
            demand_fans.largest_services(*known),
            demand_fans.services(*known),
            None
            if demand_checks.covered(*known[:2]) >= demand_checks.WHOLE
            else markup.note(demand_checks.filled_words(self.context)),
        )

    def drivers(self) -> Block:
        """The waterfall of the change, and the one with scenarios, which are assumptions."""
        _ = self.context.catalogue.gettext
        if not self._made:
            return markup.stack()
        drawn = demand_parts.waterfall(self.tables, self.target_group, self.context)
        assumed = demand_parts.waterfall(self.tables, self.target_group, self.context, scenarios=True)
        if drawn is None and assumed is None:
            hidden = not demand_rows.drivers(self.tables, self.target_group).empty
            said = _("Parts of the change: {hidden}.", hidden=self.context.catalogue.hidden)
            return markup.stack(
                markup.paragraph(said if hidden else _("The change cannot be divided into parts.")),
                None if hidden else self._projection_missing(),
            )
        return markup.stack(
            drawn,
            markup.note(_("The level of the first year is smoothed and may differ a little from what took place.")),
            *([] if assumed is None else self._with_scenarios(assumed, drawn is not None)),
            demand_parts.variants(self.tables, self.target_group, self.context),
        )

    def _with_scenarios(self, assumed: Block, apart: bool) -> list[Block]:
        """The waterfall with scenarios; after the one without them under a heading of its own."""
        _ = self.context.catalogue.gettext
        return [
            *([markup.heading(_("With scenarios"), 3)] if apart else []),
            assumed,
            markup.note(
                _(
                    "Scenarios are assumptions, not forecasts: somebody has set their size and their range. The other "
                    "parts are estimated from the data."
                )
            ),
        ]

    def by_municipality(self) -> Block:
        """The next 12 months of every municipality beside its last 12."""
        known = (self.tables, self.target_group, self.context)
        return demand_parts.municipalities(*known) if self._made else markup.stack()

    def resources(self) -> Block:
        """What the need takes by year."""
        known = (self.tables, self.target_group, self.context)
        return demand_parts.resources(*known) if self._made else markup.stack()

    def certainty(self) -> Block:
        """How forecasts have done, what the interval means, and the checks with failed ones first."""
        _ = self.context.catalogue.gettext
        if not self._made:
            return markup.stack()
        quick = demand_checks.method(self.tables, self.target_group) == demand_checks.QUICK
        return markup.stack(
            markup.note(_(demand_checks.QUICK)) if quick else None,
            demand_parts.past(self.tables, self.target_group, self.context),
            markup.heading(_("Checks"), 3),
            demand_checks.checks(self.tables, self.target_group, self.context),
        )

    def definitions(self) -> Block:
        """The words and the method, folded."""
        _ = self.context.catalogue.gettext
        method = markup.paragraph(
            _(demand_checks.method(self.tables, self.target_group)),
            _("Months of the exceptional time are left out and filled from both sides first."),
            _(
                "The intervals come from how wrong the same models were on earlier years. Municipalities and services "
                "are fitted to the whole county, so that they add up."
            ),
            _(
                "After the models' months the population projection carries the need on: contacts by age and sex times "
                "people, simulated many times."
            ),
            demand_past.measures(self.tables, self.target_group, self.context),
        )
        return markup.stack(
            markup.details(_("Definitions"), self._terms()), markup.details(_("How the numbers were made"), method)
        )

    def _terms(self) -> Block:
        _ = self.context.catalogue.gettext
        return markup.definitions(
            (
                _("Need"),
                _("Contacts that would take place if the population changes as projected and use develops as so far."),
            ),
            (_("What took place"), demand_checks.filled_words(self.context)),
            (
                _("Forecast interval"),
                _("The range that holds the outcome with a probability of 80% (or 95%) if things go on as they have."),
            ),
            (_("Ageing of the population"), _("Contacts by age and sex stay as they are; the ages of people change.")),
            (_("Number of people"), _("The ages of people stay as they are; their number changes.")),
            (
                _("Trend other than age and number"),
                _("The change of contacts that age and number of people do not explain, carried on ever more slowly."),
            ),
            (_("Scenario"), _("An assumption of what would change the need; not estimated from data.")),
            (
                _("Joint effect of the parts"),
                _("What arises when the parts act together: older people are also fewer or more."),
            ),
            (
                _("Person-year of work"),
                _("One full-time employee for a year. How many of the hours go to contacts is a planning assumption."),
            ),
        )
