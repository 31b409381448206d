"""How near the predictions of need come to the true risks of the synthetic county, and do their sums keep their word?

    python benchmarks/need.py [COUNTIES] [FIRST_SEED] [FOLDER]

Each county has 40,000 residents. The models learn from 30.9.2023 and 30.9.2022 and are tested on 30.9.2024, whose true
risks the county tells: the chance given the latent class and the lasting frailty, which nobody can observe. Beside them
stands `taught`: what the same features tell when learnt from the true risks themselves, on the other half of the
persons; no method that sees these features alone can be expected to come nearer.

Targets, seeds pooled: AUROC of the model of record at most .02 below that of the true risk, calibration slope within
.9–1.1, and of municipality × outcome (four outcomes of ten municipalities) 83–97 % inside the 90 % interval.

FOLDER holds counties that are kept, a folder for each seed with `data/truth` and `work/2025Q3`; others are made there.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from ennakointi import features, parameters, sources, store, synthetic
from ennakointi.need import demand, learners
from ennakointi.need.calibration import calibrate
from ennakointi.need.cases import Followed, Register
from ennakointi.need.discrimination import auroc, measured
from ennakointi.need.history import whole_years
from ennakointi.need.validation import learnt, of_record
from ennakointi.parameters import Parameters
from ennakointi.parameters.need_documents import NeedOutcome
from ennakointi.periods import Quarter

RESIDENTS, HORIZON = 40_000, 12
NOW = Quarter(2025, 3)
TEST, BEFORE = Quarter(2024, 3), (Quarter(2023, 3), Quarter(2022, 3))
COUNTED = {  # outcome of the truth: feature and how many
    "emergency": ("contacts_emergency", 1),
    "frequent_emergency": ("contacts_emergency", 3),
    "inpatient": ("contacts_specialised_inpatient", 1),
    "heavy_use": ("contacts_primary_care", 10),
}
STARTS = {"home_care": "home_care_start", "round_the_clock_care": "round_the_clock_care_start"}
Row = dict[str, object]


def outcomes(shipped: Parameters) -> dict[str, NeedOutcome]:
    """Outcomes of the truth in the language of need.yml."""
    told = {"label": dict.fromkeys(("fi", "sv", "en"), "truth"), "at_risk": {"everyone": True}, "source": "truth"}
    made = {
        name: NeedOutcome.model_validate(
            {**told, "about": told["label"], "service": "emergency", "event": {"feature": {"of": of, "minimum": n}}}
        )
        for name, (of, n) in COUNTED.items()
    }
    return made | {name: shipped.need.outcomes[outcome] for name, outcome in STARTS.items()}


def register(seed: int, folder: Path, shipped: Parameters) -> Register:
    """A county's features; the county is made where it is missing."""
    data, work = folder / str(seed) / "data", folder / str(seed) / "work" / str(NOW)
    if not (work / "store").is_dir():
        synthetic.make(data, residents=RESIDENTS, seed=seed, until=NOW.end)
        source = sources.discover(data, shipped.mappings, None)
        built = store.build(source, work / "store", shipped, NOW.end, store.limits(shipped))
        store.write_identifiers(source, built, shipped, work / "identifiers.parquet")
    opened = store.open(work / "store")
    described = work / "features"
    if not (described / features.ABOUT_FILE).is_file():
        features.build(opened, None, shipped, described, NOW)
    years = min(shipped.need.history_years, whole_years(opened, BEFORE[-1]))
    return Register(opened, features.open(described), shipped.need, years)


def true_risks(seed: int, folder: Path, day: date) -> pd.DataFrame:
    """Person × outcome: the true risk."""
    told = pd.read_parquet(folder / str(seed) / "data" / "truth" / "risks.parquet")
    ids = pd.read_parquet(folder / str(seed) / "work" / str(NOW) / "identifiers.parquet").set_index("person_id")
    told = told[told["day"].astype(str) == day.isoformat()]
    told = told.assign(person=told["person_id"].astype(str).map(ids["person"]))
    return pd.DataFrame({str(outcome): rows.set_index("person")["risk"] for outcome, rows in told.groupby("outcome")})


