"""The model card of the predictions of need, what was checked of them, deaths meanwhile, words and method."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from ennakointi.pages import need_rows, need_words, reasons
from ennakointi.pages.context import PageContext, Row, Tables, check_value, is_hidden, is_shown, records, rows
from ennakointi.pages.need_trust import TrustSection
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column

MOST_NAMED = 4  # predictions with the same finding


@dataclass(frozen=True, eq=False)
class MethodSection:
    """Card, checks and method. `tables`: released `need_models`, `need_demand` and `need_checks`."""

    tables: Tables
    context: PageContext

    def block(self) -> Block:
        """The card in the open; checks, failed ones first; the rest folded."""
        _ = self.context.catalogue.gettext
        return markup.stack(
            markup.section(_("What the predictions are for"), self._card(), level=3),
            markup.section(_("Checks"), self._checks(), level=3),
            self._deaths(),
            markup.details(_("Definitions"), self._terms()),
            markup.details(_("How the numbers were made"), self._method()),
        )

    def _card(self) -> Block:
        _ = self.context.catalogue.gettext
        return markup.definitions(
            (_("Meant for"), _("Planning services for groups of residents and areas: how many come to need what.")),
            (
                _("Must never be used for"),
                _(
                    "A list of persons, a decision about a person, or choosing who is given a service. The predictions "
                    "are published as sums only."
                ),
            ),
            *self._days(),
            (
                _("What the models know"),
                _(
                    "Age, sex and place of residence, and the use of services, diagnoses, medicines and benefits "
                    "before the day of prediction, as listed in the parameters."
                ),
            ),
            (
                _("Limits"),
                _(
                    "Need that no service has recorded is not seen. Services bought by residents themselves and "
                    "changes of services after the day of prediction are not known."
                ),
            ),
        )

    def _days(self) -> Iterator[tuple[str, str]]:
        """The days of prediction that the models learnt from and were tested on."""
        _ = self.context.catalogue.gettext
        models = [row for _code, row in TrustSection(self.tables, self.context).models]
        for column, term in (("trained_on", _("Day that the models learnt from")), ("tested_on", _("Day of the test"))):
            days = {str(row[column])[:10] for row in models if isinstance(row[column], str) and row[column]}
            if days:
                told = [self.context.catalogue.date(date.fromisoformat(day)) for day in sorted(days)]
                yield term, ", ".join(told)
        persons = [float(row["at_risk"]) for row in models if is_shown(row, "at_risk")]
        if persons:
            yield _("Residents in the test, at most"), self.context.catalogue.significant(max(persons))

    def _checks(self) -> Block:
        """Each finding once with the needs that it concerns; those in order are folded."""
        _ = self.context.catalogue.gettext
        order = {pair: place for place, pair in enumerate(need_rows.pairs(self.tables, self.context))}
        found = sorted(
            records(rows(self.tables, "need_checks")),
            key=lambda row: order.get((str(row["outcome"]), int(row["horizon_months"])), len(order)),
        )
        if not found:
            return markup.paragraph(_("No checks were made."))
        alike: dict[tuple[str, bool | None, str], list[Row]] = {}
        for row in found:
            message = _without_numbers(row["message"])
            alike.setdefault((str(row["check"]), check_value(row["passed"]), message), []).append(row)
        made = Counter(str(row["check"]) for row in found)
        items = [
            (passed, self._finding(own, made[check])) for (check, passed, message), own in alike.items() if message
        ]
        return markup.stack(*reasons.shown(items, self.context.catalogue))

    def _finding(self, found: Sequence[Row], every: int) -> str:
        """One sentence for several needs, with the range of its numbers; where every need was found alike, none is
        named, and many are counted."""
        cells = [str(row["message"]) for row in found]
        said = self.context.catalogue.message(*cells) if cells[0].startswith("{") else self.context.words(cells[0])
        if len(found) == every and every > 1:
            return said
        if len(found) > MOST_NAMED:
            return self.context.catalogue.gettext(
                "{n}/{all} predictions: {finding}", n=len(found), all=every, finding=said
            )
        names = [
            f"{need_words.need_name(str(row['outcome']), self.context)} "
            f"({need_words.horizon_words(int(row['horizon_months']), self.context)})"
            for row in found
        ]
        return f"{', '.join(dict.fromkeys(names))}: {said}"

    def _deaths(self) -> Block | None:
        """How many died before the need could come, and how alike the fates of persons are."""
        _ = self.context.catalogue.gettext
        pairs = list(need_rows.pairs(self.tables, self.context))
        cells = [cell for outcome, horizon in pairs if (cell := self._death_cells(outcome, horizon))]
        if not cells:
            return None
        columns = [
            Column("need", _("Need")),
            Column("died", _("Died meanwhile"), "number", format=str),
            Column("dependence", _("Dependence of two residents"), "number", format=str),
        ]
        said = markup.paragraph(
            _(
                "A resident who dies no longer comes to need the service. The predictions count only needs that come "
                "before death."
            ),
            _(
                "Dependence widens the forecast interval: an epidemic or a new service changes the need of many at the "
                "same time."
            ),
        )
        table = markup.table(
            pd.DataFrame(cells), columns, _("Deaths and dependence"), self.context.catalogue, results=("need_models",)
        )
        return markup.details(_("Deaths meanwhile, and residents who depend on each other"), said, table)

    def _death_cells(self, outcome: str, horizon: int) -> dict[str, str]:
        catalogue, row = self.context.catalogue, need_rows.model(self.tables, outcome, horizon)
        if row is None:
            return {}
        died = catalogue.hidden if is_hidden(row, "died_share") else catalogue.missing
        if is_shown(row, "died_share"):
            died = catalogue.percent(float(row["died_share"]), 1)
        summed = need_rows.expected(self.tables, outcome, horizon)
        known = summed is not None and is_shown(summed, "dependence")
        months = need_words.horizon_words(horizon, self.context)
        return {
            "need": f"{need_words.need_name(outcome, self.context)}, {months}",
            "died": died,
            "dependence": catalogue.number(float(summed["dependence"]), 4) if known and summed else catalogue.missing,
        }

    def _terms(self) -> Block:
        _ = self.context.catalogue.gettext
        return markup.definitions(
            (_("Need to come"), _("A need of the list above that comes to a resident within the months ahead.")),
            (_("Risk"), _("The probability that the need comes to a resident within the months ahead.")),
            (
                _("Forecast interval"),
                _("The range that holds the outcome with a probability of 80% (or 90%) if things go on as they have."),
            ),
            (_("Calibration"), _("Whether as many came to need the service as was predicted.")),
            (
                _("AUROC"),
                _("How often, of two residents, the one to whom the need came had the higher risk: 0.5 is guessing."),
            ),
            (
                _("The right service"),
                _("The services that should notice the need before it comes; set in the parameters."),
            ),
        )

    def _method(self) -> Block:
        _ = self.context.catalogue.gettext
        return markup.bullets(
            _("Two models learn from residents of an earlier day: gradient boosting and logistic regression."),
            _("They are tested on residents of a later day, so that the test is like the use."),
            _("Where risks were too extreme or too even, they are corrected with persons that were held out."),
            _(
                "The risks of residents are added up by area and group. The interval tells how the sum can vary, also "
                "when residents depend on each other."
            ),
            _("A fact's importance is what is lost when its values are shuffled among the residents."),
            _("Groups with few cases are not judged, and their numbers are not shown."),
        )


def _without_numbers(message: object) -> str:
    """What the messages of two checks must share to be told as one."""
    if not isinstance(message, str) or not message.startswith("{"):
        return message if isinstance(message, str) else ""
    content = json.loads(message)
    words = {name: value for name, value in content["values"].items() if isinstance(value, str)}
    return json.dumps([content["message"], words], sort_keys=True)
