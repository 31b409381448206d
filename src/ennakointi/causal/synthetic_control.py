"""Synthetic control: a weighted mean of donors that went like the treated unit before the start stands for it after.

Abadie, Diamond & Hainmueller 2010, Journal of the American Statistical Association 105:493–505,
10.1198/jasa.2009.ap08746. Weights by the outcomes of all periods before the start (an exact solution), or by
predictors (`predictor_weights`). Several treated units that start together count as one, their mean. Inference by
placebos among the donors, with the same effort for every unit. Witness: California's Proposition 99.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import donor_checks, donor_pool, placebos, predictor_weights, simplex
from ennakointi.causal.areas import Floats, Ints
from ennakointi.causal.donor_pool import Block
from ennakointi.causal.estimates import Estimate, Numbers
from ennakointi.causal.frames import times
from ennakointi.causal.placebos import Placebos
from ennakointi.causal.unit_panels import unit_panel
from ennakointi.errors import DataError
from ennakointi.results import Check

SETS_WITH_PREDICTORS = 40  # of units, when several are treated: each set needs a search of its own


@dataclass(frozen=True, eq=False)
class Control:
    """One synthetic control. `weights` : (n,) of the donors. `gap`, `counterfactual` : (T,). `importance` : (K,) of
    predictors, empty without."""

    weights: Floats
    gap: Floats
    counterfactual: Floats
    importance: Floats


@dataclass(frozen=True, eq=False)
class ControlTest:
    """A synthetic control and its placebos in space.

    Attributes
    ----------
    control : of the treated units. placebos : of every unit or set. sets : (P, k) positions, the treated ones first.
    effect : mean gap after the start with the interval of the inverted placebo test.
    p_value : rank of the mean gap. p_ratio : rank of the ratio of root mean squared errors after and before the start,
        the one of Abadie, Diamond & Hainmueller; it is weak where the donors outnumber the periods before the start,
        because some placebos then fit them by chance.
    """

    control: Control
    placebos: Placebos
    sets: Ints
    effect: Numbers
    p_value: float
    p_ratio: float


def synthetic(treated: Floats, donors: Floats, start: int, predictors: Floats | None = None, seed: int = 0) -> Control:
    """Synthetic control of one series.

    Parameters
    ----------
    treated : (T,). donors : (n, T). start : first treated period. predictors : (K, n + 1), the treated unit first.
    """
    if predictors is None:
        weights, importance = simplex.nearest(donors[:, :start].T, treated[:start]), np.zeros(0)
    else:
        outcomes = np.vstack([treated, donors])[:, :start].T
        found = predictor_weights.fit(predictors, outcomes, seed)
        weights, importance = found.weights, found.importance
    counterfactual = weights @ donors
    return Control(weights, treated - counterfactual, counterfactual, importance)


def with_placebos(
    values: Floats, treated: Sequence[int], start: int, predictors: Floats | None = None, seed: int = 0
) -> ControlTest:
    """Synthetic control of the mean of some units, with placebos in space.

    Parameters
    ----------
    values : (U, T) without gaps, of areas whose sizes may differ as long as the values are rates.
    treated : positions of the treated units. start : first treated period, 1 … T − 1. predictors : (K, U).
    """
    if len(treated) >= len(values):
        raise DataError("every unit is treated: donors that are never treated are needed")
    rest = np.setdiff1d(np.arange(len(values)), treated)
    limit = placebos.LIMIT if predictors is None or len(treated) == 1 else SETS_WITH_PREDICTORS
    chosen = [np.asarray(treated), *(rest[one] for one in placebos.sets(len(rest), len(treated), seed, limit))]
    controls = []
    for one in chosen:
        donors = np.setdiff1d(rest, one)
        beside = None
        if predictors is not None:
            beside = np.column_stack([predictors[:, one].mean(axis=1), predictors[:, donors]])
        controls.append(synthetic(values[one].mean(axis=0), values[donors], start, beside, seed))
    gaps = np.array([control.gap for control in controls])
    found = Placebos(gaps, _before(gaps, values, start), start)
    p_value, p_ratio = placebos.rank_p(found.statistics), placebos.rank_p(found.ratios)
    return ControlTest(controls[0], found, np.array(chosen, np.int64), found.interval(), p_value, p_ratio)


def _before(gaps: Floats, values: Floats, start: int) -> Floats:
    """(P,) errors before the start; a perfect fit counts as a hundredth of the noise, not as none."""
    noise = float(np.diff(values[:, :start], axis=1).std()) if start > 1 else 0.0
    level, range_ = float(np.abs(values).max()), float(np.ptp(values))
    floor = max(0.01 * noise, 1e-6 * (range_ if range_ > 1e-9 * level else level), 1e-300)
    return np.asarray(np.maximum(np.sqrt((gaps[:, :start] ** 2).mean(axis=1)), floor))


def synthetic_control(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    unit: str,
    treated: str | Collection[str] | None = None,
    treatment: str | None = None,
    start: Any = None,
    predictors: Sequence[str] = (),
    seed: int = 0,
) -> Estimate:
    """Effect on the treated unit against a synthetic control.

    Parameters
    ----------
    frame : one row a unit and period. treated and start, or treatment : as in `unit_panel`; all start together.
    predictors : columns, each as its mean over the periods before the start in which it is known; `name@1975` or
        `name@1984:1988` takes one period or a window. Without any, all outcomes before the start.

    Returns
    -------
    `effect`: mean gap after the start. Its p-value is its rank among placebos in space, in units of the error before
    the start; the interval inverts this test for a constant effect. The rank of the ratio of errors after and before
    is in the settings (`p_rmspe_ratio`). Parts: donor_weights, predictor_balance, path, event_study, placebos,
    leave_one_out.

    Raises
    ------
    ParameterError, DataError
        As `unit_panel`; several starts; no donor, or nothing before the start.
    """
    named = [donor_pool.predictor(text, frame.columns) for text in predictors]
    columns = list(dict.fromkeys(one.column for one in named))
    ways = {"start": start, "treated": treated, "treatment": treatment}
    panel = unit_panel(frame, outcome, time, unit, covariates=columns, **ways).by_values()
    cohort = donor_pool.one_start(panel)
    known = donor_pool.means(named, columns, panel, times(frame, time), cohort)
    pool = donor_pool.block(panel, cohort, known)
    problem = Problem(pool, known[pool.rows].T if named else None, seed, [panel.units[row] for row in pool.rows])
    return _estimate(problem, outcome, tuple(predictors))


@dataclass(frozen=True, eq=False)
class Problem:
    """What is estimated: a block, its predictors (K, N) if any, the seed, and the names of the units (N,)."""

    pool: Block
    predictors: Floats | None
    seed: int
    units: Sequence[str]


def _estimate(problem: Problem, outcome: str, predictors: tuple[str, ...]) -> Estimate:
    pool = problem.pool
    test = with_placebos(pool.values, range(pool.n_treated), pool.start, problem.predictors, problem.seed)
    left_out, earlier = _leave_one_out(problem, test.control), _start_moved_back(pool, problem.seed)
    level = float(test.control.counterfactual[pool.start :].mean())
    parts = {
        "donor_weights": donor_weights(problem.units[pool.n_treated :], test.control.weights),
        "predictor_balance": _balance(problem, test.control, predictors, outcome),
        **paths(test.control.gap, test.control.counterfactual, pool, test.placebos.half_widths()),
        "placebos": _placebo_table(problem, test),
        "leave_one_out": left_out,
    }
    return Estimate(
        design="synthetic_control",
        outcome=outcome,
        effect=test.effect,
        relative=relative(test.effect, level, pool.values),
        p_value=test.p_value,
        n=int(pool.values.size),
        checks=_checks(test, pool, left_out, earlier),
        settings=_settings(problem, test, predictors, earlier),
        parts=parts,
    )


def relative(effect: Numbers, level: float, values: Floats) -> Numbers:
    """The effect as a share of the counterfactual level; NaN where the outcome can be negative."""
    return effect.scaled(1 / level if level > 0 and values.min() >= 0 else np.nan)


def donor_weights(donors: Sequence[str], weights: Floats) -> pd.DataFrame:
    """Donors by weight, the largest first."""
    table = pd.DataFrame({"donor": list(donors), "weight": weights})
    return table.sort_values(["weight", "donor"], ascending=[False, True], ignore_index=True)


def paths(gap: Floats, counterfactual: Floats, pool: Block, widths: tuple[float, float]) -> dict[str, pd.DataFrame]:
    """The parts `path` and `event_study`; `widths` are half-widths of the pointwise and the simultaneous band."""
    one, every = widths
    path = {"time": pool.times, "observed": counterfactual + gap, "counterfactual": counterfactual, "gap": gap}
    path |= {"lo95": counterfactual - one, "hi95": counterfactual + one}
    since = pool.periods - pool.cohort
    study = {"since_start": since, "estimate": gap, "lo95": gap - one, "hi95": gap + one}
    study |= {"lo95_simultaneous": gap - every, "hi95_simultaneous": gap + every}
    return {"path": pd.DataFrame(path), "event_study": pd.DataFrame(study)}


def _leave_one_out(problem: Problem, control: Control) -> pd.DataFrame:
    """Effect and error before the start without each donor that holds weight."""
    pool = problem.pool
    n, start = pool.n_treated, pool.start
    rows = []
    for donor in np.flatnonzero(control.weights > 1e-6) if len(control.weights) > 1 else ():
        kept = np.delete(np.arange(n, len(pool.values)), donor)
        given = problem.predictors
        if given is not None:
            given = np.column_stack([given[:, :n].mean(axis=1), given[:, kept]])
        gap = synthetic(pool.values[:n].mean(axis=0), pool.values[kept], start, given, problem.seed).gap
        rows.append((problem.units[n + int(donor)], gap[start:].mean(), np.sqrt((gap[:start] ** 2).mean())))
    return pd.DataFrame(rows, columns=["left_out", "effect", "pre_rmspe"])


def _start_moved_back(pool: Block, seed: int) -> ControlTest | None:
    """The same test by outcomes alone, as if the start had come after two thirds of the periods before it."""
    moved = (2 * pool.start) // 3
    return with_placebos(pool.values[:, : pool.start], range(pool.n_treated), moved, None, seed) if moved > 1 else None


def _balance(problem: Problem, control: Control, predictors: tuple[str, ...], outcome: str) -> pd.DataFrame:
    """Predictors (or the outcome before the start) of the treated unit, its synthetic control and the mean donor."""
    pool, n = problem.pool, problem.pool.n_treated
    given, names, importance = problem.predictors, list(predictors), control.importance
    if given is None:
        given, names, importance = pool.values[:, : pool.start].mean(axis=1)[None], [outcome], np.ones(1)
    donors = given[:, n:]
    return pd.DataFrame(
        {
            "predictor": names,
            "treated": given[:, :n].mean(axis=1),
            "synthetic": donors @ control.weights,
            "donors": donors.mean(axis=1),
            "importance": importance,
        }
    )


def _placebo_table(problem: Problem, test: ControlTest) -> pd.DataFrame:
    found, start = test.placebos, problem.pool.start
    return pd.DataFrame(
        {
            "placebo": [" + ".join(problem.units[one] for one in chosen) for chosen in test.sets],
            "treated": [True] + [False] * (len(test.sets) - 1),
            "pre_rmspe": np.sqrt((found.gaps[:, :start] ** 2).mean(axis=1)),
            "post_rmspe": np.sqrt((found.gaps[:, start:] ** 2).mean(axis=1)),
            "ratio": found.ratios,
            "effect": found.means,
        }
    )


def _settings(
    problem: Problem, test: ControlTest, predictors: tuple[str, ...], earlier: ControlTest | None
) -> Mapping[str, Any]:
    pool, gap = problem.pool, test.control.gap
    return {
        **donor_pool.counts(pool, problem.seed),
        "weights": "predictors" if predictors else "all outcomes before the start",
        "predictors": list(predictors),
        "pre_rmspe": float(np.sqrt((gap[: pool.start] ** 2).mean())),
        "pre_mspe": float((gap[: pool.start] ** 2).mean()),
        "rmspe_ratio": float(test.placebos.ratios[0]),
        "n_placebos": len(test.sets) - 1,
        "smallest_p": test.placebos.smallest_p,
        "p_rmspe_ratio": test.p_ratio,
        "inference": "placebos in space: rank of the mean gap, inverted for the interval",
        "placebo_in_time": None if earlier is None else {"effect": earlier.effect.estimate, "p_value": earlier.p_value},
    }


def _checks(test: ControlTest, pool: Block, left_out: pd.DataFrame, earlier: ControlTest | None) -> tuple[Check, ...]:
    before = pool.values[:, : pool.start]
    treated, donors = before[: pool.n_treated].mean(axis=0), before[pool.n_treated :]
    moved = None if earlier is None else (earlier.effect.estimate, earlier.p_value, earlier.placebos.smallest_p)
    return (
        donor_checks.fit(test.control.gap[: pool.start], before),
        donor_checks.hull(treated, donors),
        donor_checks.placebo_in_time(moved),
        donor_checks.leave_one_out(test.effect.estimate, left_out["effect"].to_numpy()),
        donor_checks.smallest_p(test.placebos.smallest_p, len(test.sets) - 1),
        donor_checks.dropped(pool.donors_dropped, pool.periods_dropped),
        donor_checks.spill_over(),
    )
