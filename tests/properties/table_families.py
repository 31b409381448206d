"""Random families of linked tables, as a release has them, and an attack on them that shares no code with the package.

Every cell is a sum of *atoms* (persons who fall into no other atom), so that margins, overlaps, accounts over columns
and months and two quarters agree by construction. A family is what one reader holds at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.optimize import Bounds as Box
from scipy.optimize import LinearConstraint as Rows
from scipy.optimize import linprog, milp
from scipy.sparse import block_array, csr_array, eye_array

from ennakointi.disclosure.presets import shown_interval
from ennakointi.disclosure.protection import protect
from ennakointi.disclosure.systems import NEVER_SHOWN, System
from ennakointi.result_tables import COUNT, ESTIMATE, PERSONS

PRESETS = (
    SimpleNamespace(name="thl5", threshold=5, base=10),
    SimpleNamespace(name="stat3", threshold=3, base=5),
    SimpleNamespace(name="opensafely", threshold=8, base=5),
    SimpleNamespace(name="midpoint6", threshold=1, base=6),
)
EXACTLY = SimpleNamespace(name="exactly", threshold=5, base=1)  # shown as counted: the reader's best case


@dataclass(frozen=True, eq=False)
class Shape:
    """cells (n, a) each cell as a sum of atoms; relations (m, n) with low, high (m,); unit (n,); kind (n,)."""

    cells: np.ndarray
    relations: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray
    kind: np.ndarray


@dataclass(frozen=True, eq=False)
class Family:
    name: str
    preset: Any
    system: System
    small: np.ndarray  # (n,) cells of 1 … threshold − 1 persons, where the reader must keep them all possible


def sums(cells: list[np.ndarray], relations: list[dict[int, float]], units: list[int], kinds: list[str]) -> Shape:
    matrix = np.zeros((len(relations), len(cells)))
    for row, terms in enumerate(relations):
        for cell, weight in terms.items():
            matrix[row, cell] = weight
    zeros = np.zeros(len(relations))
    return Shape(np.array(cells, dtype=float), matrix, zeros, zeros, np.array(units), np.array(kinds))


def with_margins(sizes: tuple[int, ...]) -> Shape:
    """A table of two or three ways with all its margins."""
    axes = [[*([i] for i in range(size)), list(range(size))] for size in sizes]
    places = list(np.ndindex(*(len(axis) for axis in axes)))
    number = {place: i for i, place in enumerate(places)}
    atoms = np.arange(int(np.prod(sizes))).reshape(sizes)
    cells = []
    for place in places:
        own = np.zeros(atoms.size)
        own[atoms[np.ix_(*(axes[axis][i] for axis, i in enumerate(place)))].ravel()] = 1
        cells.append(own)
    relations = []
    for axis, size in enumerate(sizes):
        for place in places:
            if place[axis] == size:
                parts = [number[(*place[:axis], i, *place[axis + 1 :])] for i in range(size)]
                relations.append({number[place]: -1.0} | dict.fromkeys(parts, 1.0))
    return sums(cells, relations, list(range(len(cells))), [PERSONS] * len(cells))


def hierarchy(rng: np.random.Generator) -> Shape:
    """Municipalities in areas in a county, by month, with the months' total."""
    areas, months = [int(n) for n in rng.integers(1, 4, int(rng.integers(2, 4)))], int(rng.integers(1, 4))
    leaves = sum(areas)
    table = np.arange(leaves * months).reshape(leaves, months)
    bounds = np.concatenate([[0], np.cumsum(areas)])
    groups = [[leaf] for leaf in range(leaves)]
    parts: dict[int, list[int]] = {}
    for first, last in pairwise(bounds):
        if last - first > 1:
            parts[len(groups)] = list(range(first, last))
            groups.append(list(range(first, last)))
    tops = [*(g for g in parts), *(leaf for leaf in range(leaves) if not any(leaf in p for p in parts.values()))]
    parts[len(groups)] = tops
    groups.append(list(range(leaves)))
    spans = [[month] for month in range(months)] + ([list(range(months))] if months > 1 else [])
    cells, relations = [], []
    for group in groups:
        for span in spans:
            own = np.zeros(table.size)
            own[table[np.ix_(group, span)].ravel()] = 1
            cells.append(own)
    at = np.arange(len(cells)).reshape(len(groups), len(spans))
    for whole, pieces in parts.items():
        relations += [{at[whole, s]: -1.0} | {at[p, s]: 1.0 for p in pieces} for s in range(len(spans))]
    if months > 1:
        relations += [{at[g, months]: -1.0} | {at[g, m]: 1.0 for m in range(months)} for g in range(len(groups))]
    return sums(cells, relations, list(range(len(cells))), [PERSONS] * len(cells))


