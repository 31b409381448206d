"""The axes of a panel: the values its keys can take, and which of its cells the register holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ennakointi.errors import DataError
from ennakointi.periods import day_date, day_number, first_day, month_of, month_text
from ennakointi.store import Store

UNKNOWN_MUNICIPALITY = "999"


@dataclass(frozen=True)
class Axes:
    """The values of a panel's keys; codes in the files are places in these lists, months are indices."""

    services: tuple[str, ...]
    municipalities: tuple[str, ...]
    sexes: tuple[str, ...]
    bounds: tuple[int, ...]
    first_month: int
    last_month: int

    @classmethod
    def of(cls, store: Store, bounds: Sequence[int]) -> Axes:
        """The axes of a store: months from the first contact to the last month ended by the as-of date.

        Raises
        ------
        DataError
            No month of contacts has ended by the as-of date.
        """
        ended = month_of(day_date(day_number(store.as_of) + 1)) - 1
        if ended < store.first_month:
            began = month_text(store.first_month)
            message = f"no whole month of contacts before {store.as_of}: the contacts begin in {began}"
            raise DataError(f"{message}; give a later as-of date or earlier contacts")
        areas = store.codes("persons", "municipality")
        return cls(
            services=tuple(store.codes("contacts", "service")),
            municipalities=tuple(areas if UNKNOWN_MUNICIPALITY in areas else [*areas, UNKNOWN_MUNICIPALITY]),
            sexes=tuple(store.codes("persons", "sex")),
            bounds=tuple(bounds),
            first_month=store.first_month,
            last_month=min(store.last_month, ended),
        )

    @classmethod
    def read(cls, about: Mapping[str, Any]) -> Axes:
        """The axes as `panel.json` keeps them."""
        lists = {key: tuple(about[key]) for key in ("services", "municipalities", "sexes", "bounds")}
        return cls(**lists, first_month=about["first_month"], last_month=about["last_month"])

    @property
    def months(self) -> np.ndarray:
        return np.arange(self.first_month, self.last_month + 1)

    @property
    def month_starts(self) -> np.ndarray:
        """First day number of every month, and of the month after the last."""
        return np.array([day_number(first_day(m)) for m in range(self.first_month, self.last_month + 2)])

    @property
    def span(self) -> tuple[int, int]:
        """First and last day number."""
        return int(self.month_starts[0]), int(self.month_starts[-1]) - 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Services, municipalities, months."""
        return len(self.services), len(self.municipalities), len(self.months)

    def month_ends(self) -> pd.DataFrame:
        """month, last_day (day number)."""
        return pd.DataFrame({"month": self.months, "last_day": self.month_starts[1:] - 1}, dtype=np.int32)

    def age_bands(self) -> pd.DataFrame:
        """age_band, from_age, to_age in months of age; the first reaches below 0, the last has no end."""
        inner = [12 * bound for bound in self.bounds[1:]]
        bands = {"age_band": range(len(self.bounds)), "from_age": [-12, *inner]}
        return pd.DataFrame({**bands, "to_age": [*(low - 1 for low in inner), 12 * 200]}, dtype=np.int32)


def coverage_cells(store: Store, axes: Axes, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Whether the register holds a cell, dense: service, municipality (places in the axes), month, covered.

    A cell is covered when every row about it (one for each provider) says `complete`. Where the table has
    rows of a municipality's service, months without a row are not covered; where it has none, nothing speaks
    against the cell and it is covered, as without a table.
    """
    covered = np.ones(axes.shape, dtype=bool)
    if "coverage" in store.tables:
        rows = store.frame("coverage", connection=connection).collect("pandas").to_native()
        place = _coverage_places(rows, store, axes)
        known = (place[:, 0] >= 0) & (place[:, 1] >= 0)
        covered[place[known, 0], place[known, 1]] = False
        inside = known & (place[:, 2] >= 0) & (place[:, 2] < axes.shape[2])
        complete = rows["status"].to_numpy() == store.codes("coverage", "status").index("complete")
        said, held = np.zeros(axes.shape, dtype=np.int32), np.zeros(axes.shape, dtype=np.int32)
        np.add.at(said, tuple(place[inside].T), 1)
        np.add.at(held, tuple(place[inside & complete].T), 1)
        covered |= (said > 0) & (held == said)
    service, area, month = np.indices(axes.shape, dtype=np.int32).reshape(3, -1)
    keys = {
        "service": service.astype(np.int16),
        "municipality": area,
        "month": month + np.int32(axes.first_month),
    }
    return pd.DataFrame({**keys, "covered": covered.ravel()})


def _coverage_places(rows: pd.DataFrame, store: Store, axes: Axes) -> np.ndarray:
    """(rows, 3) places of service, municipality and month in the axes; negative or too large when outside."""
    lists = {"service": axes.services, "municipality": axes.municipalities}
    places = [
        np.array([values.index(code) if code in values else -1 for code in store.codes("coverage", key)])[
            rows[key].to_numpy(np.int64)
        ]
        for key, values in lists.items()
    ]
    return np.column_stack([*places, rows["month"].to_numpy(np.int64) - axes.first_month])
