"""Is the register or the care to blame for a month without rows? Fallen months made by hand, and a small simulation."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ennakointi import parameters
from ennakointi.disclosure import release
from ennakointi.parameters.documents import Break
from ennakointi.periods import month_index
from ennakointi.quality import volume_breaks
from ennakointi.quality.activity import ACTIVITY, COVERAGE_FALLS

FIRST, MONTHS = month_index(2020, 1), 48
UNITS = ("a", "b", "c", "d")
AT = 40  # May 2023
SETTINGS = parameters.load().quality.volume_breaks


def steady(units: tuple[str, ...] = UNITS) -> dict[str, np.ndarray]:
    """A hundred contacts in every month of every unit."""
    return {unit: np.full(MONTHS, 100) for unit in units}


def found(
    counts: dict[str, np.ndarray],
    activity: list[tuple[str, str, int, str, float]] | None = None,
    bought: str = "",
    **known: Break,
) -> pd.DataFrame:
    rows = [(u, "s", FIRST + i, n, n) for u, series in counts.items() for i, n in enumerate(series) if n]
    volumes = pd.DataFrame(rows, columns=["unit", "service", "month", "rows", "persons"])
    volumes["bought"] = volumes["rows"].where(volumes["unit"] == bought, 0)
    traces = pd.DataFrame(activity or [], columns=list(ACTIVITY))
    return volume_breaks.find(volumes, traces, SETTINGS, known, FIRST + MONTHS - 1).table


def traces(kind: str, amounts: np.ndarray, unit: str = "a") -> list[tuple[str, str, int, str, float]]:
    return [(unit, "s", FIRST + i, kind, float(amount)) for i, amount in enumerate(amounts)]


def verdicts(table: pd.DataFrame) -> list[str]:
    return list(table["verdict"])


def test_nothing_fallen_is_no_break() -> None:
    assert found(steady()).empty


def test_rows_that_vanish_while_the_others_stand_still_are_lost_by_the_register() -> None:
    counts = steady()
    counts["a"][AT : AT + 2] = 0
    table = found(counts)
    assert table[["unit", "month", "verdict", "observed"]].to_numpy().tolist() == [
        ["a", "2023-05", "register", 0],
        ["a", "2023-06", "register", 0],
    ]
    assert table["expected"].tolist() == pytest.approx([100, 100], rel=0.01)
    assert table["n_persons"].tolist() == [0, 0]


def test_the_contacts_of_a_unit_that_is_bought_from_are_one_suppliers_and_not_shown() -> None:
    counts = steady()
    counts["a"][AT] = counts["b"][AT] = 40
    table = found(counts, bought="a")
    assert table["suppliers"].tolist() == ["few", ""]
    shown = release({"volume_breaks": table}, parameters.load().disclosure.current)["volume_breaks"]
    assert shown["observed"].isna().tolist() == [True, False]


def test_a_fall_of_most_units_is_real() -> None:
    counts = steady()
    for unit in ("a", "b", "c"):
        counts[unit][AT] = 30
    assert verdicts(found(counts)) == ["real", "real", "real"]


def test_a_unit_that_vanishes_in_the_common_fall_is_real_too() -> None:
    counts = steady()
    counts["a"][AT] = 0
    for unit in ("b", "c", "d"):
        counts[unit][AT] = 70  # fallen below `still_share`, not below `fall_share`
    assert verdicts(found(counts)) == ["real"]


def test_what_only_thins_out_is_unclear() -> None:
    counts = steady()
    counts["a"][AT] = 40
    table = found(counts)
    assert verdicts(table) == ["unclear"]
    assert table["ratio"].tolist() == pytest.approx([0.4], rel=0.01)


@pytest.mark.parametrize(("fte", "verdict"), [(4.0, "register"), (1.0, "real"), (3.0, "unclear")])
def test_capacity_tells_whether_the_only_unit_of_a_service_worked(fte: float, verdict: str) -> None:
    counts = steady(("a",))
    counts["a"][AT] = 0
    capacity = np.full(MONTHS, 4.0)
    capacity[AT] = fte
    assert verdicts(found(counts, traces("fte", capacity))) == [verdict]


def test_without_others_and_without_traces_nobody_knows() -> None:
    counts = steady(("a",))
    counts["a"][AT] = 0
    assert verdicts(found(counts)) == ["unclear"]


def test_referrals_show_that_the_only_unit_worked() -> None:
    counts = steady(("a",))
    counts["a"][AT] = 0
    assert verdicts(found(counts, traces("referrals", np.full(MONTHS, 9.0)))) == ["register"]


def test_capacity_that_fell_makes_the_fall_of_one_unit_real() -> None:
    counts = steady()
    counts["a"][AT:] = 0
    capacity = np.full(MONTHS, 4.0)
    capacity[AT:] = 0
    assert set(verdicts(found(counts, traces("fte", capacity)))) == {"real"}


def test_a_known_break_is_told_once() -> None:
    counts = steady()
    counts["a"][AT:] = 0
    label = {"fi": "x", "sv": "x", "en": "x"}
    document = {"id": "x", "label": label, "regions": ["r"], "kind": "record_system", "treatment": "bridge"}
    document |= {"month": "2023-05", "services": ["s"]}
    table = found(counts, x=Break.model_validate(document))
    assert table[["month", "verdict"]].to_numpy().tolist() == [["2023-05", "known"]]
    other = Break.model_validate({**document, "services": ["t"]})
    assert set(verdicts(found(counts, x=other))) == {"register"}
    law = Break.model_validate({**document, "kind": "law"})
    assert set(verdicts(found(counts, x=law))) == {"register"}


def test_a_fall_of_coverage_explains_what_falls_with_it() -> None:
    counts = steady()
    counts["a"][AT:] = 0
    falls = [("", "s", FIRST + AT, COVERAGE_FALLS, 1.0)]
    assert verdicts(found(counts, falls)) == ["known"]
    late = [("", "s", FIRST + AT - 6, COVERAGE_FALLS, 1.0)]
    assert set(verdicts(found(counts, late))) == {"register"}


def test_small_and_young_units_are_left_alone() -> None:
    counts = steady()
    counts["a"] = np.full(MONTHS, 19)  # below minimum_expected
    counts["a"][AT] = 0
    counts["b"][:30] = 0  # ten months of history at the fall
    counts["b"][AT] = 0
    assert found(counts).empty


def test_the_season_is_no_fall() -> None:
    counts = steady()
    summer = (FIRST + np.arange(MONTHS)) % 12 == 6
    for unit in UNITS:
        counts[unit][summer] = 40
    assert found(counts).empty
    counts["a"][np.flatnonzero(summer)[-1]] = 0
    table = found(counts)
    assert table[["month", "verdict"]].to_numpy().tolist() == [["2023-07", "register"]]
    assert table["expected"].tolist() == pytest.approx([40], rel=0.02)


def test_an_even_number_of_years_with_one_disturbed_keeps_its_season() -> None:
    counts = np.full((1, 36), 100.0)
    counts[0, 14] = 0
    months = FIRST + np.arange(36)
    series = volume_breaks.Series(np.array(["a"]), np.array(["s"]), months, counts)
    assert volume_breaks.seasons(series)[0, 14] == pytest.approx(1, abs=0.1)


def test_the_register_is_not_blamed_by_chance_and_a_vanished_unit_is_found() -> None:
    benchmark = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "volume_breaks.py"))
    shares = benchmark["recovered"](4, seed=2)
    assert shares["false_register"] < 0.0005
    assert shares["pandemic_real"] > 0.95
    assert shares["vanished_found"] > 0.9
