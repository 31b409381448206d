"""Whether classes still mean what they meant: how far their sizes and the answers have moved since the model's own
quarter, and which class of a new model is which of the earlier one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ennakointi.parameters.latent_documents import MISSING
from ennakointi.segmentation.latent import LatentModel
from ennakointi.segmentation.patterns import Patterns

Floats = NDArray[np.float64]
SIZES = "classes"
_LEAST = 1e-4  # an empty category counts as this share


def psi(before: Floats, now: Floats) -> float:
    """Population stability index of two distributions over the same categories: Σ (now − before) ln(now / before).

    Above .25 the two are usually called different, above .1 somewhat different (Siddiqi 2006, Credit Risk
    Scorecards); `before` and `now` are shares or counts.
    """
    p, q = (np.maximum(np.asarray(x, float) / max(float(np.sum(x)), _LEAST), _LEAST) for x in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def answer_shares(found: Patterns) -> dict[str, list[float]]:
    """Share of each category of each item, among those of whom it is known."""
    shares = {}
    for j, (item, size) in enumerate(zip(found.items, found.sizes, strict=True)):
        known = found.answers[:, j] != MISSING
        persons = np.bincount(found.answers[known, j], found.weight[known], minlength=size)
        shares[item] = (persons / max(persons.sum(), 1)).tolist()
    return shares


def drifts(before: Mapping[str, Sequence[float]], now: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """PSI by item, and of the classes under the name `classes`, of what both quarters hold."""
    return {name: psi(np.array(before[name]), np.array(now[name])) for name in before if name in now}


def matched(earlier: LatentModel, later: LatentModel) -> dict[int, int]:
    """Which class of the later model is which of the earlier one: the assignment with the least distance between their
    answer probabilities (Kuhn 1955). A class that is further from its match than the match is from its own neighbours
    is a new one.

    Returns
    -------
    later class → earlier class, by place.
    """
    shared = [i for i in later.items if i in earlier.items and later.profile(i).shape[1] == earlier.profile(i).shape[1]]
    if not shared:
        return {}
    distance, apart = _distance(later, earlier, shared), _distance(earlier, earlier, shared)
    np.fill_diagonal(apart, np.inf)
    rows, columns = linear_sum_assignment(distance)
    return {int(a): int(b) for a, b in zip(rows, columns, strict=True) if distance[a, b] < apart[b].min()}


def _distance(one: LatentModel, other: LatentModel, items: Sequence[str]) -> Floats:
    """Mean total-variation distance of the items' answers, (K of one, K of other)."""
    gaps = [np.abs(one.profile(i)[:, None] - other.profile(i)[None]).sum(axis=2) / 2 for i in items]
    return np.asarray(np.mean(gaps, axis=0))
