"""Which known breaks of the registers touch a series, and what they do to it.

A break stands in `parameters/breaks.yml` with the first month after it. Nothing that must be comparable over
time spans a `stop` or a `re-base` in the areas that it touches; a `stop` also ends the series where it
touches all of them. A `bridge` is only marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ennakointi.parameters.documents import Break

STOP = "stop"
SEPARATING = (STOP, "re-base")


def touching(
    breaks: Iterable[Break], target_group: str, service: str, from_month: int, to_month: int
) -> tuple[Break, ...]:
    """Breaks of a group's service with months of the span on both sides; empty lists of a break mean all."""
    return tuple(
        known
        for known in breaks
        if (not known.groups or target_group in known.groups)
        and (not known.services or service in known.services)
        and from_month < known.month <= to_month
    )


def separated(spanned: Iterable[Break], municipalities: Sequence[str]) -> frozenset[str]:
    """Municipalities whose series is not comparable across the breaks that a span touches."""
    hit = (known.municipalities or municipalities for known in spanned if known.treatment in SEPARATING)
    return frozenset(municipality for areas in hit for municipality in areas)


def series_end(spanned: Iterable[Break], municipalities: Sequence[str], to_month: int) -> int:
    """Last month before the first `stop` that leaves no municipality untouched, or `to_month`."""
    ends = (
        known.month - 1
        for known in spanned
        if known.treatment == STOP and set(municipalities) <= set(known.municipalities or municipalities)
    )
    return min([to_month, *ends])
