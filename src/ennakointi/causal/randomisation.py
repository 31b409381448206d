"""Randomisation inference: the effect is judged against what other assignments of the same starts would
have shown.

With few areas cluster-robust errors find effects in about half of the cases where there is none; permuting
the adoption keeps its level (MacKinnon & Webb 2020, Journal of Econometrics 218:435–450,
10.1016/j.jeconom.2020.04.024). The statistic is studentised, because areas of unequal size are not
exchangeable (Chung & Romano 2013, Annals of Statistics 41:484–507, 10.1214/13-AOS1090). The interval is the
set of effects that the test does not reject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from ennakointi.causal.areas import NOT_YET, Bools, Floats, Ints
from ennakointi.causal.difference import Cells, Noise, coefficients

TIE = 1e-9  # two statistics closer than this are equal
POWER = 0.8


@dataclass(frozen=True, eq=False)
class Reference:
    """Assignments to compare an effect with, the first what happened: `coefficient` (P, A·K), `standard_error` (P,)."""

    coefficient: Floats
    standard_error: Floats

    @property
    def smallest_p(self) -> float:
        """No p-value can be smaller: one in the number of assignments."""
        return 1 / len(self.coefficient)


@dataclass(frozen=True)
class RandomisedEffect:
    """An effect on the logarithm of the rate; bounds are NaN where 5 % cannot be reached."""

    estimate: float
    lo95: float
    hi95: float
    p_value: float
    smallest_p: float
    n_assignments: int
    standard_error: float


def assignments(starts: Ints, movable: Bools, limit: int, seed: int) -> tuple[Ints, bool]:
    """(P, A) distinct permutations of the starts of the movable areas, the actual one first, and whether
    all are there.

    When there are more than `limit`, `limit` of them are drawn at random, the actual one among them, which
    keeps the level of the test (Phipson & Smyth 2010, 10.2202/1544-6115.1585).
    """
    values, counts = np.unique(starts[movable], return_counts=True)
    total = factorial(int(movable.sum()))
    for count in counts:
        total //= factorial(int(count))
    if total <= limit:
        moved = _all_orders(values, counts)
    else:
        rng = np.random.default_rng(seed)
        moved = rng.permuted(np.tile(starts[movable], (limit - 1, 1)), axis=1)
    different = (moved != starts[movable]).any(axis=1)
    kept = moved[different] if total <= limit else moved
    rows = np.tile(starts, (len(kept) + 1, 1))
    rows[1:, movable] = kept
    return rows, total <= limit


def _all_orders(values: Ints, counts: Ints) -> Ints:
    """(P, n) every distinct order of a multiset."""
    places = int(counts.sum())
    orders = [(np.full(places, values[-1]), tuple(range(places)))]
    for value, count in zip(values[:-1], counts[:-1]):
        longer = []
        for order, free in orders:
            for chosen in combinations(free, int(count)):
                filled = order.copy()
                filled[list(chosen)] = value
                longer.append((filled, tuple(place for place in free if place not in chosen)))
        orders = longer
    return np.array([order for order, _ in orders])


def reference(
    rows: Ints,
    cells: Cells,
    weight: Floats,
    expected: Floats,
    first_month: int,
    spread: Noise,
    comparison: str = NOT_YET,
) -> Reference:
    """Coefficients and standard errors of the effect under each assignment.

    Parameters
    ----------
    rows : (P, A) assignments, the actual first. `weight` : (A, K), 0 where a change is unknown.
    expected : (A, T) events expected in each month; the variance of a change is dispersion × Poisson by
        month, plus the squared drift of the area.
    comparison : who is compared with, as of `AreaPanel`.
    """
    coefficient, usable = coefficients(rows, cells, weight, comparison)
    coefficient = coefficient[usable]
    influence = _influence(cells, expected, first_month)
    variance = np.zeros(len(coefficient))
    for area in range(expected.shape[0]):
        by_month = coefficient[:, area] @ influence[area]
        variance += spread.dispersion * (by_month**2 @ expected[area])
    variance += spread.drift**2 * (coefficient.sum(axis=2) ** 2).sum(axis=1)
    flat = coefficient.reshape(len(coefficient), -1)
    return Reference(flat, np.sqrt(variance))


def _influence(cells: Cells, expected: Floats, first_month: int) -> Floats:
    """(A, K, T) derivative of an area's change of log rate by one more event in a month."""
    months = first_month + np.arange(expected.shape[1])
    window = (months >= cells.first[:, None]) & (months <= cells.last[:, None])
    base = (months >= cells.base_first[:, None]) & (months <= cells.base_last[:, None])
    in_window = expected @ window.T.astype(float)
    in_base = expected @ base.T.astype(float)
    return window[None] / np.maximum(in_window, 0.5)[:, :, None] - base[None] / np.maximum(in_base, 0.5)[:, :, None]