def overlaps(rng: np.random.Generator) -> Shape:
    """Groups that overlap, everybody, and what nobody prints: who is outside a group, or in one but not in another."""
    atoms, groups = int(rng.integers(4, 8)), int(rng.integers(2, 5))
    inside = rng.random((groups, atoms)) < 0.5
    inside[1] &= inside[0]  # a group within a group
    cells = [np.eye(atoms)[a] for a in range(atoms)] + [np.ones(atoms)] + [row.astype(float) for row in inside]
    units = [NEVER_SHOWN] * atoms + list(range(groups + 1))
    kinds = ["unknown"] * atoms + [PERSONS] * (groups + 1)
    relations = [{atoms + k: -1.0} | dict.fromkeys(np.flatnonzero(cells[atoms + k]), 1.0) for k in range(groups + 1)]
    pairs = [(0, g + 1) for g in range(groups)] + [
        (i + 1, j + 1) for i, j in combinations(range(groups), 2) if (inside[j] <= inside[i]).all()
    ]
    for whole, part in pairs:
        relations.append({atoms + whole: 1.0, atoms + part: -1.0, len(cells): -1.0})
        cells.append(cells[atoms + whole] - cells[atoms + part])
        units.append(NEVER_SHOWN)
        kinds.append(PERSONS)
    return sums(cells, relations, units, kinds)


def accounts(rng: np.random.Generator) -> Shape:
    """Months of a service: persons ≤ contacts, gap = expected − contacts, a debt that cumulates, and a total."""
    months = int(rng.integers(3, 7))
    atom = np.eye(3 * months)  # persons, contacts beyond one each, expected contacts
    cells, units, kinds, relations = [], [], [], []
    debt = np.zeros(3 * months)
    for month in range(months):
        persons, contacts, expected = atom[3 * month], atom[3 * month] + atom[3 * month + 1], atom[3 * month + 2]
        debt = debt + expected - contacts
        at = len(cells)
        cells += [persons, contacts, expected, expected - contacts, debt]
        units += [month] * 5
        kinds += [PERSONS, COUNT, ESTIMATE, ESTIMATE, ESTIMATE]
        relations += [{at + 2: 1.0, at + 1: -1.0, at + 3: -1.0}, {at + 4: -1.0, at + 3: 1.0}, {at + 1: 1.0, at: -1.0}]
        if month:
            relations[-2][at - 1] = 1.0
    cells.append(sum(cells[1::5]))
    units.append(months)
    kinds.append(COUNT)
    relations.append({5 * month + 1: 1.0 for month in range(months)} | {5 * months: -1.0})
    shape = sums(cells, relations, units, kinds)
    high = np.where(np.arange(len(relations)) % 3 == 2, np.inf, 0.0)  # persons ≤ contacts
    high[-1] = 0.0
    return Shape(shape.cells, shape.relations, shape.low, high, shape.unit, shape.kind)


def two_way(rng: np.random.Generator) -> Shape:
    return with_margins((int(rng.integers(2, 6)), int(rng.integers(2, 6))))


def three_way(rng: np.random.Generator) -> Shape:
    return with_margins((2, int(rng.integers(2, 4)), int(rng.integers(2, 4))))


SHAPES: dict[str, Callable[[np.random.Generator], Shape]] = {
    "two_way": two_way,
    "three_way": three_way,
    "hierarchy": hierarchy,
    "overlaps": overlaps,
    "accounts": accounts,
}


