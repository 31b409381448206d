"""The headline figures of one quarter, each read from the cell of a result that its kind names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from ennakointi.parameters.documents import Service
from ennakointi.parameters.indicator_documents import Indicator
from ennakointi.periods import Quarter

ALL = "all"
DEBT, DEBT_NOW, DEBT_WEEKS, NEED = "debt", "debt_now", "debt_weeks", "need_next_year"
HITS, EVIDENCE, QUEUES, REJECTED = "forecast_hits", "evidence", "queues_over_limit", "rejected"
UNITS = {
    DEBT: "contacts",
    DEBT_NOW: "contacts",
    DEBT_WEEKS: "weeks",
    NEED: "contacts",
    HITS: "share",
    EVIDENCE: "interventions",
    QUEUES: "services",
    REJECTED: "share",
}
CELLS = {  # cells of the release that a figure repeats as they are
    DEBT: "debt_summary.debt",
    DEBT_NOW: "debt_summary.now",
    DEBT_WEEKS: "debt_summary.debt_weeks",
    NEED: "demand_outlook.contacts",
}
BENEFITS = ("works", "probably_works")
_ENDS = ("lo80", "hi80", "lo95", "hi95")
_NAN = float("nan")
NORMAL80, NORMAL95 = 1.2815515655446004, 1.959963984540054  # quantiles 0.9 and 0.975 of the normal distribution


@dataclass(frozen=True)
class Figure:
    """One headline figure of one group; ends of intervals that are not known are NaN."""

    indicator: str
    target_group: str
    kind: str
    value: float
    n_persons: float
    lo80: float = _NAN
    hi80: float = _NAN
    lo95: float = _NAN
    hi95: float = _NAN


@dataclass(frozen=True)
class Register:
    """What is known of the source as a whole: `persons` stand behind figures of the register and of the method; rows
    of fewer than `threshold` are not counted in them, because they are not shown either."""

    source: str
    persons: float
    mode: str = "full"
    threshold: int = 0


def read(
    headlines: Mapping[str, Indicator],
    results: Mapping[str, pd.DataFrame],
    services: Mapping[str, Service],
    quarter: Quarter,
    register: Register,
) -> list[Figure]:
    """Every headline that the unrounded `results` of a quarter hold, in the order of the document."""
    found = []
    for name, indicator in headlines.items():
        for group, values in _READERS[indicator.kind](results, quarter, services, register):
            if group == ALL or indicator.by_group:
                found.append(Figure(name, group, indicator.kind, **values))
    return [one for one in found if np.isfinite(one.value)]


def plain_outlook(outlook: pd.DataFrame) -> pd.DataFrame:
    """Years of all services in the newest projection without scenarios, of every group."""
    plain = outlook[(outlook["service"] == ALL) & ~outlook["variant"].astype(str).str.contains("+", regex=False)]
    return plain[plain["variant"] == plain["variant"].max()] if len(plain) else plain


_Read = Iterator[tuple[str, dict[str, float]]]
_Results = Mapping[str, pd.DataFrame]


def _debt(results: _Results, *_: object) -> _Read:
    for group, row in _debts(results):
        yield group, {"value": row["debt"], **{end: row[f"debt_{end}"] for end in _ENDS}, "n_persons": row["n_persons"]}


def _debt_now(results: _Results, *_: object) -> _Read:
    for group, row in _debts(results):
        ends = {end: row[f"now_{end}"] for end in _ENDS[:2]}
        yield group, {"value": row["now"], **ends, "n_persons": row["n_persons"]}


def _debt_weeks(results: _Results, *_: object) -> _Read:
    """Ends are those of the debt at the weeks that a contact of it makes."""
    for group, row in _debts(results):
        scale = row["debt_weeks"] / row["debt"] if row["debt"] else _NAN
        ends = {end: scale * row[f"debt_{end}"] for end in _ENDS}
        yield group, {"value": row["debt_weeks"], **ends, "n_persons": row["n_persons"]}


def _debts(results: _Results) -> Iterator[tuple[str, dict[str, float]]]:
    summary = results.get("debt_summary")
    if summary is not None:
        rows = summary[(summary["service"] == ALL) & (summary["status"] == "debt")]
        for row in rows.to_dict("records"):
            yield str(row["target_group"]), {str(name): row[name] for name in row}


def _need(results: _Results, quarter: Quarter, *_: object) -> _Read:
    if "demand_outlook" not in results:
        return
    years = plain_outlook(results["demand_outlook"])
    for row in years[(years["year"].astype(int) == quarter.year + 1) & (years["basis"] != "observed")].to_dict(
        "records"
    ):
        ends = {"lo80": float(row["lo80"]), "hi80": float(row["hi80"])}
        yield str(row["target_group"]), {"value": row["contacts"], **ends, "n_persons": row["n_persons"]}


def _hits(results: _Results, _quarter: Quarter, _services: object, register: Register) -> _Read:
    """Services whose latest month lay inside, of the newest forecast that was scored; Wilson's intervals."""
    ledger = results.get("forecast_ledger")
    if ledger is None:
        return
    own = ledger[(ledger["target_group"] == ALL) & (ledger["service"] != ALL) & (ledger["months"] > 0)]
    own = own[(own["made"] == own["made"].max()) & _many(own, register)]
    n, hits = len(own), int(own["inside80_latest"].sum())
    if n:
        ends = [end for alpha in (0.2, 0.05) for end in proportion_confint(hits, n, alpha, "wilson")]
        known = dict(zip(_ENDS, map(float, ends), strict=True))
        yield ALL, {"value": hits / n, **known, "n_persons": register.persons}


