"""How an effect was evaluated: which design it rests on and why, what the others found, what was fixed beforehand."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ennakointi.pages import effect_words
from ennakointi.pages.context import PageContext, Row, Tables, is_shown, records, rows
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

ROLES = {
    "record": N_("the verdict rests on it"),
    "beside": N_("shown beside it"),
    "not_feasible": N_("not possible here"),
}


@dataclass(frozen=True, eq=False)
class DesignSection:
    """Designs, registration and description of the intervention of a row of `effects`.

    `tables`: released `effects` and `effect_designs`.
    """

    tables: Tables
    effect: Row
    context: PageContext

    def designs(self) -> Block | None:
        """Which designs there are and why, what data of this size could show, and what each design found."""
        _ = self.context.catalogue.gettext
        parts = [self._detectable(), self._choice(), self._estimates()]
        if not any(parts):
            return None
        return markup.details(_("Which design the verdict rests on, and what others would say"), *parts)

    def _keys(self) -> dict[str, str]:
        return {key: str(self.effect[key]) for key in ("intervention", "outcome", "target_group")}

    def _detectable(self) -> Block | None:
        """The smallest change that the data could have shown, beside the one that matters."""
        _ = self.context.catalogue.gettext
        if not is_shown(self.effect, "minimum_detectable_effect", "smallest_important"):
            return None
        percent = self.context.catalogue.percent
        return markup.paragraph(
            _(
                "Smallest change that data of this size show in 8 of 10 cases: {smallest}. Smallest change that "
                "matters: {important}.",
                smallest=percent(self.effect["minimum_detectable_effect"]),
                important=percent(self.effect["smallest_important"]),
            )
        )

    def _choice(self) -> Block | None:
        _ = self.context.catalogue.gettext
        found = records(rows(self.tables, "effect_designs", **self._keys()))
        if not found:
            return None
        cells = [
            {
                "design": effect_words.design_words(str(row["design"]), self.context),
                "role": _(ROLES[row["role"]]),
                "reason": self.context.words(row["reason"]),
            }
            for row in sorted(found, key=lambda row: list(ROLES).index(row["role"]))
        ]
        columns = [Column("design", _("Design")), Column("role", _("Use")), Column("reason", _("Why"))]
        return markup.table(pd.DataFrame(cells), columns, _("Designs and their use"), self.context.catalogue)

    def _estimates(self) -> Block | None:
        """What every design found; one line is no comparison."""
        _ = self.context.catalogue.gettext
        found = rows(self.tables, "effects", **self._keys())
        if len(found) < 2:
            return None
        cells = [
            {
                "design": effect_words.design_words(str(row["design"]), self.context),
                "relative": effect_words.relative_words(row, self.context),
                "p_value": self._p(row["p_value"]),
                "size": effect_words.sizes(row, self.context),
            }
            for row in sorted(records(found), key=lambda row: row["record"] != "record")
        ]
        columns = [
            Column("design", _("Design")),
            Column("relative", _("Relative effect (95% confidence interval)"), "number", format=str),
            Column("p_value", _("p-value"), "number", format=str),
            Column("size", _("Data")),
        ]
        note = _("The first line is the one the verdict rests on. The others tell whether it depends on the design.")
        return markup.table(
            pd.DataFrame(cells), columns, _("The same effect by each design"), self.context.catalogue, note=note
        )

    def _p(self, value: float) -> str:
        if pd.isna(value):
            return self.context.catalogue.missing
        smallest = self.context.catalogue.number(0.001, 3)
        return f"< {smallest}" if value < 0.001 else self.context.catalogue.number(value, 3)

    def description(self) -> Block:
        """What was done, what was fixed beforehand and when it is decided."""
        _ = self.context.catalogue.gettext
        row, facts = self.effect, effect_words.facts(self.effect, self.context)
        known = list(facts.description)
        known.append((_("Design"), effect_words.design_words(str(row["design"]), self.context)))
        if is_shown(row, "n_treated", "n_comparison"):
            known.append((_("Data"), effect_words.sizes(row, self.context)))
        if is_shown(row, "smallest_important"):
            known.append((_("Smallest change that matters"), self.context.catalogue.percent(row["smallest_important"])))
        if row["start"]:
            known.append((_("Started"), self.context.catalogue.month(str(row["start"]))))
        if facts.decision_months:
            known.append((_("Looks agreed on in advance"), self._looks()))
        if is_shown(row, "p_value"):
            known.append((_("p-value"), self._p(row["p_value"])))
        registered = row.get("registered")
        if isinstance(registered, str) and registered:
            known.append((_("Mark of what was registered"), registered))
        return markup.details(_("What was done, and what was agreed on in advance"), markup.definitions(*known))

    def _looks(self) -> str:
        """The decision months, and the level of this look."""
        _ = self.context.catalogue.gettext
        months = ", ".join(
            map(self.context.catalogue.month_short, effect_words.facts(self.effect, self.context).decision_months)
        )
        alpha = self.effect.get("alpha")
        if alpha is None or pd.isna(alpha) or alpha == 0:
            return months
        level = self.context.catalogue.percent(float(alpha), 1 if alpha >= 0.01 else 2)
        return _("{months}. Significance level of this look: {level}.", months=months, level=level)
