"""How far two ways of segmenting put the same persons together."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score


def adjusted_rand(one: pd.Series, other: pd.Series) -> float:
    """The adjusted Rand index (Hubert & Arabie 1985, doi 10.1007/BF01908075) of two assignments of the same persons:
    1 the same, 0 as by chance; NaN for fewer than two persons.

    Parameters
    ----------
    one, other : segments by `person`; persons of one only are left out.
    """
    both = one.index.intersection(other.index)
    if len(both) < 2:
        return float("nan")
    return float(adjusted_rand_score(_codes(one, both), _codes(other, both)))


def table(assigned: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Result table `segment_agreement`: every pair of schemes once, in the order given."""
    rows = [(a, b, adjusted_rand(assigned[a], assigned[b])) for a, b in combinations(assigned, 2)]
    return pd.DataFrame(rows, columns=["scheme", "other", "adjusted_rand"])


def _codes(segments: pd.Series, persons: pd.Index) -> np.ndarray:
    return np.asarray(pd.factorize(segments.reindex(persons))[0])
