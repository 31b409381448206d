"""How use and cost gather on few residents: shares of those with the most, the Lorenz curve, the Gini coefficient."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ennakointi.segmentation.rule_based import residents

MEASURES = {"cost_eur": "cost_eur_12m", "contacts": "contacts_12m"}
TOP_PERCENT = (1, 5, 10, 20, 50)
GINI = "gini"


def lorenz(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Lorenz curve: shares of persons, those with the least first, and their share of the whole.

    Parameters
    ----------
    values : (n,) not negative.

    Returns
    -------
    (n + 1,) shares of persons and (n + 1,) shares of the whole, both from 0 to 1; the second is NaN where there is
    nothing to share.
    """
    ordered = np.sort(np.asarray(values, float))
    held = np.concatenate([[0.0], np.cumsum(ordered)])
    return np.linspace(0.0, 1.0, len(held)), held / held[-1] if held[-1] > 0 else np.full(len(held), np.nan)


def top_share(values: ArrayLike, share: float) -> float:
    """The part of the whole that the `share` of persons with the most has; straight between two persons."""
    persons, whole = lorenz(values)
    return float(1.0 - np.interp(1.0 - share, persons, whole))


def gini(values: ArrayLike) -> float:
    """The Gini coefficient: 0 all the same, (n - 1) / n one has it all (Gini 1912); NaN where there is nothing.

    Witness: 0, 0, 0, 1 has 3/4, and 1, 2, 3, 4, 5 has 4/15.
    """
    ordered = np.sort(np.asarray(values, float))
    n, whole = len(ordered), ordered.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * whole)) if whole > 0 else np.nan


def table(frame: pd.DataFrame) -> pd.DataFrame:
    """Result table `concentration` of one quarter's residents; a measure that is missing has no rows."""
    held = residents(frame)
    rows = []
    for measure, column in MEASURES.items():
        values = held[column].astype(float).to_numpy()
        if np.isnan(values).any() or not len(values):
            continue
        for percent in TOP_PERCENT:
            persons = int(np.ceil(len(values) * percent / 100))
            rows.append((measure, str(percent), top_share(values, percent / 100), persons))
        rows.append((measure, GINI, gini(values), len(values)))
    return pd.DataFrame(rows, columns=["measure", "top_share", "share", "n_persons"])
