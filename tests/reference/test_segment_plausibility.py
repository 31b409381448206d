"""Rule-based segments of a synthetic county beside what is published of real ones."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pandas as pd
import pytest

from ennakointi import features, parameters, sources, store, synthetic
from ennakointi.periods import Quarter
from ennakointi.segmentation import concentration, multi_service, profiles, rule_based

pytestmark = pytest.mark.slow
READ = parameters.load()
SETTINGS = READ.segmentation


class Found(NamedTuple):
    now: pd.DataFrame
    segments: dict[str, pd.Series]
    before: dict[str, pd.Series]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """6,000 residents at the end of 2025Q3 and a year before."""
    folder = tmp_path_factory.mktemp("county")
    synthetic.make(folder / "data", residents=6_000, seed=11, since=date(2021, 1, 1))
    opened = store.build(sources.discover(folder / "data"), folder / "store", READ, date(2025, 9, 30))
    made = features.build(opened, None, READ, folder / "features", Quarter(2025, 3))
    columns = profiles.columns(SETTINGS, tuple(READ.services), made.columns)
    now, before = (made.read(quarter, columns) for quarter in ("2025Q3", "2024Q3"))
    told = (rule_based.assignments(one, SETTINGS, made.missing) for one in (now, before))
    return Found(now, *(dict(one.segments) for one in told))


def share(segments: pd.Series, code: str) -> float:
    return float((segments == code).mean())


def test_every_scheme_is_there_and_tells_everyone(found: Found) -> None:
    residents = rule_based.residents(found.now)
    assert list(found.segments) == list(SETTINGS.schemes)
    assert all(one.index.equals(pd.Index(residents["person"])) for one in found.segments.values())


def test_kaiser_levels(found: Found) -> None:
    """65–80, 20–30 and 1–5 % (Commonwealth Fund); 85 % in the same group after a year (PMC4116260)."""
    levels, before = found.segments["kaiser"], found.before["kaiser"]
    assert 0.65 <= share(levels, "level_1") <= 0.82
    assert 0.17 <= share(levels, "level_2") <= 0.30
    assert 0.01 <= share(levels, "level_3") <= 0.05
    both = levels.index.intersection(before.index)
    kept = (levels.loc[both].astype(str) == before.loc[both].astype(str)).mean()
    assert kept == pytest.approx(0.85, abs=0.05)


def test_cost_gathers_on_a_tenth(found: Found) -> None:
    """In Oulu the costliest tenth made 81 % (Suom Lääkäril 48/2013)."""
    cost = concentration.table(found.now).set_index(["measure", "top_share"])["share"]
    assert cost["cost_eur", "10"] == pytest.approx(0.8, abs=0.12)
    tiers = found.segments["cost_tiers"]
    assert sum(share(tiers, code) for code in SETTINGS.schemes["cost_tiers"].codes[:3]) == pytest.approx(0.1, abs=0.002)


def test_frequent_attenders_and_clients_of_three_sectors(found: Found) -> None:
    """1–3 % of adults with ten physician visits; 2.9 % of working age in three sectors (Oulu, PLOS ONE 2023)."""
    adults = found.now.loc[(found.now["state"] == "resident") & (found.now["age"] >= 18), "person"]
    often = found.segments["frequent_attenders"].loc[adults]
    assert 0.005 <= share(often, "ten_visits") <= 0.03
    readings = multi_service.readings(found.now, SETTINGS, {})
    assert 0.015 <= readings["M3"].mean() <= 0.06
