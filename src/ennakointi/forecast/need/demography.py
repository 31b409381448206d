"""Use of services by age and sex as the panel knows it: rates of the latest years, and whole years for the trend.

S services, M municipalities, K strata (sex × age band, sex by sex), n months.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ennakointi.forecast.dense import Axis, dense
from ennakointi.forecast.need import drivers
from ennakointi.forecast.need.drivers import Blocks
from ennakointi.forecast.series import Floats
from ennakointi.panel import breaks
from ennakointi.panel.axes import UNKNOWN_MUNICIPALITY
from ennakointi.panel.projection import Projection

if TYPE_CHECKING:
    from ennakointi.panel import Panel
    from ennakointi.parameters.documents import ForecastSettings

ALL = "all"
RATE_MONTHS = 24  # latest undisrupted months behind the rates by age and sex
LEAST_PART = 0.5  # of the residents that a trend must follow
SMALL_SERVICES = 0.1  # share of contacts whose own breaks do not stop the trend of all services
START_UP = 0.5  # of the median index: earlier years below it are a service starting, not a trend
Months = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cube:
    """Dense cells of a panel: contacts (S, M, K, n) that the register holds, member and resident person-years
    (M, K, n), held (S, M, n)."""

    panel: Panel
    sexes: tuple[str, ...]
    contacts: Floats
    member: Floats
    resident: Floats
    held: npt.NDArray[np.bool_]

    @property
    def bounds(self) -> list[int]:
        """Lowest ages of the panel's bands."""
        return [int(re.match(r"\d+", label)[0]) for label in self.panel.age_bands]  # type: ignore[index]

    def of(self, service: str) -> Floats:
        """Contacts (M, K, n) of a service, or of all together."""
        return self.contacts.sum(axis=0) if service == ALL else self.contacts[self.panel.services.index(service)]

    def members(self, service: str) -> tuple[str, ...]:
        """Municipalities that the register holds in the last month."""
        last = self.held[:, :, -1]
        rows = last if service == ALL else last[[self.panel.services.index(service)]]
        return tuple(m for i, m in enumerate(self.panel.municipalities) if rows[:, i].any())

    def areas(self, service: str, first: int, last: int) -> tuple[str, ...]:
        """Municipalities of constant coverage; of all services those of every service, but of small ones whose own
        breaks leave none."""
        if service != ALL:
            return self._area(service, first, last)
        volumes = self.contacts.sum(axis=(1, 2, 3))
        found, left_out = set(self.panel.municipalities), 0.0
        for name, volume in zip(self.panel.services, volumes, strict=True):
            area = self._area(name, first, last)
            left_out += 0.0 if area else float(volume)
            found &= set(area or found)
        return tuple(sorted(found)) if left_out <= SMALL_SERVICES * float(volumes.sum()) else ()

    def _area(self, service: str, first: int, last: int) -> tuple[str, ...]:
        """As `Panel.areas`, from the dense cells: asked for each service, span and projection."""
        panel = self.panel
        spanned = breaks.touching(panel.breaks, panel.target_group, service, first, last)
        apart = breaks.separated(spanned, panel.municipalities)
        span = slice(first - panel.first_month, last - panel.first_month + 1)
        held = self.held[panel.services.index(service), :, span]
        return tuple(m for i, m in enumerate(panel.municipalities) if held[i].all() and m not in apart)

    def places(self, municipalities: Sequence[str]) -> list[int]:
        """Positions of municipalities."""
        return [self.panel.municipalities.index(m) for m in municipalities]


def area(panel: Panel) -> tuple[str, ...]:
    """Municipalities with residents that the register holds for some service in the last month."""
    last = panel.coverage["month"] == panel.last_month
    held = set(panel.coverage.loc[last & panel.coverage["covered"].to_numpy(bool), "municipality"].astype(str))
    now = panel.person_time[panel.person_time["month"] == panel.last_month]
    lived_in = set(now.loc[now["resident_py"] > 0, "municipality"].astype(str))
    return tuple(m for m in panel.municipalities if m in held & lived_in and m != UNKNOWN_MUNICIPALITY)


def cube(panel: Panel, sexes: Sequence[str]) -> Cube:
    """The panel's cells, dense, for some sexes."""
    when: dict[str, Axis] = {"month": panel.months}
    place: dict[str, Axis] = {"municipality": panel.municipalities}
    strata = {**place, "sex": tuple(sexes), "age_band": panel.age_bands, **when}
    shape = (len(panel.municipalities), len(sexes) * len(panel.age_bands), len(panel.months))
    services: dict[str, Axis] = {"service": panel.services}
    contacts = dense(panel.counts, {**services, **strata}, "contacts").reshape(-1, *shape)
    member, resident = (dense(panel.person_time, strata, x).reshape(shape) for x in ("member_py", "resident_py"))
    held = dense(panel.coverage, {**services, **place, **when}, "covered") > 0
    return Cube(panel, tuple(sexes), contacts, member, resident, held)


@dataclass(frozen=True, eq=False)
class Use:
    """One service by age and sex.

    `rates` (sexes, A): contacts per resident and year at single ages, smooth; `flat`: the same inside each age band.
    `events` (K,): contacts behind them; `spread`: their variance per mean. `blocks`: whole years of the index at these
    rates.
    """

    rates: Floats
    flat: Floats
    events: Floats
    spread: float
    blocks: Blocks


