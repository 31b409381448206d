"""The compact store: validated tables as Parquet, cut at the as-of date, opened as narwhals frames on DuckDB.

Tables about persons lie in `<table>/bucket=NN.parquet` (NN = person % 16, sorted by person and day), others
in `<table>.parquet`; `manifest.json` and `codes.json` describe them. No delivered person identifier is kept.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import duckdb
import narwhals.stable.v2 as nw

from ennakointi.database import Limits, clear_errors, connect, name, text
from ennakointi.errors import DataError, RunError
from ennakointi.parameters import Parameters
from ennakointi.schema import TABLES, Table
from ennakointi.sources import Source
from ennakointi.store import manifest
from ennakointi.store.layout import BUCKETS, Field, derived, event_day, fields, is_key
from ennakointi.store.packing import pack
from ennakointi.store.screening import Screened, screen, screen_persons, spans, write_quarantine
from ennakointi.store.validation import Knowledge


class Vocabularies(Protocol):
    """What the store needs of the parameters: the services by code."""

    @property
    def services(self) -> Mapping[str, object]: ...


@dataclass(frozen=True)
class Store:
    """An opened store.

    Attributes
    ----------
    folder : Path
    manifest : dict
        Source, as-of date, and for each table the rows read, accepted, quarantined, set aside and stored;
        faults, extra columns, missing optional tables and columns; input files with size and SHA-256;
        DuckDB's version.
    limits : Limits
        Memory, disk and threads of this store's connections.
    """

    folder: Path
    manifest: dict[str, Any] = field(repr=False)
    limits: Limits = field(default_factory=Limits)

    @property
    def as_of(self) -> date:
        return date.fromisoformat(self.manifest["as_of"])

    @property
    def synthetic(self) -> bool:
        return bool(self.manifest["synthetic"])

    @property
    def source_name(self) -> str:
        return str(self.manifest["source_name"])

    @property
    def tables(self) -> frozenset[str]:
        """Tables that hold rows."""
        return frozenset(table for table, about in self.manifest["tables"].items() if about["stored"])

    @property
    def n_persons(self) -> int:
        return int(self.manifest["tables"].get("persons", {"stored": 0})["stored"])

    @property
    def first_month(self) -> int:
        """Month index of the first contact, or of the first period of an aggregate source."""
        return int(self.manifest["first_month"])

    @property
    def last_month(self) -> int:
        """Month index of the last contact, never after the as-of date."""
        return int(self.manifest["last_month"])

    def columns(self, table: str) -> frozenset[str]:
        """Contract columns of `table` that hold a value, and the store's names for them."""
        contract = [TABLES[table][column] for column in self._stored(table)]
        stored = {made.name for column in contract for made in fields(TABLES[table], column)}
        return frozenset(stored | {column.name for column in contract})

    def codes(self, table: str, column: str) -> list[str]:
        """The code list of a column: stored code `i` means `codes[i]`; empty if the column is not stored."""
        return list(self._code_lists.get(table, {}).get(column, TABLES[table][column].codes))

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A new DuckDB connection that reaches only the quarter's work folder and spills into it.

        Each spills into a folder of its own, which DuckDB makes and removes: processes work side by side.
        """
        work = self.folder.parent
        (work / "tmp").mkdir(mode=0o700, exist_ok=True)
        return connect(work / "tmp" / uuid4().hex, [work], self.limits)

    def frame(
        self, table: str, bucket: int | None = None, connection: duckdb.DuckDBPyConnection | None = None
    ) -> nw.LazyFrame[Any]:
        """A table, or one bucket of it, with every column of the contract; what was not delivered is null.

        Parameters
        ----------
        table : str
        bucket : int, optional
            0..15, only for tables about persons; all buckets by default.
        connection : duckdb.DuckDBPyConnection, optional
            Frames are joined only on the same connection; by default the store's own.

        Returns
        -------
        narwhals LazyFrame
            `person`, `<x>_day`, `<x>_minute`, `month`, small integer codes, measures. `day` is the day of the
            table's event; the table's own identifier is the row's place × 16 + bucket.
        """
        relation = (connection or self._shared).sql(self._query(TABLES[table], bucket))
        return nw.from_native(relation)

    @cached_property
    def _shared(self) -> duckdb.DuckDBPyConnection:
        return self.connection()

    @cached_property
    def _code_lists(self) -> dict[str, dict[str, list[str]]]:
        content: dict[str, dict[str, list[str]]] = json.loads(
            (self.folder / manifest.CODES).read_text(encoding="utf-8")
        )
        return content

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if not key.startswith("_")}

    def _stored(self, table: str) -> tuple[str, ...]:
        return tuple(self.manifest["tables"].get(table, {"columns": ()})["columns"])

    def _query(self, table: Table, bucket: int | None) -> str:
        """SQL of a table with the contract's columns in order, absent ones as typed nulls."""
        made = []
        stored = set(self._stored(table.name))
        place = f"file_row_number * {BUCKETS} + {'file_index' if bucket is None else bucket}"
        for column in table.columns:
            if is_key(table, column):
                made.append(f"CAST({place if stored else 'NULL'} AS INTEGER) AS {name(column.name)}")
                continue
            n_codes = len(self.codes(table.name, column.name))
            made += [_selected(f, column.name in stored) for f in fields(table, column, n_codes)]
        made += [_selected(f, bool(stored)) for f in derived(table)]
        if day := event_day(table):
            made.append(f"{name(day) if stored else 'CAST(NULL AS INTEGER)'} AS day")
        selected = f"SELECT {', '.join(made)}"
        return f"{selected} FROM {self._files(table, bucket)}" if stored else f"{selected} WHERE FALSE"

    def _files(self, table: Table, bucket: int | None) -> str:
        if not table.by_person:
            return f"read_parquet({text(self.folder / f'{table.name}.parquet')})"
        buckets = range(BUCKETS) if bucket is None else [bucket]
        paths = (text(self.folder / table.name / f"bucket={b:02}.parquet") for b in buckets)
        return f"read_parquet([{', '.join(paths)}], hive_partitioning = false)"


