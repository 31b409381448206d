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
    assert_planted_queue(panel.open(folder / "panels", "all"), synthetic.truth(tmp_path / "data").waits)


def assert_planted_queue(found: panel.Panel, waits: pd.DataFrame) -> None:
    """Every month's queue, treatments and leavers by months waited are those of the entries that were delivered."""
    known = waits[waits["referral_id"].notna()].astype({"service": str})
    came, ended = (12 * known[day].dt.year + known[day].dt.month - 1 for day in ("received_on", "ended_on"))
    known = known.assign(came=came, ended=ended.fillna(10**6).astype(int), begun=known["exit"] == "started")
    flows = found.queue_flows.astype({"service": str})
    for month in range(found.first_month, found.last_month + 1):
        waiting = known[(known["came"] <= month) & (known["ended"] > month)]
        now = known[known["ended"] == month]
        parts = {"waiting": waiting, "started": now[now["begun"]], "left": now[~now["begun"]]}
        for name, rows in parts.items():
            planted = rows.assign(waited=month - rows["came"]).groupby(["service", "waited"]).size()
            cells = flows[(flows["month"] == month) & (flows[name] > 0)]
            assert cells.groupby(["service", "waited"])[name].sum().to_dict() == planted.to_dict()
    assert flows["started"].sum() > 1000
