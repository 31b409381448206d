"""Protection of tables against the reader: `python benchmarks/disclosure.py [suite|optimum|scale] [NUMBER]`.

suite: random families of linked tables protected and attacked by code of the tests' own, and how often whole numbers
tell a reader more than real ones. optimum: what the greedy choice hides beyond the cheapest. scale: CPU seconds to
protect and to audit a release of NUMBER cells.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, eye_array, kron, vstack

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "properties"))
from table_families import EXACTLY, PRESETS, Shape, demanded, family, most, system_of, weakest, whole_values

from ennakointi.disclosure import attacker
from ennakointi.disclosure.carriers import hide_greedily
from ennakointi.disclosure.cutting_planes import hide_exactly
from ennakointi.disclosure.protection import protect
from ennakointi.disclosure.systems import System

PLANS = (*PRESETS, EXACTLY)
SIZES = (9, 10, 12)  # areas, services, months of one group's table


def suite(number: int = 1000) -> None:
    cells = broken = exposed = unsafe = whole = inexact = 0
    seconds = 0.0
    for seed in range(number):
        one = family(seed, PLANS)
        start = time.process_time()
        found = protect(one.system)
        seconds += time.process_time() - start
        cells += int(demanded(one.system, found.hidden).sum())
        broken += len(weakest(one.system, found.hidden, found.exposed))
        exposed += len(found.exposed)
        inexact += not found.exact
        wanted = np.arange(1, most(one.preset) + 1)
        if seed % 10 < 5:  # every shape, half of the families
            for cell in np.setdiff1d(np.flatnonzero(one.small), found.exposed)[:3]:
                whole += 1
                unsafe += whole_values(one.system, found.hidden, int(cell), wanted) != wanted.tolist()
    print(
        f"{number} families, {cells} cells with a demand: {broken} broken by a plain attack, {exposed} told elsewhere"
    )
    print(f"whole numbers tell more in {unsafe} of {whole} small cells; optimum not proved in {inexact} families")
    print(f"{seconds:.1f} CPU-s for protection")


def optimum(number: int = 200) -> None:
    pairs = []
    for system in (family(seed, (EXACTLY,)).system for seed in range(number)):
        start = hide_greedily(system)
        exact = hide_exactly(system, start)
        if exact is not None and exact.any():
            pairs.append([system.cost[start.hidden].sum(), system.cost[exact].sum(), start.hidden.sum(), exact.sum()])
    cost, least, units, fewest = np.array(pairs).T
    ratio = cost / least
    print(f"{len(pairs)} families: cost {cost.sum() / least.sum():.3f}, hidden units {units.sum() / fewest.sum():.3f}")
    places = (50, 75, 90, 95, 100)
    print("ratio of cost, percentiles:", *(f"{p}: {v:.2f}" for p, v in zip(places, np.percentile(ratio, places))))


def scale(number: int = 100_000) -> None:
    rng = np.random.default_rng(0)
    system = release(max(number // int(np.prod(np.array(SIZES) + 1)), 1), rng)
    start = time.process_time()
    found = protect(system)
    protected = time.process_time()
    left = attacker.satisfied(system, found.hidden)
    audited = time.process_time()
    print(
        f"{len(system.values)} cells, {system.must.sum()} small, {(found.hidden & ~system.must).sum()} hidden besides"
    )
    print(f"protected in {protected - start:.1f} CPU-s, audited in {audited - protected:.1f}; {len(left)} demands open")


def release(groups: int, rng: np.random.Generator) -> System:
    """Areas × services × months with all margins, for each of some groups, rounded to 10."""
    sums, relations = eye_array(groups, format="csr"), []
    for axis, size in enumerate(SIZES):
        sums = kron(sums, vstack([eye_array(size), csr_array(np.ones((1, size)))]), format="csr")
        total = csr_array(np.append(np.ones(size), -1.0)[None])
        before, after = (int(np.prod(np.array(part) + 1)) for part in (SIZES[:axis], SIZES[axis + 1 :]))
        relations.append(kron(kron(eye_array(groups * before), total), eye_array(after), format="csr"))
    matrix = csr_array(vstack(relations))
    zeros, cells = np.zeros(matrix.shape[0]), sums.shape[0]
    atoms = rng.poisson(rng.gamma(0.7, 30.0, sums.shape[1])).astype(float)
    shape = Shape(sums, matrix, zeros, zeros, np.arange(cells), np.full(cells, "persons"))
    return system_of(shape, atoms, PRESETS[0])


if __name__ == "__main__":
    sections = {"suite": suite, "optimum": optimum, "scale": scale}
    chosen = sys.argv[1:2] or list(sections)
    if not set(chosen) <= set(sections):
        sys.exit(__doc__)
    for name in chosen:
        sections[name](*map(int, sys.argv[2:]))
