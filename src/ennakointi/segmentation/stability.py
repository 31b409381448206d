"""The stability card of a way of segmenting: would other samples, or another seed, put the same persons together?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ennakointi.parameters.latent_documents import StabilityLimits
from ennakointi.segmentation.transitions import YEAR, History
from ennakointi.text import N_, message_json

COLUMNS = ["scheme", "measure", "value", "lo", "hi", "limit", "passed", "message"]
_TEXTS = {
    "bootstrap_ari": N_("How well samples of the residents give the same segments: 1 is the same, 0 is chance."),
    "seed_change": N_("Share of residents whose segment changes when the calculation starts from other numbers."),
    "smallest_share": N_("Share of residents in the smallest segment."),
    "kept_year": N_("Share of residents in the same segment as a year before."),
    "psi": N_("How far the sizes and the answers have moved since the classes were made."),
    "fidelity": N_("Share of residents whom the simple rules put in their class."),
    "bic_gain": N_("How much better the classes describe residents than one class does."),
}
_BY_RULE = N_("The segments follow from rules, so neither a sample nor a starting number changes them.")
_NOT_CHECKED = N_("This could not be checked.")
_AT_MOST = ("seed_change", "psi")  # measures that must not be above their limit; others not below

Classes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One measure with its lowest and highest value; NaN: not known."""

    measure: str
    value: float
    lo: float = float("nan")
    hi: float = float("nan")
    message: str = ""


def card(scheme: str, measures: Sequence[Measured], limits: StabilityLimits) -> pd.DataFrame:
    """Rows of result table `segment_stability`: each measure beside its limit, and whether it holds."""
    bounds = {
        "bootstrap_ari": limits.least_rand,
        "seed_change": limits.most_changed,
        "smallest_share": limits.least_share,
        "kept_year": limits.least_kept,
        "psi": limits.most_drift,
        "fidelity": limits.least_fidelity,
        "bic_gain": 0.0,
    }
    rows = []
    for one in measures:
        limit, known = float(bounds[one.measure]), not np.isnan(one.value)
        holds = one.value <= limit if one.measure in _AT_MOST else one.value >= limit
        message = one.message or message_json(_TEXTS[one.measure] if known else _NOT_CHECKED, {})
        passed = ("yes" if holds else "no") if known else "not_checked"
        rows.append((scheme, one.measure, one.value, one.lo, one.hi, limit, passed, message))
    return pd.DataFrame(rows, columns=COLUMNS)


def of_rules(scheme: str, history: History, limits: StabilityLimits) -> pd.DataFrame:
    """The card of segments by rule: only their sizes and the persons who stay can fail.

    Parameters
    ----------
    history : the scheme's segments over the quarters.
    """
    by_rule = message_json(_BY_RULE, {})
    measures = [Measured(name, float("nan"), message=by_rule) for name in ("bootstrap_ari", "seed_change")]
    shares = history.assigned[history.last].value_counts(normalize=True).reindex(list(history.order), fill_value=0.0)
    return card(scheme, [*measures, Measured("smallest_share", float(shares.min())), kept_year(history)], limits)


def kept_year(history: History) -> Measured:
    """Share of persons in the same segment as a year before, of those who were residents at both times."""
    moved = history.pair(history.last, YEAR)
    if moved is None:
        return Measured("kept_year", float("nan"))
    both = moved[moved["from"].isin(history.order) & moved["to"].isin(history.order)]
    return Measured("kept_year", float((both["from"] == both["to"]).mean()) if len(both) else float("nan"))


def crossed(one: Classes, other: Classes, weight: Floats) -> Floats:
    """Persons by class of one and of the other, (K, L)."""
    shape = (int(one.max(initial=0)) + 1, int(other.max(initial=0)) + 1)
    persons = np.bincount(one * shape[1] + other, weight, minlength=shape[0] * shape[1])
    return np.asarray(persons, np.float64).reshape(shape)


def rand_of(table: Floats) -> float:
    """The adjusted Rand index of a table of persons by two ways of segmenting (Hubert & Arabie 1985,
    doi 10.1007/BF01908075); witness: scikit-learn's on the persons one by one."""

    def pairs(n: Floats) -> float:
        return float((n * (n - 1)).sum() / 2)

    both, rows, columns = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    whole = pairs(table.sum(keepdims=True))
    expected = rows * columns / whole if whole else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


def changed(table: Floats) -> float:
    """Share of persons whose class changes when the classes of the two are matched as well as can be."""
    rows, columns = linear_sum_assignment(-table)
    return 1 - float(table[rows, columns].sum() / max(table.sum(), 1))


def bootstrap(
    weight: Floats, classes: Classes, refit: Callable[[Floats], Classes], samples: int, seed: int
) -> Measured:
    """Adjusted Rand index of the classes of bootstrap samples of persons with the classes, over all persons.

    Parameters
    ----------
    weight, classes : (m,) persons and class of each pattern. refit : weights of a sample → classes of all patterns.
    """
    n = int(weight.sum())
    found = []
    for sample in range(samples):
        drawn = np.random.default_rng([seed, 17, sample]).multinomial(n, weight / weight.sum()).astype(float)
        found.append(rand_of(crossed(classes, refit(drawn), weight)))
    return Measured("bootstrap_ari", float(np.mean(found)), min(found), max(found))


def other_seeds(weight: Floats, classes: Classes, refit: Callable[[int], Classes], seeds: int, seed: int) -> Measured:
    """Share of persons whose class another seed changes; `refit`: seed → classes of all patterns."""
    drawn = [int(s) for s in np.random.SeedSequence([seed, 23]).generate_state(seeds)]
    found = [changed(crossed(classes, refit(s), weight)) for s in drawn]
    return Measured("seed_change", float(np.mean(found)), min(found), max(found))


def smallest(weight: Floats, classes: Classes, n_classes: int) -> Measured:
    """Share of persons in the smallest class."""
    return Measured("smallest_share", float(np.bincount(classes, weight, minlength=n_classes).min() / weight.sum()))
