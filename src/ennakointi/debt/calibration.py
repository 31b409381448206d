"""How wide cumulated intervals must be: backtests of cumulated sums, pooled over series, per horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ennakointi import sample_paths
from ennakointi.debt import paths
from ennakointi.debt.expected import Floats, Months
from ennakointi.debt.paths import Paths, Trend
from ennakointi.sample_paths import SMOOTHING_PERIODS, PooledFactors

# Slopes of log (|error| / spread) on log spread, log (variation / spread) and log volume: prior mean and standard
# deviation. Free regressions: −.40, .24, −.22 on M3 series; −.24, .20, −.09 on Scottish emergency departments.
SLOPES, SLOPE_SDS = np.array([-0.3, 0.2, 0.0]), np.array([0.25, 0.25, 0.1])
LOG_ERROR_VARIANCE = np.pi**2 / 8  # of log |normal|
LEAST_RATIO, LEAST_SHARE = 0.05, 1e-4  # below them a logarithm says nothing
NARROWING_SERIES = 10  # a pool of so many series is believed by half when it says that intervals are too wide


@dataclass(frozen=True)
class UndisturbedSeries:
    """One series before the disruption: `observed` and `expected` (n,) of consecutive `months` (n,)."""

    observed: Floats
    expected: Floats
    months: Months


@dataclass(frozen=True)
class Calibration(PooledFactors):
    """Factors on the half-width of a cumulated interval by months since the window began, all (h,).

    `factor80`, `factor95` are those of a typical series of the pool; a series' own (`of`) are these times exp(constant
    + of_spread · log spread + of_variation · log (variation / spread) + of_volume · log volume), times 1 where these
    are None. `borrowed`: learned from another group, all residents.
    """

    borrowed: bool = False
    constant: Floats | None = None
    of_spread: Floats | None = None
    of_variation: Floats | None = None
    of_volume: Floats | None = None

    @property
    def reached_months(self) -> int:
        """Longest horizon, in months of the window, that has a factor."""
        return int(np.isfinite(self.factor80).sum())

    def of(self, simulated: Paths, skip: int) -> Calibration:
        """The factors of one series, for the months that both its paths and the calibration have."""
        slopes = (self.of_spread, self.of_variation, self.of_volume)
        if self.constant is None or any(slope is None for slope in slopes):
            return self
        marks = _marks(simulated, skip)
        k = min(marks.shape[1], len(self.constant))
        own = np.exp(self.constant[:k] + (np.array(slopes)[:, :k] * marks[:, :k]).sum(axis=0))
        return Calibration(self.factor80[:k] * own, self.factor95[:k] * own, self.placebos[:k], self.borrowed)


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
    trend: Trend = "damped",
) -> Calibration:
    """Pooled scale of cumulated forecast errors over series and placebo origins (`sample_paths.pooled_factors`).

    From every `step`-th month with at least `minimum_train` months behind it, the last `train_months` are
    modelled as the baseline is, `skip` months pass, and the sum to each later month is compared with what
    came. Three years cannot tell how far a level may move: a steady series misses by more, and an unsteady one by
    less, than its paths say. So the factor depends on the spread of the paths, on how much the baseline varied and on
    volume, by a ridge regression of log (|error| / spread) over the pool (locally weighted conformal intervals: Lei et
    al. 2018, 10.1080/01621459.2017.1307116, section 5.2). Narrowing is shrunk towards 1 in small pools.

    Measured (`benchmarks/debt.py null`; in brackets 95 % bootstrap intervals over series): sums of 24 months two months
    after 36 months of baseline, calibrated on other series. 2,260 sums of 428 M3 series / 434 of 90 Scottish emergency
    departments / 1,200 of 200 simulated services: nominal 80 % covers 79 (77–82) / 78 (73–82) / 81 (79–84) %, 95 %
    covers 95 (94–96) / 95 (92–97) / 95 (94–97) %. Median half-width of the 80 % interval, series over 500 a month:
    11.8 / 7.5 / 5.5 % of the sum. The third with the narrowest paths is covered 77 / 72 / 78 %, the widest third
    78 / 80 / 85 %; with one factor for every series 59 / 66 / 69 and 93 / 92 / 95 %, half-width 14.1 / 7.9 / 5.4 %.
    Uncalibrated paths cover 55 / 73 / 85 %. Sums of 25 departments, calibrated on departments: 84 (79–90) and 97 %,
    half-width 5.2 %.

    Parameters
    ----------
    horizon : months to cumulate. skip : months between baseline and window.
    """
    origins = [_origins(one, skip, train_months, minimum_train, step) for one in series]
    found = [
        _placebo(one, origin, horizon, skip, train_months, n_paths, seed + 1000 * i + origin, trend)
        for i, one in enumerate(series)
        for origin in origins[i]
    ]
    owner = np.repeat(np.arange(len(series)), [len(one) for one in origins])
    table = np.array(found).reshape(-1, 1 + len(SLOPES), horizon)
    slopes, centre = _slopes(table, owner)
    ratios = table[:, 0] * np.exp(-(slopes * (table[:, 1:] - centre)).sum(axis=1))
    pooled = sample_paths.pooled_factors(list(ratios), horizon, least=0.0)
    belief = _belief(ratios, owner)
    return Calibration(
        np.where(pooled.factor80 < 1, pooled.factor80**belief, pooled.factor80),
        np.where(pooled.factor95 < 1, pooled.factor95**belief, pooled.factor95),
        pooled.placebos,
        constant=-(slopes * centre).sum(axis=0),
        of_spread=slopes[0],
        of_variation=slopes[1],
        of_volume=slopes[2],
    )


def _origins(series: UndisturbedSeries, skip: int, train: int, least: int, step: int) -> list[int]:
    """Placebo origins whose training months hold a contact and, every one, somebody who could have had one."""

    def has_level(past: slice) -> bool:
        return bool(series.observed[past].sum() > 0 and (series.expected[past] > 0).all())

    every = range(least, len(series.months) - skip, step)
    return [origin for origin in every if has_level(slice(max(origin - train, 0), origin))]


def _placebo(
    series: UndisturbedSeries, origin: int, horizon: int, skip: int, train: int, n_paths: int, seed: int, trend: Trend
) -> Floats:
    """|cumulated error| / sd of the cumulated paths after `origin`, and `_marks`; (1 + 3, horizon), NaN where history
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
        trend,
    )
    deviations = paths.cumulated_deviations(simulated, skip)
    found = np.full((1 + len(SLOPES), horizon), np.nan)
    found[0] = sample_paths.cumulated_ratios(
        series.observed[origin + skip : last], simulated.point[skip:], deviations, horizon
    )
    found[1:, : last - origin - skip] = _marks(simulated, skip)
    return found


