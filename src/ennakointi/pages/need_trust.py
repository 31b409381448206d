"""How good the predictions of need are, and for whom they are not: the tests on residents of a later day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ennakointi.pages import need_rows, need_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, record, records
from ennakointi.report import figures, markup
from ennakointi.report.figures import CurveWords, Panel
from ennakointi.report.markup import Answer, Block, Column

MOST_NAMED = 3  # groups named on the first screen


@dataclass(frozen=True, eq=False)
class TrustSection:
    """What the tests found. `tables`: released `need_models`, `need_calibration` and `need_curve`."""

    tables: Tables
    context: PageContext

    @cached_property
    def horizon(self) -> int:
        """The longest horizon in months."""
        return next(iter(need_rows.horizons(self.tables)), 0)

    @cached_property
    def models(self) -> list[tuple[str, Row]]:
        """Each need with the model whose predictions are used, at the longest horizon."""
        known = need_rows.outcomes(self.tables, self.context)
        found = [(code, need_rows.model(self.tables, code, self.horizon)) for code in known]
        return [(code, row) for code, row in found if row is not None]

    @cached_property
    def refused(self) -> list[tuple[str, str]]:
        """Each need without a model at the longest horizon, and why."""
        known = need_rows.outcomes(self.tables, self.context)
        found = [(code, self.context.words(need_rows.reason(self.tables, code, self.horizon))) for code in known]
        return [(code, why) for code, why in found if why]

    def sentences(self) -> list[str]:
        """How good each prediction is, and how many totals were right, for the first screen."""
        _ = self.context.catalogue.gettext
        by_level: dict[str, list[str]] = {}
        for code, row in self.models:
            if (level := need_words.level(row)) is not None:
                by_level.setdefault(level.sentence, []).append(need_words.need_name(code, self.context))
        order = [level.sentence for level in need_words.LEVELS if level.sentence in by_level]
        said = " ".join(_(sentence, needs="; ".join(by_level[sentence])) for sentence in order)
        totals = [self._total(code) for code, _row in self.models]
        tested = [total["within"] for total in totals if total is not None]
        right, every = tested.count("yes"), tested.count("yes") + tested.count("no")
        said_total = _("In the test on a later time the total was right for {right}/{n} needs.", right=right, n=every)
        return [*([said] if said else []), *([said_total] if every else [])]

    def for_whom(self) -> str:
        """Groups for which predictions are not reliable, the worst first, in one sentence."""
        _ = self.context.catalogue.gettext
        off = self._off()
        if not off:
            return _("No group was found for which a prediction is clearly wrong.") if self._tested else ""
        names = dict.fromkeys(need_words.group_name(row["dimension"], row["value"], self.context) for _code, row in off)
        named, more = list(names)[:MOST_NAMED], len(names) - MOST_NAMED
        if more > 0:
            return _(
                "Predictions are not reliable for these groups: {groups}; other such groups: {n}.",
                groups="; ".join(named),
                n=more,
            )
        return _("Predictions are not reliable for these groups: {groups}.", groups="; ".join(named))

    def _total(self, outcome: str) -> Row | None:
        found = need_rows.used(self.tables, "need_calibration", outcome, self.horizon, dimension="all")
        return None if found.empty else record(found)

    def _parts(self, outcome: str) -> list[Row]:
        """Rows of groups of a need, dimension by dimension."""
        found = need_rows.used(self.tables, "need_calibration", outcome, self.horizon)
        order = list(need_words.DIMENSIONS)
        known = [row for row in records(found) if row["dimension"] in order and row["value"] != need_rows.ALL]
        return sorted(known, key=lambda row: (order.index(row["dimension"]), *need_words.place_in_order(row["value"])))

    @cached_property
    def _tested(self) -> list[tuple[str, Row]]:
        return [(code, row) for code, _m in self.models for row in self._parts(code) if row["within"] in ("yes", "no")]

    def _off(self) -> list[tuple[str, Row]]:
        """Groups whose prediction was wrong by so much that it matters, the worst first."""
        tested = self._tested
        found = [(code, row) for code, row in tested if need_words.is_off(row, len(tested))]
        return sorted(found, key=lambda pair: -abs(np.log(max(float(pair[1]["ratio"]), 1e-9))))

    def block(self) -> Block:
        """Each model in words, calibration in pictures, then every group, and all measures folded."""
        _ = self.context.catalogue.gettext
        if not self.models:
            return markup.stack(
                markup.paragraph(_("There is no model whose predictions could be tested.")), self.why_not()
            )
        return markup.stack(
            markup.paragraph(_(need_words.PAIRS)),
            markup.answers(*(self._answer(code, row) for code, row in self.models)),
            self._curves(),
            markup.section(_("For whom the predictions hold"), *self._for_groups(), level=3),
            markup.details(_("All measures of the models"), self._measures()),
        )

    def why_not(self) -> Block | None:
        """Needs without a model, and why."""
        if not self.refused:
            return None
        told = [f"{need_words.need_name(code, self.context)}: {why}" for code, why in self.refused]
        title = self.context.catalogue.gettext("Needs that are not predicted, and why")
        return markup.callout(title, markup.bullets(*told), tone="missing")

    def _answer(self, outcome: str, row: Row) -> Answer:
        found = need_words.level(row)
        words = self.context.catalogue.gettext(found.words) if found else self.context.catalogue.hidden
        why = (
            need_words.pair_sentence(row, self.context),
            need_words.total_sentence(self._total(outcome), self.context),
            need_words.slope_sentence(row, self.context),
        )
        return Answer(
            need_words.need_name(outcome, self.context),
            words,
            found.tone if found else "unsure",
            (" ".join(filter(None, why)),) if any(why) else (),
        )

    def _curves(self) -> Block | None:
        """Predicted and observed share of groups of persons with like risks, a panel a need."""
        _ = self.context.catalogue.gettext
        panels = []
        for code, row in self.models:
            points = need_rows.used(self.tables, "need_curve", code, self.horizon, curve="calibration")
            shown = points if points.empty else points.dropna(subset=["x", "y"]).sort_values("place")
            if len(shown):
                frame = shown[["x", "y"]].astype(float).assign(reference=shown["x"].astype(float))
                finding = need_words.slope_sentence(row, self.context)
                panels.append(Panel(need_words.need_name(code, self.context), finding, frame))
        if not panels:
            return None
        picture = figures.curve_panels(
            panels,
            words=CurveWords(
                _("share to whom the need came"),
                _("predicted share"),
                _("residents with like risks"),
                _("as predicted"),
            ),
            catalogue=self.context.catalogue,
            alt="; ".join(f"{panel.title}: {panel.finding}" for panel in panels),
            caption=_(
                "Predicted and observed need in {months} months by size of the risk",
                months=self.horizon,
            ),
            percent_x=True,
            percent_y=True,
            dots=True,
        )
        return markup.figure(picture, name="need-calibration", results=("need_curve",))

    def _for_groups(self) -> list[Block]:
        """What was found, then the groups that are off, then every group of every need folded."""
        _ = self.context.catalogue.gettext
        tested, off = self._tested, self._off()
        if not any(self._parts(code) for code, _row in self.models):
            return [markup.paragraph(_("The predictions have not been tested by group."))]
        outside = sum(row["within"] == "no" for _code, row in tested)
        counted = _(
            "Comparisons by group: {n}; outside the 95% interval: {outside}. By chance alone about {chance} would be.",
            n=len(tested),
            outside=outside,
            chance=self.context.catalogue.significant(round(need_words.BY_CHANCE * len(tested))),
        )
        caption = _("Groups for which predictions are not reliable")
        return [
            markup.paragraph(self.for_whom(), counted) if tested else markup.paragraph(self.context.catalogue.hidden),
            *([self._groups_table(off, caption, with_need=True)] if off else []),
            *(self._folded(code) for code, _row in self.models if self._parts(code)),
        ]

    def _folded(self, outcome: str) -> Block:
        """Every group of a need."""
        name = need_words.need_name(outcome, self.context)
        caption = self.context.catalogue.gettext("{need}: predicted and observed by group", need=name)
        return markup.details(caption, self._groups_table([(outcome, row) for row in self._parts(outcome)], caption))

    def _groups_table(self, found: Sequence[tuple[str, Row]], caption: str, with_need: bool = False) -> Block:
        _ = self.context.catalogue.gettext
        columns = [
            Column("group", _("Group")),
            *([Column("need", _("Need"))] if with_need else []),
            Column("expected", _("Predicted"), "number", format=str),
            Column("observed", _("Observed"), "number", format=str),
            Column("ratio", _("Observed / predicted"), "number", format=str),
            Column("auroc", _("Right order of two residents, of 100"), "number", format=str),
            Column("verdict", _("What to think of it")),
        ]
        cells = [self._group_cells(row) | {"need": need_words.need_name(code, self.context)} for code, row in found]
        return markup.table(
            pd.DataFrame(cells), columns, caption, self.context.catalogue, results=("need_calibration",)
        )

    def _group_cells(self, row: Row) -> dict[str, object]:
        verdict, tone = need_words.group_verdict(row, len(self._tested), self.context)
        return {
            "group": need_words.group_name(row["dimension"], row["value"], self.context),
            "expected": self._number(row, "expected"),
            "observed": self._number(row, "observed"),
            "ratio": self._number(row, "ratio", 2),
            "auroc": self._number(row, "auroc", 0, 100),
            "verdict": markup.verdict(verdict, tone),
        }

    def _number(self, row: Row, column: str, digits: int | None = None, scale: float = 1.0) -> str:
        catalogue = self.context.catalogue
        if is_hidden(row, column):
            return catalogue.hidden
        if not is_shown(row, column):
            return catalogue.missing
        value = scale * float(row[column])
        return catalogue.significant(value) if digits is None else catalogue.number(value, digits)

    def _measures(self) -> Block:
        """Both models of every need and horizon, with the measures that statisticians ask for."""
        _ = self.context.catalogue.gettext
        cells = [
            self._measure_cells(code, horizon, row)
            for code, horizon in need_rows.pairs(self.tables, self.context)
            for row in records(need_rows.of(self.tables, "need_models", code, horizon))
            if is_shown(row, "auroc") or is_hidden(row, "auroc")
        ]
        columns = [
            Column("need", _("Need")),
            Column("model", _("Model")),
            Column("events", _("Cases in the test"), "number", format=str),
            Column("auroc", _("AUROC (95% interval)"), "number", format=str),
            Column("auprc", "AUPRC", "number", format=str),
            Column("skill", _("Brier skill"), "number", format=str),
            Column("intercept", _("Calibration intercept"), "number", format=str),
            Column("slope", _("Calibration slope (95% interval)"), "number", format=str),
        ]
        caption = _("Measures of the models in the test")
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue, results=("need_models",))

    def _measure_cells(self, outcome: str, horizon: int, row: Row) -> dict[str, str]:
        _ = self.context.catalogue.gettext
        names = {"boosting": _("gradient boosting"), "logistic": _("logistic regression")}
        model = names.get(str(row["model"]), str(row["model"]))
        months = need_words.horizon_words(horizon, self.context)
        return {
            "need": f"{need_words.need_name(outcome, self.context)}, {months}",
            "model": _("{model} (used)", model=model) if row["of_record"] == "yes" else model,
            "events": self._number(row, "events"),
            "auroc": self._with_interval(row, "auroc", "auroc_lo95", "auroc_hi95"),
            "auprc": self._number(row, "auprc", 2),
            "skill": self._number(row, "brier_skill", 2),
            "intercept": self._number(row, "calibration_intercept", 2),
            "slope": self._with_interval(row, "calibration_slope", "slope_lo95", "slope_hi95"),
        }

    def _with_interval(self, row: Row, value: str, low: str, high: str) -> str:
        text = self._number(row, value, 2)
        if not is_shown(row, value, low, high):
            return text
        return f"{text} ({self.context.catalogue.interval(float(row[low]), float(row[high]), 2)})"
