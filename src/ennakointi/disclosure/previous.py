"""The last release: what it showed, kept so that the next one does not give away what it hid.

`work/history/releases/<quarter>/` holds the tables that later quarters tell again, unrounded, with the rows that were
shown and the preset. It is written when a release has been put in place, for this user only.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ennakointi.disclosure.areas import Areas, merged, quarterly, told_by_area
from ennakointi.disclosure.presets import Preset
from ennakointi.disclosure.relations import Earlier
from ennakointi.periods import Quarter
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.workspace import read_json, read_tables, write_tables

FOLDER = "releases"
SHOWN = "shown_then"


@dataclass(frozen=True)
class KeptPreset:
    """The preset of an earlier release, as it was then."""

    name: str
    threshold: int
    base: int
    zeros: str
    everyone: str


def remember(
    history: Path,
    quarter: Quarter,
    source_name: str,
    exact: Mapping[str, pd.DataFrame],
    released: Mapping[str, pd.DataFrame],
    preset: Preset,
    areas: Areas | None = None,
) -> None:
    """Keep what a release told of the tables that will be told again.

    Parameters
    ----------
    history : `work/history`, kept for at least five quarters; a release of the same quarter takes the place of its
        earlier one. exact, released : the tables unrounded and as they were published. areas : those of the release.
    """
    told = merged(quarterly(exact), areas or {}, told_by_area(released, areas or {}))
    kept = {
        name: frame.assign(**{SHOWN: (released[name]["suppressed"] == "").to_numpy()})
        for name, frame in told.items()
        if name in released and RESULT_TABLES[name].told_again
    }
    folder = history / FOLDER / str(quarter)
    partial = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    for place in (history, folder.parent, partial):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.chmod(0o700)
    rule = {name: getattr(preset, name) for name in KeptPreset.__dataclass_fields__}
    write_tables(partial, kept, {"source": source_name, "preset": rule})
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)


def last(history: Path, quarter: Quarter, source_name: str) -> dict[str, Earlier]:
    """The last release of the same source before a quarter, by table; nothing where there is none."""
    folders = [folder for folder in (history / FOLDER).glob("[0-9]*Q[1-4]") if Quarter.parse(folder.name) < quarter]
    for folder in sorted(folders, key=lambda one: Quarter.parse(one.name), reverse=True):
        about = read_json(folder / "about.json")
        if about.get("source") != source_name:
            continue
        preset = KeptPreset(**about["preset"])
        return {
            name: Earlier(frame.drop(columns=SHOWN), frame[SHOWN].to_numpy(dtype=bool), preset)
            for name, frame in read_tables(folder).items()
        }
    return {}
