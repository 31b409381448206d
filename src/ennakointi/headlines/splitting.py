"""Why a headline figure changed since the last quarter: parts that add up to the difference exactly.

With then = what was told, now = what is told, L = the last month told then and D(t) = the debt cumulated to month t:

late         −Σ (observed now − observed then) over months up to L, in services that the register covers as then; with a
             plus for the need, of the last 12 months
definitions  D(L) now − D(L) then − late: changed parameters and definitions, and the model estimated anew
new events   months since L × the pace told then (mean monthly gap of the 12 months up to L); for the need what was told
             then of the new year, less what was told of the old one
real         the rest: the pace itself changed

A window that has ended takes no new months: its new events and real change are 0. The need of a year is told anew in
every quarter: where nothing that shapes it changed, definitions are 0 and the rest is real, else the two cannot be told
apart.

The interval of the total takes the errors of both figures as independent. They come from mostly the same data and go
together, so it is rather too wide. A debt so long after its baseline that it has no interval is compared with how much
months vary: a quarter's sum of n months has the standard deviation s √n with s that of the 24 monthly gaps told last.
That leaves out the error of the baseline, so a change inside it is within uncertainty, and one outside is unknown. In
the real change the error of the baseline cancels, being in both paces: its standard deviation is s √(n + n² / 12).
Months are taken to be independent.

Witness: `tests/unit/test_headlines.py`, worked by hand; two quarters of the synthetic county.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ennakointi.headlines.figures import ALL, DEBT, DEBT_NOW, DEBT_WEEKS, NEED, NORMAL80, Figure
from ennakointi.headlines.memory import Told
from ennakointi.text import N_, message_json

YEAR, VARYING = 12, 24  # months of a pace, and months that tell how much they vary
LEAST = 6  # months that a pace needs
_NAN = float("nan")

FIRST = N_("No earlier quarter of this source is remembered: the next report tells what changed.")
OTHER_SOURCE = N_("The quarter before was made from another source.")
NOT_TOLD = N_("This figure was not told in the quarter before.")
OTHER_BASELINE = N_("The comparison period or the disruption was defined otherwise then: the parts cannot be told.")
OWN_QUARTER = N_("Every quarter has a figure of its own: its change has no parts.")
CHANGED = N_("Changed since then: {documents}.")
NOT_APART = N_("Changed definitions and real change cannot be told apart.")
SHORT = N_("The account is too short to tell its pace.")
NO_INTERVAL = N_("The uncertainty of this figure is not known.")
FROM_MONTHS = N_(
    "Uncertainty of the difference now: judged by how much months vary, without the error of the comparison level."
)


@dataclass(frozen=True)
class Split:
    """The parts of a change in the unit of the figure, NaN where they cannot be told, and why."""

    late: float = _NAN
    definitions: float = _NAN
    new_events: float = _NAN
    real: float = _NAN
    noise_total: float = _NAN
    noise_real: float = _NAN
    reasons: tuple[str, ...] = field(default=())


def split(then: Told, now: Told, before: Figure, after: Figure) -> Split:
    """The parts of the change of one headline between two quarters of the same source."""
    changed = changed_documents(then.digests, now.digests)
    said = (message_json(CHANGED, {"documents": ", ".join(changed)}),) if changed else ()
    if after.kind not in (DEBT, DEBT_NOW, DEBT_WEEKS, NEED):
        return Split(reasons=(*said, message_json(OWN_QUARTER, {})))
    if then.calendar != now.calendar:
        return Split(reasons=(*said, message_json(OTHER_BASELINE, {})))
    if after.kind == NEED:
        return _of_need(then, now, before, after, said)
    if after.kind == DEBT_NOW:
        return _of_account(then, now, before, after, said)
    return _of_window(then, now, before, after, said)


def changed_documents(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What shapes results and is not as it was: documents, the mode, the version."""
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def revision(then: Told, now: Told, target_group: str, first: int, last: int) -> float:
    """Contacts now − then over months that were told already, in services and months covered as they were then.

    Hand check: a service had 10 and 12 contacts, now 10 and 15: 3.
    """
    keys = ["service", "month"]
    old, new = (_single(told.months, target_group, first, last) for told in (then, now))
    both = old.merge(new, on=keys, suffixes=("_then", "_now"))
    same = np.isclose(both["covered_share_then"].astype(float), both["covered_share_now"].astype(float))
    return float((both["observed_now"] - both["observed_then"])[same].sum())


