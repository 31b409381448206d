"""Effect of one group between two periods: difference in mean changes, or doubly robust given covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.areas import Bools, Floats
from ennakointi.causal.two_way import independent

OVERLAP = 0.999  # no propensity may be higher (R's did calls it a violation of overlap)
TRIM = 0.995  # comparison units above it get no weight (R's DRDID)


@dataclass(frozen=True, eq=False)
class TwoPeriod:
    """An effect on the treated, and what each unit adds to its error.

    Attributes
    ----------
    effect : mean change of the treated minus that of the comparison.
    influence : (n,) their squares (or squared sums of clusters) add up to the variance; 0 for units without weight.
    propensity : whether the propensity of treatment could be used; else the comparison's regression alone.
    """

    effect: float
    influence: Floats
    propensity: bool = True


def difference_in_means(change: Floats, treated: Bools, weight: Floats) -> TwoPeriod | None:
    """Weighted mean change of the treated minus that of the rest, without covariates.

    `change`, `treated` and `weight` are (n,); a weight of 0 leaves a unit out. None when a side is empty.
    """
    whole, total = float(weight.sum()), float(weight @ treated)
    if total <= 0 or whole - total <= 1e-12 * whole:
        return None
    weighted = weight * change
    ours = float(weighted @ treated)
    mean, other_mean = ours / total, (float(weighted.sum()) - ours) / (whole - total)
    influence = np.where(treated, 1 / total, -1 / (whole - total)) * (
        weighted - weight * np.where(treated, mean, other_mean)
    )
    return TwoPeriod(mean - other_mean, influence)


def doubly_robust(change: Floats, treated: Bools, covariates: Floats, weight: Floats) -> TwoPeriod | None:
    """Effect given covariates: propensity by logit, change of the comparison by least squares.

    Sant'Anna & Zhao 2020, Journal of Econometrics 219:101–122, 10.1016/j.jeconom.2020.06.003, the estimator
    of R's `drdid_panel`. Where the propensity separates the groups, the regression alone is used
    (`reg_did_panel`).

    Parameters
    ----------
    change, treated, weight : (n,). covariates : (n, k), without a constant.

    Returns
    -------
    None when a side is empty or the comparison is too small or too alike to fit the covariates.
    """
    used = weight > 0
    if not used.any():
        return None
    change, treated, weight, x = change[used], treated[used], weight[used], _design(covariates[used])
    outside = np.where(treated, 0.0, weight)
    inside = weight - outside
    if inside.sum() <= 0 or outside.sum() <= 0:
        return None
    cross = (x * outside[:, None]).T @ x
    if np.linalg.matrix_rank(cross, hermitian=True) < x.shape[1]:
        return None
    inverse = np.linalg.inv(cross)
    left = change - x @ (inverse @ (x.T @ (outside * change)))
    rows = (x @ inverse) * (outside * left)[:, None]  # each unit's pull on the regression's coefficients
    total = inside.sum()
    effect = float(inside @ left) / total
    influence = (inside * (left - effect) - rows @ (x.T @ inside)) / total
    score = propensity(x, treated, weight)
    if score is not None:
        shift, influence_outside = _reweighted(x, treated, weight, left, rows, score)
        effect, influence = effect - shift, influence - influence_outside
    whole = np.zeros(len(used))
    whole[used] = influence
    return TwoPeriod(effect, whole, score is not None)


def _reweighted(
    x: Floats, treated: Bools, weight: Floats, left: Floats, rows: Floats, score: Floats
) -> tuple[float, Floats]:
    """Mean of the comparison's residuals weighted to the treated's covariates, and its influence (n,)."""
    odds = np.where(treated | (score >= TRIM), 0.0, weight * score / (1 - score))
    total = odds.sum()
    mean = float(odds @ left) / total
    inverse = np.linalg.inv((x * (weight * score * (1 - score))[:, None]).T @ x)
    pull = (x @ inverse) * (weight * (treated - score))[:, None]
    own = odds * (left - mean)
    return mean, (own + pull @ (x.T @ own) - rows @ (x.T @ odds)) / total


def propensity(x: Floats, treated: Bools, weight: Floats, rounds: int = 25) -> Floats | None:
    """(n,) probability of treatment by logit (Fisher scoring); None without overlap.

    `x` is (n, k) with a constant.
    """
    beta = np.zeros(x.shape[1])
    with np.errstate(over="ignore"):
        for _ in range(rounds):
            score = 1 / (1 + np.exp(-(x @ beta)))
            spread = weight * score * (1 - score)
            information = (x * spread[:, None]).T @ x
            if np.linalg.cond(information) > 1e12:
                return None
            step = np.linalg.solve(information, x.T @ (weight * (treated - score)))
            beta = beta + step
            if np.abs(step).max() < 1e-8:
                return None if score.max() >= OVERLAP else score
    return None


def _design(covariates: Floats) -> Floats:
    """(n, 1 + k) a constant and the covariates that vary, on their own standard deviations."""
    centre, spread = covariates.mean(axis=0), covariates.std(axis=0)
    varies = spread > 1e-12 * (1 + np.abs(centre))
    scaled = (covariates[:, varies] - centre[varies]) / spread[varies]
    return np.column_stack([np.ones(len(covariates)), scaled[:, independent(scaled.T @ scaled)]])
