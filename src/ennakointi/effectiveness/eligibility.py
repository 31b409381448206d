"""Who could have been enrolled when: index months, eligible comparison persons, and which of them are taken.

Comparison persons are drawn at the index months of the enrolled, from those who are in the target group,
resident and not enrolled by then, in the same cell of age and of use in the year before (the outcome's and
all services'). A person is drawn by a number of their own, so that the draw does not depend on the order of
the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.effectiveness.cohorts import SELECTION_MONTHS
from ennakointi.effectiveness.outcome_months import Reading, day_of, of_bucket
from ennakointi.groups import GroupIndex
from ennakointi.parameters.effect_documents import Cost, Measure
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS

COMPARISONS_PER_ENROLLED = 10
OUTCOME_CLASSES = np.array([1, 2, 3, 4, 6, 10])  # lower ends of the classes of yearly counts, the first is 0
EUROS = 200.0  # of a cost that stand for one event in the classes
TOTAL_CLASSES = np.array([1, 3, 6, 10, 15, 25, 50])
AGE_CLASSES = np.array([7, 18, 30, 45, 65, 75, 80, 85])
OPEN = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Persons:
    """The persons of one bucket; row i is person `bucket + 16 i`. Days are day numbers, OPEN = not yet."""

    birth_month: Ints
    sex: Ints
    municipality: Ints
    from_day: Ints
    to_day: Ints
    enrolled_month: Ints

    def __len__(self) -> int:
        return len(self.birth_month)

    def days(self, rows: Ints, first: Ints, last: Ints) -> Ints:
        """Days of residence and life of `rows` in the months `first`…`last`, which broadcast."""
        low, high = day_of(first), day_of(last + 1)
        start, end = self.from_day[rows], self.to_day[rows]
        if np.ndim(low) > 1:
            start, end = start[:, None], end[:, None]
        return np.asarray(np.maximum(np.minimum(high, end + 1) - np.maximum(low, start), 0))


@dataclass(frozen=True, eq=False)
class Trials:
    """Persons at index months, (n,) each; `cell` numbers the cells of index month, age and use; `pool` holds
    year-to-year sums for the regression to the mean."""

    person: Ints
    index_month: Ints
    enrolled: Bools
    cell: Ints
    asked: int
    pool: Floats


def persons(store: Store, bucket: int, intervention: str) -> Persons:
    """Persons of a bucket with the month of their first enrolment in the intervention."""
    columns = (
        "person",
        "birth_month",
        "sex",
        "municipality",
        "resident_from_day",
        "resident_to_day",
        "death_day",
    )
    frame: pd.DataFrame = store.frame("persons", bucket).select(*columns).sort("person").collect("pandas").to_native()
    ends = frame[["resident_to_day", "death_day"]].fillna(OPEN).min(axis=1)
    first = np.full(len(frame), OPEN, dtype=np.int64)
    enrolments = _enrolments(store, bucket, intervention)
    np.minimum.at(first, enrolments["person"].to_numpy(np.int64) // BUCKETS, enrolments["month"].to_numpy(np.int64))
    return Persons(
        frame["birth_month"].to_numpy(np.int64),
        frame["sex"].to_numpy(np.int64),
        frame["municipality"].to_numpy(np.int64),
        frame["resident_from_day"].fillna(-OPEN).to_numpy(np.int64),
        ends.to_numpy(np.int64),
        first,
    )


def _enrolments(store: Store, bucket: int, intervention: str) -> pd.DataFrame:
    codes = store.codes("enrolments", "intervention")
    if "enrolments" not in store.tables or intervention not in codes:
        return pd.DataFrame({"person": [], "month": []}, dtype=np.int64)
    rows = store.frame("enrolments", bucket).select("person", "month", "intervention").collect("pandas").to_native()
    return rows[rows["intervention"] == codes.index(intervention)]


def cumulated(
    file: Path, n_persons: int, first_month: int, last_month: int, sets: Bools, rows: Ints | None = None
) -> NDArray[np.int32]:
    """(n, M + 1, F) contacts before each month, by sets of services (F, S) bool, from a bucket of
    person-months.

    `rows` are the persons wanted, as rows of the bucket; all `n_persons` when None.
    """
    rows = np.arange(n_persons) if rows is None else rows
    place_of = np.full(n_persons, -1)
    place_of[rows] = np.arange(len(rows))
    table = pq.read_table(file, columns=["person", "month", "service", "n"])
    month = table["month"].to_numpy().astype(np.int64) - first_month
    person = place_of[table["person"].to_numpy().astype(np.int64) // BUCKETS]
    inside = (month >= 0) & (month <= last_month - first_month) & (person >= 0)
    n_months = last_month - first_month + 2
    cell = person[inside] * n_months + month[inside] + 1
    service, n = table["service"].to_numpy().astype(np.int64)[inside], table["n"].to_numpy()[inside]
    counts = np.zeros((len(rows), n_months, len(sets)), np.int32)
    for place, wanted in enumerate(sets):
        kept = wanted[service]
        summed = np.bincount(cell[kept], weights=n[kept], minlength=len(rows) * n_months)
        counts[:, :, place] = summed.reshape(len(rows), n_months)
    return np.cumsum(counts, axis=1, out=counts)


def trials(
    reading: Reading, groups: GroupIndex, intervention: str, target_group: str, outcome: Measure, seed: int
) -> Trials:
    """Enrolled persons with a year of history and a month of follow-up, and their comparison persons.

    `outcome` : the primary one; a mean or a share is no use of services, so then all contacts alone make the cells.
    """
    store, last_month = reading.store, reading.last_month
    by_bucket = [persons(store, bucket, intervention) for bucket in range(BUCKETS)]
    starts = np.concatenate([p.enrolled_month for p in by_bucket])
    first = max(store.first_month + SELECTION_MONTHS, groups.available_from[target_group])
    months = np.unique(starts[(starts >= first) & (starts < last_month)])
    asked = int((starts < OPEN).sum())
    if not len(months):
        none = np.zeros(0, np.int64)
        return Trials(none, none, none.astype(bool), none, asked, np.zeros(6))
    code = groups.ids.index(target_group)
    pool, parts = np.zeros(6), []
    for bucket, known in enumerate(by_bucket):
        first_month = int(months[0]) - SELECTION_MONTHS
        used = _used(reading, bucket, len(known), first_month, outcome)
        member = members(groups.file(bucket), code, len(known), months)
        size = EUROS if isinstance(outcome, Cost) else 1.0
        parts.append(_eligible(known, bucket, months, member, used / np.array([size, 1.0]), first_month))
        if outcome.over_person_time:
            pool += _pool(known, used[:, :, 0], member[:, 0], int(months[0]), first_month, last_month)
    person, index, cell, enrolled = (np.concatenate(columns) for columns in zip(*parts))
    taken = _drawn(person, cell, enrolled, seed)
    return Trials(person[taken], index[taken], enrolled[taken], cell[taken], asked, pool)


def _used(reading: Reading, bucket: int, n_persons: int, first_month: int, outcome: Measure) -> Floats:
    """(n, M + 1, 2) the outcome's numerator (0 of a mean or a share) and all contacts before each month."""
    everything = np.ones((1, len(reading.store.codes("contacts", "service"))), bool)
    file = reading.person_months / f"bucket={bucket:02d}.parquet"
    contacts = cumulated(file, n_persons, first_month, reading.last_month, everything)[:, :, 0].astype(float)
    if not outcome.over_person_time:
        return np.stack([np.zeros_like(contacts), contacts], axis=2)
    rows = of_bucket(reading, bucket, outcome)
    numerator, _ = rows.cumulated(np.arange(n_persons), n_persons, first_month, reading.last_month)
    return np.stack([numerator, contacts], axis=2)


