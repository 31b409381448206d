"""What a backtest may know: nothing that came after its origin."""

import numpy as np

from ennakointi.forecast import engine, histories
from ennakointi.forecast.series import ENSEMBLE, SeriesSet

RNG = np.random.default_rng(5)


def prepared(values: np.ndarray) -> histories.Prepared:
    return histories.prepare(SeriesSet(("a",), (values,), None, "M", (12,)), False)[0]


def monthly(n: int = 96) -> np.ndarray:
    return RNG.poisson(200 * (1 + 0.2 * np.cos(2 * np.pi * np.arange(n) / 12))).astype(float)


def test_what_came_after_an_origin_changes_nothing_that_was_known() -> None:
    values = monthly()
    values[70:80] = np.nan  # a gap before the origin, filled from what was known on both sides of it
    later = values.copy()
    later[84:] *= 9
    one, other = (histories.at_origin(prepared(v), 12, 12, (12,), None) for v in (values, later))
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.factors, other.factors)
    assert len(one.values) == 84


def test_an_origin_inside_a_gap_knows_only_what_came_before_it() -> None:
    values = monthly()
    values[78:90] = np.nan
    found = histories.at_origin(prepared(values), 12, 6, (12,), None)
    assert found is not None
    assert len(found.values) == 78
    assert found.ahead == 6 + 6  # six months of the gap are behind the origin, six months are asked


def test_models_are_careful_for_two_seasons_after_a_long_gap() -> None:
    def careful(first: int, last: int) -> bool:
        values = monthly()
        values[first:last] = np.nan
        found = histories.at_origin(prepared(values), 0, 6, (12,), None)
        assert found is not None
        return found.careful

    assert careful(80, 90)
    assert not careful(80, 84)  # a short gap
    assert not careful(50, 62)  # long ago


def test_a_backtest_about_a_gap_has_clear_ones_beside_it() -> None:
    values = [monthly(120) for _ in range(40)]
    for one in values:
        one[96:110] = np.nan
    series = SeriesSet(tuple(map(str, range(40))), tuple(values), None, "M", (12,))
    ready = histories.prepare(series, False)
    back, clear = engine._origins(ready, 12, 12, engine.EngineSettings())
    assert ready[0].method == ENSEMBLE
    assert list(clear) == [False, False, True, True]
    assert (120 - back[clear] + 12 <= 96 + 5).all()  # their horizon ends before the gap is a long one


def test_the_seasonal_naive_of_an_origin_inside_a_gap_is_the_right_month() -> None:
    values = np.tile(np.arange(12.0), 6)
    values[58:64] = np.nan
    ready = [prepared(values)]
    observed, naive = histories.outcomes(ready, np.array([10]), 10, 12)
    np.testing.assert_array_equal(naive[0, 0], np.arange(62, 72) % 12)
    assert np.isnan(observed[0, 0, :2]).all()
    np.testing.assert_array_equal(observed[0, 0, 2:], np.arange(64, 72) % 12)
