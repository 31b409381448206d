"""A data folder, a store and memberships made from a few rows, for tests of panels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from ennakointi import parameters as parameter_files
from ennakointi import sources, store
from ennakointi.parameters import Parameters
from ennakointi.store.layout import BUCKETS

FIRST, LAST = date(2019, 1, 1), date(2019, 12, 31)


@dataclass(frozen=True)
class Groups:
    """Runs of membership in Parquet, as `groups.build` leaves them."""

    folder: Path
    ids: Sequence[str]
    available_from: Mapping[str, int]

    def file(self, bucket: int) -> Path:
        return self.folder / f"bucket={bucket:02d}.parquet"


@cache
def shipped() -> Parameters:
    """The shipped parameters of Päijät-Häme, read once."""
    return parameter_files.load()


def parameters(**replaced: object) -> Parameters:
    """The shipped parameters of Päijät-Häme without breaks, with parts replaced."""
    return replace(shipped(), **{"breaks": {}, **replaced})  # type: ignore[arg-type]


def build_store(folder: Path, as_of: date = LAST, **tables: pd.DataFrame) -> store.Store:
    """A store of the tables in `folder/work/store`."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(data / f"{name}.parquet", index=False)
    (folder / "work").mkdir(exist_ok=True)
    return store.build(sources.discover(data), folder / "work" / "store", parameters(), as_of)


def memberships(folder: Path, runs: pd.DataFrame, ids: Sequence[str], available_from: Mapping[str, int]) -> Groups:
    """Memberships from runs: group (place in ids), person (number in the store), from_month, to_month."""
    place = folder / "work" / "memberships"
    place.mkdir(parents=True, exist_ok=True)
    groups = Groups(place, ids, available_from)
    typed = runs.astype({"group": "int16", "person": "int32", "from_month": "int32", "to_month": "int32"})
    for bucket in range(BUCKETS):
        typed[typed["person"] % BUCKETS == bucket].to_parquet(groups.file(bucket), index=False)
    return groups


def everybody(n_persons: int, first_month: int, last_month: int) -> pd.DataFrame:
    """Runs of a first group that holds every person in every month."""
    columns = {"group": 0, "person": range(n_persons), "from_month": first_month, "to_month": last_month}
    return pd.DataFrame(columns)
