"""Memberships of a hand-made county of five persons, worked out month by month."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import small_county

from ennakointi import groups, sources, store
from ennakointi.periods import month_index, month_text, parse_month
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.store.layout import BUCKETS

AS_OF = date(2021, 6, 30)
PERSONS = pd.DataFrame(
    {
        "person_id": ["a", "b", "c", "d", "e"],  # in the store: 0, 1, 2, 3, 4
        "birth_date": ["1940-03-01", "1946-01-15", "1990-05-05", "1980-01-01", "2000-01-01"],
        "sex": ["female", "male", "female", "male", "other"],
        "municipality": "398",
        "resident_from": [None, None, "2020-02-10", None, None],
        "resident_to": [None, None, None, "2020-09-01", None],
        "death_date": ["2021-02-03", None, None, None, None],
    }
)
CONTACTS = pd.DataFrame(
    [
        ("b", "2019-01-10 08:00", "primary_care"),
        ("c", "2020-03-05 09:30", "substance_use"),
        ("c", "2020-03-20 09:30", "substance_use"),
        ("a", "2020-06-01 10:00", "primary_care"),
        ("e", "2021-05-31 10:00", "digital_pathway"),
        ("e", "2021-06-30 10:00", "substance_use"),
    ],
    columns=["person_id", "started_at", "service"],
).assign(mode="in_person")
STATUSES = pd.DataFrame(
    [
        ("b", "county", "informal_carer", "2019-05-01", None),
        ("c", "county", "informal_carer", "2020-01-01", "2020-06-15"),
        ("e", "employment", "unemployed", "2019-01-01", None),
    ],
    columns=["person_id", "controller", "status", "start_date", "end_date"],
)
CHOSEN = ("older_people", "substance_use", "informal_carers", "digital_pathway_clients")


def make(folder: Path, **tables: pd.DataFrame) -> store.Store:
    data = folder / "data"
    data.mkdir()
    contacts = tables["contacts"].assign(contact_id=range(len(tables["contacts"])))
    for name, rows in {**tables, "contacts": contacts}.items():
        rows.to_csv(data / f"{name}.csv", index=False)
    return store.build(sources.discover(data), folder / "work" / "store", small_county.shipped(), AS_OF)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    folder = tmp_path_factory.mktemp("groups")
    return make(folder, persons=PERSONS, contacts=CONTACTS, statuses=STATUSES)


def runs(index: groups.GroupIndex) -> set[tuple[str, int, str, str]]:
    found = pd.concat([pd.read_parquet(index.file(bucket)) for bucket in range(BUCKETS)])
    return {
        (index.ids[row.group], row.person, month_text(row.from_month), month_text(row.to_month))
        for row in found.itertuples()
    }


def test_runs_of_membership_are_those_worked_out_by_hand(opened, tmp_path):
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", CHOSEN)
    assert index.ids == ("all", *CHOSEN)
    assert runs(index) == {
        ("all", 0, "2019-01", "2021-02"),  # dies in February 2021
        ("all", 1, "2019-01", "2021-06"),
        ("all", 2, "2020-02", "2021-06"),  # moves in
        ("all", 3, "2019-01", "2020-09"),  # moves out
        ("all", 4, "2019-01", "2021-06"),
        ("older_people", 0, "2019-01", "2021-02"),
        ("older_people", 1, "2021-02", "2021-06"),  # 75 on 15 January: on the first day of February
        ("substance_use", 2, "2020-04", "2021-03"),  # 12 months after the contacts of March
        ("informal_carers", 1, "2019-05", "2021-06"),
        ("informal_carers", 2, "2020-02", "2020-06"),
        ("digital_pathway_clients", 4, "2021-06", "2021-06"),
    }


def test_a_group_is_missing_and_not_empty_before_its_look_back(opened, tmp_path):
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", CHOSEN)
    assert index.available_from["all"] == month_index(2019, 1)
    assert index.available_from["substance_use"] == month_index(2020, 1)
    table = index.tables()["target_groups"].set_index("target_group")
    assert table.loc["substance_use", "available_from"] == "2020-01"


def test_a_fixed_reference_must_lie_in_the_data(opened, tmp_path):
    asked = ["disabled_adults_less_service"]  # below the person's own level of 2019
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", asked)
    assert index.available_from[asked[0]] == parse_month("2021-01")
    (tmp_path / "later").mkdir()
    later = make(tmp_path / "later", persons=PERSONS, contacts=CONTACTS[1:], statuses=STATUSES)
    index = groups.build(later, small_county.shipped(), tmp_path / "n", asked)
    assert json.loads(index.missing[asked[0]])["message"] == groups.TOO_SHORT


def test_tables_have_the_declared_columns_and_add_up(opened, tmp_path):
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", CHOSEN)
    tables = index.tables()
    for name, table in tables.items():
        assert tuple(table.columns) == RESULT_TABLES[name].names
    told = tables["target_groups"].set_index("target_group")
    assert index.last_month == month_index(2021, 6)
    assert told["residents"].eq(3).all()  # b, c and e
    assert told["n_persons"].to_dict() == {
        "all": 3,
        "older_people": 1,
        "substance_use": 0,
        "informal_carers": 1,
        "digital_pathway_clients": 1,
    }
    assert told.loc["older_people", "share"] == pytest.approx(1 / 3)
    assert told["endogenous"].to_dict()["digital_pathway_clients"] == "yes"
    overlap = tables["group_overlap"].set_index(["target_group", "other"])["n_persons"]
    assert overlap["older_people", "informal_carers"] == 1
    assert overlap["informal_carers", "digital_pathway_clients"] == 0
    assert overlap["informal_carers", "all"] == overlap["all", "informal_carers"] == 1


def test_an_index_opens_as_it_was_built(opened, tmp_path):
    built = groups.build(opened, small_county.shipped(), tmp_path / "m", CHOSEN)
    again = groups.open(tmp_path / "m")
    assert (again.ids, again.available_from, again.missing) == (
        built.ids,
        dict(built.available_from),
        built.missing,
    )
    pd.testing.assert_frame_equal(again.tables()["target_groups"], built.tables()["target_groups"])
    schema = pq.read_schema(again.file(3))
    assert [str(schema.field(name).type) for name in ("group", "person")] == ["int16", "int32"]


def test_building_again_leaves_nothing_of_the_former_groups(opened, tmp_path):
    groups.build(opened, small_county.shipped(), tmp_path / "m", CHOSEN)
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", ["older_people"])
    assert index.ids == ("all", "older_people")
    assert {name for name, *_ in runs(index)} == {"all", "older_people"}


def test_another_controllers_register_needs_a_legal_basis(opened, tmp_path):
    settings = small_county.shipped()
    index = groups.build(opened, settings, tmp_path / "m", ["long_term_unemployed_and_young_old"])
    told = json.loads(index.missing["long_term_unemployed_and_young_old"])
    assert told == {"message": groups.NO_LEGAL_BASIS, "values": {"controllers": "employment"}}
    row = index.tables()["target_groups"].set_index("target_group").loc["long_term_unemployed_and_young_old"]
    assert pd.isna(row["n_persons"])
    assert row["available_from"] == ""
    with_basis = replace(settings, legal_basis={"employment": "permit 1"})
    index = groups.build(opened, with_basis, tmp_path / "n", ["long_term_unemployed_and_young_old"])
    assert index.missing == {}
    assert ("long_term_unemployed_and_young_old", 4, "2020-01", "2021-06") in runs(index)


def test_absent_tables_make_a_group_missing_or_incomplete(opened, tmp_path):
    asked = ["informal_carers", "intellectual_disability", "specialised_care_delayed"]
    index = groups.build(opened, small_county.shipped(), tmp_path / "m", asked)
    assert index.ids == ("all", "informal_carers")
    assert index.incomplete == {"informal_carers": ("diagnoses",)}
    assert json.loads(index.missing["intellectual_disability"])["values"] == {"tables": "diagnoses"}
    assert json.loads(index.missing["specialised_care_delayed"])["values"] == {"tables": "referrals"}


def test_diagnoses_may_stand_in_the_contacts(tmp_path):
    coded = CONTACTS.assign(diagnosis="F70", diagnosis_system="icd10")
    later = coded.assign(started_at=coded["started_at"].str.replace("2019", "2017"))
    built = make(tmp_path, persons=PERSONS, contacts=later)
    index = groups.build(built, small_county.shipped(), tmp_path / "m", ["intellectual_disability"])
    assert index.incomplete == {}
    assert index.available_from["intellectual_disability"] == parse_month("2020-01")
    assert ("intellectual_disability", 2, "2020-04", "2021-06") in runs(index)
