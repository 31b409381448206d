"""The tables of an estimate with staggered starts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ennakointi.causal import aggregation, bands
from ennakointi.causal.aggregation import Averages
from ennakointi.causal.areas import Floats, Ints
from ennakointi.causal.group_time import GroupTimes
from ennakointi.causal.staggered_inference import Effect, Study, permuted_bands


def tables(study: Study, found: GroupTimes, record: Effect, others: list[dict[str, Any]]) -> dict[str, pd.DataFrame]:
    """Event study, group-time effects and averages; with few clusters only permutation gives intervals, so that those
    of single cells and of averages other than the one of record are empty.

    `others` are further rows of `aggregates`.
    """
    dynamic, groups, periods = aggregation.dynamic(found), aggregation.by_group(found), aggregation.by_period(found)
    error = dynamic.standard_error(found)
    reach = _reach(record, error, dynamic.covariance(found), study.seed)
    if record.permuted is not None:
        reach = permuted_bands(study, found, dynamic, record.permuted)
    return {
        "event_study": _table({"since_start": dynamic.label}, dynamic.effect, error, reach),
        "group_time": _group_time(study, found, record),
        "aggregates": _aggregates(found, record, dynamic, periods, others),
        "groups": _averaged({"group": named(study, groups.label)}, groups, found, record, study.seed),
        "calendar": _averaged({"time": named(study, periods.label)}, periods, found, record, study.seed),
    }


def named(study: Study, positions: Ints) -> list[Any]:
    """Periods as the user wrote them, as numbers where all are."""
    labels = [study.times[place] for place in positions]
    return [int(label) for label in labels] if all(t.lstrip("-").isdigit() for t in study.times) else labels


def _reach(record: Effect, error: Floats, covariance: Floats, seed: int) -> tuple[Floats, Floats]:
    """How far intervals reach, alone and all at once (E,); NaN with few clusters."""
    alone = record.critical * error
    if record.few:
        return alone, alone
    return alone, alone * bands.critical_value(covariance, seed) / bands.POINTWISE


def _table(keys: dict[str, Any], effect: Floats, error: Floats, reach: tuple[Floats, Floats]) -> pd.DataFrame:
    alone, joint = reach
    return pd.DataFrame(
        {
            **keys,
            "estimate": effect,
            "standard_error": error,
            "lo95": effect - alone,
            "hi95": effect + alone,
            "lo95_simultaneous": effect - joint,
            "hi95_simultaneous": effect + joint,
        }
    )


def _averaged(keys: dict[str, Any], averages: Averages, found: GroupTimes, record: Effect, seed: int) -> pd.DataFrame:
    error = averages.standard_error(found)
    return _table(keys, averages.effect, error, _reach(record, error, averages.covariance(found), seed))


def _group_time(study: Study, found: GroupTimes, record: Effect) -> pd.DataFrame:
    cells, error = found.cells, found.standard_error
    covariance = found.covariance[: len(error), : len(error)]
    reach = _reach(record, error, covariance, study.seed)
    keys = {"group": named(study, cells.group), "time": named(study, cells.time), "base": named(study, cells.base)}
    return _table(keys, found.effect, error, reach).assign(n=found.n)


def _aggregates(
    found: GroupTimes, record: Effect, dynamic: Averages, periods: Averages, others: list[dict[str, Any]]
) -> pd.DataFrame:
    rows = [{"aggregate": "simple", **record.numbers._asdict(), "standard_error": record.standard_error}]
    means = {
        "dynamic": dynamic.mean(dynamic.label >= 0),
        "group": aggregation.over_groups(found),
        "calendar": periods.mean(periods.label >= 0),
    }
    for name, average in means.items():
        rows.append(with_error(name, float(average.effect[0]), float(average.standard_error(found)[0]), record))
    columns = ["aggregate", "estimate", "standard_error", "lo95", "hi95"]
    return pd.DataFrame([*rows, *others])[columns]


def with_error(name: str, effect: float, error: float, record: Effect) -> dict[str, Any]:
    """One row of `aggregates`; no interval with few clusters."""
    reach = record.critical * error
    interval = {"lo95": effect - reach, "hi95": effect + reach}
    return {"aggregate": name, "estimate": effect, "standard_error": error, **interval}
