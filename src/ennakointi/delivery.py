"""A delivery of data, looked at before any run: whether it can be used, and a mapping where its names are unknown."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

from ennakointi import parameters as documents
from ennakointi import sources, store
from ennakointi.sources import drafting, mapping
from ennakointi.store import limits
from ennakointi.workspace import Say


def check(data: Path, chosen: str | None, folder: Path | None, region: str, as_of: date | None, say: Say) -> int:
    """Validate a source, list every fault and what is absent; nothing is stored.

    Events after `as_of` are faults; by default after today, or after the day the source was extracted.
    """
    parameters = documents.load(folder, region)
    source = sources.discover(data, parameters.mappings, chosen)
    with tempfile.TemporaryDirectory(prefix="ennakointi-") as spill:
        cut = as_of or date.today()
        screened = store.check(source, Path(spill), parameters, cut, limits(parameters), cut=False)
    for table, count in screened.counts.items():
        span = " … ".join(map(str, screened.spans.get(table, ())))
        say(f"{table:14s} {count.read:>12,} rows, {count.quarantined:,} to be quarantined  {span}".rstrip())
    for table, columns in screened.extra.items():
        say(f"{table}: ignored columns {', '.join(columns)}")
    for told in mapping.sentences(source, screened.staged.excluded, screened.staged.unmapped):
        say(told)
    for name, near in source.unknown.items():
        say(f"{name}: not a table of the contract" + (f", did you mean {near}?" if near else ""))
    screened.refuse_above(parameters.run.quarantine_limit_share)
    for fault in screened.faults:
        say(f"  - {fault}")
    say("The data can be used.")
    return 0


def draft(data: Path, file: Path, folder: Path | None, region: str, say: Say) -> int:
    """Draft a mapping document from a folder whose headers are unknown; nothing is validated."""
    parameters = documents.load(folder, region)
    text, found = drafting.draft(data, parameters.mappings, parameters.services)
    drafting.write(text, file)
    say(f"{file}: {found}.")
    say("Look through it line by line and decide what is marked with ?. Then put it into parameters/mappings/NAME.yml")
    say(f"and run: ennakointi check {data} --mapping NAME")
    return 0
