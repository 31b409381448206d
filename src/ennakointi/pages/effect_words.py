"""Sentences about one row of `effects`, shared by the page of effects and the summary."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ennakointi.pages import effect_units
from ennakointi.pages.context import InterventionFacts, PageContext, Row, is_hidden, is_shown, numbers, records
from ennakointi.periods import month_of, parse_month
from ennakointi.text import N_

RELATIVE = ("relative", "relative_lo95", "relative_hi95")
NO_FACTS = InterventionFacts()


class Verdict(NamedTuple):
    """A verdict's words, the tone of its badge and its place in the order of evidence."""

    words: str
    tone: str
    order: int


VERDICTS = {
    "works": Verdict(N_("works"), "good", 0),
    "probably_works": Verdict(N_("probably works"), "good", 1),
    "probably_harmful": Verdict(N_("probably harmful"), "bad", 2),
    "no_meaningful_effect": Verdict(N_("no meaningful effect"), "neutral", 3),
    "no_evidence": Verdict(N_("no evidence of effect"), "unsure", 4),
    "cannot_say": Verdict(N_("cannot say yet"), "unsure", 5),
}
EVIDENCE = {
    "strong": N_("strong"),
    "moderate": N_("moderate"),
    "weak": N_("weak"),
    "none": N_("none"),
}
DESIGNS = {
    "did": N_("comparison of areas with a different start"),
    "did_all_areas": N_("the same with every area counted alike"),
    "did_without_largest": N_("the same without the largest area"),
    "synthetic_control": N_("a weighted comparison made of other areas"),
    "synthetic_did": N_("a weighted comparison of areas and months"),
    "its": N_("one series before and after"),
    "bsts": N_("forecast of the series from the time before"),
    "rdit": N_("the step at the start alone"),
    "cohort": N_("comparison persons with the same starting day and history"),
    "balancing": N_("comparison persons weighted to the same history"),
    "regression": N_("the same persons with a model of the outcome"),
    "before_after": N_("before and after, no comparison"),
}


def verdict(row: Row, context: PageContext) -> Verdict:
    """The verdict to print: `cannot_say` reads `no evidence of effect` where a comparison shows that the
    change from before to after would have come without the intervention."""
    name = str(row["verdict"])
    return VERDICTS["no_evidence" if name == "cannot_say" and _was_expected(row, context) else name]


def _was_expected(row: Row, context: PageContext) -> bool:
    """Whether participants were selected on their use, which a comparison shows would have fallen anyway."""
    selected = facts(row, context).selected_on == "prior_use"
    if not selected or not is_shown(row, "crude_change", "expected_change", "lo95", "hi95"):
        return False
    return bool(row["lo95"] <= 0 <= row["hi95"] and row["crude_change"] < 0 and row["expected_change"] < 0)


def opening(row: Row, context: PageContext) -> str:
    """`Team model: probably works.`"""
    words = context.catalogue.gettext(verdict(row, context).words)
    return f"{context.label('intervention', row['intervention'])}: {words}."


def effect_sentence(row: Row, context: PageContext) -> str:
    """The estimate with its confidence interval in the unit of the outcome, as events of so many persons a year."""
    _ = context.catalogue.gettext
    outcome = context.label("outcome", row["outcome"])
    if any(is_hidden(row, column) for column in effect_units.EFFECT):
        return _("{outcome}: {hidden}.", outcome=outcome, hidden=context.catalogue.hidden)
    if not is_shown(row, *effect_units.EFFECT):
        return ""
    if row["lo95"] > 0 or row["hi95"] < 0:
        amount, interval = effect_units.amount(row, context)
        return _(
            "{outcome}: about {amount} (95% confidence interval {interval}).",
            outcome=outcome,
            amount=amount,
            interval=interval,
        )
    number = effect_units.number(row, context)
    return _(
        "{outcome}: the difference {per} is within its uncertainty ({number}; 95% confidence interval {interval}).",
        outcome=outcome,
        per=effect_units.per(row, context),
        number=number.value,
        interval=number.interval,
    )


def expected_sentence(row: Row, context: PageContext) -> str:
    """The plain before/after change beside the change that would have come without the intervention."""
    _ = context.catalogue.gettext
    if not is_shown(row, "crude_change", "expected_change"):
        return ""
    crude, expected = float(row["crude_change"]), float(row["expected_change"])
    selected = facts(row, context).selected_on == "prior_use"
    if selected and crude < 0 and expected < 0:
        return _(
            "From before to after it fell by {crude}. Without the intervention it would have fallen by about "
            "{expected}, because heavy users were selected.",
            crude=context.catalogue.percent(-crude),
            expected=context.catalogue.percent(-expected),
        )
    changes = {
        "crude": context.catalogue.signed_percent(crude),
        "expected": context.catalogue.signed_percent(expected),
    }
    if selected:
        return _(
            "Change from before to after: {crude}. Without the intervention it would have been about "
            "{expected}, because heavy users were selected.",
            **changes,
        )
    return _(
        "Change from before to after: {crude}. Without the intervention it would have been about {expected}.",
        **changes,
    )


