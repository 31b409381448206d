"""The shipped mapping of OMOP's CDM on a database of a few rows, written by hand with its traps."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from contract_tables import LENIENT
from mapped_source import document, source, staged

from ennakointi import parameters, sources, store
from ennakointi.schema import TABLES

pytestmark = pytest.mark.xdist_group("omop_mapping")  # its fixtures are dear: one worker makes them once

BIG = 2**62 + 1  # a double would not hold it
CONCEPTS = {
    10: ("I10", "ICD10fi"),
    11: ("A98", "ICPC"),
    12: ("38341003", "SNOMED"),
    20: ("C07AB02", "ATC"),
    21: ("313782", "RxNorm"),
    30: ("59261-8", "LOINC"),
    31: ("18262-6", "LOINC"),
    32: ("9999-9", "LOINC"),
    40: ("mmol/mol", "UCUM"),
    41: ("mg/dL", "UCUM"),
    50: ("PRIM_OUT-R52", "FGVisitType"),
}


def rows(columns: str, *given: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(list(given), columns=columns.split(), dtype=object).convert_dtypes()


def database() -> dict[str, pd.DataFrame]:
    """Two persons; BIG has two observation periods, six visits and one row of each other kind."""
    day = date(2024, 5, 6)
    return {
        "person": rows(
            "person_id gender_concept_id year_of_birth month_of_birth day_of_birth location_id",
            (BIG, 8532, 1950, 2, None, 1),
            (7, 8507, 1980, None, None, None),
        ),
        "location": rows("location_id location_source_value county", (1, "Mannerheimintie 398", "398")),
        "observation_period": rows(
            "person_id observation_period_start_date observation_period_end_date",
            (BIG, "2015-01-01", "2019-12-31"),
            (BIG, "2012-03-01", "2014-05-31"),
            (BIG, "2020-06-01", "2024-11-30"),
        ),
        "visit_occurrence": rows(
            "visit_occurrence_id person_id visit_concept_id visit_start_date visit_start_datetime visit_end_date "
            "visit_source_value visit_source_concept_id provider_id care_site_id",
            (1, BIG, 9202, "2024-05-06", "2024-05-06 08:15:00", "2024-05-06", "T11|R50", 0, 5, 6),
            (2, BIG, 38004193, "2024-05-07", None, "2024-05-07", "SOURCE=PRIM_OUT;INDEX=1", 50, None, None),
            (3, BIG, 38004193, "2024-05-08", None, "2024-05-08", "SOURCE=PRIM_OUT;INDEX=2", 0, None, None),
            (4, BIG, 9201, "2024-05-09", None, "2024-05-19", None, 0, None, 6),
            (5, BIG, 0, "2024-05-10", None, "2024-05-10", "SOURCE=PURCH;INDEX=3", 0, None, None),
            (6, 7, 9202, "2024-05-11", None, "2024-05-11", None, 0, None, None),
        ),
        "visit_detail": rows(
            "visit_detail_id person_id visit_detail_start_date", (91, BIG, "2024-05-09"), (92, BIG, "2024-05-12")
        ),
        "provider": rows("provider_id specialty_concept_id specialty_source_value", (5, 0, "22211")),
        "care_site": rows("care_site_id care_site_name care_site_source_value", (6, "Keskussairaala", "KS1")),
        "cost": rows(
            "cost_event_id cost_domain_id currency_concept_id total_cost",
            (1, "Visit", 44818568, "10.25"),
            (1, "Visit", 44818568, "5.5"),
            (1, "Visit", 44818668, "99"),
            (1, "Drug", 44818568, "77"),
        ),
        "condition_occurrence": rows(
            "person_id condition_concept_id condition_start_date condition_source_value condition_source_concept_id "
            "visit_occurrence_id condition_status_concept_id",
            (BIG, 12, day, "I10", 10, 4, 32902),
            (BIG, 12, day, None, 11, None, 32908),
            (BIG, 12, day, "E11.9", 0, 1, 0),
            (7, 12, day, "A98", 0, None, 0),
            (7, 12, day, None, 12, None, 0),
        ),
        "drug_exposure": rows(
            "person_id drug_concept_id drug_exposure_start_date drug_source_value drug_source_concept_id",
            (BIG, 21, day, "N02BE01", 0),
            (BIG, 21, day, "012345", 20),
            (7, 21, day, "012345", 0),
        ),
        "procedure_occurrence": rows("person_id procedure_concept_id procedure_date", (7, 1, day)),
        "measurement": rows(
            "person_id measurement_concept_id measurement_date value_as_number unit_concept_id unit_source_value",
            (BIG, 30, day, "47", 40, None),
            (BIG, 31, day, "100", 0, "mg/dL"),
            (BIG, 31, day, "3", 0, "other"),
            (BIG, 32, day, "1", 40, None),
            (BIG, 30, day, None, 40, None),
        ),
        "cohort": rows(
            "cohort_definition_id subject_id cohort_start_date cohort_end_date",
            (1, BIG, "2023-01-10", "2023-06-30"),
            (2, BIG, "2023-01-10", "2023-06-30"),
        ),
        "cohort_definition": rows(
            "cohort_definition_id cohort_definition_name", (1, "outreach_elderly"), (2, "older_people")
        ),
        "concept": rows(
            "concept_id concept_code vocabulary_id", *((key, code, known) for key, (code, known) in CONCEPTS.items())
        ),
        "concept_ancestor": rows("ancestor_concept_id descendant_concept_id", (1, 2)),
    }


def build(folder: Path, capitals: bool = False) -> store.Store:
    """A store of the database in Parquet, or in CSV with every name in capitals."""
    folder.mkdir()
    for name, table in database().items():
        if capitals:
            table.rename(columns=str.upper).to_csv(folder / f"{name.upper()}.csv", index=False)
        else:
            table.to_parquet(folder / f"{name}.parquet", index=False)
    given = parameters.load()
    found = sources.discover(folder, given.mappings)
    assert found.mapping is not None
    assert found.mapping.id == "omop"
    assert not found.unknown
    assert "concept_ancestor" not in {name.lower() for name in found.inputs}
    return store.build(found, folder / "work" / "store", given, date(2024, 12, 31), LENIENT)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    return build(tmp_path_factory.mktemp("cdm") / "data")


def test_csv_with_names_in_capitals_gives_the_same_store(built: store.Store, tmp_path: Path) -> None:
    assert build(tmp_path / "data", capitals=True).manifest["content"] == built.manifest["content"]


def stored(built: store.Store, table: str, *columns: str) -> list[tuple[Any, ...]]:
    """Rows of a table with codes in words, sorted; person 0 is 7, person 1 is BIG."""
    frame = built.frame(table).select("person", *columns).collect("pandas").to_native()
    for column in columns:
        if column in TABLES[table].names and (known := built.codes(table, column)):
            frame[column] = [None if pd.isna(code) else known[int(code)] for code in frame[column]]
    listed = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    return sorted(listed, key=repr)


def days(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def test_persons_with_all_their_observation_periods_as_one(built: store.Store) -> None:
    columns = ("birth_day", "sex", "municipality", "resident_from_day", "resident_to_day")
    assert stored(built, "persons", *columns) == [
        (0, days("1980-07-15"), "male", "999", None, None),
        (1, days("1950-02-15"), "female", "398", days("2012-03-01"), days("2024-11-30")),
    ]


def test_a_visit_is_one_contact_by_its_source_codes_else_by_its_concept(built: store.Store) -> None:
    columns = ("started_day", "service", "mode", "profession", "unit", "cost_eur")
    assert stored(built, "contacts", *columns) == [
        (0, days("2024-05-11"), "specialised_outpatient", "in_person", None, None, None),
        (1, days("2024-05-06"), "primary_care", "phone", "physician", "KS1", 15.75),
        (1, days("2024-05-07"), "primary_care", "remote_realtime", None, None, None),
        (1, days("2024-05-08"), "primary_care", "other", None, None, None),
        (1, days("2024-05-09"), "specialised_inpatient", "inpatient", None, "KS1", None),
    ]
    flags = {one["place"]: (one["flag"], one["rows"], one["limits"]) for one in built.manifest["flagged"]}
    assert flags["contacts.mode"] == ("mode_from_concept", 3, ["remote_share"])
    assert flags["contacts.service"] == ("service_from_concept", 4, [])


def test_only_inpatient_visits_are_stays(built: store.Store) -> None:
    columns = ("admitted_day", "discharged_day", "service", "unit")
    assert stored(built, "stays", *columns) == [
        (1, days("2024-05-09"), days("2024-05-19"), "specialised_inpatient", "KS1")
    ]


def test_diagnoses_also_outside_visits_keep_codes_of_other_systems(built: store.Store) -> None:
    found = stored(built, "diagnoses", "code", "system", "rank", "stay_id")
    assert [row[:4] for row in found] == [
        (0, "38341003", "other", None),
        (0, "A98", "other", None),
        (1, "A98", "icpc2", 2),
        (1, "E11.9", "icd10", None),
        (1, "I10", "icd10", 1),
    ]
    assert [row[4] is not None for row in found] == [False, False, False, False, True]


def test_medicines_without_an_atc_code_are_kept_and_listed(built: store.Store) -> None:
    assert stored(built, "medicines", "atc") == [(0, "RxNorm|313782"), (1, "C07AB02"), (1, "N02BE01")]
    assert any(one["flag"] == "medicine_without_atc" and one["rows"] == 1 for one in built.manifest["flagged"])


def test_known_measures_come_in_our_units_and_the_rest_is_counted(built: store.Store) -> None:
    found = stored(built, "measurements", "measure", "value")
    assert [row[:2] for row in found] == [(1, "hba1c_mmol_mol"), (1, "ldl_mmol_l")]
    assert [row[2] for row in found] == [pytest.approx(47), pytest.approx(2.586)]


def test_a_cohort_that_an_intervention_names_is_an_enrolment(built: store.Store) -> None:
    columns = ("intervention", "enrolled_day", "ended_day")
    assert stored(built, "enrolments", *columns) == [(1, "outreach_elderly", days("2023-01-10"), days("2023-06-30"))]


def test_nothing_is_left_out_without_a_count(tmp_path: Path) -> None:
    given = parameters.load()
    found = source(tmp_path, given.mappings["omop"], database())
    screened = store.check(found, tmp_path / "work", given, date(2024, 12, 31), LENIENT)
    excluded: Counter[tuple[str, str]] = Counter()
    for one in screened.staged.excluded:
        excluded[one.table, one.input] += one.rows
    assert +excluded == {
        ("contacts", "visit_occurrence"): 1,
        ("contacts", "visit_detail"): 2,
        ("measurements", "measurement"): 3,
        ("measurements", "procedure_occurrence"): 1,
        ("enrolments", "cohort"): 1,
    }


TAKEN = """
inputs: {visits: {}, price: {}}
tables:
  contacts:
    - of: visits
      joins:
        price: {by: id, key: visit, where: {values: {kind: [a]}}, take: {day: last, other: first, amount: sum}}
      columns: {contact_id: id, started_at: price.day, contacted_at: price.other, cost_eur: price.amount}
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_join_takes_first_last_and_sum_of_the_rows_that_fit(seed: int, tmp_path: Path) -> None:
    prices = rows(
        "visit kind day other amount",
        (1, "a", "2024-01-01", "2024-01-05", "0.1"),
        (1, "a", "2024-01-03", "2024-01-06", "0.2"),
        (1, "a", "2024-01-02", "2024-01-04", None),
        (1, "b", "2024-01-09", "2024-01-01", "7"),
    )
    inputs = {"visits": pd.DataFrame({"id": [1, 2]}), "price": prices.sample(frac=1, random_state=seed)}
    connection, _ = staged(source(tmp_path, document(TAKEN), inputs), tmp_path)
    columns = "contact_id, CAST(started_at AS VARCHAR), CAST(contacted_at AS VARCHAR), CAST(cost_eur AS DOUBLE)"
    assert connection.execute(f"SELECT {columns} FROM delivered_contacts ORDER BY 1").fetchall() == [
        ("1", "2024-01-03", "2024-01-04", 0.3),
        ("2", None, None, None),
    ]
