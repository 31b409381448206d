"""From an interval, a smallest important effect, a design and its checks to a verdict and a level of
evidence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ennakointi.causal.areas import Floats
from ennakointi.results import Check

WORKS = "works"
PROBABLY_WORKS = "probably_works"
NO_MEANINGFUL_EFFECT = "no_meaningful_effect"
PROBABLY_HARMFUL = "probably_harmful"
CANNOT_SAY = "cannot_say"

LEVELS = ("none", "weak", "moderate", "strong")
_DESIGN_LEVEL = {
    **dict.fromkeys(("did", "cohort", "synthetic_control", "synthetic_did"), "moderate"),
    **dict.fromkeys(("its", "bsts", "rdit"), "weak"),
    "before_after": "none",
}
_MANY_AREAS = 5  # on each side: then a comparison of areas that passes every check is strong
PRECISION = "detectable"  # a check of size, not of the design: `published_level`
COMPARISON = "comparison"  # one series has none: its design level says so already
NOTES = frozenset({"decision_date", PRECISION, "parting_trends", "spill_over"})  # no mark against the design


@dataclass(frozen=True)
class Interval:
    """A relative effect (−0.1 = 10 % fewer) with its 95 % interval; NaN where it is not known."""

    estimate: float
    lo95: float
    hi95: float

    def turned(self) -> Interval:
        """With the sign changed, so that below zero reads as an improvement."""
        return Interval(-self.estimate, -self.hi95, -self.lo95)


def at_level(log: Interval, alpha: float) -> Interval:
    """A 95 % interval on the log scale widened to 1 − `alpha`, as a normal one would be; NaN at level 0."""
    factor = norm.isf(alpha / 2) / norm.isf(0.025) if alpha > 0 else np.nan
    return Interval(
        log.estimate,
        log.estimate - factor * (log.estimate - log.lo95),
        log.estimate + factor * (log.hi95 - log.estimate),
    )


def verdict(relative: Interval, better: str, smallest_important: float, level: str, checks: Sequence[Check]) -> str:
    """The verdict by rules fixed in advance, from the interval at the level of the look.

    The whole interval beyond the smallest important effect, on evidence that is at least moderate: works.
    Inside plus or minus that effect: no meaningful effect. Beyond zero: probably works, or probably
    harmful. Otherwise, and whenever a critical check failed or no evidence is left: cannot say.
    """
    gain = relative if better == "fewer" else relative.turned()
    broken = level == "none" or any(check.critical and check.passed is False for check in checks)
    if broken or not np.isfinite([gain.lo95, gain.hi95]).all():
        return CANNOT_SAY
    if gain.hi95 < -smallest_important and LEVELS.index(level) >= LEVELS.index("moderate"):
        return WORKS
    if -smallest_important < gain.lo95 and gain.hi95 < smallest_important:
        return NO_MEANINGFUL_EFFECT
    if gain.hi95 < 0:
        return PROBABLY_WORKS
    return PROBABLY_HARMFUL if gain.lo95 > 0 else CANNOT_SAY


def evidence_level(design: str, checks: Collection[Check], n_treated: int, n_comparison: int) -> str:
    """`strong`, `moderate`, `weak` or `none`: the design's own level, one lower when a check failed, none
    when a critical one did. A comparison of at least five areas on each side that passes every check is
    strong."""
    counted = [check for check in checks if check.name not in NOTES and (check.critical or check.name != COMPARISON)]
    if any(check.critical and check.passed is False for check in counted):
        return "none"
    level = LEVELS.index(_DESIGN_LEVEL[design])
    if any(check.passed is False for check in counted):
        return LEVELS[max(level - 1, 0)]
    if design == "did" and min(n_treated, n_comparison) >= _MANY_AREAS and all(c.passed for c in counted):
        return "strong"
    return LEVELS[level]


def published_level(level: str, named: str, checks: Collection[Check]) -> str:
    """The level that is told: none where nothing can be said, and one lower where the data are too small to
    show the smallest important effect, unless the whole interval lies beyond it."""
    if named == CANNOT_SAY:
        return "none"
    small = any(check.name == PRECISION and check.passed is False for check in checks)
    lowered = small and named != WORKS and level != "none"
    return LEVELS[max(LEVELS.index(level) - 1, 1)] if lowered else level


def holm(p_values: Floats) -> Floats:
    """(k,) p-values adjusted for testing k secondary outcomes (Holm 1979, Scandinavian Journal of
    Statistics 6:65)."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted
