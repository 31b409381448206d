"""The population of the county's municipalities by age and sex: observed years, continued by each projection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.panel.population import Floats

if TYPE_CHECKING:
    from ennakointi.store import Store

TABLE, OBSERVED = "population", "observed"
AGES = 101  # 0…100, the last is open
Months = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Projection:
    """One projection, after the observed years.

    Attributes
    ----------
    variant : its name in the table.
    years : (Y,) rising years whose 31 December is known.
    stock : (sexes, AGES, Y) persons on that day.
    """

    variant: str
    years: npt.NDArray[np.int64]
    stock: Floats

    @property
    def last_month(self) -> int:
        """The December up to which residents are known."""
        return int(self.years[-1]) * 12 + 11

    def residents(self, months: Months) -> Floats:
        """Persons in the middle of each month, (sexes, AGES, n): straight lines between the years' ends, the first
        and the last year's beyond them.

        Witness: 100 at the end of 2020 and 124 at the end of 2021: 101 in January 2021, 123 in December.
        """
        return self._at(np.asarray(months) + 0.5)

    def at_year_ends(self, years: npt.NDArray[np.int64]) -> Floats:
        """Persons on the 31 December of years, (sexes, AGES, n); straight lines between the years that are known."""
        return self._at((np.asarray(years) + 1) * 12.0)

    def _at(self, times: npt.ArrayLike) -> Floats:
        """Persons at times in months, at which month m begins at m."""
        januaries = (self.years + 1) * 12.0
        place = np.interp(np.asarray(times, dtype=float), januaries, np.arange(len(januaries)))
        earlier = place.astype(int)
        later = np.minimum(earlier + 1, len(januaries) - 1)
        start = self.stock[..., earlier]
        return np.asarray(start + (self.stock[..., later] - start) * (place - earlier))


def table(store: Store) -> pd.DataFrame | None:
    """The contract table `population` with its codes spelt out (year, municipality, age, sex, persons, variant); None
    when it was not delivered."""
    if TABLE not in store.tables:
        return None
    rows = pd.DataFrame(store.frame(TABLE).collect("pandas").to_native())
    for column in ("municipality", "sex", "variant"):
        codes: Sequence[str] = store.codes(TABLE, column)
        rows[column] = np.array(codes, dtype=object)[rows[column].to_numpy(np.int64)]
    return rows


def variants(population: pd.DataFrame | None) -> tuple[str, ...]:
    """Names of the projections, sorted; the last one is the newest where names carry their year."""
    named = set() if population is None else set(population["variant"].astype(str))
    return tuple(sorted(named - {OBSERVED}))


def lacking(population: pd.DataFrame | None, variant: str, municipalities: Collection[str]) -> tuple[str, ...]:
    """Municipalities that a projection does not hold."""
    if population is None:
        return tuple(sorted(municipalities))
    held = set(population.loc[population["variant"] == variant, "municipality"].astype(str))
    return tuple(sorted(set(municipalities) - held))


def build(
    population: pd.DataFrame | None, variant: str, municipalities: Collection[str], sexes: Sequence[str]
) -> Projection | None:
    """A projection of some municipalities together: the observed years, then those the projection alone knows.

    None when no year is known. A year in which a municipality is missing is left out.
    """
    if population is None:
        return None
    named = population["variant"].astype(str)
    inside = population["municipality"].astype(str).isin(list(municipalities)) & population["sex"].isin(list(sexes))
    seen = population[inside & (named == OBSERVED)]
    ahead = population[inside & (named == variant)]
    last_seen = int(seen["year"].max()) if len(seen) else -1
    rows = pd.concat([seen, ahead[ahead["year"] > last_seen]])
    whole = rows.groupby("year")["municipality"].nunique()
    years = np.sort(whole.index[whole == len(set(municipalities))].to_numpy(np.int64))
    if not len(years):
        return None
    kept = rows[rows["year"].isin(years)]
    stock = np.zeros((len(sexes), AGES, len(years)))
    sex = np.array([list(sexes).index(one) for one in kept["sex"].astype(str)], dtype=int)
    age = kept["age"].to_numpy(int).clip(0, AGES - 1)
    np.add.at(stock, (sex, age, np.searchsorted(years, kept["year"].to_numpy())), kept["persons"].to_numpy(float))
    return Projection(variant, years, stock)
