"""Inference of staggered adoption: normal with many clusters, permutation of adoption with few."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm
from scipy.stats import t as t_distribution

from ennakointi.causal import adoption, group_time
from ennakointi.causal.adoption import Permuted
from ennakointi.causal.aggregation import Averages
from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.estimates import Numbers
from ennakointi.causal.group_time import Cells, Comparison, GroupTimes, Panel

ENOUGH_CLUSTERS = 20  # treated, and comparison, for errors from influence functions
MANY_CLUSTERS = 50  # on either side, for the normal distribution


@dataclass(frozen=True, eq=False)
class Study:
    """What is estimated from: the panel without always-treated units, and how it is compared.

    Attributes
    ----------
    times : (T,) periods as text. n_always : units left out because nothing is known before their start.
    """

    panel: Panel
    times: tuple[str, ...]
    comparison: Comparison
    anticipation: int
    n_always: int
    seed: int

    def cells(self, comparison: Comparison | None = None, anticipation: int = 0) -> Cells:
        """Cells of the design, or with another comparison or more anticipation."""
        more = self.anticipation + anticipation
        return group_time.cells(self.panel.starts, self.panel.observed, comparison or self.comparison, more)


@dataclass(frozen=True, eq=False)
class Effect:
    """An average with its inference: by its standard error, or by permuted adoption when clusters are few.

    Attributes
    ----------
    critical : standard errors of a 95 % interval; NaN with few clusters.
    """

    numbers: Numbers
    p_value: float
    standard_error: float
    critical: float
    permuted: Permuted | None

    @property
    def few(self) -> bool:
        """Whether clusters are so few that adoption was permuted."""
        return self.permuted is not None


def clusters(study: Study, cells: Cells) -> tuple[int, int]:
    """Number of clusters with units that are treated in some of the cells, and of those with comparison units."""
    data = study.panel
    ours = np.isin(data.starts, cells.group)
    theirs = data.starts > cells.untouched.min(initial=NEVER)
    return data.count_clusters(ours), data.count_clusters(theirs)


def inference(study: Study, cells: Cells, effect: float, error: float) -> Effect:
    """The average of the cells with its interval; `effect` and `error` as estimated from influence functions.

    Errors of groups of few clusters are too small: below 50 clusters on a side, t with that side's clusters − 1 degrees
    of freedom keeps the level (false positives 4–6 % instead of 5–7 %, `tests/unit/test_staggered.py`).
    """
    fewest = min(clusters(study, cells))
    if fewest >= ENOUGH_CLUSTERS:
        reference = norm() if fewest >= MANY_CLUSTERS else t_distribution(fewest - 1)
        critical = float(reference.ppf(0.975))
        p_value = float(2 * reference.sf(abs(effect) / error)) if error > 0 else np.nan
        return Effect(
            Numbers(effect, effect - critical * error, effect + critical * error), p_value, error, critical, None
        )
    changes = adoption.changes(study.panel, cells)
    rows, exact = adoption.assignments(changes, study.seed)
    judged = adoption.permuted(adoption.studies(changes, rows, np.zeros(len(cells), np.int64)), exact)
    numbers = Numbers(effect, float(judged.effect.lo95), float(judged.effect.hi95))
    return Effect(numbers, judged.p_value, error, np.nan, judged)


def permuted_bands(study: Study, found: GroupTimes, dynamic: Averages, permuted: Permuted) -> tuple[Floats, Floats]:
    """How far the event study's intervals reach with few clusters (E,), alone and all at once.

    The estimated effects are taken out of the outcome; what the permuted assignments then find is noise.
    """
    changes = adoption.changes(study.panel, found.cells)
    size = np.zeros(len(study.times) + 1)
    post = dynamic.label >= 0
    size[dynamic.label[post]] = dynamic.effect[post]

    def effect_at(time: Ints) -> Floats:
        since = time - changes.starts[:, None]
        return np.where(since >= 0, size[np.clip(since, 0, len(size) - 1)], 0.0)

    left = changes.outcome - effect_at(found.cells.time) + effect_at(found.cells.base)
    rows, _ = adoption.assignments(changes, study.seed)
    label = np.searchsorted(dynamic.label, found.cells.since_start)
    noise = adoption.studies(replace(changes, outcome=left), rows, label, errors=False)
    return adoption.bands(noise, permuted.smallest_p)
