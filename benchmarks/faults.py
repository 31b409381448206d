"""What the CSV door costs and loses: ten ways of writing one export of contacts, each with every kind of fault planted.

    python benchmarks/faults.py [contacts] [variant …]

Contacts are 5 million by default. Each variant is written, staged and screened in a process of its own. Afterwards
every planted line must be reported with its number, rule and column, and every other contact must be accepted as it
was written. The limits are 10 CPU seconds and 1 GB for 5 million contacts.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from ennakointi import sources
from ennakointi.database import Limits, connect
from ennakointi.store import screening
from ennakointi.store.validation import Knowledge

AS_OF = date(2024, 12, 31)
SERVICES = ("primary_care", "oral_health", "mental_health", "home_care", "physiotherapy", "emergency")
LIMITS = Limits(memory="600MB", disk="20GB", threads=2)
OF_EACH = 4
ISO, FINNISH, SECONDS = "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%-d.%-m.%Y %H:%M:%S"


@dataclass(frozen=True)
class Variant:
    """A way of writing: `given` is what `source.json` must say of the encoding."""

    encoding: str
    delimiter: str
    time: str
    decimal: str
    end: str = "\n"
    quoted: bool = False
    letter: str = "ä"
    given: bool = False


VARIANTS = {
    "utf-8": Variant("utf-8", ",", ISO, "."),
    "utf-8-finnish": Variant("utf-8", ";", FINNISH, ",", "\r\n"),
    "utf-8-quoted": Variant("utf-8", ",", ISO, ",", "\r\n", quoted=True),
    "utf-8-sig": Variant("utf-8-sig", ";", SECONDS, ",", "\r\n"),
    "windows-1252": Variant("cp1252", ";", FINNISH, ",", "\r\n"),
    "windows-1252-euro": Variant("cp1252", "\t", FINNISH, ",", "\r\n", letter="ä€"),
    "iso-8859-1": Variant("iso-8859-1", "|", ISO, "."),
    "iso-8859-15": Variant("iso-8859-15", ";", FINNISH, ",", letter="ä€", given=True),
    "cp850": Variant("cp850", ";", FINNISH, ",", "\r\n", given=True),
    "utf-16": Variant("utf-16", "\t", FINNISH, ",", "\r\n"),
}
COLUMNS = (
    "contact_id",
    "person_id",
    "started_at",
    "service",
    "mode",
    "profession",
    "provider",
    "unit",
    "cost_eur",
    "duration_minutes",
)
STARTED, UNIT, COST = (COLUMNS.index(column) for column in ("started_at", "unit", "cost_eur"))
Fields = list[str]
FAULTS: dict[str, tuple[Callable[[Fields, Variant, int], Fields], str | None, str | None]] = {
    "short": (lambda f, v, n: f[:-3], None, "unreadable_line"),
    "long": (lambda f, v, n: [*f, "more", "still more"], None, "unreadable_line"),
    "open quote": (lambda f, v, n: changed(f, UNIT, f[UNIT][:-1] if v.quoted else f'"{f[UNIT]}'), None, "open_quote"),
    "31.02.": (lambda f, v, n: changed(f, STARTED, day_that_is_none(v)), "started_at", "type"),
    "text in number": (lambda f, v, n: changed(f, COST, "kaksi"), "cost_eur", "type"),
    "other decimal mark": (lambda f, v, n: changed(f, COST, f'"7{".,"[v.decimal == "."]}25"'), "cost_eur", "type"),
    "mixed encodings": (lambda f, v, n: f, None, "encoding"),
    "NUL byte": (lambda f, v, n: changed(f, UNIT, "A\0"), None, "nul_byte"),
    "long line": (lambda f, v, n: changed(f, UNIT, "x" * n), None, "long_line"),
    "short over two lines": (lambda f, v, n: changed(f, UNIT, f'"A{v.end}B"')[:-1], None, "unreadable_line"),
    "break in a value": (lambda f, v, n: changed(f, UNIT, broken(f[UNIT], v)), None, None),
}


def changed(fields: Fields, place: int, value: str) -> Fields:
    return [*fields[:place], value, *fields[place + 1 :]]


def day_that_is_none(variant: Variant) -> str:
    return date(2021, 2, 28).strftime(variant.time).replace("28", "31")


def broken(unit: str, variant: Variant) -> str:
    """The unit over two lines; its line break is read as the space that it stands for."""
    bare = unit.strip('"')
    return f'"{bare.replace(" ", variant.end)}"'


def pick(values: tuple[str, ...], seed: int) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"([{listed}])[1 + CAST(hash(i, {seed}) % {len(values)} AS INTEGER)]"


def contacts(n: int, letter: str) -> str:
    """SQL of the contacts, typed; the row's number is `i`."""
    columns = (
        "'K' || (10000000 + i) AS contact_id",
        f"'P' || (1000000 + hash(i, 1) % {n // 25}) AS person_id",
        "TIMESTAMP '2021-01-01' + to_minutes(CAST(hash(i, 2) % 2000000 AS INTEGER)) AS started_at",
        f"{pick(SERVICES, 3)} AS service",
        f"{pick(('in_person', 'phone', 'remote_realtime'), 4)} AS mode",
        f"{pick(('nurse', 'physician', 'physiotherapist'), 5)} AS profession",
        f"{pick(('own', 'purchased'), 6)} AS provider",
        f"'K{letter}pyl{letter} ' || hash(i, 7) % 60 AS unit",
        "hash(i, 8) % 30000 / 100.0 AS cost_eur",
        "CAST(hash(i, 9) % 90 AS DOUBLE) AS duration_minutes",
    )
    return f"SELECT i, {', '.join(columns)} FROM range({n}) r(i)"


