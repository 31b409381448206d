"""Do intervals of sums ahead cover what they say? `python benchmarks/sums.py [fast|full]`.

Sums over 12 and 24 months ahead of (a) simulated services of 5–8,000 contacts a month with season, trend,
autocorrelated months and a wandering level; (b) the M3 monthly sample, its last 24 months held back; (c) Scottish
emergency departments before the pandemic (Public Health Scotland, OGL), forecast from the ends of 2013, 2015 and
2017. From the same forecast: quantiles of the months added up, months taken as independent, plain Theta paths
re-centred on the forecast, and `forecast.paths`; beside it the same with the static Theta model, and with Theta's own
spread of the months instead of the forecast's.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from statsforecast.models import DynamicOptimizedTheta, OptimizedTheta

from ennakointi import sample_paths, scores
from ennakointi.forecast import gaps
from ennakointi.forecast.engine import EngineSettings, forecast
from ennakointi.forecast.paths import SamplePaths, paths
from ennakointi.forecast.series import HIGH80, HIGH95, LOW80, LOW95, MEDIAN, EngineForecast, SeriesSet

HORIZON, N_PATHS = 24, 500
DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
ENDS = {0.80: (LOW80, HIGH80), 0.95: (LOW95, HIGH95)}
Split = tuple[SeriesSet, np.ndarray]


def split(values: dict[str, np.ndarray]) -> Split:
    """The series without their last 24 months, and those months (S, 24)."""
    past = tuple(y[:-HORIZON] for y in values.values())
    return SeriesSet(tuple(values), past, None, "M", (12,)), np.array([y[-HORIZON:] for y in values.values()])


def simulated(n: int) -> Split:
    """Counts of 120 months with log-normal month effects AR(1), a random-walk level, season and a small trend."""
    rng, months, made = np.random.default_rng(1), np.arange(120), {}
    for i in range(n):
        r, effect = rng.uniform(0, 0.8), rng.normal(0, rng.uniform(0.015, 0.07), 120)
        for t in range(1, 120):
            effect[t] = r * effect[t - 1] + np.sqrt(1 - r**2) * effect[t]
        level = np.cumsum(rng.normal(0, rng.uniform(0, 0.012), 120)) + rng.normal(0, 0.012) * months / 12
        season = rng.uniform(0, 0.2) * np.cos(2 * np.pi * months / 12 + rng.uniform(0, 2 * np.pi))
        made[f"{i}"] = rng.poisson(np.exp(rng.uniform(np.log(5), np.log(8000)) + level + season + effect)).astype(float)
    return split(made)


def m3() -> Split:
    rows = pd.read_parquet(DATA / "m3_monthly_sample.parquet").sort_values(["sn", "set", "t"], ascending=[1, 0, 1])
    return split({str(key): one["value"].to_numpy(float) for key, one in rows.groupby("sn")})


def scottish(end: int) -> Split:
    """Departments with 48 months or more before, and all 24 months after, the end of a year."""
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(DATA / "scotland_ae_monthly.csv", usecols=columns).query(f"Month <= {(end + 2) * 100 + 12}")
    wide = rows.pivot_table(columns[3], index="Month", columns=columns[1:3], aggfunc="sum").sort_index()
    wide = wide.loc[:, wide.iloc[-HORIZON:].notna().all() & (wide.iloc[:-HORIZON].notna().sum() >= 48)]
    return split({" ".join(key): y.to_numpy(float) for key, y in wide.items()})


def sets() -> Iterator[tuple[str, list[Split]]]:
    yield "simulated", [simulated(200)]
    yield "M3 sample", [m3()]
    yield "Scottish A&E", [scottish(end) for end in (2013, 2015, 2017)]


def plain(values: np.ndarray, mean: np.ndarray, seed: int) -> np.ndarray:
    """Seasonal Theta's own `simulate`, re-centred on the forecast, shape (p, H)."""
    known = np.flatnonzero(np.isfinite(values))
    past = gaps.filled(values[known[0] : known[-1] + 1], 12)
    with warnings.catch_warnings(), sample_paths.global_generator_kept():
        warnings.simplefilter("ignore")
        drawn = DynamicOptimizedTheta(season_length=12).fit(past).simulate(HORIZON, N_PATHS, seed=seed)
    return sample_paths.recentred(mean, np.asarray(drawn, float))[1]


def own_spread(drawn: np.ndarray, quantiles: np.ndarray, levels: object) -> np.ndarray:
    """Theta's own distribution of each period, about the forecast."""
    return sample_paths.proportioned(quantiles[:, MEDIAN], np.maximum(drawn, 0.0))


def variants(series: SeriesSet, made: EngineForecast) -> dict[str, SamplePaths]:
    """The method of record and what it could have been."""
    found = {"forecast.paths": paths(series, made, N_PATHS, 1)}
    with mock.patch.object(sample_paths, "DynamicOptimizedTheta", OptimizedTheta):
        found["… by static Theta"] = paths(series, made, N_PATHS, 1)
    with mock.patch.object(sample_paths, "with_marginals", own_spread):
        found["… with Theta's spread"] = paths(series, made, N_PATHS, 1)
    return found


def assess(split: Split, mode: str) -> list[dict[str, object]]:
    """One row a series, way, level and length of the sum."""
    series, truth = split
    made = forecast(series, HORIZON, EngineSettings(mode=mode))
    drawn = variants(series, made)
    rows: list[dict[str, object]] = []
    for i in range(len(series)):
        theta = plain(series.values[i], made.mean[i], i)
        for months in (12, 24):
            total = made.mean[i, :months].sum()
            for level in ENDS:
                tail = [(1 - level) / 2, (1 + level) / 2]
                found = {
                    "months' quantiles added up": months_added(made, i, months, level),
                    "independent months": independent(made, i, months, level),
                    "plain Theta paths": np.quantile(theta[:, :months].sum(axis=1), tail),
                } | {name: one.quantiles_of_sum(i, 0, months - 1, tail) for name, one in drawn.items()}
                for way, (low, high) in found.items():
                    rows.append({"way": way, "months": months, "level": level, "y": truth[i, :months].sum(),
                                 "low": low, "high": high, "half_width": (high - low) / 2 / total})  # fmt: skip
    return rows


def months_added(made: EngineForecast, i: int, months: int, level: float) -> np.ndarray:
    return made.quantiles[i, :months, list(ENDS[level])].sum(axis=1)


def independent(made: EngineForecast, i: int, months: int, level: float) -> np.ndarray:
    """Distances of the months' ends from their means, root of the sum of squares."""
    distance = made.quantiles[i, :months, list(ENDS[level])] - made.mean[i, :months]
    return made.mean[i, :months].sum() + np.array([-1, 1]) * np.sqrt((distance**2).sum(axis=1))


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Coverage and median half-width as a share of the forecast sum."""
    parts = pd.DataFrame(rows).groupby(["months", "level", "way"], sort=False)
    found = parts.apply(
        lambda part: pd.Series(
            {
                "covered": scores.covered_share(part["y"], part["low"], part["high"]),
                "half_width": part["half_width"].median(),
                "series": len(part),
            }
        ),
        include_groups=False,
    )
    return found.round(3)


def main(mode: str) -> None:
    for name, splits in sets():
        rows = Parallel(n_jobs=2)(delayed(assess)(one, mode) for one in splits)
        print(f"\n{name}, {mode}\n{table([row for part in rows for row in part]).to_string()}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "fast")
