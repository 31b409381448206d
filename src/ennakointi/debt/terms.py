"""The terms of a debt's balance as draws: what was missing, and what became of it.

Arrays (p, h): p draws, h months of the account, contacts cumulated from the window's first month. Row i of every term
is one and the same draw, so that the balance holds in each of them:

    net = substituted + visible + lost + hidden + unexplained

`net` = Σ (expected − observed); `lost` = died + moved + not needed. `hidden` comes from persons and `net` from
counts, so `unexplained` = what is left over is a finding, not a definition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from scipy import stats

from ennakointi.debt.expected import Floats

LOST = ("lost_died", "lost_moved", "lost_not_needed")


@dataclass(frozen=True, eq=False)
class Terms:
    """Draws (p, h) of each term; None where a term cannot be told."""

    net: Floats
    substituted: Floats
    visible: Floats | None
    lost_died: Floats | None
    lost_moved: Floats | None
    lost_not_needed: Floats
    hidden: Floats | None

    @property
    def debt(self) -> Floats:
        """What was neither given nor replaced."""
        return self.net - self.substituted

    @property
    def lost(self) -> Floats:
        """Needs that ended without care, as far as is known."""
        gone = [draws for draws in (self.lost_died, self.lost_moved) if draws is not None]
        return np.asarray(np.sum([self.lost_not_needed, *gone], axis=0))

    @property
    def unexplained(self) -> Floats | None:
        """The rest of the balance; None where a part of it is not known."""
        if self.visible is None or self.hidden is None:
            return None
        return self.debt - self.visible - self.lost - self.hidden

    def named(self) -> Iterator[tuple[str, Floats]]:
        """Every known term with its name in `debt_parts`."""
        for name in ("substituted", "debt", "visible", "lost", *LOST, "hidden", "unexplained"):
            draws = getattr(self, name)
            if draws is not None:
                yield name, draws


def added(parts: Sequence[Terms], h: int) -> Terms:
    """Terms of several services together over h months, draw by draw; an account that ended earlier keeps what it had.

    A service without a queue or without a person model adds nothing to the sum of those terms, so that what is not
    known of it is in the sum's unexplained rest. The sum of a term that no service knows is not known.
    """
    sums: dict[str, Any] = {}
    for field in fields(Terms):
        known = [getattr(part, field.name) for part in parts if getattr(part, field.name) is not None]
        sums[field.name] = np.sum([held(draws, h) for draws in known], axis=0) if known else None
    return Terms(**sums)


def held(draws: Floats, h: int) -> Floats:
    """Cumulated draws carried on to h months."""
    return np.pad(draws, ((0, 0), (0, h - draws.shape[1])), mode="edge")


def coupled(nets: Mapping[str, Floats], at: int, sd: float, generator: np.random.Generator) -> dict[str, Floats]:
    """Draws of services in an order in which their sum has a given standard deviation in month `at`.

    Errors of services go together (a mild winter, a strike): their draws are made independently and then put in the
    order of correlated normal scores (a Gaussian copula; Iman & Conover 1982, 10.1080/03610918208812265), with the
    one correlation r that gives the sum its sd: σ² = (1 − r) Σσ_i² + r (Σσ_i)². Each service keeps its own draws.

    Parameters
    ----------
    nets : (p, h_i) by service; the month of a shorter one is its last
    sd : of the sum; below independence and above perfect dependence it cannot be reached, and the nearest is taken

    Witness: two services of sd 3 and 4: sd 5 → r 0, sd 7 → r 1.
    """
    ends = {service: draws[:, min(at, draws.shape[1] - 1)] for service, draws in nets.items()}
    own = np.array([end.std() for end in ends.values()])
    room = own.sum() ** 2 - (own**2).sum()
    r = float(np.clip((sd**2 - (own**2).sum()) / room, 0.0, 1.0)) if room > 0 else 0.0
    p = len(next(iter(ends.values())))
    common = generator.standard_normal(p)
    placed = {}
    for service, draws in nets.items():
        score = np.sqrt(r) * common + np.sqrt(1 - r) * generator.standard_normal(p)
        placed[service] = draws[np.argsort(ends[service], kind="stable")][ranks(score)]
    return placed


def ranks(values: Floats) -> np.ndarray:
    """Place of each value (p,) in their order, from 0."""
    return np.argsort(np.argsort(values, kind="stable"), kind="stable")


def normal_scores(values: Floats) -> Floats:
    """Standard normal quantiles (p,) at the values' ranks."""
    return np.asarray(stats.norm.ppf((ranks(values) + 0.5) / len(values)))


def substitution(nets: Mapping[str, Floats], coefficients: Mapping[str, Mapping[str, float]]) -> dict[str, Floats]:
    """What services gave in the place of others, cumulated draws (p, h) by service; the sum over services is 0.

    A substitute's excess over its own expected use, times its coefficient, is credited to the service that it
    replaces and taken from the substitute's own surplus. The excess is signed and cumulated, and only the cumulated
    excess is held at zero or above: a month below expectation takes back an earlier month's excess.

    Parameters
    ----------
    nets : (p, h_i) cumulated expected − observed by service; a service without use in the baseline has expected 0
    coefficients : by service, its substitutes and how many contacts one of theirs replaces

    Hand check: excess +5, −2, +4 with coefficient .5: credited 2.5, 1.5, 3.5.
    """
    given = {service: np.zeros_like(draws) for service, draws in nets.items()}
    for service, others in coefficients.items():
        for other, coefficient in others.items():
            if coefficient and service in nets and other in nets:
                credit = np.maximum(-coefficient * nets[other], 0.0)
                given[service] = given[service] + _fitted(credit, given[service].shape[1])
                given[other] = given[other] - credit
    return given


def _fitted(credit: Floats, h: int) -> Floats:
    return held(credit[:, :h], h)
