"""Placebo inference: the estimate among those that come when donors are taken as treated in turn.

The rank is exact under no effect and exchangeable units, but for the one donor less that a placebo has. The interval
holds the constant effects that the test does not reject (Firpo & Possebom 2018, Journal of Causal Inference 6,
10.1515/jci-2016-0026). Witness: hand-worked ranks, levels in simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from ennakointi.causal.areas import LEVEL, Floats, Ints
from ennakointi.causal.estimates import Numbers

LIMIT = 200  # donors, or sets of them, that are tried
TIE = 1e-9  # two statistics closer than this, relatively, are equal


def sets(n_donors: int, size: int, seed: int, limit: int = LIMIT) -> Ints:
    """(P, size) sets of donors to be taken as treated, at least one donor being left: every set where there are at most
    `limit`, else so many at random (Phipson & Smyth 2010, 10.2202/1544-6115.1585)."""
    if n_donors <= size:
        return np.zeros((0, size), dtype=np.int64)
    if comb(n_donors, size) <= limit:
        return np.array(list(combinations(range(n_donors), size)), dtype=np.int64)
    rng = np.random.default_rng(seed)
    if size == 1:
        return np.sort(rng.choice(n_donors, (limit, 1), replace=False), axis=0)
    return np.array([np.sort(rng.choice(n_donors, size, replace=False)) for _ in range(limit)], dtype=np.int64)


def rank_p(statistics: Floats) -> float:
    """Share of the statistics (P + 1,) that are at least as large as the first."""
    return float((statistics >= statistics[0] * (1 - TIE) - TIE).mean())


def critical(statistics: Floats) -> Floats:
    """Statistics (P, …) of placebos → the least value that is ranked p ≤ 5 % among them; NaN when none is."""
    beyond = int(np.floor(LEVEL * (1 + len(statistics)) + TIE))  # with what happened itself counted
    if beyond < 1:
        return np.full(statistics.shape[1:], np.nan)
    return np.asarray(np.sort(statistics, axis=0)[::-1][beyond - 1])


@dataclass(frozen=True, eq=False)
class Placebos:
    """The treated unit and its placebos.

    Attributes
    ----------
    gaps : (P + 1, T) observed − counterfactual, the first what happened.
    before : (P + 1,) root mean square of the gap before the start.
    start : first period of the effect.
    """

    gaps: Floats
    before: Floats
    start: int

    @property
    def scale(self) -> Floats:
        """(P + 1,) by which mean gaps become comparable: the error before the start, but at least the median one,
        because a fit that came out close by chance promises no precision after."""
        return np.asarray(np.maximum(self.before, np.median(self.before)))

    @property
    def ratios(self) -> Floats:
        """(P + 1,) root mean squared gap after the start over that before (Abadie, Diamond & Hainmueller 2010)."""
        return np.asarray(np.sqrt((self.gaps[:, self.start :] ** 2).mean(axis=1)) / self.before)

    @property
    def means(self) -> Floats:
        """(P + 1,) mean gap after the start."""
        return np.asarray(self.gaps[:, self.start :].mean(axis=1))

    @property
    def statistics(self) -> Floats:
        """(P + 1,) size of the mean gap in units of `scale`."""
        return np.asarray(np.abs(self.means) / self.scale)

    @property
    def smallest_p(self) -> float:
        """No p-value can be smaller."""
        return 1 / len(self.gaps)

    def interval(self) -> Numbers:
        """The mean gap, and the constant effects that its rank does not reject: those as near as the placebos'."""
        mean, half = float(self.means[0]), float(critical(self.statistics[1:]) * self.scale[0])
        return Numbers(mean, mean - half, mean + half)

    def half_widths(self) -> tuple[float, float]:
        """Half-width of a 95 % band of the gap for one period (the mean of the periods), and for all at once."""
        after = np.abs(self.gaps[1:, self.start :]) / self.scale[1:, None]
        one, every = critical(after).mean(), critical(after.max(axis=1))
        return float(one * self.scale[0]), float(every * self.scale[0])
