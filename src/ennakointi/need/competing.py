"""Death before the need: the chance foretold is that of the need coming first, so those who die do not count as it.

The dead are not left out as if they could still have had the need: that would foretell a world without deaths.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ennakointi.errors import DataError
from ennakointi.need import early
from ennakointi.need.cases import DIED as STATE_DIED
from ennakointi.need.cases import MONTHS_IN_QUARTER, RESIDENT, Followed, Register, later
from ennakointi.need.demand import Bools, Floats
from ennakointi.parameters.need_documents import NeedOutcome

FOLLOWED, NEED, DIED = 0, 1, 2


def died_share(event: Bools, died: Bools) -> float:
    """Share of those at risk who died before the need; NaN with no one at risk."""
    return float((died & ~event).mean()) if len(event) else float("nan")


def curve(register: Register, outcome: NeedOutcome, followed: Followed, months: int) -> pd.DataFrame:
    """Share to whom the need had come by each quarter of the horizon, before death; the moved are followed till then.

    Returns
    -------
    place (from 1), x months ahead, y the share, reference the share if the dead had been left out (too high),
    n_persons: those to whom the need had come by then or those to whom it had not, whichever are fewer
    """
    time, cause = _firsts(register, outcome, followed, months)
    told = incidence(time, cause, months // MONTHS_IN_QUARTER).set_index("time")
    at = np.arange(1, months // MONTHS_IN_QUARTER + 1)
    by_quarter = told.reindex(at, method="ffill").fillna(0.0)
    came = np.array([((cause == NEED) & (time <= quarter)).sum() for quarter in at])
    made = {"place": at, "x": at * MONTHS_IN_QUARTER, "y": by_quarter["need"].to_numpy()}
    made |= {"reference": by_quarter["naive"].to_numpy(), "n_persons": np.minimum(came, len(time) - came)}
    return pd.DataFrame(made)


def _firsts(
    register: Register, outcome: NeedOutcome, followed: Followed, months: int
) -> tuple[Floats, NDArray[np.int64]]:
    """Quarter of what came first (from 1) and what it was, (n,) each."""
    n_quarters = months // MONTHS_IN_QUARTER
    time, cause = np.full(len(followed), float(n_quarters)), np.full(len(followed), FOLLOWED)
    for quarter in range(n_quarters, 0, -1):
        day = later(followed.at_risk.quarter, quarter * MONTHS_IN_QUARTER)
        frame = register.features.read(str(day), ["person", "state"])
        state = pd.Series(frame["state"].astype(str).to_numpy(), index=frame["person"])
        held = state.reindex(followed.at_risk.person).to_numpy()
        time[held != RESIDENT] = quarter
        cause[held == STATE_DIED] = DIED
    time[followed.event] = 1 + early.need_quarters(register, outcome, followed, months)
    cause[followed.event] = NEED
    return time, cause


def incidence(time: Floats, cause: NDArray[np.int64], horizon: float) -> pd.DataFrame:
    """Cumulative incidence of the need and of death before it, when some are followed for a shorter time.

    Aalen & Johansen 1978, Scandinavian Journal of Statistics 5:141–150: at each time the share still without either
    × the share of those at risk to whom it then comes. Witness: statsmodels' CumIncidenceRight, and by hand.

    Parameters
    ----------
    time : (n,) until what came first, for example quarters; events of a time come before the end of following
    cause : (n,) FOLLOWED (moved, or followed to the end), NEED or DIED
    horizon : the longest time told

    Returns
    -------
    time, need, died, and naive: 1 − Kaplan–Meier of the need with the dead as if followed to then, which is too high

    Raises
    ------
    DataError : when a cause is not among the three.
    """
    if unknown := sorted(set(np.unique(cause).tolist()) - {FOLLOWED, NEED, DIED}):
        raise DataError(f"cause {unknown[0]} is not known: 0 followed, 1 the need, 2 died")
    counted = (cause != FOLLOWED) & (time <= horizon)
    times = np.unique(time[counted])
    at_risk = np.asarray([(time >= t).sum() for t in times], dtype=float)
    need = np.asarray([((time == t) & (cause == NEED)).sum() for t in times], dtype=float)
    died = np.asarray([((time == t) & (cause == DIED)).sum() for t in times], dtype=float)
    free = np.cumprod(1 - (need + died) / at_risk)
    before = np.append(1.0, free)[: len(times)]
    naive = 1 - np.cumprod(1 - need / at_risk)
    shares = {"need": np.cumsum(before * need / at_risk), "died": np.cumsum(before * died / at_risk)}
    return pd.DataFrame({"time": times, **shares, "naive": naive})
