"""An extract of Avohilmo and Hilmo gives the same panels and the same store as the contract tables it was made of."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import avohilmo_extract
import pandas as pd
import pytest
import small_county

from ennakointi import groups, panel, sources, store, synthetic
from ennakointi.database import Limits, connect
from ennakointi.panel import Panel
from ennakointi.parameters import Parameters
from ennakointi.sources.staging import Staged, stage

pytestmark = pytest.mark.xdist_group("avohilmo")
LAST = date(2020, 12, 31)
NOT_IN_REGISTERS = {  # services of other systems: social care, digital pathways, activities
    *("adult_social_work", "child_protection", "client_guidance", "communal_housing", "digital_pathway"),
    *("disability_services", "informal_care_support", "outreach", "pharmacist_service", "round_the_clock_care"),
    *("social_guidance", "social_rehabilitation", "supported_employment", "wellbeing_activity"),
}


@cache
def parameters() -> Parameters:
    return small_county.parameters()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> avohilmo_extract.Extract:
    """Two years with the old codes and two with the new, of a small county."""
    county = tmp_path_factory.mktemp("avohilmo") / "county"
    synthetic.make(county, residents=1_000, seed=5, since=date(2017, 1, 1), until=LAST)
    return avohilmo_extract.make(county)


@pytest.fixture(scope="module")
def mapped(made: avohilmo_extract.Extract, tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    """The store of the extract, with records in it that are not the county's individual care."""
    folder = tmp_path_factory.mktemp("extract")
    files = {**made.files, "avohilmo_others": others(made.files["avohilmo_2019_2021"])}
    return build(avohilmo_extract.write(files, folder / "data"), folder)


def others(records: pd.DataFrame) -> pd.DataFrame:
    """Group visits, occupational health and screenings: 30 records, with new identifiers."""
    rows = records.dropna(subset=["kaynti_alkoi"]).head(30).assign(hoidontarve_ajankohta=None)
    rows["avohilmoid"] = "77" + rows["avohilmoid"].str.zfill(9)
    rows["kaynti_kavijaryhma"] = ["3"] * 10 + ["1"] * 20
    rows["kaynti_palvelumuoto"] = ["T11"] * 10 + ["T30", "T31"] * 5 + ["T28", "T29"] * 5
    return rows


def build(data: Path, folder: Path) -> store.Store:
    work = folder / "work"
    work.mkdir()
    return store.build(sources.discover(data, parameters().mappings), work / "store", parameters(), LAST)


def build_contract(tables: avohilmo_extract.Tables, folder: Path) -> store.Store:
    (folder / "data").mkdir()
    for name, rows in tables.items():
        rows.to_parquet(folder / "data" / f"{name}.parquet", index=False)
    return build(folder / "data", folder)


def panel_of(opened: store.Store) -> Panel:
    work = opened.folder.parent
    index = groups.build(opened, parameters(), work / "memberships", ("all",))
    panel.build(opened, index, parameters(), work / "panels")
    return panel.open(work / "panels", "all")


def test_only_services_of_other_systems_are_left_out(made: avohilmo_extract.Extract) -> None:
    assert made.left_out <= NOT_IN_REGISTERS
    held = set(made.tables["contacts"]["service"])
    assert held == set(parameters().services) - NOT_IN_REGISTERS


def test_old_and_new_codes_are_mixed_also_after_2018(made: avohilmo_extract.Extract) -> None:
    early, late = (set(made.files[f"avohilmo_{years}"]["kaynti_yhteystapa"]) for years in ("2017_2018", "2019_2021"))
    assert {"R50", "R51", "R55", "R70"} <= early
    assert not early & {"R41", "R52", "R56", "R71", "R72"}
    assert {"R50", "R51", "R55", "R52", "R56", "R71", "R72"} <= late


@pytest.mark.slow
def test_the_panels_are_those_of_the_contract_tables(
    made: avohilmo_extract.Extract, mapped: store.Store, tmp_path: Path
) -> None:
    own = {**made.tables, "contacts": made.tables["contacts"].drop(columns="mode_told")}
    expected, found = panel_of(build_contract(own, tmp_path)), panel_of(mapped)
    assert expected.counts["contacts"].sum() > 20_000
    assert expected.queue["waiting"].sum() > 100
    for name in ("counts", "totals", "person_time", "coverage", "queue"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(expected, name), obj=name)


