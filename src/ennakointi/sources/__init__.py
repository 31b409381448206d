"""The data folder: which contract tables it holds, in which files, and empty tables to begin with.

`<table>.parquet|csv`, `<table>/*.parquet|csv` and `<table>_*.parquet|csv` belong to a table. CSV is UTF-8
with a header and commas or semicolons. An optional `source.json` holds `name`, `synthetic` and `extracted_on`
(ISO date). Folders other than a table's are not looked into.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi.errors import DataError, Fault
from ennakointi.schema import AGGREGATE_TABLE, REQUIRED_TABLES, TABLES

PARQUET = "parquet"
CSV = "csv"
DELIMITERS = (",", ";")
INFO_FILE = "source.json"
_LONGEST_HEADER = 100_000
_NOTES = {".md", ".txt", ".json", ".yml", ".yaml", ".pdf", ".html"}


@dataclass(frozen=True)
class SourceFile:
    """One file of a table: its columns as they stand in the header, and for CSV the delimiter."""

    path: Path
    format: str
    columns: tuple[str, ...]
    delimiter: str | None = None

    @property
    def name(self) -> str:
        """The file as messages and the quarantine call it; never with a folder of the machine."""
        return self.path.name


@dataclass(frozen=True)
class Source:
    """A data folder whose files can be opened; nothing in them has been checked yet.

    Attributes
    ----------
    folder : Path
    files : dict of str to tuple of SourceFile
        The files of each table, sorted by name, all in one format.
    name : str
    synthetic : bool
    extracted_on : date or None
        The day the data were drawn; a later event is a fault.
    unknown : dict of str to (str or None)
        Files that belong to no table, each with the table name it resembles.
    about : dict
        `source.json` as it stands.
    """

    folder: Path
    files: dict[str, tuple[SourceFile, ...]]
    name: str
    synthetic: bool = False
    extracted_on: date | None = None
    unknown: dict[str, str | None] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def places(self) -> list[Path]:
        """The folders the files really lie in, also behind links."""
        return sorted({file.path.resolve().parent for files in self.files.values() for file in files})

    def fingerprints(self) -> list[dict[str, object]]:
        """Basename, table, bytes and SHA-256 of every file, for the manifest."""
        return [
            {
                "table": table,
                "file": file.name,
                "bytes": file.path.stat().st_size,
                "sha256": _sha256(file.path),
            }
            for table, files in self.files.items()
            for file in files
        ]


def discover(folder: Path) -> Source:
    """Find the contract tables in a data folder and open each file's header.

    Raises
    ------
    DataError
        The folder is missing, unreadable or holds neither persons and contacts nor a panel; a file is empty,
        cut short or has no header; a table stands in both formats. Everything found is listed at once.
    """
    info = _info(folder)
    candidates, unknown = _candidates(folder)
    faults: list[Fault] = []
    files: dict[str, tuple[SourceFile, ...]] = {}
    for table, paths in candidates.items():
        opened = [_open(table, path) for path in paths]
        faults += [item for item in opened if isinstance(item, Fault)]
        files[table] = tuple(item for item in opened if isinstance(item, SourceFile))
        if len({_format(path) for path in paths}) > 1:
            message = "stands both as Parquet and as CSV; keep one of them"
            faults.append(Fault(table, None, "two_formats", 0, message))
    faults += _lacking(set(candidates), unknown)
    if faults:
        raise DataError("The data folder cannot be used:", tuple(faults))
    return Source(folder, files, unknown=unknown, **info)


def template(folder: Path) -> list[Path]:
    """Write an empty CSV with its header for every contract table; nothing that exists is overwritten.

    Raises
    ------
    DataError
        One of the files exists, or the folder cannot be written.
    """
    paths = {table: folder / f"{table}.csv" for table in TABLES}
    existing = [path.name for path in paths.values() if path.exists()]
    if existing:
        raise DataError(f"The folder already holds {', '.join(existing)}: choose an empty folder, nothing was written")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, path in paths.items():
            path.write_text(",".join(TABLES[table].names) + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(f"The template cannot be written: {error.strerror}; choose another folder") from error
    return list(paths.values())


def _candidates(folder: Path) -> tuple[dict[str, list[Path]], dict[str, str | None]]:
    """The files of each table in the order of the contract, and the files nobody claims."""
    found: dict[str, list[Path]] = {}
    unknown: dict[str, str | None] = {}
    for path in _entries(folder):
        table = _table_of(path)
        if path.is_dir():
            inside = [file for file in _entries(path) if _format(file)] if path.name in TABLES else []
            if inside:
                found.setdefault(path.name, []).extend(inside)
        elif table and _format(path):
            found.setdefault(table, []).append(path)
        elif path.suffix.lower() not in _NOTES:
            unknown[path.name] = _resembling(path.stem)
    return {table: sorted(found[table]) for table in TABLES if table in found}, unknown


def _entries(folder: Path) -> Iterator[Path]:
    """Visible entries of a folder, sorted."""
    try:
        return iter(sorted(path for path in folder.iterdir() if not path.name.startswith(".")))
    except FileNotFoundError as error:
        raise DataError(f"The data folder {folder} does not exist: check the path") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is not a folder: give the folder that holds the tables") from error
    except OSError as error:
        raise _no_access(folder, error) from error


def _no_access(folder: Path, error: OSError) -> DataError:
    return DataError(f"The data folder {folder} cannot be read ({error.strerror}): ask for read access")


def _table_of(path: Path) -> str | None:
    """The contract table a file name stands for; the longest name wins."""
    stem = path.stem
    fitting = [table for table in TABLES if stem == table or stem.startswith(f"{table}_")]
    return max(fitting, key=len, default=None)


def _format(path: Path) -> str | None:
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix in (PARQUET, CSV) and not path.is_dir() else None


def _resembling(stem: str) -> str | None:
    return next(iter(difflib.get_close_matches(stem.lower(), TABLES, n=1, cutoff=0.7)), None)


def _lacking(tables: set[str], unknown: dict[str, str | None]) -> list[Fault]:
    """What a usable folder would still need: persons and contacts, or a panel alone."""
    personal = {table for table in tables if TABLES[table].by_person}
    if not tables or (not personal and AGGREGATE_TABLE not in tables):
        wanted: Sequence[str] = (*REQUIRED_TABLES,)
        message = "is missing: put persons and contacts (or panel alone) into the folder as Parquet or CSV"
    elif personal:
        wanted = REQUIRED_TABLES
        message = "is missing; tables about persons need both persons and contacts"
    else:
        return []
    hints = {table: f" (did you mean {file}?)" for file, table in unknown.items() if table}
    return [
        Fault(table, None, "missing_table", 0, message + hints.get(table, ""))
        for table in wanted
        if table not in tables
    ]


def _open(table: str, path: Path) -> SourceFile | Fault:
    """The file with its columns, or why it cannot be opened."""
    try:
        if path.stat().st_size == 0:
            return Fault(table, None, "empty_file", 0, "the file is empty; deliver it again", path.name)
        return _open_parquet(table, path) if _format(path) == PARQUET else _open_csv(table, path)
    except UnicodeDecodeError:
        return Fault(table, None, "encoding", 0, "the header is not UTF-8; save the file as UTF-8", path.name)
    except OSError as error:
        message = f"cannot be read ({error.strerror or 'input error'}); ask for read access"
        return Fault(table, None, "unreadable_file", 0, message, path.name)


def _open_parquet(table: str, path: Path) -> SourceFile | Fault:
    with path.open("rb") as content:
        try:
            return SourceFile(path, PARQUET, tuple(pq.read_schema(content).names))
        except (pa.ArrowException, OSError):
            message = "is not whole Parquet (cut short or another format); deliver it again"
            return Fault(table, None, "damaged_file", 0, message, path.name)


def _open_csv(table: str, path: Path) -> SourceFile | Fault:
    """The header read with the delimiter that finds most of the contract's columns."""
    with path.open("rb") as lines:
        header = lines.readline(_LONGEST_HEADER).decode("utf-8-sig").split("\r")[0]
    read = {d: tuple(next(csv.reader([header], delimiter=d), [])) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: len(set(read[d]) & set(TABLES[table].names)))
    columns = read[delimiter]
    if not set(columns) & set(TABLES[table].names):
        message = f"the first line is no header: expected the columns {', '.join(TABLES[table].required)}, …"
        return Fault(table, None, "no_header", 0, message, path.name)
    return SourceFile(path, CSV, columns, delimiter)


def _info(folder: Path) -> dict[str, Any]:
    """`source.json`, checked, with defaults."""
    path = folder / INFO_FILE
    try:
        given = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        extracted = given.get("extracted_on")
        info = {
            "name": given.get("name", folder.resolve().name),
            "synthetic": given.get("synthetic", False),
            "extracted_on": None if extracted is None else date.fromisoformat(extracted),
            "about": given,
        }
    except (ValueError, TypeError, AttributeError) as error:
        message = 'expected JSON such as {"name": "…", "synthetic": false, "extracted_on": "2025-10-01"}'
        raise DataError(f"{INFO_FILE} cannot be read: {message}") from error
    except OSError as error:
        raise _no_access(folder, error) from error
    if not isinstance(info["name"], str) or not isinstance(info["synthetic"], bool):
        raise DataError(f"{INFO_FILE}: `name` must be text and `synthetic` true or false")
    return info


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
