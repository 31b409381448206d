"""Do the planted effects of the synthetic county come back? Pooled over seeds, as in the definition of done.

    python benchmarks/recovery_effects.py --seeds 10 --residents 20000

Effects should lie inside their 95 % interval in at least 90 % of seeds × interventions, and the coaching of
heavy users, which does nothing, should be called effective in at most one seed of ten.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pandas as pd

from ennakointi import effectiveness, groups, panel, parameters, store, synthetic
from ennakointi.effectiveness import evidence
from ennakointi.store import sources

AS_OF = date(2025, 9, 30)
EFFECTIVE = ("works", "probably_works")


def effect_recovery(seeds: Iterable[int], residents: int) -> pd.DataFrame:
    """Planted and estimated relative effects on the primary outcomes.

    Returns
    -------
    One row for each seed × intervention: planted, estimate, lo95, hi95 (relative), inside, verdict,
    effective.
    """
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            found.append(county_effects(Path(folder), seed, residents))
    return pd.concat(found, ignore_index=True)


def county_effects(folder: Path, seed: int, residents: int) -> pd.DataFrame:
    """Make a county in a folder, prepare it, and evaluate its interventions."""
    known = parameters.load()
    synthetic.make(folder / "data", residents=residents, seed=seed, until=AS_OF)
    work = folder / "work" / "2025Q3"
    work.mkdir(parents=True)
    opened = store.build(sources.discover(folder / "data"), work / "store", known, AS_OF)
    wanted = sorted({one.target_group for one in known.interventions.values()})
    panel.build(opened, groups.build(opened, known, work / "memberships", wanted), known, work / "panels")
    planted = synthetic.truth(folder / "data").effects
    rows = []
    for name, intervention in known.interventions.items():
        data = evidence.gather(opened, work / "panels", work / "memberships", intervention, known, seed)
        effects = effectiveness.evaluate(intervention, data, known.effects, seed).estimates
        outcome = intervention.primary_outcome
        row = effects[(effects["outcome"] == outcome.id) & (effects["record"] == "record")].iloc[0]
        true = planted[(planted["intervention"] == name) & planted["service"].isin(outcome.services)]
        rows.append(
            {
                "seed": seed,
                "intervention": name,
                "planted": float(true["relative_effect"].iloc[0]),
                "estimate": row["relative"],
                "lo95": row["relative_lo95"],
                "hi95": row["relative_hi95"],
                "verdict": row["verdict"],
            }
        )
    frame = pd.DataFrame(rows)
    frame["inside"] = (frame["lo95"] <= frame["planted"]) & (frame["planted"] <= frame["hi95"])
    frame["effective"] = frame["verdict"].isin(EFFECTIVE)
    return frame


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=10)
    options.add_argument("--residents", type=int, default=20_000)
    chosen = options.parse_args()
    found = effect_recovery(range(1, chosen.seeds + 1), chosen.residents)
    print(found.round(3).to_string(index=False))
    summary = found.assign(error=found["estimate"] - found["planted"], width=found["hi95"] - found["lo95"])
    columns = {"inside": "mean", "effective": "sum", "error": "median", "width": "median"}
    print(summary.groupby("intervention").agg(columns).round(3))
    print(f"inside the 95 % interval: {found['inside'].mean():.0%}")


if __name__ == "__main__":
    main()
