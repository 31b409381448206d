"""The page of effects of interventions: for one target group, or over all of them for the group `all`."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import effect_words, quality_trust
from ennakointi.pages.context import (
    PageContext,
    Row,
    Tables,
    check_value,
    intervals,
    is_hidden,
    is_shown,
    numbers,
    records,
    rows,
)
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
        `effects`, `effect_checks` and `effect_series`; a missing key means not computed.
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
        table = self._effects_table(effects, _("Effects of the interventions on their primary outcomes"))
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

    def _effects_table(self, effects: pd.DataFrame, caption: str) -> Block:
        _ = self.context.catalogue.gettext
        cells = [self._effect_cells(row) for row in records(effects)]
        columns = [
            Column("intervention", _("Intervention")),
            Column("outcome", _("Outcome")),
            Column("relative", _("Relative effect (95% confidence interval)"), "number", format=str),
            Column("estimate", _("Per hundred persons a year"), "number", format=str),
            Column("verdict", _("Verdict")),
            Column("evidence", _("Evidence")),
        ]
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _effect_cells(self, row: Row) -> dict[str, str]:
        catalogue = self.context.catalogue
        level = effect_words.EVIDENCE.get(str(row["evidence_level"]))
        return {
            "intervention": self.context.label("intervention", row["intervention"]),
            "outcome": self.context.label("outcome", row["outcome"]),
            "relative": self._relative(row),
            "estimate": intervals(row, "estimate", "lo95", "hi95", catalogue),
            "verdict": catalogue.gettext(effect_words.verdict(row, self.context).words),
            "evidence": catalogue.gettext(level) if level else catalogue.missing,
        }

    def _relative(self, row: Row) -> str:
        catalogue = self.context.catalogue
        if is_hidden(row, "relative"):
            return catalogue.hidden
        if not is_shown(row, *effect_words.RELATIVE):
            return catalogue.missing
        number = catalogue.percent_estimate(*numbers(row, effect_words.RELATIVE))
        return f"{number.value} ({number.interval})"

    def each(self) -> Block:
        """Every intervention on its own: verdict, picture before and after, other outcomes, description."""
        effects = self._primary
        if effects.empty:
            return markup.paragraph(self.context.catalogue.gettext("There are no effects to show."))
        return markup.stack(*(self._intervention(row) for row in records(effects)))

    def _intervention(self, row: Row) -> Block:
        found = effect_words.verdict(row, self.context)
        return markup.section(
            self.context.label("intervention", row["intervention"]),
            markup.paragraph(markup.verdict(self.context.catalogue.gettext(found.words), found.tone)),
            markup.paragraph(*self._sentences(row)),
            self._before_after(row),
            self._other_outcomes(row),
            self._to_know_more(row),
            self._description(row),
            level=3,
        )

    def _before_after(self, row: Row) -> Block | None:
        _ = self.context.catalogue.gettext
        keys = {"intervention": row["intervention"], "outcome": row["outcome"]}
        series = rows(self.tables, "effect_series", **keys)
        shown = series if series.empty else series.dropna(subset=["rate"])
        if shown.empty:
            return None
        names = {"treated": _("With the intervention"), "comparison": _("Comparison")}
        ordered = shown.sort_values(["arm", "since_start"], ascending=[False, True])
        frame = ordered.assign(arm=ordered["arm"].map(names), since_start=ordered["since_start"].astype(int))
        outcome = self.context.label("outcome", row["outcome"])
        picture = figures.before_after(
            frame,
            catalogue=self.context.catalogue,
            unit=_("per hundred persons a year"),
            alt=" ".join([f"{outcome}.", effect_words.effect_sentence(row, self.context)]),
            caption=_("{outcome} before and after the start", outcome=outcome),
            x_label=_("quarters from the start"),
            start_label=_("Start"),
        )
        return markup.figure(picture, self._series_table(frame, outcome), _("Numbers as a table"))

    def _series_table(self, frame: pd.DataFrame, outcome: str) -> Block:
        _ = self.context.catalogue.gettext
        wide = frame.pivot_table(index="since_start", columns="arm", values="rate", sort=True).reset_index()
        arms = [c for c in dict.fromkeys(frame["arm"]) if c in wide.columns]
        columns = [
            Column("since_start", _("Quarters from the start"), "signed"),
            *(Column(arm, arm, "significant") for arm in arms),
        ]
        caption = _("{outcome} per hundred persons a year", outcome=outcome)
        return markup.table(wide, columns, caption, self.context.catalogue)

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
        return markup.details(_("Other outcomes"), self._effects_table(others, _("Effects on other outcomes")))

    def _to_know_more(self, row: Row) -> Block | None:
        """What would be needed before a verdict can be given."""
        _ = self.context.catalogue.gettext
        if row["verdict"] != "cannot_say":
            return None
        needed = [_("More participants or a longer follow-up.")]
        if str(row["design"]) in ("its", "before_after"):
            needed.append(_("A comparison: areas or persons that do not have the intervention yet."))
        if effect_words.facts(row, self.context).selected_on == "prior_use":
            needed.append(_("Comparison persons who had used as much but did not take part, best by drawing lots."))
        return markup.stack(markup.paragraph(markup.strong(_("To know more:"))), markup.bullets(*needed))

    def _description(self, row: Row) -> Block | None:
        _ = self.context.catalogue.gettext
        known = list(effect_words.facts(row, self.context).description)
        known.append((_("Design"), effect_words.design_words(str(row["design"]), self.context)))
        if is_shown(row, "n_treated", "n_comparison"):
            known.append((_("Data"), self._sizes(row)))
        if is_shown(row, "smallest_important"):
            share = self.context.catalogue.percent(row["smallest_important"])
            known.append((_("Smallest change that matters"), share))
        if row["start"]:
            known.append((_("Started"), self.context.catalogue.month(str(row["start"]))))
        return markup.details(_("What was done and how it was evaluated"), markup.definitions(*known))

    def _sizes(self, row: Row) -> str:
        _ = self.context.catalogue.gettext
        numbers = {
            "treated": self.context.catalogue.number(row["n_treated"]),
            "comparison": self.context.catalogue.number(row["n_comparison"]),
        }
        if row["counted"] == "areas":
            return _("Areas with the intervention: {treated}; for comparison: {comparison}.", **numbers)
        return _("Participants: {treated}; comparison persons: {comparison}.", **numbers)

    def checks(self) -> Block:
        """What was checked of each primary estimate, in plain sentences."""
        blocks = []
        for row in records(self._primary):
            checks = records(self._checks_of(row))
            made = [(check_value(check["passed"]), self.context.words(check["message"])) for check in checks]
            if made:
                name = self.context.label("intervention", row["intervention"])
                title = markup.paragraph(markup.strong(name))
                blocks += [title, markup.checks(made, self.context.catalogue)]
        nothing = markup.paragraph(self.context.catalogue.gettext("No checks were made."))
        return markup.stack(*blocks) if blocks else nothing

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
            (_("Cannot say yet"), _("The confidence interval holds both a meaningful effect and none.")),
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
        )
        return markup.stack(
            markup.details(_("Definitions"), terms), markup.details(_("How the numbers were made"), method)
        )
