"""The synthetic county as the commands `demo` and `synth` make it: the region's own groups, places and history."""

from __future__ import annotations

import time
from pathlib import Path

from ennakointi import parameters as documents
from ennakointi import synthetic
from ennakointi.workspace import Say, read_json


def make(folder: Path, residents: int, seed: int, parameters: Path | None, region: str, say: Say) -> None:
    """Write a synthetic county with the truth of the region's report groups."""
    loaded = documents.load(parameters, region)
    groups = {name: loaded.target_groups[name].who for name in loaded.report_groups}
    folders = (parameters,) if parameters else ()
    say(f"Making a synthetic county: {region}, {residents:,} residents, seed {seed}")
    started = time.monotonic()
    synthetic.make(
        folder,
        residents=residents,
        seed=seed,
        region=synthetic.calibration(region, folders),
        groups=groups,
    )
    say(f"  {folder}, {time.monotonic() - started:.0f} s; what was planted is in {folder.name}/truth")


def ensure(folder: Path, residents: int, seed: int, parameters: Path | None, region: str, say: Say) -> None:
    """Make the county unless the folder already holds it."""
    folders = (parameters,) if parameters else ()
    name = synthetic.calibration(region, folders).region.name
    wanted = {"residents": residents, "seed": seed, "name": name}
    found = read_json(folder / "source.json")
    if all(found.get(key) == value for key, value in wanted.items()):
        say(f"The synthetic county is there already: {folder}")
        return
    make(folder, residents, seed, parameters, region, say)
