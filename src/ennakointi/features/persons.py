"""Who is told of in which quarter, and what they are: residence, age, sex, language, municipality."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from ennakointi.features.reading import EARLIER, OPEN, Reading
from ennakointi.features.windows import Ints
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.store import Store

STATES = ("resident", "died", "moved")
LONGEST = 999  # months of residence beyond which nothing more is told
_DAYS = ("birth_day", "resident_from_day", "resident_to_day", "death_day")

Values = dict[str, NDArray[Any]]


def values(reading: Reading) -> tuple[NDArray[np.bool_], Values]:
    """Of the told quarters (n, P): who was a resident at some time in the 12 months to the quarter's end, and what
    they are; words as places in their lists, -1 = not known.

    A person is a resident from birth or arrival, whichever is later, to moving out or death, whichever is earlier; both
    days count. `state` says what ended it by the quarter's end.
    """
    who = _persons(reading)
    ends = reading.span.ends[:, None]
    year = reading.span.edges[EARLIER - 3 : -4][:, None]  # first day of the twelve months
    arrived = np.maximum(who["birth_day"], np.where(who["resident_from_day"] == OPEN, -OPEN, who["resident_from_day"]))
    left = np.minimum(who["resident_to_day"], who["death_day"])
    gone = np.where(who["death_day"] <= who["resident_to_day"], STATES.index("died"), STATES.index("moved"))
    last = np.minimum(left, ends)
    present = (arrived <= ends) & (left >= year)
    found = {
        "state": np.where(left >= ends, STATES.index("resident"), gone),
        "age": whole_months(who["birth_day"], ends) // 12,
        "months_resident": np.clip(whole_months(arrived, last + 1), 0, LONGEST),
        "days_resident_12m": np.maximum(last - np.maximum(arrived, year) + 1, 0),
    }
    bounds = np.array(reading.parameters.panel.age_bands)
    found["age_band"] = np.searchsorted(bounds, found["age"], side="right") - 1
    shape = found["age"].shape
    for name in ("sex", "language", "municipality"):
        found[name] = np.broadcast_to(who[name], shape)
    return present, found


def municipalities(store: Store) -> list[str]:
    """Codes of the municipalities, the unknown one among them: with a non-disclosure order it is theirs."""
    codes = store.codes("persons", "municipality")
    return codes if UNKNOWN_MUNICIPALITY in codes else [*codes, UNKNOWN_MUNICIPALITY]


def whole_months(start: NDArray[Any], end: NDArray[Any]) -> Ints:
    """Calendar months that have passed from one day (a birthday) to another; broadcasts."""
    months, days = zip(*(_calendar(day) for day in (start, end)))
    return np.asarray(months[1] - months[0] - (days[1] < days[0]))


def _calendar(day: NDArray[Any]) -> tuple[Ints, Ints]:
    """Months since 1970 and the day of the month."""
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    return months.astype(np.int64), (dates - months).astype(np.int64)


def _persons(reading: Reading) -> Values:
    days = [nw.col(column).fill_null(OPEN) for column in _DAYS]
    words = [nw.col(column).cast(nw.Int32).fill_null(-1) for column in ("sex", "language", "municipality")]
    hidden = nw.col("non_disclosure").fill_null(False)
    rows = reading.arrays(reading.frame("persons").select("person", *days, *words, hidden=hidden))
    order = np.argsort(rows["person"])
    found = {name: column[order].astype(np.int64) for name, column in rows.items()}
    unknown = municipalities(reading.store).index(UNKNOWN_MUNICIPALITY)
    found["municipality"] = np.where(found["hidden"] == 1, unknown, found["municipality"])
    return found
