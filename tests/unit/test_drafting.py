"""A mapping drafted from unknown headers can be used as it stands for the tables that were found, and shows nobody."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path

import avohilmo_extract
import contract_tables as tables_of
import pandas as pd
import pytest
import small_county
import yaml

from ennakointi import cli, sources, store, synthetic
from ennakointi.errors import DataError, ParameterError
from ennakointi.parameters import Parameters
from ennakointi.parameters.mappings import MappingDocument
from ennakointi.sources import drafting
from ennakointi.sources.draft_contents import Contents

FINNISH = {
    "henkilot": {
        "person_id": "Henkilötunniste",
        "birth_date": "Syntymäaika",
        "sex": "Sukupuoli",
        "municipality": "KotiKunta",
        "resident_from": "Muuttopvm",
        "resident_to": "Poismuutto",
        "death_date": "Kuolinpäivä",
        "household_id": "Asuntokunta",
        "non_disclosure": "Turvakielto",
    },
    "käynnit": {
        "contact_id": "Käyntitunnus",
        "person_id": "Henkilötunniste",
        "started_at": "Käynti alkoi",
        "service": "Palvelu",
        "mode": "Yhteystapa",
        "profession": "Ammattiryhmä",
        "unit": "Yksikkö",
        "professional_id": "Työntekijä",
        "episode_id": "Hoitoketju",
        "contacted_at": "Yhteydenotto",
        "cost_eur": "Kustannus",
        "duration_minutes": "Kesto min",
    },
    "lääkeostot": {
        "person_id": "Henkilötunniste",
        "dispensed_on": "Toimituspvm",
        "atc": "ATC",
        "packages": "Pakkaukset",
    },
}
WORDS = {
    "Sukupuoli": {"female": "Nainen", "male": "Mies"},
    "Palvelu": {"primary_care": "Avosairaanhoito", "oral_health": "Suun terveydenhuolto", "home_care": "Kotihoito"},
    "Yhteystapa": {"in_person": "R10", "phone": "R50"},
    "Ammattiryhmä": {"nurse": "sairaanhoitaja"},
    "Turvakielto": {True: "K", False: "E"},
}


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """The contract's tables under Finnish names, with Finnish words for codes."""
    folder = tmp_path / "data"
    folder.mkdir()
    persons, contacts = tables_of.persons(200), tables_of.contacts(400)
    contacts["person_id"] = [f"p{i % 200:02}" for i in range(len(contacts))]
    persons["birth_date"] = [date(1950 + i % 60, 3, 1) for i in range(len(persons))]
    persons["non_disclosure"] = [i % 4 == 0 for i in range(len(persons))]
    drugs = pd.concat([tables_of.others()["medicines"]] * 20)
    for (name, columns), rows in zip(FINNISH.items(), (persons, contacts, drugs), strict=True):
        told = rows.rename(columns=columns).replace(
            {column: WORDS[column] for column in columns.values() if column in WORDS}
        )
        told.to_csv(folder / f"{name}.csv", index=False, sep=";")
    return folder


@cache
def parameters() -> Parameters:
    return small_county.parameters()


def drafted(folder: Path, known: bool = True) -> tuple[str, MappingDocument]:
    """The draft and the document it is read as; without what the shipped documents know if not `known`."""
    text, _ = drafting.draft(folder, parameters().mappings if known else {}, parameters().services)
    return text, MappingDocument.model_validate({"id": "draft", **yaml.safe_load(text)})


def test_every_renamed_column_is_found_and_the_draft_is_good_to_run(foreign: Path, tmp_path: Path) -> None:
    _, document = drafted(foreign)
    tables = ("persons", "contacts", "medicines")
    for table, columns in zip(tables, FINNISH.values(), strict=True):
        made = document.tables[table][0].columns
        read = {name: getattr(given, "of", (given,))[0] for name, given in made.items()}
        assert read == columns
    source = sources.discover(foreign, {"draft": document}, "draft")
    built = store.build(source, tmp_path / "store", parameters(), tables_of.AS_OF)
    assert {table: built.manifest["tables"][table]["quarantined"] for table in tables} == dict.fromkeys(tables, 0)
    assert built.manifest["tables"]["contacts"]["stored"] == 400
    assert built.manifest["unmapped"] == []
    for column, words in (("sex", "Sukupuoli"), ("service", "Palvelu"), ("profession", "Ammattiryhmä")):
        table = "henkilot" if column == "sex" else "kaynnit"
        assert document.codes[f"{table}_{column}"] == {told: code for code, told in WORDS[words].items()}


