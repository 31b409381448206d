"""What it costs to read contacts from PostgreSQL into the store: wall seconds, CPU seconds and peak memory.

    python benchmarks/postgresql.py [contacts]

The server is started for this; its own memory and CPU are not counted. The peer is the plain way to do it: fetch every
table whole as Arrow, write it as Parquet, and store that.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import adbc_driver_postgresql.dbapi as driver
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "unit"))
import postgresql_server
from store import Settings

from ennakointi import sources, store
from ennakointi.database import Limits
from ennakointi.schema import MODES, PROFESSIONS, SEXES

SERVICES = ("primary_care", "oral_health", "mental_health", "home_care", "physiotherapy", "emergency")
LIMITS = Limits(memory="200MB", disk="20GB", threads=3)
PEERS_LIMITS = Limits(memory="1GB", disk="20GB", threads=3)  # its large row groups need more
AS_OF = date(2024, 12, 31)
PLACE = "ENNAKOINTI_DATABASE"


def number(seed: int, below: int) -> str:
    return f"mod(abs(hashint8(i * 31 + {seed})::bigint), {below})"


def pick(values: tuple[str, ...], seed: int) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"(ARRAY[{listed}])[1 + {number(seed, len(values))}::int]"


def fill(server: postgresql_server.Server, n: int) -> None:
    """`n` contacts of `n / 25` persons in schema `dw`."""
    person = "lpad(to_hex({0} * 7919), 8, '0') || {0}"
    server.do(
        "CREATE SCHEMA dw",
        f"CREATE UNLOGGED TABLE dw.persons AS SELECT {person.format('i')} AS person_id, "
        f"date '1920-01-01' + {number(2, 36000)}::int AS birth_date, {pick(SEXES, 3)} AS sex, "
        f"{pick(('111', '398', '081', '142'), 4)} AS municipality FROM generate_series(0::bigint, {n // 25 - 1}) i",
        f"CREATE UNLOGGED TABLE dw.contacts AS SELECT 'C' || lpad(to_hex(i * 2654435761), 16, '0') AS contact_id, "
        f"{person.format('p')} AS person_id, "
        f"timestamp '2021-01-01' + {number(6, 2_000_000)} * interval '1 minute' AS started_at, "
        f"{pick(SERVICES, 7)} AS service, {pick(MODES, 8)} AS mode, {pick(PROFESSIONS, 9)} AS profession, "
        f"{pick(('urgent', 'non_urgent'), 10)} AS urgency, 'unit ' || {number(12, 60)} AS unit, "
        f"'E' || {number(14, n // 2)} AS episode_id, ({number(16, 30000)} / 100.0)::numeric(10, 2) AS cost_eur, "
        f"{number(17, 90)}::float8 AS duration_minutes "
        f"FROM (SELECT i, {number(18, n // 25)} AS p FROM generate_series(0::bigint, {n - 1}) i) known",
        "ANALYZE",
    )


def streamed(folder: Path) -> None:
    """The package: the wanted columns a batch at a time."""
    (folder / "source.json").write_text(
        json.dumps({"server": {"kind": "postgresql", "connection": f"env:{PLACE}", "schema": "dw"}})
    )
    source = sources.discover(folder)
    store.build(source, folder / "work" / "store", Settings(), AS_OF, LIMITS)


def fetched_whole(folder: Path) -> None:
    """The peer."""
    with closing(driver.connect(os.environ[PLACE])) as session, session.cursor() as cursor:
        for table in ("persons", "contacts"):
            cursor.execute(f"SELECT * FROM dw.{table}")
            rows = cursor.fetch_arrow_table()
            plain = rows.schema.field
            columns = [c.cast(plain(i).type.storage_type) if hasattr(plain(i).type, "storage_type") else c
                       for i, c in enumerate(rows.columns)]  # fmt: skip
            pq.write_table(rows.from_arrays(columns, rows.column_names), folder / f"{table}.parquet")
    store.build(sources.discover(folder), folder / "work" / "store", Settings(), AS_OF, PEERS_LIMITS)


def measure(name: str, way: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        started, cpu = time.monotonic(), time.process_time()
        way(Path(folder))
        wall, used = time.monotonic() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:16s} {wall:6.1f} s {used:6.1f} CPU-s  peak {peak:5.0f} MB", flush=True)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    with postgresql_server.running() as server:
        fill(server, n)
        os.environ[PLACE] = server.address()
        print(f"{n:,} contacts")
        for way, called in ((streamed, "streamed"), (fetched_whole, "fetched whole")):
            measuring = get_context("spawn").Process(target=measure, args=(called, way))
            measuring.start()  # each in a process of its own, so that peaks do not mix
            measuring.join()


if __name__ == "__main__":
    main()
