"""What was known of a series at an origin: filled, with its seasonal factors, and the method that suits it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ennakointi.forecast import gaps, seasonality
from ennakointi.forecast.series import ENSEMBLE, LEVEL, REFUSED, THETA, ZERO, Floats, SeriesSet

Ints = npt.NDArray[np.int64]

THETA_LEAST, MIXTURE_LEAST = 8, 12  # known values below which a level, or Theta alone, is used
_ZEROS = 0.5  # share of zeros above which a level is used
_LONG_GAP = 6  # periods, or a quarter of a season: a gap after which models are careful
_CAREFUL_SEASONS = 2  # that the end of a long gap stays recent


@dataclass(frozen=True, eq=False)
class Prepared:
    """One series from its first known value.

    Attributes
    ----------
    known : (n,) with NaN where a value is missing.
    end : number of the last period, or None without a calendar.
    season : length of its shortest season.
    method : one of the constants of `series`.
    """

    known: Floats
    end: int | None
    season: int
    method: str

    def past(self, gone: int) -> Floats:
        """What was known `gone` periods before the end, up to the last known value, with gaps filled from both sides
        and nothing that came later."""
        seen = self.known[: max(len(self.known) - gone, 0)]
        finite = np.flatnonzero(np.isfinite(seen))
        return gaps.filled(seen[: finite[-1] + 1], self.season) if len(finite) else seen[:0]

    def clear(self, gone: int, horizon: int) -> bool:
        """Whether no long gap lies in the horizon of a backtest or ends at its origin."""
        start = len(self.known) - gone
        longest = max(_LONG_GAP, self.season // 4)
        return start > 0 and not _has_gap(self.known[max(start - longest, 0) : start + horizon], longest)


@dataclass(frozen=True, eq=False)
class History:
    """What was known at one origin.

    Attributes
    ----------
    values : (n,) counts without gaps. factors : (n + ahead,) seasonal factors. ahead : periods to forecast.
    season : length of the season that models may use; 1 when two are not known.
    careful : a long gap ends so recently that what follows it is short.
    """

    values: Floats
    factors: Floats
    ahead: int
    season: int
    careful: bool

    @property
    def adjusted(self) -> Floats:
        """(n,) counts with the season divided out."""
        return self.values / self.factors[: len(self.values)]

    @property
    def coming(self) -> Floats:
        """(ahead,) seasonal factors of the periods to forecast."""
        return self.factors[len(self.values) :]


def prepare(series: SeriesSet, mode_is_fast: bool) -> list[Prepared]:
    """Every series from its first known value, filled, with the method that suits it."""
    ends = series.ends or (None,) * len(series)
    return [_prepared(v, series.season, end, mode_is_fast) for v, end in zip(series.values, ends, strict=True)]


def _prepared(values: Floats, season: int, end: int | None, fast: bool) -> Prepared:
    finite = np.flatnonzero(np.isfinite(values))
    if not len(finite):
        return Prepared(values[:0], end, season, REFUSED)
    known = np.asarray(values[finite[0] :], float)
    return Prepared(known, end, season, _method(known[np.isfinite(known)], fast))


def _method(known: Floats, fast: bool) -> str:
    """What suits the known values; decided before a model is called."""
    if not known.any():
        return ZERO
    if len(known) < THETA_LEAST or np.ptp(known) == 0 or (known == 0).mean() > _ZEROS:
        return LEVEL
    return THETA if fast or len(known) < MIXTURE_LEAST else ENSEMBLE


def at_origin(one: Prepared, gone: int, horizon: int, seasons: tuple[int, ...], holidays: str | None) -> History | None:
    """What was known `gone` periods before the end; None where that is too little for a backtest."""
    values = one.past(gone)
    least = 2 * seasons[0] if one.method == ENSEMBLE else THETA_LEAST
    if one.method == REFUSED or (gone and len(values) < least):
        return None
    late = len(one.known) - gone - len(values)
    end = None if one.end is None else one.end - gone - late
    factors = seasonality.factors(values, seasons, horizon + late, end, holidays)
    season = seasons[0] if len(values) > 2 * seasons[0] else 1
    return History(values, factors, horizon + late, season, _careful(one.known[: len(values)], seasons[0]))


def _careful(known: Floats, season: int) -> bool:
    """Whether a long gap ended within the last two seasons."""
    return _has_gap(known[-_CAREFUL_SEASONS * season :], max(_LONG_GAP, season // 4))


def _has_gap(values: Floats, longest: int) -> bool:
    """Whether at least `longest` values in a row are missing."""
    if len(values) < longest:
        return False
    return bool((np.convolve(np.isnan(values).astype(int), np.ones(longest, int), mode="valid") == longest).any())


def outcomes(prepared: Sequence[Prepared], back: Ints, horizon: int, season: int) -> tuple[Floats, Floats]:
    """What came after each origin of the backtests and the seasonal naive forecast of it, both (S, W, H)."""
    observed = np.full((len(prepared), len(back), horizon), np.nan)
    naive = observed.copy()
    for i, one in enumerate(prepared):
        for w, gone in enumerate(back):
            start = len(one.known) - int(gone)
            if start < season:
                continue
            observed[i, w] = one.known[start : start + horizon]
            past = one.past(int(gone))
            ahead = start - len(past) + np.arange(horizon)
            naive[i, w] = past[len(past) - season + ahead % season] if len(past) >= season else np.nan
    return observed, naive


def naive_error(known: Floats, season: int) -> float:
    """In-sample mean absolute error of the seasonal naive; NaN without one whole pair of seasons."""
    pairs = np.abs(known[season:] - known[:-season]) if len(known) > season else known[:0]
    return float(np.nanmean(pairs)) if np.isfinite(pairs).any() else np.nan
