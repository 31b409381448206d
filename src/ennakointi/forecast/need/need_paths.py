"""The undisturbed need ahead: the model's sample paths, carried on by residents, ages and the damped trend of use.

p draws, H months of the model, M months ahead in all, A single ages, K strata.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.forecast.need import demography, drivers
from ennakointi.forecast.need.demography import ALL, Use
from ennakointi.forecast.need.drivers import Trend
from ennakointi.forecast.series import Floats
from ennakointi.panel.projection import Projection

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.documents import ForecastSettings

JOIN_MONTHS = 12  # the last months of the model, to which the demographic path is scaled
SHIFT_STEPS = 5  # grid of years younger between which healthier ageing is interpolated
Months = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ModelYears:
    """What the model says of the county's series of one group, `all` among the services.

    `months` (H,): month indices ahead; `paths`: service → (p, H) sample paths; `observed`, `persons`: service →
    contacts and distinct persons by month index, NaN where the register holds none.
    """

    services: tuple[str, ...]
    months: Months
    paths: Mapping[str, Floats]
    observed: Mapping[str, pd.Series]
    persons: Mapping[str, pd.Series]

    @property
    def data_end(self) -> int:
        """The last month of the data."""
        return int(self.months[0]) - 1

    @property
    def last_whole_year(self) -> int:
        """The last calendar year that the data hold to its end."""
        return (self.data_end + 1) // 12 - 1

    @property
    def n_draws(self) -> int:
        """Sample paths that every service has."""
        return min((len(paths) for paths in self.paths.values()), default=0)

    def of_year(self, service: str, year: int) -> float:
        """Contacts observed in a calendar year; NaN when a month of it is not known."""
        months = self.observed[service].reindex(range(year * 12, year * 12 + 12))
        return float(months.sum(skipna=False))


@dataclass(frozen=True, eq=False)
class NeedPaths:
    """The undisturbed outlook of all services under one projection.

    Attributes
    ----------
    variant : the projection. months : (M,) months ahead.
    from_year : the last whole observed year; `residents` (sexes, A, n): persons from its January to the end.
    uses, trends : by service; `errors`: service → (p, K) of the rates by stratum; `smooth`: service → (p,) how smooth
        the rates are inside age bands, from 0 = flat to 1.
    paths : service → (p, M).
    """

    variant: str
    ahead: ModelYears
    months: Months
    from_year: int
    residents: Floats
    bounds: list[int]
    uses: Mapping[str, Use]
    trends: Mapping[str, Trend]
    errors: Mapping[str, Floats]
    smooth: Mapping[str, Floats]
    paths: Mapping[str, Floats]

    def residents_in(self, months: Months) -> Floats:
        """Persons (sexes, A, n) in some months."""
        return self.residents[:, :, np.asarray(months) - self.from_year * 12]

    def needed(self, service: str, months: Months) -> Floats:
        """Draws (p, n) of contacts at today's rates by age and sex.

        A rate inside an age band is not known: it lies between flat and smooth, the same way for all bands of a draw.
        """
        use, residents = self.uses[service], self.residents_in(months)
        flat, smooth = (self.errors[service] @ drivers.strata(r, residents, self.bounds) for r in (use.flat, use.rates))
        return np.asarray(flat + self.smooth[service][:, None] * (smooth - flat))

    def healthier(self, service: str, from_age: int, years: Floats, population: Months) -> Floats:
        """Need with users `years` (p, n) younger over need without, in the residents of the months `population`
        (n,)."""
        rates, residents = self.uses[service].rates, self.residents_in(population)
        grid = np.linspace(min(float(years.min()), 0.0), max(float(years.max()), 1e-6), SHIFT_STEPS)
        table = np.stack([np.einsum("sa,san->n", drivers.younger(rates, g, from_age), residents) for g in grid])
        now = np.einsum("sa,san->n", rates, residents)
        ratio = np.divide(table, now, out=np.ones_like(table), where=now > 0)
        return np.stack([np.interp(years[:, i], grid, ratio[:, i]) for i in range(len(now))], axis=1)


def build(
    panel: Panel, one: Projection, ahead: ModelYears, settings: ForecastSettings, uses_care: bool, seed: int
) -> NeedPaths:
    """Carry the model's paths on to the end of the projection, or of the outlook.

    Month m after the horizon is the same month of the model's last year times D(m)/D(m₀) · T(m)/T(m₀): D is the need
    at today's age-sex rates, T = exp(slope · damped years since the middle of that last year). So the path is scaled
    to the model over its last 12 months and goes on without a jump. Rates, slope and damping are drawn; the damping
    of a draw is the same for every service.
    """
    cells = demography.cube(panel, panel.sexes)
    names = [s for s in ahead.services if s in ahead.paths and (s == ALL or s in panel.services)]
    uses = {s: demography.use(cells, s, one, settings, uses_care) for s in names}
    trends = dict(zip(names, drivers.trends([use.blocks for use in uses.values()]), strict=True))
    from_year = ahead.last_whole_year
    end = min(one.last_month, (ahead.data_end // 12 + settings.outlook_years) * 12 + 11)
    errors = {
        s: drivers.stratum_errors(u.events, u.spread, ahead.n_draws, generator(seed, s, 1)) for s, u in uses.items()
    }
    smooth = {s: generator(seed, s, 4).uniform(0, 1, ahead.n_draws) for s in uses}
    months = np.arange(ahead.data_end + 1, end + 1)
    residents = one.residents(np.arange(from_year * 12, end + 1))
    bare = NeedPaths(one.variant, ahead, months, from_year, residents, cells.bounds, uses, trends, errors, smooth, {})
    damping = generator(seed, "damping", 2).uniform(*drivers.DAMPING, ahead.n_draws)
    return replace(bare, paths={s: _carried_on(bare, s, damping, generator(seed, s, 3)) for s in names})


def _carried_on(need: NeedPaths, service: str, damping: Floats, rng: np.random.Generator) -> Floats:
    """The model's paths (p, H) and their continuation, (p, M)."""
    horizon, model = need.ahead.months, need.ahead.paths[service][: len(damping)]
    later = need.months[len(horizon) :]
    source = later - 12 * (-(-(later - horizon[-1]) // 12))
    slopes = need.trends[service].draws(len(damping), rng)
    gone = drivers.damped_years((need.months - horizon[-JOIN_MONTHS:].mean()) / 12, damping)
    level = need.needed(service, need.months) * np.exp(slopes[:, None] * gone)
    at, was = later - need.months[0], source - need.months[0]
    growth = np.divide(level[:, at], level[:, was], out=np.ones((len(model), len(at))), where=level[:, was] > 0)
    return np.concatenate([model, model[:, was] * growth], axis=1)


def generator(seed: int, name: str, stream: int) -> np.random.Generator:
    """Random numbers of one service: the same whatever other services there are."""
    return np.random.default_rng([seed, zlib.crc32(name.encode()), stream])
