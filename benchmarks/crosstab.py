"""Speed of a crosstab of ten million rows through the disclosure door beside bare pandas.

The fair bare one is the faster of `pandas.crosstab` with margins and `groupby(...).size()` without; where cells are
judged by distinct persons it is `groupby(...)[person].nunique()`, which gives the cells' persons without margins.
Both sides see the same categorical columns and run in turns; the ratio is that of the medians.
"""

from __future__ import annotations

import statistics as middle
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd

from ennakointi.disclosure import statistics

ROWS, PERSONS, TURNS, SEED = 10_000_000, 200_000, 3, 7
LIMIT = 1.5
THL5 = SimpleNamespace(name="thl5", threshold=5, base=10, zeros="shown", everyone="shown")


def contacts() -> pd.DataFrame:
    """Contacts by municipality and service; the last of both are rare, so that there is something to hide."""
    random = np.random.default_rng(SEED)
    places, services = 0.5 ** np.arange(12), 0.42 ** np.arange(16)
    return pd.DataFrame(
        {
            "municipality": pd.Categorical.from_codes(_drawn(random, places), [f"m{i:02d}" for i in range(12)]),
            "service": pd.Categorical.from_codes(_drawn(random, services), [f"s{i:02d}" for i in range(16)]),
            "person": random.integers(0, PERSONS, ROWS),
        }
    )


def _drawn(random: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    return random.choice(len(weights), ROWS, p=weights / weights.sum()).astype(np.int8)


def paired(*calls: Callable[[], object]) -> list[float]:
    """Median CPU seconds of calls that take turns."""
    seconds: list[list[float]] = [[] for _ in calls]
    for turn in range(TURNS + 1):
        for call, own in zip(calls, seconds, strict=True):
            start = time.process_time()
            call()
            if turn:  # the first turn warms up
                own.append(time.process_time() - start)
    return [middle.median(own) for own in seconds]


def main() -> None:
    frame = contacts()
    by = ["municipality", "service"]
    pandas_crosstab, grouped, door = paired(
        lambda: pd.crosstab(frame["municipality"], frame["service"], margins=True),
        lambda: frame.groupby(by, observed=False).size(),
        lambda: statistics.crosstab(frame, *by, THL5),
    )
    table = statistics.crosstab(frame, *by, THL5)
    print(f"{ROWS:,} rows, {table.shape[0] - 1} x {table.shape[1] - 3} cells; CPU seconds, medians of {TURNS}")
    hidden = int(table["suppressed"].str.count("[^;]+").sum())
    bare = min(pandas_crosstab, grouped)
    print(f"pandas.crosstab {pandas_crosstab:.2f}, groupby.size {grouped:.2f}, door {door:.2f} ({hidden} cells hidden)")
    print(f"door / bare = {door / bare:.2f}")
    nunique, judged = paired(
        lambda: frame.groupby(by, observed=False)["person"].nunique(),
        lambda: statistics.crosstab(frame, *by, THL5, persons="person"),
    )
    print(f"judged by persons: groupby.nunique {nunique:.2f}, door {judged:.2f}; door / bare = {judged / nunique:.2f}")
    if max(door / bare, judged / nunique) > LIMIT:
        raise SystemExit(f"the door takes more than {LIMIT} times as long as bare pandas")


if __name__ == "__main__":
    main()
