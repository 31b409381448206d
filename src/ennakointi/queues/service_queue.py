"""The queue of one service of a target group, month by month and by months waited."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ennakointi.panel.queue_flows import LONGEST
from ennakointi.periods import DAYS_PER_YEAR
from ennakointi.queues.formulas import Floats

if TYPE_CHECKING:
    from ennakointi.panel import Panel

WEEKS_PER_MONTH = DAYS_PER_YEAR / 12 / 7


@dataclass(frozen=True, eq=False)
class ServiceQueue:
    """A queue over n consecutive `months` in `municipalities` that the register held all the time.

    `waiting`, `started`, `left` (n, LONGEST + 1): referrals by whole calendar months since the month of receipt: open
    at the month's end, and ended in the month with care or without it. `persons`: distinct persons in the queue at the
    last month's end.
    """

    service: str
    months: np.ndarray
    municipalities: tuple[str, ...]
    persons: int
    waiting: Floats
    started: Floats
    left: Floats

    @property
    def received(self) -> Floats:
        """(n,) referrals that came in the month."""
        return np.asarray((self.waiting + self.started + self.left)[:, 0])

    @property
    def size(self) -> Floats:
        """(n,) referrals in the queue at the month's end."""
        return np.asarray(self.waiting.sum(axis=1))

    @property
    def mean_wait_weeks(self) -> Floats:
        """(n,) mean time waited so far by those in the queue, NaN where nobody waits.

        Referrals of a month count from its middle; those of the last column as if they were its youngest.
        """
        weeks = (np.arange(LONGEST + 1) + 0.5) * WEEKS_PER_MONTH
        size = self.size
        return np.divide(self.waiting @ weeks, size, out=np.full(len(size), np.nan), where=size > 0)

    def last(self, months: int) -> ServiceQueue:
        """The last months only."""
        parts = {name: getattr(self, name)[-months:] for name in ("months", "waiting", "started", "left")}
        return replace(self, **parts)


def read(
    panel: Panel, service: str, first_month: int, last_month: int, municipalities: Collection[str] | None = None
) -> ServiceQueue | None:
    """The queue of a service from the panel's `queue_flows`; None where it has no referral in these months.

    Parameters
    ----------
    municipalities : by default those of constant coverage over the months, `Panel.areas`
    """
    area = panel.areas(service, first_month, last_month) if municipalities is None else tuple(municipalities)
    flows = panel.queue_flows
    rows = flows[(flows["service"] == service) & flows["municipality"].isin(area)]
    rows = rows[rows["month"].between(first_month, last_month)]
    if rows.empty:
        return None
    months = np.arange(first_month, last_month + 1)
    place = rows["month"].to_numpy(np.int64) - first_month, rows["waited"].to_numpy(np.int64)
    counts = {name: np.zeros((len(months), LONGEST + 1)) for name in ("waiting", "started", "left")}
    for name, cells in counts.items():
        np.add.at(cells, place, rows[name].to_numpy(np.float64))
    return ServiceQueue(service, months, area, _persons(panel.queue, service, area, last_month), **counts)


def _persons(queue: pd.DataFrame, service: str, area: Collection[str], month: int) -> int:
    """Distinct persons in the queue at the end of a month; a person lives in one municipality."""
    rows = queue[(queue["service"] == service) & queue["municipality"].isin(area)]
    return int(rows.loc[rows["month"] == month, "persons"].sum())
