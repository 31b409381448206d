"""The synthetic county keeps the data contract, is the same for the same seed, and appears whole or not."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ennakointi import parameters, sources, store, synthetic
from ennakointi.errors import ParameterError
from ennakointi.schema import TABLES
from ennakointi.synthetic import county as synthetic_county

pytestmark = pytest.mark.xdist_group("synthetic")  # its fixtures are dear: one worker makes them once
UNTIL = date(2025, 9, 30)


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A county of 2,000 made in several chunks."""
    folder = tmp_path_factory.mktemp("synthetic") / "county"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic, "_CHUNK", 1_100)
        synthetic.make(folder, residents=2_000, seed=5)
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    place = folder / name
    return pd.read_parquet(place if place.is_dir() else folder / f"{name}.parquet")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_every_table_of_persons_and_of_the_county_is_there_but_the_aggregate_one(county: Path) -> None:
    found = {path.name.removesuffix(".parquet") for path in county.iterdir()} - {"truth", "source.json"}
    assert found == set(TABLES) - {"panel"}


def test_the_door_accepts_every_row_of_every_table(county: Path, tmp_path: Path) -> None:
    built = store.build(sources.discover(county), tmp_path / "store", parameters.load(), UNTIL)
    accounts = built.manifest["tables"]
    assert set(accounts) == set(TABLES) - {"panel"}
    for name, account in accounts.items():
        assert account["read"] > 0, name
        assert account["quarantined"] == account["after_as_of"] == 0, name
        assert account["extra_columns"] == [], name
        assert not any(account["unmatched"].values()), name


def test_columns_that_are_wholly_empty_are_only_those_the_county_does_not_have(county: Path) -> None:
    empty = {
        (name, column)
        for name in set(TABLES) - {"panel"}
        for column, missing in table(county, name).isna().all().items()
        if missing
    }
    assert empty == {("diagnoses", "stay_id"), ("feedback", "unit")}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        synthetic.make(tmp_path / name, residents=150, seed=seed, since=date(2018, 1, 1))
    one, again, other = (digests(tmp_path / name) for name in ("one", "again", "other"))
    assert one == again
    assert one["contacts/part-000.parquet"] != other["contacts/part-000.parquet"]


def test_the_source_says_what_it_is(county: Path) -> None:
    source = json.loads((county / "source.json").read_text(encoding="utf-8"))
    assert source["synthetic"] is True
    assert source["extracted_on"] == "2025-09-30"
    assert (source["region"], source["seed"], source["residents"]) == ("paijat-hame", 5, 2_000)


def test_contacts_of_a_chunk_are_in_order_and_their_episodes_belong_to_one_person(county: Path) -> None:
    first = pq.read_table(county / "contacts" / "part-000.parquet").to_pandas()
    assert first.sort_values(["person_id", "started_at"], kind="stable").index.equals(first.index)
    persons = table(county, "contacts").groupby("episode_id")["person_id"].nunique()
    assert (persons == 1).all()


def test_nothing_lies_outside_the_delivered_time_or_the_residence(county: Path) -> None:
    persons = table(county, "persons").set_index("person_id")
    contacts = table(county, "contacts")
    day = contacts["started_at"].dt.normalize()
    start = pd.to_datetime(contacts["person_id"].map(persons["resident_from"])).fillna(pd.Timestamp("2014-01-01"))
    end = pd.to_datetime(contacts["person_id"].map(persons["resident_to"])).fillna(pd.Timestamp(UNTIL))
    assert ((day >= start) & (day <= end)).all()
    assert day.min() >= pd.Timestamp("2014-01-01")


def test_population_is_the_count_of_residents_by_municipality_sex_and_whole_years(county: Path) -> None:
    persons, population = table(county, "persons"), table(county, "population")
    day = date(2019, 12, 31)
    from_day, to_day = (pd.to_datetime(persons[c]) for c in ("resident_from", "resident_to"))
    here = (from_day.isna() | (from_day <= pd.Timestamp(day))) & (to_day.isna() | (to_day >= pd.Timestamp(day)))
    born = pd.to_datetime(persons["birth_date"])
    here &= born <= pd.Timestamp(day)
    age = np.minimum(day.year - born.dt.year, 100)  # by 31 December everybody has had the year's birthday
    counted = persons[here].assign(age=age[here]).groupby(["municipality", "age", "sex"]).size()
    told = population[(population["year"] == 2019) & (population["persons"] > 0)]
    assert (told["variant"] == "observed").all()
    told = told.set_index(["municipality", "age", "sex"])["persons"].astype(int)
    pd.testing.assert_series_equal(told.sort_index(), counted.sort_index(), check_names=False)


