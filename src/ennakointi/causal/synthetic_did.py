"""Synthetic difference-in-differences, with staggered starts and placebo inference.

Arkhangelsky et al. 2021, American Economic Review 111:4088–4118, 10.1257/aer.20190159; several starts by cohort,
weighted by treated unit-periods, and covariates projected out on the never-treated: Clarke, Pailañir, Athey & Imbens
2024, Stata Journal 24, 10.1177/1536867X241297914. Few treated units: placebos among the donors (their algorithm 4) for
the standard error and a rank for the p-value; 20 or more, with two at each start: the bootstrap; donors fewer than
treated: the jackknife.
Witness: California's Proposition 99.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import did_weights, donor_checks, donor_pool, simplex
from ennakointi.causal.areas import NEVER, Floats
from ennakointi.causal.did_inference import Cohort, Effects, Inference, estimate, inference, placebo_test
from ennakointi.causal.donor_pool import Block
from ennakointi.causal.estimates import Estimate
from ennakointi.causal.synthetic_control import relative
from ennakointi.causal.unit_panels import UnitPanel, unit_panel
from ennakointi.errors import DataError, ParameterError
from ennakointi.results import Check


def synthetic_did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    unit: str,
    treated: str | Collection[str] | None = None,
    treatment: str | None = None,
    start: Any = None,
    covariates: Sequence[str] = (),
    seed: int = 0,
) -> Estimate:
    """Effect on the treated by synthetic difference-in-differences.

    Parameters
    ----------
    frame : one row a unit and period. treated and start, or treatment : as in `unit_panel`; a treatment column alone
        may switch on in different periods. covariates : columns that vary in time; projected out.

    Returns
    -------
    `effect`: mean over treated unit-periods. Parts: donor_weights and time_weights by group (start), path, event_study,
    groups, placebos, beside (plain difference-in-differences and synthetic control).

    Raises
    ------
    ParameterError, DataError
        As `unit_panel`; no donor that is never treated, or nothing before a start.
    """
    if outcome in covariates:
        raise ParameterError(f"column {outcome!r} is the outcome and cannot be a covariate")
    ways = {"start": start, "treated": treated, "treatment": treatment}
    panel = unit_panel(frame, outcome, time, unit, covariates=tuple(covariates), **ways).by_values()
    always = int((panel.starts <= 0).sum())
    blocks = _blocks(panel)
    cohorts = [_cohort(one, panel) for one in blocks]
    effects = estimate(cohorts)
    found = inference(cohorts, effects, seed)
    earlier = _start_moved_back(cohorts, seed)
    post = sum(one.weight for one in cohorts)
    observed = sum(one.weight * one.treated.mean(axis=0)[one.start :].mean() for one in cohorts) / post
    return Estimate(
        design="synthetic_did",
        outcome=outcome,
        effect=found.effect,
        relative=relative(found.effect, float(observed - effects.effect), panel.values[~np.isnan(panel.values)]),
        p_value=found.p_value,
        n=int(np.unique(np.concatenate([one.rows for one in blocks])).size * len(panel.times)),
        checks=_checks(blocks, effects, found, earlier),
        settings=_settings(blocks, found, earlier, tuple(covariates), always, seed),
        parts=_parts(panel, blocks, cohorts, effects, found),
    )


def _blocks(panel: UnitPanel) -> list[Block]:
    """One block a start, all with the same donors. Units treated from the first period on are left out."""
    starts = np.unique(panel.starts[(panel.starts != NEVER) & (panel.starts > 0)])
    if not len(starts):
        raise DataError("every treated unit is treated from the first period on: nothing is known before it")
    extra = panel.covariates if panel.covariates.shape[2] else None
    first = [donor_pool.block(panel, int(start), extra) for start in starts]
    common = set.intersection(*(set(one.rows[one.n_treated :].tolist()) for one in first))
    if not common:
        raise DataError("no donor has an outcome in all periods of all starts")
    return [one.with_donors(sorted(common), panel) for one in first]


def _cohort(pool: Block, panel: UnitPanel) -> Cohort:
    """Numbers of one start, covariates projected out with slopes of the never-treated (two-way fixed effects)."""
    values, n = pool.values, pool.n_treated
    if panel.covariates.shape[2]:
        x = panel.covariates[np.ix_(pool.rows, pool.periods)]
        within = np.stack([_two_way(x[n:, :, k]).ravel() for k in range(x.shape[2])], axis=1)
        slopes = np.linalg.lstsq(within, _two_way(values[n:]).ravel(), rcond=None)[0]
        values = values - x @ slopes
    return Cohort(values[:n], values[n:], pool.start, pool.periods - pool.cohort)


def _two_way(values: Floats) -> Floats:
    return values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()


def _start_moved_back(cohorts: list[Cohort], seed: int) -> tuple[float, float, float] | None:
    """Estimate, rank p and smallest p when each start comes after two thirds of the periods before it."""
    moved = [one.moved_back() for one in cohorts]
    if any(one.start < 2 for one in moved):
        return None
    effects = estimate(moved, quick=True)
    drawn = placebo_test(moved, seed)
    if drawn is None:
        return effects.effect, np.nan, 1.0
    return effects.effect, drawn.rank_p(effects.effect), drawn.smallest_p


def _parts(
    panel: UnitPanel, blocks: list[Block], cohorts: list[Cohort], effects: Effects, found: Inference
) -> dict[str, pd.DataFrame]:
    donors, times, paths, groups = [], [], [], []
    for pool, cohort, one in zip(blocks, cohorts, effects.by_cohort):
        group = panel.times[pool.cohort]
        names = [panel.units[row] for row in pool.rows[pool.n_treated :]]
        donors.append(pd.DataFrame({"donor": names, "weight": one.units[0], "group": group}))
        before = pool.times[: pool.start]
        times.append(pd.DataFrame({"time": before, "weight": one.times[0], "group": group}))
        observed = cohort.treated.mean(axis=0)
        path = {"time": pool.times, "observed": observed, "counterfactual": observed - one.curve[0]}
        paths.append(pd.DataFrame({**path, "gap": one.curve[0], "group": group}))
        groups.append((group, pool.n_treated, len(pool.times) - pool.start, float(one.effect[0])))
    weights = pd.concat(donors, ignore_index=True)
    return {
        "donor_weights": weights.sort_values(["group", "weight"], ascending=[True, False], ignore_index=True),
        "time_weights": pd.concat(times, ignore_index=True),
        "path": pd.concat(paths, ignore_index=True),
        "event_study": found.event_study,
        "groups": pd.DataFrame(groups, columns=["group", "n_treated", "n_periods_after", "estimate"]),
        "placebos": pd.DataFrame({"placebo": np.arange(1, len(found.draws) + 1), "effect": found.draws}),
        "beside": _beside(cohorts),
    }


def _beside(cohorts: list[Cohort]) -> pd.DataFrame:
    """Plain difference-in-differences (equal weights) and synthetic control (no level, exact, no penalty)."""
    weight = np.array([one.weight for one in cohorts], dtype=float)
    plain, control = [], []
    for one in cohorts:
        treated, n = one.treated.mean(axis=0), len(one.donors)
        equal = np.full((1, n), 1 / n), np.full((1, one.start), 1 / one.start)
        plain.append(did_weights.with_weights(treated[None], one.donors[None], one.start, *equal).effect[0])
        share = simplex.nearest(one.donors[:, : one.start].T, treated[: one.start])
        control.append((treated - share @ one.donors)[one.start :].mean())
    rows = {"did": np.average(plain, weights=weight), "synthetic_control": np.average(control, weights=weight)}
    return pd.DataFrame({"design": list(rows), "estimate": list(rows.values())})


def _settings(
    blocks: list[Block],
    found: Inference,
    earlier: tuple[float, float, float] | None,
    covariates: tuple[str, ...],
    always: int,
    seed: int,
) -> dict[str, Any]:
    first = donor_pool.counts(blocks[0], seed)
    n_treated = sum(one.n_treated for one in blocks)
    return {
        **first,
        "n_units": n_treated + first["n_comparison"],
        "n_treated": n_treated,
        "n_starts": len(blocks),
        "always_treated_dropped": always,
        "covariates": list(covariates),
        "inference": found.method,
        "standard_error": found.standard_error,
        "standard_error_jackknife": found.jackknife,
        "n_placebos": len(found.draws) if found.method == "placebo" else 0,
        "smallest_p": found.smallest_p,
        "placebo_in_time": None if earlier is None else {"effect": earlier[0], "p_value": earlier[1]},
    }


def _checks(
    blocks: list[Block], effects: Effects, found: Inference, earlier: tuple[float, float, float] | None
) -> tuple[Check, ...]:
    before = np.concatenate([one.curve[0, : pool.start] for pool, one in zip(blocks, effects.by_cohort)])
    checks = [
        donor_checks.fit(before, blocks[0].values[:, : blocks[0].start], critical=False),
        donor_checks.placebo_in_time(earlier),
        donor_checks.smallest_p(found.smallest_p, len(found.draws)),
        donor_checks.dropped(max(one.donors_dropped for one in blocks), max(one.periods_dropped for one in blocks)),
        donor_checks.spill_over(),
    ]
    return tuple(check for check in checks if check.name != "smallest_p" or found.method == "placebo")
