"""Figures of bought services: hidden where few suppliers or one large one would be told by them.

Sums by provider add up to the contacts of the service, which other tables tell: the attacker counts them as known.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from ennakointi.disclosure.assembly import Assembly
from ennakointi.disclosure.contributions import Dominance
from ennakointi.disclosure.sums import members
from ennakointi.disclosure.systems import NEVER_SHOWN, Ints
from ennakointi.parameters.documents import SupplierLimits
from ennakointi.result_tables import ESTIMATE, RESULT_TABLES

Flags = npt.NDArray[np.bool_]

TABLE = "debt_production"
ALL = "all"
FEW, ENOUGH = "few", "enough"
NUMBERS = ("before", "window", "latest", "expected")


def few_suppliers(contacts: pd.Series, limits: SupplierLimits) -> bool:
    """Whether a sum of bought contacts would tell of its suppliers.

    Parameters
    ----------
    contacts : of each supplier, by its number; contacts below 0 in the index are of suppliers that are not recorded.
        They count as one that dominates where it is large, and as none where suppliers are counted.
    """
    suppliers = int(((contacts.index >= 0) & (contacts > 0).to_numpy()).sum())
    dominance = Dominance(share=float(limits.largest_share))
    return suppliers < limits.fewest or bool(dominance.broken(contacts.to_numpy(float)))


def hidden(frame: pd.DataFrame) -> Flags:
    """Rows of few suppliers; none in a table that does not tell of them."""
    flags: Flags = (frame["suppliers"] == FEW).to_numpy() if "suppliers" in frame else np.zeros(len(frame), dtype=bool)
    return flags


def demand(made: Assembly, frame: pd.DataFrame, unit: Ints) -> None:
    """What the attacker must not find out of bought services, and what a reader knows beyond this table.

    Of the groups that have a row of few suppliers, the numbers are put in once more: of a hidden row of few suppliers
    twice p % of it must stay open for a reader who knows each service's contacts exactly, and so those of a
    provider alone in its service. Other tables tell them under their own rules, whatever is hidden here.

    Parameters
    ----------
    frame : `debt_production`, unrounded. unit : (n,) unit of each row.
    """
    concerned = frame["target_group"].isin(frame.loc[hidden(frame), "target_group"]).to_numpy()
    frame, unit = frame[concerned].reset_index(drop=True), unit[concerned]
    few, whole = hidden(frame), (frame["service"] == ALL).to_numpy()
    service = frame.groupby(["target_group", "service"], sort=False, observed=True)
    number = service.ngroup().to_numpy(dtype=np.int64)
    alone = (service["provider"].transform("size") == 1).to_numpy()
    sums = members(frame, RESULT_TABLES[TABLE], RESULT_TABLES[TABLE].sums[0])
    sign = np.where(sums["whole"], -1.0, 1.0)
    for name in NUMBERS:
        values = frame[name].to_numpy(dtype=np.float64)
        total = np.bincount(number, np.nan_to_num(values)).astype(np.float64)
        largest = 2 * float(total.max(initial=1.0))
        place = made.add(values, unit, ESTIMATE, largest, free=True)
        there = place >= 0
        made.narrow(place[there & alone], values[there & alone], values[there & alone])
        made.relate(sums["block"].to_numpy(dtype=np.int64), place[sums["row"]], sign)
        blocks, block = np.unique(number[there & ~alone], return_inverse=True)
        together = made.add(total[blocks], NEVER_SHOWN, ESTIMATE, largest, free=True)
        made.narrow(together, total[blocks], total[blocks])
        weight = np.concatenate([np.ones(len(block)), -np.ones(len(blocks))])
        lines = np.concatenate([place[there & ~alone], together])
        made.relate(np.concatenate([block, np.arange(len(blocks))]), lines, weight)
        own = np.where(alone | whole, 0.0, np.nan_to_num(values))  # what nothing else tells
        parts = frame.assign(own=own).groupby(["target_group", "provider"], observed=True)["own"].transform("sum")
        secret = np.where(whole, np.minimum(parts, np.nan_to_num(values)), own)
        made.widen(place[few & there], 2 * Dominance.p * secret[few & there])
