"""County > service > municipality of one target group: what each node holds, and what a model may learn from it.

Target groups overlap, so nothing is ever summed over them. S services, M municipalities, k members of a sum, n months.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ennakointi.forecast.dense import Axis, dense
from ennakointi.forecast.series import SEASONS, Floats, SeriesSet
from ennakointi.panel import breaks

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.documents import ForecastSettings

Months = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

ALL = "all"
LEVEL_MONTHS = 36  # months from which the members' levels are taken
SMALLEST_PART = 0.5  # of the level: with less of it held, a sum is not bridged


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The series of one target group: N nodes, of which the last B are the bottom, over n consecutive months.

    Attributes
    ----------
    nodes : (service, municipality): (`all`, `all`), then (service, `all`), then (service, code).
    months : (n,) month indices; the last one is the last whole month of the data.
    observed : (N, n) contacts that the register holds, disrupted months included; sums are bridged to all their
        members where that can be done. NaN = not held.
    used : (N, n) what a model may see: `observed`, NaN in disrupted months and before a break that re-bases or stops
        the series.
    persons : (N, n) distinct persons of the month in held cells; of the whole, those of the largest service, a lower
        bound. NaN = not held.
    summing : (N, B) 1 where a node counts a bottom series.
    covered_share : (N,) share of the residents' person-time of the last month that lies in the node's members; of
        the whole, the mean of the services weighted by their contacts. 1 for a municipality.
    """

    nodes: tuple[tuple[str, str], ...]
    months: Months
    observed: Floats
    used: Floats
    persons: Floats
    summing: Floats
    covered_share: Floats

    @property
    def services(self) -> tuple[str, ...]:
        """The services, in the order of their nodes."""
        return tuple(service for service, place in self.nodes[1:] if place == ALL)

    def series(self) -> SeriesSet:
        """`used` for the engine, without its leading NaN; a series without a value keeps one NaN."""
        values = tuple(row[min(_first_known(row), len(row) - 1) :] for row in self.used)
        keys = tuple(f"{service}|{municipality}" for service, municipality in self.nodes)
        return SeriesSet(keys, values, (int(self.months[-1]),) * len(keys), "M", SEASONS["M"][:1])


def build(panel: Panel, settings: ForecastSettings, services: Sequence[str]) -> Hierarchy:
    """The hierarchy of a panel's services.

    The bottom is service × municipality: a covered cell without rows is 0, an uncovered one NaN. Members of a service
    are the municipalities that the register holds in the last month; `covered_share` says what is left out. Before the
    latest `stop` or `re-base` that touches group, service and municipality nothing is used; a `bridge` goes on.
    Services without a member, or without a contact in what is used, are left out.

    Sums are *bridged by rate* in months where a member is missing: contacts of the held members × (level of all
    members / level of the held ones). The level of a member in a month is its person-time in that month × its own
    contacts per person-time in the last 36 undisrupted months in which every member is held, so that a member that uses
    more or less than the others does not bend the sum. Where the held members carry under half of the level, the sum
    is NaN. The whole is bridged over services in the same way.

    Parameters
    ----------
    services : candidates, in the order wanted; those that the panel does not know are left out.

    Witness: `tests/unit/test_hierarchy.py`, sums worked by hand.
    """
    months = panel.months[-settings.history_months :]
    cells = _Cells.of(panel, settings, services, months)
    kept = [(s, place) for s in range(len(services)) if len(place := cells.members(s))]
    if not kept:
        return _nothing(months)
    sums = [_service_sum(cells, s, place) for s, place in kept]
    normal: Mask = np.asarray(cells.normal[[s for s, _ in kept]].all(axis=0))
    whole = _whole(sums, normal, cells.time.sum(axis=0))
    bottom = tuple(np.concatenate([part[s, place] for s, place in kept]) for part in cells.bottom())
    widths = [len(place) for _, place in kept]
    codes = [(services[s], panel.municipalities[m]) for s, place in kept for m in place]
    upper = [whole, *sums]
    return Hierarchy(
        nodes=((ALL, ALL), *((services[s], ALL) for s, _ in kept), *codes),
        months=months,
        observed=np.vstack([*(node.observed for node in upper), bottom[0]]),
        used=np.vstack([*(node.used for node in upper), bottom[1]]),
        persons=np.vstack([*(node.persons for node in upper), bottom[2]]),
        summing=np.vstack([np.ones(sum(widths)), np.repeat(np.eye(len(kept)), widths, axis=1), np.eye(sum(widths))]),
        covered_share=np.array([*(node.covered_share for node in upper), *np.ones(sum(widths))]),
    )


