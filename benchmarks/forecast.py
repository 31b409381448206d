"""Is the forecast engine ahead of every peer? Real series, peers recomputed in the same run.

    python benchmarks/forecast.py [--sets m3,kela] [--earlier] [--limit N] [--engine-only] [--mode full|fast]

Sets: the M3 monthly sample, Scottish A&E by month, by week and through the pandemic, Finnish medicine purchases by
week, Finnish digital-clinic contacts by day. Choices are made with `--earlier` alone: the same sets at earlier
origins. `--save FILE` keeps the peers' scores by series, `--peers-from FILE` compares with kept ones.

MASE is scaled by the in-sample error of the seasonal naive; WQL is the mean over the levels .1 … .9 of
2·Σ pinball / Σ|y|; the engine's median is its point forecast. AutoARIMA and Prophet forecast 100 series of a set, or
all where there are fewer (each origin of a series counts). A star marks a peer that got the series filled across the
disruption, as the engine does. Differences are in % of the peer with a 95 % interval of a paired bootstrap over series.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from forecast_peers import PEERS, SAMPLED, cpu_seconds, forecasts, sample
from forecast_scores import Scored, difference, joined, part, score, summary
from forecast_sets import DATA, SETS, Case

from ennakointi.forecast.engine import EngineSettings, forecast

ENGINE = "engine"
METRICS = ("mase", "wql")
NUMBERS = ("mase", "loss", "volume", "smape", "inside80", "inside95")


@dataclass(frozen=True, eq=False)
class Result:
    """One way on one set: `rows` a series and origin, the origin of each, fallbacks, CPU seconds, peak bytes."""

    rows: Scored
    origins: tuple[str, ...]
    fallbacks: int
    seconds: float
    peak: int = 0

    @property
    def names(self) -> list[tuple[str, str]]:
        return list(zip(self.origins, self.rows.keys))

    def only(self, names: list[tuple[str, str]]) -> Scored:
        place = {name: i for i, name in enumerate(self.names)}
        return part(self.rows, [place[name] for name in names])


def engine_forecast(case: Case, mode: str, seed: int) -> tuple[np.ndarray, int, float, int]:
    """Quantiles, fallbacks, CPU seconds with children, peak bytes of the process: run in a process of its own."""
    started = cpu_seconds()
    made = forecast(case.train, case.horizon, EngineSettings(mode=mode, seed=seed, jobs=1))
    usual = "theta" if mode == "fast" else "ensemble"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return made.quantiles, sum(made.fallbacks(usual).values()), cpu_seconds() - started, peak


def run_engine(cases: list[Case], mode: str, seed: int) -> Result:
    """The engine on the origins of a set, each in a fresh process."""
    found = []
    for case in cases:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            found.append(pool.submit(engine_forecast, case, mode, seed).result())
    rows = [score(case.train.keys, case.test, one[0], case.scale) for case, one in zip(cases, found)]
    return Result(
        joined(rows),
        tuple(case.origin for case in cases for _ in case.train.keys),
        sum(one[1] for one in found),
        sum(one[2] for one in found),
        max(one[3] for one in found),
    )


def run_peer(name: str, cases: list[Case], masked: bool, jobs: int) -> Result:
    """One peer on the origins of a set."""
    peer = PEERS.get(name) or SAMPLED[name]
    if name in SAMPLED:
        cases = [case.only(sample(len(case.train), len(cases))) for case in cases]
    made = [forecasts(peer, case, masked, jobs) for case in cases]
    rows = [
        score(case.train.keys, case.test, np.array([one.quantiles for one in ones]), case.scale)
        for case, ones in zip(cases, made)
    ]
    every = [one for ones in made for one in ones]
    return Result(
        joined(rows),
        tuple(case.origin for case in cases for _ in case.train.keys),
        sum(one.fell for one in every),
        sum(one.seconds for one in every),
    )


def run_peers(cases: list[Case], jobs: int) -> Iterator[tuple[str, Result]]:
    """Every peer; where there is a disruption also with it filled."""
    disrupted = any(not np.array_equal(a, b, equal_nan=True) for c in cases for a, b in zip(c.raw, c.train.values))
    for name in (*PEERS, *SAMPLED):
        for masked in (False, True) if disrupted else (False,):
            yield name + "*" * masked, run_peer(name, cases, masked, jobs)


def as_table(name: str, way: str, result: Result) -> pd.DataFrame:
    """A result as rows of the file of `--save`."""
    columns = dict(zip(("series", *NUMBERS), result.rows))
    cost = {"fallbacks": result.fallbacks, "seconds": result.seconds}
    return pd.DataFrame({"set": name, "way": way, "origin": result.origins, **columns, **cost})


def from_table(rows: pd.DataFrame) -> Result:
    numbers = [rows[column].to_numpy(float) for column in NUMBERS]
    known = Scored(tuple(rows["series"]), *numbers)
    return Result(known, tuple(rows["origin"]), int(rows["fallbacks"].iloc[0]), float(rows["seconds"].iloc[0]))


def kept_peers(kept: pd.DataFrame, name: str, cases: list[Case]) -> dict[str, Result]:
    """The kept results of a set, on the series that are asked for."""
    asked = {(case.origin, key) for case in cases for key in case.train.keys}
    rows = kept[kept["set"] == name]
    rows = rows[[pair in asked for pair in zip(rows["origin"], rows["series"])]]
    return {way: from_table(own) for way, own in rows.groupby("way", sort=False)}


def line(way: str, result: Result) -> str:
    """A row of the table."""
    s, n = summary(result.rows), len(result.rows.keys)
    cost = f"{1000 * result.seconds / n:8.1f}" if result.seconds else " " * 8
    peak = f"  peak {result.peak / 1e6:.0f} MB" if result.peak else ""
    return (
        f"{way:18} {n:5} {s['mase']:7.4f} {s['wql']:8.5f} {s['smape']:7.2f} {s['covered80']:6.3f} "
        f"{s['covered95']:6.3f} {result.fallbacks:5} {cost}{peak}"
    )


HEADER = f"{'':18} {'n':>5} {'MASE':>7} {'WQL':>8} {'sMAPE':>7} {'80 %':>6} {'95 %':>6} {'fell':>5} {'CPU-s/1000':>10}"


def compared(engine: Result, peers: dict[str, Result]) -> Iterator[str]:
    """The engine against the best peer and against the better Theta, and against dear peers on their sample."""
    whole = {way: one for way, one in peers.items() if len(one.names) == len(engine.names)}
    theta = {way: one for way, one in whole.items() if way.startswith("Theta")}
    for group, ways in (("best peer", whole), ("Theta", theta)):
        for metric in METRICS if ways else ():
            way = min(ways, key=lambda w: summary(ways[w].rows)[metric])
            yield f"  {metric.upper():4} against {group + ':':10} {way:18} {against(engine, ways[way], metric)}"
    for way in (way for way in peers if way not in whole):
        for metric in METRICS:
            yield f"  {metric.upper():4} on the sample of    {way:18} {against(engine, peers[way], metric)}"


def against(engine: Result, peer: Result, metric: str) -> str:
    estimate, low, high = difference(engine.only(peer.names), peer.rows)[metric]
    return f"{estimate:+6.2f} % ({low:+.2f} … {high:+.2f})"


def options() -> argparse.Namespace:
    known = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    known.add_argument("--sets", default=",".join(SETS), help="names with commas between: " + ", ".join(SETS))
    known.add_argument("--earlier", action="store_true", help="earlier origins: choices are made there")
    known.add_argument("--limit", type=int, help="only the first N series of each set")
    known.add_argument("--engine-only", action="store_true")
    known.add_argument("--peers-only", action="store_true")
    known.add_argument("--mode", choices=("full", "fast"), default="full")
    known.add_argument("--seed", type=int, default=0)
    known.add_argument("--jobs", type=int, default=1, help="peers' series at a time; the engine is measured on one")
    known.add_argument("--save", type=Path, help="CSV file for the peers' scores")
    known.add_argument("--peers-from", type=Path, help="CSV file of an earlier --save, in place of the peers")
    return known.parse_args()


def main() -> None:
    asked = options()
    if not DATA.is_dir():
        sys.exit(f"no reference data at {DATA}: set ENNAKOINTI_REFERENCE_DATA to their folder")
    kept = pd.read_csv(asked.peers_from, dtype={"series": str}) if asked.peers_from else None
    saved = []
    for name in asked.sets.split(","):
        cases = SETS[name](asked.earlier)
        if asked.limit:
            cases = [case.only(range(min(asked.limit, len(case.train)))) for case in cases]
        print(f"\n{name}: {len(cases[0].train)} series, horizon {cases[0].horizon}, known until "
              f"{', '.join(case.origin for case in cases)}\n{HEADER}", flush=True)  # fmt: skip
        peers: dict[str, Result] = kept_peers(kept, name, cases) if kept is not None else {}
        for way, result in peers.items():
            print(line(way, result))
        if kept is None and not asked.engine_only:
            for way, result in run_peers(cases, asked.jobs):
                peers[way] = result
                print(line(way, result), flush=True)
        saved += [as_table(name, way, result) for way, result in peers.items()]
        if saved and asked.save:
            pd.concat(saved).to_csv(asked.save, index=False)
        if not asked.peers_only:
            engine = run_engine(cases, asked.mode, asked.seed)
            print("\n".join((line(ENGINE, engine), *compared(engine, peers))), flush=True)


if __name__ == "__main__":
    main()
