"""What is checked of a difference-in-differences: trends before the start, other dates, units and estimators."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import t as t_distribution

from ennakointi.causal import two_way
from ennakointi.causal.areas import LEVEL, NEVER, Bools, Floats, Ints
from ennakointi.causal.did_comparison import Found, clusters, estimated, one_start, part_of
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.errors import DataError
from ennakointi.results import Check
from ennakointi.text import N_

MOST_LEFT_OUT = 50  # units of a side that are left out one at a time
MOST_MISSING = 0.1
FEWEST_FOR_HISTORY = 5  # units for the regression on the outcome before the start
CLUSTERS_PER_COEFFICIENT = 5  # for a Wald test; with fewer the largest coefficient is tested


def checks(found: Found, always: int, without_largest: Found | None, seed: int) -> tuple[Check, ...]:
    """Every check that the design allows, in order of weight."""
    made = (
        _pre_trends(found, seed),
        _placebo_date(found, seed),
        _staggered(found),
        _inference(found),
        _smallest_p(found),
        _units(found),
        _largest(found, without_largest),
        _history(found),
        _autocorrelation(found),
        _always_treated(always),
        _missing(found.panel),
    )
    return tuple(check for check in made if check is not None)


def critical(freedom: int) -> float:
    """Standard errors of a 95 % interval."""
    return float(t_distribution.ppf(0.975, freedom))


def no_bounds() -> Check:
    """Bounds were not possible."""
    message = N_("Bounds for trends that were not parallel need more clusters than periods.")
    return Check("honest", None, message)


def bounds(breakdown: float) -> Check:
    """How much the trends may differ before the first effect is lost."""
    message = N_(
        "The first effect differs from none while trends differ after the start by at most {breakdown} times "
        "the largest difference between periods before it."
    )
    value = 0.0 if np.isnan(breakdown) else min(round(breakdown, 2), 100.0)
    return Check("honest", bool(value >= 1), message, {"breakdown": value})


def _pre_trends(found: Found, seed: int) -> Check | None:
    if found.events is not None:
        p, periods = found.events.pre_trend_p, int((found.events.since < 0).sum())
    elif found.permuted is not None:
        return None
    else:
        since, fit = found.by_period
        before = (since < 0) & _shared(found.panel, since)
        periods = int((before & np.isfinite(fit.estimate)).sum())
        many = periods * CLUSTERS_PER_COEFFICIENT > fit.freedom
        p = fit.largest_p(before, seed) if many else fit.joint_p(before)
    if not np.isfinite(p):
        return None
    if (few := _too_few("pre_trends", found)) is not None:
        return few
    message = (
        N_("Treated and comparison moved alike before the start: {periods} periods tested together, p = {p}.")
        if p > LEVEL
        else N_("Treated and comparison moved apart before the start: {periods} periods tested together, p = {p}.")
    )
    return Check("pre_trends", bool(p > LEVEL), message, {"p": _p(p), "periods": periods}, critical=True)


def _too_few(name: str, found: Found) -> Check | None:
    """A check that no data could fail is none."""
    if found.permuted is None or found.permuted.smallest_p <= LEVEL:
        return None
    message = N_("Whether the time before the start agrees cannot be judged: no p-value below {p} is possible.")
    return Check(name, None, message, {"p": found.permuted.smallest_p})


def _shared(panel: UnitPanel, since: Ints) -> Bools:
    """(k,) periods since the start that at least half of the treated units are observed in."""
    treated = np.flatnonzero(panel.starts < NEVER)
    unit, time = np.nonzero(two_way.known_cells(panel)[treated])
    observed = pd.Series(time - panel.starts[treated][unit]).value_counts().reindex(since, fill_value=0)
    return np.asarray(observed.to_numpy() >= len(treated) / 2)


def _placebo_date(found: Found, seed: int) -> Check | None:
    """The same estimate with the start moved to the middle of the time before the first start."""
    first = int(found.panel.starts.min())
    if first < 3:
        return None
    try:
        earlier = estimated(_before(found.panel, first), seed)
    except DataError:  # nothing is observed on one side of the middle
        return None
    if (few := _too_few("placebo_date", earlier)) is not None:
        return few
    message = (
        N_("A start moved to the middle of the time before the real one shows no effect: p = {p}.")
        if earlier.p_value > LEVEL
        else N_("A start moved to the middle of the time before the real one shows an effect: p = {p}.")
    )
    return Check("placebo_date", bool(earlier.p_value > LEVEL), message, {"p": _p(earlier.p_value)})


def _before(panel: UnitPanel, first: int) -> UnitPanel:
    """The periods before the first start, with a start in their middle."""
    return replace(
        panel,
        times=panel.times[:first],
        values=panel.values[:, :first],
        offset=None if panel.offset is None else panel.offset[:, :first],
        covariates=panel.covariates[:, :first],
        starts=np.where(panel.starts < NEVER, first // 2, NEVER),
    )


def _staggered(found: Found) -> Check | None:
    starts = len(np.unique(found.panel.starts[found.panel.starts < NEVER]))
    if starts == 1:
        return None
    message = N_(
        "Units started at {starts} different times: two-way fixed effects then compare with units that are already "
        "treated and are biased when effects change; use the staggered design."
    )
    return Check("staggered", False, message, {"starts": starts})


def _inference(found: Found) -> Check:
    treated, others = clusters(found.panel)
    values = {"treated": treated, "comparison": others}
    if found.permuted is None:
        message = N_(
            "With {treated} treated and {comparison} comparison clusters the cluster-robust errors can be trusted."
        )
        return Check("few_clusters", True, message, values)
    message = N_(
        "With {treated} treated and {comparison} comparison clusters cluster-robust errors (p = {conventional}) cannot "
        "be trusted: the effect is judged by {assignments} assignments of the treatment."
    )
    more = {"conventional": _p(found.fit.p_value), "assignments": found.permuted.n_assignments}
    return Check("few_clusters", False, message, values | more)


def _p(p_value: float) -> float | None:
    """A p-value as it is told: in thousandths, and at least one."""
    return max(round(p_value, 3), 0.001) if np.isfinite(p_value) else None


def _smallest_p(found: Found) -> Check | None:
    if found.permuted is None or found.permuted.smallest_p <= LEVEL:
        return None
    message = N_(
        "No p-value below {p} is possible with so few units: 5 per cent cannot be reached and no interval is given."
    )
    return Check("smallest_p", False, message, {"p": found.permuted.smallest_p})


def leave_one_out(found: Found) -> pd.DataFrame | None:
    """The estimate without each unit in turn; a side with more than 50 units is left whole."""
    panel, rows = found.panel, []
    for group, side in (("treated", panel.starts < NEVER), ("comparison", panel.starts == NEVER)):
        if not 2 <= side.sum() <= MOST_LEFT_OUT:
            continue
        for place in np.flatnonzero(side):
            estimate = _without(panel, int(place))
            rows.append({"group": group, "left_out": panel.units[place], "estimate": estimate})
    return pd.DataFrame(rows) if rows else None


def _without(panel: UnitPanel, place: int) -> float:
    try:
        return float(two_way.effect(part_of(panel, np.arange(len(panel.units)) != place)).estimate[0])
    except DataError:  # nothing can be compared without it
        return np.nan


def _units(found: Found) -> Check | None:
    table = leave_one_out(found)
    if table is None or table["estimate"].isna().all():
        return None
    low, high = float(table["estimate"].min()), float(table["estimate"].max())
    message = N_("Without any one unit the estimate stays between {low} and {high}.")
    return Check("leave_one_out", _agrees(found, np.array([low, high])), message, {"low": low, "high": high})


def _agrees(found: Found, others: Floats) -> bool:
    """Whether other estimates lie in the interval of record; without one, whether they have its sign."""
    effect = found.effect
    if np.isfinite(effect.hi95 - effect.lo95):
        return bool(((others >= effect.lo95) & (others <= effect.hi95)).all())
    return bool((np.sign(others) == np.sign(effect.estimate)).all())


def _largest(found: Found, without: Found | None) -> Check | None:
    if without is None:
        return None
    other = float(without.fit.estimate[0])
    message = N_("One unit holds more than half of the whole; without it the estimate is {other}.")
    return Check("without_largest", _agrees(found, np.array([other])), message, {"other": other})


def _history(found: Found) -> Check | None:
    """Analysis of covariance: the mean after the start regressed on the mean before it and the treatment."""
    panel = found.panel
    if not one_start(panel):
        return None
    known = two_way.known_cells(panel)
    after = np.arange(len(panel.times)) >= panel.starts.min()
    levels = np.stack([_level(panel, known & ~after), _level(panel, known & after)])
    usable = np.isfinite(levels).all(axis=0)
    treated = (panel.starts < NEVER)[usable]
    if treated.sum() < 1 or (~treated).sum() < FEWEST_FOR_HISTORY - 1 or np.ptp(levels[0, usable]) == 0:
        return None
    design = np.column_stack([np.ones(usable.sum()), levels[0, usable], treated])
    other = float(np.linalg.lstsq(design, levels[1, usable], rcond=None)[0][2])
    message = N_("Another estimator, the regression on the level before the start, gives {other}.")
    return Check("alternative_estimator", _agrees(found, np.array([other])), message, {"other": other})


def _level(panel: UnitPanel, cells: Floats) -> Floats:
    """(U,) mean of each unit's cells, or the logarithm of its rate; NaN where there is none."""
    amount = np.where(cells, panel.values, 0.0).sum(axis=1)
    size = np.where(cells, 1.0 if panel.offset is None else panel.offset, 0.0).sum(axis=1)
    level = np.where(size > 0, amount, np.nan) / np.where(size > 0, size, 1.0)
    return level if panel.offset is None else np.log(np.where(level > 0, level, np.nan))


def _autocorrelation(found: Found) -> Check | None:
    left = found.panel.values - found.fit.fitted
    if found.panel.offset is not None:
        left = left / np.sqrt(np.maximum(found.fit.fitted, 1e-12))
    pairs = np.isfinite(left[:, 1:] + left[:, :-1])
    if left.shape[1] < 4 or pairs.sum() < 10:
        return None
    first, second = left[:, :-1][pairs], left[:, 1:][pairs]
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if scale == 0:
        return None
    message = N_("Residuals of neighbouring periods have the correlation {correlation}; the errors allow for it.")
    return Check("autocorrelation", True, message, {"correlation": float((first * second).sum()) / scale})


def _always_treated(units: int) -> Check | None:
    if not units:
        return None
    message = N_("{units} units are treated from their first period on and are left out: they show no change.")
    return Check("always_treated", False, message, {"units": units})


def _missing(panel: UnitPanel) -> Check | None:
    missing = float((~two_way.known_cells(panel)).mean())
    if missing == 0:
        return None
    message = N_("Of the cells unit by period {missing_share} are missing or cannot be used.")
    return Check("missing", missing <= MOST_MISSING, message, {"missing_share": missing})
