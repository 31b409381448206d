"""The tables of an outlook: years, bars and resources of one target group, unrounded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.forecast.need import resources
from ennakointi.forecast.need.demography import ALL
from ennakointi.forecast.need.need_paths import ModelYears, Months
from ennakointi.forecast.need.waterfall import Waterfall
from ennakointi.forecast.series import Floats
from ennakointi.forecast.tables import usual_persons
from ennakointi.result_tables import RESULT_TABLES

if TYPE_CHECKING:
    from ennakointi.parameters.documents import Service

OBSERVED, MODEL, DEMOGRAPHY = "observed", "model", "demography"
SHOWN_YEARS = 8  # observed years before the outlook


@dataclass(frozen=True, eq=False)
class Outlook:
    """One variant: sample paths (p, M) by service over `months` (M,), of which those to `horizon` are the model's."""

    variant: str
    months: Months
    horizon: int
    paths: Mapping[str, Floats]
    waterfalls: Mapping[str, Waterfall]


@dataclass(frozen=True, eq=False)
class _Year:
    """Contacts of a year in draws (p,), of an observed one (1,)."""

    service: str
    year: int
    basis: str
    contacts: Floats
    persons: float


def tables(
    target_group: str, made: Sequence[Outlook], ahead: ModelYears, services: Mapping[str, Service]
) -> dict[str, pd.DataFrame]:
    """`demand_outlook`, `demand_drivers` and `demand_resources`.

    Values are means of the draws, so that bars and services add up; ends of intervals are their 10 % and 90 %
    quantiles. `n_persons` is a lower bound: the persons of the largest month of an observed year; of later years those
    of a usual month of the last year.
    """
    rows: dict[str, list[tuple[object, ...]]] = {"demand_outlook": [], "demand_drivers": [], "demand_resources": []}
    for one in made:
        years = [year for service in one.paths for year in _years(one, service, ahead)]
        rows["demand_outlook"] += [
            (target_group, y.service, y.year, one.variant, y.basis, *_summary(y.contacts), y.persons) for y in years
        ]
        rows["demand_drivers"] += _bars(target_group, one, ahead)
        rows["demand_resources"] += [(target_group, *row) for row in _resources(one, years, services)]
    return {name: pd.DataFrame(found, columns=list(RESULT_TABLES[name].names)) for name, found in rows.items()}


def _years(one: Outlook, service: str, ahead: ModelYears) -> Iterator[_Year]:
    """Whole calendar years: observed, partly observed, and ahead."""
    observed = ahead.observed[service]
    persons = ahead.persons[service]
    usual = _usual(persons)
    for year in range(ahead.last_whole_year - SHOWN_YEARS + 1, int(one.months[-1] + 1) // 12):
        months = np.arange(year * 12, year * 12 + 12)
        seen, later = months[months <= ahead.data_end], months[months > ahead.data_end]
        known = float(observed.reindex(seen).sum(skipna=False))
        if not np.isfinite(known):
            continue
        if not len(later):
            most = persons.reindex(seen).max()
            yield _Year(service, year, OBSERVED, np.array([known]), float(most))
            continue
        contacts = known + one.paths[service][:, later - one.months[0]].sum(axis=1)
        yield _Year(service, year, MODEL if later[-1] <= one.horizon else DEMOGRAPHY, contacts, usual)


def _usual(persons: pd.Series) -> float:
    """Persons of a usual month of the last year (`usual_persons`); NaN when the register holds none of it."""
    return float(usual_persons(persons.to_numpy(float)[np.newaxis])[0])


def _summary(values: Floats) -> tuple[float, float, float]:
    """Mean and 80 % interval of draws."""
    low, high = np.quantile(values, [0.1, 0.9])
    return float(values.mean()), float(low), float(high)


def _bars(target_group: str, one: Outlook, ahead: ModelYears) -> list[tuple[object, ...]]:
    return [
        (
            target_group,
            service,
            one.variant,
            factor,
            place,
            str(found.from_year),
            str(found.to_year),
            *_summary(change),
            _usual(ahead.persons[service]),
        )
        for service, found in one.waterfalls.items()
        for place, (factor, change) in enumerate(found.bars.items(), start=1)
    ]


def _resources(one: Outlook, years: Sequence[_Year], services: Mapping[str, Service]) -> Iterator[tuple[object, ...]]:
    """Rows without the target group, from the last whole year on; all services together are the sum of those that
    have coefficients, draw by draw, as unsure as the contacts of the whole."""
    by_year: dict[int, dict[str, dict[str, Floats]]] = {}
    behind = {(y.service, y.year): y.persons for y in years}
    contacts = {(y.service, y.year): y.contacts for y in years}
    first = max((y.year for y in years if y.basis == OBSERVED), default=0)
    for year in years:
        if year.year >= first and year.service in services:
            found = resources.amounts(year.contacts, services[year.service], year.year)
            by_year.setdefault(year.year, {})[year.service] = found
    for number, of_services in sorted(by_year.items()):
        stretch = resources.stretch(
            contacts.get((ALL, number), np.zeros(1)), [contacts[s, number] for s in of_services]
        )
        every = {**of_services, ALL: resources.of_all(of_services, stretch)}
        for service, found in every.items():
            if (service, number) not in behind:
                continue
            prices = {services[s].price_year for s in (of_services if service == ALL else [service])}
            for resource, amount in found.items():
                price_year = "–".join(map(str, sorted(prices))) if resource == resources.COST else ""
                yield (service, number, one.variant, resource, *_summary(amount), price_year, behind[service, number])
