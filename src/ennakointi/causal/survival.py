"""Time to an event: weighted Kaplan–Meier risks and restricted mean survival times of two arms at a horizon.

Ties are the rule (times are whole days): events of a time come before the censored of that time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.causal.areas import Bools, Floats, Ints
from ennakointi.causal.weighting import Rates, clustered
from ennakointi.errors import DataError

LEAST_AT_RISK = 0.1  # of the weight of an arm at the longest horizon that is chosen by itself


@dataclass(frozen=True, eq=False)
class Curve:
    """Weighted Kaplan–Meier curve of one arm.

    Attributes
    ----------
    time, survival : (J,) times of events up to the horizon and the share without the event right after each.
    risk : share with the event by the horizon; `mean` time without the event up to the horizon.
    risk_influence, mean_influence : (n,) of the arm's rows.
    """

    time: Floats
    survival: Floats
    risk: float
    mean: float
    risk_influence: Floats
    mean_influence: Floats

    def at(self, times: Floats) -> Floats:
        """Survival at other times up to the horizon."""
        return np.append(1.0, self.survival)[np.searchsorted(self.time, times, side="right")]


@dataclass(frozen=True, eq=False)
class RiskDifference:
    """Treated − comparison at the horizon; `risk` and `mean_time` are `Rates` with influences of all rows."""

    horizon: float
    risk: Rates
    mean_time: Rates
    risk_error: float
    mean_time_error: float
    curves: tuple[Curve, Curve]


def kaplan_meier(time: Floats, event: Bools, weight: Floats, horizon: float) -> Curve:
    """The curve of one arm.

    `time` (n,) to the event or the end of follow-up, `event` whether it happened, `weight` (n,) counts as known.
    Kaplan & Meier 1958, Journal of the American Statistical Association 53:457–481, 10.1080/01621459.1958.10501452;
    the squared influences of equal weights add up to Greenwood's variance. Witness: statsmodels' SurvfuncRight.
    """
    counted = event & (time <= horizon) & (weight > 0)
    times = np.unique(time[counted])
    died = np.bincount(np.searchsorted(times, time[counted]), weights=weight[counted], minlength=len(times))
    later = np.searchsorted(times, time, side="right")  # event times at which the row is at risk
    leaving = np.bincount(later, weights=weight, minlength=len(times) + 1)
    at_risk = np.cumsum(leaving[::-1])[::-1][1:]
    left = np.where(at_risk - died > 1e-12 * weight.sum(), at_risk - died, 0.0)
    survival = np.asarray(np.cumprod(left / at_risk), dtype=float)
    width = np.diff(np.append(times, horizon))
    area = np.cumsum((survival * width)[::-1])[::-1]  # under the curve from each time to the horizon
    mean = float((times[0] if len(times) else horizon) + (area[0] if len(times) else 0.0))
    end = float(survival[-1]) if len(times) else 1.0
    inverse = np.divide(1.0, left, out=np.zeros(len(times)), where=left > 0)
    event_place = np.searchsorted(times, time[counted])

    def influence(value: Floats) -> Floats:
        """Of −value·log survival at each time: minus the event's own term plus the risk it was under."""
        hazard = np.append(0.0, np.cumsum(value * died * inverse / at_risk))[later]
        own = np.zeros(len(time))
        own[counted] = (value * inverse)[event_place]
        return np.asarray(weight * (own - hazard))

    return Curve(times, survival, 1 - end, mean, influence(np.full(len(times), end)), -influence(area))


def risk_difference(
    time: Floats,
    event: Bools,
    treated: Bools,
    weight: Floats,
    horizon: float | None = None,
    cluster: Ints | None = None,
) -> RiskDifference:
    """Difference of weighted risks and of mean times without the event, with errors clustered by person.

    Parameters
    ----------
    time, event, treated, weight : (n,); times from the index date, censored at the end of follow-up.
    horizon : in the unit of `time`; when None the longest at which a tenth of each arm is still followed.
    cluster : (n,) number of the person, each row its own when None.

    Raises
    ------
    DataError : when an arm is not followed up to the horizon.
    """
    longest = min(_followed(time[arm], weight[arm]) for arm in (treated, ~treated))
    until = longest if horizon is None else float(horizon)
    latest = min(float(time[arm & (weight > 0)].max()) for arm in (treated, ~treated))
    if until <= 0 or until > latest:
        raise DataError(f"the horizon {until:g} lies outside the follow-up: both arms are followed up to {latest:g}")
    curves: list[Curve] = []
    risk: list[Floats] = []
    mean: list[Floats] = []
    for arm in (~treated, treated):
        curve = kaplan_meier(time[arm], event[arm], weight[arm], until)
        curves.append(curve)
        for held, values in ((risk, curve.risk_influence), (mean, curve.mean_influence)):
            whole = np.zeros(len(time))
            whole[arm] = values
            held.append(whole)
    risks = Rates(curves[1].risk, curves[0].risk, risk[1], risk[0])
    means = Rates(curves[1].mean, curves[0].mean, mean[1], mean[0])
    rows = np.arange(len(time)) if cluster is None else cluster
    errors = clustered(risks.influence, rows), clustered(means.influence, rows)
    return RiskDifference(until, risks, means, *errors, (curves[0], curves[1]))


def _followed(time: Floats, weight: Floats) -> float:
    """The longest time up to which at least a tenth of the arm's weight is followed."""
    order = np.argsort(-time, kind="stable")
    reached = np.cumsum(weight[order]) >= LEAST_AT_RISK * weight.sum()
    return float(time[order][np.argmax(reached)])
