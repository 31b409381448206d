"""From persons at index months to a cohort: follow-up, fine history of use, and traits, bucket by bucket."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.effectiveness.cohorts import SELECTION_MONTHS, Cohort
from ennakointi.effectiveness.eligibility import OPEN, Trials, cumulated, persons
from ennakointi.effectiveness.outcome_months import Reading, Weighted, day_of, of_bucket
from ennakointi.parameters.effect_documents import Contacts, Counted
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
    outcomes : what is counted, by the name of the outcome; the first is the primary one.
    covered : (municipalities, months of the data) by outcome: whether the register holds all its services.
    controllers : whose statuses may be used.
    follow_up : months that are followed, never beyond the last month of the data.
    washout : months after the index month that are left out before the follow-up.
    exposed : municipalities whose comparison persons the intervention may have reached.
    """

    intervention: str
    outcomes: Mapping[str, Counted | Weighted]
    covered: Mapping[str, Bools]
    controllers: Collection[str]
    follow_up: int
    washout: int = 0
    exposed: Collection[str] = ()

    @property
    def over_person_time(self) -> list[bool]:
        """(outcomes,) False for means and shares."""
        return [measure.over_person_time for measure in self.outcomes.values()]


def cohorts(reading: Reading, found: Trials, plan: CohortPlan) -> dict[str, Cohort]:
    """One cohort for each outcome, with the same covariates. Comparison persons in a status in which no
    enrolled person was are left out: they could not have been enrolled."""
    parts = []
    for bucket in range(BUCKETS):
        rows = np.flatnonzero(found.person % BUCKETS == bucket)
        if len(rows):
            parts.append(_bucket(reading, found, rows, plan))
    order = np.argsort(np.concatenate([part.rows for part in parts]), kind="stable")
    part = _joined(parts, order)
    values, names = _covariates(part, reading.store, plan, found)
    strange = part.statuses & ~part.statuses[found.enrolled].any(axis=0)
    known = _Known(part, found, values, names, np.asarray(~strange.any(axis=1)), _reached(part, found, reading, plan))
    return {name: _cohort(known, place, plan) for place, name in enumerate(plan.outcomes)}


