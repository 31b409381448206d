"""Which tables a folder or a database holds, in which files, and which mapping they need.

`<table>.parquet|csv|xlsx`, `<table>/*` and `<table>_*` belong to a table, of a database the table or view of its name
alone. Without a mapping the tables are the contract's; with one they are its inputs, whatever the case of their names.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi.errors import DataError, Fault, ParameterError
from ennakointi.parameters.mappings import MappingDocument
from ennakointi.schema import AGGREGATE_TABLE, REQUIRED_TABLES, TABLES
from ennakointi.sources import delimited, info, servers, workbooks
from ennakointi.sources.info import CsvSettings, SourceInfo
from ennakointi.sources.source import CSV, PARQUET, XLSX, Source, SourceFile
from ennakointi.spelling import did_you_mean

_NOTES = {".md", ".txt", ".json", ".yml", ".yaml", ".pdf", ".html", *info.DATABASE_FILES}
Opener = Callable[[str, Path, CsvSettings, Collection[str]], SourceFile | Fault]
Served = tuple[str, SourceFile]  # a table of a database, after the name it goes by
Candidates = dict[str, list[Path | SourceFile]]


def discover(folder: Path, mappings: Mapping[str, MappingDocument] | None = None, chosen: str | None = None) -> Source:
    """Find the tables of a source and open each file's header.

    Parameters
    ----------
    folder : Path
    mappings : mapping of str to MappingDocument
        The documents that are at hand.
    chosen : str, optional
        The mapping to use; by default what `source.json` names, else the one whose inputs are there when the
        contract's tables are not.

    Raises
    ------
    DataError
        The folder is missing, unreadable or holds neither persons and contacts nor a panel; a file is empty,
        cut short or has no header; a table stands in two formats. Everything found is listed at once.
    ParameterError
        No such mapping, or several would fit.
    """
    about = info.read(folder)
    paths = _delivered(folder, about)
    known = mappings or {}
    mapping = _mapping(chosen or about.mapping, known, paths)
    names = {table: (table,) for table in TABLES} if mapping is None else _input_names(mapping)
    candidates, unknown = _candidates(paths, names)
    for name in mapping.not_read if mapping else ():
        candidates.pop(name, None)
    inputs, faults = _open_all(candidates, about.csv, mapping)
    faults += _lacking(set(candidates), unknown) if mapping is None else _absent(mapping, set(candidates))
    if faults:
        raise DataError("The data folder cannot be used:", tuple(faults))
    return Source(folder, inputs, unknown=unknown, mapping=mapping, **_told(about))


def _delivered(folder: Path, about: SourceInfo) -> list[Path | Served]:
    """What lies in the folder, and the tables of its database with the names they go by."""
    served = servers.headers(about.server, folder).items() if about.server else ()
    return [*([] if folder.is_file() and served else entries(folder)), *served]


def _told(about: SourceInfo) -> dict[str, Any]:
    """What the source says of itself, as fields of `Source`."""
    return {
        "name": about.name,
        "synthetic": about.synthetic,
        "extracted_on": about.extracted_on,
        "server": about.server,
        "about": about.model_dump(mode="json", exclude={"server", "csv"}, exclude_defaults=True),
    }


def _mapping(
    chosen: str | None, known: Mapping[str, MappingDocument], paths: Sequence[Path | Served]
) -> MappingDocument | None:
    """The mapping that is asked for, or the only one whose inputs are all there."""
    if chosen:
        if chosen not in known:
            raise ParameterError(f"mapping {chosen!r}: there is no such document{did_you_mean(chosen, known)}")
        return known[chosen]
    own, _ = _candidates(paths, {table: (table,) for table in TABLES})
    if own.keys() & {*REQUIRED_TABLES, AGGREGATE_TABLE}:
        return None
    fitting = [one for one in known.values() if not _absent(one, set(_candidates(paths, _input_names(one))[0]))]
    if len(fitting) > 1:
        names = ", ".join(one.id for one in fitting)
        raise ParameterError(f"the data fit several mappings ({names}): choose one with --mapping")
    return fitting[0] if fitting else None


def _input_names(mapping: MappingDocument) -> dict[str, tuple[str, ...]]:
    """What the tables of a source system are called, also of those that are not read."""
    unread = {name: (name,) for name in mapping.not_read}
    return unread | {name: (name, *one.files) for name, one in mapping.inputs.items()}


def _candidates(
    paths: Sequence[Path | Served], names: Mapping[str, tuple[str, ...]]
) -> tuple[Candidates, dict[str, str | None]]:
    """The files of each table in the order of `names`, and the files nobody claims."""
    found: Candidates = {}
    unknown: dict[str, str | None] = {}
    for path in paths:
        if isinstance(path, tuple):
            called, file = path
            if table := _table_of(called, names, whole=True):
                found.setdefault(table, []).append(file)
            elif near := _resembling(called, names):
                unknown[file.name] = near
        elif path.is_dir():
            table = _table_of(path.name, names, whole=True)
            inside = [file for file in entries(path) if form_of(file)] if table else []
            if table and inside:
                found.setdefault(table, []).extend(inside)
        elif (table := _table_of(path.stem, names)) and form_of(path):
            found.setdefault(table, []).append(path)
        elif path.suffix.lower() not in _NOTES:
            unknown[path.name] = _resembling(path.stem, names)
    return {table: sorted(found[table], key=str) for table in names if table in found}, unknown


def entries(folder: Path) -> Iterator[Path]:
    """Visible entries of a folder, sorted."""
    try:
        return iter(sorted(path for path in folder.iterdir() if not path.name.startswith(".")))
    except FileNotFoundError as error:
        raise DataError(f"The data folder {folder} does not exist: check the path") from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is not a folder: give the folder that holds the tables") from error
    except OSError as error:
        raise DataError(f"The data folder {folder} cannot be read ({error.strerror}): ask for read access") from error


def _table_of(stem: str, names: Mapping[str, tuple[str, ...]], whole: bool = False) -> str | None:
    """The table a file name stands for; the longest name wins."""
    given = stem.lower()
    fitting = {
        name: table
        for table, called in names.items()
        for name in map(str.lower, called)
        if given == name or (not whole and given.startswith(f"{name}_"))
    }
    return fitting[max(fitting, key=len)] if fitting else None


def form_of(path: Path | SourceFile) -> str | None:
    """`parquet`, `csv` or `xlsx`, by a file's ending, or `server`; None for anything else."""
    if isinstance(path, SourceFile):
        return path.format
    suffix = path.suffix.lower().removeprefix(".")
    return suffix if suffix in (PARQUET, CSV, XLSX) and not path.is_dir() else None


