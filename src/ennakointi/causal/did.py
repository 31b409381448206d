"""Difference-in-differences: treated units' change less that of comparison units, for one start.

Two-way fixed effects (`two_way`); with an offset the ratio of rates by Poisson regression. With fewer than 20 treated
or 20 comparison clusters cluster-robust errors find effects that are not there (in 46–48 % of cases with one treated
cluster; MacKinnon & Webb 2018, 10.1111/ectj.12107): then the p-value and interval come from permuting the treatment
(`randomised`), and the conventional ones stand beside. Witnesses: Proposition 99, −27.35; Card & Krueger 1994, 2.76;
Medicaid's expansion, the event study of the HonestDiD example.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import did_checks, honest, repeated_samples, two_way
from ennakointi.causal.areas import NEVER
from ennakointi.causal.did_comparison import (
    Found,
    clusters,
    comparable,
    estimated,
    in_outcome_units,
    one_start,
    part_of,
)
from ennakointi.causal.estimates import UNKNOWN, Estimate, Numbers
from ennakointi.causal.frames import with_categories
from ennakointi.causal.unit_panels import UnitPanel, unit_panel
from ennakointi.errors import DataError, ParameterError
from ennakointi.results import Check

DOMINANT_SHARE = 0.5
MOST_BOUNDED = 24  # periods of the event study for which bounds are sought
_LOGARITHM = re.compile(r"(?i:^(l|ln|log|log10)_|_(ln|log)$|^log$)|^(ln|log)[A-Z0-9]")


def did(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    unit: str | None = None,
    start: Any = None,
    cohort: str | None = None,
    treated: str | Collection[str] | None = None,
    treatment: str | None = None,
    offset: str | None = None,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    seed: int = 0,
) -> Estimate:
    """Effect of an intervention on the units that got it, from units that did not.

    Parameters
    ----------
    frame : one row per unit and period; without `unit` one row per person and period (repeated cross-sections).
    outcome, time, unit : columns. Without `unit` the `treatment` column tells the two groups.
    start, cohort, treated, treatment : who is treated and from when, see `unit_panels.unit_panel`.
    offset : person-time or population; the outcome is then a count, and `relative` the rate ratio − 1.
    covariates : columns that vary in time; text becomes categories.
    cluster : column of the groups within which errors depend on one another; the unit by default.

    Returns
    -------
    Estimate with the parts `event_study`, `path`, `conventional`, `leave_one_out`, `honest`, `without_largest`, as far
    as the design allows.

    Raises
    ------
    ParameterError, DataError
        See `unit_panels.unit_panel`; nobody to compare with; nobody observed before or after the start.
    """
    frame, covariates = with_categories(frame, covariates)
    if outcome in covariates:
        raise ParameterError(f"column {outcome!r} is the outcome and cannot be a covariate")
    if unit is None:
        if cohort is not None or treated is not None or treatment is None:
            raise ParameterError("without --unit the two groups are told by --treatment COL, and the start by --start")
        return repeated_samples.compared(
            frame, outcome, time, treatment, start, offset, tuple(covariates), cluster, share_of(outcome)
        )
    given = unit_panel(
        frame,
        outcome,
        time,
        unit,
        start=start,
        cohort=cohort,
        treated=treated,
        treatment=treatment,
        offset=offset,
        covariates=covariates,
        cluster=cluster,
    )
    return _estimate(given, outcome, seed, cluster or unit, covariates)


def _estimate(given: UnitPanel, outcome: str, seed: int, cluster: str, covariates: Sequence[str]) -> Estimate:
    panel, always = comparable(given)
    panel = panel.by_values()
    found = estimated(panel, seed)
    largest = _without_largest(panel, seed)
    checks = did_checks.checks(found, always, largest, seed)
    parts = _parts(found, seed) | ({} if largest is None else {"without_largest": _row(largest)})
    honest_part, honest_check = _honest(found)
    return Estimate(
        design="did",
        outcome=outcome,
        effect=in_outcome_units(found, found.effect),
        p_value=found.p_value,
        relative=relative(found, found.effect, share_of(outcome)),
        n=found.fit.n,
        checks=(*checks, *honest_check),
        settings=_settings(found, seed, cluster, covariates),
        parts=parts | honest_part,
    )


def relative(found: Found, effect: Numbers, shares: bool) -> Numbers:
    """Share of the level without the intervention; not known for outcomes below 0 or on a logarithmic scale."""
    if found.panel.offset is not None:
        return Numbers(*(float(np.expm1(part)) for part in effect))
    cells = two_way.known_cells(found.panel) & two_way.under_treatment(found.panel)
    without = float(found.panel.values[cells].mean()) - effect.estimate
    if not shares or np.nanmin(found.panel.values) < 0 or without <= 0:
        return UNKNOWN
    return effect.scaled(1 / without)


def share_of(outcome: str) -> bool:
    """Whether a share of the level means something: not for a column that is named as a logarithm."""
    return _LOGARITHM.search(str(outcome)) is None


def _without_largest(panel: UnitPanel, seed: int) -> Found | None:
    """The same without the unit that holds more than half of the person-time, or of the outcome where none is given;
    None when no unit does."""
    size = panel.values if panel.offset is None else panel.offset
    known = two_way.known_cells(panel)
    if panel.offset is None and (size[known] < 0).any():
        return None
    total = np.where(known, size, 0).sum(axis=1)
    largest = int(np.argmax(total))
    if total[largest] <= DOMINANT_SHARE * total.sum():
        return None
    try:
        return estimated(comparable(part_of(panel, np.arange(len(total)) != largest))[0], seed)
    except DataError:  # nothing to compare is left without it
        return None


def _row(found: Found) -> pd.DataFrame:
    effect = in_outcome_units(found, found.effect)
    return pd.DataFrame([{**effect._asdict(), "p_value": found.p_value, "n_units": len(found.panel.units)}])


def _parts(found: Found, seed: int) -> dict[str, pd.DataFrame]:
    """Tables of the design, but for the bounds."""
    conventional = pd.DataFrame(
        [
            {
                "scale": "outcome" if found.panel.offset is None else "log rate ratio",
                **found.fit.first._asdict(),
                "standard_error": float(np.sqrt(found.fit.covariance[0, 0])),
                "p_value": found.fit.p_value,
                "clusters": found.fit.freedom + 1,
            }
        ]
    )
    parts = {"path": _path(found.panel), "conventional": conventional, "event_study": _events(found, seed)}
    left_out = did_checks.leave_one_out(found)
    return parts | ({} if left_out is None else {"leave_one_out": left_out})


def _path(panel: UnitPanel) -> pd.DataFrame:
    """Means (rates where person-time is given) by period, and the comparison's moved to the treated's level before."""
    known = two_way.known_cells(panel)
    size = np.where(known, 1.0 if panel.offset is None else panel.offset, 0.0)
    amount = np.where(known, panel.values, 0.0)
    sides = []
    for side in (panel.starts < NEVER, panel.starts == NEVER):
        mass = size[side].sum(axis=0)
        sides.append(np.where(mass > 0, amount[side].sum(axis=0) / np.where(mass > 0, mass, 1.0), np.nan))
    table = pd.DataFrame({"time": panel.times, "observed": sides[0], "comparison": sides[1]})
    if one_start(panel):
        before = np.arange(len(panel.times)) < panel.starts.min()
        both = before & np.isfinite(sides[0] + sides[1])
        moved = (
            np.log(sides[0][both].mean() / sides[1][both].mean()) if panel.offset is not None and both.any() else 0.0
        )
        gap = float(np.mean(sides[0][both] - sides[1][both]))
        table["counterfactual"] = sides[1] * np.exp(moved) if panel.offset is not None else sides[1] + gap
    return table


def _events(found: Found, seed: int) -> pd.DataFrame:
    """Effects by periods since the start; those of few clusters have the permutation's intervals."""
    if found.events is not None:
        held = found.events
        return pd.DataFrame(
            {
                "since_start": held.since,
                "estimate": held.estimate,
                "lo95": held.lo95,
                "hi95": held.hi95,
                "lo95_simultaneous": held.lo95_simultaneous,
                "hi95_simultaneous": held.hi95_simultaneous,
            }
        )
    since, fit = found.by_period
    unknown = np.full(len(since), np.nan)
    bands = [unknown] * 4
    if found.permuted is None:
        alone = did_checks.critical(fit.freedom)
        bands = [*fit.bounds(alone), *fit.bounds(fit.simultaneous(seed))]
    table = {"since_start": since, "estimate": fit.estimate, "standard_error": np.sqrt(np.diag(fit.covariance))}
    return pd.DataFrame(table | dict(zip(("lo95", "hi95", "lo95_simultaneous", "hi95_simultaneous"), bands)))


