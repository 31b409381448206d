"""Rates of rounded counts, and coefficients of models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ennakointi.disclosure.presets import Preset, round_share, round_values
from ennakointi.disclosure.primary import HIDDEN
from ennakointi.disclosure.tabulation import few, hide, keys, known_columns
from ennakointi.errors import ParameterError
from ennakointi.result_tables import PERSONS

LEAST_FREEDOM = 10  # residual degrees of freedom of a model that may leave (Griffiths et al. 2019)


def rates(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    event: str,
    preset: Preset,
    persons: str | None = None,
    per: float = 1.0,
) -> pd.DataFrame:
    """How many of how many had an event, by group.

    Parameters
    ----------
    frame : one row a person, or with `persons` any number of rows of a person, who had the event if one row has it.
    by : the column or columns of the groups. event : a column of 0 and 1 or of truth values, without gaps.
    per : the rate is per so many, for example 1,000.

    Returns
    -------
    The groups' columns, `n` and `events` (rounded), `rate` (rounded events over rounded n, three digits),
    `suppressed`. A row is hidden whole: when n, the events, or those without an event are 1 … threshold − 1.
    """
    groups = keys(by)
    known_columns(frame, *groups, event, persons)
    happened = frame[event]
    if happened.isna().any() or not set(happened.unique()) <= {0, 1}:
        raise ParameterError(f"column {event!r}: an event is 0 or 1 in every row")
    if persons is not None:
        frame = frame.groupby([*groups, persons], observed=True)[event].max().reset_index()
    counted = frame.groupby(groups, observed=True)[event].agg(n="size", events="sum").reset_index()
    n, events = (counted[name].to_numpy(dtype=np.float64) for name in ("n", "events"))
    hidden = few(n, preset) | few(events, preset) | few(n - events, preset)
    hidden |= (preset.zeros == HIDDEN) & (events == 0)
    hidden |= (preset.everyone == HIDDEN) & (events == n)
    n, events = (round_values(numbers, PERSONS, preset) for numbers in (n, events))
    rate = round_share(per * np.divide(events, n, out=np.full(len(n), np.nan), where=n > 0))
    told = counted.assign(n=n, events=events, rate=rate)
    return hide(told, ["n", "events", "rate"], hidden[:, None])


def coefficients(
    table: pd.DataFrame,
    preset: Preset,
    persons: str,
    events: str | None = None,
    degrees_of_freedom: float | None = None,
) -> pd.DataFrame:
    """Estimates of a model, hidden where they speak of few persons.

    Parameters
    ----------
    table : one row a coefficient: its name, and numbers such as estimate and interval.
    persons : column of the distinct persons behind the coefficient: those in the category of a dummy variable.
    events : column of their events, where the model is of events.
    degrees_of_freedom : residual ones of the model; under ten everything is hidden, because so full a model gives its
        data back.

    Returns
    -------
    The table with persons and events rounded, other numbers with three digits, and `suppressed`.
    """
    known_columns(table, persons, events)
    counts = [name for name in (persons, events) if name is not None]
    numbers = [name for name in table.select_dtypes("number").columns if name not in counts]
    n = table[persons].to_numpy(dtype=np.float64)
    hidden = few(n, preset) | np.isnan(n)
    if events is not None:
        had = table[events].to_numpy(dtype=np.float64)
        hidden |= few(had, preset) | few(n - had, preset) | np.isnan(had)
    if degrees_of_freedom is not None and degrees_of_freedom < LEAST_FREEDOM:
        hidden[:] = True
    told = table.assign(
        **{name: round_values(table[name].to_numpy(dtype=np.float64), PERSONS, preset) for name in counts},
        **{name: round_share(table[name].to_numpy(dtype=np.float64)) for name in numbers},
    )
    return hide(told, [*counts, *numbers], hidden[:, None])
