"""How many classes: the fewest that explain nearly as much as the best number does, and none that is empty or tiny."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.text import N_, message_json

COLUMNS = ["method", "classes", "bic", "held_out", "smallest_share", "chosen", "reason"]
_EMPTY = N_("A class is empty.")
_TINY = N_("The smallest class has fewer residents than the settings allow.")
_RESTLESS = N_("The estimate did not settle.")
_WORSE = N_("It describes residents no better than fewer classes.")
_OTHERS = N_("It does not describe others better than fewer classes.")
_TOO_FEW = N_("More classes describe residents clearly better.")
_ENOUGH = N_("Fewer classes describe residents nearly as well.")


@dataclass(frozen=True)
class Candidate:
    """One number of classes that was tried.

    Attributes
    ----------
    bic : per person, less is better. held_out : mean log-likelihood of persons that were held out.
    smallest : persons in the smallest class when each is put in the likeliest; persons : of all classes.
    converged : whether the estimate came to rest.
    """

    classes: int
    bic: float
    held_out: float
    smallest: float
    persons: float
    converged: bool = True

    @property
    def smallest_share(self) -> float:
        return self.smallest / self.persons if self.persons else float("nan")


@dataclass(frozen=True)
class ChoiceLimits:
    """Smallest class as a share and in persons, and the share of the best gain in BIC that is enough."""

    least_share: float
    least_persons: int
    enough_gain: float


def choose(tried: Sequence[Candidate], limits: ChoiceLimits) -> tuple[int, dict[int, str]]:
    """The chosen number of classes, and why each other is refused (messages as JSON by number of classes).

    Of the numbers without an empty or tiny class, the fewest classes that reach `enough_gain` of the gain in BIC over
    one class that the best number reaches, if they describe held-out persons better than every smaller number does.
    One class is always allowed: with independent answers BIC is least there.
    """
    tried = sorted(tried, key=lambda c: c.classes)
    reasons = {c.classes: reason for c in tried if (reason := _refusal(c, limits))}
    allowed = [c for c in tried if c.classes not in reasons]
    for at, one in enumerate(allowed):
        if any(one.held_out <= smaller.held_out for smaller in allowed[:at]):
            reasons[one.classes] = message_json(_OTHERS, {})
    allowed = [c for c in allowed if c.classes not in reasons]
    first, best = allowed[0], min(allowed, key=lambda c: (c.bic, c.classes))
    needed = first.bic - limits.enough_gain * (first.bic - best.bic)
    chosen = best if best is first else next(c for c in allowed if c is not first and c.bic <= needed)
    reasons.update({one.classes: _not_chosen(one, chosen) for one in allowed if one is not chosen})
    return chosen.classes, reasons


def _refusal(one: Candidate, limits: ChoiceLimits) -> str:
    """Why a number of classes cannot be used at all; empty: it can."""
    if one.classes == 1:
        return ""
    if one.smallest < 1:
        return message_json(_EMPTY, {})
    if one.smallest < limits.least_persons or one.smallest_share < limits.least_share:
        return message_json(_TINY, {})
    return "" if one.converged else message_json(_RESTLESS, {})


def _not_chosen(one: Candidate, chosen: Candidate) -> str:
    if one.classes < chosen.classes:
        return message_json(_TOO_FEW, {})
    return message_json(_ENOUGH if one.bic < chosen.bic else _WORSE, {})


def table(method: str, tried: Sequence[Candidate], chosen: int, reasons: Mapping[int, str]) -> pd.DataFrame:
    """Rows of result table `class_choice`."""
    rows = [
        (
            method,
            str(one.classes),
            one.bic,
            one.held_out,
            one.smallest_share,
            "yes" if one.classes == chosen else "no",
            reasons.get(one.classes, ""),
        )
        for one in sorted(tried, key=lambda c: c.classes)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def halves(weight: NDArray[np.float64], seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Persons of each pattern parted into two random halves, (m,) each: one to learn from, one to look at."""
    whole = weight.astype(np.int64)
    rng = np.random.default_rng([seed, 8])
    part = rng.multivariate_hypergeometric(whole, int(whole.sum()) // 2, method="marginals").astype(float)
    return part, whole - part
