"""The waterfall: what leads from the contacts of the last whole year to those of the last year ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ennakointi.forecast.need import drivers
from ennakointi.forecast.need import scenarios as scenario_arithmetic
from ennakointi.forecast.need.demography import ALL
from ennakointi.forecast.need.need_paths import Months, NeedPaths, generator
from ennakointi.forecast.need.scenarios import Drawn
from ennakointi.forecast.series import Floats
from ennakointi.parameters.scenario_documents import Scenario

POPULATION, AGEING, HEALTHY, TREND = "population", "ageing", "healthy_ageing", "trend"


@dataclass(frozen=True, eq=False)
class Waterfall:
    """Bars in their order, each (p,) contacts a year; they add up from `start` to `end` in every draw."""

    from_year: int
    to_year: int
    bars: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class HealthierAgeing:
    """Users of `from_age` and over become `a_year` (p,) years younger in each calendar year after the data."""

    scenario: Scenario
    a_year: Floats

    def years(self, months: Months, data_end: int) -> Floats:
        """Years younger by months, (p, n)."""
        return self.a_year[:, None] * np.maximum(np.asarray(months) - data_end, 0) / 12


def months_of(year: int) -> Months:
    """Month indices of a calendar year."""
    return np.arange(year * 12, year * 12 + 12)


def with_scenarios(need: NeedPaths, drawn: Sequence[Drawn], ageing: HealthierAgeing | None) -> dict[str, Floats]:
    """Paths (p, M) by service with healthier ageing and then every scenario in turn; all services together change by
    what each of them does."""
    end = need.ahead.data_end
    paths = dict(need.paths)
    if ageing is not None:
        years, age = ageing.years(need.months, end), ageing.scenario.from_age
        paths = {s: path * need.healthier(s, age, years, need.months) for s, path in paths.items()}
    single = {s: path for s, path in paths.items() if s != ALL}
    made = scenario_arithmetic.in_order(list(drawn), single, need.months, end)
    if ALL in paths:
        moved = sum((made[s] - single[s] for s in single), np.zeros_like(paths[ALL]))
        made[ALL] = np.maximum(paths[ALL] + moved, 0.0)
    return made


def waterfalls(
    need: NeedPaths, paths: Mapping[str, Floats], drawn: Sequence[Drawn], ageing: HealthierAgeing | None, seed: int
) -> dict[str, Waterfall]:
    """The waterfall of every service that has a whole observed year, to the last year of `paths`.

    Each factor changes the start alone, the rest is the interaction (`drivers.bars`): residents; their ages at today's
    rates; users becoming younger, in the start's residents; what is left of the undisturbed path when residents and
    ages are taken out (trend); each scenario at the start's level. The start is the observed year as a draw of its
    level: one year's number is no better known than years vary.
    """
    starts = {s: start for s in need.paths if (start := _start(need, s, seed)) is not None}
    added = _added(need, starts, drawn)
    return {s: _waterfall(need, s, start, paths[s], added[s], ageing) for s, start in starts.items()}


def _start(need: NeedPaths, service: str, seed: int) -> Floats | None:
    """Draws (p,) of the level behind the contacts of the last whole year, log-normal with the observed mean."""
    contacts = need.ahead.of_year(service, need.from_year)
    if not contacts > 0:
        return None
    noise = need.trends[service].noise
    z = generator(seed, service, 5).standard_normal(need.ahead.n_draws)
    return np.asarray(contacts * np.exp(noise * z - noise**2 / 2))


def _added(need: NeedPaths, starts: Mapping[str, Floats], drawn: Sequence[Drawn]) -> dict[str, dict[str, Floats]]:
    """Contacts a year that each scenario adds at the start's level, by service and scenario."""
    months, end = months_of(int(need.months[-1]) // 12), need.ahead.data_end
    levels = {s: start[:, None] for s, start in starts.items() if s != ALL}
    found: dict[str, dict[str, Floats]] = {s: {} for s in starts}
    for one in drawn:
        share = np.array([scenario_arithmetic.growth(one.scenario, months, end).mean()])
        changes = {s: change[:, 0] for s, change in one.changes(levels, share).items()}
        for service in found:
            found[service][one.scenario.id] = changes.get(service, np.zeros(need.ahead.n_draws))
        if ALL in found:
            found[ALL][one.scenario.id] = sum(changes.values(), np.zeros(need.ahead.n_draws))
    return found


def _waterfall(
    need: NeedPaths,
    service: str,
    start: Floats,
    path: Floats,
    added: dict[str, Floats],
    ageing: HealthierAgeing | None,
) -> Waterfall:
    to_year = int(need.months[-1]) // 12
    then, now = months_of(need.from_year), months_of(to_year)
    ahead = slice(len(need.months) - 12, None)
    people = [need.residents_in(months).mean(axis=2).sum() for months in (then, now)]
    needed = [need.needed(service, months).sum(axis=1) for months in (then, now)]
    size = float(people[1] / people[0])
    ages = np.divide(needed[1], needed[0] * size, out=np.ones_like(start), where=needed[0] > 0)
    undisturbed = need.paths[service][:, ahead].sum(axis=1)
    factors = {POPULATION: np.full_like(start, size), AGEING: ages}
    if ageing is not None:
        years = ageing.years(now, need.ahead.data_end)
        factors[HEALTHY] = need.healthier(service, ageing.scenario.from_age, years, then).mean(axis=1)
    factors[TREND] = undisturbed / (start * size * ages)
    return Waterfall(need.from_year, to_year, drivers.bars(start, factors, added, path[:, ahead].sum(axis=1)))
