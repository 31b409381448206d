"""What the register of the synthetic county holds: coverage, completeness, units and providers, by rule and
date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ennakointi.schema import PROVIDERS
from ennakointi.synthetic.calendar import Span
from ennakointi.synthetic.calibration import Calibration, Flags, Floats, Ints

STATUSES = ("complete", "partial", "none")
COMPLETE, PARTIAL, NONE = range(3)
_PARTIAL_SHARE = 0.9  # of the events of a partly covered cell that reach the register
_NOT_BASIC = ("emergency", "specialised_outpatient", "specialised_inpatient")
REGIONAL_UNITS = ("hospital", "digital_clinic")
_THIRD_SECTOR = {"wellbeing_activity": 0.6, "outreach": 0.4, "supported_employment": 0.2}
_PURCHASED = {"housing": 0.5, "home_care": 0.15}


@dataclass(frozen=True, eq=False)
class Register:
    """`status` (services, municipalities, months) position in STATUSES; `reaches` the share of events that
    arrive; `provider` (services, municipalities, months) position in schema.PROVIDERS of the cell's main
    provider."""

    status: Ints
    reaches: Floats
    provider: Ints

    @property
    def covered(self) -> Flags:
        """Completely covered cells."""
        covered: Flags = self.status == COMPLETE
        return covered


def unchanged(calibration: Calibration, span: Span) -> Register:
    """The register of a county whose organisers and producers never changed: it holds everything, all own."""
    shape = (len(calibration.services), len(calibration.municipalities), span.n_months)
    return Register(np.zeros(shape, np.int8), np.ones(shape), np.zeros(shape, np.int8))


def build(calibration: Calibration, span: Span) -> Register:
    """Coverage of every service, municipality and delivered month."""
    names, places = calibration.services, calibration.municipalities
    shape = (len(names), len(places), span.n_months)
    status, provider = np.zeros(shape, np.int8), np.zeros(shape, np.int8)
    months = span.first_month + np.arange(span.n_months)
    for rule in calibration.region.coverage:
        basic = np.array([s not in _NOT_BASIC for s in names])
        rows = basic if rule.services == "basic" else _among(names, rule.services)
        where = (months <= rule.until) & (months >= (rule.from_ or 0))
        block = np.ix_(rows, _among(places, rule.municipalities), where)
        status[block] = STATUSES.index(rule.status)
    for purchase in calibration.region.purchased:
        rows, columns = _among(names, purchase.services), _among(places, purchase.municipalities)
        provider[np.ix_(rows, columns, months >= purchase.from_)] = PROVIDERS.index("purchased")
    reaches = np.choose(status, [1.0, _PARTIAL_SHARE, 0.0])
    for month, share in calibration.region.completeness.items():
        reaches[:, :, months == month] *= share
    return Register(status, reaches, provider)


def _among(names: tuple[str, ...], chosen: str | list[str]) -> Flags:
    return np.array([chosen == "all" or name in chosen for name in names])


def unit_names(calibration: Calibration) -> tuple[str, ...]:
    """Codes of all units: before and after the county's start, by kind, by municipality."""
    kinds = unit_kinds(calibration)
    return tuple(
        f"{era}-{kind}" if kind in REGIONAL_UNITS else f"{era}-{kind}-{place}"
        for era in ("old", f"h{calibration.region.county_code}", "joint")
        for kind in kinds
        for place in calibration.municipalities
    )


def unit_kinds(calibration: Calibration) -> tuple[str, ...]:
    """Kinds of units in order."""
    return tuple(dict.fromkeys(s.unit for s in calibration.care.services.values()))


def unit_of(
    calibration: Calibration,
    kind: Ints,
    place: Ints,
    day: Ints,
    provider: Ints,
    span: Span,
) -> Ints:
    """Position of the unit in `unit_names` (k,)."""
    starts = int(span.month_starts[np.clip(calibration.region.county_starts - span.first_month, 0, span.n_months)])
    era = np.where(day >= starts, 1, 0)
    health_centre = unit_kinds(calibration).index("health_centre")
    era = np.where((provider == PROVIDERS.index("purchased")) & (kind == health_centre), 2, era)
    n_kinds, n_places = len(unit_kinds(calibration)), len(calibration.municipalities)
    regional = np.isin(kind, [unit_kinds(calibration).index(k) for k in REGIONAL_UNITS if k in unit_kinds(calibration)])
    return ((era * n_kinds + kind) * n_places + np.where(regional, 0, place)).astype(np.int16)


def providers(
    calibration: Calibration,
    register: Register,
    service: Ints,
    place: Ints,
    month: Ints,
    rng: np.random.Generator,
) -> Ints:
    """Provider of each contact (k,): the cell's main one, some third-sector and purchased services."""
    third = np.array([_THIRD_SECTOR.get(s, 0.0) for s in calibration.services])
    bought = np.array([_PURCHASED.get(s.unit, 0.0) for s in calibration.care.services.values()])
    u = rng.random(len(service))
    main = register.provider[service, place, month]
    main = np.where(u < third[service], PROVIDERS.index("third_sector"), main)
    return np.where(u > 1 - bought[service], PROVIDERS.index("purchased"), main).astype(np.int8)
