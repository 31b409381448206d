"""Effect of a roll-out by area: group-time differences of log rates, judged by permuting the adoption.

The largest area, when it holds more than half of all person-time, has no equal to be exchanged with: it
keeps its own start, it is a comparison until then, and it does not enter the effect of record. The effect
with it is shown beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ennakointi.causal import difference, randomisation
from ennakointi.causal.areas import NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.causal.difference import Cells, Noise
from ennakointi.causal.randomisation import RandomisedEffect, Reference

BASE_MONTHS = 12  # the least before the start; whole years
WINDOW_MONTHS = 3
DOMINANT_SHARE = 0.5
SIMULATED_STUDIES = 200


@dataclass(frozen=True, eq=False)
class RolloutEffect:
    """The effect on the logarithm of the rate, and what it rests on.

    Attributes
    ----------
    treated, comparison : (A,) areas that enter as treated, and as comparison in some cell.
    detectable : smallest log effect found in 8 of 10 simulated studies, NaN when none.
    rate_after : events per person-year of the treated areas under the intervention.
    crude : log change of the treated areas' rate from the year before the start.
    """

    effect: RandomisedEffect
    treated: Bools
    comparison: Bools
    detectable: float
    rate_after: float
    crude: float
    noise: Noise


@dataclass(frozen=True, eq=False)
class Planned:
    """What does not change when an effect is taken out of the counts."""

    panel: AreaPanel
    cells: Cells
    weight: Floats
    expected: Floats
    noise: Noise


def dominant_area(panel: AreaPanel) -> int | None:
    """Position of the area with more than half of the person-time, or None."""
    share = panel.size / panel.size.sum()
    largest = int(np.argmax(share))
    return largest if share[largest] > DOMINANT_SHARE else None


def rollout_effect(
    panel: AreaPanel,
    permutations: int,
    seed: int,
    exclude: int | None = None,
    cells: Cells | None = None,
    studies: int = SIMULATED_STUDIES,
) -> RolloutEffect | None:
    """Average effect on the areas that started, over their windows after the start.

    Parameters
    ----------
    panel : areas × months; months without coverage are NaN.
    permutations : most assignments of starts that are compared; all distinct ones if there are fewer.
    exclude : position of an area that is not permuted and does not count as treated (see `dominant_area`).
    cells : group-time cells; by default those of `group_time_cells`.
    studies : simulated for the smallest detectable effect; with 0 it is left unknown.

    Returns
    -------
    None when no area with 12 covered months before its start has a comparison area.
    """
    design = planned(panel, cells)
    if design is None:
        return None
    against = _reference(design, permutations, seed, exclude)
    if against is None:
        return None
    effect = randomisation.inverted_test(against, change_at(design))
    coefficient = against.coefficient[0].reshape(design.weight.shape)
    treated = ((coefficient > 0) & (panel.starts[:, None] == design.cells.start)).any(axis=1)
    rate, crude = _before_after(panel, treated)
    return RolloutEffect(
        effect=effect,
        treated=treated,
        comparison=(coefficient < 0).any(axis=1),
        detectable=_detectable(design, against, seed, studies) if studies else np.nan,
        rate_after=rate,
        crude=crude,
        noise=design.noise,
    )


def placebo_effect(panel: AreaPanel, permutations: int, seed: int, exclude: int | None) -> RolloutEffect | None:
    """The same design with the starts a year early, on the months before the real ones: no effect is true."""
    earlier = np.where(panel.starts < NEVER, panel.starts - BASE_MONTHS, NEVER)
    cells = group_time_cells(replace(panel, starts=earlier), follow_up=BASE_MONTHS)
    return rollout_effect(
        panel, permutations, seed, exclude, replace(cells, start=cells.start + BASE_MONTHS), studies=0
    )


def leave_one_out(panel: AreaPanel, treated: Bools, exclude: int | None, washout: int = 0) -> Floats:
    """Log effects without each of the treated areas in turn, `washout` months after the starts left out; NaN where
    nothing is left."""
    found = []
    for area in np.flatnonzero(treated):
        others = panel.without(int(area))
        design = planned(others, group_time_cells(others, washout))
        moved = None if exclude is None else exclude - int(exclude > area)
        against = None if design is None else _reference(design, 1, 0, moved)
        change = np.nan if against is None or design is None else change_at(design)(np.zeros(1))
        found.append(np.nan if against is None else float(against.coefficient[0] @ np.nan_to_num(change).ravel()))
    return np.array(found)


def group_time_cells(panel: AreaPanel, washout: int = 0, follow_up: int | None = None) -> Cells:
    """All whole years before each start that the areas cover, against every 3 months from the washout's end on.

    A base of one year would lose power when areas stray for long: with autocorrelation 0.8 and 3 of 10 areas treated a
    fall of 15 % is found in 85 of 100 studies against 97 (`benchmarks/false_positives.py`).
    """
    first, last = int(panel.months[0]), int(panel.months[-1]) - washout
    parts = []
    for start in np.unique(panel.starts[panel.starts < NEVER]):
        base = base_months(panel, int(start))
        one = np.array([start])
        parts.append(difference.group_time_cells(one, first, last, WINDOW_MONTHS, base, follow_up=follow_up))
    if not parts:
        return Cells(*np.zeros((5, 0), dtype=np.int64))
    joined = Cells(*(np.concatenate(held) for held in zip(*(vars(part).values() for part in parts))))
    return replace(joined, first=joined.first + washout, last=joined.last + washout)


def base_months(panel: AreaPanel, start: int) -> int:
    """Whole years before the start without a gap in any area that covers at least the last of them."""
    before = panel.months < start
    gaps = np.isnan(panel.counts[:, before]) | (panel.person_years[:, before] <= 0)
    covered = np.cumprod(~gaps[:, ::-1], axis=1).sum(axis=1)
    enough = covered[covered >= BASE_MONTHS]
    return max(int(enough.min(initial=len(panel.months))) if len(enough) else 0, BASE_MONTHS) // 12 * 12


def planned(panel: AreaPanel, cells: Cells | None) -> Planned | None:
    cells = group_time_cells(panel) if cells is None else cells
    if not len(cells):
        return None
    before = panel.months < panel.starts.min()
    if not before.any():
        return None
    spread = difference.noise(panel.counts[:, before], panel.person_years[:, before])
    expected = _expected(panel, before)
    change = difference.log_change(panel.counts, panel.person_years, panel.months, cells)
    in_window = difference.window_sums(expected, panel.months, cells.first, cells.last)
    in_base = difference.window_sums(expected, panel.months, cells.base_first, cells.base_last)
    weight = difference.precision_weights(in_window, in_base, spread, ~np.isnan(change))
    return Planned(panel, cells, weight, expected, spread)


def _expected(panel: AreaPanel, before: Bools) -> Floats:
    """(A, T) events at each area's own rate before the first start of all, else at the pooled rate."""
    covered = ~np.isnan(panel.counts) & before
    events = np.where(covered, panel.counts, 0).sum(axis=1)
    time = np.where(covered, panel.person_years, 0).sum(axis=1)
    pooled = events.sum() / max(time.sum(), 1e-12)
    rate = np.where(time > 0, (events + 0.5) / np.maximum(time, 1e-12), pooled)
    return np.asarray(rate[:, None] * panel.person_years)


