"""Whole paths of forecast series, for anything cumulated or thresholded: a year's sum, a month above a capacity.

S is the number of series, p of paths, H of periods ahead.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed

from ennakointi import sample_paths
from ennakointi.forecast import gaps, seasonality
from ennakointi.forecast.series import LEVEL, LEVELS, REFUSED, ZERO, EngineForecast, Floats, SeriesSet, Windows

PLACEBO_PATHS = 200  # of a backtest: enough for the standard deviation of a sum
KNOWN_SHARE = 0.75  # of a backtest's periods up to a horizon; with fewer known its sum is not compared
_SHARED = np.sqrt(0.5)  # weight of the error that all periods of a path share, where no dependence can be learned
_CHUNK = 16  # series that one task simulates


@dataclass(frozen=True, eq=False)
class SamplePaths:
    """Whole paths of H periods ahead of each series' end.

    Attributes
    ----------
    keys : names of the series.
    paths : (S, p, H) counts ≥ 0, NaN for a refused series. Widened by `factor80` already. Series are drawn apart from
        each other: a total of several is a series of its own, never the sum of their paths.
    mean : (S, H) of the paths, that of the forecast.
    factor80, factor95 : (H,) how much wider than simulated the central 80 % and 95 % intervals of sums from the first
        period on had to be; at least 1, NaN beyond `reached`.
    methods : by series, as in the forecast.
    """

    keys: tuple[str, ...]
    paths: Floats
    mean: Floats
    factor80: Floats
    factor95: Floats
    methods: tuple[str, ...]

    @property
    def reached(self) -> int:
        """Longest sum, in periods, that backtests stand behind; beyond it the last factor is used."""
        return int(np.isfinite(self.factor80).sum())

    def cumulated(self, i: int) -> Floats:
        """Sums from the first period on of series i, shape (p, H)."""
        return np.asarray(np.cumsum(self.paths[i], axis=1))

    def sums(self, i: int, first: int, last: int) -> Floats:
        """Sum of the periods `first` … `last`, both included and counted from 0, by path, shape (p,)."""
        if not 0 <= first <= last < self.paths.shape[2]:
            raise ValueError(f"periods {first}–{last} of a sum: the paths have periods 0–{self.paths.shape[2] - 1}")
        return np.asarray(self.paths[i, :, first : last + 1].sum(axis=1))

    def quantiles_of_sum(self, i: int, first: int, last: int, levels: Sequence[float]) -> Floats:
        """Quantiles of the sum of periods `first` … `last` (from 0, both included), ordered, shape (len(levels),).

        Up to the 80 % interval these are quantiles of the paths; the distance from the mean grows to
        `factor95` / `factor80` at the ends of the 95 % interval and is kept beyond.
        """
        total = self.sums(i, first, last)
        if np.isnan(total).any():
            return np.full(len(levels), np.nan)
        centre = total.mean()
        tail = float((_held(self.factor95) / _held(self.factor80))[last])
        outer = [0.0, 0.025, 0.1, 0.9, 0.975, 1.0]
        stretch = np.interp(levels, outer, [tail, tail, 1.0, 1.0, tail, tail])
        return np.sort(np.maximum(centre + (np.quantile(total, levels) - centre) * stretch, 0.0))

    def probability_above(self, i: int, threshold: float, first: int, last: int) -> float:
        """Probability that the sum of periods `first` … `last` of series i exceeds a threshold; NaN when refused."""
        total = self.sums(i, first, last)
        return float((total > threshold).mean()) if np.isfinite(total).all() else np.nan

    def probability_by_period(self, i: int, thresholds: float | Floats) -> Floats:
        """Probability of each period of series i to exceed its threshold, shape (H,); NaN when refused."""
        share = (self.paths[i] > thresholds).mean(axis=0)
        return np.asarray(np.where(np.isfinite(self.paths[i]).all(axis=0), share, np.nan))

    def probability_of_any(self, i: int, thresholds: float | Floats) -> float:
        """Probability that at least one period of series i exceeds its threshold; NaN when refused."""
        whole = bool(np.isfinite(self.paths[i]).all())
        return float((self.paths[i] > thresholds).any(axis=1).mean()) if whole else np.nan


def paths(series: SeriesSet, made: EngineForecast, n_paths: int, seed: int, jobs: int | None = None) -> SamplePaths:
    """Whole paths about a forecast, whose sums are calibrated on sums of the past.

    Every period keeps the distribution that the forecast gives it (`made.quantiles`). How periods hang together comes
    from paths simulated by a dynamic optimised Theta model of the deseasonalised series, with the errors of its level
    and drift (`sample_paths.theta_paths`, `with_marginals`). The same is done at the origins of the forecast's
    rolling backtests; |cumulated error| over the paths' deviation, pooled over series by horizon, says how much wider
    sums must be (`sample_paths.pooled_factors`; never narrower), and the paths are stretched about their mean by it.
    The mean of the paths is the mean of the forecast. Series with a level get counts about it (negative-binomial,
    `sample_paths.count_paths`), series of zeros zeros, refused series NaN.

    Measured (`benchmarks/sums.py full`) on 24-month sums, 200 simulated services / 428 M3 series / 253 series of
    Scottish emergency departments from three origins: the 80 % interval covers 89 / 82 / 80 % with a median half-width
    of 8 / 10 / 11 % of the sum, the 95 % one 97 / 96 / 95 % with 13 / 17 / 20 % (12-month sums: 85 / 84 / 80 % and 97
    / 96 / 94 %). Quantiles of the months added up cover 96 / 89 / 90 % of a nominal 80 % and are 13 / 13 / 16 % wide,
    independent months 42 / 33 / 36 %, Theta's own paths 85 / 72 / 79 % (95 %: 96 / 88 / 88 %). The static Theta model
    covers the same with intervals 1 % wider on the simulated and 4 % on the Scottish series and 1 % narrower on M3;
    keeping Theta's own spread of the months instead of the forecast's makes them 7, 45 and 9 % wider.

    Parameters
    ----------
    series : the history that the forecast was made from.
    made : the forecast; without `windows` sums are as simulated and `reached` is 0.
    n_paths : at least 2; memory is 8 · S · n_paths · H bytes.
    seed : with a series' key it fixes the paths of the series, whatever others stand beside.
    jobs : series simulated at a time; None = as joblib's `parallel_config` says.

    Raises
    ------
    ValueError
        When the forecast is of other series, or under two paths are asked for.
    """
    if series.keys != made.keys or n_paths < 2:
        raise ValueError("paths: the series and the forecast need the same keys, and at least 2 paths are drawn")
    horizon = made.mean.shape[1]
    parts = [range(i, min(i + _CHUNK, len(series))) for i in range(0, len(series), _CHUNK)]
    drawn = Parallel(n_jobs=jobs)(delayed(_drawn)(series.only(part), made.only(part), n_paths, seed) for part in parts)
    ratios = [ratio for _, of_part in drawn for ratio in of_part]
    factors = sample_paths.pooled_factors(ratios, horizon)
    whole = np.concatenate([np.zeros((0, n_paths, horizon)), *(found for found, _ in drawn)])
    held = _held(factors.factor80)
    for i, method in enumerate(made.methods):
        if method not in (LEVEL, ZERO, REFUSED):
            point = made.mean[i]
            whole[i] = sample_paths.proportioned(point, sample_paths.scaled(whole[i], point, held))
    return SamplePaths(series.keys, whole, made.mean, factors.factor80, factors.factor95, made.methods)


def _held(factors: Floats) -> Floats:
    """Factors with the last known one held; 1 where none is known."""
    known = np.flatnonzero(np.isfinite(factors))
    return np.where(np.isfinite(factors), factors, factors[known[-1]] if len(known) else 1.0)


def _drawn(series: SeriesSet, made: EngineForecast, n_paths: int, seed: int) -> tuple[Floats, list[Floats]]:
    """Paths of some series about their means, shape (series, p, H), and the ratios of their backtests."""
    horizon = made.mean.shape[1]
    out = np.full((len(series), n_paths, horizon), np.nan)
    ratios: list[Floats] = []
    for i, method in enumerate(made.methods):
        own = seed ^ zlib.crc32(series.keys[i].encode())
        generator = np.random.default_rng([own, 0])
        if method == ZERO:
            out[i] = 0.0
        elif method == LEVEL:
            out[i] = _about_level(series.values[i], made.mean[i], n_paths, generator)
        elif method != REFUSED:
            found = _about_forecast(series.values[i], made.quantiles[i], series.seasons, n_paths, generator)
            out[i] = sample_paths.proportioned(made.mean[i], found)
            if made.windows is not None:
                ratios += _backtested(series.values[i], made.windows, i, series.seasons, own)
    return out, ratios


def _about_level(values: Floats, mean: Floats, n_paths: int, generator: np.random.Generator) -> Floats:
    """Counts about a constant level, shape (p, H): the dispersion is that of the known values, at least 1."""
    known = values[np.isfinite(values)]
    usual = float(known.mean())
    spread = float(known.var(ddof=1)) if len(known) > 1 else usual
    dispersion = max(spread / usual, 1.0) if usual > 0 else 1.0
    counts = sample_paths.count_paths(np.maximum(mean, 0.0), known, float(known.sum()), dispersion, n_paths, generator)
    return sample_paths.proportioned(np.maximum(mean, 0.0), counts)


def _about_forecast(
    values: Floats, quantiles: Floats, seasons: tuple[int, ...], n_paths: int, generator: np.random.Generator
) -> Floats:
    """Paths with the dependence of the series' own past and the forecast's quantiles (H, 13), shape (p, H)."""
    simulated = _dependence(values, len(quantiles), seasons, n_paths, generator)
    return sample_paths.with_marginals(simulated, quantiles, LEVELS)


def _dependence(
    values: Floats, horizon: int, seasons: tuple[int, ...], n_paths: int, generator: np.random.Generator
) -> Floats:
    """Paths of the deseasonalised series, of which only the ranks are used, shape (p, H).

    Where Theta cannot be fitted, half of the variance is an error shared by all periods of a path.
    """
    known = np.flatnonzero(np.isfinite(values))
    past = gaps.filled(values[known[0] : known[-1] + 1], seasons[0])
    index = past / seasonality.factors(past, seasons, 0, None, None)
    index = index / index.mean()
    late = len(values) - 1 - int(known[-1])
    if len(known) >= sample_paths.THETA_MINIMUM_PERIODS and np.ptp(index) > 1e-6:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Theta warns on near-constant series; what it gives is checked below
            found = sample_paths.theta_paths(index, late + horizon, n_paths, generator)[1][:, late:]
        if np.isfinite(found).all():
            return found
    return _SHARED * generator.normal(size=(n_paths, 1)) + _SHARED * generator.normal(size=(n_paths, horizon))


def _backtested(values: Floats, windows: Windows, i: int, seasons: tuple[int, ...], own: int) -> list[Floats]:
    """Ratios |cumulated error| / sd of the cumulated paths (H,) of one series, one array an origin that it has."""
    ratios = []
    for w, back in enumerate(windows.back):
        past, quantiles = values[: len(values) - back], windows.quantiles[i, w]
        if np.isfinite(past).sum() < sample_paths.THETA_MINIMUM_PERIODS or not past[np.isfinite(past)].any():
            continue
        if np.isfinite(quantiles).all():
            generator = np.random.default_rng([own, int(back)])
            drawn = _about_forecast(past, quantiles, seasons, PLACEBO_PATHS, generator)
            ratios.append(_ratio(windows.observed[i, w], drawn))
    return ratios


def _ratio(observed: Floats, drawn: Floats) -> Floats:
    """Ratio by horizon over the known periods, shape (H,); NaN where too few of those up to it are known."""
    point, known = drawn.mean(axis=0), np.isfinite(observed)
    deviations = sample_paths.cumulated_deviations(np.where(known, drawn, point), point)
    ratio = sample_paths.cumulated_ratios(np.where(known, observed, point), point, deviations, len(observed))
    enough = np.cumsum(known) >= KNOWN_SHARE * np.arange(1, len(known) + 1)
    return np.where(enough & known, ratio, np.nan)
