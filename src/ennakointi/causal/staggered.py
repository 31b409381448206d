"""Units that start at different times: Callaway & Sant'Anna's group-time effects and their averages.

Callaway & Sant'Anna 2021, Journal of Econometrics 225:200–230, 10.1016/j.jeconom.2020.12.001; doubly robust given
covariates (Sant'Anna & Zhao 2020, 10.1016/j.jeconom.2020.06.003). Sun & Abraham's regression and Rambachan & Roth's
bounds stand beside. With fewer than 20 treated or 20 comparison clusters the p-value and the interval come from
permuting the adoption (`adoption`). Witnesses: R's `did` and Stata's `csdid` on mpdta, R's fixest on base_stagg.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.causal import aggregation, group_time, staggered_checks, staggered_tables
from ennakointi.causal.aggregation import Averages
from ennakointi.causal.areas import NEVER, Floats
from ennakointi.causal.estimates import UNKNOWN, Estimate, Numbers
from ennakointi.causal.frames import with_categories
from ennakointi.causal.group_time import Comparison, GroupTimes, Panel
from ennakointi.causal.staggered_inference import Effect, Study, clusters, inference
from ennakointi.causal.unit_panels import UnitPanel, unit_panel
from ennakointi.errors import DataError, ParameterError
from ennakointi.spelling import did_you_mean

_LOGARITHM = re.compile(r"^(l|ln|log|log10|logged)_|^(ln|log)[A-Z_]|_(ln|log)$|^log", re.IGNORECASE)


def staggered(
    frame: pd.DataFrame,
    *,
    outcome: str,
    time: str,
    unit: str,
    cohort: str | None = None,
    start: Any = None,
    treated: str | Collection[str] | None = None,
    treatment: str | None = None,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    comparison: str | None = None,
    anticipation: int = 0,
    offset: str | None = None,
    weights: str | None = None,
    seed: int = 0,
) -> Estimate:
    """Average effect on the treated over all their periods after the start (the `simple` aggregate).

    Parameters
    ----------
    frame : one row per unit and period. Units need not be observed in every period: each comparison uses the units
        observed in both of its periods (as Stata's `csdid`; R's `did` drops the others).
    outcome, time, unit : columns.
    cohort, start, treated, treatment : who is treated and from when, see `unit_panels.unit_panel`.
    covariates : columns, as they were in each comparison's base period; text becomes categories.
    cluster : column of the groups within which errors depend on one another; the unit by default.
    comparison : `never` or `not_yet` treated units; by default the never treated when there are any (as R's `did`).
    anticipation : periods before the start in which the effect may already show.
    offset : person-time or population; the outcome is then a rate, and units weigh by their mean offset.
    weights : column of the units' weights; each unit's mean is used.

    Returns
    -------
    Estimate
        Parts: `event_study` (`since_start` in periods, pointwise and simultaneous intervals), `group_time`,
        `aggregates` (`simple`, `dynamic`, `group`, `calendar`, the other comparison, `sun_abraham`), `groups`,
        `calendar`, `sun_abraham`, `honest`.

    Raises
    ------
    ParameterError
        An option or a column is wrong.
    DataError
        Nobody is observed before their start, or nobody is left to compare with.
    """
    who = {"cohort": cohort, "start": start, "treated": treated, "treatment": treatment}
    study = _read(
        frame, outcome, time, unit, with_categories(frame, covariates), cluster, comparison, anticipation, offset,
        weights, who, seed,
    )  # fmt: skip
    found = group_time.group_times(study.panel, study.cells())
    if not found.cells.post.any():
        raise DataError(_NOTHING if not len(covariates) else f"{_NOTHING}; or there are too many covariates for it")
    return _told(study, found, outcome)


def _told(study: Study, found: GroupTimes, outcome: str) -> Estimate:
    """The estimate of record with its inference, checks and tables."""
    average = aggregation.simple(found)
    post = found.cells.only(found.cells.post)
    record = inference(study, post, float(average.effect[0]), float(average.standard_error(found)[0]))
    extra = staggered_checks.beside(study, found, record)
    return Estimate(
        design="staggered",
        outcome=outcome,
        effect=record.numbers,
        p_value=record.p_value,
        relative=_relative(study.panel, found, average, record.numbers, outcome),
        n=int((~np.isnan(study.panel.values)).sum()),
        checks=extra.checks,
        settings=_settings(study, found, record) | extra.settings,
        parts={**staggered_tables.tables(study, found, record, extra.rows), **extra.parts},
    )


_NOTHING = (
    "no group has both a period before its start and units to compare with: "
    "check the starts, or give comparison not_yet"
)


def _read(
    frame: pd.DataFrame, outcome: str, time: str, unit: str, categories: tuple[pd.DataFrame, tuple[str, ...]],
    cluster: str | None, comparison: str | None, anticipation: int, offset: str | None, weights: str | None,
    who: dict[str, Any], seed: int,
) -> Study:  # fmt: skip
    if comparison not in (None, "never", "not_yet"):
        raise ParameterError(
            f"comparison {comparison!r}: known are never, not_yet{did_you_mean(comparison, ['never', 'not_yet'])}"
        )
    if not isinstance(anticipation, int | np.integer) or anticipation < 0:
        raise ParameterError(f"anticipation {anticipation!r}: a whole number of periods, 0 or more")
    table, names = categories
    columns = [*names, *([weights] if weights else [])]
    held = unit_panel(table, outcome, time, unit, offset=offset, covariates=columns, cluster=cluster, **who).by_values()
    weight, values = _weights(held, weights)
    known = ~np.isnan(values).all(axis=1)
    if not known.any():
        raise DataError(f"column {outcome!r} holds no number")
    known &= weight > 0
    if not known.any():
        raise DataError(f"column {weights!r} holds no weight above 0")
    if np.nanmin(values) == np.nanmax(values):
        raise DataError(f"column {outcome!r} is {np.nanmin(values):g} in every row: there is nothing to compare")
    observed = np.flatnonzero(~np.isnan(values).all(axis=0))
    always = known & (held.starts <= observed[0] + anticipation)
    used = known & ~always
    whole = group_time.panel(
        values[used], held.starts[used], weight[used], held.cluster[used], held.covariates[used][:, :, : len(names)]
    )  # fmt: skip
    chosen = _comparison(whole, comparison, held.times)
    return Study(whole, held.times, chosen, int(anticipation), int(always.sum()), seed)


def _weights(held: UnitPanel, weights: str | None) -> tuple[Floats, Floats]:
    """(U,) weight of each unit and (U, T) outcome, a rate where an offset was given."""
    values, weight = held.values, np.ones(len(held.units))
    if held.offset is not None:
        values, weight = values / held.offset, _mean(held.offset)
    if weights:
        given = held.covariates[:, :, -1]
        if (given < 0).any():
            raise DataError(f"column {weights!r}: {int((given < 0).sum())} weights are negative")
        weight = weight * _mean(given)
    return weight, values


def _mean(values: Floats) -> Floats:
    """(U,) mean of the known values of each row; 0 where there are none."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def _comparison(data: Panel, asked: str | None, times: tuple[str, ...]) -> Comparison:
    """The comparison asked for, or never treated units when there are any; DataError when nobody is left."""
    starts = np.unique(data.starts)
    if not (starts < NEVER).any():
        raise DataError(f"no treated unit is observed before its start; the data run {times[0]} … {times[-1]}")
    if starts[-1] == NEVER:
        return "not_yet" if asked == "not_yet" else "never"
    if asked == "never":
        raise DataError("every unit is treated within the data: comparison never has nobody; give comparison not_yet")
    if len(starts) < 2:
        raise DataError("all units start in the same period and none is never treated: there is nobody to compare with")
    return "not_yet"


def _relative(data: Panel, found: GroupTimes, average: Averages, effect: Numbers, outcome: str) -> Numbers:
    """The effect as a share of the treated's level without it; unknown where a share has no meaning."""
    level = float(average.gradient[0, : len(found.effect)] @ found.level) - effect.estimate
    if level <= 0 or np.nanmin(data.values) < 0 or _LOGARITHM.search(str(outcome)):
        return UNKNOWN
    return effect.scaled(1 / level)


def _settings(study: Study, found: GroupTimes, record: Effect) -> dict[str, Any]:
    data, permuted = study.panel, record.permuted
    treated, others = clusters(study, found.cells.only(found.cells.post))
    return {
        "seed": study.seed,
        "estimand": "simple: average over all treated units and periods after the start",
        "comparison": study.comparison,
        "anticipation": study.anticipation,
        "inference": f"influence functions, critical value {record.critical:.3f}"
        if permuted is None
        else "permutation of adoption",
        "standard_error": record.standard_error,
        "n_units": data.values.shape[1],
        "n_periods": len(data.observed),
        "n_groups": len(np.unique(found.cells.group)),
        "n_treated": int((data.starts < NEVER).sum()),
        "n_comparison": int((data.starts > found.cells.untouched[found.cells.post].min()).sum()),
        "n_always_treated": study.n_always,
        "n_clusters": data.n_clusters,
        "n_treated_clusters": treated,
        "n_comparison_clusters": others,
        "n_cells_lost": found.lost,
        "n_cells_without_propensity": found.without_propensity,
        "n_assignments": None if permuted is None else permuted.n_assignments,
        "smallest_p": None if permuted is None else permuted.smallest_p,
    }
