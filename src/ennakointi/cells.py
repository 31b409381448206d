"""Turns the store into panel files, bucket by bucket: person-months, then cells of every target group.

Files of the panel folder: `person_months/bucket=NN.parquet`; `<target group>/{counts,totals,person_time,queue}.parquet`;
`residents.parquet`, `coverage.parquet`, `volumes.parquet`; `panel.json`, written last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi import population, reductions
from ennakointi.groups import GroupIndex
from ennakointi.periods import day_date, day_number, first_day, month_of
from ennakointi.store import Store

ALL_SERVICES = "all"
UNKNOWN_MUNICIPALITY = "999"
RESIDENTS = -1  # the run of membership that is residence itself
ALL_CODE = -1  # all services together
ADDITIVE = ("contacts", "persons", "cost_eur", "waiting", "uncovered")


@dataclass(frozen=True)
class Axes:
    """The values of a panel's keys; a code in the files is a place in these lists. Months are month indices."""

    services: tuple[str, ...]
    municipalities: tuple[str, ...]
    sexes: tuple[str, ...]
    bounds: tuple[int, ...]
    first_month: int
    last_month: int

    @classmethod
    def of(cls, store: Store) -> Axes:
        """The axes of a store: months from the first contact to the last whole month by the as-of date."""
        whole = month_of(day_date(day_number(store.as_of) + 1)) - 1
        areas = store.codes("persons", "municipality")
        return cls(
            services=tuple(store.codes("contacts", "service")),
            municipalities=tuple(areas if UNKNOWN_MUNICIPALITY in areas else [*areas, UNKNOWN_MUNICIPALITY]),
            sexes=tuple(store.codes("persons", "sex")),
            bounds=population.AGE_BANDS,
            first_month=store.first_month,
            last_month=min(store.last_month, whole),
        )

    @property
    def months(self) -> np.ndarray:
        return np.arange(self.first_month, self.last_month + 1)

    @property
    def span(self) -> tuple[int, int]:
        """First and last day number."""
        return day_number(first_day(self.first_month)), day_number(first_day(self.last_month + 1)) - 1

    def month_ends(self) -> pd.DataFrame:
        """month, last_day."""
        days = [day_number(first_day(int(m) + 1)) - 1 for m in self.months]
        return pd.DataFrame({"month": self.months.astype(np.int32), "last_day": np.array(days, dtype=np.int32)})

    def age_bands(self) -> pd.DataFrame:
        """age_band, from_age, to_age in months of age; the first band reaches below 0, the last has no end."""
        lows = [-12, *(12 * bound for bound in self.bounds[1:])]
        highs = [*(12 * bound - 1 for bound in self.bounds[1:]), 12 * 200]
        return pd.DataFrame({"age_band": range(len(lows)), "from_age": lows, "to_age": highs}, dtype=np.int32)


def build(store: Store, group_index: GroupIndex, folder: Path) -> None:
    """Write the panel files of every group of the index; an unfinished folder has no `panel.json`.

    Memory is bounded by one bucket's persons and one group's cells.
    """
    axes = Axes.of(store)
    shutil.rmtree(folder, ignore_errors=True)
    parts = folder / "parts"
    connection = store.connection()
    try:
        coverage = coverage_cells(store, axes, connection)
        _reduce_buckets(store, group_index, axes, coverage, folder, connection)
        _merge(group_index, axes, coverage, folder, connection)
    finally:
        connection.close()
    shutil.rmtree(parts)
    _describe(store, group_index, axes, folder)
