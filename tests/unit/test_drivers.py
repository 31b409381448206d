"""Population, ages and trend as factors of need: hand-worked decompositions, published models, planted trends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ennakointi.forecast.need import drivers
from ennakointi.forecast.need.drivers import Blocks
from ennakointi.panel import projection

BOUNDS = (0, 7, 18, 23, 30, 45, 60, 65, 75, 85)
AGES = np.arange(projection.AGES, dtype=float)


def test_two_strata_decompose_as_by_hand() -> None:
    """100 and 100 residents at rates 1 and 3; then 90 and 150 at 1.1 and 3.3 (Kitagawa 1955, worked by hand)."""
    then, now, rates = np.array([100.0, 100]), np.array([90.0, 150]), np.array([1.0, 3])
    start = np.array([then @ rates])
    end = np.array([now @ (rates * 1.1)])
    size = now.sum() / then.sum()
    factors = {
        "population": np.array([size]),
        "ageing": np.array([(now @ rates) / (then @ rates) / size]),
        "trend": np.array([1.1]),
    }
    found = drivers.bars(start, factors, {}, end)
    told = {name: float(value[0]) for name, value in found.items()}
    assert told == pytest.approx(
        {"start": 400, "population": 80, "ageing": 50, "trend": 40, "interaction": 24, "end": 594}
    )


def test_bars_add_up_in_every_draw() -> None:
    rng = np.random.default_rng(1)
    start, end = rng.gamma(50, 2, 500), rng.gamma(60, 2, 500)
    factors = {"population": rng.normal(1, 0.05, 500), "trend": rng.normal(1.1, 0.1, 500)}
    found = drivers.bars(start, factors, {"policy": rng.normal(-5, 3, 500)}, end)
    total = sum(value for name, value in found.items() if name != "end")
    assert list(found) == ["start", "population", "trend", "policy", "interaction", "end"]
    np.testing.assert_allclose(total, end, rtol=1e-12)


def grouped(values: np.ndarray) -> np.ndarray:
    return np.add.reduceat(values, BOUNDS)


def test_a_gompertz_curve_comes_back_from_ten_bands() -> None:
    """The curve of the penalised composite link model's own examples: exponential in age."""
    residents = 1000 * np.exp(-(AGES**2) / 5000)
    true = 0.002 * np.exp(0.07 * AGES)
    found = drivers.ungrouped(grouped(true * residents), residents, BOUNDS)
    np.testing.assert_allclose(grouped(found * residents), grouped(true * residents), rtol=1e-9)
    high = true > 0.1 * true.max()
    np.testing.assert_allclose(found[high], true[high], rtol=0.1)


def test_ungrouped_rates_keep_empty_bands_empty_and_are_never_negative() -> None:
    residents = np.full(projection.AGES, 50.0)
    events = np.array([400.0, 900, 60, 0, 0, 0, 0, 0, 0, 0])
    found = drivers.ungrouped(events, residents, BOUNDS)
    assert (found >= 0).all()
    assert found[23:].sum() == 0
    assert (drivers.ungrouped(events, np.zeros(projection.AGES), BOUNDS) == 0).all()


def test_expected_events_by_stratum_are_rates_times_residents_of_a_month() -> None:
    rates = np.stack([np.full(projection.AGES, 1.2), np.full(projection.AGES, 2.4)])
    residents = np.full((2, projection.AGES, 3), 10.0)
    found = drivers.strata(rates, residents, BOUNDS)
    assert found.shape == (20, 3)
    assert found[0, 0] == pytest.approx(7 * 10 * 1.2 / 12)  # ages 0–6 of the first sex
    assert found[19, 2] == pytest.approx(16 * 10 * 2.4 / 12)  # ages 85–100 of the second


def test_younger_users_use_care_as_people_of_a_younger_age() -> None:
    found = drivers.younger(AGES[None, :], 0.5, 50)
    assert found[0, 80] == 79.5
    assert found[0, 40] == 40


def test_dispersion_by_hand_and_of_poisson_counts() -> None:
    counts = np.array([[10.0, 20], [20, 10]])
    assert drivers.dispersion(counts, np.full((2, 2), 15.0)) == pytest.approx(4 * 25 / 15)
    rng = np.random.default_rng(3)
    expected = rng.uniform(20, 90, (20, 10))
    assert drivers.dispersion(rng.poisson(expected).astype(float), expected) < 1.4
    clustered = 12.0 * rng.poisson(expected / 12)
    assert 8 < drivers.dispersion(clustered, expected) < 18


