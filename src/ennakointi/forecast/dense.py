"""The rows of a panel's tables on a dense grid of their keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.forecast.series import Floats

Months = npt.NDArray[np.int64]
Axis = Sequence[str] | Months  # labels, or consecutive month indices


def dense(rows: pd.DataFrame, axes: dict[str, Axis], values: str) -> Floats:
    """Sums of a column on the grid of the axes, 0 where there is no row; rows outside the grid do not count."""
    shape = tuple(len(axis) for axis in axes.values())
    place = [_places(rows[key], axis) for key, axis in axes.items()]
    inside = np.logical_and.reduce([p >= 0 for p in place])
    flat = np.ravel_multi_index([p[inside] for p in place], shape) if 0 not in shape else np.zeros(0, np.int64)
    weights = rows[values].to_numpy(float)[inside] if 0 not in shape else None
    return np.bincount(flat, weights, int(np.prod(shape))).astype(float).reshape(shape)


def _places(column: pd.Series, axis: Axis) -> npt.NDArray[np.int64]:
    """Place of every value in the axis, -1 outside it."""
    if isinstance(axis, np.ndarray):
        place = column.to_numpy(np.int64) - int(axis[0])
        return np.where((place >= 0) & (place < len(axis)), place, -1)
    known = column.astype("category").cat
    of_category = pd.Index(list(axis)).get_indexer(pd.Index(known.categories))
    return np.append(of_category, -1)[known.codes.to_numpy()]
