"""What the movements of a scheme come to: who stays, for how long, and who needs more or less than a year before."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.segmentation.transitions import ALL, QUARTER, YEAR, Floats, History, counts, tidy

TELLING = 10.0  # persons: a share that is rounded to fewer than these could tell a count


def table(scheme: str, history: History, ordered: bool = True) -> pd.DataFrame:
    """`segment_movement` of a scheme, with the row `all` of all segments together.

    Shares are of those who were in the segment a year ago and are still residents. The expected time in a segment is
    1 / (1 − p) quarters, with p the share that is in it a quarter later and deaths and moves away as exits (the mean of
    a geometric stay; Kemeny & Snell 1960, Finite Markov Chains, 3.2), over the quarters of the last year; empty where
    nobody left. A time is too short where persons of a segment differ: those who are still in it stay longer.

    Parameters
    ----------
    ordered : whether the scheme's order is one of gravity; otherwise nothing is graver or less grave

    Witnesses: of 100 persons 95 are in the segment a quarter later: 20 quarters, 5 years. About 85 % of Kaiser's senior
    segments are the same a year later (Kaiser's Senior Segmentation, PMC4116260): a scheme far from it deserves a look.
    """
    year = history.pair(history.last, YEAR) if history.assigned else None
    if year is None:
        return tidy(pd.DataFrame(), "segment_movement")
    order = list(history.order)
    still = counts(year, history.order).loc[order, order].to_numpy(float)
    stays = stay_years(history)
    rows = [
        {"segment": code, **_shares(still[[i]], np.array([i]), ordered), "stay_years": stays[i]}
        for i, code in enumerate([*order])
    ]
    rows.append({"segment": ALL, **_shares(still, np.arange(len(order)), ordered), "stay_years": stays[-1]})
    return tidy(pd.DataFrame(rows).assign(scheme=scheme), "segment_movement")


def stay_years(history: History) -> Floats:
    """Expected years in each segment, and in whichever segment a person is in, (S + 1,); NaN where nobody left."""
    pairs = [pair for _, pair in history.pairs(QUARTER, QUARTER, YEAR)]
    order = list(history.order)
    if not pairs:
        return np.full(len(order) + 1, np.nan)
    numbers = np.sum([counts(pair, history.order).loc[order].to_numpy(float) for pair in pairs], axis=0)
    was, stayed = numbers.sum(axis=1), np.diagonal(numbers)
    was, stayed = np.append(was, was.sum()), np.append(stayed, stayed.sum())
    return np.divide(was, was - stayed, out=np.full(len(was), np.nan), where=was > stayed) / YEAR


def telling(whole: float, parts: npt.ArrayLike, step: float) -> float:
    """Persons that decide whether shares may be shown: the whole where its shares are rounded to persons enough, else
    the fewest persons that a share or the rest of it stands for.

    Witness: of 50 persons 3 have a property: 3. Of 5,000 persons 3: a hundredth is 50 persons, so 5,000.
    """
    counted = np.asarray(parts, dtype=float)
    told = np.concatenate([counted, whole - counted])
    few = told[(told > 0) & (told < whole)]
    return float(few.min()) if few.size and whole * step < TELLING else float(whole)


def _shares(still: Floats, place: npt.NDArray[np.int64], ordered: bool) -> dict[str, float]:
    """Shares of those still here: `still` (r, S) persons of the segments `place` (r,) by where they are now."""
    whole = float(still.sum())
    step = place[:, None] - np.arange(still.shape[1])  # the gravest is first: a step above 0 is towards graver
    same, heavier, lighter = (float(still[where].sum()) for where in (step == 0, step > 0, step < 0))
    unit = 1 / whole if whole else np.nan
    return {
        "same_after_year": same * unit,
        "heavier_share": heavier * unit if ordered else np.nan,
        "lighter_share": lighter * unit if ordered else np.nan,
        "n_persons": telling(whole, [same, heavier, lighter] if ordered else [same], 0.01),
    }
