"""The panel of a random county, through the store and its buckets, against pandas over the raw contacts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import small_county

from ennakointi import panel
from ennakointi.periods import month_index

pytestmark = pytest.mark.xdist_group("panel_totals")  # its fixtures are dear: one worker makes them once

AS_OF = date(2020, 6, 30)
FIRST, LAST = month_index(2019, 1), month_index(2020, 6)
N = 300
SERVICES = ["primary_care", "oral_health", "home_care"]


def raw_tables(rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    ids = np.array([f"p{i:04d}" for i in rng.permutation(N)])  # the store numbers persons by their identifier
    birth = pd.Timestamp("1930-01-01") + pd.to_timedelta(rng.integers(0, 32000, N), unit="D")
    persons = pd.DataFrame({"person_id": ids, "birth_date": birth.date})
    persons["sex"] = rng.choice(["female", "male", "unknown"], N, p=[0.5, 0.45, 0.05])
    persons["municipality"] = rng.choice(["398", "111", "016"], N)
    n = 4000
    started = pd.Timestamp("2019-01-01") + pd.to_timedelta(rng.integers(0, 547 * 1440, n), unit="min")
    contacts = pd.DataFrame({"contact_id": range(n), "person_id": rng.choice(ids, n), "started_at": started})
    contacts["service"] = rng.choice(SERVICES, n)
    contacts["mode"] = rng.choice(["in_person", "phone", "administrative"], n)
    contacts["attendance"] = rng.choice(["attended", "no_show", None], n)
    contacts["provider"] = rng.choice(["own", "purchased", None], n)
    contacts["cost_eur"] = rng.integers(0, 50000, n) / 100
    return {"persons": persons, "contacts": contacts}


@pytest.fixture(scope="module")
def county(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, Path]:
    rng = np.random.default_rng(20)
    tables, folder = raw_tables(rng), tmp_path_factory.mktemp("county")
    opened = small_county.build_store(folder, AS_OF, **tables)
    members = pd.DataFrame({"group": 1, "person": rng.permutation(N)[:120]})
    members["from_month"] = rng.integers(FIRST, LAST, 120)
    members["to_month"] = np.minimum(members["from_month"] + rng.integers(0, 9, 120), LAST)
    runs = pd.concat([small_county.everybody(N, FIRST, LAST), members], ignore_index=True)
    groups = small_county.memberships(folder, runs, ["all", "some"], {"all": FIRST, "some": FIRST})
    panel.build(opened, groups, small_county.parameters(), folder / "work" / "panels")
    return tables, runs, folder / "work" / "panels"


def attended(tables: dict[str, pd.DataFrame], runs: pd.DataFrame, group: int) -> pd.DataFrame:
    """The raw contacts that count, with the person's traits, of the members in their months."""
    persons = tables["persons"].assign(person=tables["persons"]["person_id"].rank().astype(int) - 1)
    rows = tables["contacts"].merge(persons, on="person_id")
    rows["month"] = rows["started_at"].dt.year * 12 + rows["started_at"].dt.month - 1
    rows = rows[(rows["mode"] != "administrative") & (rows["attendance"].fillna("attended") == "attended")]
    joined = rows.merge(runs[runs["group"] == group], on="person")
    joined = joined[joined["month"].between(joined["from_month"], joined["to_month"])]
    today = pd.to_datetime(joined["started_at"].dt.strftime("%Y-%m-01"))
    born = pd.to_datetime(joined["birth_date"])
    had_birthday = (today.dt.month * 100 + today.dt.day) >= (born.dt.month * 100 + born.dt.day)
    age = (today.dt.year - born.dt.year - (~had_birthday)).clip(lower=0)
    bounds = [0, 7, 18, 23, 30, 45, 60, 65, 75, 85]
    labels = ["0–6", "7–17", "18–22", "23–29", "30–44", "45–59", "60–64", "65–74", "75–84", "85+"]
    joined["age_band"] = pd.cut(age, [*bounds, 200], right=False, labels=labels).astype(str)
    return joined[joined["started_at"] >= born.to_numpy()]


@pytest.mark.parametrize(("code", "group"), [(0, "all"), (1, "some")])
def test_cells_equal_the_raw_contacts(
    county: tuple[dict[str, pd.DataFrame], pd.DataFrame, Path], code: int, group: str
) -> None:
    tables, runs, folder = county
    found = panel.open(folder, group)
    rows = attended(tables, runs, code)
    keys = ["service", "municipality", "age_band", "sex", "month"]
    cells = rows.groupby(keys).agg(
        contacts=("contact_id", "size"), persons=("person_id", "nunique"), cost_eur=("cost_eur", "sum")
    )
    made = found.counts.astype(dict.fromkeys(keys[:-1], str)).set_index(keys)
    assert len(cells) > 100
    pd.testing.assert_frame_equal(
        made.sort_index(), cells.sort_index().round(2), check_dtype=False, check_index_type=False
    )


def test_persons_are_distinct_in_series_and_years(
    county: tuple[dict[str, pd.DataFrame], pd.DataFrame, Path],
) -> None:
    tables, runs, folder = county
    found, rows = panel.open(folder, "all"), attended(tables, runs, 0)
    for service in (*SERVICES, "all"):
        chosen = rows if service == "all" else rows[rows["service"] == service]
        monthly = chosen.groupby("month")["person_id"].agg(["size", "nunique"])
        series = found.series(service).set_index("month")
        assert series["contacts"].tolist() == monthly["size"].tolist()
        assert series["persons"].tolist() == monthly["nunique"].tolist()
        yearly = chosen.groupby(chosen["month"] // 12)["person_id"].agg(["size", "nunique"])
        volumes = panel.volumes(folder).query("service == @service").set_index("year")
        assert volumes["contacts"].to_dict() == yearly["size"].to_dict()
        assert volumes["n_persons"].to_dict() == yearly["nunique"].to_dict()


def test_members_never_outnumber_residents(
    county: tuple[dict[str, pd.DataFrame], pd.DataFrame, Path],
) -> None:
    some = panel.open(county[2], "some").person_time
    assert (some["member_py"] <= some["resident_py"] + 1e-12).all()
    assert 0 < some["member_py"].sum() < some["resident_py"].sum()
