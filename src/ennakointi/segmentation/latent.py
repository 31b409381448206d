"""Latent classes: classes of persons whose answers are independent of each other inside the class.

The model is fitted by StepMix (Morin et al. 2025, doi 10.18637/jss.v113.i08) on unique answer patterns with weights,
which gives the likelihood of the rows it stands for. What is saved are shares and answer probabilities as JSON; the
class of a person in a later quarter follows from them alone.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ennakointi.errors import DataError
from ennakointi.parameters.latent_documents import MISSING
from ennakointi.segmentation.patterns import Patterns

with warnings.catch_warnings():
    # StepMix 3.0.0: invalid escape sequences in docstrings, and nothing of ours
    warnings.filterwarnings("ignore", category=SyntaxWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning, message="invalid escape sequence")
    from stepmix.stepmix import StepMix

Floats = NDArray[np.float64]
_LEAST = 1e-15  # probabilities are kept above it, as in StepMix
_TRY, _CARRIED = 60, 2  # iterations of a start; starts, the best so far, that are carried on until they converge
_MOST = 600
_TOLERANCE = 1e-6  # of the log-likelihood per person


@dataclass(frozen=True, eq=False)
class LatentModel:
    """K classes of J items.

    Attributes
    ----------
    items, sizes : as in `Patterns`.
    shares : (K,) of persons. profiles : (K, sum of sizes) probability of each category, item after item.
    log_likelihood : mean per person. persons : number the model was fitted to.
    start : seed of the start that was best. converged : whether the fit came to rest.
    """

    items: tuple[str, ...]
    sizes: tuple[int, ...]
    shares: Floats
    profiles: Floats
    log_likelihood: float
    persons: float
    start: int
    converged: bool

    @property
    def n_classes(self) -> int:
        return len(self.shares)

    @property
    def n_parameters(self) -> int:
        """Free parameters: shares less one, and categories less one of each item and class."""
        return self.n_classes - 1 + self.n_classes * (sum(self.sizes) - len(self.sizes))

    @property
    def bic(self) -> float:
        """Bayesian information criterion per person (Schwarz 1978): less is better."""
        return -2 * self.log_likelihood + self.n_parameters * math.log(max(self.persons, 1)) / max(self.persons, 1)

    def profile(self, item: str) -> Floats:
        """(K, categories) of one item."""
        at = self.items.index(item)
        first = sum(self.sizes[:at])
        return self.profiles[:, first : first + self.sizes[at]]

    def ordered(self, order: Sequence[int]) -> LatentModel:
        """The same model with its classes in another order."""
        return replace(self, shares=self.shares[list(order)], profiles=self.profiles[list(order)])


def fit(found: Patterns, n_classes: int, seed: int, starts: int) -> LatentModel:
    """The likeliest model of `starts` random starts, carried on until it comes to rest.

    Deterministic under the seed and under the order of persons, since patterns are sorted.

    Raises
    ------
    DataError
        There are fewer patterns than classes.
    """
    if n_classes > len(found.weight):
        raise DataError(f"{n_classes} latent classes cannot be told apart by {len(found.weight)} answer patterns")
    seeds = [int(s) for s in np.random.SeedSequence([seed, n_classes]).generate_state(starts)]
    if n_classes == 1 or starts == 1:
        return fit_from(found, n_classes, seeds[0])
    reached = {start: _run(found, n_classes, start, _TRY).lower_bound_ for start in seeds}
    best = sorted(seeds, key=lambda start: -reached[start])[:_CARRIED]
    return max((fit_from(found, n_classes, start) for start in best), key=lambda model: model.log_likelihood)


def fit_from(found: Patterns, n_classes: int, start: int) -> LatentModel:
    """The model that one random start comes to; classes from the largest."""
    made = _run(found, n_classes, start, _MOST)
    parameters = made.get_parameters()
    profiles = np.clip(np.asarray(parameters["measurement"]["items"]["pis"], float), _LEAST, 1)
    model = LatentModel(
        found.items,
        found.sizes,
        np.asarray(parameters["weights"], float),
        profiles,
        float(made.lower_bound_),
        found.n,
        start,
        bool(made.converged_),
    )
    return model.ordered(np.argsort(-model.shares, kind="stable").tolist())


def _run(found: Patterns, n_classes: int, start: int, iterations: int) -> StepMix:
    """One start of StepMix."""
    kind = "categorical_nan" if found.has_missing else "categorical"
    described = {
        "items": {
            "model": kind,
            "n_columns": sum(found.sizes),
            "integer_codes": False,  # categories come as columns of 0 and 1, made once instead of in every step
            "max_n_outcomes": max(found.sizes),
            "total_outcomes": sum(found.sizes),
        }
    }
    settings = {"max_iter": iterations, "abs_tol": _TOLERANCE, "random_state": start}
    return run_stepmix(found.one_hot(), found.weight, n_components=n_classes, measurement=described, **settings)


def run_stepmix(x: Floats, weight: Floats, **settings: Any) -> StepMix:
    """A fitted StepMix; that a fit has not come to rest is told by its `converged_`, not by a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializations did not converge")
        return StepMix(progress_bar=0, **settings).fit(x, sample_weight=weight)


def log_joint(model: LatentModel, found: Patterns) -> Floats:
    """Log probability of each pattern together with each class, (m, K); items that the model lacks say nothing, and
    an item that is not known neither."""
    total = np.tile(np.log(np.maximum(model.shares, _LEAST)), (len(found.answers), 1))
    for j, item in enumerate(found.items):
        if item not in model.items:
            continue
        table = np.log(np.maximum(model.profile(item), _LEAST)).T  # (categories, K)
        answer = found.answers[:, j]
        known = answer != MISSING
        total[known] += table[answer[known]]
    return total


def log_likelihood(model: LatentModel, found: Patterns) -> float:
    """Mean log-likelihood per person of the patterns."""
    return float(np.average(logsumexp(log_joint(model, found), axis=1), weights=found.weight))


def posterior(model: LatentModel, found: Patterns) -> Floats:
    """Probability of each class for each pattern, (m, K)."""
    joint = log_joint(model, found)
    return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))


def as_document(model: LatentModel) -> dict[str, Any]:
    """The model as JSON's own types."""
    return {
        "items": dict(zip(model.items, model.sizes, strict=True)),
        "shares": model.shares.tolist(),
        "profiles": model.profiles.tolist(),
        "log_likelihood": model.log_likelihood,
        "persons": model.persons,
        "start": model.start,
        "converged": model.converged,
    }


def from_document(document: Mapping[str, Any]) -> LatentModel:
    """The model of `as_document`.

    Raises
    ------
    DataError
        The document is not that of a model of latent classes.
    """
    try:
        items, sizes = tuple(document["items"]), tuple(map(int, document["items"].values()))
        shares, profiles = np.array(document["shares"], float), np.array(document["profiles"], float)
        rest = (float(document["log_likelihood"]), float(document["persons"]))
        model = LatentModel(items, sizes, shares, profiles, *rest, int(document["start"]), bool(document["converged"]))
        if profiles.shape != (len(shares), sum(sizes)):
            raise ValueError("shares and profiles do not fit each other")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"the saved model of latent classes cannot be read ({error}): remove it to fit it anew"
        ) from error
    return model
