"""Do intervals of a cumulated null debt cover what they say? `python benchmarks/debt_coverage.py [COUNTIES]`.

Every county is a set of undisturbed series of 96 months. Months 37–72 are the baseline, two months pass, and
the sum of the next 22 is the "debt window" in which nothing is missing. Calibration sees months 1–74 only.

(a) simulated: 24 services of 5–8,000 contacts a month with season, trend, autocorrelated months and a
wandering level; (b) real: monthly attendances of Scottish emergency departments before the pandemic (Public
    Health Scotland, OGL), every department that is complete in a window of 96 months, ten windows half a year
    apart.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from statsforecast.models import AutoETS, DynamicOptimizedTheta, OptimizedTheta

from ennakointi import scores
from ennakointi.debt import calibration, expected, paths
from ennakointi.debt.calibration import UndisturbedSeries
from ennakointi.periods import month_index

BASELINE, SKIP, WINDOW, LENGTH = slice(36, 72), 2, 22, 96
START = 72 + SKIP
DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
PEERS = {
    "dynamic Theta (method of record)": lambda: DynamicOptimizedTheta(season_length=1),
    "static Theta": lambda: OptimizedTheta(season_length=1),
    "damped ETS": lambda: AutoETS(season_length=1, model="AAN", damped=True),
}


def null_service(rng: np.random.Generator) -> np.ndarray:
    """Counts (96,) with log-normal month effects AR(1), a random-walk level, season and a small trend."""
    months = np.arange(LENGTH)
    r, sd = rng.uniform(0, 0.8), rng.uniform(0.015, 0.07)
    effect = rng.normal(0, sd, LENGTH)
    for i in range(1, LENGTH):
        effect[i] = r * effect[i - 1] + np.sqrt(1 - r**2) * effect[i]
    level = np.cumsum(rng.normal(0, rng.uniform(0, 0.012), LENGTH)) + rng.normal(0, 0.012) * months / 12
    season = rng.uniform(0, 0.2) * np.cos(2 * np.pi * months / 12 + rng.uniform(0, 2 * np.pi))
    mean = np.exp(rng.uniform(np.log(5), np.log(8000)) + level + season + effect)
    return rng.poisson(mean).astype(float)


def simulated_counties(n: int) -> Iterator[tuple[np.ndarray, int]]:
    """Counties (24, 96) and the month index of their first month."""
    for seed in range(n):
        rng = np.random.default_rng(seed)
        yield np.array([null_service(rng) for _ in range(24)]), month_index(2014, 1)


def scottish_counties() -> Iterator[tuple[np.ndarray, int]]:
    """Complete departments in windows of 96 months that end by February 2020."""
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(DATA / "scotland_ae_monthly.csv", usecols=columns).query("Month <= 202002")
    wide = rows.pivot_table(columns[3], index="Month", columns=columns[1:3], aggfunc="sum").sort_index()
    for first in range(0, len(wide) - LENGTH + 1, 6):
        part = wide.iloc[first : first + LENGTH]
        whole = part.loc[:, part.notna().all() & (part.min() > 0)]
        start = int(part.index[0])
        yield whole.to_numpy(float).T, month_index(start // 100, start % 100)


def assess(county: np.ndarray, first: int, seed: int) -> list[dict[str, object]]:
    """One row a series and way of making the interval."""
    months = first + np.arange(LENGTH)
    flat = np.ones(LENGTH)
    history = [UndisturbedSeries(y[:START], flat[:START] * y[BASELINE].mean(), months[:START]) for y in county]
    factors = calibration.calibrate(history, WINDOW, SKIP, seed=seed)
    rows = []
    for i, counts in enumerate(county):
        base = flat * counts[BASELINE].mean()
        simulated = paths.simulate(counts[BASELINE], base[BASELINE], months[BASELINE], base[72:LENGTH], 500, seed + i)
        error = float((counts[START:] - simulated.point[SKIP:]).sum())
        for way, (low, high) in ways(simulated, factors).items():
            rows.append({"way": way, "level": counts.mean(), "error": error, "low": low, "high": high,
                         "expected": float(simulated.point[SKIP:].sum())})  # fmt: skip
    return rows


def ways(simulated: paths.Paths, factors: calibration.Calibration) -> dict[str, tuple[float, float]]:
    """Ends of the 80 % (and calibrated 95 %) interval of the cumulated error, by way of making it."""
    monthly = np.quantile(simulated.paths[:, SKIP:] - simulated.point[SKIP:], [0.1, 0.9], axis=0)
    independent = np.sqrt((monthly**2).sum(axis=1))
    deviations = paths.cumulated_deviations(simulated, SKIP)
    plain, wide = (paths.quantile_ends(deviations, level)[:, -1] for level in (0.80, 0.95))
    return {
        "sum of monthly bounds": (monthly[0].sum(), monthly[1].sum()),
        "independent months": (-independent[0], independent[1]),
        "paths": tuple(plain),
        "paths, calibrated": tuple(plain * factors.factor80[-1]),
        "paths, calibrated, 95 %": tuple(wide * factors.factor95[-1]),
    }


def table(rows: list[dict[str, object]]) -> pd.DataFrame:
    """Coverage and median half-width as a share of the expected sum, by way."""
    found = pd.DataFrame(rows)
    found["half_width"] = (found["high"] - found["low"]) / 2 / found["expected"]
    return found.groupby("way", sort=False).apply(
        lambda part: pd.Series(
            {
                "covered": scores.covered_share(part["error"], part["low"], part["high"]),
                "half_width": part["half_width"].median(),
                "series": len(part),
            }
        ),
        include_groups=False,
    )


def point_errors(county: np.ndarray, first: int) -> list[dict[str, object]]:
    """|cumulated error| / sum by point forecast; every peer gets the same deseasonalised index."""
    months, rows = first + np.arange(LENGTH), []
    for counts in county:
        base = np.full(36, counts[BASELINE].mean())
        season = expected.season(counts[BASELINE], base, months[BASELINE])
        index = counts[BASELINE] / (base * season.factors(months[BASELINE]))
        for name, make in PEERS.items():
            point = np.asarray(make().fit(index).predict(24)["mean"])[SKIP:]
            total = (point * base[0] * season.factors(months[START:])).sum()
            rows.append({"peer": name, "error": abs(counts[START:].sum() / total - 1)})
    return rows


def main(counties: int) -> None:
    for name, made in (("simulated", simulated_counties(counties)), ("Scottish A&E", scottish_counties())):
        every = list(made)
        rows = Parallel(n_jobs=2)(delayed(assess)(county, first, i) for i, (county, first) in enumerate(every))
        print(f"\n{name}\n{table([r for part in rows for r in part]).round(3).to_string()}")
        errors = Parallel(n_jobs=2)(delayed(point_errors)(county, first) for county, first in every)
        peers = pd.DataFrame([r for part in errors for r in part]).groupby("peer", sort=False)["error"]
        print(peers.agg(["mean", "median"]).round(4).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
