"""Sums inside a table: which rows make which, and what is hidden with a part so that its sum does not tell it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure.areas import QUARTER
from ennakointi.periods import month_text, parse_month
from ennakointi.result_tables import QUARTERLY, ResultTable, Sum

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def members(frame: pd.DataFrame, table: ResultTable, one: Sum) -> pd.DataFrame:
    """The sums of a table that have their whole and a part.

    Parameters
    ----------
    frame : rows of the table, numbered 0 … n − 1; without keys that are not in it. one : a declared sum.

    Returns
    -------
    row (place in the frame), block (number of the sum), whole (bool). Quarters of municipalities have three wholes, the
    county's months, which add up to the same.
    """
    keys = [name for name in table.of_kind("key") if name not in one.over and name in frame]
    rows = frame[[*keys, *one.over]].astype(str)
    rows["split"] = frame[one.split].astype(str) if one.split else ""
    wanted = pd.Series(True, index=rows.index)
    for name, value in zip(one.over, one.whole, strict=True):
        wanted &= rows[name] == (value.replace("{}", "") + rows["split"] if "{}" in value else value)
    parts = ~rows[one.over[0]].str.startswith(one.not_parts)
    blocks = rows[parts].assign(row=np.flatnonzero(parts), whole=False)
    wholes = rows[wanted].assign(row=np.flatnonzero(wanted), whole=True)
    if {"frequency", "month", "target_group"} <= set(frame) and "municipality" in one.over:
        wholes["month"] = _first_of_quarter(frame[wanted], frame[parts & (frame["frequency"] == QUARTERLY)])
    if one.split in one.over:  # the whole belongs to the sum of every value of the split
        values = blocks[[*keys, "split"]].drop_duplicates()
        wholes = wholes.drop(columns="split").merge(values, on=keys)
    both = pd.concat([blocks, wholes])[[*keys, "split", "row", "whole"]]
    both["block"] = both.groupby([*keys, "split"], sort=False).ngroup()
    whole = both.groupby("block")["whole"]
    complete = whole.transform("any") & ~whole.transform("all")
    return both.loc[complete, ["row", "block", "whole"]].reset_index(drop=True)


def _first_of_quarter(monthly: pd.DataFrame, quarters: pd.DataFrame) -> pd.Series:
    """The first month of the quarter that each month lies in, by target group; the month itself outside of them."""
    starts = quarters[["target_group", "month"]].astype(str).drop_duplicates()
    place = {
        f"{group} {month_text(parse_month(month) + ahead)}": month
        for group, month in starts.itertuples(index=False)
        for ahead in range(QUARTER)
    }
    months = monthly["month"].astype(str)
    return (monthly["target_group"].astype(str) + " " + months).map(place).fillna(months)


def with_others(frame: pd.DataFrame, table: ResultTable, hidden: Flags, told: Flags, threshold: int) -> Flags:
    """Hide with a hidden part so many others of its sum that what is left of the whole tells of `threshold` persons.

    The smallest of the others are hidden, until at least two are hidden and at least `threshold` persons stand behind
    them together; where they are too few, the whole is hidden, and always then where nothing may be hidden with it.
    Where the whole is hidden for its own few persons there is nothing to subtract from.

    Parameters
    ----------
    frame : rows of all groups. hidden : (n,) rows that are hidden already. told : (n,) rows that an earlier release
        showed as they are: to hide them now hides nothing.

    Returns
    -------
    (n,) flags. The classical rule, which holds against a reader who knows the exact totals from elsewhere; what a
    reader of this release can work out is left to the attacker.
    """
    if not hidden.any() or not table.sums:
        return together(frame, table, hidden)
    unit = unit_numbers(frame, table)
    placed = frame[[name for name in frame if name in _needed(table)]] if table.together else frame
    rows = placed.iloc[np.unique(unit, return_index=True)[1]].reset_index(drop=True)
    per_unit = pd.DataFrame({"hidden": hidden, "told": told, "persons": _persons(frame, table)}).groupby(unit).max()
    blocks = [(members(rows, table, one), one.spread) for one in table.sums]
    found = per_unit["hidden"].to_numpy()
    while True:
        before = found
        for block, spread in blocks:
            found = found | _hidden_with(block, per_unit.assign(hidden=found), threshold, spread)
        if (found == before).all():
            flags: Flags = found[unit]
            return flags


def together(frame: pd.DataFrame, table: ResultTable, hidden: Flags) -> Flags:
    """Rows of a unit are hidden together."""
    if not table.together or not hidden.any():
        return hidden
    flags: Flags = pd.Series(hidden).groupby(unit_numbers(frame, table)).transform("max").to_numpy()
    return flags


def unit_numbers(frame: pd.DataFrame, table: ResultTable) -> npt.NDArray[np.int64]:
    """(n,) number of the unit of each row, in order of their first rows."""
    if not table.together:
        return np.arange(len(frame), dtype=np.int64)
    return np.asarray(frame.groupby(list(table.together), sort=False, observed=True).ngroup(), dtype=np.int64)


def _needed(table: ResultTable) -> set[str]:
    """Columns that place a unit in its sums."""
    return {*table.together, *(name for one in table.sums for name in (*one.over, one.split) if name)}


def _persons(frame: pd.DataFrame, table: ResultTable) -> Floats:
    if table.persons is None:
        return np.zeros(len(frame))
    return frame[table.persons].fillna(0.0).to_numpy(dtype=np.float64)


def _hidden_with(blocks: pd.DataFrame, units: pd.DataFrame, threshold: int, spread: bool) -> Flags:
    """Units to hide in sums with a hidden part, or with a whole that is hidden for something else than its own few
    persons: its parts must not add up to it. Such a whole counts as one of the hidden, with nobody behind it. So does a
    month of few persons in a quarter whose other months are shown: the quarter less those months is the hidden one."""
    result = np.zeros(len(units), dtype=bool)
    rows = blocks.join(units, on="row")
    rows["hidden"] &= ~rows["told"]
    left = (rows["whole"] & ~rows["hidden"]).groupby(rows["block"]).transform("any")  # of the wholes of a quarter
    rows = rows[~(rows["whole"] & rows["hidden"] & (rows["persons"] < threshold) & ~left)]
    rows = rows[rows.groupby("block")["hidden"].transform("any") & rows.groupby("block")["whole"].transform("any")]
    candidates = ~rows["whole"] & ~rows["told"] if spread else False
    order = rows[rows["hidden"] | candidates].assign(persons=lambda some: some["persons"].where(~some["whole"], 0.0))
    order = order.assign(last=~order["hidden"], nobody=order["persons"] == 0)
    order = order.sort_values(["block", "last", "nobody", "persons", "row"], kind="stable")
    groups = order.groupby("block")
    enough = (groups["persons"].cumsum() >= threshold) & (groups.cumcount() >= 1)
    earlier = enough.astype(int).groupby(order["block"]).cumsum() - enough.astype(int)
    result[order.loc[earlier == 0, "row"]] = True
    safe = set(order.loc[enough, "block"])
    result[rows.loc[rows["whole"] & ~rows["block"].isin(safe), "row"]] = True
    return result