def county(seed: int, folder: Path, shipped: Parameters) -> tuple[list[Row], list[Row]]:
    """Scores of each outcome, and each municipality's sum."""
    read = register(seed, folder, shipped)
    risks = true_risks(seed, folder, TEST.end)
    scores, sums = [], []
    for name, outcome in outcomes(shipped).items():
        began = time.process_time()
        test, *before = (read.followed(outcome, day, HORIZON) for day in (TEST, *BEFORE))
        record = of_record([learnt(kind, before, read.settings, seed) for kind in learners.KINDS])
        risk = record.risk(test.at_risk.known)
        seconds = time.process_time() - began
        truth = risks[name].reindex(test.at_risk.person).to_numpy(float)
        known = np.isfinite(truth)
        told, right = measured(test.event, risk), calibrate(risk, test.event)
        scores.append(
            {
                "seed": seed,
                "outcome": name,
                "model": record.kind,
                "events": int(test.event.sum()),
                "true": auroc(test.event[known], truth[known])[0],
                "taught": auroc(test.event[known], _taught(test, truth, known))[0],
                "auroc": auroc(test.event[known], risk[known])[0],
                "brier_skill": told.brier_skill,
                "slope": right.slope,
                "ratio": right.events / right.expected,
                "seconds": seconds,
            }
        )
        if name in COUNTED:
            sums += _sums(seed, name, test, risk, _dependence(before, read, seed))
    return scores, sums


def _taught(test: Followed, truth: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(known,) risks learnt from the true risks of the other half of the persons."""
    seen, odds = test.at_risk.known[known].to_numpy(), special.logit(np.clip(truth[known], 1e-6, 1 - 1e-6))
    half = np.random.default_rng(0).permutation(len(odds)) % 2 == 0
    found = np.empty(len(odds))
    for out in (half, ~half):
        model = HistGradientBoostingRegressor(max_iter=200, max_leaf_nodes=31, max_bins=63, random_state=0)
        found[out] = model.fit(seen[~out], odds[~out]).predict(seen[out])
    return found


def _dependence(before: list[Followed], read: Register, seed: int) -> demand.Dependence:
    """How alike persons of an area are, from the day before the test, foretold by the day before that."""
    model = learnt(learners.LOGISTIC, before[1:], read.settings, seed)
    last = before[0]
    area = last.at_risk.told["municipality"].astype(object).to_numpy()
    return demand.spread(demand.cells(str(BEFORE[0]), area, model.risk(last.at_risk.known), last.event))


def _sums(seed: int, name: str, test: Followed, risk: np.ndarray, alike: demand.Dependence) -> list[Row]:
    area = test.at_risk.told["municipality"].astype(object).to_numpy()
    rows: list[Row] = []
    for place in sorted(set(area) - {"999"}):
        here = area == place
        total = demand.distribution(risk[here], area[here], alike)
        low, high = total.interval(0.9)
        came = int(test.event[here].sum())
        told = {"seed": seed, "outcome": name, "municipality": place, "expected": total.expected, "observed": came}
        rows.append({**told, "low": low, "high": high, "inside": low <= came <= high})
    return rows


def main(counties: int = 10, first_seed: int = 101, folder: str = "") -> None:
    shipped = parameters.load()
    with tempfile.TemporaryDirectory() as made, threadpool_limits(1):
        place = Path(folder or made)
        scores: list[Row] = []
        sums: list[Row] = []
        for seed in range(first_seed, first_seed + counties):
            more, areas = county(seed, place, shipped)
            scores, sums = scores + more, sums + areas
            print(pd.DataFrame(more).round(4).to_string(index=False), flush=True)
    told = pd.DataFrame(scores)
    pooled = told.groupby("outcome")[["true", "taught", "auroc", "brier_skill", "slope", "ratio", "seconds"]].mean()
    pooled["gap"] = pooled["true"] - pooled["auroc"]
    pooled["gap_sd"] = (told["true"] - told["auroc"]).groupby(told["outcome"]).std()
    print(pooled.round(4).to_string())
    inside = pd.DataFrame(sums)
    print(inside.groupby("outcome")["inside"].agg(["mean", "size"]).round(3).to_string())
    print(f"inside the 90 % interval: {inside['inside'].mean():.3f} of {len(inside)}")
    half = (inside["high"] - inside["low"]) / 2 / inside["expected"]
    print(f"median half-width: {half.median():.3f} of the expected")


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:3]]
    main(given[0] if given else 10, given[1] if len(given) > 1 else 101, "".join(sys.argv[3:4]))
