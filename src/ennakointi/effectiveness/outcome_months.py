"""Outcomes as person-months: what each person adds to the numerator, and to a denominator that is not person-time.

Read bucket by bucket; contacts of whole services come from the person-months of the panels, the rest from the tables.
A person-month stands in the month of its event: a bed-day in its own month, a wait in the month in which it ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow.parquet as pq

from ennakointi.causal.areas import Floats, Ints
from ennakointi.panel.reductions import attended, with_client
from ennakointi.parameters.documents import Service
from ennakointi.parameters.effect_documents import (
    BedDays,
    Contacts,
    Cost,
    Counted,
    Measured,
    Waits,
    WaitsOver,
)
from ennakointi.periods import month_index
from ennakointi.rules.histories import months_of_days
from ennakointi.schema import TABLES
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS
from ennakointi.text import N_

NO_DATA = N_("The data hold nothing that this outcome could be counted from.")
NO_UNIT = N_("The data do not tell in which unit the events of this outcome took place.")
NO_PLACE = -1
_WITH_UNIT = ("contacts", "stays", "referrals")
_FILTERS = ("service", "mode", "profession", "specialty", "nature", "urgency", "provider")


@dataclass(frozen=True)
class Weighted:
    """Attended contacts of the services, each counted by a weight of its own: euros at unit costs, or minutes."""

    weights: Mapping[str, float]
    over_person_time: ClassVar[bool] = True
    table: ClassVar[str] = "contacts"

    def services(self, known: Mapping[str, Service]) -> tuple[str, ...]:
        """The services that count."""
        return tuple(self.weights)


@dataclass(frozen=True, eq=False)
class PersonMonths:
    """What persons add to an outcome, (k,) each; a person may have several entries in a month (`added` joins them).

    Attributes
    ----------
    person : row of the person in the bucket; month : month index.
    place : of the unit in `Reading.units`, −1 when units are not asked for.
    denominator : referrals or measurements; None where it is person-time.
    """

    person: Ints
    month: Ints
    place: Ints
    numerator: Floats
    denominator: Floats | None = None

    def kept(self, rows: Ints) -> PersonMonths:
        """Some of the entries."""
        below = None if self.denominator is None else self.denominator[rows]
        return PersonMonths(self.person[rows], self.month[rows], self.place[rows], self.numerator[rows], below)

    def added(self) -> PersonMonths:
        """One entry for each person, month and unit."""
        if not len(self.month):
            return self
        first, n_places = int(self.month.min()), int(self.place.max()) + 2
        n_months = int(self.month.max()) - first + 1
        cell = (self.person * n_months + self.month - first) * n_places + self.place + 1
        cell, row = np.unique(cell, return_inverse=True)
        value = np.bincount(row, weights=self.numerator).astype(float)
        below = None if self.denominator is None else np.bincount(row, weights=self.denominator).astype(float)
        person_month, place = np.divmod(cell, n_places)
        month = person_month % n_months + first
        return PersonMonths(person_month // n_months, month, place - 1, value, below)

    def cumulated(self, row_of: Ints, n_rows: int, first_month: int, last_month: int) -> tuple[Floats, Floats]:
        """(n, M + 1) numerator and denominator before each month; `row_of` is a person's row, −1 for those not wanted.

        The denominator is zero throughout where it is person-time.
        """
        n_months = last_month - first_month + 2
        place = self.month - first_month
        row = row_of[self.person]
        inside = (row >= 0) & (place >= 0) & (place <= last_month - first_month)
        cell = row[inside] * n_months + place[inside] + 1
        below = np.zeros(len(self.month)) if self.denominator is None else self.denominator
        size = n_rows * n_months
        sums = (np.bincount(cell, weights=v[inside], minlength=size).astype(float) for v in (self.numerator, below))
        numerator, denominator = (np.cumsum(one.reshape(n_rows, n_months), axis=1) for one in sums)
        return numerator, denominator


@dataclass(frozen=True, eq=False)
class Reading:
    """Where outcomes are read from: the store, the `person_months` of the panels, the services of the parameters.

    `last_month` : events after it are left out; `by_unit` : whether sums are kept apart by unit.
    """

    store: Store
    person_months: Path
    services: Mapping[str, Service]
    last_month: int
    by_unit: bool = False

    @cached_property
    def units(self) -> list[str]:
        """Codes of the units of all tables together."""
        return sorted({code for table in _WITH_UNIT for code in self.store.codes(table, "unit")})

    @cached_property
    def only_stays(self) -> tuple[str, ...]:
        """Services whose care stands in `stays` alone: elsewhere a stay's cost would come on top of its contacts'."""
        if "stays" not in self.store.tables:
            return ()
        used = {
            table: set(self.store.frame(table).select("service").unique().collect("pyarrow").to_native()[0].to_pylist())
            for table in ("contacts", "stays")
        }
        in_contacts = {self.store.codes("contacts", "service")[code] for code in used["contacts"]}
        codes = self.store.codes("stays", "service")
        return tuple(codes[code] for code in sorted(used["stays"]) if codes[code] not in in_contacts)


def day_of(month: Ints) -> Ints:
    """Day number of the first day of each month."""
    since_1970 = (np.asarray(month) - month_index(1970, 1)).astype("datetime64[M]")
    return np.asarray(since_1970.astype("datetime64[D]").astype(np.int64))


def lacking(reading: Reading, measure: Counted | Weighted) -> str:
    """Why an outcome cannot be counted from the data; empty when it can."""
    columns = reading.store.columns(measure.table)
    needed = {name for name in _FILTERS if getattr(measure, name, None)}
    if isinstance(measure, Waits):
        needed |= {f"{measure.wait_from}_day", f"{measure.wait_to}_day"}
    if measure.table not in reading.store.tables or needed - columns:
        return NO_DATA
    if isinstance(measure, Measured) and measure.measure not in reading.store.codes("measurements", "measure"):
        return NO_DATA
    return NO_UNIT if reading.by_unit and "unit" not in columns else ""


def of_bucket(reading: Reading, bucket: int, measure: Counted | Weighted) -> PersonMonths:
    """The outcome of the persons of one bucket, up to the last month.

    Whole services are read from the person-months, unless units are asked for.
    """
    if isinstance(measure, Weighted) or (isinstance(measure, Contacts) and measure.plain):
        weights = measure.weights if isinstance(measure, Weighted) else _ones(measure, reading)
        return _recorded(reading, bucket, weights) if reading.by_unit else _known(reading, bucket, weights)
    if isinstance(measure, Contacts):
        return _entries(reading, _contacts(reading, bucket, measure))
    if isinstance(measure, Cost):
        return _costs(reading, bucket, measure)
    if isinstance(measure, BedDays):
        stays = _rows(reading, "stays", bucket, {"service": measure.services(reading.services)}, *_STAY)
        return _entries(reading, _by_month(reading, stays, np.ones(len(stays["person"]))))
    if isinstance(measure, Measured):
        return _measured(reading, bucket, measure)
    assert isinstance(measure, Waits)
    return _waits(reading, bucket, measure)


def _ones(measure: Contacts, reading: Reading) -> dict[str, float]:
    return dict.fromkeys(measure.services(reading.services), 1.0)


def _known(reading: Reading, bucket: int, weights: Mapping[str, float]) -> PersonMonths:
    """Weighted contacts from the person-months of the panels."""
    file = reading.person_months / f"bucket={bucket:02d}.parquet"
    table = pq.read_table(file, columns=["person", "month", "service", "n"])
    found = {name: table[name].to_numpy() for name in ("person", "month", "service", "n")}
    weight = _of_services(reading, weights)[found["service"]]
    rows = {"person": found["person"], "month": found["month"], "value": found["n"] * weight}
    return _entries(reading, {name: values[weight > 0] for name, values in rows.items()})


def _recorded(reading: Reading, bucket: int, weights: Mapping[str, float]) -> PersonMonths:
    """The same from the contacts themselves, by unit."""
    rows = _contacts(reading, bucket, Contacts(service=tuple(weights)), "service")
    rows["value"] = rows["value"] * _of_services(reading, weights)[rows["service"].astype(np.int64)]
    return _entries(reading, rows)


def _of_services(reading: Reading, weights: Mapping[str, float]) -> Floats:
    return np.array([weights.get(code, 0.0) for code in reading.store.codes("contacts", "service")])


def _frame(reading: Reading, table: str, bucket: int, where: Mapping[str, Collection[str] | None]) -> nw.LazyFrame[Any]:
    """Rows of a bucket whose codes are among those wanted; None = any."""
    frame = reading.store.frame(table, bucket)
    for column, wanted in where.items():
        if wanted is not None:
            codes = [place for place, code in enumerate(reading.store.codes(table, column)) if code in wanted]
            frame = frame.filter(nw.col(column).is_in(codes or [NO_PLACE]))
    return frame


def _arrays(reading: Reading, table: str, frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    """Columns as arrays; an empty number is NaN. A unit is its place in `Reading.units`."""
    found = frame.collect("pyarrow").to_native()
    rows = {name: found[name].to_numpy(zero_copy_only=False) for name in found.column_names}
    if "unit" in rows:
        place = [reading.units.index(code) for code in reading.store.codes(table, "unit")]
        known = ~np.isnan(rows["unit"].astype(float))
        rows["unit"] = np.where(
            known, np.array([*place, NO_PLACE])[np.where(known, rows["unit"], -1).astype(int)], np.nan
        )
    return rows


def _attended(reading: Reading, bucket: int, measure: Contacts) -> nw.LazyFrame[Any]:
    where = {name: getattr(measure, name) for name in _FILTERS[2:]}
    frame = _frame(reading, "contacts", bucket, {"service": measure.services(reading.services), **where})
    mode = [place for place, code in enumerate(TABLES["contacts"]["mode"].codes) if code in (measure.mode or ())]
    frame = frame.filter(nw.col("mode").is_in(mode) if measure.mode else with_client())
    codes = TABLES["contacts"]["attendance"].codes
    state = nw.col("attendance").fill_null(codes.index("attended"))
    return frame.filter(state.is_in([codes.index(code) for code in measure.attendance]))


def _contacts(reading: Reading, bucket: int, measure: Contacts, *more: str) -> dict[str, Any]:
    keys = ["person", "month", *more, *(["unit"] if reading.by_unit else [])]
    counted = _attended(reading, bucket, measure).group_by(*keys).agg(nw.len().alias("value"))
    return _arrays(reading, "contacts", counted)


def _costs(reading: Reading, bucket: int, measure: Cost) -> PersonMonths:
    """Recorded euros, and unit costs where there are none; stays of the services that have no contacts."""
    services = measure.services(reading.services)
    unit_cost = {code: s.unit_cost_eur * s.care_units_per_contact for code, s in reading.services.items()}
    keys = ["person", "month", "service", *(["unit"] if reading.by_unit else [])]
    contacts = _frame(reading, "contacts", bucket, {"service": services}).filter(attended() & with_client())
    cents = ((nw.col("cost_eur").fill_null(0.0) * 100 + 0.5).floor()).cast(nw.Int64)  # whole: sums are exact
    without = nw.col("cost_eur").is_null().cast(nw.Int64)
    kept = contacts.with_columns(cents=cents, without=without).group_by(*keys).agg(nw.col("cents", "without").sum())
    rows = _arrays(reading, "contacts", kept.with_columns(nw.col("cents", "without").cast(nw.Int64)))
    rows["value"] = rows["cents"] / 100 + rows["without"] * _of_services(reading, unit_cost)[rows["service"]]
    alone = [code for code in reading.only_stays if code in services]
    if not alone:
        return _entries(reading, rows)
    stays = _rows(reading, "stays", bucket, {"service": alone}, "service", "cost_eur", *_STAY)
    per_day = np.array([reading.services[code].unit_cost_eur for code in reading.store.codes("stays", "service")])
    days = np.maximum(_end(reading, stays) - stays["admitted_day"], 1)
    recorded = stays["cost_eur"].astype(float)
    daily = np.where(np.isnan(recorded), per_day[stays["service"].astype(np.int64)], recorded / days)
    beds = _by_month(reading, stays, daily)
    shared = [name for name in ("person", "month", "value", "unit") if name in beds]
    return _entries(reading, {name: np.concatenate([rows[name], beds[name]]) for name in shared})


_STAY = ("admitted_day", "discharged_day")


def _rows(reading: Reading, table: str, bucket: int, where: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    keys = ["person", *columns, *(["unit"] if reading.by_unit else [])]
    return _arrays(reading, table, _frame(reading, table, bucket, where).select(*keys))


def _end(reading: Reading, stays: Mapping[str, Any]) -> Ints:
    """First day that is no bed-day any more; an open stay lasts to the end of the last month."""
    last = day_of(np.array(reading.last_month + 1))
    discharged = stays["discharged_day"].astype(float)
    end = np.where(np.isnan(discharged), last, discharged).astype(np.int64)
    return np.asarray(np.maximum(end, stays["admitted_day"].astype(np.int64) + 1))


def _by_month(reading: Reading, stays: Mapping[str, Any], value_per_day: Floats) -> dict[str, Any]:
    """Each stay's days in its months, times a value."""
    start, end = stays["admitted_day"].astype(np.int64), _end(reading, stays)
    first, last = months_of_days(start), months_of_days(end - 1)
    n_months = last - first + 1
    row = np.repeat(np.arange(len(start)), n_months)
    month = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(n_months) - n_months, n_months)
    days = np.minimum(end[row], day_of(month + 1)) - np.maximum(start[row], day_of(month))
    unit = {"unit": stays["unit"][row]} if "unit" in stays else {}
    return {"person": stays["person"][row], "month": month, "value": days * value_per_day[row], **unit}


