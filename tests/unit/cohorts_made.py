"""Cohorts with a known effect: persons with lasting need, enrolled because of what they used."""

from __future__ import annotations

import numpy as np

from ennakointi.effectiveness.cohorts import Cohort


def cohort(
    seed: int,
    effect: float = 0.0,
    *,
    n: int = 4000,
    chance: float = 0.3,
    at_least: int = 4,
    condition: bool = True,
    hidden: float = 0.0,
) -> Cohort:
    """Gamma-Poisson counts of two years; some of those with `at_least` contacts in the first are enrolled.

    `effect` is on the log rate of the second year. With `condition` comparison persons had as many contacts
    in the first year, without it they are everybody else; `hidden` makes enrolment depend on the need
    itself.
    """
    rng = np.random.default_rng(seed)
    need = rng.gamma(1.0, 1.2, n)
    age = rng.normal(60, 15, n)
    rate = need * np.exp(0.01 * (age - 60))
    before = rng.poisson(rate[:, None] / 4, (n, 4)).astype(float)
    year = before.sum(axis=1)
    eligible = year >= at_least
    enrolled = eligible & (rng.random(n) < chance * np.exp(hidden * (np.log(need) - 1)))
    after = rng.poisson(rate[:, None] / 4 * np.exp(effect * enrolled)[:, None], (n, 4)).astype(float)
    known = eligible if condition else np.ones(n, bool)
    rows = np.flatnonzero(known)
    cell = np.minimum(year, 12).astype(np.int64) if condition else np.zeros(n, np.int64)
    history = np.column_stack([np.log1p(before), np.log1p(year), age]) if condition else age[:, None]
    return Cohort(
        person=rows,
        enrolled=enrolled[rows],
        index_month=np.full(len(rows), 24_000),
        events=after[rows].sum(axis=1),
        person_years=np.ones(len(rows)),
        before_events=year[rows],
        before_person_years=np.ones(len(rows)),
        cell=cell[rows],
        covariates=history[rows],
        names=tuple(f"x{i}" for i in range(history.shape[1])),
        quarter=np.arange(-4, 4),
        quarter_events=np.hstack([before, after])[rows],
        quarter_person_years=np.full((len(rows), 8), 0.25),
        later_enrolled=0.0,
        asked=int(enrolled.sum()),
        population={
            "correlation": float(np.corrcoef(year, after.sum(axis=1))[0, 1]),
            "mean": float(year.mean()),
        },
    )
