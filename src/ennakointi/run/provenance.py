"""Where a release comes from: what a run used and made, written down beside it and checked against it later.

`manifest.json` is a research object (see `crate`); `ro-crate-metadata.json` is the same bytes under the name that the
standard wants. The times of the run stand in the manifest alone: pages, tables and workbooks of the same inputs,
lock, platform, threads and made-on date are the same to the last byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ennakointi import __version__, disclosure, phases, store
from ennakointi.errors import DataError, ParameterError
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter, first_day
from ennakointi.run import crate
from ennakointi.workspace import Say, Workspace, read_json

if TYPE_CHECKING:
    from ennakointi.run import Options

COUNTS = tuple(crate.ROWS)
SCOPE = ("groups", "notebooks", "languages")
LOCK = "requirements.lock"
_TOLD = ("table", "file", "sha256")  # of an input file


def now() -> datetime:
    """The clock, or SOURCE_DATE_EPOCH where even the manifest is to be repeatable.

    Raises
    ------
    ParameterError
        When SOURCE_DATE_EPOCH is not a number of seconds.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        return datetime.now(UTC)
    if not given.isdecimal():
        raise ParameterError(f"SOURCE_DATE_EPOCH: {given!r} is not a number of seconds since 1970")
    return datetime.fromtimestamp(int(given), UTC)


def facts(
    options: Options,
    parameters: Parameters,
    workspace: Workspace,
    notebooks: Mapping[str, Path],
    scope: Mapping[str, Sequence[str]],
    parts: Sequence[str],
    started: datetime,
) -> dict[str, Any]:
    """What a reader needs to trace the release; no path of the machine, no user.

    Parameters
    ----------
    notebooks : the files that were run, by name
    scope : `groups`, `notebooks`, `languages` of the release
    parts : names of what was computed; each has its seed
    """
    stored, region = store.open(workspace.store), parameters.region
    made = options.made_on or started.date()
    asked = {"quarter": str(options.quarter), "region": options.region, "mode": options.mode}
    asked |= {"as_of": options.cut.isoformat(), "made_on": made.isoformat()}
    rule = _rule(parameters)
    threads = f"1 of each part, {store.limits(parameters).threads} of the database"
    return {
        **asked,
        "version": __version__,
        "covers": _covers(options.quarter),
        "synthetic": stored.synthetic,
        "organisation": {"name": region.label["fi"], "description": region.contact["fi"]},
        "licence": parameters.reporting.licence.model_dump(),
        "parameters": dict(sorted(parameters.digests.items())),
        "notebooks": {path.name: sha256(path) for _, path in sorted(notebooks.items())},
        "source": _source(stored.manifest, parameters.disclosure.current),
        "seeds": {name: phases.seed_of(name) for name in sorted(parts)},
        "software": software(),
        "scope": {name: list(names) for name, names in scope.items()},
        "settings": {**asked, "mapping": stored.manifest["mapping"] or "none", "threads": threads, "disclosure": rule}
        | {name: list(names) for name, names in scope.items()},
        "started_at": _time(started),
    }


def _covers(quarter: Quarter) -> str:
    return f"{first_day(quarter.first_month)}/{quarter.end}"


def _rule(parameters: Parameters) -> str:
    rule = parameters.disclosure.current
    return f"{rule.name}: fewer than {rule.threshold} persons are hidden, other counts are rounded to {rule.base}"


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _source(stored: Mapping[str, Any], preset: disclosure.Preset) -> dict[str, Any]:
    """What was delivered. Sizes in bytes stay in `work/`: of a table of fixed width they count its rows exactly."""
    tables = stored["tables"]
    totals = {name: sum(about[name] for about in tables.values()) for name in COUNTS}
    return {
        "name": stored["source_name"],
        "mapping": stored["mapping"],
        "content": stored["content"],
        "files": [{name: of for name, of in file.items() if name in _TOLD} for file in stored["files"]],
        "tables": {
            table: {name: disclosure.shown_count(about[name], preset) for name in COUNTS}
            for table, about in tables.items()
        },
        **{name: disclosure.shown_count(total, preset) for name, total in totals.items()},
    }


