"""OHDSI's published example databases, CDM 5.3 in Parquet and 5.4 in CSV: every row is taken, a quarter runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from ennakointi import cli, parameters, phases, sources, store
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace

DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[2].parent / "shared" / "data"))
GIBLEED, SYNTHEA = DATA / "omop_gibleed_5_3", DATA / "omop_synthea27nj_5_4"

pytestmark = [
    pytest.mark.skipif(
        not (GIBLEED.is_dir() and SYNTHEA.is_dir()), reason="reference data absent: set ENNAKOINTI_REFERENCE_DATA"
    ),
    pytest.mark.xdist_group("omop"),  # its fixtures are dear: one worker makes them once
]


@pytest.fixture(scope="module")
def given() -> Parameters:
    return parameters.load()


@pytest.fixture(scope="module")
def stored(given: Parameters, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, date], store.Store]:
    """Makes the store of a folder as of a day, once."""

    @cache
    def made(folder: Path, as_of: date) -> store.Store:
        source = sources.discover(folder, given.mappings)
        return store.build(source, tmp_path_factory.mktemp("omop") / "store", given, as_of, store.limits(given))

    return made


@pytest.mark.parametrize(
    ("folder", "as_of", "accepted", "rejected"),
    [
        (
            GIBLEED,
            date(2019, 12, 31),
            {"persons": 2_694, "contacts": 1_037, "stays": 1_037, "diagnoses": 65_332, "medicines": 67_706},
            {("medicines", "dispensed_on", "before_birth"): 1},  # a vaccination dated before the person's birth
        ),
        (
            SYNTHEA,
            date(2022, 12, 31),
            {"persons": 28, "contacts": 1_791, "stays": 13, "diagnoses": 470, "medicines": 883},
            {},
        ),
    ],
    ids=["gibleed", "synthea"],
)
def test_every_row_of_the_source_is_taken(
    folder: Path,
    as_of: date,
    accepted: dict[str, int],
    rejected: dict[tuple[str, str, str], int],
    stored: Callable[[Path, date], store.Store],
) -> None:
    about = stored(folder, as_of).manifest
    rows = {table: counts["stored"] for table, counts in about["tables"].items() if counts["stored"]}
    assert rows == accepted
    assert {(one["table"], one["column"], one["rule"]): one["rows"] for one in about["faults"]} == rejected


def test_the_published_cohorts_can_be_told_from_the_store(stored: Callable[[Path, date], store.Store]) -> None:
    """479 persons bleed and 1,844 and 850 get celecoxib and diclofenac, as OHDSI says of the data."""
    built = stored(GIBLEED, date(2019, 12, 31))

    def persons(table: str, column: str, codes: set[str]) -> int:
        wanted = [place for place, code in enumerate(built.codes(table, column)) if code in codes]
        frame = built.frame(table).select("person", column).collect("pandas").to_native()
        return int(frame.loc[frame[column].isin(wanted), "person"].nunique())

    assert persons("diagnoses", "code", {"K92.2"}) == 479
    assert persons("medicines", "atc", {"RxNorm|140587"}) == 1_844
    assert persons("medicines", "atc", {"RxNorm|3355"}) == 850


def test_a_century_of_months_is_computed_and_remote_share_refused(given: Parameters, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, Quarter.parse("2019Q1"))
    workspace.create()
    source = sources.discover(GIBLEED, given.mappings)
    phases.prepare(workspace, given, source, date(2019, 3, 31), ["older_people"], lambda _: None)
    names = phases.part_names(workspace, given, ["older_people"], list(given.notebooks))
    assert phases.compute(workspace, given, names, "fast", 1, "test", lambda _: None) == []
    results = phases.gather(workspace, given, names)
    total = results["debt_summary"].query("service == 'all' and target_group == 'all'")
    assert "before the window" in total["reason"].item()
    assert results["trust"].set_index("result").loc["remote_share", "level"] == "refused"


@pytest.mark.slow
def test_a_quarter_of_the_small_database_is_published(tmp_path: Path) -> None:
    options = ["--data", str(SYNTHEA), "--quarter", "2022Q3", "--mode", "fast", "--jobs", "2"]
    places = ["--work", str(tmp_path / "work"), "--output", str(tmp_path / "outputs")]
    pages = ["--group", "all", "--notebook", "service_debt", "--notebook", "data_quality"]
    assert cli.main(["run", *options, *places, *pages]) == 0
    page = (tmp_path / "outputs" / "2022Q3" / "data_quality.html").read_text(encoding="utf-8")
    assert re.search(r"Etäasioinnin osuus.{0,400}ei voi käyttää", page, re.DOTALL)
