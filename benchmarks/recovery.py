"""Do the shipped parameters find what the synthetic county planted, in its debts and in its effects?

    python benchmarks/recovery.py [SEEDS] [RESIDENTS] [JOBS]

Each county goes through the same phases as a run. Targets, seeds pooled: the planted debt of `all` inside its 80 %
interval in at least 65 % of services × seeds, effects inside their 95 % interval in at least 90 % with a median bias
of at most a tenth of the effect, and the coaching of heavy users, which does nothing, called effective in at most one
of twenty. The ledger's terms one by one, with what it
assumes right and wrong: `benchmarks/debt.py county`.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import debt_county
import pandas as pd
from joblib import Parallel, delayed

from ennakointi import parameters, phases, sources, synthetic
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.workspace import Workspace

AS_OF = date(2025, 9, 30)
EFFECTIVE = ("works", "probably_works")


def recover(seed: int, residents: int, mode: str = "full") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Planted beside estimated, for the debt of `all` by service and for the outcomes of each intervention.

    Returns
    -------
    terms : seed and the columns of `debt_county.terms`
    effects : seed, intervention, outcome, role, planted, relative, relative_lo95, relative_hi95, verdict, inside,
        effective, bias (as a share of the planted effect)
    """
    loaded = parameters.load().in_mode(mode)
    with tempfile.TemporaryDirectory() as name:
        data, workspace = Path(name) / "data", Workspace(Path(name) / "work", Quarter(2025, 3))
        synthetic.make(data, residents=residents, seed=seed, until=AS_OF)
        workspace.create()
        phases.prepare(workspace, loaded, sources.discover(data), AS_OF, ("all",), lambda _: None)
        truth = synthetic.truth(data)
        terms = debt_county.terms(workspace, loaded, truth.volumes, ("all",), seed)
        parts = [f"effect.{name}" for name in loaded.interventions]
        found = pd.concat([phases.compute_part(workspace, loaded, part, mode)["effects"] for part in parts])
        effects = _effects(found, truth.effects, loaded)
    return terms.assign(seed=seed), effects.assign(seed=seed)


def _effects(found: pd.DataFrame, planted: pd.DataFrame, loaded: Parameters) -> pd.DataFrame:
    """Every outcome whose services share one planted effect (0 where none was planted)."""
    record = found[found["record"] == "record"].set_index(["intervention", "outcome"])
    columns = ["role", "relative", "relative_lo95", "relative_hi95", "verdict"]
    true = planted.groupby(["intervention", "service"], observed=True)["relative_effect"].first()
    rows = []
    for name, intervention in loaded.interventions.items():
        for outcome in intervention.outcomes:
            sizes = {float(true.get((name, service), 0.0)) for service in outcome.services}
            if len(sizes) == 1:
                estimate = record.loc[(name, outcome.id), columns].to_dict()
                rows.append({"intervention": name, "outcome": outcome.id, "planted": sizes.pop(), **estimate})
    effects = pd.DataFrame(rows)
    inside = effects["planted"].between(effects["relative_lo95"], effects["relative_hi95"])
    return effects.assign(
        inside=inside,
        effective=effects["verdict"].isin(EFFECTIVE),
        bias=(effects["relative"] - effects["planted"]) / effects["planted"].abs().where(effects["planted"] != 0),
    )


def debts(terms: pd.DataFrame) -> pd.DataFrame:
    """The rows of the services' debts."""
    return terms[(terms["term"] == "debt") & (terms["service"] != "all")]


def pooled(outcomes: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Terms and effects of all seeds together."""
    terms, effects = zip(*outcomes, strict=True)
    return pd.concat(terms, ignore_index=True), pd.concat(effects, ignore_index=True)


def main(seeds: str = "10", residents: str = "20000", jobs: str = "2") -> None:
    run = Parallel(n_jobs=int(jobs))
    terms, effects = pooled(run(delayed(recover)(seed, int(residents)) for seed in range(1, int(seeds) + 1)))
    found = debts(terms)
    print(found.groupby("service")[["inside80", "inside95"]].mean().round(2).to_string())
    print(effects.sort_values(["intervention", "seed"]).round(3).to_string(index=False))
    by_outcome = effects.groupby(["intervention", "outcome"])
    print(by_outcome.agg({"inside": "mean", "effective": "mean", "bias": ["median", "mean", "sem"]}).to_string())
    print(f"debt inside 80 %: {found['inside80'].mean():.1%}, inside 95 %: {found['inside95'].mean():.1%}")
    print(f"effects inside 95 %: {effects['inside'].mean():.1%}; median bias {effects['bias'].median():+.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:])
