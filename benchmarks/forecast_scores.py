"""Scores of one way of forecasting on a set of series, and the bootstrapped difference between two ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ennakointi import scores
from ennakointi.forecast.series import HIGH80, HIGH95, LEVELS, LOW80, LOW95, MEDIAN

Floats = npt.NDArray[np.float64]
DECILES = tuple(LEVELS.index(round(level / 10, 1)) for level in range(1, 10))


class Scored(NamedTuple):
    """What one way of forecasting did, a row a series and origin: sums that add up to the scores of any part."""

    keys: tuple[str, ...]
    mase: Floats  # (n,) mean absolute error of the median / in-sample mean absolute error of the seasonal naive
    loss: Floats  # (n,) 2 · pinball, mean over the levels .1 … .9, summed over the horizon
    volume: Floats  # (n,) Σ|y|
    smape: Floats  # (n,) %
    inside80: Floats  # (n,) share of the horizon
    inside95: Floats


def score(keys: Sequence[str], test: Floats, quantiles: Floats, scale: Floats) -> Scored:
    """Scores of `quantiles` (S, H, 13) at `LEVELS` against `test` (S, H); a NaN of `test` does not count.

    MASE: Hyndman & Koehler 2006, 10.1016/j.ijforecast.2006.03.001; WQL = Σ loss / Σ volume, the mean over the
    levels of 2·Σ pinball / Σ|y|; sMAPE: Makridakis & Hibon 2000, 10.1016/S0169-2070(00)00057-1.
    """
    known = np.isfinite(test)
    y = np.where(known, test, 0.0)
    point = quantiles[:, :, MEDIAN]
    losses = [scores.pinball(y, quantiles[:, :, i], LEVELS[i]) for i in DECILES]
    error = np.abs(y - point)
    double = np.abs(y) + np.abs(point)
    relative = np.divide(2 * error, double, out=np.zeros_like(error), where=double > 0)

    def mean(values: npt.NDArray) -> Floats:
        return (values * known).sum(axis=1) / known.sum(axis=1)

    def inside(low: int, high: int) -> Floats:
        return mean((quantiles[:, :, low] <= y) & (y <= quantiles[:, :, high]))

    return Scored(
        tuple(keys),
        mean(error) / scale,
        (2 * np.mean(losses, axis=0) * known).sum(axis=1),
        np.abs(y).sum(axis=1),
        100 * mean(relative),
        inside(LOW80, HIGH80),
        inside(LOW95, HIGH95),
    )


def joined(parts: Sequence[Scored]) -> Scored:
    """The rows of several origins together."""
    arrays = [np.concatenate(columns) for columns in zip(*(part[1:] for part in parts))]
    return Scored(tuple(key for part in parts for key in part.keys), *arrays)


def part(rows: Scored, chosen: Sequence[int] | npt.NDArray[np.int64]) -> Scored:
    """Some of the rows, in that order."""
    index = np.asarray(chosen, int)
    return Scored(tuple(rows.keys[i] for i in index), *(column[index] for column in rows[1:]))


def summary(rows: Scored) -> dict[str, float]:
    """The scores of all rows together."""
    return {
        "mase": float(rows.mase.mean()),
        "wql": float(rows.loss.sum() / rows.volume.sum()),
        "smape": float(rows.smape.mean()),
        "covered80": float(rows.inside80.mean()),
        "covered95": float(rows.inside95.mean()),
    }


def difference(one: Scored, other: Scored, draws: int = 1000, seed: int = 0) -> dict[str, tuple[float, float, float]]:
    """Difference of MASE and WQL, one − other in % of the other: estimate and 95 % interval.

    Paired bootstrap over series: all origins of a series are drawn together.
    """
    if one.keys != other.keys:
        raise ValueError("the two ways must have forecast the same series")
    names, which = np.unique(one.keys, return_inverse=True)
    drawn = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    weights = np.vstack([np.ones(len(names)), drawn])[:, which]

    def mase(rows: Scored) -> Floats:
        return (weights @ rows.mase) / weights.sum(axis=1)

    def wql(rows: Scored) -> Floats:
        return (weights @ rows.loss) / (weights @ rows.volume)

    found = {}
    for name, statistic in (("mase", mase), ("wql", wql)):
        relative = 100 * (statistic(one) / statistic(other) - 1)
        found[name] = (float(relative[0]), *map(float, np.quantile(relative[1:], [0.025, 0.975])))
    return found
