"""Target groups of a quarter as OMOP cohorts: `cohort` and `cohort_definition` of CDM 5.4, for the county's own use.

Rows are persons with the source's own identifiers, so that the files stay in the secure environment.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ennakointi import groups, store
from ennakointi.database import Limits, text
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.groups import GroupIndex
from ennakointi.parameters import Parameters, TargetGroup
from ennakointi.sources import Source
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS
from ennakointi.workspace import Workspace

COHORT = "cohort.parquet"
DEFINITIONS = "cohort_definition.parquet"
_IDENTIFIERS = "identifiers.parquet"
_NO_CONCEPT = 0  # OMOP's "no matching concept": the rules are this program's, the subjects are persons
_DEFINITION_SCHEMA = pa.schema(
    [
        pa.field("cohort_definition_id", pa.int32(), nullable=False),
        pa.field("cohort_definition_name", pa.string(), nullable=False),
        pa.field("cohort_definition_description", pa.string()),
        pa.field("definition_type_concept_id", pa.int32(), nullable=False),
        pa.field("cohort_definition_syntax", pa.string()),
        pa.field("subject_concept_id", pa.int32(), nullable=False),
        pa.field("cohort_initiation_date", pa.date32()),
    ]
)


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the cohorts and their rows."""

    folder: Path
    cohorts: int
    rows: int


def export(
    workspace: Workspace,
    source: Source,
    parameters: Parameters,
    folder: Path | None = None,
    limits: Limits | None = None,
) -> Exported:
    """Write the memberships of a quarter's target groups as cohorts; both files are replaced, or none.

    A run of months of membership is a row: from the first day of its first month to the last day of its last, which
    for present members is the end of the last month that the data reach. Groups that could not be formed are absent,
    and so are those whose members are never listed (`aggregate_only`).

    Parameters
    ----------
    workspace : Workspace
        Of a quarter that has been run.
    source : Source
        The data that it was run on; their persons are read again, because the store keeps no identifiers.
    folder : Path, optional
        By default `work/<quarter>/omop`.

    Raises
    ------
    ParameterError
        The folder is a place of published results, which hold no persons.
    DataError
        The data are not those of the quarter, or their person identifiers are not whole numbers.
    RunError
        The quarter has not been run.
    """
    target = (folder or workspace.folder / "omop").resolve()
    if any(place.name == "outputs" or (place / "index.html").is_file() for place in (target, *target.parents)):
        raise ParameterError(f"--output {folder}: published results hold no persons; choose a folder outside them")
    opened = store.open(workspace.store, limits)
    if not (workspace.memberships / groups.INDEX).is_file():
        raise RunError("The quarter has no target groups: run `ennakointi run` on data with persons first")
    with workspace.locked(), _building(workspace.folder / ".omop-building") as building:
        index = groups.open(workspace.memberships)
        store.write_identifiers(source, opened, parameters, building / _IDENTIFIERS)
        listed = [group for group in index.ids if not parameters.target_groups[group].aggregate_only]
        rows = _write_cohorts(opened, index, listed, building)
        pq.write_table(_definitions(listed, parameters.target_groups, opened), building / DEFINITIONS)
        _put(building, target)
    return Exported(target, len(listed), rows)


def cohort_id(group: str) -> int:
    """The identifier of a group's cohort, the same in every quarter and county (31 bits of the name's CRC-32)."""
    return zlib.crc32(group.encode()) >> 1


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A folder for this user only that exists only meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_cohorts(opened: Store, index: GroupIndex, listed: Sequence[str], folder: Path) -> int:
    """Write `cohort.parquet`; the number of its rows."""
    connection = opened.connection()
    try:
        persons = f"read_parquet({text(folder / _IDENTIFIERS)})"
        other = f"SELECT count(*) FROM {persons} WHERE CAST(TRY_CAST(person_id AS BIGINT) AS VARCHAR) <> person_id"
        missing = f"SELECT count(*) FROM {persons} WHERE TRY_CAST(person_id AS BIGINT) IS NULL"
        if n := sum(connection.execute(query).fetchall()[0][0] for query in (other, missing)):
            raise DataError(
                f"{n:,} of {opened.n_persons:,} person identifiers are not whole numbers of 64 bits, which OMOP's "
                "subject_id must be: export from data with numeric identifiers"
            )
        runs = ", ".join(text(index.file(bucket)) for bucket in range(BUCKETS))
        ids = ", ".join(f"({index.ids.index(group)}, {cohort_id(group)})" for group in listed)
        query = (
            f"SELECT CAST(id AS INTEGER) AS cohort_definition_id, CAST(person_id AS BIGINT) AS subject_id, "
            f"make_date(from_month // 12, from_month % 12 + 1, 1) AS cohort_start_date, "
            f"last_day(make_date(to_month // 12, to_month % 12 + 1, 1)) AS cohort_end_date "
            f"FROM read_parquet([{runs}], hive_partitioning = false) JOIN {persons} USING (person) "
            f'JOIN (VALUES {ids}) AS cohorts(place, id) ON "group" = place ORDER BY ALL'
        )
        return int(connection.execute(f"COPY ({query}) TO {text(folder / COHORT)} (FORMAT parquet)").fetchall()[0][0])
    finally:
        connection.close()


def _definitions(listed: Sequence[str], known: Mapping[str, TargetGroup], opened: Store) -> pa.Table:
    """A row for each cohort; its name is the group's code and its syntax the group's rule."""
    rows = [
        (
            cohort_id(group),
            group,
            known[group].label["en"],
            _NO_CONCEPT,
            known[group].who.model_dump_json(exclude_defaults=True),
            _NO_CONCEPT,
            opened.as_of,
        )
        for group in listed
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, schema=_DEFINITION_SCHEMA)


def _put(building: Path, target: Path) -> None:
    """Copy both files beside their places, then put them there."""
    partial = {name: target / f".{name}.partial" for name in (COHORT, DEFINITIONS)}
    try:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, path in partial.items():
            path.touch(mode=0o600)
            shutil.copyfile(building / name, path)
        for name, path in partial.items():
            os.replace(path, target / name)
    except OSError as error:
        raise RunError(f"The cohorts cannot be written ({error.strerror}): check the folder of --output") from error
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
