"""What a store tells of itself: `manifest.json` accounts for every row that was read, `codes.json` for every code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ennakointi.database import text
from ennakointi.errors import DataError
from ennakointi.schema import AGGREGATE_TABLE, TABLES
from ennakointi.sources import Source
from ennakointi.store.packing import Packed
from ennakointi.store.screening import Screened

MANIFEST = "manifest.json"
CODES = "codes.json"


def write(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    as_of: date,
    screened: Screened,
    packed: Mapping[str, Packed],
    folder: Path,
) -> None:
    """Write codes and manifest beside the packed tables, and close everything to other users.

    Raises
    ------
    DataError
        No row is left up to the as-of date.
    """
    codes = {table: about.codes for table, about in packed.items()}
    about = _contents(connection, source, as_of, screened, packed, folder)
    for name, content in ((CODES, codes), (MANIFEST, about)):
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")
    for path in folder.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _contents(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    as_of: date,
    screened: Screened,
    packed: Mapping[str, Packed],
    folder: Path,
) -> dict[str, Any]:
    """Everything a reader of the store must know; rows read are accounted for to the last one."""
    tables = {table: _account(table, screened, packed.get(table)) for table in source.tables}
    first, last = _months(connection, folder, packed)
    return {
        "source": source.about,
        "source_name": source.name,
        "synthetic": source.synthetic,
        "as_of": as_of.isoformat(),
        "first_month": first,
        "last_month": last,
        "tables": tables,
        "missing_tables": sorted(set(TABLES) - {table for table, about in tables.items() if about["stored"]}),
        "faults": [asdict(fault) for fault in screened.faults],
        "unknown_files": source.unknown,
        "files": list(screened.staged.fingerprints),
        "duckdb": duckdb.__version__,
        "content": _content(connection, folder, packed),
        **_mapped(source, screened),
    }


def _mapped(source: Source, screened: Screened) -> dict[str, Any]:
    """What a mapping did not know, guessed, or has no home for; the results that a guess forbids."""
    mapping, staged = source.mapping, screened.staged
    if mapping is None:
        return {"mapping": None, "unmapped": [], "flagged": [], "unavailable": []}
    return {
        "mapping": mapping.id,
        "unmapped": [asdict(one) for one in staged.unmapped],
        "flagged": [
            {"place": place, "flag": flag, "rows": rows, "limits": list(mapping.limits.get(flag, ()))}
            for place, flag, rows in staged.flagged
        ],
        "unavailable": [one.model_dump() for one in mapping.unavailable],
    }


def _content(connection: duckdb.DuckDBPyConnection, folder: Path, packed: Mapping[str, Packed]) -> str:
    """SHA-256 of what is stored: the same rows give the same, however they were split, ordered or encoded.

    Of each table it takes the sum of DuckDB's 64-bit hashes of every row with its place.
    """
    digest = hashlib.sha256()
    for table in sorted(packed):
        rows = connection.execute(
            f"SELECT CAST(sum(hash(stored)) AS VARCHAR) FROM (SELECT *, file_index, file_row_number "
            f"FROM {_stored(folder, table)}) stored"
        ).fetchall()
        digest.update(json.dumps([table, packed[table].columns, packed[table].codes, rows]).encode())
    return digest.hexdigest()


def _account(table: str, screened: Screened, packed: Packed | None) -> dict[str, Any]:
    """The rows and columns of one table: read = quarantined + accepted, accepted = after_as_of + stored."""
    count = screened.counts[table]
    stored, after = (packed.rows, packed.after_as_of) if packed else (0, 0)
    assert count.accepted == stored + after, f"{table}: rows in and out differ"
    columns = packed.columns if packed else ()
    return {
        "read": count.read,
        "accepted": count.accepted,
        "quarantined": count.quarantined,
        "unreadable": dict(count.unreadable),
        "rejected": dict(count.rejected),
        "excluded": [
            {"input": one.input, "reason": one.reason.model_dump(), "rows": one.rows}
            for one in screened.staged.excluded
            if one.table == table
        ],
        "after_as_of": after,
        "stored": stored,
        "columns": list(columns),
        "filled": screened.filled[table],
        "missing_columns": [column for column in TABLES[table].names if column not in columns],
        "extra_columns": list(screened.extra.get(table, ())),
        "reopened": packed.reopened if packed else {},
        "unmatched": packed.unmatched if packed else {},
    }


def _months(
    connection: duckdb.DuckDBPyConnection, folder: Path, packed: Mapping[str, Packed]
) -> tuple[int | None, int | None]:
    """First and last month of the contacts, or of the panel of an aggregate source."""
    table = "contacts" if "contacts" in packed else AGGREGATE_TABLE
    if table not in packed or not packed[table].rows:
        raise DataError("No row is left up to the as-of date: check --as-of, --quarter and the dates of the source")
    row = connection.execute(f"SELECT min(month), max(month) FROM {_stored(folder, table)}").fetchall()[0]
    return row[0], row[1]


def _stored(folder: Path, table: str) -> str:
    """SQL of the rows of a packed table."""
    files = folder / table / "*.parquet" if TABLES[table].by_person else folder / f"{table}.parquet"
    return f"read_parquet({text(files)}, hive_partitioning = false)"
