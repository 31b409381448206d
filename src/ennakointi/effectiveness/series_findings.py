"""Effects read from one series before and after: weak evidence, of record only where nothing can be compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ennakointi.causal import did_inference, structural, synthetic_control
from ennakointi.causal.areas import NEVER, AreaPanel, Bools, Floats, Ints
from ennakointi.causal.difference import window_sums
from ennakointi.causal.discontinuity import bandwidth, discontinuity
from ennakointi.causal.frames import OneSeries
from ennakointi.causal.interrupted import prepare
from ennakointi.causal.rollout import BASE_MONTHS
from ennakointi.causal.segmented import StepEffect, step_effect
from ennakointi.effectiveness import effect_checks
from ennakointi.effectiveness.findings import Finding, refused
from ennakointi.effectiveness.verdicts import Interval
from ennakointi.errors import DataError
from ennakointi.results import Check
from ennakointi.text import N_

YEAR, QUARTER = 12, 3  # months
WASHOUT_TRIED = 3  # months left out after the start, as a check
TOO_SHORT = N_("There are too few months or events before or after the start.")


@dataclass(frozen=True, eq=False)
class Series:
    """The areas with one start together: numerators and denominators by month, (T,) each.

    `persons` : distinct persons with an event after the start, the largest month of each area summed.
    """

    counts: Floats
    person_years: Floats
    months: Ints
    start: int
    areas: int
    persons: float

    @property
    def after(self) -> Bools:
        """(T,) whether the month is under the intervention."""
        return np.asarray(self.months >= self.start)

    @property
    def rates(self) -> tuple[float, float]:
        """Numerator per denominator under the intervention, and in the year before the start."""
        before = ~self.after & (self.months >= self.start - BASE_MONTHS)
        parts = [(np.nansum(self.counts[part]), self.person_years[part].sum()) for part in (self.after, before)]
        after, base = (float(events / time) if time > 0 else np.nan for events, time in parts)
        return after, base


def one_series(panel: AreaPanel, minimum_before: int) -> Series | None:
    """The started areas that the register holds long enough before their one start; None when there is none."""
    starts = np.unique(panel.starts[panel.starts <= panel.months[-1]])
    if len(starts) != 1:
        return None
    start = int(starts[0])
    held = (panel.starts == start) & ~np.isnan(panel.counts[:, panel.months >= start - minimum_before]).any(axis=1)
    if not held.any():
        return None
    after = panel.months >= start
    return Series(
        panel.counts[held].sum(axis=0),
        panel.person_years[held].sum(axis=0),
        panel.months,
        start,
        int(held.sum()),
        float(panel.persons[held][:, after].max(axis=1).sum()),
    )


def interrupted(panel: AreaPanel, minimum_before: int, washout: int, seed: int, record: bool) -> Finding:
    """Segmented regression of the series."""
    series = one_series(panel, minimum_before)
    if series is None:
        return refused(N_("The register does not hold the areas long enough before the start."), "its")
    effect = _step(series, series.start, washout, seed)
    if effect is None:
        return refused(TOO_SHORT, "its")
    checks = _checks(series, effect, washout, seed) if record else ()
    return _finding(series, effect, checks, record)


def _step(series: Series, start: int, washout: int, seed: int, until: int | None = None) -> StepEffect | None:
    """The step at a start, from the months before `until`; None when there are too few of them."""
    used = series.months < (NEVER if until is None else until)
    try:
        return step_effect(
            series.counts[used], series.person_years[used], series.months[used], start, seed, washout=washout
        )
    except DataError:
        return None


def _checks(series: Series, effect: StepEffect, washout: int, seed: int) -> tuple[Check, ...]:
    """No comparison, autocorrelation, a start a year too early, the first months, and another model."""
    bounds = (effect.lo95, effect.hi95)
    early = _step(series, series.start - YEAR, 0, seed, until=series.start)
    later = _step(series, series.start, washout + WASHOUT_TRIED, seed)
    drifting = _structural(series, washout, seed)
    return (
        *effect_checks.of_series(effect),
        effect_checks.placebo_date(None if early is None else early.p_value),
        effect_checks.washout(None if later is None else later.estimate, bounds),
        effect_checks.drifting_level(None if drifting is None else drifting.log.estimate, bounds),
    )


def _finding(series: Series, effect: StepEffect, checks: tuple[Check, ...], record: bool) -> Finding:
    after, before = series.rates
    crude = float(np.log(after / before)) if min(after, before) > 0 else np.nan
    return Finding(
        design="its",
        log=Interval(effect.estimate, effect.lo95, effect.hi95),
        p_value=effect.p_value,
        rate=after,
        detectable=effect.detectable,
        crude=crude,
        expected=crude - effect.estimate,
        n_treated=series.areas,
        counted="areas",
        n_persons=series.persons,
        start=series.start,
        checks=checks,
        record=record,
    )


def beside(design: str, panel: AreaPanel, minimum_before: int, washout: int, seed: int) -> Finding | None:
    """Another design of areas with one start, shown beside that of record; None when it finds nothing."""
    if design == "its":
        found = interrupted(panel, minimum_before, washout, seed, record=False)
        return found if np.isfinite(found.log.estimate) else None
    if design in _SYNTHETIC:
        return _synthetic(design, panel, washout, seed)
    series = one_series(panel, minimum_before)
    return None if series is None else _SERIES[design](series, washout, seed)


def _structural(series: Series, washout: int, seed: int) -> Finding | None:
    """Bayesian structural time series of the log rate with a trend, which the design of record has too: a level alone
    would take the trend for an effect."""
    used = (series.months < series.start) | (series.months >= series.start + washout)
    rate = np.log((series.counts + 0.5) / series.person_years)[used]
    if not np.isfinite(rate).all():
        return None
    try:
        found = structural.impact(rate, int((~series.after).sum()), series.months[used, None] / YEAR, YEAR, seed)
    except DataError:
        return None
    return _beside("bsts", Interval(*found.average), 2 * found.tail, series)


def _discontinuity(series: Series, washout: int, seed: int) -> Finding | None:
    """The jump at the start from the two years on both sides."""
    times = tuple(map(str, series.months))
    whole = OneSeries(
        times, series.counts, series.person_years, np.zeros((len(times), 0)), int((~series.after).sum()), YEAR
    )
    try:
        prepared = prepare(whole, YEAR, washout, 0)
        found = discontinuity(prepared, bandwidth(prepared, YEAR), seed=seed)
    except DataError:
        return None
    if found is None:
        return None
    judged = found.judged
    return _beside("rdit", Interval(found.fit.step, judged.lo95, judged.hi95), judged.p_value, series)


_SERIES = {"bsts": _structural, "rdit": _discontinuity}
_SYNTHETIC = ("synthetic_did", "synthetic_control")


def _synthetic(design: str, panel: AreaPanel, washout: int, seed: int) -> Finding | None:
    """A weighted mix of areas without the intervention, from the log rates of quarters before and after the start."""
    start = int(panel.starts[panel.starts < NEVER].min())
    n_before = (start - int(panel.months[0])) // QUARTER
    n_after = (int(panel.months[-1]) + 1 - start - washout) // QUARTER
    if n_before < 2 or n_after < 1:
        return None
    first = np.concatenate(
        [start - QUARTER * np.arange(n_before, 0, -1), start + washout + QUARTER * np.arange(n_after)]
    )
    parts = (panel.counts, np.where(np.isnan(panel.counts), np.nan, panel.person_years))
    counts, time = (window_sums(part, panel.months, first, first + QUARTER - 1) for part in parts)
    rate = np.log((counts + 0.5) / time)
    whole = np.isfinite(rate).all(axis=1)
    treated, donors = whole & (panel.starts == start), whole & (panel.starts == NEVER)
    if not treated.any() or not donors.any():
        return None
    log, p_value = _mixed(design, rate, treated, donors, n_before, seed)
    series = one_series(panel, BASE_MONTHS)
    found = None if series is None else _beside(design, log, p_value, series)
    return None if found is None else replace(found, n_treated=int(treated.sum()), n_comparison=int(donors.sum()))


def _mixed(design: str, rate: Floats, treated: Bools, donors: Bools, start: int, seed: int) -> tuple[Interval, float]:
    """Effect and p-value by placebos in the donors' place; NaN bounds where there are too few donors for 5 %."""
    if design == "synthetic_did":
        cohort = did_inference.Cohort(rate[treated], rate[donors], start, np.arange(rate.shape[1]) - start)
        found = did_inference.inference([cohort], did_inference.estimate([cohort]), seed)
        return Interval(*found.effect), found.p_value
    kept = treated | donors
    test = synthetic_control.with_placebos(rate[kept], np.flatnonzero(treated[kept]).tolist(), start, seed=seed)
    return Interval(*test.effect), test.p_value


def _beside(design: str, log: Interval, p_value: float, series: Series) -> Finding:
    return Finding(
        design,
        log=log,
        p_value=p_value,
        rate=series.rates[0],
        n_treated=series.areas,
        counted="areas",
        n_persons=series.persons,
        start=series.start,
        record=False,
    )
