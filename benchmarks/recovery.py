"""Does the shipped pipeline find what the synthetic county planted?

    python benchmarks/recovery.py [SEEDS] [RESIDENTS] [JOBS]

Each county goes through the same phases as a run. Targets, 10 seeds pooled: the planted debt of `all` inside its 80 %
interval in at least 65 % of services × seeds, effects inside their 95 % interval in at least 90 %, and the coaching of
heavy users, which does nothing, called effective in at most one of ten.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed

from ennakointi import debt, panel, parameters, phases, sources, synthetic
from ennakointi.debt import service_series
from ennakointi.panel import Panel
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter, month_text
from ennakointi.workspace import Workspace

AS_OF = date(2025, 9, 30)
EFFECTIVE = ("works", "probably_works")


def recover(seed: int, residents: int, mode: str = "full") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Planted beside estimated, for the debt of `all` by service and for the primary outcome of each intervention.

    Returns
    -------
    debts : seed, service, planted, debt, debt_lo80, debt_hi80, debt_lo95, debt_hi95, inside80, inside95
    effects : seed, intervention, planted, relative, relative_lo95, relative_hi95, verdict, inside, effective
    """
    loaded = parameters.load()
    with tempfile.TemporaryDirectory() as name:
        data, workspace = Path(name) / "data", Workspace(Path(name) / "work", Quarter(2025, 3))
        synthetic.make(data, residents=residents, seed=seed, until=AS_OF)
        workspace.create()
        phases.prepare(workspace, loaded, sources.discover(data), AS_OF, ("all",), lambda _: None)
        compute: Callable[[str], dict[str, pd.DataFrame]] = lambda part: phases.compute_part(  # noqa: E731
            workspace, loaded, part, mode
        )
        counts, truth = panel.open(workspace.panels, "all"), synthetic.truth(data)
        debts = _debts(compute("debt.all")["debt_summary"], truth.volumes, counts, loaded)
        found = pd.concat([compute(f"effect.{name}")["effects"] for name in loaded.interventions])
        effects = _effects(found, truth.effects, loaded)
    return debts.assign(seed=seed), effects.assign(seed=seed)


def _debts(summary: pd.DataFrame, volumes: pd.DataFrame, counts: Panel, loaded: Parameters) -> pd.DataFrame:
    found = summary[(summary["status"] == "debt") & (summary["service"] != "all")]
    planted = [_planted_debt(volumes, counts, service, loaded) for service in found["service"]]
    rows = found[["service", "debt", "debt_lo80", "debt_hi80", "debt_lo95", "debt_hi95"]].assign(planted=planted)
    for level in ("80", "95"):
        rows[f"inside{level}"] = rows["planted"].between(rows[f"debt_lo{level}"], rows[f"debt_hi{level}"])
    return rows


def _planted_debt(volumes: pd.DataFrame, counts: Panel, service: str, loaded: Parameters) -> float:
    """Counterfactual − actual contacts of a service in the area and window of its account."""
    area, account = service_series.fit_account(counts, service, debt.account_of(counts, loaded.debt))
    months = [month_text(m) for m in range(account.window_start, account.window_end + 1)]
    of_service = (volumes["target_group"] == "all") & (volumes["service"] == service)
    rows = volumes[of_service & volumes["municipality"].isin(area) & volumes["month"].isin(months)]
    return float((rows["counterfactual"] - rows["actual"]).sum())


def _effects(found: pd.DataFrame, planted: pd.DataFrame, loaded: Parameters) -> pd.DataFrame:
    record = found[found["record"] == "record"].set_index(["intervention", "outcome"])
    rows = []
    for name, intervention in loaded.interventions.items():
        outcome = intervention.primary_outcome
        true = planted[(planted["intervention"] == name) & planted["service"].isin(outcome.services)]
        columns = ["relative", "relative_lo95", "relative_hi95", "verdict"]
        estimate = record.loc[(name, outcome.id), columns].to_dict()
        rows.append({"intervention": name, "planted": float(true["relative_effect"].iloc[0]), **estimate})
    effects = pd.DataFrame(rows)
    inside = effects["planted"].between(effects["relative_lo95"], effects["relative_hi95"])
    return effects.assign(inside=inside, effective=effects["verdict"].isin(EFFECTIVE))


def pooled(outcomes: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Debts and effects of all seeds together."""
    debts, effects = zip(*outcomes, strict=True)
    return pd.concat(debts, ignore_index=True), pd.concat(effects, ignore_index=True)


def main(seeds: str = "10", residents: str = "20000", jobs: str = "2") -> None:
    run = Parallel(n_jobs=int(jobs))
    debts, effects = pooled(run(delayed(recover)(seed, int(residents)) for seed in range(1, int(seeds) + 1)))
    print(debts.groupby("service")[["inside80", "inside95"]].mean().round(2).to_string())
    print(effects.sort_values(["intervention", "seed"]).round(3).to_string(index=False))
    print(effects.groupby("intervention")[["inside", "effective"]].agg(["mean", "sum"]).to_string())
    print(f"debt inside 80 %: {debts['inside80'].mean():.1%}, inside 95 %: {debts['inside95'].mean():.1%}")
    print(f"effects inside 95 %: {effects['inside'].mean():.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
