"""Person-time of the residents from the table `population`, for a source whose persons are clients only.

Who used no service is not in such a source, so that its own persons are no denominator. The population of every
31 December is drawn to the middle of each month along straight lines; beyond the first and the last year it stays.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.errors import DataError
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY, Axes
from ennakointi.store import Store

CLIENTS = "clients"  # what a source counts: clients, residents or unknown
OBSERVED = "observed"


def resident_days(store: Store, axes: Axes, region: frozenset[str]) -> np.ndarray:
    """Days that residents lived in each month, (municipality, age band, sex, month).

    Observed years come before projected ones; of several projections the one whose name sorts last is used, for the
    years after the last observed one. Age is that of the year's end. Municipalities outside the region, or without
    a row, have no residents here.

    Raises
    ------
    DataError
        The table holds no municipality of the persons and the region.
    """
    if "population" not in store.tables:
        raise DataError("population: needed, because the persons of this source are clients only; deliver the table")
    rows = _rows(store, axes, region)
    if rows.empty:
        raise DataError(
            "population: holds none of the region's municipalities in which the persons live; check the municipality "
            "codes and the region"
        )
    residents = np.zeros((len(axes.municipalities), len(axes.bounds), len(axes.sexes), len(axes.months)))
    for place, here in rows.groupby("place"):
        residents[int(str(place))] = _monthly(here, axes)
    return np.asarray(residents * np.diff(axes.month_starts))


def counts(resident: np.ndarray, axes: Axes) -> np.ndarray:
    """Whether clients of a municipality count, (municipalities,): it has residents, or is that of those whose place
    is hidden, who are residents of the region."""
    return np.asarray(resident.any(axis=(1, 2, 3)) | (np.array(axes.municipalities) == UNKNOWN_MUNICIPALITY))


def _monthly(rows: pd.DataFrame, axes: Axes) -> np.ndarray:
    """Residents of one municipality in the middle of each month, (age band, sex, month)."""
    years, year = np.unique(rows["year"].to_numpy(np.int64), return_inverse=True)
    at_end = np.zeros((len(axes.bounds), len(axes.sexes), len(years)))
    np.add.at(at_end, (rows["band"].to_numpy(), rows["sex"].to_numpy(), year), rows["persons"].to_numpy(float))
    januaries = (years + 1) * 12  # the year's end is where the next January begins
    place = np.interp(axes.months + 0.5, januaries, np.arange(len(years)))
    earlier = place.astype(int)
    later = np.minimum(earlier + 1, len(years) - 1)
    return np.asarray(at_end[..., earlier] + (at_end[..., later] - at_end[..., earlier]) * (place - earlier))


def _rows(store: Store, axes: Axes, region: frozenset[str]) -> pd.DataFrame:
    """place and sex (in the axes), band, year and persons in the region: observed years, then those projected."""
    codes = store.codes("population", "municipality")
    places = {i: axes.municipalities.index(c) for i, c in enumerate(codes) if c in axes.municipalities and c in region}
    inside = store.frame("population").filter(nw.col("municipality").is_in(list(places)))
    rows = _one_variant(inside.collect("pandas").to_native(), store.codes("population", "variant"))
    sexes = np.array([axes.sexes.index(code) for code in store.codes("population", "sex")])
    return rows.assign(
        place=rows["municipality"].map(places),
        sex=sexes[rows["sex"].to_numpy(np.int64)],
        band=np.searchsorted(axes.bounds, rows["age"].to_numpy(np.int64), side="right") - 1,
    )


def _one_variant(rows: pd.DataFrame, variants: list[str]) -> pd.DataFrame:
    """Observed years, then the years of one projection."""
    variant = np.array(variants)[rows["variant"].to_numpy(np.int64)]
    observed = rows[variant == OBSERVED]
    projections = sorted(set(variants) - {OBSERVED})
    if not projections:
        return observed
    projected = rows[variant == projections[-1]]
    last = observed["year"].max() if len(observed) else -1
    return pd.concat([observed, projected[projected["year"] > last]])