def test_every_row_of_the_store_is_that_of_the_contract_tables(
    made: avohilmo_extract.Extract, mapped: store.Store, tmp_path: Path
) -> None:
    contacts = made.tables["contacts"].assign(mode=made.tables["contacts"]["mode_told"]).drop(columns="mode_told")
    expected = build_contract({**made.tables, "contacts": contacts}, tmp_path)
    tables: dict[str, Any] = mapped.manifest["tables"]
    for name, account in expected.manifest["tables"].items():
        assert (name, tables[name]["stored"], tables[name]["quarantined"]) == (name, account["stored"], 0)
    assert mapped.manifest["content"] == expected.manifest["content"]


def test_what_is_not_individual_care_of_the_county_is_counted_with_its_reason(mapped: store.Store) -> None:
    excluded = mapped.manifest["tables"]["contacts"]["excluded"]
    first = {one["reason"]["en"]: one["rows"] for one in excluded[:4]}
    assert list(first.values())[1:] == [10, 10, 10]
    assert mapped.manifest["unmapped"] == []


RECORDS = """avohilmoid;hoidontarve_ajankohta;hta_ammatti;kaynti_alkoi;kaynti_palvelumuoto;kaynti_yhteystapa;\
kaynti_ammatti;ajanvaraus_varattu;peruutus_ajankohta;peruutus_syy;shnro
1;01.02.2020 08:15;32311;05.02.2020 10:00;T11;R10;22213;;;;p
2;01.02.2020 09:00;32311;01.02.2020 09:00;T11;R50;32311;;;;p
3;02.02.2020 09:00;2222;;;;;;;;p
4;03.02.2020 09:00;32312;;T11;R10;22213;07.02.2020 10:00;04.02.2020 12:00;1;p
5;;;;T60;R10;2222;08.02.2020 10:00;05.02.2020 12:00;;p
6;;;;;R10;;09.02.2020 10:00;;;p
7;;;10.02.2020 10:00;T99;R41;51321;;;;p
8;;;11.02.2020 10:00;T40;R20;51321;;;;p
"""
CONTACTS = [
    ("1", "05.02.2020 10:00", "primary_care", "in_person", "physician", "attended"),
    ("1-assessment", "01.02.2020 08:15", "primary_care", "other", "nurse", "attended"),
    ("2", "01.02.2020 09:00", "primary_care", "phone", "nurse", "attended"),  # assessment and visit in one
    ("3-assessment", "02.02.2020 09:00", "oral_health", "other", "dentist", "attended"),  # solved by the assessment
    ("4", "07.02.2020 10:00", "primary_care", "in_person", "physician", "cancelled_client"),
    ("4-assessment", "03.02.2020 09:00", "primary_care", "other", "nurse", "attended"),
    ("5", "08.02.2020 10:00", "oral_health", "in_person", "dentist", "cancelled_provider"),
    ("7", "10.02.2020 10:00", "T99", "elsewhere", "other", "attended"),
    ("8", "11.02.2020 10:00", "home_care", "home", "home_care_worker", "attended"),
]


def test_an_assessment_is_a_contact_of_its_own_unless_it_is_the_visit(tmp_path: Path) -> None:
    persons = "shnro;syntymaaika;sukupuoli;kotikunta\np;01.01.1980;2;016\n"
    rows, staged = delivered(tmp_path, {"avohilmo": RECORDS, "henkilot": persons})
    assert rows == CONTACTS
    assert [(one.column, one.code) for one in staged.unmapped] == [("service", None)]  # too rare to be shown


def delivered(folder: Path, files: dict[str, str]) -> tuple[list[tuple[str, ...]], Staged]:
    """The contacts that the mapping makes of files, as text."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="cp1252")
    source = sources.discover(folder, parameters().mappings)
    staging = folder / "staging"
    staging.mkdir()
    connection = connect(staging, source.places, Limits(threads=1))
    try:
        staged = stage(connection, source, staging)
        columns = "contact_id, started_at, service, mode, profession, attendance"
        return connection.execute(f"SELECT {columns} FROM delivered_contacts ORDER BY 1").fetchall(), staged
    finally:
        connection.close()
