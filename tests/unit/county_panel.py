"""A small county as a `Panel`: planted rates, season, working days, disruption and coverage, for tests of
debt."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from ennakointi.debt.expected import working_day_ratio
from ennakointi.panel import Panel
from ennakointi.periods import month_index

FIRST, LAST = month_index(2014, 1), month_index(2023, 6)
WINDOW = (month_index(2020, 3), month_index(2021, 12))
MONTHS = np.arange(FIRST, LAST + 1)
BANDS = ("0–64", "65+")
SEXES = ("female", "male")
AREAS = ("398", "111")


@dataclass(frozen=True)
class Planted:
    """One service: contacts per person-year at 0–64 and 65+, share not given in the window, month-level
    noise."""

    young: float = 1.0
    old: float = 3.0
    missing: float = 0.0
    noise: float = 0.03
    trend: float = 0.0
    starts: int = FIRST


@dataclass(frozen=True)
class Truth:
    """The panel and the contacts that the disruption took, by service."""

    panel: Panel
    missing: dict[str, float] = field(default_factory=dict)


def make(
    services: dict[str, Planted],
    *,
    seed: int = 1,
    residents: int = 20_000,
    uncovered: dict[tuple[str, str], tuple[int, int]] | None = None,
    available_from: int = FIRST,
    first: int = FIRST,
    last: int = LAST,
    member_share: np.ndarray | None = None,
    breaks: tuple = (),
) -> Truth:
    """`uncovered`: (service, area) → first and last month without coverage; `member_share` (n,): group's
    share."""
    rng = np.random.default_rng(seed)
    share = np.ones(len(MONTHS)) if member_share is None else member_share
    ageing = 1 + 0.02 * (MONTHS - FIRST) / 12  # the older band grows two per cent a year
    person_time, counts, missing = [], [], dict.fromkeys(services, 0.0)
    shocks = {s: _shocks(rng, p.noise) for s, p in services.items()}
    for area, weight in zip(AREAS, (0.9, 0.1)):
        for band, part in zip(BANDS, (0.75, 0.25)):
            for sex in SEXES:
                resident = (
                    residents * weight * part / 2 / 12 * (ageing if band == "65+" else 1.0) * np.ones(len(MONTHS))
                )
                keys = {"municipality": area, "age_band": band, "sex": sex, "month": MONTHS}
                person_time.append(pd.DataFrame({**keys, "member_py": resident * share, "resident_py": resident}))
                for service, planted in services.items():
                    rate = planted.young if band == "0–64" else planted.old
                    full, given = _contacts(rng, resident * share * rate * shocks[service], planted)
                    inside = ~_hole(uncovered, service, area)
                    missing[service] += float((full - given)[inside & (WINDOW[1] >= MONTHS)].sum())
                    cells = pd.DataFrame({**keys, "service": service, "contacts": given, "persons": given})
                    counts.append(cells[inside & (given > 0)])
    return Truth(_panel(services, counts, person_time, uncovered, available_from, first, last, breaks), missing)


def _shocks(rng: np.random.Generator, sd: float) -> np.ndarray:
    """Autocorrelated month effects with season and working days."""
    errors = rng.normal(0, sd, len(MONTHS))
    for i in range(1, len(errors)):
        errors[i] += 0.4 * errors[i - 1]
    return np.exp(errors - 0.25 * (MONTHS % 12 == 6)) * working_day_ratio(MONTHS)


def _contacts(rng: np.random.Generator, mean: np.ndarray, planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    level = np.exp(planted.trend * (MONTHS - FIRST) / 12) * (planted.starts <= MONTHS)
    full = rng.poisson(mean * level)
    hit = (WINDOW[0] <= MONTHS) & (WINDOW[1] >= MONTHS)
    given = np.where(hit, rng.binomial(full, 1 - planted.missing), full)
    return full, given


def _hole(uncovered: dict | None, service: str, area: str) -> np.ndarray:
    span = (uncovered or {}).get((service, area))
    return np.zeros(len(MONTHS), bool) if span is None else (span[0] <= MONTHS) & (span[1] >= MONTHS)


def _panel(services, counts, person_time, uncovered, available_from, first, last, breaks) -> Panel:
    cells = pd.concat(counts, ignore_index=True).assign(cost_eur=np.nan)
    cells = cells[cells["month"].between(first, last)]
    time = pd.concat(person_time, ignore_index=True)
    held = [
        pd.DataFrame({"service": s, "municipality": a, "month": MONTHS, "covered": ~_hole(uncovered, s, a)})
        for s in services
        for a in AREAS
    ]
    keys = ["municipality", "age_band", "sex", "month"]
    totals = cells.groupby(keys, as_index=False)[["contacts", "persons", "cost_eur"]].sum()
    queue = pd.DataFrame(columns=["service", "municipality", "month", "waiting", "persons"])
    return Panel(
        target_group="all",
        services=tuple(services),
        municipalities=AREAS,
        age_bands=BANDS,
        sexes=SEXES,
        first_month=first,
        last_month=last,
        available_from=available_from,
        counts=cells,
        totals=totals,
        person_time=time[time["month"].between(max(available_from, first), last)],
        coverage=pd.concat(held, ignore_index=True),
        queue=queue,
        breaks=breaks,
        as_of=date(2023, 6, 30),
    )