def _resembling(stem: str, names: Collection[str]) -> str | None:
    return next(iter(difflib.get_close_matches(stem.lower(), names, n=1, cutoff=0.7)), None)


def _lacking(tables: set[str], unknown: Mapping[str, str | None]) -> list[Fault]:
    """What a usable folder would still need: persons and contacts, or a panel alone."""
    personal = {table for table in tables if TABLES[table].by_person}
    if not tables or (not personal and AGGREGATE_TABLE not in tables):
        wanted: Sequence[str] = (*REQUIRED_TABLES,)
        message = "is missing: put persons and contacts (or panel alone) into the folder as Parquet, CSV or XLSX"
        if unknown:
            message += "; for other tables draft a mapping with `ennakointi check --draft-mapping`"
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


def _absent(mapping: MappingDocument, inputs: set[str]) -> list[Fault]:
    """Inputs that a mapping needs and the source does not have."""
    return [
        Fault(name, None, "missing_table", 0, f"is missing; the mapping {mapping.id} needs it")
        for name, one in mapping.inputs.items()
        if not one.optional and name not in inputs
    ]


def _open_all(
    candidates: Candidates, csv: CsvSettings, mapping: MappingDocument | None
) -> tuple[dict[str, tuple[SourceFile, ...]], list[Fault]]:
    """Every file with its header, and what is wrong with those that cannot be opened."""
    faults: list[Fault] = []
    files: dict[str, tuple[SourceFile, ...]] = {}
    for table, paths in candidates.items():
        expected = mapping.columns_of(table) if mapping else TABLES[table].names
        opened = [_open(table, path, csv, expected) for path in paths]
        faults += [item for item in opened if isinstance(item, Fault)]
        found = tuple(item for item in opened if isinstance(item, SourceFile))
        files[table] = tuple(_spelled(file, expected) for file in found) if mapping else found
        if len({form_of(path) for path in paths}) > 1:
            message = "stands in two formats; keep one of them"
            faults.append(Fault(table, None, "two_formats", 0, message))
    return files, faults


def _spelled(file: SourceFile, expected: Collection[str]) -> SourceFile:
    """A file of a source system with its columns spelt as the mapping does: some databases write them in capitals."""
    spelling = {column.lower(): column for column in expected} if file.path else {}
    return replace(file, columns=tuple(spelling.get(column.lower(), column) for column in file.columns))


def _open(table: str, path: Path | SourceFile, csv: CsvSettings, expected: Collection[str]) -> SourceFile | Fault:
    """The file with its columns, or why it cannot be opened."""
    if isinstance(path, SourceFile):
        return path
    openers: Mapping[str | None, Opener] = {
        PARQUET: _open_parquet,
        CSV: delimited.open_file,
        XLSX: workbooks.open_file,
    }
    try:
        if path.stat().st_size == 0:
            return Fault(table, None, "empty_file", 0, "the file is empty; deliver it again", path.name)
        return openers[form_of(path)](table, path, csv, expected)
    except OSError as error:
        message = f"cannot be read ({error.strerror or 'input error'}); ask for read access"
        return Fault(table, None, "unreadable_file", 0, message, path.name)


def _open_parquet(table: str, path: Path, csv: CsvSettings, expected: Collection[str]) -> SourceFile | Fault:
    with path.open("rb") as content:
        try:
            return SourceFile(path.name, PARQUET, tuple(pq.read_schema(content).names), path)
        except (pa.ArrowException, OSError):
            message = "is not whole Parquet (cut short or another format); deliver it again"
            return Fault(table, None, "damaged_file", 0, message, path.name)