def software() -> dict[str, Any]:
    """Python, the platform, the packages that the program needs, and the lock that they were installed from."""
    needed = [line for line in metadata.requires("ennakointi") or () if "extra ==" not in line]
    names = sorted(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed)
    packages = {name: metadata.version(name) for name in names}
    lock = _lock()
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": packages,
        "lock": sha256(lock) if lock else None,
        "lock_kept": _kept(lock, packages) if lock else None,
    }


def _lock() -> Path | None:
    """The lock file that came with the program, in the wheel or the repository."""
    here = Path(__file__).parents[1]
    places = (here / "shipped" / LOCK, here.parents[1] / LOCK)
    return next((place for place in places if place.is_file()), None)


def _kept(lock: Path, packages: Mapping[str, str]) -> str:
    """Whether the packages installed here are those of the lock, which may pin one for each version of Python."""
    pinned = set(re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.M))
    other = [f"{name} {version}" for name, version in packages.items() if (name, version) not in pinned]
    return f"Installed here in another version: {', '.join(other)}" if other else "Every package is of its version"


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write the manifest of the finished files of `folder`, once by our name and once by the standard's."""
    _put(folder, crate.document({**facts, "ended_at": _time(now())}, folder))


def _put(folder: Path, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    for name in (crate.MANIFEST, crate.METADATA):
        (folder / name).write_text(text, encoding="utf-8")


def add_printed(folder: Path, printed: Mapping[str, str], version: str, started: datetime) -> None:
    """Add printed pages to the manifest: PDF by the page that each shows, and the version of Chromium."""
    times = (_time(started), _time(now()))
    _put(folder, crate.with_printed(entities(folder), folder, printed, version, times))


def made_on(folder: Path) -> str:
    """The made-on date of a release, as its pages name it."""
    return str(entities(folder)["./"]["datePublished"])


def entities(folder: Path) -> dict[str, dict[str, Any]]:
    """The entities of a release's manifest by their `@id`; none where there is no manifest of this form."""
    return {one["@id"]: one for one in read_json(folder / crate.MANIFEST).get("@graph", ())}


def scope(folder: Path) -> dict[str, list[str]]:
    """Groups, notebooks and languages of a release; empty where there is none."""
    told = entities(folder)
    found = {name: crate.listed(told[f"#setting-{name}"]["value"]) for name in SCOPE if f"#setting-{name}" in told}
    return found or read_json(folder / crate.MANIFEST).get("scope", {})  # a release of version 0.5 or older


def verify(folder: Path, say: Say) -> int:
    """Compare the files of a release with the hashes of its manifest; says what was found and returns 0.

    Raises
    ------
    ParameterError
        The folder holds no manifest of a release.
    DataError
        A file was changed, taken away or added; every one is named.
    """
    files = {name: one for name, one in entities(folder).items() if one["@type"] == "File"}
    told = {unquote(name): one["sha256"] for name, one in files.items() if name != crate.MANIFEST}
    if not told:
        raise ParameterError(f"{folder}: holds no {crate.MANIFEST} of a release; give a folder such as outputs/2025Q3")
    here = {path.relative_to(folder).as_posix(): path for path in crate.published(folder)}
    wrong = [f"{name}: is missing" for name in sorted(set(told) - set(here))]
    wrong += [f"{name}: is not in the manifest" for name in sorted(set(here) - set(told))]
    wrong += [f"{name}: was changed" for name in sorted(set(told) & set(here)) if sha256(here[name]) != told[name]]
    if not _same_bytes(folder):
        wrong.append(f"{crate.METADATA}: differs from {crate.MANIFEST}")
    if wrong:
        raise DataError("\n  - ".join([f"{folder}: is not as its manifest tells", *wrong]))
    say(f"{folder}: {len(told)} files, each as the manifest tells")
    return 0


def _same_bytes(folder: Path) -> bool:
    copy = folder / crate.METADATA
    return copy.is_file() and copy.read_bytes() == (folder / crate.MANIFEST).read_bytes()
