"""From persons at index months to a cohort: follow-up, fine history of use, and traits, bucket by bucket."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.effectiveness.cohorts import SELECTION_MONTHS, Cohort
from ennakointi.effectiveness.eligibility import OPEN, Trials, cumulated, day_of, persons
from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.store import Store
from ennakointi.store.layout import BUCKETS

QUARTERS_BEFORE = 8
USED_BY = 0.02  # a service enters the history when this share of the rows used it


@dataclass(frozen=True, eq=False)
class CohortPlan:
    """What a cohort holds.

    Attributes
    ----------
    outcomes : services by the name of the outcome; the first is the primary one.
    covered : (municipalities, months of the data) by outcome: whether the register holds all its services.
    controllers : whose statuses may be used.
    follow_up : months after the index month, never beyond `last_month`.
    """

    intervention: str
    outcomes: Mapping[str, Collection[str]]
    covered: Mapping[str, Bools]
    controllers: Collection[str]
    follow_up: int
    last_month: int


def cohorts(store: Store, person_months: Path, found: Trials, plan: CohortPlan) -> dict[str, Cohort]:
    """One cohort for each outcome, with the same covariates. Comparison persons in a status in which no
    enrolled person was are left out: they could not have been enrolled."""
    codes = store.codes("contacts", "service")
    of_outcome = [np.array([code in services for code in codes]) for services in plan.outcomes.values()]
    sets = np.concatenate([np.stack(of_outcome), np.ones((1, len(codes)), bool), np.eye(len(codes), dtype=bool)])
    parts = []
    for bucket in range(BUCKETS):
        rows = np.flatnonzero(found.person % BUCKETS == bucket)
        if len(rows):
            parts.append(_bucket(store, person_months, found, rows, sets, plan))
    order = np.argsort(np.concatenate([part.rows for part in parts]), kind="stable")
    part = _joined(parts, order)
    values, names = _covariates(part, store, len(plan.outcomes), found)
    strange = part.statuses & ~part.statuses[found.enrolled].any(axis=0)
    comparable = np.asarray(~strange.any(axis=1))
    return {name: _cohort(part, place, found, values, names, comparable) for place, name in enumerate(plan.outcomes)}


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of a bucket: counts by set and quarter, days by outcome and quarter, traits."""

    rows: Ints
    quarters: NDArray[np.float32]  # (n, Q, F) contacts, quarters −8…−1 then those of the follow-up
    follow_events: Floats  # (n, outcomes, months) contacts in covered months
    follow_days: Floats  # (n, outcomes, months)
    before_days: Floats  # (n, 8) days in the quarters before
    age: Floats
    sex: Ints
    municipality: Ints
    statuses: Bools
    later: Floats  # share of the follow-up after an enrolment of their own


def _bucket(store: Store, person_months: Path, found: Trials, rows: Ints, sets: Bools, plan: CohortPlan) -> _Part:
    bucket = int(found.person[rows[0]] % BUCKETS)
    known = persons(store, bucket, plan.intervention)
    index, person = found.index_month[rows], found.person[rows] // BUCKETS
    first_month = int(index.min()) - 3 * QUARTERS_BEFORE
    kept, case = np.unique(person, return_inverse=True)
    file = person_months / f"bucket={bucket:02d}.parquet"
    counts = cumulated(file, len(known), first_month, plan.last_month, sets, kept)
    edges = (index - first_month)[:, None] + np.arange(-3 * QUARTERS_BEFORE, 1, 3)
    after = index[:, None] + 1 + np.arange(plan.follow_up)
    inside = after <= plan.last_month
    place = np.minimum(after - first_month, counts.shape[1] - 2)
    monthly = counts[case[:, None], place + 1] - counts[case[:, None], place]
    held = _held(plan.covered, known.municipality[person], after, store.first_month) * inside[:, None, :]
    later = (known.enrolled_month[person][:, None] < after) & ~found.enrolled[rows][:, None] & inside
    return _Part(
        rows=rows,
        quarters=np.diff(counts[case[:, None], edges], axis=1).astype(np.float32),
        follow_events=np.moveaxis(monthly[:, :, : len(plan.outcomes)], 2, 1) * held,
        follow_days=known.days(person, after, after)[:, None, :] * held,
        before_days=known.days(person, first_month + edges[:, :-1], first_month + edges[:, 1:] - 1).astype(float),
        age=(index - known.birth_month[person]) / 12,
        sex=known.sex[person],
        municipality=known.municipality[person],
        statuses=_statuses(store, bucket, person, index, plan.controllers),
        later=later.mean(axis=1),
    )


def _held(covered: Mapping[str, Bools], municipality: Ints, months: Ints, first_month: int) -> Floats:
    """(n, outcomes, months) 1 where the register holds the outcome."""
    cube = np.stack(list(covered.values()))
    place = np.clip(months - first_month, 0, cube.shape[2] - 1)
    return np.moveaxis(cube[:, municipality[:, None], place], 0, 1).astype(float)


