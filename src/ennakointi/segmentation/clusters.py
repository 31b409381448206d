"""k-means and mixtures of normal distributions beside the latent classes, on the same patterns with weights.

Neither fits answers that are categories; they show whether the number of classes depends on the method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from sklearn.cluster import KMeans

from ennakointi.parameters.latent_documents import MISSING
from ennakointi.segmentation.class_choice import Candidate, halves
from ennakointi.segmentation.latent import run_stepmix
from ennakointi.segmentation.patterns import Patterns

Floats = NDArray[np.float64]
METHODS = ("kmeans", "mixture")
_STARTS = 3  # of k-means
_ITERATIONS, _TOLERANCE = 60, 1e-4  # of a mixture


@dataclass(frozen=True, eq=False)
class Clusters:
    """Round clusters of one variance: shares (K,), centres (K, J), variance. `hard`: each pattern lies in one cluster,
    so that the likelihood is of the nearest; otherwise it is of the mixture."""

    shares: Floats
    centres: Floats
    variance: float
    hard: bool
    n_parameters: int
    converged: bool = True

    def log_joint(self, x: Floats) -> Floats:
        """(m, K) log density of patterns together with each cluster."""
        distance = ((x[:, None] - self.centres[None]) ** 2).sum(axis=2)
        density = -x.shape[1] / 2 * math.log(2 * math.pi * self.variance) - distance / (2 * self.variance)
        return np.asarray(np.log(np.maximum(self.shares, 1e-12)) + density)

    def log_likelihood(self, x: Floats, weight: Floats) -> float:
        """Mean per person."""
        joint = self.log_joint(x)
        each = joint[np.arange(len(x)), self.classes(x)] if self.hard else logsumexp(joint, axis=1)
        return float(np.average(each, weights=weight))

    def classes(self, x: Floats) -> NDArray[np.int64]:
        """(m,) cluster of each pattern: the nearest, or the likeliest."""
        joint = self.log_joint(x)
        return (joint - np.log(np.maximum(self.shares, 1e-12)) if self.hard else joint).argmax(axis=1)


def scaled(found: Patterns) -> Floats:
    """(m, J) answers with mean 0 and variance 1 over persons; an unknown answer is the mean."""
    known = found.answers != MISSING
    values, weight = np.where(known, found.answers, 0).astype(float), found.weight[:, None] * known
    total = np.maximum(weight.sum(axis=0), 1)
    mean = (values * weight).sum(axis=0) / total
    spread = np.sqrt(((values - mean) ** 2 * weight).sum(axis=0) / total)
    return np.asarray(np.where(known, (values - mean) / np.where(spread > 0, spread, 1), 0))


def kmeans(x: Floats, weight: Floats, n_classes: int, seed: int) -> Clusters:
    """k-means of the patterns, read as round normal distributions of one variance (Pelleg & Moore 2000), so that it
    has a likelihood."""
    made = KMeans(n_classes, n_init=_STARTS, random_state=seed).fit(x, sample_weight=weight)
    shares = np.bincount(made.labels_, weight, minlength=n_classes) / weight.sum()
    variance = max(float(made.inertia_) / (weight.sum() * x.shape[1]), 1e-6)
    return Clusters(shares, made.cluster_centers_, variance, True, n_classes * (x.shape[1] + 1))


def mixture(x: Floats, weight: Floats, n_classes: int, seed: int) -> Clusters:
    """A mixture of normal distributions of variance 1.

    A variance of its own would shrink to nothing on answers that many persons share, and StepMix 3.0.0's
    `gaussian_tied` forgets the weights in its sum of squares.
    """
    settings = {"max_iter": _ITERATIONS, "abs_tol": _TOLERANCE, "random_state": seed}
    model = run_stepmix(x, weight, n_components=n_classes, measurement="gaussian_unit", **settings)
    made = model.get_parameters()
    parameters = n_classes - 1 + n_classes * x.shape[1]
    means = np.asarray(made["measurement"]["means"], float)
    return Clusters(np.asarray(made["weights"], float), means, 1.0, False, parameters, bool(model.converged_))


def tried(found: Patterns, method: str, most: int, seed: int) -> list[Candidate]:
    """Each number of clusters from 1 to `most`, by the method `kmeans` or `mixture`."""
    x, fit, n = scaled(found), {"kmeans": kmeans, "mixture": mixture}[method], found.n
    learn, look = halves(found.weight, seed)
    candidates = []
    for k in range(1, min(most, int((learn > 0).sum())) + 1):
        made = fit(x, found.weight, k, seed)
        half = fit(x, learn, k, seed)
        bic = -2 * made.log_likelihood(x, found.weight) + made.n_parameters * math.log(n) / n
        smallest = float(np.bincount(made.classes(x), found.weight, minlength=k).min())
        candidates.append(Candidate(k, bic, half.log_likelihood(x, look), smallest, n, made.converged))
    return candidates