def members(file: Path, group: int, n_persons: int, months: Ints) -> Bools:
    """(n, I) membership of the target group in each index month."""
    runs = pq.read_table(file, filters=[("group", "=", group)])
    row = runs["person"].to_numpy().astype(np.int64) // BUCKETS
    since, until = runs["from_month"].to_numpy(), runs["to_month"].to_numpy()
    member = np.zeros((n_persons, len(months)), bool)
    for place, month in enumerate(months):
        member[row[(since <= month) & (until >= month)], place] = True
    return member


def _eligible(
    known: Persons, bucket: int, months: Ints, member: Bools, counts: Floats, first_month: int
) -> tuple[Ints, Ints, Ints, Bools]:
    """Person, index month, cell and enrolment of every eligible person-month of a bucket."""
    found = []
    for place, month in enumerate(months):
        day = int(day_of(np.array(month)))
        resident = (known.from_day <= day) & (known.to_day >= day)
        rows = np.flatnonzero(member[:, place] & resident & (known.enrolled_month >= month))
        at = int(month) - first_month
        year = counts[rows, at] - counts[rows, at - SELECTION_MONTHS]
        cell = np.full(len(rows), place)
        age = (month - known.birth_month[rows]) // 12
        for value, classes in (
            (year[:, 0], OUTCOME_CLASSES),
            (year[:, 1], TOTAL_CLASSES),
            (age, AGE_CLASSES),
        ):
            cell = cell * (len(classes) + 1) + np.searchsorted(classes, value, side="right")
        person = rows * BUCKETS + bucket
        found.append((person, np.full(len(rows), month), cell, known.enrolled_month[rows] == month))
    person, index, cell, enrolled = (np.concatenate(columns) for columns in zip(*found))
    return person, index, cell, enrolled


def _drawn(person: Ints, cell: Ints, enrolled: Bools, seed: int) -> Ints:
    """Rows of the enrolled that have a comparison in their cell, and of at most ten comparisons for each."""
    cells, place = np.unique(cell, return_inverse=True)
    wanted = np.bincount(place, weights=enrolled, minlength=len(cells)).astype(np.int64)
    others = np.bincount(place, weights=~enrolled, minlength=len(cells)).astype(np.int64)
    kept = np.flatnonzero(enrolled & (others[place] > 0))
    candidates = np.flatnonzero(~enrolled & (wanted[place] > 0))
    number = np.random.default_rng(seed).random(int(person.max()) + 1)[person[candidates]]
    order = candidates[np.lexsort((number, place[candidates]))]
    ordered = place[order]
    rank = np.arange(len(order)) - np.searchsorted(ordered, ordered, side="left")
    drawn = order[rank < COMPARISONS_PER_ENROLLED * wanted[ordered]]
    return np.sort(np.concatenate([kept, drawn]))


def _pool(known: Persons, counts: Floats, member: Bools, month: int, first_month: int, last_month: int) -> Floats:
    """n, Σx, Σy, Σx², Σy², Σxy of the outcome in the year before and the year from the first index month."""
    if month + SELECTION_MONTHS > last_month + 1:
        return np.zeros(6)
    at = month - first_month
    start, end = (int(day_of(np.array(m))) for m in (month - SELECTION_MONTHS, month + SELECTION_MONTHS))
    rows = member & (known.from_day <= start) & (known.to_day >= end)
    x = (counts[rows, at] - counts[rows, at - SELECTION_MONTHS]).astype(float)
    y = (counts[rows, at + SELECTION_MONTHS] - counts[rows, at]).astype(float)
    return np.array([len(x), x.sum(), y.sum(), (x**2).sum(), (y**2).sum(), (x * y).sum()])
