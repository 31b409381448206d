"""Result tables as they may be published: few persons hidden, the rest rounded once, totals of published parts.

A row is judged by the distinct persons behind it. Below the preset's threshold the whole row is hidden: its
counts, euros, estimates and shares, because each of them follows from the others. What is shown is rounded
once; totals and shares are computed again from the published parts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure import debt_rules, forecast_rules, headline_rules, hiding
from ennakointi.disclosure.areas import Areas, merged, quarterly, small
from ennakointi.disclosure.presets import MIDPOINT, SHARE_DIGITS, DisclosureError, Preset, round_share, round_values
from ennakointi.disclosure.primary import HIDDEN_KINDS, counts_areas
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS, FACT, LABEL, PERSONS, RESULT_TABLES, SHARE, ResultTable
from ennakointi.text import is_year

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_PERSON_COLUMN = re.compile(r"person|person_?ids?|hetu|henkilotunnus|professional_id|household_id", re.IGNORECASE)


def release(tables: Mapping[str, pd.DataFrame], preset: Preset, areas: Areas | None = None) -> dict[str, pd.DataFrame]:
    """The tables under the rules of each table alone, as an analyst sees them in the secure environment; what is
    published goes through `plan`, which also attacks it.

    Parameters
    ----------
    tables : mapping of table name to DataFrame
        Unrounded results with exactly the columns that `result_tables` declares.
    preset : Preset
        Threshold (persons) and rounding base.
    areas : municipalities of each area, which take their place in groups of few persons.

    Returns
    -------
    dict of DataFrame
        The same rows (of municipalities: their quarters, or areas), rounded; hidden cells are missing and named in the
        added column `suppressed`.

    Raises
    ------
    DisclosureError
        For a table or column that nobody declared, one that is missing, or one that holds persons.
    """
    quarters, known = quarterly(declared(tables, preset)), areas or {}
    exact = merged(quarters, known, small(quarters, known, preset.threshold))
    return rounded(exact, hiding.complete(exact, hiding.primary(exact, preset), {}, preset.threshold), preset)


def declared(tables: Mapping[str, pd.DataFrame], preset: Preset) -> dict[str, pd.DataFrame]:
    """The unrounded tables with their declared columns in order; errors as of `release`."""
    if preset.name != MIDPOINT and 2 * preset.threshold < preset.base:
        raise DisclosureError(
            f"preset {preset.name}: threshold {preset.threshold} with base {preset.base} would show small "
            "counts as 0; the threshold must be at least half the base"
        )
    return {name: _exact(frame, _declared(name, frame)) for name, frame in tables.items()}


def rounded(exact: Mapping[str, pd.DataFrame], hidden: Mapping[str, Flags], preset: Preset) -> dict[str, pd.DataFrame]:
    """Tables with their hidden rows emptied and the others rounded once; derived columns from published parts."""
    released = {name: _release(frame, RESULT_TABLES[name], hidden[name], preset) for name, frame in exact.items()}
    if {"demand_outlook", "demand_resources"} <= set(released):
        outlook, resources = released["demand_outlook"], released["demand_resources"]
        follow = forecast_rules.from_published_contacts(resources, outlook, exact["demand_outlook"])
        released["demand_resources"] = follow.assign(
            **{name: round_share(follow[name].to_numpy()) for name in ("amount", "lo80", "hi80")}
        )
    for name, frame in debt_rules.reconciled(released).items():
        _order_intervals(frame, list(RESULT_TABLES[name].of_kind(*HIDDEN_KINDS)))
        released[name] = frame
    return released | headline_rules.reconciled(released, exact, preset)


def _declared(name: str, frame: pd.DataFrame) -> ResultTable:
    persons = [str(c) for c in frame.columns if _PERSON_COLUMN.fullmatch(str(c))]
    if persons:
        raise DisclosureError(f"{name}: column {persons[0]} holds persons; result tables never do")
    if name not in RESULT_TABLES:
        raise DisclosureError(f"{name}: no such table in result_tables; declare it with the kind of each column")
    if "suppressed" in frame.columns:
        raise DisclosureError(f"{name}: already released; release the unrounded table, and only once")
    table = RESULT_TABLES[name]
    extra = sorted(set(map(str, frame.columns)) - set(table.names))
    missing = [column for column in table.names if column not in frame.columns]
    if extra or missing:
        raise DisclosureError(
            f"{name}: columns must be exactly those of result_tables; "
            f"undeclared: {', '.join(extra) or 'none'}, missing: {', '.join(missing) or 'none'}"
        )
    return table


def _exact(frame: pd.DataFrame, table: ResultTable) -> pd.DataFrame:
    numbers = list(table.of_kind(*HIDDEN_KINDS))
    exact = frame[list(table.names)].reset_index(drop=True)
    exact[numbers] = exact[numbers].astype("float64")
    return exact


def _release(exact: pd.DataFrame, table: ResultTable, hidden: Flags, preset: Preset) -> pd.DataFrame:
    numbers = list(table.of_kind(*HIDDEN_KINDS))
    released = exact.copy()
    for column in table.columns:
        if column.kind in (PERSONS, COUNT, EUROS, ESTIMATE):
            rounded = round_values(exact[column.name].to_numpy(), column.kind, preset)
            areas = counts_areas(exact) & (column.name != table.persons) & (column.kind == PERSONS)
            released[column.name] = np.where(areas, exact[column.name], rounded)
        elif column.kind == LABEL:
            released[column.name] = _round_slots(exact[column.name], hidden, preset)
    _derive(released, exact, table, preset)
    _order_intervals(released, numbers)
    facts = [column.name for column in table.with_row if column.kind == FACT]
    gone = [*numbers, *facts]
    released[facts] = released[facts].astype("float64")
    released.loc[hidden, gone] = np.nan
    released.loc[hidden, [column.name for column in table.with_row if column.kind == LABEL]] = ""
    released["suppressed"] = _suppressed(exact[gone], hidden)
    return released


def _derive(released: pd.DataFrame, exact: pd.DataFrame, table: ResultTable, preset: Preset) -> None:
    """Totals and shares from published parts, where all parts are there."""
    for column in table.columns:
        value = released[column.name]
        if column.total_of:
            total = pd.concat([_term(released, term) for term in column.total_of], axis=1).sum(axis=1, skipna=False)
            released[column.name] = total.where(value.notna() & total.notna(), value)
        if column.kind != SHARE:
            continue
        if column.ratio_of:
            part, whole = (released[name] for name in column.ratio_of)
            ratio = (part / whole.where(whole != 0)).where(value.notna())
            value = ratio
        elif column.scales_with:
            of = exact[column.scales_with]
            ratio = (released[column.scales_with] / of.where(of != 0)).fillna(0).where(of.notna(), 1.0)
            value = value * ratio
        elif column.name == "deviation_share":
            value = (released["observed"] / released["expected"].where(released["expected"] != 0) - 1).where(
                value.notna()
            )
        elif column.name == "pressure":  # twice the published wait by the limit
            value = (2 * released["mean_wait_weeks"] / exact["limit_weeks"]).where(value.notna())
        step = column.step or column.bases * preset.base
        stepped = np.floor(value / step + 0.5) * step + 0.0 if step else value
        released[column.name] = round_share(stepped.to_numpy(dtype=np.float64), column.digits or SHARE_DIGITS)


def _term(frame: pd.DataFrame, term: str) -> pd.Series:
    return -frame[term[1:]] if term.startswith("-") else frame[term]


def _order_intervals(released: pd.DataFrame, numbers: list[str]) -> None:
    """Keep lo95 ≤ lo80 ≤ value ≤ hi80 ≤ hi95 after the value was computed from rounded parts."""
    for value in numbers:
        prefix = "" if value in ("estimate", "value") else f"{value}_"
        inner_lo = inner_hi = released[value]
        for level in ("80", "95"):
            lo, hi = f"{prefix}lo{level}", f"{prefix}hi{level}"
            if lo in released and hi in released:
                inner_lo = released[lo] = released[lo].where(~(released[lo] > inner_lo), inner_lo)
                inner_hi = released[hi] = released[hi].where(~(released[hi] < inner_hi), inner_hi)


_PERSON_SLOT = re.compile(r"(^|_)(n|persons?|treated|comparison)(_|$)")


def _round_slots(cells: pd.Series, hidden: Flags, preset: Preset) -> list[Any]:
    """Numbers in sentences: persons under the threshold's rule, others three digits, none in a hidden row."""
    return [
        _round_messages(cell, row_hidden, preset) if isinstance(cell, str) and cell.startswith(("{", "[")) else cell
        for cell, row_hidden in zip(cells, hidden, strict=True)
    ]


def _round_messages(cell: str, row_hidden: bool, preset: Preset) -> str:
    """A cell of one message, or of a list of messages; lists of other things stay as they are."""
    content = json.loads(cell)
    for message in [one for one in (content if isinstance(content, list) else [content]) if isinstance(one, dict)]:
        message["values"] = {
            name: _round_slot(name, value, row_hidden, preset) for name, value in message["values"].items()
        }
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _round_slot(name: str, value: Any, row_hidden: bool, preset: Preset) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or name.endswith("month") or is_year(name):
        return value
    persons = _PERSON_SLOT.search(name) and "area" not in name
    if row_hidden or (persons and 0 < value < preset.threshold):
        return None
    if persons:
        return float(round_values(np.array([float(value)]), PERSONS, preset)[0])
    return float(f"{value:.{SHARE_DIGITS}g}")


def _suppressed(exact: pd.DataFrame, hidden: Flags) -> list[str]:
    """For each row the hidden columns, separated by `;`; what was never estimated is missing, not hidden."""
    names = exact.columns.to_numpy()
    present = exact.notna().to_numpy(dtype=bool)
    return [";".join(names[row]) if flag else "" for row, flag in zip(present, hidden, strict=True)]
