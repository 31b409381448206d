"""The plan of a release: sums, earlier releases, groups inside each other and exemptions, attacked together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from scipy.optimize import linprog

from ennakointi import disclosure
from ennakointi.disclosure import planning
from ennakointi.disclosure.protection import Protection
from ennakointi.disclosure.relations import Earlier
from ennakointi.parameters.documents import DisclosureException, Preset
from ennakointi.periods import Quarter
from ennakointi.result_tables import KEY, LABEL, RESULT_TABLES

THL5 = Preset(name="thl5", threshold=5, base=10)
OPENSAFELY = Preset(name="opensafely", threshold=8, base=5)
UNROUNDED = Preset(name="own", threshold=5, base=1)


def history(persons: dict[tuple[str, str], int], month: str = "2025-01", group: str = "all") -> pd.DataFrame:
    """`forecast_history` of one month: persons by service and municipality, three contacts each; sums are added. The
    municipalities' quarter has no other month, so that all adds up to the last digit."""
    cells = {**persons}
    for service in {service for service, _ in persons}:
        cells[service, "all"] = sum(n for (own, place), n in persons.items() if own == service and place != "all")
    for place in {place for _, place in cells}:
        cells["all", place] = sum(n for (own, at), n in cells.items() if at == place and own != "all")
    rows = [
        {"service": service, "municipality": place, "observed": 3.0 * n, "n_persons": float(n)}
        for (service, place), n in sorted(cells.items())
    ]
    same = {"target_group": group, "month": month, "period": "used"}
    columns = RESULT_TABLES["forecast_history"].columns
    frame = pd.DataFrame(rows).assign(**same)
    frame["frequency"] = np.where(frame["municipality"] == "all", "M", "Q")
    return frame[[c.name for c in columns]]


GRID = {("a", "398"): 60, ("a", "111"): 20, ("b", "398"): 30, ("b", "111"): 12, ("c", "398"): 40, ("c", "111"): 3}


def hidden(plan: disclosure.Plan) -> set[tuple[str, str]]:
    frame = plan.released["forecast_history"]
    return set(frame.loc[frame["suppressed"] != "", ["service", "municipality"]].itertuples(index=False, name=None))


def provable(frame: pd.DataFrame, shown: set[tuple[str, str]], cell: tuple[str, str], known: Any = ()) -> list[float]:
    """The ends between which persons of a cell lie for whoever knows the shown ones exactly and that all adds up."""
    names = list(frame[["service", "municipality"]].itertuples(index=False, name=None))
    place = {name: k for k, name in enumerate(names)}
    persons = dict(zip(names, frame["n_persons"], strict=True))
    lines = []
    for over, axis in (("service", 0), ("municipality", 1)):
        for fixed in set(frame["municipality" if axis == 0 else "service"]):
            line = np.zeros(len(names))
            for name in names:
                if name[1 - axis] == fixed:
                    line[place[name]] = -1.0 if name[axis] == "all" else 1.0
            lines.append(line)
        del over
    fixed_cells = {*shown, *known}
    bounds = [(persons[name], persons[name]) if name in fixed_cells else (0, 10_000) for name in names]
    target = np.zeros(len(names))
    target[place[cell]] = 1.0
    return [
        sign * float(linprog(sign * target, A_eq=np.array(lines), b_eq=np.zeros(len(lines)), bounds=bounds).fun)
        for sign in (1, -1)
    ]


def test_a_small_cell_of_a_crossed_table_cannot_be_worked_out_by_an_attack_of_another_hand() -> None:
    """c in 111 has 3 persons; with exact numbers others are hidden in its row, its column, and where those meet."""
    frame = history(GRID)
    found = hidden(disclosure.plan({"forecast_history": frame}, UNROUNDED))
    shown = set(frame[["service", "municipality"]].itertuples(index=False, name=None)) - found
    low, high = provable(frame, shown, ("c", "111"))
    assert low <= 1
    assert high >= 4
    for cell in found - {("c", "111")}:
        low, high = provable(frame, shown, cell)
        assert high - low >= 5
    assert len(found) <= 6


def earlier(frame: pd.DataFrame, shown: list[bool], preset: Preset = UNROUNDED) -> dict[str, Earlier]:
    return {"forecast_history": Earlier(frame, np.array(shown), preset)}


