"""How often does an effect appear where there is none, and how often do the intervals hold the true one?

    python benchmarks/false_positives.py --runs 2000 --jobs 4

Ten groups of equal size and 96 months with log rates that stray by 8 % with autocorrelation 0, 0.4 or 0.8: one or
three groups treated at once, and five one after another; one series alone; persons enrolled for what they used. Each
cell gives the share of p ≤ 0.05 without an effect, the share of 95 % intervals that hold a planted fall of 15 %, the
share of these that is found (power), the median width of the interval on the log scale and the time of one run.
`peer` is the power of the best other estimator at equal size: its critical value is moved until it too finds 5 % where
there is nothing (so a wild cluster bootstrap of it would do no better); `at_equal_size` is the record's own power with
a critical value moved in the same way. With one treated of ten no p-value below 0.10 is possible: the estimator
refuses, nothing is found, and the peer's power is what nobody who does not know the truth can have.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.api as sm
from joblib import Parallel, delayed
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from cohorts_made import cohort
from roll_outs import CODES, STARTS, roll_out

from ennakointi.causal import did_comparison, rollout, segmented, two_way
from ennakointi.causal.areas import NEVER, AreaPanel
from ennakointi.causal.unit_panels import UnitPanel
from ennakointi.effectiveness import enrolled

EFFECT = float(np.log(0.85))
SPREAD = 0.08
MONTHS = 96
FIRST = STARTS["111"]
ADOPTIONS = {
    "1 of 10 areas": dict.fromkeys(CODES[:1], FIRST),
    "3 of 10 areas": dict.fromkeys(CODES[:3], FIRST),
    "5 of 10 areas, staggered": dict(zip(CODES, STARTS.values())),
}


class Run(NamedTuple):
    """The estimate of record on the log scale, and t statistics of other estimators."""

    p_value: float
    lo95: float
    hi95: float
    statistic: float
    peers: dict[str, float]
    seconds: float


Study = Callable[[int, float], Run]


def by_areas(starts: dict[str, int], autocorrelation: float, public: bool) -> Study:
    """Ten equal areas with AR(1) noise: the county's roll-out, or the analyst's `did`."""

    def study(seed: int, effect: float) -> Run:
        made = roll_out(
            seed,
            effect,
            share=0.2,
            starts=starts,
            equal=True,
            spread=SPREAD,
            autocorrelation=autocorrelation,
            n_months=MONTHS,
        )
        panel = unit_panel(made)
        started = time.perf_counter()
        if public:
            judged = did_comparison.estimated(panel, seed)
            assert judged.permuted is not None
            found = judged.permuted
        else:
            rolled = rollout.rollout_effect(made, 999, seed, studies=0)
            assert rolled is not None
            found = rolled.effect
        seconds = time.perf_counter() - started
        statistic = found.estimate / found.standard_error
        return Run(found.p_value, found.lo95, found.hi95, statistic, of_areas(panel), seconds)

    return study


def unit_panel(made: AreaPanel) -> UnitPanel:
    """The areas as an analyst's panel of counts."""
    starts = np.where(made.starts < NEVER, made.starts - made.months[0], NEVER)
    shape = made.counts.shape
    times = tuple(map(str, made.months))
    return UnitPanel(
        made.areas, times, made.counts, made.person_years, np.zeros((*shape, 0)), np.arange(shape[0]), starts
    )


def of_areas(panel: UnitPanel) -> dict[str, float]:
    """t of two-way fixed effects on log rates with cluster-robust errors, without errors, and of two periods."""
    assert panel.offset is not None
    rates = np.log((panel.values + 0.5) / panel.offset)
    linear = UnitPanel(panel.units, panel.times, rates, None, panel.covariates, panel.cluster, panel.starts)
    fit = two_way.effect(linear)
    found = {
        "TWFE, clustered": float(fit.estimate[0] / np.sqrt(fit.covariance[0, 0])),
        "TWFE, coefficient": float(fit.estimate[0]),
    }
    treated = panel.starts < NEVER
    if len(np.unique(panel.starts[treated])) == 1 and treated.sum() > 1:
        start = int(panel.starts.min())
        change = rates[:, start:].mean(axis=1) - rates[:, :start].mean(axis=1)
        found["two periods"] = two_sample_t(change[treated], change[~treated])
    return found


