"""Clean rows of every contract table, written by hand, and ways to deliver them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

from ennakointi import sources, store
from ennakointi.database import Limits, connect
from ennakointi.quality import measures
from ennakointi.store import screening
from ennakointi.store.validation import Knowledge

SERVICES = ("primary_care", "oral_health", "home_care", "ward_care")
AS_OF = date(2024, 12, 31)
LENIENT = Limits(memory="300MB", disk="1GB", threads=1, quarantined_share=1.0)


@dataclass(frozen=True)
class Settings:
    """What the store reads of the parameters."""

    services: dict[str, object] = field(default_factory=lambda: dict.fromkeys(SERVICES))


def persons(n: int = 20) -> pd.DataFrame:
    """Persons p00, p01, … born a year apart from 1950-03-15; p01 died on 2023-06-01, p02 moved out."""
    return pd.DataFrame(
        {
            "person_id": [f"p{i:02}" for i in range(n)],
            "birth_date": [date(1950 + i, 3, 15 if i % 2 == 0 else 1) for i in range(n)],
            "sex": ["female" if i % 2 else "male" for i in range(n)],
            "municipality": ["398" if i % 3 else "111" for i in range(n)],
            "resident_from": [date(1990, 1, 1)] * n,
            "resident_to": [None, None, date(2022, 1, 31), *[None] * (n - 3)],
            "death_date": [None, date(2023, 6, 1), *[None] * (n - 2)],
            "household_id": [f"h{i // 2}" for i in range(n)],
            "non_disclosure": [i == 3 for i in range(n)],
        }
    )


def contacts(n: int = 200) -> pd.DataFrame:
    """Contacts c000, … of persons p00 … p19 in turn, from 2020-01-01 every second day at 08:15."""
    started = pd.Timestamp("2020-01-01 08:15") + pd.to_timedelta([2 * i for i in range(n)], unit="D")
    return pd.DataFrame(
        {
            "contact_id": [f"c{i:03}" for i in range(n)],
            "person_id": [f"p{i % 20:02}" for i in range(n)],
            "started_at": started,
            "service": [SERVICES[i % 3] for i in range(n)],
            "mode": ["in_person" if i % 2 else "phone" for i in range(n)],
            "profession": ["nurse" if i % 4 else None for i in range(n)],
            "unit": [f"unit {i % 5}" for i in range(n)],
            "professional_id": [f"x{i % 7}" for i in range(n)],
            "episode_id": [f"e{i % 20:02}-{i // 60}" for i in range(n)],
            "contacted_at": started - pd.Timedelta(hours=3),
            "cost_eur": [10.5 * (i % 9) for i in range(n)],
            "duration_minutes": [15.0 * (i % 3) for i in range(n)],
        }
    )


def others() -> dict[str, pd.DataFrame]:
    """A few clean rows of each optional table."""
    day, time = date(2021, 5, 3), pd.Timestamp("2021-05-03 10:00")
    return {
        "diagnoses": pd.DataFrame(
            {
                "person_id": ["p04", "p05"],
                "recorded_on": [day, day],
                "code": ["I10", "E11"],
                "system": ["icd10", "icd10"],
                "rank": [1, 2],
                "contact_id": ["c004", "c999"],
            }
        ),
        "medicines": pd.DataFrame({"person_id": ["p04"], "dispensed_on": [day], "atc": ["C09AA02"], "packages": [2.0]}),
        "requests": pd.DataFrame(
            {
                "request_id": [1, 2],
                "person_id": ["p04", None],
                "requested_at": [time, time],
                "channel": ["phone", "chat"],
                "answered_at": [time + pd.Timedelta(minutes=4), None],
                "outcome": ["solved", "open"],
            }
        ),
        "referrals": pd.DataFrame(
            {
                "referral_id": ["r1", "r2"],
                "person_id": ["p04", "p05"],
                "service": ["ward_care", "ward_care"],
                "received_on": [day, day],
                "assessment_started_on": [day, None],
                "assessed_on": [day, None],
                "started_on": [date(2021, 6, 1), None],
                "closed_on": [date(2021, 6, 1), date(2025, 2, 1)],
                "closed_reason": ["started", "started"],
                "priority": [1, 2],
            }
        ),
        "stays": pd.DataFrame(
            {
                "stay_id": ["s1"],
                "person_id": ["p04"],
                "service": ["ward_care"],
                "unit": ["ward 1"],
                "admitted_at": [time],
                "ready_at": [time + pd.Timedelta(days=2)],
                "discharged_at": [time + pd.Timedelta(days=3)],
                "cost_eur": [900.0],
            }
        ),
        "statuses": pd.DataFrame(
            {
                "person_id": ["p04"],
                "controller": ["county"],
                "status": ["home_care"],
                "start_date": [day],
                "end_date": [date(2021, 9, 1)],
            }
        ),
        "enrolments": pd.DataFrame(
            {
                "person_id": ["p04"],
                "intervention": ["team_model"],
                "enrolled_on": [day],
                "ended_on": [date(2021, 9, 1)],
                "completed": [True],
            }
        ),
        "plans": pd.DataFrame({"person_id": ["p04"], "made_on": [day], "kind": ["care_plan"]}),
        "slots": pd.DataFrame(
            {
                "observed_on": [day],
                "unit": ["unit 1"],
                "service": ["oral_health"],
                "profession": ["dentist"],
                "provider_id": ["d1"],
                "third_free_on": [date(2021, 6, 1)],
            }
        ),
        "capacity": pd.DataFrame({"month": ["2021-05"], "service": ["oral_health"], "unit": ["unit 1"], "fte": [2.5]}),
        "coverage": pd.DataFrame(
            {
                "municipality": ["111", "398"],
                "service": ["oral_health", "oral_health"],
                "month": ["2021-05", "2021-05-01"],
                "status": ["none", "complete"],
            }
        ),
        "population": pd.DataFrame(
            {
                "year": [2021],
                "municipality": ["111"],
                "age": [100],
                "sex": ["female"],
                "persons": [7.0],
                "variant": ["observed"],
            }
        ),
        "measurements": pd.DataFrame(
            {"person_id": ["p04"], "measured_on": [day], "measure": ["hba1c_mmol_mol"], "value": [48.0]}
        ),
        "feedback": pd.DataFrame({"answered_on": [day], "nps": [9], "rating": [5], "unit": ["unit 1"]}),
        "panel": pd.DataFrame(
            {
                "area": ["county:07"],
                "target_group": ["all"],
                "service": ["C09"],
                "period_start": [date(2021, 5, 3)],
                "frequency": ["W"],
                "value": [12.0],
                "measure": ["purchases"],
                "population": [200_000.0],
            }
        ),
        "indicators": pd.DataFrame(
            {
                "indicator": ["wait"],
                "region": ["county:07"],
                "period": ["2024Q3"],
                "value": [1.5],
                "source": ["survey"],
            }
        ),
    }


def county() -> dict[str, pd.DataFrame]:
    """Every contract table, clean."""
    return {"persons": persons(), "contacts": contacts(), **others()}


def deliver(folder: Path, tables: dict[str, pd.DataFrame], form: str = "parquet") -> sources.Source:
    """Write the tables as `parquet`, or as `csv` with semicolons, and find them again."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        if form == "parquet":
            rows.to_parquet(folder / f"{table}.parquet", index=False)
        else:
            rows.to_csv(folder / f"{table}.csv", index=False, sep=";")
    return sources.discover(folder)


