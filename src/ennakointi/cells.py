"""Turns the store into panel files, bucket by bucket: person-months, then cells of every target group.

Files of the panel folder: `person_months/bucket=NN.parquet`; `<target group>/{counts,totals,person_time,queue}.parquet`;
`residents.parquet`, `coverage.parquet`, `volumes.parquet`; `panel.json`, written last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi import population, reductions
from ennakointi.groups import GroupIndex
from ennakointi.periods import day_date, day_number, first_day, month_of
from ennakointi.store import Store

ALL_SERVICES = "all"
UNKNOWN_MUNICIPALITY = "999"
RESIDENTS = -1  # the run of membership that is residence itself
ALL_CODE = -1  # all services together
ADDITIVE = ("contacts", "persons", "cost_eur", "waiting", "uncovered")


@dataclass(frozen=True)
class Axes:
    """The values of a panel's keys; a code in the files is a place in these lists. Months are month indices."""

    services: tuple[str, ...]
    municipalities: tuple[str, ...]
    sexes: tuple[str, ...]
    bounds: tuple[int, ...]
    first_month: int
    last_month: int

    @classmethod
    def of(cls, store: Store) -> Axes:
        """The axes of a store: months from the first contact to the last whole month by the as-of date."""
        whole = month_of(day_date(day_number(store.as_of) + 1)) - 1
        areas = store.codes("persons", "municipality")
        return cls(
            services=tuple(store.codes("contacts", "service")),
            municipalities=tuple(areas if UNKNOWN_MUNICIPALITY in areas else [*areas, UNKNOWN_MUNICIPALITY]),
            sexes=tuple(store.codes("persons", "sex")),
            bounds=population.AGE_BANDS,
            first_month=store.first_month,
            last_month=min(store.last_month, whole),
        )

    @property
    def months(self) -> np.ndarray:
        return np.arange(self.first_month, self.last_month + 1)

    @property
    def span(self) -> tuple[int, int]:
        """First and last day number."""
        return day_number(first_day(self.first_month)), day_number(first_day(self.last_month + 1)) - 1

    def month_ends(self) -> pd.DataFrame:
        """month, last_day."""
        days = [day_number(first_day(int(m) + 1)) - 1 for m in self.months]
        return pd.DataFrame(
            {"month": self.months.astype(np.int32), "last_day": np.array(days, dtype=np.int32)}
        )

    def age_bands(self) -> pd.DataFrame:
        """age_band, from_age, to_age in months of age; the first band reaches below 0, the last has no end."""
        lows = [-12, *(12 * bound for bound in self.bounds[1:])]
        highs = [*(12 * bound - 1 for bound in self.bounds[1:]), 12 * 200]
        return pd.DataFrame({"age_band": range(len(lows)), "from_age": lows, "to_age": highs}, dtype=np.int32)


def build(store: Store, group_index: GroupIndex, folder: Path) -> None:
    """Write the panel files of every group of the index; an unfinished folder has no `panel.json`.

    Memory is bounded by one bucket's persons and by one group's cells.
    """
    axes = Axes.of(store)
    if folder.exists():
        shutil.rmtree(folder)
    (folder / "person_months").mkdir(parents=True, mode=0o700)
    connection = store.connection()
    try:
        coverage = coverage_cells(store, axes, connection)
        frames = _fixed_frames(axes, coverage, connection)
        for bucket in range(BUCKETS):
            _reduce_bucket(store, group_index, bucket, axes, frames, folder, connection)
        _merge(group_index, axes, coverage, folder, connection)
    finally:
        connection.close()
    shutil.rmtree(folder / "parts")
    _describe(store, group_index, axes, folder)


