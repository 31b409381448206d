"""What the disclosure door does with headline figures: the same number as in the result that they repeat, hidden with
it, and changes whose parts add up as they are published.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure.presets import Preset, round_share, round_values
from ennakointi.result_tables import ESTIMATE, PERSONS, RESULT_TABLES, SHARE

Flags = npt.NDArray[np.bool_]

FIGURES, CHANGES = "indicators", "changes"
_KEYS = ["indicator", "target_group"]
_ENDS = ("lo80", "hi80", "lo95", "hi95")
_OUTLOOK = "demand_outlook"
_PARTS = ["late", "definitions", "new_events", "real"]
_LEVELS = ["before", "after", *_PARTS, "real_lo80", "real_hi80", "total_lo80", "total_hi80"]


def reconciled(
    released: Mapping[str, pd.DataFrame], exact: Mapping[str, pd.DataFrame], preset: Preset
) -> dict[str, pd.DataFrame]:
    """The tables `indicators` and `changes` as they follow from the other published tables.

    Parameters
    ----------
    released, exact : tables by name, after and before rounding and hiding

    Returns
    -------
    The tables that changed. A figure with a `cell` has that cell's published number, and is hidden with it;
    one of another publication is as given. A change is
    hidden with its figure; contacts are rounded to the base; a revision of fewer contacts than the threshold reads 0
    and stands with the definitions; levels are those published then and now, total = after − before, and the rest of it
    stands with `real`, or with `definitions` where there are no new months.
    """
    if FIGURES not in released:
        return {}
    figures = _repeated(released[FIGURES], exact[FIGURES], released, preset)
    changed = {FIGURES: figures}
    if CHANGES in released:
        changed[CHANGES] = _added_up(released[CHANGES], exact[CHANGES], figures, preset)
    return changed


def _repeated(
    frame: pd.DataFrame, exact: pd.DataFrame, released: Mapping[str, pd.DataFrame], preset: Preset
) -> pd.DataFrame:
    found = frame.reset_index(drop=True)
    given = ~exact["source"].isin(["ennakointi"]) & found["value"].notna()  # others have published it already
    found.loc[given, "value"] = exact.loc[given, "value"]
    counted = (exact["unit"] == "contacts").to_numpy() & ~given.to_numpy()
    for name in ("value", *_ENDS):
        rounded = round_values(exact[name].to_numpy(), ESTIMATE, preset)
        found.loc[counted & found[name].notna(), name] = rounded[counted & found[name].notna()]
    hidden = np.zeros(len(found), dtype=bool)
    newest = _newest(exact)
    for place in map(int, np.flatnonzero(exact["cell"].astype(bool) & (exact["period"] == newest))):
        table, column = str(exact["cell"].iloc[place]).split(".")
        row = _source(released, table, str(exact["target_group"].iloc[place]), newest)
        if row is None:
            continue
        hidden[place] = bool(pd.isna(row[column]))
        found.loc[place, "value"] = row[column]
        for end in _ENDS:
            if (name := end if table == _OUTLOOK else f"{column}_{end}") in row.index:
                found.loc[place, end] = row[name]
    return _hide(found, exact, hidden, FIGURES)


def _newest(exact: pd.DataFrame) -> str:
    """The quarter of the release: the last that a figure of its own tells of."""
    own = exact.loc[exact["cell"].astype(bool), "period"].astype(str)
    return max(own, default="")


def _source(released: Mapping[str, pd.DataFrame], table: str, group: str, quarter: str) -> pd.Series | None:
    """The published row of all services that a figure of a quarter repeats; None where it is not in the release."""
    frame = released.get(table)
    if frame is None:
        return None
    rows = frame[(frame["target_group"] == group) & (frame["service"] == "all")]
    if table == _OUTLOOK:
        plain = rows[~rows["variant"].astype(str).str.contains("+", regex=False)]
        rows = plain[(plain["variant"] == plain["variant"].max()) & (plain["year"].astype(int) == int(quarter[:4]) + 1)]
    return None if rows.empty else rows.iloc[0]


def _added_up(frame: pd.DataFrame, exact: pd.DataFrame, figures: pd.DataFrame, preset: Preset) -> pd.DataFrame:
    found, numbers = frame.reset_index(drop=True), exact.copy()
    counted = (exact["unit"] == "contacts").to_numpy()
    few = counted & (exact["late"].abs() > 0) & (exact["late"].abs() < preset.threshold)
    numbers.loc[few, "definitions"] += numbers.loc[few, "late"]
    numbers.loc[few, "late"] = 0.0
    for name in _LEVELS:
        values = numbers[name].to_numpy()
        found[name] = np.where(counted, round_values(values, ESTIMATE, preset), round_share(values))
    found["before"] = _told(figures, found, found["since"], found["before"])
    found["after"] = _told(figures, found, pd.Series(_newest(figures), index=found.index), found["after"])
    total = found["after"] - found["before"]
    found["total"] = np.where(counted, total, round_share(total.to_numpy()))
    closed = ((exact["real"] == 0) & (exact["new_events"] == 0)).to_numpy()  # no new months: the rest is the estimate's
    for name, rows in (("definitions", closed), ("real", ~closed)):
        others = [part for part in _PARTS if part != name]
        rest = found["total"] - found[others].sum(axis=1, skipna=False)
        rounded = np.where(counted, rest, round_share(rest.to_numpy()))
        found[name] = np.where(rows & exact[name].notna(), rounded, found[name])
    hidden = frame["after"].isna() | found["after"].isna()
    return _hide(found, exact, hidden.to_numpy(), CHANGES)


def _told(figures: pd.DataFrame, changes: pd.DataFrame, quarters: pd.Series, otherwise: pd.Series) -> pd.Series:
    """The figures of some quarters as they are or were published."""
    known = figures.drop_duplicates([*_KEYS, "period"]).set_index([*_KEYS, "period"])["value"]
    keys = pd.MultiIndex.from_arrays([changes["indicator"], changes["target_group"], quarters])
    return pd.Series(np.where(keys.isin(known.index), known.reindex(keys), otherwise), index=otherwise.index)


def _hide(found: pd.DataFrame, exact: pd.DataFrame, hidden: Flags, table: str) -> pd.DataFrame:
    """Empty the numbers of hidden rows, and name them."""
    numbers = list(RESULT_TABLES[table].of_kind(SHARE, PERSONS))
    present = exact[numbers].notna().to_numpy()
    found.loc[hidden, numbers] = np.nan
    names = [";".join(np.array([*numbers])[row]) for row in present]
    found["suppressed"] = np.where(hidden & (found["suppressed"] == ""), names, found["suppressed"])
    return found
