"""A small synthetic county with its store and panels, made once for the tests that follow its rows to the end.

Tests that use it share one worker (`pytestmark = counted_county.TOGETHER`).
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
import small_county

from ennakointi import groups, panel, sources, store, synthetic
from ennakointi.parameters import Parameters

TOGETHER = pytest.mark.xdist_group("counted_county")
AS_OF = date(2025, 9, 30)


class County(NamedTuple):
    data: Path
    opened: store.Store
    panels: Path


def parameters() -> Parameters:
    return replace(
        small_county.shipped(), legal_basis=dict.fromkeys(("kela", "employment", "education", "other"), "test")
    )


def made(tmp_path_factory: pytest.TempPathFactory) -> County:
    """1,500 residents since 2016, all of them in `persons`, in the tables that panels read."""
    folder = tmp_path_factory.getbasetemp() / "counted_county"
    if not folder.exists():
        synthetic.make(folder / "made", residents=1_500, seed=3, since=date(2016, 1, 1))
        (folder / "data").mkdir()
        for name in ("persons.parquet", "contacts", "population.parquet", "coverage.parquet", "indicators.parquet"):
            (folder / "made" / name).rename(folder / "data" / name)
        shutil.rmtree(folder / "made")
        counted(folder / "data", folder / "work", "residents")
    return County(folder / "data", store.open(folder / "work" / "store"), folder / "work" / "panels")


def counted(data: Path, work: Path, who: str) -> County:
    """The store and the panels of a folder."""
    work.mkdir()
    opened = store.build(sources.discover(data), work / "store", parameters(), AS_OF)
    index = groups.build(opened, parameters(), work / "memberships", ["all"])
    panel.build(opened, index, parameters(), work / "panels", who)
    return County(data, opened, work / "panels")
