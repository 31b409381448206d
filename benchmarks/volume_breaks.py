"""How often is the register blamed without reason, and a vanished unit found? `python benchmarks/volume_breaks.py [N]`.

Every county has 30 units of one service over eight years: 25 to 800 contacts a month on average, a season, a trend, a
lasting spread of 15 % a month beyond Poisson, and a fall of everything by 60 % in two months. First
nothing is wrong with the register; then one unit loses three months of rows, and another 60 % of theirs.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from ennakointi import parameters
from ennakointi.periods import month_index
from ennakointi.quality import volume_breaks
from ennakointi.quality.activity import ACTIVITY

FIRST, MONTHS, UNITS = month_index(2016, 1), 96, 30
PANDEMIC = slice(month_index(2020, 4) - FIRST, month_index(2020, 6) - FIRST)
SEASON = np.array([1.08, 1.07, 1.08, 1.03, 1.0, 0.95, 0.74, 0.94, 1.06, 1.07, 1.08, 0.9])
SPREAD, LOST, KEPT = 0.15, 3, 0.4
NO_ACTIVITY = pd.DataFrame(columns=list(ACTIVITY))
SETTINGS = parameters.load().quality.volume_breaks


def county(rng: np.random.Generator) -> np.ndarray:
    """Contacts by unit and month of an undamaged register."""
    level = np.exp(rng.uniform(np.log(25), np.log(800), UNITS))[:, None]
    trend = np.exp(rng.normal(0, 0.03, UNITS)[:, None] * np.arange(MONTHS) / 12)
    mean = level * trend * SEASON[(FIRST + np.arange(MONTHS)) % 12]
    mean[:, PANDEMIC] *= 0.4
    return rng.poisson(mean * rng.gamma(SPREAD**-2, SPREAD**2, mean.shape))


def judge(counts: np.ndarray) -> volume_breaks.Breaks:
    """The breaks that are found in such a county."""
    unit, month = np.nonzero(counts)
    rows = counts[unit, month]
    columns = {"unit": [f"u{i:02}" for i in unit], "month": FIRST + month, "rows": rows, "persons": rows}
    volumes = pd.DataFrame(columns).assign(service="x", bought=0)
    return volume_breaks.find(volumes, NO_ACTIVITY, SETTINGS, {}, FIRST + MONTHS - 1)


def recovered(n: int, seed: int = 1) -> dict[str, float]:
    """False alarms by unit-month that was looked at, and the shares of what was planted that were found."""
    rng = np.random.default_rng(seed)
    false = other = tested = pandemic = fell = vanished = halved = 0
    for _ in range(n):
        counts = county(rng)
        found = judge(counts)
        false, tested = false + (found.table["verdict"] == "register").sum(), tested + found.tested
        in_pandemic = found.table["month"].isin(["2020-04", "2020-05"])
        other += (~in_pandemic).sum()
        fell += in_pandemic.sum()
        pandemic += (found.table["verdict"][in_pandemic] == "real").sum()
        gone, half = rng.choice(np.flatnonzero(counts.mean(axis=1) > 50), 2, replace=False)
        at = rng.integers(30, PANDEMIC.start - LOST)
        counts[gone, at : at + LOST] = 0
        counts[half, at : at + LOST] = rng.binomial(counts[half, at : at + LOST], KEPT)
        named = judge(counts).table
        vanished += ((named["unit"] == f"u{gone:02}") & (named["verdict"] == "register")).sum()
        halved += ((named["unit"] == f"u{half:02}") & (named["verdict"] == "unclear")).sum()
    return {
        "false_register": false / tested,
        "false_any": other / tested,
        "pandemic_real": pandemic / fell,
        "vanished_found": vanished / (LOST * n),
        "thinned_found": halved / (LOST * n),
    }


if __name__ == "__main__":
    for name, share in recovered(int(sys.argv[1]) if len(sys.argv) > 1 else 200).items():
        print(f"{name:16} {share:.4f}")
