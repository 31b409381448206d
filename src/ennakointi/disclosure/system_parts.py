"""Parts of a system: cells that hang together, a part by itself, the neighbourhood of a cell."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from ennakointi.disclosure.systems import NEVER_SHOWN, Flags, Ints, System


def components(system: System, free: Flags, by_unit: bool) -> list[Ints]:
    """Cells that hang together over relations (and, `by_unit`, over units that are a choice), one sorted array each.

    free : (n,) cells that can take more than one value; the others connect nothing and belong to no component.
    """
    links = [_incidence(system.matrix)]
    if by_unit:
        cells = np.flatnonzero(np.append(system.may & ~system.must, False)[system.unit])
        shape = (len(system.must), len(free))
        links.append(csr_array((np.ones(len(cells)), (system.unit[cells], cells)), shape=shape))
    table = csc_array(csr_array(vstack(links)))[:, np.flatnonzero(free)]
    number = _numbers(csr_array(table))
    order = np.argsort(number, kind="stable")
    return np.split(np.flatnonzero(free)[order], np.flatnonzero(np.diff(number[order])) + 1) if free.any() else []


def _incidence(matrix: csr_array) -> csr_array:
    return csr_array((np.ones(len(matrix.data)), matrix.indices, matrix.indptr), shape=matrix.shape)


def _numbers(table: csr_array) -> Ints:
    """(n,) number of the component of each column of a row × column table of links."""
    rows, columns = table.shape
    row, column = table.nonzero()
    graph = csr_array((np.ones(len(row)), (row, column + rows)), shape=(rows + columns, rows + columns))
    number: Ints = connected_components(graph, directed=False)[1][rows:].astype(np.int64)
    return number


def restrict(system: System, columns: csc_array, cells: Ints) -> tuple[System, Ints]:
    """The system of some cells while all others stay at their true values, and the units (v,) that it keeps.

    columns : `system.matrix` by columns.
    """
    own_columns = columns[:, cells]
    rows, place = np.unique(own_columns.indices, return_inverse=True)
    shape = (len(rows), len(cells))
    part = csr_array(csc_array((own_columns.data, place, own_columns.indptr), shape=shape))
    total = part @ system.values[cells] - (system.matrix[rows] @ system.values)
    own = system.unit[cells]
    units, new = np.unique(own[own != NEVER_SHOWN], return_inverse=True)
    unit = np.full(len(cells), NEVER_SHOWN, dtype=np.int64)
    unit[own != NEVER_SHOWN] = new
    names = ("values", "shown_low", "shown_high", "hidden_low", "hidden_high")
    wanted = ("wanted_low", "wanted_high", "wanted_width")
    return System(
        **{name: getattr(system, name)[cells] for name in (*names, *wanted)},
        unit=unit,
        matrix=part,
        low=system.low[rows] + total,
        high=system.high[rows] + total,
        must=system.must[units],
        may=system.may[units],
        cost=system.cost[units],
    ), units


class Surroundings:
    """Cells around a cell that can move with it.

    free : (n,) cells that can take more than one value.
    """

    def __init__(self, system: System, columns: csc_array, free: Flags) -> None:
        self.rows, self.columns, self.free, self.number = system.matrix, columns, free, int(free.sum())
        row = np.repeat(np.arange(self.rows.shape[0]), np.diff(self.rows.indptr))
        cell = self.rows.indices
        row, cell = row[free[cell]], cell[free[cell]]
        order = np.lexsort((cell, -np.abs(system.values[cell]), row))
        row, cell = row[order], cell[order]
        starts = np.searchsorted(row, np.arange(self.rows.shape[0] + 1))
        self.largest = np.full((2, self.rows.shape[0]), -1)
        for rank in (0, 1):
            has = starts[:-1] + rank < starts[1:]
            self.largest[rank, has] = cell[starts[:-1][has] + rank]

    def around(self, cell: int, most: int) -> Ints:
        """About `most` free cells nearest to a cell, counted in relations, and what these need to be able to move."""
        seen, used = np.zeros(len(self.free), dtype=bool), np.zeros(self.rows.shape[0], dtype=bool)
        seen[cell] = True
        if most >= self.number:
            return np.flatnonzero(self.free | seen)
        edge, found = np.array([cell]), 1
        while len(edge) and found < most:
            near = np.unique(self.columns[:, edge].indices)
            near = near[~used[near]]
            used[near] = True
            reached = np.unique(self.rows[near].indices)
            edge = reached[self.free[reached] & ~seen[reached]][: most - found]
            seen[edge] = True
            found += len(edge)
        self._complete(seen)
        return np.flatnonzero(seen)

    def _complete(self, seen: Flags) -> None:
        """Add the largest other cell, as a rule the total, of every relation that holds one cell only."""
        new = np.flatnonzero(seen)
        count = np.zeros(self.rows.shape[0], dtype=np.int64)
        while len(new):
            np.add.at(count, self.columns[:, new].indices, 1)
            single = np.flatnonzero(count == 1)
            first, second = self.largest[:, single]
            other = np.where((first >= 0) & ~seen[first], first, second)
            new = np.unique(other[(other >= 0) & ~seen[other]])
            seen[new] = True