def _statuses(store: Store, bucket: int, person: Ints, index: Ints, controllers: Collection[str]) -> Bools:
    """(n, statuses) whether the person was in the status on the first day of the index month."""
    names = store.codes("statuses", "status")
    held = np.zeros((len(person), len(names)), bool)
    if "statuses" not in store.tables:
        return held
    columns = ("person", "status", "controller", "start_day", "end_day")
    frame: pd.DataFrame = store.frame("statuses", bucket).select(*columns).collect("pandas").to_native()
    allowed = [place for place, code in enumerate(store.codes("statuses", "controller")) if code in controllers]
    kept = frame[frame["controller"].isna() | frame["controller"].isin(allowed)]
    trials = pd.DataFrame({"row": np.arange(len(person)), "person": person, "day": day_of(index)})
    spells = kept.assign(person=kept["person"].astype(np.int64) // BUCKETS)
    met = trials.merge(spells, on="person")
    now = met[(met["start_day"] <= met["day"]) & (met["end_day"].fillna(OPEN) >= met["day"])]
    held[now["row"].to_numpy(), now["status"].to_numpy(np.int64)] = True
    return held


def _joined(parts: Sequence[_Part], order: Ints) -> _Part:
    fields = _Part.__dataclass_fields__
    return _Part(**{name: np.concatenate([getattr(part, name) for part in parts])[order] for name in fields})


def _covariates(part: _Part, store: Store, n_outcomes: int, found: Trials) -> tuple[Floats, tuple[str, ...]]:
    """Covariates and their names: the primary outcome and all contacts by quarter, the services by year,
    all on a log scale, and traits."""
    columns: dict[str, Floats] = {}
    for label, place in (("outcome", 0), ("all", n_outcomes)):
        counts = part.quarters[:, :, place]
        columns |= {f"{label}_q{QUARTERS_BEFORE - q}": np.log1p(counts[:, q]) for q in range(QUARTERS_BEFORE)}
    services = part.quarters[:, :, n_outcomes + 1 :]
    year, earlier = services[:, 4:].sum(axis=1), services[:, :4].sum(axis=1)
    for place, code in enumerate(store.codes("contacts", "service")):
        if (year[:, place] > 0).mean() > USED_BY:
            columns |= {f"{code}_1y": np.log1p(year[:, place]), f"{code}_2y": np.log1p(earlier[:, place])}
    columns |= _traits(part, store)
    columns["index_month"] = found.index_month[part.rows].astype(float)
    return np.column_stack([values.astype(float) for values in columns.values()]), tuple(columns)


def _traits(part: _Part, store: Store) -> dict[str, Floats]:
    traits = {"age": part.age, "age_squared": (part.age - 50) ** 2 / 100}
    traits["known_share"] = part.before_days.sum(axis=1) / (DAYS_PER_YEAR * 2)
    for name, values in (("sex", part.sex), ("municipality", part.municipality)):
        codes = store.codes("persons", name)
        traits |= {f"{name}_{codes[value]}": (values == value).astype(float) for value in np.unique(values)[1:]}
    for place, status in enumerate(store.codes("statuses", "status")):
        if part.statuses[:, place].any():
            traits[f"status_{status}"] = part.statuses[:, place].astype(float)
    return traits


def _cohort(
    part: _Part, place: int, found: Trials, values: Floats, names: tuple[str, ...], comparable: Bools
) -> Cohort:
    seen = comparable & (part.follow_days[:, place].sum(axis=1) > 0)
    seen &= _both_kinds(found.cell, found.enrolled, seen)
    enrolled = found.enrolled[seen]
    events, days = part.follow_events[seen, place], part.follow_days[seen, place]
    before, before_days = part.quarters[seen, :, place].astype(float), part.before_days[seen]
    n_after = events.shape[1] // 3
    follow = [array[:, : 3 * n_after].reshape(len(events), n_after, 3).sum(axis=2) for array in (events, days)]
    year = SELECTION_MONTHS // 3
    return Cohort(
        person=found.person[seen],
        enrolled=enrolled,
        index_month=found.index_month[seen],
        events=events.sum(axis=1),
        person_years=days.sum(axis=1) / DAYS_PER_YEAR,
        before_events=before[:, -year:].sum(axis=1),
        before_person_years=before_days[:, -year:].sum(axis=1) / DAYS_PER_YEAR,
        cell=found.cell[seen],
        covariates=values[seen],
        names=names,
        quarter=np.arange(-QUARTERS_BEFORE, n_after),
        quarter_events=np.hstack([before, follow[0]]),
        quarter_person_years=np.hstack([before_days, follow[1]]) / DAYS_PER_YEAR,
        later_enrolled=float(part.later[seen][~enrolled].mean()) if (~enrolled).any() else 0.0,
        asked=found.asked,
        population=population(found.pool) if place == 0 else {},
    )


def _both_kinds(cell: Ints, enrolled: Bools, seen: Bools) -> Bools:
    """(n,) rows of the cells that have enrolled and comparison persons among the seen."""
    _, place = np.unique(cell, return_inverse=True)
    one, other = (np.bincount(place, weights=kind & seen) > 0 for kind in (enrolled, ~enrolled))
    return np.asarray((one & other)[place])


def population(pool: Floats) -> dict[str, float]:
    """Correlation of two years' outcome and its mean, from n, Σx, Σy, Σx², Σy², Σxy; empty when unknown."""
    n, x, y, xx, yy, xy = pool
    if n < 2:
        return {}
    spread = np.sqrt((xx - x * x / n) * (yy - y * y / n))
    return {} if spread == 0 else {"correlation": float((xy - x * y / n) / spread), "mean": float(x / n)}
