"""Segments and risks of persons stay in work/; what is published of them are sums."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from quarter_pages import text

from ennakointi import features, phases
from ennakointi.result_tables.needs import NEED_TABLES
from ennakointi.result_tables.segments import SEGMENT_TABLES

pytestmark = pytest.mark.xdist_group("quarter")


def test_every_resident_is_once_in_every_scheme(quarter) -> None:
    told = pd.read_parquet(quarter.work / "results" / "segment_assignments.parquet")
    assert list(told.columns) == ["person_id", "scheme", "segment", "probability"]
    people = features.open(quarter.work / "features").read("2025Q3", ["person", "state", "contacts_24m"])
    residents = set(people.loc[people["state"] == "resident", "person"])
    assert (people["contacts_24m"] == 0).any()  # non-users are among them
    assert set(told["scheme"]) >= {"kanta_hame", "bridges_to_health", "latent"}
    for _, rows in told.groupby("scheme"):
        assert rows["person_id"].is_unique
        assert set(rows["person_id"]) == residents
    assert told["probability"].between(0, 1).all()
    assert (told.loc[told["scheme"] != "latent", "probability"] == 1).all()


def test_risks_are_chances_of_residents(quarter) -> None:
    told = pd.read_parquet(quarter.work / "results" / f"{phases.PREDICTIONS}.parquet")
    assert list(told.columns) == ["person_id", "outcome", "horizon_months", "probability"]
    assert told["probability"].between(0, 1).all()
    assert not told.duplicated(["person_id", "outcome", "horizon_months"]).any()


def test_segments_of_a_scheme_add_up_to_the_residents_unrounded(quarter) -> None:
    sizes = pd.read_parquet(quarter.work / "results" / "segments.parquet")
    whole = sizes["segment"] == "all"
    keys = ["scheme", "quarter"]
    summed = sizes[~whole].groupby(keys)[["n_persons", "contacts", "cost_eur"]].sum()
    told = sizes[whole].set_index(keys)[["n_persons", "contacts", "cost_eur"]]
    pd.testing.assert_frame_equal(summed.sort_index(), told.sort_index(), check_dtype=False)


def test_nothing_of_a_person_is_published(quarter) -> None:
    names = {path.name for path in quarter.release.rglob("*")}
    assert not names & {"segment_assignments.csv", "need_predictions.csv", "latent_model.csv"}
    tables = json.loads((quarter.release / "tables" / "tables.json").read_text(encoding="utf-8"))["tables"]
    published = {name for name in (table.name for table in (*SEGMENT_TABLES, *NEED_TABLES)) if name in tables}
    assert {"segments", "segment_transitions", "need_models"} <= published
    for name in published:
        assert not {"person", "person_id"} & {column["name"] for column in tables[name]["columns"]}


def test_the_model_of_the_classes_is_kept_as_json(quarter) -> None:
    kept = json.loads((quarter.folder / "work" / "history" / "segment_models" / "2025Q3.json").read_text("utf-8"))
    assert kept["model"]["quarter"] == "2025Q3"
    assert not list((quarter.folder / "work").rglob("*.pkl"))


@pytest.mark.parametrize("page", ["segments.html", "need.html"])
def test_both_pages_answer_first(quarter, page: str) -> None:
    said = text((quarter.release / page).read_text(encoding="utf-8"))
    assert "asukk" in said
    assert "Näin luvut on laskettu" in said
