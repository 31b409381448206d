"""Every check finds the fault that was planted for it, counted by hand, and nothing in a county without faults."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import small_county

from ennakointi import quality
from ennakointi.quality import residents
from ennakointi.quality.measures import COUNTS

pytestmark = pytest.mark.xdist_group("quality_checks")  # its fixtures are dear: one worker makes them once

AS_OF = date(2020, 12, 31)
PARAMETERS = small_county.parameters()
MONTHS = pd.date_range("2019-01-01", periods=24, freq="MS") + pd.Timedelta(days=9)


def county() -> dict[str, pd.DataFrame]:
    """Ten residents of Lahti with one primary care contact a month for two years: 240 contacts, nothing wrong.

    Person 8 is a client of social welfare from 2019-02-01 and meets social work once.
    """
    persons = pd.DataFrame({"person_id": range(10), "birth_date": "1980-05-05", "sex": "female", "municipality": "398"})
    at = [(person, month) for person in range(10) for month in MONTHS]
    contacts = pd.DataFrame(
        {
            "contact_id": [f"c{i}" for i in range(len(at))],
            "person_id": [person for person, _ in at],
            "started_at": [month + pd.Timedelta(hours=10, minutes=person) for person, month in at],
            "service": "primary_care",
            "mode": "in_person",
            "profession": "nurse",
            "urgency": "non_urgent",
            "unit": "clinic",
            "contacted_at": [month + pd.Timedelta(hours=8) for _, month in at],
            "need_assessed_at": [month + pd.Timedelta(hours=9) for _, month in at],
            "cost_eur": 50.0,
            "duration_minutes": 20.0,
        }
    )
    social = contacts.loc[[200]].assign(
        contact_id="s0", person_id=8, service="adult_social_work", started_at=pd.Timestamp("2019-05-02 13:00")
    )
    social = social.assign(urgency=None, contacted_at=pd.NaT, need_assessed_at=pd.NaT)
    statuses = pd.DataFrame(
        {"person_id": [8], "controller": ["county"], "status": ["social_welfare_client"], "start_date": ["2019-02-01"]}
    )
    stays = pd.DataFrame(
        {
            "stay_id": ["a", "b"],
            "person_id": [4, 4],
            "service": "ward_care",
            "unit": "ward",
            "admitted_at": pd.to_datetime(["2019-03-15 12:00", "2019-03-18 09:00"]),
            "ready_at": pd.to_datetime(["2019-03-17 08:00", "2019-03-19 08:00"]),
            "discharged_at": pd.to_datetime(["2019-03-18 09:00", "2019-03-20 09:00"]),
        }
    )
    referrals = pd.DataFrame(
        {
            "referral_id": range(4),
            "person_id": range(4),
            "service": "specialised_outpatient",
            "received_on": pd.Timestamp("2019-06-01"),
            "assessment_started_on": pd.Timestamp("2019-06-03"),
            "decided_on": pd.Timestamp("2019-06-05"),
            "started_on": pd.Timestamp("2019-07-01"),
        }
    )
    enrolments = pd.DataFrame(
        {"person_id": [0, 1], "intervention": "outreach_elderly", "enrolled_on": pd.Timestamp("2020-01-07")}
    )
    diagnoses = pd.DataFrame(
        {
            "person_id": [0, 1, 2],
            "recorded_on": pd.Timestamp("2019-01-10"),
            "code": "K86",
            "system": "icpc2",
            "contact_id": ["c0", "c24", "c48"],
        }
    )
    population = pd.DataFrame(
        {"year": [2019], "municipality": "398", "age": 39, "sex": "female", "persons": 10.0, "variant": "observed"}
    )
    return {
        "persons": persons,
        "contacts": pd.concat([contacts, social], ignore_index=True),
        "statuses": statuses,
        "stays": stays,
        "referrals": referrals,
        "enrolments": enrolments,
        "diagnoses": diagnoses,
        "population": population,
    }


def faulty() -> dict[str, pd.DataFrame]:
    """The county with faults; each change says how many rows a check must find."""
    tables = county()
    persons, contacts = tables["persons"], tables["contacts"]
    persons["resident_to"] = pd.NaT
    persons.loc[[6, 7], "municipality"] = "049"  # Espoo; one of them has left, so one lives outside the region
    persons.loc[7, "resident_to"] = pd.Timestamp("2020-03-01")
    persons.loc[9, "municipality"] = "999"  # one unknown municipality
    persons.loc[[0, 1], "sex"] = "unknown"  # two unknown sexes
    contacts.loc[[1, 2], "started_at"] = [
        MONTHS[1] + pd.Timedelta(days=1),
        MONTHS[2] + pd.Timedelta(days=1),
    ]  # midnight
    contacts.loc[range(10, 15), "need_assessed_at"] = pd.NaT  # five without the stamp
    contacts.loc[range(20, 24), "contacted_at"] += pd.Timedelta(minutes=90)  # four contacted after the assessment
    contacts.loc[[30, 31], "need_assessed_at"] += pd.Timedelta(hours=3)  # two assessed after the start
    contacts.loc[range(40, 46), "mode"] = "other"  # six of mode other
    contacts.loc[range(228, 240), "mode"] = "phone"  # person 9, the last year: 12 of 120 contacts change their mode
    again = contacts.loc[[60, 60, 60]].assign(contact_id=["d0", "d1", "d2"])  # three copies
    social = contacts.loc[[240] * 4].assign(contact_id=["s1", "s2", "s3", "s4"], person_id=[8, 8, 7, 7])
    social["started_at"] += pd.to_timedelta([1, 2, 3, 4], unit="D")
    social.iloc[0, social.columns.get_loc("duration_minutes")] = None  # one without a duration
    social.iloc[[1, 2], social.columns.get_loc("profession")] = None  # two without a profession
    social.iloc[3, social.columns.get_loc("unit")] = None  # one without a unit
    tables["contacts"] = pd.concat([contacts, again, social], ignore_index=True)
    second = tables["statuses"].assign(person_id=5)  # a client without any social contact
    tables["statuses"] = pd.concat([tables["statuses"], second])
    stays = tables["stays"]
    stays.loc[0, "discharged_at"] += pd.Timedelta(hours=1)  # overlaps the next stay
    stays.loc[1, "ready_at"] = stays.loc[1, "discharged_at"] + pd.Timedelta(minutes=1)  # ready after discharge
    hospital = stays.loc[[0]].assign(stay_id="c", person_id=3, admitted_at=pd.Timestamp("2019-04-09 08:00"))
    hospital = hospital.assign(ready_at=pd.NaT, discharged_at=pd.Timestamp("2019-04-12 08:00"))  # clinic on the 10th
    tables["stays"] = pd.concat([stays, hospital])
    referrals = tables["referrals"]
    referrals.loc[0, "decided_on"] = pd.Timestamp("2019-05-31")  # decided before received
    referrals.loc[[1, 2], "started_on"] = pd.Timestamp("2019-06-04")  # two started before decided
    referrals.loc[3, "assessment_started_on"] = pd.Timestamp("2019-05-30")  # assessed before received
    tables["enrolments"].loc[1, "intervention"] = "outreach_eldery"  # unknown
    tables["diagnoses"].loc[2, "contact_id"] = "nowhere"
    return tables


def measured(folder: Path, tables: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    opened = small_county.build_store(folder, AS_OF, **tables)
    return quality.measure(opened, PARAMETERS), opened.manifest


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Measures of the faulty county; its store is gone, so that nothing can be read again."""
    folder = tmp_path_factory.mktemp("faulty")
    measures, manifest = measured(folder, faulty())
    shutil.rmtree(folder)
    return {"measures": measures, "manifest": manifest}