def _evidence(results: _Results, _quarter: Quarter, _services: object, register: Register) -> _Read:
    """Interventions by the verdict on their primary outcome; a count of verdicts has no interval."""
    ranking = results.get("intervention_ranking")
    if ranking is not None and len(ranking):
        yield ALL, {"value": float(ranking["verdict"].isin(BENEFITS).sum()), "n_persons": register.persons}


def _queues(results: _Results, _quarter: Quarter, services: Mapping[str, Service], register: Register) -> _Read:
    """Services of the care guarantee whose queue is under more pressure than their limit allows.

    The interval runs from those that are surely over it to those that may be: waits are taken to be exponential, so
    that the pressure of a queue of n has the standard error pressure / √n. Hand check: pressure 1.2 with 36 waiting is
    1.2 ± 0.26 (80 %): it may be over the limit.
    """
    pressure = results.get("queue_pressure")
    if pressure is None:
        return
    limited = {code for code, service in services.items() if service.care_guarantee}
    own = pressure[(pressure["target_group"] == ALL) & pressure["service"].isin(limited) & _many(pressure, register)]
    own = own.dropna(subset=["pressure"])
    if own.empty:
        return
    error = own["pressure"] / np.sqrt(own["waiting"].clip(lower=1))
    reach = dict(zip(_ENDS, (-NORMAL80, NORMAL80, -NORMAL95, NORMAL95), strict=True))
    ends = {end: float((own["pressure"] + z * error > 1).sum()) for end, z in reach.items()}
    yield ALL, {"value": float((own["pressure"] > 1).sum()), **ends, "n_persons": register.persons}


def _many(rows: pd.DataFrame, register: Register) -> pd.Series:
    """Rows behind which enough persons stand to be shown."""
    return rows["n_persons"].isna() | (rows["n_persons"] == 0) | (rows["n_persons"] >= register.threshold)


def _rejected(results: _Results, quarter: Quarter, _services: object, register: Register) -> _Read:
    """Every row was counted: the interval has no width."""
    trend = results.get("quality_trend")
    if trend is None:
        return
    own = trend[(trend["quarter"] == str(quarter)) & (trend["category"] == ALL)]
    for share in own["rejected_share"].astype(float):
        yield ALL, {"value": share, **dict.fromkeys(_ENDS, share), "n_persons": register.persons}


_READERS: Mapping[str, Callable[[_Results, Quarter, Mapping[str, Service], Register], _Read]] = {
    DEBT: _debt,
    DEBT_NOW: _debt_now,
    DEBT_WEEKS: _debt_weeks,
    NEED: _need,
    HITS: _hits,
    EVIDENCE: _evidence,
    QUEUES: _queues,
    REJECTED: _rejected,
}