def use(cells: Cube, service: str, projection: Projection, settings: ForecastSettings, uses_care: bool) -> Use:
    """Rates by age and sex of the latest undisrupted months, and the years of the standardised index.

    Rates are contacts of the group per *resident* person-year: prevalence times use of a member, so that a projection
    of residents carries both. The index is standardised by the same person-years when membership depends on care (it
    would shrink when diagnosing stops), else by those of members.
    """
    months = cells.panel.months
    recent = _recent(cells, service, settings)
    area = cells.areas(service, int(months[recent[0]]), int(months[-1])) or cells.members(service)
    places = cells.places(area)
    counted = cells.of(service)[places].sum(axis=0)
    people = cells.resident[places][:, :, recent].sum(axis=2).T
    events, residents = counted[:, recent].sum(axis=1), people.sum(axis=1)
    by_band = np.divide(events, residents, out=np.zeros_like(events), where=residents > 0)
    by_place = cells.of(service)[places][:, :, recent].sum(axis=2).T
    smooth = _single_ages(by_band, projection.residents(months[recent]).mean(axis=2), cells)
    lived = cells.resident if uses_care else cells.member
    return Use(
        rates=smooth,
        flat=_flat(by_band, cells, smooth.shape[1]),
        events=events,
        spread=drivers.dispersion(by_place, by_band[:, None] * people),
        blocks=_blocks(cells, service, settings, lived, recent),
    )


def _recent(cells: Cube, service: str, settings: ForecastSettings) -> npt.NDArray[np.int64]:
    """Positions of the latest undisrupted months in which the group can be told; of the latest ones, where there are
    none."""
    months = cells.panel.months
    first, last = settings.disrupted(service)
    known = months >= cells.panel.available_from
    normal = known & ((months < first) | (months > last))
    return np.flatnonzero(normal if normal.any() else months > months[-1] - 12)[-RATE_MONTHS:]


def _single_ages(by_band: Floats, residents: Floats, cells: Cube) -> Floats:
    """Rates (sexes, A) from rates by stratum (K,) and residents by single age (sexes, A)."""
    bounds = cells.bounds
    banded = np.add.reduceat(residents, bounds, axis=1).reshape(-1) * by_band
    parts = banded.reshape(len(cells.sexes), len(bounds))
    return np.stack([drivers.ungrouped(parts[i], residents[i], bounds) for i in range(len(cells.sexes))])


def _flat(by_band: Floats, cells: Cube, ages: int) -> Floats:
    """Rates (sexes, A) that are the same inside each band."""
    band = np.searchsorted(cells.bounds, np.arange(ages), side="right") - 1
    return by_band.reshape(len(cells.sexes), -1)[:, band]


def _blocks(
    cells: Cube, service: str, settings: ForecastSettings, lived: Floats, recent: npt.NDArray[np.int64]
) -> Blocks:
    """Whole undisrupted years back from the last month, in the area that the register held, and compared with, all
    the time."""
    months = cells.panel.months
    back, area = _reach(cells, service, settings, lived)
    places = cells.places(area)
    counted, years = cells.of(service)[places].sum(axis=0), lived[places].sum(axis=0)
    known, time = counted[:, recent].sum(axis=1), years[:, recent].sum(axis=1)
    rates = np.divide(known, time, out=np.zeros_like(known), where=time > 0)
    expected, observed = rates @ years, counted.sum(axis=0)
    first, last = settings.disrupted(service)
    found = []
    for block in range(back):
        part = slice(len(months) - 12 * (block + 1), len(months) - 12 * block)
        inside = months[part]
        if ((inside >= first) & (inside <= last)).any() or not expected[part].sum() > 0:
            continue
        found.append((-float(block), observed[part].sum() / expected[part].sum()))
    rows = _without_start_up(np.array(found[::-1]).reshape(-1, 2))
    usual = 12 * float(cells.of(service)[..., recent].sum()) / len(recent)
    return Blocks(rows[:, 0], np.log(rows[:, 1]), usual)


def _without_start_up(rows: Floats) -> Floats:
    """Rows (y, 2) of year and index from the first year of ordinary size on."""
    rows = rows[rows[:, 1] > 0]
    return rows[int(np.argmax(rows[:, 1] >= START_UP * np.median(rows[:, 1]))) :] if len(rows) else rows


def _reach(cells: Cube, service: str, settings: ForecastSettings, lived: Floats) -> tuple[int, tuple[str, ...]]:
    """Whole years back that can be followed, and their municipalities with at least half of the residents."""
    panel = cells.panel
    now = lived[:, :, -12:].sum(axis=(1, 2))
    earliest = max(panel.first_month, panel.available_from)
    for back in range(settings.history_months // 12, 0, -1):
        first = panel.last_month - 12 * back + 1
        if first < earliest:
            continue
        area = cells.areas(service, first, panel.last_month)
        if now[cells.places(area)].sum() >= LEAST_PART * now.sum() > 0:
            return back, area
    return 0, ()
