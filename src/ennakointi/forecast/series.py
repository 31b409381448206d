"""What the forecast engine takes and gives: regular series of one frequency, and quantiles ahead of each one's end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
MEDIAN, LOW80, HIGH80, LOW95, HIGH95 = 6, 2, 10, 0, 12  # positions in LEVELS
SEASONS = {"M": (12,), "W": (52,), "D": (7, 365)}  # periods of a year, and of a week where days are counted

ENSEMBLE = "ensemble"  # the engine's mixture
THETA = "theta"  # Theta alone: the fast mode, or a series too short for the mixture
LEVEL = "level"  # a constant level with its spread: constant, near-zero or very short series
ZERO = "zero"  # nothing but zeros: zero, without a spread
REFUSED = "refused"  # not a single value


_MIDDLES = (np.array(LEVELS)[1:] + np.array(LEVELS)[:-1]) / 2
SHARES = np.diff(np.concatenate([[0.0], _MIDDLES, [1.0]]))  # (13,) probability nearest to each level


def mean_of(quantiles: Floats) -> Floats:
    """Mean of distributions given by their 13 quantiles (…, 13), each for the probability nearest to its level."""
    return np.asarray(quantiles @ SHARES)


@dataclass(frozen=True, eq=False)
class SeriesSet:
    """Series of one frequency, each regular, with NaN where a value is missing.

    Attributes
    ----------
    keys : names, one a series; different.
    values : (n_i,) counts; the last one is the last period of this series.
    ends : the last period of each series as month index, ISO week number (weeks since 1970-01-05) or day number (days
        since 1970-01-01); None when the periods are not dates.
    frequency : `M`, `W` or `D`.
    seasons : lengths of the seasons in periods, shortest first; (1,) = none.
    """

    keys: tuple[str, ...]
    values: tuple[Floats, ...]
    ends: tuple[int, ...] | None
    frequency: str
    seasons: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.keys)) != len(self.values) or (self.ends is not None and len(self.ends) != len(self.values)):
            raise ValueError("series: keys must differ, and every series needs its values and its end")

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, chosen: Sequence[int]) -> SeriesSet:
        """Some of the series, in the order given."""
        ends = None if self.ends is None else tuple(self.ends[i] for i in chosen)
        keys, values = tuple(self.keys[i] for i in chosen), tuple(self.values[i] for i in chosen)
        return replace(self, keys=keys, values=values, ends=ends)

    @property
    def season(self) -> int:
        """The longest season that models use as one: 12 months, 52 weeks, 7 days."""
        return self.seasons[0]


@dataclass(frozen=True, eq=False)
class Windows:
    """Rolling backtests behind the intervals: W origins counted back from each series' end, horizon H.

    Attributes
    ----------
    back : (W,) periods between the origin and the end.
    observed : (S, W, H) what came; NaN where it is missing, disrupted or after the end.
    quantiles : (S, W, H, 13) forecasts calibrated on the other windows.
    naive : (S, W, H) seasonal naive forecasts. scale : (S,) in-sample mean absolute error of the seasonal naive.
    """

    back: npt.NDArray[np.int64]
    observed: Floats
    quantiles: Floats
    naive: Floats
    scale: Floats

    def only(self, chosen: Sequence[int]) -> Windows:
        """The backtests of some series."""
        rows = np.asarray(chosen, np.int64)
        return Windows(self.back, self.observed[rows], self.quantiles[rows], self.naive[rows], self.scale[rows])


@dataclass(frozen=True, eq=False)
class EngineForecast:
    """Forecasts of H periods after each series' end.

    Attributes
    ----------
    quantiles : (S, H, 13) at `LEVELS`, ordered and not negative; NaN for a refused series.
    mean : (S, H) mean of the mixture.
    methods : by series, one of the constants of this module; all but `ensemble` (in the fast mode `theta`) are
        fallbacks.
    windows : the backtests, or None where no series was long enough for one.
    """

    keys: tuple[str, ...]
    quantiles: Floats
    mean: Floats
    methods: tuple[str, ...]
    windows: Windows | None

    def only(self, chosen: Sequence[int]) -> EngineForecast:
        """The forecasts of some series, in the order given."""
        rows = np.asarray(chosen, np.int64)
        return EngineForecast(
            tuple(self.keys[i] for i in chosen),
            self.quantiles[rows],
            self.mean[rows],
            tuple(self.methods[i] for i in chosen),
            None if self.windows is None else self.windows.only(chosen),
        )

    def fallbacks(self, usual: str = ENSEMBLE) -> dict[str, int]:
        """How many series another method than the usual one gave."""
        return dict(Counter(method for method in self.methods if method != usual))
