"""What it costs to validate and store contacts: CPU seconds, peak memory, and size against raw Parquet.

    python benchmarks/store.py [contacts]

The contacts (5 million by default) are random and keep the contract; a 25th of their number are persons.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from ennakointi import sources, store
from ennakointi.database import Limits, connect
from ennakointi.schema import MODES, PROFESSIONS, PROVIDERS, SEXES

SERVICES = ("primary_care", "oral_health", "mental_health", "home_care", "physiotherapy", "emergency")
LIMITS = Limits(memory="1GB", disk="20GB", threads=2)
AS_OF = date(2024, 12, 31)


@dataclass(frozen=True)
class Settings:
    services: dict[str, None] = field(default_factory=lambda: dict.fromkeys(SERVICES))


def pick(values: tuple[str, ...], seed: int) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"([{listed}])[1 + CAST(hash(i, {seed}) % {len(values)} AS INTEGER)]"


def deliver(folder: Path, n: int) -> None:
    """Write `n` contacts of `n / 25` persons as raw Parquet."""
    connection = connect(folder / "tmp", [folder], LIMITS)
    person = "printf('%08x', hash({0}, 1) % 4294967296) || {0}"
    born = "DATE '1920-01-01' + CAST(hash(i, 2) % 36000 AS INTEGER)"
    area = pick(("111", "398", "081", "142"), 4)
    connection.execute(
        f"COPY (SELECT {person.format('i')} AS person_id, {born} AS birth_date, {pick(SEXES, 3)} AS sex, "
        f"{area} AS municipality FROM range({n // 25}) r(i)) TO '{folder}/persons.parquet'"
    )
    columns = (
        "'C' || printf('%016x', hash(i, 5)) AS contact_id",
        f"{person.format('p')} AS person_id",
        "TIMESTAMP '2021-01-01' + to_minutes(CAST(hash(i, 6) % 2000000 AS INTEGER)) AS started_at",
        f"{pick(SERVICES, 7)} AS service",
        f"{pick(MODES, 8)} AS mode",
        f"{pick(PROFESSIONS, 9)} AS profession",
        f"{pick(('urgent', 'non_urgent'), 10)} AS urgency",
        f"{pick(PROVIDERS, 11)} AS provider",
        "'unit ' || hash(i, 12) % 60 AS unit",
        "'P' || hash(i, 13) % 4000 AS professional_id",
        f"'E' || hash(i, 14) % {n // 2} AS episode_id",
        "'I' || hash(i, 15) % 90 AS diagnosis",
        "hash(i, 16) % 30000 / 100.0 AS cost_eur",
        "CAST(hash(i, 17) % 90 AS DOUBLE) AS duration_minutes",
    )
    rows = f"SELECT i, hash(i, 18) % {n // 25} AS p FROM range({n}) r(i)"
    connection.execute(f"COPY (SELECT {', '.join(columns)} FROM ({rows})) TO '{folder}/contacts.parquet'")
    connection.close()


def size_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*.parquet")) / 1e6


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(folder: Path) -> None:
    source = sources.discover(folder / "data")
    started, cpu = time.monotonic(), time.process_time()
    store.check(source, folder / "work", Settings(), AS_OF, LIMITS)
    validated = time.process_time() - cpu
    print(f"validate  {validated:6.1f} CPU-s {time.monotonic() - started:6.1f} s  peak {peak_mb():5.0f} MB")
    started, cpu = time.monotonic(), time.process_time()
    store.build(source, folder / "work" / "store", Settings(), AS_OF, LIMITS)
    both = time.process_time() - cpu
    print(f"and store {both:6.1f} CPU-s {time.monotonic() - started:6.1f} s  peak {peak_mb():5.0f} MB")
    raw, stored = size_mb(folder / "data"), size_mb(folder / "work" / "store")
    print(f"raw Parquet {raw:.0f} MB, store {stored:.0f} MB, {raw / stored:.1f} times smaller")


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        making = get_context("spawn").Process(target=deliver, args=(folder / "data", n))
        making.start()  # a process of its own keeps this out of the peak
        making.join()
        print(f"{n:,} contacts")
        measure(folder)


if __name__ == "__main__":
    main()