def _single(months: pd.DataFrame, target_group: str, first: int, last: int) -> pd.DataFrame:
    own = months[(months["target_group"] == target_group) & (months["service"] != ALL)]
    return own[own["month"].astype(int).between(first, last)]


def _debt(told: Told, target_group: str) -> pd.Series:
    """The cumulated debt of all services by month index."""
    of = told.months[(told.months["target_group"] == target_group) & (told.months["service"] == ALL)]
    return of.set_index(of["month"].astype(int))["debt"].astype(float).sort_index().dropna()


def _of_window(then: Told, now: Told, before: Figure, after: Figure, said: tuple[str, ...]) -> Split:
    """The debt at the end of the window, in contacts or in weeks: weeks at those that a contact made then."""
    first, last = then.calendar[-2:]
    told = _debt(then, after.target_group).get(last, _NAN)
    scale = 1.0 if after.kind == DEBT else before.value / told if told else _NAN
    late = scale * (0.0 - revision(then, now, after.target_group, first, last))
    if not np.isfinite(late):
        return Split(reasons=(*said, message_json(SHORT, {})))
    return Split(late, after.value - before.value - late, 0.0, 0.0, reasons=said)


def _of_account(then: Told, now: Told, before: Figure, after: Figure, said: tuple[str, ...]) -> Split:
    """The debt at the end of the data."""
    group = after.target_group
    told, known = _debt(then, group), _debt(now, group)
    gaps = told.diff().dropna()
    if len(gaps) < LEAST or told.index[-1] not in known.index:
        return Split(reasons=(*said, message_json(SHORT, {})))
    last, n = int(told.index[-1]), int(known.index[-1] - told.index[-1])
    late = 0.0 - revision(then, now, group, then.calendar[-2], last)
    at_then = float(known[last])
    new_events = n * float(gaps.iloc[-YEAR:].mean())
    spread = float(gaps.iloc[-VARYING:].std())
    return Split(
        late,
        at_then - before.value - late,
        new_events,
        after.value - at_then - new_events,
        noise_total=NORMAL80 * spread * np.sqrt(n),
        noise_real=NORMAL80 * spread * np.sqrt(n + n**2 / min(len(gaps), YEAR)),
        reasons=said,
    )


def _of_need(then: Told, now: Told, before: Figure, after: Figure, said: tuple[str, ...]) -> Split:
    """The need of the coming year."""
    group, old, new = after.target_group, then.quarter.year + 1, now.quarter.year + 1
    years = then.need[then.need["target_group"] == group].set_index("year")["contacts"].astype(float)
    account = _debt(then, group)
    if account.empty or not {old, new} <= set(years.index):
        return Split(reasons=(*said, message_json(SHORT, {})))
    last = int(account.index[-1])
    late = revision(then, now, group, last - YEAR + 1, last)
    new_events = float(years[new] - years[old])
    if said:
        return Split(late, new_events=new_events, reasons=(*said, message_json(NOT_APART, {})))
    return Split(late, 0.0, new_events, after.value - before.value - late - new_events)


def total_interval(before: Figure, after: Figure) -> tuple[float, float]:
    """80 % interval of after − before, the errors of both taken as independent; NaN where one is not known."""
    total = after.value - before.value
    below = np.hypot(after.value - after.lo80, before.hi80 - before.value)
    above = np.hypot(after.hi80 - after.value, before.value - before.lo80)
    return float(total - below), float(total + above)