def _waits(reading: Reading, bucket: int, measure: Waits) -> PersonMonths:
    """Days waited, or one for a wait over the limit, of the referrals that reached the step; their number below."""
    where = {"service": measure.service, "specialty": measure.specialty}
    names = [f"{step}_day" for step in (measure.wait_from, measure.wait_to)]
    rows = _rows(reading, "referrals", bucket, where, *names)
    begin, end = (rows[name].astype(float) for name in names)
    ended = end >= begin  # not where either is empty
    rows = {name: values[ended] for name, values in rows.items()}
    days = (end - begin)[ended]
    value = (days > measure.longer_than_days).astype(float) if isinstance(measure, WaitsOver) else days
    rows |= {"month": months_of_days(end[ended].astype(np.int64)), "value": value, "of": np.ones(len(days))}
    return _entries(reading, rows)


def _measured(reading: Reading, bucket: int, measure: Measured) -> PersonMonths:
    rows = _rows(reading, "measurements", bucket, {"measure": [measure.measure]}, "month", "value")
    value = rows["value"].astype(float)
    if measure.is_share:
        low, high = (-np.inf if measure.minimum is None else measure.minimum), measure.maximum
        value = ((value >= low) & (value <= (np.inf if high is None else high))).astype(float)
    return _entries(reading, rows | {"value": value, "of": np.ones(len(value))})


def _entries(reading: Reading, rows: Mapping[str, Any]) -> PersonMonths:
    """Rows `person`, `month`, `value`, perhaps `unit` and `of`, up to the last month."""
    month = rows["month"].astype(np.int64)
    unit = rows["unit"].astype(float) if "unit" in rows else np.full(len(month), float(NO_PLACE))
    kept = (month <= reading.last_month) & ~np.isnan(unit)
    return PersonMonths(
        rows["person"][kept].astype(np.int64) // BUCKETS,
        month[kept],
        unit[kept].astype(np.int64),
        rows["value"][kept].astype(float),
        rows["of"][kept] if "of" in rows else None,
    )
