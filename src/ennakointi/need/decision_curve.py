"""Whether acting on the predictions does more good than acting for everyone or for no one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ennakointi.errors import ParameterError
from ennakointi.need.demand import Bools, Floats

THRESHOLDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


def net_benefit(risk: Floats, event: Bools, thresholds: Sequence[float] | None = None) -> pd.DataFrame:
    """Net benefit a person of acting for those whose risk is at least the threshold.

    With the need and acted for, less those acted for without the need × threshold / (1 − threshold), over all persons
    (Vickers & Elkin 2006, 10.1177/0272989X06295361). Acting for no one is 0. Witnesses: by hand; acting for everyone
    when 30 % have the need, .222 at .1 and −.4 at .5 (table 4 of PMC6993280).

    Parameters
    ----------
    thresholds : those of `THRESHOLDS` that someone's risk reaches when None

    Returns
    -------
    place (from 1), x the threshold, y of the predictions, reference of acting for everyone, n_persons the fewest of
    those with and without the need who are and are not acted for, without empty kinds
    """
    reached = [t for t in THRESHOLDS if t <= np.max(risk, initial=0)] or [THRESHOLDS[0]]
    at = np.asarray(reached if thresholds is None else thresholds, dtype=float)
    if not len(at) or at.min() <= 0 or at.max() >= 1:
        raise ParameterError(f"thresholds {at.tolist()} must lie between 0 and 1")
    odds, n = at / (1 - at), max(len(risk), 1)
    acted = np.asarray([(risk >= t).sum() for t in at], dtype=float)
    true = np.asarray([(event & (risk >= t)).sum() for t in at], dtype=float)
    share = event.sum() / n
    made = {"place": np.arange(1, len(at) + 1), "x": at, "y": (true - (acted - true) * odds) / n}
    kinds = np.stack([true, acted - true, event.sum() - true, n - acted - event.sum() + true])
    fewest = np.where(kinds > 0, kinds, np.inf).min(axis=0)
    made |= {"reference": share - (1 - share) * odds, "n_persons": np.where(fewest < np.inf, fewest, 0).astype(int)}
    return pd.DataFrame(made)
