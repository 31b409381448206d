"""Time and memory from raw tables to panels: `python benchmarks/panel.py --contacts 10000000`.

Writes contract tables of random persons and contacts, then runs each phase in a process of its own and prints
its CPU seconds, wall seconds and peak resident memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from ennakointi import groups, panel, parameters, sources, store

AS_OF = date(2025, 9, 30)
PHASES = ("store", "groups", "panel", "open")


def write_tables(folder: Path, persons: int, contacts: int) -> None:
    """Persons of ten municipalities and contacts from 2014 on, of which a tenth of the persons has half."""
    areas = list(parameters.load().region.municipalities)
    services = list(parameters.load().services)
    connection = duckdb.connect(config={"memory_limit": "2GB", "threads": 2})
    connection.execute("SELECT setseed(0.5)")
    connection.execute(
        f"""COPY (SELECT i AS person_id, DATE '1925-01-01' + CAST(random() * 32500 AS INTEGER) AS birth_date,
            CASE WHEN random() < 0.5 THEN 'female' ELSE 'male' END AS sex,
            {areas}[1 + CAST(floor(random() * {len(areas)}) AS INTEGER)] AS municipality
            FROM range({persons}) t(i)) TO '{folder / "persons.parquet"}'"""
    )
    connection.execute(
        f"""COPY (SELECT i AS contact_id,
            CAST(floor({persons} * CASE WHEN random() < 0.5 THEN 0.1 * random() ELSE random() END) AS BIGINT)
                AS person_id,
            TIMESTAMP '2014-01-01' + to_minutes(CAST(random() * {4290 * 1440} AS BIGINT)) AS started_at,
            {services}[1 + CAST(floor(random() * random() * {len(services)}) AS INTEGER)] AS service,
            CASE WHEN random() < 0.5 THEN 'in_person' ELSE 'phone' END AS mode,
            CAST(floor(random() * 30000) AS INTEGER) / 100 AS cost_eur
            FROM range({contacts}) t(i)) TO '{folder / "contacts.parquet"}'"""
    )


def run_phase(phase: str, folder: Path) -> None:
    settings = parameters.load()
    if phase == "store":
        store.build(sources.discover(folder / "data"), folder / "work" / "store", settings, AS_OF)
    elif phase == "groups":
        groups.build(store.open(folder / "work" / "store"), settings, folder / "work" / "groups")
    elif phase == "panel":
        opened, index = store.open(folder / "work" / "store"), groups.open(folder / "work" / "groups")
        panel.build(opened, index, settings, folder / "work" / "panels")
    else:
        found = panel.open(folder / "work" / "panels", "all")
        print(f"    {found.counts['contacts'].sum():,} contacts in {len(found.counts):,} cells", flush=True)


def measure(folder: Path) -> None:
    """Run each phase in a child of its own, so that its peak memory is its own."""
    print(f"{'phase':<8}{'CPU s':>8}{'wall s':>8}{'peak GB':>9}", flush=True)
    for phase in PHASES:
        started = time.perf_counter()
        child = subprocess.Popen([sys.executable, __file__, "--phase", phase, "--folder", str(folder)])
        _, status, used = os.wait4(child.pid, 0)
        if status:
            sys.exit(f"{phase} failed")
        cpu, wall = used.ru_utime + used.ru_stime, time.perf_counter() - started
        print(f"{phase:<8}{cpu:>8.1f}{wall:>8.1f}{used.ru_maxrss / 1024**2:>9.2f}", flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--contacts", type=int, default=10_000_000)
    options.add_argument("--persons", type=int, default=205_000)
    options.add_argument("--phase", choices=PHASES, help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.phase:
        run_phase(given.phase, given.folder)
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for part in ("data", "work"):
            (folder / part).mkdir()
        write_tables(folder / "data", given.persons, given.contacts)
        print(f"{given.persons:,} persons, {given.contacts:,} contacts, 2014-01 to 2025-09")
        measure(folder)


if __name__ == "__main__":
    main()
