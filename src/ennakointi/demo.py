"""The synthetic county as the commands `demo` and `synth` make it: the region's own groups, places and history.

The demo tells two quarters, so that its report can say what changed. The one before is run first and lean, on the
county as it was delivered then: some contacts of its months, known by number, come only with the later delivery.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ennakointi import parameters as documents
from ennakointi import run, synthetic
from ennakointi.periods import Quarter, first_day
from ennakointi.workspace import Say, read_json

LATE_SERVICE, LATE_EVERY = "primary_care", 20  # every 20th contact of the quarter in this service comes late
LEAN_GROUPS = ("all", "older_people")
LEAN_NOTEBOOKS = ("summary",)


def tell(options: run.Options, residents: int, seed: int, say: Say) -> int:
    """Make the county, run the quarter before `options.quarter` in a lean way, then the quarter; returns the exit code.

    Lean: few groups, the summary alone, mode fast; what the report of the quarter needs to tell what changed and how
    the last forecasts did. Both quarters have a release of their own.
    """
    ensure(options.data, residents, seed, options.parameters, options.region, say)
    before = options.quarter.previous
    say(f"First {before}, in a lean way: the report of {options.quarter} tells what has changed since then")
    lean = replace(
        options,
        data=delivered(options.data, before),
        quarter=before,
        groups=options.groups or LEAN_GROUPS,
        notebooks=LEAN_NOTEBOOKS,
        mode="fast",
        as_of=None,
    )
    return max(run.run(one, say) for one in (lean, options))


def delivered(data: Path, quarter: Quarter) -> Path:
    """The county as it was delivered at the end of a quarter, beside it: without the contacts that came late.

    Which those are is planted: in `LATE_SERVICE`, of the quarter's three months, those whose number is divisible by
    `LATE_EVERY`.
    """
    folder = data.with_name(f"{data.name}-{quarter}")
    told = (data / "source.json").read_bytes()
    if (folder / "source.json").is_file() and (folder / "source.json").read_bytes() == told:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    files = [path for path in sorted(data.rglob("*.parquet")) if "truth" not in path.parts]
    for path in files:
        (folder / path.relative_to(data)).parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == "contacts":
            _without_late(path, folder / path.relative_to(data), quarter)
        else:
            _linked(path, folder / path.relative_to(data))
    (folder / "source.json").write_bytes(told)  # last: a folder without it is not whole
    return folder


def _without_late(path: Path, target: Path, quarter: Quarter) -> None:
    table = pq.read_table(path)
    day = table["started_at"].cast("date32")
    within = pc.and_(
        pc.greater_equal(day, first_day(quarter.first_month)), pc.less(day, first_day(quarter.last_month + 1))
    )
    number = table["contact_id"].cast("int64")
    chosen = pc.equal(number, pc.multiply(pc.divide(number, LATE_EVERY), LATE_EVERY))
    late = pc.and_(pc.and_(within, pc.equal(table["service"].cast("string"), LATE_SERVICE)), chosen)
    pq.write_table(table.filter(pc.invert(late)), target)


def _linked(path: Path, target: Path) -> None:
    """The same file without a copy, where the disk can."""
    try:
        os.link(path, target)
    except OSError:
        shutil.copyfile(path, target)


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
