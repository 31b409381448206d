"""Every shipped group, on the store and on frames of the same random county."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import parameters, rules, sources, store
from ennakointi.groups.store_history import StoreHistory
from ennakointi.periods import day_number, month_index, month_of
from ennakointi.store.layout import BUCKETS

N = 240
FIRST_DAY, AS_OF = date(2017, 1, 1), date(2021, 6, 30)
FIRST, LAST = month_index(2017, 1), month_index(2021, 6)
Rng = np.random.Generator


def days(rng: Rng, n: int, first: date = FIRST_DAY, last: date = AS_OF) -> list[date]:
    return [first + timedelta(days=int(d)) for d in rng.integers(0, (last - first).days + 1, n)]


def some(rng: Rng, values: list, share: float) -> list:
    return [value if rng.random() < share else None for value in values]


def county(rng: Rng) -> dict[str, pd.DataFrame]:
    """Random tables of the contract; a person's place in the store is the number in its identifier."""
    settings = parameters.load()
    services, modes = (
        list(settings.services),
        ["in_person", "phone", "remote_async", "administrative", "home"],
    )
    codes = [
        ("F32.1", "icd10"),
        ("I10", "icd10"),
        ("E11.9", "icd10"),
        ("Z73", "icd10"),
        ("W01", "icd10"),
        ("F70", "icd10"),
        ("P76", "icpc2"),
        ("P03", "icpc2"),
        ("R74", "icpc2"),
        ("T90", "icpc2"),
        ("Z05", "icpc2"),
        ("F10.0", "icd10"),
        ("R10", "icd10"),
        ("Z02.7", "icd10"),
    ]

    def persons(n: int) -> list[str]:
        return [f"p{i:05d}" for i in rng.integers(0, N, n)]

    n = 3000
    began = days(rng, n)
    coded = [codes[i] if rng.random() < 0.4 else (None, None) for i in rng.integers(0, len(codes), n)]
    contacts = pd.DataFrame(
        {
            "contact_id": range(n),
            "person_id": persons(n),
            "started_at": pd.to_datetime(began),
            "service": rng.choice(services, n),
            "mode": rng.choice(modes, n),
            "profession": rng.choice(["nurse", "physician", "psychologist"], n),
            "nature": some(rng, list(rng.choice(["planned", "curative"], n)), 0.8),
            "specialty": some(rng, list(rng.choice(["70", "98"], n)), 0.3),
            "attendance": some(rng, list(rng.choice(["attended", "no_show", "cancelled_client"], n)), 0.3),
            "diagnosis": [code for code, _ in coded],
            "diagnosis_system": [system for _, system in coded],
        }
    )
    n = 900
    picked = [codes[i] for i in rng.integers(0, len(codes), n)]
    diagnoses = pd.DataFrame(
        {
            "person_id": persons(n),
            "recorded_on": days(rng, n),
            "code": [c for c, _ in picked],
            "system": [s for _, s in picked],
        }
    )
    medicines = pd.DataFrame(
        {
            "person_id": persons(200),
            "dispensed_on": days(rng, 200),
            "atc": rng.choice(["N06AB04", "C09AA05", "N06DA02"], 200),
        }
    )
    n = 300
    states = [
        ("unemployed", "employment"),
        ("social_assistance", "kela"),
        ("reduced_work_ability", "kela"),
        ("student", "education"),
        ("outside_education", "education"),
        ("informal_carer", "county"),
        ("informal_care_recipient", None),
        ("disability_service", "county"),
        ("home_care", "county"),
        ("social_welfare_client", "county"),
        ("family_with_children", "county"),
    ]
    held = [states[i] for i in rng.integers(0, len(states), n)]
    start = days(rng, n)
    statuses = pd.DataFrame(
        {
            "person_id": persons(n),
            "controller": [c for _, c in held],
            "status": [s for s, _ in held],
            "start_date": start,
            "end_date": some(
                rng,
                [min(d + timedelta(days=int(k)), AS_OF) for d, k in zip(start, rng.integers(0, 900, n))],
                0.7,
            ),
        }
    )
    n = 300
    received = days(rng, n)
    later = [
        [min(d + timedelta(days=int(k)), AS_OF) for d, k in zip(received, rng.integers(0, 400, n))] for _ in range(4)
    ]
    referrals = pd.DataFrame(
        {
            "referral_id": range(n),
            "person_id": persons(n),
            "received_on": received,
            "service": rng.choice(["specialised_outpatient", "social_rehabilitation"], n),
            "specialty": some(rng, list(rng.choice(["70", "98"], n)), 0.8),
            "assessment_started_on": received,
            "assessed_on": some(rng, [max(a, b) for a, b in zip(received, later[0])], 0.7),
            "need_ascertained_on": some(rng, later[1], 0.6),
            "started_on": some(rng, later[2], 0.5),
            "closed_on": some(rng, later[3], 0.3),
        }
    )
    plans = pd.DataFrame({"person_id": persons(60), "made_on": days(rng, 60), "kind": "service_plan"})
    measurements = pd.DataFrame(
        {
            "person_id": persons(300),
            "measured_on": days(rng, 300),
            "value": rng.uniform(2, 150, 300),
            "measure": rng.choice(["bmi", "hba1c_mmol_mol", "systolic_mmhg", "ldl_mmol_l"], 300),
        }
    )
    births = [
        *days(rng, N - 40, date(1930, 1, 1), date(2003, 1, 1)),
        *days(rng, 40, date(2003, 1, 1), FIRST_DAY),
    ]
    people = pd.DataFrame(
        {
            "person_id": [f"p{i:05d}" for i in range(N)],
            "birth_date": births,
            "sex": rng.choice(["female", "male"], N),
            "municipality": rng.choice(["398", "111"], N),
            "resident_from": some(rng, days(rng, N, FIRST_DAY, date(2019, 1, 1)), 0.2),
            "resident_to": some(rng, days(rng, N, date(2019, 1, 2), AS_OF), 0.1),
        }
    )
    return {
        "persons": people,
        "contacts": contacts,
        "diagnoses": diagnoses,
        "medicines": medicines,
        "statuses": statuses,
        "referrals": referrals,
        "plans": plans,
        "measurements": measurements,
    }


