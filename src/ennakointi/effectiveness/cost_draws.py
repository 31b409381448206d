"""Effects on an outcome and on the costs of services, drawn together so that their correlation is kept.

Of areas the draws are what other assignments of the same starts would have shown (the design of record is judged by
them); of one series they are normal with the correlation of the series' residuals; of persons a bootstrap of persons
(`enrolled.joint_draws`). Joint draws: O'Brien & Briggs 2002, Statistical Methods in Medical Research 11:455–468,
10.1191/0962280202sm304ra.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ennakointi.causal import difference, randomisation, rollout, segmented
from ennakointi.causal.areas import AreaPanel, Bools, Floats, Ints
from ennakointi.causal.rollout import Planned
from ennakointi.effectiveness.series_findings import Series
from ennakointi.errors import DataError

FEWEST_ASSIGNMENTS = 20  # fewer cannot tell what happens in 5 % of the cases


@dataclass(frozen=True, eq=False)
class Joint:
    """Effects on k quantities: `estimate` (k,), and `draws` (B, k) of where they may be."""

    estimate: Floats
    draws: Floats


def joint_area_draws(
    panels: Sequence[AreaPanel], n_draws: int, seed: int, *, washout: int = 0, exclude: int | None = None
) -> Joint | None:
    """Log effects of a roll-out by area on several quantities of the same areas and months.

    Each draw moves the starts to other areas, the same in all quantities, after the estimated effects have been taken
    out: what is then found is error, stretched to the interval of the design of record.

    Parameters
    ----------
    panels : one for each quantity, with the same areas, months and starts; `n_draws` is the most assignments used.
    washout : months from the start that are left out.
    exclude : position of an area that is not permuted (see `rollout.dominant_area`).

    Returns
    -------
    None when there are fewer than 20 assignments to compare, no area with a comparison, or no interval.
    """
    designs = [rollout.planned(panel, rollout.group_time_cells(panel, washout)) for panel in panels]
    planned = [one for one in designs if one is not None]
    if len(planned) < len(panels):
        return None
    weights = [_weights(one, exclude) for one in planned]
    rows = _assignments(planned, weights, n_draws + 1, seed, exclude)
    if len(rows) < FEWEST_ASSIGNMENTS:
        return None
    found = [_errors(one, weight, rows) for one, weight in zip(planned, weights, strict=True)]
    estimate = np.array([one for one, _ in found])
    draws = estimate - np.column_stack([errors for _, errors in found])
    return Joint(estimate, draws) if np.isfinite(draws).all() else None


def _weights(planned: Planned, exclude: int | None) -> Floats:
    if exclude is None:
        return planned.weight
    return np.where(rollout.own_cells(planned.panel.starts, planned.cells, exclude), 0.0, planned.weight)


def _assignments(
    planned: Sequence[Planned], weights: Sequence[Floats], limit: int, seed: int, exclude: int | None
) -> Ints:
    """(P, A) assignments of the starts that every quantity can be estimated under, the actual one first."""
    starts = planned[0].panel.starts
    movable = np.arange(len(starts)) != exclude
    rows, _ = randomisation.assignments(starts, movable, limit, seed)
    usable: Bools = np.ones(len(rows), dtype=bool)
    for one, weight in zip(planned, weights, strict=True):
        usable &= difference.coefficients(rows, one.cells, weight, one.panel.comparison)[1].astype(bool)
    return rows[usable] if usable[0] else rows[:0]


def _errors(planned: Planned, weight: Floats, rows: Ints) -> tuple[float, Floats]:
    """The log effect of one quantity, and (P − 1,) errors of its estimate under the other assignments, stretched to the
    interval of the test of record: errors left by a fitted effect are too small with few areas."""
    first = int(planned.panel.months[0])
    comparison = planned.panel.comparison
    against = randomisation.reference(rows, planned.cells, weight, planned.expected, first, planned.noise, comparison)
    change_at = rollout.change_at(planned)
    record = randomisation.inverted_test(against, change_at)
    errors = randomisation.statistics(against, change_at(np.array([record.estimate])))[1:, 0]
    low, high = np.quantile(errors, [0.025, 0.975])
    return record.estimate, errors * (record.hi95 - record.lo95) / (high - low)


def joint_series_draws(quantities: Sequence[Series], n_draws: int, seed: int, *, washout: int = 0) -> Joint | None:
    """Log effects of a start on several series of the same months, from segmented regression; None when one is too
    short. Spread by each series' own interval, correlation by the residuals of the log rates."""
    try:
        found = [
            segmented.step_effect(one.counts, one.person_years, one.months, one.start, seed, washout=washout)
            for one in quantities
        ]
    except DataError:
        return None
    correlation = np.corrcoef([_residual(one, washout) for one in quantities]).reshape(len(quantities), -1)
    spread = np.array([(one.hi95 - one.lo95) / (2 * norm.ppf(0.975)) for one in found])
    estimate = np.array([one.estimate for one in found])
    rng = np.random.default_rng(seed)
    return Joint(
        estimate, rng.multivariate_normal(estimate, correlation * np.outer(spread, spread), n_draws, method="eigh")
    )


def _residual(series: Series, washout: int) -> Floats:
    """(T,) log rates less level, trend, season and step; 0 in the months that are not used."""
    used = ~np.isnan(series.counts) & (series.person_years > 0)
    used &= ~series.after | (series.months >= series.start + washout)
    design = segmented.segmented_design(series.months[used], series.start, harmonics=2)
    log_rate = np.log((series.counts[used] + 0.5) / series.person_years[used])
    residual = np.zeros(len(used))
    residual[used] = log_rate - design @ np.linalg.lstsq(design, log_rate, rcond=None)[0]
    return residual