@dataclass(frozen=True, eq=False)
class _Sum:
    """One upper node (n,). `comparable`: bridged, nothing before a break, disrupted months included."""

    observed: Floats
    comparable: Floats
    used: Floats
    persons: Floats
    covered_share: float


@dataclass(frozen=True, eq=False)
class _Cells:
    """Dense cells: contacts, persons, held, comparable (S, M, n); normal (S, n); time, residents (M, n)
    person-years."""

    contacts: Floats
    persons: Floats
    held: Mask
    comparable: Mask
    normal: Mask
    time: Floats
    residents: Floats

    @classmethod
    def of(cls, panel: Panel, settings: ForecastSettings, services: Sequence[str], months: Months) -> _Cells:
        place: dict[str, Axis] = {"municipality": panel.municipalities, "month": months}
        axes: dict[str, Axis] = {"service": services, **place}
        held = dense(panel.coverage, axes, "covered") > 0
        held &= months >= panel.available_from
        spans = np.array([settings.disrupted(service) for service in services], dtype=np.int64).reshape(-1, 2)
        return cls(
            contacts=dense(panel.counts, axes, "contacts"),
            persons=dense(panel.counts, axes, "persons"),
            held=held,
            comparable=held & (months >= _break_months(panel, services, months)[..., None]),
            normal=~((months >= spans[:, :1]) & (months <= spans[:, 1:])),
            time=dense(panel.person_time, place, "member_py"),
            residents=dense(panel.person_time, place, "resident_py"),
        )

    def bottom(self) -> tuple[Floats, Floats, Floats]:
        """Observed, used and persons of every cell, (S, M, n)."""
        used = self.comparable & self.normal[:, None]
        masks = ((self.contacts, self.held), (self.contacts, used), (self.persons, self.held))
        first, second, third = (np.where(mask, values, np.nan) for values, mask in masks)
        return first, second, third

    def members(self, service: int) -> npt.NDArray[np.int64]:
        """Places of the municipalities held in the last month; none when nothing that is used has a contact."""
        place = np.flatnonzero(self.held[service, :, -1])
        used = self.contacts[service, place] * (self.comparable[service, place] & self.normal[service])
        return place if used.any() else place[:0]


def _service_sum(cells: _Cells, service: int, place: npt.NDArray[np.int64]) -> _Sum:
    contacts, comparable, held = (x[service, place] for x in (cells.contacts, cells.comparable, cells.held))
    level = levels(contacts, comparable, cells.normal[service], cells.time[place])
    over_breaks = bridged(np.where(held, contacts, np.nan), level)
    within = bridged(np.where(comparable, contacts, np.nan), level)
    persons = np.where(held, cells.persons[service, place], 0.0).sum(axis=0)
    residents = cells.residents[:, -1]
    return _Sum(
        observed=np.where(np.isnan(within), over_breaks, within),
        comparable=within,
        used=np.where(cells.normal[service], within, np.nan),
        persons=np.where(held.any(axis=0), persons, np.nan),
        covered_share=float(residents[place].sum() / total) if (total := residents.sum()) > 0 else 1.0,
    )


