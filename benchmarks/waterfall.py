"""Do the bars of the waterfall hold what the synthetic county planted?

    python benchmarks/waterfall.py [SEEDS] [JOBS]

Each county of 8,000 to 20,000 residents goes through the phases of a run up to the panels; the fast mode of the shipped
forecast carries its services on to the last projected year with every shipped scenario in force. Planted: the county's
own rates by age and sex, its projection, its trends, and effects drawn from the scenarios' intervals
(`synthetic.demand.changes`). Target, 20 seeds pooled: 70–90 % of bars inside their 80 % interval.
A bar that is nothing by construction (a scenario that does not concern the service) is not counted.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ennakointi import forecast, panel, parameters, phases, sources, store, synthetic
from ennakointi.forecast.need import scenarios
from ennakointi.panel import Panel, projection
from ennakointi.parameters import Parameters
from ennakointi.parameters.scenario_documents import Scenario
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace

AS_OF = date(2025, 9, 30)
RESIDENTS = (8_000, 20_000)
AIMED = (0.70, 0.90)


def planted(
    folder: Path, seed: int, residents: int, loaded: Parameters
) -> tuple[Panel, pd.DataFrame | None, pd.DataFrame]:
    """The panel of all residents, the delivered population, and the planted waterfall, of a county made in a folder."""
    data, workspace = folder / "data", Workspace(folder / "work", Quarter(2025, 3))
    synthetic.make(data, residents=residents, seed=seed, until=AS_OF)
    workspace.create()
    phases.prepare(workspace, loaded, sources.discover(data), AS_OF, ("all",), lambda _: None)
    truth = synthetic.truth(data).demand(in_force(loaded))
    return panel.open(workspace.panels, "all"), projection.table(store.open(workspace.store)), truth


def in_force(loaded: Parameters) -> Mapping[str, Scenario]:
    """The shipped scenarios that a synthetic source has in force for all residents."""
    return scenarios.known(loaded.scenarios, "all", synthetic=True)


def compare(seed: int, residents: int) -> pd.DataFrame:
    """Planted beside estimated bars of one county: seed, service, factor, planted, change, lo80, hi80, inside."""
    loaded = parameters.load()
    with tempfile.TemporaryDirectory() as name:
        counts, population, truth = planted(Path(name), seed, residents, loaded)
    settings = loaded.in_mode("fast").forecast
    made = forecast.estimate(counts, population, settings, in_force(loaded), loaded.services, seed, mode="fast")
    bars = made.tables["demand_drivers"]
    full = bars[bars["variant"] == bars["variant"].iloc[-1]]
    both = full.merge(truth.rename(columns={"change": "planted"}), on=["service", "factor"], suffixes=("", "_planted"))
    assert (both["to_year"].astype(int) == both["to_year_planted"]).all()
    estimated = (both["lo80"] != 0) | (both["hi80"] != 0) | (both["planted"] != 0)
    start = both[both["factor"] == "start"].set_index("service")["change"]
    both["width"] = (both["hi80"] - both["lo80"]) / both["service"].map(start)
    both["inside"] = both["planted"].between(both["lo80"], both["hi80"])
    return both[estimated].assign(seed=seed, residents=residents)


def pooled(found: pd.DataFrame) -> pd.DataFrame:
    """Share inside the 80 % interval and median width per start level, by factor and together."""
    by_factor = found.groupby("factor", sort=False)
    table = by_factor.agg(inside=("inside", "mean"), width=("width", "median"), bars=("inside", "size"))
    every = pd.DataFrame(
        {"inside": found["inside"].mean(), "width": found["width"].median(), "bars": len(found)}, index=["all"]
    )
    return pd.concat([table, every])


def main(seeds: str = "20", jobs: str = "1") -> None:
    sizes = np.linspace(*RESIDENTS, int(seeds)).astype(int)
    parts = Parallel(n_jobs=int(jobs))(delayed(compare)(i + 1, int(size)) for i, size in enumerate(sizes))
    found = pd.concat(parts, ignore_index=True)
    print(found.groupby("service")["inside"].mean().round(2).to_string())
    print(pooled(found).round(3).to_string())
    share = found["inside"].mean()
    print(f"bars inside their 80 % interval: {share:.1%}, aimed at {AIMED[0]:.0%}–{AIMED[1]:.0%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
