"""Sentences about one row of `effects`, shared by the page of effects and the summary."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from ennakointi.pages.context import InterventionFacts, PageContext, Row, is_hidden, is_shown, records
from ennakointi.periods import month_of, parse_month
from ennakointi.text import N_

RELATIVE = ("relative", "relative_lo95", "relative_hi95")
NO_FACTS = InterventionFacts(primary_outcome="")


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
    "its": N_("one series before and after"),
    "cohort": N_("comparison persons with the same starting day and history"),
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
    """The estimate with its confidence interval, in events per 100 persons a year."""
    _ = context.catalogue.gettext
    outcome = context.label("outcome", row["outcome"])
    if any(is_hidden(row, column) for column in ("estimate", "lo95", "hi95")):
        return _("{outcome}: {hidden}.", outcome=outcome, hidden=context.catalogue.hidden)
    if not is_shown(row, "estimate", "lo95", "hi95"):
        return ""
    estimate, lo, hi = row["estimate"], row["lo95"], row["hi95"]
    if hi < 0:
        number = context.catalogue.estimate(-estimate, -hi, -lo)
        return _(
            "{outcome}: about {number} fewer per hundred persons a year (95% confidence interval {interval}).",
            outcome=outcome,
            number=number.value,
            interval=number.interval,
        )
    number = context.catalogue.estimate(estimate, lo, hi)
    if lo > 0:
        return _(
            "{outcome}: about {number} more per hundred persons a year (95% confidence interval {interval}).",
            outcome=outcome,
            number=number.value,
            interval=number.interval,
        )
    return _(
        "{outcome}: the difference per hundred persons a year is within its uncertainty ({number}; 95% "
        "confidence interval {interval}).",
        outcome=outcome,
        number=number.value,
        interval=number.interval,
    )


def expected_sentence(row: Row, context: PageContext) -> str:
    """The plain before/after change beside the change that would have come without the intervention."""
    _ = context.catalogue.gettext
    if not is_shown(row, "crude_change", "expected_change"):
        return ""
    changes = {
        "crude": context.catalogue.signed_percent(row["crude_change"]),
        "expected": context.catalogue.signed_percent(row["expected_change"]),
    }
    if facts(row, context).selected_on == "prior_use":
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
    decision = facts(row, context).decision_month
    if not decision or month_of(context.as_of) >= parse_month(decision):
        return ""
    return context.catalogue.gettext(
        "This is an interim look: the decision was set for {month} in advance.",
        month=context.catalogue.month_short(decision),
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
    outcomes = record["intervention"].map(lambda i: context.interventions.get(i, NO_FACTS).primary_outcome)
    of_primary = record[(outcomes == record["outcome"]) | (outcomes == "")].drop_duplicates("intervention")
    order = [verdict(row, context).order for row in records(of_primary)]
    return of_primary.assign(order=order).sort_values(["order", "intervention"]).drop(columns="order")


def design_words(design: str, context: PageContext) -> str:
    """The design in the reader's words."""
    return context.catalogue.gettext(DESIGNS[design]) if design in DESIGNS else design


def verdict_counts(effects: pd.DataFrame, context: PageContext) -> str:
    """How many interventions have evidence, no meaningful effect, or no verdict yet."""
    _ = context.catalogue.gettext
    count = effects["verdict"].value_counts()
    return _(
        "Interventions followed: {all}. Evidence of effect: {some}. No meaningful effect: {none}. "
        "Probably harmful: {harm}. Cannot say yet: {unknown}.",
        all=len(effects),
        some=int(count.get("works", 0) + count.get("probably_works", 0)),
        none=int(count.get("no_meaningful_effect", 0)),
        harm=int(count.get("probably_harmful", 0)),
        unknown=int(count.get("cannot_say", 0)),
    )
