"""Difference-in-differences of repeated cross-sections: two groups of persons, others in every period.

Means of group × period, or with covariates the regression on group and period effects. Errors are those of
persons (heteroskedasticity-robust) unless clusters are named: with two groups a shock of one group's own cannot be told
from the effect, and a check says so. Witness: Card & Krueger 1994, American Economic Review 84:772–793, 2.76 jobs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as t_distribution

from ennakointi.causal import two_way
from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.did_comparison import ENOUGH_CLUSTERS
from ennakointi.causal.estimates import UNKNOWN, Estimate, Numbers
from ennakointi.causal.frames import inside, numbers, positive, require, times
from ennakointi.causal.unit_panels import flags
from ennakointi.errors import DataError, ParameterError
from ennakointi.results import Check
from ennakointi.text import N_

ROUNDS = 50  # of Newton's method


def compared(
    frame: pd.DataFrame,
    outcome: str,
    time: str,
    treatment: str,
    start: Any,
    offset: str | None,
    covariates: tuple[str, ...],
    cluster: str | None,
    shares: bool,
) -> Estimate:
    """Change of the treated group less that of the other.

    Parameters
    ----------
    treatment : column of 0 and 1: the group with `start`; without it 1 for the treated group's rows after the start,
        and `cluster` then names the groups.
    shares : whether a share of the outcome's level means something.
    """
    require(frame, [outcome, time, treatment, offset, cluster, *covariates])
    table, group, after = _rows(frame, outcome, time, treatment, start, offset, covariates, cluster)
    table["x"] = (group & after).astype(float)
    cells = [(group & after), (group & ~after), (~group & after), (~group & ~after)]
    if not all(cell.any() for cell in cells):
        raise DataError("each group must be observed before and after the start: there is no change to compare")
    fit = _fit(table, offset, cluster)
    reach = float(t_distribution.ppf(0.975, fit.freedom)) * fit.error
    found = Numbers(fit.estimate, fit.estimate - reach, fit.estimate + reach)
    level = _level(table, group & after, offset)
    effect, relative = _scaled(found, level, offset, shares and float(table["y"].min()) >= 0)
    return Estimate(
        design="did",
        outcome=outcome,
        effect=effect,
        p_value=float(2 * t_distribution.sf(abs(fit.estimate) / fit.error, fit.freedom)) if fit.error > 0 else np.nan,
        relative=relative,
        n=len(table),
        checks=_checks(table, group, cluster),
        settings=_settings(table, group, fit, offset, cluster, covariates),
        parts={"path": _path(table, group, offset), "cells": _cells(table, group, after, offset)},
    )


def _rows(
    frame: pd.DataFrame,
    outcome: str,
    time: str,
    treatment: str,
    start: Any,
    offset: str | None,
    covariates: tuple[str, ...],
    cluster: str | None,
) -> tuple[pd.DataFrame, Bools, Bools]:
    """Complete rows with canonical names, whether each is of the treated group, and after the start."""
    when = times(frame, time)
    flag = flags(frame, treatment)
    group, begun, effects = _groups(frame, flag, when.position, treatment, cluster, start)
    if start is not None:
        begun = when.of(start, "--start")
        inside(begun, when, "--start")
    table = pd.DataFrame({"y": numbers(frame, outcome), "time": when.position, "effects": effects})
    for place, name in enumerate(covariates):
        table[f"z{place}"] = numbers(frame, name)
    if offset is not None:
        table["offset"] = positive(numbers(frame, offset), offset)
    table["cluster"] = np.arange(len(table)) if cluster is None else pd.factorize(frame[cluster])[0]
    table["label"] = np.asarray(when.labels)[when.position]
    whole = table.notna().all(axis=1).to_numpy() & ~np.isnan(flag) & (table["cluster"] >= 0).to_numpy()
    if not whole.any() or np.ptp(table.loc[whole, "y"]) == 0:
        raise DataError(f"column {outcome!r} has one value or none in the complete rows: there is nothing to estimate")
    return table[whole].reset_index(drop=True), group[whole], (when.position >= begun)[whole]


def _groups(
    frame: pd.DataFrame, flag: Floats, position: Ints, treatment: str, cluster: str | None, start: Any
) -> tuple[Bools, int, Ints]:
    """Each row's side, the position of the start, and the groups that get an effect of their own."""
    if start is not None:
        return flag == 1, 0, (flag == 1).astype(np.int64)
    if cluster is None:
        raise ParameterError("--treatment without --unit needs --start VALUE, or --cluster COL that names the groups")
    groups = pd.factorize(frame[cluster])[0]
    treated = pd.Series(flag == 1).groupby(groups).transform("any").to_numpy()
    if not treated.any():
        raise DataError(f"column {treatment!r} is never 1: nobody is treated")
    begun = int(position[flag == 1].min())
    if odd := int((treated & (position >= begun) & (flag == 0)).sum()):
        raise DataError(
            f"column {treatment!r}: {odd} rows of treated groups are 0 after the first 1 of all: groups start at "
            "different times or stop; name the units with --unit"
        )
    return treated, begun, np.asarray(groups, np.int64)


@dataclass(frozen=True)
class _Fit:
    estimate: float
    error: float
    freedom: int