def detectable_sentence(row: Row, context: PageContext) -> str:
    """What the data could have shown, where that is not enough for a verdict."""
    _ = context.catalogue.gettext
    if not is_shown(row, "minimum_detectable_effect", "smallest_important"):
        return ""
    if row["minimum_detectable_effect"] <= row["smallest_important"]:
        return ""
    smallest = context.catalogue.percent(row["minimum_detectable_effect"])
    if row["verdict"] == "cannot_say":
        return _(
            "The data are still small: they would show only a change of at least {smallest}.",
            smallest=smallest,
        )
    return _(
        "The estimate may be too large: data of this size show only a change of at least {smallest}.",
        smallest=smallest,
    )


def evidence_sentence(row: Row, context: PageContext) -> str:
    """`Evidence: moderate.`"""
    words = EVIDENCE.get(str(row["evidence_level"]))
    if words is None or row["evidence_level"] == "none":
        return ""
    return context.catalogue.gettext("Evidence: {level}.", level=context.catalogue.gettext(words))


def interim_sentence(row: Row, context: PageContext) -> str:
    """That the verdict agreed on in advance is still to come."""
    decisions = facts(row, context).decision_months
    if not decisions or month_of(context.as_of) >= parse_month(decisions[-1]):
        return ""
    return context.catalogue.gettext(
        "This is an interim look: the decision was set for {month} in advance.",
        month=context.catalogue.month_short(decisions[-1]),
    )


def sentences(row: Row, context: PageContext) -> list[str]:
    """Everything to say of one effect after its opening, in order."""
    said = (
        effect_sentence(row, context),
        expected_sentence(row, context),
        detectable_sentence(row, context),
        evidence_sentence(row, context),
        interim_sentence(row, context),
    )
    return [sentence for sentence in said if sentence]


def facts(row: Row, context: PageContext) -> InterventionFacts:
    """What the parameters say of the row's intervention."""
    return context.interventions.get(str(row["intervention"]), NO_FACTS)


def primary(effects: pd.DataFrame, context: PageContext) -> pd.DataFrame:
    """The row of record of each intervention's primary outcome, sorted by the strength of the evidence."""
    if effects.empty:
        return effects
    record = effects[effects["record"] == "record"]
    of_primary = record[record["role"] == "primary"]
    order = [verdict(row, context).order for row in records(of_primary)]
    return of_primary.assign(order=order).sort_values(["order", "intervention"]).drop(columns="order")


def relative_words(row: Row, context: PageContext) -> str:
    """The relative effect with its interval in a table cell."""
    catalogue = context.catalogue
    if is_hidden(row, "relative"):
        return catalogue.hidden
    if not is_shown(row, *RELATIVE):
        return catalogue.missing
    number = catalogue.percent_estimate(*numbers(row, RELATIVE))
    return f"{number.value} ({number.interval})"


def sizes(row: Row, context: PageContext) -> str:
    """How many were treated and how many they were compared with."""
    _ = context.catalogue.gettext
    if not is_shown(row, "n_treated", "n_comparison"):
        return context.catalogue.hidden if is_hidden(row, "n_treated") else context.catalogue.missing
    counts = {name: context.catalogue.number(row[f"n_{name}"]) for name in ("treated", "comparison")}
    if row["counted"] == "areas":
        return _("Areas with the intervention: {treated}; for comparison: {comparison}.", **counts)
    return _("Participants: {treated}; comparison persons: {comparison}.", **counts)


def design_words(design: str, context: PageContext) -> str:
    """The design in the reader's words."""
    return context.catalogue.gettext(DESIGNS[design]) if design in DESIGNS else design


def verdict_counts(effects: pd.DataFrame, context: PageContext) -> str:
    """How many interventions have evidence, no meaningful effect, or no verdict yet."""
    _ = context.catalogue.gettext
    count = effects["verdict"].value_counts()
    numbers = {
        "all": len(effects),
        "some": int(count.get("works", 0) + count.get("probably_works", 0)),
        "none": int(count.get("no_meaningful_effect", 0)),
        "unknown": int(count.get("cannot_say", 0)),
    }
    if harm := int(count.get("probably_harmful", 0)):
        return _(
            "Interventions followed: {all}. Evidence of effect: {some}. No meaningful effect: {none}. "
            "Probably harmful: {harm}. Cannot say yet: {unknown}.",
            harm=harm,
            **numbers,
        )
    return _(
        "Interventions followed: {all}. Evidence of effect: {some}. No meaningful effect: {none}. Cannot say yet: "
        "{unknown}.",
        **numbers,
    )