def statistics(against: Reference, change: Floats) -> Floats:
    """(P, D) studentised effects of the assignments for D sets of changes, each (A, K) → change (D, A, K)."""
    flat = np.nan_to_num(change).reshape(len(change), -1)
    return (against.coefficient @ flat.T) / against.standard_error[:, None]


def p_values(statistic: Floats) -> Floats:
    """(D,) share of assignments at least as far from zero as the first, two-sided."""
    size = np.abs(statistic)
    return (size >= size[0] - TIE).mean(axis=0)


def inverted_test(against: Reference, change_at: Callable[[Floats], Floats], level: float = 0.05) -> RandomisedEffect:
    """Effect, p-value of no effect, and the interval of the effects that are not rejected at `level`.

    `change_at` takes (D,) log effects and gives the (D, A, K) changes that would have been seen had each of
    them been taken out of the treated months.
    """
    none = change_at(np.zeros(1))
    estimate = float(against.coefficient[0] @ np.nan_to_num(none).ravel())
    error = float(against.standard_error[0])
    p_value = float(p_values(statistics(against, none))[0])
    estimate = _centre(against, change_at, estimate)
    low = high = np.nan
    if against.smallest_p <= level:
        low, high = (_bound(against, change_at, estimate, side * error, level) for side in (-1.0, 1.0))
    return RandomisedEffect(estimate, low, high, p_value, against.smallest_p, len(against.coefficient), error)


def _centre(against: Reference, change_at: Callable[[Floats], Floats], estimate: float) -> float:
    """The effect whose removal leaves none (windows that hold treated and untreated months make it
    non-linear)."""
    for _ in range(3):
        left = change_at(np.array([estimate]))
        estimate += float(against.coefficient[0] @ np.nan_to_num(left).ravel())
    return estimate


def _bound(
    against: Reference, change_at: Callable[[Floats], Floats], centre: float, step: float, level: float
) -> float:
    """Where the p-value first falls to `level`, going from the centre in steps of a standard error."""
    low, high = 0.0, 12.0
    for _ in range(4):
        grid = np.linspace(low, high, 25)
        kept = p_values(statistics(against, change_at(centre + grid * step))) > level
        if kept.all():
            return np.nan
        first = int(np.argmin(kept))
        if first == 0:
            return centre + low * step
        low, high = grid[first - 1], grid[first]
    return centre + high * step


def minimum_detectable(
    against: Reference, null_change: Floats, exposure: Floats, level: float = 0.05, largest: float = 1.5
) -> float:
    """Smallest log effect that the test finds in 8 of 10 simulated studies; NaN when even `largest` is not
    found.

    Parameters
    ----------
    null_change : (D, A, K) changes of simulated studies without an effect.
    exposure : (A, K) share of the window minus share of the base under the intervention, as it happened.
    """
    if against.smallest_p > level:
        return np.nan
    noise_part = statistics(against, null_change)
    effect_part = statistics(against, exposure[None])
    sizes = np.linspace(largest / 60, largest, 60)
    for size in sizes:
        if (p_values(noise_part + size * effect_part) <= level).mean() >= POWER:
            return float(size)
    return np.nan
