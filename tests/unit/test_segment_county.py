"""Movements and guidance in a synthetic county, against its own persons and population."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from segment_moves import SETTINGS
from small_county import parameters

from ennakointi import features, sources, store, synthetic
from ennakointi.panel import projection as population
from ennakointi.periods import Quarter
from ennakointi.segmentation import guidance, projection, transitions
from ennakointi.segmentation.transitions import History

pytestmark = pytest.mark.slow
LAST = Quarter(2025, 3)
ORDER = ("old", "adult", "child")


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> store.Store:
    folder = tmp_path_factory.mktemp("segments")
    synthetic.make(folder / "data", residents=2_000, seed=5)
    source = sources.discover(folder / "data")
    return store.build(source, folder / "work" / "store", parameters(), LAST.end)


@pytest.fixture(scope="module")
def history(opened: store.Store) -> History:
    """The residents as children, adults and older ones, as their age decides."""
    known = features.build(opened, None, parameters(), opened.folder.parent / "features", LAST)
    people = transitions.people(known, known.quarters)
    here = {quarter: frame.loc[frame["state"] == "resident", "age"] for quarter, frame in people.items()}
    named = {q: pd.cut(age, [-1, 17, 64, 200], labels=ORDER[::-1]) for q, age in here.items()}
    return History(ORDER, named, people)


def test_deaths_moves_and_arrivals_are_those_of_the_register(opened: store.Store, history: History) -> None:
    persons = pd.read_parquet(opened.folder.parents[1] / "data" / "persons.parquet")
    start, end = (pd.Timestamp(year, 9, 30) for year in (2024, 2025))
    born, came, left, died = (
        pd.to_datetime(persons[name]) for name in ("birth_date", "resident_from", "resident_to", "death_date")
    )

    def here(day: pd.Timestamp) -> pd.Series:
        began = (born <= day) & ~(came > day)
        return began & ~(left < day) & ~(died < day)

    dead, before, now = died <= end, here(start), here(end)
    told = transitions.table("age", history).set_index(["span", "from", "to"])["n_persons"]["year"]
    assert told["all", "died"] == pytest.approx((before & dead).sum(), abs=1)  # one may die on the last day itself
    assert told["all", "moved"] == pytest.approx((before & ~now & ~dead).sum(), abs=1)
    assert told["arrived", "all"] == pytest.approx((~before & now).sum(), abs=1)
    assert told["adult", "old"] > 0


def test_segments_that_age_decides_follow_the_countys_own_projection(opened: store.Store, history: History) -> None:
    rows = population.table(opened)
    assert rows is not None
    sexes = opened.codes("persons", "sex")
    areas = tuple(sorted(set(rows["municipality"])))
    ahead = population.build(rows, population.variants(rows)[-1], areas, sexes)
    assert ahead is not None
    residents = len(history.assigned["2024Q4"])
    assert residents == pytest.approx(ahead.at_year_ends(np.array([2024])).sum(), rel=0.02)
    frame, reasons = projection.table("age", history, ahead, sexes, SETTINGS, 10, (0, 18, 65), 1)
    assert reasons == {}
    for basis in ("moves", "ages"):
        told = frame[frame["basis"] == basis].set_index(["segment", "year"])["persons"]
        for code, low, high in (("child", 0, 18), ("adult", 18, 65), ("old", 65, 101)):
            known = ahead.at_year_ends(np.array([2035]))[:, low:high].sum()
            assert told[code, 2035] == pytest.approx(known, rel=0.02)


def test_guidance_counts_the_requests_of_the_quarter(opened: store.Store) -> None:
    found, reasons = guidance.table(opened, (LAST.previous, LAST), SETTINGS, None)
    assert list(reasons) == ["plan"]
    asked = pd.read_parquet(opened.folder.parents[1] / "data" / "requests")
    of_quarter = asked[asked["requested_at"].dt.to_period("Q") == pd.Period("2025Q3")]
    row = found.set_index(["indicator", "service", "quarter"]).loc[("redirected", "all", "2025Q3")]
    assert row["whole"] == len(of_quarter)
    assert row["part"] == (of_quarter["outcome"] == "redirected").sum()
    assert (found["part"] <= found["whole"]).all()
    assert (found["n_persons"] <= found["whole"]).all()