def test_projection_reaches_2040_and_loses_nobody_who_lives(county: Path) -> None:
    population = table(county, "population")
    totals = population.groupby(["variant", "year"])["persons"].sum()
    assert totals.loc["projection_2024"].index.tolist() == list(range(2025, 2041))
    assert totals["projection_2024", 2025] == pytest.approx(totals["observed", 2024], rel=0.02)


def test_the_register_is_silent_where_it_holds_nothing(county: Path) -> None:
    persons, contacts = table(county, "persons"), table(county, "contacts")
    contacts["municipality"] = contacts["person_id"].map(persons.set_index("person_id")["municipality"])
    early = contacts[contacts["started_at"] < "2020-12-31"]
    assert (early["municipality"] != "142").all()
    own = early[early["municipality"].isin(["111", "781"])]["service"]
    assert set(own) == {"emergency", "specialised_outpatient", "specialised_inpatient"}
    joined = contacts[contacts["started_at"] >= "2023-03-01"]
    assert (joined[joined["municipality"] == "111"]["service"] == "primary_care").any()


def test_coverage_tells_who_organised_what(county: Path) -> None:
    coverage = table(county, "coverage").set_index(["municipality", "service", "month"])

    def row(municipality: str, service: str, month: str) -> tuple[str, str]:
        found = coverage.loc[(municipality, service, pd.Timestamp(month).date())]
        return found["status"], found["provider"]

    assert row("398", "primary_care", "2020-12-01") == ("complete", "own")
    assert row("398", "primary_care", "2021-01-01") == ("complete", "purchased")
    assert row("111", "primary_care", "2022-12-01") == ("none", "own")
    assert row("111", "primary_care", "2023-01-01") == ("partial", "own")
    assert row("111", "primary_care", "2023-03-01") == ("complete", "own")
    assert row("142", "emergency", "2020-12-01") == ("none", "own")
    assert row("142", "emergency", "2021-01-01") == ("complete", "own")


def test_units_change_when_the_county_starts(county: Path) -> None:
    contacts = table(county, "contacts")
    before = set(contacts[contacts["started_at"] < "2023-01-01"]["unit"])
    after = set(contacts[contacts["started_at"] >= "2023-01-01"]["unit"])
    assert {u.split("-")[0] for u in before} == {"old", "joint"}
    assert {u.split("-")[0] for u in after} == {"h09", "joint"}


def test_the_drawn_history_alone_reaches_the_end_of_a_stay_or_a_wait(county: Path) -> None:
    referrals, stays = table(county, "referrals"), table(county, "stays")
    closed = pd.to_datetime(referrals["closed_on"])
    assert closed.max() <= pd.Timestamp(UNTIL)
    assert referrals["closed_on"].isna().equals(referrals["closed_reason"].isna())
    assert (referrals["closed_reason"].eq("started") == referrals["started_on"].notna()).all()
    assert stays["discharged_at"].max() < pd.Timestamp("2025-10-01")
    assert stays["discharged_at"].isna().any()


def test_a_county_that_fails_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(synthetic_county, "coverage", fail)
    with pytest.raises(OSError, match="No space"):
        synthetic.make(tmp_path / "county", residents=100, since=date(2023, 1, 1))
    assert list(tmp_path.iterdir()) == []


def test_an_older_county_is_replaced_and_a_foreign_folder_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "county"
    for seed in (1, 2):
        synthetic.make(folder, residents=100, seed=seed, since=date(2024, 1, 1))
    assert json.loads((folder / "source.json").read_text(encoding="utf-8"))["seed"] == 2
    foreign = tmp_path / "delivery"
    foreign.mkdir()
    (foreign / "persons.csv").write_text("person_id\n", encoding="utf-8")
    with pytest.raises(ParameterError, match="not empty and holds no synthetic county"):
        synthetic.make(foreign, residents=100)
    assert (foreign / "persons.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"residents": 99}, "residents 99: expected at least 100"),
        ({"seed": -1}, "seed -1: expected 0 or more"),
        ({"since": date(2014, 1, 2)}, "expected the first of a month"),
        ({"until": date(2013, 1, 2)}, "expected the first of a month and a later day"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        synthetic.make(tmp_path / "county", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
