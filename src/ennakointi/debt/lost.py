"""Needs that ended without care: of those who died or moved, and of those who no longer needed it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from ennakointi.debt.expected import Floats
from ennakointi.debt.judgements import elicited

if TYPE_CHECKING:
    from ennakointi.parameters.debt_documents import DebtSettings, Likely

DEPARTURE_SD = 0.3  # log scale: how far the departures of those who missed care may be from those of all users
CLUMP = 1.5  # open needs that end together; variance over mean of planted counts in synthetic counties: 1.2–1.6


@dataclass(frozen=True, eq=False)
class Fading:
    """How open needs end, draws (p,): share of the missing contacts no longer needed `at_once`; of the open needs that
    end in a month because they pass, the person dies or moves, or the contact comes back, which it does for `phase_in`
    months. `departures_known`: whether persons tell of deaths and moves; they are 0 where not."""

    at_once: Floats
    passes: Floats
    died: Floats
    moved: Floats
    returns: Floats
    phase_in: int
    departures_known: bool = False

    @property
    def without_care(self) -> Floats:
        """Share of the open needs that ends in a month without care, (p,)."""
        return self.passes + self.died + self.moved


@dataclass(frozen=True, eq=False)
class Lost:
    """Cumulated draws (p, h) of needs that ended, by reason."""

    died: Floats
    moved: Floats
    not_needed: Floats

    @property
    def all(self) -> Floats:
        return self.died + self.moved + self.not_needed


def fading(settings: DebtSettings, n_paths: int, seed: int) -> Fading:
    """Draws of what debt.yml says of needs that end; the same draw for every service, because what is wrong for one is
    wrong for all. Deaths and moves are those of the service's own users (`departures`)."""
    generator = np.random.default_rng(seed)
    at_once, passes = (drawn(one, n_paths, generator) for one in (settings.lost.at_once, settings.lost.per_month))
    shares = settings.return_shares
    back = generator.triangular(min(shares), float(np.median(shares)), max(shares) + 1e-9, n_paths)
    none = np.zeros(n_paths)
    phase_in = settings.clearing.phase_in_months
    return Fading(np.minimum(at_once, 1.0), passes, none, none, back / phase_in, phase_in)


def of_service(
    general: Fading, service: str, settings: DebtSettings, leaving: tuple[float, float] | None, seed: int
) -> Fading:
    """The draws of one service: its own share at once where debt.yml gives one, and its users' monthly departures
    `leaving` (died, moved), which those who missed care need not share: `DEPARTURE_SD`."""
    p, generator = len(general.at_once), np.random.default_rng(seed)
    at_once = general.at_once
    if service in settings.lost.services:
        order = np.argsort(np.argsort(at_once))
        scores = stats.norm.ppf((order + 0.5) / p)
        at_once = np.minimum(at_scores(settings.lost.services[service], scores), 1.0)
    if leaving is None:
        return replace(general, at_once=at_once)
    died, moved = np.array(leaving)[:, None] * np.exp(generator.normal(0.0, DEPARTURE_SD, (2, p)))
    return replace(general, at_once=at_once, died=died, moved=moved, departures_known=True)


def drawn(told: Likely, n: int, generator: np.random.Generator) -> Floats:
    """Draws (n,) of a number told as low (10 % quantile), likely and high (90 % quantile)."""
    return at_scores(told, generator.standard_normal(n))


def at_scores(told: Likely, scores: Floats) -> Floats:
    """Values (n,) of the judged number (`judgements.elicited`) at standard normal scores, held at 0 or above."""
    if told.low == told.high:
        return np.full(len(scores), float(told.likely))
    judged = elicited(float(told.low), float(told.likely), float(told.high))
    return np.maximum(judged.quantile(stats.norm.cdf(scores)), 0.0)


def cumulated(open_net: Floats, fade: Fading, seed: int) -> Lost:
    """Needs lost by the end of each month, from the missing contacts that were not replaced.

    Month by month and draw by draw: what is open is what is missing and not lost yet, K = debt − lost; what is newly
    missing is the debt's growth and what has come back of K; a share of the newly missing is not needed at once, and a
    share of K ends in the month. All of it is signed: a surplus takes back, and where nothing was missing nothing is
    lost on average. Of these means as many end as chance has it (`counted`).

    Parameters
    ----------
    open_net : (p, h) cumulated debt: expected − observed − substituted

    Hand check (`means`): debt 100, 100 with 10 % at once and 5 % a month: lost 10, then 10 + 5 % of 90 = 14.5.
    """
    generator = np.random.default_rng(seed)
    return Lost(*(counted(mean, generator) for mean in means(open_net, fade)))


def counted(mean: Floats, generator: np.random.Generator) -> Floats:
    """Cumulated counts (p, h) about cumulated means: Poisson in every month, in clumps of `CLUMP` needs, because one
    person has several; the means' signs are kept."""
    increments = np.diff(mean, axis=1, prepend=0.0)
    return np.cumsum(CLUMP * np.sign(increments) * generator.poisson(np.abs(increments) / CLUMP), axis=1)


def means(open_net: Floats, fade: Fading) -> Floats:
    """Needs of those who died, of those who moved, and not needed, cumulated, (3, p, h)."""
    p, h = open_net.shape
    ended = np.zeros((3, p, h))
    total, before, still = np.zeros((3, p)), np.zeros(p), np.zeros(p)
    for month in range(h):
        newly = open_net[:, month] - before + fade.returns * still
        total[0] += fade.died * still
        total[1] += fade.moved * still
        total[2] += fade.passes * still + fade.at_once * newly
        ended[:, :, month] = total
        before = open_net[:, month]
        still = before - total.sum(axis=0)
    return ended


def carried(hidden: Floats, months: int, fade: Fading) -> Floats:
    """Hidden need left after each of the months that follow, (p, months): some passes, dies or moves away, some comes
    back evenly over the phase-in, and no more after it.

    Parameters
    ----------
    hidden : (p,) at the end of the window

    Hand check: 1,000 hidden, half of which comes back in 36 months, nothing else: 750 after 18 months, 500 from 36 on.
    """
    after = np.arange(1, months + 1)
    stays = (1 - fade.without_care[:, None]) ** after
    back = fade.returns[:, None] * np.minimum(after, fade.phase_in)
    return np.asarray(hidden[:, None] * stays * (1 - back))


def departures(rows: pd.DataFrame | None, service: str) -> tuple[float, float] | None:
    """Monthly shares of a service's users that die and that move, from `person_model`; None where no persons tell."""
    if rows is None:
        return None
    found = rows[rows["service"] == service].dropna(subset=["died_per_month", "moved_per_month"])
    if found.empty:
        return None
    died, moved = found[["died_per_month", "moved_per_month"]].iloc[0]
    return float(died), float(moved)
