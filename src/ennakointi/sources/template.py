"""Empty tables to begin with: one CSV with its header for every table of the contract."""

from __future__ import annotations

from pathlib import Path

from ennakointi.errors import DataError
from ennakointi.schema import TABLES


def write(folder: Path) -> list[Path]:
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
