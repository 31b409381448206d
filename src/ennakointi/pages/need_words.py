"""How good predictions of need are, in the words of a reader without statistics; and names of groups and horizons."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import NormalDist

from ennakointi.pages import need_rows
from ennakointi.pages.context import PageContext, Row, is_hidden, is_shown
from ennakointi.text import N_, NBSP

TRUE_SLOPE = (0.9, 1.1)  # a slope of these risks is as good as 1
BY_CHANCE = 0.05  # of right predictions are outside their 95 % interval
MEANINGFUL = 0.2  # a ratio of observed to predicted this far from 1 matters
PAIRS = N_(
    "The model puts two residents in order, only one of whom came to have the need. By guessing the order is right 50 "
    "times in a hundred."
)
UNKNOWN = "999"  # the code of a municipality that is not known
DIMENSIONS = {
    "target_group": N_("Target group"),
    "sex": N_("Sex"),
    "age_band": N_("Age band"),
    "municipality": N_("Municipality"),
    "language": N_("Language"),
}
SEXES = {"female": N_("Women"), "male": N_("Men"), "other": N_("Other or not known sex")}
LANGUAGES = {"fi": N_("Finnish speakers"), "sv": N_("Swedish speakers"), "other": N_("Speakers of other languages")}


@dataclass(frozen=True)
class Level:
    """How well residents with a need are told from the others, from this AUROC on (Hosmer, Lemeshow and Sturdivant
    2013, Applied Logistic Regression, §5.2.4): words of one need, the sentence of all such needs, and tone."""

    least: float
    words: str
    sentence: str
    tone: str


LEVELS = (
    Level(0.8, N_("tells residents apart well"), N_("Good predictions: {needs}."), "good"),
    Level(0.7, N_("tells residents apart fairly well"), N_("Fair predictions: {needs}."), "neutral"),
    Level(0.0, N_("tells residents apart poorly"), N_("Poor predictions: {needs}."), "bad"),
)


def level(row: Row) -> Level | None:
    """How well the model of a row tells residents apart; None where that is not shown."""
    if not is_shown(row, "auroc"):
        return None
    return next(one for one in LEVELS if row["auroc"] >= one.least)


def need_name(outcome: str, context: PageContext) -> str:
    """The reader's name of a need."""
    return context.label("need", outcome)


def horizon_words(horizon: int, context: PageContext) -> str:
    """`12 kk`."""
    return context.catalogue.gettext("{months} months", months=horizon).replace(" ", NBSP)


def group_name(dimension: str, value: str, context: PageContext) -> str:
    """The reader's name of a part of the residents."""
    _ = context.catalogue.gettext
    if dimension == "age_band":
        return _("Age {ages}", ages=value.replace("-", "–"))
    if dimension == "sex":
        return _(SEXES[value]) if value in SEXES else value
    if dimension == "language":
        return _(LANGUAGES[value]) if value in LANGUAGES else value
    if dimension == "municipality":
        return place_name(value, context)
    return context.label(dimension, value)


def place_in_order(value: str) -> tuple[int, str]:
    """Where a part of the residents stands among the others: ages by their number, other codes by their letters."""
    ages = re.match(r"(\d+)[-–+]", value)
    return (int(ages[1]) if ages else 0, value)


def place_name(code: str, context: PageContext) -> str:
    """The reader's name of a municipality."""
    if code != UNKNOWN:
        return context.label("area", code)
    words = context.catalogue.gettext("municipality not known")
    return words[:1].upper() + words[1:]


def persons(row: Row | None, context: PageContext, columns: tuple[str, str, str] = need_rows.EXPECTED) -> str:
    """`1 230 (1 150–1 310)`, hidden, or a dash."""
    if row is None:
        return context.catalogue.missing
    if is_hidden(row, columns[0]):
        return context.catalogue.hidden
    numbers = need_rows.interval(row, columns)
    if numbers is None:
        return context.catalogue.missing
    if numbers[1] == numbers[2]:
        return context.catalogue.number(numbers[0])  # the interval is narrower than the rounding
    number = context.catalogue.whole_estimate(*numbers)
    return f"{number.value} ({number.interval})"


def pair_sentence(row: Row, context: PageContext) -> str:
    """The AUROC as a comparison of two residents; `PAIRS` explains it."""
    _ = context.catalogue.gettext
    if not is_shown(row, "auroc"):
        return ""
    return _(
        "In the right order {n} times in a hundred.",
        n=context.catalogue.number(100 * float(row["auroc"])),
    )


def total_sentence(row: Row | None, context: PageContext) -> str:
    """Predicted and observed numbers of the test."""
    if row is None or not is_shown(row, "observed", "expected"):
        return ""
    told = {name: context.catalogue.significant(float(row[name])) for name in ("observed", "expected")}
    return context.catalogue.gettext("In the test {expected} were predicted and {observed} came.", **told)


def slope_sentence(row: Row, context: PageContext) -> str:
    """Whether risks are of the right size, in plain words."""
    _ = context.catalogue.gettext
    if not is_shown(row, "calibration_slope"):
        return ""
    slope = float(row["calibration_slope"])
    if TRUE_SLOPE[0] <= slope <= TRUE_SLOPE[1]:
        return _("Small and large risks are of the right size.")
    if is_shown(row, "slope_lo95", "slope_hi95") and row["slope_lo95"] <= 1 <= row["slope_hi95"]:
        return _("Too few cases to tell whether small and large risks are of the right size.")
    if slope < 1:
        return _("Risks are too extreme: large risks are too large and small ones too small.")
    return _("Risks are too even: large risks are too small and small ones too large.")


def is_clear(row: Row, comparisons: int) -> bool:
    """Whether the prediction of a group was wrong beyond what chance gives somewhere among so many comparisons.

    The number must be outside its own 95 % interval, and beyond the limit of Bonferroni for a Poisson number.
    Witness: 394 of 246 predicted is 9.4 standard deviations away, 10 of 20 is 2.2; the limit of 100 comparisons is 3.5.
    """
    if row["within"] != "no" or not is_shown(row, "observed", "expected") or row["expected"] <= 0:
        return False
    limit = NormalDist().inv_cdf(1 - BY_CHANCE / 2 / max(comparisons, 1))
    return bool(abs(row["observed"] - row["expected"]) > limit * math.sqrt(row["expected"]))


def is_off(row: Row, comparisons: int) -> bool:
    """Whether the prediction of a group was clearly wrong, and by so much that it matters."""
    return is_clear(row, comparisons) and is_shown(row, "ratio") and bool(abs(row["ratio"] - 1) >= MEANINGFUL)


def group_verdict(row: Row, comparisons: int, context: PageContext) -> tuple[str, str]:
    """What to think of the prediction of a group, and its tone."""
    _ = context.catalogue.gettext
    if is_hidden(row, "observed") or is_hidden(row, "expected"):
        return _("too few cases to tell"), "unsure"
    if not is_shown(row, "ratio") or row["within"] not in ("yes", "no"):
        return _("too few cases to tell"), "unsure"
    if row["within"] == "yes":
        near = abs(row["ratio"] - 1) < MEANINGFUL
        return (_("as predicted"), "good") if near else (_("within its uncertainty"), "neutral")
    more = row["ratio"] > 1
    if not is_clear(row, comparisons):
        may = _("more than predicted, may be chance") if more else _("fewer than predicted, may be chance")
        return may, "neutral"
    if not is_off(row, comparisons):
        return (_("slightly more than predicted") if more else _("slightly fewer than predicted")), "neutral"
    return (_("more than predicted") if more else _("fewer than predicted")), "bad"
