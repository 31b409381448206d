"""Who the persons of a segment are, what they use and what it costs, which groups they are in and what they lack.

Every function takes the residents of one quarter and their segments; a row `all` tells every resident, and the
segments of a scheme add up to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ennakointi.parameters.segmentation_documents import UNMET_NEED, SegmentationSettings
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.rules import feature_conditions as conditions
from ennakointi.segmentation.rule_based import lacking, refusal, residents, unmet_need

ALL, UNKNOWN = "all", "unknown"
DIMENSIONS = ("age_band", "sex", "language", "municipality")
CONTACTS, COST = "contacts_12m", "cost_eur_12m"
EVER = "contacts_24m"  # tells a client where the register holds clients only
_GROUP = "group_"

Assignments = Mapping[str, pd.Series]  # segments by person, by scheme; categories from the gravest


def columns(settings: SegmentationSettings, services: Sequence[str], available: Sequence[str]) -> list[str]:
    """The features that segments and their profiles read, of those that are available."""
    asked = {"person", "state", *DIMENSIONS, CONTACTS, COST, EVER}
    asked |= {column for service in services for column in _of_service(service)}
    asked |= set().union(*(conditions.features(one) for _, one in settings.conditions()))
    asked |= {sign.amount for sign in settings.signs.values() if sign.amount}
    return [name for name in available if name in asked or name.startswith(_GROUP)]


def sizes(quarters: Mapping[str, tuple[pd.DataFrame, Assignments]], stability: Mapping[str, float]) -> pd.DataFrame:
    """Result table `segments`: size, contacts and cost of each segment in each quarter.

    Parameters
    ----------
    quarters : features and segments by quarter, `2025Q3`.
    stability : adjusted Rand index by scheme, of schemes that are estimated.
    """
    parts = []
    for quarter, (frame, assigned) in quarters.items():
        use = _held(frame)[[CONTACTS, COST]].set_axis(["contacts", "cost_eur"], axis=1)
        for scheme, segments in assigned.items():
            told = _sums(segments, use.assign(n_persons=1.0)).reset_index()
            whole = told.iloc[-1]
            told["residents"] = whole["n_persons"]
            told["contacts_all"], told["cost_eur_all"] = whole["contacts"], whole["cost_eur"]
            parts.append(told.assign(scheme=scheme, quarter=quarter, stability=stability.get(scheme, np.nan)))
    return _table("segments", parts)


def people(frame: pd.DataFrame, assigned: Assignments) -> pd.DataFrame:
    """Result table `segment_residents`: age, sex, language and municipality of each segment."""
    held = _held(frame)
    parts = []
    for dimension in DIMENSIONS:
        known = held[dimension].astype(object).where(held[dimension].notna(), UNKNOWN)
        values = sorted(known.unique(), key=_in_order(held[dimension]))
        members = {value: pd.DataFrame({"n_persons": known == value}) for value in values}
        members[ALL] = pd.DataFrame({"n_persons": True}, index=held.index)
        parts += [told.assign(dimension=dimension) for told in _each(assigned, members, "value")]
    return _table("segment_residents", parts)


def services(frame: pd.DataFrame, assigned: Assignments, codes: Sequence[str]) -> pd.DataFrame:
    """Result table `segment_services`: contacts, cost and users of each service in each segment, over 12 months; euros
    are told where they are known by service."""
    held = _held(frame)
    columns = {code: _of_service(code) for code in codes if _of_service(code)[0] in held} | {ALL: (CONTACTS, COST)}
    priced = all(cost in held for _, cost in columns.values())
    use = {}
    for service, (contacts, cost) in columns.items():
        euros = held[cost] if priced else np.nan
        use[service] = pd.DataFrame(
            {"contacts": held[contacts], "cost_eur": euros, "n_persons": held[contacts] > 0}, index=held.index
        )
    return _table("segment_services", [*_each(assigned, use, "service")])


def groups(frame: pd.DataFrame, assigned: Assignments) -> pd.DataFrame:
    """Result table `segment_groups`: members of target groups in each segment, in the quarter's last month."""
    held = _held(frame)
    known = [name for name in held.columns if name.startswith(_GROUP) and held[name].notna().any()]
    members = {
        name.removeprefix(_GROUP): pd.DataFrame({"n_persons": held[name].astype("boolean").fillna(False)})
        for name in known
    }
    parts = []
    for told in _each(assigned, members, "target_group"):
        in_group = told[told["segment"] == ALL].set_index("target_group")["n_persons"]
        parts.append(told.assign(group_persons=told["target_group"].map(in_group)))
    return _table("segment_groups", parts)


