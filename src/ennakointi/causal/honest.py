"""How large a difference in trends would overturn an effect: bounds of Rambachan & Roth 2023.

Parallel trends are never seen after the start. Two restrictions say how far they may fail: the slope of the difference
in trends changes by at most m a period (`smoothness`), or its steps after the start are at most m times the largest
step before it (`relative_magnitude`). Rambachan & Roth 2023, Review of Economic Studies 90:2555–2591,
10.1093/restud/rdad018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ennakointi.causal import honest_relative, honest_smoothness
from ennakointi.causal.areas import Floats
from ennakointi.errors import DataError, ParameterError

RESTRICTIONS = ("smoothness", "relative_magnitude")
STEPS = 5  # of changes of slope, from 0 on
LARGEST_M = 1e6
PRECISION = 1e-3


@dataclass(frozen=True, eq=False)
class _Study:
    betahat: Floats
    sigma: Floats
    n_pre: int
    weight: Floats
    seed: int


def sensitivity(
    betahat: Any,
    sigma: Any,
    n_pre: int,
    n_post: int,
    *,
    l: str | Sequence[float] | Floats | None = None,  # noqa: E741 - the paper's symbol
    m_bars: Sequence[float] = (0.5, 1.0, 1.5, 2.0),
    ms: Sequence[float] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """95 % intervals of an effect under ever weaker parallel trends.

    Parameters
    ----------
    betahat : (n_pre + n_post,) event-study coefficients in order of time, without the reference period, which is the
        last one before the start.
    sigma : (n_pre + n_post, n_pre + n_post) their covariance.
    l : weights over the periods after the start: None is the first of them, `average` all alike, or (n_post,).
    m_bars : ratios for the relative-magnitude restriction.
    ms : changes of slope a period for the smoothness restriction, in the outcome's units; by default none and
        four steps of about half the largest change of slope between the coefficients before the start, rounded to 1, 2
        or 5 in its first digit.
    seed : of the least-favourable critical values.

    Returns
    -------
    DataFrame
        restriction (`smoothness`, `relative_magnitude`), m, lo95, hi95.

    Raises
    ------
    ParameterError
        No period before the reference or after it, or lengths that do not match.
    DataError
        Coefficients that are not known, or a covariance that is not positive definite.
    """
    study = _study(betahat, sigma, n_pre, n_post, l, seed)
    sizes = np.arange(STEPS) * _round(_largest_bend(study) / 2) if ms is None else ms
    if not np.all(np.concatenate([np.asarray(sizes, float), np.asarray(m_bars, float)]) >= 0):
        raise ParameterError("a size of the failure of parallel trends is negative or no number: give 0 or more")
    rows = []
    for restriction, values in zip(RESTRICTIONS, (sizes, m_bars), strict=True):
        interval = _interval_at(study, restriction)
        rows += [(restriction, float(m), *interval(float(m))) for m in values]
    return pd.DataFrame(rows, columns=["restriction", "m", "lo95", "hi95"])


def breakdown(
    betahat: Any,
    sigma: Any,
    n_pre: int,
    n_post: int,
    *,
    restriction: str = "relative_magnitude",
    l: str | Sequence[float] | Floats | None = None,  # noqa: E741 - the paper's symbol
    seed: int = 0,
) -> float:
    """Largest m at which the 95 % interval excludes 0, to three digits; NaN when it holds 0 even at m = 0.

    Arguments as in `sensitivity`.
    """
    if restriction not in RESTRICTIONS:
        raise ParameterError(f"restriction {restriction!r}: give one of {', '.join(RESTRICTIONS)}")
    study = _study(betahat, sigma, n_pre, n_post, l, seed)
    interval = _interval_at(study, restriction)

    above = interval(0.0)[0] > 0

    def left(m: float) -> float:
        """How far the interval stays from 0; below 0 when it holds 0."""
        low, high = interval(m)
        return low if above else -high

    if left(0.0) <= 0:
        return float("nan")
    low, high = 0.0, _largest_bend(study) if restriction == "smoothness" else 1.0
    largest = high * LARGEST_M
    while left(high) > 0:
        low, high = high, 2 * high
        if high > largest:
            return float("inf")
    return float(brentq(left, low, high, xtol=PRECISION * high, rtol=PRECISION))


def _interval_at(study: _Study, restriction: str) -> Callable[[float], tuple[float, float]]:
    at = (study.betahat, study.sigma, study.n_pre, study.weight)
    if restriction == "smoothness":
        return lambda m: honest_smoothness.fixed_length_interval(*at, m)
    size = (len(study.betahat), honest_relative.DRAWS)
    draws = np.random.default_rng(study.seed).standard_normal(size)
    return lambda m: honest_relative.relative_interval(*at, m, draws)


def _largest_bend(study: _Study) -> float:
    """Largest change of slope before the start; the error of the first coefficient when there is none."""
    bends = np.abs(np.diff([*study.betahat[: study.n_pre], 0.0], n=2))
    return float(bends.max(initial=0.0) or np.sqrt(study.sigma[0, 0]))


def _round(size: float) -> float:
    """The nearest of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(size))
    return float(min((1 * power, 2 * power, 5 * power, 10 * power), key=lambda one: abs(np.log(one / size))))


def _study(betahat: Any, sigma: Any, n_pre: int, n_post: int, l: Any, seed: int) -> _Study:  # noqa: E741
    values, covariance = np.asarray(betahat, float), np.asarray(sigma, float)
    if n_pre < 1 or n_post < 1:
        raise ParameterError(
            f"{n_pre} periods before the reference period and {n_post} after it: give one or more each"
        )
    length = n_pre + n_post
    if values.shape != (length,) or covariance.shape != (length, length):
        raise ParameterError(f"coefficients {values.shape} and covariance {covariance.shape}: give {length} of each")
    if not np.isfinite(values).all() or not np.isfinite(covariance).all():
        raise DataError("the event study has unknown coefficients: leave those periods out")
    scale = np.sqrt(np.maximum(np.diag(covariance), 0))
    if (scale == 0).any() or np.linalg.eigvalsh(covariance / np.outer(scale, scale)).min() < 1e-10:
        raise DataError("the covariance of the event study is singular: fewer periods or more clusters are needed")
    return _Study(values, (covariance + covariance.T) / 2, n_pre, _weights(l, n_post), seed)


def _weights(l: Any, n_post: int) -> Floats:  # noqa: E741
    if l is None:
        return np.eye(n_post)[0]
    if isinstance(l, str) and l == "average":
        return np.full(n_post, 1 / n_post)
    weight = np.asarray(l, float) if not isinstance(l, str) else np.zeros(0)
    if weight.shape != (n_post,) or not np.isfinite(weight).all() or not weight.any():
        raise ParameterError(
            f"weights of the effect: give {n_post} numbers, `average`, or nothing for the first period"
        )
    return weight
