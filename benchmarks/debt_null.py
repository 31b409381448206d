"""Do intervals of a cumulated null debt cover what they say? `python benchmarks/debt.py null [SET …]`.

In undisturbed series nothing is missing. At every origin the last 36 months are the baseline, two months pass, and the
sum of the next 24 is compared with its interval, calibrated on the other series of the set (five folds): those of the
M3 sample as a whole, for they share no calendar; others only up to the month before the tested sum. Sets:

m3: the monthly sample of the M3 competition. scottish: monthly attendances of Scottish emergency departments before the
pandemic (Public Health Scotland, OGL), each one's longest span without a gap. simulated: services of 5–8,000 contacts a
month with season, trend, autocorrelated months and a wandering level. county: sums of 25 Scottish departments,
calibrated on departments as a total is on its services.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from statsforecast.models import AutoETS, DynamicOptimizedTheta, OptimizedTheta, SimpleExponentialSmoothingOptimized

from ennakointi.debt import calibration, expected, paths
from ennakointi.debt.calibration import Calibration, UndisturbedSeries
from ennakointi.periods import month_index

TRAIN, SKIP, WINDOW, STEP, FOLDS, LARGE = 36, 2, 24, 12, 5, 500
DATA = Path(os.environ.get("ENNAKOINTI_REFERENCE_DATA", Path(__file__).parents[1].parent / "shared" / "data"))
PEERS: dict[str, Callable[[], object]] = {
    "dynamic Theta (method of record)": lambda: DynamicOptimizedTheta(season_length=1),
    "static Theta": lambda: OptimizedTheta(season_length=1),
    "damped ETS": lambda: AutoETS(season_length=1, model="AAN", damped=True),
    "level": lambda: SimpleExponentialSmoothingOptimized(),
}


@dataclass(frozen=True)
class NullSet:
    """Undisturbed series by name; sums are tested from `first_origin` on, a month when the series share a `calendar`.
    `pool`: what every one is calibrated on, in place of the other series of the set."""

    series: dict[str, UndisturbedSeries]
    calendar: bool
    first_origin: int = TRAIN
    pool: tuple[UndisturbedSeries, ...] = ()

    def origins(self, name: str) -> Iterator[int]:
        """Months of a series before its tested sums: as late as can be, and every twelfth before."""
        one = self.series[name]
        first = self.first_origin - int(one.months[0]) if self.calendar else self.first_origin
        return iter(range(len(one.months) - SKIP - WINDOW, max(first, TRAIN) - 1, -STEP))


def undisturbed(counts: np.ndarray, first: int) -> UndisturbedSeries:
    return UndisturbedSeries(counts, np.full(len(counts), counts.mean()), first + np.arange(len(counts)))


def m3() -> NullSet:
    rows = pd.read_parquet(DATA / "m3_monthly_sample.parquet").sort_values(["sn", "set", "t"], ascending=[1, 0, 1])
    january = month_index(2000, 1)  # the file does not tell when a series begins
    return NullSet(
        {str(key): undisturbed(one["value"].to_numpy(float), january) for key, one in rows.groupby("sn")}, False
    )


def scottish() -> NullSet:
    columns = ["Month", "TreatmentLocation", "DepartmentType", "NumberOfAttendancesAll"]
    rows = pd.read_csv(DATA / "scotland_ae_monthly.csv", usecols=columns).query("Month <= 202002")
    wide = rows.pivot_table(columns[3], index="Month", columns=columns[1:3], aggfunc="sum").sort_index()
    start, series = int(wide.index[0]), {}
    for key, counts in wide.items():
        known = pd.Series(counts.to_numpy(float) > 0)
        span = known[known].groupby((~known).cumsum()[known]).groups
        longest = max(span.values(), key=len)
        if len(longest) >= TRAIN + SKIP + WINDOW:
            first = month_index(start // 100, start % 100) + int(longest[0])
            series[" ".join(key)] = undisturbed(counts.to_numpy(float)[longest], first)
    return NullSet(series, True, month_index(2013, 7))


def county(departments: int = 25, counties: int = 40) -> NullSet:
    """Sums of departments that are complete from 2007-07 on, drawn at random."""
    whole = [one for one in scottish().series.values() if len(one.months) == 152]
    rng, series = np.random.default_rng(1), {}
    for i in range(counties):
        counts = np.sum([whole[j].observed for j in rng.choice(len(whole), departments, replace=False)], axis=0)
        series[f"sum {i}"] = undisturbed(counts, int(whole[0].months[0]))
    return NullSet(series, True, month_index(2013, 7), tuple(whole))


def simulated(n: int = 200, months: int = 132) -> NullSet:
    return NullSet(
        {f"{i}": undisturbed(null_service(np.random.default_rng(i), months), month_index(2009, 1)) for i in range(n)},
        False,
    )


def null_service(rng: np.random.Generator, months: int) -> np.ndarray:
    """Counts with log-normal month effects AR(1), a random-walk level, season and a small trend."""
    time, r, sd = np.arange(months), rng.uniform(0, 0.8), rng.uniform(0.015, 0.07)
    effect = rng.normal(0, sd, months)
    for i in range(1, months):
        effect[i] = r * effect[i - 1] + np.sqrt(1 - r**2) * effect[i]
    level = np.cumsum(rng.normal(0, rng.uniform(0, 0.012), months)) + rng.normal(0, 0.012) * time / 12
    season = rng.uniform(0, 0.2) * np.cos(2 * np.pi * time / 12 + rng.uniform(0, 2 * np.pi))
    mean = np.exp(rng.uniform(np.log(5), np.log(8000)) + level + season + effect)
    return rng.poisson(mean).astype(float)


def calibrations(pool: list[UndisturbedSeries]) -> dict[str, Calibration]:
    """The calibration of record, and one factor for every series of the pool."""
    made = calibration.calibrate(pool, WINDOW, SKIP)
    with (
        mock.patch.object(calibration, "SLOPES", np.zeros(3)),
        mock.patch.object(calibration, "SLOPE_SDS", np.full(3, 1e-6)),
    ):
        return {"calibrated": made, "one factor": calibration.calibrate(pool, WINDOW, SKIP)}


def assess(nulls: NullSet) -> pd.DataFrame:
    """One row a series, origin, way and level."""
    names, rows = sorted(nulls.series), []
    folds = np.random.default_rng(0).permutation(len(names)) % (1 if nulls.pool else FOLDS)
    for fold in np.unique(folds):
        tested = [(name, o) for i, name in enumerate(names) if folds[i] == fold for o in nulls.origins(name)]
        others = nulls.pool or [nulls.series[name] for i, name in enumerate(names) if folds[i] != fold]
        ends = {int(nulls.series[name].months[o]) if nulls.calendar else 0 for name, o in tested}
        factors = {end: calibrations([before(one, end) for one in others] if nulls.calendar else others)
                   for end in ends}  # fmt: skip
        for name, origin in tested:
            one = nulls.series[name]
            key = int(one.months[origin]) if nulls.calendar else 0
            rows += [{"series": name} | row for row in sums(one, origin, factors[key])]
    return pd.DataFrame(rows)


def before(one: UndisturbedSeries, origin: int) -> UndisturbedSeries:
    """The months known when the window begins, `SKIP` months after the origin's month."""
    known = one.months < origin + SKIP
    return UndisturbedSeries(one.observed[known], one.expected[known], one.months[known])