def _whole(parts: Sequence[_Sum], normal: Mask, time: Floats) -> _Sum:
    """All services together; `normal` (n,) months without any disruption, `time` (n,) the whole group's person-time."""
    observed, comparable, used = (np.array([getattr(p, x) for p in parts]) for x in ("observed", "comparable", "used"))
    level = levels(np.nan_to_num(comparable), np.isfinite(comparable), normal, time)
    within = bridged(comparable, level)
    persons = np.array([p.persons for p in parts])
    weight = level[:, -1] if level[:, -1].sum() > 0 else np.ones(len(parts))
    return _Sum(
        observed=np.where(np.isnan(within), bridged(observed, level), within),
        comparable=within,
        used=bridged(used, level),
        persons=np.where(np.isfinite(persons).any(axis=0), np.nan_to_num(persons).max(axis=0), np.nan),
        covered_share=float(np.average([p.covered_share for p in parts], weights=weight)),
    )


def levels(contacts: Floats, known: Mask, normal: Mask, time: Floats) -> Floats:
    """Contacts that each member would have at its own rate of the last common months.

    Parameters
    ----------
    contacts, known : (k, n); contacts count where they are known.
    normal : (n,) months that are not disrupted.
    time : (k, n), or (n,) when the members share it; person-years.

    Returns
    -------
    (k, n). The rates are those of the last 36 months that are normal and known for every member; of disrupted months
    if there is no other, and of each member's own last 36 known months if no month has them all. A member without
    person-time has its mean contacts in every month; if no member has a contact, the levels are the person-time.
    """
    time = np.broadcast_to(time, contacts.shape)
    together: Mask = np.asarray(known.all(axis=0))
    common: Mask = together & normal if (together & normal).any() else together
    months = np.broadcast_to(_last(common), known.shape) if common.any() else _last(known)
    many, lived = (contacts * months).sum(axis=1), (time * months).sum(axis=1)
    rate = np.divide(many, lived, out=np.zeros_like(many), where=lived > 0)
    flat = many / np.maximum(months.sum(axis=1), 1)
    level = np.where((lived > 0)[:, None], rate[:, None] * time, flat[:, None])
    return level if level.any() else time.astype(float)


def bridged(values: Floats, level: Floats) -> Floats:
    """Sum over members (k, n) → (n,), missing ones bridged by `level` (k, n); NaN with under half of the level held."""
    held = np.isfinite(values)
    total, part = level.sum(axis=0), np.where(held, level, 0.0).sum(axis=0)
    enough = (part > 0) & (part >= SMALLEST_PART * total)
    ratio = np.divide(total, part, out=np.full(len(total), np.nan), where=enough)
    return np.where(held, values, 0.0).sum(axis=0) * np.where(held.all(axis=0), 1.0, ratio)


def _last(known: Mask) -> Mask:
    """The last 36 true months of each row."""
    later = np.flip(np.cumsum(np.flip(known, -1), axis=-1), -1)
    return known & (later <= LEVEL_MONTHS)


def _break_months(panel: Panel, services: Sequence[str], months: Months) -> Months:
    """(S, M) first month after the latest break that separates what is before from what is after; 0 = none."""
    found = np.zeros((len(services), len(panel.municipalities)), dtype=np.int64)
    for s, service in enumerate(services):
        spanned = breaks.touching(panel.breaks, panel.target_group, service, int(months[0]), int(months[-1]))
        for known in spanned:
            apart = breaks.separated([known], panel.municipalities)
            hit = np.array([municipality in apart for municipality in panel.municipalities], dtype=bool)
            found[s, hit] = np.maximum(found[s, hit], known.month)
    return found


def _first_known(row: Floats) -> int:
    known = np.flatnonzero(np.isfinite(row))
    return int(known[0]) if len(known) else len(row)


def _nothing(months: Months) -> Hierarchy:
    """A group without a service to forecast: the whole, and nothing in it."""
    empty = np.full((1, len(months)), np.nan)
    return Hierarchy(((ALL, ALL),), months, empty, empty, empty, np.zeros((1, 0)), np.zeros(1))