def in_memory(tables: dict[str, pd.DataFrame]) -> rules.FrameHistory:
    """The same tables under the names of the store, made without it."""
    event = {
        "contacts": "started_at",
        "diagnoses": "recorded_on",
        "medicines": "dispensed_on",
        "statuses": "start_date",
        "referrals": "received_on",
        "plans": "made_on",
        "measurements": "measured_on",
    }
    frames = {}
    for table, rows in tables.items():
        frame = pd.DataFrame({"person": rows["person_id"].str[1:].astype(int)})
        for column in rows.columns.drop("person_id"):
            stem = column.removesuffix("_on").removesuffix("_at").removesuffix("_date")
            dated = stem != column or column.startswith("resident")
            frame[f"{stem}_day" if dated else column] = _numbers(rows[column]) if dated else rows[column]
        if table in event:
            frame["month"] = [month_of(pd.Timestamp(d)) for d in rows[event[table]]]
        frames[table] = frame
    births = pd.to_datetime(tables["persons"]["birth_date"])
    frames["persons"]["birth_month"] = [month_of(b) + (b.day > 1) for b in births]
    return rules.FrameHistory(frames, N, FIRST, LAST - FIRST + 1)


def _numbers(values: pd.Series) -> pd.Series:
    made = [None if pd.isna(v) else day_number(pd.Timestamp(v).date()) for v in values]
    return pd.Series(made, dtype="Int64", index=values.index)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[store.Store, rules.FrameHistory, Callable]:
    folder: Path = tmp_path_factory.mktemp("county")
    tables = county(np.random.default_rng(20260101))
    (folder / "data").mkdir()
    for name, rows in tables.items():
        rows.to_parquet(folder / "data" / f"{name}.parquet", index=False)
    built = store.build(sources.discover(folder / "data"), folder / "work" / "store", parameters.load(), AS_OF)
    return built, in_memory(tables)


def test_store_and_frames_give_the_same_members_for_every_shipped_group(both):
    built, frames = both
    groups = parameters.load().target_groups
    empty = []
    connection = built.connection()
    for name, group in groups.items():
        expected = rules.evaluate(group.who, frames)
        for bucket in (0, 7, 15):
            history = StoreHistory(built, bucket, FIRST, LAST - FIRST + 1, connection)
            np.testing.assert_array_equal(rules.evaluate(group.who, history), expected[bucket::BUCKETS], name)
        if not expected.any():
            empty.append(name)
    connection.close()
    assert not empty, "a group without a member compares nothing"


def test_group_references_do_not_change_with_the_order_of_evaluation(both):
    _, frames = both
    groups = parameters.load().target_groups
    memo: dict = {}
    for name in reversed(groups):
        np.testing.assert_array_equal(
            rules.evaluate(groups[name].who, frames, memo), rules.evaluate(groups[name].who, frames), name
        )
