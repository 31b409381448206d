"""The forecast engine on series of every kind: what it gives, what it refuses, and what it says it used."""

import numpy as np
import pytest
from joblib import parallel_config, register_parallel_backend
from joblib._parallel_backends import ThreadingBackend

from ennakointi.forecast.engine import EngineSettings, forecast
from ennakointi.forecast.series import ENSEMBLE, LEVEL, LEVELS, MEDIAN, REFUSED, THETA, ZERO, SeriesSet

RNG = np.random.default_rng(3)
MONTHS = np.arange(96)
SEASON = 1 + 0.2 * np.cos(2 * np.pi * MONTHS / 12)


def usual(level: float) -> np.ndarray:
    return RNG.poisson(level * SEASON * (1 + 0.002 * MONTHS)).astype(float)


def monthly(**values: np.ndarray) -> SeriesSet:
    return SeriesSet(tuple(values), tuple(np.asarray(v, float) for v in values.values()), None, "M", (12,))


@pytest.fixture(scope="module")
def made():
    with_gap = usual(400)
    with_gap[60:74] = np.nan
    late = usual(300)
    late[-2:] = np.nan
    series = monthly(
        usual=usual(900),
        another=usual(200),
        with_gap=with_gap,
        late=late,
        zeros=np.zeros(60),
        sparse=(np.arange(60) % 9 == 0).astype(float),
        constant=np.full(60, 40.0),
        one_point=[7.0],
        five_months=[20, 24, 22, 19, 25],
        ten_months=[20, 24, 22, 19, 25, 30, 22, 21, 20, 26],
        nothing=[np.nan, np.nan],
    )
    return series, forecast(series, 12, EngineSettings(seed=1))


def of(made, key: str) -> np.ndarray:
    series, found = made
    return found.quantiles[series.keys.index(key)]


def test_every_series_says_what_was_used(made) -> None:
    series, found = made
    assert dict(zip(series.keys, found.methods, strict=True)) == {
        "usual": ENSEMBLE,
        "another": ENSEMBLE,
        "with_gap": ENSEMBLE,
        "late": ENSEMBLE,
        "zeros": ZERO,
        "sparse": LEVEL,
        "constant": LEVEL,
        "one_point": LEVEL,
        "five_months": LEVEL,
        "ten_months": THETA,
        "nothing": REFUSED,
    }
    assert found.fallbacks() == {ZERO: 1, LEVEL: 4, THETA: 1, REFUSED: 1}


def test_quantiles_are_ordered_and_never_negative(made) -> None:
    series, found = made
    known = [i for i, method in enumerate(found.methods) if method != REFUSED]
    assert np.isfinite(found.quantiles[known]).all()
    assert (found.quantiles[known] >= 0).all()
    assert (np.diff(found.quantiles[known], axis=-1) >= 0).all()
    assert found.quantiles.shape == (len(series), 12, len(LEVELS))
    assert np.isnan(of(made, "nothing")).all()


def test_the_season_and_the_level_go_on(made) -> None:
    coming = 900 * (1 + 0.2 * np.cos(2 * np.pi * np.arange(96, 108) / 12)) * (1 + 0.002 * np.arange(96, 108))
    assert np.abs(of(made, "usual")[:, MEDIAN] / coming - 1).max() < 0.08
    hidden = 400 * (1 + 0.2 * np.cos(2 * np.pi * np.arange(96, 108) / 12)) * (1 + 0.002 * np.arange(96, 108))
    assert np.abs(of(made, "with_gap")[:, MEDIAN] / hidden - 1).max() < 0.12


def test_a_series_that_ends_late_is_forecast_from_its_last_value(made) -> None:
    coming = 300 * (1 + 0.2 * np.cos(2 * np.pi * np.arange(96, 108) / 12)) * (1 + 0.002 * np.arange(96, 108))
    assert np.abs(of(made, "late")[:, MEDIAN] / coming - 1).max() < 0.15


def test_small_series_get_something_sensible(made) -> None:
    assert not of(made, "zeros").any()
    assert of(made, "sparse")[:, -1].max() <= 2
    constant = of(made, "constant")
    assert np.abs(constant[:, MEDIAN] - 40).max() < 1
    assert 30 < constant[0, 0] < constant[0, -1] < 50
    assert 2 < of(made, "one_point")[0, MEDIAN] < 9
    assert 15 < of(made, "five_months")[0, MEDIAN] < 27


