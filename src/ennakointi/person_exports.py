"""Lists of persons for the county's own use: off unless `person_exports.yml` names a basis, and only into `work/`.

A list has the delivered identifiers. It is logged, with its basis and the role that approved it, and removed when its
days are over.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from ennakointi import store
from ennakointi.database import Limits
from ennakointi.errors import ParameterError, RunError
from ennakointi.parameters import Parameters
from ennakointi.parameters.export_documents import PersonExport
from ennakointi.sources import Source
from ennakointi.spelling import did_you_mean
from ennakointi.workspace import Workspace, read_json, write_json

FOLDER, ABOUT, LOG = "exports", "about.json", "person_exports.log"
RESULTS = {"segments": ("segment_assignments", "scheme"), "need": ("need_predictions", "outcome")}
_IDENTIFIERS = "identifiers.parquet"


@dataclass(frozen=True)
class Written:
    """A list of persons: its file, its rows, and the day on which it is to be removed."""

    file: Path
    rows: int
    until: date


def write(
    workspace: Workspace, source: Source, parameters: Parameters, name: str, today: date, limits: Limits | None = None
) -> Written:
    """Write a list that the parameters allow, log it, and remove lists whose days are over.

    Parameters
    ----------
    workspace : of a quarter that has been run. source : the data that it was run on, for their identifiers.
    name : id in `person_exports.yml`. today : the day of the export.

    Raises
    ------
    ParameterError
        The list is not allowed, or not on this day; or it names what the quarter does not have.
    DataError
        The data are not those of the quarter.
    RunError
        The quarter has no such results.
    """
    allowed = _allowed(parameters, name, today)
    with workspace.locked():
        remove_expired(workspace.work, today)
        rows = _rows(workspace, allowed)
        folder = workspace.folder / FOLDER / name
        until = min(today + timedelta(days=allowed.retention_days), allowed.valid_until)
        with _building(workspace.folder / f".{FOLDER}-building") as building:
            store.write_identifiers(source, store.open(workspace.store, limits), parameters, building / _IDENTIFIERS)
            known = pd.read_parquet(building / _IDENTIFIERS)
            listed = (
                known.merge(rows, on="person").drop(columns="person").sort_values(["person_id", *rows.columns[1:2]])
            )
            for place in (folder.parent, folder):
                place.mkdir(mode=0o700, exist_ok=True)
            write_json(folder / ABOUT, {**_about(allowed), "made_on": str(today), "remove_on": str(until)})
            file = _put(listed, folder / f"{allowed.content}.parquet")
        _log(workspace.work, today, "written", workspace, allowed, rows=len(listed), sha256=_sha256(file))
    return Written(file, len(listed), until)


def remove_expired(work: Path, today: date) -> int:
    """Remove the lists whose day has come, of every quarter of a work folder; returns how many."""
    removed = 0
    for about in sorted(work.glob(f"*/{FOLDER}/*/{ABOUT}")):
        told = read_json(about)
        if date.fromisoformat(told["remove_on"]) <= today:
            shutil.rmtree(about.parent)
            _append(work, {"on": str(today), "what": "removed", "quarter": about.parts[-4], "export": told["export"]})
            removed += 1
    return removed


def _allowed(parameters: Parameters, name: str, today: date) -> PersonExport:
    exports = parameters.person_exports
    if name not in exports:
        raise ParameterError(
            f"export {name!r}: person_exports.yml allows no such list of persons{did_you_mean(name, exports)}. A list "
            "needs a legal basis, an approver and a retention there"
        )
    allowed = exports[name]
    if not allowed.decided_on <= today <= allowed.valid_until:
        raise ParameterError(
            f"export {name!r}: its basis holds from {allowed.decided_on} through {allowed.valid_until}, not on {today}"
        )
    return allowed


def _rows(workspace: Workspace, allowed: PersonExport) -> pd.DataFrame:
    """person, what it is about, and its values, of the names of the list."""
    table, column = RESULTS[allowed.content]
    file = workspace.results / f"{table}.parquet"
    if not file.exists():
        raise RunError(f"quarter {workspace.quarter}: holds no {allowed.content} of persons; run the quarter first")
    rows = pd.read_parquet(file).rename(columns={"person_id": "person"})
    known = set(rows[column].astype(str))
    if missing := [one for one in allowed.names if one not in known]:
        there = ", ".join(sorted(known))
        raise ParameterError(f"person_exports.yml: {allowed.id}.names: the quarter has no {missing[0]!r}, but {there}")
    return rows[rows[column].isin(allowed.names)]


def _about(allowed: PersonExport) -> dict[str, Any]:
    return {
        "export": allowed.id,
        "content": allowed.content,
        "names": list(allowed.names),
        "purpose": allowed.purpose,
        "basis": allowed.basis,
        "decided_on": str(allowed.decided_on),
        "approver": allowed.approver,
    }


def _put(listed: pd.DataFrame, file: Path) -> Path:
    """The list in its place, for this user only; what tells when to remove it is there before."""
    partial = file.with_name(f".{file.name}.partial")
    partial.touch(mode=0o600)
    listed.to_parquet(partial, index=False)
    os.replace(partial, file)
    return file


def _log(work: Path, today: date, what: str, workspace: Workspace, allowed: PersonExport, **more: object) -> None:
    _append(work, {"on": str(today), "what": what, "quarter": str(workspace.quarter), **_about(allowed), **more})


def _append(work: Path, entry: dict[str, Any]) -> None:
    file = work / LOG
    file.touch(mode=0o600)
    with file.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A folder for this user only that exists only meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
