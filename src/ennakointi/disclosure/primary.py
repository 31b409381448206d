"""Which rows of a result table may not be shown by themselves: few persons, all but few, and what the policy adds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure import supplier_rules
from ennakointi.disclosure.presets import Preset
from ennakointi.result_tables import COUNT, ESTIMATE, EUROS, PERSONS, SHARE, ResultTable

Flags = npt.NDArray[np.bool_]

HIDDEN = "hidden"
HIDDEN_KINDS = (PERSONS, COUNT, EUROS, ESTIMATE, SHARE)


def hidden_rows(frame: pd.DataFrame, table: ResultTable, preset: Preset) -> Flags:
    """Rows whose numbers may not be shown: one flag a row.

    A row is hidden when a number of persons or a count in it is 1 … threshold − 1, when all persons but that
    few share a property, when its persons are unknown, or when few suppliers gave what was bought. Rows of an
    aggregate source (its tables name a `measure`) need not know their persons and are judged by their counts alone.
    """
    threshold = preset.threshold
    hidden = np.zeros(len(frame), dtype=bool)
    if table.persons is None:  # rows of data: few of them are few persons
        return np.any([_few(frame[name], threshold) for name in table.of_kind(COUNT)] or [hidden], axis=0)
    for name in table.of_kind(PERSONS, COUNT):
        own = ~counts_areas(frame) if name != table.persons and name in table.of_kind(PERSONS) else True
        hidden |= _few(frame[name], threshold) & own
    for column in table.columns:
        if column.ratio_of and set(column.ratio_of) <= set(table.of_kind(PERSONS)):
            part, whole = column.ratio_of
            hidden |= _few(frame[whole] - frame[part], threshold)
    if "measure" not in table.names:
        numbers = frame[list(table.of_kind(*HIDDEN_KINDS))]
        hidden |= (frame[table.persons].isna() & numbers.notna().any(axis=1)).to_numpy()
    return hidden | supplier_rules.hidden(frame) | _by_policy(frame, table, preset)


def _by_policy(frame: pd.DataFrame, table: ResultTable, preset: Preset) -> Flags:
    """Rows of nobody where zeros are hidden, and rows in which everybody shares a property where that is hidden: both
    tell something of every single person. The row of all residents is no property."""
    hidden = np.zeros(len(frame), dtype=bool)
    if preset.zeros == HIDDEN and table.persons:
        hidden |= (frame[table.persons] == 0).to_numpy()
    if preset.everyone == HIDDEN:
        property_of_some = ~_of_all(frame, table)
        for column in table.columns:
            if column.ratio_of and set(column.ratio_of) <= set(table.of_kind(PERSONS)):
                part, whole = column.ratio_of
                hidden |= ((frame[part] == frame[whole]) & (frame[whole] > 0)).to_numpy() & property_of_some
    return hidden


def _of_all(frame: pd.DataFrame, table: ResultTable) -> Flags:
    """Rows of all residents and of the wholes of sums: that everyone is among them tells nothing."""
    wholes = {("target_group", "all")}
    wholes |= {(name, value) for one in table.sums for name, value in zip(one.over, one.whole, strict=True)}
    flags = np.zeros(len(frame), dtype=bool)
    for name, value in wholes:
        flags |= frame[name].eq(value).to_numpy(dtype=bool) if name in frame else False
    return flags


def _few(values: pd.Series, threshold: int) -> Flags:
    flags: Flags = ((values > 0) & (values < threshold)).to_numpy()
    return flags


def counts_areas(frame: pd.DataFrame) -> Flags:
    """Rows whose treated and comparison numbers count areas, which are no persons."""
    if "counted" not in frame:
        return np.zeros(len(frame), dtype=bool)
    flags: Flags = (frame["counted"] == "areas").to_numpy()
    return flags


def with_neighbours(frame: pd.DataFrame, table: ResultTable, hidden: Flags, threshold: int) -> Flags:
    """Hide with each run of hidden months the neighbours it takes to have a month of `threshold` persons.

    The debt before and after a run differ by the gaps of the run, and a total over the months less the shown
    ones leaves the hidden ones: what can be worked out is then a sum over at least `threshold` persons.
    """
    keys = [name for name in table.of_kind("key") if name != "month"]
    persons = frame[table.persons].to_numpy()
    spread = hidden.copy()
    cumulates = (frame["period"] != "baseline").to_numpy() if "period" in frame else np.ones(len(frame), dtype=bool)
    if not (hidden & cumulates).any():
        return hidden
    of_debt = np.flatnonzero(cumulates)
    for places in frame[cumulates].groupby(keys, sort=False, observed=True).indices.values():
        rows = of_debt[places]
        ordered = rows[np.argsort(frame["month"].to_numpy()[rows], kind="stable")]
        spread[ordered] = _spread(hidden[ordered], persons[ordered] >= threshold)
    return spread


def _spread(hidden: Flags, many: Flags) -> Flags:
    """Extend every run over its later months, else its earlier ones, until it covers a month of `many`."""
    result = hidden.copy()
    for start in np.flatnonzero(hidden):
        first = last = int(start)
        while not many[first : last + 1].any() and last + 1 < len(hidden):
            last += 1
        while not many[first : last + 1].any() and first > 0:
            first -= 1
        result[first : last + 1] = True
    return result
