"""Synthetic difference-in-differences on arrays (Arkhangelsky, Athey, Hirshberg, Imbens & Wager 2021, American
Economic Review 111:4088–4118, 10.1257/aer.20190159, algorithm 1).

Unit weights make the donors go parallel to the treated before the start; time weights make the periods before it
resemble those after. Penalties, two passes of Frank–Wolfe and stopping rule are those of the authors' R package
(version 0.0.9), because the estimate depends on them in the second digit. Witness: California's Proposition 99.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal import simplex
from ennakointi.causal.areas import Floats
from ennakointi.causal.simplex import GRAM_CELLS, Quadratics, sparse_frank_wolfe

LEAST_DECREASE = 1e-5  # of the noise, squared: the mean square that one more step must win
TIME_PENALTY = 1e-6  # ζ of the time weights, in noise
STEPS = 10_000  # of the last pass at most
QUICK_STEPS = 1_000
MOST_EXACT = 150  # donors up to which the quick way solves the unit weights exactly


@dataclass(frozen=True, eq=False)
class Weighted:
    """A batch of estimates.

    Attributes
    ----------
    effect : (B,). units : (B, n) weights of donors. times : (B, T0) weights of periods before the start.
    curve : (B, T) treated − weighted donors, less its weighted mean before the start: effects by period.
    """

    effect: Floats
    units: Floats
    times: Floats
    curve: Floats


def weighted(treated: Floats, donors: Floats, start: int, n_treated: int, quick: bool = False) -> Weighted:
    """Estimates of several problems of one shape.

    Parameters
    ----------
    treated : (B, T) mean of the `n_treated` treated units. donors : (B, n, T). start : first treated period.
    quick : for placebos and resamples. The penalised problem of the unit weights has one solution, which 10,000 steps
        come near; it is solved exactly instead (with very many donors by fewer steps). California's placebo error
        moves by 0.0004.
    """
    b, n, periods = donors.shape
    each = max(1, GRAM_CELLS // (n * n))
    if b > each:
        parts = [slice(i, i + each) for i in range(0, b, each)]
        cut = [weighted(treated[one], donors[one], start, n_treated, quick) for one in parts]
        return Weighted(*(np.concatenate([getattr(one, name) for one in cut]) for name in Weighted.__annotations__))
    noise = _noise(donors[:, :, :start])
    units = _unit_weights(treated, donors, start, (n_treated * (periods - start)) ** 0.25 * noise, noise, quick)
    return with_weights(treated, donors, start, units, _time_weights(donors, start, noise, quick))


def with_weights(treated: Floats, donors: Floats, start: int, units: Floats, times: Floats) -> Weighted:
    """Estimates (B,) with given weights of donors (B, n) and of periods before the start (B, T0)."""
    gap = treated - np.einsum("bn,bnt->bt", units, donors)
    curve = gap - (gap[:, :start] * times).sum(axis=1, keepdims=True)
    return Weighted(curve[:, start:].mean(axis=1), units, times, curve)


def _noise(before: Floats) -> Floats:
    """(B,) standard deviation of the first differences of the donors before the start; 0 with one such period."""
    steps = np.diff(before, axis=2).reshape(len(before), -1)
    return steps.std(axis=1, ddof=1) if steps.shape[1] > 1 else np.zeros(len(before))


def _unit_weights(treated: Floats, donors: Floats, start: int, zeta: Floats, noise: Floats, quick: bool) -> Floats:
    """(B, n): the weighted donors run parallel to the treated; the level is free."""
    a, target = donors[:, :, :start], treated[:, :start]
    a, target = a - a.mean(axis=2, keepdims=True), target - target.mean(axis=1, keepdims=True)
    if quick and a.shape[1] <= MOST_EXACT:
        return np.array([simplex.nearest(*one) for one in zip(a.transpose(0, 2, 1), target, start * zeta**2)])
    gram, cross = a @ a.transpose(0, 2, 1), np.einsum("bnt,bt->bn", a, target)
    return sparse_frank_wolfe(
        Quadratics(gram, cross, start * zeta**2, start, (LEAST_DECREASE * noise) ** 2), QUICK_STEPS if quick else STEPS
    )


def _time_weights(donors: Floats, start: int, noise: Floats, quick: bool) -> Floats:
    """(B, T0): the weighted past of the donors predicts their mean after the start, up to a constant."""
    before, after = donors[:, :, :start], donors[:, :, start:].mean(axis=2)
    a, target = before - before.mean(axis=1, keepdims=True), after - after.mean(axis=1, keepdims=True)
    gram, cross = a.transpose(0, 2, 1) @ a, np.einsum("bnt,bn->bt", a, target)
    n = donors.shape[1]
    zeta = TIME_PENALTY * noise
    return sparse_frank_wolfe(
        Quadratics(gram, cross, n * zeta**2, n, (LEAST_DECREASE * noise) ** 2), QUICK_STEPS if quick else STEPS
    )
