"""Who the right services knew before a need came: contacts read from a store, days of needs, and shares by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import feature_store
import numpy as np
import pandas as pd
import pytest
import small_county
from feature_store import ALICE, BEA, CARL, DORA

from ennakointi.need import competing, early
from ennakointi.need.cases import AtRisk, Followed, Register, later
from ennakointi.periods import Quarter, day_number
from ennakointi.store import Store

SERVICES = ["primary_care", "emergency", "physiotherapy"]
FIRST_DAY = np.array([[100, 400, np.nan], [np.nan, 450, np.nan], [np.nan] * 3, [300, np.nan, np.nan]])
NEED_DAY = np.array([500.0, 500, 520, 540])


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder: Path = tmp_path_factory.mktemp("early")
    return feature_store.build(folder, feature_store.tables())


@dataclass(frozen=True)
class HomeCare:
    """Features that tell the status home care alone: Alice gets it in the second quarter of the horizon, Bea in the
    last, and Carl, who had it half a year before, again in the third. Dora dies in the second."""

    columns = ("person", "state", "contacts_primary_care_24m", "status_home_care_3m", "status_home_care_12m")

    def read(self, quarter: str, columns: list[str]) -> pd.DataFrame:
        since = {ALICE: ["2021Q2", "2021Q3", "2021Q4"], BEA: ["2021Q4"], CARL: ["2020Q2", "2021Q3"]}
        year = {str(later(Quarter.parse(quarter), -3 * back)) for back in range(4)}
        told = pd.DataFrame({"person": range(4), "state": "resident"})
        told.loc[DORA, "state"] = "died" if quarter >= "2021Q2" else "resident"
        told["status_home_care_3m"] = [quarter in since.get(person, []) for person in range(4)]
        told["status_home_care_12m"] = [bool(year & set(since.get(person, []))) for person in range(4)]
        told["contacts_primary_care_24m"] = [2, 0, 0, 1]
        return told[columns]


def day(*told: int) -> int:
    return day_number(date(*told))


def test_first_attended_contacts_with_the_client(opened: Store) -> None:
    person = np.array([DORA, ALICE, CARL], dtype=np.int32)
    services = ["primary_care", "oral_health", "ward_care"]
    found = early.first_contacts(opened, person, services, day(2020, 1, 1), day(2021, 12, 31))
    # Alice's dentist was missed; her administrative contact and what came before 2020 do not count.
    wanted = [[np.nan] * 3, [day(2020, 2, 3), np.nan, np.nan], [np.nan, np.nan, day(2021, 3, 1)]]
    np.testing.assert_array_equal(found, wanted)
    later = early.first_contacts(opened, person, services, day(2020, 2, 4), day(2021, 2, 28))
    assert np.isnan(later).all()
    assert early.first_contacts(opened, person, [], 0, 1).shape == (3, 0)
    assert early.first_contacts(opened, person[:0], services, 0, 1).shape == (0, 3)


def test_shares_and_lead_times_by_hand() -> None:
    groups = {"all": np.ones(4, bool), "aged": np.array([True, True, False, False]), "none": np.zeros(4, bool)}
    told = early.rows(NEED_DAY, FIRST_DAY, SERVICES, groups).set_index(["target_group", "service"])
    assert sorted(set(told.index.get_level_values(0))) == ["aged", "all"]
    wanted = {
        ("all", "all"): [3, 0.75, 240.0, 4, 1],  # 400, 50 and 240 days
        ("all", "primary_care"): [2, 0.5, 320.0, 4, 2],
        ("all", "emergency"): [2, 0.5, 75.0, 4, 2],
        ("all", "physiotherapy"): [0, 0.0, np.nan, 4, 4],
        ("aged", "all"): [2, 1.0, 225.0, 2, 2],
        ("aged", "primary_care"): [1, 0.5, 400.0, 2, 1],
    }
    for key, values in wanted.items():
        np.testing.assert_array_equal(told.loc[key, :].to_numpy(float), values)


def test_no_need_and_no_service_give_no_rows() -> None:
    assert early.rows(np.empty(0), np.empty((0, 3)), SERVICES, {}).empty
    assert early.rows(NEED_DAY, np.empty((4, 0)), [], {}).empty


@pytest.fixture(scope="module")
def register(opened: Store) -> Register:
    return Register(opened, HomeCare(), small_county.shipped().need, 1)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def followed() -> Followed:
    told = pd.DataFrame({"sex": "female", "group_aged": [True, False, True, False]})
    at_risk = AtRisk(Quarter.parse("2020Q4"), np.arange(4, dtype=np.int32), told[[]], told)
    came = np.array([True, True, True, False])
    return Followed(at_risk, came, ~came, came & False, np.zeros(4))


def test_an_outcome_of_need_yml_from_the_store_and_the_features(register: Register, followed: Followed) -> None:
    outcome = register.settings.outcomes["home_care_start"]
    days = early.need_days(register, outcome, followed, 12)
    assert days.tolist() == [
        (day(2021, 3, 31) + day(2021, 6, 30)) / 2,
        (day(2021, 9, 30) + day(2021, 12, 31)) / 2,
        (day(2021, 6, 30) + day(2021, 9, 30)) / 2,
    ]
    found = early.identified(register, outcome, followed, 12).set_index(["target_group", "service"])
    # The data hold primary care alone of the right services; Alice's first of the 730 days was on 2019-01-02.
    assert found.index.tolist() == [("all", "all"), ("all", "primary_care"), ("aged", "all"), ("aged", "primary_care")]
    assert found.loc[("all", "primary_care"), "lead_days"] == days[0] - day(2019, 1, 2)
    np.testing.assert_allclose(found["known_share"], [1 / 3, 1 / 3, 0.5, 0.5])
    np.testing.assert_allclose(found["known_of_at_risk"], [0.5, 0.5, 0.5, 0.5])  # of all four, and of Alice and Carl
    assert early.need_days(register, outcome, followed, 3).tolist() == [(day(2020, 12, 31) + day(2021, 3, 31)) / 2] * 3


def test_the_need_and_death_by_quarter(register: Register, followed: Followed) -> None:
    # Of four, Alice and Dora's death in the second quarter, Carl in the third, Bea in the last.
    outcome = register.settings.outcomes["home_care_start"]
    told = competing.curve(register, outcome, followed, 12)
    assert told["x"].tolist() == [3, 6, 9, 12]
    np.testing.assert_allclose(told["y"], [0, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(told["reference"], [0, 0.25, 1 - 0.75 / 2, 1])
    assert told["n_persons"].tolist() == [0, 1, 2, 1]
    once = competing.curve(register, outcome, followed, 3)
    assert once[["place", "x", "y"]].to_numpy().tolist() == [[1, 3, 0.75]]
