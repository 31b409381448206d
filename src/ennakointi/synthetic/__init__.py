"""A synthetic county: every table of the data contract for any number of residents, and the truth behind it.

Person histories are drawn once without the disruption of 2020–2021 and then disrupted, so that both are known
for the same persons. Persons are made in chunks with their own seeds: memory does not grow with the contacts,
and the same seed, residents, parameters and library versions give the same bytes. There is no vaccination
wave in the data.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np

from ennakointi import rules
from ennakointi.errors import DataError, ParameterError
from ennakointi.periods import month_of
from ennakointi.synthetic import calendar as synthetic_calendar
from ennakointi.synthetic import calibration as synthetic_calibration
from ennakointi.synthetic import chunk as synthetic_chunk
from ennakointi.synthetic import contacts as synthetic_contacts
from ennakointi.synthetic import county as synthetic_county
from ennakointi.synthetic import groups as synthetic_groups
from ennakointi.synthetic import persons as synthetic_persons
from ennakointi.synthetic import queues, records, register
from ennakointi.synthetic import truth as synthetic_truth
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration
from ennakointi.synthetic.chunk import Habits
from ennakointi.synthetic.files import Writer, take
from ennakointi.synthetic.lives import County, live
from ennakointi.synthetic.persons import People
from ennakointi.synthetic.settings import SyntheticSettings
from ennakointi.synthetic.truth import Truth

__all__ = ["Calibration", "SyntheticSettings", "Truth", "calibration", "make", "truth"]

_CHUNK = 12_000  # persons
_FIRST_ID = 100_000
_POPULATION, _CALENDAR, _COUNTY, _PERSONS = range(4)  # streams of random numbers

calibration = synthetic_calibration.load
"""Calibration of a region; see `synthetic.calibration.load`."""


def make(
    folder: Path,
    *,
    residents: int = 20_000,
    seed: int = 1,
    region: Calibration | None = None,
    until: date = date(2025, 9, 30),
    since: date = date(2014, 1, 1),
    groups: Mapping[str, rules.Rule] | None = None,
    settings: SyntheticSettings | None = None,
) -> None:
    """Write a synthetic county into a folder.

    Parameters
    ----------
    folder
        Gets the tables of the contract as Parquet, `source.json` and `truth/`. It appears whole or not at
        all; an older synthetic county in it is replaced, anything else is refused.
    residents
        Inhabitants at the end of the calibration's reference year, at least 100.
    seed
        Non-negative; the same seed gives the same bytes.
    region
        Calibration, by default Päijät-Häme's.
    until, since
        Last and first delivered day; `since` is the first of a month.
    groups
        Bound rules of target groups by id (`rules.bind`), for the true volumes; `all` is always there.
    settings
        Switches and mis-specifications.

    Raises
    ------
    ParameterError
        An argument is out of range, or the folder holds something else.
    """
    found = region or calibration()
    options = settings or SyntheticSettings()
    span = _span(since, until)
    _check(folder, residents, seed)
    everyone = {"all": rules.parse({"everyone": True})}
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        county = _county(found, span, options, residents, seed)
        _write(building, county, {**everyone, **(groups or {})}, seed)
        _describe(building, county, seed)
        if folder.exists():
            shutil.rmtree(folder)
        building.rename(folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def truth(folder: Path) -> Truth:
    """The truth behind a synthetic county; tables are read when they are asked for."""
    if not (folder / "truth" / "settings.json").is_file():
        raise DataError("truth: this folder was not made by the synthetic county; make one with `ennakointi synth`")
    return Truth(folder / "truth")


def _span(since: date, until: date) -> Span:
    if since.day != 1 or month_of(until) < month_of(since):
        raise ParameterError(f"since {since}, until {until}: expected the first of a month and a later day")
    return Span(since, until)


def _check(folder: Path, residents: int, seed: int) -> None:
    if residents < 100:
        raise ParameterError(f"residents {residents}: expected at least 100")
    if seed < 0:
        raise ParameterError(f"seed {seed}: expected 0 or more")
    source = folder / "source.json"
    made_here = source.is_file() and json.loads(source.read_text(encoding="utf-8")).get("synthetic") is True
    if folder.exists() and any(folder.iterdir()) and not made_here:
        raise ParameterError(
            f"{folder.name}: the folder is not empty and holds no synthetic county; give another folder"
        )


def _county(found: Calibration, span: Span, options: SyntheticSettings, residents: int, seed: int) -> County:
    calendar = synthetic_calendar.build(found, span, np.random.default_rng([seed, _CALENDAR]))
    seen = register.build(found, span)
    held = seen if options.organiser_changes else register.unchanged(found, span)
    return County(found, span, calendar, held, seen, options, residents)


def _write(folder: Path, county: County, groups: Mapping[str, rules.Rule], seed: int) -> None:
    found, span = county.calibration, county.span
    people = synthetic_persons.simulate(found, span, county.residents, np.random.default_rng([seed, _POPULATION]))
    people = people.take(np.flatnonzero(np.maximum(people.enter, people.birth) <= span.last_day))
    habits = Habits(synthetic_contacts.layout(found, span), records.codebook(found))
    writer = Writer(folder)
    sums = synthetic_truth.Sums.start(tuple(groups), county)
    try:
        for chunk, first in enumerate(range(0, len(people), _CHUNK)):
            rng = np.random.default_rng([seed, _PERSONS, chunk])
            ids = _FIRST_ID + np.arange(first, min(first + _CHUNK, len(people)), dtype=np.int64)
            _write_chunk(writer, people.take(slice(first, first + _CHUNK)), ids, county, habits, groups, sums, rng)
        rng = np.random.default_rng([seed, _COUNTY])
        contacts = sums.volumes.counts["actual"][list(groups).index("all")]
        writer.contract("coverage", synthetic_county.coverage(county.register, found, span))
        writer.contract("population", synthetic_county.population(people, found, span))
        writer.contract("capacity", synthetic_county.capacity(contacts, found, span, rng))
        writer.contract("slots", synthetic_county.slots(found, span, rng))
        writer.contract("feedback", synthetic_county.feedback(contacts, found, span, rng))
        writer.contract("indicators", synthetic_county.indicators(contacts, found, span))
        for name, frame in sums.frames(county).items():
            writer.frame(name, frame)
    finally:
        writer.close()


def _write_chunk(
    writer: Writer,
    people: People,
    ids: np.ndarray,
    county: County,
    habits: Habits,
    groups: Mapping[str, rules.Rule],
    sums: synthetic_truth.Sums,
    rng: np.random.Generator,
) -> None:
    """Histories of a chunk of persons into the tables and the sums of the truth."""
    found, span = county.calibration, county.span
    lives = live(people, county, rng)
    rows = synthetic_chunk.contact_rows(people, ids, lives, county, habits, rng)
    persons = synthetic_chunk.persons(people, ids, county, rng)
    queue, queue_held = synthetic_chunk.referrals(people, lives, county, rng)
    tables = {
        "statuses": synthetic_chunk.statuses(lives, county),
        "enrolments": synthetic_chunk.enrolments(lives, county, rng),
        "medicines": records.medicines(people, lives.traits, found, span, rng),
        "measurements": records.measurements(people, lives.traits, span, rng),
        "plans": records.plans(people, lives.traits, span, rng),
        "referrals": take(queue, queue_held),
    }
    delivered = synthetic_chunk.delivered(rows, sums.next_id("contacts", int(rows.after.sum())))
    tables["diagnoses"] = synthetic_chunk.diagnoses(delivered)
    beds = synthetic_chunk.stays(people, lives, rows, county, rng)
    tables["stays"] = synthetic_chunk.stay_rows(beds, people, county)
    quiet = synthetic_chunk.referral_columns(queues.undisturbed(lives.queue), people, county, rng)
    tables["requests"] = records.requests(rows.events.take(rows.after), people, delivered, found, rng)
    before, after = synthetic_groups.members(groups, persons, tables, quiet, rows, span)
    sums.add(people, lives, beds, before, after, county)
    synthetic_truth.write_persons(writer, people, ids, lives, queue_held, sums.ids["referrals"], county)
    writer.contract("persons", persons)
    writer.contract("contacts", {**delivered, "person_id": ids[delivered["person_id"]]})
    for name, columns in tables.items():
        sums.write(writer, name, columns, ids)


def _describe(folder: Path, county: County, seed: int) -> None:
    """`source.json` for the store, and the settings of the truth."""
    source = {
        "name": county.calibration.region.name,
        "region": county.calibration.code,
        "synthetic": True,
        "seed": seed,
        "residents": county.residents,
        "extracted_on": county.span.until.isoformat(),
    }
    spoken = {"since": county.span.since.isoformat(), "until": county.span.until.isoformat()}
    _save(folder / "source.json", source)
    _save(folder / "truth" / "settings.json", {**source, **spoken, **asdict(county.settings)})


def _save(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
