"""How often does an effect appear where there is none, and how often do the intervals hold the true one?

    python benchmarks/effects.py --runs 2000

Ten groups of equal size and 96 months with log rates that stray by 8 % with autocorrelation 0, 0.4 or 0.8:
one or three groups treated at once, and five one after another; one series alone; persons enrolled for what
they used. Each design prints the share of p ≤ 0.05 without an effect, the share of 95 % intervals that hold
a planted fall of 15 %, the share of these that is found (power), the median width of the interval on the
log scale and the time of one run. With one treated of ten no p-value below 0.10 is possible: the estimator
refuses, and nothing is found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from cohorts_made import cohort
from roll_outs import CODES, STARTS, roll_out

from ennakointi.causal import rollout, segmented
from ennakointi.effectiveness import enrolled

EFFECT = float(np.log(0.85))
SPREAD = 0.08
FIRST = STARTS["111"]
ADOPTIONS = {
    "areas, 1 of 10 treated": dict.fromkeys(CODES[:1], FIRST),
    "areas, 3 of 10 treated": dict.fromkeys(CODES[:3], FIRST),
    "areas, 5 of 10 staggered": dict(zip(CODES, STARTS.values())),
}


class Estimate(NamedTuple):
    """One estimate on the log scale."""

    p_value: float
    lo95: float
    hi95: float


Study = Callable[[int, float], Estimate]


def by_areas(starts: dict[str, int], autocorrelation: float) -> Study:
    """Ten equal areas with AR(1) noise."""

    def study(seed: int, effect: float) -> Estimate:
        made = roll_out(
            seed, effect, share=0.2, starts=starts, equal=True, spread=SPREAD, autocorrelation=autocorrelation
        )
        found = rollout.rollout_effect(made, 999, seed)
        assert found is not None
        return Estimate(found.effect.p_value, found.effect.lo95, found.effect.hi95)

    return study


def one_series(autocorrelation: float) -> Study:
    """One area of ten as a series of its own, 96 months with the start in the middle."""

    def study(seed: int, effect: float) -> Estimate:
        rng = np.random.default_rng(seed)
        months = np.arange(24_000, 24_096)
        noise = rng.standard_normal(96)
        for month in range(1, 96):
            noise[month] = autocorrelation * noise[month - 1] + np.sqrt(1 - autocorrelation**2) * noise[month]
        log_rate = 0.1 * np.sin(2 * np.pi * months / 12) + SPREAD * noise + effect * (months >= 24_048)
        counts = rng.poisson(800 * np.exp(log_rate)).astype(float)
        found = segmented.step_effect(counts, np.ones(96), months, 24_048, seed)
        return Estimate(found.p_value, found.lo95, found.hi95)

    return study


def by_persons(seed: int, effect: float) -> Estimate:
    """Some of those with at least four contacts in a year, against others with as many."""
    found = enrolled.enrolled_effect(cohort(seed, effect), seed)
    return Estimate(found.p_value, found.lo95, found.hi95)


def designs() -> Iterator[tuple[str, str, Study]]:
    """Name, autocorrelation and study of every cell."""
    for autocorrelation in (0.0, 0.4, 0.8):
        for name, starts in ADOPTIONS.items():
            yield name, str(autocorrelation), by_areas(starts, autocorrelation)
        yield "one series", str(autocorrelation), one_series(autocorrelation)
    yield "persons enrolled on past use", "", by_persons


def measure(study: Study, runs: int) -> dict[str, float]:
    """Shares over `runs` studies without and with the planted effect."""
    started = time.perf_counter()
    null = [study(seed, 0.0) for seed in range(runs)]
    seconds = (time.perf_counter() - started) / runs
    planted = [study(seed, EFFECT) for seed in range(runs)]
    bounded = [one for one in planted if np.isfinite([one.lo95, one.hi95]).all()]
    return {
        "false_positives": float(np.mean([one.p_value <= 0.05 for one in null])),
        "coverage": float(np.mean([one.lo95 <= EFFECT <= one.hi95 for one in bounded])) if bounded else np.nan,
        "power": float(np.mean([one.p_value <= 0.05 for one in planted])),
        "width": float(np.median([one.hi95 - one.lo95 for one in bounded])) if bounded else np.nan,
        "refused": 1 - len(bounded) / runs,
        "seconds": seconds,
    }


def table(runs: int) -> pd.DataFrame:
    """Every design and autocorrelation."""
    rows = [{"design": name, "autocorrelation": rho, **measure(study, runs)} for name, rho, study in designs()]
    return pd.DataFrame(rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=400)
    print(table(options.parse_args().runs).round(3).to_string(index=False))


if __name__ == "__main__":
    main()