def test_an_avohilmo_like_extract_is_recognised_under_other_headers(tmp_path: Path) -> None:
    synthetic.make(tmp_path / "county", residents=300, seed=3, since=date(2018, 1, 1), until=date(2019, 6, 30))
    files = avohilmo_extract.make(tmp_path / "county").files
    other = {
        "avohilmoid": "tapahtuma_id",
        "shnro": "asiakasnro",
        "kaynti_alkoi": "käynnin alku",
        "kaynti_yhteystapa": "tapa",
    }
    renamed = {
        name: rows.rename(columns=other) for name, rows in files.items() if name.startswith(("henk", "avohilmo_2"))
    }
    _, document = drafted(avohilmo_extract.write(renamed, tmp_path / "extract"))
    found = document.tables["contacts"][0].columns
    assert document.inputs["avohilmo"].files == ("avohilmo_2017_2018", "avohilmo_2019_2021")
    assert (found["contact_id"], found["person_id"], found["started_at"]) == (
        "tapahtuma_id",
        "asiakasnro",
        "käynnin alku",
    )
    assert found["mode"].of == ("tapa",)  # the codes tell it, its name does not
    codes = document.codes[found["mode"].codes]
    assert (codes["R10"], codes["R50"], codes["R52"]) == ("in_person", "phone", "remote_realtime")
    assert found["need_assessed_at"] == "hoidontarve_ajankohta"


def test_no_value_of_a_person_is_written_nor_a_rare_code(foreign: Path) -> None:
    rows = pd.read_csv(foreign / "käynnit.csv", sep=";", dtype=str)
    rows.loc[:8, "Yhteystapa"] = "R41"  # nine rows
    rows["Huomautus"] = [f"soitettu numeroon 0{i}" for i in range(len(rows))]
    rows.to_csv(foreign / "käynnit.csv", sep=";", index=False)
    text, _ = drafted(foreign)
    tables = [pd.read_csv(foreign / f"{name}.csv", sep=";", dtype=str) for name in FINNISH]
    values = {str(value) for table in tables for value in table.to_numpy().ravel()}
    shown = {word for listed in WORDS.values() for word in listed.values()}
    words = set(re.findall(r'"([^"\n]*)"', text)) | set(re.findall(r"[\w.:-]+", text))
    personal = {value for value in values - shown if not value.isdecimal()}
    assert len(personal) > 500
    assert not personal & words
    assert "R41" not in text
    assert "Huomautus" in text
    assert "1 more codes have fewer than 10 rows" in text


def test_what_is_not_found_is_marked_and_leaves_the_rest_usable(foreign: Path) -> None:
    rows = pd.read_csv(foreign / "lääkeostot.csv", sep=";").drop(columns=["Toimituspvm"])
    rows.to_csv(foreign / "lääkeostot.csv", sep=";", index=False)
    text, document = drafted(foreign)
    assert set(document.tables) == {"persons", "contacts"}
    assert "#       # dispensed_on: ?  is required and nothing fits" in text


def test_codes_without_a_guess_are_left_blank(foreign: Path) -> None:
    rows = pd.read_csv(foreign / "käynnit.csv", sep=";").replace({"Yhteystapa": {"R50": "zz"}})
    rows.to_csv(foreign / "käynnit.csv", sep=";", index=False)
    text, document = drafted(foreign, known=False)
    assert document.codes["kaynnit_mode"] == {"R10": None, "zz": None}
    assert '"zz": null  # ?  200 rows' in text


@pytest.mark.parametrize(
    ("values", "system"),
    [
        (["I10", "J06.9", "E11"] * 9, "icd10"),
        (["A98", "S18", "-45"] * 9, "icpc2"),
        (["C09AA02", "N05BA01"] * 9, None),
        (["1", "2"] * 9, None),
    ],
)
def test_diagnosis_codes_are_told_apart_by_their_shape(values: list[str], system: str | None) -> None:
    assert Contents("code", values).system == system


def test_the_command_writes_the_draft_once_and_says_what_to_do(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", str(foreign), "--draft-mapping"]) == 0
    said = capsys.readouterr().out
    assert "mapping-draft.yml: 3 of 3 kinds of files look like tables of the contract" in said
    assert "--mapping NAME" in said
    before = (tmp_path / "mapping-draft.yml").read_bytes()
    assert cli.main(["check", str(foreign), "--draft-mapping"]) == ParameterError.exit_code
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "mapping-draft.yml").read_bytes() == before


def test_a_folder_without_tables_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match="holds no CSV or Parquet file"):
        drafted(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        drafted(tmp_path / "absent")