def _selected(made: Field, is_stored: bool) -> str:
    return name(made.name) if is_stored else f"CAST(NULL AS {made.type}) AS {name(made.name)}"


def limits(parameters: Parameters) -> Limits:
    """Memory, disk and lost rows that the parameters allow a run."""
    run = parameters.run
    return Limits(
        memory=f"{run.memory_limit_gb}GB",
        disk=f"{run.temporary_files_limit_gb}GB",
        quarantined_share=run.quarantine_limit_share,
    )


def build(
    source: Source,
    folder: Path,
    parameters: Vocabularies,
    as_of: date,
    limits: Limits | None = None,
    *,
    quarantine: Path | None = None,
    cut: bool = True,
) -> Store:
    """Validate a source and write its store; a former store is replaced only when the new one is whole.

    Parameters
    ----------
    source : Source
    folder : Path
        The store's own folder, for example `work/2025Q3/store`.
    parameters : Parameters
        Only `services` is used.
    as_of : date
        Later events are set aside and counted; later ends of accepted rows are stored as open.
    limits : Limits, optional
    quarantine : Path, optional
        Where bad rows' places are written, also when the data are refused; by default beside the store.
    cut : bool
        Whether the data may run past the as-of date. If not, a later event is a fault. In either case an
        event after the source's `extracted_on` is one.

    Raises
    ------
    DataError
        A table lacks columns or lost too many rows; every fault is listed.
    RunError
        The disk or the memory limit is full; nothing is left behind.
    """
    folder, limits = folder.resolve(), limits or Limits()
    knowledge = _knowledge(source, parameters, as_of, cut)
    building = folder.parent / f".{folder.name}-building"
    with _at_work(building, source, limits) as connection:
        screened = screen(connection, source, knowledge, building)
        write_quarantine(connection, source, quarantine or folder.parent / "quarantine")
        screened.refuse_above(limits.quarantined_share)
        built = building / "store"
        built.mkdir(mode=0o700)
        packed = pack(connection, screened, knowledge, built, building)
        manifest.write(connection, source, as_of, screened, packed, built)
        _replace(built, folder)
    return open(folder, limits)


