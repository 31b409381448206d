"""From a synthetic county's tables to panels: the counts are those that its own truth tables hold."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import small_county

from ennakointi import groups, panel, sources, store, synthetic
from ennakointi.periods import month_index, parse_month

GROUPS = ("all", "older_people")
ALL_COVERED = month_index(2023, 3)  # from here on the register holds every cell, and no record is lost


@pytest.mark.slow
def test_contacts_of_groups_are_those_planted(tmp_path: Path) -> None:
    given, folder = small_county.parameters(), tmp_path / "work"
    rules = {group: given.target_groups[group].who for group in GROUPS}
    synthetic.make(tmp_path / "data", residents=1500, seed=7, groups=rules)
    folder.mkdir()
    opened = store.build(sources.discover(tmp_path / "data"), folder / "store", given, date(2025, 9, 30))
    index = groups.build(opened, given, folder / "memberships", GROUPS)
    panel.build(opened, index, given, folder / "panels")
    truth = pd.read_parquet(tmp_path / "data" / "truth" / "volumes.parquet")
    truth["month"] = truth["month"].map(parse_month)
    for group in GROUPS:
        found = panel.open(folder / "panels", group)
        planted = truth[(truth["target_group"] == group) & (truth["month"] >= ALL_COVERED)]
        expected = planted.groupby(["service", "month"])["actual"].sum()
        made = found.counts[found.counts["month"] >= ALL_COVERED].astype({"service": str})
        counted = made.groupby(["service", "month"])["contacts"].sum()
        assert expected.sum() > 5000
        assert counted.to_dict() == expected[expected > 0].to_dict()
