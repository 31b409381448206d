"""Every reduction on DuckDB, pandas and PyArrow, and against loops over the raw rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ennakointi.panel import production, queue_flows, reductions
from ennakointi.periods import day_date, day_number, first_day, month_index, month_of
from ennakointi.schema import MODES

FIRST, LAST = month_index(2019, 11), month_index(2020, 4)
SPAN = day_number(first_day(FIRST)), day_number(first_day(LAST + 1)) - 1
MONTHS = range(FIRST, LAST + 1)
BOUNDS = (0, 7, 18, 65)
SINCE = (FIRST, FIRST + 2)
N_PERSONS, N_SERVICES, N_AREAS, UNKNOWN = 12, 3, 3, 9
REMOTE = ("phone", "letter")
Frames = Mapping[str, pd.DataFrame]


def random_frames(seed: int) -> Frames:
    """Tables of the store with every kind of hole in them."""
    rng = np.random.default_rng(seed)
    with_holes = lambda values, share: pd.array(  # noqa: E731 - local and short
        np.where(rng.random(len(values)) < share, None, values), dtype="Int32"
    )
    birth = rng.integers(SPAN[0] - 30000, SPAN[1], N_PERSONS)
    born = [day_date(day) for day in birth]
    persons = pd.DataFrame(
        {
            "person": np.arange(N_PERSONS, dtype=np.int32),
            "birth_day": birth.astype(np.int32),
            "birth_month": np.array([month_of(day) + (day.day > 1) for day in born], dtype=np.int32),
            "sex": rng.integers(0, 2, N_PERSONS).astype(np.uint8),
            "municipality": rng.integers(0, N_AREAS, N_PERSONS).astype(np.uint8),
            "resident_from_day": with_holes(rng.integers(SPAN[0] - 50, SPAN[1] + 20, N_PERSONS), 0.6),
            "resident_to_day": with_holes(rng.integers(SPAN[0] - 20, SPAN[1] + 50, N_PERSONS), 0.6),
            "death_day": with_holes(rng.integers(SPAN[0] - 20, SPAN[1] + 50, N_PERSONS), 0.8),
            "non_disclosure": pd.array(rng.choice([True, False, None], N_PERSONS), dtype="boolean"),
        }
    )
    n = 80
    contacts = pd.DataFrame(
        {
            "person": rng.integers(0, N_PERSONS, n).astype(np.int32),
            "month": rng.integers(FIRST, LAST + 1, n).astype(np.int32),
            "service": rng.integers(0, N_SERVICES, n).astype(np.uint8),
            "mode": rng.integers(0, len(MODES), n).astype(np.uint8),
            "attendance": with_holes(rng.integers(0, 4, n), 0.6),
            "provider": with_holes(rng.integers(0, 3, n), 0.5),
            "unit": pd.array(np.where(np.arange(n) % 5 == 0, None, np.arange(n) % 3), dtype="Int32"),
            "cost_eur": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 30000, n) / 100),
        }
    )
    starts = rng.integers(FIRST - 1, LAST + 1, 20)
    runs = pd.DataFrame({"group": rng.integers(0, 2, 20), "person": rng.permutation(N_PERSONS * 2)[:20] % N_PERSONS})
    runs = runs.assign(from_month=starts, to_month=starts + rng.integers(0, 5, 20))
    runs = runs.sort_values("from_month").drop_duplicates(["group", "person"]).astype(np.int32)
    received = rng.integers(SPAN[0] - 60, SPAN[1], 15)
    referrals = pd.DataFrame(
        {
            "person": rng.integers(0, N_PERSONS, 15).astype(np.int32),
            "service": rng.integers(0, N_SERVICES, 15).astype(np.uint8),
            "received_day": received.astype(np.int32),
            "started_day": with_holes(received + rng.integers(0, 150, 15), 0.5),
            "closed_day": with_holes(received + rng.integers(0, 150, 15), 0.5),
            "closed_reason": with_holes(np.arange(15) % 3, 0.3),
        }
    )
    cells = pd.MultiIndex.from_product([range(N_SERVICES), [*range(N_AREAS), UNKNOWN], MONTHS]).to_frame(index=False)
    coverage = cells.set_axis(["service", "municipality", "month"], axis=1)
    coverage = coverage.astype({"service": np.uint8, "municipality": np.int32, "month": np.int32})
    coverage["covered"] = rng.random(len(coverage)) < 0.7
    ages = [-12, *(12 * bound for bound in BOUNDS[1:]), 12 * 200]
    bands = pd.DataFrame(
        {"age_band": range(len(BOUNDS)), "from_age": ages[:-1], "to_age": np.array(ages[1:]) - 1},
        dtype=np.int32,
    )
    ends = [day_number(first_day(month + 1)) - 1 for month in MONTHS]
    return {
        "persons": persons,
        "contacts": contacts,
        "runs": runs,
        "referrals": referrals,
        "coverage": coverage,
        "bands": bands,
        "calendar": reductions.calendar(FIRST, LAST),
        "month_ends": pd.DataFrame({"month": MONTHS, "last_day": ends}, dtype=np.int32),
        "waiting_days": queue_flows.waiting_days(FIRST, LAST),
        "since": pd.DataFrame({"group": [0, 1], "since": SINCE}, dtype=np.int32),
    }


def on_duckdb(frames: Frames) -> dict[str, nw.LazyFrame[Any]]:
    connection = duckdb.connect(config={"threads": 1})
    for name, frame in frames.items():
        connection.register(name, pa.Table.from_pandas(frame, preserve_index=False))
    return {name: nw.from_native(connection.table(name)) for name in frames}


def on_pandas(frames: Frames) -> dict[str, nw.LazyFrame[Any]]:
    return {name: nw.from_native(frame).lazy() for name, frame in frames.items()}


def on_pyarrow(frames: Frames) -> dict[str, nw.LazyFrame[Any]]:
    tables = {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()}
    return {name: nw.from_native(table).lazy() for name, table in tables.items()}


def reduce(f: Mapping[str, nw.LazyFrame[Any]]) -> dict[str, nw.LazyFrame[Any]]:
    """Every public reduction, chained as the panels chain them."""
    months = reductions.person_months(f["contacts"], REMOTE)
    services = reductions.by_service(months)
    who = reductions.people(f["persons"], UNKNOWN)
    resident = reductions.residency(f["persons"], f["calendar"], SPAN)
    runs = reductions.resident_runs(f["runs"], resident)
    home = reductions.residence_runs(resident, -1)
    years = reductions.person_years(services, home, who, f["coverage"])
    return {
        "person_months": months,
        "people": who,
        "residency": resident,
        "runs": runs,
        "counts": reductions.counts(services, runs, who, BOUNDS),
        "totals": reductions.counts(reductions.across_services(months, -1), runs, who, BOUNDS),
        "steps": reductions.member_steps(runs, who, f["bands"]),
        "lost": reductions.lost_days(runs, who, resident, BOUNDS),
        "queue": reductions.queue(f["referrals"], runs, who, resident, f["month_ends"]),
        "queue_flows": queue_flows.table(
            f["referrals"], runs, who, resident, f["waiting_days"], f["month_ends"], f["since"], SPAN, (FIRST, LAST)
        ),
        "volumes": reductions.volumes(years, -1),
        "production": production.production(months, runs, who),
        "suppliers": production.suppliers(f["contacts"], runs, who),
    }


def sorted_rows(frame: nw.LazyFrame[Any]) -> pd.DataFrame:
    table = frame.collect("pandas").to_native()
    columns = sorted(table.columns)
    return table[columns].sort_values(columns, ignore_index=True)


@pytest.mark.parametrize("backend", [on_pandas, on_pyarrow], ids=["pandas", "pyarrow"])
def test_results_are_identical_on_every_backend(
    backend: Callable[[Frames], dict[str, nw.LazyFrame[Any]]],
) -> None:
    frames = random_frames(8)
    duck, other = reduce(on_duckdb(frames)), reduce(backend(frames))
    for name, frame in duck.items():
        expected = sorted_rows(frame)
        assert len(expected)
        pd.testing.assert_frame_equal(expected, sorted_rows(other[name]), check_dtype=False, check_exact=True)


def brute_force(frames: Frames) -> dict[str, Counter[Any]]:
    """The same numbers from loops over persons, days and rows."""
    people = {row.person: row for row in frames["persons"].itertuples()}
    area = {p: UNKNOWN if _secret(row) else row.municipality for p, row in people.items()}
    at_home = {
        p: set(filter(lambda day, row=row: _lives(row, day), range(SPAN[0], SPAN[1] + 1))) for p, row in people.items()
    }
    home_months = {(p, month_of(day_date(day))) for p, days in at_home.items() for day in days}
    members = {
        (run.group, run.person, month)
        for run in frames["runs"].itertuples()
        for month in range(run.from_month, run.to_month + 1)
        if (run.person, month) in home_months
    }
    groups: defaultdict[Any, list[int]] = defaultdict(list)
    for group, person, month in sorted(members):
        groups[person, month].append(group)
    found: dict[str, Counter[Any]] = defaultdict(Counter)
    for group, person, month in members:
        days = sum(month_of(day_date(day)) == month for day in at_home[person])
        found["days"][group, area[person], _band(people[person], month), people[person].sex, month] += days
    seen, met = set(), set()
    covered = frames["coverage"].set_index(["service", "municipality", "month"])["covered"]
    for c in frames["contacts"].itertuples():
        counts = MODES[c.mode] not in ("administrative", "professional") and (
            pd.isna(c.attendance) or c.attendance == 0
        )
        if not counts:
            continue
        cents = 0 if np.isnan(c.cost_eur) else round(c.cost_eur * 100)
        stratum = area[c.person], _band(people[c.person], c.month), people[c.person].sex, c.month
        for group in groups[c.person, c.month]:
            found["contacts"][group, c.service, *stratum] += 1
            found["cents"][group, c.service, *stratum] += cents
            seen.add((group, c.service, *stratum, c.person))
            provider = -1 if pd.isna(c.provider) else c.provider
            given = group, c.service, area[c.person], c.month, provider
            found["provider_contacts"][given] += 1
            if provider > 0:
                found["suppliers"][*given, -1 if pd.isna(c.unit) else c.unit] += 1
            if (given, c.person) not in met:
                met.add((given, c.person))
                found["provider_persons"][given] += 1
        if (c.person, c.month) in home_months and covered[c.service, area[c.person], c.month]:
            found["volume"][c.service, c.month // 12] += 1
            found["volume"][-1, c.month // 12] += 1
            seen.add(("volume", c.service, c.month // 12, c.person))
            seen.add(("volume", -1, c.month // 12, c.person))
    for key in seen:
        found["volume_persons" if key[0] == "volume" else "persons"][key[1:-1] if key[0] == "volume" else key[:-1]] += 1
    _wait(frames, at_home, area, groups, found)
    _flow(frames, at_home, area, members, found)
    return found


def _secret(person: Any) -> bool:
    return not pd.isna(person.non_disclosure) and bool(person.non_disclosure)


def _lives(person: Any, day: int) -> bool:
    bounds = [
        person.birth_day <= day,
        pd.isna(person.resident_from_day) or person.resident_from_day <= day,
        pd.isna(person.resident_to_day) or day <= person.resident_to_day,
        pd.isna(person.death_day) or day <= person.death_day,
    ]
    return all(bounds)


def _band(person: Any, month: int) -> int:
    """Band of the age in whole years at the first day of the month, from the dates themselves."""
    birth, today = day_date(person.birth_day), first_day(month)
    age = max(today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day)), 0)
    return max(i for i, bound in enumerate(BOUNDS) if age >= bound)


def _wait(frames: Frames, at_home: Any, area: Any, groups: Any, found: dict[str, Counter[Any]]) -> None:
    waiting = set()
    for number, r in enumerate(frames["referrals"].itertuples()):
        for month, end in frames["month_ends"].itertuples(index=False):
            left = min([day for day in (r.started_day, r.closed_day) if not pd.isna(day)], default=SPAN[1] + 1)
            if r.received_day <= end < left and end in at_home[r.person]:
                for group in groups[r.person, month]:
                    waiting.add((group, r.service, area[r.person], month, r.person, number))
    found["waiting"] = Counter(key[:4] for key in waiting)
    found["waiting_persons"] = Counter(key[:4] for key in {key[:5] for key in waiting})


def _flow(frames: Frames, at_home: Any, area: Any, members: Any, found: dict[str, Counter[Any]]) -> None:
    """Each referral followed month by month, in every group that its person was in when it came."""
    never = SPAN[1] + 1000
    for r in frames["referrals"].itertuples():
        came = month_of(day_date(r.received_day))
        exit_day = min([day for day in (r.started_day, r.closed_day) if not pd.isna(day)], default=never)
        by_care = any(not pd.isna(x) and x == y for x, y in ((r.started_day, exit_day), (r.closed_reason, 0)))
        stays_to = max(at_home[r.person], default=SPAN[0])
        gone_day = stays_to + 1 if stays_to < SPAN[1] else never
        out = min(month_of(day_date(day)) for day in (exit_day, gone_day))
        for group in (0, 1):
            counted_from = max(came, SINCE[group])
            if (group, r.person, counted_from) not in members or out < counted_from:
                continue
            for month in range(counted_from, min(out, LAST) + 1):
                in_care = by_care and month_of(day_date(exit_day)) == out
                kind = "flow_" + ("waiting" if month < out else "started" if in_care else "left")
                found[kind][group, r.service, area[r.person], month, month - came] += 1


def as_counter(table: pd.DataFrame, keys: list[str], value: str) -> Counter[Any]:
    return Counter(
        {
            tuple(int(k) for k in row[:-1]): int(row[-1])
            for row in table[[*keys, value]].itertuples(index=False)
            if row[-1]
        }
    )


def whole(counter: Counter[Any]) -> Counter[Any]:
    return Counter({tuple(int(k) for k in key): int(n) for key, n in counter.items() if n})


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_reductions_equal_loops_over_the_raw_rows(seed: int) -> None:
    frames = random_frames(seed)
    reduced = {name: sorted_rows(frame) for name, frame in reduce(on_duckdb(frames)).items()}
    truth = brute_force(frames)
    cell = ["group", "service", "municipality", "age_band", "sex", "month"]
    for value in ("contacts", "persons", "cents"):
        assert as_counter(reduced["counts"], cell, value) == whole(truth[value])
    place = ["group", "service", "municipality", "month"]
    for key in ("contacts", "persons"):
        assert as_counter(reduced["production"], [*place, "provider"], key) == whole(truth[f"provider_{key}"])
    bought = as_counter(reduced["suppliers"], [*place, "provider", "unit"], "contacts")
    assert bought == whole(truth["suppliers"])
    assert as_counter(reduced["queue"], place, "waiting") == whole(truth["waiting"])
    assert as_counter(reduced["queue"], place, "persons") == whole(truth["waiting_persons"])
    for value in ("waiting", "started", "left"):
        flows = as_counter(reduced["queue_flows"], [*place, "waited"], value)
        assert flows == whole(truth[f"flow_{value}"])
    assert as_counter(reduced["volumes"], ["service", "year"], "contacts") == whole(truth["volume"])
    assert as_counter(reduced["volumes"], ["service", "year"], "persons") == whole(truth["volume_persons"])
    assert member_days(reduced["steps"], reduced["lost"]) == whole(truth["days"])


def member_days(steps: pd.DataFrame, lost: pd.DataFrame) -> Counter[Any]:
    """Days of members from the steps and the lost days, cell by cell."""
    keys = ["group", "municipality", "age_band", "sex"]
    days = Counter(
        {
            (*map(int, key), month): int(part.loc[part["month"] <= month, "step"].sum())
            * ((first_day(month + 1) - first_day(month)).days)
            for key, part in steps.groupby(keys)
            for month in MONTHS
        }
    )
    days.subtract(as_counter(lost, [*keys, "month"], "lost"))
    return whole(days)


def test_the_flows_of_a_queue_balance() -> None:
    """waiting(t − 1, w − 1) = waiting(t, w) + started(t, w) + left(t, w), in every cell."""
    flows = sorted_rows(reduce(on_duckdb(random_frames(8)))["queue_flows"])
    keys = ["group", "service", "municipality", "month", "waited"]
    stock = Counter(as_counter(flows, keys, "waiting"))
    later = flows[flows["waited"] > 0]
    after = sum((as_counter(later, keys, value) for value in ("waiting", "started", "left")), Counter())
    since = dict(enumerate(SINCE))
    before = Counter({(g, s, m, t + 1, w + 1): n for (g, s, m, t, w), n in stock.items() if t < LAST})
    known = Counter({key: n for key, n in after.items() if key[3] > since[key[0]]})
    assert before
    assert before == known


def test_costs_do_not_depend_on_the_order_of_addition() -> None:
    frames = dict(random_frames(3))
    forward = sorted_rows(reduce(on_duckdb(frames))["counts"])
    frames["contacts"] = frames["contacts"].iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(forward, sorted_rows(reduce(on_duckdb(frames))["counts"]), check_exact=True)
