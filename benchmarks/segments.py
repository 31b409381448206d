"""Latent classes at the size of the country's largest counties, and how well true classes are found again.

`python benchmarks/segments.py size`: 2 M persons × 12 items on patterns with weights, in a process of its own; beside
it StepMix row by row on 200,000 persons, which reaches the same likelihood as the patterns of the same persons.

`python benchmarks/segments.py recovery --counties FOLDER/101 FOLDER/102 …`: adjusted Rand index of the classes with
the true ones of synthetic counties. A county's folder holds `data/truth/classes.parquet`, `work/<quarter>/store` and
`work/<quarter>/identifiers.parquet`. Beside it: the index of the generator's own Bayes choice, and of the best class
that can be had from the answers to the items (gradient boosting on the truth, each person by a model that has not seen
that person).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_predict

from ennakointi import features, parameters, store
from ennakointi.parameters import Parameters
from ennakointi.periods import Quarter
from ennakointi.segmentation import latent, latent_scheme
from ennakointi.segmentation.patterns import observe, patterns

SIZES = (2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4)  # categories of the 12 items
CLASSES = 4
STARTS = 4


def drawn(persons: int) -> pd.DataFrame:
    """Answers of persons of four classes, most of whom need little."""
    rng = np.random.default_rng(8)
    kind = rng.choice(CLASSES, persons, p=[0.05, 0.15, 0.2, 0.6])
    answers = {}
    for j, size in enumerate(SIZES):
        chance = np.array([rng.dirichlet(np.r_[[2 + 3 * k], np.ones(size - 1)]) for k in range(CLASSES)])
        answers[f"item{j:02}"] = (
            (rng.random(persons)[:, None] > chance.cumsum(axis=1)[kind]).sum(axis=1).clip(max=size - 1)
        )
    return pd.DataFrame(answers).astype(np.int8)


def on_patterns(persons: int) -> None:
    """Patterns, the fit and everybody's class and its probability."""
    frame = drawn(persons)
    started, cpu = time.perf_counter(), time.process_time()
    found = patterns(frame, dict(zip(frame.columns, SIZES, strict=True)))
    model = latent.fit(found, CLASSES, 1, STARTS)
    chance = latent.posterior(model, found)
    best, probability = chance.argmax(axis=1)[found.row], chance.max(axis=1)[found.row]
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    told = f"{persons:>9,} persons on {len(found.weight):,} patterns: {wall:.1f} s, {cpu:.1f} CPU-s"
    shares = np.bincount(best, minlength=CLASSES) / len(best)
    print(
        f"{told}, log-likelihood {model.log_likelihood:.5f}, classes {shares.round(3)}, mean {probability.mean():.3f}"
    )


def row_by_row(persons: int) -> None:
    """StepMix as it is, on the rows."""
    frame = drawn(persons)
    started, cpu = time.perf_counter(), time.process_time()
    model = latent.run_stepmix(
        frame.to_numpy(float),
        np.ones(len(frame)),
        n_components=CLASSES,
        measurement="categorical",
        n_init=STARTS,
        max_iter=600,
        abs_tol=1e-6,
        random_state=1,
    )
    wall, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(f"{persons:>9,} persons row by row: {wall:.1f} s, {cpu:.1f} CPU-s, log-likelihood {model.lower_bound_:.5f}")


def measure_sizes(persons: int, paired: int) -> None:
    """Each in a process of its own, so that its peak memory is its own."""
    for part, n in (("patterns", persons), ("patterns", paired), ("rows", paired)):
        child = subprocess.Popen([sys.executable, __file__, part, "--persons", str(n)])
        _, status, used = os.wait4(child.pid, 0)
        if status:
            sys.exit(f"{part} failed")
        print(f"          peak {used.ru_maxrss / 1024**2:.2f} GB", flush=True)


def described(county: Path, settings: Parameters) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of the residents at the end of the county's quarter, and their true and best classes by `person`."""
    work = max((county / "work").iterdir())
    one = replace(settings, features=settings.features.model_copy(update={"quarters": 1}))
    with tempfile.TemporaryDirectory(dir=work) as folder:
        made = features.build(
            store.open(work / "store"), None, one, Path(folder) / "features", Quarter.parse(work.name)
        )
        frame = made.read(work.name)
    number = pd.read_parquet(work / "identifiers.parquet").set_index("person")["person_id"].astype(int)
    truth = pd.read_parquet(county / "data" / "truth" / "classes.parquet").set_index("person_id")
    residents = frame[frame["state"] == "resident"]
    by_person = truth.reindex(number.reindex(residents["person"])).set_axis(residents["person"].to_numpy())
    return residents, by_person.dropna(subset=["latent_class"])


def recovered(county: Path, settings: Parameters) -> dict[str, float]:
    """Adjusted Rand indices with the true classes: ours, the Bayes choice, and the best class from the answers."""
    residents, truth = described(county, settings)
    found = latent_scheme.estimate_latent(residents, settings.segmentation.latent, 1, "2025Q3")
    true = truth["latent_class"].astype(str).to_numpy()
    answers = observe(residents, settings.segmentation.latent.items).loc[truth.index]
    learner = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.15, random_state=0)
    best = cross_val_predict(learner, answers.to_numpy(), true, cv=4)
    return {
        "classes": len(found.order),
        "ours": adjusted_rand_score(true, found.assignment.loc[truth.index].astype(str)),
        "bayes": adjusted_rand_score(true, truth["best_class"]),
        "items": adjusted_rand_score(true, best),
        "stability": found.bootstrap_ari,
    }


def measure_recovery(counties: list[Path]) -> None:
    """One line a county, and the ratios of the means over all."""
    settings = parameters.load()
    print(f"{'county':<10}{'classes':>8}{'ours':>8}{'bayes':>8}{'items':>8}{'stability':>10}{'seconds':>9}")
    rows = []
    for county in counties:
        started = time.perf_counter()
        one = recovered(county, settings)
        rows.append(one)
        cells = (
            f"{one['classes']:>8}{one['ours']:>8.3f}{one['bayes']:>8.3f}{one['items']:>8.3f}{one['stability']:>10.3f}"
        )
        print(f"{county.name:<10}{cells}{time.perf_counter() - started:>9.1f}", flush=True)
    mean = pd.DataFrame(rows).mean()
    of_items, of_bayes = mean["ours"] / mean["items"], mean["ours"] / mean["bayes"]
    print(f"pooled: {of_items:.3f} of the best class from the items, {of_bayes:.3f} of the Bayes choice")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("part", choices=("size", "patterns", "rows", "recovery"))
    options.add_argument("--persons", type=int, default=2_000_000)
    options.add_argument("--paired", type=int, default=200_000)
    options.add_argument("--counties", type=Path, nargs="+", default=[])
    given = options.parse_args()
    if given.part == "recovery":
        measure_recovery(given.counties)
    elif given.part == "size":
        measure_sizes(given.persons, given.paired)
    else:
        {"patterns": on_patterns, "rows": row_by_row}[given.part](given.persons)


if __name__ == "__main__":
    main()