def test_the_mean_is_the_mean_of_the_distribution(made) -> None:
    found = made[1]
    row = found.quantiles[0, 0]
    middles = np.concatenate([[0], (np.array(LEVELS)[1:] + np.array(LEVELS)[:-1]) / 2, [1]])
    assert found.mean[0, 0] == pytest.approx((row * np.diff(middles)).sum())


def test_backtests_hold_what_came_and_leave_their_own_window_out(made) -> None:
    series, found = made
    windows = found.windows
    assert list(windows.back[:2]) == [12, 16]
    values = series.values[0]
    assert windows.observed[0, 0] == pytest.approx(values[-12:])
    assert windows.observed[0, 1] == pytest.approx(values[-16:-4])
    assert windows.naive[0, 0] == pytest.approx(values[-24:-12])
    assert windows.scale[0] == pytest.approx(np.abs(values[12:] - values[:-12]).mean())
    assert np.isnan(windows.observed[series.keys.index("late"), 0, -2:]).all()


@pytest.mark.parametrize(
    ("values", "horizon", "says"),
    [([1.0, -2.0], 3, "'a': holds an infinite or a negative"), ([1.0, np.inf], 3, "'a'"), ([1.0], 0, "horizon 0")],
)
def test_what_is_no_count_is_refused(values, horizon, says) -> None:
    with pytest.raises(ValueError, match=says):
        forecast(monthly(a=values), horizon, EngineSettings())


def test_the_fast_mode_is_theta_alone() -> None:
    found = forecast(monthly(a=usual(500), b=usual(50)), 6, EngineSettings(mode="fast"))
    assert found.methods == (THETA, THETA)
    assert found.fallbacks(THETA) == {}


def test_an_empty_set_gives_an_empty_forecast() -> None:
    found = forecast(SeriesSet((), (), None, "M", (12,)), 6, EngineSettings())
    assert found.quantiles.shape == (0, 6, 13)
    assert found.windows is None


def test_weekly_and_daily_series_keep_their_seasons() -> None:
    weeks = np.arange(52 * 4)
    weekly = RNG.poisson(500 * (1 + 0.3 * np.cos(2 * np.pi * weeks / 52))).astype(float)
    found = forecast(SeriesSet(("w",), (weekly,), None, "W", (52,)), 26, EngineSettings(mode="fast"))
    coming = 500 * (1 + 0.3 * np.cos(2 * np.pi * np.arange(208, 234) / 52))
    assert np.abs(found.quantiles[0, :, MEDIAN] / coming - 1).mean() < 0.06
    days = np.arange(800)
    weekday = np.array([1.2, 1.1, 1.0, 1.0, 1.1, 0.3, 0.3])
    daily = RNG.poisson(300 * weekday[days % 7]).astype(float)
    found = forecast(SeriesSet(("d",), (daily,), (19_000,), "D", (7, 365)), 14, EngineSettings(mode="fast"))
    assert np.abs(found.quantiles[0, :, MEDIAN] / (300 * weekday[np.arange(800, 814) % 7]) - 1).mean() < 0.08


def test_services_that_fade_away_spoil_no_other() -> None:
    rng = np.random.default_rng(11)
    steady = {f"steady{i}": rng.poisson(60 * np.resize(SEASON, 96)).astype(float) for i in range(12)}
    fading = {}
    for i in range(6):
        values = rng.poisson(2.0, 96).astype(float)
        values[-14:] = 0.0
        values[-1 - i] = 1.0
        fading[f"fading{i}"] = values
    ended = {"ended": np.concatenate([rng.poisson(3.0, 80), np.zeros(16)]).astype(float)}
    series = monthly(**steady, **fading, **ended)
    found = forecast(series, 12, EngineSettings(seed=1))
    for key, values, quantiles in zip(series.keys, series.values, found.quantiles, strict=True):
        assert quantiles.max() < 3 * values.max(), key
    assert found.mean.max() < 120


class Counted(ThreadingBackend):
    """A backend of joblib as Dask's and Ray's are: named, registered, chosen by `parallel_config`."""

    batches = 0

    def submit(self, func, callback=None):
        Counted.batches += 1
        return super().submit(func, callback)


def test_a_backend_chosen_outside_gets_the_work_and_gives_the_same() -> None:
    series = monthly(**{f"s{i}": usual(100 + i) for i in range(20)})
    here = forecast(series, 6, EngineSettings(mode="fast"))
    register_parallel_backend("counted", Counted)
    with parallel_config(backend="counted", n_jobs=2):
        there = forecast(series, 6, EngineSettings(mode="fast"))
    assert Counted.batches >= 2
    np.testing.assert_array_equal(here.quantiles, there.quantiles)