def coverage_cells(store: Store, axes: Axes, connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Whether the register holds a cell, dense: service, municipality, month (places in the axes), covered.

    A cell is covered when every row about it says `complete`. Where a service of a municipality has rows, months
    without a row are not covered; where it has none, nothing is known against it and it counts as covered.
    """
    shape = (len(axes.services), len(axes.municipalities), len(axes.months))
    covered = np.ones(shape, dtype=bool)
    if "coverage" in store.tables:
        rows = store.frame("coverage", connection=connection).collect("pandas").to_native()
        service = _places(store.codes("coverage", "service"), axes.services)[rows["service"]]
        area = _places(store.codes("coverage", "municipality"), axes.municipalities)[rows["municipality"]]
        month = rows["month"].to_numpy() - axes.first_month
        complete = rows["status"].to_numpy() == store.codes("coverage", "status").index("complete")
        known = (service >= 0) & (area >= 0)
        covered[service[known], area[known]] = False
        inside = known & (month >= 0) & (month < shape[2])
        said = np.zeros(shape, dtype=np.int16)
        np.add.at(said, (service[inside], area[inside], month[inside]), 1)
        held = np.zeros(shape, dtype=np.int16)
        np.add.at(held, (service[inside], area[inside], month[inside]), complete[inside])
        covered |= (said > 0) & (held == said)
    index = np.indices(shape, dtype=np.int32).reshape(3, -1)
    month_column = (index[2] + axes.first_month).astype(np.int32)
    columns = {"service": index[0].astype(np.int16), "municipality": index[1], "month": month_column}
    return pd.DataFrame({**columns, "covered": covered.ravel()})


def _fixed_frames(
    axes: Axes, coverage: pd.DataFrame, connection: duckdb.DuckDBPyConnection
) -> dict[str, nw.LazyFrame]:
    tables = {
        "calendar": reductions.calendar(axes.first_month, axes.last_month),
        "age_bands": axes.age_bands(),
        "month_ends": axes.month_ends(),
        "coverage": coverage,
    }
    for name, table in tables.items():
        connection.register(f"panel_{name}", table)
    return {name: nw.from_native(connection.table(f"panel_{name}")) for name in tables}


def _reduce_bucket(
    store: Store,
    group_index: GroupIndex,
    bucket: int,
    axes: Axes,
    frames: dict[str, nw.LazyFrame],
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """One bucket's person-months and its parts of every group's cells."""
    file = f"bucket={bucket:02d}.parquet"
    contacts = store.frame("contacts", bucket, connection).filter(nw.col("month") <= axes.last_month)
    codes = reductions.ContactCodes.of(store.codes("contacts", "mode"), store.codes("contacts", "attendance"))
    _write(
        reductions.person_months(contacts, codes),
        folder / "person_months" / file,
        "person",
        "month",
        "service",
    )
    months = _read(connection, folder / "person_months" / file)
    persons = store.frame("persons", bucket, connection)
    who = reductions.people(persons, axes.municipalities.index(UNKNOWN_MUNICIPALITY))
    resident = reductions.residency(persons, frames["calendar"], axes.span)
    residents = resident.select("person", "from_month", "to_month", group=nw.lit(RESIDENTS).cast(nw.Int16))
    members = _read(connection, group_index.file(bucket))
    runs = reductions.resident_runs(members, resident)
    every = nw.concat([runs, residents.select("group", "person", "from_month", "to_month")], how="vertical")
    services = reductions.by_service(months)
    years = reductions.person_years(services, residents, who, frames["coverage"])
    parts = {
        "counts": reductions.counts(services, runs, who, axes.bounds),
        "totals": reductions.counts(reductions.across_services(months, ALL_CODE), runs, who, axes.bounds),
        "steps": reductions.member_steps(every, who, frames["age_bands"]),
        "lost": reductions.lost_days(every, who, resident, axes.bounds),
        "volumes": reductions.volumes(years, ALL_CODE),
    }
    if "referrals" in store.tables:
        referrals = store.frame("referrals", bucket, connection)
        parts["queue"] = reductions.queue(referrals, runs, who, frames["month_ends"])
    for name, part in parts.items():
        _write(part, folder / "parts" / name / file, *(["group"] if name != "volumes" else []))


def _merge(
    group_index: GroupIndex,
    axes: Axes,
    coverage: pd.DataFrame,
    folder: Path,
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Add the buckets up, group by group."""
    covered = nw.from_native(connection.table("panel_coverage")).filter(nw.col("covered"))
    resident = _person_days(folder, RESIDENTS, axes, connection)
    for code, group in enumerate(group_index.ids):
        target = folder / group
        since = group_index.available_from[group]
        for name in ("counts", "totals", "queue"):
            if (folder / "parts" / name).exists():
                cells = _part(folder, name, code, connection).filter(nw.col("month") >= since)
                if name == "counts":
                    cells = cells.join(covered, on=["service", "municipality", "month"], how="semi")
                _write(_added(cells), target / f"{name}.parquet", *_keys(cells))
        member = _person_days(folder, code, axes, connection)
        _person_time(member, resident, axes, since).to_parquet(target / "person_time.parquet", index=False)
    coverage.to_parquet(folder / "coverage.parquet", index=False)
    volumes = _added(_part(folder, "volumes", None, connection)).collect("pandas").to_native()
    share = _yearly_covered_share(coverage, resident.sum(axis=(1, 2)), axes, volumes)
    volumes.merge(share, on=["service", "year"]).to_parquet(folder / "volumes.parquet", index=False)


def _person_days(folder: Path, group: int, axes: Axes, connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """(municipality, age band, sex, month) days of members: members × days of the month − days lost."""
    shape = (len(axes.municipalities), len(axes.bounds), len(axes.sexes), len(axes.months) + 1)
    days = np.diff([*axes.span[:1], *(axes.month_ends()["last_day"] + 1)])
    cubes = []
    for name, value in (("steps", "step"), ("lost", "lost")):
        rows = _part(folder, name, group, connection).collect("pandas").to_native()
        cube = np.zeros(shape, dtype=np.int64)
        place = tuple(rows[key].to_numpy() for key in ("municipality", "age_band", "sex"))
        np.add.at(cube, (*place, rows["month"].to_numpy() - axes.first_month), rows[value].to_numpy())
        cubes.append(cube[..., :-1] if name == "lost" else cube.cumsum(axis=-1)[..., :-1])
    return cubes[0] * days - cubes[1]


def _person_time(member: np.ndarray, resident: np.ndarray, axes: Axes, since: int) -> pd.DataFrame:
    """Person-years by stratum and month, dense over the strata that have residents."""
    lived_in = resident.any(axis=-1)
    months = axes.months[axes.months >= since]
    stratum = np.argwhere(lived_in)
    place = np.repeat(stratum, len(months), axis=0)
    known = slice(len(axes.months) - len(months), None)
    return pd.DataFrame(
        {
            **{
                key: place[:, i].astype(np.int32) for i, key in enumerate(("municipality", "age_band", "sex"))
            },
            "month": np.tile(months, len(stratum)).astype(np.int32),
            "member_py": member[lived_in][:, known].ravel() / population.DAYS_PER_YEAR,
            "resident_py": resident[lived_in][:, known].ravel() / population.DAYS_PER_YEAR,
        }
    )


def _yearly_covered_share(
    coverage: pd.DataFrame, resident_days: np.ndarray, axes: Axes, volumes: pd.DataFrame
) -> pd.DataFrame:
    """service, year, covered_share: resident days in covered cells; of all services, the mean of those in use."""
    covered = coverage["covered"].to_numpy().reshape(len(axes.services), *resident_days.shape)
    year = axes.months // 12
    years = np.unique(year)
    in_year = (year[:, None] == years).astype(float)
    held, all_days = (covered * resident_days).sum(axis=1) @ in_year, resident_days.sum(axis=0) @ in_year
    share = np.divide(held, all_days, out=np.full(held.shape, np.nan), where=all_days > 0)
    used = sorted(set(volumes.loc[volumes["contacts"] > 0, "service"]) - {ALL_CODE})
    rows = {ALL_CODE: share[used].mean(axis=0) if used else np.full(len(years), np.nan)}
    rows.update({service: share[service] for service in range(len(axes.services))})
    table = pd.DataFrame(rows, index=years).rename_axis("year").reset_index()
    return table.melt("year", var_name="service", value_name="covered_share")


def _describe(store: Store, group_index: GroupIndex, axes: Axes, folder: Path) -> None:
    about = {
        **asdict(axes),
        "as_of": store.as_of.isoformat(),
        "groups": {group: group_index.available_from[group] for group in group_index.ids},
        "cost_known": "cost_eur" in store.columns("contacts"),
        "queue_known": "referrals" in store.tables,
        "coverage_known": "coverage" in store.tables,
    }
    write_json(folder / "panel.json", about)