def test_what_the_last_release_showed_protects_nothing_now() -> None:
    """Without history b goes with c in 111, because it is the smallest; when b was shown then, a must go."""
    frame = history(GRID)
    alone = hidden(disclosure.plan({"forecast_history": frame}, UNROUNDED))
    assert ("b", "111") in alone
    told = [(s, m) != ("c", "111") and (s, m) != ("a", "111") for s, m in zip(frame["service"], frame["municipality"])]
    told = [t and m != "398" for t, m in zip(told, frame["municipality"])]
    plan = disclosure.plan({"forecast_history": frame}, UNROUNDED, earlier(frame, told))
    found = hidden(plan)
    known = {name for name, t in zip(zip(frame["service"], frame["municipality"]), told) if t}
    shown = set(zip(frame["service"], frame["municipality"])) - found
    low, high = provable(frame, shown, ("c", "111"), known)
    assert (low <= 1, high >= 4) == (True, True)
    assert ("a", "111") in found


def test_two_persons_outside_a_group_are_not_all_less_the_group() -> None:
    """200 of 202 residents are in the group: rounded to 10 the difference is 0–9 for a reader, and nothing is hidden;
    with exact numbers it is 2. Rounded to 5 under a preset that hides 1–7, 203 and 197 read 205 and 195: 6–14 outside
    the group, so that 1–5 are excluded."""
    assert not hidden(disclosure.plan({"forecast_history": two_groups(202, 200)}, THL5))
    assert hidden(disclosure.plan({"forecast_history": two_groups(202, 200)}, UNROUNDED))
    assert not hidden(disclosure.plan({"forecast_history": two_groups(204, 199)}, OPENSAFELY))
    assert hidden(disclosure.plan({"forecast_history": two_groups(203, 197)}, OPENSAFELY))


def two_groups(residents: int, members: int) -> pd.DataFrame:
    everyone = history({("a", "398"): residents})
    return pd.concat([everyone, history({("a", "398"): members}, group="older_people")], ignore_index=True)


EXEMPTION = {
    "name": "known",
    "table": "forecast_history",
    "rows": {"service": ["c"], "municipality": ["111"]},
    "reason": "told elsewhere",
    "approver": "data protection officer",
    "until": "2025Q4",
}


def test_an_exemption_shows_its_rows_and_stands_in_the_log() -> None:
    one = DisclosureException.model_validate(EXEMPTION)
    plan = disclosure.plan({"forecast_history": history(GRID)}, THL5, exemptions=[one])
    assert hidden(plan) == set()
    line = plan.review.set_index("rule").loc["exempted:known"]
    assert (line["rows"], line["reason"]) == (1, "told elsewhere (data protection officer)")


@pytest.mark.parametrize(
    "change", [{"rows": {"persons": ["1"]}}, {"rows": {}}, {"table": "people"}, {"reason": ""}, {"until": "2025"}]
)
def test_an_exemption_without_place_reason_or_end_is_no_exemption(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DisclosureException.model_validate(EXEMPTION | change)


def test_the_log_counts_every_hidden_row_once() -> None:
    plan = disclosure.plan({"forecast_history": history(GRID)}, UNROUNDED)
    rows = plan.review[plan.review["table"] == "forecast_history"]
    assert rows["rows"].sum() == len(hidden(plan)) == len(plan.hidden["forecast_history"])
    assert plan.hidden["forecast_history"].query("rule == 'few_persons'")["n_persons"].max() < 5


def test_nothing_is_published_when_the_attack_succeeds_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def exposed(system: Any) -> Protection:
        return Protection(system.must, np.array([0]), True, 0.0)

    monkeypatch.setattr(planning, "protect", exposed)
    with pytest.raises(disclosure.DisclosureError, match="nothing is published"):
        disclosure.plan({"forecast_history": history(GRID)}, THL5)


def test_a_release_is_remembered_for_its_own_source_and_for_later_quarters(tmp_path: Path) -> None:
    tables = {"forecast_history": history(GRID), "effects": empty("effects")}
    released = disclosure.plan(tables, THL5).released
    disclosure.remember(tmp_path, Quarter.parse("2025Q1"), "ours", tables, released, THL5)
    assert disclosure.last(tmp_path, Quarter.parse("2025Q1"), "ours") == {}
    assert disclosure.last(tmp_path, Quarter.parse("2025Q3"), "theirs") == {}
    found = disclosure.last(tmp_path, Quarter.parse("2025Q3"), "ours")
    assert set(found) == {"forecast_history"}  # effects are told anew
    one = found["forecast_history"]
    pd.testing.assert_frame_equal(one.exact, tables["forecast_history"])
    assert (~one.shown).sum() == (released["forecast_history"]["suppressed"] != "").sum() > 0
    assert (one.preset.threshold, one.preset.base) == (5, 10)
    places = [tmp_path / "releases", tmp_path / "releases" / "2025Q1"]
    assert {place.stat().st_mode & 0o777 for place in places} == {0o700}


def empty(name: str) -> pd.DataFrame:
    columns = RESULT_TABLES[name].columns
    return pd.DataFrame({c.name: pd.Series(dtype=object if c.kind in (KEY, LABEL) else float) for c in columns})