def _fit(table: pd.DataFrame, offset: str | None, cluster: str | None) -> _Fit:
    """Least squares, or with an offset Poisson regression, on treatment, covariates, group and period effects."""
    dummies = [pd.get_dummies(table[name], drop_first=name == "time", dtype=float) for name in ("effects", "time")]
    covariates = table.filter(regex=r"^z\d+$")
    x = np.column_stack([table["x"], covariates, *dummies])
    y = table["y"].to_numpy()
    at_risk = None if offset is None else table["offset"].to_numpy()
    if at_risk is not None and (y < 0).any():
        raise DataError("the outcome has values below 0: with an offset it must be a count or an amount from 0 on")
    beta = np.zeros(x.shape[1])
    if at_risk is not None:
        beta[-sum(part.shape[1] for part in dummies) : -dummies[1].shape[1]] = np.log(max(y.sum(), 0.5) / at_risk.sum())
    for _ in range(1 if at_risk is None else ROUNDS):
        mean = x @ beta if at_risk is None else at_risk * np.exp(np.clip(x @ beta, -50, 50))
        weight = np.ones(len(y)) if at_risk is None else mean
        gram = (x * weight[:, None]).T @ x
        kept = two_way.independent(gram)
        inverse = np.zeros_like(gram)
        inverse[np.ix_(kept, kept)] = np.linalg.inv(gram[np.ix_(kept, kept)])
        step = inverse @ (x.T @ (y - mean))
        beta = beta + step
        if np.abs(step).max() < 1e-10:
            break
    if not kept[0] or (at_risk is not None and abs(beta[0]) > 30):
        raise DataError("the effect cannot be told from group and period effects, covariates, or a rate of 0")
    left = y - (x @ beta if at_risk is None else at_risk * np.exp(x @ beta))
    return _with_error(table, x, left, inverse[0], float(beta[0]), int(kept.sum()), cluster is not None)


def _with_error(
    table: pd.DataFrame, x: Floats, left: Floats, inverse: Floats, estimate: float, used: int, clustered: bool
) -> _Fit:
    """Heteroskedasticity-robust (HC1) or cluster-robust (CR1) error."""
    influence, n = (x @ inverse) * left, len(left)
    if n <= used:  # as many coefficients as rows: an exact fit
        return _Fit(estimate, np.nan, 1)
    if not clustered:
        return _Fit(estimate, float(np.sqrt(influence @ influence * n / (n - used))), n - used)
    group = table["cluster"].to_numpy()
    sums, clusters = np.bincount(group, weights=influence), len(np.unique(group))
    nested = table.groupby("cluster")["effects"].nunique().max() == 1 and table["effects"].nunique() == clusters
    used -= clusters - 1 if nested else 0
    scale = clusters / max(clusters - 1, 1) * (n - 1) / (n - used)
    return _Fit(estimate, float(np.sqrt(scale * sums @ sums)), clusters - 1)


def _settings(
    table: pd.DataFrame,
    group: Bools,
    fit: _Fit,
    offset: str | None,
    cluster: str | None,
    covariates: tuple[str, ...],
) -> dict[str, Any]:
    return {
        "model": "group and period effects" + ("" if offset is None else ", Poisson"),
        "inference": "cluster-robust" if cluster else "heteroskedasticity-robust",
        "cluster": cluster,
        "covariates": list(covariates),
        "n_periods": int(table["time"].nunique()),
        "n_treated": int(group.sum()),
        "n_comparison": int((~group).sum()),
        "log_rate_ratio": None if offset is None else fit.estimate,
    }


def _level(table: pd.DataFrame, rows: Bools, offset: str | None) -> float:
    """Mean, or rate, of some rows."""
    chosen = table[rows]
    return float(chosen["y"].mean() if offset is None else chosen["y"].sum() / chosen["offset"].sum())


def _scaled(found: Numbers, level: float, offset: str | None, shares: bool) -> tuple[Numbers, Numbers]:
    """The effect in the outcome's units, and as a share of the level without the intervention."""
    if offset is not None:
        ratio = Numbers(*(float(np.expm1(part)) for part in found))
        return Numbers(*(level * (1 - np.exp(-part)) for part in found)), ratio
    without = level - found.estimate
    return found, found.scaled(1 / without) if shares and without > 0 else UNKNOWN


def _path(table: pd.DataFrame, group: Bools, offset: str | None) -> pd.DataFrame:
    """Means by period and group."""
    sized = table.assign(size=1.0 if offset is None else table["offset"])
    sums = {name: sized[side].groupby("time") for name, side in (("observed", group), ("comparison", ~group))}
    sides = {name: rows["y"].sum() / rows["size"].sum() for name, rows in sums.items()}
    return pd.DataFrame({"time": table.groupby("time")["label"].first()} | sides).reset_index(drop=True)


def _cells(table: pd.DataFrame, group: Bools, after: Bools, offset: str | None) -> pd.DataFrame:
    """The 2×2 table: means and rows of group × before or after."""
    rows = []
    for name, side in (("treated", group), ("comparison", ~group)):
        before_level, after_level = _level(table, side & ~after, offset), _level(table, side & after, offset)
        counted = {"n_before": int((side & ~after).sum()), "n_after": int((side & after).sum())}
        change = after_level - before_level
        rows.append({"group": name, "before": before_level, "after": after_level, "change": change, **counted})
    return pd.DataFrame(rows)


def _checks(table: pd.DataFrame, group: Bools, cluster: str | None) -> tuple[Check, ...]:
    """Whether the errors can be trusted."""
    treated, others = (int(table["cluster"][side].nunique()) if cluster else 1 for side in (group, ~group))
    values = {"treated": treated, "comparison": others}
    if cluster and min(treated, others) >= ENOUGH_CLUSTERS:
        message = N_(
            "With {treated} treated and {comparison} comparison clusters the cluster-robust errors can be trusted."
        )
        return (Check("few_clusters", True, message, values),)
    message = N_(
        "Two groups are compared ({treated} treated and {comparison} comparison clusters): the interval holds the "
        "chance of who was asked, but a change of one group's own cannot be told from the effect."
    )
    return (Check("few_clusters", False, message, values),)