def _honest(found: Found) -> tuple[dict[str, pd.DataFrame], tuple[Check, ...]]:
    """Bounds of the first effect when trends were not parallel (Rambachan & Roth 2023, 10.1093/restud/rdad018)."""
    if found.permuted is not None or not one_start(found.panel):
        return {}, ()
    since, fit = found.by_period
    n_pre, n_post = int((since < 0).sum()), int((since >= 0).sum())
    if n_pre < 1 or n_pre + n_post > MOST_BOUNDED or not np.array_equal(since, np.r_[-n_pre - 1 : -1, 0:n_post]):
        return {}, ()
    try:
        table = honest.sensitivity(fit.estimate, fit.covariance, n_pre, n_post)
        breakdown = honest.breakdown(fit.estimate, fit.covariance, n_pre, n_post)
    except DataError:  # fewer clusters than coefficients
        return {}, (did_checks.no_bounds(),)
    return {"honest": table}, (did_checks.bounds(breakdown),)


def _settings(found: Found, seed: int, cluster: str, covariates: Sequence[str]) -> dict[str, Any]:
    panel, permuted = found.panel, found.permuted
    treated, others = clusters(panel)
    started = panel.starts[panel.starts < NEVER]
    return {
        "seed": seed,
        "model": "two-way fixed effects" if panel.offset is None else "two-way fixed effects Poisson",
        "inference": "cluster-robust" if permuted is None else "permuted treatment",
        "cluster": cluster,
        "covariates": list(covariates),
        "n_units": len(panel.units),
        "n_periods": len(panel.times),
        "n_treated": len(started),
        "n_comparison": len(panel.units) - len(started),
        "treated_clusters": treated,
        "comparison_clusters": others,
        "first_start": panel.times[int(started.min())],
        "starts": len(np.unique(started)),
        "log_rate_ratio": None if panel.offset is None else found.fit.estimate[0],
        "assignments": None if permuted is None else permuted.n_assignments,
        "smallest_p": None if permuted is None else permuted.smallest_p,
    }
