"""What predictions of need are good for: acting on them beside everyone and no one, and the facts that they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ennakointi.pages import need_rows, need_words
from ennakointi.pages.context import PageContext, Row, Tables, is_shown, records
from ennakointi.pages.feature_words import feature_name
from ennakointi.pages.need_trust import TrustSection
from ennakointi.report import figures, markup
from ennakointi.report.figures import CurveWords, Panel
from ennakointi.report.markup import Block
from ennakointi.text import EN_DASH, JOINER

PER = 1000  # residents that a net benefit is told for
LEAST_GAIN = 0.05  # of the largest gain: less does not count as better
MOST_FEATURES = 8
MOST_DEPENDENCE = 3  # pictures of single facts a need
DEPENDENCE = "dependence:"


@dataclass(frozen=True, eq=False)
class UseSection:
    """Use and grounds of the predictions. `tables`: released `need_models`, `need_curve` and `need_importance`."""

    tables: Tables
    context: PageContext

    @cached_property
    def _trust(self) -> TrustSection:
        return TrustSection(self.tables, self.context)

    @cached_property
    def horizon(self) -> int:
        """The longest horizon in months."""
        return self._trust.horizon

    def block(self) -> Block:
        """Decision curves, then the facts that matter."""
        _ = self.context.catalogue.gettext
        return markup.stack(
            markup.section(_("When it pays to act on a prediction"), *self._decisions(), level=3),
            markup.section(_("What the predictions rest on"), *self._grounds(), level=3),
        )

    def _decisions(self) -> list[Block]:
        _ = self.context.catalogue.gettext
        found = [
            (need_words.need_name(code, self.context), curve)
            for code, _row in self._trust.models
            if len(curve := self._curve(code, "decision"))
        ]
        if not found:
            return [markup.paragraph(_("Whether it pays to act on the predictions has not been computed."))]
        panels = [Panel(name, self.finding(curve), _per(curve)) for name, curve in found]
        picture = figures.curve_panels(
            panels,
            words=CurveWords(
                _("net benefit per {n} residents", n=self.context.catalogue.number(PER)),
                _("risk from which on one acts"),
                _("acting on the prediction"),
                _("acting for everyone"),
            ),
            catalogue=self.context.catalogue,
            alt="; ".join(f"{panel.title}: {panel.finding}" for panel in panels),
            caption=_("Acting on the prediction beside acting for everyone and for no one (zero)"),
            percent_x=True,
        )
        return [
            markup.bullets(*(f"{panel.title}: {panel.finding}" for panel in panels)),
            markup.figure(picture, name="need-decisions", results=("need_curve",)),
            markup.note(
                _(
                    "Net benefit: residents helped in time, less those helped in vain. The weight of one in vain "
                    "follows from the risk from which on one acts."
                )
            ),
        ]

    def finding(self, curve: pd.DataFrame) -> str:
        """The thresholds at which the prediction is better than everyone and than no one."""
        _ = self.context.catalogue.gettext
        x, y, everyone = (curve[name].to_numpy(dtype=float) for name in ("x", "y", "reference"))
        gain = y - np.maximum(np.nan_to_num(everyone), 0.0)
        better = gain > max(LEAST_GAIN * gain.max(), 0.0)
        if not better.any():
            return _("acting on the prediction is no better than acting for everyone or for no one")
        first, last = x[better].min(), x[better].max()
        low = self.context.catalogue.number(100 * first, 0 if first >= 0.01 else 1)
        high = self.context.catalogue.percent(last, 0 if last >= 0.01 else 1)
        return _("acting on the prediction is best at risks of {risks}", risks=f"{low}{EN_DASH}{JOINER}{high}")

    def _curve(self, outcome: str, curve: str) -> pd.DataFrame:
        """Shown points of a curve in their order."""
        found = need_rows.used(self.tables, "need_curve", outcome, self.horizon, curve=curve)
        if found.empty:
            return found
        shown = found.dropna(subset=["x", "y"]).sort_values("place")
        return shown.assign(reference=self._for_everyone(outcome, shown["x"].astype(float)))

    def _for_everyone(self, outcome: str, threshold: pd.Series) -> pd.Series:
        """Net benefit of acting for everyone, from the published persons with the need and at risk."""
        row = need_rows.model(self.tables, outcome, self.horizon)
        if row is None or not is_shown(row, "events", "at_risk") or not float(row["at_risk"]):
            return pd.Series(np.nan, index=threshold.index)
        share = float(row["events"]) / float(row["at_risk"])
        return share - (1 - share) * threshold / (1 - threshold)

    def _grounds(self) -> Iterator[Block]:
        """For the first need in the open, for the others folded."""
        _ = self.context.catalogue.gettext
        told = [(code, row) for code, row in self._trust.models if len(self._important(code))]
        if not told:
            yield markup.paragraph(_("Which facts the predictions rest on has not been computed."))
            return
        yield markup.bullets(*(self._sentence(code) for code, _row in told))
        yield markup.note(
            _("A fact that helps to predict need not be its cause: changing it does not have to change the need.")
        )
        for code, _row in told:
            yield markup.details(
                _("{need}: facts that matter", need=need_words.need_name(code, self.context)),
                self._importance(code),
                self._dependence(code),
            )

    def _important(self, outcome: str) -> list[Row]:
        """Facts of a need that matter beyond chance, the most important first."""
        found = need_rows.used(self.tables, "need_importance", outcome, self.horizon)
        if found.empty:
            return []
        known = found.dropna(subset=["importance"]).sort_values("importance", ascending=False, kind="stable")
        return [row for row in records(known) if row["importance"] > 0][:MOST_FEATURES]

    def _sentence(self, outcome: str) -> str:
        names = [feature_name(row["feature"], self.context) for row in self._important(outcome)[:3]]
        return f"{need_words.need_name(outcome, self.context)}: {'; '.join(names)}"

    def _importance(self, outcome: str) -> Block:
        _ = self.context.catalogue.gettext
        known = self._important(outcome)
        frame = pd.DataFrame(
            {
                "label": feature_name(row["feature"], self.context),
                "value": 100 * float(row["importance"]),
                "lo": 100 * (float(row["importance"]) - float(row["sd"])),
                "hi": 100 * (float(row["importance"]) + float(row["sd"])),
            }
            for row in known
        )
        name = need_words.need_name(outcome, self.context)
        picture = figures.bars(
            frame,
            catalogue=self.context.catalogue,
            unit=_("wrongly ordered pairs of 100 without it"),
            alt=_("Most important: {features}.", features="; ".join(frame["label"][:3])),
            caption=_("{need}: what would be lost without each fact", need=name),
        )
        return markup.figure(picture, name=f"need-importance-{outcome}", results=("need_importance",))

    def _dependence(self, outcome: str) -> Block | None:
        """How the mean risk changes with the facts that matter most."""
        _ = self.context.catalogue.gettext
        curves = [
            (row["feature"], self._curve(outcome, DEPENDENCE + row["feature"])) for row in self._important(outcome)
        ]
        panels = [self._panel(feature, curve) for feature, curve in curves if len(curve)][:MOST_DEPENDENCE]
        if not panels:
            return None
        name = need_words.need_name(outcome, self.context)
        picture = figures.curve_panels(
            panels,
            words=CurveWords(_("mean predicted risk"), _("value of the fact"), _("risk if everyone had the value")),
            catalogue=self.context.catalogue,
            alt="; ".join(f"{panel.title}: {panel.finding}" for panel in panels),
            caption=_("{need}: mean risk by the value of a fact", need=name),
            percent_y=True,
        )
        return markup.figure(picture, name=f"need-dependence-{outcome}", results=("need_curve",))

    def _panel(self, feature: str, curve: pd.DataFrame) -> Panel:
        """A fact and the risk at its least and its largest value."""
        _ = self.context.catalogue.gettext
        frame = curve[["x", "y"]].astype(float)
        ends = [self._risk(float(frame["y"].iloc[place])) for place in (0, -1)]
        yes_or_no = set(frame["x"]) <= {0.0, 1.0}
        return Panel(
            feature_name(feature, self.context),
            _("risk {first} → {last}", first=ends[0], last=ends[1]),
            frame,
            ((0.0, _("no")), (1.0, _("yes"))) if yes_or_no else (),
        )

    def _risk(self, share: float) -> str:
        return self.context.catalogue.percent(share, 0 if share >= 0.1 else 1 if share >= 0.01 else 2)


def _per(curve: pd.DataFrame) -> pd.DataFrame:
    """Net benefits per so many residents, from a threshold of zero on, where acting for everyone gives the share with
    the need; the line of everyone ends where it has fallen a quarter of that below zero."""
    frame = curve[["x", "y", "reference"]].astype(float)
    known = frame.dropna(subset=["reference"])
    if len(known):
        first, odds = known.iloc[0], known["x"].iloc[0] / (1 - known["x"].iloc[0])
        share = (first["reference"] + odds) / (1 + odds)
        lost = 1.25 * share / (1 - share)  # odds of the threshold at which the line ends
        ends = {"x": [0.0, lost / (1 + lost)], "y": [share, np.nan], "reference": [share, -0.25 * share]}
        frame = pd.concat([frame, pd.DataFrame(ends)]).drop_duplicates("x").sort_values("x", ignore_index=True)
        frame["y"] = np.interp(frame["x"], *frame.dropna(subset=["y"])[["x", "y"]].to_numpy().T)
        frame["reference"] = frame["reference"].where(frame["reference"] >= -0.26 * share)
        frame["y"] = frame["y"].clip(lower=-0.25 * share)
    return frame.assign(y=PER * frame["y"], reference=PER * frame["reference"])
