"""Time and memory of the features of persons: `python benchmarks/features.py --residents 205000 --folder FOLDER`.

Makes a synthetic county and its store in the folder, unless they are there, then describes its persons over 16 quarters
in a process of its own and prints CPU seconds, wall seconds and peak resident memory against the limits: 60 CPU-seconds
and 3 GB for 200,000 residents, in proportion for others.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from ennakointi import features, groups, parameters, sources, store, synthetic
from ennakointi.database import Limits
from ennakointi.periods import Quarter

AS_OF, LAST = date(2025, 9, 30), Quarter(2025, 3)
LIMITS = Limits(memory="1GB", threads=1)
QUARTERS = 16
RESIDENTS, CPU_SECONDS, GIGABYTES = 200_000, 60.0, 3.0


def prepare(folder: Path, residents: int, data: Path) -> None:
    """The store and the memberships, unless they are there."""
    if not data.exists():
        synthetic.make(data, residents=residents, seed=1)
    if not (folder / "store").exists():
        store.build(sources.discover(data), folder / "store", parameters.load(), AS_OF, Limits(memory="2GB", threads=1))
    if not (folder / "groups" / groups.INDEX).exists():
        allowed = replace(
            parameters.load(), legal_basis=dict.fromkeys(("kela", "employment", "education"), "synthetic")
        )
        groups.build(store.open(folder / "store", LIMITS), allowed, folder / "groups")


def describe(folder: Path) -> None:
    """Build the features once."""
    settings = parameters.load()
    settings = replace(settings, features=settings.features.model_copy(update={"quarters": QUARTERS}))
    opened, index = store.open(folder / "store", LIMITS), groups.open(folder / "groups")
    made = features.build(opened, index, settings, folder / "features", LAST)
    persons = len(made.read(made.quarters[-1], ["person"]))
    print(f"{len(made.quarters)} quarters, {len(made.columns)} features, {persons:,} persons in the last")


def measured(folder: Path) -> tuple[float, float, float]:
    """CPU seconds, wall seconds and peak resident gigabytes of `describe` in a process of its own."""
    started = time.perf_counter()
    worker = subprocess.Popen([sys.executable, __file__, "--folder", str(folder), "--describe"])
    _, status, usage = os.wait4(worker.pid, 0)
    if status:
        sys.exit("the features were not made")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started, usage.ru_maxrss / 1024**2


def main() -> None:
    """Measure, print and judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=205_000)
    parser.add_argument("--folder", type=Path, required=True, help="where the store and the features are made")
    parser.add_argument("--data", type=Path, help="the county's tables, made there unless they are there")
    parser.add_argument("--describe", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.describe:
        describe(given.folder)
        return
    given.folder.mkdir(parents=True, exist_ok=True)
    prepare(given.folder, given.residents, given.data or given.folder / "data")
    cpu, wall, memory = measured(given.folder)
    allowed = CPU_SECONDS * max(given.residents / RESIDENTS, 0.1)
    print(f"{cpu:.1f} CPU-s (limit {allowed:.1f}), {wall:.1f} s, {memory:.2f} GB (limit {GIGABYTES:.0f})")
    sys.exit(cpu > allowed or memory > GIGABYTES)


if __name__ == "__main__":
    main()