def sums(one: UndisturbedSeries, origin: int, factors: dict[str, Calibration]) -> list[dict[str, object]]:
    """The tested sum and its ends by way and level."""
    past, ahead = slice(origin - TRAIN, origin), slice(origin, origin + SKIP + WINDOW)
    made = paths.simulate(
        one.observed[past], one.expected[past], one.months[past], one.expected[ahead], 500, origin
    )  # fmt: skip
    total = float(made.point[SKIP:].sum())
    error, deviations = float(one.observed[ahead][SKIP:].sum()) - total, paths.cumulated_deviations(made, SKIP)
    rows: list[dict[str, object]] = []
    for level, factor in ((0.80, "factor80"), (0.95, "factor95")):
        ends = paths.quantile_ends(deviations, level)[:, -1]
        tail = [(1 - level) / 2, (1 + level) / 2]
        monthly = np.quantile(made.paths[:, SKIP:] - made.point[SKIP:], tail, axis=0)
        found = {
            "sum of monthly bounds": monthly.sum(axis=1),
            "independent months": np.sqrt((monthly**2).sum(axis=1)) * [-1, 1],
            "paths": ends,
        } | {way: ends * getattr(one_of.of(made, SKIP), factor)[-1] for way, one_of in factors.items()}
        for way, (low, high) in found.items():
            rows.append({"way": way, "level": level, "covered": low <= error <= high, "error": abs(error / total),
                         "half_width": (high - low) / 2 / total, "large": one.observed[past].mean() > LARGE,
                         "spread": deviations[:, -1].std() / total})  # fmt: skip
    return rows


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """By level and way: coverage with a bootstrap interval over series, that of the third of the sums with the least
    and with the most spread, and the median half-width as a share of the sum, of all and of large series."""
    found = rows.groupby(["level", "way"], sort=False).apply(_measured, include_groups=False)
    return found.round(3)


