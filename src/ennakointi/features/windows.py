"""Windows of whole quarters: sums, distinct counts, squared sums and stretches over cells of persons by quarter.

Cells are (Q quarters, P persons), oldest quarter first; a window of `width` quarters ends with its own quarter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Cells = NDArray[np.int32]


def summed(cells: NDArray[Any], width: int) -> NDArray[Any]:
    """(Q, P) sums of the last `width` quarters, of the cells' type; quarters before the first count as 0."""
    if width == 1:
        return cells
    total = _cumulated(cells)
    found = total.copy()
    found[width:] -= total[:-width]
    return found


def counted(
    person: Ints, quarter: Ints, shape: tuple[int, int], weights: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """(Q, P) rows, or the sum of their weights, in each cell; rows outside the quarters are left out."""
    inside = (quarter >= 0) & (quarter < shape[0])
    flat = quarter[inside] * shape[1] + person[inside]
    kept = None if weights is None else weights[inside]
    return np.bincount(flat, weights=kept, minlength=shape[0] * shape[1]).astype(float).reshape(shape)


def stretches(person: Ints, first: Ints, last: Ints, shape: tuple[int, int]) -> Cells:
    """(Q, P) how many stretches of quarters `first` … `last` (inclusive) hold a cell; they may reach outside."""
    n_quarters, n_persons = shape
    kept = (first <= last) & (first < n_quarters) & (last >= 0)
    start = np.maximum(first[kept], 0) * n_persons + person[kept]
    stop = np.minimum(last[kept] + 1, n_quarters) * n_persons + person[kept]
    size = (n_quarters + 1) * n_persons
    steps = np.bincount(start, minlength=size) - np.bincount(stop, minlength=size)
    return _cumulated(steps.reshape(n_quarters + 1, n_persons)[:-1].astype(np.int32))


def distinct(person: Ints, item: Ints, quarter: Ints, width: int, shape: tuple[int, int]) -> Cells:
    """(Q, P) how many different items a person has in the window.

    Each time an item is seen it counts from that quarter until it leaves the window or is seen again, whichever
    is first: so it is counted once.
    """
    person, item, quarter = _in_order(person, item, quarter)
    until = quarter + width - 1
    again = (person[1:] == person[:-1]) & (item[1:] == item[:-1])
    until[:-1] = np.where(again, np.minimum(until[:-1], quarter[1:] - 1), until[:-1])
    return stretches(person, quarter, until, shape)


def squared(person: Ints, item: Ints, quarter: Ints, n: Ints, width: int, shape: tuple[int, int]) -> Ints:
    """(Q, P) Σ over items of the square of a person's count of the item in the window.

    Parameters
    ----------
    person, item, quarter : keys, each triple at most once; quarters may lie before the first cell.
    n : counts.

    Notes
    -----
    (Σ n)² is the sum of n_i n_k over all pairs of quarters of the window; a pair adds to the windows that hold both.
    """
    order = np.lexsort((quarter, item, person))
    person, item, quarter, n = person[order], item[order], quarter[order], n[order]
    n_quarters, n_persons = shape
    steps = np.zeros((n_quarters + 1) * n_persons)
    for lag in range(min(width, len(person))):
        early, late = slice(0, len(person) - lag), slice(lag, None)
        pair = (person[early] == person[late]) & (item[early] == item[late])
        pair &= (quarter[late] - quarter[early] < width) & (quarter[early] + width > 0) & (quarter[late] < n_quarters)
        who, product = person[late][pair], (1 if lag == 0 else 2) * n[early][pair] * n[late][pair]
        start = np.maximum(quarter[late][pair], 0)
        stop = np.minimum(quarter[early][pair] + width, n_quarters)
        for place, sign in ((start, 1), (stop, -1)):
            steps += np.bincount(place * n_persons + who, weights=sign * product, minlength=len(steps))
    return _cumulated(steps.reshape(n_quarters + 1, n_persons)[:-1]).astype(np.int64)


def _cumulated(cells: NDArray[Any]) -> NDArray[Any]:
    """Sums of all quarters so far; row by row, many times faster than `numpy.cumsum` along the first axis."""
    total = cells.copy()
    for quarter in range(1, len(total)):
        total[quarter] += total[quarter - 1]
    return total


def _in_order(person: Ints, item: Ints, quarter: Ints) -> tuple[Ints, Ints, Ints]:
    """Different triples, sorted."""
    order = np.lexsort((quarter, item, person))
    person, item, quarter = person[order], item[order], quarter[order]
    fresh = np.ones(len(order), bool)
    fresh[1:] = (np.diff(person) != 0) | (np.diff(item) != 0) | (np.diff(quarter) != 0)
    return person[fresh], item[fresh], quarter[fresh]