def check(
    source: Source,
    folder: Path,
    parameters: Vocabularies,
    as_of: date,
    limits: Limits | None = None,
    *,
    cut: bool = True,
) -> Screened:
    """Validate a source without storing it; `folder` takes what spills from memory and is emptied again.

    Raises
    ------
    DataError
        A table lacks columns or cannot be read. Rows that break a rule are counted in the outcome.
    RunError
        The disk or the memory limit is full.
    """
    building = folder.resolve() / ".checking"
    with _at_work(building, source, limits or Limits()) as connection:
        screened = screen(connection, source, _knowledge(source, parameters, as_of, cut), building)
        return replace(screened, spans=spans(connection, screened))


def write_identifiers(source: Source, opened: Store, parameters: Vocabularies, file: Path) -> None:
    """Write `person`, the store's number, and `person_id`, the delivered identifier, of every person of a store.

    Parameters
    ----------
    source : Source
        The one that the store was built from: the store itself keeps no identifiers.
    file : Path
        Parquet in the quarter's work folder.

    Raises
    ------
    DataError
        The source is not the one that the store was built from.
    """
    building = opened.folder.parent / f".{opened.folder.name}-identifiers"
    with _at_work(building, source, opened.limits) as connection:
        staged = screen_persons(connection, source, _knowledge(source, parameters, opened.as_of, True), building)
        persons = "SELECT * FROM accepted_persons JOIN person_index ON person_id = known_id WHERE person IS NOT NULL"
        differ = (
            f"SELECT count(*) FROM ({persons}) FULL JOIN {opened._files(TABLES['persons'], None)} USING (person) "
            f"WHERE birth_day IS DISTINCT FROM birth_date - DATE '1970-01-01'"
        )
        changed = [one for one in staged.fingerprints if one not in opened.manifest["files"]]
        if changed or connection.execute(differ).fetchall()[0][0]:
            raise DataError("The data are not those that the quarter was run on: run `ennakointi run` on them first")
        connection.execute(f"COPY (SELECT person, person_id FROM ({persons})) TO {text(file)} (FORMAT parquet)")


def _knowledge(source: Source, parameters: Vocabularies, as_of: date, cut: bool) -> Knowledge:
    horizon = source.extracted_on or (None if cut else as_of)
    return Knowledge({"services": tuple(parameters.services)}, as_of, horizon)


@contextmanager
def _at_work(building: Path, source: Source, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that works in `building`, which exists only meanwhile and is closed to other users."""
    shutil.rmtree(building, ignore_errors=True)
    try:
        with clear_errors("Reading and storing the data"):
            building.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            building.mkdir(mode=0o700)
            connection = connect(building / "tmp", [*source.places, building.parent], limits)
            try:
                yield connection
            finally:
                connection.close()
    finally:
        shutil.rmtree(building, ignore_errors=True)


def open(folder: Path, limits: Limits | None = None) -> Store:  # noqa: A001 - callers read `store.open`
    """Open a store that `build` has written.

    Raises
    ------
    RunError
        There is no store in the folder.
    """
    try:
        about = json.loads((folder / manifest.MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError("The quarter has no stored data yet: run `ennakointi run` with --data first") from error
    return Store(folder.resolve(), about, limits or Limits())


def _replace(built: Path, folder: Path) -> None:
    """Put the new store where the former one was."""
    former = built.parent / "former"
    if folder.exists():
        folder.rename(former)
    built.rename(folder)
