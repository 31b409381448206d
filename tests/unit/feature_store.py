"""A store of five persons whose features are worked out by hand in `test_features.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import small_county

from ennakointi.parameters import Parameters
from ennakointi.store import Store

AS_OF = date(2021, 12, 31)
ALICE, BEA, CARL, DORA, EVE = range(5)  # numbers of the persons in the store: their identifiers rise


def parameters(quarters: int = 4, **bases: str) -> Parameters:
    """The shipped parameters with few quarters, and legal bases by controller."""
    shipped = small_county.shipped()
    return replace(shipped, features=shipped.features.model_copy(update={"quarters": quarters}), legal_basis=bases)


def tables() -> dict[str, pd.DataFrame]:
    """Alice uses everything, Bea nothing (arrived 2021-08-15), Carl died 2021-05-20, Dora moved out 2020-11-30, Eve was
    born 2021-11-02."""
    return {
        "persons": _persons(),
        "contacts": _contacts(),
        "stays": _stays(),
        "medicines": pd.DataFrame(
            {
                "person_id": ["a"] * 3,
                "dispensed_on": [date(2021, 10, 10), date(2021, 1, 5), date(2021, 2, 5)],
                "atc": ["N06AB04", "A10BA02", "N06AB04"],
                "cost_eur": [10.5, 5.0, 10.0],
            }
        ),
        "requests": pd.DataFrame(
            {
                "request_id": ["r1", "r2", "r3"],
                "person_id": ["a"] * 3,
                "requested_at": [datetime(2021, 12, 1, 9), datetime(2021, 7, 1, 9), datetime(2020, 3, 1, 9)],
                "channel": ["phone"] * 3,
                "outcome": ["solved", "redirected", "abandoned"],
            }
        ),
        "referrals": pd.DataFrame(
            {
                "referral_id": ["q1", "q2", "q3"],
                "person_id": ["a", "a", "c"],
                "service": ["specialised_outpatient"] * 3,
                "received_on": [date(2021, 6, 1), date(2021, 11, 1), date(2021, 1, 1)],
                "started_on": [None, AS_OF, None],
            }
        ),
        "statuses": pd.DataFrame(
            {
                "person_id": ["a"] * 3,
                "controller": ["employment", "county", "county"],
                "status": ["unemployed", "home_care", "disability_service"],
                "start_date": [date(2021, 1, 1), date(2021, 11, 15), date(2020, 10, 1)],
                "end_date": [date(2021, 3, 31), None, date(2020, 12, 31)],
            }
        ),
        "diagnoses": pd.DataFrame(
            {
                "person_id": ["a"] * 5,
                "recorded_on": [
                    date(2019, 2, 1),
                    date(2021, 5, 5),
                    date(2020, 12, 1),
                    date(2021, 5, 5),
                    date(2020, 1, 1),
                ],
                "code": ["E11", "I10", "S82.1", "T90", "F03"],
                "system": ["icd10", "icd10", "icd10", "icpc2", "other"],
            }
        ),
        "plans": pd.DataFrame({"person_id": ["a"], "made_on": [date(2020, 1, 15)], "kind": ["service_plan"]}),
    }


def build(folder: Path, given: Mapping[str, pd.DataFrame]) -> Store:
    """The store of the tables."""
    return small_county.build_store(folder, AS_OF, **given)


def _persons() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person_id": list("abcde"),
            "birth_date": [date(1950, 5, 10), date(1990, 1, 1), date(1940, 1, 1), date(2000, 2, 29), date(2021, 11, 2)],
            "sex": ["female", "female", "male", "female", "female"],
            "municipality": ["398", "398", "111", "398", "398"],
            "resident_from": [None, date(2021, 8, 15), None, None, None],
            "resident_to": [None, None, None, date(2020, 11, 30), None],
            "death_date": [None, None, date(2021, 5, 20), None, None],
            "language": ["fi", None, "sv", "fi", "fi"],
            "non_disclosure": [False, True, False, False, False],
        }
    )


def _contacts() -> pd.DataFrame:
    """Alice's contacts, one that is no contact with the client and one that was missed among them; Carl's last."""
    rows = [
        ("a", "2019-01-02 10:00", "primary_care", "in_person", "nurse", None, "u1", "p1", "attended", 10.0),
        (
            "a",
            "2020-02-03 10:00",
            "primary_care",
            "in_person",
            "physician",
            "non_urgent",
            "u1",
            "p1",
            "attended",
            100.0,
        ),
        ("a", "2021-02-10 07:30", "emergency", "in_person", "physician", "urgent", "u2", "p1", "attended", None),
        ("a", "2021-10-05 10:00", "primary_care", "phone", "nurse", "non_urgent", "u1", "p2", None, 20.0),
        ("a", "2021-10-09 10:00", "social_guidance", "home", "social_instructor", None, "u3", "p1", "attended", 30.0),
        ("a", "2021-11-01 10:00", "primary_care", "administrative", "nurse", None, "u4", "p3", "attended", 5.0),
        ("a", "2021-11-02 10:00", "oral_health", "in_person", "dentist", None, "u4", "p3", "no_show", 5.0),
        ("c", "2021-03-01 10:00", "ward_care", "inpatient", "physician", None, "u5", None, "attended", 500.0),
    ]
    names = ["person_id", "started_at", "service", "mode", "profession", "urgency", "unit", "professional_id"]
    table = pd.DataFrame(rows, columns=[*names, "attendance", "cost_eur"])
    table["started_at"] = pd.to_datetime(table["started_at"])
    table.loc[2, ["diagnosis", "diagnosis_system"]] = ["J45.9", "icd10"]  # asthma stands in a contact alone
    return table.assign(contact_id=[f"c{place}" for place in range(len(table))])


def _stays() -> pd.DataFrame:
    """A hospital stay over the turn of a quarter, a stay in housing that is still open, and Carl's in the ward."""
    return pd.DataFrame(
        {
            "stay_id": ["s1", "s2", "s3"],
            "person_id": ["a", "a", "c"],
            "service": ["specialised_inpatient", "round_the_clock_care", "ward_care"],
            "unit": ["u6", "u7", "u5"],
            "admitted_at": [datetime(2021, 9, 28, 12), datetime(2021, 12, 1, 12), datetime(2021, 3, 1, 12)],
            "discharged_at": [datetime(2021, 10, 3, 12), None, datetime(2021, 3, 4, 12)],
            "cost_eur": [1000.0, None, 300.0],
        }
    )