def test_errors_of_strata_have_mean_one_and_the_variance_they_say() -> None:
    drawn = drivers.stratum_errors(np.array([100.0, 400.0]), 4.0, 40_000, np.random.default_rng(1))
    np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), [0.2, 0.1], rtol=0.03)


def planted(slopes: np.ndarray, noise: float, seed: int) -> list[Blocks]:
    rng = np.random.default_rng(seed)
    years = np.array([-7.0, -6, -3, -2, -1, 0])
    return [Blocks(years, b * years + rng.normal(0, noise, 6), 1 / noise**2) for b in slopes]


def test_planted_trends_lie_inside_their_intervals_as_often_as_said() -> None:
    inside = []
    for seed in range(20):
        slopes = np.random.default_rng(seed + 100).normal(0, 0.012, 25)
        for slope, found in zip(slopes, drivers.trends(planted(slopes, 0.04, seed)), strict=True):
            half = found.sd * stats.t.ppf(0.9, found.df)
            inside.append(abs(slope - found.slope) <= half)
    assert 0.75 <= np.mean(inside) <= 0.88  # 500 intervals of 80 %


def test_trends_between_which_nothing_differs_are_shrunk_to_nothing() -> None:
    found = drivers.trends(planted(np.zeros(25), 0.05, 4))
    raw = [np.polyfit(b.years, b.log_index, 1)[0] for b in planted(np.zeros(25), 0.05, 4)]
    assert np.std([t.slope for t in found]) < 0.5 * np.std(raw)
    assert all(t.sd >= 0.5 * drivers.LEAST_TREND_SD for t in found)


def test_a_service_of_two_years_has_no_trend_of_its_own() -> None:
    short = Blocks(np.array([-1.0, 0]), np.array([0.0, 0.5]), 160.0)
    slopes = np.array([0.03, -0.02, 0.02, -0.03, 0.01])
    *_, found = drivers.trends([*planted(slopes, 0.01, 1), short])
    assert (found.slope, found.blocks) == (0.0, 2)
    assert 0.01 < found.sd < 0.05  # the spread of the others
    assert 0.05 < found.noise < 0.2  # 160 contacts a year


def test_a_service_without_a_whole_year_still_knows_how_years_vary_at_its_size() -> None:
    none = np.zeros(0)
    few, many = drivers.trends([Blocks(none, none, 25.0), Blocks(none, none, 1e6)])
    assert few.noise > 4 * many.noise > 0
    assert few.slope == many.slope == 0.0


def test_damped_years_by_hand() -> None:
    found = drivers.damped_years(np.array([-1.0, 0.0, 2.0]), np.array([0.9, 1.0]))
    np.testing.assert_allclose(found, [[-1, 0, 1.71], [-1, 0, 2]], atol=1e-9)


def population(years: dict[int, float], variant: str, municipality: str = "398") -> pd.DataFrame:
    rows = [(year, municipality, 40, sex, n, variant) for year, n in years.items() for sex in ("female", "male")]
    return pd.DataFrame(rows, columns=["year", "municipality", "age", "sex", "persons", "variant"])


def test_residents_of_a_month_lie_on_the_line_between_year_ends() -> None:
    table = pd.concat([population({2020: 100.0}, "observed"), population({2020: 999.0, 2021: 124.0}, "p2020")])
    made = projection.build(table, "p2020", ("398",), ("female", "male"))
    assert made is not None
    found = made.residents(np.array([2021 * 12, 2021 * 12 + 11]))[0].sum(axis=0)
    np.testing.assert_allclose(found, [101, 123])
    assert made.last_month == 2021 * 12 + 11


def test_a_projection_names_what_it_lacks_and_leaves_out_incomplete_years() -> None:
    table = pd.concat(
        [population({2021: 10.0, 2022: 11.0}, "p", "398"), population({2021: 5.0}, "p", "111")], ignore_index=True
    )
    assert projection.lacking(table, "p", ("398", "111", "016")) == ("016",)
    made = projection.build(table, "p", ("398", "111"), ("female", "male"))
    assert made is not None
    assert list(made.years) == [2021]
    assert projection.variants(table) == ("p",)
    assert projection.variants(None) == ()
