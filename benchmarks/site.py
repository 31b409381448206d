"""How much processor time the pages of a quarter take once its notebooks are executed, and where it goes.

    ennakointi demo
    python benchmarks/site.py [WORK] [--groups 12] [--languages 1]

Takes the executed notebooks and released tables of `work/2025Q3`, repeats the pages of its groups until there are as
many groups as asked, and publishes them into a temporary folder. Goal: 12 groups × all topics in 30 CPU-seconds.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from ennakointi import parameters as documents
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.run import provenance, rendering
from ennakointi.run.frames import Release
from ennakointi.run.notebook_runs import Job, Outcome
from ennakointi.workspace import read_json, read_tables

QUARTER = "2025Q3"
COUNTS = {"read": 1000, "accepted": 1000, "quarantined": 0, "after_as_of": 0, "stored": 1000}
DIGEST = "0" * 64


def outcomes(folder: Path, parameters: Parameters, n_groups: int, languages: list[str]) -> list[Outcome]:
    """The executed notebooks as outcomes, those of groups repeated under the names of more groups."""
    made = []
    names = list(islice(parameters.target_groups, n_groups))
    for notebook, about in parameters.notebooks.items():
        found = sorted(folder.glob(f"*/{notebook}*.ipynb"))
        if not found:
            continue
        subjects = names if about.per == "group" else [""]
        for language in languages:
            for group, executed in zip(subjects, cycle(found)):
                given = {"quarter": QUARTER, "language": language} | ({"target_group": group} if group else {})
                title = f"{about.title[language]}: {group}" if group else about.title[language]
                job = Job(f"{language}/{title}", Path(f"{notebook}.ipynb"), given, executed, title, 1)
                made.append(Outcome(job, "", 0.0))
    return made


def manifest(parameters: Parameters) -> dict[str, object]:
    """Facts of a run that has the shape of a real one."""
    source = {"name": "benchmark", "mapping": None, "content": DIGEST, "files": [], "tables": {"contacts": COUNTS}}
    asked = {"quarter": QUARTER, "region": "paijat-hame", "mode": "fast"}
    asked |= {"as_of": "2025-09-30", "made_on": "2025-10-12"}
    return {
        **asked,
        "version": "0",
        "covers": "2025-07-01/2025-09-30",
        "synthetic": True,
        "organisation": {"name": "benchmark", "description": "benchmark"},
        "licence": parameters.reporting.licence.model_dump(),
        "parameters": dict(parameters.digests),
        "notebooks": {"summary.ipynb": DIGEST},
        "source": {**source, **COUNTS},
        "seeds": {},
        "software": provenance.software(),
        "scope": {},
        "settings": asked,
        "started_at": "2025-10-12T10:00:00+00:00",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="?", default=Path("work"))
    parser.add_argument("--groups", type=int, default=12)
    parser.add_argument("--languages", type=int, default=1)
    parser.add_argument("--profile", action="store_true", help="show where the time goes")
    asked = parser.parse_args()
    folder, parameters = asked.work / QUARTER, documents.load()
    languages = ["fi", "sv", "en"][: asked.languages]
    pages = outcomes(folder / "notebooks", parameters, asked.groups, languages)
    facts, tables = read_json(folder / "context.json"), read_tables(folder / "published")
    release = Release(parameters, Quarter.parse(QUARTER), facts, pages, tables, manifest(parameters), ())
    profiler = cProfile.Profile()
    with tempfile.TemporaryDirectory() as place:
        started = time.process_time()
        if asked.profile:
            profiler.runcall(rendering.publish, Path(place) / QUARTER, release)
        else:
            rendering.publish(Path(place) / QUARTER, release)
        seconds = time.process_time() - started
        files = [path for path in Path(place).rglob("*") if path.is_file()]
        largest = max(path.stat().st_size for path in files if path.suffix == ".html")
    rows = sum(map(len, tables.values()))
    print(
        f"{len(pages)} pages of {asked.groups} groups in {len(languages)} languages, {rows:,} rows: {seconds:.1f} CPU-s"
    )
    print(f"{len(files)} files, the largest page has {largest:,} bytes")
    if asked.profile:
        pstats.Stats(profiler).sort_stats("cumtime").print_stats(35)


if __name__ == "__main__":
    main()
