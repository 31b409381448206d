"""Where a quarter lives while it is worked on: `work/<quarter>/`, for this user only, and what lies where in it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi.errors import RunError
from ennakointi.periods import Quarter

Say = Callable[[str], None]  # where a phase tells of its progress


@dataclass(frozen=True)
class Workspace:
    """The folders of one quarter. Parts are results that were computed together, for example `debt.all`."""

    work: Path
    quarter: Quarter

    @property
    def folder(self) -> Path:
        return self.work / str(self.quarter)

    @property
    def history(self) -> Path:
        """What later quarters need to know of earlier ones."""
        return self.work / "history"

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def quarantine(self) -> Path:
        return self.folder / "quarantine"

    @property
    def memberships(self) -> Path:
        return self.folder / "memberships"

    @property
    def panels(self) -> Path:
        return self.folder / "panels"

    @property
    def features(self) -> Path:
        return self.folder / "features"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def published(self) -> Path:
        return self.folder / "published"

    @property
    def review(self) -> Path:
        """The log of the disclosure plan, for a reviewer."""
        return self.folder / "disclosure"

    @property
    def notebooks(self) -> Path:
        return self.folder / "notebooks"

    @property
    def settings(self) -> Path:
        return self.folder / "settings.json"

    @property
    def context(self) -> Path:
        return self.folder / "context.json"

    @property
    def log(self) -> Path:
        return self.folder / "logs" / "run.log"

    def part(self, name: str) -> Path:
        return self.folder / "parts" / name

    def create(self) -> None:
        """Make the folders, readable by this user only."""
        self.work.mkdir(parents=True, exist_ok=True)
        for folder in (self.work, self.folder, self.log.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the quarter: a second run on the same quarter stops at once instead of mixing its files in."""
        self.create()
        with open(self.folder / ".lock", "w", encoding="utf-8") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunError(
                    f"quarter {self.quarter}: another run is working on it; wait for it to end or stop it"
                ) from error
            yield


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write one JSON document so that a reader sees the old one or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True), encoding="utf-8")
    os.replace(partial, path)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON document, or an empty one where there is none."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame], about: Mapping[str, Any]) -> None:
    """Write tables as Parquet; `about.json` comes last, so a folder without it is unfinished."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "about.json").unlink(missing_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    write_json(folder / "about.json", {**about, "tables": sorted(tables)})


def read_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """The tables of a finished folder, or none of an unfinished one."""
    names = read_json(folder / "about.json").get("tables", ())
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}


def fingerprint(*things: object) -> str:
    """A short hash that changes when any of the things does; used to tell whether finished work can be kept."""
    text = json.dumps(things, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