def _reference(design: Planned, permutations: int, seed: int, exclude: int | None) -> Reference | None:
    """Coefficients under the actual and the permuted starts; None when the actual ones give no cell."""
    panel, weight = design.panel, design.weight
    movable = np.ones(len(panel.areas), dtype=bool)
    if exclude is not None:
        movable[exclude] = False
        weight = np.where(own_cells(panel.starts, design.cells, exclude), 0.0, weight)
    if not movable.any():
        return None
    rows, _ = randomisation.assignments(panel.starts, movable, permutations, seed)
    if not difference.coefficients(rows[:1], design.cells, weight, panel.comparison)[1][0]:
        return None
    first = int(panel.months[0])
    return randomisation.reference(rows, design.cells, weight, design.expected, first, design.noise, panel.comparison)


def own_cells(starts: Ints, cells: Cells, area: int) -> Bools:
    """(A, K) True for the cells in which the area itself would be treated."""
    own = np.zeros((len(starts), len(cells)), dtype=bool)
    own[area] = cells.start == starts[area]
    return own


def change_at(design: Planned) -> Callable[[Floats], Floats]:
    """Changes of log rates had a log effect been taken out of the treated months."""
    under = design.panel.months >= design.panel.starts[:, None]
    return lambda effects: _changes(design, design.panel.counts * np.exp(-effects[:, None, None] * under))


def _changes(design: Planned, studies: Floats) -> Floats:
    """(D, A, K) changes of log rates of D sets of counts (D, A, T)."""
    panel = design.panel
    flat = studies.reshape(-1, len(panel.months))
    time = np.tile(panel.person_years, (len(studies), 1))
    change = difference.log_change(flat, time, panel.months, design.cells)
    return change.reshape(*studies.shape[:2], -1)


def _before_after(panel: AreaPanel, treated: Bools) -> tuple[float, float]:
    """Rate of the treated areas under the intervention, and their log change from before."""
    starts = panel.starts[:, None]
    covered = ~np.isnan(panel.counts) & treated[:, None]
    after = covered & (panel.months >= starts)
    before = covered & (panel.months < starts) & (panel.months >= starts - BASE_MONTHS)
    events = [float(np.where(part, panel.counts, 0).sum()) for part in (after, before)]
    time = [float(np.where(part, panel.person_years, 0).sum()) for part in (after, before)]
    rates = [n / t for n, t in zip(events, time)]
    crude = float(np.log(rates[0] / rates[1])) if min(rates) > 0 else np.nan
    return rates[0], crude


def _detectable(design: Planned, against: Reference, seed: int, studies: int) -> float:
    """Smallest log effect found in 8 of 10 studies drawn from the level and noise before the first start."""
    rng = np.random.default_rng(seed)
    panel, spread = design.panel, design.noise
    drift = spread.drift * rng.standard_normal((studies, len(panel.areas), 1))
    since = panel.months >= panel.starts.min()
    mean = design.expected * np.exp(drift * since)
    if spread.dispersion > 1 + 1e-9:
        mean = rng.gamma(np.maximum(mean / (spread.dispersion - 1), 1e-9)) * (spread.dispersion - 1)
    counts = np.where(np.isnan(panel.counts), np.nan, rng.poisson(mean).astype(float))
    under = (panel.months >= panel.starts[:, None]).astype(float) * (panel.starts[:, None] < NEVER)
    window = difference.window_sums(under, panel.months, design.cells.first, design.cells.last) / WINDOW_MONTHS
    base = difference.window_sums(under, panel.months, design.cells.base_first, design.cells.base_last)
    base /= design.cells.base_last - design.cells.base_first + 1
    return randomisation.minimum_detectable(against, _changes(design, counts), np.nan_to_num(window - base))
