"""Whether as many came to have the need as foretold: intercept, slope, curve, and each group of residents by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from ennakointi.need import demand, discrimination
from ennakointi.need.cases import DIMENSIONS, GROUP
from ennakointi.need.demand import ALL, Bools, Dependence, Floats

Z95 = 1.959964
LEAST_RISK = 1e-9
COVERAGE = 0.95
FEWEST = 10  # with the need, and without it, in a group of the curve


@dataclass(frozen=True)
class Calibration:
    """What a prediction says of how many and what came.

    Attributes
    ----------
    n, events : persons and those with the need; `expected` : sum of the risks
    intercept : log odds by which the risks are too low (calibration in the large); 0 is right
    slope : 1 is right; below 1 the risks are too extreme, above 1 too even
    *_lo95, *_hi95 : 95 % intervals (Wald); everything is NaN where it cannot be told
    """

    n: int
    events: int
    expected: float
    intercept: float
    intercept_lo95: float
    intercept_hi95: float
    slope: float
    slope_lo95: float
    slope_hi95: float


def calibrate(risk: Floats, event: Bools) -> Calibration:
    """Calibration in the large and slope of risks (n,) against outcomes (n,).

    Cox 1958, Biometrika 45:562–565; Van Calster et al. 2019, 10.1186/s12916-019-1466-7. The intercept is that of a
    logistic regression with logit risk as offset, the slope that of one on logit risk. Witness: statsmodels' GLM.
    """
    odds = _log_odds(risk)
    intercept = _fitted(np.ones((len(odds), 1)), odds, event)
    slope = _fitted(np.column_stack([np.ones(len(odds)), odds]), np.zeros(len(odds)), event)
    return Calibration(
        len(odds), int(event.sum()), float(np.sum(risk)), *_interval(*intercept, 0), *_interval(*slope, 1)
    )


def curve(risk: Floats, event: Bools, groups: int = 10) -> pd.DataFrame:
    """Mean risk `x` and observed share `y` in groups of equal size by risk, persons of one risk never parted. A group
    with few who have the need, or few who have not, is joined with its neighbour.

    Returns
    -------
    place (from 1), x, y, n_persons: those with or those without the need, whichever are fewer
    """
    order = np.argsort(risk, kind="stable")
    rank = np.empty(len(risk), dtype=np.int64)
    rank[order] = np.arange(len(risk))
    _, same = np.unique(risk, return_inverse=True)
    middle = (np.bincount(same, weights=rank) / np.maximum(np.bincount(same), 1))[same]
    group = np.minimum((middle * groups / max(len(risk), 1)).astype(np.int64), groups - 1)
    frame = pd.DataFrame({"group": group, "x": risk, "y": event.astype(float)})
    frame["group"] = _enough(frame)
    summed = frame.groupby("group").agg(x=("x", "mean"), y=("y", "mean"), events=("y", "sum"), n=("y", "size"))
    fewer = np.minimum(summed["events"].to_numpy(), (summed["n"] - summed["events"]).to_numpy()).astype(int)
    told = {"x": summed["x"].to_numpy(), "y": summed["y"].to_numpy(), "n_persons": fewer}
    return pd.DataFrame({"place": np.arange(1, len(summed) + 1), **told})


def _enough(frame: pd.DataFrame) -> NDArray[np.int64]:
    """Number of the group of each row, neighbours joined until `FEWEST` persons have the need and as many have not."""
    counted = frame.groupby("group")["y"].agg(["sum", "size"])
    joined, number, events, persons = {}, 0, 0.0, 0
    for group, with_need, size in counted.itertuples():
        joined[group], events, persons = number, events + with_need, persons + size
        if events >= FEWEST and persons - events >= FEWEST:
            number, events, persons = number + 1, 0.0, 0
    if persons and number:  # what is left over belongs to the last whole group
        joined = {group: min(place, number - 1) for group, place in joined.items()}
    return frame["group"].map(joined).to_numpy(np.int64)


def by_dimension(risk: Floats, event: Bools, frame: pd.DataFrame, dependence: Dependence | None = None) -> pd.DataFrame:
    """Table `need_calibration` of one outcome, horizon and model, without their columns.

    Parameters
    ----------
    risk, event : (n,) of the persons of the test
    frame : n rows with any of sex, age_band, municipality, language, and a column `group_<target group>` for each
        group; what is not there is left out
    dependence : how alike persons of a municipality are; without it the interval is that of independent persons. Its
        level is left out: that everyone is foretold wrongly alike is what the interval is to show
    """
    alike = None if dependence is None else replace(dependence, level=0.0)
    area = frame["municipality"].astype(object).to_numpy() if "municipality" in frame else None
    made = []
    for dimension, value, inside in _parts(frame):
        part = calibrate(risk[inside], event[inside])
        place = None if area is None else area[inside]
        low, high = demand.distribution(risk[inside], place, alike).interval(COVERAGE)
        made.append(
            {
                "dimension": dimension,
                "value": value,
                "observed": part.events,
                "expected": part.expected,
                "ratio": part.events / part.expected if part.expected > 0 else np.nan,
                "intercept": part.intercept,
                "slope": part.slope,
                "auroc": _auroc(event[inside], risk[inside]),
                "within": "yes" if low <= part.events <= high else "no",
                "at_risk": part.n,
                "n_persons": min(part.events, part.n - part.events),
            }
        )
    return pd.DataFrame(made)


def _parts(frame: pd.DataFrame) -> Iterator[tuple[str, str, Bools]]:
    """Dimension, value and who: everyone first, then the values of each dimension in their order, and their whole."""
    yield ALL, ALL, np.ones(len(frame), bool)
    for dimension in DIMENSIONS:
        if dimension in frame:
            values = frame[dimension].astype("category")  # the order of the categories, or of the alphabet
            for place, value in enumerate(values.cat.categories):
                inside: Bools = (values.cat.codes == place).to_numpy()
                if inside.any():
                    yield dimension, str(value), inside
            if not values.isna().any():  # what adds up to everyone is protected as a sum
                yield dimension, ALL, np.ones(len(frame), bool)
    for column in frame.columns:
        if column.startswith(GROUP):
            member = frame[column].fillna(False).to_numpy(dtype=bool)
            if member.any() and column != GROUP + ALL:
                yield "target_group", column.removeprefix(GROUP), member


def _auroc(event: Bools, risk: Floats) -> float:
    """NaN where there are not both those with the need and those without."""
    return discrimination.auroc(event, risk)[0] if 0 < event.sum() < len(event) else float("nan")


def _log_odds(risk: Floats) -> Floats:
    return np.asarray(logit(np.clip(np.asarray(risk, dtype=float), LEAST_RISK, 1 - LEAST_RISK)), dtype=float)


def _interval(value: Floats, error: Floats, place: int) -> tuple[float, float, float]:
    """Estimate and its 95 % ends."""
    middle, wide = float(value[place]), Z95 * float(error[place])
    return middle, middle - wide, middle + wide


def _fitted(design: Floats, offset: Floats, event: Bools) -> tuple[Floats, Floats]:
    """Coefficients and standard errors of a logistic regression by Newton's method; NaN where there is none.

    There is none without both outcomes, with one risk for everyone, or when risks part the outcomes wholly.
    """
    k = design.shape[1]
    nothing = np.full(k, np.nan), np.full(k, np.nan)
    if not 0 < event.sum() < len(event) or (k > 1 and np.ptp(design[:, 1]) < 1e-9):
        return nothing
    value = np.zeros(k) if k == 1 else np.array([0.0, 1.0])
    for _ in range(50):
        risk = expit(offset + design @ value)
        information = (design * (risk * (1 - risk))[:, None]).T @ design
        if not np.linalg.det(information) > 1e-9:
            return nothing
        step = np.linalg.solve(information, design.T @ (event - risk))
        value = value + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            return value, np.sqrt(np.diag(np.linalg.inv(information)))
    return nothing
