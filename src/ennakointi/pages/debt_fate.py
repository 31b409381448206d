"""What became of the missing contacts: the finding in sentences, the picture, and the same numbers as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from ennakointi.pages import debt_words
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden, is_shown, records, rows
from ennakointi.report import figures, markup
from ennakointi.report.figures import Piece
from ennakointi.report.markup import Block, Column
from ennakointi.text import N_, Supported, supported

SUBSTITUTED, VISIBLE, LOST, HIDDEN, REST = "substituted", "visible", "lost", "hidden", "unexplained"
LABELS = {
    SUBSTITUTED: N_("Replaced by other services"),
    VISIBLE: N_("Waiting in a queue"),
    LOST: N_("No longer needed"),
    HIDDEN: N_("Not seen in queues: hidden service debt"),
    REST: N_("Not explained"),
}
BELOW = {  # the same when the number is below zero
    VISIBLE: N_("Queues shorter than usual"),
    REST: N_("Not explained: the parts exceed what is missing"),
}
UNSEEN = N_("Not seen in queues, or not explained")
UNTOLD = N_("What became of them is not known")
FILLS = {SUBSTITUTED: "replaced", VISIBLE: "waiting", LOST: "ended", HIDDEN: "unseen", REST: "unknown"}
ENDED = {
    "lost_died": N_("of them: the person died"),
    "lost_moved": N_("of them: the person moved away"),
    "lost_not_needed": N_("of them: the need passed"),
}
MOST_REASONS = 2


@dataclass(frozen=True)
class Part:
    """A released number of contacts and what it is called; without an interval its ends are not numbers."""

    label: str
    value: float
    lo: float = math.nan
    hi: float = math.nan
    fill: str = ""

    @property
    def known(self) -> bool:
        """Whether it has an interval of some width."""
        return math.isfinite(self.lo) and math.isfinite(self.hi) and self.lo < self.hi


@dataclass(frozen=True, eq=False)
class FateSection:
    """What became of the missing contacts of a target group by the end of the window.

    `tables`: released `debt_summary`, `debt_parts` and `hidden_persons`.
    """

    tables: Tables
    target_group: str
    context: PageContext

    def block(self) -> Block:
        """The picture with its table and its remarks; a sentence where there is nothing to divide."""
        _ = self.context.catalogue.gettext
        total = self._total
        if total is None or total["status"] != "debt":
            return markup.paragraph(_("There is no debt to divide into parts."))
        if not is_shown(total, "debt") or debt_words.direction(total) != "missing":
            return markup.paragraph(debt_words.debt_sentence(total, self.context))
        if self._any_hidden:
            return markup.paragraph(_("What became of the missing contacts: {hidden}.", hidden=self._hidden))
        if not self._divided:
            return markup.paragraph(_("What became of the missing contacts has not been computed."))
        return markup.stack(
            markup.figure(self._picture(), self._table(), _("Numbers as a table")),
            markup.note(*self._remarks()),
        )

    def sentences(self) -> list[str]:
        """The finding in plain sentences; none where the debt is not divided."""
        if not self._divided:
            return []
        return [said for said in (self._ended_sentence(), self._queue_sentence(), *self._rest_sentences()) if said]

    @property
    def _hidden(self) -> str:
        return self.context.catalogue.hidden

    @property
    def _total(self) -> Row | None:
        return debt_words.summary_row(self.tables, self.target_group)

    @cached_property
    def _rows(self) -> Mapping[str, Row]:
        """Rows of `debt_parts` at the end of the window, by part."""
        total = self._total
        if total is None:
            return {}
        keys = {"target_group": self.target_group, "service": "all", "month": str(total["until"])}
        return {str(row["part"]): row for row in records(rows(self.tables, "debt_parts", **keys))}

    @property
    def _any_hidden(self) -> bool:
        """Whether the door hid a part: its width, and the widths of the others, would give it away."""
        return any(is_hidden(row, "value") for row in self._rows.values())

    @property
    def _divided(self) -> bool:
        """Whether contacts are missing beyond uncertainty, and every part that was estimated is shown."""
        total = self._total
        return (
            total is not None
            and total["status"] == "debt"
            and is_shown(total, "debt")
            and debt_words.direction(total) == "missing"
            and not self._any_hidden
            and self._part("observed") is not None
            and self._part("debt") is not None
            and self._missing.value > 0
        )

    def _part(self, name: str) -> Part | None:
        """A part of the balance, or None where it was not estimated."""
        row = self._rows.get(name)
        if row is None or not is_shown(row, "value"):
            return None
        value, label = float(row["value"]), LABELS.get(name, name)
        words = self.context.catalogue.gettext(BELOW.get(name, label) if value < 0 else label)
        lo, hi = (float(row[end]) if is_shown(row, end) else math.nan for end in ("lo80", "hi80"))
        return Part(words, value, lo, hi, FILLS.get(name, ""))

    def _above_zero(self, name: str) -> Part | None:
        part = self._part(name)
        return part if part and part.value > 0 else None

    @cached_property
    def _missing(self) -> Part:
        """Expected contacts that did not take place as usual: the debt, and what other services replaced."""
        _ = self.context.catalogue.gettext
        debt, observed, expected = (self._part(name) or Part("", 0.0) for name in ("debt", "observed", "expected"))
        replaced = self._above_zero(SUBSTITUTED)
        if replaced is None:
            return Part(_("Missing"), debt.value, debt.lo, debt.hi)
        ends = (expected.lo - observed.value, expected.hi - observed.value)
        return Part(_("Missing or replaced"), debt.value + replaced.value, *ends)

    @cached_property
    def _parts(self) -> list[Part]:
        """The parts in order; the last is what is left, whether its reasons are told apart or not."""
        found = {name: part for name in LABELS if (part := self._part(name)) is not None}
        if REST not in found:
            rest = self._missing.value - sum(part.value for part in found.values())
            words = UNSEEN if {VISIBLE, LOST} <= set(found) else UNTOLD
            found[REST] = Part(self.context.catalogue.gettext(words), rest, fill=FILLS[REST])
        return list(found.values())

    def _rounded(self, part: Part) -> Supported:
        """A number as far as its interval supports it; without one as far as the missing contacts are known."""
        if part.known:
            return supported(part.value, part.lo, part.hi)
        missing = self._missing
        half = (missing.hi - missing.lo) / 2 if missing.known else abs(part.value)
        return supported(part.value, part.value - half, part.value + half)

    def _number(self, part: Part) -> str:
        rounded = self._rounded(part)
        return self.context.catalogue.number(rounded.value, rounded.digits)

    def _interval(self, part: Part) -> str:
        """`(7 800–8 600)`, or empty."""
        return f"({self.context.catalogue.estimate(part.value, part.lo, part.hi).interval})" if part.known else ""

    def _share(self, part: Part) -> str:
        """Share of what is missing, in whole per cents."""
        share = part.value / self._missing.value
        if 0 < share < 0.005:
            return self.context.catalogue.gettext("less than {share}", share=self.context.catalogue.percent(0.01))
        return self.context.catalogue.percent(share)

    def _picture(self) -> figures.Figure:
        _ = self.context.catalogue.gettext
        span = self.context.span(*self.context.window)
        missing, observed = self._missing, self._part("observed") or Part("", 0.0)
        expected = Part("", observed.value + missing.value)
        parts = [
            Piece(
                part.label,
                part.value,
                self._number(part),
                part.fill,
                tuple(filter(None, (self._interval(part), _("{share} of the missing", share=self._share(part))))),
            )
            for part in self._parts
        ]
        return figures.fate(
            Piece(_("Expected contacts"), expected.value, self._number(expected)),
            Piece(_("Took place"), observed.value, self._number(observed)),
            Piece(missing.label, missing.value, self._number(missing), remarks=(self._interval(missing),)),
            parts,
            alt=" ".join([self._missing_sentence(span), *self.sentences()]),
            caption=_("What became of the missing contacts, {span}", span=span),
        )

    def _missing_sentence(self, span: str) -> str:
        return self.context.catalogue.gettext(
            "Of the expected contacts {span} about {missing} did not take place as usual.",
            span=span,
            missing=self._number(self._missing),
        )

    def _ended_sentence(self) -> str:
        """How much was replaced, and how much is no longer needed."""
        _ = self.context.catalogue.gettext
        replaced, lost = self._above_zero(SUBSTITUTED), self._above_zero(LOST)
        if replaced and lost:
            return _(
                "Of the missing contacts about {replaced} were replaced by other services, and {lost} are no longer "
                "needed.",
                replaced=self._number(replaced),
                lost=self._number(lost),
            )
        if replaced:
            return _(
                "Of the missing contacts about {replaced} were replaced by other services.",
                replaced=self._number(replaced),
            )
        return _("Of the missing contacts about {lost} are no longer needed.", lost=self._number(lost)) if lost else ""

    def _queue_sentence(self) -> str:
        _ = self.context.catalogue.gettext
        visible = self._part(VISIBLE)
        if visible is None:
            return _("How much of it waits in a queue is not known.")
        if visible.value <= 0:
            return _("The queues did not grow over the same time: the missing contacts are not seen in them.")
        return _("About {visible} waited in a queue at the end of the period.", visible=self._number(visible))

    def _rest_sentences(self) -> list[str]:
        """What is in no queue by an estimate from persons, and what stays unexplained; else their sum."""
        _ = self.context.catalogue.gettext
        told = [self._above_zero(name) for name in (SUBSTITUTED, VISIBLE, LOST)]
        rest = Part("", self._missing.value - sum(part.value for part in told if part))
        if self._rounded(rest).value <= 0:
            return [_("Together these estimates exceed what is missing: they are uncertain.")]
        if self._part(VISIBLE) is None:
            return [_("What became of the remaining {rest} or so is not known.", rest=self._number(rest))]
        hidden, left = self._above_zero(HIDDEN), self._above_zero(REST)
        unseen = _("The remaining {rest} or so are not seen in queues.", rest=self._number(rest))
        if hidden is None or self._part(REST) is None:
            return [unseen]
        if hidden.lo <= 0:
            return [unseen, _("How much of it is hidden service debt cannot be told from the uncertainty.")]
        said = [_("About {hidden} are seen in no queue: hidden service debt.", hidden=self._number(hidden))]
        if left and self._rounded(left).value > 0:
            said.append(_("About {rest} stay unexplained.", rest=self._number(left)))
        return said

    def _remarks(self) -> list[str]:
        """What the picture means, and what is not known."""
        _ = self.context.catalogue.gettext
        found = {name for name in LABELS if self._part(name) is not None}
        rest, shown = self._part(REST), [self._rounded(part).value for part in self._parts]
        exact = math.isclose(sum(shown), self._rounded(self._missing).value, abs_tol=1e-6)
        told = (
            (True, _("In brackets the 80% uncertainty interval.")),
            (not exact, _("The numbers are rounded as far as they are known, so they do not add up exactly.")),
            (VISIBLE in found, _("Waiting means waiting beyond the usual queue.")),
            (LOST in found, _("How many needs passed by themselves is an assumption: no register tells it.")),
            (
                {HIDDEN, REST} <= found,
                _(
                    "Not explained is the difference of two separate estimates: one from the months of the services, "
                    "the other from the persons who use them."
                ),
            ),
            (
                rest is not None and rest.known and rest.lo <= 0 <= rest.hi,
                _("What is not explained is within its uncertainty."),
            ),
            (
                any(part.value < 0 for part in self._parts),
                _("The hatched strip is a part below zero: it leads back to what is missing."),
            ),
            (HIDDEN not in found, _("Need outside the queues could not be estimated from persons.")),
        )
        return [*(words for holds, words in told if holds), *self._refusals(found)]

    def _refusals(self, found: set[str]) -> list[str]:
        """Why the need of absent persons is not known."""
        if HIDDEN in found:
            return []
        refused = records(rows(self.tables, "hidden_persons", target_group=self.target_group, status="refused"))
        return list(dict.fromkeys(filter(None, (self.context.words(row["reason"]) for row in refused))))[:MOST_REASONS]

    def _table(self) -> Block:
        """Every part with its interval and its share, and why needs ended."""
        _ = self.context.catalogue.gettext
        cells = [self._cells(self._missing)]
        for part in self._parts:
            cells.append(self._cells(part))
            if part.fill == FILLS[LOST]:
                named = [(self._part(name), _(label)) for name, label in ENDED.items()]
                cells += [{**self._cells(own), "label": label} for own, label in named if own]
        columns = [
            Column("label", _("Part")),
            Column("value", _("Contacts (80% interval)"), "number", format=str),
            Column("share", _("Of the missing"), "number", format=str),
        ]
        caption = _("What became of the missing contacts, {span}", span=self.context.span(*self.context.window))
        return markup.table(pd.DataFrame(cells), columns, caption, self.context.catalogue)

    def _cells(self, part: Part) -> dict[str, str]:
        value = f"{self._number(part)} {self._interval(part)}".strip()
        return {"label": part.label, "value": value, "share": self._share(part)}