def two_sample_t(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pooled t of two means (Bertrand, Duflo & Mullainathan 2004 after aggregation to two periods)."""
    freedom = len(one) + len(other) - 2
    pooled = (((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum()) / freedom
    return float((one.mean() - other.mean()) / np.sqrt(pooled * (1 / len(one) + 1 / len(other))))


def one_series(autocorrelation: float) -> Study:
    """One area of ten as a series of its own, 96 months with the start in the middle."""

    def study(seed: int, effect: float) -> Run:
        rng = np.random.default_rng(seed)
        months = np.arange(24_000, 24_000 + MONTHS)
        noise = rng.standard_normal(MONTHS)
        for month in range(1, MONTHS):
            noise[month] = autocorrelation * noise[month - 1] + np.sqrt(1 - autocorrelation**2) * noise[month]
        start = 24_000 + MONTHS // 2
        log_rate = 0.1 * np.sin(2 * np.pi * months / 12) + SPREAD * noise + effect * (months >= start)
        counts = rng.poisson(800 * np.exp(log_rate)).astype(float)
        started = time.perf_counter()
        found = segmented.step_effect(counts, np.ones(MONTHS), months, start, seed)
        seconds = time.perf_counter() - started
        statistic = found.estimate / found.standard_error
        return Run(found.p_value, found.lo95, found.hi95, statistic, of_series(counts, months, start), seconds)

    return study


def of_series(counts: NDArray[np.float64], months: NDArray[np.int64], start: int) -> dict[str, float]:
    """t of the step by least squares on log counts, with Newey–West errors, and by GLS with AR(1)."""
    design = segmented.segmented_design(months, start, 2)
    plain = sm.OLS(np.log(counts + 0.5), design).fit()
    robust = plain.get_robustcov_results("HAC", maxlags=6)
    general = sm.GLSAR(np.log(counts + 0.5), design, rho=1).iterative_fit(4)
    found = {"OLS": plain, "Newey–West": robust, "GLS AR(1)": general}
    return {name: float(fit.tvalues[-1]) for name, fit in found.items()}


def by_persons(seed: int, effect: float) -> Run:
    """Some of those with at least four contacts in a year, against others with as many."""
    made = cohort(seed, effect)
    started = time.perf_counter()
    found = enrolled.enrolled_effect(made, seed)
    seconds = time.perf_counter() - started
    design = np.column_stack([np.ones(len(made.events)), made.covariates, made.enrolled])
    fit = sm.GLM(made.events, design, family=sm.families.Poisson()).fit(scale="X2")
    bare = sm.GLM(made.events, design[:, [0, -1]], family=sm.families.Poisson()).fit(scale="X2")
    peers = {"Poisson on history": float(fit.tvalues[-1]), "Poisson": float(bare.tvalues[-1])}
    width = (found.hi95 - found.lo95) / (2 * 1.96)
    return Run(found.p_value, found.lo95, found.hi95, found.estimate / width, peers, seconds)


def cells() -> Iterator[tuple[str, str, Study]]:
    """Name, autocorrelation and study of every cell."""
    for autocorrelation in (0.0, 0.4, 0.8):
        for name, starts in ADOPTIONS.items():
            yield name, str(autocorrelation), by_areas(starts, autocorrelation, public=False)
            yield f"{name}, did()", str(autocorrelation), by_areas(starts, autocorrelation, public=True)
        yield "one series", str(autocorrelation), one_series(autocorrelation)
    yield "persons enrolled on past use", "", by_persons


def measured(study: Study, runs: int, jobs: int) -> dict[str, object]:
    """Shares over `runs` studies without and with the planted effect."""
    parallel = Parallel(n_jobs=jobs, batch_size=max(1, runs // (8 * jobs)))
    null, planted = (
        parallel(delayed(study)(seed, effect) for seed in range(runs)) for effect in (0.0, EFFECT)
    )  # the same noise with and without the effect
    bounded = [one for one in planted if np.isfinite([one.lo95, one.hi95]).all()]
    peers = {
        name: at_equal_size([one.peers[name] for one in null], [one.peers[name] for one in planted])
        for name in null[0].peers
    }
    best = max(peers, key=lambda name: peers[name])
    return {
        "false_positives": np.mean([one.p_value <= 0.05 for one in null]),
        "coverage": np.mean([one.lo95 <= EFFECT <= one.hi95 for one in bounded]) if bounded else np.nan,
        "power": np.mean([one.p_value <= 0.05 for one in planted]),
        "at_equal_size": at_equal_size([one.statistic for one in null], [one.statistic for one in planted]),
        "peer": peers[best],
        "best_peer": best,
        "width": np.median([one.hi95 - one.lo95 for one in bounded]) if bounded else np.nan,
        "refused": 1 - len(bounded) / runs,
        "seconds": np.mean([one.seconds for one in null]),
    }


def at_equal_size(null: list[float], planted: list[float]) -> float:
    """Power with the critical value that finds 5 % where there is nothing."""
    critical = np.quantile(np.abs(null), 0.95)
    return float(np.mean(np.abs(planted) > critical))


def table(runs: int, jobs: int, only: str = "") -> pd.DataFrame:
    """Every design and autocorrelation whose name holds `only`."""
    chosen = [(name, rho, study) for name, rho, study in cells() if only in name]
    return pd.DataFrame(
        [{"design": name, "autocorrelation": rho, **measured(study, runs, jobs)} for name, rho, study in chosen]
    )


def main() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=2000)
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--only", default="", help="part of a design's name")
    given = options.parse_args()
    print(table(given.runs, given.jobs, given.only).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
