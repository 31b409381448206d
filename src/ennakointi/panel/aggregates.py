"""Aggregate sources: series that come as counts, regular in time, with every gap explicit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ennakointi.errors import DataError, Fault
from ennakointi.parameters import Parameters
from ennakointi.periods import day_number
from ennakointi.store import Store

KEYS = ["area", "target_group", "service", "measure", "frequency"]
PERSONS = "persons"
WHOLE_COUNTY = "county"
_STEPS = {"M": "MS", "W": "7D", "D": "D"}
_MONDAY = 0


@dataclass(frozen=True, eq=False)
class AggregatePanel:
    """Series of an aggregate source in the region, cut at the as-of date.

    Attributes
    ----------
    values : area, target_group, service, measure, frequency (M, W, D), period_start (datetime64), value,
        n_persons. Every series has every period from the first to the last of its frequency; a missing one is
        NaN, not 0. Weeks are ISO weeks and start on Monday. n_persons is the value of the measure `persons`
        in the same cell, NaN where the source does not give it.
    """

    values: pd.DataFrame
    as_of: date

    def series(self, area: str, target_group: str, service: str, measure: str) -> pd.DataFrame:
        """period_start, frequency, value, n_persons of one series in time order; empty if there is none."""
        found = np.logical_and.reduce(
            [
                self.values[key] == wanted
                for key, wanted in zip(KEYS, (area, target_group, service, measure), strict=False)
            ]
        )
        columns = ["period_start", "frequency", "value", "n_persons"]
        return self.values.loc[found, columns].sort_values("period_start", ignore_index=True)


def from_aggregate(store: Store, parameters: Parameters) -> AggregatePanel:
    """The aggregate panel of the region from the store's `panel` table.

    Areas are the region's municipalities and the county as a whole (`county:<code>` or `county`); other areas
    of the source are left out. A period counts when it has ended by the as-of date.

    Raises
    ------
    DataError
        No row lies in the region, or a period does not start where its frequency says (first of the month,
        Monday).
    """
    rows = _decoded(store)
    region = parameters.region
    wanted = {f"county:{region.county_code}", WHOLE_COUNTY, *region.municipalities}
    inside = rows[rows["area"].isin(wanted)]
    if inside.empty:
        found = ", ".join(sorted(set(rows["area"]))[:12])
        fault = Fault("panel", "area", "other_region", len(rows), f"areas in the data: {found}")
        wants = f"expected county:{region.county_code} or its municipalities"
        raise DataError(f"panel: no area of region {region.code!r}; {wants}", (fault,))
    _check_starts(inside)
    ended = _period_end(inside) <= day_number(store.as_of)
    regular = _regular(inside[ended])
    return AggregatePanel(_with_persons(regular), store.as_of)


def _decoded(store: Store) -> pd.DataFrame:
    """The panel table with codes as text and `period_start` as datetime64; a missing measure is `value`."""
    table = store.frame("panel").collect("pandas").to_native()
    for column in ("area", "target_group", "service", "frequency", "measure"):
        codes = store.codes("panel", column) if column in store.columns("panel") else []
        given = table[column] if codes else pd.Series(np.nan, index=table.index)
        table[column] = given.map(dict(enumerate(codes))).fillna("value")
    table["period_start"] = pd.to_datetime(table["period_start_day"], unit="D", origin="unix")
    return table[[*KEYS, "period_start", "value"]]


def _check_starts(rows: pd.DataFrame) -> None:
    start = rows["period_start"].dt
    wrong = ((rows["frequency"] == "M") & (start.day != 1)) | (
        (rows["frequency"] == "W") & (start.dayofweek != _MONDAY)
    )
    if wrong.any():
        message = "a month starts on its first day and a week on Monday (ISO); correct period_start"
        raise DataError(
            "panel: irregular periods",
            (Fault("panel", "period_start", "irregular", int(wrong.sum()), message),),
        )


def _period_end(rows: pd.DataFrame) -> pd.Series:
    """Last day number of each row's period."""
    month_end = rows["period_start"] + pd.offsets.MonthEnd(0)
    days = rows["frequency"].map({"W": 6, "D": 0, "M": 0})
    end = (rows["period_start"] + pd.to_timedelta(days, unit="D")).where(rows["frequency"] != "M", month_end)
    return (end - pd.Timestamp(0)).dt.days


def _regular(rows: pd.DataFrame) -> pd.DataFrame:
    """Every series over all periods of its frequency; what was not there is NaN."""
    dense = []
    for frequency, part in rows.groupby("frequency", sort=True):
        first, last = part["period_start"].min(), part["period_start"].max()
        periods = pd.date_range(first, last, freq=_STEPS[str(frequency)], name="period_start")
        keys = part[KEYS].drop_duplicates().sort_values(KEYS)
        dense.append(keys.merge(periods.to_frame(index=False), how="cross"))
    if not dense:
        return rows
    return pd.concat(dense, ignore_index=True).merge(rows, on=[*KEYS, "period_start"], how="left")


def _with_persons(rows: pd.DataFrame) -> pd.DataFrame:
    keys = [key for key in KEYS if key != "measure"] + ["period_start"]
    persons = rows[rows["measure"] == PERSONS].rename(columns={"value": "n_persons"})[[*keys, "n_persons"]]
    return rows.merge(persons, on=keys, how="left")