def system_of(shape: Shape, atoms: np.ndarray, preset: Any) -> System:
    values = shape.cells @ atoms
    n, units = len(values), int(shape.unit.max()) + 1
    low, high = np.zeros(n), np.zeros(n)
    for kind in (PERSONS, COUNT, ESTIMATE):
        of = shape.kind == kind
        low[of], high[of] = shown_interval(values[of], kind, preset)
    persons = shape.kind == PERSONS
    small = persons & few(values, preset)
    must = np.zeros(units, dtype=bool)
    if preset.name != "midpoint6":
        counted = small | ((shape.kind == COUNT) & few(values, preset))
        must[shape.unit[counted & (shape.unit != NEVER_SHOWN)]] = True
    limit = 3.0 * np.abs(values).max() + 50.0
    width = float(max(preset.threshold, 3)) if preset.name != "midpoint6" else 5.0
    cost = np.bincount(shape.unit[shape.unit != NEVER_SHOWN], minlength=units) * 0.0 + 1.0
    at = np.flatnonzero(persons & (shape.unit != NEVER_SHOWN))
    np.add.at(cost, shape.unit[at], np.log1p(values[at]) / 10)
    return System(
        values=values,
        shown_low=np.minimum(low, values),
        shown_high=np.maximum(high, values),
        hidden_low=np.where(shape.kind == ESTIMATE, -limit, 0.0),
        hidden_high=np.full(n, limit),
        unit=shape.unit,
        matrix=csr_array(shape.relations),
        low=shape.low,
        high=shape.high,
        wanted_low=np.where(small, 1.0, np.nan),
        wanted_high=np.where(small, float(most(preset)), np.nan),
        wanted_width=np.where((shape.unit != NEVER_SHOWN) & (shape.kind != "unknown"), width, 0.0),
        must=must,
        may=np.ones(units, dtype=bool),
        cost=cost,
    )


def most(preset: Any) -> int:
    return 5 if preset.name == "midpoint6" else int(preset.threshold) - 1


def few(values: np.ndarray, preset: Any) -> np.ndarray:
    """Numbers of persons that must all stay possible where one of them is true."""
    return (values > 0) & (values <= most(preset))


def with_earlier(new: System, old: System, told: np.ndarray, kind: np.ndarray, preset: Any) -> System:
    """The reader also holds last quarter's release (`told` hidden in it): new = old + what came late, never less."""
    n, m = len(new.values), new.matrix.shape[0]
    linked = np.flatnonzero((kind == PERSONS) | (kind == COUNT))
    late = new.values[linked] - old.values[linked]
    low, high = old.known(told)
    none = np.full(n, np.nan)
    small = few(late, preset) & (kind[linked] == PERSONS)
    pick = csr_array(eye_array(n, format="csr")[linked])
    matrix = block_array(
        [[new.matrix, None, None], [None, old.matrix, None], [pick, -pick, -eye_array(len(linked))]], format="csr"
    )
    limit = np.full(len(linked), float(new.hidden_high.max()))
    zeros = np.zeros(len(linked))
    cells = {
        "values": (new.values, old.values, late),
        "shown_low": (new.shown_low, low, zeros),
        "shown_high": (new.shown_high, high, limit),
        "hidden_low": (new.hidden_low, low, zeros),
        "hidden_high": (new.hidden_high, high, limit),
        "unit": (new.unit, np.full(n, NEVER_SHOWN), np.full(len(linked), NEVER_SHOWN)),
        "wanted_low": (new.wanted_low, none, np.where(small, 1.0, np.nan)),
        "wanted_high": (new.wanted_high, none, np.where(small, float(most(preset)), np.nan)),
        "wanted_width": (new.wanted_width, np.zeros(n), zeros),
        "low": (new.low, old.low, zeros),
        "high": (new.high, old.high, zeros),
    }
    joined = {name: np.concatenate(parts) for name, parts in cells.items()}
    assert matrix.shape == (2 * m + len(linked), 2 * n + len(linked))
    return System(**joined, matrix=csr_array(matrix), must=new.must, may=new.may, cost=new.cost)


def draw_atoms(rng: np.random.Generator, number: int) -> np.ndarray:
    return rng.poisson(rng.gamma(1.0, rng.choice([3.0, 8.0, 25.0]), number)).astype(float)


