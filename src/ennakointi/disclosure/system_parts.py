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
    part = csr_array(columns[:, cells])
    rows = np.flatnonzero(np.diff(part.indptr))
    part = csr_array(part[rows])
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


def neighbourhood(rows: csr_array, columns: csc_array, cell: int, free: Flags, most: int) -> Ints:
    """At least `most` free cells nearest to a cell, counted in relations between them; all there are if fewer."""
    seen = np.zeros(len(free), dtype=bool)
    used = np.zeros(rows.shape[0], dtype=bool)
    seen[cell] = True
    edge, found = np.array([cell]), 1
    while len(edge) and found < most:
        around = np.unique(columns[:, edge].indices)
        around = around[~used[around]]
        used[around] = True
        reached = np.unique(rows[around].indices)
        edge = reached[free[reached] & ~seen[reached]]
        edge = edge[: max(most - found, 0)]
        seen[edge] = True
        found += len(edge)
    return np.flatnonzero(seen)
