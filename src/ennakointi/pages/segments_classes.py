"""Statistical classes beside the rules, and how far the divisions can be relied on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ennakointi.pages.context import Row, check_value, is_shown, records, rows
from ennakointi.pages.segments_guidance import INDICATORS
from ennakointi.pages.segments_words import LATENT, Segments
from ennakointi.report import markup
from ennakointi.report.markup import Block, Column
from ennakointi.report.segment_figures import part_words
from ennakointi.text import N_

METHODS = {
    "latent": N_("Latent classes"),
    "kmeans": N_("k-means"),
    "mixture": N_("Normal mixture"),
}
MEASURES = {
    "bootstrap_ari": N_("The same division from samples drawn again (1 = the same)"),
    "seed_change": N_("Share who change class with another random seed"),
    "smallest_share": N_("Share of residents in the smallest segment"),
    "kept_year": N_("Share in the same segment a year later"),
    "psi": N_("Drift since the model was made (PSI)"),
    "fidelity": N_("Share whose class the rules tell right"),
    "bic_gain": N_("How much better than one class (BIC)"),
}
ABSENT = {  # what stands in the place of a measure when something is missing
    "refused": N_("{names}: {reason}"),
    "projection": N_("The coming years of {names}: {reason}"),
    "guidance": N_("Client guidance, {names}: {reason}"),
}
SHARES = ("seed_change", "smallest_share", "kept_year", "fidelity")
YES_NO, NO = {"0", "1"}, "0"  # answers of an item that is a condition
STABLE = {True: N_("stable"), False: N_("changes a lot"), None: N_("could not be checked")}
OUTCOMES = {True: N_("in order"), False: N_("not in order"), None: N_("could not be checked")}


@dataclass(frozen=True, eq=False)
class ClassSection:
    """Tables `segments`, `class_rules`, `class_items` and `class_choice` of latent classes."""

    segments: Segments

    def block(self) -> Block:
        """How many classes the data show, what they are like in words, and how the number was chosen."""
        _ = self.segments.context.catalogue.gettext
        codes = self.segments.codes(LATENT)
        if not codes:
            return markup.stack(markup.paragraph(_("Statistical classes have not been computed.")), self._choice())
        return markup.stack(markup.paragraph(*self._sentences()), self._table(), self._items(), self._choice())

    def _sentences(self) -> list[str]:
        """The number of classes, and how well a few rules tell them."""
        catalogue, s = self.segments.context.catalogue, self.segments
        _ = catalogue.gettext
        n = len(s.codes(LATENT))
        if n == 1:
            return [_("The data show no separate classes: all residents form one.")]
        said = [_("Classes that the data show without any rule given in advance: {n}.", n=n)]
        fidelity = s.row("segment_stability", scheme=LATENT, measure="fidelity")
        if is_shown(fidelity, "value"):
            said.append(
                _(
                    "The rules in the table tell the class right for {share} of residents.",
                    share=s.share(fidelity, "value"),
                )
            )
        return said

    def _table(self) -> Block:
        """Size, cost and the rule that describes most of each class."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "name": s.name(LATENT, code),
                "persons": s.count(size, "persons"),
                "share": s.share(size, "share"),
                "cost": s.euros(size, "cost_eur_per_person"),
                "rule": self._rule_words(rule),
                "purity": s.share(rule, "purity"),
                "reach": s.share(rule, "reach"),
            }
            for code in s.codes(LATENT)
            for size, rule in [(s.size(LATENT, code), s.row("class_rules", scheme=LATENT, segment=code, place="1"))]
        ]
        columns = [
            Column("name", _("Class")),
            Column("persons", _("Residents"), "number", format=str),
            Column("share", _("Share of residents"), "number", format=str),
            Column("cost", _("Cost a year for each resident"), "number", format=str),
            Column("rule", _("Most usual rule")),
            Column("purity", _("Of those of the rule, in the class"), "number", format=str),
            Column("reach", _("Of the class, told by the rule"), "number", format=str),
        ]
        caption = _("Statistical classes and the rule that describes each")
        return markup.table(
            pd.DataFrame(cells), columns, caption, catalogue, name="classes", results=("segments", "class_rules")
        )

    def _rule_words(self, row: Row) -> str:
        """`contacts 3–9; bed days 0`: the conditions of a rule; hidden or a dash where there is none."""
        catalogue = self.segments.context.catalogue
        rule = row.get("rule")
        if not isinstance(rule, str) or not rule.startswith("["):
            return catalogue.missing if not row or is_shown(row, "purity") else catalogue.hidden
        said = [self._condition(*condition) for condition in json.loads(rule)]
        return "; ".join(said) if said else catalogue.gettext("everyone else")

    def _condition(self, item: str, low: int, high: int) -> str:
        """`Contacts: 1–5 / 6 or more`: the answers, first to last, that a rule allows."""
        return f"{self._item(item)}: {' / '.join(self._answer(item, answer) for answer in range(low, high + 1))}"

    def _item(self, item: str) -> str:
        return self.segments.context.label("item", item)

    def _answer(self, item: str, answer: Any) -> str:
        """A category of an item: named, a message of the table, or as it stands."""
        key = f"{item}.{answer}"
        named = self.segments.context.label("answer", key)
        if named != key:
            return named
        return self.segments.context.words(answer) if isinstance(answer, str) else str(answer)

    def _items(self) -> Block | None:
        """How often each answer occurs in each class, folded."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = records(rows(s.tables, "class_items", scheme=LATENT))
        codes = s.codes(LATENT)
        lines: dict[tuple[str, str], dict[str, str]] = {}
        answers: dict[str, set[str]] = {}
        for row in found:
            answers.setdefault(str(row["item"]), set()).add(str(row["answer"]))
        for row in found:
            place = (str(row["item"]), str(row["answer"]))
            if answers[place[0]] == YES_NO and place[1] == NO:
                continue  # the rest of those who answer yes
            line = lines.setdefault(place, {"item": self._item(place[0]), "answer": self._answer(*place)})
            line[str(row["segment"])] = s.share(row, "probability")
        columns = [
            Column("item", _("What is observed")),
            Column("answer", _("Value")),
            *(Column(code, s.name(LATENT, code), "number", format=str) for code in codes),
        ]
        if not lines:
            return None
        cells = pd.DataFrame(list(lines.values())).reindex(columns=[column.name for column in columns])
        caption = _("What the classes are like, share of the class")
        return markup.details(
            caption,
            markup.table(
                cells, columns, caption, catalogue, name="class-items", row_header="answer", results=("class_items",)
            ),
        )

    def _choice(self) -> Block | None:
        """The numbers of classes that were tried, folded."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = records(rows(s.tables, "class_choice"))
        cells = [
            {
                "method": _(METHODS.get(str(row["method"]), str(row["method"]))),
                "classes": str(row["classes"]),
                "bic": s.told(row, "bic", lambda value: catalogue.number(value, 3)),
                "held_out": s.told(row, "held_out", lambda value: catalogue.number(value, 3)),
                "smallest": s.share(row, "smallest_share"),
                "chosen": _("chosen")
                if row["chosen"] == "yes"
                else s.context.words(row["reason"]) or catalogue.missing,
            }
            for row in found
        ]
        columns = [
            Column("method", _("Method")),
            Column("classes", _("Classes"), "number", format=str),
            Column("bic", _("BIC for each person (less is better)"), "number", format=str),
            Column("held_out", _("Fit to others (more is better)"), "number", format=str),
            Column("smallest", _("Smallest class"), "number", format=str),
            Column("chosen", _("Result")),
        ]
        caption = _("How the number of classes was chosen")
        table = (
            markup.table(
                pd.DataFrame(cells), columns, caption, catalogue, name="class-choice", results=("class_choice",)
            )
            if cells
            else None
        )
        return markup.details(caption, table) if table else None