def checksum(rows: str) -> str:
    return f"SELECT count(*), sum(hash({', '.join(COLUMNS)})) FROM ({rows})"


def deliver(folder: Path, name: str, n: int, length: int) -> tuple[list[tuple[int, str | None, str]], tuple[int, int]]:
    """Write the export; returns the places of the planted faults, and number and checksum of the good contacts."""
    variant = VARIANTS[name]
    connection = connect(folder / "tmp", [folder], LIMITS)
    person = (
        "'P' || (1000000 + i) AS person_id, DATE '1950-01-01' AS birth_date, 'female' AS sex, '111' AS municipality"
    )
    connection.execute(f"COPY (SELECT {person} FROM range({n // 25}) r(i)) TO '{folder}/persons.parquet'")
    cost = f"replace(printf('%.2f', cost_eur), '.', '{variant.decimal}')"
    written = (
        f"strftime(started_at, '{variant.time}') AS started_at, {cost} AS cost_eur, "
        f"CAST(duration_minutes AS INTEGER) AS duration_minutes"
    )
    plain = folder / "plain.csv"
    force = ", FORCE_QUOTE *" if variant.quoted else ""
    connection.execute(
        f"COPY (SELECT * EXCLUDE i REPLACE ({written}) FROM ({contacts(n, variant.letter)})) TO '{plain}' "
        f"(HEADER, DELIMITER '{variant.delimiter}'{force})"
    )
    planted = plan(n)
    found = spoil(plain, folder / "contacts.csv", variant, planted, length)
    plain.unlink()
    if variant.given:
        (folder / "source.json").write_text(f'{{"csv": {{"encoding": "{variant.encoding}"}}}}')
    spoiled = [str(row) for row, fault in planted if FAULTS[fault][2]]
    good = f"{contacts(n, variant.letter)} WHERE i NOT IN ({', '.join(spoiled)})"
    return found, connection.execute(checksum(good)).fetchall()[0]


def plan(n: int) -> list[tuple[int, str]]:
    """Rows that are to be spoiled, in their order, and how."""
    kinds = [kind for kind in FAULTS for _ in range(1 if kind == "long line" else OF_EACH)]
    rows = np.random.default_rng(7).choice(n, len(kinds), replace=False)
    return sorted(zip(rows.tolist(), kinds))


