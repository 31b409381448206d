"""Rates by quarter since the start, of those with the intervention and of their comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ennakointi.causal.areas import NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.effectiveness.cohorts import Cohort

FIRST_QUARTER, LAST_QUARTER = -8, 11


def of_cohort(cohort: Cohort, weight: Floats) -> pd.DataFrame:
    """arm, since_start, rate (numerator per denominator), events (the numerator, unweighted), n_persons (with an event
    in the quarter).

    `weight` : (n,) of the rows, under which the comparison persons are like the enrolled; ones for a plain mean.
    """
    parts = []
    for arm, rows in (("treated", cohort.enrolled), ("comparison", ~cohort.enrolled)):
        events, time = cohort.quarter_events[rows], cohort.quarter_person_years[rows]
        total = weight[rows] @ time
        rate = weight[rows] @ events / np.where(total > 0, total, np.nan)
        persons = [len(np.unique(cohort.person[rows][column > 0])) for column in events.T]
        parts.append(_frame(arm, cohort.quarter, rate, events.sum(axis=0), np.array(persons, dtype=float)))
    return pd.concat(parts, ignore_index=True).dropna(subset=["rate"])


def of_areas(panel: AreaPanel) -> pd.DataFrame:
    """The same for a roll-out; the comparison areas of a quarter are those that have not started by its end.

    The comparison is averaged over the starts by the person-time of the areas that started then.
    `n_persons` is the largest number of distinct persons with an event in a month of the quarter, which
    bounds the quarter's from below.
    """
    quarters = np.arange(FIRST_QUARTER, LAST_QUARTER + 1)
    rows = [_quarter(panel, int(quarter)) for quarter in quarters]
    found = np.array(rows, dtype=float).reshape(len(quarters), 6)
    parts = [
        _frame("treated", quarters, found[:, 0], found[:, 1], found[:, 2]),
        _frame("comparison", quarters, found[:, 3], found[:, 4], found[:, 5]),
    ]
    return pd.concat(parts, ignore_index=True).dropna(subset=["rate"])


def _quarter(panel: AreaPanel, quarter: int) -> tuple[float, ...]:
    """Rate, events and persons of the treated, and of the comparison."""
    treated = np.zeros(3)
    others, weight, other_events, other_persons = 0.0, 0.0, 0.0, 0.0
    for start in np.unique(panel.starts[panel.starts < NEVER]):
        first = start + 3 * quarter
        months = (panel.months >= first) & (panel.months <= first + 2)
        if months.sum() < 3:
            continue
        own = _totals(panel, panel.starts == start, months)
        pool = _totals(panel, panel.starts > max(start, first + 2), months)
        treated += own
        if pool[1] > 0:
            others, weight = others + own[1] * pool[0] / pool[1], weight + own[1]
            other_events, other_persons = max(other_events, pool[0]), max(other_persons, pool[2])
    rate = treated[0] / treated[1] if treated[1] > 0 else np.nan
    return rate, treated[0], treated[2], others / weight if weight > 0 else np.nan, other_events, other_persons


def _totals(panel: AreaPanel, areas: Bools, months: Bools) -> Floats:
    """Events, person-years and persons of the areas that are covered in all the months."""
    whole = areas & ~np.isnan(panel.counts[:, months]).any(axis=1)
    block = np.ix_(whole, months)
    if not whole.any():
        return np.zeros(3)
    persons = panel.persons[block].max(axis=1).sum()
    return np.array([panel.counts[block].sum(), panel.person_years[block].sum(), persons])


def _frame(arm: str, quarter: Ints, rate: Floats, events: Floats, persons: Floats) -> pd.DataFrame:
    columns = {"arm": arm, "since_start": quarter, "rate": rate, "events": events, "n_persons": persons}
    return pd.DataFrame(columns)
