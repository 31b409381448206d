"""How long do the designs take, and how much memory, beside other tools on the same data in the same run?

    python benchmarks/effects.py [--only persons] [--persons 200000]

Every row is one estimate in a process of its own: seconds by the clock and of the processor, and the largest memory of
the process, with the limit by the clock that the project has set itself. Aggregated designs are run with all their
checks and placebos on 40 units and 96 months; persons are 200,000 over 16 quarters. Tools that are not installed are
named and left out (`pip install ennakointi[bench]`); a peer's estimate alone is timed, without placebos.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

UNITS, MONTHS, START = 40, 96, 60
QUARTERS, COVARIATES = 16, 20
MEMORY_GB = 2.5


class Job(NamedTuple):
    """One estimate; `tool` is the package it needs, `seconds` the limit, NaN for peers."""

    design: str
    tool: str
    data: Callable[[int], pd.DataFrame]
    run: Callable[[pd.DataFrame], object]
    seconds: float = np.nan


def areas(_: int) -> pd.DataFrame:
    """Monthly counts of 40 units; ten start one after another (`cohort`), one in month 60 (`d`)."""
    rng = np.random.default_rng(0)
    month, unit = np.arange(MONTHS), np.arange(UNITS)
    first = np.where(unit < 10, 40 + 4 * unit, 0)
    level = rng.normal(0, 0.2, (UNITS, 1)) + 0.1 * np.sin(2 * np.pi * month / 12) + rng.normal(0, 0.05, (UNITS, MONTHS))
    counts = rng.poisson(400 * np.exp(level - 0.15 * ((unit == 0)[:, None] & (month >= START))))
    return pd.DataFrame(
        {
            "y": counts.ravel().astype(float),
            "unit": np.repeat(unit, MONTHS),
            "month": np.tile(month + 24_000, UNITS),
            "cohort": np.repeat(np.where(first > 0, first + 24_000, 0), MONTHS),
            "d": (((unit == 0)[:, None]) & (month >= START)).ravel().astype(int),
        }
    )


def one_series(n: int) -> pd.DataFrame:
    """The first of the areas with three others as predictors."""
    table = areas(n).pivot_table(index="month", columns="unit", values="y")
    return pd.DataFrame({f"x{place}": table[place] for place in range(1, 4)}).assign(y=table[0]).reset_index()


def quarters(n: int) -> pd.DataFrame:
    """Persons × 16 quarters: an amount, a count and person-time, three cohorts and a half never treated."""
    rng = np.random.default_rng(1)
    need = rng.normal(0, 0.5, (n, 1))
    first = rng.choice([0, 6, 8, 11], n, p=[0.5, 0.2, 0.2, 0.1])
    quarter = np.arange(QUARTERS)
    under = (first[:, None] > 0) & (quarter >= first[:, None])
    return pd.DataFrame(
        {
            "y": (need + 0.1 * quarter - 0.2 * under + rng.normal(0, 1, (n, QUARTERS))).ravel(),
            "events": rng.poisson(np.exp(0.3 * need - 0.2 * under)).ravel().astype(float),
            "time": rng.uniform(0.2, 0.25, (n, QUARTERS)).ravel(),
            "person": np.repeat(np.arange(n), QUARTERS),
            "quarter": np.tile(quarter, n),
            "d": under.ravel().astype(int),
            "cohort": np.repeat(first, QUARTERS),
        }
    )


def persons(n: int) -> pd.DataFrame:
    """One row a person: 20 covariates, enrolment that depends on them, and a year's contacts."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(n, COVARIATES))
    enrolled = rng.random(n) < 1 / (1 + np.exp(1 - 0.3 * x[:, :5].sum(axis=1)))
    table = pd.DataFrame(x, columns=[f"x{place}" for place in range(COVARIATES)])
    return table.assign(d=enrolled.astype(int), y=x[:, :3].sum(axis=1) - 0.2 * enrolled + rng.normal(size=n))


