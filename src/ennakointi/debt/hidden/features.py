"""Persons at the start of a period of use: who they are, what they used before it, and what they used in it.

Read bucket by bucket from the store and the panel's person-months. No person's number leaves this module.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.periods import DAYS_PER_YEAR, day_number, first_day
from ennakointi.store.layout import BUCKETS

if TYPE_CHECKING:
    from ennakointi.groups import GroupIndex
    from ennakointi.store import Store

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.float32]

YEAR = 12
MOST = 200  # contacts and years of age; larger numbers are told as this one
CLASS_SHARES = (0.5, 0.8, 0.95)  # quantiles of all contacts among users that part the classes of use
KNOWN_STEPS = 10  # in which the known share of the history is told
OPEN = 10**6  # day number of what has not ended
UNKNOWN = -1  # sex, municipality
TRAITS = ("age", "sex", "arrival", "known", "last", "earlier", "services", "class")  # then the statuses
_PERSON = ("person", "birth_month", "birth_day", "sex", "municipality", "non_disclosure")
_STAY = ("resident_from_day", "resident_to_day", "death_day")


@dataclass(frozen=True)
class Plan:
    """What every cohort of an estimate holds.

    Attributes
    ----------
    months : length of the period of use.
    history : months before it whose use is known, 12…24.
    groups : target groups, in the order of `Cohort.member`.
    controllers : whose statuses the run may use.
    """

    store: Store
    person_months: Path
    index: GroupIndex
    months: int
    history: int
    groups: Sequence[str]
    controllers: Collection[str]


@dataclass(frozen=True, eq=False)
class Cohort:
    """Persons of a period from the month `origin` on: those resident on its first day, and those who come later.

    Attributes
    ----------
    traits : (n, F) age in years, sex, month of arrival in the period (0 = there from the start), known share of the
        history, all contacts of the last year and of the months before it, services used, class of use, statuses.
    last, earlier : (n, S) contacts in the 12 months before the start, and in the rest of the history.
    used : (n, S) contacts in the period, while resident.
    years : (n,) years of residence in the period.
    stayed : (n,) resident from the period's first day to its last.
    present : (n,) resident on its last day.
    died, moved : (n,) how the residence ended in the period.
    member : (n, G) in the group in the month before the period, or in the month of arrival.
    municipality : (n,) code of the store; -1 with a non-disclosure order.
    """

    traits: Small
    last: Small
    earlier: Small
    used: Small
    years: Floats
    stayed: Bools
    present: Bools
    died: Bools
    moved: Bools
    member: Bools
    municipality: Ints

    def inputs(self, service: int) -> Small:
        """(n, F + G + 2) what the model of one service reads: whole numbers up to `MOST`, quick to sort into bins."""
        found = np.column_stack([self.traits, self.member, self.last[:, service], self.earlier[:, service]])
        return np.minimum(np.floor(found), MOST)

    def within(self, area: Collection[str], codes: Sequence[str]) -> Bools:
        """(n,) who lives in the area; `codes` are the store's municipalities."""
        known = np.array([*(code in area for code in codes), UNKNOWN_MUNICIPALITY in area])
        return np.asarray(known[self.municipality])


