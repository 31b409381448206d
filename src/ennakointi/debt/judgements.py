"""A number that somebody judged, told as low, likely and high, as a distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from ennakointi.debt.expected import Floats

TAIL = 0.1  # probability below `low` and above `high`


@dataclass(frozen=True)
class TwoPieceNormal:
    """Two halves of normal distributions joined at `mode`, with `left_sd` and `right_sd` (≥ 0, not both 0).

    John 1982, 10.1080/03610928208828279; Wallis 2014, 10.1214/13-STS417. The left half holds left_sd / (left_sd +
    right_sd) of the probability.
    """

    mode: float
    left_sd: float
    right_sd: float

    @property
    def left_share(self) -> float:
        return self.left_sd / (self.left_sd + self.right_sd)

    def density(self, x: Floats) -> Floats:
        sd = np.where(x < self.mode, self.left_sd, self.right_sd)
        shape = np.exp(-0.5 * ((x - self.mode) / np.where(sd > 0, sd, 1.0)) ** 2)
        return np.where(sd > 0, shape, 0.0) * 2.0 / (self.left_sd + self.right_sd) * stats.norm.pdf(0.0)

    def quantile(self, probability: Floats) -> Floats:
        left = self.left_share
        below = probability < left
        inside = np.where(below, probability / (2 * left), 0.5 + (probability - left) / (2 * (1 - left)))
        return self.mode + np.where(below, self.left_sd, self.right_sd) * stats.norm.ppf(inside)


def elicited(low: float, likely: float, high: float) -> TwoPieceNormal:
    """The two-piece normal with mode `likely` whose 10 % and 90 % quantiles are `low` and `high`, exactly.

    Three judged points and a family that fits them: O'Hagan et al. 2006, Uncertain Judgements, ch. 6 (0-470-02999-4).
    With a = likely − low, b = high − likely and left share r: left_sd = a / z(1 − .05/r), right_sd = b / z(1 −
    .05/(1 − r)) and left_sd / right_sd = r / (1 − r), which one r in (.1, .9) fulfils. Hand check: a = b gives the
    normal with sd a / 1.2816; a = 0 gives r = .1.

    Parameters
    ----------
    low, likely, high : contacts, rising, low < high

    Raises
    ------
    ValueError
        When the three do not rise.
    """
    below, above = likely - low, high - likely
    if below < 0 or above < 0 or below + above <= 0:
        raise ValueError(f"elicited: low, likely and high must rise, but are {low}, {likely}, {high}")
    if min(below, above) < 1e-6 * (below + above):
        short, long = TAIL, (below + above) / stats.norm.isf(TAIL / 2 / (1 - TAIL))
        sds = (long * short / (1 - short), long)
        return TwoPieceNormal(likely, *(sds if below < above else sds[::-1]))

    def unevenness(share: float) -> float:
        z_left, z_right = stats.norm.isf(TAIL / 2 / share), stats.norm.isf(TAIL / 2 / (1 - share))
        return float(below * z_right * (1 - share) - above * z_left * share)

    share = optimize.brentq(unevenness, TAIL, 1 - TAIL, xtol=1e-14)
    left = below / stats.norm.isf(TAIL / 2 / share) if share > TAIL else 0.0
    return TwoPieceNormal(likely, float(left), float(left * (1 - share) / share))
