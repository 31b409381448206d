"""Survival curves that step in groups: no step is one person's event, no time is one person's day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.causal.survival import kaplan_meier
from ennakointi.disclosure.presets import Preset, round_values
from ennakointi.disclosure.tabulation import Floats, hide, keys, known_columns
from ennakointi.errors import ParameterError
from ennakointi.result_tables import PERSONS

_NUMBERS = ["at_risk", "events", "survival"]


def survival(
    frame: pd.DataFrame,
    time: str,
    event: str,
    preset: Preset,
    by: str | Sequence[str] = (),
    every: float = 30.0,
) -> pd.DataFrame:
    """Kaplan–Meier curves by group, as steps of at least `threshold` events.

    Parameters
    ----------
    frame : one row a person: `time` to the event or to the end of follow-up, `event` 1 where it happened, else 0.
    by : the column or columns of the groups; empty: one curve.
    every : steps stand at whole multiples of this time, in the unit of `time`.

    Returns
    -------
    The groups' columns, `time`, `at_risk` (persons still followed right after it, rounded), `events` (since the row
    before, rounded), `survival` (share without the event, no finer than rounding of the events leaves it), and
    `suppressed`. Each row but the first closes a step: at least `threshold` events since the row before, at least
    `threshold` persons at risk after it. The curve is level between rows and is not told after the last one.

    Notes
    -----
    Kaplan & Meier 1958, 10.1080/01621459.1958.10501452; steps in groups as in OpenSAFELY's kaplan-meier action.
    Witness: statsmodels' SurvfuncRight at the times of the steps.
    """
    groups = keys(by)
    known_columns(frame, time, event, *groups)
    lasted, happened = frame[time], frame[event]
    if lasted.isna().any() or (lasted < 0).any() or every <= 0:
        raise ParameterError(f"column {time!r}: times are 0 or more in every row, and steps have a length above 0")
    if happened.isna().any() or not set(happened.unique()) <= {0, 1}:
        raise ParameterError(f"column {event!r}: an event is 0 or 1 in every row")
    parts = frame.groupby(groups, observed=True) if groups else [((), frame)]
    rows = [
        (*key, *step)
        for key, part in parts
        for step in _steps(part[time].to_numpy(np.float64), part[event].to_numpy(np.float64) > 0, preset, every)
    ]
    table = pd.DataFrame(rows, columns=[*groups, "time", *_NUMBERS, "n"])
    hidden = (table.pop("n") < preset.threshold).to_numpy(dtype=bool)
    return hide(table, _NUMBERS, hidden[:, None])


def _steps(
    time: Floats, event: npt.NDArray[np.bool_], preset: Preset, every: float
) -> Iterator[tuple[float, float, float, float, int]]:
    """Time, at risk, events, survival and persons of each step of one curve; its first row is the start."""
    n = len(time)
    shown = _rounded(n, preset)
    yield 0.0, shown, 0.0, 1.0, n
    if n < preset.threshold:
        return
    grid: Floats = every * np.arange(1.0, np.ceil(time.max() / every) + 1)
    curve = kaplan_meier(time, event, np.ones(n), float(grid[-1]) if len(grid) else 0.0)
    unit = preset.base / max(shown, preset.base)
    had = np.searchsorted(np.sort(time[event]), grid, side="right")
    followed = n - np.searchsorted(np.sort(time), grid, side="right")
    before = 0
    for end, level, events, at_risk in zip(grid, curve.at(grid), had, followed, strict=True):
        if at_risk < preset.threshold:
            return
        if events - before >= preset.threshold:
            share = round(round(float(level) / unit) * unit, 6)
            yield float(end), _rounded(at_risk, preset), _rounded(events - before, preset), share, n
            before = events


def _rounded(number: int, preset: Preset) -> float:
    return float(round_values(np.array([float(number)]), PERSONS, preset)[0])
