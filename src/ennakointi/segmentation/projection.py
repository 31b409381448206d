"""Persons in each segment in the years ahead: by recent movements, and by age and sex alone, on the population
projection.

X sexes, A single ages, G age bands, S segments, K pooled years, d draws.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.panel.projection import AGES, Projection
from ennakointi.periods import Quarter
from ennakointi.segmentation.transitions import ALL, ARRIVED, DIED, MOVED, YEAR, Floats, History, earlier, tidy
from ennakointi.text import N_, message_json

if TYPE_CHECKING:
    from ennakointi.parameters.movement_documents import MovementSettings

MOVES, BY_AGE = "moves", "ages"
TAILS = (0.1, 0.9)

_NO_PROJECTION = N_("No population projection was delivered for the whole area.")
_TOO_SHORT = N_("The population projection ends in {year}: it does not reach beyond the present.")
_OTHER_PERSONS = N_("The residents of the register differ too much from the population table.")
_NO_YEAR = N_("The register does not hold two quarters a year apart.")


@dataclass(frozen=True, eq=False)
class People:
    """The population ahead, and how residents of an age and sex lie over the segments now.

    Attributes
    ----------
    bounds : (G,) lowest ages of the bands; age 0 is a band of its own, so that newborns enter by themselves.
    years : (Y,) the first is the present. stock : (X, A, Y) persons on their 31 December.
    present : (X, G, S) residents now.
    """

    bounds: tuple[int, ...]
    years: npt.NDArray[np.int64]
    stock: Floats
    present: Floats

    @property
    def band(self) -> npt.NDArray[np.int64]:
        """Band of each single age (A,)."""
        return np.asarray(np.searchsorted(self.bounds, np.arange(AGES), side="right") - 1)

    def summed(self, values: Floats) -> Floats:
        """Persons (…, X, A, S) by band (…, G, S), both sexes together."""
        return np.asarray(np.add.reduceat(values, self.bounds, axis=-2).sum(axis=-3))

    def shares(self, present: Floats) -> Floats:
        """Shares of the segments by sex and band (…, X, G, S); where nobody of a sex is, those of the band, else of
        all."""
        chosen = present
        for wider in (present.sum(axis=-3, keepdims=True), present.sum(axis=(-3, -2), keepdims=True)):
            chosen = np.where(chosen.sum(axis=-1, keepdims=True) > 0, chosen, wider)
        return np.asarray(chosen / chosen.sum(axis=-1, keepdims=True))

    def placed(self, shares: Floats, year: int) -> Floats:
        """Persons of a year by single age (…, X, A, S) for shares (…, X, G, S)."""
        return np.asarray(self.stock[..., year, None] * shares[..., self.band, :])


@dataclass(frozen=True, eq=False)
class Learned:
    """Persons of the pooled years by the band of the age they reach in the year: `went` (K, G, S, S + 1) by segment at
    the start and at the end, the last being death or a move away; `entered` (K, G, S) who were not residents at the
    start. By age reached, a segment that begins at the lowest age of a band is entered at that age."""

    went: Floats
    entered: Floats


@dataclass(frozen=True, eq=False)
class Rates:
    """What a year does: `go` (…, G, S, S + 1) chances of a resident, death or a move away last; `enter` (…, G, S) where
    those are who are born or move in."""

    go: Floats
    enter: Floats


def table(
    scheme: str,
    history: History,
    population: Projection | None,
    sexes: Sequence[str],
    settings: MovementSettings,
    horizon_years: int,
    age_bands: Sequence[int],
    seed: int,
) -> tuple[pd.DataFrame, dict[str, str]]:
    """`segment_projection` of a scheme, and by basis the reason why it is missing, as message JSON.

    `moves`: P_{t+1} = (P_t − deaths) · A + births + net migration at each age and sex, with deaths, moves away and the
    matrix A of those who stay by segment and age band as in the pooled years. Those who are born or move in are what
    the population projection has beyond those who stay, and enter the segments as arrivals of their age did; where it
    has fewer, more leave, and evenly. `ages`: the present shares by age and sex × the projected population. Both add
    up to the projected population at every age and sex. They differ in that `moves` carries on what changes now at the
    same age, and knows that who is in a grave segment dies sooner, while `ages` takes it that each age will need what
    it needs today.

    The interval of `moves` holds how the pooled years differ (each draw follows one of them for good), the chance of
    their counts (Dirichlet) and of the persons ahead (multinomial); that of `ages` only chance. Neither holds the error
    of the population projection itself, so that the row `all` has none.

    Measured on six synthetic counties of 40,000 residents, nine schemes, one year ahead of 2023Q4 from two pooled
    years: 81 % of 240 segments inside the 80 % interval of `moves`, 65 % of `ages`; mean error 1.34 and 1.32 % of the
    residents.

    Parameters
    ----------
    population, sexes : the newest projection of the area (`panel.projection.build`), its first axis being `sexes`.
    horizon_years : years ahead, as far as the projection reaches.
    age_bands : lowest ages of the panel's bands.

    Witness: 100 residents of one age band in two segments of 50; 10 of the first die in a year, 10 of the survivors'
    40 go to the second; nobody is born: (30, 60) are left of 90.
    """
    people, reason = described(history, population, sexes, settings, horizon_years, age_bands)
    if people is None:
        return tidy(pd.DataFrame(), "segment_projection"), {MOVES: reason, BY_AGE: reason}
    rng = np.random.default_rng(seed ^ zlib.crc32(f"projection {scheme}".encode()))
    rows = _rows(history, people, BY_AGE, by_age(people, None), by_age(people, rng, settings.draws))
    learned = learn(history, people.bounds, settings.pooled_years)
    reasons = {}
    if len(learned.went):
        least = float(settings.least_persons)
        expected = carried(people, rates(learned, people, least))
        drawn = carried(people, rates(learned, people, least, rng, settings.draws), rng)
        rows = [*_rows(history, people, MOVES, expected, drawn), *rows]
    else:
        reasons[MOVES] = message_json(_NO_YEAR, {})
    return tidy(pd.DataFrame(rows).assign(scheme=scheme), "segment_projection"), reasons


def described(
    history: History,
    population: Projection | None,
    sexes: Sequence[str],
    settings: MovementSettings,
    horizon_years: int,
    age_bands: Sequence[int],
) -> tuple[People | None, str]:
    """The population ahead and the residents now, or None and why there is no projection of this scheme."""
    if population is None or not history.assigned:
        return None, message_json(_NO_PROJECTION if population is None else _NO_YEAR, {})
    now = Quarter.parse(history.last)
    years = np.arange(now.year, min(now.year + horizon_years, int(population.years[-1])) + 1)
    if len(years) < 2:
        return None, message_json(_TOO_SHORT, {"year": int(population.years[-1])})
    expected = float(population.residents(np.array([now.last_month])).sum())
    if abs(len(history.assigned[history.last]) - expected) >= settings.most_difference * expected:
        return None, message_json(_OTHER_PERSONS, {})
    bounds = (0, 1, *(low for low in age_bands if low > 1))
    return People(bounds, years, population.at_year_ends(years), _present(history, sexes, bounds)), ""


def learn(history: History, bounds: tuple[int, ...], years: int) -> Learned:
    """Movements of the latest years of which none overlaps another."""
    order, pairs = list(history.order), history.pairs(YEAR, YEAR, years)
    shape = (len(pairs), len(bounds), len(order))
    went, entered = np.zeros((*shape, len(order) + 1)), np.zeros(shape)
    for k, (end, pair) in enumerate(pairs):
        was = pd.Categorical(pair["from"], order).codes.astype(int)
        now = np.where(pair["to"].isin([DIED, MOVED]), len(order), pd.Categorical(pair["to"], order).codes)
        here, new = was >= 0, (pair["from"] == ARRIVED).to_numpy()
        for into, chosen, quarter, older, place in (
            (went[k], here, earlier(end, YEAR), 1, (was[here], now[here])),
            (entered[k], new, end, 0, (now[new],)),
        ):
            age = history.people[quarter]["age"].reindex(pair.index[chosen]).to_numpy(int) + older
            np.add.at(into, (np.searchsorted(bounds, age, side="right") - 1, *place), 1)
    return Learned(went, entered)


def rates(
    learned: Learned, people: People, least: float, rng: np.random.Generator | None = None, draws: int = 1
) -> Rates:
    """Expected rates, or d drawn ones. A band with fewer than `least` persons in a segment is filled up with persons of
    all ages, and fewer arrivals with residents of their age. A segment nobody was in is left by nobody."""
    k, _, s, _ = learned.went.shape
    years = np.ones(k) if rng is None else k * np.eye(k)[rng.integers(k, size=draws)]
    ages = learned.went.sum(axis=(0, 1))
    known = ages.sum(axis=1, keepdims=True)
    towards = np.divide(ages, known, out=np.eye(s, s + 1), where=known > 0)
    now = people.shares(people.present.sum(axis=0, keepdims=True))[0]
    counts = [np.tensordot(years, one, axes=1) for one in (learned.went, learned.entered)]
    filling = [np.maximum(least - c.sum(axis=-1, keepdims=True), 0.0) for c in counts]
    go, enter = (c + f * centre for c, f, centre in zip(counts, filling, (towards, now), strict=True))
    if rng is not None:
        go, enter = rng.standard_gamma(go), rng.standard_gamma(enter)
    return Rates(go / go.sum(axis=-1, keepdims=True), enter / enter.sum(axis=-1, keepdims=True))


def carried(people: People, found: Rates, rng: np.random.Generator | None = None) -> Floats:
    """Persons (Y, …, S) of each year on the basis `moves`; with a generator, persons move one by one by chance."""
    state = people.placed(people.shares(people.present), 0)
    state = np.broadcast_to(state, (*found.go.shape[:-3], *state.shape))
    told = [state.sum(axis=(-3, -2))]
    for year in range(1, len(people.years)):
        older = _older(state)
        go = found.go if rng is None else _happened(people.summed(older), found.go, rng)
        ages = np.split(older, people.bounds[1:], axis=-2)
        here = np.concatenate([of @ go[..., None, band, :, :-1] for band, of in enumerate(ages)], axis=-2)
        left = here.sum(axis=-1)
        target = np.broadcast_to(people.stock[..., year], left.shape)
        kept = np.divide(target, left, out=np.ones_like(left), where=left > target)
        come = np.maximum(target - left, 0.0)[..., None]
        enter = found.enter if rng is None else _happened(people.summed(come)[..., 0], found.enter, rng)
        state = here * kept[..., None] + come * enter[..., None, people.band, :]
        told.append(state.sum(axis=(-3, -2)))
    return np.array(told)


def by_age(people: People, rng: np.random.Generator | None, draws: int = 1) -> Floats:
    """Persons (Y, …, S) of each year on the basis `ages`; with a generator, d draws of shares and persons."""
    shares = now = people.shares(people.present)
    if rng is not None:
        shares = people.shares(rng.standard_gamma(np.broadcast_to(people.present, (draws, *people.present.shape))))
    told = [np.broadcast_to(people.placed(now, 0).sum(axis=(-3, -2)), (*shares.shape[:-3], shares.shape[-1]))]
    for year in range(1, len(people.years)):
        size = np.add.reduceat(people.stock[..., year], people.bounds, axis=-1)
        drawn = shares if rng is None else _happened(np.broadcast_to(size, shares.shape[:-1]), shares, rng)
        told.append(people.placed(drawn, year).sum(axis=(-3, -2)))
    return np.array(told)


def _older(state: Floats) -> Floats:
    """Persons a year older (…, X, A, S): nobody is of age 0, the last age is open."""
    older = np.zeros_like(state)
    older[..., 1:, :] = state[..., :-1, :]
    older[..., -1, :] += state[..., -1, :]
    return older


def _happened(persons: Floats, chances: Floats, rng: np.random.Generator) -> Floats:
    """Shares that came about when each of `persons` (…) went by `chances` (…, n); the chances where there are none."""
    n = np.rint(persons).astype(np.int64)
    drawn = rng.multinomial(n, chances)
    whole = n[..., None]
    return np.divide(drawn, whole, out=np.array(np.broadcast_to(chances, drawn.shape)), where=whole > 0)


def _present(history: History, sexes: Sequence[str], bounds: tuple[int, ...]) -> Floats:
    """Residents (X, G, S) now; those of another sex than the population knows are left out of the shares."""
    now = history.assigned[history.last]
    told = history.people[history.last].reindex(now.index)
    sex = pd.Categorical(told["sex"].astype(object), list(sexes)).codes.astype(int)
    segment = pd.Categorical(now.astype(object), list(history.order)).codes.astype(int)
    band = np.searchsorted(bounds, told["age"].to_numpy(int), side="right") - 1
    kept = (sex >= 0) & (segment >= 0)
    present = np.zeros((len(sexes), len(bounds), len(history.order)))
    np.add.at(present, (sex[kept], band[kept], segment[kept]), 1)
    return present


def _rows(history: History, people: People, basis: str, expected: Floats, drawn: Floats) -> list[dict[str, object]]:
    """Rows of a basis: expected persons (Y, S), draws (Y, d, S), and what they use at the present rates per person."""
    now = history.assigned[history.last].astype(object)
    use = history.people[history.last].reindex(now.index)[["contacts_12m", "cost_eur_12m"]].astype(float)
    sums = use.groupby(now.to_numpy()).sum().reindex(history.order)
    size = now.value_counts().reindex(history.order).fillna(0.0)
    rate = sums.to_numpy() / size.where(size > 0).to_numpy()[:, None]
    low, high = np.quantile(drawn, TAILS, axis=1)
    rows: list[dict[str, object]] = []
    for y, year in enumerate(people.years):
        mean = expected[y]
        used = np.where(mean[:, None] > 0, mean[:, None] * rate, 0.0)
        values = np.column_stack([mean, np.minimum(low[y], mean), np.maximum(high[y], mean), used, size])
        whole = np.concatenate([np.full(3, mean.sum()), values[:, 3:].sum(axis=0)])
        for code, row in zip([*history.order, ALL], [*values, whole], strict=True):
            names = ("persons", "persons_lo80", "persons_hi80", "contacts", "cost_eur", "n_persons")
            rows.append({"segment": code, "year": int(year), "basis": basis, **dict(zip(names, row, strict=True))})
    return rows