def build(folder: Path, tables: dict[str, pd.DataFrame], form: str = "parquet", **options: object) -> store.Store:
    """The store of the tables, in `folder/work/store`."""
    source = deliver(folder / "data", tables, form)
    settings = {"parameters": Settings(), "as_of": AS_OF, "limits": LENIENT, **options}
    return store.build(source, folder / "work" / "store", **settings)  # type: ignore[arg-type]


@cache
def volumes(folder: Path) -> pd.DataFrame:
    """The measure `quality_volumes` of the store in a folder."""
    return measures.of_store(store.open(folder, LENIENT), {})["quality_volumes"]


def screened(
    folder: Path, tables: dict[str, pd.DataFrame], form: str = "parquet"
) -> tuple[screening.Screened, pd.DataFrame]:
    """The outcome of screening the tables, and the quarantined places: tbl, file, line, column, rule."""
    deliver(folder / "data", tables, form)
    return rescreened(folder)


def rescreened(folder: Path) -> tuple[screening.Screened, pd.DataFrame]:
    """As `screened`, for what lies in `folder/data`."""
    source = sources.discover(folder / "data")
    staging = folder / "staging"
    staging.mkdir(exist_ok=True)
    connection = connect(staging, source.places, LENIENT)
    try:
        knowledge = Knowledge({"services": SERVICES}, AS_OF, AS_OF)
        outcome = screening.screen(connection, source, knowledge, staging)
        return outcome, connection.execute("SELECT * FROM quarantined ORDER BY ALL").df()
    finally:
        connection.close()
