"""Small hierarchies with forecasts and windows of known error: for tests of what adds up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from ennakointi.forecast.hierarchy import Hierarchy
from ennakointi.forecast.series import ENSEMBLE, LEVELS, EngineForecast, Windows

Z = norm.ppf(LEVELS)


def tree(members: Sequence[int]) -> Hierarchy:
    """One service for each number of municipalities in `members`; 36 months of nothing in particular."""
    n = sum(members)
    services = [f"s{i}" for i in range(len(members))]
    bottom = [(s, f"{i:03d}") for s, k in zip(services, members) for i in range(k)]
    summing = np.vstack([np.ones(n), np.repeat(np.eye(len(members)), members, axis=1), np.eye(n)])
    values = np.ones((len(summing), 36))
    nodes = (("all", "all"), *((s, "all") for s in services), *bottom)
    return Hierarchy(nodes, np.arange(36), values, values, values, summing, np.ones(len(summing)))


def spread(mean: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Normal quantiles (…, 13) cut at zero; `sd` is broadcast to the mean."""
    return np.maximum(mean[..., None] + np.broadcast_to(sd, mean.shape)[..., None] * Z, 0.0)


def made(
    mean: np.ndarray, sd: np.ndarray, observed: np.ndarray | None = None, back: np.ndarray | None = None
) -> EngineForecast:
    """Forecasts (N, H) with standard deviations (N,), and windows `back` (N, W, H) of what was `observed`."""
    windows = None
    if observed is not None and back is not None:
        quantiles = spread(back, sd[:, None, None])
        windows = Windows(np.arange(observed.shape[1]) + 1, observed, quantiles, back, np.maximum(sd, 1e-3))
    keys = tuple(f"k{i}" for i in range(len(mean)))
    return EngineForecast(keys, spread(mean, sd[:, None]), mean, (ENSEMBLE,) * len(mean), windows)


def drawn(
    members: Sequence[int], seed: int, horizon: int = 12, windows: int = 2, level: float = 100.0
) -> tuple[EngineForecast, Hierarchy, np.ndarray]:
    """Forecasts with correlated errors and right standard deviations, and the outcome (N, H) that they are for."""
    rng = np.random.default_rng(seed)
    found = tree(members)
    n_upper = len(found.nodes) - sum(members)
    size = level * np.exp(rng.normal(0, 0.8, sum(members)))
    truth = found.summing @ np.repeat(size[:, None], horizon, axis=1)
    shape = (sum(members), windows + 1, horizon)
    shared = rng.normal(size=(1, *shape[1:]))
    shock = size[:, None, None] * 0.12 * (np.sqrt(0.3) * shared + np.sqrt(0.7) * rng.normal(size=shape))
    outcome = np.maximum(truth[:, None] + np.einsum("nb,bwh->nwh", found.summing, shock), 0.0)
    total = truth[:, 0]
    own = np.where(np.arange(len(total)) < n_upper, 0.06, 0.10) * total  # the model's error, each node's own
    base = np.maximum(truth[:, None] + own[:, None, None] * rng.normal(size=outcome.shape), 0.0)
    moved = np.einsum("nb,b->n", found.summing, 0.12 * size * np.sqrt(0.3)) ** 2
    alone = np.einsum("nb,b->n", found.summing, (0.12 * size) ** 2 * 0.7)
    sd = np.sqrt(moved + alone + own**2)
    return made(base[:, -1], sd, outcome[:, :-1], base[:, :-1]), found, outcome[:, -1]


def tighter(quantiles: np.ndarray, factor: float) -> np.ndarray:
    """Quantiles (…, 13) with their distance from the median multiplied."""
    middle = quantiles[..., 6:7]
    return middle + factor * (quantiles - middle)
