"""The configured DuckDB connection: bounded memory and disk, no downloads, no file outside named folders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ennakointi.errors import DataError, ParameterError, RunError

_SIZE = re.compile(r"\d+(\.\d+)? ?(MB|GB|TB)")
_DISK_WORDS = ("no space left", "file too large", "disk quota", "max_temp_directory_size", "disk full")


@dataclass(frozen=True)
class Limits:
    """What one run may use and lose.

    Attributes
    ----------
    memory, disk : str
        DuckDB's `memory_limit` and `max_temp_directory_size`, for example `1GB`.
    threads : int
        Worker threads of one connection.
    quarantined_share : float
        Largest share of a table's rows that may be quarantined before the data are refused.
    """

    memory: str = "1GB"
    disk: str = "50GB"
    threads: int = 2
    quarantined_share: float = 0.01

    def __post_init__(self) -> None:
        for name in ("memory", "disk"):
            if not _SIZE.fullmatch(getattr(self, name)):
                raise ParameterError(f"limit {name} is {getattr(self, name)!r}: write a size such as 1GB or 500MB")
        if self.threads < 1:
            raise ParameterError(f"limit threads is {self.threads}: at least 1 is needed")
        if not 0 <= self.quarantined_share <= 1:
            raise ParameterError(f"limit quarantined_share is {self.quarantined_share}: give a share from 0 to 1")


def connect(temporary: Path, folders: Sequence[Path], limits: Limits) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that spills to `temporary` and reaches no file outside `folders` and `temporary`.

    Extensions are neither installed nor loaded, and the configuration is locked.
    """
    connection = duckdb.connect(
        config={
            "memory_limit": limits.memory,
            "threads": limits.threads,
            "temp_directory": str(temporary),
            "max_temp_directory_size": limits.disk,
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "partitioned_write_flush_threshold": "100000",  # sixteen buckets are written at once
        }
    )
    allowed = ", ".join(text(folder.resolve()) for folder in (*folders, temporary))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    if connection.execute("SELECT current_setting('enable_progress_bar')").fetchall()[0][0]:
        # It would print into notebooks; where it is off already, DuckDB refuses the setting without ipywidgets.
        connection.execute("SET enable_progress_bar = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def clear_errors(doing: str) -> Iterator[None]:
    """Turn what a full disk, a small memory or a damaged file raises into one clear message.

    Raises
    ------
    RunError
        The disk or the memory limit is full.
    DataError
        A file cannot be read to its end.
    """
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        if _is_disk(error):
            raise _disk_full(doing) from error
        raise RunError(f"{doing}: the memory limit was reached; give the run more memory") from error
    except (duckdb.IOException, duckdb.FatalException, duckdb.InvalidInputException, OSError) as error:
        if _is_disk(error):
            raise _disk_full(doing) from error
        if isinstance(error, duckdb.Error):
            raise DataError(f"{doing}: a file is damaged or was changed while it was read; deliver it again") from error
        raise RunError(f"{doing}: {error.strerror or type(error).__name__}") from error


def _is_disk(error: Exception) -> bool:
    return any(word in str(error).lower() for word in _DISK_WORDS)


def _disk_full(doing: str) -> RunError:
    return RunError(f"{doing}: the disk is full; free space in the work folder and run again")


def types(connection: duckdb.DuckDBPyConnection, view: str) -> dict[str, str]:
    """The columns of a view, without those that place a row, and their DuckDB types."""
    described = connection.execute(f"DESCRIBE {view}").fetchall()
    return {row[0]: row[1] for row in described if row[0] not in ("_file", "_row", "_part", "_key")}


def text(value: object) -> str:
    """A value as an SQL text literal."""
    return "'" + str(value).replace("'", "''") + "'"


def name(identifier: str) -> str:
    """An SQL identifier, quoted."""
    return '"' + identifier.replace('"', '""') + '"'
