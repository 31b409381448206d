"""The visible part of a debt: how much longer the queue is than it would have been, in persons waiting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ennakointi import sample_paths
from ennakointi.debt import paths
from ennakointi.debt.expected import Floats
from ennakointi.debt.service_series import ServiceSeries
from ennakointi.sample_paths import PooledFactors

MINIMUM_WAITING = 12.0  # person-months in the baseline's queue; with fewer its level is not known
PLACEBO_PATHS = 100
LEAST_FACTOR = 0.7  # few placebos of few queues must not make an interval vanish


def excess(series: ServiceSeries, factors: PooledFactors, n_paths: int, seed: int, trend: paths.Trend) -> Floats | None:
    """Draws (p, h) of the queue beyond the expected one at the end of each month; None where the register
    of referrals does not reach from the baseline's start to the account's end.

    The queue of the baseline, per contact expected at its rates, is continued as expected use is
    (`paths.simulate`): a queue grows with the number who need the service. Its spread is scaled by what the same
    forecasts missed in earlier years (`calibrate`). A baseline without a queue expects none.
    """
    account = series.account
    waiting = series.between(series.waiting, account.window_start, account.last)
    before = series.between(series.waiting, account.baseline_start, account.baseline_end)
    if np.isnan(before).any() or np.isnan(waiting).any():
        return None
    if before.sum() < MINIMUM_WAITING:
        return np.tile(waiting, (n_paths, 1))
    simulated = paths.simulate(
        before,
        series.between(series.expected, account.baseline_start, account.baseline_end),
        np.arange(account.baseline_start, account.baseline_end + 1),
        series.between(series.expected, account.baseline_end + 1, account.last),
        n_paths,
        seed,
        trend,
    )
    point = simulated.point[account.skip :]
    wider = reaching(factors.factor80, len(point)) * (simulated.paths[:, account.skip :] - point)
    return np.asarray(waiting - np.maximum(point + wider - wider.mean(axis=0), 0.0))


def calibrate(series: Sequence[ServiceSeries], horizon: int, seed: int, trend: paths.Trend) -> PooledFactors:
    """Factors on the spread of an expected queue by months ahead, from placebo origins in the services' earlier years,
    pooled over services (`sample_paths.pooled_factors`); the queue at a month's end is compared, not a sum."""
    ratios = []
    for i, one in enumerate(series):
        account = one.account
        months = slice(0, account.window_start - int(one.months[0]))
        waiting, expected, when = one.waiting[months], one.expected[months], one.months[months]
        known = np.flatnonzero(np.isfinite(waiting))
        if len(known) == 0 or waiting[known].sum() < MINIMUM_WAITING:
            continue
        for origin in range(24, len(when) - account.skip, 12):
            past, ahead = slice(max(origin - 36, 0), origin), slice(origin, origin + account.skip + horizon)
            if waiting[past].sum() > 0 and (expected[past] > 0).all():  # a sum with NaN is not above 0
                made = paths.simulate(
                    waiting[past], expected[past], when[past], expected[ahead], PLACEBO_PATHS, seed + i + origin, trend
                )
                ratios.append(_ratios(waiting[ahead], made, account.skip, horizon))
    return sample_paths.pooled_factors(ratios, horizon, least=LEAST_FACTOR)


def _ratios(came: Floats, made: paths.Paths, skip: int, horizon: int) -> Floats:
    """|error| over the sd of the paths (horizon,), NaN where what came ends."""
    error = np.abs(came - made.point)[skip:]
    ratios = np.full(horizon, np.nan)
    ratios[: len(error)] = error / np.maximum(made.paths[:, skip:].std(axis=0), 1e-9)
    return ratios


def reaching(factor: Floats, h: int) -> Floats:
    """A factor for each of h months: beyond the calibrated horizon the last known one, 1 where none is."""
    known = factor[np.isfinite(factor)]
    last = known[-1] if len(known) else 1.0
    kept = np.where(np.isfinite(factor), factor, last)[:h]
    return np.pad(kept, (0, h - len(kept)), constant_values=last)
