"""The page of effects of interventions: for one target group, or over all of them for the group `all`."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import effect_units, effect_words, quality_trust
from ennakointi.pages.context import PageContext, Row, Tables, check_value, is_hidden, is_shown, records, rows
from ennakointi.pages.effect_costs import CostSection
from ennakointi.pages.effect_designs import DesignSection
from ennakointi.pages.effect_ranking import RankingSection
from ennakointi.pages.effect_time import TimeSection
from ennakointi.report import figures, markup
from ennakointi.report.markup import Block, Column

TOLD_ALREADY = (
    "detectable",
    "decision_date",
    "regression_to_the_mean",
)  # `pages.effect_words` has sentences of them


@dataclass(frozen=True, eq=False)
class EffectsPage:
    """Effects of interventions in a target group; the group `all` shows every intervention.

    Parameters
    ----------
    tables : mapping of released tables
        `effects`, `effect_designs`, `effect_checks`, `effect_series`, `effect_time`, `cost_effectiveness`,
        `cost_curve`, `cost_plane` and `intervention_ranking`; a missing key means not computed.
    target_group : str
        Id of the group.
    context : PageContext
        Quarter, language, labels and what the parameters say of the interventions.
    """

    tables: Tables
    target_group: str
    context: PageContext

    def _of_group(self, name: str) -> pd.DataFrame:
        if self.target_group == "all":
            return rows(self.tables, name)
        return rows(self.tables, name, target_group=self.target_group)

    @property
    def _primary(self) -> pd.DataFrame:
        return effect_words.primary(self._of_group("effects"), self.context)

    def answer(self) -> Block:
        """Each intervention's verdict, its estimate and how sure it is, the best evidence first."""
        _ = self.context.catalogue.gettext
        effects = self._primary
        if effects.empty:
            return markup.stack(
                markup.headline(lead=_("No intervention of this group has been evaluated.")),
                self._missing(),
            )
        said = [self._answer_to(row) for row in records(effects)]
        lead = effect_words.verdict_counts(effects, self.context)
        warning = quality_trust.callout(self.tables, "effects", self.context)
        return markup.stack(markup.headline(lead=lead), warning, *said)

    def _answer_to(self, row: Row) -> Block:
        return markup.paragraph(markup.strong(effect_words.opening(row, self.context)), *self._sentences(row))

    def _sentences(self, row: Row) -> list[str]:
        """What to say of an effect; without a verdict, also the first check that stood in its way."""
        sentences = effect_words.sentences(row, self.context)
        checks = self._checks_of(row)
        if row["verdict"] != "cannot_say" or checks.empty:
            return sentences
        failed = checks[(checks["passed"] == "no") & ~checks["check"].isin(TOLD_ALREADY)]
        return sentences + [self.context.words(check["message"]) for check in records(failed)[:1]]

    def _checks_of(self, row: Row) -> pd.DataFrame:
        keys = {key: str(row[key]) for key in ("intervention", "outcome")}
        return rows(self.tables, "effect_checks", **keys)

    def _missing(self) -> Block | None:
        if "enrolments" not in self.context.missing:
            return None
        return self.context.source_missing(
            "enrolments",
            self.context.catalogue.gettext("who took part in which intervention, and from which day"),
        )

    def forest(self) -> Block:
        """Every effect as a relative change with its 95% interval, sorted by evidence, verdict in words."""
        _ = self.context.catalogue.gettext
        effects = self._primary
        if effects.empty:
            return markup.paragraph(_("There are no effects to show."))
        shown = effects.dropna(subset=list(effect_words.RELATIVE))
        picture = None if shown.empty else self._forest(shown)
        table = self._effects_table(
            effects, _("Effects of the interventions on their primary outcomes"), "intervention"
        )
        return markup.stack(None if picture is None else markup.figure(picture), table)

    def _forest(self, shown: pd.DataFrame) -> figures.Figure:
        _ = self.context.catalogue.gettext
        verdicts = [effect_words.verdict(row, self.context) for row in records(shown)]
        frame = pd.DataFrame(
            {
                "label": [self.context.label("intervention", i) for i in shown["intervention"]],
                "estimate": shown["relative"].to_numpy(),
                "lo": shown["relative_lo95"].to_numpy(),
                "hi": shown["relative_hi95"].to_numpy(),
                "verdict": [_(v.words) for v in verdicts],
                "tone": [v.tone for v in verdicts],
            }
        )
        return figures.forest(
            frame,
            catalogue=self.context.catalogue,
            unit=_("change caused by the intervention, %"),
            alt="; ".join(f"{label}: {words}" for label, words in zip(frame["label"], frame["verdict"])),
            caption=_("Relative effect on the primary outcome, with the 95% confidence interval"),
            better=_("fewer"),
            worse=_("more"),
            percent=True,
        )

    def _effects_table(self, effects: pd.DataFrame, caption: str, named: str) -> Block:
        """Effects with their verdicts, each row `named` by its intervention or by its outcome."""
        _ = self.context.catalogue.gettext
        told = records(effects)
        units = {effect_units.per(row, self.context) for row in told}
        of_unit = _("Effect {per}", per=units.pop()) if len(units) == 1 else _("Effect in the unit of the outcome")
        titles = {"intervention": _("Intervention"), "outcome": _("Outcome")}
        columns = [
            Column("name", titles[named]),
            Column("relative", _("Relative effect (95% confidence interval)"), "number", format=str),
            Column("estimate", of_unit, "text" if units else "number", format=str),
            Column("verdict", _("Verdict")),
            Column("evidence", _("Evidence")),
        ]
        names = [self.context.label(named, row[named]) for row in told]
        cells = [self._effect_cells(row, bool(units)) | {"name": name} for row, name in zip(told, names)]
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _effect_cells(self, row: Row, with_unit: bool) -> dict[str, str]:
        catalogue = self.context.catalogue
        level = effect_words.EVIDENCE.get(str(row["evidence_level"]))
        return {
            "relative": effect_words.relative_words(row, self.context),
            "estimate": self._estimate(row, with_unit),
            "verdict": catalogue.gettext(effect_words.verdict(row, self.context).words),
            "evidence": catalogue.gettext(level) if level else catalogue.missing,
        }

    def _estimate(self, row: Row, with_unit: bool) -> str:
        """`−12 (−19 – −5)`, with its unit where that differs from row to row."""
        catalogue = self.context.catalogue
        if is_hidden(row, "estimate"):
            return catalogue.hidden
        if not is_shown(row, *effect_units.EFFECT):
            return catalogue.missing
        number = effect_units.number(row, self.context)
        return " ".join([f"{number.value} ({number.interval})", *([effect_units.per(row, self.context)] * with_unit)])

    def ranking(self) -> Block:
        """On the page of all interventions: evidence and net benefit of each, and what is needed to know more."""
        _ = self.context.catalogue.gettext
        if self.target_group == "all":
            by_intervention = {str(row["intervention"]): row for row in records(self._primary)}
            return RankingSection(self.tables, by_intervention, self.context).block()
        where = self.context.linked(_("All interventions"), "effectiveness", "all")
        return markup.paragraph(_("All interventions are beside each other on the page of all residents:"), where)

    def each(self) -> Block:
        """Every intervention on its own: verdict, course, costs, checks, what is needed to know more, and the rest
        folded. One of a group with a page of its own is told there."""
        effects = self._primary
        if effects.empty:
            return markup.paragraph(self.context.catalogue.gettext("There are no effects to show."))
        return markup.stack(*(self._intervention(row) for row in records(effects)))

    def _intervention(self, row: Row) -> Block:
        _ = self.context.catalogue.gettext
        found = effect_words.verdict(row, self.context)
        group = str(row["target_group"])
        course = TimeSection(self.tables, row, self.context)
        design = DesignSection(self.tables, row, self.context)
        parts: tuple[Block | None, ...]
        if group != self.target_group and ("effectiveness", group) in self.context.links:
            parts = (markup.paragraph(self.context.linked(_("The effect in detail"), "effectiveness", group)),)
        else:
            parts = (
                course.before_after(),
                course.over_time(),
                CostSection(self.tables, row, self.context).block(),
                self._checks(row),
                self._to_know_more(row),
                self._other_outcomes(row),
                design.designs(),
                design.description(),
            )
        return markup.section(
            self.context.label("intervention", row["intervention"]),
            markup.paragraph(markup.verdict(_(found.words), found.tone)),
            markup.paragraph(*self._sentences(row)),
            *parts,
            level=3,
        )

    def _other_outcomes(self, row: Row) -> Block | None:
        _ = self.context.catalogue.gettext
        effects = self._of_group("effects")
        others = effects[
            (effects["intervention"] == row["intervention"])
            & (effects["record"] == "record")
            & (effects["outcome"] != row["outcome"])
        ]
        if others.empty:
            return None
        return markup.details(
            _("Effects on other outcomes"), self._effects_table(others, _("Other outcomes"), "outcome")
        )

    def _checks(self, row: Row) -> Block:
        """What was checked of the estimate, in plain sentences."""
        _ = self.context.catalogue.gettext
        checks = records(self._checks_of(row))
        made = [(check_value(check["passed"]), self.context.words(check["message"])) for check in checks]
        shown = markup.checks(made, self.context.catalogue) if made else markup.paragraph(_("No checks were made."))
        return markup.section(_("What was checked"), shown, level=4)

    def _to_know_more(self, row: Row) -> Block | None:
        """What would be needed before a verdict can be given, or to be surer of it."""
        _ = self.context.catalogue.gettext
        keys = {"intervention": str(row["intervention"]), "target_group": str(row["target_group"])}
        ranked = records(rows(self.tables, "intervention_ranking", **keys))
        needed = self.context.word_list(ranked[0]["needed"]) if ranked else self._needed(row)
        if not needed:
            return None
        return markup.section(_("To know more"), markup.bullets(*needed), level=4)

    def _needed(self, row: Row) -> list[str]:
        """The same where the interventions have not been ranked."""
        _ = self.context.catalogue.gettext
        if row["verdict"] != "cannot_say":
            return []
        needed = [_("More participants or a longer follow-up.")]
        if str(row["design"]) in ("its", "bsts", "before_after"):
            needed.append(_("A comparison: areas or persons that do not have the intervention yet."))
        if effect_words.facts(row, self.context).selected_on == "prior_use":
            needed.append(_("Comparison persons who had used as much but did not take part, best by drawing lots."))
        return needed

    def definitions(self) -> Block:
        """The words and the method, folded."""
        _ = self.context.catalogue.gettext
        terms = markup.definitions(
            (
                _("Intervention"),
                _("A change in the service whose effect is followed; not a medical procedure."),
            ),
            (_("Works"), _("The whole 95% confidence interval is beyond the smallest change that matters.")),
            (_("Probably works"), _("The whole confidence interval is on the better side of zero.")),
            (
                _("No meaningful effect"),
                _("The whole confidence interval is smaller than the change that matters."),
            ),
            (
                _("Cannot say yet"),
                _(
                    "The confidence interval holds both a meaningful effect and none, or the comparison did not pass a "
                    "check that matters."
                ),
            ),
            (
                _("Confidence interval"),
                _("The effects that fit the data: 95 of 100 such intervals hold the true one."),
            ),
        )
        method = markup.bullets(
            _("Areas that start at different times are compared with areas that have not started yet."),
            _("The uncertainty comes from drawing the starting times again at random, so few areas are enough."),
            _("Participants are compared with persons who had the same history of use on the same starting day."),
            _("A plain before/after of heavy users is never a verdict: their use falls even without any support."),
            _("The level of 5 % is spent over the looks agreed on in advance; each look has its own share of it."),
            _("There is one primary outcome. p-values of the others are adjusted for their number (Holm)."),
            _(
                "Costs and effect are drawn together from the same data, so that the uncertainty of one is that of the "
                "other too."
            ),
        )
        return markup.stack(
            markup.details(_("Definitions"), terms), markup.details(_("How the numbers were made"), method)
        )