def cohort(plan: Plan, origin: int) -> Cohort:
    """The cohort of the period that starts in the month `origin`."""
    parts = [_bucket(plan, origin, bucket) for bucket in range(BUCKETS)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    last, earlier, place = (joined["traits"][:, TRAITS.index(name)] for name in ("last", "earlier", "class"))
    place[:] = use_classes(last + earlier)
    return Cohort(**joined)


def use_classes(contacts: Small) -> Small:
    """(n,) 0 = no contact, then classes of users by the quantiles `CLASS_SHARES`.

    Witness: 0, 1…10 contacts once each give 0, five 1, three 2, and a 3 and a 4 in the end.
    """
    users = contacts[contacts > 0]
    if not len(users):
        return np.zeros(len(contacts), np.float32)
    bounds = np.quantile(users, CLASS_SHARES, method="inverted_cdf")
    return np.where(contacts > 0, 1 + np.searchsorted(bounds, contacts, side="left"), 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _People:
    """Who of a bucket lives here in the period (n,): day numbers of the stay, and its first and last month, counted
    from the period's first month and held within the period."""

    frame: pd.DataFrame
    number: Ints
    start: Floats
    end: Floats
    death: Floats
    arrival: Ints
    departure: Ints


def _people(plan: Plan, origin: int, bucket: int) -> _People:
    frame: pd.DataFrame = plan.store.frame("persons", bucket).select(*_PERSON, *_STAY).collect("pandas").to_native()
    starts = np.array([_day(month) for month in range(origin, origin + plan.months + 1)])
    start = frame[["birth_day", "resident_from_day"]].max(axis=1).to_numpy(float)
    death, leave = (frame[name].fillna(OPEN).to_numpy(float) for name in ("death_day", "resident_to_day"))
    end = np.minimum(death, leave)
    chosen = np.flatnonzero((start < starts[-1]) & (end >= starts[0]) & (end >= start))
    frame, start, end, death = frame.iloc[chosen], start[chosen], end[chosen], death[chosen]
    return _People(
        frame,
        frame["person"].to_numpy(np.int64),
        start,
        end,
        death,
        np.maximum(np.searchsorted(starts, start, side="right") - 1, 0),
        np.minimum(np.searchsorted(starts, end, side="right") - 1, plan.months - 1),
    )


def _bucket(plan: Plan, origin: int, bucket: int) -> dict[str, npt.NDArray]:
    """The arrays of `Cohort` for one bucket, whose person numbers are 16 × row + bucket."""
    who = _people(plan, origin, bucket)
    first, after = _day(origin), _day(origin + plan.months)
    counts = _counts(plan, origin, bucket, who)
    there, left = who.start <= first, who.end < after - 1
    order = who.frame["non_disclosure"].fillna(False).to_numpy(bool)
    place = who.frame["municipality"].fillna(UNKNOWN).to_numpy(np.int64)
    return {
        **counts,
        "traits": _traits(plan, origin, bucket, who, counts),
        "years": (np.minimum(who.end + 1, after) - np.maximum(who.start, first)) / DAYS_PER_YEAR,
        "stayed": there & ~left,
        "present": ~left,
        "died": left & (who.death <= who.end),
        "moved": left & (who.death > who.end),
        "member": _members(plan, bucket, who.number, origin + who.arrival - there),
        "municipality": np.where(order, UNKNOWN, place),
    }


def _traits(plan: Plan, origin: int, bucket: int, who: _People, counts: Mapping[str, Small]) -> Small:
    """(n, F) as in `Cohort`; the class of use stays 0 until all buckets are known."""
    first, earliest = _day(origin), _day(origin - plan.history)
    known = np.clip(first - np.maximum(who.start, earliest), 0, None) / (first - earliest)
    traits = {
        "age": (origin + who.arrival - who.frame["birth_month"].to_numpy(float)) / YEAR,
        "sex": who.frame["sex"].fillna(UNKNOWN).to_numpy(float),
        "arrival": who.arrival,
        "known": known * KNOWN_STEPS,
        "last": counts["last"].sum(axis=1),
        "earlier": counts["earlier"].sum(axis=1),
        "services": ((counts["last"] + counts["earlier"]) > 0).sum(axis=1),
        "class": np.zeros(len(who.number)),
    }
    statuses = _statuses(plan, bucket, who.number, np.maximum(who.start, first))
    return np.column_stack([*(traits[name] for name in TRAITS), statuses]).astype(np.float32)


def _counts(plan: Plan, origin: int, bucket: int, who: _People) -> dict[str, Small]:
    """(n, S) contacts of the last year, of the history before it, and of the months of residence in the period."""
    file = plan.person_months / f"bucket={bucket:02d}.parquet"
    span = [("month", ">=", origin - plan.history), ("month", "<", origin + plan.months)]
    table = pq.read_table(file, columns=["person", "month", "service", "n"], filters=span)
    person, month, service, n = (
        table[name].to_numpy().astype(np.int64) for name in ("person", "month", "service", "n")
    )
    number = who.number
    row_of = np.full(max(int(number.max(initial=0)), int(person.max(initial=0))) // BUCKETS + 1, -1)
    row_of[number // BUCKETS] = np.arange(len(number))
    row, month = row_of[person // BUCKETS], month - origin
    lives = (month >= who.arrival[row]) & (month <= who.departure[row])
    width = len(plan.store.codes("contacts", "service"))
    parts = {"last": (month < 0) & (month >= -YEAR), "earlier": month < -YEAR, "used": lives & (month >= 0)}
    found = {}
    for name, inside in parts.items():
        kept = inside & (row >= 0)
        cell = row[kept] * width + service[kept]
        sums = np.bincount(cell, weights=n[kept], minlength=len(number) * width)
        found[name] = sums.reshape(len(number), width).astype(np.float32)
    return found


def _statuses(plan: Plan, bucket: int, number: Ints, day: Floats) -> Bools:
    """(n, statuses) whether a person was in the status on a day, as far as its controller's register may be used."""
    names = plan.store.codes("statuses", "status")
    held = np.zeros((len(number), len(names)), bool)
    if "statuses" not in plan.store.tables:
        return held
    columns = ("person", "status", "controller", "start_day", "end_day")
    spells: pd.DataFrame = plan.store.frame("statuses", bucket).select(*columns).collect("pandas").to_native()
    allowed = [i for i, code in enumerate(plan.store.codes("statuses", "controller")) if code in plan.controllers]
    spells = spells[spells["controller"].isna() | spells["controller"].isin(allowed)]
    when = pd.DataFrame({"row": np.arange(len(number)), "person": number, "day": day})
    met = when.merge(spells, on="person")
    now = met[(met["start_day"] <= met["day"]) & (met["end_day"].fillna(OPEN) >= met["day"])]
    held[now["row"].to_numpy(np.int64), now["status"].to_numpy(np.int64)] = True
    return held


def _members(plan: Plan, bucket: int, number: Ints, month: Ints) -> Bools:
    """(n, G) membership of persons in a month of their own."""
    runs = pq.read_table(plan.index.file(bucket)).to_pandas()
    code = {plan.index.ids.index(group): place for place, group in enumerate(plan.groups)}
    runs = runs[runs["group"].isin(list(code))].astype(np.int64)
    asked = pd.DataFrame({"row": np.arange(len(number)), "person": number, "month": month})
    met = asked.merge(runs, on="person")
    inside = met[(met["from_month"] <= met["month"]) & (met["to_month"] >= met["month"])]
    member = np.zeros((len(number), len(plan.groups)), bool)
    member[inside["row"].to_numpy(np.int64), inside["group"].map(code).to_numpy(np.int64)] = True
    return member


def _day(month: int) -> int:
    return day_number(first_day(month))