@pytest.fixture(scope="module")
def found(wrong: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """The faulty county, scored."""
    return quality.score(wrong["measures"], wrong["manifest"], PARAMETERS)


def scored_again(found: Mapping[str, Any], **changed: object) -> dict[str, pd.DataFrame]:
    """Scores of the clean county's measures with parts replaced."""
    measures, manifest = found["measures"], found["manifest"]
    measures = {**measures, **{name: table for name, table in changed.items() if name in measures}}
    manifest = {**manifest, **{name: part for name, part in changed.items() if name in manifest}}
    return quality.score(measures, manifest, PARAMETERS)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    measures, manifest = measured(tmp_path_factory.mktemp("clean"), county())
    return {"measures": measures, "manifest": manifest}


def row(found: Mapping[str, pd.DataFrame], table: str, check: str, column: str = "") -> pd.Series:
    quality_rows = found["data_quality"]
    keys = (quality_rows["table"] == table) & (quality_rows["check"] == check) & (quality_rows["column"] == column)
    (one,) = quality_rows[keys].to_dict("records")
    return pd.Series(one)


PLANTED = [
    ("contacts", "duplicate_event", "", 246, 3, ""),  # 248 contacts, two of them at midnight
    ("contacts", "midnight", "started_at", 248, 2, ""),
    ("contacts", "midnight", "contacted_at", 243, 0, ""),
    ("contacts", "assessment_stamp", "need_assessed_at", 243, 5, "units_below 0/1"),
    ("contacts", "sequence", "need_assessed_at", 238, 4, "contacted_at > need_assessed_at"),
    ("contacts", "sequence", "started_at", 238, 2, "need_assessed_at > started_at"),
    ("contacts", "code_share", "mode", 248, 6, ""),
    ("contacts", "social_recording", "duration_minutes", 5, 1, ""),
    ("contacts", "social_recording", "profession", 5, 2, ""),
    ("contacts", "social_recording", "unit", 5, 1, ""),
    ("contacts", "social_contact_without_status", "", 5, 2, ""),
    ("contacts", "contact_during_stay", "", 242 - 12, 1, ""),
    ("contacts", "missing", "unit", 248, 1, ""),
    ("contacts", "missing", "profession", 248, 2, ""),
    ("statuses", "social_client_without_contact", "", 2, 1, ""),
    ("stays", "overlapping_stays", "", 3, 1, ""),
    ("stays", "sequence", "discharged_at", 2, 1, "ready_at > discharged_at"),
    ("referrals", "sequence", "assessment_started_on", 4, 1, "received_on > assessment_started_on"),
    ("referrals", "sequence", "decided_on", 4, 1, "received_on > decided_on"),
    ("referrals", "sequence", "started_on", 4, 2, "decided_on > started_on"),
    ("enrolments", "unknown_intervention", "", 2, 1, ""),
    ("diagnoses", "orphan_reference", "contact_id", 3, 1, ""),
    ("persons", "code_share", "municipality", 10, 1, ""),
    ("persons", "code_share", "sex", 10, 2, ""),
    ("persons", "municipality_outside_region", "municipality", 9, 1, ""),
]


@pytest.mark.parametrize(("table", "check", "column", "rows", "failed", "detail"), PLANTED)
def test_a_planted_fault_is_counted(
    found: dict[str, pd.DataFrame], table: str, check: str, column: str, rows: int, failed: int, detail: str
) -> None:
    one = row(found, table, check, column)
    assert (one["rows"], one["failed"], one["detail"]) == (rows, failed, detail)


def test_a_county_without_faults_passes_every_check(clean: Mapping[str, Any]) -> None:
    scored = scored_again(clean)
    assert not scored["data_quality"].duplicated(["table", "check", "column"]).any()
    statuses = scored["data_quality"]["status"]
    assert "failed" not in set(statuses)
    assert (statuses == "passed").sum() >= 30
    levels = scored["trust"].set_index("result")["level"]
    assert set(levels) == {"usable"}


def test_an_aggregate_source_is_checked_for_gaps(tmp_path: Path) -> None:
    months = [m for m in pd.date_range("2020-01-01", "2020-12-01", freq="MS") if m.month != 4]
    panel = pd.DataFrame(
        {"area": "398", "target_group": "all", "service": "x", "period_start": months, "frequency": "M", "value": 5.0}
    )
    measures, manifest = measured(tmp_path, {"panel": panel})
    scored = quality.score(measures, manifest, PARAMETERS)
    gap = row(scored, "panel", "gap")
    assert (gap["rows"], gap["failed"], gap["status"]) == (12, 1, "failed")
    levels = scored["trust"].set_index("result")
    assert levels.loc["deviation", "level"] == "care"
    assert levels.loc["deviation", "reasons"] == "panel.gap"
    assert list(levels.index) == ["deviation"]
    assert scored["volume_breaks"].empty


def test_who_lives_there_on_the_last_day_of_the_year_is_counted(tmp_path: Path) -> None:
    tables = county()
    persons = tables["persons"].assign(resident_from=pd.NaT, resident_to=pd.NaT, death_date=pd.NaT)
    persons.loc[0, "resident_from"] = pd.Timestamp("2020-01-01")  # not yet in 2019
    persons.loc[1, "resident_to"] = pd.Timestamp("2019-12-31")  # still on the day
    persons.loc[2, "resident_to"] = pd.Timestamp("2019-12-30")
    persons.loc[3, "death_date"] = pd.Timestamp("2019-12-31")
    persons.loc[4, "birth_date"] = "1900-01-01"  # 119 years: the band of 100 and over
    contacts = tables["contacts"][tables["contacts"]["person_id"].isin([5, 6])]
    years = pd.concat([tables["population"], tables["population"].assign(year=2020, persons=20.0)])
    opened = small_county.build_store(tmp_path, AS_OF, persons=persons, contacts=contacts, population=years)
    assert quality.counted(opened, PARAMETERS).who == "unknown"  # fewer inhabitants than minimum_persons
    measures = quality.measure(opened, PARAMETERS)["quality_residents"]
    by_year = measures[measures["municipality"] == "398"].groupby("year")[["persons", "population"]].sum()
    # 2019: persons 1 and 4-9; 2020: persons 0 and 4-9
    assert by_year.to_numpy().tolist() == [[7, 10], [7, 20]]
    bands = measures[(measures["year"] == 2019) & (measures["persons"] > 0)].set_index("age_band")["persons"]
    assert bands.to_dict() == {30: 6, 100: 1}


def counted_persons(persons: float, *, year: int = 2019) -> pd.DataFrame:
    """10,000 inhabitants in two municipalities, 5,000 of each sex; `persons` of those of 398 are in the source."""
    places = [("398", 4000, persons / 2), ("560", 1000, 1000.0)]
    rows = [(m, year, sex, 30, held, people) for m, people, held in places for sex in ("female", "male")]
    return pd.DataFrame(rows, columns=list(residents.RESIDENTS))


@pytest.mark.parametrize(
    ("persons", "who", "place"),
    [
        (8000, "residents", "all 2019"),
        (7860, "residents", "398 2019"),  # 1.75 % too few in 398
        (7820, "clients", "398 2019"),  # 2.25 % too few in 398, 1.8 % in all
        (5600, "clients", "398 2019"),
        (8400, "clients", "398 2019"),
    ],
)
def test_clients_are_told_from_residents(persons: float, who: str, place: str) -> None:
    counted = residents.judge(counted_persons(persons), PARAMETERS.quality)
    assert counted.who == who
    if persons != 8000:
        assert counted.place == place
        assert counted.difference_share == pytest.approx(persons / 8000 - 1)


def test_moves_since_do_not_make_clients_of_an_earlier_year() -> None:
    earlier = counted_persons(7600, year=2018)
    moved = earlier["municipality"] == "560"
    earlier.loc[moved, "persons"] = 1200.0  # 400 of 398 are counted where they live now
    both = pd.concat([earlier, counted_persons(8000)])
    assert residents.judge(both, PARAMETERS.quality).who == "residents"


def test_a_source_of_clients_refuses_what_counts_non_users(clean: Mapping[str, Any]) -> None:
    scored = scored_again(clean, quality_residents=counted_persons(5600))
    found = row(scored, "persons", "residents_or_clients")
    assert (found["status"], found["severity"], found["rows"], found["failed"]) == ("failed", "error", 8000, 2400)
    levels = scored["trust"].set_index("result")
    assert levels.loc[["hidden_debt", "non_user_segments"], "level"].tolist() == ["refused", "refused"]
    assert levels.loc["persons_rates"].tolist() == ["care", "persons.residents_or_clients"]
    assert levels.loc["service_debt", "level"] == "usable"


def test_a_guess_of_the_mapping_refuses_what_it_limits(clean: Mapping[str, Any]) -> None:
    flags = [
        {"place": "contacts.mode", "flag": "mode_from_concept", "rows": 12, "limits": ["remote_share"]},
        {"place": "contacts.mode", "flag": "mode_from_place", "rows": 3, "limits": []},
        {"place": "contacts.service", "flag": "service_from_concept", "rows": 5, "limits": []},
    ]
    codes = [
        {"table": "contacts", "column": "mode", "codes": "m", "code": "R99", "rows": 32, "became": "other"},
        {"table": "contacts", "column": "mode", "codes": "m", "code": "R98", "rows": 2, "became": None},
    ]
    scored = scored_again(clean, flagged=flags, unmapped=codes)
    guessed = row(scored, "contacts", "mapping_flag", "mode")
    assert (guessed["detail"], guessed["failed"]) == ("mode_from_concept; mode_from_place", 15)
    assert row(scored, "contacts", "mapping_flag", "service")["status"] == "info"
    unmapped = row(scored, "contacts", "unmapped_code", "mode")
    assert (unmapped["rows"], unmapped["failed"], unmapped["detail"]) == (241, 34, "R99 30")
    levels = scored["trust"].set_index("result")
    assert levels.loc["remote_share"].tolist() == ["refused", "contacts.mapping_flag.mode"]
    assert levels.loc["volumes", "level"] == "care"  # unmapped codes are rows of contacts


def test_what_a_result_needs_and_has_not_is_missing(clean: Mapping[str, Any]) -> None:
    tables = clean["manifest"]["tables"]
    without = {**tables["contacts"], "columns": [c for c in tables["contacts"]["columns"] if c != "cost_eur"]}
    scored = scored_again(clean, tables={**tables, "contacts": without})
    levels = scored["trust"].set_index("result")
    assert levels.loc["costs"].tolist() == ["missing", "contacts.missing_column.cost_eur"]
    assert "deviation" not in levels.index


def test_a_check_fails_only_above_both_limits(found: dict[str, pd.DataFrame]) -> None:
    check = next(c for c in PARAMETERS.quality.checks if c.id == "duplicate_event")  # 20 rows and 0.5 %
    assert [check.status(failed, 1000) for failed in (20, 21)] == ["passed", "failed"]
    assert [check.status(failed, 100_000) for failed in (500, 501)] == ["passed", "failed"]
    assert row(found, "contacts", "duplicate_event")["status"] == "passed"


def test_thresholds_score_anew_what_was_measured(wrong: Mapping[str, Any]) -> None:
    strict = [c.model_copy(update={"limit_rows": 0, "limit_share": 0}) for c in PARAMETERS.quality.checks]
    drift = PARAMETERS.quality.drift.model_copy(update={"minimum_rows": 100})
    changed = small_county.parameters(
        quality=PARAMETERS.quality.model_copy(update={"checks": tuple(strict), "drift": drift})
    )
    scored = quality.score(wrong["measures"], wrong["manifest"], changed)
    assert all(row(scored, *key)["status"] == "failed" for *key, _, failed, _ in PLANTED if failed)
    drifted = row(scored, "contacts", "code_drift", "mode")
    # Primary care of 2019: 120 contacts in person. Of 2020: 123 with the copies, of which 6 of mode other, 12 by phone.
    assert (drifted["rows"], drifted["failed"], drifted["detail"]) == (123, 18, "primary_care 0.15")
    access = scored["trust"].set_index("result").loc["access"]
    assert access["level"] == "care"
    assert "contacts.assessment_stamp.need_assessed_at" in access["reasons"].split(";")


def test_late_contacts_are_scored_with_the_rest(clean: Mapping[str, Any]) -> None:
    late = pd.DataFrame([("late_arrival", "contacts", "", "", 5000, 150)], columns=list(COUNTS))
    scored = quality.score(clean["measures"], clean["manifest"], PARAMETERS, late)
    one = row(scored, "contacts", "late_arrival")
    assert (one["status"], one["failed"]) == ("failed", 150)
