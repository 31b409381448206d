"""Which known breaks of the registers touch a series, and what they do to it.

A break stands in `parameters/breaks.yml` with its first month. `stop` ends what it touches there, `re-base` keeps the
areas it touches out of anything that spans it, `bridge` is only marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ennakointi.parameters import Break

STOP = "stop"
REBASE = "re-base"


def touches_group(known: Break, target_group: str) -> bool:
    """Whether a break concerns a target group; a break that names no groups concerns all of them."""
    return not known.groups or target_group in known.groups


def touching(breaks: Iterable[Break], service: str, from_month: int, to_month: int) -> tuple[Break, ...]:
    """Breaks of a service with months on both sides of them in the span."""
    return tuple(
        known
        for known in breaks
        if (not known.services or service in known.services) and from_month < known.month <= to_month
    )


def rebased(
    breaks: Iterable[Break], service: str, municipalities: Sequence[str], from_month: int, to_month: int
) -> frozenset[str]:
    """Municipalities whose series of a service is not comparable across the span."""
    spanned = touching(breaks, service, from_month, to_month)
    hit = (known.municipalities or municipalities for known in spanned if known.treatment == REBASE)
    return frozenset(municipality for areas in hit for municipality in areas)


def stopped(breaks: Iterable[Break], cells: pd.DataFrame) -> np.ndarray:
    """Which cells (service, municipality, month) lie at or after a break that stops their series."""
    ended = np.zeros(len(cells), dtype=bool)
    for known in breaks:
        if known.treatment == STOP:
            hit = cells["month"] >= known.month
            if known.services:
                hit &= cells["service"].isin(list(known.services))
            if known.municipalities:
                hit &= cells["municipality"].isin(list(known.municipalities))
            ended |= hit.to_numpy(bool)
    return ended
