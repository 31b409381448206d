"""What holds for forecasts of any file, with the engine as it is (fast mode)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ennakointi import cli
from ennakointi.forecast.series import HIGH80, LEVELS, LOW80, MEDIAN

SMALL = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
KEYS = ["series", "period", "quantile"]


@st.composite
def long_tables(draw: st.DrawFn) -> pd.DataFrame:
    """A few monthly series of very different kinds: long, short, zero, constant, gappy, empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    first = draw(st.integers(24_000, 24_300))
    tables = []
    for number in range(draw(st.integers(1, 3))):
        n = draw(st.sampled_from([1, 2, 5, 13, 40]))
        kind = draw(st.sampled_from(["season", "few", "zero", "constant", "gaps", "empty"]))
        level = draw(st.sampled_from([3, 200, 50_000]))
        wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(n) / 12)
        values = rng.poisson(level * wave).astype(float)
        values = {"few": rng.poisson(0.2, n) * 1.0, "zero": np.zeros(n), "constant": np.full(n, 7.0)}.get(kind, values)
        if kind == "gaps":
            values[rng.random(n) < 0.3] = np.nan
        if kind == "empty":
            values[:] = np.nan
        months = first + rng.integers(0, 5) + np.arange(n)
        periods = [f"{month // 12}-{month % 12 + 1:02d}" for month in months]
        tables.append(pd.DataFrame({"series": f"s{number}", "period": periods, "value": values}))
    return pd.concat(tables, ignore_index=True)


def forecast(table: pd.DataFrame, horizon: int = 6) -> pd.DataFrame:
    """The forecasts that the command writes."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "long.csv", Path(folder) / "out.parquet"
        table.to_csv(source, index=False)
        command = ["backtest", str(source), "--horizon", str(horizon), "--mode", "fast", "--jobs", "1"]
        assert cli.main([*command, "--out", str(out)]) == 0
        return pd.read_parquet(out)


@SMALL
@given(long_tables(), st.integers(1, 15))
def test_every_series_has_every_period_and_level(table: pd.DataFrame, horizon: int) -> None:
    found = forecast(table, horizon)
    assert found["series"].unique().tolist() == table["series"].unique().tolist()
    assert len(found) == found["series"].nunique() * horizon * len(LEVELS)
    assert not found.duplicated(KEYS).any()
    last = table.groupby("series")["period"].max()
    assert (found["period"] > found["series"].map(last)).all()
    values = found["value"].to_numpy().reshape(-1, len(LEVELS))  # a row a series and period
    without = table.groupby("series", sort=False)["value"].count() == 0
    assert (np.isnan(values) == np.repeat(without.to_numpy(), horizon)[:, np.newaxis]).all()
    known = values[~np.isnan(values[:, 0])]
    assert np.isfinite(known).all()
    assert (known >= 0).all()
    assert (np.diff(known, axis=1) >= 0).all()
    assert (found["quantile"].to_numpy().reshape(-1, len(LEVELS)) == LEVELS).all()


@SMALL
@given(long_tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(table: pd.DataFrame, random) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(table)))
    random.shuffle(order)
    found, shuffled = (forecast(one).sort_values(KEYS, ignore_index=True) for one in (table, table.iloc[order]))
    pd.testing.assert_frame_equal(found, shuffled, check_exact=True)


@SMALL
@given(long_tables(), st.sampled_from([0.01, 4.0, 1000.0]))
def test_counts_in_another_unit_give_the_forecasts_in_that_unit(table: pd.DataFrame, factor: float) -> None:
    found, scaled = forecast(table), forecast(table.assign(value=table["value"] * factor))
    np.testing.assert_allclose(scaled["value"], found["value"] * factor, rtol=1e-6, atol=1e-9 * factor)


def test_a_copy_under_another_name_moves_the_others_by_the_pooled_errors_alone() -> None:
    """Intervals learn from the errors of all series: in a set of four a copy moves the ends of the 95 % interval by up
    to a fifth of its width, those of the 80 % one by a twentieth, and the median by a hundredth."""
    rng = np.random.default_rng(4)
    months = [f"{2018 + i // 12}-{i % 12 + 1:02d}" for i in range(60)]
    wave = 1 + 0.3 * np.sin(2 * np.pi * np.arange(60) / 12)
    table = pd.concat(
        pd.DataFrame({"series": name, "period": months, "value": rng.poisson(level * wave)})
        for name, level in {"a": 100, "b": 300, "c": 900, "d": 40}.items()
    )
    copy = table[table["series"] == "b"].assign(series="copy")
    before, after = (forecast(one).set_index("series")["value"] for one in (table, pd.concat([copy, table])))
    np.testing.assert_array_equal(after["copy"], after["b"])
    for name in "abcd":
        mine, theirs = (one[name].to_numpy().reshape(-1, len(LEVELS)) for one in (before, after))
        moved = np.abs(mine - theirs) / (mine[:, -1:] - mine[:, :1])
        assert moved.max() < 0.2
        assert moved[:, LOW80 : HIGH80 + 1].max() < 0.05
        assert moved[:, MEDIAN].max() < 0.01
