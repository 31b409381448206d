"""The page of need to come: how many residents come to need what, how sure that is, and how early it is noticed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ennakointi.pages import need_rows, need_words, quality_trust
from ennakointi.pages.context import PageContext, Row, Tables, is_hidden
from ennakointi.pages.need_early import EarlySection
from ennakointi.pages.need_expected import ExpectedSection
from ennakointi.pages.need_method import MethodSection
from ennakointi.pages.need_trust import TrustSection
from ennakointi.pages.need_use import UseSection
from ennakointi.report import markup
from ennakointi.report.markup import Block, KeyFigure

MOST_FIGURES = 6  # needs on the first screen


@dataclass(frozen=True, eq=False)
class NeedPage:
    """Need to come of all residents, in the order that a director reads.

    Parameters
    ----------
    tables : mapping of released tables
        `need_models`, `need_calibration`, `need_curve`, `need_importance`, `need_demand`, `early_identification`,
        `need_checks`, `trust` and `data_quality`; a missing key means not computed.
    context : PageContext
        Quarter, language and labels: `need` (in order of importance), `need_about`, `feature`, `service`,
        `target_group` and `area`.
    """

    tables: Tables
    context: PageContext

    @cached_property
    def _expected(self) -> ExpectedSection:
        return ExpectedSection(self.tables, self.context)

    @cached_property
    def _trust(self) -> TrustSection:
        return TrustSection(self.tables, self.context)

    @cached_property
    def _early(self) -> EarlySection:
        return EarlySection(self.tables, self.context)

    def answer(self) -> Block:
        """The most important need in one sentence, how good and for whom, who was known; a figure for each need."""
        _ = self.context.catalogue.gettext
        codes = self._expected.outcomes
        if not codes:
            return markup.stack(
                markup.headline(lead=_("The need to come could not be estimated.")),
                self._trust.why_not() or self._expected.nothing(),
            )
        sentences = (*self._trust.sentences(), self._trust.for_whom(), self._early.sentence())
        return markup.stack(
            markup.headline(*filter(None, sentences), lead=self._lead(codes[0])),
            markup.key_figures(*(self._figure(code) for code in codes[:MOST_FIGURES])),
            markup.note(
                _(
                    "The numbers are sums over residents. They do not tell who will need a service and must not be "
                    "used for decisions about a person."
                )
            ),
            self._trust.why_not(),
            quality_trust.callout(self.tables, "volumes", self.context),
        )

    def in_brief(self) -> list[str]:
        """What the summary says of need to come; nothing where it was not computed."""
        codes = self._expected.outcomes
        return [self._lead(codes[0]), self._early.sentence()] if codes else []

    def _row(self, outcome: str) -> Row | None:
        return need_rows.expected(self.tables, outcome, self._expected.horizon)

    def _lead(self, outcome: str) -> str:
        """The first need; hidden where it is."""
        _ = self.context.catalogue.gettext
        name, months = need_words.need_name(outcome, self.context), self._expected.horizon
        row = self._row(outcome)
        numbers = None if row is None else need_rows.interval(row)
        if numbers is None:
            hidden = self.context.catalogue.hidden
            return _("{need} in the next {months} months: {hidden}.", need=name, months=months, hidden=hidden)
        number = self.context.catalogue.whole_estimate(*numbers)
        return _(
            "{need} in the next {months} months: about {n} residents (80% forecast interval {interval}).",
            need=name,
            months=months,
            n=number.value,
            interval=number.interval,
        )

    def _figure(self, outcome: str) -> KeyFigure:
        """A need with its number, its interval, and how good the prediction is."""
        _ = self.context.catalogue.gettext
        row, model = self._row(outcome), need_rows.model(self.tables, outcome, self._expected.horizon)
        numbers = None if row is None else need_rows.interval(row)
        level = None if model is None else need_words.level(model)
        name = need_words.need_name(outcome, self.context)
        if numbers is None:
            hidden = row is not None and is_hidden(row, "expected")
            return KeyFigure(name, self.context.catalogue.hidden if hidden else self.context.catalogue.missing)
        number = self.context.catalogue.whole_estimate(*numbers)
        return KeyFigure(
            name,
            number.value,
            _("residents, 80% forecast interval {interval}", interval=number.interval),
            _(level.words) if level else "",
            level.tone if level else "neutral",
        )

    def expected(self) -> Block:
        """How many residents come to need what, by horizon."""
        return self._expected.block()

    def where(self) -> Block:
        """The same by municipality and by target group."""
        return self._expected.where()

    def early(self) -> Block:
        """How many of those to whom a need came were known to the right service before."""
        return self._early.block()

    def reliability(self) -> Block:
        """How good the predictions are, and for whom."""
        return self._trust.block()

    def use(self) -> Block:
        """When it pays to act on the predictions, and what they rest on."""
        return UseSection(self.tables, self.context).block()

    def method(self) -> Block:
        """The model card, the checks, deaths meanwhile, and the words and the method folded."""
        return MethodSection(self.tables, self.context).block()