def own() -> list[Job]:
    """The project's public functions with the limits of the issue."""
    from ennakointi.causal.bsts import bsts
    from ennakointi.causal.did import did
    from ennakointi.causal.enrolled import enrolled
    from ennakointi.causal.its import its
    from ennakointi.causal.staggered import staggered
    from ennakointi.causal.synthetic_control import synthetic_control
    from ennakointi.causal.synthetic_did import synthetic_did

    series: dict[str, Any] = {"outcome": "y", "time": "month", "start": 24_000 + START}
    panel: dict[str, Any] = {"outcome": "y", "time": "month", "unit": "unit"}
    people: dict[str, Any] = {"time": "quarter", "unit": "person"}
    names = [f"x{place}" for place in range(COVARIATES)]
    ours = "ennakointi"
    return [
        Job("its, 96 months", ours, one_series, lambda t: its(t, **series, season=12), 2),
        Job("bsts, 96 months", ours, one_series, lambda t: bsts(t, **series, predictors=("x1", "x2", "x3")), 2),
        Job("did, 40 × 96", ours, areas, lambda t: did(t, **panel, treatment="d"), 2),
        Job("staggered, 40 × 96", ours, areas, lambda t: staggered(t, **panel, cohort="cohort"), 2),
        Job("synthetic control, 40 × 96", ours, areas, lambda t: synthetic_control(t, **panel, treatment="d"), 2),
        Job("synthetic DiD, 40 × 96", ours, areas, lambda t: synthetic_did(t, **panel, treatment="d"), 2),
        Job(
            "Callaway–Sant'Anna, persons",
            ours,
            quarters,
            lambda t: staggered(t, outcome="y", **people, cohort="cohort"),
            3,
        ),
        Job("TWFE, persons", ours, quarters, lambda t: did(t, outcome="y", **people, treatment="d"), 10),
        Job(
            "Poisson, persons",
            ours,
            quarters,
            lambda t: did(t, outcome="events", **people, treatment="d", offset="time"),
            20,
        ),
        Job("AIPW, persons", ours, persons, lambda t: enrolled(t, outcome="y", treatment="d", covariates=names), 10),
    ]


def peers() -> list[Job]:
    """Other tools for the same estimates, with cluster-robust errors where they have them."""

    def feols(table: pd.DataFrame) -> object:
        import pyfixest

        return pyfixest.feols("y ~ d | person + quarter", table, vcov={"CRV1": "person"})

    def fepois(table: pd.DataFrame) -> object:
        import pyfixest

        logged = table.assign(logged=np.log(table["time"]))
        return pyfixest.fepois("events ~ d | person + quarter", logged, vcov={"CRV1": "person"}, offset="logged")

    def panel_ols(table: pd.DataFrame) -> object:
        from linearmodels.panel import PanelOLS

        indexed = table.set_index(["person", "quarter"])
        model = PanelOLS(indexed["y"], indexed[["d"]], entity_effects=True, time_effects=True)
        return model.fit(cov_type="clustered", cluster_entity=True)

    def callaway(table: pd.DataFrame, unit: str, period: str) -> object:
        from diff_diff import CallawaySantAnna

        return CallawaySantAnna().fit(table, outcome="y", unit=unit, time=period, first_treat="cohort")

    def synthetic(table: pd.DataFrame) -> object:
        from diff_diff import SyntheticDiD

        ever = table.assign(ever=table.groupby("unit")["d"].transform("max"))
        after = list(range(24_000 + START, 24_000 + MONTHS))
        return SyntheticDiD().fit(ever, outcome="y", treatment="ever", unit="unit", time="month", post_periods=after)

    return [
        Job("staggered, 40 × 96", "diff_diff", areas, lambda t: callaway(t, "unit", "month")),
        Job("synthetic DiD, 40 × 96", "diff_diff", areas, synthetic),
        Job("Callaway–Sant'Anna, persons", "diff_diff", quarters, lambda t: callaway(t, "person", "quarter")),
        Job("TWFE, persons", "pyfixest", quarters, feols),
        Job("TWFE, persons", "linearmodels", quarters, panel_ols),
        Job("Poisson, persons", "pyfixest", quarters, fepois),
    ]


def measured(job: Job, n: int) -> tuple[float, float, float]:
    """Seconds of the call and of the processor, and gigabytes of its process."""
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=_timed, args=(job, n, there))
    child.start()
    there.close()
    try:
        told: tuple[float, float, float] = here.recv()
    except EOFError:  # the process ended before it could tell
        told = (np.nan, np.nan, np.nan)
    child.join()
    return told


def _timed(job: Job, n: int, told: Connection) -> None:
    warnings.simplefilter("ignore")
    table = job.data(n)
    started, worked = time.perf_counter(), time.process_time()
    job.run(table)
    seconds = (time.perf_counter() - started, time.process_time() - worked)
    told.send((*seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default="", help="part of a design's name")
    options.add_argument("--persons", type=int, default=200_000)
    given = options.parse_args()
    for name in ("diff_diff", "linearmodels", "pyfixest"):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: left out")
    rows = []
    for job in sorted(own() + peers(), key=lambda job: job.design):
        if given.only in job.design and importlib.util.find_spec(job.tool):
            seconds, cpu, memory = measured(job, given.persons)
            within = "" if np.isnan(job.seconds) else "yes" if seconds <= job.seconds and memory <= MEMORY_GB else "NO"
            rows.append((job.design, job.tool, seconds, cpu, memory, job.seconds, within))
    columns = ["design", "tool", "seconds", "cpu_seconds", "memory_gb", "limit_seconds", "within"]
    print(pd.DataFrame(rows, columns=columns).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