def signs(
    frame: pd.DataFrame, assigned: Assignments, settings: SegmentationSettings, missing: Mapping[str, str]
) -> pd.DataFrame:
    """Result table `segment_signs`: who has each sign, and how much of it; a sign that needs a feature that the
    quarter lacks is left out."""
    held, absent = _held(frame), lacking(frame, missing)
    use = {}
    for name, sign in settings.every_sign.items():
        if name == UNMET_NEED:
            unmet, _ = unmet_need(frame, settings, missing)
            has = None if unmet is None else unmet.to_numpy()
        else:
            has = None if refusal([sign.who], absent) else conditions.evaluate(sign.who, held)
        if has is not None:
            amount = held[sign.amount].astype(float).where(has, 0.0) if sign.amount else np.nan
            use[name] = pd.DataFrame({"n_persons": has, "amount": amount}, index=held.index)
    return _table("segment_signs", [*_each(assigned, use, "sign")])


def _held(frame: pd.DataFrame) -> pd.DataFrame:
    return residents(frame).set_index("person")


def _of_service(service: str) -> tuple[str, str]:
    return f"contacts_{service}_12m", f"cost_eur_{service}_12m"


def _in_order(values: pd.Series) -> Any:
    """Sorts values as their categories are, what is not known last."""
    order = [*values.cat.categories, UNKNOWN] if isinstance(values.dtype, pd.CategoricalDtype) else None
    return order.index if order else str


def _each(assigned: Assignments, parts: Mapping[str, pd.DataFrame], kind: str) -> Iterator[pd.DataFrame]:
    """By scheme, the sums of every part in each segment and in all: scheme, segment, `kind` and segment_persons."""
    if not parts:
        return
    wide = pd.concat(parts, axis=1, names=[kind])
    for scheme, segments in assigned.items():
        sums = _sums(segments, wide)
        told = pd.concat({part: sums[part] for part in parts}, names=[kind]).reset_index()
        size = _sums(segments, pd.DataFrame({"n": 1.0}, index=wide.index))["n"]
        yield told.assign(scheme=scheme, segment_persons=told["segment"].map(size))


def _sums(segments: pd.Series, use: pd.DataFrame) -> pd.DataFrame:
    """The columns of `use`, by person, summed in each segment and in all; what is known of nobody stays unknown."""
    of = segments.astype("category")
    numbers = use.loc[of.index].astype(float)
    summed = numbers.groupby(of, observed=False).sum().reindex(of.cat.categories)
    summed.index = summed.index.astype(object)
    summed.loc[ALL] = numbers.sum()
    if len(numbers):
        summed.loc[:, numbers.isna().all()] = np.nan
    return summed.rename_axis("segment")


def _table(name: str, parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The result table, its columns that follow from others filled in."""
    declared = RESULT_TABLES[name]
    told = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(declared.names), dtype=object)
    for column in declared.columns:
        if column.total_of:
            told[column.name] = told[list(column.total_of)].sum(axis=1)
        elif column.ratio_of:
            above, below = (told[part].astype(float) for part in column.ratio_of)
            told[column.name] = above / below.where(below > 0)
    return told[list(declared.names)]
