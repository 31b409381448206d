"""All interventions beside each other: evidence and net benefit, and what is still needed to know more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.pages import effect_costs, effect_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.figures import RankingWords
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

FOUND = ("works", "probably_works", "probably_harmful")
LEVEL = 0.05  # of the false discovery rate over the interventions
LANES = {
    "strong": N_("Strong evidence"),
    "moderate": N_("Moderate evidence"),
    "weak": N_("Weak evidence"),
    "none": N_("No evidence yet"),
}


@dataclass(frozen=True, eq=False)
class RankingSection:
    """Every intervention by evidence and net benefit.

    `tables`: released `intervention_ranking`. `effects`: the rows of record by intervention, for the words of verdicts.
    """

    tables: Tables
    effects: Mapping[str, Row]
    context: PageContext

    def block(self) -> Block:
        """A picture for each unit of the net benefit, the table, and how many findings to expect by chance."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "intervention_ranking")
        if found.empty:
            return markup.paragraph(_("The interventions have not been ranked."))
        shown = found.sort_values("rank")
        units = shown.loc[shown["nmb_eur"].notna(), "cost_unit"].unique()
        of_first = shown["cost_unit"].isna() | ~shown["cost_unit"].isin(
            units
        )  # without a benefit: in the first picture
        pictures = [
            self._picture(shown[(shown["cost_unit"] == unit) | (of_first & (number == 0))], str(unit))
            for number, unit in enumerate(units)
        ]
        return markup.stack(*pictures, self._table(shown), self._needed(shown), markup.note(*self._chance(shown)))

    def _verdict(self, row: Row) -> effect_words.Verdict:
        return effect_words.verdict(self.effects.get(str(row["intervention"]), row), self.context)

    def _picture(self, shown: pd.DataFrame, unit: str) -> Block:
        _ = self.context.catalogue.gettext
        told = records(shown)
        verdicts = [self._verdict(row) for row in told]
        frame = pd.DataFrame(
            {
                "label": [self.context.label("intervention", row["intervention"]) for row in told],
                "level": [_(LANES[str(row["evidence_level"] or "none")]) for row in told],
                "verdict": [_(one.words) for one in verdicts],
                "tone": [one.tone for one in verdicts],
                "value": shown["nmb_eur"].to_numpy(),
                "lo": shown["nmb_lo95"].to_numpy(),
                "hi": shown["nmb_hi95"].to_numpy(),
            }
        )
        per = _(effect_costs.PER.get(unit, unit))
        alt = [
            f"{label}: {level}, {effect_costs.net_words(row, self.context)}"
            for label, level, row in zip(frame["label"], frame["level"], told)
        ]
        return markup.figure(
            figures.ranking(
                frame,
                levels=[_(name) for name in LANES.values()],
                words=RankingWords(
                    unit=_("benefit less costs in euros {per}", per=per),
                    loss=_("costs exceed the benefit"),
                    gain=_("benefit exceeds the costs"),
                    unknown=_("benefit not known"),
                ),
                catalogue=self.context.catalogue,
                alt="; ".join(alt),
                caption=_("Evidence and benefit {per}, with the 95% confidence interval", per=per),
            )
        )

    def _table(self, shown: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        cells = [self._cells(row) for row in records(shown)]
        columns = [
            Column("name", _("Intervention")),
            Column("evidence", _("Evidence")),
            Column("verdict", _("Verdict")),
            Column("net", _("Benefit less costs (95% confidence interval)")),
            Column("stands", _("Stands when all are looked at together")),
        ]
        note = _(
            "Benefits are compared only within one unit: an intervention of whole areas and one of participants are "
            "counted per different persons. An improvement has the worth that the parameters state."
        )
        return markup.table(
            pd.DataFrame(cells),
            columns,
            _("All interventions, the best evidence first"),
            self.context.catalogue,
            note=note,
        )

    def _cells(self, row: Row) -> dict[str, str | Block]:
        _ = self.context.catalogue.gettext
        level = str(row["evidence_level"] or "none")
        name = self.context.label("intervention", row["intervention"])
        return {
            "name": self.context.linked(name, "effectiveness", str(row["target_group"])),
            "evidence": _(effect_words.EVIDENCE.get(level, level)),
            "verdict": _(self._verdict(row).words),
            "net": effect_costs.net_words(row, self.context),
            "stands": self._stands(row),
        }

    def _needed(self, shown: pd.DataFrame) -> Block | None:
        """What each intervention still needs before more can be said of it."""
        told = {str(row["intervention"]): self.context.word_list(row["needed"]) for row in records(shown)}
        said = [
            f"{self.context.label('intervention', code)}: {' '.join(needed)}" for code, needed in told.items() if needed
        ]
        if not said:
            return None
        return markup.section(self.context.catalogue.gettext("To know more"), markup.bullets(*said), level=3)

    def _stands(self, row: Row) -> str:
        """Whether the finding stands when one of twenty false ones among the findings is allowed."""
        _ = self.context.catalogue.gettext
        if is_hidden(row, "relative"):
            return self.context.catalogue.hidden
        if not is_shown(row, "p_bh") or row["verdict"] not in FOUND:
            return self.context.catalogue.missing
        return _("yes") if row["p_bh"] <= LEVEL else _("no")

    def _chance(self, shown: pd.DataFrame) -> list[str]:
        """What looking at many interventions does, and the p-values behind it."""
        _ = self.context.catalogue.gettext
        known = int(np.isfinite(shown["p_bh"].astype(float)).sum())
        if known < 2:
            return []
        return [
            _(
                "The more interventions are looked at, the more of them seem to work by chance. Interventions looked "
                "at together: {known}. A finding stands if at most one in twenty such findings is false "
                "(Benjamini–Hochberg).",
                known=known,
            )
        ]