def spoil(
    plain: Path, path: Path, variant: Variant, planted: list[tuple[int, str]], length: int
) -> list[tuple[int, str | None, str]]:
    """Write the file in its encoding with the faults; returns line, column and rule of each."""
    content = plain.read_bytes()
    ends = np.flatnonzero(np.frombuffer(content, np.uint8) == 10)
    found = []
    with path.open("wb") as out:
        out.write("\N{BYTE ORDER MARK}".encode("utf-16-le") if variant.encoding == "utf-16" else b"")
        out.write("\N{BYTE ORDER MARK}".encode() if variant.encoding == "utf-8-sig" else b"")
        at = shift = 0
        for row, kind in planted:
            change, column, rule = FAULTS[kind]
            for block in blocks(content, at, ends[row] + 1):
                out.write(encoded(block, variant))
            line = content[ends[row] + 1 : ends[row + 1]].decode()
            made = variant.delimiter.join(change(split(line, variant), variant, length))
            out.write(misencoded(made, variant) if kind == "mixed encodings" else made.encode(codec(variant)))
            out.write(variant.end.encode(codec(variant)))
            if rule:
                found.append((row + 2 + shift, column, rule))
            shift += made.count("\n")
            at = ends[row + 1] + 1
        for block in blocks(content, at, len(content)):
            out.write(encoded(block, variant))
    return found


def split(line: str, variant: Variant) -> Fields:
    if variant.quoted:
        return [f'"{value}"' for value in line[1:-1].split(f'"{variant.delimiter}"')]
    return line.split(variant.delimiter)


def blocks(content: bytes, start: int, end: int) -> Iterator[bytes]:
    """Whole lines, some megabytes at a time."""
    while start < end:
        stop = content.rfind(b"\n", start, min(end, start + (1 << 23))) + 1
        yield content[start:stop]
        start = stop


def codec(variant: Variant) -> str:
    return {"utf-16": "utf-16-le", "utf-8-sig": "utf-8"}.get(variant.encoding, variant.encoding)


def encoded(block: bytes, variant: Variant) -> bytes:
    ended = block if variant.end == "\n" else block.replace(b"\n", variant.end.encode())
    return ended if codec(variant) == "utf-8" else ended.decode().encode(codec(variant))


def misencoded(line: str, variant: Variant) -> bytes:
    """The line in another encoding: Windows-1252 in UTF-8 and the reverse, half a character in UTF-16."""
    if variant.encoding == "utf-16":
        return line.replace("ä", "\ud800").encode("utf-16-le", "surrogatepass")
    return line.encode("cp1252" if codec(variant) == "utf-8" else "utf-8")


@dataclass(frozen=True)
class Examined:
    """What staging and screening cost, and what they found."""

    cpu_seconds: float
    seconds: float
    peak_mb: float
    places: list[tuple[int, str | None, str]]
    good: tuple[int, int]
    swallowed: int


def examine(folder: Path) -> Examined:
    """Stage and screen the export in this process."""
    staging = folder / "staging"
    staging.mkdir()
    started, cpu = time.monotonic(), time.process_time()
    source = sources.discover(folder)
    connection = connect(staging / "tmp", [*source.places, staging], LIMITS)
    screening.screen(connection, source, Knowledge({"services": SERVICES}, AS_OF, AS_OF), staging)
    cpu, seconds = time.process_time() - cpu, time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    places = connection.execute('SELECT line, "column", rule FROM quarantined ORDER BY line').fetchall()
    good = connection.execute(checksum("FROM accepted_contacts")).fetchall()[0]
    swallowed = connection.execute("SELECT sum(swallowed) FROM rejected").fetchall()[0][0]
    connection.close()
    return Examined(cpu, seconds, peak, places, good, int(swallowed))


def apart(function: Callable[..., object], *given: object) -> object:
    """The result of a function in a process of its own, whose memory is nobody else's."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, given)


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000
    costly = []
    for name in sys.argv[2:] or VARIANTS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            planted, good = apart(deliver, folder, name, n, 200_000_000)  # type: ignore[misc]
            size = (folder / "contacts.csv").stat().st_size / 1e6
            found = apart(examine, folder)
        assert isinstance(found, Examined)
        whole = found.places == planted and found.good == good and found.swallowed == OF_EACH
        told = f"{len(planted)} faults planted, {len(found.places)} found{'' if whole else ': NOT AS PLANTED'}"
        cost = f"{found.cpu_seconds:5.1f} CPU-s {found.seconds:5.1f} s  peak {found.peak_mb:5.0f} MB"
        print(f"{name:18} {size:5.0f} MB  {cost}  {told}", flush=True)
        costly += [name] if found.cpu_seconds > 10 * n / 5e6 or found.peak_mb > 1000 or not whole else []
    sys.exit(f"outside the limits: {', '.join(costly)}" if costly else 0)


if __name__ == "__main__":
    main()