def family(seed: int, presets: tuple[Any, ...] = PRESETS) -> Family:
    """One family: the seed decides the shape, the preset, the numbers, and whether there was an earlier release."""
    rng = np.random.default_rng([7, seed])
    name = list(SHAPES)[seed % len(SHAPES)]
    preset = presets[(seed // len(SHAPES)) % len(presets)]
    shape = SHAPES[name](rng)
    atoms = draw_atoms(rng, shape.cells.shape[1])
    system = system_of(shape, atoms, preset)
    if rng.random() < 0.4:
        revised = rng.random(len(atoms)) < 0.3
        before = np.where(revised, np.floor(atoms * rng.uniform(0.6, 1.0, len(atoms))), atoms)
        old = system_of(shape, before, preset)
        system = with_earlier(system, old, protect(old).hidden, shape.kind, preset)
        name += " in two quarters"
    return Family(name, preset, system, ~np.isnan(system.wanted_low))


def plain_interval(system: System, hidden: np.ndarray, cell: int) -> tuple[float, float]:
    """The reader's interval of one cell by two linear programs as they stand in a textbook."""
    ends, box = relations_of(system, hidden)
    found = []
    for sign in (1.0, -1.0):
        cost = np.zeros(len(system.values))
        cost[cell] = sign
        solved = linprog(cost, A_ub=ends[0], b_ub=ends[1], A_eq=ends[2], b_eq=ends[3], bounds=box, method="highs")
        assert solved.status == 0, solved.message
        found.append(sign * float(solved.fun))
    return found[0], found[1]


def relations_of(system: System, hidden: np.ndarray) -> tuple[tuple[Any, ...], np.ndarray]:
    shown = np.array([unit != NEVER_SHOWN and not hidden[unit] for unit in system.unit])
    box = np.stack(
        [np.where(shown, system.shown_low, system.hidden_low), np.where(shown, system.shown_high, system.hidden_high)],
        1,
    )
    same = system.low == system.high
    up, down = ~same & np.isfinite(system.high), ~same & np.isfinite(system.low)
    matrix = system.matrix.toarray()
    above = np.concatenate([matrix[up], -matrix[down]])
    limits = np.concatenate([system.high[up], -system.low[down]])
    sides = (above, limits) if len(above) else (None, None)
    return (*sides, *((matrix[same], system.low[same]) if same.any() else (None, None))), box


def whole_values(system: System, hidden: np.ndarray, cell: int, wanted: np.ndarray) -> list[int]:
    """Those of the wanted values that a reader cannot exclude who knows that every cell is a whole number."""
    (above, limits, matrix, exact), box = relations_of(system, hidden)
    rows = [Rows(above, ub=limits)] if above is not None else []
    rows += [Rows(matrix, exact, exact)] if matrix is not None else []
    n, found = len(system.values), []
    for value in wanted:
        low, high = np.ceil(box[:, 0]), np.floor(box[:, 1])
        low[cell], high[cell] = max(low[cell], value), min(high[cell], value)
        if low[cell] <= high[cell]:
            solved = milp(np.zeros(n), integrality=np.ones(n), bounds=Box(low, high), constraints=rows)
            found += [int(value)] if solved.status == 0 else []
    return found


def weakest(system: System, hidden: np.ndarray, exposed: np.ndarray) -> list[tuple[int, float, float]]:
    """Cells (cell, low, high) whose demand a plain attack breaks; the exposed ones left out."""
    broken = []
    for cell in np.setdiff1d(np.flatnonzero(demanded(system, hidden)), exposed):
        low, high = plain_interval(system, hidden, int(cell))
        wide = system.wanted_width[cell] if is_hidden(system, hidden)[cell] else 0.0
        narrow = high - low < wide - 1e-5
        if narrow or low > system.wanted_low[cell] + 1e-5 or high < system.wanted_high[cell] - 1e-5:
            broken.append((int(cell), low, high))
    return broken


def is_hidden(system: System, hidden: np.ndarray) -> np.ndarray:
    return np.array([unit == NEVER_SHOWN or bool(hidden[unit]) for unit in system.unit])


def demanded(system: System, hidden: np.ndarray) -> np.ndarray:
    return ~np.isnan(system.wanted_low) | (is_hidden(system, hidden) & (system.wanted_width > 0))
