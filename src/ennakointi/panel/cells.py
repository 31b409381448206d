"""Turns the store into panel files, bucket by bucket, then adds the buckets up group by group.

Files of the panel folder: `person_months/bucket=NN.parquet`; for each group `counts.parquet`, `totals`,
`person_time`, `queue` and `queue_flows` in its own folder; `coverage.parquet`, `volumes.parquet`,
`contact_fates.parquet`; `panel.json` comes last.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.database import clear_errors
from ennakointi.panel import fates, population_time, production, queue_flows, reductions
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY, Axes, coverage_cells
from ennakointi.parameters import Parameters
from ennakointi.parameters.cross_checks import ALL
from ennakointi.parameters.documents import Break
from ennakointi.periods import DAYS_PER_YEAR, month_text
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS

ABOUT_FILE = "panel.json"
ALL_SERVICES = "all"
ALL_CODE = -1  # the code of all services together
RESIDENTS = -1  # the code of the run of membership that is residence itself
_SUMS = ("contacts", "persons", "cents", "waiting", "started", "left", "step", "lost")
_STRATUM = ("municipality", "age_band", "sex")


class Memberships(Protocol):
    """What is needed of the target groups: their ids in the order of their codes, and runs of membership."""

    @property
    def ids(self) -> Sequence[str]: ...

    @property
    def available_from(self) -> Mapping[str, int]:
        """First month index in which a group can be told."""

    def file(self, bucket: int) -> Path:
        """Parquet of a bucket: group (place in `ids`), person, from_month, to_month (inclusive)."""


@dataclass(frozen=True, eq=False)
class _Work:
    """What every step of a build needs; `frames` are small tables on the connection."""

    store: Store
    groups: Memberships
    parameters: Parameters
    axes: Axes
    folder: Path
    connection: duckdb.DuckDBPyConnection
    coverage: pd.DataFrame
    frames: Mapping[str, nw.LazyFrame]
    counted: str

    def read(self, path: Path) -> nw.LazyFrame:
        return nw.from_native(self.connection.read_parquet(str(path)))

    def part(self, name: str, group: int) -> nw.LazyFrame:
        """All buckets' rows of one group, added up."""
        rows = self.read(self.folder / "parts" / name / "*.parquet").filter(nw.col("group") == group)
        return reductions.added(rows.drop("group"), *(key for key in _keys(rows) if key != "group"))


def build(
    store: Store, group_index: Memberships, parameters: Parameters, folder: Path, counted: str = "unknown"
) -> None:
    """Write the panel files of every group of the index; a folder without `panel.json` is unfinished.

    Memory is bounded by one bucket's persons and by one group's cells.

    Parameters
    ----------
    counted : whom the table `persons` holds: `residents`, `clients` or `unknown`. Of clients, the person-time of
        residents and of the group `all` comes from the table `population`, and cells of municipalities outside the
        region or without population are not covered (but for the unknown municipality, where people of the region
        are hidden).

    Raises
    ------
    DataError
        The contacts do not reach the end of a month by the as-of date, or there is no population for clients.
    RunError
        The disk or the memory limit is full.
    """
    axes = Axes.of(store, parameters.panel.age_bands)
    if folder.exists():
        shutil.rmtree(folder)
    with clear_errors("Making the panels"):
        folder.mkdir(parents=True, mode=0o700)
        for part in ("person_months", *group_index.ids):
            (folder / part).mkdir(mode=0o700)
        _build(store, group_index, parameters, axes, folder, counted)


def _build(
    store: Store, group_index: Memberships, parameters: Parameters, axes: Axes, folder: Path, counted: str
) -> None:
    connection = store.connection()
    try:
        coverage = coverage_cells(store, axes, connection)
        resident = None
        if counted == population_time.CLIENTS:
            resident = population_time.resident_days(store, axes, frozenset(parameters.region.municipalities))
            coverage["covered"] &= population_time.counts(resident, axes)[coverage["municipality"].to_numpy()]
        frames = _small_frames(axes, coverage, group_index, connection)
        work = _Work(store, group_index, parameters, axes, folder, connection, coverage, frames, counted)
        for bucket in range(BUCKETS):
            _reduce_bucket(work, bucket)
        resident = _person_days(work, RESIDENTS) if resident is None else resident
        tables = _add_buckets(work, resident)
        volumes = _volumes(work, resident)
    finally:
        connection.close()
    shutil.rmtree(folder / "parts")
    used = volumes.loc[(volumes["contacts"] > 0) & (volumes["service"] != ALL_CODE), "service"].unique()
    _describe(work, tables, [axes.services[code] for code in sorted(used)])


