"""One series before and after a start, as arrays, and the step in it by segmented regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.estimates import UNKNOWN, Numbers
from ennakointi.causal.frames import OneSeries
from ennakointi.causal.segmented import DRAWS, INDEPENDENT, MODELS, Fit, Judged, fit, harmonic_columns, judge
from ennakointi.errors import DataError, ParameterError

FEWEST_BEFORE, FEWEST_AFTER = 8, 3
SPARE = 4  # observations beyond the coefficients
PAIRS = 2  # of sines and cosines


@dataclass(frozen=True, eq=False)
class Interrupted:
    """Usable periods of one series, (T,) each.

    Attributes
    ----------
    values : events, or another outcome.
    exposure : the offset; 1 without one.
    position : period, counted from the first of the data; `start` among them.
    ramp : share of the intervention that is in force: 0 before the start, 1 after the phase-in.
    waves, covariates : (T, k) harmonics of the season, and standardised covariates.
    counts : quasi-Poisson with log link, else Gaussian with identity link.
    """

    values: Floats
    exposure: Floats
    position: Ints
    ramp: Floats
    waves: Floats
    covariates: Floats
    start: int
    counts: bool

    @property
    def after(self) -> Bools:
        """(T,) periods from the start on."""
        return np.asarray(self.position >= self.start)

    @property
    def rates(self) -> Floats:
        """(T,) outcome per unit of exposure."""
        return self.values / self.exposure

    def part(self, keep: Bools) -> Interrupted:
        """Some of the periods."""
        kept = {name: getattr(self, name)[keep] for name in ("values", "exposure", "position", "ramp")}
        return replace(self, **kept, waves=self.waves[keep], covariates=self.covariates[keep])

    def placebo(self, start: int) -> Interrupted:
        """The periods before the start as if it had been earlier."""
        before = self.part(~self.after)
        return replace(before, start=start, ramp=(before.position >= start).astype(float))


def are_counts(values: Floats, offset: Floats | None) -> bool:
    """Non-negative whole numbers, or any non-negative values with an offset, are modelled as counts."""
    known = values[~np.isnan(values)]
    return bool((known >= 0).all() and (offset is not None or (known == np.round(known)).all()))


def prepare(series: OneSeries, season: int, washout: int, phase_in: int) -> Interrupted:
    """Missing periods and the washout left out; refusals where nothing could be learnt.

    Raises
    ------
    DataError
        Fewer than 8 usable periods before or 3 after the start, an outcome that does not vary before it, no events
        on a side, or negative values with an offset.
    """
    place = np.arange(len(series.values))
    offset = np.ones(len(place)) if series.offset is None else series.offset
    known = ~np.isnan(series.values) & ~np.isnan(offset) & ~np.isnan(series.regressors).any(axis=1)
    used = known & ((place < series.start) | (place >= series.start + washout))
    counts = are_counts(series.values, series.offset)
    if series.offset is not None and not counts:
        raise DataError("the outcome has negative values: an offset belongs to counts")
    covariates = series.regressors[used]
    mean, deviation = (one(axis=0) if used.any() else np.zeros(1) for one in (covariates.mean, covariates.std))
    found = Interrupted(
        values=series.values[used],
        exposure=offset[used],
        position=place[used],
        ramp=np.clip((place[used] - series.start + 1) / (phase_in + 1), 0, 1),
        waves=_waves(place[used], season, int((used & (place < series.start)).sum())),
        covariates=(covariates - mean) / np.where(deviation > 0, deviation, 1),
        start=series.start,
        counts=counts,
    )
    _require_enough(found)
    return found


def _waves(position: Ints, season: int, n_before: int) -> Floats:
    """Two pairs of harmonics from a season of four periods on, when there are two seasons of data, one before."""
    enough = season >= 4 and len(position) >= 2 * season and n_before >= season
    return harmonic_columns(position, season, PAIRS if enough else 0)


def _require_enough(found: Interrupted) -> None:
    after = found.after
    n_before, n_after = int((~after).sum()), int(after.sum())
    if n_before < FEWEST_BEFORE or n_after < FEWEST_AFTER:
        raise DataError(
            f"{n_before} usable periods before and {n_after} after the start, with every value known; at least "
            f"{FEWEST_BEFORE} and {FEWEST_AFTER} are needed"
        )
    if found.counts and 0 in (found.values[after].sum(), found.values[~after].sum()):
        raise DataError("no events before or after the start, so there is no rate to compare")
    if np.ptp(found.values[~after]) == 0:
        raise DataError("the outcome is the same in every period before the start: its noise cannot be learnt")
    columns = design(found)
    if len(columns) < columns.shape[1] + SPARE:
        raise DataError(
            f"{len(columns)} usable periods for {columns.shape[1]} coefficients: give fewer covariates or season 1"
        )
    if np.linalg.matrix_rank(columns) < columns.shape[1]:
        raise ParameterError(
            "the covariates do not vary, or follow from the trend, the season, the start and one another: leave "
            "some of them out"
        )


def estimable(series: Interrupted, columns: Floats, fewest_after: int = FEWEST_AFTER) -> bool:
    """Whether a part of the periods can tell the coefficients: full rank, some periods to spare, events on both
    sides."""
    after, values = series.after, series.values
    if after.sum() < fewest_after or len(columns) < columns.shape[1] + SPARE:
        return False
    events = not series.counts or (values[after].any() and values[~after].any())
    return bool(events and np.ptp(values) > 0 and np.linalg.matrix_rank(columns) == columns.shape[1])


def design(series: Interrupted, waves: bool = True, slope: bool = False) -> Floats:
    """(T, p) level, trend, harmonics, covariates, change of slope, and the step last."""
    trend = (series.position - series.position.mean()) / max(1, np.ptp(series.position))
    columns = [np.ones(len(trend)), trend, series.waves if waves else series.waves[:, :0], series.covariates]
    if slope:
        columns.append(np.maximum(series.position - series.start + 1, 0))
    return np.column_stack([*columns, series.ramp])


class Found(NamedTuple):
    """A step by one model: on the scale of the link, in the outcome's units, and as a share."""

    fit: Fit
    judged: Judged
    effect: Numbers
    relative: Numbers

    @property
    def step(self) -> Numbers:
        """The step on the scale of the link."""
        return Numbers(self.fit.step, self.judged.lo95, self.judged.hi95)