@dataclass(frozen=True, eq=False)
class StabilitySection:
    """The table `segment_stability`: one card of measures for each scheme."""

    segments: Segments

    def sentence(self, scheme: str) -> str:
        """Whether the division can be relied on, with what is not in order; empty when nothing was checked."""
        _ = self.segments.context.catalogue.gettext
        judged = [(check_value(row["passed"]), row) for row in self._rows(scheme)]
        failed = [row for passed, row in judged if passed is False]
        made = [row for passed, row in judged if passed is not None]
        if not made:
            return _("How reliable the division is has not been checked.")
        if not failed:
            return _("The division is reliable: checks in order {n} of {all}.", n=len(made), all=len(made))
        said = _("The division needs care: checks not in order {n} of {all}.", n=len(failed), all=len(made))
        return " ".join((said, *(self._measured(row) for row in failed)))

    def _measured(self, row: Row) -> str:
        """What was measured, how much it is, and its limit."""
        _ = self.segments.context.catalogue.gettext
        name, slots = str(row["measure"]), {"value": self._value(row, "value"), "limit": self._value(row, "limit")}
        return _("{measure}: {value} (limit {limit}).", measure=_(MEASURES.get(name, name)), **slots)

    def _rows(self, scheme: str) -> list[Row]:
        found = rows(self.segments.tables, "segment_stability", scheme=scheme)
        return [row for row in records(found) if row["measure"] in MEASURES]

    def block(self) -> Block:
        """All divisions by rule in one table, and the card of the statistical classes."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        found = rows(s.tables, "segment_stability")
        found = found[found["measure"].isin(list(MEASURES))] if len(found) else found
        known = [] if found.empty else list(dict.fromkeys(found["scheme"].astype(str)))
        schemes = [*(code for code in s.schemes if code in known), *(code for code in known if code not in s.schemes)]
        ruled = [scheme for scheme in schemes if scheme != LATENT]
        if not schemes and not self._absent():
            return markup.paragraph(_("How reliable the division is has not been checked."))
        return markup.stack(
            self._overview(ruled) if ruled else None,
            self._card(LATENT) if LATENT in schemes else None,
            self._absent(),
        )

    def _absent(self) -> Block | None:
        """What could not be computed, and why, each reason once."""
        s, _ = self.segments, self.segments.context.catalogue.gettext
        found = rows(s.tables, "segment_stability")
        missing = found[found["measure"].isin(list(ABSENT))] if len(found) else found
        said: dict[str, list[str]] = {}
        for row in records(missing):
            what, code = str(row["measure"]), str(row["scheme"])
            name = _(INDICATORS[code]) if what == "guidance" else s.scheme_name(code)
            said.setdefault(f"{what} {s.context.words(row['message'])}", []).append(name)
        lines = [
            _(ABSENT[key.split(" ")[0]], names=s.context.catalogue.join(names), reason=key.split(" ", 1)[1])
            for key, names in said.items()
        ]
        return markup.callout(_("Not computed"), *lines, tone="missing") if lines else None

    def _overview(self, schemes: Sequence[str]) -> Block:
        """One row a division: its measures, with the limit where it does not hold."""
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        found = {scheme: {str(row["measure"]): row for row in self._rows(scheme)} for scheme in schemes}
        shown = [name for name in MEASURES if any(is_shown(own.get(name, {}), "value") for own in found.values())]
        cells = [
            {
                "name": s.scheme_name(scheme),
                **{name: self._told(own.get(name, {})) for name in shown},
                "outcome": self._outcome(list(own.values())),
            }
            for scheme, own in found.items()
        ]
        columns = [
            Column("name", _("Division")),
            *(Column(name, _(MEASURES[name]), "number", format=str) for name in shown),
            Column("outcome", _("Outcome")),
        ]
        caption = _("How stable the divisions are")
        note = _("Rules put the same person always in the same segment: only a change of need or of data moves them.")
        results = ("segment_stability",)
        return markup.table(pd.DataFrame(cells), columns, caption, catalogue, note, name="stability", results=results)

    def _told(self, row: Row) -> str:
        """A measure, with its limit where that is not met."""
        catalogue = self.segments.context.catalogue
        if not row or not is_shown(row, "value"):
            return catalogue.missing
        value = self._value(row, "value")
        if check_value(row["passed"]) is not False:
            return value
        return catalogue.gettext("{value} (limit {limit})", value=value, limit=self._value(row, "limit"))

    def _outcome(self, found: Sequence[Row]) -> Block:
        """One verdict of all the measures of a division."""
        _ = self.segments.context.catalogue.gettext
        judged = {check_value(row["passed"]) for row in found}
        outcome = False if False in judged else True if True in judged else None
        return markup.verdict(_(STABLE[outcome]), {False: "bad", True: "good", None: "unsure"}[outcome])

    def _card(self, scheme: str) -> Block:
        """Findings in words, then the measures as a table; folded unless something is not in order."""
        s, catalogue = self.segments, self.segments.context.catalogue
        found = self._rows(scheme)
        told = [(check_value(row["passed"]), s.context.words(row["message"])) for row in found if _is_finding(row)]
        name = s.scheme_name(scheme)
        bad = [row for row in found if check_value(row["passed"]) is False]
        blocks = [markup.checks(told, catalogue) if told else None, self._table(scheme, found)]
        summary = catalogue.gettext("{scheme}: how stable it is", scheme=name)
        if bad:
            return markup.section(summary, *blocks, level=3)
        return markup.details(summary, *blocks)

    def _table(self, scheme: str, found: Sequence[Row]) -> Block | None:
        s, catalogue = self.segments, self.segments.context.catalogue
        _ = catalogue.gettext
        cells = [
            {
                "measure": _(MEASURES[str(row["measure"])]),
                "value": self._value(row, "value"),
                "range": self._range(row),
                "limit": self._value(row, "limit"),
                "passed": _(OUTCOMES[check_value(row["passed"])]),
            }
            for row in found
            if str(row["measure"]) in MEASURES and is_shown(row, "value")
        ]
        columns = [
            Column("measure", _("Measure")),
            Column("value", _("Value"), "number", format=str),
            Column("range", _("Lowest–highest"), "number", format=str),
            Column("limit", _("Limit"), "number", format=str),
            Column("passed", _("Outcome")),
        ]
        caption = _("{scheme}: how stable it is", scheme=s.scheme_name(scheme))
        return (
            markup.table(
                pd.DataFrame(cells),
                columns,
                caption,
                catalogue,
                name=f"stability-{scheme}",
                results=("segment_stability",),
            )
            if cells
            else None
        )

    def _value(self, row: Row, column: str) -> str:
        catalogue = self.segments.context.catalogue
        if not is_shown(row, column):
            return catalogue.missing
        value = float(row[column])
        return part_words(value, catalogue) if row["measure"] in SHARES else catalogue.number(value, 2)

    def _range(self, row: Row) -> str:
        if not is_shown(row, "lo", "hi"):
            return self.segments.context.catalogue.missing
        return f"{self._value(row, 'lo')}–{self._value(row, 'hi')}"


def _is_finding(row: Row) -> bool:
    """Whether the message tells a finding with numbers; others only say what is measured, as the table does."""
    message = row["message"]
    return isinstance(message, str) and message.startswith("{") and bool(json.loads(message)["values"])
