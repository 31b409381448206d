"""What is known of a person at the end of a quarter: use, cost, conditions and states over 3, 12 and 24 months.

One row is a person who was a resident at some time in the 12 months to the quarter's end, users and non-users alike.
Counts are of contacts that took place with the client, of all the register holds: coverage is not applied.

`cost_eur` is the recorded cost of these contacts; a contact without a cost has its service's unit cost (services.yml).
Stays add their cost, spread over their days, only for services that have no contacts at all: elsewhere the contact that
opens a stay carries the care, and both would count it twice. Medicines are apart, in `medicine_cost_eur`.

`bed_days` and `stays` are of health services; round-the-clock care is told by its contacts and statuses.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi.database import clear_errors
from ennakointi.errors import DataError, ParameterError, RunError
from ennakointi.features import availability, contacts, persons, records
from ennakointi.features.reading import Reading, Span
from ennakointi.features.windows import summed
from ennakointi.groups import GroupIndex
from ennakointi.panel.population import age_band_labels
from ennakointi.parameters import Parameters
from ennakointi.parameters.feature_documents import Kind, feature_columns
from ennakointi.periods import Quarter, day_number, month_text
from ennakointi.spelling import did_you_mean
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS
from ennakointi.text import message_json

ABOUT_FILE = "features.json"
_VERSION = 1  # of the definitions; raised when a feature comes to mean something else
_TYPES: dict[Kind, pa.DataType] = {
    "person": pa.int32(),
    "word": pa.dictionary(pa.int32(), pa.string()),
    "flag": pa.bool_(),
    "count": pa.uint16(),
    "days": pa.int32(),
    "number": pa.int16(),
    "share": pa.float32(),
    "euros": pa.float64(),
}
_LARGEST = {"count": 2**16 - 1, "number": 2**15 - 1}

Values = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Features:
    """The features of a run.

    Attributes
    ----------
    folder : one Parquet file for each quarter, a row group for each bucket of persons.
    quarters : `2025Q3`, oldest first.
    columns : every feature, `person` first.
    missing : why a feature is missing in every quarter (its column is null), as `text.message_json`.
    words : values of the features that are words.
    definition : digest of what the features mean: parameters, code lists, services, groups.
    """

    folder: Path
    quarters: tuple[str, ...]
    columns: tuple[str, ...]
    missing: Mapping[str, str] = field(repr=False)
    words: Mapping[str, Sequence[str]] = field(repr=False)
    definition: str

    def read(self, quarter: str | Quarter, columns: Collection[str] | None = None) -> pd.DataFrame:
        """The features of a quarter, sorted by `person`, which is always among them.

        Counts are whole numbers, shares and euros floats; a flag with missing values is pandas' `boolean`, a number
        with missing values a float with NaN.

        Raises
        ------
        ParameterError
            The quarter or a feature does not exist.
        """
        if str(quarter) not in self.quarters:
            raise ParameterError(f"quarter {quarter}: no features; there are {', '.join(self.quarters)}")
        wanted = set(self.columns if columns is None else columns) | {"person"}
        for name in sorted(wanted - set(self.columns)):
            raise ParameterError(f"feature {name!r} does not exist{did_you_mean(name, self.columns)}")
        kept = [name for name in self.columns if name in wanted]
        table = pq.read_table(_file(self.folder, str(quarter)), columns=kept, use_threads=False)
        table = table.sort_by("person")
        unsure = {f.name: pd.BooleanDtype() for f in table.schema if f.type == pa.bool_() and table[f.name].null_count}
        frame = pd.DataFrame({name: _pandas(table[name], unsure.get(name)) for name in kept})
        for name in self.words.keys() & set(kept):
            frame[name] = frame[name].cat.set_categories(list(self.words[name]))
        return frame


def _pandas(column: pa.ChunkedArray, dtype: Any) -> pd.Series:
    if dtype is not None:
        return column.to_pandas(types_mapper=lambda kind: dtype)
    return column.to_pandas()


def build(opened: Store, index: GroupIndex | None, parameters: Parameters, folder: Path, until: Quarter) -> Features:
    """Write the features of the last quarters of `features.yml` to `until`; former ones are replaced when all is whole.

    Memory is bounded by one bucket's persons.

    Parameters
    ----------
    index : the target groups of the run; without it no group is told.
    until : the last quarter; earlier ones are told as far as whole quarters of contacts reach.

    Raises
    ------
    DataError
        The quarter has not ended by the as-of date, or no whole quarter of contacts lies before its end.
    RunError
        The disk or the memory limit is full.
    """
    span = _span(opened, parameters, until)
    with clear_errors("Making the features of persons"):
        building = folder.parent / f".{folder.name}-building"
        shutil.rmtree(building, ignore_errors=True)
        (building / "new").mkdir(parents=True, mode=0o700)
        try:
            _write(opened, index, parameters, building / "new", span)
            if folder.exists():
                folder.rename(building / "former")
            (building / "new").rename(folder)
        finally:
            shutil.rmtree(building, ignore_errors=True)
    return open(folder)


def open(folder: Path) -> Features:  # noqa: A001 - callers read `features.open`
    """The features that `build` left in a folder.

    Raises
    ------
    RunError
        There are none.
    """
    try:
        about = json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError("the quarter has no finished features of persons: run its prepare phase first") from error
    quarters, columns = (tuple(about[name]) for name in ("quarters", "columns"))
    return Features(folder, quarters, columns, about["missing"], about["words"], about["definition"])


def _span(opened: Store, parameters: Parameters, until: Quarter) -> Span:
    last = until.last_month // 3
    if day_number(until.end) > day_number(opened.as_of):
        raise DataError(f"{until} has not ended by the as-of date {opened.as_of}: choose an earlier quarter")
    n = min(parameters.features.quarters, last - -(-opened.first_month // 3) + 1)
    if n < 1:
        began = month_text(opened.first_month)
        raise DataError(f"no whole quarter of contacts by the end of {until}: the contacts begin in {began}")
    return Span(last - n + 1, n)


@dataclass(frozen=True, eq=False)
class _Plan:
    """What is written: the kind of every column, what is missing and the words."""

    kinds: Mapping[str, Kind]
    missing: Mapping[str, str]
    untold: Mapping[str, int]
    words: Mapping[str, Sequence[str]]
    controllers: frozenset[str]


def _write(opened: Store, index: GroupIndex | None, parameters: Parameters, folder: Path, span: Span) -> None:
    plan = _plan(opened, index, parameters, span)
    schema = pa.schema([(name, _TYPES[kind]) for name, kind in plan.kinds.items()])
    connection = opened.connection()
    try:
        alone = _only_stays(opened, connection)
        with ExitStack() as stack:
            files = [_file(folder, name) for name in span.names]
            writers = [
                stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd", write_statistics=False))
                for file in files
            ]
            for bucket in range(BUCKETS):
                reading = Reading(opened, parameters, span, bucket, connection, alone)
                if reading.n_persons:
                    _write_bucket(reading, index, plan, writers, schema)
    finally:
        connection.close()
    about = {
        "quarters": span.names,
        "columns": list(plan.kinds),
        "missing": plan.missing,
        "words": plan.words,
        "definition": _definition(parameters, plan),
    }
    (folder / ABOUT_FILE).write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")


def _plan(opened: Store, index: GroupIndex | None, parameters: Parameters, span: Span) -> _Plan:
    kinds = feature_columns(parameters.features, parameters.services, parameters.target_groups)
    missing = availability.missing(opened, index, parameters)
    first = availability.first_told(span, opened.first_month, parameters) | availability.group_quarters(index, span)
    untold = {name: availability.untold(name, first) for name in kinds}
    too_early = {name for name, n in untold.items() if n >= span.n and name not in missing}
    missing |= {name: message_json(availability.TOO_EARLY, {}) for name in sorted(too_early)}
    words = {
        "state": persons.STATES,
        "age_band": age_band_labels(parameters.panel.age_bands),
        "municipality": persons.municipalities(opened),
        **{name: opened.codes("persons", name) for name in ("sex", "language")},
    }
    return _Plan(kinds, missing, untold, words, availability.controllers(opened, parameters))


def _only_stays(opened: Store, connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """Services whose care stands in `stays` alone."""
    used = []
    for table in ("stays", "contacts"):
        rows = opened.frame(table, connection=connection).select("service").unique().collect("pyarrow")
        codes = opened.codes(table, "service")
        used.append({codes[place] for place in rows.to_native()["service"].to_pylist()})
    return tuple(sorted(used[0] - used[1]))


def _write_bucket(
    reading: Reading, index: GroupIndex | None, plan: _Plan, writers: Sequence[pq.ParquetWriter], schema: pa.Schema
) -> None:
    present, values = _values(reading, index, plan)
    number = np.arange(reading.n_persons, dtype=np.int32) * BUCKETS + reading.bucket
    values["person"] = np.broadcast_to(number, present.shape)
    for place, writer in enumerate(writers):
        rows = np.flatnonzero(present[place])
        columns = [_column(name, kind, values, place, rows, plan) for name, kind in plan.kinds.items()]
        writer.write_table(pa.table(columns, schema=schema), row_group_size=max(len(rows), 1))


def _values(reading: Reading, index: GroupIndex | None, plan: _Plan) -> tuple[NDArray[np.bool_], Values]:
    """(n, P) who is told of in each quarter, and every feature that is not missing."""
    present, values = persons.values(reading)
    used, cents = contacts.values(reading)
    beds, bed_cents = records.stays(reading)
    values |= used | beds | _costs(cents | bed_cents, reading)
    values |= records.medicines(reading) | records.requests(reading) | records.plans(reading)
    values |= records.referrals(reading, values["state"] == persons.STATES.index("resident"))
    values |= records.conditions(reading) | records.statuses(reading, plan.controllers)
    values["sectors_12m"] = _sectors(values, reading, plan)
    return present, values | ({} if index is None else records.groups(reading, index))


def _costs(cents: contacts.Cents, reading: Reading) -> Values:
    """Euros of all services over each window, and of each service over 12 months."""
    none = np.zeros(reading.shape, np.int64)
    found = records.euros("cost_eur", sum(cents.values(), start=none), reading)
    for code in reading.parameters.services:
        year = summed(cents.get(code, none), contacts.QUARTERS[12])
        found[f"cost_eur_{code}_12m"] = reading.told(year) / 100
    return found


def _sectors(values: Values, reading: Reading, plan: _Plan) -> NDArray[Any]:
    """Sectors in 12 months: health, social, and employment services or benefits by the statuses that can be told."""
    names = [f"status_{code}_12m" for code in reading.parameters.features.benefit_statuses]
    held = [values[name] for name in names if name not in plan.missing]
    benefits = np.any(held, axis=0) if held else np.False_
    health, social = (values[f"contacts_{sector}_12m"] > 0 for sector in ("health", "social"))
    return health.astype(np.int16) + social + benefits


def _column(name: str, kind: Kind, values: Values, place: int, rows: NDArray[Any], plan: _Plan) -> pa.Array:
    """A feature of the persons in a quarter, null where it is missing."""
    if name in plan.missing or place < plan.untold[name]:
        return pa.nulls(len(rows), _TYPES[kind])
    found = values[name][place][rows]
    if kind == "word":
        return pa.DictionaryArray.from_arrays(
            pa.array(found, pa.int32(), mask=found < 0), pa.array(plan.words[name], pa.string())
        )
    if found.itemsize > 2 and kind in _LARGEST:
        found = np.minimum(found, _LARGEST[kind])
    return pa.array(found.astype(_TYPES[kind].to_pandas_dtype()), mask=np.isnan(found) if kind == "share" else None)


def _definition(parameters: Parameters, plan: _Plan) -> str:
    """SHA-256 of what decides the features beside the data."""
    lists = {f"codes/{name}.csv" for name in parameters.features.conditions}
    decides = {
        "version": _VERSION,
        "features": parameters.features.model_dump(mode="json", exclude={"quarters"}),
        "panel": parameters.panel.model_dump(mode="json"),
        "services": {
            code: (one.sector, one.level, one.unit_cost_eur, one.care_units_per_contact)
            for code, one in parameters.services.items()
        },
        "digests": {name: digest for name, digest in sorted(parameters.digests.items()) if name in lists},
        "groups": parameters.digests.get("target_groups.yml"),
        "controllers": sorted(plan.controllers),
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _file(folder: Path, quarter: str) -> Path:
    return folder / f"{quarter}.parquet"