def estimate(series: Interrupted, columns: Floats, seed: int, draws: int = DRAWS, models: Floats = MODELS) -> Found:
    """The last of the columns as an effect; independent errors get the normal interval of published tables.

    The effect is the mean over the periods after the start of the fitted level minus the counterfactual one, per
    unit of exposure; its interval is in proportion to the step's, so that both leave out 0 together.
    """
    log_offset = np.log(series.exposure) if series.counts else None
    found = fit(series.values, columns, series.position, log_offset, models)
    if models is INDEPENDENT:
        half, critical = norm.ppf(0.975) * found.error, float(norm.ppf(0.975))
        p_value = float(2 * norm.sf(abs(found.step) / found.error))
        judged = Judged(found.step - half, found.step + half, p_value, critical)
    else:
        judged = judge(found, seed, draws)
    steps = Numbers(found.step, judged.lo95, judged.hi95)
    effect = Numbers(*(_slope(series, found) * step for step in steps))
    return Found(found, judged, effect, _relative(series, found, steps, effect))


def _slope(series: Interrupted, found: Fit) -> float:
    """Effect per unit of the step: fitted minus counterfactual level after the start, per unit of exposure."""
    after, ramp = series.after, series.ramp[series.after]
    if not series.counts:
        return float(ramp.mean())
    step = min(max(found.step, -30), 30)
    less = ramp if abs(step) < 1e-9 else -np.expm1(-step * ramp) / step
    return float((found.mean[after] * less).sum() / series.exposure[after].sum())


def _relative(series: Interrupted, found: Fit, steps: Numbers, effect: Numbers) -> Numbers:
    """Rate ratio − 1; of other outcomes the share of the counterfactual mean where all values are positive."""
    if series.counts:
        return Numbers(*(float(np.expm1(min(step, 30))) for step in steps))
    level = found.mean[series.after].mean()
    if (series.values <= 0).any() or level - max(effect) <= 0:
        return UNKNOWN
    return Numbers(*(float(one / (level - one)) for one in effect))


def expected(series: Interrupted, found: Found) -> tuple[Floats, Floats, Floats, Floats]:
    """(T,) fitted, counterfactual and its 95 % bounds, per unit of exposure; the last column of the fit is the ramp."""
    scale = np.sqrt(found.fit.mean) if series.counts else np.ones(len(series.values))
    columns = found.fit.design / scale[:, None]
    without = columns * np.append(np.ones(columns.shape[1] - 1), 0)
    centre = without @ found.fit.beta
    half = found.judged.critical * np.sqrt(np.einsum("tp,pq,tq->t", without, found.fit.covariance, without))
    bounds = [centre, centre - half, centre + half]
    without_it, low, high = (np.exp(np.clip(one, -30, 30)) for one in bounds) if series.counts else bounds
    return found.fit.mean / series.exposure, without_it, low, high
