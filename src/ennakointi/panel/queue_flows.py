"""Queues by months waited: who waits at a month's end, who began care in the month, and who left without it.

A referral belongs to the groups its person was in when it came (or in the group's first month, if it came earlier),
and stays there until it ends: entries and exits of one queue balance, which they would not if membership changed them.
"""

from __future__ import annotations

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from ennakointi.panel.reductions import NEVER, added, calendar
from ennakointi.schema import TABLES

LONGEST = 60  # whole months waited; longer waits are counted here
_STARTED = TABLES["referrals"]["closed_reason"].codes.index("started")

NO_FLOWS = pd.DataFrame(
    {
        "service": pd.Categorical([]),
        "municipality": pd.Categorical([]),
        **{key: np.zeros(0, dtype=np.int32) for key in ("month", "waited")},
        **{count: np.zeros(0, dtype=np.int64) for count in ("waiting", "started", "left")},
    }
)


def waiting_days(first_month: int, last_month: int) -> pd.DataFrame:
    """day, month: the days of the panel's months, and of the `LONGEST` months before them."""
    return calendar(first_month - LONGEST, last_month)[["day", "month"]]


def table(
    referrals: nw.LazyFrame,
    runs: nw.LazyFrame,
    who: nw.LazyFrame,
    resident: nw.LazyFrame,
    days: nw.LazyFrame,
    month_ends: nw.LazyFrame,
    since: nw.LazyFrame,
    span: tuple[int, int],
    months: tuple[int, int],
) -> nw.LazyFrame:
    """Stocks and exits of the queue of each group by months waited.

    Parameters
    ----------
    referrals : person, service, received_day, started_day, closed_day (null = not yet), closed_reason
    runs : `reductions.resident_runs`
    who : `reductions.people`
    resident : `reductions.residency`: who dies or moves away leaves the queue
    days, month_ends : `waiting_days`, and the panel's months: month, last_day
    since : group, since (its first month)
    span, months : first and last day number, and month, of the panel

    Returns
    -------
    group, service, municipality, month, waited (whole calendar months since the month of receipt, at most `LONGEST`),
    waiting (referrals open at the month's end), started, left (referrals that ended in the month, with care or without
    it). Below `LONGEST`, waiting(t − 1, w − 1) = waiting(t, w) + started(t, w) + left(t, w).
    """
    first, last = months
    keys = ("group", "service", "municipality")
    placed = _placed(_ended(referrals, days, span, first), runs, since, first)
    cells = (
        _until_gone(placed, resident)
        .join(who.select("person", "municipality"), on="person")
        .group_by(*keys, "received", "counted_from", "out", "begun")
        .agg(nw.len().alias("n"))
    )
    open_cells = (
        cells.join(month_ends.select("month"), how="cross")
        .filter(nw.col("month") >= nw.col("counted_from"), nw.col("month") < nw.col("out"))
        .select(*keys, "received", "month", waiting="n", started=nw.lit(0), left=nw.lit(0))
    )
    exits = cells.filter(nw.col("out") <= last).select(
        *keys,
        "received",
        month="out",
        waiting=nw.lit(0),
        started=nw.col("n") * nw.col("begun").cast(nw.Int64),
        left=nw.col("n") * (~nw.col("begun")).cast(nw.Int64),
    )
    counts = [nw.col(name).cast(nw.Int64) for name in ("waiting", "started", "left")]
    waited = nw.min_horizontal(nw.col("month") - nw.col("received"), nw.lit(LONGEST)).cast(nw.Int32)
    either = [
        frame.select(*keys, nw.col("month").cast(nw.Int32), *counts, waited=waited) for frame in (open_cells, exits)
    ]
    return added(nw.concat(either, how="vertical"), *keys, "month", "waited")


def _ended(referrals: nw.LazyFrame, days: nw.LazyFrame, span: tuple[int, int], first: int) -> nw.LazyFrame:
    """person, service, received, ended (months; `NEVER` = not by the panel's end), begun: open in the span."""
    exits = [nw.col(column).fill_null(NEVER) for column in ("started_day", "closed_day")]
    closed_by_care = (nw.col("closed_reason") == _STARTED).fill_null(False)
    known = (
        referrals.with_columns(ended_day=nw.min_horizontal(*exits).cast(nw.Int32))
        .filter(nw.col("received_day") <= span[1], nw.col("ended_day") >= span[0])
        .with_columns(begun=(nw.col("started_day").fill_null(NEVER) == nw.col("ended_day")) | closed_by_care)
        .select("person", "service", "begun", "received_day", "ended_day")
    )
    received, ended = (days.select(**{f"{x}_day": "day", x: "month"}) for x in ("received", "ended"))
    return (
        known.join(received, on="received_day", how="left")
        .join(ended, on="ended_day", how="left")
        .with_columns(
            received=nw.col("received").fill_null(first - LONGEST).cast(nw.Int32),
            ended=nw.col("ended").fill_null(NEVER).cast(nw.Int32),
        )
        .select("person", "service", "received", "ended", "begun")
    )


def _placed(entries: nw.LazyFrame, runs: nw.LazyFrame, since: nw.LazyFrame, first: int) -> nw.LazyFrame:
    """Entries once for each group that the person was in when they came; counted from then or the group's start."""
    begins = nw.max_horizontal(nw.col("received"), nw.col("since"), nw.lit(first)).cast(nw.Int32)
    return (
        entries.join(runs, on="person")
        .join(since.with_columns(nw.col("group").cast(nw.Int16)), on="group")
        .with_columns(counted_from=begins)
        .filter(nw.col("counted_from") >= nw.col("from_month"), nw.col("counted_from") <= nw.col("to_month"))
        .drop("from_month", "to_month", "since")
    )


def _until_gone(entries: nw.LazyFrame, resident: nw.LazyFrame) -> nw.LazyFrame:
    """Entries that last into the counted months; who has died or moved by a month's end does not wait any more."""
    stay = resident.select("person", stay_until=nw.col("to_month") + (nw.col("lost_last") == 0).cast(nw.Int32))
    return (
        entries.join(stay, on="person")
        .with_columns(
            out=nw.min_horizontal("ended", "stay_until").cast(nw.Int32),
            begun=nw.col("begun") & (nw.col("ended") <= nw.col("stay_until")),
        )
        .filter(nw.col("out") >= nw.col("counted_from"))
    )