def _measured(part: pd.DataFrame) -> pd.Series:
    low, high = part["spread"].quantile([1 / 3, 2 / 3])
    span = clustered(part)
    return pd.Series(
        {
            "covered": part["covered"].mean(),
            "from": span[0],
            "to": span[1],
            "steady": part["covered"][part["spread"] <= low].mean(),
            "unsteady": part["covered"][part["spread"] > high].mean(),
            "half_width": part["half_width"].median(),
            "large": part["half_width"][part["large"]].median(),
            "covered_large": part["covered"][part["large"]].mean(),
            "sums": len(part),
            "series": part["series"].nunique(),
        }
    )


def clustered(part: pd.DataFrame, draws: int = 500) -> np.ndarray:
    """95 % interval of the covered share, series drawn with replacement."""
    counts = part.groupby("series")["covered"].agg(["sum", "count"]).to_numpy(float)
    drawn = counts[np.random.default_rng(1).integers(len(counts), size=(draws, len(counts)))].sum(axis=1)
    return np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])


def point_errors(nulls: NullSet) -> pd.DataFrame:
    """|error| of the sum by point forecast and months of baseline, where 60 are known; one index for every peer."""
    rows = []
    for name, one in nulls.series.items():
        for origin in (o for o in nulls.origins(name) if o >= 60):
            for train in (36, 60):
                past, ahead = slice(origin - train, origin), slice(origin + SKIP, origin + SKIP + WINDOW)
                if one.observed[past].mean() < paths.THETA_MINIMUM_MEAN:
                    continue
                season = expected.season(one.observed[past], one.expected[past], one.months[past])
                index = one.observed[past] / (one.expected[past] * season.factors(one.months[past]))
                scale = one.expected[ahead] * season.factors(one.months[ahead])
                for peer, make in PEERS.items():
                    point = np.asarray(make().fit(index).predict(SKIP + WINDOW)["mean"])[SKIP:]
                    total = (np.maximum(point, 0.0) * scale).sum()
                    rows.append({"peer": peer, "baseline": train, "error": abs(total / one.observed[ahead].sum() - 1)})
    return pd.DataFrame(rows)


SETS: dict[str, Callable[[], NullSet]] = {"m3": m3, "scottish": scottish, "simulated": simulated, "county": county}


def main(*names: str) -> None:
    for name in names or SETS:
        nulls = SETS[name]()
        print(f"\n{name}\n{table(assess(nulls)).to_string()}")
        errors = point_errors(nulls).groupby(["baseline", "peer"], sort=False)["error"]
        print(errors.describe(percentiles=[0.5, 0.8])[["count", "mean", "50%", "80%"]].round(4).to_string())