def _small_frames(
    axes: Axes, coverage: pd.DataFrame, groups: Memberships, connection: duckdb.DuckDBPyConnection
) -> dict[str, nw.LazyFrame]:
    since = [groups.available_from[group] for group in groups.ids]
    tables = {
        "calendar": reductions.calendar(axes.first_month, axes.last_month),
        "age_bands": axes.age_bands(),
        "month_ends": axes.month_ends(),
        "waiting_days": queue_flows.waiting_days(axes.first_month, axes.last_month),
        "since": pd.DataFrame({"group": np.arange(len(since)), "since": since}, dtype=np.int32),
        "coverage": coverage,
    }
    for name, table in tables.items():
        connection.register(f"panel_{name}", table)
    return {name: nw.from_native(connection.table(f"panel_{name}")) for name in tables}


def _reduce_bucket(work: _Work, bucket: int) -> None:
    """One bucket's person-months, who they are of, and its parts of every group's cells."""
    file = f"bucket={bucket:02d}.parquet"

    def kept(place: str, frame: nw.LazyFrame, *order: str) -> nw.LazyFrame:
        path = work.folder / place / file
        _write(frame, path, order)
        return work.read(path)

    store, axes, frames = work.store, work.axes, work.frames
    contacts = store.frame("contacts", bucket, work.connection).filter(nw.col("month") <= axes.last_month)
    months = reductions.person_months(contacts, work.parameters.panel.remote_modes)
    months = kept("person_months", months, "person", "month", "service", "provider", "remote")
    services = kept("parts/services", reductions.by_service(months))
    persons = store.frame("persons", bucket, work.connection)
    unknown = axes.municipalities.index(UNKNOWN_MUNICIPALITY)
    who = kept("parts/people", reductions.people(persons, unknown))
    resident = kept("parts/residency", reductions.residency(persons, frames["calendar"], axes.span))
    runs = kept("parts/runs", reductions.resident_runs(work.read(work.groups.file(bucket)), resident))
    home = reductions.residence_runs(resident, RESIDENTS)
    every = nw.concat([runs, home], how="vertical")
    together = reductions.across_services(months, ALL_CODE)
    years = reductions.person_years(services, home, who, frames["coverage"])
    kept("parts/counts", reductions.counts(services, runs, who, axes.bounds), "group")
    kept("parts/totals", reductions.counts(together, runs, who, axes.bounds), "group")
    kept("parts/production", production.production(months, runs, who), "group")
    kept("parts/suppliers", production.suppliers(contacts, runs, who), "group")
    kept("parts/steps", reductions.member_steps(every, who, frames["age_bands"]), "group")
    kept("parts/lost", reductions.lost_days(every, who, resident, axes.bounds), "group")
    kept("parts/volumes", reductions.volumes(years, ALL_CODE))
    if "referrals" in store.tables:
        referrals = store.frame("referrals", bucket, work.connection)
        kept("parts/queue", reductions.queue(referrals, runs, who, resident, frames["month_ends"]), "group")
        kept("parts/queue_flows", _queue_flows(work, referrals, runs, who, resident), "group")


def _queue_flows(
    work: _Work, referrals: nw.LazyFrame, runs: nw.LazyFrame, who: nw.LazyFrame, resident: nw.LazyFrame
) -> nw.LazyFrame:
    days, ends, since = (work.frames[name] for name in ("waiting_days", "month_ends", "since"))
    months = (work.axes.first_month, work.axes.last_month)
    return queue_flows.table(referrals, runs, who, resident, days, ends, since, work.axes.span, months)


def _add_buckets(work: _Work, resident: np.ndarray) -> list[str]:
    """Write every group's files; returns their names."""
    covered = work.frames["coverage"].filter(nw.col("covered"))
    every = ("counts", "totals", "production", "suppliers", "queue", "queue_flows")
    names = [name for name in every if (work.folder / "parts" / name).exists()]
    for code, group in enumerate(work.groups.ids):
        since = work.groups.available_from[group]
        for name in names:
            cells = work.part(name, code).filter(nw.col("month") >= since)
            if name in ("counts", "production", "suppliers"):
                cells = cells.join(covered, on=["service", "municipality", "month"], how="semi")
            _write(cells, work.folder / group / f"{name}.parquet", _keys(cells))
        everyone = group == ALL and work.counted == population_time.CLIENTS
        member = resident if everyone else _person_days(work, code)
        time = _person_time(member, resident, work.axes, since)
        time.to_parquet(work.folder / group / "person_time.parquet", index=False)
    work.coverage.to_parquet(work.folder / "coverage.parquet", index=False)
    return [*names, "person_time"]


