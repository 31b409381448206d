"""Effects of staggered starts from a table: few clusters, odd data, and planted truth."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ennakointi.causal import adoption, group_time
from ennakointi.causal.areas import NEVER, Floats, Ints
from ennakointi.causal.estimates import Estimate
from ennakointi.causal.staggered import staggered
from ennakointi.causal.staggered_inference import Study, inference
from ennakointi.errors import DataError, ParameterError


def noise(rng: np.random.Generator, n: int, periods: int, autocorrelation: float = 0.4) -> Floats:
    """(n, T) stationary autoregressive noise of variance 1 around levels of each unit."""
    values = rng.normal(size=(n, periods))
    for time in range(1, periods):
        values[:, time] = autocorrelation * values[:, time - 1] + np.sqrt(1 - autocorrelation**2) * values[:, time]
    return values + 20 + rng.normal(size=(n, 1))


def table(n: int = 30, periods: int = 8, effect: float = 1.0, seed: int = 1, starts: Any = None) -> pd.DataFrame:
    """Units 0 … n − 1 in periods 1 … T; the first units start at `starts`, the others never (0)."""
    first = np.zeros(n, np.int64)
    given = [4] * 6 + [6] * 6 if starts is None else starts
    first[: len(given)] = given
    values = noise(np.random.default_rng(seed), n, periods)
    values += effect * ((np.arange(1, periods + 1) >= first[:, None]) & (first[:, None] > 0))
    unit, time = np.repeat(np.arange(n), periods), np.tile(np.arange(1, periods + 1), n)
    return pd.DataFrame({"unit": unit, "time": time, "start": np.repeat(first, periods), "y": values.ravel()})


def estimate(rows: pd.DataFrame, **options: Any) -> Estimate:
    chosen = {"outcome": "y", "time": "time", "unit": "unit", "cohort": "start", **options}
    return staggered(rows, **chosen)


def check(found: Estimate, name: str) -> bool | None:
    return next(one.passed for one in found.checks if one.name == name)


def names(found: Estimate) -> set[str]:
    return {one.name for one in found.checks}


def test_every_part_of_a_sound_study() -> None:
    found = estimate(table(n=120, seed=3, starts=[4] * 50 + [6] * 25))
    assert found.effect.lo95 < 1 < found.effect.hi95
    assert found.p_value < 0.001
    assert found.relative.estimate == pytest.approx(1 / 20, abs=0.03)
    assert found.n == 960
    assert found.settings["inference"].startswith("influence functions")
    assert {"pre_trends", "placebo", "honest", "other_comparison", "sun_abraham", "anticipation"} <= names(found)
    assert check(found, "pre_trends") is True
    events = found.parts["event_study"]
    assert (events["lo95_simultaneous"] <= events["lo95"]).all()
    assert found.parts["group_time"]["group"].unique().tolist() == [4, 6]
    aggregates = found.parts["aggregates"]["aggregate"].tolist()
    assert aggregates == ["simple", "dynamic", "group", "calendar", "simple_not_yet", "sun_abraham"]
    assert json.loads(found.to_json())["event_study"][0]["since_start"] == -4
    assert found.settings["breakdown"] > 0


def test_trends_that_differed_before_fail_the_pre_test() -> None:
    rows = table(n=80, starts=[4] * 30 + [6] * 20)
    rows["y"] += rows["time"] * (rows["start"] > 0)
    found = estimate(rows)
    assert check(found, "pre_trends") is False
    assert check(found, "placebo") is False


def test_late_units_are_never_treated_and_early_ones_left_out() -> None:
    rows = table(effect=2.0)
    rows.loc[rows["unit"] < 3, "start"] = 1
    rows.loc[rows["start"] == 6, "start"] = 99
    found = estimate(rows)
    assert found.settings["n_always_treated"] == 3
    assert found.settings["n_treated"] == 3
    assert found.settings["n_comparison"] == 24
    assert found.effect.estimate == pytest.approx(2, abs=0.8)
    empty = rows.assign(start=rows["start"].where(rows["start"].between(2, 8), np.nan))
    assert estimate(empty[empty["unit"] >= 3]).effect.estimate == pytest.approx(found.effect.estimate)


def test_start_in_the_last_period_has_one_effect() -> None:
    rows = table(starts=[8] * 8)
    rows["y"] += 2.0 * ((rows["start"] == 8) & (rows["time"] == 8))
    found = estimate(rows)
    assert found.parts["event_study"]["since_start"].max() == 0
    assert found.effect.lo95 < 3 < found.effect.hi95
    assert found.parts["group_time"]["time"].tolist() == [2, 3, 4, 5, 6, 7, 8]


def test_the_four_ways_to_tell_who_is_treated_agree() -> None:
    rows = table(starts=[5] * 8)
    rows["on"] = ((rows["start"] > 0) & (rows["time"] >= 5)).astype(int)
    rows["ever"] = (rows["start"] > 0).astype(int)
    wanted = estimate(rows).effect.estimate
    ways: list[dict[str, Any]] = [
        {"treatment": "on"},
        {"treatment": "ever", "start": 5},
        {"treated": [str(unit) for unit in range(8)], "start": 5},
    ]
    for way in ways:
        assert estimate(rows, cohort=None, **way).effect.estimate == pytest.approx(wanted)


def test_incomplete_panels_and_missing_periods() -> None:
    rows = table(n=60, starts=[4] * 10 + [6] * 9)
    found = estimate(rows.sample(frac=0.85, random_state=1))
    assert found.effect.lo95 < 1 < found.effect.hi95
    assert "incomplete_panel" in names(found)
    without = estimate(rows[rows["time"] != 5])
    assert without.settings["n_periods"] == 7
    assert without.effect.lo95 < 1 < without.effect.hi95


def test_months_text_and_categories() -> None:
    rows = table()
    wanted = estimate(rows, covariates=("unit",)).effect.estimate
    rows["time"] = [f"2020-{time:02d}" for time in rows["time"]]
    rows["start"] = [f"2020-{start:02d}" if start else None for start in rows["start"]]
    assert estimate(rows, covariates=("unit",)).effect.estimate == pytest.approx(wanted)
    rows["kind"] = np.array(["b", "a", "c"])[rows["unit"] % 3]
    rows["is_b"], rows["is_c"] = (rows["kind"] == "b").astype(int), (rows["kind"] == "c").astype(int)
    by_text = estimate(rows, covariates=("kind",)).effect
    assert by_text == pytest.approx(estimate(rows, covariates=("is_b", "is_c")).effect)


def test_rates_weigh_by_person_time() -> None:
    """Half the events under the intervention: −50 % of the rate, which the plain mean of counts does not show."""
    rows = table(n=200, starts=[4] * 60 + [6] * 40)
    rng = np.random.default_rng(1)
    rows["people"] = 100.0 * (1 + rows["unit"] % 7)
    under = (rows["start"] > 0) & (rows["time"] >= rows["start"])
    rows["events"] = rng.poisson(0.2 * rows["people"] * np.where(under, 0.5, 1))
    found = estimate(rows, outcome="events", offset="people")
    assert found.relative.lo95 < -0.5 < found.relative.hi95
    assert found.relative.hi95 - found.relative.lo95 < 0.08


def test_a_share_of_a_logarithm_has_no_meaning() -> None:
    rows = table().rename(columns={"y": "log_y"})
    assert np.isnan(estimate(rows, outcome="log_y").relative.estimate)
    assert np.isnan(estimate(table().assign(y=lambda rows: rows["y"] - 30)).relative.estimate)


REFUSED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (lambda r: r[r["start"] == 4], {}, DataError, "nobody to compare with"),
    (lambda r: r[r["start"] > 0], {"comparison": "never"}, DataError, "not_yet"),
    (lambda r: r.assign(y=0), {}, DataError, "nothing to compare"),
    (lambda r: r.assign(y=np.nan), {}, DataError, "no number"),
    (lambda r: r.assign(start=1), {}, DataError, "before its start"),
    (lambda r: pd.concat([r, r.iloc[:2]]), {}, DataError, "2 rows repeat"),
    (lambda r: r.assign(gone=r["start"] > 0), {"covariates": ("gone",)}, DataError, "too many covariates"),
    (lambda r: r.assign(w=-1.0), {"weights": "w"}, DataError, "negative"),
    (lambda r: r, {"comparison": "nevr"}, ParameterError, "did you mean 'never'"),
    (lambda r: r, {"anticipation": -1}, ParameterError, "0 or more"),
    (lambda r: r, {"covariates": ("nothing",)}, ParameterError, "no column 'nothing'"),
    (lambda r: r, {"cohort": None, "treated": "1", "start": 50}, DataError, "outside the data"),
]


@pytest.mark.parametrize(("change", "options", "error", "said"), REFUSED)
def test_refusals(change: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        estimate(change(table()), **options)


def test_outcome_that_is_constant_before_the_start() -> None:
    rows = table()
    rows["y"] = np.where(rows["time"] < 4, 20.0, rows["y"])
    found = estimate(rows)
    assert found.effect.lo95 < 1 < found.effect.hi95


def test_all_treated_compares_with_those_not_yet() -> None:
    rows = table(n=36, starts=[4] * 12 + [6] * 12 + [8] * 12)
    found = estimate(rows)
    assert found.settings["comparison"] == "not_yet"
    assert found.parts["group_time"]["time"].max() == 7
    assert found.effect.lo95 < 1 < found.effect.hi95


def by_hand(values: Floats, starts: Ints) -> tuple[float, float]:
    """Simple average and its clustered error with units never treated as comparison, cell by cell."""
    periods, cells, influence = values.shape[1], [], []
    for group in np.unique(starts[starts < NEVER]):
        for time in range(group, periods):
            change = values[:, time] - values[:, group - 1]
            own, others = starts == group, starts == NEVER
            cells.append((own.sum(), change[own].mean() - change[others].mean()))
            part = np.where(own, (change - change[own].mean()) / own.sum(), 0.0)
            influence.append(part - np.where(others, (change - change[others].mean()) / others.sum(), 0.0))
    size = np.array([cell[0] for cell in cells])
    weight = size / size.sum()
    return float(weight @ [cell[1] for cell in cells]), float(np.sqrt(((weight @ np.array(influence)) ** 2).sum()))


def test_permutation_of_adoption_by_hand() -> None:
    """Every distinct assignment of starts 3, 3, 5 and five times never, each estimated on its own."""
    rows = table(n=8, periods=6, effect=2.0, seed=5, starts=[3, 3, 5])
    values = rows["y"].to_numpy().reshape(8, 6)
    starts = np.array([2, 2, 4, *[NEVER] * 5])
    orders = np.array(sorted(set(permutations(starts.tolist()))))
    assert len(orders) == 168
    size = np.array([abs(effect / error) for effect, error in (by_hand(values, order) for order in orders)])
    actual = by_hand(values, starts)
    found = estimate(rows)
    assert found.effect.estimate == pytest.approx(actual[0])
    assert found.p_value == pytest.approx((size >= abs(actual[0] / actual[1]) - 1e-9).mean())
    assert found.settings["n_assignments"] == 168
    assert found.settings["smallest_p"] == pytest.approx(1 / 168)


def test_the_interval_holds_the_effects_that_are_not_rejected() -> None:
    """Just inside a bound the effect is not rejected, just outside it is."""
    rows = table(n=9, periods=6, effect=2.0, seed=6, starts=[3, 4, 5])
    values, starts = rows["y"].to_numpy().reshape(9, 6), np.array([2, 3, 4, *[NEVER] * 6])
    panel = group_time.panel(values, starts, np.ones(9), np.arange(9), np.zeros((9, 6, 0)))
    cells = group_time.cells(panel.starts, panel.observed, "never")
    changes = adoption.changes(panel, cells.only(cells.post))
    everything, exact = adoption.assignments(changes, seed=0)
    studies = adoption.studies(changes, everything, np.zeros(len(changes.cells), np.int64))
    found = adoption.permuted(studies, exact)
    assert exact
    assert found.effect.lo95 < 2 < found.effect.hi95
    for bound, way in ((found.effect.lo95, -1), (found.effect.hi95, 1)):
        size = np.abs(studies.statistics(bound + way * np.array([-1e-3, 1e-3])))
        inside, outside = (size >= size[0] - 1e-9).mean(axis=0)
        assert inside > 0.05 >= outside


def test_five_per_cent_cannot_be_reached_with_one_of_ten() -> None:
    found = estimate(table(n=10, starts=[5]))
    assert found.settings["smallest_p"] == pytest.approx(0.1)
    assert np.isnan(found.effect.lo95)
    assert check(found, "smallest_p") is False
    assert check(found, "pre_trends") is None
    assert found.parts["event_study"]["lo95"].isna().all()
    assert "an interval of 95% cannot be given" in found.sentence


def test_the_mirror_of_an_assignment_is_as_extreme() -> None:
    """Three of six at one start: 20 assignments, but each has a mirror, so p cannot be less than .1."""
    found = estimate(table(n=6, starts=[4, 4, 4], effect=50.0))
    assert found.settings["n_assignments"] == 20
    assert found.p_value == pytest.approx(0.1)
    assert found.settings["smallest_p"] == pytest.approx(0.1)
    assert np.isnan(found.effect.hi95)


def test_few_clusters_of_many_units_are_what_is_permuted() -> None:
    """Ten areas of 20 units: three treated areas give 120 assignments, whatever the number of units."""
    rows = table(n=200, starts=[4] * 60)
    rows["area"] = rows["unit"] // 20
    rows["y"] += np.random.default_rng(2).normal(size=10)[rows["area"]] * (rows["time"] >= 4)
    found = estimate(rows, cluster="area")
    assert found.settings["n_treated_clusters"] == 3
    assert found.settings["n_assignments"] == 120
    assert estimate(rows).p_value < found.p_value
    mixed = estimate(rows.assign(area=rows["unit"] % 10), cluster="area")
    assert check(mixed, "few_clusters") is False


def test_few_clusters_with_covariates() -> None:
    rows = table(n=40)
    rng = np.random.default_rng(4)
    rows["x"] = np.repeat(rng.normal(size=40), 8)
    rows["y"] += 1.0 * rows["x"] * rows["time"]
    found, plain = estimate(rows, covariates=("x",)), estimate(rows)
    assert found.effect.lo95 < 1 < found.effect.hi95
    assert found.effect.hi95 - found.effect.lo95 < 0.7 * (plain.effect.hi95 - plain.effect.lo95)


def test_same_seed_same_numbers() -> None:
    rows = table(n=40)
    assert estimate(rows, seed=3).to_json() == estimate(rows, seed=3).to_json()
    assert estimate(rows, seed=3).effect.estimate == estimate(rows, seed=4).effect.estimate


def rejected(n: int, starts: list[int], autocorrelation: float, studies: int, seed: int) -> tuple[float, float]:
    """Share of studies without an effect in which one is found, and share whose interval holds none."""
    rng = np.random.default_rng(seed)
    first = np.concatenate([np.array(starts), np.full(n - len(starts), NEVER)])
    found = []
    for number in range(studies):
        values = noise(rng, n, 10, autocorrelation)
        panel = group_time.panel(values, first, np.ones(n), np.arange(n), np.zeros((n, 10, 0)))
        study = Study(panel, tuple("0123456789"), "never", 0, 0, number)
        cells = study.cells()
        cells = cells.only(cells.post)
        average = group_time.averaged(panel, cells, np.zeros(len(cells), np.int64))
        judged = inference(study, cells, float(average.effect[0]), float(np.sqrt(average.covariance[0, 0])))
        found.append((judged.p_value <= 0.05, judged.numbers.lo95 <= 0 <= judged.numbers.hi95))
    wrong, held = np.mean(found, axis=0)
    return float(wrong), float(held)


def test_few_treated_units_do_not_show_effects_that_are_not_there() -> None:
    """60 studies of 10 units, 3 treated: at most 6 of 60 rejected (3 expected)."""
    wrong, held = rejected(10, [3, 4, 6], 0.8, 60, seed=1)
    assert wrong <= 6 / 60
    assert held >= 54 / 60


@pytest.mark.slow
@pytest.mark.parametrize(("n", "starts"), [(10, [3, 4, 6]), (50, [2, *[3] * 13, *[4] * 4, 5, 5, 6])])
@pytest.mark.parametrize("autocorrelation", [0.0, 0.8])
def test_false_positives_and_coverage(n: int, starts: list[int], autocorrelation: float) -> None:
    """1,000 studies each, the second with the group sizes of the castle-doctrine laws: 2–7 %, coverage 93–98 %."""
    wrong, held = rejected(n, starts, autocorrelation, 1_000, seed=2)
    assert 0.02 <= wrong <= 0.07
    assert 0.93 <= held <= 0.98
