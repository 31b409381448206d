"""An outcome before and after the start against the comparison, and the effect by time since the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ennakointi.pages import effect_units, effect_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.figures import TimeWords
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_

BAND = ("relative", "lo95", "hi95")
ARMS = {
    "treated": N_("With the intervention"),
    "comparison": N_("Comparison"),
    "counterfactual": N_("Without the intervention (estimated)"),
}


@dataclass(frozen=True, eq=False)
class TimeSection:
    """The course of the outcome of a row of `effects`.

    `tables`: released `effect_series` and `effect_time`.
    """

    tables: Tables
    effect: Row
    context: PageContext

    def _of(self, table: str, *shown: str) -> pd.DataFrame:
        keys = {key: str(self.effect[key]) for key in ("intervention", "outcome", "target_group")}
        found = rows(self.tables, table, **keys)
        return found if found.empty else found.dropna(subset=[*shown]).sort_values("since_start")

    def _hidden(self, table: str, column: str) -> list[float]:
        """Quarters since the start whose number the door hid."""
        keys = {key: str(self.effect[key]) for key in ("intervention", "outcome", "target_group")}
        found = records(rows(self.tables, table, **keys))
        return sorted({float(row["since_start"]) for row in found if is_hidden(row, column)})

    @property
    def _outcome(self) -> str:
        return self.context.label("outcome", self.effect["outcome"])

    def before_after(self) -> Block | None:
        """The treated and their comparison by quarter since the start."""
        _ = self.context.catalogue.gettext
        shown = self._of("effect_series", "rate")
        if shown.empty:
            return None
        order = [arm for arm in ARMS if arm in set(shown["arm"])]
        frame = pd.concat([shown[shown["arm"] == arm] for arm in order]).assign(
            arm=lambda table: table["arm"].map({arm: _(name) for arm, name in ARMS.items()}),
            since_start=lambda table: table["since_start"].astype(int),
            rate=lambda table: table["rate"] * effect_units.unit_of(self.effect).scale,
        )
        picture = figures.before_after(
            frame,
            catalogue=self.context.catalogue,
            unit=effect_units.per(self.effect, self.context),
            alt=" ".join([f"{self._outcome}.", effect_words.effect_sentence(self.effect, self.context)]),
            caption=_("{outcome} before and after the start", outcome=self._outcome),
            x_label=_("quarters from the start"),
            start_label=_("Start"),
            hidden=self._hidden("effect_series", "rate"),
        )
        return markup.figure(picture, self._series_table(frame), _("Numbers as a table"))

    def _series_table(self, frame: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        wide = frame.pivot_table(index="since_start", columns="arm", values="rate", sort=True).reset_index()
        columns = [
            Column("since_start", _("Quarters from the start"), "signed"),
            *(Column(arm, arm, "significant") for arm in dict.fromkeys(frame["arm"])),
        ]
        caption = f"{self._outcome}, {effect_units.per(self.effect, self.context)}"
        return markup.table(wide, columns, caption, self.context.catalogue)

    def over_time(self) -> Block | None:
        """The effect of each quarter with one band over all of them; before the start it is a check."""
        _ = self.context.catalogue.gettext
        shown = self._of("effect_time", *BAND)
        if len(shown) < 2 or not (shown["since_start"] >= 0).any():
            return None
        better = effect_words.facts(self.effect, self.context).better
        known = is_shown(self.effect, "smallest_important")
        important = self.effect["smallest_important"] * (-1 if better == "fewer" else 1) if known else np.nan
        said = self._sentences(shown)
        picture = figures.effect_time(
            shown,
            important=float(important),
            words=TimeWords(
                before=_("Before the start: should be about zero"),
                after=_("Effect"),
                start=_("Start"),
                matters=_("Smallest change that matters"),
                unit=_("change caused by the intervention, %"),
                x_label=_("quarters from the start"),
            ),
            catalogue=self.context.catalogue,
            alt=" ".join(said),
            caption=_("{outcome}: effect by time since the start", outcome=self._outcome),
            hidden=self._hidden("effect_time", "relative"),
        )
        return markup.stack(
            markup.paragraph(*said),
            markup.figure(picture, self._time_table(shown), _("Numbers as a table")),
            markup.note(*self._remarks(shown)),
        )

    def _remarks(self, shown: pd.DataFrame) -> list[str]:
        """What the bars are, and why quarters before the start may be missing."""
        _ = self.context.catalogue.gettext
        said = [
            _(
                "The shaded bars are the 95% confidence band of all quarters together: with a probability of 95% "
                "it holds the effect of every quarter at once."
            )
        ]
        before = shown.loc[shown["since_start"] < 0, "since_start"]
        if before.empty or before.max() < -1:
            said.append(_("The quarters right before the start are the ones that the others are compared with."))
        return said

    def _sentences(self, shown: pd.DataFrame) -> list[str]:
        """What the quarters before the start and the last one say."""
        _ = self.context.catalogue.gettext
        after = shown["since_start"] >= 0
        before = shown[~after]
        off = int(((before["lo95"] > 0) | (before["hi95"] < 0)).sum())
        found = []
        if len(before):
            found.append(
                _("Before the start the difference was within its uncertainty of zero, as it should be.")
                if not off
                else _(
                    "Quarters before the start that differ from zero: {off} of {all}. The comparison may be biased.",
                    off=off,
                    all=len(before),
                )
            )
        last = records(shown[after])[-1]
        number = self.context.catalogue.percent_estimate(*(float(last[name]) for name in BAND))
        found.append(
            _(
                "In the last quarter followed ({quarter} from the start) the effect was {value} (95% confidence band "
                "{interval}).",
                quarter=self.context.catalogue.signed(last["since_start"]),
                value=number.value,
                interval=number.interval,
            )
        )
        return found

    def _time_table(self, shown: pd.DataFrame) -> Block:
        _ = self.context.catalogue.gettext
        cells = []
        for row in records(shown):
            number = self.context.catalogue.percent_estimate(*(float(row[name]) for name in BAND))
            cells.append({"quarter": row["since_start"], "effect": f"{number.value} ({number.interval})"})
        columns = [
            Column("quarter", _("Quarters from the start"), "signed"),
            Column("effect", _("Effect (95% confidence band)"), "number", format=str),
        ]
        caption = _("{outcome}: effect by time since the start", outcome=self._outcome)
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)
