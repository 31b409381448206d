"""How much wider cumulated intervals must be: backtests of cumulated sums, pooled over series, per
horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi import sample_paths
from ennakointi.debt import paths
from ennakointi.debt.expected import Floats, Months
from ennakointi.sample_paths import PooledFactors


@dataclass(frozen=True)
class UndisturbedSeries:
    """One series before the disruption: `observed` and `expected` (n,) of consecutive `months` (n,)."""

    observed: Floats
    expected: Floats
    months: Months


@dataclass(frozen=True)
class Calibration(PooledFactors):
    """Factors on the half-width of a cumulated interval, at least 1, by months since the window began.

    `borrowed`: learned from another group, all residents.
    """

    borrowed: bool = False

    @property
    def reached_months(self) -> int:
        """Longest horizon, in months of the window, that has a factor."""
        return int(np.isfinite(self.factor80).sum())


def calibrate(
    series: Sequence[UndisturbedSeries],
    horizon: int,
    skip: int,
    *,
    train_months: int = 36,
    minimum_train: int = 24,
    step: int = 6,
    n_paths: int = 200,
    seed: int = 0,
) -> Calibration:
    """Pooled scale of cumulated forecast errors over series and placebo origins (`sample_paths.pooled_factors`).

    From every `step`-th month with at least `minimum_train` months behind it, the last `train_months` are
    modelled as the baseline is, `skip` months pass, and the sum to each later month is compared with what
    came. Calibration widens only.

    Measured (`benchmarks/debt_coverage.py`), nominal 80 %, 22-month sums: 384 simulated null series / 793
    series of Scottish emergency departments before the pandemic. Calibrated paths cover 82 % / 81 % with a
    median half-width of 9 % / 11 % of the sum (95 %: 96 % / 94 %); uncalibrated paths 81 % / 73 %; the sum of
    monthly bounds 96 % / 84 % (half-width 12 % / 13 %); independent months 35 % / 29 %.

    Parameters
    ----------
    horizon : months to cumulate. skip : months between baseline and window.
    """
    ratios = [
        _placebo_ratios(s, origin, horizon, skip, train_months, n_paths, seed + 1000 * i + origin)
        for i, s in enumerate(series)
        for origin in range(minimum_train, len(s.months) - skip, step)
        if _has_level(s, slice(max(origin - train_months, 0), origin))
    ]
    pooled = sample_paths.pooled_factors(ratios, horizon)
    return Calibration(pooled.factor80, pooled.factor95, pooled.placebos)


def _has_level(series: UndisturbedSeries, past: slice) -> bool:
    """Whether the months hold a contact and, every one of them, somebody who could have had one."""
    return bool(series.observed[past].sum() > 0 and (series.expected[past] > 0).all())


def _placebo_ratios(
    series: UndisturbedSeries, origin: int, horizon: int, skip: int, train: int, n_paths: int, seed: int
) -> Floats:
    """|cumulated error| / sd of the cumulated paths after `origin`, shape (horizon,), NaN where history
    ends."""
    past = slice(max(origin - train, 0), origin)
    last = min(origin + skip + horizon, len(series.months))
    simulated = paths.simulate(
        series.observed[past],
        series.expected[past],
        series.months[past],
        series.expected[origin:last],
        n_paths,
        seed,
    )
    deviations = paths.cumulated_deviations(simulated, skip)
    return sample_paths.cumulated_ratios(
        series.observed[origin + skip : last], simulated.point[skip:], deviations, horizon
    )
