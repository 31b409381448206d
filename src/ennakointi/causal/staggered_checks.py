"""What is checked of an estimate with staggered starts, and what stands beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ennakointi.causal import adoption, aggregation, bands, group_time, honest
from ennakointi.causal.areas import LEVEL, NEVER, Floats, Ints
from ennakointi.causal.group_time import Comparison, GroupTimes
from ennakointi.causal.staggered_inference import Effect, Study, clusters, inference
from ennakointi.causal.staggered_tables import named, with_error
from ennakointi.causal.sun_abraham import sun_abraham
from ennakointi.errors import DataError
from ennakointi.results import Check
from ennakointi.text import N_

CLUSTERS_PER_CELL = (
    10  # of each group, for a Wald test of all cells before the start; else the largest period is tested
)
MOST_PERIODS = 5  # before, and after, the start in the bounds for trends that differ
PERMUTED = 60_000_000  # numbers that a permutation of pre-trends may need
MOST_LEFT_OUT = 60  # clusters that are left out one by one; of more only the treated


@dataclass(frozen=True, eq=False)
class Beside:
    """Checks, further rows of `aggregates`, parts and settings."""

    checks: tuple[Check, ...]
    rows: list[dict[str, Any]]
    parts: dict[str, pd.DataFrame]
    settings: dict[str, Any]


def beside(study: Study, found: GroupTimes, record: Effect) -> Beside:
    """Every check that the data allow, in order of weight."""
    pre_trends, settings = _pre_trends(study, found, record)
    other, other_row = _other_comparison(study, record)
    regression, regression_row, events = _sun_abraham(study, record)
    without, left_out = _leave_one_out(study, found, record)
    bound, bounds, breakdown = _honest(study, record)
    checks = (
        pre_trends,
        _placebo(study),
        bound,
        *_few(study, found, record),
        other,
        regression,
        _anticipated(study, record),
        *without,
        *_counts(study, found, record),
    )
    parts = {"sun_abraham": events, "leave_one_out": left_out, "honest": bounds}
    return Beside(
        tuple(check for check in checks if check is not None),
        [one for one in (other_row, regression_row) if one is not None],
        {name: part for name, part in parts.items() if part is not None},
        {**settings, "breakdown": breakdown},
    )


def _pre_trends(study: Study, found: GroupTimes, record: Effect) -> tuple[Check | None, dict[str, Any]]:
    """Wald test of all cells before the start (Callaway & Sant'Anna 2021, remark 5); with few clusters for it, which
    make it reject too often, the largest average by period, judged by permuted adoption or by its normal limit."""
    before = ~found.cells.post
    count = int(before.sum())
    if not count:
        return None, {}
    early = found.cells.only(before)
    statistic = p = np.nan
    if not record.few and _clusters_per_cell(study, early) >= CLUSTERS_PER_CELL:
        covariance = found.covariance[: len(before), : len(before)][np.ix_(before, before)]
        statistic = float(found.effect[before] @ np.linalg.pinv(covariance, hermitian=True) @ found.effect[before])
        p = float(chi2.sf(statistic, np.linalg.matrix_rank(covariance, hermitian=True)))
    elif (limit := min(PERMUTED // (study.panel.n_clusters * count), adoption.ASSIGNMENTS)) >= adoption.FEWEST:
        p, count = _permuted_pre_trends(study, early, limit), len(np.unique(early.since_start))
    else:
        dynamic = aggregation.averages(found, found.cells.since_start, before)
        p, count = bands.largest_p(dynamic.effect, dynamic.covariance(found), study.seed), len(dynamic.label)
    settings = {"pre_trend_p": p, "pre_trend_statistic": statistic}
    if not np.isfinite(p):
        return None, settings
    message = N_("Before the start, {comparisons} comparisons tested together show no difference: p = {p}.")
    if p <= LEVEL:
        message = N_("Before the start the treated already moved apart: {comparisons} comparisons, p = {p}.")
    passed = _passed(p, record)
    return Check("pre_trends", passed, message, {"comparisons": count, "p": p}, critical=True), settings


def _passed(p: float, record: Effect) -> bool | None:
    """Whether a p-value is above 5 %; None when permutation could not have given less."""
    if record.permuted is not None and record.permuted.smallest_p > LEVEL:
        return None
    return p > LEVEL


def _clusters_per_cell(study: Study, cells: group_time.Cells) -> float:
    """Fewest clusters of a group for each of its cells: a covariance needs many more clusters than cells."""
    groups, counts = np.unique(cells.group, return_counts=True)
    sizes = [study.panel.count_clusters(study.panel.starts == group) for group in groups]
    return float((np.array(sizes) / counts).min())


def _permuted_pre_trends(study: Study, cells: group_time.Cells, limit: int) -> float:
    """p-value of the largest average of a period before the start, each on its own scale."""
    changes = adoption.changes(study.panel, cells)
    rows, _ = adoption.assignments(changes, study.seed, limit)
    label = np.unique(cells.since_start, return_inverse=True)[1]
    largest = adoption.sizes(adoption.studies(changes, rows, label, errors=False))[1].max(axis=1)
    return float((largest >= largest[0] * (1 - adoption.TIE)).mean())


def _placebo(study: Study) -> Check | None:
    """The effect as if every group had started earlier, in the periods before its real start."""
    data = study.panel
    early = _early(study)
    if early < 1:
        return None
    cells = group_time.placebo_cells(data.starts, data.observed, study.comparison, early, study.anticipation)
    found = _one(study, cells)
    if found is None:
        return None
    placebo = inference(study, cells, *found)
    if not np.isfinite(placebo.p_value):
        return None
    values = {"periods": early, "estimate": placebo.numbers.estimate, "p": placebo.p_value}
    message = N_("A start {periods} periods earlier shows {estimate} where no effect can be: p = {p}.")
    return Check("placebo", _passed(placebo.p_value, placebo), message, values)


def _early(study: Study) -> int:
    """Half of the periods before the start of the middle treated unit, at most as many as follow the first start."""
    data, treated = study.panel, study.panel.starts[study.panel.starts < NEVER]
    before = np.searchsorted(data.observed, treated - study.anticipation)
    after = len(data.observed) - int(np.searchsorted(data.observed, treated.min()))
    return int(min(np.median(before) // 2, after))


def _few(study: Study, found: GroupTimes, record: Effect) -> list[Check]:
    treated, others = clusters(study, found.cells.only(found.cells.post))
    values: dict[str, Any] = {"clusters_treated": treated, "clusters_comparison": others}
    permuted = record.permuted
    if permuted is None:
        message = N_(
            "There are {clusters_treated} treated and {clusters_comparison} comparison clusters: enough for errors by "
            "influence functions."
        )
        return [Check("few_clusters", True, message, values)]
    message = N_(
        "With {clusters_treated} treated and {clusters_comparison} comparison clusters the p-value and the interval "
        "come from {assignments} ways in which the same starts could have fallen."
    )
    values["assignments"] = permuted.n_assignments
    if not adoption.all_alike(study.panel):
        message = N_(
            "With {clusters_treated} treated and {clusters_comparison} comparison clusters, whose units start at "
            "different times, {assignments} ways in which the units' starts could have fallen give the p-value: "
            "units of a cluster count as independent."
        )
    reached = permuted.smallest_p <= LEVEL
    small = N_("The smallest p-value that the possible assignments of the starts can give is {p}.")
    return [
        Check("few_clusters", None if adoption.all_alike(study.panel) else False, message, values),
        Check("smallest_p", reached, small, {"p": permuted.smallest_p}, critical=True),
    ]


def _agrees(value: float, record: Effect) -> bool:
    """Whether another estimate lies inside the interval of record, or within two errors where there is none."""
    low, high = record.numbers.lo95, record.numbers.hi95
    if not np.isfinite(high - low):
        low, high = (record.numbers.estimate + side * 2 * record.standard_error for side in (-1, 1))
    slack = 1e-9 * abs(record.numbers.estimate)
    return bool(low - slack <= value <= high + slack)


def _other_comparison(study: Study, record: Effect) -> tuple[Check | None, dict[str, Any] | None]:
    """Never against not yet treated units."""
    other: Comparison = "not_yet" if study.comparison == "never" else "never"
    starts = study.panel.starts
    if (starts < NEVER).all() or len(np.unique(starts)) < 3:
        return None, None
    found = _after_start(study, study.cells(other))
    if found is None:
        return None, None
    value, error = found
    message = N_("With units not yet treated as comparison the effect is {estimate}.")
    if other == "never":
        message = N_("With units never treated as comparison the effect is {estimate}.")
    check = Check("other_comparison", _agrees(value, record), message, {"estimate": value})
    return check, with_error(f"simple_{other}", value, error, record)


def _after_start(study: Study, cells: group_time.Cells) -> tuple[float, float] | None:
    """The `simple` average and its error; None without cells."""
    return _one(study, cells.only(cells.post))


def _one(study: Study, cells: group_time.Cells) -> tuple[float, float] | None:
    found = group_time.averaged(study.panel, cells, np.zeros(len(cells), np.int64))
    return (float(found.effect[0]), float(np.sqrt(found.covariance[0, 0]))) if len(found.effect) else None


def _sun_abraham(study: Study, record: Effect) -> tuple[Check | None, dict[str, Any] | None, pd.DataFrame | None]:
    found = sun_abraham(study.panel)
    if found is None:
        return None, None, None
    message = N_("Sun and Abraham's regression gives {estimate}.")
    check = Check("sun_abraham", _agrees(found.average, record), message, {"estimate": found.average})
    reach = record.critical * found.standard_error
    columns = {"since_start": found.since_start, "estimate": found.effect, "standard_error": found.standard_error}
    table = pd.DataFrame({**columns, "lo95": found.effect - reach, "hi95": found.effect + reach})
    return check, with_error("sun_abraham", found.average, found.average_error, record), table


def _anticipated(study: Study, record: Effect) -> Check | None:
    """The effect when a reaction one period before the start is allowed for."""
    found = _after_start(study, study.cells(anticipation=1))
    if found is None:
        return None
    value = found[0]
    message = N_("When effects one period before the start are allowed for, the effect is {estimate}.")
    return Check("anticipation", _agrees(value, record), message, {"estimate": value})


def _leave_one_out(study: Study, found: GroupTimes, record: Effect) -> tuple[list[Check], pd.DataFrame | None]:
    """Without each group that starts together, and without each cluster."""
    made, table = [], None
    groups = np.unique(found.cells.group[found.cells.post])
    if len(groups) > 1:
        kept = [found.cells.post & (found.cells.group != group) for group in groups]
        values = np.array([aggregation.simple(found, keep).effect[0] for keep in kept])
        table = pd.DataFrame({"left_out": named(study, groups), "estimate": values})
        message = N_("Without one of the {groups} groups that start together the effect is {lo} to {hi}.")
        made.append(_range("leave_one_group_out", message, values, record, {"groups": len(groups)}))
    values = _without_a_cluster(study, found, record)
    if len(values):
        message = N_("Without any one of {clusters} clusters the effect is {lo} to {hi}.")
        made.append(_range("leave_one_cluster_out", message, values, record, {"clusters": len(values)}))
    return made, table


def _range(name: str, message: str, values: Floats, record: Effect, slots: dict[str, Any]) -> Check:
    low, high = float(values.min()), float(values.max())
    same = bool((np.sign(values) == np.sign(record.numbers.estimate)).all())
    return Check(name, same, message, {**slots, "lo": low, "hi": high})


def _without_a_cluster(study: Study, found: GroupTimes, record: Effect) -> Floats:
    """Effects without each cluster: exact where clusters are few, else to the first order by its influence."""
    if not record.few:
        influence = aggregation.simple(found).gradient[0] @ found.influence
        return np.asarray(aggregation.simple(found).effect[0] - influence[influence != 0])
    changes = adoption.changes(study.panel, found.cells.only(found.cells.post))
    label = np.zeros(len(changes.cells), np.int64)
    values: list[float] = []
    left_out = np.arange(len(changes.starts)) if len(changes.starts) <= MOST_LEFT_OUT else changes.starts < NEVER
    for cluster in np.arange(len(changes.starts))[left_out]:
        keep = np.arange(len(changes.starts)) != cluster
        parts = (changes.starts, changes.size, changes.weight, changes.outcome, changes.treated)
        left = adoption.Changes(changes.cells, *(part[keep] for part in parts))
        values.extend(adoption.studies(left, left.starts[None], label, errors=False).effect.ravel())
    return np.array(values)


def event_study(study: Study) -> tuple[Ints, Floats, Floats]:
    """Periods since the start, effects and covariance with one base for all periods, as `honest` needs them: without
    the reference (the last period before the start), at most `MOST_PERIODS` on either side."""
    data = study.panel
    wanted = group_time.cells(data.starts, data.observed, study.comparison, study.anticipation, "universal")
    near = (wanted.since_start >= -MOST_PERIODS - 1) & (wanted.since_start < MOST_PERIODS)
    wanted = wanted.only(near & (wanted.since_start != -1))
    found = group_time.averaged(data, wanted, wanted.since_start)
    return found.label, found.effect, found.covariance


def _honest(study: Study, record: Effect) -> tuple[Check | None, pd.DataFrame | None, float | None]:
    """Bounds for trends that are not parallel (Rambachan & Roth 2023, 10.1093/restud/rdad018), first period."""
    message = N_("Bounds for trends that were not parallel need more clusters than periods.")
    none = Check("honest", None, message)
    if record.few or study.anticipation:
        few = Check("honest", None, N_("Bounds for trends that were not parallel are not given with so few clusters."))
        return few if record.few else None, None, None
    since, effect, covariance = event_study(study)
    before, after = int((since < 0).sum()), int((since >= 0).sum())
    if not before or not after:
        return None, None, None
    try:
        table = honest.sensitivity(effect, covariance, before, after, seed=study.seed)
        breakdown = honest.breakdown(effect, covariance, before, after, seed=study.seed)
    except DataError:
        return none, None, None
    said = N_(
        "The first effect differs from none while trends differ after the start by at most {breakdown} times "
        "the largest difference between periods before it."
    )
    if np.isnan(breakdown):
        said = N_("The first effect does not differ from none even if the trends were parallel.")
    shown = round(min(breakdown, 1_000.0), 2)
    return Check("honest", breakdown >= 1, said, {"breakdown": shown}), table, breakdown


def _counts(study: Study, found: GroupTimes, record: Effect) -> list[Check]:
    """What was left out or is thin; nothing where there is nothing to tell."""
    data = study.panel
    gaps = int(np.isnan(data.values[data.observed]).any(axis=0).sum())
    groups = np.unique(found.cells.group[found.cells.post])
    single = 0 if record.few else sum(data.count_clusters(data.starts == group) == 1 for group in groups)
    always = N_("Units left out because nothing is known of them before their start: {units}.")
    lost = N_("Comparisons of a group in a period that could not be made: {cells}.")
    alone = N_("Comparisons that rest on the regression alone, because the groups are too unlike to weigh: {cells}.")
    missing = N_("Units not observed in every period: {units}. Each comparison uses those seen in both of its periods.")
    thin = N_("Groups of a single cluster, whose errors are understated: {groups}.")
    made = [
        Check("always_treated", None, always, {"units": study.n_always}),
        Check("lost_cells", None, lost, {"cells": found.lost}),
        Check("overlap", False, alone, {"cells": found.without_propensity}),
        Check("incomplete_panel", None, missing, {"units": gaps}),
        Check("single_clusters", False, thin, {"groups": single}),
    ]
    return [check for check in made if max(check.values.values()) > 0]