def _person_days(work: _Work, group: int) -> np.ndarray:
    """(municipality, age band, sex, month) days of members: members × days of the month − days lost."""
    axes = work.axes
    shape = (len(axes.municipalities), len(axes.bounds), len(axes.sexes), len(axes.months) + 1)
    cubes = {}
    for name, value in (("steps", "step"), ("lost", "lost")):
        rows = work.part(name, group).collect("pandas").to_native()
        cubes[name] = np.zeros(shape, dtype=np.int64)
        place = [rows[key].to_numpy(np.int64) for key in _STRATUM]
        month = rows["month"].to_numpy(np.int64) - axes.first_month
        np.add.at(cubes[name], (*place, month), rows[value].to_numpy(np.int64))
    members = cubes["steps"].cumsum(axis=-1)[..., :-1]
    return np.asarray(members * np.diff(axes.month_starts) - cubes["lost"][..., :-1])


def _person_time(member: np.ndarray, resident: np.ndarray, axes: Axes, since: int) -> pd.DataFrame:
    """Person-years by stratum and month from `since`, dense over the strata that have residents or members."""
    lived_in = (resident + member).any(axis=-1)
    months = axes.months[axes.months >= since]
    known = slice(len(axes.months) - len(months), None)
    stratum = np.repeat(np.argwhere(lived_in).astype(np.int32), len(months), axis=0)
    table = pd.DataFrame(stratum, columns=list(_STRATUM))
    table["month"] = np.tile(months.astype(np.int32), int(lived_in.sum()))
    table["member_py"] = member[lived_in][:, known].ravel() / DAYS_PER_YEAR
    table["resident_py"] = resident[lived_in][:, known].ravel() / DAYS_PER_YEAR
    return table


def _volumes(work: _Work, resident: np.ndarray) -> pd.DataFrame:
    """Write residents' contacts, persons, cents and covered share by service and year, gaps explicit; and the fates
    of all contacts."""
    rows = work.read(work.folder / "parts" / "volumes" / "*.parquet")
    recorded = reductions.added(rows, "service", "year").collect("pandas").to_native()
    used = sorted(set(recorded.loc[recorded["contacts"] > 0, "service"]) - {ALL_CODE})
    covered = work.coverage["covered"].to_numpy().reshape(work.axes.shape)
    days = resident.sum(axis=(1, 2))
    years, place = np.unique(work.axes.months // 12, return_inverse=True)
    in_year = np.eye(len(years))[place]
    held = (covered[used] * days).sum(axis=1) @ in_year
    share = held / np.maximum(days.sum(axis=0) @ in_year, 1)
    services = [*used, ALL_CODE] if used else []
    shares = np.vstack([share, share.mean(axis=0)]) if used else np.zeros((0, len(years)))
    grid = pd.DataFrame({"service": np.repeat(services, len(years)), "year": np.tile(years, len(services))})
    table = grid.assign(covered_share=shares.ravel()).merge(recorded, on=["service", "year"], how="left")
    sums = ["contacts", "persons", "cents", "uncovered"]
    table[sums] = table[sums].fillna(0.0)
    table.loc[table["covered_share"] == 0, sums[:3]] = np.nan
    table.to_parquet(work.folder / "volumes.parquet", index=False)
    contacts = work.store.frame("contacts", connection=work.connection)
    every = fates.table(contacts, recorded[recorded["service"] != ALL_CODE], work.axes)
    every.to_parquet(work.folder / fates.FILE, index=False)
    return table


def _describe(work: _Work, tables: Sequence[str], used: Sequence[str]) -> None:
    about = {
        **asdict(work.axes),
        "as_of": work.store.as_of.isoformat(),
        "counted": work.counted,
        "groups": {group: work.groups.available_from[group] for group in work.groups.ids},
        "tables": list(tables),
        "services_used": list(used),
        "cost_known": "cost_eur" in work.store.columns("contacts"),
        "breaks": [_document(known) for known in work.parameters.breaks.values()],
    }
    partial = work.folder / f"{ABOUT_FILE}.partial"
    partial.write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(partial, work.folder / ABOUT_FILE)


def _document(known: Break) -> dict[str, Any]:
    """A break as it stands in its document, so that it can be read again."""
    return {**known.model_dump(mode="json"), "month": month_text(known.month)}


def _keys(cells: nw.LazyFrame) -> tuple[str, ...]:
    return tuple(name for name in cells.collect_schema().names() if name not in _SUMS)


def _write(frame: nw.LazyFrame, path: Path, order: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    (frame.sort(*order) if order else frame).sink_parquet(path)