def _reached(part: _Part, found: Trials, reading: Reading, plan: CohortPlan) -> Bools | None:
    """(n,) comparison persons of the municipalities that the intervention may have reached."""
    codes = reading.store.codes("persons", "municipality")
    places = [codes.index(code) for code in plan.exposed if code in codes]
    return np.asarray(np.isin(part.municipality, places) & ~found.enrolled) if places else None


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows of a bucket. Of each outcome (n, outcomes, …) the numerator and its exposure: person-years, or the referrals
    or measurements of a mean or a share."""

    rows: Ints
    used: NDArray[np.float32]  # (n, 8, 1 + services) all contacts, then by service, in the quarters −8…−1
    before: Floats  # (n, outcomes, 8)
    before_exposure: Floats
    follow: Floats  # (n, outcomes, months) in months that the register holds
    follow_exposure: Floats
    known_years: Floats  # residence in the two years before
    age: Floats
    sex: Ints
    municipality: Ints
    statuses: Bools
    later: Floats  # share of the follow-up after an enrolment of their own


@dataclass(frozen=True, eq=False)
class _Known:
    """What the cohorts of all outcomes share."""

    part: _Part
    found: Trials
    covariates: Floats
    names: tuple[str, ...]
    comparable: Bools
    reached: Bools | None


def _bucket(reading: Reading, found: Trials, rows: Ints, plan: CohortPlan) -> _Part:
    store, bucket = reading.store, int(found.person[rows[0]] % BUCKETS)
    known = persons(store, bucket, plan.intervention)
    index, person = found.index_month[rows], found.person[rows] // BUCKETS
    first_month = int(index.min()) - 3 * QUARTERS_BEFORE
    kept, case = np.unique(person, return_inverse=True)
    edges = (index - first_month)[:, None] + np.arange(-3 * QUARTERS_BEFORE, 1, 3)
    after = index[:, None] + 1 + plan.washout + np.arange(plan.follow_up)
    inside = after <= reading.last_month
    years = known.days(person, first_month + edges[:, :-1], first_month + edges[:, 1:] - 1) / DAYS_PER_YEAR
    before, follow = [], []
    for measure in plan.outcomes.values():
        sums = _cumulated(reading, bucket, measure, kept, len(known), first_month)
        place = np.minimum(after - first_month, sums[0].shape[1] - 2)
        before.append([np.diff(one[case[:, None], edges], axis=1) for one in sums])
        follow.append([one[case[:, None], place + 1] - one[case[:, None], place] for one in sums])
    held = _held(plan.covered, known.municipality[person], after, store.first_month) * inside[:, None, :]
    days = known.days(person, after, after) / DAYS_PER_YEAR
    earlier = (known.enrolled_month[person][:, None] < after) & ~found.enrolled[rows][:, None] & inside
    return _Part(
        rows=rows,
        used=_quarters_used(reading, bucket, kept, len(known), first_month, case, edges),
        before=np.stack([one for one, _ in before], axis=1),
        before_exposure=_exposure([below for _, below in before], years, plan),
        follow=np.stack([one for one, _ in follow], axis=1) * held,
        follow_exposure=_exposure([below for _, below in follow], days, plan) * held,
        known_years=years.sum(axis=1),
        age=(index - known.birth_month[person]) / 12,
        sex=known.sex[person],
        municipality=known.municipality[person],
        statuses=_statuses(store, bucket, person, index, plan.controllers),
        later=earlier.mean(axis=1),
    )


def _cumulated(
    reading: Reading, bucket: int, measure: Counted | Weighted, kept: Ints, n_persons: int, first_month: int
) -> tuple[Floats, Floats]:
    """(k, M + 1) numerator and denominator before each month of the persons kept."""
    row_of = np.full(n_persons, -1)
    row_of[kept] = np.arange(len(kept))
    return of_bucket(reading, bucket, measure).cumulated(row_of, len(kept), first_month, reading.last_month)


def _exposure(counted: Sequence[Floats], time: Floats, plan: CohortPlan) -> Floats:
    """(n, outcomes, …) person-years, or the counts of means and shares."""
    return np.stack([time if over else own for own, over in zip(counted, plan.over_person_time)], axis=1)


def _quarters_used(
    reading: Reading, bucket: int, kept: Ints, n_persons: int, first_month: int, case: Ints, edges: Ints
) -> NDArray[np.float32]:
    """(n, 8, 1 + services) all contacts, and those of each service, in the quarters before."""
    n_services = len(reading.store.codes("contacts", "service"))
    sets = np.concatenate([np.ones((1, n_services), bool), np.eye(n_services, dtype=bool)])
    file = reading.person_months / f"bucket={bucket:02d}.parquet"
    counts = cumulated(file, n_persons, first_month, reading.last_month, sets, kept)
    return np.diff(counts[case[:, None], edges], axis=1).astype(np.float32)


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


def _covariates(part: _Part, store: Store, plan: CohortPlan, found: Trials) -> tuple[Floats, tuple[str, ...]]:
    """Covariates and their names: the primary outcome and all contacts by quarter, the services and other outcomes by
    year, all on a log scale; means and shares of the year before; and traits."""
    columns: dict[str, Floats] = {}
    by_quarter = {"outcome": part.before[:, 0]} if plan.over_person_time[0] else {}
    by_quarter["all"] = part.used[:, :, 0].astype(float)
    for label, counts in by_quarter.items():
        columns |= {f"{label}_q{QUARTERS_BEFORE - q}": np.log1p(counts[:, q]) for q in range(QUARTERS_BEFORE)}
    year, earlier = part.used[:, 4:, 1:].sum(axis=1), part.used[:, :4, 1:].sum(axis=1)
    for place, code in enumerate(store.codes("contacts", "service")):
        if (year[:, place] > 0).mean() > USED_BY:
            columns |= {f"{code}_1y": np.log1p(year[:, place]), f"{code}_2y": np.log1p(earlier[:, place])}
    for place, (name, measure) in enumerate(plan.outcomes.items()):
        columns |= _own_year(part, place, name, measure)
    columns |= _traits(part, store)
    columns["index_month"] = found.index_month[part.rows].astype(float)
    return np.column_stack([values.astype(float) for values in columns.values()]), tuple(columns)


def _own_year(part: _Part, place: int, name: str, measure: Counted | Weighted) -> dict[str, Floats]:
    """The outcome in the year before, where its contacts do not tell it. A mean that is not known is put at the average
    of the others, with a mark."""
    amount, exposure = (rows[:, place, 4:].sum(axis=1) for rows in (part.before, part.before_exposure))
    if measure.over_person_time:
        told = place == 0 or isinstance(measure, Weighted) or (isinstance(measure, Contacts) and measure.plain)
        return {} if told else {f"outcome_{name}_1y": np.log1p(amount)}
    known = exposure > 0
    if not known.any():
        return {}
    level = np.where(known, amount / np.where(known, exposure, 1), (amount[known] / exposure[known]).mean())
    return {f"outcome_{name}_1y": level, f"outcome_{name}_known": known.astype(float)}


def _traits(part: _Part, store: Store) -> dict[str, Floats]:
    traits = {"age": part.age, "age_squared": (part.age - 50) ** 2 / 100}
    traits["known_share"] = part.known_years / 2
    for name, values in (("sex", part.sex), ("municipality", part.municipality)):
        codes = store.codes("persons", name)
        traits |= {f"{name}_{codes[value]}": (values == value).astype(float) for value in np.unique(values)[1:]}
    for place, status in enumerate(store.codes("statuses", "status")):
        if part.statuses[:, place].any():
            traits[f"status_{status}"] = part.statuses[:, place].astype(float)
    return traits


def _cohort(known: _Known, place: int, plan: CohortPlan) -> Cohort:
    part, found = known.part, known.found
    seen = known.comparable & (part.follow_exposure[:, place].sum(axis=1) > 0)
    seen &= _both_kinds(found.cell, found.enrolled, seen)
    enrolled = found.enrolled[seen]
    events, exposure = part.follow[seen, place], part.follow_exposure[seen, place]
    before, before_exposure = part.before[seen, place], part.before_exposure[seen, place]
    n_after = events.shape[1] // 3
    follow = [rows[:, : 3 * n_after].reshape(len(events), n_after, 3).sum(axis=2) for rows in (events, exposure)]
    year = SELECTION_MONTHS // 3
    return Cohort(
        person=found.person[seen],
        enrolled=enrolled,
        index_month=found.index_month[seen],
        events=events.sum(axis=1),
        person_years=exposure.sum(axis=1),
        before_events=before[:, -year:].sum(axis=1),
        before_person_years=before_exposure[:, -year:].sum(axis=1),
        cell=found.cell[seen],
        covariates=known.covariates[seen],
        names=known.names,
        quarter=np.arange(-QUARTERS_BEFORE, n_after),
        quarter_events=np.hstack([before, follow[0]]),
        quarter_person_years=np.hstack([before_exposure, follow[1]]),
        later_enrolled=float(part.later[seen][~enrolled].mean()) if (~enrolled).any() else 0.0,
        asked=found.asked,
        population=population(found.pool) if place == 0 else {},
        exposed=None if known.reached is None else known.reached[seen],
        washout_months=plan.washout,
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
