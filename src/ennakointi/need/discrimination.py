"""How well risks tell persons with the need from those without it, and how far they are from what came."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.metrics import average_precision_score

Floats = npt.NDArray[np.float64]
_NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Discrimination:
    """Of n persons: `auroc` with its 95 % interval, `auprc`, `brier`, and `brier_skill` over one risk for everyone."""

    auroc: float
    auroc_lo95: float
    auroc_hi95: float
    auprc: float
    brier: float
    brier_skill: float


def measured(event: npt.ArrayLike, risk: npt.ArrayLike) -> Discrimination:
    """Discrimination and mean squared error of risks.

    Raises
    ------
    ValueError
        All persons, or none, had the need: there is nothing to tell apart.
    """
    y, p = np.asarray(event, bool), np.asarray(risk, float)
    area, error = auroc(y, p)
    brier = float(np.mean((p - y) ** 2))
    share = float(y.mean())
    low, high = max(area - _NORMAL_95 * error, 0.0), min(area + _NORMAL_95 * error, 1.0)
    auprc = float(average_precision_score(y, p))
    return Discrimination(area, low, high, auprc, brier, 1 - brier / (share * (1 - share)))


def auroc(event: npt.ArrayLike, risk: npt.ArrayLike) -> tuple[float, float]:
    """Area under the ROC curve and its standard error by DeLong.

    The chance that a person with the need has the higher risk; equal risks count half. The variance is that of the
    placements of those with the need among those without it, and of those without it among those with it (DeLong,
    DeLong & Clarke-Pearson 1988, 10.2307/2531595; by midranks, Sun & Xu 2014, 10.1109/LSP.2014.2337313).

    Witness: risks .8, .4 with and .6, .2, .1 without the need → 5 of 6 pairs, .8333.

    Raises
    ------
    ValueError
        All persons, or none, had the need.
    """
    y, p = np.asarray(event, bool), np.asarray(risk, float)
    with_need, without = p[y], p[~y]
    m, n = len(with_need), len(without)
    if not m or not n:
        raise ValueError(f"{m} persons with the need and {n} without it: there is nothing to tell apart")
    together = stats.rankdata(np.concatenate([with_need, without]))
    above = (together[:m] - stats.rankdata(with_need)) / n
    below = 1 - (together[m:] - stats.rankdata(without)) / m
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
    return float(above.mean()), float(np.sqrt(variance))
