"""The data dictionary: every table and column of the contract, an owner each, and what was delivered of it."""

from __future__ import annotations

from pathlib import Path

import contract_tables
import pytest
import yaml

from ennakointi import parameters
from ennakointi.parameters.dictionary_documents import DataDictionary
from ennakointi.quality import data_fields
from ennakointi.schema import TABLES

SHIPPED = parameters.shipped("parameters") / "data_dictionary.yml"


def document() -> dict:
    return yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


def test_what_ships_means_every_column_in_three_languages_and_names_an_owner() -> None:
    shipped = parameters.load().data_dictionary
    assert {t: tuple(about.columns) for t, about in shipped.tables.items()} == {t: c.names for t, c in TABLES.items()}
    assert {about.owner for about in shipped.tables.values()} == set(shipped.owners)
    assert shipped.owner("slots").fi == "Ajanvarausjärjestelmän pääkäyttäjä"
    assert shipped.meaning("referrals", "need_ascertained_on").sv == "Dag då vårdbehovet konstaterades"
    for table in shipped.tables.values():
        for column, label in table.columns.items():
            assert len({label.fi, label.sv, label.en}) == 3, column
            assert len(label.fi) <= 80, column


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: d["tables"].pop("slots"), "tables: slots missing; every table"),
        (lambda d: d["tables"]["plans"]["columns"].pop("kind"), r"tables.plans.columns: kind missing"),
        (lambda d: d["tables"].update(contact=d["tables"]["plans"]), r"'contact' is not .*did you mean 'contacts'"),
        (lambda d: d["tables"]["plans"]["columns"].update(kinds=d["owners"]["staff"]), "'kinds' is not .*'kind'"),
        (lambda d: d["tables"]["plans"].update(owner="staf"), "'staf' is not among `owners`.*'staff'"),
    ],
)
def test_what_is_missing_or_too_much_is_named(spoil, message: str) -> None:
    spoiled = document()
    spoil(spoiled)
    with pytest.raises(ValueError, match=message):
        DataDictionary.model_validate(spoiled)


def test_a_county_puts_its_own_owners_in(tmp_path: Path) -> None:
    (tmp_path / SHIPPED.name).write_text(
        SHIPPED.read_text(encoding="utf-8").replace("fi: Ajanvarausjärjestelmän pääkäyttäjä", "fi: Palvelutuotanto"),
        encoding="utf-8",
    )
    assert parameters.load(tmp_path).data_dictionary.owner("slots").fi == "Palvelutuotanto"


def test_fields_count_the_rows_that_have_a_value(tmp_path: Path) -> None:
    """Of 20 persons p02 moved out and p01 died; of 200 contacts 150 have a profession; there is no table slots."""
    tables = {"persons": contract_tables.persons(), "contacts": contract_tables.contacts()}
    opened = contract_tables.build(tmp_path, tables)
    found = data_fields.table(opened.manifest, parameters.load().data_dictionary).set_index(["table", "column"])
    assert len(found) == sum(len(table.columns) for table in TABLES.values())
    assert found.loc[("persons", "resident_to"), ["rows", "filled", "filled_share"]].tolist() == [20, 1, 0.05]
    assert found.loc[("contacts", "profession"), ["rows", "filled", "delivered"]].tolist() == [200, 150, "yes"]
    assert found.loc[("contacts", "urgency"), ["filled", "delivered", "required"]].tolist() == [0, "no", "no"]
    assert found.loc[("slots", "unit"), ["rows", "filled"]].isna().all()
    assert found.loc[("slots", "unit"), "owner"] == "Main user of the booking system"
    assert found.loc[("persons", "sex"), ["kind", "required"]].tolist() == ["code", "yes"]