def _marks(simulated: Paths, skip: int) -> Floats:
    """What tells how far a sum may miss, shape (3, h): logs of the cumulated paths' sd over their mean, of the
    baseline's variation over that, and of the mean monthly contacts."""
    point = np.maximum(np.cumsum(simulated.point[skip:]), 1e-9)
    spread = np.maximum(paths.cumulated_deviations(simulated, skip).std(axis=0) / point, LEAST_SHARE)
    variation = max(simulated.variation, LEAST_SHARE) / spread
    return np.log([spread, variation, point / np.arange(1, len(point) + 1)])


def _slopes(table: Floats, owner: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Ridge slopes about `SLOPES` and the marks' means by horizon, (3, horizon) each.

    Neighbouring horizons share a regression; the placebos of one series count as one, for they overlap.
    """
    horizon = table.shape[2]
    slopes, centre = np.tile(SLOPES[:, None], (1, horizon)), np.zeros((len(SLOPES), horizon))
    prior = np.diag(LOG_ERROR_VARIANCE / SLOPE_SDS**2)
    for h in range(horizon):
        near = slice(max(h - SMOOTHING_PERIODS, 0), h + SMOOTHING_PERIODS + 1)
        rows, columns = np.nonzero(np.isfinite(table[:, 0, near]))
        if len(rows) == 0:
            continue
        log_ratio = np.log(np.maximum(table[:, 0, near][rows, columns], LEAST_RATIO))
        marks = table[:, 1:, near][rows, :, columns]
        centre[:, h] = marks.mean(axis=0)
        x, y = marks - centre[:, h], log_ratio - log_ratio.mean()
        weight = len(np.unique(owner[rows])) / len(rows)
        slopes[:, h] = np.linalg.solve(weight * x.T @ x + prior, weight * x.T @ y + prior @ SLOPES)
    return slopes, centre


def _belief(ratios: Floats, owner: npt.NDArray[np.int64]) -> Floats:
    """Weight (horizon,) of the pool against no narrowing: series n / (n + `NARROWING_SERIES`)."""
    known = np.isfinite(ratios)
    series = np.array([len(np.unique(owner[of_month])) for of_month in known.T], float)
    return series / (series + NARROWING_SERIES)
