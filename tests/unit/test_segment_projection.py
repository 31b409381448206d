"""Segments in the years ahead: worked by hand, adding up to the population, and hard shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from segment_moves import SETTINGS, SEXES, history, projection

from ennakointi.panel.projection import AGES, Projection
from ennakointi.result_tables import RESULT_TABLES
from ennakointi.segmentation import projection as ahead
from ennakointi.segmentation.transitions import History

BANDS = (0, 18, 65)
ORDER = ("heavy", "light")


def told(made: History, population: Projection | None, years: int = 3) -> tuple[pd.DataFrame, Mapping[str, str]]:
    return ahead.table("levels", made, population, SEXES, SETTINGS, years, BANDS, seed=1)


def persons(frame: pd.DataFrame, basis: str, year: int) -> dict[str, float]:
    chosen = frame[(frame["basis"] == basis) & (frame["year"] == year)]
    return dict(zip(chosen["segment"], chosen["persons"], strict=True))


def of_one_age(now: Mapping[int, str]) -> History:
    """Of 50 heavy ones 10 die in a year, and 10 of the other 40 become light; 50 are light and stay so."""
    before = {**dict.fromkeys(range(50), "heavy"), **dict.fromkeys(range(50, 100), "light")}
    return history(ORDER, {"2024Q4": before, "2025Q4": now}, ages=dict.fromkeys(before, 40) | dict.fromkeys(now, 40))


AFTER = {
    **dict.fromkeys(range(10), "died"),
    **dict.fromkeys(range(10, 20), "light"),
    **dict.fromkeys(range(20, 50), "heavy"),
    **dict.fromkeys(range(50, 100), "light"),
}


def test_a_year_goes_as_by_hand() -> None:
    """30 heavy and 60 light: a fifth of the heavy die, a fifth become light, three fifths stay: 18 and 66 of 84. The
    population has 84 in 2026, and in 2027 70.8 + 9.2 newborns, who lie as residents do: a third heavy."""
    survivors = 18 * 0.8 + 66
    population = projection({2025: {40: 90}, 2026: {41: 84}, 2027: {42: survivors, 0: 9.2}})
    frame, reasons = told(of_one_age(AFTER), population)
    assert reasons == {}
    assert list(frame.columns) == list(RESULT_TABLES["segment_projection"].names)
    assert persons(frame, "moves", 2025) == pytest.approx({"heavy": 30, "light": 60, "all": 90})
    assert persons(frame, "moves", 2026) == pytest.approx({"heavy": 18, "light": 66, "all": 84})
    then = {"heavy": 18 * 0.6 + 9.2 / 3, "light": 66 + 18 * 0.2 + 9.2 * 2 / 3, "all": survivors + 9.2}
    assert persons(frame, "moves", 2027) == pytest.approx(then)
    assert persons(frame, "ages", 2026) == pytest.approx({"heavy": 28, "light": 56, "all": 84})


def test_use_follows_at_the_present_rate_per_person() -> None:
    frame, _ = told(of_one_age(AFTER), projection({2025: {40: 90}, 2026: {41: 84}}))
    one = frame[(frame["basis"] == "moves") & (frame["year"] == 2026)].set_index("segment")
    assert one.loc["heavy", "contacts"] == pytest.approx(2 * 18)
    assert one.loc["all", "cost_eur"] == pytest.approx(100 * 84)
    assert one.loc["light", "n_persons"] == 60


def test_migration_closes_the_gap_to_the_population_at_every_age() -> None:
    """84 survive. Where the population has 42 of them, half of each segment has left; where it has 100, 16 came, who
    lie as residents of their age do, since nobody has arrived in the years pooled."""
    for known, heavy in ((42, 9.0), (100, 18 + 16 / 3)):
        frame, _ = told(of_one_age(AFTER), projection({2025: {40: 90}, 2026: {41: known}}))
        assert persons(frame, "moves", 2026) == pytest.approx({"heavy": heavy, "light": known - heavy, "all": known})


def test_segments_that_age_decides_follow_the_population_on_both_bases() -> None:
    """Children under 18, people of 18–64 and older ones: whoever turns 18 or 65 changes segment on that birthday."""
    order, lowest = ("old", "adult", "child"), (0, 18, 65)
    rng = np.random.default_rng(7)
    born = rng.integers(1935, 2026, 4000)
    quarters = {f"{year}Q4": {i: _by_age(year - b) for i, b in enumerate(born) if b <= year} for year in (2024, 2025)}
    made = history(order, quarters)
    people = {q: f.assign(age=int(q[:4]) - born[f.index]) for q, f in made.people.items()}
    now = pd.Series(2025 - born).value_counts()
    stock = {2025 + t: {a + t: n for a, n in now.items()} | dict.fromkeys(range(t), 40.0) for t in range(11)}
    frame, _ = told(History(order, made.assigned, people), projection(stock), years=10)
    for basis in ("moves", "ages"):
        for year, ages in stock.items():
            found = persons(frame, basis, year)
            for code, low, high in zip(reversed(order), lowest, (*lowest[1:], 200), strict=True):
                assert found[code] == pytest.approx(sum(n for a, n in ages.items() if low <= a < high), abs=0.5)


def _by_age(age: int) -> str:
    return "child" if age < 18 else "adult" if age < 65 else "old"


def moving(rng: np.random.Generator, count: int = 1500) -> tuple[History, Projection]:
    """Three years of persons of all ages who get heavier with age, are born, die and move in."""
    age = dict(enumerate(rng.integers(0, 95, count)))
    quarters: dict[str, dict[int, str]] = {}
    ages: dict[str, dict[int, int]] = {}
    here = {one: ("heavy" if rng.random() < age[one] / 150 else "light") for one in age}
    for year in range(2022, 2026):
        quarters[f"{year}Q4"], ages[f"{year}Q4"] = dict(here), dict(age)
        gone = {one for one in here if here[one] in ("died", "moved")}
        age = {one: a + 1 for one, a in age.items() if one not in gone}
        here = {one: _step(here[one], age[one], rng) for one in age}
        for _ in range(15):
            new = max(age) + 1
            age[new], here[new] = (0 if rng.random() < 0.7 else 30), "light"
    made = history(ORDER, quarters, ages[max(ages)] | {one: 0 for told in quarters.values() for one in told})
    people = {q: f.assign(age=[ages[q][one] for one in f.index]) for q, f in made.people.items()}
    made = History(ORDER, made.assigned, people)
    now = people["2025Q4"].loc[made.assigned["2025Q4"].index, "age"].clip(upper=AGES - 1).value_counts()
    stock = {2025 + t: {min(a + t, 100): n * 0.98**t for a, n in now.items()} | {0: 12.0} for t in range(6)}
    return made, projection(stock)


def _step(segment: str, age: int, rng: np.random.Generator) -> str:
    chance = rng.random()
    if chance < (0.08 if segment == "heavy" else 0.005):
        return "died"
    if chance > 0.99:
        return "moved"
    grave = 0.85 if segment == "heavy" else age / 1000
    return "heavy" if rng.random() < grave else "light"


def test_both_bases_add_up_to_the_projected_population_and_hold_their_intervals() -> None:
    made, population = moving(np.random.default_rng(3))
    frame, reasons = told(made, population, years=5)
    assert reasons == {}
    for basis in ("moves", "ages"):
        for place, year in enumerate(population.years):
            found = persons(frame, basis, int(year))
            assert found["heavy"] + found["light"] == pytest.approx(population.stock[..., place].sum())
            assert found["all"] == pytest.approx(population.stock[..., place].sum())
    now, last = frame[frame["year"] == 2025], frame[(frame["year"] == 2030) & (frame["segment"] != "all")]
    assert (now["persons_lo80"] == now["persons_hi80"]).all()
    assert (frame["persons_lo80"] <= frame["persons"]).all()
    assert (frame["persons"] <= frame["persons_hi80"]).all()
    assert (last["persons_hi80"] - last["persons_lo80"] > 5).all()


def test_drawn_rates_are_shares_and_lie_about_the_expected_ones() -> None:
    made, population = moving(np.random.default_rng(4))
    people, _ = ahead.described(made, population, SEXES, SETTINGS, 5, BANDS)
    assert people is not None
    learned = ahead.learn(made, people.bounds, 3)
    assert learned.went.shape == (3, 4, 2, 3)
    expected = ahead.rates(learned, people, 20)
    drawn = ahead.rates(learned, people, 20, np.random.default_rng(1), 2000)
    for name in ("go", "enter"):
        np.testing.assert_allclose(getattr(drawn, name).sum(axis=-1), 1)
    many = learned.went.sum(axis=(0, 3)) > 300
    assert many.sum() >= 4
    np.testing.assert_allclose(drawn.go.mean(axis=0)[many], expected.go[many], atol=0.02)


def test_same_seed_and_shuffled_persons_tell_the_same() -> None:
    made, population = moving(np.random.default_rng(5), 300)
    shuffled = {q: s.sample(frac=1, random_state=2) for q, s in made.assigned.items()}
    other = History(ORDER, shuffled, {q: f.sample(frac=1, random_state=3) for q, f in made.people.items()})
    pd.testing.assert_frame_equal(told(made, population)[0], told(other, population)[0])


def test_one_segment_is_the_population() -> None:
    made = of_one_age(AFTER)
    alone = {q: s.map(lambda _: "heavy") for q, s in made.assigned.items()}
    frame, _ = told(History(("heavy",), alone, made.people), projection({2025: {40: 90}, 2026: {41: 84, 0: 3}}))
    for basis in ("moves", "ages"):
        assert persons(frame, basis, 2026) == pytest.approx({"heavy": 87, "all": 87})
    assert frame["persons_lo80"].to_numpy() == pytest.approx(frame["persons_hi80"].to_numpy())


def test_an_absorbing_segment_keeps_its_persons_and_one_that_nobody_is_in_stays_empty() -> None:
    made = of_one_age(AFTER)
    wider = History(("nobody", *ORDER), made.assigned, made.people)
    frame, _ = told(wider, projection({2025: {40: 90}, 2026: {41: 84}}))
    found = persons(frame, "moves", 2026)
    assert found["light"] == pytest.approx(66)  # nobody leaves it
    assert found["nobody"] == 0
    empty = frame[frame["segment"] == "nobody"]
    assert (empty[["contacts", "cost_eur", "n_persons", "persons_hi80"]] == 0).all(axis=None)


def test_three_persons_of_whom_one_is_of_a_sex_that_the_population_does_not_know() -> None:
    made = history(
        ORDER, {"2024Q4": {0: "heavy", 1: "light", 2: "light"}, "2025Q4": {0: "heavy", 1: "light", 3: "light"}}
    )
    people = {q: f.assign(sex=["female", "other", "male"]) for q, f in made.people.items()}
    frame, reasons = told(History(ORDER, made.assigned, people), projection({2025: {40: 3}, 2026: {41: 3}, 2027: {}}))
    assert reasons == {}
    for basis in ("moves", "ages"):
        assert persons(frame, basis, 2025) == pytest.approx({"heavy": 1.5, "light": 1.5, "all": 3})
        assert persons(frame, basis, 2026)["all"] == pytest.approx(3)
        assert persons(frame, basis, 2027) == {"heavy": 0, "light": 0, "all": 0}  # nobody lives here any more
    assert not frame.isna().any(axis=None)


def refused(reasons: Mapping[str, str]) -> Any:
    assert set(reasons) == {"moves", "ages"}
    return json.loads(reasons["moves"])["message"]


def test_what_cannot_be_told_is_refused_with_its_reason() -> None:
    made, population = of_one_age(AFTER), projection({2025: {40: 90}, 2026: {41: 84}})
    nobody = history(ORDER, {"2024Q4": {}, "2025Q4": {}})
    for one, known, why in (
        (made, None, "No population projection"),
        (made, projection({2024: {40: 95}, 2025: {40: 90}}), "ends in {year}"),
        (made, projection({2025: {40: 200}, 2026: {41: 200}}), "differ too much"),
        (nobody, population, "differ too much"),
        (nobody, projection({2025: {}, 2026: {}}), "differ too much"),
        (history(ORDER, {}), population, "two quarters"),
    ):
        frame, reasons = told(one, known)
        assert frame.empty
        assert why in refused(reasons)


def test_without_a_year_before_only_ages_are_told() -> None:
    made = of_one_age(AFTER)
    alone = History(ORDER, {"2025Q4": made.assigned["2025Q4"]}, made.people)
    frame, reasons = told(alone, projection({2025: {40: 90}, 2026: {41: 84}}))
    assert set(frame["basis"]) == {"ages"}
    assert list(reasons) == ["moves"]
